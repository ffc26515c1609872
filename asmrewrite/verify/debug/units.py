"""The units of .debug_info, .debug_types and their .dwo kin: a walk over all entries that stops where code matters."""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.verify.debug.abbrevs import BLOCK, BLOCK1, BLOCK2, BLOCK4, EXPRLOC, FIXED, STRING, Kind, Plan, plans
from asmrewrite.verify.reader import uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Field(NamedTuple):
    """A field of a unit: what it is, its form, its bytes [start, end). A unit's own field is its header.

    `value` is the number of a LEB128 form, a unit's version; otherwise 0.
    """

    kind: Kind
    form: int
    start: int
    end: int
    value: int


_BLOCKS = {BLOCK1: 1, BLOCK2: 2, BLOCK4: 4}
_TYPE_UNITS, _SPLIT_UNITS = (2, 6), (4, 5)


def fields(data: bytes, abbrev: bytes, offset_at: Callable[[int], int], types: bool) -> list[Field]:
    """The fields that may change, of all units in `data`, in order.

    `offset_at` reads the offset of an abbreviation table in `abbrev` at a place of `data`, with its relocation;
    `types` says that this is .debug_types.
    """
    found: list[Field] = []
    tables: dict[tuple[int, int], dict[int, Plan]] = {}
    position = 0
    try:
        while position < len(data):
            start = position
            position, end, version, table = _header(data, start, offset_at)
            position += 12 if types and version < 5 else 0
            found.append(Field(Kind.UNIT, 0, start, position, version))
            if (table, version) not in tables:
                tables[table, version] = plans(abbrev, table, version)
            position = _entries(data, position, end, tables[table, version], found)
    except (IndexError, KeyError, ValueError):
        raise CheckError("an entry cannot be read") from None
    return found


def _header(data: bytes, start: int, offset_at: Callable[[int], int]) -> tuple[int, int, int, int]:
    """Of the unit at `start`: where its entries begin and end, its version, its abbreviations."""
    length = int.from_bytes(data[start : start + 4], "little")
    version = int.from_bytes(data[start + 4 : start + 6], "little")
    end = start + 4 + length
    if length >= 0xFFFFFFF0 or end > len(data):
        raise CheckError("a unit in the 64-bit format, or cut short")
    if version == 5:
        kind, size, place, position = data[start + 6], data[start + 7], start + 8, start + 12
        position += 12 if kind in _TYPE_UNITS else 8 if kind in _SPLIT_UNITS else 0
        if not 1 <= kind <= 6:
            raise CheckError(f"a unit of an unknown type, {kind}")
    elif 2 <= version <= 4:
        place, size, position = start + 6, data[start + 10], start + 11
    else:
        raise CheckError(f"a unit of version {version}")
    if size != 8:
        raise CheckError(f"a unit with addresses of {size} bytes")
    return position, end, version, offset_at(place)


def _entries(data: bytes, position: int, end: int, table: dict[int, Plan], found: list[Field]) -> int:
    """Walk the entries in [position, end)."""
    depth = 0
    while position < end:
        code = data[position]
        position += 1
        if not code:
            depth -= 1
            continue
        if code >= 0x80:
            code, position = uleb(data, position - 1)
        steps, rest, children = table[code]
        depth += children
        for skip, form, kind in steps:
            position += skip
            start, value = position, 0
            size = FIXED.get(form)
            if size is not None:
                position += size
            elif form in (EXPRLOC, BLOCK):
                size, position = uleb(data, position)
                position += size
            elif form == STRING:
                position = data.index(b"\0", position) + 1
            elif form in _BLOCKS:
                size = _BLOCKS[form]
                position += size + int.from_bytes(data[position : position + size], "little")
            else:
                value, position = uleb(data, position)
            if kind is not None:
                found.append(Field(kind, form, start, position, value))
        position += rest
    if position != end:
        raise CheckError("a unit does not end where it says")
    return position
