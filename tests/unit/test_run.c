/* Runs: their endings, checkpoints, workspace, memory and identity. test_algorithm.c shows that
 * what they compute is right. */
#include "check.h"

#include "saddlesweep/kernel.h"
#include "small_run.h"

#include <stdio.h>

/* ---- divergence, polls and checkpoints ---- */

/* η_V = 4 multiplies V by -3 an iteration: it leaves the range of float64 after 1024 / log2(3) =
 * 646 iterations, that of float32 after 81. */
static void assert_divergence(ss_precision precision, int64_t earliest, int64_t latest)
{
    double trajectory[2001];
    ss_run run = run_with((ss_activation){SS_ACTIVATION_IDENTITY, 0}, precision);
    run.n = run.m = 10;
    run.ascent_step = 4;
    run.iterations = 2000;
    run.checkpoint_count = 2001;
    ss_run_outcome outcome = execute(&run, trajectory);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_int_equal(outcome.reason, SS_REASON_NOT_FINITE);
    assert_in_range(outcome.iterations, earliest, latest);
    for (int64_t t = 0; t <= 2000; t++) {
        assert_int_equal(isfinite(trajectory[t]) != 0, t < outcome.iterations);
        assert_int_equal(isnan(trajectory[t]) != 0, t >= outcome.iterations);
    }
}

static void divergence_is_reported_with_its_iteration(void **state)
{
    (void)state;
    assert_divergence(SS_PRECISION_DOUBLE, 550, 700);
    assert_divergence(SS_PRECISION_SINGLE, 60, 100);
}

static void divergence_between_checkpoints_has_its_own_iteration(void **state)
{
    (void)state;
    const int64_t sparse[] = {0, 10, 2000};
    double trajectory[3];
    double all[2001];
    ss_run run = run_with((ss_activation){SS_ACTIVATION_IDENTITY, 0}, SS_PRECISION_DOUBLE);
    run.n = run.m = 10;
    run.ascent_step = 4;
    run.iterations = 2000;
    run.checkpoint_count = 2001;
    ss_run_outcome expected = execute(&run, all);
    run.checkpoints = sparse;
    run.checkpoint_count = 3;
    ss_run_outcome outcome = execute(&run, trajectory);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_int_equal(outcome.iterations, expected.iterations);
    assert_near(trajectory[1], all[10], 0);
    assert_true(isnan(trajectory[2]));
}

typedef struct watch {
    int64_t calls, stop_at, iterations;
    bool ascending;
} watch;

static int watch_poll(void *context, int64_t t, int64_t iterations)
{
    watch *watch = context;
    watch->ascending = watch->ascending && t == watch->calls;
    watch->iterations = iterations;
    watch->calls++;
    return t == watch->stop_at;
}

static void a_poll_stops_a_run(void **state)
{
    (void)state;
    double trajectory[T + 1];
    double expected[T + 1];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    watch watch = {.stop_at = 7, .ascending = true};
    ss_run run = run_with(activations[0], SS_PRECISION_SINGLE);
    execute(&run, expected);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(&run, workspace, watch_poll, &watch, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    assert_int_equal(outcome.status, SS_RUN_PENDING);
    assert_int_equal(outcome.iterations, 7);
    assert_int_equal(watch.calls, 8);
    assert_int_equal(watch.iterations, T);
    assert_true(watch.ascending);
    assert_memory_equal(trajectory, expected, 8 * sizeof(double));
    for (int t = 8; t <= T; t++) {
        assert_true(isnan(trajectory[t]));
    }
}

static void a_poll_that_never_stops_changes_nothing(void **state)
{
    (void)state;
    double trajectory[T + 1];
    double expected[T + 1];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    watch watch = {.stop_at = -1, .ascending = true};
    ss_run run = run_with(activations[0], SS_PRECISION_SINGLE);
    execute(&run, expected);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(&run, workspace, watch_poll, &watch, trajectory, &outcome);
    ss_workspace_destroy(&workspace);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    assert_int_equal(outcome.iterations, T);
    assert_int_equal(watch.calls, T); /* after 0 … T-1; none after the last */
    assert_memory_equal(trajectory, expected, sizeof expected);
}

static void checkpoints_choose_what_is_recorded_and_nothing_else(void **state)
{
    (void)state;
    const int64_t some[] = {0, 3, 4, 20, T};
    double all[T + 1];
    double trajectory[COUNT_OF(some)];
    ss_run run = run_with(activations[4], SS_PRECISION_SINGLE);
    execute(&run, all);
    run.checkpoints = some;
    run.checkpoint_count = COUNT_OF(some);
    ss_run_outcome outcome = execute(&run, trajectory);
    assert_int_equal(outcome.iterations, T);
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        assert_memory_equal(&trajectory[i], &all[some[i]], sizeof(double));
    }
}

