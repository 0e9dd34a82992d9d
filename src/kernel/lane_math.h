/*
 * Random words and mathematics on lanes, for REAL_BITS 32 or 64: lane_math_f32.h or lane_math_f64.h
 * defines, on lanes_real, lanes_tanh(), lanes_sigmoid(), lanes_erf(), lanes_exp() and
 * lanes_box_muller().
 *
 * As lanes.h has it, AVX2 and AVX-512 give the same bits and SSE2 agrees to rounding. The
 * coefficients come from scripts/fit-lane-math.py. The errors stated are with FMA, the largest that
 * tests/unit/test_lane_math.c may find; SSE2 may double them.
 */
#ifndef SADDLESWEEP_KERNEL_LANE_MATH_H
#define SADDLESWEEP_KERNEL_LANE_MATH_H

#include "lanes.h"

/* x, but +0 where x was below the limit; NaN in `test` keeps x. */
LANES_INLINE lanes_real lanes_zero_below(lanes_real x, lanes_real test, real limit)
{
#if LANES_BYTES == 64 && REAL_BITS == 64
    __mmask8 keep = _mm512_cmp_pd_mask((__m512d)test, _mm512_set1_pd(limit), _CMP_NLT_UQ);
    return (lanes_real)_mm512_maskz_mov_pd(keep, (__m512d)x);
#elif LANES_BYTES == 64
    __mmask16 keep = _mm512_cmp_ps_mask((__m512)test, _mm512_set1_ps(limit), _CMP_NLT_UQ);
    return (lanes_real)_mm512_maskz_mov_ps(keep, (__m512)x);
#else
    return (lanes_real)(~lanes_less(test, lanes_all(limit)) & (lanes_int)x);
#endif
}

/*
 * Polynomials c0 + c1 x + ..., given the powers of x: pairs, then pairs of pairs (Estrin). Long
 * ones so; for a short one, or for several vectors abreast, Horner's scheme has fewer operations.
 */
LANES_INLINE lanes_real lanes_line(lanes_real x, real c0, real c1)
{
    return lanes_fma(x, lanes_all(c1), lanes_all(c0));
}

LANES_INLINE lanes_real lanes_cubic(lanes_real x, lanes_real x2, real c0, real c1, real c2, real c3)
{
    return lanes_fma(x2, lanes_line(x, c2, c3), lanes_line(x, c0, c1));
}

LANES_INLINE lanes_real lanes_septic(lanes_real x, lanes_real x2, lanes_real x4, real c0, real c1,
                                     real c2, real c3, real c4, real c5, real c6, real c7)
{
    return lanes_fma(x4, lanes_cubic(x, x2, c4, c5, c6, c7), lanes_cubic(x, x2, c0, c1, c2, c3));
}

/* x between two limits; NaN stays NaN. */
LANES_INLINE lanes_real lanes_clamp(real low, lanes_real x, real high)
{
    return lanes_max(lanes_all(low), lanes_min(lanes_all(high), x));
}

/*
 * Normals are drawn for 16 groups at a time, whatever the width: one vector would wait for itself,
 * in Philox for ten rounds of five dependent operations. So the functions below take rows of
 * vectors and go through them abreast, step by step.
 */
enum {
    LANES_GROUPS = 16,
    LANES_WORD_ROW = LANES_GROUPS / LANES_WORDS, /* vectors of words in a row */
    LANES_ROW = LANES_GROUPS / LANES_REALS,      /* vectors of reals in a row */
};

#define LANES_MULTIPLIER0 0xd2511f53u
#define LANES_MULTIPLIER1 0xcd9e8d57u

#define LANES_EACH(i, count) LANES_UNROLL for (int i = 0; i < (count); i++)

/* A step of Horner's scheme. */
LANES_INLINE void lanes_step(const lanes_real x[LANES_ROW], lanes_real p[LANES_ROW], real c)
{
    LANES_EACH(i, LANES_ROW)
    {
        p[i] = lanes_fma(x[i], p[i], lanes_all(c));
    }
}

