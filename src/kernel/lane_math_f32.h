/* The float32 half of lane_math.h. */
#ifndef SADDLESWEEP_KERNEL_LANE_MATH_F32_H
#define SADDLESWEEP_KERNEL_LANE_MATH_F32_H

/*
 * -2 ln u, u = (x + 1/2) 2^-32, for every 32-bit x: above zero, and relatively accurate (to 3e-7)
 * at both ends of (0, 1), as both terms have one sign.
 *
 * Taken as signed, x converts to u 2^32 below one half and to (u - 1) 2^32 above it, each to a full
 * 24 bits, and no unsigned conversion is needed, which AVX2 lacks.
 */
LANES_INLINE void lanes_log_unit(const lanes_u32 x[LANES_ROW], lanes_real result[LANES_ROW])
{
    static const real even[] = {-0x1.41f6c6p+1f, -0x1.141568p-1f, -0x1.55b59ep-1f, -0x1p+1f};
    static const real odd[] = {-0x1.a0d96ap-2f, 0x1.f143c8p-2f, 0x1.fffe26p-1f};
    lanes_real f[LANES_ROW], f2[LANES_ROW], n[LANES_ROW], a[LANES_ROW], b[LANES_ROW];
    LANES_EACH(i, LANES_ROW)
    {
        lanes_real t = lanes_fma(__builtin_convertvector((lanes_int)x[i], lanes_real),
                                 lanes_all(0x1p-32f), lanes_all(0x1p-33f));
        /* u = 2^n (1 + f), -1/2 <= f < 0; above one half n = 0, and f is t itself. */
        lanes_word u = lanes_min_words((lanes_word)t, (lanes_word){0} + 0x3f000000u);
        lanes_word fraction = (u & 0x007fffffu) | 0x3f000000u;
        n[i] = __builtin_convertvector((lanes_int)(u - fraction), lanes_real); /* n 2^23 */
        f[i] = lanes_select_sign((lanes_int)x[i], t, (lanes_real)fraction - 1.0f);
        f2[i] = f[i] * f[i];
        a[i] = lanes_all(-0x1.70ec88p+1f);
        b[i] = lanes_all(-0x1.b220e4p+1f);
    }
    LANES_EACH(k, 3)
    {
        lanes_step(f2, a, even[k]);
        lanes_step(f2, b, odd[k]);
    }
    lanes_step(f2, a, even[3]);
    LANES_EACH(i, LANES_ROW)
    {
        /* ln 2 needs no second word: its float32 is good to 2e-9. */
        result[i] = lanes_fma(f[i], lanes_fma(f[i], b[i], a[i]), n[i] * -0x1.62e430p-23f);
    }
}

/*
 * Sine and cosine of 2 pi (x + 1/2) 2^-32 for every 32-bit x, but for a sign that both share: both
 * are to be negated where the two highest bits of x differ.  Absolute error at most 1.5e-7.
 */
LANES_INLINE void lanes_sincos_turn(const lanes_u32 x[LANES_ROW], lanes_real sine[LANES_ROW],
                                    lanes_real cosine[LANES_ROW])
{
    static const real s[] = {-0x1.324ccap-1f, 0x1.4668b0p+1f, -0x1.4abbc4p+2f, 0x1.921fb6p+1f};
    static const real c[] = {-0x1.55d0bap+0f, 0x1.03c1e4p+2f, -0x1.3bd3ccp+2f};
    lanes_real v[LANES_ROW], z[LANES_ROW];
    LANES_EACH(i, LANES_ROW)
    {
        /* Half turns, -1/2 <= v < 1/2, from the nearest multiple. */
        v[i] = lanes_fma(__builtin_convertvector((lanes_int)(x[i] << 1), lanes_real),
                         lanes_all(0x1p-32f), lanes_all(0x1p-32f));
        z[i] = v[i] * v[i];
        sine[i] = lanes_all(0x1.3daff6p-4f);
        cosine[i] = lanes_fma(z[i], lanes_all(-0x1.901bd8p-6f), lanes_all(0x1.e12f86p-3f));
    }
    LANES_EACH(k, 3)
    {
        lanes_step(z, sine, s[k]);
        lanes_step(z, cosine, c[k]);
    }
    lanes_step(z, sine, s[3]);
    lanes_step(z, cosine, 1.0f);
    LANES_EACH(i, LANES_ROW)
    {
        sine[i] *= v[i];
    }
}

/*
 * Two rows of independent standard normals from two of uniform words, by Box and Muller:
 * r = sqrt(-2 ln u(x0)), z0 = r cos 2 pi u(x1), z1 = r sin 2 pi u(x1), u as above.  |z| < 6.77;
 * absolute error at most 2.8e-7 r, and 1e-6 in the tail.
 */
LANES_INLINE void lanes_box_muller(const lanes_u32 x0[LANES_WORD_ROW],
                                   const lanes_u32 x1[LANES_WORD_ROW], lanes_real z0[LANES_ROW],
                                   lanes_real z1[LANES_ROW])
{
    lanes_real square[LANES_ROW], sine[LANES_ROW], cosine[LANES_ROW];
    lanes_log_unit(x0, square);
    lanes_sincos_turn(x1, sine, cosine);
    LANES_EACH(i, LANES_ROW)
    {
        lanes_word sign = (x1[i] ^ (x1[i] << 1)) & 0x80000000u;
        lanes_real radius = (lanes_real)((lanes_word)lanes_sqrt(square[i]) ^ sign);
        z0[i] = radius * cosine[i];
        z1[i] = radius * sine[i];
    }
}

