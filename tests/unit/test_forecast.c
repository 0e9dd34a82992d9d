/* What the cost model says of plans: sums, wall times on ranks, the order of cells. */
#include "check.h"

#include "plan_text.h"
#include "saddlesweep/kernel.h"
#include "src/wide/forecast.h"

#include <stdlib.h>

static ss_plan_cost predict(const ss_plan *plan, int64_t ranks)
{
    ss_plan_cost cost;
    assert_int_equal(ss_plan_predict(plan, ranks, &cost), SS_OK);
    return cost;
}

static void the_prediction_sums_all_runs(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one("wide.from_d=5");
    ss_plan plan = ss_plan_of(spec);
    ss_plan_cost cost = predict(&plan, 1);
    double total = 0;
    double longest = 0;
    double shortest = INFINITY;
    int64_t wide_cells = 0;
    for (int64_t cell = 0; cell < plan.cells; cell++) {
        if (ss_plan_run(&plan, cell, 0).d >= 5) {
            wide_cells++; /* those go on process grids, and are predicted apart */
            continue;
        }
        for (int64_t seed = 0; seed < plan.seeds; seed++) {
            ss_run run = ss_plan_run(&plan, cell, seed);
            double seconds = cost.slowness * ss_run_cost_seconds(&run);
            total += seconds;
            longest = fmax(longest, seconds);
            shortest = fmin(shortest, seconds);
        }
    }
    assert_near(cost.core_seconds / total, 1, 1e-13); /* 48 additions in another order */
    assert_near(cost.longest_run, longest, 0);
    assert_near(cost.shortest_run, shortest, 0);
    assert_true(cost.shortest_run > 0);
    assert_int_equal(wide_cells, 8);
    assert_int_equal(cost.cells, plan.cells - wide_cells);
    ss_spec_destroy(&spec);
}

/* The model's seconds are the avx2 kernel's; others say how theirs compare. */
static void the_prediction_is_for_the_kernel_in_use(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    setenv("SADDLESWEEP_KERNEL", "portable", 1);
    ss_plan_cost portable = predict(&plan, 2);
    setenv("SADDLESWEEP_KERNEL", "reference", 1);
    ss_plan_cost reference = predict(&plan, 2);
    unsetenv("SADDLESWEEP_KERNEL");
    double ratio = reference.kernel->relative_cost / portable.kernel->relative_cost;
    assert_string_equal(portable.kernel->name, "portable");
    assert_true(portable.kernel->relative_cost > 1 && ratio > 1);
    assert_near(reference.core_seconds / portable.core_seconds, ratio, 1e-12);
    assert_near(reference.wall_seconds / portable.wall_seconds, ratio, 1e-12);
    assert_near(reference.longest_run / portable.longest_run, ratio, 1e-12);
    ss_spec_destroy(&spec);
}

/* Half as fast: everything takes twice as long, and nothing else changes. */
static void a_machine_of_another_speed_takes_another_time(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one("wide.from_d=5");
    ss_plan plan = ss_plan_of(spec);
    ss_wide_forecast wide[2];
    ss_plan_cost cost[2];
    for (int halved = 0; halved < 2; halved++) {
        setenv("SADDLESWEEP_SPEED", halved ? "0.5" : "", 1);
        cost[halved] = predict(&plan, 3);
        assert_int_equal(ss_wide_choose(&plan, 3, INFINITY, &wide[halved]), SS_OK);
    }
    unsetenv("SADDLESWEEP_SPEED");
    assert_near(cost[1].core_seconds, 2 * cost[0].core_seconds, 0);
    assert_near(cost[1].wall_seconds, 2 * cost[0].wall_seconds, 0);
    assert_near(cost[1].longest_run, 2 * cost[0].longest_run, 0);
    assert_near(cost[1].shortest_run, 2 * cost[0].shortest_run, 0);
    assert_near(cost[1].bytes_per_rank, cost[0].bytes_per_rank, 0);
    assert_near(wide[1].core_seconds, 2 * wide[0].core_seconds, 0);
    assert_near(wide[1].wall_seconds, 2 * wide[0].wall_seconds, 0);
    assert_near(wide[1].longest_run, 2 * wide[0].longest_run, 0);
    assert_int_equal(wide[1].grids, wide[0].grids);
    assert_int_equal(wide[1].shape.rows, wide[0].shape.rows);
    assert_int_equal(wide[1].shape.columns, wide[0].shape.columns);
    ss_spec_destroy(&spec);
}

