"""The suite: build each program with gcc and with asmrewrite-gcc, and compare all they do.

For each program, level and code model the two builds differ in the compiler's name alone. A case
passes when every check's output is the same byte for byte, ``asmrewrite check`` has nothing but
PASS to say, ``asmrewrite check --original`` proves each object,
and the count of indirect branches agrees (see `conformance.branches`).
"""

import argparse
import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.branches import checked, disassembled, proven, read_statistics, recorded_sites, thunk_calls
from conformance.command import CommandError
from conformance.programs import PROGRAMS, Build, Check, Program
from conformance.sources import REPOSITORY, cache_directory
from conformance.table import Row

SUMMARY = "build real programs with and without asmrewrite and compare them"

LEVELS = ("-O0", "-O2", "-O3", "-O2 -g")


@dataclass(frozen=True)
class Mode:
    """A code model: what to compile and to link with."""

    name: str
    compile: str
    link: str


MODES = (Mode("pie", "-fPIE", "-pie"), Mode("no-pie", "-fno-pie", "-no-pie"))


@dataclass(frozen=True)
class Case:
    """One row of the suite."""

    program: Program
    level: str
    mode: Mode

    def build(self, cc: str, directory: Path, source: Path, environment: dict[str, str]) -> Build:
        """Build the program into a new directory."""
        directory.mkdir(parents=True)
        build = Build(cc, self.level, self.mode.compile, self.mode.link, directory, source, environment)
        self.program.build(build)
        return build


