/* The ETA of the progress line: the cost model's remainder, corrected by what was measured. */
#include "check.h"
#include "src/sched/progress.h"

/* A sweep of 100 tasks on 4 ranks that the model thinks takes 1000 core-seconds. */
static ss_progress begin(void)
{
    return ss_progress_begin("sweep", SS_PROGRESS_NONE, 4, 100, 1000);
}

static void before_any_task_ends_the_model_is_trusted(void **state)
{
    (void)state;
    ss_progress progress = begin();
    assert_near(ss_progress_seconds_left(&progress), 1000.0 / 4, 1e-9);
}

static void tasks_twice_as_slow_as_predicted_double_what_is_left(void **state)
{
    (void)state;
    ss_progress progress = begin();
    progress.results[SS_TASK_DONE] = 60;
    progress.predicted_ended = 600;
    progress.measured_ended = 1200;
    assert_near(ss_progress_seconds_left(&progress), 2 * 400.0 / 4, 1e-9);
}

static void fewer_tasks_than_ranks_share_no_further(void **state)
{
    (void)state;
    ss_progress progress = begin();
    progress.results[SS_TASK_DONE] = 98;
    progress.predicted_ended = 980;
    progress.measured_ended = 980;
    assert_near(ss_progress_seconds_left(&progress), 20.0 / 2, 1e-9);
}

static void every_way_of_ending_counts_but_being_stopped(void **state)
{
    (void)state;
    ss_progress progress = begin();
    progress.results[SS_TASK_DONE] = 1;
    progress.results[SS_TASK_DIVERGED] = 2;
    progress.results[SS_TASK_FAILED] = 4;
    progress.results[SS_TASK_STOPPED] = 8;
    assert_int_equal(ss_progress_ended(&progress), 7);
}

static void nothing_is_left_at_the_end(void **state)
{
    (void)state;
    ss_progress progress = begin();
    progress.results[SS_TASK_DONE] = 100;
    progress.predicted_ended = 900; /* rounding of sums must not leave a remainder */
    progress.measured_ended = 900;
    assert_near(ss_progress_seconds_left(&progress), 0, 0);
}

static void assert_rate(double per_second, const char *expected)
{
    char buffer[32];
    assert_string_equal(ss_progress_rate(per_second, buffer, sizeof buffer), expected);
}

static void slow_runs_are_counted_by_the_minute_or_hour(void **state)
{
    (void)state;
    assert_rate(0, "0.0 runs/s");
    assert_rate(755.42, "755.4 runs/s");
    assert_rate(0.1, "0.1 runs/s");
    assert_rate(0.05, "3.0 runs/min");
    assert_rate(1.0 / 3600, "1.0 runs/h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_any_task_ends_the_model_is_trusted),
        cmocka_unit_test(tasks_twice_as_slow_as_predicted_double_what_is_left),
        cmocka_unit_test(fewer_tasks_than_ranks_share_no_further),
        cmocka_unit_test(every_way_of_ending_counts_but_being_stopped),
        cmocka_unit_test(nothing_is_left_at_the_end),
        cmocka_unit_test(slow_runs_are_counted_by_the_minute_or_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
