"""Proofs that do without the compiler's notes: that a jump leaves its function, that `%r11` is free."""

from __future__ import annotations

import re

from asmrewrite.analysis.survey import base_name
from asmrewrite.analysis.views import cfa_offset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from asmrewrite.analysis.survey import Place, Survey

_LABEL = re.compile(r"\n[ \t]*(\.L[\w$.]+):")
_NAME = re.compile(r"\.L[\w$.]+")
#: What stands in front of a label's name in an instruction, on its line or behind a `;`.
_IN_INSTRUCTION = re.compile(r"[ \t]*(?:[\w.$]+:[ \t]*)*[A-Za-z{]")
#: The stubs that an earlier rewriting added; one of `f.cold` is no part of `f`.
_STUB = re.compile(r"\.(?:relpoline|marker)\.\d+\Z")
#: Where a compiler's code gives out the address of a label of its own: `.L3(%rip)`, `.L3[rip]`; `$.L3`;
#: `OFFSET FLAT:.L3`; clang's `offset .L3` and `[rip + .L3]`. Each pattern begins with a literal, which `re` looks
#: for at full speed.
_IN_CODE = (
    re.compile(r"\.L[\w$.]+(?=[-+\w]*[(\[])"),
    re.compile(r"\$\.L[\w$.]+"),
    re.compile(r"OFFSET[^\n,#]*\.L[\w$.]+"),
    re.compile(r"offset[^\n,#]*\.L[\w$.]+"),
    re.compile(r"\[(?:rip[^\n\]#]*)?\.L[\w$.]+"),
)
_IN_TABLE = re.compile(r"\.(?:quad|long|int|value|word|short|hword|[248]byte)[ \t][^\n#]*\.L[^\n#]*")
#: Sections whose tables nobody jumps through.
_NOTES = re.compile(r"\.(?:debug|gcc_except_table|eh_frame|stack|note|comment|llvm)")
_IN_LSDA = re.compile(r"\.uleb128[ \t]+(\.L(?!EH[BE])[\w$.]+)-\.L")
#: How much text behind a call is looked through for the end of its basic block.
_WINDOW = 2000
_R11 = re.compile(r"\br11[bwd]?\b", re.IGNORECASE)
_BLOCK_END = re.compile(r"^(?:[ \t]*[\w.$]+:|[ \t]*(?:j[a-z]+|call\w*|ret\w*|ud2)\b)", re.MULTILINE)
#: An instruction whose last operand is written without being read.
_WRITES = re.compile(
    r"[ \t]*(?:mov(?!s[bwlqd]?[ \t]*$)\w*|lea\w*|set\w+)[ \t]+(?P<source>.*),[ \t]*%r11d?[ \t]*(?:#.*)?$", re.IGNORECASE
)
_GCC = re.compile(r'\t\.ident\t"GCC: \([^"\n]*\) (\d+)\.')
#: An instruction whose last operand (AT&T), only operand or first operand (Intel) is `%r11`, and which writes it.
_SETS = re.compile(
    r"[ \t]*(?:x(?:chg|add)\w*[ \t].*\br11|(?!cmp|test|push|bt[qlw]?[ \t])[a-z]\w*[ \t]+"
    r"(?:(?:.*,)?[ \t]*%r11[bwd]?[ \t]*\Z|r11[bwd]?[ \t]*(?:,|\Z)))",
    re.IGNORECASE,
)


