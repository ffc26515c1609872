"""The proofs: that a jump leaves its function, and that %r11 is free behind a call."""

from __future__ import annotations

import pytest

from asmrewrite import branches, parse, survey
from asmrewrite.analysis.proof import Prover

_IDENT = '\t.ident\t"GCC: (GNU) 12.2.0"\n'


def _function(body: str, data: str = "", name: str = "f") -> str:
    head = f"\t.text\n\t.type\t{name}, @function\n{name}:\n.LFB0:\n\t.cfi_startproc\n"
    return f"{head}{body}\t.cfi_endproc\n\t.size\t{name}, .-{name}\n{data}"


def _roles(text: str) -> list[str]:
    return [branch.role for branch in branches(survey(parse(text))) if branch.form == "jmp"]


@pytest.mark.parametrize(
    ("body", "proven"),
    [
        ("\tjmp\t*%rax\n", True),
        ("\tpushq\t%rbx\n\t.cfi_def_cfa_offset 16\n\tjmp\t*%rax\n", False),
        ("\t.cfi_def_cfa_offset 16\n\tpopq\t%rbx\n\t.cfi_def_cfa_offset 8\n\tjmp\t*%rax\n", True),
        ("\t.cfi_adjust_cfa_offset 8\n\tjmp\t*%rax\n", False),
        ("\t.cfi_adjust_cfa_offset 24\n\t.cfi_adjust_cfa_offset -24\n\tjmp\t*%rax\n", True),
        ("\t.cfi_def_cfa_offset 16\n\t.cfi_def_cfa_register 6\n\tjmp\t*%rax\n", False),
        ("\t.cfi_def_cfa_register 6\n\tjmp\t*%rax\n", False),
        ("\t.cfi_def_cfa_register %rbp\n\t.cfi_def_cfa_register %rsp\n\tjmp\t*%rax\n", True),
        ("\t.cfi_def_cfa_offset 16\n\t.cfi_def_cfa_register 6\n\tleave\n\t.cfi_def_cfa 7, 8\n\tjmp\t*%rax\n", True),
        ("\t.cfi_def_cfa 6, 8\n\tjmp\t*%rax\n", False),
        ("\t.cfi_def_cfa %rsp, 8\n\tjmp\t*%rax\n", True),
        ("\t.cfi_def_cfa rsp, 0x10\n\tjmp\t*%rax\n", False),
        ("\t.cfi_def_cfa_offset 16\n\t.cfi_remember_state\n\t.cfi_def_cfa_offset 8\n\tjmp\t*%rax\n", True),
        ("\t.cfi_remember_state\n\t.cfi_def_cfa_offset 48\n\t.cfi_restore_state\n\tjmp\t*%rax\n", True),
        (
            "\t.cfi_def_cfa_offset 16\n\t.cfi_remember_state\n\t.cfi_def_cfa_offset 8\n\tret\n"
            "\t.cfi_restore_state\n\tjmp\t*%rax\n",
            False,
        ),
        (
            "\t.cfi_remember_state\n\t.cfi_remember_state\n\t.cfi_def_cfa 6, 16\n\t.cfi_restore_state\n\tjmp\t*%rax\n",
            True,
        ),
        ("\t.cfi_def_cfa_offset SIZE\n\tjmp\t*%rax\n", False),
    ],
)
def test_the_stack_must_be_as_on_entry(body: str, proven: bool) -> None:
    assert _roles(_function(body) + _IDENT) == ["tail" if proven else "unproven"]


_TABLE = "\t.section\t.rodata\n.L9:\n"


@pytest.mark.parametrize(
    ("body", "data", "proven"),
    [
        (".L2:\n\tjmp\t*%rax\n", "", True),
        (".L2:\n\tjne\t.L2\n\tjmp\t*%rax\n", "", True),
        (".L2:\n\tjmp\t*%rax\n", f"{_TABLE}\t.long\t.L2-.L9\n", False),
        (".L2:\n\tjmp\t*%rax\n", f"{_TABLE}\t.quad\t.L2\n", False),
        (".L2:\n\tjmp\t*%rax\n", "\t.data\nto:\t.quad\t.L2\n", False),
        (".L2:\n\tjmp\t*%rax\n", f"{_TABLE}\t.quad\t.L3\n", True),
        (".L2:\n\tjmp\t*%rax\n", "\t.section\t.debug_info\n\t.quad\t.L2\n", True),
        (".L2:\n\tjmp\t*%rax\n", "\t.section\t.gcc_except_table,\"a\",@progbits\n\t.uleb128 .L2-.LFB0\n", True),
        (".L2:\n\tleaq\t.L2(%rip), %rax\n\tjmp\t*%rax\n", "", False),
        (".L2:\n\tmovl\t$.L2, %eax\n\tjmp\t*%rax\n", "", False),
        (".L2:\n\tmovabsq\t$.L2, %rax\n\tjmp\t*%rax\n", "", False),
        (".L2:\n\tmovq\t$.L2, 8(%rdi)\n\tjmp\t*%rax\n", "", False),
        ("\tleaq\t.LC0(%rip), %rdi\n\tjmp\t*%rax\n", "\t.section\t.rodata\n.LC0:\n\t.string\t\"x\"\n", True),
        ("\tleaq\t.L9(%rip), %rdx\n\tjmp\t*%rax\n", f"{_TABLE}\t.long\t.L7-.L9\n", True),
    ],
)  # fmt: skip
def test_no_label_may_be_given_out(body: str, data: str, proven: bool) -> None:
    assert _roles(_function(body, data) + _IDENT) == ["tail" if proven else "unproven"]


