/*
 * Vectors as wide as a register of the target, and the operations that the kernels are made of.
 *
 * Each kernel file is compiled once an instruction set and once a precision (REAL_BITS 32 or 64).
 * Everything here is computed lane by lane with operations that IEEE 754 rounds in one way only, so
 * the number of lanes never shows in a result. AVX2 and AVX-512 fuse multiply-adds where, and only
 * where, lanes_fma() says so: both give the same bits. Without FMA, lanes_fma() rounds twice, and
 * results agree to rounding. Compile with -ffp-contract=off, or the compiler fuses on its own.
 *
 * Vectors are no wider than a register: GCC 12 turns comparisons of wider ones into scalar code and
 * keeps them in memory across loops.
 */
#ifndef SADDLESWEEP_KERNEL_LANES_H
#define SADDLESWEEP_KERNEL_LANES_H

#include <math.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* A test may define it smaller than the target's registers: no result may change. */
#if defined(LANES_BYTES)
#elif defined(__AVX512F__)
#define LANES_BYTES 64
#elif defined(__AVX2__)
#define LANES_BYTES 32
#else
#define LANES_BYTES 16
#endif

#define LANES_INLINE static inline __attribute__((always_inline))

/* Loops over registers must vanish, or what they carry goes through memory. */
#if defined(__clang__)
#define LANES_UNROLL _Pragma("unroll")
#else
#define LANES_UNROLL _Pragma("GCC unroll 64")
#endif

#if REAL_BITS == 64
typedef double real;
typedef int64_t real_int;
typedef uint64_t real_word;
#elif REAL_BITS == 32
typedef float real;
typedef int32_t real_int;
typedef uint32_t real_word;
#else
#error "REAL_BITS must be 32 or 64"
#endif

typedef real lanes_real __attribute__((vector_size(LANES_BYTES)));
typedef real_int lanes_int __attribute__((vector_size(LANES_BYTES)));   /* a lane's bits, signed */
typedef real_word lanes_word __attribute__((vector_size(LANES_BYTES))); /* and unsigned */
typedef uint32_t lanes_u32 __attribute__((vector_size(LANES_BYTES)));   /* what Philox works on */
typedef uint64_t lanes_u64 __attribute__((vector_size(LANES_BYTES)));

enum {
    LANES_WORDS = LANES_BYTES / 4,                 /* lanes of lanes_u32 */
    LANES_REALS = LANES_BYTES / (int)sizeof(real), /* lanes of lanes_real */
    LANES_SPREAD = LANES_WORDS / LANES_REALS,      /* vectors of reals that a lanes_u32 makes */
};

/* Picks the instruction for the target: 512-bit, 256-bit, 128-bit, or plain C. */
#if REAL_BITS == 64
#define LANES_SUFFIX(name) name##_pd
#define LANES_TYPE(bits)   __m##bits##d
#else
#define LANES_SUFFIX(name) name##_ps
#define LANES_TYPE(bits)   __m##bits
#endif

/* Memory of reals (or doubles) taken as a vector: aligned to it, and aliasing what it is. */
typedef lanes_real lanes_memory __attribute__((may_alias));
typedef double lanes_doubles __attribute__((vector_size(LANES_BYTES), may_alias));
typedef double lanes_four __attribute__((vector_size(32), may_alias));

LANES_INLINE lanes_real lanes_load(const real *from)
{
    return *(const lanes_memory *)from;
}

LANES_INLINE void lanes_store(real *to, lanes_real x)
{
    *(lanes_memory *)to = x;
}

/* The same number in every lane; x - 0 keeps a negative zero, which 0 + x would lose. */
LANES_INLINE lanes_real lanes_all(real x)
{
    return x - (lanes_real){0};
}

LANES_INLINE lanes_u32 lanes_all_words(uint32_t x)
{
    return x + (lanes_u32){0};
}

/* a b + c, rounded once where the target can. */
LANES_INLINE lanes_real lanes_fma(lanes_real a, lanes_real b, lanes_real c)
{
#if LANES_BYTES == 64
    return (lanes_real)LANES_SUFFIX(_mm512_fmadd)((LANES_TYPE(512))a, (LANES_TYPE(512))b,
                                                  (LANES_TYPE(512))c);
#elif LANES_BYTES == 32
    return (lanes_real)LANES_SUFFIX(_mm256_fmadd)((LANES_TYPE(256))a, (LANES_TYPE(256))b,
                                                  (LANES_TYPE(256))c);
#elif defined(__FMA__)
    return (lanes_real)LANES_SUFFIX(_mm_fmadd)((LANES_TYPE(128))a, (LANES_TYPE(128))b,
                                               (LANES_TYPE(128))c);
#else
    return a * b + c;
#endif
}

