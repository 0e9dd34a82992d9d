/* Which runs of a plan a result file lacks, as the task set that the scheduler takes. */
#ifndef SADDLESWEEP_RESULT_PENDING_H
#define SADDLESWEEP_RESULT_PENDING_H

#include "saddlesweep/plan.h"
#include "saddlesweep/store.h"

/* Task number → run: task = place · S + seed index, where order[place] is the cell. */
typedef struct ss_task_order {
    const ss_plan *plan;
    uint32_t *order; /* C cells, longest runs first; owned */
} ss_task_order;

int64_t ss_task_cell(const ss_task_order *tasks, int64_t task);
int64_t ss_task_seed_index(const ss_task_order *tasks, int64_t task);

/* Whether a task is in such a set. */
bool ss_pending_has(const uint64_t *pending, int64_t task);

/* Runs that were saved part-way, and are no longer. */
typedef struct ss_lost_runs {
    const char *path; /* in: of the result file */
    int64_t count;
} ss_lost_runs;

/* The set of tasks (a bit each, owned by the caller) whose runs the store does not hold in a state
 * that can be trusted; with `retry_failed`, also of those that diverged or failed. Of those that
 * were saved part-way, lost->count (out; lost may be NULL) are not beside the file: it has been
 * moved or copied without FILE.h5.partial/. Reads every record, and the trajectories of committed
 * runs. Local. */
ss_error ss_pending_find(const ss_store *store, const ss_task_order *tasks, bool retry_failed,
                         uint64_t **pending, ss_lost_runs *lost);

#endif
