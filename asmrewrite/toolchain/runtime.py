"""The C runtime that a program is linked with: built by the program's own compiler when it is first needed, and kept.

It is one relocatable object, made of asmrewrite/runtime/*.c and entry.S. It changes code in the middle of other
functions' calls, so it keeps to general registers (-mgeneral-regs-only), calls no function that the compiler makes
up (-ffreestanding) and takes its words of TLS from the static block (initial-exec). It is compiled as it is: what
rewrites sites has none.
"""

from __future__ import annotations

import os
from binascii import crc32

from asmrewrite.errors import ToolError
from asmrewrite.toolchain.asdir import owned, places

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(_PACKAGE, "runtime")
INCLUDE = os.path.join(_PACKAGE, "include")
#: Beside the object on every link; gold knows no such scripts.
SCRIPT = f"-Wl,-T,{os.path.join(FOLDER, 'sites.ld')}"
FLAGS = (
    "-O2", "-g", "-fPIC", "-ftls-model=initial-exec", "-mgeneral-regs-only", "-ffreestanding", "-fno-stack-protector",
    "-fvisibility=hidden", "-fcf-protection", "-fno-jump-tables", "-fno-lto", "-fno-plt", f"-I{INCLUDE}",
)  # fmt: skip


def runtime_object(compiler: str) -> str:
    """The path of the runtime as `compiler` (a driver of gcc or clang) makes it; `ToolError` when it cannot."""
    compiler = _c_compiler(compiler)
    sources = sorted(name for name in os.listdir(FOLDER) if name.endswith((".c", ".h", ".S")))
    key = [compiler, *FLAGS]
    headers = os.path.join(INCLUDE, "asmrewrite")
    for name in [*sources, *(os.path.join(headers, header) for header in sorted(os.listdir(headers)))]:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            key.append(file.read())
    name = f"runtime-{crc32(os.fsencode(chr(0).join(key))):08x}.o"
    for place in places():
        if owned(place, name):
            return os.path.join(place, name)
    for place in places():
        if _build(compiler, sources, place, name) and owned(place, name):
            return os.path.join(place, name)
    raise ToolError(
        "no folder can hold the runtime", hint=f"make one of these writable: {', '.join(places())}; or use runtime=off"
    )


def _c_compiler(driver: str) -> str:
    """The driver for C that belongs to `driver`: g++ takes everything for C++, whatever -x says."""
    folder, name = os.path.split(driver)
    for theirs, c in (("clang++", "clang"), ("g++", "gcc"), ("c++", "cc"), ("gfortran", "gcc")):
        if theirs in name:
            return os.path.join(folder, name.replace(theirs, c))
    return driver if "cc" in name or "clang" in name else "gcc"


def _build(compiler: str, sources: list[str], place: str, name: str) -> bool:
    """Compile; another process may be doing the same, so it appears whole or not at all. False: not in this place."""
    partial = os.path.join(place, f"{name}.{os.getpid()}.o")
    try:
        os.makedirs(place, 0o755, exist_ok=True)
        if not os.access(place, os.W_OK):
            return False
    except OSError:
        return False
    c = [os.path.join(FOLDER, source) for source in sources if source.endswith(".c")]
    assembly = [os.path.join(FOLDER, source) for source in sources if source.endswith(".S")]
    command = [compiler, *FLAGS, "-r", "-nostdlib", "-o", partial, "-x", "c", *c, "-x", "assembler-with-cpp", *assembly]
    from asmrewrite.toolchain.process import run

    try:
        finished = run(command)
        if finished.status:
            messages = finished.messages.decode(errors="replace").strip()
            raise ToolError(
                f"{compiler} cannot compile the runtime: {messages}",
                hint="runtime=off links the program without it",
            )
        os.chmod(partial, 0o644)
        os.replace(partial, os.path.join(place, name))
    except OSError:
        return False
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    return True
