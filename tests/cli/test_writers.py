"""Two, three or six writers on one file under two names, with locks and without, killed and drained at random: no
committed run is ever lost, and the bits are right. TRIALS and TRIAL_SEED (printed) in the environment choose how many
trials, and which."""

import errno
import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from harness import SWEEP, ProgramTest, preloaded, read

TRIALS = int(os.environ.get("TRIALS", "3"))
SEED = int(os.environ.get("TRIAL_SEED", random.SystemRandom().randrange(10**9)))
STARTS = 4  # of each writer
DONE = 1

# 32 runs of some milliseconds to tens of them.
MANY = SWEEP.replace("iterations: 50", "iterations: 10000")
REASONS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
BUSY = 2  # exit status of a writer that is refused


@pytest.mark.release
class Writers(ProgramTest):
    def setUp(self):
        super().setUp()
        self.expected = self.finished(MANY)
        self.spec = self.write("many.yaml", MANY)
        self.output = self.folder / "many.h5"

    def write_until_stopped(self, name, seed, environment):
        """One writer: starts, and is killed, drained or left alone at a random moment, a few times over."""
        chance = random.Random(seed)
        said = []
        for _ in range(STARTS):
            process = subprocess.Popen(
                self.command("run", self.spec, "-o", name, "--progress", "none", "--checkpoint", "1"),
                cwd=self.folder, env={**self.environ(), **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True,
            )  # fmt: skip
            time.sleep(chance.uniform(0.05, 0.6))
            number = chance.choice((signal.SIGKILL, signal.SIGUSR1, None))
            if number and process.poll() is None:
                process.send_signal(number)
            said.append(process.communicate()[0])
            allowed = {0, 75, BUSY, -signal.SIGKILL, *((-signal.SIGUSR1,) if number else ())}
            if process.returncode not in allowed:
                return f"exit status {process.returncode}: {said[-1]}"
            if process.returncode == BUSY and "is being written by another run" not in said[-1]:
                return said[-1]
        return None

    def committed(self):
        """[C, S]: which runs are done, read as plain bytes while others write; None before there is a file."""
        try:
            with h5py.File(self.expected) as file:
                offset, shape = file["run"].id.get_offset(), file["run"].shape
            data = self.output.read_bytes()[offset : offset + 64 * shape[0] * shape[1]]
        except FileNotFoundError:
            return None
        records = np.frombuffer(data, dtype=read(self.expected, "run").dtype)
        return (records["status"] == DONE).reshape(shape)

    def trial(self, chance):
        count = chance.choice((2, 3, 6))
        symbolic = chance.random() < 0.5
        reason = chance.choice((None, *REASONS))
        environment = preloaded(SADDLESWEEP_NO_LOCKS=str(reason)) if reason else {}
        other = self.folder / "other.h5"
        self.assertEqual(self.call("run", self.spec, "-o", self.output, cues="0/0@1=USR1").returncode, 75)
        if symbolic:
            other.symlink_to("many.h5")
        else:
            other.hardlink_to(self.output)
        before = self.committed()
        with ThreadPoolExecutor(count) as pool:
            names = [self.output if i % 2 else other for i in range(count)]
            writers = [pool.submit(self.write_until_stopped, name, chance.random(), environment) for name in names]
            while not all(writer.done() for writer in writers):
                now = self.committed()
                self.assertTrue((now >= before).all(), "a committed run is lost")
                before = now
        for writer in writers:
            self.assertIsNone(writer.result())
        self.assertTrue((self.committed() >= before).all(), "a committed run is lost")
        done = self.call("run", self.spec, "-o", self.output)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(self.committed().all())
        self.assertEqual(self.call("verify", self.output).returncode, 0)
        for name in ("error", "bands/error/mean", "bands/relative_error/std"):
            self.assertEqual(read(self.output, name).tobytes(), read(self.expected, name).tobytes(), name)
        other.unlink()
        self.output.unlink()
        return f"{count} writers, {'symbolic' if symbolic else 'hard'} link, {os.strerror(reason) if reason else 'locks'}"

    def test_no_committed_run_is_lost(self):
        print(f"TRIAL_SEED={SEED}", flush=True)
        for number in range(TRIALS):
            with self.subTest(trial=number):
                print(self.trial(random.Random(f"{SEED} {number}")), flush=True)

    def test_writers_without_locks_that_begin_a_file_at_once(self):
        """Each makes it under a name of its own, and the first that is there stays."""
        environment = preloaded(SADDLESWEEP_NO_LOCKS=str(errno.ENOSYS))
        for _ in range(max(2, TRIALS // 5)):
            started = [
                self.start("run", self.spec, "-o", self.output, "--progress", "none", **environment) for _ in range(3)
            ]
            statuses = [one.wait() for one in started]
            self.assertIn(0, statuses, [one.said() for one in started])
            self.assertLessEqual(set(statuses), {0, BUSY}, [one.said() for one in started])
            self.assertEqual(read(self.output, "error").tobytes(), read(self.expected, "error").tobytes())
            self.assertEqual(self.files(), ["many.h5", "many.yaml"])
            self.output.unlink()
