"""What a walk over a listing finds: functions, provenance, syntax, opt-outs, aliases."""

from __future__ import annotations

from pathlib import Path

import pytest

import asmrewrite
from asmrewrite import SkipReason, Survey, branches, parse, survey
from tests.c_sources import CALLS, DATA, JUMPS
from tests.support import CLANG, compiled

_INCLUDE = str(Path(asmrewrite.__file__).parent / "include")


def _survey(text: str) -> Survey:
    return survey(parse(text))


@pytest.mark.parametrize(
    "flags", [("-O0",), ("-O2",), ("-Os", "-ffunction-sections"), ("-O2", "-fPIC", "-g")], ids=" ".join
)
@pytest.mark.parametrize("source", [CALLS, JUMPS])
def test_functions_of_gcc(source: str, flags: tuple[str, ...]) -> None:
    text = compiled(source, *flags)
    found = _survey(text)
    named = [
        line.split()[1].rstrip(",") for line in text.split("\n") if line.startswith("\t.type") and "@function" in line
    ]
    assert [function.name for function in found.functions] == named
    for function in found.functions:
        assert text.startswith(f"{function.name}:", function.start)
        assert function.section is not None
        assert "x" in function.section.flags
        if "-ffunction-sections" in flags and "cold" not in function.name:
            assert function.section.name == f".text.{function.name}"
    assert found.compiled
    assert found.has_cfi
    assert not found.annotated


def test_cold_parts() -> None:
    source = """extern __attribute__((cold, noreturn)) void die(void (*)(void)); extern int table[];
    int f(int x, void (*g)(void)) { if (x > 9) die(g); return table[x] + 1; }
    int h(int x, void (**g)(void)) { if (x) { (*g)(); g[1](); die(*g); } return 3; }"""
    found = _survey(compiled(source, "-O2"))
    names = [function.name for function in found.functions]
    assert "f.cold" in names
    (cold,) = [function for function in found.functions if function.name == "f.cold"]
    assert cold.section is not None
    assert cold.section.name == ".text.unlikely"


def test_where_each_branch_stands() -> None:
    text = (
        '\t.type f, @function\nf:\tcall *%rax\n\t.section .text.unlikely,"ax"\n'
        "\t.type f.cold, @function\nf.cold:\n\tcall *%rbx\n"
        '\t.text\n\tcall *%rcx\n\t.pushsection .x,"ax"\n\tcall *%rdx\n\t.popsection\n\tcall *%rsi\n'
        '\t.size f, .-f\n.type "g h",%function\n"g h": call *%rdi\n\t.subsection 1\n\tcall *%r8\n'
    )
    made = [
        (
            b.operand.register,
            b.place.function,
            b.place.section.name if b.place.section else None,
            b.place.section and b.place.section.subsection,
        )
        for b in branches(_survey(text))
    ]
    assert made == [
        ("rax", "f", ".text", ""), ("rbx", "f.cold", ".text.unlikely", ""), ("rcx", "f", ".text", ""), ("rdx", "",
        ".x", ""),
        ("rsi", "f", ".text", ""), ("rdi", "g h", ".text", ""), ("r8", "", ".text", "1"),
    ]  # fmt: skip


def test_kinds_of_function_types() -> None:
    types = ("@function", "%function", "STT_FUNC", '"function"', "@gnu_indirect_function", "#function")
    for number, kind in enumerate(types[:-1]):
        found = _survey(f"\t.type f{number}, {kind}\nf{number}:\n")
        assert [function.name for function in found.functions] == [f"f{number}"], kind
    assert _survey("\t.type x, @object\nx:\n\t.quad 1\ny:\n").functions == ()


def test_inline_assembly_is_told_from_the_compiler_s_text() -> None:
    found = _survey(compiled(DATA, "-O2"))
    made = [(b.place.function, b.place.asm) for b in branches(found)]
    assert made == [("indirect_asm", True)]
    text = '\tcall *%rax\n#APP\n# 1 "a.c" 1\n\tcall *%rbx\n# 0 "" 2\n#NO_APP\n\tcall *%rcx\n'
    assert [b.place.asm for b in branches(_survey(text))] == [False, True, False]


@pytest.mark.skipif(CLANG is None, reason="clang is not installed: apt-get install clang-14")
def test_inline_assembly_of_clang() -> None:
    text = compiled(DATA, "-O2", "-fno-integrated-as", compiler=str(CLANG))
    assert [(b.place.function, b.place.asm) for b in branches(_survey(text))] == [("indirect_asm", True)]


@pytest.mark.parametrize(
    ("text", "intel", "prefixed"),
    [
        ("", False, True),
        (".intel_syntax noprefix\n", True, False),
        (".intel_syntax\n", True, True),
        (".intel_syntax prefix\n", True, True),
        (".intel_syntax noprefix\n.att_syntax\n", False, True),
        (".att_syntax noprefix\n", False, False),
        (".att_syntax noprefix; .att_syntax prefix\n", False, True),
    ],
)
def test_syntaxes(text: str, intel: bool, prefixed: bool) -> None:
    (spot,) = _survey(f"{text}\tcall %rax\n").spots
    assert (spot.place.intel, spot.place.prefixed) == (intel, prefixed)


