/* Runs that are stopped and go on elsewhere: the same bits as runs that were left alone. */
#include "check.h"

#include "small_run.h"

#include <stdlib.h>
#include <string.h>

/* A poll that keeps the state after `at` steps, and may stop there. */
typedef struct keeper {
    const ss_run *run;
    const ss_workspace *workspace;
    int64_t at;
    int stop;
    double *state;
} keeper;

static int keep(void *context, int64_t t, int64_t steps)
{
    keeper *keeper = context;
    (void)steps;
    if (t == keeper->at) {
        ss_run_save(keeper->workspace, keeper->run, keeper->state);
        return keeper->stop;
    }
    return 0;
}

/* The state after t steps, and the trajectory up to there. */
static double *interrupt(const ss_run *run, int64_t t, int stop, double *trajectory)
{
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    double *state = malloc((size_t)ss_run_state_count(run) * sizeof *state);
    assert_non_null(state);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    keeper keeper = {run, workspace, t, stop, state};
    ss_run_execute(run, workspace, keep, &keeper, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    assert_int_equal(outcome.status, stop ? SS_RUN_PENDING : SS_RUN_DONE);
    assert_int_equal(outcome.steps, stop ? t : ss_run_steps(run));
    int64_t iterations = outcome.steps - (ss_run_steps(run) - run->iterations);
    assert_int_equal(outcome.iterations, iterations > 0 ? iterations : 0);
    return state;
}

static void assert_goes_on(const ss_run *run, int64_t t, int stop)
{
    double expected[T + 1];
    double trajectory[T + 1];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run_outcome whole = execute(run, expected);
    double *state = interrupt(run, t, stop, trajectory);
    for (int64_t i = 0; i < run->checkpoint_count; i++) {
        if (ss_run_steps(run) - run->iterations + run->checkpoints[i] > t) {
            trajectory[i] = 12345; /* whatever was there */
        }
    }
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_continue(run, workspace, t, state, NULL, NULL, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    free(state);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    assert_int_equal(outcome.iterations, T);
    assert_near(outcome.truth_norm, whole.truth_norm, 0);
    assert_memory_equal(trajectory, expected, (size_t)run->checkpoint_count * sizeof(double));
}

static void a_stopped_run_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(settings); s++) {
        ss_precision precision = s % 2 ? SS_PRECISION_DOUBLE : SS_PRECISION_SINGLE;
        ss_run run = run_of_setting(settings[s], activations[s % COUNT_OF(activations)], precision);
        for (int64_t t = 1; t < T; t += 4) {
            assert_goes_on(&run, t, 1);
        }
    }
}

static void so_does_one_of_infinitely_many_samples(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        ss_run run = run_of_setting(settings[2], activations[a], SS_PRECISION_DOUBLE);
        run.m = 0;
        run.n = a % 2 ? 0 : N;
        assert_goes_on(&run, 9, 1);
    }
}

/* Before its first iteration, or after it: then the norms are part of the state; of m = ∞, that
 * moments are prepared for them is not. */
static void so_does_one_that_learns_its_norms(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        ss_run run = run_of_setting(settings[2 + a % 3], activations[a], SS_PRECISION_DOUBLE);
        run = learning(run, a % 2 ? SS_DISCRIMINATOR_LINEAR : SS_DISCRIMINATOR_RECTIFIED_LINEAR);
        assert_int_equal(ss_run_state_count(&run), run.d * (run.k + run.d + 1));
        int64_t last = run.stage.iterations;
        const int64_t stops[] = {1, 9, last - 1, last, last + 1, last + 9};
        for (size_t i = 0; i < COUNT_OF(stops); i++) {
            assert_goes_on(&run, stops[i], 1);
        }
        run.m = 0;
        assert_goes_on(&run, 9, 1);
        assert_goes_on(&run, last + 9, 1);
    }
}

/* V enters the next iteration only where η_V is not 1. */
static void the_memory_of_V_is_part_of_the_state(void **state)
{
    (void)state;
    ss_run run = run_with(activations[0], SS_PRECISION_SINGLE);
    run.ascent_step = 0.3;
    assert_goes_on(&run, 11, 1);
}

/* A and v. */
static void a_run_that_learns_marginals_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(settings); s++) {
        ss_run run = run_of_setting(settings[s], activations[s % COUNT_OF(activations)],
                                    SS_PRECISION_DOUBLE);
        run.algorithm = SS_ALGORITHM_MARGINAL;
        run.discriminator = s % 2 ? SS_DISCRIMINATOR_LINEAR : SS_DISCRIMINATOR_RECTIFIED_LINEAR;
        run.m = s == 1 ? 0 : run.m;
        assert_int_equal(ss_run_state_count(&run), run.d * (run.k + 1));
        for (int64_t t = 1; t < T; t += 8) {
            assert_goes_on(&run, t, 1);
        }
    }
}

static void a_state_saved_on_the_way_is_as_good(void **state)
{
    (void)state;
    ss_run run = run_with(activations[1], SS_PRECISION_SINGLE);
    assert_goes_on(&run, 1, 0);
    assert_goes_on(&run, T - 1, 0);
}

static void checkpoints_on_both_sides_are_recorded_once(void **state)
{
    (void)state;
    const int64_t some[] = {0, 3, 4, 20, T};
    ss_run run = run_with(activations[0], SS_PRECISION_DOUBLE);
    run.checkpoints = some;
    run.checkpoint_count = COUNT_OF(some);
    for (int64_t t = 2; t < 6; t++) {
        assert_goes_on(&run, t, 1);
    }
}

static void divergence_after_the_break_keeps_its_iteration(void **state)
{
    (void)state;
    double expected[2001];
    double trajectory[2001];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run run = run_with((ss_activation){SS_ACTIVATION_IDENTITY, 0}, SS_PRECISION_SINGLE);
    run.ascent_step = 4;
    run.iterations = 2000;
    run.checkpoint_count = 2001;
    ss_run_outcome whole = execute(&run, expected);
    assert_int_equal(whole.status, SS_RUN_DIVERGED);
    double *saved = interrupt(&run, 20, 1, trajectory);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_continue(&run, workspace, 20, saved, NULL, NULL, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    free(saved);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_int_equal(outcome.reason, whole.reason);
    assert_int_equal(outcome.iterations, whole.iterations);
    for (int64_t t = 0; t <= 2000; t++) { /* NaN or the same number */
        assert_true(isnan(expected[t]) ? isnan(trajectory[t]) : trajectory[t] == expected[t]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_run_goes_on_to_the_same_bits),
        cmocka_unit_test(so_does_one_of_infinitely_many_samples),
        cmocka_unit_test(so_does_one_that_learns_its_norms),
        cmocka_unit_test(the_memory_of_V_is_part_of_the_state),
        cmocka_unit_test(a_run_that_learns_marginals_goes_on_to_the_same_bits),
        cmocka_unit_test(a_state_saved_on_the_way_is_as_good),
        cmocka_unit_test(checkpoints_on_both_sides_are_recorded_once),
        cmocka_unit_test(divergence_after_the_break_keeps_its_iteration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
