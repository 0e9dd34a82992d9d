"""The figure of the relative error against the iteration: a line per n, a column per d."""

import numpy as np
from matplotlib.lines import Line2D

import caption
import grid as grids
import style

MOST_ROWS, MOST_COLUMNS = 6, 4  # panels of a page
MARKS = 8  # markers on a line, about


def pages(results, grid):
    """Yields the figure, as one or more style.Pages."""
    drawing = _Drawing(results, grid)
    for rows in style.chunks(grid.panels, MOST_ROWS):
        for columns in style.chunks(list(grid.distinct("d")), MOST_COLUMNS):
            yield drawing.page(rows, columns)


class _Drawing:
    """The bands of each cell, and what all panels share."""

    def __init__(self, results, grid):
        self.results = results
        self.grid = grid
        self.center, self.low, self.high = results.shown
        lines = [None] if grid.x == "d" else list(grid.distinct(grid.x))
        self.styles = dict(zip(lines, self._looks(len(lines))))
        lowest = np.maximum(self.low, results.bands["relative_error", "q05"])
        self.bounds = style.limits(np.concatenate([lowest, self.high]), 0.03)

    def page(self, rows, columns):
        """One page: a row for each panel of `rows`, a column for each d of `columns`."""
        handles = self._handles()
        cut = bool(np.any(self.low < style.floor(self.bounds)))
        sentences = (
            caption.describe(self.results, self.grid, cut),
            caption.trapped(self.results, "Includes"),
        )
        text = " ".join(filter(None, sentences))
        page = style.Page(len(rows), len(columns), text, len(handles), self._alt(rows, columns))
        for axes_row, panel in zip(page.axes, rows):
            for axes, d in zip(axes_row, columns):
                self._panel(axes, panel, d)
        measure = self.results.measure
        page.label("iteration $t$", f"{measure.name}\n{measure.symbol}")
        page.legend(handles)
        return page

    def _alt(self, rows, columns):
        last = self.results.iteration[-1]
        series = [self._spoken(panel, d) for panel in rows for d in columns]
        return caption.alternative(
            f"{self.results.measure.name.capitalize()} against the iteration, {self.results.statistic}s at t = {last}", list(filter(None, series))
        )

    def _spoken(self, panel, d):
        """A panel in words: its smallest and its largest error at the end."""
        cells = self.grid.cells(panel, d=d)
        drawn = cells[np.isfinite(self.center[cells, -1])]
        if not len(drawn):
            return ""
        ordered = drawn[np.argsort(self.center[drawn, -1], kind="stable")]
        ends = [
            f"{self.center[cell, -1]:.3g} ({grids.label(self.grid.x, self.grid.values[self.grid.x][cell])})"
            for cell in (ordered[[0, -1]] if len(ordered) > 1 else ordered)
        ]
        return f"{grids.title(self.grid, panel, d)} {' to '.join(ends)}"

    def _handles(self):
        if len(self.styles) < 2:
            return []
        return [
            Line2D([], [], **look, label=grids.label(self.grid.x, value))
            for value, look in self.styles.items()
        ]

    def _looks(self, count):
        """Colours from light to dark, and sparse markers at different places of each line."""
        points = len(self.results.iteration)
        every = max(1, points // MARKS)
        return [
            {
                "color": colour,
                "markersize": 3.5,
                "marker": style.MARKERS[i % len(style.MARKERS)],
                "markevery": (i * every // count, every),
            }
            for i, colour in enumerate(style.ordered_colours(count))
        ]

    def _panel(self, axes, panel, d):
        cells = self.grid.cells(panel, d=d)
        if not len(cells):
            return
        axes.set_title(self._title(panel, d, cells))
        _set_iteration_axis(axes, self.results.iteration)
        style.set_log_y(axes, self.bounds)
        for cell in cells:
            value = None if self.grid.x == "d" else self.grid.values[self.grid.x][cell]
            self._line(axes, cell, self.styles[value])

    def _line(self, axes, cell, look):
        t, low = self.results.iteration, np.maximum(self.low[cell], style.floor(self.bounds))
        opacity = style.shadow_opacity(len(self.styles))
        axes.fill_between(t, low, self.high[cell], color=look["color"], alpha=opacity, linewidth=0)
        axes.plot(t, self.center[cell], linewidth=1.1, **look)

    def _title(self, panel, d, cells):
        """The panel's parameters, and how many runs are done where some are missing."""
        title = grids.title(self.grid, panel, d)
        done, requested = self.results.done[cells], self.results.requested[cells]
        if (done == requested).all():
            return title
        return f"{title} ({caption.span(done)} of {caption.span(requested)} runs)"


def _set_iteration_axis(axes, iteration):
    """Logarithmic from t = 1 on, with room for t = 0 to the left of it."""
    last = int(iteration[-1])
    axes.set_xscale("symlog", linthresh=1, linscale=0.35)
    axes.set_xlim(-0.12 if iteration[0] == 0 else 0.9, last * 1.12)
    decades = 10 ** np.arange(int(np.log10(last)) + 1)
    places = [int(p) for p in (0, *decades)]
    if last > 1.9 * places[-1] and last < 100:
        places.append(last)
    style.set_ticks(axes.xaxis, places)
    axes.xaxis.set_minor_locator(style.ticker.FixedLocator(np.outer(decades, range(2, 10)).ravel()))
