/* Signals that ask a sweep to stop; sched.h has the beginning and end of catching them. */
#ifndef SADDLESWEEP_SCHED_DRAIN_H
#define SADDLESWEEP_SCHED_DRAIN_H

/* Whether one has arrived since the outermost ss_sched_signals_begin. */
int ss_drain_requested(void);

#endif
