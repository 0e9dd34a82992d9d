/* Runs that do nothing but commit, to a result file that is removed afterwards. */
#include "../base/memory.h"
#include "saddlesweep/store.h"
#include "tasks.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHECKPOINTS = 100 }; /* what sweep files record by default */

struct ss_stored_runs {
    int rank;
    ss_spec *spec;
    ss_plan plan;
    ss_store *store;
    char folder[PATH_MAX]; /* "": not made */
    char path[PATH_MAX + 8];
    double trajectory[CHECKPOINTS];
};

static ss_error make_plan(ss_stored_runs *r, int64_t count)
{
    char text[512];
    snprintf(text, sizeof text,
             "name: bench\nroot_seed: 1\n"
             "grid: {d: 3, k: 2, n: 100, m: 100, activation: tanh, seed: {count: %" PRId64 "}}\n"
             "train: {iterations: 1000, step: {size: 0.5}}\n"
             "record: {points: %d, spacing: linear}\n",
             count, CHECKPOINTS);
    SS_TRY(ss_spec_parse("bench", text, NULL, 0, &r->spec));
    r->plan = ss_plan_of(r->spec);
    return SS_OK;
}

static ss_error make_folder(ss_stored_runs *r)
{
    const char *parent = getenv("TMPDIR");
    snprintf(r->folder, sizeof r->folder, "%s/saddlesweep-bench-XXXXXX",
             parent && parent[0] ? parent : ".");
    if (!mkdtemp(r->folder)) {
        ss_error error = ss_fail(SS_ERR_USAGE, "%s: cannot be made: %s; set TMPDIR to a folder",
                                 r->folder, strerror(errno));
        r->folder[0] = '\0';
        return error;
    }
    snprintf(r->path, sizeof r->path, "%s/runs.h5", r->folder);
    return SS_OK;
}

static ss_error create_file(ss_stored_runs *r, const ss_bench *bench)
{
    ss_provenance provenance = {
        .spec_text = "",
        .overrides = "",
        .hosts = "",
        .ranks = bench->ranks,
        .kernel = "none",
        .libraries = "",
    };
    SS_TRY(make_folder(r));
    return ss_store_create(r->path, &r->plan, &provenance, true);
}

ss_error ss_stored_runs_create(const ss_bench *bench, int64_t count, ss_store_io io,
                               ss_stored_runs **out)
{
    ss_error error = ss_allocate(1, sizeof **out, out);
    SS_TRY(ss_sched_agree(bench->comm, error));
    ss_stored_runs *r = *out;
    r->rank = bench->rank;
    error = make_plan(r, count);
    if (error == SS_OK && bench->rank == 0) {
        error = create_file(r, bench);
    }
    error = ss_sched_agree(bench->comm, error);
    MPI_Bcast(r->path, sizeof r->path, MPI_CHAR, 0, bench->comm);
    if (error == SS_OK) {
        error = ss_sched_agree(bench->comm,
                               ss_store_open_for_writing(r->path, bench->comm, io, &r->store));
    }
    if (error != SS_OK) {
        ss_stored_runs_destroy(bench, out);
    }
    return error;
}

static double predict(void *context, int64_t task)
{
    (void)context;
    (void)task;
    return 5e-6;
}

static ss_error commit(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                       ss_task_result *result)
{
    ss_stored_runs *r = context;
    ss_run run = ss_plan_run(&r->plan, 0, task);
    ss_run_outcome outcome = {.status = SS_RUN_DONE, .iterations = run.iterations};
    ss_record record = ss_record_of(&run, &outcome, r->rank, r->trajectory);
    (void)poll;
    (void)poll_context;
    *result = SS_TASK_DONE;
    return ss_store_commit_soon(r->store, 0, task, &run, &record, r->trajectory);
}

static ss_error flush(void *context)
{
    ss_stored_runs *r = context;
    return ss_store_flush(r->store);
}

ss_error ss_stored_runs_schedule(ss_bench *bench, ss_stored_runs *runs, double *seconds)
{
    ss_sched_tasks tasks = {
        .count = ss_plan_runs(&runs->plan),
        .alike = runs->plan.seeds,
        .context = runs,
        .predict = predict,
        .execute = commit,
        .idle = flush,
    };
    return ss_bench_schedule(bench, &tasks, seconds);
}

void ss_stored_runs_destroy(const ss_bench *bench, ss_stored_runs **runs)
{
    ss_stored_runs *r = *runs;
    if (!r) {
        return;
    }
    if (r->store) {
        ss_store_close(&r->store);
    }
    if (bench->rank == 0 && r->folder[0]) {
        unlink(r->path);
        rmdir(r->folder);
    }
    ss_spec_destroy(&r->spec);
    free(r);
    *runs = NULL;
}
