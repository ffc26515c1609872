"""What still branches indirectly in rewritten code, by objdump: in objects, thunks of compilers count as well."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from conformance.command import must

_FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
_INDIRECT = re.compile(r"\t(?:[a-z0-9_.,]+ +)*l?(?:call|jmp)[a-z]? +\*")
#: A branch to a compiler's thunk, by its relocation or by its target's name.
_THUNK = re.compile(
    r"R_X86_64_(?:PLT32|PC32)\t(?:__x86_indirect_thunk|__llvm_retpoline)"
    r"|\t(?:call|jmp) +[0-9a-f]+ <(?:__x86_indirect_thunk|__llvm_retpoline)\w*>"
)
#: Our stubs and thunks, and those of compilers.
_OURS = re.compile(r"__relpoline_|.*\.relpoline\.\d+\Z|__x86_indirect_thunk|__llvm_retpoline")


def left_indirect(files: Sequence[Path], apart_from: Collection[str] = ()) -> list[str]:
    """The branches that are indirect or lead to a compiler's thunk, outside stubs, thunks, PLTs and `apart_from`."""
    found: list[str] = []
    function, looked_at = "", True
    for line in must(["objdump", "-d", "-r", "-w", "--no-show-raw-insn", *map(str, files)]).decode().splitlines():
        label = _FUNCTION.match(line)
        if label:
            function = label.group(1)
            looked_at = function not in apart_from and "@plt" not in function and not _OURS.match(function)
        elif looked_at and (_INDIRECT.search(line) or _THUNK.search(line)):
            found.append(f"{function}: {line.strip()}")
    return found
