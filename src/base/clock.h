#ifndef SADDLESWEEP_BASE_CLOCK_H
#define SADDLESWEEP_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds on the monotonic clock, from an arbitrary origin. */
double ss_clock_seconds(void);

/* Gives the processor away for about `seconds` (a wait that spares an oversubscribed core). */
void ss_clock_sleep(double seconds);

/*
 * Reads the clock about once a period, from a loop whose turns may be shorter than it takes to read
 * it: most calls only count. Turns are taken to be about equally long.
 */
typedef struct ss_ticker {
    double period;
    double last;     /* when the clock was last read … */
    int64_t calls;   /* … how many calls ago … */
    int64_t skipped; /* … and how many it is to be skipped for */
} ss_ticker;

ss_ticker ss_ticker_of(double period, double now);

/* Whether it read the clock; *now (out) is the time then. */
bool ss_ticker_read(ss_ticker *ticker, double *now);

#endif
