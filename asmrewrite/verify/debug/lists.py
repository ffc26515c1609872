"""Lists of locations and of ranges: .debug_loclists, .debug_loc, .debug_rnglists, .debug_ranges, and in .dwo files.

Both sections are read side by side, from the lists that entries lead to. A list is pairs of places, most of them
distances from a base, each with an expression in a list of locations. What stands between lists (their tables at the
head of the section, the view numbers that gcc puts before them) must be equal, but for views of a place where padding
appeared or vanished: a view counts the rows of lines that begin at one address, and so tells which of them is meant.
DWARF 5 sections 2.6.2, 2.17.3, 7.28, 7.29; DWARF 4 sections 2.6.2, 2.17.3; for -gsplit-dwarf with DWARF 4
https://gcc.gnu.org/wiki/DebugFission.
"""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.verify.debug.context import Debug, Place
from asmrewrite.verify.offsets import OffsetMap
from asmrewrite.verify.reader import uleb

#: The places that a list's offsets count from, in both objects; None when no unit says it.
Bases = tuple[Place, Place] | None


class Form(NamedTuple):
    """How a section of lists is written: DWARF 5 with its headers, the older pairs, or the old .dwo's codes."""

    #: 5; 4 for pairs; 0 for .debug_loc.dwo of DWARF 4.
    version: int
    expressions: bool


