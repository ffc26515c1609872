"""Compare .debug_aranges: the same sets, whose ranges cover mapped places (DWARF 5 section 6.1.2)."""

from __future__ import annotations

from asmrewrite.errors import CheckError
from asmrewrite.verify.debug.context import Debug


def compare_aranges(debug: Debug, pair: tuple[int, int]) -> str:
    """What is wrong; "" when nothing is."""
    old, new = debug.old.contents(pair[0]), debug.new.contents(pair[1])
    if len(old) != len(new):
        return f"it was {len(old)} bytes and is {len(new)}"
    position = 0
    while position < len(old):
        end = position + 4 + int.from_bytes(old[position : position + 4], "little")
        ranges = position + 16
        if end > len(old) or ranges > end or old[position + 4 : position + 6] != b"\2\0":
            raise CheckError("a set of ranges is cut short, or of another version")
        if old[position + 10 : position + 12] != b"\x08\0":
            raise CheckError("a set of ranges with other addresses than of 8 bytes")
        if old[position:ranges] != new[position:ranges]:
            return f"the head of the set at {position:#x} changed"
        for place in range(ranges, end, 16):
            size, now = (int.from_bytes(data[place + 8 : place + 16], "little") for data in (old, new))
            start, begins = debug.old.place(pair[0], place, 8), debug.new.place(pair[1], place, 8)
            if old[place : place + 8] != new[place : place + 8] or not debug.same_place(start, begins):
                return f"the range at {place:#x} begins elsewhere"
            if not debug.same_end((start[0], start[1] + size, start[2]), (begins[0], begins[1] + now, begins[2])):
                return f"the range at {place:#x} was {size:#x} bytes and is {now:#x}"
        position = end
    return ""
