/*
 * Scaling laws: how the error of a family of cells (one activation, one rule for k) goes with d and
 * n, by two methods.
 *
 *   cells      log ε = c + α log d − β log n, by weighted least squares over the cells
 *   crossings  log n* = C + a log d − b log ε, over the places where each d's curve of errors
 *              crosses fixed levels ε; levels that a curve does not reach are not extrapolated
 *
 * The two are one law: n(d, ε) = e^C d^a ε^(−b) with b = 1/β, a = α/β, C = c/β. Theorem 4 bounds
 * it from above by a = 5, b = 2. "n" is m where that is what varies. Where d or n is the same in
 * all cells its term is part of c.
 */
#ifndef SADDLESWEEP_SCALING_H
#define SADDLESWEEP_SCALING_H

#include "saddlesweep/error.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* X(code, name) */
#define SS_SCALING_STATISTICS(X)                                                                   \
    X(SS_SCALING_MEAN, "mean")                                                                     \
    X(SS_SCALING_MEDIAN, "median")

typedef enum ss_scaling_statistic {
#define SS_SCALING_ENUM(code, name) code,
    SS_SCALING_STATISTICS(SS_SCALING_ENUM)
#undef SS_SCALING_ENUM
        SS_SCALING_STATISTIC_COUNT
} ss_scaling_statistic;

const char *ss_scaling_statistic_name(ss_scaling_statistic statistic);

/* Final errors, a row a cell. All borrowed. */
typedef struct ss_scaling_sample {
    int64_t cells; /* by ascending d, those of one d by ascending n */
    int64_t seeds;
    const double *log_d;  /* [cells] */
    const double *log_n;  /* [cells] */
    const double *values; /* [cells][seeds], at least 0; NaN where there is none */
} ss_scaling_sample;

/* Which of the two the cells differ in. */
typedef struct ss_scaling_axes {
    bool d;
    bool n;
} ss_scaling_axes;

/* c, α and β, whichever method they come from; NaN without such an axis. */
typedef struct ss_law {
    double c;
    double alpha;
    double beta;
} ss_law;

static inline double ss_law_log_error(ss_law law, double log_d, double log_n)
{
    return law.c + (isnan(law.alpha) ? 0 : law.alpha * log_d) -
           (isnan(law.beta) ? 0 : law.beta * log_n);
}

/* What is wrong with a grid, or with what is left of it. */
typedef enum ss_scaling_trouble {
    SS_SCALING_SOUND,
    SS_SCALING_TOO_FEW,   /* points: there are more coefficients */
    SS_SCALING_ONE_PLACE, /* d and n are the same everywhere */
    SS_SCALING_TIED /* log n (for crossings: log ε) is a linear function of log d, or constant */
} ss_scaling_trouble;

typedef struct ss_scaling ss_scaling;

/* Room for estimates from a sample (borrowed). Destroy it. SS_ERR_MEMORY. Local, as all here. */
ss_error ss_scaling_create(const ss_scaling_sample *sample, ss_scaling **out);
void ss_scaling_destroy(ss_scaling **scaling);

/*
 * First: the statistic of every cell, over seeds each taken times[seed] times (NULL: once; `seeds`
 * in all at most), and the variance of its logarithm. What follows is about these.
 *
 * That variance is (s/mean)²/N for a mean of N values with deviation s, and π/2 times that with
 * s = (q75 − q25)/1.349 for a median. As s is rough for few values, (s/mean)² is drawn towards the
 * family's, as if by four more values.
 */
void ss_scaling_summarise(ss_scaling *scaling, ss_scaling_statistic statistic,
                          const uint32_t *times);

/* A cell's statistic; NaN if it has no value, or is 0: then it is in no fit. */
double ss_scaling_value(const ss_scaling *scaling, int64_t cell);

/* Standard error of a cell's statistic, from its own values alone; NaN below two of them. */
double ss_scaling_standard_error(const ss_scaling *scaling, int64_t cell);

/* Of the cells that have a statistic. */
ss_scaling_axes ss_scaling_axes_of(const ss_scaling *scaling);

/* By cells, of these axes. *law and *r_squared (weighted, of log ε) are set if the answer is
 * SS_SCALING_SOUND. */
ss_scaling_trouble ss_scaling_fit_cells(ss_scaling *scaling, ss_scaling_axes axes, ss_law *law,
                                        double *r_squared);

/* Quadratic terms beside the linear ones: of log² d, log² n and log d · log n, around the means of
 * log d and log n. */
enum { SS_CURVATURE_TERMS = 3 };

/* The same with those terms that are `wanted`, into terms (out); those that the cells cannot tell
 * from the others become NaN, as do those not wanted. */
void ss_scaling_fit_curvature(ss_scaling *scaling, ss_scaling_axes axes,
                              const bool wanted[SS_CURVATURE_TERMS],
                              double terms[SS_CURVATURE_TERMS]);

enum { SS_SCALING_LEVELS = 12 };

/* Levels (log ε, out), even between the least and the largest of the cells' statistics and half a
 * step inside; NaN if no cell has one. */
void ss_scaling_levels(const ss_scaling *scaling, double log_levels[SS_SCALING_LEVELS]);

typedef enum ss_crossing_kind {
    SS_CROSSING_FOUND,
    SS_CROSSING_NOT_REACHED, /* the curve ends above the level */
    SS_CROSSING_BELOW        /* it begins at or below it, and stays there */
} ss_crossing_kind;

/* Where a curve crosses a level for good: after that n no cell's error is above it. */
typedef struct ss_crossing {
    ss_crossing_kind kind;
    double log_n;  /* if found: linear in log ε between the two cells beside it, … */
    double weight; /* … and 1 / variance of log ε there */
} ss_crossing;

/* Number of curves, one a d, and the first cell of a curve (that of number curves: all cells). */
int64_t ss_scaling_curves(const ss_scaling *scaling);
int64_t ss_scaling_curve_start(const ss_scaling *scaling, int64_t curve);

ss_crossing ss_scaling_cross(const ss_scaling *scaling, int64_t curve, double log_level);

/* By crossings, each with its weight; r_squared is that of log n*. Without the axis n there are
 * none: SS_SCALING_TOO_FEW. */
ss_scaling_trouble ss_scaling_fit_crossings(ss_scaling *scaling, ss_scaling_axes axes,
                                            const double log_levels[SS_SCALING_LEVELS], ss_law *law,
                                            double *r_squared);

#endif
