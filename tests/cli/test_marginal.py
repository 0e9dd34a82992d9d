"""algorithm: marginal: what it learns and what it cannot, the same bits however it is run, what the file calls
its errors, and what is refused or warned of."""

import signal

import h5py
import numpy as np
import pytest
from harness import SWEEP, ProgramTest, read, single_run
from report_page import report

MARGINAL = (
    SWEEP.replace("name: tiny\n", "name: tiny\nalgorithm: marginal\ndiscriminator: linear\n")
    .replace("leaky_relu(0.2), tanh", "leaky_relu(0.2), leaky_relu(0)")
    .replace("row_norm: unit", "row_norm: gaussian")
    .replace("size: 0.5", "size: 5, decay: 20")
    .replace("noise: 0.1", "noise: 0")
)
RECTIFIED = MARGINAL.replace("linear", "rectified_linear").replace("leaky_relu(0.2), leaky_relu(0)", "tanh, sigmoid, erf")
FAILING = MARGINAL.replace("leaky_relu(0.2), leaky_relu(0)", "leaky_relu(0.2), tanh")

LONG = single_run(MARGINAL, 3000)


def ends(error):
    """First and last error of each run."""
    return error[:, :, 0], error[:, :, -1]


class Marginal(ProgramTest):
    def assert_same_bits(self, first, second):
        for name in ("error", "bands/error/mean", "bands/relative_error/std"):
            self.assertEqual(read(first, name).tobytes(), read(second, name).tobytes(), name)

    def test_norms_are_learned_from_samples_and_from_the_population(self):
        from_samples = MARGINAL.replace("n: [100, 300]", "n: 40000").replace("m: n", "m: 2000").replace("iterations: 50", "iterations: 400")
        start, end = ends(read(self.run_sweep(from_samples, "samples"), "error"))
        self.assertGreater(start.min(), 0.05)
        self.assertLess(end.max(), 0.1)
        population = MARGINAL.replace("n: [100, 300]", "n: inf").replace("m: n", "m: inf").replace("iterations: 50", "iterations: 400")
        _, end = ends(read(self.run_sweep(population, "population"), "error"))
        self.assertLess(end.max(), 1e-12)

    def test_a_file_says_what_its_errors_are(self):
        path = self.run_sweep(MARGINAL, "marginal")
        with h5py.File(path) as file:
            labels = {name: dict(file[name].attrs) for name in ("error", "bands/relative_error/mean", "run")}
            settings = file.attrs["settings"]
            self.assertIn("\nalgorithm: marginal\ndiscriminator: linear\n", settings)
        self.assertEqual(labels["error"]["long_name"], "error of the row norms")
        self.assertIn("max_i | ||a_i|| - ||a*_i|| |", labels["error"]["description"])
        self.assertEqual(labels["bands/relative_error/mean"]["long_name"], "arithmetic mean of the relative error of the row norms")
        self.assertIn("/ max_i ||a*_i||", labels["bands/relative_error/mean"]["description"])
        self.assertIn("truth_norm = max_i ||a*_i||", labels["run"]["description"])
        plain = self.run_sweep(SWEEP, "plain")
        with h5py.File(plain) as file:
            self.assertEqual(file["error"].attrs["long_name"], "recovery error")
            self.assertIn("||A A^T - Z*||_F", file["error"].attrs["description"])
            self.assertNotIn("algorithm", file.attrs["settings"])

    def test_the_same_bits_on_any_number_of_ranks(self):
        for name, text in {"linear": MARGINAL, "rectified": RECTIFIED}.items():
            alone = self.run_sweep(text, name)
            self.assert_same_bits(self.run_sweep(text, f"{name}-2", ranks=2), alone)
            self.succeed("verify", alone, "--replay", "8")

    def test_a_sharded_sweep_is_merged_and_its_runs_are_taken_over(self):
        whole = self.run_sweep(MARGINAL, "whole")
        for shard in (1, 2):
            self.succeed("run", "whole.yaml", "-o", f"{shard}.h5", "--shard", f"{shard}/2")
        self.succeed("merge", "1.h5", "2.h5", "-o", "merged.h5")
        self.assert_same_bits(self.folder / "merged.h5", whole)
        said = self.succeed("run", "whole.yaml", "-o", "again.h5", "--reuse", "whole.h5").stdout
        self.assertIn("32 runs taken over", said)
        other = self.succeed("run", "whole.yaml", "-o", "other.h5", "--reuse", "whole.h5", "--set", "discriminator=rectified_linear")
        self.assertIn("0 runs taken over", other.stdout)

    def test_killed_and_resumed_it_ends_with_the_same_bits(self):
        expected = self.run_sweep(LONG, "undisturbed")
        spec, output = self.write("long.yaml", LONG), self.folder / "long.h5"
        done = self.call("run", spec, "-o", output, cues="0/0@1500=SAVE,0/0@2000=KILL")
        self.assertEqual(done.returncode, -signal.SIGKILL)
        said = self.succeed("run", spec, "-o", output).stdout
        self.assertIn("went on from where they had been saved", said)
        self.assert_same_bits(output, expected)

    def test_a_pairing_that_the_theory_excludes_is_warned_of_and_does_not_learn(self):
        spec = self.write("failing.yaml", FAILING)
        for arguments in (("plan", spec), ("run", spec, "-o", "failing.h5")):
            done = self.succeed(*arguments)
            self.assertEqual(done.stderr.count("warning"), 1, done.stderr)
            self.assertIn("warning: discriminator linear with tanh: this activation is odd plus a constant", done.stderr)
        done = self.succeed("run", spec, "-o", "two.h5", ranks=2)
        self.assertEqual(done.stderr.count("warning"), 1, done.stderr)
        done = self.succeed("plan", spec, "--set", "discriminator=rectified_linear")
        self.assertIn("warning: discriminator rectified_linear with leaky_relu(0.2): the theory is about", done.stderr)
        with h5py.File(self.folder / "failing.h5") as file:
            tanh = np.array(file["activation"]) == b"tanh"
            start, end = ends(file["error"][...])
        self.assertLess(end[~tanh].mean(), 0.5 * start[~tanh].mean())
        self.assertGreater(end[tanh].mean(), 0.9 * start[tanh].mean())
        self.assertNotIn("warning", self.succeed("plan", self.write("good.yaml", RECTIFIED)).stderr)

    def test_a_plan_shows_the_algorithm_and_keeps_large_runs_on_one_rank(self):
        said = self.succeed("plan", self.write("marginal.yaml", MARGINAL), "--set", "wide.from_d=2").stdout
        self.assertIn("algorithm      marginal, discriminator linear\n", said)
        self.assertNotIn("wide runs", said)
        self.assertNotIn("algorithm", self.succeed("plan", self.write("plain.yaml", SWEEP)).stdout)
        path = self.run_sweep(MARGINAL, "from-2", "--set", "wide.from_d=2", ranks=2)
        self.assert_same_bits(path, self.run_sweep(MARGINAL, "small"))

    def test_what_does_not_go_together_is_refused_with_its_place(self):
        cases = {
            ("discriminator=quadratic",): "expected linear or rectified_linear",
            ("algorithm=sgda",): "marginal.yaml:3:16: discriminator: belongs to algorithm: marginal",
            ("record.certificate=true",): "--set record.certificate=true:1:20: record.certificate: found true, but a certificate",
        }
        spec = self.write("marginal.yaml", MARGINAL)
        for sets, expected in cases.items():
            done = self.call("plan", spec, *(word for one in sets for word in ("--set", one)))
            self.assertEqual(done.returncode, 2)
            self.assertIn(expected, done.stderr)
        alone = self.write("alone.yaml", MARGINAL.replace("discriminator: linear\n", ""))
        done = self.call("run", alone, "-o", "alone.h5")
        self.assertEqual(done.returncode, 2)
        self.assertIn("alone.yaml:2:12: algorithm: marginal needs a discriminator as well", done.stderr)
        self.assertFalse((self.folder / "alone.h5").exists())

    def test_a_file_of_one_algorithm_is_not_gone_on_with_by_the_other(self):
        path = self.run_sweep(MARGINAL, "marginal")
        done = self.call("run", "marginal.yaml", "-o", path, "--set", "discriminator=rectified_linear")
        self.assertEqual(done.returncode, 2)
        self.assertIn("discriminator is linear in the file, rectified_linear in the sweep", done.stderr)

    def test_fit_refuses_with_the_reason(self):
        done = self.call("fit", self.run_sweep(MARGINAL, "marginal"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("its sweep learns marginals", done.stderr)

    @pytest.mark.release
    def test_figures_name_the_quantity(self):
        population = MARGINAL.replace("n: [100, 300]", "n: [100, 300, inf]").replace("m: n", "m: inf").replace("iterations: 50", "iterations: 400")
        path = self.run_sweep(population, "marginal")
        self.draw(path)
        self.assertEqual(report(path).returncode, 0)
        figure = (self.folder / "marginal.svg").read_text()
        self.assertIn("final relative error of the norms", figure)
        self.assertIn("marginals learned by a linear discriminator", figure)
        self.assertIn("Arrows: means below the axis", figure)
        table = (self.folder / "marginal.txt").read_text()
        self.assertIn("relative error of the norms max_i | ||a_i|| - ||a*_i|| | / max_i ||a*_i||", table)
        self.assertIn("its sweep learns marginals", next(self.folder.glob("*.report.html")).read_text())
