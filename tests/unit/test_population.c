/* The population limits (Section 5.1): F and its derivatives against independent quadrature, their
 * gradient against differences of the risk, runs with n = ∞ and m = ∞ as the limits of others. */
#include "check.h"

#include "effort.h"
#include "small_run.h"
#include "src/sgda/matrix.h"
#include "src/sgda/population.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <stdlib.h>

static bool is_smooth(ss_activation activation)
{
    return activation.kind != SS_ACTIVATION_LEAKY_RELU;
}

/* ---- E f(r x) g(s y) for normal x and y of correlation rho, by adaptive quadrature ---- */

typedef double (*function)(ss_activation activation, double u);

static double weighted_slope(ss_activation activation, double u)
{
    return u * ss_activation_slope(activation, u);
}

typedef struct expectation {
    ss_activation activation;
    function f, g;
    double r, s, rho;
    double x; /* of the inner integral */
    gsl_integration_workspace *inner;
} expectation;

/* The density is 1e-20 there. */
static const double end = 9.5;

static double density(double x)
{
    return exp(-x * x / 2) / sqrt(2 * M_PI);
}

static double integrate(double (*f)(double, void *), expectation *e,
                        gsl_integration_workspace *workspace)
{
    double value;
    double error;
    gsl_function integrand = {f, e};
    gsl_integration_qag(&integrand, -end, end, 1e-14, 1e-14, 400, GSL_INTEG_GAUSS61, workspace,
                        &value, &error);
    return value;
}

static double over_y(double y, void *context)
{
    const expectation *e = context;
    double second = e->rho * e->x + sqrt((1 - e->rho) * (1 + e->rho)) * y;
    return density(y) * e->g(e->activation, e->s * second);
}

static double over_x(double x, void *context)
{
    expectation *e = context;
    e->x = x;
    double inner =
        fabs(e->rho) < 1 ? integrate(over_y, e, e->inner) : e->g(e->activation, e->s * e->rho * x);
    return density(x) * e->f(e->activation, e->r * x) * inner;
}

static double expect(ss_activation activation, function f, function g, double r, double s,
                     double rho)
{
    gsl_integration_workspace *outer = gsl_integration_workspace_alloc(400);
    expectation e = {activation, f, g, r, s, rho, 0, gsl_integration_workspace_alloc(400)};
    gsl_error_handler_t *before = gsl_set_error_handler_off(); /* 1e-14 is at rounding's edge */
    double value = integrate(over_x, &e, outer);
    gsl_set_error_handler(before);
    gsl_integration_workspace_free(e.inner);
    gsl_integration_workspace_free(outer);
    return value;
}

/* E φ''(u) φ(v), from E u φ'(u) φ(v) by Stein's lemma. */
static double expect_radial(ss_activation activation, double r, double s, double rho, double slope)
{
    double moment = expect(activation, weighted_slope, ss_activation_value, r, s, rho);
    return (moment - rho * r * s * slope) / (r * r);
}

/* ---- F ---- */

/* F, slope and radial as 2 × 2 matrices of rows of norms r and s. */
typedef struct moments {
    double F[4], slope[4], radial[4];
} moments;

static moments moments_of(ss_activation activation, double r, double s, double rho)
{
    ss_population population = {0};
    moments found;
    const double norms[] = {r, s};
    const double Z[] = {r * r, rho * r * s, rho * r * s, s * s};
    assert_int_equal(ss_population_prepare(&population, activation, norms, 2), SS_OK);
    ss_population_moments(&population, Z, found.F, found.slope, found.radial);
    ss_population_release(&population);
    return found;
}

static void assert_moments(ss_activation activation, double r, double s, double rho)
{
    moments found = moments_of(activation, r, s, rho);
    double slope = expect(activation, ss_activation_slope, ss_activation_slope, r, s, rho);
    assert_near(found.F[1], expect(activation, ss_activation_value, ss_activation_value, r, s, rho),
                1e-12);
    assert_near(found.slope[1], slope, 1e-12);
    assert_near(found.radial[1], expect_radial(activation, r, s, rho, slope),
                1e-12 / fmin(1, r * r));
    assert_near(found.radial[2], expect_radial(activation, s, r, rho, slope),
                1e-12 / fmin(1, s * s));
    assert_true(found.F[1] == found.F[2] && found.slope[1] == found.slope[2]);
}

/* The closed forms of those without a kink among them; leaky ReLU's are test_certificate.c's.
 * Usually a fifth of the cases, each activation with all norms and with most correlations: the
 * quadrature takes the time. */
