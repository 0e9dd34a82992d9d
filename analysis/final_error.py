"""The figure of the final relative error against n (or m, d, k): a line per d, or per row_norm."""

import numpy as np
from matplotlib.lines import Line2D

import caption
import grid as grids
import style
from results import ROUNDING

MOST_ROWS, MOST_COLUMNS = 6, 4  # panels of a page
X_LABELS = {
    "n": "number of samples $n$",
    "m": "batch size $m$",
    "d": "dimension $d$",
    "k": "latents of the generator $k$",
    "k0": "latents of the target $k_0$",
}
LABEL_ROOM = 0.12  # of the axis, below the label of the line of slope -1/2
DODGE = 0.03  # of the axis, between the error bars of different lines at infinity
INCOMPLETE = {"markerfacecolor": "white", "markeredgewidth": 1.3}
TRAPPED = {
    "markerfacecolor": "none", "markeredgewidth": 0.6, "markersize": 3.2, "linestyle": "none",
}  # fmt: skip


def pages(results, grid):
    """Yields the figure, as one or more style.Pages, with a line for each value of grid.line."""
    drawing = _Drawing(results, grid)
    rows = style.chunks(grid.panels, _columns(grid))
    for rows_of_page in style.chunks(rows, MOST_ROWS):
        yield drawing.page(rows_of_page)


def pages_by_row_norm(results, _):
    """The same with a line for each row_norm, where the sweep compares them."""
    grid = grids.describe(results, line="row_norm")
    if len(grid.distinct("row_norm")) > 1:
        yield from pages(results, grid)


def _columns(grid):
    """A column for each activation if there are several; else as many as fit."""
    activations = len(grid.distinct("activation"))
    return activations if 1 < activations <= MOST_COLUMNS else min(len(grid.panels), MOST_COLUMNS)


