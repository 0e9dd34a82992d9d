"""`plan`: what it prints, how it predicts, and that large grids cost nothing."""

import re
import resource
import subprocess

import pytest
from harness import SWEEP, ProgramTest, read
from test_fit import LAW

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "days": 86400}

pytestmark = pytest.mark.fast


class Plan(ProgramTest):
    def plan(self, text, *options):
        self.write("sweep.yaml", text)
        return self.succeed("plan", "sweep.yaml", *options).stdout

    def value(self, output, key):
        found = re.search(rf"^{key} +(.+)$", output, re.MULTILINE)
        self.assertIsNotNone(found, f"no {key} in\n{output}")
        return found.group(1)

    def wall_seconds(self, text, *options, **environment):
        """Predicted for a sweep; to the digits that are shown."""
        self.write("sweep.yaml", text)
        shown = self.value(self.succeed("plan", "sweep.yaml", *options, **environment).stdout, "wall time")
        number, unit = re.match(r"([\d.]+) (\w+) on ", shown).groups()
        return float(number) * UNITS[unit]

    def test_numbers_of_the_grid(self):
        output = self.plan(SWEEP)
        self.assertEqual(self.value(output, "cells"), "8")
        self.assertEqual(self.value(output, "seeds"), "4")
        self.assertEqual(self.value(output, "runs"), "32")
        self.assertIn("12 of them", self.value(output, "iterations"))
        for key in ("core-hours", "wall time", "memory a rank", "file size"):
            self.value(output, key)
        self.assertEqual(self.files(), ["sweep.yaml"], "plan creates nothing")

    def test_cells_come_as_written_with_the_first_axis_slowest(self):
        grid = "  activation: [tanh, erf]\n  k: d\n  n: [100, 200]\n  d: [2, 3]\n  m: n\n"
        text = re.sub(r"  d: .*?(?=  seed)", grid, SWEEP, flags=re.DOTALL)
        rows = [line.split() for line in self.plan(text).splitlines() if " ms" in line or " us" in line]
        cells = [(row[6], row[4], row[1], row[2], row[3], row[5]) for row in rows if row[0].isdigit()]
        expected = [
            (activation, n, d, d, d, n)
            for activation in ("tanh", "erf")
            for n in ("100", "200")
            for d in ("2", "3")
        ]
        self.assertEqual(cells, expected)

    def test_keys_may_be_quoted(self):
        quoted = re.sub(r"\b([dnm]):", r'"\1":', SWEEP)
        self.assertIn('"d":', quoted)
        self.assertEqual(self.plan(quoted), self.plan(SWEEP))

    def test_ranges_and_ties(self):
        output = self.plan(SWEEP.replace("[100, 300]", "{from: 500, to: 8000, factor: 2}"))
        self.assertEqual(self.value(output, "cells"), "20")
        output = self.plan(SWEEP.replace("[3, 5]", "{from: 3, to: 9, step: 2}"))
        self.assertEqual(self.value(output, "cells"), "16")

    def test_other_ways_to_say_the_same(self):
        relu = SWEEP.replace("leaky_relu(0.2)", "leaky_relu(0)")
        expected = self.plan(relu)
        self.assertIn(" leaky_relu(0) ", expected)
        for other in (
            relu.replace("leaky_relu(0)", "relu"),
            relu.replace("leaky_relu(0)", "ReLU"),
            relu.replace("step: {size: 0.5}", "step: 0.5"),
        ):
            self.assertEqual(self.plan(other), expected)
        self.assertEqual(self.plan(relu, "--set", "train.step=0.5"), expected)
        self.write("one.yaml", relu)
        self.succeed("run", "one.yaml", "-o", "s.h5")
        self.write("other.yaml", relu.replace("leaky_relu(0)", "RELU").replace("step: {size: 0.5}", "step: 0.5"))
        self.assertIn("(0 now, ", self.succeed("run", "other.yaml", "-o", "s.h5").stdout)
        done = self.call("run", "other.yaml", "-o", "s.h5", "--set", "train.noise=0.3")
        self.assertEqual(done.returncode, 2)
        self.assertIn("train.noise is 0.1 ", done.stderr)
        self.assertNotIn("0.10000000000000001", done.stderr)
        self.assertNotIn("0.29999999999999999", done.stderr)

    def test_one_seed_that_looks_like_many(self):
        note = "note: grid.seed: 10 is one seed, of that value; for so many seeds write {count: 10}"
        for seeds, told in (("10", True), ("{count: 10}", False), ("[10]", False), ("1", False)):
            self.write("sweep.yaml", SWEEP.replace("{count: 4}", seeds))
            done = self.succeed("plan", "sweep.yaml")
            self.assertEqual(note in done.stderr, told, seeds)

    def test_noise_that_nobody_asked_for_is_told(self):
        for number, (noise, told) in enumerate({"  noise: 0.1\n": False, "  noise: 0\n": False, "  noise: 1\n": False, "": True}.items()):
            spec = self.write("sweep.yaml", SWEEP.replace("  noise: 0.1\n", noise))
            for done in (self.succeed("plan", spec), self.succeed("run", spec, "-o", f"{number}.h5")):
                self.assertEqual("note: train.noise is not given, so it is 1" in done.stderr, told, noise)
        marginal = SWEEP.replace("  noise: 0.1\n", "").replace("name: tiny\n", "name: tiny\nalgorithm: marginal\ndiscriminator: rectified_linear\n")
        self.write("sweep.yaml", marginal.replace("leaky_relu(0.2), ", ""))
        self.assertNotIn("note:", self.call("plan", "sweep.yaml").stderr)

    def test_help_and_mistakes_need_no_mpi(self):
        """In a step of srun that has no PMI, Open MPI aborts; a single process goes on alone."""
        step = {f"SLURM_{name}": "0" for name in ("STEP_ID", "STEPID", "PROCID", "LOCALID")}
        step.update(SLURM_JOB_ID="1", SLURM_JOBID="1", SLURM_NODELIST="here", SLURM_NTASKS="1", SLURM_STEP_NUM_TASKS="1")
        several = {**step, "SLURM_STEP_NUM_TASKS": "4"}
        spec = self.write("tiny.yaml", SWEEP)
        for command in ("run", "merge", "reduce", "fit", "bench"):
            self.assertIn("Usage: ", self.succeed(command, "--help", **several).stdout)
            done = self.call(command, "--nonsense", **several)
            self.assertEqual((done.returncode, done.stderr.startswith("error: unknown option --nonsense")), (2, True))
            done = self.call(command, "--nonsense", **{**several, "SLURM_PROCID": "1"})
            self.assertEqual((done.returncode, done.stderr), (2, ""), "the first one has said it")
        done = self.call("bench", "dipatch", **several)
        self.assertEqual(done.returncode, 2)
        self.assertIn("dipatch", done.stderr)
        done = self.call("run", spec, "-o", "tiny.h5", **several)
        self.assertEqual(done.returncode, 2)
        self.assertIn("srun has started 4 tasks without telling them of each other; use `srun --mpi=pmix`", done.stderr)
        self.assertEqual(self.files(), ["tiny.yaml"])
        self.succeed("run", spec, "-o", "tiny.h5", **step)

    def test_overrides_apply_in_order(self):
        output = self.plan(
            SWEEP, "--set", "grid.n=[500,1000]", "--set=grid.seed={count: 9}", "--set", "grid.n=7"
        )
        self.assertEqual(self.value(output, "cells"), "4")
        self.assertEqual(self.value(output, "seeds"), "9")

    def test_override_makes_a_section_that_is_not_there(self):
        text = re.sub(r"record: .*\n", "", SWEEP)
        output = self.plan(text, "--set", "record.points=5")
        self.assertIn("recorded at 5 of them", output)

    def test_more_ranks_take_less_wall_time(self):
        text = SWEEP.replace("iterations: 50", "iterations: 1000000")
        seconds = [self.wall_seconds(text, "--ranks", n) for n in ("1", "2")]
        self.assertAlmostEqual(seconds[0] / seconds[1], 2, delta=0.15)

    def test_a_machine_a_fourth_as_fast_takes_four_times_as_long(self):
        text = SWEEP.replace("iterations: 50", "iterations: 1000000")
        seconds = [self.wall_seconds(text, SADDLESWEEP_SPEED=speed) for speed in ("1", "0.25")]
        self.assertAlmostEqual(seconds[1] / seconds[0], 4, delta=0.3)

    def test_a_speed_that_is_none_is_refused_and_nothing_is_touched(self):
        self.write("sweep.yaml", SWEEP)
        for command in (("plan", "sweep.yaml"), ("run", "sweep.yaml", "-o", "out.h5"), ("submit", "sweep.yaml", "-o", "out.h5")):
            for speed in ("0", "-1", "fast"):
                with self.subTest(command=command[0], speed=speed):
                    done = self.call(*command, SADDLESWEEP_SPEED=speed)
                    self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                    self.assertIn(f"SADDLESWEEP_SPEED={speed}: expected a number from 0.001 to 1000", done.stderr)
        self.assertEqual(self.files(), ["sweep.yaml"])

    def test_a_speed_changes_no_byte_of_a_result(self):
        self.write("sweep.yaml", SWEEP)
        for shard in ((), ("--shard", "2/6")):  # 6 shards of 4 seeds: they share cells by predicted cost
            files = []
            for speed in ("1", "0.3", "3"):
                path = self.folder / f"{len(shard)}-{speed}.h5"
                self.succeed("run", "sweep.yaml", "-o", path, *shard, SADDLESWEEP_SPEED=speed)
                files.append([read(path, name).tobytes() for name in ("error", "cell", "bands/error/mean")])
                files[-1].append([identity.tobytes() for identity in read(path, "run")["identity"]])
            self.assertEqual(files[1:], files[:1] * 2)

    def test_many_ranks_wait_for_rank_0(self):
        """Beyond a rank a run only the messages of rank 0 can grow: 2 us a rank."""
        seconds = [self.wall_seconds(SWEEP, "--ranks", n) for n in ("1000000", "3000000")]
        self.assertAlmostEqual(seconds[1] - seconds[0], 4, delta=0.2)

    @pytest.mark.release
    def test_ten_million_runs_plan_in_a_few_megabytes(self):
        for text in (
            SWEEP.replace("{count: 4}", "{count: 1250000}"),
            SWEEP.replace("[100, 300]", "{from: 1, to: 2500000, step: 1}").replace(
                "{count: 4}", "[3]"
            ),
        ):
            self.write("sweep.yaml", text)
            # 32 MiB of data: 10^7 runs, were they stored, would not fit even in 4 bytes each.
            limit = (resource.RLIMIT_DATA, 1 << 25)
            done = self.succeed("plan", "sweep.yaml", "--ranks", "100", limit=limit)
            self.assertEqual(self.value(done.stdout, "runs"), "10000000")

    def test_ranks_must_be_positive(self):
        self.write("sweep.yaml", SWEEP)
        done = self.call("plan", "sweep.yaml", "--ranks", "0")
        self.assertEqual(done.returncode, 2)
        self.assertIn("positive", done.stderr)


