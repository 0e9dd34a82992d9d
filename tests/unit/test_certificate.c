/* The closed forms against quadrature, and certificates (Section 6.3) against what they are defined
 * as. */
#include "check.h"

#include "saddlesweep/closed_form.h"
#include "small_run.h"
#include "src/sgda/engine.h"
#include "src/sgda/matrix.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_sort.h>
#include <stdlib.h>

static const ss_activation with_closed_form[] = {
    {SS_ACTIVATION_LEAKY_RELU, 0.2}, {SS_ACTIVATION_LEAKY_RELU, 0}, {SS_ACTIVATION_LEAKY_RELU, 1},
    {SS_ACTIVATION_ERF, 0},          {SS_ACTIVATION_IDENTITY, 0},
};

/* ---- closed forms ---- */

typedef double (*function)(ss_activation activation, double u);

typedef struct expectation {
    ss_activation activation;
    function f;
    double r, s, angle;   /* standard deviations; cos(angle) is the correlation */
    double radial_moment; /* of what f f grows like: E R² = 2, or 1 */
} expectation;

/* In polar coordinates, for a function that scales with its argument, or with its sign alone. */
static double on_circle(double theta, void *context)
{
    const expectation *e = context;
    return e->f(e->activation, e->r * cos(theta)) *
           e->f(e->activation, e->s * cos(theta - e->angle));
}

/* Once round, between the kinks of both factors, which are where their arguments are 0. */
static double by_angle(expectation *e)
{
    double kinks[] = {M_PI_2, M_PI_2 + M_PI, e->angle + M_PI_2, e->angle + M_PI_2 + M_PI, 0};
    enum { KINKS = COUNT_OF(kinks) - 1 };
    gsl_integration_workspace *workspace = gsl_integration_workspace_alloc(200);
    gsl_function integrand = {on_circle, e};
    double sum = 0;
    for (int i = 0; i < KINKS; i++) {
        kinks[i] = fmod(kinks[i], 2 * M_PI);
    }
    gsl_sort(kinks, 1, KINKS);
    kinks[KINKS] = kinks[0] + 2 * M_PI;
    for (int i = 0; i < KINKS; i++) {
        double value = 0;
        double error;
        gsl_integration_qag(&integrand, kinks[i], kinks[i + 1], 1e-13, 1e-13, 200,
                            GSL_INTEG_GAUSS61, workspace, &value, &error);
        sum += value;
    }
    gsl_integration_workspace_free(workspace);
    return e->radial_moment * sum / (2 * M_PI);
}

static void assert_closed_form(ss_activation activation, double r, double s, double rho)
{
    expectation of_value = {activation, ss_activation_value, r, s, acos(rho), 2};
    expectation of_slope = {activation, ss_activation_slope, r, s, acos(rho), 1};
    ss_closed_form found = ss_closed_form_at(activation, rho * r * s, r, s);
    double value = by_angle(&of_value);
    double slope = by_angle(&of_slope);
    assert_near(found.value, value, 1e-12 * (1 + r * s));
    assert_near(found.slope, slope, 1e-12);
    if (activation.kind == SS_ACTIVATION_LEAKY_RELU) { /* φ'' is (1 - α) times Dirac's δ */
        double jump = 1 - activation.alpha;
        double radial = jump * jump * s * sqrt((1 - rho) * (1 + rho)) / (2 * M_PI * r);
        assert_near(found.radial, radial, 1e-12 * (1 + radial));
    }
}

/* Price's theorem: the derivative of E φ(u) φ(v) by the covariance is E φ'(u) φ'(v). (Those of erf,
 * which does not scale with its argument, are test_population.c's.) */
