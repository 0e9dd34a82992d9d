"""Stopped and killed sweeps go on where they were, to the same bits."""

import shutil
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest
from harness import PAIR, SANITIZED, ProgramTest, read, xxh3

pytestmark = pytest.mark.fast

ITERATIONS = 20000
LONG = PAIR.replace("ascent_step: 1.0", "ascent_step: 0.7")  # V is part of the state


def held(step, seeds=(0,)):
    """Cues: the runs of these seeds wait at this step."""
    return ",".join(f"0/{seed}@{step}=HOLD" for seed in seeds)


class Resume(ProgramTest):
    def setUp(self):
        super().setUp()
        self.undisturbed = read(self.finished(LONG), "error").tobytes()
        self.spec = self.write("long.yaml", LONG)
        self.output = self.folder / "long.h5"
        self.saved = self.folder / "long.h5.partial"

    def stop_by(self, number, step, seeds=(0,), ranks=None):
        """Stops a run by a signal while the runs of these seeds are at a step, and says what it prints."""
        started = self.hold(self.spec, "-o", self.output, cues=held(step, seeds), ranks=ranks)
        return self.stop(started, number, saved=len(seeds))

    def states(self):
        return {path.read_bytes() for path in self.saved.glob("*.state")}

    def iterations(self):
        """How far the runs are, by their records."""
        return read(self.output, "run")["iterations"][0].tolist()

    def finish(self, continued, ranks=None):
        done = self.succeed("run", self.spec, "-o", self.output, ranks=ranks)
        self.assertIn("2 of 2 runs committed", done.stdout)
        self.assertIn(f"{continued} runs went on", done.stdout)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
        self.assertEqual(self.files(), ["long.h5", "long.yaml"])

    def test_every_signal_saves_the_run_in_flight_again_and_again(self):
        self.assertNotIn("went on", self.stop_by(signal.SIGTERM, 7000))
        for number, step in ((signal.SIGINT, 7001), (signal.SIGUSR1, 15000)):
            before = self.states()
            self.assertIn("1 runs went on", self.stop_by(number, step))
            self.assertEqual(self.iterations(), [step, 0])
            self.assertEqual(len(self.states()), 1)
            self.assertFalse(before & self.states())
        self.finish(1, ranks=2)

    def test_all_ranks_save_and_any_number_of_them_goes_on(self):
        self.stop_by(signal.SIGUSR1, 9000, seeds=(0, 1), ranks=2)
        self.assertEqual(self.iterations(), [9000, 9000])
        self.finish(2, ranks=3)

    def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_bits(self):
        for step in (0, ITERATIONS - 1) if SANITIZED else (0, 1, 2, 19, ITERATIONS - 1):
            with self.subTest(step=step):
                done = self.call("run", self.spec, "-o", self.output, cues=f"0/0@{step}=USR1")
                self.assertEqual(done.returncode, 75, done.stderr)
                self.assertEqual(self.iterations(), [step, 0])
                self.finish(int(step > 0)) if step else self.succeed("run", self.spec, "-o", self.output)
                self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
                self.output.unlink()

    def test_a_kill_costs_no_more_than_what_came_after_the_last_save(self):
        done = self.call("run", self.spec, "-o", self.output, cues="0/0@300=SAVE,0/0@500=KILL")
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertEqual(len(self.states()), 1)
        done = self.call("run", self.spec, "-o", self.output, cues="0/0@299=KILL,0/0@301=USR1")
        self.assertEqual(done.returncode, 75, "what it has passed does not come again")
        self.assertEqual(self.iterations(), [301, 0])
        self.finish(1, ranks=2)

    def test_it_saves_by_itself_every_so_often(self):
        started = self.hold(self.spec, "-o", self.output, "--checkpoint", "1", cues=held(6000))
        started.wait_until(self.states, "it saved")
        started.kill()
        self.finish(1, ranks=2)

    def test_a_time_limit_stops_as_a_signal_does(self):
        cues = held(5000, (0, 1))
        for limit in (1, 4, 16, 64):  # that a busy machine has begun both runs
            self.output.unlink(missing_ok=True)
            shutil.rmtree(self.saved, ignore_errors=True)
            done = self.call("run", self.spec, "-o", self.output, "--time-limit", str(limit), ranks=2, cues=cues)
            self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
            if done.stderr.count("held: ") == 2:
                break
        self.assertIn("stopped early because of --time-limit, 2 runs in flight saved", done.stdout)
        done = self.succeed("run", self.spec, "-o", self.output, "--time-limit", "10000", ranks=2)
        self.assertIn("2 runs went on", done.stdout)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)

    def test_a_rank_that_began_earlier_waits_for_the_limit_of_rank_0(self):
        """The reason is told, though the other rank's own limit would have come two seconds before."""
        run = self.command("run", self.spec, "-o", self.output, "--time-limit")
        for limit in (4, 16, 64):  # that a busy machine has begun both runs
            self.output.unlink(missing_ok=True)
            shutil.rmtree(self.saved, ignore_errors=True)
            command = ["mpirun", "--oversubscribe", "-n", "1", "sh", "-c", 'sleep 2; exec "$@"', "sh", *run, str(limit)]
            done = subprocess.run(
                [*command, ":", "-n", "1", *run, str(limit)],
                cwd=self.folder, env=self.environ(held(5000, (0, 1))), capture_output=True, text=True, check=False,
            )  # fmt: skip
            self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
            if done.stderr.count("held: ") == 2:
                break
        self.assertIn("stopped early because of --time-limit, 2 runs in flight saved", done.stdout)

    def test_the_end_of_a_slurm_job_stops_in_time(self):
        """What Slurm sets in the environment of a job; the margin is a tenth of the time left. A job that ends before
        the program has begun is none of its own: on a busy machine it is told a later end."""
        stopped = "because of the end of the Slurm job, 1 runs in flight saved"
        for seconds in (2, 8, 32, 128):
            self.output.unlink(missing_ok=True)
            shutil.rmtree(self.saved, ignore_errors=True)
            options = ("run", self.spec, "-o", self.output, "--time-limit", str(3 * seconds))
            done = self.call(*options, cues=held(5000), SLURM_JOB_END_TIME=str(int(time.time()) + seconds))
            self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
            if "held: " in done.stderr and stopped in done.stdout:
                break
        self.assertIn(stopped, done.stdout)
        for no_end in ("", "soon", str(int(time.time()) - 5)):  # of another job, or of none
            done = self.call(
                "run", self.spec, "-o", self.output, "--time-limit", "1", cues=held(6000), SLURM_JOB_END_TIME=no_end
            )
            self.assertEqual(done.returncode, 75)
            self.assertIn("stopped early because of --time-limit", done.stdout)
        self.finish(1, ranks=2)

    def test_runs_that_are_saved_part_way_are_partial_in_the_file(self):
        self.stop_by(signal.SIGUSR1, 800, seeds=(0, 1), ranks=2)
        records = read(self.output, "run")
        self.assertEqual(records["status"].tolist(), [[4, 4]])
        for record in records[0]:
            self.assertEqual(record["iterations"], 800)
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
        done = self.call("run", self.spec, "-o", self.output, "--retry-failed", cues="0/0@400=USR1")
        self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
        self.assertIn("stopped early, 1 runs in flight saved", done.stdout)
        self.succeed("run", self.spec, "-o", self.output, "--retry-failed", ranks=2)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)

    def test_status_watches_until_nothing_is_pending(self):
        started = self.hold(self.spec, "-o", self.output, cues=held(5000, (0, 1)), ranks=2)
        watcher = self.start("status", self.output, "--watch")
        seen = watcher.wait_until(
            lambda: (said := watcher.said()[0]).count("executions") and said, "it showed anything"
        )
        self.assertRegex(seen, r"writer +process \d+ on \S+ since ")
        self.assertRegex(seen, r"done +0\npending +2\n")
        started.send(signal.SIGUSR2)
        self.assertEqual(started.wait(), 0, started.said())
        self.assertEqual(watcher.wait(), 0)
        seen = watcher.said()[0]
        self.assertGreaterEqual(seen.count("sweep       tiny\n"), 2)
        last = seen[seen.rindex("file ") :]
        self.assertRegex(last, r"done +2\npending +0\n")
        self.assertNotIn("writer", last)

    def test_what_is_damaged_begins_anew(self):
        self.stop_by(signal.SIGTERM, 12000)
        (file,) = self.saved.iterdir()
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
        done = self.succeed("run", self.spec, "-o", self.output, ranks=2)
        self.assertNotIn("went on", done.stdout)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
        self.assertEqual(self.files(), ["long.h5", "long.yaml"])

    def test_a_save_that_fails_costs_the_run_in_flight_only(self):
        self.write("long.h5.partial", "a file where the folder should be")
        done = self.call("run", self.spec, "-o", self.output, cues="0/0@200=USR1")
        self.assertEqual(done.returncode, 75)
        self.assertIn("0 runs in flight saved", done.stdout)
        self.assertRegex(done.stderr, r"warning: a run in flight cannot be saved.*long\.h5\.partial")
        self.saved.unlink()
        done = self.succeed("run", self.spec, "-o", self.output, ranks=2)
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
        self.assertIn("2 of 2 runs committed (2 now", done.stdout)

    def test_cues_that_are_none_are_refused(self):
        for cues in ("0/0@20", "0/0@20=STOP", "0/0@-1=USR1", "0/0@5=USR1;", ",", 17 * "0/0@5=SAVE,"):
            done = self.call("run", self.spec, "-o", self.output, cues=cues)
            self.assertEqual(done.returncode, 2, cues)
            self.assertIn("SADDLESWEEP_TEST_CUES: found", done.stderr)
            self.assertFalse(self.output.exists())
        done = self.call("run", self.spec, "-o", self.output, cues="0", ranks=2)
        self.assertEqual((done.returncode, done.stderr.count("error: ")), (2, 1), done.stderr)

    def test_times_must_be_positive(self):
        for option in ("--checkpoint", "--time-limit"):
            done = self.call("run", self.spec, "-o", self.output, option, "0")
            self.assertEqual(done.returncode, 2)
            self.assertIn(option, done.stderr)
