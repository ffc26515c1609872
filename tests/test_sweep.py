"""Every start offset of a cache line, every kind of site, every block size, both ways of aligning.

The verdict is spoken on raw bytes and on readelf's relocations, not by the project's own checker: each table
address is exactly the instruction, it does not straddle its block, and nothing is padded that need not be.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from asmrewrite import rewrite
from tests.building import IDENT, assemble, instructions, options, relocations, section_bytes

SIBCALL = "\t# 8\t[c=8 l=2]  *sibcall"


class Kind(NamedTuple):
    """A statement that becomes a site: its text, the site's first bytes and size, and bytes in front of it."""

    text: str
    opcode: bytes
    size: int
    lead: int = 0


KINDS = {
    "relpoline call": Kind("call\t*%rax", b"\xe8", 5),
    "relpoline call through memory": Kind("call\t*8(%rbx)", b"\xe8", 5, 4),
    "relpoline jmp": Kind(f"jmp\t*%r12{SIBCALL}", b"\xe9", 5),
    "relpoline thunk": Kind("cs\n\tcall\t__x86_indirect_thunk_r8", b"\xe8", 5),
    "static call": Kind("call\t__SCT__event", b"\xe8", 5),
    "static jmp": Kind("jmp\t__SCT__event", b"\xe9", 5),
    "static jmp to a defined trampoline": Kind("jmp\t__SCT__here", b"\xe9", 5),
    "static jcc": Kind("jne\t__SCT__event", b"\x0f\x85", 6),
    "static jcc to a defined trampoline": Kind("js\t__SCT__here", b"\x0f\x88", 6),
}
BEFORE = {"nothing": "", "a label": ".LB{}:\n", "a numeric label": "7:\n", "a line entry": "\t.loc 1 {} 3\n"}


class Case(NamedTuple):
    """One site of the listing: its kind, what stands before it, and its offset in a cache line."""

    kind: Kind
    before: str
    offset: int


CASES = [Case(*case) for case in product(KINDS.values(), BEFORE.values(), range(64))]
HEAD = '\t.file 1 "x.c"\n\t.text\n\t.type\tf, @function\nf:\n\t.cfi_startproc\n'
TAIL = (
    "\t.cfi_endproc\n\t.size\tf, .-f\n\t.type\t__SCT__here, @function\n__SCT__here:\n\tjmp\there\n"
    "\t.size\t__SCT__here, .-__SCT__here\n"
)


def listing() -> str:
    """All cases, each from the start of a cache line on, with int3 behind its site."""
    pieces = [HEAD]
    for number, case in enumerate(CASES):
        before = case.before.format(number + 1)
        padding = "\tnop\n" * case.offset  # not .skip: behind data a branch is left alone
        pieces.append(f"\t.p2align 6, 0x90\n{padding}{before}\t{case.kind.text}\n\tint3\n")
    return "".join([*pieces, TAIL, IDENT])


def site_offsets(path: Path) -> list[int]:
    """The offsets in .text that the table's records name, in the order of .text."""
    fields = relocations(path, "asmrewrite_sites")
    return sorted(field.addend for field in fields if field.offset % 24 == 0 and field.symbol == ".text")


@pytest.mark.parametrize("align", ["bundle", "p2align"])
@pytest.mark.parametrize("mode", [3, 4, 5, 6])
def test_sweep(mode: int, align: str, tmp_path: Path) -> None:
    result = rewrite(listing(), options(f"bundle={mode} align={align} targets=1"))
    assert len(result.sites) == len(CASES) and not result.skips
    made = assemble(result.text, tmp_path / "sweep.o")
    text = section_bytes(made, ".text")
    offsets = site_offsets(made)
    assert len(offsets) == len(CASES)
    block, base = 1 << mode, 0
    for number, (case, site) in enumerate(zip(CASES, offsets, strict=True)):
        kind = case.kind
        where = f"case {number}: {kind.text!r} at offset {case.offset}"
        start = base + case.offset + kind.lead
        needed = 0 if start % block + kind.size <= block else -start % block
        assert site == start + needed, f"{where}: {site - start} bytes of padding, not {needed}"
        assert site % block + kind.size <= block, f"{where}: straddles"
        assert text[site : site + len(kind.opcode)] == kind.opcode, f"{where}: {text[site : site + 6].hex()}"
        assert text[site + kind.size] == 0xCC, f"{where}: something stands behind the site"
        base = (site + kind.size + 1 + 63) & ~63


def test_padding_is_nops(tmp_path: Path) -> None:
    """What fills the gaps is executed, so it is nops and nothing else."""
    for align in ("bundle", "p2align"):
        result = rewrite(listing(), options(f"bundle=6 align={align} targets=1"))
        made = assemble(result.text, tmp_path / "sweep.o")
        sites = set(site_offsets(made))
        allowed = ("nop", "cs nop", "cs nop", "xchg   %ax,%ax", "int3", "mov    0x8(%rbx),%r11")
        end = max(sites)
        others = {
            text for offset, _, text in instructions(made, ".text")
            if offset < end and offset not in sites and not text.replace("data16 ", "").startswith(allowed)
        }  # fmt: skip
        assert others == set()


def test_a_sweep_can_fail(tmp_path: Path) -> None:
    """Without alignment the very same listing has straddling calls: the sweep does look."""
    made = assemble(listing(), tmp_path / "plain.o")
    fields = relocations(made, ".text")
    calls = [field.offset - 1 for field in fields if field.symbol == "__SCT__event"]
    assert any(call % 64 + 5 > 64 for call in calls)
