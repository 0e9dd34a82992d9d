/* The 64-byte record of a run: what it vouches for, and that no change of a bit goes unnoticed. */
#include "check.h"

#include "saddlesweep/record.h"

enum { CHECKPOINTS = 5 };

static const int64_t checkpoints[CHECKPOINTS] = {0, 1, 3, 7, 10};
static const double trajectory[CHECKPOINTS] = {1.5, 0.75, 0.5, 0.25, 0.125};

static ss_run some_run(void)
{
    return (ss_run){
        .d = 3,
        .k = 2,
        .k0 = 2,
        .n = 100,
        .m = 100,
        .activation = {SS_ACTIVATION_LEAKY_RELU, 0.2},
        .root_seed = 1,
        .seed = 4,
        .iterations = 10,
        .step_size = 0.5,
        .ascent_step = 1,
        .noise = 1,
        .checkpoints = checkpoints,
        .checkpoint_count = CHECKPOINTS,
    };
}

static ss_record record_with(ss_run_status status, ss_run_reason reason)
{
    ss_run run = some_run();
    ss_run_outcome outcome = {
        .status = status,
        .reason = reason,
        .iterations = 10,
        .truth_norm = 2.25,
        .seconds = 0.01,
        .kernel = SS_LEVEL_PORTABLE,
    };
    return ss_record_of(&run, &outcome, 3, trajectory);
}

static void a_record_says_what_happened(void **state)
{
    (void)state;
    ss_run run = some_run();
    ss_record record = record_with(SS_RUN_DIVERGED, SS_REASON_NOT_FINITE);
    assert_int_equal(record.status, SS_RUN_DIVERGED);
    assert_int_equal(record.reason, SS_REASON_NOT_FINITE);
    assert_int_equal(record.rank, 3);
    assert_int_equal(record.iterations, 10);
    assert_near(record.truth_norm, 2.25, 0);
    assert_near(record.seconds, 0.01, 0);
    assert_int_equal(record.identity, ss_run_identity(&run));
    assert_int_equal(record.kernel, SS_LEVEL_PORTABLE);
}

static void ended_runs_are_committed_and_trusted(void **state)
{
    (void)state;
    static const ss_run_status ended[] = {SS_RUN_DONE, SS_RUN_DIVERGED, SS_RUN_FAILED};
    ss_run run = some_run();
    for (size_t i = 0; i < COUNT_OF(ended); i++) {
        ss_record record = record_with(ended[i], SS_REASON_NONE);
        assert_true(ss_record_committed(&record));
        assert_true(ss_record_intact(&record, trajectory, CHECKPOINTS));
        assert_true(ss_record_trusted(&record, &run, trajectory));
    }
}

static void unfinished_runs_are_not_committed(void **state)
{
    (void)state;
    ss_run run = some_run();
    ss_record pending = record_with(SS_RUN_PENDING, SS_REASON_NONE);
    ss_record partial = record_with(SS_RUN_PARTIAL, SS_REASON_NONE);
    assert_false(ss_record_committed(&pending));
    assert_false(ss_record_committed(&partial));
    assert_false(ss_record_intact(&partial, trajectory, CHECKPOINTS));
    assert_false(ss_record_trusted(&partial, &run, trajectory));
    assert_false(ss_record_untouched(&pending)); /* it has an identity */
}

static void a_partial_record_is_one_of_its_place(void **state)
{
    (void)state;
    ss_run run = some_run();
    ss_run other = some_run();
    other.seed++;
    ss_record partial = record_with(SS_RUN_PARTIAL, SS_REASON_NONE);
    ss_record done = record_with(SS_RUN_DONE, SS_REASON_NONE);
    assert_true(ss_record_partial(&partial, &run));
    assert_false(ss_record_partial(&partial, &other));
    assert_false(ss_record_partial(&done, &run));
    partial.iterations++;
    assert_false(ss_record_partial(&partial, &run));
}

