#include "execution.h"

#include "../base/clock.h"
#include "../base/memory.h"
#include "../result/failures.h"
#include "../result/reduction.h"
#include "../result/tally.h"
#include "flight.h"
#include "logbook.h"
#include "output.h"
#include "provenance.h"
#include "reuse.h"
#include "saddlesweep/kernel.h"
#include "wide_phase.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One rank's part of a sweep in progress. */
typedef struct sweep_run {
    const ss_session *session;
    const ss_execution_options *options;
    ss_sweep sweep;
    ss_task_order tasks;
    ss_workspace *workspace;
    ss_output output;
    ss_text hosts; /* rank 0 */
    ss_logbook logbook;
    ss_sched_summary summary;
    ss_reuse reuse;     /* rank 0 */
    double *trajectory; /* of the run in progress */
    ss_flight flight;
    ss_wide_forecast forecast; /* of the runs that go on process grids */
    ss_wide_phase *wide;       /* while they do; NULL before and after */

    /* what this rank has committed and not yet synced */
    bool unsynced;
    double next_sync;
    ss_ticker ticker;
    ss_error sync_error; /* met in the middle of a run */
    ss_sched_poll poll;  /* of the run in progress */
    void *poll_context;
} sweep_run;

/* A power cut costs no more than the runs of these seconds. */
static const double sync_interval = 5;

/* Of a sweep of both, the one that small runs use. */
static const char *kernel_name(const sweep_run *r)
{
    return r->forecast.cells == r->sweep.plan.cells
               ? ss_kernel_level_name(SS_LEVEL_WIDE)
               : ss_workspace_kernel(r->workspace, r->sweep.spec->precision);
}

