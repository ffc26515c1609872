"""static-call: a direct call whose target will be patched stays inside one block, and a table names it.

Before and after, with bytes (bundle 3; the offset was 5)::

    e8 rel32               call __SCT__event

    90 90 90               (padding by .bundle_align_mode 3)
    e8 rel32               call __SCT__event         # inside one aligned 8-byte word
                           .bundle_align_mode 0

`call`, `jmp` and conditional jumps to a trampoline are sites, in compiled code and inline assembly alike: a site
clobbers nothing. A call through the GOT (-fno-plt) becomes the direct call that it stands for. Proposed for the
kernel by Poimboeuf (2018-19); the tables, that objtool makes there, are emitted here from the text.

abi=user: records of asmrewrite/stubs/abi.py. abi=kernel: ``.static_call_sites``, by asmrewrite/passes/tables.py. The
key of `__SCT__x` is `__SCK__x` where that name occurs in the listing and the trampoline itself elsewhere, as objtool
has it.
"""

from __future__ import annotations

import re

from asmrewrite.passes import Edit, Moved, Outcome, Site, Skip, Unit
from asmrewrite.stubs import abi, shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.branches import Branch
    from asmrewrite.analysis.reasons import SkipReason
    from asmrewrite.analysis.sections import Section
    from asmrewrite.options import Options

#: What a trampoline's prefix turns into for its key; other prefixes have no key.
KEYS = {"__SCT__": "__SCK__"}
#: The label behind each site, less its number.
_LABEL = f"{shapes.LABEL_PREFIX}static_"


class StaticCall:
    """The pass; see the module."""

    def watch(self, options: Options) -> tuple[str, ...]:
        """The trampolines' prefixes."""
        return options.static_call_prefix

    def run(self, unit: Unit) -> Outcome:
        """A site for every direct branch to a trampoline."""
        writer = _Writer(unit)
        prefixes = unit.options.static_call_prefix
        skips: list[Skip] = []
        for branch in unit.branches:
            if branch.role == "direct" and branch.operand.symbol.startswith(prefixes):
                reason = branch.skip or self._done(unit, branch) or unit.opted_out(branch, "static-call")
                if reason is None:
                    writer.site(branch)
                else:
                    skips.append(unit.skipped(branch, reason))
        return Outcome(
            tuple(writer.edits), writer.appended(), tuple(writer.sites), tuple(skips), (), tuple(writer.moved)
        )

    def _done(self, unit: Unit, branch: Branch) -> SkipReason | None:
        """Whether an earlier rewriting made `branch` a site; with align=p2align only its label tells.

        The stubs of a function that is a trampoline itself have names that begin as a trampoline's do.
        """
        if not unit.first_label or not unit.survey.listing.text.startswith(f"; {shapes.LABEL_PREFIX}", branch.end):
            return None
        from asmrewrite.analysis.reasons import SkipReason

        return SkipReason.BUNDLED


class _Writer:
    """Edits and records of one listing."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.text = unit.survey.listing.text
        self.number = unit.first_label
        self.edits: list[Edit] = []
        self.sites: list[Site] = []
        self.records: dict[Section, tuple[str, list[str]]] = {}
        self.moved: list[Moved] = []
        self._keys: dict[str, str] = {}
        self._defined: dict[str, bool] = {}

    def site(self, branch: Branch) -> None:
        """Make `branch` a site."""
        section = branch.place.section
        if section is None:
            raise AssertionError("a branch in an unknown section has a reason to be skipped")
        options, symbol = self.unit.options, branch.operand.symbol
        form = branch.form if branch.form in ("call", "jmp") else "jcc"
        size = abi.FORM_SIZE[form]
        end_label = f"{_LABEL}{self.number}"
        self.number += 1
        target = branch.operand.text
        if branch.operand.kind == "memory":
            target = f"{symbol}@PLT"
        # A jump to a symbol of this file could be shortened to two bytes.
        wide = "{disp32} " if form != "call" and self._is_defined(symbol) else ""
        instruction = f"{wide}{branch.form}\t{target}"
        made = shapes.aligned(instruction, end_label, size, options)
        lost_lines = self.text.count("\n", branch.start, branch.end) - made.count("\n")
        self.edits.append(Edit(branch.start, branch.end, "\n" * lost_lines + made))
        if options.abi == "kernel":
            self.moved.append(Moved(branch.start, f"{end_label}-{size}"))
        else:
            _, records = self.records.setdefault(section, (end_label, []))
            records.append(self._record(branch, form, end_label, size))
        self.sites.append(Site("static-call", form, branch.place.function, symbol, *self.unit.place(branch)))

    def appended(self) -> str:
        """The tables, to stand at the end of the listing."""
        pieces: list[str] = []
        for section, (anchor, records) in self.records.items():
            where = shapes.linked_section(abi.SITES_SECTION, "a", anchor, section)
            pieces += [f"\t.pushsection\t{where}\n\t.balign\t4\n", *records, "\t.popsection\n"]
        return "".join(pieces)

    def _record(self, branch: Branch, form: str, end_label: str, size: int) -> str:
        symbol = branch.operand.symbol
        key = self._key(symbol)
        return shapes.record(
            end_label, size, f"{key}@GOTPCREL", "", pass_="static-call", form=form, reg=abi.NO_REGISTER, chain=0,
            block=self.unit.options.block, flags=abi.FLAG_KEY_IS_TRAMPOLINE if key == symbol else 0,
        )  # fmt: skip

    def _key(self, symbol: str) -> str:
        if symbol not in self._keys:
            self._keys[symbol] = key_of(symbol, self.text)
        return self._keys[symbol]

    def _is_defined(self, symbol: str) -> bool:
        if symbol not in self._defined:
            name = rf'"?{re.escape(symbol)}"?'
            pattern = rf"(?<![\w.$]){name}\s*[:=]|\.(?:set|equ|eqv|equiv)\s+{name}\s*,"
            # The word is looked for first: what a kernel's file calls it seldom defines.
            near = re.compile(rf'{re.escape(symbol)}"?(?:\s*[:=]|\s*,)')
            found = near.search(self.text) and re.search(pattern, self.text, re.IGNORECASE)
            self._defined[symbol] = bool(found)
        return self._defined[symbol]


def key_of(symbol: str, text: str) -> str:
    """The key of the trampoline `symbol`: `__SCK__x` where `text` has that name, else the trampoline."""
    for prefix, key_prefix in KEYS.items():
        if symbol.startswith(prefix):
            key = key_prefix + symbol[len(prefix) :]
            if _occurs(key, text):
                return key
    return symbol


def _occurs(name: str, text: str) -> bool:
    """Whether `name` is in `text` as a name of its own; a regular expression would take ten times as long."""
    position = text.find(name)
    while position >= 0:
        around = text[max(position - 1, 0) : position] + text[position + len(name) : position + len(name) + 1]
        if not any(c.isalnum() or c in "_.$" for c in around):
            return True
        position = text.find(name, position + 1)
    return False
