"""A trace as a file that viewers open: the Trace Event Format of Chrome, which Perfetto reads too.

One event a line, written as it is made, so a trace of any length takes little memory; a name ending in .gz is packed.
Times are microseconds since the trace began. Functions are pairs of B and E, markers and entries without exit are
instant events (i), threads and processes have their names in metadata events (M). `otherData` says how it was made:

    writer, command, status, clock, started (CLOCK_MONOTONIC, nanoseconds), seconds, recorded, dropped, functions,
    markers (how many were watched), threads
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from asmrewrite.trace.events import DROPS, MARKER, Event, events
from asmrewrite.trace.frames import steps
from asmrewrite.trace.names import Marker, Names
from asmrewrite.trace.recorder import Recorder, Thread
from asmrewrite.trace.text import formatted

WRITER = "asmrewrite trace"
#: Characters that are written at once.
_BLOCK = 1 << 20


class Clock(NamedTuple):
    """The TSC and CLOCK_MONOTONIC (nanoseconds) at the beginning and the end of a trace."""

    tsc: int
    nanoseconds: int
    last_tsc: int
    last_nanoseconds: int

    @property
    def scale(self) -> float:
        """Microseconds a tick."""
        return (self.last_nanoseconds - self.nanoseconds) / (self.last_tsc - self.tsc) / 1000


def write(file: BinaryIO, name: str, recorder: Recorder, names: Names, clock: Clock, about: dict[str, Any]) -> None:
    """Write the trace to `file`, whose `name` says whether it is packed."""
    # Level 1: a third of the time of the default, and a tenth more bytes.
    out = cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1)) if name.endswith(".gz") else file
    data = {"writer": WRITER, **about, "threads": [_thread(thread) for thread in recorder.threads]}
    start = f'{{"otherData":{json.dumps(data)},\n"displayTimeUnit":"ns","traceEvents":['
    separator = "\n"
    block = [start]
    size = 0
    for line in _lines(recorder, names, clock):
        block += (separator, line)
        separator = ",\n"
        size += len(line)
        if size > _BLOCK:
            out.write("".join(block).encode())
            block, size = [], 0
    out.write(("".join(block) + "\n]}\n").encode())
    if out is not file:
        out.close()
    file.flush()


def _thread(thread: Thread) -> dict[str, object]:
    kept = ("pid", "tid", "name", "taken", "dropped")
    return {("recorded" if key == "taken" else key): getattr(thread, key) for key in kept}


def _lines(recorder: Recorder, names: Names, clock: Clock) -> Iterator[str]:
    seen = set()
    for thread in recorder.threads:
        where = f'"pid":{thread.pid},"tid":{thread.tid}'
        program = names.program(thread.pid, thread.start)
        if thread.pid not in seen:
            seen.add(thread.pid)
            name = json.dumps({"name": os.path.basename(program)})
            yield f'{{"ph":"M","name":"process_name",{where},"args":{name}}}'
        yield f'{{"ph":"M","name":"thread_name",{where},"args":{json.dumps({"name": thread.name})}}}'
        yield from _events(thread, names, clock, events(recorder.units(thread)))


def _events(thread: Thread, names: Names, clock: Clock, found: Iterable[Event]) -> Iterator[str]:
    where = f',"pid":{thread.pid},"tid":{thread.tid}'
    start, scale = clock.tsc, clock.scale
    functions: dict[int, str] = {}
    markers: dict[int, Marker] = {}
    for phase, ticks, event in steps(found, start):
        at = f'{{"ph":"{phase}","ts":{ticks * scale:.3f}{where}'
        if phase == "E":
            yield at + "}"
            continue
        kind, address = event[0] & 7, event[1]
        name = functions.get(address)
        if kind == MARKER:
            marker = markers.get(address)
            if marker is None:
                marker = markers[address] = names.marker(thread.pid, start + ticks, address)
            last = event[3]
            words = last if isinstance(last, tuple) else (last,)
            args = json.dumps({"text": formatted(marker.format, words), "at": f"{marker.file}:{marker.line}"})
            yield f'{at},"s":"t","cat":"marker","name":{json.dumps(marker.name)},"args":{args}}}'
            continue
        if kind == DROPS:
            yield f'{at},"s":"t","cat":"dropped","name":"dropped","args":{{"events":{address}}}}}'
            continue
        if name is None:
            said, sure = names.function(thread.pid, start + ticks, address)
            name = json.dumps(said)
            if sure:
                functions[address] = name
        yield f'{at},"name":{name}}}' if phase == "B" else f'{at},"s":"t","name":{name}}}'
