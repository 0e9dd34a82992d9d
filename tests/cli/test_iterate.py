"""Iterates, given truths and free rows: from the sweep file to the result file and back."""


import h5py
import numpy as np
import xarray
from harness import SWEEP, ProgramTest, flip_byte, read

# d = 3, 5 and k = 2, 3: rooms that some runs fill and others do not; 16 cells of 4 runs.
ITERATING = SWEEP.replace("k: 2", "k: [2, 3]").replace("spacing: log}", "spacing: log, iterate: true}")
ONE = ITERATING.replace("[leaky_relu(0.2), tanh]", "erf").replace("[100, 300]", "100")
CERTIFIED = ONE.replace("iterate: true", "iterate: true, certificate: true")
LONG = CERTIFIED.replace("iterations: 50", "iterations: 20000").replace("count: 4", "count: 1")

# The settings of Figure 2, shorter.
GIVEN = """\
name: given
root_seed: 20200713
grid: {d: 2, k: 1, n: 50000, m: 500, activation: [leaky_relu(0.2), tanh], seed: {count: 5}}
truth: {matrix: [[1], [1]]}
train: {iterations: 2000, step: {size: 0.05}, noise: 0, row_norm: free}
record: {points: 21, spacing: linear, iterate: true}
precision: double
"""


def parts(path):
    with h5py.File(path) as file:
        names = ["error", "iterate", *(f"certificate/{name}" for name in file.get("certificate", ()))]
    return {name: read(path, name) for name in names}


class IterateTest(ProgramTest):
    def assert_same_bits(self, path, other):
        found, expected = parts(path), parts(other)
        self.assertEqual(found.keys(), expected.keys())
        for name, values in expected.items():
            self.assertEqual(found[name].tobytes(), values.tobytes(), name)

    def assert_errors_are_theirs(self, path, Z_star):
        A = read(path, "iterate")
        error = np.linalg.norm(A @ A.swapaxes(-1, -2) - Z_star, axis=(-2, -1))
        np.testing.assert_allclose(error, read(path, "error"), rtol=0, atol=1e-12)


