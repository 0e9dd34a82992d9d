#include "sweep_run.h"

#include "../base/clock.h"
#include "../base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Shorter runs are committed in groups: between runs of 1 ms a commit by H5Dwrite takes 0.1 ms.
 * Predicted seconds, so that what is written when depends on nothing else. */
static const double short_run = 2e-3;

/* A power cut costs no more than the runs of these seconds. */
static const double sync_interval = 5;

static double predict(void *context, int64_t task)
{
    const ss_sweep_run *r = context;
    ss_run run = ss_plan_run(&r->sweep.plan, ss_task_cell(&r->tasks, task), 0);
    ss_grid_shape shape = r->forecast.shape;
    double seconds = r->wide ? ss_wide_cost_seconds(&run, shape.rows * shape.columns)
                             : ss_run_cost_seconds(&run);
    return seconds / r->forecast.speed;
}

static ss_task_result result_of(ss_run_status status)
{
    switch (status) {
    case SS_RUN_DONE:
        return SS_TASK_DONE;
    case SS_RUN_DIVERGED:
        return SS_TASK_DIVERGED;
    case SS_RUN_FAILED:
        return SS_TASK_FAILED;
    default:
        return SS_TASK_STOPPED;
    }
}

ss_error ss_phases_sync(void *context)
{
    ss_sweep_run *r = context;
    if (!r->unsynced) {
        return SS_OK;
    }
    r->unsynced = false;
    return ss_store_sync(r->output.store);
}

static ss_error sync_if_due(ss_sweep_run *r, double now)
{
    if (now < r->next_sync) {
        return SS_OK;
    }
    r->next_sync = now + sync_interval;
    return ss_phases_sync(r);
}

/* Between iterations: what was committed before a long run must not wait for its end. */
static int watch(void *context, int64_t t, int64_t steps)
{
    ss_sweep_run *r = context;
    double now;
    int stop = r->poll(r->poll_context, t, steps);
    if (!stop && r->unsynced && ss_ticker_read(&r->ticker, &now)) {
        r->sync_error = sync_if_due(r, now);
    }
    return stop || r->sync_error != SS_OK;
}

static ss_error execute(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                        ss_task_result *result)
{
    ss_sweep_run *r = context;
    int64_t cell = ss_task_cell(&r->tasks, task);
    int64_t seed_index = ss_task_seed_index(&r->tasks, task);
    ss_run run = ss_plan_run(&r->sweep.plan, cell, seed_index);
    ss_run_outcome outcome;
    bool is_short = predict(r, task) < short_run;
    if (!is_short) { /* or those that wait would wait for all of this one */
        SS_TRY(ss_store_flush(r->output.store));
    }
    r->poll = poll;
    r->poll_context = poll_context;
    r->ticker = ss_ticker_of(sync_interval / 16, ss_clock_seconds());
    if (r->wide) {
        ss_wide_phase_order(r->wide, task);
    }
    ss_cues_begin(&r->flight->cues, cell, seed_index);
    ss_flight_execute(r->flight, &run, watch, r, r->trajectory, &outcome);
    SS_TRY(r->sync_error);
    *result = result_of(outcome.status);
    ss_record record = ss_record_of(&run, &outcome, r->session->rank, r->trajectory);
    if (*result == SS_TASK_STOPPED) {
        return outcome.status == SS_RUN_PARTIAL
                   ? ss_store_mark(r->output.store, cell, seed_index, &run, &record)
                   : SS_OK;
    }
    SS_TRY((is_short ? ss_store_commit_soon : ss_store_commit)(r->output.store, cell, seed_index,
                                                               &run, &record, r->trajectory));
    ss_flight_landed(r->flight);
    r->unsynced = true;
    return sync_if_due(r, ss_clock_seconds());
}

/* The tasks of this round that are wide, or the others: the set (rank 0's, allocated by it) and, on
 * all ranks, their number. Collective. */
static ss_error select_tasks(ss_sweep_run *r, bool wide, uint64_t **set, int64_t *count)
{
    const ss_plan *plan = &r->sweep.plan;
    const uint64_t *round = r->round ? r->round : r->output.pending;
    int64_t tasks = ss_plan_runs(plan);
    ss_error error = SS_OK;
    *set = NULL;
    *count = 0;
    if (r->session->rank == 0) {
        error = ss_allocate((size_t)(tasks + 63) / 64, sizeof **set, set);
    }
    for (int64_t task = 0; *set && task < tasks;) {
        ss_run run = ss_plan_run(plan, ss_task_cell(&r->tasks, task), 0);
        for (int64_t i = 0; i < plan->seeds; i++, task++) {
            bool chosen = ss_plan_is_wide(plan, &run) == wide && ss_pending_has(round, task);
            (*set)[task / 64] |= (uint64_t)chosen << (task % 64);
            *count += chosen;
        }
    }
    MPI_Bcast(count, 1, MPI_INT64_T, 0, r->session->comm);
    return ss_sched_agree(r->session->comm, error);
}

