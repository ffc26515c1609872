"""relpoline: every indirect call and tail call becomes a direct call to a stub that compares, then falls back.

Before and after, with bytes (chain of one, retpoline, bundle 3)::

    ff 50 08               call *8(%rax)

    4c 8b 58 08            movq 8(%rax), %r11        # memory operands only; %r11 is free at a call (psABI 3.2.1)
    e8 rel32               call f.relpoline.0        # inside one aligned 8-byte word

    f.relpoline.0:                                   # in subsection SUBSECTION of the same section
    4c 3b 1d rel32         cmpq slots(%rip), %r11
    0f 84 rel32            je   __relpoline_retpoline_r11
    e9 rel32               jmp  __relpoline_retpoline_r11

The return address is the original one, so unwinding, exception tables and tail calls hold. Constraints: a stub
clobbers flags, a memory operand `%r11` too; both are dead at every call that a compiler emits. A jump that may
stay in its function (jump table, computed goto) is never touched. The shape is that of Amit's relpolines (2018;
JumpSwitches, USENIX ATC 2019) with the comparison moved out of line, so that a site is one patchable call.

`call/jmp __x86_indirect_thunk_REG` (gcc, the kernel) and `__llvm_retpoline_REG` (clang) become sites whose slow path
is that thunk. With abi=kernel nothing else does, and other stubs are made: asmrewrite/passes/kernel_relpoline.py.
"""

from __future__ import annotations

from asmrewrite.analysis.properties import shadow_stack
from asmrewrite.errors import OptionError, UnsoundError
from asmrewrite.passes import Edit, Outcome, Site, Skip, Unit
from asmrewrite.stubs import abi, shapes
from asmrewrite.syntax.operand import REGISTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.branches import Branch
    from asmrewrite.analysis.reasons import SkipReason
    from asmrewrite.analysis.sections import Section
    from asmrewrite.options import Options
    from asmrewrite.passes.kernel_relpoline import Writer as KernelWriter
    from asmrewrite.passes.training import Training

#: The subsection that stubs go to; gas allows up to 8192, compilers use 0 and hand-written code small numbers.
SUBSECTION = 8000
#: The register that carries the target of a memory operand.
CARRIER = "r11"


class Relpoline:
    """The pass; see the module."""

    def watch(self, options: Options) -> tuple[str, ...]:
        """The compilers' retpoline thunks."""
        return ("__x86_indirect_thunk", "__llvm_retpoline_")

    def run(self, unit: Unit) -> Outcome:
        """A site for every indirect branch that may be one, a skip for every other."""
        writer: _Writer | KernelWriter
        if unit.options.abi == "kernel":
            from asmrewrite.passes.kernel_relpoline import Writer as KernelWriter

            writer = KernelWriter(unit)
        elif unit.options.slow == "record":
            raise OptionError("slow=record is for abi=kernel")
        else:
            writer = _Writer(unit)
        skips: list[Skip] = []
        for branch in unit.branches:
            if branch.indirect:
                reason = self._objection(unit, branch) or writer.objection(branch)
                if reason is None:
                    writer.site(branch)
                else:
                    skips.append(unit.skipped(branch, reason))
        return writer.outcome(skips)

    def _objection(self, unit: Unit, branch: Branch) -> SkipReason | None:
        from asmrewrite.analysis.reasons import SkipReason

        if branch.skip is not None:
            return branch.skip
        if not unit.options.inline_asm:
            if branch.place.asm:
                return SkipReason.INLINE_ASM
            if not unit.survey.compiled:
                return SkipReason.HAND_WRITTEN
        return unit.opted_out(branch, "relpoline")


