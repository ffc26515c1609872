"""Cheap views of a listing at a position: its labels, its section, its provenance, and the frame's state there."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.analysis.sections import Section
    from asmrewrite.analysis.survey import Survey
    from asmrewrite.syntax.listing import Listing


class Label(NamedTuple):
    """A label: its name without quotes, and the position of its first character."""

    name: str
    position: int


_QUIET_LABEL = re.compile(r"^(\.L[A-Za-z0-9_]+):", re.MULTILINE)
_LABEL = re.compile(r'\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s:"]+))')
_CFI = re.compile(
    r"\.cfi_(startproc|endproc|def_cfa_offset|adjust_cfa_offset|def_cfa_register|def_cfa|remember_state|restore_state)"
    r"[ \t]*([^\n;#]*)"
)
_STACK_POINTERS = frozenset({"7", "%rsp", "rsp"})


def labels(listing: Listing) -> Iterator[Label]:
    """Every label, in order."""
    for kind, start, end in listing.tokens:
        if kind == "QUIET":
            yield from (
                Label(found.group(1), found.start(1)) for found in _QUIET_LABEL.finditer(listing.text, start, end)
            )
        elif kind == "LABEL" and (found := _LABEL.match(listing.text, start, end)):
            group = 1 if found.group(1) is not None else 2
            yield Label(found.group(group), found.start(group))


def section_at(found: Survey, position: int) -> Section | None:
    """The section that the text at `position` goes to; None when it cannot be told."""
    index = bisect_right(found.sections, position, key=lambda change: change[0]) - 1
    return found.sections[index][1]


def in_assembly(listing: Listing, position: int) -> bool:
    """Whether the text at `position` stands between the compiler's #APP and #NO_APP."""
    asm = False
    for kind, start, end in listing.tokens:
        if start > position:
            break
        if kind == "PROVENANCE":
            mark = listing.text[start:end].strip()
            asm = mark.startswith("#APP") or (asm and not mark.startswith("#NO_APP"))
    return asm


def cfa_offset(text: str, position: int) -> int | None:
    """Distance of the CFA above the stack pointer at `position` (bytes), from the frame directives before it.

    None when another register holds the CFA, or no `.cfi_startproc` is open. Source: gas manual, "CFI directives".
    """
    start = text.rfind(".cfi_startproc", 0, position)
    if start < 0:
        return None
    offset, by_stack = 8, True
    saved: list[tuple[int, bool]] = []
    for found in _CFI.finditer(text, start, position):
        word, argument = found.group(1), found.group(2).strip()
        if word == "endproc":
            return None
        if word == "def_cfa_offset":
            offset = _number(argument)
        elif word == "adjust_cfa_offset":
            offset += _number(argument)
        elif word == "def_cfa_register":
            by_stack = argument in _STACK_POINTERS
        elif word == "def_cfa":
            register, _, distance = argument.partition(",")
            by_stack, offset = register.strip() in _STACK_POINTERS, _number(distance)
        elif word == "remember_state":
            saved.append((offset, by_stack))
        elif word == "restore_state" and saved:
            offset, by_stack = saved.pop()
    return offset if by_stack else None


def _number(text: str) -> int:
    try:
        return int(text.strip(), 0)
    except ValueError:
        return -(1 << 30)
