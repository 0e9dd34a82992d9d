"""Reads a saddlesweep result file into plain numpy arrays.

Trajectories are read one cell at a time, so that memory holds the statistics of the sweep and the
final value of each run, never all of /error.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

import measure
import seeds

FORMAT = "saddlesweep"
FORMAT_VERSIONS = (2, 3, 4)
PENDING, DONE, DIVERGED, FAILED, PARTIAL = range(5)
OUTCOMES = {"done": DONE, "diverged": DIVERGED, "failed": FAILED}
TRAPPED_FACTOR = 5
"""A DONE run is trapped when its final relative error exceeds this many medians of its cell, …"""
TRAPPED_EXACT = 0.01
"""… or this, in cells with n = m = ∞: whatever is not trapped there ends at 0. Both where the norms were learned first, as
what is left of them is in the error of all."""

ROUNDING = 1e-10
"""Relative errors below this are of rounding: no run is trapped there."""

PARAMETERS = ("d", "k", "k0", "n", "m")
STATISTICS = ("mean", "std", "median", "q05", "q95")
QUARTILES = ("q25", "q75")  # which the file does not have
QUANTITIES = ("error", "relative_error")


class ResultError(Exception):
    """The file cannot be analysed; the text says why."""


@dataclass
class Results:
    """What the analysis needs of a result file: C cells, S seeds, P recorded iterations."""

    path: str
    name: str
    cell: np.ndarray  # [C] numbers of the cells in the whole sweep, of which this may be a shard
    iteration: np.ndarray  # [P]
    parameters: dict  # "d", "k", "k0", "n", "m" -> int [C] (0 in n or m: infinity); "activation", "row_norm" -> text [C]
    compares_row_norms: bool  # cells of the sweep differ in row_norm
    status: np.ndarray  # [C, S]
    final: np.ndarray  # [C, S] final relative error; NaN unless DONE
    wanted: np.ndarray  # [C] seeds that the cells want: S, or fewer where seeds are added
    until_se: float | None  # … until the relative standard error is this
    epsilon: np.ndarray  # [C, S] of the runs' certificates (Definition 2); NaN where there is none
    paths: np.ndarray | None  # [C, S, P, 2] recorded A of committed runs with d = 2, k = 1; NaN elsewhere
    lemmas: dict  # "covariance_error/spectral" and so on -> [C, S] of done runs; those that the sweep asked for
    truth: np.ndarray | None  # [d, k0] A*, where the sweep gives it
    bands: dict  # (quantity, statistic) -> [C, P], over the DONE runs
    statistic: str  # what figures show of them: the mean, or the median
    attributes: dict  # of the root, as text
    measure: measure.Measure  # what the errors are errors of
    executions: list  # a dictionary for each row of /execution in use; None before format_version 3
    reduced: bool  # the file's own bands agree with its trajectories

    @property
    def stem(self):
        """What is made of FILE.h5 is named after: FILE."""
        return Path(self.path).stem

    @property
    def _settings(self):
        return _parse_settings(self.attributes["settings"])

    @property
    def marginal(self):
        """The runs learn marginals alone: there is no Algorithm 1."""
        return self._settings.get("algorithm", "sgda") == "marginal"

    @property
    def cells(self):
        return self.status.shape[0]

    @property
    def requested(self):
        """Runs asked for in each cell: one for each seed that it wants, and what it has besides."""
        return np.maximum(self.wanted, self.count(DONE, DIVERGED, FAILED))

    @property
    def pending(self):
        """Runs, for each cell, that are asked for and not committed: not run yet, or begun."""
        return self.requested - self.count(DONE, DIVERGED, FAILED)

    @property
    def uncertain(self):
        """[C]: cells whose standard error is above until_se."""
        if self.until_se is None:
            return np.zeros(self.cells, bool)
        mean, std = (
            np.array([self.bands[quantity, statistic][:, -1] for quantity in QUANTITIES])
            for statistic in ("mean", "std")
        )
        return ~(std / np.sqrt(np.maximum(self.done, 1)) <= self.until_se * mean).all(axis=0)

    @property
    def shown(self):
        """[C, P] each: the statistic of the relative error that figures show, and the ends of its shadow."""
        mean, std, median, low, high = (
            self.bands["relative_error", name] for name in ("mean", "std", "median", *QUARTILES)
        )
        if self.statistic == "median":
            return median, low, high
        std = np.nan_to_num(std)  # of a single run
        return mean, mean - std, mean + std

    def count(self, *statuses):
        """Runs with one of these statuses, for each cell."""
        return np.isin(self.status, statuses).sum(axis=1)

    @property
    def done(self):
        return self.count(DONE)

    @property
    def trapped(self):
        """[C, S]: which runs are trapped."""
        median = self.bands["relative_error", "median"][:, -1]
        bound = np.maximum(TRAPPED_FACTOR * median, np.where(self._learned_exactly, TRAPPED_EXACT, ROUNDING))
        bound = np.where(self.exact, TRAPPED_EXACT, bound)
        return self.final > bound[:, None]  # NaN compares as False

    @property
    def exact(self):
        """[C]: cells of Algorithm 1's population limits, n = m = ∞, rows of known or free norms and no noise."""
        return self._quiet_limits & (self.parameters["row_norm"] != "learned")

    @property
    def _learned_exactly(self):
        """[C]: the same with rows of learned norms."""
        return self._quiet_limits & (self.parameters["row_norm"] == "learned")

    @property
    def _quiet_limits(self):
        infinite = (self.parameters["n"] == 0) & (self.parameters["m"] == 0)
        return infinite & (float(self._settings["train.noise"]) == 0 and not self.marginal)

    @property
    def _rule_of_learned_norms(self):
        if not self._learned_exactly.any():
            return ""
        if self.exact.any():
            return ", over both where norms are learned as well"
        return f", and over {TRAPPED_EXACT:g} as well where n and m are infinite"

    @property
    def trapped_rule(self):
        """What "trapped" means in this file, after "final relative error"."""
        rules = []
        if not self.exact.all():
            rules.append(f"over {TRAPPED_FACTOR} times the median of the cell")
        if self.exact.any():
            rules.append(f"over {TRAPPED_EXACT:g}" + (" where n and m are infinite" if rules else ""))
        return ", or ".join(rules) + self._rule_of_learned_norms


