"""What the comparisons of debug sections share: their contents, and the places that their fields name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from asmrewrite.errors import CheckError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.compare.comparison import Comparison
    from asmrewrite.verify.image import Image, Relocation

#: A place: section and offset, or section 0 and a number; the name of a symbol that has no section.
Place = tuple[int, int, str]


class Side:
    """One of the two objects: debug sections by number, decompressed."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._contents: dict[int, bytes] = {}

    def contents(self, number: int) -> bytes:
        """The bytes of a section, as they were before -gz."""
        found = self._contents.get(number)
        if found is None:
            found = self._contents[number] = self.image.inflated(self.image.sections[number])
        return found

    def relocations(self, number: int) -> dict[int, Relocation]:
        """Offset -> relocation of the section of that number."""
        return self.image.relocations(number)

    def place(self, number: int, position: int, size: int) -> Place:
        """What the field of `size` bytes at `position` names, with its relocation or without."""
        relocation = self.image.relocations(number).get(position)
        if relocation is None:
            return 0, int.from_bytes(self.contents(number)[position : position + size], "little"), ""
        symbol = self.image.symbols[relocation.symbol]
        if not symbol.section:
            return 0, relocation.addend, symbol.name
        return symbol.section, symbol.value + relocation.addend, ""


class Debug:
    """Both sides of a comparison."""

    def __init__(self, both: Comparison) -> None:
        self.both = both
        self.old, self.new = Side(both.old), Side(both.new)
        #: Section of the original -> the offsets of the rows of each of its sequences, in both: equal by number.
        self.rows: dict[int, list[tuple[list[int], list[int]]]] = {}

    def same_view(self, mine: Place, theirs: Place, view: int, now: int) -> bool:
        """Whether the rows of those numbers, of all that begin at `mine` and at `theirs`, can be one row.

        A compiler believes that alignment in between is none, and so the row may be one behind that.
        """
        for old, new in self.rows.get(mine[0], ()):
            if _viewed(old, mine[1], view) & _viewed(new, theirs[1], now):
                return True
        return False

    def named(self, *names: str) -> list[tuple[int, int]]:
        """The sections of these names in both objects, by number."""
        return [
            (old, new)
            for old, new in self.both.pairs.items()
            if self.both.old.sections[old].name in names and self.both.old.sections[old].kind != "SHT_NOBITS"
        ]

    def same_place(self, mine: Place, theirs: Place) -> bool:
        """Whether a place of the original became that of the new object."""
        if not mine[0] or not theirs[0]:
            return mine == theirs
        return self.both.pairs.get(mine[0]) == theirs[0] and self.both.leads(mine[0], mine[1], theirs[1])

    def same_begin(self, mine: Place, theirs: Place, *, value: bool) -> bool:
        """The same for the begin of a range of a list, of a value's or of code."""
        if not mine[0] or not theirs[0]:
            return mine == theirs
        return self.both.pairs.get(mine[0]) == theirs[0] and self.both.begins(mine[0], mine[1], theirs[1], value=value)

    def same_end(self, mine: Place, theirs: Place) -> bool:
        """The same for the end of a range."""
        if not mine[0] or not theirs[0]:
            return mine == theirs
        return self.both.pairs.get(mine[0]) == theirs[0] and self.both.ends(mine[0], mine[1], theirs[1])

    def same_return(self, mine: Place, theirs: Place) -> bool:
        """The same for the return address of a call: exactly where the call ends."""
        walked = self.both.walked.get(mine[0])
        if walked is None:
            return self.same_place(mine, theirs)
        return self.both.pairs[mine[0]] == theirs[0] and walked.offsets.after(mine[1]) == theirs[1]

    def address(self, mine: int, theirs: int, bases: tuple[int, int] | None) -> tuple[Place, Place]:
        """The addresses of these numbers in .debug_addr, whose parts begin at `bases`."""
        tables = self.named(".debug_addr")
        if len(tables) != 1 or bases is None:
            raise CheckError("addresses are in another file")
        return (
            self.old.place(tables[0][0], bases[0] + 8 * mine, 8),
            self.new.place(tables[0][1], bases[1] + 8 * theirs, 8),
        )


def _viewed(offsets: list[int], place: int, view: int) -> set[int]:
    """The rows with the number `view` among those at `place`, and among those at the next place that has any."""
    start = bisect_left(offsets, place)
    starts = {start, bisect_right(offsets, place)}
    return {row + view for row in starts if row + view < len(offsets) and offsets[row] == offsets[row + view]}
