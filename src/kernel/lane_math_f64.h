/* The float64 half of lane_math.h. */
#ifndef SADDLESWEEP_KERNEL_LANE_MATH_F64_H
#define SADDLESWEEP_KERNEL_LANE_MATH_F64_H

/* Half 0 or 1 of the words, each in the low half of a 64-bit lane. */
LANES_INLINE lanes_u64 lanes_spread(lanes_u32 x, int half)
{
#if LANES_BYTES == 64
    return (lanes_u64)_mm512_cvtepu32_epi64(half == 0 ? _mm512_castsi512_si256((__m512i)x)
                                                      : _mm512_extracti64x4_epi64((__m512i)x, 1));
#elif LANES_BYTES == 32
    return (lanes_u64)_mm256_cvtepu32_epi64(half == 0 ? _mm256_castsi256_si128((__m256i)x)
                                                      : _mm256_extracti128_si256((__m256i)x, 1));
#else
    lanes_u64 spread;
    for (int lane = 0; lane < LANES_REALS; lane++) {
        spread[lane] = x[half * LANES_REALS + lane];
    }
    return spread;
#endif
}

/* The word in the low half of x, plus `offset`, exactly; the high half may hold anything. */
LANES_INLINE lanes_real lanes_from_word(lanes_u64 x, real offset)
{
    /* Below the exponent of 2^52, a word is the sum's last bits. */
    const real magic = 0x1p52;
    return (lanes_real)lanes_merge(x, (lanes_u64)lanes_all(magic)) - (magic - offset);
}

/*
 * -2 ln u, u = (x + 1/2) 2^-32, for every 32-bit x in the low half of a lane: above zero, and
 * relatively accurate (to 8e-16) at both ends of (0, 1).
 */
