#!/usr/bin/env python3
"""One SGDA iteration by this program and by plain NumPy, on one core, in turns in one run.

The NumPy program is what one writes in an afternoon: standard_normal, A @ z, tanh, y @ y.T, … in
float64, OpenBLAS on one thread. Each of N rounds gives S seconds to NumPy, then to the engine in
both precisions (`saddlesweep run` of one run, its `seconds` over its iterations); the ratio is
that of the medians, and its range over the rounds says how quiet the machine was.

NumPy makes a new array for every intermediate result. The C library gives their memory back to
the system and fetches it again, which can take longer than the arithmetic. Here it is told to
keep it, so that what is compared is arithmetic; --as-it-comes leaves that to the C library.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What must stand in the environment before this process starts.
SETTINGS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
if "--as-it-comes" not in sys.argv:
    SETTINGS |= {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}
if not SETTINGS.items() <= os.environ.items():
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **SETTINGS})

import h5py
import numpy as np

SIZES = [(3, 2), (7, 2), (8, 8), (32, 32), (128, 128)]
ACTIVATIONS = ["tanh", "leaky_relu(0.2)"]
PRECISIONS = ["single", "double"]

SWEEP = """\
name: one
root_seed: 1
grid: {{d: {d}, k: {k}, n: {m}, m: n, activation: "{activation}", seed: [0]}}
truth: {{latent: k, row_norm: unit}}
train: {{iterations: {iterations}, step: {{size: 0.5}}, ascent_step: 1.0, noise: 0}}
record: {{points: 2, spacing: log}}
precision: {precision}
"""


class NumpyIteration:
    """Algorithm 1 on random data, in float64."""

    def __init__(self, d, k, m, activation):
        self.k, self.m, self.tanh = k, m, activation == "tanh"
        self.rng = np.random.default_rng(0)
        self.A = self.unit_rows(self.rng.standard_normal((d, k)))
        data = self.phi(self.unit_rows(self.rng.standard_normal((d, k))) @ self.latents())
        self.X = data @ data.T / m

    @staticmethod
    def unit_rows(A):
        return A / np.linalg.norm(A, axis=1, keepdims=True)

    def latents(self):
        return self.rng.standard_normal((self.k, self.m))

    def phi(self, u):
        return np.tanh(u) if self.tanh else np.where(u > 0, u, 0.2 * u)

    def step(self):
        z = self.latents()
        u = self.A @ z
        y = self.phi(u)
        slope = 1 - y * y if self.tanh else np.where(u > 0, 1.0, 0.2)
        V = y @ y.T / self.m - self.X
        gradient = 2 / self.m * (slope * (V @ y)) @ z.T
        self.A = self.unit_rows(self.A - 0.5 * gradient)

    def time(self, seconds):
        """Seconds an iteration."""
        start = time.perf_counter()
        count = 0
        while count < 3 or time.perf_counter() - start < seconds:
            self.step()
            count += 1
        return (time.perf_counter() - start) / count


def time_engine(program, folder, seconds, guess, **case):
    """Seconds an iteration of a run that is to last about `seconds`."""
    case["iterations"] = max(20, int(seconds / guess))
    spec, output = folder / "one.yaml", folder / "one.h5"
    spec.write_text(SWEEP.format(**case))
    command = [program, "run", spec, "-o", output]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with h5py.File(output) as file:
        taken = file["run"]["seconds"][0, 0]
    output.unlink()
    return taken / case["iterations"]


def compare(options, folder, d, k, activation):
    case = {"d": d, "k": k, "m": options.m, "activation": activation}
    numpy = NumpyIteration(d, k, options.m, activation)
    plain, ours = [], {precision: [] for precision in PRECISIONS}
    for _ in range(options.rounds):
        plain.append(numpy.time(options.seconds))
        for precision, times in ours.items():
            guess = times[-1] if times else plain[0] / 20
            times.append(
                time_engine(options.program, folder, options.seconds, guess, precision=precision, **case)
            )
    row = f"{d:4} {k:4}  {activation:<15} {1e6 * statistics.median(plain):10.1f}"
    for times in ours.values():
        ratios = [a / b for a, b in zip(plain, times)]
        median = statistics.median(plain) / statistics.median(times)
        row += f" {1e6 * statistics.median(times):10.1f} {median:6.1f}x ({min(ratios):.1f} - {max(ratios):.1f})"
    print(row, flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", default="build/release/saddlesweep", type=Path)
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--seconds", default=0.3, type=float)
    parser.add_argument("--m", default=10000, type=int)
    parser.add_argument("--as-it-comes", action="store_true")
    options = parser.parse_args()
    options.program = options.program.resolve()
    print(f"microseconds an iteration, m = {options.m}, NumPy {np.__version__} against single and double")
    print("   d    k  activation           NumPy     single                          double")
    with tempfile.TemporaryDirectory(prefix="saddlesweep-") as folder:
        for d, k in SIZES:
            for activation in ACTIVATIONS:
                compare(options, Path(folder), d, k, activation)


if __name__ == "__main__":
    main()
