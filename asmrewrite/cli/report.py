"""What the front ends say: errors, statistics, and internal errors that ask to be reported."""

from __future__ import annotations

import os
import re
import sys
from errno import ENOMEM

from asmrewrite.errors import AsmRewriteError, OptionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from asmrewrite.rewriting import Rewritten


OUT_OF_MEMORY = "asmrewrite: error: out of memory: raise the limit (ulimit -v), or compile fewer files at once"


def guarded(main: Callable[[], int]) -> int:
    """Run `main`; an error becomes a message and a status, and never an output."""
    try:
        try:
            return main()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> int:
    """Say what happened; the exit status."""
    if _lacks_memory(error):
        say(OUT_OF_MEMORY)
        return 1
    if isinstance(error, AsmRewriteError):
        say(f"asmrewrite: error: {error}")
        status = getattr(error, "status", 1)
        return 2 if isinstance(error, OptionError) else status if status > 0 else 1
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        say(f"asmrewrite: error: {where}{error.strerror or error}")
        return 1
    return internal(error)


def _lacks_memory(error: Exception) -> bool:
    """Whether there was no memory: how Python's importing, loading of libraries and system calls say it."""
    if isinstance(error, OSError):
        return error.errno == ENOMEM
    words = {SystemError: "without", ImportError: "failed to map"}.get(type(error))
    return isinstance(error, MemoryError) or (words is not None and words in str(error))


def leave(status: int) -> NoReturn:
    """End at once with `status`: to free a listing token by token would take 5 ms."""
    os._exit(status)


def internal(error: Exception) -> int:
    """An error that is ours: say so, and what to send."""
    import traceback

    traceback.print_exc()
    say(
        f"asmrewrite: internal error: {type(error).__name__}: {error}\n"
        f"asmrewrite: command: {' '.join(sys.argv)}\n"
        "asmrewrite: nothing was written; please report this with the lines above and the input "
        "(keep it with the compiler's -save-temps)"
    )
    return 70


def say(message: str) -> None:
    """A line on standard error, if there is one."""
    try:
        os.write(2, (message + "\n").encode("utf-8", "surrogateescape"))
    except OSError:
        return


def statistics(result: Rewritten, destination: str, original: bytes, content: bytes) -> None:
    """One line on standard error (destination "1" or "on"), or one line of JSON appended to a file."""
    sites, skipped = result.counts()
    source = re.search(r'^\t\.file\t"([^"\n]+)"', result.original, re.MULTILINE)
    name = source.group(1) if source else result.file
    added = allocated(content) - allocated(original) if content and original else 0
    if destination in ("1", "on"):
        made = ", ".join(f"{count} {kind}" for kind, count in sites.items()) or "no"
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        profile = f"; profile: {', '.join(f'{count} {what}' for what, count in result.notes)}" if result.notes else ""
        say(f"asmrewrite: {name}: {made} sites{'; left alone: ' + left if left else ''}{profile}; {added:+d} bytes")
        return
    import json

    found = {"file": name, "sites": sites, "skipped": skipped, "bytes_added": added}
    if result.notes:
        found["profile"] = dict(result.notes)
    line = json.dumps(found) + "\n"
    descriptor = os.open(destination, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def allocated(content: bytes) -> int:
    """Bytes of all sections that an object takes in memory."""
    import io

    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(content))
    return sum(section["sh_size"] for section in elf.iter_sections() if section["sh_flags"] & 2)
