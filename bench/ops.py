"""What call-ops costs: a program whose functions could all be traced, and one call that is."""

from __future__ import annotations

import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from asmrewrite.options import PLUGIN_ARGUMENT
from bench import counted
from bench.loads import redis as redis_load
from bench.loads.sqlite import SPEEDTEST
from bench.paired import ratio, rotated
from bench.programs import built
from bench.usage import run
from bench.variants import LEVEL, PLAIN
from conformance.programs import redis, sqlite

_SOURCE = Path(__file__).resolve().parent / "micro" / "ops.c"
_INCLUDE = Path(__file__).resolve().parent.parent / "asmrewrite" / "include"
#: What micro/ops.c does with its function.
_STATES = ("off", "func", "direct", "vectors", "exit")


def ops(folder: Path, runs: int = 9) -> Iterator[str]:
    """Lines for sqlite3 and redis with all sites off in both layouts; unless `runs` is 0, for CPU and calls, too."""
    ours = f"{shlex.quote(str(Path(sys.executable).parent / 'asmrewrite-gcc'))} {PLUGIN_ARGUMENT}passes=call-ops"
    compilers = {PLAIN: "gcc", "array": ours, "literal": f"{ours} {PLUGIN_ARGUMENT}ops-layout=literal"}
    for name, program, instructions in (("sqlite3", sqlite, counted.sqlite3), ("redis", redis, counted.redis)):
        folders = {n: built(program, cc, folder / f"ops-{n}" / name) for n, cc in compilers.items()}
        numbers = {n: instructions(place) for n, place in folders.items()}
        for n, number in numbers.items():
            yield f"{name:<8} {n:<8} {number:15,} instructions, off  {number / numbers[PLAIN]:.4f}"
    if not runs:
        return
    sqlites, redises = ({n: folder / f"ops-{n}" / name for n in compilers} for name in ("sqlite3", "redis"))
    yield from _lines({n: partial(_seconds, place) for n, place in sqlites.items()}, "s   speedtest1, off", runs)
    served = {n: partial(_microseconds, redises[PLAIN], place) for n, place in redises.items()}
    yield from _lines(served, "us  a request to redis, off", runs)
    programs = {name: _micro(cc, folder / f"ops-{name}") for name, cc in compilers.items()}
    measures: dict[str, Callable[[], float]] = {PLAIN: partial(_nanoseconds, programs[PLAIN], "off")}
    for layout in ("array", "literal"):
        measures |= {f"{layout} {state}": partial(_nanoseconds, programs[layout], state) for state in _STATES}
    yield from _lines(measures, "ns  a call", runs)


def _lines(measures: Mapping[str, Callable[[], float]], unit: str, runs: int) -> Iterator[str]:
    rounds = rotated(measures, runs)
    for name in measures:
        beside = ratio((done[name], done[PLAIN]) for done in rounds)
        yield f"{name:<16} {statistics.median(done[name] for done in rounds):8.2f} {unit}  beside plain {beside}"


def _seconds(folder: Path) -> float:
    usage, _ = run(SPEEDTEST, folder)
    return usage.cpu


def _microseconds(client: Path, folder: Path) -> float:
    words = ("-t", "set,get,lpush", "-r", "100000", "-P", "16")
    return redis_load.measure(client / "src", folder / "src", words, 1_500_000).user


def _micro(cc: str, directory: Path) -> Path:
    subprocess.run([*shlex.split(cc), LEVEL, f"-I{_INCLUDE}", str(_SOURCE), "-o", str(directory / "ops")], check=True)
    return directory


def _nanoseconds(directory: Path, state: str) -> float:
    _, output = run(["./ops", state], directory)
    return float(output)
