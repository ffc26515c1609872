"""Where a function of a listing begins: between its label and its first instruction, as compilers print it."""

from __future__ import annotations

import re
from bisect import bisect_right
from operator import itemgetter
from typing import NamedTuple

from asmrewrite.analysis.reasons import SkipReason
from asmrewrite.stubs.shapes import LABEL_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.survey import Function, Place, Survey


class Entry(NamedTuple):
    """A function's entry: `start` is where its label begins, [`place`, `end`) what a site would replace.

    They are equal for a place before the first instruction, or behind `endbr64`. `kind` is "plain", "push" (the
    function begins with one, of the register `mark`), "fentry" (the call that -pg -mfentry puts there) or "patchable"
    (nops of -fpatchable-function-entry); for the last, `mark` is the label that its table names. `alignment` is the
    log2 that the function is aligned to for certain, -1 where a label stands right before its own; `instructions` is
    about how many it has. `alone` says that nothing runs into it from above, and that no other name is right before it.
    """

    start: int
    place: int
    end: int
    kind: str
    mark: str
    endbr: bool
    alignment: int
    instructions: int
    alone: bool


#: What compilers put before the first instruction; the labels are those that nothing jumps to.
_LINE = (
    r"[ \t]*(?:\.(?:cfi_(?!endproc)[a-z_]+|loc|file)(?![\w.])[^\n;\"#/\0]*(?:\"[^\"\n]*\"[^\n;\"#/\0]*)*"
    r"|\.L(?:FB|FSB|VL|BB|BI|BE|EHB|func_begin|tmp)\d+:)?[ \t]*(?:#(?!(?:NO_)?APP|[ \t]*asmrewrite:)[^\n]*)?\n"
)
_HEAD = re.compile(rf"(?:{_LINE})*[ \t]*")
_HEAD_ASM = re.compile(rf"(?:{_LINE}|#(?:NO_)?APP[^\n]*\n)*[ \t]*")
_ENDBR = re.compile(r"endbr64(?![\w.$])")
_BEHIND_ENDBR = re.compile(rf"(?:[ \t]*(?:#[^\n]*)?\n(?:{_LINE})*[ \t]*)?")
_FENTRY = re.compile(
    r"(?:1:[ \t]*)?((?:call|callq)[ \t]+(?:\*__fentry__@GOTPCREL\(%rip\)|__fentry__(?:@PLT)?))[ \t]*\n"
)
_FENTRY_WORD = re.compile(r"(?:1:)?[ \t]*(?:call[^\n]*__fentry__|\.byte[ \t]+0x0f, ?0x1f)")
_MCOUNT_TABLE = re.compile(r"[ \t]*\.section[ \t]+__mcount_loc")
_TABLE = re.compile(
    r"\.section[ \t]+__patchable_function_entries[^\n]*\n[ \t]*\.(?:p2)?align[ \t]+\d+\n[ \t]*\.quad[ \t]+([\w.$]+)\n"
    r"[ \t]*\.(?:text|section[ \t]|popsection|previous)[^\n]*\n"
)
#: The five nops that a site takes, the label of the table before them.
_NOPS = re.compile(r"([\w.$]+):\n((?:[ \t]*nop[ \t]*(?:#[^\n]*)?\n){4}[ \t]*nop)(?![\w.$])")
_NOP = re.compile(r"nop(?![\w.$])")
_PUSH = re.compile(r"pushq?[ \t]+(%?)(r(?:[abcd]x|[sd]i|bp|8|9|1[0-5]))(?=[ \t]*(?:#[^\n]*)?\n)")
_BEGINS = re.compile(r"[A-Za-z{]|#APP")
#: Inline assembly that stands in no naked function: the test of a marker or static key.
_KEY_TEST = re.compile(r"#APP[^\n]*\n(?:[ \t]*#[^\n]*\n)*[ \t]*cmp(?:b\t\$0, |\tbyte ptr )__(?:MARK|SKEY)__")
_LABEL = re.compile(r"[\w.$]+:")
_ALIGN = re.compile(r"\.(?:p2)?align[ \t]+\d")
_BEFORE = re.compile(
    r"[ \t]*(?:\.(globl|weak|hidden|protected|type|p2align|align|loc|file)(?![\w.])[^\n;]*)?(?:#[^\n]*)?\Z"
)
_P2ALIGN = re.compile(r"[ \t]*\.p2align[ \t]+(\d+)[ \t]*(?:#[^\n]*)?\Z")
#: What control does not pass: what leads away, and a call that may be one that does not return.
_END = re.compile(
    r"[ \t]*(?:[\w.$]+:[ \t]*)*(?:(?:rep|repz|bnd|notrack)[ \t]+)?(?:(?:ret|jmp|call)q?|ud2|int3)"
    r"(?![\w.])[^\n;]*\Z",
    re.IGNORECASE,
)
#: What stands between that and a function beside `_BEFORE`: labels for debuggers, and directives without bytes.
_BETWEEN = re.compile(
    r"[ \t]*(?:\.L(?:HOT[BE]|COLD[BE]|[te]text|text|VL|BE|BB|BI|FE|EHB|EHE|tmp|func_end)\d*:"
    r"|\.(?:size|cfi_\w+|ident|addrsig\w*)(?![\w.])[^\n;]*|\.set[ \t]+[\w.$]+, ?[\w.$]{2,})[ \t]*(?:#[^\n]*)?\Z"
)
_SWITCH = re.compile(r"[ \t]*\.(?:section|text|data|bss|pushsection|popsection|previous|subsection)(?![\w.])[^\n;]*\Z")
_INSTRUCTION = re.compile(r"^\t[a-z]", re.MULTILINE)
#: How many lines before a label are looked at.
_LOOK_BACK = 12


