"""File and line of places of code, from the line programs of the debug information (DWARF 5 section 6.2.4).

They are run here and not by pyelftools, which takes half a minute to relocate and run those of sqlite3.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from asmrewrite.errors import CheckError
from asmrewrite.verify.lines import Program, programs
from asmrewrite.verify.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.addresses import Addresses
    from asmrewrite.verify.image import Section

    Known = dict[int, tuple[str, int]]

_PATH, _DIRECTORY = 1, 2
_STRING, _LINE_STRP, _STRP, _UDATA, _BLOCK = 0x08, 0x1F, 0x0E, 0x0F, 0x09
#: Forms of fixed size (DWARF 5 section 7.5.6), of those that a table of files may use.
_FIXED = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}


def source_lines(addresses: Addresses, places: list[int]) -> tuple[Known, str]:
    """Place -> (file, line) of those `places` that the debug information knows; and what is wrong with it, or ""."""
    known: Known = {}
    wanted = sorted(set(places))
    for section in addresses.image.named(".debug_line"):
        try:
            _Table(addresses, section).find(wanted, known)
        except (CheckError, IndexError) as error:
            return known, f"its debug information cannot be read: {error}"
    return known, ""


class _Table:
    """One section of line programs."""

    def __init__(self, addresses: Addresses, section: Section) -> None:
        self.addresses, self.image, self.section = addresses, addresses.image, section
        self.data = self.image.inflated(section)
        self._strings: dict[str, bytes] = {}

    def find(self, wanted: list[int], known: Known) -> None:
        """Note the places of `wanted` that rows are about."""
        for program in programs(self.data, self._address_at):
            files: list[str] | None = None
            for section, offsets, rows in program.sequences:
                base = self.addresses.of(section)
                first = bisect_left(wanted, base + offsets[0])
                for place in wanted[first : bisect_left(wanted, base + offsets[-1])]:
                    files = _Names(self, program).files() if files is None else files
                    file, line, *_ = rows[bisect_right(offsets, place - base) - 1]
                    if file < len(files) and files[file]:
                        known[place] = (files[file], line)

    def strings(self, name: str) -> bytes:
        """The contents of the section of strings `name`."""
        found = self._strings.get(name)
        if found is None:
            found = self._strings[name] = b"".join(self.image.inflated(one) for one in self.image.named(name))
        return found

    def _address_at(self, position: int) -> tuple[int, int]:
        """A place of code; of section 0, where there is none, when it is in a section that is not there."""
        if not self.image.relocatable:
            return 0, int.from_bytes(self.data[position : position + 8], "little")
        entry = self.addresses.relocation(self.section, position)
        if entry is None:
            return 0, 0
        symbol = self.image.symbols[entry.symbol]
        return symbol.section, symbol.value + entry.addend


class _Names:
    """The tables of folders and files in a program's head."""

    def __init__(self, table: _Table, program: Program) -> None:
        self.table, self.version = table, program.version
        self.reader = Reader(table.data, program.tables, program.opcodes)

    def files(self) -> list[str]:
        """The path of each file, by the number that rows have of it."""
        if self.version == 5:
            folders = [name for name, _ in self._entries()]
            return [_joined(folders, at, name) for name, at in self._entries()]
        folders, files = [""], [""]
        while folder := self._string():
            folders.append(folder)
        while name := self._string():
            at, _time, _size = (self.reader.uleb() for _ in range(3))
            files.append(_joined(folders, at, name))
        return files

    def _entries(self) -> list[tuple[str, int]]:
        """(path, directory) of each entry of a table of version 5."""
        formats = [(self.reader.uleb(), self.reader.uleb()) for _ in range(self.reader.number(1))]
        result = []
        count = self.reader.uleb()
        if count and not formats:
            raise CheckError("a table of files has entries without fields")
        for _ in range(count):
            found = {content: self._field(form) for content, form in formats}
            name, folder = found.get(_PATH, ""), found.get(_DIRECTORY, 0)
            result.append((name if isinstance(name, str) else "", folder if isinstance(folder, int) else 0))
        return result

    def _field(self, form: int) -> int | str:
        if form == _STRING:
            return self._string()
        if form in (_LINE_STRP, _STRP):
            return self._elsewhere(".debug_line_str" if form == _LINE_STRP else ".debug_str")
        if form == _UDATA:
            return self.reader.uleb()
        if form == _BLOCK:
            return len(self.reader.take(self.reader.uleb()))
        if form in _FIXED:
            return self.reader.number(_FIXED[form])
        raise CheckError(f"a table of files with the form {form:#x}")

    def _string(self) -> str:
        end = self.reader.data.find(b"\0", self.reader.position, self.reader.end)
        if end < 0:
            raise CheckError("a table of files is cut short")
        return self.reader.take(end + 1 - self.reader.position)[:-1].decode("utf-8", "replace")

    def _elsewhere(self, name: str) -> str:
        """A string of the section `name`: its offset there is relocated in an object."""
        image, place = self.table.image, self.reader.position
        start = self.reader.number(4)
        entry = self.table.addresses.relocation(self.table.section, place)
        if entry is not None:
            start = image.symbols[entry.symbol].value + entry.addend
        data = self.table.strings(name)
        return data[start : data.find(b"\0", start)].decode("utf-8", "replace")


def _joined(folders: list[str], at: int, name: str) -> str:
    # The first folder is the one of the compilation; what is in it needs no name of it.
    folder = folders[at] if 0 < at < len(folders) else ""
    return name if not folder or name.startswith("/") else f"{folder}/{name}"
