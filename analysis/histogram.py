"""The figure of the distribution of final relative errors: a histogram for each panel and d."""

import numpy as np
from matplotlib.patches import Patch

import caption
import grid as grids
import style

MOST_ROWS, MOST_COLUMNS = 6, 4  # panels of a page
BINS = 40
USUAL = {"facecolor": style.LINE_COLOURS[0], "label": "other runs"}
TRAPPED = {"facecolor": style.LINE_COLOURS[1], "label": "trapped runs"}


def pages(results, grid):
    """Yields the figure, as one or more style.Pages; nothing if every error is zero."""
    bounds = style.limits(results.final)
    if bounds is None:
        return
    drawing = _Drawing(results, grid, bounds)
    for rows in style.chunks(grid.panels, MOST_ROWS):
        for columns in style.chunks(list(grid.distinct("d")), MOST_COLUMNS):
            yield drawing.page(rows, columns)


class _Drawing:
    """The final error of each run, and what all panels share."""

    def __init__(self, results, grid, bounds):
        self.results = results
        self.grid = grid
        self.bounds = bounds
        self.edges = np.geomspace(*bounds, BINS + 1)

    def page(self, rows, columns):
        """One page: a row for each panel of `rows`, a column for each d of `columns`."""
        handles = [Patch(**USUAL), Patch(**TRAPPED)] if self.results.trapped.any() else []
        spoken = [self._spoken(panel, d) for panel in rows for d in columns]
        alt = caption.alternative(f"Histograms of the final {self.results.measure.name}", list(filter(None, spoken)))
        page = style.Page(len(rows), len(columns), self._caption(), len(handles), alt)
        for axes_row, panel in zip(page.axes, rows):
            for axes, d in zip(axes_row, columns):
                self._panel(axes, panel, d)
        page.label(f"final {self.results.measure.name} {self.results.measure.symbol}", "runs")
        page.legend(handles)
        return page

    def _values(self, panel, d):
        """Final errors of the done runs of a panel; of those, which are trapped."""
        cells = self.grid.cells(panel, d=d)
        final, trapped = self.results.final[cells], self.results.trapped[cells]
        done = np.isfinite(final)
        return final[done], trapped[done]

    def _panel(self, axes, panel, d):
        final, trapped = self._values(panel, d)
        if not final.size:
            return
        axes.set_title(grids.title(self.grid, panel, d))
        axes.set_xscale("log")
        axes.set_xlim(self.bounds)
        style.set_ticks(axes.xaxis, style.log_ticks(*self.bounds))
        axes.yaxis.set_major_locator(style.ticker.MaxNLocator(5, integer=True))
        axes.grid(visible=False, axis="x")
        axes.hist(
            [final[~trapped], final[trapped]], self.edges, stacked=True,
            color=[USUAL["facecolor"], TRAPPED["facecolor"]],
        )  # fmt: skip

    def _spoken(self, panel, d):
        """A histogram in words: its runs, their range and median."""
        final, trapped = self._values(panel, d)
        if not final.size:
            return ""
        return (
            f"{grids.title(self.grid, panel, d)} {caption.plural(final.size, 'run')} from "
            f"{final.min():.3g} to {final.max():.3g}, median {np.median(final):.3g}, "
            f"{int(trapped.sum())} trapped"
        )

    def _caption(self):
        done = self.results.final[np.isfinite(self.results.final)]
        together = "" if self.grid.x == "d" else f" of all {grids.symbol(self.grid.x)}"
        zero = int((done == 0).sum())
        sentences = (
            f"{self.results.name}: final relative errors of {caption.plural(done.size, 'done run')}, "
            f"the cells{together} together.",
            caption.trapped(self.results, "Told apart:"),
            f"Not drawn: {caption.plural(zero, 'run')} with error 0." if zero else "",
        )
        return " ".join(filter(None, sentences))
