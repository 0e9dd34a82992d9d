"""What all Python tests share: where the program is, a folder for everything they make, and a look at what they leave.

SADDLESWEEP is the program (build/release/saddlesweep by default), SADDLESWEEP_TESTS the level: `all`, or not set.
"""

import os
import shutil
import tempfile
import time
import uuid
from pathlib import Path

import pytest

SEMAPHORES = Path("/dev/shm")


def marked_processes(mark):
    """Numbers and names of the processes that have a variable, "NAME=VALUE", in their environment; not this one."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark.encode() in (process / "environ").read_bytes().split(b"\0")
            name = (process / "comm").read_text().strip()
            zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:  # it has gone meanwhile, or is another user's
            continue
        if marked and not zombie and int(process.name) != os.getpid():
            found.add(f"{process.name} ({name})")
    return found


def names_in(folder):
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def what_stays(look, seconds=10):
    """What `look`, a set, has all along for some seconds: what is killed takes a moment to go."""
    deadline = time.monotonic() + seconds
    found = look()
    while found and time.monotonic() < deadline:
        time.sleep(0.1)
        found &= look()
    return found


class Leftovers:
    """All that the tests make is in one folder. What they leave there, or as a process or in /dev/shm, is a failure."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="saddlesweep-tests-"))
        self.folder.chmod(0o755)
        self.temporary = self.folder / "tmp"
        shared = self.folder / "shared"
        segments = self.folder / "segments"  # of memory that ranks share: those of ranks that were killed stay
        for path in (self.temporary, shared, segments):
            path.mkdir()
        self.mark = uuid.uuid4().hex
        self.semaphores = names_in(SEMAPHORES)
        os.environ.update(
            TMPDIR=str(self.temporary),
            SADDLESWEEP_TESTS_SHARED=str(shared),
            SADDLESWEEP_TESTS_MARK=self.mark,
            OMPI_MCA_btl_vader_backing_directory=str(segments),
        )
        tempfile.tempdir = None  # it is asked for again

    def find(self):
        """One line for each thing that is left."""
        processes = what_stays(lambda: marked_processes(f"SADDLESWEEP_TESTS_MARK={self.mark}"))
        semaphores = what_stays(lambda: {name for name in names_in(SEMAPHORES) - self.semaphores if "vader" not in name})
        return [
            *(f"process {process}" for process in processes),
            *(f"{self.temporary}/{name}" for name in sorted(names_in(self.temporary))),
            *(f"{SEMAPHORES}/{name}" for name in sorted(semaphores)),
        ]


def is_worker(config):
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if not is_worker(config):
        config.leftovers = Leftovers()
        config.option.basetemp = config.leftovers.folder / "pytest"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if is_worker(config):
        return
    left = config.leftovers.find()
    shutil.rmtree(config.leftovers.folder, ignore_errors=True)
    if left:
        raise pytest.UsageError("the tests leave behind: " + ", ".join(left))


def pytest_collection_modifyitems(config, items):
    """Leaves out what the level or the build has no use for (pytest.ini says what the markers mean)."""
    marks = ["release"] if Path(os.environ.get("SADDLESWEEP", "")).parent.name == "asan" else []
    marks += [] if os.environ.get("SADDLESWEEP_TESTS") == "all" else ["all"]
    left_out = [item for item in items if any(map(item.get_closest_marker, marks))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
