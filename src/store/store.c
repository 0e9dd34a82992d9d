#include "../base/memory.h"
#include "store_private.h"
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static ss_error check_format(const ss_store *store)
{
    char *format = ss_store_read_text(store, "format");
    bool ours = format && strcmp(format, SS_STORE_FORMAT) == 0;
    H5free_memory(format);
    int64_t version = 0;
    if (!ours || !ss_store_read_integer(store, "format_version", &version)) {
        return ss_fail(SS_ERR_FORMAT,
                       "%s: is not a result file of saddlesweep (its attribute \"format\" is not "
                       "\"" SS_STORE_FORMAT "\"); name another file",
                       store->path);
    }
    if (version != SS_STORE_FORMAT_VERSION) {
        return ss_fail(SS_ERR_FORMAT,
                       "%s: has format_version %" PRId64 ", this program reads %d; use the "
                       "program that wrote it",
                       store->path, version, SS_STORE_FORMAT_VERSION);
    }
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
    return SS_OK;
}

/* Closes and frees all that is open; negative if the file could not be closed. */
static herr_t release(ss_store *store)
{
    herr_t status = 0;
    for (int q = 0; q < SS_QUANTITIES; q++) {
        for (int b = 0; b < BAND_DATASETS; b++) {
            if (store->bands[q][b] > 0) {
                H5Dclose(store->bands[q][b]);
            }
        }
    }
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

static ss_error open_file(ss_store *store, unsigned flags, hid_t properties)
{
    if (access(store->path, R_OK) != 0) {
        return ss_fail(SS_ERR_USAGE, "%s: cannot be opened: %s", store->path, strerror(errno));
    }
    struct stat information;
    if (stat(store->path, &information) == 0 && S_ISDIR(information.st_mode)) {
        return ss_fail(SS_ERR_USAGE, "%s: is a folder; name a file", store->path);
    }
    store->file = H5Fopen(store->path, flags, properties);
    if (store->file < 0) {
        return ss_store_damaged(
            store, "is not a whole HDF5 file; restore it from a copy, or name another");
    }
    store->string_type = ss_layout_string_type();
    store->record_type = ss_layout_record_type();
    SS_TRY(check_format(store));
    return open_datasets(store);
}

static ss_error open_store(const char *path, unsigned flags, hid_t properties, ss_store **out)
{
    ss_store *store = NULL;
    *out = NULL;
    ss_layout_begin();
    SS_TRY(ss_allocate(1, sizeof *store, &store));
    store->descriptor = -1;
    store->raw = MPI_FILE_NULL;
    ss_error error = ss_allocate(strlen(path) + 1, 1, &store->path);
    if (error == SS_OK) {
        strcpy(store->path, path);
        error = open_file(store, flags, properties);
    }
    if (error != SS_OK) {
        release(store);
        return error;
    }
    *out = store;
    return SS_OK;
}

ss_error ss_store_open_for_reading(const char *path, ss_store **store)
{
    return open_store(path, H5F_ACC_RDONLY, H5P_DEFAULT, store);
}

/* The collective open would wait for ever for a rank that cannot take part. */
static ss_error check_visible(const char *path, MPI_Comm comm)
{
    int here = access(path, R_OK | W_OK) == 0;
    int cause = errno;
    int everywhere = 0;
    MPI_Allreduce(&here, &everywhere, 1, MPI_INT, MPI_MIN, comm);
    if (!here) {
        char host[256] = "";
        gethostname(host, sizeof host - 1);
        return ss_fail(SS_ERR_IO,
                       "%s: cannot be written on host %s: %s; name a file on a file system that "
                       "all hosts share",
                       path, host, strerror(cause));
    }
    return everywhere ? SS_OK : SS_ERR_ELSEWHERE;
}

/* The dataset of a statistic, opened once. */
static hid_t band_dataset(ss_store *store, int quantity, int band)
{
    hid_t *dataset = &store->bands[quantity][band];
    if (*dataset <= 0) {
        const char *statistic =
            band == SS_STATISTIC_COUNT ? "count" : ss_statistic_name((ss_statistic)band);
        char name[64];
        snprintf(name, sizeof name, "%s/%s", ss_layout_quantity_groups[quantity], statistic);
        *dataset = H5Dopen2(store->file, name, H5P_DEFAULT);
    }
    return *dataset;
}

/* Whether the dataset is one plain stretch of the file, of this type; where it begins. */
static bool find_stretch(hid_t dataset, hid_t wanted, MPI_Offset *at)
{
    if (dataset < 0) {
        return false;
    }
    hid_t type = H5Dget_type(dataset);
    haddr_t offset = H5Dget_offset(dataset);
    bool plain = H5Tequal(type, wanted) > 0 && offset != HADDR_UNDEF;
    H5Tclose(type);
    *at = (MPI_Offset)offset;
    return plain;
}

/* HDF5 takes 2 to 3 µs to find out, write by write, that a run's row is one plain stretch of the
 * file; as that never changes, writers need to know it once (docs/scheduling.md). */
static bool find_stretches(ss_store *store)
{
    bool plain = find_stretch(store->error, H5T_NATIVE_DOUBLE, &store->error_at) &&
                 find_stretch(store->run, store->record_type, &store->run_at);
    for (int i = 0; i < SS_QUANTITIES * BAND_DATASETS && plain; i++) {
        int quantity = i / BAND_DATASETS;
        int band = i % BAND_DATASETS;
        hid_t type = band == SS_STATISTIC_COUNT ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
        plain = find_stretch(band_dataset(store, quantity, band), type,
                             &store->bands_at[quantity][band]);
    }
    return plain;
}

/* HDF5 1.10 crashes when a write fails, also one at its end. So it reads only, and all that changes
 * in the file is written past it; but for a file that another tool has laid out anew. */
static ss_error open_to_write(const char *path, MPI_Comm comm, hid_t properties, ss_store **store)
{
    SS_TRY(open_store(path, H5F_ACC_RDONLY, properties, store));
    if (!find_stretches(*store)) {
        release(*store);
        return open_store(path, H5F_ACC_RDWR, properties, store);
    }
    int code = MPI_File_open(comm, (char *)path, MPI_MODE_RDWR, MPI_INFO_NULL, &(*store)->raw);
    if (code == MPI_SUCCESS) {
        return SS_OK;
    }
    char reason[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(code, reason, &length);
    release(*store);
    *store = NULL;
    return ss_fail(SS_ERR_IO, "%s: cannot be opened for writing: %s", path, reason);
}

ss_error ss_store_open_for_writing(const char *path, MPI_Comm comm, ss_store **store)
{
    *store = NULL;
    SS_TRY(check_visible(path, comm));
    /* Open MPI 4 cannot open some relative names without a slash ("a"). */
    char *absolute = realpath(path, NULL);
    hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(properties, comm, MPI_INFO_NULL);
    ss_error error = open_to_write(absolute ? absolute : path, comm, properties, store);
    H5Pclose(properties);
    free(absolute);
    if (error == SS_OK) {
        (*store)->descriptor = open(path, O_RDWR | O_CLOEXEC);
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
    if (store->descriptor >= 0 && fdatasync(store->descriptor) != 0) {
        return ss_write_failed(store->path, "cannot be synced", errno);
    }
    return SS_OK;
}

ss_error ss_store_read_records(const ss_store *store, int64_t cell, int64_t seed_index,
                               int64_t count, ss_record *records)
{
    hsize_t start[2] = {(hsize_t)cell, (hsize_t)seed_index};
    hsize_t size[2] = {1, (hsize_t)count};
    herr_t status = ss_store_move(SS_READ, store->run, store->run_space, store->record_type, 2,
                                  start, size, records);
    return status < 0 ? ss_layout_fail(SS_ERR_IO, store->path, "/run cannot be read") : SS_OK;
}

ss_error ss_store_read_trajectories(const ss_store *store, int64_t cell, int64_t seed_index,
                                    int64_t count, double *trajectories)
{
    hsize_t start[3] = {(hsize_t)cell, (hsize_t)seed_index, 0};
    hsize_t size[3] = {1, (hsize_t)count, (hsize_t)store->shape.checkpoints};
    herr_t status = ss_store_move(SS_READ, store->error, store->error_space, H5T_NATIVE_DOUBLE, 3,
                                  start, size, trajectories);
    return status < 0 ? ss_layout_fail(SS_ERR_IO, store->path, "/error cannot be read") : SS_OK;
}

/* Writes bytes in place. MPI may write in part and knows no reasons: where it does not write all,
 * the system does, or says why not. */
static ss_error write_raw(ss_store *store, const char *what, MPI_Offset offset, const void *data,
                          size_t bytes)
{
    MPI_Status status;
    int written = 0;
    if (MPI_File_write_at(store->raw, offset, data, (int)bytes, MPI_BYTE, &status) == MPI_SUCCESS) {
        MPI_Get_count(&status, MPI_BYTE, &written);
    }
    if (written == (int)bytes) {
        return SS_OK;
    }
    int cause = ss_write_whole(store->descriptor, data, bytes, offset);
    return cause == 0 ? SS_OK : ss_write_failed(store->path, what, cause);
}

static const char not_committed[] = "a run cannot be written";

static ss_error commit_raw(ss_store *store, int64_t cell, int64_t seed_index,
                           const ss_record *record, const double *trajectory)
{
    MPI_Offset run = cell * store->shape.seeds + seed_index;
    size_t row = (size_t)store->shape.checkpoints * sizeof *trajectory;
    SS_TRY(
        write_raw(store, not_committed, store->error_at + run * (MPI_Offset)row, trajectory, row));
    return write_raw(store, not_committed, store->run_at + run * (MPI_Offset)sizeof *record, record,
                     sizeof *record);
}

static ss_error commit_through_hdf5(ss_store *store, int64_t cell, int64_t seed_index,
                                    const ss_record *record, const double *trajectory)
{
    hsize_t start[3] = {(hsize_t)cell, (hsize_t)seed_index, 0};
    hsize_t row[3] = {1, 1, (hsize_t)store->shape.checkpoints};
    hsize_t one[2] = {1, 1};
    herr_t status = ss_store_move(SS_WRITE, store->error, store->error_space, H5T_NATIVE_DOUBLE, 3,
                                  start, row, (void *)trajectory);
    if (status >= 0) {
        status = ss_store_move(SS_WRITE, store->run, store->run_space, store->record_type, 2, start,
                               one, (void *)record);
    }
    return status < 0 ? ss_layout_fail(SS_ERR_IO, store->path, not_committed) : SS_OK;
}

ss_error ss_store_commit(ss_store *store, int64_t cell, int64_t seed_index, const ss_record *record,
                         const double *trajectory)
{
    return (store->raw != MPI_FILE_NULL ? commit_raw : commit_through_hdf5)(store, cell, seed_index,
                                                                            record, trajectory);
}

static const char no_bands[] = "the bands cannot be written";

static ss_error write_band_through_hdf5(ss_store *store, hid_t dataset, int64_t cell,
                                        int64_t checkpoints, hid_t type, const void *values)
{
    hsize_t start[2] = {(hsize_t)cell, 0};
    hsize_t size[2] = {1, (hsize_t)checkpoints};
    hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
    herr_t status =
        space < 0 ? -1
                  : ss_store_move(SS_WRITE, dataset, space, type, 2, start, size, (void *)values);
    if (space >= 0) {
        H5Sclose(space);
    }
    return status < 0 ? ss_layout_fail(SS_ERR_IO, store->path, no_bands) : SS_OK;
}

ss_error ss_store_write_bands(ss_store *store, ss_quantity quantity, int64_t cell,
                              const ss_bands *bands)
{
    size_t row = (size_t)bands->checkpoints * sizeof(double);
    for (int band = 0; band < BAND_DATASETS; band++) {
        bool count = band == SS_STATISTIC_COUNT;
        const void *values = count ? (void *)bands->count : (void *)bands->statistic[band];
        if (store->raw != MPI_FILE_NULL) {
            SS_TRY(write_raw(store, no_bands,
                             store->bands_at[quantity][band] + cell * (MPI_Offset)row, values,
                             row));
        } else {
            SS_TRY(write_band_through_hdf5(store, band_dataset(store, quantity, band), cell,
                                           bands->checkpoints,
                                           count ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, values));
        }
    }
    return SS_OK;
}
