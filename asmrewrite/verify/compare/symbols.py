"""Compare symbols: each has its equal, and what came are stubs, thunks, and what only our tables name."""

from __future__ import annotations

from asmrewrite.stubs import abi
from asmrewrite.stubs.kernel import ALIAS_PREFIX, THUNK_PREFIX, alias
from asmrewrite.verify.compare.comparison import ADDED, HOOK, THUNK_SYMBOLS, Comparison
from asmrewrite.verify.kernel import stub_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from asmrewrite.verify.image import Image, Relocation, Section, Symbol

_GOT = "_GLOBAL_OFFSET_TABLE_"


def symbols(both: Comparison) -> None:
    stubs = {(v.number, *v.stub) for v in both.sites if v.stub}
    mine = [s for s in both.old.symbols if s.kind != 3]
    names = {s.name for s in mine}
    aliases = _aliases(both.new)
    theirs = []
    for s in both.new.symbols:
        stub = (s.section, s.value, s.size) in stubs and (s.kind, s.binding, s.visibility) == (2, 0, 0)
        thunk = s.name.startswith(THUNK_SYMBOLS) and (s.value, s.kind, s.binding, s.visibility) == (0, 2, 1, 2)
        thunk = thunk and both.new.sections[s.section].name == f".text.{s.name}"
        thunk = thunk and s.size == both.thunk_size(both.new.sections[s.section])
        if s.kind != 3 and not ((stub or thunk or s in aliases) and s.name not in names):
            theirs.append(s)
        elif stub:
            stubs.remove((s.section, s.value, s.size))  # one name for each
    if any(s.kind == 3 and (s.value or s.binding or s.name or s.size or s.visibility) for s in both.new.symbols):
        both.say("symbols", "the symbol of a section is not at its start")
    # What only our tables name: keys, and the GOT that they are reached through.
    known = {s.name for s in mine}
    named = {both.name(both.new, r) for s in both.new.sections for r in _table_relocations(both, s)}
    named |= _stub_names(both)
    theirs = [s for s in theirs if s.section or s.special or s.name in known or s.name not in named | {_GOT}]
    if any(v.slow == "record" for v in both.sites):
        # Nothing else may have named a thunk.
        there = {s.name for s in theirs}
        mine = [s for s in mine if s.section or s.name in there or not s.name.startswith(THUNK_PREFIX)]
    # A static call went through the GOT, and nothing else: gas names the GOT no more.
    if _GOT not in {s.name for s in theirs}:
        mine = [s for s in mine if s.name != _GOT or s.section or s.special]
    if HOOK not in {s.name for s in theirs}:
        mine = [s for s in mine if s.name != HOOK or s.section or s.special]
    problem = "" if len(mine) == len(theirs) else f"there were {len(mine)} symbols and are {len(theirs)}"
    for a, b in zip(sorted(mine, key=_order), sorted(theirs, key=_order), strict=False):
        problem = problem or _symbol(both, a, b)
    both.say("symbols", problem)


def _aliases(image: Image) -> set[Symbol]:
    """The kernel's hidden names of local functions: each says which of the object's functions it stands for."""
    found = {s.name: s for s in image.symbols if s.name.startswith(ALIAS_PREFIX)}
    if not found:
        return set()
    files = [s.name for s in image.symbols if s.kind == 4]
    functions = [s for s in image.symbols if (s.kind, s.binding) == (2, 0)]
    right = [s._replace(name=alias(file, s.name), binding=1, visibility=2) for s in functions for file in files]
    return {s for s in right if found.get(s.name) == s}


def _table_relocations(both: Comparison, section: Section) -> list[Relocation]:
    return list(both.new.relocations(section.number).values()) if section.name in ADDED else []


def _stub_names(both: Comparison) -> set[str]:
    """What the stubs of the kernel name: targets, thunks and recorders; all was checked at level "sites"."""
    names: set[str] = set()
    if both.new.named(abi.KERNEL_RELPOLINES):
        for v in both.sites:
            relocations = both.new.relocations(v.number) if v.stub else {}
            for place in stub_fields(both.new.sections[v.number], *v.stub) if v.stub else ():
                if place in relocations:
                    names.add(both.name(both.new, relocations[place]))
    return names


def _symbol(both: Comparison, a: Symbol, b: Symbol) -> str:
    if a._replace(section=0, value=0, size=0) != b._replace(section=0, value=0, size=0):
        return f"{a.name} became {b.name}"
    # clang names each exception table; one moves when those before it grow.
    moved = both.tables.get((a.section, a.value)) == (b.section, b.value)
    if a.section and (both.pairs.get(a.section) != b.section or not (moved or both.leads(a.section, a.value, b.value))):
        return f"{a.name} went elsewhere"
    if b.value < both.literals.get((a.section, a.value), 0):
        return f"{a.name} does not go along with the function that begins there"
    if a.section in both.walked:
        return "" if both.leads(a.section, a.value + a.size, b.value + b.size) else f"{a.name} ends elsewhere"
    same = a.size == b.size and (a.section or a.value == b.value)
    return "" if same else f"{a.name} has another size or value"


def _order(symbol: Symbol) -> tuple[Any, ...]:
    return (symbol.name, symbol.binding, symbol.kind, symbol.section, symbol.value)
