#include "reuse.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static ss_error open_one(const char *path, const char *output, ss_reuse *reuse)
{
    if (ss_options_same_file(path, output)) {
        return ss_fail(SS_ERR_USAGE, "--reuse %s: is the output itself; name an older file", path);
    }
    ss_reuse_file *file = &reuse->files[reuse->count];
    SS_TRY(ss_store_open_for_reading(path, &file->store));
    reuse->count++;
    return ss_sweep_of_store(file->store, path, &file->sweep);
}

ss_error ss_reuse_open(const ss_option_texts *paths, const char *output, bool only_done,
                       ss_reuse *reuse)
{
    *reuse = (ss_reuse){.only_done = only_done};
    SS_TRY(ss_allocate(paths->count, sizeof *reuse->files, &reuse->files));
    for (size_t i = 0; i < paths->count; i++) {
        reuse->files[i].path = paths->texts[i];
        SS_TRY(open_one(paths->texts[i], output, reuse));
    }
    return SS_OK;
}

void ss_reuse_close(ss_reuse *reuse)
{
    for (size_t i = 0; i < reuse->count; i++) {
        ss_sweep_release(&reuse->files[i].sweep);
        ss_store_close(&reuse->files[i].store);
    }
    free(reuse->files);
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

static ss_error take_from(search *s, const ss_reuse_file *old)
{
    ss_walk walk;
    ss_error error = ss_walk_open(old->store, &old->sweep.plan, &walk);
    if (error == SS_OK) {
        error = ss_walk_all(&walk, take, s);
    }
    ss_walk_close(&walk);
    return error;
}

ss_error ss_reuse_take(ss_reuse *reuse, ss_store *store, const ss_task_order *tasks,
                       uint64_t *pending)
{
    search s = {.store = store, .tasks = tasks, .pending = pending, .only_done = reuse->only_done};
    ss_error error = reuse->count > 0 ? list_wanted(&s) : SS_OK;
    for (size_t i = 0; i < reuse->count && error == SS_OK; i++) {
        s.taken = 0;
        error = take_from(&s, &reuse->files[i]);
        reuse->taken += s.taken;
        if (error == SS_OK) {
            printf("%s: %" PRId64 " runs taken over\n", reuse->files[i].path, s.taken);
        }
    }
    free(s.wanted);
    return error;
}
