#include "regression.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

ss_error ss_regression_create(int64_t rows, ss_regression *out)
{
    size_t most = rows > SS_REGRESSION_COLUMNS ? (size_t)rows : SS_REGRESSION_COLUMNS;
    *out = (ss_regression){0};
    gsl_error_handler_t *before = gsl_set_error_handler_off(); /* GSL would end the program */
    out->x = gsl_matrix_alloc(most, SS_REGRESSION_COLUMNS);
    out->y = gsl_vector_alloc(most);
    out->left = gsl_vector_alloc(most);
    gsl_set_error_handler(before);
    return out->x && out->y && out->left
               ? SS_OK
               : ss_fail(SS_ERR_MEMORY, "no memory for a regression of %zu rows", most);
}

void ss_regression_destroy(ss_regression *regression)
{
    gsl_matrix_free(regression->x);
    gsl_vector_free(regression->y);
    gsl_vector_free(regression->left);
    *regression = (ss_regression){0};
}

void ss_regression_start(ss_regression *regression, size_t columns)
{
    regression->columns = columns;
    regression->rows = 0;
    memset(regression->sums, 0, sizeof regression->sums);
}

void ss_regression_add(ss_regression *regression, const double *x, double y, double weight)
{
    double scale = sqrt(weight);
    for (size_t j = 0; j < regression->columns; j++) {
        gsl_matrix_set(regression->x, regression->rows, j, scale * x[j]);
    }
    gsl_vector_set(regression->y, regression->rows, scale * y);
    regression->rows++;
    regression->sums[0] += weight;
    regression->sums[1] += weight * y;
    regression->sums[2] += weight * y * y;
}

/* Columns of the factorised system before the first that hardly leaves the span of those. */
static size_t independent_columns(const gsl_matrix *r, const double *lengths)
{
    static const double negligible = 1e-9;
    size_t j = 0;
    while (j < r->size2 && fabs(gsl_matrix_get(r, j, j)) > negligible * lengths[j]) {
        j++;
    }
    return j;
}

bool ss_regression_solve(ss_regression *regression, double *coefficients, size_t *independent)
{
    size_t rows = regression->rows;
    size_t columns = regression->columns;
    double lengths[SS_REGRESSION_COLUMNS];
    double reflections[SS_REGRESSION_COLUMNS];
    *independent = rows < columns ? rows : columns;
    if (rows < columns) {
        return false;
    }
    gsl_matrix_view x = gsl_matrix_submatrix(regression->x, 0, 0, rows, columns);
    gsl_vector_view y = gsl_vector_subvector(regression->y, 0, rows);
    gsl_vector_view left = gsl_vector_subvector(regression->left, 0, rows);
    gsl_vector_view tau = gsl_vector_view_array(reflections, columns);
    gsl_vector_view solution = gsl_vector_view_array(coefficients, columns);
    for (size_t j = 0; j < columns; j++) {
        gsl_vector_view column = gsl_matrix_column(&x.matrix, j);
        lengths[j] = gsl_blas_dnrm2(&column.vector);
    }
    gsl_linalg_QR_decomp(&x.matrix, &tau.vector);
    *independent = independent_columns(&x.matrix, lengths);
    if (*independent < columns) {
        return false;
    }
    gsl_linalg_QR_lssolve(&x.matrix, &tau.vector, &y.vector, &solution.vector, &left.vector);
    double length = gsl_blas_dnrm2(&left.vector);
    const double *sums = regression->sums;
    regression->r_squared = 1 - length * length / (sums[2] - sums[1] * sums[1] / sums[0]);
    return true;
}
