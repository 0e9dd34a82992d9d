/* Algorithm 1: runs against a plain re-implementation, and recovery of the target. */
#include "check.h"

#include "effort.h"
#include "saddlesweep/marginal.h"
#include "saddlesweep/stream.h"
#include "small_run.h"

/* ---- Algorithm 1 once more, as plainly as it can be written ---- */

typedef double tall[D][K_MOST];
typedef double square[D][D];

static double plain_row_norm(const double *row, int64_t columns)
{
    return check_norm(row, columns);
}

/* Row i of A to norm r[i]. */
static void plain_project(tall A, int64_t columns, const double r[D])
{
    for (int i = 0; i < D; i++) {
        double norm = plain_row_norm(A[i], columns);
        for (int64_t c = 0; c < columns; c++) {
            A[i][c] *= r[i] / norm;
        }
    }
}

static void plain_draw(ss_stream stream, uint32_t t, int64_t columns, tall out)
{
    double entries[D * K_MOST];
    ss_stream_matrix(&stream, t, D, columns, entries);
    for (int i = 0; i < D; i++) {
        for (int64_t c = 0; c < columns; c++) {
            out[i][c] = entries[i * columns + c];
        }
    }
}

/* (1/samples) Σ Φ Φᵀ, and with V and gradient the sum of step 3. */
static void plain_sums(const ss_run *run, ss_stream stream, uint32_t t, int64_t samples, tall A,
                       int64_t columns, square second_moment, square V, tall gradient)
{
    double z[N * K_MOST];
    ss_stream_matrix(&stream, t, samples, columns, z);
    memset(second_moment, 0, sizeof(square));
    if (gradient) {
        memset(gradient, 0, sizeof(tall));
    }
    for (int64_t j = 0; j < samples; j++) {
        double u[D] = {0};
        double phi[D];
        for (int i = 0; i < D; i++) {
            for (int64_t c = 0; c < columns; c++) {
                u[i] += A[i][c] * z[j * columns + c];
            }
            phi[i] = ss_activation_value(run->activation, u[i]);
        }
        for (int i = 0; i < D; i++) {
            double v_phi = 0;
            for (int b = 0; b < D; b++) {
                second_moment[i][b] += phi[i] * phi[b] / (double)samples;
                v_phi += V ? V[i][b] * phi[b] : 0;
            }
            for (int64_t c = 0; gradient && c < columns; c++) {
                gradient[i][c] += 2 / (double)samples * ss_activation_slope(run->activation, u[i]) *
                                  v_phi * z[j * columns + c];
            }
        }
    }
}

static void plain_gram(tall A, int64_t columns, square Z)
{
    for (int i = 0; i < D; i++) {
        for (int j = 0; j < D; j++) {
            Z[i][j] = 0;
            for (int64_t c = 0; c < columns; c++) {
                Z[i][j] += A[i][c] * A[j][c];
            }
        }
    }
}

static double plain_error(tall A, int64_t columns, square Z_star)
{
    square Z;
    plain_gram(A, columns, Z);
    return check_distance(&Z[0][0], &Z_star[0][0], (int64_t)D * D);
}

/* A ← A − η (gradient + noise · e), ‖e‖_F = 1. */
static void plain_descend(const ss_run *run, int64_t t, tall A, tall gradient)
{
    tall e = {{0}};
    plain_draw(ss_stream_sphere(run->root_seed, run->seed, D, run->k), (uint32_t)t, run->k, e);
    double norm = check_norm(&e[0][0], (int64_t)D * K_MOST);
    double decay = run->step_decay > 0 ? 1 + (double)(t - 1) / run->step_decay : 1;
    for (int i = 0; i < D; i++) {
        for (int64_t c = 0; c < run->k; c++) {
            A[i][c] -= run->step_size / decay * (gradient[i][c] + run->noise * e[i][c] / norm);
        }
    }
}

/* A*, and the norms of its rows. */
static void plain_truth(const ss_run *run, tall A_star, double r[D])
{
    const double ones[D] = {1, 1, 1, 1, 1};
    plain_draw(ss_stream_truth(run->root_seed, run->seed, D, run->k0), 0, run->k0, A_star);
    for (int i = 0; run->truth_matrix && i < D; i++) {
        memcpy(A_star[i], run->truth_matrix + i * run->k0, (size_t)run->k0 * sizeof(double));
    }
    if (run->row_norm == SS_ROW_NORM_UNIT && !run->truth_matrix) {
        plain_project(A_star, run->k0, ones);
    }
    for (int i = 0; i < D; i++) {
        r[i] = plain_row_norm(A_star[i], run->k0);
    }
}

