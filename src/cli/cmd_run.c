#include "../base/clock.h"
#include "../base/path.h"
#include "../execution/execution.h"
#include "cli.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* What the user gave. */
typedef struct command_words {
    double started; /* on the monotonic clock */
    int64_t time_limit;
    const char *progress;
    char *output; /* where -o leads */
    ss_execution_options options;
} command_words;

static ss_error check_options(const ss_command_line *line, command_words *words)
{
    ss_execution_options *options = &words->options;
    if (!options->output || !options->output[0]) {
        return ss_fail(SS_ERR_USAGE, "-o FILE.h5 is missing\nusage: %s", line->usage);
    }
    SS_TRY(ss_path_follow(options->output, &words->output));
    options->output = words->output;
    return choose_style(words->progress, &options->style);
}

static int execute(command_words *words)
{
    int status = SS_EXIT_DONE;
    ss_execution_options *options = &words->options;
    ss_session session = ss_session_begin();
    options->deadline = ss_deadline_of(words->started, words->time_limit);
    ss_deadline_share(session.comm, &options->deadline);
    ss_error error = ss_execution_run(&session, options, &status);
    return ss_session_end(&session, error, status);
}

static int parse_and_run(const ss_command_line *line, int argc, char **argv, command_words *words)
{
    int help;
    int status;
    ss_execution_options *options = &words->options;
    ss_error error = ss_options_parse(line, argc, argv, &options->spec_path, &help);
    if (error == SS_OK && !help) {
        error = check_options(line, words);
    }
    if (!ss_options_without_mpi(line, error, help, &status)) {
        status = execute(words);
    }
    free(words->output);
    free(options->overrides.texts);
    free(options->reuse.texts);
    return status;
}

int ss_cmd_run(int argc, char **argv)
{
    command_words words = {.started = ss_clock_seconds(),
                           .options = {.checkpoint = 60, .shard = SS_SHARD_WHOLE}};
    ss_execution_options *options = &words.options;
    ss_option_key keys[2];
    const ss_option table[] = {
        {"--output", "-o", "FILE.h5", "the result file: made anew, or gone on with", SS_OPTION_TEXT,
         &options->output},
        {"--set", NULL, "PATH=VALUE",
         "override a key of the sweep file, e.g. grid.n=[500,1000]; "
         "repeatable",
         SS_OPTION_REPEATED, &options->overrides},
        ss_options_until_se(&keys[0], &options->overrides),
        ss_options_max_seeds(&keys[1], &options->overrides),
        ss_options_shard(&options->shard),
        {"--checkpoint", NULL, "SECONDS",
         "save runs in flight this often (default 60), so that a kill costs no more",
         SS_OPTION_COUNT, &options->checkpoint},
        {"--time-limit", NULL, "SECONDS",
         "stop after this time as by a signal; also before the end of a Slurm job", SS_OPTION_COUNT,
         &words.time_limit},
        {"--reuse", NULL, "OLD.h5",
         "take over the runs that an older result file has of this sweep; repeatable",
         SS_OPTION_REPEATED, &options->reuse},
        {"--retry-failed", NULL, NULL, "run again what diverged or failed before", SS_OPTION_FLAG,
         &options->retry_failed},
        {"--fail-fast", NULL, NULL, "stop at the first run that diverges or fails", SS_OPTION_FLAG,
         &options->fail_fast},
        ss_options_io(&options->io),
        {"--progress", NULL, "STYLE", "auto (default), live, plain or none; on stderr",
         SS_OPTION_TEXT, &words.progress},
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
    ss_sched_signals_begin(); /* one that comes while the file is prepared must not kill */
    int status = parse_and_run(&line, argc, argv, &words);
    ss_sched_signals_end();
    return status;
}
