/*
 * A discrete-event simulation of the scheduler's protocol (src/sched/member.h) on any number of
 * ranks. Batches come from the real ss_queue_take, waiting times from the real pace.h; simulated
 * are only the clock, the messages and the runs. No random numbers, no wall clock: the same costs
 * give the same result.
 *
 * Every worker asks, reports and leaves as worker.c does. Rank 0 serves one message at a time in
 * the order of arrival, looks for messages in the interval of pace.h while it works, and works on
 * pieces of its own in between.
 */
#ifndef SADDLESWEEP_BENCH_SIMULATION_H
#define SADDLESWEEP_BENCH_SIMULATION_H

#include "saddlesweep/error.h"

#include <stdint.h>

typedef struct ss_simulation {
    int ranks;
    int64_t runs;
    double run_seconds;     /* predicted for each run; also the mean of what it takes */
    int64_t iterations;     /* a run */
    double spread;          /* a run takes run_seconds · (1 ± spread), evenly distributed */
    double service_seconds; /* rank 0's for one message, answer included */
    double latency_seconds; /* of a message on its way */
    double poll_seconds;    /* between two looks of rank 0 at messages while it works */
} ss_simulation;

typedef struct ss_simulated {
    double seconds;     /* until every worker has left */
    double efficiency;  /* sum of the runs' seconds / (ranks · seconds) */
    double busy;        /* the share of `seconds` that rank 0 spent on messages */
    int64_t messages;   /* that rank 0 received */
    int64_t batches;    /* that it gave out, its own not counted */
    int64_t runs_of[2]; /* of rank 0, of all workers */
} ss_simulated;

/* Simulates one sweep. SS_ERR_MEMORY. Local. */
ss_error ss_simulate(const ss_simulation *simulation, ss_simulated *out);

#endif
