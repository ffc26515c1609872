"""What is dead where: small bodies, one for each rule; and random ones beside a decoder."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asmrewrite import parse
from asmrewrite.analysis.body import Body, read_body
from asmrewrite.analysis.effects import Effect
from asmrewrite.analysis.liveness import is_dead
from asmrewrite.analysis.proof import Prover
from asmrewrite.analysis.registers import EVERYTHING, FLAGS, NAMES, WHOLE
from asmrewrite.analysis.survey import survey
from conformance.decoded import truths, written
from tests.building import IDENT

LSDA = '\t.section\t.gcc_except_table,"a",@progbits\n\t.uleb128 .L7-.LFB0\n\t.uleb128 0\n'


def body(code: str, rest: str = "", prefix: str = "") -> Body | None:
    """The body of a function with `code`, statements split by `;`."""
    lines = "".join(f"{part}\n" if part.endswith(":") else f"\t{part}\n" for part in code.split("; "))
    text = f"\t.text\n{prefix}\t.type\tf, @function\nf:\n.LFB0:\n{lines}\t.size\tf, .-f\n{rest}{IDENT}"
    found = survey(parse(text))
    return read_body(found, "f", Prover(found), frozenset())


def dead(code: str, name: str, rest: str = "") -> bool:
    """Whether `name` is dead at the start of `code`."""
    read = body(code, rest)
    assert read is not None
    return is_dead(read, 0, frozenset({FLAGS}) if name == FLAGS else NAMES[name][1])


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("movl $1, %ecx; ret", "rcx", True),
        ("movb $1, %cl; movl %ecx, %eax; ret", "rcx", False),
        ("movb $1, %cl; movzbl %cl, %ecx; ret", "cl", True),
        ("cmovel %eax, %ecx; movl $0, %ecx; ret", "rcx", False),
        ("ret", "rax", False),
        ("ret", FLAGS, True),
        ("call g; ret", FLAGS, True),
        ("call g; ret", "rcx", False),
        ("jmp g", FLAGS, True),
        ("jmp *%rax", FLAGS, False),
        ("call *%rax; ret", FLAGS, True),
        ("call __x86_indirect_thunk_rax; ret", "rax", False),
        ("movl $1, %eax; sete %cl; ret", FLAGS, False),
        ("movl $1, %eax; testl %eax, %eax; sete %cl; ret", FLAGS, True),
        ("incl %eax; jb .L2; .L2:; ret", FLAGS, False),
        ("shll %cl, %eax; je .L2; .L2:; ret", FLAGS, False),
        ("jmp .L3; .L2:; movl $1, %ecx; ret; .L3:; jmp .L2", "rcx", True),
        ("testl %eax, %eax; je .L2; movl $1, %ecx; ret; .L2:; movl %ecx, %eax; ret", "rcx", False),
        ("testl %eax, %eax; je .L2; movl $1, %ecx; ret; .L2:; movl $2, %ecx; ret", "rcx", True),
        ("testl %eax, %eax; je .L9; ud2", FLAGS, True),
        ("testl %eax, %eax; je g; ud2", "rcx", False),
        (".L2:; movl $1, %ecx; jmp .L2", "rcx", True),
        (".L2:; jmp .L2", "rcx", True),
        ("jrcxz .L2; .L2:; ud2", "rcx", False),
        ("loop .L2; .L2:; ud2", "rcx", False),
        ("xorl %ecx, %ecx; ret", "rcx", True),
        ("frobnicate %rdx; xorl %ecx, %ecx; ret", "rcx", False),
        ("rep; stosb; xorl %ecx, %ecx; ret", "rcx", False),
        ("rep; stosb; xorl %edx, %edx; ret", "rdx", True),
        ("hlt", "rcx", False),
        ("hlt; movl $1, %ecx; ret", "rcx", True),
    ],
)
def test_rules(code: str, name: str, expected: bool) -> None:
    assert dead(code, name) is expected


def test_a_landing_pad_may_read_what_the_way_on_does_not() -> None:
    code = "movl (%rdi), %eax; movl $1, %ebx; movl $1, %ecx; ud2; .L7:; movl %ebx, %edi; movl %ecx, %esi; ud2"
    assert dead(code, "rbx")
    assert not dead(code, "rbx", LSDA)
    assert dead(code, "rcx", LSDA), "an exception keeps what a callee preserves, and no more"


@pytest.mark.parametrize(
    "code",
    [
        ".byte 0x90; ret",
        ".long 5",
        ".if 1; nop; .endif",
        "m 5; .macro m x; nop; .endm",
        ".rept 2; nop; .endr",
        ".incbin x",
    ],
)
def test_what_hides_instructions_is_not_read(code: str) -> None:
    read = body(code)
    assert read is None or not is_dead(read, 0, WHOLE["rcx"])


def test_entries() -> None:
    read = body("nop; .L2:; nop; .L3:; nop; .L4:; leaq .L2(%rip), %rax; 1:; jmp .L4; g:; nop",
                "\t.section .rodata\n\t.quad .L3\n")  # fmt: skip
    assert read is not None
    assert read.entries == {0, 1, 2, 4, 5}
    assert read.labelled == read.entries | {3}


# ---- beside a decoder --------------------------------------------------------------------------------------

POOL = """
    movl %ecx, %eax; movb %cl, %al; movb %ah, %cl; movw %dx, %ax; movq (%rdi), %rdx
    movl %eax, 8(%rsi); leaq 4(%rdi,%rcx,2), %rax; xorl %eax, %eax; xorl %ecx, %edx; addl %eax, %ecx
    adcl $0, %edx; sbbl %ecx, %ecx; cmpl %eax, %ecx; testb %cl, %cl; shll $3, %eax; shll %cl, %edx
    incl %ecx; decl (%rdi); notl %edx; negl %eax; sete %al; setb %cl; cmovel %edx, %eax
    imull %ecx, %eax; imulq $3, %rdx, %rcx; mull %ecx; cltq; cqto; movzbl %al, %edx; movsbl %cl, %eax
    bswap %edx; bsfl %ecx, %eax; popcntl %ecx, %edx; btl $3, %eax; rolb $1, %al; xchgl %eax, %edx
    movd %xmm0, %eax; movd %edx, %xmm1; ucomisd %xmm0, %xmm1; pushq %rax; popq %rcx; stosb
    movl $1, %ecx; movq $0, %rax; andl $1, %eax; xorb $1, %al; leave
"""


@cache
def pool() -> tuple[tuple[str, Effect], ...]:
    """Instructions, and what a decoder says of each."""
    made = list(written(POOL))
    return tuple((instruction.text, truth) for instruction, truth in zip(made, truths(made), strict=True))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_programs(data: st.DataObject) -> None:
    program = data.draw(st.lists(st.sampled_from(pool()), min_size=1, max_size=12))
    read = body("; ".join([*(text for text, _ in program), "ret"]))
    assert read is not None
    for part in EVERYTHING:
        live = part != FLAGS  # the return reads all
        for _, truth in reversed(program):
            live = part in truth.reads or (live and part not in truth.kills)
        assert not (live and is_dead(read, 0, frozenset({part}))), part
