"""Tests of keys: the load, comparison and branch that a compiler made of `if (static_branch_unlikely(&key))`.

A key's first byte is 0 when it is off and 1 when it is on. What is looked for begins at a conditional jump: the flags
that it reads are followed back, through comparisons, copies and `set`, to a load of that byte. All that is in one
straight piece of code; only the key's address may come from elsewhere in the function, in a register
(analysis/key_addresses.py).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from asmrewrite.analysis.effects import UNKNOWN, mentioned, parts_of
from asmrewrite.analysis.key_addresses import address_of, addresses, ordered, symbol_of
from asmrewrite.analysis.liveness import is_dead
from asmrewrite.analysis.registers import FLAGS, NAMES, WHOLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asmrewrite.analysis.body import Body, Instruction

#: How far before its branch a test may begin, in instructions.
_REACH = 24


class KeyTest(NamedTuple):
    """A test of a key: indices into the body.

    `chain` are its instructions but the branch, in order; `jumps_on` says whether the branch is taken when the key is
    on. `kept` are registers, whole names, that may be read behind the test, with what they hold where it falls through
    and where it jumps: 0 or 1, and None where nobody reads it.
    """

    symbol: str
    chain: tuple[int, ...]
    branch: int
    jumps_on: bool
    kept: tuple[tuple[str, int | None, int | None], ...]
    #: Whether the branch leads out of the function.
    leaves: bool = False


class Untouchable(NamedTuple):
    """A use of a key at instruction `place` that stays as it is, and why: "value", "apart" or "live"."""

    symbol: str
    place: int
    why: str


#: Numbers as both syntaxes have them, after what says that one is no address in AT&T's.
_ZERO = re.compile(r"0(?:x0)?\Z")
_ONE = re.compile(r"1\Z")
_ATT_BASE = re.compile(r"0?\((%\w+)\)\Z")
_INTEL_BASE = re.compile(r"(?:byte ptr )?0?\[(\w+)(?:\s*\+\s*0)?\]\Z", re.IGNORECASE | re.ASCII)
_COMPARE = re.compile(r"cmp[blwq]?\Z")
_TEST = re.compile(r"test[blwq]?\Z")
_LOAD = re.compile(r"mov(?:b|zb[lwq]|zx)?\Z")
_COPY = re.compile(r"mov[blq]?\Z|movzb[lwq]\Z|movzx\Z")
_SET = {"setne": True, "setnz": True, "sete": False, "setz": False}
_JUMP = {"jne": True, "jnz": True, "je": False, "jz": False}
#: Stores that are not to the last operand, or to none that is written.
_STORES = re.compile(r"(?:movs|stos|scas|cmps|lods)[bwlq]\Z|xchg")
_AND = re.compile(r"and[bl]?\Z")
_XOR = re.compile(r"xor[bl]?\Z")


class _Truth(NamedTuple):
    """What a register or the flags say of a key: through which instructions, and whether they say it the other way."""

    symbol: str
    chain: frozenset[int]
    #: Flags: ZF is set when the key is off. Registers: 0 when it is off.
    zero_off: bool
    #: Registers: nothing but bit 0 is ever set; and what is 0 when the key is off is 0 in all 64 bits.
    bit: bool = False
    whole: bool = False


def key_tests(body: Body, prefixes: tuple[str, ...]) -> tuple[list[KeyTest], list[Untouchable]]:
    """All tests of keys whose symbols begin with one of `prefixes`, and the uses of keys that are no such test."""
    finder = _Finder(body, prefixes)
    tests: list[KeyTest] = []
    refused: list[Untouchable] = []
    for index, instruction in enumerate(body.instructions):
        if instruction.kind == "branch" and instruction.head in _JUMP:
            found = finder.test(index)
            if isinstance(found, KeyTest):
                tests.append(found)
            elif found:
                refused.append(found)
    used = {i for test in tests for i in test.chain} | {untouchable.place for untouchable in refused}
    for index in finder.loads():
        if index not in used:
            refused.append(Untouchable(finder.loaded(index), index, "value"))
    return tests, refused


class _Finder:
    def __init__(self, body: Body, prefixes: tuple[str, ...]) -> None:
        self.body = body
        self.prefixes = prefixes
        self.states = addresses(body, prefixes) if body.sized else [{}] * len(body.instructions)

    def loads(self) -> Iterator[int]:
        """Instructions that read a key's first byte."""
        return (index for index in range(len(self.body.instructions)) if self.loaded(index))

    def loaded(self, index: int) -> str:
        """The key of which `index` reads the first byte; "" when it reads none."""
        instruction = self.body.instructions[index]
        if instruction.kind != "plain" or instruction.asm or not instruction.operands:
            return ""
        operands = ordered(instruction)
        if _COMPARE.match(instruction.head) and len(operands) == 2 and _is_byte(instruction):
            return self._key(index, operands[1])
        if _LOAD.match(instruction.head) and len(operands) == 2 and _is_byte(instruction):
            return self._key(index, operands[0])
        return ""

    def test(self, branch: int) -> KeyTest | Untouchable | None:
        """The test that ends in `branch`; None when it is none of a key."""
        truth = self._asm(branch) if self.body.instructions[branch].asm else self._flags(branch)
        if truth is None:
            return None
        instructions = self.body.instructions
        jumps_on = _JUMP[instructions[branch].head] == truth.zero_off
        first = min(truth.chain)
        chain = self._with_address(truth, branch)
        why = self._between(chain, branch)
        if why:
            return Untouchable(truth.symbol, first, why)
        ways = self._ways(branch)
        if ways is None:
            return Untouchable(truth.symbol, first, "apart")
        jump, fall = ways
        flags = frozenset({FLAGS})
        if not (self._dead(jump, flags) and self._dead(fall, flags)):
            return Untouchable(truth.symbol, first, "live")
        written = _written(instructions[index] for index in chain) - flags
        needed = self._needed(chain)
        kept = []
        for register, parts in WHOLE.items():
            mine = written & parts
            read = [not self._dead(after, mine) for after in (fall, jump)] if mine else [False]
            if not any(read):
                continue
            held = self._register(parts, branch)
            if held is None or not held.whole or parts & needed:
                return Untouchable(truth.symbol, first, "live")
            # On, a key's byte is 1.
            falling = int(jumps_on != held.zero_off)
            kept.append((register, falling if read[0] else None, 1 - falling if read[1] else None))
        return KeyTest(truth.symbol, tuple(sorted(chain)), branch, jumps_on, tuple(kept), jump is None)

    def _ways(self, branch: int) -> tuple[int | None, int] | None:
        """Where `branch` jumps and falls through; None for a jump out of the function, a conditional tail call."""
        following = self.body.following(branch)
        if following is not None:
            return following[0], following[1]
        target = self.body.instructions[branch].target
        leaves = target not in self.body.labels and not target.lower().startswith((".l", '".l')) and bool(target)
        return (None, branch + 1) if leaves and branch not in self.body.ends else None

    def _dead(self, index: int | None, parts: frozenset[str]) -> bool:
        """As `is_dead`; another function may read all but flags."""
        return is_dead(self.body, index, parts) if index is not None else not parts - {FLAGS}

    def _asm(self, branch: int) -> _Truth | None:
        """A test that <asmrewrite/static_key.h> has in inline assembly: a comparison right before its branch."""
        if not branch or branch in self.body.labelled:
            return None
        before = self.body.instructions[branch - 1]
        operands = ordered(before)
        if before.kind != "plain" or not before.asm or not _COMPARE.match(before.head) or len(operands) != 2:
            return None
        if not _is_byte(before) or not _is_number(before, operands[0], _ZERO):
            return None
        symbol = self._key(branch - 1, operands[1])
        return _Truth(symbol, frozenset({branch - 1}), zero_off=True) if symbol else None

    def _with_address(self, truth: _Truth, branch: int) -> frozenset[int]:
        """The chain, with the load of the key's address when nothing else needs that."""
        body = self.body
        found = self._address_load(min(truth.chain))
        ways = self._ways(branch)
        if found is None or ways is None:
            return truth.chain
        chain = truth.chain | {found}
        parts = _written([body.instructions[found]])
        others = any(
            mentioned(body.instructions[i].operands, body.instructions[i].intel) & parts
            for i in range(found + 1, branch)
            if i not in chain
        )
        lost = _written(body.instructions[i] for i in truth.chain) & parts
        dead = all(self._dead(after, parts - lost) for after in ways)
        return truth.chain if others or not dead or self._between(chain, branch) else chain

    def _address_load(self, index: int) -> int | None:
        """The instruction right before `index`, as far as no label stands, that makes the address used there."""
        instruction = self.body.instructions[index]
        for operand in instruction.operands:
            base = (_INTEL_BASE if instruction.intel else _ATT_BASE).match(operand)
            if base is None:
                continue
            parts = parts_of(base.group(1))
            for before in self._back(index):
                other = self.body.instructions[before]
                if other.effect.writes & parts:
                    return before if not other.asm and self._addressed(other) else None
        return None

    def _between(self, chain: frozenset[int], branch: int) -> str:
        """Why the chain cannot be moved down to its branch: something in between needs or changes what it does.

        A stub has the frame of its branch, so the frame must not change in between either.
        """
        instructions = self.body.instructions
        if any(min(chain) < index <= branch for index in self.body.framed):
            return "apart"
        written: frozenset[str] = frozenset()
        needed: frozenset[str] = frozenset()
        made: frozenset[str] = frozenset()
        for index in range(min(chain), branch):
            instruction = instructions[index]
            if index in chain:
                if instruction.asm and (index != branch - 1 or not instructions[branch].asm):
                    return "apart"
                needed |= instruction.effect.reads - made
                made |= instruction.effect.kills
                written |= instruction.effect.writes
                continue
            effect = instruction.effect
            if effect is UNKNOWN or effect.reads & written or effect.writes & (written | needed):
                return "apart"
            if self._stores(instruction):
                return "apart"
        return ""

    def _needed(self, chain: frozenset[int]) -> frozenset[str]:
        """What the chain reads that it has not made itself."""
        needed: frozenset[str] = frozenset()
        made: frozenset[str] = frozenset()
        for index in sorted(chain):
            needed |= self.body.instructions[index].effect.reads - made
            made |= self.body.instructions[index].effect.kills
        return needed

    def _stores(self, instruction: Instruction) -> bool:
        """Whether it may write to a key: through a pointer, that is, and not to the stack or another variable."""
        operands = ordered(instruction)
        if _STORES.match(instruction.head):
            return True
        if not operands or not re.search(r"[(\[]", operands[-1]) or _is_stack(operands[-1]):
            return False
        if _COMPARE.match(instruction.head) or _TEST.match(instruction.head):
            return False
        other = symbol_of(operands[-1], instruction.intel)
        return not other or other[0].startswith(self.prefixes)

    def _flags(self, index: int) -> _Truth | None:
        """What ZF says of a key before instruction `index`."""
        for before in self._back(index):
            instruction = self.body.instructions[before]
            if FLAGS not in instruction.effect.writes:
                continue
            if instruction.asm or FLAGS not in instruction.effect.kills:
                return None
            return self._compared(before, instruction)
        return None

    def _compared(self, index: int, instruction: Instruction) -> _Truth | None:
        operands = ordered(instruction)
        if len(operands) != 2:
            return None
        source, other = operands
        mine = frozenset({index})
        if _COMPARE.match(instruction.head) and _is_number(instruction, source, _ZERO):
            symbol = self._key(index, other) if _is_byte(instruction) else ""
            if symbol:
                return _Truth(symbol, mine, zero_off=True)
            held = self._register(parts_of(other), index)
        elif _TEST.match(instruction.head) and (source == other or _is_number(instruction, source, _ONE)):
            held = self._register(parts_of(other), index)
            if held and source != other and not held.bit:
                return None
        else:
            return None
        if held is None or (not held.whole and len(parts_of(other)) > 1):
            return None
        return _Truth(held.symbol, held.chain | mine, held.zero_off)

    def _register(self, parts: frozenset[str], index: int) -> _Truth | None:
        """What the register with `parts` says of a key before instruction `index`."""
        if not any(part.endswith(".low") for part in parts):
            return None
        for before in self._back(index):
            instruction = self.body.instructions[before]
            if instruction.effect.writes & parts:
                operands = ordered(instruction)
                if instruction.asm or not operands or not parts <= parts_of(operands[-1]):
                    return None
                return self._held(before, instruction, operands)
        return None

    def _held(self, index: int, instruction: Instruction, operands: tuple[str, ...]) -> _Truth | None:
        """What the last operand of instruction `index`, which it writes, then says of a key."""
        head, mine = instruction.head, frozenset({index})
        wide = len(parts_of(operands[-1])) == len(WHOLE["rax"])
        if head in _SET:
            truth = self._flags(index)
            if truth is None:
                return None
            return _Truth(truth.symbol, truth.chain | mine, truth.zero_off == _SET[head], bit=True)
        if len(operands) != 2:
            return None
        symbol = self.loaded(index)
        if symbol:
            return _Truth(symbol, mine, zero_off=True, whole=wide)
        source = parts_of(operands[0])
        widens = head.startswith("movz")
        if _COPY.match(head) and source:
            held = self._register(source, index) if len(source) == 1 or not widens else None
            if held is None or not (held.whole or len(source) == 1):
                return None
            return held._replace(chain=held.chain | mine, whole=wide and (widens or held.whole))
        if (_AND.match(head) or _XOR.match(head)) and _is_number(instruction, operands[0], _ONE):
            held = self._register(parts_of(operands[1]), index)
            if held is None or not held.bit:
                return None
            flipped = _XOR.match(head) is not None
            return held._replace(chain=held.chain | mine, zero_off=held.zero_off != flipped)
        return None

    def _back(self, index: int) -> Iterator[int]:
        """The plain instructions before `index`, the nearest first, as far as one leads straight to the next."""
        for before in range(index - 1, max(-1, index - 1 - _REACH), -1):
            if before + 1 in self.body.labelled or self.body.instructions[before].kind != "plain":
                return
            yield before

    def _key(self, index: int, operand: str) -> str:
        """The key whose first byte is the memory operand `operand` of instruction `index`."""
        instruction = self.body.instructions[index]
        found = symbol_of(operand, instruction.intel)
        if found and not found[1] and found[0].startswith(self.prefixes):
            return found[0]
        base = (_INTEL_BASE if instruction.intel else _ATT_BASE).match(operand)
        if base is None or base.group(1).lstrip("%").lower() not in WHOLE:
            return ""
        return self.states[index].get(base.group(1).lstrip("%").lower(), "")

    def _addressed(self, instruction: Instruction) -> str:
        return address_of(instruction, self.prefixes)


def _is_number(instruction: Instruction, operand: str, number: re.Pattern[str]) -> bool:
    """Whether the operand is this number; in AT&T syntax one without `$` is the address of something."""
    if not instruction.intel and not operand.startswith("$"):
        return False
    return number.match(operand.removeprefix("$")) is not None


def _is_byte(instruction: Instruction) -> bool:
    """Whether the instruction reads one byte of memory."""
    if instruction.intel:
        return any(operand.lower().lstrip().startswith("byte ptr") for operand in instruction.operands) or (
            instruction.head == "mov" and len(parts_of(instruction.operands[0])) == 1
        )
    return instruction.head in ("cmpb", "movb", "movzbl", "movzbw", "movzbq")


def _is_stack(operand: str) -> bool:
    registers = [name for name in re.findall(r"[a-z]\w+", operand.lower()) if name in NAMES]
    return set(registers) == {"rsp"}


def _written(instructions: Iterable[Instruction]) -> frozenset[str]:
    return frozenset().union(*(instruction.effect.writes for instruction in instructions))
