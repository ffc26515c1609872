"""A compiler driver's command line: what of it must change so that its assembler is ours.

The driver keeps its work. All that is added is where it finds `as` (-B), gcc's notes (-dp) or clang's word to
use an assembler at all (-fno-integrated-as). Then we become the driver (execve), so that exit status, signals,
messages, pipes and temporary files are its own. -S becomes -c with an "assembler" that writes the rewritten text.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from asmrewrite.errors import ToolError
from asmrewrite.options import PLUGIN_ARGUMENT
from asmrewrite.toolchain.gas import expand_responses

#: Programs that run the compiler named behind them.
LAUNCHERS = frozenset({"ccache", "distcc", "sccache", "icecc", "env", "nice"})
#: With these the driver compiles nothing to assembly: it must behave exactly as without us.
_INERT = frozenset({
    "-E", "-M", "-MM", "-###", "-fsyntax-only", "--version", "-dumpversion", "-dumpfullversion", "-dumpmachine",
    "-dumpspecs", "--help", "--target-help", "-emit-llvm", "--analyze", "-emit-ast",
})  # fmt: skip
_INERT_PREFIXES = ("-print-", "--print-", "--help=", "-dM", "-dD", "-dI", "-dN", "-dU")
#: Options that take the next word as their value.
_WITH_VALUE = frozenset({
    "-o", "-x", "-I", "-D", "-U", "-L", "-l", "-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-iprefix",
    "-MF", "-MT", "-MQ", "-T", "-u", "-z", "-Xlinker", "-Xassembler", "-Xpreprocessor", "-Xclang", "-arch", "-target",
    "-dumpbase", "-dumpbase-ext", "-dumpdir", "-aux-info", "--param", "-wrapper", "-specs", "-B", "-mllvm", "-G", "-e",
    "-isysroot", "-iwithprefix", "-iwithprefixbefore", "-imultilib", "--sysroot", "-J", "-A", "-Tbss", "-Tdata",
    "-Ttext",
})  # fmt: skip
#: Sources that a compiler turns into assembly; others are assembly already, or for the linker.
_COMPILED = frozenset(
    ".c .i .ii .cc .cp .cxx .cpp .CPP .c++ .C .m .mi .mm .M .mii .f .for .ftn .F .FOR .fpp .FPP .FTN .f90 .f95 .f03 "
    ".f08 .F90 .F95 .F03 .F08 .d .ads .adb .go .rs .h .hpp .bc .ll".split()
)
#: A link with one of these is of no program, of one without libc, or of one for another machine.
_NO_RUNTIME = frozenset({
    "-r", "-Wl,-r", "-Wl,--relocatable", "-nostdlib", "-nodefaultlibs", "-nostartfiles", "-nolibc", "-ffreestanding",
    "-m32", "-m16", "-mx32", "-miamcu", "-target", "-fuse-ld=gold",
})  # fmt: skip
#: What goes to the linker as it is.
_LINKED = (".o", ".a", ".so", ".lo", ".obj")
_ASSEMBLY_LANGUAGES = frozenset({"assembler", "assembler-with-cpp"})


class Plan(NamedTuple):
    """What to run: the command, and what to add to the environment."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    #: The compiler, when what it links may have the runtime; "" otherwise.
    linker: str = ""

    def linked_with(self, *files: str) -> Plan:
        """The same with more for the linker, which a language named before must not be applied to."""
        return self._replace(argv=(*self.argv, "-x", "none", *files))


class _Line(NamedTuple):
    """A command line as far as it matters here."""

    compiled: tuple[str, ...]
    inputs: tuple[str, ...]
    output: str
    assembly: bool
    inert: bool
    notes: bool
    #: Whether it writes a depfile whose target it does not name, and whether its objects hold bytecode alone.
    depfile: bool
    bytecode: bool
    #: Whether it links a program or shared object that can have the runtime.
    links: bool
    #: Whether link-time optimisation is on, and whether clang is told to assemble by itself.
    optimised: bool
    integrated: bool


