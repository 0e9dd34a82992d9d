"""The figure of the paths of A in the plane (d = 2, k = 1) over the contours of the population risk."""

import numpy as np
from matplotlib.lines import Line2D

import caption
import grid as grids
import risk
import style

MOST_ROWS, MOST_COLUMNS = 3, 4  # panels of a page
ARROW_EVERY = 500  # iterations
ARROW_ROOM = 0.055  # inches that A moves between two arrows of full size
ARROW_SCALE = 6.5  # of full size
ARROW_SEEN = 0.05  # of full size: a smaller one is within the line
NEAR = 0.1  # of ‖A*‖_F: an end that is so near to A* or -A* is there
CONTOURS = 2.0 ** np.arange(-9, 5.5, 0.5)
POINTS = 301  # of the contours' grid, on each side

PATH = {"linewidth": 1.0, "solid_capstyle": "round", "zorder": 3}
START = {"marker": "o", "markersize": 4, "markerfacecolor": "white", "markeredgewidth": 0.9, "linestyle": "none"}
RECOVERED = {"marker": "o", "markersize": 4, "color": style.LINE_COLOURS[0], "linestyle": "none"}
ELSEWHERE = {"marker": "X", "markersize": 6, "color": style.LINE_COLOURS[1], "markeredgewidth": 0, "linestyle": "none"}
TARGET = {
    "marker": "*", "markersize": 13, "color": "#E69F00", "markeredgecolor": "black", "markeredgewidth": 0.6,
    "linestyle": "none",
}  # fmt: skip
ARROW = {"arrowstyle": "-|>", "linewidth": 0, "shrinkA": 0, "shrinkB": 0}


def pages(results, grid):
    """Yields the figure, as one or more style.Pages; nothing if no run of Algorithm 1 with d = 2, k = 1 has
    iterates."""
    if results.marginal or results.paths is None or not np.isfinite(results.paths).any():
        return
    drawing = _Drawing(results, grid)
    columns = min(len(drawing.cells), MOST_COLUMNS)
    for cells in style.chunks(drawing.cells, MOST_ROWS * columns):
        yield drawing.page(cells, columns)


def arrows(path, t, room):
    """Places, directions and sizes of the arrows of a path, A at iterations t: one every 500 iterations, of full
    size (1) where A has moved by `room` since the one before; none where nobody could see it."""
    for time in range(ARROW_EVERY, int(t[-1]) + 1, ARROW_EVERY):
        ages = (time, time - ARROW_EVERY / 10, time - ARROW_EVERY)
        place, before, last = np.transpose([np.interp(ages, t, axis) for axis in path.T])
        distance = np.linalg.norm(place - before)
        size = np.sqrt(min(1, np.linalg.norm(place - last) / room))
        if size > ARROW_SEEN and distance > 0:
            yield place, (place - before) / distance, size


