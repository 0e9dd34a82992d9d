"""docs/slurm.md: its commands work on a cluster of two nodes, and print what it shows, but for times and places, and for
what is predicted, which depends on the processor: of that, that it follows from the prediction."""

import os
import re
import subprocess

from cluster import ClusterTest
from harness import PATIENCE, PROGRAM, SOURCE, console_examples

HOME = "/home/you/saddlesweep"
VARYING = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|(< )?\d[\d.]* ?(us|ms|s|min|h|MiB|runs/s)\b|\b(avx512|avx2|portable)\b|\b[0-9a-f]{12}(-modified)?\b"
)
RESTARTS = re.compile(r"(?<=at most )\d+(?= restarts)")
TIME = re.compile(r"(?<=, time )\d+:\d\d:\d\d(?=, memory)")
REQUEST = re.compile(
    r"^predicted +([\d.]+) (\w+) on .*\n^request .*, time (\d+):(\d\d):(\d\d), .*at most (\d+) restarts$", re.MULTILINE
)
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}


def normal(command, text):
    """Lines of what a command says without what differs from day to day or from processor to processor, those of
    progress left out."""
    text = RESTARTS.sub("#", text)
    if "--time" not in command:
        text = TIME.sub("#", text)  # proposed
    lines = [line for line in text.splitlines() if not re.search(r"runs/(s|min|h), ETA", line)]
    return [re.sub(r" +", " ", VARYING.sub("#", line)).strip() for line in lines]


class Docs(ClusterTest):
    def execute(self, command):
        done = subprocess.run(
            command, shell=True, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        for job in re.findall(r"^submitted +job (\d+)", done.stdout, re.MULTILINE):
            self.cluster.wait_for_end(job)
        said = done.stdout + done.stderr
        return said.replace(str(self.folder.resolve()), HOME).replace(str(self.folder), HOME)

    def assert_request_follows(self, text):
        """That the starts of a request have room for half as much again as predicted and no more of them are taken
        than that asks for (a start computes for at least 0.7 of its time), and that each may fail once, and 8 more."""
        for number, unit, hours, minutes, seconds, restarts in REQUEST.findall(text):
            needed = 1.5 * float(number) * UNITS[unit]
            limit = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
            starts, odd = divmod(int(restarts) - 8, 2)
            self.assertEqual(odd, 0, text)
            self.assertGreaterEqual(starts, 1, text)
            self.assertGreaterEqual(starts * limit, 0.95 * needed, text)
            self.assertLess((starts - 1) * 0.7 * limit, 1.05 * needed, text)

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
                    self.assertEqual(normal(command, said), normal(command, shown))
                    self.assert_request_follows(said)
                    self.assertEqual(len(REQUEST.findall(said)), len(REQUEST.findall(shown)))
