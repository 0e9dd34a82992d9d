#!/usr/bin/env python3
"""Measures what the tests are worth: makes small mistakes in the code and asks which test notices.

A mutant is a patch of one line in tests/mutants/. `run` puts one at a time into a copy of the tree,
builds that, and runs the tests that may see it until one fails: that test has killed the mutant. A
mutant that no test kills has survived. `table` prints the results, `make` proposes new mutants, and
`check` says whether the patches still apply. Everything made along the way is in build/mutants/.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator
from xml.etree import ElementTree

NULL = subprocess.DEVNULL
ROOT = Path(__file__).resolve().parents[1]
PATCHES = ROOT / "tests/mutants"
WORK = ROOT / "build/mutants"
RESULTS = WORK / "results.jsonl"

CONTEXT = 3
"""Lines around the mutated one in a patch."""
TESTS_AT_A_TIME = 2
ALONE = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh"]
"""Before a test's command: a /dev/shm of its own, as tests look at what is left there."""
LEAST_LIMIT, LIMIT_FACTOR, UNKNOWN_LIMIT = 45.0, 10.0, 1500.0
"""Seconds that a test has at least; how many times its usual duration; if that is not known."""


ORDER = """\
import json, os
from pathlib import Path

import pytest

KNOWN = json.loads(Path(os.environ["MUTANTS_SECONDS"]).read_text())
NEAR = os.environ["MUTANTS_NEAR"].split()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    import harness

    harness.PATIENCE = 60  # seconds, in which a mutant that hangs is found

    def key(item):
        seconds = KNOWN.get(f"{item.path.stem}::{item.name}", 2.5)
        return seconds / 10 if item.path.stem in NEAR else seconds

    longest = float(os.environ["MUTANTS_LONGEST"])
    items[:] = [item for item in sorted(items, key=key) if key(item) <= longest]
"""
"""A plugin of pytest: short tests first, and those whose file names the mutated one."""


class Problem(Exception):
    """The command cannot go on; the text says why."""


def say(text: str) -> None:
    """Prints a line at once, so that a log can be followed."""
    print(text, flush=True)


# --- Patches -------------------------------------------------------------------------------------


@dataclass
class Patch:
    """A mutant: one line of one file, and what becomes of it."""

    name: str
    about: str  # what it changes, in one line
    path: str  # of the file, from the root of the tree
    line: int  # its number, from 1, when the patch was made
    before: list[str]  # the context above
    old: str
    new: str
    after: list[str]  # the context below

    @property
    def folder(self) -> str:
        """The folder of src/ that it is in, or analysis."""
        return Path(self.path).parent.name

    def text(self) -> str:
        """The file in tests/mutants/."""
        start = self.line - len(self.before)
        count = len(self.before) + 1 + len(self.after)
        rows = [" " + row for row in self.before] + ["-" + self.old, "+" + self.new]
        rows += [" " + row for row in self.after]
        head = f"{self.about}\n\n--- a/{self.path}\n+++ b/{self.path}\n"
        return head + f"@@ -{start},{count} +{start},{count} @@\n" + "\n".join(rows) + "\n"

    def find(self, file: Path) -> int | None:
        """The index of its line in a file; None if it is not there, or not in one place alone.

        The lines around it may have changed if the line itself is the only one of its kind.
        """
        lines = file.read_text().split("\n") if file.exists() else []
        same = [index for index, line in enumerate(lines) if line == self.old]
        block = [*self.before, self.old, *self.after]
        above = len(self.before)
        exact = [index for index in same if lines[index - above :][: len(block)] == block]
        found = exact or same
        return min(found, key=lambda i: abs(i + 1 - self.line)) if exact or len(same) == 1 else None


