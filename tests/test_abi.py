"""The ABI is said three times: in Python, in C, and in docs/abi.md. They must agree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from asmrewrite.stubs import abi
from tests.building import needs_gxx

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "asmrewrite" / "include"
FIELDS = ("site", "dest", "slots", "pass", "form", "reg", "chain", "block", "flags", "version", "reserved")
_CONSTANTS = {
    "ASMREWRITE_ABI_VERSION": abi.VERSION,
    "ASMREWRITE_NO_REGISTER": abi.NO_REGISTER,
    "ASMREWRITE_FLAG_SLOW_MASK": abi.FLAG_SLOW_MASK,
    "ASMREWRITE_FLAG_NOTRACK": abi.FLAG_NOTRACK,
    "ASMREWRITE_FLAG_KEY_IS_TRAMPOLINE": abi.FLAG_KEY_IS_TRAMPOLINE,
    "ASMREWRITE_RELPOLINE": abi.PASSES["relpoline"],
    "ASMREWRITE_STATIC_CALL": abi.PASSES["static-call"],
    "ASMREWRITE_MARKER": abi.PASSES["marker"],
    "ASMREWRITE_CALL_OPS": abi.PASSES["call-ops"],
    **{f"ASMREWRITE_FORM_{name.upper()}": value for name, value in abi.FORMS.items()},
    **{f"ASMREWRITE_SLOW_{name.upper()}": value for name, value in abi.SLOW_PATHS.items()},
}


def _offsets() -> list[int]:
    """Where Python's record has its fields: the offset of the one byte that changes with each."""
    found = []
    for place in range(len(FIELDS)):
        values = [0] * len(FIELDS)
        values[place] = 1
        found.append(abi.RECORD.pack(*values).index(1))
    return found


@pytest.mark.parametrize(
    ("compiler", "language", "name"),
    [("gcc", "-std=c11", "abi.c"), pytest.param("g++", "-std=c++17", "abi.cc", marks=needs_gxx)],
)
def test_the_header_is_the_python_module(compiler: str, language: str, name: str, tmp_path: Path) -> None:
    lines = [
        f"_Static_assert(__builtin_offsetof(struct asmrewrite_site, {field}) == {offset}, {field!r});".replace("'", '"')
        for field, offset in zip(FIELDS, _offsets(), strict=True)
    ]
    lines += [f'_Static_assert({name} == {value}, "{name}");' for name, value in _CONSTANTS.items()]
    lines += [f'_Static_assert(sizeof(struct asmrewrite_site) == {abi.RECORD_SIZE}, "size");']
    text = "#include <asmrewrite/abi.h>\n" + "\n".join(lines) + "\n"
    source = tmp_path / name
    source.write_text(
        text.replace("_Static_assert", "static_assert") if name.endswith(".cc") else text, encoding="ascii"
    )
    subprocess.run([compiler, language, "-Wall", "-Werror", f"-I{INCLUDE}", "-fsyntax-only", source], check=True)


def test_the_header_names_every_constant() -> None:
    header = (INCLUDE / "asmrewrite" / "abi.h").read_text(encoding="ascii")
    assert all(re.search(rf"\b{name}\b", header) for name in _CONSTANTS)


def test_the_page_has_the_offsets() -> None:
    page = (ROOT / "docs" / "abi.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+) \| `(\w+)`", page, re.MULTILINE)
    assert [(int(offset), name) for offset, _, name in rows] == list(zip(_offsets(), FIELDS, strict=True))
    assert sum(int(size) for _, size, _ in rows) == abi.RECORD_SIZE
