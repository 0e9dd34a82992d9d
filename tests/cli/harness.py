"""What the command-line tests share: the program, sweeps to vary, ranks, result files."""

import atexit
import contextlib
import ctypes
import fcntl
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import zlib
from pathlib import Path

import h5py
import numpy as np

SOURCE = Path(os.environ.get("SADDLESWEEP_SOURCE", Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("SADDLESWEEP", str(SOURCE / "build/release/saddlesweep"))

# A system that fails (tests/support/faults.c), to be preloaded. A path in LD_PRELOAD may hold no space.
FAULTS = os.environ.get("SADDLESWEEP_FAULTS", os.path.join(os.path.dirname(PROGRAM), "tests/libfaults.so"))


def preloaded(**more):
    """The environment of a program that meets that system."""
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    return {
        "LD_PRELOAD": os.path.basename(FAULTS),
        "LD_LIBRARY_PATH": os.path.dirname(FAULTS),
        "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0".lstrip(":"),
        **more,
    }


# Several times as slow: tests that only need a thing to be repeated repeat it less often.
SANITIZED = Path(PROGRAM).parent.name == "asan"

# `./test.sh all`: every case, in place of those that stand for others.
ALL = os.environ.get("SADDLESWEEP_TESTS") == "all"

# Open MPI refuses root unless told.
if os.geteuid() == 0:
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

# Looking for leaks takes four fifths of a short program's time: a fifth of the tests do, chosen by their names, so that
# every command has some; all do in `./test.sh all`, and so do the C tests.
QUICK_SANITIZER = "detect_leaks=0:malloc_context_size=2"

if SANITIZED:
    os.environ.setdefault(
        "LSAN_OPTIONS", f"suppressions='{SOURCE / 'tests/support/lsan.supp'}':print_suppressions=0"
    )
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")

# What one machine needs of Open MPI: without looking for networks it starts in half of the time, and who waits leaves the
# processor to others. The tests of tests/mpi start it as users do.
os.environ.update(OMPI_MCA_btl="self,vader", OMPI_MCA_pml="ob1", OMPI_MCA_mpi_yield_when_idle="1")

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


# Two runs, one for each of two ranks; predicted to take long enough that no rank is given both.
PAIR = (
    SWEEP.replace("[3, 5]", "3")
    .replace("[100, 300]", "[400]")
    .replace("[leaky_relu(0.2), tanh]", "tanh")
    .replace("count: 4", "count: 2")
    .replace("iterations: 50", "iterations: 20000")
)

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


class Started:
    """A program at work. What it says is kept in files that have no name."""

    def __init__(self, command, folder, environment):
        self.stdout, self.stderr = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=self.stdout,
            stderr=self.stderr,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # not Python's own handling
        )
        self.pid = self.process.pid

    @staticmethod
    def text(file):
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()

    def said(self):
        """What it has said so far: stdout, stderr."""
        return self.text(self.stdout), self.text(self.stderr)

    def wait_until(self, condition, what):
        """Until condition() holds, which the program must see to; what it returned then."""
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"it waits in vain for {what}\n{''.join(self.said())}")
            if self.process.poll() is not None:
                if value := condition():
                    break
                raise AssertionError(f"it ended before {what}: {self.process.returncode}\n{''.join(self.said())}")
            time.sleep(0.002)
        return value

    def wait_until_held(self, places):
        """Until its runs wait at so many cues (src/execution/cues.h)."""
        self.wait_until(lambda: len(re.findall(r"^held: ", self.said()[1], re.MULTILINE)) >= places, "it was held")

    def wait_for(self, path):
        self.wait_until(path.exists, f"{path} was there")

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """Ends it and all of its group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self):
        """Its exit status, once it has ended."""
        return self.process.wait(timeout=PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.stdout.close()
        self.stderr.close()


# Seconds: whoever waits longer waits for something that does not come. No test asserts that anything is quick.
PATIENCE = 600


class ProgramTest(unittest.TestCase):
    """A test case with a folder of its own, in which the program is called, and one for temporary files, of which a
    program that is killed leaves some."""

    def setUp(self):
        if SANITIZED:
            leaks = ALL or zlib.crc32(self.id().encode()) % 5 == 0
            os.environ["ASAN_OPTIONS"] = "" if leaks else QUICK_SANITIZER
        self.folder, self.temporary = (Path(tempfile.mkdtemp(prefix="saddlesweep-test-")) for _ in range(2))
        for folder in (self.folder, self.temporary):
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def command(self, *arguments, ranks=None):
        launch = ["mpirun", "-n", str(ranks), "--oversubscribe"] if ranks else []
        return [*launch, PROGRAM, *map(str, arguments)]

    def environ(self, cues="", **more):
        cued = {"SADDLESWEEP_TEST_CUES": cues} if cues else {}
        return {**os.environ, "TMPDIR": str(self.temporary), **cued, **more}

    def call(self, *arguments, ranks=None, limit=None, cues="", **environment):
        """Runs the program to its end; the completed process with stdout and stderr as text. `limit` is
        one of its resources (resource.RLIMIT_...) and how much of it there is; `cues` are those of
        src/execution/cues.h."""
        return subprocess.run(
            self.command(*arguments, ranks=ranks),
            cwd=self.folder,
            env=self.environ(cues, **environment),
            capture_output=True,
            text=True,
            errors="surrogateescape",  # file names need not be UTF-8
            timeout=PATIENCE,
            check=False,
            preexec_fn=limit and (lambda: resource.setrlimit(limit[0], (limit[1], limit[1]))),
        )

    def succeed(self, *arguments, **settings):
        done = self.call(*arguments, **settings)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def start(self, *arguments, ranks=None, cues="", **environment):
        """The program at work; it is ended with the test."""
        started = Started(
            self.command(*arguments, ranks=ranks), self.folder, self.environ(cues, **environment)
        )
        self.addCleanup(started.close)
        return started

    def hold(self, *arguments, cues, ranks=None, **environment):
        """The program at work, once its runs wait at all of their cues."""
        cues = cues if isinstance(cues, str) else ",".join(cues)
        started = self.start("run", *arguments, ranks=ranks, cues=cues, **environment)
        started.wait_until_held(cues.count("=HOLD"))
        return started

    def stop(self, started, number=signal.SIGUSR1, saved=1):
        """Stops what is held by a signal, which saves that many runs (None: some); what it said."""
        started.send(number)
        status = started.wait()
        stdout, stderr = started.said()
        self.assertEqual(status, 75, stdout + stderr)
        self.assertRegex(stdout, f", {'[1-9]' if saved is None else saved} runs in flight saved")
        return stdout

    def stop_at(self, *arguments, cues="0/0@20=HOLD", ranks=None):
        """Stops `run` with its runs at their cues, saved there; what it said."""
        cues = cues if isinstance(cues, str) else ",".join(cues)
        return self.stop(self.hold(*arguments, cues=cues, ranks=ranks), saved=cues.count("=HOLD"))

    def run_sweep(self, text, name, *options, ranks=None, **environment):
        """Runs a sweep that must end well; the path of its result file. One that nothing distinguishes is computed
        once for all tests, and copied."""
        spec = self.write(f"{name}.yaml", text)
        output = self.folder / f"{name}.h5"
        if ranks or environment or output.exists():
            self.succeed("run", spec, "-o", output, *options, ranks=ranks, **environment)
        else:
            shutil.copy(self.finished(text, *options), output)
        return output

    def finished(self, text, *options, ranks=None):
        """The result file, for reading, of a sweep: the first who asks for it computes it."""
        key = "\0".join([PROGRAM, text, str(ranks), *map(str, options), *KINDS]).encode()
        folder = shared_folder() / hashlib.sha256(key).hexdigest()[:20]
        folder.mkdir(exist_ok=True)
        with open(folder / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "done").exists():
                (folder / "sweep.yaml").write_text(text)
                self.succeed("run", folder / "sweep.yaml", "-o", folder / "sweep.h5", *options, ranks=ranks)
                (folder / "done").touch()
        return folder / "sweep.h5"

    def draw(self, path, *options, formats="svg"):
        """Runs analysis/figures.py, each figure in these formats; what it said."""
        from python_scripts import run_script  # which takes a second, and is for few tests

        done = run_script("figures.py", path, "--formats", formats, *options, folder=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def files(self):
        """Names of all files but those that Open MPI leaves behind when it is killed: where it cannot
        keep the file pointer it wants to share (we do not) in its own folder, it does so here."""
        names = sorted(path.name for path in self.folder.iterdir())
        return [name for name in names if not re.search(r"-\d+-\d+\.lock$", name)]


# What decides bits and predictions from outside.
KINDS = [os.environ.get(name, "") for name in ("SADDLESWEEP_KERNEL", "SADDLESWEEP_SPEED")]


def shared_folder():
    """For all tests of this session (tests/conftest.py makes it); of this process where there is none."""
    if "SADDLESWEEP_TESTS_SHARED" not in os.environ:
        os.environ["SADDLESWEEP_TESTS_SHARED"] = folder = tempfile.mkdtemp(prefix="saddlesweep-shared-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(os.environ["SADDLESWEEP_TESTS_SHARED"])


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
