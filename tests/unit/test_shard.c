/* Shards: how they are written, and that they are a partition of the sweep into parts that cost
 * alike. */
#include "check.h"

#include "saddlesweep/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* 24 cells of very different costs, 5 seeds in no order. */
static const char text[] = "name: t\n"
                           "root_seed: 1\n"
                           "grid:\n"
                           "  d: [3, 20, 7]\n"
                           "  k: 2\n"
                           "  n: [500, 8000, 1000, 20]\n"
                           "  m: n\n"
                           "  activation: [tanh, leaky_relu(0.2)]\n"
                           "  seed: [4, 9, 1, 70, 2]\n"
                           "train: {iterations: 100, step: {size: 0.5}}\n"
                           "record: {points: 10}\n";

enum { CELLS = 24, SEEDS = 5, RUNS = CELLS * SEEDS };

static ss_spec *parse_one(const char *override)
{
    ss_spec *spec = NULL;
    if (ss_spec_parse("sweep.yaml", text, &override, override ? 1 : 0, &spec) != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    return spec;
}

static ss_plan plan_of(const ss_spec *spec, int64_t index, int64_t count)
{
    ss_plan plan;
    if (ss_plan_of_shard(spec, (ss_shard){index, count}, &plan) != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    return plan;
}

/* ---- texts ---- */

static void a_shard_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"1/1", "2/5", "5/5", "1/2147483648",
                                        "9223372036854775807/9223372036854775807"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ss_shard shard;
        char buffer[SS_SHARD_TEXT_SIZE];
        assert_int_equal(ss_shard_parse(texts[i], &shard), SS_OK);
        assert_string_equal(ss_shard_format(shard, buffer), texts[i]);
    }
}

static void what_is_no_shard_is_refused_with_an_example(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "2",
                                        "/",
                                        "2/",
                                        "/5",
                                        "6/5",
                                        "0/5",
                                        "-1/5",
                                        "1/-5",
                                        "+1/5",
                                        "2/5 ",
                                        " 2/5",
                                        "2 /5",
                                        "2/ 5",
                                        "2/5/6",
                                        "a/b",
                                        "1.0/2",
                                        "0x1/2",
                                        "0/0",
                                        "1/9223372036854775808",
                                        "9223372036854775808/9223372036854775808"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ss_shard shard;
        char found[80];
        assert_int_equal(ss_shard_parse(texts[i], &shard), SS_ERR_USAGE);
        assert_true(ss_shard_same(shard, SS_SHARD_WHOLE));
        snprintf(found, sizeof found, "found \"%s\"", texts[i]);
        assert_contains(ss_error_text(), found);
        assert_contains(ss_error_text(), "expected I/N with 1 <= I <= N, e.g. 2/5");
    }
}

/* ---- the partition ---- */

/* Marks the runs of a shard, each of which must be the whole plan's of that number and seed. */
static void mark_runs(const ss_plan *whole, const ss_plan *shard, int *seen)
{
    for (int64_t cell = 0; cell < shard->cells; cell++) {
        int64_t number = ss_plan_cell_number(shard, cell);
        assert_true(cell == 0 || number > ss_plan_cell_number(shard, cell - 1));
        for (int64_t i = 0; i < shard->seeds; i++) {
            ss_run run = ss_plan_run(shard, cell, i);
            int64_t place = 0;
            while (ss_plan_seed(whole, place) != run.seed) {
                place++;
            }
            ss_run expected = ss_plan_run(whole, number, place);
            assert_int_equal(ss_run_identity(&run), ss_run_identity(&expected));
            assert_int_equal(ss_plan_seed(shard, i), run.seed);
            seen[number * SEEDS + place]++;
        }
    }
}

static void assert_partition(const ss_spec *spec, int64_t count)
{
    int seen[RUNS] = {0};
    ss_plan whole = ss_plan_of(spec);
    for (int64_t index = 1; index <= count; index++) {
        ss_plan shard = plan_of(spec, index, count);
        assert_true(ss_plan_runs(&shard) > 0);
        mark_runs(&whole, &shard, seen);
        ss_plan_release(&shard);
    }
    for (int run = 0; run < RUNS; run++) {
        assert_int_equal(seen[run], 1);
    }
}

static void every_run_is_in_exactly_one_shard_whatever_their_number(void **state)
{
    (void)state;
    ss_spec *spec = parse_one(NULL);
    for (int64_t count = 1; count <= RUNS; count++) {
        assert_partition(spec, count);
    }
    ss_spec_destroy(&spec);
}

