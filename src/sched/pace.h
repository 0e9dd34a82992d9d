/* How much work goes out at once, and when more is asked for. Pure functions of time and ranks, so
 * that the simulation of the scheduler (src/bench/simulation.h) follows the same rules. */
#ifndef SADDLESWEEP_SCHED_PACE_H
#define SADDLESWEEP_SCHED_PACE_H

/* Predicted seconds of the next batch, when the queue holds `seconds_left`. */
double ss_pace_batch_seconds(double seconds_left, int ranks);

/* How long before the end of its batch a worker asks for the next, at a run of that many predicted
 * seconds and iterations of that many measured ones. */
double ss_pace_lead(double run_seconds, double seconds_an_iteration);

/* Runs shorter than this are over before their poll could ask: asked for before they begin. */
double ss_pace_short_run(void);

/* Seconds between two looks at messages (which cost more than a short iteration). */
double ss_pace_poll_seconds(void);

/* Seconds between a worker's reports for the progress line only. */
double ss_pace_report_seconds(void);

#endif
