"""Machine code as a graph, to prove that what registers and flags hold at some point is never read again.

The decoder says what each instruction reads and writes; nothing of asmrewrite/analysis is used, so that both must be
wrong in the same way for a wrong proof.
"""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Code, Decoder, FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register, RegisterExt

from asmrewrite.verify.image import FUNCTIONS, Location
from asmrewrite.verify.keytests import whole_register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from asmrewrite.verify.image import Image

#: The status flags together; all six must be written before what they held is lost.
FLAGS = Register.NONE
_STATUS = 0x3F
_PATIENCE = 20_000
_READS = frozenset({OpAccess.READ, OpAccess.COND_READ, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE})
_WRITES = frozenset({OpAccess.WRITE, OpAccess.READ_WRITE})
_MAY_WRITE = _WRITES | {OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}
_HIGH = frozenset({Register.AH, Register.BH, Register.CH, Register.DH})
#: Results, and what a callee preserves (psABI 3.2.1).
_RETURNED = (
    Register.RAX, Register.RDX, Register.RBX, Register.RBP, Register.RSP, Register.R12, Register.R13, Register.R14,
    Register.R15,
)  # fmt: skip


class Part(NamedTuple):
    """A byte-wise part of a 64-bit register: bit 0 for the lowest byte, 1 for the second, 2 for the rest."""

    register: int
    bit: int


def parts(register: int) -> frozenset[Part]:
    """The parts of a general register of any size; nothing for other registers."""
    whole = whole_register(register)
    if not RegisterExt.is_gpr(register):  # type: ignore[arg-type]  # a number, as the decoder gives it
        return frozenset()
    size = RegisterExt.size(register)  # type: ignore[arg-type]  # the same
    bits = (1,) if register in _HIGH else (0,) if size == 1 else (0, 1) if size == 2 else (0, 1, 2)
    return frozenset(Part(whole, bit) for bit in bits)


_FLAG_PART = Part(FLAGS, 0)
FLAG_PARTS = frozenset({_FLAG_PART})
_RETURNED_PARTS = frozenset().union(*(parts(register) for register in _RETURNED))


class Flow:
    """The code of an object, decoded where it is asked for.

    `tails` are places (section, offset) of indirect jumps that are known to leave their functions.
    """

    def __init__(self, image: Image, tails: Iterable[tuple[int, int]] = ()) -> None:
        self.image = image
        self.tails = frozenset(tails)
        self._factory = InstructionInfoFactory()
        self._decoders: dict[int, Decoder] = {}
        self._ends = frozenset(
            (symbol.section, symbol.value + symbol.size) for symbol in image.symbols if symbol.kind in FUNCTIONS
        )
        self.starts = frozenset((symbol.section, symbol.value) for symbol in image.symbols if symbol.kind in FUNCTIONS)

    def decode(self, section: int, offset: int) -> Instruction:
        """The instruction there; its code is INVALID behind the end."""
        decoder = self._decoders.get(section)
        if decoder is None:
            decoder = self._decoders[section] = Decoder(64, self.image.sections[section].data)
        # A section without bytes in the file, as .bss, is longer than its data.
        decoder.position = min(offset, decoder.max_position)
        decoder.ip = offset
        return decoder.decode()

    def reads_and_writes(self, instruction: Instruction) -> tuple[frozenset[Part], frozenset[Part], frozenset[Part]]:
        """What it may read, what it surely overwrites, and what it may write."""
        reads: set[Part] = set()
        kills: set[Part] = set()
        writes: set[Part] = set()
        for used in self._factory.info(instruction).used_registers():
            touched = parts(used.register)
            if used.access in _READS:
                reads |= touched
            if used.access in _WRITES:
                kills |= touched
            if used.access in _MAY_WRITE:
                writes |= touched
        if instruction.rflags_read & _STATUS:
            reads.add(_FLAG_PART)
        changed = instruction.rflags_modified & _STATUS
        if changed:
            writes.add(_FLAG_PART)
        by_count = instruction.code in _BY_COUNT
        if changed == _STATUS and not by_count:
            kills.add(_FLAG_PART)
        return frozenset(reads), frozenset(kills), frozenset(writes)

    def is_dead(self, start: Location, wanted: frozenset[Part]) -> bool:
        """Whether nothing of `wanted` is read from `start` on before it is overwritten, on any path."""
        waiting = [((start.section, start.offset), wanted)]
        seen: dict[tuple[int, int], frozenset[Part]] = {}
        for _ in range(_PATIENCE):
            if not waiting:
                return True
            place, left = waiting.pop()
            left -= seen.get(place, frozenset())
            if not left:
                continue
            seen[place] = seen.get(place, frozenset()) | left
            following = self._step(place, left)
            if following is None:
                return False
            waiting += following
        return False

    def _step(
        self, place: tuple[int, int], left: frozenset[Part]
    ) -> list[tuple[tuple[int, int], frozenset[Part]]] | None:
        """Where control may go from `place`, with what is left then; None when some of it is read, or may be."""
        section, offset = place
        instruction = self.decode(section, offset)
        if instruction.code == Code.INVALID:
            return None
        flow = instruction.flow_control
        after = (section, instruction.next_ip)
        if flow in (FlowControl.CALL, FlowControl.INDIRECT_CALL):
            # A callee may read and preserve any register; nobody keeps flags.
            left -= FLAG_PARTS
            return None if left else []
        reads, kills, _ = self.reads_and_writes(instruction)
        if flow == FlowControl.RETURN:
            return None if left & (_RETURNED_PARTS | parts(Register.RSP)) else []
        if left & reads:
            return None
        if flow == FlowControl.NEXT or instruction.code == Code.INT3:
            return None if after in self._ends else [(after, left - kills)]
        if flow == FlowControl.EXCEPTION or instruction.code == Code.UD2:
            return []
        if flow not in (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH):
            leaves = flow == FlowControl.INDIRECT_BRANCH and place in self.tails
            return [] if leaves and not left - FLAG_PARTS else None
        there = self.target(section, instruction)
        if there is None:
            return None if left - FLAG_PARTS else []
        ways = [(there, left)]
        return ways if flow == FlowControl.UNCONDITIONAL_BRANCH else [*ways, (after, left)]

    def target(self, section: int, branch: Instruction) -> tuple[int, int] | None:
        """Where a direct branch leads within functions; None when it is a tail call: to a function's start."""
        field = branch.next_ip - (branch.len - 1 if branch.len == 2 else 4)
        if branch.len == 2:
            return section, branch.near_branch_target
        relocation = self.image.relocations(section).get(field)
        if relocation is None:
            return section, branch.near_branch_target
        found = self.image.follow(self.image.sections[section], field, 4)
        if found is None or not found.section:
            return None
        symbol = self.image.symbols[relocation.symbol]
        whole = symbol.name and symbol.kind in FUNCTIONS and symbol.value == found.offset
        # A cold part is a function to the symbol table, and part of the one that jumps there.
        return None if whole and ".cold" not in symbol.name else (found.section, found.offset)


#: Shifts by %cl leave all flags when that is 0.
_BY_COUNT = frozenset(value for name, value in vars(Code).items() if isinstance(value, int) and name.endswith("_CL"))
