#include "reuse.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"
#include "sweep.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* That its runs can be looked for. */
static ss_error check(const ss_store *store, const char *path)
{
    ss_sweep sweep;
    ss_error error = ss_sweep_of_store(store, path, &sweep);
    ss_sweep_release(&sweep);
    return error;
}

static bool same_file(const char *one, const char *other)
{
    struct stat a;
    struct stat b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

ss_error ss_reuse_open(const ss_option_texts *paths, const char *output, bool only_done,
                       ss_reuse *reuse)
{
    *reuse = (ss_reuse){.paths = paths, .only_done = only_done};
    SS_TRY(ss_allocate(paths->count, sizeof(ss_store *), &reuse->stores));
    for (size_t i = 0; i < paths->count; i++) {
        if (same_file(paths->texts[i], output)) {
            return ss_fail(SS_ERR_USAGE, "--reuse %s: is the output itself; name an older file",
                           paths->texts[i]);
        }
        SS_TRY(ss_store_open_for_reading(paths->texts[i], &reuse->stores[i]));
        reuse->count++;
        SS_TRY(check(reuse->stores[i], paths->texts[i]));
    }
    return SS_OK;
}

void ss_reuse_close(ss_reuse *reuse)
{
    for (size_t i = 0; i < reuse->count; i++) {
        ss_store_close(&reuse->stores[i]);
    }
    free(reuse->stores);
    *reuse = (ss_reuse){0};
}

/* A run that the new file lacks. */
typedef struct wanted_run {
    uint64_t identity;
    int64_t task;
} wanted_run;

typedef struct search {
    ss_store *store;
    const ss_task_order *tasks;
    uint64_t *pending;
    wanted_run *wanted; /* by ascending identity */
    int64_t count;
    bool only_done;
    int64_t taken;
} search;

static int compare(const void *a, const void *b)
{
    const wanted_run *first = a;
    const wanted_run *second = b;
    return (first->identity > second->identity) - (first->identity < second->identity);
}

static bool is_pending(const uint64_t *pending, int64_t task)
{
    return pending[task / 64] >> (task % 64) & 1;
}

static ss_run run_of(const ss_task_order *tasks, int64_t task)
{
    return ss_plan_run(tasks->plan, ss_task_cell(tasks, task), ss_task_seed_index(tasks, task));
}

static ss_error list_wanted(search *s)
{
    int64_t runs = ss_plan_runs(s->tasks->plan);
    int64_t count = ss_pending_count(s->pending, runs);
    SS_TRY(ss_allocate((size_t)count, sizeof *s->wanted, &s->wanted));
    for (int64_t task = 0; task < runs; task++) {
        if (is_pending(s->pending, task)) {
            ss_run run = run_of(s->tasks, task);
            s->wanted[s->count++] = (wanted_run){ss_run_identity(&run), task};
        }
    }
    qsort(s->wanted, (size_t)s->count, sizeof *s->wanted, compare);
    return SS_OK;
}

/* The first of the wanted runs with this identity, or the end. A grid may have a run twice. */
static int64_t find(const search *s, uint64_t identity)
{
    int64_t low = 0;
    int64_t high = s->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (s->wanted[middle].identity < identity) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool may_be_taken(const search *s, const ss_record *record)
{
    return record->reason != SS_REASON_MEMORY && (record->status == SS_RUN_DONE || !s->only_done);
}

static ss_error take(void *context, const ss_walked *at)
{
    search *s = context;
    const ss_record *record = at->record;
    for (int64_t i = find(s, record->identity);
         i < s->count && s->wanted[i].identity == record->identity; i++) {
        int64_t task = s->wanted[i].task;
        ss_run run = run_of(s->tasks, task);
        if (!is_pending(s->pending, task) || !may_be_taken(s, record) ||
            run.checkpoint_count != at->run.checkpoint_count ||
            !ss_record_trusted(record, &run, at->trajectory)) {
            continue;
        }
        SS_TRY(ss_store_commit(s->store, ss_task_cell(s->tasks, task),
                               ss_task_seed_index(s->tasks, task), record, at->trajectory));
        s->pending[task / 64] &= ~((uint64_t)1 << (task % 64));
        s->taken++;
    }
    return SS_OK;
}

static ss_error take_from(search *s, const ss_store *old, const char *path)
{
    ss_walk walk = {0};
    ss_sweep sweep;
    ss_error error = ss_sweep_of_store(old, path, &sweep);
    if (error == SS_OK) {
        error = ss_walk_open(old, &sweep.plan, &walk);
    }
    if (error == SS_OK) {
        error = ss_walk_all(&walk, take, s);
    }
    ss_walk_close(&walk);
    ss_sweep_release(&sweep);
    return error;
}

ss_error ss_reuse_take(ss_reuse *reuse, ss_store *store, const ss_task_order *tasks,
                       uint64_t *pending)
{
    search s = {.store = store, .tasks = tasks, .pending = pending, .only_done = reuse->only_done};
    ss_error error = reuse->count > 0 ? list_wanted(&s) : SS_OK;
    for (size_t i = 0; i < reuse->count && error == SS_OK; i++) {
        const char *path = reuse->paths->texts[i];
        s.taken = 0;
        error = take_from(&s, reuse->stores[i], path);
        reuse->taken += s.taken;
        if (error == SS_OK) {
            printf("%s: %" PRId64 " runs taken over\n", path, s.taken);
        }
    }
    free(s.wanted);
    return error;
}
