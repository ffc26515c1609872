"""Run a program on bytes, with neither a shell, a thread, nor a file that could be left behind.

Input, output and messages go through memory files (memfd_create(2)), so nothing can block on a full pipe and
a process that is killed leaves nothing. `subprocess` would cost 5 ms of import on the way of every compilation.
"""

from __future__ import annotations

import _signal
import os
from typing import NamedTuple

from asmrewrite.errors import ToolError
from asmrewrite.toolchain.start import IGNORED_BY_PYTHON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Finished(NamedTuple):
    """What came of a program: its exit status (negative: the signal that ended it) and its standard error."""

    status: int
    messages: bytes


def memory_file(name: str, *buffers: bytes | memoryview) -> int:
    """A descriptor of an unnamed file in memory that child processes inherit, holding `buffers`."""
    descriptor = os.memfd_create(name, 0)
    write_all(descriptor, *buffers)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def read_all(descriptor: int) -> bytes:
    """All bytes of the file at `descriptor`, from its start."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    return read_rest(descriptor)


def read_rest(descriptor: int) -> bytes:
    """All bytes until the end of the file or pipe at `descriptor`."""
    pieces: list[bytes] = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def write_all(descriptor: int, *buffers: bytes | memoryview) -> None:
    """Write all of `buffers`, one behind the other, without joining them."""
    waiting = [buffer for buffer in buffers if buffer]
    while waiting:
        written = os.writev(descriptor, waiting[:_IOV_MAX])
        done = 0
        while done < len(waiting) and written >= len(waiting[done]):
            written -= len(waiting[done])
            done += 1
        del waiting[:done]
        if written:
            waiting[0] = memoryview(waiting[0])[written:]


#: Buffers that the kernel takes at once (limits.h).
_IOV_MAX = 1024


def run(argv: list[str], stdin: Sequence[bytes | memoryview] | None = None, keep: tuple[int, ...] = ()) -> Finished:
    """Run `argv` to its end; `stdin` None means ours. `keep` are descriptors that it inherits under their numbers."""
    messages = memory_file("messages")
    opened = [messages]
    actions: list[tuple[int, ...]] = [(os.POSIX_SPAWN_DUP2, messages, 2)]
    try:
        if stdin is not None:
            source = memory_file("stdin", *stdin)
            opened.append(source)
            actions.append((os.POSIX_SPAWN_DUP2, source, 0))
        actions += [(os.POSIX_SPAWN_DUP2, descriptor, descriptor) for descriptor in keep]
        try:
            child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions, setsigdef=IGNORED_BY_PYTHON)
        except OSError as error:
            raise ToolError(f"cannot run {argv[0]}: {error.strerror}", status=127) from None
        return Finished(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), read_all(messages))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def end_by(number: int) -> None:
    """End as a program ends that does not catch the signal `number`; the dump of its memory is the program's own."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
