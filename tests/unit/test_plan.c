/* Plans: enumeration, digests, differences. */
#include "cell_text.h"
#include "check.h"

#include "plan_text.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- enumeration ---- */

static void every_point_of_the_grid_occurs_once(void **state)
{
    (void)state;
    static const int64_t d[] = {3, 5, 7};
    static const int64_t n[] = {500, 1000};
    static const ss_activation_kind kinds[] = {SS_ACTIVATION_TANH, SS_ACTIVATION_LEAKY_RELU};
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(plan.cells, 12);
    assert_int_equal(plan.seeds, 4);
    assert_int_equal(plan.checkpoints, 10);
    assert_int_equal(ss_plan_runs(&plan), 48);
    for (int64_t cell = 0; cell < 12; cell++) {
        for (int64_t seed = 0; seed < 4; seed++) {
            ss_run run = ss_plan_run(&plan, cell, seed);
            assert_int_equal(run.d, d[cell / 4]);
            assert_int_equal(run.n, n[cell / 2 % 2]);
            assert_int_equal(run.m, run.n);
            assert_int_equal(run.k, 2);
            assert_int_equal(run.k0, 2);
            assert_int_equal(run.activation.kind, kinds[cell % 2]);
            assert_int_equal(run.seed, seed);
        }
    }
    ss_spec_destroy(&spec);
}

static void runs_carry_the_settings_of_the_sweep(void **state)
{
    (void)state;
    const char *overrides[] = {"root_seed=77",
                               "train.step={size: 0.25, decay: 30}",
                               "train.ascent_step=0.5",
                               "train.noise=0",
                               "truth.row_norm=gaussian",
                               "precision=double"};
    ss_spec *spec = sweep_with(overrides, COUNT_OF(overrides));
    ss_plan plan = ss_plan_of(spec);
    ss_run run = ss_plan_run(&plan, 5, 3);
    assert_int_equal(run.root_seed, 77);
    assert_int_equal(run.iterations, 100);
    assert_near(run.step_size, 0.25, 0);
    assert_near(run.step_decay, 30, 0);
    assert_near(run.ascent_step, 0.5, 0);
    assert_near(run.noise, 0, 0);
    assert_int_equal(run.row_norm, SS_ROW_NORM_GAUSSIAN);
    assert_int_equal(run.precision, SS_PRECISION_DOUBLE);
    assert_ptr_equal(run.checkpoints, spec->checkpoints);
    assert_int_equal(run.checkpoint_count, spec->checkpoint_count);
    ss_spec_destroy(&spec);
}

/* A list of row norms is the fastest axis; only runs that learn have a stage. */
static void row_norms_are_the_fastest_axis(void **state)
{
    (void)state;
    static const ss_train_row_norm expected[] = {SS_TRAIN_ROW_NORM_LEARNED, SS_TRAIN_ROW_NORM_KNOWN,
                                                 SS_TRAIN_ROW_NORM_FREE};
    const char *overrides[] = {"train.row_norm=[learned, known, free]",
                               "train.marginal={iterations: 70, step: {size: 3, decay: 9}}"};
    ss_spec *plain = sweep_with_one(NULL);
    ss_spec *spec = sweep_with(overrides, COUNT_OF(overrides));
    ss_plan plain_plan = ss_plan_of(plain);
    ss_plan plan = ss_plan_of(spec);
    assert_true(ss_spec_compares_row_norms(spec) && !ss_spec_compares_row_norms(plain));
    assert_int_equal(plan.cells, 3 * plain_plan.cells);
    for (int64_t cell = 0; cell < plan.cells; cell++) {
        char found[200];
        char in_plain[200];
        ss_run run = ss_plan_run(&plan, cell, 1);
        ss_run known = ss_plan_run(&plain_plan, cell / 3, 1);
        assert_string_equal(cell_text(&run, found, sizeof found),
                            cell_text(&known, in_plain, sizeof in_plain));
        assert_int_equal(run.train_row_norm, expected[cell % 3]);
        bool learns = cell % 3 == 0;
        bool same = ss_run_identity(&run) == ss_run_identity(&known);
        assert_int_equal(same, run.train_row_norm == SS_TRAIN_ROW_NORM_KNOWN);
        assert_int_equal(run.stage.iterations, learns ? 70 : 0);
        assert_near(run.stage.step_size, learns ? 3 : 0, 0);
        assert_near(run.stage.step_decay, learns ? 9 : 0, 0);
        assert_int_equal(run.stage.discriminator,
                         learns && run.activation.kind == SS_ACTIVATION_TANH
                             ? SS_DISCRIMINATOR_RECTIFIED_LINEAR
                             : SS_DISCRIMINATOR_LINEAR);
    }
    ss_spec_destroy(&plain);
    ss_spec_destroy(&spec);
}

