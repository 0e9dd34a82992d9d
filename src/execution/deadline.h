/* When a run of a sweep has to stop by itself. */
#ifndef SADDLESWEEP_EXECUTION_DEADLINE_H
#define SADDLESWEEP_EXECUTION_DEADLINE_H

#include <mpi.h>
#include <stdint.h>

typedef struct ss_deadline {
    double stop_at;  /* on the clock of ss_clock_seconds; 0: never */
    const char *why; /* "--time-limit", "the end of the Slurm job" */
} ss_deadline;

/* The earlier of `limit` seconds (0: none) after `started`, and the end of the Slurm job that this
 * process belongs to, if any, less a margin for saving: a tenth of the time that is left, at most a
 * minute. Slurm gives that end in SLURM_JOB_END_TIME (seconds since 1970). Local. */
ss_deadline ss_deadline_of(double started, int64_t limit);

/* Makes that of rank 0 the one of all ranks: on none of them it comes before it has come there.
 * Collective. */
void ss_deadline_share(MPI_Comm comm, ss_deadline *deadline);

#endif
