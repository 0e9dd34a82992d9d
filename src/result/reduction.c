#include "reduction.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"

#include <stdlib.h>

ss_error ss_reduction_begin(const ss_store *store, const ss_plan *plan, ss_reduction *reduction)
{
    size_t seeds = (size_t)plan->seeds;
    ss_reduction *r = reduction;
    *r = (ss_reduction){.store = store, .plan = plan};
    SS_TRY(ss_allocate(seeds, sizeof *r->records, &r->records));
    SS_TRY(ss_allocate(seeds * (size_t)ss_plan_result_count(plan), sizeof(double), &r->results));
    SS_TRY(ss_allocate(seeds, sizeof *r->scale, &r->scale));
    SS_TRY(ss_allocate(seeds, sizeof *r->included, &r->included));
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        SS_TRY(ss_bands_create(plan->checkpoints, &r->bands[quantity]));
    }
    return SS_OK;
}

void ss_reduction_end(ss_reduction *reduction)
{
    free(reduction->records);
    free(reduction->results);
    free(reduction->scale);
    free(reduction->included);
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        ss_bands_destroy(&reduction->bands[quantity]);
    }
}

ss_error ss_reduction_of_cell(ss_reduction *r, int64_t cell)
{
    int64_t seeds = r->plan->seeds;
    int64_t stride = ss_plan_result_count(r->plan);
    SS_TRY(ss_store_read_records(r->store, cell, 0, seeds, r->records));
    ss_run first = ss_plan_run(r->plan, cell, 0);
    SS_TRY(ss_store_read_results(r->store, cell, 0, seeds, &first, r->results));
    r->committed = 0;
    for (int64_t s = 0; s < seeds; s++) {
        const ss_record *record = &r->records[s];
        ss_run run = ss_plan_run(r->plan, cell, s);
        bool trusted = ss_record_trusted(record, &run, r->results + s * stride);
        r->committed += trusted;
        r->included[s] = trusted && record->status == SS_RUN_DONE;
        r->scale[s] = 1 / record->truth_norm;
    }
    SS_TRY(ss_bands_compute(r->results, stride, seeds, r->included, NULL,
                            &r->bands[SS_QUANTITY_ERROR]));
    return ss_bands_compute(r->results, stride, seeds, r->included, r->scale,
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
    ss_error error = ss_reduction_begin(store, plan, &reduction);
    for (int64_t cell = rank; cell < plan->cells && error == SS_OK; cell += ranks) {
        error = reduce_cell(&reduction, store, cell);
    }
    ss_reduction_end(&reduction);
    if (error == SS_OK) {
        error = ss_store_sync(store);
    }
    return ss_sched_agree(comm, error);
}
