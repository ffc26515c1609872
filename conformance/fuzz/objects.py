"""Damaged objects: whatever their bytes, the checkers give verdicts or raise `CheckError`, and soon."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from random import Random

from asmrewrite import CheckError, Options, check_bytes, rewrite, validate_bytes
from conformance.fuzz.gas import assemble
from conformance.sources import REPOSITORY

#: Seconds that both checkers may take for one object of a few thousand bytes.
PATIENCE = 10.0
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 0x10, 0x17, 0x18, 0x40, 0x7F, 0x80, 0xFF, 0x100, 0xFFF1, 0xFFFF, 0x7FFFFFFF,
    0x80000000,
            0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF)  # fmt: skip


def pairs() -> list[tuple[bytes, bytes]]:
    """Original and rewritten objects of the golden inputs."""
    found = []
    for path in sorted((REPOSITORY / "tests" / "golden").glob("*.in.s")):
        text = path.read_bytes().decode("latin-1")
        result = rewrite(text, Options(slow="lfence"))
        before, after = assemble(text)[0], assemble(result.text)[0]
        if result.changed and before and after:
            found.append((before, after))
    return found


def damaged(content: bytes, random: Random) -> bytes:
    """`content` with a few bytes, fields of its headers or tables, or pieces of it changed."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        kind = random.randrange(8)
        if kind == 0:
            del data[random.randrange(len(data) + 1) :]
        elif kind == 1 and len(data) > 64:
            _header(data, random)
        elif kind == 2:
            start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
            data[start : start + random.randrange(1, 64)] = data[end : end + random.randrange(64)]
        elif data:
            size = random.choice((1, 1, 2, 4, 8))
            at = random.randrange(len(data))
            at -= at % size
            number = random.choice((random.choice(_NUMBERS), random.getrandbits(8 * size)))
            data[at : at + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        if not data:
            break
    return bytes(data)


def _header(data: bytearray, random: Random) -> None:
    """A field of a section's header, or of what the section holds, gets another value."""
    (start,) = struct.unpack_from("<Q", data, 0x28)
    count = max(1, struct.unpack_from("<H", data, 0x3C)[0])
    at = start + 64 * random.randrange(count)
    if at + 64 > len(data):
        return
    field, size = random.choice(((0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)))
    if random.randrange(2):
        offset, length = struct.unpack_from("<QQ", data, at + 24)
        if length == 0 or offset + length > len(data):
            return
        at, field = offset + random.randrange(length), 0
    number = random.choice((*_NUMBERS, count, random.randrange(count), len(data)))
    data[at + field : at + field + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def examine(original: bytes, new: bytes) -> str:
    """What the checkers say of a damaged pair; `AssertionError` when they take too long, else what they raise."""
    started = time.process_time()
    said = []
    for look in (lambda: check_bytes(new, "new.o"), lambda: validate_bytes(original, new, "new.o")):
        try:
            look()
            said.append("verdicts")
        except CheckError:
            said.append("CheckError")
    if time.process_time() - started > PATIENCE:
        raise AssertionError("the checkers take too long")
    return ", ".join(said)


def run(inputs: int, seed: int, folder: Path) -> tuple[dict[str, int], list[str]]:
    """Examine so many damaged pairs: what was said, how often; and what must not be, once for each kind."""
    random = Random(seed)
    known = pairs()
    counts: dict[str, int] = {}
    problems: dict[str, str] = {}
    for number in range(inputs):
        original, new = random.choice(known)
        if number % 4:
            new = damaged(new, random)
        else:
            original = damaged(original, random)
        try:
            outcome = examine(original, new)
        except Exception as error:
            outcome = f"FAILED: {type(error).__name__}"
            folder.mkdir(parents=True, exist_ok=True)
            problems.setdefault(f"{error!r}"[:60], f"object {number} of seed {seed}: {error!r}")
            (folder / f"{number}.o").write_bytes(new)
            (folder / f"{number}.original.o").write_bytes(original)
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts, list(problems.values())
