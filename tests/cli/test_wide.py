"""Sweeps with runs on process grids: which, on how many ranks, their results, stops and mistakes."""

import os
import re
import resource
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
from harness import ALL, SANITIZED, SWEEP, ProgramTest, read, xxh3

WIDE = 5
MIXED = 65535

# Two small cells and two wide ones, of 3 seeds each.
MANY = (
    SWEEP.replace("d: [3, 5]", "d: [5, 44]")
    .replace("n: [100, 300]", "n: 300")
    .replace("count: 4", "count: 3")
    .replace("precision: single", "precision: double")
    + "\nwide: {from_d: 40, block: 16}\n"
)
ONE = MANY.replace("d: [5, 44]", "d: 44").replace("[leaky_relu(0.2), tanh]", "tanh").replace("count: 3", "count: 1")
LONG = ONE.replace("iterations: 50", "iterations: 600").replace(
    "size: 0.5", "size: 0.02"  # a larger one is chaotic here, and amplifies rounding
)


class WideTest(ProgramTest):
    def reference(self, text, name="reference"):
        """The same by the one-rank engine."""
        return self.run_sweep(text, name, "--set", "wide.from_d=1000")

    def assert_near(self, output, reference, tolerance=1e-9):
        np.testing.assert_allclose(read(output, "error"), read(reference, "error"), rtol=tolerance)


class Results(WideTest):
    def check(self, ranks, grid, said, *options):
        spec = self.write("many.yaml", MANY)
        output = self.folder / f"many-{ranks}.h5"
        done = self.succeed("run", spec, "-o", output, *options, ranks=ranks)
        self.assertIn(said, done.stdout)
        self.assertIn("12 of 12 runs committed (12 now", done.stdout)
        records = read(output, "run")
        wide = read(output, "d") == 44
        self.assertTrue((records["grid"][wide] == grid).all(), records["grid"])
        self.assertTrue((records["kernel"][wide] == WIDE).all())
        self.assertTrue((records["grid"][~wide] == 0).all())
        self.assertTrue((records["kernel"][~wide] != WIDE).all())
        self.assertTrue((read(output, "bands/error/count") == 3).all())
        self.assert_near(output, self.reference(MANY, f"reference-{ranks}"))
        self.succeed("verify", output)

    def test_one_rank_is_a_grid_too(self):
        self.check(1, 1, "6 wide runs on 1 process grid of 1 x 1 ranks\n")

    def test_grids_side_by_side(self):
        self.check(2, 1, "6 wide runs on 2 process grids of 1 x 1 ranks\n")

    def test_ranks_left_over_are_told(self):
        said = "6 wide runs on 1 process grid of 1 x 2 ranks; 1 rank is left over, idle until they have ended\n"
        self.check(3, 2, said, "--set", "wide.ranks=2")

    def test_a_grid_of_all_ranks(self):
        self.check(4, 4, "6 wide runs on 1 process grid of 2 x 2 ranks\n", "--set", "wide.ranks=4")

    def test_single_precision_is_computed_in_double(self):
        text = ONE.replace("precision: double", "precision: single")
        output = self.run_sweep(text, "single", ranks=2)
        self.assert_near(output, self.reference(ONE))


