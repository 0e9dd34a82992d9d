"""Functions of analysis/ by themselves, at the edges that whole figures and reports do not come to."""

import math
import sys
import types
import unittest
from xml.etree import ElementTree

import matplotlib.pyplot as pyplot
import numpy as np
import pytest
from harness import SOURCE
from report_page import fit_of

sys.path.insert(0, str(SOURCE / "analysis"))
import certificates  # noqa: E402
import document  # noqa: E402
import final_error  # noqa: E402
import fit_figures  # noqa: E402
import grid as grids  # noqa: E402
import inline_svg  # noqa: E402
import lemmas  # noqa: E402
import paths  # noqa: E402
import style  # noqa: E402

pytestmark = pytest.mark.release


class Document(unittest.TestCase):
    def test_eight_values_are_listed_and_more_are_counted(self):
        self.assertEqual(document._listed([3]), "3")
        self.assertEqual(document._listed(range(1, 9)), "1, 2, 3, 4, 5, 6, 7, 8")
        self.assertEqual(document._listed(range(1, 10)), "1 to 9 (9 values)")


class Labels(unittest.TestCase):
    def test_activations_have_the_names_that_people_use(self):
        names = {"leaky_relu(0)": "ReLU", "leaky_relu(0.2)": "leaky ReLU(0.2)", "tanh": "tanh"}
        self.assertEqual({name: grids.label("activation", name) for name in names}, names)


class InlineSvg(unittest.TestCase):
    def test_ids_that_are_referred_to_begin_with_the_key_and_others_go(self):
        href = inline_svg.HREF
        picture = ElementTree.fromstring('<g><path id="a"/><path id="b"/><g id="c"/><use/><path clip-path="url(#b)"/></g>')
        picture[3].set(href, "#a")
        inline_svg._rename(picture, "key")
        self.assertEqual([element.get("id") for element in picture], ["key-a", "key-b", None, None, None])
        self.assertEqual(picture[3].get("href"), "#key-a")
        self.assertEqual(picture[4].get("clip-path"), "url(#key-b)")


