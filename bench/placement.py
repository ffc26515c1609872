"""What a hit costs by the place of its stub: the loop of `micro` by hand, its three pieces in chosen pages."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.paired import cpu_seconds, ratio, rotated

_PAGE = 4096
_LOOP = """\
main:	pushq	%rbx
	xorl	%eax, %eax
	xorl	%ebx, %ebx
1:	movq	pointer(%rip), %rdx
	movq	%rax, %rdi
	call	{callee}
	incq	%rbx
	cmpq	$50000000, %rbx
	jne	1b
	popq	%rbx
	xorl	%eax, %eax
	ret
"""
_STUB = "stub:	cmpq	slot(%rip), %rdx\n	je	target\n	ud2\n"
_TARGET = "target:	leaq	1(%rdi), %rax\n	ret\n"
_DATA = '	.data\npointer: .quad target\nslot:	.quad target\n	.section .note.GNU-stack,"",@progbits\n'

#: Offsets of the stub (None: a direct call) and of the target; the loop is at the start of a page.
_CASES: dict[str, tuple[int | None, int]] = {
    "direct call": (None, 256),
    "direct call, another page": (None, 8 * _PAGE + 256),
    "all in one page": (512, 256),
    "stub alone": (8 * _PAGE, 256),
    "target alone": (512, 8 * _PAGE),
    "each in a page": (8 * _PAGE, 16 * _PAGE),
    "stub beside its target": (8 * _PAGE + 512, 8 * _PAGE),
}


def placement(folder: Path, runs: int) -> Iterator[str]:
    """A line for each case, beside the first."""
    folder = folder / "placement"
    folder.mkdir(parents=True, exist_ok=True)
    measures: dict[str, Callable[[], float]] = {
        name: partial(cpu_seconds, [str(_built(folder / name.replace(" ", "-"), stub, target))])
        for name, (stub, target) in _CASES.items()
    }
    rounds = rotated(measures, runs)
    base = next(iter(_CASES))
    for name in _CASES:
        yield f"{name:<26} {ratio((done[name], done[base]) for done in rounds)}"


def _built(program: Path, stub: int | None, target: int) -> Path:
    pieces = [(0, _LOOP.format(callee="target" if stub is None else "stub")), (target, _TARGET)]
    if stub is not None:
        pieces.append((stub, _STUB))
    placed = "".join(f"	.org	base+{offset}, 0xcc\n{text}" for offset, text in sorted(pieces))
    head = '	.globl	main\n	.section .text.placed,"ax"\n	.p2align 12\nbase:\n'
    program.with_suffix(".s").write_text(f"{head}{placed}{_DATA}")
    subprocess.run(["gcc", "-no-pie", program.with_suffix(".s"), "-o", program], check=True)
    return program