class _Drawing:
    """What all panels share, a panel a cell: the limits of the plane and the ends of the paths."""

    def __init__(self, results, grid):
        self.results = results
        self.grid = grid
        self.cells = np.flatnonzero(np.isfinite(results.paths).any(axis=(1, 2, 3)))
        self.truth = results.truth[:, 0] if results.truth is not None else None
        self.ends = np.array([[_end(path) for path in paths] for paths in results.paths])
        self.recovered = self._recovered()
        self.limits = self._limits()

    def _recovered(self):
        """[C, S]: whose last A is ±A*."""
        if self.truth is None:
            return np.zeros(self.results.status.shape, bool)
        distances = [np.linalg.norm(self.ends - sign * self.truth, axis=-1) for sign in (1, -1)]
        return np.minimum(*distances) < NEAR * np.linalg.norm(self.truth)

    def _limits(self):
        """Of both axes, around 0, such that a unit is as long on both."""
        size = np.array([style.PANEL_WIDTH, style.PANEL_HEIGHT])
        reached = np.nanmax(np.abs(self.results.paths), axis=(0, 1, 2))
        if self.truth is not None:
            reached = np.maximum(reached, np.abs(self.truth))
        return 1.08 * (reached / size).max() * size

    def page(self, cells, columns):
        rows = -(-len(cells) // columns)
        handles = self._handles()
        page = style.Page(rows, columns, self._caption(), len(handles), self._alt())
        for axes, cell in zip(page.axes.flat, cells):
            self._panel(axes, cell)
        page.label("$A_1$", "$A_2$")
        page.legend(handles)
        return page

    def _panel(self, axes, cell):
        axes.set_title(self._title(cell))
        axes.grid(False)
        axes.set_xlim(-self.limits[0], self.limits[0])
        axes.set_ylim(-self.limits[1], self.limits[1])
        self._contours(axes, cell)
        for path, recovered in zip(self.results.paths[cell], self.recovered[cell]):
            self._path(axes, path[np.isfinite(path).all(axis=-1)], recovered)
        if self.truth is not None:
            axes.plot(*np.outer(self.truth, [1, -1]), **TARGET, zorder=3.5)

    def _title(self, cell):
        names = ("activation", *(name for name in self.grid.panel_names if name != "activation"), self.grid.x)
        varying = [name for name in dict.fromkeys(names) if name != "d" and len(set(self.grid.values[name])) > 1]
        return ", ".join(grids.label(name, self.grid.values[name][cell]) for name in varying or names[:1])

    def _contours(self, axes, cell):
        name = self.grid.values["activation"][cell]
        if not self._has_risk(name):
            return
        x, y = (np.linspace(-limit, limit, POINTS) for limit in self.limits)
        g = risk.plane(name, self.truth, x, y)
        axes.contour(x, y, g, CONTOURS, colors="0.78", linewidths=0.5, zorder=1)

    def _has_risk(self, name):
        return self.truth is not None and risk.activation(name) is not None

    def _path(self, axes, path, recovered):
        if not len(path):
            return
        look = RECOVERED if recovered or self.truth is None else ELSEWHERE
        axes.plot(*path.T, color=look["color"], **PATH)
        axes.plot(*path[0], color=look["color"], **START, zorder=5)
        axes.plot(*path[-1], **look, zorder=6)
        room = ARROW_ROOM * 2 * self.limits[0] / style.PANEL_WIDTH
        for place, direction, size in arrows(path, self.results.iteration[: len(path)], room):
            arrow = {**ARROW, "mutation_scale": ARROW_SCALE * size, "color": look["color"]}
            axes.annotate("", place, place - 1e-3 * direction, arrowprops=arrow, zorder=4)

    def _handles(self):
        start = Line2D([], [], color="0.3", **START, label="start")
        arrow = Line2D([], [], color="0.3", marker=">", linewidth=1, label=f"every {ARROW_EVERY} iterations")
        if self.truth is None:
            return [start, Line2D([], [], **RECOVERED, label="end"), arrow]
        handles = [
            Line2D([], [], **TARGET, label="$\\pm A^{*}$"),
            start,
            arrow,
            Line2D([], [], **RECOVERED, label="end at $\\pm A^{*}$"),
        ]
        if not self.recovered[self._drawn()].all():
            handles.append(Line2D([], [], **ELSEWHERE, label="end elsewhere"))
        return handles

    def _drawn(self):
        """[C, S]: runs that have a path."""
        return np.isfinite(self.results.paths).all(axis=-1).any(axis=-1)

    def _series(self):
        """Each panel in words: how many of its paths end where."""
        for cell in self.cells:
            drawn = self._drawn()[cell]
            text = f"{self._title(cell)}: {caption.plural(int(drawn.sum()), 'path')}"
            if self.truth is None:
                yield text
                continue
            text += f", {int(self.recovered[cell].sum())} to ±A*"
            others = self.ends[cell][drawn & ~self.recovered[cell]]
            if len(others):
                places = dict.fromkeys(_point(end) for end in others)
                shown = ", ".join(list(places)[:6]) + (", …" if len(places) > 6 else "")
                text += f", {len(others)} elsewhere, at {shown}"
            yield text

    def _alt(self):
        return caption.alternative("Paths of A in the plane over contours of the population risk", list(self._series()))

    def _caption(self):
        iterations = caption.plural(int(self.results.iteration[-1]), "iteration")
        sentences = [
            f"{self.results.name}: {self._settings()}, {iterations}.",
            f"A run is a path of $A = (A_1, A_2)^{{\\top}}$, with an arrow every {ARROW_EVERY} iterations, "
            "the smaller the less it has moved.",
            self._starts(),
            self._risk(),
            "; ".join(self._series()) + ".",
            self._left_out(),
        ]
        return " ".join(filter(None, sentences))

    def _settings(self):
        """Those that all panels share; d is among the grid's own only where something else varies."""
        parts = [grids.label("d", 2)] if self.grid.x == "d" else []
        parts.append(self.grid.settings())
        if set(self.results.parameters["row_norm"]) == {"free"}:
            parts.append("rows of $A$ of free norms")
        return ", ".join(parts)

    def _starts(self):
        starts = self.results.paths[self.cells, :, 0]
        same = len(self.cells) > 1 and all(np.array_equal(start, starts[0], True) for start in starts)
        return "All panels have the same starts." if same else ""

    def _risk(self):
        if not any(self._has_risk(self.grid.values["activation"][cell]) for cell in self.cells):
            return ""
        return (
            "Contours: the population risk $g(A) = ½‖E \\varphi(Az)\\varphi(Az)^{\\top} - X^{*}‖_F^2$ "
            "from $2^{-9}$ to $2^{5}$, by factors of $\\sqrt{2}$."
        )

    def _left_out(self):
        shown = self.results.status[self.cells]
        missing = int((~self._drawn()[self.cells]).sum())
        early = int((np.isin(shown, (2, 3)) & self._drawn()[self.cells]).sum())
        have = "has" if missing == 1 else "have"
        parts = [f"{caption.plural(missing, 'run')} {have} no path (pending)"] if missing else []
        parts += [f"{caption.plural(early, 'path')} of runs that diverged or failed end where they did"] if early else []
        return "; ".join(parts) + "." if parts else ""


def _end(path):
    """The last A that is known; NaN if none is."""
    known = path[np.isfinite(path).all(axis=-1)]
    return known[-1] if len(known) else np.full(2, np.nan)


def _point(end):
    return "(" + ", ".join(f"{value:.2f}".replace("-", "−") for value in end) + ")"
