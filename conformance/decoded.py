"""What a decoder says that instructions read and write: the referee of analysis/effects.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from iced_x86 import Decoder, InstructionInfoFactory, OpAccess, Register, RflagsBits

from asmrewrite import parse
from asmrewrite.analysis.effects import UNKNOWN, Effect, effect
from asmrewrite.analysis.registers import FLAGS, NAMES
from conformance.command import CommandError, run
from conformance.table import Row

#: Bytes; no instruction is longer.
_SLOT = 16
_STATUS = (
    RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF
)  # fmt: skip
_READS = (OpAccess.READ, OpAccess.COND_READ, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE)
_WRITES = (OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE)
_SURE = (OpAccess.WRITE, OpAccess.READ_WRITE)
#: The decoder's numbers of the registers; its R8L is gas's %r8b.
_REGISTERS = {
    value: NAMES[spelled]
    for name, value in vars(Register).items()
    if (spelled := re.sub(r"(r\d+)l\Z", r"\1b", name.lower())) in NAMES
}
#: They end a basic block; analysis/body.py looks at them.
_FLOW = ("call", "jmp", "j", "ret", "loop", "ljmp", "lcall", "lret", "iret", "sysret", "xbegin", "ud2", "hlt", "int")
#: A prefix may be a statement of its own.
_PREFIXES = frozenset({"lock", "rep", "repe", "repz", "repne", "repnz", "notrack", "data16", "rex.w", "rex64", "bnd"})


class Written(NamedTuple):
    """An instruction as it was written."""

    head: str
    operands: tuple[str, ...]
    prefixes: tuple[str, ...]
    intel: bool
    text: str


class Tally(NamedTuple):
    """Distinct instructions held against the decoder, those that are UNKNOWN by mnemonic, and contradictions."""

    instructions: int
    unknown: Counter[str]
    problems: tuple[str, ...]


def written(text: str) -> Iterator[Written]:
    """The distinct instructions of a listing, those left out that lead elsewhere."""
    intel = False
    seen: set[tuple[str, bool]] = set()
    for statement in parse(text).statements(0, len(text)):
        if statement.head.endswith("_syntax"):
            intel = statement.head == ".intel_syntax"
        if statement.kind != "instruction" or statement.head.startswith(_FLOW) or statement.head in _PREFIXES:
            continue
        whole = " ".join([*statement.prefixes, statement.head, ", ".join(statement.operands)])
        if (whole, intel) not in seen:
            seen.add((whole, intel))
            yield Written(statement.head, statement.operands, statement.prefixes, intel, whole)


def tally(instructions: Iterable[Written]) -> Tally:
    """Hold analysis/effects.py against the decoder, for each of `instructions`."""
    made = list(instructions)
    unknown: Counter[str] = Counter()
    problems = []
    for instruction, truth in zip(made, truths(made), strict=True):
        claimed = effect(instruction.head, instruction.operands, instruction.prefixes, instruction.intel)
        if claimed is UNKNOWN:
            unknown[instruction.head] += 1
        problems += [f"{instruction.text}: {problem}" for problem in contradictions(claimed, truth)]
    return Tally(len(made), unknown, tuple(problems))


def contradictions(claimed: Effect, truth: Effect) -> Iterator[str]:
    """What is claimed and not so."""
    if truth.reads - claimed.reads:
        yield f"reads {sorted(truth.reads - claimed.reads)} as well"
    if claimed.kills - truth.kills:
        yield f"may keep {sorted(claimed.kills - truth.kills)}"
    if truth.writes - claimed.writes:
        yield f"may write {sorted(truth.writes - claimed.writes)} as well"


def truths(instructions: list[Written]) -> Iterator[Effect]:
    """The effect of each, by assembling and decoding it."""
    pieces = [f"\t.balign {_SLOT}, 0xcc\n"]
    for instruction in instructions:
        mode = ".intel_syntax noprefix" if instruction.intel else ".att_syntax prefix"
        pieces.append(f"\t{mode}\n\t{instruction.text}\n\t.att_syntax prefix\n\t.balign {_SLOT}, 0xcc\n")
    code = _assembled("".join(pieces))
    if len(code) != _SLOT * len(instructions):
        raise CommandError(f"{len(instructions)} instructions became {len(code)} bytes")
    for start in range(0, len(code), _SLOT):
        slot = code[start : start + _SLOT]
        length = len(slot.rstrip(b"\xcc"))
        while length < _SLOT and not _is_whole(slot[:length]):  # an operand ends like the padding
            length += 1
        yield decoded(slot[:length])


def decoded(code: bytes) -> Effect:
    """The effect of all instructions of `code` together; `fstcw` and its like are two."""
    factory = InstructionInfoFactory()
    reads: set[str] = set()
    kills: set[str] = set()
    writes: set[str] = set()
    for instruction in Decoder(64, code):
        if instruction.is_invalid:
            raise CommandError(f"the decoder does not know {code.hex(' ')}")
        for used in factory.info(instruction).used_registers():
            parts = _REGISTERS.get(used.register, ("", frozenset()))[1]
            if used.access in _READS:
                reads |= parts
            if used.access in _WRITES:
                writes |= parts
            if used.access in _SURE:
                kills |= parts
        changed = instruction.rflags_modified & _STATUS
        if instruction.rflags_read & _STATUS:
            reads.add(FLAGS)
        if changed:
            writes.add(FLAGS)
        if changed == _STATUS:
            kills.add(FLAGS)
    return Effect(frozenset(reads), frozenset(kills), frozenset(writes))


def _is_whole(code: bytes) -> bool:
    return bool(code) and not any(instruction.is_invalid for instruction in Decoder(64, code))


def _assembled(text: str) -> bytes:
    """The code of `text`; symbols that are nowhere are left to the linker."""
    with TemporaryDirectory() as folder:
        source, target, flat = Path(folder) / "in.s", Path(folder) / "out.o", Path(folder) / "out"
        source.write_text(text, "latin-1")
        for command in (
            ["as", "--64", "-o", str(target), str(source)],
            ["objcopy", "-O", "binary", "-j", ".text", str(target), str(flat)],
        ):
            ran = run(command)
            if ran.status:
                messages = ran.stderr.decode(errors="replace")
                lines = [text.split("\n")[int(n) - 1] for n in re.findall(r"in\.s:(\d+): Error", messages)]
                raise CommandError(f"{messages[:500]}{lines[:5]}")
        return flat.read_bytes()


def report(name: str, counted: Tally) -> Row:
    """Print what was found."""
    for problem in counted.problems:
        print(f"    {problem}")
    common = ", ".join(f"{head} {number}" for head, number in counted.unknown.most_common(12))
    print(f"{name}: {counted.instructions} instructions, {counted.unknown.total()} unknown ({common})", flush=True)
    return Row("effects", counted.instructions, counted.instructions - len(counted.problems))
