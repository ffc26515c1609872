"""The command line: ``python -m conformance [SUITE...]``, all suites by default; a table at the end."""

import argparse
import sys
from types import ModuleType

from conformance import (
    audit,
    compilers,
    differential,
    effects,
    faults,
    fuzz,
    gas_suite,
    gxx,
    kernel,
    keys,
    listings,
    mutations,
    realprograms,
    torture,
    traced,
)
from conformance.command import CommandError
from conformance.sources import require_tools
from conformance.table import Row, show

#: A suite is a module with a ``SUMMARY`` and a ``main(arguments)`` that returns its rows; in the order they run.
SUITES: dict[str, ModuleType] = {
    "gas": gas_suite,
    "listings": listings,
    "effects": effects,
    "programs": realprograms,
    "torture": torture,
    "g++": gxx,
    "compilers": compilers,
    "keys": keys,
    "mutations": mutations,
    "audit": audit,
    "faults": faults,
    "traced": traced,
    "kernel": kernel,
    "fuzz": fuzz,
}


def joined(argv: list[str]) -> list[str]:
    """Make ``--level -O2`` one word, ``--level=-O2``: argparse takes the second for an option."""
    words = iter(argv)
    return [f"{word}={next(words, '')}" if word == "--level" else word for word in words]


def main(argv: list[str]) -> int:
    """Run the suites; 0 when every case passed, 1 when one failed, 2 when one could not be run."""
    epilog = "; ".join(f"{name}: {suite.SUMMARY}" for name, suite in SUITES.items())
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__, epilog=epilog)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    realprograms.add_arguments(parser)
    differential.add_arguments(parser)
    fuzz.add_arguments(parser)
    arguments = parser.parse_args(joined(argv))
    unknown = set(arguments.suites) - set(SUITES)
    if unknown:
        parser.error(f"no suite is named {', '.join(sorted(unknown))}")
    levels = {level for suite in SUITES.values() for level in getattr(suite, "LEVELS", ())}
    if not levels.issuperset(arguments.level or ()):
        parser.error(f"no suite has all these levels: {', '.join(arguments.level)}")
    rows: list[Row] = []
    try:
        require_tools()
        for name in arguments.suites or SUITES:
            rows += SUITES[name].main(arguments)
    except CommandError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2
    return int(not show(rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
