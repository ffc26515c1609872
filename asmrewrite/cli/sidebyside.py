"""Where two objects first differ: both disassemblies beside one another."""

from __future__ import annotations

import sys
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.table import Table

    from asmrewrite.verify.image import Image
    from asmrewrite.verify.translation import SectionVerdict

#: Instructions shown before the difference, and from it on.
_BEFORE, _BEHIND = 5, 6


class Line(NamedTuple):
    """An instruction: its offset in the section and that behind it, its bytes, its text."""

    offset: int
    end: int
    raw: str
    text: str


def show(original: str, new: str, verdicts: tuple[SectionVerdict, ...]) -> None:
    """Print the surroundings of each verdict that has a place in code."""
    from rich.console import Console

    from asmrewrite.verify.image import Image

    # In a pipe nothing is wrapped to the width of a terminal that is not there.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    with open(original, "rb") as before, open(new, "rb") as after:
        images = (Image(original, before), Image(new, after))
        for verdict in verdicts:
            if verdict.reason and verdict.offsets is not None:
                console.print(_table(images, verdict))


def _table(images: tuple[Image, Image], verdict: SectionVerdict) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    assert verdict.offsets is not None
    columns = []
    for image, (section, offset) in zip(images, verdict.offsets, strict=True):
        columns.append((image, offset, _lines(image, section, offset)))
    title = f"{verdict.section}: {verdict.place}{_source(images, verdict.offsets)}"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE)
    table.add_column("")
    for image, _, _ in columns:
        table.add_column(image.path, no_wrap=True)
    # Both begin the same number of instructions before the difference, so rows stand beside their equals.
    (_, at, mine), (_, new_at, theirs) = columns
    places = ((mine, at), (theirs, new_at))
    before = [[line for line in lines if line.end <= place][-_BEFORE:] for lines, place in places]
    behind = [[line for line in lines if line.end > place][:_BEHIND] for lines, place in places]
    depth = max(map(len, before))
    rows: list[list[Line | None]] = [
        [*[None] * (depth - len(lines)), *lines, *after] for lines, after in zip(before, behind, strict=True)
    ]
    for number in range(max(map(len, rows))):
        cells = [_cell(lines[number] if number < len(lines) else None) for lines in rows]
        marked = number == depth
        table.add_row(">" if marked else "", *(Text(cell, style="bold red" if marked else "") for cell in cells))
    return table


def _source(images: tuple[Image, Image], offsets: tuple[tuple[int, int], tuple[int, int]]) -> str:
    """File and line of a difference, by the debug information of the first object that has it; "" without any."""
    from asmrewrite.verify.addresses import Addresses
    from asmrewrite.verify.sources import source_lines

    for image, (section, offset) in zip(images, offsets, strict=True):
        addresses = Addresses(image)
        place = addresses.of(section, offset)
        known, _ = source_lines(addresses, [place])
        if place in known:
            file, line = known[place]
            return f" ({file}:{line})"
    return ""


def _cell(line: Line | None) -> str:
    return f"{line.offset:6x}: {line.raw:<24} {line.text}" if line else ""


def _lines(image: Image, number: int, offset: int) -> list[Line]:
    """The instructions of the function around `offset`, from its start on, so that they are the right ones."""
    from iced_x86 import Decoder, Formatter, FormatterSyntax

    from asmrewrite.verify.image import Location

    section = image.sections[number]
    _, distance = image.function(Location(number, min(offset, max(len(section.data) - 1, 0))))
    start = max(min(offset, len(section.data)) - distance, 0)
    formatter = Formatter(FormatterSyntax.GAS)
    found: list[Line] = []
    for instruction in Decoder(64, section.data[start:], ip=start):
        place = instruction.ip
        raw = section.data[place : place + instruction.len].hex(" ")
        found.append(Line(place, place + instruction.len, raw, formatter.format(instruction)))
        if place >= offset and sum(1 for line in found[-_BEHIND:] if line.offset >= offset) >= _BEHIND:
            break
    return found
