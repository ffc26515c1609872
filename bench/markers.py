"""What markers cost that nobody listens to: 200 in sqlite3 and 200 in redis, put in by a script.

Once where it is hot, at the beginning of small functions that are called all the time, and once where one would look
at such a program: sqlite3's interface (sqlite3_*), redis' commands (*Command).

Variants: the program without markers; with markers, by gcc alone (a load and a branch each); with markers that the
runtime has made nops. Instructions are callgrind's, and exact but for what a server does by the clock; CPU is paired.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from asmrewrite.options import PLUGIN_ARGUMENT
from bench import counted
from bench.loads import CPU
from bench.loads import redis as redis_load
from bench.loads.sqlite import SPEEDTEST
from bench.paired import ratio, rotated
from bench.programs import built
from bench.usage import run
from conformance.programs import redis, sqlite
from conformance.programs.build import Build

MARKERS = 200
WITHOUT, BRANCHES, PATCHED = "without", "load and branch", "patched"
_INCLUDE = Path(__file__).resolve().parent.parent / "asmrewrite" / "include"
#: A function's beginning in the style of both programs: its name and first parameter.
_FUNCTION = re.compile(
    r"^(?!typedef|struct|union|enum|#|if|for|while|switch|else|return)(?:[A-Za-z_][\w \t*]*?[ *])"
    r"(\w+)\(([^;{}()=\"]*)\)[ \t]*\{[ \t]*$",
    re.MULTILINE,
)
_HOT_SQLITE = re.compile(
    r"sqlite3(?:Vdbe|Btree|Pager|Pcache|Malloc|Db|Expr|Where|Strlen|PutVarint|GetVarint|Val|Mem)|vdbe|btree|pager|pcache|"
    r"where|cell|balance|moveTo|allocate|free|insert|clear|zeroPage|decodeFlags|mem"
)
_INTERFACE_SQLITE = re.compile(r"sqlite3_")
_HOT_REDIS = (
    "networking", "dict", "sds", "db", "object", "t_string", "t_list", "quicklist", "listpack", "ae", "connection",
    "server",
)  # fmt: skip
_INTERFACE_REDIS = (
    "t_string", "t_list", "t_hash", "t_set", "t_zset", "t_stream", "db", "server", "networking", "object",
)  # fmt: skip
_COMMAND = re.compile(r"\w+Command\Z|call\Z|processCommand\Z")


def markers(folder: Path, runs: int) -> Iterator[str]:
    """The lines of the report."""
    for program in (_SQLITE, _REDIS):
        plain = built(program.module, "gcc", folder / "markers-without" / program.name)
        without = program.instructions(plain)
        yield f"{program.name:<8} {'':<10} {WITHOUT:<16} {without:15,} instructions"
        for placed, recipe in program.recipes.items():
            folders = {WITHOUT: plain}
            for variant, cc in _compilers().items():
                name = f"markers-{placed}-{variant.replace(' ', '-')}"
                folders[variant] = built(program.module, cc, folder / name / program.name, recipe)
                number = program.instructions(folders[variant])
                yield f"{program.name:<8} {placed:<10} {variant:<16} {number:15,} instructions  {number / without:.4f}"
            if not runs:
                continue
            rounds = rotated({v: partial(program.cpu, where, plain) for v, where in folders.items()}, runs)
            for variant in _compilers():
                beside = ratio((done[variant], done[WITHOUT]) for done in rounds)
                yield f"{program.name:<8} {placed:<10} {variant:<16} CPU {beside}"


def _compilers() -> dict[str, str]:
    """Variant -> the compiler's command."""
    ours = shlex.quote(str(Path(sys.executable).parent / "asmrewrite-gcc"))
    return {BRANCHES: f"gcc -I{_INCLUDE}", PATCHED: f"{ours} -I{_INCLUDE} {PLUGIN_ARGUMENT}passes=marker"}


