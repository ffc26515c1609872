"""Unwind and exception tables of two objects, compared entry by entry under the offset map.

Formats: LSB 5.0 "Exception Frames" (.eh_frame), DWARF 5 section 6.4.2 (call frame instructions), and the
Itanium C++ ABI's exception handling tables as gcc's except.cc writes them (.gcc_except_table).
"""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.verify.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.image import Image, Location, Section

_OMIT = 0xFF
#: What stands in a CIE of .debug_frame where a frame has its CIE (DWARF 5 section 6.4.1).
_DEBUG_CIE = 0xFFFFFFFF


class Frame(NamedTuple):
    """An FDE: its CIE's bytes and personality, what it covers, and its instructions with places from its start.

    `shape` is what else it says: the types of its relocations and the bytes of its augmentation.
    `rows` are (offset from the function's start, raw instruction).
    `table` is where its LSDA is, None without one.
    """

    cie: tuple[bytes, str]
    shape: tuple[object, ...]
    start: Location
    size: int
    rows: tuple[tuple[int, bytes], ...]
    table: Location | None
    relocations: frozenset[int]


class CallSite(NamedTuple):
    """A row of an LSDA's call-site table: offsets from the function's start (bytes), landing pad 0 for none."""

    start: int
    size: int
    landing: int
    action: int


class Table(NamedTuple):
    """An LSDA: its call sites, and the bytes and relocations of what follows them."""

    header: tuple[int, int, int]
    sites: tuple[CallSite, ...]
    rest: bytes
    types: tuple[tuple[int, int, str, int], ...]
    #: Where it ends, but for lists of exception specifications, and the places of its relocations.
    end: int
    relocations: frozenset[int]


def frames(image: Image, section: Section) -> Iterator[Frame]:
    """Every FDE of an object's .eh_frame or .debug_frame, in order."""
    debug = section.name == ".debug_frame"
    data = image.inflated(section)
    position = 0
    cies: dict[int, _Cie] = {}
    while position < len(data):
        if position + 4 > len(data):
            raise CheckError("an unwind table is cut short")
        start = position
        length = int.from_bytes(data[position : position + 4], "little")
        if length == 0:
            raise CheckError("an unwind table that says where all of them end")
        if length == 0xFFFFFFFF:
            raise CheckError("a 64-bit unwind table")
        end = position + 4 + length
        if end > len(data):
            raise CheckError("an unwind table is cut short")
        reader = Reader(data, position + 4, end)
        distance = reader.number(4)
        if distance == (_DEBUG_CIE if debug else 0):
            cies[start] = _cie(image, section, reader)
        else:
            place = image.follow_field(section, start + 4) if debug else None
            cie = cies.get(place.offset if place else distance if debug else start + 4 - distance)
            if cie is None:
                raise CheckError("a frame without CIE")
            yield _fde(image, section, reader, cie, start)
        position = end


class _Cie(NamedTuple):
    """A CIE: its bytes and personality, the encodings of pointers, its code alignment, where its relocation is."""

    identity: tuple[bytes, str]
    pointer: int
    lsda: int
    code_alignment: int
    relocations: frozenset[int]


def _cie(image: Image, section: Section, reader: Reader) -> _Cie:
    start = reader.position
    version = reader.number(1)
    augmentation = b""
    while (byte := reader.take(1)) != b"\0":
        augmentation += byte
    if version == 4 and reader.take(2) != b"\x08\0":
        raise CheckError("a frame with other addresses than of 8 bytes")
    code_alignment = reader.uleb()
    reader.uleb()
    reader.uleb()
    pointer, lsda, personality = 0, _OMIT, ""
    places: list[int] = []
    if augmentation.startswith(b"z"):
        reader.uleb()
        for letter in augmentation[1:].decode("latin-1"):
            if letter == "R":
                pointer = reader.number(1)
            elif letter == "L":
                lsda = reader.number(1)
            elif letter == "P":
                size = _pointer_size(reader.number(1))
                relocation = image.relocations(section.number).get(reader.position)
                if relocation:
                    symbol = image.symbols[relocation.symbol]
                    place = symbol.name or f"{image.sections[symbol.section].name}+{symbol.value}"
                    personality = f"{place}+{relocation.addend} by {relocation.kind}"
                    places.append(reader.position)
                reader.take(size)
    identity = (reader.data[start : reader.end], personality)
    return _Cie(identity, pointer, lsda, code_alignment, frozenset(places))


def _pointer_size(encoding: int) -> int:
    size = {0: 8, 2: 2, 3: 4, 4: 8, 10: 2, 11: 4, 12: 8}.get(encoding & 15)
    if size is None:
        raise CheckError(f"an unknown encoding of pointers, {encoding:#x}")
    return size


