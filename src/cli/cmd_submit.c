#include "../slurm/submission.h"
#include "../slurm/units.h"
#include "cli.h"
#include "options.h"

#include "../base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the user gave, as texts. */
typedef struct submit_words {
    ss_texts specs;
    ss_texts extra;
    const char *time;
    ss_submit_options options;
} submit_words;

/* sbatch knows a long option by its beginning, too ("--node=3"), and takes the value of a short one
 * with it ("-N3"). */
static bool is_option(const char *word, const char *option)
{
    size_t length = strcspn(word, "=");
    size_t name = strlen(option);
    return strncmp(word, option, length < name && length > 2 ? length : name) == 0;
}

/* `submit` sets these by itself, or has options for them, which the prediction must know. */
static ss_error check_extra(const ss_texts *extra)
{
    static const struct {
        const char *name;
        const char *instead;
    } taken[] = {
        {"--nodes", "--nodes before the --"},
        {"-N", "--nodes before the --"},
        {"--ntasks", "--nodes and --ntasks-per-node before the --"},
        {"-n", "--nodes and --ntasks-per-node before the --"},
        {"--time", "--time before the --"},
        {"-t", "--time before the --"},
        {"--partition", "--partition before the --"},
        {"-p", "--partition before the --"},
        {"--array", "--shards before the --"},
        {"-a", "--shards before the --"},
        {"--output", "nothing: the log lies beside the result"},
        {"-o", "nothing: the log lies beside the result"},
        {"--signal", "nothing: the job stops in time by itself"},
        {"--no-requeue", "nothing: the job restarts by itself"},
        {"--wrap", "nothing: submit writes the script"},
    };
    for (size_t i = 0; i < extra->count; i++) {
        const char *word = extra->texts[i];
        for (size_t t = 0; t < sizeof taken / sizeof taken[0]; t++) {
            if (is_option(word, taken[t].name)) {
                return ss_fail(SS_ERR_USAGE, "-- %s: is set by submit itself; give %s", word,
                               taken[t].instead);
            }
        }
    }
    return extra->count > 0 && extra->texts[0][0] != '-'
               ? ss_fail(SS_ERR_USAGE, "-- %s: expected options of sbatch, e.g. --mail-type=END",
                         extra->texts[0])
               : SS_OK;
}

static ss_error check_launcher(const char **launcher)
{
    if (strcmp(*launcher, "srun") == 0) {
        *launcher = "srun --mpi=pmix --kill-on-bad-exit=1";
    } else if (strcmp(*launcher, "mpirun") != 0 && !strchr(*launcher, ' ')) {
        return ss_fail(SS_ERR_USAGE,
                       "--launcher: found \"%s\", expected srun, mpirun, or a launcher with its "
                       "options, e.g. \"srun --mpi=pmi2\"",
                       *launcher);
    }
    return SS_OK;
}

static ss_error check_words(submit_words *words)
{
    ss_submit_options *options = &words->options;
    if (words->specs.count == 0) {
        return ss_fail(SS_ERR_USAGE, "SPEC is missing; see \"saddlesweep submit --help\"");
    }
    if (!options->output || !options->output[0]) {
        return ss_fail(SS_ERR_USAGE, "-o FILE.h5 is missing; see \"saddlesweep submit --help\"");
    }
    if (words->time && !ss_slurm_seconds(words->time, &options->request.seconds)) {
        return ss_fail(SS_ERR_USAGE,
                       "--time: found \"%s\", expected minutes, H:M:S or D-H:M:S, e.g. 02:30:00",
                       words->time);
    }
    SS_TRY(check_launcher(&options->launcher));
    SS_TRY(check_extra(&words->extra));
    options->request.extra = words->extra.texts;
    options->request.extra_count = words->extra.count;
    ss_slurm_forget_environment(options->request.account, options->request.partition,
                                options->request.qos);
    SS_TRY(options->shards > 1 ? ss_slurm_check_array(options->shards) : SS_OK);
    return ss_slurm_partition_ask(options->request.partition, &options->partition);
}

/* Two sweeps that would write one file. */
static ss_error check_names(const ss_submission *submissions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(submissions[i].result, submissions[j].result) == 0) {
                return ss_fail(
                    SS_ERR_USAGE, "%s and %s: both would be written to %s; submit them apart",
                    submissions[j].spec_path, submissions[i].spec_path, submissions[i].result);
            }
        }
    }
    return SS_OK;
}

static ss_error prepare_all(const submit_words *words, ss_submission *submissions, size_t *prepared)
{
    struct stat there;
    const char *output = words->options.output;
    bool folder =
        (stat(output, &there) == 0 && S_ISDIR(there.st_mode)) || output[strlen(output) - 1] == '/';
    if (words->specs.count > 1 && !folder) {
        return ss_fail(SS_ERR_USAGE, "-o %s: expected a folder, as there are %zu sweeps", output,
                       words->specs.count);
    }
    for (size_t i = 0; i < words->specs.count; i++) {
        *prepared = i + 1;
        SS_TRY(
            ss_submission_prepare(&words->options, words->specs.texts[i], folder, &submissions[i]));
    }
    return check_names(submissions, words->specs.count);
}

static bool is_whole(const ss_submission *submission)
{
    return submission->wanted == 0;
}

