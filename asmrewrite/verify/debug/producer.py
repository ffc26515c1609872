"""Who made the debug information of an object: a compiler, or the assembler itself (`as -g`, or `.loc` alone)."""

from __future__ import annotations

from asmrewrite.verify.debug.abbrevs import FIXED, IMPLICIT_CONST
from asmrewrite.verify.reader import uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.debug.context import Side

_PRODUCER, _STRP, _UDATA, _ASSEMBLER = 0x25, 0x0E, 0x0F, b"GNU AS "


def made_by_assembler(side: Side) -> bool:
    """Whether .debug_info is gas's own, which makes it only where there is none: its first entry says so."""
    found = [[s.number for s in side.image.named(name)] for name in (".debug_info", ".debug_abbrev", ".debug_str")]
    if any(len(numbers) != 1 for numbers in found):
        return False
    (info,), (abbrev,), (strings,) = found
    try:
        place = _producer(side.contents(info), side.contents(abbrev))
    except IndexError:
        return False
    if place is None:
        return False
    section, offset, _ = side.place(info, place, 4)
    return section == strings and side.contents(strings).startswith(_ASSEMBLER, offset)


def _producer(data: bytes, abbrev: bytes) -> int | None:
    """Where the first entry of `data` names its producer by an offset; None when it does not, or is no easy reading."""
    position = 12 if data[4] == 5 else 11
    code, position = uleb(data, position)
    first, place = uleb(abbrev, 0)
    if code != first:
        return None
    _, place = uleb(abbrev, place)
    place += 1
    while True:
        attribute, place = uleb(abbrev, place)
        form, place = uleb(abbrev, place)
        if attribute == _PRODUCER:
            return position if form == _STRP else None
        if form == _UDATA:
            _, position = uleb(data, position)
        elif attribute and form in FIXED and form != IMPLICIT_CONST:
            position += FIXED[form]
        else:
            return None
