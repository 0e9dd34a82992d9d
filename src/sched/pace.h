/* How much work goes out at once, and when more is asked for. Pure functions of time and ranks, so
 * that the simulation of the scheduler (src/bench/simulation.h) follows the same rules.
 * docs/scheduling.md has the measurements and simulations that they come from. */
#ifndef SADDLESWEEP_SCHED_PACE_H
#define SADDLESWEEP_SCHED_PACE_H

/* Predicted seconds of the next batch of a worker, when the queue holds `seconds_left`. */
double ss_pace_batch_seconds(double seconds_left, int ranks);

/* A shorter batch than this is not worth its message: rank 0 would answer nothing else. */
double ss_pace_least_batch_seconds(int ranks);

/* Predicted seconds of a piece that rank 0 takes for itself: it costs no message, and a short one
 * ends with the others. */
double ss_pace_piece_seconds(void);

/* How long before the end of its batch a worker asks for the next, if an iteration takes that
 * long. */
double ss_pace_lead(double seconds_an_iteration, int ranks);

/* A shorter run may be over before its poll could ask: the last one of a batch is asked for before
 * it begins. */
double ss_pace_short_run(void);

/* Seconds between two looks at messages (which cost more than a short iteration). */
double ss_pace_poll_seconds(void);

/* Seconds between a worker's reports for the progress line only. */
double ss_pace_report_seconds(int ranks);

#endif
