"""`asmrewrite stress`: does patching hold on this machine? Torn calls and miscalls, for each protocol and block.

It answers what was asked when static calls were proposed in 2019: which blocks may a call straddle, so that one store
can retarget it while another processor executes it. A row is a class of places; the protocols are

    store                 one store of the displacement, wherever it lies
    int3-without-barrier  the first byte becomes int3 meanwhile, and nobody waits
    runtime               what the runtime does: one aligned store inside a word, int3 and membarrier otherwise

and the same for changing a compare-and-branch pair in place, against a fresh stub and one store. At last programs of
our own are rewritten and called by several threads: one while all that can change is changed, one while its functions
are traced in changing ways, and one whose static keys and markers are flipped while threads run through them or sleep
in probes: by the runtime (`runtime`), and in two walks over the sites without it (`two-step`), which is seen to fail.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

from asmrewrite.errors import OptionError, ToolError
from asmrewrite.options import PLUGIN_ARGUMENT
from asmrewrite.toolchain.runtime import FLAGS, FOLDER, INCLUDE

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SOURCES = os.path.join(_HERE, "stress")
_RUNTIME = ("code.c", "trap.c", "stubs.c", "relpoline.c", "keyed.c", "module.c", "markers.c", "control.c", "entry.S")
_COMPILER = [sys.executable, "-m", "asmrewrite.cli.main", "cc", "gcc", "-O2", f"-I{INCLUDE}"]
USAGE = "usage: asmrewrite stress [--seconds N] [--threads N]"
PROTOCOLS = ("store", "int3-without-barrier", "runtime")
#: A displacement at an offset of a cache line: what it straddles, the largest first.
CLASSES = ("64 bytes", "32 bytes", "16 bytes", "8 bytes", "nothing")


class Torn(NamedTuple):
    """Patches of a call whose displacement straddles `straddles`, and the calls that were torn."""

    straddles: str
    protocol: str
    patches: int
    torn: int


class Flips(NamedTuple):
    """Tests of keys and markers that were patched while threads ran through them; what went wrong; sleeps in probes."""

    protocol: str
    flips: int
    executions: int
    wrong: int
    slept: int


class Report(NamedTuple):
    """What was measured; `retargets` are (protocol, patches, miscalls), `calls` and `ops` the programs' counters."""

    torn: tuple[Torn, ...]
    retargets: tuple[tuple[str, int, int], ...]
    calls: dict[str, int]
    ops: dict[str, int]
    flips: tuple[Flips, ...]

    @property
    def sound(self) -> bool:
        """Whether what the runtime does never went wrong."""
        wrong = sum(row.torn for row in self.torn if row.protocol == "runtime")
        wrong += sum(m for name, _, m in self.retargets if name == "runtime")
        wrong += sum(row.wrong for row in self.flips if row.protocol == "runtime")
        return not wrong + self.calls["miscalls"] + self.ops["wrong"]


def stress_main(arguments: list[str]) -> int:
    """The command; 0 when the runtime's own protocols held."""
    seconds, threads = 60, 4
    words = iter(arguments)
    for word in words:
        if word in ("--help", "-h"):
            print(f"{USAGE}\n\n{__doc__}")
            return 0
        value = next(words, "")
        if word not in ("--seconds", "--threads") or not value.isdecimal() or not int(value):
            raise OptionError(f"{word} {value}".strip() + " is not understood", hint=USAGE)
        if word == "--seconds":
            seconds = int(value)
        else:
            threads = int(value)
    report = measure(seconds, threads)
    _show(report)
    return 0 if report.sound else 1


def straddled(offset: int) -> str:
    """What the displacement of a 5-byte call at `offset` (bytes) of a cache line straddles."""
    first, last = offset + 1, offset + 4
    for block in (64, 32, 16, 8):
        if first // block != last // block:
            return f"{block} bytes"
    return "nothing"