/* ---- the workspace ---- */

/* A run in this workspace gives the bits that it gives in a fresh one. */
static void assert_same_as_fresh(const ss_run *run, ss_workspace *workspace)
{
    double used[T + 1];
    double fresh[T + 1];
    ss_run_outcome outcome;
    ss_run_execute(run, workspace, NULL, NULL, used, &outcome);
    execute(run, fresh);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    assert_memory_equal(used, fresh, sizeof fresh);
}

static void a_used_workspace_gives_the_same_bits_as_a_fresh_one(void **state)
{
    (void)state;
    ss_workspace *workspace = NULL;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    for (int round = 0; round < 2; round++) {
        for (size_t s = 0; s < COUNT_OF(settings); s++) {
            ss_precision precision = s % 2 ? SS_PRECISION_DOUBLE : SS_PRECISION_SINGLE;
            ss_run run = run_of_setting(settings[s], activations[s], precision);
            assert_same_as_fresh(&run, workspace);
        }
    }
    ss_workspace_destroy(&workspace);
}

static void a_diverged_run_leaves_no_trace_in_the_workspace(void **state)
{
    (void)state;
    double diverged[2001];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run bad = run_with((ss_activation){SS_ACTIVATION_IDENTITY, 0}, SS_PRECISION_SINGLE);
    bad.ascent_step = 4;
    bad.iterations = 2000;
    bad.checkpoint_count = 2001;
    ss_run good = run_with(activations[0], SS_PRECISION_SINGLE);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(&bad, workspace, NULL, NULL, diverged, &outcome);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    assert_same_as_fresh(&good, workspace);
    ss_workspace_destroy(&workspace);
}

/* Matrices of 2²⁰ × 2²⁰ take 8 TiB each. Where the system promises any memory (overcommit 1), or
 * the sanitizer's allocator aborts, there is nothing to see. */
static void a_run_too_large_for_memory_fails_and_the_next_one_works(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    FILE *setting = fopen("/proc/sys/vm/overcommit_memory", "r");
    int overcommit = setting ? fgetc(setting) : '1';
    if (setting) {
        fclose(setting);
    }
    if (overcommit == '1') {
        skip();
    }
    double trajectory[T + 1];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run run = run_with(activations[0], SS_PRECISION_SINGLE);
    ss_run huge = run;
    huge.d = huge.k = huge.k0 = 1 << 20;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(&run, workspace, NULL, NULL, trajectory, &outcome);
    ss_run_execute(&huge, workspace, NULL, NULL, trajectory, &outcome);
    assert_int_equal(outcome.status, SS_RUN_FAILED);
    assert_int_equal(outcome.reason, SS_REASON_MEMORY);
    assert_int_equal(outcome.iterations, 0);
    assert_true(isnan(trajectory[0]) && isnan(trajectory[T]));
    assert_same_as_fresh(&run, workspace);
    ss_workspace_destroy(&workspace);
}

static void predicted_memory_holds_the_matrices(void **state)
{
    (void)state;
    ss_run run = run_with(activations[0], SS_PRECISION_SINGLE);
    run.d = 100;
    run.k = run.k0 = 30;
    double matrices = 8 * (4 * 100.0 * 100 + 3 * 100 * 30 + 100);
    for (int i = 0; ss_kernel_at(i); i++) {
        double bytes = ss_run_cost_bytes(&run, ss_kernel_at(i));
        assert_true(bytes >= matrices);
        assert_true(bytes <= matrices + (128 << 20)); /* and what the kernel keeps */
    }
}

/* ---- identity ---- */

