"""What a program used: of a command from its start to its end, of a server between two looks at it.

User and system time of a server are the kernel's; where it only looks at the clock's tick what a process is doing
(CONFIG_TICK_CPU_ACCOUNTING), their sum is exact and their shares are not: a run should last hundreds of ticks.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
#: A bare environment, the same for all: its size moves the stack, and so a program's speed.
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


class Usage(NamedTuple):
    """Seconds of CPU, and of the clock on the wall."""

    user: float
    system: float
    wall: float

    @property
    def cpu(self) -> float:
        """User and system."""
        return self.user + self.system

    def since(self, start: Usage) -> Usage:
        """What came after `start`."""
        return Usage(self.user - start.user, self.system - start.system, self.wall - start.wall)

    def each(self, count: int) -> Usage:
        """The share of one of `count`, such as requests, in microseconds."""
        return Usage(*(1e6 * value / count for value in self))


def used_by(pid: int) -> Usage:
    """What the process `pid` has used so far, all its threads (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(int(fields[11]) / _TICKS, int(fields[12]) / _TICKS, time.monotonic())


def run(command: Sequence[str], directory: Path) -> tuple[Usage, bytes]:
    """Run `command` in `directory`: what it used, its children included, and what it printed."""
    start = time.monotonic()
    with subprocess.Popen(
        command, cwd=directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise RuntimeError(f"{' '.join(command)} in {directory} ended with status {child.returncode}")
    return Usage(usage.ru_utime, usage.ru_stime, time.monotonic() - start), output
