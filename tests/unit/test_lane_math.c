/* The functions of src/kernel/lane_math.h in both precisions and on every instruction set that the
 * processor has: their errors against libm, and the normals that they make. */
#include "check.h"
#include "effort.h"
#include "lane_math_set.h"

#include "saddlesweep/stream.h"

#include <stdlib.h>

extern const lane_math_set lane_math_portable_f32, lane_math_portable_f64;
#if defined(SADDLESWEEP_X86)
extern const lane_math_set lane_math_narrow_f32, lane_math_narrow_f64;
extern const lane_math_set lane_math_avx2_f32, lane_math_avx2_f64;
extern const lane_math_set lane_math_avx512_f32, lane_math_avx512_f64;
#endif

enum { MOST_SETS = 8 };
static const lane_math_set *sets[MOST_SETS];
static int set_count;

static int find_sets(void **state)
{
    (void)state;
    sets[set_count++] = &lane_math_portable_f32;
    sets[set_count++] = &lane_math_portable_f64;
#if defined(SADDLESWEEP_X86)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        sets[set_count++] = &lane_math_narrow_f32;
        sets[set_count++] = &lane_math_narrow_f64;
        sets[set_count++] = &lane_math_avx2_f32;
        sets[set_count++] = &lane_math_avx2_f64;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        sets[set_count++] = &lane_math_avx512_f32;
        sets[set_count++] = &lane_math_avx512_f64;
    }
#endif
    return 0;
}

static double rounded(double x, int bits)
{
    return bits == 32 ? (double)(float)x : x;
}

/* ---- tanh, sigmoid, erf, exp, GELU ---- */

enum { SAMPLES = 1 << 17 };

/* What the headers state; portable may make twice the error. No relative bound of the sigmoid, GELU
 * and its derivative: the truth fades where an absolute error is all that matters. */
typedef struct domain {
    lane_math_function function;
    int bits;
    double smallest, largest; /* magnitudes */
    double absolute, relative;
} domain;

static const domain domains[] = {
    {LANE_MATH_TANH, 32, 1e-37, 20, 1.5e-7, 2.1e-7},
    {LANE_MATH_SIGMOID, 32, 1e-37, 87, 9e-8, INFINITY},
    {LANE_MATH_ERF, 32, 1e-37, 10, 1.8e-7, 3.1e-7},
    {LANE_MATH_EXP, 32, 1e-37, 86.9, INFINITY, 1.7e-7},
    {LANE_MATH_GELU, 32, 1e-37, 8, 7e-7, INFINITY},
    {LANE_MATH_GELU_SLOPE, 32, 1e-37, 8, 1.8e-7, INFINITY},
    {LANE_MATH_TANH, 64, 1e-300, 40, 2.8e-16, 3.8e-16},
    {LANE_MATH_SIGMOID, 64, 1e-300, 700, 1.8e-16, INFINITY},
    {LANE_MATH_ERF, 64, 1e-300, 10, 4.5e-16, 1e-15},
    {LANE_MATH_EXP, 64, 1e-300, 707, INFINITY, 3e-16},
    {LANE_MATH_GELU, 64, 1e-300, 8, 2.5e-15, INFINITY},
    {LANE_MATH_GELU_SLOPE, 64, 1e-300, 8, 4.5e-16, INFINITY},
};

static long double normal_share(long double x)
{
    return erfcl(-x / sqrtl(2)) / 2;
}

static long double exact_value(lane_math_function function, long double x)
{
    switch (function) {
    case LANE_MATH_TANH:
        return tanhl(x);
    case LANE_MATH_SIGMOID:
        return 1 / (1 + expl(-x));
    case LANE_MATH_ERF:
        return erfl(x);
    case LANE_MATH_GELU:
        return x * normal_share(x);
    case LANE_MATH_GELU_SLOPE:
        return normal_share(x) + x * expl(-x * x / 2) / sqrtl(2 * M_PIl);
    case LANE_MATH_EXP:
    case LANE_MATH_FUNCTIONS:
        break;
    }
    return expl(x);
}

static double x[SAMPLES];
static double y[SAMPLES];
static long double truth[SAMPLES];

/* Magnitudes equally spaced, in their logarithm for a quarter of all, and at random in between. */
static void take_samples(const domain *domain)
{
    uint64_t random = 1;
    for (int i = 0; i < SAMPLES; i++) {
        double share = (i / 8 + check_uniform(&random) / 2 + 0.5) / (SAMPLES / 8);
        double size = i % 8 < 2 ? domain->smallest * pow(domain->largest / domain->smallest, share)
                                : domain->largest / pow(8, (i % 8 - 2) / 2) * share;
        x[i] = rounded(i % 2 ? -size : size, domain->bits);
        truth[i] = exact_value(domain->function, (long double)x[i]);
    }
}

