"""A marker's text: its format with the words of its arguments (asmrewrite/tracer/arguments.h), as printf has it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import cache

_CONVERSION = re.compile(r"%([-+ #0']*)(\*|\d+)?(?:\.(\*|\d*))?(hh|h|ll|l|L|q|j|z|t)?(.)", re.DOTALL)
_BITS = {"hh": 8, "h": 16, "": 32}
#: What stands for arguments that were not recorded.
MISSING = "..."


def formatted(template: str, words: tuple[int, ...]) -> str:
    """The text; what follows an unknown conversion, or has no words, becomes `MISSING`."""
    left = iter(words)
    pieces = []
    for literal, convert in _parts(template):
        pieces.append(literal)
        if convert is not None:
            try:
                pieces.append(convert(left))
            except (StopIteration, ValueError, OverflowError, struct.error):
                return "".join(pieces) + MISSING
    return "".join(pieces)


_Converter = Callable[[Iterator[int]], str]


@cache
def _parts(template: str) -> tuple[tuple[str, _Converter | None], ...]:
    """(text, what follows it)."""
    found: list[tuple[str, _Converter | None]] = []
    at = 0
    for match in _CONVERSION.finditer(template):
        flags, width, precision, length, letter = match.groups()
        found.append((template[at : match.start()], _converter(flags, width, precision, length or "", letter)))
        at = match.end()
    return (*found, (template[at:], None))


def _converter(flags: str, width: str | None, precision: str | None, length: str, letter: str) -> _Converter:
    def convert(words: Iterator[int]) -> str:
        if letter == "%":
            return "%"
        if letter == "m":  # errno is not recorded
            return MISSING
        wide = str(_signed(next(words), 32)) if width == "*" else width or ""
        exact = _signed(next(words), 32) if precision == "*" else None if precision is None else int(precision or 0)
        marks = flags.replace("'", "")
        if wide.startswith("-"):
            marks, wide = marks + "-", wide[1:]
        start = f"%{marks}{wide}" + (f".{exact}" if exact is not None and exact >= 0 else "")
        return _value(start, length, letter, words)

    return convert


def _value(start: str, length: str, letter: str, words: Iterator[int]) -> str:
    """One argument; `start` is the conversion up to its length, stars replaced."""
    if letter == "s" and length != "l":
        return f"{start.partition('.')[0]}s" % _string(words)  # cut when it was recorded
    word = next(words)
    if letter in "di":
        return f"{start}d" % _signed(word, _BITS.get(length, 64))
    if letter in "ouxX":
        return _unsigned(start, letter, word & (1 << _BITS.get(length, 64)) - 1)
    if letter == "c":
        return f"{start}s" % chr(word & 255 if length != "l" else word & 0x1FFFFF)
    if letter in "ps":
        return f"{start.partition('.')[0]}s" % (f"{word:#x}" if word else "(nil)")
    if letter in "eEfFgGaA":
        number = _long_double(word, next(words)) if length == "L" else struct.unpack("<d", struct.pack("<Q", word))[0]
        return f"{start}{letter}" % number if letter not in "aA" else f"{start.partition('.')[0]}s" % number.hex()
    raise ValueError(letter)


def _unsigned(start: str, letter: str, value: int) -> str:
    """Python writes %#o as 0o7, and C as 07."""
    if letter == "o" and "#" in start:
        return f"{start.replace('#', '')}s" % f"0{value:o}"
    return f"{start}{'d' if letter == 'u' else letter}" % value


def _signed(word: int, bits: int) -> int:
    word &= (1 << bits) - 1
    return word - (1 << bits) if word >> (bits - 1) else word


def _string(words: Iterator[int]) -> str:
    head = next(words)
    length, cut = head & ~(1 << 63), head >> 63
    data = b"".join(struct.pack("<Q", next(words)) for _ in range((length + 7) // 8))[:length]
    return data.decode("utf-8", "backslashreplace") + (MISSING if cut else "")


def _long_double(low: int, high: int) -> float:
    """The x87 format: 64 bits of mantissa with its first digit, 15 of exponent, a sign."""
    exponent = high & 0x7FFF
    if exponent == 0x7FFF:
        value = float("inf") if low << 1 & (1 << 64) - 1 == 0 else float("nan")
    else:
        value = float(low) * 2.0 ** (exponent - 16383 - 63)
    return -value if high >> 15 & 1 else value