class Replay(WideTest):
    def test_on_grids_of_their_size(self):
        for size in (2,) if SANITIZED else (1, 2):
            output = self.run_sweep(MANY, f"many{size}", "--set", f"wide.ranks={size}", ranks=2)
            for ranks in (3,) if SANITIZED else (size, 3):
                said = self.succeed("verify", output, "--replay", "12", ranks=ranks).stdout
                self.assertEqual(said.count("replayed    12, 0 of them with other bits\nexecutions"), 1, said)

    def test_other_bits_are_found(self):
        output = self.run_sweep(ONE, "one", "--set", "wide.ranks=2", ranks=2)
        with h5py.File(output, "r+") as file:
            records = file["run"][...]
            error = file["error"][...]
            error[0, 0, -1] = np.nextafter(error[0, 0, -1], 1)
            records["trajectory_checksum"] = xxh3(error.tobytes())
            records["record_checksum"] = xxh3(records.tobytes()[:56])
            file["error"][...] = error
            file["run"][...] = records
        self.succeed("reduce", output)
        self.succeed("verify", output)
        done = self.call("verify", output, "--replay", "1", ranks=2)
        self.assertEqual(done.returncode, 1)
        self.assertIn("replayed    1, 1 of them with other bits", done.stdout)
        self.assertEqual(done.stderr.count("do not come out as the file has them"), 1)

    def test_what_cannot_be_replayed_is_told(self):
        output = self.run_sweep(MANY, "many", "--set", "wide.ranks=2", ranks=2)
        said = self.succeed("verify", output, "--replay", "12").stdout
        self.assertIn(
            "replayed    6, 0 of them with other bits\n"
            "6 runs went on process grids of up to 2 ranks, here are 1: not replayed",
            said,
        )
        output = self.run_sweep(ONE, "one", "--set", "wide.ranks=2", ranks=2)
        done = self.call("verify", output, "--replay", "1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("process grids of up to 2 ranks, here are 1; start more: mpirun -n 2", done.stderr)

    def test_a_file_that_is_none_ends_all_ranks(self):
        done = self.call("verify", self.write("none.h5", "none"), "--replay", "1", ranks=2)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("error: "), 1, done.stderr)


class OneArithmeticAFile(WideTest):
    """Which runs are wide, and in which blocks, decides bits that no identity tells apart."""

    def test_a_file_is_gone_on_with_by_the_same_choice_of_wide_runs_only(self):
        spec = self.write("one.yaml", ONE)
        for made, wanted in ((40, 100), (100, 40)):
            output = self.run_sweep(ONE, f"from{made}", "--set", f"wide.from_d={made}")
            before = output.read_bytes()
            done = self.call("run", spec, "-o", output, "--set", f"wide.from_d={wanted}")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"its runs are computed with wide.from_d {made}, not {wanted}", done.stderr)
            self.assertEqual(output.read_bytes(), before)
            self.succeed("run", spec, "-o", output, "--set", f"wide.from_d={made + 4}")  # the same runs

    def test_runs_of_one_rank_and_of_grids_are_not_taken_for_each_other(self):
        text = MANY.replace("precision: double", "precision: single")
        spec = self.write("many.yaml", text)
        fresh = {made: self.run_sweep(text, f"from{made}", "--set", f"wide.from_d={made}") for made in (40, 100)}
        for made, wanted in ((40, 100), (100, 40)):
            output = self.folder / f"new{wanted}.h5"
            options = ("--set", f"wide.from_d={wanted}", "--reuse", fresh[made])
            for option in ((), ("--retry-failed",)):
                said = self.succeed("run", spec, "-o", output, *options, *option).stdout
                self.assertIn(": 6 runs taken over\n", said)
                self.assertEqual(read(output, "error").tobytes(), read(fresh[wanted], "error").tobytes())
                output.unlink()

    def test_a_sweep_that_grows_to_wide_runs_keeps_its_small_ones(self):
        small = self.run_sweep(MANY.replace("d: [5, 44]", "d: 5"), "small")
        spec = self.write("many.yaml", MANY)
        said = self.succeed("run", spec, "-o", self.folder / "many.h5", "--reuse", small).stdout
        self.assertIn(": 6 runs taken over\n", said)

    def test_a_file_is_gone_on_with_in_its_blocks_only(self):
        output = self.run_sweep(ONE, "one")
        spec = self.write("one.yaml", ONE)
        before = output.read_bytes()
        done = self.call("run", spec, "-o", output, "--set", "wide.block=8")
        self.assertEqual(done.returncode, 2)
        self.assertIn("its runs are computed with wide.block 16, not 8", done.stderr)
        self.assertEqual(output.read_bytes(), before)
        small = self.run_sweep(ONE, "small", "--set", "wide.from_d=100")
        self.succeed("run", spec, "-o", small, "--set", "wide.from_d=100", "--set", "wide.block=8")

    def test_runs_of_other_blocks_are_not_taken_over(self):
        old = self.run_sweep(MANY, "old")
        spec = self.write("many.yaml", MANY)
        for block, taken in ((8, 6), (16, 12)):
            said = self.succeed(
                "run", spec, "-o", self.folder / f"new{block}.h5", "--set", f"wide.block={block}", "--reuse", old
            ).stdout
            self.assertIn(f"{taken} runs taken over", said)

    def test_shards_of_another_arithmetic_are_not_merged(self):
        spec = self.write("many.yaml", MANY)
        self.succeed("run", spec, "-o", "1.h5", "--shard", "1/2")
        for number, key, value, first in ((2, "from_d", 100, 40), (3, "block", 8, 16)):
            self.succeed("run", spec, "-o", f"{number}.h5", "--shard", "2/2", "--set", f"wide.{key}={value}")
            done = self.call("merge", "1.h5", f"{number}.h5", "-o", "all.h5")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"first difference: wide.{key} is {value} in the former, {first} in the latter", done.stderr)


