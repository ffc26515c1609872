"""The published shapes as decoded instructions: what a stub and a thunk must be (asmrewrite/stubs/shapes.py)."""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.stubs import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Image, Location, Section

CMP_SIZE, JCC_SIZE, JMP_SIZE = 7, 6, 5


class Shape(NamedTuple):
    """What is wrong with a shape ("" when nothing is), and where its slow path leads."""

    problem: str
    slow: Location | None = None


#: What a function's entry is until it is traced, and what may stand before it.
ENTRY_NOP, ENDBR = bytes.fromhex("0f1f440000"), bytes.fromhex("f30f1efa")
#: Or it is the push of a register, by its number; no function begins with that of %rsp.
PUSHES = [bytes([0x41] * (number > 7) + [0x50 + number % 8]) for number in range(16)]
ENTRY_PUSHES = {push.rjust(5, bytes([abi.PADDING_PREFIX])): number for number, push in enumerate(PUSHES) if number != 4}
#: Bytes of padding that keep 5 bytes inside an aligned word of 8.
ENTRY_PADDING = 4


def site_form(section: Section, offset: int) -> str:
    """The form of the instruction of a site at `offset`: "nop", "push", or that of a direct branch."""
    instruction = section.data[offset : offset + 5]
    if instruction in ENTRY_PUSHES:
        return "push"
    return "nop" if instruction == ENTRY_NOP else direct_branch(section, offset)


def entry_problem(section: Section, entry: int, site: int, register: int) -> str:
    """What is wrong with the entry site at `site` of the function at `entry`; "" when it is the published one.

    `register` is the number of the one that it pushes, `abi.NO_REGISTER` for a nop.
    """
    from iced_x86 import Decoder, Mnemonic

    before = section.data[entry:site] if entry <= site else b"?"
    before = before.removeprefix(ENDBR)
    if len(before) > ENTRY_PADDING or any(i.mnemonic != Mnemonic.NOP for i in Decoder(64, before)):
        return "something else than endbr64 and padding stands between the function and its site"
    if ENTRY_PUSHES.get(section.data[site : site + 5], abi.NO_REGISTER) != register:
        return f"the entry makes no sense: register {register}"
    return ""


def direct_branch(section: Section, offset: int) -> str:
    """The form of the direct rel32 branch at `offset`: "call", "jmp", "jcc", or "" for anything else."""
    from iced_x86 import Code, Decoder

    instruction = Decoder(64, section.data[offset : offset + 15]).decode()
    if instruction.len == 5:
        return {Code.CALL_REL32_64: "call", Code.JMP_REL32_64: "jmp"}.get(instruction.code, "")
    return "jcc" if instruction.is_jcc_near and instruction.len == 6 else ""


def stub_shape(image: Image, section: Section, offset: int, register: int, chain: int, slots: Location) -> Shape:
    """A chain of `chain` comparisons of `register` with the slots at `slots`, then a jump to the slow path.

    An untrained slot holds its own address and its entry leads to the slow path; a trained one holds the target that
    its entry leads to.
    """
    from iced_x86 import Code, Decoder

    size = chain * (CMP_SIZE + JCC_SIZE) + JMP_SIZE
    decoded = list(Decoder(64, section.data[offset : offset + size]))
    if len(decoded) != 2 * chain + 1:
        return Shape(f"the stub is not {2 * chain + 1} instructions long")
    place = offset
    last = decoded[-1]
    if last.code != Code.JMP_REL32_64:
        return Shape("the stub does not end in a near jump")
    slow = image.follow(section, offset + size - 4, 4)
    for entry in range(chain):
        compare, jump = decoded[2 * entry], decoded[2 * entry + 1]
        if compare.len != CMP_SIZE or section.data[place : place + 3] != compare_opcode(register):
            return Shape(f"entry {entry} of the stub does not compare {abi_register(register)} with a slot")
        slot = image.follow(section, place + 3, 4)
        if slot is None or slot[:2] != (slots.section, slots.offset + abi.SLOT_SIZE * entry):
            return Shape(f"entry {entry} of the stub compares with something else than slot {entry}")
        if jump.code != Code.JE_REL32_64:
            return Shape(f"entry {entry} of the stub does not jump if equal")
        led, value = (
            image.follow(section, place + CMP_SIZE + 2, 4),
            image.pointer(image.sections[slot.section], slot.offset),
        )
        if value is None:
            return Shape(f"slot {entry} holds no address that is known")
        if led != (slow if value == slot else value):
            where = "its slow path, untrained as it is" if value == slot else "the target in its slot"
            return Shape(f"entry {entry} of the stub leads elsewhere than to {where}")
        place += CMP_SIZE + JCC_SIZE
    return Shape("" if slow is not None else "the slow path cannot be followed", slow)


def compare_opcode(register: int) -> bytes:
    """The bytes of `cmpq SLOT(%rip), REGISTER` in front of its displacement; other encodings say the same."""
    return bytes([0x4C if register >= 8 else 0x48, 0x3B, 0x05 | (register & 7) << 3])


def thunk_problem(section: Section, offset: int, slow: str, register: int, notrack: bool) -> str:
    """What is wrong with the thunk at `offset`; "" when it is the published one."""
    wanted = thunk_bytes(slow, register, notrack)
    if section.data[offset : offset + len(wanted)] != wanted:
        return f"the slow path is not the published {slow} thunk of {abi_register(register)}"
    return ""


def thunk_bytes(slow: str, register: int, notrack: bool) -> bytes:
    """The published bytes of a thunk."""
    rex = b"\x41" if register >= 8 else b""
    jump = (b"\x3e" if notrack else b"") + rex + bytes([0xFF, 0xE0 | (register & 7)])
    if slow == "lfence":
        return b"\x0f\xae\xe8" + jump + b"\xcc"
    if slow == "plain":
        return jump + b"\xcc"
    store = bytes([0x4C if register >= 8 else 0x48, 0x89, 0x04 | (register & 7) << 3, 0x24])
    return b"\xe8\x07\x00\x00\x00\xf3\x90\x0f\xae\xe8\xeb\xf9" + store + b"\xc3\xcc"


def abi_register(number: int) -> str:
    """The name of a register by its hardware number."""
    from asmrewrite.syntax.operand import REGISTERS as NAMES

    return f"%{NAMES[number]}" if number < len(NAMES) else f"register {number}"