/* Which grids there will be, from the least memory that a rank has anywhere. Collective. */
static ss_error choose_grids(sweep_run *r)
{
    MPI_Comm host;
    int ranks_here;
    MPI_Comm_split_type(r->session->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(host, &ranks_here);
    MPI_Comm_free(&host);
    double memory = ss_wide_memory_of_rank(ranks_here);
    MPI_Allreduce(MPI_IN_PLACE, &memory, 1, MPI_DOUBLE, MPI_MIN, r->session->comm);
    return ss_wide_choose(&r->sweep.plan, r->session->ranks, memory, &r->forecast);
}

static ss_error open_output(sweep_run *r)
{
    ss_error error = ss_provenance_hosts(r->session->comm, &r->hosts);
    SS_TRY(ss_sched_agree(r->session->comm, error));
    ss_output_origin origin = {
        .hosts = r->hosts.data,
        .kernel = kernel_name(r),
    };
    return ss_output_open(r->session, r->options->output, &r->sweep, &r->tasks, origin,
                          r->options->retry_failed, &r->output);
}

static ss_error prepare(sweep_run *r)
{
    SS_TRY(ss_sweep_load_all(r->session->comm, r->options->spec_path, &r->options->overrides,
                             r->options->shard, &r->sweep));
    SS_TRY(ss_sched_agree_once(r->session->comm, ss_workspace_create(&r->workspace)));
    SS_TRY(ss_sched_agree_once(r->session->comm, choose_grids(r)));
    r->tasks.plan = &r->sweep.plan;
    ss_error error = ss_plan_longest_first(&r->sweep.plan, &r->tasks.order);
    if (error == SS_OK) {
        error =
            ss_allocate((size_t)r->sweep.plan.checkpoints, sizeof *r->trajectory, &r->trajectory);
    }
    if (error == SS_OK && r->session->rank == 0) {
        error = ss_reuse_open(&r->options->reuse, r->options->output, r->options->retry_failed,
                              &r->reuse);
    }
    return ss_sched_agree(r->session->comm, error);
}

static double predict(void *context, int64_t task)
{
    const sweep_run *r = context;
    ss_run run = ss_plan_run(&r->sweep.plan, ss_task_cell(&r->tasks, task), 0);
    ss_grid_shape shape = r->forecast.shape;
    return r->wide ? ss_wide_cost_seconds(&run, shape.rows * shape.columns)
                   : ss_run_cost_seconds(&run);
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

static ss_error sync_now(void *context)
{
    sweep_run *r = context;
    if (!r->unsynced) {
        return SS_OK;
    }
    r->unsynced = false;
    return ss_store_sync(r->output.store);
}

/* Its record is synced with what is committed first. */
static ss_error begin_execution(sweep_run *r)
{
    SS_TRY(
        ss_logbook_begin(r->session, r->output.store, r->hosts.data, kernel_name(r), &r->logbook));
    r->unsynced = r->logbook.row >= 0;
    return SS_OK;
}

/* Before any rank commits. */
static ss_error take_over(sweep_run *r)
{
    ss_error error = SS_OK;
    if (r->session->rank == 0) {
        error = ss_reuse_take(&r->reuse, r->output.store, &r->tasks, r->output.pending);
        if (error == SS_OK && r->reuse.taken > 0) {
            r->unsynced = true;
            error = sync_now(r);
        }
        ss_reuse_close(&r->reuse);
    }
    return ss_sched_agree(r->session->comm, error);
}

static ss_error sync_if_due(sweep_run *r, double now)
{
    if (now < r->next_sync) {
        return SS_OK;
    }
    r->next_sync = now + sync_interval;
    return sync_now(r);
}

/* Between iterations: what was committed before a long run must not wait for its end. */
static int watch(void *context, int64_t t, int64_t iterations)
{
    sweep_run *r = context;
    double now;
    int stop = r->poll(r->poll_context, t, iterations);
    if (!stop && r->unsynced && ss_ticker_read(&r->ticker, &now)) {
        r->sync_error = sync_if_due(r, now);
    }
    return stop || r->sync_error != SS_OK;
}

static ss_error execute(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                        ss_task_result *result)
{
    sweep_run *r = context;
    int64_t cell = ss_task_cell(&r->tasks, task);
    int64_t seed_index = ss_task_seed_index(&r->tasks, task);
    ss_run run = ss_plan_run(&r->sweep.plan, cell, seed_index);
    ss_run_outcome outcome;
    r->poll = poll;
    r->poll_context = poll_context;
    r->ticker = ss_ticker_of(sync_interval / 16, ss_clock_seconds());
    if (r->wide) {
        ss_wide_phase_order(r->wide, task);
        ss_wide_flight_execute(&r->wide->flight, &run, watch, r, r->trajectory, &outcome);
    } else {
        ss_flight_execute(&r->flight, &run, watch, r, r->trajectory, &outcome);
    }
    SS_TRY(r->sync_error);
    *result = result_of(outcome.status);
    ss_record record = ss_record_of(&run, &outcome, r->session->rank, r->trajectory);
    if (*result == SS_TASK_STOPPED) {
        return outcome.status == SS_RUN_PARTIAL
                   ? ss_store_mark(r->output.store, cell, seed_index, &record)
                   : SS_OK;
    }
    SS_TRY(ss_store_commit(r->output.store, cell, seed_index, &record, r->trajectory));
    if (r->wide) {
        ss_wide_flight_landed(&r->wide->flight);
    } else {
        ss_flight_landed(&r->flight);
    }
    r->unsynced = true;
    return sync_if_due(r, ss_clock_seconds());
}

static int64_t failures_of(const ss_sched_summary *summary)
{
    return summary->results[SS_TASK_DIVERGED] + summary->results[SS_TASK_FAILED];
}

static int64_t committed_by(const ss_sched_summary *summary)
{
    return summary->results[SS_TASK_DONE] + failures_of(summary);
}

/* Repeating the command of a sweep that a failure stopped would not end it: no exit status 75,
 * which job scripts repeat. */
static int status_of(const sweep_run *r, const ss_sched_summary *summary, const ss_tally *tally)
{
    if (tally->runs[SS_RUN_DONE] == ss_plan_runs(&r->sweep.plan)) {
        return SS_EXIT_DONE;
    }
    bool failed_fast = r->options->fail_fast && failures_of(summary) > 0;
    return summary->stopped && !failed_fast ? SS_EXIT_RESUMABLE : SS_EXIT_INCOMPLETE;
}

static void print_counts(const sweep_run *r, const ss_sched_summary *summary, const ss_tally *tally)
{
    ss_tally_print_counts(r->sweep.label, tally, committed_by(summary), summary->seconds);
    if (r->flight.continued > 0) {
        printf("%" PRId64 " runs went on from where they had been saved\n", r->flight.continued);
    }
}

static void print_stopped(const sweep_run *r, int status)
{
    const ss_deadline *deadline = &r->options->deadline;
    const char *why =
        status == SS_EXIT_INCOMPLETE ? " at a run that did not end well (--fail-fast)" : "";
    bool in_time = !why[0] && deadline->stop_at > 0 && ss_clock_seconds() >= deadline->stop_at;
    printf("stopped early%s%s%s, %" PRId64 " runs in flight saved; the same command goes on\n", why,
           in_time ? " because of " : "", in_time ? deadline->why : "", r->flight.saved);
}

/* What all runs of the file have come to, on stdout; sets the exit status. Rank 0 alone. */
static ss_error conclude(const sweep_run *r, const ss_sched_summary *summary, int *status)
{
    ss_tally tally;
    SS_TRY(ss_tally_all(r->output.store, &tally));
    *status = status_of(r, summary, &tally);
    print_counts(r, summary, &tally);
    if (summary->stopped) {
        print_stopped(r, *status);
    } else {
        ss_saved_run_remove_all(r->options->output); /* of runs that a kill left behind */
    }
    if (*status == SS_EXIT_INCOMPLETE) {
        SS_TRY(ss_failures_print(r->output.store, &r->sweep.plan, &tally));
    }
    printf("result file: %s\n", r->options->output);
    return SS_OK;
}

/* Tasks that are pending, of those that are wide or of the others: the set (rank 0's, allocated by
 * it) and, on all ranks, their number. Collective. */
static ss_error select_tasks(sweep_run *r, bool wide, uint64_t **set, int64_t *count)
{
    const ss_plan *plan = &r->sweep.plan;
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
            bool chosen =
                ss_plan_is_wide(plan, &run) == wide && ss_pending_has(r->output.pending, task);
            (*set)[task / 64] |= (uint64_t)chosen << (task % 64);
            *count += chosen;
        }
    }
    MPI_Bcast(count, 1, MPI_INT64_T, 0, r->session->comm);
    return ss_sched_agree(r->session->comm, error);
}

