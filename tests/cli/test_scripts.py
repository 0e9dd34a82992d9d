"""run.sh as its users call it, and what both scripts do where packages are missing."""

import os
import shutil
import signal
import subprocess
import unittest

from harness import SOURCE, SWEEP, ProgramTest, wait_for


class Scripts(ProgramTest):
    def script(self, name, *arguments, **environment):
        return subprocess.run(
            [SOURCE / name, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **environment},
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
        code = (
            "import os, runpy, sys; os.geteuid = lambda: 1000; "
            "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        )
        for module in ("test_jobs.py", "test_docs.py"):
            call = ["/usr/bin/python3", "-B", "-c", code, SOURCE / "tests/slurm" / module]
            environment = {**os.environ, "PYTHONPATH": str(SOURCE / "tests/slurm"), "SADDLESWEEP_SLURM": ""}
            done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (77, ""))
            self.assertEqual(done.stdout, "skipped: starting Slurm's daemons takes root\n")
            environment["SADDLESWEEP_SLURM"] = "required"
            done = subprocess.run([*call, "--help"], env=environment, capture_output=True, text=True, check=False)
            self.assertIn("usage: test_", done.stdout, "unittest has begun")

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
        self.assertFalse((SOURCE / "results/wrong-sweep-of-the-tests").exists())

    def test_exit_status_of_a_sweep_that_diverges_whole(self):
        spec = self.write(
            "diverging-of-the-tests.yaml",
            SWEEP.replace("tanh]", "identity]").replace("ascent_step: 1.0", "ascent_step: 4.0"),
        )
        results = SOURCE / "results/diverging-of-the-tests"
        self.addCleanup(shutil.rmtree, results, ignore_errors=True)
        done = self.script("run.sh", spec, "--set", "train.iterations=2000")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("nothing to draw", done.stderr)
        self.assertTrue((results / "report.html").exists())

    def test_interrupt_stops_in_order_and_the_same_command_goes_on(self):
        spec = self.write(
            "stopped-by-the-tests.yaml", SWEEP.replace("iterations: 50", "iterations: 100000")
        )
        results = SOURCE / "results/stopped-by-the-tests"
        self.addCleanup(shutil.rmtree, results, ignore_errors=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = subprocess.Popen(
                    [SOURCE / "run.sh", spec, "--ranks", "2"],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    # Python's own handling of SIGINT must not be inherited
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                )
                wait_for(results / "stopped-by-the-tests.h5.lock")
                process.send_signal(number)
                output, errors = process.communicate(timeout=600)
                self.assertEqual(process.returncode, 75, output + errors)
                self.assertIn("the same command goes on", output)

    def test_smoke_sweep_leaves_file_figures_and_table(self):
        spec = self.write(
            "smoke-of-the-tests.yaml", (SOURCE / "sweeps/smoke.yaml").read_text()
        )
        results = SOURCE / "results/smoke-of-the-tests"
        self.addCleanup(shutil.rmtree, results, ignore_errors=True)
        for ranks in (4, 1):  # more ranks than cores; then nothing is left to do
            done = self.script("run.sh", spec, "--ranks", ranks, "--set", "grid.seed={count: 6}")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "results/smoke-of-the-tests/report.html")
        names = {path.name for path in results.iterdir()}
        self.assertIn("smoke-of-the-tests.h5", names)
        self.assertLessEqual(
            {f"smoke{part}.{kind}" for part in ("", "-iterations") for kind in ("png", "pdf", "svg")}
            | {"smoke.csv", "smoke.txt", "report.html"},
            names,
        )


if __name__ == "__main__":
    unittest.main()
