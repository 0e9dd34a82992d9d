/* The rule that says how many seeds a cell wants, by itself. */
#include "check.h"

#include "saddlesweep/stopping.h"

enum { MOST = 400, QUANTITIES = 2 };

static double errors[QUANTITIES][MOST];
static bool committed[MOST];

/* Errors that spread about 1 by a factor of `spread`, and the same twice as large. */
static void fill(uint64_t seed, double spread)
{
    for (int s = 0; s < MOST; s++) {
        committed[s] = true;
        errors[0][s] = exp(spread * check_uniform(&seed));
        errors[1][s] = 2 * errors[0][s];
    }
}

static ss_stopping rule_with(int64_t first, int64_t most, double target)
{
    ss_stopping_rule rule = {.first = first, .most = most, .target = target};
    const double *values[QUANTITIES] = {errors[0], errors[1]};
    return ss_stopping_of(&rule, committed, values, QUANTITIES);
}

/* By the two-pass formula. */
static double expected_error(const double *values, int64_t count)
{
    double mean = 0;
    double squares = 0;
    for (int64_t i = 0; i < count; i++) {
        mean += values[i] / (double)count;
    }
    for (int64_t i = 0; i < count; i++) {
        squares += (values[i] - mean) * (values[i] - mean);
    }
    return sqrt(squares / (double)(count - 1) / (double)count) / mean;
}

/* 1, 3, 1, 3, …: mean 2; of four, std 2 / √3 and relative standard error 1 / √12 = 0.2887. */
static void fill_alternating(void)
{
    for (int s = 0; s < MOST; s++) {
        committed[s] = true;
        errors[0][s] = errors[1][s] = s % 2 == 0 ? 1 : 3;
    }
}

static void known_values_give_known_errors_and_estimates(void **state)
{
    (void)state;
    fill_alternating();
    ss_stopping at = rule_with(4, 4, 0.25);
    assert_int_equal(at.state, SS_STOPPING_MISSED);
    assert_int_equal(at.seeds, 4);
    assert_near(at.standard_error, 1 / sqrt(12), 1e-15);
    assert_near(at.estimate, 6, 0); /* 4 / 12 / 0.0625 = 5.33 */
}

static void a_cell_that_meets_the_target_at_once_wants_no_more(void **state)
{
    (void)state;
    fill_alternating();
    ss_stopping at = rule_with(4, MOST, 0.29);
    assert_int_equal(at.state, SS_STOPPING_MET);
    assert_int_equal(at.seeds, 4);
}

static void the_next_number_is_the_estimate_or_twice_as_many_or_the_most(void **state)
{
    (void)state;
    fill_alternating();
    for (int s = 4; s < MOST; s++) {
        committed[s] = false;
    }
    assert_int_equal(rule_with(4, MOST, 0.25).seeds, 6);
    assert_int_equal(rule_with(4, MOST, 0.28).seeds, 5); /* 4.25 */
    assert_int_equal(rule_with(4, MOST, 0.05).seeds, 8); /* 133 */
    assert_int_equal(rule_with(4, 7, 0.05).seeds, 7);
    ss_stopping at = rule_with(4, 7, 0.05);
    assert_int_equal(at.state, SS_STOPPING_OPEN);
}

static void without_a_target_all_seeds_are_wanted(void **state)
{
    (void)state;
    fill(1, 0.5);
    ss_stopping at = rule_with(4, MOST, 0);
    assert_int_equal(at.state, SS_STOPPING_MET);
    assert_int_equal(at.seeds, MOST);
    committed[MOST - 1] = false;
    assert_int_equal(rule_with(4, MOST, 0).state, SS_STOPPING_OPEN);
}

static void what_meets_the_target_is_within_it_by_the_plain_formula(void **state)
{
    (void)state;
    int more = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        fill(seed, 1);
        ss_stopping at = rule_with(5, MOST, 0.05);
        assert_int_equal(at.state, SS_STOPPING_MET);
        assert_near(at.standard_error, expected_error(errors[0], at.seeds), 1e-14);
        assert_at_most(at.standard_error, 0.05);
        more += at.seeds > 5;
    }
    assert_int_equal(more, 50);
}

static void the_quantity_with_the_larger_error_decides(void **state)
{
    (void)state;
    fill(3, 1);
    for (int s = 0; s < MOST; s++) {
        errors[0][s] = 1;
    }
    ss_stopping at = rule_with(5, MOST, 0.05);
    assert_near(at.standard_error, expected_error(errors[1], at.seeds), 1e-14);
    assert_true(at.seeds > 5);
}

static void never_are_more_than_the_most_wanted(void **state)
{
    (void)state;
    for (int64_t most = 3; most < 60; most += 7) {
        fill((uint64_t)most, 2);
        ss_stopping at = rule_with(3, most, 0.001);
        assert_int_equal(at.seeds, most);
        assert_int_equal(at.state, SS_STOPPING_MISSED);
        assert_true(at.estimate > (double)most);
    }
}

