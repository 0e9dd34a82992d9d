"""A disk that fails, at every write of a sweep's life: the program ends with a message that names file,
reason and remedy, never by a crash; what is committed is intact; the same command then ends the sweep,
to the same bits. tests/support/faults.c is the disk. `./test.sh all` tries each kind of fault at each write;
otherwise creation and bands, where a write is like its neighbours, share them."""

import errno
import itertools
import os
import re
import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from harness import ALL, PAIR, PATIENCE, SANITIZED, SWEEP, ProgramTest, preloaded, read

# Two cells of two runs, which are so short that those of a cell are written together, …
SHORT = (
    SWEEP.replace("[100, 300]", "100")
    .replace("[leaky_relu(0.2), tanh]", "tanh")
    .replace("count: 4", "count: 2")
)
# … and long enough, on any processor, that each is written by itself.
FEW = SHORT.replace("iterations: 50", "iterations: 6000")

# Of the writes of creation and bands, one in so many, and the writes of so many commits; with sanitizers
# or counters a program takes ten times as long to start.
if SANITIZED:
    FAILING, OTHERS, COMMITS = 24, 40, 1
elif ALL:
    FAILING, OTHERS, COMMITS = 1, 1, 4
else:
    FAILING, OTHERS, COMMITS = 4, 12, 4

CAUSES = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "raise the quota",
    errno.EIO: "have it checked",
}
PARTIAL = 4
TEARS = (0, 1, 33, -1)  # bytes written before the kill; -1: all but one

# A program alone needs no networks: it starts in a third of the time.
ALONE = {"OMPI_MCA_btl": "self", "OMPI_MCA_pml": "ob1"}


def names_of_results(path):
    """The datasets that have to come out alike, bit for bit."""
    with h5py.File(path) as file:
        groups = [f"bands/{quantity}" for quantity in file["bands"]]
        return ["error", *(f"{group}/{name}" for group in groups for name in file[group])]


