"""The report's page: head, table of contents, sections."""

import hashlib
import os
from pathlib import Path

import numpy as np

import caption
import certificates
import final_error
import fit_section
import fit as fits
import grid as grids
import histogram
import iterations
import lemmas
import markup
import palette
import paths
import style
import table
import trapped
from gallery import Gallery
from results import OUTCOMES

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
EXECUTION_COLUMNS = {
    "number": "run", "started": "started", "seconds": "seconds", "runs": "runs", "exit_status": "exit status",
    "ranks": "ranks", "hosts": "hosts", "restarts": "restarts", "job_id": "job", "cluster": "cluster",
    "nodes": "nodes", "cpu": "processor", "kernel": "kernel", "version": "version", "git_commit": "commit",
    "libraries": "libraries",
}  # fmt: skip


def build(results, fit):
    """The page as text, the same for the same file. `fit`: as fit.py returns it, or a FitError."""
    style.use()
    grid = grids.describe(results)
    gallery = Gallery()
    sections = {
        "Result": _result(results, grid, gallery),
        "Scaling law": _scaling_law(results, fit, gallery),
        "Distribution of final errors": _distribution(results, grid, gallery),
        "Cells": _cells(results),
        "Executions": _executions(results),
        "Provenance": _provenance(results),
        "Sweep file": _sweep_file(results),
    }
    keys = {heading: heading.lower().replace(" ", "-") for heading in sections}
    main = "".join(markup.section(keys[heading], heading, text) for heading, text in sections.items())
    entries = "".join(f'<li><a href="#{key}">{heading}</a></li>\n' for heading, key in keys.items())
    body = (
        f"<header>\n{_head(results, grid)}</header>\n"
        f'<nav aria-label="Contents">\n<ol>\n{entries}</ol>\n</nav>\n<main>\n{main}</main>\n'
    )
    return _page(f"{results.name}: report", body)


def _page(title, body):
    rules = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{markup.text(title)}</title>\n'
        f"<style>\n{rules}{palette.css(body)}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _head(results, grid):
    counts = {name: int(results.count(status).sum()) for name, status in OUTCOMES.items()}
    counts |= {"pending": int(results.pending.sum()), "trapped": int(results.trapped.sum())}
    items = "".join(f"<dt>{name}</dt><dd>{count}</dd>" for name, count in counts.items())
    return (
        f'<p class="kind">saddlesweep report</p>\n<h1>{markup.text(results.name)}</h1>\n'
        + _warnings(results)
        + markup.paragraph(_summary(results, grid, counts))
        + f'<dl class="counts">{items}</dl>\n'
        + markup.paragraph(_identity(results), "soft")
    )


def _warnings(results):
    found = []
    pending = int(results.pending.sum())
    if pending:
        found.append(
            f"The sweep is not finished: {pending} of its {results.requested.sum()} runs are pending. "
            "All numbers below are over the others."
        )
    if not results.reduced:
        found.append(
            "The bands of the file do not agree with its committed runs (not reduced since?): the "
            "statistics here are computed from /error. saddlesweep reduce brings the bands up to date."
        )
    return "".join(markup.paragraph(sentence, "warning") for sentence in found)


def _summary(results, grid, counts):
    cells = caption.plural(results.cells, "cell")
    seeds = f"{caption.span(results.requested)} seed{'s' * int(results.requested.max() > 1)}"
    runs = caption.plural(int(results.requested.sum()), "run")
    finished = "Not all are committed." if counts["pending"] else "All are committed."
    sentences = [
        f"{cells} with {seeds} each: {runs}, of {results.iteration[-1]} iterations. {finished}",
        f"{counts['done']} done, {counts['diverged']} diverged, {counts['failed']} failed, "
        f"{counts['pending']} pending; {counts['trapped']} of the done runs trapped "
        f"(final relative error {results.trapped_rule}; they stay in "
        "all statistics).",
        _range(results),
        _axes(grid),
    ]
    shard = results.attributes.get("shard", "1/1")
    if shard != "1/1":
        sentences.insert(0, f"Shard {shard} of the sweep.")
    return " ".join(map(markup.math, sentences))


def _range(results):
    """The smallest and the largest mean of a cell."""
    mean = results.bands["relative_error", "mean"][:, -1]
    drawn = np.flatnonzero(np.isfinite(mean))
    if len(drawn) < 2:
        return f"The mean final {results.measure.name} is {mean[drawn[0]]:.3g}." if len(drawn) else ""
    ends = drawn[[mean[drawn].argmin(), mean[drawn].argmax()]]
    low, high = (f"{mean[cell]:.3g} (cell {results.cell[cell]})" for cell in ends)
    return f"Means of the final {results.measure.name} are from {low} to {high}."