def test_a_table_may_lead_into_the_cold_part() -> None:
    hot = _function("\tjmp\t*%rax\n")
    cold = "\t.section\t.text.unlikely\n\t.type\tf.cold, @function\nf.cold:\n\t.cfi_startproc\n"
    cold += ".L5:\n\tret\n\t.cfi_endproc\n"
    table = f"{_TABLE}\t.long\t.L5-.L9\n"
    assert _roles(hot + cold + _IDENT) == ["tail"]
    assert _roles(hot + cold + table + _IDENT) == ["unproven"]
    assert _roles(hot + cold.replace("f.cold", "g.cold") + table + _IDENT) == ["tail"]


def test_intel_gives_out_labels_its_own_way() -> None:
    for given in (
        "lea\trax, .L2[rip]",
        "mov\teax, OFFSET FLAT:.L2",
        "lea\trax, [.L2+rip]",
        "lea\trax, [rip + .L2]",
        "mov\teax, offset .L2",
    ):
        text = ".intel_syntax noprefix\n" + _function(f".L2:\n\t{given}\n\tjmp\trax\n") + _IDENT
        assert _roles(text) == ["unproven"], given
    assert _roles(".intel_syntax noprefix\n" + _function(".L2:\n\tjmp\trax\n") + _IDENT) == ["tail"]


def test_what_nothing_vouches_for() -> None:
    proven = _function("\tjmp\t*%rax\n")
    assert _roles(proven + _IDENT) == ["tail"]
    assert _roles(proven) == ["unproven"]
    assert _roles("\t.text\nf:\n\t.cfi_startproc\n\tjmp\t*%rax\n" + _IDENT) == ["unproven"]
    without = proven.replace("\t.cfi_startproc\n", "").replace("\t.cfi_endproc\n", "")
    assert _roles(without + _IDENT) == ["unproven"]
    assert _roles(without + "\tret\t\t# 8\t[c=0 l=1]  simple_return_internal\n") == ["tail"]


def test_a_function_without_frame_information_among_others() -> None:
    first = _function("\tret\n", name="f")
    second = _function("\tjmp\t*%rax\n", name="g").replace("\t.cfi_startproc\n", "").replace("\t.cfi_endproc\n", "")
    assert _roles(first + second + _IDENT) == ["unproven"]


@pytest.mark.parametrize(
    ("behind", "free"),
    [
        ("", True),
        ("\n\tmovq\t%rax, %rbx\n\tret\n", True),
        ("\n\tmovq\t%r11, %rbx\n", False),
        ("\n\tmovq\t%R11, %rbx\n", False),
        ("\n\tmovl\t%r11d, %ebx\n", False),
        ("\n\tmovb\t$1, %r11b\n", False),
        ("\n\tmovl\t$1, %r11d\n\tmovq\t%r11, %rbx\n", True),
        ("\n\tmovq\t8(%rsp), %r11 # r11\n\tcall\t*%r11\n", True),
        ("\n\tleaq\t8(%rsp), %r11\n", True),
        ("\n\tleaq\t8(%r11), %r11\n", False),
        ("\n\tmovq\t(%rax,%r11), %r11\n", False),
        ("\n\taddq\t%rax, %r11\n", False),
        ("\n\tcmovne\t%rax, %r11\n", False),
        ("\n\txorl\t%r11d, %r11d\n", False),
        ("\n\tmovq\t%rax, (%r11)\n", False),
        ("\n\tcall\t*%r11\n", False),
        ("\n\tjmp\t*%r11\n", False),
        ("\n\tret\n\tmovq\t%r11, %rax\n", True),
        ("\n\tjne\t.L3\n\tmovq\t%r11, %rax\n", True),
        ("\n.L3:\n\tmovq\t%r11, %rax\n", True),
        ("\n\tnop # r11\n\tret\n", True),
        ("; movq %r11, %rax\n", False),
        ("\n\tnop; movq %r11, %rax\n", False),
        ("\n\tmovq $1, %r11; movq %r11, %rax\n", False),
        ("\n" + "\tnop\n" * 1000 + "\tmovq\t%r11, %rax\n", True),
        ("\n\tmov\trbx, r11\n", False),
    ],
)
def test_r11(behind: str, free: bool) -> None:
    call = "\tcall\t*8(%rax)"
    found = survey(parse(call + behind))
    assert Prover(found).r11_is_free(len(call)) is free
