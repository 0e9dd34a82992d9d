/* Opening and closing a result file. */
#include "../base/memory.h"
#include "../base/process.h"
#include "disk.h"
#include "probe.h"
#include "seal.h"
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ss_error find_sizes(const ss_store *store, const char *name, int rank, hsize_t *sizes)
{
    hid_t dataset = -1;
    hid_t space = -1;
    ss_error error = ss_store_open_dataset(store, name, rank, &dataset, &space, sizes);
    if (space >= 0) {
        H5Sclose(space);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return error;
}

/* The sizes of a dataset that only the files of some sweeps have; they stay 0 where `link`, it or
 * its group, is missing. */
static ss_error find_optional(const ss_store *store, const char *link, const char *name, int rank,
                              hsize_t *sizes)
{
    return H5Lexists(store->file, link, H5P_DEFAULT) > 0 ? find_sizes(store, name, rank, sizes)
                                                         : SS_OK;
}

/* Which parts of results it has, and of what sizes. */
static ss_error find_parts(ss_store *store)
{
    hsize_t multipliers[3] = {0};
    hsize_t iterates[5] = {0};
    hsize_t covariances[2] = {0};
    hsize_t gradients[2] = {0};
    SS_TRY(find_optional(store, "certificate", "certificate/multipliers", 3, multipliers));
    SS_TRY(find_optional(store, "iterate", "iterate", 5, iterates));
    SS_TRY(find_optional(store, "covariance_error", "covariance_error/spectral", 2, covariances));
    SS_TRY(find_optional(store, "gradient_error", "gradient_error/sampling", 2, gradients));
    store->shape.covariances = covariances[0] > 0;
    store->shape.gradients = gradients[0] > 0;
    store->shape.multipliers = (int64_t)multipliers[2];
    store->shape.iterate_rows = (int64_t)iterates[3];
    store->shape.iterate_columns = (int64_t)iterates[4];
    return SS_OK;
}

static ss_error find_shape(ss_store *store)
{
    hsize_t error_sizes[3] = {0};
    hsize_t run_sizes[2] = {0};
    SS_TRY(find_sizes(store, "error", 3, error_sizes));
    SS_TRY(find_sizes(store, "run", 2, run_sizes));
    if (run_sizes[0] != error_sizes[0] || run_sizes[1] != error_sizes[1]) {
        return ss_store_damaged(store, "/run and /error do not fit together");
    }
    store->shape = (ss_store_shape){
        .cells = (int64_t)error_sizes[0],
        .seeds = (int64_t)error_sizes[1],
        .checkpoints = (int64_t)error_sizes[2],
    };
    return find_parts(store);
}

static void close_targets(ss_store *store)
{
    for (int range = 0; range < SS_RANGES; range++) {
        ss_store_target *target = &store->targets[range];
        if (target->dataset > 0) {
            H5Sclose(target->memory);
            H5Sclose(target->space);
            H5Tclose(target->type);
            H5Dclose(target->dataset);
        }
    }
}

/* What HDF5 has of it. Closing writes the superblock once more, as it is: if that fails, nothing is
 * lost. */
static void close_hdf5(ss_store *store)
{
    hid_t types[] = {store->record_type, store->string_type};
    for (int i = 0; i < 2; i++) {
        if (types[i] > 0) {
            H5Tclose(types[i]);
        }
    }
    close_targets(store);
    if (store->file > 0) {
        H5Fclose(store->file);
    }
}

/* HDF5 1.10 crashes when it closes a file that it could not write: then it keeps what it has until
 * the process ends. It closes a file on all ranks, or on none. */
static void release(ss_store *store)
{
    int failed = store->hdf5_failed;
    if (store->comm != MPI_COMM_NULL) {
        MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, store->comm);
    }
    if (!failed) {
        close_hdf5(store);
    }
    close(store->descriptor);
    free(store->group.records);
    free(store->group.trajectories);
    free(store->path);
    free(store);
}

static ss_error open_file(ss_store *store)
{
    store->string_type = ss_layout_string_type();
    if (!ss_store_read_integer(store, "format_version", &store->version) ||
        !ss_store_knows(store->version)) {
        return ss_store_damaged(store, "its format_version is none that this program reads");
    }
    store->record_type = ss_layout_record_type(store->version);
    SS_TRY(find_shape(store));
    return ss_store_find_ranges(store);
}

/* A store in which nothing is open yet; the descriptor is its own, and closed after an error. */
static ss_error make_store(const char *path, int descriptor, MPI_Comm comm, ss_store **store)
{
    ss_error error = ss_allocate(1, sizeof **store, store);
    if (error == SS_OK) {
        error = ss_allocate(strlen(path) + 1, 1, &(*store)->path);
    }
    if (error != SS_OK) {
        free(*store);
        *store = NULL;
        close(descriptor);
        return error;
    }
    strcpy((*store)->path, path);
    (*store)->descriptor = descriptor;
    (*store)->comm = comm;
    return SS_OK;
}