@pytest.mark.parametrize(
    "compiler",
    [
        "gcc",
        pytest.param(
            "clang", marks=pytest.mark.skipif(CLANG is None, reason="clang is not installed: apt-get install clang-14")
        ),
    ],
)
def test_the_header_of_opt_outs(compiler: str) -> None:
    flags = ("-O2", f"-I{_INCLUDE}") if compiler == "gcc" else ("-O2", f"-I{_INCLUDE}", "-fno-integrated-as")
    program = compiler if compiler == "gcc" else str(CLANG)
    head = "#include <asmrewrite/optout.h>\n"
    whole = compiled(head + "ASMREWRITE_SKIP_FILE;\nvoid f(void (*g)(void)) { g(); g(); }\n", *flags, compiler=program)
    assert _survey(whole).file_opted_out == {"all"}
    named = compiled(head + 'ASMREWRITE_SKIP_FILE_PASSES("relpoline");\nvoid f(void) {}\n', *flags, compiler=program)
    assert _survey(named).file_opted_out == {"relpoline"}
    source = """void f(void (*g)(void)) { ASMREWRITE_SKIP_FUNCTION; g(); g(); }
    void h(void (*g)(void)) { ASMREWRITE_SKIP_FUNCTION_PASSES("relpoline static-call"); g(); }
    void k(void (*g)(void)) { g(); g(); }"""
    found = _survey(compiled(head + source, *flags, compiler=program))
    assert found.file_opted_out == frozenset()
    assert found.opted_out == {"f": {"all"}, "h": {"relpoline", "static-call"}}


def test_opt_outs_in_hand_written_text() -> None:
    text = "# asmrewrite: skip-file static-call\n\t.type f.cold, @function\nf.cold:\n"
    text += "\t #  asmrewrite:skip-function a, b\n\tnop\n"
    found = _survey(text)
    assert found.file_opted_out == {"static-call"}
    assert found.opted_out == {"f": {"a", "b"}}
    assert (
        _survey('# asmrewrite: skip-files\n# asmrewrite skip-file\n\t.ascii "# asmrewrite: skip-file"\n').opted_out
        == {}
    )
    assert _survey('# asmrewrite skip-file\n\t.ascii "# asmrewrite: skip-file"\n').file_opted_out == frozenset()


@pytest.mark.parametrize(
    ("text", "aliases"),
    [
        ("a=%rax\n", {"a"}),
        (".set a, %rax\n.equ b,%rbx;.equiv c, a\n.eqv d, c\n", {"a", "b", "c", "d"}),
        ("b=a\na=%rax\n", {"a", "b"}),
        ("c=(b)\nb=a+0\na=%rax\n", {"a", "b", "c"}),
        ('"a b"=%rax\n.set "c", %rbx\n', {"a b", "c"}),
        (".intel_syntax noprefix\na=rax\nb = [r8]\n.set c, R9\n", {"a", "b", "c"}),
        ("a=4\nb=a+1\n.set c, foo\n.set d, rax.part\n.equ e, . - f\n", set()),
        ("a=4 # %rax\n", set()),
    ],
)
def test_aliases_of_registers(text: str, aliases: set[str]) -> None:
    assert _survey(text).aliases == aliases


def test_marks_of_a_compiler() -> None:
    hand = _survey("f:\tcall *%rax\n\tret\n")
    assert not (hand.compiled or hand.annotated or hand.has_cfi or hand.moded)
    noted = _survey(compiled(CALLS, "-O2", "-dp", "-fno-ident", "-fno-asynchronous-unwind-tables"))
    assert noted.annotated
    assert noted.compiled
    assert not noted.has_cfi
    assert _survey(compiled(CALLS, "-O2", "-masm=intel")).moded


def test_prefixes_on_lines_of_their_own() -> None:
    text = "\tcs\n\tlock # x\n\tcall *%rax\n\tds\n\tnop\n\tcall *%rbx\n"
    made = [(b.prefixes, text[b.start : b.end]) for b in branches(_survey(text))]
    assert made == [(("cs", "lock"), "cs\n\tlock # x\n\tcall *%rax"), ((), "call *%rbx")]


def test_sections_of_one_name_keep_their_functions_apart() -> None:
    text = (
        '\t.section .text,"ax",@progbits,unique,1\n\t.type f, @function\nf:\n\tcall *%rax\n'
        '\t.section .text,"ax",@progbits,unique,2\n\t.type g, @function\ng:\n\tcall *%rax\n'
        '\t.section .text,"ax",@progbits,unique,1\n\tcall *%rbx\n'
        '\t.section ".text.h","ax"\n\t.type h, @function\nh:\n\tcall *%rax\n\t.section .text.h,"ax"\n\tcall *%rax\n'
    )
    assert [spot.place.function for spot in survey(parse(text)).spots] == ["f", "g", "f", "h", "h"]


def test_a_branch_among_data_is_left_alone() -> None:
    text = '\t.data\n\tcall *%rax\n\t.section .rodata\n\tcall *%rax\n\t.section .mine,"ax"\n\tcall *%rax\n'
    troubles = [spot.place.trouble for spot in survey(parse(text)).spots]
    assert troubles == [SkipReason.UNKNOWN_SECTION, SkipReason.UNKNOWN_SECTION, None]
