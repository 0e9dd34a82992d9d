"""`run`: the same bits whatever the ranks, the grid or interruptions; exit codes; refusals."""

import os
import resource
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from harness import (
    DIVERGING,
    PAIR,
    SWEEP,
    ProgramTest,
    read,
    without_escape,
    without_executions,
)

pytestmark = pytest.mark.fast


class SameBits(ProgramTest):
    def test_any_number_of_ranks_gives_the_same_bits(self):
        alone = read(self.run_sweep(SWEEP, "alone"), "error")
        for ranks in (1, 2, 3, 4):
            with self.subTest(ranks=ranks):
                path = self.run_sweep(SWEEP, f"ranks{ranks}", ranks=ranks)
                self.assertEqual(read(path, "error").tobytes(), alone.tobytes())
                for name in ("mean", "std", "median", "q05", "q95", "count"):
                    band = f"bands/relative_error/{name}"
                    self.assertEqual(
                        read(path, band).tobytes(), read(self.folder / "alone.h5", band).tobytes()
                    )

    def test_a_run_does_not_depend_on_what_else_is_in_the_grid(self):
        whole = self.run_sweep(SWEEP, "whole")
        small = SWEEP.replace("[3, 5]", "5").replace("[100, 300]", "300").replace(
            "{count: 4}", "[2]"
        )
        part = self.run_sweep(small.replace("[leaky_relu(0.2), tanh]", "tanh"), "part")
        with h5py.File(whole) as file:
            cell = np.flatnonzero(
                (file["d"][:] == 5)
                & (file["n"][:] == 300)
                & (file["activation"].asstr()[:] == "tanh")
            )
            expected = file["error"][cell[0], 2]
            identity = file["run"][cell[0], 2]["identity"]
        self.assertEqual(read(part, "error")[0, 0].tobytes(), expected.tobytes())
        self.assertEqual(read(part, "run")[0, 0]["identity"], identity)

    def test_kernels_that_fuse_give_the_same_bits_and_others_agree(self):
        for precision, close in (("single", 1e-3), ("double", 1e-9)):
            sweep = SWEEP.replace("precision: single", f"precision: {precision}")
            chosen = read(self.run_sweep(sweep, f"chosen-{precision}"), "error")
            fused = []
            for kernel in ("avx512", "avx2", "portable", "reference"):
                with self.subTest(precision=precision, kernel=kernel):
                    if not self.runs_here(kernel):
                        continue
                    path = self.run_sweep(sweep, f"{kernel}-{precision}", SADDLESWEEP_KERNEL=kernel)
                    with h5py.File(path) as file:
                        self.assertEqual(file.attrs["kernel"], kernel)
                        errors = file["error"][:]
                    np.testing.assert_allclose(errors, chosen, rtol=close)
                    fused += [errors.tobytes()] if kernel.startswith("avx") else []
                    self.assertEqual(fused, fused[:1] * len(fused))

    def runs_here(self, kernel):
        done = self.call("plan", self.write("tiny.yaml", SWEEP), SADDLESWEEP_KERNEL=kernel)
        if done.returncode == 2:
            self.assertIn("this processor lacks its instructions", done.stderr)
        return done.returncode == 0

    def test_cells_share_what_they_should(self):
        path = self.run_sweep(SWEEP, "tiny")
        with h5py.File(path) as file:
            start = file["error"][:, :, 0]
            norm = file["run"][:, :]["truth_norm"]
            d = file["d"][:]
        for value in (3, 5):
            for array in (start, norm):
                of_d = array[d == value]
                self.assertTrue((of_d == of_d[0]).all(), "same target, same start, for any n")
        self.assertEqual(len(np.unique(norm)), 8, "two d, four seeds: eight different targets")


