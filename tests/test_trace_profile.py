"""What a trace says of functions; and what the reader takes out of a ring whose thread was killed."""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from asmrewrite.toolchain.tracer import tracer_object
from asmrewrite.trace.flame import flame
from asmrewrite.trace.profile import Row, folded, profile
from asmrewrite.trace.region import UNIT, Region, Settings
from tests.building import GCC, ROOT, clean_environment, must


def event(phase: str, ts: float, name: str = "", tid: int = 1) -> dict[str, Any]:
    return {"ph": phase, "ts": ts, "pid": 1, "tid": tid, "name": name}


def test_own_and_total_time_and_recursion() -> None:
    found = profile(
        [
            event("B", 0, "main"), event("B", 1, "f"), event("B", 2, "f"), event("B", 3, "g"), event("E", 5),
            event("E", 6), event("E", 8), event("B", 8, "g"), event("B", 8, "g", tid=2), event("E", 9),
            event("i", 9, "mark"), event("E", 10), event("E", 12, tid=2),
            {**event("i", 9, "dropped"), "cat": "dropped"},
        ]
    )  # fmt: skip
    assert sorted(found.rows()) == [
        Row("f", 2, 5.0, 7.0), Row("g", 3, 7.0, 7.0), Row("main", 1, 2.0, 10.0), Row("mark", 1, None, None),
    ]  # fmt: skip
    lines = "g 4000|main 2000|main;f 3000|main;f;f 2000|main;f;f;g 2000|main;g 1000"
    assert "|".join(sorted(folded(found.root))) == lines
    graph = "".join(flame(found.root, "<title>"))
    assert "main: 10.000 µs (71.4%), own 2.000 µs, 1 calls" in graph and "&lt;title&gt;" in graph


def test_an_empty_trace() -> None:
    found = profile([])
    assert found.rows() == [] and list(folded(found.root)) == []
    assert "".join(flame(found.root, "nothing")).endswith(">nothing</text>\n</svg>\n")


@pytest.fixture
def region(tmp_path: Path) -> Region:
    """What a program of 3,000 pairs of events left, all but the last taken out: its ring went round."""
    program = tmp_path / "events"
    must([GCC, "-O2", ROOT / "testdata" / "runtime" / "events.c", "-lpthread", "-o", program])
    tracer = tracer_object()
    region = Region(tracer, Settings([], [], buffer=1 << 16))
    environment = {**clean_environment(), "LD_PRELOAD": tracer, "ASMREWRITE_TRACE": region.path}
    words: list[str | Path] = [program, *("loop", "1000") * 3, "seconds", "1", "loop", "1"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if region.used():
                region.drain(0, ended=False)
            region.sleep(0.001)
    return region


def test_an_event_that_was_never_finished_is_neither_read_nor_waited_for(region: Region) -> None:
    region.drain(0, ended=False)
    about = region.about(0)
    assert about is not None and about.taken + about.dropped == 6002 and about.taken > 2048
    size = os.fstat(region.file).st_size
    with mmap.mmap(region.file, size) as memory:
        first = struct.unpack_from("<5Q", memory)[4]  # struct region: magic, size, units, stride, first
        (head,) = struct.unpack_from("<Q", memory, first)
        # A thread that has reserved two events, finished the second, and was killed.
        struct.pack_into("<Q", memory, first + 4096 + (head + 1) % 2048 * UNIT.size, 7 << 8 | 1)
        struct.pack_into("<Q", memory, first, head + 2)
    assert not region.drain(0, ended=False)
    assert len(region.drain(0, ended=True)) == UNIT.size
    about = region.about(0)
    assert about is not None and about.torn == 1
