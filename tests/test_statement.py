"""Any statement in full: labels, prefixes, head, operands, comment."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asmrewrite import parse, parse_statement
from tests.c_sources import ALL, DATA
from tests.gas_cases import CASES
from tests.support import compiled

_CASES = [
    ("\tmovq\t8(%rax,%rbx,4), %rcx", "instruction", (), (), "movq", ("8(%rax,%rbx,4)", "%rcx")),
    ("ret", "instruction", (), (), "ret", ()),
    ("MOV %RAX,%RBX", "instruction", (), (), "mov", ("%RAX", "%RBX")),
    ("a: b : 1:\tnop", "instruction", ("a", "b", "1"), (), "nop", ()),
    ('"x;y": call *%rax', "instruction", ('"x;y"',), (), "call", ("*%rax",)),
    ("lock incl (%rax)", "instruction", (), ("lock",), "incl", ("(%rax)",)),
    ("1: rep movsb", "instruction", ("1",), ("rep",), "movsb", ()),
    ("notrack jmp *.L4(,%rax,8)", "instruction", (), ("notrack",), "jmp", ("*.L4(,%rax,8)",)),
    ("lock", "instruction", (), (), "lock", ()),
    ("\t.section\t.text.f,\"axG\",@progbits,f,comdat", "directive", (), (), ".section",
     (".text.f", '"axG"', "@progbits", "f", "comdat")),
    ('\t.ascii "a,b;c#\\"", "d"', "directive", (), (), ".ascii", ('"a,b;c#\\""', '"d"')),
    (".byte 'a, ',, ';", "directive", (), (), ".byte", ("'a", "',", "';")),
    ("\t.size\tmain, .-main", "directive", (), (), ".size", ("main", ".-main")),
    ("\t.comm\tx,8,8", "directive", (), (), ".comm", ("x", "8", "8")),
    (".p2align 4,,10", "directive", (), (), ".p2align", ("4", "", "10")),
    ("x = y + 1", "assignment", (), (), "x", ("y + 1",)),
    ("Foo == %rax", "assignment", (), (), "Foo", ("= %rax",)),
    ("call: jmp call", "instruction", ("call",), (), "jmp", ("call",)),
    ("vaddps (%rax){1to16}, %zmm1, %zmm2{%k1}{z}", "instruction", (), (), "vaddps",
     ("(%rax){1to16}", "%zmm1", "%zmm2{%k1}{z}")),
    ("mov rax, QWORD PTR fs:[rbx+8*rcx]", "instruction", (), (), "mov", ("rax", "QWORD PTR fs:[rbx+8*rcx]")),
    ("foo:", "empty", ("foo",), (), "", ()),
    ("", "empty", (), (), "", ()),
    ("mov (%rax, %rbx", "opaque", (), (), "", ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "labels", "prefixes", "head", "operands"), _CASES)
def test_parts(
    text: str, kind: str, labels: tuple[str, ...], prefixes: tuple[str, ...], head: str, operands: tuple[str, ...]
) -> None:
    made = parse_statement(text)
    assert (made.kind, made.labels, made.prefixes, made.head, made.operands) == (kind, labels, prefixes, head, operands)


def test_statements_of_a_listing() -> None:
    text = 'f:\tnop; ret # c\n/* a\n b */ x=1\0\t.ascii "a\nb"\n\n# only\n'
    made = [(s.labels, s.head, s.operands, s.comment) for s in parse(text).statements()]
    assert made == [
        (("f",), "nop", (), ""), ((), "ret", (), "# c"), ((), "x", ("1",), ""), ((), ".ascii", ('"a\nb"',), ""),
        ((), "", (), "# only"),
    ]  # fmt: skip


def test_positions() -> None:
    text = "f:\tnop; ret # c\n\tcall\tg\n"
    listing = parse(text)
    assert [text[s.start : s.end] for s in listing.statements()] == ["f:\tnop", " ret", "\tcall\tg"]
    assert [s.head for s in listing.statements(8)] == ["ret", "call"]
    assert [s.head for s in listing.statements(0, 7)] == ["nop"]


@pytest.mark.parametrize(
    "flags", [("-O0",), ("-O2", "-dp"), ("-O3", "-masm=intel", "-mavx2"), ("-Os", "-g")], ids=" ".join
)
@pytest.mark.parametrize("source", ALL)
def test_compiler_output(source: str, flags: tuple[str, ...]) -> None:
    text = compiled(source, *flags)
    made = list(parse(text).statements())
    for statement in made:
        assert statement.kind != "opaque"
        written = text[statement.start : statement.end]
        for part in (*statement.labels, *statement.prefixes, *statement.operands):
            assert part in written
    if source is not DATA:
        lines = [line for line in text.split("\n") if line.partition("#")[0].strip()]
        assert sum(bool(s.head or s.labels) for s in made) == len(lines)
        heads = [m.group(1) for line in lines if (m := re.match(r"\t([a-z.]\S*)", line))]
        assert [s.head for s in made if s.kind in ("instruction", "directive") and not s.prefixes][:50] == heads[:50]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abc%$ ,()[]{}:;=\"'/*#\\\n\0.1-+*"), max_size=40))
def test_any_text(text: str) -> None:
    made = list(parse(text).statements())
    starts = [statement.start for statement in made]
    assert starts == sorted(set(starts))
    assert all(statement.end <= len(text) for statement in made)


def test_every_branch_of_the_cases_is_a_statement() -> None:
    for case in CASES:
        if case.why or not case.reports or re.search(r"[/{]|\\|=|\.macro|\A#NO_APP|\0", case.text):
            continue
        heads = [s.head for s in parse(case.text).statements()]
        assert any("call" in head or "jmp" in head for head in heads), case.text


def test_pseudo_prefixes_and_a_slash_behind_a_prefix() -> None:
    jump = parse_statement("{disp32} jmp foo")
    assert (jump.prefixes, jump.head, jump.operands) == (("{disp32}",), "jmp", ("foo",))
    jump = parse_statement("notrack/jmp *%rax")
    assert (jump.prefixes, jump.head, jump.operands) == (("notrack",), "jmp", ("*%rax",))
    masked = parse_statement("vaddps %zmm1, %zmm2, %zmm3{%k1}{z}")
    assert masked.operands == ("%zmm1", "%zmm2", "%zmm3{%k1}{z}")
