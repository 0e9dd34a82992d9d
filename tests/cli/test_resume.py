"""Stopped and killed sweeps go on where they were, to the same bits."""

import os
import re
import signal
import subprocess
import time
import unittest

import h5py
import numpy as np
from harness import PROGRAM, SWEEP, ProgramTest, read, wait_for, xxh3

# Two runs of some seconds each, the sanitized program's being shorter.
ITERATIONS = 2000000 if "release" in PROGRAM else 300000
LONG = (
    SWEEP.replace("[3, 5]", "3")
    .replace("[100, 300]", "[400]")
    .replace("[leaky_relu(0.2), tanh]", "tanh")
    .replace("count: 4", "count: 2")
    .replace("ascent_step: 1.0", "ascent_step: 0.7")
    .replace("iterations: 50", f"iterations: {ITERATIONS}")
)


class Resume(ProgramTest):
    undisturbed = None  # /error, computed once

    def setUp(self):
        super().setUp()
        if Resume.undisturbed is None:
            whole = self.run_sweep(LONG, "whole", ranks=2)
            Resume.undisturbed = read(whole, "error").tobytes()
            whole.unlink()
            (self.folder / "whole.yaml").unlink()
        self.spec = self.write("long.yaml", LONG)
        self.output = self.folder / "long.h5"
        self.saved = self.folder / "long.h5.partial"

    def start(self, *options, ranks=None):
        return subprocess.Popen(
            self.command("run", self.spec, "-o", self.output, *options, ranks=ranks),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def stop_once(self, signal_number, delay, ranks):
        process = self.start(ranks=ranks)
        wait_for(self.output)
        time.sleep(delay)
        process.send_signal(signal_number)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, stdout + stderr)
        return stdout

    def states(self):
        return {path.read_bytes() for path in self.saved.glob("*.state")}

    def stop(self, signal_number, ranks=None):
        """Stops a run when all ranks have got on; what it prints. A busy machine needs more time."""
        before = self.states()
        for delay in (0.4, 0.8, 1.6, 3.2):
            stdout = self.stop_once(signal_number, delay, ranks)
            saved = f"{ranks or 1} runs in flight saved" in stdout
            if saved and not before & self.states():
                return stdout
        self.fail(stdout)

    def finish(self, continued, ranks=None):
        done = self.succeed("run", self.spec, "-o", self.output, ranks=ranks)
        self.assertIn("2 of 2 runs committed", done.stdout)
        self.assertIn(f"{continued} runs went on", done.stdout)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
        self.assertEqual(self.files(), ["long.h5", "long.yaml"])

    def test_every_signal_saves_the_run_in_flight_again_and_again(self):
        self.assertNotIn("went on", self.stop(signal.SIGTERM))
        for number in (signal.SIGINT, signal.SIGUSR1):
            self.assertIn("1 runs went on", self.stop(number))
            self.assertEqual(len(self.states()), 1)
        self.finish(1, ranks=2)

    def test_all_ranks_save_and_any_number_of_them_goes_on(self):
        self.stop(signal.SIGUSR1, ranks=2)
        self.finish(2, ranks=3)

    def test_a_kill_costs_no_more_than_the_time_since_the_last_save(self):
        process = self.start("--checkpoint", "1")
        deadline = time.monotonic() + 60
        while not (self.saved.exists() and list(self.saved.glob("*.state"))):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll(), "it ended before it saved")
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        self.finish(1, ranks=2)

    def test_a_time_limit_stops_as_a_signal_does(self):
        self.stop_in_flight(self.spec, "-o", self.output, runs=2, ranks=2)
        done = self.succeed("run", self.spec, "-o", self.output, "--time-limit", "10000", ranks=2)
        self.assertIn("2 runs went on", done.stdout)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)

    def test_the_end_of_a_slurm_job_stops_in_time(self):
        """What Slurm sets in the environment of a job; the margin is a tenth of the time left."""
        for seconds in (2, 4, 8, 16):
            end = int(time.time()) + seconds
            done = self.call(
                "run", self.spec, "-o", self.output, "--time-limit", "10000", SLURM_JOB_END_TIME=str(end)
            )
            self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
            self.assertIn("stopped early because of the end of the Slurm job", done.stdout)
            if "1 runs in flight saved" in done.stdout:
                break
        self.assertIn("1 runs in flight saved", done.stdout)
        for no_end in ("", "soon", str(int(time.time()) - 5)):  # of another job, or of none
            done = self.call(
                "run", self.spec, "-o", self.output, "--time-limit", "1", SLURM_JOB_END_TIME=no_end
            )
            self.assertEqual(done.returncode, 75)
            self.assertIn("stopped early because of --time-limit", done.stdout)
        self.finish(1, ranks=2)

    def test_runs_that_are_saved_part_way_are_partial_in_the_file(self):
        self.stop(signal.SIGUSR1, ranks=2)
        records = read(self.output, "run")
        self.assertEqual(records["status"].tolist(), [[4, 4]])
        for record in records[0]:
            self.assertTrue(0 < record["iterations"] < ITERATIONS)
            self.assertGreater(record["seconds"], 0)
        self.assertTrue(np.isnan(read(self.output, "error")).all())
        stdout = self.succeed("status", self.output).stdout
        self.assertRegex(stdout, r"pending +2\npartial +2 \(of those pending")
        stdout = self.succeed("verify", self.output, "--replay", "2").stdout
        self.assertRegex(stdout, r"intact +0\npending +2\ndamaged +0\nbands +0 right, 1 not made yet")
        with h5py.File(self.output, "r+") as file:
            record = file["run"][0, 1]
            record["iterations"] += 1
            file["run"][0, 1] = record
        done = self.call("verify", self.output)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r" 0 +1 +its record is damaged")
        self.finish(2, ranks=2)
        self.assertEqual(read(self.output, "run")["status"].tolist(), [[1, 1]])

    def test_a_retry_that_is_stopped_is_not_the_end(self):
        """Both runs are made to have failed for want of memory."""
        self.succeed("run", self.spec, "-o", self.output, ranks=2)
        with h5py.File(self.output, "r+") as file:
            records = file["run"][...]
            for record in records[0]:
                record["status"] = record["reason"] = 3
                record["record_checksum"] = xxh3(record.tobytes()[:-8])
            file["run"][...] = records
        done = self.call("run", self.spec, "-o", self.output, "--retry-failed", "--time-limit", "1")
        self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
        self.assertIn("stopped early because of --time-limit", done.stdout)
        self.succeed("run", self.spec, "-o", self.output, "--retry-failed", ranks=2)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)

    def test_status_watches_until_nothing_is_pending(self):
        process = self.start(ranks=2)
        wait_for(self.output)
        watcher = subprocess.Popen(
            self.command("status", self.output, "--watch"), stdout=subprocess.PIPE, text=True
        )
        seen = ""
        while "failed" not in seen:
            seen += watcher.stdout.readline()
        self.assertRegex(seen, r"writer +process \d+ on \S+ since ")
        self.assertRegex(seen, r"done +0\npending +2\n")
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, stdout + stderr)
        seen += watcher.communicate(timeout=60)[0]
        self.assertEqual(watcher.returncode, 0)
        self.assertGreaterEqual(seen.count("sweep       tiny\n"), 2)
        last = seen[seen.rindex("file ") :]
        self.assertRegex(last, r"done +2\npending +0\n")
        self.assertNotIn("writer", last)

    def test_what_is_damaged_begins_anew(self):
        self.stop(signal.SIGTERM)
        (file,) = self.saved.iterdir()
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
        done = self.succeed("run", self.spec, "-o", self.output, ranks=2)
        self.assertNotIn("went on", done.stdout)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
        self.assertEqual(self.files(), ["long.h5", "long.yaml"])

    def test_a_save_that_fails_costs_the_run_in_flight_only(self):
        self.write("long.h5.partial", "a file where the folder should be")
        process = self.start()
        wait_for(self.output)
        time.sleep(0.4)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75)
        self.assertIn("0 runs in flight saved", stdout)
        self.assertRegex(stderr, r"warning: a run in flight cannot be saved.*long\.h5\.partial")
        self.saved.unlink()
        done = self.succeed("run", self.spec, "-o", self.output, ranks=2)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
        self.assertTrue(re.search(r"2 of 2 runs committed \(2 now", done.stdout))

    def test_times_must_be_positive(self):
        for option in ("--checkpoint", "--time-limit"):
            done = self.call("run", self.spec, "-o", self.output, option, "0")
            self.assertEqual(done.returncode, 2)
            self.assertIn(option, done.stderr)


if __name__ == "__main__":
    unittest.main()
