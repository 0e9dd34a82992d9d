#!/usr/bin/env python3
"""Measures what the tests are worth: makes small mistakes in the code and asks who notices.

A mutant is a patch of one line in tests/mutants/. `run` puts one into a copy of the tree, builds
that, and runs the tests that may see the line until one fails: that test has killed the mutant.
A mutant that no test kills has survived. `map` finds out beforehand which tests see which line,
`table` shows the results, `make` proposes new mutants, and `check` says whether the patches still
apply. Everything that is made along the way is in build/mutants/.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
PATCHES = ROOT / "tests/mutants"
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
RELEASE = TREE / "build/release"
COVERAGE = WORK / "coverage"
MAPPED = WORK / "mapped"
MAP = WORK / "map.json"
BASELINE = WORK / "baseline.json"
RESULTS = WORK / "results.jsonl"

CONTEXT = 3
"""Lines around the mutated one in a patch."""
LEAST_LIMIT = 60.0
"""Seconds that a test has at least."""
LIMIT_FACTOR = 5.0
"""… and how many times the duration that is known of it."""
UNKNOWN_LIMIT = 1500.0
"""Seconds that a test has if its duration is not known."""
SHOWN = 24
"""Characters beside a change that its description shows, or a few more."""
NEAR = 12
"""Lines above and below in which a name has to occur that comes in the place of another."""
KERNEL_SHARE = 0.08
"""Share of the mutants that `make` may put into the headers of the kernel, which build slowly."""

COUNTERS = """\
# Counters in the program and its library, but not in the kernels, which would be slow with them.
add_link_options(--coverage)
function(count_lines)
  target_compile_options(saddlesweep_core PRIVATE --coverage)
  target_compile_options(saddlesweep PRIVATE --coverage)
  file(GLOB kernels ${CMAKE_SOURCE_DIR}/src/kernel/*_f32.c ${CMAKE_SOURCE_DIR}/src/kernel/*_f64.c)
  set_property(SOURCE ${kernels} APPEND PROPERTY
               COMPILE_OPTIONS -fno-profile-arcs -fno-test-coverage -g0)
endfunction()
cmake_language(DEFER CALL count_lines)
"""


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
        return folder_of(self.path)

    @property
    def is_python(self) -> bool:
        """Whether it needs no build."""
        return self.path.endswith(".py")

    def text(self) -> str:
        """The file in tests/mutants/."""
        start = self.line - len(self.before)
        count = len(self.before) + 1 + len(self.after)
        rows = [" " + row for row in self.before] + ["-" + self.old, "+" + self.new]
        rows += [" " + row for row in self.after]
        head = f"{self.about}\n\n--- a/{self.path}\n+++ b/{self.path}\n"
        return head + f"@@ -{start},{count} +{start},{count} @@\n" + "\n".join(rows) + "\n"

    def find(self, lines: list[str]) -> int | None:
        """The index of its line among those of the file, or None if the patch does not apply.

        The file may have grown or shrunk above: of several places that fit, the nearest counts.
        """
        block = [*self.before, self.old, *self.after]
        starts = (
            start
            for start in range(len(lines) - len(block) + 1)
            if lines[start + len(self.before)] == self.old
            and lines[start : start + len(block)] == block
        )
        wanted = self.line - 1 - len(self.before)
        start = min(starts, key=lambda start: abs(start - wanted), default=None)
        return None if start is None else start + len(self.before)


def folder_of(path: str) -> str:
    """The folder of a file as the names of mutants have it."""
    return Path(path).parent.name


def read_patch(file: Path) -> Patch:
    """A patch of tests/mutants/; raises Problem if it changes anything but one line."""
    rows = file.read_text().split("\n")
    if rows and not rows[-1]:
        rows.pop()
    heads = [index for index, row in enumerate(rows) if row.startswith("@@ ")]
    if len(heads) != 1 or not rows[heads[0] - 1].startswith("+++ b/"):
        raise Problem(f"{file}: is not a patch of one place in one file")
    body = rows[heads[0] + 1 :]
    old = [index for index, row in enumerate(body) if row.startswith("-")]
    new = [index for index, row in enumerate(body) if row.startswith("+")]
    if len(old) != 1 or new != [old[0] + 1]:
        raise Problem(f"{file}: does not put one line in the place of one")
    match = re.match(r"@@ -(\d+)", rows[heads[0]])
    if not match:
        raise Problem(f"{file}: does not say where it applies")
    return Patch(
        name=file.stem,
        about=rows[0],
        path=rows[heads[0] - 1][len("+++ b/") :],
        line=int(match.group(1)) + old[0],
        before=[row[1:] for row in body[: old[0]]],
        old=body[old[0]][1:],
        new=body[new[0]][1:],
        after=[row[1:] for row in body[new[0] + 1 :]],
    )


def read_patches(names: list[str]) -> list[Patch]:
    """The patches with these names, or all of them."""
    files = [PATCHES / f"{Path(name).stem}.patch" for name in names]
    for file in files:
        if not file.exists():
            raise Problem(f"{file}: no such mutant")
    return [read_patch(file) for file in files or sorted(PATCHES.glob("*.patch"))]


def source_lines(file: Path) -> list[str]:
    """The lines of a file, without their ends."""
    return file.read_text().split("\n")


@contextlib.contextmanager
def applied(patch: Patch, tree: Path) -> Iterator[int]:
    """Has the patch in the tree for a while; gives the number of its line there."""
    file = tree / patch.path
    whole = file.read_text()
    lines = whole.split("\n")
    index = patch.find(lines)
    if index is None:
        raise Problem(f"{patch.name}: does not apply")
    lines[index] = patch.new
    file.write_text("\n".join(lines))
    try:
        yield index + 1
    finally:
        file.write_text(whole)


# --- Making mutants ------------------------------------------------------------------------------

Edit = tuple[str, int, int, str]
"""The operator, and from where to where in the line which text comes instead."""

C_PAIRS = [
    ("rows", "columns"), ("first", "count"), ("begin", "end"), ("low", "high"), ("d", "k"),
    ("n", "m"), ("done", "failed"), ("mean", "median"), ("row", "column"), ("source", "target"),
    ("seeds", "cells"), ("sin", "cos"), ("previous", "next"), ("lower", "upper"),
    ("mean_seconds", "seconds"), ("old", "new"), ("SS_ERR_USAGE", "SS_ERR_IO"),
    ("SS_ERR_SPEC", "SS_ERR_USAGE"), ("fmin", "fmax"), ("floor", "ceil"), ("true", "false"),
    ("break", "continue"),
]  # fmt: skip
PYTHON_PAIRS = [
    ("True", "False"), ("min", "max"), ("any", "all"), ("mean", "std"), ("median", "mean"),
    ("DONE", "FAILED"), ("n", "m"), ("d", "k"), ("q05", "q95"), ("x", "y"), ("width", "height"),
    ("left", "right"), ("top", "bottom"), ("nanmin", "nanmax"), ("and", "or"), ("log", "linear"),
    ("error", "relative_error"), ("break", "continue"), ("sqrt", "square"),
]  # fmt: skip
ALWAYS_KNOWN = {
    *("true", "false", "True", "False", "break", "continue", "fmin", "fmax", "floor", "ceil"),
    *("min", "max", "any", "all", "and", "or", "sin", "cos"),
    *("SS_ERR_USAGE", "SS_ERR_IO", "SS_ERR_SPEC"),
}
WEIGHTS = {"relational": 4.0, "dropped": 4.0, "logic": 2.0, "arithmetic": 2.0, "constant": 1.5}
SHARED_SWAPS = [
    ("relational", r"(?<= )<(?= )", "<="),
    ("relational", r"(?<= )<=(?= )", "<"),
    ("relational", r"(?<= )>(?= )", ">="),
    ("relational", r"(?<= )>=(?= )", ">"),
    ("equality", r"(?<= )==(?= )", "!="),
    ("equality", r"(?<= )!=(?= )", "=="),
    ("arithmetic", r"(?<= )\+(?= )", "-"),
    ("arithmetic", r"(?<=[\w)\]] )-(?= )", "+"),
    ("arithmetic", r"(?<=[\w)\]] )\*(?= [\w(])", "/"),
    ("arithmetic", r"(?<= )/(?= )", "*"),
    ("accumulation", r"(?<= )\+=(?= )", "-="),
    ("accumulation", r"(?<= )-=(?= )", "+="),
    ("constant", r"(?<=[ (\[{-])0(?=[,;)\]} ])", "1"),
    ("constant", r"(?<=[ (\[{-])1(?=[,;)\]} ])", "2"),
    ("constant", r"(?<=[ (\[{-])1(?=[,;)\]} ])", "0"),
]
C_SWAPS = [
    *SHARED_SWAPS,
    ("logic", r"(?<= )&&(?= |$)", "||"),
    ("logic", r"(?<= )\|\|(?= |$)", "&&"),
    ("error code", r"(?<=return )SS_ERR_\w+(?=;)", "SS_OK"),
]
PYTHON_SWAPS = [
    *SHARED_SWAPS,
    ("identity", r"\bis not None\b", "is None"),
    ("identity", r"\bis None\b", "is not None"),
    ("membership", r"(?<= )not in(?= )", "in"),
    ("axis", r"(?<=axis=)0", "1"),
    ("axis", r"(?<=axis=)1", "0"),
    ("negation", r"(?<=\bif )not (?=\w)", ""),
]
C_STATEMENT = re.compile(
    r"\s+(return\b[^;]*|(?:break|continue)|\*?[a-z][\w.>\[\]-]* (?:[-+*/|&]?=) [^;]+"
    r"|[a-z]\w*\([^;]*\)|SS_TRY\([^;]*\)|[\w.>\[\]-]+(?:\+\+|--));"
)
PYTHON_STATEMENT = re.compile(r"\s+(return\b.*|continue|\w[\w.\[\]]* [-+*|]?= .*|[\w.]+\(.*\))")


