/* What Lemmas 3 to 5 are about, measured at the end of a run: against formulas for the identity,
 * for which all of it is known, and against the rates. */
#include "check.h"

#include "effort.h"
#include "small_run.h"
#include "src/sgda/engine.h"
#include "src/sgda/lemmas.h"
#include "src/sgda/matrix.h"

#include <stdlib.h>

enum { RESULTS = 2 + SS_COVARIANCE_VALUES + SS_GRADIENT_VALUES, MOST_D = 8 };

static const int64_t ends[] = {0, 2};

static ss_run measured(ss_activation activation, int64_t n, int64_t m)
{
    ss_run run = run_with(activation, SS_PRECISION_DOUBLE);
    run.k = run.k0 = run.d;
    run.n = n;
    run.m = m;
    run.noise = 0;
    run.step_size = 0.02;
    run.iterations = 2;
    run.checkpoints = ends;
    run.checkpoint_count = 2;
    run.covariance_error = run.gradient_bias = true;
    return run;
}

/* Its covariance errors, then its gradient errors. */
static void measure(const ss_run *run, double *values)
{
    double results[RESULTS];
    assert_int_equal(ss_run_result_count(run), RESULTS);
    assert_int_equal(execute(run, results).status, SS_RUN_DONE);
    memcpy(values, results + 2, (RESULTS - 2) * sizeof *values);
}

static const ss_activation identity = {SS_ACTIVATION_IDENTITY, 0};

/* X_n by the reference kernel, Z*, and A⁰, of a run with rows of norm 1. */
static void form(const ss_run *run, double *X_n, double *Z_star, double *A)
{
    double norms[MOST_D];
    double A_star[MOST_D * MOST_D];
    for (int64_t i = 0; i < run->d; i++) {
        norms[i] = 1;
    }
    ss_stream truth = ss_stream_truth(run->root_seed, run->seed, run->d, run->k0);
    ss_stream_matrix(&truth, 0, run->d, run->k0, A_star);
    ss_matrix_project(A_star, run->d, run->k0, norms);
    ss_matrix_gram(A_star, run->d, run->k0, Z_star);
    ss_stream start = ss_stream_start(run->root_seed, run->seed, run->d, run->k);
    ss_stream_matrix(&start, 0, run->d, run->k, A);
    ss_matrix_project(A, run->d, run->k, norms);
    ss_batch data = ss_run_data_batch(run, A_star);
    const ss_kernel *kernel;
    assert_int_equal(ss_kernel_choose(SS_PRECISION_DOUBLE, &kernel), SS_OK);
    void *scratch = aligned_alloc(64, (kernel->scratch_bytes(&data) + 63) / 64 * 64);
    assert_non_null(scratch);
    kernel->gamma(&data, scratch, X_n);
    free(scratch);
}

/* The largest |x|/|y| with x = D y: by iteration. */
static double spectral_norm(const double *D, int64_t d)
{
    double x[MOST_D];
    double y[MOST_D];
    double norm = 0;
    for (int64_t i = 0; i < d; i++) {
        y[i] = 1 + 0.1 * (double)i;
    }
    for (int step = 0; step < 4000; step++) {
        ss_matrix_product(D, d, d, y, 1, x);
        norm = check_norm(x, d) / check_norm(y, d);
        for (int64_t i = 0; i < d; i++) {
            y[i] = x[i] / norm;
        }
    }
    return norm;
}

/* F(Z) = Z, so that ∇g_n − ∇g = 2 (Z* − X_n) A. */
static void errors_of_samples_are_those_of_their_definitions(void **state)
{
    (void)state;
    double values[RESULTS];
    double X_n[MOST_D * MOST_D];
    double Z_star[MOST_D * MOST_D];
    double A[MOST_D * MOST_D];
    double product[MOST_D * MOST_D];
    ss_run run = measured(identity, 50, 70);
    measure(&run, values);
    form(&run, X_n, Z_star, A);
    int64_t entries = run.d * run.d;
    double distance = check_distance(X_n, Z_star, entries);
    for (int64_t entry = 0; entry < entries; entry++) {
        X_n[entry] = 2 * (Z_star[entry] - X_n[entry]);
    }
    ss_matrix_product(X_n, run.d, run.d, A, run.k, product);
    assert_near(values[SS_COVARIANCE_FROBENIUS], distance, 1e-13);
    assert_near(values[SS_COVARIANCE_SPECTRAL], spectral_norm(X_n, run.d) / 2, 1e-9);
    assert_near(values[SS_COVARIANCE_VALUES + SS_GRADIENT_SAMPLING],
                check_norm(product, run.d * run.k), 1e-13);
}

