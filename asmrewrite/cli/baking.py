"""`asmrewrite bake PROGRAM --profile FILE -o OUT`: a linked program with its chains filled."""

from __future__ import annotations

import os
import stat

from asmrewrite.cli.report import say
from asmrewrite.errors import AsmRewriteError, OptionError
from asmrewrite.toolchain.output import replace_whole


def bake_main(arguments: list[str]) -> int:
    """Bake, and say what was left."""
    program, profile, output = _words(arguments)
    from asmrewrite.baking import bake
    from asmrewrite.profile import read

    calls = read(profile)
    if os.path.lexists(output) and not os.path.isfile(output):
        raise OptionError(f"{output} is no file that could be replaced")
    try:
        with open(program, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise AsmRewriteError(f"cannot be read: {error.strerror}", file=program) from None
    made = bake(content, calls, program)
    replace_whole(output, made.content, mode)
    for left in made.left:
        print(f"{left.site}: {left.target + ': ' if left.target else ''}left: {left.reason}")
    for gone in made.gone:
        print(f"{gone}: left: {program} has no such site")
    say(f"{output}: {made.trained} of {made.sites} sites trained, {made.entries} entries, all sites PASS")
    return 0


def _words(arguments: list[str]) -> tuple[str, str, str]:
    """PROGRAM, and the values of --profile and -o."""
    values = {"--profile": "", "-o": ""}
    program = ""
    words = iter(arguments)
    for word in words:
        key, equals, value = word.partition("=")
        if word in values:
            values[word] = next(words, "")
        elif key == "--profile" and equals:
            values[key] = value
        elif word.startswith("-"):
            raise OptionError(f"no option is named {word!r}", hint="there are --profile FILE and -o OUT")
        elif program:
            raise OptionError(f"two programs, {program} and {word}", hint="bake takes one at a time")
        else:
            program = word
    if not program or not all(values.values()):
        raise OptionError("as in: asmrewrite bake PROGRAM --profile FILE -o OUT")
    return program, values["--profile"], values["-o"]
