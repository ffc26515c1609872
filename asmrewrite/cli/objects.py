"""`asmrewrite check` and `asmrewrite sites`: verdicts on, and lists of, the sites of objects and programs."""

from __future__ import annotations

import sys

from asmrewrite.errors import OptionError
from asmrewrite.verify.sites import SiteVerdict, Verdict, check


def check_main(arguments: list[str]) -> int:
    """A line for each site; status 0 when all pass."""
    files, json = _words(arguments)
    bad = total = 0
    found: list[tuple[str, tuple[SiteVerdict, ...]]] = []
    for file in files:
        verdicts = check(file)
        total += len(verdicts)
        bad += sum(1 for verdict in verdicts if verdict.verdict is not Verdict.PASS)
        found.append((file, verdicts))
        if not json:
            sys.stdout.writelines(f"{verdict}\n" for verdict in verdicts)
    if json:
        _print_json(found)
    else:
        print(f"{len(files)} files, {total} sites, {bad} not passed", file=sys.stderr)
    return 1 if bad else 0


def sites_main(arguments: list[str]) -> int:
    """The sites of each file, as a table or as JSON."""
    files, json = _words(arguments)
    found = [(file, check(file)) for file in files]
    if json:
        _print_json(found)
        return 0
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for file, verdicts in found:
        table = Table(title=f"{file}: {len(verdicts)} sites", title_justify="left")
        for column in ("place", "pass", "form", "target", "register", "chain", "slow path", "block", "verdict"):
            table.add_column(column)
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
            raise OptionError(f"no option is named {word!r}", hint="there is --json")
    if not files:
        raise OptionError("no object was named")
    return files, "--json" in arguments


def _print_json(found: list[tuple[str, tuple[SiteVerdict, ...]]]) -> None:
    import json

    objects = [{"file": file, "sites": [verdict.as_dict() for verdict in verdicts]} for file, verdicts in found]
    json.dump({"objects": objects}, sys.stdout, indent=1)
    print()
