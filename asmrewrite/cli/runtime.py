"""`asmrewrite runtime`: what a build that calls the linker itself must add."""

from __future__ import annotations

import os

from asmrewrite.errors import OptionError
from asmrewrite.toolchain.runtime import INCLUDE, SCRIPT, runtime_object

USAGE = "usage: asmrewrite runtime [--cflags] [--libs] [--compiler CC] [--pkg-config]"


def runtime_main(arguments: list[str]) -> int:
    """Print the flags, or a pkg-config file with them."""
    compiler, cflags, libs, file = "gcc", False, False, False
    words = iter(arguments)
    for word in words:
        if word == "--compiler":
            compiler = next(words, "")
        elif word in ("--help", "-h"):
            print(USAGE)
            return 0
        elif word not in ("--cflags", "--libs", "--pkg-config"):
            raise OptionError(f"{word} is not understood", hint=USAGE)
        cflags, libs, file = cflags or word == "--cflags", libs or word == "--libs", file or word == "--pkg-config"
    if file:
        print(_pkg_config(runtime_object(compiler)), end="")
        return 0
    if not cflags and not libs:
        cflags = libs = True
    print(" ".join([f"-I{INCLUDE}"] * cflags + [runtime_object(compiler), SCRIPT, "-pthread"] * libs))
    return 0


def _pkg_config(runtime: str) -> str:
    from asmrewrite import __version__

    return (
        f"folder={os.path.dirname(runtime)}\n\nName: asmrewrite\n"
        "Description: runtime of rewritten programs: relpolines that learn, static calls\n"
        f"Version: {__version__}\nCflags: -I{INCLUDE}\n"
        f"Libs: ${{folder}}/{os.path.basename(runtime)} {SCRIPT} -pthread\n"
    )
