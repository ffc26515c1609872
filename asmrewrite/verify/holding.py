"""Whether a register surely holds something at some point of a function, whatever way control came there."""

from __future__ import annotations

from iced_x86 import Code, FlowControl, Instruction, Register

from asmrewrite.verify.flow import Flow, parts
from asmrewrite.verify.keytests import whole_register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Place = tuple[int, int]

#: Registers that a callee preserves (psABI 3.2.1).
_SAVED = frozenset({Register.RBX, Register.RBP, Register.R12, Register.R13, Register.R14, Register.R15})
_CALLS = (FlowControl.CALL, FlowControl.INDIRECT_CALL)


def holds(
    flow: Flow,
    ranges: Iterable[tuple[int, int, int]],
    entries: frozenset[Place],
    place: Place,
    register: int,
    loads: Callable[[int, Instruction], bool],
) -> bool:
    """Whether `register` holds at `place` what the instructions bring to it of which `loads` says so.

    `ranges` are the function's parts: section, start, end. `entries` are places that control may come to from anywhere,
    with anything in the register. The answer is no when a path from an entry, or from another write of the register,
    leads to `place` without such a load, and when `place` is in none of the parts. An indirect jump may lead to any
    entry.
    """
    wanted = parts(register)
    without: set[Place] = set()
    boundaries: set[Place] = set()
    for section, start, end in ranges:
        without.add((section, start))
        offset = start
        while offset < end:
            instruction = flow.decode(section, offset)
            if instruction.code == Code.INVALID:
                return False
            boundaries.add((section, offset))
            if _loses(flow, instruction, register) and not loads(section, instruction):
                without.update(_following(flow, section, instruction))
            offset = instruction.next_ip
    without |= entries & boundaries
    waiting = list(without & boundaries)
    while waiting:
        section, offset = waiting.pop()
        instruction = flow.decode(section, offset)
        if flow.reads_and_writes(instruction)[2] & wanted and loads(section, instruction):
            continue
        for after in _following(flow, section, instruction):
            if after in boundaries and after not in without:
                without.add(after)
                waiting.append(after)
    return place in boundaries and place not in without


def _loses(flow: Flow, instruction: Instruction, register: int) -> bool:
    if instruction.flow_control in _CALLS:
        return whole_register(register) not in _SAVED
    return bool(flow.reads_and_writes(instruction)[2] & parts(register))


def _following(flow: Flow, section: int, instruction: Instruction) -> list[Place]:
    control = instruction.flow_control
    after = (section, instruction.next_ip)
    if control in (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.CONDITIONAL_BRANCH):
        there = flow.target(section, instruction)
        ways = [there] if there else []
        return ways if control == FlowControl.UNCONDITIONAL_BRANCH else [*ways, after]
    return [after] if control in (FlowControl.NEXT, *_CALLS) else []