def read_patch(file: Path) -> Patch:
    """A patch of tests/mutants/; raises Problem if it changes anything but one line."""
    head, _, rest = file.read_text().partition("\n+++ b/")
    path, _, rest = rest.partition("\n")
    place, *body = rest.rstrip("\n").split("\n")
    old = [index for index, row in enumerate(body) if row.startswith("-")]
    start = re.match(r"@@ -(\d+)", place)
    if not start or len(old) != 1 or [r[0:1] for r in body[old[0] + 1 :]].count("+") != 1:
        raise Problem(f"{file}: is not a patch that puts one line in the place of one")
    return Patch(
        name=file.stem,
        about=head.partition("\n")[0],
        path=path,
        line=int(start.group(1)) + old[0],
        before=[row[1:] for row in body[: old[0]]],
        old=body[old[0]][1:],
        new=body[old[0] + 1][1:],
        after=[row[1:] for row in body[old[0] + 2 :]],
    )


def read_patches(names: list[str]) -> list[Patch]:
    """The patches with these names, or all of them."""
    files = [PATCHES / f"{Path(name).stem}.patch" for name in names]
    for file in files:
        if not file.exists():
            raise Problem(f"{file}: no such mutant")
    return [read_patch(file) for file in files or sorted(PATCHES.glob("*.patch"))]


def command_check(options: argparse.Namespace) -> int:
    """Says which patches do not apply to the tree as it is."""
    bad = [patch for patch in read_patches(options.names) if patch.find(ROOT / patch.path) is None]
    for patch in bad:
        say(f"{patch.name}: does not apply to {patch.path}")
    return 1 if bad else 0


# --- Making mutants ------------------------------------------------------------------------------

OPERATORS = [
    ("relational", r"(?<= )([<>])(?= )", r"\1="),
    ("relational", r"(?<= )([<>])=(?= )", r"\1"),
    ("equality", r"(?<= )==(?= )", "!="),
    ("equality", r"(?<= )!=(?= )", "=="),
    ("arithmetic", r"(?<= )\+(?==? )", "-"),
    ("arithmetic", r"(?<=[\w)\]] )-(?==? )", "+"),
    ("arithmetic", r"(?<=[\w)\]] )\*(?= [\w(])", "/"),
    ("arithmetic", r"(?<= )/(?= )", "*"),
    ("constant", r"(?<=[ (\[{-])0(?=[,;)\]} ])", "1"),
    ("constant", r"(?<=[ (\[{-])1(?=[,;)\]} ])", "2"),
    ("logic", r"(?<= )&&(?= |$)", "||"),
    ("logic", r"(?<= )\|\|(?= |$)", "&&"),
    ("logic", r"(?<= )and(?= |$)", "or"),
    ("logic", r"(?<= )or(?= |$)", "and"),
    ("negation", r"(?<=[( ])(?:!(?=\w)|not (?=\w))", ""),
    ("negation", r"\bis not None\b", "is None"),
    ("negation", r"(?<=\bif )\((.*)\)(?= \{$)", r"(!(\1))"),
    ("axis", r"(?<=axis=)0", "1"),
    ("error code", r"(?<=return )SS_ERR_\w+(?=;)", "SS_OK"),
    ("dropped", r"^(\s+)(?:\w[\w.>\[\]-]* [-+*|]?= [^;]+|SS_TRY\(.*\)|break|continue);$", r"\1;"),
    ("dropped", r"^(\s+)(?:\w[\w.\[\]]* [-+*|]?= [^(\[{]+|continue)$", r"\1pass"),
]
"""What is changed, where in a line, and what comes instead."""