def _axes(grid):
    """Which parameters vary, and over what."""
    parts = []
    for name in ("d", "k", "k0", "n", "m", "activation", "row_norm"):
        values = list(dict.fromkeys(grid.values[name]))
        if len(values) < 2:
            continue
        if name in grid.ties:
            parts.append(grids.label(name, grid.ties[name]))
        elif name in ("activation", "row_norm"):
            parts.append(", ".join(grids.label(name, value) for value in values))
        else:
            parts.append(f"{grids.symbol(name)} = {_listed(sorted(values))}")
    return f"Varied: {'; '.join(parts)}." if parts else ""


def _listed(values, most=8):
    texts = [grids.number(value) for value in values]
    if len(texts) > most:
        return f"{texts[0]} to {texts[-1]} ({len(texts)} values)"
    return ", ".join(texts)


def _readable(name):
    """The name of a file, of which not all bytes need be text."""
    return os.fsencode(name).decode("utf-8", "replace")


def _identity(results):
    path = Path(results.path)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows = [
        f"{markup.text(_readable(path.name))}, {path.stat().st_size} bytes, SHA-256 <code>{digest}</code>.",
        f"Created {markup.text(results.attributes.get('created', 'at an unknown time'))}",
    ]
    if results.executions:
        rows[-1] += f", last run begun {markup.text(results.executions[-1]['started'])}"
    return f"{rows[0]} {rows[1]}."


def _result(results, grid, gallery):
    if not results.done.any():
        return markup.paragraph("No run is done, so there is nothing to draw.")
    figures = (
        ("Error at the end", final_error.pages, ""),
        ("Row norms", final_error.pages_by_row_norm, "-norms"),
        ("Error on the way", iterations.pages, "-iterations"),
        ("Error and certificate", certificates.pages, "-certificates"),
        ("Trapped starts", trapped.pages, "-trapped"),
        ("Errors of Lemmas 3 to 5", lemmas.pages, "-lemmas"),
        ("Paths of A", paths.pages, "-paths"),
    )
    shown = {
        heading: gallery.show(pages(results, grid), f"{results.stem}{suffix}")
        for heading, pages, suffix in figures
    }
    return "".join(f"<h3>{heading}</h3>\n{figure}" for heading, figure in shown.items() if figure)


def _scaling_law(results, fit, gallery):
    if isinstance(fit, fits.FitError):
        return fit_section.missing(fit)
    return fit_section.content(results, fit, gallery)


def _distribution(results, grid, gallery):
    figures = gallery.show(histogram.pages(results, grid))
    return figures or markup.paragraph("No run is done with an error above 0: there is nothing to draw.")


def _cells(results):
    rows = table.rows(results)[: table.MOST_ROWS]
    marks = [table.marks(row) for row in rows]
    columns = table.columns_of(results)
    columns.insert(columns.index("mean"), "remarks")  # where it is seen
    headings = [table.HEADINGS.get(name, name) for name in columns]
    remarks = ({"remarks": ", ".join(found)} for found in marks)
    values = [[(row | remark)[name] for name in columns] for row, remark in zip(rows, remarks)]
    marked = {i for i, found in enumerate(marks) if found}
    title = f"Final errors at iteration {results.iteration[-1]}, a row a cell"
    return (
        markup.paragraph(markup.text(table.legend(results)))
        + markup.table(title, headings, values, marked, "tall")
        + _cells_left_out(results)
    )


def _cells_left_out(results):
    count = results.cells - table.MOST_ROWS
    if count <= 0:
        return ""
    return markup.paragraph(
        f"{caption.plural(count, 'more cell')} left out here: analysis/figures.py writes all to "
        f"{markup.text(_readable(results.stem))}.csv."
    )


def _executions(results):
    if results.executions is None:
        return markup.paragraph("Not recorded: files of format_version 2 have none.")
    if not results.executions:
        return markup.paragraph("None recorded.")
    title = "Each run of saddlesweep that wrote the file"
    rows = [[_execution(name, row[name]) for name in EXECUTION_COLUMNS] for row in results.executions]
    return markup.table(title, list(EXECUTION_COLUMNS.values()), rows)


def _execution(name, value):
    if name == "exit_status" and value < 0:
        return "running or killed"
    return None if value in ("", -1) else value


def _provenance(results):
    rows = [
        [name, "below, verbatim" if name == "spec" else value]
        for name, value in results.attributes.items()
    ]
    return markup.table("Attributes of the file", ("attribute", "value"), rows)


def _sweep_file(results):
    spec, overrides = (results.attributes.get(name, "") for name in ("spec", "overrides"))
    return (
        markup.listing("Sweep file, verbatim", spec)
        + "<h3>Overrides</h3>\n"
        + (markup.listing("Options --set", overrides) if overrides else markup.paragraph("No --set."))
    )
