"""The captions: what a point is, over how many runs, and what is not in it."""

from results import DIVERGED, FAILED, PARTIAL, PENDING, TRAPPED_FACTOR


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
        "pending": results.count(PENDING, PARTIAL).sum(),
    }
    named = [f"{count} {status}" for status, count in counts.items() if count]
    total = int(sum(counts.values()))
    if not total:
        return ""
    return f"Left out of {results.status.size} runs: {', '.join(named)}."
