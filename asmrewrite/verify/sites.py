"""Level "sites": every table entry is an instruction of its form, inside its block, leading where it must."""

from __future__ import annotations

from enum import Enum
from io import BytesIO
from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.stubs import abi
from asmrewrite.verify.image import Image, Location, Section, damage
from asmrewrite.verify.shapes import (
    CMP_SIZE,
    JCC_SIZE,
    JMP_SIZE,
    abi_register,
    entry_problem,
    site_form,
    stub_shape,
    thunk_problem,
)

#: log2 of the word that a function's entry site lies in, whatever the option `bundle` says.
ENTRY_BLOCK = 3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from asmrewrite.verify import kernel


class Verdict(str, Enum):
    """What can be said of a site."""

    PASS = "PASS"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


class SiteVerdict(NamedTuple):
    """One table entry and what was found there.

    `pass_`, `form`, `register`, `chain`, `block` and `slow` are the entry's own words; `offset` is the
    instruction's place in `section` and `function` + `distance` the same for people (bytes). `target` is the
    stub's or trampoline's symbol. `reason` says what is wrong, "" when the verdict is PASS.
    """

    verdict: Verdict
    reason: str
    file: str
    pass_: str
    form: str
    section: str
    offset: int
    function: str
    distance: int
    target: str
    register: str
    chain: int
    block: int
    slow: str
    #: The number of `section` in the section table, and the stub's place in it: offset and size (bytes).
    number: int
    stub: tuple[int, int] | None

    def __str__(self) -> str:
        where = f"{self.function}+{self.distance:#x}" if self.function else f"{self.section}+{self.offset:#x}"
        what = f"{self.pass_} {self.form} -> {self.target or '?'}"
        return f"{self.file}: {where}: {self.verdict.value} {what}{': ' + self.reason if self.reason else ''}"

    @property
    def unaligned(self) -> bool:
        """Whether all that is wrong is that the instruction leaves its block, or that nothing keeps it inside."""
        return self.reason.startswith(("the section is aligned", "the instruction straddles"))

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain data."""
        data = dict(self._asdict())
        data["pass"], data["kind"] = data.pop("pass_"), data.pop("form")
        data["verdict"] = self.verdict.value
        return data


def check(path: str) -> tuple[SiteVerdict, ...]:
    """A verdict for each table entry of the object or program at `path`, in the order of the tables.

    Raises `CheckError` when the file is not an x86-64 ELF file, is damaged, or a table is cut short, `OSError` when
    it cannot be read.
    """
    with open(path, "rb") as file, damage(path):
        return check_image(Image(path, file))


def bytecode_alone(path: str) -> bool:
    """Whether the object at `path` is bytecode for link-time optimisation, with no code to check."""
    with open(path, "rb") as file:
        return Image(path, file).bytecode_alone


def check_bytes(content: bytes, name: str) -> tuple[SiteVerdict, ...]:
    """The same for an object that is not in a file."""
    with damage(name):
        return check_image(Image(name, BytesIO(content)))


def check_image(image: Image) -> tuple[SiteVerdict, ...]:
    """The same for an image that has been read."""
    found: list[SiteVerdict] = []
    for table in image.named(abi.SITES_SECTION):
        found.extend(_user_table(image, table))
    if any(section.name in abi.KERNEL_SECTIONS for section in image.sections):
        from asmrewrite.verify import kernel

        found.extend(_kernel_verdict(image, entry) for entry in kernel.tables(image))
    return tuple(found)


def _user_table(image: Image, table: Section) -> Iterator[SiteVerdict]:
    if len(table.data) % abi.RECORD_SIZE:
        raise CheckError(f"{table.name} is {len(table.data)} bytes, no multiple of {abi.RECORD_SIZE}", file=image.path)
    for offset in range(0, len(table.data), abi.RECORD_SIZE):
        yield _Entry(image, table, offset).verdict()


class _Entry:
    """One record of the user ABI."""

    def __init__(self, image: Image, table: Section, offset: int) -> None:
        self.image, self.table, self.offset = image, table, offset
        self.record = abi.Record.unpack(table.data, offset)
        self.pass_ = abi.name_of(abi.PASSES, self.record.pass_)
        self.form = abi.name_of(abi.FORMS, self.record.form)
        self.slow = abi.name_of(abi.SLOW_PATHS, self.record.flags & abi.FLAG_SLOW_MASK)
        self.site = image.follow(table, offset)
        self.dest = image.follow(table, offset + 4)
        self.stub: tuple[int, int] | None = None

    def verdict(self) -> SiteVerdict:
        """The checks of this entry's pass, up to the first that fails."""
        site, record = self.site, self.record
        if site is None or not site.section:
            return self._say("the entry leads to no section", Location(0, 0), "")
        section = self.image.sections[site.section]
        problem, target = self._common(section, site), ""
        if not problem:
            checks = {
                "relpoline": self._relpoline,
                "static-call": self._static_call,
                "marker": self._marker,
                "call-ops": self._call_ops,
            }
            found = checks.get(self.pass_)
            if found is None:
                return self._say(f"no checker knows the pass {self.pass_}", site, "", Verdict.UNKNOWN)
            problem, target = found(section, site)
        if record.version != abi.VERSION:
            return self._say(f"the record is of version {record.version}", site, target, Verdict.UNKNOWN)
        return self._say(problem, site, target)

    def _common(self, section: Section, site: Location) -> str:
        record = self.record
        size = abi.FORM_SIZE.get(self.form, 0)
        if not size or not 3 <= record.block <= 6:
            return f"the entry makes no sense: form {record.form}, block {record.block}"
        return straddle(self.image, section, site.offset, size, record.block) or (
            ""
            if site_form(section, site.offset) == self.form
            else f"there is no {self.form}{'' if self.form in ('nop', 'push') else ' with 32-bit displacement'}"
        )

    def _relpoline(self, section: Section, site: Location) -> tuple[str, str]:
        record, image = self.record, self.image
        target = image.follow(section, site.offset + 1, 4)
        dest, slots = self.dest, image.follow(self.table, self.offset + 8)
        if dest is None or target is None or dest[:2] != target[:2]:
            return "the instruction leads elsewhere than to its stub", ""
        name = image.symbol_at(dest)
        if slots is None or record.reg > 15 or record.chain < 1:
            return f"the entry makes no sense: register {record.reg}, chain {record.chain}", name
        stub = image.sections[dest.section]
        shape = stub_shape(image, stub, dest.offset, record.reg, record.chain, slots)
        if shape.problem or shape.slow is None:
            return shape.problem, name
        return self._slow(shape.slow), name

    def _slow(self, slow: Location) -> str:
        image, register = self.image, self.record.reg
        if self.slow == "external":
            name = image.symbol_at(slow)
            wanted = [
                f"{prefix}{abi_register(register)[1:]}" for prefix in ("__x86_indirect_thunk_", "__llvm_retpoline_")
            ]
            known = name in wanted or not (name or image.relocatable)
            return "" if known else f"the slow path is {name}, not {wanted[0]}"
        if not slow.section:
            return f"the slow path {slow.symbol} is not in the object"
        if self.slow == "retpoline" and image.shadow_stack:
            return "the file is marked for shadow stacks, where a retpoline's return faults"
        notrack = bool(self.record.flags & abi.FLAG_NOTRACK)
        return thunk_problem(image.sections[slow.section], slow.offset, self.slow, register, notrack)

    def _static_call(self, section: Section, site: Location) -> tuple[str, str]:
        image = self.image
        size = abi.FORM_SIZE[self.form]
        target = image.follow(section, site.offset + size - 4, 4)
        name = image.symbol_at(target) if target else ""
        if not image.relocatable:
            return ("" if target else "the call leads nowhere"), name
        key = self.dest
        if key is None or not key.got or key.offset:
            return "the entry names no key", name
        if not name or (target is not None and target.offset and target.symbol):
            return "the call leads to no trampoline", name
        same = bool(self.record.flags & abi.FLAG_KEY_IS_TRAMPOLINE)
        for one in (name, *(image.labels_at(target) if target else ())):
            if key.symbol == one if same else is_key(key.symbol, one):
                return "", one
        return f"the key {key.symbol} is not that of {name}", name

    def _marker(self, section: Section, site: Location) -> tuple[str, str]:
        from asmrewrite.verify.keytests import key_stub

        image, key = self.image, self.dest
        stub = image.follow(section, site.offset + 1, 4)
        if stub is None or stub.section != section.number:
            return "the instruction leads to no stub", ""
        name = image.symbol_at(stub)
        found = key_stub(image, section, stub.offset, site.offset + 5, image.follow(self.table, self.offset + 8))
        if found.problem:
            return found.problem, name
        self.stub = stub.offset, found.size
        if image.relocatable and (key is None or not key.got or key.offset or not key.symbol):
            return "the entry names no key", name
        return "", name

    def _call_ops(self, section: Section, site: Location) -> tuple[str, str]:
        record, image, entry = self.record, self.image, self.dest
        if self.form not in ("nop", "push") or record.block != ENTRY_BLOCK:
            return f"the entry makes no sense: form {record.form}, block {record.block}", ""
        if entry is None or entry.section != site.section or entry.symbol:
            return "the entry names no function of its section", ""
        name, distance = image.function(entry)
        if (distance or not name) and image.symbols:
            return "no function begins where the entry says", name
        cell = image.follow(self.table, self.offset + 8) if self._names_cell() else None
        if self._names_cell():
            expected = Location(site.section, entry.offset - abi.SLOT_SIZE)
            if cell is None or cell[:2] != expected[:2] or (section.address + expected.offset) % abi.SLOT_SIZE:
                return "the literal is not the aligned word before the function", name
            if section.data[expected.offset : entry.offset].strip(b"\0") or expected.offset < 0:
                return "the literal is not empty", name
        return entry_problem(section, entry.offset, site.offset, record.reg), name

    def _names_cell(self) -> bool:
        """Whether the third field leads somewhere: in an object it may be 0 and have a relocation."""
        return bool(self.record.slots) or self.offset + 8 in self.image.relocations(self.table.number)

    def _stub(self) -> tuple[int, int] | None:
        if self.pass_ != "relpoline" or self.dest is None or not self.dest.section:
            return self.stub
        return self.dest.offset, self.record.chain * (CMP_SIZE + JCC_SIZE) + JMP_SIZE

    def _say(self, problem: str, site: Location, target: str, verdict: Verdict | None = None) -> SiteVerdict:
        record = self.record
        verdict = verdict or (Verdict.FAIL if problem else Verdict.PASS)
        function, distance = self.image.function(site)
        register = abi_register(record.reg)[1:] if record.reg != abi.NO_REGISTER else ""
        relpoline = self.pass_ == "relpoline"
        return SiteVerdict(
            verdict, problem, self.image.path, self.pass_, self.form, self.image.sections[site.section].name,
            site.offset, function, distance, target, register, record.chain, record.block,
            self.slow if relpoline else "", site.section, self._stub(),
        )  # fmt: skip


