"""analysis/figures.py on small real sweeps: its files, its numbers, odd sweeps, and refusals."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
from harness import PROGRAM, SOURCE, forget
from matplotlib import image
from python_scripts import run_script
from report_page import Page, report

pytestmark = pytest.mark.release

FIGURES = SOURCE / "analysis" / "figures.py"
PENDING, DONE, DIVERGED = 0, 1, 2

SWEEP = """
name: small
root_seed: 1
grid:
  d: [3, 5]
  k: 2
  n: [200, 800]
  m: n
  activation: [leaky_relu(0.2), tanh]
  seed: {count: 12}
truth: {latent: k, row_norm: unit}
train:
  iterations: 200
  step: {size: 0.5}
  noise: 0
record: {points: 12, spacing: log}
"""


def run_sweep(folder, name, *settings, allowed=(0,)):
    """Runs SWEEP under a name with some keys changed; returns the path of the result file."""
    spec = folder / f"{name}.yaml"
    spec.write_text(SWEEP, encoding="utf-8")
    path = folder / f"{name}.h5"
    overrides = [f"--set={setting}" for setting in (f"name={name}", *settings)]
    done = subprocess.run(
        [PROGRAM, "run", spec, "-o", path, "--progress", "none", *overrides],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in allowed:
        raise AssertionError(f"run of {name} gave {done.returncode}: {done.stderr}")
    return path


def analyse(*arguments):
    return run_script("figures.py", *arguments)


def of_pages(path, figure, expression):
    """What an expression is for each page of a figure, printed."""
    drawing = (
        f"import grid, results, {figure}; found = results.read({str(path)!r}); "
        f"print(*({expression} for page in {figure}.pages(found, grid.describe(found))))"
    )
    return subprocess.run(
        [sys.executable, "-B", "-c", drawing], cwd=FIGURES.parent, capture_output=True, text=True, check=True
    ).stdout


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def svg_text(path):
    """The words of a figure, without what is set as mathematics."""
    words = " ".join(ElementTree.parse(path).getroot().itertext())
    return " ".join(words.split())


class AnalysisTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="saddlesweep-analysis-")
        cls.folder = Path(cls.temporary.name)
        cls.small = run_sweep(cls.folder, "small")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def copy_small(self, name):
        path = self.folder / f"{name}.h5"
        shutil.copyfile(self.small, path)
        with h5py.File(path, "r+") as file:
            file.attrs["name"] = name
        return path

    def copy_with_trapped_run(self, name, times):
        """A copy in which the error of one run of cell 3 is so many times the cell's median; that cell's relative errors."""
        path = self.copy_small(name)
        with h5py.File(path, "r+") as file:
            errors = file["error"][:]
            errors[3, 4, -1] = times * np.median(errors[3, :, -1])
            file["error"][:] = errors
            return path, errors[3, :, -1] / file["run"]["truth_norm"][3]

    def check_analysis(self, path, formats="svg"):
        """Analyses a file whose name is the sweep's; checks files and numbers; returns stderr."""
        out = self.folder / f"{path.stem}-out"
        done = analyse(path, "--out", out, "--formats", formats)
        self.assertEqual(done.returncode, 0, done.stderr)
        written = {Path(line) for line in done.stdout.splitlines()}
        expected = {out / f"{path.stem}{ending}" for ending in (".csv", ".txt")}
        with h5py.File(path) as file:
            certified = "certificate" in file
        for kind in ("", "-iterations", *(["-certificates"] if certified else [])):
            stem = f"{path.stem}{kind}"
            expected |= {out / f"{stem}.{suffix}" for suffix in formats.split(",")}
        self.assertLessEqual(expected, written)
        self.assertEqual(written, set(out.iterdir()))
        for file in written:
            self.assertGreater(file.stat().st_size, 0, file)
            if file.suffix == ".png":
                self.check_picture(file)
        self.check_numbers(path, out / f"{path.stem}.csv")
        return done.stderr

    def check_picture(self, path):
        pixels = image.imread(path)[..., :3]
        self.assertGreater(min(pixels.shape[:2]), 300, path)
        ink = np.mean(pixels.min(axis=2) < 0.9)
        self.assertTrue(0.005 < ink < 0.9, f"{path}: {ink:.1%} of the picture is ink")

    def check_numbers(self, path, table_path):
        """Each cell's row against numpy on /error and /run."""
        table = read_table(table_path)
        with h5py.File(path) as file:
            runs, errors = file["run"][:], file["error"][:, :, -1]
            cells = {name: file[name][:] for name in ("cell", "d", "k", "k0", "n", "m")}
        self.assertEqual(len(table), len(runs))
        for cell, row in enumerate(table):
            for name, values in cells.items():
                text = "inf" if values[cell] == 0 and name in "nm" else str(values[cell])
                self.assertEqual(row[name], text)
            status = runs["status"][cell]
            done = status == DONE
            absolute = errors[cell][done]
            relative = absolute / runs["truth_norm"][cell][done]
            self.assertEqual(int(row["requested"]), len(status))
            self.assertEqual(int(row["done"]), done.sum())
            self.assertEqual(int(row["pending"]), (status == PENDING).sum())
            self.assertEqual(int(row["diverged"]), (status == DIVERGED).sum())
            self.assertEqual(int(row["failed"]), 0)
            exact = cells["n"][cell] == 0 and cells["m"][cell] == 0
            bound = 0.01 if exact else 5 * np.median(relative) if done.any() else 0
            trapped = relative > bound
            self.assertEqual(int(row["trapped"]), trapped.sum())
            self.check_statistics(row, relative, absolute)

    def check_statistics(self, row, relative, absolute):
        count = len(relative)
        expected = dict.fromkeys(
            "mean std standard_error median q05 q95 absolute_mean absolute_std".split()
        )
        if count:
            expected["mean"], expected["absolute_mean"] = relative.mean(), absolute.mean()
            for name, quantile in (("median", 0.5), ("q05", 0.05), ("q95", 0.95)):
                expected[name] = np.quantile(relative, quantile)
        if count > 1:
            expected["std"], expected["absolute_std"] = relative.std(ddof=1), absolute.std(ddof=1)
            expected["standard_error"] = relative.std(ddof=1) / np.sqrt(count)
        for name, value in expected.items():
            if value is None:
                self.assertEqual(row[name], "", name)
            else:
                np.testing.assert_allclose(float(row[name]), value, 1e-9, 1e-14, err_msg=name)

    def check_refused(self, message, *arguments):
        """Exit 2, one line that contains `message`, and nothing written."""
        out = self.folder / "refused"
        done = analyse(*arguments, "--out", out)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(out.exists())

    def test_whole_sweep_and_the_same_bytes_again(self):
        self.assertEqual(self.check_analysis(self.small, "png,pdf,svg"), "")
        text = (self.folder / "small-out" / "small.txt").read_text(encoding="utf-8")
        self.assertEqual(len(text.splitlines()), 3 + 8)
        self.assertFalse(any(line.startswith("!") for line in text.splitlines()))
        svg = svg_text(self.folder / "small-out" / "small.svg")
        self.assertIn("over 12 runs a point", svg)
        folder = self.folder / "beside"
        folder.mkdir()
        shutil.copyfile(self.small, folder / "result.h5")
        self.assertEqual(analyse(folder / "result.h5").returncode, 0)
        for first in (self.folder / "small-out").iterdir():
            self.assertEqual(first.read_bytes(), (folder / first.name.replace("small", "result")).read_bytes(), first)

    def test_runs_without_an_error_are_told_beside_the_histogram(self):
        path = self.copy_small("zero")
        with h5py.File(path, "r+") as file:
            errors = file["error"][:]
            errors[3, 1:4, -1] = 0
            errors[3, 4, -1] = file["run"]["truth_norm"][3, 4]  # a relative error of 1
            file["error"][:] = errors
        self.assertIn("Not drawn: 3 runs with error 0.", of_pages(path, "histogram", "page.caption"))

    def test_trapped_runs_are_counted_and_stay_in_the_mean(self):
        path, _ = self.copy_with_trapped_run("trapped", 20)
        self.assertIn("bands do not agree", self.check_analysis(path))
        row = read_table(self.folder / "trapped-out" / "trapped.csv")[3]
        self.assertEqual(row["trapped"], "1")
        svg = svg_text(self.folder / "trapped-out" / "trapped.svg")
        self.assertIn("trapped run", svg)
        self.assertNotIn("quartiles", svg)

    def test_a_trapped_run_does_not_move_the_median(self):
        path, relative = self.copy_with_trapped_run("median", 1000)
        out = self.folder / "median-out"
        done = analyse(path, "--out", out, "--formats", "svg", "--statistic", "median")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("median", "median-iterations"):
            svg = svg_text(out / f"{name}.svg")
            self.assertIn("Median and quartiles over 12 runs a point.", svg)
            self.assertNotIn("std", svg)
        self.assertIn("which median and quartiles include", svg_text(out / "median.svg"))
        code = f"import results; print(*(results.read({str(path)!r}, 'median').shown[i][3, -1] for i in range(3)))"
        told = subprocess.run(
            [sys.executable, "-B", "-c", code], cwd=FIGURES.parent, capture_output=True, text=True, check=True
        ).stdout
        expected = np.quantile(relative, [0.5, 0.25, 0.75])
        np.testing.assert_allclose([float(word) for word in told.split()], expected, 1e-12)

    def test_trapped_starts_of_exact_runs_against_d(self):
        settings = (
            "grid={d: [3, 7], k: 2, n: inf, m: [100, inf], activation: [erf, tanh], seed: {count: 4}}",
            "train.iterations=10",  # some are still on their way, as if trapped
        )
        path = run_sweep(self.folder, "exact", *settings)
        self.check_analysis(path)
        with h5py.File(path) as file:
            exact = (file["m"][:] == 0) & (file["d"][:] == 7) & (file["activation"].asstr()[:] == "tanh")
            cell = np.flatnonzero(exact)[0]
            trapped = (file["error"][cell, :, -1] / file["run"][cell]["truth_norm"] > 0.01).sum()
        self.assertGreater(trapped, 0)
        svg = svg_text(self.folder / "exact-out" / "exact-trapped.svg")
        for phrase in ("share of trapped starts", "tanh", "erf", "over 4 runs"):
            self.assertIn(phrase, svg)
        self.assertRegex(of_pages(path, "trapped", "page.alt"), rf"tanh, k = 2 \d \(d = 3\), {trapped} \(d = 7\)")
        forget(path, cell, slice(None))  # none of its runs is done: it has no share
        self.assertRegex(of_pages(path, "trapped", "page.alt"), r"tanh, k = 2 \d \(d = 3\)(?!, \S+ \(d = 7\))")

    def test_free_norms_in_the_limits_end_at_zero_as_known_ones(self):
        settings = (
            "grid={d: [3, 5], k: 2, n: inf, m: inf, activation: leaky_relu(0.2), seed: {count: 10}}",
            "truth.row_norm=gaussian", "train.iterations=300", "train.step.size=0.2",
        )  # fmt: skip
        for name, norms in (("free", "free"), ("both", "[known,free]")):
            path = run_sweep(self.folder, name, *settings, f"train.row_norm={norms}")
            self.check_analysis(path)
            text = (self.folder / f"{name}-out" / f"{name}.txt").read_text(encoding="utf-8")
            self.assertIn("trapped: done, and over 0.01 (in all", text)
            with h5py.File(path) as file:
                relative = file["error"][:, :, -1] / file["run"]["truth_norm"]
            free = relative if name == "free" else relative[1::2]
            self.assertTrue((free > 5 * np.median(free, axis=1, keepdims=True))[free < 0.01].any())
        self.assertFalse((self.folder / "free-out" / "free-trapped.svg").exists())  # no Theorem 3 for them
        self.assertIn("known norms", svg_text(self.folder / "both-out" / "both-trapped.svg"))

    def test_one_cell_one_seed(self):
        settings = ("grid.d=3", "grid.n=200", "grid.activation=tanh", "grid.seed=[7]")
        self.check_analysis(run_sweep(self.folder, "one", *settings, "record={at: [0, 200]}"), "svg,png")

    def test_batch_size_varies(self):
        path = run_sweep(self.folder, "batch", "grid.n=400", "grid.m=[50,100,200]")
        self.check_analysis(path)
        svg = svg_text(self.folder / "batch-out" / "batch.svg")
        self.assertIn("batch size", svg)
        self.assertNotIn("number of samples", svg)
        self.assertFalse((self.folder / "batch-out" / "batch-trapped.svg").exists())

    def test_latents_batch_and_samples_vary(self):
        settings = ("grid.k=[2,3]", "truth.latent=2", "grid.m=[100,200]", "grid.seed.count=2")
        self.check_analysis(run_sweep(self.folder, "many", *settings))

    def test_only_dimension_varies(self):
        settings = ("grid.d=[2,3,4,6]", "grid.k=d", "grid.n=200", "grid.seed.count=3")
        self.check_analysis(run_sweep(self.folder, "dimension", *settings))

    def test_certificates(self):
        settings = ("record.certificate=true", "grid.m=[50,200]", "grid.n=400")
        path = run_sweep(self.folder, "certified", *settings)
        self.check_analysis(path)
        svg = svg_text(self.folder / "certified-out" / "certified-certificates.svg")
        self.assertIn("48 in", svg)  # of 96: tanh has none
        self.assertIn("leaky ReLU", svg)
        self.assertNotIn("tanh", svg)
        done = subprocess.run(
            [sys.executable, "-B", "-c", f"import results; print(*results.read({str(path)!r}).epsilon.flat)"],
            cwd=FIGURES.parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
        with h5py.File(path) as file:
            residual = file["certificate/residual"][:]
            smallest = file["certificate/smallest_eigenvalue"][:]
        expected = np.where(residual > -smallest, residual, -smallest)
        found = np.array(done.stdout.split(), dtype=float).reshape(expected.shape)
        np.testing.assert_array_equal(found, expected)
        self.assertEqual(np.isfinite(found).sum(), 48)

    def test_certificates_where_all_are_zero_have_no_figure(self):
        """With d = 1 and known norms the identity's A is right from the start."""
        settings = ("grid.d=1", "grid.k=1", "grid.n=inf", "grid.m=inf", "grid.activation=identity", "record.certificate=true")
        path = run_sweep(self.folder, "certain", *settings)
        done = analyse(path, "--out", self.folder / "certain-out")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("certificates", done.stdout)
        done = report(path, "--out", self.folder / "certain.html")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Sweep file", Page(self.folder / "certain.html").root.text)

    def test_certificates_of_zero_are_counted_and_not_drawn(self):
        settings = ("grid.d=[1,3]", "grid.k=1", "grid.n=[50,inf]", "grid.activation=leaky_relu(0.2)", "record.certificate=true")
        path = run_sweep(self.folder, "zeros", *settings)
        self.assertEqual(self.check_analysis(path), "")
        with h5py.File(path) as file:
            error = file["error"][:, :, -1] / file["run"]["truth_norm"]
            epsilon = np.maximum(file["certificate/residual"][:], -file["certificate/smallest_eigenvalue"][:])
        drawn = (error > 0) & (epsilon > 0)
        self.assertTrue(0 < drawn.sum() < drawn.size / 2)  # the median of error / ε over all would be 0 or undefined
        svg = svg_text(self.folder / "zeros-out" / "zeros-certificates.svg")
        self.assertRegex(svg, rf"\b{drawn.sum()} in all\b.*Not drawn: {(~drawn).sum()} runs with ε or error 0")
        x, y = json.loads(of_pages(path, "certificates", "page.axes[0, 0].lines[-1].get_xydata()[0].tolist()"))
        self.assertAlmostEqual(y / x / np.median(error[drawn] / epsilon[drawn]), 1)

    def test_cells_of_a_shard_have_their_numbers_in_the_whole_sweep(self):
        path = self.copy_small("shard")
        with h5py.File(path, "r+") as file:
            file["cell"][:] += 40
        self.check_analysis(path)

    def test_half_finished(self):
        path = self.copy_small("half")
        forget(path, 0, slice(9, None))
        forget(path, 1, slice(1, None))
        forget(path, 5, slice(None))
        self.assertIn("bands do not agree", self.check_analysis(path))
        text = (self.folder / "half-out" / "half.txt").read_text(encoding="utf-8")
        marked = [line.split()[1] for line in text.splitlines() if line.startswith("!")]
        self.assertEqual(marked, ["0", "1", "5"])
        svg = svg_text(self.folder / "half-out" / "half.svg")
        for phrase in ("9/12", "1/12", "0/12", "over 1 to 12 runs a point", "26 pending"):
            self.assertIn(phrase, svg)

    def test_some_runs_diverged_and_infinite_samples(self):
        path = self.copy_small("diverged")
        with h5py.File(path, "r+") as file:
            runs, errors = file["run"][:], file["error"][:]
            runs["status"][2, 3:5] = DIVERGED
            errors[2, 3:5, 6:] = np.inf
            file["run"][:], file["error"][:] = runs, errors
            for name in ("n", "m"):
                values = file[name][:]
                file[name][:] = np.where(values == values.max(), 0, values)
        self.check_analysis(path)
        svg = svg_text(self.folder / "diverged-out" / "diverged.svg")
        for phrase in ("10/12", "2 diverged", "∞"):
            self.assertIn(phrase, svg)

    def test_no_run_done(self):
        settings = ("grid.activation=identity", "train.ascent_step=4", "train.iterations=2000")
        path = run_sweep(self.folder, "none", *settings, allowed=(3,))
        self.check_refused("no run is done", path)

    def test_not_a_result_file(self):
        other = self.folder / "other.h5"
        with h5py.File(other, "w") as file:
            file["x"] = [1, 2, 3]
        self.check_refused("not a saddlesweep result file", other)
        text = self.folder / "text.h5"
        text.write_text("not HDF5\n", encoding="utf-8")
        self.check_refused("cannot be read as an HDF5 file", text)
        self.check_refused("no such file", self.folder / "absent.h5")
        damaged = self.copy_small("damaged")
        with h5py.File(damaged, "r+") as file:
            del file["error"]
        self.check_refused("damaged", damaged)

    def test_later_format(self):
        path = self.copy_small("later")
        with h5py.File(path, "r+") as file:
            file.attrs["format_version"] = 99
        self.check_refused("format_version 99", path)

    def test_formats_that_are_none(self):
        done = analyse(self.small, "--out", self.folder / "gif", "--formats", "png,gif")
        self.assertEqual(done.returncode, 2)
        self.assertIn('found "gif", expected some of png,pdf,svg', done.stderr)
        self.assertFalse((self.folder / "gif").exists())

    def test_folder_cannot_be_made(self):
        blocked = self.folder / "blocked"
        blocked.write_text("a file\n", encoding="utf-8")
        done = analyse(self.small, "--out", blocked)
        self.assertEqual(done.returncode, 1)
        self.assertIn("blocked", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_everything_is_named_after_the_file_whatever_its_bytes(self):
        for number, name in enumerate(("a b:c.d.h5", os.fsdecode(b"\xff\xfe"))):
            folder = self.folder / f"named {number}"
            folder.mkdir()
            path = folder / name
            shutil.copyfile(self.small, path)
            stem = name.removesuffix(".h5")
            done = analyse(path, "--formats", "svg")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            written = {file.name for file in folder.iterdir()} - {name}
            self.assertLessEqual({f"{stem}{end}" for end in (".csv", ".txt", ".svg", "-iterations.svg")}, written)
            self.assertEqual({file for file in written if not file.startswith(stem)}, set())
        done = run_script("report.py", path, "-o", folder)  # of the latter
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        page = (folder / f"{stem}.report.html").read_text(encoding="utf-8")
        self.assertIn(os.fsencode(name).decode("utf-8", "replace"), page)

    def test_a_python_without_packages_says_so_in_a_line(self):
        for script in ("figures.py", "report.py"):
            done = subprocess.run(
                [sys.executable, "-B", "-S", SOURCE / "analysis" / script, self.small], capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, rf"^{script}: \S+ has no numpy and no h5py and no matplotlib; install them .*\n$")
