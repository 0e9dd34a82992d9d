/* ‖E g‖² from noisy means: unbiased, and within its standard errors as often as they say. */
#include "check.h"

#include "saddlesweep/stream.h"
#include "src/sgda/squared_norm.h"

enum { GROUPS = 20, COUNT = 12, TRIALS = 2000 };

/* Means of norm 1 noise around a vector of this norm; the first coordinate has all of it. */
static ss_squared_norm trial(uint32_t number, double norm, double noise)
{
    double means[GROUPS * COUNT];
    double total[COUNT];
    ss_stream stream = ss_stream_bootstrap(1);
    ss_stream_matrix(&stream, number, GROUPS, COUNT, means);
    for (int entry = 0; entry < GROUPS * COUNT; entry++) {
        means[entry] *= noise;
        means[entry] += entry % COUNT == 0 ? norm : 0;
    }
    return ss_squared_norm_of(means, GROUPS, COUNT, total);
}

static void check_trials(double norm, double noise, double most_excess)
{
    double sum = 0;
    double sum_of_squares = 0;
    double sum_of_variances = 0;
    int within = 0;
    for (uint32_t number = 0; number < TRIALS; number++) {
        ss_squared_norm found = trial(number, norm, noise);
        double off = found.value - norm * norm;
        sum += off;
        sum_of_squares += off * off;
        sum_of_variances += found.std_error * found.std_error;
        within += fabs(off) <= 2 * found.std_error;
    }
    double deviation = sqrt(sum_of_squares / TRIALS);
    assert_near(sum / TRIALS, 0, 4 * deviation / sqrt(TRIALS));
    assert_at_most(deviation, 1.1 * sqrt(sum_of_variances / TRIALS));
    assert_at_most(sqrt(sum_of_variances / TRIALS), most_excess * deviation);
    assert_true(within > 0.9 * TRIALS);
    assert_true(within < TRIALS);
}

static void it_is_unbiased_and_knows_its_error(void **state)
{
    (void)state;
    check_trials(1, 0.1, 1.15); /* noise of a mean of all: 0.1 √(12 / 20), below the norm */
    check_trials(1, 1, 1.5);
    check_trials(1, 10, 1.6); /* and far above it */
    check_trials(0, 1, 1.6);
}

static void without_noise_it_is_exact(void **state)
{
    (void)state;
    ss_squared_norm found = trial(0, 3, 0);
    assert_near(found.value, 9, 1e-14);
    assert_near(found.std_error, 0, 1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_unbiased_and_knows_its_error),
        cmocka_unit_test(without_noise_it_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
