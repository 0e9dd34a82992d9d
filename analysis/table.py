"""The table of a sweep, one row a cell: NAME.csv for programs, NAME.txt for people."""

import csv
import math

import numpy as np

from results import DIVERGED, DONE, FAILED

COLUMNS = (
    "cell", "d", "k", "k0", "n", "m", "activation",
    "requested", "committed", "done", "diverged", "failed", "pending", "trapped",
    "mean", "std", "standard_error", "median", "q05", "q95", "absolute_mean", "absolute_std",
)  # fmt: skip

MOST_ROWS = 1000
"""Rows of a table on a page; the CSV file has all."""
FEWEST_RUNS = 5
"""Done runs of a cell, below which its statistics say little."""

HEADINGS = {"standard_error": "std.err", "absolute_mean": "abs.mean", "absolute_std": "abs.std"}


def columns_of(results):
    """COLUMNS, and the cells' row norms where they differ."""
    names = list(COLUMNS)
    if results.compares_row_norms:
        names.insert(names.index("activation") + 1, "row_norm")
    return names


def rows(results):
    """One dictionary a cell, keyed by its columns_of; NaN where a statistic does not exist."""
    columns = {
        "cell": results.cell,
        **results.parameters,
        "requested": results.requested,
        "committed": results.requested - results.pending,
        "done": results.count(DONE),
        "diverged": results.count(DIVERGED),
        "failed": results.count(FAILED),
        "pending": results.pending,
        "trapped": results.trapped.sum(axis=1),
        "absolute_mean": results.bands["error", "mean"][:, -1],
        "absolute_std": results.bands["error", "std"][:, -1],
    }
    for statistic in ("mean", "std", "median", "q05", "q95"):
        columns[statistic] = results.bands["relative_error", statistic][:, -1]
    columns["standard_error"] = columns["std"] / np.sqrt(np.maximum(columns["done"], 1))
    for name in ("n", "m"):
        columns[name] = ["inf" if value == 0 else value for value in columns[name]]
    names = columns_of(results)
    return [{name: columns[name][cell] for name in names} for cell in range(results.cells)]


def marks(row):
    """Why the numbers of a row need caution; empty if they do not."""
    found = []
    if row["done"] < FEWEST_RUNS:
        found.append(f"fewer than {FEWEST_RUNS} runs")
    if row["done"] < row["requested"]:
        found.append("runs missing")
    return found


def write_csv(results, path):
    """Full precision; a statistic that does not exist is an empty field."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = columns_of(results)
        writer.writerow(names)
        for row in rows(results):
            writer.writerow([_csv_field(row[name]) for name in names])


def write_text(results, path):
    """Aligned columns; `!` before a cell with fewer done runs than requested, or too few."""
    names = columns_of(results)
    lines = [[" ", *(HEADINGS.get(name, name) for name in names)]]
    for row, uncertain in zip(rows(results), results.uncertain):
        mark = "!" if row["done"] < row["requested"] or uncertain else " "
        lines.append([mark, *(_text_field(row[name]) for name in names)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    with open(path, "w", encoding="utf-8") as file:
        print(f"{results.name}: final errors at iteration {results.iteration[-1]}", file=file)
        print(f"{legend(results)} {_mark(results)}", file=file)
        for line in lines:
            print("  ".join(map(str.rjust, line, widths)).rstrip(), file=file)


def legend(results):
    return (
        f"Statistics are over the done runs. mean to q95: {results.measure.name} "
        f"{results.measure.definition}; abs.: without the division; std: divided by done-1; "
        "std.err: std/sqrt(done); pending: not run, or begun; "
        f"trapped: done, and {results.trapped_rule} (in all statistics)."
    )


def _mark(results):
    """What `!` stands for."""
    until_se = results.until_se
    return f"!: done < requested{f', or std.err over {until_se:g} mean' if until_se else ''}."


def _csv_field(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return value


def _text_field(value):
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4g}"
    return str(value)
