"""Taking events out of the rings while the program runs, into one file without a name; a list of pieces a thread."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from errno import ENOSPC

from asmrewrite.trace.region import About, Region

#: Seconds between looks at the threads that have ended, and between looks at the rings, unless one wakes us.
_ENDED, _LOOK = 0.1, 0.01


@dataclass
class Thread:
    """One that had events: `start` is the TSC when it had its first; the counts are events, `torn` units."""

    pid: int
    tid: int
    start: int
    space: int
    name: str
    taken: int = 0
    dropped: int = 0
    torn: int = 0
    #: Offset and bytes in the file.
    pieces: list[tuple[int, int]] = field(default_factory=list)


class Recorder:
    """Drains `region`; `threads` are all that were seen, in the order of their first events."""

    def __init__(self, region: Region, *, newest: bool) -> None:
        self.threads: list[Thread] = []
        self._region = region
        #: Threads throw their oldest events away themselves, so nothing is taken before they have ended.
        self._newest = newest
        self._slots: dict[int, Thread] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lasts as long as we
        self._size = 0
        self._looked = 0.0
        self._space = os.stat("/proc/self/ns/pid").st_ino

    def look(self, now: float) -> None:
        """Take what is there, then sleep a little; `now` in seconds."""
        self._find()
        for number, thread in () if self._newest else self._slots.items():
            self._take(number, thread, ended=False)
        if now - self._looked > _ENDED:
            self._looked = now
            self._end_threads()
        self._region.sleep(_LOOK)

    def finish(self) -> None:
        """The trace is over, for processes that still run as well."""
        self._find()
        for number in self._slots:
            self._region.stop(number)
        self._region.sleep(0.001)  # who has begun an event ends it
        for number, thread in self._slots.items():
            self._take(number, thread, ended=True)
            self._count(number, thread)

    def running(self) -> bool:
        """Whether a process that was traced still runs."""
        return any(self._alive(thread) for thread in self._slots.values())

    def units(self, thread: Thread) -> Iterator[bytes]:
        """What the thread recorded, piece by piece."""
        for offset, size in thread.pieces:
            yield os.pread(self._file.fileno(), size, offset)

    def _find(self) -> None:
        for number in range(self._region.used()):
            if number not in self._slots and (about := self._region.about(number)):
                self._slots[number] = _thread(about)
                self.threads.append(self._slots[number])

    def _take(self, number: int, thread: Thread, *, ended: bool) -> None:
        while data := self._region.drain(number, ended):
            written = os.pwrite(self._file.fileno(), data, self._size)
            if written < len(data):
                raise OSError(ENOSPC, "no space left for the trace", tempfile.gettempdir())
            if thread.pieces and sum(thread.pieces[-1]) == self._size:
                thread.pieces[-1] = (thread.pieces[-1][0], thread.pieces[-1][1] + len(data))
            else:
                thread.pieces.append((self._size, len(data)))
            self._size += len(data)

    def _end_threads(self) -> None:
        for number, thread in [*self._slots.items()]:
            if self._alive(thread):
                continue
            self._take(number, thread, ended=True)
            self._count(number, thread)
            del self._slots[number]
            self._region.free(number)

    def _count(self, number: int, thread: Thread) -> None:
        about = self._region.about(number)
        assert about is not None
        thread.taken, thread.dropped, thread.torn = about.taken, about.dropped, about.torn

    def _alive(self, thread: Thread) -> bool:
        """Whether it may still record; its name is asked for by the way. Of another namespace nothing is known."""
        if thread.space != self._space:
            return True
        folder = f"/proc/{thread.pid}/task/{thread.tid}"
        try:
            with open(f"{folder}/stat", "rb") as file:
                name, _, rest = file.read().partition(b"(")[2].rpartition(b")")
        except OSError:
            return False
        thread.name = name.decode("utf-8", "replace")
        return rest.split()[0] not in (b"Z", b"X")


def _thread(about: About) -> Thread:
    return Thread(about.pid, about.tid, about.start, about.space, about.name.decode("utf-8", "replace"))
