"""Lua 5.4: an interpreter whose main loop is one computed goto and whose C API is callbacks.

Debian's source package leaves out the official test suite (a tarball of its own upstream), so the
scripts are ours.
"""

import shutil
from pathlib import Path

from conformance.programs.build import SCRIPTS, Build, Check, Program
from conformance.sources import fetch

_FLAGS = ("-std=gnu99", "-DLUA_COMPAT_5_3", "-DLUA_USE_LINUX", "-I.")

_SCRIPTS = tuple(sorted(path.name for path in SCRIPTS.glob("*.lua")))


def prepare(cache: Path) -> Path:
    """The source package as it is."""
    return fetch("lua5.4", cache)


def write_header(directory: Path) -> None:
    """What debian/rules writes for the module path of the architecture; no module is loaded."""
    (directory / "lua5.4-deb-multiarch.h").write_text('#define DEB_HOST_MULTIARCH "none"\n')


def build(build: Build) -> None:
    """Compile each file of ``src`` and link the interpreter and the compiler.

    Not with its makefile: Debian's patch makes that one need libtool and build everything a second
    time as C++.
    """
    write_header(build.directory)
    objects = [build.compile(path, _FLAGS) for path in sorted((build.source / "src").glob("*.c"))]
    library = [name for name in objects if name not in {"lua.o", "luac.o"}]
    for program in ("lua", "luac"):
        build.link(program, [f"{program}.o", *library], ["-Wl,-E", "-lm", "-ldl"])
    for script in _SCRIPTS:
        shutil.copy(SCRIPTS / script, build.directory)


def _bytecode(script: str) -> Check:
    """Compile a script to bytecode without debug information, print that, and run it."""
    return Check(f"luac {script}", ("sh", "-c", f"./luac -s -o out.luac {script} && cat out.luac && ./lua out.luac"))


PROGRAM = Program(
    name="lua5.4",
    prepare=prepare,
    build=build,
    checks=(*(Check(name, ("./lua", name)) for name in _SCRIPTS), *map(_bytecode, ("closures.lua", "queens.lua"))),
)
