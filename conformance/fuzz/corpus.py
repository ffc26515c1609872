"""Texts to begin with: the tests' cases and golden inputs, binutils' gas tests, and what gcc prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from conformance.sources import REPOSITORY, cache_directory

#: Characters of a listing that is fuzzed; longer ones are cut into pieces of whole lines.
LONGEST = 3000
#: Sources with tests of keys and with markers, and options for them; the last are those that mark functions' entries.
_KEYED = ("near.c", "far.c", "values.c", "marks.c", "main.c")
_KEYED_FLAGS = (
    "-O2", "-O0", "-O1 -g", "-O2 -masm=intel", "-O2 -fPIC -fno-plt -fcf-protection=branch", "-Os -pg -mfentry",
    "-O2 -fpatchable-function-entry=5", "-O1 -pg -mfentry -fcf-protection=branch -mindirect-branch=thunk-extern",
)  # fmt: skip
_INCLUDED = (f"-I{REPOSITORY / 'testdata' / 'keys'}", f"-I{REPOSITORY / 'asmrewrite' / 'include'}")
#: Where failures of the past are kept, one listing a file.
REGRESSIONS = REPOSITORY / "testdata" / "fuzz"


def texts() -> list[str]:
    """All of them, none twice."""
    return list(dict.fromkeys(text for text in _texts() if text))


def _texts() -> Iterator[str]:
    from tests.c_sources import ALL
    from tests.gas_cases import CASES, REFUSED
    from tests.support import compiled

    yield from (case.text for case in CASES)
    yield from REFUSED
    yield from (_read(path) for path in sorted(REGRESSIONS.glob("*.s")))
    for path in sorted((REPOSITORY / "tests" / "golden").glob("*.in.s")):
        yield from _pieces(_read(path))
    gas = cache_directory() / "binutils-source" / "gas" / "testsuite" / "gas"
    for folder in ("i386", "all", "elf"):
        for path in sorted((gas / folder).glob("*.s")):
            yield from _pieces(_read(path))
    for source in ALL:
        for flags in (
            ("-O2", "-dp"),
            ("-O1", "-g"),
            ("-O2", "-masm=intel", "-fno-plt", "-fPIC"),
            ("-O2", "-mindirect-branch=thunk"),
        ):
            yield from _functions(compiled(source, *flags))
    for name in _KEYED:
        keyed = (REPOSITORY / "testdata" / "keys" / name).read_text()
        for words in _KEYED_FLAGS:
            yield from _functions(compiled(keyed, *_INCLUDED, *words.split()))


def _read(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def _pieces(text: str) -> Iterator[str]:
    """`text` in pieces of whole lines."""
    lines: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        if size + len(line) > LONGEST and lines:
            yield "".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    yield "".join(lines)[:LONGEST]


def _functions(text: str) -> Iterator[str]:
    """The small functions of a compiler's listing that have a site, each with the compiler's mark."""
    for found in re.finditer(r"\t\.globl\t\S+\n\t\.type\t(\S+), @function\n.*?\t\.size\t\1, .*?\n", text, re.DOTALL):
        if len(found.group()) < LONGEST and re.search(
            r"\t(?:call|jmp)\t\*|\[|__SKEY__|__MARK__|__fentry__|\.LPFE", found.group()
        ):
            yield found.group() + '\t.ident\t"GCC: (Debian 12.2.0-14) 12.2.0"\n'
