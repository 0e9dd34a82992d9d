#!/usr/bin/python3
"""Fit every coefficient table of lane_math_f32.h and lane_math_f64.h, and print it with its error.

Usage: /usr/bin/python3 scripts/fit-lane-math.py        (some 15 s; no input, deterministic)

Each table is a minimax fit by the Remez exchange: the linear systems are solved by mpmath at
40 digits, so that no LAPACK version can change a last bit, and the error curve is searched on a
fixed grid.  The error printed is the one that remains after the coefficients were rounded to
their precision, evaluated with exact arithmetic (rounding inside the evaluation comes on top,
and is what tests/unit/test_lane_math.c measures).
"""

import mpmath as mp
import numpy as np

mp.mp.dps = 40


def grid(low, high, count=3001):
    """Chebyshev-spaced points of [low, high], ends included."""
    angle = np.pi * np.arange(count) / (count - 1)
    return low + (high - low) * (1.0 - np.cos(angle)) / 2.0


def extremes(error, count):
    """Indices of `count` alternating extremes of the error curve, the largest kept."""
    sign = np.where(error < 0.0, -1, 1)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(sign)) + 1, [len(error)]])
    picks = [a + int(np.argmax(np.abs(error[a:b]))) for a, b in zip(starts[:-1], starts[1:])]
    while len(picks) > count:  # drop the weaker end, which keeps the signs alternating
        picks.pop(0 if abs(error[picks[0]]) < abs(error[picks[-1]]) else -1)
    return picks


def remez(points, target, weight, degree, rounds=40):
    """The polynomial of least largest weight * |P - target| over the points."""
    unknowns = degree + 1
    # The extremes of a good fit crowd to the ends like those of a Chebyshev polynomial; the grid
    # is spaced that way already, so equal steps of the index are a fair start.
    picks = [round(i * (len(points) - 1) / unknowns) for i in range(unknowns + 1)]
    for _ in range(rounds):
        rows = [[points[i] ** k for k in range(unknowns)] + [-((-1) ** order) / weight[i]]
                for order, i in enumerate(picks)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([target[i] for i in picks]))
        p, level = list(solution[:unknowns]), abs(float(solution[unknowns]))
        error = weighted_error(points, target, weight, p)
        if np.abs(error).max() < 1.001 * level:
            return p
        picks = extremes(error, unknowns + 1)
        if len(picks) < unknowns + 1:
            break
    raise SystemExit("the exchange did not settle")


def weighted_error(points, target, weight, p):
    """weight * (P - target) at every point, as doubles."""
    return np.array([float(w * (mp.polyval(p[::-1], z) - t))
                     for z, t, w in zip(points, target, weight)])


def settle(points, target, weight, p):
    """Round to float32, then step single and paired coefficients by an ulp while that helps."""
    z, t, w = (np.array([float(v) for v in row]) for row in (points, target, weight))
    table = np.array([float(c) for c in p]).astype(np.float32)

    def worst():
        return np.abs(w * (np.polyval(table[::-1].astype(np.float64), z) - t)).max()

    moves = [((k, way),) for k in range(len(table)) for way in (-1, 1)]
    moves += [(a[0], b[0]) for a in moves for b in moves if a[0][0] < b[0][0]]
    best, improved = worst(), True
    while improved:
        improved = False
        for move in moves:
            kept = table.copy()
            for k, way in move:
                table[k] = np.nextafter(table[k], np.float32(way * np.inf))
            error = worst()
            if error < best * 0.999:
                best, improved = error, True
            else:
                table = kept
    return table


def fit(name, bits, low, high, function, weight, degree, shift=lambda power: 0):
    """Fit function(z) on [low, high], print the table in float32 or float64 and its error.

    Coefficient P_k is printed as P_k 2^shift(k).
    """
    points = [mp.mpf(float(z)) for z in grid(low, high)]
    target = [function(z) for z in points]
    weights = [weight(z, t) for z, t in zip(points, target)]
    p = remez(points, target, weights, degree)
    if bits == 32:
        table = [float(c) for c in settle(points, target, weights, p)]
    else:  # nothing to gain from steps: what rounding leaves is below what the evaluation adds
        table = [float(c) for c in p]
    error = weighted_error(points, target, weights, [mp.mpf(c) for c in table])
    print(f"f{bits} {name}: error {np.abs(error).max():.3g}")
    for power, c in enumerate(table):
        print(f"    P{power} {shortest(np.ldexp(c, shift(power)), bits)}")