/* By which they are dealt out: to ranks, and to shards. */
static void the_order_of_runs_does_not_know_the_speed(void **state)
{
    (void)state;
    uint32_t *order[2] = {NULL, NULL};
    ss_spec *spec = sweep_with_one("grid.d={from: 1, to: 10, step: 1}");
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_plan_longest_first(&plan, &order[0]), SS_OK);
    setenv("SADDLESWEEP_SPEED", "0.3", 1);
    assert_int_equal(ss_plan_longest_first(&plan, &order[1]), SS_OK);
    unsetenv("SADDLESWEEP_SPEED");
    assert_memory_equal(order[0], order[1], (size_t)plan.cells * sizeof *order[0]);
    free(order[0]);
    free(order[1]);
    ss_spec_destroy(&spec);
}

static void what_is_no_speed_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0",   "-1",  "0.0001", "1001", "1e9", "fast", "1x",
                                        "nan", "inf", " 1",     "0x1",  "1 ",  "-",    "1e"};
    double speed = 0;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        setenv("SADDLESWEEP_SPEED", wrong[i], 1);
        assert_int_equal(ss_plan_speed(&speed), SS_ERR_USAGE);
        assert_contains(ss_error_text(), "SADDLESWEEP_SPEED=");
        assert_contains(ss_error_text(), "expected a number from 0.001 to 1000");
        assert_near(speed, 1, 0);
    }
    setenv("SADDLESWEEP_SPEED", "3e-1", 1);
    assert_int_equal(ss_plan_speed(&speed), SS_OK);
    assert_near(speed, 0.3, 0);
    unsetenv("SADDLESWEEP_SPEED");
    assert_int_equal(ss_plan_speed(&speed), SS_OK);
    assert_near(speed, 1, 0);
}

static void a_wrong_speed_has_no_prediction(void **state)
{
    (void)state;
    ss_plan_cost cost;
    ss_wide_forecast wide;
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    setenv("SADDLESWEEP_SPEED", "0", 1);
    ss_error error = ss_plan_predict(&plan, 1, &cost);
    ss_error error_of_grids = ss_wide_choose(&plan, 1, INFINITY, &wide);
    unsetenv("SADDLESWEEP_SPEED");
    assert_int_equal(error, SS_ERR_USAGE);
    assert_int_equal(error_of_grids, SS_ERR_USAGE);
    ss_spec_destroy(&spec);
}

static ss_spec *large_sweep_with_one(const char *override)
{
    const char *const overrides[] = {"grid.d=4096",          "grid.k=4096", "grid.n=1000000",
                                     "grid.activation=tanh", "grid.seed=0", override};
    return sweep_with(overrides, COUNT_OF(overrides));
}

/* One long run, which every further rank makes quicker: a grid takes as many as it is told. */
static void grids_have_the_ranks_that_are_asked_for(void **state)
{
    (void)state;
    enum { RANKS = 4 };
    static const char *const settings[] = {"wide.ranks=1", "wide.ranks=2", "wide.ranks=3",
                                           "wide.ranks=4"};
    for (int64_t asked = 1; asked <= RANKS; asked++) {
        ss_wide_forecast wide;
        ss_spec *spec = large_sweep_with_one(settings[asked - 1]);
        ss_plan plan = ss_plan_of(spec);
        assert_int_equal(ss_wide_choose(&plan, RANKS, INFINITY, &wide), SS_OK);
        assert_int_equal(wide.shape.rows * wide.shape.columns, asked);
        assert_int_equal(ss_wide_choose(&plan, asked - 1, INFINITY, &wide), SS_ERR_USAGE);
        assert_contains(ss_error_text(), "start more");
        ss_spec_destroy(&spec);
    }
    ss_wide_forecast wide;
    ss_spec *spec = large_sweep_with_one("wide.ranks=auto");
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(ss_wide_choose(&plan, RANKS, INFINITY, &wide), SS_OK);
    assert_int_equal(wide.shape.rows * wide.shape.columns, RANKS);
    ss_spec_destroy(&spec);
}

static void larger_runs_cost_more(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    ss_run run = ss_plan_run(&plan, 0, 0);
    double seconds = ss_run_cost_seconds(&run);
    int64_t *fields[] = {&run.d, &run.k, &run.n, &run.m, &run.iterations};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        *fields[i] *= 4;
        assert_true(ss_run_cost_seconds(&run) > seconds);
        *fields[i] /= 4;
    }
    run.precision = SS_PRECISION_DOUBLE;
    assert_true(ss_run_cost_seconds(&run) > seconds);
    ss_spec_destroy(&spec);
}

/* Greedy sharing: at least the even share and the longest run; at most both together. */
static void assert_wall_seconds(const ss_plan *plan, int64_t ranks)
{
    ss_plan_cost cost = predict(plan, ranks);
    double share = cost.core_seconds / (double)ranks;
    assert_true(cost.wall_seconds >= share * (1 - 1e-12));
    assert_true(cost.wall_seconds >= cost.longest_run * (1 - 1e-12));
    assert_true(cost.wall_seconds <= (share + cost.longest_run) * (1 + 1e-12));
}

