"""The figure of the exact runs (n = m = ∞, known norms) that end in a spurious point: their share against d, a line per k."""

import numpy as np
from matplotlib.lines import Line2D

import caption
import grid as grids
import style

MOST_COLUMNS = 4  # panels of a page
NORMAL_975 = 1.959963984540054


def pages(results, grid):
    """Yields the figure, as one or more style.Pages; nothing unless some exact cells have k < d."""
    drawing = _Drawing(results, grid)
    if len(drawing.cells):
        for activations in style.chunks(drawing.activations, MOST_COLUMNS):
            yield drawing.page(activations)


class _Drawing:
    """What all panels share: a column for each activation, a look for each k (or rule for k0)."""

    def __init__(self, results, grid):
        self.results = results
        self.values = grid.values
        known = grid.values["row_norm"] == "known"  # which Theorem 3 is about
        self.cells = np.flatnonzero(results.exact & known & (results.done > 0) & (grid.values["k"] < grid.values["d"]))
        self.activations = list(dict.fromkeys(self.values["activation"][self.cells]))
        self.lines = sorted({self._line_of(cell) for cell in self.cells})
        self.looks = dict(zip(self.lines, style.category_styles(len(self.lines))))

    def _line_of(self, cell):
        return int(self.values["k"][cell]), int(self.values["k0"][cell])

    def page(self, activations):
        handles = [Line2D([], [], **look, label=_label(line)) for line, look in self.looks.items()]
        page = style.Page(1, len(activations), self._caption(), len(handles), self._alt(activations))
        for axes, activation in zip(page.axes[0], activations):
            self._panel(axes, activation)
        page.label("$d$", "share of trapped starts")
        page.legend(handles)
        return page

    def _panel(self, axes, activation):
        axes.set_title(grids.label("activation", activation))
        for line, look in self.looks.items():
            cells = self._cells_of(activation, line)
            share, low, high = self._shares(cells)
            place = self.values["d"][cells] * (1 + 0.012 * (self.lines.index(line) - (len(self.lines) - 1) / 2))
            axes.errorbar(place, share, [share - low, high - share], capsize=2, elinewidth=0.8, **look)
        dimensions = np.unique(self.values["d"][self.cells])
        if len(dimensions) > 1:
            axes.set_xscale("log")
        style.set_ticks(axes.xaxis, dimensions, [str(d) for d in dimensions])
        axes.xaxis.set_minor_locator(style.ticker.NullLocator())
        axes.set_ylim(-0.02 * self._most(), 1.05 * self._most())

    def _cells_of(self, activation, line):
        """Cells of a line in ascending d."""
        chosen = [
            cell
            for cell in self.cells
            if self.values["activation"][cell] == activation and self._line_of(cell) == line
        ]
        return np.array(sorted(chosen, key=lambda cell: self.values["d"][cell]), dtype=int)

    def _shares(self, cells):
        """The share of trapped runs, and Wilson's 95 % interval, which holds at shares of 0 as well."""
        n = self.results.done[cells]
        share = self.results.trapped[cells].sum(axis=1) / n
        z2 = NORMAL_975**2 / n
        middle = (share + z2 / 2) / (1 + z2)
        half = NORMAL_975 / (1 + z2) * np.sqrt(share * (1 - share) / n + z2 / (4 * n))
        return share, np.minimum(middle - half, share), np.maximum(middle + half, share)

    def _most(self):
        return self._shares(self.cells)[2].max()

    def _alt(self, activations):
        series = []
        for activation in activations:
            for line in self.lines:
                cells = self._cells_of(activation, line)
                counts = [f"{int(self.results.trapped[cell].sum())} (d = {int(self.values['d'][cell])})" for cell in cells]
                if counts:
                    series.append(f"{activation}, {_label(line)} {', '.join(counts)}")
        return caption.alternative("Trapped starts against d", series)

    def _caption(self):
        done = self.results.done[self.cells]
        iterations = caption.plural(int(self.results.iteration[-1]), "iteration")
        norms = ", known norms" if self.results.compares_row_norms else ""
        return (
            f"{self.results.name}: $n = m = ∞${norms}, {iterations}. The share of starts that end in a spurious point "
            f"(final relative error {self.results.trapped_rule}), over {caption.span(done)} runs a point; bars: "
            "Wilson's 95 % intervals. Theorem 3 promises that there are none for $k = d$, and nothing for $k < d$."
        )


def _label(line):
    k, k0 = line
    return grids.label("k", k) if k == k0 else f"{grids.label('k', k)}, {grids.label('k0', k0)}"
