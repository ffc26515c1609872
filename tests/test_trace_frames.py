"""Entries and exits as pairs: random trees of calls with exceptions, longjmps, tail calls, markers and drops."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from asmrewrite.trace.events import ALONE, DROPS, ENTRY, EXIT, MARKER, TAIL, Event, events
from asmrewrite.trace.frames import Step, steps
from asmrewrite.trace.region import UNIT

START = 1 << 40


@dataclass
class Machine:
    """A thread that runs: what its events are, and what the pairs must be, (phase, address) in order."""

    choices: random.Random
    exceptions: bool = False
    events: list[Event] = field(default_factory=list)
    open: list[tuple[int, int]] = field(default_factory=list)
    expected: list[tuple[str, int]] = field(default_factory=list)
    time: int = START
    left: int = 60

    def event(self, kind: int, address: int, cell: int) -> None:
        self.time += self.choices.randrange(5)
        self.events.append((self.time << 8 | kind, address, cell, 0))

    def unwound(self, cell: int) -> None:
        """The reader learns by an event at `cell` that frames below are gone."""
        while self.open and self.open[-1][1] < cell:
            self.expected.append(("E", self.open.pop()[0]))

    def call(self, cell: int, depth: int = 0, tail: bool = False) -> int:
        """A function whose return address is at `cell`: how many frames above it are left too, by an exception."""
        address = self.choices.randrange(1, 6)
        self.left -= 1
        self.unwound(cell)
        while not tail and self.open and self.open[-1][1] == cell:  # gone by an exception; now another is here
            self.expected.append(("E", self.open.pop()[0]))
        self.event(TAIL if tail else ENTRY, address, cell)
        self.open.append((address, cell))
        self.expected.append(("B", address))
        while self.left > 0 and depth < 8 and (choice := self.choices.random()) > 0.3:
            self.left -= 1
            if choice > 0.9:
                self.unwound(cell - 8)
                self.event(MARKER, 77, cell - 8)
                self.expected.append(("i", 77))
            elif choice > 0.8 and self.exceptions:
                return self.choices.randrange(3)  # no exit is seen; and so of that many callers
            elif choice > 0.7 and depth:
                skipped = self.call(cell, depth + 1, tail=True)
                if skipped:
                    return skipped - 1
                break
            else:
                skipped = self.call(cell - 16 * self.choices.randrange(1, 4), depth + 1)
                if skipped:
                    return skipped - 1
        self.unwound(cell)
        self.event(EXIT, address, cell)
        while (address, cell) in self.open:
            gone = self.open.pop()
            self.expected.append(("E", gone[0]))
            if gone == (address, cell):
                break
        return 0


def brief(found: list[Step]) -> list[tuple[str, int]]:
    return [(phase, event[1]) for phase, _, event in found]


def well_nested(found: list[Step]) -> None:
    open_: list[Event] = []
    last = 0
    for phase, ticks, event in found:
        assert ticks >= last
        last = ticks
        if phase == "B":
            open_.append(event)
        elif phase == "E":
            assert open_.pop() == event
    assert not open_


@given(st.randoms(use_true_random=False))
def test_without_exceptions_each_exit_ends_its_entry(choices: random.Random) -> None:
    machine = Machine(choices)
    machine.call(1 << 30)
    found = list(steps(machine.events, START))
    well_nested(found)
    assert brief(found) == machine.expected
    assert [event for phase, _, event in found if phase == "B"] == [
        e for e in machine.events if e[0] & 7 in (ENTRY, TAIL)
    ]


@given(st.randoms(use_true_random=False))
def test_frames_that_exceptions_left_end_when_the_stack_is_seen_above_them(choices: random.Random) -> None:
    machine = Machine(choices, exceptions=True)
    while machine.left > 0:
        machine.call(1 << 30)
    found = list(steps(machine.events, START))
    well_nested(found)
    expected = machine.expected + [("E", address) for address, _ in reversed(machine.open)]
    assert brief(found) == expected


@given(st.randoms(use_true_random=False), st.data())
def test_drops_leave_it_well_nested(choices: random.Random, data: st.DataObject) -> None:
    machine = Machine(choices, exceptions=True)
    machine.call(1 << 30)
    first = data.draw(st.integers(0, len(machine.events)))
    last = data.draw(st.integers(first, len(machine.events)))
    gap: Event = (DROPS, last - first, 0, 0)
    found = list(steps([*machine.events[:first], gap, *machine.events[last:]], START))
    well_nested(found)
    entries = [e for e in machine.events[:first] + machine.events[last:] if e[0] & 7 in (ENTRY, TAIL)]
    assert [event for phase, _, event in found if phase == "B"] == entries
    assert ("i", last - first) in brief(found)


words = st.integers(0, 2**64 - 1)
any_event = st.tuples(st.integers(0, 2**61 - 1), st.sampled_from([ENTRY, EXIT, TAIL, ALONE, MARKER, DROPS]))


@given(st.lists(st.tuples(any_event, words, st.integers(0, 40), words)))
def test_whatever_events_say_they_become_well_nested(given_: list[tuple[tuple[int, int], int, int, int]]) -> None:
    well_nested(list(steps([(time << 8 & (1 << 64) - 1 | kind, a, c, w) for (time, kind), a, c, w in given_], START)))


def test_an_exit_without_an_entry_ends_nothing() -> None:
    found = [
        (1 << 8 | ENTRY, 5, 100, 0),
        (2 << 8 | EXIT, 6, 80, 0),
        (3 << 8 | EXIT, 6, 100, 0),
        (4 << 8 | EXIT, 5, 100, 0),
    ]
    assert brief(list(steps(found, 0))) == [("B", 5), ("E", 5)]


def test_times_of_56_bits() -> None:
    start = (1 << 60) - 10
    found = [((start + late & (1 << 56) - 1) << 8 | ENTRY, 5, 100 - late, 0) for late in (-1, 5, 20)]
    assert [ticks for phase, ticks, _ in steps(found, start) if phase == "B"] == [0, 5, 20]


def test_times_never_go_back() -> None:
    found: list[Event] = [(START + late << 8 | ENTRY, 5, 100 - late, 0) for late in (5, 3, 7)]
    assert [ticks for phase, ticks, _ in steps(found, START) if phase == "B"] == [5, 5, 7]


def test_a_marker_of_several_units_may_lie_in_two_pieces() -> None:
    units = [(5 << 8 | 2 << 3 | MARKER, 1, 2, 3), (7, 4, 5, 6), (7, 7, 8, 9), (6 << 8 | ENTRY, 1, 2, 0)]
    data = b"".join(UNIT.pack(*unit) for unit in units)
    for cut in range(0, len(data), UNIT.size):
        found = list(events([data[:cut], data[cut:]]))
        assert found == [(units[0][0], 1, 2, (3, 4, 5, 6, 7, 8, 9)), units[3]]
