"""What each branch is said to be against what gcc itself says in its -dp notes, and clang in its comments."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from asmrewrite import Branch, SkipReason, branches, parse, survey
from tests.c_sources import CALLS, JUMPS, NON_LOCAL, THREAD
from tests.support import CLANG, assemble, compiled, indirect_branches

_THUNK = "__x86_indirect_thunk_"
_LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os")
_VARIANTS = (
    (), ("-fPIC",), ("-fno-pie",), ("-masm=intel",), ("-mindirect-branch=thunk",), ("-fcf-protection",), ("-fno-plt",
    "-fPIC"),
    ("-mpreferred-stack-boundary=3", "-fPIC"), ("-fno-asynchronous-unwind-tables",), ("-fomit-frame-pointer", "-g"),
)  # fmt: skip


class Written(NamedTuple):
    """An indirect branch as a line of a listing shows it: "call" or "jmp", and the name of its -dp pattern."""

    form: str
    pattern: str


_LINE = re.compile(r"\t(?:notrack |rex64 )?(call|jmp)q?\s+(\S.*?)\s*(?:#(.*))?")
_INDIRECT = re.compile(rf"\*|{_THUNK}|.*[\[\]]|(?:QWORD|\[)|r(?:[a-d]x|[sd]i|bp|\d+)\Z")


def _written(text: str) -> list[Written]:
    """The indirect branches outside inline assembly, read from the lines alone."""
    found = []
    inline = False
    for line in text.split("\n"):
        if line.strip() in ("#APP", "#NO_APP"):
            inline = line.strip() == "#APP"
        match = _LINE.fullmatch(line)
        if match and not inline and _INDIRECT.match(match.group(2)):
            words = (match.group(3) or "").split()
            found.append(Written(match.group(1), words[-1].partition("/")[0] if words else ""))
    return found


def _role(written: Written) -> str:
    if written.form == "call":
        return "call"
    if "sibcall" in written.pattern:
        return "tail"
    return "table" if "tablejump" in written.pattern else "goto"


def _reported(text: str) -> list[Branch]:
    found = branches(survey(parse(text, symbols=(_THUNK,))))
    return [branch for branch in found if branch.indirect and not branch.place.asm]


def _outside_thunks(found: list[Branch]) -> list[Branch]:
    return [branch for branch in found if not branch.place.function.startswith("__x86_indirect")]


@pytest.mark.parametrize("flags", _VARIANTS, ids=" ".join)
@pytest.mark.parametrize("level", _LEVELS)
def test_roles_of_gcc(level: str, flags: tuple[str, ...]) -> None:
    for source in (CALLS, JUMPS, NON_LOCAL):
        noted, bare = compiled(source, level, "-dp", *flags), compiled(source, level, *flags)
        written = _written(noted)
        reported = _outside_thunks(_reported(noted))
        assert [branch.form for branch in reported] == [line.form for line in written]
        for branch, line in zip(reported, written, strict=True):
            if line.pattern:
                assert branch.role == _role(line), noted[branch.start : branch.end]
            else:
                assert branch.thunk
        # Without the notes: nothing more is found, and what is claimed is true.
        guessed = _outside_thunks(_reported(bare))
        assert [branch.form for branch in guessed] == [line.form for line in written]
        for branch, line in zip(guessed, written, strict=True):
            if branch.thunk:
                continue
            truth = _role(line)
            assert branch.role in (truth, "unproven"), (branch.place.function, bare[branch.start : branch.end])
            assert branch.role == truth or branch.skip is SkipReason.NOT_PROVEN
            assert branch.skip in _SKIPS[branch.role]


_SKIPS: dict[str, set[SkipReason | None]] = {
    "call": {None, SkipReason.TLS, SkipReason.R11_LIVE},
    "tail": {None},
    "table": {SkipReason.JUMP_TABLE},
    "goto": {SkipReason.COMPUTED_GOTO},
    "unproven": {SkipReason.NOT_PROVEN},
}


@pytest.mark.parametrize("level", ["-O2", "-O3", "-Os"])
def test_tail_calls_are_proven_and_not_only_doubted(level: str) -> None:
    guessed = [b for b in _reported(compiled(CALLS, level)) if b.form == "jmp"]
    assert len(guessed) >= 6
    assert {b.role for b in guessed} == {"tail"}


def test_thunk_calls_are_proven_alike() -> None:
    guessed = _reported(compiled(CALLS, "-O2", "-mindirect-branch=thunk-extern"))
    plain = _reported(compiled(CALLS, "-O2"))
    assert all(b.thunk and b.operand.kind == "register" and b.thunk == _THUNK + b.operand.register for b in guessed)
    assert [(b.place.function, b.role) for b in guessed] == [(b.place.function, b.role) for b in plain]
    assert "tail" in {b.role for b in guessed}


def test_every_kind_of_branch_was_seen() -> None:
    roles = {
        b.role for source in (CALLS, JUMPS, NON_LOCAL) for b in _reported(compiled(source, "-O2", "-fno-pie", "-dp"))
    }
    assert roles == {"call", "tail", "table", "goto"}


@pytest.mark.parametrize("flags", [(), ("-fPIC",), ("-fno-plt", "-fPIC")], ids=" ".join)
@pytest.mark.parametrize("source", [CALLS, JUMPS, THREAD])
def test_counts_are_those_of_objdump(source: str, flags: tuple[str, ...]) -> None:
    for level in _LEVELS[::2]:
        text = compiled(source, level, *flags)
        content = assemble(text)
        assert content is not None
        assert len(indirect_branches(content)) == len([b for b in branches(survey(parse(text))) if b.indirect])


@pytest.mark.skipif(
    CLANG is None, reason="clang is not installed (apt-get install clang-14): its comments on tail calls cannot be read"
)
@pytest.mark.parametrize(
    "flags", [(), ("-fPIC",), ("-fno-pie",), ("-masm=intel",), ("-masm=intel", "-fno-pie")], ids=" ".join
)
@pytest.mark.parametrize("level", _LEVELS)
def test_roles_of_clang(level: str, flags: tuple[str, ...]) -> None:
    for source in (CALLS, JUMPS):
        text = compiled(source, level, "-fno-integrated-as", *flags, compiler=str(CLANG))
        for branch in _reported(text):
            line = text[branch.start : text.index("\n", branch.start)]
            if branch.form == "call":
                assert branch.role == "call"
            elif branch.role == "tail":
                assert "TAILCALL" in line, (branch.place.function, line)
            else:
                assert branch.role in ("table", "unproven")
                assert branch.role == "unproven" or "TAILCALL" not in line


_NOTE = "# 8\t[c=9 l=2]  "


@pytest.mark.parametrize(
    ("line", "role", "skip"),
    [
        (f"jmp\t*%rax\t{_NOTE}*sibcall", "tail", None),
        (f"jmp\t*%rax\t{_NOTE}*sibcall_value_memory", "tail", None),
        ("jmp\t*%rax\t# 8\t*sibcall/1\t[length = 2]", "tail", None),
        (f"jmp\t*%rax\t{_NOTE}*tablejump_1", "table", SkipReason.JUMP_TABLE),
        (f"notrack jmp\t*%rax\t{_NOTE}*tablejump_1", "table", SkipReason.JUMP_TABLE),
        ("jmp\t*.L4(,%rax,8)", "table", SkipReason.JUMP_TABLE),
        (f"jmp\t*%rax\t{_NOTE}*indirect_jump", "goto", SkipReason.COMPUTED_GOTO),
        ("jmp\t*%rax", "unproven", SkipReason.NOT_PROVEN),
        ("jmp\t*%rax\t# *sibcall", "unproven", SkipReason.NOT_PROVEN),
        (f"call\t*%rax\t{_NOTE}*call_value", "call", None),
        ("callq\t*8(%rax)", "call", None),
        ("notrack call\t*%rax", "call", None),
        ("bnd call\t*%rax", "call", SkipReason.PREFIX),
        ("data16 call\t*%rax", "call", SkipReason.PREFIX),
        ("cs call\t*%rax", "call", SkipReason.PREFIX),
        (f"cs\n\tcall\t{_THUNK}rax", "call", None),
        (f"cs jmp\t{_THUNK}r11", "unproven", SkipReason.NOT_PROVEN),
        (f"call\t{_THUNK}ax", "call", SkipReason.STACK_THUNK),
        ("call\t__x86_indirect_thunk", "direct", None),
        ("lcall\t*(%rax)", "call", SkipReason.FAR),
        ("callw\t*%ax", "call", SkipReason.OPERAND),
        ("call\t*%ax", "call", SkipReason.OPERAND),
        ("call\t*%rsp", "call", SkipReason.OPERAND),
        ("call\t*foo@tlscall(%rax)", "call", SkipReason.TLS),
        ("call\t*__tls_get_addr@GOTPCREL(%rip)", "call", SkipReason.TLS),
        ("call\t*(,1)", "call", SkipReason.UNKNOWN_OPERAND),
        ("call\t*8(%rax)\n\tmovq\t%r11, %rbx", "call", SkipReason.R11_LIVE),
        ("call\t*%rax\n\tmovq\t%r11, %rbx", "call", None),
    ],
)
def test_judgements(line: str, role: str, skip: SkipReason | None) -> None:
    found = branches(survey(parse(f"f:\n\t{line}\n", symbols=(_THUNK,))))
    assert [(b.role, b.skip) for b in found if b.indirect] == ([(role, skip)] if role != "direct" else [])


def test_our_own_thunks_are_left_alone() -> None:
    for name in (f"{_THUNK}rax", "__relpoline_slow", "__llvm_retpoline_r11"):
        text = f"\t.type {name}, @function\n{name}:\n\tjmp\t*%rax\t{_NOTE}*sibcall\n"
        assert [b.skip for b in branches(survey(parse(text)))] == [SkipReason.THUNK]


def test_inline_assembly_is_not_proven() -> None:
    text = '\t.type f, @function\nf:\n\t.cfi_startproc\n#APP\n\tjmp *%rax\n#NO_APP\n\tjmp *%rax\n\t.ident\t"GCC"\n'
    found = branches(survey(parse(text)))
    assert [(b.role, b.skip) for b in found] == [("unproven", SkipReason.INLINE_ASM), ("tail", None)]


def test_watched_symbols_are_direct() -> None:
    text = "\tcall\t__SCT__x\n\tjmp\t__SCT__x@PLT\n\tjne\t__SCT__x\n\tcall\t*__SCT__x@GOTPCREL(%rip)\n\tcall\tx\n"
    found = branches(survey(parse(text, symbols=("__SCT__",))))
    assert [(b.form, b.role, b.skip) for b in found] == [
        ("call", "direct", None), ("jmp", "direct", None), ("jne", "direct", None), ("call", "direct", None),
    ]  # fmt: skip


def test_the_characters_of_a_branch() -> None:
    text = "a: 1:\tnotrack\tcall\t* 8 ( %rax )  # c\n\tjmp *%rbx;cs\n\tcall *%rcx /* c */\n"
    assert [text[b.start : b.end] for b in branches(survey(parse(text)))] == [
        "notrack\tcall\t* 8 ( %rax )", "jmp *%rbx", "cs\n\tcall *%rcx",
    ]  # fmt: skip
