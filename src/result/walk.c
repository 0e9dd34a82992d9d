#include "walk.h"

#include "../base/memory.h"

#include <stdlib.h>

ss_error ss_walk_open(const ss_store *store, const ss_plan *plan, const char *what, ss_walk *walk)
{
    int64_t most = 1 + (1 << 20) / ss_plan_result_count(plan);
    *walk = (ss_walk){
        .store = store,
        .plan = plan,
        .piece = plan->seeds < most ? plan->seeds : most,
        .phase = ss_phase_begin(what, ss_plan_runs(plan)),
    };
    SS_TRY(ss_allocate((size_t)walk->piece, sizeof *walk->records, &walk->records));
    return ss_allocate((size_t)(walk->piece * ss_plan_result_count(plan)), sizeof(double),
                       &walk->results);
}

void ss_walk_close(ss_walk *walk)
{
    ss_phase_end(&walk->phase);
    free(walk->records);
    free(walk->results);
    *walk = (ss_walk){0};
}

static bool any_committed(const ss_record *records, int64_t count)
{
    bool any = false;
    for (int64_t i = 0; i < count && !any; i++) {
        any = ss_record_committed(&records[i]);
    }
    return any;
}

ss_error ss_walk_cell(ss_walk *walk, int64_t cell, ss_visit *visit, void *context)
{
    const ss_plan *plan = walk->plan;
    ss_run run = ss_plan_run(plan, cell, 0);
    for (int64_t first = 0; first < plan->seeds; first += walk->piece) {
        int64_t count = plan->seeds - first < walk->piece ? plan->seeds - first : walk->piece;
        SS_TRY(ss_phase_step(&walk->phase, walk->visited));
        walk->visited += count;
        SS_TRY(ss_store_read_records(walk->store, cell, first, count, walk->records));
        if (any_committed(walk->records, count)) { /* a new file is large, and holds none */
            SS_TRY(ss_store_read_results(walk->store, cell, first, count, &run, walk->results));
        }
        for (int64_t i = 0; i < count; i++) {
            ss_walked at = {
                .cell = cell,
                .seed_index = first + i,
                .run = ss_plan_run(plan, cell, first + i),
                .record = &walk->records[i],
                .trajectory = walk->results + i * ss_plan_result_count(plan),
            };
            SS_TRY(visit(context, &at));
        }
    }
    return SS_OK;
}

ss_error ss_walk_all(ss_walk *walk, ss_visit *visit, void *context)
{
    for (int64_t cell = 0; cell < walk->plan->cells; cell++) {
        SS_TRY(ss_walk_cell(walk, cell, visit, context));
    }
    return SS_OK;
}