class Lists:
    """Compares one section of lists in both objects."""

    def __init__(
        self, debug: Debug, pair: tuple[int, int], form: Form, addresses: tuple[int, int] | None, default: Bases
    ) -> None:
        self.debug, self.pair, self.form = debug, pair, form
        self.data = (debug.old.contents(pair[0]), debug.new.contents(pair[1]))
        #: Of .debug_addr: where the unit's part begins, in both.
        self.addresses = addresses
        #: What lists count from that are named by number, and so not known one by one.
        self.default = default
        self.offsets = OffsetMap()
        #: The begins and ends that the list being read has named, in both.
        self.named: list[tuple[Place, Place]] = []

    def compare(self, starts: dict[int, Bases]) -> str:
        """What is wrong; "" when nothing is. `starts` are the original's lists and what they count from."""
        try:
            return self._parts(starts) if self.form.version == 5 else self._part(sorted(starts), starts, (0, 0), None)
        except IndexError:
            raise CheckError("a list is cut short") from None

    def _parts(self, starts: dict[int, Bases]) -> str:
        """Each unit's part: a header, the table of lists, the lists."""
        o = n = 0
        old, new = self.data
        while o < len(old):
            if n + 12 > len(new) or o + 12 > len(old):
                return "a part of it is gone"
            ends = (o + 4 + int.from_bytes(old[o : o + 4], "little"), n + 4 + int.from_bytes(new[n : n + 4], "little"))
            if old[o + 4 : o + 8] != b"\x05\0\x08\0":
                raise CheckError("lists of another version, or with other addresses than of 8 bytes")
            if old[o + 4 : o + 12] != new[n + 4 : n + 12] or ends[0] > len(old) or ends[1] > len(new):
                return "the head of its lists changed"
            count = int.from_bytes(old[o + 8 : o + 12], "little")
            self.offsets.shift(o, n)
            bases = (o + 12, n + 12)
            table = range(bases[0], bases[0] + 4 * count, 4)
            indexed = [bases[0] + int.from_bytes(old[place : place + 4], "little") for place in table]
            known = starts | {start: starts.get(start, self.default) for start in indexed}
            inside = sorted(start for start in known if o < start < ends[0])
            problem = self._part(inside, known, (o + 12 + 4 * count, n + 12 + 4 * count), ends)
            if problem:
                return problem
            for number, start in enumerate(indexed):
                place = n + 12 + 4 * number
                if self.offsets[start] != bases[1] + int.from_bytes(new[place : place + 4], "little"):
                    return f"list {number} is elsewhere"
            o, n = ends
            self.offsets.shift(o, n)
        return "" if n == len(new) else "it has another number of parts"

    def _part(
        self, inside: list[int], starts: dict[int, Bases], begin: tuple[int, int], ends: tuple[int, int] | None
    ) -> str:
        """The lists that start at `inside`, and what stands between them, up to `ends`."""
        o, n = begin
        old, new = self.data
        limits = [*inside, (ends or (len(old), 0))[0]]
        for number, start in enumerate(inside):
            if start < o:
                if problem := self._shared(start, starts[start]):
                    return problem
                continue
            n, views = self._views(o, start, n)
            self.offsets.shift(start, n)
            self.named = []
            found = self._list(start, n, starts[start])
            while not isinstance(found, str) and self._goes_on(*found, limits[number + 1]):
                found = self._list(*found, starts[start])
            if views and not self._are_views(views):
                return f"what stands in front of the list at {start:#x} changed"
            if isinstance(found, str):
                return f"the list at {start:#x}: {found}"
            o, n = found
            self.offsets.shift(o, n)
        end, new_end = ends or (len(old), len(new))
        return "" if old[o:end] == new[n:new_end] else f"what follows the lists at {o:#x} changed"

    def _views(self, o: int, start: int, n: int) -> tuple[int, list[tuple[int, int]]]:
        """Where the list that starts at `start` starts in the new section.

        Also, where it is not the same that stands before it, the numbers there, in both.
        """
        old, new = self.data
        if old[o:start] == new[n : n + start - o]:
            return n + start - o, []
        views: list[tuple[int, int]] = []
        while o < start:
            mine, o = uleb(old, o)
            theirs, n = uleb(new, n)
            views.append((mine, theirs))
        return n, views

    def _are_views(self, views: list[tuple[int, int]]) -> bool:
        """Whether the numbers are the same views of the places that the list named: two belong to each entry."""
        same = self.debug.same_view
        return len(views) == len(self.named) and all(
            a == b or same(*places, a, b) for (a, b), places in zip(views, self.named, strict=True)
        )

    def _goes_on(self, o: int, n: int, limit: int) -> bool:
        """Whether a list of pairs that ended goes on: gcc's entry for no code at its base reads as the end."""
        pairs = self.form.version == 4 and not self.form.expressions
        return pairs and o < limit and self.data[0][o:limit] != self.data[1][n : n + limit - o]

    def _shared(self, start: int, bases: Bases) -> str:
        """A list that is the end of the one before it, read again: it may count from elsewhere."""
        places, self.offsets = self.offsets, OffsetMap()
        found = self._list(start, places[start], bases)
        self.offsets = places
        return f"the list at {start:#x}: {found}" if isinstance(found, str) else ""

    def _list(self, o: int, n: int, bases: Bases) -> tuple[int, int] | str:
        """Where the lists at `o` and `n` end; in words what they differ in."""
        if self.form.version == 4:
            return self._pairs(o, n, bases)
        if self.form.version == 0:
            return self._old_codes(o, n)
        return self._codes(o, n, bases)

    def _codes(self, o: int, n: int, bases: Bases) -> tuple[int, int] | str:
        """A list of DWARF 5. Codes of ranges are those of locations but for two that have none."""
        old, new = self.data
        codes = _LOCATIONS if self.form.expressions else _RANGES
        both, same_end = self.debug.both, self.debug.same_end
        while True:
            self.offsets.shift(o, n)
            code = old[o]
            if code != new[n]:
                return "an entry is of another kind"
            o, n = o + 1, n + 1
            what = codes.get(code)
            if what == "offset_pair":
                a, o = uleb(old, o)
                b, o = uleb(old, o)
                c, n = uleb(new, n)
                d, n = uleb(new, n)
                if bases is None:
                    raise CheckError("a list counts from a place that nothing says")
                (section, base, symbol), (other, new_base, new_symbol) = bases
                self.named += [
                    ((section, base + a, symbol), (other, new_base + c, new_symbol)),
                    ((section, base + b, symbol), (other, new_base + d, new_symbol)),
                ]
                if section and both.pairs.get(section) == other:
                    a, b, c, d = base + a, base + b, new_base + c, new_base + d
                    if not both.begins(section, a, c, value=self.form.expressions) or not both.ends(section, b, d):
                        return f"it said [{a:#x}, {b:#x}) and says [{c:#x}, {d:#x})"
                elif (section, base + a, base + b, symbol) != (other, new_base + c, new_base + d, new_symbol):
                    return "an entry is about another section"
            elif what == "end":
                return o, n
            elif what == "base_address":
                bases = self._address(o, n)
                o, n = o + 8, n + 8
            elif what == "base_addressx":
                bases, o, n = self._indexed(o, n)
            elif what in ("start_length", "startx_length", "start_end", "startx_endx"):
                if what.startswith("startx"):
                    begin, o, n = self._indexed(o, n)
                else:
                    begin = self._address(o, n)
                    o, n = o + 8, n + 8
                if what == "startx_endx":
                    end, o, n = self._indexed(o, n)
                elif what == "start_end":
                    end = self._address(o, n)
                    o, n = o + 8, n + 8
                else:
                    a, o = uleb(old, o)
                    b, n = uleb(new, n)
                    end = _further(begin[0], a), _further(begin[1], b)
                self.named += [begin, end]
                if not self.debug.same_begin(*begin, value=self.form.expressions) or not same_end(*end):
                    return "an entry is about another range"
            elif what == "view_pair":
                views = (uleb(old, uleb(old, o)[1])[1], uleb(new, uleb(new, n)[1])[1])
                if old[o : views[0]] != new[n : views[1]]:
                    return "an entry has other view numbers"
                o, n = views
            elif what is None:
                raise CheckError(f"an unknown entry of lists, {code:#x}")
            if self.form.expressions and what in _WITH_EXPRESSION:
                size, start = uleb(old, o)
                end_o, end_n = start + size, n + (start + size - o)
                if old[o:end_o] != new[n:end_n]:
                    return "an entry says another location"
                self.offsets.shift(o, n)
                o, n = end_o, end_n

    def _pairs(self, o: int, n: int, bases: Bases) -> tuple[int, int] | str:
        """A list of DWARF 2 to 4: pairs of addresses, or of distances from the base."""
        if o - n:
            raise CheckError("pairs of places went elsewhere")
        old, new = self.data
        while True:
            if o + 16 > len(old) or n + 16 > len(new):
                raise IndexError
            begin, end = self._address(o, n), self._address(o + 8, n + 8)
            o, n = o + 16, n + 16
            if begin[0][0] == 0 and not begin[0][2] and begin[0][1] == _BASE_SELECTION:
                if begin[0] != begin[1]:
                    return "an entry is of another kind"
                bases = end
                continue
            if begin[0] == end[0] == _NOWHERE or begin[1] == end[1] == _NOWHERE:
                return (o, n) if begin[0] == begin[1] and end[0] == end[1] else "it ends elsewhere"
            if not begin[0][0]:
                if bases is None:
                    raise CheckError("a list counts from a place that nothing says")
                begin, end = _counted(begin, bases), _counted(end, bases)
            self.named += [begin, end]
            if not self.debug.same_begin(*begin, value=self.form.expressions) or not self.debug.same_end(*end):
                return "an entry is about another range"
            if self.form.expressions:
                size = 2 + int.from_bytes(old[o : o + 2], "little")
                if old[o : o + size] != new[n : n + size]:
                    return "an entry says another location"
                o, n = o + size, n + size

    def _old_codes(self, o: int, n: int) -> tuple[int, int] | str:
        """A list of .debug_loc.dwo in DWARF 4."""
        old, new = self.data
        while True:
            code = old[o]
            if code != new[n]:
                return "an entry is of another kind"
            o, n = o + 1, n + 1
            if code == 0:
                return o, n
            if code != 3:  # gcc writes nothing else
                raise CheckError(f"an unknown entry of lists, {code:#x}")
            begin, o, n = self._indexed(o, n)
            a, b = int.from_bytes(old[o : o + 4], "little"), int.from_bytes(new[n : n + 4], "little")
            size = 2 + int.from_bytes(old[o + 4 : o + 6], "little")
            ends = (_further(begin[0], a), _further(begin[1], b))
            backwards = a == b >= 1 << 31  # gcc writes `end - 1 - begin`, which covers nothing when it is -1
            if not self.debug.same_begin(*begin, value=self.form.expressions) or not (
                backwards or self.debug.same_end(*ends)
            ):
                return "an entry is about another range"
            o, n = o + 4, n + 4
            if old[o : o + size] != new[n : n + size]:
                return "an entry says another location"
            self.offsets.shift(o, n)
            o, n = o + size, n + size

    def _address(self, o: int, n: int) -> tuple[Place, Place]:
        self.offsets.shift(o, n)
        return self.debug.old.place(self.pair[0], o, 8), self.debug.new.place(self.pair[1], n, 8)

    def _indexed(self, o: int, n: int) -> tuple[tuple[Place, Place], int, int]:
        """The addresses of .debug_addr by the numbers at `o` and `n`."""
        mine, o = uleb(self.data[0], o)
        theirs, n = uleb(self.data[1], n)
        return self.debug.address(mine, theirs, self.addresses), o, n


_NOWHERE: Place = (0, 0, "")
_BASE_SELECTION = (1 << 64) - 1
_WITH_EXPRESSION = frozenset({"startx_endx", "startx_length", "offset_pair", "default", "start_end", "start_length"})
_RANGES = {
    0: "end", 1: "base_addressx", 2: "startx_endx", 3: "startx_length", 4: "offset_pair", 5: "base_address",
    6: "start_end", 7: "start_length",
}  # fmt: skip
_LOCATIONS = {
    0: "end", 1: "base_addressx", 2: "startx_endx", 3: "startx_length", 4: "offset_pair", 5: "default",
    6: "base_address", 7: "start_end", 8: "start_length", 9: "view_pair",
}  # fmt: skip


def _further(place: Place, distance: int) -> Place:
    return place[0], place[1] + distance, place[2]


def _counted(distances: tuple[Place, Place], bases: tuple[Place, Place]) -> tuple[Place, Place]:
    return _further(bases[0], distances[0][1]), _further(bases[1], distances[1][1])
