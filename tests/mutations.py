"""ELF objects taken apart for mutation: what each byte of the file is, and the files with one thing changed.

What may change unnoticed is proven harmless, mutation by mutation: `harmless` gives the reason, one of `UNNOTICED`.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from iced_x86 import Code, Decoder, Instruction, Mnemonic

from asmrewrite import CheckError, Verdict
from asmrewrite.verify.translation import validate_bytes

_HEADER = struct.Struct("<IIQQQQIIQQ")
#: Fields of a section header: name, offset in it, size.
FIELDS = {
    "sh_name": (0, 4), "sh_type": (4, 4), "sh_flags": (8, 8), "sh_addr": (16, 8), "sh_offset": (24, 8),
    "sh_size": (32, 8), "sh_link": (40, 4), "sh_info": (44, 4), "sh_addralign": (48, 8), "sh_entsize": (56, 8),
}  # fmt: skip

#: What may change without an objection, and why that is right.
UNNOTICED = {
    "same dump": "readelf decodes the same debug information from it",
    "under a relocation": "the linker replaces these bytes, whatever they are (RELA keeps the addend apart)",
    "nops": "the padding still is nothing but nops, to the same end, and all that leads into it leads to one of them",
    "between stubs": "nothing leads there, and it still is int3, nops or zeros",
    "same place": "another symbol of the same section, and addend and value add up to the same place",
    "same instructions": "a bit of a prefix that the instruction does not use",
    "advance by 0": "a call frame instruction that does nothing instead of one that does nothing",
    "same bytes": "elsewhere in the file are the same bytes, or it has none",
    "trailing padding": "the section takes in padding behind it",
    "undefined symbol": "type and size of what only our tables name; the linker takes them from the definition",
    "same name": "another place of the string table where the same name stands",
    "name of a stub": "a local symbol that only people read",
    "names": "sh_name of a relocation, symbol or string table: nothing but people reads it",
    "table header": "flags, alignment and addresses of what is not loaded",
    "larger block": "text may be aligned to more, up to 64 bytes",
}

#: Branches of all kinds, tables of jumps and of functions.
PROGRAM = """
struct ops { long (*run)(long); long pad; long (*stop)(long); };
extern long (*get(long))(long);
extern long other(long);
extern long __SCT__event(long);
long (*table[2])(long);
static long twice(long n) { return n * 2; }
static long half(long n) { return n / 2; }
const struct ops ops = { twice, 7, half };
long switched(long n)
{
    switch (n) {
    case 0: return other(3);
    case 1: return n + 5;
    case 2: return other(n) + 9;
    case 3: return 77;
    case 4: return other(5) + n;
    case 5: return n * n;
    default: return 1;
    }
}
long calls(long n) { return get(n)(n) + 3; }
long memory(struct ops *o, long n) { return o->run(n) + 1; }
long tail(struct ops *o, long n) { return o->stop(n); }
long statics(long n) { return __SCT__event(n) + 1; }
void *__SCK__event[2] = { twice, 0 };
"""
THROWING = """
extern long (*get(long))(long);
struct Guard { ~Guard(); long v; };
long guarded(long n)
{
    Guard guard;
    try { n += get(n)(n); } catch (int e) { n = e; } catch (...) { n = -1; }
    return n;
}
"""
#: A function inlined, a loop, calls through a register and through memory, a tail call: ranges, lists of locations.
DEBUGGED = """
struct ops { long (*run)(long); long (*stop)(long); };
extern long (*get(long))(long);
static inline long twice(long n) { long m = get(n)(n) * 2; return m + 1; }
long calls(struct ops *o, long n)
{
    long sum = 0;
    for (long i = 0; i < n; i++)
        sum += twice(o->run(i));
    return sum ? o->stop(sum) : n;
}
"""


#: Functions with sites at their entries: some that call, one of two instructions.
TRACED = """
extern long (*get(long))(long);
long small(long n) { return n + 1; }
long rare(long n) { return get(n)(n) + small(n); }
long calls(long n) { return rare(n) ? get(n)(n) * 3 : small(n); }
"""


class Part(NamedTuple):
    """A section: its name, its place in the file, its header's place, its type, the section that it is about."""

    name: str
    start: int
    size: int
    header: int
    kind: int
    info: int


@dataclass(frozen=True)
class Elf:
    """An object and its sections."""

    data: bytes
    parts: tuple[Part, ...]

    def named(self, name: str) -> Part:
        """The first section called `name`."""
        return next(part for part in self.parts if part.name == name)

    def with_bytes(self, at: int, piece: bytes) -> bytes:
        """The object with `piece` at `at` of the file."""
        return self.data[:at] + piece + self.data[at + len(piece) :]

    def content(self, part: Part) -> bytes:
        """The bytes of a section."""
        return self.data[part.start : part.start + part.size] if part.kind != 8 else b""


def read(data: bytes) -> Elf:
    """Take an object apart."""
    (headers,) = struct.unpack_from("<Q", data, 0x28)
    count, names = struct.unpack_from("<HH", data, 0x3C)
    rows = [_HEADER.unpack_from(data, headers + 64 * index) for index in range(count)]
    strings = rows[names][4]
    return Elf(
        data,
        tuple(
            Part(
                data[strings + row[0] : data.index(b"\0", strings + row[0])].decode(),
                row[4], row[5], headers + 64 * index, row[1], row[7],
            )
            for index, row in enumerate(rows)
        ),
    )  # fmt: skip


def flips(elf: Elf, start: int, size: int, bits: tuple[int, ...] = tuple(range(8))) -> Iterator[tuple[int, int, bytes]]:
    """(place in the range, bit, the object with that bit inverted)."""
    for place in range(size):
        for bit in bits:
            mutated = bytearray(elf.data)
            mutated[start + place] ^= 1 << bit
            yield place, bit, bytes(mutated)


