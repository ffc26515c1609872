"""Translation validation says PASS of what the rewriting makes, and objects to any other difference.

The mutations flip bits of rewritten objects; tests/mutations.py proves harmless what may change unnoticed.
"""

from __future__ import annotations

import struct
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from asmrewrite import Verdict
from asmrewrite import rewrite as rewritten
from asmrewrite.verify.translation import validate, validate_bytes
from tests.building import GCC, GXX, IDENT, PROGRAMS, ROOT, assemble, must, needs_gxx, options
from tests.mutations import (
    DEBUGGED,
    FIELDS,
    PROGRAM,
    THROWING,
    TRACED,
    UNNOTICED,
    Part,
    flips,
    noticed,
    read,
    stubs_start,
    survey,
)  # fmt: skip

OURS = "-fplugin-arg-asmrewrite-"
FLAGS = [
    "-O0", "-O2", "-O3 -ffunction-sections", "-O2 -fno-plt -fPIC", "-O2 -mindirect-branch=thunk", "-Os -fno-pie",
    f"-O2 {OURS}slow=lfence -fcf-protection", f"-O2 {OURS}slow=plain {OURS}align=p2align {OURS}bundle=6",
]  # fmt: skip
C_SOURCES = [
    *(PROGRAMS / f"{name}.c" for name in ("conventions", "static_calls", "static_calls_impl")),
    *sorted((ROOT / "asmrewrite" / "demo").glob("*.c")),
]
CXX_SOURCES = sorted(PROGRAMS.glob("exceptions*.cpp"))


def objections(original: Path, new: Path) -> list[str]:
    """What is not PASS, in words."""
    found = validate(str(original), str(new))
    return [str(v) for v in found.sites if v.verdict is not Verdict.PASS] + [
        str(v) for v in found.sections if v.verdict is not Verdict.PASS
    ]


def compile_both(source: Path, flags: str, folder: Path) -> tuple[Path, Path]:
    """The object of the compiler and that of the wrapper."""
    cxx = source.suffix == ".cpp"
    made = []
    for compiler, words in (
        ("g++" if cxx else "gcc", [word for word in flags.split() if not word.startswith(OURS)]),
        (GXX if cxx else GCC, flags.split()),
    ):
        made.append(folder / f"{source.stem}.{Path(compiler).name}.o")
        must([compiler, *words, "-c", "-o", made[-1], source])
    return made[0], made[1]


# ---- good ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", FLAGS)
def test_c_passes(flags: str, tmp_path: Path) -> None:
    for source in C_SOURCES:
        original, new = compile_both(source, flags, tmp_path)
        assert objections(original, new) == [], source
        assert objections(original, original) == [], source
    assert validate(str(original), str(new)).verdict is Verdict.PASS


@needs_gxx
@pytest.mark.parametrize("flags", FLAGS)
def test_cxx_passes(flags: str, tmp_path: Path) -> None:
    for source in CXX_SOURCES:
        original, new = compile_both(source, flags, tmp_path)
        assert objections(original, new) == [], source
        assert objections(original, original) == [], source


# ---- one thing changed in the assembly --------------------------------------------------------------

