/* What is fitted to a family, and the intervals of all that by the cluster bootstrap. */
#ifndef SADDLESWEEP_FIT_ANALYSIS_H
#define SADDLESWEEP_FIT_ANALYSIS_H

#include "../stats/bootstrap.h"
#include "observation.h"

/* X(code, name) */
#define SS_FIT_METHODS(X)                                                                          \
    X(SS_METHOD_CELLS, "cells")                                                                    \
    X(SS_METHOD_CROSSINGS, "crossings")

typedef enum ss_fit_method {
#define SS_METHOD_ENUM(code, name) code,
    SS_FIT_METHODS(SS_METHOD_ENUM)
#undef SS_METHOD_ENUM
        SS_FIT_METHOD_COUNT
} ss_fit_method;

const char *ss_fit_method_name(ss_fit_method method);

static const double ss_fit_level = 0.95;
enum { SS_FIT_LEAST_RESAMPLES = 2000, SS_FIT_MOST_RESAMPLES = 1000000 };

/* Of a smaller beta no exponent of n(d, eps) is reported: 3.4 % for twice the samples; b = 1/beta
 * would be ten times the largest bound. */
static const double ss_fit_least_beta = 0.05;

/* One law: a method, applied to one statistic of one kind of error. */
typedef struct ss_fit {
    ss_fit_method method;
    ss_quantity quantity;
    ss_scaling_statistic statistic;
    ss_choice choice;

    ss_scaling_trouble trouble; /* unless sound, there is nothing below */
    ss_scaling_axes axes;       /* what is none has no exponent: NaN */
    int64_t cells;              /* that have a value */
    int64_t runs;               /* in them */
    double r_squared;
    ss_interval c, alpha, beta; /* as scaling.h has them */
    ss_interval a, b, log_c;    /* n(d, ε) = e^log_c d^a ε^(−b); NaN unless β is at least
                                   ss_fit_least_beta; with an infinite end where resamples have
                                   no such law */
    int64_t resamples_without_fit;

    /* by crossings: places (curves times levels) of each kind, and the levels */
    int64_t found;
    int64_t not_reached;
    int64_t below;
    double log_levels[SS_SCALING_LEVELS];
} ss_fit;

/* A cell, beside the primary fit. */
typedef struct ss_fit_cell {
    double mean[SS_QUANTITIES]; /* all NaN where there is none */
    double standard_error[SS_QUANTITIES];
    double median[SS_QUANTITIES];
    double fitted;   /* mean absolute error by the law; NaN, as the next, without one */
    double residual; /* log(mean / fitted) */
} ss_fit_cell;

enum {
    SS_MOST_FITS = SS_FIT_METHOD_COUNT * SS_QUANTITIES * SS_SCALING_STATISTIC_COUNT * SS_CHOICES
};

typedef struct ss_analysis {
    const ss_observation *observation;
    int64_t count;
    ss_fit fits[SS_MOST_FITS]; /* the first one is the primary one: cells, absolute error, mean,
                                  all runs. Those without trapped runs only if there are any */
    ss_interval curvature[SS_CURVATURE_TERMS]; /* beside the primary fit; NaN: not to be told */
    ss_fit_cell *cells;                        /* [cells]; owned */

    ss_scaling *scaling[SS_QUANTITIES][SS_CHOICES]; /* owned */
} ss_analysis;

/*
 * Fits everything to an observation (borrowed), with `resamples` resamples of its seeds from a
 * stream of the root seed, which the ranks share out: the same bits on any number of them. The
 * results are whole on rank 0. If the primary fit has trouble, that is all. Release it even after
 * an error: SS_ERR_MEMORY. Collective.
 */
ss_error ss_analysis_of(MPI_Comm comm, const ss_observation *observation, uint64_t root_seed,
                        int64_t resamples, ss_analysis *out);
void ss_analysis_release(ss_analysis *analysis);

/* Where each curve of a fit by crossings crosses each level: log n*, or NaN where it does not, into
 * log_n ([curves][SS_SCALING_LEVELS], out). Local. */
void ss_analysis_crossings(ss_analysis *analysis, const ss_fit *fit, double *log_n);

#endif
