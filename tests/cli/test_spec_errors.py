"""Every mistake in a sweep file ends in exit 2, names its place and the remedy, touches nothing."""

import pytest
from harness import SWEEP, ProgramTest

pytestmark = pytest.mark.fast

# (what is replaced, by what, line and column of the mistake, fragments of the message)
MISTAKES = [
    ("iterations: 50", "iteratons: 50", "12:3", ["iteratons", 'did you mean "iterations"']),
    ("root_seed: 7", "root_sed: 7", "2:1", ["root_sed", 'did you mean "root_seed"']),
    ("name: tiny\n", "name: tiny\nname: other\n", "2:1", ["duplicate", "name"]),
    ("  k: 2\n", "  k: 2\n  k: 3\n", "6:3", ["duplicate", "k"]),
    ("name: tiny", "name: a/b", "1:7", ["a/b", "letters"]),
    ("root_seed: 7", "root_seed: -7", "2:12", ["-7", "integer"]),
    ("d: [3, 5]", "d: [3, 5.5]", "4:10", ["5.5", "integer"]),
    ("d: [3, 5]", 'd: [3, "5"]', "4:10", ["quoted", "5"]),
    ("d: [3, 5]", "d: [3, 0]", "4:10", ["found 0", "from 1"]),
    ("d: [3, 5]", "d: [3, 3]", "4:3", ["twice"]),
    ("d: [3, 5]", "d: []", "4:3", ["empty"]),
    ("d: [3, 5]", "d: {from: 5, to: 3, step: 1}", "4:20", ["empty", "below"]),
    ("d: [3, 5]", "d: {from: 3, to: 5}", "4:3", ["step", "factor"]),
    ("d: [3, 5]", "d: {from: 3, to: 5, step: 1, factor: 2}", "4:3", ["step", "factor"]),
    ("d: [3, 5]", "d: {from: 3, to: 5, stp: 1}", "4:23", ["stp", "step"]),
    ("d: [3, 5]", "d: {from: 3, to: 9, factor: 0.5}", "4:31", ["0.5", "above 1"]),
    ("d: [3, 5]", "d: d", "4:6", ["itself"]),
    ("d: [3, 5]", "d: q", "4:6", ["q", "another axis"]),
    ("d: [3, 5]", "d: [3, five]", "4:10", ["five", "integer"]),
    ("n: [100, 300]", "n: m", "6:6", ["circle"]),
    ("n: [100, 300]", "n: [100, inf, inf]", "6:3", ["inf", "twice"]),
    ("k: 2\n  n: [100, 300]", "k: n\n  n: [1, inf]", "5:6", ["tied to n", "inf"]),
    ("k: 2", "k: inf", "5:6", ["inf", "expected"]),
    ("k: 2", "k: 1e3", "5:6", ["1e3", "integer"]),
    ("latent: k", "latent: 3", "10:17", ["k0", "k >= k0"]),
    ("latent: k", "latent: d", "10:17", ["k0", "k >= k0"]),
    ("latent: k", "latent: x", "10:17", ["x", "axis"]),
    ("row_norm: unit", "row_norm: unti", "10:30", ["unti", "did you mean unit"]),
    ("tanh]", "tahn]", "8:33", ["tahn", "did you mean tanh"]),
    ("tanh]", "leaky_relu]", "8:33", ["leaky_relu(a)"]),
    ("tanh]", "leaky_relu(2)]", "8:33", ["leaky_relu(2)", "0 <= a <= 1"]),
    ("tanh]", "tanh(1)]", "8:33", ["no parameter"]),
    ("tanh]", "leaky_relu(0.20)]", "8:33", ["twice"]),
    ("seed: {count: 4}", "seed: {count: 0}", "9:17", ["found 0"]),
    ("seed: {count: 4}", "seed: {cuont: 4}", "9:10", ["cuont", "count"]),
    ("seed: {count: 4}", "seed: {count: 999999999}", "3:1", ["2^31"]),
    ("seed: {count: 4}", "seed: [1, 2, 1]", "9:3", ["twice"]),
    ("iterations: 50", "iterations: 0", "12:15", ["found 0"]),
    ("iterations: 50", "iterations: many", "12:15", ["many", "integer"]),
    ("iterations: 50", "iterations: [50]", "12:3", ["list"]),
    ("size: 0.5", "size: 0", "13:16", ["above 0"]),
    ("size: 0.5", "size: 0.5, decay: -1", "13:28", ["-1", "above 0"]),
    ("size: 0.5", "size: .inf", "13:16", [".inf", "finite"]),
    ("step: {size: 0.5}", "step: [0.5]", "13:3", ["list", "mapping", "size"]),
    ("step: {size: 0.5}", "step: fast", "13:9", ["train.step.size: found fast", "number"]),
    ("step: {size: 0.5}", "step:", "13:3", ["found nothing"]),
    ("noise: 0.1", "noise: [0, 0.1]", "15:3", ["found a list", "only grid.d, k, n, m, activation, seed and train.row_norm may"]),
    ("m: n", "m: N", "7:6", ["found N", "did you mean n?"]),
    ("m: n", "m: Q", "7:6", ["found Q", "another axis (d, k, n or m)\n"]),
    ("tanh]", "rely]", "8:33", ['unknown activation "rely"; did you mean relu? Allowed: relu, tanh']),
    ("leaky_relu(0.2), tanh]", "ReLU, leaky_relu(0)]", "8:22", ["twice"]),
    ("noise: 0.1", "noise: -0.1", "15:10", ["-0.1", "at least 0"]),
    ("ascent_step: 1.0", "ascent_step: fast", "14:16", ["fast"]),
    ("points: 12", "points: 1", "16:18", ["found 1"]),
    ("spacing: log", "spacing: lgo", "16:31", ["lgo", "did you mean log"]),
    ("points: 12, spacing: log", "at: [0, 51]", "16:18", ["51", "to 50"]),
    ("points: 12, spacing: log", "at: [0, 5], points: 3", "16:10", ["not both"]),
    ("precision: single", "precision: half", "17:12", ["half", "single or double"]),
    ("precision: single", "precision: single\nwide: {block: 0}", "18:15", ["block", "found 0"]),
    ("precision: single", "precision: single\nwide: {from_d: 0}", "18:16", ["from_d"]),
    ("precision: single", "precision: single\nwide: {ranks: some}", "18:15", ["some"]),
    ("name: tiny", "name: [tiny", "3:", ["YAML"]),
    ("name: tiny", "name: &a tiny", "1:", ["anchor"]),
    ("name: tiny", "name: !!str tiny", "1:", ["tag"]),
    ("precision: single", "precision: single\n---\nname: b", "1:1", ["more than one"]),
]

