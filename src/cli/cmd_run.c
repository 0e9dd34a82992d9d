#include "../base/clock.h"
#include "../base/memory.h"
#include "cli.h"
#include "flight.h"
#include "options.h"
#include "pending.h"
#include "provenance.h"
#include "reduction.h"
#include "saddlesweep/sched.h"
#include "session.h"
#include "sweep.h"
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct run_options {
    const char *spec_path;
    const char *output;
    const char *progress;
    int64_t checkpoint; /* seconds */
    int64_t time_limit; /* seconds from the start of the program on; 0: none */
    double started;
    ss_option_texts overrides;
} run_options;

/* One rank's part of a sweep in progress. */
typedef struct sweep_run {
    const ss_session *session;
    const run_options *options;
    ss_sweep sweep;
    ss_task_order tasks;
    ss_workspace *workspace;
    ss_store *store;
    ss_store_lock lock;
    uint64_t *pending;  /* rank 0 */
    double *trajectory; /* of the run in progress */
    ss_flight flight;
    double next_sync;
} sweep_run;

static const double sync_interval = 5;

static ss_error create_file(sweep_run *r)
{
    ss_text libraries = {0};
    ss_text hosts = {0};
    ss_error error = ss_provenance_hosts(r->session->comm, &hosts);
    if (error == SS_OK && r->session->rank == 0 && access(r->options->output, F_OK) != 0) {
        error = ss_provenance_libraries(&libraries);
        ss_provenance provenance = {
            .spec_text = r->sweep.text.data,
            .overrides = r->sweep.overrides.data,
            .hosts = hosts.data,
            .ranks = r->session->ranks,
            .kernel = ss_workspace_kernel(r->workspace, r->sweep.spec->precision),
            .libraries = libraries.data,
        };
        if (error == SS_OK) {
            error = ss_store_create(r->options->output, &r->sweep.plan, &provenance);
        }
    }
    free(libraries.data);
    free(hosts.data);
    return ss_sched_agree(r->session->comm, error);
}

/* Rank 0 alone: is the file this plan's, and what does it lack? */
static ss_error inspect_file(sweep_run *r)
{
    ss_store *store;
    SS_TRY(ss_store_open_for_reading(r->options->output, &store));
    ss_error error = ss_store_match(store, &r->sweep.plan);
    if (error == SS_OK) {
        error = ss_pending_find(store, &r->tasks, &r->pending);
    }
    ss_error closed = ss_store_close(&store);
    return error == SS_OK ? closed : error;
}

/* Takes the lock, creates the file or checks the one that is there, and opens it on all ranks. */
static ss_error open_result(sweep_run *r)
{
    MPI_Comm comm = r->session->comm;
    bool first = r->session->rank == 0;
    ss_error error =
        first ? ss_store_lock_alone(r->options->output, SS_STORE_LOCK_PATIENCE, &r->lock) : SS_OK;
    SS_TRY(ss_sched_agree(comm, error));
    SS_TRY(create_file(r));
    error = first ? inspect_file(r) : SS_OK;
    if (first && error == SS_OK) {
        error = ss_store_lock_shared(r->options->output, &r->lock);
    }
    SS_TRY(ss_sched_agree(comm, error));
    if (!first) {
        error = ss_store_lock_shared(r->options->output, &r->lock);
    }
    SS_TRY(ss_sched_agree(comm, error));
    return ss_sched_agree(comm, ss_store_open_for_writing(r->options->output, comm, &r->store));
}

static ss_error prepare(sweep_run *r)
{
    SS_TRY(ss_sweep_load_all(r->session->comm, r->options->spec_path, &r->options->overrides,
                             &r->sweep));
    SS_TRY(ss_sched_agree_once(r->session->comm, ss_workspace_create(&r->workspace)));
    r->tasks.plan = &r->sweep.plan;
    ss_error error = ss_plan_longest_first(&r->sweep.plan, &r->tasks.order);
    if (error == SS_OK) {
        error =
            ss_allocate((size_t)r->sweep.plan.checkpoints, sizeof *r->trajectory, &r->trajectory);
    }
    return ss_sched_agree(r->session->comm, error);
}

