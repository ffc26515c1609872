"""`asmrewrite check` and `asmrewrite sites`: verdicts on, and lists of, the sites of objects and programs."""

from __future__ import annotations

import sys

from asmrewrite.cli.report import say
from asmrewrite.errors import OptionError
from asmrewrite.verify.sites import SiteVerdict, Verdict, bytecode_alone, check


def check_main(arguments: list[str]) -> int:
    """A line for each site, and with --original for each section; status 0 when all pass."""
    original, arguments = _original(arguments)
    files, json = _words(arguments)
    if original:
        if len(files) != 1:
            raise OptionError("--original compares one object", hint="asmrewrite check --original ORIG.o NEW.o")
        return _compare(original, files[0], json)
    bad = total = 0
    found: list[tuple[str, tuple[SiteVerdict, ...]]] = []
    for file in files:
        verdicts = check(file)
        total += len(verdicts)
        bad += sum(1 for verdict in verdicts if verdict.verdict is not Verdict.PASS)
        found.append((file, verdicts))
        if not verdicts and bytecode_alone(file):
            print(
                f"{file}: holds bytecode (-flto): its code is made, and rewritten, when it is linked", file=sys.stderr
            )
        if not json:
            sys.stdout.writelines(f"{verdict}\n" for verdict in verdicts)
    if json:
        _print_json(found)
    else:
        say(f"{len(files)} files, {total} sites, {bad} not passed")
    return 1 if bad else 0


def _compare(original: str, file: str, json: bool) -> int:
    """Translation validation of `file` against `original`."""
    from asmrewrite.verify.translation import validate

    found = validate(original, file)
    if json:
        import json as format_

        sites = [verdict.as_dict() for verdict in found.sites]
        sections = [verdict.as_dict() for verdict in found.sections]
        report = {"file": file, "verdict": found.verdict.value, "sites": sites, "sections": sections}
        print(format_.dumps(report, indent=1))
    else:
        sys.stdout.writelines(f"{verdict}\n" for verdict in found.sites)
        for verdict in found.sections:
            reason = f": {verdict.reason}" if verdict.reason else ""
            print(f"{file}: {verdict.section}: {verdict.verdict.value}{reason}")
        say(f"{len(found.sites)} sites, {len(found.sections)} sections: {found.verdict.value}")
    return 0 if found.verdict is Verdict.PASS else 1


def _original(arguments: list[str]) -> tuple[str, list[str]]:
    """The value of --original, "" without it, and the other words."""
    original, rest = "", []
    words = iter(arguments)
    for word in words:
        if word == "--original":
            original = next(words, "")
            if not original:
                raise OptionError("--original needs an object")
        elif word.startswith("--original="):
            original = word.partition("=")[2]
        else:
            rest.append(word)
    return original, rest


def sites_main(arguments: list[str]) -> int:
    """The sites of each file, as a table or as JSON."""
    files, json = _words(arguments)
    found = [(file, check(file)) for file in files]
    if json:
        _print_json(found)
        return 0
    from rich.console import Console
    from rich.table import Table

    # Into a file or a pipe nothing is shortened or wrapped to the width of a terminal that is not there.
    console = Console(width=None if sys.stdout.isatty() else 1000)
    for file, verdicts in found:
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


def _words(arguments: list[str]) -> tuple[list[str], bool]:
    files = [word for word in arguments if not word.startswith("--")]
    for word in arguments:
        if word.startswith("--") and word != "--json":
            raise OptionError(f"no option is named {word!r}", hint="there are --json and, for check, --original")
    if not files:
        raise OptionError("no object was named")
    return files, "--json" in arguments


def _print_json(found: list[tuple[str, tuple[SiteVerdict, ...]]]) -> None:
    import json

    objects = [{"file": file, "sites": [verdict.as_dict() for verdict in verdicts]} for file, verdicts in found]
    json.dump({"objects": objects}, sys.stdout, indent=1)
    print()
