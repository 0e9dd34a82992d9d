/* Single runs on process grids of any size, one after the other: rank 0 of a communicator says
 * which, and the others follow. */
#ifndef SADDLESWEEP_WIDE_REPEAT_H
#define SADDLESWEEP_WIDE_REPEAT_H

#include "engine_wide.h"

/*
 * Rank 0: executes a run on a grid of the first ranks of `comm`. Collective with the others'
 * ss_repeat_follow().
 *
 * ranks       in   of the grid; at most those of comm
 * block       in   wide.block
 * trajectory  out  as ss_run_execute's, as is outcome
 *
 * SS_ERR_UNAVAILABLE if there is no ScaLAPACK, SS_ERR_MEMORY; SS_ERR_ELSEWHERE if another rank met
 * an error.
 */
ss_error ss_repeat_run(MPI_Comm comm, const ss_run *run, int ranks, int64_t block,
                       double *trajectory, ss_run_outcome *outcome);

/* Rank 0: there are no more. */
void ss_repeat_end(MPI_Comm comm);

/* The other ranks: take part in what rank 0 executes, until it says that there is no more. Errors
 * as above (the last one); rank 0 has noticed them, too. */
ss_error ss_repeat_follow(MPI_Comm comm);

#endif
