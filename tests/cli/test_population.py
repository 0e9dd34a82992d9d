"""n: inf and m: inf, alone and among numbers: planned, run, shared out, read, exported, verified."""

import csv

import h5py
import numpy as np

import pytest
from harness import SWEEP, ProgramTest, read

pytestmark = pytest.mark.release

LIMITS = (
    SWEEP.replace("n: [100, 300]", "n: [100, inf]").replace("m: n", "m: [50, inf]").replace("count: 4", "count: 2")
)


class PopulationTest(ProgramTest):
    def test_plan_and_status_call_it_inf(self):
        path = self.run_sweep(LIMITS, "limits")
        lines = self.succeed("plan", self.folder / "limits.yaml").stdout.splitlines()
        self.assertIn(["0", "3", "2", "2", "100", "50"], [line.split()[:6] for line in lines])
        self.assertIn(["7", "3", "2", "2", "inf", "inf"], [line.split()[:6] for line in lines])
        lines = self.succeed("status", "--cells", path).stdout.splitlines()
        self.assertIn(["7", "3", "2", "2", "inf", "inf"], [line.split()[:6] for line in lines])

    def test_the_file_has_0_and_the_export_inf(self):
        path = self.run_sweep(LIMITS, "limits")
        self.assertEqual(set(read(path, "n")), {100, 0})
        self.assertEqual(set(read(path, "m")), {50, 0})
        table = self.folder / "limits.csv"
        self.succeed("export", path, "--csv", table)
        with open(table) as file:
            rows = list(csv.DictReader(file))
        self.assertEqual({row["n"] for row in rows}, {"100", "inf"})
        self.assertEqual({row["m"] for row in rows}, {"50", "inf"})

    def test_any_number_of_ranks_and_a_wide_sweep_give_the_same_bits(self):
        alone = read(self.run_sweep(LIMITS, "alone"), "error")
        path = self.run_sweep(LIMITS, "ranks", ranks=3)
        self.assertEqual(read(path, "error").tobytes(), alone.tobytes())
        exact = LIMITS.replace("[100, inf]", "inf").replace("[50, inf]", "inf")
        wide = self.run_sweep(exact + "wide: {from_d: 4}\n", "wide", ranks=2)
        self.assertEqual(read(wide, "error").tobytes(), read(self.run_sweep(exact, "exact"), "error").tobytes())

    def test_verify_replays_them(self):
        path = self.run_sweep(LIMITS, "limits")
        done = self.succeed("verify", path, "--replay", "32")
        self.assertIn("replayed    32, 0 of them with other bits", done.stdout)

    def test_another_sweep_is_told_by_inf(self):
        path = self.run_sweep(LIMITS, "limits")
        spec = self.write("other.yaml", LIMITS.replace("[50, inf]", "[50, 60]"))
        done = self.call("run", spec, "-o", path)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"m of cell \d+.*inf.*60|m of cell \d+.*60.*inf")

    def test_precision_is_of_samples_only(self):
        exact = LIMITS.replace("[100, inf]", "inf").replace("[50, inf]", "inf")
        double = exact.replace("precision: single", "precision: double")
        single = read(self.run_sweep(exact, "single"), "error")
        self.assertEqual(single.tobytes(), read(self.run_sweep(double, "double"), "error").tobytes())

    def test_many_samples_come_near(self):
        sweep = LIMITS.replace("[100, inf]", "[100, 10000, inf]").replace("[50, inf]", "n").replace("0.1", "0")
        with h5py.File(self.run_sweep(sweep, "near")) as file:
            error, n = file["error"][...], file["n"][:]
        far, near = (np.abs(error[n == count] - error[n == 0]).max() for count in (100, 10000))
        self.assertGreater(near, 0)
        self.assertLess(near, far / 3)