static ss_run changed(int field)
{
    static const int64_t other_checkpoints[] = {0, 1, 2, T};
    static const double truths[2][D * 2] = {{1, 2}, {1, 3}};
    ss_run run = run_with(activations[4], SS_PRECISION_SINGLE);
    run.step_decay = 20;
    switch (field) {
    case 0:
        break;
    case 1:
        run.d++;
        break;
    case 2:
        run.k++;
        break;
    case 3:
        run.k0--;
        break;
    case 4:
        run.n++;
        break;
    case 5:
        run.m++;
        break;
    case 6:
        run.activation.kind = SS_ACTIVATION_TANH;
        break;
    case 7:
        run.activation.alpha = nextafter(run.activation.alpha, 1);
        break;
    case 8:
        run.root_seed++;
        break;
    case 9:
        run.seed++;
        break;
    case 10:
        run.row_norm = SS_ROW_NORM_GAUSSIAN;
        break;
    case 11:
        run.iterations++;
        break;
    case 12:
        run.step_size = nextafter(run.step_size, 1);
        break;
    case 13:
        run.step_decay = 0;
        break;
    case 14:
        run.ascent_step = nextafter(run.ascent_step, 2);
        break;
    case 15:
        run.noise = 0;
        break;
    case 16:
        run.precision = SS_PRECISION_DOUBLE;
        break;
    case 17:
        run.checkpoint_count--;
        break;
    case 18:
        run.checkpoints = other_checkpoints;
        run.checkpoint_count = COUNT_OF(other_checkpoints);
        break;
    case 19:
        run.truth_matrix = truths[0];
        break;
    case 20:
        run.truth_matrix = truths[1];
        break;
    case 21:
        run.train_row_norm = SS_TRAIN_ROW_NORM_FREE;
        break;
    case 22:
    case 23:
    case 24:
    case 25:
    case 26:
        run = learning(run,
                       field == 22 ? SS_DISCRIMINATOR_LINEAR : SS_DISCRIMINATOR_RECTIFIED_LINEAR);
        run.stage.iterations += field == 24;
        run.stage.step_size = nextafter(run.stage.step_size, field == 25 ? 9 : 2);
        run.stage.step_decay = field == 26 ? 0 : run.stage.step_decay;
        break;
    default:
        fail();
    }
    return run;
}

static void every_field_is_part_of_the_identity(void **state)
{
    (void)state;
    enum { FIELDS = 27 };
    for (int a = 0; a < FIELDS; a++) {
        for (int b = 0; b < a; b++) {
            ss_run one = changed(a);
            ss_run other = changed(b);
            assert_int_not_equal(ss_run_identity(&one), ss_run_identity(&other));
        }
    }
}

static void swapped_sizes_have_another_identity(void **state)
{
    (void)state;
    ss_run run = changed(0);
    ss_run swapped = run;
    swapped.n = run.m;
    swapped.m = run.n;
    assert_int_not_equal(ss_run_identity(&run), ss_run_identity(&swapped));
}

static void equal_content_elsewhere_has_the_same_identity(void **state)
{
    (void)state;
    ss_run run = changed(0);
    ss_run copy = run;
    int64_t checkpoints[T + 1];
    memcpy(checkpoints, run.checkpoints, sizeof checkpoints);
    copy.checkpoints = checkpoints;
    assert_int_equal(ss_run_identity(&run), ss_run_identity(&copy));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divergence_is_reported_with_its_iteration),
        cmocka_unit_test(divergence_between_checkpoints_has_its_own_iteration),
        cmocka_unit_test(a_poll_stops_a_run),
        cmocka_unit_test(a_poll_that_never_stops_changes_nothing),
        cmocka_unit_test(checkpoints_choose_what_is_recorded_and_nothing_else),
        cmocka_unit_test(a_used_workspace_gives_the_same_bits_as_a_fresh_one),
        cmocka_unit_test(a_diverged_run_leaves_no_trace_in_the_workspace),
        cmocka_unit_test(a_run_too_large_for_memory_fails_and_the_next_one_works),
        cmocka_unit_test(predicted_memory_holds_the_matrices),
        cmocka_unit_test(every_field_is_part_of_the_identity),
        cmocka_unit_test(swapped_sizes_have_another_identity),
        cmocka_unit_test(equal_content_elsewhere_has_the_same_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
