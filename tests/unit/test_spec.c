/* Sweep files: what they mean. test_spec_mistakes.c has those that are refused. */
#include "cell_text.h"
#include "check.h"

#include "sweep_text.h"

#include <stdio.h>

static void assert_values(const ss_values *values, const int64_t *expected, int64_t count)
{
    assert_int_equal(values->count, count);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(ss_values_at(values, i), expected[i]);
    }
}

/* ---- what a file means ---- */

static void comments_hold_any_text(void **state)
{
    (void)state;
    ss_spec *spec = parse(HEAD GRID TRAIN "\t# \xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\r\n");
    ss_spec_destroy(&spec);
}

static void a_minimal_file_gets_the_defaults(void **state)
{
    (void)state;
    ss_spec *spec = parse(HEAD GRID TRAIN);
    assert_string_equal(spec->name, "t");
    assert_int_equal(spec->root_seed, 1);
    assert_int_equal(ss_values_at(&spec->axes[SS_AXIS_D].values, 0), 3);
    assert_true(spec->latent_is_axis);
    assert_int_equal(spec->latent_axis, SS_AXIS_K);
    assert_int_equal(spec->row_norm, SS_ROW_NORM_UNIT);
    assert_int_equal(spec->iterations, 10);
    assert_near(spec->step_size, 0.5, 0);
    assert_near(spec->step_decay, 0, 0);
    assert_near(spec->ascent_step, 1, 0);
    assert_near(spec->noise, 1, 0);
    assert_int_equal(spec->checkpoint_count, 11);
    assert_int_equal(spec->precision, SS_PRECISION_SINGLE);
    assert_false(spec->certificate);
    assert_int_equal(spec->wide_from_d, 512);
    assert_int_equal(spec->wide_ranks, 0);
    assert_int_equal(spec->wide_block, 64);
    ss_spec_destroy(&spec);
    assert_null(spec);
}

static const char full_file[] = "# every key of the format\n"
                                "name: figure1\n"
                                "root_seed: 18446744073709551615\n"
                                "grid:\n"
                                "  d: [3, 5, 7]\n"
                                "  k: 2\n"
                                "  n: {from: 500, to: 8000, factor: 2}\n"
                                "  m: n\n"
                                "  activation: [leaky_relu(0.2), tanh]\n"
                                "  seed: {count: 20}\n"
                                "truth: {latent: 1, row_norm: gaussian}\n"
                                "train:\n"
                                "  iterations: 1000\n"
                                "  step: {size: 0.5, decay: 20}\n"
                                "  ascent_step: 0.7\n"
                                "  noise: 0.3\n"
                                "record: {at: [400, 0, 10, 50], certificate: true}\n"
                                "precision: double\n"
                                "wide: {from_d: 100, ranks: 4, block: 32}\n";

static void every_key_is_read(void **state)
{
    (void)state;
    ss_spec *spec = parse(full_file);
    assert_string_equal(spec->name, "figure1");
    assert_int_equal(spec->root_seed, UINT64_MAX);
    assert_values(&spec->axes[SS_AXIS_D].values, (int64_t[]){3, 5, 7}, 3);
    assert_values(&spec->axes[SS_AXIS_K].values, (int64_t[]){2}, 1);
    assert_values(&spec->axes[SS_AXIS_N].values, (int64_t[]){500, 1000, 2000, 4000, 8000}, 5);
    assert_true(spec->axes[SS_AXIS_M].tied);
    assert_int_equal(spec->axes[SS_AXIS_M].root, SS_AXIS_N);
    assert_int_equal(spec->axes[SS_AXIS_ACTIVATION].values.count, 2);
    assert_int_equal(spec->activations[0].kind, SS_ACTIVATION_LEAKY_RELU);
    assert_near(spec->activations[0].alpha, 0.2, 0);
    assert_int_equal(spec->activations[1].kind, SS_ACTIVATION_TANH);
    assert_int_equal(spec->seeds.count, 20);
    assert_int_equal(ss_values_at(&spec->seeds, 19), 19);
    assert_false(spec->latent_is_axis);
    assert_int_equal(spec->latent, 1);
    assert_int_equal(spec->row_norm, SS_ROW_NORM_GAUSSIAN);
    assert_near(spec->step_decay, 20, 0);
    assert_near(spec->ascent_step, 0.7, 0);
    assert_near(spec->noise, 0.3, 0);
    assert_int_equal(spec->precision, SS_PRECISION_DOUBLE);
    assert_true(spec->certificate);
    assert_int_equal(spec->wide_from_d, 100);
    assert_int_equal(spec->wide_ranks, 4);
    assert_int_equal(spec->wide_block, 32);
    ss_spec_destroy(&spec);
}

