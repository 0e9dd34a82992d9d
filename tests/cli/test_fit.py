"""`fit`: exponents as NumPy finds them, honest counts, and refusals that say why."""

import ctypes
import json
import math

import h5py
import numpy as np
from harness import DIVERGING, SANITIZED, SWEEP, ProgramTest, read, xxh3

# Two families of nine cells, six runs each.
LAW = (
    SWEEP.replace("d: [3, 5]", "d: [2, 3, 5]")
    .replace("k: 2", "k: d")
    .replace("[100, 300]", "{from: 100, to: 400, factor: 2}")
    .replace("count: 4", "count: 6")
    .replace("iterations: 50", "iterations: 200")
    .replace("noise: 0.1", "noise: 0")
)
# At k = 2 < d some starts are trapped, whatever n is.
TRAPPING = (
    SWEEP.replace("[100, 300]", "[1000, 2000]")
    .replace("root_seed: 7", "root_seed: 20200713")
    .replace(", tanh]", "]")
    .replace("count: 4", "count: 20")
    .replace("iterations: 50", "iterations: 600")
    .replace("{size: 0.5}", "{size: 0.5, decay: 50}")
    .replace("noise: 0.1", "noise: 0")
)
LEAST = ("--resamples", "2000")


def xxh128(data):
    """XXH3, 128 bits, in hexadecimal, by the library that the program uses."""

    class Hash(ctypes.Structure):
        _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]

    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_128bits.restype = Hash
    value = library.XXH3_128bits(data, ctypes.c_size_t(len(data)))
    return f"{value.high:016x}{value.low:016x}"


def weighted_fit(log_d, log_n, values):
    """The law by cells as docs/fit.md defines it; values is [cells, seeds], NaN where there is none."""
    count = np.isfinite(values).sum(axis=1)
    mean = np.nanmean(values, axis=1)
    spread = np.nanvar(values, axis=1, ddof=1) / mean**2
    common = np.average(spread, weights=count - 1)
    drawn = ((count - 1) * spread + 4 * common) / (count + 3)
    scale = np.sqrt(count / drawn)
    design = np.column_stack([np.ones_like(log_d), log_d, -log_n])
    solution = np.linalg.lstsq(design * scale[:, None], np.log(mean) * scale, rcond=None)[0]
    return solution, np.log(mean) - design @ solution


