"""Compare the relocations of a debug section: each has its equal at the mapped place, and names the mapped place."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.compare.comparison import Comparison
    from asmrewrite.verify.image import Relocation
    from asmrewrite.verify.offsets import OffsetMap

#: R_X86_64_64, R_X86_64_32: the relocations of debug information.
_KINDS = (1, 10)


def relocations_problem(both: Comparison, pair: tuple[int, int]) -> str:
    """What is wrong with the relocations of a pair of sections; "" when nothing is."""
    mine, theirs = both.old.relocations(pair[0]), both.new.relocations(pair[1])
    if len(mine) != len(theirs):
        return f"it had {len(mine)} relocations and has {len(theirs)}"
    offsets = both.moved.get(pair[0])
    plain: dict[tuple[int, int], tuple[int, int, int] | None] = {}
    for place, old in mine.items():
        new = theirs.get(place if offsets is None else offsets[place])
        if new is None:
            return f"its relocation at {place:#x} is gone"
        known = plain.get((old.symbol, new.symbol), _UNSEEN)
        if known is _UNSEEN:
            known = plain[old.symbol, new.symbol] = _sections(both, old, new)
        if known is not None and old.kind == new.kind and old.kind in _KINDS:
            section, before, after = known
            if not _leads(both, offsets_of(both, section), section, before + old.addend, after + new.addend):
                return f"at {place:#x}: it led to {before + old.addend:#x} and leads to {after + new.addend:#x}"
        elif problem := both.relocation(old, new, 0):
            return f"at {place:#x}: {problem}"
    return ""


_UNSEEN = (-1, 0, 0)


def offsets_of(both: Comparison, section: int) -> OffsetMap | None:
    """What became of the offsets of a debug section; None when it did not move."""
    return both.moved.get(section)


def _leads(both: Comparison, offsets: OffsetMap | None, section: int, before: int, after: int) -> bool:
    if section in both.walked:
        return both.ends(section, before, after)
    return (before if offsets is None else offsets[before]) == after


def _sections(both: Comparison, old: Relocation, new: Relocation) -> tuple[int, int, int] | None:
    """For two symbols of sections: the section, and their values; None when it takes a closer look."""
    mine, theirs = both.old.symbols[old.symbol], both.new.symbols[new.symbol]
    if mine.name or theirs.name or not mine.section or both.pairs.get(mine.section) != theirs.section:
        return None
    return mine.section, mine.value, theirs.value
