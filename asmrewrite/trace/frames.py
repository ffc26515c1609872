"""Entries and exits as well-nested pairs.

An exit may be missing: an exception or longjmp skipped it, or the event was dropped. Every event has its cell, the
place on the stack where the return address lies, and a stack grows down. So an event at a higher cell says that all
frames below it are gone, and an entry at the cell of an open frame that this one is gone too, unless it is a tail call
(TAIL): then both return at once. An exit without an open frame was entered before the trace, or its entry is missing.

Where signals run on a stack of their own, or a thread changes stacks (coroutines), cells of different stacks are
compared, and frames may end too early; what comes out is well nested all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asmrewrite.trace.events import ALONE, DROPS, ENTRY, EXIT, MARKER, TAIL, TIME_MASK, Event

#: phase, ticks since the start, event. B: a frame begins, E: the innermost one ends, i: an event of no duration.
Step = tuple[str, int, Event]


def steps(events: Iterable[Event], start: int) -> Iterator[Step]:
    """The events of one thread; times never go back, and every B has its E."""
    open_: list[Event] = []
    ticks = 0
    for event in events:
        header, address, cell, _ = event
        kind = header & 7
        if kind == DROPS:
            yield "i", ticks, event
            continue
        since = (header >> 8) - start & TIME_MASK
        if ticks < since <= _PAST:
            ticks = since
        while open_ and open_[-1][2] < cell:
            yield "E", ticks, open_.pop()
        if kind == EXIT:
            for depth in range(len(open_) - 1, -1, -1):
                if open_[depth][2] != cell:
                    break
                if open_[depth][1] == address:
                    while len(open_) > depth:
                        yield "E", ticks, open_.pop()
                    break
        elif kind in (ENTRY, TAIL):
            while kind == ENTRY and open_ and open_[-1][2] == cell:
                yield "E", ticks, open_.pop()
            open_.append(event)
            yield "B", ticks, event
        elif kind in (ALONE, MARKER):
            yield "i", ticks, event
    while open_:
        yield "E", ticks, open_.pop()


#: Times of 56 bits: what seems later than this was just before the start.
_PAST = TIME_MASK >> 1
