"""The lossless listing: text cut into the tokens of ``listing.lark``, which tile every character of it."""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from asmrewrite.syntax import _tables, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.syntax.statement import Statement


class Token(NamedTuple):
    """One token: the name of its terminal in ``listing.lark`` and the characters [start, end) that it covers."""

    kind: str
    start: int
    end: int


class Listing:
    """A listing. `text` holds every byte of the input as one latin-1 character; `tokens` tile it.

    `symbols` are the prefixes that were watched for: a line that mentions one is never part of a QUIET run.
    """

    def __init__(self, text: str, tokens: list[tuple[str, int, int]], file: str, symbols: tuple[str, ...]) -> None:
        self.text = text
        self.file = file
        self.symbols = symbols
        self._tokens = tokens
        self._last = (0, 1)

    @property
    def tokens(self) -> list[tuple[str, int, int]]:
        """(kind, start, end) of every token, in order; the shape of `Token`."""
        return self._tokens

    def __str__(self) -> str:
        return "".join([self.text[start:end] for _, start, end in self._tokens])

    def place(self, position: int) -> tuple[int, int]:
        """Line and column, both from 1, of the character at `position`; gas counts lines the same way."""
        # Asked for in order, as passes do, this walks the text once.
        start, line = self._last if position >= self._last[0] else (0, 1)
        line += self.text.count("\n", start, position)
        self._last = (position, line)
        return line, position - self.text.rfind("\n", 0, position)

    def tokens_of(self, text: str) -> list[tuple[str, int, int]]:
        """The tokens of another `text`, cut as this listing's are: no scanner is made for it, which takes 4 ms."""
        return _tokens(text, tuple(symbol for symbol in self.symbols if symbol in self.text))

    def statements(self, start: int = 0, end: int | None = None) -> Iterator[Statement]:
        """Every statement in [start, end) in full, QUIET runs included; see `Statement`."""
        from asmrewrite.syntax.statement import statements

        return statements(self, start, len(self.text) if end is None else end)


def parse(text: str | bytes, *, file: str = "<text>", symbols: tuple[str, ...] = ()) -> Listing:
    """The listing of `text`: any text at all, since ``str(parse(text)) == text`` holds for what gas rejects too.

    `symbols` are the symbol prefixes whose mention keeps a line out of a QUIET run. Bytes are read as latin-1,
    so that each survives.
    """
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    there = tuple(symbol for symbol in symbols if symbol in text)
    return Listing(text, _tokens(text, there), file, symbols)


def _tokens(text: str, symbols: tuple[str, ...]) -> list[tuple[str, int, int]]:
    match = _scanner(symbols)
    tokens: list[tuple[str, int, int]] = []
    append = tokens.append
    position, length = 0, len(text)
    while position < length:
        found = match(text, position)
        end = found.end()  # STATEMENT matches whatever nothing else does
        append((found.lastgroup, position, end))
        position = end
    return tokens


#: Before, `re` matches possessive groups wrongly now and then (seen in 3.11.2).
_POSSESSIVE_GROUPS = (3, 11, 7)
_scanners: dict[tuple[str, ...], re.Pattern[str]] = {}


def _scanner(symbols: tuple[str, ...]):  # type: ignore[no-untyped-def]  # re has no public name for this type
    pattern = _scanners.get(symbols)
    if pattern is None:
        source = watch.fill(_tables.PATTERNS["listing"], symbols)
        if sys.version_info >= _POSSESSIVE_GROUPS:
            source = source.replace("{1,4096}", "{1,4096}+")  # a fifth faster: no way back is kept
        pattern = _scanners[symbols] = re.compile(source)
    return pattern.match
