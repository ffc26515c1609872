"""What recording an event costs: ours beside uftrace and LTTng-UST, in turn, on the same small function.

A case is hot.c built for a tracer and run under it. The cost of an event is the CPU time of the traced process for the
loop, less that of the plain program, by the events of a call. Nobody may lose one: each case says how many events its
tracer has, and another number than the program made is an error.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.paired import ratio, rotated
from conformance.sources import install

_HERE = Path(__file__).resolve().parent / "trace"
_INCLUDE = Path(__file__).resolve().parent.parent / "asmrewrite" / "include"
_BIN = Path(sys.executable).parent
_OURS = str(_BIN / "asmrewrite-gcc")
_PASSES = "-fplugin-arg-asmrewrite-passes="
#: Commands and files that the other tracers need, and their Debian packages.
_NEEDED = {
    "/usr/bin/uftrace": "uftrace",
    "/usr/bin/lttng": "lttng-tools",
    "/usr/bin/babeltrace2": "babeltrace2",
    "/usr/include/lttng/tracepoint.h": "liblttng-ust-dev",
}
#: Calls in all, calls in a burst, and microseconds of rest behind it.
_CALLS, _BURST, _PAUSE = 1_000_000, 10_000, 3_000
#: Bytes of an event in uftrace's file of a thread.
_UFTRACE_RECORD = 16
_CYG = "liblttng-ust-cyg-profile-fast.so.1"


class Case(NamedTuple):
    """A program, and the tracer it runs under; `per_call` events are made by each call of its function."""

    name: str
    build: tuple[str, ...]
    per_call: int
    run: Callable[[Path, Path], tuple[str, int | None]]


def tracing(folder: Path, runs: int = 9) -> Iterator[str]:
    """A line for each case."""
    install(sorted({package for path, package in _NEEDED.items() if not Path(path).exists()}))
    folder = folder / "trace"
    folder.mkdir(parents=True, exist_ok=True)
    programs = {case.build: _built(case.build, folder / f"hot{number}") for number, case in enumerate(CASES)}
    with _lttng_daemon():
        measures = {case.name: partial(_nanoseconds, case, programs[case.build]) for case in CASES}
        rounds = rotated(measures, runs)
    plain = CASES[0].name
    for case in CASES:
        each = [(done[case.name] - done[plain]) / (case.per_call or 1) for done in rounds]
        what = f"an event, {case.per_call} a call" if case.per_call else "a call"
        best = ""
        if case.per_call:
            beside = ratio(((done[case.name] - done[plain]) / case.per_call, _reference(case, done)) for done in rounds)
            best = f"  beside ours {beside}"
        value = statistics.median(each if case is not CASES[0] else [done[plain] for done in rounds])
        yield f"{case.name:<44} {value:8.2f} ns {what}{best}"


def _reference(case: Case, done: dict[str, float]) -> float:
    """What the same costs with ours: entries and exits, or one marker."""
    ours = next(other for other in CASES if other.name.startswith("ours") and other.per_call == case.per_call)
    return (done[ours.name] - done[CASES[0].name]) / case.per_call


def _built(words: tuple[str, ...], program: Path) -> Path:
    """Quick enough to be made each time."""
    sources = [_HERE / "hot.c", *([_HERE / "hot_lttng.c"] if "-DLTTNG" in words else [])]
    libraries = ["-llttng-ust", "-ldl"] if "-DLTTNG" in words else []
    command: list[str | Path] = [*words, "-O2", f"-I{_INCLUDE}", f"-I{_HERE}", *sources, *libraries, "-o", program]
    subprocess.run(command, check=True)
    return program


def _nanoseconds(case: Case, program: Path) -> float:
    """Of a call; what the tracer has is held against what the program made."""
    with tempfile.TemporaryDirectory() as directory:
        said, events = case.run(program, Path(directory))
    match = re.search(r"^hot: (\d+) (\d+)$", said, re.MULTILINE)
    if not match:
        raise RuntimeError(f"{case.name}: {said}")
    made = int(match[2]) * case.per_call
    if events is not None and events != made:
        raise RuntimeError(f"{case.name}: {made} events were made, and {events} recorded")
    return int(match[1]) / _CALLS


def _words(program: Path) -> list[str]:
    return [str(program), str(_CALLS), str(_BURST), str(_PAUSE)]


def _output(command: list[str], **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return done.stderr


def _alone(program: Path, _: Path) -> tuple[str, None]:
    return _output(_words(program)), None


def _ours(*options: str) -> Callable[[Path, Path], tuple[str, int | None]]:
    def run(program: Path, folder: Path) -> tuple[str, int | None]:
        command = [str(_BIN / "asmrewrite"), "trace", *options, "-o", str(folder / "trace.json"), "--"]
        said = _output([*command, *_words(program)])
        match = re.search(r" ([\d,]+) events of ", said)
        return said, int(match[1].replace(",", "")) if match else 0

    return run


def _uftrace(*options: str) -> Callable[[Path, Path], tuple[str, int | None]]:
    def run(program: Path, folder: Path) -> tuple[str, int | None]:
        data = folder / "data"
        said = _output(["uftrace", "record", "--no-libcall", *options, "-d", str(data), *_words(program)])
        sizes = [path.stat().st_size for path in data.glob("*.dat") if path.stem.isdecimal()]
        return said, sum(sizes) // _UFTRACE_RECORD

    return run


def _lttng(event: str, **environment: str) -> Callable[[Path, Path], tuple[str, int | None]]:
    def run(program: Path, folder: Path) -> tuple[str, int | None]:
        out = folder / "out"
        channel = ["--subbuf-size=1M", "--num-subbuf=8", "hot"]
        for words in (
            ["create", "hot", f"--output={out}"], ["enable-channel", "--userspace", *channel],
            ["enable-event", "--userspace", "--channel=hot", event], ["start"],
        ):  # fmt: skip
            _output(["lttng", *words])
        try:
            said = _output(_words(program), **environment)
        finally:
            _output(["lttng", "destroy"])
        counted = subprocess.run(["babeltrace2", out], capture_output=True, check=True).stdout.count(b"\n")
        return said, counted

    return run


@contextmanager
def _lttng_daemon() -> Iterator[None]:
    """A session daemon of our own, for user space alone; what it keeps goes when it ends."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["LTTNG_HOME"] = home
        daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel"], stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                if not subprocess.run(["lttng", "list"], capture_output=True, check=False).returncode:
                    break
            yield
        finally:
            daemon.terminate()
            daemon.wait()


