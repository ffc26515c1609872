"""The suite: listings that atheris makes, rewritten, assembled and checked; and damaged objects for the checkers.

atheris (libFuzzer) keeps the listings that reach code no other did and changes them on. What must hold is in
`oracle`; what was found is kept under build/fuzz with its reason, and the run goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

from conformance.command import CommandError, run
from conformance.sources import REPOSITORY
from conformance.table import Row

SUMMARY = "coverage-guided fuzzing of listings, and damaged objects"

#: Damaged objects for so many listings.
_PER_OBJECT = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``python -m conformance fuzz``."""
    parser.add_argument("--inputs", type=int, default=20_000, help="fuzz: listings to examine (default: 20000)")
    parser.add_argument("--seed", type=int, default=1, help="fuzz: where the random numbers begin (default: 1)")


def main(arguments: argparse.Namespace) -> list[Row]:
    """Run both; a row for each."""
    folder = REPOSITORY / "build" / "fuzz" / f"run.{os.getpid()}"
    return [_listings(arguments.inputs, arguments.seed, folder), _objects(arguments.inputs, arguments.seed, folder)]


def _listings(inputs: int, seed: int, folder: Path) -> Row:
    if importlib.util.find_spec("atheris") is None:
        raise CommandError("atheris is not installed: pip install 'asmrewrite[fuzz]', or make fuzz")
    command = [sys.executable, "-m", "conformance.fuzz.target", str(folder), f"-runs={inputs}", f"-seed={seed}"]
    ran = run(command, cwd=REPOSITORY, timeout=24 * 3600.0)
    shutil.rmtree(folder / "corpus", ignore_errors=True)
    if ran.status != 0:
        raise CommandError(f"the fuzzer ended early, see {folder}: {ran.stderr.decode(errors='replace')[-500:]}")
    report = json.loads((folder / "counts.json").read_text())
    counts: dict[str, int] = report["outcomes"]
    failed = sum(number for outcome, number in counts.items() if outcome.startswith("FAILED"))
    explained = sum(number for outcome, number in counts.items() if outcome.startswith("explained"))
    done = report["inputs"]
    print(f"fuzz: {done} listings in {report['seconds']} s, {done / max(1, report['seconds']):.0f} a second")
    for outcome, number in counts.items():
        print(f"    {number:>8} {outcome}")
    if failed:
        print(f"    see {folder / 'failures'}")
    sys.stdout.flush()
    return Row("fuzz: listings", done, done - failed, explained)


def _objects(inputs: int, seed: int, folder: Path) -> Row:
    from conformance.fuzz import objects

    number = max(1, inputs // _PER_OBJECT)
    counts, problems = objects.run(number, seed, folder / "objects")
    print(f"fuzz: {number} damaged objects, {len(problems)} failed")
    for outcome, often in counts.items():
        print(f"    {often:>8} {outcome}")
    for problem in problems:
        print(f"    {problem}")
    sys.stdout.flush()
    return Row("fuzz: objects", number, number - sum(n for o, n in counts.items() if o.startswith("FAILED")))
