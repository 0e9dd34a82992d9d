"""`bench`: what it prints and writes, and that it leaves nothing behind. No time is asserted."""

import json
import math
import signal

import pytest
from harness import ProgramTest

DISPATCH = {
    "empty_runs_per_second",
    "stored_runs_per_second",
    "stored_runs_per_second_direct",
    "overhead_percent_1ms",
    "overhead_percent_100ms",
    "waiting_percent_1ms",
    "waiting_percent_100ms",
    "master",
}
KERNEL = {
    "d",
    "k",
    "m",
    "activation",
    "precision",
    "streams_ns_a_sample",
    "activation_ns_a_sample",
    "gamma_ns_a_sample",
    "gradient_ns_a_sample",
    "gamma_share_of_peak",
    "gradient_share_of_peak",
    "iteration_us",
    "iteration_share_of_peak",
}
PRODUCTS = {"openblas_products_us", "products_us"}
MESSAGES = {"message_round_trip_ns", "message_service_ns"}
MASTER = {"runs", "seeds_a_cell", "held_bytes", "queue_ns_per_run"}
SCALE = {"service_is_measured", "service_seconds", "latency_seconds", "runs_a_rank", "run_lengths"}
SIMULATED = {"ranks", "efficiency", "seconds", "rank_0_busy", "messages", "batches"}


DIFFERENCES = {"overhead_percent_1ms", "overhead_percent_100ms"}
"""Of two measurements: noise can make them negative."""


def numbers(value):
    """All numbers in a piece of JSON, but not differences and truth values."""
    if isinstance(value, dict):
        value = [item for key, item in value.items() if key not in DIFFERENCES]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