/* Runs the tasks of a set on the ranks of `comm`, whose rank 0 is that of the session. */
static ss_error schedule(sweep_run *r, MPI_Comm comm, const uint64_t *set,
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
        .idle = sync_now,
    };
    return ss_sched_execute(comm, &tasks, r->sweep.label, r->options->style, summary);
}

/* A rank of a grid that is not its first: does what that one says. */
static void follow(sweep_run *r)
{
    int64_t task;
    while ((task = ss_wide_phase_next(r->wide)) >= 0) {
        ss_run_outcome outcome;
        ss_run run = ss_plan_run(&r->sweep.plan, ss_task_cell(&r->tasks, task),
                                 ss_task_seed_index(&r->tasks, task));
        ss_wide_flight_execute(&r->wide->flight, &run, NULL, NULL, r->trajectory, &outcome);
    }
}

static void print_grids(const sweep_run *r, int64_t runs)
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

static ss_error execute_on_grids(sweep_run *r, const uint64_t *set)
{
    ss_wide_phase phase;
    ss_error error = ss_wide_phase_open(r->session, &r->forecast, r->sweep.spec->wide_block,
                                        r->options->output, (double)r->options->checkpoint, &phase);
    if (error == SS_OK && phase.comm != MPI_COMM_NULL) {
        r->wide = &phase;
        if (phase.leaders != MPI_COMM_NULL) {
            error = schedule(r, phase.leaders, set, &r->summary);
            ss_wide_phase_order(&phase, -1);
        } else {
            follow(r);
        }
        r->wide = NULL;
        r->flight.saved += phase.flight.saved;
        r->flight.continued += phase.flight.continued;
    }
    ss_sched_wait_for_all(r->session->comm);
    ss_wide_phase_close(&phase);
    MPI_Bcast(&r->summary, sizeof r->summary, MPI_BYTE, 0, r->session->comm);
    return ss_sched_agree(r->session->comm, error);
}

