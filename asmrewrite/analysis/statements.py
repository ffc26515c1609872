"""What a statement is by its text: its first word, what comments and slashes make of it, data before it."""

from __future__ import annotations

import re

#: Lines that put nothing into their section: blank ones, comments, labels and most directives.
_EMPTY_LINE = re.compile(
    r"(?:.*\*/)?[ \t\f\r]*(?:[\w.$]+:[ \t]*)*(?:[#/].*|\.(?!(?i:text|sect|data|bss|pushs|pops|prev|subs)).*|)\Z"
)
_DATA = re.compile(
    r"\.(?:byte|value|word|hword|short|long|int|quad|octa|[248]byte|ascii|asciz|string|[us]leb128|zero|skip|space|fill|org|"
    r"d[cs]|dcb|float|double|single|incbin|insn|inst)(?![a-z])|\.[ \t]*=",
    re.IGNORECASE,
)
#: Block comments and the blanks behind them, which gas leaves out in the midst of a word.
_GLUE = re.compile(r"(?:/\*(?:[^*]|\*(?!/))*\*/[ \t\f\r]*)+")
#: A comment with a part of the statement behind it; and one that is glued to the first word, or stands before a `=`.
_COMMENTED = re.compile(rf"""(?:[^"'#\n;/]|/(?!\*))*{_GLUE.pattern}[^\s#;\0]""")
_TORN_WORD = re.compile(rf"""[ \t\f\r]*[^\s"'#;/]+{_GLUE.pattern}[^\s#;\0]|(?:[^"'#\n;/]|/(?!\*))*{_GLUE.pattern}=""")
_SLASH = re.compile(r"[ \t\f\r]*/")
#: Kinds of tokens: statements of which nothing else is said, and directives.
STATEMENTS = frozenset({"STATEMENT", "WATCHED"})
_DIRECTIVES = frozenset({"SECTION", "MODE", "MACRO", "CONDITION", "TYPE"})
#: `call` or `jmp` as a word of its own.
BRANCH_WORD = re.compile(r"(?:\A|[\s/;}:\0])l?(?:call|jmp)[a-z]?(?![\w.$])", re.IGNORECASE)
_WORD = re.compile(r"\s*\.?([A-Za-z_0-9]+)")
#: How many lines before a branch are looked at for data.
_LOOK_BACK = 16
_NO_NAME = frozenset('0123456789"')
#: In Intel syntax `jmpq foo` goes where the memory at foo says; in AT&T syntax it is a direct jump.
_SUFFIXED = re.compile(r"(?<![\w.$])(?:callw|jmp[qw])[ \t\f]+[^*%\s]", re.IGNORECASE)
_BODY = re.compile(r"""(?:[^\n;\0"'/#]+|"(?:[^"\\]|\\[\s\S])*"?|'(?:\\[\s\S]|[^\\])'?|/(?!\*))*""")


def first_word(text: str, start: int) -> str:
    """The first word of the statement at `start`, a directive's without its dot, in small letters."""
    found = _WORD.match(text, start)
    return found.group(1).lower() if found else ""


def contents(text: str) -> str:
    """The statement `text` without its comment and terminator (strings may hold both)."""
    if '"' not in text:
        text = text.partition("#")[0].partition("/*")[0]
    else:
        found = _BODY.match(text)
        text = found.group() if found else text
    return text.strip(" \t\r\f\n;\0")


def begins_line(text: str, start: int) -> bool:
    """Whether gas, looking for the end of a body, sees the directive at `start`: behind labels that are names."""
    line = max(text.rfind("\n", 0, start), text.rfind(";", 0, start)) + 1
    before = text[line:start].strip(" \t\r\f")
    return not any(label.strip(" \t\r\f")[:1] in _NO_NAME for label in before.split(":") if label)


def behind_data(text: str, position: int) -> bool:
    """Whether data stands right before `position`: of its bytes a branch there may be a part, as of a prefix."""
    for _ in range(_LOOK_BACK):
        start = text.rfind("\n", 0, position) + 1
        line = text[start:position]
        if _DATA.search(line):
            return True
        if start == 0 or not _EMPTY_LINE.match(line):
            return False
        position = start - 1
    return False


def hides_branch(text: str) -> bool:
    """Whether the statement `text` is a branch when comments are left out, or when its slash is none of a comment."""
    # gas ends a string at a NUL, but only after it has stripped comments and found the string's quotes.
    glued = ("/*" in text or "\0" in text[:-1]) and BRANCH_WORD.search(_GLUE.sub("", text))
    slash = text.lstrip(" \t\f\r").startswith("/")
    return bool(glued or (slash and BRANCH_WORD.search(text)))


def is_swallowing(text: str, start: int, end: int) -> bool:
    """Whether the statement begins with a slash, and another follows on its line or a comment begins in it."""
    return _SLASH.match(text, start) is not None and (text[end - 1] in ";\0" or text.find("/*", start + 1, end) >= 0)


def is_torn(text: str, kind: str, start: int, end: int) -> bool:
    """Whether a comment makes another statement of this one than it seems."""
    pattern = _TORN_WORD if kind in STATEMENTS else _COMMENTED if kind in _DIRECTIVES else None
    return pattern is not None and pattern.match(text, start, end) is not None


def has_frames(text: str) -> bool:
    """Whether the text has call frame information that is no comment."""
    position = text.find(".cfi_startproc")
    while position >= 0:
        if not text[text.rfind("\n", 0, position) + 1 : position].strip(" \t"):
            return True
        position = text.find(".cfi_startproc", position + 1)
    return False


def suffixed_in_intel_syntax(text: str) -> bool:
    """Whether a branch is written with a suffix in Intel syntax, as no compiler does: quiet, and through memory."""
    start = text.find(".intel_syntax")
    while start >= 0:
        end = text.find(".att_syntax", start)
        if _SUFFIXED.search(text, start, end if end >= 0 else len(text)):
            return True
        start = text.find(".intel_syntax", end) if end >= 0 else -1
    return False
