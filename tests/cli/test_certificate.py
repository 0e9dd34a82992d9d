"""Certificates: `record: {certificate: true}`, from the sweep file to the result file and back."""


import h5py
import numpy as np
import xarray
from harness import SWEEP, ProgramTest, flip_byte, read

NAMES = ("residual", "smallest_eigenvalue", "multipliers")
# d = 3, 5; leaky ReLU, which has a closed form, and tanh, which has none; 8 cells of 4 runs.
CERTIFIED = SWEEP.replace("spacing: log}", "spacing: log, certificate: true}")
ONE = CERTIFIED.replace("[leaky_relu(0.2), tanh]", "erf").replace("[100, 300]", "100")
# Two runs.
LONG = ONE.replace("iterations: 50", "iterations: 20000").replace("count: 4", "count: 1")


def certificates(path):
    return {name: read(path, f"certificate/{name}") for name in NAMES}


class Certificates(ProgramTest):
    def assert_same_bits(self, path, other):
        self.assertEqual(read(path, "error").tobytes(), read(other, "error").tobytes())
        for name, values in certificates(path).items():
            self.assertEqual(values.tobytes(), read(other, f"certificate/{name}").tobytes(), name)

    def test_they_are_datasets_on_cell_and_seed(self):
        path = self.run_sweep(CERTIFIED, "certified")
        d = read(path, "d")
        closed = np.array([name != b"tanh" for name in read(path, "activation")])
        found = certificates(path)
        self.assertEqual([found[name].shape for name in NAMES], [(8, 4), (8, 4), (8, 4, 5)])
        self.assertTrue((found["residual"][closed] > 0).all())
        self.assertTrue((np.isfinite(found["smallest_eigenvalue"]) == closed[:, None]).all())
        known = closed[:, None, None] & (np.arange(5) < d[:, None, None]) & np.ones((8, 4, 5), bool)
        self.assertTrue((np.isfinite(found["multipliers"]) == known).all())
        with h5py.File(path) as file:
            for name in NAMES:
                dataset = file[f"certificate/{name}"]
                self.assertEqual(dataset.dims[0][0], file["cell"])
                self.assertEqual(dataset.dims[1][0], file["seed"])
                self.assertTrue(dataset.attrs["description"])
            self.assertEqual(file["certificate/multipliers"].dims[2][0], file["certificate/row"])
        with xarray.open_dataset(path, engine="h5netcdf", group="certificate") as data:
            self.assertEqual(dict(data.sizes), {"cell": 8, "seed": 4, "row": 5})
            self.assertEqual(data["multipliers"].dims, ("cell", "seed", "row"))

    def test_a_sweep_that_asks_for_none_has_none(self):
        path = self.run_sweep(SWEEP, "plain")
        with h5py.File(path) as file:
            self.assertNotIn("certificate", file)
        other = self.run_sweep(CERTIFIED, "certified")
        self.assertEqual(read(path, "error").tobytes(), read(other, "error").tobytes())

    def test_the_same_bits_on_any_number_of_ranks_and_after_a_stop(self):
        whole = self.run_sweep(ONE, "whole")
        self.assert_same_bits(self.run_sweep(ONE, "three", ranks=3), whole)
        undisturbed = self.finished(LONG)
        spec = self.write("long.yaml", LONG)
        self.stop_at(spec, "-o", self.folder / "long.h5", cues=("1/0@15000=HOLD", "0/0@9000=HOLD"), ranks=2)
        self.succeed("run", spec, "-o", self.folder / "long.h5", ranks=2)
        self.assert_same_bits(self.folder / "long.h5", undisturbed)
        self.succeed("verify", self.folder / "long.h5", "--replay", "2")

    def test_a_flipped_byte_is_found_and_computed_again(self):
        path = self.run_sweep(ONE, "one")
        before = self.run_sweep(ONE, "before")
        for name in NAMES:
            flip_byte(path, f"certificate/{name}")
            done = self.call("verify", path)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"damaged +1\n")
            self.assertIn("its trajectory or another of its results is damaged", done.stdout)
            again = self.succeed("run", self.folder / "one.yaml", "-o", path)
            self.assertIn("(1 now,", again.stdout)
            self.assert_same_bits(path, before)
            self.succeed("verify", path)

    def test_runs_move_between_files_of_other_grids(self):
        old = self.run_sweep(ONE, "old")
        larger = self.run_sweep(ONE.replace("d: [3, 5]", "d: [3, 5, 9]"), "larger", "--reuse", old)
        found, before = certificates(larger), certificates(old)
        self.assertEqual(found["multipliers"].shape, (3, 4, 9))
        self.assertEqual(found["residual"][:2].tobytes(), before["residual"].tobytes())
        self.assertEqual(found["multipliers"][:2, :, :5].tobytes(), before["multipliers"].tobytes())
        self.assertTrue(np.isnan(found["multipliers"][:2, :, 5:]).all())
        said = self.succeed("run", self.folder / "larger.yaml", "-o", self.folder / "again.h5", "--reuse", larger).stdout
        self.assertIn("12 runs taken over", said)
        plain = self.run_sweep(ONE.replace(", certificate: true", ""), "plain")
        said = self.succeed("run", self.folder / "old.yaml", "-o", self.folder / "new.h5", "--reuse", plain).stdout
        self.assertIn("0 runs taken over", said)

    def test_shards_are_merged_with_theirs(self):
        whole = self.run_sweep(CERTIFIED, "whole")
        for shard in (1, 2, 3):
            self.succeed("run", "whole.yaml", "-o", f"{shard}.h5", "--shard", f"{shard}/3")
        self.succeed("merge", "1.h5", "2.h5", "3.h5", "-o", "merged.h5")
        self.assert_same_bits(self.folder / "merged.h5", whole)

    def test_a_file_has_them_from_its_beginning_or_never(self):
        path = self.run_sweep(SWEEP, "plain")
        done = self.call("run", self.write("certified.yaml", CERTIFIED), "-o", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("record.certificate is not set in the file, true in the sweep", done.stderr)

    def test_a_file_whose_certificates_are_of_another_size_is_refused(self):
        path = self.run_sweep(ONE, "one")
        with h5py.File(path, "r+") as file:
            values = file["certificate/multipliers"][...]
            del file["certificate/multipliers"]
            file["certificate/multipliers"] = values[:, :, :4]
        done = self.call("verify", path, "--reseal")
        self.assertEqual(done.returncode, 2)
        self.assertIn("the number of multipliers is 4 in the file, 5 in the sweep", done.stderr)

    def test_a_plan_says_which_cells_have_none(self):
        said = self.succeed("plan", self.write("certified.yaml", CERTIFIED)).stdout
        self.assertIn("certificates   of every run; NaN in 4 cells, whose activation has no closed form", said)
        said = self.succeed("plan", self.write("one.yaml", ONE)).stdout
        self.assertIn("certificates   of every run\n", said)
        said = self.succeed("plan", self.write("plain.yaml", SWEEP)).stdout
        self.assertNotIn("certificate", said)
