/*
 * Mathematics on float32 lanes, with the same bits on every instruction set.
 *
 * The kernel that includes this is compiled for SSE2, AVX2 and AVX-512 from one source, and its
 * results must not depend on which of them ran. So everything here is built of operations that IEEE
 * 754 rounds in one way only (+ - * / sqrt), of integers and of bit selections: no fused
 * multiply-add and no reciprocal estimate. Compile with -ffp-contract=off, or the compiler fuses on
 * its own. Each lane is computed alone, so the number of lanes does not matter either.
 *
 * Vectors are as wide as a register of the target: GCC 12 turns comparisons of wider ones into
 * scalar code and keeps them in memory across loops.
 *
 * The coefficients come from scripts/fit-lane-math.py. The errors stated are over every float of
 * the domain; tests/unit/test_lane_math.c checks them on a sample.
 */
#ifndef SADDLESWEEP_KERNEL_LANE_MATH_H
#define SADDLESWEEP_KERNEL_LANE_MATH_H

#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#else
#include <math.h>
#endif

#if defined(__AVX512F__)
#define LANES_WIDTH 16
#elif defined(__AVX2__)
#define LANES_WIDTH 8
#else
#define LANES_WIDTH 4
#endif

#define LANES_INLINE static inline __attribute__((always_inline))

typedef float lanes_f32 __attribute__((vector_size(4 * LANES_WIDTH)));
typedef int32_t lanes_i32 __attribute__((vector_size(4 * LANES_WIDTH)));
typedef uint32_t lanes_u32 __attribute__((vector_size(4 * LANES_WIDTH)));
typedef uint64_t lanes_u64 __attribute__((vector_size(4 * LANES_WIDTH)));

/* The same number in every lane; x - 0 keeps a negative zero, which 0 + x would lose. */
LANES_INLINE lanes_f32 lanes_all(float x)
{
    return x - (lanes_f32){0};
}

LANES_INLINE lanes_u32 lanes_all_words(uint32_t x)
{
    return x + (lanes_u32){0};
}

/* Bits of a where the mask has ones, of b where it has zeros. */
LANES_INLINE lanes_f32 lanes_select(lanes_i32 mask, lanes_f32 a, lanes_f32 b)
{
#if defined(__AVX512F__)
    return (lanes_f32)_mm512_ternarylogic_epi32((__m512i)mask, (__m512i)a, (__m512i)b, 0xca);
#else
    return (lanes_f32)((mask & (lanes_i32)a) | (~mask & (lanes_i32)b));
#endif
}

/* a where the sign bit of the mask is set, else b: AVX2 has that in one instruction. */
LANES_INLINE lanes_f32 lanes_select_sign(lanes_i32 mask, lanes_f32 a, lanes_f32 b)
{
#if defined(__AVX2__) && !defined(__AVX512F__)
    return (lanes_f32)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#else
    return lanes_select(mask >> 31, a, b);
#endif
}

/* All ones where a < b, else zero; zero where either is NaN. */
LANES_INLINE lanes_i32 lanes_less(lanes_f32 a, lanes_f32 b)
{
    return (lanes_i32)(a < b);
}

/* x, but +0 where x was below the limit; NaN in `test` keeps x. */
LANES_INLINE lanes_f32 lanes_zero_below(lanes_f32 x, lanes_f32 test, float limit)
{
#if defined(__AVX512F__)
    __mmask16 keep = _mm512_cmp_ps_mask((__m512)test, _mm512_set1_ps(limit), _CMP_NLT_UQ);
    return (lanes_f32)_mm512_maskz_mov_ps(keep, (__m512)x);
#else
    lanes_i32 below = lanes_less(test, lanes_all(limit));
    return (lanes_f32)(~below & (lanes_i32)x);
#endif
}

LANES_INLINE lanes_f32 lanes_abs(lanes_f32 x)
{
    return (lanes_f32)((lanes_i32)x & 0x7fffffff);
}

LANES_INLINE lanes_f32 lanes_copysign(lanes_f32 magnitude, lanes_f32 sign)
{
    return lanes_select((lanes_i32){0} + 0x7fffffff, magnitude, sign);
}