class Stops(WideTest):
    """A run that is stopped, on a grid, and gone on with."""

    def setUp(self):
        super().setUp()
        self.spec = self.write("long.yaml", LONG)
        self.output = self.folder / "long.h5"
        self.saved = self.folder / "long.h5.partial"

    def whole(self, ranks):
        """/error of an undisturbed run on one grid of so many ranks."""
        return read(self.finished(LONG, "--set", f"wide.ranks={ranks}", ranks=ranks), "error")

    def options(self, ranks, *more):
        return ("run", self.spec, "-o", self.output, "--set", f"wide.ranks={ranks}", *more)

    def held(self, ranks, step, *more):
        """The run, waiting at a step."""
        return self.hold(*self.options(ranks, *more)[1:], cues=f"0/0@{step}=HOLD", ranks=ranks)

    def stop_on(self, ranks, step):
        self.stop(self.held(ranks, step))
        self.check_stopped(step)

    def check_stopped(self, step):
        record = read(self.output, "run")[0, 0]
        self.assertEqual((record["status"], record["iterations"]), (4, step))
        self.assertEqual(len(list(self.saved.glob("*.state"))), 1)

    def finish(self, ranks, continued=True):
        done = self.succeed(*self.options(ranks), ranks=ranks)
        self.assertEqual("1 runs went on from where they had been saved" in done.stdout, continued, done.stdout)
        self.assertFalse(self.saved.exists())
        return read(self.output, "error"), int(read(self.output, "run")["grid"][0, 0])

    def test_the_same_grid_goes_on_to_the_same_bits(self):
        for ranks, steps in ((2, (200,)),) if SANITIZED else ((1, (200,)), (2, (100, 300))):
            for step in steps:
                self.stop_on(ranks, step)
            error, grid = self.finish(ranks)
            self.assertEqual(error.tobytes(), self.whole(ranks).tobytes())
            self.assertEqual(grid, ranks)
            self.output.unlink()

    def test_another_grid_goes_on_to_rounding_and_says_so(self):
        for *stopped, last in ((2, 1),) if SANITIZED else ((1, 2), (2, 4, 1)):
            for step, ranks in enumerate(stopped, 1):
                self.stop_on(ranks, 100 * step)
            error, grid = self.finish(last)
            np.testing.assert_allclose(error, self.whole(last), rtol=1e-6)
            self.assertEqual(grid, MIXED)
            self.output.unlink()

    def test_a_run_of_several_grids_stays_one(self):
        self.stop_on(2, 100)
        self.stop_on(1, 200)
        self.assertEqual(self.finish(1)[1], MIXED)
        done = self.call("verify", self.output, "--replay", "1", ranks=2)
        self.assertEqual(done.returncode, 2)
        self.assertIn("were begun on one process grid and ended on another", done.stderr)

    def test_a_kill_costs_no_more_than_what_came_after_the_last_save(self):
        started = self.held(2, 301, "--checkpoint", "1")
        started.wait_until(lambda: list(self.saved.glob("*.state")), "it saved")
        started.kill()
        self.assertEqual(self.finish(2)[0].tobytes(), self.whole(2).tobytes())

    def test_a_signal_to_any_rank_stops_all(self):
        for rank in (1,) if SANITIZED else (0, 1):
            started = self.held(2, 150)
            children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
            os.kill(sorted(map(int, children))[rank], signal.SIGUSR1)
            self.assertEqual(started.wait(), 75, started.said())
            self.assertIn(", 1 runs in flight saved", started.said()[0])
            self.check_stopped(150)
            self.finish(2)
            self.output.unlink()

    def test_what_is_damaged_begins_anew(self):
        self.stop_on(2, 400)
        [path] = self.saved.glob("*.state")
        whole = path.read_bytes()
        # header, checksums, trajectory, both parts; a byte less, a byte more
        positions = (3, 17, 25, 57, 66, 90, 120, len(whole) // 3, len(whole) - 1) if ALL else (3, 90, len(whole) - 1)
        damaged = [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in positions]
        for data in (*damaged, whole[:-1], whole + b"x", b""):
            path.write_bytes(data)
            done = self.call(*self.options(2), cues="0/0@1=USR1", ranks=2)
            self.assertEqual(done.returncode, 75)
            self.assertNotIn("went on", done.stdout)
        path.write_bytes(whole)
        self.assertEqual(self.finish(2)[0].tobytes(), self.whole(2).tobytes())

    def test_a_save_that_fails_costs_the_run_in_flight_only(self):
        self.saved.write_text("in the way")
        started = self.held(2, 100, "--checkpoint", "1")
        started.wait_until(lambda: "a run in flight cannot be saved" in started.said()[1], "it warned")
        self.stop(started, saved=0)


class Memory(WideTest):
    @pytest.mark.release  # the sanitizer's shadow memory alone is more than the limit
    def test_no_room_for_the_buffer_of_openblas_is_a_failure_and_no_end_of_waiting(self):
        """It takes 128 MiB at its first product, and tries for ever if there are none."""
        spec = self.write("many.yaml", MANY)
        done = self.call("run", spec, "-o", "many.h5", limit=(resource.RLIMIT_DATA, 140 << 20))
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("6 done, 0 diverged, 6 failed", done.stdout)
        self.assertIn("6 runs: ", done.stdout)
        self.assertIn("memory", done.stdout)
        self.succeed("run", spec, "-o", "many.h5", "--retry-failed")


class Mistakes(WideTest):
    def test_they_are_refused_before_anything_is_written(self):
        spec = self.write("many.yaml", MANY)
        for setting, ranks, expected in (
            ("wide.ranks=3", 2, "wide.ranks: found 3, but there are 2 ranks"),
            ("wide.ranks=0", 1, "wide.ranks"),
            ("wide.block=0", 1, "wide.block"),
            ("wide.from_d=0", 1, "wide.from_d"),
            ("grid.d=300000", 1, "wide.ranks: a run of d = 300000 takes"),
        ):
            done = self.call("run", spec, "-o", self.folder / "out.h5", "--set", setting, ranks=ranks)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(expected, done.stderr)
            self.assertEqual(self.files(), ["many.yaml"])
            done = self.call("plan", spec, "--set", setting, "--ranks", ranks)
            self.assertEqual(done.returncode, 2)
            self.assertIn(expected, done.stderr)

    def test_a_plan_shows_the_grids(self):
        spec = self.write("many.yaml", MANY)
        said = self.succeed("plan", spec, "--ranks", "5", "--set", "wide.ranks=2").stdout
        self.assertRegex(said, r"wide runs +6, on 2 process grids of 1 x 2 ranks \(1 left over\), [\d.]+ MiB a rank,")
        said = self.succeed("plan", spec, "--ranks", "5", "--set", "wide.from_d=100").stdout
        self.assertNotIn("wide runs", said)

    def test_a_plan_without_ranks_takes_those_of_the_sweep_file(self):
        spec = self.write("many.yaml", MANY)
        said = self.succeed("plan", spec, "--set", "wide.ranks=6").stdout
        self.assertIn("on 1 process grid of 2 x 3 ranks", said)
        self.assertRegex(said, r"wall time .* on 6 ranks")
        said = self.succeed("plan", spec, "--set", "wide.ranks=6", "--set", "wide.from_d=100").stdout
        self.assertRegex(said, r"wall time .* on 1 rank\n")

    def test_the_ranks_that_would_do_are_named(self):
        spec = self.write("many.yaml", MANY)
        said = self.call("plan", spec, "--set", "grid.d=100000").stderr
        enough = int(re.search(r"grids of (\d+) such ranks would do", said).group(1))
        self.assertGreater(enough, 1)
