/* Weighted least squares for a few coefficients, solved again and again: GSL's QR factorisation. */
#ifndef SADDLESWEEP_STATS_REGRESSION_H
#define SADDLESWEEP_STATS_REGRESSION_H

#include "saddlesweep/error.h"

#include <gsl/gsl_matrix.h>
#include <stdbool.h>
#include <stdint.h>

enum { SS_REGRESSION_COLUMNS = 6 }; /* at most */

/* Room for an overdetermined system; rows are added one by one, then it is solved. */
typedef struct ss_regression {
    size_t columns;
    size_t rows;      /* added since ss_regression_start */
    gsl_matrix *x;    /* most rows × SS_REGRESSION_COLUMNS, each row times √weight */
    gsl_vector *y;    /* likewise */
    gsl_vector *left; /* residuals, likewise */
    double sums[3];   /* of weights, of weighted y and of weighted y² */
    double r_squared; /* of the solution: 1 less the residuals' part of the variance of y */
} ss_regression;

/* Room for `rows` rows. Destroy it even after an error: SS_ERR_MEMORY. Local. */
ss_error ss_regression_create(int64_t rows, ss_regression *out);
void ss_regression_destroy(ss_regression *regression);

/* Begins a system of 1 … SS_REGRESSION_COLUMNS columns. */
void ss_regression_start(ss_regression *regression, size_t columns);

/* Adds Σ_j x[j] b[j] = y, of this weight (positive: the inverse of its variance, up to a factor).
 */
void ss_regression_add(ss_regression *regression, const double *x, double y, double weight);

/*
 * Solves it, which uses it up: `coefficients` (out) minimise the weighted sum of squares.
 * *independent (out) is the number of columns, or the first one that is a combination of those
 * before it (to 1e-9 of its length): then there are no coefficients, and the answer is false.
 * Local.
 */
bool ss_regression_solve(ss_regression *regression, double *coefficients, size_t *independent);

#endif
