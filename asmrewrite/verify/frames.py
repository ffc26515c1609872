"""Unwind and exception tables of two objects, compared entry by entry under the offset map.

Formats: LSB 5.0 "Exception Frames" (.eh_frame), DWARF 5 section 6.4.2 (call frame instructions), and the
Itanium C++ ABI's exception handling tables as gcc's except.cc writes them (.gcc_except_table).
"""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.errors import CheckError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.image import Image, Location, Section

_OMIT = 0xFF


class Frame(NamedTuple):
    """An FDE: its CIE's bytes and personality, what it covers, and its instructions with places from its start.

    `rows` are (offset from the function's start, raw instruction). `table` is where its LSDA is, None without one.
    """

    cie: tuple[bytes, str]
    start: Location
    size: int
    rows: tuple[tuple[int, bytes], ...]
    table: Location | None
    table_encoding: int


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


class _Reader:
    """Bytes with a position."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data, self.position, self.end = data, position, end

    def take(self, size: int) -> bytes:
        piece = self.data[self.position : self.position + size]
        if len(piece) != size or self.position + size > self.end:
            raise CheckError("an unwind table is cut short")
        self.position += size
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value


def frames(image: Image, section: Section) -> Iterator[Frame]:
    """Every FDE of an object's .eh_frame, in order."""
    data = section.data
    position = 0
    cies: dict[int, tuple[tuple[bytes, str], int, int, int]] = {}
    while position + 4 <= len(data):
        start = position
        length = int.from_bytes(data[position : position + 4], "little")
        if length == 0:
            return
        if length == 0xFFFFFFFF:
            raise CheckError("a 64-bit unwind table")
        end = position + 4 + length
        reader = _Reader(data, position + 4, end)
        distance = reader.number(4)
        if distance == 0:
            cies[start] = _cie(image, section, reader)
        else:
            yield _fde(image, section, reader, cies[start + 4 - distance])
        position = end


def _cie(image: Image, section: Section, reader: _Reader) -> tuple[tuple[bytes, str], int, int, int]:
    """A CIE: its bytes and personality, then the encodings of pointers and LSDA pointers, and its code alignment."""
    start = reader.position
    reader.number(1)
    augmentation = b""
    while (byte := reader.take(1)) != b"\0":
        augmentation += byte
    code_alignment = reader.uleb()
    reader.uleb()
    reader.uleb()
    pointer, lsda, personality = 0, _OMIT, ""
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
                personality = image.symbols[relocation.symbol].name if relocation else "?"
                reader.take(size)
    return (reader.data[start : reader.end], personality), pointer, lsda, code_alignment


def _pointer_size(encoding: int) -> int:
    return {0: 8, 2: 2, 3: 4, 4: 8, 10: 2, 11: 4, 12: 8}[encoding & 15]


def _fde(image: Image, section: Section, reader: _Reader, cie: tuple[tuple[bytes, str], int, int, int]) -> Frame:
    identity, pointer, lsda, code_alignment = cie
    size = _pointer_size(pointer)
    start = image.follow_field(section, reader.position)
    reader.take(size)
    covered = reader.number(size)
    table = None
    if identity[0].find(b"z") >= 0:
        augmentation_size = reader.uleb()
        after = reader.position + augmentation_size
        if lsda != _OMIT and augmentation_size and reader.position in image.relocations(section.number):
            table = image.follow_field(section, reader.position)
        reader.position = after
    if start is None:
        raise CheckError("a frame covers no section")
    return Frame(identity, start, covered, tuple(_rows(reader, code_alignment, size)), table, lsda)


def _rows(reader: _Reader, code_alignment: int, pointer_size: int) -> Iterator[tuple[int, bytes]]:
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


def _advance(reader: _Reader, opcode: int) -> int | None:
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


def _skip(reader: _Reader, opcode: int, _pointer_size: int) -> None:
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
    reader = _Reader(section.data, location.offset, len(section.data))
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
    actions_end = types_end if types_end is not None else end
    rest = section.data[end:actions_end]
    types: list[tuple[int, int, str, int]] = []
    if types_end is not None:
        size = _pointer_size(type_encoding)
        for place in range(end, types_end):
            found = relocations.get(place)
            if found is not None:
                symbol = image.symbols[found.symbol]
                where = image.sections[symbol.section].name if not symbol.name and symbol.section else symbol.name
                types.append((types_end - place, found.kind, where, found.addend))
        # The types lie before their end, aligned: the padding in front of them may differ.
        first = max((distance for distance, *_ in types), default=0)
        rest = rest[: len(rest) - max(first, size if first else 0)].rstrip(b"\0")
    return Table((type_encoding, encoding, 0 if types_end is None else 1), tuple(sites), rest, tuple(types))