static void moments_are_the_expectations_to_1e_12(void **state)
{
    (void)state;
    const double rhos[] = {-1, -0.9, 0, 0.3, 0.995, 1};
    const double norms[][2] = {{1, 1}, {0.3, 2.5}, {6, 6}, {11, 3}};
    int number = 0;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t n = 0; n < COUNT_OF(norms) && is_smooth(activations[a]); n++) {
            for (size_t i = 0; i < COUNT_OF(rhos); i++) {
                if (number++ % tests_effort(1, 5, 23) == 0) {
                    assert_moments(activations[a], norms[n][0], norms[n][1], rhos[i]);
                }
            }
        }
    }
}

/* Their series is cut, but what is cut counts only where rows are nearly parallel. */
static void rows_that_are_long_are_as_exact_unless_parallel(void **state)
{
    (void)state;
    const ss_activation softplus = {SS_ACTIVATION_SOFTPLUS, 0};
    const double rhos[] = {-0.9, 0.3, 0.9};
    for (size_t i = 0; i < COUNT_OF(rhos); i += (size_t)tests_effort(1, 1, 3)) {
        double r = 60;
        moments found = moments_of(softplus, r, r, rhos[i]);
        double value = expect(softplus, ss_activation_value, ss_activation_value, r, r, rhos[i]);
        double slope = expect(softplus, ss_activation_slope, ss_activation_slope, r, r, rhos[i]);
        assert_near(found.F[1] / value, 1, 1e-9);
        assert_near(found.slope[1], slope, 1e-9);
    }
}

/* Twice the derivative by the variance, where the covariance stays. */
static void the_radial_moment_of_closed_forms_is_a_derivative(void **state)
{
    (void)state;
    const double rhos[] = {-0.9, 0, 0.3, 0.99};
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t i = 0; i < COUNT_OF(rhos) && ss_closed_form_exists(activations[a]); i++) {
            double r = 0.7;
            double s = 1.3;
            double z = rhos[i] * r * s;
            double step = 1e-5;
            double above = ss_closed_form_at(activations[a], z, sqrt(r * r + step), s).value;
            double below = ss_closed_form_at(activations[a], z, sqrt(r * r - step), s).value;
            assert_near(ss_closed_form_at(activations[a], z, r, s).radial, (above - below) / step,
                        1e-7);
        }
    }
}

/* Norms that differ in their last bit have tables of their own; those of one table agree with them.
 */
static void one_table_for_all_rows_gives_what_a_table_each_gives(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        moments one = moments_of(activations[a], 1, 1, 0.4);
        moments two = moments_of(activations[a], 1, 1 + 0x1p-52, 0.4);
        for (int entry = 0; entry < 4; entry++) {
            assert_near(two.F[entry], one.F[entry], 1e-15);
            assert_near(two.slope[entry], one.slope[entry], 1e-15);
            assert_near(two.radial[entry], one.radial[entry], 1e-14);
        }
    }
}

static void a_row_of_norm_zero_has_a_limit(void **state)
{
    (void)state;
    moments found = moments_of((ss_activation){SS_ACTIVATION_SIGMOID, 0}, 0, 1, 0);
    assert_near(found.F[0], 0.25, 1e-14);
    assert_near(found.F[1], 0.25, 1e-14);
    assert_near(found.slope[0], 0.0625, 1e-14);
}

/* ---- its gradient ---- */

enum { ROWS = 4, COLUMNS = 3 };

/* Rows of norms from about 0.5 to 2. */
static void random_matrix(uint64_t seed, double *A)
{
    for (int entry = 0; entry < ROWS * COLUMNS; entry++) {
        A[entry] = (0.6 + 0.3 * (entry / COLUMNS)) * check_uniform(&seed);
    }
}

/* F(A Aᵀ), for norms that are those of A. */
static void apply_F(ss_activation activation, const double *A, ss_population *population, double *F,
                    double *slope, double *radial)
{
    double norms[ROWS];
    ss_matrix_row_norms(A, ROWS, COLUMNS, norms);
    assert_int_equal(ss_population_prepare(population, activation, norms, ROWS), SS_OK);
    ss_matrix_gram(A, ROWS, COLUMNS, F);
    ss_population_moments(population, F, F, slope, radial);
}

/* ½‖F(A Aᵀ) − X‖_F². */
static double risk(ss_activation activation, const double *A, const double *X)
{
    double F[ROWS * ROWS];
    ss_population population = {0};
    apply_F(activation, A, &population, F, NULL, NULL);
    ss_population_release(&population);
    double distance = check_distance(F, X, ROWS * ROWS);
    return distance * distance / 2;
}

