#ifndef SADDLESWEEP_BASE_CLOCK_H
#define SADDLESWEEP_BASE_CLOCK_H

/* Seconds on the monotonic clock, from an arbitrary origin. */
double ss_clock_seconds(void);

/* Gives the processor away for about `seconds` (a wait that spares an oversubscribed core). */
void ss_clock_sleep(double seconds);

#endif
