"""The relpoline pass: bytes of stubs and thunks, what the options do, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asmrewrite import OptionError, Options, UnsoundError, Verdict, check, rewrite
from tests.building import (
    GCC,
    IDENT,
    assemble,
    clean_environment,
    instructions,
    must,
    options,
    relocations,
    run,
    section_bytes,
)

REGISTERS = ["rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16))]
NUMBERS = {name: n for n, name in enumerate(["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"])} | {
    f"r{n}": n for n in range(8, 16)
}
SIBCALL = "\t# 8\t[c=8 l=2]  *sibcall"


def function(body: str) -> str:
    """`body` as a function that a compiler wrote."""
    return f"\t.text\n\t.type\tf, @function\nf:\n\t.cfi_startproc\n{body}\t.cfi_endproc\n\t.size\tf, .-f\n{IDENT}"


def rewritten(body: str, flags: str = "") -> str:
    """The rewritten text of a function of `body`."""
    return rewrite(function(body), options(f"passes=relpoline {flags}")).text


@pytest.mark.parametrize("register", REGISTERS)
def test_stub_bytes(register: str, tmp_path: Path) -> None:
    """Cmpq slot(%rip), REG; je slow; ...; jmp slow - the published bytes, for every register and chain length."""
    number = NUMBERS[register]
    compare = bytes([0x48 | (number >= 8) << 2, 0x3B, 0x05 | (number & 7) << 3]) + bytes(4)
    for chain in range(1, 9):
        made = assemble(rewritten(f"\tcall\t*%{register}\n", f"targets={chain} slow=plain"), tmp_path / "x.o")
        text = section_bytes(made, ".text")
        assert text[:8] == b"\xe8" + text[1:5] + b"\xcc" * 3, "a stub begins 16 bytes further, int3 in between"
        assert text[16:] == (compare + b"\x0f\x84" + bytes(4)) * chain + b"\xe9" + bytes(4)
        slots = section_bytes(made, "asmrewrite_slots")
        assert slots == bytes(8 * chain)
        own = [(r.offset, r.kind, r.symbol, r.addend) for r in relocations(made, "asmrewrite_slots")]
        assert own == [(8 * n, "R_X86_64_64", "asmrewrite_slots", 8 * n) for n in range(chain)]
        fields = [r for r in relocations(made, ".text") if r.offset >= 16]
        assert [r.offset for r in fields if r.symbol == f"__relpoline_plain_{register}"] == [
            *(16 + 13 * n + 9 for n in range(chain)), 16 + 13 * chain + 1,
        ]  # fmt: skip
        assert [r.addend for r in fields if r.symbol == "asmrewrite_slots"] == [8 * n - 4 for n in range(chain)]


@pytest.mark.parametrize("register", REGISTERS)
@pytest.mark.parametrize("form", ["call", "jmp"])
def test_every_register(register: str, form: str, tmp_path: Path) -> None:
    made = assemble(rewritten(f"\t{form}\t*%{register}{SIBCALL if form == 'jmp' else ''}\n"), tmp_path / "x.o")
    (verdict,) = check(str(made))
    assert (verdict.verdict, verdict.form, verdict.register) == (Verdict.PASS, form, register)


@pytest.mark.parametrize("slow", ["retpoline", "lfence", "plain"])
def test_thunk_bytes(slow: str, tmp_path: Path) -> None:
    """The published thunks; the retpoline is gcc's own construct, register by register."""
    source = tmp_path / "x.c"
    body = '{{ register void (*p)(void) __asm__("{0}"); __asm__("" : "=r"(p)); p(); __asm__ volatile(""); }}\n'
    source.write_text("".join(f"void of_{r}(void) {body.format(r)}" for r in REGISTERS if r != "rbp"))
    must(["gcc", "-O2", "-mindirect-branch=thunk", "-c", source, "-o", tmp_path / "gcc.o"])
    for register in REGISTERS:
        made = assemble(rewritten(f"\tcall\t*%{register}\n", f"slow={slow}"), tmp_path / "x.o")
        thunk = section_bytes(made, f".text.__relpoline_{slow}_{register}")
        jump = (b"\x41" if NUMBERS[register] >= 8 else b"") + bytes([0xFF, 0xE0 | NUMBERS[register] & 7])
        if slow == "plain":
            assert thunk == jump + b"\xcc"
        elif slow == "lfence":
            assert thunk == b"\x0f\xae\xe8" + jump + b"\xcc"
        elif register != "rbp":
            theirs = section_bytes(tmp_path / "gcc.o", f".text.__x86_indirect_thunk_{register}")
            assert thunk.removesuffix(b"\xcc") == theirs.rstrip(b"\xcc")


