#include "../base/memory.h"
#include "../base/path.h"
#include "../base/process.h"
#include "disk.h"
#include "probe.h"
#include "seal.h"
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *ss_store_library(char *buffer, size_t size)
{
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(buffer, size, "HDF5 %u.%u.%u", major, minor, release);
    return buffer;
}

/* The sizes of a dataset that only the files of some sweeps have; they stay 0 where `link`, it or
 * its group, is missing. */
static ss_error find_sizes(const ss_store *store, const char *link, const char *name, int rank,
                           hsize_t *sizes)
{
    hid_t dataset = -1;
    hid_t space = -1;
    if (H5Lexists(store->file, link, H5P_DEFAULT) <= 0) {
        return SS_OK;
    }
    ss_error error = ss_store_open_dataset(store, name, rank, &dataset, &space, sizes);
    if (space >= 0) {
        H5Sclose(space);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return error;
}

/* Which parts of results it has, and of what sizes. */
static ss_error find_parts(ss_store *store)
{
    hsize_t multipliers[3] = {0};
    hsize_t iterates[5] = {0};
    hsize_t covariances[2] = {0};
    hsize_t gradients[2] = {0};
    SS_TRY(find_sizes(store, "certificate", "certificate/multipliers", 3, multipliers));
    SS_TRY(find_sizes(store, "iterate", "iterate", 5, iterates));
    SS_TRY(find_sizes(store, "covariance_error", "covariance_error/spectral", 2, covariances));
    SS_TRY(find_sizes(store, "gradient_error", "gradient_error/sampling", 2, gradients));
    store->shape.covariances = covariances[0] > 0;
    store->shape.gradients = gradients[0] > 0;
    store->shape.multipliers = (int64_t)multipliers[2];
    store->shape.iterate_rows = (int64_t)iterates[3];
    store->shape.iterate_columns = (int64_t)iterates[4];
    return SS_OK;
}

static ss_error open_datasets(ss_store *store)
{
    hsize_t error_sizes[3] = {0};
    hsize_t run_sizes[2] = {0};
    SS_TRY(
        ss_store_open_dataset(store, "error", 3, &store->error, &store->error_space, error_sizes));
    SS_TRY(ss_store_open_dataset(store, "run", 2, &store->run, &store->run_space, run_sizes));
    hid_t type = H5Dget_type(store->run);
    bool same_type = H5Tequal(type, store->record_type) > 0;
    H5Tclose(type);
    if (!same_type || run_sizes[0] != error_sizes[0] || run_sizes[1] != error_sizes[1]) {
        return ss_store_damaged(store, "/run and /error do not fit together");
    }
    store->shape = (ss_store_shape){
        .cells = (int64_t)error_sizes[0],
        .seeds = (int64_t)error_sizes[1],
        .checkpoints = (int64_t)error_sizes[2],
    };
    return find_parts(store);
}

/* Closes and frees all that is open; negative if the file could not be closed. */
static herr_t release(ss_store *store)
{
    herr_t status = 0;
    hid_t spaces[] = {store->error_space, store->run_space};
    hid_t datasets[] = {store->error, store->run};
    hid_t types[] = {store->record_type, store->string_type};
    for (int i = 0; i < 2; i++) {
        if (spaces[i] > 0) {
            H5Sclose(spaces[i]);
        }
        if (datasets[i] > 0) {
            H5Dclose(datasets[i]);
        }
        if (types[i] > 0) {
            H5Tclose(types[i]);
        }
    }
    if (store->raw != MPI_FILE_NULL) {
        MPI_File_close(&store->raw);
    }
    if (store->file > 0) {
        status = H5Fclose(store->file);
    }
    if (store->descriptor >= 0) {
        close(store->descriptor);
    }
    free(store->path);
    free(store);
    return status;
}

static ss_error open_file(ss_store *store, hid_t properties)
{
    store->file = H5Fopen(store->path, H5F_ACC_RDONLY, properties);
    if (store->file < 0) {
        return ss_store_damaged(
            store, "is not a whole HDF5 file; restore it from a copy, or name another");
    }
    store->string_type = ss_layout_string_type();
    if (!ss_store_read_integer(store, "format_version", &store->version) ||
        !ss_store_knows(store->version)) {
        return ss_store_damaged(store, "its format_version is none that this program reads");
    }
    store->record_type = ss_layout_record_type(store->version);
    SS_TRY(open_datasets(store));
    return ss_store_find_ranges(store, store->ranges);
}

/* HDF5 1.10 crashes when a write fails, and writes the superblock of every file that it may write
 * when it closes it. So it only ever reads, and all that changes in the file is written past it,
 * through `descriptor`, which becomes the store's (closed after an error), and MPI. */
static ss_error open_store(const char *path, int descriptor, hid_t properties, ss_store **out)
{
    ss_store *store = NULL;
    *out = NULL;
    ss_layout_begin();
    if (ss_allocate(1, sizeof *store, &store) != SS_OK) {
        close(descriptor);
        return SS_ERR_MEMORY;
    }
    store->descriptor = descriptor;
    store->raw = MPI_FILE_NULL;
    ss_error error = ss_allocate(strlen(path) + 1, 1, &store->path);
    if (error == SS_OK) {
        strcpy(store->path, path);
        error = open_file(store, properties);
    }
    if (error != SS_OK) {
        release(store);
        return error;
    }
    *out = store;
    return SS_OK;
}

static ss_error open_to_read(const char *path, ss_store **store)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    return descriptor < 0 ? ss_fail(SS_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno))
                          : open_store(path, descriptor, H5P_DEFAULT, store);
}