class FitFigures(unittest.TestCase):
    def test_the_law_is_drawn_through_the_cells_of_each_d(self):
        fit = fit_of("x", {})
        family = fit["families"][0]
        drawing = fit_figures._Errors(None, fit)
        drawing.prepare([family])
        figure, axes = pyplot.subplots()
        self.addCleanup(pyplot.close, figure)
        drawing.draw(axes, family)
        lines = [line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2]
        self.assertEqual(len(lines), 2)
        for d, line in zip((3, 5), lines):
            expected = math.exp(0.5) * d**1.25 * np.array([100, 300]) ** -0.5  # its c, alpha and beta
            np.testing.assert_allclose(line.get_ydata(), expected)
        family["fits"][0]["c"] = None  # no line without all of them
        before = len(axes.lines)
        drawing.draw(axes, family)
        self.assertEqual(len(axes.lines), before + 2)


    def page(self, change):
        """The first page of the errors of a fit whose only family is changed by change(family)."""
        style.use()
        fit = fit_of("x", {})
        fit["families"] = fit["families"][:1]
        change(fit["families"][0])
        page = next(fit_figures.error_pages(types.SimpleNamespace(name="x"), fit))
        self.addCleanup(pyplot.close, page.figure)
        page.figure.canvas.draw()
        return page, page.axes[0, 0]

    def test_ticks_are_at_the_data_and_words_are_outside_the_panel(self):
        def rename(family):
            family |= {"label": "leaky_relu(0), k = 2", "activation": "leaky_relu(0)"}

        page, axes = self.page(rename)
        self.assertEqual([label.get_text() for label in axes.get_xticklabels()], ["100", "300"])
        self.assertEqual(axes.get_title(), "ReLU, k = 2")
        self.assertEqual([text.get_text() for text in axes.texts], ["$a$ = 2.50 [2.00, 2.75],  $b$ = 2.00 [–, 2.25]"])
        panel, words, title = (part.get_window_extent() for part in (axes, axes.texts[0], axes.title))
        self.assertGreater(words.y0, panel.y1)
        self.assertGreater(title.y0, words.y1 - 2)
        self.assertLess(title.y1, page.figure.legends[0].get_window_extent().y0)

    def test_one_d_has_no_a_and_one_n_is_drawn_against_d(self):
        def keep_d(family):
            family["cells"] = [cell for cell in family["cells"] if cell["d"] == 3]
            family["fits"][0] |= {"alpha": None, "a": None}

        page, axes = self.page(keep_d)
        line = next(line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2)
        np.testing.assert_allclose(line.get_ydata(), math.exp(0.5) * np.array([100, 300]) ** -0.5)
        self.assertNotIn("alpha", page.caption)
        self.assertNotIn("grows", page.alt)

        def keep_n(family):
            family["cells"] = [cell for cell in family["cells"] if cell["n"] == 100]
            family["fits"][0] |= dict.fromkeys(("beta", "a", "b", "log_C"))

        fit = fit_of("x", {})  # one family of several n, beside it one of one n, which has no line
        whole = fit["families"][0]
        part = {**whole, "label": "one n", "cells": [c for c in whole["cells"] if c["n"] == 100]}
        part["fits"] = [{**whole["fits"][0], **dict.fromkeys(("beta", "a", "b", "log_C"))}]
        fit["families"] = [whole, part]
        page = next(fit_figures.error_pages(types.SimpleNamespace(name="x"), fit))
        self.addCleanup(pyplot.close, page.figure)
        lines = [[line for line in axes.lines if len(line.get_xdata()) == 2] for axes in page.axes[0]]
        self.assertEqual([len(of_panel) for of_panel in lines], [4, 0])
        self.assertIn("one n: 4 cells, error grows as d to the power 1.25", page.alt)

        page, axes = self.page(keep_n)
        line = next(line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2)
        np.testing.assert_allclose(line.get_xdata(), [3, 5])
        np.testing.assert_allclose(line.get_ydata(), math.exp(0.5) * np.array([3, 5]) ** 1.25)
        self.assertIn("dimension", axes.get_xlabel())
        self.assertIn("alpha", axes.texts[0].get_text())
        self.assertIn("goes as d to the power 1.25", page.alt)
        self.assertNotIn("beta", page.caption)


class FinalError(unittest.TestCase):
    def drawing(self, center, bounds):
        """Two cells, of n = 100 and 10,000."""
        drawing = object.__new__(final_error._Drawing)
        drawing.grid = types.SimpleNamespace(x="n", values={"n": np.array([100.0, 10000.0])})
        drawing.x, drawing.center, drawing.bounds = drawing.grid.values["n"], np.array(center), bounds
        return drawing

    def axes(self, bounds):
        figure, axes = pyplot.subplots(figsize=(style.PANEL_WIDTH, style.PANEL_HEIGHT))
        self.addCleanup(pyplot.close, figure)
        axes.set_xscale("log")
        axes.set_xlim(80, 12500)
        style.set_log_y(axes, bounds)
        return axes

    def test_the_label_of_the_guide_is_where_the_guide_is(self):
        for center, bounds in (
            ([1.0, 0.1], (0.05, 2)),  # all of it is in the axes
            ([1.0, 0.5], (0.4, 2)),  # half of it
            ([1.2, 1.1], (1.0, 2)),  # none of it below the points
        ):
            axes = self.axes(bounds)
            self.drawing(center, bounds)._reference(axes, np.arange(2))
            axes.figure.canvas.draw()
            (label,) = axes.texts
            x, y = label.xy
            guide = axes.lines[0]
            slope, level = np.polyfit(np.log(guide.get_xdata()), np.log(guide.get_ydata()), 1)
            self.assertAlmostEqual(slope, -0.5)
            self.assertAlmostEqual(np.log(y), level + slope * np.log(x))
            panel, words = axes.get_window_extent(), label.get_window_extent()
            self.assertTrue(panel.x0 < words.x0 and words.x1 < panel.x1, (center, words))
            self.assertTrue(panel.y0 < words.y0 and words.y1 < panel.y1, (center, words))

    def test_counts_at_the_bottom_edge_are_above_the_ticks(self):
        style.use()
        drawing = self.drawing([np.nan, 1.0], (0.5, 2))
        drawing.full = np.array([False, True])
        drawing.results = types.SimpleNamespace(done=np.array([0, 8]), requested=np.array([8, 8]))
        axes = self.axes(drawing.bounds)
        drawing._fractions(axes, np.arange(2), {"color": "k"}, 0)
        axes.figure.canvas.draw()
        (count,) = axes.texts
        self.assertEqual(count.get_text(), "0/8")
        ticks = axes.xaxis.get_major_ticks()[0].tick1line.get_markersize() * axes.figure.dpi / 72
        self.assertGreater(count.get_window_extent().y0, axes.get_window_extent().y0 + ticks)


