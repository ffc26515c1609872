"""The suite: the audit of every program of the machine's /usr/bin and of big libraries, and objdump's counts.

A case passes when the audit of the file finds as many indirect calls and jumps as objdump, far ones included.
Where code sections hold data that no symbol tells of, both read data as code, each from another byte on.
"""

import argparse
import os
import re
import sys
from collections import Counter
from pathlib import Path

from asmrewrite import CheckError, audit
from conformance.command import must
from conformance.table import Row

SUMMARY = "every program of /usr/bin: as many indirect branches as objdump counts"

_INDIRECT = re.compile(rb"\t(?:[a-z0-9_.,]+ +)*l?(?:call|jmp)[a-z]? +\*")
#: More than any program but the largest have, and than objdump prints in a minute.
_LARGEST = 24 << 20


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Run over all programs and their shared libraries; explained are those that hold data in code."""
    cases = passed = explained = 0
    kinds: Counter[str] = Counter()
    for path in _programs():
        try:
            (found,) = audit(str(path), lines=False)
        except CheckError as error:
            cases += 1
            print(f"    {error}")
            continue
        cases += 1
        kinds.update(branch.kind for branch in found.branches)
        ours, theirs = sum(branch.indirect for branch in found.branches), _objdump(path)
        if ours == theirs:
            passed += 1
        elif any("are no instructions" in note for note in found.notes):
            passed, explained = passed + 1, explained + 1
            print(f"    {path}: objdump {theirs}, audit {ours}: {found.notes[0]}")
        else:
            print(f"    {path}: objdump counts {theirs}, the audit {ours}")
    print(f"audit: {cases} files, {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}")
    sys.stdout.flush()
    return [Row("audit", cases, passed, explained)]


def _objdump(path: Path) -> int:
    """How many indirect branches objdump sees; -z, so that it passes over no zeros, which may be instructions."""
    return len(_INDIRECT.findall(must(["objdump", "-d", "-z", "--no-show-raw-insn", str(path)])))


def _programs() -> list[Path]:
    """The x86-64 ELF files of /usr/bin, and the libraries beside the C library; each file once."""
    folders = ("/usr/bin", os.path.realpath("/usr/lib/x86_64-linux-gnu"))
    found: dict[tuple[int, int], Path] = {}
    for folder in folders:
        for path in sorted(Path(folder).iterdir()):
            if not path.is_file() or not (folder == "/usr/bin" or ".so." in path.name):
                continue
            status = path.stat()
            with path.open("rb") as file:
                start = file.read(20)
            x86_64 = start[:6] == b"\x7fELF\2\1" and start[18:20] == b"\x3e\0"
            if x86_64 and status.st_size <= _LARGEST:
                found.setdefault((status.st_dev, status.st_ino), path)
    return list(found.values())
