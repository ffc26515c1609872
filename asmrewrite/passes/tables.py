"""abi=kernel: the tables of patchable places that objtool would make, emitted from the text.

Every direct branch to a trampoline, a thunk or `__fentry__` gets a label in front of it, and the table an entry::

    jmp __x86_return_thunk          .Lasmrewrite_at_7: jmp __x86_return_thunk
                                    ...
                                    .pushsection .return_sites, "a", @progbits
                                    .long .Lasmrewrite_at_7-.

A label puts no byte into its section, so what a pass must leave alone still has its entry. In the body of a macro, and
where a condition decides, the entry stands beside its branch, with a numeric label, so that there are as many as the
assembler makes branches. The kernel and objtool take a table that is there for the whole of it: all entries are
emitted, or none and the reason is on record. Nothing is emitted for what is copied elsewhere before it runs
(.altinstr_replacement), and a table that the listing has already is left as it is (gcc -mrecord-mcount).
"""

from __future__ import annotations

import re
from functools import cached_property

from asmrewrite.analysis.reasons import SkipReason
from asmrewrite.passes import Edit, Outcome, Skip
from asmrewrite.passes.static_call import key_of
from asmrewrite.stubs import abi, kernel
from asmrewrite.stubs.shapes import LABEL_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.branches import Branch
    from asmrewrite.options import Options
    from asmrewrite.passes import Moved, Unit

#: Where the text does not say how often the branch is made.
_REPEATED = frozenset({SkipReason.MACRO, SkipReason.MACRO_EFFECTS, SkipReason.CONDITIONAL})
#: What leaves in doubt whether gas reads the branch, and as what; a label in bundle mode would name padding.
_UNREADABLE = frozenset({
    SkipReason.GLUED_COMMENT, SkipReason.RAW_LISTING, SkipReason.END_DIRECTIVE, SkipReason.REGISTER_ALIAS,
    SkipReason.BUNDLED, SkipReason.CODE_SIZE,
})  # fmt: skip
_WORD = re.compile(r"(?<![\w.$])(?:call|jmp|j[a-z]{1,3})q?[ \t]", re.IGNORECASE)
_STRINGS = re.compile(r"\s*\.(?:asci[iz]|string|quad|long|ident|file)\b")
_SECTION = re.compile(r'section[ \t]+"?([^\s",;#]+)')
_NAME = re.compile(r"[\w.$\x80-\xff]+\Z", re.ASCII)
_LABEL = f"{LABEL_PREFIX}at_"
#: A numeric label that nobody else uses; it may be given again and again.
_NUMERIC = 7360001


def watch(options: Options) -> tuple[str, ...]:
    """The symbol prefixes that the tables of `options` are about."""
    return tuple(prefix for table in options.tables for prefix in _prefixes(table, options))


def emit(unit: Unit, moved: tuple[Moved, ...]) -> Outcome:
    """The tables of `unit`, whose branches `moved` were edited by its passes."""
    there = {section.name.strip('"') for _, section in unit.survey.sections if section}
    # In a macro's body it is not followed.
    text = unit.survey.listing.text
    there |= {t.section for t in kernel.TABLES.values() if t.section in text and _goes_to(text, t.section)}
    wanted = [t for t in unit.options.tables if kernel.TABLES[t].section not in there]
    return _Emitter(unit, {m.start: m for m in moved}).run(wanted, [m for m in moved if m.start < 0])


def _goes_to(text: str, section: str) -> bool:
    return re.search(rf'section[ \t]+"?{re.escape(section)}(?![\w.$])', text) is not None


def _prefixes(table: str, options: Options) -> tuple[str, ...]:
    return options.static_call_prefix if table == "static-call" else kernel.SYMBOLS[table]


