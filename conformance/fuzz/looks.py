"""What an object says of itself, read without the checkers' comparisons: keys that code names, functions' entries."""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO

from asmrewrite.verify.image import Image

_EXEC, _PLT32 = 4, 4
_ENDBR64 = bytes.fromhex("f30f1efa")
_SITE = re.compile(rb"\x0f\x1f\x44\x00\x00|\x2e{3}(?:\x2e[\x50-\x53\x55-\x57]|\x41[\x50-\x57])")
_KEYS = ("__SKEY__", "__MARK__")


def keys_named(content: bytes) -> Counter[tuple[str, str, int]]:
    """How often code names each key: section, symbol, and the relocation's type.

    The tests move, but none is made and none gets lost.
    """
    image = Image("object", BytesIO(content))
    return Counter(
        (section.name, image.symbols[relocation.symbol].name, relocation.kind)
        for section in image.sections
        if section.flags & _EXEC
        for relocation in image.relocations(section.number).values()
        # A branch to one is none of a test's; the way of a patched jump has it once more.
        if relocation.kind != _PLT32 and image.symbols[relocation.symbol].name.startswith(_KEYS)
    )


def without_entry(content: bytes, functions: set[str]) -> str:
    """One of `functions` that does not begin with five bytes in one aligned word, a nop or push; "" when all do."""
    image = Image("object", BytesIO(content))
    found: set[str] = set()
    for symbol in image.symbols:
        if symbol.name in functions and symbol.section:
            data = image.sections[symbol.section].data
            start = symbol.value + 4 * data.startswith(_ENDBR64, symbol.value)
            site = _SITE.search(data, start, start + 12)
            # Behind an endbr64, nops keep it in its word.
            if site and site.start() % 8 <= 3 and data[start : site.start()].strip(b"\x90") in _PADDING:
                found.add(symbol.name)
    return min(functions - found, default="")


#: Nops of one to four bytes, less what is 0x90 at their ends.
_PADDING = (b"", b"\x66", b"\x0f\x1f\x00", b"\x0f\x1f\x40\x00")
