"""Outputs, made as gas and compilers make them, but whole or not at all.

A new file gets its name when it is whole (O_TMPFILE and linkat(2)), so there is no temporary file that could stay
behind. gas removes an old object and makes a new one, unless the old one is empty, as gcc's temporary objects are;
compilers write into the old text. What is written into keeps its mode, its other names and the links to it.
"""

from __future__ import annotations

import _signal
import os
import stat
from errno import EDQUOT, EFBIG, EIO, ENOSPC

from asmrewrite.toolchain.process import write_all

#: Errors of what a file is on, as opposed to those of its name.
MEDIUM_ERRORS = (EDQUOT, EFBIG, EIO, ENOSPC)
#: What a user or a build system ends us with; SIGKILL cannot be put off.
_ENDINGS = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM)


def publish(path: str, *buffers: bytes | memoryview, replace: bool = False) -> None:
    """Make `buffers` the file at `path`; with `replace` as gas does, else as compilers do.

    Raises `OSError` with `path` as its file name; then what was there is there still, or nothing, or when the
    medium failed an empty file.
    """
    there = os.path.lexists(path)
    old = replace and os.path.isfile(path) and os.path.getsize(path) > 0
    try:
        if not there or old:
            descriptor = _unnamed(path)
            if descriptor >= 0:
                _link(descriptor, path, buffers)
                return
        if old and os.access(os.path.dirname(path) or ".", os.W_OK):
            os.unlink(path)
        _write_into(path, buffers, there and not old)
    except OSError as error:
        error.filename, error.filename2 = path, None
        raise


def replace_whole(path: str, content: bytes, mode: int) -> None:
    """Make `content`, with the permissions `mode`, the file at `path` in one step: who reads it has the old or this.

    Raises `OSError` with `path` as its file name; then what was there is there still.
    """
    path = os.path.realpath(path)
    partial = f"{path}.{os.getpid()}.partial"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            try:
                write_all(descriptor, content)
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)
            os.rename(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        error.filename, error.filename2 = path, None
        raise


def print_all(*buffers: bytes | memoryview) -> None:
    """Write `buffers` to standard output; an `OSError` says that it was there."""
    try:
        write_all(1, *buffers)
    except OSError as error:
        error.filename = "standard output"
        raise


def _unnamed(path: str) -> int:
    """A file without a name in the folder of `path`; -1 when the file system or the folder gives none."""
    try:
        return os.open(os.path.dirname(path) or ".", os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError:
        return -1


def _link(descriptor: int, path: str, buffers: tuple[bytes | memoryview, ...]) -> None:
    """Write `buffers` to the unnamed file and name it `path`."""
    try:
        write_all(descriptor, *buffers)
        while True:
            try:
                # Only with a folder's descriptor does os.link follow the link in /proc.
                os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
                return
            except FileExistsError:
                os.unlink(path)  # the old object, or that of another compiler that is writing the same
    finally:
        os.close(descriptor)


def _write_into(path: str, buffers: tuple[bytes | memoryview, ...], there: bool) -> None:
    """Write `buffers` to what is at `path`, or where a link there leads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            write_all(descriptor, *buffers)
            return
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _ENDINGS)
        try:
            _fill(descriptor, buffers)
        except OSError:
            if not there:
                os.unlink(path)
            raise
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, buffers: tuple[bytes | memoryview, ...]) -> None:
    """Make `buffers` the contents of a regular file; without the room for them it stays as it was."""
    size, before = sum(map(len, buffers)), os.fstat(descriptor).st_size
    try:
        if size > before:
            os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno in MEDIUM_ERRORS:  # else the file system cannot say
            os.ftruncate(descriptor, before)
            raise
    try:
        write_all(descriptor, *buffers)
        os.ftruncate(descriptor, size)
    except OSError:
        os.ftruncate(descriptor, 0)
        raise
