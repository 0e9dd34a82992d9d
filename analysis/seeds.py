"""How many seeds each cell wants: all, or as many as the rule of grid.seed.until_se adds.

The rule is that of include/saddlesweep/stopping.h, on what the result file holds.
"""

import math

import numpy as np


def wanted(settings, committed, quantities):
    """Seeds [C] that the cells want. `settings`: those of the file; `committed`: [C, S];
    `quantities`: the final values [C, S] whose means are wanted, NaN where a run has none."""
    cells, most = committed.shape
    target = until_se(settings)
    if not target:
        return np.full(cells, most)
    first = int(settings["grid.seed.count"])
    return np.array(
        [
            _of_cell(first, target, committed[cell], [values[cell] for values in quantities])
            for cell in range(cells)
        ]
    )


def until_se(settings):
    """The relative standard error that ends a cell; None where every cell has all seeds."""
    return float(settings["grid.seed.until_se"]) if "grid.seed.until_se" in settings else None


def standard_error(values):
    """Relative standard error of the mean of the finite values; NaN with fewer than two."""
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return math.nan
    error = finite.std(ddof=1) / math.sqrt(len(finite))
    return error / finite.mean() if error > 0 else 0.0


def _of_cell(first, target, committed, quantities):
    seeds, most = first, len(committed)
    while seeds < most and committed[:seeds].all():
        errors = [standard_error(values[:seeds]) for values in quantities]
        if max(errors) <= target or not np.isfinite(quantities[0][:seeds]).any():
            break
        seeds = min(_next(seeds, max(errors) / target), most)
    return seeds


def _next(seeds, ratio):
    estimate = seeds * ratio**2
    return 2 * seeds if not estimate < 2 * seeds else max(math.ceil(estimate), seeds + 1)
