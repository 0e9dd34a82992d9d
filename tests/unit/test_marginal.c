/* Learning the marginals (Section 4): h against quadrature and differences, an iteration against
 * the formulas of engine_marginal.c sample by sample, and what is learned. */
#include "check.h"

#include "effort.h"
#include "saddlesweep/marginal.h"
#include "small_run.h"
#include "src/sgda/matrix.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <stdlib.h>

static const ss_discriminator discriminators[] = {SS_DISCRIMINATOR_LINEAR,
                                                  SS_DISCRIMINATOR_RECTIFIED_LINEAR};

static double psi(ss_discriminator discriminator, ss_activation activation, double x)
{
    return discriminator == SS_DISCRIMINATOR_LINEAR ? x
                                                    : fmax(x - ss_marginal_centre(activation), 0);
}

static double psi_slope(ss_discriminator discriminator, ss_activation activation, double x)
{
    return discriminator == SS_DISCRIMINATOR_LINEAR || x > ss_marginal_centre(activation);
}

static ss_marginal_mean mean_at(ss_discriminator discriminator, ss_activation activation, double r)
{
    ss_half_line *half_line = NULL;
    assert_int_equal(ss_half_line_create(&half_line), SS_OK);
    ss_marginal_mean mean = ss_marginal_mean_at(half_line, discriminator, activation, r);
    ss_half_line_destroy(&half_line);
    assert_null(half_line);
    return mean;
}

/* ---- h ---- */

typedef struct integrand {
    ss_discriminator discriminator;
    ss_activation activation;
    double r;
    bool slope;
} integrand;

/* Over u = r z, of which φ knows no scale. */
static double at_u(double u, void *context)
{
    const integrand *f = context;
    double z = u / f->r;
    double value = ss_activation_value(f->activation, u);
    double density = exp(-z * z / 2) / (f->r * sqrt(2 * M_PI));
    return density * (f->slope ? psi_slope(f->discriminator, f->activation, value) *
                                     ss_activation_slope(f->activation, u) * z
                               : psi(f->discriminator, f->activation, value));
}

/* Adaptive, over pieces of the whole line that end at the kink. */
static double by_adaptation(integrand *f)
{
    static const double ends[] = {0, 0.5, 2, 8, 40};
    gsl_integration_workspace *workspace = gsl_integration_workspace_alloc(1000);
    gsl_function function = {at_u, f};
    double end = 12 * f->r;
    double sum = 0;
    for (int side = -1; side <= 1; side += 2) {
        double left = 0;
        for (size_t i = 1; i <= COUNT_OF(ends); i++) {
            double right = i < COUNT_OF(ends) && ends[i] < end ? ends[i] : end;
            double value = 0;
            double error;
            gsl_error_handler_t *before = gsl_set_error_handler_off(); /* of rounding */
            if (right > left) {
                gsl_integration_qag(&function, side * left, side * right, 1e-15, 1e-14, 1000,
                                    GSL_INTEG_GAUSS61, workspace, &value, &error);
            }
            gsl_set_error_handler(before);
            sum += side * value;
            left = right;
        }
    }
    gsl_integration_workspace_free(workspace);
    return sum;
}

static const double norms_of_rows[] = {1e-3, 0.1, 0.7, 1, 2.5, 10, 300};

static void h_and_its_derivative_agree_with_adaptive_quadrature(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t v = 0; v < COUNT_OF(discriminators); v++) {
            for (size_t i = 0; i < COUNT_OF(norms_of_rows); i++) {
                double r = norms_of_rows[i];
                integrand f = {discriminators[v], activations[a], r, false};
                ss_marginal_mean mean = mean_at(discriminators[v], activations[a], r);
                assert_near(mean.value, by_adaptation(&f), 1e-12 * fmax(1, r));
                f.slope = true;
                assert_near(mean.slope, by_adaptation(&f), 1e-12);
            }
        }
    }
}

static void rectified_identity_and_relu_have_the_mean_of_a_half_normal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(norms_of_rows); i++) {
        double r = norms_of_rows[i];
        double expected = r / sqrt(2 * M_PI);
        assert_near(mean_at(SS_DISCRIMINATOR_RECTIFIED_LINEAR,
                            (ss_activation){SS_ACTIVATION_IDENTITY, 0}, r)
                        .value,
                    expected, 1e-13 * fmax(1, r));
        assert_near(
            mean_at(SS_DISCRIMINATOR_LINEAR, (ss_activation){SS_ACTIVATION_LEAKY_RELU, 0}, r).value,
            expected, 1e-15 * fmax(1, r));
    }
}

