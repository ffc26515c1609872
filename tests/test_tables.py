"""The generated tables against Lark's own parsers: same tokens, same language."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lark import Lark, Token, Tree
from lark.exceptions import LarkError

from asmrewrite import branches, parse, survey
from asmrewrite.syntax import _tables, statement
from asmrewrite.syntax.compile import TARGET
from asmrewrite.syntax.compile import source as made_source
from asmrewrite.syntax.grammars import STARTS, lark_parser
from asmrewrite.syntax.lalr import Automaton, NoParse
from tests.c_sources import ALL
from tests.gas_cases import CASES, REFUSED
from tests.support import compiled

_WATCHES: tuple[tuple[str, ...], ...] = ((), ("__SCT__",), ("global", "use"))
_LISTING = {symbols: lark_parser("listing", symbols) for symbols in _WATCHES}
_OPERAND = {name: (lark_parser(name), Automaton(name, {})) for name in ("operand_att", "operand_intel", "statement")}


def test_the_tables_are_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == made_source()


def test_the_tables_hold_all_grammars() -> None:
    assert set(_tables.PATTERNS) == set(STARTS)
    assert set(_tables.ACTIONS) == set(_tables.RULES) == set(STARTS) - {"listing"}


def _lexed(lark: Lark, text: str) -> list[tuple[str, int, int]]:
    return [(token.type, token.start_pos or 0, token.end_pos or 0) for token in lark.lex(text)]


@pytest.mark.parametrize("symbols", _WATCHES)
@pytest.mark.parametrize("flags", [("-O2", "-dp"), ("-O1", "-masm=intel", "-fPIC", "-g")], ids=" ".join)
@pytest.mark.parametrize("source", ALL)
def test_compiler_output_has_the_tokens_of_lark(source: str, flags: tuple[str, ...], symbols: tuple[str, ...]) -> None:
    text = compiled(source, *flags)
    assert parse(text, symbols=symbols).tokens == _lexed(_LISTING[symbols], text)


@pytest.mark.parametrize("text", [case.text for case in CASES] + list(REFUSED), ids=repr)
def test_cases_have_the_tokens_of_lark(text: str) -> None:
    assert parse(text).tokens == _lexed(_LISTING[()], text)
    _LISTING[()].parse(text)


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("\"'/*#;:\\\n\0\r\t =.%{}calljmp\xe9LAPPNO_x1"), max_size=60), st.sampled_from(_WATCHES))
@example('nop "\\', ())
def test_any_text_has_the_tokens_of_lark(text: str, symbols: tuple[str, ...]) -> None:
    assert parse(text, symbols=symbols).tokens == _lexed(_LISTING[symbols], text)


def _leaves(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, tuple):
        return [(value[0], value[1])]
    return [leaf for child in value for leaf in _leaves(child)]


def _by_lark(lark: Lark, text: str) -> list[tuple[str, str]] | None:
    try:
        tree: Tree[Token] = lark.parse(text)
    except LarkError:
        return None
    return [(token.type, str(token)) for token in tree.scan_values(lambda leaf: isinstance(leaf, Token))]


def _by_tables(automaton: Automaton, text: str) -> list[tuple[str, str]] | None:
    try:
        return _leaves(automaton.parse(text))
    except NoParse:
        return None


def _agree(name: str, text: str) -> bool:
    lark, automaton = _OPERAND[name]
    theirs, ours = _by_lark(lark, text), _by_tables(automaton, text)
    assert theirs == ours, (name, text)
    return ours is not None


@pytest.mark.parametrize("flags", [("-O2",), ("-O2", "-masm=intel"), ("-O2", "-fPIC", "-fno-plt")], ids=" ".join)
def test_operands_of_compilers(flags: tuple[str, ...]) -> None:
    grammar = "operand_intel" if "-masm=intel" in flags else "operand_att"
    for source in ALL:
        listing = parse(compiled(source, *flags))
        texts = {o for s in listing.statements() if s.head in ("call", "jmp", "je", "jne") for o in s.operands}
        assert texts or "int" not in source
        assert all(_agree(grammar, text) for text in texts)


_PARTS = (
    "*", "%rax", "%r11", "%fs", ":", "(", ")", ",", "8", "0x10", "-", "+", "foo", "foo@PLT", "foo@GOTPCREL", '"a b"',
    "rax", "r9",
    "[", "]", "QWORD", "PTR", "qword ptr ", "rip", "fs", "1f", " ", "\t", "$", "~", "<<", ".L4", "\xe9", "'", "{",
    "rax8", "eax",
)  # fmt: skip
_operands = st.one_of(
    st.lists(st.sampled_from(_PARTS), max_size=10).map("".join),
    st.text(st.sampled_from("*%()[],:+-8rax\"'. \t\\@"), max_size=14),
)


@settings(max_examples=500, deadline=None)
@given(_operands, st.sampled_from(["operand_att", "operand_intel"]))
@example("*8(%rax,%rbx,4)", "operand_att")
@example("QWORD PTR foo[rip+8]", "operand_intel")
def test_any_operand(text: str, grammar: str) -> None:
    _agree(grammar, text)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("PWDN0S:=,()[]{}+-*@%"), max_size=12))
@example("N:PWN,0(N,N,0)")
def test_any_shape_of_a_statement(shape: str) -> None:
    _agree("statement", shape)


def test_shapes_of_compilers() -> None:
    seen = set()
    for source in ALL:
        for made in parse(compiled(source, "-O2")).statements():
            assert made.kind != "opaque"
        seen |= set(statement._plans)
    assert len(seen) > 30
    assert all(_agree("statement", shape) == (statement._plans[shape][0] != "opaque") for shape in seen)


def test_the_operand_of_every_reported_branch_is_read_by_lark_too() -> None:
    for case in CASES:
        for branch in branches(survey(parse(case.text))):
            if branch.operand.kind != "unknown" and not branch.thunk:
                place = branch.place
                _agree("operand_intel" if place.intel else "operand_att", branch.operand.text)
