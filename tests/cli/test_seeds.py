"""`run --until-se`: cells get seeds until the standard error is small enough, whatever interrupts them."""

import csv
import io
import math
import re
import signal

import h5py
import numpy as np
import pytest
from harness import DIVERGING, SANITIZED, SWEEP, ProgramTest, flip_byte, forget, read, without_executions

TARGET, FIRST, MOST = 0.15, 4, 90
ADDED = SWEEP.replace("{count: 4}", f"{{count: {FIRST}, max: {MOST}, until_se: {TARGET}}}")

# Two cells.
LONG = (
    ADDED.replace("[3, 5]", "3")
    .replace("[100, 300]", "100")
    .replace("iterations: 50", "iterations: 1000")
    .replace("noise: 0.1", "noise: 1.0")
    .replace(f"until_se: {TARGET}", "until_se: 0.08")
)


def finals(path):
    """Final absolute and relative errors [2, C, S], and which runs are committed [C, S]."""
    with h5py.File(path) as file:
        run, error = file["run"][...], file["error"][:, :, -1]
    error = np.where(run["status"] == 1, error, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.array([error, error / run["truth_norm"]]), np.isin(run["status"], (1, 2, 3))


def standard_error(values):
    """Relative, of the quantity with the larger one."""
    values = values[:, np.isfinite(values[0])]
    return max(values.std(axis=1, ddof=1) / math.sqrt(values.shape[1]) / values.mean(axis=1))


def wanted_seeds(values, first, target):
    """How many seeds a cell of which all are known (values [2, S]) comes to want."""
    seeds, most = first, values.shape[1]
    while seeds < most and (error := standard_error(values[:, :seeds])) > target:
        seeds = min(max(math.ceil(seeds * (error / target) ** 2), seeds + 1), 2 * seeds, most)
    return seeds


class Seeds(ProgramTest):
    def assert_same_runs(self, path, other):
        for name in ("status", "iterations", "trajectory_checksum", "identity"):
            self.assertEqual(read(path, "run")[name].tolist(), read(other, "run")[name].tolist())
        for name in ("error", "bands/error/mean", "bands/relative_error/count"):
            self.assertEqual(read(path, name).tobytes(), read(other, name).tobytes(), name)

    def assert_refused(self, fragment, *arguments, ranks=None):
        before = self.files()
        done = self.call(*arguments, ranks=ranks)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(fragment, done.stderr)
        self.assertEqual(self.files(), before)

    def test_every_cell_meets_the_target_with_the_runs_of_a_plain_sweep_and_no_more(self):
        path = self.run_sweep(ADDED, "added")
        plain = self.run_sweep(SWEEP.replace("count: 4", f"count: {MOST}"), "plain")
        values, committed = finals(path)
        known, _ = finals(plain)
        for cell, seeds in enumerate(committed.sum(axis=1)):
            self.assertTrue(committed[cell, :seeds].all())
            self.assertLessEqual(standard_error(values[:, cell]), TARGET)
            self.assertEqual(seeds, wanted_seeds(known[:, cell], FIRST, TARGET))
        self.assertLess(committed.sum(), committed.size)
        errors, expected = read(path, "error"), read(plain, "error")
        self.assertEqual(errors[committed].tobytes(), expected[committed].tobytes())
        self.assertTrue(np.isnan(errors[~committed]).all())
        count = read(path, "bands/error/count")
        self.assertEqual(count[:, -1].tolist(), committed.sum(axis=1).tolist())

    def test_the_options_are_overrides_of_the_two_keys_and_ranks_change_no_run(self):
        spec = self.write("plain.yaml", SWEEP)
        output = self.folder / "options.h5"
        self.succeed("run", spec, "-o", output, "--until-se", TARGET, "--max-seeds", MOST)
        with h5py.File(output) as file:
            self.assertEqual(
                file.attrs["overrides"].split(),
                [f"grid.seed.until_se={TARGET}", f"grid.seed.max={MOST}"],
            )
        for ranks in (2,) if SANITIZED else (1, 2, 4):
            path = self.run_sweep(ADDED, f"ranks{ranks}", ranks=ranks)
            self.assert_same_runs(path, output)

    def test_a_sweep_that_is_stopped_or_killed_between_goes_on_to_the_same_runs(self):
        whole = self.run_sweep(LONG, "long")
        last = read(whole, "run")["status"][0].sum() - 1  # seeds of the first cell: this one comes in its last round
        for number, ranks in ((signal.SIGUSR1, 2), (signal.SIGKILL, None)):
            output = self.folder / f"{number.name}.h5"
            started = self.hold("long.yaml", "-o", output, cues=f"0/{last}@500=HOLD", ranks=ranks)
            self.assertIn("round 3", started.said()[0])
            if number == signal.SIGKILL:
                started.kill()
            else:
                self.stop(started, saved=None)
            status = self.succeed("status", output).stdout
            self.assertGreater(int(re.search(r"wanted +(\d+) ", status).group(1)), 0)
            done = self.succeed("run", "long.yaml", "-o", output, ranks=2 if ranks is None else None)
            self.assertNotIn("(0 now", done.stdout)
            self.assert_same_runs(output, whole)
            self.assertFalse((self.folder / f"{number.name}.h5.partial").exists())

    def test_a_complete_file_is_called_so_by_all_commands(self):
        path = self.run_sweep(ADDED, "added")
        before = without_executions(path)
        _, committed = finals(path)
        runs = committed.sum()
        again = self.succeed("run", "added.yaml", "-o", path)
        self.assertIn(f"{runs} of {runs} runs committed (0 now", again.stdout)
        self.assertIn("8 of 8 cells have a standard error within 15 % of their mean", again.stdout)
        self.assertEqual(without_executions(path), before)
        status = self.succeed("status", path, "--watch").stdout
        self.assertRegex(status, rf"pending +{8 * MOST - runs}\nwanted +0 ")
        self.assertIn("pending", self.succeed("verify", path, "--replay", "5").stdout)
        self.succeed("reduce", path)
        self.assertEqual(without_executions(path), before)
        merged = self.folder / "merged.h5"
        self.assertIn(f"{runs} of {runs} runs", self.succeed("merge", path, "-o", merged).stdout)
        self.assert_same_runs(merged, path)
        table = self.succeed("export", path, "--csv", "-").stdout
        self.assertEqual({row["status"] for row in csv.DictReader(io.StringIO(table))}, {"DONE"})
        self.assertEqual(table.count("\n") - 1, runs * read(path, "iteration").size)

    def test_status_shows_seeds_wanted_and_standard_error_of_each_cell(self):
        path = self.run_sweep(ADDED, "added")
        values, committed = finals(path)
        lines = self.succeed("status", path, "--cells").stdout.splitlines()
        rows = [line.split() for line in lines[-8:]]
        self.assertEqual([int(row[-3]) for row in rows], committed.sum(axis=1).tolist())
        for cell, row in enumerate(rows):
            self.assertAlmostEqual(float(row[-2]), 100 * standard_error(values[:, cell]), delta=0.006)

    def test_cells_that_miss_the_target_with_the_most_seeds_are_told_of_at_exit_0(self):
        path = self.folder / "few.h5"
        spec = self.write("added.yaml", ADDED)
        few = ("--max-seeds", "6")
        done = self.succeed("run", spec, "-o", path, *few)
        values, committed = finals(path)
        errors = [standard_error(values[:, cell]) for cell in range(8)]
        missed = sum(error > TARGET for error in errors)
        worst = int(np.argmax(errors))
        self.assertTrue(committed[np.array(errors) > TARGET].all())
        self.assertIn(f"{missed} cells missed that with 6 seeds", done.stdout)
        self.assertRegex(done.stdout, rf"worst: cell {worst} .*: {100 * errors[worst]:.3g} %")
        estimate = math.ceil(6 * (errors[worst] / TARGET) ** 2)
        self.assertIn(f"about {estimate} seeds", done.stdout)
        self.assertIn("wanted      0", self.succeed("status", path).stdout)
        self.assertIn("(0 now", self.succeed("run", spec, "-o", path, *few).stdout)

    def test_runs_of_a_plain_sweep_count_when_they_are_taken_over(self):
        fresh = self.run_sweep(ADDED, "fresh")
        plain = self.run_sweep(SWEEP, "plain")
        path = self.folder / "grown.h5"
        done = self.succeed("run", "fresh.yaml", "-o", path, "--reuse", plain, ranks=2)
        self.assertIn("32 runs taken over", done.stdout)
        _, committed = finals(path)
        self.assertIn(f"({committed.sum() - 32} now", done.stdout)
        self.assert_same_runs(path, fresh)

    def test_more_runs_than_are_wanted_leave_nothing_to_do(self):
        plain = self.run_sweep(SWEEP.replace("count: 4", f"count: {MOST}"), "plain")
        spec = self.write("added.yaml", ADDED)
        done = self.succeed("run", spec, "-o", "all.h5", "--reuse", plain)
        self.assertIn("(0 now", done.stdout)
        self.assertIn("8 of 8 cells have a standard error within", done.stdout)
        self.assertEqual(finals(self.folder / "all.h5")[1].sum(), 8 * MOST)

    def test_cells_of_which_all_runs_diverge_get_no_more_seeds(self):
        text = DIVERGING.replace("count: 4", "count: 3, max: 40, until_se: 0.05")
        spec = self.write("diverging.yaml", text.replace("iterations: 460", "iterations: 2000"))
        for option in ((), ("--retry-failed",)):
            done = self.call("run", spec, "-o", "none.h5", *option)
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertIn("24 of 24 runs committed (24 now", done.stdout)
            self.assertIn("8 cells get no more seeds", done.stdout)
        self.assertIn("these are all runs of the sweep", done.stdout)
        self.assertIn("wanted      0", self.succeed("status", "none.h5").stdout)
        self.assertRegex(self.succeed("verify", "none.h5").stdout, r"bands +8 right \(cells\)")

    def test_bands_are_judged_by_the_runs_that_a_cell_wants(self):
        path = self.run_sweep(ADDED, "added")
        _, committed = finals(path)
        self.assertLess(committed.sum(), committed.size)
        flip_byte(path, "bands/error/mean")
        done = self.call("verify", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"bands +7 right, 1 wrong \(cells\)")
        self.succeed("reduce", path)
        pending = re.search(r"pending +\d+ \(\d+ of cells that have enough seeds\)", self.succeed("verify", path).stdout)
        unwanted = committed.size - committed.sum()
        self.assertEqual(pending[0].split(None, 1)[1], f"{unwanted} ({unwanted} of cells that have enough seeds)")
        forget(path, 0, 0)  # without its first seed the cell lacks a run
        self.assertRegex(self.succeed("verify", path).stdout, r"bands +7 right, 1 older than their runs \(cells\)")

    def test_cells_of_which_some_runs_diverge_are_judged_by_the_others(self):
        text = DIVERGING.replace("count: 4", "count: 4, max: 24, until_se: 0.3")
        spec = self.write("diverging.yaml", text)
        path = self.folder / "some.h5"
        done = self.call("run", spec, "-o", path)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        values, committed = finals(path)
        self.assertLess(np.isfinite(values[0]).sum(), committed.sum())
        some = np.isfinite(values[0]).any(axis=1)
        self.assertEqual(committed[~some].sum(axis=1).tolist(), [4 for given_up in ~some if given_up])
        for cell in np.flatnonzero(some & (committed.sum(axis=1) < 24)):
            self.assertLessEqual(standard_error(values[:, cell]), 0.3)
        for option in ((), ("--retry-failed",), ("--reuse", path)):
            output = "new.h5" if "--reuse" in option else path
            again = self.call("run", spec, "-o", output, *option)
            self.assertEqual(again.returncode, 3)
            self.assert_same_runs(self.folder / output, path)
        stopped = self.call("run", spec, "-o", "fast.h5", "--fail-fast")
        self.assertEqual(stopped.returncode, 3)
        self.assertLess(finals(self.folder / "fast.h5")[1].sum(), committed.sum())

    def test_wide_cells_and_others_meet_the_target_in_the_same_rounds(self):
        text = ADDED.replace("[100, 300]", "100").replace("[leaky_relu(0.2), tanh]", "tanh")
        path = self.run_sweep(text + "wide: {from_d: 5}\n", "wide", ranks=2)
        values, committed = finals(path)
        self.assertTrue((read(path, "run")["kernel"][1, :FIRST] != read(path, "run")["kernel"][0, 0]).all())
        for cell in range(2):
            self.assertLessEqual(standard_error(values[:, cell]), TARGET)
            self.assertGreater(committed[cell].sum(), FIRST)
        self.succeed("verify", path)

    def test_wrong_options_are_refused_and_touch_nothing(self):
        plain = self.write("plain.yaml", SWEEP)
        listed = self.write("listed.yaml", SWEEP.replace("{count: 4}", "[0, 1, 2]"))
        both = ("--until-se", "0.1", "--max-seeds", "9")
        for fragment, spec, *options in (
            ("needs grid.seed.max (--max-seeds)", plain, "--until-se", "0.1"),
            ("needs grid.seed.until_se (--until-se)", plain, "--max-seeds", "9"),
            ("grid.seed.max: found 3, expected an integer from 4", plain, *both[:3], "3"),
            ("grid.seed.until_se: found 5, expected a number above 0 and below 1", plain,
             "--until-se", "5", *both[2:]),
            ('"grid.seed" is not a mapping of keys; make it one in the sweep file', listed, *both),
            ("a shard does not see those of the others", plain, *both, "--shard", "1/2"),
            ("--max-seeds: found", plain, "--max-seeds", "9" * 99),
        ):  # fmt: skip
            self.assert_refused(fragment, "run", spec, "-o", "new.h5", *options)
            if not SANITIZED:
                self.assert_refused(fragment, "plan", spec, *options)
        self.assert_refused("a shard does not see", "run", plain, "-o", "n.h5", *both, "--shard", "3/9", ranks=2)

    def test_a_file_of_another_target_or_of_none_is_left_as_it_is(self):
        added = self.run_sweep(ADDED, "added")
        plain = self.run_sweep(SWEEP.replace("count: 4", f"count: {MOST}"), "plain")
        before = added.read_bytes(), plain.read_bytes()
        self.assert_refused(
            "grid.seed.until_se is 0.15 in the file, 0.25 in the sweep",
            "run", "added.yaml", "-o", added, "--until-se", "0.25",
        )  # fmt: skip
        self.assert_refused("until_se is not set in the file", "run", "added.yaml", "-o", plain)
        self.assert_refused("not set in the sweep", "run", "plain.yaml", "-o", added)
        self.assertEqual((added.read_bytes(), plain.read_bytes()), before)

    def test_plan_shows_both_ends(self):
        spec = self.write("added.yaml", ADDED)
        shown = self.succeed("plan", spec).stdout
        self.assertRegex(shown, rf"seeds +{FIRST} to {MOST}, until the standard error .* within 15 %")
        self.assertRegex(shown, rf"runs +{8 * FIRST} to {8 * MOST}\n")
        first, most = re.search(r"core-hours +(\S+) to (\S+)\n", shown).groups()
        self.assertAlmostEqual(float(most) / float(first), MOST / FIRST, delta=0.02)
        size = re.search(r"file size .*", shown).group()
        plain = self.write("plain.yaml", SWEEP.replace("count: 4", f"count: {MOST}"))
        self.assertIn(size, self.succeed("plan", plain).stdout)

    @pytest.mark.release
    def test_figures_and_table_take_the_seeds_wanted_for_those_requested(self):
        path = self.run_sweep(ADDED, "added")
        self.draw(path)
        with open(self.folder / "added.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        seeds = finals(path)[1].sum(axis=1).tolist()
        for name in ("requested", "done"):
            self.assertEqual([int(row[name]) for row in rows], seeds)
        self.assertEqual({row["pending"] for row in rows}, {"0"})
        text = (self.folder / "added.txt").read_text(encoding="utf-8")
        self.assertNotRegex(text, r"(?m)^!")
        words = re.sub(r"<[^>]*>|\s+", " ", (self.folder / "added.svg").read_text(encoding="utf-8"))
        self.assertIn("Seeds were added until the standard error is within 15 % of the mean.", words)
        self.assertIn(f"over {min(seeds)} to {max(seeds)} runs a point.", words)
        self.assertNotIn("Left out", words)
