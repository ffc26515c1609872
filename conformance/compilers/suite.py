"""Each compiler builds its program plainly and through asmrewrite; then the two are compared in all that they are.

A case passes when both programs print the same, `asmrewrite check` and `asmrewrite check --original` have nothing
but PASS to say of every object, and of the program, and every branch that is still indirect in the rewritten objects
is one that the statistics list as left alone.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from conformance import realprograms
from conformance.branches import checked, proven, read_statistics
from conformance.command import CommandError, must, run
from conformance.compilers import lto
from conformance.compilers.build import Build, Compiler, script
from conformance.compilers.reached import left_indirect
from conformance.compilers.table import COMPILERS
from conformance.programs import PROGRAMS
from conformance.realprograms import Case, Mode, Tool
from conformance.sources import REPOSITORY, cache_directory
from conformance.table import Row

SUMMARY = "one tool for every compiler that prints gas syntax, and for link-time optimisation"

_PIE = Mode("pie", "-fPIE", "-pie")
_CLANG = (_PIE, Mode("intel", "-masm=intel", "-pie"), Mode("thunks", "-mretpoline", "-pie"))
#: Compilers that build lua, zlib and sqlite3 as well, and how.
REAL = {"clang-14": _CLANG, "clang-19": _CLANG, "gcc-11": _CLANG[:2]}


def main(arguments: argparse.Namespace) -> list[Row]:
    """Run over all compilers; a row for each, and for link-time optimisation."""
    command = realprograms.find_tool().command
    if command is None:
        raise CommandError("asmrewrite: not found")
    asmrewrite, work = Path(command), REPOSITORY / "build" / "compilers"
    _install({c.package for c in COMPILERS if c.path is None})
    rows: dict[str, Row] = {}
    for compiler in COMPILERS:
        for flags in compiler.flags:
            name = " ".join((compiler.command, *compiler.sources, flags))
            case = partial(compare, compiler, tuple(flags.split()), asmrewrite, work)
            _count(rows, compiler.command, _say(name, case))
    for compiler_name, modes in REAL.items():
        for program in PROGRAMS:
            source = program.prepare(cache_directory())
            for mode in modes:
                _count(rows, compiler_name, _real(compiler_name, Case(program, "-O2", mode), asmrewrite, source, work))
    for title, linked in lto.cases(asmrewrite, work):
        _count(rows, "-flto", _say(title, linked))
    return list(rows.values())


def _install(packages: set[str]) -> None:
    """Install compilers that are missing, where that is allowed; their cases fail elsewhere, and say of what."""
    if packages and os.geteuid() == 0:
        must(["apt-get", "install", "--yes", "--no-install-recommends", *sorted(packages)])


def _count(rows: dict[str, Row], name: str, passed: bool) -> None:
    row = rows.get(name, Row(name, 0, 0))
    rows[name] = Row(name, row.cases + 1, row.passed + passed)


def _say(name: str, case: Callable[[], str]) -> bool:
    """Run `case` and print its line; whether it passed."""
    try:
        counts, problem = case(), ""
    except (CommandError, ValueError) as error:
        counts, problem = "", str(error)
    print(f"{name}: {'FAIL' if problem else 'PASS'}  {counts}")
    if problem:
        print("    " + problem.replace("\n", "\n    "))
    sys.stdout.flush()
    return not problem


def compare(compiler: Compiler, flags: tuple[str, ...], asmrewrite: Path, work: Path) -> str:
    """Build twice and compare; the counts in words."""
    if compiler.path is None:
        raise CommandError(f"{compiler.command} is not installed: apt-get install {compiler.package}")
    shutil.rmtree(work, ignore_errors=True)
    statistics = work / "statistics.json"
    before, plain = compiler.build(Build(None, flags, _folder(work / "plain"), {}))
    environment = {"ASMREWRITE_FLAGS": f"stats={statistics}"}
    after, rewritten = compiler.build(Build(asmrewrite, flags, _folder(work / "rewritten"), environment))
    same_output(plain, rewritten)
    tool_name = str(asmrewrite)
    sites = checked(tool_name, after)
    checked(tool_name, [rewritten])
    proven(tool_name, list(zip(before, after, strict=True)))
    found = read_statistics(statistics)
    left = left_indirect(after)
    if len(left) != found.skipped.total():
        raise CommandError("\n".join([f"{found.skipped.total()} left alone ({found.reasons}), but found:", *left]))
    if not sites:
        raise CommandError("no site was made")
    return f"{sites} sites, {len(left)} left alone{f' ({found.reasons})' if left else ''}"


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def same_output(plain: Path, rewritten: Path) -> None:
    """Run both programs: the same status and output, and no complaint of the program's own."""
    expected, actual = (run([str(program)], cwd=program.parent, timeout=300) for program in (plain, rewritten))
    if expected.status or b"FAILED" in expected.stdout or not expected.stdout:
        raise CommandError(f"the plain program fails: {expected.status} {expected.stderr[-300:]!r}")
    if actual != expected:
        raise CommandError(f"the programs differ: {actual.status} {actual.stdout[-300:]!r} {actual.stderr[-300:]!r}")


def _real(compiler: str, case: Case, asmrewrite: Path, source: Path, work: Path) -> bool:
    """A real program, as the suite `programs` builds it, by another compiler."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    ours = script(work / "rewritten-bin" / compiler, asmrewrite, "cc", compiler)
    # Both by the same assembler: clang's own lays sections out in another way.
    plain = script(work / "bin" / compiler, compiler, *(["-fno-integrated-as"] if "clang" in compiler else []))
    tool = Tool(str(ours), str(asmrewrite), str(plain))
    return not realprograms.run_case(case, tool, source, work / "programs", keep=False).problems
