#include "clock.h"

#include <math.h>
#include <time.h>

double ss_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void ss_clock_sleep(double seconds)
{
    struct timespec span = {.tv_sec = (time_t)seconds};
    span.tv_nsec = (long)((seconds - (double)span.tv_sec) * 1e9);
    nanosleep(&span, NULL); /* a signal may end it early: every caller polls */
}

ss_ticker ss_ticker_of(double period, double now)
{
    return (ss_ticker){.period = period, .last = now};
}

bool ss_ticker_read(ss_ticker *ticker, double *now)
{
    ticker->calls++;
    if (ticker->calls <= ticker->skipped) {
        return false;
    }
    *now = ss_clock_seconds();
    /* Twice as many calls as the last time at most: the first comes before any turn. */
    double a_call = (*now - ticker->last) / (double)ticker->calls;
    double calls = ticker->period / fmax(a_call, 1e-9);
    ticker->skipped = (int64_t)fmin(calls, 2 * (double)ticker->skipped + 1);
    ticker->last = *now;
    ticker->calls = 0;
    return true;
}