def mask_c(text: str) -> list[str]:
    """The lines with blanks in place of comments, literals and what the preprocessor reads."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    literal = r'"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])+'"
    text = re.sub(rf"/\*.*?\*/|//[^\n]*|{literal}", blank, text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE).split("\n")


def mask_python(text: str) -> list[str]:
    """The lines with blanks in place of comments and texts."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    literal = r'""".*?"""|"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])*'"
    return re.sub(rf"{literal}|#[^\n]*", blank, text, flags=re.DOTALL).split("\n")


def swap_edits(code: str, swaps: list[tuple[str, str, str]]) -> Iterator[Edit]:
    """Every place of the line where one operator or constant may stand for another."""
    for operator, pattern, text in swaps:
        for match in re.finditer(pattern, code):
            yield operator, match.start(), match.end(), text


def pair_edits(code: str, pairs: list[tuple[str, str]]) -> Iterator[Edit]:
    """Every name that has a partner which may be taken for it."""
    for pair in pairs:
        for old, new in (pair, pair[::-1]):
            for match in re.finditer(rf"(?<![\w=])(?<!, \.){re.escape(old)}\b(?!\w| =)", code):
                yield "wrong name", match.start(), match.end(), new


def c_edits(code: str, above: str) -> Iterator[Edit]:
    """What may be changed in a line of C."""
    yield from swap_edits(code, C_SWAPS)
    yield from pair_edits(code, C_PAIRS)
    condition = re.fullmatch(r"\s+(?:\} else )?if \((.*)\) \{", code)
    if condition and condition.group(1).count("(") == condition.group(1).count(")"):
        start, end = condition.span(1)
        yield "negation", start, end, "!({})"
    statement = C_STATEMENT.fullmatch(code)
    if statement and re.search(r"[;{})]\s*$|^\s*$", above):
        yield "dropped", *statement.span(1), "(void)0"


def python_edits(code: str, above: str) -> Iterator[Edit]:
    """What may be changed in a line of Python."""
    yield from swap_edits(code, PYTHON_SWAPS)
    yield from pair_edits(code, PYTHON_PAIRS)
    condition = re.fullmatch(r"\s+(?:el)?if (.*):", code)
    if condition:
        yield "negation", *condition.span(1), "not ({})"
    statement = PYTHON_STATEMENT.fullmatch(code)
    if statement and statement.group(1).count("(") == statement.group(1).count(")"):
        if re.search(r":\s*$|\)\s*$|\w\s*$|^\s*$", above):
            yield "dropped", *statement.span(1), "pass"


def in_question(code: str, edit: Edit, around: str) -> bool:
    """Whether a change may be of interest, as far as a rule can tell.

    One step too many in a loop is undefined in C; a name has to be one that the function knows.
    """
    operator, start, end, text = edit
    if re.match(r"\s*for \(", code) and operator in ("relational", "accumulation", "constant"):
        return False
    if "SS_ERR_MEMORY" in code or re.search(r"\b(?:free|va_end|close)\(|_destroy\(", code):
        return False
    if operator == "wrong name" and text not in ALWAYS_KNOWN:
        return re.search(rf"(?<!->)(?<!\.)\b{re.escape(text)}\b", around) is not None or (
            code[max(0, start - 1)] in ".>" and re.search(rf"(?:->|\.){text}\b", around) is not None
        )
    return True


def shown_change(old: str, new: str) -> str:
    """What becomes of a line, with little of what stays."""
    old, new = old.strip(), new.strip()
    head = len(os.path.commonprefix([old, new]))
    tail = len(os.path.commonprefix([old[head:][::-1], new[head:][::-1]]))
    start = old.rfind(" ", 0, max(0, head - SHOWN)) + 1
    end = old.find(" ", len(old) - max(0, tail - SHOWN)) if tail > SHOWN else -1
    rest = 0 if end < 0 else len(old) - end
    parts = [old[start : len(old) - rest], new[start : len(new) - rest]]
    marks = ["… " if start else "", " …" if rest else ""]
    return " becomes ".join(f"`{marks[0]}{part}{marks[1]}`" for part in parts)


def function_of(masked: list[str], index: int, python: bool) -> str | None:
    """The name of the function that a line is in; None outside of every one."""
    head = re.compile(r"\s*def (\w+)\(" if python else r"[a-z][\w *]*?\b(\w+)\(")
    for row in range(index - 1, -1, -1):
        if not python and masked[row].startswith("}"):
            return None
        match = head.match(re.sub(r"__attribute__\(\(.*?\)\)\s*", "", masked[row]))
        if match and (python or masked[row][0] not in " \t"):
            return match.group(1)
    return None


def candidates(path: str) -> list[Patch]:
    """All mutants that the operators find in a file."""
    lines = source_lines(ROOT / path)
    python = path.endswith(".py")
    text = "\n".join(lines)
    masked = mask_python(text) if python else mask_c(text)
    edits: Callable[[str, str], Iterator[Edit]] = python_edits if python else c_edits
    end_of_file = len(lines) - (lines[-1] == "")
    found = []
    for index in range(1, end_of_file):
        function = function_of(masked, index, python)
        if not function or not masked[index].startswith("    "):
            continue
        if not python and masked[index + 1 : index + 2] == ["}"]:
            continue  # without its last statement a function does not compile
        around = "\n".join(masked[max(0, index - NEAR) : index + NEAR])
        for edit in edits(masked[index], masked[index - 1]):
            if not in_question(masked[index], edit, around):
                continue
            operator, start, end, text = edit
            old = lines[index]
            part = text.format(old[start:end]) if "{}" in text else text
            new = old[:start] + part + old[end:]
            change = shown_change(old, new)
            if operator == "dropped":
                change = f"`{old.strip()}` is dropped"
            found.append(
                Patch(
                    name=f"{folder_of(path)}-{Path(path).stem}-{index + 1}",
                    about=f"{operator}, in {function}(): {change}",
                    path=path,
                    line=index + 1,
                    before=lines[max(0, index - CONTEXT) : index],
                    old=old,
                    new=new,
                    after=lines[index + 1 : min(end_of_file, index + 1 + CONTEXT)],
                )
            )
    return found


def sources() -> list[str]:
    """The files that mutants are made of: C, the headers of the kernel, and analysis/."""
    files = [
        *ROOT.glob("src/**/*.c"),
        *ROOT.glob("src/kernel/lane*.h"),
        *ROOT.glob("analysis/*.py"),
    ]
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


def operator_of(patch: Patch) -> str:
    """The kind of change, with which its description begins."""
    return patch.about.partition(",")[0]


def often(patch: Patch, used: dict[str, int]) -> float:
    """How much there is of its kind already; some kinds are noticed too easily to be wanted."""
    operator = operator_of(patch)
    return used.get(operator, 0) / WEIGHTS.get(operator, 1.0)


def choose(count: int, seed: int) -> list[Patch]:
    """So many mutants, spread over files and operators; the same ones for the same seed."""
    pools: dict[str, list[Patch]] = {}
    for path in sources():
        pools[path] = candidates(path)
        random.Random(f"{seed}:{path}").shuffle(pools[path])
    used: dict[str, int] = {}
    chosen: dict[str, Patch] = {}
    kernels = 0
    while len(chosen) < count and any(pools.values()):
        # every file in turn, the one with the most that is left first
        for path in sorted(pools, key=lambda path: (-len(pools[path]), path)):
            if not pools[path] or len(chosen) == count:
                continue
            is_kernel = path.endswith(".h")
            if is_kernel and kernels + 1 > KERNEL_SHARE * count:
                pools[path] = []
                continue
            best = min(pools[path], key=lambda patch: often(patch, used))
            operator = operator_of(best)
            used[operator] = used.get(operator, 0) + 1
            chosen[best.name] = best
            kernels += is_kernel
            pools[path] = [patch for patch in pools[path] if patch.line != best.line]
    return list(chosen.values())


def command_make(options: argparse.Namespace) -> int:
    """Writes candidates, for people to choose from."""
    options.output.mkdir(parents=True, exist_ok=True)
    written = 0
    for patch in choose(options.count, options.seed):
        file = options.output / f"{patch.name}.patch"
        if not file.exists():
            file.write_text(patch.text())
            written += 1
    say(f"{written} new mutants in {options.output}; keep those that matter")
    return 0


# --- Checking patches ----------------------------------------------------------------------------


def compile_commands() -> dict[str, dict[str, Any]]:
    """How each file of the copied tree is compiled, by its path from the root."""
    file = RELEASE / "compile_commands.json"
    if not file.exists():
        raise Problem(f"{file}: no such file; `run` makes it")
    entries = json.loads(file.read_text())
    return {os.path.relpath(entry["file"], TREE): entry for entry in entries}


def compile_file(entry: dict[str, Any], output: Path) -> bytes | None:
    """The object file that a source becomes, with little optimisation; None if it fails."""
    words = entry["command"].split(" -o ")[0].replace('\\"', '"')
    words = re.sub(r"^\S*ccache ", "", words)
    command = [*words.split(), "-O1", "-g0", "-c", entry["file"], "-o", str(output)]
    done = subprocess.run(command, cwd=entry["directory"], capture_output=True)
    return output.read_bytes() if done.returncode == 0 else None


plain_objects: dict[str, bytes | None] = {}
"""The object files without a mutant, by source."""


def compiled_difference(patch: Patch, commands: dict[str, dict[str, Any]]) -> str:
    """An empty text if the compiler sees a difference; otherwise what is wrong."""
    if patch.is_python:
        try:
            with applied(patch, TREE):
                compile((TREE / patch.path).read_text(), patch.path, "exec")
        except SyntaxError as error:
            return f"does not compile: {error}"
        return ""
    files = [patch.path]
    if patch.path.endswith(".h"):
        names = ("portable_f32", "portable_f64", "avx2_f32", "avx2_f64")
        files = [f"src/kernel/{name}.c" for name in names]
    output = WORK / "check.o"
    for file in files:
        if file not in plain_objects:
            plain_objects[file] = compile_file(commands[file], output)
        with applied(patch, TREE):
            mutated = compile_file(commands[file], output)
        if mutated is None:
            return "does not compile"
        if mutated != plain_objects[file]:
            return ""
    return "is the same to the compiler"


def command_check(options: argparse.Namespace) -> int:
    """Says which patches do not apply, or do not compile to something else."""
    bad = 0
    patches = read_patches(options.names)
    commands = {}
    with contextlib.ExitStack() as stack:
        if options.compile:
            stack.enter_context(locked())
            synchronise("working")
            commands = compile_commands()
        for patch in patches:
            file = ROOT / patch.path
            fault = ""
            if not file.exists() or patch.find(source_lines(file)) is None:
                fault = f"does not apply to {patch.path}"
            elif options.compile:
                fault = compiled_difference(patch, commands)
            if options.compile and patches.index(patch) % 20 == 19:
                say(f"{patches.index(patch) + 1} of {len(patches)} looked at")
            if fault:
                bad += 1
                say(f"{patch.name}: {fault}")
    say(f"{len(patches) - bad} of {len(patches)} mutants are in order")
    return 1 if bad else 0


# --- The copy of the tree ------------------------------------------------------------------------


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Has build/mutants/ alone: two commands in one tree would disturb each other."""
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem("another command of this script works in build/mutants/") from None
        yield


