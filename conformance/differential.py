"""One program, compiled with gcc and with asmrewrite-gcc: they do the same, and gcc agrees with our analysis.

Both are given the same words; asmrewrite-gcc is run as what it becomes, the command that its own `plan` makes of
them, which saves a start of Python for each program. What is compared, cheapest first:

- the plugin's list of indirect branches with ours, on gcc's listing without its -dp notes and with them;
- the objects: where they are the same bytes so are the programs, and no run could tell them apart;
- else exit status, standard output and standard error, at slow=retpoline and at slow=plain. With check=full
  asmrewrite writes no object that it cannot prove to be gcc's but for the sites.

A program that gcc does not compile is not applicable, nor one to be run that fails or hangs when gcc compiled it.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from asmrewrite.toolchain.asdir import as_dir
from asmrewrite.toolchain.driver import plan
from conformance import oracle
from conformance.command import CommandError, Ran, run
from conformance.sources import REPOSITORY
from conformance.table import Row

_T = TypeVar("_T")

#: Seconds that a program, and a compiler, may take.
RUN_TIMEOUT, COMPILE_TIMEOUT = 30.0, 300.0
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Case:
    """A program at one level."""

    source: Path
    compiler: str
    #: The level's and then the program's own options.
    flags: tuple[str, ...]
    #: Whether there is a program to run; else an object to compare.
    runs: bool
    #: The slow paths; the first is the default one.
    slow: tuple[str, ...] = ("retpoline", "plain")

    @property
    def foreign(self) -> bool:
        """Whether it is code that asmrewrite must leave alone, and the plugin does not know."""
        return "-m32" in self.flags


@dataclass
class Result:
    """How a case went."""

    name: str
    applicable: bool = True
    problems: list[str] = field(default_factory=list)
    #: branches, unproven, sites: what there was to compare; objects that are the same, or proven; runs compared.
    counts: Counter[str] = field(default_factory=Counter)


def compare(case: Case) -> Result:
    """Run one case, in a folder of its own."""
    result = Result(case.source.name)
    with TemporaryDirectory(prefix="asmrewrite-", dir=_work()) as folder:
        try:
            _compare(case, Path(folder), result)
        except CommandError as error:
            result.problems.append(str(error))
    return result


def _compare(case: Case, folder: Path, result: Result) -> None:
    plain = _Build(case, folder / "plain")
    if plain.compile() is not None:
        result.applicable = False
        return
    for slow in case.slow:
        build = _Build(case, folder / f"_{slow[:4]}", f"slow={slow} check=full")
        refused = build.compile()
        if refused is not None:
            result.problems.append(f"slow={slow}: {refused}")
            continue
        if slow == case.slow[0] and not case.foreign:
            _hold_against(plain, build, result)
        if build.object.read_bytes() == plain.object.read_bytes():
            result.counts["same objects"] += 1
            return  # one and the same program, whatever the slow path
        result.counts["proven objects"] += 1
        if case.foreign:
            result.problems.append("the object is another than gcc's")
        if not case.runs:
            continue
        if not plain.works():
            result.applicable = bool(result.problems)
            return
        result.counts["runs"] += 1
        if (ran := build.run()) != plain.ran:
            result.problems.append(f"slow={slow}: {_shown(plain.ran)} became {_shown(ran)}")


def _hold_against(plain: "_Build", build: "_Build", result: Result) -> None:
    """The plugin's list and ours, of gcc's listing and of the one that asmrewrite was given."""
    for made, words in ((plain, "without notes"), (build, "with notes")):
        found = oracle.compare(made.listing.read_bytes().decode("latin-1"), made.printed)
        result.problems += [f"{words}: {problem}" for problem in found.problems]
        result.counts[f"unproven {words}"] += found.unproven
    result.counts["branches"] += len(build.printed)
    result.counts["sites"] += found.sites


class _Build:
    """gcc's work on a case, or asmrewrite-gcc's with the options `flags`.

    The folders' names are of one length: programs print stack addresses.
    """

    def __init__(self, case: Case, folder: Path, flags: str = "") -> None:
        folder.mkdir()
        self.case, self.folder, self.flags = case, folder, flags
        self.object, self.listing = folder / "x.o", folder / "x.s"
        self.printed: list[oracle.Printed] = []
        self.ran: Ran | None = None

    def compile(self) -> str | None:
        """Make object and listing; what the compiler said when it made none."""
        # All builds are made in one folder and write one list: debug information has both names in it.
        printed = self.folder.parent / "list"
        plugin = () if self.case.foreign else oracle.flags(printed)
        words = [self.case.compiler, "-w", *self.case.flags, *plugin, "-save-temps=obj", "-c", str(self.case.source)]
        words += ["-o", str(self.object)]
        environment = ENVIRONMENT
        if self.flags:
            planned = plan(words, as_dir())
            words = list(planned.argv)
            environment = {**ENVIRONMENT, **planned.environment, "ASMREWRITE_FLAGS": self.flags}
        try:
            made = run(words, cwd=printed.parent, env=environment, timeout=COMPILE_TIMEOUT)
        except CommandError as error:
            return str(error)
        if made.status:
            return made.stderr.decode(errors="replace").strip()[-500:]
        self.printed = oracle.read(printed) if plugin else []
        return None

    def run(self) -> Ran | None:
        """Link and run; None when it does not link, or hangs. Addresses are not randomised."""
        link = [self.case.compiler, *self.case.flags, "x.o", "-o", "x", "-lm"]
        try:
            if run(link, cwd=self.folder, env=ENVIRONMENT, timeout=COMPILE_TIMEOUT).status:
                return None
            return run(["setarch", "-R", "./x"], cwd=self.folder, env=ENVIRONMENT, timeout=RUN_TIMEOUT)
        except CommandError:
            return None

    def works(self) -> bool:
        """Whether the program runs to a good end."""
        self.ran = self.ran or self.run()
        return self.ran is not None and self.ran.status == 0


def _shown(ran: Ran | None) -> str:
    return repr(ran)[:300] if ran else "no end"


def _work() -> Path:
    work = REPOSITORY / "build" / "differential"
    work.mkdir(parents=True, exist_ok=True)
    return work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The option of the suites that compare programs."""
    parser.add_argument("--limit", type=int, default=0, help="only so many programs a level, spread over all")


def run_level(name: str, cases: Sequence[Case], explained: dict[str, str]) -> Row:
    """Run the cases of one level, two at a time; print what went wrong and a line of counts.

    `explained` gives, by the file's name, why a difference is none of ours.
    """
    oracle.plugin()
    counts: Counter[str] = Counter()
    total = failed = known = 0
    with Pool(2) as pool:
        for result in pool.imap(compare, cases, chunksize=4):
            counts.update(result.counts)
            counts["not applicable"] += not result.applicable
            total += result.applicable
            if result.problems and result.name in explained:
                known += 1
            elif result.problems:
                failed += 1
                print(f"    {result.name}: " + "\n        ".join(result.problems), flush=True)
    numbers = ", ".join(f"{counts[what]} {what}" for what in sorted(counts) if counts[what])
    print(f"{name}: {total} programs, {failed} failed, {known} explained; {numbers}", flush=True)
    return Row(name, total, total - failed, known)


def some(things: Sequence[_T], limit: int) -> list[_T]:
    """`limit` of `things`, spread evenly; all with 0."""
    return [things[i * len(things) // limit] for i in range(limit)] if 0 < limit < len(things) else list(things)
