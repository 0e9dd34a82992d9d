/* The float32 functions of src/kernel/lane_math.h against float64 libm, as this file is compiled:
 * test_kernel.c shows that every instruction set gives the same bits. */
#include "src/kernel/lane_math.h"
#include "with_cmocka.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

typedef lanes_f32 (*lanes_function)(lanes_f32 x);
typedef double (*exact_function)(double x);

static lanes_f32 tanh_lanes(lanes_f32 x)
{
    return lanes_tanh(x);
}

static lanes_f32 sigmoid_lanes(lanes_f32 x)
{
    return lanes_sigmoid(x);
}

static lanes_f32 erf_lanes(lanes_f32 x)
{
    return lanes_erf(x);
}

static lanes_f32 exp_lanes(lanes_f32 x)
{
    return lanes_exp(x);
}

static double exact_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

typedef struct errors {
    double absolute;
    double relative;
} errors;

/* The largest errors over every 997th normal float up to `largest`, and their negatives. */
static errors largest_errors(lanes_function approximate, exact_function exact, float largest)
{
    errors worst = {0, 0};
    const uint32_t first = 0x01000000; /* below, results have fewer than 24 bits */
    uint32_t last;
    memcpy(&last, &largest, sizeof last);
    for (uint32_t word = first; word <= last; word += 997) {
        float x;
        memcpy(&x, &word, sizeof x);
        lanes_f32 values = lanes_all(0);
        values[0] = x;
        values[LANES_WIDTH - 1] = -x;
        lanes_f32 result = approximate(values);
        for (int side = 0; side < 2; side++) {
            int lane = side == 0 ? 0 : LANES_WIDTH - 1;
            double truth = exact((double)values[lane]);
            double error = fabs((double)result[lane] - truth);
            worst.absolute = fmax(worst.absolute, error);
            worst.relative = fmax(worst.relative, error / fabs(truth));
        }
    }
    return worst;
}

/* The bounds are those that the header states. */
static void tanh_is_as_accurate_as_stated(void **state)
{
    (void)state;
    errors worst = largest_errors(tanh_lanes, tanh, 20);
    assert_true(worst.absolute <= 1.1e-7);
    assert_true(worst.relative <= 2.9e-7);
}

static void sigmoid_is_as_accurate_as_stated(void **state)
{
    (void)state;
    assert_true(largest_errors(sigmoid_lanes, exact_sigmoid, 40).absolute <= 8.5e-8);
}

static void erf_is_as_accurate_as_stated(void **state)
{
    (void)state;
    errors worst = largest_errors(erf_lanes, erf, 10);
    assert_true(worst.absolute <= 1.41e-7);
    assert_true(worst.relative <= 3.0e-7);
}

static void exp_is_as_accurate_as_stated(void **state)
{
    (void)state;
    assert_true(largest_errors(exp_lanes, exp, 86.9F).relative <= 1.9e-7);
}

static void odd_functions_are_odd_to_the_bit(void **state)
{
    (void)state;
    for (uint32_t word = 0; word < 0x42000000; word += 99991) {
        float x;
        memcpy(&x, &word, sizeof x);
        assert_true(lanes_tanh(lanes_all(-x))[0] == -lanes_tanh(lanes_all(x))[0]);
        assert_true(lanes_erf(lanes_all(-x))[0] == -lanes_erf(lanes_all(x))[0]);
    }
}

static void limits_are_exact_and_nan_stays(void **state)
{
    (void)state;
    lanes_function functions[] = {tanh_lanes, sigmoid_lanes, erf_lanes, exp_lanes};
    double at_infinity[] = {1, 1, 1, INFINITY};
    double at_minus_infinity[] = {-1, 0, -1, 0};
    for (int i = 0; i < 4; i++) {
        assert_true((double)functions[i](lanes_all(INFINITY))[0] == at_infinity[i]);
        assert_true((double)functions[i](lanes_all(-INFINITY))[0] == at_minus_infinity[i]);
        assert_true(isnan(functions[i](lanes_all(NAN))[0]));
    }
}

/* Every 65,521st word (a prime, so that all residues come), and both ends. */
static void logarithm_and_turn_are_as_accurate_as_stated(void **state)
{
    (void)state;
    for (uint64_t step = 0; step <= UINT32_MAX / 65521 + 1; step++) {
        uint32_t x = step * 65521 < UINT32_MAX ? (uint32_t)(step * 65521) : UINT32_MAX;
        double u = ((double)x + 0.5) * 0x1p-32;
        lanes_f32 sine;
        lanes_f32 cosine;
        lanes_u32 words = (lanes_u32){0} + x;
        double logarithm = (double)lanes_log_unit(words)[0];
        lanes_sincos_turn(words, &sine, &cosine);
        assert_true(logarithm < 0);
        assert_true(fabs(logarithm / log(u) - 1) <= 2.9e-7);
        assert_true(fabs((double)sine[0] - sin(2 * M_PI * u)) <= 1.2e-7);
        assert_true(fabs((double)cosine[0] - cos(2 * M_PI * u)) <= 1.2e-7);
    }
}

static void philox_gives_the_words_of_random123_in_every_lane(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t k0 = i * 0x9e3779b9U;
        uint32_t k1 = ~i;
        lanes_u32 counter[4];
        lanes_u32 out[4];
        for (int word = 0; word < 4; word++) {
            for (uint32_t lane = 0; lane < LANES_WIDTH; lane++) {
                counter[word][lane] = (i + lane) * 2654435761U ^ (uint32_t)word << 29;
            }
        }
        lanes_philox(counter, k0, k1, out);
        for (int lane = 0; lane < LANES_WIDTH; lane++) {
            philox4x32_ctr_t c = {
                {counter[0][lane], counter[1][lane], counter[2][lane], counter[3][lane]}};
            philox4x32_key_t k = {{k0, k1}};
            philox4x32_ctr_t expected = philox4x32(c, k);
            for (int word = 0; word < 4; word++) {
                assert_int_equal(out[word][lane], expected.v[word]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tanh_is_as_accurate_as_stated),
        cmocka_unit_test(sigmoid_is_as_accurate_as_stated),
        cmocka_unit_test(erf_is_as_accurate_as_stated),
        cmocka_unit_test(exp_is_as_accurate_as_stated),
        cmocka_unit_test(odd_functions_are_odd_to_the_bit),
        cmocka_unit_test(limits_are_exact_and_nan_stays),
        cmocka_unit_test(logarithm_and_turn_are_as_accurate_as_stated),
        cmocka_unit_test(philox_gives_the_words_of_random123_in_every_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
