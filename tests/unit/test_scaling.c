/* Scaling laws against laws that are known, plain formulas, and grids that do not identify one. */
#include "check.h"

#include "saddlesweep/scaling.h"
#include "src/stats/bootstrap.h"

#include <stdlib.h>

enum { D = 4, N = 5, CELLS = D * N, SEEDS = 6 };

static double log_d[CELLS];
static double log_n[CELLS];
static double values[CELLS * SEEDS];
static ss_scaling_sample sample = {
    .cells = CELLS, .seeds = SEEDS, .log_d = log_d, .log_n = log_n, .values = values};

static const ss_scaling_axes both = {true, true};
static const ss_law truth = {.c = -0.7, .alpha = 1.3, .beta = 0.45};

/* d = 2, 3, 5, 8 and n = 100 · 4^j; all seeds of a cell have its exact error. */
static int exact_law(void **state)
{
    static const double d[D] = {2, 3, 5, 8};
    (void)state;
    for (int cell = 0; cell < CELLS; cell++) {
        log_d[cell] = log(d[cell / N]);
        log_n[cell] = log(100) + (cell % N) * log(4);
        for (int seed = 0; seed < SEEDS; seed++) {
            values[cell * SEEDS + seed] = exp(ss_law_log_error(truth, log_d[cell], log_n[cell]));
        }
    }
    return 0;
}

/* Multiplies every value by noise. */
static void roughen(uint64_t state)
{
    for (int i = 0; i < CELLS * SEEDS; i++) {
        values[i] *= exp(0.3 * check_uniform(&state));
    }
}

static ss_scaling *summarised(ss_scaling_statistic statistic, const uint32_t *times)
{
    ss_scaling *scaling;
    assert_int_equal(ss_scaling_create(&sample, &scaling), SS_OK);
    ss_scaling_summarise(scaling, statistic, times);
    return scaling;
}

static ss_law law_of(ss_scaling_statistic statistic, const uint32_t *times, double *r_squared)
{
    ss_law law = {NAN, NAN, NAN};
    ss_scaling *scaling = summarised(statistic, times);
    assert_int_equal(ss_scaling_fit_cells(scaling, both, &law, r_squared), SS_SCALING_SOUND);
    ss_scaling_destroy(&scaling);
    return law;
}

static void assert_same_law(ss_law law, ss_law expected, double tolerance)
{
    assert_near(law.c, expected.c, tolerance);
    assert_near(law.alpha, expected.alpha, tolerance);
    assert_near(law.beta, expected.beta, tolerance);
}

static void both_methods_find_an_exact_law(void **state)
{
    (void)state;
    for (int statistic = 0; statistic < SS_SCALING_STATISTIC_COUNT; statistic++) {
        double levels[SS_SCALING_LEVELS];
        double r_squared;
        ss_law law;
        assert_same_law(law_of((ss_scaling_statistic)statistic, NULL, &r_squared), truth, 1e-12);
        assert_near(r_squared, 1, 1e-12);
        ss_scaling *scaling = summarised((ss_scaling_statistic)statistic, NULL);
        ss_scaling_levels(scaling, levels);
        assert_int_equal(ss_scaling_fit_crossings(scaling, both, levels, &law, &r_squared),
                         SS_SCALING_SOUND);
        assert_same_law(law, truth, 1e-11);
        assert_near(r_squared, 1, 1e-12);
        ss_scaling_destroy(&scaling);
    }
}