def read(path, statistic="mean"):
    """Reads the result file at `path`; raises ResultError when it is none, or damaged."""
    try:
        with h5py.File(path, "r") as file:
            _check_format(file, path)
            return _read_open(file, path, statistic)
    except FileNotFoundError:
        raise ResultError(f"{path}: no such file") from None
    except OSError as error:
        raise ResultError(f"{path}: cannot be read as an HDF5 file: {error}") from None
    except (KeyError, ValueError, IndexError, TypeError) as error:
        text = error.args[0] if error.args else error
        raise ResultError(f"{path}: is damaged or incomplete: {text}") from None


def _check_format(file, path):
    found = _text(file.attrs.get("format", ""))
    if found != FORMAT:
        raise ResultError(
            f"{path}: is not a saddlesweep result file "
            f"(root attribute 'format' is {found!r}, expected {FORMAT!r})"
        )
    version = int(file.attrs["format_version"])
    if version not in FORMAT_VERSIONS:
        raise ResultError(
            f"{path}: has format_version {version}; this script reads "
            f"{FORMAT_VERSIONS[0]} to {FORMAT_VERSIONS[-1]}"
        )


def _read_open(file, path, statistic):
    status = file["run"]["status"]
    truth_norm = file["run"]["truth_norm"]
    final, computed = _compute_bands(file["error"], status == DONE, truth_norm)
    stored = _read_bands(file)
    reduced = all(np.allclose(stored[key], computed[key], 1e-9, 1e-14, True) for key in stored)
    settings = _read_settings(file)
    parameters = _read_parameters(file, settings)
    committed = np.isin(status, (DONE, DIVERGED, FAILED))
    return Results(
        path=str(path),
        name=_read_name(file),
        cell=file["cell"][:],
        iteration=file["iteration"][:],
        parameters=parameters,
        compares_row_norms="row_norm" in file,
        status=status,
        final=final,
        wanted=seeds.wanted(settings, committed, (final * truth_norm, final)),
        until_se=seeds.until_se(settings),
        epsilon=_read_epsilon(file, status),
        paths=_read_paths(file, committed),
        lemmas=_read_lemmas(file, status),
        truth=file["truth"][:] if "truth" in file else None,
        bands=computed | stored if reduced else computed,
        statistic=statistic,
        reduced=reduced,
        attributes={key: _text(value) for key, value in sorted(file.attrs.items())},
        measure=measure.of(settings, set(parameters["row_norm"])),
        executions=_read_executions(file),
    )


