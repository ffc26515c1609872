"""What the tests of syntax and analysis ask the real tools: gas, objdump, readelf, gcc and clang."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

#: The locale of the tools' messages, and nothing that could steer them.
ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}

CLANG = next((found for name in ("clang-14", "clang") if (found := shutil.which(name))), None)

_INDIRECT = re.compile(r"\bl?(?:call|jmp)[a-z]?(?:,p[nt])? +\*")
_INSTRUCTION = re.compile(r" +[0-9a-f]+:\t(.*)")


def run(argv: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a tool."""
    return subprocess.run(argv, input=stdin, capture_output=True, env=ENVIRONMENT, check=False)


@cache
def assemble(text: str | bytes) -> bytes | None:
    """The object that gas makes of `text`, or None when it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.o"
        content = text.encode("latin-1") if isinstance(text, str) else text
        done = run(["as", "--64", "-o", str(target), "-"], content)
        return target.read_bytes() if done.returncode == 0 else None


def _ask(argv: Sequence[str], content: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.o"
        source.write_bytes(content)
        done = run([*argv, str(source)])
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("latin-1")


@cache
def disassemble(content: bytes) -> tuple[str, ...]:
    """The instructions of an object's code sections, as objdump prints them."""
    lines = _ask(["objdump", "-d", "-z", "--no-show-raw-insn"], content).split("\n")
    return tuple(found.group(1).strip() for line in lines if (found := _INSTRUCTION.match(line)))


def indirect_branches(content: bytes) -> list[str]:
    """The indirect calls and jumps of an object, as objdump prints them."""
    return [line for line in disassemble(content) if _INDIRECT.search(line)]


def sections(content: bytes) -> dict[str, tuple[str, int]]:
    """Name -> flags as letters of ``.section`` and size (bytes) of an object's sections; the last one of a name."""
    letters = {SH_FLAGS.SHF_WRITE: "w", SH_FLAGS.SHF_ALLOC: "a", SH_FLAGS.SHF_EXECINSTR: "x", SH_FLAGS.SHF_GROUP: "G",
               SH_FLAGS.SHF_MERGE: "M", SH_FLAGS.SHF_STRINGS: "S", SH_FLAGS.SHF_LINK_ORDER: "o"}  # fmt: skip
    return {
        section.name: ("".join(n for bit, n in letters.items() if section["sh_flags"] & bit), section["sh_size"])
        for section in ELFFile(BytesIO(content)).iter_sections()
    }


@cache
def compiled(source: str, *flags: str, compiler: str = "gcc") -> str:
    """The listing that a compiler makes of the C text `source`."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.c").write_text(source, encoding="utf-8")
        command = [compiler, "-S", "-w", *flags, "-o", f"{folder}/out.s", f"{folder}/in.c"]
        done = run(command)
        assert done.returncode == 0, done.stderr.decode()
        return (Path(folder) / "out.s").read_bytes().decode("latin-1")


def assemble_lines(text: str) -> bytes:
    """The object of those lines of `text` that gas takes."""
    lines = text.split("\n")
    while True:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out.o"
            done = run(["as", "--64", "-o", str(target), "-"], "\n".join(lines).encode("latin-1"))
            if done.returncode == 0:
                return target.read_bytes()
        wrong = {int(number) for number in re.findall(rb"(?m)^\{standard input\}:(\d+): Error", done.stderr)}
        if not wrong:
            # Of a local label that is nowhere, gas names neither line nor label to jump to.
            wrong = {number for number, line in enumerate(lines, 1) if re.search(r"\b\d+[bf]\b", line)}
        assert wrong, done.stderr
        lines = [line for number, line in enumerate(lines, 1) if number not in wrong]
