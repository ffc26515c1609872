"""The rules of the Trace Event Format that a file of ours must keep, from the format's public description."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

METADATA = {"process_name", "thread_name"}


def load(path: Path) -> dict[str, Any]:
    """The file as any reader of JSON sees it, and held to the rules."""
    data = path.read_bytes()
    found: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    check(found)
    return found


def check(trace: dict[str, Any]) -> None:
    """Assert all rules: fields of each phase, times that never go back in a thread, each B with its E."""
    assert set(trace) <= {"traceEvents", "displayTimeUnit", "otherData", "systemTraceEvents", "stackFrames", "samples"}
    assert trace["displayTimeUnit"] in ("ms", "ns")
    open_: dict[tuple[int, int], int] = defaultdict(int)
    last: dict[tuple[int, int], float] = defaultdict(float)
    for event in trace["traceEvents"]:
        thread = event["pid"], event["tid"]
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int)
        assert isinstance(event.get("args", {}), dict)
        phase = event["ph"]
        if phase == "M":
            assert event["name"] in METADATA and isinstance(event["args"]["name"], str)
            continue
        assert isinstance(event["ts"], (int, float)) and event["ts"] >= last[thread]
        last[thread] = event["ts"]
        if phase == "E":
            assert open_[thread] > 0
            open_[thread] -= 1
            continue
        assert isinstance(event["name"], str) and event["name"]
        if phase == "B":
            open_[thread] += 1
        else:
            assert phase == "i" and event["s"] in ("g", "p", "t")
    assert not any(open_.values())


def of(trace: dict[str, Any], phase: str) -> list[dict[str, Any]]:
    """The events of a phase."""
    return [event for event in trace["traceEvents"] if event["ph"] == phase]
