"""The figure of the final relative error against the ε of each run's certificate: a point per run."""

import numpy as np
from matplotlib.lines import Line2D

import caption
import grid as grids
import style

MOST_ROWS = 6  # panels of a page
POINT = {"linestyle": "none", "markersize": 3, "markeredgewidth": 0, "alpha": 0.75}
TRAPPED = {
    "marker": "o", "markersize": 7, "markerfacecolor": "none", "markeredgewidth": 0.7,
    "color": "black", "linestyle": "none",
}  # fmt: skip


def pages(results, grid):
    """Yields the figure, as one or more style.Pages; nothing if no run has a place on its axes."""
    drawing = _Drawing(results, grid)
    for rows in style.chunks(drawing.rows, MOST_ROWS):
        yield drawing.page(rows)


class _Drawing:
    """What all panels share: a row for each k and row norm, a column for each activation, colours and markers."""

    def __init__(self, results, grid):
        self.results = results
        self.grid = grid
        self.certified = np.isfinite(results.epsilon) & np.isfinite(results.final)
        self.drawn = self.certified & (results.epsilon > 0) & (results.final > 0)
        cells = self.drawn.any(axis=1)
        names = grid.values["activation"]
        self.activations = list(dict.fromkeys(names[cells]))
        self.row_names = [name for name in ("k", "row_norm") if name in grid.panel_names]
        self.rows = sorted({tuple(grid.values[name][cell] for name in self.row_names) for cell in np.flatnonzero(cells)})
        shades = grid.distinct(grid.x)
        self.colours = dict(zip(shades, style.ordered_colours(len(shades))))
        d = grid.distinct("d") if grid.x != "d" else [None]
        self.markers = {value: style.MARKERS[i % len(style.MARKERS)] for i, value in enumerate(d)}
        self.x_bounds = style.limits(results.epsilon[self.drawn])
        self.y_bounds = style.limits(results.final[self.drawn])
        chosen = self.drawn & grid.of_one_row_norm()[:, None]
        self.ratio = np.median(results.final[chosen] / results.epsilon[chosen]) if chosen.any() else None

    def page(self, rows):
        handles = self._handles()
        page = style.Page(len(rows), len(self.activations), self._caption(), len(handles), self._alt())
        for axes_row, row in zip(page.axes, rows):
            for axes, activation in zip(axes_row, self.activations):
                self._panel(axes, activation, dict(zip(self.row_names, row)))
        measure = self.results.measure
        page.label("$\\epsilon$ of the certificate", f"final {measure.name}\n{measure.symbol}")
        page.legend(handles)
        return page

    def _panel(self, axes, activation, row):
        axes.set_title(", ".join(grids.label(name, value) for name, value in {"activation": activation, **row}.items()))
        axes.set_xscale("log")
        axes.set_xlim(self.x_bounds)
        style.set_ticks(axes.xaxis, style.log_ticks(*self.x_bounds))
        style.set_log_y(axes, self.y_bounds)
        chosen = self.grid.values["activation"] == activation
        for name, value in row.items():
            chosen &= self.grid.values[name] == value
        for cell in np.flatnonzero(chosen):
            self._points(axes, cell)
        self._reference(axes)

    def _points(self, axes, cell):
        marker = self.markers.get(self.grid.values["d"][cell], self.markers.get(None))
        colour = self.colours[self.grid.values[self.grid.x][cell]]
        epsilon, final, drawn = self.results.epsilon[cell], self.results.final[cell], self.drawn[cell]
        axes.plot(epsilon[drawn], final[drawn], marker=marker, color=colour, **POINT)
        trapped = drawn & self.results.trapped[cell]
        axes.plot(epsilon[trapped], final[trapped], **TRAPPED)

    def _reference(self, axes):
        """A line of slope 1: an error in proportion to ε."""
        if self.ratio:
            ends = np.array(self.x_bounds)
            axes.plot(ends, self.ratio * ends, color="0.45", linewidth=0.7, zorder=1.5)

    def _handles(self):
        handles = [
            Line2D([], [], color=colour, marker="s", linestyle="none", label=grids.label(self.grid.x, value))
            for value, colour in self.colours.items()
            if len(self.colours) > 1
        ]
        handles += [
            Line2D([], [], color="0.4", marker=marker, linestyle="none", label=grids.label("d", d))
            for d, marker in self.markers.items()
            if d is not None and len(self.markers) > 1
        ]
        if self.results.trapped.any():
            handles.append(Line2D([], [], **TRAPPED, label="trapped run"))
        return handles

    def _alt(self):
        ranges = [
            f"{name} from {values.min():.3g} to {values.max():.3g}"
            for name, values in (
                ("ε", self.results.epsilon[self.drawn]),
                ("error", self.results.final[self.drawn]),
            )
        ]
        trapped = int((self.results.trapped & self.drawn).sum())
        runs = caption.plural(int(self.drawn.sum()), "run")
        return caption.alternative(
            "Final relative error against the ε of the certificate", [runs, *ranges, f"{trapped} trapped"]
        )

    def _of_norms(self):
        if not self.results.compares_row_norms:
            return ""
        return f" of {grids.label('row_norm', self.grid.values['row_norm'][self.grid.of_one_row_norm()][0])}"

    def _caption(self):
        count = int(self.drawn.sum())
        zero = int(self.certified.sum()) - count
        iterations = caption.plural(int(self.results.iteration[-1]), "iteration")
        return (
            f"{self.results.name}: {self.grid.settings()}, {iterations}. A point is the end of a run, "
            f"{count} in all. ε = max(‖SA‖ / ‖A‖, −λmin(S)) with S = ∇g(Z) − diag(λ), g the empirical risk."
            + (f" The line has slope 1, through the median of error / ε{self._of_norms()}." if self.ratio else "")
            + (f" Not drawn: {caption.plural(zero, 'run')} with ε or error 0." if zero else "")
        )