static void norms_are_learned_with_defaults_or_as_told(void **state)
{
    (void)state;
    const char *learned[] = {"train.row_norm=learned"};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, learned, COUNT_OF(learned));
    assert_true(ss_spec_trains(spec, SS_TRAIN_ROW_NORM_LEARNED));
    assert_false(ss_spec_trains(spec, SS_TRAIN_ROW_NORM_KNOWN));
    assert_false(ss_spec_compares_row_norms(spec));
    assert_true(spec->discriminator_follows);
    assert_int_equal(spec->stage.iterations, 4000);
    assert_near(spec->stage.step_size, 10, 0);
    assert_near(spec->stage.step_decay, 400, 0);
    ss_spec_destroy(&spec);
    const char *told[] = {"train.row_norm=[free, learned]",
                          "train.marginal={discriminator: rectified_linear, iterations: 7, step: "
                          "{size: 3}}"};
    spec = parse_with(HEAD GRID TRAIN, told, COUNT_OF(told));
    assert_true(ss_spec_trains(spec, SS_TRAIN_ROW_NORM_LEARNED));
    assert_true(ss_spec_trains(spec, SS_TRAIN_ROW_NORM_FREE));
    assert_false(ss_spec_trains(spec, SS_TRAIN_ROW_NORM_KNOWN));
    assert_true(ss_spec_compares_row_norms(spec));
    assert_false(spec->discriminator_follows);
    assert_int_equal(spec->stage.discriminator, SS_DISCRIMINATOR_RECTIFIED_LINEAR);
    assert_int_equal(spec->stage.iterations, 7);
    assert_near(spec->stage.step_size, 3, 0);
    assert_near(spec->stage.step_decay, 0, 0);
    ss_spec_destroy(&spec);
}

static void a_given_truth_says_its_norms_and_k0(void **state)
{
    (void)state;
    const char *overrides[] = {"truth.matrix=[[1, -0.0], [-2.5, 3e-1], [0, 1]]",
                               "train.row_norm=free", "record.iterate=true"};
    const double expected[] = {1, 0, -2.5, 0.3, 0, 1};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, overrides, COUNT_OF(overrides));
    assert_int_equal(spec->truth_rows, 3);
    assert_int_equal(spec->latent, 2);
    assert_false(spec->latent_is_axis);
    assert_memory_equal(spec->truth_matrix, expected, sizeof expected); /* -0 is 0 */
    assert_true(ss_spec_trains(spec, SS_TRAIN_ROW_NORM_FREE));
    assert_true(spec->iterate);
    ss_spec_destroy(&spec);
    spec = parse(HEAD GRID TRAIN);
    assert_null(spec->truth_matrix);
    assert_true(ss_spec_trains(spec, SS_TRAIN_ROW_NORM_KNOWN));
    assert_false(spec->iterate);
    ss_spec_destroy(&spec);
}

static void seeds_are_a_count_a_list_or_one_value(void **state)
{
    (void)state;
    const char *one[] = {"grid.seed=41"};
    const char *list[] = {"grid.seed=[5, 0, 9223372036854775807]"};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, one, 1);
    assert_values(&spec->seeds, (int64_t[]){41}, 1);
    ss_spec_destroy(&spec);
    spec = parse_with(HEAD GRID TRAIN, list, 1);
    assert_values(&spec->seeds, (int64_t[]){5, 0, INT64_MAX}, 3);
    ss_spec_destroy(&spec);
}

