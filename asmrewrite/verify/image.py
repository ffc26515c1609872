"""An ELF object or program as the checker needs it: sections, symbols, and where PC-relative fields lead.

Symbols and relocations, of which there are tens of thousands, are unpacked from their sections in one sweep each
(ELF-64 gABI, "Symbol Table" and "Relocation").
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from contextlib import contextmanager
from typing import NamedTuple

from asmrewrite.analysis.properties import FEATURE_1_AND, NOTE_SECTION, SHSTK
from asmrewrite.errors import CheckError
from asmrewrite.verify import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_DAMAGE = (
    struct.error, LookupError, ValueError, OverflowError, TypeError, AttributeError, AssertionError,
)  # fmt: skip
_SYMBOL = struct.Struct("<IBBHQQ")
_COMPRESSION = struct.Struct("<IIQQ")
_SHF_COMPRESSED = 0x800
_RELA = struct.Struct("<QQq")
#: A note's header: sizes of name and description, type. A property's: type and size.
_NOTE, _PROPERTY = struct.Struct("<III"), struct.Struct("<II")
_SHN_UNDEF, _SHN_LORESERVE, _STT_NOTYPE = 0, 0xFF00, 0
#: STT_FUNC and STT_GNU_IFUNC: the kinds of symbols that are functions.
FUNCTIONS = frozenset({2, 10})
_SHF_ALLOC, _SHF_EXECINSTR, _SHF_TLS = 0x2, 0x4, 0x400
#: Relocations whose field holds symbol + addend - place (psABI table 4.9): PC32, PLT32.
PC_RELATIVE = frozenset({2, 4})
#: A pointer to a symbol, and a pointer into the module (psABI, "Relocation Types").
_R_64, _R_RELATIVE = 1, 8
#: GOTPCREL, GOTPCRELX, REX_GOTPCRELX.
GOT_RELATIVE = frozenset({9, 41, 42})


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Turns what reading a damaged file may raise, wherever it is noticed, into a `CheckError`."""
    try:
        yield
    except _DAMAGE as error:
        raise CheckError(f"is damaged: {error!r}", file=name) from error


class Section(NamedTuple):
    """A section: its number in the section table, name, contents, and what the headers say of it (bytes, addresses)."""

    number: int
    name: str
    data: bytes
    address: int
    alignment: int
    flags: int
    size: int
    kind: str
    entry_size: int
    offset: int
    #: sh_link and sh_info: numbers of other sections, as the kind says.
    link: int = 0
    info: int = 0


class Symbol(NamedTuple):
    """A symbol; `section` is its section's number, 0 when it has none, and then `special` says why (SHN_ABS, ...).

    `kind` and `binding` are the two halves of st_info, `visibility` is st_other.
    """

    name: str
    section: int
    value: int
    size: int
    kind: int
    binding: int
    visibility: int
    special: int


class Relocation(NamedTuple):
    """A relocation: its type, the number of its symbol, its addend."""

    kind: int
    symbol: int
    addend: int


class Location(NamedTuple):
    """A place in the image: a section's index and an offset in it; or an undefined symbol's name."""

    section: int
    offset: int
    symbol: str = ""
    got: bool = False


