"""What lies at an address of a traced process: functions by the symbols of its modules, markers as they were told."""

from __future__ import annotations

import subprocess
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from asmrewrite.errors import AsmRewriteError
from asmrewrite.trace import region
from asmrewrite.trace.region import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.symbols import Functions


class Marker(NamedTuple):
    name: str
    format: str
    file: str
    line: int


class Names:
    """From the log of a trace. A process knows what it and, until it forked, its parent knew; exec forgets all."""

    def __init__(self, log: Iterable[Record]) -> None:
        #: pid -> (time, records of that image), by time.
        self._images: dict[int, list[tuple[int, list[Record]]]] = defaultdict(list)
        #: What could not be done, in words.
        self.problems: list[str] = []
        #: Functions that were watched, those that could not be for each reason, and markers.
        self.functions = 0
        self.refused: Counter[str] = Counter()
        self.markers = 0
        #: Entries in signal handlers that came in the middle of an event: runtimes do not report them.
        self.unseen = 0
        for record in sorted(log, key=lambda record: record.time):
            images = self._images[record.pid]
            if record.kind == region.PROBLEM:
                self.problems.append(_words(record))
            elif record.kind == region.FUNCTIONS:
                self.functions += record.a
                self.refused[_words(record)] += record.b
            elif record.kind == region.UNSEEN:
                self.unseen += record.a
            elif record.kind == region.PROCESS:
                images.append((record.time, [record]))
            elif record.kind == region.FORK:
                parents = self._images.get(record.a)
                images.append((record.time, [*parents[-1][1]] if parents else []))
            elif images:
                self.markers += record.kind == region.MARKER
                images[-1][1].append(record)

    def program(self, pid: int, time: int) -> str:
        """The file of what ran as `pid` at `time`."""
        for record in self._records(pid, time):
            if record.kind == region.PROCESS:
                return _path(record)
        return ""

    def marker(self, pid: int, time: int, address: int) -> Marker:
        """The marker that was told of last."""
        for record in reversed(self._records(pid, time)):
            if record.kind == region.MARKER and record.a == address:
                name, format_, file = record.text.decode("utf-8", "backslashreplace").split("\0")[:3]
                return Marker(name, format_, file, record.b)
        return Marker(f"{address:#x}", "", "", 0)

    def function(self, pid: int, time: int, address: int) -> tuple[str, bool]:
        """Its symbol, demangled, else where it lies; and whether that holds for all times of the process."""
        found = [
            record for record in self._records(pid, time)
            if record.kind == region.MODULE and record.a <= address < record.b
        ]  # fmt: skip
        for record in reversed(found):
            if record.time <= time:
                sure = len({(other.a, other.text) for other in found}) == 1
                return _name(_path(record), address - record.a), sure
        return f"{address:#x}", not found

    def _records(self, pid: int, time: int) -> list[Record]:
        images = self._images.get(pid, [])
        at = bisect_right([start for start, _ in images], time)
        return images[max(at, 1) - 1][1] if images else []


def _words(record: Record) -> str:
    return record.text.rstrip(b"\0").decode("utf-8", "backslashreplace")


def _path(record: Record) -> str:
    return record.text.rstrip(b"\0").decode("utf-8", "surrogateescape")


@cache
def _name(path: str, linked: int) -> str:
    functions = _functions(path)
    function = functions.at(linked) if functions else None
    if function is None:
        return f"{path.rpartition('/')[2]}+{linked:#x}"
    return _demangler().name(function.name)


@cache
def _functions(path: str) -> Functions | None:
    """The functions of a module; None when its file is gone, or is none."""
    from asmrewrite.verify.image import Image
    from asmrewrite.verify.symbols import Functions

    try:
        with open(path, "rb") as file:
            return Functions(Image(path, file))
    except (OSError, AsmRewriteError):
        return None


class _Demangler:
    """c++filt, which answers each line when it has read it; started for the first name that needs it."""

    def __init__(self) -> None:
        self._filter: subprocess.Popen[str] | None = None

    def name(self, name: str) -> str:
        """The name as its source has it."""
        if not name.startswith(("_Z", "_R")):
            return name
        try:
            if self._filter is None:
                self._filter = subprocess.Popen(
                    ["c++filt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="surrogateescape"
                )
            assert self._filter.stdin is not None and self._filter.stdout is not None
            self._filter.stdin.write(f"{name}\n")
            self._filter.stdin.flush()
            return self._filter.stdout.readline().rstrip("\n") or name
        except OSError:
            return name


@cache
def _demangler() -> _Demangler:
    return _Demangler()