class FitTest(ProgramTest):
    def fit(self, path, *options, ranks=None):
        """The JSON of a fit."""
        out = self.folder / "fit.json"
        self.succeed("fit", path, "--json", out, *LEAST, *options, ranks=ranks)
        return json.loads(out.read_text())

    def refuse(self, path, *options, status=2):
        out = self.folder / "refused.json"
        done = self.call("fit", path, "--json", out, *options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertFalse(out.exists())
        self.assertNotIn("refused.json.creating", self.files())
        return done.stderr

    def forget(self, path, which):
        """Makes of some runs such that have never ended."""
        with h5py.File(path) as file:
            offset, (cells, seeds) = file["run"].id.get_offset(), file["run"].shape
        data = bytearray(path.read_bytes())
        for run in range(cells * seeds):
            if which(run // seeds, run % seeds):
                data[offset + 64 * run : offset + 64 * (run + 1)] = bytes(64)
        path.write_bytes(data)

    def change_errors(self, path, change):
        """The final errors, [cells, seeds], become change(them)."""
        with h5py.File(path, "r+") as file:
            error, run = file["error"][...], file["run"][...]
            error[..., -1] = change(error[..., -1])
            for place in np.ndindex(run.shape):
                run[place]["trajectory_checksum"] = xxh3(error[place].tobytes())
                run[place]["record_checksum"] = xxh3(run[place].tobytes()[:56])
            file["error"][...], file["run"][...] = error, run

    def make_zero(self, path, cells):
        self.change_errors(path, lambda final: np.where(np.isin(np.arange(len(final)), cells)[:, None], 0, final))


class Estimates(FitTest):
    def test_the_law_of_each_family_is_that_of_numpy(self):
        path = self.run_sweep(LAW, "law")
        fitted = self.fit(path)
        with h5py.File(path) as file:
            final = file["error"][:, :, -1]
            norm = file["run"]["truth_norm"]
            parameters = {name: file[name][:] for name in ("d", "n")}
            names = [name.decode() for name in file["activation"][:]]
        self.assertEqual([f["activation"] for f in fitted["families"]], ["leaky_relu(0.2)", "tanh"])
        for family in fitted["families"]:
            self.assertEqual((family["k"], family["other"]), ("k = d", "m = n"))
            cells = np.array([cell["cell"] for cell in family["cells"]])
            self.assertTrue(all(names[cell] == family["activation"] for cell in cells))
            log_d, log_n = (np.log(parameters[name][cells]) for name in ("d", "n"))
            for fit in family["fits"]:
                if (fit["method"], fit["statistic"]) != ("cells", "mean"):
                    continue
                values = final[cells] / (norm[cells] if fit["error"] == "relative" else 1)
                if fit["trapped"] == "without":
                    relative = final[cells] / norm[cells]
                    bound = 5 * np.median(relative, axis=1, keepdims=True)
                    values = np.where(relative > bound, np.nan, values)
                (c, alpha, beta), residuals = weighted_fit(log_d, log_n, values)
                expected = {
                    "c": c, "alpha": alpha, "beta": beta,
                    "a": alpha / beta, "b": 1 / beta, "log_C": c / beta,
                }  # fmt: skip
                for name, value in expected.items():
                    self.assertAlmostEqual(fit[name]["value"], value, 9, name)
                    self.assertLess(fit[name]["low"], value)
                    self.assertGreater(fit[name]["high"], value)
                if fit is family["fits"][0]:
                    stored = [cell["residual"] for cell in family["cells"]]
                    np.testing.assert_allclose(stored, residuals, atol=1e-10)

    def test_crossings_lie_on_the_cells_curves(self):
        path = self.run_sweep(LAW, "law")
        for family in self.fit(path)["families"]:
            fit = next(f for f in family["fits"] if f["method"] == "crossings")
            cells = {(cell["d"], cell["n"]): cell["absolute"]["mean"] for cell in family["cells"]}
            places = len(family["d"]) * len(fit["levels"])
            self.assertEqual(len(fit["crossings"]) + fit["not_reached"] + fit["below_smallest_n"], places)
            self.assertGreater(fit["not_reached"], 0)
            for crossing in fit["crossings"]:
                curve = [cells[crossing["d"], n] for n in family["n"]]
                self.assertLessEqual(family["n"][0], crossing["n"])
                self.assertLessEqual(crossing["n"], family["n"][-1])
                here = np.interp(math.log(crossing["n"]), np.log(family["n"]), np.log(curve))
                self.assertAlmostEqual(here, math.log(crossing["level"]), 9)

    def test_any_number_of_ranks_finds_the_same(self):
        path = self.run_sweep(LAW, "law")
        alone = self.fit(path)
        for ranks in (2,) if SANITIZED else (2, 4):
            self.assertEqual(self.fit(path, ranks=ranks), alone)
        self.assertNotEqual(self.fit(path, "--resamples", "2001"), alone)

    def test_the_root_seed_makes_the_resamples(self):
        path = self.run_sweep(LAW, "law")
        first, second = self.fit(path), self.fit(path)
        self.assertEqual(first, second)
        self.assertEqual(first["intervals"], {"level": 0.95, "resamples": 2000, "root_seed": "7"})

    def test_it_says_which_file_it_is_of(self):
        path = self.run_sweep(LAW, "law")
        before = path.read_bytes()
        file = self.fit(path)["file"]
        self.assertEqual(file["bytes"], len(before))
        self.assertEqual(file["xxh128"], xxh128(before))
        self.assertIn(file["xxh128"], self.succeed("fit", path, *LEAST).stdout)
        self.assertEqual(path.read_bytes(), before)

    def test_a_sweep_of_one_n_is_fitted_against_m(self):
        sweep = LAW.replace("n: {from: 100, to: 400, factor: 2}", "n: 2000").replace(
            "m: n", "m: [20, 40, 80]"
        )
        path = self.run_sweep(sweep, "m")
        fitted = self.fit(path)
        self.assertEqual(fitted["against"], "m")
        family = fitted["families"][0]
        self.assertEqual((family["n"], family["other"], family["bound"]), ([20, 40, 80], "n = 2000", {"a": 5, "b": 1}))
        against_n = self.fit(path, "--against", "n")["families"][0]
        self.assertEqual((against_n["n"], against_n["other"]), ([2000], "m = 20"))
        self.assertIsNotNone(against_n["fits"][0]["alpha"])
        self.assertIn('expected n or m', self.refuse(path, "--against", "d"))

    def test_families_are_told_apart_by_the_rules_of_their_axes(self):
        sweep = LAW.replace("k: d", "k: [5, 6]").replace("m: n", "m: [50, 80]").replace(
            "latent: k", "latent: d"
        )
        labels = [family["label"] for family in self.fit(self.run_sweep(sweep, "many"))["families"]]
        self.assertEqual(len(labels), 8)
        self.assertIn("tanh, k = 6, k0 = d, m = 50", labels)


class Honesty(FitTest):
    def test_trapped_runs_are_counted_and_the_fit_is_shown_without_them(self):
        path = self.run_sweep(TRAPPING, "trapping")
        relative = read(path, "error")[:, :, -1] / read(path, "run")["truth_norm"]
        trapped = (relative > 5 * np.median(relative, axis=1, keepdims=True)).sum(axis=1)
        self.assertGreater(trapped.sum(), 0, "this sweep was chosen for its trapped runs")
        fitted = self.fit(path)
        family = fitted["families"][0]
        self.assertEqual(fitted["runs"]["trapped"], trapped.sum())
        self.assertEqual([cell["trapped"] for cell in family["cells"]], trapped.tolist())
        runs = {fit["trapped"]: fit["runs"] for fit in family["fits"]}
        self.assertEqual(runs, {"with": 80, "without": 80 - trapped.sum()})
        self.assertTrue(any("trapped; without" in sentence for sentence in family["verdict"]))
        self.assertTrue(any("comparison only" in sentence for sentence in family["verdict"]))

    def test_cells_with_few_runs_or_missing_ones_are_marked(self):
        sweep = DIVERGING.replace("count: 4", "count: 8")
        spec = self.write("diverging.yaml", sweep)
        path = self.folder / "diverging.h5"
        self.assertEqual(self.call("run", spec, "-o", path).returncode, 3)
        fitted = self.fit(path)
        status = read(path, "run")["status"]
        self.assertEqual(fitted["runs"]["diverged"], (status == 2).sum())
        for family in fitted["families"]:
            for cell in family["cells"]:
                done = int((status[cell["cell"]] == 1).sum())
                self.assertEqual((cell["requested"], cell["committed"], cell["done"]), (8, 8, done))
                expected = ["fewer than 5 runs"] * (done < 5) + ["runs missing"] * (done < 8)
                self.assertEqual(cell["marks"], expected)
        said = self.succeed("fit", path, *LEAST).stdout
        self.assertIn("miss runs", said)
        self.assertIn("?: fewer than requested", said)
        whole = self.succeed("fit", self.finished(LAW), *LEAST).stdout  # six seeds, all done
        self.assertNotIn("fewer than", whole)

    def test_runs_that_no_cell_wants_are_not_missing(self):
        sweep = LAW.replace("{count: 6}", "{count: 6, max: 40, until_se: 0.15}")
        path = self.run_sweep(sweep, "added")
        committed = (read(path, "run")["status"] == 1).sum(axis=1)
        self.assertLess(committed.sum(), 18 * 40)
        fitted = self.fit(path)
        self.assertEqual(fitted["runs"]["requested"], committed.sum())
        self.assertFalse(fitted["partial"])
        for family in fitted["families"]:
            for cell in family["cells"]:
                self.assertEqual(cell["requested"], committed[cell["cell"]])
                self.assertEqual(cell["marks"], [])

    def test_a_single_seed_gives_no_interval(self):
        path = self.run_sweep(LAW.replace("count: 6", "count: 1"), "single")
        self.assertIn("\nintervals: none, as there is one seed\n", self.succeed("fit", path, *LEAST).stdout)
        family = self.fit(path)["families"][0]
        self.assertIsNone(family["fits"][0]["b"]["low"])
        self.assertIn("single seed", family["verdict"][0])

    def test_cells_whose_error_is_0_are_counted(self):
        path = self.run_sweep(LAW, "law")
        self.make_zero(path, [0])
        zero, other = self.fit(path)["families"]
        self.assertEqual(zero["fits"][0]["cells"], 8)
        self.assertIn("1 of 9 cells is left out, as its error is 0.", zero["verdict"])
        self.assertNotIn("left out", " ".join(other["verdict"]))

    def test_errors_that_hardly_fall_say_nothing_about_samples(self):
        path = self.run_sweep(LAW, "flat")
        d, n = read(path, "d"), read(path, "n")
        noise = np.random.default_rng(1).normal(1, 0.002, (len(d), 6))
        self.change_errors(path, lambda final: (d * n**-0.02)[:, None] * noise)
        for family in self.fit(path)["families"]:
            self.assertAlmostEqual(family["fits"][0]["beta"]["value"], 0.02, delta=0.005)
            self.assertRegex(family["verdict"][0], r"^The error hardly falls with n here \(beta = 0\.02.* say nothing about n")
            self.assertNotIn("b = ", " ".join(family["verdict"]))

    def test_one_rule_decides_what_is_said_of_an_exponent(self):
        path = self.run_sweep(LAW, "law")
        d, n = read(path, "d"), read(path, "n")
        noise = np.random.default_rng(2).normal(1, 0.03, (len(d), 6))
        self.change_errors(path, lambda final: (d * n**-0.04)[:, None] * noise)
        family = self.fit(path)["families"][0]
        primary = family["fits"][0]
        self.assertGreater(primary["beta"]["high"], 0.05)  # and yet:
        self.assertLess(primary["beta"]["value"], 0.05)
        self.assertRegex(family["verdict"][0], "^The error hardly falls with n here")
        for exponent in ("a", "b", "log_C"):
            self.assertIsNone(primary[exponent])
        spread = 1.25 ** np.array([-2, -1, 0, 0, 1, 2.0])  # the same in all cells, but not with the same seeds
        shuffled = np.array([np.roll(spread, cell) for cell in range(len(d))])
        self.change_errors(path, lambda final: (d * n**-0.5)[:, None] * shuffled)
        family = self.fit(path)["families"][0]
        b = family["fits"][0]["b"]
        self.assertTrue(0 < b["low"] < 2 < b["high"] and b["high"] - b["low"] > 2, b)
        self.assertRegex(family["verdict"][0], r"^b = [^;]*: too uncertain to compare with 2; a = ")

    def test_too_few_runs_of_many_seeds_give_no_interval_and_are_counted(self):
        path = self.run_sweep(LAW, "law")
        self.forget(path, lambda cell, seed: seed > (cell % 9 == 0))
        family = self.fit(path, "--partial")["families"][0]
        self.assertRegex(family["verdict"][0], "from 1[0-9] runs in 9 cells, so nothing can be said about their errors")
        self.assertNotIn("single seed", family["verdict"][0])

    def test_errors_that_do_not_fall_give_no_law(self):
        sweep = LAW.replace("{size: 0.5}", "{size: 0.0000001}")
        family = self.fit(self.run_sweep(sweep, "still"))["families"][0]
        verdict = " ".join(family["verdict"])
        self.assertRegex(verdict, "does not fall with n here|not certain here|hardly falls with n here")


class OneAxis(FitTest):
    """One d gives beta and b, one n alpha; what the grid cannot tell is null, and said to be unknown."""

    def fit_of(self, replaced, by, seeds=6):
        path = self.run_sweep(LAW.replace(replaced, by).replace("count: 6", f"count: {seeds}"), "axis")
        d, n = read(path, "d"), read(path, "n")
        factors = 1 + 0.01 * np.random.default_rng(3).standard_normal((len(d), seeds))
        self.values = (d**1.5 * n**-0.4)[:, None] * factors
        self.change_errors(path, lambda final: self.values)
        return path, self.fit(path)["families"][0]

    def slope(self, x):
        """Of the first family by NumPy, weighted as docs/fit.md says: intercept and slope."""
        values = self.values[::2]
        spread = values.var(axis=1, ddof=1) / values.mean(axis=1) ** 2
        drawn = (5 * spread + 4 * spread.mean()) / 9
        slope, level = np.polyfit(np.log(x), np.log(values.mean(axis=1)), 1, w=np.sqrt(6 / drawn))
        return level, slope

    def test_one_d_gives_the_exponent_of_n(self):
        path, family = self.fit_of("d: [2, 3, 5]", "d: 3")
        primary, crossings = family["fits"][0], family["fits"][1]
        level, slope = self.slope(np.array([100, 200, 400]))
        self.assertAlmostEqual(primary["beta"]["value"], -slope, delta=1e-12)
        self.assertAlmostEqual(primary["c"]["value"], level, delta=1e-11)
        self.assertAlmostEqual(primary["b"]["value"], -1 / slope, delta=1e-11)
        self.assertAlmostEqual(primary["log_C"]["value"], -level / slope, delta=1e-10)
        self.assertTrue(primary["b"]["low"] < 2.5 < primary["b"]["high"], primary["b"])
        self.assertTrue(crossings["b"]["low"] < 2.5 < crossings["b"]["high"], crossings["b"])
        for fit in family["fits"]:
            self.assertEqual((fit["a"], fit["alpha"], fit["resamples_without_fit"]), (None, None, 0))
        self.assertIsNone(family["curvature"]["log_d_squared"])
        self.assertIsNotNone(family["curvature"]["log_n_squared"])
        self.assertRegex(family["verdict"][0], r"^b = 2\.[45]\d \[.*\]: above 2, .* limits these cells\.$")
        self.assertEqual(family["verdict"][1], "There is one d here, so nothing is known of alpha and a.")
        self.assertLess(abs(family["cells"][1]["residual"]), 0.02)
        said = self.succeed("fit", path, *LEAST).stdout
        self.assertIn("\n  log eps = c - beta log n; n(eps) = C eps^-b, which Theorem 4 bounds by b = 2\n", said)
        self.assertRegex(said, r"By crossings: b = 2\.[45]\d \[[^,]*, [^,]*\]: the two methods agree within")

    def test_one_n_gives_the_exponent_of_d(self):
        path, family = self.fit_of("{from: 100, to: 400, factor: 2}", "100")
        level, slope = self.slope(np.array([2, 3, 5]))
        self.assertEqual({fit["method"] for fit in family["fits"]}, {"cells"})
        for fit in family["fits"]:
            self.assertEqual({fit[name] for name in ("a", "b", "beta", "log_C")}, {None})
        primary = family["fits"][0]
        self.assertAlmostEqual(primary["alpha"]["value"], slope, delta=1e-12)
        self.assertAlmostEqual(primary["c"]["value"], level, delta=1e-12)
        self.assertTrue(primary["alpha"]["low"] < 1.5 < primary["alpha"]["high"], primary["alpha"])
        self.assertRegex(
            family["verdict"][0],
            r"^The error goes as d\^alpha with alpha = 1\.\d\d \[.*\]; Theorem 4's bound goes as d\^2\.5 at a fixed n\.$",
        )
        self.assertEqual(family["verdict"][1], "There is one n here, so nothing is known of beta, a and b.")
        self.assertNotIn("crossings", " ".join(family["verdict"]))
        self.assertLess(abs(family["cells"][1]["residual"]), 0.02)
        said = self.succeed("fit", path, *LEAST).stdout
        self.assertIn("\n  log eps = c + alpha log d\n", said)
        self.assertNotIn("crossings", said)

    def test_a_single_seed_of_one_n(self):
        _, family = self.fit_of("{from: 100, to: 400, factor: 2}", "100", seeds=1)
        self.assertRegex(family["verdict"][0], "with alpha = 1[.][0-9]+: from a single seed, so nothing can be said")


class Refusals(FitTest):
    def test_a_family_that_cannot_be_fitted_is_left_out_with_the_reason(self):
        path = self.run_sweep(LAW, "law")
        self.forget(path, lambda cell, seed: cell % 2 == 1)
        fitted, left_out = self.fit(path, "--partial")["families"]
        self.assertIsNone(fitted["reason"])
        self.assertIn("fewer than 3 cells", left_out["reason"])
        self.assertEqual((left_out["fits"], left_out["verdict"]), ([], []))
        self.assertEqual({cell["fitted"] for cell in left_out["cells"]}, {None})
        self.assertIn("not fitted: fewer than 3 cells", self.succeed("fit", path, "--partial", *LEAST).stdout)

    def test_a_half_finished_file_is_fitted_only_when_told(self):
        path = self.run_sweep(LAW, "half")
        self.forget(path, lambda cell, seed: cell == 0 and seed < 3)
        error = self.refuse(path)
        self.assertIn("3 of 108 runs are pending", error)
        self.assertIn("--partial", error)
        fitted = self.fit(path, "--partial")
        self.assertTrue(fitted["partial"])
        self.assertEqual(fitted["runs"]["pending"], 3)
        self.assertIn("runs missing", fitted["families"][0]["cells"][0]["marks"])

    def test_damaged_runs_are_not_fitted(self):
        path = self.run_sweep(LAW, "damaged")
        with h5py.File(path) as file:
            offset = file["error"].id.get_offset()
        data = bytearray(path.read_bytes())
        data[offset + 9] ^= 1
        path.write_bytes(data)
        self.assertIn("1 committed runs are damaged", self.refuse(path, status=1))
        self.assertEqual(self.fit(path, "--partial")["families"][0]["cells"][0]["pending"], 1)

    def test_grids_that_identify_no_exponent(self):
        one_cell = LAW.replace("d: [2, 3, 5]", "d: 3").replace("{from: 100, to: 400, factor: 2}", "100")
        self.assertIn("only one d and one n", self.refuse(self.run_sweep(one_cell, "one-cell")))
        tied = self.run_sweep(LAW.replace("{from: 100, to: 400, factor: 2}", "d"), "tied")
        self.assertIn("linear function of log d", self.refuse(tied))

    def test_errors_of_0_that_leave_too_little(self):
        path = self.run_sweep(LAW.replace("[leaky_relu(0.2), tanh]", "tanh"), "law")
        for zeros, trouble in ((7, None), (8, "only one d and one n"), (9, "fewer than 3 cells")):
            self.make_zero(path, range(zeros))
            if trouble:
                self.assertIn(f"{zeros} of 9 cells are left out, as their error is 0: {trouble}", self.refuse(path))
            else:
                self.assertIn("7 of 9 cells are left out", " ".join(self.fit(path)["families"][0]["verdict"]))

    def test_wrong_options_and_files(self):
        path = self.run_sweep(LAW, "law")
        before = path.read_bytes()
        for number in ("1999", "1000001"):
            self.assertIn("expected 2000 to 1000000", self.refuse(path, "--resamples", number))
        for number in ("2000", "1000000"):
            self.assertIn("no-such.h5", self.refuse(self.folder / "no-such.h5", "--resamples", number))
        self.assertEqual(self.call("fit", path, "--json", path).returncode, 2)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(self.call("fit", path, "--json", self.folder / "none" / "x.json").returncode, 2)
        self.assertIn("no-such.h5", self.refuse(self.folder / "no-such.h5"))
        self.assertIn("not", self.refuse(self.write("text.h5", "no result file")))
