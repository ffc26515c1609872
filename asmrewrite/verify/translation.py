"""Level "full": translation validation. The rewritten object is the original but for the published sites.

Both objects are walked together. Outside the sites, instructions, relocations, symbols and their sizes, unwind and
exception tables, data, section headers and groups must be equal under one monotone map of offsets for each text
section; inside, the stub must do what the original branch did. What is not proven equal is a FAIL, and what this
checker does not understand an UNKNOWN; a PASS is a proof but for the decoder and the readers of this package.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.stubs import abi
from asmrewrite.verify.frames import Frame, Table, frames, table_at
from asmrewrite.verify.image import GOT_RELATIVE, PC_RELATIVE, Image, Location, Relocation, Section, Symbol, damage
from asmrewrite.verify.shapes import CMP_SIZE, JCC_SIZE, abi_register, thunk_bytes
from asmrewrite.verify.sites import SiteVerdict, Verdict, check_image
from asmrewrite.verify.streams import Replaced, Site, Walk, Walked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Sections that a rewriting adds, by name and by the beginning of a name.
_ADDED = frozenset({abi.SITES_SECTION, abi.SLOTS_SECTION, abi.KERNEL_STATIC_CALLS})
_THUNKS = ".text.__relpoline_"
_THUNK_SYMBOLS = "__relpoline_"
_EXEC = 4
_GOT = "_GLOBAL_OFFSET_TABLE_"
#: Sections that hold no content of the program.
_TABLES = frozenset({"SHT_SYMTAB", "SHT_STRTAB", "SHT_RELA", "SHT_GROUP", "SHT_NULL"})
#: GOTPCREL of a call or jump, and of a mov (psABI, "Optimize GOTPCRELX relocations").
_GOTPCRELX, _REX_GOTPCRELX = 41, 42
#: R_X86_64_64, _32, _32S; R_X86_64_PC64.
_ABSOLUTE, _PC64 = (1, 10, 11), 24
_HEADER = struct.Struct("<IIQQQQIIQQ")
_LINK_ORDER, _GROUP = 0x80, 0x200
#: What gas writes for `.cfi_startproc`: "zR", the CFA in 8(%rsp), the return address below it.
_CIE = b"\x01zR\0\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01"


class SectionVerdict(NamedTuple):
    """What was found of a section, or of "symbols" or "sections" as a whole; `reason` is "" when it passes."""

    verdict: Verdict
    section: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return {"verdict": self.verdict.value, "section": self.section, "reason": self.reason}


class Translation(NamedTuple):
    """The outcome of a comparison: a verdict for each site, and for each section."""

    file: str
    sites: tuple[SiteVerdict, ...]
    sections: tuple[SectionVerdict, ...]

    @property
    def verdict(self) -> Verdict:
        """FAIL when anything fails, UNKNOWN when anything is not known, else PASS."""
        found = {v.verdict for v in self.sites} | {v.verdict for v in self.sections}
        return next((v for v in (Verdict.FAIL, Verdict.UNKNOWN) if v in found), Verdict.PASS)


def validate(original: str, new: str) -> Translation:
    """Compare the object at `original` with the rewritten one at `new`.

    Raises `CheckError` when one is no x86-64 relocatable object, `OSError` when it cannot be read.
    """
    contents = []
    for path in (original, new):
        with open(path, "rb") as file:
            contents.append(file.read())
    return validate_bytes(contents[0], contents[1], new)


def validate_bytes(original: bytes, new: bytes, name: str) -> Translation:
    """The same for objects in memory."""
    with damage(name):
        images = [Image(f"{name} (original)", BytesIO(original)), Image(name, BytesIO(new))]
        for image in images:
            if not image.relocatable:
                raise CheckError("is linked; translation validation compares objects", file=image.path)
        return _Comparison(images[0], images[1], _Headers(original, images[0]), _Headers(new, images[1])).run()


class _Headers:
    """What the ELF headers say that an `Image` does not keep: the file's own, and each section's link."""

    def __init__(self, content: bytes, image: Image) -> None:
        (start,) = struct.unpack_from("<Q", content, 0x28)
        rows = [_HEADER.unpack_from(content, start + _HEADER.size * n) for n in range(len(image.sections))]
        self.links: list[int] = [row[6] for row in rows]
        self.infos: list[int] = [row[7] for row in rows]
        self.file = content[:0x28] + content[0x30:0x3C]
        self.problem = next((p for n, row in enumerate(rows) if (p := self._table(n, row, image, len(content)))), "")

    def _table(self, number: int, row: tuple[int, ...], image: Image, size: int) -> str:
        """What is wrong with the header of a section; of those that hold no content, all that it says."""
        section = image.sections[number]
        if section.kind != "SHT_NOBITS" and row[4] + row[5] > size:
            return f"{section.name} is cut short"
        if row[8] & (row[8] - 1):
            return f"{section.name} is aligned to {row[8]}"
        if row[3]:
            return f"{section.name} has an address"
        link, info = row[6], row[7]
        kind = image.sections[link].kind if link < len(image.sections) else ""
        if section.kind == "SHT_NULL":
            return f"{section.name} is of no kind" if number else ""
        if section.kind == "SHT_RELA":
            good = (
                kind == "SHT_SYMTAB" and row[9] == 24 and not row[2] & ~(0x40 | _GROUP) and 0 < info < len(self.links)
            )
            if good and section.size != 24 * len(image.relocations(info)):
                return f"{section.name}: two relocations are at one place"
        elif section.kind == "SHT_SYMTAB":
            if any(section.data[:24]):
                return "the first symbol is not null"
            locals_ = [n for n, symbol in enumerate(image.symbols) if symbol.binding == 0]
            good = (
                kind == "SHT_STRTAB"
                and row[9] == 24
                and not row[2]
                and locals_ == [*range(min(info, len(image.symbols)))]
            )
            good = good and info == len(locals_)
        elif section.kind == "SHT_STRTAB":
            good = not (row[2] or link or info or row[9])
        elif section.kind == "SHT_GROUP":
            members = [n for (n,) in struct.iter_unpack("<I", image.contents(section)[4:])]
            good = kind == "SHT_SYMTAB" and row[9] == 4 and not row[2] and all(0 < n < len(self.links) for n in members)
            good = good and not any(image.sections[n].kind == "SHT_GROUP" for n in members)
        else:
            good = not info and bool(link) == bool(row[2] & _LINK_ORDER)
        return "" if good else f"the header of {section.name} makes no sense"


class _Comparison:
    """Two objects; `pairs` are the sections that correspond, `walked` what became of each text section's offsets."""

    def __init__(self, original: Image, new: Image, headers: _Headers, new_headers: _Headers) -> None:
        self.old, self.new = original, new
        self.headers, self.new_headers = headers, new_headers
        self.sites = list(check_image(new))
        self.verdicts: list[SectionVerdict] = []
        self.pairs: dict[int, int] = {}
        self.walked: dict[int, Walked] = {}
        self.bases: dict[int, list[int]] = {}
        self.tables: dict[tuple[int, int], tuple[int, int]] = {}

    def run(self) -> Translation:
        """All comparisons, in an order in which each needs only what came before."""
        if self._pair_sections():
            for number in self._text():
                self._walk(number)
            self._find_bases()
            for number, other in self.pairs.items():
                if self.old.sections[number].kind == "SHT_GROUP":
                    continue
                self._section(self.old.sections[number], self.new.sections[other])
            self._symbols()
            self._say("tables", self._added() or self._records())
        return Translation(self.new.path, tuple(self.sites), tuple(self.verdicts))

    def _say(self, section: str, problem: str, verdict: Verdict = Verdict.FAIL) -> None:
        self.verdicts.append(SectionVerdict(verdict if problem else Verdict.PASS, section, problem))

    # ---- sections -------------------------------------------------------------------------------------

    def _pair_sections(self) -> bool:
        """Match the sections of both, in order, by all that their headers say."""
        if problem := self.headers.problem or self.new_headers.problem:
            self._say("sections", problem, Verdict.UNKNOWN)
            return False
        if self.headers.file != self.new_headers.file:
            self._say("sections", "the header of the file changed")
            return False
        mine = [s for s in self.old.sections if s.kind not in _TABLES]
        had = {s.name for s in mine}
        theirs = [
            s
            for s in self.new.sections
            if s.kind not in _TABLES and not s.name.startswith(_THUNKS) and not (s.name in _ADDED and s.name not in had)
        ]
        old_groups, new_groups = self.old.groups, self.new.groups
        for a, b in zip(mine, theirs, strict=False):
            problem = _headers(a, b) or (
                "" if old_groups.get(a.number) == new_groups.get(b.number) else "it changed its group"
            )
            if problem:
                self._say(a.name, problem)
                return False
            self.pairs[a.number] = b.number
        if len(mine) != len(theirs):
            self._say("sections", f"there were {len(mine)} sections and are {len(theirs)}")
            return False
        for number, other in self.pairs.items():
            mine_link, their_link = self.headers.links[number], self.new_headers.links[other]
            if self.pairs.get(mine_link, 0) != their_link:
                self._say(self.old.sections[number].name, "it is linked to another section")
                return False
        self._say("sections", self._groups())
        signatures = {new_groups[s.number]: s.number for s in self.new.sections if s.kind == "SHT_GROUP"}
        for section in self.old.sections:
            if section.kind == "SHT_GROUP" and old_groups[section.number] in signatures:
                self.pairs[section.number] = signatures[old_groups[section.number]]
        return True

    def _groups(self) -> str:
        """Groups by signature: each is there with the same flags, and a relocation table is in its section's group."""
        words = [
            {i.groups[s.number]: (i.contents(s)[:4], s.name) for s in i.sections if s.kind == "SHT_GROUP"}
            for i in (self.old, self.new)
        ]
        for signature, word in words[0].items():
            if words[1].pop(signature, None) != word:
                return f"the group {signature} changed"
        for signature, (kind, _) in words[1].items():
            if kind != b"\1\0\0\0" or not signature.startswith(_THUNK_SYMBOLS):
                return f"the group {signature} came from nowhere"
        groups = self.new.groups
        for section in self.new.sections:
            if section.kind != "SHT_GROUP" and bool(section.flags & _GROUP) != (section.number in groups):
                return f"{section.name} is in a group or not"
            if section.kind == "SHT_RELA":
                about = self.new_headers.infos[section.number]
                if groups.get(section.number) != groups.get(about):
                    return f"{section.name} is in another group than its section"
        return ""

    def _added(self) -> str:
        """Thunks, records and slots: their headers, and that nothing but them is in their sections."""
        groups = self.new.groups
        paired = set(self.pairs.values())
        text = {self.pairs[number] for number in self.walked}
        slow = {place for v in self.sites if (place := self._slow(v))}
        for s in self.new.sections:
            if s.kind in _TABLES or s.number in paired:
                continue
            link, relocations = self.new_headers.links[s.number], self.new.relocations(s.number)
            flags = s.flags & ~_GROUP
            if s.name.startswith(_THUNKS):
                name = s.name.removeprefix(".text.")
                if flags != 6 or groups.get(s.number) != name or relocations or (s.number, 0) not in slow:
                    return f"{s.name} is no thunk of a site"
                own = self._thunk_size(s)
                if s.data[own:].strip(b"\xcc\x90\0") and not _only_nops(s.data[own:]):
                    return f"there is code behind {name}"
            elif s.name == abi.KERNEL_STATIC_CALLS:
                if flags != 3 or s.alignment < 4:
                    return f"{s.name} has flags of its own"
            else:
                wanted = _LINK_ORDER | (3 if s.name == abi.SLOTS_SECTION else 2)
                if flags != wanted or s.alignment < (8 if s.name == abi.SLOTS_SECTION else 4) or s.entry_size:
                    return f"{s.name} has flags of its own"
                if link not in text or groups.get(link) != groups.get(s.number):
                    return f"{s.name} is not tied to the text of its sites"
                if s.name == abi.SLOTS_SECTION:
                    never = abi.NEVER.to_bytes(abi.SLOT_SIZE, "little")
                    if relocations or s.data != never * (len(s.data) // abi.SLOT_SIZE):
                        return "slots hold something else than the address that nothing has"
            if s.kind != "SHT_PROGBITS" or s.entry_size:
                return f"{s.name} is of another kind"
        return ""

    def _records(self) -> str:
        """What a record says and the level "sites" does not need: spare bits, and the prefix `notrack`."""
        notrack = {
            (self.pairs[number], replaced.site.offset): replaced.notrack
            for number, walked in self.walked.items()
            for replaced in walked.replaced
        }
        for table in self.new.named(abi.SITES_SECTION):
            for offset in range(0, len(table.data), abi.RECORD_SIZE):
                record = abi.Record.unpack(table.data, offset)
                place = self.new.follow(table, offset)
                static = record.pass_ == abi.PASSES["static-call"]
                spare = abi.FLAG_KEY_IS_TRAMPOLINE if static else abi.FLAG_SLOW_MASK | abi.FLAG_NOTRACK
                nothing = (record.reg, record.chain, record.slots) == (abi.NO_REGISTER, 0, 0)
                if record.reserved or record.flags & ~spare or (static and not nothing):
                    return f"the record at {offset:#x} says what has no meaning"
                if static and self.new.relocation_kind(table, offset + 4) not in (9, None):
                    return f"the key of the record at {offset:#x} is reached in another way"
                found = notrack.get((place.section, place.offset)) if place else None
                if not static and found is not None and found != bool(record.flags & abi.FLAG_NOTRACK):
                    return f"the record at {offset:#x} says otherwise whether the branch is notrack"
        return ""

    def _slow(self, verdict: SiteVerdict) -> tuple[int, int] | None:
        """Section and offset of a site's slow path."""
        if not verdict.stub or verdict.verdict is not Verdict.PASS:
            return None
        found = self.new.follow(self.new.sections[verdict.number], sum(verdict.stub) - 4, 4)
        return (found.section, found.offset) if found else None

    def _thunk_size(self, section: Section) -> int:
        name = section.name.removeprefix(_THUNKS)
        slow, _, register = name.rpartition("_")
        slow, _, notrack = slow.partition("_")
        return len(thunk_bytes(slow, _register(register), notrack == "notrack"))

    def _text(self) -> list[int]:
        return [number for number in self.pairs if self.old.sections[number].flags & _EXEC]

    def _walk(self, number: int) -> None:
        old, new = self.old.sections[number], self.new.sections[self.pairs[number]]
        sites = [
            Site(v.offset, abi.FORM_SIZE[v.form], v.pass_, v.form, _register(v.register))
            for v in self.sites
            if v.number == new.number and v.pass_ in ("relpoline", "static-call")
        ]
        relocations = (self.old.relocations(number), self.new.relocations(new.number))
        walked = Walk(old, new, sites, relocations).walk()
        self.walked[number] = walked
        for difference in walked.differences[:4]:
            self._say(old.name, f"{self._place(self.old, old, difference.original)}: {difference.what}")

    def _place(self, image: Image, section: Section, offset: int) -> str:
        name, distance = image.function(Location(section.number, offset))
        return f"{name}+{distance:#x}" if name else f"{section.name}+{offset:#x}"

    def _leads(self, number: int, original: int, new: int) -> bool:
        """Whether an offset of the original's section `number` may have become `new`."""
        walked = self.walked.get(number)
        return walked.offsets.leads(original, new) if walked else original == new

    # ---- one section ----------------------------------------------------------------------------------

    def _section(self, old: Section, new: Section) -> None:
        if old.number in self.walked:
            if not self.walked[old.number].differences:
                self._say(old.name, self._text_relocations(old, new) or self._rest(old, new))
        elif old.name == ".eh_frame":
            self._guarded(old.name, lambda: self._frames(old, new))
        elif old.name.startswith(".gcc_except_table"):
            # The rows are compared from the frames that lead to them.
            self._guarded(old.name, lambda: self._between_tables(old, new))
        elif old.name.startswith((".debug", ".zdebug")):
            same = not self._data(old, new)
            reason = "" if same else "debug information is compared byte for byte only, and it moved"
            self._say(old.name, reason, Verdict.UNKNOWN)
        else:
            self._say(old.name, self._data(old, new))

    def _guarded(self, name: str, compare: Any) -> None:
        try:
            self._say(name, compare())
        except CheckError as error:
            self._say(name, error.message, Verdict.UNKNOWN)

    def _text_relocations(self, old: Section, new: Section) -> str:
        """Every relocation of the original has its equal, and every other of the new one is a site's or a stub's."""
        walked = self.walked[old.number]
        mine, theirs = dict(self.old.relocations(old.number)), dict(self.new.relocations(new.number))
        for replaced in walked.replaced:
            problem = self._replaced(old, replaced, mine, theirs)
            if problem:
                return f"{self._place(self.old, old, replaced.original[0])}: {problem}"
        for offset, relocation in mine.items():
            place = walked.offsets[offset]
            found = theirs.pop(place, None)
            if found is None:
                return f"{self._place(self.old, old, offset)}: its relocation is gone"
            problem = self._relocation(relocation, found, walked.behind.get(offset, 4))
            if problem:
                return f"{self._place(self.old, old, offset)}: {problem}"
        fields = self._stub_fields(self.pairs[old.number])
        left = next((offset for offset in theirs if offset < walked.end or offset not in fields), None)
        return "" if left is None else f"{self._place(self.new, new, left)}: a relocation came from nowhere"

    def _stub_fields(self, number: int) -> set[int]:
        """The offsets in section `number` that the relocations of stubs may be at."""
        found: set[int] = set()
        for start, size in (v.stub for v in self.sites if v.stub and v.number == number):
            found.add(start + size - 4)
            for entry in range(start, start + size - 5, CMP_SIZE + JCC_SIZE):
                found |= {entry + 3, entry + CMP_SIZE + 2}
        return found

    def _replaced(
        self, old: Section, replaced: Replaced, mine: dict[int, Relocation], theirs: dict[int, Relocation]
    ) -> str:
        """The relocations of a site, taken out of both: what the branch named, its load or its call must name."""
        was = [mine.pop(o) for o in range(*replaced.original) if o in mine]
        loads = [theirs.pop(n) for n in range(*replaced.load) if n in theirs]
        calls = [theirs.pop(n) for n in range(replaced.site.offset, replaced.new[1]) if n in theirs]
        if replaced.site.pass_ == "static-call":
            return self._static_call(was, calls)
        if calls:
            return "the call of its stub has a relocation"
        if replaced.load != (0, 0):
            if len(was) != len(loads):
                return "the load of its target names something else"
            return self._relocation(_as_load(was[0]), loads[0], 4) if was else ""
        return self._thunk(old, replaced, was)

    def _static_call(self, was: list[Relocation], calls: list[Relocation]) -> str:
        if len(was) != 1 or len(calls) != 1:
            return "" if not was and not calls else "the static call names its target otherwise"
        before, after = was[0], calls[0]
        if before.kind in GOT_RELATIVE and after.kind in PC_RELATIVE:
            same = self._name(self.old, before) == self._name(self.new, after) and before.addend == after.addend
            return "" if same else "the static call names another target"
        return self._relocation(before, after, 4)

    def _thunk(self, old: Section, replaced: Replaced, was: list[Relocation]) -> str:
        """A branch through a compiler's thunk: the site's slow path must be that thunk. Otherwise nothing was named."""
        verdict = next(v for v in self.sites if v.offset == replaced.site.offset and v.number == self.pairs[old.number])
        if (verdict.slow == "external") != replaced.direct:
            return "its slow path is not what it went through"
        if not replaced.direct:
            return "" if not was else "a branch through a register has a relocation"
        if was and (len(was) != 1 or was[0].kind not in PC_RELATIVE or was[0].addend != -4):
            return "it went elsewhere than to the start of a thunk"
        name = self._name(self.old, was[0]) if was else self._target_name(old, replaced)
        if was and not name:
            symbol = self.old.symbols[was[0].symbol]
            name = self.old.symbol_at(Location(symbol.section, symbol.value))
        register = abi_register(replaced.site.register)[1:]
        known = name in (f"__x86_indirect_thunk_{register}", f"__llvm_retpoline_{register}")
        return "" if known else f"it went through {name or 'no thunk'}"

    def _target_name(self, old: Section, replaced: Replaced) -> str:
        found = self.old.follow(old, replaced.original[1] - 4, 4)
        return self.old.symbol_at(found) if found else ""

    def _rest(self, old: Section, new: Section) -> str:
        """Behind the original's part there are stubs of the tables, padding, and nothing else."""
        end = self.walked[old.number].end
        covered = sorted(v.stub for v in self.sites if v.stub and v.number == new.number)
        for start, size in covered:
            if any(byte not in b"\xcc\x90\x00" for byte in new.data[end:start]) and not _only_nops(new.data[end:start]):
                return f"there is code between stubs at {end:#x}"
            end = start + size
        rest = new.data[end:]
        return "" if not rest or _only_nops(rest) or not rest.strip(b"\xcc\x90\0") else f"there is code at {end:#x}"

    def _data(self, old: Section, new: Section) -> str:
        """Bytes and relocations of a section that holds no code."""
        before, after = self.old.contents(old), self.new.contents(new)
        if before != after or old.size != new.size:
            return "its bytes changed"
        mine, theirs = self.old.relocations(old.number), self.new.relocations(new.number)
        if mine.keys() != theirs.keys():
            return "its relocations are at other places"
        # `.long target - table`, or `.long target - .`: which of both the relocation does not say, but all
        # of one table are the same.
        bases: dict[int, tuple[list[str], list[str]]] = {}
        for offset, relocation in mine.items():
            base = self._base(old.number, offset)
            behind = base - offset
            as_table, as_field = bases.setdefault(base, ([], []))
            if problem := self._relocation(relocation, theirs[offset], behind):
                as_table.append(f"at {offset:#x}: {problem}")
            if problem := self._relocation(relocation, theirs[offset], 0):
                as_field.append(f"at {offset:#x}: {problem}")
        return next((as_table[0] for as_table, as_field in bases.values() if as_table and as_field), "")

    # ---- relocations ----------------------------------------------------------------------------------

    def _name(self, image: Image, relocation: Relocation) -> str:
        return image.symbols[relocation.symbol].name

    def _relocation(self, old: Relocation, new: Relocation, behind: int) -> str:
        """Whether both say the same; a PC-relative one leads to addend + `behind`."""
        if old.kind != new.kind:
            return f"relocation type {old.kind} became {new.kind}"
        mine, theirs = self.old.symbols[old.symbol], self.new.symbols[new.symbol]
        behind = behind if old.kind in (*PC_RELATIVE, _PC64) else 0
        if old.kind not in (*PC_RELATIVE, _PC64, *_ABSOLUTE):
            # Of the GOT, of thread-local storage: about the symbol, whatever the place.
            same = mine.name == theirs.name and old.addend == new.addend
            same = same and self.pairs.get(mine.section, 0) == theirs.section
            same = same and (not mine.section or self._leads(mine.section, mine.value, theirs.value))
            return "" if same else f"it named {self._shown(self.old, mine)} and names {self._shown(self.new, theirs)}"
        if mine.section and theirs.section and (not mine.name or not theirs.name or mine.binding == 0):
            if self.pairs.get(mine.section) != theirs.section:
                return f"it named {self._shown(self.old, mine)} and names {self._shown(self.new, theirs)}"
            before, after = mine.value + old.addend + behind, theirs.value + new.addend + behind
            return "" if self._leads(mine.section, before, after) else f"it led to {before:#x} and leads to {after:#x}"
        same = mine.name == theirs.name and self.pairs.get(mine.section, 0) == theirs.section
        if not same or mine.special != theirs.special or old.addend != new.addend or not (new.symbol or not old.symbol):
            return f"it named {self._shown(self.old, mine)} and names {self._shown(self.new, theirs)}"
        return ""

    def _shown(self, image: Image, symbol: Symbol) -> str:
        return symbol.name or image.sections[symbol.section].name

    def _find_bases(self) -> None:
        """Where tables begin: every offset of a data section that code names (`lea table(%rip)`)."""
        for number in self._text():
            for relocation in self.old.relocations(number).values():
                symbol = self.old.symbols[relocation.symbol]
                if symbol.section and relocation.kind in PC_RELATIVE:
                    self.bases.setdefault(symbol.section, []).append(symbol.value + relocation.addend + 4)
        for places in self.bases.values():
            places.sort()

    def _base(self, section: int, offset: int) -> int:
        """The table that `offset` is in: `.long target - table` has its distance from the table in the addend."""
        from bisect import bisect_right

        places = self.bases.get(section, [])
        index = bisect_right(places, offset) - 1
        return places[index] if index >= 0 else offset

    # ---- unwinding ------------------------------------------------------------------------------------

    def _frames(self, old: Section, new: Section) -> str:
        """Every frame has its equal, in order; others belong to stubs and thunks and say nothing."""
        own = {(v.number, v.stub[0]) for v in self.sites if v.stub}
        theirs = []
        seen: set[tuple[int, int]] = set()
        used = frozenset[int]()
        for frame in frames(self.new, new):
            used |= frame.relocations
            if frame.size and frame.start[:2] in seen:
                return "two frames cover one place"
            if frame.size:
                seen.add(frame.start[:2])
            name = self.new.sections[frame.start.section].name
            # An empty frame at the original's end stands where the first stub begins.
            if frame.size and (frame.start[:2] in own or name.startswith(_THUNKS)):
                if problem := self._own_frame(frame):
                    return f"{problem}, at {frame.start.offset:#x} of {name}"
            else:
                theirs.append(frame)
        if used != self.new.relocations(new.number).keys():
            raise CheckError("a relocation that no frame has")
        mine = list(frames(self.old, old))
        problem = self._tables([f for f in mine if f.table], [f for f in theirs if f.table])
        if problem:
            return problem
        if len(mine) != len(theirs):
            return f"there were {len(mine)} frames and are {len(theirs)}"
        for a, b in zip(mine, theirs, strict=True):
            problem = self._frame(a, b)
            if problem:
                return f"{self._place(self.old, self.old.sections[a.start.section], a.start.offset)}: {problem}"
        return ""

    def _own_frame(self, frame: Frame) -> str:
        """What is wrong with the frame of a stub or thunk: it covers just that, and only a retpoline moves the CFA."""
        section = self.new.sections[frame.start.section]
        rows: tuple[tuple[int, bytes], ...] = ((0, b""),)
        if section.name.startswith(_THUNKS):
            size, offset = self._thunk_size(section), 0
            if section.name.startswith(f"{_THUNKS}retpoline"):
                rows = ((12, b"\x0e\x10"), (12, b""))
        else:
            size = next(v.stub[1] for v in self.sites if v.stub and (v.number, v.stub[0]) == frame.start[:2])
            offset = frame.start.offset
        if frame.cie[1] or frame.cie[0].rstrip(b"\0") != _CIE or frame.shape != (b"", 2) or frame.table is not None:
            return "the frame of a stub has another CIE or form"
        same = (frame.start.offset, frame.size, frame.rows) == (offset, size, rows)
        return "" if same else "the frame of a stub is not that of its code"

    def _tables(self, mine: list[Frame], theirs: list[Frame]) -> str:
        """Note where exception tables are; frames that share one must share its equal."""
        if len(mine) != len(theirs):
            return f"there were {len(mine)} frames with exception tables and are {len(theirs)}"
        places: dict[tuple[int, int], tuple[int, int]] = {}
        for a, b in zip(mine, theirs, strict=True):
            if a.table is None or b.table is None:
                continue
            x, y = (a.table.section, a.table.offset), (b.table.section, b.table.offset)
            if self.pairs.get(x[0]) != y[0] or places.setdefault(x, y) != y:
                return "a frame leads to another exception table"
        self.tables = places
        return ""

    def _between_tables(self, old: Section, new: Section) -> str:
        """What no table says: relocations outside of their types, and bytes behind them."""
        pairs = sorted((x[1], y[1]) for x, y in self._all_tables().items() if x[0] == old.number)
        if not pairs:
            same = not self._data(old, new)
            if same:
                return ""
            raise CheckError("no frame leads to it")
        rests = []
        for image, section, starts in (
            (self.old, old, [x for x, _ in pairs]),
            (self.new, new, [y for _, y in pairs]),
        ):
            if sorted(starts) != starts or starts[0] != 0:
                raise CheckError("exception tables in another order, or something before them")
            tables: list[Table] = [table_at(image, Location(section.number, start)) for start in starts]
            used = frozenset[int]().union(*(table.relocations for table in tables))
            if used != image.relocations(section.number).keys():
                raise CheckError("a relocation outside of the types")
            ends = [*starts[1:], len(section.data)]
            if any(table.end > end for table, end in zip(tables, ends, strict=True)):
                raise CheckError("exception tables overlap")
            # Exception specifications, the actions of a table without types, and padding.
            rests.append([section.data[t.end : end].rstrip(b"\0") for t, end in zip(tables, ends, strict=True)])
        return "" if rests[0] == rests[1] else "what follows an exception table changed"

    def _all_tables(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Exception tables of the original -> those of the new object, by section and offset."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for section in self.old.named(".eh_frame"):
            mine = [f for f in frames(self.old, section) if f.table]
            theirs = [f for f in frames(self.new, self.new.sections[self.pairs[section.number]]) if f.table]
            if self._tables(mine, theirs):
                raise CheckError("frames lead to other exception tables")
            found.update(self.tables)
        return found

    def _frame(self, a: Frame, b: Frame) -> str:
        section = a.start.section
        if a.cie != b.cie or a.shape != b.shape:
            return "its frame has another CIE or form"
        if self.pairs.get(section) != b.start.section or not self._leads(section, a.start.offset, b.start.offset):
            return "its frame starts elsewhere"
        if not self._leads(section, a.start.offset + a.size, b.start.offset + b.size):
            return "its frame ends elsewhere"
        if [raw for _, raw in a.rows] != [raw for _, raw in b.rows]:
            return "its frame has other instructions"
        for (place, _), (other, _) in zip(a.rows, b.rows, strict=True):
            if not self._leads(section, a.start.offset + place, b.start.offset + other):
                return f"its frame changes at {other:#x}"
        if (a.table is None) != (b.table is None):
            return "its exception table is gone or new"
        return self._table(a, b) if a.table is not None and b.table is not None else ""

    def _table(self, a: Frame, b: Frame) -> str:
        if a.table is None or b.table is None:
            return ""
        mine, theirs = table_at(self.old, a.table), table_at(self.new, b.table)
        if (mine.header, mine.rest, mine.types) != (theirs.header, theirs.rest, theirs.types):
            return "its exception table has other actions or types"
        if len(mine.sites) != len(theirs.sites):
            return "its exception table has another number of call sites"
        section, start, new_start = a.start.section, self._function_start(a), self._function_start(b)
        for x, y in zip(mine.sites, theirs.sites, strict=True):
            if x.action != y.action or bool(x.landing) != bool(y.landing):
                return "a call site has another action"
            places = [(x.start, y.start), (x.start + x.size, y.start + y.size)]
            places += [(x.landing, y.landing)] if x.landing else []
            if not all(self._leads(section, start + p, new_start + q) for p, q in places):
                return "a call site covers or lands elsewhere"
        return ""

    def _function_start(self, frame: Frame) -> int:
        """What an LSDA counts from: the start of what its frame covers."""
        return frame.start.offset

    # ---- symbols --------------------------------------------------------------------------------------

    def _symbols(self) -> None:
        stubs = {(v.number, *v.stub) for v in self.sites if v.stub}
        mine = [s for s in self.old.symbols if s.kind != 3]
        names = {s.name for s in mine}
        theirs = []
        for s in self.new.symbols:
            stub = (s.section, s.value, s.size) in stubs and (s.kind, s.binding, s.visibility) == (2, 0, 0)
            thunk = s.name.startswith(_THUNK_SYMBOLS) and (s.value, s.kind, s.binding, s.visibility) == (0, 2, 1, 2)
            thunk = thunk and self.new.sections[s.section].name == f".text.{s.name}"
            thunk = thunk and s.size == self._thunk_size(self.new.sections[s.section])
            if s.kind != 3 and not ((stub or thunk) and s.name not in names):
                theirs.append(s)
        if any(s.kind == 3 and (s.value or s.binding or s.name or s.size or s.visibility) for s in self.new.symbols):
            self._say("symbols", "the symbol of a section is not at its start")
        # What only our tables name: keys, and the GOT that they are reached through.
        known = {s.name for s in mine}
        named = {self._name(self.new, r) for s in self.new.sections for r in self._table_relocations(s)}
        theirs = [s for s in theirs if s.section or s.special or s.name in known or s.name not in named | {_GOT}]
        # A static call went through the GOT, and nothing else: gas names the GOT no more.
        if _GOT not in {s.name for s in theirs}:
            mine = [s for s in mine if s.name != _GOT or s.section or s.special]
        problem = "" if len(mine) == len(theirs) else f"there were {len(mine)} symbols and are {len(theirs)}"
        for a, b in zip(sorted(mine, key=_order), sorted(theirs, key=_order), strict=False):
            problem = problem or self._symbol(a, b)
        self._say("symbols", problem)

    def _table_relocations(self, section: Section) -> list[Relocation]:
        return list(self.new.relocations(section.number).values()) if section.name in _ADDED else []

    def _symbol(self, a: Symbol, b: Symbol) -> str:
        if a._replace(section=0, value=0, size=0) != b._replace(section=0, value=0, size=0):
            return f"{a.name} became {b.name}"
        if a.section and (self.pairs.get(a.section) != b.section or not self._leads(a.section, a.value, b.value)):
            return f"{a.name} went elsewhere"
        if a.section in self.walked:
            return "" if self._leads(a.section, a.value + a.size, b.value + b.size) else f"{a.name} ends elsewhere"
        same = a.size == b.size and (a.section or a.value == b.value)
        return "" if same else f"{a.name} has another size or value"


def _headers(a: Section, b: Section) -> str:
    """What two headers differ in; text may be aligned further, since a block wants it."""
    if a.name != b.name or a.kind != b.kind:
        return f"it became {b.name}"
    if a.flags != b.flags or a.entry_size != b.entry_size:
        return f"its flags {a.flags:#x} became {b.flags:#x}"
    if a.alignment != b.alignment and not (a.flags & _EXEC and b.alignment > a.alignment and b.alignment <= 64):
        return f"its alignment {a.alignment} became {b.alignment}"
    return ""


def _as_load(relocation: Relocation) -> Relocation:
    """What the relocation of `call *x@GOTPCREL(%rip)` is on a `movq`."""
    return relocation._replace(kind=_REX_GOTPCRELX) if relocation.kind == _GOTPCRELX else relocation


def _register(name: str) -> int:
    from asmrewrite.syntax.operand import REGISTERS

    return REGISTERS.index(name) if name else -1


def _order(symbol: Symbol) -> tuple[Any, ...]:
    return (symbol.name, symbol.binding, symbol.kind, symbol.section, symbol.value)


def _only_nops(data: bytes) -> bool:
    from iced_x86 import Decoder

    from asmrewrite.verify.streams import is_nop

    return all(is_nop(instruction) for instruction in Decoder(64, data))
