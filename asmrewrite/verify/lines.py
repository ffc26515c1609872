"""File and line of places of code, from the line programs of the debug information (DWARF 5 section 6.2).

They are run here and not by pyelftools, which takes half a minute to relocate and run those of sqlite3.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left

from asmrewrite.errors import CheckError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.addresses import Addresses
    from asmrewrite.verify.image import Section

    Known = dict[int, tuple[str, int]]

_COMPRESSED, _R64 = 0x800, 1
_PATH, _DIRECTORY = 1, 2
_STRING, _LINE_STRP, _STRP = 0x08, 0x1F, 0x0E
#: Forms of fixed size (DWARF 5 section 7.5.6), of those that a table of files may use.
_FIXED = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}


def source_lines(addresses: Addresses, places: list[int]) -> tuple[Known, str]:
    """Place -> (file, line) of those `places` that the debug information knows; and what is wrong with it, or ""."""
    known: Known = {}
    wanted = sorted(set(places))
    for section in addresses.image.named(".debug_line"):
        try:
            _Table(addresses, section, wanted, known).run()
        except (CheckError, IndexError, zlib.error) as error:
            return known, f"its debug information cannot be read: {error}"
    return known, ""


def _plain(addresses: Addresses, section: Section) -> bytes:
    """The contents of a debug section, which may be compressed (gABI: a header of 24 bytes, then zlib's format)."""
    data = addresses.image.contents(section)
    if section.flags & _COMPRESSED:
        if data[:4] != b"\x01\0\0\0":
            raise CheckError("it is compressed by something else than zlib")
        return zlib.decompress(data[24:])
    return data


class _Table:
    """One section of line programs."""

    def __init__(self, addresses: Addresses, section: Section, wanted: list[int], known: Known) -> None:
        self.addresses, self.section, self.wanted, self.known = addresses, section, wanted, known
        self.data = _plain(addresses, section)
        self.strings = {
            form: b"".join(_plain(addresses, found) for found in addresses.image.named(name))
            for form, name in ((_LINE_STRP, ".debug_line_str"), (_STRP, ".debug_str"))
        }
        self.position = 0

    def run(self) -> None:
        """All its programs."""
        while self.position < len(self.data):
            end = self._number(4)
            if end >= 0xFFFFFFF0:
                raise CheckError("a line program in the 64-bit format")
            end += self.position
            if end > len(self.data):
                raise CheckError("a line program is cut short")
            self._program(end)
            self.position = end

    # ---- reading ------------------------------------------------------------------------------------

    def _number(self, size: int, signed: bool = False) -> int:
        piece = self.data[self.position : self.position + size]
        if len(piece) != size:
            raise CheckError("a line program is cut short")
        self.position += size
        return int.from_bytes(piece, "little", signed=signed)

    def _uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.position]
            self.position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def _sleb(self) -> int:
        start = self.position
        value = self._uleb()
        bits = 7 * (self.position - start)
        return value - (1 << bits) if value >> (bits - 1) & 1 else value

    def _string(self) -> str:
        end = self.data.find(b"\0", self.position)
        if end < 0:
            raise CheckError("a line program is cut short")
        text, self.position = self.data[self.position : end], end + 1
        return text.decode("utf-8", "replace")

    def _offset(self) -> int:
        """A 4-byte offset in another section, relocated in an object."""
        place = self.position
        entry = self.addresses.relocation(self.section, place)
        value = self._number(4)
        return value if entry is None else self.addresses.image.symbols[entry.symbol].value + entry.addend

    def _address(self, size: int) -> int | None:
        """A place of code; None when it is in a section that is not there."""
        entry = self.addresses.relocation(self.section, self.position)
        value = self._number(size)
        if entry is None:
            return value if not self.addresses.image.relocatable else None
        symbol = self.addresses.image.symbols[entry.symbol]
        if entry.kind != _R64 or not symbol.section:
            return None
        return self.addresses.of(symbol.section, symbol.value + entry.addend)

    # ---- a program ----------------------------------------------------------------------------------

    def _program(self, end: int) -> None:
        version = self._number(2)
        if not 2 <= version <= 5:
            raise CheckError(f"a line program of version {version}")
        if version == 5:
            self._number(2)  # sizes of addresses and of segment selectors
        length = self._number(4)
        opcodes = self.position + length
        least = self._number(1)
        if version >= 4:
            self._number(1)  # operations in a bundle: VLIW only
        self._number(1)
        base, span, first = self._number(1, signed=True), self._number(1), self._number(1)
        lengths = [0, *(self._number(1) for _ in range(first - 1))]
        files = self._files5() if version == 5 else self._files()
        self.position = opcodes
        self._rows(end, least, base, span or 1, first, lengths, files)

    def _files(self) -> list[str]:
        folders = [""]
        while folder := self._string():
            folders.append(folder)
        files = [""]
        while name := self._string():
            at = self._uleb()
            self._uleb()
            self._uleb()
            files.append(_joined(folders[at] if at < len(folders) else "", name))
        return files

    def _files5(self) -> list[str]:
        folders = [name for name, _ in self._entries()]
        # The first folder is the one of the compilation; what is in it needs no name of it.
        return [_joined(folders[at] if 0 < at < len(folders) else "", name) for name, at in self._entries()]

    def _entries(self) -> Iterator[tuple[str, int]]:
        """(path, directory) of each entry of a table of version 5."""
        formats = [(self._uleb(), self._uleb()) for _ in range(self._number(1))]
        result = []
        for _ in range(self._uleb()):
            name, folder = "", 0
            for content, form in formats:
                value = self._field(form)
                if content == _PATH:
                    name = str(value)
                elif content == _DIRECTORY and isinstance(value, int):
                    folder = value
            result.append((name, folder))
        return iter(result)

    def _field(self, form: int) -> int | str:
        if form == _STRING:
            return self._string()
        if form in self.strings:
            start = self._offset()
            text = self.strings[form][start : self.strings[form].find(b"\0", start)]
            return text.decode("utf-8", "replace")
        if form in _FIXED:
            return self._number(_FIXED[form])
        if form == 0x0F:
            return self._uleb()
        if form == 0x09:
            return self._number(self._uleb())
        raise CheckError(f"a table of files with the form {form:#x}")

    def _rows(
        self, end: int, least: int, base: int, span: int, first: int, lengths: list[int], files: list[str]
    ) -> None:
        """Run the opcodes; each row but the first of a sequence says what the one before it covers."""
        address: int | None = 0
        file, line, row = 1, 1, (0, 0, 0)
        begun = False
        while self.position < end:
            opcode = self.data[self.position]
            self.position += 1
            emit = ended = False
            if opcode >= first:
                opcode -= first
                if address is not None:
                    address += opcode // span * least
                line += base + opcode % span
                emit = True
            elif opcode == 0:
                size = self._uleb()
                following = self.position + size
                what = self._number(1) if size else 0
                if what == 1:
                    emit = ended = True
                elif what == 2:
                    address = self._address(size - 1)
                self.position = following
            elif opcode == 1:
                emit = True
            elif opcode in (2, 8, 9):
                step = self._number(2) if opcode == 9 else (255 - first) // span * least
                step = self._uleb() * least if opcode == 2 else step
                address = None if address is None else address + step
            elif opcode == 3:
                line += self._sleb()
            elif opcode == 4:
                file = self._uleb()
            else:
                for _ in range(lengths[opcode]):
                    self._uleb()
            if emit and address is not None:
                if begun and address > row[0]:
                    self._note(row, address, files)
                row, begun = (address, file, line), True
            if ended:
                address, file, line, begun = 0, 1, 1, False

    def _note(self, row: tuple[int, int, int], end: int, files: list[str]) -> None:
        """[row's address, end) is of the row's file and line."""
        start, file, line = row
        index = bisect_left(self.wanted, start)
        while index < len(self.wanted) and self.wanted[index] < end:
            name = files[file] if file < len(files) else ""
            if name:
                self.known[self.wanted[index]] = (name, line)
            index += 1


def _joined(folder: str, name: str) -> str:
    return name if not folder or name.startswith("/") else f"{folder}/{name}"
