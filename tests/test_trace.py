"""`asmrewrite trace`: real programs with threads, signals, fork and exec, and what is in the file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.building import ASMREWRITE, GCC, ROOT, Ran, clean_environment, must, run
from tests.trace_format import load, of

DATA = ROOT / "testdata" / "runtime"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that tells the tracer of its events by itself."""
    path = tmp_path_factory.mktemp("trace") / "events"
    must([GCC, "-O2", "-g", DATA / "events.c", "-lpthread", "-o", path])
    return path


def traced(folder: Path, *words: str | Path, file: str = "out.json", status: int = 3) -> tuple[Ran, dict[str, Any]]:
    """What `asmrewrite trace` printed, and the trace."""
    ran = run([ASMREWRITE, "trace", "-o", folder / file, *words])
    assert ran.status == status, ran.errors
    return ran, load(folder / file)


def told(ran: Ran) -> int:
    """How many events the program counted, all its images together."""
    return sum(map(int, ran.text.split()))


def events_of(trace: dict[str, Any]) -> int:
    """How many events it holds or says are missing."""
    about = trace["otherData"]
    assert about["recorded"] == sum(thread["recorded"] for thread in about["threads"])
    noted = sum(event["args"]["events"] for event in of(trace, "i") if event["name"] == "dropped")
    assert noted == about["dropped"]
    return int(about["recorded"] + about["dropped"])


def test_a_tree_of_calls(program: Path, tmp_path: Path) -> None:
    ran, trace = traced(tmp_path, program, "tree", "5")
    assert told(ran) == events_of(trace) == 126
    assert Counter(event["name"] for event in of(trace, "B")) == {"tree": 63}
    depth = deepest = 0
    for event in trace["traceEvents"]:
        depth += {"B": 1, "E": -1}.get(event["ph"], 0)
        deepest = max(deepest, depth)
    assert deepest == 6
    assert [event["args"]["name"] for event in of(trace, "M")] == ["events", "events"]
    assert trace["otherData"]["command"] == [str(program), "tree", "5"]
    assert trace["otherData"]["status"] == 3


def test_a_marker_s_arguments(program: Path, tmp_path: Path) -> None:
    _, trace = traced(tmp_path, program, "text", file="out.json.gz")
    (said,) = of(trace, "i")
    assert said["name"] == "said"
    assert said["args"] == {
        "text": "-3 word 2.500 x feedfacecafe abcd|   17|44  |1.5 0x10 (null) 1 2 3",
        "at": "events.c:7",
    }
    _, trace = traced(tmp_path, "--text", "2", program, "text")
    assert of(trace, "i")[0]["args"]["text"].startswith("-3 wo... 2.500 x feedfacecafe ab...|")


def test_signals_in_the_middle_of_events_lose_none(program: Path, tmp_path: Path) -> None:
    ran, trace = traced(tmp_path, program, "signals", "200000")
    assert told(ran) == events_of(trace)
    assert "handler" in {event["name"] for event in of(trace, "B")}


def test_threads_have_rings_and_names(program: Path, tmp_path: Path) -> None:
    ran, trace = traced(tmp_path, program, "threads", "10000", "threads", "10000", "loop", "1")
    assert told(ran) == events_of(trace) == 160002
    assert trace["otherData"]["dropped"] == 0
    assert sorted(thread["name"] for thread in trace["otherData"]["threads"]) == ["events"] + 8 * ["worker"]


def test_a_full_ring_drops_and_counts(program: Path, tmp_path: Path) -> None:
    for mode, phase in (["--buffer", "64K", "--newest"], -1), (["--buffer=64K"], 0):
        ran, trace = traced(tmp_path, *mode, program, "loop", "300000", "text")
        assert told(ran) == events_of(trace) == 600001
        assert trace["otherData"]["dropped"] > 0 or not phase
    ran, trace = traced(tmp_path, "--newest", "--buffer", "64K", program, "loop", "100000", "text")
    assert 2000 < trace["otherData"]["recorded"] <= 2048
    assert trace["traceEvents"][2]["name"] == "dropped"
    assert of(trace, "i")[-1]["name"] == "said"
    ran, trace = traced(tmp_path, "--newest", "--buffer", "64K", program, *["text"] * 500, "loop", "1500")
    assert told(ran) == events_of(trace) and trace["otherData"]["recorded"] == 2048


def test_a_child_of_fork_has_its_own(program: Path, tmp_path: Path) -> None:
    ran, trace = traced(tmp_path, program, "loop", "10", "fork", "1000")
    assert told(ran) == events_of(trace) == 4020
    parent, child = sorted(trace["otherData"]["threads"], key=lambda thread: -int(thread["recorded"]))
    assert (parent["recorded"], child["recorded"]) == (2020, 2000)
    assert {event["name"] for event in of(trace, "B") if event["pid"] == child["pid"]} == {"loop"}


@pytest.mark.parametrize(("option", "recorded"), [("--text=64", 6), ("--no-follow", 2)])
def test_exec(option: str, recorded: int, program: Path, tmp_path: Path) -> None:
    ran, trace = traced(tmp_path, option, program, "loop", "1", "exec", "loop", "2")
    assert told(ran) == 6
    assert events_of(trace) == recorded