static void wall_time_lies_between_its_bounds(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    for (int64_t ranks = 1; ranks <= 60; ranks++) {
        assert_wall_seconds(&plan, ranks);
    }
    assert_wall_seconds(&plan, 1000000);
    ss_spec_destroy(&spec);
}

static void one_rank_takes_the_total(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    ss_plan_cost cost = predict(&plan, 1);
    assert_near(cost.wall_seconds / cost.core_seconds, 1, 1e-13);
    ss_spec_destroy(&spec);
}

static void as_many_ranks_as_runs_take_the_longest(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    ss_plan_cost cost = predict(&plan, ss_plan_runs(&plan));
    assert_near(cost.wall_seconds, cost.longest_run, 0);
    ss_spec_destroy(&spec);
}

static void an_unknown_kernel_has_no_prediction(void **state)
{
    (void)state;
    ss_plan_cost cost;
    ss_spec *spec = sweep_with_one(NULL);
    ss_plan plan = ss_plan_of(spec);
    setenv("SADDLESWEEP_KERNEL", "none", 1);
    ss_error error = ss_plan_predict(&plan, 1, &cost);
    unsetenv("SADDLESWEEP_KERNEL");
    assert_int_equal(error, SS_ERR_USAGE);
    ss_spec_destroy(&spec);
}

/* Beyond 200000 runs the wall time is estimated, not simulated: same bounds. */
static void wall_time_of_large_plans_keeps_its_bounds(void **state)
{
    (void)state;
    ss_spec *spec = sweep_with_one("grid.seed={count: 20000}");
    ss_plan plan = ss_plan_of(spec);
    assert_true(ss_plan_runs(&plan) > 200000);
    for (int64_t ranks = 1; ranks <= 4096; ranks *= 8) {
        assert_wall_seconds(&plan, ranks);
    }
    ss_spec_destroy(&spec);
}

static double cell_seconds(const ss_plan *plan, uint32_t cell)
{
    ss_run run = ss_plan_run(plan, cell, 0);
    return ss_run_cost_seconds(&run);
}

static void longest_first_is_a_permutation_by_cost(void **state)
{
    (void)state;
    uint32_t *order = NULL;
    bool seen[100] = {false};
    ss_spec *spec = sweep_with_one("grid.d={from: 1, to: 10, step: 1}");
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(plan.cells, 40);
    assert_int_equal(ss_plan_longest_first(&plan, &order), SS_OK);
    for (int64_t place = 0; place < plan.cells; place++) {
        assert_true(order[place] < plan.cells);
        assert_false(seen[order[place]]);
        seen[order[place]] = true;
        if (place > 0) {
            assert_true(cell_seconds(&plan, order[place]) <= cell_seconds(&plan, order[place - 1]));
        }
    }
    free(order);
    ss_spec_destroy(&spec);
}

/* Cells that differ only in what costs nothing (here alpha) keep the order of the plan. */
static void equal_costs_keep_the_order_of_the_plan(void **state)
{
    (void)state;
    uint32_t *order = NULL;
    const char *overrides[] = {
        "grid.d=3", "grid.n=500",
        "grid.activation=[leaky_relu(0.5), leaky_relu(0.1), leaky_relu(0.3), leaky_relu(0)]"};
    ss_spec *spec = sweep_with(overrides, COUNT_OF(overrides));
    ss_plan plan = ss_plan_of(spec);
    assert_int_equal(plan.cells, 4);
    assert_int_equal(ss_plan_longest_first(&plan, &order), SS_OK);
    for (uint32_t place = 0; place < 4; place++) {
        assert_int_equal(order[place], place);
    }
    free(order);
    ss_spec_destroy(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prediction_sums_all_runs),
        cmocka_unit_test(the_prediction_is_for_the_kernel_in_use),
        cmocka_unit_test(a_machine_of_another_speed_takes_another_time),
        cmocka_unit_test(the_order_of_runs_does_not_know_the_speed),
        cmocka_unit_test(what_is_no_speed_is_refused),
        cmocka_unit_test(a_wrong_speed_has_no_prediction),
        cmocka_unit_test(grids_have_the_ranks_that_are_asked_for),
        cmocka_unit_test(larger_runs_cost_more),
        cmocka_unit_test(wall_time_lies_between_its_bounds),
        cmocka_unit_test(one_rank_takes_the_total),
        cmocka_unit_test(as_many_ranks_as_runs_take_the_longest),
        cmocka_unit_test(an_unknown_kernel_has_no_prediction),
        cmocka_unit_test(wall_time_of_large_plans_keeps_its_bounds),
        cmocka_unit_test(longest_first_is_a_permutation_by_cost),
        cmocka_unit_test(equal_costs_keep_the_order_of_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
