/* The small matrix operations of Algorithm 1. */
#include "check.h"

#include "src/sgda/matrix.h"

static void fill(uint64_t seed, double *matrix, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        matrix[i] = check_uniform(&seed);
    }
}

/* hypot(3, 4) = 5, scaled over the whole range of doubles; a few roundings. */
static void norm_neither_overflows_nor_underflows(void **state)
{
    (void)state;
    const double scales[] = {1,        1e300,    1e-300,   1e150,   1e-150,
                             0x1p-480, 0x1p-481, 0x1p-700, 0x1p1020};
    for (size_t i = 0; i < COUNT_OF(scales); i++) {
        double entries[] = {3 * scales[i], 0, -4 * scales[i]};
        assert_near(ss_matrix_norm(entries, 3) / scales[i], 5, 5e-15);
    }
}

/* Subnormals keep few digits: 3e-320 is 6072 units, so 5e-320 is right to 1e-4. */
static void norm_of_subnormals_is_right(void **state)
{
    (void)state;
    double entries[] = {3e-320, 4e-320};
    double smallest = 0x1p-1074;
    assert_near(ss_matrix_norm(entries, 2) / 5e-320, 1, 1e-4);
    assert_near(ss_matrix_norm(&smallest, 1), smallest, 0);
}

static void norm_of_mixed_sizes_is_that_of_the_largest(void **state)
{
    (void)state;
    double large[] = {1e-300, 1e300, 1};
    double small[] = {1e-200, 1e-320};
    assert_near(ss_matrix_norm(large, 3) / 1e300, 1, 4e-16);
    assert_near(ss_matrix_norm(small, 2) / 1e-200, 1, 4e-16);
}

static void norm_of_zeros_is_zero(void **state)
{
    (void)state;
    double zeros[] = {0, -0.0, 0};
    assert_near(ss_matrix_norm(zeros, 3), 0, 0);
    assert_near(ss_matrix_norm(zeros, 0), 0, 0);
}

static void norm_passes_on_what_is_not_finite(void **state)
{
    (void)state;
    double infinite[] = {1, -INFINITY, 1e300};
    double undefined[] = {1e300, NAN, 1};
    double both[] = {INFINITY, NAN};
    double beyond[] = {1.7e308, 1.7e308};
    assert_true(isinf(ss_matrix_norm(infinite, 3)));
    assert_true(isnan(ss_matrix_norm(undefined, 3)));
    assert_false(isfinite(ss_matrix_norm(both, 2)) != 0);
    assert_true(isinf(ss_matrix_norm(beyond, 2))); /* √2 · 1.7e308 is no double */
}

static void row_norms_are_the_norms_of_the_rows(void **state)
{
    (void)state;
    double matrix[] = {3, 4, 5, 12, 1e200, 0};
    double norms[3];
    ss_matrix_row_norms(matrix, 3, 2, norms);
    assert_near(norms[0], 5, 1e-15);
    assert_near(norms[1], 13, 2e-15);
    assert_near(norms[2] / 1e200, 1, 4e-16);
}

/* A few roundings of each entry. */
static void projection_gives_rows_their_norms_and_keeps_directions(void **state)
{
    (void)state;
    enum { ROWS = 5, COLUMNS = 7 };
    double matrix[ROWS * COLUMNS];
    double before[ROWS * COLUMNS];
    const double norms[ROWS] = {1, 0.25, 3, 1e-3, 1e3};
    fill(1, matrix, ROWS * COLUMNS);
    memcpy(before, matrix, sizeof before);
    assert_int_equal(ss_matrix_project(matrix, ROWS, COLUMNS, norms), SS_REASON_NONE);
    for (int i = 0; i < ROWS; i++) {
        double length = check_norm(before + i * COLUMNS, COLUMNS);
        assert_near(check_norm(matrix + i * COLUMNS, COLUMNS) / norms[i], 1, 2e-15);
        for (int c = 0; c < COLUMNS; c++) {
            int entry = i * COLUMNS + c;
            assert_near(matrix[entry], before[entry] / length * norms[i], 2e-15 * norms[i]);
        }
    }
}

static void projection_reaches_rows_of_extreme_size(void **state)
{
    (void)state;
    double matrix[] = {3e300, 4e300, 3e-300, 4e-300};
    const double norms[] = {5, 10};
    assert_int_equal(ss_matrix_project(matrix, 2, 2, norms), SS_REASON_NONE);
    assert_near(matrix[0], 3, 2e-15);
    assert_near(matrix[1], 4, 2e-15);
    assert_near(matrix[2], 6, 4e-15);
    assert_near(matrix[3], 8, 4e-15);
}

static void projection_refuses_rows_without_direction(void **state)
{
    (void)state;
    const double norms[] = {1, 1};
    double zero[] = {1, 1, 0, 0};
    double undefined[] = {1, 1, 1, NAN};
    double infinite[] = {1, 1, -INFINITY, 1};
    assert_int_equal(ss_matrix_project(zero, 2, 2, norms), SS_REASON_ZERO_ROW);
    assert_int_equal(ss_matrix_project(undefined, 2, 2, norms), SS_REASON_NOT_FINITE);
    assert_int_equal(ss_matrix_project(infinite, 2, 2, norms), SS_REASON_NOT_FINITE);
}

static void naive_gram(const double *matrix, int rows, int columns, double *gram)
{
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < rows; j++) {
            gram[i * rows + j] = 0;
            for (int c = 0; c < columns; c++) {
                gram[i * rows + j] += matrix[i * columns + c] * matrix[j * columns + c];
            }
        }
    }
}