/* a < b ? a : b, so b where either is NaN, as minps has it: put the constant first to keep NaN. */
LANES_INLINE lanes_f32 lanes_min(lanes_f32 a, lanes_f32 b)
{
#if defined(__AVX512F__)
    return (lanes_f32)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (lanes_f32)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (lanes_f32)_mm_min_ps((__m128)a, (__m128)b);
#else
    return lanes_select(lanes_less(a, b), a, b);
#endif
}

/* a > b ? a : b, so b where either is NaN. */
LANES_INLINE lanes_f32 lanes_max(lanes_f32 a, lanes_f32 b)
{
#if defined(__AVX512F__)
    return (lanes_f32)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (lanes_f32)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (lanes_f32)_mm_max_ps((__m128)a, (__m128)b);
#else
    return lanes_select(lanes_less(b, a), a, b);
#endif
}

LANES_INLINE lanes_f32 lanes_sqrt(lanes_f32 x)
{
#if defined(__AVX512F__)
    return (lanes_f32)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
    return (lanes_f32)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
    return (lanes_f32)_mm_sqrt_ps((__m128)x);
#else
    for (int lane = 0; lane < LANES_WIDTH; lane++) {
        x[lane] = sqrtf(x[lane]);
    }
    return x;
#endif
}

/* Products of the low halves of the 64-bit lanes; the high halves may hold anything. */
LANES_INLINE lanes_u64 lanes_mul_low(lanes_u64 a, uint32_t b)
{
#if defined(__AVX512F__)
    return (lanes_u64)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi32((int32_t)b));
#elif defined(__AVX2__)
    return (lanes_u64)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi32((int32_t)b));
#elif defined(__SSE2__)
    return (lanes_u64)_mm_mul_epu32((__m128i)a, _mm_set1_epi32((int32_t)b));
#else
    return (a & 0xffffffffu) * (uint64_t)b;
#endif
}

/* The low halves of `low`, and those of `high` put above them. */
LANES_INLINE lanes_u32 lanes_pair(lanes_u64 low, lanes_u64 high)
{
#if defined(__AVX512F__)
    return (lanes_u32)_mm512_mask_shuffle_epi32((__m512i)low, 0xaaaa, (__m512i)high, _MM_PERM_CCAA);
#elif defined(__AVX2__)
    return (lanes_u32)_mm256_blend_epi32((__m256i)low, (__m256i)(high << 32), 0xaa);
#else
    return (lanes_u32)((low & 0xffffffffu) | (high << 32));
#endif
}

/*
 * Philox4x32-10 of Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011), one counter
 * block per lane under one key: lane for lane the words Random123 gives.  out may be counter.
 *
 * The words stay apart as even and odd lanes, each in the low half of
 * a 64-bit lane, through all ten rounds: the multiplier ignores the high halves, so what gathers
 * there is cut off but once, at the end, instead of in every round.
 */
