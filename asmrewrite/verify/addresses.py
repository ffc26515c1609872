"""Every place of an image as one number, and what the fields of code and data lead to.

In a program the number is the address. An object's sections have none yet: each gets a base of its own, far from
the others, so that no distance inside a section reaches another one.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right

from asmrewrite.verify.image import GOT_RELATIVE, PC_RELATIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.image import Image, Relocation, Section

#: Relocations whose field holds symbol + addend: R_X86_64_64, 32, 32S.
_ABSOLUTE = frozenset({1, 10, 11})
_R64, _GLOB_DAT, _JUMP_SLOT, _RELATIVE = 1, 6, 7, 8
_RELA, _SYMBOL = struct.Struct("<QQq"), struct.Struct("<IBBHQQ")
_ALLOC, _CODE = 2, 4
_BASE_SHIFT = 40
#: Sections whose words are no pointers that code follows: unwind tables, notes, and our own tables.
_NOTES = (".eh_frame", ".gcc_except_table", ".note", "asmrewrite_sites", ".static_call_sites", "__patchable_function")


class Addresses:
    """The places of one image."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._sections = sorted(
            (self.of(section.number), section.number) for section in image.sections if section.flags & _ALLOC
        )
        self._starts = [start for start, _ in self._sections]
        self._pointers: dict[int, int] | None = None
        self._given: list[int] | None = None
        self._slots: dict[int, str] | None = None

    def of(self, section: int, offset: int = 0) -> int:
        """The number of the place at `offset` of the section of that number."""
        if self.image.relocatable:
            return (section << _BASE_SHIFT) + offset
        return self.image.sections[section].address + offset

    def locate(self, address: int) -> tuple[Section, int] | None:
        """The section that holds `address`, and the offset in it."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        start, number = self._sections[index]
        section = self.image.sections[number]
        return (section, address - start) if address - start < section.size else None

    def is_code(self, address: int) -> bool:
        """Whether `address` is in a section of code."""
        found = self.locate(address)
        return found is not None and bool(found[0].flags & _CODE)

    def relocation(self, section: Section, offset: int) -> Relocation | None:
        """The relocation of an object's field."""
        return self.image.relocations(section.number).get(offset) if self.image.relocatable else None

    def relative(self, section: Section, field: int, next_: int) -> int | str | None:
        """Where the PC-relative field at offset `field` of the instruction that ends at `next_` leads.

        A symbol's name where it is not in the image, or where the field reads its GOT entry ("NAME@GOT").
        """
        entry = self.relocation(section, field)
        if entry is None:
            value = int.from_bytes(section.data[field : field + 4], "little", signed=True)
            return self.of(section.number, next_ + value)
        symbol = self.image.symbols[entry.symbol]
        if entry.kind in GOT_RELATIVE:
            return f"{symbol.name}@GOT"
        if entry.kind not in PC_RELATIVE:
            return None
        if not symbol.section:
            return symbol.name
        return self.of(symbol.section, symbol.value + entry.addend + next_ - field)

    def absolute(self, section: Section, field: int, value: int) -> int | str | None:
        """What the field that holds `value` as an absolute address leads to; None when to nothing of the image."""
        if not self.image.relocatable:
            return value if self.locate(value) else None
        entry = self.relocation(section, field)
        if entry is None or entry.kind not in _ABSOLUTE:
            return None
        symbol = self.image.symbols[entry.symbol]
        return self.of(symbol.section, symbol.value + entry.addend) if symbol.section else symbol.name

    def pointer(self, address: int) -> int | None:
        """What the 8-byte word at `address` holds when the program runs, as far as the file says."""
        found = self._relocated_pointers().get(address)
        place = self.locate(address)
        if found is not None or place is None or self.image.relocatable:
            return found
        section, offset = place
        word = section.data[offset : offset + 8]
        return int.from_bytes(word, "little") if len(word) == 8 else None

    def entry(self, table: int, base: int, index: int) -> int | None:
        """Where entry `index` of the table of 4-byte distances from `base` leads."""
        place = self.locate(table + 4 * index)
        if place is None or len(place[0].data) < place[1] + 4:
            return None
        section, offset = place
        relocation = self.relocation(section, offset)
        if relocation is None:
            value = int.from_bytes(section.data[offset : offset + 4], "little", signed=True)
            return base + value
        symbol = self.image.symbols[relocation.symbol]
        if relocation.kind not in PC_RELATIVE or not symbol.section:
            return None
        place_ = self.of(section.number, offset)
        return self.of(symbol.section, symbol.value + relocation.addend) - place_ + base

    def given_inside(self, start: int, end: int) -> list[int]:
        """The addresses in (start, end) that data hold as 8-byte words: of labels, when it is a function's range."""
        if self._given is None:
            self._given = sorted(set(self._words()))
        first = bisect_right(self._given, start)
        return self._given[first : bisect_left(self._given, end)]

    def slot(self, address: int) -> str | None:
        """The symbol whose address the loader puts at `address`; None when that is no slot of the GOT."""
        if self._slots is None:
            self._slots = dict(self._imports())
        name = self._slots.get(address)
        if name is None:
            place = self.locate(address)
            name = "" if place is not None and place[0].name in (".got", ".got.plt") else None
        return name

    def _words(self) -> Iterator[int]:
        pointers = self._relocated_pointers()
        sections = self.image.sections
        noted = [
            (self.of(section.number), self.of(section.number, section.size))
            for section in sections
            if section.flags & _ALLOC and section.name.startswith(_NOTES)
        ]
        for address, target in pointers.items():
            if not any(start <= address < end for start, end in noted):
                yield target
        if self.image.relocatable or self.image.movable:
            return
        code = [section for section in sections if section.flags & _CODE]
        low = min((section.address for section in code), default=0)
        high = max((section.address + section.size for section in code), default=0)
        for section in sections:
            if section.flags & (_ALLOC | _CODE) == _ALLOC and section.data and not section.name.startswith(_NOTES):
                skew = -section.address % 8
                words = array("Q", section.data[skew : skew + (len(section.data) - skew) // 8 * 8])
                yield from (word for word in words if low <= word < high)

    def _relocated_pointers(self) -> dict[int, int]:
        """Place of an 8-byte word -> what its relocation makes of it."""
        if self._pointers is None:
            self._pointers = dict(self._object_pointers() if self.image.relocatable else self._dynamic_pointers())
        return self._pointers

    def _object_pointers(self) -> Iterator[tuple[int, int]]:
        image = self.image
        for section in image.sections:
            if section.flags & _ALLOC:
                for place, entry in image.relocations(section.number).items():
                    symbol = image.symbols[entry.symbol]
                    if entry.kind == _R64 and symbol.section:
                        target = self.of(symbol.section, symbol.value + entry.addend)
                        yield self.of(section.number, place), target

    def _dynamic_pointers(self) -> Iterator[tuple[int, int]]:
        for place, info, addend in self._dynamic_relocations():
            if info & 0xFFFFFFFF == _RELATIVE:
                yield place, addend
        for section in self.image.sections:
            if section.kind in ("SHT_RELR", "19") or section.name == ".relr.dyn":
                for place in relr(section.data):
                    value = self._raw(place)
                    if value is not None:
                        yield place, value

    def _raw(self, address: int) -> int | None:
        place = self.locate(address)
        return int.from_bytes(place[0].data[place[1] : place[1] + 8], "little") if place else None

    def _dynamic_relocations(self) -> Iterator[tuple[int, int, int]]:
        for section in self.image.sections:
            if section.kind == "SHT_RELA" and section.flags & _ALLOC and not self.image.relocatable:
                yield from _RELA.iter_unpack(section.data[: len(section.data) // _RELA.size * _RELA.size])

    def _imports(self) -> Iterator[tuple[int, str]]:
        names = self._dynamic_names()
        for place, info, _addend in self._dynamic_relocations():
            if info & 0xFFFFFFFF in (_GLOB_DAT, _JUMP_SLOT, 37):
                yield place, names[info >> 32] if info >> 32 < len(names) else ""

    def _dynamic_names(self) -> list[str]:
        return [symbol[0] for symbol in dynamic_symbols(self.image)]


def dynamic_symbols(image: Image) -> list[tuple[str, int, int, int, int]]:
    """(name, kind, section, value, size) of each entry of .dynsym; the section is 0 where there is none."""
    found = []
    for section in image.sections:
        if section.kind == "SHT_DYNSYM" and section.data:
            names = image.sections[section.link].data
            for name, info, _other, index, value, size in _SYMBOL.iter_unpack(section.data):
                text = names[name : names.find(b"\0", name)].decode("latin-1")
                found.append((text, info & 15, index if index < len(image.sections) else 0, value, size))
    return found


def relr(data: bytes) -> Iterator[int]:
    """The places that a table of relative relocations names (gABI, SHT_RELR): addresses, and bitmaps behind them."""
    base = 0
    for (word,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8]):
        if word & 1 == 0:
            yield word
            base = word + 8
        else:
            yield from (base + 8 * bit for bit in range(63) if word >> (bit + 1) & 1)
            base += 8 * 63
