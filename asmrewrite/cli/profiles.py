"""`asmrewrite profile show|merge|diff FILE...`: what programs called."""

from __future__ import annotations

import sys

from asmrewrite.errors import OptionError
from asmrewrite.profile import Profile, diff, merge, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rich.console import Console
    from rich.table import Table


def profile_main(arguments: list[str]) -> int:
    """Show one profile (several are added up), add up several, or compare two."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    commands = {"show": _show, "merge": _merge, "diff": _diff}
    if command not in commands:
        raise OptionError("as in: asmrewrite profile show|merge|diff FILE...")
    return commands[command](rest)


def _show(arguments: list[str]) -> int:
    files, json = _words(arguments)
    profile = merge(map(read, files))
    if json:
        _print_json({"sites": [_site(profile, place) for place in sorted(profile)]})
        return 0
    table = _table("site", "calls", "target", "calls", "share")
    for place in sorted(profile, key=lambda place: (-profile[place].total, place)):
        calls = profile[place]
        rows = [(str(target), count) for target, count in calls.ranked()]
        rows += [("others", calls.others)] if calls.others else []
        for number, (target, count) in enumerate(rows):
            first = (str(place), str(calls.total)) if not number else ("", "")
            table.add_row(*first, target, str(count), _share(count / (calls.total or 1)))
    _console().print(table)
    return 0


def _merge(arguments: list[str]) -> int:
    """To standard output, or with -o to a file."""
    output = ""
    if "-o" in arguments:
        place = arguments.index("-o")
        output = arguments[place + 1] if place + 1 < len(arguments) else ""
        if not output:
            raise OptionError("-o needs a file")
        arguments = [*arguments[:place], *arguments[place + 2 :]]
    files, json = _words(arguments)
    if json:
        raise OptionError("a merged profile is a profile", hint="asmrewrite profile show --json FILE...")
    content = write(merge(map(read, files))).encode("utf-8", "surrogateescape")
    from asmrewrite.toolchain.output import print_all, publish

    if output:
        publish(output, content)
    else:
        print_all(content)
    return 0


def _diff(arguments: list[str]) -> int:
    files, json = _words(arguments)
    if len(files) != 2:
        raise OptionError("two profiles are compared", hint="asmrewrite profile diff BEFORE AFTER")
    found = diff(read(files[0]), read(files[1]))
    if json:
        rows = [
            {"site": d.place._asdict(), "target": d.target._asdict(), "before": d.before, "after": d.after}
            for d in found
        ]
        _print_json({"differences": rows})
        return 0
    table = _table("site", "target", "before", "after")
    for difference in found:
        table.add_row(
            str(difference.place), str(difference.target), _share(difference.before), _share(difference.after)
        )
    _console().print(table)
    return 0


def _words(arguments: list[str]) -> tuple[list[str], bool]:
    files = [word for word in arguments if not word.startswith("-")]
    for word in arguments:
        if word.startswith("-") and word != "--json":
            raise OptionError(f"no option is named {word!r}", hint="there is --json, and -o FILE for merge")
    if not files:
        raise OptionError("no profile was named")
    return files, "--json" in arguments


def _site(profile: Profile, place: Any) -> dict[str, Any]:
    calls = profile[place]
    targets = [{**target._asdict(), "calls": count} for target, count in calls.ranked()]
    return {**place._asdict(), "calls": calls.total, "targets": targets, "others": calls.others}


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _print_json(value: Any) -> None:
    import json

    json.dump(value, sys.stdout, indent=1)
    print()


def _console() -> Console:
    from rich.console import Console

    # Into a file or a pipe nothing is shortened or wrapped to the width of a terminal that is not there.
    return Console(width=None if sys.stdout.isatty() else 1000, highlight=False, markup=False)


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table()
    for column in columns:
        number = column in ("calls", "share", "before", "after")
        table.add_column(column, overflow="fold", justify="right" if number else "left")
    return table
