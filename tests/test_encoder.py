"""Every stub shape, by gas and by keystone: two assemblers that share no code must give the same bytes."""

from __future__ import annotations

import pytest

from asmrewrite.errors import ToolError
from asmrewrite.stubs import shapes
from asmrewrite.syntax.operand import REGISTERS
from asmrewrite.toolchain.encoder import GasEncoder, KeystoneEncoder, stub_lines, thunk_lines
from asmrewrite.verify.shapes import thunk_bytes

STUB, SLOTS, SLOW, HOT = 0x401000, 0x40C040, 0x402340, 0x7F0000
TARGETS = [register for register in REGISTERS if register != "rsp"]


def test_stubs_by_gas_and_by_keystone() -> None:
    snippets = [
        (STUB, stub_lines(register, chain, STUB, SLOTS, [HOT + 16 * i for i in range(chain)], SLOW))
        for register in TARGETS
        for chain in range(1, 9)
    ]
    assert KeystoneEncoder().encode(snippets) == GasEncoder().encode(snippets)


def test_thunks_by_gas_by_keystone_and_as_published() -> None:
    kinds = [(slow, register) for slow in ("retpoline", "lfence", "plain") for register in TARGETS]
    snippets = [(STUB, thunk_lines(slow, register, STUB)) for slow, register in kinds]
    published = [thunk_bytes(slow, REGISTERS.index(register), False) for slow, register in kinds]
    assert KeystoneEncoder().encode(snippets) == published
    assert GasEncoder().encode(snippets) == published


def test_the_published_text_is_the_encoded_one() -> None:
    """The stub that the pass prints has, displacements aside, the bytes of `stub_lines`."""
    from io import BytesIO

    from asmrewrite.toolchain.gas import assemble
    from asmrewrite.verify.image import Image

    text = shapes.stub("f.relpoline.0", "rbx", "slots", 4, "slow", True)
    section = Image("stub", BytesIO(assemble(text).content)).named(".text")[0]
    encoded = GasEncoder().encode([(0, stub_lines("rbx", 4, 0, 0x100, [0x1000] * 4, 0x1000))])[0]
    assert [section.data[i : i + 3] for i in range(0, 52, 13)] == [encoded[i : i + 3] for i in range(0, 52, 13)]
    assert [section.data[i : i + 2] for i in range(7, 52, 13)] == [encoded[i : i + 2] for i in range(7, 52, 13)]
    assert len(section.data) == len(encoded)


@pytest.mark.parametrize("line", [".cfi_startproc", ".bundle_align_mode 5", "nopl 8(%rax)", "jmp foo@PLT", "je 1f"])
def test_what_could_hurt_keystone_never_reaches_it(line: str) -> None:
    with pytest.raises(ToolError, match="not a snippet's line"):
        KeystoneEncoder().encode([(0, [line])])


def test_a_keystone_that_gives_up_is_an_error() -> None:
    with pytest.raises(ToolError, match="keystone ended"):
        KeystoneEncoder().encode([(0, ["frobnicate %rax"])])
