#include "../base/memory.h"
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
    store->file = H5Fopen(store->path, flags, properties);
    if (store->file < 0) {
        return ss_store_damaged(
            store, "is not a whole HDF5 file; restore it from a copy, or name another");
    }
    store->string_type = ss_layout_string_type();
    store->record_type = ss_layout_record_type();
    return open_datasets(store);
}

static ss_error open_store(const char *path, unsigned flags, hid_t properties, ss_store **out)
{
    ss_store *store = NULL;
    *out = NULL;
    ss_layout_begin();
    SS_TRY(ss_allocate(1, sizeof *store, &store));
    store->descriptor = -1;
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
    *store = NULL;
    SS_TRY(ss_seal_check(path));
    return open_store(path, H5F_ACC_RDONLY, H5P_DEFAULT, store);
}

ss_error ss_store_open_unsealed(const char *path, ss_store **store)
{
    int64_t version = 0;
    *store = NULL;
    if (ss_probe_file(path, &version) != SS_PROBE_OURS || version != SS_STORE_FORMAT_VERSION) {
        ss_error error = ss_seal_check(path); /* says what it is */
        return error == SS_OK ? ss_fail(SS_ERR_FORMAT, "%s: HDF5 cannot open it", path) : error;
    }
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

/* HDF5 takes 2 to 3 µs to find out, write by write, that a run's row is one plain stretch of the
 * file; as that never changes, commits need to know it once (docs/scheduling.md). */
static void find_stretches(ss_store *store)
{
    void *handle = NULL;
    haddr_t error_at = H5Dget_offset(store->error);
    haddr_t run_at = H5Dget_offset(store->run);
    hid_t type = H5Dget_type(store->error);
    bool plain =
        H5Tequal(type, H5T_NATIVE_DOUBLE) > 0 && error_at != HADDR_UNDEF && run_at != HADDR_UNDEF;
    H5Tclose(type);
    if (plain && H5Fget_vfd_handle(store->file, H5P_DEFAULT, &handle) >= 0) {
        store->raw = handle;
        store->error_at = (MPI_Offset)error_at;
        store->run_at = (MPI_Offset)run_at;
    }
}

ss_error ss_store_open_for_writing(const char *path, MPI_Comm comm, ss_store **store)
{
    *store = NULL;
    SS_TRY(check_seal(path, comm));
    SS_TRY(check_visible(path, comm));
    /* Open MPI 4 cannot open some relative names without a slash ("a"). */
    char *absolute = realpath(path, NULL);
    hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(properties, comm, MPI_INFO_NULL);
    ss_error error = open_store(absolute ? absolute : path, H5F_ACC_RDWR, properties, store);
    H5Pclose(properties);
    free(absolute);
    if (error == SS_OK) {
        (*store)->descriptor = open(path, O_RDWR | O_CLOEXEC);
        find_stretches(*store);
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
        return ss_fail(SS_ERR_IO, "%s: cannot be synced: %s", store->path, strerror(errno));
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

static ss_error commit_failed(const ss_store *store, const char *reason)
{
    return ss_fail(SS_ERR_IO,
                   "%s: a run cannot be written%s%s; is the disk full? What was committed is safe: "
                   "repeat the command to go on",
                   store->path, reason[0] ? ": " : "", reason);
}

/* Writes bytes in place through the file handle that HDF5 writes with, too. */
static ss_error write_raw(ss_store *store, MPI_Offset offset, const void *data, size_t bytes)
{
    MPI_Status status;
    int written = 0;
    int code = MPI_File_write_at(*store->raw, offset, data, (int)bytes, MPI_BYTE, &status);
    if (code != MPI_SUCCESS) {
        char reason[MPI_MAX_ERROR_STRING] = "";
        int length;
        MPI_Error_string(code, reason, &length);
        return commit_failed(store, reason);
    }
    MPI_Get_count(&status, MPI_BYTE, &written);
    return (size_t)written == bytes ? SS_OK : commit_failed(store, "it was written in part");
}

static ss_error commit_raw(ss_store *store, int64_t cell, int64_t seed_index,
                           const ss_record *record, const double *trajectory)
{
    MPI_Offset run = cell * store->shape.seeds + seed_index;
    size_t row = (size_t)store->shape.checkpoints * sizeof *trajectory;
    SS_TRY(write_raw(store, store->error_at + run * (MPI_Offset)row, trajectory, row));
    return write_raw(store, store->run_at + run * (MPI_Offset)sizeof *record, record,
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
    return status < 0 ? commit_failed(store, "") : SS_OK;
}

ss_error ss_store_commit(ss_store *store, int64_t cell, int64_t seed_index, const ss_record *record,
                         const double *trajectory)
{
    return (store->raw ? commit_raw : commit_through_hdf5)(store, cell, seed_index, record,
                                                           trajectory);
}

/* The dataset of a statistic, opened once. */
static hid_t band_dataset(ss_store *store, ss_quantity quantity, int band)
{
    hid_t *dataset = &store->bands[quantity][band];
    if (*dataset <= 0) {
        char name[64];
        *dataset = H5Dopen2(store->file, ss_layout_band_name(quantity, band, name, sizeof name),
                            H5P_DEFAULT);
    }
    return *dataset;
}

ss_error ss_store_write_bands(ss_store *store, ss_quantity quantity, int64_t cell,
                              const ss_bands *bands)
{
    hsize_t start[2] = {(hsize_t)cell, 0};
    hsize_t size[2] = {1, (hsize_t)bands->checkpoints};
    for (int band = 0; band < BAND_DATASETS; band++) {
        bool count = band == SS_STATISTIC_COUNT;
        hid_t dataset = band_dataset(store, quantity, band);
        hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
        herr_t status =
            space < 0
                ? -1
                : ss_store_move(SS_WRITE, dataset, space,
                                count ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, 2, start, size,
                                count ? (void *)bands->count : (void *)bands->statistic[band]);
        if (space >= 0) {
            H5Sclose(space);
        }
        if (status < 0) {
            return ss_layout_fail(SS_ERR_IO, store->path, "the bands cannot be written");
        }
    }
    return SS_OK;
}
