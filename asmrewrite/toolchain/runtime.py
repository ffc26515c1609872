"""The C runtime that a program is linked with: built by the program's own compiler when it is first needed, and kept.

It is one relocatable object, made of asmrewrite/runtime/*.c and entry.S. It changes code in the middle of other
functions' calls, so it keeps to general registers (-mgeneral-regs-only), calls no function that the compiler makes
up (-ffreestanding) and takes its words of TLS from the static block (initial-exec). It is compiled as it is: what
rewrites sites has none.
"""

from __future__ import annotations

import os

from asmrewrite.toolchain.kept import kept, texts

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
    headers = os.path.join(INCLUDE, "asmrewrite")
    key = [compiler, *FLAGS, *texts(FOLDER, sources), *texts(headers, sorted(os.listdir(headers)))]
    c = [os.path.join(FOLDER, source) for source in sources if source.endswith(".c")]
    assembly = [os.path.join(FOLDER, source) for source in sources if source.endswith(".S")]

    def command(path: str) -> list[str]:
        sources = ["-x", "c", *c, "-x", "assembler-with-cpp", *assembly]
        return [compiler, *FLAGS, "-r", "-nostdlib", "-o", path, *sources]

    return kept("runtime", ".o", key, command, "runtime=off links the program without it")


def _c_compiler(driver: str) -> str:
    """The driver for C that belongs to `driver`: g++ takes everything for C++, whatever -x says."""
    folder, name = os.path.split(driver)
    for theirs, c in (("clang++", "clang"), ("g++", "gcc"), ("c++", "cc"), ("gfortran", "gcc")):
        if theirs in name:
            return os.path.join(folder, name.replace(theirs, c))
    return driver if "cc" in name or "clang" in name else "gcc"
