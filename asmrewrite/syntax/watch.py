"""The two terminals of ``listing.lark`` that the passes decide: which symbols a line must not mention to be QUIET."""

from __future__ import annotations

import re

#: Stands in the generated tables where the symbol prefixes of a run go.
PLACEHOLDER = "WATCHED-SYMBOLS"

_SEEN = f"(?={PLACEHOLDER})"
_UNSEEN = f"(?!{PLACEHOLDER})"


def grammar(symbols: tuple[str, ...] | None = None) -> str:
    """The text of the grammar ``watch.lark``: for `symbols`, or with placeholders when there are none yet."""
    seen, unseen = (_SEEN, _UNSEEN) if symbols is None else (_sight(symbols), _absence(symbols))
    return f"_WATCHED: /{_escape(seen)}/\n_UNWATCHED: /{_escape(unseen)}/\n"


def fill(pattern: str, symbols: tuple[str, ...]) -> str:
    """`pattern` from the generated tables, with the symbol prefixes of this run in their places."""
    return pattern.replace(_SEEN, _sight(symbols)).replace(_UNSEEN, _absence(symbols))


def _sight(symbols: tuple[str, ...]) -> str:
    return f"(?=[^\\n]*(?:{_either(symbols)}))" if symbols else "(?!)"


def _absence(symbols: tuple[str, ...]) -> str:
    return f"(?![^\\n]*(?:{_either(symbols)}))" if symbols else "(?:)"


def _either(symbols: tuple[str, ...]) -> str:
    return "|".join(re.escape(symbol) for symbol in symbols)


def _escape(pattern: str) -> str:
    return pattern.replace("/", "\\/")