static void seeds_are_added_by_keys_beside_the_count_or_by_overrides(void **state)
{
    (void)state;
    const char *added[] = {"grid.seed={count: 20}", "grid.seed.max=200", "grid.seed.until_se=0.05"};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, added, 1);
    assert_int_equal(spec->first_seeds, 20);
    assert_near(spec->until_se, 0, 0);
    ss_spec_destroy(&spec);
    spec = parse_with(HEAD GRID TRAIN, added, 3);
    assert_int_equal(spec->first_seeds, 20);
    assert_int_equal(spec->seeds.count, 200);
    assert_near(spec->until_se, 0.05, 0);
    ss_spec_destroy(&spec);
}

static void assert_axis_n(const char *override, const int64_t *expected, int64_t count)
{
    ss_spec *spec = parse_with(HEAD GRID TRAIN, &override, 1);
    assert_values(&spec->axes[SS_AXIS_N].values, expected, count);
    ss_spec_destroy(&spec);
}

static void ranges_go_by_step_or_by_factor(void **state)
{
    (void)state;
    assert_axis_n("grid.n={from: 3, to: 9, step: 2}", (int64_t[]){3, 5, 7, 9}, 4);
    assert_axis_n("grid.n={from: 3, to: 10, step: 3}", (int64_t[]){3, 6, 9}, 3);
    assert_axis_n("grid.n={from: 5, to: 5, step: 1}", (int64_t[]){5}, 1);
    assert_axis_n("grid.n={from: 500, to: 4000, factor: 2}", (int64_t[]){500, 1000, 2000, 4000}, 4);
    assert_axis_n("grid.n={from: 500, to: 3999, factor: 2}", (int64_t[]){500, 1000, 2000}, 3);
    assert_axis_n("grid.n={from: 100, to: 1000, factor: 1.5}",
                  (int64_t[]){100, 150, 225, 338, 506, 759}, 6);
    assert_axis_n("grid.n={from: 7, to: 7, factor: 3}", (int64_t[]){7}, 1);
}

/* 10 · 10^(1/3)^i: every third value is a power of ten, whatever pow() rounds. */
static void factors_do_not_accumulate_rounding(void **state)
{
    (void)state;
    assert_axis_n(
        "grid.n={from: 10, to: 100000, factor: 2.1544346900318838}",
        (int64_t[]){10, 22, 46, 100, 215, 464, 1000, 2154, 4642, 10000, 21544, 46416, 100000}, 13);
}

static void values_know_their_extremes(void **state)
{
    (void)state;
    int64_t list[] = {5, 2, 9, 3};
    ss_values listed = {.list = list, .count = 4};
    ss_values range = {.first = 3, .step = 2, .count = 4};
    assert_int_equal(ss_values_smallest(&listed), 2);
    assert_int_equal(ss_values_largest(&listed), 9);
    assert_int_equal(ss_values_smallest(&range), 3);
    assert_int_equal(ss_values_largest(&range), 9);
}

static void chains_of_ties_end_at_the_free_axis(void **state)
{
    (void)state;
    ss_spec *spec =
        parse(HEAD "grid: {d: k, k: m, m: n, n: [2, 4], activation: erf, seed: 0}\n" TRAIN);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(plan.cells, 2);
    for (int axis = 0; axis < SS_AXIS_ACTIVATION; axis++) {
        assert_int_equal(spec->axes[axis].root, SS_AXIS_N);
    }
    ss_run run = ss_plan_run(&plan, 1, 0);
    assert_int_equal(run.d, 4);
    assert_int_equal(run.k, 4);
    assert_int_equal(run.k0, 4);
    assert_int_equal(run.m, 4);
    ss_spec_destroy(&spec);
}

static void a_tied_axis_reaches_the_most_allowed(void **state)
{
    (void)state;
    ss_spec *spec =
        parse(HEAD "grid: {d: n, k: 2, n: [1, 1048576], m: 8, activation: erf, seed: 0}\n" TRAIN);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_plan_run(&plan, 1, 0).d, 1048576);
    ss_spec_destroy(&spec);
}