/* Bits of a where the mask has ones, of b where it has zeros. */
LANES_INLINE lanes_real lanes_select(lanes_int mask, lanes_real a, lanes_real b)
{
#if LANES_BYTES == 64
    return (lanes_real)_mm512_ternarylogic_epi32((__m512i)mask, (__m512i)a, (__m512i)b, 0xca);
#else
    return (lanes_real)((mask & (lanes_int)a) | (~mask & (lanes_int)b));
#endif
}

/* a where the sign bit of the mask is set, else b: AVX2 has that in one instruction. */
LANES_INLINE lanes_real lanes_select_sign(lanes_int mask, lanes_real a, lanes_real b)
{
#if LANES_BYTES == 32
    return (lanes_real)LANES_SUFFIX(_mm256_blendv)((LANES_TYPE(256))b, (LANES_TYPE(256))a,
                                                   (LANES_TYPE(256))mask);
#else
    return lanes_select(mask >> (REAL_BITS - 1), a, b);
#endif
}

/* All ones where a < b, else zero; zero where either is NaN. */
LANES_INLINE lanes_int lanes_less(lanes_real a, lanes_real b)
{
    return (lanes_int)(a < b);
}

LANES_INLINE lanes_real lanes_abs(lanes_real x)
{
    return (lanes_real)((lanes_int)x & (real_int) ~((real_word)1 << (REAL_BITS - 1)));
}

LANES_INLINE lanes_word lanes_sign_bits(lanes_real x)
{
    return (lanes_word)x & ((real_word)1 << (REAL_BITS - 1));
}

/* x, which has no sign bit, with that of `sign`. */
LANES_INLINE lanes_real lanes_put_sign(lanes_real x, lanes_real sign)
{
    return (lanes_real)((lanes_word)x | lanes_sign_bits(sign));
}

/* a < b ? a : b, so b where either is NaN, as minps has it: put the constant first to keep NaN. */
LANES_INLINE lanes_real lanes_min(lanes_real a, lanes_real b)
{
#if LANES_BYTES == 64
    return (lanes_real)LANES_SUFFIX(_mm512_min)((LANES_TYPE(512))a, (LANES_TYPE(512))b);
#elif LANES_BYTES == 32
    return (lanes_real)LANES_SUFFIX(_mm256_min)((LANES_TYPE(256))a, (LANES_TYPE(256))b);
#elif defined(__SSE2__)
    return (lanes_real)LANES_SUFFIX(_mm_min)((LANES_TYPE(128))a, (LANES_TYPE(128))b);
#else
    return lanes_select(lanes_less(a, b), a, b);
#endif
}

/* a > b ? a : b, so b where either is NaN. */
LANES_INLINE lanes_real lanes_max(lanes_real a, lanes_real b)
{
#if LANES_BYTES == 64
    return (lanes_real)LANES_SUFFIX(_mm512_max)((LANES_TYPE(512))a, (LANES_TYPE(512))b);
#elif LANES_BYTES == 32
    return (lanes_real)LANES_SUFFIX(_mm256_max)((LANES_TYPE(256))a, (LANES_TYPE(256))b);
#elif defined(__SSE2__)
    return (lanes_real)LANES_SUFFIX(_mm_max)((LANES_TYPE(128))a, (LANES_TYPE(128))b);
#else
    return lanes_select(lanes_less(b, a), a, b);
#endif
}

LANES_INLINE lanes_real lanes_sqrt(lanes_real x)
{
#if LANES_BYTES == 64
    return (lanes_real)LANES_SUFFIX(_mm512_sqrt)((LANES_TYPE(512))x);
#elif LANES_BYTES == 32
    return (lanes_real)LANES_SUFFIX(_mm256_sqrt)((LANES_TYPE(256))x);
#elif defined(__SSE2__)
    return (lanes_real)LANES_SUFFIX(_mm_sqrt)((LANES_TYPE(128))x);
#else
    for (int lane = 0; lane < LANES_REALS; lane++) {
        x[lane] = (real)sqrt(x[lane]); /* a float's root, rounded twice, is the float root */
    }
    return x;
#endif
}

