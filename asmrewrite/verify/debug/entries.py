"""Compare .debug_info, .debug_types and their .dwo kin: equal, but for fields that say where code is.

On the way it is noted which lists of locations and ranges there are, and what their offsets count from.
"""

from __future__ import annotations

from asmrewrite.errors import CheckError
from asmrewrite.verify.debug.abbrevs import ADDR, INDEXED, Kind
from asmrewrite.verify.debug.context import Debug, Place, Side
from asmrewrite.verify.debug.units import Field, fields
from asmrewrite.verify.offsets import OffsetMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.debug.lists import Bases

_LISTS = {Kind.LOCATIONS: "locations", Kind.RANGES: "ranges"}


class Entries:
    """Compares the entries of all sections of them; what it notes is by section of the original.

    `lists` are, by the section's number, the lists that entries name and what those count from; `indexed` are
    those named by number, of a unit; `references` are offsets without relocation, as .dwo files have them: section
    and offset in both.
    """

    def __init__(self, debug: Debug) -> None:
        self.debug = debug
        self.lists: dict[int, dict[int, Bases]] = {}
        self.references: list[tuple[int, int, int]] = []
        #: Of the only part of .debug_addr: where it begins, in both.
        self.addresses: tuple[int, int] | None = None
        #: For lists that are named by number.
        self.unit_bases: Bases = None

    def find_addresses(self) -> None:
        """Note where .debug_addr begins: behind its header in DWARF 5, which says how long it is."""
        for old, new in self.debug.named(".debug_addr"):
            data = self.debug.old.contents(old)
            headed = data[4:8] == b"\x05\0\x08\0" and int.from_bytes(data[:4], "little") == len(data) - 4
            relocated = any(place < 8 for place in self.debug.old.relocations(old))
            self.addresses = (8, 8) if headed and not relocated else (0, 0)
            del new

    def compare(self, pair: tuple[int, int]) -> str:
        """What is wrong in one section; "" when nothing is."""
        debug, (number, other) = self.debug, pair
        old, new = debug.old.contents(number), debug.new.contents(other)
        mine = self._fields(debug.old, number)
        theirs = mine if len(old) == len(new) and not _stretches(mine) else self._fields(debug.new, other)
        if len(mine) != len(theirs):
            return "it has other entries"
        offsets = debug.both.moved[number] = OffsetMap()
        o = n = 0
        low: tuple[Place, Place] | None = None
        split = debug.both.old.sections[number].name.endswith(".dwo")
        for a, b in zip(mine, theirs, strict=True):
            if old[o : a.start] != new[n : b.start]:
                return f"an entry at {o:#x} changed"
            offsets.shift(a.start, b.start)
            o, n = a.end, b.end
            kind = a.kind
            if kind != b.kind or a.form != b.form:
                return f"an entry at {o:#x} changed"
            if kind is Kind.LOW or kind is Kind.UNIT_LOW:
                low = self._addresses(pair, a, b)
                if kind is Kind.UNIT_LOW:
                    self.unit_bases = low
                if not debug.same_place(*low):
                    return f"an address at {o:#x} is another"
            elif kind is Kind.LENGTH:
                assert low is not None  # the abbreviations say so
                ends = (_further(low[0], old, a), _further(low[1], new, b))
                if not debug.same_end(*ends):
                    was, now = (end[1] - start[1] for end, start in zip(ends, low, strict=True))
                    return f"a length at {o:#x}: it said {was:#x} and says {now:#x}"
            elif kind is Kind.RETURN:
                if not debug.same_return(*self._addresses(pair, a, b)):
                    return f"a return address at {o:#x} is another"
            elif kind is Kind.UNIT:
                # Read by itself, its length is what its end shows; the rest of its header is as it was.
                own = 0 if theirs is mine else 4
                if old[a.start + own : a.end] != new[b.start + own : b.end]:
                    return f"the head of a unit at {o:#x} changed"
                low = None
                if not split:
                    self.unit_bases = None
            elif problem := self._list(pair, a, b):
                return problem
            offsets.shift(o, n)
        if old[o:] != new[n:]:
            return f"an entry at {o:#x} changed"
        if len(old) == len(new) and theirs is mine:
            del debug.both.moved[number]
        return ""

    def _fields(self, side: Side, number: int) -> list[Field]:
        section = side.image.sections[number]
        split = section.name.endswith(".dwo")
        tables = [s.number for s in side.image.named(".debug_abbrev.dwo" if split else ".debug_abbrev")]

        def offset_at(position: int) -> int:
            place = side.place(number, position, 4)
            if place[2] or place[0] not in (0, *tables):
                raise CheckError("a unit has its abbreviations elsewhere")
            return place[1]

        if len(tables) != 1:
            raise CheckError("it has no abbreviations of its own")
        types = ".debug_types" in section.name
        return fields(side.contents(number), side.contents(tables[0]), offset_at, types)

    def _addresses(self, pair: tuple[int, int], a: Field, b: Field) -> tuple[Place, Place]:
        """The address that a field says, in both."""
        old, new = self.debug.old, self.debug.new
        if a.form == ADDR:
            return old.place(pair[0], a.start, 8), new.place(pair[1], b.start, 8)
        if a.form not in INDEXED:
            raise CheckError(f"an address in an unknown form, {a.form:#x}")
        mine = a.value or int.from_bytes(old.contents(pair[0])[a.start : a.end], "little") if _fixed(a) else a.value
        theirs = b.value or int.from_bytes(new.contents(pair[1])[b.start : b.end], "little") if _fixed(b) else b.value
        return self.debug.address(mine, theirs, self.addresses)

    def _list(self, pair: tuple[int, int], a: Field, b: Field) -> str:
        """Note the list that a field names, for its section's comparison."""
        debug, kind = self.debug, a.kind
        if kind in (Kind.LOCATIONS_INDEX, Kind.RANGES_INDEX):
            return "" if a.value == b.value else f"a list at {a.start:#x} is another"
        size = a.end - a.start
        mine, theirs = debug.old.place(pair[0], a.start, size), debug.new.place(pair[1], b.start, size)
        if not mine[0]:
            section = self._section(pair, kind)
            if section is None or theirs[0]:
                raise CheckError("an offset that leads to no section")
            # gcc counts views from behind the head of the section.
            head = 12 if kind is Kind.VIEWS and debug.both.old.sections[section].name == ".debug_loclists.dwo" else 0
            self.references.append((section, mine[1] + head, theirs[1] + head))
            mine = (section, mine[1], "")
        elif debug.old.contents(pair[0])[a.start : a.end] != debug.new.contents(pair[1])[b.start : b.end]:
            return f"bytes under a relocation at {a.start:#x} changed"
        if kind in _LISTS:
            known = self.lists.setdefault(mine[0], {})
            if known.setdefault(mine[1], self.unit_bases) != self.unit_bases:
                raise CheckError("two units share a list")
        return ""

    def _section(self, pair: tuple[int, int], kind: Kind) -> int | None:
        """The section that an offset without relocation is about."""
        split = self.debug.both.old.sections[pair[0]].name.endswith(".dwo")
        ranges = kind in (Kind.RANGES, Kind.RANGES_BASE)
        names = [".debug_rnglists", ".debug_ranges"] if ranges else [".debug_loclists", ".debug_loc"]
        names = [".debug_addr"] if kind is Kind.ADDRESS_BASE else names
        found = self.debug.named(*(f"{name}.dwo" if split else name for name in names))
        if split and ranges and not found:
            found = self.debug.named(".debug_ranges")  # DWARF 4 leaves them in the object
        return found[0][0] if len(found) == 1 else None


def _fixed(field: Field) -> bool:
    return field.end - field.start <= 4 and field.form not in (0x1B, 0x1F01)


def _stretches(found: list[Field]) -> bool:
    """Whether a field that may change has a size of its own."""
    return any(field.kind is Kind.LENGTH and field.form in (0x0D, 0x0F) for field in found)


def _further(low: Place, data: bytes, field: Field) -> Place:
    """The place that a length leads to."""
    distance = field.value if field.form in (0x0D, 0x0F) else int.from_bytes(data[field.start : field.end], "little")
    return low[0], low[1] + distance, low[2]