/* By HDF5's own driver, a file that has been found whole. */
static ss_error open_by_system_calls(ss_store *store)
{
    store->file = H5Fopen(store->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    return store->file >= 0
               ? SS_OK
               : ss_layout_fail(SS_ERR_IO, store->path, "cannot be opened, though it is whole");
}

static ss_error open_to_read(const char *path, ss_store **store)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return ss_fail(SS_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    SS_TRY(make_store(path, descriptor, MPI_COMM_NULL, store));
    ss_store_begin();
    ss_error error = open_by_system_calls(*store);
    if (error == SS_OK) {
        error = open_file(*store);
    }
    if (error != SS_OK) {
        release(*store);
        *store = NULL;
    }
    return error;
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

static bool everywhere(MPI_Comm comm, bool here)
{
    int all = here;
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, comm);
    return all;
}

/* The collective opens would wait for ever for a rank that cannot take part. */
static ss_error open_everywhere(const char *path, MPI_Comm comm, int *descriptor)
{
    *descriptor = open(path, O_RDWR | O_CLOEXEC);
    bool here = *descriptor >= 0;
    int cause = errno;
    bool all = everywhere(comm, here);
    if (here && !all) {
        close(*descriptor);
    }
    if (!here) {
        return ss_fail(SS_ERR_IO,
                       "%s: cannot be written on host %s: %s; name a file on a file system that "
                       "all hosts share",
                       path, ss_process_host(), strerror(cause));
    }
    return all ? SS_OK : SS_ERR_ELSEWHERE;
}

/* Rank 0 alone reads all that the seal vouches for. */
static ss_error check_seal(const char *path, MPI_Comm comm)
{
    int rank;
    MPI_Comm_rank(comm, &rank);
    ss_error error = rank == 0 ? ss_seal_check(path) : SS_OK;
    return everywhere(comm, error == SS_OK) || rank == 0 ? error : SS_ERR_ELSEWHERE;
}

/* On NFS ROMIO locks what it writes, and ends the program where nothing can be locked. */
static bool mpi_would_abort(int descriptor)
{
    struct flock any = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return ss_disk_is_on_nfs(descriptor) && fcntl(descriptor, F_GETLK, &any) != 0;
}

/* By the mpio driver; false, with a reason, if MPI-IO cannot open it on all ranks. A file that is
 * open on some of them only cannot be closed. */
static bool open_by_name(ss_store *store, const char *name, char reason[SS_LAYOUT_REASON_SIZE])
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(access, store->comm, MPI_INFO_NULL);
    hid_t file = H5Fopen(name, H5F_ACC_RDWR, access);
    if (file < 0) {
        ss_layout_reason(reason);
    } else {
        strcpy(reason, "another rank cannot");
    }
    H5Pclose(access);
    store->file = everywhere(store->comm, file >= 0) ? file : 0;
    return store->file > 0;
}

/* ROMIO takes what stands before the first colon for the name of a driver: then it is told one. */
static bool open_by_mpi(ss_store *store, char reason[SS_LAYOUT_REASON_SIZE])
{
    char name[PATH_MAX + 8];
    if (!everywhere(store->comm, !mpi_would_abort(store->descriptor))) {
        strcpy(reason, "NFS without locks");
        return false;
    }
    snprintf(name, sizeof name, "ufs:%s", store->path);
    return open_by_name(store, store->path, reason) ||
           (strchr(store->path, ':') && open_by_name(store, name, reason));
}

static void note_that_mpi_cannot(const ss_store *store, const char *reason)
{
    int rank;
    MPI_Comm_rank(store->comm, &rank);
    if (rank == 0) {
        fprintf(stderr,
                "note: %s: MPI-IO cannot open it%s%s%s; it is written by system calls, as with "
                "--io direct: the same bytes\n",
                store->path, reason[0] ? " (" : "", reason, reason[0] ? ")" : "");
    }
}

static ss_error open_to_write(ss_store *store, ss_store_io io)
{
    char reason[SS_LAYOUT_REASON_SIZE];
    if (io == SS_STORE_IO_MPIO) {
        if (open_by_mpi(store, reason)) {
            return SS_OK;
        }
        note_that_mpi_cannot(store, reason);
    }
    store->direct = true;
    return open_by_system_calls(store);
}

/* What follows is collective: a rank that cannot take part makes all of them give up. */
static ss_error open_on_all_ranks(ss_store *store, ss_store_io io)
{
    ss_store_begin();
    ss_error error = open_to_write(store, io);
    if (error == SS_OK) {
        error = open_file(store);
    }
    return everywhere(store->comm, error == SS_OK) || error != SS_OK ? error : SS_ERR_ELSEWHERE;
}

ss_error ss_store_open_for_writing(const char *path, MPI_Comm comm, ss_store_io io,
                                   ss_store **store)
{
    int descriptor;
    *store = NULL;
    SS_TRY(check_seal(path, comm));
    SS_TRY(open_everywhere(path, comm, &descriptor));
    /* Open MPI 4 cannot open some relative names without a slash ("a"). */
    char *absolute = realpath(path, NULL);
    ss_error error = make_store(absolute ? absolute : path, descriptor, comm, store);
    free(absolute);
    if (everywhere(comm, error == SS_OK)) {
        error = open_on_all_ranks(*store, io);
    } else if (error == SS_OK) {
        (*store)->comm = MPI_COMM_NULL; /* which not all ranks would close */
        error = SS_ERR_ELSEWHERE;
    }
    if (error != SS_OK && *store) {
        release(*store);
        *store = NULL;
    }
    return error;
}

void ss_store_close(ss_store **store)
{
    release(*store);
    *store = NULL;
}
