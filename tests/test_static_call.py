"""The static-call pass: every form, every spelling of a trampoline, both tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from asmrewrite import Options, Verdict, check, rewrite
from tests.building import assemble, instructions, must, options, relocations, section_bytes

#: Condition codes in the order of their encoding (Intel SDM, appendix B.1.4.7), with their other names.
CONDITIONS = [
    "o", "no", "b c nae", "ae nb nc", "e z", "ne nz", "be na", "a nbe", "s", "ns", "p pe", "np po", "l nge", "ge nl",
    "le ng", "g nle",
]  # fmt: skip


def rewritten(body: str, flags: str = "") -> str:
    """The rewritten text of `body` in a function."""
    text = f"\t.type\tf, @function\nf:\n{body}\tret\n\t.size\tf, .-f\n"
    return rewrite(text, options(f"passes=static-call {flags}")).text


@pytest.mark.parametrize("number", range(16))
def test_every_condition(number: int, tmp_path: Path) -> None:
    names = CONDITIONS[number].split()
    text = rewritten("".join(f"\tj{name}\t__SCT__event\n" for name in names))
    made = assemble(text, tmp_path / "x.o")
    verdicts = check(str(made))
    assert [(v.verdict, v.form) for v in verdicts] == [(Verdict.PASS, "jcc")] * len(names)
    data = section_bytes(made, ".text")
    assert all(data[v.offset : v.offset + 2] == bytes([0x0F, 0x80 | number]) for v in verdicts)


@pytest.mark.parametrize(
    "statement",
    [
        "call\t__SCT__event", "callq\t__SCT__event", "call __SCT__event@PLT", "call\t*__SCT__event@GOTPCREL(%rip)",
        "CALL __SCT__event", "{disp32} jmp __SCT__event", "jmp\t__SCT__event # why", "jmp __SCT__event;nop",
        "nop; call __SCT__event; nop", "/* a */ call __SCT__event /* b */", 'call "__SCT__event"',
        "1: call __SCT__event", "jne __SCT__event", "jmp *__SCT__event@GOTPCREL(%rip)",
    ],
)  # fmt: skip
def test_every_spelling(statement: str, tmp_path: Path) -> None:
    """Each becomes a site whose target and other bytes are those it had, or is left alone with a reason."""
    result = rewrite(f"f:\t{statement}\n\tret\n", Options(passes=("static-call",)))
    assert len(result.sites) == 1, result.skips
    (verdict,) = check(str(assemble(result.text, tmp_path / "x.o")))
    assert (verdict.verdict, verdict.target) == (Verdict.PASS, "__SCT__event")
    plain = assemble(f"f:\t{statement}\n\tret\n", tmp_path / "plain.o")
    kept = [text for _, _, text in instructions(plain) if not text.startswith(("call", "j"))]
    assert [text for _, _, text in instructions(tmp_path / "x.o") if not text.startswith(("call", "j"))] == kept


@pytest.mark.parametrize(
    "statement",
    ["call\t*__SCT__event(%rip)", "mov\t$__SCT__event, %eax", "call\t__SCT__event+5", "lea\t__SCT__event(%rip), %rax",
     ".quad\t__SCT__event", "call\tx__SCT__event", "loop\t__SCT__event"],
)  # fmt: skip
def test_what_is_no_static_call(statement: str) -> None:
    result = rewrite(f"f:\t{statement}\n\tret\n", Options(passes=("static-call",)))
    assert not result.sites and not result.changed


def test_keys(tmp_path: Path) -> None:
    """The key is __SCK__x where that name occurs, and the trampoline where it does not; other prefixes have none."""
    text = rewritten(
        "\tcall\t__SCT__a\n\tcall\t__SCT__b\n\tcall\tmine_c\n"
        "\tmovq\t__SCK__a(%rip), %rax\n\tmovq\t__SCK__bb(%rip), %rax\n",
        "static-call-prefix=__SCT__,mine_",
    )
    made = assemble(text, tmp_path / "x.o")
    keys = [r.symbol for r in relocations(made, "asmrewrite_sites") if r.kind == "R_X86_64_GOTPCREL"]
    assert keys == ["__SCK__a", "__SCT__b", "mine_c"]
    flags = section_bytes(made, "asmrewrite_sites")[17::24]
    assert list(flags) == [0, 8, 8]
    assert all(v.verdict is Verdict.PASS for v in check(str(made)))


def test_kernel_entries(tmp_path: Path) -> None:
    """`.static_call_sites`: (site - ., key - .) with bit 0 of the key for a tail call (static_call_types.h).

    A conditional jump to a trampoline is one (tools/objtool/check.c, is_sibling_call).
    """
    text = rewritten("\tcall\t__SCT__a\n\tjmp\t__SCT__a\n\tjne\t__SCT__b\n\t.quad\t__SCK__a\n", "abi=kernel")
    made = assemble(text, tmp_path / "x.o")
    entries = relocations(made, ".static_call_sites")
    assert [(r.offset, r.kind, r.symbol) for r in entries] == [
        (0, "R_X86_64_PC32", ".text"), (4, "R_X86_64_PC32", "__SCK__a"),
        (8, "R_X86_64_PC32", ".text"), (12, "R_X86_64_PC32", "__SCK__a"),
        (16, "R_X86_64_PC32", ".text"), (20, "R_X86_64_PC32", "__SCT__b"),
    ]  # fmt: skip
    assert [r.addend for r in entries[1::2]] == [0, 1, 1]
    found = {offset: text for offset, _, text in instructions(made, ".text")}
    assert [found[r.addend].split()[0] for r in entries[0::2]] == ["call", "jmp", "jne"]
    assert "asmrewrite_sites" not in text


def test_kernel_without_its_table() -> None:
    text = rewritten("\tcall\t__SCT__a\n", "abi=kernel tables=")
    assert ".bundle_align_mode 4" in text and ".static_call_sites" not in text


def test_intel_syntax(tmp_path: Path) -> None:
    text = rewritten(
        "\t.intel_syntax noprefix\n\tcall\t__SCT__a\n\tcall\t[QWORD PTR __SCT__a@GOTPCREL[rip]]\n\tjne\t__SCT__a\n"
    )
    verdicts = check(str(assemble(text, tmp_path / "x.o")))
    assert [(v.form, v.verdict) for v in verdicts] == [
        ("call", Verdict.PASS), ("call", Verdict.PASS), ("jcc", Verdict.PASS),
    ]  # fmt: skip


def test_sections_keep_their_own_records(tmp_path: Path) -> None:
    """Each text section's records go with it: linked to it, and in its group."""
    text = rewrite(
        '\t.section .text.a,"ax",@progbits\na:\tcall __SCT__x\n'
        '\t.section .text.b,"axG",@progbits,b,comdat\nb:\tcall __SCT__x\n'
        '\t.section .init.text,"ax"\nc:\tjmp __SCT__x\n',
        Options(passes=("static-call",)),
    ).text
    made = assemble(text, tmp_path / "x.o")
    listing = must(["readelf", "-S", "-W", made]).text.splitlines()
    tables = [line for line in listing if "asmrewrite_sites" in line and "PROGBITS" in line]
    assert len(tables) == 3 and sum("ALG" in line for line in tables) == 1
    assert all(v.verdict is Verdict.PASS for v in check(str(made)))