LANES_INLINE void lanes_log_unit(const lanes_u64 x[LANES_ROW], lanes_real result[LANES_ROW])
{
    static const real even[] = {-0x1.c71c4fe8cb3b3p-2, -0x1.999999997ac3cp-1, -0x1p+2};
    static const real odd[] = {-0x1.74669de3de34fp-2, -0x1.2492494532f38p-1, -0x1.55555555555aep+0};
    lanes_real s[LANES_ROW], z[LANES_ROW], z2[LANES_ROW], n[LANES_ROW], a[LANES_ROW], b[LANES_ROW];
    LANES_EACH(i, LANES_ROW)
    {
        /* u = 2^n m, sqrt(1/2) <= m < sqrt(2).  Exact, as are m - 1 and m + 1: u has 33 bits. */
        lanes_u64 bits = (lanes_u64)lanes_from_word(x[i], 0.5);
        lanes_u64 shifted = bits + 0x00095f619980c433u; /* bits of 1 less those of sqrt(1/2) */
        n[i] = (lanes_real)((shifted >> 52) | 0x4330000000000000u) - (0x1p52 + 1023 + 32);
        lanes_real m = (lanes_real)((shifted & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
        s[i] = (m - 1.0) / (m + 1.0);
    }
    LANES_EACH(i, LANES_ROW)
    {
        z[i] = s[i] * s[i];
        z2[i] = z[i] * z[i];
        a[i] = lanes_all(-0x1.39994e1fe82dep-2);
        b[i] = lanes_all(-0x1.2f51d4a653f12p-2);
    }
    LANES_EACH(k, 3)
    {
        lanes_step(z2, a, even[k]);
        lanes_step(z2, b, odd[k]);
    }
    LANES_EACH(i, LANES_ROW)
    {
        /* ln 2 needs no second word: its float64 is good to 2.4e-17. */
        result[i] = lanes_fma(s[i], lanes_fma(z[i], b[i], a[i]), n[i] * -0x1.62e42fefa39efp+0);
    }
}

/*
 * Sine and cosine of 2 pi (x + 1/2) 2^-32 for every 32-bit x in the low half of a lane, but for a
 * sign that both share: both are to be negated where the highest bit of x is set.  Absolute error
 * at most 4e-16.
 */
LANES_INLINE void lanes_sincos_turn(const lanes_u64 x[LANES_ROW], lanes_real sine[LANES_ROW],
                                    lanes_real cosine[LANES_ROW])
{
    static const real s[] = {-0x1.e89ce9f899b7cp-428, 0x1.e30623c30098fp-360,
                             -0x1.50783249cea97p-292, 0x1.32d2cce17d310p-225,
                             -0x1.466bc67751057p-159, 0x1.4abbce625bd5ep-94,
                             -0x1.921fb54442d17p-31};
    static const real c[] = {-0x1.b696d40914768p-462, 0x1.f9d25db701f1bp-394,
                             -0x1.a6d1efeb4f9a0p-326, 0x1.e1f50681caeecp-259,
                             -0x1.55d3c7e3c1160p-192, 0x1.03c1f081b59c8p-126,
                             -0x1.3bd3cc9be45dcp-62};
    lanes_real w[LANES_ROW], z[LANES_ROW];
    LANES_EACH(i, LANES_ROW)
    {
        /* Without its highest bit, x is less than half a turn.  From its middle on, that is
         * pi w 2^-32, and sine and cosine are the cosine and minus the sine of that. */
        w[i] = lanes_from_word(x[i] << 1, 1 - 0x1p31);
        z[i] = w[i] * w[i];
        cosine[i] = lanes_all(0x1.626263a66e8e2p-496);
        sine[i] = lanes_all(0x1.168d5896a93abp-530);
    }
    LANES_EACH(k, 7)
    {
        lanes_step(z, cosine, s[k]);
        lanes_step(z, sine, c[k]);
    }
    lanes_step(z, sine, 1.0);
    LANES_EACH(i, LANES_ROW)
    {
        cosine[i] *= w[i];
    }
}

/*
 * Two rows of independent standard normals from two of uniform words, by Box and Muller:
 * r = sqrt(-2 ln u(x0)), z0 = r cos 2 pi u(x1), z1 = r sin 2 pi u(x1), u as above.  |z| < 6.77;
 * absolute error at most 6e-16 r, and 3e-15 in the tail.
 */
LANES_INLINE void lanes_box_muller(const lanes_u32 x0[LANES_WORD_ROW],
                                   const lanes_u32 x1[LANES_WORD_ROW], lanes_real z0[LANES_ROW],
                                   lanes_real z1[LANES_ROW])
{
    lanes_u64 word0[LANES_ROW], word1[LANES_ROW];
    lanes_real square[LANES_ROW], sine[LANES_ROW], cosine[LANES_ROW];
    LANES_EACH(i, LANES_ROW)
    {
        word0[i] = lanes_spread(x0[i / LANES_SPREAD], i % LANES_SPREAD);
        word1[i] = lanes_spread(x1[i / LANES_SPREAD], i % LANES_SPREAD);
    }
    lanes_log_unit(word0, square);
    lanes_sincos_turn(word1, sine, cosine);
    LANES_EACH(i, LANES_ROW)
    {
        lanes_word sign = (word1[i] << 32) & 0x8000000000000000u;
        lanes_real radius = (lanes_real)((lanes_word)lanes_sqrt(square[i]) ^ sign);
        z0[i] = radius * cosine[i];
        z1[i] = radius * sine[i];
    }
}

/*
 * The integer n nearest to unit x / ln 2, for |n| <= 1024, and *scale = 2^n (0 for -1023, infinity
 * for 1024).
 */
LANES_INLINE lanes_real lanes_nearest_power(lanes_real x, real unit, lanes_real *scale)
{
    /* Adding 1.5 2^52 rounds to an integer; the 1023 more make the sum's low bits an exponent. */
    const lanes_real shift = lanes_all(0x1.8p52 + 1023);
    lanes_real shifted = lanes_fma(x, lanes_all(unit * 0x1.71547652b82fep+0), shift);
    *scale = (lanes_real)((lanes_word)shifted << 52);
    return shifted - shift;
}

/*
 * tanh(unit r / 2) for |unit r| <= ln(2)/2; unit is a constant, a power of two.  All functions
 * below are made of it: e^r = (1 + h) / (1 - h) with h = tanh(r/2), which is odd and so takes half
 * as many terms as e^r.
 */
LANES_INLINE lanes_real lanes_half_tanh(lanes_real r, real unit)
{
    const real u2 = unit * unit, u6 = u2 * u2 * u2;
    lanes_real z = r * r;
    lanes_real p = lanes_line(z, unit * u6 * u2 * u2 * -0x1.223c7dbfc3474p-18,
                              unit * u6 * u6 * 0x1.c385936b5ce09p-22);
    p = lanes_fma(z, p, lanes_all(unit * u6 * u2 * 0x1.664eca003b9a7p-15));
    p = lanes_fma(z, p, lanes_all(unit * u6 * -0x1.ba1ba117128abp-12));
    p = lanes_fma(z, p, lanes_all(unit * u2 * u2 * 0x1.11111110e0b99p-8));
    p = lanes_fma(z, p, lanes_all(unit * u2 * -0x1.55555555554bdp-5));
    p = lanes_fma(z, p, lanes_all(unit * 0.5));
    return r * p;
}

/*
 * tanh x for every double.  Error at most 2.8e-16 absolute and 3.8e-16 relative; exactly +-1 from
 * |x| = 19.1 on; NaN stays NaN.  Exactly odd: s below is a power of two, and changing the sign of x
 * divides everything by it.
 */
LANES_INLINE lanes_real lanes_tanh(lanes_real x)
{
    /* tanh x = (w - 1)/(w + 1), w = e^2x = s (1 + h)/(1 - h); at 25, 1 is lost beside w. */
    lanes_real capped = lanes_clamp(-25.0, x, 25.0);
    lanes_real s, n = lanes_nearest_power(capped, 2.0, &s);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.62e42fefa39efp-2), capped), 2.0);
    lanes_real below = s - 1.0, above = s + 1.0;
    return lanes_fma(above, h, below) / lanes_fma(below, h, above);
}

