"""The lossless listing: tokens tile any text, and what is QUIET branches nowhere indirectly."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asmrewrite import Listing, branches, parse, rewrite, survey
from tests.c_sources import ALL
from tests.gas_cases import CASES, REFUSED
from tests.support import CLANG, assemble, assemble_lines, compiled, indirect_branches

#: Pieces of text that a scanner can trip over.
_PIECES = (
    '"', "'", "\\", "/*", "*/", "/", "//", "#", ";", ":", "\n", "\0", "\r", "\f", "\t", " ", "=", ".", "$", "%", "{",
    "}",
    "\x80", "\xe9", "\xff", "call", "jmp", "*%rax", "CALL", "lock", "rep", "cs", "notrack", "foo", ".L1:", "1:", "a b",
    ".section", ".text", ".macro m", ".endm", ".if 0", ".endif", ".set x,", ".type f,@function", ".end", "#APP\n",
    "#NO_APP\n", "# asmrewrite: skip-file", ".ascii", "\\\"", "'\"", "nop", "\tmovq\t%fs:40, %rax\n", "\tcall\tf\n",
)  # fmt: skip
_texts = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=60),
    st.lists(st.sampled_from(_PIECES), max_size=40).map("".join),
    st.lists(st.one_of(st.sampled_from(_PIECES), st.text("\"'/*#;\\\n\0a ", max_size=6)), max_size=20).map("".join),
)
_STATEMENTS = ("call *%rax", "jmp *%rax", "nop", "a:", "lock", ".byte 1", "x=1", "mov $'a,%al", '.ascii "a;b#c"', "ret")
_SEPARATORS = ("\n", ";", "\0", " # c\n", "/* c */\n", "\r\n", "\n\n", " ; ", "\n# c\n", "\n/ c\n", "/* a\n b */")


def _tiled(listing: Listing) -> bool:
    ends = [0, *(end for _, _, end in listing.tokens)]
    starts = [start for _, start, _ in listing.tokens] + [len(listing.text)]
    return starts == ends and all(start < end for _, start, end in listing.tokens)


@settings(max_examples=600, deadline=None)
@given(_texts, st.sampled_from([(), ("__SCT__",), ("foo", "a b")]))
@example('nop "\\', ())
@example("nop '\\", ())
@example("a" * 60 + '"\\', ())
@example("/*" * 30, ())
def test_any_text_is_tiled(text: str, symbols: tuple[str, ...]) -> None:
    listing = parse(text, symbols=symbols)
    assert str(listing) == text
    assert _tiled(listing)
    branches(survey(listing))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_survive(content: bytes) -> None:
    assert str(parse(content)).encode("latin-1") == content


@pytest.mark.parametrize("text", [case.text for case in CASES] + list(REFUSED), ids=repr)
def test_cases_are_tiled(text: str) -> None:
    assert str(parse(text)) == text
    assert _tiled(parse(text))
    for cut in range(len(text)):
        assert str(parse(text[cut:])) == text[cut:]


@pytest.mark.parametrize(
    "flags", [("-O0",), ("-O2", "-g"), ("-Os", "-fPIC", "-dp"), ("-O2", "-masm=intel", "-dA")], ids=" ".join
)
@pytest.mark.parametrize("source", ALL)
def test_compiler_output_is_tiled_and_mostly_quiet(source: str, flags: tuple[str, ...]) -> None:
    text = compiled(source, *flags)
    listing = parse(text)
    assert str(listing) == text
    assert _tiled(listing)
    quiet = sum(text.count("\n", start, end) for kind, start, end in listing.tokens if kind == "QUIET")
    assert quiet > text.count("\n") // 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_STATEMENTS), st.sampled_from(_SEPARATORS)), min_size=1, max_size=30))
def test_statements_joined_by_any_separator(pieces: list[tuple[str, str]]) -> None:
    # No label twice.
    pieces = [(f"a{n}:" if statement == "a:" else statement, end) for n, (statement, end) in enumerate(pieces)]
    text = "".join(statement + separator for statement, separator in pieces)
    assert str(parse(text)) == text
    content = assemble(text)
    if content is not None:
        written = sum(b.indirect for b in branches(survey(parse(text))))
        assert written == text.count("*%rax")


# What a line may be made of so that it might be a branch in disguise; data is another matter (see DATA in gas_cases).
_HEADS = (
    "call", "jmp", "callq", "jmpq", "CALL", "cALL", "jMp", "Jmp", "lcall", "ljmp", "notrack jmp", "cs call", "lock",
    "rep",
    "nop", "ret", "movq", "pushq", "je", "loop", "xacquire", "cS cALL", "dS jmp", "foo", "addr32 call", "wait",
    "{load}",
    "rex.w jmp", "hNt jmp", ".globl", ".cfi_undefined", ".string", ".ident", ".weak", ".set", ".L1:", "x:", "x: call",
)  # fmt: skip
_OPERANDS = (
    "*%rax", "%rax", "rax", "RAX", "r8", "R15", "ax", "r9w", "(%rax)", "8(%rax)", "*8(%rax)", "foo", "foo@PLT",
    "*foo(%rip)",
    "foo(%rip)", "[rax]", "QWORD PTR [rax]", "foo[rip]", "%fs:40", "*%fs:40", "%rax, %rbx", "$1, %eax", '"rax"',
    '"call *%rax"',
    '"a\0 call *%rax;.ascii "', '"a\\" ; call *%rax', "foo, %rax", ". - 4", "", "*foo@GOTPCREL(%rip)", "raX",
)  # fmt: skip
_TAILS = (
    "",
    " # call *%rax",
    "; call *%rax",
    "\0call *%rax",
    " /* x */",
    "\r",
    " ;",
    "\\",
    "#",
    "/* */ call *%rax",
    ": call *%rax",
)
_lines = st.builds("{}{}{}{}{}".format, st.sampled_from(["\t", "", " ", "\t\t"]), st.sampled_from(_HEADS),
                   st.sampled_from(["\t", " ", "  ", "\f", ""]), st.sampled_from(_OPERANDS),
                   st.sampled_from(_TAILS))  # fmt: skip
_SYNTAXES = ("", ".intel_syntax noprefix", ".att_syntax noprefix", ".intel_syntax prefix")


def _quiet(listing: Listing) -> str:
    return "".join(listing.text[start:end] for kind, start, end in listing.tokens if kind == "QUIET")


def test_a_suffix_in_intel_syntax_leaves_the_listing_alone() -> None:
    ident = '\t.ident\t"GCC: (GNU) 12.2.0"\n'
    for line, reasons in (("jmpq\tfoo", ["operand"]), ("jmp\tfoo", [])):
        result = rewrite(f"\t.intel_syntax noprefix\n\t.text\n\t{line}\n\tcall\trax\n{ident}")
        assert [skip.reason.value for skip in result.skips] == reasons, line
    # The same words in AT&T syntax are clang's for a direct jump.
    assert rewrite(f"\t.text\n\tjmpq\tfoo\n\tcall\t*%rax\n{ident}").sites


@settings(max_examples=300, deadline=None)
@given(st.lists(_lines, min_size=1, max_size=120), st.sampled_from(_SYNTAXES))
@example(["\tcALL\t*%rax", "\tjMp *%rax", "\tcS call *%rax"], "")
@example(["\tcall\tRAX", "\tjmp\tR15", "\tcall\tr9W"], ".intel_syntax noprefix")
@example(["\tcall\tRAX", "\tcall\tax"], ".att_syntax noprefix")
@example(['\t.ascii\t"a\0 call *%rax;.ascii "'], "")
def test_quiet_lines_do_not_branch_indirectly(lines: list[str], syntax: str) -> None:
    quiet = _quiet(parse("".join(line + "\n" for line in lines)))
    if "intel" in syntax and re.search(r"(?i)(?<![\w.$])(callw|jmp[qw])\s", quiet):
        return  # through memory there: the survey leaves such a listing alone
    if re.search("(?i)call|jmp", quiet):
        assert indirect_branches(assemble_lines(f"{syntax}\n{quiet}")) == []


@pytest.mark.parametrize(
    "flags", [("-O2",), ("-O2", "-masm=intel"), ("-O0", "-fno-plt", "-fPIC"), ("-O3", "-fno-pie")], ids=" ".join
)
@pytest.mark.parametrize("source", ALL)
def test_quiet_compiler_output_does_not_branch_indirectly(source: str, flags: tuple[str, ...]) -> None:
    text = compiled(source, *flags)
    # Labels, sections and modes stay where they are: they are no code.
    kept = {"QUIET", "LABEL", "SECTION", "MODE", "TYPE"}
    content = assemble("".join(text[start:end] for kind, start, end in parse(text).tokens if kind in kept))
    whole = assemble(text)
    assert content is not None
    assert whole is not None
    assert indirect_branches(content) == []
    assert indirect_branches(whole) or "callback" not in source


def test_a_watched_symbol_is_never_quiet() -> None:
    text = "\tcall\t__SCT__x\n\tjne\t__SCT__y\n\tmovq\t$__SCT__z, %rax\n\t.quad\t__SCT__w\n\tnop\n"
    assert [kind for kind, _, _ in parse(text).tokens] == ["QUIET"]
    watched = parse(text, symbols=("__SCT__", "unseen"))
    assert [kind for kind, _, _ in watched.tokens] == ["BRANCH", "WATCHED", "WATCHED", "WATCHED", "QUIET"]
    assert watched.symbols == ("__SCT__", "unseen")


def test_a_long_run_is_cut() -> None:
    text = "\tnop\n" * 10_000
    assert [(kind, (end - start) // 5) for kind, start, end in parse(text).tokens] == [
        ("QUIET", 4096), ("QUIET", 4096), ("QUIET", 1808),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("\tnop\n.L1:\n\tcall\tf@PLT\n\t.string\t\"a;b\\\"#\"\n\tmovq\t%fs:40, %rax # x\n", "QUIET"),
        ("foo:\tcall *%rax\n", "LABEL BRANCH"),
        ("1: lock; incl (%rax)\n", "LABEL PREFIX STATEMENT"),
        ("#APP\n# 1 \"a.c\" 1\n#NO_APP\n", "PROVENANCE COMMENT PROVENANCE"),
        ("\t# asmrewrite: skip-file\n", "PROVENANCE"),
        (".pushsection .x\n.popsection;.text\0.data", "SECTION SECTION SECTION SECTION"),
        (".SECTION .x\n.Text\n", "SECTION SECTION"),
        (".text.unlikely\n.textual\n.sectional\n", "STATEMENT STATEMENT STATEMENT"),
        ("x=1;.set y,2\ny==3\n\"z\"=%rax\n", "ASSIGN ASSIGN ASSIGN ASSIGN"),
        (".macro m\n.endm\n.rept 1\n.endr\n.if 0\n.endif\n.code32\n",
        "MACRO MACRO MACRO MACRO CONDITION CONDITION MODE"),
        ("/* a\n b */ ret\n", "COMMENT STATEMENT"),
        ("/ a\n// b\nnop /* c */\n", "COMMENT COMMENT STATEMENT"),
        ("cs\n\tcall\tx\n{disp32} jmp *%rax\n", "PREFIX QUIET BRANCH"),
        (".type f, @function\n", "TYPE"),
        ("call:\ncall =1\n", "LABEL ASSIGN"),
        ("'", "STATEMENT"),
    ],
)  # fmt: skip
def test_kinds(text: str, kinds: str) -> None:
    assert " ".join(kind for kind, _, _ in parse(text).tokens) == kinds


def test_places_are_lines_and_columns_from_one() -> None:
    listing = parse("a\n\nbc\nd")
    assert [listing.place(position) for position in (0, 1, 3, 4, 6, 3, 0)] == [
        (1, 1), (1, 2), (3, 1), (3, 2), (4, 1), (3, 1), (1, 1),
    ]  # fmt: skip


@pytest.mark.skipif(CLANG is None, reason="clang is not installed: apt-get install clang-14")
@pytest.mark.parametrize("source", ALL[:2])
def test_clang_output_is_tiled(source: str) -> None:
    text = compiled(source, "-O2", "-fno-integrated-as", compiler=str(CLANG))
    assert str(parse(text)) == text
    assert _tiled(parse(text))