class Resume(ProgramTest):
    def test_a_whole_file_is_left_alone(self):
        path = self.run_sweep(SWEEP, "tiny")
        before = without_executions(path)
        done = self.succeed("run", "tiny.yaml", "-o", path)
        self.assertIn("(0 now", done.stdout)
        self.assertEqual(without_executions(path), before)

    def test_only_what_is_missing_is_computed(self):
        path = self.run_sweep(SWEEP, "tiny")
        complete = read(path, "error")
        seconds = read(path, "run")["seconds"]
        with h5py.File(path, "r+") as file:
            for cell, seed in ((0, 1), (7, 3)):
                record = file["run"][cell, seed]
                record["status"] = 0
                file["run"][cell, seed] = record
                file["error"][cell, seed] = np.nan
        done = self.succeed("run", "tiny.yaml", "-o", path, ranks=2)
        self.assertIn("(2 now", done.stdout)
        self.assertEqual(read(path, "error").tobytes(), complete.tobytes())
        again = read(path, "run")["seconds"]
        self.assertEqual((again != seconds).sum(), 2)

    def test_a_damaged_trajectory_is_computed_again(self):
        path = self.run_sweep(SWEEP, "tiny")
        complete = read(path, "error")
        with h5py.File(path, "r+") as file:
            file["error"][2, 2, 5] += 1e-9
        done = self.succeed("run", "tiny.yaml", "-o", path)
        self.assertIn("(1 now", done.stdout)
        self.assertEqual(read(path, "error").tobytes(), complete.tobytes())

    def test_another_plan_is_refused_with_the_first_difference(self):
        path = self.run_sweep(SWEEP, "tiny")
        before = path.read_bytes()
        for option, difference in [
            ("grid.n=[100,200]", "n of cell 2 is 300 in the file, 200 in the sweep"),
            ("grid.d=[3]", "the number of cells is 8 in the file, 4 in the sweep"),
            ("grid.seed=[0,1,2,9]", "seed number 3 is 3 in the file, 9 in the sweep"),
            ("grid.activation=[leaky_relu(0.2),erf]", "activation of cell 1 is tanh in the file"),
            ("train.iterations=60", "train.iterations is 50 in the file, 60 in the sweep"),
            ("train.noise=0", "train.noise is 0.1"),
            ("record.points=13", "the number of recorded iterations is 12 in the file, 13"),
            ("root_seed=8", "root_seed is 7 in the file, 8 in the sweep"),
            ("precision=double", "precision is single in the file, double in the sweep"),
        ]:
            with self.subTest(option):
                done = self.call("run", "tiny.yaml", "-o", path, "--set", option)
                self.assertEqual(done.returncode, 2)
                self.assertIn(difference, done.stderr)
                self.assertEqual(path.read_bytes(), before)

    def test_the_same_plan_spelt_otherwise_goes_on(self):
        path = self.run_sweep(SWEEP, "tiny")
        self.succeed("run", "tiny.yaml", "-o", path, "--set", "grid.d={from: 3, to: 5, step: 2}")


