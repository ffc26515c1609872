"""What the words of an event say: asmrewrite/tracer/region.h has their layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asmrewrite.trace.region import UNIT

#: enum kind of region.h.
ENTRY, EXIT, TAIL, ALONE, MARKER, DROPS, MORE = range(1, 8)
TIME_MASK = (1 << 56) - 1
#: header, address, cell, and the last word or, of a marker with several units, all words of its arguments. The header
#: has the kind in its low 3 bits and the time, the low 56 bits of the TSC, above bit 8. The address is the function's
#: or marker's; of DROPS it is the number of events that are missing. Ten million are read: so a plain tuple.
Event = tuple[int, int, int, "int | tuple[int, ...]"]


def events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """The events of one thread; a marker's units may lie in two pieces."""
    units = (unit for piece in pieces for unit in UNIT.iter_unpack(piece))
    for unit in units:
        if more := unit[0] >> 3 & 31:
            words = [unit[3]]
            for _ in range(more):
                words += next(units)[1:]
            yield *unit[:3], tuple(words)
        else:
            yield unit
