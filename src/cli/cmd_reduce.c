#include "../execution/session.h"
#include "../result/reduction.h"
#include "../result/sweep.h"
#include "cli.h"
#include "options.h"
#include "saddlesweep/sched.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ss_error reduce_open(const ss_session *session, const char *path, ss_store *store)
{
    ss_sweep sweep;
    ss_error error = ss_sched_agree_once(session->comm, ss_sweep_of_store(store, path, &sweep));
    if (error == SS_OK) {
        error = ss_reduce_all(session->comm, store, &sweep.plan);
    }
    if (error == SS_OK && session->rank == 0) {
        printf("%s: bands of %" PRId64 " cells\n", path, sweep.plan.cells);
    }
    ss_sweep_release(&sweep);
    return error;
}

static ss_error reduce_locked(const ss_session *session, const char *path, ss_store_io io)
{
    ss_store *store = NULL;
    SS_TRY(
        ss_sched_agree(session->comm, ss_store_open_for_writing(path, session->comm, io, &store)));
    ss_error error = reduce_open(session, path, store);
    ss_store_close(&store);
    return ss_sched_agree(session->comm, error);
}

/* Alone: bands that are computed while runs are committed would be older than those. */
static ss_error reduce_file(const ss_session *session, const char *path, ss_store_io io)
{
    ss_store_lock lock = SS_STORE_NO_LOCK;
    ss_error error = SS_OK;
    if (session->rank == 0) {
        error = access(path, F_OK) == 0
                    ? ss_store_lock_alone(path, SS_STORE_LOCK_PATIENCE, &lock)
                    : ss_fail(SS_ERR_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
    }
    error = ss_sched_agree(session->comm, error);
    if (error == SS_OK) {
        error = reduce_locked(session, path, io);
    }
    ss_store_unlock(&lock, true);
    return error;
}

int ss_cmd_reduce(int argc, char **argv)
{
    ss_store_io io = SS_STORE_IO_MPIO;
    const ss_option table[] = {ss_options_io(&io)};
    const ss_command_line line = {
        .usage = "[mpirun -n N] saddlesweep reduce FILE.h5 [OPTIONS]",
        .description = "Recomputes the bands (mean, standard deviation, quantiles, count) of a "
                       "result file\nfrom its committed trajectories. `run` does this at its end; "
                       "while it goes on, this is refused.",
        .positional = "FILE.h5",
        .options = table,
        .option_count = sizeof table / sizeof table[0],
    };
    const char *path;
    int help;
    int status;
    ss_error error = ss_options_parse(&line, argc, argv, &path, &help);
    if (ss_options_without_mpi(&line, error, help, &status)) {
        return status;
    }
    ss_session session = ss_session_begin();
    return ss_session_end(&session, reduce_file(&session, path, io), SS_EXIT_DONE);
}