/* Every sweep is found good by Slurm before one is submitted. */
static ss_error send_all(const submit_words *words, ss_submission *submissions)
{
    size_t count = words->specs.count;
    for (size_t i = 0; i < count; i++) {
        bool tried = !is_whole(&submissions[i]) && !words->options.no_submit;
        SS_TRY(tried ? ss_submission_try(&submissions[i]) : SS_OK);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_whole(&submissions[i])) {
            printf("%s: has every run; nothing to submit\n", submissions[i].result);
            continue;
        }
        ss_submission_print(&submissions[i], stdout);
        SS_TRY(ss_submission_write(&submissions[i]));
        if (words->options.no_submit) {
            ss_submission_print_by_hand(&submissions[i]);
        } else {
            SS_TRY(ss_submission_send(&submissions[i]));
        }
    }
    return SS_OK;
}

static ss_error submit(const char *positional, void *context)
{
    submit_words *words = context;
    ss_submission *submissions = NULL;
    (void)positional; /* all SPECs are in `words` */
    size_t prepared = 0;
    SS_TRY(check_words(words));
    SS_TRY(ss_allocate(words->specs.count, sizeof *submissions, &submissions));
    ss_error error = prepare_all(words, submissions, &prepared);
    if (error == SS_OK && words->options.dry_run) {
        for (size_t i = 0; i < prepared; i++) {
            ss_submission_print(&submissions[i], stderr);
            ss_submission_print_scripts(&submissions[i]);
        }
    } else if (error == SS_OK) {
        error = send_all(words, submissions);
    }
    for (size_t i = 0; i < prepared; i++) {
        ss_submission_release(&submissions[i]);
    }
    free(submissions);
    return error;
}

int ss_cmd_submit(int argc, char **argv)
{
    submit_words words = {
        .options = {.launcher = "srun", .python = "/usr/bin/python3", .shards = 1}};
    ss_slurm_request *request = &words.options.request;
    ss_option_key keys[2];
    const ss_option table[] = {
        {"--output", "-o", "FILE.h5", "the result file; a folder for several sweeps",
         SS_OPTION_TEXT, &words.options.output},
        {"--nodes", NULL, "N", "nodes to ask for (default 1)", SS_OPTION_COUNT, &request->nodes},
        {"--ntasks-per-node", NULL, "M", "ranks a node (default: its cores)", SS_OPTION_COUNT,
         &request->ntasks_per_node},
        {"--time", NULL, "TIME", "limit of a start (default: predicted, half as much again)",
         SS_OPTION_TEXT, &words.time},
        {"--partition", NULL, "P", "default: the cluster's", SS_OPTION_TEXT, &request->partition},
        {"--account", NULL, "A", "whom it is charged to", SS_OPTION_TEXT, &request->account},
        {"--qos", NULL, "Q", "quality of service", SS_OPTION_TEXT, &request->qos},
        {"--launcher", NULL, "WHAT", "srun (default), mpirun, or one with its options",
         SS_OPTION_TEXT, &words.options.launcher},
        {"--modules", NULL, "NAMES", "to be loaded in the jobs, e.g. \"openmpi hdf5\"",
         SS_OPTION_TEXT, &words.options.modules},
        {"--python", NULL, "PYTHON",
         "for the figures: one that has h5py and matplotlib (default /usr/bin/python3)",
         SS_OPTION_TEXT, &words.options.python},
        {"--shards", NULL, "N", "split the sweep over N jobs, for sites that give many small ones",
         SS_OPTION_COUNT, &words.options.shards},
        {"--set", NULL, "PATH=VALUE", "override a key of the sweep file; repeatable",
         SS_OPTION_REPEATED, &words.options.overrides},
        ss_options_until_se(&keys[0], &words.options.overrides),
        ss_options_max_seeds(&keys[1], &words.options.overrides),
        {"--reuse", NULL, "OLD.h5", "take over the runs of an older result file; repeatable",
         SS_OPTION_REPEATED, &words.options.reuse},
        {"--dry-run", NULL, NULL, "print the scripts; write and submit nothing", SS_OPTION_FLAG,
         &words.options.dry_run},
        {"--no-submit", NULL, NULL, "write the scripts and the sweep file, submit nothing",
         SS_OPTION_FLAG, &words.options.no_submit},
    };
    const ss_command_line line = {
        .usage = "saddlesweep submit SPEC... -o FILE.h5 --nodes N [OPTIONS] [-- OPTIONS OF SBATCH]",
        .description =
            "Submits a sweep to Slurm: a job that runs what FILE.h5 lacks, stops in time and "
            "restarts\nuntil every run is committed, and one after it for bands, law, figures "
            "and report. The sweep file\nis checked first; time and memory are predicted, "
            "proposed, "
            "and compared with what is asked\nfor. The job scripts are kept beside the result "
            "(FILE.sweep.sbatch, FILE.figures.sbatch),\nto be read, edited, and submitted by hand "
            "as well. The same command goes on after scancel.",
        .positional = "SPEC",
        .words = &words.specs,
        .rest = &words.extra,
        .options = table,
        .option_count = sizeof table / sizeof table[0],
    };
    int status = ss_options_command(&line, argc, argv, submit, &words);
    free(words.specs.texts);
    free(words.extra.texts);
    free(words.options.overrides.texts);
    free(words.options.reuse.texts);
    return status;
}
