"""What a test of gcc's own test suites asks for in its comments: how far it goes, and with which options.

Only what decides how a program is built is read: dg-do, dg-options, dg-additional-options, dg-additional-sources.
Whether it can run here, plain gcc shows (dg-require-* and dg-skip-if are for people who cannot ask it).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

MACHINE = "x86_64-pc-linux-gnu"
#: Effective targets that hold here; one that is not named does not.
_HOLD = frozenset({"lp64", "fpic", "signal", "c++11", "c++14", "c++17", "c++17_down"})
#: Effective targets of older standards -> the option that makes them hold.
_OLDER = {"c++14_down": "-std=gnu++14", "c++98_only": "-std=gnu++98"}
_DIRECTIVE = re.compile(r"\{\s*(dg-(?:do|options|additional-options|additional-sources))\s+(?=\S)")
_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s{}"]+))')


@dataclass(frozen=True)
class Asked:
    """What a test asks for: "run", "link", "assemble", "compile" or "" for nothing here; its options."""

    action: str
    options: tuple[str, ...]
    #: Further files that belong to the program.
    sources: tuple[str, ...]


def asked(text: str, action: str) -> Asked:
    """Read the directives of the test `text`; `action` is what it asks for when it does not say."""
    options: tuple[str, ...] = ()
    additional: list[str] = []
    sources: list[str] = []
    standard: list[str] = []
    for name, words in _directives(text):
        argument = words[0].strip('{ "}').split() if words else []
        selectors = words[1:]
        holds = all(_holds(selector) for selector in selectors)
        if name == "dg-do":
            older = [option for key, option in _OLDER.items() for selector in selectors if key in selector.split()]
            if len(older) == 1:
                standard, holds = older, True
            action = argument[0] if holds and argument else ""
        elif not holds:
            continue
        elif name == "dg-options":
            options = tuple(argument)
        elif name == "dg-additional-options":
            additional += argument
        else:
            sources += argument
    return Asked(action, (*standard, *options, *additional), tuple(sources))


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    """The name of each directive and its words; one in braces keeps them."""
    for found in _DIRECTIVE.finditer(text):
        line_end = text.find("\n", found.end())
        yield found.group(1), _words(text[found.end() : line_end if line_end >= 0 else len(text)])


def _words(text: str) -> list[str]:
    words: list[str] = []
    position = 0
    while position < len(text):
        rest = text[position:].lstrip()
        position = len(text) - len(rest)
        if rest.startswith("{"):
            end = _closing(rest)
            words.append(" ".join(rest[:end].replace("{", " { ").replace("}", " } ").split()))
            position += end
        elif found := _WORD.match(rest):
            words.append(found.group(1) if found.group(1) is not None else found.group(2))
            position += found.end()
        else:
            break  # the directive's own closing brace
    return words


def _closing(text: str) -> int:
    depth = 0
    for index, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return index + 1
    return len(text)


def _holds(selector: str) -> bool:
    """Whether `{ target ... }` speaks of this machine; `{ xfail ... }` says nothing of that."""
    words = selector.split()
    if words[1:2] != ["target"]:
        return True
    python = {"&&": "and", "||": "or", "!": "not", "{": "(", "}": ")"}
    terms: list[str] = []
    for word in words[2:-1]:
        known = python.get(word)
        # Words beside each other are alternatives.
        if terms and terms[-1] in ("True", "False", ")") and known in (None, "(", "not"):
            terms.append("or")
        terms.append(known or str(word in _HOLD or fnmatchcase(MACHINE, word)))
    return bool(eval(" ".join(terms) or "True"))
