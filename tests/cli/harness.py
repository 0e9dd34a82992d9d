"""What the command-line tests share: the program, sweeps to vary, ranks, result files."""

import ctypes
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

SOURCE = Path(os.environ.get("SADDLESWEEP_SOURCE", Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("SADDLESWEEP", str(SOURCE / "build/release/saddlesweep"))

# Several times as slow: tests that only need a run to be long, or a thing to be repeated, make less of it.
SANITIZED = "asan" in PROGRAM

# Open MPI refuses root unless told.
if os.geteuid() == 0:
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

# Eight cells of four short runs.
SWEEP = """\
name: tiny
root_seed: 7
grid:
  d: [3, 5]
  k: 2
  n: [100, 300]
  m: n
  activation: [leaky_relu(0.2), tanh]
  seed: {count: 4}
truth: {latent: k, row_norm: unit}
train:
  iterations: 50
  step: {size: 0.5}
  ascent_step: 1.0
  noise: 0.1
record: {points: 12, spacing: log}
precision: single
"""

def single_run(text, iterations):
    """Of a sweep made from SWEEP one run, of leaky ReLU, with so many iterations in place of 50."""
    text = text.replace("d: [3, 5]", "d: 5").replace("n: [100, 300]", "n: 300").replace("count: 4", "count: 1")
    return re.sub(r"activation: \[.*\]", "activation: leaky_relu(0.2)", text).replace("iterations: 50", f"iterations: {iterations}")


# No run of it ends within a test, however fast the processor: 2e9 iterations.
SLOW_SWEEP = SWEEP.replace("iterations: 50", "iterations: 2000000000").replace("count: 4", "count: 1")

# V grows by a fifth an iteration: about half of the runs diverge before their end.
DIVERGING = (
    SWEEP.replace("tanh]", "identity]")
    .replace("ascent_step: 1.0", "ascent_step: 2.2")
    .replace("iterations: 50", "iterations: 460")
)


def without_escape(text):
    """The text without what a terminal would take as commands."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def console_examples(path):
    """(command, what is shown for it) of each command in the console blocks of a document."""
    for block in re.findall(r"```console\n(.*?)```", path.read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


class ProgramTest(unittest.TestCase):
    """A test case with a folder of its own, in which the program is called."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="saddlesweep-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def command(self, *arguments, ranks=None):
        launch = ["mpirun", "-n", str(ranks), "--oversubscribe"] if ranks else []
        return [*launch, PROGRAM, *map(str, arguments)]

    def call(self, *arguments, ranks=None, limit=None, **environment):
        """Runs the program to its end; the completed process with stdout and stderr as text. `limit` is
        one of its resources (resource.RLIMIT_...) and how much of it there is."""
        return subprocess.run(
            self.command(*arguments, ranks=ranks),
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            preexec_fn=limit and (lambda: resource.setrlimit(limit[0], (limit[1], limit[1]))),
        )

    def succeed(self, *arguments, **settings):
        done = self.call(*arguments, **settings)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def stop_in_flight(self, *arguments, runs=1, ranks=None):
        """Stops `run` by a time limit with at least so many runs in flight, saved; on a busy machine the ranks
        need some time to begin."""
        for limit in (1, 2, 4, 8):
            done = self.call("run", *arguments, "--time-limit", limit, ranks=ranks)
            self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
            if int(re.search(r"(\d+) runs in flight saved", done.stdout)[1]) >= runs:
                return
        self.fail(done.stdout)

    def run_sweep(self, text, name, *options, ranks=None, **environment):
        """Runs a sweep that must end well; the path of its result file."""
        spec = self.write(f"{name}.yaml", text)
        output = self.folder / f"{name}.h5"
        self.succeed("run", spec, "-o", output, *options, ranks=ranks, **environment)
        return output

    def files(self):
        """Names of all files but those that Open MPI leaves behind when it is killed: where it cannot
        keep the file pointer it wants to share (we do not) in its own folder, it does so here."""
        names = sorted(path.name for path in self.folder.iterdir())
        return [name for name in names if not re.search(r"-\d+-\d+\.lock$", name)]


def read(path, dataset):
    """A whole dataset of a result file."""
    with h5py.File(path) as file:
        return file[dataset][...]


def forget(path, cell, seeds):
    """Makes runs of a file pending again, as in a sweep that was interrupted."""
    with h5py.File(path, "r+") as file:
        runs = file["run"][:]
        runs[cell, seeds] = np.zeros((), runs.dtype)
        file["run"][:] = runs
        errors = file["error"][cell]
        errors[seeds] = np.nan
        file["error"][cell] = errors


def flip_byte(path, dataset):
    """Flips a bit of the first byte of a dataset."""
    with h5py.File(path) as file:
        place = file[dataset].id.get_offset()
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


def without_executions(path):
    """The bytes of a result file, but for the rows that each `run` notes itself in."""
    with h5py.File(path) as file:
        start = file["execution"].id.get_offset()
        size = file["execution"].id.get_storage_size()
    data = path.read_bytes()
    return data[:start] + data[start + size :]


def xxh3(data):
    """XXH3, 64 bits, by the library that the program uses."""
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_64bits.restype = ctypes.c_uint64
    return library.XXH3_64bits(data, ctypes.c_size_t(len(data)))


def wait_for(path, seconds=60):
    """Until a file is there."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.01)
