"""The captions: what a point is, over how many runs, and what is not in it; and the same without eyes."""

import re

from results import DIVERGED, FAILED, TRAPPED_FACTOR

MOST_SPOKEN = 12
"""Series that the words for a figure name one by one."""


def describe(results, grid, cut):
    """Common part of both captions. `cut`: some shadow goes below the logarithmic axis."""
    iterations = plural(int(results.iteration[-1]), "iteration")
    parts = [f"{results.name}: {grid.settings()}, {iterations}."]
    parts.append(f"{_statistic(results)}{_runs(results)}.")
    parts.append(_left_out(results))
    if cut:
        parts.append("Shadows are cut at the bottom edge: mean − std is below it, or negative.")
    return " ".join(filter(None, parts))


def trapped(results, beginning, end=""):
    """The sentence on trapped runs, with the figure's own words around; empty if there are none."""
    count = int(results.trapped.sum())
    if not count:
        return ""
    return (
        f"{beginning} {plural(count, 'trapped run')} (final relative error over {TRAPPED_FACTOR} "
        f"times the median of the cell){end}."
    )


def alternative(what, series):
    """What a figure shows, in plain words, with the main numbers of its series."""
    rest = len(series) - MOST_SPOKEN
    more = [f"and {rest} more"] if rest > 0 else []
    return plain(f"{what}: {'; '.join([*series[:MOST_SPOKEN], *more])}.")


def plain(text):
    """The text with its mathtext in plain letters: `$k_0$` becomes `k0`."""
    return re.sub(r"\$([^$]*)\$", lambda math: math[1].replace("_", ""), text)


def plural(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _statistic(results):
    return "Mean ±1 std over " if results.done.max() > 1 else ""


def _runs(results):
    done = results.done[results.done > 0]
    low, high = int(done.min()), int(done.max())
    if low == high:
        text = f"{plural(low, 'run')} a point"
    else:
        text = f"{low} to {high} runs a point"
    return text if low == results.requested else f"{text}, of {results.requested} requested"


def _left_out(results):
    counts = {
        "diverged": results.count(DIVERGED).sum(),
        "failed": results.count(FAILED).sum(),
        "pending": results.pending.sum(),
    }
    named = [f"{count} {status}" for status, count in counts.items() if count]
    total = int(sum(counts.values()))
    if not total:
        return ""
    return f"Left out of {results.status.size} runs: {', '.join(named)}."
