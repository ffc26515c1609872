"""The kernel's tables at level "sites": every entry is a branch of its kind, and no such branch is without an entry.

The kernel and objtool take a table for the whole of it, so one that lacks an entry is a FAIL, at the branch that it
lacks. Formats and stubs: asmrewrite/stubs/kernel.py.
"""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.stubs import abi, kernel
from asmrewrite.verify.image import PC_RELATIVE, Location
from asmrewrite.verify.shapes import abi_register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from asmrewrite.verify.image import Image, Relocation, Section

_CS, _CALL, _JMP, _JCC, _INT3 = 0x2E, 0xE8, 0xE9, 0x0F, 0xCC
_EXEC = 4
_R_32S = 11
_RECORDER = "__asmrewrite_record_"
_STATIC_CALLS = ("__SCT__", "____static_call_tramp_")


class Found(NamedTuple):
    """What an entry of the table `table` says, and what is wrong with it ("" for nothing)."""

    table: str
    problem: str
    site: Location
    form: str = "call"
    target: str = ""
    register: int = abi.NO_REGISTER
    chain: int = 0
    slow: str = ""
    stub: tuple[int, int] | None = None


class Branch(NamedTuple):
    """A direct branch with a 32-bit displacement: its form, its size with a `cs` before it, where its field is."""

    form: str
    size: int
    field: int


def branch_at(data: bytes, offset: int) -> Branch | None:
    """The branch whose first byte, perhaps `cs`, is at `offset`."""
    start = offset + (data[offset : offset + 1] == bytes([_CS]))
    opcode = data[start : start + 2]
    if len(data) < start + 6 - (opcode[:1] != bytes([_JCC])):
        return None
    if opcode[0] in (_CALL, _JMP):
        return Branch("call" if opcode[0] == _CALL else "jmp", start + 5 - offset, start + 1)
    return Branch("jcc", start + 6 - offset, start + 2) if opcode[0] == _JCC and opcode[1] >> 4 == 8 else None


def tables(image: Image) -> Iterator[Found]:
    """Every entry of every table, and every branch that a table lacks."""
    names = _Names(image)
    for word, table in kernel.TABLES.items():
        listed: set[tuple[int, int]] = set()
        sections = image.named(table.section)
        for section in sections:
            if len(section.data) % table.size:
                problem = f"{section.name} is {len(section.data)} bytes, no multiple of {table.size}"
                raise CheckError(problem, file=image.path)
            for offset in range(0, len(section.data), table.size):
                found = _entry(image, names, word, section, offset)
                twice = (found.site.section, found.site.offset) in listed
                listed.add((found.site.section, found.site.offset))
                yield found._replace(problem=found.problem or "it is listed twice") if twice else found
        if sections and image.relocatable:
            yield from _missing(image, word, listed)
    for section in image.named(kernel.RELPOLINE.section):
        if len(section.data) % kernel.RELPOLINE.size:
            raise CheckError(f"{section.name} is cut short", file=image.path)
        for offset in range(0, len(section.data), kernel.RELPOLINE.size):
            yield _relpoline(image, names, section, offset)


