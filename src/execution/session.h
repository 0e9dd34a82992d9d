/* The life of a subcommand that uses MPI. The only place that names MPI_COMM_WORLD. */
#ifndef SADDLESWEEP_EXECUTION_SESSION_H
#define SADDLESWEEP_EXECUTION_SESSION_H

#include "saddlesweep/error.h"

#include <mpi.h>
#include <stdbool.h>

typedef struct ss_session {
    MPI_Comm comm; /* our own duplicate of all ranks */
    int rank;
    int ranks;
} ss_session;

/* SS_ERR_USAGE if srun has started several processes that know nothing of each other: Open MPI
 * would abort. Needs no MPI. */
ss_error ss_session_check_launcher(void);

/* Whether this is the process that speaks for all before MPI has begun, as far as a launcher tells.
 */
bool ss_session_is_first(void);

/* Starts MPI; works as a single process without mpirun, too. */
ss_session ss_session_begin(void);

/* Tells this rank's error on stderr, agrees on one exit status (that of the error, or `status`),
 * ends MPI, and returns the status. Collective. */
int ss_session_end(ss_session *session, ss_error error, int status);

#endif
