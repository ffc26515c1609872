"""A marker's site does what the test of the key did: in its stub, and patched either way."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from iced_x86 import Code, ConditionCode, Decoder, Instruction, OpKind, Register

from asmrewrite.errors import CheckError
from asmrewrite.stubs import abi
from asmrewrite.verify.compare.comparison import ALLOC, EXEC, Comparison
from asmrewrite.verify.flow import FLAG_PARTS, Flow, Part, parts
from asmrewrite.verify.frames import frames, table_at
from asmrewrite.verify.holding import holds
from asmrewrite.verify.image import FUNCTIONS, PC_RELATIVE, Location
from asmrewrite.verify.keytests import KeyStub, Unclear, evaluate, key_stub, whole_register
from asmrewrite.verify.sites import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Image, Relocation, Section
    from asmrewrite.verify.walked import Replaced

#: R_X86_64_64, _PC32, _32, _32S, _PC64: of what points into code.
_POINTERS = frozenset({1, 2, 10, 11, 24})
#: R_X86_64_PC8.
_BYTE = 15

#: R_X86_64_64, _32, _32S: of an instruction's immediate.
_ADDRESSES = frozenset({1, 10, 11})
_ABSOLUTE = frozenset({Code.MOV_R32_IMM32, Code.MOV_R64_IMM64, Code.MOV_RM64_IMM32})


class Marker:
    """What a record says of a marker's site: where it is, its key, and whether it jumps when the key is off."""

    def __init__(self, image: Image, table: Section, offset: int) -> None:
        record = abi.Record.unpack(table.data, offset)
        self.site = image.follow(table, offset)
        self.key = image.follow(table, offset + 4)
        self.jump = image.follow(table, offset + 8)
        self.jumps_off = bool(record.flags & abi.FLAG_JUMPS_OFF)

    def stub(self, image: Image, section: Section) -> KeyStub | None:
        """Its stub; None when the record leads nowhere."""
        place = image.follow(section, self.site.offset + 1, 4) if self.site else None
        if self.site is None or place is None or place.section != section.number:
            return None
        found = key_stub(image, section, place.offset, self.site.offset + 5, self.jump)
        return None if found.problem else found


def markers(image: Image) -> dict[tuple[int, int], Marker]:
    """Section and offset of the site -> marker."""
    found = {}
    for table in image.named(abi.SITES_SECTION):
        for offset in range(0, len(table.data), abi.RECORD_SIZE):
            if abi.Record.unpack(table.data, offset).pass_ == abi.PASSES["marker"]:
                marker = Marker(image, table, offset)
                if marker.site:
                    found[marker.site.section, marker.site.offset] = marker
    return found


