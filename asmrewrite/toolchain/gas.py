"""GNU as: its command line, where it is, and assembling a text with it."""

from __future__ import annotations

import os
from typing import NamedTuple

from asmrewrite.errors import ToolError
from asmrewrite.toolchain.process import memory_file, read_all, run

#: Names the assembler to use, ahead of the search.
ENVIRONMENT = "ASMREWRITE_AS"
#: Options of as that take the next word as their value (gas manual, "Overview").
_WITH_VALUE = frozenset({"-o", "-I", "--defsym", "--MD", "-t", "--debug-prefix-map"})
#: With these the assembler does not assemble 64-bit text, or does not assemble at all.
_PASS_THROUGH = frozenset({"--32", "--x32", "--version", "--help", "--target-help", "--dump-config"})


class CommandLine(NamedTuple):
    """An assembler's command line, taken apart: options without `-o` and inputs, the output, the inputs.

    `inputs` is () for standard input; `rewritable` says that it assembles one 64-bit text.
    """

    options: tuple[str, ...]
    output: str
    inputs: tuple[str, ...]
    rewritable: bool


class Assembled(NamedTuple):
    """What the assembler made: the object's bytes ("" when it failed), its exit status and its messages."""

    content: bytes
    status: int
    messages: bytes


def parse_command_line(arguments: list[str]) -> CommandLine:
    """Take `arguments` of as apart."""
    options: list[str] = []
    inputs: list[str] = []
    output, rewritable = "a.out", True
    words = iter(expand_responses(arguments))
    for word in words:
        if word == "-o":
            output = next(words, "a.out")
        elif word.startswith("-o") and not word.startswith("--"):
            output = word[2:]
        elif word in _WITH_VALUE:
            options += [word, next(words, "")]
        elif word in ("--", "-"):
            continue
        elif word.startswith("-"):
            options.append(word)
            rewritable &= word not in _PASS_THROUGH and not word.startswith("-march=l1om")
        else:
            inputs.append(word)
    return CommandLine(tuple(options), output, tuple(inputs), rewritable and len(inputs) <= 1)


def expand_responses(arguments: list[str]) -> list[str]:
    """`arguments` with the words of each readable @file in its place, as GNU tools read them."""
    if not any(word.startswith("@") for word in arguments):
        return arguments
    words: list[str] = []
    for word in arguments:
        try:
            with open(word[1:], encoding="latin-1") as file:
                text = file.read() if word.startswith("@") else ""
        except OSError:
            text = ""
        words += expand_responses(_split_response(text)) if text else [word]
    return words


def _split_response(text: str) -> list[str]:
    """Words between white space; quotes of both kinds hold them together, a backslash keeps the next character."""
    words: list[str] = []
    word: list[str] = []
    quote, started, characters = "", False, iter(text)
    for character in characters:
        if character == "\\":
            word.append(next(characters, ""))
            started = True
        elif quote:
            quote = "" if character == quote else quote
            word += [character] if quote else []
        elif character in "'\"":
            quote, started = character, True
        elif character.isspace():
            if started:
                words.append("".join(word))
            word, started = [], False
        else:
            word.append(character)
            started = True
    return [*words, "".join(word)] if started else words


def find(shim: str = "") -> str:
    """The assembler: $ASMREWRITE_AS, or the first `as` where the compiler looks for it that is not the file `shim`.

    Nor is it another of our shims, which are in folders beside its own: it would come back to us.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return named
    ours = os.path.dirname(os.path.dirname(shim)) if os.path.basename(shim) == "as" else ""
    for folder in _folders():
        candidate = os.path.join(folder or ".", "as")
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            real = os.path.realpath(candidate)
            if real != shim and os.path.dirname(os.path.dirname(real)) != ours:
                return candidate
    raise ToolError("no assembler `as` is on the PATH", status=127, hint="install binutils, or set ASMREWRITE_AS")


def _folders() -> list[str]:
    """Where a compiler looks for programs: -B, which gcc tells those that it starts, COMPILER_PATH, and the PATH."""
    said = os.environ.get("COLLECT_GCC_OPTIONS", "").split("'-B' '")[1:]
    folders = [word.replace("'\\''", "\0").partition("'")[0].replace("\0", "'") for word in said]
    if "COMPILER_PATH" in os.environ:
        folders += os.environ["COMPILER_PATH"].split(os.pathsep)
    return folders + os.environ.get("PATH", os.defpath).split(os.pathsep)


def assemble(text: str, options: tuple[str, ...] = ("--64",), *, file: str = "", assembler: str = "") -> Assembled:
    """Assemble `text` (latin-1) in memory; `file` is the name that messages and debug information give it."""
    return assemble_buffers([text.encode("latin-1")], options, file=file, assembler=assembler)


def assemble_buffers(
    buffers: list[bytes | memoryview], options: tuple[str, ...], *, file: str = "", assembler: str = ""
) -> Assembled:
    """The same for a text in pieces."""
    output = memory_file("object")
    try:
        head = _line_marker(file) if file and _lines_are_made(buffers, options) else b""
        argv = [assembler or find(), *options, "-o", f"/proc/self/fd/{output}"]
        finished = run(argv, [head, *buffers], (output,))
        content = read_all(output) if finished.status == 0 else b""
        if finished.status == 0 and not content:
            said = os.fsdecode(finished.messages).strip()
            raise ToolError(f"{argv[0]} said that it succeeded and wrote no object{said and ': ' + said}")
    finally:
        os.close(output)
    messages = finished.messages
    if file and not head:
        messages = messages.replace(b"{standard input}:", os.fsencode(f"{file}:"))
    return Assembled(content, finished.status, messages)


def _line_marker(file: str) -> bytes:
    """The line that says that the next one is line 1 of `file`; gas reads the name as a C string."""
    name = b"".join(b"\\%03o" % byte if byte < 32 or byte in b'"\\' else bytes([byte]) for byte in os.fsencode(file))
    return b'# 1 "' + name + b'"\n'


def _lines_are_made(buffers: list[bytes | memoryview], options: tuple[str, ...]) -> bool:
    """Whether gas makes line information of its own, and so must be told the file's name in the text.

    Elsewhere a line marker would do harm: with one in force `.file` gives messages another name.
    """
    if not any(option.startswith(("-g", "--g")) for option in options):
        return False
    contents = [bytes(buffer) for buffer in buffers]
    return not any(b"\t.loc " in content for content in contents) and not b"".join(contents[:1]).startswith(b"#NO_APP")
