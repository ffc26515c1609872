"""The suite: gcc's own torture programs, compiled with gcc and with asmrewrite-gcc, and gcc's word on every branch.

gcc.c-torture/execute out of Debian's gcc-12-source: each program calls abort or exit(0). `conformance.differential`
says what is compared. -m32 is code that asmrewrite must leave alone; -mforce-indirect-call makes every call
indirect, so that all of a program runs through sites.
"""

import argparse

from conformance import differential, oracle
from conformance.command import CommandError, run
from conformance.dejagnu import asked
from conformance.differential import Case
from conformance.sources import cache_directory, fetch_archive, install
from conformance.table import Row

SUMMARY = "gcc's torture programs do the same with and without asmrewrite, and its RTL lists the branches that we do"

#: The package, the archive in it, and what is taken of that; the suite `g++` shares it.
TESTS = (
    "gcc-12-source",
    "usr/src/gcc-12/gcc-12.*.tar.xz",
    tuple(f"*/gcc/testsuite/{folder}/*" for folder in ("gcc.c-torture/execute", "g++.dg/eh", "g++.dg/torture")),
)
LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os", "-O2 -fPIC", "-O2 -g", "-O2 -mforce-indirect-call", "-O2 -m32")

#: File -> why it does something else.
EXPLAINED: dict[str, str] = {}


def main(arguments: argparse.Namespace) -> list[Row]:
    """Run the programs at the selected levels; a row for each level."""
    prepare()
    levels = [level for level in LEVELS if not arguments.level or level in arguments.level]
    root = fetch_archive(*TESTS, cache_directory()) / "gcc" / "testsuite" / "gcc.c-torture" / "execute"
    sources = differential.some(sorted(root.glob("*.c")), arguments.limit)
    options = {source: asked(source.read_text("latin-1"), "run").options for source in sources}
    rows = []
    for level in levels:
        cases = [Case(source, "gcc", (*level.split(), *options[source]), True) for source in sources]
        rows.append(differential.run_level(f"torture {level}", cases, EXPLAINED))
    for name, cause in EXPLAINED.items():
        print(f"    {name}: {cause}")
    return rows


def prepare() -> None:
    """Install what the plugin, C++ and 32-bit programs need."""
    absent = oracle.missing().split()
    if run(["gcc", "-m32", "-x", "c", "/dev/null", "-shared", "-o", "/dev/null"]).status:
        absent.append("gcc-multilib")
    install(absent)
    if oracle.missing():
        raise CommandError(f"the plugin cannot be built: {oracle.missing()}")