/* The errors at t = 0 … T of a run with d = D. */
static void plain_run(const ss_run *run, double *trajectory)
{
    tall A_star = {{0}};
    tall A = {{0}};
    tall gradient;
    square Z_star;
    square X;
    square gamma;
    square V = {{0}};
    double r[D];
    bool bound = run->train_row_norm != SS_TRAIN_ROW_NORM_FREE;
    plain_truth(run, A_star, r);
    plain_gram(A_star, run->k0, Z_star);
    if (run->train_row_norm == SS_TRAIN_ROW_NORM_LEARNED) {
        learned_norms(run, r);
    }
    ss_stream data = ss_stream_data(run->root_seed, run->seed, run->k0);
    plain_sums(run, data, 0, run->n, A_star, run->k0, X, NULL, NULL);
    plain_draw(ss_stream_start(run->root_seed, run->seed, D, run->k), 0, run->k, A);
    if (bound) {
        plain_project(A, run->k, r);
    }
    trajectory[0] = plain_error(A, run->k, Z_star);
    for (int64_t t = 1; t <= run->iterations; t++) {
        ss_stream latents = ss_stream_latents(run->root_seed, run->seed, run->k);
        plain_sums(run, latents, (uint32_t)t, run->m, A, run->k, gamma, NULL, NULL);
        for (int entry = 0; entry < D * D; entry++) {
            double *v = &V[0][0] + entry;
            *v += run->ascent_step * ((&gamma[0][0])[entry] - (&X[0][0])[entry] - *v);
        }
        plain_sums(run, latents, (uint32_t)t, run->m, A, run->k, gamma, V, gradient);
        plain_descend(run, t, A, gradient);
        if (bound) {
            plain_project(A, run->k, r);
        }
        trajectory[t] = plain_error(A, run->k, Z_star);
    }
}

static void assert_follows_plain_run(ss_precision precision, double tolerance)
{
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        for (size_t s = 0; s < COUNT_OF(settings); s++) {
            double trajectory[T + 1];
            double expected[T + 1];
            ss_run run = run_of_setting(settings[s], activations[a], precision);
            ss_run_outcome outcome = execute(&run, trajectory);
            assert_int_equal(outcome.status, SS_RUN_DONE);
            plain_run(&run, expected);
            for (int t = 0; t <= T; t++) {
                assert_near(trajectory[t], expected[t], tolerance);
            }
            assert_true(fabs(expected[T] - expected[0]) > 1e-3); /* it went somewhere */
        }
    }
}

/* Both sum in float64, in another order: 1e-16 a step, little amplified over 25 steps. */
static void double_precision_follows_algorithm_1(void **state)
{
    (void)state;
    assert_follows_plain_run(SS_PRECISION_DOUBLE, 1e-9);
}

/* Samples in float32: 1e-7 a step, over 25 steps. */
static void single_precision_follows_algorithm_1(void **state)
{
    (void)state;
    assert_follows_plain_run(SS_PRECISION_SINGLE, 1e-5);
}

/* Rows of several norms; the starts are the same for all activations. */
static void a_given_truth_and_free_rows_follow_algorithm_1(void **state)
{
    (void)state;
    static const double truth[D * 2] = {1, 1, 0.5, -0.3, 0, 1.5, -0.7, 0.2, 0.1, 0.4};
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        double starts[2];
        for (int free = 0; free < 2; free++) {
            double trajectory[T + 1];
            double expected[T + 1];
            ss_run run = run_with(activations[a], SS_PRECISION_DOUBLE);
            run.step_size = 0.02;
            run.truth_matrix = truth;
            run.train_row_norm = free ? SS_TRAIN_ROW_NORM_FREE : SS_TRAIN_ROW_NORM_KNOWN;
            assert_int_equal(execute(&run, trajectory).status, SS_RUN_DONE);
            plain_run(&run, expected);
            for (int t = 0; t <= T; t++) {
                assert_near(trajectory[t], expected[t], 1e-9);
            }
            starts[free] = expected[0];
        }
        assert_true(fabs(starts[1] - starts[0]) > 0.1); /* the projection was of A⁰, too */
    }
}

/* What is learned is test_marginal.c's; here, that it is what A is projected onto, from A⁰ on. */
static void rows_of_learned_norms_follow_algorithm_1(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        double trajectory[T + 1];
        double expected[T + 1];
        double known[T + 1];
        ss_run run = run_of_setting(settings[2 + a % 3], activations[a], SS_PRECISION_DOUBLE);
        execute(&run, known);
        run = learning(run, ss_marginal_discriminator(run.activation));
        assert_int_equal(execute(&run, trajectory).status, SS_RUN_DONE);
        plain_run(&run, expected);
        for (int t = 0; t <= T; t++) {
            assert_near(trajectory[t], expected[t], 1e-9);
        }
        assert_true(check_distance(trajectory, known, T + 1) > 1e-3);
    }
}

static void free_rows_that_grow_without_bound_diverge(void **state)
{
    (void)state;
    double trajectory[T + 1];
    ss_run run = run_with((ss_activation){SS_ACTIVATION_IDENTITY, 0}, SS_PRECISION_DOUBLE);
    run.step_size = 10;
    run.train_row_norm = SS_TRAIN_ROW_NORM_FREE;
    ss_run_outcome outcome = execute(&run, trajectory);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_int_equal(outcome.reason, SS_REASON_NOT_FINITE);
    assert_true(isfinite(trajectory[0]) && isnan(trajectory[T]));
}