static void the_latents_of_the_target_may_follow_an_axis(void **state)
{
    (void)state;
    ss_spec *spec =
        parse(HEAD "grid: {d: [2, 3], k: [3, 4], n: 9, m: 9, activation: erf, seed: 0}\n"
                   "truth: {latent: d}\n" TRAIN);
    ss_plan plan = ss_plan_of(spec);
    for (int64_t cell = 0; cell < plan.cells; cell++) {
        ss_run run = ss_plan_run(&plan, cell, 0);
        assert_int_equal(run.k0, run.d);
    }
    ss_spec_destroy(&spec);
}

static void assert_cell(const ss_plan *plan, int64_t cell, const char *expected)
{
    char text[200];
    ss_run run = ss_plan_run(plan, cell, 0);
    assert_string_equal(cell_text(&run, text, sizeof text), expected);
}

/* Axes in an unusual order, with a tied one between: the first written is the slowest. */
static void cells_are_ordered_as_written(void **state)
{
    (void)state;
    ss_spec *spec = parse(HEAD "grid:\n"
                               "  activation: [tanh, erf]\n"
                               "  m: n\n"
                               "  n: [20, 10]\n"
                               "  seed: {count: 2}\n"
                               "  k: 1\n"
                               "  d: [2, 3]\n" TRAIN);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(plan.cells, 8);
    assert_int_equal(plan.seeds, 2);
    assert_cell(&plan, 0, "d=2 k=1 k0=1 n=20 m=20 tanh");
    assert_cell(&plan, 1, "d=3 k=1 k0=1 n=20 m=20 tanh");
    assert_cell(&plan, 2, "d=2 k=1 k0=1 n=10 m=10 tanh");
    assert_cell(&plan, 3, "d=3 k=1 k0=1 n=10 m=10 tanh");
    assert_cell(&plan, 4, "d=2 k=1 k0=1 n=20 m=20 erf");
    assert_cell(&plan, 7, "d=3 k=1 k0=1 n=10 m=10 erf");
    ss_spec_destroy(&spec);
}

/* ---- checkpoints ---- */

static ss_spec *parse_checkpoints(int64_t iterations, int64_t points, const char *spacing)
{
    char train[64];
    char record[64];
    const char *overrides[] = {train, record};
    snprintf(train, sizeof train, "train.iterations=%d", (int)iterations);
    snprintf(record, sizeof record, "record={points: %d, spacing: %s}", (int)points, spacing);
    return parse_with(HEAD GRID TRAIN, overrides, 2);
}

static void assert_checkpoints(int64_t iterations, int64_t points, const char *spacing)
{
    ss_spec *spec = parse_checkpoints(iterations, points, spacing);
    int64_t expected = points < iterations + 1 ? points : iterations + 1;
    assert_int_equal(spec->checkpoint_count, expected);
    assert_int_equal(spec->checkpoints[0], 0);
    assert_int_equal(spec->checkpoints[expected - 1], iterations);
    for (int64_t i = 1; i < expected; i++) {
        assert_true(spec->checkpoints[i] > spec->checkpoints[i - 1]);
    }
    ss_spec_destroy(&spec);
}

static void spaced_checkpoints_are_exactly_as_many_as_asked(void **state)
{
    (void)state;
    static const int64_t iterations[] = {1, 2, 3, 5, 10, 99, 100, 101, 1000, 123457, 2147483647};
    static const int64_t points[] = {2, 3, 4, 7, 40, 99, 100, 101, 102, 1000};
    for (size_t i = 0; i < COUNT_OF(iterations); i++) {
        for (size_t p = 0; p < COUNT_OF(points); p++) {
            assert_checkpoints(iterations[i], points[p], "log");
            assert_checkpoints(iterations[i], points[p], "linear");
        }
    }
}

static void linear_checkpoints_are_evenly_spaced(void **state)
{
    (void)state;
    ss_spec *spec = parse_checkpoints(1000, 11, "linear");
    for (int64_t i = 0; i <= 10; i++) {
        assert_int_equal(spec->checkpoints[i], 100 * i);
    }
    ss_spec_destroy(&spec);
}

/* 20 points after t = 1 over five decades: a ratio of 1.83 each. Once integers no longer push them
 * apart (from t = 10 on), rounding changes a ratio by one in twenty at most. */
