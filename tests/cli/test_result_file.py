"""The result file: its contract, its readers (h5py, xarray, h5dump), status and reduce."""

import re
import subprocess

import h5py
import numpy as np
import xarray
from harness import SWEEP, ProgramTest, read

QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


class Layout(ProgramTest):
    def setUp(self):
        super().setUp()
        self.path = self.run_sweep(SWEEP, "tiny", "--set", "grid.seed={count: 6}", ranks=2)

    def test_attributes_of_the_root(self):
        with h5py.File(self.path) as file:
            attributes = dict(file.attrs)
        self.assertEqual(attributes["format"], "saddlesweep")
        self.assertEqual(attributes["format_version"], 4)
        self.assertEqual(attributes["spec"], SWEEP, "the sweep file, verbatim")
        self.assertEqual(attributes["overrides"], "grid.seed={count: 6}\n")
        self.assertEqual(attributes["shard"], "1/1")
        self.assertEqual(attributes["ranks"], 2)
        self.assertRegex(attributes["plan_digest"], r"^[0-9a-f]{32}$")
        self.assertRegex(attributes["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertRegex(attributes["library_versions"], r"Open MPI.*HDF5.*GSL.*libfyaml.*xxHash")
        for name in ("version", "git_commit", "compiler", "hosts", "kernel"):
            self.assertTrue(attributes[name], name)

    def test_datasets_types_and_shapes(self):
        with h5py.File(self.path) as file:
            for name, shape in {
                "cell": (8,), "seed": (6,), "iteration": (12,), "d": (8,), "k": (8,), "k0": (8,),
                "n": (8,), "m": (8,), "execution_row": (64,),
            }.items():  # fmt: skip
                self.assertEqual((file[name].dtype, file[name].shape), (np.dtype("<i8"), shape))
            self.assertEqual(file["error"].dtype, np.dtype("<f8"))
            self.assertEqual(file["error"].shape, (8, 6, 12))
            self.assertEqual(file["run"].shape, (8, 6))
            self.assertEqual(file["run"].dtype.itemsize, 64)
            self.assertTrue(h5py.check_string_dtype(file["activation"].dtype))
            enum = h5py.check_enum_dtype(file["run"].dtype["status"])
            self.assertEqual(
                enum, {"PENDING": 0, "DONE": 1, "DIVERGED": 2, "FAILED": 3, "PARTIAL": 4}
            )
            for group in ("error", "relative_error"):
                for name in (*QUANTILES, "mean", "std", "min", "max", "count"):
                    dataset = file[f"bands/{group}/{name}"]
                    self.assertEqual(dataset.shape, (8, 12))
                    kind = "<i8" if name == "count" else "<f8"
                    self.assertEqual(dataset.dtype, np.dtype(kind))

    def test_values(self):
        with h5py.File(self.path) as file:
            np.testing.assert_array_equal(file["cell"], range(8))
            np.testing.assert_array_equal(file["seed"], range(6))
            np.testing.assert_array_equal(file["d"], np.repeat([3, 5], 4))
            np.testing.assert_array_equal(file["n"], np.tile(np.repeat([100, 300], 2), 2))
            np.testing.assert_array_equal(file["m"], file["n"])
            np.testing.assert_array_equal(file["k"], 2)
            np.testing.assert_array_equal(file["k0"], 2)
            self.assertEqual(list(file["activation"].asstr()), ["leaky_relu(0.2)", "tanh"] * 4)
            iterations = file["iteration"][:]
            runs = file["run"][...]
            error = file["error"][...]
        self.assertEqual((iterations[0], iterations[-1]), (0, 50))
        self.assertTrue((np.diff(iterations) > 0).all())
        self.assertTrue((runs["status"] == 1).all())
        self.assertTrue((runs["iterations"] == 50).all())
        self.assertTrue((runs["seconds"] > 0).all())
        self.assertEqual(set(runs["rank"].flat) - {0, 1}, set())
        self.assertTrue(np.isfinite(error).all())
        self.assertEqual(len(np.unique(runs["identity"])), 48)

    def test_every_dataset_is_labelled_and_every_dimension_has_a_scale(self):
        labels = []

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                labels.append(name)
                for attribute in ("long_name", "units", "description"):
                    self.assertTrue(item.attrs[attribute], f"{name}: {attribute}")
                if name not in ("cell", "seed", "iteration", "execution_row"):
                    for dimension in item.dims:
                        self.assertEqual(len(dimension), 1, name)

        with h5py.File(self.path) as file:
            file.visititems(visit)
        self.assertEqual(len(labels), 4 + 5 + 1 + 2 + 20 + 1)

    def test_xarray_shows_labelled_dimensions(self):
        with xarray.open_dataset(self.path, engine="h5netcdf") as data:
            self.assertEqual(
                dict(data.sizes), {"cell": 8, "seed": 6, "iteration": 12, "execution_row": 64}
            )
            self.assertEqual(data["error"].dims, ("cell", "seed", "iteration"))
            picked = data["error"].where(data["d"] == 5, drop=True).sel(seed=3, iteration=50)
            self.assertEqual(picked.shape, (4,))
            self.assertEqual(data["activation"].values[1], "tanh")
            self.assertEqual(data["run"].values[0, 0]["status"], 1)
            self.assertEqual(data["execution"].dims, ("execution_row",))
            self.assertEqual(list(data["execution"].values["number"][:2]), [1, 0])
            self.assertEqual(data["execution"].values["ranks"][0], 2)
        with xarray.open_dataset(self.path, engine="h5netcdf", group="bands/error") as bands:
            self.assertEqual(bands["mean"].dims, ("cell", "iteration"))

    def test_h5dump_reads_it(self):
        for arguments in (["-H"], ["-d", "/run"], ["-d", "/activation"], ["-d", "/execution"]):
            done = subprocess.run(
                ["h5dump", *arguments, str(self.path)], capture_output=True, text=True, check=False
            )
            self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path, "rb") as file:
            self.assertTrue(file.readline().startswith(b"saddlesweep result file"))
            file.seek(2048)
            self.assertEqual(file.read(9)[8], 0, "superblock version 0: no open-for-writing mark")


class Bands(ProgramTest):
    def check_bands(self, path):
        with h5py.File(path) as file:
            runs = file["run"][...]
            error = file["error"][...]
            for group, scale in (("error", 1), ("relative_error", runs["truth_norm"])):
                bands = {name: band[...] for name, band in file[f"bands/{group}"].items()}
                values = error / np.broadcast_to(scale, runs.shape)[..., None]
                for cell in range(len(values)):
                    done = values[cell][runs["status"][cell] == 1]
                    np.testing.assert_array_equal(bands["count"][cell], len(done))
                    if len(done) == 0:
                        self.assertTrue(np.isnan(bands["mean"][cell]).all())
                        continue
                    expected = {
                        "mean": done.mean(axis=0), "min": done.min(axis=0), "max": done.max(axis=0),
                        **{name: np.quantile(done, q, axis=0) for name, q in QUANTILES.items()},
                    }  # fmt: skip
                    if len(done) > 1:
                        expected["std"] = done.std(axis=0, ddof=1)
                    else:
                        self.assertTrue(np.isnan(bands["std"][cell]).all())
                    for name, value in expected.items():
                        np.testing.assert_allclose(bands[name][cell], value, rtol=1e-12)

    def test_bands_are_those_of_the_trajectories(self):
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                self.check_bands(self.run_sweep(SWEEP, f"tiny{ranks}", ranks=ranks))

    def test_reduce_recomputes_them_without_the_runs_that_are_not_done(self):
        path = self.run_sweep(SWEEP, "tiny")
        with h5py.File(path, "r+") as file:
            runs = file["run"][...]
            runs["status"][1] = 0  # a cell with none
            runs["status"][2, :3] = 0  # with one
            runs["status"][3, 1] = 2
            file["run"][...] = runs
            for band in file["bands/error"].values():
                band[...] = 0
        for ranks in (None, 2):
            done = self.succeed("reduce", path, ranks=ranks)
            self.assertIn("8 cells", done.stdout)
            self.check_bands(path)

    def test_reduce_leaves_out_a_damaged_trajectory(self):
        path = self.run_sweep(SWEEP, "tiny")
        with h5py.File(path, "r+") as file:
            file["error"][4, 1, 3] = 1e6
        self.succeed("reduce", path)
        self.assertEqual(list(read(path, "bands/error/count")[:, 3]), [4, 4, 4, 4, 3, 4, 4, 4])
        self.assertLess(read(path, "bands/error/max")[4, 3], 100)


class Status(ProgramTest):
    def test_counts_and_cells(self):
        path = self.run_sweep(SWEEP, "tiny")
        with h5py.File(path, "r+") as file:
            record = file["run"][5, 2]
            record["status"] = 0
            file["run"][5, 2] = record
        output = self.succeed("status", path, "--cells").stdout
        counts = dict(re.findall(r"^(\w+) +(\S+)$", output, re.MULTILINE))
        self.assertEqual(counts["done"], "31")
        self.assertEqual(counts["pending"], "1")
        self.assertEqual(counts["diverged"], "0")
        self.assertEqual(counts["failed"], "0")
        self.assertEqual(counts["runs"], "32")
        rows = [line.split() for line in output.splitlines() if re.match(r" +\d", line)]
        self.assertEqual(rows[5], "5 5 2 2 100 100 tanh 3 1 0 0".split())
        self.assertEqual(len(rows), 8)