class Certificates(unittest.TestCase):
    def handles(self, markers):
        drawing = object.__new__(certificates._Drawing)
        drawing.grid = types.SimpleNamespace(x="n")
        drawing.results = types.SimpleNamespace(trapped=np.zeros((2, 2), dtype=bool))
        drawing.colours, drawing.markers = {100: "C0", 300: "C1"}, markers
        return drawing._handles()

    def test_the_legend_has_markers_where_they_tell_d_apart(self):
        both = self.handles({3: "o", 5: "s"})
        self.assertEqual([handle.get_marker() for handle in both], ["s", "s", "o", "s"])
        self.assertEqual([label.split()[-1].strip("$") for label in (h.get_label() for h in both)], ["100", "300", "3", "5"])
        self.assertEqual(len(self.handles({3: "o"})), 2)
        self.assertEqual(len(self.handles({None: "o"})), 2)


class LawOfLemmas(unittest.TestCase):
    def test_intervals_are_those_of_each_exponent_over_resamples_of_the_seeds(self):
        """Each seed has a law of its own: e^5 d x^(-b), b from 0.4 to 0.6."""
        x, d = (values.ravel() for values in np.meshgrid([10.0, 40.0, 160.0], [2.0, 4.0, 8.0]))
        b = np.linspace(0.4, 0.6, 9)
        runs = np.exp(5) * d[:, None] * x[:, None] ** -b
        drawing = types.SimpleNamespace(
            values={"d": d},
            runs=runs,
            means=lambda runs: np.exp(np.log(runs).mean(axis=1)),
            errors=lambda runs: runs.std(axis=1) / 3,
            quantity=types.SimpleNamespace(squared=False, x="m"),
            _x=lambda cells: x[cells],
        )
        law = lemmas._Law(drawing, np.arange(len(x)))
        (name, of_x, low_x, high_x), (_, of_d, low_d, high_d) = law.exponents()
        self.assertEqual(name, "m")
        np.testing.assert_allclose((of_x, of_d, low_d, high_d), (-0.5, 1, 1, 1))
        error = 1.96 * b.std() / 3  # of the mean of nine
        np.testing.assert_allclose((low_x, high_x), (-0.5 - error, -0.5 + error), atol=0.01)


class Paths(unittest.TestCase):
    def test_colours_tell_where_a_run_ends_if_the_truth_is_known(self):
        figure, axes = pyplot.subplots()
        self.addCleanup(pyplot.close, figure)
        drawing = object.__new__(paths._Drawing)
        drawing.limits, drawing.results = (1.0, 1.0), types.SimpleNamespace(iteration=np.array([0, 10]))
        for truth, recovered, look in (
            (np.ones((2, 1)), True, paths.RECOVERED),
            (np.ones((2, 1)), False, paths.ELSEWHERE),
            (None, False, paths.RECOVERED),
        ):
            drawing.truth = truth
            drawing._path(axes, np.array([[0.0, 0.0], [1.0, 2.0]]), recovered)
            self.assertEqual({line.get_color() for line in axes.lines[-3:]}, {look["color"]})
        self.assertNotEqual(paths.RECOVERED["color"], paths.ELSEWHERE["color"])