class _Emitter:
    """Labels and entries of one listing."""

    def __init__(self, unit: Unit, moved: dict[int, Moved]) -> None:
        self.unit, self.moved = unit, moved
        self.text = unit.survey.listing.text
        self.number = unit.first_label
        self.edits: list[Edit] = []
        self.skips: list[Skip] = []
        self.entries: dict[str, list[str]] = {}
        self._keys: dict[str, str] = {}

    @cached_property
    def _sections(self) -> frozenset[str]:
        """The names of all sections, those of macros too."""
        return frozenset(_SECTION.findall(self.text))

    def run(self, tables: list[str], added: list[Moved]) -> Outcome:
        found: dict[str, list[Branch]] = {table: [] for table in tables}
        known: set[int] = set()
        for branch in self.unit.branches:
            table = self._table(branch)
            known.add(branch.start)
            if table in found:
                found[table].append(branch)
        hidden = self._hidden(known)
        for table, branches in found.items():
            doubt = hidden.get(table) or next((d for b in branches if (d := self._doubt(b))), None)
            if doubt is not None:
                self.skips.append(doubt)
                continue
            self.entries[table] = []
            for branch in branches:
                self._entry(table, branch)
            self.entries[table] += [kernel.entry(table, m.site) for m in added if m.table == table]
        appended = "".join(kernel.section(kernel.TABLES[t], entries) for t, entries in self.entries.items() if entries)
        return Outcome(tuple(self.edits), appended, (), tuple(self.skips))

    def _table(self, branch: Branch) -> str:
        """The table that lists `branch`; "" for none."""
        if branch.thunk:
            return "retpoline" if branch.thunk.startswith(kernel.SYMBOLS["retpoline"]) else ""
        symbol = branch.operand.symbol
        if not symbol:
            # The operand of a branch in a macro's body: `__x86_indirect_thunk_\reg`.
            return self._mentioned(self.text[branch.start : branch.end])
        if branch.operand.kind != "symbol" and branch.role != "direct":
            return ""
        if symbol.startswith(kernel.SYMBOLS["retpoline"]):
            return "retpoline"  # by a conditional jump
        if symbol == kernel.RETURN_THUNK and branch.form != "call":
            return "return"
        if symbol == kernel.HOOK and branch.form == "call":
            return "mcount"
        return "static-call" if symbol.startswith(self.unit.options.static_call_prefix) else ""

    def _mentioned(self, text: str) -> str:
        for table in self.unit.options.tables:
            if any(prefix in text for prefix in _prefixes(table, self.unit.options)):
                return table
        return ""

    def _doubt(self, branch: Branch) -> Skip | None:
        """Why it is not certain how many entries `branch` needs; None when it is."""
        place = branch.place
        trouble = place.trouble
        if trouble in _UNREADABLE:
            return self.unit.skipped(branch, trouble)
        # `call __SCT__x'1` is a call of another symbol. What a macro's arguments make is none, or is looked at there.
        named = branch.thunk or branch.operand.symbol or "\\" in self.text[branch.start : branch.end]
        if not named:
            return self.unit.skipped(branch, SkipReason.UNKNOWN_OPERAND)
        if branch.skip in (SkipReason.OPERAND, SkipReason.FAR, SkipReason.SECTION_NAME):
            return self.unit.skipped(branch, branch.skip)
        if trouble is not None and not _NAME.match(branch.operand.symbol or "x"):
            return self.unit.skipped(branch, SkipReason.UNKNOWN_OPERAND)
        if trouble is not None and (branch.thunk or branch.operand.symbol) in self._sections:
            return self.unit.skipped(branch, SkipReason.SECTION_NAME)
        astray = self.unit.survey.stray or (trouble is SkipReason.PREFIX and self._untold)
        if astray or not {"cs", "{disp32}"}.issuperset(branch.prefixes):
            return self.unit.skipped(branch, SkipReason.PREFIX)
        if place.section is None and trouble not in _REPEATED:
            return self.unit.skipped(branch, SkipReason.UNKNOWN_SECTION)
        return None

    @cached_property
    def _untold(self) -> bool:
        """Whether all branches are in doubt for a prefix, so that those in macros or conditions are not told apart."""
        kinds = {kind for kind, _, _ in self.unit.survey.listing.tokens}
        doubted = all(branch.place.trouble is SkipReason.PREFIX for branch in self.unit.branches)
        return doubted and not kinds.isdisjoint({"MACRO", "CONDITION"})

    def _entry(self, table: str, branch: Branch) -> None:
        section, start = branch.place.section, branch.start
        repeated = branch.place.trouble in _REPEATED
        # In a macro's body the section is that of the definition, not of its use.
        told = branch.place.trouble not in (SkipReason.MACRO, SkipReason.MACRO_EFFECTS)
        if told and section and (section.name.startswith(kernel.TEMPLATES) or "x" not in section.flags):
            return
        moved = self.moved.get(start)
        if (moved is not None and not moved.site) or (moved is None and branch.operand.kind == "memory"):
            return  # gone, or still a call through the GOT
        key, flags = "", 0
        if table == "static-call":
            key = self._key(branch.operand.symbol)
            flags = 0 if branch.form == "call" else abi.KERNEL_TAIL
        if repeated:
            if self.text.endswith(f"{_NUMERIC}: ", 0, start):
                return  # by an earlier rewriting
            made = kernel.entry(table, f"{_NUMERIC}b", key, flags).strip().replace("\n\t", "; ")
            where = kernel.TABLES[table]
            there = f'{where.section}, "{where.flags}", @progbits; .balign {where.align}'
            self.edits.append(Edit(start, start, f"{_NUMERIC}: "))
            self.edits.append(Edit(branch.end, branch.end, f"; .pushsection {there}; {made}; .popsection"))
            return
        site = moved.site if moved else f"{_LABEL}{self.number}"
        if moved is None:
            self.edits.append(Edit(start, start, f"{site}: "))
            self.number += 1
        self.entries[table].append(kernel.entry(table, site, key, flags))

    def _hidden(self, known: set[int]) -> dict[str, Skip]:
        """Tables of which a branch may be in the arguments of a macro or in a string, by table."""
        found: dict[str, Skip] = {}
        for spot in self.unit.survey.spots:
            if spot.kind != "WATCHED":
                continue
            text = self.text[spot.start : spot.end]
            start = spot.start + len(text) - len(text.lstrip(" \t\f\r"))
            if start in known or not _WORD.search(text) or _STRINGS.match(text):
                continue
            table = self._mentioned(text)
            if table and not any(start <= other < spot.end for other in known):
                line, column = self.unit.survey.listing.place(start)
                words = " ".join(text.split())
                found.setdefault(table, Skip(SkipReason.MACRO, spot.place.function, line, column, words))
        return found

    def _key(self, symbol: str) -> str:
        if symbol not in self._keys:
            self._keys[symbol] = key_of(symbol, self.text)
        return self._keys[symbol]
