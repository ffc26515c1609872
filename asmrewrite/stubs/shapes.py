"""The published shapes, as text for gas in AT&T syntax; verify/shapes.py knows the same shapes as bytes.

A relpoline's stub, for a target in `%rax` and a chain of two::

    48 3b 05 rel32      cmpq  slot0(%rip), %rax      # slots hold addresses that were called often
    0f 84 rel32         je    hot0                   # until trained: the slow path, so that a match is harmless
    48 3b 05 rel32      cmpq  slot1(%rip), %rax
    0f 84 rel32         je    hot1
    e9 rel32            jmp   __relpoline_retpoline_rax

and the thunks that it ends in::

    retpoline:  e8 07 00 00 00    call  1f           # the construct of gcc's -mindirect-branch=thunk
                f3 90         0:  pause
                0f ae e8          lfence
                eb f9             jmp   0b
                48 89 04 24   1:  movq  %rax, (%rsp)
                c3                ret
                cc                int3               # nothing is speculated past the return
    lfence:     0f ae e8          lfence
                ff e0             jmp   *%rax
                cc                int3
    plain:      ff e0             jmp   *%rax
                cc                int3
"""

from __future__ import annotations

import re

from asmrewrite.stubs import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.sections import Section
    from asmrewrite.options import Options

#: All local labels that a rewriting adds begin so.
LABEL_PREFIX = ".Lasmrewrite_"
_ODD = re.compile(r"[^A-Za-z0-9_.$]")


def plain_name(function: str) -> str:
    """`function` as a name that needs no quotes, to begin a stub's with."""
    return _ODD.sub("_", function) or "site"


def thunk_name(slow: str, register: str, notrack: bool) -> str:
    """The COMDAT symbol of the slow path through `register`."""
    return f"__relpoline_{slow}_{'notrack_' if notrack and slow != 'retpoline' else ''}{register}"


def thunk(slow: str, register: str, notrack: bool, cfi: bool) -> str:
    """The slow path through `register` as a COMDAT function of its own, like gcc's thunks."""
    name = thunk_name(slow, register, notrack)
    jump = f"\t{'notrack ' if notrack else ''}jmp\t*%{register}\n"
    if slow == "retpoline":
        moved = "\t.cfi_def_cfa_offset 16\n" if cfi else ""
        body = (
            f"\tcall\t{LABEL_PREFIX}{name}_1\n{LABEL_PREFIX}{name}_0:\n\tpause\n\tlfence\n"
            f"\tjmp\t{LABEL_PREFIX}{name}_0\n{LABEL_PREFIX}{name}_1:\n{moved}\tmovq\t%{register}, (%rsp)\n\tret\n"
        )
    else:
        body = ("\tlfence\n" if slow == "lfence" else "") + jump
    body += "\tint3\n"
    return (
        f'\t.pushsection\t.text.{name}, "axG", @progbits, {name}, comdat\n'
        f"\t.globl\t{name}\n\t.hidden\t{name}\n\t.type\t{name}, @function\n{name}:\n"
        f"{_framed(body, cfi)}\t.size\t{name}, .-{name}\n\t.popsection\n"
    )


def stub(name: str, register: str, slots: str, chain: int, slow: str, cfi: bool, targets: tuple[str, ...] = ()) -> str:
    """A relpoline's stub; `slots` is the label of its slots, `slow` the symbol of its slow path.

    The first entries lead to `targets`, the others to `slow`.
    """
    key = (register, chain, slow, cfi, targets)
    template = _stubs.get(key)
    if template is None:
        entries = "".join(
            f"\tcmpq\tSLOTS{f'+{abi.SLOT_SIZE * entry}' if entry else ''}(%rip), %{register}\n\t{{disp32}} je\t{led}\n"
            for entry, led in enumerate((*targets, *[slow] * (chain - len(targets))))
        )
        body = _framed(f"{entries}\t{{disp32}} jmp\t{slow}\n", cfi)
        frame = f"\t.p2align 4, 0xcc\n\t.type\tNAME, @function\nNAME:\n{body}\t.size\tNAME, .-NAME\n"
        template = _stubs[key] = frame.replace("SLOTS", "\0").replace("NAME", "\1")
    return template.replace("\0", slots).replace("\1", name)


def slots(label: str, chain: int, targets: tuple[str, ...] = ()) -> str:
    """The slots of a stub: the addresses of `targets`; each of the others holds its own."""
    own = (f"{label}{f'+{abi.SLOT_SIZE * entry}' if entry else ''}" for entry in range(len(targets), chain))
    return f"{label}:\n\t.quad\t{', '.join((*targets, *own))}\n"


#: Stubs of one listing differ in two names; \0 and \1 stand for them.
_stubs: dict[tuple[str, int, str, bool, tuple[str, ...]], str] = {}


def _framed(body: str, cfi: bool) -> str:
    return f"\t.cfi_startproc\n{body}\t.cfi_endproc\n" if cfi else body


def aligned(instruction: str, end_label: str, size: int, options: Options) -> str:
    """`instruction` (`size` bytes) as part of a line, so that it does not straddle its block; `end_label` ends it.

    align=bundle is the proposal of 2019: .bundle_align_mode around the one instruction. align=p2align pads for
    assemblers that cannot leave bundle mode: by size-1 bytes at most, which is just when it would straddle.
    A label before the instruction would stand before the padding; one behind it cannot be wrong.
    """
    block = options.block
    if options.align == "p2align":
        return f".p2align {block},,{size - 1}; {instruction}; {end_label}:"
    if ";" in instruction:  # a prefix, which gas takes in front of a call only as a statement of its own
        instruction = f".bundle_lock; {instruction}; .bundle_unlock"
    return f".bundle_align_mode {block}; {instruction}; {end_label}: .bundle_align_mode 0"


def record(
    site: str, size: int, dest: str, slots: str, *, pass_: str, form: str, reg: int, chain: int, block: int, flags: int
) -> str:
    """A record of the user ABI; `site` is the label behind the instruction, `size` its bytes."""
    return (
        f"\t.long\t{site}-{size}-.\n\t.long\t{dest}\n\t.long\t{f'{slots}-.' if slots else '0'}\n"
        f"\t.byte\t{abi.PASSES[pass_]}, {abi.FORMS[form]}, {reg}, {chain}, {block}, {flags}\n"
        f"\t.value\t{abi.VERSION}\n\t.long\t0\n"
    )


def linked_section(name: str, flags: str, anchor: str, section: Section) -> str:
    """The arguments of a table's .pushsection: tied to the text section that `anchor` is in, and to its group.

    `o` (SHF_LINK_ORDER) lets --gc-sections drop the table with its text; the group does so for COMDAT text.
    """
    group = f", {section.group}{', comdat' if section.comdat else ''}" if section.group else ""
    return f'{name}, "{flags}o{"G" if group else ""}", @progbits, {anchor}{group}'
