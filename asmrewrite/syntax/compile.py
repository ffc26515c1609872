"""Turn the grammars into tables: ``python -m asmrewrite.syntax.compile`` writes ``_tables.py``.

Lark reads the grammars, orders the terminals and builds the LALR(1) automata; what is written down is what
Lark made, so that a rewrite needs `re` and a page of code (``lalr.py``) instead of importing Lark.
"""

from __future__ import annotations

import pprint
import re
import sys
from pathlib import Path
from typing import Any

from asmrewrite.syntax.grammars import STARTS, lark_parser

TARGET = Path(__file__).with_name("_tables.py")

_HEADER = '''"""Made from grammars/*.lark by `python -m asmrewrite.syntax.compile`; do not edit.

PATTERNS: grammar -> one pattern for all terminals, in the order to try; the group that matched names the token.
IGNORED: grammar -> names to drop.
RULES: grammar -> ((origin, name, length), ...), name "" when the rule only carries a repetition.
ACTIONS: grammar -> per state {terminal or rule: n}; n >= 0 goes to state n, n < 0 reduces by rule ~n.
"""

'''


def tables(name: str) -> dict[str, Any]:
    """Lark's tables for the grammar `name`, as plain data."""
    lark = lark_parser(name)
    lexer: Any = lark.parser.lexer
    terminals = tuple((t.name, t.pattern.to_regexp()) for t in lexer.terminals)
    result: dict[str, Any] = {"PATTERNS": _pattern(terminals), "IGNORED": tuple(lark.ignore_tokens)}
    if name == "listing":
        _require_flat(lark)
        return result
    table = lark.parser.parser._parse_table
    rules = list(lark.rules)
    number = {rule: i for i, rule in enumerate(rules)}
    names = tuple(_rule(rule) for rule in rules)
    position = _numbered(table)
    states = []
    for state in position:
        row = {}
        for symbol, (action, argument) in table.states[state].items():
            shift = str(action) == "Shift"
            row[symbol] = position[argument] if shift else ~number[argument]
        states.append(dict(sorted(row.items())))
    result["RULES"] = names
    result["ACTIONS"] = tuple(states)
    result["START"] = position[table.start_states[STARTS[name]]]
    result["END"] = position[table.end_states[STARTS[name]]]
    return result


def _numbered(table: Any) -> dict[Any, int]:
    """The automaton's states in the order in which one meets them; Lark's own numbers change from run to run."""
    found = {state: place for place, state in enumerate(table.start_states.values())}
    waiting = list(found)
    while waiting:
        row = table.states[waiting.pop(0)]
        for _, (action, argument) in sorted(row.items()):
            if str(action) == "Shift" and argument not in found:
                found[argument] = len(found)
                waiting.append(argument)
    return found


def _pattern(terminals: tuple[tuple[str, str], ...]) -> str:
    """All terminals as one alternation; neighbours that end alike share that end, which halves `re`'s compile time."""
    pieces: list[str] = []
    rest = list(terminals)
    while rest:
        name, pattern = rest.pop(0)
        run = [(name, pattern)]
        shared = ""
        while rest and len(common := _common_end([p for _, p in [*run, rest[0]]])) > 100:
            shared = common
            run.append(rest.pop(0))
        heads = [f"(?P<{n}>{p[: len(p) - len(shared)]})" for n, p in run]
        pieces.append("|".join(heads) if not shared else f"(?:{'|'.join(heads)}){shared}")
    return "|".join(pieces)


def _common_end(patterns: list[str]) -> str:
    shortest = min(patterns, key=len)
    common = next(shortest[i:] for i in range(len(shortest) + 1) if all(p.endswith(shortest[i:]) for p in patterns))
    while common and not _is_whole(common):
        common = common[1:]
    return common


def _is_whole(pattern: str) -> bool:
    """Whether `pattern` stands alone: it compiles, and starts where a group starts."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return pattern.startswith("(")


def _rule(rule: Any) -> tuple[str, str, int]:
    origin = str(rule.origin.name)
    carried = origin.startswith("__")
    return (origin, "" if carried else str(rule.alias or origin), len(rule.expansion))


def _require_flat(lark: Any) -> None:
    """A listing is any sequence of its tokens: then lexing it is parsing it."""
    rules = [r for r in lark.rules if str(r.origin.name) == "listing"]
    terminals = {t.name for t in lark.terminals if not t.name.startswith("_")}
    repeated = {str(s.name) for r in lark.rules if str(r.origin.name).startswith("__") for s in r.expansion}
    if not terminals <= repeated or len(rules) != 2:
        raise AssertionError("listing.lark is no longer a flat sequence of its terminals")


def source() -> str:
    """The text of ``_tables.py``."""
    gathered: dict[str, dict[str, Any]] = {}
    for name in STARTS:
        for key, value in tables(name).items():
            gathered.setdefault(key, {})[name] = value
    body = [f"{key} = {pprint.pformat(value, width=118, compact=True)}\n" for key, value in gathered.items()]
    return _HEADER + "\n".join(body)


def main() -> int:
    """Write the tables."""
    TARGET.write_text(source(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
