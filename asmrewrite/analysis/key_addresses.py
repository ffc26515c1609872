"""Which registers hold the address of a key, whatever way control came, and which key a memory operand names."""

from __future__ import annotations

import re

from asmrewrite.analysis.registers import ARGUMENTS, NAMES, WHOLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.body import Body, Instruction

    #: Whole register -> the symbol that it holds the address of.
    State = dict[str, str]

_ATT_SYMBOL = re.compile(r'("?[A-Za-z_.$][\w.$]*"?)(@GOTPCREL)?\(%rip\)\Z', re.IGNORECASE | re.ASCII)
_INTEL_SYMBOL = re.compile(
    r"(?:([bq])\w* ptr )?(?:\[rip\s*\+\s*([A-Za-z_.$][\w.$]*)(@GOTPCREL)?\]|([A-Za-z_.$][\w.$]*)(@GOTPCREL)?\[rip\])\Z",
    re.IGNORECASE | re.ASCII,
)
_ATT_ADDRESS = re.compile(r'\$("?[A-Za-z_.$][\w.$]*"?)\Z', re.ASCII)
_INTEL_ADDRESS = re.compile(r"offset\s+(?:flat:)?([A-Za-z_.$][\w.$]*)\Z", re.IGNORECASE | re.ASCII)
#: Not the bytes 0x85 and 0xa0, which Python takes for blanks and gas for parts of names.
_BLANKS = re.compile(r"\s+", re.ASCII)
_ADDRESS = {"leaq": "", "lea": "", "movq": "@gotpcrel", "mov": "@gotpcrel"}


def addresses(body: Body, prefixes: tuple[str, ...]) -> list[State]:
    """Before each instruction, which registers hold the address of which key, whatever way control came."""
    count = len(body.instructions)
    if not any(address_of(instruction, prefixes) for instruction in body.instructions):
        return [{}] * count
    states: list[State | None] = [None] * count
    waiting = [0]
    for index in {0, *(entry for entry in body.entries if entry < count)}:
        states[index] = {}
        waiting.append(index)
    while True:
        while waiting:
            index = waiting.pop()
            after = _transfer(body.instructions[index], states[index] or {}, prefixes)
            for there in body.following(index) or ():
                known = states[there]
                met = after if known is None else {r: key for r, key in known.items() if after.get(r) == key}
                if met != known:
                    states[there] = met
                    waiting.append(there)
        # What nothing known leads to may be led to from anywhere.
        missing = next((index for index in range(count) if states[index] is None), None)
        if missing is None:
            return [state or {} for state in states]
        states[missing] = {}
        waiting.append(missing)


def _transfer(instruction: Instruction, state: State, prefixes: tuple[str, ...]) -> State:
    if instruction.kind != "plain":
        lost = frozenset().union(*WHOLE.values()) if instruction.kind == "unknown" else ARGUMENTS | WHOLE["r11"]
        return {r: key for r, key in state.items() if instruction.kind in ("branch", "jump") or not WHOLE[r] & lost}
    after = {r: key for r, key in state.items() if not WHOLE[r] & instruction.effect.writes}
    symbol = address_of(instruction, prefixes)
    operands = ordered(instruction)
    if symbol:
        after[_whole(operands[-1])] = symbol
    elif instruction.head in ("movq", "mov") and len(operands) == 2:
        source, destination = (operand.lstrip("%").lower() for operand in operands)
        if source in state and destination in WHOLE:
            after[destination] = state[source]
    return after


def address_of(instruction: Instruction, prefixes: tuple[str, ...]) -> str:
    """The key whose address the instruction brings to a register.

    `leaq key(%rip), R`, `movq key@GOTPCREL(%rip), R`, and where addresses are known to the linker `movl $key, R`.
    """
    operands = ordered(instruction)
    if len(operands) != 2 or instruction.kind != "plain" or not _whole(operands[1]):
        return ""
    if instruction.head in ("movl", "movq", "movabsq", "mov", "movabs"):
        named = (_INTEL_ADDRESS if instruction.intel else _ATT_ADDRESS).match(operands[0])
        if named and named.group(1).strip('"').startswith(prefixes):
            return named.group(1).strip('"')
    if instruction.head not in _ADDRESS or operands[1].lstrip("%").lower() not in WHOLE:
        return ""
    found = symbol_of(operands[0], instruction.intel)
    if not found or not found[0].startswith(prefixes):
        return ""
    return found[0] if found[1] == _ADDRESS[instruction.head] else ""


def _whole(operand: str) -> str:
    """The 64-bit register that is written by writing `operand`; "" when it is none or only in part."""
    name, parts = NAMES.get(operand.lstrip("%").lower(), ("", frozenset()))
    return name if parts and parts == WHOLE.get(name) else ""


def symbol_of(operand: str, intel: bool) -> tuple[str, str] | None:
    """The symbol and modifier of a memory operand that is one symbol and the instruction pointer."""
    found = (_INTEL_SYMBOL if intel else _ATT_SYMBOL).match(operand)
    if found is None:
        return None
    if not intel:
        return found.group(1).strip('"'), (found.group(2) or "").lower()
    return found.group(2) or found.group(4), (found.group(3) or found.group(5) or "").lower()


def ordered(instruction: Instruction) -> tuple[str, ...]:
    """The operands as AT&T has them: the destination last."""
    operands = tuple(_BLANKS.sub(" ", operand) for operand in instruction.operands)
    return operands[::-1] if instruction.intel else operands
