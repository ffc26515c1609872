"""Compare .debug_line: the same header, and rows that say the same of mapped places.

The assembler encodes a row by what is shortest for its distance from the row before, so the opcodes of two programs
may differ where their rows do not. Behind the original's code there may be rows of stubs: the assembler makes them
where it makes line information of its own (`as -g`). The end of a sequence takes in the stubs.
"""

from __future__ import annotations

from asmrewrite.errors import CheckError
from asmrewrite.verify.compare.comparison import THUNKS
from asmrewrite.verify.debug.context import Debug, Side
from asmrewrite.verify.lines import Program, Sequence, programs
from asmrewrite.verify.offsets import OffsetMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.compare.comparison import Comparison


def compare_lines(debug: Debug, pair: tuple[int, int]) -> str:
    """What is wrong; "" when nothing is."""
    both, (number, other) = debug.both, pair
    mine, theirs = _programs(debug.old, number), _programs(debug.new, other)
    if len(mine) != len(theirs):
        return f"there were {len(mine)} programs and are {len(theirs)}"
    offsets = both.moved[number] = OffsetMap()
    for a, b in zip(mine, theirs, strict=True):
        offsets.shift(a.start, b.start)
        problem = _header(debug, pair, a, b) or _sequences(debug, a.sequences, b.sequences)
        if problem:
            return problem
    for side, section, found in ((debug.old, number, mine), (debug.new, other, theirs)):
        heads = [range(program.start, program.opcodes) for program in found]
        places = {place for program in found for place in program.addresses}
        for place, relocation in side.relocations(section).items():
            if place in places:
                if relocation.kind != _ADDRESS:
                    return f"the relocation at {place:#x} is of type {relocation.kind}"
            elif not any(place in head for head in heads):
                raise CheckError(f"a relocation at {place:#x} among its opcodes")
    return ""


#: R_X86_64_64.
_ADDRESS = 1


def _programs(side: Side, number: int) -> list[Program]:
    def address_at(position: int) -> tuple[int, int]:
        section, offset, _ = side.place(number, position, 8)
        if not section:
            raise CheckError(f"rows of no section at {position:#x}")
        return section, offset

    return list(programs(side.contents(number), address_at))


def _header(debug: Debug, pair: tuple[int, int], a: Program, b: Program) -> str:
    """The head of a program, but for the length of the whole; the relocations in it."""
    old, new = debug.old.contents(pair[0]), debug.new.contents(pair[1])
    if old[a.start + 4 : a.opcodes] != new[b.start + 4 : b.opcodes]:
        return f"the head of the program at {a.start:#x} changed"
    mine, theirs = debug.old.relocations(pair[0]), debug.new.relocations(pair[1])
    for place in range(a.opcodes - a.start):
        was, now = mine.get(a.start + place), theirs.get(b.start + place)
        if (was is None) != (now is None):
            return f"a relocation in the head of the program at {a.start:#x} is gone or new"
        if was and now and (problem := debug.both.relocation(was, now, 0)):
            return f"at {a.start + place:#x}: {problem}"
    return ""


def _sequences(debug: Debug, mine: list[Sequence], theirs: list[Sequence]) -> str:
    """Each sequence has its equal, in order; others are those of thunks."""
    both = debug.both
    theirs = [b for b in theirs if not both.new.sections[b.section].name.startswith(THUNKS)]
    if len(mine) != len(theirs):
        return f"there were {len(mine)} sequences of rows and are {len(theirs)}"
    for a, b in zip(mine, theirs, strict=True):
        if problem := _sequence(both, a, b):
            return problem
        debug.rows.setdefault(a.section, []).append((a.offsets[:-1], b.offsets[: len(a.offsets) - 1]))
    return ""


def _sequence(both: Comparison, a: Sequence, b: Sequence) -> str:
    if both.pairs.get(a.section) != b.section:
        return "rows are about another section"
    section = both.old.sections[a.section]
    count = len(a.rows) - 1
    if len(b.rows) - 1 < count:
        return f"rows of {section.name} are gone"
    rows = a.rows[:count]
    if rows != b.rows[:count]:
        first = next(i for i, (x, y) in enumerate(zip(rows, b.rows, strict=False)) if x != y)
        return f"{both.place(both.old, section, a.offsets[first])}: {_row(rows[first])} became {_row(b.rows[first])}"
    walked = both.walked.get(a.section)
    end = walked.end if walked else section.size
    if any(offset < end for offset in b.offsets[count:-1]):
        return f"{section.name} has rows of its code that it had not"
    if len(b.rows) == len(a.rows) and a.rows[-1] != b.rows[-1]:
        return f"the end of {section.name} says something else"
    leads, number = both.leads, a.section
    for place, now in zip(a.offsets[:count], b.offsets[:count], strict=True):
        if not leads(number, place, now):
            return f"{both.place(both.old, section, place)}: its row stands at {now:#x}"
    if not both.ends(number, a.offsets[-1], b.offsets[-1]):
        return f"the rows of {section.name} end at {b.offsets[-1]:#x}"
    return ""


def _row(row: tuple[int, int, int, bool, int, int, int]) -> str:
    return f"line {row[1]} column {row[2]} of file {row[0]}"
