"""The suite: what gcc prints for real programs round-trips, and a rewritten listing is left as it is.

Where there is debug information, the rewritten object is proven to be the original, debug information included.

Every C file of lua, zlib and sqlite3's amalgamation, as gcc prints it at each level, with -dp and without.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from asmrewrite import Rewritten, assemble, parse, rewrite, validate_bytes
from conformance.command import CommandError, run
from conformance.programs import lua, sqlite, zlib
from conformance.sources import REPOSITORY, cache_directory
from conformance.table import Row

SUMMARY = "gcc's listings of real programs: round trips, and rewriting twice is rewriting once"

FLAGS = (("-O0",), ("-O2", "-dp"), ("-O3", "-g"), ("-O2", "-masm=intel", "-fno-plt", "-fPIC"), ("-O2", "-g", "-dp"))


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Run over all files."""
    work = REPOSITORY / "build" / "listings"
    work.mkdir(parents=True, exist_ok=True)
    lua.write_header(work)
    cases = lines = sites = proven = 0
    problems: list[str] = []
    for source in sources():
        for flags in FLAGS:
            target = work / "x.s"
            ran = run(["gcc", "-w", *flags, f"-I{source.parent}", f"-I{work}", "-S", str(source), "-o", str(target)])
            if ran.status:
                raise CommandError(f"{source}: {ran.stderr.decode(errors='replace')[-500:]}")
            text = target.read_bytes().decode("latin-1")
            cases += 1
            lines += text.count("\n")
            result = rewrite(text)
            sites += len(result.sites)
            if str(parse(text)) != text:
                problems.append(f"{source.name} {' '.join(flags)}: does not round-trip")
            elif rewrite(result.text).changed:
                problems.append(f"{source.name} {' '.join(flags)}: changes when rewritten again")
            elif "-g" in flags and result.changed:
                proven += 1
                problems += [f"{source.name} {' '.join(flags)}: {problem}" for problem in _objections(result)]
    for problem in problems:
        print(f"    {problem}")
    failed = len({problem.partition(":")[0] for problem in problems})
    print(
        f"listings: {cases} listings, {lines} lines, {sites} sites, {proven} objects with debug information proven;"
        f" {failed} failed"
    )
    sys.stdout.flush()
    return [Row("listings", cases, cases - failed)]


def _objections(result: Rewritten) -> list[str]:
    """What translation validation objects to in the object of a rewritten listing."""
    original, new = assemble(result.original), assemble(result.text)
    if original.status or new.status:
        raise CommandError(f"{result.file}: {(original.messages or new.messages).decode(errors='replace')[-500:]}")
    return [str(v) for v in validate_bytes(original.content, new.content, "x.o").sections if v.reason]


def sources() -> Iterator[Path]:
    """The C files."""
    cache = cache_directory()
    yield from sorted((lua.prepare(cache) / "src").glob("*.c"))
    yield from sorted(zlib.prepare(cache).glob("*.c"))
    yield sqlite.prepare(cache) / "sqlite3.c"
