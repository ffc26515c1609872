"""What one call costs, by its shape and the compiler: nanoseconds of CPU, beside a direct call."""

from __future__ import annotations

import shlex
import statistics
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.paired import ratio, rotated
from bench.usage import run
from bench.variants import LEARNED, LEVEL, PLAIN, RETPOLINE, STATIC, variants

_SOURCE = Path(__file__).resolve().parent / "micro" / "calls.c"
_INCLUDE = Path(__file__).resolve().parent.parent / "asmrewrite" / "include"
#: A fraction of a second of the slowest.
_CALLS = 20_000_000
_DIRECT = "direct call"


class Case(NamedTuple):
    """A line: what it shows, the variant that makes the program, the shape of calls.c, and how many calls."""

    name: str
    variant: str
    shape: str
    calls: int = _CALLS


CASES = (
    Case(_DIRECT, PLAIN, "direct"),
    Case("through a pointer", PLAIN, "pointer1"),
    Case("2 targets in turn", PLAIN, "pointer2"),
    Case("4 targets in turn", PLAIN, "pointer4"),
    Case("16 targets in turn", PLAIN, "pointer16"),
    Case("256 calls in turn", PLAIN, "sites"),
    Case("gcc's retpoline", RETPOLINE, "pointer1"),
    Case("4 targets in turn", RETPOLINE, "pointer4"),
    Case("16 targets in turn", RETPOLINE, "pointer16"),
    Case("256 calls in turn", RETPOLINE, "sites"),
    Case("relpoline, untrained", STATIC, "pointer1"),
    Case("256 calls in turn", STATIC, "sites"),
    Case("relpoline, hit", LEARNED, "pointer1"),
    Case("4 targets in turn", LEARNED, "pointer4"),
    Case("miss: 16 targets", LEARNED, "pointer16"),
    Case("256 calls in turn", LEARNED, "sites"),
    # As often as a site is called until it has learned: the runtime's own work shows.
    Case("first 25600 calls", PLAIN, "sites", 25_600),
    Case("first 25600 calls", STATIC, "sites", 25_600),
    Case("first 25600 calls", LEARNED, "sites", 25_600),
    Case("static call, trampoline", PLAIN, "static"),
    Case("static call", LEARNED, "static"),
)


def micro(folder: Path, runs: int = 9) -> Iterator[str]:
    """A line for each case."""
    compilers = {name: variant.cc for name, variant in variants(control=False).items()}
    programs = {name: _built(compilers[name], folder / name / "micro") for name in {case.variant for case in CASES}}
    measures: dict[str, Callable[[], float]] = {
        str(case): partial(_nanoseconds, programs[case.variant], case) for case in CASES
    }
    rounds = rotated(measures, runs)
    base = str(CASES[0])
    for case in CASES:
        median = statistics.median(done[str(case)] for done in rounds)
        beside = ratio((done[str(case)], done[base]) for done in rounds)
        yield f"{case.variant:<10} {case.name:<26} {median:8.2f} ns a call  beside a direct one {beside}"


def _built(cc: str, directory: Path) -> Path:
    """`directory`, with the program in it; quick enough to be made each time."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run([*shlex.split(cc), LEVEL, f"-I{_INCLUDE}", str(_SOURCE), "-o", str(directory / "calls")], check=True)
    return directory


def _nanoseconds(directory: Path, case: Case) -> float:
    _, output = run(["./calls", case.shape, str(case.calls)], directory)
    return float(output)
