/* Norms that are learned before Algorithm 1 (the remark after Theorem 3): what the first stage
 * shares with the run and what it does not, how it ends, and what it costs.
 * test_algorithm.c follows whole runs, test_run_state.c stops them. */
#include "check.h"

#include "effort.h"
#include "saddlesweep/marginal.h"
#include "small_run.h"

/* k0 = k = 2, rows of A* as drawn. */
static ss_run learning_run(ss_activation activation)
{
    ss_run run = run_with(activation, SS_PRECISION_DOUBLE);
    run.row_norm = SS_ROW_NORM_GAUSSIAN;
    run.noise = 0;
    return learning(run, ss_marginal_discriminator(activation));
}

/* The trajectory, and A (D × k) at checkpoint `at`. */
static void record(ss_run run, int64_t at, double trajectory[T + 1], double *A)
{
    double results[(T + 1) * (1 + D * K_MOST)];
    run.iterate = true;
    assert_int_equal(execute(&run, results).status, SS_RUN_DONE);
    memcpy(trajectory, results, (T + 1) * sizeof *trajectory);
    memcpy(A, results + T + 1 + at * D * run.k, (size_t)(D * run.k) * sizeof *A);
}

static void the_discriminator_is_the_one_that_the_theory_has(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        ss_discriminator chosen = ss_marginal_discriminator(activations[a]);
        assert_null(ss_marginal_doubt(chosen, activations[a]));
    }
}

static void every_iterate_has_the_learned_norms_and_the_start_known_directions(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        double norms[D];
        double trajectory[T + 1];
        double start[D * 2];
        double end[D * 2];
        double known_start[D * 2];
        ss_run run = learning_run(activations[a]);
        ss_run known = run;
        known.train_row_norm = SS_TRAIN_ROW_NORM_KNOWN;
        learned_norms(&run, norms);
        record(known, 0, trajectory, known_start);
        record(run, T, trajectory, end);
        record(run, 0, trajectory, start);
        for (int64_t i = 0; i < D; i++) {
            const double *row = start + 2 * i;
            const double *known_row = known_start + 2 * i;
            double known_norm = check_norm(known_row, 2);
            assert_near(check_norm(row, 2), norms[i], 1e-14);
            assert_near(check_norm(end + 2 * i, 2), norms[i], 1e-14);
            for (int c = 0; c < 2; c++) {
                assert_near(row[c] / norms[i], known_row[c] / known_norm, 1e-14);
            }
            assert_true(fabs(norms[i] - known_norm) > 1e-6); /* of samples, and not at its end */
        }
    }
}

/* n = m = ∞ teaches the norms to rounding: nothing tells the run from one that knows them. */
static void learned_exactly_they_are_as_good_as_known(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a += (size_t)tests_effort(1, 1, 4)) {
        double trajectory[T + 1];
        double known[T + 1];
        ss_run run = learning_run(activations[a]);
        bool flat = activations[a].kind == SS_ACTIVATION_SIGMOID; /* h' is a quarter of tanh's */
        run.n = run.m = 0;
        run.step_size = 0.05;
        run.stage.iterations = tests_effort(20000, 8000, 8000);
        run.stage.step_size = flat ? 80 : 5;
        run.stage.step_decay = 0;
        execute(&run, trajectory);
        run.train_row_norm = SS_TRAIN_ROW_NORM_KNOWN;
        execute(&run, known);
        for (int t = 0; t <= T; t++) {
            assert_near(trajectory[t], known[t], 1e-9);
        }
    }
}

/* Its samples are those of X_n; its latents are not those of the run, which it would otherwise
 * bias: from the population it is the run of marginals that has the same settings. */
static void the_stage_has_latents_of_its_own(void **state)
{
    (void)state;
    for (int64_t m = 0; m <= 50; m += 50) {
        double own[D];
        double others[D];
        double results[2 + 2 * D * 2];
        ss_run run = learning_run(activations[0]);
        run.m = m;
        learned_norms(&run, own);
        ss_run marginal = ss_run_stage(&run);
        const int64_t ends[] = {0, marginal.iterations};
        marginal.train_row_norm = SS_TRAIN_ROW_NORM_KNOWN;
        marginal.checkpoints = ends;
        marginal.checkpoint_count = 2;
        marginal.iterate = true;
        execute(&marginal, results);
        for (int64_t i = 0; i < D; i++) {
            others[i] = check_norm(results + 2 + (D + i) * 2, 2);
        }
        double distance = check_distance(own, others, D);
        assert_true(m == 0 ? distance == 0 : distance > 1e-3);
    }
}

/* ---- how it ends ---- */

typedef struct counter {
    int64_t calls;
    int64_t stop_at;
} counter;

static int count(void *context, int64_t t, int64_t steps)
{
    counter *c = context;
    assert_int_equal(t, c->calls);
    assert_int_equal(steps, 40 + T);
    c->calls++;
    return c->calls == c->stop_at;
}

static void a_poll_stops_it_before_the_first_iteration(void **state)
{
    (void)state;
    double trajectory[T + 1];
    ss_run run = learning_run(activations[0]);
    counter whole = {0};
    assert_int_equal(execute_polled(&run, count, &whole, trajectory).status, SS_RUN_DONE);
    assert_int_equal(whole.calls, 40 + T);
    counter stopped = {.stop_at = 7};
    ss_run_outcome outcome = execute_polled(&run, count, &stopped, trajectory);
    assert_int_equal(outcome.status, SS_RUN_PENDING);
    assert_int_equal(outcome.steps, 6);
    assert_int_equal(outcome.iterations, 0);
    for (int t = 0; t <= T; t++) {
        assert_true(isnan(trajectory[t]));
    }
}

