"""gas with limits: what it makes of a text, or that it makes nothing, in bounded time, memory and file size.

Three quarters of a start of gas is the dynamic linker; so one that has been linked waits in front of its main(), and
forks for each text (server.c).
"""

from __future__ import annotations

import atexit
import os
import resource
import select
import signal
import struct
import subprocess
import tempfile
from pathlib import Path
from shutil import which

#: Seconds that gas may take; the texts are a few thousand characters.
PATIENCE = 20.0
#: Bytes that an object may have, and that gas may ask for.
_FILE, _MEMORY = 8 << 20, 3 << 30
#: Where server.c expects requests and answers.
_REQUESTS, _ANSWERS = 198, 199
_INT = struct.Struct("i")


def limit() -> None:
    """Bound this process and the assemblers that it starts."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE, _FILE))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _servers.clear()


def assemble(text: str) -> tuple[bytes, bytes]:
    """The object that ``as --64`` makes of `text`, b"" when it makes none, and its messages."""
    if not _servers:
        _servers.append(_Server())
    return _servers[0].assemble(text.encode("latin-1"))


class _Server:
    """One gas in front of its main(), and the files that its children read and write."""

    def __init__(self) -> None:
        self.source, self.target, self.messages = (os.memfd_create(n, 0) for n in ("source", "object", "messages"))
        theirs, self.requests = os.pipe()
        self.answers, answers = os.pipe()
        with tempfile.TemporaryDirectory() as folder:
            library = f"{folder}/server.so"
            source = Path(__file__).with_name("server.c")
            subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, str(source), "-ldl"], check=True)
            self.process = os.posix_spawn(
                which("as") or "/usr/bin/as",
                ["as", "--64", "-o", f"/proc/self/fd/{self.target}", "-"],
                {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "LD_PRELOAD": library},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, self.source, 0),
                    (os.POSIX_SPAWN_DUP2, self.messages, 1),
                    (os.POSIX_SPAWN_DUP2, self.messages, 2),
                    (os.POSIX_SPAWN_DUP2, self.target, self.target),
                    (os.POSIX_SPAWN_DUP2, theirs, _REQUESTS),
                    (os.POSIX_SPAWN_DUP2, answers, _ANSWERS),
                ],
            )
            os.close(theirs)
            os.close(answers)
            atexit.register(os.close, self.requests)  # at which it ends
            self.assemble(b"")  # by now it has been linked

    def assemble(self, text: bytes) -> tuple[bytes, bytes]:
        """As `assemble`."""
        for descriptor, content in ((self.source, text), (self.target, b""), (self.messages, b"")):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(self.requests, b"\n")
        (child,) = _INT.unpack(os.read(self.answers, 4))
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        if not poll.poll(PATIENCE * 1000):
            os.kill(child, signal.SIGKILL)
        (status,) = _INT.unpack(os.read(self.answers, 4))
        made = os.pread(self.target, _FILE, 0) if status == 0 else b""
        return made, os.pread(self.messages, 1 << 16, 0)


_servers: list[_Server] = []
