"""What a program is: a source tree, a way to build it, and the checks to run on the result."""

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.command import CommandError, must, run

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"

#: A check takes a second or two; a program that loops for ever is a failure like another.
CHECK_TIMEOUT = 300.0


@dataclass(frozen=True)
class Build:
    """One build of one program; two that are compared differ in `cc` and `directory` alone."""

    #: The compiler's command, as a shell takes it.
    cc: str
    #: Optimization level, ``-O2``, and whether with debug information, ``-O2 -g``.
    level: str
    #: Code model for compilation, ``-fPIE``, and for linking, ``-pie``.
    compile_mode: str
    link_mode: str
    #: Where to build; exists and is empty.
    directory: Path
    #: The program's sources; shared by all builds, not to be written to.
    source: Path
    #: Added to the environment of every command that assembles.
    environment: Mapping[str, str] = field(default_factory=dict)

    def make_environment(self) -> dict[str, str]:
        """The environment to build in: the caller's flags must not reach one of two builds."""
        dropped = {"CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "MFLAGS", "ASMREWRITE_FLAGS"}
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        return {**kept, "LC_ALL": "C.UTF-8", **self.environment}

    @property
    def flags(self) -> list[str]:
        """The level's words; debug information does not say where the build ran."""
        words = self.level.split()
        return [*words, f"-fdebug-prefix-map={self.directory}=."] if "-g" in words else words

    def compile(self, source: Path, flags: Sequence[str]) -> str:
        """Compile one C file to an object in the build directory and return the object's name."""
        target = f"{source.stem}.o"
        argv = [*shlex.split(self.cc), *self.flags, self.compile_mode, *flags, "-c", str(source), "-o", target]
        must(argv, cwd=self.directory, env=self.make_environment())
        return target

    def link(self, target: str, objects: Sequence[str], libraries: Sequence[str]) -> None:
        """Link objects of the build directory to an executable there."""
        argv = [*shlex.split(self.cc), self.link_mode, *objects, "-o", target, *libraries]
        must(argv, cwd=self.directory, env=self.make_environment())

    def objects(self) -> list[Path]:
        """Every object of the build, sorted; zlib names its position-independent ones ``.lo``."""
        return sorted(path for path in self.directory.rglob("*") if path.suffix in {".o", ".lo"})


def unchanged(output: bytes) -> bytes:
    """The output as it is: the usual case."""
    return output


@dataclass(frozen=True)
class Check:
    """One command run in a build directory; its output is to be the same from every compiler."""

    name: str
    argv: tuple[str, ...]
    #: A file of the build directory to read standard input from.
    stdin: str | None = None
    #: The exit status to expect; an error reported well is an output, too.
    status: int = 0
    #: Takes out what changes from run to run, such as timings.
    clean: Callable[[bytes], bytes] = unchanged

    def output(self, directory: Path) -> bytes:
        """Run the command and return both its streams; `CommandError` on another status."""
        # A bare environment: nothing of the caller's may show in an output.
        env = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        stdin = directory / self.stdin if self.stdin else None
        ran = run(self.argv, cwd=directory, env=env, stdin=stdin, timeout=CHECK_TIMEOUT)
        output = self.clean(ran.stdout) + b"--- stderr\n" + self.clean(ran.stderr)
        if ran.status != self.status:
            # Some checks print bytecode: no terminal should have to show that.
            lines = output.decode(errors="replace").splitlines()[-12:]
            tail = "\n".join(ascii(line[-300:])[1:-1] for line in lines)
            raise CommandError(f"{' '.join(self.argv)}: exit status {ran.status}, not {self.status}\n{tail}")
        return output


@dataclass(frozen=True)
class Program:
    """A real program of the suite."""

    #: The name of its Debian source package.
    name: str
    #: Makes the sources ready below a cache directory, once, and returns their tree.
    prepare: Callable[[Path], Path]
    #: Builds the program; raises `CommandError`.
    build: Callable[[Build], None]
    checks: tuple[Check, ...]