static void functions_are_as_accurate_as_stated(void **state)
{
    (void)state;
    for (size_t d = 0; d < COUNT_OF(domains); d++) {
        take_samples(&domains[d]);
        for (int s = 0; s < set_count; s++) {
            if (sets[s]->bits != domains[d].bits) {
                continue;
            }
            double absolute = 0;
            double relative = 0;
            sets[s]->evaluate(domains[d].function, SAMPLES, x, y);
            for (int i = 0; i < SAMPLES; i++) {
                double error = (double)fabsl((long double)y[i] - truth[i]);
                absolute = fmax(absolute, error);
                relative = fmax(relative, error / (double)fabsl(truth[i]));
            }
            double allowed = sets[s]->fused ? 1 : 2;
            assert_at_most(absolute, allowed * domains[d].absolute);
            assert_at_most(relative, allowed * domains[d].relative);
        }
    }
}

/* To the bit, from 0 to infinity; and never beyond 1. */
static void tanh_and_erf_are_odd_and_bounded(void **state)
{
    (void)state;
    static double minus[SAMPLES];
    static double negated[SAMPLES];
    const domain everything = {LANE_MATH_EXP, 64, 1e-300, 1e7, 0, 0};
    take_samples(&everything);
    for (int i = 0; i < SAMPLES; i++) {
        x[i] = i < SAMPLES / 2 ? x[i] : fmod(x[i], 40);
        minus[i] = -x[i];
    }
    for (int s = 0; s < set_count; s++) {
        for (int f = 0; f < 2; f++) {
            lane_math_function function = f == 0 ? LANE_MATH_TANH : LANE_MATH_ERF;
            sets[s]->evaluate(function, SAMPLES, x, y);
            sets[s]->evaluate(function, SAMPLES, minus, negated);
            for (int i = 0; i < SAMPLES; i++) {
                assert_true(negated[i] == -y[i]);
                assert_true(fabs(y[i]) <= 1);
            }
        }
    }
}

static double value_at(const lane_math_set *set, lane_math_function function, double at)
{
    double in[LANE_MATH_BLOCK];
    double out[LANE_MATH_BLOCK];
    for (int i = 0; i < LANE_MATH_BLOCK; i++) {
        in[i] = at;
    }
    set->evaluate(function, LANE_MATH_BLOCK, in, out);
    return out[LANE_MATH_BLOCK - 1];
}

static void limits_are_exact_and_nan_stays(void **state)
{
    (void)state;
    const double at_infinity[] = {1, 1, 1, INFINITY};
    const double at_minus_infinity[] = {-1, 0, -1, 0};
    const double at_zero[] = {0, 0.5, 0, 1};
    for (int s = 0; s < set_count; s++) {
        for (int f = 0; f < LANE_MATH_GELU; f++) {
            assert_true(value_at(sets[s], f, INFINITY) == at_infinity[f]);
            assert_true(value_at(sets[s], f, -INFINITY) == at_minus_infinity[f]);
            assert_true(value_at(sets[s], f, 0) == at_zero[f]);
            assert_true(value_at(sets[s], f, 1e30) == at_infinity[f]);
            assert_true(value_at(sets[s], f, -1e30) == at_minus_infinity[f]);
            assert_true(isnan(value_at(sets[s], f, (double)NAN)));
            assert_true(isnan(value_at(sets[s], f, -(double)NAN)));
        }
        double saturated = sets[s]->bits == 32 ? 9.02 : 19.1;
        assert_true(value_at(sets[s], LANE_MATH_TANH, saturated) == 1);
        saturated = sets[s]->bits == 32 ? 4 : 5.95;
        assert_true(value_at(sets[s], LANE_MATH_ERF, saturated) == 1);
    }
}

/* x Φ(x) is x or 0 far out, where x² overflows, too; an infinite x gives NaN. */
static void gelu_is_relu_far_out(void **state)
{
    (void)state;
    const double sizes[] = {10, 40, 1024, 0x1p100};
    for (int s = 0; s < set_count; s++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            assert_true(value_at(sets[s], LANE_MATH_GELU, sizes[i]) == sizes[i]);
            assert_true(value_at(sets[s], LANE_MATH_GELU, -sizes[i]) == 0);
            assert_near(value_at(sets[s], LANE_MATH_GELU_SLOPE, sizes[i]), 1, 0);
            assert_near(value_at(sets[s], LANE_MATH_GELU_SLOPE, -sizes[i]), 0, 1e-20);
        }
        assert_true(value_at(sets[s], LANE_MATH_GELU, 0) == 0);
        assert_true(value_at(sets[s], LANE_MATH_GELU_SLOPE, 0) == 0.5);
        assert_true(isnan(value_at(sets[s], LANE_MATH_GELU, (double)NAN)));
        assert_true(isnan(value_at(sets[s], LANE_MATH_GELU_SLOPE, (double)NAN)));
    }
}

