"""sweeps/figure1.yaml shows sample size and nothing else. Release build only: 30 seconds there."""

import unittest

import h5py
import numpy as np
from harness import SOURCE, ProgramTest


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


if __name__ == "__main__":
    unittest.main()