class _Drawing:
    """The final statistics of each cell, and what all panels share."""

    def __init__(self, results, grid):
        self.results = results
        self.grid = grid
        self.center, self.low, self.high = (band[:, -1] for band in results.shown)
        self.full = results.done == results.requested
        lines = [None] if grid.x == grid.line else list(grid.distinct(grid.line))
        self.styles = dict(zip(lines, style.category_styles(len(lines))))
        self.x = self._dodge(_positions(grid), lines)
        self.bounds = self._bounds()
        self.below = self.center < style.floor(self.bounds)

    def page(self, rows):
        """One page of panels, as a list of rows."""
        handles = self._handles()
        alt = caption.alternative(
            f"Final {self.results.measure.name} against {self.grid.x}",
            [self._spoken(panel, value) for row in rows for panel in row for value in self.styles],
        )
        wide = {} if self.grid.line == "d" else {"entry_width": 1.7}
        page = style.Page(len(rows), len(rows[0]), self._caption(), len(handles), alt, **wide)
        for axes_row, row in zip(page.axes, rows):
            for axes, panel in zip(axes_row, row):
                self._panel(axes, panel)
        measure = self.results.measure
        page.label(self._x_label(), f"final {measure.name}\n{measure.symbol}")
        page.legend(handles)
        return page

    def _panel(self, axes, panel):
        """One panel: reference line, then the lines, then what is special about single points."""
        axes.set_title(self.grid.panel_title(panel))
        self._set_axes(axes)
        if self.grid.x == "n":
            self._reference(axes, self.grid.cells(panel))
        for row, (value, look) in enumerate(self.styles.items()):
            cells = self._cells(panel, value)
            self._line(axes, cells, look)
            self._trapped(axes, cells, look)
            self._fractions(axes, cells, look, row)
            self._below(axes, cells, look, row)

    def _cells(self, panel, value):
        """Cells of a line."""
        return self.grid.cells(panel, **({} if value is None else {self.grid.line: value}))

    def _spoken(self, panel, value):
        """A line in words: its error at both ends."""
        cells = self._cells(panel, value)
        drawn = cells[np.isfinite(self.center[cells])]
        name = self.grid.panel_title(panel) if value is None else grids.titled(self.grid, panel, self.grid.line, value)
        ends = [
            f"{self.center[cell]:.3g} at {grids.label(self.grid.x, self.grid.values[self.grid.x][cell])}"
            for cell in (drawn[[0, -1]] if len(drawn) > 1 else drawn)
        ]
        return f"{name} {' to '.join(ends) or 'no run done'}".strip()

    def _handles(self):
        """Legend entries."""
        handles = [
            Line2D([], [], **look, label=grids.label(self.grid.line, value))
            for value, look in self.styles.items()
            if value is not None and len(self.styles) > 1
        ]
        grey = {"color": "0.4", "marker": "o", "linestyle": "none"}
        if self.results.trapped.any():
            handles.append(Line2D([], [], **grey | TRAPPED, label="trapped run"))
        if not self.full.all():
            label = "runs missing (done/requested)"
            handles.append(Line2D([], [], **grey, **INCOMPLETE, label=label))
        return handles

    def _caption(self):
        cut = bool(np.any(self.low < style.floor(self.bounds)))
        sentences = (
            caption.describe(self.results, self.grid, cut),
            caption.trapped(self.results, "Small open markers:", f", which {caption.statistic(self.results)} include"),
            f"Arrows: {self.results.statistic}s below the axis." if self.below.any() else "",
        )
        return " ".join(filter(None, sentences))

    def _x_label(self):
        ties = [name for name, target in self.grid.ties.items() if target == self.grid.x]
        equal = "".join(f" $=$ {grids.symbol(name)}" for name in ties)
        return X_LABELS[self.grid.x] + equal

    def _dodge(self, x, lines):
        """Moves the points at infinity a little apart, by line: their error bars would overlap."""
        width = np.log(x.max() / x.min())
        rank = np.searchsorted(lines, self.grid.values[self.grid.line]) if len(lines) > 1 else 0
        shift = np.exp((rank - (len(lines) - 1) / 2) * DODGE * width)
        return np.where(np.isinf(self.grid.values[self.grid.x]), x * shift, x)

    def _bounds(self):
        """Limits of y around means, shadows (where positive) and trapped runs; what is of rounding is
        told in words below."""
        lowest = self.results.bands["relative_error", "q05"][:, -1]
        trapped = self.results.final[self.results.trapped]
        values = np.concatenate([np.maximum(self.low, lowest), self.center, self.high, trapped])
        above = values[values > ROUNDING]
        return style.limits(above if len(above) else values)

    def _set_axes(self, axes):
        values = self.grid.distinct(self.grid.x)
        texts = ["∞" if np.isinf(value) else style.plain_number(value) for value in values]
        style.set_log_x(axes, np.unique(_positions(self.grid)), texts)
        if np.isinf(values[-1]):
            axes.xaxis.set_minor_locator(style.ticker.NullLocator())
        style.set_log_y(axes, self.bounds)

    def _line(self, axes, cells, look):
        """Shadow, line and markers; a point without neighbours has an error bar for its shadow."""
        x, center, high = self.x[cells], self.center[cells], self.high[cells]
        low = np.maximum(self.low[cells], style.floor(self.bounds))
        finite = np.isfinite(self.grid.values[self.grid.x][cells])
        line = np.where(finite, center, np.nan)  # infinity is not joined to the rest
        lonely = np.isfinite(center) & ~_has_neighbour(np.isfinite(line))
        opacity = style.shadow_opacity(len(self.styles))
        axes.fill_between(
            x, low, high, where=finite, color=look["color"], alpha=opacity, linewidth=0
        )
        axes.vlines(x[lonely], low[lonely], high[lonely], color=look["color"], linewidth=1)
        axes.plot(x, line, color=look["color"], linestyle=look["linestyle"])
        points = {**look, "linestyle": "none"}
        full = self.full[cells]
        axes.plot(x[full], center[full], **points)
        axes.plot(x[~full], center[~full], **points, **INCOMPLETE)

    def _trapped(self, axes, cells, look):
        for cell in cells:
            values = self.results.final[cell][self.results.trapped[cell]]
            axes.plot(np.full(len(values), self.x[cell]), values, **look | TRAPPED)

    def _fractions(self, axes, cells, look, row):
        """`16/20` beside the points of incomplete cells; cells without any run at the bottom."""
        text = {"textcoords": "offset points", "fontsize": 7, "color": look["color"]}
        for cell in cells[~self.full[cells]]:
            fraction = f"{self.results.done[cell]}/{self.results.requested[cell]}"
            if self.results.done[cell] == 0:
                axes.annotate(
                    fraction, (self.x[cell], 0), xycoords=axes.get_xaxis_transform(),
                    xytext=(0, style.ABOVE_TICKS + 8 * row), ha="center", **text,
                )  # fmt: skip
            elif cell == cells[-1] and len(cells) > 1:  # no room to the right
                place = (self.x[cell], self.center[cell])
                axes.annotate(fraction, place, xytext=(-4, 5), ha="right", **text)
            else:
                place = (self.x[cell], self.center[cell])
                axes.annotate(fraction, place, xytext=(4, 4), ha="left", **text)

    def _below(self, axes, cells, look, row):
        """`↓ 4e-16` for cells whose mean is below the axis."""
        for cell in cells[self.below[cells]]:
            axes.annotate(
                f"↓ {self.center[cell]:.0e}", (self.x[cell], 0), xycoords=axes.get_xaxis_transform(),
                xytext=(7, style.ABOVE_TICKS + 8 * row), textcoords="offset points", ha="right", fontsize=7,
                color=look["color"],
            )  # fmt: skip

    def _reference(self, axes, cells):
        """A line of slope -1/2 below the points of a panel, through the lowest in that sense; above all of
        them where it would be below the axis."""
        finite = cells[np.isfinite(self.grid.values["n"][cells]) & (self.center[cells] > ROUNDING)]
        ends = np.unique(self.x[finite])[[0, -1]] if len(finite) else []
        if len(set(ends)) < 2:
            return
        constants = self.center[finite] * np.sqrt(self.x[finite])
        constant, is_below = 0.8 * constants.min(), True
        seen = _part_within(self.bounds, constant, ends)
        if seen is None:
            constant, is_below = constants.max() / 0.8, False
            seen = _part_within(self.bounds, constant, ends)
        axes.plot(ends, constant / np.sqrt(ends), color="0.45", linewidth=0.7, zorder=1.5)
        if seen is None:
            return
        middle = np.sqrt(seen[0] * seen[1])
        above_edge = np.log(constant / np.sqrt(middle) / self.bounds[0]) / np.log(self.bounds[1] / self.bounds[0])
        below = is_below and above_edge > LABEL_ROOM
        axes.annotate(
            "$n^{-1/2}$", (middle, constant / np.sqrt(middle)), xytext=(-2, -3) if below else (0, 4),
            textcoords="offset points", ha="right" if below else "center", va="top" if below else "bottom",
            fontsize=9, color="0.35",
        )  # fmt: skip


def _part_within(bounds, constant, ends):
    """The ends of the part of constant / √n that is seen; None if that is less than an eighth of it."""
    low, high = np.maximum(ends[0], (constant / bounds[1]) ** 2), np.minimum(ends[1], (constant / bounds[0]) ** 2)
    return (low, high) if np.log(high / low) > np.log(ends[1] / ends[0]) / 8 else None


def _positions(grid):
    """x of each cell; infinity is drawn one step beyond the largest finite value."""
    values = grid.values[grid.x].astype(float)
    finite = np.unique(values[np.isfinite(values)])
    if not len(finite):
        return np.ones(len(values))
    step = max(2, finite[-1] / finite[-2]) if len(finite) > 1 else 2
    return np.where(np.isinf(values), finite[-1] * step, values)


def _has_neighbour(present):
    """Which of the present points have a present one right before or after."""
    padded = np.concatenate([[False], present, [False]])
    return present & (padded[:-2] | padded[2:])