static void up_to_the_number_of_seeds_a_shard_has_every_nth_seed_of_all_cells(void **state)
{
    (void)state;
    ss_spec *spec = parse_one(NULL);
    ss_plan plan = plan_of(spec, 2, 3);
    assert_int_equal(plan.cells, CELLS);
    assert_int_equal(plan.seeds, 2);
    assert_int_equal(ss_plan_seed(&plan, 0), 9);
    assert_int_equal(ss_plan_seed(&plan, 1), 2);
    assert_null(plan.numbers);
    ss_spec_destroy(&spec);
}

static void beyond_the_number_of_seeds_a_shard_has_one(void **state)
{
    (void)state;
    static const int64_t seeds[SEEDS] = {4, 9, 1, 70, 2};
    ss_spec *spec = parse_one(NULL);
    for (int64_t index = 1; index <= 13; index++) {
        ss_plan plan = plan_of(spec, index, 13);
        assert_int_equal(plan.seeds, 1);
        assert_int_equal(ss_plan_seed(&plan, 0), seeds[(index - 1) % SEEDS]);
        ss_plan_release(&plan);
    }
    ss_spec_destroy(&spec);
}

/* Where a task is, by the formula, is where the plans have it. */
static void the_shard_holding_a_run_has_it(void **state)
{
    (void)state;
    uint32_t *order = NULL;
    ss_spec *spec = parse_one(NULL);
    ss_plan whole = ss_plan_of(spec);
    assert_int_equal(ss_plan_longest_first(&whole, &order), SS_OK);
    for (int64_t count = 1; count <= RUNS; count += 7) {
        for (int64_t task = 0; task < RUNS; task++) {
            int64_t index = ss_shard_holding(count, SEEDS, task / SEEDS, task % SEEDS);
            int seen[RUNS] = {0};
            assert_in_range(index, 1, count);
            ss_plan shard = plan_of(spec, index, count);
            mark_runs(&whole, &shard, seen);
            assert_int_equal(seen[order[task / SEEDS] * SEEDS + task % SEEDS], 1);
            ss_plan_release(&shard);
        }
    }
    free(order);
    ss_spec_destroy(&spec);
}

static double seconds_of(const ss_plan *plan)
{
    double seconds = 0;
    for (int64_t cell = 0; cell < plan->cells; cell++) {
        ss_run run = ss_plan_run(plan, cell, 0);
        seconds += ss_run_cost_seconds(&run);
    }
    return seconds;
}

static void assert_alike(const ss_spec *spec, int64_t seed_index, int64_t count, double largest)
{
    double least = INFINITY;
    double most = 0;
    for (int64_t index = seed_index + 1; index <= count; index += SEEDS) {
        ss_plan plan = plan_of(spec, index, count);
        double seconds = seconds_of(&plan);
        least = fmin(least, seconds);
        most = fmax(most, seconds);
        ss_plan_release(&plan);
    }
    assert_true(most - least <= largest * (1 + 1e-12));
}

static void shards_of_a_seed_cost_alike_within_the_largest_cell(void **state)
{
    (void)state;
    double largest = 0;
    ss_spec *spec = parse_one(NULL);
    ss_plan whole = ss_plan_of(spec);
    for (int64_t cell = 0; cell < CELLS; cell++) {
        ss_run run = ss_plan_run(&whole, cell, 0);
        largest = fmax(largest, ss_run_cost_seconds(&run));
    }
    for (int64_t count = SEEDS + 1; count <= RUNS; count++) {
        for (int64_t seed_index = 0; seed_index < SEEDS; seed_index++) {
            assert_alike(spec, seed_index, count, largest);
        }
    }
    ss_spec_destroy(&spec);
}

static void more_shards_than_runs_are_refused_with_the_most_there_can_be(void **state)
{
    (void)state;
    ss_spec *spec = parse_one(NULL);
    ss_plan plan;
    assert_int_equal(ss_plan_of_shard(spec, (ss_shard){121, 121}, &plan), SS_ERR_USAGE);
    assert_contains(ss_error_text(), "--shard 121/121: ");
    assert_contains(ss_error_text(), "at most 120 shards");
    ss_plan_release(&plan);
    ss_spec_destroy(&spec);
}

static void a_sweep_that_adds_seeds_has_no_shards_but_the_whole(void **state)
{
    (void)state;
    ss_spec *spec = parse_one("grid.seed={count: 2, max: 9, until_se: 0.1}");
    ss_plan plan;
    assert_int_equal(ss_plan_of_shard(spec, (ss_shard){2, 3}, &plan), SS_ERR_USAGE);
    assert_contains(ss_error_text(), "--shard 2/3: grid.seed.until_se needs all seeds of a cell");
    ss_plan_release(&plan);
    assert_int_equal(ss_plan_of_shard(spec, SS_SHARD_WHOLE, &plan), SS_OK);
    ss_spec_destroy(&spec);
}