def _read_name(file):
    """The sweep's name, of characters that a file's name may have."""
    name = _text(file.attrs["name"])
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name):
        raise ValueError(f"the root attribute 'name' is {name!r}, which cannot name files")
    return name


def _read_settings(file):
    return _parse_settings(_text(file.attrs["settings"]))


def _parse_settings(text):
    """What all runs share: a dictionary of texts."""
    return dict(line.split(": ", 1) for line in text.splitlines())


def _read_executions(file):
    if "execution" not in file:
        return None
    rows = file["execution"][:]
    rows = np.sort(rows[rows["number"] > 0], order="number")
    return [{name: _plain(row[name]) for name in rows.dtype.names} for row in rows]


def _plain(value):
    """A field of a record as a number or text of Python."""
    value = value.item()
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _read_parameters(file, settings):
    parameters = {name: file[name][:] for name in PARAMETERS}
    parameters["activation"] = _read_names(file["activation"])
    if "row_norm" in file:
        parameters["row_norm"] = _read_names(file["row_norm"])
    else:  # the same in all cells
        parameters["row_norm"] = np.full(len(parameters["d"]), settings.get("train.row_norm", "known"))
    return parameters


def _read_names(dataset):
    return np.array([_text(value) for value in dataset[:]])


def _read_epsilon(file, status):
    """The ε for which the end of each run is an ε-FOSP."""
    if "certificate" not in file:
        return np.full(status.shape, np.nan)
    residual = file["certificate/residual"][:]
    epsilon = np.maximum(residual, -file["certificate/smallest_eigenvalue"][:])
    return np.where(status == DONE, epsilon, np.nan)


def _read_paths(file, committed):
    """A as points of the plane; None if no cell has any."""
    plane = (file["d"][:] == 2) & (file["k"][:] == 1)
    if "iterate" not in file or not plane.any():
        return None
    paths = np.full((*file["error"].shape, 2), np.nan)
    for cell in np.flatnonzero(plane):
        paths[cell] = file["iterate"][cell, :, :, :2, 0]
    paths[~committed] = np.nan
    return paths


def _read_lemmas(file, status):
    return {
        f"{group}/{name}": np.where(status == DONE, file[group][name][:], np.nan)
        for group in ("covariance_error", "gradient_error")
        if group in file
        for name in file[group]
    }


def _read_bands(file):
    return {
        (quantity, statistic): file[f"bands/{quantity}/{statistic}"][:]
        for quantity in QUANTITIES
        for statistic in STATISTICS
    }


def _compute_bands(error, done, truth_norm):
    """Final relative errors [C, S], and the bands [C, P] over the DONE runs of /error."""
    cells, seeds, checkpoints = error.shape
    final = np.full((cells, seeds), np.nan)
    bands = {
        (quantity, statistic): np.full((cells, checkpoints), np.nan)
        for quantity in QUANTITIES
        for statistic in (*STATISTICS, *QUARTILES)
    }
    for cell in np.flatnonzero(done.any(axis=1)):
        absolute = error[cell][done[cell]]
        relative = absolute / truth_norm[cell][done[cell], None]
        final[cell, done[cell]] = relative[:, -1]
        for quantity, values in zip(QUANTITIES, (absolute, relative)):
            for statistic, band in _summarise(values).items():
                bands[quantity, statistic][cell] = band
    return final, bands


def _summarise(values):
    """Statistics over the first axis; the std of a single run is unknown (NaN)."""
    levels = {"median": 0.5, "q05": 0.05, "q95": 0.95, "q25": 0.25, "q75": 0.75}
    std = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)
    quantiles = np.quantile(values, list(levels.values()), axis=0)
    return {"mean": values.mean(axis=0), "std": std, **dict(zip(levels, quantiles))}


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
