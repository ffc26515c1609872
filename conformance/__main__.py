"""The command line: ``python -m conformance SUITE [options]``."""

import argparse
import sys

from conformance import realprograms
from conformance.command import CommandError


def joined(argv: list[str]) -> list[str]:
    """Make ``--level -O2`` one word, ``--level=-O2``: argparse takes the second for an option."""
    words = iter(argv)
    return [f"{word}={next(words, '')}" if word == "--level" else word for word in words]


def main(argv: list[str]) -> int:
    """Run one suite; 0 when every case passed, 1 when one failed, 2 when it could not be run."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    suites = parser.add_subparsers(dest="suite", required=True)
    realprograms.add_arguments(suites.add_parser("programs", help=realprograms.SUMMARY))
    arguments = parser.parse_args(joined(argv))
    try:
        return realprograms.main(arguments)
    except CommandError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
