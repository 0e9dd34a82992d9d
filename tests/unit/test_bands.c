/* Bands against the plain formulas of their statistics. */
#include "check.h"

#include "saddlesweep/bands.h"

#include <stdlib.h>

enum { SEEDS = 23, CHECKPOINTS = 7 };

static double trajectories[SEEDS * CHECKPOINTS];
static bool all_included[SEEDS];
static ss_bands bands;

static int prepare(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < SEEDS * CHECKPOINTS; i++) {
        trajectories[i] = 3 * check_uniform(&seed);
    }
    for (int s = 0; s < SEEDS; s++) {
        all_included[s] = true;
    }
    return ss_bands_create(CHECKPOINTS, &bands) != SS_OK;
}

static int release(void **state)
{
    (void)state;
    ss_bands_destroy(&bands);
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Type 7 of Hyndman and Fan: position (n-1) q among the order statistics, linear in between. */
static double quantile(const double *sorted, int64_t count, double q)
{
    double position = (double)(count - 1) * q;
    int64_t below = (int64_t)floor(position);
    int64_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (position - (double)below) * (sorted[above] - sorted[below]);
}

static double expected_statistic(const double *sorted, int64_t count, ss_statistic statistic)
{
    double mean = 0;
    double squares = 0;
    for (int64_t i = 0; i < count; i++) {
        mean += sorted[i] / (double)count;
    }
    for (int64_t i = 0; i < count; i++) {
        squares += (sorted[i] - mean) * (sorted[i] - mean);
    }
    switch (statistic) {
    case SS_MEAN:
        return count > 0 ? mean : NAN;
    case SS_STD:
        return count > 1 ? sqrt(squares / (double)(count - 1)) : NAN;
    case SS_MEDIAN:
        return quantile(sorted, count, 0.5);
    case SS_Q05:
        return quantile(sorted, count, 0.05);
    case SS_Q25:
        return quantile(sorted, count, 0.25);
    case SS_Q75:
        return quantile(sorted, count, 0.75);
    case SS_Q95:
        return quantile(sorted, count, 0.95);
    case SS_MIN:
        return sorted[0];
    case SS_MAX:
        return sorted[count - 1];
    case SS_STATISTIC_COUNT:
        break;
    }
    return NAN;
}

/* Values below 3, at most 23 of them: rounding stays below 1e-14. */
static void assert_bands(const bool *included, const double *scale)
{
    assert_int_equal(ss_bands_compute(trajectories, CHECKPOINTS, SEEDS, included, scale, &bands),
                     SS_OK);
    for (int p = 0; p < CHECKPOINTS; p++) {
        double sorted[SEEDS];
        int64_t count = 0;
        for (int s = 0; s < SEEDS; s++) {
            double value = trajectories[s * CHECKPOINTS + p] * (scale ? scale[s] : 1);
            if (included[s] && isfinite(value)) {
                sorted[count++] = value;
            }
        }
        qsort(sorted, (size_t)count, sizeof *sorted, compare);
        assert_int_equal(bands.count[p], count);
        for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
            double expected = count == 0 ? NAN : expected_statistic(sorted, count, (ss_statistic)s);
            if (isnan(expected)) {
                assert_true(isnan(bands.statistic[s][p]));
            } else {
                assert_near(bands.statistic[s][p], expected, 1e-14);
            }
        }
    }
}

static void all_statistics_follow_their_formulas(void **state)
{
    (void)state;
    assert_bands(all_included, NULL);
}

static void only_included_seeds_count(void **state)
{
    (void)state;
    bool included[SEEDS] = {false};
    for (int s = 0; s < SEEDS; s += 3) {
        included[s] = true;
    }
    assert_bands(included, NULL);
}

static void every_small_count_is_right(void **state)
{
    (void)state;
    for (int count = 0; count <= 5; count++) {
        bool included[SEEDS] = {false};
        for (int s = 0; s < count; s++) {
            included[2 * s] = true;
        }
        assert_bands(included, NULL);
        assert_int_equal(bands.count[0], count);
    }
}