class Keys:
    """The comparison of all markers of two objects."""

    def __init__(self, both: Comparison) -> None:
        self.both = both
        self.markers = markers(both.new)
        self._flow: Flow | None = None

    def compare(self, number: int, replaced: Replaced) -> tuple[str, Verdict]:
        """What is wrong with the site, and whether that is only not known; "" when nothing is."""
        try:
            return self._compare(number, replaced)
        except CheckError as error:  # of an unwind table
            return error.message, Verdict.UNKNOWN

    def _compare(self, number: int, replaced: Replaced) -> tuple[str, Verdict]:
        both = self.both
        section = both.new.sections[both.pairs[number]]
        marker = self.markers[section.number, replaced.site.offset]
        stub = marker.stub(both.new, section)
        if stub is None or stub.branch is None or marker.key is None:
            return "its stub is none", Verdict.FAIL
        if self._is_entered(number, replaced):
            return "control may come into the midst of its test", Verdict.UNKNOWN
        tests = frozenset(i.ip for i in stub.chain if self._reads(section, i, marker.key))
        pending = {i for i in stub.chain if i.ip not in tests and _through(i)}
        olds = {new: old for old, new, _ in replaced.moved}
        for instruction in pending:
            known = self._holds(number, olds[instruction.ip], instruction.memory_base, marker.key)
            if known:
                tests |= {instruction.ip}
        return self._behaves(number, replaced, stub, tests, marker.jumps_off)

    def _is_entered(self, number: int, replaced: Replaced) -> bool:
        """Whether something may lead to an instruction of the test behind its first; branches have been looked at."""
        flow, branch = self._code(), replaced.moved[-1][0]
        places = set()
        offset = replaced.original[0]
        while offset < branch:
            offset = flow.decode(number, offset).next_ip
            places.add((number, offset))
        return not places.isdisjoint(self._places)

    def _behaves(
        self, number: int, replaced: Replaced, stub: KeyStub, tests: frozenset[int], jumps_off: bool
    ) -> tuple[str, Verdict]:
        if stub.branch is None:
            return "its stub is none", Verdict.FAIL
        before = dict(replaced.sets)
        held = {whole_register(register): value for register, value in before.items()}
        jumping = {**held, **{whole_register(register): value for register, value in stub.sets}}
        flow = self._code()
        old_branch = flow.decode(number, replaced.moved[-1][0])
        target = flow.target(number, old_branch)
        ends = {False: Location(number, old_branch.next_ip), True: Location(*target) if target else None}
        written: set[Part] = set()
        for instruction in stub.chain:
            written |= flow.reads_and_writes(instruction)[2]
        for on in (0, 1):
            jumps = bool(on) != jumps_off
            try:
                original = evaluate(stub.chain, tests, on, {})
                again = evaluate(stub.chain, tests, on, held)
            except Unclear:
                return "what the test computes is not known", Verdict.UNKNOWN
            taken = original.zero == (stub.branch.condition_code == ConditionCode.E)
            if taken != jumps or again.zero != original.zero:
                return "it jumps when the key is on, or off, and the record says otherwise", Verdict.FAIL
            # None where the branch is a tail call: flags are nobody's there, and registers may be read.
            place = ends[jumps]
            if place is not None and not flow.is_dead(place, FLAG_PARTS):
                return "flags may be read behind it", Verdict.UNKNOWN
            made = jumping if jumps else held
            for register in {part.register for part in written} | set(made):
                mine = parts(register) if register in made else frozenset(p for p in written if p.register == register)
                if flow.is_dead(place, mine) if place is not None else not mine - FLAG_PARTS:
                    continue
                value = original.registers.get(register)
                name = _name(register)
                if value is None or made.get(register) != value:
                    return f"{name} may be read behind it, and is not what it was", Verdict.FAIL
                if again.registers.get(register) != value:
                    return f"{name} is not what it was behind the stub", Verdict.FAIL
        return "", Verdict.PASS

    def _reads(self, section: Section, instruction: Instruction, key: Location) -> bool:
        """Whether the stub's instruction names the key's first byte itself."""
        image = self.both.new
        if not instruction.is_ip_rel_memory_operand:
            return False
        field = _displacement(image, section, instruction)
        found = image.follow(section, field, instruction.next_ip - field)
        return found is not None and not found.got and self._is_key(image, found, key)

    def _is_key(self, image: Image, found: Location, key: Location) -> bool:
        if not found.section:
            return found.symbol == key.symbol and found.offset == 0
        return any(s.name == key.symbol and (s.section, s.value) == found[:2] for s in image.symbols)

    def _holds(self, number: int, offset: int, register: int, key: Location) -> bool:
        """Whether `register` surely holds the key's address at the original's instruction at `offset`."""
        flow, image = self._code(), self.both.old
        name = image.function(Location(number, offset))[0].partition(".cold")[0]
        ranges = [
            (s.section, s.value, s.value + s.size)
            for s in image.symbols
            if s.kind in FUNCTIONS and s.section and (s.name == name or s.name.startswith(f"{name}.cold"))
        ]
        return holds(
            flow, ranges, self._entries(ranges), (number, offset), register,
            lambda section, instruction: self._loads(section, instruction, key),
        )  # fmt: skip

    def _loads(self, number: int, instruction: Instruction, key: Location) -> bool:
        """Whether the original's instruction brings the key's address to a register."""
        image = self.both.old
        section = image.sections[number]
        if instruction.op0_kind != OpKind.REGISTER:
            return False
        if instruction.code in _ABSOLUTE:
            place = _immediate(section, instruction)
            named = image.relocations(number).get(place)
            found = image.follow_field(section, place)
            return (
                found is not None and named is not None and named.kind in _ADDRESSES and self._is_key(image, found, key)
            )
        if not instruction.is_ip_rel_memory_operand:
            return False
        field = _displacement(image, section, instruction)
        found = image.follow(section, field, instruction.next_ip - field)
        if found is None:
            return False
        if found.got:
            return bool(instruction.code == Code.MOV_R64_RM64) and found.symbol == key.symbol and found.offset == 0
        return bool(instruction.code == Code.LEA_R64_M) and self._is_key(image, found, key)

    def _entries(self, ranges: list[tuple[int, int, int]]) -> frozenset[tuple[int, int]]:
        """Where control may come to in a function of these parts, but by their own branches."""
        return frozenset(
            place for place, source in self._led if _within(place, ranges) and not (source and _within(source, ranges))
        )

    @cached_property
    def _led(self) -> list[tuple[tuple[int, int], tuple[int, int] | None]]:
        """Places in code that something leads to, and where that is when it is a direct branch."""
        found = self._find_pointed()
        for number, walked in self.both.walked.items():
            found += [((number, to), (number, at) if at is not None else None) for to, at in walked.led]
        return found

    @cached_property
    def _places(self) -> frozenset[tuple[int, int]]:
        """The same places, and those with a symbol, which another file may know."""
        symbols = ((symbol.section, symbol.value) for symbol in self.both.old.symbols)
        return frozenset((*(place for place, _ in self._led), *symbols))

    def _is_branch(self, section: Section, offset: int) -> bool:
        """Whether the PC-relative field there is a direct branch's: behind its opcode."""
        before = section.data[max(0, offset - 2) : offset]
        return before[-1:] in (b"\xe8", b"\xe9") or (before[:1] == b"\x0f" and before[-1] >> 4 == 8)

    def _find_pointed(self) -> list[tuple[tuple[int, int], tuple[int, int] | None]]:
        """Places in code that relocations and exception tables lead to, as `_led`."""
        image = self.both.old
        found: list[tuple[tuple[int, int], tuple[int, int] | None]] = []
        for section in image.sections:
            code = bool(section.flags & EXEC)
            if not section.flags & ALLOC or section.name == ".eh_frame":
                continue
            bases = self.both.bases.get(section.number, [])
            for offset, relocation in image.relocations(section.number).items():
                symbol = image.symbols[relocation.symbol]
                if not (symbol.section and image.sections[symbol.section].flags & EXEC):
                    continue
                place = symbol.value + relocation.addend
                if code and relocation.kind in PC_RELATIVE and self._is_branch(section, offset):
                    found.append(((symbol.section, place + 4), (section.number, offset)))
                elif code and relocation.kind == _BYTE:
                    found.append(((symbol.section, place + 1), None))
                elif code and relocation.kind in PC_RELATIVE:
                    # From the end of an instruction, with an immediate behind the field or none.
                    found += [((symbol.section, place + b), None) for b in (4, 5, 8)]
                elif relocation.kind in PC_RELATIVE:
                    # An entry of a jump table counts from the table's start.
                    base = bases[bisect_right(bases, offset) - 1] if bases and bases[0] <= offset else offset
                    found.append(((symbol.section, place - (offset - base)), None))
                elif relocation.kind in _POINTERS:
                    found.append(((symbol.section, place), None))
        for table in image.named(".eh_frame"):
            for frame in frames(image, table):
                rows = table_at(image, frame.table).sites if frame.table else ()
                found += [((frame.start.section, frame.start.offset + r.landing), None) for r in rows if r.landing]
        return found

    def _code(self) -> Flow:
        if self._flow is None:
            tails = {
                (number, replaced.original[0])
                for number, walked in self.both.walked.items()
                for replaced in walked.replaced
                if replaced.site.pass_ in ("relpoline", "static-call") and replaced.site.form == "jmp"
            }
            self._flow = Flow(self.both.old, tails)
        return self._flow


