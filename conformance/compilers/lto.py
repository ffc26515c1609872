"""Code that is made when a program is linked: gcc's is rewritten like any other, clang's is refused."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.branches import checked, read_statistics
from conformance.command import CommandError, must, run
from conformance.compilers.build import PROGRAMS
from conformance.compilers.reached import left_indirect
from conformance.programs import lua
from conformance.programs.build import SCRIPTS
from conformance.sources import cache_directory

#: Of both steps, compilation and link.
FLAGS = ("-flto", "-flto -ffat-lto-objects", "-flto=auto", "-flto=2 -flto-partition=1to1", "-flto -flto-partition=none",
         "-flto -flto-partition=one", "-flto -fno-use-linker-plugin -ffat-lto-objects", "-flto -fuse-ld=gold",
         "-flto -masm=intel", "-flto -fPIE -pie", "-flto -fno-pie -no-pie", "-flto -save-temps")  # fmt: skip
REFUSED = ("-flto", "-flto=thin", "-flto -ffat-lto-objects", "-fintegrated-as")

Case = Callable[[], str]


@dataclass(frozen=True)
class Program:
    """A program: its sources, flags of compilation, libraries, and the arguments of each run."""

    name: str
    sources: tuple[Path, ...]
    flags: tuple[str, ...]
    libraries: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]


def cases(asmrewrite: Path, work: Path) -> Iterator[tuple[str, Case]]:
    """A name and a function for each case; the function gives the counts in words, or raises `CommandError`."""
    c, cxx = _lua(), _exceptions()
    for compiler, program, chosen in (("gcc-12", c, FLAGS), ("g++-12", cxx, FLAGS), ("gcc-11", c, FLAGS[:2]),
                                      ("g++-11", cxx, FLAGS[:2])):  # fmt: skip
        for flags in chosen:
            yield f"{compiler} {program.name} {flags}", _linked(compiler, program, flags.split(), asmrewrite, work)
    for compiler in ("clang-14", "clang-19"):
        for flags in REFUSED:
            yield f"{compiler} {flags}", _refused(compiler, flags.split(), asmrewrite, work)


def _lua() -> Program:
    sources = (path for path in sorted((lua.prepare(cache_directory()) / "src").glob("*.c")) if path.name != "luac.c")
    scripts = tuple((str(SCRIPTS / f"{name}.lua"),) for name in ("closures", "coroutines", "errors", "metatables"))
    flags = ("-std=gnu99", "-DLUA_COMPAT_5_3", "-DLUA_USE_LINUX", "-w", "-I.")
    return Program("lua", tuple(sources), flags, ("-Wl,-E", "-lm", "-ldl"), scripts)


def _exceptions() -> Program:
    sources = (PROGRAMS / "exceptions.cpp", PROGRAMS / "exceptions_lib.cpp")
    return Program("exceptions", sources, ("-std=c++17",), (), ((),))


def _linked(compiler: str, program: Program, flags: list[str], asmrewrite: Path, work: Path) -> Case:
    """Both programs print the same, and what is indirect in the rewritten one is start-up code or listed."""

    def case() -> str:
        shutil.rmtree(work, ignore_errors=True)
        statistics = work / "link.json"
        plain = _make([compiler], program, flags, work / "plain", {})
        ours = _make(
            [str(asmrewrite), "cc", compiler], program, flags, work / "rewritten",
            {"ASMREWRITE_FLAGS": f"stats={statistics} runtime=off"},
        )  # fmt: skip
        for arguments in program.runs:
            expected, actual = (run([str(built), *arguments], cwd=built.parent) for built in (plain, ours))
            if expected.status or expected != actual:
                raise CommandError(f"{' '.join(arguments)}: the programs differ: {actual.stderr[-300:]!r}")
        sites, found = checked(str(asmrewrite), [ours]), read_statistics(statistics)
        left = left_indirect([ours], apart_from=_start_up(compiler, flags, work))
        if not sites or len(left) != found.skipped.total():
            listed = f"{sites} sites, {found.skipped.total()} listed as left alone ({found.reasons}), but found:"
            raise CommandError("\n".join([listed, *left]))
        return f"{sites} sites, {len(left)} left alone{f' ({found.reasons})' if left else ''}"

    return case


def _make(command: Sequence[str], program: Program, flags: list[str], directory: Path, linking: dict[str, str]) -> Path:
    """Compile each source, then link with `linking` in the environment."""
    directory.mkdir(parents=True)
    (directory / "lua5.4-deb-multiarch.h").write_text('#define DEB_HOST_MULTIARCH "none"\n')
    for source in program.sources:
        must([*command, "-O2", *flags, *program.flags, "-c", str(source)], cwd=directory)
    objects = [f"{source.stem}.o" for source in program.sources]
    words = [*command, "-O2", *flags, *objects, "-o", "program", *program.libraries]
    must(words, cwd=directory, env={**os.environ, **linking})
    return directory / "program"


def _start_up(compiler: str, flags: list[str], work: Path) -> set[str]:
    """The functions that branch indirectly in a program of nothing but start-up code."""
    (work / "empty.c").write_text("int main(void) { return 0; }\n")
    must([compiler, *flags, "-x", "c", "empty.c", "-o", "empty"], cwd=work)
    return {line.partition(": ")[0] for line in left_indirect([work / "empty"])}


def _refused(compiler: str, flags: list[str], asmrewrite: Path, work: Path) -> Case:
    """No object, and a word that says what to do."""

    def case() -> str:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        (work / "x.c").write_text("void f(void (*p)(void)) { p(); p(); }\n")
        ran = run([str(asmrewrite), "cc", compiler, "-O2", *flags, "-c", "x.c"], cwd=work)
        said = ran.stderr.decode()
        if not ran.status or (work / "x.o").exists() or "; " not in said:
            raise CommandError(f"not refused: {ran.status} {said}")
        return f"refused: {said.strip().removeprefix('asmrewrite: error: ').partition(';')[0]}"

    return case
