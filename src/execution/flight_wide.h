/* Runs on a process grid, saved on the way and when stopped as flight.h has it: each rank its part
 * of the state. All collective over the grid, whose rank 0 decides and commits. */
#ifndef SADDLESWEEP_EXECUTION_FLIGHT_WIDE_H
#define SADDLESWEEP_EXECUTION_FLIGHT_WIDE_H

#include "../base/clock.h"
#include "../wide/engine_wide.h"
#include "../wide/saved_wide.h"
#include "saddlesweep/sched.h"

typedef struct ss_wide_flight {
    const ss_grid *grid;
    int64_t block;
    const char *result_path;
    ss_workspace *workspace;
    double interval; /* seconds between saves of a long run */
    bool resume;     /* something was saved before this program began; rank 0 knows */
    bool leads;      /* this is rank 0 of the grid */

    int64_t continued; /* runs that went on from a save */
    int64_t saved;     /* runs that were stopped, and saved */

    /* the run in progress */
    const ss_run *run;
    ss_saved_wide so_far;
    size_t capacity; /* bytes of so_far.state */
    bool on_disk;
    double since;
    double next_save;
    ss_sched_poll poll; /* rank 0's */
    void *poll_context;
} ss_wide_flight;

/* Before the first run; pointers borrowed. Release it with ss_wide_flight_end. SS_ERR_USAGE if
 * SADDLESWEEP_KERNEL is wrong; SS_ERR_MEMORY. */
ss_error ss_wide_flight_begin(const ss_grid *grid, int64_t block, const char *result_path,
                              double interval, ss_wide_flight *flight);
void ss_wide_flight_end(ss_wide_flight *flight);

/* As ss_flight_execute. poll and context are rank 0's, NULL on the others: any rank's signal stops
 * the run, and rank 0 is told. The outcome is the same on all ranks, but for its seconds. */
void ss_wide_flight_execute(ss_wide_flight *flight, const ss_run *run, ss_sched_poll poll,
                            void *context, double *trajectory, ss_run_outcome *outcome);

/* The run is committed: what was saved of it goes. Rank 0 alone. */
void ss_wide_flight_landed(ss_wide_flight *flight);

#endif
