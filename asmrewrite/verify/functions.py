"""The functions of an image: from its symbols, and where those are stripped, from its unwind table."""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import NamedTuple

from asmrewrite.verify.addresses import Addresses, dynamic_symbols

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.image import Image, Section

_NOTYPE, _OBJECT, _FUNC, _IFUNC = 0, 1, 2, 10
_CODE = 4
#: .eh_frame_hdr with a search table of 4-byte distances from itself (LSB 5.0, "Exception Frame Header").
_SEARCH_TABLE = b"\x01\x1b\x03\x3b"
_ROWS_AT = 12


class Function(NamedTuple):
    """A function: [start, end) as places of `Addresses`; the name is "" where the file is stripped of it."""

    name: str
    start: int
    end: int


class Functions:
    """All functions of an image, in order, and what else is known of its code sections."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        image = addresses.image
        self.sections = [s for s in image.sections if s.flags & _CODE and s.kind != "SHT_NOBITS" and s.size]
        code = {section.number: section for section in self.sections}
        functions: dict[int, Function] = {}
        labels: list[Function] = []
        #: Where decoding may begin anew, and the data in code that symbols tell of, as start -> end.
        self.starts: set[int] = set()
        self.data: dict[int, int] = {}
        self._objects: dict[int, tuple[int, str]] = {}
        for name, kind, start, size, in_code in self._symbols(image, code):
            if in_code:
                self.starts.add(start)
            if kind == _OBJECT and size:
                self._objects[start] = (start + size, name)
                if in_code:
                    self.data[start] = start + size
            elif in_code and kind == _NOTYPE:
                labels.append(Function(name, start, start))
            elif in_code and kind != _OBJECT:
                new, known = Function(name, start, start + size), functions.get(start)
                functions[start] = new if known is None else min(known, new, key=_preference)
        self._add_labels(functions, labels)
        if not image.relocatable:
            for start, size in _unwound(addresses):
                if start not in functions and addresses.is_code(start):
                    functions[start] = Function("", start, start + size)
                    self.starts.add(start)
        ends = sorted(addresses.of(s.number, s.size) for s in self.sections)
        self._all = _bounded([functions[start] for start in sorted(functions)], ends)
        self._begins = [function.start for function in self._all]
        self._objects_begin = sorted(self._objects)

    def at(self, address: int) -> Function | None:
        """The function that holds `address`."""
        index = bisect_right(self._begins, address) - 1
        if index < 0 or address >= self._all[index].end:
            return None
        return self._all[index]

    def starting_at(self, address: int) -> bool:
        """Whether a function begins at `address`."""
        index = bisect_right(self._begins, address) - 1
        return index >= 0 and self._begins[index] == address

    def object_at(self, address: int) -> str:
        """The name of the data symbol that covers `address`; "" when none does."""
        index = bisect_right(self._objects_begin, address) - 1
        if index < 0:
            return ""
        end, name = self._objects[self._objects_begin[index]]
        return name if address < end else ""

    def _symbols(self, image: Image, code: dict[int, Section]) -> Iterator[tuple[str, int, int, int, bool]]:
        """(name, kind, place, size, whether in code) of .symtab or, when that is stripped, of .dynsym."""
        for name, kind, section, value, size in [
            (s.name, s.kind, s.section, s.value, s.size) for s in image.symbols
        ] or dynamic_symbols(image):
            if section and name and kind in (_NOTYPE, _OBJECT, _FUNC, _IFUNC):
                place = self._addresses.of(section, value) if image.relocatable else value
                yield name, kind, place, size, section in code

    @staticmethod
    def _add_labels(functions: dict[int, Function], labels: list[Function]) -> None:
        """Symbols without a type are functions of hand-written code, unless they stand inside a sized function."""
        sized = sorted((function.start, function.end) for function in functions.values())
        starts = [start for start, _ in sized]
        for label in labels:
            index = bisect_right(starts, label.start) - 1
            if index < 0 or label.start >= max(sized[index][1], sized[index][0] + 1):
                functions.setdefault(label.start, label)


def _preference(function: Function) -> tuple[bool, str]:
    """Of two functions at one place the sized one is shown, then the first by name: not as the table has them."""
    return (function.end == function.start, function.name)


def _bounded(functions: list[Function], ends: list[int]) -> list[Function]:
    """Functions without a size go on to the next one, or to the end of their section; none goes on into another."""
    result = []
    for index, function in enumerate(functions):
        following = functions[index + 1].start if index + 1 < len(functions) else ends[-1] if ends else function.start
        place = bisect_right(ends, function.start)
        limit = min(following, ends[place]) if place < len(ends) else following
        end = min(function.end, limit) if function.end > function.start else limit
        result.append(function._replace(end=end))
    return result


def _unwound(addresses: Addresses) -> Iterator[tuple[int, int]]:
    """(start, size) of each function that the unwind table of a program knows."""
    for header in addresses.image.named(".eh_frame_hdr"):
        data = header.data
        if data[:4] != _SEARCH_TABLE:
            continue
        for start, frame in struct.iter_unpack("<ii", data[_ROWS_AT : len(data) - (len(data) - _ROWS_AT) % 8]):
            place = addresses.locate(header.address + frame)
            if place is None:
                continue
            section, offset = place
            # length, CIE, where it begins, how long it is: with the encoding of all x86-64 compilers, 4 bytes each.
            fields = section.data[offset : offset + 16]
            if len(fields) == 16:
                begin, size = struct.unpack_from("<iI", fields, 8)
                if section.address + offset + 8 + begin == header.address + start:
                    yield header.address + start, size