/* The tests above hold V over in `settings` with an ascent step other than 1; here, that this is
 * seen: the trajectories differ from those with a step of 1 by far more than the tolerance. */
static void each_setting_changes_the_trajectory(void **state)
{
    (void)state;
    double before[T + 1];
    double after[T + 1];
    ss_run run = run_with(activations[0], SS_PRECISION_DOUBLE);
    execute(&run, before);
    for (int change = 0; change < 5; change++) {
        ss_run changed = run;
        changed.ascent_step = change == 0 ? 0.7 : 1;
        changed.noise = change == 1 ? 0.3 : 1;
        changed.step_decay = change == 2 ? 10 : 0;
        changed.row_norm = change == 3 ? SS_ROW_NORM_GAUSSIAN : SS_ROW_NORM_UNIT;
        changed.step_size = change == 4 ? 0.1 : 0.2;
        execute(&changed, after);
        assert_true(check_distance(before, after, T + 1) > 1e-2);
    }
}

static void truth_norm_is_that_of_the_target(void **state)
{
    (void)state;
    tall A_star = {{0}};
    square Z_star;
    double trajectory[T + 1];
    ss_run run = run_with(activations[0], SS_PRECISION_SINGLE);
    run.row_norm = SS_ROW_NORM_GAUSSIAN;
    ss_run_outcome outcome = execute(&run, trajectory);
    plain_draw(ss_stream_truth(run.root_seed, run.seed, D, run.k0), 0, run.k0, A_star);
    plain_gram(A_star, run.k0, Z_star);
    assert_near(outcome.truth_norm / check_norm(&Z_star[0][0], (int64_t)D * D), 1, 1e-14);
}

/* ---- recovery ---- */

typedef struct recovery {
    ss_activation activation;
    double step_size;
    double bound; /* of the final relative error */
} recovery;

/* The floor is the sampling error of X_n, of the order of 1/√n over the slope F'(ρ) through which
 * Z is seen: about 1 % here, but 5 % for the sigmoid (F' = 0.04) and 3 % for softplus and GELU (F'
 * below 1/4 for opposite rows). Bounds are at least three times that. */
static const recovery recoveries[] = {
    {{SS_ACTIVATION_TANH, 0}, 0.5, 0.06},     {{SS_ACTIVATION_SIGMOID, 0}, 15, 0.15},
    {{SS_ACTIVATION_ERF, 0}, 0.3, 0.06},      {{SS_ACTIVATION_LEAKY_RELU, 0.2}, 0.3, 0.06},
    {{SS_ACTIVATION_IDENTITY, 0}, 0.1, 0.06}, {{SS_ACTIVATION_SOFTPLUS, 0}, 1, 0.09},
    {{SS_ACTIVATION_GELU, 0}, 2, 0.09},
};

/* k = k0 = d promises no spurious points (Theorem 3); of k = 2 these seeds are not trapped. */
static void assert_recovers(ss_precision precision, int64_t k, int64_t samples, double looser)
{
    for (size_t i = 0; i < COUNT_OF(recoveries); i++) {
        for (int64_t seed = 0; seed < tests_effort(4, 2, 1); seed++) {
            const int64_t ends[] = {0, 300};
            double trajectory[2];
            ss_run run = run_with(recoveries[i].activation, precision);
            run.d = 3;
            run.k = run.k0 = k;
            run.n = samples;
            run.m = samples / 4;
            run.seed = seed;
            run.iterations = 300;
            run.step_size = recoveries[i].step_size;
            run.step_decay = 100;
            run.noise = 0;
            run.checkpoints = ends;
            run.checkpoint_count = 2;
            ss_run_outcome outcome = execute(&run, trajectory);
            assert_int_equal(outcome.status, SS_RUN_DONE);
            assert_true(trajectory[0] / outcome.truth_norm > 0.2);
            assert_at_most(trajectory[1] / outcome.truth_norm, looser * recoveries[i].bound);
        }
    }
}

static void the_target_is_recovered_in_single_precision(void **state)
{
    (void)state;
    assert_recovers(SS_PRECISION_SINGLE, 3, 16000, 1);
    assert_recovers(SS_PRECISION_SINGLE, 2, 16000, 1);
}

/* A quarter of the samples: twice the error. */
static void the_target_is_recovered_in_double_precision(void **state)
{
    (void)state;
    assert_recovers(SS_PRECISION_DOUBLE, 3, 4000, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(double_precision_follows_algorithm_1),
        cmocka_unit_test(single_precision_follows_algorithm_1),
        cmocka_unit_test(a_given_truth_and_free_rows_follow_algorithm_1),
        cmocka_unit_test(rows_of_learned_norms_follow_algorithm_1),
        cmocka_unit_test(free_rows_that_grow_without_bound_diverge),
        cmocka_unit_test(each_setting_changes_the_trajectory),
        cmocka_unit_test(truth_norm_is_that_of_the_target),
        cmocka_unit_test(the_target_is_recovered_in_single_precision),
        cmocka_unit_test(the_target_is_recovered_in_double_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
