#include "takeover.h"

#include "../base/memory.h"
#include "../base/phase.h"
#include "../result/walk.h"
#include "saddlesweep/sched.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const ss_wanted_run *first = a;
    const ss_wanted_run *second = b;
    return (first->identity > second->identity) - (first->identity < second->identity);
}

static ss_run run_of(const ss_task_order *tasks, int64_t task)
{
    return ss_plan_run(tasks->plan, ss_task_cell(tasks, task), ss_task_seed_index(tasks, task));
}

static ss_error list_wanted(ss_takeover *t)
{
    int64_t runs = ss_plan_runs(t->tasks->plan);
    int64_t count = ss_pending_count(t->pending, runs);
    SS_TRY(ss_allocate((size_t)count, sizeof *t->wanted, &t->wanted));
    ss_phase phase = ss_phase_begin("listing the runs that are still to do", runs);
    ss_error error = SS_OK;
    for (int64_t task = 0; task < runs && error == SS_OK; task++) {
        error = ss_phase_step(&phase, task);
        if (ss_pending_has(t->pending, task)) {
            ss_run run = run_of(t->tasks, task);
            t->wanted[t->count++] = (ss_wanted_run){ss_run_identity(&run), task};
        }
    }
    ss_phase_end(&phase);
    qsort(t->wanted, (size_t)t->count, sizeof *t->wanted, compare);
    return error;
}

/* The first of the wanted runs with this identity, or the end. A grid may have a run twice. */
static int64_t find(const ss_takeover *t, uint64_t identity)
{
    int64_t low = 0;
    int64_t high = t->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (t->wanted[middle].identity < identity) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Whether it was computed as it would be here: the same identity has other bits on one rank, on a
 * process grid, and there with other blocks. */
static bool computed_alike(const ss_takeover *t, const ss_run *run, const ss_record *record)
{
    bool wide = ss_plan_is_wide(t->tasks->plan, run);
    return (record->kernel == SS_LEVEL_WIDE) == wide && !(wide && t->other_blocks);
}

static bool may_be_taken(const ss_takeover *t, const ss_run *run, const ss_record *record)
{
    switch (t->kind) {
    case SS_TAKEOVER_ALL:
        return true; /* the files are of one sweep, grids included */
    case SS_TAKEOVER_REPEATABLE:
        return record->reason != SS_REASON_MEMORY && computed_alike(t, run, record);
    default:
        return record->status == SS_RUN_DONE && computed_alike(t, run, record);
    }
}

static ss_error take(void *context, const ss_walked *at)
{
    ss_takeover *t = context;
    const ss_record *record = at->record;
    t->committed += ss_record_committed(record);
    for (int64_t i = find(t, record->identity);
         i < t->count && t->wanted[i].identity == record->identity; i++) {
        int64_t task = t->wanted[i].task;
        ss_run run = run_of(t->tasks, task);
        if (!ss_pending_has(t->pending, task) || !may_be_taken(t, &run, record) ||
            !ss_run_same_results(&run, &at->run) ||
            !ss_record_trusted(record, &run, at->trajectory)) {
            continue;
        }
        if (t->store) {
            SS_TRY(ss_store_commit_soon(t->store, ss_task_cell(t->tasks, task),
                                        ss_task_seed_index(t->tasks, task), &run, record,
                                        at->trajectory));
        }
        t->pending[task / 64] &= ~((uint64_t)1 << (task % 64));
        t->taken++;
    }
    return SS_OK;
}

ss_error ss_takeover_begin(ss_store *store, const ss_task_order *tasks, uint64_t *pending,
                           ss_takeover_kind kind, ss_takeover *takeover)
{
    *takeover = (ss_takeover){.store = store, .tasks = tasks, .pending = pending, .kind = kind};
    return list_wanted(takeover);
}

void ss_takeover_end(ss_takeover *takeover)
{
    free(takeover->wanted);
    takeover->wanted = NULL;
}

/* Why nothing could be taken from a file of this plan, though runs are lacking. */
static void tell_why(const ss_takeover *t, const ss_plan *plan)
{
    char theirs[SS_SETTINGS_SIZE];
    char ours[SS_SETTINGS_SIZE];
    ss_difference d;
    ss_plan_settings(plan, theirs);
    ss_plan_settings(t->tasks->plan, ours);
    if (t->committed == 0) {
        printf(": it has no committed run");
    } else if (ss_settings_differ(theirs, ours, &d)) {
        printf(": its runs are others; the first setting that differs: %s is %s there, %s here",
               d.what, d.first, d.second);
    } else {
        printf(": none of its runs is lacking; compare the grids (d, k, n, m, activation, seed, "
               "recorded iterations)");
    }
}

static void tell(const ss_takeover *t, const char *path, int64_t taken, const ss_plan *plan)
{
    printf("%s: %" PRId64 " runs %s", path, taken, t->store ? "taken over" : "can be taken over");
    if (taken == 0 && t->count > 0) {
        tell_why(t, plan);
    }
    printf("\n");
}

ss_error ss_takeover_from(ss_takeover *takeover, const char *path, const ss_store *other,
                          const ss_plan *plan)
{
    ss_walk walk;
    ss_difference ignored;
    int64_t before = takeover->taken;
    takeover->committed = 0;
    takeover->other_blocks = ss_plan_blocks_differ(takeover->tasks->plan, plan, &ignored);
    ss_error error = ss_walk_open(other, plan, "taking over runs", &walk);
    if (error == SS_OK) {
        error = ss_walk_all(&walk, take, takeover);
    }
    if (error == SS_OK && takeover->store) {
        error = ss_store_flush(takeover->store);
    }
    if (error == SS_OK) {
        tell(takeover, path, takeover->taken - before, plan);
    }
    ss_walk_close(&walk);
    return error;
}
