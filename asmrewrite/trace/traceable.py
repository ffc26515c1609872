"""Whether a program can be traced: it loads the tracer, and it or a library of it has a runtime to talk to."""

from __future__ import annotations

import os
import re
import subprocess

from asmrewrite.errors import CheckError
from asmrewrite.verify.image import damage

#: The name of our ELF notes (runtime/note.h).
_NOTE = "asmrewrite"
_BUILD = "build it with asmrewrite-gcc -fplugin-arg-asmrewrite-passes=relpoline,static-call,marker,call-ops"


def refusal(path: str) -> str:
    """Why the program `path` cannot be traced, and what to do; "" when it can."""
    try:
        interpreter, noted = _read(path)
    except CheckError:
        return "it is no ELF program; name the program that runs it"
    if not interpreter:
        return "it is linked statically, and so cannot load the tracer; link it without -static"
    if os.stat(path).st_mode & 0o6000:
        return "it is setuid or setgid, and such programs load no tracer"
    if noted or any(_noted(library) for library in _libraries(path)):
        return ""
    return f"neither it nor a library that it is linked with has sites; {_BUILD}"


def _read(path: str) -> tuple[bool, bool]:
    """Whether the file names a dynamic loader, and whether it has a note of ours; `CheckError` for no ELF file."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import NoteSegment

    with open(path, "rb") as file, damage(path):
        try:
            segments = [*ELFFile(file).iter_segments()]
        except ELFError as error:
            raise CheckError(f"is damaged: {error}", file=path) from error
        notes = (note for segment in segments if isinstance(segment, NoteSegment) for note in segment.iter_notes())
        noted = any(note["n_name"] == _NOTE for note in notes)
        return any(segment["p_type"] == "PT_INTERP" for segment in segments), noted


def _noted(path: str) -> bool:
    try:
        return _read(path)[1]
    except (CheckError, OSError):
        return False


def _libraries(path: str) -> list[str]:
    """The files that the dynamic loader would load (ld.so(8), LD_TRACE_LOADED_OBJECTS); the program does not run."""
    environment = {**os.environ, "LD_TRACE_LOADED_OBJECTS": "1"}
    done = subprocess.run([path], env=environment, capture_output=True, check=False)
    return re.findall(r"=> (/.*) \(0x", os.fsdecode(done.stdout))
