"""A function's body: its instructions in order, cold part included, and where each may lead."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from asmrewrite.analysis.effects import UNKNOWN, Effect, effect
from asmrewrite.analysis.registers import NAMES
from asmrewrite.analysis.survey import base_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.proof import Prover
    from asmrewrite.analysis.sections import Section
    from asmrewrite.analysis.survey import Survey
    from asmrewrite.syntax.statement import Statement

_BRANCH = re.compile(r"j(?!mp)[a-z]{1,3}\Z")
#: A symbol; `.` alone is the branch's own place.
_LABEL = re.compile(r'(?!\.\Z)"?[A-Za-z_.$\x80-\xff][\w.$\x80-\xff]*"?(?:@\w+)?\Z')
_PREFIX = re.compile(
    r"(?:lock|rep\w*|data(?:16|32)|addr(?:16|32)|rex\S*|[c-gs]s|notrack|bnd|f?wait|x(?:acquire|release))\Z"
)
_STRING = re.compile(r"(?:movs|stos|cmps|scas|lods|ins|outs)[bwlqd]?\Z")
_LOCAL = re.compile(r"(?<![\w.$])\.L[\w.$]+")
#: Operands in which a register may stand without `%`, or a symbol with its name; in AT&T syntax that is a whole operand
#: or a part of an address.
_NAKED = re.compile(rf"(?:\A|[(,])\s*(?:{'|'.join(NAMES)})\s*(?:[,)]|\Z)", re.IGNORECASE | re.ASCII)
_NAKED_INTEL = re.compile(rf"(?<![\w.$@%])(?:{'|'.join(NAMES)})(?![\w.$@])", re.IGNORECASE)
#: Not `hlt`: a kernel goes on behind it.
_KINDS = {"call": "call", "callq": "call", "jmp": "jump", "jmpq": "jump", "ret": "return", "retq": "return",
          "ud2": "trap"}  # fmt: skip
#: Directives that put nothing into the text but padding.
_EMPTY = re.compile(
    r"\.(?:cfi_|loc|p2align|align|balign|type|size|globl|hidden|weak|local|file|ident|att_|intel_|(?:push|pop|sub)?section|"
    r"text|data|bss|previous|addrsig|set\Z)"
)


class Instruction(NamedTuple):
    """One instruction: its characters [start, end), its words as written.

    `kind` is "plain", "branch" (conditional), "jump", "tail" (a jump that leaves the function), "call", "return",
    "trap", or "unknown" for what may do anything. `target` is the label that a direct branch or jump names; `asm` says
    that it is inline assembly.
    """

    start: int
    end: int
    kind: str
    head: str
    operands: tuple[str, ...]
    effect: Effect
    target: str
    intel: bool
    asm: bool


class Body(NamedTuple):
    """Instructions, and label -> index of the instruction behind it."""

    instructions: tuple[Instruction, ...]
    labels: dict[str, int]
    #: Indices that control may come to from anywhere: their labels' addresses are taken.
    entries: frozenset[int]
    #: Indices that control may come to but from the instruction before: `entries`, and targets of branches.
    labelled: frozenset[int]
    #: The last index of each part.
    ends: frozenset[int]
    #: Indices of landing pads; an instruction that reads memory may throw as well (-fnon-call-exceptions).
    pads: frozenset[int]
    #: Indices before which call frame information changes, or the syntax.
    framed: frozenset[int]
    #: Whether the function says where it ends: the check of translations has nothing else to know that from.
    sized: bool = True

    def following(self, index: int) -> tuple[int, ...] | None:
        """Where control may go from instruction `index`; () when it leaves for good, None when that is not known."""
        instruction = self.instructions[index]
        kind, last = instruction.kind, index in self.ends
        if kind in ("jump", "branch"):
            there = self.labels.get(instruction.target, len(self.instructions))
            if there == len(self.instructions) or (last and kind == "branch"):
                return None
            return (there,) if kind == "jump" else (there, index + 1)
        if kind in ("return", "trap", "tail"):
            return ()
        if last:  # a call at the very end does not return
            return () if kind == "call" else None
        return None if kind == "unknown" else (index + 1,)


def read_body(found: Survey, function: str, prover: Prover, tails: frozenset[int]) -> Body | None:
    """The body of `function`; None when something in it hides instructions: macros, conditions, data.

    `tails` are the positions of indirect jumps that are known to be tail calls.
    """
    reader = _Reader(found, tails)
    # Parts in the order of the text, so that positions grow.
    ends = set()
    for start, end in sorted(prover.extents(base_name(function))):
        if not reader.read(start, end):
            return None
        ends.add(len(reader.instructions) - 1)
    pads = prover.landing_pads()
    labels = reader.labels
    elsewhere = prover.named_elsewhere(base_name(function), labels)
    taken = reader.mentioned | prover.given_by_data() | elsewhere | pads
    # Another file may jump to a name that is not the compiler's.
    entries = frozenset(at for label, at in labels.items() if label in taken or not label.startswith(".L"))
    instructions = tuple(map(reader.settled, reader.instructions))
    return Body(
        instructions,
        labels,
        entries,
        entries | {labels[i.target] for i in instructions if i.target in labels},
        frozenset(ends),
        frozenset(at for label, at in labels.items() if label in pads and at < len(instructions)),
        frozenset(reader.framed),
        prover.is_sized(base_name(function)),
    )


class _Reader:
    def __init__(self, found: Survey, tails: frozenset[int]) -> None:
        self.found = found
        self.tails = tails
        self.starts = [start for start, _ in found.sections]
        self.places = {function.start: function.place for function in found.functions}
        self.instructions: list[Instruction] = []
        self.labels: dict[str, int] = {}
        self.mentioned: set[str] = set()
        self.framed: set[int] = set()
        self.asm = False
        #: The prefix on a line of its own that stands before the next instruction.
        self.prefix = ""

    def read(self, start: int, end: int) -> bool:
        """Read one part; false when it cannot be understood."""
        home = self._section(start)
        place = self.places[start]
        intel, naked = place.intel, not place.prefixed
        for statement in self.found.listing.statements(start, end):
            if statement.comment.startswith(("#APP", "#NO_APP")):
                self.asm = statement.comment.startswith("#APP")
            section = self._section(statement.start)
            here = section is not None and home is not None and section.place == home.place
            if section is None and statement.kind == "instruction":
                return False
            for label in statement.labels if here else ():
                self.labels[label] = len(self.instructions)
            if statement.head.startswith(".cfi_"):
                if not here:
                    return False  # and perhaps under a condition
                self.framed.add(len(self.instructions))
            if statement.head.endswith("_syntax"):
                intel, naked = statement.head == ".intel_syntax", "noprefix" in statement.operands
                self.framed.add(len(self.instructions))
            elif statement.kind == "instruction" and here:
                self._instruction(statement, intel, naked)
            elif statement.prefixes and here:
                self.prefix = statement.prefixes[-1]
            elif statement.kind == "instruction":
                self._mention(statement.operands)
            elif here and statement.kind not in ("empty", "instruction") and not _EMPTY.match(statement.head):
                return False
        # What a label behind the last instruction leads to is not in the text.
        behind = len(self.instructions)
        self.labels = {label: place for label, place in self.labels.items() if place < behind}
        return home is not None and not self.prefix

    def settled(self, instruction: Instruction) -> Instruction:
        """`instruction`, now that all labels are known: a jump to none of them is a tail call, or nothing certain."""
        if instruction.kind != "jump" or instruction.target in self.labels:
            return instruction
        name = instruction.target.lower()
        leaves = instruction.start in self.tails or (name and name not in NAMES and not name.startswith(".l"))
        return instruction._replace(kind="tail" if leaves else "unknown")

    def _instruction(self, statement: Statement, intel: bool, naked: bool) -> None:
        head, operands = statement.head, statement.operands
        kind = _KINDS.get(head) or ("branch" if _BRANCH.match(head) else "plain")
        named = len(operands) == 1 and _LABEL.match(operands[0]) is not None
        target = operands[0] if named and kind in ("branch", "jump") else ""
        # `cs` in front of one is a hint to some processors, and none that a stub's branch could do without.
        if (self.prefix and not (self.prefix.startswith("rep") and _STRING.match(head))) or (
            kind == "branch" and (not target or not {"{disp32}"}.issuperset(statement.prefixes))
        ):
            kind = "unknown"
        # `movl ebx, %eax` reads memory, or `%ebx` where `%` may be left out.
        doubtful = (_NAKED if not intel else _NAKED_INTEL).search
        if kind == "plain" and not (intel and naked) and any(map(doubtful, operands)):
            kind = "unknown"
        if not target:
            self._mention(operands)
        self.prefix = head if not operands and _PREFIX.match(head) else ""
        made = effect(head, operands, statement.prefixes, intel) if kind == "plain" else UNKNOWN
        start = self._start(statement)
        self.instructions.append(Instruction(start, statement.end, kind, head, operands, made, target, intel, self.asm))

    def _mention(self, operands: tuple[str, ...]) -> None:
        for operand in operands:
            self.mentioned.update(_LOCAL.findall(operand))

    def _start(self, statement: Statement) -> int:
        """Where the instruction begins behind its labels."""
        text, position = self.found.listing.text, statement.start
        for label in statement.labels:
            position = text.index(":", text.index(label, position) + len(label)) + 1
        return statement.end - len(text[position : statement.end].lstrip(" \t\f\r\n\v"))

    def _section(self, position: int) -> Section | None:
        return self.found.sections[bisect_right(self.starts, position) - 1][1]