class Image:
    """One ELF-64 x86-64 file, relocatable or linked."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        headers = elf.read(path, file)
        self.relocatable = headers.type == elf.ET_REL
        #: Whether the loader may put it anywhere (PIE, shared library), and so relocates every pointer in its data.
        self.movable = headers.type == elf.ET_DYN
        self.sections: list[Section] = []
        self._file = file
        self._symtab = self._strtab = 0
        self._group_sections: list[tuple[int, int]] = []
        self._relocation_sections: dict[int, int] = {}
        for number, header in enumerate(headers.sections):
            self._add(number, header)
        self._relocations: dict[int, dict[int, Relocation]] = {}
        self._symbols: list[Symbol] | None = None
        self._functions: dict[int, tuple[list[int], list[str]]] | None = None
        self._labels: dict[tuple[int, int], list[str]] | None = None
        self._shadow_stack: bool | None = None
        self._dynamic: dict[int, Relocation] | None = None
        self._packed: frozenset[int] | None = None

    def _add(self, number: int, header: elf.Header) -> None:
        kind = header.kind
        wanted = kind not in ("SHT_NOBITS", "SHT_NULL") and (header.flags & _SHF_ALLOC or kind in _WANTED)
        section = Section(
            number, header.name, b"", header.address, header.alignment, header.flags, header.size, kind,
            header.entry_size, header.offset, header.link, header.info,
        )  # fmt: skip
        self.sections.append(section._replace(data=self.contents(section)) if wanted else section)
        if kind == "SHT_RELA" and self.relocatable:
            self._relocation_sections[header.info] = number
        elif kind == "SHT_SYMTAB":
            self._symtab, self._strtab = number, header.link
        elif kind == "SHT_GROUP":
            self._group_sections.append((number, header.info))

    def contents(self, section: Section) -> bytes:
        """The bytes of `section`, of those too whose `data` was not read at first."""
        if section.data or section.kind == "SHT_NOBITS":
            return section.data
        self._file.seek(section.offset)
        data = self._file.read(section.size)
        if len(data) < section.size:
            raise CheckError(f"is cut short: {section.name} has {section.size} bytes, {len(data)} are there",
                             file=self.path)  # fmt: skip
        return data

    def inflated(self, section: Section) -> bytes:
        """The bytes of `section` as they were before -gz."""
        content = self.contents(section)
        return _inflated(content) if section.flags & _SHF_COMPRESSED else content

    @property
    def symbols(self) -> list[Symbol]:
        """All of .symtab, in its order; empty in a stripped program."""
        if self._symbols is None:
            names = self.sections[self._strtab].data if self._symtab else b""
            table = self.sections[self._symtab].data if self._symtab else b""
            self._symbols = [
                Symbol(
                    _name(names, name), shndx if shndx < _SHN_LORESERVE else 0, value, size, info & 15, info >> 4,
                    other, shndx if shndx >= _SHN_LORESERVE else 0,
                )
                for name, info, other, shndx, value, size in _SYMBOL.iter_unpack(table)
            ]  # fmt: skip
        return self._symbols

    @property
    def bytecode_alone(self) -> bool:
        """Whether it is an object of gcc -flto that holds no code yet (-ffat-lto-objects would add it)."""
        code = any(section.flags & _SHF_EXECINSTR and section.size for section in self.sections)
        return self.relocatable and not code and any(s.name.startswith(".gnu.lto_") for s in self.sections)

    @property
    def shadow_stack(self) -> bool:
        """Whether .note.gnu.property marks it for shadow stacks (x86-64 psABI, "Program Property")."""
        if self._shadow_stack is None:
            bits = 0
            for section in self.named(NOTE_SECTION):
                for kind, data in _properties(self.contents(section)):
                    bits |= int.from_bytes(data, "little") if kind == FEATURE_1_AND else 0
            self._shadow_stack = bool(bits & SHSTK)
        return self._shadow_stack

    @property
    def groups(self) -> dict[int, str]:
        """Section number -> the signature of the group that it belongs to."""
        found: dict[int, str] = {}
        for number, signature in self._group_sections:
            members = struct.iter_unpack("<I", self.contents(self.sections[number])[4:])
            found.update((member, self.symbols[signature].name) for (member,) in members)
            found[number] = self.symbols[signature].name
        return found

    def relocations(self, section: int) -> dict[int, Relocation]:
        """Offset -> relocation, of the section of that number; empty in a linked program."""
        table = self._relocations.get(section)
        if table is None:
            number = self._relocation_sections.get(section)
            data = self.sections[number].data if number is not None else b""
            table = self._relocations[section] = {
                place: Relocation(info & 0xFFFFFFFF, info >> 32, addend)
                for place, info, addend in _RELA.iter_unpack(data)
            }
        return table

    def named(self, name: str) -> list[Section]:
        """All sections called `name`."""
        return [section for section in self.sections if section.name == name]

    def follow(self, section: Section, offset: int, behind: int = 0) -> Location | None:
        """Where the 32-bit PC-relative field at `offset` leads; `behind` bytes stand between it and its base.

        A table's field is relative to itself (0), a branch's to the end of the instruction (4).
        """
        if self.relocatable:
            entry = self.relocations(section.number).get(offset)
            if entry is not None:
                return self._target(entry, behind)
        value = int.from_bytes(section.data[offset : offset + 4], "little", signed=True)
        here = offset + behind + value
        if self.relocatable or section.address <= section.address + here < section.address + section.size:
            return Location(section.number, here)
        return self.at(section.address + here)

    def follow_field(self, section: Section, offset: int) -> Location | None:
        """Where the relocated field at `offset` leads: absolute or relative to itself; None without a relocation."""
        entry = self.relocations(section.number).get(offset)
        if entry is None:
            return None
        symbol = self.symbols[entry.symbol]
        if not symbol.section:
            return Location(0, entry.addend, symbol.name)
        return Location(symbol.section, symbol.value + entry.addend)

    def pointer(self, section: Section, offset: int) -> Location | None:
        """Where the 64-bit pointer at `offset` leads when the program runs.

        None when it holds no address that is known before: a number, or a symbol that another module may define.
        """
        if self.relocatable:
            entry = self.relocations(section.number).get(offset)
            return self.follow_field(section, offset) if entry and entry.kind == _R_64 else None
        place = section.address + offset
        value: int | None = int.from_bytes(section.data[offset : offset + 8], "little")
        if place in self.dynamic_relocations:
            kind, _, value = self.dynamic_relocations[place]
            value = value if kind == _R_RELATIVE else None
        elif self.movable and place not in self.packed_relocations:
            return None
        return self.at(value) if value is not None else None

    @property
    def dynamic_relocations(self) -> dict[int, Relocation]:
        """Address -> relocation, of all that the loader of a linked program applies by its tables with addends."""
        if self._dynamic is None:
            self._dynamic = {
                place: Relocation(info & 0xFFFFFFFF, info >> 32, addend)
                for section in self.sections
                if section.kind == "SHT_RELA" and section.flags & _SHF_ALLOC
                for place, info, addend in _RELA.iter_unpack(section.data)
            }
        return self._dynamic

    @property
    def packed_relocations(self) -> frozenset[int]:
        """The addresses of all pointers that DT_RELR lists; the addend of each is what stands there."""
        if self._packed is None:
            packed = (section.data for section in self.sections if section.kind == "SHT_RELR")
            self._packed = frozenset(place for data in packed for place in _unpacked(data))
        return self._packed

    def relocation_kind(self, section: Section, offset: int) -> int | None:
        """The type of the relocation at `offset`, None when there is none."""
        entry = self.relocations(section.number).get(offset)
        return entry[0] if entry else None

    def at(self, address: int) -> Location | None:
        """The location of a linked program's `address`; of two sections there, the one that has bytes."""
        empty = None
        for section in self.sections:
            if section.flags & _SHF_ALLOC and section.address <= address and not _takes_no_address(section):
                if address < section.address + section.size:
                    return Location(section.number, address - section.address)
                if section.address == address and not section.size:
                    empty = Location(section.number, 0)
        return empty

    def function(self, location: Location) -> tuple[str, int]:
        """The function that holds `location` and the distance from its start; ("", offset) when none does."""
        if self._functions is None:
            self._functions = self._index_functions()
        starts, names = self._functions.get(location.section, ([], []))
        index = bisect_right(starts, location.offset) - 1
        return (names[index], location.offset - starts[index]) if index >= 0 else ("", location.offset)

    def symbol_at(self, location: Location, prefix: str = "") -> str:
        """The name of the function that stands at `location`, else of a label; "" when none does."""
        if location.symbol:
            return location.symbol
        name, distance = self.function(location)
        return name if name and distance == 0 else next(iter(self.labels_at(location)), "")

    def labels_at(self, location: Location) -> list[str]:
        """The names of all functions and labels of an object that stand at `location`."""
        if not self.relocatable:
            return []
        if self._labels is None:
            self._labels = {}
            for symbol in self.symbols:
                if symbol.section and symbol.name and symbol.kind in (_STT_NOTYPE, *FUNCTIONS):
                    self._labels.setdefault((symbol.section, symbol.value), []).append(symbol.name)
        return self._labels.get((location.section, location.offset), [])

    def _index_functions(self) -> dict[int, tuple[list[int], list[str]]]:
        found: dict[int, list[tuple[int, str]]] = {}
        for symbol in self.symbols:
            if symbol.kind in FUNCTIONS and symbol.section:
                base = 0 if self.relocatable else self.sections[symbol.section].address
                found.setdefault(symbol.section, []).append((symbol.value - base, symbol.name))
        return {
            section: ([place for place, _ in sorted(entries)], [name for _, name in sorted(entries)])
            for section, entries in found.items()
        }

    def _target(self, entry: Relocation, behind: int) -> Location | None:
        kind, number, addend = entry
        symbol = self.symbols[number]
        if kind not in PC_RELATIVE and kind not in GOT_RELATIVE:
            return None
        if symbol.section == _SHN_UNDEF or kind in GOT_RELATIVE:
            return Location(0, addend + behind, symbol.name, kind in GOT_RELATIVE)
        return Location(symbol.section, symbol.value + addend + behind)


