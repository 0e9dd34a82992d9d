"""sweeps/figure1.yaml shows sample size and nothing else. Release build only: a minute there."""


import h5py
import numpy as np
import pytest
from harness import ALL, SOURCE, ProgramTest

pytestmark = pytest.mark.release


def final_means(path):
    with h5py.File(path) as file:
        return {
            "d": file["d"][:],
            "n": file["n"][:],
            "activation": file["activation"].asstr()[:],
            "mean": file["bands/relative_error/mean"][:, -1],
            "count": file["bands/relative_error/count"][:, -1],
        }


class Figure1(ProgramTest):
    def run_figure1(self, *options):
        """Relative errors [cell, seed, iteration]; the file is figure1.h5."""
        output = self.folder / "figure1.h5"
        output.unlink(missing_ok=True)
        self.succeed("run", SOURCE / "sweeps/figure1.yaml", "-o", output, *options, ranks=2)
        with h5py.File(output) as file:
            return file["error"][...] / file["run"][...]["truth_norm"][:, :, np.newaxis]

    def test_error_falls_as_the_root_of_n_and_not_with_more_iterations(self):
        only = () if ALL else ("--set", "grid.activation=tanh")
        error = self.run_figure1(*only)
        cells = final_means(self.folder / "figure1.h5")
        self.assertEqual(len(cells["mean"]), 30 if ALL else 15)
        self.assertTrue((cells["count"] == 20).all())
        for d in (3, 5, 7):
            chosen = (cells["d"] == d) & (cells["activation"] == "tanh")
            slope = np.polyfit(np.log(cells["n"][chosen]), np.log(cells["mean"][chosen]), 1)[0]
            with self.subTest(d=d, slope=slope):
                self.assertGreater(slope, -0.55)
                self.assertLess(slope, -0.45)
        some = np.full(30, True) if ALL else np.isin(cells["d"], (3, 7)) & np.isin(cells["n"], (500, 5000))
        fewer = () if ALL else (*only, "--set", "grid.d=[3,7]", "--set", "grid.n=[500,5000]")
        doubled = self.run_figure1("--set", "train.iterations=4000", *fewer)
        change = np.abs(doubled[:, :, -1].mean(axis=1) / error[some, :, -1].mean(axis=1) - 1)
        self.assertEqual(len(change), some.sum())
        self.assertLess(change.max(), 0.05)

    def test_both_precisions_follow_the_same_trajectories(self):
        seeds = 20 if ALL else 3
        relative = {
            precision: self.run_figure1("--set", f"precision={precision}", "--set", f"grid.seed.count={seeds}")
            for precision in ("single", "double")
        }
        final = relative["double"][:, :, -1]
        trapped = final > 5 * np.median(final, axis=1, keepdims=True)
        self.assertLess(trapped.sum(), 1.5 * seeds)
        gaps = np.abs(relative["single"] - relative["double"])[~trapped]
        self.assertLess(gaps.max(), 1e-3)
        self.assertGreater(gaps.max(), 0, "the precisions are not the same computation")
