"""Run the tables that Lark made: scan with one pattern, parse with one LALR(1) automaton.

A parse folds as it goes: each reduction calls the function of its name with the list of its children, and a
rule without a function gives that list. Lark's helper rules for repetition are spliced into their parents.
"""

from __future__ import annotations

import re

from asmrewrite.syntax import _tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    class Token(NamedTuple):
        """One token: its terminal's name, its text, and its place in the input (characters from 0)."""

        kind: str
        text: str
        start: int
        end: int


class NoParse(Exception):
    """The input is not in the language; `position` says where it stopped being (characters from 0)."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class Automaton:
    """The parser of one grammar; `folds` maps a rule's name to what makes its value from its children."""

    def __init__(self, grammar: str, folds: Mapping[str, Callable[[list[Any]], Any]]) -> None:
        self._match = re.compile(_tables.PATTERNS[grammar]).match
        self._ignored = frozenset(_tables.IGNORED[grammar])
        self._rules = _tables.RULES[grammar]
        self._actions = _tables.ACTIONS[grammar]
        self._start = _tables.START[grammar]
        self._end = _tables.END[grammar]
        self._folds = folds

    def parse(self, text: str) -> Any:
        """The value of `text`; `NoParse` when it has none."""
        states = [self._start]
        values: list[Any] = []
        position, length, match = 0, len(text), self._match
        while position < length:
            found = match(text, position)
            if found is None or found.end() == position:
                raise NoParse(position)
            kind = found.lastgroup or ""
            if kind not in self._ignored:
                self._feed(states, values, kind, position)
                values.append((kind, found.group(), position, found.end()))
            position = found.end()
        self._feed(states, values, "$END", length)
        return values[-1]

    def _feed(self, states: list[int], values: list[Any], kind: str, position: int) -> None:
        actions = self._actions
        while True:
            action = actions[states[-1]].get(kind)
            if action is None:
                raise NoParse(position)
            if action >= 0:
                states.append(action)
                return
            origin, name, length = self._rules[~action]
            children = values[len(values) - length :] if length else []
            if length:
                del states[-length:], values[-length:]
            states.append(actions[states[-1]][origin])
            if name and any(type(child) is _Spliced for child in children):
                children = [grandchild for child in children for grandchild in _open(child)]
            fold = self._folds.get(name)
            if not name:
                values.append(_Spliced(g for child in children for g in _open(child)))
            else:
                values.append(fold(children) if fold else children)
            if kind == "$END" and states[-1] == self._end:
                return


class _Spliced(list):  # type: ignore[type-arg]  # children of any kind
    """The children of a repetition, on their way into the rule that repeats."""


def _open(child: Any) -> list[Any]:
    return child if type(child) is _Spliced else [child]
