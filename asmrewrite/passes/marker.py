"""marker: the test of a key becomes one instruction, a jump or a nop, which is patched when the key changes.

Before and after, with bytes (bundle 3)::

    80 3d rel32 00         cmpb $0, __SKEY__debug(%rip)
    75 rel8                jne  .L8

    e9 rel32               jmp  f.marker.0           # inside one aligned 8-byte word

    f.marker.0:                                      # in subsection SUBSECTION of the same section
    80 3d rel32 00         cmpb $0, __SKEY__debug(%rip)
    0f 85 rel32            jne  .L8
    e9 rel32               jmp  (behind the site)

The stub is the test that was there, so a site that nobody patches is slow and never wrong. The runtime makes of the
site a nop (`0f 1f 44 00 00`) where the branch falls through, `jmp .L8` where it is taken: instrumentation that costs
nothing while it is off (Linux Markers, Desnoyers 2006), and the kernel's jump labels (include/linux/jump_label.h).

Patched, the test no longer writes its flags and registers. So flags must be dead on both ways (analysis/liveness.py),
and a register that may be read there is set to what it would hold, 0 or 1: in front of the site, or on the way of the
jump. A test of which that cannot be proven stays as it is. Keys are the `struct static_key` of
<asmrewrite/static_key.h>, told by the prefix of their symbols.
"""

from __future__ import annotations

import re

from asmrewrite.analysis.reasons import SkipReason
from asmrewrite.analysis.views import section_at
from asmrewrite.passes import Edit, Outcome, Site, Skip, Unit
from asmrewrite.stubs import abi, shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.body import Body, Instruction
    from asmrewrite.analysis.keys import KeyTest
    from asmrewrite.analysis.sections import Section
    from asmrewrite.analysis.survey import Place, Spot
    from asmrewrite.options import Options

#: Symbols of keys: those of <asmrewrite/static_key.h>, and of <asmrewrite/marker.h>.
KEY_PREFIXES = ("__SKEY__", "__MARK__")
SUBSECTION = 8000
_REASONS = {"value": SkipReason.KEY_VALUE, "apart": SkipReason.KEY_APART, "live": SkipReason.KEY_LIVE}
#: The function of a stub of an earlier rewriting.
_STUB = re.compile(r"\.marker\.\d+\Z")
#: What is said of a function's frame as a whole.
_WHOLE_FRAME = frozenset({".cfi_startproc", ".cfi_endproc", ".cfi_personality", ".cfi_lsda", ".cfi_sections"})


class Marker:
    """The pass; see the module."""

    def watch(self, options: Options) -> tuple[str, ...]:
        """The keys' prefixes."""
        return KEY_PREFIXES

    def run(self, unit: Unit) -> Outcome:
        """A site for every test of a key, a skip for every other use of one."""
        spots = [spot for spot in unit.survey.spots if _is_code(unit, spot)]
        if not spots:
            return Outcome()
        # Most listings have no key, and these cost 9 ms to import.
        from asmrewrite.analysis.body import read_body
        from asmrewrite.analysis.keys import Untouchable, key_tests
        from asmrewrite.analysis.proof import Prover

        writer = _Writer(unit)
        skips: list[Skip] = []
        prover = Prover(unit.survey)
        # A conditional jump to a trampoline is a site of its own.
        taken = unit.options.static_call_prefix if "static-call" in unit.options.chosen else ()
        # Of others the check of translations does not know that they leave.
        tails = frozenset(
            branch.start
            for branch in unit.branches
            if not branch.skip
            and (branch.role == "tail" or (branch.form == "jmp" and branch.operand.symbol.startswith(taken)))
            and not unit.opted_out(branch, "relpoline" if branch.role == "tail" else "static-call")
        )
        functions: dict[str, list[Spot]] = {}
        for spot in spots:
            if not _STUB.search(spot.place.function):
                functions.setdefault(spot.place.function, []).append(spot)
        bodies: dict[str, Body | None] = {}
        for function, mine in functions.items():
            name = function.partition(".cold")[0]
            if name in bodies:
                continue
            reason = _objection(unit, mine)
            known = name and not reason and prover.extents(name)
            body = read_body(unit.survey, name, prover, tails) if known else None
            bodies[name] = body
            if body is None:
                skips += [_skip(unit, s.start, s.end, s.place.function, reason or SkipReason.NOT_PROVEN) for s in mine]
                continue
            tests, refused = key_tests(body, KEY_PREFIXES)
            for test in tests:
                if body.instructions[test.branch].target.startswith(taken):
                    refused.append(Untouchable(test.symbol, test.chain[0], "apart"))
                else:
                    # The syntax may be another at each.
                    end = body.instructions[test.branch].start
                    writer.site(body, test, next((s.place for s in reversed(mine) if s.start < end), mine[0].place))
            for untouchable in refused:
                at = body.instructions[untouchable.place]
                skips.append(_skip(unit, at.start, at.end, function, _REASONS[untouchable.why]))
        return Outcome(tuple(writer.edits), writer.appended(), tuple(writer.sites), tuple(skips))


