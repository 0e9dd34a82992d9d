"""`run --reuse`: a larger sweep costs what the older files lack, and gives the bits of one from nothing."""

import re

import h5py
import numpy as np
from harness import DIVERGING, SWEEP, ProgramTest, read

# Eight cells of six runs where SWEEP has four; one activation and one d come first that were second.
LARGER = (
    SWEEP.replace("count: 4", "count: 6")
    .replace("d: [3, 5]", "d: [5, 3]")
    .replace("[leaky_relu(0.2), tanh]", "[tanh, leaky_relu(0.2)]")
)


class Reuse(ProgramTest):
    def setUp(self):
        super().setUp()
        self.old = self.run_sweep(SWEEP, "old")

    def larger(self, name, *options, ranks=None):
        """Runs the larger sweep; its result file, runs taken over a file, and runs computed."""
        spec = self.write("larger.yaml", LARGER)
        path = self.folder / f"{name}.h5"
        done = self.succeed("run", spec, "-o", path, *options, ranks=ranks)
        taken = [int(count) for count in re.findall(r"h5: (\d+) runs taken over", done.stdout)]
        computed = int(re.search(r"48 of 48 runs committed \((\d+) now", done.stdout).group(1))
        return path, taken, computed

    def assert_same(self, path, other):
        with h5py.File(path) as file, h5py.File(other) as expected:
            self.assertEqual(file["error"][...].tobytes(), expected["error"][...].tobytes())
            for quantity, bands in expected["bands"].items():
                for name, band in bands.items():
                    found = file[f"bands/{quantity}/{name}"]
                    self.assertEqual(found[...].tobytes(), band[...].tobytes(), name)

    def test_only_what_is_new_is_computed_wherever_it_stands_in_the_grid(self):
        fresh, taken, computed = self.larger("fresh")
        self.assertEqual((taken, computed), ([], 48))
        before = self.old.read_bytes()
        for ranks in (None, 2):
            path, taken, computed = self.larger(f"grown{ranks}", "--reuse", self.old, ranks=ranks)
            self.assertEqual((taken, computed), ([32], 16))
            self.assert_same(path, fresh)
            self.succeed("verify", path, "--replay", "48")
        self.assertEqual(self.old.read_bytes(), before)

    def test_several_files_give_each_run_once_also_to_a_file_in_progress(self):
        fresh, _, _ = self.larger("fresh")
        one = self.run_sweep(SWEEP.replace("{count: 4}", "[3, 4]"), "one")
        path, taken, computed = self.larger("grown", "--reuse", self.old, "--reuse", one)
        self.assertEqual((taken, computed), ([32, 8], 8))
        self.assert_same(path, fresh)
        with h5py.File(path, "r+") as file:
            records = file["run"][...]
            records[2:4] = np.zeros((), records.dtype)
            file["run"][...] = records
        path, taken, computed = self.larger("grown", "--reuse", one, "--reuse", self.old)
        self.assertEqual((taken, computed), ([4, 6], 2))
        self.assert_same(path, fresh)

    def test_what_is_damaged_or_of_another_place_is_not_taken(self):
        fresh, _, _ = self.larger("fresh")
        with h5py.File(self.old, "r+") as file:
            file["error"][1, 2, 3] += 1e-9
            records = file["run"][...]
            records["seconds"][4, 1] += 1
            records[7, 0] = records[7, 1]
            file["run"][...] = records
        path, taken, computed = self.larger("grown", "--reuse", self.old)
        self.assertEqual((taken, computed), ([29], 19))
        self.assert_same(path, fresh)

    def test_runs_that_differ_in_anything_are_not_taken(self):
        for change in ("root_seed=8", "train.noise=0.2", "record.points=11", "precision=double"):
            path = self.run_sweep(SWEEP, "other", "--set", change)
            _, taken, computed = self.larger("grown", "--reuse", path)
            self.assertEqual((taken, computed), ([0], 48), change)
            path.unlink()
            (self.folder / "grown.h5").unlink()

    def test_who_can_give_nothing_says_why_and_plan_says_it_beforehand(self):
        larger = self.write("larger.yaml", LARGER)
        self.assertIn("old.h5: 32 runs can be taken over\n", self.succeed("plan", larger, "--reuse", self.old).stdout)
        empty = self.folder / "empty.h5"
        self.call("run", self.write("tiny.yaml", SWEEP), "-o", empty, cues="7/0@0=USR1")
        for text, old, why in (
            (LARGER.replace("noise: 0.1", "noise: 0.3"), self.old, "the first setting that differs: train.noise is 0.1 there, 0.3 here"),
            (LARGER.replace("iterations: 50", "iterations: 60"), self.old, "train.iterations is 50 there, 60 here"),
            (LARGER.replace("d: [5, 3]", "d: 7"), self.old, "none of its runs is lacking; compare the grids"),
            (LARGER, empty, "it has no committed run"),
        ):
            with self.subTest(why):
                spec = self.write("other.yaml", text)
                planned = self.succeed("plan", spec, "--reuse", old).stdout
                self.assertRegex(planned, rf"h5: 0 runs can be taken over: .*{re.escape(why)}")
                output = self.folder / "other.h5"
                done = self.succeed("run", spec, "-o", output, "--reuse", old)
                self.assertRegex(done.stdout, rf"h5: 0 runs taken over: .*{re.escape(why)}")
                again = self.succeed("run", spec, "-o", output, "--reuse", old)
                self.assertIn("h5: 0 runs taken over\n", again.stdout, "nothing is lacking, so there is nothing to explain")
                output.unlink()
        done = self.call("run", larger, "-o", self.old)
        self.assertEqual(done.returncode, 2)
        self.assertIn("`--reuse` takes over the runs that both have", done.stderr)
        done = self.call("plan", larger, "--reuse", "nowhere.h5")
        self.assertEqual(done.returncode, 2)

    def test_runs_that_did_not_end_well_are_taken_unless_they_are_to_be_retried(self):
        spec = self.write("diverging.yaml", DIVERGING)
        path = self.folder / "diverging.h5"
        self.assertEqual(self.call("run", spec, "-o", path).returncode, 3)
        status = read(path, "run")["status"]
        done, diverged = (status == 1).sum(), (status == 2).sum()
        self.assertGreater(done, 0)
        self.assertGreater(diverged, 0)
        for option, expected in (((), 32), (("--retry-failed",), done)):
            output = self.folder / f"again{len(option)}.h5"
            again = self.call("run", spec, "-o", output, "--reuse", path, *option)
            self.assertEqual(again.returncode, 3)
            self.assertIn(f"{expected} runs taken over", again.stdout)
            self.assertIn(f"({32 - expected} now", again.stdout)
            self.assertEqual(read(output, "error").tobytes(), read(path, "error").tobytes())

    def test_files_that_cannot_be_reused_are_refused_before_anything_is_made(self):
        spec = self.write("larger.yaml", LARGER)
        text = self.write("text.h5", "no HDF5")
        before = self.files()
        for path, fragment in (
            ("missing.h5", "missing.h5: cannot be opened: No such file"),
            (text, "is not a result file of saddlesweep"),
            (spec, "is not a result file of saddlesweep"),
        ):
            for ranks in (None, 2):
                done = self.call("run", spec, "-o", "new.h5", "--reuse", path, ranks=ranks)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(fragment, done.stderr)
                self.assertEqual(self.files(), before)
        done = self.call("run", "old.yaml", "-o", self.old, "--reuse", self.old)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is the output itself", done.stderr)