def _properties(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(Type, value) of the properties of a note section: notes and properties are padded to 8 bytes."""
    place = 0
    while place + _NOTE.size <= len(data):
        name, description, _ = _NOTE.unpack_from(data, place)
        entry = place + _NOTE.size + name + -name % 4
        place = end = entry + description + -description % 8
        while entry + _PROPERTY.size <= min(end, len(data)):
            kind, size = _PROPERTY.unpack_from(data, entry)
            entry += _PROPERTY.size
            yield kind, data[entry : entry + size]
            entry += size + -size % 8


def _unpacked(data: bytes) -> Iterator[int]:
    """The addresses in a DT_RELR table: an even word is one, an odd one a bitmap of the 63 words behind (gABI)."""
    place = 0
    for (entry,) in struct.iter_unpack("<Q", data):
        if not entry & 1:
            yield entry
            place = entry + 8
            continue
        yield from (place + 8 * bit for bit in range(63) if entry >> (bit + 1) & 1)
        place += 8 * 63


def _takes_no_address(section: Section) -> bool:
    """Whether it is .tbss: what follows it stands at its address (gABI, "Thread-Local Storage")."""
    return section.kind == "SHT_NOBITS" and bool(section.flags & _SHF_TLS)


_WANTED = frozenset({"SHT_SYMTAB", "SHT_STRTAB", "SHT_RELA"})


def _name(names: bytes, offset: int) -> str:
    return names[offset : names.index(b"\0", offset)].decode("latin-1")


def _inflated(data: bytes) -> bytes:
    """The contents of a section with SHF_COMPRESSED (gABI, "Section Compression")."""
    import zlib

    if len(data) < _COMPRESSION.size:
        raise CheckError("a compressed section is cut short")
    kind, _, size, _ = _COMPRESSION.unpack_from(data)
    if kind != 1:
        raise CheckError(f"a section compressed by method {kind}, which is not known here")
    try:
        content = zlib.decompress(data[_COMPRESSION.size :])
    except zlib.error as error:
        raise CheckError(f"a compressed section is damaged: {error}") from None
    if len(content) != size:
        raise CheckError("a compressed section has another size than it says")
    return content
