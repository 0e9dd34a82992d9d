/* Recorded iterates: A at every checkpoint, behind whatever else a run results in. */
#include "check.h"

#include "small_run.h"

#include <stdlib.h>
#include <string.h>

enum { K = 2, POINTS = T + 1, ITERATES = POINTS * D * K, MOST = POINTS + 2 + D + ITERATES };

static ss_run iterating_run(void)
{
    ss_run run = run_with((ss_activation){SS_ACTIVATION_ERF, 0}, SS_PRECISION_DOUBLE);
    run.iterate = true;
    return run;
}

/* Keeps A of every iteration but the last; stops after `stop`. */
typedef struct observer {
    const ss_run *run;
    const ss_workspace *workspace;
    int64_t stop;
    double seen[POINTS][D * K];
    double state[D * (K + D)];
} observer;

static int observe(void *context, int64_t t, int64_t iterations)
{
    observer *o = context;
    (void)iterations;
    ss_run_save(o->workspace, o->run, o->state);
    memcpy(o->seen[t], o->state, sizeof o->seen[t]);
    return t == o->stop;
}

static ss_run_outcome execute_observed(const ss_run *run, int64_t stop, observer *o,
                                       double *results)
{
    ss_workspace *workspace = NULL;
    ss_run_outcome outcome;
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    *o = (observer){.run = run, .workspace = workspace, .stop = stop};
    ss_run_execute(run, workspace, observe, o, results, &outcome);
    ss_workspace_destroy(&workspace);
    return outcome;
}

static void they_are_A_at_each_checkpoint(void **state)
{
    (void)state;
    static const int64_t some[] = {0, 3, 4, 20, T};
    double results[MOST];
    observer o;
    ss_run run = iterating_run();
    run.checkpoints = some;
    run.checkpoint_count = COUNT_OF(some);
    assert_int_equal(ss_run_result_count(&run), 5 + 5 * D * K);
    execute_observed(&run, T, &o, results);
    const double *A = results + ss_run_iterate_start(&run);
    for (size_t i = 0; i + 1 < COUNT_OF(some); i++, A += D * K) {
        assert_memory_equal(A, o.seen[some[i]], sizeof o.seen[0]);
    }
    assert_true(isfinite(A[0]) && fabs(A[0] - o.seen[T - 1][0]) > 0); /* the last is a step on */
}

static void they_change_neither_errors_nor_certificate_nor_identity(void **state)
{
    (void)state;
    double with[MOST];
    double without[MOST];
    ss_run run = iterating_run();
    run.certificate = true;
    ss_run plain = run;
    plain.iterate = false;
    execute(&run, with);
    execute(&plain, without);
    assert_int_equal(ss_run_iterate_start(&run), POINTS + 2 + D);
    assert_memory_equal(with, without, (size_t)ss_run_result_count(&plain) * sizeof *with);
    assert_int_equal(ss_run_identity(&run), ss_run_identity(&plain));
    assert_false(ss_run_same_results(&run, &plain));
}

/* With d = 1, k = 1 and three checkpoints there are as many iterates as numbers of a certificate.
 */
static void results_of_equal_counts_are_told_apart(void **state)
{
    (void)state;
    static const int64_t three[] = {0, 1, T};
    ss_run iterating = iterating_run();
    iterating.d = iterating.k = iterating.k0 = 1;
    iterating.checkpoints = three;
    iterating.checkpoint_count = 3;
    ss_run certified = iterating;
    certified.iterate = false;
    certified.certificate = true;
    assert_int_equal(ss_run_result_count(&iterating), ss_run_result_count(&certified));
    assert_false(ss_run_same_results(&iterating, &certified));
}

static void those_before_and_after_a_break_are_the_whole_runs(void **state)
{
    (void)state;
    double whole[MOST];
    double results[MOST];
    observer o;
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run run = iterating_run();
    run.certificate = true;
    execute(&run, whole);
    for (int64_t t = 1; t < T; t += 7) {
        assert_int_equal(execute_observed(&run, t, &o, results).status, SS_RUN_PENDING);
        double *A = results + ss_run_iterate_start(&run);
        for (int64_t i = (t + 1) * D * K; i < ITERATES; i++) {
            assert_true(isnan(A[i]));
            A[i] = 12345; /* whatever was there */
        }
        assert_int_equal(ss_workspace_create(&workspace), SS_OK);
        ss_run_continue(&run, workspace, t, o.state, NULL, NULL, results, &outcome);
        ss_workspace_destroy(&workspace);
        assert_memory_equal(results, whole, sizeof whole);
    }
}

static void from_divergence_on_there_are_none(void **state)
{
    (void)state;
    enum { LONG = 2000 };
    double *results = malloc((LONG + 1) * (1 + D * K) * sizeof *results);
    assert_non_null(results);
    ss_run run = run_with((ss_activation){SS_ACTIVATION_IDENTITY, 0}, SS_PRECISION_SINGLE);
    run.ascent_step = 4;
    run.iterations = LONG;
    run.checkpoint_count = LONG + 1;
    run.iterate = true;
    ss_run_outcome outcome = execute(&run, results);
    assert_int_equal(outcome.status, SS_RUN_DIVERGED);
    const double *A = results + LONG + 1;
    for (int64_t t = 0; t <= LONG; t++) {
        for (int64_t i = 0; i < (int64_t)D * K; i++) {
            assert_int_equal(isfinite(A[t * D * K + i]) != 0, isfinite(results[t]) != 0);
        }
    }
    free(results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_A_at_each_checkpoint),
        cmocka_unit_test(they_change_neither_errors_nor_certificate_nor_identity),
        cmocka_unit_test(results_of_equal_counts_are_told_apart),
        cmocka_unit_test(those_before_and_after_a_break_are_the_whole_runs),
        cmocka_unit_test(from_divergence_on_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
