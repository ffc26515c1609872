"""Tests of keys: which become sites, what is left alone and why; and the corpus, as one compiler makes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from asmrewrite import Options, Verdict, check, rewrite
from asmrewrite.analysis.keys import _Finder
from asmrewrite.analysis.proof import Prover
from asmrewrite.verify.translation import validate_bytes
from conformance import keys
from conformance.command import CommandError
from tests.building import ASMREWRITE, IDENT, assemble, needs_clang

K = "__SKEY__k"


def rewritten(code: str, rest: str = "", intel: bool = False, cfi: bool = False) -> tuple[str, list[str]]:
    """What becomes of a function with `code`, split at `; `: the text, and the reasons of what was left alone."""
    code = "\t" + code.replace("; ", "\n\t")
    frame = ("\t.cfi_startproc\n", "\t.cfi_endproc\n") if cfi else ("", "")
    syntax = "\t.intel_syntax noprefix\n" if intel else ""
    head = f"{syntax}\t.text\n\t.globl\tf\n\t.type\tf, @function\nf:\n{frame[0]}"
    text = f"{head}{code}\n{frame[1]}\t.size\tf, .-f\n{rest}{IDENT}"
    result = rewrite(text, Options(passes=("marker",)))
    return result.text, [skip.reason.value for skip in result.skips]


SITES = {
    "memory": f"cmpb $0, {K}(%rip); jne .L2; nop; .L2:; ret",
    "je": f"cmpb $0, {K}(%rip); je .L2; nop; .L2:; ret",
    "-O0": f"movzbl {K}(%rip), %eax; testb %al, %al; je .L2; nop; .L2:; ret",
    "set": f"movzbl {K}(%rip), %eax; testb %al, %al; setne %al; testb %al, %al; je .L2; .L2:; xorl %eax, %eax; ret",
    "clang -O0": f"movb {K}(%rip), %al; movzbl %al, %eax; cmpl $0, %eax; je .L2; nop; .L2:; xorl %eax, %eax; ret",
    "address": f"movq {K}@GOTPCREL(%rip), %rcx; cmpb $0, (%rcx); jne .L2; nop; .L2:; xorl %ecx, %ecx; ret",
    "known address": f"movl ${K}, %ecx; call g; movl ${K}, %ebx; call g; cmpb $0, (%rbx); jne .L2; .L2:; ret",
    "address from elsewhere": f"leaq {K}(%rip), %rbx; call g; cmpb $0, (%rbx); jne .L2; nop; .L2:; ret",
    "asm": f"#APP; cmpb $0, {K}(%rip); jne .L2; #NO_APP; nop; .L2:; ret",
    "asm, address": f"movq {K}@GOTPCREL(%rip), %rax; #APP; cmpb $0, (%rax); jne .L2; #NO_APP; nop; .L2:; ret",
    "something between": f"cmpb $0, {K}(%rip); movl $5, %ecx; jne .L2; nop; .L2:; ret",
    "comments": f"cmpb $0, {K}(%rip) # 5 [c=4 l=7]  *cmpqi_ccno_1/0; # a line; jne .L2 /* another */; nop; .L2:; ret",
    "lines": f'.file 1 "x.c"; .loc 1 3 4; cmpb $0, {K}(%rip); .loc 1 3 5 is_stmt 0; jne .L2; nop; .L2:; ret',
    "one line": f"cmpb $0, {K}(%rip);jne .L2;nop; .L2:; ret",
    "two at once": f"cmpb $0, {K}(%rip); jne .L2; cmpb $0, {K}(%rip); jne .L2; nop; .L2:; ret",
    "loop to itself": f".L2:; cmpb $0, {K}(%rip); je .L2; ret",
    "a jump out of the function": f"cmpb $0, {K}(%rip); jne g@PLT; ret",
    "a result": f"movzbl {K}(%rip), %eax; testb %al, %al; je .L2; movl $7, %eax; .L2:; ret",
}
#: Left alone, and why.
LEFT = {
    "value": (f"cmpb $0, {K}(%rip); setne %al; ret", "key-value"),
    "another number": (f"cmpb $1, {K}(%rip); je .L2; nop; .L2:; ret", "key-value"),
    "another condition": (f"cmpb $0, {K}(%rip); ja .L2; nop; .L2:; ret", "key-value"),
    "flags are read behind it": (f"cmpb $0, {K}(%rip); jne .L2; sete %cl; .L2:; ret", "key-live"),
    "flags are read where it jumps": (
        f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n\tret\n.L2:\n\tadcl $0, %eax\n\tret",
        "key-live",
    ),
    "flags and a computed goto": (f"cmpb $0, {K}(%rip); jne .L2; jmp *%rax; .L2:; ret", "key-live"),
    "a part of a result": (f"movb {K}(%rip), %al; testb %al, %al; je .L2; nop; .L2:; ret", "key-live"),
    "a label in between": (f"cmpb $0, {K}(%rip); .L1:; jne .L2; jmp .L1; .L2:; ret", "key-value"),
    "a table's label": (f"cmpb $0, {K}(%rip); .L1:; jne .L2; nop; .L2:; ret", "key-value"),
    "a global label": (f"cmpb $0, {K}(%rip); other:; jne .L2; nop; .L2:; ret", "key-value"),
    "a local number": (f"cmpb $0, {K}(%rip); 1:; jne .L2; nop; .L2:; ret", "key-value"),
    "a store": (f"movzbl {K}(%rip), %eax; movb $1, (%rdi); testb %al, %al; je .L2; .L2:; ret", "key-apart"),
    "a string": (
        f"\tmovzbl {K}(%rip), %edx\n\tstosb\n\ttestb %dl, %dl\n\tje .L2\n.L2:\n\txorl %edx, %edx\n\tret",
        "key-apart",
    ),
    "an exchange": (
        f"\tmovzbl {K}(%rip), %edx\n\txchgb (%rdi), %al\n\ttestb %dl, %dl\n\tje .L2\n.L2:\n\txorl %edx, %edx\n\tret",
        "key-apart",
    ),
    "a store to the key": (
        f"\tmovzbl {K}(%rip), %eax\n\tmovb $1, {K}(%rip)\n\ttestb %al, %al\n\tje .L2\n.L2:\n\tret",
        "key-apart",
    ),
    "its address changes": (
        f"\tleaq {K}(%rip), %rbx\n\tcmpb $0, (%rbx)\n\tmovq %rdi, %rbx\n\tjne .L2\n.L2:\n\tret",
        "key-apart",
    ),
    "something unknown": (f"cmpb $0, {K}(%rip); cpuid; jne .L2; .L2:; ret", "key-value"),
    "asm with something between": (f"#APP; cmpb $0, {K}(%rip); nop; jne .L2; #NO_APP; .L2:; ret", None),
    "data": (f"cmpb $0, {K}(%rip); jne .L2; .byte 0x90; .L2:; ret", "not-proven"),
}


@pytest.mark.parametrize("name", SITES)
def test_it_becomes_a_site(name: str, tmp_path: Path) -> None:
    text, left = rewritten(SITES[name])
    assert left == []
    made = assemble(text, tmp_path / "x.o")
    verdicts = check(str(made))
    assert [str(v) for v in verdicts if v.verdict is not Verdict.PASS] == []
    assert len(verdicts) == (2 if name == "two at once" else 1)


@pytest.mark.parametrize("name", LEFT)
def test_it_is_left_alone(name: str) -> None:
    code, why = LEFT[name]
    table = "\t.section .rodata\n\t.quad .L1\n" if name == "a table's label" else ""
    text, left = rewritten(code, table)
    assert ".marker." not in text
    assert left == ([why] if why else left)


def test_a_register_that_is_read_behind_a_test_is_set() -> None:
    text, left = rewritten(
        f"\tmovzbl {K}(%rip), %eax\n\ttestb %al, %al\n\tje .L2\n\tret\n.L2:\n\tleal 5(%rax), %eax\n\tret"
    )
    assert left == []
    assert "movl\t$1, %eax; " in text, "in front of the site: on, it falls through"
    assert text.count("movl\t$0, %eax\n") == 1, "on the way of the jump"


def test_frames() -> None:
    push = "\tpushq %rbx\n\t.cfi_def_cfa_offset 16\n"
    code = f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n.L2:\n\tret"
    assert ".cfi_def_cfa_offset 16\n\tcmpb" in rewritten(push + code, cfi=True)[0]
    between = code.replace("\n\tjne", "\n\tmovl $1, %ecx\n\t.cfi_def_cfa_offset 24\n\tjne")
    assert rewritten(push + between, cfi=True)[1] == ["key-apart"]
    assert rewritten(push + between.replace(".cfi_def_cfa_offset 24", "nop"), cfi=True)[1] == []


def test_a_function_without_a_frame_among_others() -> None:
    code = f"\tcmpb $0, {K}(%rip)\n\tjne .L3\n.L3:\n\tret\n"
    other = f"\t.type\tg, @function\ng:\n{code}\t.size\tg, .-g\n"
    text, left = rewritten("\tret", other, cfi=True)
    stub = text.partition("g.marker.0:\n")[2].partition("\t.size")[0]
    assert left == [] and stub and ".cfi" not in stub


def test_intel_syntax(tmp_path: Path) -> None:
    for code in (
        f"\tcmp BYTE PTR {K}[rip], 0\n\tjne .L2\n\tnop\n.L2:\n\tret",
        f"\tmovzx eax, BYTE PTR {K}[rip]\n\ttest al, al\n\tje .L2\n\tnop\n.L2:\n\tret",
        f"#APP\n\tcmp\tbyte ptr {K}[rip], 0\n\tjne .L2\n#NO_APP\n\tnop\n.L2:\n\tret",
        f"\tmov rax, QWORD PTR {K}@GOTPCREL[rip]\n#APP\n\tcmp BYTE PTR [rax], 0\n\tje .L2\n#NO_APP\n\tnop\n.L2:\n\tret",
    ):
        text, left = rewritten(code, intel=True)
        assert left == [], code
        assert {v.verdict for v in check(str(assemble(text, tmp_path / "x.o")))} == {Verdict.PASS}


@pytest.mark.parametrize("padding", range(5))
def test_padding_is_prefixes_that_say_nothing(padding: int, tmp_path: Path) -> None:
    """One instruction with the jump; any other byte there would be another."""
    code = "nop; " * ((8 - padding) % 8) + f"cmpb $0, {K}(%rip); jne .L2; nop; .L2:; ret"
    head = "\t.text\n\t.p2align 3\n\t.globl\tf\n\t.type\tf, @function\nf:\n\t"
    text = head + code.replace("; ", "\n\t") + "\n\t.size\tf, .-f\n" + IDENT
    original = assemble(text, tmp_path / "o.o").read_bytes()
    new = assemble(rewrite(text, Options(passes=("marker",))).text, tmp_path / "n.o").read_bytes()
    assert objections(original, new) == []
    site = new.index(b"\x2e" * padding + b"\xe9")
    assert new[site - 1] != 0x2E
    for place in range(site, site + padding):
        for byte in (0x26, 0x48, 0x66, 0xE9, 0xF2):
            assert objections(original, new[:place] + bytes([byte]) + new[place + 1 :]), (place, byte)


def objections(original: bytes, new: bytes) -> list[str]:
    """What the full check says but PASS."""
    found = validate_bytes(original, new, "n.o")
    sites = [str(v) for v in found.sites if v.verdict is not Verdict.PASS]
    return sites + [str(v) for v in found.sections if v.verdict is not Verdict.PASS]


@pytest.mark.parametrize("sized", [True, False], ids=["with a size", "without one"])
def test_the_full_check_asks_what_a_register_holds(
    sized: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a function that does not say where it ends; the pass refuses that, and is made to overlook it."""
    size = "\t.size\tf, .-f\n" if sized else ""
    text = (
        f"\t.type\tf, @function\nf:\n\tleaq {K}(%rip), %rbx\n\tcmpb $0, (%rbx)\n\tjne .L2\n.L2:\n\tret\n{size}{IDENT}"
    )
    assert (".marker.0" in rewrite(text, Options(passes=("marker",))).text) == sized
    monkeypatch.setattr(Prover, "is_sized", lambda _, name: name == "f")
    new = rewrite(text, Options(passes=("marker",))).text
    found = []
    for loaded in (K, "other"):
        both = (t.replace(f"leaq {K}", f"leaq {loaded}") for t in (text, new))
        found.append(objections(*(assemble(t, tmp_path / "x.o").read_bytes() for t in both)))
    if sized:
        assert found[0] == []
    assert found[1] and "is not known" in found[1][0]


