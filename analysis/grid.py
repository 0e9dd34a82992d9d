"""Decides what the axes of a grid become in a figure: x, lines or panels."""

from dataclasses import dataclass

import numpy as np

from results import PARAMETERS

X_CANDIDATES = ("n", "m", "d", "k", "k0")
PANEL_CANDIDATES = ("activation", "k", "k0", "m", "row_norm")
TIE_TARGETS = {"n": ("d",), "k": ("d",), "k0": ("k", "d"), "m": ("n", "d", "k")}


@dataclass
class Grid:
    """Roles of the parameters; d is a line in one figure and a column in the other, if not x, or a panel where row norms
    are lines."""

    x: str
    line: str  # "d" or "row_norm": what tells the lines of a panel apart
    panel_names: tuple  # what tells panels apart
    panels: list  # values of panel_names: the rest ascending, then activations as in the sweep
    ties: dict  # varying parameter -> the one that it equals in every cell
    values: dict  # parameter -> values [C]; infinity as inf

    def cells(self, panel, **fixed):
        """Cells of a panel at fixed parameter values, in ascending x."""
        wanted = dict(zip(self.panel_names, panel), **fixed)
        chosen = np.ones(len(self.values["d"]), dtype=bool)
        for name, value in wanted.items():
            chosen &= self.values[name] == value
        found = np.flatnonzero(chosen)
        return found[np.argsort(self.values[self.x][found], kind="stable")]

    def of_one_row_norm(self):
        """[C]: the cells of known norms; of another one, if there are none."""
        names = set(self.values["row_norm"])
        return self.values["row_norm"] == ("known" if "known" in names else max(names))

    def distinct(self, name):
        """Ascending distinct values of a parameter."""
        return np.unique(self.values[name])

    def panel_title(self, panel):
        return ", ".join(map(label, self.panel_names, panel))

    def settings(self):
        """What is the same in every panel and point, e.g. `k = 2, k0 = k, m = n`."""
        shown = {self.x, "d", self.line, *self.panel_names}
        parts = [label(name, self._setting(name)) for name in PARAMETERS if name not in shown]
        if "activation" not in self.panel_names:
            parts.insert(0, label("activation", self.values["activation"][0]))
        if self.x != "d" and len(self.distinct("d")) == 1:
            parts.insert(0, label("d", self.values["d"][0]))
        return ", ".join(parts)

    def _setting(self, name):
        return self.ties.get(name, self.values[name][0])


def describe(results, line="d"):
    """The Grid of a sweep's cells, with a line for each value of d or row_norm."""
    values = {name: _with_infinity(name, array) for name, array in results.parameters.items()}
    varying = {name for name, array in values.items() if len(set(array)) > 1}
    ties = _ties(values, varying)
    free = varying - ties.keys()
    x = next((name for name in X_CANDIDATES if name in free), "d")
    candidates = [name for name in (*PANEL_CANDIDATES, "d") if name not in (x, line)]
    panel_names = tuple(name for name in candidates if name in free)
    return Grid(x, line, panel_names, _panels(values, panel_names), ties, values)


def _panels(values, names):
    if not names:
        return [()]
    activations = list(dict.fromkeys(values["activation"]))
    keys = dict.fromkeys(zip(*(values[name] for name in names)))
    if names[0] != "activation":
        return sorted(keys)
    return sorted(keys, key=lambda key: (key[1:], activations.index(key[0])))


def _with_infinity(name, array):
    return np.where(array == 0, np.inf, array) if name in ("n", "m") else array


def _ties(values, varying):
    ties = {}
    for name, targets in TIE_TARGETS.items():
        equal = (other for other in targets if np.array_equal(values[name], values[other]))
        target = next(equal, None)
        if name in varying and target:
            ties[name] = target
    return ties


def title(grid, panel, d):
    """What is the same in the lines of a panel that has a single d."""
    return titled(grid, panel, "d", d)


def titled(grid, panel, name, value):
    """A panel's title, and the value of one more parameter."""
    return ", ".join(filter(None, (grid.panel_title(panel), label(name, value))))


def symbol(name):
    """The paper's symbol of a parameter, as mathtext."""
    return "$k_0$" if name == "k0" else f"${name}$"


def number(value):
    """A parameter value as text: `500`, or an infinity sign."""
    return "∞" if np.isinf(value) else f"{int(value)}"


def label(name, value):
    """`d = 3`, `m = n`, `known norms`, or the activation's name, as mathtext."""
    if name == "row_norm":
        return f"{value} norms"
    if name == "activation":
        return "ReLU" if value == "leaky_relu(0)" else value.replace("leaky_relu", "leaky ReLU")
    return f"{symbol(name)} = {symbol(value) if isinstance(value, str) else number(value)}"
