/*
 * When a cell has enough seeds: a sequential stopping rule on the relative standard error of the
 * mean (the standard error, std / √count, over the mean), as batches of runs get it:
 *
 *   N = first; while the first N seeds are committed, N < most, and they miss the target: N =
 * next(N)
 *
 * next(N) = ⌈N (standard error / target)²⌉, as the error falls with √N, but at least N + 1, and at
 * most 2 N, as it is an estimate, and `most`. The first N seeds alone decide: neither the order in
 * which they were committed nor what there is of later ones changes anything.
 */
#ifndef SADDLESWEEP_STOPPING_H
#define SADDLESWEEP_STOPPING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ss_stopping_rule {
    int64_t first; /* seeds that a cell begins with */
    int64_t most;  /* that it may get; first ≤ most */
    double target; /* relative standard error, of each quantity; 0: all cells get `most` */
} ss_stopping_rule;

/* What has come of a cell. */
typedef enum ss_stopping_state {
    SS_STOPPING_OPEN,     /* some of the seeds that it wants are not committed */
    SS_STOPPING_MET,      /* it meets the target, or has all seeds where there is none */
    SS_STOPPING_MISSED,   /* it misses it with the most seeds */
    SS_STOPPING_GIVEN_UP, /* none of its first seeds has a finite value: more would have none */
    SS_STOPPING_STATES
} ss_stopping_state;

typedef struct ss_stopping {
    ss_stopping_state state;
    int64_t seeds;         /* N: the cell wants seeds 0 … N-1 */
    double standard_error; /* relative, the largest of the quantities', over the finite values of
                              those; NaN with fewer than two */
    double
        estimate; /* seeds that would meet the target by that; NaN if it is, or without a target */
} ss_stopping;

/*
 * Applies the rule to a cell.
 *
 * committed   in  `most` flags: seeds whose run has ended, well or not
 * values      in  `quantities` arrays of `most` values that are not negative: NaN where a run has
 *                 none, as it diverged, failed or is not committed
 *
 * Local, allocates nothing.
 */
ss_stopping ss_stopping_of(const ss_stopping_rule *rule, const bool *committed,
                           const double *const *values, int quantities);

#endif
