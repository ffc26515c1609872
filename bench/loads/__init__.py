"""The loads: a program, what it is made to do, and which figure counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.usage import Usage, run

#: Command needed by the servers' loads -> the Debian package that has it.
TOOLS = {"setpriv": "util-linux", "wrk": "wrk"}


class Figure(NamedTuple):
    """One number of a `Usage`; less is better."""

    name: str
    unit: str
    of: Callable[[Usage], float]


class Load(NamedTuple):
    """One line of the table."""

    name: str
    #: Variant -> one measurement of it.
    measures: Mapping[str, Callable[[], Usage]]
    #: The first is the one that counts; the others are told.
    figures: Sequence[Figure]


CPU = Figure("CPU", "s", lambda usage: usage.cpu)
#: Of a server, for each request; the kernel's part of it is the same code for all variants.
SERVER = (
    Figure("user CPU", "us", lambda usage: usage.user),
    Figure("user and system CPU", "us", lambda usage: usage.cpu),
    Figure("wall clock", "us", lambda usage: usage.wall),
)


def commands(name: str, argv: Sequence[str], folders: Mapping[str, Path], clean: Callable[[bytes], bytes]) -> Load:
    """The same command in the folder of each variant; it must print the same in all, but for what `clean` takes out."""
    outputs: set[bytes] = set()

    def measure(folder: Path) -> Usage:
        usage, output = run(argv, folder)
        outputs.add(clean(output))
        if len(outputs) > 1:
            raise RuntimeError(f"{' '.join(argv)} in {folder} does not print what it prints elsewhere")
        return usage

    return Load(name, {variant: partial(measure, folder) for variant, folder in folders.items()}, (CPU,))
