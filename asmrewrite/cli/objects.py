"""`asmrewrite check` and `asmrewrite sites`: verdicts on, and lists of, the sites of objects and programs."""

from __future__ import annotations

import sys
from typing import NamedTuple

from asmrewrite.cli.report import say
from asmrewrite.cli.verdicts import Checked, as_json, as_lines, as_sarif
from asmrewrite.errors import OptionError
from asmrewrite.verify.sites import bytecode_alone, check


class _Request(NamedTuple):
    """The command line of `check` and `sites`."""

    files: list[str]
    original: str
    json: bool
    sarif: str


def check_main(arguments: list[str]) -> int:
    """A line for each site, and with --original for each section; status 0 when all pass."""
    request = _request(arguments, ("--original", "--sarif"))
    if request.original:
        if len(request.files) != 1:
            raise OptionError("--original compares one object", hint="asmrewrite check --original ORIG.o NEW.o")
        from asmrewrite.verify.translation import validate

        proof = validate(request.original, request.files[0])
        found = [Checked(request.files[0], proof.sites, proof.sections)]
    else:
        found = [Checked(file, check(file)) for file in request.files]
        for checked in found:
            if not checked.sites and bytecode_alone(checked.file):
                say(f"{checked.file}: holds bytecode (-flto): its code is made, and rewritten, when it is linked")
    if request.sarif:
        as_sarif(found, request.sarif)
    if request.json:
        as_json(found)
    elif request.sarif != "-":
        as_lines(found)
        if request.original:
            from asmrewrite.cli.sidebyside import show

            show(request.original, request.files[0], found[0].sections)
        _summary(found)
    return 1 if any(checked.bad for checked in found) else 0


def _summary(found: list[Checked]) -> None:
    sites, sections, bad = (sum(n) for n in zip(*((len(c.sites), len(c.sections), c.bad) for c in found), strict=True))
    compared = f", {sections} sections" if sections else ""
    say(f"{len(found)} files, {sites} sites{compared}, {bad} not passed")


def _request(arguments: list[str], valued: tuple[str, ...]) -> _Request:
    """Take the words apart; those of `valued` have a value, behind = or in the next word."""
    values: dict[str, str] = {}
    files: list[str] = []
    json = False
    words = iter(arguments)
    for word in words:
        key, equals, value = word.partition("=")
        if key in valued:
            values[key] = value if equals else next(words, "")
            if not values[key]:
                raise OptionError(f"{key} needs a file")
        elif word == "--json":
            json = True
        elif word.startswith("--"):
            known = ", ".join(("--json", *valued))
            raise OptionError(f"no option is named {word!r}", hint=f"there is {known}")
        else:
            files.append(word)
    if not files:
        raise OptionError("no object was named")
    if json and values.get("--sarif") == "-":
        raise OptionError("--json and --sarif - both want standard output", hint="give --sarif a file")
    return _Request(files, values.get("--original", ""), json, values.get("--sarif", ""))


def sites_main(arguments: list[str]) -> int:
    """The sites of each file, as a table or as JSON."""
    request = _request(arguments, ())
    found = [Checked(file, check(file)) for file in request.files]
    if request.json:
        as_json(found)
        return 0
    from rich.console import Console
    from rich.table import Table

    # Into a file or a pipe nothing is shortened or wrapped to the width of a terminal that is not there.
    console = Console(width=None if sys.stdout.isatty() else 1000)
    for file, verdicts, _ in found:
        table = Table(title=f"{file}: {len(verdicts)} sites", title_justify="left")
        for column in ("place", "pass", "form", "target", "register", "chain", "slow path", "block", "verdict"):
            table.add_column(column, overflow="fold")
        for v in verdicts:
            place = f"{v.function}+{v.distance:#x}" if v.function else f"{v.section}+{v.offset:#x}"
            chain = str(v.chain) if v.chain else ""
            verdict = v.verdict.value + (f": {v.reason}" if v.reason else "")
            table.add_row(place, v.pass_, v.form, v.target, v.register, chain, v.slow, str(1 << v.block), verdict)
        console.print(table)
    return 0
