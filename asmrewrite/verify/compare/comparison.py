"""What all comparisons share: two objects, the sections that correspond, and where offsets went."""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.stubs import abi
from asmrewrite.verify.image import PC_RELATIVE, Image, Location, Relocation, Section, Symbol
from asmrewrite.verify.shapes import thunk_bytes
from asmrewrite.verify.sites import Verdict, check_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from asmrewrite.verify.compare.headers import Headers
    from asmrewrite.verify.offsets import OffsetMap
    from asmrewrite.verify.walked import Walked

#: Sections that a rewriting adds, by name and by the beginning of a name.
ADDED = frozenset({abi.SITES_SECTION, abi.SLOTS_SECTION, *abi.KERNEL_SECTIONS})
THUNKS = ".text.__relpoline_"
THUNK_SYMBOLS = "__relpoline_"
#: What -pg -mfentry calls; the site of a function's entry takes its place.
HOOK = "__fentry__"
#: Sections that hold no content of the program.
TABLES = frozenset({"SHT_SYMTAB", "SHT_STRTAB", "SHT_RELA", "SHT_GROUP", "SHT_NULL"})
#: Section flags.
ALLOC, EXEC, LINK_ORDER, GROUP = 2, 4, 0x80, 0x200
#: R_X86_64_64, _32, _32S; R_X86_64_PC64; R_X86_64_PC8, of `loop` and `jrcxz`.
_ABSOLUTE, _PC64, _PC8 = (1, 10, 11), 24, 15


class SectionVerdict(NamedTuple):
    """What was found of a section, or of "symbols" or "sections" as a whole; `reason` is "" when it passes.

    Of a difference in code, `place` is where it is, FUNCTION+0xDISTANCE in the original, and `offsets` the same as
    section number and offset in both objects.
    """

    verdict: Verdict
    section: str
    reason: str
    place: str = ""
    offsets: tuple[tuple[int, int], tuple[int, int]] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return {
            "verdict": self.verdict.value, "section": self.section, "reason": self.reason, "place": self.place,
            "offsets": [offset for _, offset in self.offsets] if self.offsets else None,
        }  # fmt: skip