static double predict(void *context, int64_t task)
{
    const sweep_run *r = context;
    ss_run run = ss_plan_run(&r->sweep.plan, ss_task_cell(&r->tasks, task), 0);
    return ss_run_cost_seconds(&run);
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

static ss_error execute(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                        ss_task_result *result)
{
    sweep_run *r = context;
    int64_t cell = ss_task_cell(&r->tasks, task);
    int64_t seed_index = ss_task_seed_index(&r->tasks, task);
    ss_run run = ss_plan_run(&r->sweep.plan, cell, seed_index);
    ss_run_outcome outcome;
    ss_flight_execute(&r->flight, &run, poll, poll_context, r->trajectory, &outcome);
    *result = result_of(outcome.status);
    if (*result == SS_TASK_STOPPED) {
        return SS_OK;
    }
    ss_record record = ss_record_of(&run, &outcome, r->session->rank, r->trajectory);
    SS_TRY(ss_store_commit(r->store, cell, seed_index, &record, r->trajectory));
    ss_flight_landed(&r->flight);
    double now = ss_clock_seconds();
    if (now < r->next_sync) {
        return SS_OK;
    }
    r->next_sync = now + sync_interval;
    return ss_store_sync(r->store);
}

static ss_error choose_style(const char *name, ss_progress_style *style)
{
    static const char *const names[] = {"none", "plain", "live", "auto"};
    const char *wanted = name ? name : getenv("SADDLESWEEP_PROGRESS");
    int choice = 3;
    if (wanted && wanted[0]) {
        for (choice = 0; choice < 4 && strcmp(wanted, names[choice]) != 0; choice++) {
        }
    }
    if (choice == 4) {
        return ss_fail(SS_ERR_USAGE, "--progress: found \"%s\", expected auto, live, plain or none",
                       wanted);
    }
    static const ss_progress_style styles[] = {SS_PROGRESS_NONE, SS_PROGRESS_PLAIN,
                                               SS_PROGRESS_LIVE};
    *style = choice < 3              ? styles[choice]
             : isatty(STDERR_FILENO) ? SS_PROGRESS_LIVE
                                     : SS_PROGRESS_PLAIN;
    return SS_OK;
}

/* What all runs of the file have come to, on stdout; sets the exit status. Rank 0 alone. */
static ss_error conclude(const sweep_run *r, const ss_sched_summary *summary, int *status)
{
    ss_tally tally;
    char took[32];
    SS_TRY(ss_tally_all(r->store, &tally));
    int64_t runs = ss_plan_runs(&r->sweep.plan);
    int64_t now = summary->results[SS_TASK_DONE] + summary->results[SS_TASK_DIVERGED] +
                  summary->results[SS_TASK_FAILED];
    int64_t committed = runs - tally.runs[SS_RUN_PENDING];
    *status = committed < runs                      ? SS_EXIT_RESUMABLE
              : tally.runs[SS_RUN_DONE] < committed ? SS_EXIT_INCOMPLETE
                                                    : SS_EXIT_DONE;
    printf("%s: %" PRId64 " of %" PRId64 " runs committed (%" PRId64 " now, in %s): %" PRId64
           " done, %" PRId64 " diverged, %" PRId64 " failed\n",
           r->sweep.spec->name, committed, runs, now,
           ss_text_duration(summary->seconds, took, sizeof took), tally.runs[SS_RUN_DONE],
           tally.runs[SS_RUN_DIVERGED], tally.runs[SS_RUN_FAILED]);
    if (r->flight.continued > 0) {
        printf("%" PRId64 " runs went on from where they had been saved\n", r->flight.continued);
    }
    if (*status == SS_EXIT_RESUMABLE) {
        printf("stopped early, %" PRId64 " runs in flight saved; the same command goes on\n",
               r->flight.saved);
    } else {
        ss_saved_run_remove_all(r->options->output); /* of runs that a kill left behind */
    }
    if (*status == SS_EXIT_INCOMPLETE) {
        ss_tally_print_reasons(&tally);
        printf("cells with runs that are not done:\n");
        SS_TRY(ss_tally_print_cells(r->store, true));
    }
    printf("result file: %s\n", r->options->output);
    return SS_OK;
}

static ss_error execute_sweep(sweep_run *r, ss_progress_style style, int *status)
{
    MPI_Comm comm = r->session->comm;
    ss_sched_summary summary;
    SS_TRY(prepare(r));
    SS_TRY(open_result(r));
    ss_sched_tasks tasks = {
        .count = ss_plan_runs(&r->sweep.plan),
        .pending = r->pending,
        .alike = r->sweep.plan.seeds,
        .stop_at =
            r->options->time_limit > 0 ? r->options->started + (double)r->options->time_limit : 0,
        .context = r,
        .predict = predict,
        .execute = execute,
    };
    r->next_sync = ss_clock_seconds() + sync_interval;
    r->flight = ss_flight_begin(r->options->output, r->workspace, (double)r->options->checkpoint);
    SS_TRY(ss_sched_execute(comm, &tasks, r->sweep.spec->name, style, &summary));
    SS_TRY(ss_sched_agree(comm, ss_store_sync(r->store)));
    int64_t flights[] = {r->flight.saved, r->flight.continued};
    MPI_Allreduce(MPI_IN_PLACE, flights, 2, MPI_INT64_T, MPI_SUM, comm);
    r->flight.saved = flights[0];
    r->flight.continued = flights[1];
    if (!summary.stopped) { /* whoever stops a sweep wants it to end now */
        SS_TRY(ss_reduce_all(comm, r->store, &r->sweep.plan));
    }
    return ss_sched_agree(comm, r->session->rank == 0 ? conclude(r, &summary, status) : SS_OK);
}

static ss_error run_sweep(const ss_session *session, const run_options *options, int *status)
{
    ss_progress_style style = SS_PROGRESS_NONE;
    sweep_run r = {.session = session, .options = options, .lock = {.descriptor = -1}};
    SS_TRY(ss_sched_agree_once(session->comm, choose_style(options->progress, &style)));
    ss_error error = execute_sweep(&r, style, status);
    ss_error closed = r.store ? ss_store_close(&r.store) : SS_OK;
    error = ss_sched_agree(session->comm, error == SS_OK ? closed : error);
    if (session->rank != 0) {
        ss_store_unlock(&r.lock, false);
    }
    MPI_Barrier(session->comm);
    if (session->rank == 0) {
        ss_store_unlock(&r.lock, true);
    }
    ss_flight_end(&r.flight);
    ss_workspace_destroy(&r.workspace);
    ss_sweep_release(&r.sweep);
    free(r.tasks.order);
    free(r.trajectory);
    free(r.pending);
    return error;
}

int ss_cmd_run(int argc, char **argv)
{
    run_options options = {.checkpoint = 60, .started = ss_clock_seconds()};
    const ss_option table[] = {
        {"--output", "-o", "FILE.h5", "the result file: made anew, or gone on with", SS_OPTION_TEXT,
         &options.output},
        {"--set", NULL, "PATH=VALUE",
         "override a key of the sweep file, e.g. grid.n=[500,1000]; "
         "repeatable",
         SS_OPTION_REPEATED, &options.overrides},
        {"--checkpoint", NULL, "SECONDS",
         "save runs in flight this often (default 60), so that a kill costs no more",
         SS_OPTION_COUNT, &options.checkpoint},
        {"--time-limit", NULL, "SECONDS", "stop after this time as by a signal", SS_OPTION_COUNT,
         &options.time_limit},
        {"--progress", NULL, "STYLE", "auto (default), live, plain or none; on stderr",
         SS_OPTION_TEXT, &options.progress},
    };
    const ss_command_line line = {
        .usage = "[mpirun -n N] saddlesweep run SPEC -o FILE.h5 [OPTIONS]",
        .description =
            "Runs what FILE.h5 lacks of a sweep, on all ranks, and then reduces it to bands. The "
            "same\ncommand goes on after an interruption, and does nothing when all runs are "
            "committed.\nSIGTERM, SIGINT, SIGUSR1 and --time-limit stop it with exit status 75: "
            "runs "
            "in flight\nare saved, and go on from there. A second SIGINT stops at once.",
        .positional = "SPEC",
        .options = table,
        .option_count = sizeof table / sizeof table[0],
    };
    int help;
    int status = SS_EXIT_DONE;
    ss_sched_signals_begin(); /* one that comes while the file is prepared must not kill */
    ss_session session = ss_session_begin();
    ss_error error = ss_options_parse(&line, argc, argv, &options.spec_path, &help);
    if (error == SS_OK && !help && (!options.output || !options.output[0])) {
        error = ss_fail(SS_ERR_USAGE, "-o FILE.h5 is missing\nusage: %s", line.usage);
    }
    error = ss_sched_agree_once(session.comm, error);
    if (help && session.rank == 0) {
        ss_options_print_help(&line);
    } else if (error == SS_OK && !help) {
        error = run_sweep(&session, &options, &status);
    }
    free(options.overrides.texts);
    status = ss_session_end(&session, error, status);
    ss_sched_signals_end();
    return status;
}