def git(*arguments: str) -> bytes:
    """What git answers about the repository."""
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise Problem(f"{' '.join(command)}: exit status {done.returncode}")
    return done.stdout


def wanted_files(which: str) -> Iterator[tuple[str, bytes, int]]:
    """Path, content and mode of every file of a commit, or of the working tree."""
    if which == "working":
        names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode()
        for name in sorted(set(names.split("\0"))):
            file = ROOT / name
            if name and file.is_file():
                yield name, file.read_bytes(), file.stat().st_mode & 0o777
        return
    with tarfile.open(fileobj=io.BytesIO(git("archive", which))) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content:
                yield member.name, content.read(), member.mode & 0o777


def synchronise(which: str) -> str:
    """Brings the copy of the tree up to date; a digest of all that is in it.

    Only files that differ are written, so that little is built anew.
    """
    digest = hashlib.sha256()
    wanted = set()
    for name, content, mode in wanted_files(which):
        file = TREE / name
        wanted.add(name)
        if not name.startswith("tests/mutants/"):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        file.chmod(mode | 0o200)
    for file in sorted(TREE.rglob("*")):
        name = file.relative_to(TREE).as_posix()
        if file.is_file() and not name.startswith("build/") and name not in wanted:
            file.unlink()
    return digest.hexdigest()[:16]


