/* Executes runs so that little is lost: a run is saved when it is stopped and every so often on the
 * way, and goes on from where it was saved. */
#ifndef SADDLESWEEP_EXECUTION_FLIGHT_H
#define SADDLESWEEP_EXECUTION_FLIGHT_H

#include "../base/clock.h"
#include "cues.h"
#include "saddlesweep/saved_run.h"
#include "saddlesweep/sched.h"

/* Who computes a run and keeps its state: one rank, or all of a process grid (wide_phase.c). Then
 * the functions, and those of a flight with this crew, are collective over the grid. */
typedef struct ss_crew {
    const void *context;
    int grid;   /* ranks of the process grid; 0: none */
    bool leads; /* this is the rank that decides, counts, commits, and tells people */

    /* Makes each number the greatest of all ranks'. */
    void (*agree)(const void *context, int *numbers, int count);

    /* Doubles of this rank's part of a state; saving and reading it as saved_run.h has it. */
    int64_t (*state_count)(const void *context, const ss_run *run);
    ss_error (*write)(const void *context, const char *result_path, const ss_run *run,
                      const ss_saved_run *saved);
    bool (*read)(const void *context, const char *result_path, const ss_run *run,
                 ss_saved_run *saved);
} ss_crew;

extern const ss_crew ss_crew_alone;

typedef struct ss_flight {
    const ss_crew *crew;
    const char *result_path;
    ss_workspace *workspace;
    double interval; /* seconds between saves of a long run */
    bool resume;     /* something was saved before this program began */
    ss_cues cues;

    int64_t continued; /* runs that went on from a save; those that this rank leads */
    int64_t saved;     /* runs that were stopped, and saved; likewise */

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

/* Before its first run; pointers borrowed, cues copied. Release it with ss_flight_end. */
ss_flight ss_flight_begin(const ss_crew *crew, const char *result_path, ss_workspace *workspace,
                          double interval, const ss_cues *cues);
void ss_flight_end(ss_flight *flight);

/* As ss_run_execute; outcome->seconds counts what was before, too. The cues are those of the run
 * that ss_cues_begin has named. A run that is stopped (by the poll of any rank) and saved is
 * PARTIAL. A save that fails is told on stderr, once, and costs no more than the run in flight. */
void ss_flight_execute(ss_flight *flight, const ss_run *run, ss_sched_poll poll, void *context,
                       double *trajectory, ss_run_outcome *outcome);

/* The run is committed: what was saved of it goes. By the rank that leads. */
void ss_flight_landed(ss_flight *flight);

#endif
