"""The section of the report on the scaling law: figures, verdicts, and tables of the fits."""

import fit as fits
import fit_figures
import markup
import table

COEFFICIENTS = ("a", "b", "alpha", "beta", "c", "log_C")  # as in HEADINGS
HEADINGS = (
    "fit to", "error", "statistic", "trapped runs", "cells", "runs", "R²", "a", "b", "α", "β", "c", "log C",
    "resamples without a fit",
)  # fmt: skip
CURVATURES = {
    "log_d_squared": "(log d)²",
    "log_n_squared": "(log n)²",
    "log_d_log_n": "log d · log n",
}
CELL_COLUMNS = ("cell", "d", "k", "k0", "n", "m", "requested", "committed", "done", "diverged", "trapped")


def missing(error):
    """What there is to say without a fit."""
    return markup.paragraph("There is no fit of this file:") + markup.listing(
        "Why there is no fit", str(error)
    )


def content(results, fit, gallery):
    """The whole section."""
    errors = gallery.show(fit_figures.error_pages(results, fit))
    crossings = gallery.show(fit_figures.crossing_pages(results, fit))
    most = max(1, table.MOST_ROWS // max(1, len(fit["families"])))
    families = "".join(_family(family, most) for family in fit["families"])
    return _introduction(fit) + errors + crossings + families


def _introduction(fit):
    n, intervals = fit["against"], fit["intervals"]
    law = (
        f"The law is ${fit_figures.LAW.format(n=n)}$ for the final error $\\epsilon$ of a cell, with natural "
        f"logarithms. So an error of $\\epsilon$ takes ${n}(d, \\epsilon) = C d^{{a}} \\epsilon^{{-b}}$, where "
        "$a = \\alpha / \\beta$ and $b = 1 / \\beta$."
    )
    how = (
        f"Intervals: {100 * intervals['level']:g} %, from {markup.text(intervals['resamples'])} resamples "
        f"of the seeds. Made by saddlesweep {markup.text(fit['program']['version'])} of the file with XXH3 "
        f"(128 bits) {markup.text(fit['file']['xxh128'])}."
    )
    partial = "Runs are missing: the fit is over those that are committed." if fit["partial"] else ""
    warning = markup.paragraph(partial, "warning") if partial else ""
    return warning + markup.paragraph(markup.math(law)) + markup.paragraph(how, "soft")


def _family(family, most):
    """A family's verdict and tables, with at most so many of its cells."""
    heading = f"<h3>{markup.text(family['label'])}</h3>\n"
    verdict = "".join(f"<li>{markup.text(sentence)}</li>" for sentence in family["verdict"])
    verdict = f"<ul>{verdict}</ul>\n" if verdict else ""
    if family["reason"]:
        return heading + markup.paragraph(f"No fit: {markup.text(family['reason'])}") + verdict
    return heading + verdict + _fits(family) + _curvature(family) + _cells(family, most)


def _fits(family):
    bound = family["bound"]
    rows = [["the bound", *[None] * 6, f"{bound['a']}", f"{bound['b']}", *[None] * 5]]
    rows += [_fit(one) for one in family["fits"]]
    return markup.table(f"{family['label']}: fits, with intervals", HEADINGS, rows)


def _fit(one):
    chosen = (one[name] for name in ("method", "error", "statistic", "trapped", "cells", "runs", "r_squared"))
    coefficients = (_interval(one[name]) for name in COEFFICIENTS)
    return [*chosen, *coefficients, one["resamples_without_fit"]]


def _curvature(family):
    rows = [
        [name, _interval((family["curvature"] or {}).get(key))] for key, name in CURVATURES.items()
    ]
    caption = f"{family['label']}: curvature of log ε"
    return markup.table(caption, ("term", "coefficient"), rows)


def _cells(family, most):
    rows = [_cell(cell) for cell in family["cells"][:most]]
    marked = {i for i, cell in enumerate(family["cells"]) if cell["marks"]}
    caption = f"{family['label']}: cells, with the residual log(mean / fitted) of absolute errors"
    left_out = len(family["cells"]) - len(rows)
    if left_out:
        caption += f"; {left_out} more are in what saddlesweep fit --json writes"
    headings = (*CELL_COLUMNS, "mean", "std.err", "median", "fitted", "residual", "remarks")
    return markup.table(caption, headings, rows, marked, "tall")


def _cell(cell):
    numbers = [cell["absolute"][name] for name in ("mean", "standard_error", "median")]
    parameters = ["inf" if name in ("n", "m") and cell[name] == 0 else cell[name] for name in CELL_COLUMNS]
    return [*parameters, *numbers, cell["fitted"], cell["residual"], ", ".join(cell["marks"])]


def _interval(interval):
    return fits.words(interval) if interval else None