def _kernel_verdict(image: Image, found: kernel.Found) -> SiteVerdict:
    site = found.site
    function, distance = image.function(site)
    register = abi_register(found.register)[1:] if found.register != abi.NO_REGISTER else ""
    return SiteVerdict(
        Verdict.FAIL if found.problem else Verdict.PASS, found.problem, image.path, found.table, found.form,
        image.sections[site.section].name, site.offset, function, distance, found.target, register, found.chain,
        6 if found.table in ("static-call", "relpoline") else 0, found.slow, site.section, found.stub,
    )  # fmt: skip


def straddle(image: Image, section: Section, offset: int, size: int, block: int) -> str:
    """Whether [offset, offset + size) leaves its aligned block of 2**block bytes, in words; "" when it does not."""
    bytes_ = 1 << block
    if image.relocatable and section.alignment < bytes_:
        return f"the section is aligned to {section.alignment} bytes, not to {bytes_}"
    if (section.address + offset) % bytes_ + size > bytes_:
        return f"the instruction straddles a block of {bytes_} bytes"
    return ""


def is_key(key: str, trampoline: str) -> bool:
    """Whether `key` is the key of `trampoline`: __SCK__x of __SCT__x."""
    return trampoline.startswith("__SCT__") and key == "__SCK__" + trampoline[len("__SCT__") :]


__all__ = ["SiteVerdict", "Verdict", "bytecode_alone", "check", "check_bytes"]
