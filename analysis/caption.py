"""The captions: what a point is, over how many runs, and what is not in it; and the same without eyes."""

import re

from results import DIVERGED, FAILED

MOST_SPOKEN = 12
"""Series that the words for a figure name one by one."""


def describe(results, grid, cut):
    """Common part of both captions. `cut`: some shadow goes below the logarithmic axis."""
    iterations = plural(int(results.iteration[-1]), "iteration")
    method = f", {results.measure.method}" if results.measure.method else ""
    parts = [f"{results.name}: {grid.settings()}, {iterations}{method}."]
    parts.append(f"{_statistic(results)}{_runs(results)}.")
    parts.append(_added(results))
    parts.append(_left_out(results))
    if cut:
        edge = "the lower quartile is below it" if results.statistic == "median" else "mean − std is below it, or negative"
        parts.append(f"Shadows are cut at the bottom edge: {edge}.")
    return " ".join(filter(None, parts))


def trapped(results, beginning, end=""):
    """The sentence on trapped runs, with the figure's own words around; empty if there are none."""
    count = int(results.trapped.sum())
    if not count:
        return ""
    return (
        f"{beginning} {plural(count, 'trapped run')} (final relative error "
        f"{results.trapped_rule}){end}."
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


def statistic(results):
    """What a point and its shadow are."""
    return "median and quartiles" if results.statistic == "median" else "mean and std"


def _statistic(results):
    if results.done.max() <= 1:
        return ""
    return "Median and quartiles over " if results.statistic == "median" else "Mean ±1 std over "


def _runs(results):
    some = results.done > 0
    done, requested = results.done[some], results.requested[some]
    noun = "run" if done.max() == 1 else "runs"
    text = f"{span(done)} {noun} a point"
    return text if (done == requested).all() else f"{text}, of {span(requested)} requested"


def span(counts):
    """`20`, or `16 to 20`."""
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"


def _added(results):
    """Why cells differ in their seeds."""
    if results.until_se is None:
        return ""
    above = int(results.uncertain.sum())
    percent = f"{100 * results.until_se:g} %"
    text = f"Seeds were added until the standard error is within {percent} of the mean"
    return f"{text}; in {plural(above, 'cell')} it is not." if above else f"{text}."


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
    return f"Left out of {results.requested.sum()} runs: {', '.join(named)}."