LANES_INLINE void lanes_philox(const lanes_u32 counter[4], uint32_t key0, uint32_t key1,
                               lanes_u32 out[4])
{
    lanes_u64 word[2][4];
    for (int i = 0; i < 4; i++) {
        word[0][i] = (lanes_u64)counter[i];
        word[1][i] = (lanes_u64)counter[i] >> 32;
    }
    for (int round = 0; round < 10; round++) {
        for (int half = 0; half < 2; half++) {
            lanes_u64 *w = word[half];
            lanes_u64 product0 = lanes_mul_low(w[0], 0xd2511f53u);
            lanes_u64 product1 = lanes_mul_low(w[2], 0xcd9e8d57u);
            w[0] = (product1 >> 32) ^ w[1] ^ (uint64_t)key0;
            w[2] = (product0 >> 32) ^ w[3] ^ (uint64_t)key1;
            w[1] = product1;
            w[3] = product0;
        }
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    for (int i = 0; i < 4; i++) {
        out[i] = lanes_pair(word[0][i], word[1][i]);
    }
}

/*
 * ln u, u = (x + 1/2) 2^-32, for every 32-bit x: always below zero, and relatively accurate at
 * both ends of (0, 1), error at most 2.9e-7 relative and
 * 1.3e-7 absolute above 1/2.
 *
 * Taken as signed, x converts to u 2^32 below one half and to (u - 1) 2^32
 * above it, each to a full 24 bits: so the logarithm is relatively accurate at both ends, and no
 * unsigned conversion is needed, which SSE2 and AVX2 lack.
 */
LANES_INLINE lanes_f32 lanes_log_unit(lanes_u32 x)
{
    lanes_i32 s = (lanes_i32)x;
    lanes_f32 t = (__builtin_convertvector(s, lanes_f32) + 0.5f) * 0x1p-32f;
    lanes_f32 u = t + (lanes_f32)((s >> 31) & 0x3f800000);

    /* u = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); n <= 0, and where n = 0, f is t itself. */
    lanes_i32 shifted = (lanes_i32)u - 0x3f3504f3;
    lanes_f32 n = __builtin_convertvector(shifted >> 23, lanes_f32);
    lanes_f32 f = (lanes_f32)((shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
    f = lanes_select_sign(shifted, f, t);

    lanes_f32 f2 = f * f;
    lanes_f32 low =
        (-0x1.fffffap-2f + 0x1.5556f2p-2f * f) + (-0x1.00049ep-2f + 0x1.98d2d6p-3f * f) * f2;
    lanes_f32 high =
        (-0x1.535d30p-3f + 0x1.318522p-3f * f) + (-0x1.2504aap-3f + 0x1.65c7a0p-4f * f) * f2;
    /* ln 2 needs no second word: its float32 is good to 2e-9. */
    return 0x1.62e430p-1f * n + (f + f2 * (low + f2 * f2 * high));
}

/*
 * Sine and cosine of 2 pi (x + 1/2) 2^-32 for every 32-bit x, absolute error at most 1.2e-7: the
 * reduction to an eighth of a turn is exact, in integers.
 */
LANES_INLINE void lanes_sincos_turn(lanes_u32 x, lanes_f32 *sine, lanes_f32 *cosine)
{
    /* The two high bits of y are the nearest quarter turn; the rest is the way from its start. */
    lanes_u32 y = x + 0x20000000u;
    lanes_i32 rest = (lanes_i32)(y & 0x3fffffffu) - 0x20000000;
    lanes_f32 t = (__builtin_convertvector(rest, lanes_f32) + 0.5f) * 0x1p-30f;
    lanes_f32 z = t * t;
    lanes_f32 s =
        t * (0x1.921fb6p+0f + z * (-0x1.4abbc4p-1f + z * (0x1.465e92p-4f + z * -0x1.2d9302p-8f)));
    lanes_f32 c = 1.0f + z * (-0x1.3bd3a0p+0f + z * (0x1.03b150p-2f + z * -0x1.4ea9e8p-6f));

    lanes_i32 odd = (lanes_i32)(y << 1);
    lanes_u32 sine_sign = y & 0x80000000u;
    lanes_u32 cosine_sign = (y + 0x40000000u) & 0x80000000u;
    lanes_f32 a = lanes_select_sign(odd, c, s);
    lanes_f32 b = lanes_select_sign(odd, s, c);
    *sine = (lanes_f32)((lanes_u32)a ^ sine_sign);
    *cosine = (lanes_f32)((lanes_u32)b ^ cosine_sign);
}

/*
 * Two independent standard normals per lane from two uniform words, by Box and Muller:
 * r = sqrt(-2 ln u(x0)), z0 = r cos 2 pi u(x1), z1 = r sin 2 pi u(x1), u as above.  |z| < 6.77;
 * absolute error at most 2.7e-7 r, and 1.2e-6 in the tail.
 */
LANES_INLINE void lanes_box_muller(lanes_u32 x0, lanes_u32 x1, lanes_f32 *z0, lanes_f32 *z1)
{
    lanes_f32 sine, cosine;
    lanes_f32 radius = lanes_sqrt(-2.0f * lanes_log_unit(x0));
    lanes_sincos_turn(x1, &sine, &cosine);
    *z0 = radius * cosine;
    *z1 = radius * sine;
}

/*
 * 2^t for -120 < t <= 0, as *scale + the result: 1 - scale is exact or close to it, so that
 * 1 - 2^t = (1 - scale) - result stays relatively accurate to the smallest t.  What tanh and erf
 * are made of: a quotient of polynomials x P(x^2)/Q(x^2) was a little faster, but each of its sums
 * is as large as what it yields, and their roundings came to 3e-7; here they shrink with 2^t.
 */
LANES_INLINE lanes_f32 lanes_power(lanes_f32 t, lanes_f32 *scale)
{
    /* Adding 1.5 2^23 rounds to an integer; the 127 more make the sum's low bits an exponent. */
    lanes_f32 shifted = t + 12583039.0f;
    *scale = (lanes_f32)((lanes_u32)shifted << 23);
    lanes_f32 f = t - (shifted - 12583039.0f);
    lanes_f32 f2 = f * f;
    lanes_f32 p =
        (0x1.62e430p-1f + 0x1.ebfbdep-3f * f) +
        f2 * ((0x1.c6af80p-5f + 0x1.3b2ba0p-7f * f) + f2 * (0x1.5f07b8p-10f + 0x1.4308fap-13f * f));
    return *scale * (f * p);
}

/* x, which has no sign bit, with that of `sign`. */
LANES_INLINE lanes_f32 lanes_put_sign(lanes_f32 x, lanes_f32 sign)
{
    return (lanes_f32)((lanes_u32)x | ((lanes_u32)sign & 0x80000000u));
}

/*
 * tanh x for every float.  Error at most 1.1e-7 absolute and 2.9e-7 relative; exactly odd;
 * exactly +-1 from |x| = 8.492 on; NaN stays NaN.
 */
LANES_INLINE lanes_f32 lanes_tanh(lanes_f32 x)
{
    /* tanh x = (1 - w)/(1 + w), w = e^-2x; at 13, w is lost beside 1. */
    lanes_f32 size = lanes_min(lanes_all(13.0f), lanes_abs(x));
    lanes_f32 scale, rest = lanes_power(size * -0x1.715476p+1f, &scale);
    return lanes_put_sign(((1.0f - scale) - rest) / ((1.0f + scale) + rest), x);
}

/*
 * 1 / (1 + e^-x) as 0.5 + 0.5 tanh(x/2), for every float.  Error at most 8.5e-8 absolute (not
 * relative: it reaches 0 exactly below -16.98, where the truth is 4e-8); NaN stays NaN.
 */
LANES_INLINE lanes_f32 lanes_sigmoid(lanes_f32 x)
{
    return 0.5f + 0.5f * lanes_tanh(0.5f * x);
}

/*
 * erf x for every float.  Error at most 1.4e-7 absolute and 3.0e-7 relative; exactly odd;
 * exactly +-1 from |x| = 3.868 on; NaN stays NaN.
 */
LANES_INLINE lanes_f32 lanes_erf(lanes_f32 x)
{
    /* erf x = 1 - 2^(x G(x)): an error of G counts only as much as erfc x is worth. */
    lanes_f32 s = lanes_min(lanes_all(4.0f), lanes_abs(x));
    lanes_f32 s2 = s * s, s4 = s2 * s2;
    lanes_f32 g =
        ((-0x1.a0be84p+0f + -0x1.d63e40p-1f * s) + s2 * (-0x1.2fc78ap-3f + 0x1.c8b59ap-6f * s)) +
        s4 * ((-0x1.372f9cp-12f + -0x1.d967acp-10f * s) +
              s2 * (0x1.202f5ap-11f + -0x1.eca7ccp-15f * s));
    lanes_f32 scale, rest = lanes_power(s * g, &scale);
    return lanes_put_sign((1.0f - scale) - rest, x);
}

/*
 * e^x, relative error at most 1.9e-7 from -87 to 88.37; exactly 0 below -87, where the truth soon
 * is subnormal, and infinity above 88.38; NaN stays NaN.
 */
LANES_INLINE lanes_f32 lanes_exp(lanes_f32 x)
{
    /* At 89 the scale below is infinite already; further up its exponent would wrap. */
    lanes_f32 capped = lanes_min(lanes_all(89.0f), x);
    /* Adding 1.5 2^23 rounds to an integer; the 127 more make the sum's low bits an exponent. */
    lanes_f32 shifted = capped * 0x1.715476p+0f + 12583039.0f;
    lanes_f32 n = shifted - 12583039.0f;
    lanes_f32 scale = (lanes_f32)((lanes_u32)shifted << 23);
    lanes_f32 r = (capped - n * 0x1.62e4p-1f) - n * 1.42860677e-06f;
    lanes_f32 r2 = r * r;
    lanes_f32 p =
        (0x1.fffdfcp-2f + 0x1.5557aep-3f * r) + r2 * (0x1.572a04p-5f + 0x1.106246p-7f * r);
    return lanes_zero_below((1.0f + (r + r2 * p)) * scale, x, -87.0f);
}

#endif