class Refusals(ProgramTest):
    def test_files_that_are_no_result_files(self):
        spec = self.write("tiny.yaml", SWEEP)
        text = self.write("text.h5", "not HDF5")
        other = self.folder / "other.h5"
        with h5py.File(other, "w") as file:
            file["x"] = 1
        older = self.folder / "older.h5"
        with h5py.File(older, "w") as file:
            file.attrs["format"] = "saddlesweep"
            file.attrs["format_version"] = 1
        newer = self.run_sweep(SWEEP, "newer")
        with h5py.File(newer, "r+") as file:
            file.attrs["format_version"] = 99
        truncated = self.run_sweep(SWEEP, "truncated")
        os.truncate(truncated, truncated.stat().st_size // 2)
        for path, fragment in (
            (text, "not a result file of saddlesweep (HDF5 cannot open it)"),
            (other, "not a result file of saddlesweep (its attribute"),
            (older, "has format_version 1, this program reads 2 to 4; use the older program"),
            (newer, "has format_version 99, this program reads 2 to 4; use the newer program"),
            (truncated, "is truncated: it has"),
        ):
            with self.subTest(path.name):
                before = path.read_bytes()
                for command in (("run", spec, "-o", path), ("status", path), ("reduce", path)):
                    done = self.call(*command)
                    self.assertEqual(done.returncode, 2, command)
                    self.assertIn(path.name, done.stderr)
                    self.assertIn(fragment, done.stderr)
                self.assertEqual(path.read_bytes(), before)

    def test_missing_output_option(self):
        self.write("tiny.yaml", SWEEP)
        done = self.call("run", "tiny.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("-o FILE.h5", done.stderr)

    def test_folder_that_is_not_there(self):
        self.write("tiny.yaml", SWEEP)
        done = self.call("run", "tiny.yaml", "-o", "nowhere/out.h5")
        self.assertEqual(done.returncode, 2)
        self.assertIn("folder", done.stderr)

    def test_no_room_for_the_file(self):
        self.write("tiny.yaml", SWEEP)
        limit = 20000  # bytes that a file may have; the result file wants more
        done = self.call("run", "tiny.yaml", "-o", "out.h5", limit=(resource.RLIMIT_FSIZE, limit))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("its space cannot be reserved", done.stderr)
        self.assertEqual(self.files(), ["tiny.yaml"], "nothing half-made is left")

    def test_output_that_is_a_folder_or_nothing(self):
        self.write("tiny.yaml", SWEEP)
        for output, fragment in ((self.folder, "is a folder"), ("", "-o FILE.h5 is missing")):
            done = self.call("run", "tiny.yaml", "-o", output)
            self.assertEqual(done.returncode, 2)
            self.assertIn(fragment, done.stderr)

    def test_unknown_kernel(self):
        self.write("tiny.yaml", SWEEP)
        done = self.call("run", "tiny.yaml", "-o", "out.h5", SADDLESWEEP_KERNEL="avx1024")
        self.assertEqual(done.returncode, 2)
        self.assertIn("Allowed: avx512, avx2, portable or reference", done.stderr)
        self.assertEqual(self.files(), ["tiny.yaml"])

    def test_a_mistake_on_one_rank_only_ends_all(self):
        self.write("tiny.yaml", SWEEP)
        program = self.command("run", "tiny.yaml", "-o", "out.h5")
        for order in ((["avx1024"], []), ([], ["avx1024"])):
            launch = ["mpirun", "--oversubscribe"]
            for names in order:
                settings = [f"SADDLESWEEP_KERNEL={name}" for name in names]
                launch += [":"] if len(launch) > 2 else []
                launch += ["-n", "1", "env", *settings, *program]
            done = subprocess.run(
                launch, cwd=self.folder, env=self.environ(), capture_output=True, text=True, check=False
            )
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(done.stderr.count("unknown kernel"), 1)
            self.assertEqual(self.files(), ["tiny.yaml"])

    def test_programs_alone_on_one_host_do_not_meet(self):
        """Each has a folder of Open MPI's for itself, and removes it."""
        self.write("tiny.yaml", SWEEP)
        temporary = self.folder / "tmp"
        temporary.mkdir()

        def run(number):
            name = f"alone{number}.h5"
            return self.call("run", "tiny.yaml", "-o", name, TMPDIR=str(temporary))

        with ThreadPoolExecutor(4) as pool:
            for done in pool.map(run, range(16)):
                self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(temporary.iterdir()), [])

    def test_a_second_run_on_a_live_file_is_refused(self):
        self.write("held.yaml", PAIR)
        first = self.hold("held.yaml", "-o", "held.h5", cues="0/0@9=HOLD")
        done = self.call("run", "held.yaml", "-o", "held.h5")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, rf"process {first.pid} on \S+ since \d{{4}}-\d\d-\d\d ")
        done = self.call("reduce", "held.h5")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is being written by another run", done.stderr)
        status = self.succeed("status", "held.h5")
        self.assertRegex(status.stdout, r"pending +2\n")


