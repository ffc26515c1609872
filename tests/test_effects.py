"""What an instruction reads and writes: each answer beside a decoder's."""

from __future__ import annotations

import pytest

from asmrewrite.analysis.effects import UNKNOWN, Effect, effect
from asmrewrite.analysis.registers import FLAGS, WHOLE
from conformance.decoded import Written, contradictions, tally, truths, written
from tests import c_sources
from tests.building import needs_clang
from tests.support import CLANG, compiled

#: What compilers print rarely, and what is odd about one of its forms.
ODD = r"""
    movb %ch, %al; movb %cl, %ah; movw %cx, %ax; movl %ecx, %eax; movq %rcx, %rax; movzbl %ah, %ecx
    movsbl %dil, %eax; movb (%rax), %r8b; movb %r15b, %al; sete %r12b; movw %r9w, %ax; addl %r10d, %eax
    xorl %eax, %eax; xorb %al, %al; xorw %ax, %ax; subq %rax, %rax; sbbl %eax, %eax; sbbl %ecx, %eax
    adcq $0, (%rax)
    shll $0, %eax; shll $32, %eax; shll $33, %eax; shll $31, %eax; shll %cl, %eax; shll %eax; sarq (%rax)
    shrb $8, %al
    roll $3, %eax; rcll $3, %eax; rcrq %rax; shldl $3, %eax, %ecx; shrdq %cl, %rax, %rcx; rorw $8, %ax
    incl %eax; decb (%rax); negl %eax; notl %eax; notb %ah; bswap %eax; bswapq %rcx
    btl $3, %eax; btsq %rax, (%rcx); btrl $3, %eax; btcl $2, %eax; bsfl %eax, %ecx; bsrq %rax, %rcx
    mull %ecx; mulq (%rcx); mulb %cl; mulw %cx; imull %ecx; imulq %rcx; imulb %cl; imull %ecx, %eax
    imulw $3, (%rax), %ax
    divl %ecx; divb %cl; idivq (%rcx); divw %cx; cltq; cwtl; cqto; cltd; cbtw; cwtd; cltd
    pushq %rax; pushq (%rax); pushq $3; popq %rax; popq (%rax); leave; pushfq; popfq
    sete %al; setb %ah; setg (%rax); cmovel %ecx, %eax; cmovneq (%rcx), %rax; cmovaw %cx, %ax
    cmpb $0, (%rax); testb $1, %al; testl %eax, %eax; cmpq %rax, (%rcx)
    xchgl %eax, %ecx; xchgb %al, (%rcx); xaddl %eax, (%rcx); cmpxchgl %ecx, (%rdx); cmpxchg16b (%rdi)
    lock addl $1, (%rax)
    movsb; movsq; stosl; lodsb; scasb; cmpsb; rep movsb; rep stosq; repne scasb; repe cmpsb
    movsb %al, %ecx; movsq %fs:(%rsi), %es:(%rdi); rep stosl %eax, %es:(%rdi)
    cpuid; rdtsc; rdtscp; xgetbv; rdrand %eax; lahf; sahf; stc; clc; cmc; cld; std
    popcntl %eax, %ecx; lzcntl %eax, %ecx; tzcntq (%rax), %rcx; andnl %eax, %ecx, %edx; blsrl %eax, %ecx
    bzhil %eax, %ecx, %edx
    shlxl %eax, %ecx, %edx; rorxl $3, %eax, %ecx; pdepl %eax, %ecx, %edx; mulxl %eax, %ecx, %edi
    adcxl %eax, %ecx; fucompi %st(1), %st; fcompi %st(1), %st
    adoxl %eax, %ecx; bextrl %eax, %ecx, %edx; crc32b %al, %ecx; movbel (%rax), %ecx; movntil %eax, (%rcx)
    movd %xmm0, %eax; movq %xmm0, %rax; movd %eax, %xmm0; pextrb $3, %xmm0, %eax; pextrw $3, %xmm0, %eax
    movmskpd %xmm0, %eax
    pmovmskb %xmm0, %eax; pinsrw $3, %eax, %xmm0; cvttsd2si %xmm0, %rax; cvtsi2sdq %rax, %xmm0
    extractps $1, %xmm0, %eax
    ucomisd %xmm0, %xmm1; comiss (%rax), %xmm0; ptest %xmm0, %xmm1; vtestps %xmm0, %xmm1
    pcmpestri $0, %xmm0, %xmm1
    pcmpistri $0, %xmm0, %xmm1; pcmpistrm $0, %xmm0, %xmm1; pcmpestrm $0, %xmm0, %xmm1
    maskmovdqu %xmm0, %xmm1
    kmovw %k1, %eax; kmovq %rax, %k1; kortestw %k1, %k2; ktestq %k1, %k2; vmovdqu8 (%rax), %zmm1{%k1}{z}
    vpgatherdd %ymm0, (%rax,%ymm1,4), %ymm2; vpcompressb %zmm0, (%rax){%k1}; vcvtss2usi %xmm0, %eax
    vpextrq $1, %xmm0, %rax
    vpbroadcastd %eax, %zmm0; vpinsrd $1, %eax, %xmm0, %xmm1; vmovq %rax, %xmm0; vzeroupper; ldmxcsr (%rax)
    stmxcsr (%rax)
    fcomi %st(1), %st; fucomip %st(1), %st; fnstsw %ax; fstsw %ax; fnstcw (%rax); fstcw (%rax)
    fcmovb %st(1), %st; fldt (%rax)
    fxsave (%rax); xsave (%rax); xsaveopt (%rax); xrstor (%rax); fninit; emms; prefetcht0 (%rax)
    clflush (%rax); nopw (%rax)
    nop; pause; endbr64; lfence; mfence; sfence; rdfsbase %rax; wrfsbase %rax; rdpid %rax; syscall; xlatb
    enter $8, $0
    rdsspq %rax; incsspq %rax; movl %gs, %eax; movw %ax, %ds; sgdt (%rax); str %eax; ptwrite %eax
    umonitor %rax; tpause %eax
    cvttsd2si (%rax), %ecx; cvtss2sil (%rax), %ecx; vcvtsd2siq (%rax), %rcx; vcvttsd2usi (%rax), %rcx
    .intel_syntax noprefix
    mov al, ch; xor eax, eax; xor al, al; mul ecx; mul cl; mul word ptr [rcx]; mul dword ptr [rcx]; imul rcx
    div qword ptr [rcx]
    sete al; sete byte ptr [rax]; cmove eax, ecx; shl eax, cl; shl eax, 3; shl eax; movzx eax, byte ptr [rcx]
    movsxd rax, ecx
    push rax; pop rax; lea eax, [rcx+rdx*4]; movd eax, xmm0; comisd xmm0, xmm1; test al, 1
    cmp byte ptr [rax], 0; not ah
    imul eax, ecx, 3; imul ax, cx; adc rax, [rcx]; bt eax, 3; cdqe; cqo; cwde; cdq; movq rax, xmm0
    pextrb eax, xmm0, 1
    shlx eax, ecx, edx; andn eax, ecx, edx; bextr eax, ecx, edx; rorx eax, ecx, 3; shld eax, ecx, 3
    xchg eax, ecx
    .att_syntax prefix
"""


