"""call-ops: every function begins with an instruction that a running program can turn into a call of a tracer.

Before and after, with bytes (functions that were not aligned; ops-layout=array)::

    f:                                               .p2align 3,,4
    8d 47 01               leal 1(%rdi), %eax        f:
                                                     0f 1f 44 00 00         nopl 0(%rax,%rax)
                                                     8d 47 01               leal 1(%rdi), %eax

    g:                                               .p2align 3,,4
    55                     pushq %rbp                g:
                                                     2e 2e 2e 2e 55         cs; cs; cs; cs; pushq %rbp

A function that begins with the push of a register has no nop: the push itself is the site, as long as a call by
prefixes that say nothing to it, and the dispatcher does it after all else. So such a function runs no more instructions
than before.

The site stands before the first instruction, behind an `endbr64`, and inside one aligned word of 8 bytes whatever
`bundle` says: so one store turns it on and off, and no two functions share the word, which is their number. Where
ops-layout=literal, eight bytes of data stand right before the function; otherwise the runtime keeps them elsewhere
(docs/call-ops.md). A site clobbers nothing, and the CFA there is what it is on entry. This is what ftrace does with
DYNAMIC_FTRACE_WITH_CALL_OPS on arm64 and riscv (2023-24).

What the compiler left there for the same purpose becomes the site: the call of -pg -mfentry, and five nops of
-fpatchable-function-entry=N (its table goes on naming the first byte). A listing with such marks has sites in the
functions that are marked and in no others: so gcc's attribute `no_instrument_function` works with -pg -mfentry.
"""

from __future__ import annotations

import re

from asmrewrite.errors import OptionError
from asmrewrite.passes import Edit, Outcome, Site, Skip, Unit, matches
from asmrewrite.stubs import abi, shapes
from asmrewrite.syntax.operand import REGISTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.entries import Entry
    from asmrewrite.analysis.reasons import SkipReason
    from asmrewrite.analysis.sections import Section
    from asmrewrite.analysis.survey import Function
    from asmrewrite.options import Options

#: log2 of the word that a site lies in.
BLOCK = 3
#: Thunks and stubs, and what the headers of <asmrewrite/...> bring along.
_OWN = re.compile(
    r"__(?:relpoline|x86_indirect_thunk|x86_return_thunk|llvm_retpoline)|.*\.(?:relpoline|marker)\.\d+\Z|asmrewrite_"
)
_MARKS = ("__fentry__", "__patchable_function_entries")
_RESOLVER = re.compile(r"^[ \t]*\.type[ \t]+([\w.$]+)[ \t]*,[ \t]*[@%#]?gnu_indirect_function", re.MULTILINE)
_ALIAS = re.compile(r"^[ \t]*\.set[ \t]+([\w.$]+)[ \t]*,[ \t]*([\w.$]+)[ \t]*$", re.MULTILINE)


class CallOps:
    """The pass; see the module."""

    def watch(self, options: Options) -> tuple[str, ...]:
        """No symbol: functions are known by their labels."""
        return ()

    def run(self, unit: Unit) -> Outcome:
        """A site for every function that may have one, a skip for every other."""
        from asmrewrite.analysis.entries import entry
        from asmrewrite.analysis.reasons import SkipReason

        if unit.options.abi == "kernel":
            raise OptionError("the call-ops pass does not know abi=kernel: ftrace has its own")
        writer = _Writer(unit)
        skips: list[Skip] = []
        judge = _Judge(unit)
        for function in unit.survey.functions:
            reason = judge.objection(function)
            found = reason or entry(unit.survey, function, asm=unit.options.inline_asm)
            if not isinstance(found, SkipReason):
                found = judge.of_entry(found) or found
            if isinstance(found, SkipReason):
                line, column = unit.survey.listing.place(function.start)
                skips.append(Skip(found, function.name, line, column, f"{function.name}:"))
            else:
                writer.site(function, found)
        return Outcome(tuple(writer.edits), writer.appended(), tuple(writer.sites), tuple(skips))