class Outcomes(ProgramTest):
    def test_diverged_runs_are_recorded_and_never_averaged(self):
        spec = self.write("diverging.yaml", DIVERGING)
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                path = self.folder / f"diverging{ranks}.h5"
                done = self.call("run", spec, "-o", path, ranks=ranks)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn("runs: a value of A or of the error is no longer finite", done.stdout)
                with h5py.File(path) as file:
                    status = file["run"][:, :]["status"]
                    iterations = file["run"][:, :]["iterations"]
                    error = file["error"][...]
                    recorded = file["iteration"][:]
                    count = file["bands/error/count"][...]
                    mean = file["bands/error/mean"][...]
                self.assertTrue((status == 2).any())
                for cell, seed in zip(*np.nonzero(status == 2)):
                    finite = np.isfinite(error[cell, seed])
                    np.testing.assert_array_equal(finite, recorded < iterations[cell, seed])
                self.assertTrue((count == (status == 1).sum(axis=1)[:, None]).all())
                self.assertTrue(np.isnan(mean[count == 0]).all())
                again = self.call("run", spec, "-o", path)
                self.assertEqual(again.returncode, 3)
                self.assertIn("(0 now", again.stdout)

    def test_double_precision_agrees_with_single(self):
        single = read(self.run_sweep(SWEEP, "single"), "error")
        double = read(self.run_sweep(SWEEP, "double", "--set", "precision=double"), "error")
        np.testing.assert_allclose(single, double, rtol=1e-3)
        self.assertFalse((single == double).all())

    def test_a_signal_stops_it_and_the_same_command_goes_on(self):
        expected = read(self.finished(SWEEP), "error")
        spec = self.write("tiny.yaml", SWEEP)
        for ranks, number in ((None, signal.SIGTERM), (None, signal.SIGINT), (2, signal.SIGUSR1)):
            with self.subTest(ranks=ranks, signal=number):
                path = self.folder / f"stopped-{ranks}-{number}.h5"
                # The shortest cell comes last: by then others are committed.
                started = self.hold(spec, "-o", path, cues="0/1@30=HOLD", ranks=ranks)
                self.assertIn("the same command goes on", self.stop(started, number, saved=None))
                committed = (read(path, "run")["status"] == 1).sum()
                self.assertGreaterEqual(committed, 1)
                self.assertLess(committed, 32)
                done = self.succeed("run", spec, "-o", path, ranks=ranks)
                self.assertIn(f"({32 - committed} now", done.stdout)
                self.assertEqual(read(path, "error").tobytes(), expected.tobytes())

    def test_a_second_interrupt_stops_at_once_and_loses_runs_in_flight_only(self):
        """In an iteration that takes some seconds: a drain waits for its end."""
        text = SWEEP.replace("[3, 5]", "[1500]").replace("k: 2", "k: d").replace("[100, 300]", "[100000]")
        path = self.folder / "slow.h5"
        started = self.start("run", self.write("slow.yaml", text), "-o", path)
        started.wait_for(path)
        begun = processor_seconds(started.pid)  # in the run, not on the way to it
        started.wait_until(lambda: processor_seconds(started.pid) > begun + 0.5, "it was at work")
        started.send(signal.SIGINT)
        started.wait_until(lambda: not interrupt_is_caught(started.pid), "it knew of it")
        started.send(signal.SIGINT)
        self.assertEqual(started.wait(), -signal.SIGINT, started.said())
        stdout = self.succeed("verify", path).stdout
        self.assertRegex(stdout, r"intact +0\npending +8\ndamaged +0\n")
        self.assertNotIn("writer", self.succeed("status", path).stdout)

    def test_a_killed_run_goes_on(self):
        expected = read(self.finished(SWEEP), "error")
        spec = self.write("tiny.yaml", SWEEP)
        path = self.folder / "killed.h5"
        started = self.hold(spec, "-o", path, cues="0/1@30=HOLD", ranks=2)
        started.kill()  # mpirun; its ranks write on for a moment
        self.succeed("run", spec, "-o", path, ranks=2)
        self.assertEqual(read(path, "error").tobytes(), expected.tobytes())
        self.assertEqual(self.files(), ["killed.h5", "tiny.yaml"], "no leftovers")


class Progress(ProgramTest):
    def test_plain_lines_go_to_stderr_and_results_to_stdout(self):
        self.write("tiny.yaml", SWEEP)
        done = self.succeed("run", "tiny.yaml", "-o", "tiny.h5")
        self.assertRegex(done.stderr, r"tiny: 32/32 runs \(100 %\), .* runs/s, ETA .*, 0 diverged")
        self.assertRegex(done.stdout, r"^tiny: 32 of 32 runs committed \(32 now")

    def test_one_live_line_on_a_terminal(self):
        self.write("tiny.yaml", SWEEP.replace("count: 4", "count: 200"))
        terminal, terminal_end = os.openpty()
        process = subprocess.Popen(
            self.command("run", "tiny.yaml", "-o", "tiny.h5"),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=terminal_end,
        )
        os.close(terminal_end)
        shown = b""
        try:
            while chunk := os.read(terminal, 4096):
                shown += chunk
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        self.assertEqual(process.wait(), 0)
        text = without_escape(shown.decode())
        self.assertIn("\rtiny: 1600/1600 runs", text)
        self.assertEqual(text.count("\n"), 1, "one line, rewritten in place")

    def test_styles(self):
        self.write("tiny.yaml", SWEEP)
        self.assertEqual(self.succeed("run", "tiny.yaml", "-o", "a", "--progress=none").stderr, "")
        live = self.succeed("run", "tiny.yaml", "-o", "b", "--progress", "live")
        self.assertIn("\x1b[K", live.stderr)
        wrong = self.call("run", "tiny.yaml", "-o", "c", "--progress", "fancy")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("fancy", wrong.stderr)


def interrupt_is_caught(pid):
    with open(f"/proc/{pid}/status") as file:
        (caught,) = [line.split()[1] for line in file if line.startswith("SigCgt:")]
    return int(caught, 16) >> (signal.SIGINT - 1) & 1


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