static void the_derivative_is_the_limit_of_differences(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t v = 0; v < COUNT_OF(discriminators); v++) {
            for (size_t i = 1; i < COUNT_OF(norms_of_rows); i++) {
                double r = norms_of_rows[i];
                double step = 1e-4 * r;
                double above = mean_at(discriminators[v], activations[a], r + step).value;
                double below = mean_at(discriminators[v], activations[a], r - step).value;
                double slope = mean_at(discriminators[v], activations[a], r).slope;
                assert_near(slope, (above - below) / (2 * step), 1e-8);
            }
        }
    }
}

static void h_is_defined_at_the_ends(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t v = 0; v < COUNT_OF(discriminators); v++) {
            double centre = ss_marginal_centre(activations[a]);
            double at_zero = psi(discriminators[v], activations[a], centre);
            assert_near(mean_at(discriminators[v], activations[a], 0).value, at_zero, 1e-15);
            assert_true(isfinite(mean_at(discriminators[v], activations[a], 1e300).slope));
            assert_true(isnan(mean_at(discriminators[v], activations[a], INFINITY).value));
            assert_true(isnan(mean_at(discriminators[v], activations[a], NAN).slope));
        }
    }
}

/* Monotone where nothing is said against it, and constant, for linear, where something is. */
static void the_doubts_are_about_means_that_do_not_tell_norms(void **state)
{
    (void)state;
    const ss_activation identities[] = {{SS_ACTIVATION_IDENTITY, 0}, {SS_ACTIVATION_LEAKY_RELU, 1}};
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        bool doubted = ss_marginal_doubt(SS_DISCRIMINATOR_LINEAR, activations[a]) != NULL;
        double near = mean_at(SS_DISCRIMINATOR_LINEAR, activations[a], 0.5).value;
        double far = mean_at(SS_DISCRIMINATOR_LINEAR, activations[a], 2).value;
        assert_int_equal(doubted, fabs(far - near) < 1e-14);
        bool other = ss_marginal_doubt(SS_DISCRIMINATOR_RECTIFIED_LINEAR, activations[a]) != NULL;
        assert_int_equal(doubted, !other);
    }
    for (size_t i = 0; i < COUNT_OF(identities); i++) {
        assert_non_null(ss_marginal_doubt(SS_DISCRIMINATOR_LINEAR, identities[i]));
        assert_null(ss_marginal_doubt(SS_DISCRIMINATOR_RECTIFIED_LINEAR, identities[i]));
    }
}

/* ---- runs ---- */

static ss_run marginal_run(ss_activation activation, ss_discriminator discriminator)
{
    ss_run run = run_with(activation, SS_PRECISION_DOUBLE);
    run.algorithm = SS_ALGORITHM_MARGINAL;
    run.discriminator = discriminator;
    run.row_norm = SS_ROW_NORM_GAUSSIAN;
    run.k = 3;
    run.noise = 0;
    run.step_size = 1;
    return run;
}

/* A and v after one iteration. */
typedef struct first_step {
    const ss_run *run;
    const ss_workspace *workspace;
    double state[D * (K_MOST + 1)];
} first_step;

static int keep_first(void *context, int64_t t, int64_t iterations)
{
    first_step *first = context;
    (void)iterations;
    if (t == 1) {
        assert_true(ss_run_state_count(first->run) == first->run->d * (first->run->k + 1));
        ss_run_save(first->workspace, first->run, first->state);
    }
    return t == 1;
}

