"""gas with limits: what it makes of a text, or that it makes nothing, in bounded time, memory and file size."""

from __future__ import annotations

import os
import resource
import select
import signal
from shutil import which

#: Seconds that gas may take; the texts are a few thousand characters.
PATIENCE = 20.0
#: Bytes that an object may have, and that gas may ask for.
_FILE, _MEMORY = 8 << 20, 3 << 30


def limit() -> None:
    """Bound this process and the assemblers that it starts."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE, _FILE))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def assemble(text: str) -> tuple[bytes, bytes]:
    """The object that ``as --64`` makes of `text`, b"" when it makes none, and its messages."""
    source, target, messages = (os.memfd_create(name, 0) for name in ("source", "object", "messages"))
    try:
        content = text.encode("latin-1")
        os.write(source, content)
        os.lseek(source, 0, os.SEEK_SET)
        child = os.posix_spawn(
            _AS,
            ["as", "--64", "-o", f"/proc/self/fd/{target}", "-"],
            _ENVIRONMENT,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, source, 0),
                (os.POSIX_SPAWN_DUP2, messages, 1),
                (os.POSIX_SPAWN_DUP2, messages, 2),
                (os.POSIX_SPAWN_DUP2, target, target),
            ],
        )
        status = _wait(child)
        made = os.pread(target, _FILE, 0) if status == 0 else b""
        return made, os.pread(messages, 1 << 16, 0)
    finally:
        for descriptor in (source, target, messages):
            os.close(descriptor)


def _wait(child: int) -> int:
    descriptor = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(PATIENCE * 1000):
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


_AS = which("as") or "/usr/bin/as"
_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