/* The model's prediction less a cell's log error, weighted, is orthogonal to every column. */
static void the_fit_solves_the_normal_equations(void **state)
{
    (void)state;
    double r_squared;
    double spread[CELLS];
    double mean[CELLS];
    double common = 0;
    roughen(1);
    ss_law law = law_of(SS_SCALING_MEAN, NULL, &r_squared);
    for (int cell = 0; cell < CELLS; cell++) {
        double squares = 0;
        mean[cell] = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            mean[cell] += values[cell * SEEDS + seed] / SEEDS;
        }
        for (int seed = 0; seed < SEEDS; seed++) {
            squares += pow(values[cell * SEEDS + seed] / mean[cell] - 1, 2);
        }
        spread[cell] = squares / (SEEDS - 1);
        common += spread[cell] / CELLS;
    }
    double moments[3] = {0};
    double total[3] = {0}; /* of weights, of weighted log errors and of their squares */
    double left = 0;
    for (int cell = 0; cell < CELLS; cell++) {
        double drawn = ((SEEDS - 1) * spread[cell] + 4 * common) / (SEEDS - 1 + 4);
        double weight = SEEDS / drawn;
        double y = log(mean[cell]);
        double residual = y - ss_law_log_error(law, log_d[cell], log_n[cell]);
        moments[0] += weight * residual;
        moments[1] += weight * residual * log_d[cell];
        moments[2] += weight * residual * log_n[cell];
        left += weight * residual * residual;
        total[0] += weight;
        total[1] += weight * y;
        total[2] += weight * y * y;
    }
    for (int i = 0; i < 3; i++) {
        assert_near(moments[i] / total[0], 0, 1e-11);
    }
    assert_near(r_squared, 1 - left / (total[2] - total[1] * total[1] / total[0]), 1e-11);
}

static void a_seed_taken_twice_counts_as_two_seeds(void **state)
{
    (void)state;
    const uint32_t times[SEEDS] = {2, 0, 1, 0, 3, 0};
    const int taken[SEEDS] = {0, 0, 2, 4, 4, 4};
    double before;
    double after;
    roughen(2);
    for (int statistic = 0; statistic < SS_SCALING_STATISTIC_COUNT; statistic++) {
        ss_law resampled = law_of((ss_scaling_statistic)statistic, times, &before);
        double old[CELLS * SEEDS];
        memcpy(old, values, sizeof values);
        for (int i = 0; i < CELLS * SEEDS; i++) {
            values[i] = old[i / SEEDS * SEEDS + taken[i % SEEDS]];
        }
        assert_same_law(law_of((ss_scaling_statistic)statistic, NULL, &after), resampled, 1e-13);
        assert_near(after, before, 1e-13);
        memcpy(values, old, sizeof values);
    }
}

static void missing_values_and_empty_cells_are_left_out(void **state)
{
    (void)state;
    double r_squared;
    roughen(3);
    for (int seed = 0; seed < SEEDS; seed++) {
        values[7 * SEEDS + seed] = NAN; /* a cell without a run */
        values[9 * SEEDS + seed] = seed == 4 ? 0.5 : NAN;
    }
    values[3] = NAN;
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    double sum = values[0] + values[1] + values[2] + values[4] + values[5];
    assert_true(isnan(ss_scaling_value(scaling, 7)));
    assert_near(ss_scaling_value(scaling, 9), 0.5, 1e-15);
    assert_true(isnan(ss_scaling_standard_error(scaling, 9)));
    assert_near(ss_scaling_value(scaling, 0), sum / 5, 1e-15);
    ss_scaling_destroy(&scaling);
    ss_law law = law_of(SS_SCALING_MEAN, NULL, &r_squared);
    assert_true(isfinite(law.c) && isfinite(law.alpha) && isfinite(law.beta));
}

static void the_standard_error_is_that_of_the_mean(void **state)
{
    (void)state;
    double squares = 0;
    roughen(4);
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    double mean = ss_scaling_value(scaling, 2);
    for (int seed = 0; seed < SEEDS; seed++) {
        squares += pow(values[2 * SEEDS + seed] - mean, 2);
    }
    assert_near(ss_scaling_standard_error(scaling, 2), sqrt(squares / (SEEDS - 1) / SEEDS), 1e-14);
    ss_scaling_destroy(&scaling);
}

/* Leaves the cells for which keep() holds. */
static ss_scaling *keeping(bool (*keep)(int cell))
{
    exact_law(NULL);
    for (int i = 0; i < CELLS * SEEDS; i++) {
        values[i] = keep(i / SEEDS) ? values[i] : NAN;
    }
    return summarised(SS_SCALING_MEAN, NULL);
}

static bool one_d(int cell)
{
    return cell / N == 1;
}

static bool one_n(int cell)
{
    return cell % N == 2;
}

static bool one_cell(int cell)
{
    return cell == 3;
}

static bool no_cell(int cell)
{
    return cell < 0;
}

static bool two_cells(int cell)
{
    return cell == 0 || cell == CELLS - 1;
}

static bool one_diagonal(int cell)
{
    return cell == 0 || cell == N + 2 || cell == N + 3 || cell == 2 * N + 3;
}