static first_step take_first_step(const ss_run *run)
{
    ss_workspace *workspace = NULL;
    double trajectory[T + 1];
    ss_run_outcome outcome;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    first_step first = {.run = run, .workspace = workspace};
    ss_run_execute(run, workspace, keep_first, &first, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    assert_int_equal(outcome.iterations, 1);
    return first;
}

static void draw_matrices(const ss_run *run, double *A_star, double *A)
{
    ss_stream truth = ss_stream_truth(run->root_seed, run->seed, run->d, run->k0);
    ss_stream start = ss_stream_start(run->root_seed, run->seed, run->d, run->k);
    ss_stream_matrix(&truth, 0, run->d, run->k0, A_star);
    ss_stream_matrix(&start, 0, run->d, run->k, A);
    for (int64_t i = 0; i < run->d && run->row_norm == SS_ROW_NORM_UNIT; i++) {
        double norm = check_norm(A_star + i * run->k0, run->k0);
        for (int64_t c = 0; c < run->k0; c++) {
            A_star[i * run->k0 + c] /= norm;
        }
    }
}

/* ½ (h(‖a‖) − h(‖a*‖))², whose gradient is v h'(‖a‖) a/‖a‖ for v = h(‖a‖) − h(‖a*‖). */
static double risk_of_row(const ss_run *run, const double *a, double norm_star)
{
    double gap = mean_at(run->discriminator, run->activation, check_norm(a, run->k)).value -
                 mean_at(run->discriminator, run->activation, norm_star).value;
    return gap * gap / 2;
}

static void the_population_gradient_is_that_of_the_risk_by_differences(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t v = 0; v < COUNT_OF(discriminators); v++) {
            double A_star[D * K_MOST];
            double A[D * K_MOST];
            ss_run run = marginal_run(activations[a], discriminators[v]);
            run.n = 0;
            run.m = 0;
            first_step first = take_first_step(&run);
            draw_matrices(&run, A_star, A);
            for (int64_t entry = 0; entry < run.d * run.k; entry++) {
                int64_t i = entry / run.k;
                double norm_star = check_norm(A_star + i * run.k0, run.k0);
                double before = A[entry];
                double step = 1e-4;
                A[entry] = before + step;
                double above = risk_of_row(&run, A + i * run.k, norm_star);
                A[entry] = before - step;
                double below = risk_of_row(&run, A + i * run.k, norm_star);
                A[entry] = before;
                assert_near(before - first.state[entry], (above - below) / (2 * step), 1e-7);
            }
        }
    }
}

/* (1/samples) Σ_j ψ(φ(A z_j)), and its derivatives by row: one sample at a time. */
static void average(const ss_run *run, const double *A, int64_t k, int64_t samples,
                    ss_stream stream, int64_t t, double *mean, double *pull)
{
    double *z = malloc((size_t)(samples * k) * sizeof *z);
    assert_non_null(z);
    ss_stream_matrix(&stream, (uint32_t)t, samples, k, z);
    memset(mean, 0, D * sizeof *mean);
    memset(pull, 0, D * K_MOST * sizeof *pull);
    for (int64_t j = 0; j < samples; j++) {
        for (int64_t i = 0; i < run->d; i++) {
            double u = 0;
            for (int64_t c = 0; c < k; c++) {
                u += A[i * k + c] * z[j * k + c];
            }
            double x = ss_activation_value(run->activation, u);
            double weight = psi_slope(run->discriminator, run->activation, x) *
                            ss_activation_slope(run->activation, u) / (double)samples;
            mean[i] += psi(run->discriminator, run->activation, x) / (double)samples;
            for (int64_t c = 0; c < k; c++) {
                pull[i * k + c] += weight * z[j * k + c];
            }
        }
    }
    free(z);
}

static double error_of(const ss_run *run, const double *A, const double *A_star)
{
    double most = 0;
    for (int64_t i = 0; i < run->d; i++) {
        most = fmax(most, fabs(check_norm(A + i * run->k, run->k) -
                               check_norm(A_star + i * run->k0, run->k0)));
    }
    return most;
}

/* The trajectory as the formulas write it. */
static void follow_formulas(const ss_run *run, double *trajectory)
{
    double A_star[D * K_MOST];
    double A[D * K_MOST];
    double x_mean[D];
    double gamma[D];
    double gradient[D * K_MOST];
    double e[D * K_MOST];
    double v[D] = {0};
    int64_t entries = run->d * run->k;
    draw_matrices(run, A_star, A);
    average(run, A_star, run->k0, run->n, ss_stream_data(run->root_seed, run->seed, run->k0), 0,
            x_mean, gradient);
    trajectory[0] = error_of(run, A, A_star);
    for (int64_t t = 1; t <= run->iterations; t++) {
        double decay = run->step_decay > 0 ? 1 + (double)(t - 1) / run->step_decay : 1;
        ss_stream sphere = ss_stream_sphere(run->root_seed, run->seed, run->d, run->k);
        ss_stream_matrix(&sphere, (uint32_t)t, run->d, run->k, e);
        double length = check_norm(e, entries);
        average(run, A, run->k, run->m, ss_stream_latents(run->root_seed, run->seed, run->k), t,
                gamma, gradient);
        for (int64_t i = 0; i < run->d; i++) {
            v[i] += run->ascent_step * (gamma[i] - x_mean[i] - v[i]);
        }
        for (int64_t entry = 0; entry < entries; entry++) {
            double descent = v[entry / run->k] * gradient[entry] + run->noise * e[entry] / length;
            A[entry] -= run->step_size / decay * descent;
        }
        trajectory[t] = error_of(run, A, A_star);
    }
}

