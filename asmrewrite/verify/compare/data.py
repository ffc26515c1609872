"""Compare sections that hold no code: bytes equal, relocations mapped; jump tables hold distances from their base."""

from __future__ import annotations

from asmrewrite.verify.compare.comparison import Comparison
from asmrewrite.verify.compare.text import text_sections
from asmrewrite.verify.image import PC_RELATIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Section


def data(both: Comparison, old: Section, new: Section) -> str:
    """Bytes and relocations of a section that holds no code."""
    before, after = both.old.contents(old), both.new.contents(new)
    if before != after or old.size != new.size:
        return "its bytes changed"
    mine, theirs = both.old.relocations(old.number), both.new.relocations(new.number)
    if mine.keys() != theirs.keys():
        return "its relocations are at other places"
    # `.long target - table`, or `.long target - .`: which of both the relocation does not say, but all
    # of one table are the same.
    bases: dict[int, tuple[list[str], list[str]]] = {}
    for offset, relocation in mine.items():
        base = _base(both, old.number, offset)
        behind = base - offset
        as_table, as_field = bases.setdefault(base, ([], []))
        if problem := both.relocation(relocation, theirs[offset], behind):
            as_table.append(f"at {offset:#x}: {problem}")
        if problem := both.relocation(relocation, theirs[offset], 0):
            as_field.append(f"at {offset:#x}: {problem}")
    return next((as_table[0] for as_table, as_field in bases.values() if as_table and as_field), "")


def find_bases(both: Comparison) -> None:
    """Where tables begin: every offset of a data section that code names (`lea table(%rip)`)."""
    for number in text_sections(both):
        for relocation in both.old.relocations(number).values():
            symbol = both.old.symbols[relocation.symbol]
            if symbol.section and relocation.kind in PC_RELATIVE:
                both.bases.setdefault(symbol.section, []).append(symbol.value + relocation.addend + 4)
    for places in both.bases.values():
        places.sort()


def _base(both: Comparison, section: int, offset: int) -> int:
    """The table that `offset` is in: `.long target - table` has its distance from the table in the addend."""
    from bisect import bisect_right

    places = both.bases.get(section, [])
    index = bisect_right(places, offset) - 1
    return places[index] if index >= 0 else offset