static ss_scaling_trouble trouble_with(bool (*keep)(int cell))
{
    double r_squared;
    ss_law law;
    ss_scaling *scaling = keeping(keep);
    ss_scaling_trouble trouble =
        ss_scaling_fit_cells(scaling, ss_scaling_axes_of(scaling), &law, &r_squared);
    ss_scaling_destroy(&scaling);
    return trouble;
}

static void grids_that_do_not_identify_an_exponent_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(trouble_with(one_cell), SS_SCALING_ONE_PLACE);
    assert_int_equal(trouble_with(no_cell), SS_SCALING_TOO_FEW);
    assert_int_equal(trouble_with(two_cells), SS_SCALING_TOO_FEW);
    assert_int_equal(trouble_with(one_diagonal), SS_SCALING_SOUND);
    exact_law(NULL);
    for (int cell = 0; cell < CELLS; cell++) { /* n in proportion to d² */
        log_n[cell] = 2 * log_d[cell] + 1;
    }
    double r_squared;
    ss_law law;
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    assert_int_equal(ss_scaling_fit_cells(scaling, both, &law, &r_squared), SS_SCALING_TIED);
    ss_scaling_destroy(&scaling);
}

static void of_one_d_there_is_beta_and_of_one_n_there_is_alpha(void **state)
{
    static const bool all[SS_CURVATURE_TERMS] = {true, true, true};
    double levels[SS_SCALING_LEVELS];
    double terms[SS_CURVATURE_TERMS];
    double r_squared;
    ss_law law;
    (void)state;
    ss_scaling *scaling = keeping(one_d);
    ss_scaling_axes axes = ss_scaling_axes_of(scaling);
    assert_true(!axes.d && axes.n);
    double level = truth.c + truth.alpha * log_d[N];
    ss_scaling_levels(scaling, levels);
    ss_scaling_fit_curvature(scaling, axes, all, terms);
    assert_true(isnan(terms[0]) && isnan(terms[2]));
    assert_near(terms[1], 0, 1e-12);
    assert_int_equal(ss_scaling_fit_cells(scaling, axes, &law, &r_squared), SS_SCALING_SOUND);
    assert_near(law.c, level, 1e-12);
    assert_near(law.beta, truth.beta, 1e-12);
    assert_true(isnan(law.alpha));
    assert_near(ss_law_log_error(law, log_d[N], log_n[N]), log(values[(size_t)N * SEEDS]), 1e-12);
    assert_int_equal(ss_scaling_fit_crossings(scaling, axes, levels, &law, &r_squared),
                     SS_SCALING_SOUND);
    assert_near(law.c, level, 1e-11);
    assert_near(law.beta, truth.beta, 1e-11);
    assert_true(isnan(law.alpha));
    ss_scaling_destroy(&scaling);

    scaling = keeping(one_n);
    axes = ss_scaling_axes_of(scaling);
    assert_true(axes.d && !axes.n);
    ss_scaling_fit_curvature(scaling, axes, all, terms);
    assert_near(terms[0], 0, 1e-12);
    assert_true(isnan(terms[1]) && isnan(terms[2]));
    assert_int_equal(ss_scaling_fit_cells(scaling, axes, &law, &r_squared), SS_SCALING_SOUND);
    assert_near(law.c, truth.c - truth.beta * log_n[2], 1e-12);
    assert_near(law.alpha, truth.alpha, 1e-12);
    assert_true(isnan(law.beta));
    assert_int_equal(ss_scaling_fit_crossings(scaling, axes, levels, &law, &r_squared),
                     SS_SCALING_TOO_FEW);
    ss_scaling_destroy(&scaling);
}

/* Errors of the first curve, in place of the law's. */
static void set_first_curve(const double errors[N])
{
    for (int i = 0; i < N * SEEDS; i++) {
        values[i] = errors[i / SEEDS];
    }
}

