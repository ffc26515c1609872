"""Markers' arguments: what printf makes of them, and what is recorded and written."""

from __future__ import annotations

import struct

import pytest

from asmrewrite.trace.text import formatted


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def text(content: bytes, cut: bool = False) -> tuple[int, ...]:
    padded = content + b"\0" * (-len(content) % 8)
    return (len(content) | cut << 63, *struct.unpack(f"<{len(padded) // 8}Q", padded))


CASES = [
    ("plain", (), "plain"),
    ("100%%", (), "100%"),
    ("%d", (2**32 - 5,), "-5"),
    ("%ld", (2**32 - 5,), "4294967291"),
    ("%hd %hhu %hhd", (65535, 511, 128), "-1 255 -128"),
    ("%u %x %X %#x %o %#o", (7, 255, 255, 255, 8, 8), "7 ff FF 0xff 10 010"),
    ("%lu %zu %jd %td", (2**64 - 1,) * 4, "18446744073709551615 18446744073709551615 -1 -1"),
    ("[%5d|%-5d|%05d|%+d|% d]", (1, 2, 3, 4, 5), "[    1|2    |00003|+4| 5]"),
    ("[%*d|%-*d|%.*d]", (4, 1, 4, 2, 3, 7), "[   1|2   |007]"),
    ("%*d|", (2**32 - 4, 1), "1   |"),
    ("%c%c", (65, 66 + 256), "AB"),
    ("%p %p", (0, 4096), "(nil) 0x1000"),
    ("%.2f %g %e", (bits(1.5), bits(1e9), bits(2.0)), "1.50 1e+09 2.000000e+00"),
    ("%a", (bits(1.0),), "0x1.0000000000000p+0"),
    ("%Lg %Lf", (0xC000000000000000, 0x3FFF, 0xC000000000000000, 0xBFFF), "1.5 -1.500000"),
    ("%Lg", (1 << 63, 0x7FFF), "inf"),
    ("<%s> <%6s> <%.2s>", (*text(b"one"), *text(b"two"), *text(b"th")), "<one> <   two> <th>"),
    ("%s!", text(b"\xff\xc3\xa9"), "\\xffé!"),
    ("%s!", text(b"12345678", cut=True), "12345678...!"),
    ("%s", text(b""), ""),
    ("%d and %d", (1,), "1 and ..."),
    ("%d %n rest", (1, 2), "1 ..."),
    ("%m", (), "..."),
]


@pytest.mark.parametrize(("template", "words", "expected"), CASES, ids=[case[0] for case in CASES])
def test_formatted(template: str, words: tuple[int, ...], expected: str) -> None:
    assert formatted(template, words) == expected
