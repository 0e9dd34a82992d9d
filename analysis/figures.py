#!/usr/bin/python3
"""Draws the figures and writes the tables of a saddlesweep result file.

Writes, into the folder of the file or the one given with --out (NAME is that of the file):
  NAME.png .pdf .svg             final relative error against n (or what varies), a line per d
  NAME-iterations.png .pdf .svg  relative error against the iteration, a line per n, columns d
  NAME-certificates.png ...      final relative error against the ε of the certificate, a point per
                                 run, if the sweep asked for certificates
  NAME-norms.png ...             the first one with a line for each of train.row_norm, where
                                 that is a list
  NAME-trapped.png ...           the share of starts that end in a spurious point, if the sweep has
                                 cells with n = m = inf and k < d
  NAME-paths.png ...             the paths of A over the contours of the population risk, if the
                                 sweep recorded iterates, of its cells with d = 2 and k = 1; not
                                 with algorithm: marginal, which has another risk
  NAME-lemmas.png ...            errors of X_n, of its gradient and of a batch's, if the sweep asked
                                 for them, with fitted laws
  NAME-fit.png ...               with --fit: final absolute error and the fitted law, a line per d
  NAME-fit-crossings.png ...     with --fit: n*(d, ε), the fitted law, and the slopes of the bound
  NAME.csv NAME.txt              a table, one row a cell
and prints the path of each file. A figure of many panels goes on in NAME-2.png, NAME-3.png, ...
Exit status: 0 written; 1 the files cannot be written; 2 the arguments or the result file are
wrong, or no run is done yet: then nothing is written.
"""

import argparse
import sys
from pathlib import Path

import start  # noqa: I001: before all that may be missing
import fit as fits
import grid as grids
import results as result_files
import table

FORMATS = ("png", "pdf", "svg")


def main():
    arguments = parse_arguments()
    try:
        results = result_files.read(arguments.file, arguments.statistic)
        require_done_runs(results)
        fit = fits.read(arguments.fit, results) if arguments.fit else None
    except (result_files.ResultError, fits.FitError) as error:
        complain(error)
        return 2
    if not results.reduced:
        complain(
            f"{results.path}: warning: its bands do not agree with its committed runs (not "
            "reduced since?); using statistics computed from /error instead. "
            "`saddlesweep reduce` brings the bands up to date"
        )
    try:
        write(results, fit, arguments.out or arguments.file.parent, arguments.formats)
    except OSError as error:
        complain(f"{error.filename or arguments.out}: cannot be written: {error.strerror}")
        return 1
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE.h5", help="result of `saddlesweep run`")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="folder to write into")
    parser.add_argument("--fit", type=Path, metavar="FIT.json", help="of `saddlesweep fit --json`: its figures, too")
    start.add_statistic(parser)
    parser.add_argument(
        "--formats", type=formats, default=FORMATS, metavar="LIST", help="files of each figure (default: png,pdf,svg)"
    )
    return parser.parse_args()


def formats(text):
    """The formats in a list like png,svg."""
    found = tuple(dict.fromkeys(text.split(",")))
    for name in found:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f'found "{name}", expected some of {",".join(FORMATS)}')
    return found


def require_done_runs(results):
    if results.done.any():
        return
    diverged, failed = (
        int(results.count(status).sum())
        for status in (result_files.DIVERGED, result_files.FAILED)
    )
    raise result_files.ResultError(
        f"{results.path}: no run is done yet, so there is nothing to draw "
        f"({results.requested.sum()} runs: {diverged} diverged, {failed} failed, the others pending)"
    )


def write(results, fit, folder, formats):
    """Writes all tables and figures into `folder`, in these formats; those of the fit if there is one."""
    # after the file has been found good: importing matplotlib takes longer than reading it
    import certificates
    import final_error
    import fit_figures
    import iterations
    import lemmas
    import paths
    import style
    import trapped

    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / results.stem
    table.write_csv(results, f"{stem}.csv")
    table.write_text(results, f"{stem}.txt")
    print(f"{stem}.csv\n{stem}.txt")
    style.use()
    grid = grids.describe(results)
    save(final_error.pages(results, grid), stem, formats)
    save(iterations.pages(results, grid), f"{stem}-iterations", formats)
    save(certificates.pages(results, grid), f"{stem}-certificates", formats)
    save(final_error.pages_by_row_norm(results, grid), f"{stem}-norms", formats)
    save(trapped.pages(results, grid), f"{stem}-trapped", formats)
    save(paths.pages(results, grid), f"{stem}-paths", formats)
    save(lemmas.pages(results, grid), f"{stem}-lemmas", formats)
    if fit:
        save(fit_figures.error_pages(results, fit), f"{stem}-fit", formats)
        save(fit_figures.crossing_pages(results, fit), f"{stem}-fit-crossings", formats)


def save(pages, stem, formats):
    """Saves the pages of a figure as stem.*, stem-2.*, stem-3.*, ..."""
    for number, page in enumerate(pages, start=1):
        suffix = "" if number == 1 else f"-{number}"
        print(*page.save(f"{stem}{suffix}", formats), sep="\n", flush=True)


def complain(text):
    print(f"figures.py: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
