"""Match the functions that have entry sites with those of the original."""

from __future__ import annotations

from asmrewrite.stubs import abi
from asmrewrite.verify.image import FUNCTIONS
from asmrewrite.verify.walked import Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.compare.comparison import Comparison
    from asmrewrite.verify.image import Image


def entry_sites(both: Comparison, number: int) -> list[Site]:
    """The entry sites of what the original's section `number` became, each with where its function began.

    That is where the original's symbol of the same name is, and -1, which is nowhere, when there is no one such.
    """
    other = both.pairs[number]
    names, places = _starts(both.new, other), _by_name(both.old, number)
    found: list[Site] = []
    for table in both.new.named(abi.SITES_SECTION):
        for offset in range(0, len(table.data), abi.RECORD_SIZE):
            record = abi.Record.unpack(table.data, offset)
            site, entry = both.new.follow(table, offset), both.new.follow(table, offset + 4)
            if record.pass_ != abi.PASSES["call-ops"] or not site or not entry or site.section != other:
                continue
            begins = {place for name in names.get(entry.offset, ()) for place in places.get(name, ())}
            literal = bool(record.slots) or offset + 8 in both.new.relocations(table.number)
            found.append(
                Site(
                    site.offset, abi.FORM_SIZE["nop"], "call-ops", abi.name_of(abi.FORMS, record.form), record.reg,
                    (entry.offset, begins.pop() if len(begins) == 1 else -1), abi.SLOT_SIZE if literal else 0,
                )
            )  # fmt: skip
    return found


def _starts(image: Image, section: int) -> dict[int, list[str]]:
    """Offset -> the names of the functions that begin there."""
    found: dict[int, list[str]] = {}
    for symbol in image.symbols:
        if symbol.section == section and symbol.kind in FUNCTIONS:
            found.setdefault(symbol.value, []).append(symbol.name)
    return found


def _by_name(image: Image, section: int) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for symbol in image.symbols:
        if symbol.section == section and symbol.kind in FUNCTIONS:
            found.setdefault(symbol.name, set()).add(symbol.value)
    return found
