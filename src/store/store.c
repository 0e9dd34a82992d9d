#include "../base/memory.h"
#include "../base/path.h"
#include "disk.h"
#include "store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ss_store_begin(void)
{
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    H5dont_atexit();
    H5open();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

ss_error ss_store_io_parse(const char *name, ss_store_io *io)
{
    if (strcmp(name, "mpio") == 0) {
        *io = SS_STORE_IO_MPIO;
    } else if (strcmp(name, "direct") == 0) {
        *io = SS_STORE_IO_DIRECT;
    } else {
        return ss_fail(SS_ERR_USAGE, "--io: found \"%s\", expected mpio or direct", name);
    }
    return SS_OK;
}

const char *ss_store_library(char *buffer, size_t size)
{
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(buffer, size, "HDF5 %u.%u.%u", major, minor, release);
    return buffer;
}

ss_store_shape ss_store_shape_of(const ss_store *store)
{
    return store->shape;
}

/* Said by one rank for all. */
static void warn_once(ss_store *store, int reason)
{
    int rank = 0;
    if (store->comm != MPI_COMM_NULL) {
        MPI_Comm_rank(store->comm, &rank);
    }
    if (rank == 0 && !store->warned_of_sync) {
        fprintf(stderr,
                "warning: %s: its file system cannot be told to put data on the disk (%s); a power "
                "cut may cost any run, and `saddlesweep verify` says which\n",
                store->path, strerror(reason));
    }
    store->warned_of_sync = true;
}

ss_error ss_store_sync(ss_store *store)
{
    int reason;
    SS_TRY(ss_store_flush(store));
    int cause = ss_disk_sync(store->descriptor, &reason);
    if (cause != 0) {
        return ss_disk_failed(store->path, "cannot be synced", cause);
    }
    if (reason != 0) {
        warn_once(store, reason);
    }
    return ss_path_names(store->path, store->descriptor)
               ? SS_OK
               : ss_fail(SS_ERR_IO,
                         "%s: has been removed or renamed while it was being written; what is "
                         "committed is in the file that had this name: give it back, if there is "
                         "one, and repeat the command",
                         store->path);
}

/* Past HDF5, which would need ten times as long for a run: its data are plain stretches, in the
 * order of the machine. */
static ss_error read_runs(const ss_store *store, int range, int64_t place, int64_t count,
                          size_t bytes_a_run, void *values)
{
    int cause = ss_disk_read(store->descriptor, values, (size_t)count * bytes_a_run,
                             store->ranges[range].offset + place * (off_t)bytes_a_run);
    return cause == 0 ? SS_OK
                      : ss_fail(SS_ERR_IO, "%s: %s cannot be read: %s", store->path,
                                range == SS_RANGE_RUN ? "/run" : "/error", strerror(cause));
}

ss_error ss_store_read_records(const ss_store *store, int64_t cell, int64_t seed_index,
                               int64_t count, ss_record *records)
{
    return read_runs(store, SS_RANGE_RUN, cell * store->shape.seeds + seed_index, count,
                     sizeof *records, records);
}

static ss_error read_trajectories(const ss_store *store, int64_t cell, int64_t seed_index,
                                  int64_t count, double *trajectories)
{
    return read_runs(store, SS_RANGE_ERROR, cell * store->shape.seeds + seed_index, count,
                     (size_t)store->shape.checkpoints * sizeof *trajectories, trajectories);
}

int64_t ss_store_results_stride(const ss_store *store)
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
    int64_t stride = ss_store_results_stride(store);
    if (stride == shape.checkpoints) {
        return read_trajectories(store, cell, seed_index, count, results);
    }
    for (int64_t i = 0; i < count; i++, results += stride) {
        SS_TRY(read_trajectories(store, cell, seed_index + i, 1, results));
        SS_TRY(ss_store_read_parts(store, cell, seed_index + i, run, results + shape.checkpoints));
    }
    return SS_OK;
}

/* The row of a band of one cell. */
typedef struct band_row {
    void *values;
    off_t start; /* in its dataset */
    size_t bytes;
} band_row;

_Static_assert(sizeof(int64_t) == sizeof(double), "all bands have rows of the same bytes");

static band_row row_of(const ss_bands *bands, int band, int64_t cell)
{
    size_t bytes = (size_t)bands->checkpoints * sizeof(double);
    return (band_row){
        .values = band == SS_STATISTIC_COUNT ? (void *)bands->count : bands->statistic[band],
        .start = cell * (off_t)bytes,
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
                                         SS_RANGE_EXECUTION, row * (off_t)sizeof *record, record,
                                         sizeof *record)
               : SS_OK;
}
