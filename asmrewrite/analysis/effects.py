"""What an instruction does to the general registers and the flags, from its text: enough to prove something dead.

Whatever is not known here is taken to read everything. tests/test_effects.py holds the answers against those of a
decoder, for every instruction of real listings. Source: Intel SDM volume 2, "Flags Affected".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from asmrewrite.analysis.registers import EVERYTHING, FLAGS, NAMES, WHOLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NOTHING: frozenset[str] = frozenset()


class Effect(NamedTuple):
    """Parts (analysis/registers.py) that an instruction reads, and those that it overwrites for sure."""

    reads: frozenset[str]
    kills: frozenset[str]
    #: What it may write, sure or not; a superset of `kills`.
    writes: frozenset[str]


UNKNOWN = Effect(EVERYTHING, _NOTHING, EVERYTHING)

_REGISTER = re.compile(r"%?([a-z][a-z0-9]*)\Z", re.IGNORECASE)
_ATT_REGISTERS = re.compile(r"%([a-z][a-z0-9]*)", re.IGNORECASE)
_WORDS = re.compile(r"(?<![\w.$@])%?([a-z][a-z0-9]*)(?![\w.$@])", re.IGNORECASE)
_VECTOR = re.compile(r"(?<![\w.$@])%?(?:[xyz]?mm\d+|k[0-7]|st(?:\(\d\))?)(?![\w.$@])", re.IGNORECASE)
_COUNT = re.compile(r"\$?(?:0x[0-9a-f]+|[1-9][0-9]*|0)\Z", re.IGNORECASE)


def _table(suffixes: str, words: str) -> set[str]:
    return {word + suffix for word in words.split() for suffix in ("", *suffixes)}


_CONDITION = r"(?:n?(?:[abgl]e?|[cepsoz])|p[eo])"
_MOVES = _table("bwlq", "mov") | _table(
    "",
    "movabs movabsq movzx movsx movsxd movzbl movzbw movzbq movzwl movzwq movsbl movsbw movsbq movswl movswq movslq "
    "movbe lea leal leaq leaw",
)
#: They read and write their last operand, and all status flags.
_CHANGES = _table("bwlq", "add sub and or neg")
_XORS = _table("bwlq", "xor")
_WITH_CARRY = _table("bwlq", "adc sbb")
_SHIFTS = _table("bwlq", "shl sal shr sar")
#: They change some flags, or all at times.
_PARTLY = _table("bwlq", "inc dec rol ror bts btr btc shld shrd")
#: They leave their last operand as it is when the other is 0.
_SCANS = _table("wlq", "bsf bsr")
_ROTATE_CARRY = _table("bwlq", "rcl rcr")
_SILENT = _table("lq", "bswap") | _table("bwlq", "not")
_COMPARES = _table("bwlq", "cmp test")
_TESTS_BIT = _table("wlq", "bt")
_ONE_FLAG = frozenset({"stc", "clc", "std", "cld", "cmc"})
_COUNTS = _table("wlq", "lzcnt tzcnt")
_POPCNT = _table("wlq", "popcnt")
_THREE = _table("lq", "andn bextr blsi blsr blsmsk bzhi")
_THREE_SILENT = _table("lq", "shlx shrx sarx rorx pdep pext")
_IMUL = _table("wlq", "imul")
_MULTIPLY = _table("lq", "mul")
_DIVIDE = _table("lq", "div idiv")
_EXTEND_A = {"cltq", "cdqe", "cwtl", "cwde"}
_EXTEND_D = {"cqto", "cqo", "cltd", "cdq"}
_QUIET = frozenset(
    {"nop", "nopw", "nopl", "endbr64", "pause", "lfence", "mfence", "sfence", "ud2", "hlt", "int3",
     "prefetcht0", "prefetcht1", "prefetcht2", "prefetchnta", "prefetchw", "emms", "vzeroupper", "vzeroall",
     "ldmxcsr", "stmxcsr", "vldmxcsr", "vstmxcsr", "clflush", "movnti", "movntil", "movntiq"}
)  # fmt: skip
_HARMLESS = frozenset({"lock", "{disp32}", "notrack"})
#: A prefix may be a statement of its own.
_REPEATS = frozenset({"rep", "repe", "repz", "repne", "repnz"})
_STRINGS = {
    "movs": ("rsi", "rdi"), "stos": ("rax", "rdi"), "lods": ("rsi", "rax"),
    "scas": ("rax", "rdi"), "cmps": ("rsi", "rdi"),
}  # fmt: skip
_STRINGS = {word + suffix: registers for word, registers in _STRINGS.items() for suffix in "bwlq"}
_EXCHANGES = _table("bwlq", "xchg xadd cmpxchg")
#: Control and debug registers, whose moves leave the flags undefined (SDM 2B, "MOV"), and those that do not exist.
_CONTROL = re.compile(r"%?[cdt]r\d+\Z", re.IGNORECASE)
_SETCC = re.compile(rf"set{_CONDITION}\Z")
_CMOV = re.compile(rf"cmov{_CONDITION}[wlq]?\Z")
#: Vector instructions that set flags, and those with registers that are not written out.
_VECTOR_FLAGS = re.compile(r"v?u?comis[sdh]|v?ptest|vtestp[sd]|kortest|ktest|fu?com(?:ip?|pi)|fcmov")
_VECTOR_ALL_FLAGS = re.compile(r"v?u?comis[sd]\Z|v?ptest\Z|fu?com(?:ip?|pi)\Z")
_VECTOR_ODD = re.compile(r"v?pcmp[ei]str|v?maskmov|fcmov|fxsave|xsave|xrstor|f?n?stsw|v?p?gather|v?p?scatter")
#: Conversions of a number in memory.
_TO_INTEGER = re.compile(r"v?cvtt?s[sdh]2u?si[lq]?\Z")
#: Vector instructions whose last operand may be a general register, which they write.
_TO_GENERAL = re.compile(r"v?(?:mov[dqm]|movmskp[sd]|pmovmskb|cvtt?s[sdh]2u?si|pextr|extractps|kmov)")


@lru_cache(maxsize=20_000)
def effect(head: str, operands: tuple[str, ...], prefixes: tuple[str, ...] = (), intel: bool = False) -> Effect:
    """What the instruction `head` does with `operands`, as written; calls, jumps and returns are not its matter."""
    if any(prefix not in (_REPEATS if head in _STRINGS else _HARMLESS) for prefix in prefixes):
        return UNKNOWN
    ordered = tuple(reversed(operands)) if intel else operands
    if any(_CONTROL.match(operand) for operand in ordered):
        return UNKNOWN
    if any(_VECTOR.search(operand) for operand in ordered) or head.startswith("f"):
        return _vector(head, ordered, intel)
    if head in _MOVES or _TO_INTEGER.match(head) or head in _COUNTS or head in _POPCNT:
        return _written(head, ordered, intel, FLAGS if head in _POPCNT else "", head in _COUNTS)
    if head in _XORS or head in _CHANGES or head in _WITH_CARRY:
        return _changed(head, ordered, intel)
    if head in _COMPARES:
        return _made(mentioned(ordered, intel), {FLAGS}, {FLAGS})
    if head in _SHIFTS:
        counted = len(ordered) == 1 or (_COUNT.match(ordered[0]) and int(ordered[0].lstrip("$"), 0) & 31)
        return _modified(ordered, intel, {FLAGS} if counted else (), {FLAGS})
    if head in _PARTLY or head in _SILENT:
        return _modified(ordered, intel, (), {FLAGS} if head in _PARTLY else ())
    if head in _SCANS:
        return _modified(ordered, intel, (), {FLAGS}, sure=False)
    if head in _ROTATE_CARRY:
        return _modified(ordered, intel, (), {FLAGS}, {FLAGS})
    if head in _TESTS_BIT or head in _ONE_FLAG:
        return _made(mentioned(ordered, intel) | ({FLAGS} if head == "cmc" else _NOTHING), (), {FLAGS})
    if _SETCC.match(head):
        return _with(_written(head, ordered, intel, "", False), reads={FLAGS})
    if _CMOV.match(head):
        return _modified(ordered, intel, (), (), {FLAGS}, sure=False)
    if head in _IMUL and len(ordered) == 3:
        return _with(_written(head, ordered, intel, FLAGS, False))
    if head in _IMUL and len(ordered) == 2:
        return _modified(ordered, intel, {FLAGS}, {FLAGS})
    if head in _THREE or head in _THREE_SILENT:
        return _written(head, ordered, intel, "", head in _THREE)
    return _implied(head, ordered, intel, prefixes)


def _implied(head: str, operands: tuple[str, ...], intel: bool, prefixes: tuple[str, ...]) -> Effect:
    """Instructions with registers that are not written out."""
    rax, rdx = WHOLE["rax"], WHOLE["rdx"]
    narrow = head.endswith(("b", "w")) or any(len(parts_of(operand)) in (1, 2) for operand in operands)
    if head in _QUIET or head.startswith("nop"):
        return _made(mentioned(operands, intel), (), ())
    if head in _REPEATS or (head in _STRINGS and not any(map(parts_of, operands))):  # `movsb %al, %ecx` is a movsx
        return _string(head, bool(prefixes))
    if head in _EXCHANGES and len(operands) == 2:
        return _exchanged(head, operands, intel)
    if head in _EXTEND_A:
        return _made(rax, rax, rax)
    if head in _EXTEND_D:
        return _made(rax, rdx, rdx)
    sized = not intel or (operands and re.match(r"[dq]word|%?[er]", operands[0], re.IGNORECASE))
    if len(operands) == 1 and not narrow and sized:
        if head in _MULTIPLY or head in _IMUL:
            return _made(mentioned(operands, intel) | rax, rax | rdx | {FLAGS}, rax | rdx | {FLAGS})
        if head in _DIVIDE:
            return _made(mentioned(operands, intel) | rax | rdx, rax | rdx, rax | rdx | {FLAGS})
    if head in ("push", "pushq") and operands:
        return _made(mentioned(operands, intel) | WHOLE["rsp"], (), WHOLE["rsp"])
    if head in ("pop", "popq") and operands and parts_of(operands[0]):
        return _made(WHOLE["rsp"], parts_of(operands[0]), parts_of(operands[0]) | WHOLE["rsp"])
    if head in ("leave", "leaveq"):
        return _made(WHOLE["rbp"], WHOLE["rsp"], WHOLE["rsp"] | WHOLE["rbp"])
    if head in ("rdtsc", "rdpru"):
        return _made(_NOTHING, rax | rdx, rax | rdx) if head == "rdtsc" else UNKNOWN
    return UNKNOWN


def _string(head: str, repeated: bool) -> Effect:
    """String instructions, and `rep` where it is a statement of its own; none writes anything for sure."""
    parts = frozenset().union(*(WHOLE[register] for register in _STRINGS.get(head, ())))
    if repeated or head in _REPEATS:
        parts |= WHOLE["rcx"]
    return _made(parts, (), parts | ({FLAGS} if head.startswith(("scas", "cmps")) else _NOTHING))


def _exchanged(head: str, operands: tuple[str, ...], intel: bool) -> Effect:
    """Both operands are read and written, by `cmpxchg` with %rax, and not for sure."""
    parts = parts_of(operands[0]) | parts_of(operands[1])
    reads = mentioned(operands, intel)
    if head.startswith("cmpxchg"):
        return _made(reads | WHOLE["rax"], {FLAGS}, parts | WHOLE["rax"] | {FLAGS})
    flags = {FLAGS} if head.startswith("xadd") else _NOTHING
    return _made(reads, parts | flags, parts | flags)


def _vector(head: str, operands: tuple[str, ...], intel: bool) -> Effect:
    """Of vector and x87 instructions only general registers and flags matter."""
    if _VECTOR_ODD.match(head) or head.startswith(("call", "jmp", "ret")):
        return UNKNOWN
    changed = {FLAGS} if _VECTOR_FLAGS.match(head) else set()
    sure = {FLAGS} if _VECTOR_ALL_FLAGS.match(head) else set()
    parts = parts_of(operands[-1]) if operands else _NOTHING
    if parts and not _TO_GENERAL.match(head):
        return UNKNOWN
    return _made(mentioned(operands[:-1], intel) | _addressed(operands[-1:], intel), parts | sure, parts | changed)


def _written(head: str, operands: tuple[str, ...], intel: bool, flag: str, partly: bool) -> Effect:
    """The last operand is written, and read only for its address."""
    if len(operands) < (1 if head.startswith("set") else 2):
        return UNKNOWN
    parts = parts_of(operands[-1])
    reads = mentioned(operands[:-1], intel) | _addressed(operands[-1:], intel)
    flags = {flag} if flag else set()
    return _made(reads, parts | flags, parts | flags | ({FLAGS} if partly else set()))


def _changed(head: str, operands: tuple[str, ...], intel: bool) -> Effect:
    """Arithmetic: all status flags, and `xorl %eax, %eax` reads nothing."""
    if len(operands) == 2 and operands[0] == operands[1] and head[:3] in ("xor", "sub"):
        parts = parts_of(operands[1])
        return _made(_NOTHING, parts | {FLAGS}, parts | {FLAGS}) if parts else UNKNOWN
    return _modified(operands, intel, {FLAGS}, {FLAGS}, {FLAGS} if head in _WITH_CARRY else ())


def _modified(
    operands: tuple[str, ...],
    intel: bool,
    kills: Iterable[str],
    writes: Iterable[str],
    reads: Iterable[str] = (),
    sure: bool = True,
) -> Effect:
    """The last operand is read and written."""
    if not operands:
        return UNKNOWN
    parts = parts_of(operands[-1])
    return _made(mentioned(operands, intel) | frozenset(reads), (parts if sure else _NOTHING) | frozenset(kills),
                 parts | frozenset(writes))  # fmt: skip


def _with(made: Effect, reads: Iterable[str] = ()) -> Effect:
    return made._replace(reads=made.reads | frozenset(reads))


def _made(reads: Iterable[str], kills: Iterable[str], writes: Iterable[str]) -> Effect:
    kills = frozenset(kills)
    return Effect(frozenset(reads), kills, frozenset(writes) | kills)


def parts_of(operand: str) -> frozenset[str]:
    """The parts of a register operand; nothing for any other operand."""
    found = _REGISTER.match(operand)
    return NAMES[found.group(1).lower()][1] if found and found.group(1).lower() in NAMES else _NOTHING


def mentioned(operands: tuple[str, ...], intel: bool) -> frozenset[str]:
    """All parts of all registers that `operands` mention."""
    parts: set[str] = set()
    for operand in operands:
        for name in (_WORDS if intel else _ATT_REGISTERS).findall(operand):
            known = NAMES.get(name.lower())
            if known:
                parts |= known[1]
    return frozenset(parts)


def _addressed(operands: tuple[str, ...], intel: bool) -> frozenset[str]:
    """The parts that make the addresses of memory operands."""
    return mentioned(tuple(operand for operand in operands if not parts_of(operand)), intel)