ENTERED = {
    "a branch": ("je .L5", ".L5:", "leads into a test of a key"),
    "a table": ("je .L6", ".L5:", "into the midst of its test"),
    "a branch of another section": ("je .L6", ".L7:", "into the midst of its test"),
    "a pointer in code": ("movl $.L5, %eax", ".L5:", "into the midst of its test"),
    "an address in code": ("leaq .L5(%rip), %rax", ".L5:", "leads into a test of a key"),
    "a symbol": ("je .L6", "symbol:", "into the midst of its test"),
    "nothing": ("je .L6", ".L8:", ""),
}


@pytest.mark.parametrize("name", ENTERED)
def test_the_full_check_asks_who_comes_to_a_test(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label between two instructions of a test: the pass refuses that, and so is made to overlook it."""

    def careless(finder: _Finder, index: int) -> Iterator[int]:
        return iter(range(index - 1, -1, -1))

    monkeypatch.setattr(_Finder, "_back", careless)
    before, label, said = ENTERED[name]
    text = (
        f"\t.type\tf, @function\nf:\n\t{before}\n.L6:\n\tmovzbl {K}(%rip), %ecx\n{label}\n\ttestb %cl, %cl\n\tje .L1\n"
        "\txorl %ecx, %ecx\n\tret\n.L1:\n\txorl %ecx, %ecx\n\tret\n\t.size\tf, .-f\n"
    )
    text += '\t.section .text.g,"ax"\n\tjmp .L7\n' if label == ".L7:" else ""
    text += "\t.section .rodata\n\t.quad .L5\n" if name == "a table" else ""
    result = rewrite(text + IDENT, Options(passes=("marker",)))
    assert len(result.sites) == 1
    found = objections(*(assemble(t, tmp_path / "x.o").read_bytes() for t in (text + IDENT, result.text)))
    assert (said in found[0]) if said else found == []


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return keys.reference(tmp_path_factory.mktemp("reference"), cxx=False)


@pytest.mark.parametrize(
    "case",
    [keys.Case("gcc", "g++", "-O2"), pytest.param(keys.Case("clang-14", "clang++-14", "-O1"), marks=needs_clang)],
    ids=lambda case: case.name,
)
def test_the_corpus(case: keys.Case, expected: bytes, tmp_path: Path) -> None:
    found = keys.compare(case, Path(ASMREWRITE), tmp_path / "case", expected, cxx=False)
    assert found.everything["site"] > 250
    with pytest.raises(CommandError, match="off plain_if_far 0 0"):
        keys.runs(tmp_path / "case" / "corpus", re.sub(rb"(off plain_if_far) .*", rb"\1 0 0", expected, count=1))
