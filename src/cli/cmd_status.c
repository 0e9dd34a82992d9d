#include "../base/clock.h"
#include "../result/executions.h"
#include "../result/failures.h"
#include "../result/sweep.h"
#include "cli.h"
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct status_options {
    int cells;
    int executions;
    int watch;
} status_options;

/* Seconds between two looks at a file that is being written. */
static const double watch_interval = 2;

static void print_seeds(const ss_plan *plan)
{
    const ss_spec *spec = plan->spec;
    if (spec->until_se > 0) {
        printf("seeds       %" PRId64 " to %" PRId64 ", until the standard error is within %g %%\n",
               spec->first_seeds, plan->seeds, 100 * spec->until_se);
    } else {
        printf("seeds       %" PRId64 "\n", plan->seeds);
    }
}

static void print_tally(const char *path, const ss_sweep *sweep, const ss_tally *tally)
{
    char writer[512];
    char shard[SS_SHARD_TEXT_SIZE];
    printf("file        %s\n", path);
    if (ss_store_lock_peek(path, writer, sizeof writer)) {
        printf("writer      %s\n", writer);
    }
    printf("sweep       %s\n", sweep->spec->name);
    if (sweep->plan.shard.count > 1) {
        printf("shard       %s\n", ss_shard_format(sweep->plan.shard, shard));
    }
    printf("cells       %" PRId64 "\n", sweep->plan.cells);
    print_seeds(&sweep->plan);
    printf("runs        %" PRId64 "\n", ss_plan_runs(&sweep->plan));
    printf("done        %" PRId64 "\n", tally->runs[SS_RUN_DONE]);
    printf("pending     %" PRId64 "\n", ss_tally_pending(tally));
    if (sweep->spec->until_se > 0) {
        printf("wanted      %" PRId64 " (of those pending: the others' cells have enough seeds)\n",
               ss_tally_wanted(tally));
    }
    if (tally->runs[SS_RUN_PARTIAL] > 0) {
        printf("partial     %" PRId64 " (of those pending: saved part-way)\n",
               tally->runs[SS_RUN_PARTIAL]);
    }
    printf("diverged    %" PRId64 "\n", tally->runs[SS_RUN_DIVERGED]);
    printf("failed      %" PRId64 "\n", tally->runs[SS_RUN_FAILED]);
}

static ss_error print_executions(const ss_store *store, const status_options *options)
{
    ss_executions *executions;
    ss_error error = SS_OK;
    SS_TRY(ss_executions_read(store, &executions));
    printf("executions  ");
    ss_executions_print_count(executions);
    if (executions->count > 0) {
        printf(", the last: ");
        ss_executions_print_one(&executions->records[executions->count - 1]);
    }
    printf("\n");
    if (options->executions && executions->count > 0) {
        printf("\n");
        error = ss_executions_print(executions);
    }
    free(executions);
    return error;
}

static ss_error print_open(const ss_store *store, const char *path, const status_options *options,
                           ss_sweep *sweep, ss_tally *tally)
{
    SS_TRY(ss_sweep_of_store(store, path, sweep));
    SS_TRY(ss_tally_all(store, &sweep->plan, tally));
    print_tally(path, sweep, tally);
    SS_TRY(print_executions(store, options));
    ss_seeds_print(&sweep->plan, &tally->seeds);
    if (ss_tally_failures(tally) > 0) {
        printf("\n");
        SS_TRY(ss_failures_print(store, &sweep->plan, tally));
    }
    if (options->cells) {
        printf("\n");
        SS_TRY(ss_tally_print_cells(store, &sweep->plan));
    }
    return SS_OK;
}

static ss_error print_once(const char *path, const status_options *options, int64_t *wanted)
{
    ss_store *store;
    ss_sweep sweep = {0};
    ss_tally tally = {0};
    SS_TRY(ss_store_open_for_reading(path, &store));
    ss_error error = print_open(store, path, options, &sweep, &tally);
    ss_sweep_release(&sweep);
    ss_store_close(&store);
    *wanted = ss_tally_wanted(&tally);
    return error;
}

static ss_error print_status(const char *path, void *context)
{
    static const char clear_terminal[] = "\033[H\033[2J";
    const status_options *options = context;
    const char *before = !options->watch ? "" : isatty(STDOUT_FILENO) ? clear_terminal : "\n";
    int64_t wanted;
    for (;;) { /* opens the file anew each time: HDF5 may keep what it has read */
        printf("%s", before);
        SS_TRY(print_once(path, options, &wanted));
        if (!options->watch || wanted == 0) {
            return SS_OK;
        }
        fflush(stdout);
        ss_clock_sleep(watch_interval);
    }
}

int ss_cmd_status(int argc, char **argv)
{
    status_options wanted = {0};
    const ss_option options[] = {
        {"--cells", NULL, NULL, "also a line for each cell", SS_OPTION_FLAG, &wanted.cells},
        {"--executions", NULL, NULL, "also a line for each `run` that has opened the file",
         SS_OPTION_FLAG, &wanted.executions},
        {"--watch", NULL, NULL, "again every 2 seconds, until no run is wanted", SS_OPTION_FLAG,
         &wanted.watch},
    };
    const ss_command_line line = {
        .usage = "saddlesweep status FILE.h5 [--cells] [--executions] [--watch]",
        .description =
            "Shows how many runs of a result file are done, pending, diverged and failed, and\n"
            "which parameter values those have in common, and how the last execution of `run` "
            "ended.\n"
            "Works while a run is writing the file.",
        .positional = "FILE.h5",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    return ss_options_command(&line, argc, argv, print_status, &wanted);
}
