"""`asmrewrite trace` of rewritten programs: their functions and markers, against what they count themselves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.building import ASMREWRITE, GCC, GXX, ROOT, must, needs_gxx, run
from tests.trace_format import load, of

DATA = ROOT / "testdata" / "runtime"
PASSES = "-fplugin-arg-asmrewrite-passes=relpoline,static-call,marker,call-ops"
FLAGS = ["-O2", "-g", "-fno-inline", PASSES, f"-I{ROOT / 'asmrewrite' / 'include'}"]

pytestmark = needs_gxx


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """traced.cpp, rewritten, and its library beside it."""
    folder = tmp_path_factory.mktemp("traced")
    must([GXX, *FLAGS, DATA / "traced.cpp", "-lpthread", "-ldl", "-o", folder / "traced"])
    must([GCC, *FLAGS, "-fPIC", "-shared", DATA / "traced_library.c", "-o", folder / "libtraced.so"])
    return folder / "traced"


def traced(folder: Path, *words: str | Path, functions: str = "counted*") -> tuple[int, int, dict[str, Any]]:
    """What the program counted: calls and marks; and its trace."""
    ran = must([ASMREWRITE, "trace", "--functions", functions, "--enable", "mark_*", "-o", folder / "o.json", *words])
    calls, marks = map(int, ran.text.split())
    return calls, marks, load(folder / "o.json")


def paths(trace: dict[str, Any]) -> list[str]:
    """The names that are open whenever a function begins, of a trace with one thread."""
    found, open_ = [], []
    for event in trace["traceEvents"]:
        if event["ph"] == "B":
            open_.append(event["name"].partition("(")[0].removeprefix("counted::"))
            found.append(">".join(open_))
        elif event["ph"] == "E":
            open_.pop()
    return found


def test_every_call_and_mark_is_there(program: Path, tmp_path: Path) -> None:
    calls, marks, trace = traced(tmp_path, program, "tree", "6", "mark", "100")
    names = Counter(event["name"] for event in of(trace, "B"))
    assert names == {"counted::tree(int)": 127, "counted::mark(int)": 100}
    assert calls == 227
    assert [event["args"]["text"] for event in of(trace, "i")] == [f"number {n} of many" for n in range(99, -1, -1)]
    lines = (DATA / "traced.cpp").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "MARK(mark_number" in text)
    assert marks == 100 and of(trace, "i")[0]["args"]["at"].endswith(f"traced.cpp:{line}")
    assert trace["otherData"]["recorded"] == 2 * calls + marks
    assert (trace["otherData"]["markers"], trace["otherData"]["dropped"]) == (1, 0)


def test_exceptions_longjmp_and_tail_calls_are_nested_as_they_were(program: Path, tmp_path: Path) -> None:
    assert paths(traced(tmp_path, program, "throw")[2]) == [
        "catcher", "catcher>thrower", "catcher>thrower>thrower", "catcher>thrower>thrower>thrower", "catcher>tree",
        "catcher", "catcher>thrower", "catcher>thrower>thrower", "catcher>tree",
    ]  # fmt: skip
    assert paths(traced(tmp_path, program, "jump")[2]) == [
        "landing", "landing>jumper", "landing>jumper>jumper", "landing>jumper>jumper>jumper", "landing>tree",
        "landing", "landing>jumper", "landing>tree",
    ]  # fmt: skip
    assert paths(traced(tmp_path, program, "tail")[2]) == ["tail", "tail>last"] * 2


def test_threads_and_fork(program: Path, tmp_path: Path) -> None:
    calls, _, trace = traced(tmp_path, program, "threads", "5000", "fork", "300")
    about = trace["otherData"]
    assert about["recorded"] + about["dropped"] == 2 * calls
    assert sorted(thread["recorded"] for thread in about["threads"]) == [600, 600, *[10000] * 4]


def test_a_library_that_comes_late(program: Path, tmp_path: Path) -> None:
    calls, _, trace = traced(tmp_path, program, "library", program.with_name("libtraced.so"), "tree", "0")
    assert calls == 4
    assert Counter(event["name"] for event in of(trace, "B")) == {"counted_in_library": 3, "counted::tree(int)": 1}
    assert [event["args"]["text"] for event in of(trace, "i")] == ["3", "2", "1"]


def test_signal_handlers_in_the_middle_of_events(program: Path, tmp_path: Path) -> None:
    calls, _, trace = traced(tmp_path, program, "timer", "200000")
    assert trace["otherData"]["recorded"] + trace["otherData"]["dropped"] == 2 * calls
    assert "counted::tick(int)" in {event["name"] for event in of(trace, "B")}


def test_entries_alone(program: Path, tmp_path: Path) -> None:
    calls, _, trace = traced(tmp_path, "--entries", program, "tree", "4", "throw")
    assert not of(trace, "B") and len(of(trace, "i")) == calls == trace["otherData"]["recorded"]


def test_names_that_nothing_has(program: Path, tmp_path: Path) -> None:
    ran = run([ASMREWRITE, "trace", "--functions", "nobody", "-o", tmp_path / "o.json", program, "tree", "1"])
    assert (ran.status, ran.text) == (0, "3 0\n")
    assert "no marker and no function that was started has such a name" in ran.errors
    assert load(tmp_path / "o.json")["otherData"]["recorded"] == 0


def test_without_a_tracer_nothing_changes(program: Path) -> None:
    assert (
        must([program, "tree", "6", "throw", "jump", "mark", "10"]).text
        == must([program, "tree", "6", "throw", "jump", "mark", "10"], env={"ASMREWRITE_TRACE": "/nowhere"}).text
    )
