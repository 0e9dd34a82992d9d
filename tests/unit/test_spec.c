/* Sweep files: what they mean, and how each kind of mistake is reported. */
#include "check.h"

#include "saddlesweep/plan.h"
#include "saddlesweep/spec.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD      "name: t\nroot_seed: 1\n"                                      /* lines 1, 2 */
#define GRID      "grid: {d: 3, k: 2, n: 10, m: n, activation: tanh, seed: 0}\n" /* line 3 */
#define TRAIN     "train: {iterations: 10, step: {size: 0.5}}\n"                 /* line 4 */
#define FILE_NAME "sweep.yaml"

static ss_spec *parse(const char *text)
{
    ss_spec *spec = NULL;
    ss_error error = ss_spec_parse(FILE_NAME, text, NULL, 0, &spec);
    if (error != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    assert_non_null(spec);
    return spec;
}

static ss_spec *parse_with(const char *text, const char *const *overrides, size_t count)
{
    ss_spec *spec = NULL;
    ss_error error = ss_spec_parse(FILE_NAME, text, overrides, count, &spec);
    if (error != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    return spec;
}

static void assert_refused(const char *text, ss_error code, const char *fragment)
{
    ss_spec *spec = NULL;
    ss_error error = ss_spec_parse(FILE_NAME, text, NULL, 0, &spec);
    if (error != code) {
        fail_msg("error %d instead of %d, \"%s\", for:\n%s", (int)error, (int)code, ss_error_text(),
                 text);
    }
    assert_null(spec);
    assert_contains(ss_error_text(), fragment);
}

static void assert_values(const ss_values *values, const int64_t *expected, int64_t count)
{
    assert_int_equal(values->count, count);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(ss_values_at(values, i), expected[i]);
    }
}

/* ---- what a file means ---- */

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
                                "record: {at: [400, 0, 10, 50]}\n"
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
    assert_int_equal(spec->wide_from_d, 100);
    assert_int_equal(spec->wide_ranks, 4);
    assert_int_equal(spec->wide_block, 32);
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
    assert_string_equal(ss_run_cell_text(&run, text, sizeof text), expected);
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

static void wrong_overrides_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *override;
        ss_error code;
        const char *fragment;
    } cases[] = {
        {"iterations", SS_ERR_USAGE, "--set iterations: expected path=value"},
        {"=5", SS_ERR_USAGE, "expected path=value"},
        {"train..noise=5", SS_ERR_USAGE, "is not a mapping of keys"},
        {"grid.n.x=5", SS_ERR_USAGE, "\"grid.n\" is not a mapping of keys"},
        {"train.iteration=5", SS_ERR_SPEC, "did you mean \"iterations\"?"},
        {"train.iterations=ten", SS_ERR_SPEC, "--set train.iterations=ten:1:18: train.iterations"},
        {"grid.n=[1, 2", SS_ERR_SPEC, "not valid YAML"},
        {"grid.n=", SS_ERR_SPEC, "--set grid.n="},
        {"grid.n=[5, x]", SS_ERR_SPEC, "--set grid.n=[5, x]:1:12: grid.n: found x"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ss_spec *spec = NULL;
        assert_int_equal(ss_spec_parse(FILE_NAME, HEAD GRID TRAIN, &cases[i].override, 1, &spec),
                         cases[i].code);
        assert_null(spec);
        assert_contains(ss_error_text(), cases[i].fragment);
    }
}

/* ---- mistakes ---- */

#define GRID_OF(d, k, n, m, activation, seed)                                                      \
    HEAD "grid:\n  d: " d "\n  k: " k "\n  n: " n "\n  m: " m "\n  activation: " activation        \
         "\n  seed: " seed "\n" TRAIN
#define WITH_D(d)          GRID_OF(d, "2", "10", "n", "tanh", "0") /* d on line 4 */
#define WITH_N(n)          GRID_OF("3", "2", n, "n", "tanh", "0")  /* n on line 6 */
#define WITH_ACTIVATION(a) GRID_OF("3", "2", "10", "n", a, "0")    /* on line 8 */
#define WITH_SEED(s)       GRID_OF("3", "2", "10", "n", "tanh", s) /* on line 9 */
#define WITH_TRAIN(train)  HEAD GRID "train: {" train "}\n"        /* on line 4 */
#define WITH(line)         HEAD GRID TRAIN line "\n"               /* on line 5 */