class _Writer:
    """Edits, stubs and records of one listing."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.options = unit.options
        self.cfi = unit.survey.has_cfi
        self.number = unit.first_label
        self.edits: list[Edit] = []
        self.sites: list[Site] = []
        self.thunks: dict[tuple[str, bool], str] = {}
        self.shadow_stack = shadow_stack(unit.survey)
        # Section -> its first site's label, stubs, slots, records.
        self.sections: dict[Section, tuple[str, list[str], list[str], list[str]]] = {}
        self.training: Training | None = None
        if unit.options.profile:
            from asmrewrite.passes.training import Training

            self.training = Training(unit)

    def site(self, branch: Branch) -> None:
        """Make `branch` a site."""
        options, place = self.options, branch.place
        section = place.section
        if section is None:
            raise AssertionError("a branch in an unknown section has a reason to be skipped")
        number, self.number = self.number, self.number + 1
        end_label = f"{shapes.LABEL_PREFIX}site_{number}"
        slots = f"{shapes.LABEL_PREFIX}slots_{number}"
        name = f"{shapes.plain_name(place.function)}.relpoline.{number}"
        register = branch.operand.register or CARRIER
        slow, flags = self._slow(branch, register)
        jump = "call" if branch.form == "call" else "{disp32} jmp"
        lines = self._load(branch) + shapes.aligned(f"{jump}\t{name}", end_label, 5, options)
        lost_lines = self.unit.survey.listing.text.count("\n", branch.start, branch.end) - lines.count("\n")
        self.edits.append(Edit(branch.start, branch.end, "\n" * lost_lines + lines))
        _, stubs, slot_lines, records = self.sections.setdefault(section, (end_label, [], [], []))
        targets = self.training.targets(place.function, section) if self.training else ()
        stubs.append(shapes.stub(name, register, slots, options.targets, slow, self.cfi, targets))
        slot_lines.append(shapes.slots(slots, options.targets, targets))
        records.append(
            shapes.record(
                end_label,
                5,
                f"{name}-.",
                slots,
                pass_="relpoline",
                form=branch.form,
                block=options.block,
                reg=REGISTERS.index(register),
                chain=options.targets,
                flags=flags,
            )
        )
        self.sites.append(Site("relpoline", branch.form, place.function, name, *self.unit.place(branch)))

    def objection(self, branch: Branch) -> SkipReason | None:
        """What stands against a site with this ABI alone: nothing."""
        return None

    def outcome(self, skips: list[Skip]) -> Outcome:
        """All of it."""
        return Outcome(tuple(self.edits), self._appended(), tuple(self.sites), tuple(skips), self._notes())

    def _appended(self) -> str:
        """Stubs, slots, records and thunks, to stand at the end of the listing."""
        pieces: list[str] = []
        for section, (anchor, stubs, slots, records) in self.sections.items():
            slot_section = shapes.linked_section(abi.SLOTS_SECTION, "aw", anchor, section)
            site_section = shapes.linked_section(abi.SITES_SECTION, "a", anchor, section)
            pieces += [f"\t.pushsection\t{section.reference(SUBSECTION)}\n", *stubs, "\t.popsection\n"]
            pieces += [f"\t.pushsection\t{slot_section}\n\t.balign\t{abi.SLOT_SIZE}\n", *slots, "\t.popsection\n"]
            pieces += [f"\t.pushsection\t{site_section}\n\t.balign\t4\n", *records, "\t.popsection\n"]
        if self.training:
            pieces.append(self.training.appended())
        return "".join(pieces + [self.thunks[key] for key in sorted(self.thunks)])

    def _notes(self) -> tuple[tuple[str, int], ...]:
        """What the profile did, for the statistics."""
        return self.training.finish() if self.training else ()

    def _load(self, branch: Branch) -> str:
        """The instruction that brings a memory operand's target to the carrier; nothing for a register."""
        if branch.operand.kind != "memory":
            return ""
        carrier = f"{'%' if branch.place.prefixed else ''}{CARRIER}"
        if branch.place.intel:
            return f"mov\t{carrier}, {branch.operand.text}; "
        return f"movq\t{branch.operand.text}, {carrier}; "

    def _slow(self, branch: Branch, register: str) -> tuple[str, int]:
        """The symbol of the slow path and the record's flags."""
        if branch.thunk:
            return branch.thunk, abi.SLOW_PATHS["external"]
        slow = self.options.slow
        notrack = "notrack" in branch.prefixes
        if slow == "retpoline" and self.shadow_stack:
            raise UnsoundError(
                "the object is marked for shadow stacks (-fcf-protection), where a retpoline's return faults",
                file=self.unit.survey.listing.file,
                hint="use slow=lfence or slow=plain, or compile with -fcf-protection=none or =branch",
            )
        # A retpoline ends in a return, so that with and without `notrack` it is one.
        key = register, notrack and slow != "retpoline"
        self.thunks.setdefault(key, shapes.thunk(slow, register, notrack, self.cfi))
        return shapes.thunk_name(slow, register, notrack), abi.SLOW_PATHS[slow] | (abi.FLAG_NOTRACK if notrack else 0)
