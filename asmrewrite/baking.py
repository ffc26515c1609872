"""bake: fill the chains of a linked program from a profile, in the file, and nothing else.

For each entry that it trains it writes the slot's address and the displacement of the entry's jump. The slot is what
the linker made of it: eight bytes in place, or the addend of an R_X86_64_RELATIVE relocation.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import NamedTuple

from asmrewrite.errors import AsmRewriteError, CheckError, ToolError
from asmrewrite.profile import Place
from asmrewrite.stubs import abi
from asmrewrite.verify.image import Image
from asmrewrite.verify.shapes import CMP_SIZE, JCC_SIZE
from asmrewrite.verify.sites import Verdict, check_bytes, check_image
from asmrewrite.verify.symbols import Function, Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from asmrewrite.profile import Profile, Target
    from asmrewrite.verify.image import Section

#: Farthest that a jump of 32 bits is let go, as in the runtime (bytes).
_REACH = 0x7FF00000


class Stub(NamedTuple):
    """A site's stub in the file: addresses of the site, the stub, its first slot and its slow path."""

    site: int
    stub: int
    slots: int
    slow: int
    chain: int


class Left(NamedTuple):
    """A target that got no entry, and why."""

    site: str
    target: str
    reason: str


class Baked(NamedTuple):
    """A baked file: its content, how many sites and entries were filled, what was left."""

    content: bytes
    module: str
    sites: int
    trained: int
    entries: int
    left: tuple[Left, ...]
    #: The profile's sites of this module that the file has not.
    gone: tuple[str, ...]


def bake(content: bytes, profile: Profile, name: str) -> Baked:
    """`content`, an x86-64 program or shared library, with its chains filled from `profile`.

    Raises `CheckError` when it is no such file, has no symbols, or has a site that does not pass, before or after.
    """
    image = Image(name, BytesIO(content))
    if image.relocatable:
        raise CheckError("is an object, not linked yet", file=name, hint="compile with profile=FILE instead")
    if not any(image.symbols):
        raise CheckError(
            "has no symbol table, so that sites and targets have no names", file=name, hint="bake before strip"
        )
    bad = [verdict for verdict in check_image(image) if verdict.verdict is not Verdict.PASS]
    if bad:
        raise CheckError(f"cannot be baked: {bad[0]}", file=name)
    module = module_name(content, name)
    if not any(place.module == module for place in profile):
        there = ", ".join(sorted({place.module or "the program" for place in profile}))
        raise AsmRewriteError(
            f"the profile has no site of {module or 'the program'}",
            file=name,
            hint=f"it has sites of {there or 'none'}",
        )
    return _Baking(image, content, module).run(profile)


def module_name(content: bytes, name: str) -> str:
    """What the runtime calls the module: "" for a program, a library's soname, or its file's name without one."""
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(BytesIO(content))
    soname = ""
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_INTERP":
            return ""
        if isinstance(segment, DynamicSegment):
            for tag in segment.iter_tags():
                if tag.entry.d_tag == "DT_SONAME":
                    soname = str(getattr(tag, "soname", ""))
                elif tag.entry.d_tag == "DT_FLAGS_1" and tag.entry.d_val & 0x08000000:  # DF_1_PIE: static-pie
                    return ""
    return "" if elf["e_type"] == "ET_EXEC" else soname or os.path.basename(name)