def environment(**more: str) -> dict[str, str]:
    """The variables that builds and tests see."""
    fixed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    fixed["PYTHONDONTWRITEBYTECODE"] = "1"  # a mutant may be as old and as long as the original
    return {**os.environ, **fixed, **more}


def call(command: list[str], log: Path, folder: Path | None = None) -> bool:
    """Whether a command succeeds; what it says goes to a file."""
    with log.open("w") as file:
        done = subprocess.run(
            command, cwd=folder, env=environment(), stdout=file, stderr=subprocess.STDOUT
        )
    return done.returncode == 0


def launcher() -> list[str]:
    """The option that has CMake use ccache, if it is there."""
    ccache = shutil.which("ccache")
    return [f"-DCMAKE_C_COMPILER_LAUNCHER={ccache}"] if ccache else []


def must(command: list[str], log: Path, folder: Path | None = None) -> None:
    """A command that has to succeed."""
    if not call(command, log, folder):
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise Problem(f"{' '.join(command)}: failed, as {log} says:\n{end}")


def build(folder: Path, jobs: int, target: str | None = None) -> list[str]:
    """The command that builds everything, or one target."""
    command = ["cmake", "--build", str(folder), "--parallel", str(jobs)]
    return [*command, "--target", target] if target else command


# --- Tests ---------------------------------------------------------------------------------------


