"""The memory file that a trace is recorded in. asmrewrite/tracer/region.h has its layout and protocol.

All that is done to it is done by the tracer's own C functions (reader.c), so no layout is repeated here but that of
the log's records and of `struct about`.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from asmrewrite.errors import ToolError

UNIT = struct.Struct("<QQQQ")
_LOG_SIZE = 16 << 20
_RECORD = struct.Struct("<IIQiiQQ")
_U64, _U32 = ctypes.c_uint64, ctypes.c_uint32
#: enum record of region.h.
PROCESS, FORK, MODULE, MARKER, FUNCTIONS, PROBLEM, UNSEEN = range(1, 8)


class About(ctypes.Structure):
    """`struct about` of reader.c: whose a slot is, and the counts of its events."""

    _fields_ = (
        ("pid", ctypes.c_int32), ("tid", ctypes.c_int32), ("space", _U64), ("start", _U64), ("taken", _U64),
        ("dropped", _U64), ("torn", _U64), ("name", ctypes.c_char * 16),
    )  # fmt: skip


class Record(NamedTuple):
    """One of the log: `kind` as above, `time` of the TSC; `a`, `b` and `text` as region.h says."""

    kind: int
    time: int
    pid: int
    tid: int
    a: int
    b: int
    text: bytes


class Settings(NamedTuple):
    """What is asked of a trace; globs of markers and functions, `buffer` in bytes a thread, `text` in bytes."""

    markers: Sequence[str]
    functions: Sequence[str]
    buffer: int = 4 << 20
    newest: bool = False
    exits: bool = True
    text: int = 64
    follow: bool = True

    def words(self) -> bytes:
        """The globs as the tracer reads them."""
        globs = [*(f"m{glob}" for glob in self.markers), *(f"f{glob}" for glob in self.functions), ""]
        return b"".join(os.fsencode(glob) + b"\0" for glob in globs)


class Region:
    """A new one, with the functions of the tracer `tracer` (a path)."""

    def __init__(self, tracer: str, settings: Settings) -> None:
        self._library = ctypes.CDLL(tracer)
        for name, result in (("size", _U64), ("open", ctypes.c_void_p), ("used", _U32), ("about", ctypes.c_bool),
                             ("drain", _U64), ("stop", None), ("free", None), ("lost", _U64),
                             ("log", ctypes.c_void_p), ("sleep", None), ("clock", None)):  # fmt: skip
            getattr(self._library, f"asmrewrite_reader_{name}").restype = result
        units, words = settings.buffer // UNIT.size, settings.words()
        self.file = os.memfd_create("asmrewrite-trace", os.MFD_CLOEXEC)
        os.ftruncate(self.file, self._call("size", _U64(units), _U64(_LOG_SIZE)))
        numbers = (settings.newest, settings.exits, settings.text, settings.follow)
        at = self._call("open", self.file, _U64(units), _U64(_LOG_SIZE), *numbers, words, _U64(len(words)))
        if not at:
            raise ToolError("the buffers of the trace cannot be mapped", hint="use a smaller --buffer")
        self._at = ctypes.c_void_p(at)
        self._units = units + 64
        self._room = ctypes.create_string_buffer(self._units * UNIT.size)
        self._view = memoryview(self._room)

    @property
    def path(self) -> str:
        """Where processes of the same user find it."""
        return f"/proc/{os.getpid()}/fd/{self.file}"

    def used(self) -> int:
        """Slots below this may be taken."""
        return int(self._call("used", self._at))

    def about(self, number: int) -> About | None:
        """Whose slot `number` is."""
        about = About()
        return about if self._call("about", self._at, _U32(number), ctypes.byref(about)) else None

    def drain(self, number: int, ended: bool) -> memoryview:
        """The finished units of a ring, taken out of it; valid until the next call. `ended`: the thread is no more."""
        taken = self._call("drain", self._at, _U32(number), self._room, _U64(self._units), ctypes.c_bool(ended))
        return self._view[: taken * UNIT.size]

    def stop(self, number: int) -> None:
        """Nothing is recorded in this slot from now on."""
        self._call("stop", self._at, _U32(number))

    def free(self, number: int) -> None:
        """The slot's thread is no more, and all was taken: another may have it."""
        self._call("free", self._at, _U32(number))

    def lost(self) -> int:
        """Events of threads for which there was no slot or memory."""
        return int(self._call("lost", self._at))

    def sleep(self, seconds: float) -> None:
        """Until a ring is half full, or for so long, or until a signal."""
        self._call("sleep", self._at, _U64(int(seconds * 1e9)))

    def clock(self) -> tuple[int, int]:
        """The TSC and CLOCK_MONOTONIC (nanoseconds) at one moment."""
        tsc, nanoseconds = _U64(), _U64()
        self._call("clock", ctypes.byref(tsc), ctypes.byref(nanoseconds))
        return tsc.value, nanoseconds.value

    def log(self) -> Iterator[Record]:
        """What was logged; `ToolError` when the log was too small."""
        logged = _U64()
        at = self._call("log", self._at, ctypes.byref(logged))
        if logged.value > _LOG_SIZE:
            raise ToolError("more markers, modules and processes than a trace has room for", hint="use narrower globs")
        data = ctypes.string_at(at, logged.value)
        offset = 0
        while offset < len(data):
            size, kind, time, pid, tid, a, b = _RECORD.unpack_from(data, offset)
            if not size:  # a process was killed as it wrote; where the next one begins is not known
                return
            if kind:
                yield Record(kind, time, pid, tid, a, b, data[offset + _RECORD.size : offset + size])
            offset += size

    def _call(self, name: str, *arguments: object) -> int:
        return getattr(self._library, f"asmrewrite_reader_{name}")(*arguments)  # type: ignore[no-any-return]  # ctypes
