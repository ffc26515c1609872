"""A marker's stub as decoded instructions: the test of a key as it was, and where both ways lead."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Code, ConditionCode, Decoder, FlowControl, Instruction, OpKind

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