/* Products of the low halves of the 64-bit lanes; the high halves may hold anything. */
LANES_INLINE lanes_u64 lanes_mul_low(lanes_u64 a, uint32_t b)
{
#if LANES_BYTES == 64
    return (lanes_u64)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi32((int32_t)b));
#elif LANES_BYTES == 32
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
#if LANES_BYTES == 64
    return (lanes_u32)_mm512_mask_shuffle_epi32((__m512i)low, 0xaaaa, (__m512i)high, _MM_PERM_CCAA);
#elif LANES_BYTES == 32
    return (lanes_u32)_mm256_blend_epi32((__m256i)low, (__m256i)(high << 32), 0xaa);
#else
    return (lanes_u32)((low & 0xffffffffu) | (high << 32));
#endif
}

/*
 * Adds a line (64 bytes of reals, as many registers as that takes) to four doubles: the upper half
 * to the lower until four reals are left, and those, as doubles, to `sum` (aligned to 32).
 */
LANES_INLINE void lanes_add_folded(const lanes_real *line, double *sum)
{
#if REAL_BITS == 64 && LANES_BYTES == 64
    __m512d all = (__m512d)line[0];
    *(lanes_four *)sum +=
        (lanes_four)_mm512_castpd512_pd256(all) + (lanes_four)_mm512_extractf64x4_pd(all, 1);
#elif REAL_BITS == 64 && LANES_BYTES == 32
    *(lanes_four *)sum += line[0] + line[1];
#elif REAL_BITS == 64
    *(lanes_doubles *)sum += line[0] + line[2];
    *(lanes_doubles *)(sum + 2) += line[1] + line[3];
#else
    typedef float float_four __attribute__((vector_size(16)));
#if LANES_BYTES == 64
    __m512 all = (__m512)line[0];
    __m256 half = _mm512_castps512_ps256(all) + _mm512_extractf32x8_ps(all, 1);
    float_four quarter =
        (float_four)_mm256_castps256_ps128(half) + (float_four)_mm256_extractf128_ps(half, 1);
#elif LANES_BYTES == 32
    __m256 half = (__m256)(line[0] + line[1]);
    float_four quarter =
        (float_four)_mm256_castps256_ps128(half) + (float_four)_mm256_extractf128_ps(half, 1);
#else
    float_four quarter = (line[0] + line[2]) + (line[1] + line[3]);
#endif
    *(lanes_four *)sum += __builtin_convertvector(quarter, lanes_four);
#endif
}

/* Adds every lane to the double of its place. */
LANES_INLINE void lanes_add_doubles(lanes_real x, double *sum)
{
#if REAL_BITS == 64
    *(lanes_doubles *)sum += x;
#elif LANES_BYTES == 64
    *(lanes_doubles *)sum += (lanes_doubles)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x));
    *(lanes_doubles *)(sum + 8) +=
        (lanes_doubles)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1));
#elif LANES_BYTES == 32
    *(lanes_doubles *)sum += (lanes_doubles)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x));
    *(lanes_doubles *)(sum + 4) +=
        (lanes_doubles)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1));
#else
    *(lanes_four *)sum += __builtin_convertvector(x, lanes_four);
#endif
}

/* The low halves of a and the high halves of b. */
LANES_INLINE lanes_u64 lanes_merge(lanes_u64 a, lanes_u64 b)
{
#if LANES_BYTES == 64
    return (lanes_u64)_mm512_mask_mov_epi32((__m512i)a, 0xaaaa, (__m512i)b);
#elif LANES_BYTES == 32
    return (lanes_u64)_mm256_blend_epi32((__m256i)a, (__m256i)b, 0xaa);
#else
    return (a & 0xffffffffu) | (b & ~(uint64_t)0xffffffffu);
#endif
}

/* The lesser of unsigned words. */
LANES_INLINE lanes_u32 lanes_min_words(lanes_u32 a, lanes_u32 b)
{
#if LANES_BYTES == 64
    return (lanes_u32)_mm512_min_epu32((__m512i)a, (__m512i)b);
#elif LANES_BYTES == 32
    return (lanes_u32)_mm256_min_epu32((__m256i)a, (__m256i)b);
#else
    lanes_u32 less = (lanes_u32)(a < b);
    return (a & less) | (b & ~less);
#endif
}

#endif