/*
 * The integer n nearest to unit x / ln 2, for |n| <= 128, and *scale = 2^n (0 for -127, infinity
 * for 128).
 */
LANES_INLINE lanes_real lanes_nearest_power(lanes_real x, real unit, lanes_real *scale)
{
    /* Adding 1.5 2^23 rounds to an integer; the 127 more make the sum's low bits an exponent. */
    const lanes_real shift = lanes_all(12583039.0f);
    lanes_real shifted = lanes_fma(x, lanes_all(unit * 0x1.715476p+0f), shift);
    *scale = (lanes_real)((lanes_word)shifted << 23);
    return shifted - shift;
}

/*
 * tanh(unit r / 2) for |unit r| <= ln(2)/2; unit is a constant, a power of two.  All functions
 * below are made of it: e^r = (1 + h) / (1 - h) with h = tanh(r/2), which is odd and so takes half
 * as many terms as e^r.
 */
LANES_INLINE lanes_real lanes_half_tanh(lanes_real r, real unit)
{
    const real u2 = unit * unit;
    lanes_real z = r * r;
    lanes_real p = lanes_line(z, unit * u2 * -0x1.554feep-5f, unit * u2 * u2 * 0x1.0c8170p-8f);
    return r * lanes_fma(z, p, lanes_all(unit * 0.5f));
}

/*
 * tanh x for every float.  Error at most 1.5e-7 absolute and 2.1e-7 relative; exactly +-1 from
 * |x| = 9.02 on; NaN stays NaN.  Exactly odd: s below is a power of two, and changing the sign of x
 * divides everything by it.
 */
LANES_INLINE lanes_real lanes_tanh(lanes_real x)
{
    /* tanh x = (w - 1)/(w + 1), w = e^2x = s (1 + h)/(1 - h); at 13, 1 is lost beside w. */
    lanes_real capped = lanes_clamp(-13.0f, x, 13.0f);
    lanes_real s, n = lanes_nearest_power(capped, 2.0f, &s);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.62e430p-2f), capped), 2.0f);
    lanes_real below = s - 1.0f, above = s + 1.0f;
    return lanes_fma(above, h, below) / lanes_fma(below, h, above);
}

/*
 * 1 / (1 + e^-x) for every float.  Error at most 9e-8 absolute, and relative that of tanh but for
 * 3e-9 |x|; exactly 0 below -88.4 and 1 above 17.4; NaN stays NaN.
 */
LANES_INLINE lanes_real lanes_sigmoid(lanes_real x)
{
    lanes_real minus = lanes_clamp(-87.0f, -x, 89.0f);
    lanes_real s, n = lanes_nearest_power(minus, 1.0f, &s);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.62e430p-1f), minus), 1.0f);
    lanes_real below = 1.0f - h, above = 1.0f + h;
    return below / lanes_fma(s, above, below);
}

/*
 * erf x for every float.  Error at most 1.8e-7 absolute and 3.1e-7 relative; exactly odd; exactly
 * +-1 from |x| = 4 on; NaN stays NaN.
 */
LANES_INLINE lanes_real lanes_erf(lanes_real x)
{
    /* erf x = 1 - e^(x G(x)): an error of G counts only as much as erfc x is worth. */
    lanes_real a = lanes_min(lanes_all(4.0f), lanes_abs(x));
    lanes_real a2 = a * a;
    lanes_real low =
        lanes_cubic(a, a2, -0x1.45f298p-1f, -0x1.a520b8p-4f, 0x1.3c911cp-6f, -0x1.af6536p-13f);
    lanes_real high = lanes_fma(a2, lanes_all(-0x1.557b94p-15f),
                                lanes_line(a, -0x1.4823aap-10f, 0x1.8f825ap-12f));
    lanes_real g = lanes_fma(a, lanes_fma(a2 * a2, high, low), lanes_all(-0x1.20dd76p+0f));
    lanes_real t = a * g;
    lanes_real s, n = lanes_nearest_power(t, 1.0f, &s);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.62e430p-1f), t), 1.0f);
    lanes_real below = 1.0f - s, above = 1.0f + s;
    return lanes_put_sign(lanes_fma(-above, h, below) / (1.0f - h), x);
}

/*
 * e^x, relative error at most 1.7e-7 from -87 to 88.37; exactly 0 below -87, where the truth soon
 * is subnormal, and infinity above 88.38; NaN stays NaN.
 */
LANES_INLINE lanes_real lanes_exp(lanes_real x)
{
    /* At 89 the scale is infinite already; further up its exponent would wrap. */
    lanes_real capped = lanes_min(lanes_all(89.0f), x);
    lanes_real s, n = lanes_nearest_power(capped, 1.0f, &s);
    lanes_real r = lanes_fma(n, lanes_all(-0x1.62e400p-1f), capped);
    lanes_real h = lanes_half_tanh(lanes_fma(n, lanes_all(-0x1.7f7d1cp-20f), r), 1.0f);
    return lanes_zero_below(s * ((1.0f + h) / (1.0f - h)), x, -87.0f);
}

#endif