/*
 * What the counter blocks {group, column, t, salt} of all groups share in the rounds of Philox,
 * each word in both halves of a lane. In memory on purpose: a load that broadcasts is free, where a
 * key put together in a register costs two instructions each time.
 */
typedef struct lanes_schedule {
    uint64_t word2;      /* of round 1, as the only one that depends on the group is word 0 */
    uint64_t word0_of_2; /* of round 2 */
    uint64_t word2_of_2;
    uint64_t key[8][2]; /* of rounds 3 to 10, key[0][1] with word 3 of round 2 */
} lanes_schedule;

static inline uint64_t both_halves(uint32_t x)
{
    return (uint64_t)x << 32 | x;
}

static __attribute__((noinline, unused)) void lanes_schedule_of(uint32_t column, uint32_t t,
                                                                uint32_t salt,
                                                                const uint32_t key[2],
                                                                lanes_schedule *out)
{
    uint32_t key0 = key[0], key1 = key[1];
    uint64_t product = (uint64_t)t * LANES_MULTIPLIER1;
    uint32_t word0 = (uint32_t)(product >> 32) ^ column ^ key0;
    uint32_t word1 = (uint32_t)product;
    out->word2 = both_halves(salt ^ key1);
    product = (uint64_t)word0 * LANES_MULTIPLIER0;
    for (int round = 0; round < 8; round++) {
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
        if (round == 0) {
            out->word0_of_2 = both_halves(word1 ^ key0);
            out->word2_of_2 = both_halves((uint32_t)(product >> 32) ^ key1);
            key0 += 0x9e3779b9u;
            key1 += 0xbb67ae85u;
        }
        out->key[round][0] = both_halves(key0);
        out->key[round][1] = both_halves(round == 0 ? (uint32_t)product ^ key1 : key1);
    }
}

LANES_INLINE lanes_u64 lanes_all_longs(uint64_t x)
{
    return x + (lanes_u64){0};
}

/*
 * Philox4x32-10 of Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011): word w of
 * group[v] lane by lane in out[w][v].
 *
 * The words stay apart as even and odd lanes, each in the low half of a 64-bit lane, through all
 * rounds: the multiplier ignores the high halves, so what gathers there is cut off but once, at the
 * end.
 */
LANES_INLINE void lanes_philox(const lanes_u32 group[LANES_WORD_ROW],
                               const lanes_schedule *schedule, lanes_u32 out[4][LANES_WORD_ROW])
{
    lanes_u64 word[2 * LANES_WORD_ROW][4];
    /* Rounds 1 and 2. */
    LANES_EACH(half, 2 * LANES_WORD_ROW)
    {
        lanes_u64 *w = word[half];
        lanes_u64 in = (lanes_u64)group[half / 2] >> half % 2 * 32;
        lanes_u64 product0 = lanes_mul_low(in, LANES_MULTIPLIER0);
        lanes_u64 product1 =
            lanes_mul_low((product0 >> 32) ^ lanes_all_longs(schedule->word2), LANES_MULTIPLIER1);
        w[0] = (product1 >> 32) ^ lanes_all_longs(schedule->word0_of_2);
        w[1] = product1;
        w[2] = product0 ^ lanes_all_longs(schedule->word2_of_2);
        w[3] = (lanes_u64){0};
    }
    /* Rounds 3 to 9. */
    LANES_EACH(round, 7)
    {
        LANES_EACH(half, 2 * LANES_WORD_ROW)
        {
            lanes_u64 *w = word[half];
            lanes_u64 product0 = lanes_mul_low(w[0], LANES_MULTIPLIER0);
            lanes_u64 product1 = lanes_mul_low(w[2], LANES_MULTIPLIER1);
            w[0] = (product1 >> 32) ^ w[1] ^ lanes_all_longs(schedule->key[round][0]);
            w[2] = (product0 >> 32) ^ w[3] ^ lanes_all_longs(schedule->key[round][1]);
            w[1] = product1;
            w[3] = product0;
        }
    }
    /* Round 10, on even and odd lanes put together again. */
    lanes_u64 key0 = lanes_all_longs(schedule->key[7][0]);
    lanes_u64 key1 = lanes_all_longs(schedule->key[7][1]);
    LANES_EACH(v, LANES_WORD_ROW)
    {
        const lanes_u64 *even = word[2 * v], *odd = word[2 * v + 1];
        lanes_u64 even0 = lanes_mul_low(even[0], LANES_MULTIPLIER0);
        lanes_u64 even1 = lanes_mul_low(even[2], LANES_MULTIPLIER1);
        lanes_u64 odd0 = lanes_mul_low(odd[0], LANES_MULTIPLIER0);
        lanes_u64 odd1 = lanes_mul_low(odd[2], LANES_MULTIPLIER1);
        out[0][v] =
            (lanes_u32)(lanes_merge(even1 >> 32, odd1) ^ lanes_merge(even[1], odd[1] << 32) ^ key0);
        out[1][v] = (lanes_u32)lanes_merge(even1, odd1 << 32);
        out[2][v] =
            (lanes_u32)(lanes_merge(even0 >> 32, odd0) ^ lanes_merge(even[3], odd[3] << 32) ^ key1);
        out[3][v] = (lanes_u32)lanes_merge(even0, odd0 << 32);
    }
}

