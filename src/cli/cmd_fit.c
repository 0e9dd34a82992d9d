#include "../execution/session.h"
#include "../fit/analysis.h"
#include "../fit/command.h"
#include "cli.h"
#include "options.h"
#include "saddlesweep/sched.h"

#include <inttypes.h>

static ss_error check_resamples(int64_t resamples)
{
    return resamples >= SS_FIT_LEAST_RESAMPLES && resamples <= SS_FIT_MOST_RESAMPLES
               ? SS_OK
               : ss_fail(SS_ERR_USAGE, "--resamples: found %" PRId64 ", expected %d to %d",
                         resamples, SS_FIT_LEAST_RESAMPLES, SS_FIT_MOST_RESAMPLES);
}

int ss_cmd_fit(int argc, char **argv)
{
    ss_fit_options wanted = {.resamples = 10000};
    int partial = 0;
    const ss_option options[] = {
        {"--json", NULL, "OUT", "write everything to OUT as well, for programs", SS_OPTION_TEXT,
         &wanted.json_path},
        {"--partial", NULL, NULL, "fit what there is of a file that is not finished",
         SS_OPTION_FLAG, &partial},
        {"--against", NULL, "AXIS",
         "the sample size that the law is about: n, or m (default: the one that varies; n if both "
         "do)",
         SS_OPTION_TEXT, &wanted.against},
        {"--resamples", NULL, "N", "bootstrap resamples, at least 2000 (default 10000)",
         SS_OPTION_COUNT, &wanted.resamples},
    };
    const ss_command_line line = {
        .usage = "[mpirun -n N] saddlesweep fit FILE.h5 [OPTIONS]",
        .description =
            "Fits log eps = c + alpha log d - beta log n to the cells' final errors, for each\n"
            "activation and rule for k, and tells the exponents a and b of n(d, eps) = C d^a "
            "eps^-b\n"
            "beside the bound of Theorem 4 (a = 5, b = 2), with intervals of 95 % from resamples "
            "of\n"
            "whole seeds; a second method fits to where each d's curve crosses levels of eps.\n"
            "docs/fit.md explains both. Grids that cannot identify an exponent are refused.",
        .positional = "FILE.h5",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    const char *path;
    int help;
    int status;
    ss_error error = ss_options_parse(&line, argc, argv, &path, &help);
    if (error == SS_OK && !help) {
        error = check_resamples(wanted.resamples);
    }
    if (ss_options_without_mpi(&line, error, help, &status)) {
        return status;
    }
    wanted.partial = partial;
    ss_session session = ss_session_begin();
    return ss_session_end(&session, ss_fit_file(&session, path, &wanted), SS_EXIT_DONE);
}