static void exact_gradient(ss_activation activation, const double *A, const double *X,
                           double *gradient)
{
    double V[ROWS * ROWS];
    double slope[ROWS * ROWS];
    double radial[ROWS * ROWS];
    ss_population population = {0};
    apply_F(activation, A, &population, V, slope, radial);
    for (int entry = 0; entry < ROWS * ROWS; entry++) {
        V[entry] -= X[entry];
    }
    ss_population_gradient(A, ROWS, COLUMNS, V, slope, radial, gradient);
    ss_population_release(&population);
}

static void the_gradient_is_that_of_the_risk(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        double A[ROWS * COLUMNS];
        double X[ROWS * ROWS];
        double gradient[ROWS * COLUMNS];
        ss_population population = {0};
        random_matrix(1, A);
        apply_F(activations[a], A, &population, X, NULL, NULL);
        ss_population_release(&population);
        random_matrix(2, A);
        exact_gradient(activations[a], A, X, gradient);
        for (int entry = 0; entry < ROWS * COLUMNS; entry++) {
            const double step = 1e-5;
            double before = A[entry];
            A[entry] = before + step;
            double above = risk(activations[a], A, X);
            A[entry] = before - step;
            double below = risk(activations[a], A, X);
            A[entry] = before;
            assert_near(gradient[entry], (above - below) / (2 * step), 2e-8);
        }
    }
}

/* What is left of a gradient along the constraints. */
static void project_on_tangents(const double *A, double *gradient)
{
    for (int i = 0; i < ROWS; i++) {
        const double *row = A + i * COLUMNS;
        double *of_row = gradient + i * COLUMNS;
        double along = ss_matrix_dot(row, of_row, COLUMNS) / ss_matrix_dot(row, row, COLUMNS);
        for (int c = 0; c < COLUMNS; c++) {
            of_row[c] -= along * row[c];
        }
    }
}

/* 2 [(F(Z) − F(Z*)) ∘ F'(Z)] A, the diagonal fixed (algorithm.md, "Closed forms"). */
static void along_the_constraints_it_is_the_paper_s(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        double A[ROWS * COLUMNS];
        double F[ROWS * ROWS];
        double slope[ROWS * ROWS];
        double radial[ROWS * ROWS];
        double gradient[ROWS * COLUMNS];
        double papers[ROWS * COLUMNS];
        const double X[ROWS * ROWS] = {0};
        ss_population population = {0};
        random_matrix(3, A);
        apply_F(activations[a], A, &population, F, slope, radial);
        ss_population_release(&population);
        for (int entry = 0; entry < ROWS * ROWS; entry++) {
            slope[entry] *= entry % (ROWS + 1) == 0 ? 0 : 2 * F[entry];
        }
        ss_matrix_product(slope, ROWS, ROWS, A, COLUMNS, papers);
        exact_gradient(activations[a], A, X, gradient);
        project_on_tangents(A, papers);
        project_on_tangents(A, gradient);
        assert_at_most(check_distance(gradient, papers, ROWS * COLUMNS),
                       1e-14 * (1 + check_norm(papers, ROWS * COLUMNS)));
    }
}

/* ---- runs ---- */

static ss_run run_of_sizes(ss_activation activation, int64_t n, int64_t m)
{
    ss_run run = run_with(activation, SS_PRECISION_DOUBLE);
    run.k = run.k0 = run.d;
    run.n = n;
    run.m = m;
    run.noise = 0;
    return run;
}

static double distance_of_runs(const ss_run *a, const ss_run *b)
{
    double first[T + 1];
    double second[T + 1];
    assert_int_equal(execute(a, first).status, SS_RUN_DONE);
    assert_int_equal(execute(b, second).status, SS_RUN_DONE);
    return check_distance(first, second, T + 1);
}

/* A hundred times the samples: a tenth of the distance, if the limit is what they converge to. */
static void infinitely_many_samples_are_the_limit_of_many(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        ss_run limit = run_of_sizes(activations[a], 0, 0);
        limit.step_size = activations[a].kind == SS_ACTIVATION_IDENTITY ? 0.05 : 0.2;
        for (int which = 0; which < 2; which++) {
            ss_run few = limit;
            ss_run many = limit;
            *(which == 0 ? &few.n : &few.m) = 300;
            *(which == 0 ? &many.n : &many.m) = 30000;
            double far = distance_of_runs(&few, &limit);
            double near = distance_of_runs(&many, &limit);
            assert_at_most(near, far / 3);
            assert_at_most(near, 0.1);
            assert_true(near > 0);
        }
    }
}

