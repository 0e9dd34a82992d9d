"""docs/slurm.md: its commands work on a cluster of two nodes, and print what it shows, but for times and places."""

import os
import re
import subprocess

from cluster import ClusterTest
from harness import PROGRAM, SOURCE, console_examples

HOME = "/home/you/saddlesweep"
VARYING = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|(< )?\d[\d.]* ?(us|ms|s|min|h|MiB|runs/s)\b|\bavx512\b|\bavx2\b|\b[0-9a-f]{12}(-modified)?\b"
)


def normal(text):
    """Lines without what differs from day to day, those of progress left out."""
    lines = [line for line in text.splitlines() if not re.search(r"runs/s, ETA", line)]
    return [re.sub(r" +", " ", VARYING.sub("#", line)).strip() for line in lines]


class Docs(ClusterTest):
    def execute(self, command):
        done = subprocess.run(
            command, shell=True, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False
        )
        for job in re.findall(r"^submitted +job (\d+)", done.stdout, re.MULTILINE):
            self.cluster.wait_for_end(job)
        said = done.stdout + done.stderr
        return said.replace(str(self.folder.resolve()), HOME).replace(str(self.folder), HOME)

    def test_the_walk_from_an_empty_account_to_a_figure(self):
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "build/release/saddlesweep").symlink_to(PROGRAM)
        (self.folder / "sweeps").symlink_to(SOURCE / "sweeps")
        examples = list(console_examples(SOURCE / "docs/slurm.md"))
        self.assertGreater(len(examples), 7)
        for command, shown in examples:
            said = self.execute(command)
            if os.environ.get("SADDLESWEEP_SHOW"):
                print(f"$ {command}\n{said}")
            elif not command.startswith(("squeue", "sinfo")):
                with self.subTest(command):
                    self.assertEqual(normal(said), normal(shown))