def shortest(value, bits):
    """A C constant in hex, without the zeros that end a float32."""
    digits, exponent = float(value).hex().split("p")
    return f"{digits[:-7]}p{exponent}f" if bits == 32 else f"{digits}p{exponent}"


def fit_log():
    """-2 ln u, relative: what Box and Muller take the root of.

    float32: u = 1 + f, 1/2 <= u <= 1, as f P(f).  float64: sqrt(1/2) <= u <= sqrt(2), as s P(s^2),
    s = f/(2 + f), for -2 ln u = -4 artanh s: a division, but half of the terms.
    """
    fit("log: -2 ln(1+f) = f P(f), relative", 32, -0.5, 0,
        lambda f: -2 * mp.log1p(f) / f if f else mp.mpf(-2), lambda f, t: 1 / t, 8)
    edge = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
    fit("log: -4 artanh s = s P(s^2), relative", 64, 1e-12, edge**2,
        lambda z: -4 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z), lambda z, t: 1 / t, 7)


def fit_circle():
    """sin and cos of v half turns, |v| <= 1/2, z = v^2.

    float64 takes v 2^32 for v, which saves a multiplication.
    """
    def sine(z):
        return mp.sin(mp.pi * mp.sqrt(z)) / mp.sqrt(z)

    def cosine(z):
        return (mp.cos(mp.pi * mp.sqrt(z)) - 1) / z

    low, high = 1e-12, 0.25
    fit("sin: sin(pi v) = v P(z), relative", 32, low, high, sine, lambda z, t: 1 / t, 4)
    fit("cos: cos(pi v) = 1 + z P(z), absolute", 32, low, high, cosine, lambda z, t: z, 4)
    fit("sin: sin(pi v) = w P(w^2), w = v 2^32, relative", 64, low, high, sine,
        lambda z, t: 1 / t, 7, lambda power: -32 - 64 * power)
    fit("cos: cos(pi v) = 1 + w^2 P(w^2), w = v 2^32, absolute", 64, low, high, cosine,
        lambda z, t: z, 7, lambda power: -64 - 64 * power)


def fit_half_tanh():
    """tanh(r/2) = r (1/2 + r^2 P(r^2)), relative, |r| <= ln(2)/2 and a little for the rounding of n.

    e^r = (1 + tanh(r/2)) / (1 - tanh(r/2)), and an odd function has half of the terms.
    """
    edge = mp.log(2) / 2 * mp.mpf("1.0001")

    def whole(z):
        return mp.tanh(mp.sqrt(z) / 2) / mp.sqrt(z)

    for bits, degree in ((32, 1), (64, 5)):
        fit("half: tanh(r/2) = r (1/2 + r^2 P(r^2)), relative", bits, 1e-9, edge**2,
            lambda z: (whole(z) - mp.mpf(1) / 2) / z, lambda z, t: z / whole(z), degree)


def fit_erf():
    """erf x = 1 - e^(x G(x)), relative; float64 takes G as a polynomial in x - 3.

    What the error of erf leaves to G dies away with erfc, so a low degree serves up to where erf
    is 1 to the precision.
    """
    def function(x):
        return mp.log(mp.erfc(x)) / x if x > 1e-12 else -2 / mp.sqrt(mp.pi)

    def weight(x, _):
        rest = mp.erfc(x)
        return rest * x / (1 - rest) if x > 1e-12 else mp.sqrt(mp.pi) / 2

    fit("erf: erf x = 1 - e^(x P(x)), relative", 32, 0, 4, function, weight, 7)
    fit("erf: erf x = 1 - e^(x P(x - 3)), relative", 64, -3, 3, lambda u: function(u + 3),
        lambda u, t: weight(u + 3, t), 21)


def print_constants():
    """Logarithms; n times the high part of ln 2 is exact for every exponent n."""
    for bits, high_bits in ((32, 16), (64, 42)):
        high = mp.floor(mp.log(2) * 2**high_bits + mp.mpf(1) / 2) / 2**high_bits
        for label, value in (("high part of ln 2", high), ("low part of ln 2", mp.log(2) - high),
                             ("ln 2", mp.log(2)), ("1 / ln 2", 1 / mp.log(2))):
            rounded = np.float32(float(value)) if bits == 32 else float(value)
            print(f"f{bits} {label}: {shortest(rounded, bits)}")
    print(f"sqrt(1/2): bits {np.float64(float(mp.sqrt(0.5))).view(np.uint64):#x}")


if __name__ == "__main__":
    print_constants()
    fit_log()
    fit_circle()
    fit_half_tanh()
    fit_erf()
