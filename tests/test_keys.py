"""Tests of keys: which become sites, what is left alone and why; and the corpus, as one compiler makes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asmrewrite import Options, Verdict, check, rewrite
from conformance import keys
from tests.building import ASMREWRITE, IDENT, assemble, needs_clang

K = "__SKEY__k"


def rewritten(code: str, rest: str = "", intel: bool = False, cfi: bool = False) -> tuple[str, list[str]]:
    """What becomes of a function with `code`: the text, and the reasons of what the marker pass left alone."""
    frame = ("\t.cfi_startproc\n", "\t.cfi_endproc\n") if cfi else ("", "")
    syntax = "\t.intel_syntax noprefix\n" if intel else ""
    text = f"{syntax}\t.text\n\t.globl\tf\n\t.type\tf, @function\nf:\n{frame[0]}{code}\n{frame[1]}\t.size\tf, .-f\n{rest}{IDENT}"
    result = rewrite(text, Options(passes=("marker",)))
    return result.text, [skip.reason.value for skip in result.skips]


SITES = {
    "memory": f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n\tnop\n.L2:\n\tret",
    "je": f"\tcmpb $0, {K}(%rip)\n\tje .L2\n\tnop\n.L2:\n\tret",
    "-O0": f"\tmovzbl {K}(%rip), %eax\n\ttestb %al, %al\n\tje .L2\n\tnop\n.L2:\n\tret",
    "set": f"\tmovzbl {K}(%rip), %eax\n\ttestb %al, %al\n\tsetne %al\n\ttestb %al, %al\n\tje .L2\n\tnop\n.L2:\n\txorl %eax, %eax\n\tret",
    "clang -O0": f"\tmovb {K}(%rip), %al\n\tmovzbl %al, %eax\n\tcmpl $0, %eax\n\tje .L2\n\tnop\n.L2:\n\txorl %eax, %eax\n\tret",
    "address": f"\tmovq {K}@GOTPCREL(%rip), %rcx\n\tcmpb $0, (%rcx)\n\tjne .L2\n\tnop\n.L2:\n\txorl %ecx, %ecx\n\tret",
    "known address": f"\tmovl ${K}, %ecx\n\tcall g\n\tmovl ${K}, %ebx\n\tcall g\n\tcmpb $0, (%rbx)\n\tjne .L2\n.L2:\n\tret",
    "address from elsewhere": f"\tleaq {K}(%rip), %rbx\n\tcall g\n\tcmpb $0, (%rbx)\n\tjne .L2\n\tnop\n.L2:\n\tret",
    "asm": f"#APP\n\tcmpb $0, {K}(%rip)\n\tjne .L2\n#NO_APP\n\tnop\n.L2:\n\tret",
    "asm, address": f"\tmovq {K}@GOTPCREL(%rip), %rax\n#APP\n\tcmpb $0, (%rax)\n\tjne .L2\n#NO_APP\n\tnop\n.L2:\n\tret",
    "something between": f"\tcmpb $0, {K}(%rip)\n\tmovl $5, %ecx\n\tjne .L2\n\tnop\n.L2:\n\tret",
    "comments": f"\tcmpb $0, {K}(%rip) # 5 [c=4 l=7]  *cmpqi_ccno_1/0\n# a line\n\tjne .L2 /* and another */\n\tnop\n.L2:\n\tret",
    "lines": f'\t.file 1 "x.c"\n\t.loc 1 3 4\n\tcmpb $0, {K}(%rip)\n\t.loc 1 3 5 is_stmt 0\n\tjne .L2\n\tnop\n.L2:\n\tret',
    "one line": f"\tcmpb $0, {K}(%rip); jne .L2; nop\n.L2:\tret",
    "two at once": f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n\tcmpb $0, {K}(%rip)\n\tjne .L2\n\tnop\n.L2:\n\tret",
    "loop to itself": f".L2:\n\tcmpb $0, {K}(%rip)\n\tje .L2\n\tret",
    "a result": f"\tmovzbl {K}(%rip), %eax\n\ttestb %al, %al\n\tje .L2\n\tmovl $7, %eax\n.L2:\n\tret",
}
#: Left alone, and why.
LEFT = {
    "value": (f"\tcmpb $0, {K}(%rip)\n\tsetne %al\n\tret", "key-value"),
    "another number": (f"\tcmpb $1, {K}(%rip)\n\tje .L2\n\tnop\n.L2:\n\tret", "key-value"),
    "another condition": (f"\tcmpb $0, {K}(%rip)\n\tja .L2\n\tnop\n.L2:\n\tret", "key-value"),
    "flags are read behind it": (f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n\tsete %cl\n.L2:\n\tret", "key-live"),
    "flags are read where it jumps": (
        f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n\tret\n.L2:\n\tadcl $0, %eax\n\tret",
        "key-live",
    ),
    "flags and a computed goto": (f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n\tjmp *%rax\n.L2:\n\tret", "key-live"),
    "a part of a result": (f"\tmovb {K}(%rip), %al\n\ttestb %al, %al\n\tje .L2\n\tnop\n.L2:\n\tret", "key-live"),
    "a label in between": (f"\tcmpb $0, {K}(%rip)\n.L1:\n\tjne .L2\n\tjmp .L1\n.L2:\n\tret", "key-value"),
    "a table's label": (f"\tcmpb $0, {K}(%rip)\n.L1:\n\tjne .L2\n\tnop\n.L2:\n\tret", "key-value"),
    "a global label": (f"\tcmpb $0, {K}(%rip)\nother:\n\tjne .L2\n\tnop\n.L2:\n\tret", "key-value"),
    "a local number": (f"\tcmpb $0, {K}(%rip)\n1:\n\tjne .L2\n\tnop\n.L2:\n\tret", "key-value"),
    "a store": (f"\tmovzbl {K}(%rip), %eax\n\tmovb $1, (%rdi)\n\ttestb %al, %al\n\tje .L2\n.L2:\n\tret", "key-apart"),
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
    "something unknown": (f"\tcmpb $0, {K}(%rip)\n\tcpuid\n\tjne .L2\n.L2:\n\tret", "key-value"),
    "a jump out of the function": (f"\tcmpb $0, {K}(%rip)\n\tjne g\n\tret", "key-apart"),
    "asm with something between": (f"#APP\n\tcmpb $0, {K}(%rip)\n\tnop\n\tjne .L2\n#NO_APP\n.L2:\n\tret", None),
    "data": (f"\tcmpb $0, {K}(%rip)\n\tjne .L2\n\t.byte 0x90\n.L2:\n\tret", "not-proven"),
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
    with pytest.raises(keys.CommandError, match="off plain_if_far 0 0"):
        keys.runs(tmp_path / "case" / "corpus", re.sub(rb"(off plain_if_far) .*", rb"\1 0 0", expected, count=1))