def split_options(arguments: list[str]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """`arguments` without the words that are ours, and those as (key, value, where they were said)."""
    if any(word.startswith("@") for word in arguments) and any(
        word.startswith(PLUGIN_ARGUMENT) for word in expand_responses(arguments)
    ):
        arguments = expand_responses(arguments)
    rest: list[str] = []
    ours: list[tuple[str, str, str]] = []
    for word in arguments:
        if word.startswith(PLUGIN_ARGUMENT):
            key, equals, value = word[len(PLUGIN_ARGUMENT) :].partition("=")
            ours.append((key, value if equals else "on", word))
        else:
            rest.append(word)
    return rest, ours


def plan(command: list[str], as_dir: str) -> Plan:
    """How to run `command` (the compiler's name and its arguments, ours taken out) with the assembler in `as_dir`.

    Raises `ToolError` when clang would make code that passes no assembler.
    """
    compiler_words = 1
    while compiler_words < len(command) and os.path.basename(command[compiler_words - 1]) in LAUNCHERS:
        compiler_words += 1
    compiler, arguments = command[:compiler_words], command[compiler_words:]
    line = _read(expand_responses(arguments))
    if line.inert or not line.inputs:
        return Plan(tuple(command), {})
    if line.assembly and not (line.compiled and _has_folder(line.output)):
        return Plan(tuple(command), {})
    clang = _is_clang(compiler[-1])
    if clang:
        _require_assembler(line)
    # An object for link-time optimisation holds no code yet, only the options that it was made with.
    notes = () if line.bytecode else ("-dp",)
    added = [f"-B{as_dir}", *(("-fno-integrated-as",) if clang else notes)]
    environment: dict[str, str] = {}
    if line.assembly:
        arguments, emit = _to_object(expand_responses(arguments), line)
        environment["ASMREWRITE_EMIT"] = emit
        if line.notes:
            environment["ASMREWRITE_NOTES"] = "1"
    if clang:
        added.append("-Wno-unused-command-line-argument")
    return Plan((*compiler, *added, *arguments), environment, compiler[-1] if line.links else "")


def _to_object(arguments: list[str], line: _Line) -> tuple[list[str], str]:
    """The words of a -S call as those of a -c call, and how the shim is to name its output."""
    words = ["-c" if word == "-S" else word for word in arguments]
    if line.output:
        return words, "as-named"
    if len(line.compiled) == 1:
        stem = os.path.splitext(os.path.basename(line.compiled[0]))[0]
        # A depfile's target is the object, also with -S.
        target = ("-MQ", f"{stem}.o") if line.depfile else ()
        return [*words, *target, "-o", f"{stem}.s"], "as-named"
    return words, "rename"


def _read(arguments: list[str]) -> _Line:
    inputs: list[str] = []
    compiled: list[str] = []
    language, output, assembly, inert, notes = "", "", False, False, False
    words = iter(arguments)
    for word in words:
        if word == "-o":
            output = next(words, "")
        elif word == "-x":
            language = next(words, "")
        elif word in _WITH_VALUE:
            next(words, "")
        elif word in _INERT or word.startswith(_INERT_PREFIXES):
            inert = True
        elif word == "-S":
            assembly = True
        elif word.startswith("-x") and len(word) > 2:
            language = word[2:]
        elif word.startswith("-o") and not word.startswith("-objc"):
            output = word[2:]
        elif word.startswith("-d") and "p" in word and word[2:].isalpha() and len(word) < 8:
            notes = True
        elif word == "-" or not word.startswith("-"):
            inputs.append(word)
            if _is_compiled(word, language):
                compiled.append(word)
    named = any(word.startswith(("-MT", "-MQ")) for word in arguments)
    depfile = not named and ("-MD" in arguments or "-MMD" in arguments)
    linked = not assembly and "-c" not in arguments
    optimised = _last(arguments, ("-flto", "-flto="), ("-fno-lto",))
    fat = _last(arguments, ("-ffat-lto-objects",), ("-fno-fat-lto-objects",))
    bytecode = optimised and not linked and not fat
    integrated = _last(arguments, ("-fintegrated-as", "-integrated-as"), ("-fno-integrated-as", "-no-integrated-as"))
    links = linked and _NO_RUNTIME.isdisjoint(arguments) and not any(map(_is_foreign, arguments))
    return _Line(
        tuple(compiled), tuple(inputs), output, assembly, inert, notes, depfile, bytecode, links, optimised,
        integrated and not all(word.endswith(_LINKED) for word in inputs),
    )  # fmt: skip


def _is_foreign(word: str) -> bool:
    """Whether `word` names another machine than ours to compile for."""
    return word.startswith(("--target=", "-mcmodel=kernel")) and "x86_64" not in word


def _last(arguments: list[str], on: tuple[str, ...], off: tuple[str, ...]) -> bool:
    """Whether the last word of `on` and `off` is one of `on`; one that ends in `=` stands for all its values."""
    for word in reversed(arguments):
        if word in on or any(each.endswith("=") and word.startswith(each) for each in on):
            return True
        if word in off:
            return False
    return False


def _is_clang(compiler: str) -> bool:
    """Whether `compiler` is clang by its name, or by that of the file that it is a link to, as /usr/bin/cc may be."""
    if "clang" in os.path.basename(compiler):
        return True
    folders = [""] if os.sep in compiler else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        path = os.path.join(folder, compiler)
        if os.access(path, os.X_OK):
            return "clang" in os.path.basename(os.path.realpath(path))
    return False


def _require_assembler(line: _Line) -> None:
    """Refuse what clang would assemble without us: better no object than one that is only taken for rewritten."""
    if line.optimised:
        raise ToolError(
            "clang makes the code of -flto objects inside the linker, where no assembler can be put",
            hint="compile and link with -fno-lto, or use gcc, whose link-time code is rewritten too",
        )
    if line.integrated:
        raise ToolError(
            "with -fintegrated-as clang prints no assembly that could be rewritten",
            hint="leave it out: asmrewrite asks for -fno-integrated-as",
        )


def _has_folder(output: str) -> bool:
    """Whether `output` can be made; if not the compiler shall say so."""
    return not output or (os.path.isdir(os.path.dirname(output) or ".") and not os.path.isdir(output))


def _is_compiled(word: str, language: str) -> bool:
    if language and language != "none":
        return language not in _ASSEMBLY_LANGUAGES
    return os.path.splitext(word)[1] in _COMPILED
