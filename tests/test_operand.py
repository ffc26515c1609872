"""What a branch's operand is read as, and that gas reads it the same way."""

from __future__ import annotations

import pytest

from asmrewrite import Operand, parse_operand
from asmrewrite.syntax.operand import REGISTERS
from tests.support import assemble, disassemble

_ATT = [
    ("*%rax", "register"), ("%rax", "register"), ("* %r11", "register"), ("*% R9", "register"), ("*%ax", "register"),
    ("*(%rax)", "memory"), ("(%rax)", "memory"), ("*8(%rax,%rbx,4)", "memory"), ("*-8(%rsp)", "memory"), ("*(,%rbx)",
    "memory"),
    ("*foo", "memory"), ("*foo(%rip)", "memory"), ("*foo@GOTPCREL(%rip)", "memory"), ("*foo+8(,%rax,8)", "memory"),
    ("*%fs:0x28", "memory"), ("*%fs:(%rax)", "memory"), ("%fs:(%rax)", "memory"), ("*(foo+8)", "memory"), ("*1f",
    "memory"),
    ('*"a b"(%rip)', "memory"), ("*0x1234", "memory"),
    ("foo", "symbol"), ("foo@PLT", "symbol"), ("foo+4", "symbol"), ("foo-.", "symbol"), ("(foo)", "symbol"), ("1f",
    "symbol"),
    ('"a b"', "symbol"), ("0x1234", "symbol"), ("rax", "symbol"), ("%fs:0x28", "symbol"), ("\xe9", "symbol"),
]  # fmt: skip
_INTEL = [
    ("rax", "register"), ("RAX", "register"), ("%rax", "register"), ("ax", "register"),
    ("[rax]", "memory"), ("QWORD PTR [rax+8]", "memory"), ("qword ptr foo", "memory"), ("foo[rip]", "memory"),
    ("8[rax]", "memory"),
    ("[rax+rbx*4-8]", "memory"), ("[rax][rbx*8]", "memory"), ("fs:40", "memory"), ("QWORD PTR fs:[rax]", "memory"),
    ("[foo]", "memory"),
    ("foo@GOTPCREL[rip]", "memory"), ("[QWORD PTR foo[rip]]", "memory"), ("QWORD PTR [foo+rip]", "memory"),
    ("foo", "symbol"), ("foo@PLT", "symbol"), ("foo+8", "symbol"), ("raxx", "symbol"), ("rax.b", "symbol"),
]  # fmt: skip
_MADE = {"register": "call   *%", "memory": "call   *", "symbol": "call   "}


@pytest.mark.parametrize(("text", "kind"), _ATT)
def test_att(text: str, kind: str) -> None:
    operand = parse_operand(text)
    assert operand is not None
    assert operand.kind == kind
    _require_same_of_gas(f"call {text}\n1:\n", kind)


@pytest.mark.parametrize(("text", "kind"), _INTEL)
def test_intel(text: str, kind: str) -> None:
    operand = parse_operand(text, intel=True)
    assert operand is not None
    assert operand.kind == kind
    _require_same_of_gas(f".intel_syntax noprefix\ncall {text}\n", kind)


def _require_same_of_gas(text: str, kind: str) -> None:
    content = assemble(text)
    assert content is not None
    (made,) = disassemble(content)
    bare = made.replace("data16 ", "")
    indirect = bare.startswith("call   *")
    assert indirect == (kind != "symbol")
    if indirect:
        assert bare.startswith("call   *%") == (kind == "register") or ":" in bare


@pytest.mark.parametrize(
    ("text", "intel", "prefixed"),
    [
        ("rax", False, False), ("*rax", False, False), ("ax", False, False), ("r8w", False, False), ('"rax"', False,
        False),
        ("RAX", False, False), ("*8(rax)", False, False),
        ("rax", True, True), ("[rax]", True, True), ('"rax"', True, False), ('"RAX"', True, False),
        ("near ptr foo", True, False), ("far ptr [rax]", True, False), ("DWORD PTR [rax]", True, False),
        ("fword ptr [rax]", True, False),
        ("", False, True), ("*", False, True), ("**8", False, True), ("*%rax,%rbx", False, True), ("*8%3(%rax)",
        False, True),
        ("*(,1)", False, True), ("*\\r", False, True), ("", True, False), ("[rax", True, False), ("rax+8", True, False),
    ],
)  # fmt: skip
def test_nothing_certain_can_be_said(text: str, intel: bool, prefixed: bool) -> None:
    assert parse_operand(text, intel, prefixed) is None


@pytest.mark.parametrize(
    ("text", "intel", "expected"),
    [
        ("*%R11", False, Operand("register", "%R11", "r11", registers=("r11",))),
        ("foo@PLT", False, Operand("symbol", "foo@PLT", "", "foo", "plt", True, ("foo",))),
        (' "a b"@PLT', False, Operand("symbol", '"a b"@PLT', "", "a b", "plt", True, ("a b",))),
        ("* foo@GotPCRel(%rip) ", False, Operand("memory", "foo@GotPCRel(%rip)", "", "foo", "gotpcrel", True, ("foo",
        ), ("rip",))),
        ("*foo+8(%rip)", False, Operand("memory", "foo+8(%rip)", "", "foo", "", False, ("foo",), ("rip",))),
        ("*foo-bar(%rax)", False, Operand("memory", "foo-bar(%rax)", "", "", "", False, ("foo", "bar"), ("rax",))),
        ("QWORD PTR foo[rip]", True, Operand("memory", "QWORD PTR foo[rip]", "", "foo", "", True, ("foo",), ("rip",))),
        ("r15", True, Operand("register", "r15", "r15", registers=("r15",))),
    ],
)  # fmt: skip
def test_fields(text: str, intel: bool, expected: Operand) -> None:
    assert parse_operand(text, intel) == expected


def test_numbers_are_those_of_the_hardware() -> None:
    for number, name in enumerate(REGISTERS):
        operand = parse_operand(f"*%{name}")
        assert operand is not None
        assert operand.number == number
        content = assemble(f"\tpushq\t%{name}\n")
        assert content is not None
        code = content[0x40:0x42]
        assert (code[0] & 7 if code[0] != 0x41 else 8 + (code[1] & 7)) == number
    for name in ("ax", "eax", "rip", "fs", "al"):
        small = parse_operand(f"*%{name}")
        assert small is not None
        assert small.number == -1
