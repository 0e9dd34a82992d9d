"""train.row_norm: learned, and as a list: what the file has, the same bits however it is run, what is told and what is refused."""

import csv
import json
import re

import h5py
import numpy as np
import pytest
from harness import SWEEP, ProgramTest, read, single_run
from report_page import report

# 16 cells, in pairs of one that knows its norms and one that learns them.
TWO = (
    SWEEP.replace("row_norm: unit", "row_norm: gaussian")
    .replace("  noise: 0.1\n", "  noise: 0\n  row_norm: [known, learned]\n  marginal: {iterations: 60, step: {size: 5, decay: 30}}\n")
    .replace("record: {", "record: {iterate: true, ")
)
LEARNED = TWO.replace("[known, learned]", "learned")
KNOWN = SWEEP.replace("row_norm: unit", "row_norm: gaussian").replace("noise: 0.1", "noise: 0").replace("record: {", "record: {iterate: true, ")

# One run, whose first stage takes some seconds.
LONG = single_run(LEARNED, 50).replace("iterations: 60", "iterations: 3000")


def results(path):
    return {name: read(path, name) for name in ("error", "iterate", "bands/error/mean", "bands/relative_error/std")}


class TwoStage(ProgramTest):
    def assert_same_bits(self, first, second):
        found, expected = results(first), results(second)
        for name, values in expected.items():
            self.assertEqual(found[name].tobytes(), values.tobytes(), name)

    def test_cells_come_in_pairs_that_the_file_names(self):
        path = self.run_sweep(TWO, "two")
        known = self.run_sweep(KNOWN, "known")
        learned = self.run_sweep(LEARNED, "learned")
        with h5py.File(path) as file:
            self.assertEqual([name.decode() for name in file["row_norm"]], 8 * ["known", "learned"])
            self.assertEqual(file["row_norm"].dims[0][0], file["cell"])
            self.assertTrue(file["row_norm"].attrs["description"])
            self.assertIn("\ntrain.row_norm: known, learned\ntrain.marginal.discriminator: auto\n", file.attrs["settings"])
        for other in (known, learned):
            with h5py.File(other) as file:
                self.assertNotIn("row_norm", file)
        error = read(path, "error")
        self.assertEqual(error[0::2].tobytes(), read(known, "error").tobytes())
        self.assertEqual(error[1::2].tobytes(), read(learned, "error").tobytes())

    def test_norms_are_learned_and_kept(self):
        samples = TWO.replace("[100, 300]", "40000").replace("m: n", "m: 2000").replace("iterations: 60", "iterations: 400")
        path = self.run_sweep(samples, "two")
        A = read(path, "iterate")
        norms = np.linalg.norm(np.nan_to_num(A), axis=-1)
        known, learned = norms[0::2], norms[1::2]
        np.testing.assert_allclose(learned, np.broadcast_to(learned[:, :, :1], learned.shape), rtol=1e-13)
        leaky = read(path, "activation")[0::2] == b"leaky_relu(0.2)"  # tanh's large norms take longer
        self.assertGreater(np.abs(learned - known).max(), 1e-4)
        self.assertLess(np.abs(learned - known)[leaky].max(), 0.1)

    def test_the_same_bits_on_any_number_of_ranks_in_shards_and_taken_over(self):
        alone = self.run_sweep(TWO, "alone")
        self.assert_same_bits(self.run_sweep(TWO, "two", ranks=2), alone)
        self.succeed("verify", alone, "--replay", "8")
        for shard in range(1, 7):  # more than seeds: cells are shared out
            self.succeed("run", "alone.yaml", "-o", f"{shard}.h5", "--shard", f"{shard}/6")
        self.succeed("merge", *(f"{shard}.h5" for shard in range(1, 7)), "-o", "merged.h5")
        self.assert_same_bits(self.folder / "merged.h5", alone)
        self.assertEqual(read(self.folder / "merged.h5", "row_norm").tolist(), read(alone, "row_norm").tolist())
        self.run_sweep(KNOWN, "known")
        said = self.succeed("run", "alone.yaml", "-o", "again.h5", "--reuse", "known.h5").stdout
        self.assertIn("32 runs taken over", said)
        self.assert_same_bits(self.folder / "again.h5", alone)

    def test_stopped_in_its_first_stage_it_goes_on(self):
        expected = self.run_sweep(LONG, "undisturbed")
        spec, output = self.write("long.yaml", LONG), self.folder / "long.h5"
        self.stop_at(spec, "-o", output, cues="0/0@2000=HOLD")
        with h5py.File(output) as file:
            self.assertEqual(file["run"][0, 0]["status"], 4)  # PARTIAL
            self.assertEqual(file["run"][0, 0]["iterations"], 0)
        said = self.succeed("run", spec, "-o", output).stdout
        self.assertIn("went on from where they had been saved", said)
        self.assert_same_bits(output, expected)

    def test_what_is_learned_is_told(self):
        spec = self.write("two.yaml", TWO)
        said = self.succeed("plan", spec).stdout
        self.assertIn("row norms      known, learned\n", said)
        self.assertIn("learning them  60 iterations, step 5 / (1 + (t-1)/30), discriminator as the theory has it for each activation\n", said)
        rows = [line.split() for line in said.splitlines() if line.startswith("  ") and "known" in line or "learned" in line]
        self.assertIn(["0", "3", "2", "2", "100", "100", "leaky_relu(0.2)", "known", "4"], [row[:9] for row in rows])
        path = self.run_sweep(TWO, "two")
        cells = self.succeed("status", path, "--cells").stdout
        self.assertRegex(cells, r"\n +15 +5 +2 +2 +300 +300 +tanh +learned +4 +0 +0 +0\n")
        self.succeed("export", path, "--csv", "two.csv")
        with open(self.folder / "two.csv", newline="") as file:
            lines = list(csv.DictReader(file))
        self.assertEqual({line["row_norm"] for line in lines if int(line["cell"]) % 2}, {"learned"})
        self.assertEqual({line["row_norm"] for line in lines if int(line["cell"]) % 2 == 0}, {"known"})
        fit = self.succeed("fit", path).stdout
        for row_norm in ("known", "learned"):
            self.assertIn(f"leaky_relu(0.2), k = 2, k0 = k, m = n, row norms {row_norm}: 4 cells", fit)
        self.succeed("fit", path, "--json", "fit.json")
        families = json.loads((self.folder / "fit.json").read_text())["families"]
        self.assertEqual([family["row_norm"] for family in families], 2 * ["known", "learned"])
        self.succeed("export", self.run_sweep(LEARNED, "learned"), "--csv", "learned.csv")
        self.assertNotIn("row_norm", (self.folder / "learned.csv").read_text())
        shown = " ".join(self.succeed("export", "--help").stdout.split())
        self.assertIn("activation, row_norm (only if train.row_norm is a list), seed, status", shown)

    def test_another_row_norm_in_the_file_is_noticed(self):
        path = self.run_sweep(TWO, "two")
        with h5py.File(path, "r+") as file:
            names = file["row_norm"][:]
            names[:2] = names[1::-1]
            file["row_norm"][:] = names
        done = self.call("verify", path, "--reseal")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("row norms of cell 0 is learned in the file, known in the sweep", done.stderr)

    def test_a_discriminator_that_the_theory_excludes_is_warned_of(self):
        said = self.succeed("plan", self.write("two.yaml", TWO), "--set", "train.marginal.discriminator=linear").stderr
        self.assertEqual(said.count("warning"), 1, said)
        self.assertIn("warning: discriminator linear with tanh: this activation is odd plus a constant", said)
        self.assertNotIn("warning", self.succeed("plan", "two.yaml").stderr)

    def test_failures_are_told_by_row_norms(self):
        done = self.call("run", self.write("two.yaml", TWO), "-o", "two.h5", "--set", "train.marginal.step.size=1e300",
                         "--set", "train.marginal.discriminator=linear", "--set", "grid.activation=leaky_relu(0.2)")  # fmt: skip
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\n +row norms +learned +16 of 16 +all of them\n")

    def test_what_does_not_go_together_is_refused_with_its_place(self):
        spec = self.write("two.yaml", TWO)
        cases = {
            "train.row_norm=known": "two.yaml:17:3: train.marginal: says how norms are learned, but no run learns them",
            "train.marginal={steps: 5}": 'train.marginal: unknown key "steps"; did you mean "step"?',
            "train.row_norm=[known, knwon]": "train.row_norm: found knwon, expected known, free or learned; did you mean known?",
        }
        for override, expected in cases.items():
            done = self.call("run", spec, "-o", "two.h5", "--set", override)
            self.assertEqual(done.returncode, 2)
            self.assertIn(expected, done.stderr)
        self.assertFalse((self.folder / "two.h5").exists())

    @pytest.mark.release
    def test_the_figure_has_a_line_for_each(self):
        path = self.run_sweep(TWO.replace("d: [3, 5]", "d: 3"), "two")
        self.draw(path)
        self.assertEqual(report(path).returncode, 0)
        figure = (self.folder / "two-norms.svg").read_text()
        page = next(self.folder.glob("*.report.html")).read_text()
        for words in ("known norms", "learned norms"):
            self.assertIn(words, figure)
            self.assertIn(words, page)
        with open(self.folder / "two.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["row_norm"] for row in rows], 4 * ["known", "learned"])
        mean = read(path, "bands/relative_error/mean")[:, -1]
        np.testing.assert_allclose([float(row["mean"]) for row in rows], mean, rtol=1e-12)
        self.assertIn("rows projected onto learned norms", self.captions(LEARNED))

    @pytest.mark.release
    def test_norms_that_are_not_learned_yet_trap_nobody(self):
        limits = TWO.replace("n: [100, 300]", "n: inf").replace("m: n", "m: inf").replace("k: 2", "k: d").replace("iterations: 60", "iterations: 5")
        limits = limits.replace("iterations: 50", "iterations: 1500").replace("iterate: true", "certificate: true").replace("tanh", "erf")
        path = self.run_sweep(limits, "limits")
        self.draw(path, "--out", "out")
        self.assertTrue((self.folder / "out" / "limits-certificates.svg").exists())
        with open(self.folder / "out" / "limits.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        final = read(path, "error")[:, :, -1] / read(path, "run")["truth_norm"]
        learned = np.array([row["row_norm"] == "learned" for row in rows])
        self.assertGreater((final[learned] > 0.01).sum(), 8)
        bound = np.where(learned, np.maximum(0.01, 5 * np.median(final, axis=1)), 0.01)
        self.assertEqual([int(row["trapped"]) for row in rows], (final > bound[:, None]).sum(axis=1).tolist())
        self.assertIn("or over 0.01 where n and m are infinite, over both where norms are learned as well", (self.folder / "out" / "limits.txt").read_text())

    @pytest.mark.release
    def test_paths_are_drawn_of_learned_norms_as_well(self):
        plane = LEARNED.replace("d: [3, 5]", "d: 2").replace("k: 2", "k: 1").replace("[100, 300]", "100")
        for name, row_norm in {"learned": "learned", "two": "[free, learned]", "free": "[free]"}.items():
            stage = "" if name == "free" else "  marginal: {iterations: 60}\n"
            text = re.sub(r"  row_norm: learned\n.*\n", f"  row_norm: {row_norm}\n{stage}", plane)
            self.draw(self.run_sweep(text, name), "--out", "out")
            words = re.sub(r"<[^>]*>|\s", "", (self.folder / "out" / f"{name}-paths.svg").read_text())
            self.assertIn("Arunisapath", words)
            self.assertEqual("offreenorms" in words, name == "free", name)

    def captions(self, text):
        self.draw(self.run_sweep(text, "learned"), "--out", "learned")
        self.assertFalse((self.folder / "learned" / "learned-norms.svg").exists())
        return (self.folder / "learned" / "learned.svg").read_text()
