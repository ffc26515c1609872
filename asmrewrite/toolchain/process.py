"""Run a program on bytes, with neither a shell, a thread, nor a file that could be left behind.

Input, output and messages go through memory files (memfd_create(2)), so nothing can block on a full pipe and
a process that is killed leaves nothing. `subprocess` would cost 5 ms of import on the way of every compilation.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from asmrewrite.errors import ToolError

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
    if stdin is not None:
        source = memory_file("stdin", *stdin)
        opened.append(source)
        actions.append((os.POSIX_SPAWN_DUP2, source, 0))
    actions += [(os.POSIX_SPAWN_DUP2, descriptor, descriptor) for descriptor in keep]
    try:
        try:
            child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
        except OSError as error:
            raise ToolError(f"cannot run {argv[0]}: {error.strerror}", status=127) from None
        return Finished(_wait(child), read_all(messages))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _wait(child: int) -> int:
    """The child's end. Should we be told to end first, the child is told too."""
    import signal

    def pass_on(number: int, _frame: object) -> None:
        os.kill(child, number)
        received.append(number)

    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, pass_on) for number in signals]
    try:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
    if received:
        end_by(received[0])
    return status


def end_by(number: int) -> None:
    """End as a program ends that does not catch the signal `number`."""
    import signal

    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def behind_link(path: str) -> str:
    """The file that a link at `path` names, so that it and not the link is replaced; else `path` itself."""
    return (
        os.path.realpath(path) if os.path.islink(path) and (os.path.isfile(path) or not os.path.exists(path)) else path
    )


def publish(path: str, *buffers: bytes | memoryview) -> None:
    """Make `buffers` the file at `path`, whole or not at all.

    The bytes go to a file without a name (O_TMPFILE) that is then linked into its folder; what is not a regular
    file, such as /dev/null, is written to.
    """
    folder = os.path.dirname(path) or "."
    if os.path.exists(path) and not os.path.isfile(path):
        descriptor = os.open(path, os.O_WRONLY)
        try:
            write_all(descriptor, *buffers)
        finally:
            os.close(descriptor)
        return
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError:
        _publish_named(path, *buffers)
        return
    try:
        write_all(descriptor, *buffers)
        if not os.path.lexists(path):
            _name(descriptor, path)
            return
        name = _beside(path)
        _name(descriptor, name)
        os.replace(name, path)
    finally:
        os.close(descriptor)


def _name(descriptor: int, path: str) -> None:
    """Give the unnamed file a name; only with a folder's descriptor does os.link follow the link in /proc."""
    os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)


def _publish_named(path: str, *buffers: bytes | memoryview) -> None:
    """The same on a file system without O_TMPFILE."""
    name = _beside(path)
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        try:
            write_all(descriptor, *buffers)
        finally:
            os.close(descriptor)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _beside(path: str) -> str:
    return f"{path}.asmrewrite-{os.getpid()}"