def moved_relocations(
    both: Comparison,
    replaced: Replaced,
    stub: tuple[int, int],
    mine: dict[int, Relocation],
    theirs: dict[int, Relocation],
) -> str:
    """The relocations of a test, taken out of both: those in its stub are those it had."""
    for old, new, length in replaced.moved:
        for distance in range(length):
            was = mine.pop(old + distance, None)
            if was is None:
                continue
            now = theirs.pop(new + distance, None)
            if now is None:
                return "a relocation of its test is gone"
            if problem := both.relocation(was, now, length - distance):
                return problem
    branch = replaced.moved[-1][1]
    if any(place in theirs for place in range(stub[0], branch)):
        return "a relocation came to its test"
    for place in range(branch, sum(stub)):  # of what leads where the branch does, which the level "sites" has seen
        theirs.pop(place, None)
    return ""


def _displacement(image: Image, section: Section, instruction: Instruction) -> int:
    decoder = Decoder(64, section.data[instruction.ip : instruction.ip + 15], ip=instruction.ip)
    return int(instruction.ip + decoder.get_constant_offsets(decoder.decode()).displacement_offset)


def _immediate(section: Section, instruction: Instruction) -> int:
    decoder = Decoder(64, section.data[instruction.ip : instruction.ip + 15], ip=instruction.ip)
    return int(instruction.ip + decoder.get_constant_offsets(decoder.decode()).immediate_offset)


def _through(instruction: Instruction) -> bool:
    """Whether it reads one byte where a register points."""
    memory = OpKind.MEMORY in (instruction.op0_kind, instruction.op1_kind)
    return bool(
        memory
        and instruction.memory_base not in (Register.NONE, Register.RIP)
        and instruction.memory_index == Register.NONE
        and instruction.memory_displacement == 0
        and instruction.segment_prefix == Register.NONE
    )


def _within(place: tuple[int, int], ranges: list[tuple[int, int, int]]) -> bool:
    return any(section == place[0] and start <= place[1] < end for section, start, end in ranges)


def _name(register: int) -> str:
    names = {value: name for name, value in vars(Register).items() if isinstance(value, int)}
    return f"%{names.get(register, str(register)).lower()}"
