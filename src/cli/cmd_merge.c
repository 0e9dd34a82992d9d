#include "../base/path.h"
#include "../execution/merge.h"
#include "cli.h"
#include "options.h"
#include "saddlesweep/sched.h"

#include <stdlib.h>

/* *real, the caller's to free: where `output` leads. */
static ss_error check(const ss_command_line *line, const char *output, char **real)
{
    if (!output || !output[0]) {
        return ss_fail(SS_ERR_USAGE, "-o FILE.h5 is missing\nusage: %s", line->usage);
    }
    return line->words->count > 0
               ? ss_path_follow(output, real)
               : ss_fail(SS_ERR_USAGE, "SHARD.h5 is missing\nusage: %s", line->usage);
}

static int merge(const ss_texts *shards, const char *output, ss_store_io io)
{
    int status = SS_EXIT_DONE;
    ss_error error = SS_OK;
    ss_session session = ss_session_begin();
    if (session.rank == 0) { /* other ranks only wait */
        ss_session alone = {.comm = MPI_COMM_SELF, .rank = 0, .ranks = 1};
        error = ss_merge_run(&alone, shards, output, io, &status);
    }
    return ss_session_end(&session, error, status);
}

int ss_cmd_merge(int argc, char **argv)
{
    const char *output = NULL;
    char *real = NULL;
    const char *none;
    ss_store_io io = SS_STORE_IO_MPIO;
    ss_texts shards = {0};
    const ss_option table[] = {
        {"--output", "-o", "FILE.h5", "the result file: made anew, or gone on with", SS_OPTION_TEXT,
         &output},
        ss_options_io(&io),
    };
    const ss_command_line line = {
        .usage = "saddlesweep merge SHARD.h5... -o FILE.h5 [OPTIONS]",
        .description =
            "Merges the result files of a sweep's shards (`run --shard I/N`) into that of the "
            "whole:\ntakes over every committed run whose checksums agree, and reduces them to "
            "bands. FILE.h5\nis then as if `run` had made it, and `run` may go on with it. The "
            "shards are only read,\nalso while they are being written. Exit status 75 while runs "
            "are pending: shards that\nare missing or incomplete are listed, and the same command "
            "goes on with them.",
        .positional = "SHARD.h5",
        .words = &shards,
        .options = table,
        .option_count = sizeof table / sizeof table[0],
    };
    int help;
    int status;
    ss_error error = ss_options_parse(&line, argc, argv, &none, &help);
    if (error == SS_OK && !help) {
        error = check(&line, output, &real);
    }
    if (!ss_options_without_mpi(&line, error, help, &status)) {
        status = merge(&shards, real, io);
    }
    free(real);
    free(shards.texts);
    return status;
}
