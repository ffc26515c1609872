"""How verdicts are told: as lines, as JSON, as SARIF; the same for both levels of verification."""

from __future__ import annotations

import sys
from typing import NamedTuple

from asmrewrite.verify.sites import SiteVerdict, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from asmrewrite.cli.sarif import Result
    from asmrewrite.verify.translation import SectionVerdict

#: What the rules of our SARIF results ask for.
RULES = {
    "site": "Every table entry is an instruction of its form, inside its block, and leads to its stub.",
    "translation": "Outside of the sites the object is what the original is.",
}
_LEVELS = {Verdict.FAIL: "error", Verdict.UNKNOWN: "warning"}


class Checked(NamedTuple):
    """What was found of a file; `sections` only of one that was compared with its original."""

    file: str
    sites: tuple[SiteVerdict, ...]
    sections: tuple[SectionVerdict, ...] = ()

    @property
    def bad(self) -> int:
        """How many verdicts are not PASS."""
        verdicts = [v.verdict for v in self.sites] + [v.verdict for v in self.sections]
        return sum(1 for verdict in verdicts if verdict is not Verdict.PASS)


def as_lines(found: list[Checked]) -> None:
    """A line for each verdict, to standard output."""
    for checked in found:
        sys.stdout.writelines(f"{verdict}\n" for verdict in checked.sites)
        for verdict in checked.sections:
            reason = f": {verdict.reason}" if verdict.reason else ""
            print(f"{checked.file}: {verdict.section}: {verdict.verdict.value}{reason}")


def as_json(found: list[Checked]) -> None:
    """All verdicts as JSON, to standard output."""
    import json

    objects = []
    for checked in found:
        entry: dict[str, Any] = {"file": checked.file, "sites": [verdict.as_dict() for verdict in checked.sites]}
        if checked.sections:
            entry["sections"] = [verdict.as_dict() for verdict in checked.sections]
        objects.append(entry)
    json.dump({"objects": objects}, sys.stdout, indent=1)
    print()


def as_sarif(found: list[Checked], file: str) -> None:
    """What is not PASS as SARIF, to `file` or with "-" to standard output."""
    import json

    from asmrewrite.cli.sarif import sarif

    text = json.dumps(sarif([result for checked in found for result in _results(checked)], RULES), indent=1) + "\n"
    if file == "-":
        sys.stdout.write(text)
        return
    with open(file, "w", encoding="utf-8") as output:
        output.write(text)


def _results(checked: Checked) -> list[Result]:
    from asmrewrite.cli.sarif import Result

    results = []
    for v in checked.sites:
        if v.verdict is not Verdict.PASS:
            where = (v.function, v.distance) if v.function else (v.section, v.offset)
            message = f"{v.pass_} {v.form} -> {v.target or '?'}: {v.reason}"
            results.append(Result("site", _LEVELS[v.verdict], message, checked.file, *where))
    for s in checked.sections:
        if s.verdict is not Verdict.PASS:
            function, _, offset = s.place.rpartition("+")
            where_ = (function, int(offset, 16)) if function else (s.section, None)
            results.append(Result("translation", _LEVELS[s.verdict], f"{s.section}: {s.reason}", checked.file, *where_))
    return results
