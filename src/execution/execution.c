#include "execution.h"

#include "../base/clock.h"
#include "../base/memory.h"
#include "../base/phase.h"
#include "../result/failures.h"
#include "../result/reduction.h"
#include "../result/tally.h"
#include "../sched/drain.h"
#include "provenance.h"
#include "saddlesweep/kernel.h"
#include "sweep_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Of a sweep of both, the one that small runs use. */
static const char *kernel_name(const ss_sweep_run *r)
{
    return r->forecast.cells == r->sweep.plan.cells
               ? ss_kernel_level_name(SS_LEVEL_WIDE)
               : ss_workspace_kernel(r->workspace, r->sweep.spec->precision);
}

/* Which grids there will be, from the least memory that a rank has anywhere. Collective. */
static ss_error choose_grids(ss_sweep_run *r)
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

static ss_error open_output(ss_sweep_run *r)
{
    ss_error error = ss_provenance_hosts(r->session->comm, &r->hosts);
    SS_TRY(ss_sched_agree(r->session->comm, error));
    const ss_output_options options = {
        .hosts = r->hosts.data,
        .kernel = kernel_name(r),
        .retry_failed = r->options->retry_failed,
        .io = r->options->io,
    };
    return ss_output_open(r->session, r->options->output, &r->sweep, &r->tasks, &options,
                          &r->output);
}

/* While no run is in flight. */
static bool is_to_stop(void *context, const char *what)
{
    const ss_sweep_run *r = context;
    ss_cues_give_phase(&r->cues, what);
    double stop_at = r->options->deadline.stop_at;
    return ss_drain_requested() || (stop_at > 0 && ss_clock_seconds() >= stop_at);
}

static ss_error prepare(ss_sweep_run *r)
{
    SS_TRY(ss_sweep_load_all(r->session->comm, r->options->spec_path, &r->options->overrides,
                             r->options->shard, &r->sweep));
    if (r->session->rank == 0) {
        ss_sweep_warn(&r->sweep);
        ss_phase_speak(r->options->style == SS_PROGRESS_NONE ? NULL : r->sweep.label,
                       r->options->style == SS_PROGRESS_LIVE);
        ss_phase_listen(is_to_stop, r); /* the other ranks wait for this one */
    }
    SS_TRY(ss_sched_agree_once(r->session->comm, ss_workspace_create(&r->workspace)));
    SS_TRY(ss_sched_agree_once(r->session->comm, choose_grids(r)));
    SS_TRY(ss_sched_agree_once(r->session->comm, ss_cues_read(&r->cues)));
    r->tasks.plan = &r->sweep.plan;
    ss_error error = ss_plan_longest_first(&r->sweep.plan, &r->tasks.order);
    if (error == SS_OK) {
        error = ss_allocate((size_t)ss_plan_result_count(&r->sweep.plan), sizeof *r->trajectory,
                            &r->trajectory);
    }
    if (error == SS_OK && r->session->rank == 0) {
        error = ss_reuse_open(&r->options->reuse, r->options->output, r->options->retry_failed,
                              &r->reuse);
    }
    return ss_sched_agree(r->session->comm, error);
}

/* Its record is synced with what is committed first. */
static ss_error begin_execution(ss_sweep_run *r)
{
    SS_TRY(
        ss_logbook_begin(r->session, r->output.store, r->hosts.data, kernel_name(r), &r->logbook));
    r->unsynced = r->logbook.row >= 0;
    return SS_OK;
}

/* Before any rank commits. */
static ss_error take_over(ss_sweep_run *r)
{
    ss_error error = SS_OK;
    if (r->session->rank == 0) {
        error = ss_reuse_take(&r->reuse, r->output.store, &r->tasks, r->output.pending);
        if (error == SS_OK && r->reuse.taken > 0) {
            r->unsynced = true;
            error = ss_phases_sync(r);
        }
        ss_reuse_close(&r->reuse);
    }
    return ss_sched_agree(r->session->comm, error);
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
static int status_of(const ss_sweep_run *r, const ss_sched_summary *summary, const ss_tally *tally)
{
    if (ss_tally_wanted(tally) == 0 && ss_tally_failures(tally) == 0) {
        return SS_EXIT_DONE;
    }
    bool failed_fast = r->options->fail_fast && failures_of(summary) > 0;
    return summary->stopped && !failed_fast ? SS_EXIT_RESUMABLE : SS_EXIT_INCOMPLETE;
}

static void print_counts(const ss_sweep_run *r, const ss_sched_summary *summary,
                         const ss_tally *tally)
{
    ss_tally_print_counts(r->sweep.label, tally, committed_by(summary), summary->seconds);
    if (r->continued > 0) {
        printf("%" PRId64 " runs went on from where they had been saved\n", r->continued);
    }
}

static void print_stopped(const ss_sweep_run *r, int status)
{
    const ss_deadline *deadline = &r->options->deadline;
    const char *why =
        status == SS_EXIT_INCOMPLETE ? " at a run that did not end well (--fail-fast)" : "";
    bool in_time = !why[0] && deadline->stop_at > 0 && ss_clock_seconds() >= deadline->stop_at;
    printf("stopped early%s%s%s, %" PRId64 " runs in flight saved; the same command goes on\n", why,
           in_time ? " because of " : "", in_time ? deadline->why : "", r->saved);
}

/* What all runs of the file have come to, on stdout; sets the exit status. Rank 0 alone. */
static ss_error conclude(const ss_sweep_run *r, const ss_sched_summary *summary, int *status)
{
    ss_tally tally;
    SS_TRY(ss_tally_all(r->output.store, &r->sweep.plan, &tally));
    *status = status_of(r, summary, &tally);
    print_counts(r, summary, &tally);
    ss_seeds_print(&r->sweep.plan, &tally.seeds);
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

static ss_error execute_sweep(ss_sweep_run *r, int *status)
{
    MPI_Comm comm = r->session->comm;
    ss_sched_summary *summary = &r->summary;
    SS_TRY(prepare(r));
    SS_TRY(open_output(r));
    SS_TRY(begin_execution(r));
    SS_TRY(take_over(r));
    r->alone = ss_flight_begin(&ss_crew_alone, r->options->output, r->workspace,
                               (double)r->options->checkpoint, &r->cues);
    SS_TRY(ss_phases_execute(r));
    SS_TRY(ss_sched_agree(comm, ss_store_sync(r->output.store)));
    if (!summary->stopped) { /* whoever stops a sweep wants it to end now */
        ss_phase_listen(is_to_stop, r);
        SS_TRY(ss_reduce_all(comm, r->output.store, &r->sweep.plan));
    }
    ss_phase_listen(NULL, NULL); /* also after a signal what there is gets told */
    return ss_sched_agree(comm, r->session->rank == 0 ? conclude(r, summary, status) : SS_OK);
}

/* Notes how the execution ended, also after an error, which is the one to tell then. */
static ss_error end_execution(ss_sweep_run *r, ss_error error, int status)
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
    ss_sweep_run r = {
        .session = session,
        .options = options,
        .output = {.session = session, .lock = SS_STORE_NO_LOCK},
        .logbook = ss_logbook_blank(),
    };
    ss_error error = execute_sweep(&r, status);
    ss_phase_listen(NULL, NULL);
    error = ss_output_close(&r.output, end_execution(&r, error, *status));
    ss_flight_end(&r.alone);
    ss_workspace_destroy(&r.workspace);
    ss_sweep_release(&r.sweep);
    free(r.hosts.data);
    free(r.tasks.order);
    free(r.round);
    free(r.trajectory);
    ss_reuse_close(&r.reuse);
    return error;
}