/* ---- cells that a file names ---- */

static ss_error plan_of_numbers(const ss_spec *spec, ss_shard shard, const uint32_t *numbers,
                                int64_t count, ss_plan *plan)
{
    uint32_t *copy = malloc((size_t)(count + 1) * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, numbers, (size_t)count * sizeof *copy);
    return ss_plan_of_cells(spec, shard, copy, count, plan);
}

static void a_shard_has_the_cells_that_it_is_said_to_have(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {2, 3, 23};
    ss_plan plan;
    ss_spec *spec = parse_one(NULL);
    ss_plan whole = ss_plan_of(spec);
    assert_int_equal(plan_of_numbers(spec, (ss_shard){14, 40}, numbers, 3, &plan), SS_OK);
    assert_int_equal(ss_plan_runs(&plan), 3);
    for (int64_t cell = 0; cell < 3; cell++) {
        ss_run run = ss_plan_run(&plan, cell, 0);
        ss_run expected = ss_plan_run(&whole, numbers[cell], 3);
        assert_int_equal(ss_run_identity(&run), ss_run_identity(&expected));
    }
    ss_plan_release(&plan);
    ss_spec_destroy(&spec);
}

static void cells_that_are_none_of_the_sweep_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t count;
        uint32_t numbers[3];
        int64_t shards;
    } wrong[] = {
        {3, {2, 3, 24}, 40}, {3, {2, 2, 3}, 40},    {3, {3, 2, 4}, 40},
        {0, {0}, 40},        {1, {UINT32_MAX}, 40}, {1, {2}, 121},
    };
    ss_spec *spec = parse_one(NULL);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ss_plan plan;
        ss_shard shard = {14, wrong[i].shards};
        assert_int_equal(plan_of_numbers(spec, shard, wrong[i].numbers, wrong[i].count, &plan),
                         SS_ERR_USAGE);
        ss_plan_release(&plan);
    }
    ss_spec_destroy(&spec);
}

/* ---- digests ---- */

static void digest_of(const char *override, ss_shard shard, char digest[SS_DIGEST_SIZE])
{
    ss_spec *spec = parse_one(override);
    ss_plan plan = plan_of(spec, shard.index, shard.count);
    ss_plan_digest(&plan, digest);
    ss_plan_release(&plan);
    ss_spec_destroy(&spec);
}

static void the_whole_has_the_digest_of_its_plan(void **state)
{
    (void)state;
    char expected[SS_DIGEST_SIZE];
    char digest[SS_DIGEST_SIZE];
    ss_spec *spec = parse_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    ss_plan_digest(&plan, expected);
    digest_of(NULL, SS_SHARD_WHOLE, digest);
    assert_string_equal(digest, expected);
    ss_spec_destroy(&spec);
}

/* The last but one differs in a seed of other shards alone. */
static void shards_and_shards_of_other_sweeps_have_other_digests(void **state)
{
    (void)state;
    static const struct {
        const char *override;
        ss_shard shard;
    } all[] = {
        {NULL, {1, 1}},
        {NULL, {1, 3}},
        {NULL, {2, 3}},
        {NULL, {1, 4}},
        {NULL, {1, 20}},
        {NULL, {6, 20}},
        {"grid.seed=[4, 9, 1, 70, 3]", {1, 3}},
        {"train.noise=0.5", {1, 3}},
    };
    char digests[COUNT_OF(all)][SS_DIGEST_SIZE];
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        digest_of(all[i].override, all[i].shard, digests[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(digests[i], digests[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shard_is_written_as_it_is_read),
        cmocka_unit_test(what_is_no_shard_is_refused_with_an_example),
        cmocka_unit_test(every_run_is_in_exactly_one_shard_whatever_their_number),
        cmocka_unit_test(up_to_the_number_of_seeds_a_shard_has_every_nth_seed_of_all_cells),
        cmocka_unit_test(beyond_the_number_of_seeds_a_shard_has_one),
        cmocka_unit_test(the_shard_holding_a_run_has_it),
        cmocka_unit_test(shards_of_a_seed_cost_alike_within_the_largest_cell),
        cmocka_unit_test(more_shards_than_runs_are_refused_with_the_most_there_can_be),
        cmocka_unit_test(a_sweep_that_adds_seeds_has_no_shards_but_the_whole),
        cmocka_unit_test(a_shard_has_the_cells_that_it_is_said_to_have),
        cmocka_unit_test(cells_that_are_none_of_the_sweep_are_refused),
        cmocka_unit_test(the_whole_has_the_digest_of_its_plan),
        cmocka_unit_test(shards_and_shards_of_other_sweeps_have_other_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