class _Judge:
    """Why a function gets no site."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        text = unit.survey.listing.text
        self.marked = any(mark in text for mark in _MARKS)
        indirect = set(_RESOLVER.findall(text))
        self.resolvers = indirect | {label for alias, label in _ALIAS.findall(text) if alias in indirect}

    def objection(self, function: Function) -> SkipReason | None:
        """What stands against all of `function`, whatever it begins with."""
        from asmrewrite.analysis.reasons import SkipReason

        options, place, name = self.unit.options, function.place, function.name
        if place.trouble is not None:
            return place.trouble
        if not options.inline_asm:
            if place.asm:
                return SkipReason.INLINE_ASM
            if not self.unit.survey.compiled:
                return SkipReason.HAND_WRITTEN
        if _OWN.match(name) or name.startswith(options.static_call_prefix):
            return SkipReason.THUNK
        if ".cold" in name:
            return SkipReason.COLD_PART
        if name in self.resolvers:
            return SkipReason.RESOLVER
        section = place.section.name.strip('"') if place.section else ""
        if options.ops_sections and not matches(options.ops_sections, section):
            return SkipReason.SECTION_EXCLUDED
        return self.unit.excluded(name, "call-ops")

    def of_entry(self, found: Entry) -> SkipReason | None:
        """What stands against a site at this entry."""
        from asmrewrite.analysis.reasons import SkipReason

        if self.marked and found.kind in ("plain", "push"):
            return SkipReason.NOT_INSTRUMENTED
        if found.instructions < self.unit.options.ops_min_size:
            return SkipReason.TOO_SMALL
        # The literal would be run through, or named by the other label.
        if self.unit.options.ops_layout == "literal" and not found.alone:
            return SkipReason.ENTRY
        return None


class _Writer:
    """Edits and records of one listing."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.text = unit.survey.listing.text
        self.options = unit.options._replace(bundle=BLOCK)
        self.literal = unit.options.ops_layout == "literal"
        self.number = unit.first_label
        self.edits: list[Edit] = []
        self.sites: list[Site] = []
        self.records: dict[Section, tuple[str, list[str]]] = {}

    def site(self, function: Function, entry: Entry) -> None:
        """Make the entry of `function` a site."""
        section = function.section
        if section is None:
            raise AssertionError("a function in an unknown section has a reason to be skipped")
        labels = {kind: f"{shapes.LABEL_PREFIX}{kind}_{self.number}" for kind in ("ops", "entry", "cell")}
        self.number += 1
        self.edits.append(Edit(entry.start, entry.start, self._before(entry, labels["cell"]) + f"{labels['entry']}: "))
        form, register, instruction = "nop", abi.NO_REGISTER, _nop(function)
        if entry.kind == "push":
            form, register = "push", REGISTERS.index(entry.mark)
            padding = abi.FORM_SIZE[form] - (2 if register > 7 else 1)
            instruction = "; ".join([*["cs"] * padding, self.text[entry.place : entry.end]])
        made = shapes.aligned(instruction, labels["ops"], abi.FORM_SIZE[form], self.options)
        if entry.kind == "patchable":
            made += f"; .set {entry.mark}, {labels['ops']}-{abi.FORM_SIZE[form]}"
        if entry.kind == "fentry":
            made += f"\t# {_MARKS[0]}"  # so that a second rewriting knows what was marked
        if entry.kind != "plain":
            lost_lines = self.text.count("\n", entry.place, entry.end)
            self.edits.append(Edit(entry.place, entry.end, "\n" * lost_lines + "\t" * bool(lost_lines) + made))
        elif entry.endbr:
            self.edits.append(Edit(entry.place, entry.place, f"; {made}"))
        else:
            self.edits.append(Edit(entry.place, entry.place, f"{made}; "))
        _, records = self.records.setdefault(section, (labels["ops"], []))
        records.append(
            shapes.record(
                labels["ops"], abi.FORM_SIZE[form], f"{labels['entry']}-.", labels["cell"] if self.literal else "",
                pass_="call-ops", form=form, reg=register, chain=0, block=BLOCK, flags=0,
            )
        )  # fmt: skip
        line, column = self.unit.survey.listing.place(entry.start)
        self.sites.append(Site("call-ops", form, function.name, function.name, line, column))

    def _before(self, entry: Entry, cell: str) -> str:
        """What comes before the function: its literal, or what spares it padding behind its label.

        The first row of a function's line table is that of its first instruction, and debuggers look for it at the
        label. Behind `endbr64`, which has that row, padding does no harm.
        """
        if self.literal:
            alignment = max(entry.alignment, BLOCK)
            padding = (1 << alignment) - abi.SLOT_SIZE
            skip = f".skip {padding},0x90; " if padding else ""
            return f".p2align {alignment}; {skip}{cell}: .quad 0; "
        if entry.endbr or entry.alignment >= BLOCK or entry.alignment < 0:
            return ""
        return f".p2align {BLOCK},,{abi.FORM_SIZE['nop'] - 1}; "

    def appended(self) -> str:
        """The records, to stand at the end of the listing."""
        pieces: list[str] = []
        for section, (anchor, records) in self.records.items():
            where = shapes.linked_section(abi.SITES_SECTION, "a", anchor, section)
            pieces += [f"\t.pushsection\t{where}\n\t.balign\t4\n", *records, "\t.popsection\n"]
        return "".join(pieces)


def _nop(function: Function) -> str:
    if function.place.intel:
        percent = "%" if function.place.prefixed else ""
        return f"{{disp8}} nop\tDWORD PTR [{percent}rax+{percent}rax]"
    return "{disp8} nopl\t(%rax,%rax)"
