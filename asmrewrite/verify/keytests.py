"""A marker's stub as decoded instructions: the test of a key as it was, and where both ways lead."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import (
    Code,
    ConditionCode,
    Decoder,
    FlowControl,
    Instruction,
    MemorySizeExt,
    Mnemonic,
    OpKind,
    Register,
    RegisterExt,
)

from asmrewrite.verify.image import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Image, Section

#: Instructions of a test but its branch; the pass looks no further back than that.
_LONGEST = 25
_ZF = (ConditionCode.E, ConditionCode.NE)
_MOVES = (Code.MOV_R32_IMM32, Code.MOV_RM32_IMM32)
#: Bytes of what a jump may set on its way: five a register.
_SETS = 80


def whole_register(register: int) -> int:
    """The number of the 64-bit register that `register` is a part of."""
    return int(RegisterExt.full_register(register))  # type: ignore[arg-type]  # it is a number to the decoder


class KeyStub(NamedTuple):
    """The stub of a marker.

    `chain` are its instructions before the branch, with offsets in its section; `branch` is the branch and `leads`
    where it leads. `sets` are the registers and values that a patched jump sets on its way there, at `landing`. `size`
    is in bytes.
    """

    problem: str
    chain: tuple[Instruction, ...] = ()
    branch: Instruction | None = None
    leads: Location | None = None
    landing: Location | None = None
    sets: tuple[tuple[int, int], ...] = ()
    size: int = 0


def key_stub(image: Image, section: Section, offset: int, behind: int, jump: Location | None) -> KeyStub:
    """The stub at `offset` of the section of its site, which ends at `behind`; a patched site jumps to `jump`."""
    data = section.data
    decoder = Decoder(64, data[offset : offset + 16 * (_LONGEST + 2)], ip=offset)
    chain: list[Instruction] = []
    branch = None
    for instruction in decoder:
        if instruction.is_jcc_short_or_near:
            branch = instruction
            break
        if instruction.flow_control != FlowControl.NEXT or instruction.code == Code.INVALID or len(chain) == _LONGEST:
            return KeyStub("the stub is no test")
        chain.append(instruction.copy())
    if branch is None or branch.condition_code not in _ZF or not chain:
        return KeyStub("the stub is no test that ends in je or jne")
    branch = branch.copy()
    leads = branch_target(image, section, branch)
    back = decoder.decode()
    if back.code != Code.JMP_REL32_64 or branch_target(image, section, back) != Location(section.number, behind):
        return KeyStub("the stub does not lead back behind its site")
    end = back.next_ip
    if leads is None or jump is None:
        return KeyStub("the branch of the stub cannot be followed")
    if jump[:2] == leads[:2]:
        return KeyStub("", tuple(chain), branch, leads, jump, (), end - offset)
    if jump[:2] != (section.number, end):
        return KeyStub("a patched jump would lead elsewhere than the branch of the stub")
    sets: list[tuple[int, int]] = []
    for instruction in Decoder(64, data[end : end + _SETS], ip=end):
        if instruction.code == Code.JMP_REL32_64:
            if branch_target(image, section, instruction) != leads:
                break
            size = instruction.next_ip - offset
            return KeyStub("", tuple(chain), branch, leads, jump, tuple(sets), size)
        if not is_set(instruction):
            break
        sets.append((instruction.op0_register, instruction.immediate32))
    return KeyStub("a patched jump would not lead where the branch of the stub leads")


def is_set(instruction: Instruction) -> bool:
    """Whether it is `movl $0, REG` or `movl $1, REG`."""
    return bool(
        instruction.code in _MOVES and instruction.op0_kind == OpKind.REGISTER and instruction.immediate32 in (0, 1)
    )


def branch_target(image: Image, section: Section, branch: Instruction) -> Location | None:
    """Where a direct branch at its own offset leads, its relocation counted."""
    if branch.len == 2:
        return Location(section.number, branch.near_branch_target)
    found = image.follow(section, branch.next_ip - 4, 4)
    return Location(found.section, found.offset, found.symbol) if found else None


class Unclear(Exception):
    """An instruction of a test that `evaluate` does not know."""


class Values(NamedTuple):
    """What a test leaves behind: ZF, and 64-bit registers of which the value is known or, when None, is not."""

    zero: bool
    registers: dict[int, int | None]


def evaluate(chain: tuple[Instruction, ...], is_key: frozenset[int], on: int, held: dict[int, int]) -> Values:
    """What `chain` computes when the key's byte is `on`, and registers hold what `held` says.

    `is_key` are the offsets of the instructions whose operand in memory is that byte. Raises `Unclear`.
    """
    registers: dict[int, int | None] = dict(held)
    #: Registers of which only the lowest bytes are known -> how many.
    partial: dict[int, int] = {}
    zero: bool | None = None

    def read(instruction: Instruction, operand: int) -> int:
        kind = instruction.op_kind(operand)
        if kind == OpKind.REGISTER:
            register = instruction.op_register(operand)
            whole, size = whole_register(register), RegisterExt.size(register)
            value = registers.get(whole)
            if value is None or register in _HIGH or size > partial.get(whole, 8):
                raise Unclear
            return value & _mask(size)
        if kind == OpKind.MEMORY:
            if instruction.ip not in is_key or MemorySizeExt.size(instruction.memory_size) != 1:
                raise Unclear
            return on
        return int(instruction.immediate(operand))

    def write(instruction: Instruction, value: int | None) -> None:
        register = instruction.op0_register
        whole = whole_register(register)
        size = RegisterExt.size(register)
        if size >= 4:
            partial.pop(whole, None)
        elif register in _HIGH or value is None:
            raise Unclear
        elif (before := registers.get(whole)) is None:
            partial[whole] = size
        else:
            value |= before & ~_mask(size)
        registers[whole] = value

    for instruction in chain:
        mnemonic = instruction.mnemonic
        if mnemonic in (Mnemonic.MOV, Mnemonic.MOVZX) and instruction.op0_kind == OpKind.REGISTER:
            address = instruction.op1_kind == OpKind.MEMORY and instruction.ip not in is_key
            write(instruction, None if address else read(instruction, 1))
        elif mnemonic == Mnemonic.LEA:
            write(instruction, None)
        elif mnemonic in (Mnemonic.CMP, Mnemonic.TEST, Mnemonic.AND, Mnemonic.XOR):
            a, b = read(instruction, 0), read(instruction, 1)
            result = a - b if mnemonic == Mnemonic.CMP else a ^ b if mnemonic == Mnemonic.XOR else a & b
            zero = result == 0
            if mnemonic in (Mnemonic.AND, Mnemonic.XOR):
                if instruction.op0_kind != OpKind.REGISTER:
                    raise Unclear
                write(instruction, result)
        elif mnemonic in (Mnemonic.SETE, Mnemonic.SETNE) and instruction.op0_kind == OpKind.REGISTER:
            if zero is None:
                raise Unclear
            write(instruction, int(zero == (mnemonic == Mnemonic.SETE)))
        else:
            raise Unclear
    if zero is None:
        raise Unclear
    return Values(zero, {register: None if register in partial else value for register, value in registers.items()})


def _mask(size: int) -> int:
    return (1 << 8 * size) - 1


_HIGH = frozenset({Register.AH, Register.BH, Register.CH, Register.DH})
