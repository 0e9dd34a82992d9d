/* Signals that ask a sweep to stop. */
#ifndef SADDLESWEEP_SCHED_DRAIN_H
#define SADDLESWEEP_SCHED_DRAIN_H

/* Catches SIGTERM, SIGINT and SIGUSR1 from here on; a second SIGINT has its usual effect. */
void ss_drain_begin(void);

/* Gives the signals their former effect. */
void ss_drain_end(void);

/* Whether one has arrived since ss_drain_begin. */
int ss_drain_requested(void);

#endif
