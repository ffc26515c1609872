"""Any statement in full, by ``statement.lark``, parsed once for each shape.

A shape is one letter a token (see the grammar): ``movq 8(%rax), %rbx`` and ``leaq -16(%rsp), %rdi`` are both
``W0(N),N``. A listing of a compiler has a few hundred shapes, so almost every statement costs one scan and one
dictionary look-up.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from asmrewrite.syntax.lalr import Automaton, NoParse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from asmrewrite.syntax.listing import Listing


class Statement(NamedTuple):
    """One statement of a listing.

    `kind` is "instruction", "directive", "assignment", "empty", or "opaque" when the grammar does not know it.
    `labels`, `prefixes` and `operands` are texts as written; `head` is the mnemonic or directive in lower case,
    or the name that an assignment gives a value. [start, end) are its characters, terminator and comment left
    out; `comment` is the ``#`` comment behind it.
    """

    kind: str
    labels: tuple[str, ...]
    prefixes: tuple[str, ...]
    head: str
    operands: tuple[str, ...]
    comment: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""(?P<S>"(?:[^"\\]|\\[\s\S])*"?|'(?:\\[\s\S]|[^\\])'?)"""
    r"""|(?P<N>[%$]?[A-Za-z_.$\x80-\xff][A-Za-z0-9_.$@\x80-\xff]*)|(?P<Z>\$?[0-9][0-9A-Za-z_.]*)"""
    r"""|(?P<B>[ \t\f\r\n]+|/\*(?:[^*]|\*(?!/))*(?:\*/|\*?\Z))|(?P<C>\#[^\n]*)|(?P<G>\{[A-Za-z]\w*\})|(?P<P>[\s\S])"""
)
_PREFIX = re.compile(
    r"(?i:addr(?:16|32)|adword|aword|data(?:16|32)|[c-gs]s|f?wait|hn?t|bnd|notrack|lock|rep(?:n?[ez])?"
    r"|rex(?:64)?(?:[.]?[wrxb]+|xyz|xy|xz|yz|[xyz])?|xacquire|xrelease)\Z"
)
_STATEMENT = re.compile(
    r"""(?:[^\n;\0"'/#]+|"(?:[^"\\]|\\[\s\S])*(?:"|\\?\Z)|'(?:\\[\s\S]|[^\\]|\\?\Z)'?|/\*(?:[^*\n]|\*(?!/))*\*/|/(?!\*))*"""
    r"""(\#[^\n]*)?(?:[\n;\0]|/\*(?:[^*]|\*(?!/))*(?:\*/|\*?\Z)|\Z)?"""
)


def parse_statement(text: str, start: int = 0, comment: str = "") -> Statement:
    """The statement `text`, without terminator, that stands at `start` in its listing."""
    letters: list[str] = []
    spans: list[tuple[int, int]] = []
    headless = True
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        if kind == "B":
            continue
        if kind == "C":
            comment = found.group()
            continue
        word = found.group()
        first, last = found.span()
        if kind == "G" and not headless:
            # `{z}` behind an operand; in front of the head it is a pseudo-prefix such as `{disp32}`.
            letters += "{N}"
            spans += [(first, first + 1), (first + 1, last - 1), (last - 1, last)]
            continue
        if headless and word == "/" and letters[-1:] == ["P"]:
            continue
        letter = {"Z": "0", "P": word, "G": "P"}.get(str(kind), str(kind))
        if headless and kind == "N":
            letter, headless = _head(text, found.end(), word)
        elif headless and kind == "P" and word != ":":
            headless = False
        letters.append(letter)
        spans.append((first, last))
    shape = "".join(letters)
    plan = _plans.get(shape)
    if plan is None:
        plan = _plans[shape] = _parse_shape(shape)
    kind, labels, prefixes, head, operands = plan
    return Statement(
        kind,
        tuple(text[slice(*spans[i])] for i in labels),
        tuple(text[slice(*spans[i])] for i in prefixes),
        "" if head < 0 else _head_text(kind, text[slice(*spans[head])]),
        tuple(text[spans[first][0] : spans[last][1]] if first <= last else "" for first, last in operands),
        comment,
        start,
        start + len(text.rstrip(" \t\f\r\n\v")),
    )


