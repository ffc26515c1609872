"""Profiles: what sites called, by names that survive a rebuild. docs/profiles.md describes the format.

A file holds one part for each module of each process that wrote to it::

    asmrewrite-profile 1 MODULE MODE SYMBOLS
    site FILE FUNCTION ORDINAL
    target CALLS MODULE FILE SYMBOL OFFSET
    others CALLS
    end
"""

from __future__ import annotations

import re
from typing import NamedTuple

from asmrewrite.errors import ProfileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION = 1
MODES = ("learn", "on", "merged")
SYMBOL_TABLES = ("symtab", "dynsym", "none")
#: A target with less than one of so many calls of its site gets no entry of a chain; the runtime's SHARE.
SHARE = 64


class Place(NamedTuple):
    """A site: the module, the source file ("" unless the function is local), the function, and which of its sites.

    `module` is the soname, "" for the program itself; `ordinal` counts the function's sites by address, from 0.
    """

    module: str
    file: str
    function: str
    ordinal: int

    def __str__(self) -> str:
        inside = f"{self.file}:{self.function}" if self.file else self.function
        return f"{self.module + ': ' if self.module else ''}{inside}#{self.ordinal}"


class Target(NamedTuple):
    """What a site called: `module` is "" for the site's own; `symbol` is "" when none stands there.

    `offset` is in bytes from the symbol, or without one the address that the module was linked for.
    """

    module: str
    file: str
    symbol: str
    offset: int

    def __str__(self) -> str:
        inside = f"{self.file}:{self.symbol}" if self.file else self.symbol
        distance = f"{'+' if self.symbol else ''}{self.offset:#x}" if self.offset or not self.symbol else ""
        return f"{self.module + ': ' if self.module else ''}{inside}{distance}"


class Calls(NamedTuple):
    """The calls of one site: of each target, and of targets that were not told apart."""

    targets: dict[Target, int]
    others: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.targets.values()) + self.others

    def ranked(self) -> list[tuple[Target, int]]:
        """The targets and their calls, most frequent first; equal ones by name."""
        return sorted(self.targets.items(), key=lambda item: (-item[1], item[0]))

    def frequent(self) -> list[Target]:
        """The targets that are worth an entry of a chain, most frequent first."""
        total = self.total
        return [target for target, calls in self.ranked() if calls * SHARE >= total and calls]


#: What a profile says: the calls of every site that made any.
Profile = dict[Place, Calls]


def read(path: str) -> Profile:
    """The profile at `path`; `ProfileError` when it is none, with its line."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return parse(file.read(), path)
    except OSError as error:
        raise ProfileError(f"cannot be read: {error.strerror}", file=path) from None


def parse(text: str, file: str = "<profile>") -> Profile:
    """The profile that `text` is; its parts are added up."""
    found: Profile = {}
    module: str | None = None
    place: Place | None = None
    number = 0
    try:
        for line in text.split("\n"):
            number += 1
            word, *fields = line.split(" ")
            if not line or line.startswith("#"):
                continue
            if word == "asmrewrite-profile":
                if module is not None:
                    raise ValueError("a part begins inside another, which was cut short")
                module, place = _header(fields), None
            elif module is None:
                raise ValueError("it is behind the end of a part" if found else "no part begins here: not a profile")
            elif word == "end" and not fields:
                module = None
            elif word == "site":
                place = _site(module, fields)
                found.setdefault(place, Calls({}))
            elif place is None:
                raise ValueError("it belongs to no site" if word in ("target", "others") else f"knows no {word!r}")
            else:
                found[place] = _counted(found[place], word, fields)
    except ValueError as error:
        raise ProfileError(str(error), file=file, line=number) from None
    if module is not None:
        last = text.rstrip("\n").count("\n") + 1
        raise ProfileError("is cut short: its last part has no end", file=file, line=last)
    if not text.strip():
        raise ProfileError("is empty", file=file, hint="the program ends by exit() or by return from main to write it")
    return found


def write(profile: Profile) -> str:
    """`profile` as text: one part for each module, everything in order."""
    lines: list[str] = []
    for module in sorted({place.module for place in profile}):
        lines.append(f"asmrewrite-profile {VERSION} {_word(module)} merged symtab")
        for place in sorted(place for place in profile if place.module == module):
            calls = profile[place]
            lines.append(f"site {_word(place.file)} {_word(place.function)} {place.ordinal}")
            lines.extend(
                f"target {count} {_word(t.module)} {_word(t.file)} {_word(t.symbol)} {_offset(t)}"
                for t, count in calls.ranked()
            )
            if calls.others:
                lines.append(f"others {calls.others}")
        lines.append("end")
    return "".join(f"{line}\n" for line in lines)


def merge(profiles: Iterable[Profile]) -> Profile:
    """All calls of all `profiles`."""
    found: Profile = {}
    for profile in profiles:
        for place, calls in profile.items():
            found[place] = _sum(found.get(place, Calls({})), calls)
    return found


class Difference(NamedTuple):
    """A target whose share of its site's calls (0 to 1) is another in the second profile."""

    place: Place
    target: Target
    before: float
    after: float


