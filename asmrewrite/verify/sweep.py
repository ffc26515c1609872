"""One sweep over all code of an image: every indirect branch, return and branch to a thunk, decoded by functions.

iced-x86 decodes about 5 million instructions a second; what is asked of each here is one number, its flow control.
Decoding begins anew at each symbol, and one byte behind what does not decode, as objdump has it.
"""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Code, Decoder, DecoderOptions, FlowControl, Instruction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.addresses import Addresses
    from asmrewrite.verify.functions import Functions
    from asmrewrite.verify.image import Section

_LONGEST = 15
#: What is of interest of each instruction.
_INDIRECT = frozenset({FlowControl.INDIRECT_BRANCH, FlowControl.INDIRECT_CALL})
_DIRECT = frozenset({FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH, FlowControl.CALL})
_PASSED_BY = frozenset({FlowControl.NEXT, FlowControl.INTERRUPT, FlowControl.XBEGIN_XABORT_XEND})
#: Near and far, but not those of interrupts and system calls.
_RETURNS = frozenset({
    Code.RETNQ, Code.RETNQ_IMM16, Code.RETND, Code.RETND_IMM16, Code.RETNW, Code.RETNW_IMM16,
    Code.RETFQ, Code.RETFQ_IMM16, Code.RETFD, Code.RETFD_IMM16, Code.RETFW, Code.RETFW_IMM16,
})  # fmt: skip


class Swept(NamedTuple):
    """What a sweep found; instructions have their places (`Addresses`) as `ip`."""

    indirect: list[Instruction]
    returns: list[Instruction]
    #: (instruction, what it leads to) of each direct branch to a thunk.
    to_thunks: list[tuple[Instruction, int | str]]
    #: (from, to) of each direct jump from one function's range into another's.
    crossing: list[tuple[int, int]]
    #: Places of bytes that are no instruction.
    undecoded: list[int]


def sweep(addresses: Addresses, functions: Functions, thunks: frozenset[int | str]) -> Swept:
    """Decode all code sections; `thunks` are the places and undefined symbols of thunks."""
    swept = Swept([], [], [], [], [])
    starts = sorted(functions.starts)
    position = 0
    for section in sorted(functions.sections, key=lambda s: addresses.of(s.number)):
        base, limit = addresses.of(section.number), addresses.of(section.number, len(section.data))
        here = base
        while position < len(starts) and starts[position] <= here:
            position += 1
        while here < limit:
            end = limit
            if position < len(starts) and starts[position] < limit:
                end = starts[position]
                position += 1
            data_end = functions.data.get(here, here)
            if data_end > here:
                here = min(data_end, limit)
                while position < len(starts) and starts[position] <= here:
                    position += 1
                continue
            _Chunk(addresses, section, thunks, swept).decode(here, end)
            here = end
    return swept


def decoder(section: Section, start: int, end: int, base: int) -> Decoder:
    """A decoder of [start, end) of `section`, offsets, whose instructions get places from `base` on."""
    return Decoder(64, section.data[start:end], DecoderOptions.AMD, ip=base + start)


class _Chunk:
    """The code from one symbol to the next."""

    def __init__(self, addresses: Addresses, section: Section, thunks: frozenset[int | str], swept: Swept) -> None:
        self.addresses, self.section, self.thunks, self.swept = addresses, section, thunks, swept
        self.base = addresses.of(section.number)
        self.relocated = addresses.image.relocatable

    def decode(self, start: int, end: int) -> None:
        """Sort the instructions of [start, end)."""
        base, section, swept = self.base, self.section, self.swept
        code = decoder(section, start - base, end - base, base)
        passed_by = _PASSED_BY
        for instruction in code:
            flow = instruction.flow_control
            if flow in passed_by:
                continue
            if flow in _DIRECT:
                self._direct(instruction, flow, start, end)
            elif flow in _INDIRECT:
                swept.indirect.append(instruction)
            elif flow == FlowControl.RETURN:
                self._return(instruction)
            elif instruction.code == Code.INVALID:
                place = instruction.ip
                if place + _LONGEST > end:
                    # An instruction may go on behind a symbol; what follows then begins at the symbol all the same.
                    whole = decoder(section, place - base, place - base + _LONGEST, base).decode()
                    if whole.code != Code.INVALID and whole.next_ip > end:
                        if whole.flow_control in _INDIRECT:
                            swept.indirect.append(whole)
                        return
                swept.undecoded.append(place)
                code.position, code.ip = place - start + 1, place + 1

    def _direct(self, instruction: Instruction, flow: int, start: int, end: int) -> None:
        target: int | str | None = instruction.near_branch_target
        if self.relocated:
            next_ = instruction.next_ip - self.base
            if next_ - 4 in self.addresses.image.relocations(self.section.number):
                target = self.addresses.relative(self.section, next_ - 4, next_)
        if target is None:
            return
        if target in self.thunks:
            self.swept.to_thunks.append((instruction, target))
        elif flow != FlowControl.CALL and isinstance(target, int) and not start <= target < end:
            self.swept.crossing.append((instruction.ip, target))

    def _return(self, instruction: Instruction) -> None:
        if instruction.code in _RETURNS:
            self.swept.returns.append(instruction)
