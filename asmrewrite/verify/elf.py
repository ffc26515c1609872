"""The headers of an ELF-64 file: what it is, and its section table.

pyelftools reads them as well, but to import it takes as long as to rewrite a file, in every compilation that has sites.
Source: ELF-64 gABI, "ELF Header" and "Section Header".
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from asmrewrite.errors import CheckError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_FILE = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_CLASS_64, _LITTLE, _X86_64 = 2, 1, 62
#: Numbers that say that the true one is in the first section's header.
_XINDEX = 0xFFFF
ET_REL, ET_DYN = 1, 3
_NAMES = "NULL PROGBITS SYMTAB STRTAB RELA HASH DYNAMIC NOTE NOBITS REL SHLIB DYNSYM"
KINDS = {number: f"SHT_{name}" for number, name in enumerate(_NAMES.split())} | {
    14: "SHT_INIT_ARRAY", 15: "SHT_FINI_ARRAY", 16: "SHT_PREINIT_ARRAY", 17: "SHT_GROUP", 18: "SHT_SYMTAB_SHNDX",
    19: "SHT_RELR",
}  # fmt: skip


class Header(NamedTuple):
    """A section's header; `kind` is the name of its type, or the type's number in words."""

    name: str
    kind: str
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class Elf(NamedTuple):
    """The type of an x86-64 file (ET_REL, ET_DYN, ...) and its sections' headers."""

    type: int
    sections: list[Header]


def read(path: str, file: BinaryIO) -> Elf:
    """The headers of the file at `path`; `CheckError` when it is no x86-64 ELF file, or damaged."""
    file.seek(0)
    head = file.read(_FILE.size)
    if head[:4] != b"\x7fELF":
        raise CheckError(f"is {_unlike_elf(head) or 'not an ELF file: its first bytes are others'}", file=path)
    if head[4:6] != bytes([_CLASS_64, _LITTLE]) or head[18:20] != bytes([_X86_64, 0]):
        raise CheckError("is not an x86-64 object", file=path)
    if len(head) < _FILE.size:
        raise CheckError("is cut short or no sound ELF file: its header is", file=path)
    fields = _FILE.unpack(head)
    start, size, count, names = fields[6], fields[11], fields[12], fields[13]
    rows = _rows(path, file, start, size, count) if start else []
    if names == _XINDEX and rows:
        names = rows[0][6]
    table = b""
    if rows:
        if names >= len(rows):
            raise CheckError("is cut short or no sound ELF file: its sections have no names", file=path)
        file.seek(rows[names][4])
        table = file.read(rows[names][5])
    return Elf(fields[1], [_header(path, table, row) for row in rows])


def _rows(path: str, file: BinaryIO, start: int, size: int, count: int) -> list[tuple[int, ...]]:
    if size != _SECTION.size:
        raise CheckError(f"is cut short or no sound ELF file: a section's header has {size} bytes", file=path)
    file.seek(start)
    first = file.read(size)
    if not count and len(first) == size:
        count = _SECTION.unpack(first)[5]
    data = first + file.read(size * max(count - 1, 0))
    if len(data) < size * count:
        raise CheckError("is cut short or no sound ELF file: its section table is", file=path)
    return list(_SECTION.iter_unpack(data[: size * count]))


def _header(path: str, names: bytes, row: tuple[int, ...]) -> Header:
    end = names.find(b"\0", row[0])
    if end < 0:
        raise CheckError("is cut short or no sound ELF file: a section has no name", file=path)
    name = names[row[0] : end].decode("utf-8", "replace")
    kind = KINDS.get(row[1], str(row[1]))
    return Header(name, kind, row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9])


def _unlike_elf(head: bytes) -> str:
    """What the file is instead, as far as compilers make it."""
    if head[:4] in (b"BC\xc0\xde", b"\xde\xc0\x17\x0b"):
        return "LLVM bitcode (-flto): its code is made inside the linker, where nothing can be rewritten"
    return ""