static void they_are_the_expectations(void **state)
{
    (void)state;
    const double rhos[] = {-0.999, -0.7, -0.1, 0, 0.3, 0.8, 0.9999};
    const double norms[][2] = {{1, 1}, {0.6, 1.4}, {0.05, 3}, {11, 3}};
    for (size_t a = 0; a < COUNT_OF(with_closed_form); a++) {
        assert_true(ss_closed_form_exists(with_closed_form[a]));
        for (size_t i = 0; i < COUNT_OF(rhos); i++) {
            for (size_t n = 0; n < COUNT_OF(norms) && with_closed_form[a].kind != SS_ACTIVATION_ERF;
                 n++) {
                assert_closed_form(with_closed_form[a], norms[n][0], norms[n][1], rhos[i]);
            }
        }
    }
    assert_false(ss_closed_form_exists((ss_activation){SS_ACTIVATION_TANH, 0}));
    assert_false(ss_closed_form_exists((ss_activation){SS_ACTIVATION_SIGMOID, 0}));
    assert_false(ss_closed_form_exists((ss_activation){SS_ACTIVATION_SOFTPLUS, 0}));
    assert_false(ss_closed_form_exists((ss_activation){SS_ACTIVATION_GELU, 0}));
}

/* Rows that are equal to rounding have a correlation just above 1. */
static void rounding_takes_them_out_of_no_range(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(with_closed_form); a++) {
        ss_closed_form at_one = ss_closed_form_at(with_closed_form[a], 1, 1, 1);
        ss_closed_form above = ss_closed_form_at(with_closed_form[a], 1 + 0x1p-52, 1, 1);
        assert_near(above.value, at_one.value, 1e-15);
        assert_near(above.slope, at_one.slope, 1e-7); /* asin' is infinite there */
    }
}

/* ---- certificates ---- */

enum { MOST_D = 12, MOST_RESULTS = T + 1 + SS_CERTIFICATE_MULTIPLIERS + MOST_D };

static void form_data(const ss_run *run, double *X)
{
    double A_star[MOST_D * MOST_D];
    double norms[MOST_D];
    ss_stream truth = ss_stream_truth(run->root_seed, run->seed, run->d, run->k0);
    ss_stream_matrix(&truth, 0, run->d, run->k0, A_star);
    for (int64_t i = 0; i < run->d; i++) {
        norms[i] = 1;
    }
    if (run->row_norm == SS_ROW_NORM_UNIT) {
        ss_matrix_project(A_star, run->d, run->k0, norms);
    }
    ss_batch data = ss_run_data_batch(run, A_star);
    const ss_kernel *reference;
    assert_int_equal(setenv("SADDLESWEEP_KERNEL", "reference", 1), 0);
    assert_int_equal(ss_kernel_choose(SS_PRECISION_DOUBLE, &reference), SS_OK);
    assert_int_equal(unsetenv("SADDLESWEEP_KERNEL"), 0);
    void *scratch = malloc(reference->scratch_bytes(&data) + 64);
    assert_non_null(scratch);
    reference->gamma(&data, scratch, X);
    free(scratch);
}

/* S from the definition, row by row; λ so that (S A)_i ⊥ a_i. */
static void form_S(const ss_run *run, const double *A, const double *X, double *S, double *lambda)
{
    int64_t d = run->d;
    double Z[MOST_D * MOST_D];
    ss_matrix_gram(A, d, run->k, Z);
    for (int64_t i = 0; i < d; i++) {
        double along = 0;
        for (int64_t j = 0; j < d; j++) {
            ss_closed_form F = ss_closed_form_at(run->activation, Z[i * d + j], sqrt(Z[i * d + i]),
                                                 sqrt(Z[j * d + j]));
            S[i * d + j] = (F.value - X[i * d + j]) * F.slope;
            along += S[i * d + j] * Z[j * d + i];
        }
        lambda[i] = along / Z[i * d + i];
        S[i * d + i] -= lambda[i];
    }
}

/* Whether S − shift · I is positive definite. */
static bool is_definite(const double *S, int64_t d, double shift)
{
    double copy[MOST_D * MOST_D];
    memcpy(copy, S, (size_t)(d * d) * sizeof *copy);
    for (int64_t i = 0; i < d; i++) {
        copy[i * d + i] -= shift;
    }
    gsl_matrix_view matrix = gsl_matrix_view_array(copy, (size_t)d, (size_t)d);
    gsl_error_handler_t *before = gsl_set_error_handler_off();
    int status = gsl_linalg_cholesky_decomp1(&matrix.matrix);
    gsl_set_error_handler(before);
    return status == GSL_SUCCESS;
}

