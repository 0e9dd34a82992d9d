"""The figures of Lemmas 3 to 5: errors of X_n and of the gradients against n, the bias of a batch against m."""

from dataclasses import dataclass

import numpy as np
from matplotlib.lines import Line2D

import caption
import grid as grids
import style

MOST_COLUMNS = 4  # panels of a page
RESAMPLES = 2000


@dataclass
class Quantity:
    """A number of each run, and what it falls with."""

    name: str  # in Results.lemmas
    x: str  # the axis that it falls with: n or m
    label: str  # as mathtext
    words: str
    squared: bool  # the mean over the runs is of its square


QUANTITIES = (
    Quantity("covariance_error/spectral", "n", r"$‖X_n - X‖_2$", "Spectral error of X_n", False),
    Quantity("gradient_error/sampling", "n", r"$‖\nabla g_n - \nabla g‖_F$", "Gradient error of n samples", False),
    Quantity(
        "gradient_error/bias_squared", "m", r"$‖E\,\nabla g_{m,n} - \nabla g_n‖_F$", "Bias of a batch's gradient", True
    ),
)


def pages(results, grid):
    """Yields a figure for each quantity that the sweep asked for and that it has several values of."""
    for quantity in QUANTITIES:
        if quantity.name in results.lemmas:
            drawing = _Drawing(results, grid, quantity)
            if drawing.activations:
                for activations in style.chunks(drawing.activations, MOST_COLUMNS):
                    yield drawing.page(activations)


class _Drawing:
    """What the panels of a quantity share: a column for each activation, a line for each (d, k)."""

    def __init__(self, results, grid, quantity):
        self.results = results
        self.values = grid.values
        self.quantity = quantity
        self.runs = results.lemmas[quantity.name]
        self.chosen = grid.of_one_row_norm()
        cells = self._cells()
        names = grid.values["activation"]
        self.cells = {name: cells[names[cells] == name] for name in dict.fromkeys(names[cells])}
        self.activations = [name for name, own in self.cells.items() if len(set(self._x(own))) > 1]
        self.lines = sorted({self._line_of(cell) for name in self.activations for cell in self.cells[name]})
        self.looks = dict(zip(self.lines, style.category_styles(len(self.lines))))
        self.laws = {name: _Law(self, self.cells[name]) for name in self.activations}

    def _cells(self):
        """One for each activation, d, k and value of x: of those that differ in the other axis (n or m), which bears on
        the quantity little or not at all, that with most samples; of one row norm, if the sweep compares them."""
        other = self.values["m" if self.quantity.x == "n" else "n"]
        found = {}
        for cell in np.argsort(-other, kind="stable"):
            x = self.values[self.quantity.x][cell]
            key = (self.values["activation"][cell], *self._line_of(cell), x)
            if self.chosen[cell] and np.isfinite(x) and np.isfinite(self.runs[cell]).any():
                found.setdefault(key, cell)
        return np.array(sorted(found.values()), dtype=int)

    def _x(self, cells):
        return self.values[self.quantity.x][cells]

    def _line_of(self, cell):
        return int(self.values["d"][cell]), int(self.values["k"][cell])

    def means(self, runs):
        """The mean of each row of runs, [cells, seeds]; NaN where there is none, or it is not positive."""
        mean = _mean(runs)
        positive = np.where(mean > 0, mean, np.nan)
        return np.sqrt(positive) if self.quantity.squared else positive

    def errors(self, runs):
        """Standard errors of these means; NaN where that is of one run."""
        deviation = np.ma.masked_invalid(runs).std(axis=1, ddof=1).filled(np.nan)
        error = deviation / np.sqrt(np.maximum(_count(runs), 1))
        return error / (2 * self.means(runs)) if self.quantity.squared else error

    def page(self, activations):
        handles = [Line2D([], [], **look, label=self._label(line)) for line, look in self.looks.items()]
        page = style.Page(1, len(activations), self._caption(activations), len(handles), self._alt(activations))
        for axes, activation in zip(page.axes[0], activations):
            self._panel(axes, activation)
        page.label(f"${self.quantity.x}$", self.quantity.label)
        page.legend(handles)
        return page

    def _panel(self, axes, activation):
        axes.set_title(grids.label("activation", activation))
        every = np.concatenate([self.cells[name] for name in self.activations])
        style.set_log_y(axes, style.limits(self.means(self.runs[every])))
        style.set_log_x(axes, np.unique(self._x(every)))
        for line, look in self.looks.items():
            cells = self._of_line(activation, line)
            if len(cells):
                runs = self.runs[cells]
                points = {**look, "linestyle": "none"}
                errors = self.errors(runs) if _several(runs) else None
                axes.errorbar(self._x(cells), self.means(runs), errors, capsize=2, elinewidth=0.8, **points)
                axes.plot(self._x(cells), self.laws[activation](cells), linewidth=0.9, color=look["color"])

    def _of_line(self, activation, line):
        cells = [cell for cell in self.cells[activation] if self._line_of(cell) == line]
        return np.array(sorted(cells, key=lambda cell: self.values[self.quantity.x][cell]), dtype=int)

    def _label(self, line):
        d, k = line
        return grids.label("d", d) if all(d == k for d, k in self.lines) else f"{grids.label('d', d)}, {grids.label('k', k)}"

    def _alt(self, activations):
        series = [f"{name} {self.laws[name].words()}" for name in activations]
        return caption.alternative(f"{self.quantity.words} against {self.quantity.x}, with fitted laws", series)

    def _norms(self):
        """Which cells are shown, where the sweep compares row norms."""
        shown = grids.label("row_norm", self.values["row_norm"][self.chosen][0])
        return f", cells of {shown}" if self.results.compares_row_norms else ""

    def _caption(self, activations):
        cells = np.concatenate([self.cells[name] for name in activations])
        count = caption.span(_count(self.runs[cells]))
        mean = "Root of the mean of an unbiased estimate of its square" if self.quantity.squared else "Mean"
        laws = "; ".join(f"{grids.label('activation', name)}: {self.laws[name].formula()}" for name in activations)
        if _several(self.runs[cells]):
            points, intervals = f"{mean} ±1 standard error over {count} runs", ", with 95 % intervals over resamples of the seeds"
        else:
            points, intervals = f"{mean} over 1 run", " (with one seed there is no interval)"
        weighted = ", weighted by their standard errors" if any(self.laws[name].weighted for name in activations) else ""
        lost = int(np.isnan(self.means(self.runs[cells])).sum())
        return (
            f"{self.results.name}{self._norms()}: {points} a point. Lines: the law fitted to them by least squares"
            f"{weighted}{intervals}: {laws}."
            + (f" Left out: {caption.plural(lost, 'point')} whose estimate is not above 0." if lost else "")
        )


