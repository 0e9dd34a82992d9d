"""What the tests of the report share: writing one, and its page as a browser's parser sees it."""

from html.parser import HTMLParser

from python_scripts import run_script

VOID = {"meta", "link", "br", "hr", "img", "input"}


def report(*arguments, **settings):
    """Runs analysis/report.py; the completed process."""
    return run_script("report.py", *arguments, **settings)


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children, self.pieces = [], []

    def __iter__(self):
        """This element and all inside, in their order."""
        yield self
        for child in self.children:
            yield from child

    def all(self, *tags):
        return [element for element in self if element.tag in tags]

    @property
    def text(self):
        return "".join(piece if isinstance(piece, str) else piece.text for piece in self.pieces)

    def section(self, key):
        return next(element for element in self if element.attributes.get("id") == key)

    def table(self, caption):
        """Rows of the table whose caption begins so, as dictionaries by heading."""
        table = next(t for t in self.all("table") if t.all("caption")[0].text.startswith(caption))
        head, *rows = ([cell.text for cell in row.all("th", "td")] for row in table.all("tr"))
        return [dict(zip(head, row)) for row in rows]


class Page(HTMLParser):
    """The tree of a page: `root`."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.root = self.open = Element("", {}, None)
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes), self.open)
        self.open.children.append(element)
        self.open.pieces.append(element)
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open = self.open if tag in VOID else self.open.parent

    def handle_endtag(self, tag):
        assert self.open.tag == tag, f"</{tag}> ends <{self.open.tag}>"
        self.open = self.open.parent

    def handle_data(self, data):
        self.open.pieces.append(data)


def fit_of(name, runs, label="tanh, k = 2, k0 = k, m = n"):
    """What `saddlesweep fit --json` might say of a sweep with these counts of runs."""

    def interval(value, low=None):
        return {"value": value, "low": low, "high": value + 0.25}

    coefficients = {
        "c": interval(0.5), "alpha": interval(1.25, 1.0), "beta": interval(0.5, 0.375),
        "a": interval(2.5, 2.0), "b": interval(2.0), "log_C": None,
    }  # fmt: skip
    fit = {
        "method": "cells", "error": "absolute", "statistic": "mean", "trapped": "with", "cells": 4, "runs": 16,
        **coefficients, "r_squared": 0.987, "resamples_without_fit": 0,
    }  # fmt: skip
    crossings = [{"d": d, "level": level, "n": d / level} for d in (3, 5) for level in (0.1, 0.2)]
    crossing = {
        **fit, "method": "crossings", "levels": [0.1, 0.2], "crossings": crossings, "not_reached": 0,
        "below_smallest_n": 0, "log_C": interval(0.1),
    }  # fmt: skip
    cells = [
        {
            "cell": i, "d": d, "k": 2, "k0": 2, "n": n, "m": n, "requested": 4, "committed": 4, "done": 4,
            "diverged": 0, "failed": 0, "pending": 0, "trapped": 0,
            "absolute": {"mean": d / n, "standard_error": None, "median": d / n}, "relative": None,
            "fitted": d / n, "residual": 0.0, "marks": ["fewer than 5 runs"],
        }
        for i, (d, n) in enumerate([(3, 100), (3, 300), (5, 100), (5, 300)])
    ]  # fmt: skip
    family = {
        "label": label, "activation": "tanh", "k": "k = 2", "k0": "k0 = k", "other": "m = n",
        "bound": {"a": 5, "b": 2}, "d": [3, 5], "n": [100, 300], "reason": None, "fits": [fit, crossing],
        "curvature": {"log_d_squared": None, "log_n_squared": None, "log_d_log_n": interval(0.0)},
        "cells": cells, "verdict": ["a <is> less than 5 & b may be 2."],
    }  # fmt: skip
    unfit = {**family, "label": "erf", "reason": "only one d", "fits": [], "curvature": {}, "cells": [], "verdict": []}
    return {
        "format": "saddlesweep fit", "format_version": 1, "program": {"version": "0.1.0", "git_commit": "x"},
        "file": {"path": "x.h5", "bytes": 1, "xxh128": "0"}, "sweep": name, "runs": runs, "partial": False,
        "intervals": {"level": 0.95, "resamples": 200, "root_seed": "1"}, "against": "n",
        "families": [family, unfit],
    }  # fmt: skip
