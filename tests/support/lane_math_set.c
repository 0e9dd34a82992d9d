/* Compiled once an instruction set and precision; REAL_BITS and LANE_MATH_SET come with the flags.
 */
#include "lane_math_set.h"

#include "src/kernel/lane_math.h"

#include <string.h>

#define TEXT_OF(name)  #name
#define NAME_TEXT(set) TEXT_OF(set)

_Static_assert((int)LANE_MATH_BLOCK == (int)LANES_GROUPS, "blocks are rows of lanes");

static lanes_real value(lane_math_function function, lanes_real x)
{
    switch (function) {
    case LANE_MATH_TANH:
        return lanes_tanh(x);
    case LANE_MATH_SIGMOID:
        return lanes_sigmoid(x);
    case LANE_MATH_ERF:
        return lanes_erf(x);
    case LANE_MATH_GELU:
        return lanes_gelu(x);
    case LANE_MATH_GELU_SLOPE:
        return lanes_gelu_slope(x);
    case LANE_MATH_EXP:
    case LANE_MATH_FUNCTIONS:
        break;
    }
    return lanes_exp(x);
}

static void evaluate(lane_math_function function, int64_t count, const double *x, double *y)
{
    for (int64_t i = 0; i < count; i += LANES_REALS) {
        lanes_real in;
        for (int lane = 0; lane < LANES_REALS; lane++) {
            in[lane] = (real)x[i + lane];
        }
        lanes_real out = value(function, in);
        for (int lane = 0; lane < LANES_REALS; lane++) {
            y[i + lane] = (double)out[lane];
        }
    }
}

static void box_muller(int64_t count, const uint32_t *x0, const uint32_t *x1, double *z0,
                       double *z1)
{
    for (int64_t i = 0; i < count; i += LANES_GROUPS) {
        lanes_u32 words[2][LANES_WORD_ROW];
        lanes_real z[2][LANES_ROW];
        memcpy(words[0], x0 + i, sizeof words[0]);
        memcpy(words[1], x1 + i, sizeof words[1]);
        lanes_box_muller(words[0], words[1], z[0], z[1]);
        for (int l = 0; l < LANES_GROUPS; l++) {
            z0[i + l] = (double)z[0][l / LANES_REALS][l % LANES_REALS];
            z1[i + l] = (double)z[1][l / LANES_REALS][l % LANES_REALS];
        }
    }
}

static void philox(const uint32_t group[LANE_MATH_BLOCK], uint32_t column, uint32_t t,
                   uint32_t salt, const uint32_t key[2], uint32_t out[4][LANE_MATH_BLOCK])
{
    lanes_u32 groups[LANES_WORD_ROW];
    lanes_u32 words[4][LANES_WORD_ROW];
    memcpy(groups, group, sizeof groups);
    lanes_schedule schedule;
    lanes_schedule_of(column, t, salt, key, &schedule);
    lanes_philox(groups, &schedule, words);
    memcpy(out, words, sizeof words);
}

static void normals(uint32_t group, uint32_t column, uint32_t t, uint32_t salt,
                    const uint32_t key[2], double z[4 * LANE_MATH_BLOCK])
{
    _Alignas(LANES_BYTES) real lanes[4 * LANES_GROUPS];
    lanes_schedule schedule;
    lanes_schedule_of(column, t, salt, key, &schedule);
    lanes_normals(group, &schedule, lanes);
    for (int i = 0; i < 4 * LANES_GROUPS; i++) {
        z[i] = (double)lanes[i];
    }
}

extern const lane_math_set LANE_MATH_SET;
const lane_math_set LANE_MATH_SET = {
    .name = NAME_TEXT(LANE_MATH_SET),
    .bits = REAL_BITS,
#if defined(__FMA__)
    .fused = 1,
#endif
    .evaluate = evaluate,
    .box_muller = box_muller,
    .philox = philox,
    .normals = normals,
};