def problems_of(text: str) -> list[str]:
    return list(tally(written(text)).problems)


def test_odd_instructions() -> None:
    made = list(written(ODD))
    assert len(made) > 230
    assert problems_of(ODD) == []


@pytest.mark.parametrize(
    "flags",
    ["-O0", "-O2", "-O3 -march=x86-64-v3", "-Os -fPIC -masm=intel", "-O3 -march=x86-64-v4 -ffast-math"],
)
@pytest.mark.parametrize("compiler", ["gcc", pytest.param(CLANG, marks=needs_clang)])
def test_compilers(compiler: str, flags: str) -> None:
    sources = c_sources.ALL if compiler == "gcc" else (c_sources.CALLS, c_sources.JUMPS, c_sources.THREAD)
    listings = "".join(compiled(source, *flags.split(), compiler=compiler) for source in sources)
    counted = tally(written(listings))
    assert counted.problems == ()
    assert counted.unknown.total() <= counted.instructions / 50, counted.unknown


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("movb %cl, %al", Effect(frozenset(), frozenset(), frozenset({"rax.low"}))),
        ("movb %cl, %al", Effect(WHOLE["rcx"], WHOLE["rax"], WHOLE["rax"])),
        ("movl %ecx, %eax", Effect(WHOLE["rcx"], WHOLE["rax"] - {"rax.rest"}, frozenset())),
        ("cmovel %ecx, %eax", Effect(WHOLE["rcx"], frozenset(), WHOLE["rax"])),
        ("incl %eax", Effect(WHOLE["rax"], WHOLE["rax"] | {FLAGS}, WHOLE["rax"] | {FLAGS})),
    ],
)
def test_a_wrong_claim_is_seen(text: str, claim: Effect) -> None:
    (made,) = written(text)
    (truth,) = truths([made])
    assert list(contradictions(claim, truth))


def test_what_is_not_known_reads_everything() -> None:
    assert effect("frobnicate", ("%rax",)) is UNKNOWN
    assert effect("movl", ("%eax", "%ecx"), ("rep",)) is UNKNOWN
    made = Written("cpuid", (), (), False, "cpuid")
    assert effect(made.head, made.operands) is UNKNOWN
    assert list(contradictions(UNKNOWN, next(truths([made])))) == []