static void assert_follows_formulas(const ss_run *run)
{
    double expected[T + 1];
    double found[T + 1];
    ss_run_outcome outcome = execute(run, found);
    follow_formulas(run, expected);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    for (int64_t t = 0; t <= T; t++) {
        assert_near(found[t], expected[t], 1e-11);
    }
}

/* Batches that fill chunks, and that do not; every kernel that runs here. */
static void iterations_are_those_of_the_formulas(void **state)
{
    (void)state;
    const int64_t sizes[][2] = {{N, M}, {256, 512}, {1, 257}};
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t v = 0; v < COUNT_OF(discriminators); v++) {
            for (size_t s = 0; s < COUNT_OF(settings); s++) {
                ss_run run = run_of_setting(settings[s], activations[a], SS_PRECISION_DOUBLE);
                run.algorithm = SS_ALGORITHM_MARGINAL;
                run.discriminator = discriminators[v];
                run.n = sizes[s % COUNT_OF(sizes)][0];
                run.m = sizes[s % COUNT_OF(sizes)][1];
                assert_follows_formulas(&run);
            }
        }
    }
}

static void kernels_agree(void **state)
{
    (void)state;
    double first[2][T + 1];
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        const char *fused = NULL;
        ss_run run = marginal_run(activations[a], SS_DISCRIMINATOR_RECTIFIED_LINEAR);
        for (int i = 0; ss_kernel_at(i); i++) {
            const ss_kernel *kernel = ss_kernel_at(i);
            if (kernel->precision != SS_PRECISION_DOUBLE) {
                continue;
            }
            double *found = first[fused && ss_kernel_same_bits(fused, kernel->name)];
            assert_int_equal(setenv("SADDLESWEEP_KERNEL", kernel->name, 1), 0);
            assert_follows_formulas(&run);
            ss_run_outcome outcome = execute(&run, found);
            assert_int_equal(unsetenv("SADDLESWEEP_KERNEL"), 0);
            assert_string_equal(ss_kernel_level_name(outcome.kernel), kernel->name);
            if (found == first[1]) {
                assert_memory_equal(first[0], first[1], sizeof first[0]);
            }
            fused = kernel->name;
        }
    }
}

static void precision_changes_nothing(void **state)
{
    (void)state;
    double single[T + 1];
    double with_double[T + 1];
    ss_run run = marginal_run(activations[0], SS_DISCRIMINATOR_RECTIFIED_LINEAR);
    execute(&run, with_double);
    run.precision = SS_PRECISION_SINGLE;
    execute(&run, single);
    assert_memory_equal(single, with_double, sizeof single);
}

/* The first step of a large batch is that of the population, up to what √(1/m) leaves. */
static void finite_samples_converge_to_the_population(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t v = 0; v < COUNT_OF(discriminators); v++) {
            ss_run run = marginal_run(activations[a], discriminators[v]);
            run.n = 0;
            run.m = 0;
            first_step limit = take_first_step(&run);
            for (int64_t samples = 1000; samples <= 100000; samples *= 100) {
                double bound = 12 / sqrt((double)samples);
                run.n = samples;
                run.m = 0;
                first_step of_n = take_first_step(&run);
                run.n = 0;
                run.m = samples;
                first_step of_m = take_first_step(&run);
                int64_t count = ss_run_state_count(&run);
                assert_at_most(check_distance(of_n.state, limit.state, count), bound);
                assert_at_most(check_distance(of_m.state, limit.state, count), bound);
            }
        }
    }
}

/* ---- what is learned ---- */

static double final_error(const ss_run *run)
{
    double trajectory[2];
    const int64_t ends[] = {0, run->iterations};
    ss_run short_record = *run;
    short_record.checkpoints = ends;
    short_record.checkpoint_count = 2;
    ss_run_outcome outcome = execute(&short_record, trajectory);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    return trajectory[1];
}

static void the_population_teaches_every_norm_unless_the_mean_is_constant(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a += (size_t)tests_effort(1, 1, 4)) {
        for (size_t v = 0; v < COUNT_OF(discriminators); v++) {
            ss_run run = marginal_run(activations[a], discriminators[v]);
            run.n = 0;
            run.m = 0;
            /* the slope of sigmoid is a quarter of that of the others */
            run.step_size = activations[a].kind == SS_ACTIVATION_SIGMOID ? 60 : 5;
            run.iterations = 3000;
            for (run.seed = 0; run.seed < tests_effort(3, 1, 1); run.seed++) {
                bool constant = discriminators[v] == SS_DISCRIMINATOR_LINEAR &&
                                ss_marginal_doubt(discriminators[v], activations[a]);
                if (!constant) {
                    assert_at_most(final_error(&run), 1e-6);
                }
            }
        }
    }
}