static void a_record_of_zeros_is_not_committed(void **state)
{
    (void)state;
    ss_record zeros;
    memset(&zeros, 0, sizeof zeros);
    assert_false(ss_record_committed(&zeros));
    assert_true(ss_record_untouched(&zeros));
}

static void a_status_out_of_range_is_not_committed(void **state)
{
    (void)state;
    ss_record record = record_with((ss_run_status)77, SS_REASON_NONE);
    assert_false(ss_record_committed(&record));
}

/* A 64-bit hash misses a change with probability 5e-20. */
static void every_flipped_bit_of_the_record_is_noticed(void **state)
{
    (void)state;
    ss_run run = some_run();
    ss_record whole = record_with(SS_RUN_DONE, SS_REASON_NONE);
    for (size_t bit = 0; bit < 8 * sizeof whole; bit++) {
        ss_record record = whole;
        ((unsigned char *)&record)[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(ss_record_committed(&record));
        assert_false(ss_record_intact(&record, trajectory, CHECKPOINTS));
        assert_false(ss_record_trusted(&record, &run, trajectory));
    }
}

static void every_flipped_bit_of_the_trajectory_is_noticed(void **state)
{
    (void)state;
    ss_run run = some_run();
    ss_record record = record_with(SS_RUN_DONE, SS_REASON_NONE);
    for (size_t bit = 0; bit < 8 * sizeof trajectory; bit++) {
        double damaged[CHECKPOINTS];
        memcpy(damaged, trajectory, sizeof damaged);
        ((unsigned char *)damaged)[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(ss_record_intact(&record, damaged, CHECKPOINTS));
        assert_false(ss_record_trusted(&record, &run, damaged));
    }
}

static void a_shorter_trajectory_is_noticed(void **state)
{
    (void)state;
    ss_record record = record_with(SS_RUN_DONE, SS_REASON_NONE);
    assert_false(ss_record_intact(&record, trajectory, CHECKPOINTS - 1));
}

static void nans_are_vouched_for_too(void **state)
{
    (void)state;
    ss_run run = some_run();
    ss_run_outcome outcome = {.status = SS_RUN_DIVERGED, .reason = SS_REASON_NOT_FINITE};
    const double broken[CHECKPOINTS] = {1, 2, NAN, NAN, NAN};
    const double other[CHECKPOINTS] = {1, 2, NAN, NAN, 5};
    ss_record record = ss_record_of(&run, &outcome, 0, broken);
    assert_true(ss_record_trusted(&record, &run, broken));
    assert_false(ss_record_trusted(&record, &run, other));
}

static void a_record_of_another_run_is_intact_but_not_trusted(void **state)
{
    (void)state;
    ss_record record = record_with(SS_RUN_DONE, SS_REASON_NONE);
    ss_run other = some_run();
    other.seed = 5;
    assert_true(ss_record_intact(&record, trajectory, CHECKPOINTS));
    assert_false(ss_record_trusted(&record, &other, trajectory));
}

static void reasons_have_words(void **state)
{
    (void)state;
    for (int reason = 0; reason < SS_RUN_REASON_COUNT; reason++) {
        assert_true(strlen(ss_run_reason_text((ss_run_reason)reason)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_says_what_happened),
        cmocka_unit_test(ended_runs_are_committed_and_trusted),
        cmocka_unit_test(unfinished_runs_are_not_committed),
        cmocka_unit_test(a_partial_record_is_one_of_its_place),
        cmocka_unit_test(a_record_of_zeros_is_not_committed),
        cmocka_unit_test(a_status_out_of_range_is_not_committed),
        cmocka_unit_test(every_flipped_bit_of_the_record_is_noticed),
        cmocka_unit_test(every_flipped_bit_of_the_trajectory_is_noticed),
        cmocka_unit_test(a_shorter_trajectory_is_noticed),
        cmocka_unit_test(nans_are_vouched_for_too),
        cmocka_unit_test(a_record_of_another_run_is_intact_but_not_trusted),
        cmocka_unit_test(reasons_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