/* ---- words and normals ---- */

static void assert_words(const lane_math_set *set, const uint32_t group[LANE_MATH_BLOCK],
                         const uint32_t rest[3], const uint32_t key[2])
{
    uint32_t out[4][LANE_MATH_BLOCK];
    set->philox(group, rest[0], rest[1], rest[2], key, out);
    for (int lane = 0; lane < LANE_MATH_BLOCK; lane++) {
        uint32_t expected[4];
        ss_stream_philox((uint32_t[]){group[lane], rest[0], rest[1], rest[2]}, key, expected);
        for (int word = 0; word < 4; word++) {
            assert_int_equal(out[word][lane], expected[word]);
        }
    }
}

/* ss_stream_philox() itself is held to the published answers by test_stream.c. */
static void philox_gives_the_words_of_the_stream_in_every_lane(void **state)
{
    (void)state;
    for (int s = 0; s < set_count; s++) {
        uint64_t random = 2;
        uint32_t group[LANE_MATH_BLOCK];
        uint32_t rest[5];
        memset(group, 0, sizeof group);
        assert_words(sets[s], group, (uint32_t[]){0, 0, 0}, (uint32_t[]){0, 0});
        memset(group, 0xff, sizeof group);
        assert_words(sets[s], group, (uint32_t[]){~0U, ~0U, ~0U}, (uint32_t[]){~0U, ~0U});
        for (int round = 0; round < 1000; round++) {
            for (int i = 0; i < LANE_MATH_BLOCK; i++) {
                group[i] = (uint32_t)check_random(&random);
            }
            for (int i = 0; i < 5; i++) {
                rest[i] = (uint32_t)check_random(&random);
            }
            assert_words(sets[s], group, rest, rest + 3);
        }
    }
}

static long double unit_uniform(uint32_t word)
{
    return ((long double)word + 0.5L) * 0x1p-32L;
}

/* Radius relatively, sine and cosine as a share of it, at words close to both ends of their range
 * and every 65,521st (a prime, so that all residues come). */
static void box_and_muller_are_as_accurate_as_stated(void **state)
{
    (void)state;
    enum { NEAR = 1024, WORDS = 65552 + 2 * NEAR };
    static uint32_t words[WORDS];
    static uint32_t fixed[WORDS];
    static double z[4][WORDS];
    static long double expected[3][WORDS];
    const uint32_t slant = 0x30000000; /* neither sine nor cosine is small there */
    const long double radius = sqrtl(-2 * logl(unit_uniform(slant)));
    const long double turn = 2 * (long double)M_PIl;
    for (uint32_t i = 0; i < WORDS; i++) {
        words[i] = i < NEAR ? i : i < 2 * NEAR ? UINT32_MAX - (i - NEAR) : (i - 2 * NEAR) * 65521U;
        fixed[i] = slant;
        long double u = unit_uniform(words[i]);
        expected[0][i] = sqrtl(-2 * logl(u)) * cosl(turn * unit_uniform(slant));
        expected[1][i] = cosl(turn * u);
        expected[2][i] = sinl(turn * u);
    }
    for (int s = 0; s < set_count; s++) {
        double worst[3] = {0};
        sets[s]->box_muller(WORDS, words, fixed, z[0], z[3]);
        sets[s]->box_muller(WORDS, fixed, words, z[1], z[2]);
        for (int i = 0; i < WORDS; i++) {
            worst[0] = fmax(worst[0], (double)fabsl((long double)z[0][i] / expected[0][i] - 1));
            for (int k = 1; k < 3; k++) {
                double error = (double)fabsl((long double)z[k][i] / radius - expected[k][i]);
                worst[k] = fmax(worst[k], error);
            }
        }
        for (int k = 0; k < 3; k++) {
            assert_at_most(worst[k],
                           (sets[s]->bits == 32 ? 2.8e-7 : 6e-16) * (sets[s]->fused ? 1 : 1.25));
        }
    }
}