@dataclass(frozen=True)
class Outcome:
    """How a case went."""

    #: What is counted in the summary line.
    counts: tuple[str, ...]
    #: Empty when the case passed.
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Tool:
    """The compiler under test and the command that reads its objects."""

    cc: str
    #: None in a control run: the compiler is gcc again, and there is nothing to read.
    command: str | None
    #: The compiler that it is compared with.
    plain: str = "gcc"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``python -m conformance programs``."""
    parser.add_argument("--only", action="append", choices=[p.name for p in PROGRAMS], help="this program (repeatable)")
    parser.add_argument("--level", action="append", metavar="FLAGS", help="this level (repeatable)")
    parser.add_argument("--keep", action="store_true", help="keep the build trees")
    parser.add_argument(
        "--control",
        action="store_true",
        help="build with gcc on both sides: shows that the programs themselves are deterministic",
    )


def main(arguments: argparse.Namespace) -> list[Row]:
    """Run the selected cases; a row for each program. `CommandError` when the suite cannot be run."""
    tool = Tool("gcc", None) if arguments.control else find_tool()
    programs = [p for p in PROGRAMS if not arguments.only or p.name in arguments.only]
    levels = [level for level in LEVELS if not arguments.level or level in arguments.level]
    sources = {p.name: p.prepare(cache_directory()) for p in programs}
    work = REPOSITORY / "build" / "programs"
    table: list[Row] = []
    for program in programs:
        outcomes = [
            run_case(Case(program, level, mode), tool, sources[program.name], work, keep=arguments.keep)
            for level in levels
            for mode in MODES
        ]
        table.append(Row(program.name, len(outcomes), sum(not outcome.problems for outcome in outcomes)))
    return table


def find_tool() -> Tool:
    """The compiler of $ASMREWRITE_CC, else the one installed with this Python, else that of $PATH."""
    beside = Path(sys.executable).parent
    name = os.environ.get("ASMREWRITE_CC")
    cc = shutil.which(name) if name else shutil.which("asmrewrite-gcc", path=beside) or shutil.which("asmrewrite-gcc")
    if cc is None:
        raise CommandError(f"{name or 'asmrewrite-gcc'}: not found; install asmrewrite or set $ASMREWRITE_CC")
    # The reader must be of the same installation as the compiler.
    command = shutil.which("asmrewrite", path=Path(cc).parent)
    if command is None:
        raise CommandError(f"asmrewrite: not found beside {cc}; the objects cannot be checked")
    # Absolute, as the builds run in directories of their own.
    return Tool(shlex.quote(str(Path(cc).absolute())), str(Path(command).absolute()))


def run_case(case: Case, tool: Tool, source: Path, work: Path, *, keep: bool) -> Outcome:
    """Run one case and print its line, then its problems."""
    # The process in the name: two runs at once must not build in one directory.
    directory = work / f"{case.program.name}{case.level.replace(' ', '')}-{case.mode.name}.{os.getpid()}"
    started = time.monotonic()
    try:
        outcome = _compare(case, tool, source, directory)
    except CommandError as error:
        outcome = Outcome((), (str(error),))
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    verdict = "FAIL" if outcome.problems else "PASS"
    counts = ", ".join([*outcome.counts, f"{time.monotonic() - started:.0f} s"])
    print(f"{case.program.name:<10} {case.level} {case.mode.name:<7} {verdict}  {counts}")
    for problem in outcome.problems:
        print("    " + problem.replace("\n", "\n    "))
    sys.stdout.flush()
    return outcome


def _compare(case: Case, tool: Tool, source: Path, directory: Path) -> Outcome:
    """Build twice, run all checks on both, and count."""
    plain = case.build(tool.plain, directory / "plain", source, {})
    statistics = directory / "statistics.json"
    environment = {"ASMREWRITE_FLAGS": f"stats={statistics}"} if tool.command else {}
    rewritten = case.build(tool.cc, directory / "rewritten", source, environment)
    equal, problems = _outputs(case.program.checks, plain.directory, rewritten.directory)
    before, after = plain.objects(), rewritten.objects()
    if [p.relative_to(plain.directory) for p in before] != [p.relative_to(rewritten.directory) for p in after]:
        problems.append(f"the builds made different objects: {len(before)} and {len(after)}")
    counts = [f"{equal} outputs equal"]
    indirect = disassembled(before)
    if tool.command is None:
        again = disassembled(after)
        counts += [f"{len(before)} objects", f"{indirect.calls} calls and {indirect.jumps} jumps indirect", "control"]
        if again != indirect:
            problems.append(f"objdump counts {indirect} in one build and {again} in the other")
        return Outcome(tuple(counts), tuple(problems))
    found = read_statistics(statistics)
    skipped = found.skipped.total()
    counts += [f"{found.relpolines} sites", f"{skipped} skipped" + (f" ({found.reasons})" if skipped else "")]
    thunks = thunk_calls(before)
    if indirect.total + thunks != found.relpolines + skipped:
        problems.append(
            f"objdump counts {indirect.calls} indirect calls and {indirect.jumps} jumps, {thunks} through thunks,"
            f" the statistics {found.relpolines} sites + {skipped} skipped = {found.relpolines + skipped}"
        )
    if found.files != len(before):
        problems.append(f"{found.files} files in the statistics, {len(before)} objects")
    try:
        recorded = recorded_sites(tool.command, after)
        if recorded != found.relpolines:
            problems.append(f"asmrewrite sites lists {recorded} relpoline sites, the statistics {found.relpolines}")
        counts.append(f"{checked(tool.command, after)} checked")
        counts.append(f"{proven(tool.command, list(zip(before, after, strict=True)))} objects proven")
    except (CommandError, ValueError) as error:
        problems.append(str(error))
    return Outcome(tuple(counts), tuple(problems))


def _outputs(checks: Sequence[Check], plain: Path, rewritten: Path) -> tuple[int, list[str]]:
    """Run the checks on both builds: the number of equal outputs, and the problems."""
    equal, problems = 0, []
    for check in checks:
        try:
            expected, actual = check.output(plain), check.output(rewritten)
        except CommandError as error:
            problems.append(f"{check.name}: {error}")
            continue
        if expected == actual:
            equal += 1
        else:
            problems.append(f"{check.name}: {_difference(expected, actual)}")
    return equal, problems


def _difference(expected: bytes, actual: bytes) -> str:
    """The first line that differs, of both outputs."""
    for number, (left, right) in enumerate(zip(expected.splitlines(), actual.splitlines(), strict=False), 1):
        if left != right:
            return f"line {number} differs\nplain:     {left[:200]!r}\nrewritten: {right[:200]!r}"
    return f"{len(expected)} bytes of output from the plain build, {len(actual)} from the rewritten one"