LISTING = """
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset 3, -16
	movq	%rdi, %rbx
	addq	$5, %rbx
	call	*%rax
	call	*8(%rbx)
	call	*%rcx
	testq	%rax, %rax
	je	.L2
	xorl	%eax, %eax
	imulq	%rbx, %rax
.L2:
	cmpq	$2, %rdi
	ja	.L3
	leaq	.Ltable(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	addq	%rdx, %rax
	notrack jmp	*%rax	# 8	[c=8 l=2]  *tablejump_1
.L3:
	popq	%rbx
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.size	f, .-f
	.section	.rodata
	.align 4
.Ltable:
	.long	.L2-.Ltable
	.long	.L3-.Ltable
	.long	.L2-.Ltable
	.data
	.quad	f, .L3
"""
#: What changed -> the text before and after.
CHANGES = {
    "immediate": ("addq\t$5, %rbx", "addq\t$6, %rbx"),
    "opcode": ("addq\t$5", "subq\t$5"),
    "swapped": ("movq\t%rdi, %rbx\n\taddq\t$5, %rbx", "addq\t$5, %rbx\n\tmovq\t%rdi, %rbx"),
    "nop of equal length": ("imulq\t%rbx, %rax", "nopl\t0(%rax)"),
    "nops of equal length": ("imulq\t%rbx, %rax", "xchg %ax,%ax; nop"),
    "register of a site": ("call\t*%rcx", "call\t*%rdx"),
    "register of a load": ("call\t*8(%rbx)", "call\t*8(%rdi)"),
    "displacement": ("call\t*8(%rbx)", "call\t*16(%rbx)"),
    "call of a function": ("call\t*%rcx", "call\tf"),
    "call became jump": ("call\t*%rcx", "jmp\t*%rcx\t# 8\t[c=8 l=2]  *sibcall"),
    "into the middle": ("je\t.L2", "je\t.L2+1"),
    "elsewhere": ("je\t.L2", "je\t.L3"),
    "condition": ("je\t.L2", "jne\t.L2"),
    "table entry": (".long\t.L3-.Ltable", ".long\t.L2-.Ltable"),
    "table start": ("leaq\t.Ltable(", "leaq\t.Ltable+4("),
    "data": (".quad\tf, .L3", ".quad\tf, .L2"),
    "data addend": (".quad\tf, .L3", ".quad\tf+1, .L3"),
    "more data": (".quad\tf, .L3", ".quad\tf, .L3, 0"),
    "removed symbol": ("\t.type\tf, @function\n", ""),
    "added symbol": ("\t.data\n", "\t.data\nadded:\n"),
    "global": ("\t.data\n", "\t.data\n\t.globl .Ltable\n"),
    "weak": (".globl\tf", ".weak\tf"),
    "hidden": (".globl\tf", ".globl f; .hidden\tf"),
    "size": (".size\tf, .-f", ".size\tf, .-f-1"),
    "section": ("\t.data\n", '\t.section .more,"aw"\n\t.long 1\n\t.data\n'),
    "section's name": ("\t.data\n", '\t.section .data2,"aw"\n'),
    "alignment": ("\t.align 4\n", "\t.align 8\n"),
    "CFI offset": (".cfi_def_cfa_offset 16", ".cfi_def_cfa_offset 24"),
    "CFI row": ("\tpopq\t%rbx\n\t.cfi_def_cfa_offset 8\n", "\t.cfi_def_cfa_offset 8\n\tpopq\t%rbx\n"),
    "no CFI": ("\t.cfi_offset 3, -16\n", ""),
    "added code": ("\txorl\t%eax, %eax\n", "\txorl\t%eax, %eax\n\tnotq\t%rax\n"),
    "code behind": ("\t.section\t.rodata\n", "\tnotq\t%rax\n\t.section\t.rodata\n"),
}


def both(listing: str, changed: str, folder: Path) -> tuple[Path, Path]:
    """The object of a listing, and that of what another becomes."""
    text = rewritten(changed + IDENT, options("")).text
    return assemble(listing + IDENT, folder / "o.o"), assemble(text, folder / "n.o")


def test_listing_passes(tmp_path: Path) -> None:
    assert objections(*both(LISTING, LISTING, tmp_path)) == []


@pytest.mark.parametrize("what", CHANGES)
def test_changed(what: str, tmp_path: Path) -> None:
    before, after = CHANGES[what]
    assert before in LISTING
    found = objections(*both(LISTING, LISTING.replace(before, after, 1), tmp_path))
    assert found, what


def test_past_the_load(tmp_path: Path) -> None:
    """A jump to a call through memory must lead to its load, not to the call behind it."""
    listing = "f:\tjmp\t1f\n\tnop\n1:\tcall\t*8(%rbx)\n\tret\n\t.size f, .-f\n"
    original, new = both(listing, listing, tmp_path)
    assert objections(original, new) == []
    elf = read(new.read_bytes())
    text = elf.named(".text")
    site = validate(str(original), str(new)).sites[0].offset
    jump = elf.content(text)[0]
    assert jump == 0xEB
    for target in range(2, site + 6):
        mutated = elf.with_bytes(text.start + 1, bytes([target - 2]))
        found = noticed(original.read_bytes(), mutated)
        good = target in (elf.content(text)[1] + 2,) or (target == 2)
        assert found or good, target
    assert noticed(original.read_bytes(), elf.with_bytes(text.start + 1, bytes([site - 2])))


def test_local_call_is_no_site(tmp_path: Path) -> None:
    """A direct call of a local function that becomes a site through a register."""
    before, after = "f:\tcall\tg\n\tret\ng:\tret\n", "f:\tcall\t*%rax\n\tret\ng:\tret\n"
    assert objections(*both(before, after, tmp_path))


