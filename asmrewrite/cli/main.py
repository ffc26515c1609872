"""The command `asmrewrite`: finds the subcommand and hands over; each lives in a module of its own."""

from __future__ import annotations

import gc
import sys

from asmrewrite.toolchain.start import like_any_program

USAGE = """\
usage: asmrewrite COMMAND ...

  filter [IN] [-o OUT] [--KEY VALUE]...   rewrite a listing (standard input to standard output by default)
  cc COMPILER ARGS...                     compile with COMPILER, its assembly rewritten (also: asmrewrite-gcc,
                                          asmrewrite-g++, asmrewrite-clang, asmrewrite-clang++, asmrewrite-gfortran)
  as ARGS...                              assemble like GNU as, the text rewritten
  check OBJECT...                         a verdict on every site of objects and programs
  check --original ORIG.o NEW.o           prove that NEW.o is ORIG.o but for the sites
        --json, --sarif FILE|-            the verdicts of either as JSON, what is not PASS as SARIF 2.1.0
  sites OBJECT|PROGRAM... [--json]        list the sites
  profile show|merge|diff FILE... [--json]
                                          what programs called (ASMREWRITE_RUNTIME=learn ASMREWRITE_PROFILE=FILE)
  bake PROGRAM --profile FILE -o OUT      fill the chains of a linked program or shared library from a profile
  runtime [--cflags] [--libs]             what to compile and link with, for builds that link by themselves
  stress [--seconds N] [--threads N]      patch code while threads run through it, and count what goes wrong
  audit OBJECT|PROGRAM|DIR...             which indirect branches there are, what each is, how it is protected
      [--policy F] [--baseline F] [--write-baseline F] [--returns] [--json] [--sarif F|-]
  trace [OPTION]... PROGRAM [ARG]...      run a program with markers and functions enabled, and write what it did
        --enable GLOB, --functions GLOB, -o FILE.json[.gz], and more: trace --help
  trace report FILE [--svg F] [--folded F|-]
                                          counts and times of a trace; a flame graph
  demo                                    build, rewrite, check and run the shipped example
  --as-dir                                print the folder to give `gcc -B`
  --kernel-as-dir                         the same for a build of the Linux kernel (docs/kernel.md)
  --include-dir                           print the folder of the headers
  --version

keys: passes abi bundle align slow targets inline-asm functions skip-functions check runtime profile tables stats
on-unsure static-call-prefix. They are given as --KEY VALUE here, as -fplugin-arg-asmrewrite-KEY=VALUE to a
compiler, as ASMREWRITE_FLAGS="KEY=VALUE ...", or in asmrewrite.toml; the nearest wins. See docs/options.md."""


def main() -> int:
    """Run the command line; the exit status."""
    like_any_program()
    gc.disable()  # one short run: collecting what will all be used costs more than it frees
    from asmrewrite.cli.report import guarded, leave

    return leave(guarded(lambda: _dispatch(sys.argv[1:])))


def _dispatch(arguments: list[str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "cc":
        from asmrewrite.cli.compiler import run

        return run(rest)
    if command == "as":
        from asmrewrite.cli.assembler import shim_main

        return shim_main(rest)
    if command == "filter":
        from asmrewrite.cli.filter import filter_main

        return filter_main(rest)
    if sys.stdout is None:
        from asmrewrite.errors import AsmRewriteError

        raise AsmRewriteError("standard output is closed")
    if command in ("check", "sites"):
        from asmrewrite.cli import objects

        return objects.check_main(rest) if command == "check" else objects.sites_main(rest)
    if command == "profile":
        from asmrewrite.cli.profiles import profile_main

        return profile_main(rest)
    if command == "bake":
        from asmrewrite.cli.baking import bake_main

        return bake_main(rest)
    if command == "stress":
        from asmrewrite.cli.stress import stress_main

        return stress_main(rest)
    if command == "runtime":
        from asmrewrite.cli.runtime import runtime_main

        return runtime_main(rest)
    if command == "audit":
        from asmrewrite.cli.audit import audit_main

        return audit_main(rest)
    if command == "trace":
        from asmrewrite.cli.trace import trace_main

        return trace_main(rest)
    if command == "demo":
        from asmrewrite.cli.demo import demo_main

        return demo_main(rest)
    return _about(command)


def _about(command: str) -> int:
    if command == "--as-dir":
        from asmrewrite.toolchain.asdir import as_dir

        print(as_dir())
    elif command == "--kernel-as-dir":
        from asmrewrite.toolchain.asdir import kernel_as_dir

        print(kernel_as_dir())
    elif command == "--include-dir":
        import os

        import asmrewrite

        print(os.path.join(os.path.dirname(os.path.abspath(asmrewrite.__file__)), "include"))
    elif command == "--version":
        from asmrewrite import __version__

        print(f"asmrewrite {__version__}")
    elif command in ("--help", "-h", "help"):
        print(USAGE)
    else:
        from asmrewrite.errors import OptionError

        raise OptionError(f"no command is named {command!r}" if command else "no command", hint="see asmrewrite --help")
    return 0


if __name__ == "__main__":
    sys.exit(main())
