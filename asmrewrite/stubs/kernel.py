"""The kernel's tables of places to patch, and the stubs and records that only the kernel ABI has.

The tables are what objtool writes (tools/objtool/check.c, create_*_sections): entries of fixed size without a header::

    .static_call_sites   .long site - .          aw, 8 bytes; include/linux/static_call_types.h
                         .long key + flags - .       1: a tail call, 2: init text (set by the kernel as it runs)
    .retpoline_sites     .long site - .          a; call, jmp or jcc to __x86_indirect_thunk_REG, its `cs` included
    .return_sites        .long site - .          a; jmp or jcc to __x86_return_thunk
    __mcount_loc         .quad site              a; call __fentry__
    .relpoline_sites     .long site - .          a, 12 bytes; ours, see `record`
                         .long stub - .              0 where the site is still a call of the thunk
                         .byte register, form, chain, version

A relpoline's stub in the kernel, for two targets in `%rax`; the slow path is the thunk, in a ``.retpoline_sites``
entry of its own, so that spectre_v2= decides what becomes of it as of every other::

    48 3d imm32         cmpq  $target0, %rax         # 32-bit sign-extended: kernel text is in the top 2 GiB
    0f 84 rel32         je    target0
    48 3d imm32         cmpq  $target1, %rax
    0f 84 rel32         je    target1
    e9 rel32            jmp   __x86_indirect_thunk_rax   # 2e e9 rel32 for r8 to r15
    cc                  int3                         # nothing is speculated past it (-mharden-sls)
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple


class Table(NamedTuple):
    """A table: its section and that section's flags, the alignment and size of its entries (bytes)."""

    section: str
    flags: str
    align: int
    size: int


#: By their words in the option `tables`; all but the last are objtool's.
TABLES = {
    "static-call": Table(".static_call_sites", "aw", 4, 8),
    "retpoline": Table(".retpoline_sites", "a", 4, 4),
    "return": Table(".return_sites", "a", 4, 4),
    "mcount": Table("__mcount_loc", "a", 8, 8),
}
RELPOLINE = Table(".relpoline_sites", "a", 4, 12)
#: What objtool writes no entry for: code that is copied elsewhere before it runs.
TEMPLATES = ".altinstr_replacement"

RETURN_THUNK = "__x86_return_thunk"
THUNK_PREFIX = "__x86_indirect_thunk_"
HOOK = "__fentry__"
#: Symbol prefixes of the sites of each table; those of static calls are an option.
SYMBOLS = {"retpoline": (THUNK_PREFIX,), "return": (RETURN_THUNK,), "mcount": (HOOK,)}

#: Of the symbols for local functions; without a dot, since objtool takes `.cold` in a name for a cold part.
ALIAS_PREFIX = "__relpoline_target_"
_SIGN = re.compile(r"\W", re.ASCII)

RECORD = struct.Struct("<iiBBBB")
RECORD_VERSION = 1


def entry(table: str, site: str, key: str = "", flags: int = 0) -> str:
    """The text of an entry; `site` is an expression for the address of the instruction."""
    if table == "mcount":
        return f"\t.quad\t{site}\n"
    if table == "static-call":
        return f"\t.long\t{site}-., {key}+{flags}-.\n"
    return f"\t.long\t{site}-.\n"


def record(site: str, stub: str, register: int, form: int, chain: int) -> str:
    """The text of a record of ``.relpoline_sites``; `stub` is "" where the site still calls the thunk."""
    dest = f"{stub}-." if stub else "0"
    return f"\t.long\t{site}-., {dest}\n\t.byte\t{register}, {form}, {chain}, {RECORD_VERSION}\n"


def section(table: Table, entries: list[str]) -> str:
    """`entries` as text to append to a listing."""
    return "".join(
        [f'\t.pushsection\t{table.section}, "{table.flags}", @progbits\n\t.balign\t{table.align}\n', *entries,
         "\t.popsection\n"]
    )  # fmt: skip


def stub(name: str, register: str, targets: tuple[str, ...], slow: str, slow_label: str) -> str:
    """The stub `name` for `targets`; `slow_label` names the jump to the thunk `slow`."""
    entries = "".join(f"\tcmpq\t${target}, %{register}\n\t{{disp32}} je\t{target}\n" for target in targets)
    prefix = "cs; " if register in HIGH else ""
    return (
        f"\t.p2align 4, 0xcc\n\t.type\t{name}, @function\n{name}:\n{entries}"
        f"{slow_label}:\t{prefix}{{disp32}} jmp\t{slow}\n\tint3\n\t.size\t{name}, .-{name}\n"
    )


def alias(file: str, function: str) -> str:
    """The hidden symbol that stands for the local `function` of the source `file` in other objects of the kernel.

    Two files whose names differ in nothing but signs have equal ones; both in one kernel, the linker says so.
    """
    return f"{ALIAS_PREFIX}{_SIGN.sub('_', file)}__{function}"


#: Registers whose indirect branch takes six bytes, so that the branch to their thunk has a `cs` before it.
HIGH = frozenset(f"r{number}" for number in range(8, 16))