def test_memory_in_the_section_itself(tmp_path: Path) -> None:
    """What is read relative to %rip without a relocation must be what was read; what it holds is no static call."""
    listing = "f:\tcall\t*slot(%rip)\n\tret\n\t.balign 8\nslot:\t.quad\tg\n"
    original, new = both(listing, listing, tmp_path)
    assert objections(original, new) == []
    text = rewritten(listing + IDENT, options("")).text
    other = assemble(text.replace("slot(%rip)", "slot+8(%rip)", 1), tmp_path / "other.o")
    assert objections(original, other)
    for where in ("\t.balign 8\n", '\t.section .text.x, "ax"\n'):
        listing = f"f:\tcall\t*__SCT__x(%rip)\n\tret\n{where}__SCT__x:\t.quad\tg\n"
        static = rewritten(listing.replace("*__SCT__x(%rip)", "__SCT__x") + IDENT, options("")).text
        original, new = assemble(listing + IDENT, tmp_path / "o.o"), assemble(static, tmp_path / "static.o")
        found = validate(str(original), str(new))
        assert [v.verdict for v in found.sites] == [Verdict.PASS]
        assert any(v.reason.endswith("that is no entry of the GOT") for v in found.sections)


def test_retargeted(tmp_path: Path) -> None:
    """A site that leads to another site's stub, through another register."""
    original, new = both(LISTING, LISTING, tmp_path)
    elf = read(new.read_bytes())
    sites = [v for v in validate(str(original), str(new)).sites if v.form == "call"]
    text = elf.named(".text")
    one, two = sites[0], sites[2]
    assert one.stub and two.stub
    for offset in (two.stub[0], two.stub[0] + 13, one.stub[0] + 1, 0):
        piece = struct.pack("<i", offset - one.offset - 5)
        assert noticed(original.read_bytes(), elf.with_bytes(text.start + one.offset + 1, piece))


# ---- bit by bit --------------------------------------------------------------------------------------


def report(kind: str, found: dict[str, Counter[str]]) -> None:
    """Print what was noticed, by section."""
    for name, counts in found.items():
        total = sum(counts.values())
        print(f"{kind} {name}: {counts['noticed']} of {total} noticed, {dict(counts)}")


@cache
def objects(text: str, suffix: str, folder: Path) -> tuple[bytes, bytes]:
    """A source text compiled both ways."""
    source = folder / f"x{suffix}"
    source.write_text(text)
    original, new = compile_both(source, "-O2 -fno-ident", folder)
    return original.read_bytes(), new.read_bytes()


@pytest.mark.parametrize("half", [0, 1])
def test_every_bit_of_text(half: int, tmp_path: Path) -> None:
    original, new = objects(PROGRAM, ".c", tmp_path)
    bits = tuple(range(4 * half, 4 * half + 4))
    found = survey(original, read(new), {".text": bits}, stubs_start(original, new))
    report("text", found)
    counts = found[".text"]
    assert counts["noticed"] / counts.total() > 0.5
    assert set(counts) <= {"noticed", "nops", "between stubs", "under a relocation", "same instructions"}


def test_every_byte_of_the_rest(tmp_path: Path) -> None:
    original, new = objects(PROGRAM, ".c", tmp_path)
    bits: dict[str, tuple[int, ...]] = {"": (0,), ".text": (), ".shstrtab": (), ".strtab": ()}
    found = survey(original, read(new), bits, stubs_start(original, new))
    report("rest", found)
    for name in ("asmrewrite_slots", ".data"):
        if name in found:
            assert found[name]["noticed"] == found[name].total(), name
    assert {"asmrewrite_slots", ".eh_frame", ".rodata", ".rela.rodata"} <= set(found)


@pytest.mark.parametrize(("flags", "layout"), [("-Os", "array"), ("-O2 -fcf-protection=branch", "literal")])
def test_every_byte_of_traced_functions(flags: str, layout: str, tmp_path: Path) -> None:
    source = tmp_path / "x.c"
    source.write_text(TRACED)
    ours = f"{flags} -fno-ident {OURS}passes=call-ops {OURS}ops-layout={layout}"
    original, new = (path.read_bytes() for path in compile_both(source, ours, tmp_path))
    bits: dict[str, tuple[int, ...]] = {".text": (0, 6), "asmrewrite_sites": (0, 4), ".relaasmrewrite_sites": (1,)}
    found = survey(original, read(new), bits, len(read(new).content(read(new).named(".text"))))
    report(f"{flags} {layout}", found)
    for name in ("asmrewrite_sites", ".relaasmrewrite_sites"):
        rest = set(found[name]) - {"noticed", "under a relocation", "same place"}
        assert not rest and found[name]["noticed"] > 10