class _Baking:
    """The state of one bake."""

    def __init__(self, image: Image, content: bytes, module: str) -> None:
        self.image, self.module = image, module
        self.data = bytearray(content)
        self.before = content
        self.functions = Functions(image)
        self.left: list[Left] = []
        self.jumps: list[tuple[int, int]] = []
        self.addends = _addends(image)

    def run(self, profile: Profile) -> Baked:
        stubs = self._stubs()
        seen: set[Place] = set()
        trained = entries = 0
        named = self._named(stubs)
        counts: dict[Place, int] = {}
        for place, _ in named:
            counts[place] = counts.get(place, 0) + 1
        for place, stub in named:
            if place not in profile:
                continue
            seen.add(place)
            targets = self._targets(str(place), stub, profile[place].frequent()) if counts[place] == 1 else []
            if counts[place] > 1:
                self.left.append(Left(str(place), "", "several sites have that name"))
            if targets:
                self._fill(stub, targets)
                trained += 1
                entries += len(targets)
        self._put_jumps()
        gone = sorted(str(place) for place in profile if place.module == self.module and place not in seen)
        content = bytes(self.data)
        bad = [v for v in check_bytes(content, self.image.path) if v.verdict is not Verdict.PASS]
        if bad:
            raise CheckError(f"{bad[0]}", hint="nothing was written; this is a defect of asmrewrite, please report it")
        return Baked(content, self.module, len(stubs), trained, entries, tuple(self.left), tuple(gone))

    def _stubs(self) -> list[Stub]:
        """All relpoline sites by address."""
        image, found = self.image, []
        for table in image.named(abi.SITES_SECTION):
            for offset in range(0, len(table.data), abi.RECORD_SIZE):
                record = abi.Record.unpack(table.data, offset)
                if record.pass_ != abi.PASSES["relpoline"]:
                    continue
                base = table.address + offset
                stub = base + 4 + record.dest
                end = stub + record.chain * (CMP_SIZE + JCC_SIZE)
                section, place = self._section(end)
                slow = end + 5 + int.from_bytes(section.data[place + 1 : place + 5], "little", signed=True)
                found.append(Stub(base + record.site, stub, base + 8 + record.slots, slow, record.chain))
        return sorted(found)

    def _named(self, stubs: list[Stub]) -> list[tuple[Place, Stub]]:
        found: list[tuple[Place, Stub]] = []
        ordinals: dict[Function, int] = {}
        for stub in stubs:
            function = self.functions.at(stub.site)
            if function is None:
                found.append((Place(self.module, "", "", stub.site), stub))
                continue
            ordinal = ordinals[function] = ordinals.get(function, -1) + 1
            found.append((Place(self.module, function.file, function.name, ordinal), stub))
        return found

    def _targets(self, place: str, stub: Stub, wanted: Sequence[Target]) -> list[int]:
        """The addresses of `wanted`, as many as the chain takes."""
        found: list[int] = []
        for target in wanted:
            address, reason = self._address(target, stub)
            if reason:
                self.left.append(Left(place, str(target), reason))
            elif address not in found:
                found.append(address)
        return found[: stub.chain]

    def _address(self, target: Target, stub: Stub) -> tuple[int, str]:
        if target.module:
            return 0, "it is in another module"
        if target.offset or not target.symbol:
            return 0, "no symbol stands there"
        addresses = self.functions.named(target.file, target.symbol)
        if not addresses:
            return 0, "the file has no such function"
        if len(addresses) > 1:
            return 0, "several functions have that name"
        (address,) = addresses
        if abs(address - stub.stub) > _REACH:
            return 0, "it is further than 2 GiB"
        return address, ""

    def _fill(self, stub: Stub, targets: list[int]) -> None:
        for entry in range(stub.chain):
            slot = stub.slots + abi.SLOT_SIZE * entry
            jump = stub.stub + (CMP_SIZE + JCC_SIZE) * entry + CMP_SIZE
            self._put_slot(slot, targets[entry] if entry < len(targets) else slot)
            self.jumps.append((jump, targets[entry] if entry < len(targets) else stub.slow))

    def _put_slot(self, slot: int, value: int) -> None:
        """The address that the loader, or the file itself, gives the slot."""
        section, offset = self._section(slot)
        here, new = section.offset + offset, value.to_bytes(8, "little")
        addend = self.addends.get(slot)
        if addend is None or self.data[here : here + 8] == self.data[addend : addend + 8]:
            self.data[here : here + 8] = new
        if addend is not None:
            self.data[addend : addend + 8] = new

    def _put_jumps(self) -> None:
        for (jump, _), code in zip(self.jumps, _encoded(self.jumps), strict=True):
            section, offset = self._section(jump)
            self.data[section.offset + offset : section.offset + offset + JCC_SIZE] = code

    def _section(self, address: int) -> tuple[Section, int]:
        location = self.image.at(address)
        if location is None:
            raise CheckError(f"has nothing at {address:#x}", file=self.image.path)
        return self.image.sections[location.section], location.offset


def _addends(image: Image) -> dict[int, int]:
    """Address of a relocated pointer -> where in the file its addend is (Elf64_Rela: offset, info, addend)."""
    return {
        place: section.offset + 24 * number + 16
        for section in image.sections
        if section.kind == "SHT_RELA" and section.flags & 2
        for number, place in enumerate(_places(section.data))
    }


def _places(table: bytes) -> list[int]:
    return [int.from_bytes(table[at : at + 8], "little") for at in range(0, len(table), 24)]


def _encoded(jumps: list[tuple[int, int]]) -> list[bytes]:
    """`je` with 32 bits for each (address, target): keystone's, and gas's where that chose 8 bits."""
    if not jumps:
        return []
    from asmrewrite.toolchain.encoder import GasEncoder, KeystoneEncoder

    snippets = [(address, [f"je {target:#x}"]) for address, target in jumps]
    found = KeystoneEncoder().encode(snippets)
    short = [number for number, code in enumerate(found) if len(code) != JCC_SIZE]
    for number, code in zip(short, GasEncoder().encode([snippets[number] for number in short]), strict=True):
        found[number] = code
    for (address, target), code in zip(jumps, found, strict=True):
        if code != b"\x0f\x84" + (target - address - JCC_SIZE).to_bytes(4, "little", signed=True):
            raise ToolError(f"the encoder makes {code.hex()} of a jump from {address:#x} to {target:#x}")
    return found


__all__ = ["Baked", "Left", "bake", "module_name"]
