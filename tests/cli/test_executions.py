"""/execution: where, with what and to what end each `run` wrote a result file."""

import gzip
import os
import re
import time

import h5py
import numpy as np
from harness import DIVERGING, SOURCE, SWEEP, ProgramTest, read, xxh3

ROW = 800
JOB = {
    "SLURM_JOB_ID": "77",
    "SLURM_CLUSTER_NAME": "mini",
    "SLURM_JOB_NODELIST": "n[1-2]",
    "SLURM_RESTART_COUNT": "2",
}


def executions(path):
    """The rows that are written, as dictionaries; texts without their NULs."""
    rows = read(path, "execution")
    return [
        {
            name: row[name].decode() if isinstance(row[name], bytes) else row[name]
            for name in rows.dtype.names
        }
        for row in rows
        if row.tobytes() != bytes(ROW)
    ]


class ExecutionTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for name in [name for name in os.environ if name.startswith("SLURM_")]:
            self.addCleanup(os.environ.__setitem__, name, os.environ.pop(name))
        self.path = self.folder / "tiny.h5"

    def execute(self, *options, text=SWEEP, status=0, ranks=None, **environment):
        spec = self.write("tiny.yaml", text)
        done = self.call("run", spec, "-o", self.path, *options, ranks=ranks, **environment)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return executions(self.path)

    def held(self):
        """The sweep at work, at a step of one of its last runs."""
        return self.hold(self.write("tiny.yaml", SWEEP), "-o", self.path, cues="0/0@30=HOLD")