@needs_gxx
def test_every_byte_of_exception_tables(tmp_path: Path) -> None:
    original, new = objects(THROWING, ".cpp", tmp_path)
    names = (".gcc_except_table", ".rela.gcc_except_table", ".eh_frame", ".rela.eh_frame")
    found = survey(original, read(new), {**dict.fromkeys(names, (0, 3, 6)), names[0]: tuple(range(8))}, 0)
    report("exceptions", found)
    assert found[".gcc_except_table"]["noticed"] / found[".gcc_except_table"].total() > 0.9
    assert found[".eh_frame"]["noticed"] / found[".eh_frame"].total() > 0.8


@pytest.mark.parametrize("flags", ["-O2 -g", "-O2 -g -gdwarf-4"])
def test_debug_information(flags: str, tmp_path: Path) -> None:
    """A bit of every byte of it: readelf must decode the same from what passes."""
    source = tmp_path / "x.c"
    source.write_text(DEBUGGED)
    original, new = (path.read_bytes() for path in compile_both(source, flags, tmp_path))
    elf = read(new)
    names = {part.name for part in elf.parts if part.name.startswith(".debug")} - {
        ".debug_str",
        ".debug_line_str",
        ".debug_abbrev",
    }
    found: dict[str, Counter[str]] = {}
    for number, name in enumerate(sorted(names)):
        found |= survey(original, elf, {name: (number % 8,)}, stubs_start(original, new))
    report(flags, found)
    assert {".debug_info", ".debug_line", ".debug_aranges"} < names
    assert set().union(*found.values()) <= {"noticed", "same dump", "under a relocation"}
    assert sum(counts["noticed"] for counts in found.values()) / sum(map(Counter.total, found.values())) > 0.9


def header_reason(part: Part, field: str, value: int) -> str:
    """Why a field of a section header may change unnoticed."""
    if field == "sh_name" and part.kind in (2, 3, 4, 17):
        return "names"
    if part.kind in (2, 3, 4, 17) and field in ("sh_flags", "sh_addralign"):
        return "table header"
    if field == "sh_offset":
        return "same bytes"
    if field == "sh_size" and (part.name.startswith(".text") or part.kind == 3):
        return "trailing padding"
    if field == "sh_addralign" and value < 2 and part.name.startswith(".text.__relpoline"):
        return "table header"
    if field == "sh_addralign" and part.name.startswith(".text") and value in (16, 32, 64):
        return "larger block"
    return ""


def test_every_bit_of_section_headers(tmp_path: Path) -> None:
    original, new = objects(PROGRAM, ".c", tmp_path)
    elf = read(new)
    counts: Counter[str] = Counter()
    missed = []
    for part in elf.parts[1:]:
        for field, (at, size) in FIELDS.items():
            # The lowest bits of what is wider: the others lead out of the file, or are no flags.
            for place, bit, mutated in flips(elf, part.header + at, 2 if field == "sh_flags" else 1):
                if noticed(original, mutated):
                    counts["noticed"] += 1
                    continue
                value = int.from_bytes(mutated[part.header + at :][:size], "little")
                reason = header_reason(part, field, value)
                counts[reason] += 1
                if reason not in UNNOTICED:
                    missed.append((part.name, field, place, bit))
    print(f"headers: {dict(counts)}")
    assert Counter((name, field) for name, field, _, _ in missed) == Counter()
    assert counts["noticed"] / counts.total() > 0.85


def test_stubs_have_names_of_their_own(tmp_path: Path) -> None:
    """The symbol of one stub that stands at another."""
    original, new = objects(PROGRAM, ".c", tmp_path)
    elf = read(new)
    symbols = elf.named(".symtab")
    starts = sorted(v.stub[0] for v in validate_bytes(original, new, "x.o").sites if v.stub)
    entry = elf.content(symbols).index(struct.pack("<Q", starts[0]))
    assert noticed(original, elf.with_bytes(symbols.start + entry, struct.pack("<Q", starts[1])))