ss_error ss_store_open_for_reading(const char *path, ss_store **store)
{
    *store = NULL;
    SS_TRY(ss_seal_check(path));
    return open_to_read(path, store);
}

ss_error ss_store_open_unsealed(const char *path, ss_store **store)
{
    int64_t version = 0;
    *store = NULL;
    if (ss_probe_file(path, &version) != SS_PROBE_OURS || !ss_store_knows(version)) {
        ss_error error = ss_seal_check(path); /* says what it is */
        return error == SS_OK ? ss_fail(SS_ERR_FORMAT, "%s: HDF5 cannot open it", path) : error;
    }
    return open_to_read(path, store);
}

/* The collective opens would wait for ever for a rank that cannot take part. */
static ss_error open_everywhere(const char *path, MPI_Comm comm, int *descriptor)
{
    *descriptor = open(path, O_RDWR | O_CLOEXEC);
    int here = *descriptor >= 0;
    int cause = errno;
    int everywhere = 0;
    MPI_Allreduce(&here, &everywhere, 1, MPI_INT, MPI_MIN, comm);
    if (here && !everywhere) {
        close(*descriptor);
    }
    if (!here) {
        return ss_fail(SS_ERR_IO,
                       "%s: cannot be written on host %s: %s; name a file on a file system that "
                       "all hosts share",
                       path, ss_process_host(), strerror(cause));
    }
    return everywhere ? SS_OK : SS_ERR_ELSEWHERE;
}

/* Rank 0 alone reads all that the seal vouches for. */
static ss_error check_seal(const char *path, MPI_Comm comm)
{
    int rank;
    int good = 1;
    ss_error error = SS_OK;
    MPI_Comm_rank(comm, &rank);
    if (rank == 0) {
        error = ss_seal_check(path);
        good = error == SS_OK;
    }
    MPI_Bcast(&good, 1, MPI_INT, 0, comm);
    return good || rank == 0 ? error : SS_ERR_ELSEWHERE;
}

/* On all ranks alike: the file is the same for all. */
static ss_error prepare_to_write(ss_store *store, MPI_Comm comm)
{
    char reason[MPI_MAX_ERROR_STRING] = "";
    int length;
    int code = MPI_File_open(comm, store->path, MPI_MODE_RDWR, MPI_INFO_NULL, &store->raw);
    if (code == MPI_SUCCESS) {
        return SS_OK;
    }
    MPI_Error_string(code, reason, &length);
    return ss_fail(SS_ERR_IO, "%s: cannot be opened for writing: %s", store->path, reason);
}

ss_error ss_store_open_for_writing(const char *path, MPI_Comm comm, ss_store **store)
{
    int descriptor;
    *store = NULL;
    SS_TRY(check_seal(path, comm));
    SS_TRY(open_everywhere(path, comm, &descriptor));
    /* Open MPI 4 cannot open some relative names without a slash ("a"). */
    char *absolute = realpath(path, NULL);
    hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(properties, comm, MPI_INFO_NULL);
    ss_error error = open_store(absolute ? absolute : path, descriptor, properties, store);
    H5Pclose(properties);
    free(absolute);
    if (error == SS_OK) {
        error = prepare_to_write(*store, comm);
    }
    if (error != SS_OK && *store) {
        release(*store);
        *store = NULL;
    }
    return error;
}