def measure(seconds: int, threads: int) -> Report:
    """Build the programs, and run them for about `seconds` in all."""
    with tempfile.TemporaryDirectory(prefix="asmrewrite-stress-") as folder:
        torn = _torn_program(folder)
        calls, library = _calls_program(folder)
        ops = _ops_program(folder)
        # 64 offsets, three protocols; 24 of the offsets take eight times as long; retargeting takes 120 times.
        share = max(1, 1000 * seconds // 3 // (3 * (40 + 8 * 24) + 120))
        counted: dict[tuple[str, str], list[int]] = {}
        retargets: list[tuple[str, int, int]] = []
        for line in _output([torn, str(share)]).splitlines():
            words = line.split()
            if words[0] == "torn":
                row = counted.setdefault((straddled(int(words[1])), words[2]), [0, 0])
                row[0] += int(words[3])
                row[1] += int(words[4])
            elif words[0] == "retarget":
                retargets.append((words[1], int(words[2]), int(words[3])))
        share = max(1, seconds // 5)
        line = _output([calls, str(share), str(threads), library], {0, 1})
        names = ("calls", "miscalls", "retargets", "updates", "forks", "loads")
        numbers = dict(zip(names, map(int, re.findall(r"\d+", line)), strict=True))
        line = _output([ops, str(share), str(threads)], {0, 1})
        traced = dict(zip(("flips", "calls", "traced", "wrong"), map(int, re.findall(r"\d+", line)), strict=True))
        flips = flip(folder, share, threads)
    rows = tuple(Torn(s, p, *counted[s, p]) for s in CLASSES for p in PROTOCOLS)
    return Report(rows, tuple(retargets), numbers, traced, flips)


def flip(folder: str, seconds: int, threads: int) -> tuple[Flips, ...]:
    """Flip keys and markers for about `seconds`; then for one second in two steps."""
    program = os.path.join(folder, "keys")
    _output([*_COMPILER, os.path.join(_SOURCES, "keys.c"), "-lpthread", "-o", program])
    return (
        _flips("runtime", _output([program, str(seconds), str(threads)], {0, 1})),
        # What runs into half an instruction may end in any way.
        _flips("two-step", _output(["env", "ASMREWRITE_RUNTIME=off", program, "1", str(threads), "two-step"], None)),
    )


def _flips(protocol: str, line: str) -> Flips:
    numbers = [int(number) for number in re.findall(r"\d+", line)]
    return Flips(protocol, *(numbers if len(numbers) == 4 else (0, 0, 1, 0)))


def _torn_program(folder: str) -> str:
    """The harness, with the runtime's own files in it."""
    objects = []
    for name in _RUNTIME:
        objects.append(os.path.join(folder, f"{name}.o"))
        _output(["gcc", *FLAGS, "-c", os.path.join(FOLDER, name), "-o", objects[-1]])
    program = os.path.join(folder, "torn")
    source = os.path.join(_SOURCES, "torn.c")
    _output(["gcc", "-O2", f"-I{INCLUDE}", f"-I{FOLDER}", source, *objects, "-lpthread", "-o", program])
    return program


def _calls_program(folder: str) -> tuple[str, str]:
    """The program and the library, rewritten, each with its runtime."""
    source = os.path.join(_SOURCES, "calls.c")
    program, library = os.path.join(folder, "calls"), os.path.join(folder, "libcalls.so")
    _output([*_COMPILER, "-DLIBRARY", "-fPIC", "-shared", source, "-o", library])
    _output([*_COMPILER, "-rdynamic", source, "-lpthread", "-ldl", "-o", program])
    return program, library


def _ops_program(folder: str) -> str:
    """The program whose functions are traced."""
    program = os.path.join(folder, "ops")
    source = os.path.join(_SOURCES, "ops.c")
    _output([*_COMPILER, f"{PLUGIN_ARGUMENT}passes=call-ops", source, "-lpthread", "-o", program])
    return program


def _output(command: list[str], statuses: frozenset[int] | set[int] | None = frozenset((0,))) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolError(f"cannot run {command[0]}: {error.strerror}", status=127) from None
    if statuses is not None and done.returncode not in statuses:
        raise ToolError(f"{' '.join(command)}: status {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def _show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    torn = Table("displacement straddles", *PROTOCOLS, title="torn calls of patches")
    for straddles in CLASSES:
        cells = [f"{row.torn:,} of {row.patches:,}" for row in report.torn if row.straddles == straddles]
        torn.add_row(straddles, *cells)
    retargets = Table("protocol", "retargets", "miscalls", title="compare-and-branch retargeted while it runs")
    for name, patches, miscalls in report.retargets:
        retargets.add_row(name, f"{patches:,}", f"{miscalls:,}")
    calls = Table(*report.calls, title="a program under change")
    calls.add_row(*(f"{number:,}" for number in report.calls.values()))
    ops = Table(*report.ops, title="functions whose tracing changes")
    ops.add_row(*(f"{number:,}" for number in report.ops.values()))
    flips = Table("protocol", "flips", "executions", "wrong", "sleeps in probes", title="static keys and markers")
    for row in report.flips:
        flips.add_row(row.protocol, *(f"{number:,}" for number in row[1:]))
    for table in (torn, retargets, calls, ops, flips):
        console.print(table)
    console.print("the runtime's protocols held" if report.sound else "the runtime's protocols did NOT hold here")
