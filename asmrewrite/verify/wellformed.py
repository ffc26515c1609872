"""Whether a file's ELF headers and tables can be believed at all: every offset inside the file, every number in range.

What passes here can be read without surprises; what does not is refused in words. Source: ELF-64 gABI.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from asmrewrite.errors import CheckError

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QQq")
_NULL, _SYMTAB, _STRTAB, _RELA_TABLE, _NOBITS, _DYNSYM, _GROUP, _SYMTAB_SHNDX = 0, 2, 3, 4, 8, 11, 17, 18
_ALLOC, _CODE, _COMPRESSED = 2, 4, 0x800
_X86_64, _OBJECT, _XINDEX, _RESERVED = 62, 1, 0xFFFF, 0xFF00


class _Header(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


def machine(data: bytes) -> str:
    """What kind of ELF file `data` is: "x86-64", another machine in words, or "" when it is no ELF file."""
    if data[:4] != b"\x7fELF":
        return ""
    if len(data) >= 20 and data[4:6] == b"\2\1" and struct.unpack_from("<H", data, 18)[0] == _X86_64:
        return "x86-64"
    return "another machine"


def require_wellformed(data: bytes, name: str) -> None:
    """Raise `CheckError` unless the tables of the x86-64 ELF file `data` can be read."""
    problem = _problem(data)
    if problem:
        raise CheckError(f"is malformed: {problem}", file=name)


def _problem(data: bytes) -> str:
    if len(data) < _HEADER.size:
        return "it ends inside the ELF header"
    fields = _HEADER.unpack_from(data)
    kind, start, entry, count, names = fields[1], fields[6], fields[11], fields[12], fields[13]
    if not start:
        return "it has no section headers"
    if entry != _SECTION.size or start + _SECTION.size > len(data):
        return "its section headers are not where it says"
    first = _Header(*_SECTION.unpack_from(data, start))
    count, names = count or first.size, first.link if names == _XINDEX else names
    if start + count * entry > len(data):
        return "it ends inside the section headers"
    sections = [_Header(*_SECTION.unpack_from(data, start + entry * number)) for number in range(count)]
    if names >= count or sections[names].kind != _STRTAB:
        return "the names of its sections are in no string table"
    for number, section in enumerate(sections):
        problem = _section_problem(data, sections, section, kind == _OBJECT) or _name_problem(
            data, sections[names], section.name
        )
        if problem:
            return f"section {number} {problem}"
    return _overlap(sections)


def _section_problem(data: bytes, sections: list[_Header], section: _Header, relocatable: bool) -> str:
    if section.kind in (_NULL, _NOBITS):
        return ""
    if section.offset + section.size > len(data):
        return "ends behind the file"
    if section.flags & _COMPRESSED and section.flags & _ALLOC:
        return "is compressed and in memory"
    if section.address + section.size >= 1 << 64:
        return "ends behind all memory"
    if section.kind == _STRTAB and section.size and data[section.offset + section.size - 1]:
        return "is a string table without an end"
    if section.kind in (_SYMTAB, _DYNSYM):
        return _symbols_problem(data, sections, section)
    if section.kind == _RELA_TABLE and relocatable:
        return _relocations_problem(data, sections, section)
    if section.kind == _GROUP and section.size % 4:
        return "is a group cut short"
    if section.kind == _GROUP:
        return "" if section.link < len(sections) and _symbol_count(sections[section.link]) > section.info else (
            "is a group without signature"
        )  # fmt: skip
    return ""


def _symbol_count(section: _Header) -> int:
    return section.size // _SYMBOL.size if section.kind in (_SYMTAB, _DYNSYM) else 0


def _symbols_problem(data: bytes, sections: list[_Header], section: _Header) -> str:
    if section.size % _SYMBOL.size:
        return "is a symbol table cut short"
    if section.link >= len(sections) or sections[section.link].kind != _STRTAB:
        return "is a symbol table without names"
    room = sections[section.link].size
    # A debugger's copy of a dynamic program keeps .dynsym as SHT_NOBITS, which does not come here.
    for name, _info, _other, index, _value, _size in _SYMBOL.iter_unpack(_contents(data, section)):
        if name >= max(room, 1):
            return "has a symbol whose name is outside its string table"
        if len(sections) <= index < _RESERVED:
            return "has a symbol in a section that is not there"
    return ""


def _relocations_problem(data: bytes, sections: list[_Header], section: _Header) -> str:
    if section.size % _RELA.size:
        return "is a table of relocations cut short"
    if section.link >= len(sections) or section.info >= len(sections):
        return "has relocations of sections that are not there"
    count, size = _symbol_count(sections[section.link]), sections[section.info].size
    if sections[section.info].flags & _COMPRESSED:
        size = 1 << 64
    for place, info, _addend in _RELA.iter_unpack(_contents(data, section)):
        if info >> 32 >= max(count, 1):
            return "has a relocation to a symbol that is not there"
        if place >= size:
            return "has a relocation outside its section"
    return ""


def _name_problem(data: bytes, names: _Header, name: int) -> str:
    return "has a name outside the string table" if name >= max(names.size, 1) else ""


def _overlap(sections: list[_Header]) -> str:
    """Whether two sections of code share bytes of the file: then one of them is not what runs."""
    code = sorted(
        (section.offset, section.offset + section.size, number)
        for number, section in enumerate(sections)
        if section.flags & _CODE and section.kind != _NOBITS and section.size
    )
    for (_, end, number), (start, _, other) in zip(code, code[1:], strict=False):
        if start < end:
            return f"sections {number} and {other} of code overlap"
    return ""


def _contents(data: bytes, section: _Header) -> bytes:
    return data[section.offset : section.offset + section.size]