def entry(found: Survey, function: Function, *, asm: bool) -> Entry | SkipReason:
    """The entry of `function`, or why none can be told; `asm` says whether inline assembly may be at its beginning."""
    text = found.listing.text
    head = _match(_HEAD_ASM if asm else _HEAD, text, function.end)
    if not asm and _KEY_TEST.match(text, head.end()):
        asm, head = True, _match(_HEAD_ASM, text, function.end)
    if text.startswith("#APP", head.end()):
        return SkipReason.INLINE_ASM
    if found.has_cfi and found.compiled and ".cfi_startproc" not in text[function.end : head.end()]:
        return SkipReason.ENTRY
    place = head.end()
    if _is_ours(text, place):
        return SkipReason.BUNDLED
    endbr = _ENDBR.match(text, place)
    first = place
    if endbr:
        place = endbr.end()
        first = _match(_BEHIND_ENDBR, text, place).end()
        if text.startswith("#APP", first) and not asm and not _KEY_TEST.match(text, first):
            return SkipReason.INLINE_ASM
        if _is_ours(text, first):
            return SkipReason.BUNDLED
    end, kind, mark = place, "plain", ""
    if fentry := _FENTRY.match(text, first):
        if _MCOUNT_TABLE.match(text, fentry.end()):
            return SkipReason.PROFILING
        place, end, kind = fentry.start(1), fentry.end(1), "fentry"
    elif _FENTRY_WORD.match(text, first):
        return SkipReason.PROFILING
    elif table := _TABLE.match(text, first):
        nops = _NOPS.match(text, table.end())
        if nops is None or nops.group(1) != table.group(1):
            return SkipReason.PATCHABLE_ENTRY
        place, end, kind, mark = nops.start(), nops.end(), "patchable", nops.group(1)
    elif _NOP.match(text, first):
        return SkipReason.PATCHABLE_ENTRY
    elif not asm and (push := _PUSH.match(text, first)) and (push.group(1) or _is_bare(function.place)):
        place, end, kind, mark = first, push.end(), "push", push.group(2)
    elif not _BEGINS.match(text, first) and not _LABEL.match(text, first) and not _ALIGN.match(text, first):
        return SkipReason.ENTRY
    stop = text.find("\t.size\t", place)
    begin = head.end() if kind == "push" else place
    count = len(_INSTRUCTION.findall(text, text.rfind("\n", 0, begin) + 1, stop)) if stop >= 0 else 1 << 30
    return Entry(
        function.start,
        place,
        end,
        kind,
        mark,
        bool(endbr),
        _alignment(text, function.start),
        count,
        _is_alone(found, function),
    )


def _is_bare(place: Place) -> bool:
    """Whether the name of a register there is one without `%`, and not a symbol's."""
    return place.intel and not place.prefixed


def _is_ours(text: str, position: int) -> bool:
    """Whether an earlier rewriting made the rest of the line."""
    return LABEL_PREFIX in text[position : text.find("\n", position)]


def _match(pattern: re.Pattern[str], text: str, start: int) -> re.Match[str]:
    found = pattern.match(text, start)
    if found is None:
        raise AssertionError("a pattern that matches the empty string")
    return found


def _alignment(text: str, position: int) -> int:
    """log2 of what the label at `position` is aligned to, 0 for nothing known, -1 behind a label."""
    if position and text[position - 1] != "\n":
        return -1
    for back in range(_LOOK_BACK):
        start = text.rfind("\n", 0, max(0, position - 1)) + 1
        line = text[start:position].rstrip("\n")
        if aligned := _P2ALIGN.match(line):
            return int(aligned.group(1))
        if not _BEFORE.match(line):
            return -1 if back == 0 and line.rstrip().endswith(":") else 0
        position = start
    return 0


def _is_alone(found: Survey, function: Function) -> bool:
    """Whether the label of `function` begins its line, and nothing before it in its section runs into it."""
    text, position, sections = found.listing.text, function.start, found.sections
    if position and text[position - 1] != "\n":
        return False
    if function.section is None:
        return False
    place = function.section.place
    part = bisect_right(sections, position, key=itemgetter(0)) - 1
    while position:
        begin = sections[part][0]
        if position <= begin:
            # On with what the section had before.
            earlier = ((i, sections[i][1]) for i in range(part - 1, -1, -1))
            part, section = next(((i, s) for i, s in earlier if s is None or s.place == place), (-1, None))
            if part < 0 or section is None:
                return part < 0
            position = sections[part + 1][0]
            continue
        start = max(text.rfind("\n", 0, position - 1) + 1, begin)
        line = text[start:position].rstrip("\n")
        if not any(pattern.match(line) for pattern in (_BEFORE, _BETWEEN, _SWITCH)):
            return _END.match(line) is not None
        position = start
    return True