def test_what_was_recorded_outlives_the_program(program: Path, tmp_path: Path) -> None:
    _, trace = traced(tmp_path, program, "loop", "50", "kill", status=-signal.SIGKILL)
    assert events_of(trace) == 100
    assert trace["otherData"]["status"] == -signal.SIGKILL


def test_ctrl_c_ends_the_program_and_not_the_trace(program: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [ASMREWRITE, "trace", program, "loop", "5", "seconds", "60", "-o", tmp_path / "o.json"]
    process = subprocess.Popen(words, start_new_session=True, env=clean_environment(), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not _children(process.pid, "events"):
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert events_of(load(tmp_path / "o.json")) == 10


def _children(pid: int, name: str) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed if Path(f"/proc/{child}/comm").read_text().strip() == name]


def test_what_is_the_program_s_stays_its_own(program: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [ASMREWRITE, "trace", "-o", tmp_path / "o.json", "--", program, "-o", "x", "--buffer"]
    ran = run(words)
    assert (ran.status, ran.text) == (3, "0\n")
    assert ran.errors.endswith(f"asmrewrite: trace: {tmp_path}/o.json: 0 events of 0 threads, 0 dropped\n")


def test_report(program: Path, tmp_path: Path) -> None:
    traced(tmp_path, program, "tree", "3", "threads", "10", "text")
    report: list[str | Path] = [ASMREWRITE, "trace", "report", tmp_path / "out.json"]
    rows = re.findall(
        r"│ (\w+) +│ +(\d+) │ +([\d.]*) │ +[\d.%]* │ +([\d.]*) │", must([*report, "--sort", "count"]).text
    )
    assert [(name, count) for name, count, _, _ in rows] == [("loop", "40"), ("tree", "15"), ("said", "1")]
    own, total = map(float, rows[1][2:])
    assert abs(own - total) < 0.002
    lines = must([*report, "--folded", "-"]).text.splitlines()
    assert {line.rpartition(" ")[0] for line in lines} <= {"loop", *(";".join(["tree"] * n) for n in range(1, 5))}
    must([*report, "--svg", tmp_path / "flame.svg"])
    root = ET.parse(tmp_path / "flame.svg").getroot()
    titles = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any(re.fullmatch(r"tree: \d+\.\d+ µs \(\d+\.\d%\), own \d+\.\d+ µs, 1 calls", title) for title in titles)
    assert titles[0].startswith("all: ")


@pytest.mark.parametrize("content", ["", "{}", '{"otherData":{"writer":"x"},\n', '{"traceEvents":[]}'])
def test_report_of_what_is_no_trace(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    ran = run([ASMREWRITE, "trace", "report", tmp_path / "x.json"])
    assert (ran.status, ran.out) == (1, b"")
    assert "is not a trace" in ran.errors


def test_report_of_half_a_trace(program: Path, tmp_path: Path) -> None:
    for name in ("out.json", "out.json.gz"):
        traced(tmp_path, program, "tree", "8", file=name)
        data = (tmp_path / name).read_bytes()
        # In the midst of a line, and behind one; what is packed has none.
        line = data.find(b"\n", len(data) // 2) + 1
        for half in (data[: len(data) // 2], data[: line or len(data) // 3]):
            (tmp_path / f"half.{name}").write_bytes(half)
            ran = run([ASMREWRITE, "trace", "report", tmp_path / f"half.{name}"])
            assert ran.status == 1 and ("is not whole" in ran.errors or "is damaged" in ran.errors)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("-static", "it is linked statically, and so cannot load the tracer; link it without -static"),
        ("-static-pie", "it is linked statically, and so cannot load the tracer; link it without -static"),
        ("-fplugin-arg-asmrewrite-runtime=off", "neither it nor a library that it is linked with has sites"),
    ],
)
def test_what_cannot_be_traced(flags: str, reason: str, tmp_path: Path) -> None:
    must([GCC, "-O2", flags, DATA / "learn.c", f"-I{ROOT}/asmrewrite/include", "-lpthread", "-o", tmp_path / "x"])
    ran = run([ASMREWRITE, "trace", "-o", tmp_path / "o.json", tmp_path / "x"])
    assert ran.status == 1 and reason in ran.errors
    assert not (tmp_path / "o.json").exists()


def test_a_script_cannot_be_traced(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho hello\n")
    script.chmod(0o755)
    ran = run([ASMREWRITE, "trace", script])
    assert ran.status == 1 and "it is no ELF program" in ran.errors


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no program is named"),
        (["--nonsense", "x"], "--nonsense is not understood"),
        (["--buffer", "3K", "x"], "from 64K to 1G"),
        (["--text", "x", "x"], "from 0 to 512 bytes"),
        (["x", "-o"], "-o needs a value"),
        (["report"], "one trace is reported"),
    ],
)
def test_words(words: list[str], message: str) -> None:
    ran = run([ASMREWRITE, "trace", *words])
    assert ran.status == 2 and message in ran.errors