static void a_crossing_is_where_a_curve_goes_below_for_good(void **state)
{
    (void)state;
    const double up_and_down[N] = {8, 2, 4, 1, 0.5};
    set_first_curve(up_and_down);
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    ss_crossing crossing = ss_scaling_cross(scaling, 0, log(3));
    assert_int_equal(crossing.kind, SS_CROSSING_FOUND);
    double part = log(4.0 / 3) / log(4.0); /* between the third cell and the fourth */
    assert_near(crossing.log_n, log_n[2] + part * (log_n[3] - log_n[2]), 1e-14);
    assert_int_equal(ss_scaling_cross(scaling, 0, log(0.4)).kind, SS_CROSSING_NOT_REACHED);
    assert_int_equal(ss_scaling_cross(scaling, 0, log(9)).kind, SS_CROSSING_BELOW);
    crossing = ss_scaling_cross(scaling, 0, log(0.5) + 1e-15); /* at the last cell */
    assert_int_equal(crossing.kind, SS_CROSSING_FOUND);
    assert_near(crossing.log_n, log_n[4], 1e-12);
    ss_scaling_destroy(&scaling);
}

static void a_crossing_passes_over_cells_without_a_value(void **state)
{
    (void)state;
    const double errors[N] = {8, 4, NAN, 1, NAN};
    set_first_curve(errors);
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    ss_crossing crossing = ss_scaling_cross(scaling, 0, log(2));
    assert_int_equal(crossing.kind, SS_CROSSING_FOUND);
    assert_near(crossing.log_n, (log_n[1] + log_n[3]) / 2, 1e-14);
    ss_scaling_destroy(&scaling);
}

/* Between two cells of the same variance, the middle has half of it. */
static void a_crossing_weighs_as_much_as_the_errors_beside_it(void **state)
{
    (void)state;
    for (int cell = 0; cell < CELLS; cell++) {
        for (int seed = 0; seed < SEEDS; seed++) {
            values[cell * SEEDS + seed] *= seed % 2 == 0 ? 0.9 : 1.1;
        }
    }
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    double spread = 0.01 * SEEDS / (SEEDS - 1);
    double middle = (log(ss_scaling_value(scaling, 0)) + log(ss_scaling_value(scaling, 1))) / 2;
    assert_near(ss_scaling_cross(scaling, 0, middle).weight, 2 * SEEDS / spread, 1e-9);
    ss_scaling_destroy(&scaling);
}

static void levels_lie_between_the_least_and_the_largest_error(void **state)
{
    (void)state;
    double levels[SS_SCALING_LEVELS];
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    double least = ss_law_log_error(truth, log_d[0], log_n[N - 1]);
    double most = ss_law_log_error(truth, log_d[CELLS - 1], log_n[0]);
    double step = (most - least) / SS_SCALING_LEVELS;
    ss_scaling_levels(scaling, levels);
    for (int level = 0; level < SS_SCALING_LEVELS; level++) {
        assert_near(levels[level], least + (level + 0.5) * step, 1e-12);
    }
    ss_scaling_destroy(&scaling);
}

static void curvature_is_found_where_the_grid_can_tell(void **state)
{
    (void)state;
    const bool all[SS_CURVATURE_TERMS] = {true, true, true};
    const double bends[SS_CURVATURE_TERMS] = {0.2, -0.1, 0.05};
    double center_d = 0;
    double center_n = 0;
    double terms[SS_CURVATURE_TERMS];
    for (int cell = 0; cell < CELLS; cell++) {
        center_d += log_d[cell] / CELLS;
        center_n += log_n[cell] / CELLS;
    }
    for (int i = 0; i < CELLS * SEEDS; i++) {
        double x = log_d[i / SEEDS] - center_d;
        double y = log_n[i / SEEDS] - center_n;
        values[i] *= exp(bends[0] * x * x + bends[1] * y * y + bends[2] * x * y);
    }
    ss_scaling *scaling = summarised(SS_SCALING_MEAN, NULL);
    ss_scaling_fit_curvature(scaling, both, all, terms);
    for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
        assert_near(terms[term], bends[term], 1e-11);
    }
    ss_scaling_destroy(&scaling);

    sample.cells = 2 * N; /* two values of d: no log² d */
    scaling = summarised(SS_SCALING_MEAN, NULL);
    sample.cells = CELLS;
    ss_scaling_fit_curvature(scaling, both, all, terms);
    assert_true(isnan(terms[0]));
    assert_near(terms[1], bends[1], 1e-11);
    assert_true(isfinite(terms[2]));
    ss_scaling_destroy(&scaling);
}

