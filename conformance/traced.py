"""The suite: redis under load, traced; what the trace has, against counters that a patch puts into the server.

The server is built with markers and counters in six of its functions, which are reached through pointers or from other
files, so that each call is a call. At its end it writes the counters. A case is one run of redis-benchmark:

    files     all functions of networking.c and t_string.c, and the markers, with rings that are large enough: nothing
              is dropped, and of each counted function there are as many entries as the counter says
    drops     the counted functions and the markers, with rings of 64 KiB and no rest for the reader: recorded and
              dropped events are together what the counters say
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from conformance.command import CommandError, must
from conformance.programs import redis
from conformance.programs.build import Build
from conformance.sources import REPOSITORY, cache_directory
from conformance.table import Row

SUMMARY = "redis traced under load: as many events as the server's own counters say"

#: File -> functions that are counted, by the line that begins each.
FUNCTIONS = {
    "networking.c": ("client *createClient(connection *conn) {", "void readQueryFromClient(connection *conn) {"),
    "server.c": ("int processCommand(client *c) {",),
    "t_list.c": ("void lpushCommand(client *c) {",),
    "t_string.c": ("void setCommand(client *c) {", "void getCommand(client *c) {"),
}
_ALL_OF = ("networking", "t_string")
#: In processCommand: a marker with a string and a number, and one without arguments.
_MARKS = """
    MARK(redis_command, "%s, %d arguments", (char *)c->argv[0]->ptr, c->argc);
    MARK(redis_turn, "");
    asmrewrite_marks += 2;
"""
_COUNTERS = """
#include <asmrewrite/marker.h>
unsigned long asmrewrite_calls[%d], asmrewrite_marks;
__attribute__((destructor)) static void asmrewrite_tell(void) {
    FILE *file = fopen("counters", "w");
    for (int i = 0; i < %d; i++) fprintf(file, "%%lu\\n", asmrewrite_calls[i]);
    fprintf(file, "%%lu\\n", asmrewrite_marks);
    fclose(file);
}
"""
_DECLARED = "#include <asmrewrite/marker.h>\nextern unsigned long asmrewrite_calls[], asmrewrite_marks;\n"
_NAMES = [line.partition("(")[0].split()[-1].lstrip("*") for lines in FUNCTIONS.values() for line in lines]
_BIN = Path(sys.executable).parent
_PATIENCE = 60.0


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Both runs."""
    folder = REPOSITORY / "build" / "traced"
    server = _built(folder / "redis")
    everything = [name for file in _ALL_OF for name in _functions(server / f"{file}.o")]
    options = {
        "files": ["--buffer", "512M", *(f"--functions={name}" for name in {*everything, *_NAMES})],
        "drops": ["--buffer", "64K", *(f"--functions={name}" for name in _NAMES)],
    }
    passed = 0
    for name, words in options.items():
        problems, said = _case(name, server, folder, [*words, "--enable", "redis_*"])
        passed += not problems
        print(f"traced: {name}: {said}{''.join(f'{chr(10)}    {problem}' for problem in problems)}", flush=True)
    return [Row("traced", len(options), passed)]


def _built(directory: Path) -> Path:
    """redis/src, patched and built, unless that was done for this patch and tracer."""
    stamp, identity = directory / ".stamp", repr((FUNCTIONS, _MARKS, _COUNTERS, _newest()))
    if not stamp.is_file() or stamp.read_text() != identity:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        source = directory.with_name("redis-source")
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(redis.prepare(cache_directory()), source)
        _patch(source / "src")
        passes = "-fplugin-arg-asmrewrite-passes=relpoline,static-call,marker,call-ops"
        include = REPOSITORY / "asmrewrite" / "include"
        redis.build(Build(f"{_BIN / 'asmrewrite-gcc'} {passes} -I{include}", "-O2", "-fPIE", "-pie", directory, source))
        stamp.write_text(identity)
    return directory / "src"


def _newest() -> float:
    """When our own code was last changed."""
    folders = ("runtime", "passes", "include/asmrewrite", "analysis")
    return max(path.stat().st_mtime for name in folders for path in (REPOSITORY / "asmrewrite" / name).glob("*.*"))


def _patch(source: Path) -> None:
    """Counters at the beginning of each function, and markers in processCommand."""
    number = 0
    for name, lines in FUNCTIONS.items():
        text = (source / name).read_text()
        for line in lines:
            if text.count(f"\n{line}\n") != 1:
                raise CommandError(f"{name} has not one {line!r}")
            marks = _MARKS if "processCommand" in line else ""
            text = text.replace(f"\n{line}\n", f"\n{line}\n    asmrewrite_calls[{number}]++;{marks}\n")
            number += 1
        head = _COUNTERS % (len(_NAMES), len(_NAMES)) if name == "server.c" else _DECLARED
        (source / name).write_text(text.replace('#include "server.h"\n', f'#include "server.h"\n{head}', 1))


def _functions(path: Path) -> list[str]:
    """The functions of an object."""
    return re.findall(r" [Tt] ([A-Za-z_]\w*)$", must(["nm", str(path)]).decode(), re.MULTILINE)


def _case(name: str, server: Path, folder: Path, options: list[str]) -> tuple[list[str], str]:
    """Run the server and the benchmark: problems, and what to say."""
    trace, socket, counters = folder / f"{name}.json", folder / "socket", folder / "counters"
    for old in (socket, counters):
        old.unlink(missing_ok=True)
    command: list[str | Path] = [
        _BIN / "asmrewrite",
        "trace",
        *options,
        "-o",
        trace,
        "--",
        server / "redis-server",
        "--port",
        "0",
    ]
    words = [*command, "--unixsocket", socket, "--save", "", "--dir", folder]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL) as process:
        _wait(socket.is_socket)
        load = ["-s", str(socket), "-t", "set,get,lpush", "-r", "1000", "-n", "20000", "-P", "4", "--csv"]
        must([str(server / "redis-benchmark"), *load])
        os.kill(process.pid, signal.SIGTERM)
        status = process.wait(timeout=600)
    problems = [f"the server ended with status {status}"] if status else []
    *calls, marks = map(int, counters.read_text().split())
    with trace.open() as file:
        found: dict[str, Any] = json.load(file)
    about = found["otherData"]
    begun = Counter(event["name"] for event in found["traceEvents"] if event["ph"] == "B")
    marked = Counter(event["name"] for event in found["traceEvents"] if event.get("cat") == "marker")
    total = 2 * sum(calls) + marks
    if name == "drops":
        if about["recorded"] + about["dropped"] != total or not about["dropped"]:
            problems.append(f"{about['recorded']} recorded and {about['dropped']} dropped, {total} counted")
    else:
        wrong = {n: (begun[n], count) for n, count in zip(_NAMES, calls, strict=True) if begun[n] != count}
        problems += [f"{n}: {has} in the trace, {count} counted" for n, (has, count) in wrong.items()]
        if about["dropped"] or marked.total() != marks:
            problems.append(f"{about['dropped']} dropped; {marked.total()} marks in the trace, {marks} counted")
    said = f"{about['recorded']:,} events of {len(begun)} functions and {len(marked)} markers"
    return problems, f"{said}, {about['dropped']:,} dropped; counted: {sum(calls):,} calls, {marks:,} marks"


def _wait(ready: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise CommandError("redis-server does not come up")
        time.sleep(0.05)
