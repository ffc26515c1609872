"""One build by one compiler, and how each kind of compiler is made to hand over its assembly."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.command import must
from conformance.sources import REPOSITORY

PROGRAMS = REPOSITORY / "testdata" / "programs"


@dataclass(frozen=True)
class Build:
    """One build: `asmrewrite` for the rewritten one, None for the other; flags, an empty folder, and environment."""

    asmrewrite: Path | None
    flags: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]

    def run(self, argv: Sequence[str | Path], **more: str) -> None:
        """Run one command of the build with `more` in its environment; `CommandError` when it fails."""
        kept = {name: value for name, value in os.environ.items() if name not in ("CC", "ASMREWRITE_FLAGS")}
        environment = {**kept, "LC_ALL": "C", **self.environment, **more}
        must([str(word) for word in argv], cwd=self.directory, env=environment)

    def wrapped(self, compiler: str) -> Path | str:
        """`compiler` in one word: itself, or a script that runs it through asmrewrite."""
        return (
            compiler
            if self.asmrewrite is None
            else script(self.directory / "bin" / compiler, self.asmrewrite, "cc", compiler)
        )


def script(path: Path, *words: str | Path) -> Path:
    """A command of one word, `path`, for a command of several."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {" ".join(map(str, words))} "$@"\n')
    path.chmod(0o755)
    return path


@dataclass(frozen=True)
class Compiler:
    """A compiler: its command, its Debian package, its sources below testdata/programs, and the sets of flags."""

    command: str
    package: str
    sources: tuple[str, ...]
    flags: tuple[str, ...]
    #: Words that go with every set of flags.
    more: tuple[str, ...] = ()

    @property
    def path(self) -> str | None:
        """Where it is; None when the machine has it not."""
        return shutil.which(self.command)

    def build(self, build: Build) -> tuple[list[Path], Path]:
        """Make the objects and the program below `build.directory`."""
        command = build.wrapped(self.command)
        objects = [build.directory / f"{Path(source).stem}.o" for source in self.sources]
        for source, target in zip(self.sources, objects, strict=True):
            build.run([command, *build.flags, *self.more, "-c", PROGRAMS / source, "-o", target])
        return objects, self.link(build, objects)

    def link(self, build: Build, objects: list[Path]) -> Path:
        """The program."""
        program = build.directory / "program"
        build.run([build.wrapped(self.command), *build.flags, *self.more, *objects, "-o", program])
        return program


class Ada(Compiler):
    """gnat: gnatmake compiles, binds and links; its objects are named as their units are."""

    def build(self, build: Build) -> tuple[list[Path], Path]:
        """See `Compiler`."""
        program, source = build.directory / "program", PROGRAMS / self.sources[0]
        build.run([self.command, "-q", *build.flags, f"--GCC={build.wrapped('gcc-12')}", source, "-o", program])
        return [build.directory / f"{source.stem}.o"], program


class Ldc(Compiler):
    """ldc2: with --no-integrated-as its assembler is the C compiler that it is told."""

    def build(self, build: Build) -> tuple[list[Path], Path]:
        """See `Compiler`."""
        words = [self.command, "-w", *build.flags, "--no-integrated-as", f"--gcc={build.wrapped('gcc')}"]
        target, program = build.directory / "dispatch.o", build.directory / "program"
        build.run([*words, "-c", PROGRAMS / self.sources[0], f"-of={target}"])
        build.run([*words, target, f"-of={program}"])
        return [target], program


class Printed(Compiler):
    """A compiler that knows no assembler but its own: its listing is kept, filtered and assembled."""

    def build(self, build: Build) -> tuple[list[Path], Path]:
        """See `Compiler`."""
        listing, target = build.directory / "listing.s", build.directory / "listing.o"
        self.print(build, listing)
        if build.asmrewrite is not None:
            build.run([build.asmrewrite, "filter", listing, "-o", listing])
        build.run(["gcc", "-c", listing, "-o", target])
        return [target], self.link(build, [target])

    def print(self, build: Build, listing: Path) -> None:
        """Have the compiler write `listing`."""
        build.run([self.command, *build.flags, *self.more, "-S", PROGRAMS / self.sources[0], "-o", listing])

    def link(self, build: Build, objects: list[Path]) -> Path:
        """See `Compiler`."""
        program = build.directory / "program"
        build.run([self.command, *build.flags, *self.more, *objects, "-o", program])
        return program


#: A linker for rustc that takes the object made of the listing in place of rustc's own of the same crate.
_LINKER = """\
#!/bin/sh
for word do
	shift
	case $word in *-cgu.0.rcgu.o) word=$LISTING_OBJECT ;; esac
	set -- "$@" "$word"
done
exec gcc "$@"
"""


class Rust(Printed):
    """rustc: --emit=asm, and for the link a linker of ours."""

    @property
    def path(self) -> str | None:
        """It may be rustup's, which the PATH need not have."""
        return shutil.which(self.command) or shutil.which(str(Path.home() / ".cargo" / "bin" / self.command))

    def print(self, build: Build, listing: Path) -> None:
        """See `Printed`."""
        build.run([*self._words(build), "--emit=asm", "-o", listing])

    def link(self, build: Build, objects: list[Path]) -> Path:
        """See `Compiler`."""
        linker, program = build.directory / "linker", build.directory / "program"
        linker.write_text(_LINKER)
        linker.chmod(0o755)
        build.run([*self._words(build), f"-Clinker={linker}", "-o", program], LISTING_OBJECT=str(objects[0]))
        return program

    def _words(self, build: Build) -> list[str | Path]:
        # One unit, so that the listing is all of the crate.
        command = self.path or self.command
        return [command, "--edition=2021", "-Ccodegen-units=1", *build.flags, PROGRAMS / self.sources[0]]
