"""ELF objects taken apart for mutation: what each byte of the file is, and the files with one thing changed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from asmrewrite import CheckError, Verdict
from asmrewrite.verify.translation import validate_bytes

_HEADER = struct.Struct("<IIQQQQIIQQ")
#: Fields of a section header: name, offset in it, size.
FIELDS = {
    "sh_name": (0, 4), "sh_type": (4, 4), "sh_flags": (8, 8), "sh_addr": (16, 8), "sh_offset": (24, 8),
    "sh_size": (32, 8), "sh_link": (40, 4), "sh_info": (44, 4), "sh_addralign": (48, 8), "sh_entsize": (56, 8),
}  # fmt: skip


class Part(NamedTuple):
    """A section: its name, its place in the file, its header's place, its type, the section that it is about."""

    name: str
    start: int
    size: int
    header: int
    kind: int
    info: int


@dataclass(frozen=True)
class Elf:
    """An object and its sections."""

    data: bytes
    parts: tuple[Part, ...]

    def named(self, name: str) -> Part:
        """The first section called `name`."""
        return next(part for part in self.parts if part.name == name)

    def with_bytes(self, at: int, piece: bytes) -> bytes:
        """The object with `piece` at `at` of the file."""
        return self.data[:at] + piece + self.data[at + len(piece) :]

    def content(self, part: Part) -> bytes:
        """The bytes of a section."""
        return self.data[part.start : part.start + part.size] if part.kind != 8 else b""


def read(data: bytes) -> Elf:
    """Take an object apart."""
    (headers,) = struct.unpack_from("<Q", data, 0x28)
    count, names = struct.unpack_from("<HH", data, 0x3C)
    rows = [_HEADER.unpack_from(data, headers + 64 * index) for index in range(count)]
    strings = rows[names][4]
    return Elf(
        data,
        tuple(
            Part(
                data[strings + row[0] : data.index(b"\0", strings + row[0])].decode(),
                row[4], row[5], headers + 64 * index, row[1], row[7],
            )
            for index, row in enumerate(rows)
        ),
    )  # fmt: skip


def flips(elf: Elf, start: int, size: int, bits: tuple[int, ...] = tuple(range(8))) -> Iterator[tuple[int, int, bytes]]:
    """(place in the range, bit, the object with that bit inverted)."""
    for place in range(size):
        for bit in bits:
            mutated = bytearray(elf.data)
            mutated[start + place] ^= 1 << bit
            yield place, bit, bytes(mutated)


def noticed(original: bytes, mutated: bytes) -> bool:
    """Whether the validator objects: FAIL, UNKNOWN and `CheckError` are all objections."""
    try:
        return validate_bytes(original, mutated, "mutated.o").verdict is not Verdict.PASS
    except CheckError:
        return True
