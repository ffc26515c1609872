"""What a listing says of its object in .note.gnu.property (x86-64 psABI, "Program Property")."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.survey import Survey

NOTE_SECTION = ".note.gnu.property"
#: GNU_PROPERTY_X86_FEATURE_1_AND, and its bit for shadow stacks; bit 0 is IBT.
FEATURE_1_AND, SHSTK = 0xC0000002, 2

_WORD = re.compile(r"^[ \t]*(?:[\w.$]+:[ \t]*)*\.(?:long|int|4byte)[ \t]+([^\n#;]*)", re.MULTILINE)
_SUM = re.compile(r"[ \t(]*(?:0x[0-9a-f]+|\d+)(?:[ \t()]*\|[ \t(]*(?:0x[0-9a-f]+|\d+))*[ \t)]*\Z", re.IGNORECASE)
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


def shadow_stack(found: Survey) -> bool:
    """Whether the listing marks its object for shadow stacks, or may: a value that is no number counts as a mark.

    gcc prints `0x3`, clang `3`, and <cet.h> in a preprocessed file `(0x1 | 0x2)`. What else can lay down these
    bytes is seen by the checker, which reads the note in the object.
    """
    text = found.listing.text
    ends = [start for start, _ in found.sections[1:]] + [len(text)]
    for (start, section), end in zip(found.sections, ends, strict=True):
        if section is not None and section.name.strip('"') == NOTE_SECTION:
            words = [word for line in _WORD.findall(text, start, end) for word in line.split(",")]
            for kind, value in zip(words, words[2:], strict=False):
                if _bits(kind) == FEATURE_1_AND and _bits(value) & SHSTK:
                    return True
    return False


def _bits(value: str) -> int:
    """The value of numbers joined by `|`; all bits set when it is something else."""
    value = value.strip()
    if not _SUM.match(value):
        return -1
    bits = 0
    for number in _NUMBER.findall(value):
        bits |= int(number, 0 if number[:2].lower() == "0x" else 10)
    return bits
