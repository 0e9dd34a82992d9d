/*
 * Bands: pointwise statistics of the trajectories of one cell over its seeds.
 */
#ifndef SADDLESWEEP_BANDS_H
#define SADDLESWEEP_BANDS_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stdint.h>

/* X(code, name in the result file, what it is) */
#define SS_STATISTICS(X)                                                                           \
    X(SS_MEAN, "mean", "arithmetic mean")                                                          \
    X(SS_STD, "std", "sample standard deviation (n-1 in the denominator)")                         \
    X(SS_MEDIAN, "median", "median")                                                               \
    X(SS_Q05, "q05", "5 % quantile")                                                               \
    X(SS_Q25, "q25", "25 % quantile")                                                              \
    X(SS_Q75, "q75", "75 % quantile")                                                              \
    X(SS_Q95, "q95", "95 % quantile")                                                              \
    X(SS_MIN, "min", "minimum")                                                                    \
    X(SS_MAX, "max", "maximum")

typedef enum ss_statistic {
#define SS_STATISTIC_ENUM(code, name, text) code,
    SS_STATISTICS(SS_STATISTIC_ENUM)
#undef SS_STATISTIC_ENUM
        SS_STATISTIC_COUNT
} ss_statistic;

const char *ss_statistic_name(ss_statistic statistic);
const char *ss_statistic_description(ss_statistic statistic);

typedef struct ss_bands {
    int64_t checkpoints;
    double *statistic[SS_STATISTIC_COUNT]; /* each of `checkpoints` values, owned */
    int64_t *count;                        /* trajectories behind each value, owned */
} ss_bands;

ss_error ss_bands_create(int64_t checkpoints, ss_bands *out);
void ss_bands_destroy(ss_bands *bands);

/* Whether two have the same bits; both of the same number of checkpoints. */
bool ss_bands_same(const ss_bands *a, const ss_bands *b);

/* Whether they are those of no run: count 0, and NaN as ss_bands_compute writes it. */
bool ss_bands_blank(const ss_bands *bands);

/*
 * Statistics over the included, finite values at each checkpoint. Quantiles interpolate linearly
 * between order statistics (GSL's rule, and NumPy's default).
 *
 * trajectories  in   a row for each of the seeds, `stride` values apart, that begins with the
 *                    checkpoints' values
 * included      in   seeds flags: the committed runs that neither diverged nor failed
 * scale         in   seeds factors applied to the values (1 / ‖Z*‖_F for relative errors), or NULL
 * bands         out  every value; NaN where count is 0 (std: below 2)
 *
 * SS_ERR_MEMORY. Local.
 */
ss_error ss_bands_compute(const double *trajectories, int64_t stride, int64_t seeds,
                          const bool *included, const double *scale, ss_bands *bands);

#endif