ss_error ss_store_close(ss_store **store)
{
    char path[256];
    snprintf(path, sizeof path, "%s", (*store)->path);
    herr_t status = release(*store);
    *store = NULL;
    return status < 0 ? ss_layout_fail(SS_ERR_IO, path, "cannot be closed") : SS_OK;
}

ss_store_shape ss_store_shape_of(const ss_store *store)
{
    return store->shape;
}

ss_error ss_store_sync(ss_store *store)
{
    if (fdatasync(store->descriptor) != 0) {
        return ss_disk_failed(store->path, "cannot be synced", errno);
    }
    return ss_path_names(store->path, store->descriptor)
               ? SS_OK
               : ss_fail(SS_ERR_IO,
                         "%s: has been removed or renamed while it was being written; what is "
                         "committed is in the file that had this name: give it back, if there is "
                         "one, and repeat the command",
                         store->path);
}

ss_error ss_store_read_records(const ss_store *store, int64_t cell, int64_t seed_index,
                               int64_t count, ss_record *records)
{
    hsize_t start[2] = {(hsize_t)cell, (hsize_t)seed_index};
    hsize_t size[2] = {1, (hsize_t)count};
    herr_t status = ss_store_read_box(store->run, store->run_space, store->record_type, 2, start,
                                      size, records);
    return status < 0 ? ss_layout_fail(SS_ERR_IO, store->path, "/run cannot be read") : SS_OK;
}

static ss_error read_trajectories(const ss_store *store, int64_t cell, int64_t seed_index,
                                  int64_t count, double *trajectories)
{
    hsize_t start[3] = {(hsize_t)cell, (hsize_t)seed_index, 0};
    hsize_t size[3] = {1, (hsize_t)count, (hsize_t)store->shape.checkpoints};
    herr_t status = ss_store_read_box(store->error, store->error_space, H5T_NATIVE_DOUBLE, 3, start,
                                      size, trajectories);
    return status < 0 ? ss_layout_fail(SS_ERR_IO, store->path, "/error cannot be read") : SS_OK;
}

/* The values from one run's results to the next one's. */
static int64_t results_stride(const ss_store *store)
{
    int64_t stride = store->shape.checkpoints;
    for (int part = 0; part < RESULT_PARTS; part++) {
        stride += ss_boxes_values(ss_store_part_room(&store->shape, part));
    }
    return stride;
}

ss_error ss_store_read_results(const ss_store *store, int64_t cell, int64_t seed_index,
                               int64_t count, const ss_run *run, double *results)
{
    ss_store_shape shape = store->shape;
    int64_t stride = results_stride(store);
    if (stride == shape.checkpoints) {
        return read_trajectories(store, cell, seed_index, count, results);
    }
    for (int64_t i = 0; i < count; i++, results += stride) {
        SS_TRY(read_trajectories(store, cell, seed_index + i, 1, results));
        SS_TRY(ss_store_read_parts(store, cell, seed_index + i, run, results + shape.checkpoints));
    }
    return SS_OK;
}

/* Writes bytes of a dataset in place. MPI may write in part and knows no reasons: where it does not
 * write all, the system does, or says why not. */
ss_error ss_store_write_in_place(ss_store *store, const char *what, int range, MPI_Offset start,
                                 const void *data, size_t bytes)
{
    MPI_Status status;
    MPI_Offset offset = store->ranges[range].offset + start;
    int written = 0;
    if (MPI_File_write_at(store->raw, offset, data, (int)bytes, MPI_BYTE, &status) == MPI_SUCCESS) {
        MPI_Get_count(&status, MPI_BYTE, &written);
    }
    if (written == (int)bytes) {
        return SS_OK;
    }
    int cause = ss_disk_write(store->descriptor, data, bytes, offset);
    return cause == 0 ? SS_OK : ss_disk_failed(store->path, what, cause);
}

_Static_assert(SS_RUN_DONE < SS_RUN_DIVERGED && SS_RUN_DIVERGED < SS_RUN_FAILED &&
                   SS_RUN_FAILED < SS_RUN_PARTIAL,
               "of two runs that have begun, the lesser status is the one with more results");

/* The file has more of this run than the record would vouch for: another program has written it
 * meanwhile, which no lock has kept away. Nothing is more than DONE, so what is committed most
 * often costs no look. What cannot be read counts as nothing. */
