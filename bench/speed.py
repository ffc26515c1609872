"""What rewriting costs beside assembling: on sqlite3 as gcc -O2 compiles it, and on a file of a few lines."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.paired import cpu_seconds, paired
from conformance.programs import sqlite
from conformance.sources import cache_directory

_PARSE = """
import gc, sys, time
from asmrewrite.syntax.listing import parse
gc.disable()
text = open(sys.argv[1], "rb").read()
start = time.process_time()
parse(text, symbols=("__SCT__", "__x86_indirect_thunk"))
print(time.process_time() - start)
"""
_SMALL = "extern int (*hook)(int); int small(int x) { return hook(x) + 1; }\n"


def speed(folder: Path, runs: int = 9) -> Iterator[str]:
    """The lines of the report; `folder` keeps the listing from one run to the next."""
    tools = Path(sys.executable).parent
    listing = _listing(folder)
    lines = listing.read_bytes().count(b"\n")
    yield f"sqlite3.c, gcc -O2 -dp: {lines} lines"
    assemble = ["as", "--64", str(listing), "-o", str(folder / "sqlite3.o")]
    ratios = [(_parse_seconds(listing), cpu_seconds(assemble)) for _ in range(runs)]
    median = statistics.median(a / b for a, b in ratios)
    parse, gas = (statistics.median(column) for column in zip(*ratios, strict=True))
    yield f"parse() / as                  {parse:7.3f} s  {gas:7.3f} s  ratio {median:.2f}"
    rewrite = [str(tools / "asmrewrite"), "filter", str(listing), "-o", str(folder / "sqlite3.out.s")]
    yield f"asmrewrite filter / as        {paired(rewrite, assemble, runs)}"
    small = folder / "small.c"
    small.write_text(_SMALL, encoding="ascii")
    compile_ = ["-O2", "-c", str(small), "-o", str(folder / "small.o")]
    wrapped = [str(tools / "asmrewrite-gcc"), *compile_]
    yield f"asmrewrite-gcc / gcc, 1 site  {paired(wrapped, ['gcc', *compile_], runs)}"
    small.write_text("int nothing;\n", encoding="ascii")
    yield f"asmrewrite-gcc / gcc, 0 sites {paired(wrapped, ['gcc', *compile_], runs)}"


def _listing(folder: Path) -> Path:
    """sqlite3.s, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / "sqlite3.s"
    if not listing.is_file():
        source = sqlite.prepare(cache_directory()) / "sqlite3.c"
        partial = folder / "sqlite3.partial.s"
        subprocess.run(["gcc", "-O2", "-dp", "-S", str(source), "-o", str(partial)], check=True)
        partial.rename(listing)
    return listing


def _parse_seconds(listing: Path) -> float:
    """CPU seconds of parse() itself, in a process of its own."""
    command = [sys.executable, "-c", _PARSE, str(listing)]
    return float(subprocess.run(command, check=True, capture_output=True, env=os.environ).stdout)
