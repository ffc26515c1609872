"""The benchmarks' own parts: turns, ratios, servers that end, loads that must print the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from bench.loads import CPU, commands
from bench.paired import Ratio, ratio, rotated
from bench.server import serving
from bench.table import Row, geometric_means
from bench.usage import Usage, run, used_by
from bench.variants import LEARNED, PLAIN, STATIC, variants
from tests.building import GCC, ROOT, must


def test_alternatives_take_turns_and_the_first_round_is_not_counted() -> None:
    turns: list[str] = []

    def turn(name: str) -> int:
        turns.append(name)
        return len(turns)

    rounds = rotated({name: partial(turn, name) for name in "abc"}, 2)
    assert "".join(turns) == "abcabcabc"
    assert rounds == [{"a": 4, "b": 5, "c": 6}, {"a": 7, "b": 8, "c": 9}]


def test_a_ratio_is_of_neighbours() -> None:
    # The machine is ten times slower in the second round; the ratio of medians would be 11.
    assert ratio([(2.0, 1.0), (20.0, 10.0), (33.0, 11.0)]) == Ratio(2.0, 2.0, 3.0)


def test_the_mean_is_of_the_figure_that_counts() -> None:
    def row(a: float, b: float) -> Row:
        return Row("load", (CPU,), [{PLAIN: Usage(1.0, 1.0, 5.0), "a": Usage(a, 0.0, 9.0), "b": Usage(b, 0.0, 9.0)}])

    assert geometric_means([row(2.0, 4.0), row(8.0, 4.0)], PLAIN) == pytest.approx({"a": 2.0, "b": 2.0})


def test_a_load_that_prints_something_else_is_no_figure(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "text").write_text(f"{name} 1.5s")
    folders = {name: tmp_path / name for name in ("a", "b")}
    same = commands("same", ("cat", "text"), folders, lambda output: output[1:])
    assert [measure().wall > 0 for measure in same.measures.values()] == [True, True]
    other = commands("other", ("cat", "text"), folders, bytes.strip)
    other.measures["a"]()
    with pytest.raises(RuntimeError, match="does not print"):
        other.measures["b"]()


def test_a_command_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="status 3"):
        run(["sh", "-c", "exit 3"], tmp_path)


def test_usage_of_a_process() -> None:
    start = used_by(os.getpid())
    while used_by(os.getpid()).since(start).cpu < 0.05:
        pass
    each = Usage(1.0, 0.5, 3.0).each(1000)
    assert (each.user, each.cpu) == (1000.0, 1500.0)


def _ended(pid: int) -> bool:
    """Whether a process is gone, or waits only for who started it to look."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_a_server_ends_with_its_context(tmp_path: Path) -> None:
    start = time.monotonic()
    with serving(["sleep", "60"], tmp_path, lambda: True) as pid:
        assert Path(f"/proc/{pid}").exists()
    assert _ended(pid)
    assert time.monotonic() - start < 30


def test_a_server_ends_when_the_harness_is_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\nfrom bench.server import serving\n"
        "with serving(['sleep', '60'], pathlib.Path('.'), lambda: True) as pid:\n"
        "    time.sleep(0.2)\n    print(pid, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        pid = int(harness.stdout.readline())
        harness.kill()
    assert _ended(pid)


def test_a_server_that_does_not_come_up_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="does not come up"), serving(["false"], tmp_path, lambda: False):
        pass


def test_variants_differ_in_the_command_alone() -> None:
    commands_ = [variant.cc for variant in variants(control=False).values()]
    assert commands_[0] == "gcc"
    control = [variant.cc for variant in variants(control=True).values()]
    assert control == ["gcc", "gcc"]


@pytest.mark.parametrize("name", [PLAIN, STATIC, LEARNED])
def test_every_shape_of_the_small_calls(tmp_path: Path, name: str) -> None:
    cc = variants(control=False)[name].cc.split()
    must(
        [
            *cc,
            "-O2",
            f"-I{ROOT / 'asmrewrite' / 'include'}",
            ROOT / "bench" / "micro" / "calls.c",
            "-o",
            tmp_path / "calls",
        ]
    )
    for shape in ("direct", "static", "pointer1", "pointer2", "pointer4", "pointer16", "sites"):
        assert float(must(["./calls", shape, "25600"], tmp_path).text) > 0
    if name != PLAIN:
        assert cc[0] == GCC
        listed = must([Path(GCC).with_name("asmrewrite"), "sites", tmp_path / "calls"]).text
        assert listed.count("relpoline") > 256
        assert "static-call" in listed or "static call" in listed
