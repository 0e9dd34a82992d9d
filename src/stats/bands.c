#include "saddlesweep/bands.h"

#include "../base/memory.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *description;
} statistics[] = {
#define SS_STATISTIC_ROW(code, name, text) [code] = {name, text},
    SS_STATISTICS(SS_STATISTIC_ROW)
#undef SS_STATISTIC_ROW
};

const char *ss_statistic_name(ss_statistic statistic)
{
    return statistics[statistic].name;
}

const char *ss_statistic_description(ss_statistic statistic)
{
    return statistics[statistic].description;
}

ss_error ss_bands_create(int64_t checkpoints, ss_bands *out)
{
    memset(out, 0, sizeof *out);
    out->checkpoints = checkpoints;
    ss_error error = ss_allocate((size_t)checkpoints, sizeof *out->count, &out->count);
    for (int s = 0; s < SS_STATISTIC_COUNT && error == SS_OK; s++) {
        error = ss_allocate((size_t)checkpoints, sizeof(double), &out->statistic[s]);
    }
    if (error != SS_OK) {
        ss_bands_destroy(out);
    }
    return error;
}

void ss_bands_destroy(ss_bands *bands)
{
    free(bands->count);
    for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
        free(bands->statistic[s]);
    }
    memset(bands, 0, sizeof *bands);
}

bool ss_bands_same(const ss_bands *a, const ss_bands *b)
{
    size_t bytes = (size_t)a->checkpoints * sizeof(double);
    bool same = memcmp(a->count, b->count, (size_t)a->checkpoints * sizeof *a->count) == 0;
    for (int s = 0; s < SS_STATISTIC_COUNT && same; s++) {
        same = memcmp(a->statistic[s], b->statistic[s], bytes) == 0;
    }
    return same;
}

bool ss_bands_blank(const ss_bands *bands)
{
    const double nan = NAN; /* these bits, no other NaN */
    bool blank = true;
    for (int64_t p = 0; p < bands->checkpoints && blank; p++) {
        blank = bands->count[p] == 0;
        for (int s = 0; s < SS_STATISTIC_COUNT && blank; s++) {
            blank = memcmp(&bands->statistic[s][p], &nan, sizeof nan) == 0;
        }
    }
    return blank;
}

/* Statistics of `count` ascending values into place p of the bands. */
static void summarise(const double *sorted, size_t count, int64_t p, ss_bands *bands)
{
    static const struct {
        ss_statistic statistic;
        double fraction;
    } quantiles[] = {{SS_MIN, 0},    {SS_Q05, 0.05}, {SS_Q25, 0.25}, {SS_MEDIAN, 0.5},
                     {SS_Q75, 0.75}, {SS_Q95, 0.95}, {SS_MAX, 1}};
    bands->count[p] = (int64_t)count;
    for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
        bands->statistic[s][p] = NAN;
    }
    if (count == 0) {
        return;
    }
    double mean = gsl_stats_mean(sorted, 1, count);
    bands->statistic[SS_MEAN][p] = mean;
    if (count > 1) {
        bands->statistic[SS_STD][p] = gsl_stats_sd_m(sorted, 1, count, mean);
    }
    for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++) {
        bands->statistic[quantiles[q].statistic][p] =
            gsl_stats_quantile_from_sorted_data(sorted, 1, count, quantiles[q].fraction);
    }
}

ss_error ss_bands_compute(const double *trajectories, int64_t stride, int64_t seeds,
                          const bool *included, const double *scale, ss_bands *bands)
{
    double *values = NULL;
    SS_TRY(ss_allocate((size_t)seeds, sizeof *values, &values));
    for (int64_t p = 0; p < bands->checkpoints; p++) {
        size_t count = 0;
        for (int64_t s = 0; s < seeds; s++) {
            double value = trajectories[s * stride + p] * (scale ? scale[s] : 1);
            if (included[s] && isfinite(value)) {
                values[count++] = value;
            }
        }
        gsl_sort(values, 1, count);
        summarise(values, count, p, bands);
    }
    free(values);
    return SS_OK;
}
