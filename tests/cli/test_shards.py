"""`run --shard`, `merge`: a sweep in parts, each a job and a file of its own, gives the bits of the whole."""

import fcntl
import os
import re
import struct
import subprocess
import time

import h5py
import numpy as np
from harness import DIVERGING, PAIR, SANITIZED, SWEEP, ProgramTest, read, without_executions, xxh3

RUNS = 32  # of SWEEP: eight cells of four seeds
LABELS = ("cell", "seed", "iteration", "d", "k", "k0", "n", "m", "activation")
FIELDS = ("status", "iterations", "truth_norm", "identity", "trajectory_checksum", "reason", "kernel")
ATTRIBUTES = ("name", "spec", "overrides", "settings", "plan_digest", "shard", "kernel", "hosts", "ranks")


class Shards(ProgramTest):
    def setUp(self):
        super().setUp()
        self.spec = self.write("sweep.yaml", SWEEP)

    def shard(self, index, count, *options, name="shard", status=0, spec=None):
        """Runs a shard; the path of its result file."""
        path = self.folder / f"{name}-{index}-{count}.h5"
        done = self.call("run", spec or self.spec, "-o", path, "--shard", f"{index}/{count}", *options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return path

    def shards(self, count, **settings):
        return [self.shard(index, count, **settings) for index in range(1, count + 1)]

    def merge(self, paths, name="merged", status=0, ranks=None):
        """Merges files; the path of the merged one, and what was said."""
        path = self.folder / f"{name}.h5"
        done = self.call("merge", *paths, "-o", path, ranks=ranks)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return path, done.stdout

    def assert_same(self, path, other):
        """All but the rank and the seconds of runs, bit for bit."""
        with h5py.File(path) as file, h5py.File(other) as expected:
            for name in LABELS:
                self.assertEqual(file[name][...].tolist(), expected[name][...].tolist(), name)
            self.assertEqual(file["error"][...].tobytes(), expected["error"][...].tobytes())
            for name in FIELDS:
                found = file["run"][name]
                self.assertEqual(found.tobytes(), expected["run"][name].tobytes(), name)
            for quantity, bands in expected["bands"].items():
                for name, band in bands.items():
                    found = file[f"bands/{quantity}/{name}"]
                    self.assertEqual(found[...].tobytes(), band[...].tobytes(), name)
            for name in ATTRIBUTES:
                self.assertEqual(file.attrs[name], expected.attrs[name], name)

    # ---- a shard by itself ----

    def test_a_shard_is_a_result_file_like_any_other(self):
        for index, count, runs in ((2, 3, 8), (6, 10, 3)):
            path = self.shard(index, count)
            with self.subTest(path.name):
                status = self.succeed("status", path).stdout
                self.assertRegex(status, rf"(?m)^shard +{index}/{count}$")
                self.assertRegex(status, rf"(?m)^done +{runs}$")
                verified = self.succeed("verify", path, "--replay", "3").stdout
                self.assertRegex(verified, rf"(?m)^intact +{runs}$")
                before = without_executions(path)
                self.succeed("reduce", path)
                again = self.succeed("run", self.spec, "-o", path, "--shard", f"{index}/{count}")
                self.assertIn(f"{runs} of {runs} runs committed (0 now", again.stdout)
                self.assertEqual(without_executions(path), before)
                with h5py.File(path) as file:
                    self.assertEqual(file.attrs["shard"], f"{index}/{count}")

    def test_cells_have_the_numbers_of_the_whole_sweep_everywhere(self):
        whole = self.run_sweep(SWEEP, "whole")
        path = self.shard(6, 10)
        cells = read(path, "cell").tolist()
        self.assertEqual(cells, sorted(set(cells)))
        self.assertNotEqual(cells, list(range(len(cells))))
        self.assertEqual(read(path, "seed").tolist(), [1])
        for name in ("d", "k", "k0", "n", "m", "activation"):
            self.assertEqual(read(path, name).tolist(), read(whole, name)[cells].tolist(), name)
        self.assertEqual(read(path, "error")[:, 0].tobytes(), read(whole, "error")[cells, 1].tobytes())
        table = r"(?m)^ +(\d+) +\d+ +2 +2 +\d+ "
        for arguments in (("status", path, "--cells"), ("plan", self.spec, "--shard", "6/10")):
            shown = [int(cell) for cell in re.findall(table, self.succeed(*arguments).stdout)]
            self.assertEqual(shown, cells, arguments)
        lines = self.succeed("export", path, "--csv", "-").stdout.splitlines()[1:]
        self.assertEqual(sorted({int(line.split(",")[0]) for line in lines}), cells)

    def test_verify_names_damaged_cells_by_their_number_in_the_whole_sweep(self):
        path = self.shard(6, 10)
        with h5py.File(path, "r+") as file:
            file["error"][1, 0, 3] += 1e-9
            number = file["cell"][1]
        done = self.call("verify", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, rf"(?m)^ +{number} +1  its trajectory is damaged")

    def test_every_run_is_planned_in_one_shard(self):
        for count in (1, 2, 3, 4, 5, 7, 10, 31, 32):
            runs = 0
            for index in range(1, count + 1):
                output = self.succeed("plan", self.spec, "--shard", f"{index}/{count}").stdout
                runs += int(re.search(r"(?m)^runs +(\d+)$", output).group(1))
            self.assertEqual(runs, RUNS, count)

    def test_the_first_of_one_shard_is_the_whole_sweep(self):
        whole = self.run_sweep(SWEEP, "whole")
        path = self.shard(1, 1)
        self.assert_same(path, whole)
        done = self.succeed("run", self.spec, "-o", path)
        self.assertIn(f"{RUNS} of {RUNS} runs committed (0 now", done.stdout)

    def test_a_file_that_names_no_shard_is_whole(self):
        path = self.run_sweep(SWEEP, "whole")
        with h5py.File(path, "r+") as file:
            del file.attrs["shard"]
        self.succeed("verify", path, "--reseal")
        self.assertNotIn("shard", self.succeed("status", path).stdout)
        self.succeed("run", self.spec, "-o", path)
        self.merge([path])

    def test_a_whole_file_gives_a_shard_its_runs_and_the_other_way_round(self):
        whole = self.run_sweep(SWEEP, "whole")
        path = self.folder / "part.h5"
        done = self.succeed("run", self.spec, "-o", path, "--shard", "7/10", "--reuse", whole)
        self.assertRegex(done.stdout, r"committed \(0 now")
        again = self.folder / "again.h5"
        done = self.succeed("run", self.spec, "-o", again, "--reuse", path)
        self.assertIn(f"({RUNS - len(read(path, 'cell'))} now", done.stdout)
        self.assert_same(again, whole)

    # ---- merged ----

    def test_merged_shards_are_the_whole_sweep_bit_for_bit(self):
        whole = self.run_sweep(SWEEP, "whole")
        for count in (5,) if SANITIZED else (2, 3, 7, 10):
            paths = self.shards(count)
            merged, said = self.merge(reversed(paths), f"merged{count}")
            self.assertIn(f"{RUNS} of {RUNS} runs committed ({RUNS} now", said)
            self.assert_same(merged, whole)
            self.succeed("verify", merged, "--replay", str(RUNS))

    def test_seconds_and_ranks_of_runs_are_those_of_the_shards(self):
        paths = self.shards(2)
        merged, _ = self.merge(paths)
        for index, path in enumerate(paths):
            self.assertEqual(read(merged, "run")[:, index::2].tobytes(), read(path, "run").tobytes())

    def test_pending_runs_are_told_by_shard_and_the_same_command_goes_on(self):
        whole = self.run_sweep(SWEEP, "whole")
        for count in (3,) if SANITIZED else (3, 10):
            paths = self.shards(count)
            missing = paths.pop(1)
            with h5py.File(paths[1], "r+") as file:  # one run of shard 3 is not committed
                records = file["run"][...]
                records[1, 0] = np.zeros((), records.dtype)
                file["run"][...] = records
            runs = len(read(missing, "run").ravel())
            merged, said = self.merge(paths, f"merged{count}", status=75)
            self.assertIn(f"{runs + 1} runs are pending, in 2 of {count} shards", said)
            self.assertRegex(said, rf"(?m)^ +2/{count} +{runs}  missing$")
            self.assertRegex(said, rf"(?m)^ +3/{count} +1  incomplete: .*{paths[1].name}$")
            self.succeed("verify", merged)
            self.succeed("run", self.spec, "-o", paths[1], "--shard", f"3/{count}")
            _, said = self.merge([*paths, missing], f"merged{count}")
            self.assertIn(f"{RUNS} of {RUNS} runs committed ({runs + 1} now", said)
            self.assert_same(merged, whole)

    def test_a_merged_file_is_run_to_its_end_and_merged_again(self):
        whole = self.run_sweep(SWEEP, "whole")
        paths = self.shards(3)
        merged, _ = self.merge(paths[:2], status=75)
        done = self.succeed("run", self.spec, "-o", merged)
        self.assertIn(f"{RUNS} of {RUNS} runs committed (8 now", done.stdout)
        self.assert_same(merged, whole)
        again, _ = self.merge([merged], "again")
        self.assert_same(again, whole)

    def test_sweep_files_that_are_written_differently_are_one_sweep(self):
        whole = self.run_sweep(SWEEP, "whole")
        other = self.write("other.yaml", "# the same\n" + SWEEP.replace("count: 4", "count: 9"))
        paths = [self.shard(1, 2)]
        paths.append(self.shard(2, 2, "--set", "grid.seed=[0, 1, 2, 3]", spec=other))
        self.assert_same(self.merge(paths)[0], whole)

    def test_a_merge_that_is_killed_loses_nothing_and_goes_on(self):
        whole = self.run_sweep(SWEEP, "whole")
        paths = self.shards(3)
        for trial in range(0, 12, 6 if SANITIZED else 1):
            merged = self.folder / f"killed{trial}.h5"
            with subprocess.Popen(
                self.command("merge", *paths, "-o", merged),
                cwd=self.folder,
                env={**os.environ, "TMPDIR": str(self.folder)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                time.sleep(0.01 * trial)
                process.kill()
            if merged.exists():
                self.succeed("verify", merged)
            self.assert_same(self.merge(paths, merged.stem)[0], whole)

    def test_repeated_shards_and_shards_of_other_counts_do_no_harm(self):
        whole = self.run_sweep(SWEEP, "whole")
        thirds = self.shards(3)
        tenths = self.shards(10)
        merged, _ = self.merge([thirds[0], thirds[0], *tenths, thirds[2]])
        self.assert_same(merged, whole)
        before = without_executions(merged)
        self.merge(thirds)
        self.assertEqual(without_executions(merged), before)

    def test_runs_that_did_not_end_well_are_merged_as_such(self):
        spec = self.write("diverging.yaml", DIVERGING)
        whole = self.folder / "whole.h5"
        self.assertEqual(self.call("run", spec, "-o", whole).returncode, 3)
        paths = []
        for index in (1, 2, 3):
            path = self.folder / f"diverging-{index}.h5"
            done = self.call("run", spec, "-o", path, "--shard", f"{index}/3")
            self.assertIn(done.returncode, (0, 3))
            paths.append(path)
        merged, said = self.merge(paths, status=3)
        self.assertRegex(said, r"(?m)^\d+ runs diverged or failed:")
        self.assert_same(merged, whole)

    def test_damaged_runs_are_not_taken(self):
        paths = self.shards(3)
        with h5py.File(paths[0], "r+") as file:
            file["error"][2, 1, 3] += 1e-9
        _, said = self.merge(paths, status=75)
        self.assertRegex(said, rf"(?m)^ +1/3 +1  incomplete: .*{paths[0].name}$")

    def test_shards_that_are_being_written_are_only_read(self):
        paths = self.shards(2)
        before = [path.read_bytes() for path in paths]
        lock = self.folder / f"{paths[0].name}.lock"
        lock.write_text("process 1 on elsewhere since today\n1 1 1 1 elsewhere\n")
        self.merge(paths)
        self.assertEqual([path.read_bytes() for path in paths], before)
        self.assertTrue(lock.exists())

    def test_the_merged_file_names_all_hosts_and_kernels(self):
        first = self.folder / "shard-1-2.h5"
        self.succeed("run", self.spec, "-o", first, "--shard", "1/2", SADDLESWEEP_KERNEL="reference")
        other = self.shard(2, 2)
        merged, _ = self.merge([first, other])
        with h5py.File(merged) as file, h5py.File(other) as second:
            self.assertEqual(file.attrs["kernel"], f"reference,{second.attrs['kernel']}")
            self.assertEqual(file.attrs["hosts"], second.attrs["hosts"])

    def test_the_merged_file_tells_every_execution_of_its_shards_once(self):
        paths = self.shards(3)
        merged, _ = self.merge(paths[:2], status=75)
        self.assertEqual(list(read(merged, "execution")["number"][:3]), [1, 2, 0])
        self.succeed("run", self.spec, "-o", paths[0], "--shard", "1/3", SLURM_JOB_ID="77")
        self.merge(paths)
        rows = read(merged, "execution")
        self.assertEqual(list(rows["number"][:5]), [1, 2, 3, 4, 0])
        self.assertEqual([row.decode() for row in rows["job_id"][:4]], ["", "", "77", ""])
        self.assertEqual(list(rows["runs"][:4]), [16, 8, 0, 8])
        self.assertEqual(self.call("verify", merged).returncode, 0)

    def test_an_execution_that_was_merged_before_its_end_is_brought_up_to_date(self):
        path = self.shard(1, 2)
        with h5py.File(path, "r+") as file:
            offset = file["execution"].id.get_offset()
        ended = path.read_bytes()
        row = bytearray(ended[offset : offset + 800])
        row[32:52] = struct.pack("<dqi", float("nan"), -1, -1)  # seconds, runs, exit_status
        row[792:] = struct.pack("<Q", xxh3(bytes(row[:792])))
        path.write_bytes(ended[:offset] + row + ended[offset + 800 :])
        merged, _ = self.merge([path], status=75)
        self.assertEqual(read(merged, "execution")["exit_status"][0], -1)
        path.write_bytes(ended)
        self.merge([path], status=75)
        self.assertEqual(list(read(merged, "execution")["exit_status"][:2]), [0, 0])
        self.assertEqual(list(read(merged, "execution")["number"][:2]), [1, 0])

    def test_under_mpirun_one_rank_merges(self):
        whole = self.run_sweep(SWEEP, "whole")
        merged, said = self.merge(self.shards(3), ranks=2)
        self.assertEqual(said.count("result file:"), 1)
        self.assert_same(merged, whole)

    def test_a_shard_that_was_stopped_goes_on(self):
        path = self.folder / "shard.h5"
        self.stop_at(self.write("pair.yaml", PAIR), "-o", path, "--shard", "1/2", cues="0/0@20=HOLD")
        self.assertTrue((self.folder / f"{path.name}.partial").exists())
        _, said = self.merge([path], status=75)
        self.assertRegex(said, rf"(?m)^ +1/2 +1  incomplete: .*{path.name}$")


class Refusals(ProgramTest):
    def refuse(self, *arguments, **settings):
        """Calls what must be refused with nothing touched; the message."""
        before = {name: (self.folder / name).read_bytes() for name in self.files()}
        done = self.call(*arguments, **settings)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertEqual({name: (self.folder / name).read_bytes() for name in self.files()}, before)
        return done.stderr

    def setUp(self):
        super().setUp()
        self.spec = self.write("sweep.yaml", SWEEP)

    def shard(self, shard, *options):
        path = self.folder / f"{shard.replace('/', '-')}{len(options) or ''}.h5"
        self.succeed("run", self.spec, "-o", path, "--shard", shard, *options)
        return path

    def test_what_is_no_shard(self):
        for text in ("6/5", "0/5", "5", "", "2/5/7", "-1/5", "a/b", " 1/2"):
            for arguments in (("plan", self.spec), ("run", self.spec, "-o", "new.h5")):
                said = self.refuse(*arguments, "--shard", text)
                self.assertIn(f'--shard: found "{text}", expected I/N with 1 <= I <= N, e.g. 2/5', said)

    def test_more_shards_than_runs(self):
        for ranks in (None, 2):
            said = self.refuse("run", self.spec, "-o", "new.h5", "--shard", "1/33", ranks=ranks)
            self.assertIn("at most 32 shards", said)
            self.assertEqual(said.count("error:"), 1)

    def test_the_file_of_another_shard(self):
        part = self.shard("2/3")
        whole = self.run_sweep(SWEEP, "whole")
        for path, options, fragments in (
            (part, ("--shard", "3/3"), ("shard 2/3", "shard 3/3")),
            (part, ("--shard", "2/5"), ("shard 2/3", "shard 2/5")),
            (part, (), ("shard 2/3", "the whole sweep")),
            (whole, ("--shard", "2/3"), ("the whole sweep", "shard 2/3")),
        ):
            said = self.refuse("run", self.spec, "-o", path, *options)
            self.assertRegex(said, f"was made for {fragments[0]}.*, not for {fragments[1]}")

    def test_a_shard_of_a_sweep_that_has_grown_elsewhere(self):
        """Shard 1/4 has seed 0 in either sweep; their other shards differ."""
        path = self.shard("1/4")
        change = ("--set", "grid.seed=[0, 1, 2, 5]")
        said = self.refuse("run", self.spec, "-o", path, "--shard", "1/4", *change)
        self.assertIn("the set of cells or seeds that other shards have", said)

    def test_shards_of_different_sweeps(self):
        first = self.shard("1/4")
        for change, difference in (
            ("train.noise=0.5", "train.noise is 0.5 in the former, 0.1"),
            ("grid.seed=[0, 1, 2, 5]", "seed number 3 is 5 in the former, 3 in the latter"),
            ("grid.seed={count: 5}", "the number of seeds is 5 in the former, 4 in the latter"),
            ("grid.n=[100, 301]", "n of cell 2 is 301 in the former, 300 in the latter"),
            ("grid.activation=[tanh, erf]", "activation of cell 0 is tanh in the former, leaky_relu"),
            ("record={at: [0, 7]}", "the number of recorded iterations is 3 in the former, 12"),
        ):
            other = self.shard("2/4", "--set", change)
            said = self.refuse("merge", first, other, "-o", "new.h5")
            self.assertIn(f"{other.name}: is of another sweep than ", said)
            self.assertIn(difference, said)
            other.unlink()

    def test_outputs_that_cannot_be_merged_into(self):
        first, second = self.shard("1/3"), self.shard("2/3")
        other = self.run_sweep(SWEEP, "other", "--set", "train.noise=0.5")
        (self.folder / "link.h5").symlink_to(first)
        for output, fragment in (
            (first, "is the output itself"),
            ("link.h5", "is the output itself"),
            (self.shard("3/3"), "was made for shard 3/3 of its sweep, not for the whole sweep"),
            (other, "first difference: train.noise"),
        ):
            self.assertIn(fragment, self.refuse("merge", first, second, "-o", output))

    def test_inputs_that_are_no_result_files(self):
        first = self.shard("1/3")
        for path, fragment in (
            ("missing.h5", "missing.h5: cannot be opened"),
            (self.spec, "is not a result file of saddlesweep"),
        ):
            self.assertIn(fragment, self.refuse("merge", first, path, "-o", "new.h5"))
            said = self.refuse("merge", path, first, "-o", "new.h5", ranks=2)
            self.assertIn(fragment, said)

    def test_an_output_that_is_being_written(self):
        first = self.shard("1/3")
        merged = self.folder / "merged.h5"
        self.assertEqual(self.call("merge", first, "-o", merged).returncode, 75)
        with open(self.folder / "merged.h5.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            said = self.refuse("merge", first, "-o", merged)
        self.assertIn("is being written by another run", said)

    def test_words_that_are_missing(self):
        self.assertIn("SHARD.h5 is missing", self.refuse("merge", "-o", "new.h5"))
        self.assertIn("-o FILE.h5 is missing", self.refuse("merge", "a.h5"))
