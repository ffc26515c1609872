"""`asmrewrite filter`: a listing in, the rewritten listing out."""

from __future__ import annotations

import os

from asmrewrite.errors import AsmRewriteError, OptionError
from asmrewrite.toolchain.output import print_all, publish
from asmrewrite.toolchain.process import read_rest


def key_arguments(arguments: list[str]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """`arguments` without --KEY VALUE and --KEY=VALUE, and those as (key, value, where)."""
    from asmrewrite.options import KEYS

    rest: list[str] = []
    ours: list[tuple[str, str, str]] = []
    words = iter(arguments)
    for word in words:
        key, equals, value = word[2:].partition("=")
        if word.startswith("--") and len(word) > 2 and (equals or key in KEYS):
            ours.append((key, value if equals else next(words, ""), word))
        elif word.startswith("--") and key:
            ours.append((key, "on", word))  # unknown: `gather` says so, with the nearest name
        else:
            rest.append(word)
    return rest, ours


def filter_main(arguments: list[str]) -> int:
    """Rewrite IN (standard input) to OUT (standard output)."""
    from asmrewrite.options import gather
    from asmrewrite.rewriting import rewrite

    words, ours = key_arguments(arguments)
    source, output = _names(words)
    options = gather(ours)
    try:
        content = _read(source)
    except OSError as error:
        raise AsmRewriteError(f"cannot be read: {error.strerror}", file=source) from None
    result = rewrite(content, options, file=source if source != "-" else "<stdin>")
    if options.stats:
        from asmrewrite.cli.report import statistics

        statistics(result, options.stats, b"", b"")
    if output == "-":
        print_all(*result.buffers(content))
    else:
        publish(output, *result.buffers(content))
    return 0


def _names(words: list[str]) -> tuple[str, str]:
    source, output = "", "-"
    rest = iter(words)
    for word in rest:
        if word == "-o":
            output = next(rest, "")
            if not output:
                raise OptionError("-o needs a file")
        elif word.startswith("-o"):
            output = word[2:]
        elif word.startswith("-") and word != "-":
            raise OptionError(f"no option is named {word!r}", hint="see asmrewrite --help")
        elif source:
            raise OptionError(f"two inputs, {source} and {word}", hint="filter takes one listing at a time")
        else:
            source = word
    return source or "-", output


def _read(source: str) -> bytes:
    if source == "-":
        return read_rest(0)
    descriptor = os.open(source, os.O_RDONLY)
    try:
        return read_rest(descriptor)
    finally:
        os.close(descriptor)