static void samples_teach_the_norms_as_well_as_they_know_them(void **state)
{
    (void)state;
    ss_run run =
        marginal_run((ss_activation){SS_ACTIVATION_LEAKY_RELU, 0.2}, SS_DISCRIMINATOR_LINEAR);
    run.n = 40000;
    run.m = 2000;
    run.step_size = 5;
    run.step_decay = 20;
    run.iterations = 1000;
    for (run.seed = 0; run.seed < 3; run.seed++) {
        assert_at_most(final_error(&run), 0.1);
    }
}

static void a_linear_discriminator_teaches_tanh_nothing(void **state)
{
    (void)state;
    double trajectory[T + 1];
    ss_run run = marginal_run((ss_activation){SS_ACTIVATION_TANH, 0}, SS_DISCRIMINATOR_LINEAR);
    run.n = 0;
    run.m = 0;
    run.step_size = 5;
    execute(&run, trajectory);
    for (int64_t t = 1; t <= T; t++) {
        assert_near(trajectory[t], trajectory[0], 1e-14);
    }
    assert_true(trajectory[0] > 0.1);
}

/* ---- ends ---- */

static void divergence_is_noticed_where_it_happens(void **state)
{
    (void)state;
    static double trajectory[2001];
    ss_run run =
        marginal_run((ss_activation){SS_ACTIVATION_IDENTITY, 0}, SS_DISCRIMINATOR_RECTIFIED_LINEAR);
    run.n = 0;
    run.m = 0;
    run.step_size = 50; /* the norms grow by a factor of 7 */
    run.iterations = 2000;
    run.checkpoint_count = 2001;
    ss_run_outcome outcome = execute(&run, trajectory);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_int_equal(outcome.reason, SS_REASON_NOT_FINITE);
    assert_in_range(outcome.iterations, 100, 1000);
    assert_true(isfinite(trajectory[outcome.iterations - 1]));
    assert_true(isnan(trajectory[outcome.iterations]));
}

/* h(‖a‖) has a kink at a = 0; the run stays there. */
static void a_row_of_norm_zero_has_a_gradient(void **state)
{
    (void)state;
    double trajectory[T + 1] = {0};
    double start[D * (K_MOST + 1)] = {0};
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run run = marginal_run(activations[0], SS_DISCRIMINATOR_RECTIFIED_LINEAR);
    run.n = 0;
    run.m = 0;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_continue(&run, workspace, 1, start, NULL, NULL, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    assert_near(trajectory[T], outcome.truth_norm, 1e-15); /* max_i |0 − ‖a*_i‖| */
}

static void algorithm_and_discriminator_are_part_of_the_identity(void **state)
{
    (void)state;
    ss_run linear = marginal_run(activations[0], SS_DISCRIMINATOR_LINEAR);
    ss_run rectified = marginal_run(activations[0], SS_DISCRIMINATOR_RECTIFIED_LINEAR);
    ss_run sgda = linear;
    sgda.algorithm = SS_ALGORITHM_SGDA;
    assert_true(ss_run_identity(&linear) != ss_run_identity(&rectified));
    assert_true(ss_run_identity(&linear) != ss_run_identity(&sgda));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h_and_its_derivative_agree_with_adaptive_quadrature),
        cmocka_unit_test(rectified_identity_and_relu_have_the_mean_of_a_half_normal),
        cmocka_unit_test(the_derivative_is_the_limit_of_differences),
        cmocka_unit_test(h_is_defined_at_the_ends),
        cmocka_unit_test(the_doubts_are_about_means_that_do_not_tell_norms),
        cmocka_unit_test(the_population_gradient_is_that_of_the_risk_by_differences),
        cmocka_unit_test(iterations_are_those_of_the_formulas),
        cmocka_unit_test(kernels_agree),
        cmocka_unit_test(precision_changes_nothing),
        cmocka_unit_test(finite_samples_converge_to_the_population),
        cmocka_unit_test(the_population_teaches_every_norm_unless_the_mean_is_constant),
        cmocka_unit_test(samples_teach_the_norms_as_well_as_they_know_them),
        cmocka_unit_test(a_linear_discriminator_teaches_tanh_nothing),
        cmocka_unit_test(divergence_is_noticed_where_it_happens),
        cmocka_unit_test(a_row_of_norm_zero_has_a_gradient),
        cmocka_unit_test(algorithm_and_discriminator_are_part_of_the_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
