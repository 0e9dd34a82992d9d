"""sweeps/: every file is whole, described, and ends within ten minutes on two cores; some claims, made smaller."""

import re

import pytest
from harness import SANITIZED, SOURCE, ProgramTest, read

pytestmark = pytest.mark.release

SWEEPS = sorted((SOURCE / "sweeps").glob("*.yaml"))
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}


class Sweeps(ProgramTest):
    def test_they_are_predicted_to_end_within_ten_minutes(self):
        self.assertGreater(len(SWEEPS), 15)
        for sweep in SWEEPS:
            with self.subTest(sweep=sweep.name):
                # As on a machine of the model's speed with the avx2 kernel, whatever this one is: the kernel that
                # every processor has takes 2.8 times as long.
                done = self.succeed("plan", sweep, "--ranks", "2", SADDLESWEEP_KERNEL="portable", SADDLESWEEP_SPEED="2.8")
                number, unit = re.search(r"^wall time +([\d.]+) (\w+) on 2 ranks", done.stdout, re.MULTILINE).groups()
                self.assertLess(float(number) * UNITS[unit], 600)
                excluded = sweep.stem == "marginal"  # linear with tanh, which the theory excludes, is shown failing there
                self.assertEqual("warning: discriminator linear with tanh" in done.stderr, excluded)
                self.assertEqual(done.stderr.count("warning"), int(excluded), done.stderr)

    def test_they_are_named_after_their_files_and_described(self):
        pages = "".join(page.read_text() for page in (SOURCE / "docs").glob("*.md")) + (SOURCE / "README.md").read_text()
        for sweep in SWEEPS:
            with self.subTest(sweep=sweep.name):
                self.assertRegex(sweep.read_text(), rf"(?m)\A#.*(\n#.*)*\nname: {sweep.stem}\n")
                self.assertRegex(pages, rf"sweeps/{sweep.stem}\.yaml")

    def test_the_population_gives_the_target_from_every_start(self):
        """Theorem 3, with fewer starts and iterations than sweeps/population.yaml."""
        for name in ("population", "population-sigmoid"):
            output = self.folder / f"{name}.h5"
            smaller = ("grid.d=[2,3,5]", f"grid.seed={{count: {3 if SANITIZED else 10}}}", "train.iterations=30000")
            options = [word for setting in smaller for word in ("--set", setting)]
            self.succeed("run", SOURCE / f"sweeps/{name}.yaml", "-o", output, *options, ranks=2)
            error = read(output, "error")
            self.assertGreater(error[..., 0].min(), 0.01)
            self.assertLess(error[..., -1].max(), 1e-8)
