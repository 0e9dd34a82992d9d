/*
 * The cluster bootstrap over seeds: all cells take a resample's seeds together, as they are paired
 * by common random numbers (streams do not depend on n, m or activation).
 */
#ifndef SADDLESWEEP_STATS_BOOTSTRAP_H
#define SADDLESWEEP_STATS_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

/* An estimate and its interval; infinite where that has no end, NaN where there is none. */
typedef struct ss_interval {
    double value;
    double low;
    double high;
} ss_interval;

/* Draws resample number `resample` (0, 1, …), `seeds` of `seeds` with replacement, from a stream of
 * its own of the root seed: times[s] (out) is how often seed index s is in it. Local. */
void ss_bootstrap_draw(uint64_t root_seed, int64_t resample, int64_t seeds, uint32_t *times);

/*
 * The interval of `level` from the values that an estimate had in `count` resamples: percentiles,
 * further out than (1 ∓ level) / 2 as far as a t interval of a mean of `seeds` values is wider than
 * a normal one that divides by `seeds` (T. Hesterberg, What Teachers Should Know About the
 * Bootstrap, The American Statistician 69 (2015), Section 5.3: the expanded percentile interval).
 *
 * values  in/out  sorted; those that are NaN are left out
 *
 * NaN ends if seeds < 2 or no value is left. Order statistics, the outer ones. Local.
 */
ss_interval ss_bootstrap_interval(double value, double *values, size_t count, int64_t seeds,
                                  double level);

#endif
