"""What a branch branches to: one operand, read by ``operand_att.lark`` or ``operand_intel.lark``, each text once."""

from __future__ import annotations

import re
from typing import NamedTuple

from asmrewrite.syntax.lalr import Automaton, NoParse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Names of the sixteen registers that a 64-bit branch can go through, in the order of their numbers.
REGISTERS = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip

#: Python takes bytes 0x85 and 0xa0, which end many a letter in UTF-8, for blanks of Latin-1.
_BLANKS = " \t\f\r\n"
_NUMBER = {name: number for number, name in enumerate(REGISTERS)}
#: A name that is a register where registers need no `%`: gas takes a quoted one for it too.
_ANY_REGISTER = re.compile(
    r'"?(?:r(?:[abcd]x|[sd]i|[sb]p|\d+[bwd]?|ip)|e?(?:[abcd]x|[sd]i|[sb]p)|[abcd][lh]|[sd]il|[sb]pl|[c-gs]s)"?\Z',
    re.IGNORECASE,
)
_OTHER_SIZE = re.compile(r"(?:byte|[df]?word|tbyte|oword|xmmword|far|near)\Z", re.IGNORECASE)


class Operand(NamedTuple):
    """A branch's operand.

    `kind` is "register", "memory" or "symbol" (a direct target); `text` is what stands for it in a `mov`: the
    operand without the `*`. `register` names the register of a register operand, lower case and without `%`.
    `symbol` and `modifier` are the only name in it and what follows its `@`, lower case; `plain` says that
    nothing but that name and a base of `%rip` is in it. `names` are all symbols in it, `registers` all registers.
    """

    kind: str
    text: str
    register: str = ""
    symbol: str = ""
    modifier: str = ""
    plain: bool = False
    names: tuple[str, ...] = ()
    registers: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """The hardware number of the register of a register operand, 0-15; -1 when it has no 64-bit one."""
        return _NUMBER.get(self.register, -1)


def parse_operand(text: str, intel: bool = False, prefixed: bool | None = None) -> Operand | None:
    """The operand `text` of a branch, or None when the grammar does not know it.

    `prefixed` says whether registers must wear their `%` (gas manual, "i386-Variations"); when it is None they
    do in AT&T syntax and do not in Intel syntax. A name that is a register in one reading and a symbol in the
    other gives None: nothing certain can be said. So does an Intel operand of another size than QWORD.
    """
    if prefixed is None:
        prefixed = not intel
    key = (text, intel, prefixed)
    try:
        return _memo[key]
    except KeyError:
        if len(_memo) > 20_000:
            _memo.clear()
        return _memo.setdefault(key, _read(text, intel, prefixed))


_memo: dict[tuple[str, bool, bool], Operand | None] = {}
_automata: dict[str, Automaton] = {}


def _read(text: str, intel: bool, prefixed: bool) -> Operand | None:
    grammar = "operand_intel" if intel else "operand_att"
    automaton = _automata.get(grammar)
    if automaton is None:
        automaton = _automata[grammar] = Automaton(grammar, _FOLDS[grammar])
    try:
        starred, kind, tokens = automaton.parse(text)
    except NoParse:
        return None
    if not prefixed and any(t[0] == "SYMBOL" and _ANY_REGISTER.match(t[1]) for t in tokens):
        return None
    if intel and any(_OTHER_SIZE.match(t[1]) or (prefixed and t[0] == "REGISTER" and t[1][0] != "%") for t in tokens):
        return None
    # Without `*` a lone name is the target itself; with it, where the target is kept.
    kind = kind if kind != "absolute" else "memory" if starred else "symbol"
    body = text.strip(_BLANKS)[1:].lstrip(_BLANKS) if starred else text.strip(_BLANKS)
    symbols = [t[1] for t in tokens if t[0] == "SYMBOL"]
    registers = tuple(_bare(t[1]) for t in tokens if t[0] == "REGISTER")
    symbol, modifier = _split_modifier(symbols[0]) if len(symbols) == 1 else ("", "")
    constants = [t for t in tokens if t[0] == "NUMBER" or (t[0] == "OPERATOR" and t[1] != "+")]
    return Operand(
        kind=kind,
        text=body,
        register=registers[0] if kind == "register" else "",
        symbol=symbol,
        modifier=modifier,
        plain=len(symbols) == 1 and not constants and all(r == "rip" for r in registers),
        names=tuple(_split_modifier(s)[0] for s in symbols),
        registers=registers,
    )


def _bare(register: str) -> str:
    return register.lstrip("%").strip().lower()


def _split_modifier(name: str) -> tuple[str, str]:
    """`foo@PLT` as ("foo", "plt"); a quoted name without its quotes."""
    base, at, modifier = name.rpartition("@")
    if not at or modifier.endswith('"'):
        base, modifier = name, ""
    return (base[1:-1] if base.startswith('"') else base), modifier.lower()


def _leaves(children: list[Any]) -> list[Any]:
    """All tokens below, in order: a token is a 4-tuple whose first member is its terminal's name."""
    flat: list[Any] = []
    for child in children:
        if type(child) is tuple:
            flat.append(child)
        else:
            flat.extend(_leaves(child))
    return flat


def _as(kind: str) -> Callable[[list[Any]], list[Any]]:
    return lambda children: [kind, _leaves(children)]


_FOLDS: dict[str, dict[str, Callable[[list[Any]], Any]]] = {
    "operand_att": {
        "starred": lambda children: (True, *children[1]),
        "bare": lambda children: (False, *children[0]),
        "place": lambda children: children[0],
        "register": _as("register"),
        # Without `*` gas drops the segment of a lone address, which is then the target itself.
        "segment": lambda children: [children[2][0], _leaves([children[0], children[2][1]])],
        "displaced": _as("memory"),
        "based": _as("memory"),
        "absolute": _as("absolute"),
    },
    "operand_intel": {
        "register": lambda children: (False, "register", _leaves(children)),
        "symbol": lambda children: (False, "symbol", _leaves(children)),
        "memory": lambda children: (False, "memory", _leaves(children)),
    },
}
