"""README.md's worked example: its commands work, and print what it shows (but for the timings)."""

import re
import shlex
import subprocess

import pytest
from harness import PROGRAM, SOURCE, ProgramTest, console_examples

pytestmark = pytest.mark.release

# What differs from machine to machine: durations, rates, predictions, the host, the kernel, and the pad around.
TIMINGS = re.compile(r"(?<=the )\w+(?= kernel)|(?<=the last: )on \S+, 2 ranks, \w+|(< )?\d[\d.]*(e-\d+)? ?(us|ms|s|min|h|KiB|MiB|runs/s)\b|(core-hours +)\d[\d.e-]*")


def without_timings(text):
    return [re.sub(r" +", " ", TIMINGS.sub("#", line)).strip() for line in text.splitlines()]


class Readme(ProgramTest):
    def test_worked_example(self):
        (self.folder / "sweeps").symlink_to(SOURCE / "sweeps")
        examples = [one for one in console_examples(SOURCE / "README.md") if "saddlesweep" in one[0]]
        self.assertGreaterEqual(len(examples), 4)
        for command, shown in examples:
            with self.subTest(command):
                words = [
                    PROGRAM if word == "build/release/saddlesweep" else word
                    for word in shlex.split(command)
                ]
                if words[0] == "mpirun":
                    words.insert(1, "--oversubscribe")
                done = subprocess.run(
                    words, cwd=self.folder, capture_output=True, text=True, check=False
                )
                self.assertEqual(
                    without_timings(done.stderr + done.stdout), without_timings(shown)
                )
