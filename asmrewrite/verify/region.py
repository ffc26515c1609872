"""A function with its cold parts as a graph of basic blocks, and what registers hold in it.

A value is asked for backwards: from the place where a register is used to all instructions that may have set it.
Where a way into a block is not known, neither is the value: nothing is guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from iced_x86 import Code, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register
from iced_x86 import RegisterExt as Registers

from asmrewrite.verify.instructions import is_nop
from asmrewrite.verify.sweep import decoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from asmrewrite.verify.addresses import Addresses
    from asmrewrite.verify.functions import Function
    from asmrewrite.verify.image import Section

_WRITES = frozenset({OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE})
_ENDS = frozenset({FlowControl.UNCONDITIONAL_BRANCH, FlowControl.INDIRECT_BRANCH, FlowControl.RETURN,
                   FlowControl.EXCEPTION})  # fmt: skip
_BRANCHES = frozenset({FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH,
                       FlowControl.XBEGIN_XABORT_XEND})  # fmt: skip
_CALLS = frozenset({FlowControl.CALL, FlowControl.INDIRECT_CALL})
#: psABI 3.2.1: what a call may change.
_SCRATCH = frozenset({Register.RAX, Register.RCX, Register.RDX, Register.RSI, Register.RDI, Register.R8, Register.R9,
                      Register.R10, Register.R11})  # fmt: skip
_LOADS = frozenset({Code.MOV_R64_RM64, Code.MOV_RM64_R64})
_IMMEDIATES = frozenset({Code.MOV_R32_IMM32, Code.MOV_R64_IMM64, Code.MOV_RM64_IMM32})
_ADDED = frozenset({Code.ADD_RAX_IMM32, Code.ADD_RM64_IMM32})
#: Instructions that form an address by themselves.
NAMING = _IMMEDIATES | _ADDED | {Code.LEA_R64_M}
_MOST_STEPS = 400_000


class Value(NamedTuple):
    """What a register may hold.

    `kind` is "at" (the address `table`), "word" (an 8-byte word of the table at `table`), "half" (a 4-byte
    distance of that table), "label" (such a distance added to `base`), "given" (a pointer that came whole from
    memory or a caller), "computed" (anything else that an instruction made) or "unknown".
    """

    kind: str
    table: int = 0
    base: int = 0


GIVEN, COMPUTED, UNKNOWN = Value("given"), Value("computed"), Value("unknown")


class Region:
    """The code of one function: `parts` are its ranges, the first of them where it is entered."""

    def __init__(self, addresses: Addresses, parts: Iterable[Function]) -> None:
        self._addresses = addresses
        self.parts = list(parts)
        self.instructions: dict[int, Instruction] = {}
        self._sections: dict[int, Section] = {}
        self._targets: dict[int, int | str | None] = {}
        #: Whether every byte of it is an instruction, and none a branch whose target cannot be told.
        self.sound = True
        for part in self.parts:
            self._decode(part)
        #: Indirect jump -> where it leads, as far as found out.
        self.resolved: dict[int, frozenset[int]] = {}
        #: Places that something unknown may lead to, in the second, strict round.
        self.suspects: frozenset[int] = frozenset()
        self.strict = False
        self._info = InstructionInfoFactory()
        self._written: dict[int, frozenset[int]] = {}
        self._steps = 0
        self._order = sorted(self.instructions)
        self.link()

    def _decode(self, part: Function) -> None:
        located = self._addresses.locate(part.start)
        if located is None:
            self.sound = False
            return
        section, offset = located
        base = part.start - offset
        self._sections[part.start] = section
        for instruction in decoder(section, offset, offset + part.end - part.start, base):
            if instruction.code == Code.INVALID:
                self.sound = False
                return
            self.instructions[instruction.ip] = instruction
            if instruction.flow_control in _BRANCHES:
                next_ = instruction.next_ip - base
                if self._addresses.relocation(section, next_ - 4) is None:
                    self._targets[instruction.ip] = instruction.near_branch_target
                else:
                    self._targets[instruction.ip] = self._addresses.relative(section, next_ - 4, next_)

    def section_of(self, place: int) -> tuple[Section, int]:
        """The section of code at `place`, and the place where it begins."""
        part = self.parts[0].start if len(self.parts) == 1 else max(s for s in self._sections if s <= place)
        section = self._sections[part]
        return section, self._addresses.of(section.number)

    def inside(self, place: int) -> bool:
        """Whether an instruction of it begins at `place`."""
        return place in self.instructions

    # ---- the graph ----------------------------------------------------------------------------------

    def link(self) -> None:
        """Cut it into blocks and link them, by its direct branches and what is resolved."""
        leaders = {part.start for part in self.parts} | self.suspects
        jumps: list[tuple[int, int]] = []
        for place, target in self._targets.items():
            if isinstance(target, int) and self.inside(target):
                leaders.add(target)
                jumps.append((place, target))
        for place, targets in self.resolved.items():
            leaders.update(targets)
            jumps.extend((place, target) for target in targets)
        for place, instruction in self.instructions.items():
            if instruction.flow_control in _ENDS or place in self._targets:
                leaders.add(instruction.next_ip)
        self._leaders = sorted(leader for leader in leaders if self.inside(leader))
        self._before: dict[int, list[int]] = {leader: [] for leader in self._leaders}
        for place, target in jumps:
            self._before[target].append(self._leader(place))
        aimed = {target for _, target in jumps} | self.suspects | {part.start for part in self.parts}
        self._last: dict[int, int] = {}
        bounds = [*self._leaders[1:], None][: len(self._leaders)]
        for leader, following in zip(self._leaders, bounds, strict=True):
            last = self._last_of(leader, following)
            self._last[leader] = last
            instruction = self.instructions[last]
            falls = instruction.flow_control not in _ENDS and instruction.next_ip in self._before
            if falls and (leader in aimed or not self._is_padding(leader, last) or self._before[leader]):
                self._before[instruction.next_ip].append(leader)
        self._sets: dict[int, dict[int, list[int]]] = {}

    def _leader(self, place: int) -> int:
        return self._leaders[bisect_right(self._leaders, place) - 1]

    def _last_of(self, leader: int, following: int | None) -> int:
        index = bisect_right(self._order, following - 1) if following is not None else len(self._order)
        return self._order[index - 1]

    def _is_padding(self, leader: int, last: int) -> bool:
        place = leader
        while place <= last:
            instruction = self.instructions[place]
            if not is_nop(instruction):
                return False
            place = instruction.next_ip
        return True

    def predecessors(self, place: int) -> list[int] | None:
        """The last instructions in front of `place`; None when not all of them are known."""
        leader = self._leader(place)
        if leader != place:
            return [self._order[bisect_right(self._order, place) - 2]]
        if place in self.suspects or any(part.start == place for part in self.parts) or not self._before[place]:
            return None
        return [self._last[block] for block in self._before[place]]

    # ---- values -------------------------------------------------------------------------------------

    def values(self, register: int, place: int) -> frozenset[Value]:
        """What `register` may hold in front of the instruction at `place`."""
        self._steps = 0
        return frozenset(self._ask(register, place, frozenset()))

    def operand_values(self, place: int) -> frozenset[Value]:
        """Where the indirect branch at `place` may lead."""
        instruction = self.instructions[place]
        self._steps = 0
        if instruction.op0_kind == OpKind.REGISTER:
            return self.values(instruction.op0_register, place)
        return frozenset(self._loaded(instruction, "word", frozenset()))

    def _ask(self, register: int, place: int, asked: frozenset[tuple[int, int]]) -> set[Value]:
        if (register, place) in asked or len(asked) > 40:
            return set() if (register, place) in asked else {UNKNOWN}
        asked = asked | {(register, place)}
        found: set[Value] = set()
        todo: list[tuple[int, int]] = [(self._leader(place), place)]
        seen: set[int] = set()
        while todo:
            leader, end = todo.pop()
            self._steps += 1
            if self._steps > _MOST_STEPS:
                return {UNKNOWN}
            setter = self._setter(leader, end, register)
            if setter is not None:
                found |= self._made(setter, register, asked)
                continue
            if leader == self.parts[0].start:
                found.add(GIVEN)
            elif self._unknown_way_in(leader):
                found.add(UNKNOWN)
            for block in self._before[leader]:
                if block not in seen:
                    seen.add(block)
                    todo.append((block, self._last[block] + 1))
        return found

    def _unknown_way_in(self, leader: int) -> bool:
        if leader in self.suspects:
            return True
        entered = any(part.start == leader and ".cold" not in part.name for part in self.parts)
        return entered or (self.strict and not self._before[leader])

    def _setter(self, leader: int, end: int, register: int) -> int | None:
        """The last instruction of the block at `leader`, in front of `end`, that writes `register`."""
        sets = self._sets.get(leader)
        if sets is None:
            sets = self._sets[leader] = {}
            place, last = leader, self._last[leader]
            while place <= last:
                for written in self._writes(place):
                    sets.setdefault(written, []).append(place)
                place = self.instructions[place].next_ip
        places = sets.get(register, ())
        return next((place for place in reversed(places) if place < end), None)

    def _writes(self, place: int) -> frozenset[int]:
        found = self._written.get(place)
        if found is None:
            instruction = self.instructions[place]
            used = self._info.info(instruction).used_registers()
            found = frozenset(Registers.full_register(one.register) for one in used if one.access in _WRITES)
            if instruction.flow_control in _CALLS:
                found |= _SCRATCH
            self._written[place] = found
        return found

    def _made(self, place: int, register: int, asked: frozenset[tuple[int, int]]) -> set[Value]:
        """What the instruction at `place` leaves in `register`."""
        instruction = self.instructions[place]
        code, mnemonic = instruction.code, instruction.mnemonic
        if instruction.flow_control in _CALLS:
            return {GIVEN if register == Register.RAX else UNKNOWN}
        if mnemonic == Mnemonic.POP:
            return {GIVEN}
        if mnemonic == Mnemonic.XCHG:
            return {UNKNOWN}
        if code == Code.CDQE:
            return self._ask(Register.RAX, place, asked)
        if Registers.full_register(instruction.op0_register) != register or instruction.op0_kind != OpKind.REGISTER:
            return {COMPUTED}
        from_register = instruction.op_count == 2 and instruction.op1_kind == OpKind.REGISTER
        source = Registers.full_register(instruction.op1_register) if from_register else Register.NONE
        if code in _LOADS or (code == Code.MOVSXD_R64_RM32) or code in (Code.MOV_R32_RM32, Code.MOV_RM32_R32):
            if from_register:
                return self._ask(source, place, asked)
            return self._loaded(instruction, "word" if code in _LOADS else "half", asked)
        if code == Code.LEA_R64_M:
            return self._address(instruction, asked)
        if code in (Code.ADD_R64_RM64, Code.ADD_RM64_R64) and from_register:
            return _sum(self._ask(register, place, asked), self._ask(source, place, asked))
        if code in _IMMEDIATES:
            return {self._immediate(instruction)}
        if code in _ADDED:
            return _sum(self._ask(register, place, asked), {self._immediate(instruction)})
        if mnemonic in _CMOVS and from_register:
            return self._ask(register, place, asked) | self._ask(source, place, asked)
        return {COMPUTED}

    def _loaded(self, instruction: Instruction, kind: str, asked: frozenset[tuple[int, int]]) -> set[Value]:
        """What a load of the memory operand of `instruction` gives."""
        tables = self._tables(instruction, asked)
        if tables:
            return {Value(kind, table) for table in tables}
        return {GIVEN if kind == "word" else COMPUTED}

    def _tables(self, instruction: Instruction, asked: frozenset[tuple[int, int]]) -> set[int]:
        """The tables that a memory operand with an index reads; empty when that is not certain."""
        if instruction.is_ip_rel_memory_operand or instruction.segment_prefix in (Register.FS, Register.GS):
            return set()
        base, index = instruction.memory_base, instruction.memory_index
        displacement = self.displacement(instruction)
        if isinstance(displacement, int) and (base == Register.NONE) != (index == Register.NONE):
            return {displacement}
        if Register.NONE in (base, index) or (instruction.memory_displ_size == 4 and displacement is not None):
            return set()
        registers = [base, index] if instruction.memory_index_scale == 1 else [base]
        offset = instruction.memory_displacement
        offset -= (1 << 64) if offset >> 63 else 0
        for register in registers:
            values = self._ask(register, instruction.ip, asked)
            if values and all(value.kind == "at" for value in values):
                return {value.table + offset for value in values}
        return set()

    def displacement(self, instruction: Instruction) -> int | str | None:
        """What the displacement of a memory operand leads to as an absolute address."""
        if instruction.memory_displ_size < 4 or instruction.is_ip_rel_memory_operand:
            return None
        section, base = self.section_of(instruction.ip)
        start = instruction.ip - base
        code = decoder(section, start, start + instruction.len, base)
        code.decode()
        field = start + code.get_constant_offsets(instruction).displacement_offset
        return self._addresses.absolute(section, field, instruction.memory_displacement)

    def _address(self, instruction: Instruction, asked: frozenset[tuple[int, int]]) -> set[Value]:
        """What `lea` gives."""
        place = self.named_by(instruction)
        if isinstance(place, int):
            return {Value("at", place)}
        if place is not None:
            return {GIVEN}
        base, index = instruction.memory_base, instruction.memory_index
        plain = instruction.memory_index_scale == 1 and not instruction.memory_displacement
        if Register.NONE not in (base, index) and plain:
            return _sum(self._ask(base, instruction.ip, asked), self._ask(index, instruction.ip, asked))
        return {COMPUTED}

    def _immediate(self, instruction: Instruction) -> Value:
        place = self.named_by(instruction)
        return Value("at", place) if isinstance(place, int) else COMPUTED if place is None else GIVEN

    def named_by(self, instruction: Instruction) -> int | str | None:
        """The place, or the symbol of another file, whose address `lea` or `mov` of a constant forms."""
        lea = instruction.code == Code.LEA_R64_M
        if instruction.code not in NAMING:
            return None
        section, base = self.section_of(instruction.ip)
        start = instruction.ip - base
        code = decoder(section, start, start + instruction.len, base)
        code.decode()
        offsets = code.get_constant_offsets(instruction)
        if not lea:
            return self._addresses.absolute(section, start + offsets.immediate_offset, instruction.immediate(1))
        field = start + offsets.displacement_offset
        if instruction.is_ip_rel_memory_operand:
            return self._addresses.relative(section, field, start + instruction.len)
        if instruction.memory_base == Register.NONE and instruction.memory_index == Register.NONE:
            return self._addresses.absolute(section, field, instruction.memory_displacement)
        return None


_CMOVS = frozenset(getattr(Mnemonic, name) for name in dir(Mnemonic) if name.startswith("CMOV"))  # all conditions


def _sum(left: set[Value], right: set[Value]) -> set[Value]:
    """An address and a distance make a label, whichever is added to which; nothing else is understood."""
    result: set[Value] = set()
    for one in left:
        for other in right:
            at, half = (one, other) if one.kind == "at" else (other, one)
            if UNKNOWN in (one, other):
                result.add(UNKNOWN)
            elif at.kind == "at" and half.kind == "half":
                result.add(Value("label", half.table, at.table))
            else:
                result.add(COMPUTED)
    return result
