/* Which of the two arrangements of a batch the vector kernels take; the cost model asks, too. */
#ifndef SADDLESWEEP_KERNEL_ARRANGEMENT_H
#define SADDLESWEEP_KERNEL_ARRANGEMENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the lanes hold rows of A (lanes_large.h) and not samples (lanes_small.h): from 48 rows
 * on, and from 32 where rounding d up to whole lines of `line` rows wastes at most a fifth. The
 * same on every instruction set, as results depend on it. docs/performance.md has the measurement.
 */
static inline bool ss_rows_in_lanes(int64_t d, int64_t line)
{
    int64_t padded = (d + line - 1) / line * line;
    return d >= 48 || (d >= 32 && 5 * padded <= 6 * d);
}

#endif
