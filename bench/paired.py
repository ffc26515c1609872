"""Alternatives in turn, A B C A B C ..., and the ratios of what they cost, round by round.

Machines are noisy and change their speed while one looks; a ratio of neighbours survives that.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Ratio(NamedTuple):
    """The ratios of all rounds: the median and the spread."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.2f} to {self.highest:.2f})"


class Paired(NamedTuple):
    """CPU seconds (user and system, whole process) of both commands, and their ratio: medians of the runs."""

    first: float
    second: float
    ratio: Ratio

    def __str__(self) -> str:
        return f"{self.first:7.3f} s  {self.second:7.3f} s  ratio {self.ratio}"


def cpu_seconds(command: Sequence[str]) -> float:
    """CPU seconds of one run of `command`, its children included; its output is thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, descriptor) for descriptor in (0, 1)]
        child = os.posix_spawnp(command[0], list(command), os.environ, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
    finally:
        os.close(null)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def rotated(measures: Mapping[str, Callable[[], T]], runs: int) -> list[dict[str, T]]:
    """`runs` rounds of all measures in turn, behind one round that is not counted."""
    return [{name: measure() for name, measure in measures.items()} for _ in range(runs + 1)][1:]


def ratio(pairs: Iterable[tuple[float, float]]) -> Ratio:
    """The ratio of the first of each pair to the second."""
    ratios = sorted(a / b for a, b in pairs)
    return Ratio(statistics.median(ratios), ratios[0], ratios[-1])


def paired(first: Sequence[str], second: Sequence[str], runs: int = 9) -> Paired:
    """The CPU seconds of two commands in turn."""
    rounds = rotated({"first": lambda: cpu_seconds(first), "second": lambda: cpu_seconds(second)}, runs)
    pairs = [(done["first"], done["second"]) for done in rounds]
    return Paired(statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio(pairs))
