"""The suite: what analysis/effects.py says of every instruction of real programs, beside what a decoder says.

lua, zlib and sqlite3, as each compiler at hand prints them, at each level and in both syntaxes.
"""

import argparse
import shutil
from pathlib import Path

from conformance.command import CommandError, run
from conformance.decoded import Written, report, tally, written
from conformance.listings import sources
from conformance.programs import lua
from conformance.sources import REPOSITORY
from conformance.table import Row

SUMMARY = "what instructions of real programs read and write, beside a decoder"

COMPILERS = ("gcc", "gcc-11", "clang-14", "clang-19")
FLAGS = (
    ("-O0",), ("-O2",), ("-O3", "-march=x86-64-v3"), ("-Os", "-fPIC"), ("-O3", "-march=x86-64-v4", "-ffast-math"),
    ("-O2", "-masm=intel"), ("-Og", "-fcf-protection"),
)  # fmt: skip


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Run over all files with all compilers that are there."""
    work = REPOSITORY / "build" / "effects"
    work.mkdir(parents=True, exist_ok=True)
    lua.write_header(work)
    rows = []
    for compiler in filter(shutil.which, COMPILERS):
        seen: dict[Written, None] = {}
        for source in sources():
            for flags in FLAGS:
                seen.update(dict.fromkeys(written(_listing(compiler, flags, source, work))))
        rows.append(report(f"effects {compiler}", tally(seen)))
    cases, passed = sum(row.cases for row in rows), sum(row.passed for row in rows)
    return [Row("effects", cases, passed)]


def _listing(compiler: str, flags: tuple[str, ...], source: Path, work: Path) -> str:
    target = work / "x.s"
    # clang-19 takes zlib's use of lseek() for an error.
    words = [compiler, "-w", "-Wno-error=implicit-function-declaration", f"-I{source.parent}", f"-I{work}"]
    ran = run([*words, *flags, "-S", str(source), "-o", str(target)])
    if ran.status:
        raise CommandError(f"{source}: {ran.stderr.decode(errors='replace')[-500:]}")
    return target.read_bytes().decode("latin-1")
