"""Which indirect branches an object or program holds, what each is, and how it is protected.

All of it is read from the file alone: sections, symbols, relocations, the tables of sites, and the instructions.
What cannot be proven is called unknown, and what cannot be shown to be protected is not.
"""

from __future__ import annotations

from bisect import bisect_right
from io import BytesIO
from typing import NamedTuple

from iced_x86 import Decoder, FlowControl, Formatter, FormatterSyntax, Instruction, Mnemonic, OpKind, Register

from asmrewrite.analysis.reasons import SkipReason
from asmrewrite.errors import CheckError
from asmrewrite.stubs import abi
from asmrewrite.verify.addresses import Addresses
from asmrewrite.verify.files import Found, named
from asmrewrite.verify.functions import Functions
from asmrewrite.verify.image import Image
from asmrewrite.verify.jumps import Jump, Jumps
from asmrewrite.verify.region import Region
from asmrewrite.verify.sites import SiteVerdict, Verdict, check_image
from asmrewrite.verify.sweep import Swept, sweep
from asmrewrite.verify.thunks import RETURN_THUNK, Thunk, thunks
from asmrewrite.verify.wellformed import require_wellformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

#: What a branch is. `jump` is an indirect jump of which nothing more can be proven.
KINDS = (
    "call", "tail-call", "jump-table", "computed-goto", "jump", "plt", "import", "far", "return", "thunk",
)  # fmt: skip
#: How it is protected: by a site of the tables, a retpoline, an lfence before it, or not.
PROTECTIONS = ("relpoline", "retpoline", "lfence", "none")
_TLS_CALL = 35
_LFENCE = b"\x0f\xae\xe8"
_PLT = (".plt", ".iplt")
_HOOKS = frozenset({"mcount@GOT", "_mcount@GOT", "__fentry__@GOT"})


class AuditedBranch(NamedTuple):
    """One branch: indirect itself, or direct to a stub or thunk that does it in its place.

    `file` is the name of the object, as `Audited` has it; `address` is an offset in `section` for an object. `text` is
    the instruction. `function` is "" where the file is stripped of it; `distance` is from its start, or then from
    that of the section (bytes).
    `source` and `line` are where the debug information has it, "" and 0 without. `indirect` says whether the
    instruction is an indirect branch itself.
    """

    file: str
    section: str
    address: int
    function: str
    distance: int
    kind: str
    protection: str
    why: str
    text: str
    indirect: bool
    source: str = ""
    line: int = 0

    @property
    def unprotected(self) -> bool:
        """Whether nothing protects it; a thunk's own branch counts for those who branch to the thunk."""
        return self.protection == "none" and self.kind != "thunk"

    @property
    def place(self) -> str:
        """Where it is, for people."""
        where = f"{self.function or self.section}+{self.distance:#x}"
        return f"{where} ({self.source}:{self.line})" if self.line else where

    def as_dict(self) -> dict[str, Any]:
        """It as plain data."""
        return self._asdict()


class Audited(NamedTuple):
    """A file that was read: its name in reports and policies, its path, its branches in order, and what else to know.

    `name` is as the command line had it, or relative to the folder that it named, with an archive's member in
    parentheses. `path` is the file to open.
    """

    name: str
    path: str
    branches: tuple[AuditedBranch, ...]
    notes: tuple[str, ...]


def audit(path: str, *, returns: bool = False, lines: bool = True) -> tuple[Audited, ...]:
    """The branches of the object, archive or program at `path`, or of all in the folder `path`.

    `returns` asks for returns too, `lines` for source lines from debug information. Raises `CheckError` when a
    file cannot be understood, `OSError` when it cannot be read.
    """
    result = []
    for found in named(path):
        if not isinstance(found, Found):
            raise found
        result.append(audit_bytes(found.data, found.name, path=found.path, returns=returns, lines=lines))
    return tuple(result)


