/* ‖E g‖² of a random vector from independent means of it: for what is small against its noise. */
#ifndef SADDLESWEEP_SGDA_SQUARED_NORM_H
#define SADDLESWEEP_SGDA_SQUARED_NORM_H

#include <stdint.h>

typedef struct ss_squared_norm {
    double value;     /* unbiased; below 0 where noise is larger than the norm */
    double std_error; /* by the jackknife: up to √2 times too large where noise is larger */
} ss_squared_norm;

/*
 * From the means of `groups` ≥ 3 equal groups of samples.
 *
 * means   in   groups × count, row-major
 * total   out  count: scratch
 *
 * ⟨g, h⟩ averaged over all pairs of different groups: the noise of one does not know that of the
 * other, so nothing of it is left in the mean. (The plain ‖mean‖² has all of it.) Local.
 */
ss_squared_norm ss_squared_norm_of(const double *means, int64_t groups, int64_t count,
                                   double *total);

#endif
