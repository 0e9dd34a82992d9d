"""Runs that diverge or fail: told with what they share, run again or stopped at when that is asked for."""

import re
import resource

import h5py
import numpy as np
import pytest
from harness import DIVERGING, SWEEP, ProgramTest, read


# The runs of its second cell need more than a gigabyte.
LARGE = """\
name: large
root_seed: 1
grid: {d: [3, 5000], k: 2, n: 10, m: 10, activation: tanh, seed: {count: 2}}
train: {iterations: 2, step: {size: 0.1}, ascent_step: 1, noise: 0}
record: {at: [0, 1]}
"""


class Failures(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("diverging.yaml", DIVERGING)

    def run_diverging(self, name, *options, ranks=None):
        return self.call("run", "diverging.yaml", "-o", name, *options, ranks=ranks)

    def table(self, output):
        """{parameter: {value: (runs that failed, runs, share)}}"""
        rows = {}
        for line in output.split("such runs  that is\n")[1].splitlines():
            match = re.fullmatch(r"  (\w+)? +(\S+) +(\d+) of (\d+)  (.*)", line)
            if not match:
                break
            name = match.group(1) or name
            rows.setdefault(name, {})[match.group(2)] = (*map(int, match.group(3, 4)), match.group(5))
        return rows

    def test_the_table_says_which_values_they_share(self):
        done = self.run_diverging("a.h5")
        self.assertEqual(done.returncode, 3, done.stderr)
        with h5py.File(self.folder / "a.h5") as file:
            failed = file["run"]["status"] == 2
            values = {name: file[name][:] for name in ("d", "n", "seed")}
            values["activation"] = file["activation"].asstr()[:]
        self.assertTrue(0 < failed.sum() < failed.size)
        for output in (done.stdout, self.succeed("status", "a.h5").stdout):
            self.assertIn(f"{failed.sum()} runs diverged or failed:\n", output)
            self.assertIn(f"  {failed.sum()} runs: a value of A or of the error is no", output)
            table = self.table(output)
            self.assertEqual(list(table), ["d", "n", "activation", "seed"], "m is tied to n")
            for name, rows in table.items():
                expected = {}
                for value in set(values[name]):
                    here = failed[:, values[name] == value] if name == "seed" else failed[values[name] == value]
                    if here.any():
                        share = round(100 * here.sum() / failed.sum())
                        text = "all of them" if here.sum() == failed.sum() else f"{share} % of them"
                        expected[str(value)] = (here.sum(), here.size, text)
                self.assertEqual(rows, expected, name)
                shares = [count / runs for count, runs, _ in rows.values()]
                self.assertEqual(shares, sorted(shares, reverse=True))

    def test_many_seeds_are_cut_short_and_a_sweep_that_fails_whole_has_no_table(self):
        done = self.run_diverging("a.h5", "--set", "grid.seed={count: 40}")
        table = self.table(done.stdout)
        self.assertEqual(len(table["seed"]), 8)
        seeds = (read(self.folder / "a.h5", "run")["status"] == 2).any(axis=0).sum()
        self.assertRegex(done.stdout, rf"\n +{seeds - 8} more +\.\.\.\n")
        done = self.run_diverging("b.h5", "--set", "train.ascent_step=1e200")
        self.assertEqual(done.returncode, 3)
        self.assertIn("32 runs diverged or failed:\n", done.stdout)
        self.assertIn("these are all runs of the sweep", done.stdout)
        self.assertNotIn("that is", done.stdout)

    def test_fail_fast_stops_at_the_first(self):
        self.run_diverging("whole.h5")
        whole = read(self.folder / "whole.h5", "error").tobytes()
        for ranks in (None, 2):
            name = f"fast{ranks}.h5"
            done = self.run_diverging(name, "--fail-fast", ranks=ranks)
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertIn("stopped early at a run that did not end well (--fail-fast)", done.stdout)
            status = read(self.folder / name, "run")["status"]
            self.assertTrue(1 <= (status == 2).sum() <= (ranks or 1), status)
            self.assertGreater(np.isin(status, (0, 4)).sum(), 0)
            done = self.run_diverging(name, ranks=ranks)
            self.assertEqual(done.returncode, 3)
            self.assertIn("32 of 32 runs committed", done.stdout)
            self.assertEqual(read(self.folder / name, "error").tobytes(), whole)
            done = self.run_diverging(name, "--fail-fast", ranks=ranks)
            self.assertEqual(done.returncode, 3)
            self.assertNotIn("stopped early", done.stdout, "those before do not count")

    def test_fail_fast_lets_a_sweep_without_failures_end(self):
        self.write("tiny.yaml", SWEEP)
        self.assertIn("32 of 32", self.succeed("run", "tiny.yaml", "-o", "t.h5", "--fail-fast").stdout)

    def test_retrying_what_diverged_gives_the_same_bits(self):
        self.run_diverging("a.h5")
        before = read(self.folder / "a.h5", "error").tobytes()
        diverged = (read(self.folder / "a.h5", "run")["status"] == 2).sum()
        for ranks in (None, 2):
            done = self.run_diverging("a.h5", "--retry-failed", ranks=ranks)
            self.assertEqual(done.returncode, 3)
            self.assertIn(f"32 of 32 runs committed ({diverged} now", done.stdout)
            self.assertEqual(read(self.folder / "a.h5", "error").tobytes(), before)

    def test_one_run_is_one_run(self):
        one = [word for value in ("seed=0", "d=5", "n=100", "activation=identity") for word in ("--set", f"grid.{value}")]
        done = self.run_diverging("one.h5", *one)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("\n  1 run: a value of A or of the error is no", done.stdout)

    @pytest.mark.release  # the sanitizer's shadow memory alone is more than the limit
    def test_what_did_not_fit_in_memory_is_retried_where_it_fits(self):
        self.write("large.yaml", LARGE)
        done = self.call("run", "large.yaml", "-o", "large.h5", limit=(resource.RLIMIT_DATA, 300 << 20))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("2 runs: its matrices do not fit in memory", done.stdout)
        self.assertEqual(self.table(done.stdout)["d"], {"5000": (2, 2, "all of them")})
        self.assertEqual(read(self.folder / "large.h5", "run")["status"].tolist(), [[1, 1], [3, 3]])
        done = self.call("run", "large.yaml", "-o", "large.h5")
        self.assertIn("(0 now", done.stdout)
        self.assertEqual(done.returncode, 3)
        done = self.call("run", "large.yaml", "-o", "taken.h5", "--reuse", "large.h5")
        self.assertIn("2 runs taken over", done.stdout)
        self.assertEqual(done.returncode, 0)
        done = self.succeed("run", "large.yaml", "-o", "large.h5", "--retry-failed")
        self.assertIn("4 of 4 runs committed (2 now", done.stdout)
        for name in ("error", "bands/error/mean", "bands/error/count"):
            self.assertEqual(
                read(self.folder / "large.h5", name).tobytes(),
                read(self.folder / "taken.h5", name).tobytes(),
            )
