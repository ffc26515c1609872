"""Bytes with a position: the numbers and strings that unwind tables and debug information are made of."""

from __future__ import annotations

from asmrewrite.errors import CheckError


class Reader:
    """Reads `data` from `position` on, never past `end`."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data, self.position, self.end = data, position, end

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        piece = self.data[self.position : self.position + size]
        if len(piece) != size or self.position + size > self.end:
            raise CheckError("a table is cut short")
        self.position += size
        return piece

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def uleb(self) -> int:
        """An unsigned LEB128 number."""
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value


def uleb(data: bytes, position: int) -> tuple[int, int]:
    """The unsigned LEB128 number at `position`, and where it ends; `IndexError` past the end of `data`."""
    byte = data[position]
    position += 1
    if byte < 0x80:
        return byte, position
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def sleb(data: bytes, position: int) -> tuple[int, int]:
    """The same for a signed one."""
    start = position
    value, position = uleb(data, position)
    bits = 7 * (position - start)
    return (value - (1 << bits) if data[position - 1] & 0x40 else value), position