class Usage(ProgramTest):
    def test_help_of_everything(self):
        whole = self.succeed("--help").stdout
        for command in ("plan", "run", "merge", "status", "reduce", "verify", "export", "bench"):
            self.assertIn(command, whole)
            self.assertIn(f"saddlesweep {command}", self.succeed(command, "--help").stdout)
        for word in ("-h", "help"):
            self.assertEqual(self.succeed(word).stdout, whole)

    def test_what_cannot_be_said_is_an_error(self):
        spec, path = self.write("law.yaml", LAW), self.finished(LAW)
        for command in (
            ("--help",),
            ("--version",),
            ("run", "--help"),
            ("plan", spec),
            ("status", path),
            ("verify", path),
            ("fit", path, "--resamples", "2000"),
            ("export", path, "--csv", "-"),
        ):
            with self.subTest(command[0]), open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run(
                    self.command(*command), stdout=full, stderr=subprocess.PIPE, text=True, env=self.environ(), check=False
                )
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, "^error: (the table|the standard output) cannot be written: .+\n$")

    def test_version(self):
        self.assertRegex(self.succeed("--version").stdout, r"^saddlesweep \d+\.\d+\.\d+ \(.+\)\n$")

    def test_wrong_words(self):
        for arguments, fragments in [
            ((), ["no command"]),
            (("plna", "x"), ["plna", 'did you mean "plan"']),
            (("plan",), ["SPEC is missing"]),
            (("plan", "a", "b"), ["second argument"]),
            (("plan", "a", "--rank", "2"), ["--rank", "did you mean --ranks"]),
            (("plan", "a", "--ranks"), ["needs a value"]),
            (("plan", "a", "--ranks", "two"), ["two", "positive integer"]),
            (("status", "a", "--cells=1"), ["takes no value"]),
            (("status",), ["FILE.h5 is missing"]),
            (("status", "missing.h5"), ["missing.h5", "No such file"]),
            (("reduce",), ["FILE.h5 is missing"]),
            (("reduce", "missing.h5"), ["missing.h5", "No such file"]),
            (("run", "--help-me"), ["--help-me"]),
        ]:
            with self.subTest(arguments):
                done = self.call(*arguments)
                self.assertEqual(done.returncode, 2)
                for fragment in fragments:
                    self.assertIn(fragment, done.stderr)
        self.assertEqual(self.files(), [])
