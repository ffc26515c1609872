"""Two commands in turn, A B A B ..., and the ratio of their CPU seconds pair by pair.

Machines are noisy and change their speed while one looks; a ratio of neighbours survives that.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Paired(NamedTuple):
    """CPU seconds (user and system, whole process) of both commands, and their ratio: medians of the runs."""

    first: float
    second: float
    ratio: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        spread = f"({self.lowest:.2f} to {self.highest:.2f})"
        return f"{self.first:7.3f} s  {self.second:7.3f} s  ratio {self.ratio:.2f} {spread}"


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


def paired(first: Sequence[str], second: Sequence[str], runs: int = 9) -> Paired:
    """`runs` pairs, behind one pair that is not counted."""
    pairs = [(cpu_seconds(first), cpu_seconds(second)) for _ in range(runs + 1)][1:]
    ratios = sorted(a / b for a, b in pairs)
    return Paired(
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(ratios),
        ratios[0],
        ratios[-1],
    )
