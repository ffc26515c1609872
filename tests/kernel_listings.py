"""What the tests of abi=kernel rewrite: functions in the kernel's manner."""

from __future__ import annotations

from tests.building import IDENT

ALL = "static-call,retpoline,return,mcount"
#: As kbuild calls the compiler for the kernel itself, in essence.
FLAGS = (
    "-D__KERNEL__ -O2 -fno-PIE -m64 -mno-red-zone -mcmodel=kernel -fno-asynchronous-unwind-tables -fcf-protection=none "
    "-mindirect-branch=thunk-extern -mindirect-branch-register -mindirect-branch-cs-prefix "
    "-mfunction-return=thunk-extern -fno-jump-tables"
)
SOURCE = """\
extern void __SCT__event(void);
extern long (*__SCK__event);
typedef long fn(long);
static long twice(long n) { return n * 2; }
fn *twice_address = twice;
long calls(fn *p, long n) { __SCT__event(); return p(n) + p(n + 1); }
long tail(long n, fn *p) { __SCT__event(); return p(n); }
"""
ORDINARY = "\t.text\n\t.globl\tf\n\t.type\tf, @function\nf:\n{}\t.size\tf, .-f\n" + IDENT


def function(body: str) -> str:
    """A listing with `body` in a function of .text."""
    return ORDINARY.format(body)
