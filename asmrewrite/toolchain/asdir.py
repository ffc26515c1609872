"""The folder to give `gcc -B`: it holds one program, `as`, which is a script that starts our shim.

The script names the Python that made it and the folders of what the shim imports, so that it starts without
`site` (``python -I -S``: 8 ms instead of 11). It is made once, where the user may write, and found by its name.
"""

from __future__ import annotations

import os
import sys
from binascii import crc32

from asmrewrite.errors import ToolError

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def as_dir() -> str:
    """The folder, made if need be; `ToolError` when there is no place for it."""
    key = f"{sys.executable}\n{_PACKAGE}\n{sys.version}"
    name = f"as-{crc32(key.encode()):08x}"
    for place in places():
        folder = os.path.join(place, name)
        if owned(folder, "as"):
            return folder
    for place in places():
        folder = os.path.join(place, name)
        if _make(folder) and owned(folder, "as"):
            return folder
    raise ToolError(
        "no folder can hold the assembler's shim", hint=f"make one of these writable: {', '.join(places())}"
    )


def places() -> list[str]:
    """The folders that may hold what is made once and kept, in the order of trying."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    temporary = os.environ.get("TMPDIR") or os.path.join(os.sep, "tmp")
    user = os.geteuid()
    return [
        os.path.join(_PACKAGE, "_shim"),
        os.path.join(cache, "asmrewrite"),
        os.path.join(temporary, f"asmrewrite-{user}"),
    ]


def owned(folder: str, name: str) -> bool:
    """Whether the file is there and nobody else could have written it."""
    try:
        file, holder = os.stat(os.path.join(folder, name)), os.stat(folder)
    except OSError:
        return False
    owners = (0, os.geteuid())
    return file.st_uid in owners and holder.st_uid in owners and not (file.st_mode | holder.st_mode) & 0o022


def _make(folder: str) -> bool:
    """Write the script; another process may be doing the same, so it appears whole or not at all."""
    script = os.path.join(folder, "as")
    partial = f"{script}.{os.getpid()}"
    try:
        os.makedirs(folder, 0o755, exist_ok=True)
        os.chmod(folder, 0o755)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(_script())
        os.chmod(partial, 0o755)
        os.replace(partial, script)
    except OSError:
        return False
    return True


def _script() -> str:
    from importlib.util import find_spec

    folders = [os.path.dirname(_PACKAGE)]
    for module in ("elftools", "iced_x86"):
        spec = find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            folders.append(os.path.dirname(next(iter(spec.submodule_search_locations))))
    path = os.pathsep.join(dict.fromkeys(folders))
    shim = os.path.join(_PACKAGE, "cli", "shim.py")
    words = [sys.executable, "-I", "-S", shim, path]
    return f'#!/bin/sh\nexec {" ".join(_quoted(word) for word in words)} "$@"\n'


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
