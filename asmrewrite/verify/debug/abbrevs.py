""".debug_abbrev as plans: how to get over an entry of .debug_info, and where in it are the fields that may change.

Nearly all of an entry must stay as it was, byte for byte. Forms and attributes: DWARF 5 section 7.5.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.verify.reader import sleb, uleb


class Kind(IntEnum):
    """What a field says that depends on where code is, or on how long a table is."""

    UNIT = 0  # the header of a unit
    UNIT_LOW = 1  # the address that a unit's offsets count from
    LOW = 2  # low_pc of another entry
    LENGTH = 3  # high_pc or entry_pc as a distance from low_pc
    LOCATIONS = 4  # a list of locations, by its offset
    RANGES = 5  # a list of ranges, by its offset
    VIEWS = 6  # the view numbers of a list of locations, by their offset
    LOCATIONS_INDEX = 7  # a list by its number in the table at the head of its section
    RANGES_INDEX = 8
    LOCATIONS_BASE = 9  # where that table is
    RANGES_BASE = 10
    ADDRESS_BASE = 11  # where a unit's part of .debug_addr is
    RETURN = 12  # the return address of a call


class Step(NamedTuple):
    """Bytes to pass over, then a field: `form` says how long it is, `kind` what it is, None when it must be equal."""

    skip: int
    form: int
    kind: Kind | None


class Plan(NamedTuple):
    """An abbreviation: the fields that need a look, and how many bytes are behind the last of them."""

    steps: tuple[Step, ...]
    rest: int
    children: bool


ADDR, STRING, BLOCK, BLOCK1, BLOCK2, BLOCK4, EXPRLOC = 0x01, 0x08, 0x09, 0x0A, 0x03, 0x04, 0x18
_SEC_OFFSET, _LOCLISTX, _RNGLISTX, IMPLICIT_CONST = 0x17, 0x22, 0x23, 0x21
#: Forms of fixed size -> bytes (address size 8, offset size 4).
FIXED = {
    ADDR: 8, 0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, 0x19: 0, IMPLICIT_CONST: 0, 0x11: 1, 0x12: 2,
    0x13: 4, 0x14: 8, 0x10: 4, 0x20: 8, 0x1C: 4, 0x24: 8, _SEC_OFFSET: 4, 0x0E: 4, 0x1F: 4, 0x1D: 4, 0x1F20: 4,
    0x1F21: 4, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4,
}  # fmt: skip
#: Forms that are one LEB128 number.
NUMBERS = frozenset({0x0D, 0x0F, 0x15, 0x1A, 0x1B, _LOCLISTX, _RNGLISTX, 0x1F01, 0x1F02})
#: Forms of an address by its number in .debug_addr.
INDEXED = frozenset({0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01})
_CONSTANT = frozenset({0x0B, 0x05, 0x06, 0x07, 0x0D, 0x0F})
_UNITS = frozenset({0x11, 0x3C, 0x41, 0x4A})
_LOW_PC, _HIGH_PC, _ENTRY_PC, _RANGES, _CALL_RETURN_PC, _LOCVIEWS, _GNU_CALL_SITE = (
    0x11, 0x12, 0x52, 0x55, 0x7D, 0x2137, 0x4109,
)  # fmt: skip
#: location, string_length, return_addr, data_member_location, frame_base, segment, static_link, use_location,
#: vtable_elem_location.
_LOCATIONS = frozenset({0x02, 0x19, 0x2A, 0x38, 0x40, 0x46, 0x48, 0x4A, 0x4D})
_BASES = {
    0x8C: Kind.LOCATIONS_BASE, 0x74: Kind.RANGES_BASE, 0x73: Kind.ADDRESS_BASE, 0x2133: Kind.ADDRESS_BASE,
}  # fmt: skip


def plans(data: bytes, position: int, version: int) -> dict[int, Plan]:
    """Code -> plan, of the table at `position` for a unit of `version`."""
    found: dict[int, Plan] = {}
    while True:
        code, position = uleb(data, position)
        if not code:
            return found
        tag, position = uleb(data, position)
        children = data[position]
        position += 1
        attributes: list[tuple[int, int]] = []
        while True:
            name, position = uleb(data, position)
            form, position = uleb(data, position)
            if form == IMPLICIT_CONST:
                _, position = sleb(data, position)
            if not name and not form:
                break
            attributes.append((name, form))
        if code in found or children > 1:
            raise CheckError("an abbreviation that makes no sense")
        found[code] = _plan(tag, attributes, bool(children), version)


def _plan(tag: int, attributes: list[tuple[int, int]], children: bool, version: int) -> Plan:
    steps: list[Step] = []
    skip = 0
    names = [name for name, _ in attributes]
    for number, (name, form) in enumerate(attributes):
        kind = _kind(tag, name, form, version)
        if kind is Kind.LENGTH and _LOW_PC not in names[:number]:
            raise CheckError("a length without the address before it that it counts from")
        size = FIXED.get(form)
        if size is None and form not in NUMBERS and form not in (STRING, BLOCK, BLOCK1, BLOCK2, BLOCK4, EXPRLOC):
            raise CheckError(f"an unknown form of attributes, {form:#x}")
        if form == 0x10 and version < 3:
            size = 8  # ref_addr was as wide as an address
        if kind is None and size is not None:
            skip += size
        else:
            steps.append(Step(skip, form, kind))
            skip = 0
    return Plan(tuple(steps), skip, children)


def _kind(tag: int, name: int, form: int, version: int) -> Kind | None:
    listed = form == _SEC_OFFSET or (form in (0x06, 0x07) and version < 4)
    if name == _LOW_PC:
        if tag == _GNU_CALL_SITE:
            return Kind.RETURN
        return Kind.UNIT_LOW if tag in _UNITS else Kind.LOW
    if name == _CALL_RETURN_PC:
        return Kind.RETURN
    if name in (_HIGH_PC, _ENTRY_PC):
        if form == IMPLICIT_CONST:
            raise CheckError("the length of a function in its abbreviation")
        return Kind.LENGTH if form in _CONSTANT else None
    if name == _RANGES:
        return Kind.RANGES_INDEX if form == _RNGLISTX else Kind.RANGES
    if name in _LOCATIONS:
        return Kind.LOCATIONS_INDEX if form == _LOCLISTX else Kind.LOCATIONS if listed else None
    if name == _LOCVIEWS:
        return Kind.VIEWS
    return _BASES.get(name)
