"""Whether what is in registers and flags at some point can still be read: all paths are followed until it is lost."""

from __future__ import annotations

import re

from asmrewrite.analysis.registers import EVERYTHING, FLAGS, PRESERVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.body import Body, Instruction

#: Steps of all paths together; further than that nothing is proven.
_PATIENCE = 4000
#: Callees that take their arguments elsewhere: retpolines, and the stubs of an earlier rewriting.
_ODD_CALLEE = re.compile(r"__x86_indirect_thunk|__llvm_retpoline|__relpoline|.*\.relpoline\.")


def is_dead(body: Body, index: int, parts: frozenset[str]) -> bool:
    """Whether none of `parts` (analysis/registers.py) is read from instruction `index` on before it is overwritten."""
    waiting = [(index, parts)]
    seen: dict[int, frozenset[str]] = {}
    steps = 0
    while waiting:
        index, parts = waiting.pop()
        parts -= seen.get(index, frozenset())
        if not parts:
            continue
        steps += 1
        if steps > _PATIENCE or index >= len(body.instructions):
            return False
        seen[index] = seen.get(index, frozenset()) | parts
        instruction = body.instructions[index]
        reads, kills = _read_and_lost(instruction)
        if parts & reads:
            return False
        following = body.following(index)
        if following is None:
            return False
        waiting += [(after, parts - kills) for after in following]
        if instruction.kind == "plain":  # a signal handler may throw (-fnon-call-exceptions)
            waiting += [(pad, parts & PRESERVED) for pad in body.pads]
    return True


def _read_and_lost(instruction: Instruction) -> tuple[frozenset[str], frozenset[str]]:
    """What an instruction may read of a function's registers, and what is lost behind it."""
    kind = instruction.kind
    if kind == "plain":
        return instruction.effect.reads, instruction.effect.kills
    if kind == "branch":
        return frozenset({FLAGS} if "cxz" not in instruction.head else EVERYTHING), frozenset()
    if kind in ("jump", "trap"):
        return frozenset(), frozenset()
    if kind == "unknown" or (instruction.operands and _ODD_CALLEE.match(instruction.operands[0])):
        return EVERYTHING, frozenset()
    # A callee may read any register (preserve_none), and keep any (preserve_all); a caller may as well behind a return
    # (clang's regcall returns in ten). Flags are nobody's.
    return EVERYTHING - {FLAGS}, frozenset({FLAGS})
