"""The verdict on every debug section of two objects, under the map of offsets of their text.

Lines, then entries, then the lists that entries name, then ranges of addresses; whatever else there is must be equal
(strings, abbreviations, macros, indexes, names). Last, all relocations, when it is known what became of each section's
offsets.
"""

from __future__ import annotations

from asmrewrite.errors import CheckError
from asmrewrite.verify.debug.aranges import compare_aranges
from asmrewrite.verify.debug.context import Debug
from asmrewrite.verify.debug.entries import Entries
from asmrewrite.verify.debug.lists import Form, Lists
from asmrewrite.verify.debug.producer import made_by_assembler
from asmrewrite.verify.debug.relocations import relocations_problem
from asmrewrite.verify.debug.rows import compare_lines
from asmrewrite.verify.sites import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asmrewrite.verify.compare.comparison import Comparison

_PREFIX = (".debug_", ".zdebug_")
_ENTRIES = (".debug_info", ".debug_types", ".debug_info.dwo", ".debug_types.dwo")
_LINES = (".debug_line", ".debug_line.dwo")
_FORMS = {
    ".debug_loclists": Form(5, True), ".debug_loclists.dwo": Form(5, True), ".debug_loc": Form(4, True),
    ".debug_loc.dwo": Form(0, True), ".debug_rnglists": Form(5, False), ".debug_rnglists.dwo": Form(5, False),
    ".debug_ranges": Form(4, False),
}  # fmt: skip
#: What is wrong, "" when nothing is, and the verdict if something is.
Finding = tuple[str, Verdict]


def is_debug(name: str) -> bool:
    """Whether a section is this module's."""
    return name.startswith(_PREFIX) and name != ".debug_frame"


class Proof:
    """The findings, by the number of the original's section."""

    def __init__(self, both: Comparison) -> None:
        self.both, self.debug = both, Debug(both)
        self.findings: dict[int, Finding] = {}

    def run(self) -> dict[int, Finding]:
        """Compare all debug sections."""
        debug, entries = self.debug, Entries(self.debug)
        pairs = [(o, n) for o, n in self.both.pairs.items() if is_debug(self.both.old.sections[o].name)]
        if any(walked.differences for walked in self.both.walked.values()):
            return {old: ("it is about text that is not what it was", Verdict.UNKNOWN) for old, _ in pairs}
        entries.find_addresses()
        self._each(_LINES, lambda pair: compare_lines(debug, pair))
        self._each(_ENTRIES[:2], entries.compare)
        self._each(_ENTRIES[2:], entries.compare)  # what these count from is said by those
        self._each(_FORMS, lambda pair: self._lists(pair, entries))
        self._each((".debug_aranges",), lambda pair: compare_aranges(debug, pair))
        for pair in pairs:
            name = self.both.old.sections[pair[0]].name
            if pair[0] not in self.findings:
                self._note(pair, self._bytes)
            if name not in _LINES and not self.findings[pair[0]][0]:
                self._note(pair, lambda pair: relocations_problem(self.both, pair))
        for section, before, after in entries.references:
            if not self.both.leads(section, before, after):
                self.findings[section] = (f"what led to {before:#x} leads to {after:#x}", Verdict.FAIL)
        self._excuse_stubs([old for old, _ in pairs if self.both.old.sections[old].name not in _LINES])
        return self.findings

    def _excuse_stubs(self, sections: list[int]) -> None:
        """The assembler has entries for all functions, and so for stubs: where it differs, nothing is known."""
        bad = [number for number in sections if self.findings[number][0]]
        if bad and made_by_assembler(self.debug.old) and made_by_assembler(self.debug.new):
            for number in bad:
                problem = f"{self.findings[number][0]}: the assembler's own (as -g), which is about the stubs too"
                self.findings[number] = (problem, Verdict.UNKNOWN)

    def _bytes(self, pair: tuple[int, int]) -> str:
        if self.debug.old.contents(pair[0]) == self.debug.new.contents(pair[1]):
            return ""
        if self.both.old.sections[pair[0]].name.startswith(".zdebug_"):
            raise CheckError("it is compressed in the old way of GNU, and changed")
        return "its bytes changed"

    def _lists(self, pair: tuple[int, int], entries: Entries) -> str:
        name = self.both.old.sections[pair[0]].name
        lists = Lists(self.debug, pair, _FORMS[name], entries.addresses, entries.unit_bases)
        self.both.moved[pair[0]] = lists.offsets
        return lists.compare(entries.lists.get(pair[0], {}))

    def _each(self, names: Iterable[str], compare: Callable[[tuple[int, int]], str]) -> None:
        for pair in self.debug.named(*names):
            self._note(pair, compare)

    def _note(self, pair: tuple[int, int], compare: Callable[[tuple[int, int]], str]) -> None:
        try:
            self.findings[pair[0]] = (compare(pair), Verdict.FAIL)
        except CheckError as error:
            self.findings[pair[0]] = (error.message, Verdict.UNKNOWN)