class Comparison:
    """Two objects and what is known of both: the verdicts so far, and the questions that every comparison asks.

    `pairs` are the sections that correspond, by number; `walked` says what became of each text section's offsets,
    `bases` where tables of data sections begin, `tables` which exception table became which. `moved` are the offsets
    of debug sections that grew or shrank; `literals` where functions with a literal before them began, and begin.
    """

    def __init__(self, original: Image, new: Image, headers: Headers, new_headers: Headers) -> None:
        self.old, self.new = original, new
        self.headers, self.new_headers = headers, new_headers
        self.sites = list(check_image(new))
        self.verdicts: list[SectionVerdict] = []
        self.pairs: dict[int, int] = {}
        self.walked: dict[int, Walked] = {}
        self.bases: dict[int, list[int]] = {}
        self.moved: dict[int, OffsetMap] = {}
        self.tables: dict[tuple[int, int], tuple[int, int]] = {}
        self.literals: dict[tuple[int, int], int] = {}
        from asmrewrite.verify.compare.keys import Keys

        self.keys = Keys(self)

    def say(self, section: str, problem: str, verdict: Verdict = Verdict.FAIL) -> None:
        self.verdicts.append(SectionVerdict(verdict if problem else Verdict.PASS, section, problem))

    def say_at(self, section: int, original: int, new: int, problem: str, verdict: Verdict = Verdict.FAIL) -> None:
        """A difference in code, at these offsets of the original's section and the one it became."""
        old = self.old.sections[section]
        place = self.place(self.old, old, original)
        offsets = ((section, original), (self.pairs[section], new))
        self.verdicts.append(SectionVerdict(verdict, old.name, f"{place}: {problem}", place, offsets))

    def thunk_size(self, section: Section) -> int:
        name = section.name.removeprefix(THUNKS)
        slow, _, register = name.rpartition("_")
        slow, _, notrack = slow.partition("_")
        return len(thunk_bytes(slow, register_number(register), notrack == "notrack"))

    def place(self, image: Image, section: Section, offset: int) -> str:
        name, distance = image.function(Location(section.number, offset))
        return f"{name}+{distance:#x}" if name else f"{section.name}+{offset:#x}"

    def leads(self, number: int, original: int, new: int) -> bool:
        """Whether an offset of the original's section `number` may have become `new`."""
        walked = self.walked.get(number)
        if walked:
            return walked.offsets.leads(original, new)
        places = self.moved.get(number)
        return original == new if places is None else places[original] == new

    def begins(self, number: int, original: int, new: int, *, value: bool = False) -> bool:
        """The same for the begin of a range of a list; `value` says that it is one of where a value is.

        It may be in the middle of a branch: where a call destroys a value, a compiler changes its place one byte
        before the return address. A value's range begins behind the data before a function.
        """
        walked = self.walked.get(number)
        if value and walked is not None and new in walked.literals:
            return False
        if walked is None or original not in walked.inner:
            return self.leads(number, original, new)
        return walked.offsets.after(original + 1) == new + 1

    def ends(self, number: int, original: int, new: int) -> bool:
        """The same for its end, which may take in the stubs at the end of the section."""
        if self.begins(number, original, new):
            return True
        ending = number in self.walked and original == len(self.old.sections[number].data)
        return ending and new == self.new.sections[self.pairs[number]].size

    def name(self, image: Image, relocation: Relocation) -> str:
        return image.symbols[relocation.symbol].name

    def relocation(self, old: Relocation, new: Relocation, behind: int) -> str:
        """Whether both say the same; a PC-relative one leads to addend + `behind`."""
        if old.kind != new.kind:
            return f"relocation type {old.kind} became {new.kind}"
        mine, theirs = self.old.symbols[old.symbol], self.new.symbols[new.symbol]
        branch = old.kind == _PC8 and behind == 1
        behind = behind if branch or old.kind in (*PC_RELATIVE, _PC64) else 0
        if not branch and old.kind not in (*PC_RELATIVE, _PC64, *_ABSOLUTE):
            # Of the GOT, of thread-local storage: about the symbol, whatever the place.
            same = mine.name == theirs.name and old.addend == new.addend
            same = same and self.pairs.get(mine.section, 0) == theirs.section
            same = same and (not mine.section or self.leads(mine.section, mine.value, theirs.value))
            return "" if same else f"it named {self.shown(self.old, mine)} and names {self.shown(self.new, theirs)}"
        if mine.section and theirs.section and (not mine.name or not theirs.name or mine.binding == 0):
            if self.pairs.get(mine.section) != theirs.section:
                return f"it named {self.shown(self.old, mine)} and names {self.shown(self.new, theirs)}"
            before, after = mine.value + old.addend + behind, theirs.value + new.addend + behind
            return "" if self.leads(mine.section, before, after) else f"it led to {before:#x} and leads to {after:#x}"
        same = mine.name == theirs.name and self.pairs.get(mine.section, 0) == theirs.section
        if not same or mine.special != theirs.special or old.addend != new.addend or not (new.symbol or not old.symbol):
            return f"it named {self.shown(self.old, mine)} and names {self.shown(self.new, theirs)}"
        return ""

    def shown(self, image: Image, symbol: Symbol) -> str:
        return symbol.name or image.sections[symbol.section].name


def register_number(name: str) -> int:
    from asmrewrite.syntax.operand import REGISTERS

    return REGISTERS.index(name) if name else -1


def only_nops(data: bytes) -> bool:
    from iced_x86 import Decoder

    from asmrewrite.verify.instructions import is_nop

    return all(is_nop(instruction) for instruction in Decoder(64, data))