static void norms_that_grow_without_bound_end_the_run(void **state)
{
    (void)state;
    double trajectory[T + 1];
    ss_run run = learning_run((ss_activation){SS_ACTIVATION_IDENTITY, 0});
    run.stage = (ss_norm_stage){SS_DISCRIMINATOR_RECTIFIED_LINEAR, 2000, 50, 0};
    ss_run_outcome outcome = execute(&run, trajectory);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_int_equal(outcome.reason, SS_REASON_NOT_FINITE);
    assert_int_equal(outcome.iterations, 0);
    assert_true(isnan(trajectory[0]));
    assert_true(outcome.truth_norm > 0);
}

static void a_workspace_forgets_the_norms_before(void **state)
{
    (void)state;
    ss_workspace *workspace = NULL;
    ss_run_outcome outcome;
    ss_run run = learning_run(activations[0]);
    ss_run known = run;
    known.train_row_norm = SS_TRAIN_ROW_NORM_KNOWN;
    const ss_run *runs[] = {&run, &known, &run};
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    for (int i = 0; i < 3; i++) {
        double trajectory[T + 1];
        double expected[T + 1];
        ss_run_execute(runs[i], workspace, NULL, NULL, trajectory, &outcome);
        execute(runs[i], expected);
        assert_memory_equal(trajectory, expected, sizeof expected);
    }
    ss_workspace_destroy(&workspace);
}

/* ---- beside other results ---- */

/* X_n is the same; the gradients are at A⁰, whose norms are others. */
static void lemmas_are_measured_at_learned_norms(void **state)
{
    (void)state;
    enum { VALUES = T + 1 + SS_COVARIANCE_VALUES + SS_GRADIENT_VALUES };
    for (size_t a = 0; a < COUNT_OF(activations); a += 2) {
        double results[VALUES];
        double known[VALUES];
        ss_run run = learning_run(activations[a]);
        run.covariance_error = run.gradient_bias = true;
        execute(&run, results);
        run.train_row_norm = SS_TRAIN_ROW_NORM_KNOWN;
        execute(&run, known);
        const double *lemmas = results + T + 1;
        const double *known_lemmas = known + T + 1;
        assert_memory_equal(lemmas, known_lemmas, SS_COVARIANCE_VALUES * sizeof *lemmas);
        for (int i = SS_COVARIANCE_VALUES; i < SS_COVARIANCE_VALUES + SS_GRADIENT_VALUES; i++) {
            assert_true(isfinite(lemmas[i]));
            assert_true(fabs(lemmas[i] - known_lemmas[i]) > 0);
        }
        double sampling = known_lemmas[SS_COVARIANCE_VALUES + SS_GRADIENT_SAMPLING];
        assert_near(lemmas[SS_COVARIANCE_VALUES + SS_GRADIENT_SAMPLING] / sampling, 1, 0.7);
    }
}

static void a_certificate_is_of_the_learned_norms(void **state)
{
    (void)state;
    double results[T + 1 + SS_CERTIFICATE_MULTIPLIERS + D];
    ss_run run = learning_run((ss_activation){SS_ACTIVATION_LEAKY_RELU, 0.2});
    run.m = 0;
    run.iterations = 2000;
    const int64_t ends[] = {0, 2000};
    run.checkpoints = ends;
    run.checkpoint_count = 2;
    run.certificate = true;
    assert_int_equal(execute(&run, results).status, SS_RUN_DONE);
    const double *certificate = results + 2;
    assert_at_most(certificate[SS_CERTIFICATE_RESIDUAL], 1e-9); /* stationary on those norms */
    assert_true(results[1] > 1e-3);                             /* though not at Z* */
}

static void it_costs_what_both_stages_cost(void **state)
{
    (void)state;
    ss_run run = learning_run(activations[0]);
    ss_run known = run;
    ss_run stage = ss_run_stage(&run);
    const ss_kernel *kernel = NULL;
    known.train_row_norm = SS_TRAIN_ROW_NORM_KNOWN;
    assert_int_equal(ss_kernel_choose(run.precision, &kernel), SS_OK);
    assert_near(ss_run_cost_seconds(&run) /
                    (ss_run_cost_seconds(&known) + ss_run_cost_seconds(&stage)),
                1, 1e-12);
    assert_near(ss_run_cost_bytes(&run, kernel),
                ss_run_cost_bytes(&known, kernel) + ss_run_cost_bytes(&stage, kernel), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_discriminator_is_the_one_that_the_theory_has),
        cmocka_unit_test(every_iterate_has_the_learned_norms_and_the_start_known_directions),
        cmocka_unit_test(learned_exactly_they_are_as_good_as_known),
        cmocka_unit_test(the_stage_has_latents_of_its_own),
        cmocka_unit_test(a_poll_stops_it_before_the_first_iteration),
        cmocka_unit_test(norms_that_grow_without_bound_end_the_run),
        cmocka_unit_test(a_workspace_forgets_the_norms_before),
        cmocka_unit_test(lemmas_are_measured_at_learned_norms),
        cmocka_unit_test(a_certificate_is_of_the_learned_norms),
        cmocka_unit_test(it_costs_what_both_stages_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