static void no_value_gives_nan_and_count_zero(void **state)
{
    (void)state;
    bool none[SEEDS] = {false};
    assert_int_equal(ss_bands_compute(trajectories, CHECKPOINTS, SEEDS, none, NULL, &bands), SS_OK);
    assert_int_equal(bands.count[0], 0);
    for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
        assert_true(isnan(bands.statistic[s][0]));
    }
}

static void one_value_has_no_deviation(void **state)
{
    (void)state;
    bool one[SEEDS] = {false};
    one[4] = true;
    assert_int_equal(ss_bands_compute(trajectories, CHECKPOINTS, SEEDS, one, NULL, &bands), SS_OK);
    assert_int_equal(bands.count[2], 1);
    assert_true(isnan(bands.statistic[SS_STD][2]));
    assert_near(bands.statistic[SS_MEAN][2], trajectories[4 * CHECKPOINTS + 2], 0);
    assert_near(bands.statistic[SS_Q05][2], trajectories[4 * CHECKPOINTS + 2], 0);
    assert_near(bands.statistic[SS_MAX][2], trajectories[4 * CHECKPOINTS + 2], 0);
}

static void values_that_are_not_finite_are_left_out(void **state)
{
    (void)state;
    double kept[3] = {trajectories[1], trajectories[CHECKPOINTS + 1], trajectories[3]};
    trajectories[1] = NAN;
    trajectories[CHECKPOINTS + 1] = INFINITY;
    trajectories[3] = -INFINITY;
    assert_bands(all_included, NULL);
    assert_int_equal(bands.count[0], SEEDS);
    assert_int_equal(bands.count[1], SEEDS - 2);
    assert_int_equal(bands.count[3], SEEDS - 1);
    trajectories[1] = kept[0];
    trajectories[CHECKPOINTS + 1] = kept[1];
    trajectories[3] = kept[2];
}

static void scale_multiplies_each_seed(void **state)
{
    (void)state;
    double scale[SEEDS];
    for (int s = 0; s < SEEDS; s++) {
        scale[s] = 1 / (1.0 + s);
    }
    assert_bands(all_included, scale);
}

static void a_scale_that_is_not_finite_leaves_its_seed_out(void **state)
{
    (void)state;
    double scale[SEEDS];
    for (int s = 0; s < SEEDS; s++) {
        scale[s] = s == 7 ? NAN : 1;
    }
    assert_bands(all_included, scale);
    assert_int_equal(bands.count[0], SEEDS - 1);
}

static void later_computations_overwrite_earlier_ones(void **state)
{
    (void)state;
    bool none[SEEDS] = {false};
    assert_int_equal(ss_bands_compute(trajectories, CHECKPOINTS, SEEDS, none, NULL, &bands), SS_OK);
    assert_bands(all_included, NULL);
}

static void statistics_have_the_names_of_the_result_file(void **state)
{
    (void)state;
    static const char *const names[] = {"mean", "std", "median", "q05", "q25",
                                        "q75",  "q95", "min",    "max"};
    assert_int_equal(SS_STATISTIC_COUNT, COUNT_OF(names));
    for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
        assert_string_equal(ss_statistic_name((ss_statistic)s), names[s]);
        assert_true(strlen(ss_statistic_description((ss_statistic)s)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_statistics_follow_their_formulas),
        cmocka_unit_test(only_included_seeds_count),
        cmocka_unit_test(every_small_count_is_right),
        cmocka_unit_test(no_value_gives_nan_and_count_zero),
        cmocka_unit_test(one_value_has_no_deviation),
        cmocka_unit_test(values_that_are_not_finite_are_left_out),
        cmocka_unit_test(scale_multiplies_each_seed),
        cmocka_unit_test(a_scale_that_is_not_finite_leaves_its_seed_out),
        cmocka_unit_test(later_computations_overwrite_earlier_ones),
        cmocka_unit_test(statistics_have_the_names_of_the_result_file),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
