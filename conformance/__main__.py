"""The command line: ``python -m conformance [SUITE...]``, all suites by default; a table at the end."""

import argparse
import sys

from conformance import gas_suite, listings, realprograms
from conformance.command import CommandError
from conformance.sources import require_tools

SUITES = {"gas": gas_suite.SUMMARY, "listings": listings.SUMMARY, "programs": realprograms.SUMMARY}


def joined(argv: list[str]) -> list[str]:
    """Make ``--level -O2`` one word, ``--level=-O2``: argparse takes the second for an option."""
    words = iter(argv)
    return [f"{word}={next(words, '')}" if word == "--level" else word for word in words]


def main(argv: list[str]) -> int:
    """Run the suites; 0 when every case passed, 1 when one failed, 2 when one could not be run."""
    epilog = "; ".join(f"{name}: {summary}" for name, summary in SUITES.items())
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__, epilog=epilog)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    realprograms.add_arguments(parser)
    arguments = parser.parse_args(joined(argv))
    unknown = set(arguments.suites) - set(SUITES)
    if unknown:
        parser.error(f"no suite is named {', '.join(sorted(unknown))}")
    try:
        return _run(arguments)
    except CommandError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    require_tools()
    table: list[tuple[str, int, int, int]] = []
    for name in arguments.suites or SUITES:
        if name == "programs":
            table += [(*row, 0) for row in realprograms.main(arguments)]
        else:
            cases, passed, explained = gas_suite.main() if name == "gas" else listings.main()
            table.append((name, cases, passed, explained))
    table.append(("total", sum(row[1] for row in table), sum(row[2] for row in table), sum(row[3] for row in table)))
    print(f"\n{'suite':<12} {'cases':>6} {'passed':>6} {'failed':>6} {'explained':>9}")
    for suite, cases, passed, explained in table:
        print(f"{suite:<12} {cases:>6} {passed:>6} {cases - passed:>6} {explained:>9}")
    return int(table[-1][1] != table[-1][2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
