"""Imported first by the scripts: says in a line what this Python lacks, lets file names be any bytes, and has the options
that they share."""

import importlib.util
import sys
from pathlib import Path

NEEDED = ("numpy", "h5py", "matplotlib")

_lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if _lacking:
    print(
        f"{Path(sys.argv[0]).name}: {sys.executable} has no {' and no '.join(_lacking)}; install "
        f"{'it' if len(_lacking) == 1 else 'them'} (Debian: apt install python3-h5py python3-matplotlib, for "
        "/usr/bin/python3), or use another python3",
        file=sys.stderr,
    )
    sys.exit(1)

for _stream in (sys.stdout, sys.stderr):
    _stream.reconfigure(errors="surrogateescape")


def add_statistic(parser):
    """--statistic, for results.read()."""
    parser.add_argument(
        "--statistic", choices=("mean", "median"), default="mean",
        help="what figures show of the runs of a cell: their mean with one standard deviation, or their median with quartiles, "
        "which a trapped run does not move (default: mean)",
    )  # fmt: skip
