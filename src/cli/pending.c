#include "pending.h"

#include "../base/memory.h"

#include <stdlib.h>

int64_t ss_task_cell(const ss_task_order *tasks, int64_t task)
{
    return tasks->order[task / tasks->plan->seeds];
}

int64_t ss_task_seed_index(const ss_task_order *tasks, int64_t task)
{
    return task % tasks->plan->seeds;
}

typedef struct reader {
    const ss_store *store;
    const ss_task_order *tasks;
    int64_t piece; /* runs read at once */
    ss_record *records;
    double *trajectories;
    uint64_t *pending;
} reader;

static bool any_committed(const ss_record *records, int64_t count)
{
    bool any = false;
    for (int64_t i = 0; i < count && !any; i++) {
        any = ss_record_committed(&records[i]);
    }
    return any;
}

static ss_error read_cell(const reader *r, int64_t place)
{
    const ss_plan *plan = r->tasks->plan;
    int64_t cell = r->tasks->order[place];
    for (int64_t first = 0; first < plan->seeds; first += r->piece) {
        int64_t count = plan->seeds - first < r->piece ? plan->seeds - first : r->piece;
        SS_TRY(ss_store_read_records(r->store, cell, first, count, r->records));
        if (any_committed(r->records, count)) { /* a new file is large, and holds none */
            SS_TRY(ss_store_read_trajectories(r->store, cell, first, count, r->trajectories));
        }
        for (int64_t i = 0; i < count; i++) {
            ss_run run = ss_plan_run(plan, cell, first + i);
            if (!ss_record_trusted(&r->records[i], &run, r->trajectories + i * plan->checkpoints)) {
                int64_t task = place * plan->seeds + first + i;
                r->pending[task / 64] |= (uint64_t)1 << (task % 64);
            }
        }
    }
    return SS_OK;
}

ss_error ss_pending_find(const ss_store *store, const ss_task_order *tasks, uint64_t **pending)
{
    const ss_plan *plan = tasks->plan;
    reader r = {.store = store, .tasks = tasks, .piece = 1 + (1 << 20) / plan->checkpoints};
    *pending = NULL;
    ss_error error = ss_allocate((size_t)r.piece, sizeof *r.records, &r.records);
    if (error == SS_OK) {
        error = ss_allocate((size_t)(r.piece * plan->checkpoints), sizeof(double), &r.trajectories);
    }
    if (error == SS_OK) {
        error = ss_allocate((size_t)(ss_plan_runs(plan) + 63) / 64, sizeof **pending, pending);
        r.pending = *pending;
    }
    for (int64_t place = 0; place < plan->cells && error == SS_OK; place++) {
        error = read_cell(&r, place);
    }
    if (error != SS_OK) {
        free(*pending);
        *pending = NULL;
    }
    free(r.records);
    free(r.trajectories);
    return error;
}
