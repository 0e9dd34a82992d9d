"""One result file that is written under several names, or where the file system has no locks: nothing committed is
lost, and what cannot go on says so."""

import errno
import os
import signal
import socket
import time

from harness import SWEEP, ProgramTest, preloaded, read, single_run

RUN = single_run(SWEEP, 400)
HELD = "0/0@100=HOLD"
DONE = 1


class Names(ProgramTest):
    def setUp(self):
        super().setUp()
        self.undisturbed = read(self.finished(RUN), "error").tobytes()
        self.spec = self.write("s.yaml", RUN)
        self.output = self.folder / "s.h5"

    def link(self, name="other.h5", symbolic=True):
        """Another name of the result file."""
        path = self.folder / name
        if symbolic:
            path.symlink_to(self.output.name)
        else:
            path.hardlink_to(self.output)
        return path

    def refused(self, path, **environment):
        """That a second writer is refused; what it says."""
        done = self.call("run", self.spec, "-o", path, **environment)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("is being written by another run", done.stderr)
        return done.stderr

    def assert_whole(self, names):
        """The run is committed, bit for bit, and nothing is beside it."""
        self.assertEqual(read(self.output, "run")["status"].tolist(), [[DONE]])
        self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
        self.succeed("verify", self.output)
        self.assertEqual(self.files(), sorted(["s.yaml", "s.h5", *names]))

    def test_a_second_writer_is_refused_under_another_name(self):
        for symbolic in (True, False):
            with self.subTest(symbolic=symbolic):
                self.output.unlink(missing_ok=True)
                self.stop_at(self.spec, "-o", self.output, cues=HELD)
                other = self.link(symbolic=symbolic)
                started = self.hold(self.spec, "-o", self.output, cues="0/0@200=HOLD")
                said = self.refused(other)
                if symbolic:
                    self.assertIn(f"(process {started.pid} on {socket.gethostname()} since ", said)
                started.send(signal.SIGUSR2)
                self.assertEqual(started.wait(), 0, started.said())
                self.assert_whole(["other.h5"])
                other.unlink()

    def test_interrupted_under_one_name_and_gone_on_with_under_another(self):
        other = self.folder / "other.h5"
        other.symlink_to("s.h5")  # which is not there yet
        self.stop_at(self.spec, "-o", other, cues=HELD)
        self.assertEqual(self.files(), ["other.h5", "s.h5", "s.h5.partial", "s.yaml"])
        self.assertIn("1 runs went on from where", self.succeed("run", self.spec, "-o", self.output).stdout)
        self.assert_whole(["other.h5"])

    def test_a_file_that_is_moved_needs_its_folder_of_saved_runs(self):
        self.stop_at(self.spec, "-o", self.output, cues=HELD)
        other = self.folder / "moved.h5"
        self.output.rename(other)
        note = f"note: {other}: 1 runs were saved part-way, but not in {other}.partial/: they begin anew"
        stopped = self.call("run", self.spec, "-o", other, cues="0/0@50=USR1")
        self.assertIn(note, stopped.stderr)
        self.assertEqual(stopped.returncode, 75)
        done = self.succeed("run", self.spec, "-o", other)
        self.assertNotIn("note:", done.stderr)
        self.assertIn("1 runs went on", done.stdout)
        (self.folder / "s.h5.partial").rename(self.folder / "s.h5.old")
        other.rename(self.output)
        self.assert_whole(["s.h5.old"])

    def test_links_that_dangle_or_turn_in_a_circle(self):
        folder = self.folder / "elsewhere"
        folder.mkdir()
        (self.folder / "a.h5").symlink_to("b.h5")
        (self.folder / "b.h5").symlink_to("elsewhere/c.h5")
        (self.folder / "out.csv").symlink_to(folder / "out.csv")
        self.succeed("run", self.spec, "-o", "a.h5")
        self.succeed("export", "a.h5", "--csv", "out.csv")
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["c.h5", "out.csv"])
        for name in ("a.h5", "b.h5", "out.csv"):
            self.assertTrue((self.folder / name).is_symlink())
        self.assertEqual(read(folder / "c.h5", "error").tobytes(), self.undisturbed)
        (self.folder / "x.h5").symlink_to("y.h5")
        (self.folder / "y.h5").symlink_to("x.h5")
        before = self.files()
        for command in (("run", self.spec, "-o", "x.h5"), ("export", "a.h5", "--csv", "x.h5")):
            done = self.call(*command)
            self.assertEqual(done.returncode, 2)
            self.assertIn("x.h5: is a symbolic link that leads nowhere: Too many levels", done.stderr)
        self.assertEqual(self.files(), before)