static void runs_that_learn_norms_are_on_one_rank(void **state)
{
    (void)state;
    const char *overrides[] = {"train.row_norm=[known, learned]", "wide.from_d=2"};
    ss_spec *spec = sweep_with(overrides, COUNT_OF(overrides));
    ss_plan plan = ss_plan_of(spec);
    for (int64_t cell = 0; cell < plan.cells; cell++) {
        ss_run run = ss_plan_run(&plan, cell, 0);
        assert_int_equal(ss_plan_is_wide(&plan, &run), cell % 2 == 0);
    }
    ss_spec_destroy(&spec);
}

static void a_run_does_not_depend_on_the_grid_around_it(void **state)
{
    (void)state;
    ss_spec *small = sweep_with_one("grid.d=5");
    ss_spec *large = sweep_with_one("grid.n=[100, 500, 1000]");
    ss_plan small_plan = ss_plan_of(small);
    ss_plan large_plan = ss_plan_of(large);
    ss_run in_small = ss_plan_run(&small_plan, 1, 2); /* d=5 n=500 leaky_relu, seed 2 */
    ss_run in_large = ss_plan_run(&large_plan, 6 + 2 + 1, 2);
    assert_int_equal(ss_run_identity(&in_small), ss_run_identity(&in_large));
    ss_spec_destroy(&small);
    ss_spec_destroy(&large);
}

static size_t bytes_in_use(void)
{
    return mallinfo2().uordblks;
}

/* 2500 × 4000 cells: far runs are computed, not looked up. Sanitizers keep their own books. */
static void a_plan_of_ten_million_cells_takes_no_memory(void **state)
{
    (void)state;
    const char *overrides[] = {"grid.d={from: 1, to: 2500, step: 1}",
                               "grid.n={from: 10, to: 40000, step: 10}", "grid.activation=erf",
                               "grid.k=1"};
    ss_spec *spec = sweep_with(overrides, COUNT_OF(overrides));
    size_t before = bytes_in_use();
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(plan.cells, 10000000);
    for (int64_t cell = 0; cell < plan.cells; cell += 1234567) {
        ss_run run = ss_plan_run(&plan, cell, 3);
        assert_int_equal(run.d, 1 + cell / 4000);
        assert_int_equal(run.n, 10 + 10 * (cell % 4000));
    }
    ss_run last = ss_plan_run(&plan, plan.cells - 1, 3);
    assert_int_equal(last.d, 2500);
    assert_int_equal(last.n, 40000);
    assert_int_equal(last.seed, 3);
    assert_int_equal(bytes_in_use(), before);
    ss_spec_destroy(&spec);
}

/* ---- digests ---- */

static void digest_of(const char *override, char digest[SS_DIGEST_SIZE])
{
    ss_spec *spec = sweep_with_one(override);
    ss_plan plan = ss_plan_of(spec);
    ss_plan_digest(&plan, digest);
    ss_spec_destroy(&spec);
}

static void a_digest_is_32_hexadecimal_digits(void **state)
{
    (void)state;
    char digest[SS_DIGEST_SIZE];
    digest_of(NULL, digest);
    assert_int_equal(strlen(digest), 32);
    assert_int_equal(strspn(digest, "0123456789abcdef"), 32);
}