REQUIRED = [
    ("name: tiny\n", "name"),
    ("root_seed: 7\n", "root_seed"),
    ("  d: [3, 5]\n", "d"),
    ("  n: [100, 300]\n", "n"),
    ("  seed: {count: 4}\n", "seed"),
    ("  activation: [leaky_relu(0.2), tanh]\n", "activation"),
    ("  iterations: 50\n", "iterations"),
    ("  step: {size: 0.5}\n", "step"),
]


class SpecErrors(ProgramTest):
    def refuse(self, text, *fragments, options=()):
        """`plan` and `run` both refuse the text with exit 2, the same message and no new file."""
        self.write("sweep.yaml", text)
        plan = self.call("plan", "sweep.yaml", *options)
        run = self.call("run", "sweep.yaml", "-o", "out.h5", *options)
        left = self.files()
        (self.folder / "out.h5").unlink(missing_ok=True)
        for done in (plan, run):
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            for fragment in fragments:
                self.assertIn(fragment, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(plan.stderr, run.stderr)
        self.assertEqual(left, ["sweep.yaml"])

    def test_each_mistake_names_its_place_and_the_remedy(self):
        for old, new, place, fragments in MISTAKES:
            with self.subTest(new):
                self.assertEqual(SWEEP.count(old), 1, "the table must replace one place")
                self.refuse(SWEEP.replace(old, new), f"sweep.yaml:{place}", *fragments)

    def test_each_required_key_is_missed(self):
        for line, key in REQUIRED:
            with self.subTest(key):
                self.refuse(SWEEP.replace(line, ""), f'"{key}" is missing')

    def test_the_line_is_shown_with_a_caret_under_the_mistake(self):
        self.refuse(
            SWEEP.replace("iterations: 50", "iteratons: 50"), "    iteratons: 50\n    ^"
        )

    def test_empty_file(self):
        self.refuse("", "sweep.yaml:1:1", "empty")

    def test_not_a_mapping(self):
        self.refuse("- 1\n- 2\n", "sweep.yaml:1:1", "mapping")

    def test_mistake_in_an_override_names_the_override(self):
        self.refuse(SWEEP, "--set grid.n=[100,x]:1:13", "x", options=("--set", "grid.n=[100,x]"))

    def test_override_of_an_unknown_key(self):
        self.refuse(
            SWEEP,
            '--set train.iteratons=5:1:7: train: unknown key "iteratons"',
            'did you mean "iterations"',
            "  train.iteratons=5\n        ^",
            options=("--set", "train.iteratons=5"),
        )

    def test_override_below_a_value(self):
        self.refuse(SWEEP, "grid.k", options=("--set", "grid.k.x=5"))

    def test_override_without_a_value(self):
        self.refuse(SWEEP, "path=value", options=("--set", "grid.n"))

    def test_missing_file(self):
        done = self.call("plan", "nowhere.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nowhere.yaml", done.stderr)

    def test_folder_instead_of_a_file(self):
        done = self.call("plan", self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("folder", done.stderr)

    def test_mistake_is_told_once_by_many_ranks(self):
        self.write("sweep.yaml", SWEEP.replace("tanh]", "tahn]"))
        done = self.call("run", "sweep.yaml", "-o", "out.h5", ranks=3)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("tahn"), 2)  # the message and the excerpt
        self.assertEqual(self.files(), ["sweep.yaml"])
