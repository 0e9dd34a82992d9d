"""SIGKILL at random moments: the file always opens, what is committed is intact, the same bits come
out in the end. KILLS and KILL_SEED (printed) in the environment choose how many, and which."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from harness import ALL, SWEEP, ProgramTest, preloaded, read

KILLS = int(os.environ.get("KILLS", "30" if ALL else "8"))
SEED = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(10**9)))
RANKS = 3

# 32 runs of some tens of milliseconds.
MANY = SWEEP.replace("iterations: 50", "iterations: 60000")


def ranks_of(launcher):
    """Process numbers of the ranks that mpirun has started, rank 0 first."""
    path = Path(f"/proc/{launcher}/task/{launcher}/children")
    return sorted(int(word) for word in path.read_text().split()) if path.exists() else []


@pytest.mark.release
class Kill(ProgramTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.spec = self.write("many.yaml", MANY)
        self.output = self.folder / "many.h5"

    def kill_once(self):
        """Starts the sweep and kills a part of it; whether it was still at work."""
        process = subprocess.Popen(
            self.command("run", self.spec, "-o", self.output, "--checkpoint", "1", ranks=RANKS),
            cwd=self.folder,
            env=self.environ(),
            stdout=subprocess.DEVNULL,
            stderr=(said := self.folder / "said").open("w"),
        )
        time.sleep(self.random.uniform(0.1, 1.2))
        ranks = ranks_of(process.pid)
        victims = {"mpirun": [process.pid], "rank 0": ranks[:1], "a worker": ranks[1:]}
        who = self.random.choice(sorted(victims))
        victim = (victims[who] or [process.pid])[0]
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:  # seen once, cause unknown: show what waits
            print(f"mpirun did not notice that {who} was killed", flush=True)
            subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid,stat,wchan:20,args"])
            process.kill()
            process.wait(timeout=15)
        self.assertNotIn(process.returncode, (1, 2), f"leftovers of a kill hindered it: {said.read_text()}")
        said.unlink()
        return process.returncode != 0

    def check_file(self):
        """Orphans may still write: at every moment the file is whole."""
        if not self.output.exists():
            return  # killed before it was created
        done = self.call("verify", self.output)
        self.assertIn("damaged     0\n", done.stdout, done.stderr)
        if done.returncode != 0:  # the kill came while the bands were written
            self.assertRegex(done.stdout, r"pending +0\n")
            self.assertIn("`saddlesweep reduce` makes them anew", done.stderr)
        self.succeed("status", self.output)
        with h5py.File(self.output) as file:
            done = file["run"][...]["status"] == 1
            error = file["error"][...]
        self.assertTrue(np.isfinite(error[done]).all())
        header = subprocess.run(["h5dump", "-H", self.output], capture_output=True, check=False)
        self.assertEqual(header.returncode, 0, header.stderr)

    def test_a_rank_whose_mpirun_is_killed_while_it_starts_ends(self):
        launcher = self.folder / "launcher.py"
        launcher.write_text(
            "import subprocess, sys, time\n"
            "print(subprocess.Popen(sys.argv[1:]).pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        hanging = preloaded(SADDLESWEEP_MPI_INIT_HANGS="1", OMPI_COMM_WORLD_RANK="0")
        command = [sys.executable, "-B", launcher, *self.command("run", self.spec, "-o", self.output)]
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environ(**hanging), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            rank = int(process.stdout.readline())
            self.assertEqual(process.stderr.readline(), "MPI_Init\n")
            self.assertTrue(Path(f"/proc/{rank}").exists())
            process.kill()
            process.stderr.read()  # until it has ended, as it has this open, too
        self.assertFalse(self.output.exists())

    def test_kills_at_random_moments_change_nothing(self):
        print(f"KILL_SEED={SEED}", flush=True)
        expected = self.run_sweep(MANY, "whole", ranks=2)
        kills = 0
        while kills < KILLS:
            if self.kill_once():
                kills += 1
                self.check_file()
            else:  # it ended before: from the start
                self.assert_whole(expected)
                self.output.unlink()
        self.succeed("run", self.spec, "-o", self.output, ranks=RANKS)
        self.assert_whole(expected)
        self.assertEqual(
            self.files(), ["many.h5", "many.yaml", "whole.h5", "whole.yaml"], "nothing is left over"
        )

    def assert_whole(self, expected):
        names = ["error"] + [
            f"bands/{quantity}/{statistic}"
            for quantity in ("error", "relative_error")
            for statistic in ("mean", "std", "median", "q05", "q95", "min", "max", "count")
        ]
        for name in names:
            self.assertEqual(read(self.output, name).tobytes(), read(expected, name).tobytes(), name)