static void every_setting_changes_the_digest(void **state)
{
    (void)state;
    static const char *const overrides[] = {
        NULL,
        "root_seed=2",
        "grid.d=[3, 5, 8]",
        "grid.d=[5, 3, 7]",
        "grid.k=3",
        "grid.n=[500, 1001]",
        "grid.m=500",
        "grid.activation=[tanh, leaky_relu(0.3)]",
        "grid.activation=[erf, leaky_relu(0.2)]",
        "grid.seed={count: 5}",
        "grid.seed=[0, 1, 2, 4]",
        "grid.seed={count: 3, max: 4, until_se: 0.1}",
        "grid.seed={count: 2, max: 4, until_se: 0.1}",
        "grid.seed={count: 3, max: 4, until_se: 0.2}",
        "grid.seed={count: 3, max: 5, until_se: 0.1}",
        "truth.latent=1",
        "truth.row_norm=gaussian",
        "train.iterations=101",
        "train.step.size=0.5000000000000001",
        "train.step.decay=10",
        "train.ascent_step=0.9",
        "train.noise=0.5",
        "record={points: 11}",
        "record.iterate=true",
        "train.row_norm=free",
        "train.row_norm=learned",
        "train.row_norm=[known, learned]",
        "train.row_norm=[learned, known]",
        "train.row_norm=[known, learned, free]",
        "train={iterations: 100, step: {size: 0.5}, row_norm: learned, marginal: {iterations: 9}}",
        "train={iterations: 100, step: {size: 0.5}, row_norm: learned, marginal: {step: {size: "
        "9}}}",
        "train={iterations: 100, step: {size: 0.5}, row_norm: learned, marginal: {discriminator: "
        "linear}}",
        "record={points: 10, spacing: linear}",
        "precision=double",
    };
    char digests[COUNT_OF(overrides)][SS_DIGEST_SIZE];
    for (size_t i = 0; i < COUNT_OF(overrides); i++) {
        digest_of(overrides[i], digests[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(digests[i], digests[j]);
        }
    }
}

static void spelling_does_not_change_the_digest(void **state)
{
    (void)state;
    static const char *const overrides[] = {
        "name=another",
        "grid.d={from: 3, to: 7, step: 2}",
        "grid.d={from: 3, to: 8, step: 2}",
        "grid.k=[2]",
        "grid.n={from: 500, to: 1000, factor: 2}",
        "grid.activation=[tanh, leaky_relu(0.20)]",
        "grid.seed=[0, 1, 2, 3]",
        "truth={latent: k, row_norm: unit}",
        "truth.latent=2",
        "train.step.size=5e-1",
        "train.ascent_step=1.0",
        "train.noise=1",
        "train.row_norm=known",
        "train.row_norm=[known]",
        "record.iterate=false",
        "record={points: 10, spacing: log}",
        "precision=single",
        "wide={from_d: 100}",
    };
    char expected[SS_DIGEST_SIZE];
    digest_of(NULL, expected);
    for (size_t i = 0; i < COUNT_OF(overrides); i++) {
        char digest[SS_DIGEST_SIZE];
        digest_of(overrides[i], digest);
        assert_string_equal(digest, expected);
    }
}

/* Long grids and seed lists go through the hash in pieces: a change at their far end must count. */
static void the_far_end_of_a_long_list_is_in_the_digest(void **state)
{
    (void)state;
    char one[SS_DIGEST_SIZE];
    char other[SS_DIGEST_SIZE];
    digest_of("grid.seed={count: 4096}", one);
    digest_of("grid.seed={count: 4097}", other);
    assert_string_not_equal(one, other);
    digest_of("grid.d={from: 1, to: 5000, step: 1}", one);
    digest_of("grid.d={from: 1, to: 5001, step: 1}", other);
    assert_string_not_equal(one, other);
}

static void settings_are_one_line_each(void **state)
{
    (void)state;
    char settings[SS_SETTINGS_SIZE];
    ss_spec *spec = sweep_with_one("train.step.decay=0.1");
    ss_plan plan = ss_plan_of(spec);
    assert_ptr_equal(ss_plan_settings(&plan, settings), settings);
    assert_contains(settings, "root_seed: 1\n");
    assert_contains(settings, "train.iterations: 100\n");
    assert_contains(settings, "train.step.decay: 0.10000000000000001\n"); /* all 17 digits */
    assert_contains(settings, "precision: single\n");
    ss_spec_destroy(&spec);
}

static void assert_difference(const char *override, const char *what, const char *first,
                              const char *second)
{
    ss_difference d = {.what = ""};
    ss_spec *specs[] = {sweep_with_one(NULL), sweep_with_one(override)};
    ss_plan plans[] = {ss_plan_of(specs[0]), ss_plan_of(specs[1])};
    assert_true(ss_plan_differs(&plans[0], &plans[1], &d));
    assert_string_equal(d.what, what);
    assert_string_equal(d.first, first);
    assert_string_equal(d.second, second);
    assert_false(ss_plan_differs(&plans[1], &plans[1], &d));
    ss_spec_destroy(&specs[0]);
    ss_spec_destroy(&specs[1]);
}

/* What a sweep does not ask for is no setting of its, as in files that know of no such thing. */
static void room_for_certificates_is_that_of_the_largest_d(void **state)
{
    (void)state;
    char settings[SS_SETTINGS_SIZE];
    ss_spec *without = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(without);
    assert_int_equal(ss_plan_result_count(&plan), plan.checkpoints);
    assert_null(strstr(ss_plan_settings(&plan, settings), "certificate"));
    ss_spec *with = sweep_with_one("record.certificate=true");
    plan = ss_plan_of(with);
    assert_int_equal(ss_plan_result_count(&plan), plan.checkpoints + 2 + 7);
    ss_run run = ss_plan_run(&plan, 0, 0);
    assert_int_equal(ss_run_result_count(&run), plan.checkpoints + 2 + run.d);
    assert_contains(ss_plan_settings(&plan, settings), "record.certificate: true\n");
    ss_spec_destroy(&without);
    ss_spec_destroy(&with);
}

static void room_for_iterates_is_that_of_the_largest_d_and_k(void **state)
{
    (void)state;
    char settings[SS_SETTINGS_SIZE];
    const char *overrides[] = {"record={points: 10, iterate: true, certificate: true}",
                               "grid.k=[2, 4]"};
    ss_spec *spec = sweep_with(overrides, COUNT_OF(overrides));
    ss_plan plan = ss_plan_of(spec);
    ss_run run = ss_plan_run(&plan, 0, 0);
    assert_int_equal(ss_plan_result_count(&plan), 10 + 2 + 7 + 10 * 7 * 4);
    assert_int_equal(ss_run_result_count(&run), 10 + 2 + run.d + 10 * run.d * run.k);
    assert_contains(ss_plan_settings(&plan, settings), "record.iterate: true\n");
    ss_spec_destroy(&spec);
}

static void a_given_truth_is_that_of_every_run(void **state)
{
    (void)state;
    char digests[3][SS_DIGEST_SIZE];
    const char *overrides[][2] = {{"grid.d=2", "truth={matrix: [[1], [1]]}"},
                                  {"grid.d=2", "truth={matrix: [[1], [2]]}"},
                                  {"grid.d=2", "truth={matrix: [[1.0], [1e0]]}"}};
    for (size_t i = 0; i < COUNT_OF(overrides); i++) {
        ss_spec *spec = sweep_with(overrides[i], 2);
        ss_plan plan = ss_plan_of(spec);
        ss_run run = ss_plan_run(&plan, 1, 2);
        assert_ptr_equal(run.truth_matrix, spec->truth_matrix);
        assert_int_equal(run.k0, 1);
        ss_plan_digest(&plan, digests[i]);
        ss_spec_destroy(&spec);
    }
    assert_string_not_equal(digests[0], digests[1]);
    assert_string_equal(digests[0], digests[2]);
}

static void assert_blocks_differ(const char *first, const char *second, bool differ)
{
    ss_difference d = {.what = ""};
    const char *at[][2] = {{first, "wide.block=16"}, {first, second}};
    ss_spec *specs[] = {sweep_with(at[0], 2), sweep_with(at[1], 2)};
    ss_plan plans[] = {ss_plan_of(specs[0]), ss_plan_of(specs[1])};
    assert_int_equal(ss_plan_blocks_differ(&plans[0], &plans[1], &d), differ);
    assert_int_equal(ss_plan_differs(&plans[0], &plans[1], &d), differ);
    assert_string_equal(d.what, differ ? "wide.block" : "");
    ss_spec_destroy(&specs[0]);
    ss_spec_destroy(&specs[1]);
}

static void blocks_tell_plans_with_wide_runs_apart(void **state)
{
    (void)state;
    assert_blocks_differ("wide.from_d=7", "wide.block=8", true);
    assert_blocks_differ("wide.from_d=7", "wide.block=16", false);
    assert_blocks_differ("wide.from_d=8", "wide.block=8", false);
}

/* Cells have d 3, 5 and 7: what matters is which of them are wide. */
static void the_choice_of_wide_runs_tells_plans_apart(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        const char *second;
        bool differ;
    } cases[] = {
        {"wide.from_d=7", "wide.from_d=8", true},
        {"wide.from_d=3", "wide.from_d=4", true},
        {"wide.from_d=6", "wide.from_d=7", false},
        {"wide.from_d=8", "wide.from_d=512", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ss_difference d = {.what = ""};
        ss_spec *specs[] = {sweep_with_one(cases[i].first), sweep_with_one(cases[i].second)};
        ss_plan plans[] = {ss_plan_of(specs[0]), ss_plan_of(specs[1])};
        assert_int_equal(ss_plan_grids_differ(&plans[0], &plans[1], &d), cases[i].differ);
        assert_int_equal(ss_plan_differs(&plans[0], &plans[1], &d), cases[i].differ);
        assert_string_equal(d.what, cases[i].differ ? "wide.from_d" : "");
        ss_spec_destroy(&specs[0]);
        ss_spec_destroy(&specs[1]);
    }
}

static void the_algorithm_is_a_setting_where_it_is_not_the_default(void **state)
{
    (void)state;
    char settings[SS_SETTINGS_SIZE];
    const char *marginal[] = {"algorithm=marginal", "discriminator=rectified_linear",
                              "wide.from_d=1"};
    ss_spec *sgda = sweep_with_one("algorithm=sgda");
    ss_plan plan = ss_plan_of(sgda);
    assert_null(strstr(ss_plan_settings(&plan, settings), "algorithm"));
    ss_spec *spec = sweep_with(marginal, 3);
    plan = ss_plan_of(spec);
    assert_contains(ss_plan_settings(&plan, settings),
                    "algorithm: marginal\ndiscriminator: rectified_linear\n");
    ss_run run = ss_plan_run(&plan, 0, 0);
    assert_int_equal(run.algorithm, SS_ALGORITHM_MARGINAL);
    assert_int_equal(run.discriminator, SS_DISCRIMINATOR_RECTIFIED_LINEAR);
    assert_false(ss_plan_has_wide_runs(&plan)); /* whatever its d */
    ss_spec_destroy(&sgda);
    ss_spec_destroy(&spec);
}

static void the_first_difference_of_two_plans_is_named(void **state)
{
    (void)state;
    assert_difference("root_seed=2", "root_seed", "1", "2");
    assert_difference("train.noise=0", "train.noise", "1", "0");
    assert_difference("precision=double", "precision", "single", "double");
    assert_difference("grid.d=[3, 5]", "the number of cells", "12", "8");
    assert_difference("grid.seed={count: 5}", "the number of seeds", "4", "5");
    assert_difference("record.points=11", "the number of recorded iterations", "10", "11");
    assert_difference("record.certificate=true", "record.certificate", "not set", "true");
    assert_difference("record.iterate=true", "record.iterate", "not set", "true");
    assert_difference("train.row_norm=free", "train.row_norm", "not set", "free");
    assert_difference("grid.seed={count: 2, max: 4, until_se: 0.25}", "grid.seed.until_se",
                      "not set", "0.25");
    assert_difference("record.spacing=linear", "iteration number 1", "1", "11");
    assert_difference("grid.seed=[0, 1, 3, 2]", "seed number 2", "2", "3");
    assert_difference("grid.d=[3, 6, 7]", "d of cell 4", "5", "6");
    assert_difference("grid.k=3", "k of cell 0", "2", "3");
    assert_difference("truth.latent=1", "k0 of cell 0", "2", "1");
    assert_difference("grid.n=[500, 999]", "n of cell 2", "1000", "999");
    assert_difference("grid.m=500", "m of cell 2", "1000", "500");
    assert_difference("grid.activation=[tanh, leaky_relu(0.3)]", "activation of cell 1",
                      "leaky_relu(0.2)", "leaky_relu(0.3)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_point_of_the_grid_occurs_once),
        cmocka_unit_test(runs_carry_the_settings_of_the_sweep),
        cmocka_unit_test(row_norms_are_the_fastest_axis),
        cmocka_unit_test(runs_that_learn_norms_are_on_one_rank),
        cmocka_unit_test(a_run_does_not_depend_on_the_grid_around_it),
        cmocka_unit_test(a_plan_of_ten_million_cells_takes_no_memory),
        cmocka_unit_test(a_digest_is_32_hexadecimal_digits),
        cmocka_unit_test(every_setting_changes_the_digest),
        cmocka_unit_test(spelling_does_not_change_the_digest),
        cmocka_unit_test(the_far_end_of_a_long_list_is_in_the_digest),
        cmocka_unit_test(settings_are_one_line_each),
        cmocka_unit_test(room_for_certificates_is_that_of_the_largest_d),
        cmocka_unit_test(room_for_iterates_is_that_of_the_largest_d_and_k),
        cmocka_unit_test(a_given_truth_is_that_of_every_run),
        cmocka_unit_test(blocks_tell_plans_with_wide_runs_apart),
        cmocka_unit_test(the_choice_of_wide_runs_tells_plans_apart),
        cmocka_unit_test(the_algorithm_is_a_setting_where_it_is_not_the_default),
        cmocka_unit_test(the_first_difference_of_two_plans_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
