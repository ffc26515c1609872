"""Level "full": translation validation. The rewritten object is the original but for the published sites.

Both objects are walked together. Outside the sites, instructions, relocations, symbols and their sizes, unwind and
exception tables, data, section headers and groups must be equal under one monotone map of offsets for each text
section; inside, the stub must do what the original branch did. What is not proven equal is a FAIL, and what this
checker does not understand an UNKNOWN; a PASS is a proof but for the decoder and the readers of this package.
"""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.stubs import abi
from asmrewrite.verify.frames import Frame, frames, table_at
from asmrewrite.verify.image import GOT_RELATIVE, PC_RELATIVE, Image, Location, Relocation, Section, Symbol
from asmrewrite.verify.shapes import abi_register
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
    images = [Image(f"{name} (original)", BytesIO(original)), Image(name, BytesIO(new))]
    for image in images:
        if not image.relocatable:
            raise CheckError("is linked; translation validation compares objects", file=image.path)
    return _Comparison(*images).run()


class _Comparison:
    """Two objects; `pairs` are the sections that correspond, `walked` what became of each text section's offsets."""

    def __init__(self, original: Image, new: Image) -> None:
        self.old, self.new = original, new
        self.sites = list(check_image(new))
        self.verdicts: list[SectionVerdict] = []
        self.pairs: dict[int, int] = {}
        self.walked: dict[int, Walked] = {}
        self.bases: dict[int, list[int]] = {}

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
        return Translation(self.new.path, tuple(self.sites), tuple(self.verdicts))

    def _say(self, section: str, problem: str, verdict: Verdict = Verdict.FAIL) -> None:
        self.verdicts.append(SectionVerdict(verdict if problem else Verdict.PASS, section, problem))

    # ---- sections -------------------------------------------------------------------------------------

    def _pair_sections(self) -> bool:
        """Match the sections of both, in order, by all that their headers say."""
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
        self._say("sections", "")
        signatures = {new_groups[s.number]: s.number for s in self.new.sections if s.kind == "SHT_GROUP"}
        for section in self.old.sections:
            if section.kind == "SHT_GROUP" and old_groups[section.number] in signatures:
                self.pairs[section.number] = signatures[old_groups[section.number]]
        return True

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
            pass  # compared from the frames that lead to it
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
        left = next((offset for offset in theirs if offset < walked.end), None)
        return "" if left is None else f"{self._place(self.new, new, left)}: a relocation came from nowhere"

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
        if verdict.slow != "external":
            return "" if not was else "a branch through a register has a relocation"
        name = self._name(self.old, was[0]) if was else self._target_name(old, replaced)
        register = abi_register(replaced.site.register)[1:]
        return "" if name.endswith(f"_{register}") else f"it went through {name or 'no thunk'}"

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
        for offset, relocation in mine.items():
            # `.long target - table`, or `.long target - .`: which of both the relocation does not say.
            behind = self._base(old.number, offset) - offset
            problem = self._relocation(relocation, theirs[offset], behind)
            if problem and self._relocation(relocation, theirs[offset], 0):
                return f"at {offset:#x}: {problem}"
        return ""

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
        if mine.name != theirs.name or old.addend != new.addend:
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
        for frame in frames(self.new, new):
            name = self.new.sections[frame.start.section].name
            if (frame.start.section, frame.start.offset) in own or name.startswith(_THUNKS):
                if frame.table is not None:
                    return "the frame of a stub has an exception table"
            else:
                theirs.append(frame)
        mine = list(frames(self.old, old))
        if len(mine) != len(theirs):
            return f"there were {len(mine)} frames and are {len(theirs)}"
        for a, b in zip(mine, theirs, strict=True):
            problem = self._frame(a, b)
            if problem:
                return f"{self._place(self.old, self.old.sections[a.start.section], a.start.offset)}: {problem}"
        return ""

    def _frame(self, a: Frame, b: Frame) -> str:
        section = a.start.section
        if a.cie != b.cie:
            return "its frame has another CIE"
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
        stubs = {(v.number, v.stub[0]) for v in self.sites if v.stub}
        mine = [s for s in self.old.symbols if s.kind != 3]
        theirs = [
            s
            for s in self.new.symbols
            if s.kind != 3 and (s.section, s.value) not in stubs and not s.name.startswith(_THUNK_SYMBOLS)
        ]
        # What only our tables name: keys, and the GOT that they are reached through.
        known = {s.name for s in mine}
        named = {self._name(self.new, r) for s in self.new.sections for r in self._table_relocations(s)}
        theirs = [s for s in theirs if s.section or s.special or s.name in known or s.name not in named | {_GOT}]
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
