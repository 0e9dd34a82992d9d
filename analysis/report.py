#!/usr/bin/python3
"""Writes the report of a saddlesweep result file: one page of HTML that needs nothing else.

It has the figures, the fit of the scaling law, the distribution of final errors, tables of cells and
executions, the file's provenance, and its sweep file. The fit is asked of the program. Prints the
path of the page: FILE.report.html beside FILE.h5, unless --out says otherwise.
Exit status: 0 written; 1 the page cannot be written; 2 the arguments, the result file or the file
given with --fit are wrong: then nothing is written.
"""

import argparse
import sys
from pathlib import Path

import start  # noqa: I001: before all that may be missing
import fit as fits
import results as result_files


def main():
    arguments = parse_arguments()
    try:
        results = result_files.read(arguments.file, arguments.statistic)
        fit = find_fit(arguments, results)
    except (result_files.ResultError, fits.FitError) as error:
        complain(error)
        return 2
    path = arguments.out or arguments.file.parent
    try:
        write(results, fit, path / f"{results.stem}.report.html" if path.is_dir() else path)
    except OSError as error:
        complain(f"{error.filename or path}: cannot be written: {error.strerror}")
        return 1
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE.h5", help="result of `saddlesweep run`")
    parser.add_argument("-o", "--out", type=Path, metavar="PATH", help="the page, or a folder for it")
    start.add_statistic(parser)
    fit = parser.add_mutually_exclusive_group()
    fit.add_argument(
        "--program",
        help="saddlesweep, to ask for the fit (default: SADDLESWEEP, or the one built here, or that on PATH)",
    )
    fit.add_argument("--fit", type=Path, metavar="FIT.json", help="of `saddlesweep fit --json`, made before")
    return parser.parse_args()


def find_fit(arguments, results):
    """The fit, or the FitError that tells why there is none. A file given with --fit must be good."""
    if arguments.fit:
        return fits.read(arguments.fit, results)
    try:
        return fits.ask(fits.find_program(arguments.program), results)
    except fits.FitError as error:
        return error


def write(results, fit, path):
    """Writes the page."""
    import document  # after the file has been found good: matplotlib takes longer than reading it

    page = document.build(results, fit)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    print(path)


def complain(text):
    print(f"report.py: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
