"""Faults as they happen: processes stopped at a known moment, full and read-only file systems, limits.

Nothing is pretended: a compiler waits because a file that it includes is a pipe, a disk is full because it is a
tmpfs of one page, and an assembler that crashes is a program that kills itself.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from tests.building import ASMREWRITE, Ran, clean_environment, must

T = TypeVar("T")

CALLS = "typedef long fn(long);\nlong calls(fn *p, long n) { return p(n) + 1; }\n"
QUIET = "long quiet(long n) { return n + 1; }\n"


@cache
def as_dir() -> str:
    """The folder of our `as`."""
    return must([ASMREWRITE, "--as-dir"]).text.strip()


def assemblers() -> tuple[str, str]:
    """gas and our shim, as the compiler starts them."""
    return "as", f"{as_dir()}/as"


@cache
def listing() -> str:
    """What gcc prints for `CALLS`."""
    words = ["gcc", "-O2", "-dp", "-S", "-x", "c", "-o", "-", "-"]
    return must(words, stdin=CALLS.encode()).text.replace('"<stdin>"', '"calls.c"')


def stand_in(folder: Path, body: str) -> Path:
    """A folder with an `as` that is a shell script: for -B, COMPILER_PATH or PATH."""
    holder = folder / "stand-in"
    holder.mkdir(exist_ok=True)
    (holder / "as").write_text(f"#!/bin/sh\n{body}\n")
    (holder / "as").chmod(0o755)
    return holder


def limited(**limits: int) -> Callable[[], None]:
    """For `preexec_fn`: resource limits by their names (AS and FSIZE in bytes), and no dumps of memory."""

    def set_limits() -> None:
        for name, value in {"CORE": 0, **limits}.items():
            number = getattr(resource, f"RLIMIT_{name}")
            resource.setrlimit(number, (value, value))

    return set_limits


def run_raw(
    argv: list[str], cwd: Path | str, *, env: dict[str, str] | None = None, prepare: Callable[[], None] | None = None
) -> Ran:
    """Run with an environment, and with what `prepare` does in the process before the program starts."""
    done = subprocess.run(
        argv, cwd=cwd, env=clean_environment(**(env or {})), preexec_fn=prepare, check=False, timeout=60,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


class Node(NamedTuple):
    """What is at a path: its kind, permissions, number of names, and what it holds or leads to."""

    kind: str
    mode: int
    names: int
    holds: str


def shape(folder: Path) -> dict[str, Node]:
    """All that is in `folder`, without what differs between gcc's objects and texts and ours."""
    found: dict[str, Node] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.is_symlink():
            node = Node("link", 0, 1, str(path.readlink()))
        elif path.is_file():
            content = path.read_bytes()
            holds = "object" if content[:4] == b"\x7fELF" else "listing" if b"\t.ident" in content else content.decode()
            node = Node("file", status.st_mode & 0o777, status.st_nlink, holds)
        else:
            node = Node("other", 0, 1, "")
        found[str(path.relative_to(folder))] = node
    return found


# ---- processes that wait --------------------------------------------------------------------------------


class Waiting:
    """A compiler that has come to a moment and waits there; leads a process group of its own."""

    def __init__(self, argv: list[str], cwd: Path, temporary: Path) -> None:
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=clean_environment(TMPDIR=str(temporary)), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=limited(),  # noqa: PLW1509 (the tests have one thread)
        )  # fmt: skip

    def below(self, depth: int) -> int:
        """The process `depth` generations below the driver, 0 being itself; there is one child at a time."""
        pid = self.process.pid
        for _ in range(depth):
            pid = until(partial(_child, pid))
        return pid

    def end(self) -> tuple[int, bytes]:
        """Its exit status and messages; then the end of all that it may have left behind."""
        assert self.process.stderr is not None
        status = self.process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        messages = self.process.stderr.read()
        self.process.stderr.close()
        return status, messages


def _child(pid: int) -> int | None:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found[0]) if found else None


def until(look: Callable[[], T | None], seconds: float = 20) -> T:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(0.003)
    raise AssertionError("it did not come")


def opened_by_a_reader(pipe: Path) -> int | None:
    """A descriptor to write to `pipe`, once somebody has opened it to read."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


# ---- file systems ---------------------------------------------------------------------------------------


@contextmanager
def mounted(folder: Path, *words: str) -> Iterator[Path]:
    """A mount at `folder`, which only root can make."""
    if not folder.exists():
        folder.mkdir()
    done = subprocess.run(["mount", *words, str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this user may not mount file systems")
    try:
        yield folder
    finally:
        must(["umount", folder])


@contextmanager
def full_disk(folder: Path, files: dict[str, str] | None = None) -> Iterator[Path]:
    """A file system with `files` and no room for more, but for names."""
    with mounted(folder, "-t", "tmpfs", "-o", "size=16k", "none"):
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        with (folder / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"\0" * 4096)
            except OSError:
                pass
        yield folder


@contextmanager
def read_only(folder: Path, files: dict[str, str]) -> Iterator[Path]:
    """A folder with `files` where nothing can be changed: by its mode, or for root by its mount."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    folder.chmod(0o555)
    try:
        if not os.access(folder, os.W_OK):
            yield folder
            return
        with mounted(folder, "--bind", str(folder)):
            must(["mount", "-o", "remount,bind,ro", folder])
            yield folder
    finally:
        folder.chmod(0o755)


def fresh_copy(source: Path, target: Path) -> Path:
    """`source` anew at `target`, links and other names kept as they are."""
    shutil.rmtree(target, ignore_errors=True)
    must(["cp", "-a", source, target])
    return target
