"""One walk over a listing's tokens: where each branch stands, and whether anything there is in doubt."""

from __future__ import annotations

import re
from typing import NamedTuple

from asmrewrite.analysis.reasons import SkipReason
from asmrewrite.analysis.sections import Section, SectionTracker
from asmrewrite.analysis.statements import (
    BRANCH_WORD,
    STATEMENTS,
    begins_line,
    behind_data,
    contents,
    first_word,
    has_frames,
    hides_branch,
    is_swallowing,
    is_torn,
    suffixed_in_intel_syntax,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.syntax.listing import Listing


class Place(NamedTuple):
    """Where a statement stands.

    `section` is None when it cannot be told; `function` is "" outside functions; `asm` says that the text is
    inline assembly; `intel` and `prefixed` are the syntax in force; `trouble` is why nothing there may change.
    """

    section: Section | None
    function: str
    asm: bool
    intel: bool
    prefixed: bool
    trouble: SkipReason | None


class Function(NamedTuple):
    """A function, or its cold part: its label's name, the characters of its label's token, and where that stands."""

    name: str
    start: int
    end: int
    place: Place

    @property
    def section(self) -> Section | None:
        """The section that it is in."""
        return self.place.section


class Spot(NamedTuple):
    """A token that may branch indirectly or that a pass watches for: its kind, characters, and place."""

    kind: str
    start: int
    end: int
    place: Place
    #: The prefix tokens that stand right before it, each on a line of its own: their characters.
    prefixes: tuple[tuple[int, int], ...]


class Survey(NamedTuple):
    """What a walk over a listing finds."""

    listing: Listing
    spots: tuple[Spot, ...]
    functions: tuple[Function, ...]
    sections: tuple[tuple[int, Section | None], ...]
    #: Symbols whose value is a register (`foo=%rax`).
    aliases: frozenset[str]
    #: Functions that asked to be left alone, and the passes they named ("" for all).
    opted_out: dict[str, frozenset[str]]
    #: The same for the whole file.
    file_opted_out: frozenset[str]
    #: Whether a compiler wrote the text: its .ident, gcc's -dp notes, or the name that flang gives its modules.
    compiled: bool
    #: Whether gcc annotated instructions (-dp).
    annotated: bool
    #: Whether text has call frame information.
    has_cfi: bool
    #: Whether any directive changes the syntax or the code size.
    moded: bool
    #: Whether a prefix on a line of its own has no instruction behind it, and so comes to stand before any.
    stray: bool


#: gcc's note behind an instruction: `# 8 [c=9 l=2]  *call_value/1`, or `# 8 *call_value/1 [length = 2]` up to 7.
NOTE = re.compile(r"#[ \t](\d+)[ \t]+(?:\[c=\d+ l=\d+\][ \t]+([*\w@]+)|([*\w@]+)(?:/\d+)?[ \t]+\[length = \d+\])")

_FLANG = '\t.text\n\t.file\t"FIRModule"\n'
_OPT_OUT = re.compile(r"asmrewrite:[ \t]*skip-(file|function)([ \t]+[\w, -]+)?")
_NAME = re.compile(r'\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s:"]+))', re.ASCII)
_TYPE = re.compile(
    r'\s*\.type[ \t]+(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))[ \t]*,?[ \t]*'
    r'(?:[@%#]?(?:function|gnu_indirect_function)|"?(?:STT_FUNC|function)"?)',
    re.ASCII,
)
_ASSIGNMENT = re.compile(
    r'\s*(?:\.\w+[ \t]+("(?:[^"\\]|\\.)*"|[^\s,]+)\s*,|("(?:[^"\\]|\\.)*"|[^\s=]+)\s*==?)[ \t]*([^#;\n]*)',
    re.ASCII,
)
_REGISTER_VALUE = re.compile(
    r"(?<![\w.$@])(?:r(?:[abcd]x|[sd]i|[sb]p|\d{1,2}[bwd]?)|e?(?:[abcd]x|[sd]i|[sb]p)|[abcd][lh]|[xyz]mm\d+)(?![\w.$@])",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"[A-Za-z_.$\x80-\xff][\w.$\x80-\xff]*")
_BRANCH_NAME = re.compile(r"(?:l?(?:call|jmp)|j[a-z]{1,3}|notrack|cs|[.\\])", re.IGNORECASE)
#: Names of macros that would change what a rewriting adds.
_TAKEN_NAME = re.compile(r"(?:(?:call|jmp|je|movq?|cmpq|pause|lfence|ret|int3)(?![\w.$])|[.\\])", re.IGNORECASE)
#: The beginning of an instruction; `l'2:` is a label to gas.
_HEAD = re.compile(r"[ \t\f\r]*(?:\{[^}\n]*\}[ \t\f\r]*)*[A-Za-z][\w.]*(?![\w.$:'])")
_ARGUMENT_BRANCH = re.compile(r"[A-Za-z_.$][\w.$]*[ \t]+([^\n#;]*?(?<![\w.$])l?(?:call|jmp)[a-z]?[ \t]+\*[^\n#;]*)")
#: Kinds of tokens that are instructions, or directives.
INSTRUCTIONS = frozenset({"BRANCH", "WATCHED", "STATEMENT", "QUIET"})
#: A line marker whose string does not end on its line, or with a comment behind that: gas reads the lines that follow
#: as part of it.
_TORN_MARKER = re.compile(r'#[ \t]*\d+[ \t]*"(?:(?!(?:[^"\\\n]|\\[^\n])*")|(?:[^"\\\n]|\\[^\n])*"[^\n]*/\*)')
#: A string directive without a string takes the next line away.
_EMPTY_STRING = re.compile(r"\.(?:asci[iz]|ident|string(?:8|16|32|64)?)[ \t]*(?:#[^\n]*)?\s*\Z", re.IGNORECASE)
#: A jump, or an address relative to the instruction, that counts bytes of code.
_COUNTED = re.compile(
    r"(?<![\w.$])(?:j[a-z]{1,4}|call[a-z]?|loop[a-z]*|xbegin)[ \t]+"
    r"(?![^\n#;]*[(\[])[^\n#;*%,]*?[\w.$][ \t]*[-+][ \t]*\w"
    r"|(?<![\w.$+*/-])-?(?:[1-9]\d*|0x[0-9a-f]+)(?:[-+*/](?:0x[0-9a-f]+|\d+))*\(%rip\)"
    r"|(?<![\w.$@\]])\[rip[ \t]*[-+][ \t]*\d",
    re.IGNORECASE,
)
#: What `.arch` may say and leave what a rewriting adds in force.
_ARCH_64 = re.compile(r"\.arch[ \t]+(?:generic64|push|pop|default|\.(?!no)[\w.]+)[ \t]*\Z")
_ORG = re.compile(r"[ \t\f\r]*\.(?:org[ \t]+|[ \t]*=[ \t]*)[0-9]\w*[ \t\r]*(?:[,#;\n/]|\Z)", re.IGNORECASE)
#: Puts a section into a group after the fact, and so what a rewriting added about it into another.
_ATTACHED = re.compile(r"[ \t\f\r]*\.attach_to_group", re.IGNORECASE)
_OPENERS = frozenset({"macro", "rept", "rep", "irp", "irpc", "irep", "irepc"})


def survey(listing: Listing) -> Survey:
    """Walk over `listing`; the cost is that of its tokens other than QUIET runs."""
    return _Walk(listing).result()


class _Walk:
    """The state of a walk, and one method for each kind of token that changes it."""

    def __init__(self, listing: Listing) -> None:
        text = listing.text
        self.listing = listing
        self.text = text
        self.sections = SectionTracker()
        self.spots: list[Spot] = []
        self.functions: list[Function] = []
        self.changes: list[tuple[int, Section | None]] = [(0, self.sections.current)]
        self.typed: set[str] = set()
        self.inside: dict[tuple[str, str, str, str], str] = {}
        self.aliases: set[str] = set()
        self.assigned: list[tuple[str, str]] = []
        self.opted_out: dict[str, frozenset[str]] = {}
        self.file_opted_out: frozenset[str] = frozenset()
        self.asm, self.asm_start = False, 0
        self.counted = False
        self.intel, self.prefixed = False, True
        self.code64, self.bundled = True, False
        self.moded = False
        self.stray = False
        self.macros, self.conditions = 0, 0
        self.in_macro = False
        self.condition_start: list[tuple[int, Section | None]] = []
        self.macro_stack = 0
        # gas reads the first line itself, to look for #NO_APP, and is misled by a NUL in it.
        torn = text.startswith(("#A", "#N")) and "\0" in text.partition("\n")[0]
        self.trouble = SkipReason.RAW_LISTING if torn or text.startswith("#NO_APP") else None
        if suffixed_in_intel_syntax(text):
            self.trouble = SkipReason.OPERAND
        self.prefixes: list[tuple[int, int]] = []

    def result(self) -> Survey:
        handlers = {
            "LABEL": self._label, "TYPE": self._type, "SECTION": self._section, "PROVENANCE": self._provenance,
            "MODE": self._mode, "MACRO": self._macro, "CONDITION": self._condition, "ASSIGN": self._assign,
            "BRANCH": self._spot, "WATCHED": self._spot, "PREFIX": self._prefix, "STATEMENT": self._statement,
        }  # fmt: skip
        text = self.text
        # A NUL cuts a string, and what ended it may begin another, which takes in any number of lines.
        torn, commented = "\0" in text, "/*" in text
        for kind, start, end in self.listing.tokens:
            if kind == "COMMENT":
                if text[start] == "#" and _TORN_MARKER.match(text, start, end):
                    self._abandon(SkipReason.GLUED_COMMENT)
                continue
            if self.prefixes and kind != "PREFIX":
                self._behind_prefix(kind, start, end)
            if torn and kind != "QUIET" and text.find("\0", start, end - 1) >= 0:
                self._abandon(SkipReason.GLUED_COMMENT)
            if kind != "QUIET":
                # Behind a label or `;` a slash makes a comment of all up to the end of the line.
                if (kind in STATEMENTS and is_swallowing(text, start, end)) or (
                    commented and is_torn(text, kind, start, end)
                ):
                    self._abandon(SkipReason.GLUED_COMMENT)
                handlers[kind](kind, start, end)
            elif self.trouble is SkipReason.MACRO_EFFECTS:
                self._arguments(start, end)
            if kind != "PREFIX" and self.prefixes:
                self.prefixes.clear()
        if self.prefixes:
            self.stray = True
            self._abandon(SkipReason.PREFIX)
        if self.bundled:
            self._abandon(SkipReason.BUNDLED)
        if self.macros or self.conditions:
            self._abandon(SkipReason.MACRO if self.macros else SkipReason.CONDITIONAL)
        if self._is_open():
            self._abandon(SkipReason.END_DIRECTIVE)
        annotated = NOTE.search(text) is not None
        compiled = annotated or '\t.ident\t"' in text or text.startswith(_FLANG)
        if self.counted or (not compiled and (self.spots or self.functions) and _COUNTED.search(text)):
            self._abandon(SkipReason.COUNTED)
        return Survey(
            self.listing,
            tuple(self.spots),
            tuple(self.functions),
            tuple(self.changes),
            self._all_aliases(),
            self.opted_out,
            self.file_opted_out,
            compiled,
            annotated,
            has_frames(text),
            self.moded,
            self.stray,
        )

    def place(self) -> Place:
        """Where the walk is now."""
        section = self.sections.current
        return Place(section, self._function(), self.asm, self.intel, self.prefixed, self._doubt(section))

    def _doubt(self, section: Section | None) -> SkipReason | None:
        if self.trouble is not None:
            return self.trouble
        if self.macros:
            return SkipReason.MACRO
        if self.conditions:
            return SkipReason.CONDITIONAL
        if not self.code64:
            return SkipReason.CODE_SIZE
        if self.bundled:
            return SkipReason.BUNDLED
        if section is None or not {"a", "x"}.issubset(section.flags):
            return SkipReason.UNKNOWN_SECTION
        return SkipReason.ALTERNATIVE if section.name.startswith(".altinstr_replacement") else None

    def _key(self) -> tuple[str, str, str, str]:
        section = self.sections.current
        return section.place if section is not None else ("", "", "", "")

    def _function(self) -> str:
        return self.inside.get(self._key(), "")

    def _label(self, kind: str, start: int, end: int) -> None:
        found = _NAME.match(self.text, start)
        name = (found.group(1) or found.group(2) or "") if found else ""
        if name in self.typed or (".cold" in name and name.partition(".cold")[0] in self.typed):
            self.inside[self._key()] = name
            self.functions.append(Function(name, start, end, self.place()))

    def _type(self, kind: str, start: int, end: int) -> None:
        found = _TYPE.match(self.text, start, end)
        if found:
            self.typed.add(found.group(1) or found.group(2) or "")

    def _section(self, kind: str, start: int, end: int) -> None:
        if self.macros:
            self._inside_macro(start, end)
            return
        if first_word(self.text, start) in ("popsection", "previous") and BRANCH_WORD.search(self.text, start, end):
            # With nowhere to go back to, gas warns and reads on behind the directive.
            place = self.place()
            place = place._replace(trouble=place.trouble or SkipReason.UNKNOWN_SECTION)
            self.spots.append(Spot("STATEMENT", start, end, place, ()))
        self.sections.directive(contents(self.text[start:end]))
        self.changes.append((end, self.sections.current))

    def _inside_macro(self, start: int, end: int) -> None:
        """A macro may go to another section when it comes back; otherwise all that follows is in doubt."""
        word = first_word(self.text, start)
        self.macro_stack += {"pushsection": 1, "popsection": -1}.get(word, 0)
        if self.macro_stack == 0 and word != "popsection":
            self.trouble = SkipReason.MACRO_EFFECTS

    def _provenance(self, kind: str, start: int, end: int) -> None:
        text = self.text[start:end].lstrip(" \t")
        if text.startswith("#APP"):
            self.asm, self.asm_start = True, end
        elif text.startswith("#NO_APP"):
            self.counted = self.counted or (self.asm and _COUNTED.search(self.text, self.asm_start, start) is not None)
            self.asm = False
        found = _OPT_OUT.search(text)
        if found is None:
            return
        passes = frozenset((found.group(2) or "all").replace(",", " ").split())
        if found.group(1) == "file":
            self.file_opted_out |= passes
        else:
            name = base_name(self._function())
            self.opted_out[name] = self.opted_out.get(name, frozenset()) | passes

    def _mode(self, kind: str, start: int, end: int) -> None:
        self.moded = True
        word = first_word(self.text, start)
        arguments = contents(self.text[start:end]).lower()
        if word == "arch" and not _ARCH_64.search(arguments):
            self._abandon(SkipReason.CODE_SIZE)
        if self.macros or self.conditions:
            if word in ("end", "mri") or word.startswith("bundle"):
                self._abandon(SkipReason.MACRO_EFFECTS)
            elif word != "arch":
                self.trouble = SkipReason.MACRO_EFFECTS
        elif word.startswith("code"):
            self.code64 = word == "code64"
        elif word in ("att_syntax", "intel_syntax"):
            self.intel = word == "intel_syntax"
            self.prefixed = "noprefix" not in arguments
        elif word == "bundle_align_mode":
            self.bundled = arguments.split()[-1:] != ["0"]
            if self.bundled and ".Lasmrewrite_" not in self.text[end : self.text.find("\n", end)]:
                self._abandon(SkipReason.BUNDLED)  # its padding depends on where everything before it is
        elif word == "end":
            self._abandon(SkipReason.END_DIRECTIVE)
        elif word == "mri":
            self._abandon(SkipReason.RAW_LISTING)
        elif word in ("altmacro", "include"):
            self.trouble = SkipReason.MACRO_EFFECTS

    def _macro(self, kind: str, start: int, end: int) -> None:
        word = first_word(self.text, start)
        body = contents(self.text[start:end])
        before = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        if "*/" in before or '"' in before:
            self._abandon(SkipReason.MACRO_EFFECTS)  # gas may not see it where it looks for the end of a body
        if self.macros and not begins_line(self.text, start):
            return
        if word in _OPENERS:
            # gas looks for the end of the outermost one, and counts only others of its own kind on the way.
            if not self.macros:
                self.in_macro = word == "macro"
            if self.in_macro == (word == "macro"):
                self.macros += 1
            self.macro_stack = 0
            name = body.split(None, 1)[1] if len(body.split(None, 1)) > 1 else ""
            if word == "macro" and _TAKEN_NAME.match(name):
                self._abandon(SkipReason.MACRO_EFFECTS)
            elif word == "macro" and _BRANCH_NAME.match(name):
                self.trouble = SkipReason.MACRO_EFFECTS
        elif word == ("endm" if self.in_macro else "endr"):
            self.macros = max(0, self.macros - 1)
            if self.macro_stack:
                self.trouble = SkipReason.MACRO_EFFECTS

    def _condition(self, kind: str, start: int, end: int) -> None:
        if self.macros:
            return
        word = first_word(self.text, start)
        here = (len(self.sections.stack), self.sections.current)
        if word.startswith("if"):
            self.conditions += 1
            self.condition_start.append(here)
        elif self.condition_start and self.condition_start[-1] != here:
            self.trouble = SkipReason.MACRO_EFFECTS
        if word in ("endif", "endc") and self.condition_start:
            self.conditions -= 1
            self.condition_start.pop()

    def _assign(self, kind: str, start: int, end: int) -> None:
        if _ORG.match(self.text, start, end):
            self.counted = True
        found = _ASSIGNMENT.match(self.text, start, end)
        if found is None:
            return
        name, value = found.group(1) or found.group(2), found.group(3).strip()
        name = name.strip('"')
        if "%" in value or "\\" in value or _REGISTER_VALUE.search(value):
            self.aliases.add(name)
        else:
            self.assigned.append((name, value))

    def _all_aliases(self) -> frozenset[str]:
        """Aliases, and what stands for them: gas looks such a value up when it is used, not when it is given."""
        size = -1
        while self.aliases and len(self.aliases) > size:
            size = len(self.aliases)
            self.aliases.update(n for n, value in self.assigned if self.aliases.intersection(_SYMBOL.findall(value)))
        return frozenset(self.aliases)

    def _prefix(self, kind: str, start: int, end: int) -> None:
        self.prefixes.append((start, end))

    def _behind_prefix(self, kind: str, start: int, end: int) -> None:
        """A prefix on a line of its own belongs to what gas assembles next, wherever that is: only an instruction is
        clear. `fwait` is an instruction itself.
        """
        last = self.text[slice(*self.prefixes[-1])].lstrip(" \t\f\r").lower()
        clear = kind in INSTRUCTIONS and _HEAD.match(self.text, start, end)
        if not clear and not last.startswith(("wait", "fwait")):
            self.stray = True
            self._abandon(SkipReason.PREFIX)

    def _is_open(self) -> bool:
        """Whether the listing ends inside of something, a comment or string, so that what is appended would be too."""
        if not (self.spots or self.functions) or self.listing.tokens[-1][0] == "QUIET":
            return False
        if _EMPTY_STRING.search(self.text, max(0, len(self.text) - 200)):
            return True
        start = self.listing.tokens[-1][1]
        tail = ("\n" if self.text[start - 1 : start] in ("", "\n") else " ") + self.text[start:]
        tail += "" if tail.endswith("\n") else "\n"
        return all(first != len(tail) for _, first, _ in self.listing.tokens_of(f"{tail}\t.text\n"))

    def _abandon(self, trouble: SkipReason) -> None:
        """Nothing in this listing may change, before this place or behind it."""
        self.trouble = trouble
        self.spots = [s._replace(place=s.place._replace(trouble=trouble)) for s in self.spots]
        self.functions = [f._replace(place=f.place._replace(trouble=trouble)) for f in self.functions]

    def _spot(self, kind: str, start: int, end: int) -> None:
        if kind == "BRANCH" and _COUNTED.search(self.text, start, end):
            self.counted = True
        place = self.place()
        if place.trouble is None and behind_data(self.text, self.prefixes[0][0] if self.prefixes else start):
            place = place._replace(trouble=SkipReason.PREFIX)
        self.spots.append(Spot(kind, start, end, place, tuple(self.prefixes)))

    def _statement(self, kind: str, start: int, end: int) -> None:
        """A statement that may be more than it seems: glued by a comment, or behind a doubtful slash."""
        text = self.text[start:end]
        if _ATTACHED.match(text):
            self._abandon(SkipReason.UNKNOWN_SECTION)
        if _ORG.match(text) and self._doubt(self.sections.current) is None:
            self.counted = True
        if self.macros and "\\" in text and "\\" in text.split(None, 1)[0]:
            self.trouble = SkipReason.MACRO_EFFECTS
        if self.trouble is SkipReason.MACRO_EFFECTS:
            self._arguments(start, end)
        if hides_branch(text):
            place = self.place()
            doubt = place._replace(trouble=place.trouble or SkipReason.GLUED_COMMENT)
            self.spots.append(Spot(kind, start, end, doubt, tuple(self.prefixes)))

    def _arguments(self, start: int, end: int) -> None:
        """Branches that a macro is given to make a statement of: `prefixed call *%rax`."""
        for found in _ARGUMENT_BRANCH.finditer(self.text, start, end):
            place = self.place()
            self.spots.append(Spot("STATEMENT", found.start(1), found.end(1), place, ()))


def base_name(function: str) -> str:
    """The name of the function that `function` is a cold or cloned part of."""
    return function.partition(".cold")[0]
