"""A private Slurm for tests: a controller and two nodes on this machine, in a folder of their own.

Needs root, munged, slurmctld, slurmd. Nothing under /etc is read or written; every daemon is ended
by its own pid. Requeued jobs wait for seconds here (cred_expire), for two minutes elsewhere.
"""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import ProgramTest

NODES = ("n1", "n2")

CONFIGURATION = """\
ClusterName=mini
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket,cred_expire=5
CredType=cred/munge
CryptoType=crypto/munge
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
TmpFS={folder}/tmp/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={folder}/task_prolog
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=pmix
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=10
SlurmdTimeout=10
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=4000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=4000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=ALL Default=YES MaxTime=02:00:00 State=UP
PartitionName=urgent Nodes=ALL PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=short Nodes=n1 MaxTime=00:10:00 State=UP
"""

# The nodes share a host name here, and so would the shared memory of their ranks. A job that restarts has no cues.
TASK_PROLOG = """\
#!/bin/sh
mkdir -p {folder}/tmp/$SLURMD_NODENAME/vader
[ "${{SLURM_RESTART_COUNT:-0}}" = 0 ] || echo unset SADDLESWEEP_TEST_CUES
echo export OMPI_MCA_btl_vader_backing_directory={folder}/tmp/$SLURMD_NODENAME/vader
"""

DAEMONS = ("munged", "slurmctld", "slurmd")


def missing():
    """Why there can be no cluster here; None if there can."""
    if os.geteuid() != 0:
        return "starting Slurm's daemons takes root"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    absent = [name for name in (*DAEMONS, "sbatch") if not shutil.which(name)]
    return f"not installed: {', '.join(absent)} (slurm-wlm, munge)" if absent else None


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(condition, what, seconds=600):
    """Until condition() is true; what it returned then. `what` may be a function, asked in the end."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(what() if callable(what) else what)
        time.sleep(0.2)
    return value


def plain_folder():
    """A new folder whose name slurm.conf can hold (no spaces), and that of a socket in it (107 bytes)."""
    plain = re.fullmatch(r"[\w./-]{1,50}", tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix="saddlesweep-slurm-", dir=None if plain else "/tmp"))


class Cluster:
    def __init__(self):
        self.folder = plain_folder()
        for name in ("run", "state", "log", *(f"{kind}/{node}" for kind in ("tmp", "spool") for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        self.configuration = self.folder / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration)}
        self.environment.pop("SADDLESWEEP_TEST_CUES", None)

    def start(self):
        values = {"folder": self.folder, "host": socket.gethostname().split(".")[0], "ports": free_ports(3)}
        self.configuration.write_text(CONFIGURATION.format(**values))
        prolog = self.folder / "task_prolog"
        prolog.write_text(TASK_PROLOG.format(**values))
        prolog.chmod(0o755)
        self.start_munge()
        self.run("slurmctld", "-c", "-f", self.configuration)
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.run("sinfo", "-h", "-p", "main", "-o", "%T").split() == ["idle"], "idle nodes")

    def start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        run = self.folder / "run"
        self.run(
            "munged",
            "--force",
            f"--key-file={key}",
            f"--socket={run}/munge.socket",
            f"--pid-file={run}/munged.pid",
            f"--log-file={self.folder}/log/munged.log",
            f"--seed-file={self.folder}/munge.seed",
        )

    def start_node(self, node):
        self.run("slurmd", "-N", node, "-f", self.configuration)

    def processes(self, variable, name=""):
        """Numbers of the processes of a name (all, if "") of this cluster that have a variable, "NAME=VALUE", in their
        environment."""
        wanted = {variable.encode(), f"SLURM_CONF={self.configuration}".encode()}
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                named = name in ("", process.joinpath("comm").read_text().strip())
                if named and wanted <= set(process.joinpath("environ").read_bytes().split(b"\0")):
                    found.append(int(process.name))
        return found

    def step_daemons(self, node):
        """Numbers of the processes by which Slurm watches the steps of a node."""
        log = str(self.folder / f"log/slurmd.{node}.log")  # they have it open
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                step = process.joinpath("comm").read_text() == "slurmstepd\n"
                if step and log in map(os.readlink, process.joinpath("fd").iterdir()):
                    found.append(int(process.name))
        return found

    def crash_node(self, node):
        """Everything on a node is gone from one moment to the next."""
        step_daemons = self.step_daemons(node)
        assert step_daemons, f"no job on {node}"
        for process in [
            self.pid_of(f"slurmd.{node}"),
            *step_daemons,
            *self.processes(f"SLURMD_NODENAME={node}"),
        ]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def pid_of(self, daemon):
        try:
            return int((self.folder / f"run/{daemon}.pid").read_text())
        except (OSError, ValueError):
            return None

    def stop(self):
        """Ends every job, then every daemon by its own pid."""
        subprocess.run(["scancel", "--me"], env=self.environment, check=False, timeout=60, capture_output=True)
        names = [*(f"slurmd.{node}" for node in NODES), "slurmctld", "munged"]
        for name in names:
            pid = self.pid_of(name)
            if pid:
                self.end(pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def end(pid):
        try:
            os.kill(pid, signal.SIGTERM)
            for _ in range(100):
                os.kill(pid, 0)
                time.sleep(0.1)
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def run(self, *command, cues="", **settings):
        """A command that must end well; what it says on stdout. `cues` are those of the job that it submits."""
        environment = {**self.environment, **({"SADDLESWEEP_TEST_CUES": cues} if cues else {})}
        done = subprocess.run(
            [*map(str, command)], env=environment, capture_output=True, text=True, timeout=120, check=False, **settings
        )
        if done.returncode != 0:
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def job(self, number):
        """What the controller knows of a job, as a dictionary."""
        words = self.run("scontrol", "show", "job", number, "--oneliner").split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait_for(self, number, *states, seconds=180):
        """Until a job is in one of these states; what is known of it then."""

        def reached():
            job = self.job(number)
            return job if job["JobState"] in states else None

        return wait_until(reached, f"job {number} in {states}: {self.job(number)['JobState']}", seconds)

    def wait_for_end(self, number, seconds=900):
        return self.wait_for(
            number, "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", seconds=seconds
        )


class ClusterTest(ProgramTest):
    """A test case whose class has a cluster, which the commands in its tests find, too."""

    @classmethod
    def setUpClass(cls):
        why = missing()
        if why and os.environ.get("SADDLESWEEP_SLURM") == "required":
            raise AssertionError(why)
        if why:
            raise unittest.SkipTest(why)
        for name in ("OMPI_MCA_btl", "OMPI_MCA_pml"):  # of one machine (harness.py); these are two
            os.environ.pop(name, None)
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        # Both nodes are this machine: each would bind its ranks to the same cores.
        os.environ.update(SLURM_CONF=str(cls.cluster.configuration), OMPI_MCA_hwloc_base_binding_policy="none")
