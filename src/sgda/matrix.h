/* The small dense matrix operations of Algorithm 1, float64, row-major. All local. */
#ifndef SADDLESWEEP_SGDA_MATRIX_H
#define SADDLESWEEP_SGDA_MATRIX_H

#include "saddlesweep/run.h"

#include <stdint.h>

/* ‖entries‖₂ (the Frobenius norm of a matrix), scaled so that it neither over- nor underflows. */
double ss_matrix_norm(const double *entries, int64_t count);

/* norms (rows, out): the Euclidean norm of every row of `matrix` (rows × columns). */
void ss_matrix_row_norms(const double *matrix, int64_t rows, int64_t columns, double *norms);

/* Step 5's Proj_C: rescales row i (in/out) to norms[i]. SS_REASON_NOT_FINITE or
 * SS_REASON_ZERO_ROW, with the matrix half done, if a row has no finite, positive norm. */
ss_run_reason ss_matrix_project(double *matrix, int64_t rows, int64_t columns, const double *norms);

double ss_matrix_dot(const double *a, const double *b, int64_t count);

/* values (order, out): the eigenvalues of a symmetric matrix (order × order, in/out: destroyed), in
 * no order. By GSL: their bits do not depend on the processor, as LAPACK's of an optimised library
 * do. SS_REASON_NOT_FINITE, SS_REASON_MEMORY. */
ss_run_reason ss_matrix_eigenvalues(double *matrix, int64_t order, double *values);

/* product (rows × columns, out) = first (rows × inner) · second (inner × columns). */
void ss_matrix_product(const double *first, int64_t rows, int64_t inner, const double *second,
                       int64_t columns, double *product);

/* gram (rows × rows, out) = matrix · matrixᵀ. */
void ss_matrix_gram(const double *matrix, int64_t rows, int64_t columns, double *gram);

/* ‖A Aᵀ − target‖_F for A rows × columns and a symmetric target (rows × rows). */
double ss_matrix_gram_distance(const double *A, int64_t rows, int64_t columns,
                               const double *target);

#endif