static void normals_are_those_of_the_stream_to_rounding(void **state)
{
    (void)state;
    ss_stream stream = ss_stream_latents(20200713, 3, 2);
    for (int s = 0; s < set_count; s++) {
        double tolerance = sets[s]->bits == 32 ? 1.5e-6 : 4e-15;
        for (uint32_t first = 0; first < 20000; first += LANE_MATH_BLOCK) {
            double z[4 * LANE_MATH_BLOCK];
            sets[s]->normals(first, 1, 5, stream.salt, stream.key, z);
            for (uint32_t lane = 0; lane < LANE_MATH_BLOCK; lane++) {
                double expected[4];
                ss_stream_group(&stream, 5, first + lane, 1, expected);
                for (uint32_t word = 0; word < 4; word++) {
                    assert_near(z[word * LANE_MATH_BLOCK + lane], expected[word], tolerance);
                }
            }
        }
    }
}

/* ---- the same bits ---- */

static void assert_same_bits(const lane_math_set *a, const lane_math_set *b)
{
    static double other[SAMPLES];
    for (size_t d = 0; d < COUNT_OF(domains); d++) {
        if (domains[d].bits == a->bits) {
            take_samples(&domains[d]);
            x[0] = INFINITY;
            x[1] = -INFINITY;
            a->evaluate(domains[d].function, SAMPLES, x, y);
            b->evaluate(domains[d].function, SAMPLES, x, other);
            assert_memory_equal(y, other, sizeof other);
        }
    }
    for (uint32_t first = 0; first < 1U << 18; first += LANE_MATH_BLOCK) {
        const uint32_t key[2] = {first, 3};
        double z[2][4 * LANE_MATH_BLOCK];
        a->normals(first, 1, 2, 3, key, z[0]);
        b->normals(first, 1, 2, 3, key, z[1]);
        assert_memory_equal(z[0], z[1], sizeof z[0]);
    }
}

/* The narrow sets are AVX2's instructions on half of its registers: there is something to compare
 * without AVX-512 too. */
static void fused_sets_give_the_same_bits(void **state)
{
    (void)state;
    for (int a = 0; a < set_count; a++) {
        for (int b = 0; b < a; b++) {
            if (sets[a]->fused && sets[b]->fused && sets[a]->bits == sets[b]->bits) {
                assert_same_bits(sets[a], sets[b]);
            }
        }
    }
}

/* ---- tails and bulk ---- */

/* The rate of |z| > s over all 2^64 pairs of words: how often the radius exceeds s, times the share
 * of angles whose cosine then takes z beyond it. */
static double rate_beyond(const lane_math_set *set, double s)
{
    enum { COUNT = 1 << 12 };
    uint32_t words[COUNT];
    uint32_t zero[COUNT] = {0}; /* the angle whose cosine is 1 */
    double z[2][COUNT];
    double sum = 0;
    for (uint32_t first = 0;; first += COUNT) {
        for (uint32_t i = 0; i < COUNT; i++) {
            words[i] = first + i;
        }
        set->box_muller(COUNT, words, zero, z[0], z[1]);
        for (int i = 0; i < COUNT; i++) {
            sum += z[0][i] > s ? 2 / M_PI * acos(s / z[0][i]) : 0;
        }
        if (z[0][COUNT - 1] < s) {
            return sum * 0x1p-32;
        }
    }
}

/* A sum over words in place of an integral: 1.4 million words reach four sigma, 16 thousand five,
 * but 65 six. */
static void words_reach_the_tails_at_the_rate_of_a_normal(void **state)
{
    (void)state;
    const double tolerances[] = {1e-7, 1e-5, 2e-3};
    for (int s = 0; s < set_count; s++) {
        for (int sigma = 4; sigma <= 6; sigma++) {
            double ratio = rate_beyond(sets[s], sigma) / erfc(sigma * M_SQRT1_2);
            assert_near(ratio, 1, tolerances[sigma - 4]);
        }
    }
}

/* Whether an earlier set gives the same bits (fused_sets_give_the_same_bits). */
static bool is_repetition(int s)
{
    for (int before = 0; before < s; before++) {
        if (sets[s]->fused && sets[before]->fused && sets[s]->bits == sets[before]->bits) {
            return true;
        }
    }
    return false;
}

/* Counts are Poisson: their standard error is the root of what is expected (in `all` 2125 beyond
 * four sigma and 19 beyond five, usually a quarter of that). */