/* Wide runs first: they are the longest, and after them all ranks have something to do. */
static ss_error execute_wide_runs(sweep_run *r)
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

static ss_error execute_small_runs(sweep_run *r)
{
    uint64_t *set;
    int64_t count;
    ss_sched_summary summary = {.seconds = 0};
    if (r->summary.stopped || r->forecast.cells == r->sweep.plan.cells) {
        return SS_OK;
    }
    ss_error error = select_tasks(r, false, &set, &count);
    if (error == SS_OK) {
        error = schedule(r, r->session->comm, set, &summary);
    }
    free(set);
    for (int i = 0; i < SS_TASK_RESULTS; i++) {
        r->summary.results[i] += summary.results[i];
    }
    r->summary.stopped = summary.stopped;
    r->summary.seconds += summary.seconds;
    return error;
}

static ss_error execute_sweep(sweep_run *r, int *status)
{
    MPI_Comm comm = r->session->comm;
    ss_sched_summary *summary = &r->summary;
    SS_TRY(prepare(r));
    SS_TRY(open_output(r));
    SS_TRY(begin_execution(r));
    SS_TRY(take_over(r));
    r->next_sync = ss_clock_seconds() + sync_interval;
    r->flight = ss_flight_begin(r->options->output, r->workspace, (double)r->options->checkpoint);
    SS_TRY(execute_wide_runs(r));
    SS_TRY(execute_small_runs(r));
    SS_TRY(ss_sched_agree(comm, ss_store_sync(r->output.store)));
    int64_t flights[] = {r->flight.saved, r->flight.continued};
    MPI_Allreduce(MPI_IN_PLACE, flights, 2, MPI_INT64_T, MPI_SUM, comm);
    r->flight.saved = flights[0];
    r->flight.continued = flights[1];
    if (!summary->stopped) { /* whoever stops a sweep wants it to end now */
        SS_TRY(ss_reduce_all(comm, r->output.store, &r->sweep.plan));
    }
    return ss_sched_agree(comm, r->session->rank == 0 ? conclude(r, summary, status) : SS_OK);
}

/* Notes how the execution ended, also after an error, which is the one to tell then. */
static ss_error end_execution(sweep_run *r, ss_error error, int status)
{
    char told[4096];
    snprintf(told, sizeof told, "%s", ss_error_text());
    ss_error noted = ss_logbook_end(&r->logbook, r->output.store, committed_by(&r->summary),
                                    error == SS_OK ? status : ss_error_exit_status(error));
    return error == SS_OK ? noted : ss_fail(error, "%s", told);
}

ss_error ss_execution_run(const ss_session *session, const ss_execution_options *options,
                          int *status)
{
    sweep_run r = {
        .session = session,
        .options = options,
        .output = {.session = session, .lock = {.descriptor = -1}},
        .logbook = ss_logbook_blank(),
    };
    ss_error error = execute_sweep(&r, status);
    error = ss_output_close(&r.output, end_execution(&r, error, *status));
    ss_flight_end(&r.flight);
    ss_workspace_destroy(&r.workspace);
    ss_sweep_release(&r.sweep);
    free(r.hosts.data);
    free(r.tasks.order);
    free(r.trajectory);
    ss_reuse_close(&r.reuse);
    return error;
}