static void resamples_are_fair_and_reproducible(void **state)
{
    (void)state;
    enum { RESAMPLES = 20000, MANY = 7 };
    double totals[MANY] = {0};
    double products = 0; /* of the first two seeds' counts */
    for (int64_t resample = 0; resample < RESAMPLES; resample++) {
        uint32_t times[MANY];
        uint32_t again[MANY];
        uint32_t sum = 0;
        ss_bootstrap_draw(99, resample, MANY, times);
        ss_bootstrap_draw(99, resample, MANY, again);
        assert_memory_equal(times, again, sizeof times);
        for (int seed = 0; seed < MANY; seed++) {
            sum += times[seed];
            totals[seed] += times[seed];
        }
        assert_int_equal(sum, MANY);
        products += (double)times[0] * times[1];
    }
    for (int seed = 0; seed < MANY; seed++) { /* mean 1, deviation √(6/7) */
        assert_near(totals[seed] / RESAMPLES, 1, 5 * sqrt(6.0 / 7 / RESAMPLES));
    }
    /* E = 7 · 6 / 49 of a multinomial; its deviation is about 1 */
    assert_near(products / RESAMPLES, 6.0 / 7, 5 / sqrt(RESAMPLES));
    uint32_t first[MANY];
    uint32_t other[MANY];
    ss_bootstrap_draw(99, 0, MANY, first);
    ss_bootstrap_draw(100, 0, MANY, other);
    assert_memory_not_equal(first, other, sizeof first);
}

/* Values 1 … 9999 in another order, and NaN between. */
static ss_interval interval_of(int64_t seeds)
{
    enum { COUNT = 9999 };
    static double shuffled[COUNT + 50];
    for (int i = 0; i < COUNT; i++) {
        shuffled[i] = 1 + (double)((i * 7919LL) % COUNT);
    }
    for (int i = COUNT; i < COUNT + 50; i++) {
        shuffled[i] = NAN;
    }
    return ss_bootstrap_interval(5000, shuffled, COUNT + 50, seeds, 0.95);
}

static void intervals_are_percentiles_widened_for_few_seeds(void **state)
{
    (void)state;
    ss_interval many = interval_of(100000000);
    assert_near(many.value, 5000, 0);
    assert_near(many.low, 249, 1); /* 2.5 % of 10000 */
    assert_near(many.high, 9751, 1);
    /* t(0.975, 19) = 2.0930; Φ(−√(20/19) · 2.0930) = 0.01589, of 10000 the 158th, never less wide
     */
    ss_interval twenty = interval_of(20);
    assert_near(twenty.low, 158, 0);
    assert_near(twenty.high, 9842, 0);
    ss_interval two = interval_of(2); /* t(0.975, 1) = 12.7: all that there is */
    assert_near(two.low, 1, 0);
    assert_near(two.high, 9999, 0);
    ss_interval one = interval_of(1);
    assert_true(isnan(one.low) && isnan(one.high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_methods_find_an_exact_law, exact_law),
        cmocka_unit_test_setup(the_fit_solves_the_normal_equations, exact_law),
        cmocka_unit_test_setup(a_seed_taken_twice_counts_as_two_seeds, exact_law),
        cmocka_unit_test_setup(missing_values_and_empty_cells_are_left_out, exact_law),
        cmocka_unit_test_setup(the_standard_error_is_that_of_the_mean, exact_law),
        cmocka_unit_test_setup(grids_that_do_not_identify_an_exponent_are_told_apart, exact_law),
        cmocka_unit_test_setup(of_one_d_there_is_beta_and_of_one_n_there_is_alpha, exact_law),
        cmocka_unit_test_setup(a_crossing_is_where_a_curve_goes_below_for_good, exact_law),
        cmocka_unit_test_setup(a_crossing_passes_over_cells_without_a_value, exact_law),
        cmocka_unit_test_setup(a_crossing_weighs_as_much_as_the_errors_beside_it, exact_law),
        cmocka_unit_test_setup(levels_lie_between_the_least_and_the_largest_error, exact_law),
        cmocka_unit_test_setup(curvature_is_found_where_the_grid_can_tell, exact_law),
        cmocka_unit_test(resamples_are_fair_and_reproducible),
        cmocka_unit_test(intervals_are_percentiles_widened_for_few_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