/* Runs what is wanted, one at a time, from the end or from the beginning; with other results there
 * already, as of a larger sweep, or not. */
static int64_t seeds_in_the_end(bool backwards, bool further)
{
    for (int s = 0; s < MOST; s++) {
        committed[s] = further && s >= MOST / 2;
    }
    for (;;) {
        ss_stopping at = rule_with(4, MOST, 0.06);
        if (at.state != SS_STOPPING_OPEN) {
            return at.seeds;
        }
        int64_t chosen = -1;
        for (int64_t s = 0; s < at.seeds && (backwards || chosen < 0); s++) {
            chosen = committed[s] ? chosen : s;
        }
        assert_true(chosen >= 0);
        committed[chosen] = true;
    }
}

static void the_order_of_commits_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fill(seed, 1);
        int64_t expected = rule_with(4, MOST, 0.06).seeds;
        assert_true(expected > 8 && expected < MOST / 2);
        assert_int_equal(seeds_in_the_end(false, false), expected);
        assert_int_equal(seeds_in_the_end(true, false), expected);
        assert_int_equal(seeds_in_the_end(true, true), expected);
    }
}

static void runs_without_a_value_count_as_seeds_and_not_in_the_mean(void **state)
{
    (void)state;
    fill_alternating();
    for (int s = 0; s < MOST; s += 4) { /* as if they diverged */
        errors[0][s] = errors[1][s] = NAN;
    }
    const double left[] = {3, 1, 3, 3, 1, 3};
    ss_stopping at = rule_with(8, 8, 0.01);
    assert_int_equal(at.seeds, 8);
    assert_near(at.standard_error, expected_error(left, 6), 1e-15);
}

static void a_cell_is_given_up_if_no_run_of_its_first_has_a_value(void **state)
{
    (void)state;
    fill(1, 1);
    for (int s = 0; s < 6; s++) {
        errors[0][s] = errors[1][s] = NAN;
    }
    ss_stopping at = rule_with(6, MOST, 0.05);
    assert_int_equal(at.state, SS_STOPPING_GIVEN_UP);
    assert_int_equal(at.seeds, 6);
    committed[2] = false;
    assert_int_equal(rule_with(6, MOST, 0.05).state, SS_STOPPING_OPEN);
}

static void a_cell_with_one_value_goes_on_by_doubling(void **state)
{
    (void)state;
    fill(1, 1);
    for (int s = 1; s < MOST; s++) {
        errors[0][s] = errors[1][s] = NAN;
        committed[s] = s < 6;
    }
    assert_int_equal(rule_with(3, MOST, 0.05).seeds, 12);
    ss_stopping at = rule_with(3, 6, 0.05);
    assert_int_equal(at.state, SS_STOPPING_MISSED);
    assert_true(isnan(at.standard_error) && isnan(at.estimate));
}

static void errors_of_zero_meet_any_target(void **state)
{
    (void)state;
    fill(1, 1);
    memset(errors, 0, sizeof errors);
    ss_stopping at = rule_with(3, MOST, 0.001);
    assert_int_equal(at.state, SS_STOPPING_MET);
    assert_int_equal(at.seeds, 3);
}

static void values_whose_squares_overflow_miss_every_target(void **state)
{
    (void)state;
    fill(1, 1);
    for (int s = 0; s < MOST; s++) {
        errors[0][s] = s % 2 == 0 ? 1 : 1e300;
    }
    ss_stopping at = rule_with(3, 50, 0.5);
    assert_int_equal(at.state, SS_STOPPING_MISSED);
    assert_int_equal(at.seeds, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_give_known_errors_and_estimates),
        cmocka_unit_test(a_cell_that_meets_the_target_at_once_wants_no_more),
        cmocka_unit_test(the_next_number_is_the_estimate_or_twice_as_many_or_the_most),
        cmocka_unit_test(without_a_target_all_seeds_are_wanted),
        cmocka_unit_test(what_meets_the_target_is_within_it_by_the_plain_formula),
        cmocka_unit_test(the_quantity_with_the_larger_error_decides),
        cmocka_unit_test(never_are_more_than_the_most_wanted),
        cmocka_unit_test(the_order_of_commits_changes_nothing),
        cmocka_unit_test(runs_without_a_value_count_as_seeds_and_not_in_the_mean),
        cmocka_unit_test(a_cell_is_given_up_if_no_run_of_its_first_has_a_value),
        cmocka_unit_test(a_cell_with_one_value_goes_on_by_doubling),
        cmocka_unit_test(errors_of_zero_meet_any_target),
        cmocka_unit_test(values_whose_squares_overflow_miss_every_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
