"""The objects and programs that a command line names: files, archives and their members, trees of folders."""

from __future__ import annotations

import os
from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.verify.wellformed import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ARCHIVE, _THIN = b"!<arch>\n", b"!<thin>\n"
_HEADER_SIZE = 60


class Found(NamedTuple):
    """A file to read: its path, the member of the archive at that path ("" when it is none), and its name.

    `name` is what identifies it in another build: as the command line had it, or relative to the folder that
    the command line named; with the member in parentheses.
    """

    path: str
    member: str
    name: str
    data: bytes


def named(path: str) -> Iterator[Found | CheckError | OSError]:
    """What there is to audit at `path`, and what cannot be read.

    In a folder only ELF files for x86-64 and archives are of interest; a file that is named must be one.
    """
    if not os.path.isdir(path):
        yield from _attempt(path, path, strict=True)
        return
    errors: list[OSError] = []
    for folder, folders, files in os.walk(path, onerror=errors.append):
        folders.sort()
        for file in sorted(files):
            whole = os.path.join(folder, file)
            if os.path.isfile(whole) and not os.path.islink(whole):
                yield from _attempt(whole, os.path.relpath(whole, path), strict=False)
    yield from errors


def _attempt(path: str, name: str, strict: bool) -> Iterator[Found | CheckError | OSError]:
    try:
        yield from _at(path, name, strict)
    except (CheckError, OSError) as error:
        yield error


def _at(path: str, name: str, strict: bool) -> Iterator[Found]:
    with open(path, "rb") as file:
        start = file.read(64)
        if start[:8] == _THIN:
            raise CheckError("is a thin archive, which holds no code of its own", file=path, hint="name its members")
        if start[:8] != _ARCHIVE and machine(start) != "x86-64":
            if strict:
                what = "an x86-64 ELF file" if machine(start) else "an ELF file or archive"
                raise CheckError(f"is not {what}", file=path)
            return
        data = start + file.read()
    if start[:8] != _ARCHIVE:
        yield Found(path, "", name, data)
        return
    for member, content in members(data, path):
        if machine(content) == "x86-64":
            yield Found(path, member, f"{name}({member})", content)


def members(data: bytes, path: str) -> Iterator[tuple[str, bytes]]:
    """(name, contents) of each member of an archive in the format of System V and GNU ar.

    Members of one name are told apart by "#2", "#3" behind it.
    """
    long_names, position = b"", len(_ARCHIVE)
    seen: dict[str, int] = {}
    while position < len(data):
        header = data[position : position + _HEADER_SIZE]
        size = header[48:58].strip()
        if len(header) != _HEADER_SIZE or header[58:] != b"`\n" or not size.isdigit():
            raise CheckError(f"is a malformed archive: no member begins at {position:#x}", file=path)
        start, end = position + _HEADER_SIZE, position + _HEADER_SIZE + int(size)
        if end > len(data):
            raise CheckError("is a malformed archive: it ends inside a member", file=path)
        raw = header[:16].rstrip()
        position = end + end % 2
        if raw == b"//":
            long_names = data[start:end]
        elif raw not in (b"/", b"/SYM64/"):
            name = _member_name(raw, long_names)
            seen[name] = seen.get(name, 0) + 1
            yield name if seen[name] == 1 else f"{name}#{seen[name]}", data[start:end]


def _member_name(raw: bytes, long_names: bytes) -> str:
    if raw[:1] == b"/" and raw[1:].isdigit():
        raw = long_names[int(raw[1:]) :].partition(b"\n")[0]
    return raw.removesuffix(b"/").decode("utf-8", "surrogateescape")