def diff(before: Profile, after: Profile, least: float = 0.0) -> list[Difference]:
    """Targets whose share changed by more than `least`, of all sites of both, in order."""
    return list(_differences(before, after, least))


def _differences(before: Profile, after: Profile, least: float) -> Iterator[Difference]:
    nothing = Calls({})
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place, nothing), after.get(place, nothing)
        for target in sorted(old.targets.keys() | new.targets.keys()):
            shares = [calls.targets.get(target, 0) / (calls.total or 1) for calls in (old, new)]
            if abs(shares[0] - shares[1]) > least:
                yield Difference(place, target, *shares)


def _sum(one: Calls, other: Calls) -> Calls:
    targets = dict(one.targets)
    for target, count in other.targets.items():
        targets[target] = targets.get(target, 0) + count
    return Calls(targets, one.others + other.others)


def _header(fields: list[str]) -> str:
    if fields[:1] != [str(VERSION)]:
        raise ValueError(f"version {' '.join(fields[:1]) or 'none'} is not known; this asmrewrite reads {VERSION}")
    if len(fields) != 4 or fields[2] not in MODES or fields[3] not in SYMBOL_TABLES:
        raise ValueError("a part begins with `asmrewrite-profile 1 MODULE MODE SYMBOLS`")
    return _name(fields[1])


def _site(module: str, fields: list[str]) -> Place:
    if len(fields) != 3:
        raise ValueError("takes `site FILE FUNCTION ORDINAL`")
    return Place(module, _name(fields[0]), _name(fields[1]), _number(fields[2]))


def _counted(calls: Calls, word: str, fields: list[str]) -> Calls:
    if word == "target" and len(fields) == 5:
        target = Target(_name(fields[1]), _name(fields[2]), _name(fields[3]), _number(fields[4]))
        calls.targets[target] = calls.targets.get(target, 0) + _number(fields[0])
        return calls
    if word == "others" and len(fields) == 1:
        return calls._replace(others=calls.others + _number(fields[0]))
    if word in ("target", "others"):
        raise ValueError(f"takes `{word} {'CALLS MODULE FILE SYMBOL OFFSET' if word == 'target' else 'CALLS'}`")
    raise ValueError(f"knows no {word!r}")


_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|)")


def _word(name: str) -> str:
    """`name` as one word: `-` for none; spaces and the like become a backslash, `x` and two digits."""
    if name in ("", "-"):
        return "\\x2d" if name else "-"
    return _ODD.sub(lambda odd: f"\\x{ord(odd.group()):02x}", name)


def _offset(target: Target) -> str:
    return f"{target.offset:#x}" if target.offset else "0"


def _name(word: str) -> str:
    """The name that `word` stands for."""
    if not word:
        raise ValueError("a name is missing; `-` stands for none")
    return "" if word == "-" else _ESCAPE.sub(_character, word)


def _character(found: re.Match[str]) -> str:
    if found.group(1) is None:
        raise ValueError(f"a backslash stands before xHH alone: {found.string}")
    return chr(int(found.group(1), 16))


def _number(word: str) -> int:
    try:
        value = int(word, 16 if word.startswith("0x") else 10)
    except ValueError:
        value = -1
    if value < 0 or not word[:1].isdigit() or "_" in word:
        raise ValueError(f"{word!r} is no number")
    return value


__all__ = [
    "Calls", "Difference", "Place", "Profile", "ProfileError", "Target", "diff", "merge", "parse", "read", "write",
]  # fmt: skip