def noticed(original: bytes, mutated: bytes) -> bool:
    """Whether the validator objects: FAIL, UNKNOWN and `CheckError` are all objections."""
    try:
        return validate_bytes(original, mutated, "mutated.o").verdict is not Verdict.PASS
    except CheckError:
        return True


def relocated(elf: Elf, number: int) -> set[int]:
    """The offsets of the section `number` that its relocations fill."""
    found: set[int] = set()
    for part in elf.parts:
        if part.kind == 4 and part.info == number:
            for place, info, _ in struct.iter_unpack("<QQq", elf.content(part)):
                found |= set(range(place, place + (8 if info & 0xFFFFFFFF in (1, 24) else 4)))
    return found


def decoded(data: bytes) -> list[Instruction]:
    """The instructions of `data`."""
    return list(Decoder(64, data))


def is_nop(instruction: Instruction) -> bool:
    """Whether it does nothing."""
    return instruction.mnemonic in (Mnemonic.NOP, Mnemonic.FNOP) or (
        instruction.code == Code.XCHG_R16_AX and str(instruction) in ("xchg ax,ax", "xchg %ax,%ax")
    )


def still_nops(before: bytes, after: bytes, place: int) -> bool:
    """Whether the instruction at `place` was one of a run of nops, and there still are nops, to the same end."""
    start = run = 0
    for instruction in [*decoded(before), None]:
        if instruction is not None and is_nop(instruction):
            start += instruction.len
            continue
        if run <= place < start:
            now = decoded(after[run:start])
            return all(map(is_nop, now)) and sum(i.len for i in now) == start - run
        start += instruction.len if instruction is not None else 0
        run = start
    return False


def target_of(elf: Elf, entry: int) -> tuple[int, int, int]:
    """The section that a relocation leads to, the offset there, and its type."""
    _, info, addend = struct.unpack_from("<QQq", elf.data, entry)
    symbols = next(part for part in elf.parts if part.kind == 2)
    if (info >> 32) * 24 >= symbols.size:
        return -1, 0, 0
    section, value = struct.unpack_from("<HQ", elf.data, symbols.start + 24 * (info >> 32) + 6)
    return section, value + addend, info & 0xFFFFFFFF


@lru_cache(maxsize=2)
def dumped(data: bytes) -> bytes:
    """The debug information of an object as readelf decodes it."""
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        file.write(data)
        file.flush()
        words = "info,abbrev,loc,Ranges,rawline,decodedline,aranges,frames,macro"
        return subprocess.run(
            ["readelf", f"--debug-dump={words}", file.name], capture_output=True, check=False
        ).stdout.replace(file.name.encode(), b"")


def harmless(elf: Elf, number: int, place: int, mutated: bytes, end: int) -> str:
    """The reason why a bit of section `number` may change; "" when there is none."""
    part = elf.parts[number]
    before = elf.content(part)
    after = mutated[part.start : part.start + part.size]
    if place in relocated(elf, number):
        return "under a relocation"
    if part.name.startswith((".debug", ".rela.debug")):
        return "same dump" if dumped(elf.data) == dumped(mutated) else ""
    if part.name == ".text" and still_nops(before, after, place):
        return "nops"
    if part.name == ".text" and place >= end and after[place] in b"\xcc\x90\x00":
        return "between stubs"
    if part.name == ".text" and list(map(str, decoded(before))) == list(map(str, decoded(after))):
        return "same instructions"
    # DW_CFA_advance_loc, and advance_loc1, 2 and 4 with their operands, where DW_CFA_nop pads.
    wide = {0x40: 0, 2: 1, 3: 2, 4: 4}.get(after[place], -1)
    if part.name == ".eh_frame" and wide >= 0 and not any(before[place : place + 1 + wide]):
        return "advance by 0"
    if part.kind == 2:
        name, info, _, index, value = struct.unpack_from("<IBBHQ", before, place // 24 * 24)
        strings = elf.content(next(p for p in elf.parts if p.name == ".strtab"))
        other = int.from_bytes(after[place // 24 * 24 :][:4], "little")
        if place % 24 < 4 and strings[name:].partition(b"\0")[0] == strings[other:].partition(b"\0")[0]:
            return "same name"
        if not index and place % 24 >= 4:
            return "undefined symbol"
        return "name of a stub" if name and place % 24 < 4 and info == 2 and value >= end else ""
    if part.kind == 4:
        entry = part.start + place // 24 * 24
        was, now = target_of(elf, entry), target_of(Elf(mutated, elf.parts), entry)
        if was == now and was[0]:
            return "same place"
    return ""


def survey(original: bytes, elf: Elf, bits: dict[str, tuple[int, ...]], end: int) -> dict[str, Counter[str]]:
    """Section -> how many mutations were noticed, and of the others how many for which reason."""
    found: dict[str, Counter[str]] = {}
    for number, part in enumerate(elf.parts):
        chosen = bits.get(part.name, bits.get("", ()))
        if part.kind == 8 or not part.size or not chosen:
            continue
        counts = found.setdefault(part.name, Counter())
        for place, bit, mutated in flips(elf, part.start, part.size, chosen):
            if noticed(original, mutated):
                counts["noticed"] += 1
                continue
            reason = harmless(elf, number, place, mutated, end)
            assert reason in UNNOTICED, f"{part.name}+{place:#x}, bit {bit}"
            counts[reason] += 1
    return found


def stubs_start(original: bytes, new: bytes) -> int:
    """Where the stubs of .text begin."""
    found = validate_bytes(original, new, "x.o")
    assert found.verdict is Verdict.PASS
    return min(v.stub[0] for v in found.sites if v.stub)
