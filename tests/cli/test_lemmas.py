"""record.covariance_error and record.gradient_bias: their datasets, through the life of a file, and their figures."""

import re
import subprocess
import sys

import h5py
import numpy as np
import pytest

from harness import SOURCE, SWEEP, ProgramTest, flip_byte, read

LEMMAS = (
    SWEEP.replace("log}", "log, covariance_error: true, gradient_bias: true}")
    .replace("n: [100, 300]", "n: [100, 6400, inf]")
    .replace("m: n", "m: [20, 80]")
    .replace("iterations: 50", "iterations: 3")
    .replace("count: 4", "count: 3")
)
NAMES = (
    "covariance_error/spectral",
    "covariance_error/frobenius",
    "gradient_error/sampling",
    "gradient_error/bias_squared",
    "gradient_error/bias_squared_std_error",
)


class Lemmas(ProgramTest):
    def test_the_file_has_them_with_labels_and_scales(self):
        with h5py.File(self.run_sweep(LEMMAS, "lemmas")) as file:
            for name in NAMES:
                dataset = file[name]
                self.assertEqual(dataset.shape, file["error"].shape[:2])
                self.assertTrue(np.isfinite(dataset[:]).all(), name)
                self.assertEqual([scale[0].name for scale in dataset.dims], ["/cell", "/seed"])
                self.assertIn("long_name", dataset.attrs)
            spectral, frobenius, sampling = (file[name][:] for name in NAMES[:3])
            d, n = file["d"][:], file["n"][:]
        finite = n > 0
        self.assertTrue((spectral[finite] <= frobenius[finite]).all())
        self.assertTrue((frobenius[finite] <= np.sqrt(d[finite])[:, None] * spectral[finite]).all())
        for values in (spectral, frobenius, sampling):
            self.assertFalse(values[~finite].any())
            ratio = values[n == 100].mean() / values[n == 6400].mean()
            self.assertTrue(4 < ratio < 16, ratio)  # √64

    def test_ranks_resume_and_replay_give_the_same_bits(self):
        alone = self.run_sweep(LEMMAS, "alone")
        ranks = self.run_sweep(LEMMAS, "ranks", ranks=2)
        for name in NAMES:
            self.assertEqual(read(ranks, name).tobytes(), read(alone, name).tobytes())
        self.assertIn("0 of them with other bits", self.succeed("verify", alone, "--replay", "5").stdout)

    def test_a_flipped_byte_is_found_and_mended(self):
        path = self.run_sweep(LEMMAS, "flipped")
        before = read(path, NAMES[3])
        flip_byte(path, NAMES[3])
        self.assertIn("another of its results is damaged", self.call("verify", path).stdout)
        self.succeed("run", self.folder / "flipped.yaml", "-o", path)
        self.assertEqual(read(path, NAMES[3]).tobytes(), before.tobytes())

    def test_a_file_without_them_lends_none_and_is_another_plan(self):
        plain = LEMMAS.replace(", covariance_error: true, gradient_bias: true", "")
        path = self.run_sweep(plain, "plain")
        with h5py.File(path) as file:
            self.assertNotIn("covariance_error", file)
        spec = self.write("lemmas.yaml", LEMMAS)
        self.assertEqual(self.call("run", spec, "-o", path).returncode, 2)
        said = self.succeed("run", spec, "-o", self.folder / "new.h5", "--reuse", path).stdout
        runs = read(path, "run").size
        self.assertIn(f"({runs} now", said)

    def test_where_they_cannot_be_measured_they_are_refused(self):
        for key in ("covariance_error", "gradient_bias"):
            spec = self.write("wide.yaml", SWEEP.replace("log}", f"log, {key}: true}}") + "wide: {from_d: 5}\n")
            done = self.call("plan", spec)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"record.{key}: found true, but runs with d from 5 on go on process grids", done.stderr)
            marginal = "algorithm: marginal\ndiscriminator: rectified_linear\n"
            spec = self.write("marginal.yaml", SWEEP.replace("log}", f"log, {key}: true}}") + marginal)
            done = self.call("plan", spec)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"record.{key}: found true, but it is of Algorithm 1", done.stderr)

    @pytest.mark.release
    def test_the_bias_is_fitted_with_weights(self):
        spec = LEMMAS.replace("d: [3, 5]", "d: 5").replace("[100, 6400, inf]", "inf").replace("count: 3", "count: 8")
        spec = spec.replace("[20, 80]", "[8, 32, 128, 512]").replace("[leaky_relu(0.2), tanh]", "tanh")
        path = self.run_sweep(spec, "weights")
        runs = read(path, "gradient_error/bias_squared")
        mean = runs.mean(axis=1)
        good = mean > 0
        # as docs/fit.md has it; half as much of the root's logarithm as of the square's
        variance = (runs.std(axis=1, ddof=1)[good] / (2 * mean[good])) ** 2
        variance = (7 * variance + 4 * variance.mean()) / 11 / 8
        points = np.log(read(path, "m")[good]), np.log(mean[good]) / 2
        plain, weighted = (np.polyfit(*points, 1, w=w)[0] for w in (None, variance**-0.5))
        self.assertGreater(abs(plain - weighted), 0.02)
        (exponent,) = self.exponents(path, "[lemmas.QUANTITIES[2]]")
        self.assertAlmostEqual(exponent, weighted)
        self.draw(path)
        self.assertIn("weighted by their standard", self.words("weights-lemmas.svg"))

    @pytest.mark.release
    def test_of_one_seed_there_is_no_interval(self):
        path = self.run_sweep(LEMMAS.replace("inf]", "1600]").replace("{count: 3}", "0"), "one")
        self.draw(path)
        for suffix in ("", "-2", "-3"):
            words = self.words(f"one-lemmas{suffix}.svg")
            self.assertIn("over 1 run a point", words)
            self.assertIn("with one seed there is no interval", words)
            self.assertNotIn("standard error", words)
            self.assertNotIn("95 %", words)
            self.assertNotIn("LineCollection", (self.folder / f"one-lemmas{suffix}.svg").read_text())  # bars

    @pytest.mark.release
    def test_figures_have_the_fitted_rates(self):
        spec = LEMMAS.replace("[100, 6400, inf]", "[100, 400, 1600, 6400]").replace("count: 3", "count: 8")
        path = self.run_sweep(spec, "rates")
        exponents = self.exponents(path)
        self.assertEqual(len(exponents), 6)
        np.testing.assert_allclose(exponents, [-0.5, -0.5, -0.5, -0.5, -1, -1], atol=0.25)
        said = self.draw(path)
        self.assertEqual([line[-6:-4] for line in said.split() if "lemmas" in line], ["as", "-2", "-3"])

    def exponents(self, path, quantities="lemmas.QUANTITIES"):
        """Fitted exponents of n or m, by activation."""
        drawing = (
            f"import grid, lemmas, results; found = results.read({str(path)!r}); "
            f"laws = [law for page in [lemmas._Drawing(found, grid.describe(found), q) for q in {quantities}] "
            "for law in page.laws.values()]; print(*(law.coefficients[1] for law in laws))"
        )
        done = subprocess.run(
            [sys.executable, "-B", "-c", drawing], cwd=SOURCE / "analysis", capture_output=True, text=True, check=True
        )
        return np.array(done.stdout.split(), dtype=float)

    def words(self, name):
        """Those of a figure."""
        return " ".join(re.sub(r"<!--|-->|<[^>]*>", " ", (self.folder / name).read_text()).split())