static void assert_certified(const ss_run *run)
{
    double results[MOST_RESULTS];
    double state[2 * MOST_D * MOST_D];
    double X[MOST_D * MOST_D];
    double S[MOST_D * MOST_D];
    double lambda[MOST_D];
    double SA[MOST_D * MOST_D];
    ss_run_outcome outcome;
    ss_workspace *workspace;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(run, workspace, NULL, NULL, results, &outcome);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    ss_run_save(workspace, run, state); /* A, and a V that is none any more */
    ss_workspace_destroy(&workspace);
    const double *certificate = results + run->checkpoint_count;
    form_data(run, X);
    form_S(run, state, X, S, lambda);
    for (int64_t i = 0; i < run->d; i++) {
        assert_near(certificate[SS_CERTIFICATE_MULTIPLIERS + i], lambda[i], 1e-12);
    }
    ss_matrix_product(S, run->d, run->d, state, run->k, SA);
    double residual = ss_matrix_norm(SA, run->d * run->k) / ss_matrix_norm(state, run->d * run->k);
    assert_near(certificate[SS_CERTIFICATE_RESIDUAL], residual, 1e-12);
    double smallest = certificate[SS_CERTIFICATE_EIGENVALUE];
    assert_true(is_definite(S, run->d, smallest - 1e-11));
    assert_false(is_definite(S, run->d, smallest + 1e-11));
}

static void they_are_what_they_are_defined_as(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(with_closed_form); a++) {
        for (size_t s = 0; s < COUNT_OF(settings); s++) {
            ss_run run = run_of_setting(settings[s], with_closed_form[a], SS_PRECISION_DOUBLE);
            run.certificate = true;
            assert_certified(&run);
            run.d = MOST_D;
            assert_certified(&run);
        }
    }
}

/* A row of fixed norm has nothing to move: S A = 0, and so S = 0. */
static void a_single_row_is_certified_to_rounding(void **state)
{
    (void)state;
    double results[MOST_RESULTS];
    ss_run run = run_with((ss_activation){SS_ACTIVATION_ERF, 0}, SS_PRECISION_DOUBLE);
    run.d = 1;
    run.certificate = true;
    execute(&run, results);
    const double *certificate = results + run.checkpoint_count;
    assert_near(certificate[SS_CERTIFICATE_RESIDUAL], 0, 1e-16);
    assert_near(certificate[SS_CERTIFICATE_EIGENVALUE], 0, 1e-16);
}

static void assert_none(const double *certificate, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        assert_true(isnan(certificate[i]));
    }
}

static void there_is_none_where_there_can_be_none(void **state)
{
    (void)state;
    double results[MOST_RESULTS];
    ss_run without_form = run_with((ss_activation){SS_ACTIVATION_TANH, 0}, SS_PRECISION_SINGLE);
    without_form.certificate = true;
    assert_int_equal(execute(&without_form, results).status, SS_RUN_DONE);
    assert_none(results + T + 1, ss_run_certificate_count(&without_form));
    ss_run diverging = run_with((ss_activation){SS_ACTIVATION_IDENTITY, 0}, SS_PRECISION_SINGLE);
    diverging.certificate = true;
    diverging.step_size = 1e308;
    assert_int_equal(execute(&diverging, results).status, SS_RUN_DIVERGED);
    assert_none(results + T + 1, ss_run_certificate_count(&diverging));
}

/* It costs a trajectory nothing, not even its last bit, and is no part of the run's identity. */
static void the_trajectory_is_the_same_with_and_without(void **state)
{
    (void)state;
    double with[MOST_RESULTS];
    double without[MOST_RESULTS];
    ss_run run = run_with((ss_activation){SS_ACTIVATION_LEAKY_RELU, 0.2}, SS_PRECISION_SINGLE);
    uint64_t identity = ss_run_identity(&run);
    without[T + 1] = 42;
    execute(&run, without);
    assert_near(without[T + 1], 42, 0); /* nothing is written there */
    run.certificate = true;
    execute(&run, with);
    assert_memory_equal(with, without, (T + 1) * sizeof *with);
    assert_true(ss_run_identity(&run) == identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_the_expectations),
        cmocka_unit_test(rounding_takes_them_out_of_no_range),
        cmocka_unit_test(they_are_what_they_are_defined_as),
        cmocka_unit_test(a_single_row_is_certified_to_rounding),
        cmocka_unit_test(there_is_none_where_there_can_be_none),
        cmocka_unit_test(the_trajectory_is_the_same_with_and_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