static bool has_more(const ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                     const ss_record *record)
{
    ss_record found;
    double *results = NULL;
    int64_t place = cell * store->shape.seeds + seed_index;
    off_t offset = store->ranges[SS_RANGE_RUN].offset + place * (off_t)sizeof found;
    if (record->status == SS_RUN_DONE ||
        ss_disk_read(store->descriptor, &found, sizeof found, offset) != 0 ||
        !ss_record_committed(&found) || found.status >= record->status ||
        ss_allocate((size_t)results_stride(store), sizeof *results, &results) != SS_OK) {
        return false;
    }
    bool more = ss_store_read_results(store, cell, seed_index, 1, run, results) == SS_OK &&
                ss_record_trusted(&found, run, results);
    free(results);
    return more;
}

static ss_error write_record(ss_store *store, int64_t cell, int64_t seed_index,
                             const ss_record *record)
{
    MPI_Offset run = cell * store->shape.seeds + seed_index;
    return ss_store_write_in_place(store, SS_STORE_RUN_NOT_WRITTEN, SS_RANGE_RUN,
                                   run * (MPI_Offset)sizeof *record, record, sizeof *record);
}

ss_error ss_store_commit(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                         const ss_record *record, const double *results)
{
    if (has_more(store, cell, seed_index, run, record)) {
        return SS_OK;
    }
    size_t bytes = (size_t)store->shape.checkpoints * sizeof *results;
    MPI_Offset start = (cell * store->shape.seeds + seed_index) * (MPI_Offset)bytes;
    SS_TRY(ss_store_write_in_place(store, SS_STORE_RUN_NOT_WRITTEN, SS_RANGE_ERROR, start, results,
                                   bytes));
    SS_TRY(ss_store_write_parts(store, cell, seed_index, run, results + store->shape.checkpoints));
    return write_record(store, cell, seed_index, record);
}

ss_error ss_store_mark(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                       const ss_record *record)
{
    return has_more(store, cell, seed_index, run, record)
               ? SS_OK
               : write_record(store, cell, seed_index, record);
}

/* The row of a band of one cell. */
typedef struct band_row {
    void *values;
    MPI_Offset start; /* in its dataset */
    size_t bytes;
} band_row;

_Static_assert(sizeof(int64_t) == sizeof(double), "all bands have rows of the same bytes");

static band_row row_of(const ss_bands *bands, int band, int64_t cell)
{
    size_t bytes = (size_t)bands->checkpoints * sizeof(double);
    return (band_row){
        .values = band == SS_STATISTIC_COUNT ? (void *)bands->count : bands->statistic[band],
        .start = cell * (MPI_Offset)bytes,
        .bytes = bytes,
    };
}

ss_error ss_store_read_bands(const ss_store *store, ss_quantity quantity, int64_t cell,
                             ss_bands *bands)
{
    for (int band = 0; band < BAND_DATASETS; band++) {
        band_row row = row_of(bands, band, cell);
        int cause =
            ss_disk_read(store->descriptor, row.values, row.bytes,
                         store->ranges[ss_range_of_band(quantity, band)].offset + row.start);
        if (cause != 0) {
            return ss_fail(SS_ERR_IO, "%s: the bands cannot be read: %s", store->path,
                           strerror(cause));
        }
    }
    return SS_OK;
}

ss_error ss_store_write_bands(ss_store *store, ss_quantity quantity, int64_t cell,
                              const ss_bands *bands)
{
    for (int band = 0; band < BAND_DATASETS; band++) {
        band_row row = row_of(bands, band, cell);
        SS_TRY(ss_store_write_in_place(store, "the bands cannot be written",
                                       ss_range_of_band(quantity, band), row.start, row.values,
                                       row.bytes));
    }
    return SS_OK;
}

bool ss_store_has_executions(const ss_store *store)
{
    return store->ranges[SS_RANGE_EXECUTION].bytes > 0;
}

ss_error ss_store_read_executions(const ss_store *store,
                                  ss_execution_record records[SS_EXECUTION_ROWS])
{
    size_t bytes = SS_EXECUTION_ROWS * sizeof *records;
    memset(records, 0, bytes);
    if (!ss_store_has_executions(store)) {
        return SS_OK;
    }
    int cause =
        ss_disk_read(store->descriptor, records, bytes, store->ranges[SS_RANGE_EXECUTION].offset);
    return cause == 0 ? SS_OK
                      : ss_fail(SS_ERR_IO, "%s: /execution cannot be read: %s", store->path,
                                strerror(cause));
}

ss_error ss_store_write_execution(ss_store *store, int row, const ss_execution_record *record)
{
    return ss_store_has_executions(store)
               ? ss_store_write_in_place(store, "the record of an execution cannot be written",
                                         SS_RANGE_EXECUTION, row * (MPI_Offset)sizeof *record,
                                         record, sizeof *record)
               : SS_OK;
}
