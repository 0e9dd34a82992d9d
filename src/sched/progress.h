/* How far a sweep is, on stderr. */
#ifndef SADDLESWEEP_SCHED_PROGRESS_H
#define SADDLESWEEP_SCHED_PROGRESS_H

#include "saddlesweep/sched.h"

typedef struct ss_progress {
    const char *name;
    ss_progress_style style;
    int ranks;
    int64_t total;
    int64_t results[SS_TASK_RESULTS];
    double predicted_total; /* seconds, by the cost model */
    double predicted_ended; /* the same, of the tasks that have ended … */
    double measured_ended;  /* … and what those took */
    double started;
    double next_report;
} ss_progress;

/* Starts the clock; prints nothing yet. */
ss_progress ss_progress_begin(const char *name, ss_progress_style style, int ranks, int64_t total,
                              double predicted_seconds);

/* Prints if it is time to. Cheap otherwise. */
void ss_progress_report(ss_progress *progress);

/* Tasks that have ended, in whatever way but stopped. */
int64_t ss_progress_ended(const ss_progress *progress);

/* Prints the last state. */
void ss_progress_end(ss_progress *progress);

/* Predicted seconds until the end: the cost model, corrected by what was measured. */
double ss_progress_seconds_left(const ss_progress *progress);

/* "12.3 runs/s", or those of a minute or an hour if they take long, into `buffer`, which is
 * returned. */
const char *ss_progress_rate(double per_second, char *buffer, size_t size);

#endif
