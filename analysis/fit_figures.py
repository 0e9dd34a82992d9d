"""The figures of the scaling law: errors against n with the fitted lines, and n* against ε."""

import numpy as np
from matplotlib.lines import Line2D

import caption
import fit as fits
import grid as grids
import style

MOST_COLUMNS, MOST_ROWS = 3, 4  # panels of a page
ABSOLUTE_ERROR = r"$‖AA^{\top} - Z^{*}‖_F$"
LAW = r"\log\,\epsilon = c + \alpha\,\log\,d - \beta\,\log\,{n}"
BEHIND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
BOUND = {"color": "0.4", "linestyle": (0, (1.2, 2.2)), "linewidth": 1.1}


def error_pages(results, fit):
    """Yields the figure of the cells' errors, a panel a family; nothing if no family has a fit."""
    yield from _pages(_Errors(results, fit), fit)


def crossing_pages(results, fit):
    """Yields the figure of n*(d, ε), a panel a family; nothing if there are no crossings."""
    yield from _pages(_Crossings(results, fit), fit)


def _pages(drawing, fit):
    families = [one for one in fit["families"] if drawing.law(one) and len(drawing.points(one)[0])]
    if not families:
        return
    drawing.prepare(families)
    rows = style.chunks(families, min(MOST_COLUMNS, len(families)))
    for rows_of_page in style.chunks(rows, MOST_ROWS):
        yield drawing.page(rows_of_page)


class _Drawing:
    """What both figures share: a colour for each d, limits of the axes, the layout."""

    def __init__(self, results, fit):
        self.results = results
        self.n = fit["against"]
        self.bound = fit["families"][0]["bound"] if fit["families"] else {}

    def prepare(self, families):
        points = [self.points(family) for family in families]
        d = sorted({value for d_values, *_ in points for value in d_values})
        looks = style.category_styles(len(d))
        self.styles = {value: look | {"linestyle": "-"} for value, look in zip(d, looks)}
        self.x_bounds = style.limits(np.concatenate([x for _, x, *_ in points]))
        self.y_bounds = style.limits(np.concatenate([y for _, _, *ys in points for y in ys]))

    def page(self, rows):
        handles = [
            Line2D([], [], **look, label=grids.label("d", d)) for d, look in self.styles.items()
        ] + list(self.more_handles)
        alt = caption.alternative(self.subject(), [self.spoken(one) for row in rows for one in row])
        page = style.Page(len(rows), len(rows[0]), self.caption(), len(handles), alt)
        for axes_row, row in zip(page.axes, rows):
            for axes, family in zip(axes_row, row):
                self._panel(axes, family)
        page.label(*self.labels())
        page.legend(handles)
        return page

    def _panel(self, axes, family):
        axes.set_title(family["label"], fontsize=9.5)
        axes.set_xscale("log")
        axes.set_xlim(self.x_bounds)
        style.set_ticks(axes.xaxis, style.log_ticks(*self.x_bounds))
        style.set_log_y(axes, self.y_bounds)
        self.draw(axes, family)
        law = self.law(family)
        words = "\n".join(f"${name}$ = {fits.words(law[name])}" for name in ("a", "b") if law[name])
        axes.text(0.03, 0.04, words, transform=axes.transAxes, fontsize=8, va="bottom", bbox=BEHIND)


