"""Runs the scripts of analysis/ as a command would, in a copy of this process: importing matplotlib takes longer than
drawing most figures, and here it is done once."""

import os
import runpy
import subprocess
import sys
import tempfile
import traceback

# Imported for the copies, before any of them.
import h5py  # noqa: F401
import matplotlib
import matplotlib.backends.backend_agg  # noqa: F401
import matplotlib.backends.backend_pdf  # noqa: F401
import matplotlib.backends.backend_svg  # noqa: F401
import matplotlib.pyplot  # noqa: F401
from harness import SOURCE

ANALYSIS = SOURCE / "analysis"


def run_script(name, *arguments, folder=None, environment=None):
    """Runs analysis/NAME with these arguments; the completed process."""
    words = [str(ANALYSIS / name), *map(str, arguments)]
    with tempfile.TemporaryFile("w+", errors="surrogateescape") as stdout, tempfile.TemporaryFile("w+") as stderr:
        child = os.fork()
        if child == 0:
            become(words, stdout, stderr, folder, environment)
        _, status = os.waitpid(child, 0)
        said = []
        for file in (stdout, stderr):
            file.seek(0)
            said.append(file.read())
    return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), *said)


def become(words, stdout, stderr, folder, environment):
    """What `python3 words` would do in this process, which ends with it."""
    status = 1
    try:
        os.dup2(stdout.fileno(), 1)
        os.dup2(stderr.fileno(), 2)
        sys.stdout = open(1, "w", closefd=False)
        sys.stderr = open(2, "w", closefd=False)
        sys.argv = words
        sys.path.insert(0, str(ANALYSIS))
        os.chdir(folder or os.getcwd())
        os.environ.update(environment or {})
        matplotlib.rcdefaults()
        runpy.run_path(words[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