def _fde(image: Image, section: Section, reader: Reader, cie: _Cie, first: int) -> Frame:
    identity, pointer, lsda, code_alignment, own = cie
    size = _pointer_size(pointer)
    relocations = image.relocations(section.number)
    used = [place for place in range(first, reader.end) if place in relocations]
    if used[:1] == [reader.position - 4]:
        del used[0]  # of the pointer to its CIE, in .debug_frame
    if used[:1] != [reader.position]:
        raise CheckError("a frame has a relocation where none is known")
    start = image.follow_field(section, reader.position)
    reader.take(size)
    covered = reader.number(size)
    table, augmentation = None, b""
    if identity[0].find(b"z") >= 0:
        augmentation_size = reader.uleb()
        place = reader.position
        augmentation = reader.take(augmentation_size)
        if lsda != _OMIT and augmentation_size and place in relocations:
            table = image.follow_field(section, place)
            used.remove(place)
    if start is None or not start.section:
        raise CheckError("a frame covers no section")
    if len(used) != 1:
        raise CheckError("a frame has a relocation where none is known")
    places = own | {place for place in range(first, reader.end) if place in relocations}
    shape = (augmentation, *(relocations[place].kind for place in sorted(places - own)))
    return Frame(identity, shape, start, covered, tuple(_rows(reader, code_alignment, size)), table, places)


def _rows(reader: Reader, code_alignment: int, pointer_size: int) -> Iterator[tuple[int, bytes]]:
    """Call frame instructions with the place that each holds from; the advances themselves are only the places."""
    place = 0
    while reader.position < reader.end:
        start = reader.position
        opcode = reader.number(1)
        advance = _advance(reader, opcode)
        if advance is not None:
            place += advance * code_alignment
            continue
        if opcode == 0x01:
            raise CheckError("a frame sets its location")
        _skip(reader, opcode, pointer_size)
        raw = reader.data[start : reader.position]
        if opcode:  # not DW_CFA_nop, which is padding
            yield place, raw
    yield place, b""


def _advance(reader: Reader, opcode: int) -> int | None:
    if opcode >> 6 == 1:
        return opcode & 63
    size = {0x02: 1, 0x03: 2, 0x04: 4}.get(opcode)
    return reader.number(size) if size else None


#: Extended opcodes -> their operands: u for a LEB128 number, b for a block.
_OPERANDS = {
    0x00: "", 0x05: "uu", 0x06: "u", 0x07: "u", 0x08: "u", 0x09: "uu", 0x0A: "", 0x0B: "", 0x0C: "uu", 0x0D: "u",
    0x0E: "u", 0x0F: "b", 0x10: "ub", 0x11: "uu", 0x12: "uu", 0x13: "u", 0x14: "uu", 0x15: "uu", 0x16: "ub",
    0x2E: "u", 0x2F: "uu",
}  # fmt: skip


def _skip(reader: Reader, opcode: int, _pointer_size: int) -> None:
    if opcode >> 6 == 2:
        reader.uleb()
        return
    if opcode >> 6 == 3:
        return
    operands = _OPERANDS.get(opcode)
    if operands is None:
        raise CheckError(f"an unknown call frame instruction, {opcode:#x}")
    for operand in operands:
        size = reader.uleb()
        if operand == "b":
            reader.take(size)


def table_at(image: Image, location: Location) -> Table:
    """The LSDA at `location`."""
    section = image.sections[location.section]
    relocations = image.relocations(section.number)
    reader = Reader(section.data, location.offset, len(section.data))
    landing_start = reader.number(1)
    if landing_start != _OMIT:
        raise CheckError("an exception table with a landing pad base of its own")
    type_encoding = reader.number(1)
    types_end = None
    if type_encoding != _OMIT:
        distance = reader.uleb()
        types_end = reader.position + distance
    encoding = reader.number(1)
    length = reader.uleb()
    end = reader.position + length
    sites: list[CallSite] = []
    while reader.position < end:
        start, size, landing = (
            reader.uleb() if encoding == 1 else reader.number(_pointer_size(encoding)) for _ in range(3)
        )
        sites.append(CallSite(start, size, landing, reader.uleb()))
    if reader.position != end or (types_end is not None and not end <= types_end <= len(section.data)):
        raise CheckError("an exception table does not end where it says")
    # Without types the actions end where the last that is named ends; the section's reader compares what follows.
    actions_end = types_end if types_end is not None else end
    rest = section.data[end:actions_end]
    places: list[int] = []
    types: list[tuple[int, int, str, int]] = []
    if types_end is not None:
        size = _pointer_size(type_encoding)
        for place in range(end, types_end):
            found = relocations.get(place)
            if found is not None:
                places.append(place)
                symbol = image.symbols[found.symbol]
                if symbol.section and image.sections[symbol.section].flags & 4:
                    raise CheckError("an exception table names code as a type")
                where = image.sections[symbol.section].name if not symbol.name and symbol.section else symbol.name
                where = f"{where}+{symbol.value}" if not symbol.name else where
                types.append((types_end - place, found.kind, where, found.addend))
        # The types lie before their end, aligned: the padding in front of them may differ.
        first = max((distance for distance, *_ in types), default=0)
        rest = rest[: len(rest) - first].rstrip(b"\0") + rest[len(rest) - first :]
        if first % size:
            raise CheckError("an exception table with a relocation between its types")
    header = (type_encoding, encoding, 0 if types_end is None else 1)
    return Table(header, tuple(sites), rest, tuple(types), actions_end, frozenset(places))