class Bench(ProgramTest):
    def figures(self, *arguments, ranks=None):
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        done = self.succeed("bench", *arguments, "--quick", "--json", "out.json", ranks=ranks, TMPDIR=str(elsewhere))
        self.assertEqual(self.files(), ["elsewhere", "out.json"], "no temporary file is left")
        self.assertEqual(list(elsewhere.glob("saddlesweep*")), [])
        return done.stdout, json.loads((self.folder / "out.json").read_text())

    def assert_sound(self, figures):
        for number in numbers(figures):
            self.assertTrue(math.isfinite(number))
            self.assertGreaterEqual(number, 0)

    def assert_dispatch(self, figures, ranks):
        keys = DISPATCH | (MESSAGES if ranks > 1 else set())
        self.assertEqual(set(figures), keys)
        for key in keys - DIFFERENCES - {"master", "waiting_percent_1ms", "waiting_percent_100ms"}:
            self.assertGreater(figures[key], 0, key)
        for key in DIFFERENCES:
            self.assertTrue(math.isfinite(figures[key]), key)
        self.assertEqual([row["runs"] for row in figures["master"]], 2 * [10**6] + 2 * [10**7])
        for row in figures["master"]:
            self.assertLessEqual(MASTER, set(row))
        self.assert_sound(figures)

    def assert_kernel(self, figures):
        self.assertIn(figures["kernel"], ("avx512", "avx2", "portable"))
        for precision in ("single", "double"):
            self.assertGreater(figures[f"peak_{precision}_gflops"], 0)
        cases = figures["cases"]
        for case in cases:
            expected = KERNEL | (PRODUCTS if case["d"] >= 32 else set())
            self.assertEqual(set(case), expected)
            for key in expected - {"activation", "precision"}:
                self.assertGreater(case[key], 0, key)
        sizes = {(case["d"], case["k"]) for case in cases if case["m"] == 10000}
        self.assertLessEqual({(3, 2), (7, 2), (8, 8), (32, 32), (128, 128)}, sizes)
        for size in sizes:
            same = [case for case in cases if (case["d"], case["k"]) == size]
            kinds = {(case["activation"], case["precision"]) for case in same}
            self.assertEqual(len(kinds), 4)
        self.assert_sound(figures)

    @pytest.mark.release
    def test_all_sections_on_one_rank(self):
        stdout, figures = self.figures()
        self.assertIn("kernel:", stdout)
        self.assertIn("dispatch:", stdout)
        self.assertIn("scale:", stdout)
        self.assertEqual(figures["ranks"], 1)
        self.assertTrue(figures["quick"])
        self.assert_kernel(figures["kernel"])
        self.assert_dispatch(figures["dispatch"], 1)
        self.assertFalse(figures["scale"]["service_is_measured"])
        self.assertRegex(stdout, r"rank 0, for a message.* s, given\n")

    def test_process_grids(self):
        _, figures = self.figures("wide")
        self.assertTrue(numbers(figures["wide"]))
        self.assert_sound(figures["wide"])

    def test_dispatch_and_scale_on_two_ranks(self):
        stdout, figures = self.figures("dispatch", "scale", ranks=2)
        self.assertRegex(stdout, r"rank 0, for a message.* s, measured\n")
        self.assertEqual(figures["ranks"], 2)
        self.assert_dispatch(figures["dispatch"], 2)
        self.assertTrue(figures["scale"]["service_is_measured"])
        self.assert_sound(figures["scale"])

    def test_the_simulation_depends_on_its_costs_only(self):
        options = ("scale", "--service", "500", "--latency", "1000", "--runs", "50")
        _, first = self.figures(*options)
        _, second = self.figures(*options)
        self.assertEqual(first["scale"], second["scale"])
        scale = first["scale"]
        self.assertNotIn("dispatch", first)
        self.assertEqual(set(scale), SCALE)
        self.assertAlmostEqual(scale["service_seconds"], 500e-9)
        self.assertAlmostEqual(scale["latency_seconds"], 1e-6)
        self.assertEqual([length["run_seconds"] for length in scale["run_lengths"]], [1e-3, 1e-2, 0.1, 1])
        for length in scale["run_lengths"]:
            self.assertIn("saturated_from_ranks", length)
            for simulated in length["simulated"]:
                self.assertEqual(set(simulated), SIMULATED)
                self.assertLessEqual(simulated["efficiency"], 1)
        self.assert_sound(scale)

    def test_slow_messages_saturate_rank_0_sooner(self):
        found = []
        for service in ("100", "10000"):
            _, figures = self.figures("scale", "--service", service)
            last = figures["scale"]["run_lengths"][0]["simulated"][-1]
            found.append((last["efficiency"], last["rank_0_busy"]))
        self.assertGreater(found[0][0], found[1][0])
        self.assertLess(found[0][1], found[1][1])

    @pytest.mark.release
    def test_a_signal_stops_it_and_leaves_nothing(self):
        started = self.start("bench", "dispatch", "--json", "out.json")
        started.wait_for(self.folder / "out.json")
        started.send(signal.SIGTERM)
        self.assertEqual(started.wait(), 75, started.said())
        self.assertEqual(self.files(), [])

    def test_mistakes(self):
        for arguments, fragments in [
            (("dispach",), ["dispach", 'did you mean "dispatch"']),
            (("scale", "everything"), ["everything", "kernel, dispatch, scale"]),
            (("--jason", "x"), ["--jason", "--json"]),
            (("--json", "missing/out.json"), ["missing/out.json", "No such file"]),
            (("scale", "--service", "0"), ["--service", "positive"]),
            (("scale", "--runs", "x"), ["--runs", "positive"]),
        ]:
            done = self.call("bench", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            for fragment in fragments:
                self.assertIn(fragment, done.stderr)
            self.assertEqual(self.files(), [])

    def test_the_reference_kernel_has_no_stages(self):
        done = self.call("bench", "kernel", SADDLESWEEP_KERNEL="reference")
        self.assertEqual(done.returncode, 2)
        self.assertIn("use avx512, avx2 or portable", done.stderr)

    @pytest.mark.release
    @pytest.mark.all
    def test_the_kernel_can_be_chosen(self):
        self.succeed("bench", "kernel", "--quick", "--json", "out.json", SADDLESWEEP_KERNEL="portable")
        figures = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(figures["kernel"]["kernel"], "portable")

    def test_help(self):
        text = self.succeed("bench", "--help").stdout
        for word in ("kernel", "dispatch", "scale", "--json", "--quick", "--latency", "--service", "--runs"):
            self.assertIn(word, text)