def _count(runs):
    """Of the runs of each cell, how many are there."""
    return np.isfinite(runs).sum(axis=1)


def _several(runs):
    """Some cell has more than one run: there are standard errors and intervals."""
    return _count(runs).max() > 1


def _mean(runs):
    return np.ma.masked_invalid(runs).mean(axis=1).filled(np.nan)


class _Law:
    """C d^a x^b by least squares of logarithms; without d^a where there is one d. Estimates of a square are mostly noise
    where it is small: these are weighted by their standard errors."""

    def __init__(self, drawing, cells):
        self.drawing = drawing
        d, x = drawing.values["d"][cells].astype(float), drawing._x(cells).astype(float)
        self.with_d = len(set(d)) > 1
        self.rows = self._design(d, x)
        runs = drawing.runs[cells]
        self.weights = self._weights(runs)  # the same in all resamples
        self.weighted = np.ptp(self.weights) > 0
        self.coefficients = self._fit(drawing.means(runs))
        self.low, self.high = self._interval(runs) if _several(runs) else np.full((2, len(self.coefficients)), np.nan)

    def _design(self, d, x):
        columns = [np.ones_like(x), np.log(x)]
        return np.stack(columns + [np.log(d)] if self.with_d else columns, axis=1)

    def _weights(self, runs):
        """1 / standard error of the logarithm of each point, that of few runs drawn towards the others' by the rule of
        docs/fit.md; 0 where the mean is not positive. All 1 where there are no weights."""
        count, means = _count(runs), self.drawing.means(runs)
        variance = count * (self.drawing.errors(runs) / means) ** 2
        if not (self.drawing.quantity.squared and np.nansum(variance) > 0):
            return np.ones(len(runs))
        variance = ((count - 1) * np.nan_to_num(variance) + 4 * np.nanmean(variance)) / (count + 3)
        return np.where(np.isfinite(means), np.sqrt(count / variance), 0)

    def _interval(self, runs):
        """Ends of the 95 % interval of each coefficient, over resamples of the seeds."""
        picks = np.random.default_rng(1).integers(runs.shape[1], size=(RESAMPLES, runs.shape[1]))
        samples = [self._fit(self.drawing.means(runs[:, pick])) for pick in picks]
        return np.nanquantile(samples, (0.025, 0.975), axis=0)

    def _fit(self, means):
        good = np.isfinite(means) & (self.weights > 0)
        if good.sum() < self.rows.shape[1]:
            return np.full(self.rows.shape[1], np.nan)
        weights = self.weights[good]
        return np.linalg.lstsq(self.rows[good] * weights[:, None], np.log(means[good]) * weights, rcond=None)[0]

    def __call__(self, cells):
        d, x = self.drawing.values["d"][cells].astype(float), self.drawing._x(cells).astype(float)
        return np.exp(self._design(d, x) @ self.coefficients)

    def exponents(self):
        """(symbol, value, low, high) of x, then d; without an interval low and high are NaN."""
        names = [self.drawing.quantity.x, "d"][: self.rows.shape[1] - 1]
        return list(zip(names, self.coefficients[1:], self.low[1:], self.high[1:]))

    def formula(self):
        return " ".join(
            f"${name}^{{{value:.2f}}}$" + ("" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]")
            for name, value, low, high in reversed(self.exponents())
        )

    def words(self):
        return ", ".join(f"{name} to the power {value:.2f}" for name, value, low, high in reversed(self.exponents()))