/* Theorem 3, with k = d. */
static void the_target_is_recovered_exactly(void **state)
{
    (void)state;
    const ss_activation some[] = {
        {SS_ACTIVATION_TANH, 0}, {SS_ACTIVATION_ERF, 0}, {SS_ACTIVATION_LEAKY_RELU, 0.2}};
    static double trajectory[2];
    for (size_t a = 0; a < COUNT_OF(some); a++) {
        const int64_t ends[] = {0, 40000};
        ss_run run = run_of_sizes(some[a], 0, 0);
        run.d = run.k = run.k0 = 3;
        run.iterations = 40000;
        run.step_size = 1;
        run.checkpoints = ends;
        run.checkpoint_count = 2;
        assert_int_equal(execute(&run, trajectory).status, SS_RUN_DONE);
        assert_true(trajectory[0] > 0.1);
        assert_at_most(trajectory[1], 1e-8);
    }
}

/* Section 6.3: the end of an exact run is stationary, and no direction descends from it. */
static void its_certificate_says_so(void **state)
{
    (void)state;
    double results[2 + SS_CERTIFICATE_MULTIPLIERS + 3];
    const int64_t ends[] = {0, 40000};
    ss_run run = run_of_sizes((ss_activation){SS_ACTIVATION_ERF, 0}, 0, 0);
    run.d = run.k = run.k0 = 3;
    run.iterations = 40000;
    run.step_size = 1;
    run.checkpoints = ends;
    run.checkpoint_count = 2;
    run.certificate = true;
    assert_int_equal(execute(&run, results).status, SS_RUN_DONE);
    assert_at_most(results[2 + SS_CERTIFICATE_RESIDUAL], 1e-12);
    assert_at_most(-results[2 + SS_CERTIFICATE_EIGENVALUE], 1e-12);
}

/* Rows of their own norms have tables of their own, free ones at every iteration. */
static void what_tables_cost_is_predicted(void **state)
{
    (void)state;
    const ss_kernel *kernel;
    assert_int_equal(ss_kernel_choose(SS_PRECISION_DOUBLE, &kernel), SS_OK);
    ss_run unit = run_of_sizes((ss_activation){SS_ACTIVATION_TANH, 0}, 0, 0);
    ss_run gaussian = unit;
    ss_run free = unit;
    ss_run closed = run_of_sizes((ss_activation){SS_ACTIVATION_ERF, 0}, 0, 0);
    ss_run closed_free = closed;
    gaussian.row_norm = SS_ROW_NORM_GAUSSIAN;
    free.train_row_norm = closed_free.train_row_norm = SS_TRAIN_ROW_NORM_FREE;
    assert_true(ss_run_cost_seconds(&gaussian) > 2 * ss_run_cost_seconds(&unit));
    assert_true(ss_run_cost_seconds(&free) > 5 * ss_run_cost_seconds(&gaussian));
    assert_near(ss_run_cost_seconds(&closed_free), ss_run_cost_seconds(&closed), 0);
    assert_true(ss_run_cost_bytes(&gaussian, kernel) > ss_run_cost_bytes(&unit, kernel));
    assert_true(ss_run_cost_bytes(&unit, kernel) > ss_run_cost_bytes(&closed, kernel));
}

/* With gaussian norms every row has a table of its own. */
static void a_workspace_forgets_the_run_before(void **state)
{
    (void)state;
    double alone[T + 1];
    double after[T + 1];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (int norm = SS_ROW_NORM_UNIT; norm <= SS_ROW_NORM_GAUSSIAN; norm++) {
            ss_run run = run_of_sizes(activations[a], 0, norm == SS_ROW_NORM_UNIT ? 0 : M);
            run.row_norm = (ss_row_norm)norm;
            run.train_row_norm = a % 2 ? SS_TRAIN_ROW_NORM_FREE : SS_TRAIN_ROW_NORM_KNOWN;
            run.step_size = 0.02;
            assert_int_equal(execute(&run, alone).status, SS_RUN_DONE);
            ss_run_execute(&run, workspace, NULL, NULL, after, &outcome);
            assert_memory_equal(after, alone, sizeof after);
        }
    }
    ss_workspace_destroy(&workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_the_expectations_to_1e_12),
        cmocka_unit_test(rows_that_are_long_are_as_exact_unless_parallel),
        cmocka_unit_test(the_radial_moment_of_closed_forms_is_a_derivative),
        cmocka_unit_test(one_table_for_all_rows_gives_what_a_table_each_gives),
        cmocka_unit_test(a_row_of_norm_zero_has_a_limit),
        cmocka_unit_test(the_gradient_is_that_of_the_risk),
        cmocka_unit_test(along_the_constraints_it_is_the_paper_s),
        cmocka_unit_test(infinitely_many_samples_are_the_limit_of_many),
        cmocka_unit_test(the_target_is_recovered_exactly),
        cmocka_unit_test(its_certificate_says_so),
        cmocka_unit_test(what_tables_cost_is_predicted),
        cmocka_unit_test(a_workspace_forgets_the_run_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
