/* Executes runs so that little is lost: a run is saved when it is stopped and every so often on the
 * way, and goes on from where it was saved. */
#ifndef SADDLESWEEP_EXECUTION_FLIGHT_H
#define SADDLESWEEP_EXECUTION_FLIGHT_H

#include "../base/clock.h"
#include "saddlesweep/saved_run.h"
#include "saddlesweep/sched.h"

typedef struct ss_flight {
    const char *result_path;
    ss_workspace *workspace;
    double interval; /* seconds between saves of a long run */
    bool resume;     /* something was saved before this program began */

    int64_t continued; /* runs that went on from a save */
    int64_t saved;     /* runs that were stopped, and saved */

    /* the run in progress */
    const ss_run *run;
    ss_saved_run so_far;
    size_t capacity; /* bytes of so_far.state */
    bool on_disk;
    double since;
    double next_save;
    ss_ticker ticker;
    ss_sched_poll poll;
    void *poll_context;
} ss_flight;

/* Of one rank, before its first run; both pointers borrowed. Release it with ss_flight_end. Local.
 */
ss_flight ss_flight_begin(const char *result_path, ss_workspace *workspace, double interval);
void ss_flight_end(ss_flight *flight);

/* As ss_run_execute; outcome->seconds counts what was before, too. A run that is stopped and saved
 * is PARTIAL. A save that fails is told on
 * stderr, once, and costs no more than the run in flight. Local. */
void ss_flight_execute(ss_flight *flight, const ss_run *run, ss_sched_poll poll, void *context,
                       double *trajectory, ss_run_outcome *outcome);

/* The run is committed: what was saved of it goes. Local. */
void ss_flight_landed(ss_flight *flight);

#endif
