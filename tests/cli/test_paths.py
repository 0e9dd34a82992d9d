"""The figure of paths (Figure 2): where it is drawn, what it says, and the risk that its contours are of."""

import subprocess
import sys
import unittest

import h5py
import numpy as np
import pytest
from harness import SOURCE, SWEEP, ProgramTest, read
from report_page import Page, report

sys.path.insert(0, str(SOURCE / "analysis"))
import grid as grids
import paths
import results
import risk
import style

pytestmark = pytest.mark.release

# Of these starts leaky ReLU brings some to ±A*, and some to the spurious minimum at ±(0.732, -0.732).
PLANE = """\
name: plane
root_seed: 20200713
grid: {d: 2, k: 1, n: 100000, m: 500, activation: [leaky_relu(0.2), tanh], seed: {count: 5}}
truth: {matrix: [[1], [1]]}
train: {iterations: 2500, step: {size: 0.02}, noise: 0, row_norm: free}
record: {points: 51, spacing: linear, iterate: true}
"""
SPURIOUS = np.sqrt((0.52**2 - 0.2 * 0.52) / (0.52**2 + 0.2**2))


class Paths(ProgramTest):
    def pages(self, path):
        style.use()
        found = results.read(path)
        return list(paths.pages(found, grids.describe(found)))

    def paths_drawn(self, path, formats):
        return [name for name in self.draw(path, formats=formats).split() if "-paths" in name]

    def test_it_is_drawn_and_counts_the_ends(self):
        path = self.run_sweep(PLANE, "plane")
        self.assertEqual(len(self.paths_drawn(path, "png,pdf,svg")), 3)
        end = read(path, "iterate")[:, :, -1, :, 0]
        there = np.abs(np.abs(end.sum(axis=-1)) - 2) < 0.2
        spurious = np.abs(np.abs(end) - SPURIOUS).max(axis=-1) < 0.05
        self.assertTrue((there | spurious).all())
        self.assertTrue(0 < there[0].sum() < 5 and there[1].all())
        (page,) = self.pages(path)
        says = f"leaky ReLU(0.2): 5 paths, {there[0].sum()} to ±A*, {spurious[0].sum()} elsewhere, at ("
        for text in (page.alt, page.caption):
            self.assertIn(says, text)
            self.assertIn("tanh: 5 paths, 5 to ±A*", text)
        self.assertIn("arrow every 500 iterations", page.caption)
        self.assertIn("All panels have the same starts.", page.caption)
        self.assertIn("rows of $A$ of free norms", page.caption)
        self.assertEqual([axes.get_title() for axes in page.axes.flat], ["leaky ReLU(0.2)", "tanh"])
        self.assertTrue(page.svg())

    def test_an_arrow_stands_every_500_iterations_the_smaller_the_less_A_moves(self):
        t = np.arange(0, 3001, 100)
        angle = np.cumsum(np.where(t <= 1500, 0.1, 0.01))  # on a circle, ten times slower from the middle on
        path = np.column_stack([np.cos(angle), np.sin(angle)])
        found = list(paths.arrows(path, t, room=0.4))
        places, directions, sizes = map(np.array, zip(*found))
        np.testing.assert_array_equal(places, path[5::5])
        np.testing.assert_allclose(np.sum(directions * path[5::5], axis=1), 0, atol=0.06)  # along the circle
        self.assertEqual(sizes[:3].tolist(), [1, 1, 1])
        np.testing.assert_allclose(sizes[3:], np.sqrt(0.05 / 0.4), rtol=1e-3)
        path[16:] = path[15]
        self.assertEqual(len(list(paths.arrows(path, t, room=0.4))), 3, "no arrow where it stands still")

    def test_it_is_part_of_the_report(self):
        path = self.run_sweep(PLANE, "plane")
        self.assertEqual(report(path, "--out", self.folder).returncode, 0)
        spoken = [svg.attributes["aria-label"] for svg in Page(next(self.folder.glob("*.report.html"))).root.all("svg")]
        self.assertEqual(sum("Paths of A in the plane" in words for words in spoken), 1)

    def test_a_drawn_truth_has_paths_without_contours(self):
        text = PLANE.replace("truth: {matrix: [[1], [1]]}\n", "").replace("iterations: 2500", "iterations: 100")
        (page,) = self.pages(self.run_sweep(text, "drawn"))
        self.assertIn("tanh: 5 paths", page.alt)
        self.assertNotIn("Contours", page.caption)
        self.assertTrue(page.svg())

    def test_of_marginals_there_is_none_as_the_contours_are_of_another_risk(self):
        text = PLANE.replace(", row_norm: free", "").replace("2500", "50") + "algorithm: marginal\ndiscriminator: linear\n"
        path = self.run_sweep(text, "marginal")
        self.assertEqual(read(path, "iterate").shape[-2:], (2, 1))
        self.assertEqual(self.pages(path), [])
        told = subprocess.run([sys.executable, "-B", SOURCE / "analysis/figures.py", "--help"], capture_output=True, text=True)
        self.assertIn("not with algorithm: marginal", " ".join(told.stdout.split()))

    def test_of_other_cells_or_without_iterates_there_is_none(self):
        for name, text in (("other", SWEEP.replace("log}", "log, iterate: true}")),
                           ("plain", PLANE.replace(", iterate: true", "").replace("2500", "50"))):  # fmt: skip
            self.assertEqual(self.pages(self.run_sweep(text, name)), [])
        self.assertEqual(self.paths_drawn(self.folder / "plain.h5", "svg"), [])

    def test_a_run_that_diverged_ends_where_it_did_and_one_pending_is_counted(self):
        spec = self.write("wild.yaml", PLANE.replace("size: 0.02", "size: 3").replace("2500", "100"))
        path = self.folder / "wild.h5"
        self.assertEqual(self.call("run", spec, "-o", path, "--set", "grid.activation=[identity, tanh]").returncode, 3)
        with h5py.File(path, "r+") as file:
            runs = file["run"][:]
            runs[1, 2] = np.zeros((), runs.dtype)
            file["run"][:] = runs
        (page,) = self.pages(path)
        self.assertIn("diverged or failed end where they did", page.caption)
        self.assertIn("1 run has no path (pending)", page.caption)
        self.assertIn("tanh: 4 paths", page.alt)