/* E ∇g_{m,n} comes from the batches of iterations 1 to 1000, in groups of 50; the square of its
 * distance to ∇g_n = 2 (A Aᵀ − X_n) A is the mean over pairs of different groups. */
static void the_bias_is_that_of_the_first_thousand_batches(void **state)
{
    (void)state;
    enum { GROUPS = 20, SIZE = 50 };
    double values[RESULTS];
    double X_n[MOST_D * MOST_D];
    double V[MOST_D * MOST_D];
    double A[MOST_D * MOST_D];
    double exact[MOST_D * MOST_D];
    double gradient[MOST_D * MOST_D];
    double total[MOST_D * MOST_D] = {0};
    double squares = 0;
    ss_run run = measured(identity, 50, 8);
    int64_t count = run.d * run.k;
    measure(&run, values);
    form(&run, X_n, V, A);
    ss_matrix_gram(A, run.d, run.k, V);
    for (int64_t entry = 0; entry < run.d * run.d; entry++) {
        V[entry] = 2 * (V[entry] - X_n[entry]);
    }
    ss_matrix_product(V, run.d, run.d, A, run.k, exact);
    const ss_kernel *kernel;
    assert_int_equal(ss_kernel_choose(SS_PRECISION_DOUBLE, &kernel), SS_OK);
    ss_batch latents = ss_run_latent_batch(&run, A);
    void *scratch = aligned_alloc(64, (kernel->scratch_bytes(&latents) + 63) / 64 * 64);
    assert_non_null(scratch);
    for (int g = 0; g < GROUPS; g++) {
        double mean[MOST_D * MOST_D] = {0};
        for (int b = 0; b < SIZE; b++) {
            latents.t = (uint32_t)(g * SIZE + b + 1);
            kernel->gamma(&latents, scratch, V);
            for (int64_t entry = 0; entry < run.d * run.d; entry++) {
                V[entry] -= X_n[entry];
            }
            kernel->gradient(&latents, scratch, V, gradient);
            for (int64_t i = 0; i < count; i++) {
                mean[i] += (gradient[i] - exact[i]) / SIZE;
            }
        }
        squares += pow(check_norm(mean, count), 2);
        for (int64_t i = 0; i < count; i++) {
            total[i] += mean[i];
        }
    }
    free(scratch);
    double expected = (pow(check_norm(total, count), 2) - squares) / (GROUPS * (GROUPS - 1));
    assert_near(values[SS_COVARIANCE_VALUES + SS_GRADIENT_BIAS_SQUARED], expected,
                1e-10 * fabs(expected));
}

/* Wishart's E S G S = G + (G + tr(G) I) / m for S = (1/m) Σ z zᵀ: the bias is (2/m) A (G + tr(G) I)
 * with G = Aᵀ A. */
static void the_bias_is_within_its_standard_errors(void **state)
{
    (void)state;
    double off = 0;
    const int seeds = 8;
    for (int seed = 0; seed < seeds; seed++) {
        double values[RESULTS];
        double X_n[MOST_D * MOST_D];
        double Z_star[MOST_D * MOST_D];
        double A[MOST_D * MOST_D];
        double G[MOST_D * MOST_D] = {0};
        double bias[MOST_D * MOST_D];
        ss_run run = measured(identity, 500, 10);
        run.seed = seed;
        measure(&run, values);
        form(&run, X_n, Z_star, A);
        double trace = 0;
        for (int64_t a = 0; a < run.k; a++) {
            for (int64_t b = 0; b < run.k; b++) {
                for (int64_t i = 0; i < run.d; i++) {
                    G[a * run.k + b] += A[i * run.k + a] * A[i * run.k + b];
                }
            }
            trace += G[a * run.k + a];
        }
        for (int64_t a = 0; a < run.k; a++) {
            G[a * run.k + a] += trace;
        }
        ss_matrix_product(A, run.d, run.k, G, run.k, bias);
        double expected = pow(2.0 / (double)run.m * check_norm(bias, run.d * run.k), 2);
        const double *gradient = values + SS_COVARIANCE_VALUES;
        double deviation =
            (gradient[SS_GRADIENT_BIAS_SQUARED] - expected) / gradient[SS_GRADIENT_BIAS_STD_ERROR];
        assert_near(gradient[SS_GRADIENT_BIAS_SQUARED] / expected, 1, 0.4);
        assert_near(deviation, 0, 4);
        off += deviation * deviation;
    }
    assert_at_most(off / seeds, 2.5);
    assert_true(off > 0);
}

/* Lemmas 3 to 5: √(1/n), √(1/n), 1/m. Usually for a third of the activations, which enter by the
 * kernels alone. */