static void log_checkpoints_have_a_constant_ratio(void **state)
{
    (void)state;
    ss_spec *spec = parse_checkpoints(100000, 21, "log");
    double ratio = 0;
    for (int64_t i = 1; i < spec->checkpoint_count; i++) {
        double here = (double)spec->checkpoints[i] / (double)spec->checkpoints[i - 1];
        if (spec->checkpoints[i - 1] >= 10) {
            ratio = ratio > 0 ? ratio : here;
            assert_near(here / ratio, 1, 0.1);
        }
    }
    assert_near(ratio, pow(1e5, 1.0 / 19), 0.2);
    assert_int_equal(spec->checkpoints[1], 1);
    ss_spec_destroy(&spec);
}

static void listed_checkpoints_are_sorted_and_completed(void **state)
{
    (void)state;
    const char *overrides[] = {"train.iterations=100", "record.at=[50, 7, 7, 50, 99]"};
    const char *empty[] = {"record.at=[]"};
    const int64_t expected[] = {0, 7, 50, 99, 100};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, overrides, 2);
    assert_int_equal(spec->checkpoint_count, COUNT_OF(expected));
    assert_memory_equal(spec->checkpoints, expected, sizeof expected);
    ss_spec_destroy(&spec);
    spec = parse_with(HEAD GRID TRAIN, empty, 1);
    assert_int_equal(spec->checkpoint_count, 2);
    ss_spec_destroy(&spec);
}

/* ---- overrides ---- */

static void overrides_replace_values_in_order(void **state)
{
    (void)state;
    const char *overrides[] = {"grid.n=[500, 1000]", "train.iterations=7", "train.iterations=8",
                               "precision=double"};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, overrides, COUNT_OF(overrides));
    assert_values(&spec->axes[SS_AXIS_N].values, (int64_t[]){500, 1000}, 2);
    assert_int_equal(spec->iterations, 8);
    assert_int_equal(spec->precision, SS_PRECISION_DOUBLE);
    ss_spec_destroy(&spec);
}

static void overrides_add_sections_that_were_not_there(void **state)
{
    (void)state;
    const char *overrides[] = {"truth.row_norm=gaussian", "wide.block=16"};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, overrides, 2);
    assert_int_equal(spec->row_norm, SS_ROW_NORM_GAUSSIAN);
    assert_int_equal(spec->wide_block, 16);
    ss_spec_destroy(&spec);
}

static void an_override_keeps_the_order_of_the_axes(void **state)
{
    (void)state;
    const char *overrides[] = {"grid.n=[10, 20]", "grid.d=[3, 4]"};
    ss_spec *spec = parse_with(HEAD GRID TRAIN, overrides, 2);
    ss_plan plan = ss_plan_of(spec);
    assert_cell(&plan, 1, "d=3 k=2 k0=2 n=20 m=20 tanh"); /* d is written first: slowest */
    ss_spec_destroy(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_hold_any_text),
        cmocka_unit_test(a_minimal_file_gets_the_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(norms_are_learned_with_defaults_or_as_told),
        cmocka_unit_test(a_given_truth_says_its_norms_and_k0),
        cmocka_unit_test(seeds_are_a_count_a_list_or_one_value),
        cmocka_unit_test(seeds_are_added_by_keys_beside_the_count_or_by_overrides),
        cmocka_unit_test(ranges_go_by_step_or_by_factor),
        cmocka_unit_test(factors_do_not_accumulate_rounding),
        cmocka_unit_test(values_know_their_extremes),
        cmocka_unit_test(chains_of_ties_end_at_the_free_axis),
        cmocka_unit_test(a_tied_axis_reaches_the_most_allowed),
        cmocka_unit_test(the_latents_of_the_target_may_follow_an_axis),
        cmocka_unit_test(cells_are_ordered_as_written),
        cmocka_unit_test(spaced_checkpoints_are_exactly_as_many_as_asked),
        cmocka_unit_test(linear_checkpoints_are_evenly_spaced),
        cmocka_unit_test(log_checkpoints_have_a_constant_ratio),
        cmocka_unit_test(listed_checkpoints_are_sorted_and_completed),
        cmocka_unit_test(overrides_replace_values_in_order),
        cmocka_unit_test(overrides_add_sections_that_were_not_there),
        cmocka_unit_test(an_override_keeps_the_order_of_the_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
