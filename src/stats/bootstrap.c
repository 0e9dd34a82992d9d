#include "bootstrap.h"

#include "saddlesweep/stream.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <string.h>

void ss_bootstrap_draw(uint64_t root_seed, int64_t resample, int64_t seeds, uint32_t *times)
{
    ss_stream stream = ss_stream_bootstrap(root_seed);
    memset(times, 0, (size_t)seeds * sizeof *times);
    for (int64_t first = 0; first < seeds; first += 4) {
        uint32_t counter[4] = {(uint32_t)(first / 4), 0, (uint32_t)resample, stream.salt};
        uint32_t words[4];
        ss_stream_philox(counter, stream.key, words);
        for (int64_t i = 0; i < 4 && first + i < seeds; i++) {
            times[(uint64_t)words[i] * (uint64_t)seeds >> 32]++;
        }
    }
}

/* The probability beyond each end. */
static double tail_of(int64_t seeds, double level)
{
    double n = (double)seeds;
    double t = gsl_cdf_tdist_Pinv((1 + level) / 2, n - 1);
    return gsl_cdf_ugaussian_Q(sqrt(n / (n - 1)) * t);
}

ss_interval ss_bootstrap_interval(double value, double *values, size_t count, int64_t seeds,
                                  double level)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i])) {
            values[kept++] = values[i];
        }
    }
    if (seeds < 2 || kept == 0) {
        return (ss_interval){value, NAN, NAN};
    }
    gsl_sort(values, 1, kept);
    size_t beyond = (size_t)floor(tail_of(seeds, level) * (double)(kept + 1));
    size_t place = beyond > 0 ? beyond - 1 : 0;
    return (ss_interval){value, values[place], values[kept - 1 - place]};
}
