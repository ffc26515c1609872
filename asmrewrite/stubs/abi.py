"""Table layouts. docs/abi.md and include/asmrewrite/abi.h say the same, and the tests hold them to it.

One record a site, of fixed size and PC-relative, so that tables need no relocation when the program starts::

    offset  size  field
         0     4  site     address of the instruction, minus the address of this field
         4     4  dest     the stub (relpoline), the function (call-ops), or the GOT entry of the key (others),
                           minus this field's address
         8     4  slots    the first slot (relpoline), where the jump leads (marker), or the literal (call-ops),
                           minus this field's address; or 0
        12     1  pass     1 relpoline, 2 static call, 3 marker, 4 call-ops
        13     1  form     0 call, 1 jmp, 2 conditional jump (6 bytes), 3 nop, 4 push with prefixes (the others 5 bytes)
        14     1  reg      hardware number of the register that holds the target, or is pushed; 255 when there is none
        15     1  chain    entries of the stub's chain
        16     1  block    log2 of the block that the instruction does not straddle (bytes), 3 to 6
        17     1  flags    see FLAGS
        18     2  version  of this layout
        20     4  reserved, 0
"""

from __future__ import annotations

import struct
from typing import NamedTuple

VERSION = 1

#: Sections of the user ABI; the linker gives each its __start_ and __stop_ symbols.
SITES_SECTION = "asmrewrite_sites"
SLOTS_SECTION = "asmrewrite_slots"
#: Sections of the kernel ABI (asmrewrite/stubs/kernel.py has their formats), and the flags in a static call's key.
KERNEL_STATIC_CALLS, KERNEL_RELPOLINES = ".static_call_sites", ".relpoline_sites"
KERNEL_SECTIONS = frozenset(
    {KERNEL_STATIC_CALLS, KERNEL_RELPOLINES, ".retpoline_sites", ".return_sites", "__mcount_loc"}
)
KERNEL_TAIL, KERNEL_INIT = 1, 2
#: Every rewriting that makes a site names one of these.
SECTIONS = frozenset({SITES_SECTION, SLOTS_SECTION, *KERNEL_SECTIONS})

PASSES = {"relpoline": 1, "static-call": 2, "marker": 3, "call-ops": 4}
FORMS = {"call": 0, "jmp": 1, "jcc": 2, "nop": 3, "push": 4}
#: Bytes of the instruction of each form, and the offset of its 32-bit displacement.
FORM_SIZE = {"call": 5, "jmp": 5, "jcc": 6, "nop": 5, "push": 5}
SLOW_PATHS = {"retpoline": 0, "lfence": 1, "plain": 2, "external": 3}
NO_REGISTER = 255
#: bits 0-1: slow path; bit 2: the branch was `notrack`; bit 3: the key is the trampoline, no __SCK__ being known;
#: bit 4: a marker's branch is taken when its key is off, and not when it is on.
FLAG_SLOW_MASK, FLAG_NOTRACK, FLAG_KEY_IS_TRAMPOLINE, FLAG_JUMPS_OFF = 3, 4, 8, 16

#: Up to four of these keep a marker's site in its block, or make a push as long as a call: `cs` says nothing to a jump,
#: nop or push (AMD APM 3, 1.2.4).
PADDING_PREFIX = 0x2E

#: A slot is an address. Before training it is the slot's own: data, which nothing calls, and not 0, so that a null
#: call still faults; and in a movable program a relocation with an addend that can be changed later.
SLOT_SIZE = 8

RECORD = struct.Struct("<iiiBBBBBBHI")
RECORD_SIZE = RECORD.size


class Record(NamedTuple):
    """A record of the user ABI, as the bytes say it (displacements not yet resolved)."""

    site: int
    dest: int
    slots: int
    pass_: int
    form: int
    reg: int
    chain: int
    block: int
    flags: int
    version: int
    reserved: int

    @classmethod
    def unpack(cls, data: bytes, offset: int) -> Record:
        """The record at `offset` of `data`."""
        return cls(*RECORD.unpack_from(data, offset))


def name_of(table: dict[str, int], number: int) -> str:
    """The name that `table` gives `number`; the number itself in words when there is none."""
    for name, value in table.items():
        if value == number:
            return name
    return f"unknown-{number}"