CASES = (
    Case("plain", ("gcc",), 0, _alone),
    Case("ours, functions off", (_OURS, f"{_PASSES}call-ops"), 0, _alone),
    Case("ours, marker off", (_OURS, f"{_PASSES}marker", "-DMARKER"), 0, _alone),
    Case("LTTng, tracepoint off", ("gcc", "-DLTTNG"), 0, _alone),
    Case("ours, entry and exit", (_OURS, f"{_PASSES}call-ops"), 2, _ours("--functions", "hot")),
    Case("uftrace, -pg", ("gcc", "-pg"), 2, _uftrace("-F", "hot")),
    Case("uftrace, -fpatchable-function-entry", ("gcc", "-fpatchable-function-entry=5"), 2, _uftrace("-P", "hot")),
    Case("LTTng, -finstrument-functions", ("gcc", "-finstrument-functions"), 2,
         _lttng("lttng_ust_cyg_profile_fast:*", LD_PRELOAD=_CYG)),
    Case("ours, marker", (_OURS, f"{_PASSES}marker", "-DMARKER"), 1, _ours("--enable", "hot_point")),
    Case("ours, entry", (_OURS, f"{_PASSES}call-ops"), 1, _ours("--entries", "--functions", "hot")),
    Case("LTTng, tracepoint", ("gcc", "-DLTTNG"), 1, _lttng("hot:point")),
)  # fmt: skip
