"""What the rewriting added: thunks, records and slots, and nothing but them."""

from __future__ import annotations

from asmrewrite.stubs import abi, kernel
from asmrewrite.verify.compare.comparison import GROUP, LINK_ORDER, TABLES, THUNKS, Comparison, only_nops
from asmrewrite.verify.sites import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.sites import SiteVerdict

#: Bits of a record that mean something, by pass.
_FLAGS = {
    abi.PASSES["relpoline"]: abi.FLAG_SLOW_MASK | abi.FLAG_NOTRACK,
    abi.PASSES["static-call"]: abi.FLAG_KEY_IS_TRAMPOLINE,
    abi.PASSES["marker"]: abi.FLAG_JUMPS_OFF,
}
_KERNEL_TABLES = {table.section: table for table in (*kernel.TABLES.values(), kernel.RELPOLINE)}


def added(both: Comparison) -> str:
    """Thunks, records and slots: their headers, and that nothing but them is in their sections."""
    groups = both.new.groups
    paired = set(both.pairs.values())
    text = {both.pairs[number] for number in both.walked}
    slow = {place for v in both.sites if (place := _slow(both, v))}
    slots = set(_slots(both))
    for s in both.new.sections:
        if s.kind in TABLES or s.number in paired:
            continue
        link, relocations = both.new_headers.links[s.number], both.new.relocations(s.number)
        flags = s.flags & ~GROUP
        if s.name.startswith(THUNKS):
            name = s.name.removeprefix(".text.")
            if flags != 6 or groups.get(s.number) != name or relocations or (s.number, 0) not in slow:
                return f"{s.name} is no thunk of a site"
            own = both.thunk_size(s)
            if s.data[own:].strip(b"\xcc\x90\0") and not only_nops(s.data[own:]):
                return f"there is code behind {name}"
        elif s.name in abi.KERNEL_SECTIONS:
            table = _KERNEL_TABLES[s.name]
            if flags != (3 if "w" in table.flags else 2) or s.alignment < table.align:
                return f"{s.name} has flags of its own"
        else:
            wanted = LINK_ORDER | (3 if s.name == abi.SLOTS_SECTION else 2)
            if flags != wanted or s.alignment < (8 if s.name == abi.SLOTS_SECTION else 4) or s.entry_size:
                return f"{s.name} has flags of its own"
            if link not in text or groups.get(link) != groups.get(s.number):
                return f"{s.name} is not tied to the text of its sites"
            if s.name == abi.SLOTS_SECTION:
                places = {place for section, place in slots if section == s.number}
                whole = places == set(range(0, len(s.data), abi.SLOT_SIZE)) == set(relocations)
                if s.data.strip(b"\0") or not whole:
                    return f"{s.name} holds something else than the slots of sites"
        if s.kind != "SHT_PROGBITS" or s.entry_size:
            return f"{s.name} is of another kind"
    return ""


def records(both: Comparison) -> str:
    """What a record says and the level "sites" does not need: spare bits, and the prefix `notrack`."""
    notrack = {
        (both.pairs[number], replaced.site.offset): replaced.notrack
        for number, walked in both.walked.items()
        for replaced in walked.replaced
    }
    for table in both.new.named(abi.SITES_SECTION):
        for offset in range(0, len(table.data), abi.RECORD_SIZE):
            record = abi.Record.unpack(table.data, offset)
            place = both.new.follow(table, offset)
            static = record.pass_ in (abi.PASSES["static-call"], abi.PASSES["marker"])
            entry = record.pass_ == abi.PASSES["call-ops"]
            spare = _FLAGS.get(record.pass_, 0)
            nothing = (record.reg == abi.NO_REGISTER or record.form == abi.FORMS["push"]) and record.chain == 0
            nothing = nothing and (not record.slots or record.pass_ != abi.PASSES["static-call"])
            if record.reserved or record.flags & ~spare or ((static or entry) and not nothing):
                return f"the record at {offset:#x} says what has no meaning"
            if static and both.new.relocation_kind(table, offset + 4) not in (9, None):
                return f"the key of the record at {offset:#x} is reached in another way"
            found = notrack.get((place.section, place.offset)) if place else None
            if not (static or entry) and found is not None and found != bool(record.flags & abi.FLAG_NOTRACK):
                return f"the record at {offset:#x} says otherwise whether the branch is notrack"
    return ""


def _slots(both: Comparison) -> Iterator[tuple[int, int]]:
    """Section and offset of every slot that a record names; the level "sites" says of each whether it is sound."""
    for table in both.new.named(abi.SITES_SECTION):
        for offset in range(0, len(table.data), abi.RECORD_SIZE):
            record = abi.Record.unpack(table.data, offset)
            first = both.new.follow(table, offset + 8)
            if record.pass_ == abi.PASSES["relpoline"] and first:
                yield from ((first.section, first.offset + abi.SLOT_SIZE * n) for n in range(record.chain))


def _slow(both: Comparison, verdict: SiteVerdict) -> tuple[int, int] | None:
    """Section and offset of a site's slow path."""
    if not verdict.stub or verdict.pass_ != "relpoline" or verdict.verdict is not Verdict.PASS:
        return None
    found = both.new.follow(both.new.sections[verdict.number], sum(verdict.stub) - 4, 4)
    return (found.section, found.offset) if found else None
