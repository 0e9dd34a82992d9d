#include "session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

ss_session ss_session_begin(void)
{
    ss_session session;
    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMIX_RANK") && !getenv("PMI_RANK")) {
        /* Alone: spares Open MPI the daemon that it would start for later spawning. */
        setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    }
    signal(SIGXFSZ,
           SIG_IGN); /* a file-size limit then is an error of the write, like a full disk */
    /* Containers forbid reading another process's memory, by which Open MPI copies messages over
     * 4 KiB between ranks of one node; ours are few. */
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    MPI_Init(NULL, NULL);
    MPI_Comm_dup(MPI_COMM_WORLD, &session.comm);
    MPI_Comm_rank(session.comm, &session.rank);
    MPI_Comm_size(session.comm, &session.ranks);
    return session;
}

int ss_session_end(ss_session *session, ss_error error, int status)
{
    int mine = error == SS_OK ? status : ss_error_exit_status(error);
    int agreed = 0;
    if (error == SS_ERR_ELSEWHERE) {
        mine = 0; /* the rank that met the error says which */
    } else if (error != SS_OK && session->ranks > 1 && session->rank > 0) {
        fprintf(stderr, "error: rank %d: %s\n", session->rank, ss_error_text());
    } else if (error != SS_OK) {
        fprintf(stderr, "error: %s\n", ss_error_text());
    }
    MPI_Allreduce(&mine, &agreed, 1, MPI_INT, MPI_MAX, session->comm);
    MPI_Comm_free(&session->comm);
    MPI_Finalize();
    return agreed;
}