@dataclass
class Test:
    """A test as ctest knows it."""

    name: str
    command: list[str]

    def target(self, folder: Path) -> str | None:
        """The one program that it needs; None if that cannot be told, and all are needed."""
        for word in self.command:
            if word.startswith(f"{folder}/") and Path(word).name.startswith("test_"):
                return Path(word).name
        return None


def test_commands(folder: Path) -> dict[str, list[str]]:
    """The commands of tests, also of those that are not built yet, of which ctest tells none."""
    commands = {}
    for file in sorted(folder.rglob("CTestTestfile.cmake")):
        for row in re.findall(r"(?m)^add_test\((.*)\)$", file.read_text()):
            name = re.match(r"\[(=*)\[(.*?)\]\1\]|(\S+)", row)
            if name:
                commands[name.group(2) or name.group(3)] = re.findall(r'"([^"]*)"', row)
    return commands


def list_tests(folder: Path, pattern: str | None, excluded: str | None) -> list[Test]:
    """The tests of a build, without those that need Slurm."""
    command = ["ctest", "--test-dir", str(folder), "--show-only=json-v1", "--label-exclude"]
    done = subprocess.run([*command, "^slurm$"], stdout=subprocess.PIPE, env=environment())
    if done.returncode != 0:
        raise Problem(f"{folder}: ctest does not list its tests")
    commands = test_commands(folder)
    tests = [
        Test(entry["name"], entry.get("command") or commands.get(entry["name"], []))
        for entry in json.loads(done.stdout)["tests"]
        if (not pattern or re.search(pattern, entry["name"]))
        and not (excluded and re.search(excluded, entry["name"]))
    ]
    if not tests:
        raise Problem("no test has such a name")
    return tests


def build_for(tests: list[Test], folder: Path, jobs: int) -> None:
    """Builds what these tests need, and no more."""
    targets = {test.target(folder) or "all" for test in tests}
    for target in ["all"] if "all" in targets else sorted(targets):
        must(build(folder, jobs, target), WORK / "build.log")