class _Errors(_Drawing):
    """Mean absolute error of each cell against n, and the fitted law."""

    more_handles = ()
    law = staticmethod(fits.primary)

    def points(self, family):
        """d, n, mean and its ends by one standard error, of the cells that have a mean."""
        cells = [cell for cell in family["cells"] if cell[self.n] and cell["absolute"]["mean"]]
        d, n = (np.array([cell[name] for cell in cells]) for name in ("d", self.n))
        mean = np.array([cell["absolute"]["mean"] for cell in cells])
        error = np.array([cell["absolute"]["standard_error"] or 0 for cell in cells])
        return d, n, mean, mean - np.minimum(error, 0.9 * mean), mean + error

    def draw(self, axes, family):
        d, n, mean, low, high = self.points(family)
        law = self.law(family)
        c, alpha, beta = (fits.value(law[name]) for name in ("c", "alpha", "beta"))
        for value, look in self.styles.items():
            own = d == value
            axes.vlines(n[own], low[own], high[own], color=look["color"], linewidth=1)
            axes.plot(n[own], mean[own], **look | {"linestyle": "none"})
            if own.any() and None not in (c, alpha, beta):
                ends = np.array([n[own].min(), n[own].max()])
                error = np.exp(c + alpha * np.log(value)) * ends**-beta
                axes.plot(ends, error, color=look["color"], linewidth=1)

    def subject(self):
        return f"Mean absolute error against {self.n} with the fitted law"

    def spoken(self, family):
        law = self.law(family)
        return (
            f"{family['label']}: {law['cells']} cells, error falls as {self.n} to the power "
            f"{_rounded(law['beta'], -1)} and grows as d to the power {_rounded(law['alpha'])}"
        )

    def caption(self):
        return (
            f"{self.results.name}: mean absolute error of each cell, with one standard error up and "
            f"down, over its done runs, trapped ones among them. Lines: the law fitted to all points "
            f"of a panel at once, ${LAW.format(n=self.n)}$."
        )

    def labels(self):
        return _axis(self.n), f"mean final error {ABSOLUTE_ERROR}"


class _Crossings(_Drawing):
    """n* of each level ε and d, the fitted law, and the slopes of the bound."""

    more_handles = (Line2D([], [], **BOUND, label="slopes of the bound"),)
    law = staticmethod(fits.crossings)

    def points(self, family):
        """d, ε and n*."""
        points = self.law(family)["crossings"]
        return tuple(np.array([point[name] for point in points]) for name in ("d", "level", "n"))

    def draw(self, axes, family):
        d, level, n = self.points(family)
        law, bound = self.law(family), self.bound
        log_c, a, b = (fits.value(law[name]) for name in ("log_C", "a", "b"))
        anchor = np.mean(np.log(n) - bound["a"] * np.log(d) + bound["b"] * np.log(level))
        ends = np.array(self.x_bounds)
        for value, look in self.styles.items():
            own = d == value
            axes.plot(level[own], n[own], **look | {"linestyle": "none"})
            if not own.any():
                continue
            if None not in (log_c, a, b):
                needed = np.exp(log_c) * value**a * ends**-b
                axes.plot(ends, needed, color=look["color"], linewidth=1)
            needed = np.exp(anchor) * float(value) ** bound["a"] * ends ** -bound["b"]
            axes.plot(ends, needed, **BOUND | {"color": look["color"]})

    def subject(self):
        return f"{self.n} at which the mean error falls below ε, with the fitted law and the bound's slopes"

    def spoken(self, family):
        law = self.law(family)
        return (
            f"{family['label']}: {len(law['crossings'])} points, {self.n} grows as d to the power "
            f"{_rounded(law['a'])} and ε to the power {_rounded(law['b'], -1)}, the bound's powers "
            f"are {self.bound['a']} and -{self.bound['b']}"
        )

    def caption(self):
        n, bound = grids.symbol(self.n), self.bound
        powers = "$" + _power("d", bound["a"]) + " / " + _power(r"\epsilon", bound["b"]) + "$"
        return (
            f"{self.results.name}: ${self.n}^{{*}}(d, \\epsilon)$, the {n} at which the mean absolute "
            "error of a $d$ falls below $\\epsilon$, interpolated between cells. Lines: the law fitted "
            f"to these points, ${self.n}^{{*}} = C d^{{a}} \\epsilon^{{-b}}$. Dotted: the bound's {powers}, "
            "one line for each $d$, through the points' geometric mean: the bound has no constant, so "
            "only its slopes mean anything, and how far its lines are apart."
        )

    def labels(self):
        return "error level $\\epsilon$", f"{_axis(self.n)} needed"


def _axis(name):
    return {"n": "samples $n$", "m": "batch size $m$"}[name]


def _power(symbol, exponent):
    return symbol if exponent == 1 else f"{symbol}^{{{exponent}}}"


def _rounded(interval, sign=1):
    value = fits.value(interval)
    return "unknown" if value is None else f"{sign * value:.2f}"
