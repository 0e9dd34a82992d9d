/* Reducing a result file: trajectories to bands. */
#ifndef SADDLESWEEP_CLI_REDUCTION_H
#define SADDLESWEEP_CLI_REDUCTION_H

#include "saddlesweep/store.h"

/* Recomputes the bands of every cell, cells spread over the ranks of `comm`. Over the runs that are
 * DONE and whose checksums agree. Collective. */
ss_error ss_reduce_all(MPI_Comm comm, ss_store *store);

#endif