class Iterates(IterateTest):
    def test_they_are_a_dataset_with_room_for_the_largest_run(self):
        path = self.run_sweep(ITERATING, "iterating")
        A, d, k = read(path, "iterate"), read(path, "d"), read(path, "k")
        self.assertEqual(A.shape, (16, 4, 12, 5, 3))
        own = (np.arange(5)[:, None] < d[:, None, None]) & (np.arange(3) < k[:, None, None])
        self.assertTrue((np.isfinite(A) == own[:, None, None]).all())
        norms = np.linalg.norm(np.nan_to_num(A), axis=-1)
        np.testing.assert_allclose(norms, np.broadcast_to(own.any(axis=-1)[:, None, None], norms.shape), rtol=1e-14)
        with h5py.File(path) as file:
            dataset = file["iterate"]
            scales = ["cell", "seed", "iteration", "iterate_row", "iterate_column"]
            self.assertEqual([dimension[0] for dimension in dataset.dims], [file[name] for name in scales])
            self.assertTrue(dataset.attrs["description"])
        with xarray.open_dataset(path, engine="h5netcdf") as data:
            self.assertEqual(data["iterate"].dims, tuple(scales))
            self.assertEqual(data["iterate_column"].values.tolist(), [0, 1, 2])

    def test_a_sweep_that_asks_for_none_has_none_and_the_same_errors(self):
        path = self.run_sweep(ITERATING.replace(", iterate: true", ""), "plain")
        with h5py.File(path) as file:
            self.assertNotIn("iterate", file)
            self.assertNotIn("iterate_row", file)
        other = self.run_sweep(ITERATING, "iterating")
        self.assertEqual(read(path, "error").tobytes(), read(other, "error").tobytes())
        done = self.call("run", self.folder / "iterating.yaml", "-o", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("record.iterate is not set in the file, true in the sweep", done.stderr)

    def test_the_same_bits_on_any_number_of_ranks_and_after_a_stop(self):
        whole = self.run_sweep(CERTIFIED, "whole")
        self.assert_same_bits(self.run_sweep(CERTIFIED, "three", ranks=3), whole)
        undisturbed = self.finished(LONG)
        spec = self.write("long.yaml", LONG)
        path = self.folder / "long.h5"
        self.stop_at(spec, "-o", path, cues=("3/0@9000=HOLD", "2/0@9001=HOLD"), ranks=2)
        again = self.succeed("run", spec, "-o", path, ranks=2)
        self.assertIn("2 runs went on from where they had been saved", again.stdout)
        self.assert_same_bits(path, undisturbed)
        self.succeed("verify", path, "--replay", "2")

    def test_a_flipped_byte_is_found_and_computed_again(self):
        path = self.run_sweep(ONE, "one")
        before = self.run_sweep(ONE, "before")
        flip_byte(path, "iterate")
        done = self.call("verify", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"damaged +1\n")
        self.assertIn("its trajectory or another of its results is damaged", done.stdout)
        again = self.succeed("run", self.folder / "one.yaml", "-o", path)
        self.assertIn("(1 now,", again.stdout)
        self.assert_same_bits(path, before)
        self.succeed("verify", path, "--replay", "16")

    def test_runs_move_between_files_of_other_grids(self):
        old = self.run_sweep(CERTIFIED, "old")
        wider = CERTIFIED.replace("d: [3, 5]", "d: [3, 5, 9]").replace("k: [2, 3]", "k: [2, 3, 4]")
        larger = self.run_sweep(wider, "larger", "--reuse", old)
        found, before = read(larger, "iterate"), read(old, "iterate")
        self.assertEqual(found.shape, (9, 4, 12, 9, 4))
        same = [0, 1, 3, 4]  # d = 3 and 5, k = 2 and 3
        self.assertEqual(found[same][..., :5, :3].tobytes(), before.tobytes())
        self.assertTrue(np.isnan(found[same][..., 5:, :]).all() and np.isnan(found[same][..., 3:]).all())
        for path, others in ((larger, "old"), (old, "larger")):
            said = self.succeed("run", f"{others}.yaml", "-o", f"{others}-again.h5", "--reuse", path).stdout
            self.assertIn("16 runs taken over", said)
            self.assert_same_bits(self.folder / f"{others}-again.h5", self.folder / f"{others}.h5")
        self.succeed("verify", "old-again.h5", "--replay", "16")

    def test_runs_without_theirs_are_computed_anew(self):
        plain = self.run_sweep(ONE.replace(", iterate: true", ""), "plain")
        said = self.succeed("run", self.write("one.yaml", ONE), "-o", "one.h5", "--reuse", plain).stdout
        self.assertIn("0 runs taken over", said)

    def test_shards_are_merged_with_theirs(self):
        whole = self.run_sweep(ONE, "whole")
        for shard in (1, 2, 3, 4, 5):
            self.succeed("run", "whole.yaml", "-o", f"{shard}.h5", "--shard", f"{shard}/5")
        self.succeed("merge", *(f"{shard}.h5" for shard in (1, 2, 3, 4, 5)), "-o", "merged.h5")
        self.assert_same_bits(self.folder / "merged.h5", whole)

    def test_a_file_whose_iterates_are_of_another_size_is_refused(self):
        path = self.run_sweep(ONE, "one")
        with h5py.File(path, "r+") as file:
            values = file["iterate"][...]
            del file["iterate"]
            file["iterate"] = values[..., :2]
        done = self.call("verify", path, "--reseal")
        self.assertEqual(done.returncode, 2)
        self.assertIn("the number of columns of /iterate is 2 in the file, 3 in the sweep", done.stderr)

    def test_a_resealed_file_is_whole(self):
        path = self.run_sweep(ONE, "one")
        with h5py.File(path, "r+") as file:
            file.attrs["note"] = "mine"
        self.succeed("verify", path, "--reseal")
        self.assertIn("16 of 16", self.succeed("run", "one.yaml", "-o", path).stdout)
        self.succeed("verify", path)

    def test_a_plan_counts_them(self):
        path = self.run_sweep(ITERATING, "iterating")
        said = self.succeed("plan", self.folder / "iterating.yaml").stdout
        self.assertIn("iterates       A of every run, at each recorded iteration\n", said)
        predicted = float(said.split("file size      ")[1].split()[0]) * 1024
        self.assertAlmostEqual(predicted / path.stat().st_size, 1, delta=0.1)


class GivenTruth(IterateTest):
    def test_free_rows_end_at_plus_or_minus_the_truth(self):
        path = self.run_sweep(GIVEN, "given")
        A = read(path, "iterate")[..., 0]
        self.assertTrue((read(path, "run")["truth_norm"] == 2).all())
        self.assertEqual(read(path, "truth").tolist(), [[1], [1]])
        self.assert_errors_are_theirs(path, np.ones((2, 2)))
        np.testing.assert_array_equal(A[0, :, 0], A[1, :, 0])  # leaky ReLU and tanh begin at one point
        self.assertGreater(np.abs(np.abs(A[0, :, 0]) - 1).max(), 0.5)  # which no projection has moved
        same_side = A[0, :, 0].prod(axis=-1) > 0
        self.assertTrue(0 < same_side.sum() < 5)
        ends = A[:, :, -1]
        sign = np.sign(ends[..., :1])
        recovered = np.abs(ends - sign).max(axis=-1) < 0.05
        np.testing.assert_array_equal(recovered[1], True)
        np.testing.assert_array_equal(recovered[0], same_side)

    def test_known_norms_leave_the_sign_alone(self):
        path = self.run_sweep(GIVEN.replace(", row_norm: free", ""), "known")
        np.testing.assert_allclose(np.abs(read(path, "iterate")), 1, rtol=1e-15)

    def test_norms_are_those_of_the_rows(self):
        text = ONE.replace("d: [3, 5]", "d: 3").replace(
            "truth: {latent: k, row_norm: unit}", "truth: {matrix: [[3, 4], [0, -1], [0.5, 0]]}"
        )
        path = self.run_sweep(text, "norms")
        norms = np.linalg.norm(np.nan_to_num(read(path, "iterate")), axis=-1)
        np.testing.assert_allclose(norms, np.broadcast_to([5, 1, 0.5], norms.shape), rtol=1e-14)
        self.assertEqual(read(path, "k0").tolist(), [2, 2])
        with xarray.open_dataset(path, engine="h5netcdf") as data:
            self.assertEqual(data["truth"].dims, ("truth_row", "truth_column"))
            self.assertEqual(data["truth"].values.tolist(), [[3, 4], [0, -1], [0.5, 0]])
        truth = np.array([[3, 4], [0, -1], [0.5, 0]])
        np.testing.assert_allclose(read(path, "run")["truth_norm"], np.linalg.norm(truth @ truth.T))

    def test_another_truth_is_another_sweep(self):
        path = self.run_sweep(GIVEN, "given")
        other = self.write("other.yaml", GIVEN.replace("[[1], [1]]", "[[1], [2]]"))
        done = self.call("run", other, "-o", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("first difference: truth.matrix is 2 x 1, XXH3 ", done.stderr)
        said = self.succeed("run", other, "-o", "new.h5", "--reuse", path).stdout
        self.assertIn("0 runs taken over", said)
        self.assertIn("truth          given, 2 x 1\nrow norms      free\n", self.succeed("plan", other).stdout)

    def test_runs_on_process_grids_have_it_and_are_replayed(self):
        truth = [[round(np.sin(3 * i + j + 1), 3) for j in range(2)] for i in range(6)]
        text = (
            GIVEN.replace("d: 2, k: 1, n: 50000", "d: 6, k: 2, n: 500").replace("[[1], [1]]", str(truth))
            .replace("iterations: 2000", "iterations: 40").replace(", iterate: true", "")
        )  # fmt: skip
        alone = self.run_sweep(text, "alone")
        wide = self.run_sweep(text, "wide", "--set", "wide={from_d: 6, ranks: 2, block: 2}", ranks=2)
        np.testing.assert_allclose(read(wide, "error"), read(alone, "error"), rtol=1e-9)
        said = self.succeed("verify", wide, "--replay", "4", ranks=2).stdout
        self.assertIn("replayed    4, 0 of them with other bits", said)
