#include "cli.h"
#include "options.h"
#include "reduction.h"
#include "saddlesweep/sched.h"
#include "session.h"

#include <inttypes.h>
#include <stdio.h>

static ss_error reduce_file(const ss_session *session, const char *path)
{
    ss_store *store = NULL;
    SS_TRY(ss_sched_agree(session->comm, ss_store_open_for_writing(path, session->comm, &store)));
    int64_t cells = ss_store_shape_of(store).cells;
    ss_error error = ss_reduce_all(session->comm, store);
    ss_error closed = ss_store_close(&store);
    error = ss_sched_agree(session->comm, error == SS_OK ? closed : error);
    if (error == SS_OK && session->rank == 0) {
        printf("%s: bands of %" PRId64 " cells\n", path, cells);
    }
    return error;
}

int ss_cmd_reduce(int argc, char **argv)
{
    const ss_command_line line = {
        .usage = "[mpirun -n N] saddlesweep reduce FILE.h5",
        .description = "Recomputes the bands (mean, standard deviation, quantiles, count) of a "
                       "result file\nfrom its committed trajectories. `run` does this at its end.",
        .positional = "FILE.h5",
    };
    const char *path;
    int help;
    ss_session session = ss_session_begin();
    ss_error error =
        ss_sched_agree_once(session.comm, ss_options_parse(&line, argc, argv, &path, &help));
    if (help) {
        if (session.rank == 0) {
            ss_options_print_help(&line);
        }
    } else if (error == SS_OK) {
        error = reduce_file(&session, path);
    }
    return ss_session_end(&session, error, SS_EXIT_DONE);
}
