"""relpoline with abi=kernel: calls and tail calls through `__x86_indirect_thunk_REG`.

With a profile that names targets, before and after, with bytes (bundle 4)::

    e8 rel32               call __x86_indirect_thunk_rax

    e8 rel32               call f.relpoline.0        # inside one aligned 16-byte block

    f.relpoline.0:                                   # in subsection SUBSECTION of the same section
    48 3d imm32            cmpq $target, %rax
    0f 84 rel32            je   target
    e9 rel32               jmp  __x86_indirect_thunk_rax
    cc                     int3

Without one the site stays the call of the thunk that it was, kept inside its block. An untrained chain would cost a
jump and a stub and gain nothing: what learns in the kernel writes a fresh stub and changes the displacement of the
call, whatever it led to (docs/kernel.md). Either way ``.relpoline_sites`` has a record, and the branch to the thunk,
in the stub or at the site, an entry of ``.retpoline_sites``: spectre_v2= and alternatives find what they found before.

slow=record makes every site a call of a stub that leads to `__asmrewrite_record_REG` with the record's address in
`%r11`, for a kernel that counts what its sites call (kernel/ has it).

Left alone, beside what the pass leaves alone everywhere: raw indirect branches, and every section that is not plain
kernel text: no instrumentation may run in noinstr and entry text, a kprobe's own code must not trap, and init text
runs once.
"""

from __future__ import annotations

from asmrewrite.analysis.reasons import SkipReason
from asmrewrite.errors import OptionError
from asmrewrite.passes import Edit, Moved, Outcome, Site, Skip
from asmrewrite.passes.relpoline import SUBSECTION
from asmrewrite.passes.training import KernelTraining
from asmrewrite.stubs import abi, kernel, shapes
from asmrewrite.syntax.operand import REGISTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.branches import Branch
    from asmrewrite.analysis.sections import Section
    from asmrewrite.passes import Unit

#: Text that may be instrumented and patched as it runs (include/asm-generic/vmlinux.lds.h); `.text.*` besides.
_PLAIN_TEXT = frozenset({".text", ".sched.text", ".spinlock.text", ".ref.text"})


def is_plain_text(section: Section) -> bool:
    """Whether `section` is kernel text that may be patched as it runs."""
    name = section.name.strip('"')
    return name in _PLAIN_TEXT or name.startswith(".text.")


class Writer:
    """Edits, stubs and records of one listing."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.number = unit.first_label
        self.edits: list[Edit] = []
        self.sites: list[Site] = []
        self.moved: list[Moved] = []
        self.stubs: dict[Section, list[str]] = {}
        self.records: list[str] = []
        self.recording = unit.options.slow == "record"
        if not self.recording and unit.options.slow != "retpoline":
            hint = "what protects the kernel's thunks is decided when it boots (spectre_v2=)"
            raise OptionError(f"slow={unit.options.slow} is not for abi=kernel", hint=hint)
        self.training = KernelTraining(unit) if unit.options.profile else None

    def objection(self, branch: Branch) -> SkipReason | None:
        """What stands against a site in the kernel alone."""
        section = branch.place.section
        if not branch.thunk.startswith(kernel.THUNK_PREFIX):
            return SkipReason.NOT_A_THUNK
        if section is None or not is_plain_text(section):
            return SkipReason.SPECIAL_TEXT
        return None

    def site(self, branch: Branch) -> None:
        """Make `branch` a site."""
        options, place = self.unit.options, branch.place
        section, register = place.section, branch.operand.register
        if section is None:
            raise AssertionError("a branch in an unknown section has a reason to be skipped")
        number, self.number = self.number, self.number + 1
        end_label = f"{shapes.LABEL_PREFIX}site_{number}"
        # objtool takes every symbol with `.cold` in its name for the cold part of a function (read_symbols()).
        name = f"{shapes.plain_name(place.function).replace('.cold', '_cold')}.relpoline.{number}"
        targets = self.training.targets(place.function, section) if self.training else ()
        size, prefix, made = 5, "", ""
        if self.recording and register != "r11":
            made = self._recorder(name, register, number)
        elif targets:
            slow_label = f"{shapes.LABEL_PREFIX}slow_{number}"
            made = kernel.stub(name, register, targets, branch.thunk, slow_label)
            self.moved.append(Moved(-1, slow_label, "retpoline"))
        elif "cs" in branch.prefixes:
            size, prefix = 6, "cs; "
        if made:
            self.stubs.setdefault(section, []).append(made)
        # The table names the instruction by its label behind it where it is still a call of the thunk.
        self.moved.append(Moved(branch.start, "" if made else f"{end_label}-{size}"))
        jump = "call" if branch.form == "call" else "{disp32} jmp"
        lines = shapes.aligned(f"{prefix}{jump}\t{name if made else branch.thunk}", end_label, size, options)
        lost_lines = self.unit.survey.listing.text.count("\n", branch.start, branch.end) - lines.count("\n")
        self.edits.append(Edit(branch.start, branch.end, "\n" * lost_lines + lines))
        label = f"{shapes.LABEL_PREFIX}record_{number}:\n" if self.recording else ""
        self.records.append(
            label
            + kernel.record(
                f"{end_label}-{size}", name if made else "", REGISTERS.index(register), abi.FORMS[branch.form],
                len(targets),
            )
        )  # fmt: skip
        target = name if made else branch.thunk
        self.sites.append(Site("relpoline", branch.form, place.function, target, *self.unit.place(branch)))

    def _recorder(self, name: str, register: str, number: int) -> str:
        return (
            f"\t.type\t{name}, @function\n{name}:\n\tleaq\t{shapes.LABEL_PREFIX}record_{number}(%rip), %r11\n"
            f"\t{{disp32}} jmp\t__asmrewrite_record_{register}\n\tint3\n\t.size\t{name}, .-{name}\n"
        )

    def outcome(self, skips: list[Skip]) -> Outcome:
        """All of it."""
        pieces = [
            f"\t.pushsection\t{section.reference(SUBSECTION)}\n{''.join(stubs)}\t.popsection\n"
            for section, stubs in self.stubs.items()
        ]
        if self.records:
            pieces.append(kernel.section(kernel.RELPOLINE, self.records))
        if self.training:
            pieces.append(self.training.aliases_of(self.unit.profile))
        notes = self.training.finish() if self.training else ()
        return Outcome(
            tuple(self.edits), "".join(pieces), tuple(self.sites), tuple(skips), notes, tuple(self.moved)
        )  # fmt: skip
