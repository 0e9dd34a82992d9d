"""sweeps/figure1.yaml shows sample size and nothing else. Release build only: a minute there."""


import h5py
import numpy as np
import pytest
from harness import SOURCE, ProgramTest

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
        output = self.folder / "figure1.h5"
        output.unlink(missing_ok=True)
        self.succeed("run", SOURCE / "sweeps/figure1.yaml", "-o", output, *options, ranks=2)
        return final_means(output)

    def test_error_falls_as_the_root_of_n_and_not_with_more_iterations(self):
        cells = self.run_figure1()
        self.assertEqual(len(cells["mean"]), 30)
        self.assertTrue((cells["count"] == 20).all())
        for d in (3, 5, 7):
            chosen = (cells["d"] == d) & (cells["activation"] == "tanh")
            slope = np.polyfit(np.log(cells["n"][chosen]), np.log(cells["mean"][chosen]), 1)[0]
            with self.subTest(d=d, slope=slope):
                self.assertGreater(slope, -0.55)
                self.assertLess(slope, -0.45)
        doubled = self.run_figure1("--set", "train.iterations=4000")
        change = np.abs(doubled["mean"] / cells["mean"] - 1)
        self.assertLess(change.max(), 0.05)

    def test_both_precisions_follow_the_same_trajectories(self):
        relative = {}
        for precision in ("single", "double"):
            self.run_figure1("--set", f"precision={precision}")
            with h5py.File(self.folder / "figure1.h5") as file:
                norms = file["run"][...]["truth_norm"]
                relative[precision] = file["error"][...] / norms[:, :, np.newaxis]
        final = relative["double"][:, :, -1]
        trapped = final > 5 * np.median(final, axis=1, keepdims=True)
        self.assertLess(trapped.sum(), 30)
        gaps = np.abs(relative["single"] - relative["double"])[~trapped]
        self.assertLess(gaps.max(), 1e-3)
        self.assertGreater(gaps.max(), 0, "the precisions are not the same computation")
