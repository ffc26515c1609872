"""Results as SARIF 2.1.0 (OASIS), the form in which code hosts and editors take the findings of a checker."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Result(NamedTuple):
    """One finding: its rule, its level ("error", "warning" or "note"), what is wrong, and where.

    `file` is the path of the object; `function` is the function and `offset` the distance from its start in bytes,
    or the section and None.
    """

    rule: str
    level: str
    message: str
    file: str
    function: str = ""
    offset: int | None = None


def sarif(results: Iterable[Result], rules: Mapping[str, str]) -> dict[str, Any]:
    """One run with these results; `rules` says in a sentence what each rule asks for."""
    from asmrewrite import __version__

    numbers = {rule: number for number, rule in enumerate(rules)}
    driver = {
        "name": "asmrewrite",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": text}} for rule, text in rules.items()],
    }
    found = [
        {
            "ruleId": result.rule,
            "ruleIndex": numbers[result.rule],
            "level": result.level,
            "message": {"text": result.message},
            "locations": [_location(result)],
        }
        for result in results
    ]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": found}]}


def _location(result: Result) -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(result.file)}}}
    if result.function:
        place = result.function if result.offset is None else f"{result.function}+{result.offset:#x}"
        kind = "section" if result.offset is None else "function"
        location["logicalLocations"] = [{"name": result.function, "fullyQualifiedName": place, "kind": kind}]
    return location


def _uri(path: str) -> str:
    """`path` as a URI reference: absolute paths as file URIs, others relative."""
    from urllib.parse import quote

    return f"file://{quote(path)}" if path.startswith("/") else quote(path.removeprefix("./"))
