"""`asmrewrite demo`: the shipped program untouched, with retpolines, and rewritten; checked, shown and timed."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from iced_x86 import Decoder, Formatter, FormatterSyntax, Instruction
from rich.console import Console
from rich.table import Table

from asmrewrite.errors import ToolError
from asmrewrite.verify.image import Image, Section
from asmrewrite.verify.sites import SiteVerdict, Verdict, check

SOURCES = ("main.c", "expr.c", "pipeline.c", "static_calls.c")
FLAGS = ("-O2",)
#: How often the program does its work when it is timed, and how many rounds there are.
TIMES, ROUNDS = 6000, 5


class _Built(NamedTuple):
    """One build of the program: its objects and what it printed."""

    objects: tuple[Path, ...]
    output: bytes
    command: tuple[str, ...]


def demo_main(arguments: list[str]) -> int:
    """Run the demonstration; status 0 when both builds print the same and every site passes."""
    console = Console(width=max(120, Console().width))
    compiler = arguments[0] if arguments else os.environ.get("CC", "gcc")
    folder = Path(__file__).resolve().parent.parent / "demo"
    with tempfile.TemporaryDirectory(prefix="asmrewrite-demo-") as name:
        plain = _build([compiler], folder, Path(name, "plain"))
        wrapper = [sys.executable, "-m", "asmrewrite.cli.main", "cc", compiler]
        rewritten = _build(wrapper, folder, Path(name, "rewritten"))
        verdicts = [verdict for file in rewritten.objects for verdict in check(str(file))]
        console.print(_table(verdicts))
        _show_site(console, plain, rewritten, verdicts)
        thunks = "-mretpoline" if "clang" in compiler else "-mindirect-branch=thunk"
        retpolines = _build([compiler, thunks], folder, Path(name, "retpolines"))
        _show_speed(console, {"untouched": plain, f"with {thunks}": retpolines, "rewritten": rewritten})
    return _verdict(console, plain, rewritten, verdicts)


def _build(compiler: list[str], folder: Path, target: Path) -> _Built:
    target.mkdir()
    environment = {**os.environ, "ASMREWRITE_FLAGS": "stats=1"}
    objects = tuple(target / f"{Path(source).stem}.o" for source in SOURCES)
    for source, file in zip(SOURCES, objects, strict=True):
        _run([*compiler, *FLAGS, "-c", str(folder / source), "-o", str(file)], environment)
    program = target / "demo"
    _run([*compiler, *map(str, objects), "-o", str(program)], environment)
    command = (str(program), str(folder / "input.txt"))
    return _Built(objects, _run(list(command), environment), command)


def _run(command: list[str], environment: dict[str, str]) -> bytes:
    try:
        finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        raise ToolError(f"cannot run {command[0]}: {error.strerror}", hint="apt-get install gcc") from None
    if finished.returncode:
        raise ToolError(f"{' '.join(command)} ended with status {finished.returncode}")
    return finished.stdout


def _show_speed(console: Console, builds: dict[str, _Built]) -> None:
    """CPU seconds of each build, run by turns, beside the first: the median of the rounds."""
    rounds = [[_cpu_seconds(built.command) for built in builds.values()] for _ in range(ROUNDS + 1)][1:]
    console.print(
        f"\nCPU time of the same work {TIMES} times over, beside the untouched build ({ROUNDS} rounds by turns):"
    )
    for index, name in enumerate(builds):
        ratio = statistics.median(seconds[index] / seconds[0] for seconds in rounds)
        console.print(f"  {name:<28} {ratio:.2f}", markup=False, highlight=False)


def _cpu_seconds(command: tuple[str, ...]) -> float:
    with open(os.devnull, "wb") as null:
        child = subprocess.Popen([*command, str(TIMES)], stdout=null)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ToolError(f"{command[0]} ended with status {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def _table(verdicts: list[SiteVerdict]) -> Table:
    table = Table(title=f"{len(verdicts)} sites", title_justify="left")
    for column in ("object", "place", "pass", "form", "leads to", "slow path", "verdict"):
        table.add_column(column, overflow="fold")
    for v in verdicts:
        style = "green" if v.verdict is Verdict.PASS else "red"
        mark = f"[{style}]{v.verdict.value}[/{style}]{': ' + v.reason if v.reason else ''}"
        place = f"{v.function}+{v.distance:#x}"
        table.add_row(Path(v.file).name, place, v.pass_, v.form, v.target, v.slow or "-", mark)
    return table


def _show_site(console: Console, plain: _Built, rewritten: _Built, verdicts: list[SiteVerdict]) -> None:
    """The first tail call or call through memory, before and after, with its stub."""
    chosen = next((v for v in verdicts if v.pass_ == "relpoline" and v.register == "r11"), None)
    if chosen is None:
        return
    index = [str(file) for file in rewritten.objects].index(chosen.file)
    before, after = _image(plain.objects[index]), _image(rewritten.objects[index])
    console.print(f"\nBefore, in {chosen.function}:")
    console.print(_around(before, chosen, indirect=True), highlight=False)
    console.print("After:")
    console.print(_around(after, chosen, indirect=False), highlight=False)
    console.print(f"and out of line, {chosen.target}:")
    console.print(_function(after, chosen.target), highlight=False)


def _image(path: Path) -> Image:
    with path.open("rb") as file:
        return Image(str(path), file)


class _Line(NamedTuple):
    offset: int
    text: str
    indirect: bool


def _lines(image: Image, name: str) -> list[_Line]:
    symbol = next(s for s in image.symbols if s.name == name and s.section)
    section = image.sections[symbol.section]
    data = section.data[symbol.value : symbol.value + symbol.size]
    formatter = Formatter(FormatterSyntax.GAS)
    formatter.uppercase_hex = False
    lines = []
    for instruction in Decoder(64, data, ip=symbol.value):
        start = instruction.ip - symbol.value
        raw = data[start : start + instruction.len].hex(" ")
        leads = _leads(image, section, instruction)
        text = f"  {instruction.ip:6x}:  {raw:<22}  {formatter.format(instruction):<24}{leads and ' -> ' + leads}"
        indirect = instruction.is_call_near_indirect or instruction.is_jmp_near_indirect
        lines.append(_Line(instruction.ip, text.rstrip(), indirect))
    return lines


def _leads(image: Image, section: Section, instruction: Instruction) -> str:
    """Where a relocated field or a direct branch of `instruction` leads, by name."""
    if not (instruction.is_ip_rel_memory_operand or instruction.near_branch_target):
        return ""
    target = image.follow(section, instruction.ip + instruction.len - 4, 4) if instruction.len > 4 else None
    if target is None:
        return ""
    return image.symbol_at(target) or f"{image.sections[target.section].name}+{target.offset:#x}"


def _around(image: Image, site: SiteVerdict, *, indirect: bool) -> str:
    """A few lines around the indirect branch, or around the site that took its place."""
    lines = _lines(image, site.function)
    if indirect:
        place = next((i for i, line in enumerate(lines) if line.indirect), 0)
    else:
        place = next((i for i, line in enumerate(lines) if line.offset == site.offset), 0)
    return "\n".join(line.text for line in lines[max(0, place - 4) : place + 2])


def _function(image: Image, name: str) -> str:
    return "\n".join(line.text for line in _lines(image, name))


def _verdict(console: Console, plain: _Built, rewritten: _Built, verdicts: list[SiteVerdict]) -> int:
    same = plain.output == rewritten.output
    passed = sum(1 for v in verdicts if v.verdict is Verdict.PASS)
    lines = rewritten.output.decode("latin-1").splitlines()
    console.print("\nThe program's last lines:")
    for line in lines[-3:]:
        console.print(f"  {line}", markup=False, highlight=False)
    console.print(
        f"\n{len(lines)} lines of output, {'equal to' if same else 'NOT EQUAL to'} the untouched build's; "
        f"{passed} of {len(verdicts)} sites PASS"
    )
    return 0 if same and passed == len(verdicts) else 1
