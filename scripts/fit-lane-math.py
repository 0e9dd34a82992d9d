#!/usr/bin/python3
"""Fit every coefficient table of lane_math.h and print it with the error reached.

Usage: /usr/bin/python3 fit_lane_math.py        (some seconds; no input, deterministic)

Each table is a minimax fit by the Remez exchange: the linear systems are solved by mpmath at
40 digits, so that no LAPACK version can change a last bit, and the error curve is searched on a
fixed grid.  The error printed is the one that remains after the coefficients were rounded to
float32, evaluated with exact arithmetic (rounding inside the float32 evaluation comes on top,
and is what check_lane_math.c measures).
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


def fit(name, low, high, function, weight, degree):
    """Fit function(z) on [low, high], print the float32 table and the error it leaves."""
    points = [mp.mpf(float(z)) for z in grid(low, high)]
    target = [function(z) for z in points]
    weights = [weight(z, t) for z, t in zip(points, target)]
    table = settle(points, target, weights, remez(points, target, weights, degree))
    error = weighted_error(points, target, weights, [mp.mpf(float(c)) for c in table])
    print(f"{name}: error {np.abs(error).max():.3g}")
    for power, c in enumerate(table):
        print(f"    P{power} {float(c).hex():>24} {c:.9g}f")


def fit_log():
    """ln(1 + f) = f + f^2 P(f), error relative to ln(1 + f), 1 + f in [sqrt(1/2), sqrt(2)]."""

    def function(f):
        if abs(f) < 1e-9:
            return -mp.mpf(1) / 2 + f / 3
        return (mp.log1p(f) - f) / f**2

    def weight(f, _):
        return abs(f) if abs(f) < 1e-9 else f**2 / abs(mp.log1p(f))

    fit("log: ln(1+f) = f + f^2 P(f), relative", mp.sqrt(0.5) - 1, mp.sqrt(2) - 1,
        function, weight, 7)


def fit_circle():
    """sin and cos of t quarter turns, |t| <= 1/2, z = t^2."""
    half_pi = mp.pi / 2
    low, high = 1e-8, 0.25

    def sine(z):
        return mp.sin(half_pi * mp.sqrt(z)) / mp.sqrt(z)

    def cosine(z):
        return (mp.cos(half_pi * mp.sqrt(z)) - 1) / z

    fit("sin: sin(pi/2 t) = t P(z), relative", low, high, sine, lambda z, t: 1 / t, 3)
    fit("cos: cos(pi/2 t) = 1 + z P(z), absolute", low, high, cosine, lambda z, t: z, 2)


def fit_exp():
    """e^r = 1 + r + r^2 P(r), relative, |r| <= ln(2)/2 and a little for the rounding of n."""
    edge = mp.log(2) / 2 * mp.mpf("1.0001")

    def function(r):
        return mp.mpf(1) / 2 + r / 6 if abs(r) < 1e-9 else (mp.exp(r) - 1 - r) / r**2

    fit("exp: e^r = 1 + r + r^2 P(r), relative", -edge, edge, function,
        lambda r, _: max(r**2, mp.mpf("1e-18")) / mp.exp(r), 3)
    # n * high must be exact for |n| <= 128 (8 bits): high keeps 16 of the 24 bits.
    high = mp.floor(mp.log(2) * 2**16 + mp.mpf(1) / 2) / 2**16
    for label, value in (("high part of ln 2", high), ("low part of ln 2", mp.log(2) - high),
                         ("1 / ln 2", 1 / mp.log(2)), ("ln 2", mp.log(2))):
        single = float(np.float32(float(value)))
        print(f"{label}: {single.hex()} {single:.9g}f, error {float(single - value):.3g}")
    print(f"sqrt(1/2): bits {np.float32(float(mp.sqrt(0.5))).view(np.uint32):#x}")


def fit_erf():
    """erf x = 1 - 2^(x G(x)), 0 <= x <= 4, relative.

    What the error of erf leaves to G dies away with erfc, so a low degree serves up to where erf
    is 1 to float32.
    """
    slope = 2 / mp.sqrt(mp.pi)

    def function(x):
        return mp.log(mp.erfc(x), 2) / x if x > 1e-12 else -slope / mp.log(2)

    def weight(x, _):
        rest = mp.erfc(x)
        return mp.log(2) * rest * x / (1 - rest) if x > 1e-12 else mp.log(2) / slope

    fit("erf: erf x = 1 - 2^(x P(x)), relative", 0, 4, function, weight, 7)


def fit_power():
    """2^f = 1 + f P(f), |f| <= 1/2 and a little."""
    edge = mp.mpf("0.50001")

    def function(f):
        return (mp.mpf(2) ** f - 1) / f if abs(f) > 1e-9 else mp.log(2)

    fit("power: 2^f = 1 + f P(f), relative", -edge, edge, function, lambda f, t: 1 / t, 5)


if __name__ == "__main__":
    fit_log()
    fit_circle()
    fit_exp()
    fit_power()
    fit_erf()
