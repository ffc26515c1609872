"""Text to bytes at an address, by two assemblers behind one interface: GNU as, and keystone as second opinion.

keystone 0.9.2 reads decimal numbers in AT&T syntax as hexadecimal, knows no `{disp32}`, and ends the process on
some directives. So both encoders take only lines of the form that `stub_lines` and `thunk_lines` give: instructions
on registers, %rip-relative slots and absolute targets, every number written 0x; and keystone runs in a process of its
own, where an abort is an error and not our end.
"""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Protocol

from asmrewrite.errors import ToolError
from asmrewrite.stubs import abi

_LINE = re.compile(r"(?:[a-z]+3?(?: (?:[*$]?%[a-z0-9]+|-?0x[0-9a-f]+(?:\(%[a-z]+\))?|\(%[a-z]+\)|, )+)?|[a-z0-9_]+:)\Z")
_CMP_SIZE, _JCC_SIZE = 7, 6


class Encoder(Protocol):
    """An assembler for snippets."""

    def encode(self, snippets: Sequence[tuple[int, Sequence[str]]]) -> list[bytes]:
        """The bytes of each snippet: an address and its lines. Raises `ToolError` when a line is not to be had."""


def stub_lines(register: str, chain: int, address: int, slots: int, targets: Sequence[int], slow: int) -> list[str]:
    """A relpoline's stub at `address`, its slots at `slots`, entry i leading to `targets[i]`, the rest to `slow`."""
    lines = []
    for entry in range(chain):
        behind = address + entry * (_CMP_SIZE + _JCC_SIZE) + _CMP_SIZE
        lines.append(f"cmpq {slots + abi.SLOT_SIZE * entry - behind:#x}(%rip), %{register}")
        lines.append(f"je {targets[entry]:#x}")
    return [*lines, f"jmp {slow:#x}"]


def thunk_lines(slow: str, register: str, address: int) -> list[str]:
    """The thunk of a slow path at `address`."""
    if slow == "retpoline":
        return [
            f"call {address + 12:#x}", "pause", "lfence", f"jmp {address + 5:#x}", f"movq %{register}, (%rsp)", "ret",
            "int3",
        ]  # fmt: skip
    return [*(["lfence"] if slow == "lfence" else []), f"jmp *%{register}", "int3"]


class GasEncoder:
    """GNU as; absolute targets come out as relocations, which are applied here."""

    def encode(self, snippets: Sequence[tuple[int, Sequence[str]]]) -> list[bytes]:
        """See `Encoder`."""
        return [self._one(address, list(lines)) for address, lines in snippets]

    def _one(self, address: int, lines: list[str]) -> bytes:
        from io import BytesIO

        from asmrewrite.toolchain.gas import assemble
        from asmrewrite.verify.image import Image

        _require_plain(lines)
        # A jump inside the snippet is as short as it can be; one to elsewhere has 32 bits anyway.
        made = assemble("".join(f"\t{_local(line, address)}\n" for line in lines) + f"\t.set here, {address:#x}\n")
        if made.status:
            raise ToolError(f"the assembler refuses a snippet: {made.messages.decode('latin-1').strip()}")
        image = Image("snippet", BytesIO(made.content))
        section = image.named(".text")[0]
        data = bytearray(section.data)
        relocations = image.named(".rela.text")
        for place, _, addend in struct.iter_unpack("<QQq", relocations[0].data if relocations else b""):
            struct.pack_into("<i", data, place, addend - (address + place))
        return bytes(data)


def _local(line: str, address: int) -> str:
    """A retpoline's inner targets as distances from the start, which is where gas puts the snippet."""
    found = re.fullmatch(r"(call|jmp) (0x[0-9a-f]+)", line)
    if found and 0 <= int(found.group(2), 16) - address < 32:
        return f"{found.group(1)} .text+{int(found.group(2), 16) - address:#x}"
    return line


class KeystoneEncoder:
    """keystone-engine, in a process of its own."""

    def encode(self, snippets: Sequence[tuple[int, Sequence[str]]]) -> list[bytes]:
        """See `Encoder`."""
        import json

        for _, lines in snippets:
            _require_plain(lines)
        asked = json.dumps([(address, "; ".join(lines)) for address, lines in snippets])
        finished = subprocess.run(
            [sys.executable, "-P", "-c", _WORKER], input=asked.encode(), capture_output=True, check=False
        )
        if finished.returncode:
            said = finished.stderr.decode("utf-8", "replace").strip().splitlines()
            end = f"signal {-finished.returncode}" if finished.returncode < 0 else f"status {finished.returncode}"
            raise ToolError(
                f"keystone ended: {said[-1] if said else end}",
                status=finished.returncode,
                hint="pip install keystone-engine" if b"No module named 'keystone'" in finished.stderr else "",
            )
        return [bytes.fromhex(code) for code in json.loads(finished.stdout)]


def _require_plain(lines: Sequence[str]) -> None:
    for line in lines:
        if not _LINE.match(line):
            raise ToolError(f"not a snippet's line: {line!r}", hint="see stub_lines")


_WORKER = """
import json, sys
import keystone
engine = keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64)
engine.syntax = keystone.KS_OPT_SYNTAX_ATT
print(json.dumps([bytes(engine.asm(text, address, as_bytes=True)[0]).hex() for address, text in json.load(sys.stdin)]))
"""
