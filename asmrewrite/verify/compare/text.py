"""Compare text sections: walk both, then account for every relocation, every site and what stands behind them."""

from __future__ import annotations

from asmrewrite.stubs import abi
from asmrewrite.verify.compare.comparison import EXEC, HOOK, Comparison, only_nops, register_number
from asmrewrite.verify.compare.entries import entry_sites
from asmrewrite.verify.compare.keys import moved_relocations
from asmrewrite.verify.image import GOT_RELATIVE, PC_RELATIVE, Location, Relocation
from asmrewrite.verify.shapes import CMP_SIZE, JCC_SIZE, abi_register
from asmrewrite.verify.sites import Verdict
from asmrewrite.verify.streams import Walk
from asmrewrite.verify.walked import Replaced, Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Image, Section
    from asmrewrite.verify.sites import SiteVerdict

#: GOTPCREL of a call or jump, and of a mov (psABI, "Optimize GOTPCRELX relocations").
_GOTPCRELX, _REX_GOTPCRELX = 41, 42


def text_sections(both: Comparison) -> list[int]:
    return [number for number in both.pairs if both.old.sections[number].flags & EXEC]


def walk(both: Comparison, number: int) -> None:
    old, new = both.old.sections[number], both.new.sections[both.pairs[number]]
    passes = ("relpoline", "static-call", "marker")
    sites = [_site(v, new) for v in both.sites if v.number == new.number and v.pass_ in passes]
    entries = entry_sites(both, number)
    both.literals.update(((number, s.entry[1]), s.entry[0]) for s in entries if s.literal)
    sites += entries
    relocations = (both.old.relocations(number), both.new.relocations(new.number))
    hooks = frozenset(i for i, s in enumerate(both.old.symbols) if s.name == HOOK and not s.section)
    stubs = {}
    for (section, offset), marker in both.keys.markers.items():
        stub = marker.stub(both.new, new) if section == new.number else None
        if stub:
            stubs[offset] = stub
    keys = (_named(both.old, relocations[0]), _named(both.new, relocations[1])) if stubs else ({}, {})
    walked = Walk(old, new, sites, relocations, hooks, stubs, keys).walk()
    both.walked[number] = walked
    for difference in walked.differences[:4]:
        verdict = Verdict.UNKNOWN if difference.unknown else Verdict.FAIL
        both.say_at(number, difference.original, difference.new, difference.what, verdict)


def _named(image: Image, relocations: dict[int, Relocation]) -> dict[int, object]:
    """What relocations name that is no code of this object, by their places: it is the same in both objects."""
    found: dict[int, object] = {}
    for offset, relocation in relocations.items():
        symbol = image.symbols[relocation.symbol]
        section = image.sections[symbol.section]
        if not section.flags & EXEC:
            found[offset] = (symbol.name or section.name, relocation.kind, relocation.addend)
    return found


def _site(verdict: SiteVerdict, new: Section) -> Site:
    """A site of the tables. One of the kernel that still calls its thunk was only put in its block, as static calls."""
    kept = verdict.pass_ == "relpoline" and verdict.slow == "external" and not verdict.chain
    # The kernel's tables name the prefix where there is one.
    size = abi.FORM_SIZE[verdict.form] + new.data.startswith(b"\x2e", verdict.offset)
    pass_ = "static-call" if kept else verdict.pass_
    return Site(verdict.offset, size, pass_, verdict.form, register_number(verdict.register))


def compare_text(both: Comparison, old: Section, new: Section) -> None:
    """Every relocation of the original has its equal, and every other of the new one is a site's or a stub's.

    Says the verdict on a section that was walked to its end.
    """
    number, walked = old.number, both.walked[old.number]
    mine, theirs = dict(both.old.relocations(number)), dict(both.new.relocations(new.number))
    for replaced in walked.replaced:
        if replaced.moved:
            marker = _marker(both, number, replaced, mine, theirs)
            if marker[0]:
                return both.say_at(number, replaced.original[0], replaced.new[0], *marker)
        elif problem := _replaced(both, old, replaced, mine, theirs):
            return both.say_at(number, replaced.original[0], replaced.new[0], problem)
    for offset, relocation in mine.items():
        place = walked.offsets[offset]
        found = theirs.pop(place, None)
        if found is None:
            return both.say_at(number, offset, place, "its relocation is gone")
        if problem := both.relocation(relocation, found, walked.behind.get(offset, 4)):
            return both.say_at(number, offset, place, problem)
    fields = _stub_fields(both, both.pairs[number])
    left = next((offset for offset in theirs if offset < walked.end or offset not in fields), None)
    if left is not None:
        return both.say(old.name, f"{both.place(both.new, new, left)}: a relocation came from nowhere")
    return both.say(old.name, _rest(both, old, new))


