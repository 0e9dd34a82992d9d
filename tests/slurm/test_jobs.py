"""Sweeps as jobs of a real Slurm with two nodes: chains, drains, restarts, failures."""

import contextlib
import os
import re
import shlex
import signal

import h5py

from cluster import ClusterTest, wait_until
from harness import DIVERGING, SOURCE, SWEEP, read

# Ten runs, of which the last two wait to be stopped, each on a rank, until the job restarts. They are long enough that no
# rank has its next one before it needs it.
LONG = (
    SWEEP.replace("name: tiny", "name: long")
    .replace("iterations: 50", "iterations: 70000")
    .replace("n: [100, 300]", "n: 1000")
    .replace("count: 4", "count: 5")
    .replace("[leaky_relu(0.2), tanh]", "tanh")
)

# For jobs of one minute: all but what waits is done within seconds, also on a busy machine.
MINUTE = LONG.replace("iterations: 70000", "iterations: 10000")

HELD = "0/3@9000=HOLD,0/4@9000=HOLD"

DATASETS = ["error", *(f"bands/{kind}/{name}" for kind in ("error", "relative_error") for name in ("mean", "std", "count"))]


class Jobs(ClusterTest):
    def submit(self, text, name, *options, cues="", draws=False):
        """Submits a sweep; the path of its result file and the numbers of its jobs.

        The job of the figures is cancelled unless the test is about it: drawing them takes as long as the sweep.
        """
        spec = self.write(f"{name}.yaml", text)
        output = self.folder / f"{name}.h5"
        said = self.succeed("submit", spec, "-o", output, *options, cues=cues).stdout
        jobs = re.findall(r"^submitted +job (\d+):", said, re.MULTILINE)
        self.assertEqual(len(jobs), 2, said)
        if not draws:
            self.cluster.run("scancel", jobs[1])
        return output, *jobs

    def log(self, output, step, job):
        path = output.with_name(f"{output.stem}.{step}.{job}.log")
        return path.read_text() if path.exists() else ""

    def completed(self, output, job, step="sweep"):
        ended = self.cluster.wait_for_end(job)
        self.assertEqual(ended["JobState"], "COMPLETED", f"{ended}\n{self.log(output, step, job)}")
        return ended

    def wait_for_log(self, output, job, pattern, step="sweep"):
        return wait_until(
            lambda: re.search(pattern, self.log(output, step, job)), f"{pattern} in\n{self.log(output, step, job)}"
        )

    def under_way(self, output, job, held=2):
        """Waits until the ranks have committed something, and wait themselves."""
        wait_until(
            lambda: self.log(output, "sweep", job).count("held: ") == held,
            lambda: f"{held} ranks that wait\n{self.log(output, 'sweep', job)}",
        )
        self.assertTrue((read(output, "run")["status"] == 1).any())

    def assert_same(self, output, text):
        """That a result is what a local run gives, bit for bit."""
        reference = self.finished(text, ranks=2)
        for name in DATASETS:
            self.assertEqual(read(output, name).tobytes(), read(reference, name).tobytes(), name)
        self.assertEqual(self.call("verify", output).returncode, 0)

    def assert_kept(self, records, output):
        """That the runs which are done in `records` were not run again."""
        done = records["status"] == 1
        self.assertTrue(done.any())
        self.assertEqual(list(read(output, "run")["record_checksum"][done]), list(records["record_checksum"][done]))

    def test_a_chain_over_two_nodes_gives_what_a_local_run_gives_and_the_figures(self):
        output, sweep, figures = self.submit(SWEEP, "tiny", "--nodes", "2", "--ntasks-per-node", "2", draws=True)
        self.assertEqual(self.completed(output, sweep)["NumNodes"], "2")
        self.completed(output, figures, "figures")
        self.assert_same(output, SWEEP)
        with h5py.File(output) as file:
            self.assertEqual(file.attrs["ranks"], 4)
            execution = file["execution"][0]
        self.assertEqual(
            (execution["job_id"], execution["cluster"], execution["nodes"], execution["ranks"], execution["restarts"]),
            (sweep.encode(), b"mini", b"n[1-2]", 4, 0),
        )
        self.assertIn("every run is committed", self.log(output, "sweep", sweep))
        pictures = [path.name for path in self.folder.glob("*.png")]
        self.assertTrue(pictures, self.log(output, "figures", figures))
        kept = {"tiny.report.html", "tiny.sweep.sbatch", "tiny.figures.sbatch", "tiny.submitted.yaml"}
        kept |= {"tiny-fit.json", "tiny-fit.txt", "tiny-fit.png"}
        self.assertLessEqual(kept, set(self.files()))
        self.assertEqual((self.folder / "tiny.submitted.yaml").read_text(), SWEEP)
        again = self.succeed("submit", "tiny.yaml", "-o", output).stdout
        self.assertIn("has every run; nothing to submit", again)

    def stop_and_restart(self, launcher, draws=False, text=LONG):
        """A signal to the job's shell, as Slurm sends it before the time limit."""
        options = ("--nodes", "2", "--ntasks-per-node", "1", "--launcher", launcher)
        output, sweep, figures = self.submit(text, "long", *options, cues=HELD, draws=draws)
        self.under_way(output, sweep)
        self.cluster.run("scancel", "--signal=USR1", "--batch", sweep)
        self.wait_for_log(output, sweep, "stopped early")
        self.wait_for_log(output, sweep, r"job \d+: start 1 ")
        self.assertEqual(self.completed(output, sweep)["Restarts"], "1")
        self.assertRegex(self.log(output, "sweep", sweep), r"2 runs went on from where they had been saved")
        executions = read(output, "execution")[:2]
        self.assertEqual(list(executions["job_id"]), [sweep.encode()] * 2)
        self.assertEqual(list(executions["restarts"]), [0, 1])
        self.assertEqual(list(executions["exit_status"]), [75, 0])
        if draws:
            self.completed(output, figures, "figures")
            self.assertIn("no scaling law is fitted", self.log(output, "figures", figures))
            self.assertFalse((self.folder / "long-fit.txt").exists())
        self.assert_same(output, text)

    def test_a_signal_before_the_limit_stops_all_ranks_of_srun_and_the_job_restarts(self):
        self.stop_and_restart("srun", draws=True, text=LONG.replace("n: 1000", "n: d"))

    def test_a_signal_before_the_limit_stops_all_ranks_of_mpirun_and_the_job_restarts(self):
        self.stop_and_restart("mpirun")

    def cancel_and_resubmit(self, launcher):
        options = ("--nodes", "2", "--ntasks-per-node", "1", "--launcher", launcher)
        output, sweep, figures = self.submit(LONG, "long", *options, cues=HELD, draws=True)
        self.under_way(output, sweep)
        self.assertEqual(self.call("submit", "long.yaml", "-o", output).returncode, 2, "a job writes the file")
        self.cluster.run("scancel", sweep)
        self.cluster.wait_for(sweep, "CANCELLED")
        self.cluster.wait_for(figures, "CANCELLED")  # what it depends on never comes
        self.wait_for_log(output, sweep, "no restart")
        self.assertEqual(len(list(self.folder.glob("long.h5.partial/*.state"))), 2, "the runs in flight")
        output, sweep, figures = self.submit(LONG, "long", *options)
        self.assertEqual(self.completed(output, sweep)["Restarts"], "0")
        self.assertIn("2 runs went on from where they had been saved", self.log(output, "sweep", sweep))
        self.assert_same(output, LONG)

    def test_scancel_saves_the_runs_of_srun_and_a_new_submission_goes_on(self):
        self.cancel_and_resubmit("srun")

    def test_scancel_saves_the_runs_of_mpirun_and_a_new_submission_goes_on(self):
        self.cancel_and_resubmit("mpirun")

    def test_what_waits_in_the_queue_is_not_submitted_twice(self):
        options = ("--shards", "2", "--", "--begin=now+3600")
        output, sweep, _ = self.submit(SWEEP, "tiny", *options)
        self.cluster.wait_for(sweep, "PENDING")
        again = self.call("submit", "tiny.yaml", "-o", output, *options)
        self.assertEqual(again.returncode, 2)
        self.assertIn(f"tiny.h5: job {sweep} is in the queue for it already", again.stderr)
        self.cluster.run("scancel", sweep)
        self.cluster.wait_for(sweep, "CANCELLED")
        output, sweep, _ = self.submit(SWEEP, "tiny", "--ntasks-per-node", "1")
        self.completed(output, sweep)

    def test_a_drain_that_is_cut_short_costs_runs_in_flight_at_most(self):
        options = ("--nodes", "2", "--ntasks-per-node", "1")
        output, sweep, figures = self.submit(LONG, "long", *options, cues=HELD)
        self.under_way(output, sweep)
        ranks = self.cluster.processes(f"SLURM_JOB_ID={sweep}", "saddlesweep")
        self.assertEqual(len(ranks), 2)
        self.cluster.run("scancel", sweep)
        for rank in ranks:
            with contextlib.suppress(ProcessLookupError):  # it was faster
                os.kill(rank, signal.SIGKILL)
        self.cluster.wait_for_end(sweep)
        committed = read(output, "run")
        output, sweep, figures = self.submit(LONG, "long", *options)
        self.completed(output, sweep)
        self.assert_kept(committed, output)
        self.assert_same(output, LONG)

    def test_a_job_that_meets_its_time_limit_all_the_same_saves_its_runs_and_restarts(self):
        def without_warning(script):
            return re.sub("#SBATCH --signal.*\n", "", script).replace("export SLURM_JOB_END_TIME", "true")

        options = ("--ntasks-per-node", "1", "--time", "1")
        output, sweep = self.submit_edited(MINUTE, "long", without_warning, *options, cues=HELD.split(",")[1])
        self.wait_for_log(output, sweep, r"(?s)DUE TO TIME LIMIT.*restart 1 of at most.*start 1 ")
        self.completed(output, sweep)
        self.assertEqual(list(read(output, "execution")["exit_status"][:2]), [75, 0])
        self.assert_same(output, MINUTE)

    def submit_edited(self, text, name, edit, *options, cues=""):
        """Submits the script of a sweep by sbatch, after edit(script); the result file and the job."""
        output, sweep, _ = self.submit(text, name, *options, "--", "--hold")
        self.cluster.run("scancel", sweep)
        script = self.folder / f"{name}.sweep.sbatch"
        script.write_text(edit(script.read_text().replace("#SBATCH --hold\n", "")))
        return output, self.cluster.run("sbatch", "--parsable", script, cues=cues).strip()

    def test_a_time_limit_shorter_than_the_sweep_leads_to_a_drain_a_restart_and_a_whole_result(self):
        output, sweep = self.submit_edited(
            MINUTE,
            "long",
            lambda script: re.sub("#SBATCH --signal.*\n", "", script),  # the program knows the end by itself
            *("--nodes", "2", "--ntasks-per-node", "1", "--time", "1"),
            cues=HELD,
        )
        self.assertEqual(self.completed(output, sweep)["Restarts"], "1")
        log = self.log(output, "sweep", sweep)
        self.assertIn("stopped early because of the end of the Slurm job", log)
        self.assertNotIn("TIME LIMIT", log, "it stopped before the limit")
        self.assertRegex(log, r"[1-9]\d* runs went on from where they had been saved")
        self.succeed("verify", output, "--replay", "1")

    def test_slurms_signal_before_the_limit_stops_and_restarts_the_job(self):
        options = ("--nodes", "2", "--ntasks-per-node", "1", "--time", "1")
        output, sweep, figures = self.submit(MINUTE, "long", *options, cues=HELD)
        self.wait_for_log(output, sweep, r"(?s)SIGUSR1: stopping.*restart 1 of at most")
        self.wait_for_log(output, sweep, r"job \d+: start 1 ")
        self.completed(output, sweep)
        self.assert_same(output, MINUTE)

    def test_a_node_that_slurm_loses_costs_nothing_that_is_committed(self):
        options = ("--nodes", "2", "--ntasks-per-node", "1", "--time", "60")
        output, sweep, figures = self.submit(LONG, "long", *options, cues=HELD)
        self.under_way(output, sweep)
        os.kill(self.cluster.pid_of("slurmd.n2"), signal.SIGKILL)
        wait_until(lambda: self.cluster.job(sweep)["Restarts"] == "1", "a requeued job")
        committed = read(output, "run")
        self.cluster.start_node("n2")
        self.completed(output, sweep)
        self.assert_kept(committed, output)
        self.assert_same(output, LONG)

    def test_a_node_that_crashes_costs_nothing_that_is_committed(self):
        output, sweep, figures = self.submit(LONG, "long", "--nodes", "2", "--ntasks-per-node", "1", cues=HELD)
        self.under_way(output, sweep)
        self.cluster.crash_node("n2")
        committed = read(output, "run")
        wait_until(lambda: self.cluster.job(sweep)["Restarts"] == "1", "a requeued job")
        self.cluster.start_node("n2")
        self.completed(output, sweep)
        self.assert_kept(committed, output)
        self.assert_same(output, LONG)

    def test_a_job_that_is_preempted_goes_on_afterwards(self):
        output, sweep, figures = self.submit(LONG, "long", "--nodes", "2", "--ntasks-per-node", "2", cues=HELD)
        self.under_way(output, sweep)
        urgent = self.cluster.run(
            "sbatch", "--parsable", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=true"
        ).strip()
        self.cluster.wait_for(urgent, "COMPLETED")
        self.assertEqual(self.completed(output, sweep)["Restarts"], "1")
        self.assertRegex(self.log(output, "sweep", sweep), r"[1-9]\d* runs went on from where they had been saved")
        self.assert_same(output, LONG)

    def test_runs_that_diverge_are_no_failure_of_the_job(self):
        output, sweep, figures = self.submit(DIVERGING, "diverging", "--ntasks-per-node", "2", draws=True)
        self.completed(output, sweep)
        self.assertIn("some runs diverged or failed (status 3)", self.log(output, "sweep", sweep))
        self.completed(output, figures, "figures")
        self.assertRegex(self.log(output, "figures", figures), r"diverged +[1-9]")

    def test_restarts_are_bounded(self):
        output, sweep = self.submit_edited(
            LONG,
            "long",
            lambda script: re.sub(r"max_restarts=\d+", "max_restarts=0", script),
            *("--ntasks-per-node", "2"),
            cues=HELD,
        )
        self.under_way(output, sweep)
        self.cluster.run("scancel", "--signal=USR1", "--batch", sweep)
        ended = self.cluster.wait_for_end(sweep)
        self.assertEqual((ended["JobState"], ended["ExitCode"]), ("FAILED", "75:0"))
        self.assertIn("no restart, as there have been 0", self.log(output, "sweep", sweep))

    def test_a_launcher_that_starts_nothing_is_not_believed(self):
        output, sweep = self.submit_edited(
            SWEEP, "tiny", lambda script: re.sub(r"max_restarts=\d+", "max_restarts=0", script), "--launcher", "true --"
        )
        self.assertEqual(self.cluster.wait_for_end(sweep)["JobState"], "FAILED")
        self.assertIn("ended with status 0; pending runs: all at the start, all now", self.log(output, "sweep", sweep))

    def test_several_sweeps_in_one_call(self):
        self.write("a.yaml", SWEEP)
        self.write("b.yaml", SWEEP.replace("root_seed: 7", "root_seed: 8"))
        said = self.succeed("submit", "a.yaml", "b.yaml", "-o", self.folder).stdout
        jobs = re.findall(r"^submitted +job (\d+): the runs", said, re.MULTILINE)
        self.assertEqual(len(jobs), 2)
        for name, job in zip("ab", jobs):
            self.completed(self.folder / f"{name}.h5", job)
        self.assert_same(self.folder / "a.h5", SWEEP)

    def test_an_array_has_no_more_jobs_than_the_cluster_lets_it_have(self):
        spec = self.write("wide.yaml", LONG.replace("count: 5", "count: 1001"))
        self.succeed("submit", spec, "-o", "wide.h5", "--shards", "1000", "--no-submit")
        self.cluster.run("sbatch", "--test-only", self.folder / "wide.sweep.sbatch")
        done = self.call("submit", spec, "-o", "wide.h5", "--shards", "1001", "--no-submit")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("a job array of this cluster has at most 1000 ", done.stderr)

    def test_shards_run_as_many_jobs_and_are_merged(self):
        text = LONG.replace("count: 5", "count: 3")
        options = ("--shards", "3", "--ntasks-per-node", "1")
        output, sweep, figures = self.submit(text, "long", *options, cues="0/0@9000=HOLD", draws=True)
        for number in (1, 2, 3):
            wait_until(lambda: "held: " in self.log(output, "sweep", f"{sweep}_{number}"), "a rank that waits")
        stopped = f"{sweep}_2"  # as before a time limit
        self.cluster.run("scancel", "--signal=USR1", "--batch", stopped)
        for number in (1, 3):
            self.cluster.run("scancel", "--signal=USR2", f"{sweep}_{number}")
        self.wait_for_log(output, stopped, rf"job {stopped}: start 1 ")
        self.completed(output, figures, "figures")
        self.assertIn("went on from where they had been saved", self.log(output, "sweep", stopped))
        self.assert_same(output, text)

    def sbatch_template(self, name, *arguments):
        """Submits a script of slurm/ for the program under test; the job."""
        script = (SOURCE / f"slurm/{name}.sbatch").read_text()
        for setting, value in (("program", self.command()[0]), ("figures", SOURCE / "analysis/figures.py")):
            line = f"{setting}={shlex.quote(str(value))}"
            script = re.sub(rf"(?m)^{setting}=.*", lambda _, line=line: line, script)
        options = ("--parsable", "--output", self.folder / f"{name}.log", "--chdir", self.folder)
        return self.cluster.run("sbatch", *options, self.write(f"{name}.sbatch", script), *arguments).strip()

    def test_the_templates_work_by_plain_sbatch(self):
        spec = self.write("tiny.yaml", SWEEP)
        output = self.folder / "tiny.h5"
        self.completed(output, self.sbatch_template("sweep", spec, output, "--checkpoint", "30"))
        self.assert_same(output, SWEEP)
        self.completed(output, self.sbatch_template("figures", output))
        self.assertTrue(list(self.folder.glob("*.png")))

    def refused(self, *options):
        spec = self.write("tiny.yaml", SWEEP)
        done = self.call("submit", spec, "-o", self.folder / "tiny.h5", *options)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertEqual(self.files(), ["tiny.yaml"], "nothing is written")
        return done.stderr

    def test_what_the_cluster_does_not_have_is_refused_before_anything_is_written(self):
        self.assertIn('--partition: found "nope"', self.refused("--partition", "nope"))
        self.assertIn("--nodes: found 3, but partition main has 2", self.refused("--nodes", "3"))
        self.assertIn("the largest nodes of partition main have 2 CPUs", self.refused("--ntasks-per-node", "3"))
        self.assertIn("the limit of partition short is 00:10:00", self.refused("--partition", "short", "--time", "11"))
        self.assertIn("Slurm would not take it", self.refused("--", "--nodelist=n7"))
        self.assertIn("--mem or --mem-per-cpu: gives a node 10 MiB", self.refused("--", "--mem=10M"))