def statements(listing: Listing, start: int, end: int) -> Iterator[Statement]:
    """Every statement in [start, end) of `listing`; those with neither label, prefix, body nor comment are left out."""
    text, position = listing.text, start
    while position < end:
        found = _STATEMENT.match(text, position, end)
        stop = found.end() if found else end
        if found is None or stop == position:
            break
        body_end = found.start(1) if found.start(1) >= 0 else stop
        body = text[position:body_end].rstrip("\n;\0")
        statement = parse_statement(body, position, found.group(1) or "")
        if statement.kind != "empty" or statement.labels or statement.prefixes or statement.comment:
            yield statement
        position = stop


def _head(text: str, after: int, word: str) -> tuple[str, bool]:
    """The letter of a name that may be the statement's head, and whether the head is still to come."""
    rest = text[after : after + 80].lstrip(" \t\r\f")
    if rest.startswith(":") and not rest.startswith(":="):
        return "N", True
    if rest.startswith("="):
        return "N", False
    if word.startswith("."):
        return "D", False
    if _PREFIX.match(word) and rest:
        return "P", True
    return "W", False


def _head_text(kind: str, word: str) -> str:
    return word if kind == "assignment" else word.lower()


if TYPE_CHECKING:
    #: Kind, then which tokens are labels, prefixes, the head (-1: none), and the first and last of each operand.
    Plan = tuple[str, tuple[int, ...], tuple[int, ...], int, tuple[tuple[int, int], ...]]
#: An operand that is not there: no token from 0 to -1.
_NOTHING = (0, -1)
_plans: dict[str, Plan] = {}
_automaton: list[Automaton] = []


def _parse_shape(shape: str) -> Plan:
    if not _automaton:
        _automaton.append(Automaton("statement", _FOLDS))
    try:
        labels, prefixes, body = _automaton[0].parse(shape)
    except NoParse:
        return "opaque", (), (), -1, ()
    kind, head, operands = body or ("empty", -1, ())
    return kind, tuple(labels), tuple(prefixes), head, tuple(operands)


def _extent(children: list[Any]) -> tuple[int, int]:
    """First and last token below, as indices into the shape."""
    first, last = children[0], children[-1]
    return (
        first[2] if isinstance(first[0], str) else _extent(first)[0],
        last[2] if isinstance(last[0], str) else _extent(last)[1],
    )


def _fold_operands(children: list[Any]) -> list[tuple[int, int]]:
    operands: list[tuple[int, int]] = []
    for place, (name, extent) in enumerate(children):
        if name == "next" and place == 0:
            operands.append(_NOTHING)
        operands.append(extent)
    return operands


def _fold_statement(children: list[Any]) -> tuple[list[int], list[int], Any]:
    labels = [c[1] for c in children if c[0] == "label"]
    prefixes = [c[2] for c in children if c[0] == "PREFIX"]
    bodies = [c[1] for c in children if c[0] == "body"]
    return labels, prefixes, bodies[0] if bodies else None


def _fold_body(kind: str) -> Any:
    def fold(children: list[Any]) -> tuple[str, tuple[str, int, list[tuple[int, int]]]]:
        operands = [extent for name, extent in [c for c in children if c[0] == "operand"]]
        for child in children:
            if child[0] == "operands":
                operands = child[1]
        return "body", (kind, children[0][2], operands)

    return fold


_FOLDS: dict[str, Any] = {
    "statement": _fold_statement,
    "label": lambda children: ("label", children[0][2]),
    "instruction": _fold_body("instruction"),
    "directive": _fold_body("directive"),
    "assignment": _fold_body("assignment"),
    "operands": lambda children: ("operands", _fold_operands(children)),
    "next_operand": lambda children: ("next", children[1][1] if len(children) > 1 else _NOTHING),
    "operand": lambda children: ("operand", _extent(children)),
}
