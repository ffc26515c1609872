"""Match the sections of both objects, in order, by all that their headers and groups say."""

from __future__ import annotations

from asmrewrite.verify.compare.comparison import ADDED, EXEC, GROUP, TABLES, THUNK_SYMBOLS, THUNKS, Comparison
from asmrewrite.verify.sites import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Section

_COMPRESSED = 0x800


def pair_sections(both: Comparison) -> bool:
    """Match the sections of both, in order, by all that their headers say."""
    if problem := both.headers.problem or both.new_headers.problem:
        both.say("sections", problem, Verdict.UNKNOWN)
        return False
    if both.headers.file != both.new_headers.file:
        both.say("sections", "the header of the file changed")
        return False
    mine = [s for s in both.old.sections if s.kind not in TABLES]
    had = {s.name for s in mine}
    theirs = [
        s
        for s in both.new.sections
        if s.kind not in TABLES and not s.name.startswith(THUNKS) and not (s.name in ADDED and s.name not in had)
    ]
    old_groups, new_groups = both.old.groups, both.new.groups
    for a, b in zip(mine, theirs, strict=False):
        problem = _header(a, b) or (
            "" if old_groups.get(a.number) == new_groups.get(b.number) else "it changed its group"
        )
        if problem:
            both.say(a.name, problem)
            return False
        both.pairs[a.number] = b.number
    if len(mine) != len(theirs):
        made = {s.name for s in theirs[len(mine) :]}
        if made and all(name.startswith(".debug_") for name in made):
            reason = "the assembler's own debug information (as -g) is about the thunks too"
            both.say("sections", reason, Verdict.UNKNOWN)
        else:
            both.say("sections", f"there were {len(mine)} sections and are {len(theirs)}")
        return False
    for number, other in both.pairs.items():
        mine_link, their_link = both.headers.links[number], both.new_headers.links[other]
        if both.pairs.get(mine_link, 0) != their_link:
            both.say(both.old.sections[number].name, "it is linked to another section")
            return False
    both.say("sections", _groups(both))
    signatures = {new_groups[s.number]: s.number for s in both.new.sections if s.kind == "SHT_GROUP"}
    for section in both.old.sections:
        if section.kind == "SHT_GROUP" and old_groups[section.number] in signatures:
            both.pairs[section.number] = signatures[old_groups[section.number]]
    return True


def _groups(both: Comparison) -> str:
    """Groups by signature: each is there with the same flags, and a relocation table is in its section's group."""
    words = [
        {i.groups[s.number]: (i.contents(s)[:4], s.name) for s in i.sections if s.kind == "SHT_GROUP"}
        for i in (both.old, both.new)
    ]
    for signature, word in words[0].items():
        if words[1].pop(signature, None) != word:
            return f"the group {signature} changed"
    for signature, (kind, _) in words[1].items():
        if kind != b"\1\0\0\0" or not signature.startswith(THUNK_SYMBOLS):
            return f"the group {signature} came from nowhere"
    groups = both.new.groups
    for section in both.new.sections:
        if section.kind != "SHT_GROUP" and bool(section.flags & GROUP) != (section.number in groups):
            return f"{section.name} is in a group or not"
        if section.kind == "SHT_RELA":
            about = both.new_headers.infos[section.number]
            if groups.get(section.number) != groups.get(about):
                return f"{section.name} is in another group than its section"
    return ""


def _header(a: Section, b: Section) -> str:
    """What two headers differ in; text may be aligned further, since a block wants it."""
    if a.name != b.name or a.kind != b.kind:
        return f"it became {b.name}"
    if (a.flags ^ b.flags) == _COMPRESSED and a.name.startswith(".debug_") and a.entry_size == b.entry_size:
        return ""  # -gz leaves alone what would not get smaller
    if a.flags != b.flags or a.entry_size != b.entry_size:
        return f"its flags {a.flags:#x} became {b.flags:#x}"
    if a.alignment != b.alignment and not (a.flags & EXEC and b.alignment > a.alignment and b.alignment <= 64):
        return f"its alignment {a.alignment} became {b.alignment}"
    return ""
