"""`submit` without a cluster: what the scripts say, and what is refused. tests/slurm/ has the real thing."""

import fcntl
import os
import re
import shlex
import subprocess

import h5py
import numpy as np
from harness import PROGRAM, SOURCE, SWEEP, ProgramTest, forget

# Stands in for Slurm's sbatch: keeps what it was called with, and has 41 jobs so far.
SBATCH = """\
#!/bin/sh
for script; do :; done
printf '%s\\n' "$*" >>calls
cat "$script" >>scripts
number=$(cat number 2>/dev/null || echo 41)
case $* in
*--test-only*) [ ! -e refuse ] || { cat refuse >&2; exit 1; } ;;
*--dependency*) [ ! -e full ] || { cat full >&2; exit 1; }; echo $((number + 1)) >number; echo "$((number + 1));mini" ;;
*) echo $((number + 1)) >number; echo "$((number + 1));mini" ;;
esac
"""


class Submit(ProgramTest):
    def setUp(self):
        super().setUp()
        self.spec = self.write("tiny.yaml", SWEEP)
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "sbatch").write_text(SBATCH)
        (tools / "sbatch").chmod(0o755)
        (tools / "sinfo").write_text("#!/bin/sh\nexit 1\n")
        (tools / "sinfo").chmod(0o755)
        (tools / "scontrol").write_text("#!/bin/sh\ncat config\n")
        (tools / "scontrol").chmod(0o755)
        (tools / "squeue").write_text("#!/bin/sh\ncat queue 2>/dev/null\n")
        (tools / "squeue").chmod(0o755)
        self.environment = {"PATH": f"{tools}:{os.environ['PATH']}"}

    def submit(self, *options, expected=0):
        done = self.call("submit", *options, **self.environment)
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)
        return done

    def dry_run(self, *options):
        done = self.submit(self.spec, "-o", "tiny.h5", "--nodes", "2", "--dry-run", *options)
        self.assertEqual(self.files(), ["tiny.yaml", "tools"], "nothing is written")
        sweep, figures = re.split(r"(?m)^# =+ .*figures\.sbatch =+\n", done.stdout)
        return sweep, figures

    def directives(self, script):
        return re.findall(r"(?m)^#SBATCH (.*)", script)

    def refused(self, *options):
        before = self.files()
        done = self.submit(*options, expected=2)
        self.assertEqual(self.files(), before, "nothing is written")
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_a_dry_run_prints_the_scripts_and_writes_nothing(self):
        sweep, figures = self.dry_run("--ntasks-per-node", "3", "--time", "90", "--partition", "p")
        for expected in ("--nodes=2", "--ntasks-per-node=3", "--time=01:30:00", "--partition=p", "--requeue"):
            self.assertIn(expected, self.directives(sweep))
        self.assertIn(f"result='{self.folder.resolve()}/tiny.h5'", sweep)
        self.assertIn("--partition=p", self.directives(figures))
        self.assertIn("--ntasks=1", self.directives(figures))

    def test_it_warns_as_plan_does(self):
        sets = ("--set", "algorithm=marginal", "--set", "discriminator=linear", "--set", "grid.activation=tanh")
        said = self.submit(self.spec, "-o", "tiny.h5", "--nodes", "2", "--dry-run", *sets).stderr
        self.assertEqual(said.count("warning: discriminator linear with tanh"), 1, said)

    def test_the_scripts_are_the_templates_with_another_head(self):
        mark = "# ---- from here on"
        for script, name in zip(self.dry_run(), ("sweep", "figures")):
            template = (SOURCE / f"slurm/{name}.sbatch").read_text()
            self.assertEqual(script[script.index(mark) :], template[template.index(mark) :])
        for name in ("sweep", "figures"):
            subprocess.run(["bash", "-n", SOURCE / f"slurm/{name}.sbatch"], check=True)

    def test_words_with_quotes_and_spaces_reach_the_program_as_they_are(self):
        setting = "grid.n=[500, 1000]  # it's"
        sweep, _ = self.dry_run("--set", setting, "--launcher", "srun --mpi=pmi2")
        head = sweep[: sweep.index("# ----")]
        show = 'printf "%s|" "${launcher[@]}" "${options[@]}"'
        shown = subprocess.run(["bash", "-c", head + show], capture_output=True, text=True, check=True)
        self.assertEqual(shown.stdout, f"srun|--mpi=pmi2|--set|{setting}|")

    def test_options_of_sbatch_come_through(self):
        sweep, figures = self.dry_run("--", "--mail-type=END", "--exclusive", "--gres", "x:1", "--dependency=afterok:3")
        for expected in ("--mail-type=END", "--exclusive", "--gres x:1", "--dependency=afterok:3"):
            self.assertIn(expected, self.directives(sweep))
        self.assertIn("--gres x:1", self.directives(figures))
        self.assertNotIn("--exclusive", figures)
        self.assertNotIn("--dependency", figures)

    def test_shards_that_do_not_cost_alike_are_told(self):
        """Of four seeds."""
        for count, told in ((2, False), (3, False), (4, False), (6, True), (8, False)):
            said = self.submit(self.spec, "-o", "tiny.h5", "--shards", count, "--dry-run").stderr
            self.assertEqual("shards cost alike" in said, told, f"{count} shards: {said}")

    def test_memory_is_asked_for_once(self):
        for options in ((), ("--", "--mem=2G"), ("--", "--mem-per-cpu", "1G"), ("--", "--exclusive")):
            sweep, _ = self.dry_run(*options)
            asked = [line for line in self.directives(sweep) if line.startswith("--mem")]
            if options and "--mem" in options[1]:
                self.assertEqual(asked, [" ".join(options[1:])])
            self.assertNotIn("--mem=0M", asked, "which is all that a node has")
            self.assertLessEqual(len(asked), 1)

    def test_shards_are_an_array_of_jobs_with_a_file_each_and_a_merge(self):
        sweep, figures = self.dry_run("--shards", "4")
        self.assertIn("--array=1-4", self.directives(sweep))
        self.assertIn("shards=4\n", sweep)
        self.assertIn("shards=4\n", figures)
        said = self.submit(self.spec, "-o", "tiny.h5", "--shards", "4", "--dry-run").stderr
        self.assertIn("32 runs, in 4 jobs; of each:", said)
        said = self.submit(self.spec, "-o", "tiny.h5", "--shards", "6", "--dry-run").stderr
        self.assertIn("shards cost alike if there are as many, or a multiple of, the 4 seeds", said)
        self.assertIn("at most 32 shards", self.refused(self.spec, "-o", "tiny.h5", "--shards", "33"))

    def test_no_more_shards_than_an_array_may_have(self):
        config = "Configuration data as of today\nMailProg                = none\nMaxArraySize            = 6\nX = 1\n"
        self.write("config", config)
        self.submit(self.spec, "-o", "tiny.h5", "--shards", "5", "--dry-run")
        said = self.refused(self.spec, "-o", "tiny.h5", "--shards", "6")
        self.assertIn("--shards: found 6, but a job array of this cluster has at most 5 (MaxArraySize", said)
        self.write("config", config.replace("= 6", "= 0"))  # no arrays at all
        self.assertIn("has at most 1 ", self.refused(self.spec, "-o", "tiny.h5", "--shards", "2"))

    def test_the_chain_is_submitted_and_kept(self):
        done = self.submit(self.spec, "-o", "tiny.h5", "--nodes", "2")
        calls = (self.folder / "calls").read_text().splitlines()
        self.assertEqual([call.split()[0] for call in calls], ["--test-only"] * 2 + ["--parsable"] * 2)
        self.assertTrue(calls[2].endswith("tiny.sweep.sbatch"))
        self.assertIn("--dependency=afterok:42", calls[3])
        self.assertIn("job 42", done.stdout)
        self.assertIn("job 43", done.stdout)
        self.assertIn("scancel 42", done.stdout)
        self.assertEqual((self.folder / "tiny.submitted.yaml").read_text(), SWEEP)
        kept = (self.folder / "tiny.sweep.sbatch").read_text()
        self.assertIn(f"spec='{self.folder.resolve()}/tiny.submitted.yaml'", kept)

    def test_several_sweeps_go_into_a_folder(self):
        other = self.write("other.yaml", SWEEP.replace("tiny", "other"))
        (self.folder / "results").mkdir()
        self.submit(self.spec, other, "-o", "results/")
        names = sorted(path.name for path in (self.folder / "results").glob("*.sweep.sbatch"))
        self.assertEqual(names, ["other.sweep.sbatch", "tiny.sweep.sbatch"])
        self.assertIn("expected a folder, as there are 2 sweeps", self.refused(self.spec, other, "-o", "x.h5"))
        self.assertIn("both would be written to", self.refused(self.spec, self.spec, "-o", "results"))

    def test_a_mistake_in_one_of_several_sweeps_submits_none(self):
        bad = self.write("bad.yaml", SWEEP.replace("iterations", "iteratons"))
        message = self.refused(self.spec, bad, "-o", ".")
        self.assertIn("bad.yaml:12:", message)
        self.assertIn('did you mean "iterations"', message)

    def test_what_slurm_would_not_take_is_refused_with_its_words(self):
        self.write("refuse", "sbatch: error: Invalid account")
        done = self.submit(self.spec, "-o", "tiny.h5", expected=2)
        self.assertIn("Slurm would not take it: sbatch: error: Invalid account", done.stderr)
        self.assertNotIn("tiny.sweep.sbatch", self.files())

    def test_a_controller_that_does_not_answer_is_no_mistake_of_the_user(self):
        self.write("refuse", "allocation failure: Unable to contact slurm controller (connect failure)")
        done = self.submit(self.spec, "-o", "tiny.h5", expected=1)
        self.assertIn("Unable to contact slurm controller", done.stderr)
        self.assertNotIn("tiny.sweep.sbatch", self.files())

    def test_a_second_job_that_is_refused_leaves_the_first_and_says_so(self):
        self.write("full", "sbatch: error: QOSMaxSubmitJobPerUserLimit")
        done = self.submit(self.spec, "-o", "tiny.h5", expected=1)
        self.assertIn("submitted  job 42", done.stdout)
        self.assertIn("QOSMaxSubmitJobPerUserLimit", done.stderr)
        self.assertIn("tiny.figures.sbatch: sbatch ended with status 1", done.stderr)
        self.assertIn("tiny.figures.sbatch", self.files(), "to be submitted by hand")

    def test_a_job_that_waits_for_the_same_result_is_not_submitted_twice(self):
        self.write("queue", f"40 /elsewhere/tiny.sweep.sbatch\n41 {self.folder.resolve()}/tiny.sweep.sbatch\n")
        self.assertIn("tiny.h5: job 41 is in the queue for it already", self.refused(self.spec, "-o", "tiny.h5"))
        self.submit(self.spec, "-o", "other.h5")

    def test_what_a_shell_within_a_job_has_set_does_not_reach_sbatch(self):
        tool = self.folder / "tools/sbatch"
        tool.write_text(SBATCH.replace("#!/bin/sh\n", "#!/bin/sh\nenv | grep -E '^(SBATCH|SLURM)_' >>variables\n"))
        shell = {"SBATCH_TIMELIMIT": "1", "SLURM_NTASKS": "7", "SLURM_MEM_PER_NODE": "1", "SBATCH_PARTITION": "theirs"}
        self.environment.update(shell, SBATCH_ACCOUNT="theirs", SLURM_CONF="/etc/slurm.conf")
        self.submit(self.spec, "-o", "tiny.h5", "--partition", "ours")
        variables = set((self.folder / "variables").read_text().split())
        self.assertEqual(variables, {"SBATCH_ACCOUNT=theirs", "SLURM_CONF=/etc/slurm.conf"})

    def test_scripts_can_be_written_and_submitted_by_hand(self):
        done = self.submit(self.spec, "-o", "it's.h5", "--no-submit", "--python", "/opt/my python/bin/python3")
        self.assertEqual(
            self.files(), ["it's.figures.sbatch", "it's.submitted.yaml", "it's.sweep.sbatch", "tiny.yaml", "tools"]
        )
        self.assertIn("python='/opt/my python/bin/python3'\n", (self.folder / "it's.figures.sbatch").read_text())
        by_hand = "; ".join(re.findall(r"^(?:to submit)? +(id=.*|sbatch .*)\n", done.stdout, re.MULTILINE))
        shell = subprocess.run(["sh", "-c", by_hand], cwd=self.folder, env={**os.environ, **self.environment}, check=True)
        self.assertEqual(shell.returncode, 0)
        calls = (self.folder / "calls").read_text().splitlines()
        self.assertEqual(len(calls), 2)
        self.assertIn("--dependency=afterok:42 ", calls[1])

    def test_without_slurm_there_is_a_remedy(self):
        tools = self.folder / "tools"
        for name in ("sbatch", "squeue"):
            (tools / name).unlink()
        self.environment = {"PATH": str(tools)}
        self.assertIn("--dry-run", self.refused(self.spec, "-o", "tiny.h5"))
        self.submit(self.spec, "-o", "tiny.h5", "--dry-run")

    def test_mistakes_in_the_options(self):
        for options, expected in (
            (("--time", "1h"), '--time: found "1h", expected minutes, H:M:S or D-H:M:S'),
            (("--nodes", "0"), '--nodes: found "0"'),
            (("--node", "2"), "did you mean --nodes?"),
            (("--launcher", "mpiexec"), '--launcher: found "mpiexec", expected srun, mpirun'),
            (("--reuse", "none.h5"), "none.h5"),
            (("--", "--array=1-3"), "-- --array=1-3: is set by submit itself"),
            (("--", "-N", "3"), "--nodes before the --"),
            (("--", "-N3"), "--nodes before the --"),
            (("--", "--node=3"), "--nodes before the --"),
            (("--", "--ntasks-per-core=1"), "--ntasks-per-node before the --"),
            (("--", "fast"), "-- fast: expected options of sbatch"),
        ):
            self.assertIn(expected, self.refused(self.spec, "-o", "tiny.h5", *options))
        self.assertIn("-o FILE.h5 is missing", self.refused(self.spec))
        self.assertIn("SPEC is missing", self.refused("-o", "tiny.h5"))
        self.assertIn("make it with mkdir -p", self.refused(self.spec, "-o", "missing/tiny.h5"))
        self.assertIn("choose another name", self.refused(self.spec, "-o", 'a"b.h5'))

    def test_a_result_of_another_sweep_is_refused_and_a_whole_one_needs_no_job(self):
        output = self.run_sweep(SWEEP, "whole")
        self.assertIn("another plan", self.refused(self.spec, "-o", output, "--set", "root_seed=8"))
        self.assertIn("wide.from_d", self.refused(self.spec, "-o", output, "--set", "wide.from_d=1"))
        done = self.submit(self.spec, "-o", output)
        self.assertIn("has every run; nothing to submit", done.stdout)
        self.assertNotIn("calls", self.files())

    def test_where_seeds_are_added_time_is_for_the_most_and_a_file_without_wanted_runs_is_whole(self):
        options = ("--until-se", "0.3", "--max-seeds", "40")
        sweep, _ = self.dry_run(*options)
        self.assertIn("'--set' 'grid.seed.until_se=0.3' '--set' 'grid.seed.max=40'", sweep)
        said = self.submit(self.spec, "-o", "tiny.h5", "--dry-run", *options).stderr
        self.assertIn("320 runs at most\n", said)
        self.assertIn("time is for 40 seeds in every cell", said)
        self.assertIn("needs all seeds of a cell", self.refused(self.spec, "-o", "tiny.h5", "--shards", "2", *options))
        self.assertEqual(self.pending(sweep), "all")
        self.assertEqual(self.call("run", self.spec, "-o", "tiny.h5", *options).returncode, 0)
        self.assertRegex(self.succeed("status", "tiny.h5").stdout, r"pending +[1-9]\d*\nwanted +0 ")
        self.assertIn("nothing to submit", self.submit(self.spec, "-o", "tiny.h5", *options).stdout)
        self.assertEqual(self.pending(sweep), "0")
        with h5py.File(self.folder / "tiny.h5", "r+") as file:
            records = file["run"][...]
            records[3, 0] = np.zeros((), records.dtype)
            file["run"][...] = records
        pending = re.search(r"pending +(\d+)", self.succeed("status", "tiny.h5").stdout).group(1)
        self.assertEqual(self.pending(sweep), pending)
        self.assertGreater(int(pending), 1)

    def pending(self, script):
        """What a job script takes a result file to lack."""
        function = re.search(r"(?ms)^pending\(\) \{.*?^\}", script).group()
        lines = f"program={shlex.quote(PROGRAM)}\nresult=tiny.h5\n{function}\npending"
        done = subprocess.run(["bash", "-c", lines], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def test_a_file_that_is_being_written_is_refused_but_no_lock_that_a_kill_left(self):
        stopped = self.folder / "tiny.h5"
        self.stop_at(self.spec, "-o", stopped, "--set", "train.iterations=200000000", cues="7/0@20=HOLD")
        options = (self.spec, "-o", stopped, "--set", "train.iterations=200000000", "--dry-run", "--time", "20:00:00")
        lock = self.folder / "tiny.h5.lock"
        lock.write_text("process 9 on elsewhere since 2026-11-25 03:00:00\n9 1 8 1 elsewhere\n")
        with lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_SH)
            self.assertIn("is being written by another run (process 9 on elsewhere", self.refused(*options))
        self.submit(*options)

    def test_the_request_is_for_what_is_left(self):
        output = self.folder / "tiny.h5"
        whole = self.submit(self.spec, "-o", output, "--dry-run").stderr
        self.assertIn("32 runs\n", whole)
        self.succeed("run", self.spec, "-o", output)
        for cell in range(5):
            forget(output, cell, slice(1, 4))
        self.assertIn("32 runs, 15 of them still to do\n", self.submit(self.spec, "-o", output, "--dry-run").stderr)
