"""What single instructions are: padding, direct branches, loads of a target; and when padding may differ."""

from __future__ import annotations

from iced_x86 import Code, Instruction, Mnemonic, OpKind, Register

#: The decoder's names of the registers, by hardware number.
REGISTERS = (
    Register.RAX, Register.RCX, Register.RDX, Register.RBX, Register.RSP, Register.RBP, Register.RSI, Register.RDI,
    Register.R8, Register.R9, Register.R10, Register.R11, Register.R12, Register.R13, Register.R14, Register.R15,
)  # fmt: skip
#: The bytes of an instruction that gas may put as padding (single-byte, long, and what older gas used).
_NOPS = frozenset({Mnemonic.NOP, Mnemonic.FNOP})
#: Prefixes and REX.
LEGACY = frozenset({0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3})
REX_W = range(0x48, 0x50)
PREFIXES = frozenset({*LEGACY, *range(0x40, 0x50)})


def aligned(o: int, o_end: int, n: int, n_end: int) -> bool:
    """Whether [o, o_end) and [n, n_end) are the same padding but for an alignment at its end or at its start."""
    if o_end - o == n_end - n:
        return True
    # `.p2align 4,,10` then `.p2align 3`: each side is as aligned as its own length allowed.
    if o_end - o < (o_end & -o_end or 1) and n_end - n < (n_end & -n_end or 1):
        return True
    rests = ((o_end - o - (-o) % size, n_end - n - (-n) % size) for size in (2, 4, 8, 16, 32, 64))
    return any(rest == other >= 0 for rest, other in rests)


def is_nop(instruction: Instruction) -> bool:
    """Whether `instruction` is what gas pads code with."""
    if instruction.mnemonic in _NOPS:
        return True
    # xchg %ax,%ax
    return instruction.code == Code.XCHG_R16_AX and instruction.op0_register == Register.AX


def segment(instruction: Instruction) -> int:
    """The segment that an operand in memory is in; `%ds` is the default, and with a branch it is `notrack`."""
    segment = instruction.segment_prefix
    return int(Register.NONE if segment == Register.DS else segment)


def is_direct(instruction: Instruction) -> bool:
    return bool(
        instruction.is_call_near
        or instruction.is_jmp_short_or_near
        or instruction.is_jcc_short_or_near
        or instruction.is_jcx_short
        or instruction.is_loop
        or instruction.is_loopcc
        or instruction.mnemonic == Mnemonic.XBEGIN
    )


def is_load_of(branch: Instruction, load: Instruction) -> bool:
    indirect = branch.is_call_near_indirect or branch.is_jmp_near_indirect
    return bool(
        indirect
        and branch.op0_kind == OpKind.MEMORY
        and load.code == Code.MOV_R64_RM64
        and load.op0_register == Register.R11
        and load.op1_kind == OpKind.MEMORY
    )