class Moved(ProgramTest):
    """The file loses its name while a run writes it."""

    def test_it_is_noticed_and_told(self):
        spec, output, other = self.write("s.yaml", RUN), self.folder / "s.h5", self.folder / "moved.h5"
        undisturbed = read(self.finished(RUN), "error").tobytes()
        for ranks in (None, 2):
            for change in (lambda: output.rename(other), output.unlink, lambda: other.replace(output)):
                with self.subTest(ranks=ranks):
                    output.unlink(missing_ok=True)
                    started = self.hold(spec, "-o", output, cues=HELD, ranks=ranks)
                    other.write_bytes(b"another file")
                    change()
                    started.send(signal.SIGUSR2)
                    status = started.wait()
                    stdout, stderr = started.said()
                    self.assertEqual(status, 1, stdout + stderr)
                    self.assertIn("s.h5: has been removed or renamed while it was being written", stderr)
                    self.assertNotIn("result file", stdout)
        output.unlink()
        started = self.hold(spec, "-o", output, cues=HELD)
        output.rename(other)
        started.send(signal.SIGUSR2)
        started.wait()
        other.rename(output)
        self.succeed("run", spec, "-o", output)
        self.assertEqual(read(output, "error").tobytes(), undisturbed)


class WithoutLocks(Names):
    """The same where flock fails, for each of the reasons that file systems have."""

    def setUp(self):
        super().setUp()
        self.without_locks = preloaded(SADDLESWEEP_NO_LOCKS=str(errno.ENOSYS))

    def environ(self, cues="", **more):
        return super().environ(cues, **{**getattr(self, "without_locks", {}), **more})

    def test_a_second_writer_is_refused_under_another_name(self):
        """A hard link it cannot know; the next test has that."""
        self.stop_at(self.spec, "-o", self.output, cues=HELD)
        other = self.link()
        started = self.hold(self.spec, "-o", self.output, cues="0/0@200=HOLD")
        self.refused(other)
        started.send(signal.SIGUSR2)
        self.assertEqual(started.wait(), 0, started.said())
        self.assert_whole(["other.h5"])

    def test_it_is_said_once_and_a_second_writer_is_refused(self):
        for reason in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            with self.subTest(errno.errorcode[reason]):
                self.without_locks["SADDLESWEEP_NO_LOCKS"] = str(reason)
                self.output.unlink(missing_ok=True)
                started = self.hold(self.spec, "-o", self.output, cues=HELD, ranks=2)
                warning = f"warning: {self.output}: its file system has no locks ({os.strerror(reason)}); "
                self.assertEqual(started.said()[1].count(warning), 1)
                self.assertIn(" on " + socket.gethostname(), self.refused(self.output))
                started.send(signal.SIGUSR2)
                self.assertEqual(started.wait(), 0, started.said())
                self.assert_whole([])

    def test_what_a_killed_writer_leaves_is_taken_over(self):
        self.hold(self.spec, "-o", self.output, cues=HELD).kill()
        self.assertIn("s.h5.lock", self.files())
        self.succeed("run", self.spec, "-o", self.output)
        self.assert_whole([])

    def test_a_writer_on_another_host_is_believed_while_its_lock_file_is_fresh(self):
        lock = self.folder / "s.h5.lock"
        lock.write_text("process 1 on elsewhere since today\n1 1 1 1 elsewhere\n")
        self.assertIn("(process 1 on elsewhere since today)", self.refused(self.output))
        self.assertTrue(lock.exists())
        os.utime(lock, times=2 * (time.time() - 3600,))
        self.succeed("run", self.spec, "-o", self.output)
        self.assert_whole([])

    def test_nothing_committed_is_replaced_by_something_less(self):
        """Two writers that know nothing of each other: hard links, and no locks."""
        for number in (signal.SIGUSR1, signal.SIGTERM):
            with self.subTest(number):
                for name in ("s.h5", "other.h5"):
                    (self.folder / name).unlink(missing_ok=True)
                self.stop_at(self.spec, "-o", self.output, cues=HELD)
                other = self.link(symbolic=False)
                started = self.hold(self.spec, "-o", other, cues=HELD)
                self.succeed("run", self.spec, "-o", self.output)
                started.send(number)
                self.assertEqual(started.wait(), 0, started.said())  # it finds that all is done
                self.assertIn("stopped early, 1 runs in flight saved", started.said()[0])
                self.assertIn("done        1\n", self.succeed("status", other).stdout)
                self.assertEqual(read(self.output, "error").tobytes(), self.undisturbed)