/* Sums of up to nine products of numbers below 1: 9 · 2⁻⁵³ each way. */
static void gram_is_the_product_with_the_transpose(void **state)
{
    (void)state;
    double matrix[9 * 9];
    double gram[9 * 9];
    double expected[9 * 9];
    for (int rows = 1; rows <= 9; rows += 2) {
        for (int columns = 1; columns <= 9; columns += 4) {
            fill((uint64_t)(rows * columns), matrix, rows * columns);
            ss_matrix_gram(matrix, rows, columns, gram);
            naive_gram(matrix, rows, columns, expected);
            for (int entry = 0; entry < rows * rows; entry++) {
                assert_near(gram[entry], expected[entry], 3e-15);
            }
        }
    }
}

static void gram_is_exactly_symmetric(void **state)
{
    (void)state;
    enum { ROWS = 8, COLUMNS = 5 };
    double matrix[ROWS * COLUMNS];
    double gram[ROWS * ROWS];
    fill(3, matrix, ROWS * COLUMNS);
    ss_matrix_gram(matrix, ROWS, COLUMNS, gram);
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < ROWS; j++) {
            assert_memory_equal(&gram[i * ROWS + j], &gram[j * ROWS + i], sizeof(double));
        }
    }
}

/* A sum of 64 squares; relative rounding 64 · 2⁻⁵³. */
static void gram_distance_is_the_frobenius_distance(void **state)
{
    (void)state;
    enum { ROWS = 8, COLUMNS = 3 };
    double A[ROWS * COLUMNS];
    double B[ROWS * COLUMNS];
    double gram_A[ROWS * ROWS];
    double gram_B[ROWS * ROWS];
    fill(4, A, ROWS * COLUMNS);
    fill(5, B, ROWS * COLUMNS);
    naive_gram(A, ROWS, COLUMNS, gram_A);
    naive_gram(B, ROWS, COLUMNS, gram_B);
    double expected = check_distance(gram_A, gram_B, ROWS * ROWS);
    assert_near(ss_matrix_gram_distance(A, ROWS, COLUMNS, gram_B) / expected, 1, 1e-14);
}

static void gram_distance_to_itself_is_zero(void **state)
{
    (void)state;
    enum { ROWS = 6, COLUMNS = 4 };
    double A[ROWS * COLUMNS];
    double gram[ROWS * ROWS];
    fill(6, A, ROWS * COLUMNS);
    ss_matrix_gram(A, ROWS, COLUMNS, gram);
    assert_near(ss_matrix_gram_distance(A, ROWS, COLUMNS, gram), 0, 0);
}

/* Rotations by random angles in every pair of columns make Q; each adds a rounding. */
static void gram_distance_is_invariant_under_rotation(void **state)
{
    (void)state;
    enum { ROWS = 6, COLUMNS = 4 };
    double A[ROWS * COLUMNS];
    double B[ROWS * COLUMNS];
    double target[ROWS * ROWS];
    uint64_t seed = 9;
    fill(7, A, ROWS * COLUMNS);
    fill(8, B, ROWS * COLUMNS);
    naive_gram(B, ROWS, COLUMNS, target);
    double before = ss_matrix_gram_distance(A, ROWS, COLUMNS, target);
    memcpy(B, A, sizeof B);
    for (int p = 0; p < COLUMNS; p++) {
        for (int q = 0; q < p; q++) {
            double angle = M_PI * check_uniform(&seed);
            for (int i = 0; i < ROWS; i++) {
                double x = A[i * COLUMNS + p];
                double y = A[i * COLUMNS + q];
                A[i * COLUMNS + p] = cos(angle) * x - sin(angle) * y;
                A[i * COLUMNS + q] = sin(angle) * x + cos(angle) * y;
            }
        }
    }
    assert_true(check_distance(A, B, ROWS * COLUMNS) > 0.1); /* they did turn */
    assert_near(ss_matrix_gram_distance(A, ROWS, COLUMNS, target) / before, 1, 1e-14);
}

static void gram_distance_passes_on_what_is_not_finite(void **state)
{
    (void)state;
    double target[] = {1};
    double undefined = NAN;
    double large = 1e200;
    assert_true(isnan(ss_matrix_gram_distance(&undefined, 1, 1, target)));
    assert_false(isfinite(ss_matrix_gram_distance(&large, 1, 1, target)) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_neither_overflows_nor_underflows),
        cmocka_unit_test(norm_of_subnormals_is_right),
        cmocka_unit_test(norm_of_mixed_sizes_is_that_of_the_largest),
        cmocka_unit_test(norm_of_zeros_is_zero),
        cmocka_unit_test(norm_passes_on_what_is_not_finite),
        cmocka_unit_test(row_norms_are_the_norms_of_the_rows),
        cmocka_unit_test(projection_gives_rows_their_norms_and_keeps_directions),
        cmocka_unit_test(projection_reaches_rows_of_extreme_size),
        cmocka_unit_test(projection_refuses_rows_without_direction),
        cmocka_unit_test(gram_is_the_product_with_the_transpose),
        cmocka_unit_test(gram_is_exactly_symmetric),
        cmocka_unit_test(gram_distance_is_the_frobenius_distance),
        cmocka_unit_test(gram_distance_to_itself_is_zero),
        cmocka_unit_test(gram_distance_is_invariant_under_rotation),
        cmocka_unit_test(gram_distance_passes_on_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
