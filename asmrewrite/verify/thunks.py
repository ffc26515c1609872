"""Thunks: the functions that branch to what a register or the stack holds, and how their bodies do it.

A retpoline is known by its shape, wherever it stands and whatever its name: a call over a loop of pause and lfence
that speculation is caught in, to an instruction that puts the target in place of the return address, and a return.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from iced_x86 import Code, FlowControl, Instruction, Mnemonic, OpKind, Register

from asmrewrite.analysis.branches import STACK_THUNKS, THUNK_PREFIXES
from asmrewrite.verify.sweep import decoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.addresses import Addresses
    from asmrewrite.verify.functions import Functions
    from asmrewrite.verify.image import Section

RETURN_THUNK = "__x86_return_thunk"
#: Ours, the compilers' and the kernel's.
_NAMES = (*THUNK_PREFIXES, "__llvm_external_retpoline_", "__llvm_lvi_thunk_", "__relpoline_", RETURN_THUNK)
#: `call` a little ahead, then the loop's first instruction: pause, lfence or int3.
_CALL_OVER = re.compile(rb"\xe8[\x01-\x3f]\x00\x00\x00(?=\xf3\x90|\x0f\xae\xe8|\xcc)")
_LONGEST_BODY = 96


class Thunk(NamedTuple):
    """A thunk: its name ("" for one known by its shape only), its body's protection, and where that ends.

    `protection` is "retpoline", "lfence" or "none"; "" where the body is in another file. `returns` says whether
    it takes its target from the stack, for a function's return.
    """

    name: str
    protection: str
    end: int
    returns: bool


def is_thunk_name(name: str) -> bool:
    """Whether `name` is one that compilers, the kernel or we give a thunk."""
    return name.startswith(_NAMES) or name in STACK_THUNKS


def thunks(addresses: Addresses, functions: Functions) -> dict[int | str, Thunk]:
    """The thunks of an image by place, and those in other files by name."""
    found: dict[int | str, Thunk] = {}
    for section in functions.sections:
        for match in _CALL_OVER.finditer(section.data):
            end, returns = _retpoline(section, match.start())
            if end:
                place = addresses.of(section.number, match.start())
                found[place] = Thunk("", "retpoline", addresses.of(section.number, end), returns)
    for symbol in addresses.image.symbols:
        if is_thunk_name(symbol.name):
            if not symbol.section:
                found[symbol.name] = Thunk(symbol.name, "", 0, symbol.name == RETURN_THUNK)
                continue
            place = addresses.of(symbol.section, symbol.value) if addresses.image.relocatable else symbol.value
            located = addresses.locate(place)
            if located is not None and addresses.is_code(place):
                body = found.get(place) or _plain(addresses, *located)
                function = functions.at(place)
                end = function.end if function is not None and function.start == place else body.end
                found[place] = body._replace(name=symbol.name, end=end)
    return found


def _plain(addresses: Addresses, section: Section, offset: int) -> Thunk:
    """A thunk that is no retpoline: what stands in front of its branch."""
    protection, end = "none", offset
    previous = None
    for instruction in _decoded(section, offset):
        flow, end = instruction.flow_control, instruction.next_ip
        if flow == FlowControl.INDIRECT_BRANCH and instruction.op0_kind == OpKind.REGISTER:
            if previous is not None and previous.mnemonic == Mnemonic.LFENCE:
                protection = "lfence"
            break
        if flow != FlowControl.NEXT:
            break
        previous = instruction
    returns = bool(section.data[offset : offset + 1] == b"\xc3")
    return Thunk("", protection, addresses.of(section.number, end), returns)


def _retpoline(section: Section, offset: int) -> tuple[int, bool]:
    """Where the retpoline at `offset` ends, and whether it is one for returns; (0, False) when it is none."""
    body = _decoded(section, offset)
    call = next(body)
    landing = call.near_branch_target
    for caught in body:
        # Straight ahead there is nothing but the loop, and behind it padding.
        if caught.mnemonic in (Mnemonic.JMP,) and caught.near_branch_target == call.next_ip:
            break
        if caught.mnemonic == Mnemonic.INT3:
            break
        if caught.mnemonic not in (Mnemonic.PAUSE, Mnemonic.LFENCE):
            return 0, False
    else:
        return 0, False
    if not caught.next_ip <= landing <= offset + _LONGEST_BODY:
        return 0, False
    after = _decoded(section, landing)
    put, leave = next(after, None), next(after, None)
    if put is None or leave is None or leave.code != Code.RETNQ:
        return 0, False
    on_stack = put.memory_base == Register.RSP and put.memory_index == Register.NONE
    if put.code == Code.MOV_RM64_R64 and put.op0_kind == OpKind.MEMORY and on_stack and not put.memory_displacement:
        return leave.next_ip, False
    drops = put.code in (Code.ADD_RM64_IMM8, Code.LEA_R64_M) and put.op0_register == Register.RSP
    size = put.immediate8 if put.code == Code.ADD_RM64_IMM8 else put.memory_displacement
    return (leave.next_ip, True) if drops and size == 8 else (0, False)


def _decoded(section: Section, offset: int) -> Iterator[Instruction]:
    return iter(decoder(section, offset, offset + _LONGEST_BODY, 0))