/*
 * 1 / (1 + e^-x) for every double.  Error at most 1.8e-16 absolute, and relative that of tanh but
 * for 4e-17 |x|; exactly 0 below -709.5 and 1 above 37.5; NaN stays NaN.
 */
LANES_INLINE lanes_real lanes_sigmoid(lanes_real x)
{
    lanes_real minus = lanes_clamp(-708.0, -x, 710.0);
    lanes_real s, n = lanes_nearest_power(minus, 1.0, &s);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.62e42fefa39efp-1), minus), 1.0);
    lanes_real below = 1.0 - h, above = 1.0 + h;
    return below / lanes_fma(s, above, below);
}

/*
 * erf x for every double.  Error at most 4.5e-16 absolute and 1e-15 relative; exactly odd; exactly
 * +-1 from |x| = 5.95 on; NaN stays NaN.
 */
LANES_INLINE lanes_real lanes_erf(lanes_real x)
{
    /* erf x = 1 - e^(x G(x)): an error of G counts only as much as erfc x is worth. */
    lanes_real a = lanes_min(lanes_all(6.0), lanes_abs(x));
    lanes_real u = a - 3.0, u2 = u * u, u4 = u2 * u2, u8 = u4 * u4;
    lanes_real low =
        lanes_septic(u, u2, u4, -0x1.c966f3b9c3ceep+1, -0x1.d1f899335e1a1p-1, -0x1.024a6abbea6c9p-6,
                     0x1.6cf1dc88548bbp-9, -0x1.f42b0df2e5124p-12, 0x1.4362dbbddc6f3p-14,
                     -0x1.7cbc868c52e84p-17, 0x1.77dd585f3ed35p-20);
    lanes_real middle =
        lanes_septic(u, u2, u4, -0x1.e02e73cea7b47p-24, 0x1.1bac4b0edebc0p-28,
                     0x1.30872d7cd614fp-26, -0x1.14dccebb92a68p-33, -0x1.3512ebe7b8bcdp-28,
                     -0x1.3f5889201ae6cp-28, -0x1.98e8bf95f50d2p-30, 0x1.085a19356b04dp-32);
    lanes_real high = lanes_fma(u4, lanes_line(u, 0x1.4c39e899ad57cp-41, 0x1.3fd3d6072c81dp-46),
                                lanes_cubic(u, u2, 0x1.e6c740a0093a3p-32, 0x1.bb3a405bc39f2p-33,
                                            0x1.be4879a6d85c7p-35, 0x1.081169da9c298p-37));
    lanes_real g = lanes_fma(u8, lanes_fma(u8, high, middle), low);
    lanes_real t = a * g;
    lanes_real s, n = lanes_nearest_power(t, 1.0, &s);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.62e42fefa39efp-1), t), 1.0);
    lanes_real below = 1.0 - s, above = 1.0 + s;
    return lanes_put_sign(lanes_fma(-above, h, below) / (1.0 - h), x);
}

/*
 * e^x, relative error at most 3e-16 from -708 to 709.4; exactly 0 below -708, where the truth soon
 * is subnormal, and infinity above 709.5; NaN stays NaN.
 */
LANES_INLINE lanes_real lanes_exp(lanes_real x)
{
    /* At 710 the scale is infinite already; further up its exponent would wrap. */
    lanes_real capped = lanes_min(lanes_all(710.0), x);
    lanes_real s, n = lanes_nearest_power(capped, 1.0, &s);
    lanes_real r = lanes_fma(n, lanes_all(-0x1.62e42fefa3800p-1), capped);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.ef35793c76730p-45), r), 1.0);
    return lanes_zero_below(s * ((1.0 + h) / (1.0 - h)), x, -708.0);
}

#endif