class Disk(ProgramTest):
    """A sweep without faults, to know its writes and results; then cases, each in a folder of its own."""

    text = FEW

    def setUp(self):
        super().setUp()
        self.numbers = itertools.count()
        self.damaged = []
        self.options = []
        self.torn_executions = 0
        whole = self.case()
        log = whole / "log"
        done = self.run_case(whole, "none:0", SADDLESWEEP_FAULT_LOG=str(log))
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = [line.split(" ", 2) for line in log.read_text().splitlines()]
        self.calls = Counter(kind for kind, _, _ in calls)
        writes = [(int(size), path) for kind, size, path in calls if kind == "write"]
        # The text in the lock file is as long as process numbers are: it takes no room on a disk that fills up.
        self.sizes = [0 if path.endswith(".lock") else size for size, path in writes]
        self.new = [i for i, (_, path) in enumerate(writes, 1) if not path.endswith("/few.h5")]
        later = [i for i, (_, path) in enumerate(writes, 1) if path.endswith("/few.h5")]
        self.noted = [later[0], later[-2]]  # the record of the execution: at its start and its end
        commits, self.bands = later[1:-42], later[-42:-2]
        self.commits = commits[-2 * COMMITS :]
        self.superblock = later[-1]  # which HDF5 writes as it is when it closes the file
        output = whole / "disk/few.h5"
        self.results = {name: read(output, name).tobytes() for name in names_of_results(output)}
        self.records = read(output, "run")
        self.error = read(output, "error")

    def case(self):
        folder = self.folder / f"case{next(self.numbers)}"
        (folder / "disk").mkdir(parents=True)
        (folder / "tmp").mkdir()  # Open MPI's, who confuses programs that share one
        (folder / "disk/few.yaml").write_text(self.text)
        return folder

    def faulty(self, case, fault, **more):
        """The environment in which calls on files of the case's disk fail."""
        names = "*[!k]" if fault.startswith("full") else "*"  # without few.h5.lock
        return preloaded(SADDLESWEEP_FAULT=f"{case}/disk/{names}:{fault}", **more)

    def run_case(self, case, fault=None, **more):
        return subprocess.run(
            self.command("run", "few.yaml", "-o", "few.h5", "--progress=none", *self.options),
            cwd=case / "disk",
            env={
                **os.environ,
                **ALONE,
                "TMPDIR": str(case / "tmp"),
                **(self.faulty(case, fault, **more) if fault else {}),
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def files_of(self, case):
        names = sorted(path.name for path in (case / "disk").iterdir())
        return [name for name in names if not re.search(r"-\d+-\d+\.lock$", name)]

    def check_message(self, done, cause):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"error: .*few\.h5")
        self.assertIn(os.strerror(cause), done.stderr)
        self.assertIn(REMEDIES[cause], done.stderr)
        self.assertIn("repeat the command", done.stderr)

    def check_whole(self, case, partly=False):
        """If the file has its name: it opens, and every record that is not blank vouches for the run's
        true bits. But for one that was `partly` written: `verify` finds it, and it alone."""
        output = case / "disk/few.h5"
        if not output.exists():
            return
        damaged = self.verify(case)
        self.assertLessEqual(len(damaged), partly, damaged)
        self.damaged += damaged
        with h5py.File(output) as file:
            records = file["run"][...]
            error = file["error"][...]
        for place in np.ndindex(records.shape):
            if records[place].tobytes() == bytes(64) or place in damaged:
                continue
            if records[place]["status"] == PARTIAL:  # the other rank's run in flight, saved when this one failed
                self.assertEqual(records[place]["identity"], self.records[place]["identity"])
                self.assertTrue(np.isnan(error[place]).all())
                continue
            for field in ("status", "iterations", "truth_norm", "identity", "trajectory_checksum"):
                self.assertEqual(records[place][field], self.records[place][field], field)
            if error[place].tobytes() != self.error[place].tobytes():
                self.fail(f"{place} vouches for other bits")

    def verify(self, case):
        """Cell and seed of the runs whose record is damaged; nothing else may be wrong, but for the bands
        of the one cell that a reduction was writing, or the record of the execution."""
        done = subprocess.run(
            self.command("verify", case / "disk/few.h5"),
            env={**os.environ, **ALONE, "TMPDIR": str(case / "tmp")},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        rows = re.findall(r"^ *(\d+) +(\d+) +its record is damaged$", done.stdout, re.MULTILINE)
        half_made = re.findall(r"its bands are not what its runs give$", done.stdout, re.MULTILINE)
        self.assertLessEqual(len(half_made), 1)
        if half_made:
            self.assertRegex(done.stdout, r"pending +0\n")
        torn = re.findall(r"row 0 of /execution is damaged$", done.stdout, re.MULTILINE)
        self.torn_executions += len(torn)
        self.assertRegex(done.stdout, rf"executions +{'[01], 1 damaged' if torn else '[0-2]'}\n")
        bad = rows or half_made or torn
        self.assertEqual(done.returncode, 1 if bad else 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, rf"damaged +{len(rows)}\n")
        self.assertLessEqual(len(rows) + len(half_made) + len(torn), 1)
        return [(int(cell), int(seed)) for cell, seed in rows]

    def check_executions(self, case):
        """The last one has ended well, and no damage is left."""
        executions = read(case / "disk/few.h5", "execution")
        executions = executions[executions["number"] > 0]
        self.assertEqual(executions[executions["number"].argmax()]["exit_status"], 0)
        self.assertEqual(self.verify(case), [])

    def check_results(self, case):
        for name, expected in self.results.items():
            self.assertEqual(read(case / "disk/few.h5", name).tobytes(), expected, name)
        self.check_executions(case)
        self.assertEqual(self.files_of(case), ["few.h5", "few.yaml"], "nothing is left over")

    def finish(self, case):
        """The same command once the disk is well."""
        if self.files_of(case) == ["few.yaml"]:
            return  # it is the undisturbed sweep again
        done = self.run_case(case)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_results(case)

    # What is to come of each kind of fault.

    def stops(self, fault, cause, partly=False):
        case = self.case()
        self.check_message(self.run_case(case, f"{fault}:{cause}"), cause)
        left = set(self.files_of(case)) - {"few.h5", "few.yaml"}
        self.assertLessEqual(left, {"few.h5.partial"}, "a slow machine syncs, in vain, while a run is in flight, and saves it")
        self.check_whole(case, partly)
        self.finish(case)

    def goes_on(self, fault):
        case = self.case()
        done = self.run_case(case, fault)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_results(case)

    def is_killed(self, fault):
        case = self.case()
        done = self.run_case(case, fault)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        self.check_whole(case, partly=True)
        self.finish(case)

    def try_all(self, check, faults):
        """Each case by itself, some at a time: a program mostly waits while it starts."""
        faults = list(faults)
        self.assertTrue(faults)
        with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            cases = [(fault, pool.submit(check, *fault)) for fault in faults]
            for fault, case in cases:
                with self.subTest(fault=fault):
                    case.result()
        print(f"{self.id().rsplit('.', 1)[1]}: {len(faults)} faults", flush=True)


class EveryWrite(Disk):
    def test_the_writes_are_what_they_are_thought_to_be(self):
        self.assertEqual([self.sizes[i - 1] for i in self.commits], [96, 64] * COMMITS)
        self.assertEqual([self.sizes[i - 1] for i in self.bands], [96] * 40)
        self.assertEqual([self.sizes[i - 1] for i in self.noted], [800] * 2)
        self.assertEqual(self.sizes[self.superblock - 1], 96)
        self.assertEqual(self.commits[-1], len(self.new) + 9)
        self.assertGreater(len(self.new), 40)

    def test_a_write_fails(self):
        some = [(f"fail:{i}", CAUSES[i % 3]) for i in (self.new[1:] + self.bands)[::FAILING]]
        all_causes = [(f"fail:{i}", cause) for i in self.commits + self.noted for cause in CAUSES]
        self.try_all(self.stops, some + all_causes)

    def test_the_record_of_the_execution_hides_no_error(self):
        case = self.case()
        done = self.run_case(case, f"fail:{self.commits[0]}:{errno.EIO}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("few.h5: a run cannot be written: ", done.stderr)
        self.assertEqual(read(case / "disk/few.h5", "execution")["exit_status"][0], -1)
        for number in (3, 4):  # of the commits, and of the bands
            case = self.case()
            done = self.run_case(case, f"sync:{number}:{errno.EIO}")
            self.assertEqual(done.returncode, 1)
            self.assertEqual(read(case / "disk/few.h5", "execution")["exit_status"][0], 1)

    def test_a_write_of_the_result_fails_once(self):
        places = self.commits + self.noted + self.bands[1::OTHERS]
        self.try_all(self.goes_on, [(f"once:{i}:{CAUSES[i % 3]}",) for i in places])

    def test_the_superblock_is_not_needed_to_close_the_file(self):
        faults = [f"fail:{self.superblock}:{errno.EIO}", f"short:{self.superblock}"]
        self.try_all(self.goes_on, [(fault,) for fault in faults])
        self.try_all(self.is_killed, [(f"torn:{self.superblock}:{tear}",) for tear in TEARS])
        self.assertEqual(self.damaged, [])

    def test_system_calls_meet_the_same_faults(self):
        self.options = ["--io", "direct"]
        self.try_all(self.stops, [(f"fail:{i}", CAUSES[i % 3]) for i in self.commits + self.noted + self.bands[:1]])
        self.try_all(self.goes_on, [(f"short:{i}",) for i in self.commits])
        self.try_all(self.is_killed, [(f"torn:{i}:{TEARS[i % 4]}",) for i in self.commits])

    def test_a_write_is_short(self):
        places = self.commits + self.noted + (self.new + self.bands)[::OTHERS]
        self.try_all(self.goes_on, [(f"short:{i}",) for i in places])

    def test_a_kill_tears_a_write(self):
        places = (self.new + self.bands)[2 % OTHERS :: OTHERS]
        some = [(f"torn:{i}:{TEARS[n % 4]}",) for n, i in enumerate(places)]
        all_tears = [(f"torn:{i}:{tear}",) for i in self.commits + self.noted for tear in TEARS]
        self.try_all(self.is_killed, some + all_tears)
        self.assertGreaterEqual(len(self.damaged), 2 * COMMITS, "records of which 1 or 33 bytes were written")
        self.assertGreaterEqual(self.torn_executions, 2, "of those of executions, too")

    def test_the_disk_fills_up(self):
        ends = [0, *itertools.accumulate(self.sizes)]
        places = (self.new[1:] + self.bands)[3 % OTHERS :: OTHERS]
        rooms = [ends[i] - self.sizes[i - 1] // 2 for i in places]
        for i in self.commits + self.noted:
            rooms += [ends[i - 1], ends[i - 1] + 1, ends[i] - 1]
        self.try_all(self.stops, [(f"full:{room}", errno.ENOSPC, True) for room in rooms])
        self.assertGreaterEqual(len(self.damaged), COMMITS, "records of which 1 byte was written")
        self.assertGreaterEqual(self.torn_executions, 1, "of those of executions, too")

    def test_other_calls_fail(self):
        faults = [
            (f"{kind}:{number}", cause)
            for kind, cause in (
                ("sync", errno.EIO),
                ("sync", errno.ENOSPC),
                ("space", errno.ENOSPC),
                ("space", errno.EDQUOT),
                ("rename", errno.EIO),
                ("rename", errno.EDQUOT),
            )
            for number in range(1, self.calls[kind] + 1)
        ]
        self.assertGreaterEqual(len(faults), 2 * (3 + 2 + 1))
        self.try_all(self.stops, faults)


    def lacks(self, kind, cause):
        case = self.case()
        done = self.run_case(case, f"{kind}:1:{cause}")
        self.assertEqual(done.returncode, 0, done.stderr)
        said = f"few.h5: its file system cannot be told to put data on the disk ({os.strerror(cause)})"
        self.assertEqual(done.stderr.count(said), kind == "sync", done.stderr)
        self.check_results(case)

    def test_a_file_system_without_these_calls(self):
        causes = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
        self.try_all(self.lacks, itertools.product(("sync", "space"), causes))
        self.try_all(self.lacks, [("rename", errno.EINVAL), ("rename", errno.ENOSYS)])  # renameat2


class ShortRuns(Disk):
    text = SHORT

    def test_those_that_are_written_together(self):
        self.assertEqual([self.sizes[i - 1] for i in self.commits[-4:]], [192, 128] * min(2, COMMITS))
        self.try_all(self.stops, [(f"fail:{i}", CAUSES[i % 3]) for i in self.commits])
        self.try_all(self.goes_on, [(f"short:{i}",) for i in self.commits])
        self.try_all(self.is_killed, [(f"torn:{i}:{tear}",) for i in self.commits for tear in (*TEARS, 70)])
        self.assertGreaterEqual(len(self.damaged), min(2, COMMITS), "records of which a part was written")


class TwoRanks(Disk):
    def run_on(self, case, rank, fault):
        """Two ranks, the disk of one of which fails."""
        program = self.command("run", "few.yaml", "-o", "few.h5", "--progress=none")
        settings = [f"{key}={value}" for key, value in self.faulty(case, fault).items()]
        launch = ["mpirun", "--oversubscribe"]
        for number in range(2):
            launch += [":"] if number else []
            launch += ["-n", "1", *(["env", *settings] if number == rank else []), *program]
        return subprocess.run(
            launch,
            cwd=case / "disk",
            env={**os.environ, "TMPDIR": str(case / "tmp")},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def test_one_rank_has_a_failing_disk(self):
        creation = len(self.new)
        for rank, number in ((0, 2), (0, creation), (0, creation + 1), (0, creation + 2), (1, 1), (1, 7)):
            with self.subTest(rank=rank, number=number):
                case = self.case()
                cause = CAUSES[number % 3]
                self.check_message(self.run_on(case, rank, f"fail:{number}:{cause}"), cause)
                self.check_whole(case)
                self.finish(case)

    def test_one_rank_writes_in_part(self):
        for rank, number in ((0, len(self.new) + 2), (1, 1), (1, 2)):
            with self.subTest(rank=rank, number=number):
                case = self.case()
                done = self.run_on(case, rank, f"short:{number}")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.check_results(case)

    def test_one_rank_is_killed_while_it_writes(self):
        for rank, number in ((0, len(self.new) + 3), (1, 1), (1, 2)):
            with self.subTest(rank=rank, number=number):
                case = self.case()
                done = self.run_on(case, rank, f"torn:{number}:20")
                self.assertEqual(done.returncode, 128 + signal.SIGKILL, done.stderr)
                self.check_whole(case, partly=True)
                self.finish(case)


class Syncs(ProgramTest):
    """What is committed gets to the disk within seconds, also while a run goes on for long."""

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"

    def begin(self, text, ranks=None, cues="", rate=1):
        """A run whose calls on files are noted; the clock goes `rate` times as fast."""
        return self.start(
            "run",
            self.write("few.yaml", text),
            "-o",
            "few.h5",
            ranks=ranks,
            cues=cues,
            **preloaded(
                SADDLESWEEP_CLOCK_RATE=str(rate),
                SADDLESWEEP_FAULT=f"{self.folder}/*:none:0",
                SADDLESWEEP_FAULT_LOG=str(self.log),
            ),
        )

    def letters(self):
        """Writes and syncs of the result file in their order, so far."""
        calls = [line.split(" ", 2) for line in self.log.read_text().splitlines()]
        return "".join(kind[0] for kind, *_, path in calls if path.endswith("/few.h5"))

    def calls_of_held(self, text, cue, until):
        """The letters of a run that waits at a cue until they are so."""
        started = self.begin(text, cues=cue, rate=50)
        started.wait_until_held(1)
        started.wait_until(lambda: re.fullmatch(until, self.letters()), f"{until}, not {self.letters()}")
        started.send(signal.SIGUSR2)
        self.assertEqual(started.wait(), 0, started.said())
        return self.letters()

    def test_a_rank_without_work_syncs_what_it_has_committed(self):
        text = FEW.replace("d: [3, 5]", "d: [3, 40]").replace("count: 2", "count: 1")
        text = text.replace("iterations: 50", f"iterations: {4000 if SANITIZED else 40000}")
        started = self.begin(text, ranks=2)
        self.assertEqual(started.wait(), 0, started.said())
        self.assertRegex(
            self.letters(), "^ws*wws+wws+", "the start; the shorter run, committed and synced; the longer one"
        )

    def test_the_record_of_an_execution_does_not_wait_for_a_commit(self):
        """The first run of a file goes on for long: that it has begun is on the disk before it ends."""
        text = FEW.replace("d: [3, 5]", "d: 3").replace("count: 2", "count: 1")
        self.assertRegex(self.calls_of_held(text, "0/0@10=HOLD", "ws"), "^wswws+")

    def test_a_long_run_does_not_keep_an_earlier_one_from_the_disk(self):
        """A slow machine syncs when it commits the first."""
        letters = self.calls_of_held(FEW.replace("d: [3, 5]", "d: 3"), "0/1@10=HOLD", "ws*wws")
        self.assertRegex(letters, "^ws*wwswws+")


    def test_a_run_is_saved_where_nothing_can_be_synced(self):
        spec = self.write("few.yaml", FEW)
        lacking = preloaded(SADDLESWEEP_FAULT=f"{self.folder}/few.h5.partial*/*:sync:1:{errno.EINVAL}")
        stopped = self.call("run", spec, "-o", "few.h5", cues="0/1@10=USR1", **lacking)
        self.assertEqual(stopped.returncode, 75, stopped.stderr)
        self.assertNotIn("warning", stopped.stderr)
        self.assertEqual(read(self.folder / "few.h5", "run")[0, 1]["iterations"], 10)
        self.assertEqual(len(list((self.folder / "few.h5.partial").iterdir())), 1)

    def test_ranks_say_together_that_nothing_can_be_synced(self):
        lacking = preloaded(SADDLESWEEP_FAULT=f"{self.folder}/few.h5:sync:1:{errno.ENOSYS}")
        done = self.call("run", self.write("few.yaml", FEW), "-o", "few.h5", ranks=2, **lacking)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("put data on the disk (Function not implemented)"), 1, done.stderr)


class RealDisk(ProgramTest):
    """File systems in memory, of few pages."""

    def mount(self, size):
        disk = self.folder / "disk"
        disk.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        return disk

    def test_there_is_no_room_and_then_there_is(self):
        disk = self.mount("32k")
        spec = self.write("few.yaml", FEW)
        for ranks in (None, 2):
            done = self.call("run", spec, "-o", disk / "few.h5", ranks=ranks)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(str(disk / "few.h5"), done.stderr)
            self.assertIn("No space left on device; free some space", done.stderr)
            self.assertEqual(list(disk.iterdir()), [])
        subprocess.run(["mount", "-o", "remount,size=512k", disk], check=True)
        self.succeed("run", spec, "-o", disk / "few.h5", TMPDIR=str(self.folder))

    def save_and_stop(self, disk, step):
        """Saves the run in flight at a step, stops it at the next; what it said on stderr."""
        cues = f"0/0@{step}=SAVE,0/0@{step + 1}=USR1"
        done = self.call("run", "pair.yaml", "-o", disk / "pair.h5", "--progress=none", cues=cues)
        self.assertEqual(done.returncode, 75, done.stderr)
        return done.stderr

    def test_a_full_disk_keeps_no_runs_in_flight_but_all_that_is_committed(self):
        disk = self.mount("1m")
        self.write("pair.yaml", PAIR)

        def states():
            return list(disk.glob("pair.h5.partial/*.state"))

        self.assertEqual(self.save_and_stop(disk, 10), "")
        for state in states():
            state.unlink()
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file, self.assertRaises(OSError):
            while file.write(bytes(4096)):
                pass
        told = self.save_and_stop(disk, 20)
        self.assertIn("a run in flight cannot be saved", told)
        self.assertIn("No space left on device", told)
        self.assertEqual(list(disk.glob("pair.h5.partial/*")), [])
        filler.unlink()
        self.assertRegex(self.save_and_stop(disk, 30), "^note: .* 1 runs were saved part-way, but not in .*: they begin anew")
        self.assertEqual(len(states()), 1)
        self.assertEqual(self.save_and_stop(disk, 40), "")
