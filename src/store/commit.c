/* Committing runs: one by one, or those that take no time with their neighbours. */
#include "../base/memory.h"
#include "disk.h"
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

/* A kill costs no more than the runs of a group; a write is shared by as many. */
enum { GROUP_RUNS = 16, GROUP_BYTES = 1 << 18 };

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
        ss_allocate((size_t)ss_store_results_stride(store), sizeof *results, &results) != SS_OK) {
        return false;
    }
    bool more = ss_store_read_results(store, cell, seed_index, 1, run, results) == SS_OK &&
                ss_record_trusted(&found, run, results);
    free(results);
    return more;
}

/* Both of consecutive seeds of a cell; the records, which vouch for the rest, come last. */
static ss_error write_trajectories(ss_store *store, int64_t cell, int64_t seed_index, int64_t count,
                                   const double *trajectories)
{
    size_t bytes = (size_t)store->shape.checkpoints * sizeof *trajectories;
    off_t start = (cell * store->shape.seeds + seed_index) * (off_t)bytes;
    return ss_store_write_in_place(store, SS_STORE_RUN_NOT_WRITTEN, SS_RANGE_ERROR, start,
                                   trajectories, (size_t)count * bytes);
}

static ss_error write_records(ss_store *store, int64_t cell, int64_t seed_index, int64_t count,
                              const ss_record *records)
{
    off_t run = cell * store->shape.seeds + seed_index;
    return ss_store_write_in_place(store, SS_STORE_RUN_NOT_WRITTEN, SS_RANGE_RUN,
                                   run * (off_t)sizeof *records, records,
                                   (size_t)count * sizeof *records);
}

ss_error ss_store_flush(ss_store *store)
{
    ss_store_group *group = &store->group;
    int64_t count = group->count;
    group->count = 0;
    if (count == 0) {
        return SS_OK;
    }
    SS_TRY(write_trajectories(store, group->cell, group->seed_index, count, group->trajectories));
    return write_records(store, group->cell, group->seed_index, count, group->records);
}

ss_error ss_store_commit(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                         const ss_record *record, const double *results)
{
    SS_TRY(ss_store_flush(store));
    if (has_more(store, cell, seed_index, run, record)) {
        return SS_OK;
    }
    SS_TRY(write_trajectories(store, cell, seed_index, 1, results));
    SS_TRY(ss_store_write_parts(store, cell, seed_index, run, results + store->shape.checkpoints));
    return write_records(store, cell, seed_index, 1, record);
}

static ss_error make_group(ss_store_group *group, int64_t checkpoints)
{
    int64_t fit = GROUP_BYTES / (checkpoints * (int64_t)sizeof(double));
    group->most = fit < 1 ? 1 : fit < GROUP_RUNS ? fit : GROUP_RUNS;
    SS_TRY(ss_allocate((size_t)group->most, sizeof *group->records, &group->records));
    return ss_allocate((size_t)(group->most * checkpoints), sizeof *group->trajectories,
                       &group->trajectories);
}

ss_error ss_store_commit_soon(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                              const ss_record *record, const double *results)
{
    ss_store_group *group = &store->group;
    int64_t checkpoints = store->shape.checkpoints;
    if (record->status != SS_RUN_DONE || ss_store_results_stride(store) > checkpoints ||
        (!group->trajectories && make_group(group, checkpoints) != SS_OK)) {
        return ss_store_commit(store, cell, seed_index, run, record, results);
    }
    if (group->count == group->most || cell != group->cell ||
        seed_index != group->seed_index + group->count) {
        SS_TRY(ss_store_flush(store));
    }
    if (group->count == 0) {
        group->cell = cell;
        group->seed_index = seed_index;
    }
    group->records[group->count] = *record;
    memcpy(group->trajectories + group->count * checkpoints, results,
           (size_t)checkpoints * sizeof *results);
    group->count++;
    return SS_OK;
}

ss_error ss_store_mark(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                       const ss_record *record)
{
    SS_TRY(ss_store_flush(store));
    return has_more(store, cell, seed_index, run, record)
               ? SS_OK
               : write_records(store, cell, seed_index, 1, record);
}