def test_memory_operand_keeps_its_addressing(tmp_path: Path) -> None:
    """`movq MEM, %r11` reads what `call *MEM` would have read: same bytes but for opcode and register."""
    operands = ["(%rax)", "8(%rsp)", "-128(%rbp)", "256(%r13)", "(%r12,%rcx,8)", "table(,%rdi,8)", "p(%rip)", "%fs:16"]
    plain = assemble(function("".join(f"\tcall\t*{operand}\n" for operand in operands)), tmp_path / "plain.o")
    done = assemble(rewritten("".join(f"\tcall\t*{operand}\n" for operand in operands)), tmp_path / "done.o")
    calls = [text.removeprefix("call   *").partition(" ")[0] for _, _, text in instructions(plain, ".text")]
    moves = [text.removeprefix("mov    ").partition(",%r11")[0] for _, _, text in instructions(done) if ",%r11" in text]
    moves = [move for move in moves if not move.startswith("cmp")]
    assert moves == calls


def test_lines_keep_their_numbers() -> None:
    """What gas says of a line, it says of the user's line: no edit moves the lines behind it."""
    before = function("\tcall\t*%rax\n\tcs\n\tcall\t__x86_indirect_thunk_r8\n\tcall\t*8(%rbx)\n\tnop\n")
    after = rewrite(before).text.splitlines()
    for number, line in enumerate(before.splitlines()):
        if "call" not in line and line != "\tcs":
            assert after[number] == line


def test_line_table(tmp_path: Path) -> None:
    """With -g each call stays on its line, and the stubs are on none."""
    source = tmp_path / "x.c"
    source.write_text("void (*p)(void);\nvoid f(void)\n{\n\tp();\n\tp();\n}\n")
    must([GCC, "-O1", "-g", "-c", source, "-o", tmp_path / "x.o"])
    sites = [v.offset for v in check(str(tmp_path / "x.o"))]
    where = must(["addr2line", "-e", tmp_path / "x.o", *(hex(offset) for offset in sites)]).text.split()
    assert [line.rsplit(":", 1)[1] for line in where] == ["4", "5"]


def test_stubs_are_functions_with_frames(tmp_path: Path) -> None:
    made = assemble(rewritten("\tcall\t*%rax\n"), tmp_path / "x.o")
    symbols = must(["readelf", "-s", "-W", made]).text
    assert re.search(r" 57 FUNC +LOCAL +DEFAULT +\d+ f\.relpoline\.0$", symbols, re.MULTILINE)
    assert re.search(r"FUNC +GLOBAL +HIDDEN +\d+ __relpoline_retpoline_rax$", symbols, re.MULTILINE)
    frames = must(["readelf", "--debug-dump=frames", "-W", made]).text
    assert frames.count(" FDE ") == 3, "the function, the stub, the thunk"


@pytest.mark.parametrize("protection", ["full", "return", "branch", "none"])
def test_shadow_stack(protection: str, tmp_path: Path) -> None:
    """A retpoline returns to where nobody called from: refused where the object promises shadow stacks."""
    source = tmp_path / "x.c"
    source.write_text("void f(void (*p)(void)) { p(); p(); }\n")
    text = must(["gcc", "-O2", f"-fcf-protection={protection}", "-S", "-o", "-", source]).text
    if protection in ("full", "return"):
        with pytest.raises(UnsoundError, match="shadow stacks"):
            rewrite(text)
        ran = run([GCC, "-O2", f"-fcf-protection={protection}", "-c", source, "-o", tmp_path / "x.o"])
        assert ran.status == 1 and "slow=lfence" in ran.errors and not (tmp_path / "x.o").exists()
    else:
        assert len(rewrite(text).sites) == 2
    assert len(rewrite(text, Options(slow="lfence")).sites) == 2


def test_recording_is_for_the_kernel() -> None:
    with pytest.raises(OptionError, match="abi=kernel"):
        rewrite(function("\tcall\t*%rax\n"), Options(passes=("relpoline",), slow="record"))


def test_one_thunk_for_all_sites_of_a_register() -> None:
    text = rewritten("\tcall\t*%rax\n\tcall\t*%rax\n\tcall\t*8(%rax)\n\tcall\t*%r11\n")
    assert text.count(".text.__relpoline_retpoline_rax") == 1
    assert text.count(".text.__relpoline_retpoline_r11") == 1


def test_duplicate_comdat_thunks_link(tmp_path: Path) -> None:
    for name in ("a", "b"):
        body = f"\tcall\t*%rax\n\tret\n\t.globl\t{name}\n{name}:\tcall\t*%rax\n"
        assemble(rewritten(body), tmp_path / f"{name}.o")
    must(["ld", "-e", "a", "-o", tmp_path / "x", tmp_path / "a.o", tmp_path / "b.o"])
    assert must(["nm", tmp_path / "x"]).text.count("__relpoline_retpoline_rax") == 1
    assert len(check(str(tmp_path / "x"))) == 4


def test_the_environment_of_tests_is_clean() -> None:
    assert not [name for name in clean_environment() if name.startswith("ASMREWRITE")]
