"""Proofs that do without the compiler's notes: that a jump leaves its function, that `%r11` is free."""

from __future__ import annotations

import re

from asmrewrite.analysis.survey import function_extent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.survey import Place, Survey

_LABEL = re.compile(r"^[ \t]*(\.L[\w$.]+):", re.MULTILINE)
#: A mention of a compiler's label, with the first word of its line.
_MENTION = re.compile(r"^[ \t]*([^\s:]+)[ \t]+([^\n]*\.L[^\n]*)$", re.MULTILINE)
_NAME = re.compile(r"\.L[\w$.]+")
#: Lines that mention a label without letting anybody jump to it: direct branches, sizes, line and frame notes.
_HARMLESS = re.compile(r"j[a-z]+|call\w*|loop\w*|xbegin|\.(?:size|cfi_\w+|loc|uleb128|sleb128|set|type|globl|hidden)")
_NOTES = re.compile(r"\.(?:debug|gcc_except_table|eh_frame|stack|note|comment|llvm|gnu)")
_CFI = re.compile(
    r"\.cfi_(startproc|def_cfa_offset|adjust_cfa_offset|def_cfa_register|def_cfa|remember_state|restore_state)[ \t]*([^\n;#]*)"
)
_STACK_POINTERS = frozenset({"7", "%rsp", "rsp"})
#: How much text behind a call is looked through for the end of its basic block.
_WINDOW = 2000
_R11 = re.compile(r"\br11[bwd]?\b", re.IGNORECASE)
_BLOCK_END = re.compile(r"^(?:[ \t]*[\w.$]+:|[ \t]*(?:j[a-z]+|call\w*|ret\w*|ud2|hlt)\b)", re.MULTILINE)
#: An instruction whose last operand is written without being read.
_WRITES = re.compile(
    r"[ \t]*(?:mov(?!s[bwlqd]?[ \t]*$)\w*|lea\w*|set\w+)[ \t]+(?P<source>.*),[ \t]*%r11d?[ \t]*(?:#.*)?$", re.IGNORECASE
)


class Prover:
    """Proofs about one listing; what is costly to find out is found out once."""

    def __init__(self, found: Survey) -> None:
        self._survey = found
        self._taken: frozenset[str] | None = None
        self._labels: dict[int, bool] = {}

    def leaves_function(self, place: Place, position: int) -> bool:
        """Whether the indirect jump at `position` must be a tail call.

        True when no label of its function has its address taken (then no table and no computed goto can lead
        back into it) and the stack is as it was on entry: the CFA is 8 above the stack pointer. Without call
        frame information gcc's own notes elsewhere in the file must vouch that a compiler wrote it.
        """
        if not place.function or place.asm:
            return False
        start, end = function_extent(self._survey, place, position)
        closed = self._labels.get(start)
        if closed is None:
            labels = set(_LABEL.findall(self._survey.listing.text, start, end))
            closed = self._labels[start] = not (labels & self._address_taken())
        if not closed:
            return False
        if not self._survey.has_cfi:
            return self._survey.annotated
        return self._cfa_offset(start, position) == 8

    def r11_is_free(self, end: int) -> bool:
        """Whether `%r11` is dead behind the call that ends at `end`, as far as its basic block tells.

        The SysV psABI (3.2.1) makes it a scratch register of every call; a block that reads it first was made
        for a callee of another kind.
        """
        block = self._survey.listing.text[end : end + _WINDOW]
        if "r11" not in block and "R11" not in block:
            return True
        for line in block.splitlines():
            if _BLOCK_END.match(line):
                return not _R11.search(line)
            if _R11.search(line.partition("#")[0]):
                found = _WRITES.match(line)
                return found is not None and not _R11.search(found.group("source"))
        return True

    def _address_taken(self) -> frozenset[str]:
        """Compiler labels that some table, immediate or `lea` in code or data gives out."""
        if self._taken is None:
            self._taken = frozenset(self._find_taken())
        return self._taken

    def _find_taken(self) -> set[str]:
        taken: set[str] = set()
        text = self._survey.listing.text
        changes = [*self._survey.sections, (len(text), None)]
        for (start, section), (end, _) in zip(changes, changes[1:], strict=False):
            if section is not None and _NOTES.match(section.name):
                continue
            for found in _MENTION.finditer(text, start, end):
                if not _HARMLESS.fullmatch(found.group(1)) or "*" in found.group(2):
                    taken.update(_NAME.findall(found.group(2).partition("#")[0]))
        return taken

    def _cfa_offset(self, start: int, position: int) -> int | None:
        """Distance of the CFA from the stack pointer at `position` (bytes), None when another register holds it."""
        offset, by_stack, saved = 0, True, [(0, True)]
        for found in _CFI.finditer(self._survey.listing.text, start, position):
            word, argument = found.group(1), found.group(2).strip()
            if word == "startproc":
                offset, by_stack, saved = 8, True, []
            elif word == "def_cfa_offset":
                offset = _number(argument)
            elif word == "adjust_cfa_offset":
                offset += _number(argument)
            elif word == "def_cfa_register":
                by_stack = argument in _STACK_POINTERS
            elif word == "def_cfa":
                register, _, distance = argument.partition(",")
                by_stack, offset = register.strip() in _STACK_POINTERS, _number(distance)
            elif word == "remember_state":
                saved.append((offset, by_stack))
            elif saved:
                offset, by_stack = saved.pop()
        return offset if by_stack else None


def _number(text: str) -> int:
    try:
        return int(text.strip(), 0)
    except ValueError:
        return -(1 << 30)
