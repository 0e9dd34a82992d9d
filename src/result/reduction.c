#include "reduction.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"

#include <stdlib.h>
#include <string.h>

ss_error ss_reduction_begin(const ss_store *store, const ss_plan *plan, const char *what,
                            ss_reduction *reduction)
{
    size_t seeds = (size_t)plan->seeds;
    ss_reduction *r = reduction;
    *r = (ss_reduction){0};
    SS_TRY(ss_walk_open(store, plan, what, &r->walk));
    SS_TRY(ss_allocate(seeds * (size_t)plan->checkpoints, sizeof *r->errors, &r->errors));
    SS_TRY(ss_allocate(seeds, sizeof *r->scale, &r->scale));
    SS_TRY(ss_allocate(seeds, sizeof *r->included, &r->included));
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        SS_TRY(ss_bands_create(plan->checkpoints, &r->bands[quantity]));
    }
    return SS_OK;
}

void ss_reduction_end(ss_reduction *reduction)
{
    ss_walk_close(&reduction->walk);
    free(reduction->errors);
    free(reduction->scale);
    free(reduction->included);
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        ss_bands_destroy(&reduction->bands[quantity]);
    }
}

/* Keeps of a run what bands are made of. */
static ss_error collect(void *context, const ss_walked *at)
{
    ss_reduction *r = context;
    int64_t checkpoints = r->walk.plan->checkpoints;
    bool trusted = ss_record_trusted(at->record, &at->run, at->trajectory);
    r->committed += trusted;
    r->included[at->seed_index] = trusted && at->record->status == SS_RUN_DONE;
    r->scale[at->seed_index] = 1 / at->record->truth_norm;
    memcpy(r->errors + at->seed_index * checkpoints, at->trajectory,
           (size_t)checkpoints * sizeof *r->errors);
    return r->visit ? r->visit(r->visitor, at) : SS_OK;
}

ss_error ss_reduction_of_cell(ss_reduction *r, int64_t cell)
{
    int64_t seeds = r->walk.plan->seeds;
    int64_t checkpoints = r->walk.plan->checkpoints;
    r->committed = 0;
    SS_TRY(ss_walk_cell(&r->walk, cell, collect, r));
    SS_TRY(ss_bands_compute(r->errors, checkpoints, seeds, r->included, NULL,
                            &r->bands[SS_QUANTITY_ERROR]));
    return ss_bands_compute(r->errors, checkpoints, seeds, r->included, r->scale,
                            &r->bands[SS_QUANTITY_RELATIVE_ERROR]);
}

static ss_error reduce_cell(ss_reduction *r, ss_store *store, int64_t cell)
{
    SS_TRY(ss_reduction_of_cell(r, cell));
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        SS_TRY(ss_store_write_bands(store, (ss_quantity)quantity, cell, &r->bands[quantity]));
    }
    return SS_OK;
}

ss_error ss_reduce_all(MPI_Comm comm, ss_store *store, const ss_plan *plan)
{
    int rank;
    int ranks;
    ss_reduction reduction;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    ss_error error = ss_reduction_begin(store, plan, "making the bands", &reduction);
    reduction.walk.phase.total = (plan->cells + ranks - 1) / ranks * plan->seeds;
    for (int64_t cell = rank; cell < plan->cells && error == SS_OK; cell += ranks) {
        error = reduce_cell(&reduction, store, cell);
    }
    ss_reduction_end(&reduction);
    if (error == SS_OK) {
        error = ss_store_sync(store);
    }
    return ss_sched_agree(comm, error);
}
