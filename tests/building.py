"""What the tests build with: real gcc, gas, ld and objdump, run as a user runs them; and the golden files."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from asmrewrite import Options, Rewritten, rewrite
from asmrewrite.options import from_flags, merged

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "testdata" / "programs"
GOLDEN = Path(__file__).resolve().parent / "golden"
#: The folder of the installed commands.
BIN = Path(sys.executable).parent
ASMREWRITE = str(BIN / "asmrewrite")
GCC, GXX = str(BIN / "asmrewrite-gcc"), str(BIN / "asmrewrite-g++")
#: What a compiler leaves in its listings, without which the relpoline pass takes them for hand-written.
IDENT = '\t.ident\t"GCC: (GNU) 12.2.0"\n'


def _needs(program: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed: apt-get install {package}"
    )


#: What not every machine has. python3, python3-venv, gcc, binutils and make are taken for granted.
needs_gxx = _needs("g++", "g++")
needs_clang = _needs("clang-14", "clang-14")
needs_ccache = _needs("ccache", "ccache")


@dataclass(frozen=True)
class Ran:
    """What came of a program."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Standard output, as text."""
        return self.out.decode()

    @property
    def errors(self) -> str:
        """Standard error, as text."""
        return self.err.decode("utf-8", "replace")


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without what could steer asmrewrite or gcc, in the C locale, and with `more`."""
    drop = ("ASMREWRITE", "GCC_", "CCACHE", "LC_", "LANG", "COMPILER_PATH", "DEPENDENCIES_OUTPUT", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
    return {**kept, "LC_ALL": "C", **more}


def run(
    argv: Sequence[str | Path], cwd: Path | None = None, *, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> Ran:
    """Run a program to its end."""
    words = [str(word) for word in argv]
    done = subprocess.run(
        words, cwd=cwd, input=stdin, env=clean_environment(**(env or {})), capture_output=True, check=False, timeout=120
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def must(
    argv: Sequence[str | Path], cwd: Path | None = None, *, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> Ran:
    """Run a program that must succeed."""
    ran = run(argv, cwd, stdin=stdin, env=env)
    assert ran.status == 0, f"{' '.join(map(str, argv))}: {ran.status}\n{ran.errors}"
    return ran


def assemble(text: str, path: Path, *options: str) -> Path:
    """Assemble `text` to `path` by the real assembler."""
    must(["as", "--64", *options, "-o", path, "-"], stdin=text.encode("latin-1"))
    return path


def options(flags: str) -> Options:
    """`KEY=VALUE KEY=VALUE` as options."""
    return merged(from_flags(flags))


def section_bytes(path: Path, name: str) -> bytes:
    """The contents of the section `name`, without relocations applied."""
    copy = path.with_name(path.name + ".bytes")
    must(["objcopy", "-O", "binary", "-j", name, "--set-section-flags", f"{name}=alloc", path, copy])
    data = copy.read_bytes()
    copy.unlink()
    return data


def instructions(path: Path, section: str = "") -> list[tuple[int, bytes, str]]:
    """(offset, bytes, text) of every instruction, by objdump; of one section, or of all that hold code."""
    words = ["objdump", "-d", "-w", *(["-j", section] if section else []), str(path)]
    found = re.findall(r"^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+)[ \t]*(.*)$", must(words).text, re.MULTILINE)
    return [(int(offset, 16), bytes.fromhex(data), text) for offset, data, text in found]


class Relocation(NamedTuple):
    """A relocation as readelf prints it: the offset of its field, its type, symbol and addend."""

    offset: int
    kind: str
    symbol: str
    addend: int


def relocations(path: Path, section: str) -> list[Relocation]:
    """All relocations of all sections called `section`; the tables of one name may be several sections."""
    listing = must(["readelf", "-r", "-W", path]).text
    found: list[Relocation] = []
    for part in re.findall(rf"section '\.rela{re.escape(section)}' at.*?\n\n", listing + "\n\n", re.DOTALL):
        for line in part.splitlines()[2:]:
            words = line.split()
            if len(words) >= 7:
                addend = int(words[6], 16) * (-1 if words[5] == "-" else 1)
                found.append(Relocation(int(words[0], 16), words[2], words[4], addend))
    return found


def send_to_group(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """Send a signal to the process group that `process` leads."""
    os.killpg(process.pid, number)


# ---- golden files -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Golden:
    """tests/golden/NAME.in.s: its text, and what the comments at its head ask for."""

    name: str
    text: str
    options: Options
    #: The reasons of what is left alone, one for each branch.
    left: tuple[str, ...]

    @property
    def output(self) -> Path:
        """Where what it becomes is kept."""
        return GOLDEN / f"{self.name}.out.s"

    def rewritten(self) -> Rewritten:
        """What it becomes now."""
        return rewrite(self.text, self.options, file=f"{self.name}.in.s")


def golden(name: str) -> Golden:
    """Read NAME.in.s; ``# options: KEY=VALUE ...`` and ``# left alone: REASON [COUNT], ...`` are its settings."""
    text = (GOLDEN / f"{name}.in.s").read_text("latin-1")
    flags = re.search(r"^# options: (.*)$", text, re.MULTILINE)
    left = re.search(r"^# left alone: (.*)$", text, re.MULTILINE)
    words = [entry.split() for entry in left.group(1).split(", ")] if left else []
    reasons = [reason for reason, *count in words for _ in range(int(count[0]) if count else 1)]
    return Golden(name, text, options(flags.group(1) if flags else ""), tuple(reasons))


def golden_names() -> list[str]:
    """All golden files."""
    return sorted(path.name.removesuffix(".in.s") for path in GOLDEN.glob("*.in.s"))
