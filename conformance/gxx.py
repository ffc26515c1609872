"""The suite: g++'s own tests of exceptions and its torture tests, compared as `conformance.differential` says.

g++.dg/eh and g++.dg/torture out of Debian's gcc-12-source: those that run, and the objects of those that are only
compiled. Tests of several files and of link-time optimisation need DejaGnu and are left out.
"""

import argparse
from pathlib import Path

from conformance import differential
from conformance.dejagnu import asked
from conformance.differential import Case
from conformance.sources import cache_directory, fetch_archive
from conformance.table import Row
from conformance.torture import TESTS, prepare

SUMMARY = "the same for g++'s tests of exceptions and torture tests"

LEVELS = ("-O0", "-O2", "-O3", "-O2 -mforce-indirect-call")

#: File -> why it does something else.
EXPLAINED: dict[str, str] = {}


def main(arguments: argparse.Namespace) -> list[Row]:
    """Run the tests at the selected levels; a row for each level."""
    prepare()
    levels = [level for level in LEVELS if not arguments.level or level in arguments.level]
    root = fetch_archive(*TESTS, cache_directory()) / "gcc" / "testsuite" / "g++.dg"
    found = [*(root / "eh").rglob("*.C"), *(root / "torture").rglob("*.C")]
    rows = []
    for level in levels:
        cases = [case for source in sorted(found) if (case := _case(source, level)) is not None]
        rows.append(differential.run_level(f"g++ {level}", differential.some(cases, arguments.limit), EXPLAINED))
    for name, cause in EXPLAINED.items():
        print(f"    {name}: {cause}")
    return rows


def _case(source: Path, level: str) -> Case | None:
    """`source` at `level`; None when it asks for more than a compiler and its options."""
    test = asked(source.read_text("latin-1"), "compile")
    if not test.action or test.sources or any(option.startswith("-flto") for option in test.options):
        return None
    flags = (*level.split(), *test.options)
    # A retpoline is refused for an object that is marked for shadow stacks.
    shadow = any(option in ("-fcf-protection", "-fcf-protection=full") for option in flags)
    return Case(source, "g++", flags, test.action == "run", ("lfence" if shadow else "retpoline", "plain"))
