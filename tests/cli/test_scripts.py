"""run.sh as its users call it, and what both scripts do where packages are missing."""

import os
import signal
import subprocess
import sys

import pytest
from harness import SOURCE, SWEEP, ProgramTest, Started

pytestmark = pytest.mark.release


class Scripts(ProgramTest):
    def script(self, name, *arguments, **environment):
        return subprocess.run(
            [SOURCE / name, *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(**environment),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def stub(self, name, text):
        """A command that comes first on PATH."""
        folder = self.folder / "stubs"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    def test_missing_packages_without_root_are_named_and_nothing_happens(self):
        self.stub("dpkg-query", "exit 1")
        path = self.stub("id", "echo 1000")
        for name, arguments in (("run.sh", [SOURCE / "sweeps/smoke.yaml"]), ("test.sh", [])):
            with self.subTest(name):
                done = self.script(name, *arguments, PATH=path)
                self.assertEqual(done.returncode, 2)
                self.assertIn("sudo apt-get install -y --no-install-recommends gcc", done.stderr)
                self.assertIn("libhdf5-openmpi-dev", done.stderr)
                self.assertEqual(done.stdout, "")

    def test_without_root_the_tests_of_slurm_are_skipped_with_a_reason_unless_required(self):
        code = "import os, pytest, sys; os.geteuid = lambda: 1000; sys.exit(pytest.main(['-q', 'slurm']))"
        for required, status, counted in (("", 0, r"\d+ skipped in"), ("required", 1, r"\d+ errors in")):
            done = subprocess.run(
                [sys.executable, "-B", "-c", code], cwd=SOURCE / "tests", env=self.environ(SADDLESWEEP_SLURM=required),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            self.assertRegex(done.stdout, rf"\n{counted}")
            self.assertIn("starting Slurm's daemons takes root", done.stdout)

    def test_levels_that_are_none(self):
        done = self.script("test.sh", "quick")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('found "quick", expected fast, all or nothing', done.stderr)

    def test_usage(self):
        self.assertEqual(self.script("run.sh", "--help").returncode, 0)
        for arguments, fragment in [
            ((), "Usage"),
            (("nowhere.yaml",), "no such file"),
            ((SOURCE / "sweeps/smoke.yaml", "--ranks", "many"), "positive integer"),
        ]:
            done = self.script("run.sh", *arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(fragment, done.stderr)

    def test_wrong_sweep_file_creates_no_folder(self):
        spec = self.write("wrong-sweep-of-the-tests.yaml", "name: x\nnmae: y\n")
        done = self.script("run.sh", spec)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn('did you mean "name"', done.stderr)
        self.assertFalse((self.folder / "results").exists())

    def test_exit_status_of_a_sweep_that_diverges_whole(self):
        spec = self.write(
            "diverging-of-the-tests.yaml",
            SWEEP.replace("tanh]", "identity]").replace("ascent_step: 1.0", "ascent_step: 4.0"),
        )
        results = self.folder / "results/diverging-of-the-tests"
        done = self.script("run.sh", spec, "--ranks", "1", "--set", "train.iterations=2000")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("nothing to draw", done.stderr)
        self.assertTrue((results / "diverging-of-the-tests.report.html").exists())

    def test_interrupt_stops_in_order_and_the_same_command_goes_on(self):
        spec = self.write("stopped-by-the-tests.yaml", SWEEP)
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                started = Started(
                    [SOURCE / "run.sh", spec, "--ranks", "2"], self.folder, self.environ(f"0/0@{number}=HOLD")
                )
                self.addCleanup(started.close)
                started.wait_until_held(1)
                started.send(number)
                self.assertEqual(started.wait(), 75, started.said())
                self.assertIn("the same command goes on", started.said()[0])

    def test_smoke_sweep_leaves_file_figures_and_table(self):
        spec = self.write(
            "smoke-of-the-tests.yaml", (SOURCE / "sweeps/smoke.yaml").read_text()
        )
        results = self.folder / "results/smoke-of-the-tests"
        done = self.script("run.sh", spec, "--ranks", "4", "--set", "grid.seed={count: 6}")  # more ranks than cores
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "results/smoke-of-the-tests/smoke-of-the-tests.report.html")
        names = {path.name for path in results.iterdir()}
        self.assertIn("smoke-of-the-tests.h5", names)
        self.assertLessEqual(
            {f"smoke-of-the-tests{part}.{kind}" for part in ("", "-iterations") for kind in ("png", "pdf", "svg")}
            | {f"smoke-of-the-tests.{kind}" for kind in ("csv", "txt", "report.html")},
            names,
        )
