"""Where the ``.lark`` files are, and Lark's own parser for one of them.

Nothing on the way of a rewrite imports this: importing Lark takes 40-60 ms, as long as assembling a small
file. ``compile.py`` asks Lark for its tables once, at build time; the tests hold the two against each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lark import Lark

from asmrewrite.syntax import watch

#: Grammar name -> start rule.
STARTS = {"listing": "listing", "operand_att": "operand", "operand_intel": "operand", "statement": "statement"}


def folder() -> Path:
    """The folder of the ``.lark`` files: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package.parent / "grammars", package / "grammars"):
        if (candidate / "listing.lark").is_file():
            return candidate
    raise FileNotFoundError(f"no grammars beside or inside {package}; reinstall asmrewrite")


def lark_parser(name: str, symbols: tuple[str, ...] | None = None) -> Lark:
    """Lark's LALR parser for the grammar `name`; `symbols` are the prefixes that a listing watches for."""

    def load_watch(_base: Any, path: str) -> tuple[str, str]:
        if path != "watch.lark":
            raise OSError(path)
        return path, watch.grammar(symbols)

    text = (folder() / f"{name}.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        start=STARTS[name],
        parser="lalr",
        lexer="basic",
        keep_all_tokens=True,
        maybe_placeholders=False,
        import_paths=[load_watch],
        source_path=str(folder() / f"{name}.lark"),
    )