/* Runs the tasks of a set on the ranks of `comm`, whose rank 0 is that of the session. */
static ss_error schedule(ss_sweep_run *r, MPI_Comm comm, const uint64_t *set,
                         ss_sched_summary *summary)
{
    ss_sched_tasks tasks = {
        .count = ss_plan_runs(&r->sweep.plan),
        .pending = set,
        .alike = r->sweep.plan.seeds,
        .stop_at = r->options->deadline.stop_at,
        .stop_at_failure = r->options->fail_fast,
        .context = r,
        .predict = predict,
        .execute = execute,
        .idle = ss_phases_sync,
    };
    return ss_sched_execute(comm, &tasks, r->sweep.label, r->options->style, summary);
}

/* A rank of a grid that is not its first: does what that one says. */
static void follow(ss_sweep_run *r)
{
    int64_t task;
    while ((task = ss_wide_phase_next(r->wide)) >= 0) {
        ss_run_outcome outcome;
        int64_t cell = ss_task_cell(&r->tasks, task);
        int64_t seed_index = ss_task_seed_index(&r->tasks, task);
        ss_run run = ss_plan_run(&r->sweep.plan, cell, seed_index);
        ss_cues_begin(&r->flight->cues, cell, seed_index);
        ss_flight_execute(r->flight, &run, ss_wide_phase_poll, NULL, r->trajectory, &outcome);
    }
}

static void print_grids(const ss_sweep_run *r, int64_t runs)
{
    const ss_wide_forecast *f = &r->forecast;
    printf("%s: %" PRId64 " wide runs on %" PRId64 " process grid%s of %d x %d ranks",
           r->sweep.label, runs, f->grids, f->grids == 1 ? "" : "s", f->shape.rows,
           f->shape.columns);
    if (f->left_over > 0) {
        printf("; %" PRId64 " rank%s left over, idle until they have ended", f->left_over,
               f->left_over == 1 ? " is" : "s are");
    }
    printf("\n");
    fflush(stdout);
}

/* Adds what a phase has come to. */
static void add_summary(ss_sweep_run *r, const ss_sched_summary *summary)
{
    for (int i = 0; i < SS_TASK_RESULTS; i++) {
        r->summary.results[i] += summary->results[i];
    }
    r->summary.stopped = summary->stopped;
    r->summary.seconds += summary->seconds;
}

static ss_error execute_on_grids(ss_sweep_run *r, const uint64_t *set)
{
    ss_wide_phase phase;
    ss_sched_summary summary = {.seconds = 0};
    ss_error error =
        ss_wide_phase_open(r->session, &r->forecast, r->sweep.spec->wide_block, r->options->output,
                           (double)r->options->checkpoint, &r->cues, &phase);
    if (error == SS_OK && phase.comm != MPI_COMM_NULL) {
        r->wide = &phase;
        r->flight = &phase.flight;
        if (phase.leaders != MPI_COMM_NULL) {
            error = schedule(r, phase.leaders, set, &summary);
            ss_wide_phase_order(&phase, -1);
        } else {
            follow(r);
        }
        r->wide = NULL;
        r->saved += phase.flight.saved;
        r->continued += phase.flight.continued;
    }
    ss_sched_wait_for_all(r->session->comm);
    ss_wide_phase_close(&phase);
    MPI_Bcast(&summary, sizeof summary, MPI_BYTE, 0, r->session->comm);
    add_summary(r, &summary);
    return ss_sched_agree(r->session->comm, error);
}

/* Wide runs first: they are the longest, and after them all ranks have something to do. */
static ss_error execute_wide_runs(ss_sweep_run *r)
{
    uint64_t *set;
    int64_t count;
    if (r->forecast.cells == 0) {
        return SS_OK;
    }
    ss_error error = select_tasks(r, true, &set, &count);
    if (error == SS_OK && count > 0) {
        if (r->session->rank == 0) {
            print_grids(r, count);
        }
        error = execute_on_grids(r, set);
    }
    free(set);
    return error;
}

static ss_error execute_small_runs(ss_sweep_run *r)
{
    uint64_t *set;
    int64_t count;
    ss_sched_summary summary = {.seconds = 0};
    if (r->summary.stopped || r->forecast.cells == r->sweep.plan.cells) {
        return SS_OK;
    }
    ss_error error = select_tasks(r, false, &set, &count);
    if (error == SS_OK) {
        r->flight = &r->alone;
        error = schedule(r, r->session->comm, set, &summary);
    }
    free(set);
    add_summary(r, &summary);
    return error;
}

static ss_error execute_round(ss_sweep_run *r)
{
    SS_TRY(execute_wide_runs(r));
    return execute_small_runs(r);
}

/* Round after round, until a round has nothing left to do: each looks at what is committed. */
static ss_error execute_rounds(ss_sweep_run *r)
{
    int64_t runs;
    for (int64_t number = 1; !r->summary.stopped; number++) {
        SS_TRY(ss_round_begin(r, number, &runs));
        if (number > 1 && runs == 0) {
            return SS_OK;
        }
        SS_TRY(execute_round(r));
    }
    return SS_OK;
}

ss_error ss_phases_execute(ss_sweep_run *r)
{
    r->next_sync = ss_clock_seconds() + sync_interval;
    SS_TRY(r->sweep.spec->until_se > 0 ? execute_rounds(r) : execute_round(r));
    int64_t flights[] = {r->saved + r->alone.saved, r->continued + r->alone.continued};
    MPI_Allreduce(MPI_IN_PLACE, flights, 2, MPI_INT64_T, MPI_SUM, r->session->comm);
    r->saved = flights[0];
    r->continued = flights[1];
    return SS_OK;
}