#if REAL_BITS == 64
#include "lane_math_f64.h"
#else
#include "lane_math_f32.h"
#endif

/* Φ(x), the share of a normal distribution that is below x. */
LANES_INLINE lanes_real lanes_normal_share(lanes_real x)
{
    const lanes_real half = lanes_all((real)0.5);
    return lanes_fma(half, lanes_erf(x * (real)M_SQRT1_2), half);
}

/*
 * x Φ(x). Error up to |x| = 8 at most 7e-7 in float32, 2.5e-15 in float64: half a unit in the last
 * place of 8, and 8 times that of Φ. Further out exactly x or 0; NaN stays NaN.
 */
LANES_INLINE lanes_real lanes_gelu(lanes_real x)
{
    return x * lanes_normal_share(x);
}

/* Its derivative, Φ(x) + x Φ'(x). Error at most 1.8e-7 in float32, 4.5e-16 in float64. */
LANES_INLINE lanes_real lanes_gelu_slope(lanes_real x)
{
    lanes_real density = lanes_exp(x * x * (real)-0.5) * (real)(M_SQRT1_2 * M_2_SQRTPI / 2);
    return lanes_fma(x, density, lanes_normal_share(x));
}

/*
 * The normals of 16 groups from `group` on: normal w of group + l goes to place 16 w + l of z, and
 * is that of ss_stream_group() but for rounding.
 */
LANES_INLINE void lanes_normals(uint32_t group, const lanes_schedule *schedule,
                                real z[4 * LANES_GROUPS])
{
    lanes_u32 groups[LANES_WORD_ROW], x[4][LANES_WORD_ROW];
    for (int l = 0; l < LANES_GROUPS; l++) {
        groups[l / LANES_WORDS][l % LANES_WORDS] = (uint32_t)l;
    }
    LANES_EACH(i, LANES_WORD_ROW)
    {
        groups[i] += group;
    }
    lanes_philox(groups, schedule, x);
    LANES_EACH(pair, 2)
    {
        lanes_real z0[LANES_ROW], z1[LANES_ROW];
        lanes_box_muller(x[2 * pair], x[2 * pair + 1], z0, z1);
        LANES_EACH(i, LANES_ROW)
        {
            lanes_store(z + 2 * pair * LANES_GROUPS + i * LANES_REALS, z0[i]);
            lanes_store(z + (2 * pair + 1) * LANES_GROUPS + i * LANES_REALS, z1[i]);
        }
    }
}

#endif
