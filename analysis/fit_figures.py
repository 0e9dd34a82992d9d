"""The figures of the scaling law: errors against n (or d) with the fitted lines, and n* against ε."""

import numpy as np
from matplotlib.lines import Line2D

import caption
import fit as fits
import grid as grids
import style

MOST_COLUMNS, MOST_ROWS = 3, 4  # panels of a page
ABSOLUTE_ERROR = r"$‖AA^{\top} - Z^{*}‖_F$"
LAW = r"\log\,\epsilon = c + \alpha\,\log\,d - \beta\,\log\,{n}"
ONE_D = r"\log\,\epsilon = c - \beta\,\log\,{n}"
ONE_N = r"\log\,\epsilon = c + \alpha\,\log\,d"
SYMBOLS = {"a": "a", "b": "b", "alpha": r"\alpha"}
BOUND = {"color": "0.4", "linestyle": (0, (1.2, 2.2)), "linewidth": 1.1}


def error_pages(results, fit):
    """Yields the figure of the cells' errors, a panel a family; nothing if no family has a fit."""
    laws = [law for law in map(fits.primary, fit["families"]) if law]
    drawing = _Errors if any(law["beta"] for law in laws) else _ErrorsOfOneN
    yield from _pages(drawing(results, fit), fit)


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
    """What the figures share: a colour for each value of `key`, limits of the axes, the layout."""

    key = "d"
    exponents = ("a", "b")
    more_handles = ()

    def __init__(self, results, fit):
        self.results = results
        self.n = fit["against"]
        self.bound = fit["families"][0]["bound"] if fit["families"] else {}

    def prepare(self, families):
        points = [self.points(family) for family in families]
        keys = sorted({value for values, *_ in points for value in values})
        looks = style.category_styles(len(keys))
        self.styles = {value: look | {"linestyle": "-"} for value, look in zip(keys, looks)}
        self.places = np.unique(np.concatenate([x for _, x, *_ in points]))
        self.x_bounds = style.limits(self.places)
        self.y_bounds = style.limits(np.concatenate([y for _, _, *ys in points for y in ys]))

    def page(self, rows):
        handles = [
            Line2D([], [], **look, label=grids.label(self.key, value))
            for value, look in self.styles.items()
        ] + list(self.more_handles)
        alt = caption.alternative(self.subject(), [self.spoken(one) for row in rows for one in row])
        page = style.Page(len(rows), len(rows[0]), self.caption(), len(handles), alt, subtitles=True)
        for axes_row, row in zip(page.axes, rows):
            for axes, family in zip(axes_row, row):
                self._panel(axes, family)
        page.label(*self.labels())
        page.legend(handles)
        return page

    def _panel(self, axes, family):
        law = self.law(family)
        names = self.exponents if law["beta"] else ("alpha",)
        words = ",  ".join(f"${SYMBOLS[name]}$ = {fits.words(law[name])}" for name in names if law[name])
        style.set_titles(axes, _title(family), words, 9.5)
        self.set_x(axes)
        style.set_log_y(axes, self.y_bounds)
        self.draw(axes, family)

    def set_x(self, axes):
        axes.set_xscale("log")
        axes.set_xlim(self.x_bounds)
        style.set_ticks(axes.xaxis, style.log_ticks(*self.x_bounds))


class _Errors(_Drawing):
    """Mean absolute error of each cell against n, a colour for each d, and the fitted law."""

    law = staticmethod(fits.primary)
    slope = "beta"  # without it there is no line

    @property
    def x(self):
        return self.n

    def points(self, family):
        """Key, x, mean and its ends by one standard error, of the cells that have a mean."""
        cells = [cell for cell in family["cells"] if cell[self.n] and cell["absolute"]["mean"]]
        key, x = (np.array([cell[name] for cell in cells]) for name in (self.key, self.x))
        mean = np.array([cell["absolute"]["mean"] for cell in cells])
        error = np.array([cell["absolute"]["standard_error"] or 0 for cell in cells])
        return key, x, mean, mean - np.minimum(error, 0.9 * mean), mean + error

    def draw(self, axes, family):
        key, x, mean, low, high = self.points(family)
        law = self.law(family)
        for value, look in self.styles.items():
            own = key == value
            axes.vlines(x[own], low[own], high[own], color=look["color"], linewidth=1)
            axes.plot(x[own], mean[own], **look | {"linestyle": "none"})
            if own.any() and law["c"] and law[self.slope]:
                ends = np.array([x[own].min(), x[own].max()])
                axes.plot(ends, self.fitted(law, value, ends), color=look["color"], linewidth=1)

    def fitted(self, law, d, n):
        """The law's error; α is null where the grid has one d."""
        alpha = fits.value(law["alpha"]) or 0
        return np.exp(fits.value(law["c"]) + alpha * np.log(d)) * n ** -fits.value(law["beta"])

    def set_x(self, axes):
        style.set_log_x(axes, self.places)

    def subject(self):
        return f"Mean absolute error against {self.x} with the fitted law"

    def spoken(self, family):
        law = self.law(family)
        words = []
        if law["beta"]:
            words.append(f"falls as {self.n} to the power {_rounded(law['beta'], -1)}")
        if law["alpha"]:
            words.append(f"grows as d to the power {_rounded(law['alpha'])}")
        return f"{family['label']}: {law['cells']} cells, error {' and '.join(words)}"

    def formula(self):
        several = len(self.styles) > 1
        return (LAW if several else ONE_D).format(n=self.n)

    def caption(self):
        return (
            f"{self.results.name}: mean absolute error of each cell, with one standard error up and "
            f"down, over its done runs, trapped ones among them. Lines: the law fitted to all points "
            f"of a panel at once, ${self.formula()}$."
        )

    def labels(self):
        return _axis(self.x), f"mean final error {ABSOLUTE_ERROR}"


class _ErrorsOfOneN(_Errors):
    """Against d, where each family has one n, with the fitted law."""

    x, slope = "d", "alpha"

    @property
    def key(self):
        return self.n

    def fitted(self, law, n, d):
        return np.exp(fits.value(law["c"])) * d ** fits.value(law["alpha"])

    def spoken(self, family):
        law = self.law(family)
        return (
            f"{family['label']}: {law['cells']} cells, error goes as d to the power {_rounded(law['alpha'])}"
        )

    def formula(self):
        return ONE_N


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
        a = a if law["alpha"] else 0
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
        d_power = f"d to the power {_rounded(law['a'])} and " if law["alpha"] else ""
        return (
            f"{family['label']}: {len(law['crossings'])} points, {self.n} grows as "
            f"{d_power}ε to the power {_rounded(law['b'], -1)}, the bound's powers "
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


def _title(family):
    """The label, with the activation as all figures call it."""
    activation = family.get("activation", "")
    return grids.label("activation", activation) + family["label"].removeprefix(activation)


def _axis(name):
    return {"d": "dimension $d$", "n": "samples $n$", "m": "batch size $m$"}[name]


def _power(symbol, exponent):
    return symbol if exponent == 1 else f"{symbol}^{{{exponent}}}"


def _rounded(interval, sign=1):
    value = fits.value(interval)
    return "unknown" if value is None else f"{sign * value:.2f}"