class Records(ExecutionTest):
    def test_a_sweep_from_start_to_end(self):
        before = time.monotonic()
        (row,) = self.execute(ranks=2)
        self.assertTrue(0 < row["seconds"] < time.monotonic() - before)
        with h5py.File(self.path) as file:
            attributes = dict(file.attrs)
        self.assertEqual((row["number"], row["exit_status"], row["runs"]), (1, 0, 32))
        self.assertEqual((row["ranks"], row["hosts"], row["restarts"]), (2, 1, -1))
        self.assertEqual((row["job_id"], row["cluster"]), ("", ""))
        self.assertEqual(row["nodes"], attributes["hosts"])
        self.assertEqual(row["kernel"], attributes["kernel"])
        self.assertEqual(row["version"], attributes["version"])
        self.assertEqual(row["git_commit"], attributes["git_commit"])
        self.assertEqual(row["libraries"], attributes["library_versions"])
        self.assertRegex(row["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertGreaterEqual(row["started"], attributes["created"])

    def test_the_processor_is_that_of_this_machine(self):
        (row,) = self.execute()
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = re.search(r"^model name\s*: (.*)$", file.read(), re.MULTILINE)
        self.assertEqual(row["cpu"], model[1][:79] if model else "unknown")

    def test_the_kernel_is_the_one_that_was_chosen(self):
        self.execute(SADDLESWEEP_KERNEL="portable")
        rows = self.execute(SADDLESWEEP_KERNEL="reference")
        self.assertEqual([row["kernel"] for row in rows], ["portable", "reference"])

    def test_a_job_of_slurm(self):
        (row,) = self.execute(**JOB)
        self.assertEqual((row["job_id"], row["cluster"]), ("77", "mini"))
        self.assertEqual((row["nodes"], row["restarts"], row["hosts"]), ("n[1-2]", 2, 1))

    def test_a_task_of_an_array_of_jobs(self):
        (row,) = self.execute(**JOB, SLURM_ARRAY_JOB_ID="70", SLURM_ARRAY_TASK_ID="7")
        self.assertEqual(row["job_id"], "70_7")

    def test_whatever_the_environment_holds(self):
        counts = ("x", "-1", "", "3x", "99999999999999999999", "4294967296")
        for number, count in enumerate(counts, 1):
            rows = self.execute(**{**JOB, "SLURM_RESTART_COUNT": count})
            self.assertEqual(rows[-1]["restarts"], 0, count)
            self.assertEqual(len(rows), number)
        long = {"SLURM_JOB_NODELIST": 200 * "ñ", "SLURM_CLUSTER_NAME": "a\x1b[2J\n" + 99 * "b"}
        rows = self.execute(**{**JOB, **long})
        self.assertEqual(rows[-1]["nodes"], 126 * "ñ" + "…")
        self.assertEqual(rows[-1]["cluster"], "a?[2J?" + 54 * "b" + "…")
        raw = {"SLURM_JOB_ID": os.fsdecode(b"\xff7"), "SLURM_JOB_NODELIST": ""}
        rows = self.execute(**{**JOB, **raw})
        self.assertEqual(rows[-1]["job_id"], "?7")
        self.assertEqual(rows[-1]["nodes"], rows[-1]["nodes"].strip("?"))
        self.succeed("status", self.path, "--executions")

    def test_a_sweep_that_diverges(self):
        (row,) = self.execute(text=DIVERGING, status=3)
        self.assertEqual((row["exit_status"], row["runs"]), (3, 32))

    def test_a_sweep_that_is_stopped_and_gone_on_with(self):
        started = self.held()
        (row,) = executions(self.path)
        self.assertEqual((row["exit_status"], row["runs"]), (-1, -1))
        self.assertTrue(np.isnan(row["seconds"]))
        self.stop(started)
        (row,) = executions(self.path)
        committed = (read(self.path, "run")["status"] == 1).sum()
        self.assertEqual((row["exit_status"], row["runs"]), (75, committed))
        first, second = self.execute("--time-limit", "1", cues="0/0@31=HOLD", status=75)
        self.assertEqual(first, row)
        self.assertEqual((second["number"], second["exit_status"]), (2, 75))
        self.assertGreater(second["seconds"], 0)

    def test_a_sweep_that_is_killed(self):
        self.held().kill()
        (row,) = executions(self.path)
        self.assertEqual((row["exit_status"], row["runs"]), (-1, -1))
        self.succeed("verify", self.path)
        output = self.succeed("status", self.path).stdout
        self.assertRegex(output, r"executions +1, the last: on \S+, 1 rank, \w+, running or killed\n")

    def test_a_sweep_that_is_refused_notes_nothing(self):
        self.execute(ranks=2)
        self.assertEqual(len(self.execute("--set", "grid.d=[3, 6]", status=2)), 1)

    def test_more_executions_than_rows(self):
        """62 like the first one, then three more."""
        self.execute()
        with h5py.File(self.path) as file:
            start = file["execution"].id.get_offset()
        with open(self.path, "r+b") as file:
            file.seek(start)
            first = file.read(ROW)
            for number in range(2, 64):
                row = number.to_bytes(8, "little") + first[8:-8]
                file.write(row + xxh3(row).to_bytes(8, "little"))
        for _ in range(3):
            rows = self.execute()
        self.assertEqual([row["number"] for row in rows], [*range(1, 64), 66])
        self.assertEqual(rows[-1]["exit_status"], 0)
        self.assertRegex(self.succeed("verify", self.path).stdout, r"executions +66\n")


class Older(ExecutionTest):
    """Files of format_version 2 (no /execution) and 3 (no process grids), as older programs made them."""

    def take(self, version):
        """The file in tests/data, and the program's own of the same sweep."""
        data = SOURCE / "tests/data"
        spec = self.write("older.yaml", (data / "older.yaml").read_text())
        self.path.write_bytes(gzip.decompress((data / f"version-{version}.h5.gz").read_bytes()))
        own = self.folder / "own.h5"
        self.succeed("run", spec, "-o", own)
        same_bits = bool(np.isin([read(path, "run")["kernel"] for path in (own, self.path)], (3, 4)).all())
        own.unlink()
        return spec, same_bits

    def lose_a_run(self):
        with h5py.File(self.path, "r+") as file:
            records = file["run"][...]
            records[3, 2] = np.zeros((), records.dtype)
            file["run"][...] = records
            file["error"][3, 2] = np.nan

    def check(self, version):
        spec, same_bits = self.take(version)
        expected = read(self.path, "error")
        self.lose_a_run()
        before = self.path.stat().st_size
        status = self.succeed("status", self.path, "--cells", "--executions").stdout
        self.assertIn("pending     1\n", status)
        done = self.succeed("run", spec, "-o", self.path, ranks=2)
        self.assertIn("32 of 32 runs committed (1 now", done.stdout)
        np.testing.assert_allclose(read(self.path, "error"), expected, rtol=0 if same_bits else 1e-3)
        self.assertEqual(self.path.stat().st_size, before)
        verified = self.succeed("verify", self.path, *(("--replay", "4") if same_bits else ())).stdout
        self.succeed("verify", self.path, "--reseal")
        self.succeed("reduce", self.path, ranks=2)
        self.succeed("export", self.path, "--csv", self.folder / "out.csv")
        new = self.folder / "new.h5"
        done = self.succeed("run", spec, "-o", new, "--reuse", self.path, "--set", "grid.seed={count: 5}")
        self.assertIn("32 runs taken over", done.stdout)
        self.assertEqual([row["runs"] for row in executions(new)], [8])
        with h5py.File(new) as file:
            self.assertEqual(file.attrs["format_version"], 4)
        return status, verified

    def test_a_wide_run_goes_into_version_3(self):
        spec, _ = self.take(3)
        self.lose_a_run()
        with h5py.File(self.path, "r+") as file:  # as of a sweep that had it from the start
            file.attrs["overrides"] = "wide.from_d=1\n"
        self.succeed("verify", self.path, "--reseal")
        self.succeed("run", spec, "-o", self.path, "--set", "wide.from_d=1", ranks=1)
        self.assertEqual(int(read(self.path, "run")["kernel"][3, 2]), 5 + 65536)
        self.succeed("verify", self.path)

    def test_every_command_takes_version_2(self):
        for said in self.check(2):
            self.assertRegex(said, r"executions +not recorded")

    def test_every_command_takes_version_3(self):
        for said in self.check(3):
            self.assertRegex(said, r"executions +[12]\b")

    def test_a_new_file_without_its_executions_is_refused(self):
        self.execute()
        with h5py.File(self.path, "r+") as file:
            del file["execution"]
        self.assertEqual(self.call("status", self.path).returncode, 2)
        done = self.call("verify", self.path, "--reseal")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/execution is not laid out as at its creation", done.stderr)


class Damage(ExecutionTest):
    def setUp(self):
        super().setUp()
        for _ in range(3):
            self.execute()
        with h5py.File(self.path) as file:
            self.offset = file["execution"].id.get_offset()

    def damage(self, row, position):
        data = bytearray(self.path.read_bytes())
        data[self.offset + row * ROW + position] ^= 1
        self.path.write_bytes(data)

    def test_it_is_found_and_the_next_run_clears_it(self):
        before = executions(self.path)
        self.damage(1, 500)
        self.damage(5, 100)
        done = self.call("verify", self.path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 records of executions are damaged, the results are not", done.stderr)
        self.assertRegex(done.stdout, r"executions +3, 2 damaged\n")
        self.assertIn("row 1 of /execution is damaged", done.stdout)
        self.assertIn("row 5 of /execution is damaged", done.stdout)
        self.assertIn("3, 2 damaged, the last", self.succeed("status", self.path).stdout)
        rows = self.execute()
        self.succeed("verify", self.path)
        self.assertEqual([rows[0], rows[2]], [before[0], before[2]])
        self.assertEqual(rows[1]["number"], 7, "row 5 may have been the sixth")
        self.assertEqual(len(rows), 3)


class Status(ExecutionTest):
    def test_the_last_one_and_all(self):
        self.execute(ranks=2)
        self.execute(**JOB)
        kernel = executions(self.path)[0]["kernel"]
        output = self.succeed("status", self.path).stdout
        self.assertIn(
            f"executions  2, the last: job 77 on n[1-2], 1 rank, {kernel}, restart 2, exit status 0\n",
            output,
        )
        output = self.succeed("status", self.path, "--executions").stdout
        heading, first, second = output.split("\n\n")[1].splitlines()
        self.assertEqual(
            heading.split(),
            "number started seconds job nodes ranks kernel restarts runs exit status".split(),
        )
        number, _, _, job, _, ranks, *rest = first.split()
        self.assertEqual([number, job, ranks, *rest], ["1", "-", "2", kernel, "-", "32", "0"])
        number, _, _, *rest = second.split()
        self.assertEqual([number, *rest], ["2", "77", "n[1-2]", "1", kernel, "2", "0", "0"])
