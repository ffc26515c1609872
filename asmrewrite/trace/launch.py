"""Running a program with the tracer preloaded, to its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, BinaryIO, NamedTuple

from asmrewrite.errors import ToolError
from asmrewrite.toolchain.start import IGNORED_BY_PYTHON
from asmrewrite.toolchain.tracer import tracer_object
from asmrewrite.trace import chrome
from asmrewrite.trace.names import Names
from asmrewrite.trace.recorder import Recorder, Thread
from asmrewrite.trace.region import Region, Settings

#: From a terminal these reach the program by themselves; we live on to write the trace.
_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Traced(NamedTuple):
    """What came of it: the program's status (negative: the signal that ended it), and what was recorded."""

    status: int
    threads: Sequence[Thread]
    #: Events that were recorded, and that were not.
    recorded: int
    dropped: int
    names: Names
    #: Processes that it started still run.
    running: bool


def trace(program: str, argv: list[str], settings: Settings, out: BinaryIO, name: str) -> Traced:
    """Run the file `program` with `argv`, and write its trace to `out`, called `name`."""
    tracer = tracer_object()
    if set(tracer) & {":", " "}:
        raise ToolError(f"{tracer} cannot be preloaded: its path has a space or colon", hint="set XDG_CACHE_HOME")
    region = Region(tracer, settings)
    recorder = Recorder(region, newest=settings.newest)
    preload = ":".join(filter(None, (tracer, os.environ.get("LD_PRELOAD"))))
    environment = {**os.environ, "LD_PRELOAD": preload, "ASMREWRITE_TRACE": region.path}
    first = region.clock()
    with _child() as child:
        child.start(program, argv, environment)
        while (status := child.ended()) is None:
            recorder.look(time.monotonic())
        running = recorder.running()
        recorder.finish()
        clock = chrome.Clock(*first, *region.clock())
        names = Names(region.log())
        recorded = sum(thread.taken for thread in recorder.threads)
        dropped = sum(thread.dropped for thread in recorder.threads) + region.lost()
        dropped += names.unseen * (2 if settings.exits else 1)  # entries; then their exits are not watched
        about: dict[str, Any] = {
            "command": list(argv), "status": status, "clock": "TSC", "started": clock.nanoseconds,
            "seconds": (clock.last_nanoseconds - clock.nanoseconds) / 1e9, "recorded": recorded, "dropped": dropped,
            "functions": names.functions, "markers": names.markers,
        }  # fmt: skip
        chrome.write(out, name, recorder, names, clock, about)
    return Traced(status, recorder.threads, recorded, dropped, names, running)


@dataclass
class _Child:
    """The program: its pid once it runs, until it has ended; and the signals that are to be as usual for it."""

    defaults: Sequence[int]
    pid: int = 0

    def start(self, program: str, argv: list[str], environment: dict[str, str]) -> None:
        try:
            self.pid = os.posix_spawn(program, argv, environment, setsigdef=self.defaults)
        except OSError as error:
            raise ToolError(f"cannot run {program}: {error.strerror}", status=127) from None

    def ended(self) -> int | None:
        """Its exit status, negative for a signal."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def forward(self, number: int, _: FrameType | None) -> None:
        if self.pid:
            os.kill(self.pid, number)


@contextmanager
def _child() -> Iterator[_Child]:
    """Signals while a program runs. What was ignored before us, such as SIGINT behind `&`, stays so for it."""
    before = {number: signal.getsignal(number) for number in (*_TERMINAL, *_FORWARDED, signal.SIGCHLD)}
    heard = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    child = _Child([*IGNORED_BY_PYTHON, *heard])
    for number in heard:
        signal.signal(number, signal.SIG_IGN if number in _TERMINAL else child.forward)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # ends the recorder's sleep
    try:
        yield child
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