static void drawn_tails_are_as_heavy_as_they_should_be(void **state)
{
    (void)state;
    const uint32_t draws = 1U << tests_effort(25, 23, 22);
    ss_stream stream = ss_stream_latents(4, 5, 6);
    for (int s = 0; s < set_count; s++) {
        double count[2] = {0};
        if (is_repetition(s) && !tests_all()) {
            continue;
        }
        for (uint32_t first = 0; first < draws / 4; first += LANE_MATH_BLOCK) {
            double z[4 * LANE_MATH_BLOCK];
            sets[s]->normals(first, 0, 1, stream.salt, stream.key, z);
            for (int i = 0; i < 4 * LANE_MATH_BLOCK; i++) {
                count[0] += fabs(z[i]) > 4;
                count[1] += fabs(z[i]) > 5;
            }
        }
        for (int i = 0; i < 2; i++) {
            double expected = draws * erfc((4 + i) * M_SQRT1_2);
            assert_near(count[i], expected, 5 * sqrt(expected));
        }
    }
}

/* Moments 1 to 4, the products of all pairs of a group's normals, and of their squares: each a mean
 * over independent draws, within 5 standard errors. */
static void normals_have_the_moments_of_independent_normals(void **state)
{
    (void)state;
    enum { GROUPS = 1 << 19 };
    const double moments[] = {0, 1, 0, 3};
    const double deviations[] = {1, M_SQRT2, 3.8729833462074170, 9.7979589711327124};
    ss_stream stream = ss_stream_latents(1, 2, 3);
    for (int s = 0; s < set_count; s++) {
        double power[4] = {0};
        double product[4][4] = {{0}};
        double squares[4][4] = {{0}};
        for (uint32_t first = 0; first < GROUPS; first += LANE_MATH_BLOCK) {
            double z[4][LANE_MATH_BLOCK];
            sets[s]->normals(first, 7, 1, stream.salt, stream.key, z[0]);
            for (int lane = 0; lane < LANE_MATH_BLOCK; lane++) {
                for (int a = 0; a < 4; a++) {
                    double v = z[a][lane];
                    power[0] += v;
                    power[1] += v * v;
                    power[2] += v * v * v;
                    power[3] += v * v * v * v;
                    for (int b = 0; b < a; b++) {
                        double w = z[b][lane];
                        product[a][b] += v * w;
                        squares[a][b] += (v * v - 1) * (w * w - 1) / 2;
                    }
                }
            }
        }
        for (int p = 0; p < 4; p++) {
            assert_near(power[p] / (4 * GROUPS), moments[p], 5 * deviations[p] / sqrt(4 * GROUPS));
        }
        for (int a = 0; a < 4; a++) {
            for (int b = 0; b < a; b++) {
                assert_near(product[a][b], 0, 5 * sqrt(GROUPS));
                assert_near(squares[a][b], 0, 5 * sqrt(GROUPS));
            }
        }
    }
}

/* 512 cells of equal probability: chi-square with 511 degrees of freedom, mean 511, standard
 * deviation 32. */
static void normals_fill_equal_cells_equally(void **state)
{
    (void)state;
    enum { CELLS = 512, COUNT = 1 << 20 };
    ss_stream stream = ss_stream_latents(7, 8, 9);
    for (int s = 0; s < set_count; s++) {
        double cells[CELLS] = {0};
        double chi_square = 0;
        for (uint32_t first = 0; first < COUNT / 4; first += LANE_MATH_BLOCK) {
            double z[4 * LANE_MATH_BLOCK];
            sets[s]->normals(first, 3, 1, stream.salt, stream.key, z);
            for (int i = 0; i < 4 * LANE_MATH_BLOCK; i++) {
                cells[(int)(0.5 * erfc(-z[i] * M_SQRT1_2) * CELLS)]++;
            }
        }
        for (int cell = 0; cell < CELLS; cell++) {
            chi_square += pow(cells[cell] - COUNT / CELLS, 2) / (COUNT / CELLS);
        }
        assert_near(chi_square, CELLS - 1, 5 * 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_as_accurate_as_stated),
        cmocka_unit_test(tanh_and_erf_are_odd_and_bounded),
        cmocka_unit_test(limits_are_exact_and_nan_stays),
        cmocka_unit_test(gelu_is_relu_far_out),
        cmocka_unit_test(philox_gives_the_words_of_the_stream_in_every_lane),
        cmocka_unit_test(box_and_muller_are_as_accurate_as_stated),
        cmocka_unit_test(normals_are_those_of_the_stream_to_rounding),
        cmocka_unit_test(fused_sets_give_the_same_bits),
        cmocka_unit_test(words_reach_the_tails_at_the_rate_of_a_normal),
        cmocka_unit_test(drawn_tails_are_as_heavy_as_they_should_be),
        cmocka_unit_test(normals_have_the_moments_of_independent_normals),
        cmocka_unit_test(normals_fill_equal_cells_equally),
    };
    return cmocka_run_group_tests(tests, find_sets, NULL);
}
