"""How results are written: by parallel HDF5, or the same bytes by system calls; wherever MPI-IO comes from, where it
cannot open a file, and whatever a file or a folder is called."""

import contextlib
import os
import resource
import subprocess

import h5py
import numpy as np
import pytest
from harness import SWEEP, ProgramTest, preloaded, read

# Every part that a run may result in; shapes that fill their room in the datasets, and that do not.
PARTS = (
    SWEEP.replace("k: 2", "k: [1, 2]")
    .replace("count: 4", "count: 2")
    .replace("log}", "log, certificate: true, iterate: true, covariance_error: true, gradient_bias: true}")
)
FEW = SWEEP.replace("[100, 300]", "100").replace("[leaky_relu(0.2), tanh]", "tanh").replace("count: 4", "count: 2")
NOTE = "MPI-IO cannot open it"
WRITTEN = ("error", "run", "bands", "certificate", "iterate", "covariance_error", "gradient_error")


def written_datasets(file):
    """All that is written after a file's creation, but for /execution, which has times."""
    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and name.split("/")[0] in WRITTEN and name != "certificate/row":
            found.append(item)

    file.visititems(visit)
    return found


class Ways(ProgramTest):
    def test_all_ways_write_the_same_bytes_in_the_same_places(self):
        whole = self.run_sweep(PARTS, "whole")
        with h5py.File(whole) as file:
            datasets = written_datasets(file)
            places = [(item.id.get_offset(), item.id.get_storage_size(), item.dtype.kind) for item in datasets]
            execution = file["execution"].id.get_offset(), file["execution"].id.get_storage_size()
        self.assertEqual(len(places), 2 + 2 * 10 + 3 + 1 + 2 + 3)
        expected = bytearray(whole.read_bytes())
        expected[execution[0] : sum(execution)] = bytes(execution[1])
        empty = bytearray(expected)
        for offset, size, kind in places:
            empty[offset : offset + size] = np.full(size // 8, np.nan).tobytes() if kind == "f" else bytes(size)
        for number, (ranks, options, environment) in enumerate(
            [
                (None, [], {}),
                (2, [], {}),
                (2, [], {"OMPI_MCA_io": "ompio"}),
                (2, ["--io", "direct"], {}),
                (None, ["--io=direct"], {}),
                (2, ["--io", "mpio"], {"OMPI_MCA_io": "none-of-these"}),
            ]
        ):
            with self.subTest(ranks=ranks, options=options, environment=environment):
                path = self.folder / f"{number}.h5"
                path.write_bytes(empty)
                done = self.succeed(
                    "run", "whole.yaml", "-o", path, "--reuse", whole, *options, ranks=ranks, **environment
                )
                self.assertIn("32 runs taken over", done.stdout)
                self.assertEqual(NOTE in done.stderr, "none-of-these" in environment.values(), done.stderr)
                found = bytearray(path.read_bytes())
                found[execution[0] : sum(execution)] = bytes(execution[1])
                self.assertTrue(found == expected)
                self.succeed("verify", path)

    def test_merge_and_reduce_write_either_way(self):
        for shard in (1, 2):
            self.succeed("run", self.write("s.yaml", FEW), "-o", f"{shard}.h5", "--shard", f"{shard}/2")
        for way in ("mpio", "direct"):
            self.succeed("merge", "1.h5", "2.h5", "-o", f"{way}.h5", "--io", way)
            with h5py.File(self.folder / f"{way}.h5", "r+") as file:
                mean = file["bands/error/mean"][...]
                file["bands/error/mean"][...] = 0
            self.succeed("reduce", f"{way}.h5", "--io", way)
            self.assertEqual(read(self.folder / f"{way}.h5", "bands/error/mean").tobytes(), mean.tobytes())
            self.succeed("verify", f"{way}.h5")

    def test_another_way_is_refused(self):
        done = self.call("run", self.write("s.yaml", FEW), "-o", "s.h5", "--io", "fast")
        self.assertEqual(done.returncode, 2)
        self.assertIn('--io: found "fast", expected mpio or direct', done.stderr)
        self.assertEqual(self.files(), ["s.yaml"])


class OneSweep(ProgramTest):
    def setUp(self):
        super().setUp()
        self.spec = self.write("s.yaml", FEW)
        self.error = read(self.finished(FEW), "error").tobytes()

    def assert_whole(self, done, output):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn(NOTE, done.stderr)
        self.succeed("verify", output)
        self.assertEqual(read(output, "error").tobytes(), self.error)


class Names(OneSweep):
    def test_names_that_programs_stumble_over(self):
        plain = ["a", "-", "2026-11-24T10:00:00", "ufs:x", "a b", "50%", "%s%n", "'\"", "a\nb", "*?[", "ä"]
        for name in [*plain, os.fsdecode(b"\xff\xfe")]:
            with self.subTest(name=name):
                folder = self.folder / name
                folder.mkdir()
                output = folder / f"{name}.h5"
                for path in (output, os.path.join(".", name, f"{name}.h5")):
                    self.assert_whole(self.call("run", self.spec, "-o", path), output)
                    self.assertEqual(os.listdir(os.fsencode(folder)), [os.fsencode(f"{name}.h5")])
                    output.unlink()

    def long_folder(self, size):
        """A folder whose absolute name has so many bytes: more than one call of the system would take, so it is made
        step by step."""
        path, descriptor = str(self.folder), os.open(self.folder, os.O_RDONLY)
        while (left := size - len(path)) > 0:
            name = "x" * (left - 1 if left <= 200 else min(199, left - 2 - 1))
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=descriptor)
            inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            path, descriptor = f"{path}/{name}", inner
        os.close(descriptor)
        self.assertEqual(len(path), size)
        return path

    def test_paths_as_long_as_the_system_takes(self):
        for length in (244, 245, 255, 256, 1023, 1024, 1025, 4000, 4050):
            with self.subTest(length=length):
                output = os.path.join(self.long_folder(length - 5), "s.h5")
                self.assert_whole(self.call("run", self.spec, "-o", output, ranks=2 if length == 255 else None), output)
                self.assert_whole(self.call("run", self.spec, "-o", output), output)
                self.assertEqual([name for name in os.listdir(os.path.dirname(output)) if name[0] != "x"], ["s.h5"])
        output = os.path.join(self.long_folder(4051), "s.h5")
        done = self.call("run", self.spec, "-o", output)
        self.assertEqual(done.returncode, 2)
        self.assertIn("the name of a result file may have 4050 bytes", done.stderr)
        self.assertEqual(os.listdir(os.path.dirname(output)), [])

    def test_a_deep_current_folder(self):
        done = subprocess.run(
            self.command("run", self.spec, "-o", "s.h5"),
            cwd=(folder := self.long_folder(300)),
            env=self.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        self.assert_whole(done, os.path.join(folder, "s.h5"))


class Machines(OneSweep):
    """What MPI-IO may miss on a machine."""

    def shell(self, script, *arguments, **environment):
        """The program at the end of a script."""
        return subprocess.run(
            ["sh", "-ec", f'{script}; exec "$@"', "sh", *self.command("run", self.spec, "-o", "s.h5", *arguments)],
            cwd=self.folder,
            env=self.environ(**environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def in_own_mounts(self, script):
        """The program where file systems can be mounted that nobody else sees."""
        if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("no file system can be mounted here")
        return subprocess.run(
            ["unshare", "-m", "sh", "-ec", f'{script}; exec "$@"', "sh", *self.command("run", self.spec, "-o", "s.h5")],
            cwd=self.folder,
            env=self.environ(),
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_temporary_folder_that_is_missing(self):
        self.assert_whole(self.call("run", self.spec, "-o", "s.h5", TMPDIR="/nowhere/at/all"), self.folder / "s.h5")

    def test_a_temporary_folder_without_room(self):
        done = self.in_own_mounts('mount -t tmpfs -o size=4k tmpfs "$TMPDIR"; head -c 4096 /dev/zero >"$TMPDIR/x"')
        self.assert_whole(done, self.folder / "s.h5")

    def test_no_semaphores(self):
        self.assert_whole(self.in_own_mounts("mount -t tmpfs -o ro tmpfs /dev/shm"), self.folder / "s.h5")

    def test_someone_elses_semaphore_of_that_name(self):
        done = self.in_own_mounts("mount -t tmpfs tmpfs /dev/shm; : >/dev/shm/sem.OMPIO_s.h5; chmod 0 /dev/shm/sem.OMPIO_s.h5")
        self.assert_whole(done, self.folder / "s.h5")

    @pytest.mark.release
    def test_a_file_that_cannot_be_opened_is_not_called_damaged(self):
        self.succeed("run", self.spec, "-o", "s.h5")
        before = read(self.folder / "s.h5", "run").tobytes()
        refusals = set()
        for files in range(4, 21):
            for command in (["run", self.spec, "-o", "s.h5"], ["status", "s.h5"], ["verify", "s.h5"]):
                done = self.call(*command, limit=(resource.RLIMIT_NOFILE, files))
                said = done.stdout + done.stderr
                self.assertNotRegex(said, "damaged;|whole HDF5|restore it", (files, command))
                if "s.h5" in done.stderr and done.returncode != 0:
                    refusals.add(command[0])
                    self.assertEqual(done.returncode, 1, said)
                    self.assertIn("Too many open files", said, (files, command))
        self.assertEqual(refusals, {"run", "status", "verify"})
        self.assertEqual(read(self.folder / "s.h5", "run").tobytes(), before)

    def test_nfs_without_locks(self):
        """MPI-IO would end the program there."""
        done = self.call("run", self.spec, "-o", "s.h5", **preloaded(SADDLESWEEP_NFS="1", SADDLESWEEP_NO_LOCKS="37"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"s.h5: {NOTE} (NFS without locks); it is written by system calls", done.stderr)
        self.succeed("verify", "s.h5")
