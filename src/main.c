#include "base/phase.h"
#include "base/process.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/cli.h"
#include "saddlesweep/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*execute)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"plan", ss_cmd_plan, "check a sweep file; show its cells, cost, memory and file size"},
    {"run", ss_cmd_run, "run what the result file lacks, then reduce (alone or under mpirun)"},
    {"merge", ss_cmd_merge, "merge the result files of a sweep's shards into one of the whole"},
    {"status", ss_cmd_status, "show how many runs are done, pending, diverged, failed"},
    {"reduce", ss_cmd_reduce, "recompute the bands of a result file"},
    {"fit", ss_cmd_fit, "fit scaling laws to the final errors, with confidence intervals"},
    {"verify", ss_cmd_verify, "check every checksum of a result file; recompute some of its runs"},
    {"export", ss_cmd_export, "write a table of all trajectories for pandas and R"},
    {"submit", ss_cmd_submit, "write and submit the Slurm jobs of a sweep"},
    {"bench", ss_cmd_bench, "measure this machine: the scheduler's speed and how far it scales"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    printf("Usage: saddlesweep COMMAND [ARGUMENTS]\n\n"
           "Studies when stochastic gradient descent-ascent learns a one-layer WGAN: expands a\n"
           "sweep file into runs, spreads them over MPI ranks, keeps every trajectory in one HDF5\n"
           "file, reduces them to bands, and fits scaling laws.\n\nCommands:\n");
    for (int i = 0; i < COMMANDS; i++) {
        printf("  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    printf("\n\"saddlesweep COMMAND --help\" tells more about one; --version prints the version.\n"
           "Exit status: 0 every run is committed; 1 the machine failed, what was committed is\n"
           "safe; 2 usage or sweep-file error, nothing was touched; 3 finished, but some runs\n"
           "diverged or failed; 75 stopped early, the same command goes on.\n");
}

static int unknown_command(const char *word)
{
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
    }
    const char *nearest = ss_text_nearest(word, names, COMMANDS);
    fprintf(stderr, "error: unknown command \"%s\"%s%s%s; see \"saddlesweep --help\"\n", word,
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return ss_error_exit_status(SS_ERR_USAGE);
}

static int execute(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return commands[i].execute(argc - 2, argv + 2);
        }
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help();
        return SS_EXIT_DONE;
    }
    if (strcmp(word, "--version") == 0) {
        printf("saddlesweep %s (%s)\n", ss_version(), ss_version_commit());
        return SS_EXIT_DONE;
    }
    if (argc < 2) {
        fprintf(stderr, "error: no command given; see \"saddlesweep --help\"\n");
        return ss_error_exit_status(SS_ERR_USAGE);
    }
    return unknown_command(word);
}

/* What a command could not say makes it fail, unless it has failed already. */
static int check_output(int status)
{
    bool failed = ferror(stdout) != 0;
    bool told = status == ss_error_exit_status(SS_ERR_IO);
    if ((fflush(stdout) == 0 && !failed) || told) {
        return status;
    }
    fprintf(stderr, "error: the standard output cannot be written: %s\n",
            failed ? "a write has failed" : strerror(errno));
    return status == SS_EXIT_DONE ? ss_error_exit_status(SS_ERR_IO) : status;
}

int main(int argc, char **argv)
{
    ss_process_note_parent();
    ss_phase_speak("saddlesweep", isatty(STDERR_FILENO));
    return check_output(execute(argc, argv));
}