def with_markers(text: str, most: int, hot: Callable[[str], bool] = lambda name: True) -> tuple[str, int]:
    """C text with a marker at the beginning of each of its first `most` functions that are `hot`; how many."""
    made = 0

    def mark(found: re.Match[str]) -> str:
        nonlocal made
        name, parameters = found.groups()
        first = re.sub(r"/\*.*?\*/", "", parameters, flags=re.DOTALL).split(",")[0].strip()
        variable = re.search(r"(\w+)\Z", first)
        if made >= most or not hot(name) or name == "main":
            return found.group()
        made += 1
        if variable is None or first in ("", "void") or " " not in first.replace("*", " "):
            return f'{found.group()} MARK(bench_{name}, "nothing");'
        if "*" in first:
            return f'{found.group()} MARK(bench_{name}, "%p", (const void *){variable.group()});'
        return f'{found.group()} MARK(bench_{name}, "{variable.group()}");'

    # What the source asks of libc it must have asked before the first header.
    asked = "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n"
    return f"{asked}#include <asmrewrite/marker.h>\n" + _FUNCTION.sub(mark, text), made


def _sqlite_hot(build: Build) -> None:
    """SQLite with markers; one in the loop over opcodes."""
    loop = "for(pOp=&aOp[p->pc]; 1; pOp++){"
    text, made = with_markers(_amalgamation(build), MARKERS - 1, lambda name: _HOT_SQLITE.match(name) is not None)
    text, loops = text.replace(loop, f'{loop} MARK(bench_opcode, "%d", pOp->opcode);'), text.count(loop)
    _sqlite(build, text, made + loops)


def _sqlite_interface(build: Build) -> None:
    """SQLite with markers in the functions that programs call."""
    _sqlite(build, *with_markers(_amalgamation(build), MARKERS, lambda name: _INTERFACE_SQLITE.match(name) is not None))


def _amalgamation(build: Build) -> str:
    return (build.source / "sqlite3.c").read_text()


def _sqlite(build: Build, text: str, made: int) -> None:
    if made != MARKERS:
        raise RuntimeError(f"{made} places of sqlite3 were marked")
    marked = build.directory / "marked"
    marked.mkdir()
    for path in build.source.iterdir():
        if path.name != "sqlite3.c":
            (marked / path.name).symlink_to(path)
    (marked / "sqlite3.c").write_text(text)
    sqlite.build(replace(build, source=marked))


def _redis_hot(build: Build) -> None:
    """Redis with markers."""
    _redis(build, _HOT_REDIS, 1 + MARKERS // len(_HOT_REDIS), lambda name: True)


def _redis_interface(build: Build) -> None:
    """Redis with markers in its commands."""
    _redis(build, _INTERFACE_REDIS, MARKERS, lambda name: _COMMAND.match(name) is not None)


def _redis(build: Build, files: tuple[str, ...], most: int, wanted: Callable[[str], bool]) -> None:
    marked = build.directory.with_name("redis-marked")
    shutil.rmtree(marked, ignore_errors=True)
    shutil.copytree(build.source, marked)
    made = 0
    for name in files:
        path = marked / "src" / f"{name}.c"
        text, here = with_markers(path.read_text(), min(MARKERS - made, most), wanted)
        path.write_text(text)
        made += here
    if made != MARKERS:
        raise RuntimeError(f"{made} functions of redis were marked")
    redis.build(replace(build, source=marked))


def _sqlite_cpu(folder: Path, _client: Path) -> float:
    return CPU.of(run(SPEEDTEST, folder)[0])


def _redis_cpu(folder: Path, client: Path) -> float:
    words = ("-t", "set,get,lpush", "-r", "100000", "-P", "16")
    return redis_load.measure(client / "src", folder / "src", words, 1_500_000).user


class _Program(NamedTuple):
    """A program: how it is built without markers and with them, by the places of these, and how it is measured."""

    name: str
    module: ModuleType
    recipes: Mapping[str, Callable[[Build], None]]
    instructions: Callable[[Path], int]
    cpu: Callable[[Path, Path], float]


_SQLITE = _Program(
    "sqlite3", sqlite, {"hot": _sqlite_hot, "interface": _sqlite_interface}, counted.sqlite3, _sqlite_cpu
)
_REDIS = _Program("redis", redis, {"hot": _redis_hot, "interface": _redis_interface}, counted.redis, _redis_cpu)