typedef struct mistake {
    const char *text;
    const char *fragment;
} mistake;

static void assert_mistakes(const mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_refused(mistakes[i].text, SS_ERR_SPEC, mistakes[i].fragment);
    }
}

static void mistakes_in_axes_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {WITH_D("0"), "sweep.yaml:4:6: grid.d: found 0, expected an integer from 1 to 1048576"},
        {WITH_D("\"k\""), "found the quoted text \"k\""},
        {WITH_D("-3"), "sweep.yaml:4:6: grid.d: found -3"},
        {WITH_D("3.5"), "sweep.yaml:4:6: grid.d: found 3.5"},
        {WITH_D("1e3"), "sweep.yaml:4:6: grid.d: found 1e3"},
        {WITH_D("0x10"), "sweep.yaml:4:6: grid.d: found 0x10"},
        {WITH_D("1048577"), "sweep.yaml:4:6: grid.d: found 1048577"},
        {WITH_D("99999999999999999999"), "sweep.yaml:4:6: grid.d: found 99999999999999999999"},
        {WITH_D("\"3\""), "sweep.yaml:4:6: grid.d: found the quoted text \"3\""},
        {WITH_D("three"), "the name of another axis (d, k, n or m)"},
        {WITH_D(""), "sweep.yaml:4:"},
        {WITH_D("true"), "sweep.yaml:4:6: grid.d: found true"},
        {WITH_D("[]"), "sweep.yaml:4:3: grid.d: the list is empty"},
        {WITH_D("[3, 4, x]"), "sweep.yaml:4:13: grid.d: found x"},
        {WITH_D("[3, [4]]"), "grid.d: found a list"},
        {WITH_D("[3, 5, 3]"), "sweep.yaml:4:3: grid.d: 3 appears twice"},
        {WITH_D("[3, k]"), "sweep.yaml:4:10: grid.d: found k"},
        {WITH_D("activation"), "sweep.yaml:4:6: grid.d: found activation"},
        {WITH_D("inf"), "sweep.yaml:4:6: grid.d: found inf"},
        {WITH_N("2147483648"), "sweep.yaml:6:6: grid.n: found 2147483648"},
        {WITH_D("d"), "sweep.yaml:4:6: grid.d: the axis is tied to itself"},
        {GRID_OF("3", "2", "m", "n", "tanh", "0"), "the ties go in a circle"},
        {GRID_OF("k", "n", "m", "d", "tanh", "0"), "the ties go in a circle"},
        {GRID_OF("n", "2", "2000000", "n", "tanh", "0"),
         "sweep.yaml:4:6: grid.d: tied to n, which reaches 2000000"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void mistakes_in_ranges_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {WITH_N("{from: 1, to: 9}"), "grid.n: a range has either a step or a factor"},
        {WITH_N("{from: 1, to: 9, step: 1, factor: 2}"), "either a step or a factor"},
        {WITH_N("{from: 9, to: 1, step: 1}"), "sweep.yaml:6:20: grid.n: the range is empty"},
        {WITH_N("{to: 9, step: 1}"), "grid.n: the key \"from\" is missing"},
        {WITH_N("{from: 1, step: 1}"), "grid.n: the key \"to\" is missing"},
        {WITH_N("{from: 1, to: 9, step: 0}"), "sweep.yaml:6:29: grid.n.step: found 0"},
        {WITH_N("{from: 1, to: 9, step: 1.5}"), "grid.n.step: found 1.5"},
        {WITH_N("{from: 0, to: 9, step: 1}"), "sweep.yaml:6:13: grid.n.from: found 0"},
        {WITH_N("{from: 1, to: 9, factor: 1}"), "grid.n.factor: found 1, expected a finite number"},
        {WITH_N("{from: 1, to: 9, factor: inf}"), "grid.n.factor: found inf"},
        {WITH_N("{from: 1, to: 9, factor: 1.2}"), "factor 1.2 gives 1 twice"},
        {WITH_N("{from: 1, to: 9, stp: 1}"), "unknown key \"stp\"; did you mean \"step\"?"},
        {WITH_N("{from: inf, to: 9, step: 1}"), "grid.n.from: found inf"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void mistakes_in_activations_and_seeds_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {WITH_ACTIVATION("tahn"), "sweep.yaml:8:15: grid.activation: unknown activation \"tahn\"; "
                                  "did you mean tanh?"},
        {WITH_ACTIVATION("[tanh, relu]"), "sweep.yaml:8:22: grid.activation: unknown activation"},
        {WITH_ACTIVATION("leaky_relu(1.5)"), "sweep.yaml:8:15: grid.activation: found"},
        {WITH_ACTIVATION("leaky_relu"), "expected leaky_relu(a)"},
        {WITH_ACTIVATION("[tanh, erf, tanh]"),
         "sweep.yaml:8:27: grid.activation: tanh appears twice"},
        {WITH_ACTIVATION("[leaky_relu(0.20), leaky_relu(0.2)]"), "appears twice"},
        {WITH_ACTIVATION("[]"), "grid.activation: the list is empty"},
        {WITH_ACTIVATION("{a: b}"), "grid.activation: found a mapping"},
        {WITH_ACTIVATION("[[tanh]]"), "grid.activation: found a list"},
        {WITH_SEED("-1"), "sweep.yaml:9:9: grid.seed: found -1"},
        {WITH_SEED("[1, 2, 1]"), "grid.seed: 1 appears twice"},
        {WITH_SEED("[]"), "grid.seed: the list is empty"},
        {WITH_SEED("{count: 0}"), "sweep.yaml:9:17: grid.seed.count: found 0"},
        {WITH_SEED("{cuont: 5}"), "did you mean \"count\"?"},
        {WITH_SEED("n"), "grid.seed: found n"},
        {WITH_SEED("inf"), "grid.seed: found inf"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void mistakes_elsewhere_are_refused_with_their_place(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {GRID TRAIN, "the key \"name\" is missing"},
        {"name: t\n" GRID TRAIN, "the key \"root_seed\" is missing"},
        {HEAD TRAIN, "the key \"grid\" is missing"},
        {HEAD GRID, "the key \"train\" is missing"},
        {HEAD "grid: {k: 2, n: 1, m: n, activation: tanh, seed: 0}\n" TRAIN,
         "grid: the key \"d\" is missing"},
        {HEAD "grid: {d: 2, k: 2, n: 1, m: n, activation: tanh}\n" TRAIN,
         "grid: the key \"seed\" is missing"},
        {"name: a b\nroot_seed: 1\n" GRID TRAIN, "sweep.yaml:1:7: name: found a b"},
        {"name: ../x\nroot_seed: 1\n" GRID TRAIN, "sweep.yaml:1:7: name: found ../x"},
        {"name: t\nroot_seed: -1\n" GRID TRAIN, "sweep.yaml:2:12: root_seed: found -1"},
        {"name: t\nroot_seed: 18446744073709551616\n" GRID TRAIN, "sweep.yaml:2:12: root_seed"},
        {WITH("prcision: single"), "sweep.yaml:5:1: the sweep file: unknown key \"prcision\"; did "
                                   "you mean \"precision\"?"},
        {WITH("precision: half"),
         "sweep.yaml:5:12: precision: found half, expected single or double"},
        {WITH("precision: sinlge"), "did you mean single?"},
        {WITH("truth: {latent: 3}"),
         "sweep.yaml:5:17: truth.latent: k0 reaches 3 but k goes down to 2"},
        {WITH("truth: {latent: d}"), "truth.latent: k0 reaches 3 but k goes down to 2"},
        {WITH("truth: {latent: x}"), "sweep.yaml:5:17: truth.latent: found x"},
        {WITH("truth: {latent: 0}"), "truth.latent: found 0"},
        {WITH("truth: {row_norm: units}"), "did you mean unit?"},
        {WITH("truth: unit"), "truth: found unit, expected a mapping"},
        {WITH_TRAIN("step: {size: 1}"), "train: the key \"iterations\" is missing"},
        {WITH_TRAIN("iterations: 5"), "train: the key \"step\" is missing"},
        {WITH_TRAIN("iterations: 0, step: {size: 1}"),
         "sweep.yaml:4:21: train.iterations: found 0"},
        {WITH_TRAIN("iterations: 2147483648, step: {size: 1}"),
         "train.iterations: found 2147483648"},
        {WITH_TRAIN("iterations: 5, step: {size: 0}"),
         "sweep.yaml:4:37: train.step.size: found 0, expected a finite number above 0"},
        {WITH_TRAIN("iterations: 5, step: {size: -1}"), "train.step.size: found -1"},
        {WITH_TRAIN("iterations: 5, step: {size: nan}"), "train.step.size: found nan"},
        {WITH_TRAIN("iterations: 5, step: {size: 1e999}"), "train.step.size: found 1e999"},
        {WITH_TRAIN("iterations: 5, step: {size: 0x1p3}"), "train.step.size: found 0x1p3"},
        {WITH_TRAIN("iterations: 5, step: {size: 1, decay: 0}"), "train.step.decay: found 0"},
        {WITH_TRAIN("iterations: 5, step: {decay: 1}"), "train.step: the key \"size\" is missing"},
        {WITH_TRAIN("iterations: 5, step: 0.5"), "train.step: found 0.5, expected a mapping"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, noise: -1"), "train.noise: found -1"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, ascent_step: 0"),
         "train.ascent_step: found 0"},
        {WITH_TRAIN("iterations: 5, step: {size: 1}, nosie: 1"), "did you mean \"noise\"?"},
        {WITH("record: {points: 1}"), "sweep.yaml:5:18: record.points: found 1"},
        {WITH("record: {points: 1000001}"), "record.points: found 1000001"},
        {WITH("record: {spacing: cubic}"), "sweep.yaml:5:19: record.spacing: found cubic"},
        {WITH("record: {at: [0], points: 5}"), "either at, or points and spacing"},
        {WITH("record: {at: [11]}"), "sweep.yaml:5:15: record.at: found 11"},
        {WITH("record: {at: 5}"), "record.at: found 5, expected a list"},
        {WITH("wide: {from_d: 0}"), "wide.from_d: found 0"},
        {WITH("wide: {ranks: some}"), "wide.ranks: found some"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void yaml_beyond_plain_mappings_is_refused(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"", "sweep.yaml:1:1: empty"},
        {"# nothing\n", "sweep.yaml:1:1:"},
        {"just a text\n", "found just a text, expected a mapping"},
        {"- a\n- b\n", "found a list, expected a mapping"},
        {HEAD GRID TRAIN "---\n" HEAD GRID TRAIN, "more than one YAML document"},
        {WITH("precision: &p single"), "anchors, aliases and tags"},
        {WITH("truth: &p {latent: 2}"), "anchors, aliases and tags"},
        {HEAD "grid: {d: &x 3, k: 2, n: *x, m: n, activation: tanh, seed: 0}\n" TRAIN,
         "anchors, aliases and tags"},
        {WITH("precision: !!str single"), "anchors, aliases and tags"},
        {WITH("truth: !t {latent: 2}"), "anchors, aliases and tags"},
        {WITH("? [a, b]\n: c"), "a key is a plain word"},
        {WITH("name: again"), "sweep.yaml:5:1: duplicate key \"name\""},
        {HEAD "grid: {d: 3, d: 4}\n" TRAIN, "sweep.yaml:3:14: duplicate key \"d\""},
        {HEAD "grid: {d: [3\n" TRAIN, "not valid YAML"},
        {HEAD GRID "train:\n\titerations: 3\n", "not valid YAML"},
        {HEAD GRID "  bad: indent\n", "not valid YAML"},
        {HEAD "grid: \"open\n", "not valid YAML"},
    };
    assert_mistakes(mistakes, COUNT_OF(mistakes));
}

static void syntax_errors_name_their_line(void **state)
{
    (void)state;
    assert_refused(HEAD GRID "train:\n\titerations: 3\n", SS_ERR_SPEC, "sweep.yaml:5:");
    assert_refused(HEAD GRID TRAIN "record: {points: 5]\n", SS_ERR_SPEC, "sweep.yaml:5:");
}

static void an_error_shows_the_line_with_a_caret(void **state)
{
    (void)state;
    assert_refused(WITH("precision: half"), SS_ERR_SPEC, "\n  precision: half\n             ^");
}

static void infinity_is_not_available_yet(void **state)
{
    (void)state;
    assert_refused(WITH_N("inf"), SS_ERR_UNAVAILABLE, "sweep.yaml:6:6: grid.n: inf");
    assert_refused(WITH_N(".inf"), SS_ERR_UNAVAILABLE, "sweep.yaml:6:6: grid.n: inf");
    assert_refused(WITH_N("[10, inf]"), SS_ERR_UNAVAILABLE, "sweep.yaml:6:11: grid.n: inf");
    assert_refused(GRID_OF("3", "2", "10", "inf", "tanh", "0"), SS_ERR_UNAVAILABLE, "grid.m: inf");
}

static void grids_beyond_two_to_the_31_are_refused(void **state)
{
    (void)state;
    ss_spec *spec = parse(GRID_OF("{from: 1, to: 65536, step: 1}", "1",
                                  "{from: 1, to: 32768, step: 1}", "n", "tanh", "0"));
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_plan_runs(&plan), (int64_t)1 << 31);
    ss_spec_destroy(&spec);
    assert_refused(GRID_OF("{from: 1, to: 65536, step: 1}", "1", "{from: 1, to: 32769, step: 1}",
                           "n", "tanh", "0"),
                   SS_ERR_SPEC, "grid: more than 2^31 points");
    assert_refused(GRID_OF("{from: 1, to: 65536, step: 1}", "1", "{from: 1, to: 32768, step: 1}",
                           "n", "tanh", "[0, 1]"),
                   SS_ERR_SPEC, "grid: more than 2^31 points");
    assert_refused(WITH_SEED("{count: 2147483649}"), SS_ERR_SPEC, "grid.seed.count");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimal_file_gets_the_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(seeds_are_a_count_a_list_or_one_value),
        cmocka_unit_test(ranges_go_by_step_or_by_factor),
        cmocka_unit_test(factors_do_not_accumulate_rounding),
        cmocka_unit_test(values_know_their_extremes),
        cmocka_unit_test(chains_of_ties_end_at_the_free_axis),
        cmocka_unit_test(the_latents_of_the_target_may_follow_an_axis),
        cmocka_unit_test(cells_are_ordered_as_written),
        cmocka_unit_test(spaced_checkpoints_are_exactly_as_many_as_asked),
        cmocka_unit_test(linear_checkpoints_are_evenly_spaced),
        cmocka_unit_test(log_checkpoints_have_a_constant_ratio),
        cmocka_unit_test(listed_checkpoints_are_sorted_and_completed),
        cmocka_unit_test(overrides_replace_values_in_order),
        cmocka_unit_test(overrides_add_sections_that_were_not_there),
        cmocka_unit_test(an_override_keeps_the_order_of_the_axes),
        cmocka_unit_test(wrong_overrides_are_refused_by_name),
        cmocka_unit_test(mistakes_in_axes_are_refused_with_their_place),
        cmocka_unit_test(mistakes_in_ranges_are_refused_with_their_place),
        cmocka_unit_test(mistakes_in_activations_and_seeds_are_refused_with_their_place),
        cmocka_unit_test(mistakes_elsewhere_are_refused_with_their_place),
        cmocka_unit_test(yaml_beyond_plain_mappings_is_refused),
        cmocka_unit_test(syntax_errors_name_their_line),
        cmocka_unit_test(an_error_shows_the_line_with_a_caret),
        cmocka_unit_test(infinity_is_not_available_yet),
        cmocka_unit_test(grids_beyond_two_to_the_31_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