def descendants(ancestor: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            words = stat.read_text(errors="replace").rpartition(")")[2].split()
            children.setdefault(int(words[1]), []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [ancestor]
    while waiting:
        for child in children.get(waiting.pop(), []):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with all that it has started."""
    family = descendants(process.pid) | {process.pid}
    for _ in range(5):
        for member in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        time.sleep(0.2)
        family = {child for member in family for child in descendants(member)}
        if not family:
            break
    process.wait()


def run_test(folder: Path, name: str, limit: float, **more: str) -> tuple[str, float]:
    """`passed`, `failed` or `timed out`, and after how many seconds."""
    command = ["ctest", "--test-dir", str(folder), "-R", f"^{name}$", "--no-tests=error"]
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        outcome = "passed" if process.wait(timeout=limit) == 0 else "failed"
    except subprocess.TimeoutExpired:
        outcome = "timed out"
        end(process)
    except BaseException:
        end(process)
        raise
    return outcome, time.monotonic() - start


# --- The map -------------------------------------------------------------------------------------


def digest_of(file: Path) -> str:
    """A short digest of a file, or an empty text if there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else ""


def read_counters(counters: Path) -> dict[str, dict[str, Any]]:
    """Of each file under src/ the lines that have counters, those that ran, and its digest."""
    files = sorted(counters.rglob("*.gcda"))
    for file in files:
        note = (COVERAGE / file.relative_to(counters)).with_suffix(".gcno")
        link = file.with_suffix(".gcno")
        if note.exists() and not link.exists():
            link.symlink_to(note)
    files += sorted(COVERAGE.rglob("*.gcda"))  # of programs that do not see the variables
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(files), 50):
        command = ["gcov", "--json-format", "--stdout", *map(str, files[start : start + 50])]
        done = subprocess.run(
            command, cwd=counters, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for document in done.stdout.decode().splitlines():
            if document.startswith("{"):
                add_document(json.loads(document), found)
    return {
        path: {key: sorted(lines) for key, lines in of.items()}
        | {"digest": digest_of(TREE / path)}
        for path, of in sorted(found.items())
    }


def add_document(document: dict[str, Any], found: dict[str, dict[str, Any]]) -> None:
    """Adds what gcov says of one object file."""
    folder = document.get("current_working_directory", "")
    for entry in document["files"]:
        path = os.path.relpath(os.path.join(folder, entry["file"]), TREE)
        if path.startswith("src/"):
            of = found.setdefault(path, {"counted": set(), "ran": set()})
            of["counted"] |= {line["line_number"] for line in entry["lines"]}
            of["ran"] |= {line["line_number"] for line in entry["lines"] if line["count"] > 0}


def map_test(test: Test) -> dict[str, Any]:
    """Runs a test with counters of its own."""
    counters = WORK / "counters" / test.name
    shutil.rmtree(counters, ignore_errors=True)
    counters.mkdir(parents=True)
    for file in COVERAGE.rglob("*.gcda"):
        file.unlink()
    outcome, seconds = run_test(
        COVERAGE,
        test.name,
        3 * UNKNOWN_LIMIT,
        GCOV_PREFIX=str(counters),
        GCOV_PREFIX_STRIP=str(len(COVERAGE.parts) - 1),
    )
    files = read_counters(counters)
    shutil.rmtree(counters)
    return {"seconds": round(seconds, 2), "outcome": outcome, "files": files}


def merge_map() -> dict[str, Any]:
    """Makes map.json of what is known of each test.

    Lines of a file that has changed since are not known any more: such a test may see all of it.
    """
    tests: dict[str, dict[str, Any]] = {}
    lines: dict[str, dict[str, list[str]]] = {}
    for file in sorted(MAPPED.glob("*.json")):
        known = json.loads(file.read_text())
        tests[file.stem] = {"seconds": known["seconds"], "outcome": known["outcome"]}
        for path, of in known["files"].items():
            entries = lines.setdefault(path, {})
            if of["ran"]:
                entries.setdefault("all", []).append(file.stem)
            if of["digest"] != digest_of(TREE / path):
                entries.setdefault("any", []).append(file.stem)
                continue
            for line in of["counted"]:
                entries.setdefault(str(line), [])
            for line in of["ran"]:
                entries[str(line)].append(file.stem)
    result = {"tests": tests, "lines": lines}
    MAP.write_text(json.dumps(result, indent=1))
    return result


def command_map(options: argparse.Namespace) -> int:
    """Finds out which tests see which line."""
    with locked():
        synchronise(options.tree)
        include = WORK / "counters.cmake"
        include.write_text(COUNTERS)
        configure = ["cmake", "-S", str(TREE), "-B", str(COVERAGE), "-DCMAKE_BUILD_TYPE=Debug"]
        configure += [f"-DCMAKE_PROJECT_INCLUDE={include}", *launcher()]
        say("building with counters")
        must(configure, WORK / "configure.log")
        tests = list_tests(COVERAGE, options.tests, options.exclude)
        build_for(tests, COVERAGE, options.jobs)
        MAPPED.mkdir(exist_ok=True)
        for number, test in enumerate(tests, 1):
            file = MAPPED / f"{test.name}.json"
            if file.exists() and not options.fresh:
                continue
            known = map_test(test)
            file.write_text(json.dumps(known))
            files = sum(bool(of["ran"]) for of in known["files"].values())
            words = f"{known['outcome']} after {known['seconds']} s, {files} files"
            say(f"{number}/{len(tests)} {test.name}: {words}")
        merged = merge_map()
    say(f"{MAP}: {len(merged['tests'])} tests, {len(merged['lines'])} files")
    return 0


# --- Which tests may see a mutant ----------------------------------------------------------------


def words_of(text: str) -> set[str]:
    """The words in a name, without those that say nothing."""
    return set(re.split(r"[^a-z0-9]+", text.lower())) - {"", "test", "src", "c", "h", "py", "cmd"}


def test_source(test: Test) -> Path | None:
    """The Python file of a test, from its command or else its name."""
    for word in test.command:
        file = Path(word.partition("::")[0])
        if file.suffix == ".py" and file.is_file() and file.name.startswith("test_"):
            return file
    name = re.sub(r"^[a-z]+_", "", test.name, count=1)
    if any(word.startswith(f"{WORK}/") and ".py" not in word for word in test.command):
        return None  # a compiled test
    return next(iter(sorted((TREE / "tests").glob(f"*/test_{name}.py"))), None)


def analysis_names() -> dict[Path, bool]:
    """Of each Python file under tests/ whether it comes to run analysis/.

    It does if it names that folder, or a script that does, or a helper beside it that does.
    """
    scripts = {
        file.name
        for pattern in ("*.sh", "*.md", "scripts/*", "slurm/*")
        for file in TREE.glob(pattern)
        if file.is_file() and "analysis/" in file.read_text(errors="replace")
    }
    names = {"analysis", *scripts} - {Path(__file__).name}
    texts = {file: file.read_text() for file in sorted((TREE / "tests").rglob("*.py"))}

    def mentions(text: str, names: set[str]) -> bool:
        return any(re.search(rf"(?<![\w-]){re.escape(name)}(?!\w)", text) for name in names)

    found = {file: mentions(text, names) for file, text in texts.items()}
    helpers = {file.stem for file, yes in found.items() if yes and "test" not in file.stem}
    imports = re.compile(rf"(?m)^\s*(?:from|import) .*\b(?:{'|'.join(sorted(helpers)) or '-'})\b")
    return {file: yes or bool(imports.search(texts[file])) for file, yes in found.items()}


@dataclass
class Chooser:
    """Which tests may see a line, and in which order they are run."""

    tests: list[Test]
    mapped: dict[str, Any]
    durations: dict[str, float]  # of tests that passed without a mutant
    runs_analysis: dict[Path, bool] = field(default_factory=analysis_names)

    def duration(self, name: str) -> float | None:
        """Seconds that a test takes, if that is known."""
        known = self.mapped["tests"].get(name)
        return self.durations.get(name, known["seconds"] if known else None)

    def mapped_names(self) -> set[str]:
        """The tests of which the map knows all: one that failed may have ended early."""
        return {name for name, of in self.mapped["tests"].items() if of["outcome"] == "passed"}

    def limit(self, name: str) -> float:
        """Seconds after which it is ended."""
        return max(LEAST_LIMIT, LIMIT_FACTOR * self.seconds(name))

    def seeing(self, path: str, line: int) -> set[str]:
        """Those that the map has for a line."""
        entries = self.mapped["lines"].get(path)
        if entries is None:  # the kernels have no counters
            return self.mapped_names()
        if str(line) not in entries:  # a table, or the rest of a statement
            return set(entries.get("all", []))
        return {*entries[str(line)], *entries.get("any", [])}

    def choose(self, patch: Patch, line: int) -> list[Test]:
        """The tests that may see a mutant, the most promising first."""
        if patch.is_python:
            tests = [test for test in self.tests if self.runs_analysis.get(test_source(test))]
            unknown: set[str] = set()
        else:
            seeing = self.seeing(patch.path, line)
            unknown = {test.name for test in self.tests} - self.mapped_names()
            tests = [test for test in self.tests if test.name in seeing | unknown]
        no_map = patch.is_python or patch.path not in self.mapped["lines"]
        words = words_of(patch.path)

        def order(test: Test) -> tuple[bool, bool, float, str]:
            apart = not words & words_of(test.name)
            if no_map or test.name in unknown:
                near = not apart or self.names(test, patch)
                return test.name in unknown, not near, self.seconds(test.name), test.name
            return False, False, self.seconds(test.name), test.name

        return sorted(tests, key=order)

    def names(self, test: Test, patch: Patch) -> bool:
        """Whether a test in Python names the mutated module."""
        source = test_source(test) if patch.is_python else None
        word = rf"\b{Path(patch.path).stem}\b"
        return source is not None and re.search(word, source.read_text()) is not None

    def seconds(self, name: str) -> float:
        """Its duration; if it is not known, a guess from the kind of test."""
        guess = {"unit": 1.0, "mpi": 20.0}.get(name.partition("_")[0], 60.0)
        known = self.duration(name)
        return guess if known is None else known


# --- Running mutants -----------------------------------------------------------------------------


@dataclass
class Runner:
    """Runs mutants in the copy of the tree."""

    chooser: Chooser
    digest: str  # of the tree without any mutant
    jobs: int
    baseline: dict[str, dict[str, Any]]  # how tests do without a mutant

    def build(self, target: str | None) -> bool:
        """Whether the tree as it is builds."""
        return call(build(RELEASE, self.jobs, target), WORK / "build.log")

    def ready(self, test: Test, is_python: bool) -> bool:
        """Builds what a test needs."""
        return is_python or self.build(test.target(RELEASE))

    def passes_alone(self, test: Test) -> bool:
        """Whether a test passes in the tree as it is, which has to be without a mutant."""
        known = self.baseline.get(test.name)
        if known is None:
            must(build(RELEASE, self.jobs, test.target(RELEASE)), WORK / "build.log")
            outcome, seconds = run_test(RELEASE, test.name, UNKNOWN_LIMIT)
            known = {"passes": outcome == "passed", "seconds": round(seconds, 2)}
            self.baseline[test.name] = known
            all_known = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
            all_known[self.digest] = self.baseline
            BASELINE.write_text(json.dumps(all_known, indent=1))
            if known["passes"]:
                self.chooser.durations[test.name] = seconds
        return bool(known["passes"])

    def first_failure(self, patch: Patch) -> dict[str, Any]:
        """The outcome for a mutant."""
        left_out: list[str] = []
        passed = 0
        tests: list[Test] | None = None
        while True:
            with applied(patch, TREE) as line:
                if not patch.is_python and not self.build("saddlesweep_core"):
                    return {"outcome": "does not build"}
                if tests is None:
                    tests = self.chooser.choose(patch, line)
                suspect, how, limit = None, "", 0.0
                while tests and suspect is None:
                    test = tests.pop(0)
                    known = self.baseline.get(test.name, {})
                    if not known.get("passes", True):
                        left_out.append(test.name)
                        continue
                    if not self.ready(test, patch.is_python):
                        return {"outcome": "does not build"}
                    limit = self.chooser.limit(test.name)
                    how, _ = run_test(RELEASE, test.name, limit)
                    passed += how == "passed"
                    suspect = test if how != "passed" else None
            if suspect is None:
                return {"outcome": "survived", "passed": passed, "left_out": left_out}
            if self.passes_alone(suspect):
                if how == "timed out" and self.chooser.limit(suspect.name) > limit:
                    tests.insert(0, suspect)  # it takes longer than was known
                    continue
                outcome = {"outcome": "killed", "test": suspect.name, "how": how}
                return {**outcome, "passed": passed, "left_out": left_out}
            say(f"  {suspect.name} fails without a mutant, too, and does not count")
            left_out.append(suspect.name)


def describe(result: dict[str, Any]) -> str:
    """An outcome in words."""
    text = str(result["outcome"])
    if text == "killed":
        text += f" by {result['test']}" + (" (timed out)" if result["how"] == "timed out" else "")
    elif text == "survived":
        text += f" (tests: {result['passed']})" if result["passed"] else ": no test sees it"
    return text


def read_results() -> list[dict[str, Any]]:
    """All results so far, the oldest first."""
    if not RESULTS.exists():
        return []
    return [json.loads(row) for row in RESULTS.read_text().splitlines() if row]


def command_run(options: argparse.Namespace) -> int:
    """Runs mutants, and notes who killed them."""
    commit = git("describe", "--always", "--abbrev=12", "--dirty=-modified", "--exclude=*")
    commit = commit.decode().strip() if options.tree in ("HEAD", "working") else options.tree
    label = options.label or commit
    done = {row["name"] for row in read_results() if row["label"] == label}
    patches = [
        patch
        for patch in read_patches(options.names)
        if not (options.resume and patch.name in done)
    ]
    with locked():
        digest = synchronise(options.tree)
        say("building without a mutant")
        must(["cmake", "--preset", "release", *launcher()], WORK / "configure.log", TREE)
        tests = list_tests(RELEASE, options.tests, options.exclude)
        build_for(tests, RELEASE, options.jobs)
        known = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        baseline = known.get(digest, {})
        durations = {name: of["seconds"] for name, of in baseline.items() if of["passes"]}
        mapped = merge_map() if MAPPED.exists() else {"tests": {}, "lines": {}}
        runner = Runner(Chooser(tests, mapped, durations), digest, options.jobs, baseline)
        survived = 0
        for number, patch in enumerate(patches, 1):
            start = time.monotonic()
            try:
                result = runner.first_failure(patch)
            except Problem as problem:
                say(f"{number}/{len(patches)} {problem}")
                continue
            row = {"name": patch.name, "label": label, **result, "commit": commit}
            row["seconds"] = round(time.monotonic() - start, 1)
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            survived += row["outcome"] == "survived"
            say(f"{number}/{len(patches)} {patch.name}: {describe(row)}, {row['seconds']} s")
    say(f"{survived} of {len(patches)} mutants survived (label {label})")
    return 0


# --- The table -----------------------------------------------------------------------------------


def killer(row: dict[str, Any] | None) -> str:
    """Who killed a mutant, as a cell of the table."""
    if row is None:
        return "not run"
    if row["outcome"] == "killed":
        return f"`{row['test']}`" + (" (timed out)" if row["how"] == "timed out" else "")
    if row["outcome"] == "does not build":
        return "the compiler"
    return "**survived**" if row["passed"] else "**survived**: not reached"


def code_cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return text.replace("|", "\\|")


def command_table(options: argparse.Namespace) -> int:
    """Prints the results as Markdown."""
    rows = read_results()
    labels = [label for label in (options.before, options.after) if label]
    titles = ["Killed by"]
    if len(labels) == 2:
        titles = [f"Killed by, {label}" for label in labels]
    of_label = [
        {row["name"]: row for row in rows if row["label"] == label} for label in labels
    ] or [{row["name"]: row for row in rows}]
    patches = read_patches([])
    say("| Mutant | What it changes | " + " | ".join(titles) + " |")
    say("| --- | --- |" + " --- |" * len(titles))
    for patch in patches:
        cells = [killer(of.get(patch.name)) for of in of_label]
        say(f"| {patch.name} | {code_cell(patch.about)} | " + " | ".join(cells) + " |")
    say("")
    say("| Folder | Mutants | " + " | ".join(title.replace(" by", "") for title in titles) + " |")
    say("| --- | ---: |" + " ---: |" * len(titles))
    folders = sorted({patch.folder for patch in patches})
    for folder in [*folders, "all"]:
        names = [patch.name for patch in patches if folder in ("all", patch.folder)]
        cells = []
        for of in of_label:
            ran = [of[name]["outcome"] for name in names if name in of]
            killed = len(ran) - ran.count("survived")
            some = f"{killed} of {len(ran)} run" if ran else "not run"
            cells.append(f"{killed}" if len(ran) == len(names) else some)
        say(f"| {folder} | {len(names)} | " + " | ".join(cells) + " |")
    return 0


# --- The command line ----------------------------------------------------------------------------


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, function: Callable[[argparse.Namespace], int], text: str) -> Any:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command

    make = add("make", command_make, "Propose mutants, spread over all files and operators.")
    make.add_argument("--count", type=int, default=200, metavar="N", help="how many (%(default)s)")
    make.add_argument("--seed", type=int, default=1, metavar="S", help="which ones (%(default)s)")
    make.add_argument(
        "--output",
        type=Path,
        default=PATCHES,
        metavar="FOLDER",
        help="where they go (tests/mutants); what is there stays as it is",
    )
    check = add("check", command_check, "Say whether every patch still applies to the tree.")
    check.add_argument("names", nargs="*", metavar="NAME", help="these mutants in place of all")
    check.add_argument(
        "--compile", action="store_true", help="compile each as well, and find those without effect"
    )
    mapper = add("map", command_map, "Find out which tests see which line; takes long.")
    mapper.add_argument("--fresh", action="store_true", help="also tests that are mapped already")
    run = add("run", command_run, "Run the tests with each mutant, and note who kills it.")
    run.add_argument("names", nargs="*", metavar="NAME", help="these mutants in place of all")
    run.add_argument("--resume", action="store_true", help="skip those with a result of this label")
    run.add_argument("--label", metavar="TEXT", help="a name for these results (the commit)")
    for command in (mapper, run):
        command.add_argument("--tests", metavar="REGEX", help="these tests only")
        command.add_argument("--exclude", metavar="REGEX", help="not these tests")
        command.add_argument(
            "--tree",
            default="HEAD",
            metavar="COMMIT",
            help="which tree: a commit (%(default)s), or the word `working`",
        )
        command.add_argument("--jobs", type=int, default=1, metavar="N", help="for builds (1)")
    table = add("table", command_table, "Print the results as a Markdown table.")
    table.add_argument("--before", metavar="LABEL", help="the results before a change")
    table.add_argument("--after", metavar="LABEL", help="the results after it")
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
    except Problem as problem:
        print(problem, file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