class _Names:
    """The symbols at each place, of whatever type: thunks of the kernel are of none."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._places: dict[tuple[int, int], list[str]] | None = None

    def at(self, place: Location | None) -> list[str]:
        if place is None:
            return []
        if place.symbol:
            return [place.symbol] if not place.offset else []
        if self._places is None:
            self._places = {}
            for symbol in self._image.symbols:
                if symbol.name and symbol.section:
                    base = 0 if self._image.relocatable else self._image.sections[symbol.section].address
                    self._places.setdefault((symbol.section, symbol.value - base), []).append(symbol.name)
        return self._places.get((place.section, place.offset), [])


def _entry(image: Image, names: _Names, word: str, table: Section, offset: int) -> Found:
    site = image.pointer(table, offset) if word == "mcount" else image.follow(table, offset)
    if site is None or not site.section:
        return Found(word, "the entry leads to no section", Location(0, 0))
    section = image.sections[site.section]
    branch = branch_at(section.data, site.offset)
    if branch is None or not section.flags & _EXEC:
        return Found(word, "there is no direct branch", site)
    found = names.at(image.follow(section, branch.field, 4))
    found_name = next((name for name in found if name.startswith(_prefixes(word))), "")
    entry = Found(word, "", site, branch.form, found_name or next(iter(found), ""))
    if section.name.startswith(kernel.TEMPLATES):
        return entry._replace(problem="it is in code that is copied elsewhere")
    if word == "static-call":
        return entry._replace(problem=_static_call(image, names, table, offset, entry, branch))
    if not found_name:
        return entry._replace(problem=f"the branch leads to {entry.target or 'no symbol'}")
    if not _is_of(word, branch.form):
        return entry._replace(problem=f"there is a {branch.form}")
    register = _register(found_name) if word == "retpoline" else abi.NO_REGISTER
    return entry._replace(register=register)


def _static_call(image: Image, names: _Names, table: Section, offset: int, entry: Found, branch: Branch) -> str:
    """What is wrong with the entry of a static call: its block, its flags, its key."""
    from asmrewrite.verify.sites import is_key

    section = image.sections[entry.site.section]
    if problem := _in_two_lines(image, section, entry.site.offset, branch.size):
        return problem
    key = image.follow(table, offset + 4)
    if key is None:
        return "the entry leads to no section"
    flags = key.offset & 3 if key.symbol or image.relocatable else 0
    if image.relocatable and bool(flags & abi.KERNEL_TAIL) != (branch.form != "call"):
        return "the tail flag does not say what the instruction is"
    keys = [key.symbol] if key.symbol else names.at(Location(key.section, key.offset - flags))
    if image.relocatable and not any(k == entry.target or is_key(k, entry.target) for k in keys):
        return f"the key {next(iter(keys), '?')} is not that of {entry.target}"
    return ""


def _in_two_lines(image: Image, section: Section, offset: int, size: int) -> str:
    """Whether [offset, offset + size) may lie in two cache lines, in words; "" when it does not.

    A section of an object may be put wherever its alignment allows: what is to stay inside a line is inside of a block
    of that size then.
    """
    from asmrewrite.verify.sites import straddle

    block = 6
    while image.relocatable and block > 3 and section.alignment < 1 << block:
        block -= 1
    return straddle(image, section, offset, size, block)


def _missing(image: Image, word: str, listed: set[tuple[int, int]]) -> Iterator[Found]:
    """The branches of the kind of `word` that are not `listed`."""
    prefixes = _prefixes(word)
    wanted = {number for number, symbol in enumerate(image.symbols) if symbol.name.startswith(prefixes)}
    if not wanted:
        return
    for section in image.sections:
        if not section.flags & _EXEC or section.name.startswith(kernel.TEMPLATES):
            continue
        for field, relocation in image.relocations(section.number).items():
            if relocation.symbol in wanted and relocation.kind in PC_RELATIVE and relocation.addend == -4:
                form, starts = _before(section.data, field)
                if _is_of(word, form) and not any((section.number, start) in listed for start in starts):
                    target = image.symbols[relocation.symbol].name
                    yield Found(word, "the table lacks it", Location(section.number, starts[0]), form, target)


def _is_of(word: str, form: str) -> bool:
    """Whether a branch of that form is one of the table: a hook is called, a return jumped to."""
    return form == "call" if word == "mcount" else form in ("jmp", "jcc") if word == "return" else bool(form)


def _before(data: bytes, field: int) -> tuple[str, tuple[int, ...]]:
    """The form of the branch whose displacement is at `field`, and where it may begin."""
    if data[field - 1] in (_CALL, _JMP):
        return "call" if data[field - 1] == _CALL else "jmp", (field - 1, field - 2)
    return ("jcc", (field - 2, field - 3)) if data[field - 2] == _JCC and data[field - 1] >> 4 == 8 else ("", ())


def _prefixes(word: str) -> tuple[str, ...]:
    return _STATIC_CALLS if word == "static-call" else kernel.SYMBOLS[word]


def _register(thunk: str) -> int:
    from asmrewrite.syntax.operand import REGISTERS

    name = thunk.removeprefix(kernel.THUNK_PREFIX)
    return REGISTERS.index(name) if name in REGISTERS else abi.NO_REGISTER


def _relpoline(image: Image, names: _Names, table: Section, offset: int) -> Found:
    """A record of ``.relpoline_sites``."""
    _, stub, register, form, chain, version = kernel.RECORD.unpack_from(table.data, offset)
    site = image.follow(table, offset)
    if site is None or not site.section:
        return Found("relpoline", "the entry leads to no section", Location(0, 0))
    section = image.sections[site.section]
    has_stub = bool(stub) or (image.relocatable and offset + 4 in image.relocations(table.number))
    found = Found("relpoline", "", site, abi.name_of(abi.FORMS, form), "", register, chain, "external")
    branch = branch_at(section.data, site.offset)
    if version != kernel.RECORD_VERSION or register > 15:
        return found._replace(problem=f"the entry makes no sense: version {version}, register {register}")
    if branch is None or branch.form != found.form:
        return found._replace(problem=f"there is no {found.form} with 32-bit displacement")
    problem = _in_two_lines(image, section, site.offset, branch.size)
    target = image.follow(section, branch.field, 4)
    thunk = f"{kernel.THUNK_PREFIX}{abi_register(register)[1:]}"
    if not has_stub:
        at = names.at(target)
        wrong = chain or thunk not in at
        return found._replace(
            problem=problem or ("the site calls no thunk of its register" if wrong else ""), target=thunk
        )
    dest = image.follow(table, offset + 4)
    if dest is None or target is None or not dest.section or dest[:2] != target[:2]:
        return found._replace(problem=problem or "the instruction leads elsewhere than to its stub")
    name = image.symbol_at(dest)
    text = image.sections[dest.section]
    if not chain:
        wrong_stub, size = _recorder(image, names, text, dest.offset, register, Location(table.number, offset))
        found = found._replace(slow="record")
    else:
        wrong_stub, size = _chain(image, names, text, dest.offset, register, chain)
    stub_place = None if problem or wrong_stub else (dest.offset, size)
    return found._replace(problem=problem or wrong_stub, target=name, stub=stub_place)


def _chain(image: Image, names: _Names, text: Section, offset: int, register: int, chain: int) -> tuple[str, int]:
    """What is wrong with a stub of `chain` comparisons, and its size."""
    place = offset
    for entry in range(chain):
        compare = compare_opcode(register)
        if text.data[place : place + len(compare)] != compare:
            return f"entry {entry} of the stub does not compare {abi_register(register)} with a number", 0
        value = place + len(compare)
        place = value + 4
        branch = branch_at(text.data, place)
        if branch is None or text.data[place : place + 2] != b"\x0f\x84":
            return f"entry {entry} of the stub does not jump if equal", 0
        led = image.follow(text, branch.field, 4)
        if led is None or led != _absolute(image, text, value):
            return f"entry {entry} of the stub leads elsewhere than to the number it compares with", 0
        place += 6
    branch = branch_at(text.data, place)
    prefix = register >= 8
    if branch is None or branch.form != "jmp" or branch.size != 5 + prefix:
        return "the stub does not end in a near jump", 0
    thunk = f"{kernel.THUNK_PREFIX}{abi_register(register)[1:]}"
    if thunk not in names.at(image.follow(text, branch.field, 4)):
        return f"the slow path is not {thunk}", 0
    return _ended(text, offset, place + branch.size)


def _recorder(
    image: Image, names: _Names, text: Section, offset: int, register: int, record: Location
) -> tuple[str, int]:
    """What is wrong with a stub that tells its record, and its size."""
    if text.data[offset : offset + 3] != b"\x4c\x8d\x1d":
        return "the stub does not load its record", 0
    if image.follow(text, offset + 3, 4) != record:
        return "the stub loads another record than its own", 0
    branch = branch_at(text.data, offset + 7)
    at = names.at(image.follow(text, branch.field, 4)) if branch and branch.form == "jmp" and branch.size == 5 else []
    if f"{_RECORDER}{abi_register(register)[1:]}" not in at:
        return "the stub does not lead to the recorder of its register", 0
    return _ended(text, offset, offset + 12)


def _ended(text: Section, offset: int, end: int) -> tuple[str, int]:
    return ("", end + 1 - offset) if text.data[end : end + 1] == bytes([_INT3]) else ("no int3 ends the stub", 0)


def compare_opcode(register: int) -> bytes:
    """The bytes of `cmpq $NUMBER, REGISTER` in front of the number; gas has a shorter form for `%rax`."""
    if not register:
        return b"\x48\x3d"
    return bytes([0x49 if register >= 8 else 0x48, 0x81, 0xF8 | (register & 7)])


def _absolute(image: Image, text: Section, offset: int) -> Location | None:
    """Where the sign-extended 32-bit address at `offset` leads."""
    if not image.relocatable:
        value = int.from_bytes(text.data[offset : offset + 4], "little", signed=True) & (1 << 64) - 1
        return image.at(value)
    relocation: Relocation | None = image.relocations(text.number).get(offset)
    if relocation is None or relocation.kind != _R_32S:
        return None
    symbol = image.symbols[relocation.symbol]
    if not symbol.section:
        return Location(0, relocation.addend, symbol.name)
    return Location(symbol.section, symbol.value + relocation.addend)


def stub_fields(text: Section, start: int, size: int) -> set[int]:
    """The offsets of the fields that relocations of a stub fill: the last four bytes of its instructions."""
    from iced_x86 import Decoder

    end, fields = start, set()
    for instruction in Decoder(64, text.data[start : start + size]):
        end += instruction.len
        if instruction.len > 4:
            fields.add(end - 4)
    return fields