static void errors_fall_at_the_rates_of_the_lemmas(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a += (size_t)tests_effort(1, 3, 8)) {
        double sums[3][2] = {{0}};
        for (int seed = 0; seed < 24; seed++) {
            for (int more = 0; more < 2; more++) {
                double values[RESULTS];
                ss_run run = measured(activations[a], more ? 64000 : 1000, more ? 160 : 20);
                run.seed = seed;
                measure(&run, values);
                sums[0][more] += values[SS_COVARIANCE_SPECTRAL];
                sums[1][more] += values[SS_COVARIANCE_VALUES + SS_GRADIENT_SAMPLING];
                sums[2][more] += values[SS_COVARIANCE_VALUES + SS_GRADIENT_BIAS_SQUARED];
            }
        }
        assert_near(log2(sums[0][0] / sums[0][1]), 3, 0.7);
        assert_near(log2(sums[1][0] / sums[1][1]), 3, 0.9);
        assert_near(log2(sums[2][0] / sums[2][1]), 6, 1);
    }
}

static void of_infinitely_many_nothing_is_left(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        double values[RESULTS];
        ss_run run = measured(activations[a], 0, 0);
        measure(&run, values);
        for (int i = 0; i < RESULTS - 2; i++) {
            assert_near(values[i], 0, 0);
        }
    }
}

/* Nor is it part of the identity; a workspace gives the same whatever it did before. */
static void it_changes_no_other_result(void **state)
{
    (void)state;
    double with[RESULTS];
    double again[RESULTS];
    double without[2];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        ss_run run = measured(activations[a], N, M);
        run.row_norm = a % 2 ? SS_ROW_NORM_GAUSSIAN : SS_ROW_NORM_UNIT;
        run.train_row_norm = a % 3 ? SS_TRAIN_ROW_NORM_KNOWN : SS_TRAIN_ROW_NORM_FREE;
        ss_run plain = run;
        plain.covariance_error = plain.gradient_bias = false;
        assert_true(ss_run_identity(&run) == ss_run_identity(&plain));
        assert_int_equal(execute(&run, with).status, SS_RUN_DONE);
        assert_int_equal(execute(&plain, without).status, SS_RUN_DONE);
        assert_memory_equal(with, without, sizeof without);
        ss_run_execute(&run, workspace, NULL, NULL, again, &outcome);
        assert_memory_equal(again, with, sizeof with);
    }
    ss_workspace_destroy(&workspace);
}

typedef struct stopper {
    const ss_run *run;
    const ss_workspace *workspace;
    int calls; /* at the end, before it stops */
    double *state;
} stopper;

static int stop_at_the_end(void *context, int64_t t, int64_t iterations)
{
    stopper *s = context;
    if (t < iterations || s->calls-- > 0) {
        return 0;
    }
    ss_run_save(s->workspace, s->run, s->state);
    return 1;
}

/* The batches at the end of a run take as long as a thousand iterations. */
static void it_can_be_stopped_and_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    enum { CERTIFICATE = SS_CERTIFICATE_MULTIPLIERS + D };
    double whole[RESULTS + CERTIFICATE];
    double results[RESULTS + CERTIFICATE];
    double saved[2 * D * D];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run run = measured((ss_activation){SS_ACTIVATION_ERF, 0}, N, M);
    run.certificate = true;
    assert_int_equal(ss_run_state_count(&run), COUNT_OF(saved));
    assert_int_equal(execute(&run, whole).status, SS_RUN_DONE);
    for (int calls = 0; calls < SS_LEMMA_BATCHES; calls += 333) {
        assert_int_equal(ss_workspace_create(&workspace), SS_OK);
        stopper stopper = {&run, workspace, calls, saved};
        ss_run_execute(&run, workspace, stop_at_the_end, &stopper, results, &outcome);
        ss_workspace_destroy(&workspace);
        assert_int_equal(outcome.status, SS_RUN_PENDING);
        assert_int_equal(outcome.iterations, run.iterations);
        assert_int_equal(ss_workspace_create(&workspace), SS_OK);
        ss_run_continue(&run, workspace, run.iterations, saved, NULL, NULL, results, &outcome);
        ss_workspace_destroy(&workspace);
        assert_int_equal(outcome.status, SS_RUN_DONE);
        assert_memory_equal(results, whole, sizeof whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bias_is_that_of_the_first_thousand_batches),
        cmocka_unit_test(errors_of_samples_are_those_of_their_definitions),
        cmocka_unit_test(the_bias_is_within_its_standard_errors),
        cmocka_unit_test(errors_fall_at_the_rates_of_the_lemmas),
        cmocka_unit_test(of_infinitely_many_nothing_is_left),
        cmocka_unit_test(it_changes_no_other_result),
        cmocka_unit_test(it_can_be_stopped_and_goes_on_to_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