def audit_bytes(content: bytes, name: str, *, path: str = "", returns: bool = False, lines: bool = True) -> Audited:
    """The same for one file that has been read."""
    from elftools.common.exceptions import ELFError

    require_wellformed(content, name)
    try:
        image = Image(name, BytesIO(content))
    except ELFError as error:
        raise CheckError(f"is malformed: {error}", file=name) from None
    reader = _Reader(image, returns)
    branches = sorted(reader.branches(), key=lambda one: (one[0], one[1].text))
    found = [branch for _, branch in branches]
    notes = list(reader.notes())
    if lines and any(branch.unprotected for branch in found):
        from asmrewrite.verify.sources import source_lines

        wanted = [address for address, branch in branches if branch.unprotected]
        known, note = source_lines(reader.addresses, wanted)
        found = [
            branch._replace(source=known[address][0], line=known[address][1]) if address in known else branch
            for address, branch in branches
        ]
        notes += [note] if note else []
    return Audited(name, path or name, tuple(found), tuple(notes))


class _Reader:
    """All that is asked of one image."""

    def __init__(self, image: Image, returns: bool) -> None:
        self.image, self.returns = image, returns
        self.addresses = Addresses(image)
        self.functions = Functions(self.addresses)
        self.thunks = thunks(self.addresses, self.functions)
        self.swept: Swept = sweep(self.addresses, self.functions, frozenset(self.thunks))
        self.verdicts = check_image(image)
        self._formatter = Formatter(FormatterSyntax.GAS)
        self._bodies = {
            place: thunk for place, thunk in self.thunks.items() if isinstance(place, int) and thunk.end > place
        }
        self._body_ranges = _Ranges((place, thunk.end) for place, thunk in self._bodies.items())
        tables = image.named(abi.SITES_SECTION)
        # Sites at the entries of functions alone say nothing of branches.
        branches = not tables or any(verdict.pass_ != "call-ops" for verdict in self.verdicts)
        self._unrewritten = "" if tables and branches else "no table of sites: it was not rewritten"

    def notes(self) -> Iterator[str]:
        """What limits this reading."""
        if self.swept.undecoded:
            count, first = len(self.swept.undecoded), self._where(self.swept.undecoded[0])
            yield f"{count} bytes of code sections are no instructions, the first at {first}"
        if any(section.name.startswith(".gnu.lto_") for section in self.image.sections):
            yield "it holds bytecode of link-time optimisation, whose branches are not made yet"
        if not self.functions.sections:
            yield "it has no code"
        elif not self.image.symbols and not self.image.relocatable:
            yield "it is stripped: functions are those of its dynamic symbols and unwind tables"

    def branches(self) -> Iterator[tuple[int, AuditedBranch]]:
        """Each branch with its place."""
        stubs = dict(self._sites())
        for place, (branch, _) in stubs.items():
            yield place, branch
        ranges = [stub for _, stub in stubs.values()]
        yield from self._to_thunks(set(stubs), ranges)
        yield from self._inline()
        yield from self._indirect()
        if self.returns:
            yield from self._returns()

    def _sites(self) -> Iterator[tuple[int, tuple[AuditedBranch, tuple[int, int]]]]:
        """Place of a relpoline -> it, and the range of its stub."""
        leads = {instruction.ip: target for instruction, target in self.swept.to_thunks}
        for verdict in self.verdicts:
            if verdict.pass_ != "relpoline" or not verdict.number:
                continue
            place = self.addresses.of(verdict.number, verdict.offset)
            stub = (0, 0)
            if verdict.stub is not None and verdict.verdict is Verdict.PASS:
                first = self.addresses.of(verdict.number, verdict.stub[0])
                stub = (first, first + verdict.stub[1])
            protection, why = self._relpoline(verdict, leads.get(stub[1] - 5))
            kind = "call" if verdict.form == "call" else "tail-call"
            text = f"{verdict.form} {verdict.target}".strip()
            yield place, (self._branch(place, kind, protection, why, text, indirect=False), stub)

    def _relpoline(self, verdict: SiteVerdict, slow: int | str | None) -> tuple[str, str]:
        """A site protects as its slow path does; one that does not pass the check protects nothing."""
        if verdict.verdict is not Verdict.PASS:
            return "none", f"the site does not pass the check: {verdict.reason}"
        path = verdict.slow
        if path == "external" and slow is not None:
            path = self._protection(self.thunks[slow])
        elif path == "external":
            path = "none"
        strength = {"retpoline": "relpoline", "lfence": "lfence"}.get(path, "none")
        return strength, f"a relpoline; its slow path: {'plain' if path == 'none' else path}"

    def _protection(self, thunk: Thunk) -> str:
        return thunk.protection or "retpoline"

    def _to_thunks(self, sites: set[int], stubs: list[tuple[int, int]]) -> Iterator[tuple[int, AuditedBranch]]:
        own = _Ranges(stubs)
        for instruction, target in self.swept.to_thunks:
            place, thunk = instruction.ip, self.thunks[target]
            if place in sites or own.holding(place) is not None or self._body_of(place) is not None:
                continue
            returns = thunk.name == RETURN_THUNK or (not thunk.name and thunk.returns)
            if returns and not self.returns:
                continue
            kind = "return" if returns else "call" if instruction.flow_control == FlowControl.CALL else "jump"
            name = thunk.name or self._where(place if isinstance(target, str) else target)
            why = f"through {name}" + ("" if thunk.protection else ", whose body is in another file")
            yield (
                place,
                self._branch(place, kind, self._protection(thunk), why, self._text(instruction), indirect=False),
            )

    def _inline(self) -> Iterator[tuple[int, AuditedBranch]]:
        """Retpolines that stand in the place of a branch, and that nothing else leads to."""
        reached = {target for _, target in self.swept.to_thunks}
        for place, thunk in self._bodies.items():
            if thunk.name or place in reached or self.functions.starting_at(place):
                continue
            if not thunk.returns or self.returns:
                kind = "return" if thunk.returns else "jump"
                yield place, self._branch(place, kind, "retpoline", "inline", "call over a loop", indirect=False)

    def _indirect(self) -> Iterator[tuple[int, AuditedBranch]]:
        jumps = Jumps(self.addresses, self.functions, self.swept.crossing)
        asked = [i.ip for i in self.swept.indirect if self._is_open_jump(i)]
        kinds = jumps.of(asked)
        for instruction in self.swept.indirect:
            place = instruction.ip
            body = self._body_of(place)
            if body is None:
                jump = self._kind(instruction, kinds)
            else:
                jump = Jump("thunk", f"of {body.name}" if body.name else "of a thunk without a name")
            protection = body.protection if body is not None else self._fenced(instruction)
            why = jump.why if protection == "none" or body is not None else "behind an lfence"
            yield place, self._branch(place, jump.kind, protection, why, self._text(instruction), indirect=True)

    def _is_open_jump(self, instruction: Instruction) -> bool:
        if not instruction.is_jmp_near_indirect or self._body_of(instruction.ip) is not None:
            return False
        return self._slot(instruction) is None and not self._in_plt(instruction.ip)

    def _kind(self, instruction: Instruction, jumps: dict[int, Jump]) -> Jump:
        place = instruction.ip
        if not (instruction.is_call_near_indirect or instruction.is_jmp_near_indirect):
            return Jump("far", SkipReason.FAR.value)
        slot = self._slot(instruction)
        if self._in_plt(place):
            return Jump("plt", f"the import {slot}" if slot else "the loader's")
        if slot is not None:
            if slot.removesuffix("@GOT") == "__tls_get_addr":
                return Jump("import", SkipReason.TLS.value)
            if slot in _HOOKS:
                return Jump("import", SkipReason.PROFILING.value)
            return Jump("import", f"the import {slot.removesuffix('@GOT')}" if slot else "through the GOT")
        if instruction.is_jmp_near_indirect:
            return jumps[place]
        return Jump("call", self._call_reason(instruction))

    def _call_reason(self, instruction: Instruction) -> str:
        """What the file tells of why a call was left as it is."""
        located = self.addresses.locate(instruction.ip)
        relocation = self.addresses.relocation(*located) if located else None
        if relocation is not None and relocation.kind == _TLS_CALL:
            return SkipReason.TLS.value
        if instruction.op0_register in (Register.RSP,):
            return SkipReason.OPERAND.value
        return self._unrewritten or "unknown"

    def _slot(self, instruction: Instruction) -> str | None:
        """The import that a branch through the GOT reads, "" when its name is not known; None for other branches."""
        target = self._reads(instruction) if instruction.is_ip_rel_memory_operand else None
        if isinstance(target, str):
            return target if target.endswith("@GOT") else None
        return self.addresses.slot(target) if target is not None and not self.image.relocatable else None

    def _reads(self, instruction: Instruction) -> int | str | None:
        """What a memory operand relative to %rip reads: a place, or what `Addresses.relative` says of a symbol."""
        located = self.addresses.locate(instruction.ip)
        if located is None:
            return None
        section, offset = located
        decoder = Decoder(64, section.data[offset : offset + instruction.len])
        fields = decoder.get_constant_offsets(decoder.decode())
        return self.addresses.relative(section, offset + fields.displacement_offset, offset + instruction.len)

    def _fenced(self, instruction: Instruction) -> str:
        """Whether an lfence stands in front of a branch through a register, and nothing leads between the two."""
        if instruction.op0_kind != OpKind.REGISTER:
            return "none"
        located = self.addresses.locate(instruction.ip)
        function = self.functions.at(instruction.ip)
        if located is None or function is None:
            return "none"
        section, offset = located
        if section.data[max(offset - 3, 0) : offset] != _LFENCE:
            return "none"
        region = Region(self.addresses, [function])
        before = region.predecessors(instruction.ip) if region.sound and region.inside(instruction.ip) else None
        fenced = before is not None and all(region.instructions[one].mnemonic == Mnemonic.LFENCE for one in before)
        return "lfence" if fenced else "none"

    def _returns(self) -> Iterator[tuple[int, AuditedBranch]]:
        for instruction in self.swept.returns:
            body = self._body_of(instruction.ip)
            kind, protection, why = ("thunk", body.protection, "of a thunk") if body else ("return", "none", "return")
            yield (
                instruction.ip,
                self._branch(instruction.ip, kind, protection, why, self._text(instruction), indirect=False),
            )

    def _body_of(self, place: int) -> Thunk | None:
        """The thunk whose body holds `place`."""
        start = self._body_ranges.holding(place)
        return None if start is None else self._bodies[start]

    def _in_plt(self, place: int) -> bool:
        located = self.addresses.locate(place)
        return located is not None and located[0].name.startswith(_PLT)

    def _branch(self, place: int, kind: str, protection: str, why: str, text: str, *, indirect: bool) -> AuditedBranch:
        located = self.addresses.locate(place)
        section = located[0].name if located else ""
        address = place if located is None or not self.image.relocatable else located[1]
        function = self.functions.at(place)
        name, distance = "", located[1] if located else 0
        if function is not None and function.name:
            name, distance = function.name, place - function.start
        if kind == "plt" and why.startswith("the import "):
            name, distance = f"{why.removeprefix('the import ')}@plt", 0
        return AuditedBranch(self.image.path, section, address, name, distance, kind, protection, why, text, indirect)

    def _text(self, instruction: Instruction) -> str:
        """The instruction in AT&T syntax; what it reads relative to %rip by name."""
        text = str(self._formatter.format(instruction)).replace("callq", "call", 1).replace("jmpq", "jmp", 1)
        if instruction.is_ip_rel_memory_operand and (target := self._reads(instruction)) is not None:
            name = target if isinstance(target, str) else self.functions.object_at(target) or self._where(target)
            text = f"{text.partition('*')[0]}*{name}(%rip)"
        return text

    def _where(self, place: int) -> str:
        located = self.addresses.locate(place)
        return f"{located[0].name}+{located[1]:#x}" if located else f"{place:#x}"


class _Ranges:
    """Ranges of places, [start, end), of which none overlaps another."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._ranges = sorted(ranges)

    def holding(self, place: int) -> int | None:
        """The start of the range that holds `place`."""
        index = bisect_right(self._ranges, (place, 1 << 64)) - 1
        if index < 0 or not self._ranges[index][0] <= place < self._ranges[index][1]:
            return None
        return self._ranges[index][0]


def summary(branches: Iterable[AuditedBranch]) -> dict[str, dict[str, int]]:
    """Kind -> protection -> how many, in the order of `KINDS` and `PROTECTIONS`."""
    counts: dict[str, dict[str, int]] = {}
    for branch in branches:
        row = counts.setdefault(branch.kind, dict.fromkeys(PROTECTIONS, 0))
        row[branch.protection] += 1
    return {kind: counts[kind] for kind in KINDS if kind in counts}


__all__ = ["KINDS", "PROTECTIONS", "Audited", "AuditedBranch", "audit", "audit_bytes", "summary"]
