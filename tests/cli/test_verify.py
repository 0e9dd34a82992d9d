"""`verify` and `export`: nothing wrong is trusted, nothing right is lost on the way to a table."""

import csv
import math
import struct

import h5py
import numpy as np
from harness import SWEEP, ProgramTest, read, xxh3

# Two cells of two runs, recorded four times.
SMALL = (
    SWEEP.replace("[3, 5]", "3")
    .replace("[100, 300]", "100")
    .replace("count: 4", "count: 2")
    .replace("iterations: 50", "iterations: 8")
    .replace("points: 12", "points: 4")
)
RECORD = 64
ROW = 4 * 8


class ResultFileTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.path = self.run_sweep(SMALL, "small")
        self.whole = self.path.read_bytes()

    def damage(self, *positions, flip=0xFF):
        """Flips bits of bytes of the file as it was made."""
        data = bytearray(self.whole)
        for position in positions:
            data[position] ^= flip
        self.path.write_bytes(data)

    def offset(self, dataset):
        with h5py.File(self.path) as file:
            return file[dataset].id.get_offset()


class Verify(ResultFileTest):
    def assert_finds(self, runs, fragment):
        done = self.call("verify", self.path)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(f"{len(runs)} runs are damaged", done.stderr)
        self.assertIn("computes just those again", done.stderr)
        rows = [line.split(None, 2) for line in done.stdout.splitlines() if fragment in line]
        self.assertEqual([(int(row[0]), int(row[1])) for row in rows], runs, done.stdout)

    def test_an_intact_file(self):
        stdout = self.succeed("verify", self.path, "--replay", "3").stdout
        self.assertRegex(stdout, r"runs +4\nintact +4\npending +0\ndamaged +0\n")
        self.assertRegex(stdout, r"replayed +3, 0 of them")
        self.assertEqual(self.path.read_bytes(), self.whole, "verify changes nothing")

    def assert_finds_every_byte(self, dataset, size, fragment):
        """The same byte in all four runs at once: each must be found for itself."""
        start = self.offset(dataset)
        for position in range(size):
            with self.subTest(position):
                places = [start + run * size + position for run in range(4)]
                self.damage(*places, flip=1 << position % 8)
                self.assert_finds([(0, 0), (0, 1), (1, 0), (1, 1)], fragment)

    def test_every_flipped_byte_of_a_record_is_found(self):
        self.assert_finds_every_byte("run", RECORD, "record is damaged")

    def test_every_flipped_byte_of_a_trajectory_is_found(self):
        self.assert_finds_every_byte("error", ROW, "trajectory is damaged")

    def test_the_run_that_is_damaged_is_named(self):
        start = self.offset("error")
        for run in range(4):
            self.damage(start + run * ROW + 8 * run)
            self.assert_finds([(run // 2, run % 2)], "trajectory is damaged")

    def test_run_computes_just_the_damaged_runs_again(self):
        expected = read(self.path, "error")
        for position in (self.offset("error") + ROW, self.offset("run") + RECORD + 32):
            self.damage(position)
            done = self.succeed("run", self.folder / "small.yaml", "-o", self.path)
            self.assertIn("4 of 4 runs committed (1 now", done.stdout)
            self.succeed("verify", self.path, "--replay", "4")
            np.testing.assert_array_equal(read(self.path, "error"), expected)

    def test_runs_at_each_others_place_are_found(self):
        with h5py.File(self.path, "r+") as file:
            for name in ("run", "error"):
                values = file[name][...]
                values[:, [0, 1]] = values[:, [1, 0]]
                file[name][...] = values
        self.assert_finds([(0, 0), (0, 1), (1, 0), (1, 1)], "another run")

    def test_what_is_not_committed_is_pending_and_not_damaged(self):
        with h5py.File(self.path, "r+") as file:
            records = file["run"][...]
            records[1, 0] = np.zeros((), records.dtype)
            file["run"][...] = records
        stdout = self.succeed("verify", self.path, "--replay", "9").stdout
        self.assertRegex(stdout, r"intact +3\npending +1\ndamaged +0\nbands .*\nreplayed +3,")

    def test_a_flipped_byte_of_any_band_is_found_and_reduce_mends_it(self):
        with h5py.File(self.path) as file:
            bands = [band for quantity in file["bands"].values() for band in quantity.values()]
            places = [(band.name, band.id.get_offset()) for band in bands]
        self.assertEqual(len(places), 20)
        for number, (name, start) in enumerate(places):
            with self.subTest(name):
                self.damage(start + ROW + number % ROW)  # a byte of the second cell's
                done = self.call("verify", self.path)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertRegex(done.stdout, r"\n *1 +all +its bands are not what its runs give\n")
                self.assertRegex(done.stdout, r"bands +1 right, 1 wrong \(cells\)")
                self.assertIn("the bands of 1 cells are damaged", done.stderr)
        self.succeed("reduce", self.path)
        self.succeed("verify", self.path)
        self.assertEqual(self.path.read_bytes(), self.whole)

    def test_bands_that_were_not_made_or_lack_later_runs_are_no_damage(self):
        with h5py.File(self.path, "r+") as file:
            for name, band in [(n, b) for q in file["bands"].values() for n, b in q.items()]:
                band[0] = 0 if name == "count" else np.nan
            records = file["run"][...]
            records[1, 0] = np.zeros((), records.dtype)
            file["run"][...] = records
        stdout = self.succeed("verify", self.path).stdout
        self.assertRegex(stdout, r"bands +0 right, 1 not made yet, 1 older than their runs \(")
        self.succeed("run", "small.yaml", "-o", self.path)
        self.assertRegex(self.succeed("verify", self.path).stdout, r"bands +2 right \(")

    def test_reduce_leaves_out_a_run_that_belongs_elsewhere(self):
        with h5py.File(self.path, "r+") as file:
            for name in ("run", "error"):
                file[name][0, 0] = file[name][0, 1]
        self.succeed("reduce", self.path)
        self.assertEqual(read(self.path, "bands/error/count")[:, 0].tolist(), [1, 2])
        self.assert_finds([(0, 0)], "another run")

    def test_a_file_that_another_program_changed_is_sealed_anew_when_asked_for(self):
        with h5py.File(self.path, "r+") as file:
            file.attrs["note"] = "for the paper"
        for command in (
            ("verify", self.path),
            ("status", self.path),
            ("reduce", self.path),
            ("run", "small.yaml", "-o", self.path),
            ("export", self.path, "--csv", "out.csv"),
        ):
            done = self.call(*command)
            self.assertEqual(done.returncode, 2, command)
            self.assertIn("verify --reseal", done.stderr)
        self.assertRegex(self.succeed("verify", self.path, "--reseal").stdout, r"intact +4\n")
        self.succeed("verify", self.path)
        self.succeed("run", "small.yaml", "-o", self.path)
        self.assertEqual(self.files(), ["small.h5", "small.yaml"])

    def test_labels_that_differ_from_the_sweep_file_are_found(self):
        for name, fragment in [
            ("n", "n of cell 1"),
            ("seed", "seed number 1"),
            ("iteration", "iteration number 1"),
        ]:
            self.path.write_bytes(self.whole)
            with h5py.File(self.path, "r+") as file:
                file[name][1] += 1
            self.assertIn("metadata is damaged", self.call("verify", self.path).stderr)
            for _ in range(2):  # it is not sealed
                done = self.call("verify", self.path, "--reseal")
                self.assertEqual(done.returncode, 2)
                self.assertIn(fragment, done.stderr)
                self.assertIn("in the sweep; undo what was changed in the file, or restore it from a copy", done.stderr)

    def test_a_seal_that_makes_no_sense_is_found(self):
        """Of a file that somebody has made to be read: its own checksum holds (src/store/seal.c)."""
        ranges, offset, size = struct.unpack_from("<3q", self.whole, 80)
        self.assertGreater(ranges, 20)
        for name, place, number in [
            ("fewer than none", 80, -1),
            ("more than there is room for", 80, 10**6),
            ("a range in the seal itself", 88, 0),
            ("a range beyond the end", 88, len(self.whole)),
            ("a range of negative size", 96, -size),
            ("a range that ends beyond the end", 96, len(self.whole)),
            ("a range that runs over the next", 96, size + 4096),
            ("an end that is beyond all numbers", 88, 2**63 - 1 - size // 2),
        ]:
            with self.subTest(name):
                content = bytearray(self.whole)
                struct.pack_into("<q", content, place, number)
                content[2040:2048] = struct.pack("<Q", xxh3(bytes(content[:2040])))
                self.path.write_bytes(content)
                done = self.call("verify", self.path)
                self.assertEqual(done.returncode, 2)
                self.assertIn("small.h5: its first 2048 bytes, the seal, make no sense; restore it", done.stderr)

    def test_datasets_that_do_not_fit_together_are_found(self):
        for name, fragment in (("run", "/run and /error do not fit together"), ("error", "do not fit together")):
            with self.subTest(name):
                self.path.write_bytes(self.whole)
                with h5py.File(self.path, "r+") as file:
                    values = file[name][:, :1]
                    del file[name]
                    file[name] = values
                changed = self.path.read_bytes()
                done = self.call("verify", self.path, "--reseal")
                self.assertEqual(done.returncode, 2)
                self.assertIn(fragment, done.stderr)
                self.assertEqual(self.path.read_bytes(), changed, "it is not sealed")

    def test_an_attribute_that_is_missing_is_found(self):
        """Of what a program reads from it: the others are for people."""
        for name in ("format", "format_version", "spec", "plan_digest"):
            with self.subTest(name):
                self.path.write_bytes(self.whole)
                with h5py.File(self.path, "r+") as file:
                    del file.attrs[name]
                damaged = self.path.read_bytes()
                for command in (("verify", self.path, "--reseal"), ("run", "small.yaml", "-o", self.path)):
                    done = self.call(*command)
                    self.assertEqual(done.returncode, 2, f"{name}: {done.stdout}")
                    self.assertIn("small.h5: ", done.stderr)
                self.assertEqual(self.path.read_bytes(), damaged, "nothing is touched")

    def test_a_setting_that_differs_from_the_sweep_file_is_found(self):
        with h5py.File(self.path, "r+") as file:
            file.attrs["settings"] = file.attrs["settings"].replace("noise: 0.1", "noise: 0.2")
            file.attrs["plan_digest"] = "0" * 32
        done = self.call("verify", self.path, "--reseal")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "does not agree with the sweep file in it; first difference: train.noise is 0.2")
        self.assertNotIn("output file", done.stderr)

    def test_replay_finds_results_of_another_arithmetic(self):
        """The reference kernel rounds differently; here its records claim to be another kernel's."""
        kernel = read(self.path, "run")["kernel"][0, 0]
        self.path.unlink()
        self.run_sweep(SMALL, "small", SADDLESWEEP_KERNEL="reference")
        done = self.call("verify", self.path, "--replay", "1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("SADDLESWEEP_KERNEL=reference", done.stderr)
        self.succeed("verify", self.path, "--replay", "4", SADDLESWEEP_KERNEL="reference")
        with h5py.File(self.path, "r+") as file:
            records = file["run"][...]
            records["kernel"][0] = kernel
            for record in records[0]:
                record["record_checksum"] = xxh3(record.tobytes()[:-8])
            file["run"][...] = records
        self.succeed("verify", self.path)
        done = self.call("verify", self.path, "--replay", "2")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.count("comes out differently"), 2)
        self.assertIn("2 runs are another kernel's (reference)", done.stdout)
        self.assertIn("2 runs do not come out", done.stderr)

    def test_files_that_are_no_result_files(self):
        text = self.write("text.h5", "not HDF5")
        for command in (("verify", text), ("export", text, "--csv", "out.csv")):
            done = self.call(*command)
            self.assertEqual(done.returncode, 2)
            self.assertIn("text.h5", done.stderr)
        self.assertEqual(self.files(), ["small.h5", "small.yaml", "text.h5"])


class Export(ResultFileTest):
    def rows(self):
        self.succeed("export", self.path, "--csv", "out.csv")
        with open(self.folder / "out.csv", newline="") as file:
            return list(csv.DictReader(file))

    def test_every_value_in_every_bit(self):
        rows = self.rows()
        with h5py.File(self.path) as file:
            error, norm = file["error"][...], file["run"][...]["truth_norm"]
            iterations, names = file["iteration"][:], file["activation"].asstr()[:]
        self.assertEqual(len(rows), error.size)
        for row, (cell, seed, point) in zip(rows, np.ndindex(error.shape)):
            self.assertEqual(float(row["error"]), error[cell, seed, point])
            self.assertEqual(float(row["relative_error"]), error[cell, seed, point] / norm[cell, seed])
            found = [row[key] for key in ("cell", "d", "k", "k0", "n", "m", "seed", "iteration")]
            expected = [cell, 3, 2, 2, 100, 100, seed, iterations[point]]
            self.assertEqual([int(value) for value in found], expected)
            self.assertEqual((row["activation"], row["status"]), (names[cell], "DONE"))

    def test_what_is_damaged_has_no_value(self):
        self.damage(self.offset("error") + ROW)
        for row in self.rows():
            wrong = (row["cell"], row["seed"]) == ("0", "1")
            self.assertEqual(row["status"], "PENDING" if wrong else "DONE")
            self.assertEqual(row["error"] == "" and row["relative_error"] == "", wrong)

    def test_diverged_runs_end_where_they_diverged(self):
        text = SMALL.replace("ascent_step: 1.0", "ascent_step: 1e200").replace("tanh", "identity")
        self.write("small.yaml", text)
        self.path.unlink()
        self.assertEqual(self.call("run", "small.yaml", "-o", self.path).returncode, 3)
        rows = self.rows()
        error = read(self.path, "error").ravel()
        self.assertTrue(np.isnan(error).any())
        self.assertIn("DIVERGED", {row["status"] for row in rows})
        for row, value in zip(rows, error):
            self.assertEqual(row["error"] == "", math.isnan(value))

    def test_the_table_replaces_an_older_one_and_nothing_else(self):
        (self.folder / "link.h5").symlink_to(self.path)
        (self.folder / "link.csv").symlink_to("out.csv")
        self.write("out.csv", "old")
        for target in (self.path, "link.h5"):
            done = self.call("export", self.path, "--csv", target)
            self.assertEqual(done.returncode, 2)
            self.assertIn("is the result file itself", done.stderr)
        self.assertEqual(self.path.read_bytes(), self.whole)
        self.succeed("export", self.path, "--csv", "link.csv")
        self.assertTrue((self.folder / "link.csv").is_symlink())
        written = (self.folder / "out.csv").read_text()
        self.assertTrue(written.startswith("cell,d,"))
        self.assertEqual(self.call("export", "missing.h5", "--csv", "out.csv").returncode, 2)
        self.assertEqual((self.folder / "out.csv").read_text(), written)
        self.assertEqual(self.succeed("export", self.path, "--csv", "-").stdout, written)
        self.assertEqual(self.succeed("export", self.path, "--csv", "/dev/stdout").stdout, written)

    def test_mistakes_and_full_disks(self):
        for arguments, status, fragment in [
            ((), 2, "--csv OUT is missing"),
            (("--csv", "missing/out.csv"), 2, "missing/out.csv cannot be written: No such file"),
            (("--csv", "/dev/full"), 1, "No space left"),
        ]:
            done = self.call("export", self.path, *arguments)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(fragment, done.stderr)
        self.assertEqual(self.files(), ["small.h5", "small.yaml"])