def _is_code(unit: Unit, spot: Spot) -> bool:
    """Whether the statement at `spot` is an instruction that mentions a key."""
    text = unit.survey.listing.text
    if spot.kind != "WATCHED" or not any(prefix in text[spot.start : spot.end] for prefix in KEY_PREFIXES):
        return False
    section = spot.place.section
    return (section is None or "x" in section.flags) and not text[spot.start : spot.end].lstrip().startswith(".")


def _objection(unit: Unit, spots: list[Spot]) -> SkipReason | None:
    """Why no test of the function with these uses of keys may be touched."""
    place = spots[0].place
    for spot in spots:
        if spot.place.trouble is not None:
            return spot.place.trouble
    if not unit.survey.compiled:
        return SkipReason.HAND_WRITTEN
    return unit.excluded(place.function, "marker")


def _skip(unit: Unit, start: int, end: int, function: str, reason: SkipReason) -> Skip:
    text = unit.survey.listing.text
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return Skip(reason, function, *unit.survey.listing.place(start), " ".join(text[start:end].split()))


class _Writer:
    """Edits, stubs and records of one listing."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.text = unit.survey.listing.text
        self.cfi = unit.survey.has_cfi
        self.number = unit.first_label
        self.edits: list[Edit] = []
        self.sites: list[Site] = []
        self.sections: dict[Section, tuple[str, list[str], list[str]]] = {}
        #: Where a frame begins -> the places and texts of the directives that describe it.
        self.frames: dict[int, list[tuple[int, str]]] = {}

    def site(self, body: Body, test: KeyTest, place: Place) -> None:
        """Make `test` a site."""
        branch = body.instructions[test.branch]
        section = section_at(self.unit.survey, branch.start)
        if section is None:
            raise AssertionError("a test in an unknown section has a reason to be skipped")
        number, self.number = self.number, self.number + 1
        end_label = f"{shapes.LABEL_PREFIX}marker_{number}"
        # With `.cold` in its name it would be taken for a part of the function when the result is rewritten again.
        name = f"{shapes.plain_name(place.function).replace('.cold', '_cold')}.marker.{number}"
        fall = [(register, value) for register, value, _ in test.kept if value is not None]
        sets = "".join(f"{_set(branch, place, register, value)}; " for register, value in fall)
        for index in test.chain:
            moved = body.instructions[index]
            self.edits.append(Edit(moved.start, moved.end, "\n" * self.text.count("\n", moved.start, moved.end)))
        # Padding is executed; prefixes that say nothing are one instruction with the jump, and with the later nop.
        jump = f".p2align {self.unit.options.block}, {abi.PADDING_PREFIX:#x}, 4; {{disp32}} jmp\t{name}; {end_label}:"
        # A comment of several lines behind it is a part of it.
        lost_lines = "\n" * self.text.count("\n", branch.start, branch.end)
        self.edits.append(Edit(branch.start, branch.end, lost_lines + sets + jump))
        _, stubs, records = self.sections.setdefault(section, (end_label, [], []))
        landing = f"{shapes.LABEL_PREFIX}landing_{number}" if test.leaves or _landing(test) else branch.target
        stubs.append(self._stub(body, test, name, end_label, landing, place))
        flags = 0 if test.jumps_on else abi.FLAG_JUMPS_OFF
        records.append(
            shapes.record(
                end_label, 5, f"{test.symbol}@GOTPCREL", landing, pass_="marker", form="jmp",
                reg=abi.NO_REGISTER, chain=0, block=self.unit.options.block, flags=flags,
            )
        )  # fmt: skip
        line, column = self.unit.survey.listing.place(branch.start)
        self.sites.append(Site("marker", "jmp", place.function, test.symbol, line, column))

    def appended(self) -> str:
        """Stubs and records, to stand at the end of the listing."""
        pieces: list[str] = []
        for section, (anchor, stubs, records) in self.sections.items():
            where = shapes.linked_section(abi.SITES_SECTION, "a", anchor, section)
            pieces += [f"\t.pushsection\t{section.reference(SUBSECTION)}\n", *stubs, "\t.popsection\n"]
            pieces += [f"\t.pushsection\t{where}\n\t.balign\t4\n", *records, "\t.popsection\n"]
        return "".join(pieces)

    def _stub(self, body: Body, test: KeyTest, name: str, behind: str, landing: str, place: Place) -> str:
        """The test as it was, with the frame as it is there; then what the patched jump has to set on its way."""
        branch = body.instructions[test.branch]
        code = "".join(f"\t{self._instruction(body.instructions[index])}\n" for index in (*test.chain, test.branch))
        code += f"\t{{disp32}} jmp\t{behind}\n"
        if landing != branch.target:
            sets = "".join(f"\t{_set(branch, place, register, value)}\n" for register, value in _landing(test))
            code += f"{landing}:\n{sets}\t{{disp32}} jmp\t{branch.target}\n"
        if branch.intel:
            code = f"\t.intel_syntax {'' if place.prefixed else 'no'}prefix\n{code}\t.att_syntax prefix\n"
        frame = self._frame(branch) if self.cfi else None
        if frame is not None:
            code = f"\t.cfi_startproc\n{frame}{code}\t.cfi_endproc\n"
        return f"\t.type\t{name}, @function\n{name}:\n{code}\t.size\t{name}, .-{name}\n"

    def _instruction(self, instruction: Instruction) -> str:
        return " ".join(self.text[instruction.start : instruction.end].split("\n"))

    def _frame(self, branch: Instruction) -> str | None:
        """The directives that describe the frame at `branch`: all since the function's start, in their order.

        None where nothing describes it: one function of a listing may have call frame information and another none.
        """
        start = self.text.rfind(".cfi_startproc", 0, branch.start)
        if start < 0 or self.text.find(".cfi_endproc", start, branch.start) >= 0:
            return None
        if self.text.startswith(".cfi_startproc simple", start):
            raise AssertionError("a compiler's function begins with the frame of every function")
        if start not in self.frames:
            end = self.text.find(".cfi_endproc", start)
            found = self.unit.survey.listing.statements(start, end if end >= 0 else len(self.text))
            self.frames[start] = [
                (s.start, f"\t{s.head} {', '.join(s.operands)}\n")
                for s in found
                if s.head.startswith(".cfi_") and s.head not in _WHOLE_FRAME
            ]
        return "".join(text for place, text in self.frames[start] if place < branch.start)


def _landing(test: KeyTest) -> list[tuple[str, int]]:
    """Registers that the jump must set, and their values."""
    return [(register, value) for register, _, value in test.kept if value is not None]


def _set(branch: Instruction, place: Place, register: str, value: int) -> str:
    """The instruction that sets a 64-bit register to `value`; flags are dead where it stands."""
    name = f"{register}d" if register[1:].isdigit() else f"e{register[1:]}"
    if branch.intel:
        name = f"%{name}" if place.prefixed else name
        return f"mov\t{name}, {value}"
    return f"movl\t${value}, %{name}"
