"""`asmrewrite cc COMPILER ARGS...` and the one-word wrappers: become the compiler, with our assembler in its path."""

from __future__ import annotations

import os
import sys

from asmrewrite.toolchain.start import like_any_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from asmrewrite.toolchain.driver import Plan


def run(command: list[str]) -> int:
    """Run `command`, a compiler and its arguments; does not come back when the compiler could be started."""
    from asmrewrite.cli.report import guarded

    return guarded(lambda: _become(command))


def _become(command: list[str]) -> NoReturn:
    from asmrewrite.errors import ToolError
    from asmrewrite.toolchain.driver import plan, split_options

    if not command:
        raise ToolError("no compiler was named", status=2, hint="as in: asmrewrite cc gcc -O2 -c x.c")
    arguments, ours = split_options(command)
    environment = dict(os.environ)
    compiles_kernel = "-D__KERNEL__" in arguments
    if compiles_kernel:
        from asmrewrite.toolchain.kernel import KERNEL, inside

        if not inside(arguments):
            _run(arguments, environment)
        environment[KERNEL] = os.environ[KERNEL] = "module" if "-DMODULE" in arguments else "kernel"
    if ours:
        from asmrewrite.options import ENVIRONMENT, gather

        gather(ours)  # an error in them is better said now than by the assembler
        flags = " ".join(_quoted(f"{key}={value}") for key, value, _ in ours)
        environment[ENVIRONMENT] = f"{environment.get(ENVIRONMENT, '')} {flags}".strip()
    from asmrewrite.toolchain.asdir import as_dir, kernel_as_dir

    found = plan(arguments, kernel_as_dir() if compiles_kernel else as_dir())
    if found.linker:
        found = _with_runtime(found, ours)
    environment.update(found.environment)
    _run(list(found.argv), environment)


def _run(argv: list[str], environment: dict[str, str]) -> NoReturn:
    from asmrewrite.errors import ToolError

    try:
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        raise ToolError(f"cannot run {argv[0]}: {error.strerror}", status=127) from None


def _with_runtime(found: Plan, ours: list[tuple[str, str, str]]) -> Plan:
    from asmrewrite.options import gather

    options = gather(ours)
    if not options.runtime or options.abi == "kernel":
        return found
    from asmrewrite.toolchain.runtime import SCRIPT, runtime_object

    return found.linked_with(runtime_object(found.linker), SCRIPT)


def _quoted(word: str) -> str:
    if all(c.isalnum() or c in "=-_,.:/+" for c in word):
        return word
    import shlex

    return shlex.quote(word)


def _wrapper(compiler: str) -> int:
    like_any_program()
    if "-D__KERNEL__" in sys.argv and compiler == "gcc":
        _become_for_kernel([compiler, *sys.argv[1:]])
    return run([compiler, *sys.argv[1:]])


def _become_for_kernel(command: list[str]) -> None:
    """What `run` does for the call that kbuild makes for every object, without what only other calls need.

    A kernel has thousands of objects, and to start Python and import all that takes as long as to compile some of them.
    Comes back when the call is another one, or cannot be made.
    """
    from asmrewrite.toolchain.kernel import KERNEL, inside, is_plain

    if not is_plain(command):
        return
    try:
        if inside(command):
            from asmrewrite.toolchain.asdir import kernel_as_dir

            os.environ[KERNEL] = "module" if "-DMODULE" in command else "kernel"
            command[1:1] = [f"-B{kernel_as_dir()}", "-dp"]
        os.execvp(command[0], command)
    except Exception:
        return  # `run` says why


def gcc() -> int:
    """asmrewrite-gcc"""
    return _wrapper("gcc")


def gxx() -> int:
    """asmrewrite-g++"""
    return _wrapper("g++")


def clang() -> int:
    """asmrewrite-clang"""
    return _wrapper("clang")


def clangxx() -> int:
    """asmrewrite-clang++"""
    return _wrapper("clang++")


def gfortran() -> int:
    """asmrewrite-gfortran"""
    return _wrapper("gfortran")
