#include "matrix.h"

#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The norm of entries whose squares over- or underflow: scaled by a power of two, so exactly. */
static double scaled_norm(const double *entries, int64_t count, double largest)
{
    int exponent;
    double sum = 0;
    frexp(largest, &exponent);
    for (int64_t i = 0; i < count; i++) {
        double scaled = ldexp(entries[i], -exponent);
        sum += scaled * scaled;
    }
    return ldexp(sqrt(sum), exponent);
}

double ss_matrix_norm(const double *entries, int64_t count)
{
    double sum = 0;
    double largest = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += entries[i] * entries[i];
        largest = fabs(entries[i]) > largest ? fabs(entries[i]) : largest;
    }
    if (isnan(sum) || isinf(largest) || largest == 0) {
        return sum;
    }
    bool safe = largest > 0x1p-480 && isfinite(sum);
    return safe ? sqrt(sum) : scaled_norm(entries, count, largest);
}

void ss_matrix_row_norms(const double *matrix, int64_t rows, int64_t columns, double *norms)
{
    for (int64_t i = 0; i < rows; i++) {
        norms[i] = ss_matrix_norm(matrix + i * columns, columns);
    }
}

ss_run_reason ss_matrix_project(double *matrix, int64_t rows, int64_t columns, const double *norms)
{
    for (int64_t i = 0; i < rows; i++) {
        double *row = matrix + i * columns;
        double norm = ss_matrix_norm(row, columns);
        if (!isfinite(norm)) {
            return SS_REASON_NOT_FINITE;
        }
        if (norm == 0) {
            return SS_REASON_ZERO_ROW;
        }
        for (int64_t c = 0; c < columns; c++) {
            row[c] = row[c] / norm * norms[i];
        }
    }
    return SS_REASON_NONE;
}

double ss_matrix_dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t c = 0; c < count; c++) {
        sum += a[c] * b[c];
    }
    return sum;
}

void ss_matrix_gram(const double *matrix, int64_t rows, int64_t columns, double *gram)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double value = ss_matrix_dot(matrix + i * columns, matrix + j * columns, columns);
            gram[i * rows + j] = value;
            gram[j * rows + i] = value;
        }
    }
}

double ss_matrix_gram_distance(const double *A, int64_t rows, int64_t columns, const double *target)
{
    double sum = 0;
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double gap =
                ss_matrix_dot(A + i * columns, A + j * columns, columns) - target[i * rows + j];
            sum += (i == j ? 1 : 2) * gap * gap;
        }
    }
    return sqrt(sum);
}

void ss_matrix_product(const double *first, int64_t rows, int64_t inner, const double *second,
                       int64_t columns, double *product)
{
    memset(product, 0, (size_t)(rows * columns) * sizeof *product);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t l = 0; l < inner; l++) {
            double factor = first[i * inner + l];
            for (int64_t j = 0; j < columns; j++) {
                product[i * columns + j] += factor * second[l * columns + j];
            }
        }
    }
}

ss_run_reason ss_matrix_eigenvalues(double *matrix, int64_t order, double *values)
{
    if (!isfinite(ss_matrix_norm(matrix, order * order))) {
        return SS_REASON_NOT_FINITE;
    }
    gsl_error_handler_t *before = gsl_set_error_handler_off();
    gsl_eigen_symm_workspace *workspace = gsl_eigen_symm_alloc((size_t)order);
    gsl_set_error_handler(before);
    if (!workspace) {
        return SS_REASON_MEMORY;
    }
    gsl_matrix_view view = gsl_matrix_view_array(matrix, (size_t)order, (size_t)order);
    gsl_vector_view found = gsl_vector_view_array(values, (size_t)order);
    gsl_eigen_symm(&view.matrix, &found.vector, workspace);
    gsl_eigen_symm_free(workspace);
    return SS_REASON_NONE;
}
