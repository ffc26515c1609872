"""`asmrewrite trace`: run a program with markers and functions enabled, and what a trace says. See docs/tracing.md."""

from __future__ import annotations

import re
import shutil
import sys

from asmrewrite.cli.report import say
from asmrewrite.errors import AsmRewriteError, OptionError, ToolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.trace.launch import Traced
    from asmrewrite.trace.profile import Row

USAGE = """\
usage: asmrewrite trace [OPTION]... PROGRAM [ARG]...
       asmrewrite trace report FILE [--sort own|total|count] [--svg FILE] [--folded FILE|-]

  --enable GLOB       markers, by name; may be given again
  --functions GLOB    functions, by name; may be given again. Without both: all markers and all functions
  --entries           do not watch the functions' exits
  -o FILE             where the trace goes (default trace.json); FILE.gz is packed
  --buffer SIZE       of each thread's ring, such as 1M (default 4M)
  --newest            when a ring is full keep the newest events, not the oldest; nothing is taken out meanwhile
  --text BYTES        of a marker's string (default 64, at most 512)
  --no-follow         do not trace programs that PROGRAM starts or becomes

The options may also stand behind PROGRAM and its arguments; behind -- all words are the program's."""
_MULTIPLES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_VALUES = ("--enable", "--functions", "-o", "--buffer", "--text")
_SWITCHES = ("--entries", "--newest", "--no-follow")


def trace_main(arguments: list[str]) -> int:
    """The command; its status is the program's."""
    if arguments[:1] == ["report"]:
        return _report(arguments[1:])
    if arguments[:1] in (["--help"], ["-h"]):
        print(USAGE)
        return 0
    words, given = _parsed(arguments)
    if not words:
        raise OptionError("no program is named", hint=USAGE)
    from asmrewrite.trace.launch import trace
    from asmrewrite.trace.region import Settings

    markers, functions = given.get("--enable", []), given.get("--functions", [])
    if not markers and not functions:
        markers, functions = ["*"], ["*"]
    settings = Settings(
        markers,
        functions,
        _buffer(given.get("--buffer", ["4M"])[-1]),
        "--newest" in given,
        "--entries" not in given,
        _text(given.get("--text", ["64"])[-1]),
        "--no-follow" not in given,
    )
    program = _program(words[0])
    output = given.get("-o", ["trace.json"])[-1]
    with open(output, "wb") as out:
        traced = trace(program, words, settings, out, output)
    _tell(traced, output)
    if traced.status < 0:
        from asmrewrite.toolchain.process import end_by

        end_by(-traced.status)
    return traced.status


def _parsed(arguments: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """The program's words, and our options with their values."""
    words: list[str] = []
    given: dict[str, list[str]] = {}
    left = iter(arguments)
    for word in left:
        name, equals, value = word.partition("=")
        if word == "--":
            words += left
        elif word in _SWITCHES:
            given[word] = []
        elif name in _VALUES and (equals or word == name):
            value = value if equals else next(left, "")
            if not value:
                raise OptionError(f"{name} needs a value", hint=USAGE)
            given.setdefault(name, []).append(value)
        elif word.startswith("-") and not words:
            raise OptionError(f"{word} is not understood", hint=USAGE)
        else:
            words.append(word)
    return words, given


def _buffer(word: str) -> int:
    """Bytes: a power of two, at least 64K."""
    match = re.fullmatch(r"(\d+)([KMG]?)", word)
    size = int(match[1]) * _MULTIPLES[match[2]] if match else 0
    if not 1 << 16 <= size <= 1 << 30:
        raise OptionError(f"--buffer {word}: from 64K to 1G")
    return 1 << (size - 1).bit_length()


def _text(word: str) -> int:
    if not word.isdecimal() or int(word) > 512:
        raise OptionError(f"--text {word}: from 0 to 512 bytes")
    return int(word)


def _program(word: str) -> str:
    """The file that will run; `ToolError` when it cannot be traced."""
    path = shutil.which(word)
    if path is None:
        raise ToolError(f"cannot run {word}: no such program", status=127)
    from asmrewrite.trace.traceable import refusal

    if reason := refusal(path):
        raise AsmRewriteError(f"cannot be traced: {reason}", file=path)
    return path


def _tell(traced: Traced, output: str) -> None:
    names = traced.names
    for problem in dict.fromkeys(names.problems):
        say(f"asmrewrite: trace: {problem}")
    for reason, count in names.refused.items():
        if count:
            say(f"asmrewrite: trace: {count:,} functions could not be watched: {reason}")
    if not names.functions and not names.markers and not traced.recorded:
        say("asmrewrite: trace: no marker and no function that was started has such a name")
    if traced.running:
        say("asmrewrite: trace: processes that it started still run; what they do now is not recorded")
    threads = f"{len(traced.threads)} thread{'s' * (len(traced.threads) != 1)}"
    dropped = f"{traced.dropped:,} dropped" + (" (a larger --buffer holds more)" if traced.dropped else "")
    say(f"asmrewrite: trace: {output}: {traced.recorded:,} events of {threads}, {dropped}")


def _report(arguments: list[str]) -> int:
    given: dict[str, str] = {}
    files = []
    left = iter(arguments)
    for word in left:
        if word in ("--help", "-h"):
            print(USAGE)
            return 0
        if word in ("--sort", "--svg", "--folded"):
            given[word] = next(left, "")
            if not given[word]:
                raise OptionError(f"{word} needs a value", hint=USAGE)
        elif word.startswith("-"):
            raise OptionError(f"{word} is not understood", hint=USAGE)
        else:
            files.append(word)
    if len(files) != 1 or given.get("--sort", "own") not in ("own", "total", "count"):
        raise OptionError("one trace is reported", hint=USAGE)
    from asmrewrite.trace.flame import flame
    from asmrewrite.trace.profile import folded, profile
    from asmrewrite.trace.reading import Trace

    trace = Trace(files[0])
    found = profile(trace.events())
    about = trace.about
    title = f"{' '.join(about['command'])}: {about['recorded']:,} events, {about['dropped']:,} dropped"
    if "--svg" in given:
        with open(given["--svg"], "w", encoding="utf-8") as file:
            file.writelines(flame(found.root, title))
    if "--folded" in given:
        lines = (f"{line}\n" for line in folded(found.root))
        if given["--folded"] == "-":
            sys.stdout.writelines(lines)
        else:
            with open(given["--folded"], "w", encoding="utf-8") as file:
                file.writelines(lines)
    if not {"--svg", "--folded"} & {*given}:
        _table(found.rows(), title, given.get("--sort", "own"))
    return 0


def _table(rows: list[Row], title: str, order: str) -> None:
    from rich.console import Console
    from rich.table import Table

    by = "calls" if order == "count" else order
    rows.sort(key=lambda row: (-(getattr(row, by) or 0), -row.calls, row.name))
    whole = sum(row.own or 0 for row in rows)
    table = Table()
    table.add_column("name", overflow="fold")
    for name in ("count", "own ms", "own %", "total ms"):
        table.add_column(name, justify="right")
    for row in rows:
        share = f"{(row.own or 0) / whole:.1%}" if whole and row.own is not None else ""
        table.add_row(row.name, f"{row.calls:,}", _ms(row.own), share, _ms(row.total))
    console = Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False)
    console.print(title)
    console.print(table)


def _ms(microseconds: float | None) -> str:
    return "" if microseconds is None else f"{microseconds / 1000:,.3f}"