class Prover:
    """Proofs about one listing; what is costly to find out is found out once."""

    def __init__(self, found: Survey) -> None:
        self._survey = found
        self._in_data: frozenset[str] | None = None
        self._pads: frozenset[str] | None = None
        self._closed: dict[str, bool] = {}
        self._parts: dict[str, list[tuple[int, int]]] | None = None
        self._named: dict[str, list[int]] | None = None
        self._unsized: set[str] = set()

    def leaves_function(self, place: Place, position: int) -> bool:
        """Whether the indirect jump at `position` must be a tail call.

        True when no label of its function has its address taken (then no table and no computed goto can lead
        back into it) and the stack is as it was on entry: the CFA is 8 above the stack pointer. Without call
        frame information gcc's own notes elsewhere in the file must vouch for the rest.
        """
        if not place.function or place.asm or not self._survey.compiled:
            return False
        name = base_name(place.function)
        closed = self._closed.get(name)
        if closed is None:
            closed = self._closed[name] = self._is_closed(name)
        if not closed:
            return False
        if not self._survey.has_cfi:
            return self._survey.annotated
        return cfa_offset(self._survey.listing.text, position) == 8

    def r11_is_free(self, end: int) -> bool:
        """Whether `%r11` is dead behind the call that ends at `end`, as far as its basic block tells.

        The SysV psABI (3.2.1) makes it a scratch register of every call; a block that reads it first was made
        for a callee of another kind.
        """
        text = self._survey.listing.text
        if all(text.find(word, end, end + _WINDOW) < 0 for word in ("r11", "R11", ".relpoline.")):
            return True
        for line in text[end : end + _WINDOW].splitlines():
            if ".relpoline." in line:  # a site of an earlier rewriting, through a register that is named in its stub
                return False
            if _BLOCK_END.match(line):
                return not _R11.search(line)
            if _R11.search(line.partition("#")[0]):
                found = _WRITES.match(line)
                return found is not None and not _R11.search(found.group("source"))
        return True

    def r11_is_argument(self, start: int, operand: str) -> bool:
        """Whether `%r11` may carry an argument at the branch at `start`: its basic block writes it before.

        preserve_none passes the eleventh integer there, as no convention of the psABI does. clang has it since 19,
        gcc since 15.
        """
        text = self._survey.listing.text
        window = max(0, start - _WINDOW)
        if (text.find("r11", window, start) < 0 and text.find("R11", window, start) < 0) or _R11.search(operand):
            return False
        ident = _GCC.search(text, max(0, text.rfind("\t.ident\t")))
        if ident is not None and int(ident.group(1)) < 15:
            return False
        for line in reversed(text[window:start].splitlines()[:-1]):
            if _BLOCK_END.match(line):
                return False
            if _SETS.match(line.partition("#")[0]):
                return True
        return False

    def _is_closed(self, name: str) -> bool:
        """Whether nobody can jump into the function `name`, cold part included, but by its own direct branches.

        A compiler gives out the address of a label in the function itself, or in data.
        """
        text = self._survey.listing.text
        labels: set[str] = set()
        given: set[str] = set()
        for start, end in self.extents(name):
            labels.update(_LABEL.findall(text, start, end))
            for pattern in (*_IN_CODE, _IN_TABLE):
                for mention in pattern.findall(text, start, end):
                    given.update(_NAME.findall(mention))
        # The table of -fpatchable-function-entry is of places to patch.
        labels = {label for label in labels if not label.startswith(".LPFE")}
        return not labels or not (labels & given or labels & self.given_by_data())

    def extents(self, name: str) -> list[tuple[int, int]]:
        """The characters of the function `name` and of its cold part: each up to its `.size` or the next function."""
        if self._parts is None:
            self._parts = {}
            functions = self._survey.functions
            ends = [*(function.start for function in functions[1:]), len(self._survey.listing.text)][: len(functions)]
            for function, following in zip(functions, ends, strict=True):
                if _STUB.search(function.name):
                    continue
                sized = self._survey.listing.text.find(f"\t.size\t{function.name},", function.start, following)
                end = following if sized < 0 else sized
                if sized < 0:
                    self._unsized.add(base_name(function.name))
                self._parts.setdefault(base_name(function.name), []).append((function.start, end))
        return self._parts.get(name, [])

    def is_sized(self, name: str) -> bool:
        """Whether all parts of the function `name` say where they end."""
        return bool(self.extents(name)) and name not in self._unsized

    def named_elsewhere(self, name: str, labels: Iterable[str]) -> frozenset[str]:
        """Those of `labels` that instructions outside of the function `name` mention, which no compiler prints."""
        if self._named is None:
            text = self._survey.listing.text
            self._named = {}
            for found in _NAME.finditer(text):
                before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()].rpartition(";")[2]
                if _IN_INSTRUCTION.match(before):
                    self._named.setdefault(found.group(), []).append(found.start())
        parts, named = self.extents(name), self._named
        return frozenset(
            label
            for label in labels
            if any(not any(start <= at < end for start, end in parts) for at in named.get(label, ()))
        )

    def given_by_data(self) -> frozenset[str]:
        """Compiler labels in the tables of all sections but those of debuggers and unwinders."""
        if self._in_data is None:
            text = self._survey.listing.text
            changes = [*self._survey.sections, (len(text), None)]
            found: set[str] = set()
            for (start, section), (end, _) in zip(changes[:-1], changes[1:], strict=True):
                if section is None or not ("x" in section.flags or _NOTES.match(section.name)):
                    for mention in _IN_TABLE.findall(text, start, end):
                        found.update(_NAME.findall(mention))
            self._in_data = frozenset(found)
        return self._in_data

    def landing_pads(self) -> frozenset[str]:
        """Compiler labels that exceptions may lead to, and others of the LSDA's call sites."""
        if self._pads is None:
            text = self._survey.listing.text
            self._pads = frozenset(_IN_LSDA.findall(text) if ".gcc_except_table" in text else ())
        return self._pads
