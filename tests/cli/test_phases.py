"""What takes long says what it is, and a signal stops it: a file is made, looked at, filled from older ones, reduced.
The clock goes so fast that everything takes long; cues of src/execution/cues.h send the signal."""

import signal

import h5py
from harness import SWEEP, ProgramTest, preloaded, read

FAST = {"SADDLESWEEP_CLOCK_RATE": "1e7"}
# Few runs of few iterations: with such a clock each is saved, and each write synced.
FEW = SWEEP.replace("[100, 300]", "100").replace(", tanh]", "]").replace("iterations: 50", "iterations: 12")


class Phases(ProgramTest):
    def run_to(self, phase, *options, ranks=None, text=FEW, action="USR1"):
        """`run` that gets the signal in a phase."""
        cue = f"{phase.replace(' ', '-')}={action}" if phase else ""
        return self.call(
            "run", self.write("tiny.yaml", text), "-o", "tiny.h5", *options, ranks=ranks, cues=cue, **preloaded(**FAST)
        )

    def check_stopped(self, done, phase):
        self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
        expected = rf"stopped early, {phase} \(\d+ %\); nothing is lost, and the same command goes on\n"
        self.assertRegex(done.stdout, expected)
        self.assertEqual(done.stdout.count("stopped early"), 1, done.stdout)
        self.assertNotIn("error", done.stderr)

    def check_whole(self, text=FEW):
        done = self.run_to(None, text=text)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        reference = self.finished(text)
        for name in ("error", "bands/error/mean", "bands/relative_error/count"):
            self.assertEqual(read(self.folder / "tiny.h5", name).tobytes(), read(reference, name).tobytes(), name)
        self.assertEqual(self.call("verify", "tiny.h5").returncode, 0)

    def test_before_and_while_the_file_is_made(self):
        for ranks in (None, 2):
            for phase in ("predicting the time of each cell", "writing the cells of the new file", "filling the new file"):
                with self.subTest(phase=phase, ranks=ranks):
                    self.check_stopped(self.run_to(phase, ranks=ranks), phase)
                    self.assertEqual(self.files(), ["tiny.yaml"])
        self.check_whole()

    def test_while_it_is_looked_at(self):
        phase = "looking for what is still to do"
        self.check_stopped(self.run_to(phase), phase)
        self.assertEqual(read(self.folder / "tiny.h5", "run")["status"].max(), 0)
        self.check_whole()

    def test_while_bands_are_made(self):
        phase = "making the bands"
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                self.check_stopped(self.run_to(phase, ranks=ranks), phase)
                with h5py.File(self.folder / "tiny.h5") as file:
                    self.assertTrue((file["run"]["status"] == 1).all())
                    self.assertEqual(file["execution"]["exit_status"][0], 75)
                self.check_whole()
                (self.folder / "tiny.h5").unlink()

    def test_while_runs_are_taken_over(self):
        reference = self.finished(FEW)
        (self.folder / "old.h5").write_bytes(reference.read_bytes())
        larger = FEW.replace("count: 4", "count: 5")
        for phase in ("listing the runs that are still to do", "taking over runs"):
            with self.subTest(phase=phase):
                self.check_stopped(self.run_to(phase, "--reuse", "old.h5", text=larger), phase)
        done = self.run_to(None, "--reuse", "old.h5", text=larger)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_whole(larger)

    def test_between_rounds(self):
        text = FEW.replace("{count: 4}", "{count: 2, max: 4, until_se: 0.01}")
        phase = "looking at the seeds of each cell"
        self.check_stopped(self.run_to(phase, ranks=2, text=text), phase)
        self.check_whole(text)

    def test_a_kill_while_bands_are_made(self):
        done = self.run_to("making the bands", action="KILL")
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.check_whole()

    def test_it_says_what_it_is_at(self):
        said = self.run_to(None).stderr
        for phase in ("predicting the time of each cell", "filling the new file", "making the bands"):
            self.assertRegex(said, rf"(?m)^tiny: {phase} \(\d+ %\)$")
        (self.folder / "tiny.h5").unlink()
        self.assertEqual(self.run_to(None, "--progress", "none").stderr, "")
        self.assertRegex(self.call("verify", "tiny.h5", **preloaded(**FAST)).stderr, r"(?m)^saddlesweep: checking the runs \(")
        self.assertEqual(self.call("verify", "tiny.h5").stderr, "", "nothing in its first second")

    def test_what_is_done_in_a_moment_is_done(self):
        """Without a fast clock."""
        spec = self.write("tiny.yaml", FEW)
        done = self.call("run", spec, "-o", "tiny.h5", cues="making-the-bands=USR1")
        self.assertEqual(done.returncode, 0, done.stdout)
        done = self.call("run", spec, "-o", "tiny.h5", cues="making-the-bands=")
        self.assertEqual(done.returncode, 2)
        self.assertIn("CELL/SEED@STEP=ACTION or PHASE=ACTION", done.stderr)
