"""Line programs run to the rows they make (DWARF 5 section 6.2).

A unit's program is a list of sequences; each is about one section and ends with a row of its own. A row says of the
code from its address on: file, line, column, is_stmt, isa, discriminator and marks.
"""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.verify.reader import sleb, uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    AddressAt = Callable[[int], tuple[int, int]]

#: file, line, column, is_stmt, isa, discriminator, marks.
Row = tuple[int, int, int, bool, int, int, int]


class Sequence(NamedTuple):
    """Rows of the section of that number: offsets in it, and what each row says; the last is the end's."""

    section: int
    offsets: list[int]
    rows: list[Row]


class Program(NamedTuple):
    """A unit of .debug_line: its bytes [start, end), where its tables and its opcodes begin, its sequences.

    `addresses` are the places of the relocated fields in its opcodes.
    """

    version: int
    start: int
    tables: int
    opcodes: int
    end: int
    sequences: list[Sequence]
    addresses: list[int]


#: Marks of a row.
_BASIC_BLOCK, _PROLOGUE_END, _EPILOGUE_BEGIN = 1, 2, 4


def programs(data: bytes, address_at: AddressAt) -> Iterator[Program]:
    """The units of .debug_line; `address_at` reads the address at a place of `data`, as section and offset.

    Raises `CheckError` at one that cannot be read.
    """
    position = 0
    while position < len(data):
        try:
            found = _program(data, position, address_at)
        except IndexError:
            raise CheckError("a line program is cut short") from None
        yield found
        position = found.end


def _program(data: bytes, start: int, address_at: AddressAt) -> Program:
    length = int.from_bytes(data[start : start + 4], "little")
    version = int.from_bytes(data[start + 4 : start + 6], "little")
    end = start + 4 + length
    if length >= 0xFFFFFFF0 or end > len(data):
        raise CheckError("a line program in the 64-bit format, or cut short")
    if not 2 <= version <= 5:
        raise CheckError(f"a line program of version {version}")
    place = start + 6
    if version == 5:
        if (data[place], data[place + 1]) != (8, 0):
            raise CheckError("a line program with other addresses than of 8 bytes")
        place += 2
    opcodes = place + 4 + int.from_bytes(data[place : place + 4], "little")
    place += 4
    step = data[place]
    place += 1
    if version >= 4:
        if data[place] != 1:
            raise CheckError("a line program for several operations at a time")
        place += 1
    is_stmt = bool(data[place])
    base, width, first = data[place + 1], data[place + 2], data[place + 3]
    tables = place + 3 + first
    sizes = (0, *data[place + 4 : tables])
    if not width or opcodes > end or tables > opcodes:
        raise CheckError("a line program with a header that makes no sense")
    base -= 256 if base >= 128 else 0
    addresses: list[int] = []

    def read(position: int) -> tuple[int, int]:
        addresses.append(position)
        return address_at(position)

    sequences = _run(data, (opcodes, end), is_stmt, (step, base, width, first), sizes, read)
    return Program(version, start, tables, opcodes, end, sequences, addresses)


def _run(
    data: bytes,
    extent: tuple[int, int],
    default: bool,
    special: tuple[int, int, int, int],
    sizes: tuple[int, ...],
    address_at: AddressAt,
) -> list[Sequence]:
    """The sequences of the program in `extent`; `special` are the header's numbers for special opcodes."""
    position, end = extent
    step, base, width, first = special
    advances = [(code - first) // width * step for code in range(256)]
    lines = [base + (code - first) % width for code in range(256)]
    sequences: list[Sequence] = []
    offsets: list[int] = []
    rows: list[Row] = []
    address, file, line, column, is_stmt, isa, discriminator, marks, section = 0, 1, 1, 0, default, 0, 0, 0, -1
    while position < end:
        code = data[position]
        position += 1
        if code >= first:
            address += advances[code]
            line += lines[code]
            offsets.append(address)
            rows.append((file, line, column, is_stmt, isa, discriminator, marks))
            discriminator = marks = 0
        elif code == 1:  # copy
            offsets.append(address)
            rows.append((file, line, column, is_stmt, isa, discriminator, marks))
            discriminator = marks = 0
        elif code == 5:
            column, position = uleb(data, position)
        elif code == 6:
            is_stmt = not is_stmt
        elif code == 3:
            value, position = sleb(data, position)
            line += value
        elif code == 2:
            value, position = uleb(data, position)
            address += value * step
        elif code == 0:
            size, position = uleb(data, position)
            following = position + size
            extended = data[position]
            if extended == 1 and size == 1 and section >= 0:  # end_sequence
                offsets.append(address)
                rows.append((file, line, column, is_stmt, isa, discriminator, marks))
                sequences.append(Sequence(section, offsets, rows))
                offsets, rows = [], []
                address, file, line, column, is_stmt = 0, 1, 1, 0, default
                isa, discriminator, marks, section = 0, 0, 0, -1
            elif extended == 2 and size == 9:  # set_address
                number, address = address_at(position + 1)
                if section not in (-1, number) or (section < 0 and rows):
                    raise CheckError("a sequence of rows about two sections")
                section = number
            elif extended == 4:
                discriminator, position = uleb(data, position + 1)
                if position != following:
                    raise CheckError("a discriminator does not end where it says")
            else:
                raise CheckError(f"an unknown extended opcode of lines, {extended}")
            position = following
        elif code == 4:
            file, position = uleb(data, position)
        elif code == 8:  # const_add_pc
            address += advances[255]
        elif code == 9:  # fixed_advance_pc
            address += int.from_bytes(data[position : position + 2], "little")
            position += 2
        elif code == 7:
            marks |= _BASIC_BLOCK
        elif code == 10:
            marks |= _PROLOGUE_END
        elif code == 11:
            marks |= _EPILOGUE_BEGIN
        elif code == 12:
            isa, position = uleb(data, position)
        else:
            raise CheckError(f"an unknown opcode of lines, {code}")
        if code < min(first, 13) and code and sizes[code] != _OPERANDS[code]:
            raise CheckError(f"an opcode of lines with {sizes[code]} operands")
    if position != end or rows or section >= 0:
        raise CheckError("a line program ends inside a sequence")
    return sequences


#: Operands of the standard opcodes.
_OPERANDS = (0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1)
