"""`asmrewrite audit`: the indirect branches of objects and programs, and whether a policy allows them."""

from __future__ import annotations

import sys
from typing import NamedTuple

from asmrewrite.cli.report import say
from asmrewrite.errors import CheckError, OptionError
from asmrewrite.verify.audit import PROTECTIONS, Audited, audit_bytes, summary
from asmrewrite.verify.files import Found, named
from asmrewrite.verify.policy import ACCEPTED, Policy, Violation, judge, read_baseline, read_policy, written_baseline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asmrewrite.verify.audit import AuditedBranch

_SWITCHES = ("--json", "--returns")
_VALUED = ("--policy", "--baseline", "--write-baseline", "--sarif")
#: The rules of the SARIF output.
_RULES = {
    "unprotected-branch": "An indirect branch goes through a relpoline, a retpoline or behind an lfence.",
    "branch-not-allowed": "An indirect branch is protected, or the policy or the baseline allows it.",
}


class _Words(NamedTuple):
    """The command line."""

    files: list[str]
    switches: frozenset[str]
    values: dict[str, str]


def audit_main(arguments: list[str]) -> int:
    """0 when nothing is objected to, 1 when the policy or baseline does, 2 when a file could not be read."""
    words = _words(arguments)
    policy = read_policy(words.values["--policy"]) if "--policy" in words.values else Policy(ACCEPTED, ())
    baseline = read_baseline(words.values["--baseline"]) if "--baseline" in words.values else None
    files: list[Audited] = []
    errors: list[str] = []
    for path in words.files:
        for found in _read(path, "--returns" in words.switches):
            if isinstance(found, str):
                errors.append(found)
            else:
                files.append(found)
    written = words.values.get("--write-baseline")
    judged = written is not None or baseline is not None or "--policy" in words.values
    violations = judge(files, policy, baseline) if judged else []
    sarif = words.values.get("--sarif", "")
    if sarif:
        _write_sarif(sarif, files, violations if judged else None)
    if "--json" in words.switches:
        _print_json(files, violations, errors)
    elif sarif != "-":
        _print_tables(files)
    for error in errors:
        say(f"asmrewrite: error: {error}")
    if written is not None and not errors:
        with open(written, "w", encoding="utf-8") as file:
            file.write(written_baseline(violations))
        say(f"asmrewrite: {written}: {len(violations)} branches")
        return 0
    for violation in violations if "--json" not in words.switches else ():
        say(f"asmrewrite: not allowed: {violation}")
    return 2 if errors else 1 if violations else 0


def _read(path: str, returns: bool) -> Iterator[Audited | str]:
    """The files at `path`, and in words what cannot be read."""
    for found in named(path):
        try:
            if not isinstance(found, Found):
                raise found
            yield audit_bytes(found.data, found.name, path=found.path, returns=returns)
        except CheckError as error:
            yield str(error)
        except OSError as error:
            yield f"{error.filename or path}: {error.strerror}"


def _words(arguments: list[str]) -> _Words:
    files: list[str] = []
    switches: set[str] = set()
    values: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        key, equals, value = word.partition("=")
        if key in _VALUED:
            values[key] = value if equals else next(rest, "")
            if not values[key]:
                raise OptionError(f"{key} needs a file")
        elif word in _SWITCHES:
            switches.add(word)
        elif word.startswith("--"):
            hint = f"there are {', '.join(_SWITCHES + _VALUED)}"
            raise OptionError(f"no option is named {word!r}", hint=hint)
        else:
            files.append(word)
    if not files:
        raise OptionError("no object, program or folder was named")
    if values.get("--sarif") == "-" and "--json" in switches:
        raise OptionError("--json and --sarif - both want standard output", hint="give --sarif a file")
    if "--baseline" in values and "--write-baseline" in values:
        raise OptionError("--write-baseline makes a baseline anew; --baseline has no part in it")
    return _Words(files, frozenset(switches), values)


def _print_tables(files: Sequence[Audited]) -> None:
    """For each file the counts, then each branch that nothing protects."""
    from rich.console import Console
    from rich.table import Table

    # Into a file or a pipe nothing is shortened or wrapped to the width of a terminal that is not there.
    console = Console(width=None if sys.stdout.isatty() else 1000, highlight=False, markup=False)
    for file in files:
        counts = summary(file.branches)
        table = Table(title=f"{file.name}: {len(file.branches)} branches", title_justify="left")
        table.add_column("kind")
        for protection in PROTECTIONS:
            table.add_column(protection, justify="right")
        for kind, row in counts.items():
            table.add_row(kind, *(str(row[protection] or "") for protection in PROTECTIONS))
        if counts:
            console.print(table)
        else:
            console.print(f"{file.name}: no branches")
        for note in file.notes:
            console.print(f"note: {note}")
        unprotected = [branch for branch in file.branches if branch.unprotected]
        if unprotected:
            console.print(_listed(unprotected))
    total = sum(1 for file in files for branch in file.branches if branch.unprotected)
    console.print(f"{len(files)} files, {sum(len(file.branches) for file in files)} branches, {total} unprotected")


def _listed(branches: Sequence[AuditedBranch]) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="unprotected", title_justify="left")
    for column in ("place", "kind", "instruction", "why"):
        table.add_column(column, overflow="fold")
    for branch in branches:
        # As text: names of functions may hold what rich takes for markup.
        table.add_row(Text(branch.place), branch.kind, Text(branch.text), Text(branch.why))
    return table


def _write_sarif(path: str, files: Sequence[Audited], violations: Sequence[Violation] | None) -> None:
    """What is not allowed as errors; without policy and baseline what nothing protects as warnings."""
    import json

    from asmrewrite.cli.sarif import Result, sarif

    def result(rule: str, level: str, branch: AuditedBranch, reason: str) -> Result:
        message = f"{branch.place}: {branch.kind} `{branch.text}`: {reason}"
        at = (branch.function, branch.distance) if branch.function else (branch.section, None)
        return Result(rule, level, message, branch.file, *at)

    if violations is None:
        unprotected = (branch for file in files for branch in file.branches if branch.unprotected)
        found = [result("unprotected-branch", "warning", branch, branch.why) for branch in unprotected]
    else:
        found = [result("branch-not-allowed", "error", one.branch, one.reason) for one in violations]
    text = json.dumps(sarif(found, _RULES), indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _print_json(files: Sequence[Audited], violations: Sequence[Violation], errors: Sequence[str]) -> None:
    import json

    report = {
        "files": [
            {
                "file": file.name,
                "path": file.path,
                "notes": list(file.notes),
                "summary": summary(file.branches),
                "branches": [branch.as_dict() for branch in file.branches],
            }
            for file in files
        ],
        "violations": [violation.as_dict() for violation in violations],
        "errors": list(errors),
    }
    json.dump(report, sys.stdout, indent=1)
    print()
