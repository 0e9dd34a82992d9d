#include "pending.h"

#include "../base/memory.h"
#include "saddlesweep/saved_run.h"
#include "walk.h"

#include <stdlib.h>

int64_t ss_task_cell(const ss_task_order *tasks, int64_t task)
{
    return tasks->order[task / tasks->plan->seeds];
}

int64_t ss_task_seed_index(const ss_task_order *tasks, int64_t task)
{
    return task % tasks->plan->seeds;
}

bool ss_pending_has(const uint64_t *pending, int64_t task)
{
    return pending[task / 64] >> (task % 64) & 1;
}

typedef struct search {
    int64_t first; /* task of the cell at hand */
    bool retry_failed;
    uint64_t *pending;
    ss_lost_runs *lost;
} search;

static ss_error note_pending(void *context, const ss_walked *at)
{
    search *search = context;
    bool failed = at->record->status != SS_RUN_DONE;
    if ((failed && search->retry_failed) ||
        !ss_record_trusted(at->record, &at->run, at->trajectory)) {
        int64_t task = search->first + at->seed_index;
        search->pending[task / 64] |= (uint64_t)1 << (task % 64);
        if (search->lost && ss_record_partial(at->record, &at->run)) {
            search->lost->count += !ss_saved_run_exists(search->lost->path, &at->run);
        }
    }
    return SS_OK;
}

ss_error ss_pending_find(const ss_store *store, const ss_task_order *tasks, bool retry_failed,
                         uint64_t **pending, ss_lost_runs *lost)
{
    const ss_plan *plan = tasks->plan;
    search search = {.retry_failed = retry_failed, .lost = lost};
    ss_walk walk;
    *pending = NULL;
    ss_error error = ss_walk_open(store, plan, "looking for what is still to do", &walk);
    if (error == SS_OK) {
        error = ss_allocate((size_t)(ss_plan_runs(plan) + 63) / 64, sizeof **pending, pending);
    }
    for (int64_t place = 0; place < plan->cells && error == SS_OK; place++) {
        search.first = place * plan->seeds;
        search.pending = *pending;
        error = ss_walk_cell(&walk, tasks->order[place], note_pending, &search);
    }
    if (error != SS_OK) {
        free(*pending);
        *pending = NULL;
    }
    ss_walk_close(&walk);
    return error;
}
