"""What is compiled when it is first needed, and kept: the C runtime and the tracer."""

from __future__ import annotations

import os
from binascii import crc32

from asmrewrite.errors import ToolError
from asmrewrite.toolchain.asdir import owned, places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def kept(what: str, suffix: str, key: Iterable[str], command: Callable[[str], list[str]], otherwise: str) -> str:
    """The path of `what`, made by `command(path)` unless it is there for this `key` (all that it is made of).

    `ToolError` when it cannot be made, or there is no place for it; `otherwise` is what one can do without it.
    """
    name = f"{what}-{crc32(os.fsencode(chr(0).join(key))):08x}{suffix}"
    for place in places():
        if owned(place, name):
            return os.path.join(place, name)
    for place in places():
        if _make(what, os.path.join(place, name), command, otherwise) and owned(place, name):
            return os.path.join(place, name)
    raise ToolError(
        f"no folder can hold the {what}", hint=f"make one of these writable: {', '.join(places())}; or {otherwise}"
    )


def texts(folder: str, names: Iterable[str]) -> list[str]:
    """The contents of the files `names` of a folder, for a key."""
    found = []
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found.append(file.read())
    return found


def _make(what: str, path: str, command: Callable[[str], list[str]], otherwise: str) -> bool:
    """Compile; another process may be doing the same, so it appears whole or not at all. False: not in this place."""
    from asmrewrite.toolchain.process import run

    place = os.path.dirname(path)
    partial = f"{path}.{os.getpid()}.o"
    try:
        os.makedirs(place, 0o755, exist_ok=True)
        if not os.access(place, os.W_OK):
            return False
    except OSError:
        return False
    try:
        words = command(partial)
        finished = run(words)
        if finished.status:
            messages = finished.messages.decode(errors="replace").strip()
            raise ToolError(f"{words[0]} cannot compile the {what}: {messages}", hint=otherwise)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError:
        return False
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    return True
