"""What the ELF headers say that an `Image` does not keep, and whether it makes sense."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Image

_HEADER = struct.Struct("<IIQQQQIIQQ")
_LINK_ORDER, _GROUP = 0x80, 0x200


class Headers:
    """What the ELF headers say that an `Image` does not keep: the file's own, and each section's link."""

    def __init__(self, content: bytes, image: Image) -> None:
        (start,) = struct.unpack_from("<Q", content, 0x28)
        rows = [_HEADER.unpack_from(content, start + _HEADER.size * n) for n in range(len(image.sections))]
        self.links: list[int] = [row[6] for row in rows]
        self.infos: list[int] = [row[7] for row in rows]
        self.file = content[:0x28] + content[0x30:0x3C]
        self.problem = next((p for n, row in enumerate(rows) if (p := self._table(n, row, image, len(content)))), "")

    def _table(self, number: int, row: tuple[int, ...], image: Image, size: int) -> str:
        """What is wrong with the header of a section; of those that hold no content, all that it says."""
        section = image.sections[number]
        if section.kind != "SHT_NOBITS" and row[4] + row[5] > size:
            return f"{section.name} is cut short"
        if row[8] & (row[8] - 1):
            return f"{section.name} is aligned to {row[8]}"
        if row[3]:
            return f"{section.name} has an address"
        link, info = row[6], row[7]
        kind = image.sections[link].kind if link < len(image.sections) else ""
        if section.kind == "SHT_NULL":
            return f"{section.name} is of no kind" if number else ""
        if section.kind == "SHT_RELA":
            good = (
                kind == "SHT_SYMTAB" and row[9] == 24 and not row[2] & ~(0x40 | _GROUP) and 0 < info < len(self.links)
            )
            if good and section.size != 24 * len(image.relocations(info)):
                return f"{section.name}: two relocations are at one place"
        elif section.kind == "SHT_SYMTAB":
            if any(section.data[:24]):
                return "the first symbol is not null"
            locals_ = [n for n, symbol in enumerate(image.symbols) if symbol.binding == 0]
            good = kind == "SHT_STRTAB" and row[9] == 24 and not row[2]
            good = good and info == len(locals_) and locals_ == [*range(len(locals_))]
        elif section.kind == "SHT_STRTAB":
            good = not (row[2] or link or info or row[9])
        elif section.kind == "SHT_GROUP":
            members = [n for (n,) in struct.iter_unpack("<I", image.contents(section)[4:])]
            good = kind == "SHT_SYMTAB" and row[9] == 4 and not row[2] and all(0 < n < len(self.links) for n in members)
            good = good and not any(image.sections[n].kind == "SHT_GROUP" for n in members)
        else:
            good = not info and bool(link) == bool(row[2] & _LINK_ORDER)
        return "" if good else f"the header of {section.name} makes no sense"
