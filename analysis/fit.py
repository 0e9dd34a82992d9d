"""The scaling law that `saddlesweep fit` finds in a result file: asks the program, checks its answer.

    log ε = c + α log d − β log n, so n(d, ε) = C d^a ε^(−b); the bound has a = 5, b = 2.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from results import OUTCOMES

FORMAT, FORMAT_VERSION = "saddlesweep fit", 1
BUILT = Path(__file__).resolve().parents[1] / "build/release/saddlesweep"
MEMBERS = ("sweep", "file", "runs", "partial", "intervals", "against", "families")
FAMILY_MEMBERS = ("label", "bound", "reason", "fits", "curvature", "cells", "verdict")
STATISTICS = ("mean", "median", "standard_error")


class FitError(Exception):
    """There is no fit; the text says why."""


def find_program(given):
    """The program to ask: the one given, SADDLESWEEP's, the one built here, or that on PATH."""
    candidates = (given, os.environ.get("SADDLESWEEP"), BUILT if BUILT.exists() else None)
    return str(next(filter(None, candidates), "saddlesweep"))


def ask(program, results):
    """The fit of a result file as the program makes it; FitError with its message if it cannot."""
    if not shutil.which(program):
        raise FitError(
            f"{program}: no such program. Build it (cmake --preset release && cmake --build "
            "--preset release), or name it with --program or SADDLESWEEP."
        )
    partial = ["--partial"] if results.pending.any() else []
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "fit.json"
        command = [program, "fit", results.path, "--json", answer, *partial]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise FitError(f"{program}: cannot be run: {error.strerror}") from None
        if done.returncode != 0:
            raise FitError(done.stderr.strip() or f"{program} fit: ended with status {done.returncode}")
        return read(answer, results)


def read(path, results):
    """The fit in a JSON file; FitError if it is none, or not of this result file."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FitError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise FitError(f"{path}: is not JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise FitError(f"{path}: is not what `saddlesweep fit --json` writes (no format {FORMAT!r})")
    if found.get("format_version") != FORMAT_VERSION:
        raise FitError(
            f"{path}: has format_version {found.get('format_version')}; "
            f"this script reads {FORMAT_VERSION}"
        )
    try:
        _check_members(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise FitError(f"{path}: is damaged or incomplete: {error}") from None
    _check_file(found, results, path)
    return found


def primary(family):
    """The fit to the cells' mean absolute errors, trapped runs among them; None if there is none."""
    return _find(family, method="cells")


def crossings(family):
    """The fit to n*(d, ε), the n from which on the mean absolute error is below ε; or None."""
    return _find(family, method="crossings")


def _find(family, **wanted):
    wanted |= {"error": "absolute", "statistic": "mean", "trapped": "with"}
    fits = family["fits"] or []
    return next((one for one in fits if wanted.items() <= one.items()), None)


def value(interval):
    """The value of {value, low, high}; None where there is none."""
    return interval["value"] if interval else None


def words(interval):
    """`2.04 [1.90, 2.21]` as the program prints it, with a dash where it is unbounded."""
    value, low, high = ("–" if end is None else f"{end:.2f}" for end in interval.values())
    return f"{value} [{low}, {high}]"


def _check_members(found):
    for name in MEMBERS:
        found[name]
    for family in found["families"]:
        for name in FAMILY_MEMBERS:
            family[name]
        for one in family["fits"] or []:
            for name in ("c", "alpha", "beta", "a", "b", "log_C"):
                value(one[name])
            if one["method"] == "crossings":
                [(point["d"], point["level"], point["n"]) for point in one["crossings"]]
        for cell in family["cells"]:
            [cell["absolute"][name] for name in STATISTICS]


def _check_file(found, results, path):
    """A fit of another file, or of this one at another time, would be a wrong answer."""
    runs = {name: int(results.count(status).sum()) for name, status in OUTCOMES.items()}
    counts = {name: found["runs"].get(name) for name in runs}
    if found["sweep"] != results.name or counts != runs:
        raise FitError(
            f"{path}: is the fit of another result file, or of an earlier state: sweep "
            f"{found['sweep']!r} with {_words(counts)}; {results.path} is {results.name!r} with "
            f"{_words(runs)}. Make it anew: saddlesweep fit {results.path} --json {path}"
        )


def _words(counts):
    return ", ".join(f"{count} {name}" for name, count in counts.items())