class Risk(unittest.TestCase):
    def moments(self, name, first, second):
        """E φ(az) φ(bz) by the trapezoidal rule, which is exact here to rounding but for kinks (1e-9)."""
        z = np.linspace(-12, 12, 400001 if "relu" in name else 4001)
        phi = risk.activation(name)
        density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        return (phi(first * z) * phi(second * z) * density).sum() * (z[1] - z[0])

    def test_it_is_what_an_independent_quadrature_gives(self):
        for name, tolerance in (("leaky_relu(0.2)", 1e-8), ("tanh", 1e-3), ("sigmoid", 1e-3),
                                ("erf", 1e-3), ("identity", 1e-9), ("softplus", 1e-3), ("gelu", 1e-3)):  # fmt: skip
            truth = np.array([1.2, -0.5])
            for x, y in ((0.3, 0.4), (-1, 1.5), (2.5, -3)):
                gap = [self.moments(name, a, b) - self.moments(name, s, t)
                       for (a, b), (s, t) in zip(((x, x), (x, y), (y, y)), ((1.2, 1.2), (1.2, -0.5), (-0.5, -0.5)))]  # fmt: skip
                expected = 0.5 * (gap[0] ** 2 + 2 * gap[1] ** 2 + gap[2] ** 2)
                found = risk.plane(name, truth, np.array([x]), np.array([y]))[0, 0]
                self.assertAlmostEqual(found / expected, 1, delta=tolerance, msg=name)

    def test_the_spurious_point_is_a_minimum(self):
        offsets = 0.02 * np.arange(-2, 3)
        g = risk.plane("leaky_relu(0.2)", np.ones(2), SPURIOUS + offsets, offsets - SPURIOUS)
        self.assertEqual(np.unravel_index(g.argmin(), g.shape), (2, 2))
        self.assertGreater(g[2, 2], 0.4)

    def test_names_are_those_of_the_program(self):
        self.assertIsNone(risk.activation("unheard_of(3)"))
        self.assertEqual(risk.activation("leaky_relu(0.5)")(np.array([-2.0, 4.0])).tolist(), [-1, 4])