def _marker(
    both: Comparison, number: int, replaced: Replaced, mine: dict[int, Relocation], theirs: dict[int, Relocation]
) -> tuple[str, Verdict]:
    stub = next(v.stub for v in both.sites if v.offset == replaced.site.offset and v.number == both.pairs[number])
    if stub is None:
        return "its stub is none", Verdict.FAIL
    problem = moved_relocations(both, replaced, stub, mine, theirs)
    return (problem, Verdict.FAIL) if problem else both.keys.compare(number, replaced)


def _stub_fields(both: Comparison, number: int) -> set[int]:
    """The offsets in section `number` that the relocations of stubs may be at."""
    found: set[int] = set()
    text = both.new.sections[number]
    if both.new.named(abi.KERNEL_RELPOLINES):
        from asmrewrite.verify.kernel import stub_fields

        stubs = [v.stub for v in both.sites if v.stub and v.number == number]
        return found.union(*(stub_fields(text, start, size) for start, size in stubs))
    for start, size in (v.stub for v in both.sites if v.stub and v.number == number and v.pass_ == "relpoline"):
        found.add(start + size - 4)
        for entry in range(start, start + size - 5, CMP_SIZE + JCC_SIZE):
            found |= {entry + 3, entry + CMP_SIZE + 2}
    return found


def _replaced(
    both: Comparison, old: Section, replaced: Replaced, mine: dict[int, Relocation], theirs: dict[int, Relocation]
) -> str:
    """The relocations of a site, taken out of both: what the branch named, its load or its call must name."""
    was = [mine.pop(o) for o in range(*replaced.original) if o in mine]
    loads = [theirs.pop(n) for n in range(*replaced.load) if n in theirs]
    calls = [theirs.pop(n) for n in range(replaced.site.offset, replaced.new[1]) if n in theirs]
    if replaced.site.pass_ == "static-call":
        if not replaced.direct and not any(entry.kind in GOT_RELATIVE for entry in was):
            return "it called what memory held that is no entry of the GOT"
        return _static_call(both, was, calls)
    if replaced.site.pass_ == "call-ops":
        return "" if all(both.name(both.old, r) == HOOK for r in was) else "its site took the place of something else"
    if calls:
        return "the call of its stub has a relocation"
    if replaced.load != (0, 0):
        if len(was) != len(loads):
            return "the load of its target names something else"
        return both.relocation(_as_load(was[0]), loads[0], 4) if was else ""
    return _thunk(both, old, replaced, was)


def _static_call(both: Comparison, was: list[Relocation], calls: list[Relocation]) -> str:
    if len(was) != 1 or len(calls) != 1:
        return "" if not was and not calls else "the static call names its target otherwise"
    before, after = was[0], calls[0]
    if before.kind in GOT_RELATIVE and after.kind in PC_RELATIVE:
        same = both.name(both.old, before) == both.name(both.new, after) and before.addend == after.addend
        return "" if same else "the static call names another target"
    return both.relocation(before, after, 4)


def _thunk(both: Comparison, old: Section, replaced: Replaced, was: list[Relocation]) -> str:
    """A branch through a compiler's thunk: the site's slow path must be that thunk. Otherwise nothing was named."""
    verdict = next(v for v in both.sites if v.offset == replaced.site.offset and v.number == both.pairs[old.number])
    if (verdict.slow in ("external", "record")) != replaced.direct:
        return "its slow path is not what it went through"
    if not replaced.direct:
        return "" if not was else "a branch through a register has a relocation"
    if was and (len(was) != 1 or was[0].kind not in PC_RELATIVE or was[0].addend != -4):
        return "it went elsewhere than to the start of a thunk"
    name = both.name(both.old, was[0]) if was else _target_name(both, old, replaced)
    if was and not name:
        symbol = both.old.symbols[was[0].symbol]
        name = both.old.symbol_at(Location(symbol.section, symbol.value))
    register = abi_register(replaced.site.register)[1:]
    known = name in (f"__x86_indirect_thunk_{register}", f"__llvm_retpoline_{register}")
    return "" if known else f"it went through {name or 'no thunk'}"


def _target_name(both: Comparison, old: Section, replaced: Replaced) -> str:
    found = both.old.follow(old, replaced.original[1] - 4, 4)
    return both.old.symbol_at(found) if found else ""


def _rest(both: Comparison, old: Section, new: Section) -> str:
    """Behind the original's part there are stubs of the tables, padding, and nothing else."""
    end = both.walked[old.number].end
    covered = sorted(v.stub for v in both.sites if v.stub and v.number == new.number)
    for start, size in covered:
        if any(byte not in b"\xcc\x90\x00" for byte in new.data[end:start]) and not only_nops(new.data[end:start]):
            return f"there is code between stubs at {end:#x}"
        end = start + size
    rest = new.data[end:]
    return "" if not rest or only_nops(rest) or not rest.strip(b"\xcc\x90\0") else f"there is code at {end:#x}"


def _as_load(relocation: Relocation) -> Relocation:
    """What the relocation of `call *x@GOTPCREL(%rip)` is on a `movq`."""
    return relocation._replace(kind=_REX_GOTPCRELX) if relocation.kind == _GOTPCRELX else relocation
