"""The suite: binutils' own gas tests, read and rewritten by us and assembled by gas.

For every ``.s`` of gas/testsuite/gas/{i386,all,elf}: the listing round-trips byte for byte. For those that
``as --64`` takes also soundness: put a nop in place of every indirect branch that we say we saw, assemble again,
and no indirect branch may be left in the disassembly, but for causes listed here by file.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from asmrewrite import Branch, branches, parse, survey
from conformance.branches import indirect_in
from conformance.command import run
from conformance.sources import REPOSITORY, cache_directory, fetch_archive
from conformance.table import Row

SUMMARY = "binutils' gas tests: round trips, and no indirect branch that we do not see"

#: The package, the archive in it, and what is taken of that.
TESTS = ("binutils-source", "usr/src/binutils/binutils-*.tar.xz", ("*/gas/testsuite/gas/*",))
FOLDERS = ("i386", "all", "elf")

#: File -> why an indirect branch is left in it.
EXPLAINED = {
    "i386/disp-imm-16.s": "16-bit code, decoded as 64-bit",
    "i386/jump16.s": "16-bit code, decoded as 64-bit",
    "i386/mpx-16bit.s": "16-bit code out of an included file",
    "i386/noreg-intel64.s": "macro arguments out of an included file",
    "i386/x86-64-notrack.s": "branches written as .byte",
    "i386/x86-64-stack.s": "branches written as .byte",
}


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Run over all files; explained are those with a rest."""
    root = fetch_archive(*TESTS, cache_directory()) / "gas" / "testsuite" / "gas"
    work = REPOSITORY / "build" / "gas"
    work.mkdir(parents=True, exist_ok=True)
    cases = taken = explained = 0
    problems: list[str] = []
    for path in (path for folder in FOLDERS for path in sorted((root / folder).glob("*.s"))):
        name = f"{path.parent.name}/{path.name}"
        cases += 1
        text = path.read_bytes().decode("latin-1")
        if str(parse(text)) != text:
            problems.append(f"{name}: does not round-trip")
        if not _assemble(text, path.parent, work / "a.o"):
            continue
        taken += 1
        left = _left(text, path.parent, work / "b.o")
        if left and name in EXPLAINED:
            explained += 1
        elif left:
            problems.append(f"{name}: {left[0]}")
    for problem in problems:
        print(f"    {problem}")
    print(f"gas: {cases} listings round-trip, {taken} assembled, {explained} explained, {len(problems)} failed")
    for name, cause in EXPLAINED.items():
        print(f"    {name}: {cause}")
    sys.stdout.flush()
    return [Row("gas", cases, cases - len(problems), explained)]


def _left(text: str, folder: Path, target: Path) -> list[str]:
    """The indirect branches that stay when all that we see are gone; or that gas no longer takes the text."""
    if not _assemble(_neutral(text), folder, target):
        return ["gas no longer takes it"]
    return indirect_in(target)


def _neutral(text: str) -> str:
    """`text` with a nop in place of every indirect branch."""
    pieces: list[str] = []
    position = 0
    for branch in _seen(text):
        if branch.start >= position:
            lost = text.count("\n", branch.start, branch.end)
            pieces += [text[position : branch.start], "nop", "\n" * lost]
            position = branch.end
    return "".join([*pieces, text[position:]])


def _seen(text: str) -> Iterator[Branch]:
    return (branch for branch in branches(survey(parse(text))) if branch.indirect)


def _assemble(text: str, folder: Path, target: Path) -> bool:
    source = target.with_suffix(".s")
    source.write_bytes(text.encode("latin-1"))
    return run(["as", "--64", f"-I{folder}", "-o", str(target), str(source)], cwd=folder).status == 0