def blanked(text: str, python: bool) -> list[str]:
    """The lines with blanks in place of comments, literals and what the preprocessor reads."""
    literal = r'"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])+'"
    other = r'""".*?"""|#[^\n]*' if python else r"/\*.*?\*/|//[^\n]*|^[ \t]*#[^\n]*"

    def blanks(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    return re.sub(rf"{other}|{literal}", blanks, text, flags=re.DOTALL | re.MULTILINE).split("\n")


def candidates(path: str) -> list[Patch]:
    """All mutants that the operators find in a file."""
    text = (ROOT / path).read_text()
    lines, found = text.splitlines(), []
    for index, code in enumerate(blanked(text, path.endswith(".py"))):
        # One step too many in a loop is undefined in C, and no test runs out of memory.
        if not code.startswith("    ") or re.match(r"\s*for \(", code) or "MEMORY" in code:
            continue
        for operator, pattern, instead in OPERATORS:
            for match in re.finditer(pattern, code):
                whole = lines[index]
                new = whole[: match.start()] + match.expand(instead) + whole[match.end() :]
                found.append(
                    Patch(
                        name=f"{Path(path).parent.name}-{Path(path).stem}-{index + 1}",
                        about=f"{operator}: `{lines[index].strip()}` becomes `{new.strip()}`",
                        path=path,
                        line=index + 1,
                        before=lines[max(0, index - CONTEXT) : index],
                        old=lines[index],
                        new=new,
                        after=lines[index + 1 : index + 1 + CONTEXT],
                    )
                )
    return found


def command_make(options: argparse.Namespace) -> int:
    """Writes candidates, spread over the files, for people to choose from."""
    options.output.mkdir(parents=True, exist_ok=True)
    files = [*ROOT.glob("src/**/*.c"), *ROOT.glob("analysis/*.py")]
    dice = random.Random(options.seed)
    pools = [candidates(file.relative_to(ROOT).as_posix()) for file in sorted(files)]
    for pool in pools:
        dice.shuffle(pool)
    dice.shuffle(pools)
    written = 0
    while written < options.count and any(pools):
        for pool in pools:
            patch = pool.pop() if pool and written < options.count else None
            if patch and not (options.output / f"{patch.name}.patch").exists():
                (options.output / f"{patch.name}.patch").write_text(patch.text())
                written += 1
    say(f"{written} new mutants in {options.output}; keep those that users would notice")
    return 0


# --- Tests ---------------------------------------------------------------------------------------


@dataclass
class Test:
    """A test as ctest knows it."""

    name: str
    programs: list[Path]  # that it runs: it sees a mutant only if one of them is another
    source: Path | None  # of a test in Python


def environment(**more: str) -> dict[str, str]:
    """The variables that builds and tests see."""
    fixed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    fixed["PYTHONDONTWRITEBYTECODE"] = "1"  # a mutant may be as old and as long as the original
    return {**os.environ, **fixed, **more}


def descendants(ancestor: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            words = stat.read_text(errors="replace").rpartition(")")[2].split()
            children.setdefault(int(words[1]), []).append(int(stat.parent.name))
    found = [ancestor]
    for process in found:
        found += children.get(process, [])
    return found[1:]


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with all that it has started."""
    family = [process.pid]
    while family:
        family += [child for member in family for child in descendants(member)]
        for member in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        time.sleep(0.1)
        family = [child for member in family for child in descendants(member)]
    process.wait()


def named_cases(report: Path) -> Iterator[tuple[str, ElementTree.Element]]:
    """The cases in a report of pytest, by file and name."""
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.get("classname", "").split(".")
        if len(module) > 1:  # else the case at which a worker was stopped
            yield f"{module[1]}::{case.get('name')}", case


def failed(case: ElementTree.Element) -> bool:
    """Whether a case in such a report did."""
    return case.find("failure") is not None or case.find("error") is not None


class Tree:
    """A commit in a folder of its own, as it is or with one mutant in it."""

    def __init__(self, label: str, commit: str, longest: float, files: list[str]) -> None:
        self.longest, self.files = longest, files
        self.folder = WORK / label
        self.build_folder = self.folder / "build/release"
        self.program = self.build_folder / "saddlesweep"
        if not (self.folder / ".git").exists():
            subprocess.run(["git", "clone", "-q", "-n", str(ROOT), str(self.folder)], check=True)
        git = ["git", "-C", str(self.folder)]
        parse = ["git", "-C", str(ROOT), "rev-parse", "--verify", f"{commit}^{{commit}}"]
        commit = subprocess.run(parse, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        subprocess.run([*git, "fetch", "-q", str(ROOT), "HEAD"], check=True)
        subprocess.run([*git, "checkout", "-q", "-f", "--detach", commit], check=True)
        subprocess.run(["cmake", "--preset", "release"], cwd=self.folder, check=True, stdout=NULL)
        self.has_pytest = (self.folder / "tests/pytest.ini").exists()
        if not self.build():
            raise Problem(f"{self.folder}: the tree does not build without a mutant")
        self.tests = self.list_tests()
        self.plain = self.program_digests()
        self.stop = threading.Event()
        self.pattern = re.compile("")

    def build(self) -> bool:
        """Whether the tree as it is builds."""
        command = ["cmake", "--build", str(self.build_folder), "--parallel", str(TESTS_AT_A_TIME)]
        return subprocess.run(command, env=environment(), stdout=NULL, stderr=NULL).returncode == 0

    def list_tests(self) -> list[Test]:
        """The tests of C and of the program, without Slurm and without those of ./test.sh all.

        Where pytest runs the latter, they are one test here, of which each case can kill.
        """
        command = ["ctest", "--test-dir", str(self.build_folder), "--show-only=json-v1"]
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment(), check=True)
        found = []
        for entry in json.loads(done.stdout)["tests"]:
            labels = [of["value"] for of in entry["properties"] if of["name"] == "LABELS"]
            if {"slurm", "all"} & {label for of in labels for label in of}:
                continue
            name, words = entry["name"], [Path(word) for word in entry.get("command", [])]
            programs = [word for word in words if word.name.startswith("test_") and not word.suffix]
            source = self.folder / f"tests/cli/test_{name.removeprefix('cli_')}.py"
            if not name.startswith("cli_"):
                found.append(Test(name, programs, None))
            elif not self.has_pytest:
                found.append(Test(name, [self.program], source))
        return found

    def failing(self, cases: set[str]) -> set[str]:
        """Of these cases those that fail without a mutant, too."""
        report = WORK / "plain.xml"
        files = sorted({f"cli/{case.partition('::')[0]}.py" for case in cases})
        names = " or ".join(sorted(case.partition("::")[2] for case in cases))
        command = ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-k", names, *files]
        subprocess.run(
            [*ALONE, *command, f"--junitxml={report}"],
            cwd=self.folder / "tests",
            env=environment(**self.variables()),
            stdout=NULL,
        )
        return {name for name, case in named_cases(report) if failed(case)}

    def variables(self) -> dict[str, str]:
        """What the tests of the program know it by."""
        return {
            "SADDLESWEEP": str(self.program),
            "SADDLESWEEP_FAULTS": str(self.build_folder / "tests/libfaults.so"),
        }

    def run_cases(self, patch: Patch, known: dict[str, float]) -> dict[str, object]:
        """Runs the tests of the program as pytest does, until a case fails."""
        seconds, report = WORK / "cases.json", WORK / "cases.xml"
        seconds.write_text(json.dumps(known))
        (WORK / "shortest_first.py").write_text(ORDER)
        cli = self.folder / "tests/cli"
        word = re.compile(rf"\b{Path(patch.path).stem.removeprefix('cmd_')}\b")
        near = [file.stem for file in cli.glob("test_*.py") if word.search(file.read_text())]
        variables = {
            **self.variables(),
            "PYTHONPATH": str(WORK),
            "MUTANTS_SECONDS": str(seconds),
            "MUTANTS_NEAR": " ".join(near),
            "MUTANTS_LONGEST": str(self.longest),
        }
        workers = str(TESTS_AT_A_TIME + 1)  # one waits, mostly
        pytest = ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-n", workers, "-x"]
        pytest += ["-p", "shortest_first", f"--junitxml={report}"]
        pytest += [f"cli/{name}.py" for name in self.files] or ["cli"]
        with (WORK / "cases.log").open("w") as log:
            process = subprocess.Popen(
                [*ALONE, *pytest],
                cwd=cli.parent,
                env=environment(**variables),
                stdout=log,
                stderr=log,
            )
        try:
            how = "failed" if process.wait(UNKNOWN_LIMIT) else "passed"
        except subprocess.TimeoutExpired:
            end(process)
            return {"outcome": "killed", "test": "cli", "how": "timed out", "passed": 0}
        passed, killer = 0, "cli (what is left behind)"
        for name, case in named_cases(report):
            if failed(case):
                killer = name
            elif case.find("skipped") is None:
                passed += 1
                known[name] = float(case.get("time", "5"))
        if how == "passed":
            return {"outcome": "survived", "passed": passed}
        return {"outcome": "killed", "test": killer, "how": how, "passed": passed}

    def program_digests(self) -> dict[Path, str]:
        """What each program is, so that one which a mutant does not reach can be told."""
        programs = {program for test in self.tests for program in test.programs} | {self.program}
        return {program: self.digest(program) for program in programs if program.exists()}

    @staticmethod
    def digest(program: Path) -> str:
        return hashlib.sha256(program.read_bytes()).hexdigest()

    @contextlib.contextmanager
    def mutated(self, patch: Patch) -> Iterator[bool]:
        """Has a patch in the tree for a while; gives whether that builds."""
        file = self.folder / patch.path
        index = patch.find(file)
        if index is None:
            raise Problem(f"{patch.name}: does not apply to {file}")
        whole = file.read_text()
        lines = whole.split("\n")
        lines[index] = patch.new
        # For git it stays the same: the program names its commit, and whether it is modified.
        hide = ["git", "-C", str(self.folder), "update-index", "--assume-unchanged", patch.path]
        subprocess.run(hide, check=True)
        file.write_text("\n".join(lines))
        try:
            yield self.build()
        finally:
            file.write_text(whole)

    def may_see(self, patch: Patch, first: list[str], known: dict[str, float]) -> list[Test]:
        """The tests that run something else with the patch, those that may well fail first."""
        digests = self.program_digests()
        changed = {program for program in digests if digests[program] != self.plain.get(program)}
        python = patch.path.endswith(".py")
        tests = [
            test
            for test in self.tests
            if ((python and test.source) or changed.intersection(test.programs))
            and self.pattern.search(test.name)
        ]
        words = set(re.split(r"[^a-z0-9]+", patch.path.lower())) - {"src", "c", "h", "py", "cmd"}

        def order(test: Test) -> tuple[bool, bool, bool, float]:
            near = bool(words & set(re.split(r"[^a-z0-9]+", test.name)))
            if python and test.source:
                near = Path(patch.path).stem in test.source.read_text()
            guess = {"unit": 1.0, "mpi": 15.0}.get(test.name.partition("_")[0], 60.0)
            return (
                test.name not in first,
                test.source is not None and not near,
                not near,
                known.get(test.name, guess),
            )

        return sorted(tests, key=order)

    def run_test(self, test: Test, known: float | None) -> tuple[str, float]:
        """`passed`, `failed`, `timed out` or `stopped`, and after how many seconds."""
        unknown = UNKNOWN_LIMIT / (1 if test.source else 5)
        limit = max(LEAST_LIMIT, LIMIT_FACTOR * known) if known else unknown
        ctest = ["ctest", "--test-dir", str(self.build_folder), "-R", f"^{test.name}$"]
        temporary = WORK / f"tmp-{test.name}"
        temporary.mkdir(parents=True, exist_ok=True)
        variables = environment(TMPDIR=str(temporary))
        start = time.monotonic()
        process = subprocess.Popen(
            [*ALONE, *ctest], env=variables, stdin=NULL, stdout=NULL, stderr=NULL
        )
        try:
            while process.poll() is None:
                if self.stop.is_set() or time.monotonic() - start > limit:
                    end(process)
                    return "stopped" if self.stop.is_set() else "timed out", limit
                time.sleep(0.05)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return "passed" if process.returncode == 0 else "failed", time.monotonic() - start

    def first_failure(self, tests: list[Test], known: dict[str, float]) -> dict[str, object]:
        """Runs some tests at a time until one fails: who, how, and how many passed before."""
        waiting = iter(list(tests))
        lock = threading.Lock()
        result: dict[str, object] = {"outcome": "survived" if tests else "not reached"}
        passed = 0
        self.stop.clear()

        def work() -> None:
            nonlocal passed
            while not self.stop.is_set():
                with lock:
                    test = next(waiting, None)
                if test is None:
                    return
                how, seconds = self.run_test(test, known.get(test.name))
                with lock:
                    if how == "passed":
                        passed += 1
                        known[test.name] = max(seconds, known.get(test.name, 0.0))
                    elif how != "stopped" and not self.stop.is_set():
                        self.stop.set()
                        result.update(outcome="killed", test=test.name, how=how)

        threads = [threading.Thread(target=work) for _ in range(TESTS_AT_A_TIME)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            self.stop.set()
        return {**result, "passed": passed}


    def try_all(self, patch: Patch, first: str, known: dict[str, float]) -> dict[str, object]:
        """Which of all tests kills the patch that is in the tree; the one named `first` begins."""
        if "::" in first:  # a case: its file
            first = "cli_" + first.partition("::")[0].removeprefix("test_")
        result = self.first_failure(self.may_see(patch, [first], known), known)
        sees = patch.path.endswith(".py") or self.digest(self.program) != self.plain[self.program]
        if result["outcome"] != "killed" and self.has_pytest and sees:
            result = self.run_cases(patch, known)
        return result


# --- Running mutants -----------------------------------------------------------------------------


def read_results(label: str | None = None) -> dict[str, dict[str, object]]:
    """The last result of each mutant with a label, or with any."""
    rows = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    found = [json.loads(row) for row in rows if row]
    return {row["name"]: row for row in found if label in (None, row["label"])}


def describe(result: dict[str, object]) -> str:
    """An outcome in words."""
    if result["outcome"] == "killed":
        name = str(result["test"])
        test = name.replace("_", " ").replace("::", ": ") if "::" in name else f"`{name}`"
        late = " (in time)" if result["how"] == "timed out" else ""
        return test.removeprefix("test ").replace(": test ", ": ") + late
    if result["outcome"] == "survived":
        return "**survived**"
    return str(result["outcome"])


def command_run(options: argparse.Namespace) -> int:
    """Runs mutants, and notes who killed them; killers that fail without a mutant do not count."""
    if os.geteuid() != 0:
        raise Problem("run: takes root, for a /dev/shm of its own for each test")
    WORK.mkdir(parents=True, exist_ok=True)
    tree = Tree(options.label, options.tree, options.longest, options.files)
    tree.pattern = re.compile(options.tests)
    done = read_results(options.label) if options.resume else {}
    others = read_results()
    times = WORK / f"{options.label}.seconds.json"
    known: dict[str, float] = json.loads(times.read_text()) if times.exists() else {}
    # In an order that has to do with nothing, so that the first so many stand for all of them.
    patches = read_patches(options.names)
    patches.sort(key=lambda patch: hashlib.sha256(patch.name.encode()).digest())
    patches = [patch for patch in patches if patch.name not in done][: options.count]
    results: list[dict[str, object]] = []
    for number, patch in enumerate(patches, 1):
        start = time.monotonic()
        first = str(others.get(patch.name, {}).get("test", ""))
        try:
            with tree.mutated(patch) as builds:
                result = tree.try_all(patch, first, known) if builds else {"outcome": "no build"}
        except Problem as problem:
            result = {"outcome": "does not apply"}
            say(str(problem))
        result = {"name": patch.name, "label": options.label, **result}
        result["seconds"] = round(time.monotonic() - start, 1)
        with RESULTS.open("a") as file:
            file.write(json.dumps(result) + "\n")
        times.write_text(json.dumps(known))
        results.append(result)
        say(f"{number}/{len(patches)} {patch.name}: {describe(result)}, {result['seconds']} s")
    tree.build()
    killers: dict[str, list[str]] = {}
    for name, result in read_results(options.label).items():
        killers.setdefault(str(result.get("test", "")), []).append(name)
    wrong = tree.failing({test for test in killers if "::" in test}) if tree.has_pytest else set()
    for test in tree.tests:
        tree.stop.clear()
        if test.name in killers and tree.run_test(test, known.get(test.name))[0] != "passed":
            wrong.add(test.name)
    for name in sorted(wrong):
        say(f"{name} fails without a mutant, too; to be run again: {killers[name]}")
    survived = [result["name"] for result in results if result["outcome"] == "survived"]
    say(f"{len(survived)} of {len(patches)} survived (label {options.label}): {survived}")
    return 0


def command_table(options: argparse.Namespace) -> int:
    """Prints the results as Markdown."""
    labels = [options.before, options.after] if options.before else [options.after]
    of_label = [read_results(label) for label in labels]
    patches = [patch for patch in read_patches([]) if any(patch.name in of for of in of_label)]
    bar = " | "
    say(f"| Folder | Mutants | {bar.join(f'killed {label}' for label in labels)} |")
    say("| --- | ---: |" + " ---: |" * len(labels))
    for folder in [*sorted({patch.folder for patch in patches}), "all"]:
        names = [patch.name for patch in patches if folder in ("all", patch.folder)]
        cells = [
            str(sum(of.get(name, {}).get("outcome") == "killed" for name in names))
            for of in of_label
        ]
        say(f"| {folder} | {len(names)} | {bar.join(cells)} |")
    say("")
    say(f"| Mutant | What it changes | {bar.join(f'killed by, {label}' for label in labels)} |")
    say("| --- | --- |" + " --- |" * len(labels))
    for patch in patches:
        cells = [describe(of[patch.name]) if patch.name in of else "not run" for of in of_label]
        about = patch.about.replace("|", "\\|")
        say(f"| {patch.name} | {about} | {bar.join(cells)} |")
    return 0


# --- The command line ----------------------------------------------------------------------------


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, function: Callable[[argparse.Namespace], int], text: str
    ) -> Callable[..., object]:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command.add_argument

    option = add("make", command_make, "Propose mutants, spread over all files.")
    option("--count", type=int, default=100, metavar="N", help="how many (%(default)s)")
    option("--seed", type=int, default=1, metavar="S", help="which ones (%(default)s)")
    folder = WORK / "candidates"
    option("--output", type=Path, default=folder, metavar="FOLDER", help="(%(default)s)")
    option = add("check", command_check, "Say whether every patch still applies to the tree.")
    option("names", nargs="*", metavar="NAME", help="these mutants in place of all")
    option = add("run", command_run, "Run the tests with each mutant, and note who kills it.")
    option("names", nargs="*", metavar="NAME", help="these mutants in place of all")
    option("--tree", default="HEAD", metavar="COMMIT", help="the commit to test (%(default)s)")
    option("--label", default="after", metavar="TEXT", help="a name for the results (%(default)s)")
    option("--count", type=int, metavar="N", help="so many of them, spread like all")
    option("--longest", type=float, default=1e9, metavar="S", help="no case above S seconds")
    option("--tests", default="", metavar="REGEX", help="these tests of ctest only")
    option("--files", nargs="*", default=[], metavar="test_X", help="these files of tests/cli only")
    option("--resume", action="store_true", help="skip those with a result of this label")
    option = add("table", command_table, "Print the results as Markdown tables.")
    option("--before", metavar="LABEL", help="the results before a change")
    option("--after", default="after", metavar="LABEL", help="those after it (%(default)s)")
    return parser.parse_args()


def main() -> int:
    """Runs one subcommand."""
    options = parse()

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        status: int = options.function(options)
        return status
    except (Problem, subprocess.CalledProcessError) as problem:
        print(problem, file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
