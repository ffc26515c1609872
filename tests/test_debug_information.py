"""Debug information of rewritten objects is proven, however it is written; what is wrong in it is objected to."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from elftools.elf.elffile import ELFFile

from asmrewrite import Verdict, assemble, rewrite
from asmrewrite.verify.image import Image
from asmrewrite.verify.lines import programs
from asmrewrite.verify.offsets import OffsetMap
from asmrewrite.verify.translation import validate_bytes
from tests.building import IDENT, needs_clang, needs_gxx
from tests.support import CLANG, compiled

SOURCE = """
struct ops { long (*run)(long); long (*stop)(long); };
extern long (*get(long))(long);
extern void gone(long) __attribute__((noreturn, cold));
#define TWICE 2
static inline long twice(long n) { long m = get(n)(n) * TWICE; if (m < 0) gone(m); return m + 1; }
long calls(struct ops *o, long n)
{
    long sum = 0;
    for (long i = 0; i < n; i++)
        sum += twice(o->run(i));
    return sum ? o->stop(sum) : n;
}
long more(struct ops *o, long n) { return twice(o->run(n)) + twice(n); }
"""
FLAGS = [
    "-O0 -g", "-O2 -g", "-O2 -ggdb3", "-O2 -g -gdwarf-4", "-O2 -g -gdwarf-3", "-O2 -g -gdwarf-2", "-O2 -g -gpubnames",
    "-O2 -g -gsplit-dwarf", "-O2 -g -gsplit-dwarf -gdwarf-4", "-O2 -g -ffunction-sections",
    "-O2 -g -gdwarf-4 -ffunction-sections", "-O2 -g -fdebug-types-section", "-O2 -g -gno-variable-location-views",
    "-O2 -g -fno-asynchronous-unwind-tables", "-O2 -g -fno-dwarf2-cfi-asm", "-Os -g -fno-plt -fPIC", "-O2 -g1",
]  # fmt: skip
CLANG_FLAGS = [
    "-O0 -g", "-O2 -g", "-O2 -g -gdwarf-4", "-O2 -gdwarf-2", "-O2 -g -ffunction-sections", "-O2 -g -gsplit-dwarf",
    "-O2 -g -gdwarf-4 -gsplit-dwarf", "-O2 -g -gpubnames", "-O2 -g -fno-asynchronous-unwind-tables",
]  # fmt: skip


def objects(listing: str, changed: str = "", *words: str) -> tuple[bytes, bytes]:
    """The object of a listing, and that of what it, or another one, becomes."""
    made = [assemble(text, ("--64", *words)) for text in (listing, rewrite(changed or listing).text)]
    assert [one.status for one in made] == [0, 0], made[0].messages + made[1].messages
    return made[0].content, made[1].content


def objections(original: bytes, new: bytes) -> list[str]:
    """The sections that are not PASS, and why."""
    found = validate_bytes(original, new, "x.o")
    assert found.sites
    return [f"{v.section}: {v.verdict.value}: {v.reason}" for v in found.sections if v.verdict is not Verdict.PASS]


@pytest.mark.parametrize("flags", FLAGS)
def test_gcc(flags: str) -> None:
    assert objections(*objects(compiled(SOURCE, "-dp", *flags.split()))) == []


@needs_clang
@pytest.mark.parametrize("flags", CLANG_FLAGS)
def test_clang(flags: str) -> None:
    listing = compiled(SOURCE, "-fno-integrated-as", *flags.split(), compiler=CLANG or "clang")
    assert objections(*objects(listing)) == []


@needs_gxx
def test_comdat() -> None:
    source = "struct G { ~G(); }; template<class T> long f(T *t, long n) { G g; return t->run(n) + 1; }\n"
    source += "struct S { virtual long run(long); }; long g(S *s) { return f(s, 2); }\n"
    for flags in ("-O0 -ggdb3", "-O2 -g -fdebug-types-section -gdwarf-4"):
        assert objections(*objects(compiled(source, "-xc++", "-dp", *flags.split()))) == []


def test_compressed() -> None:
    listing = compiled(SOURCE, "-dp", "-O2", "-ggdb3")
    original, new = objects(listing, "", "--compress-debug-sections=zlib")
    sections = {section.name: section for section in ELFFile(BytesIO(new)).iter_sections()}
    assert sections[".debug_info"]["sh_flags"] & 0x800
    assert objections(original, new) == []
    damaged = bytearray(new)
    damaged[sections[".debug_line"]["sh_offset"] + 40] ^= 1
    assert any(".debug_line: UNKNOWN" in line for line in objections(original, bytes(damaged)))


#: What is changed -> the listing's text, what it becomes, the section that must not pass.
CHANGES = {
    "line": (r"\.loc 1 (\d+) (\d+) (is_stmt 0 )?view", r".loc 1 7\1 \2 \3view", ".debug_line"),
    "is_stmt": (r"is_stmt 0 view", "is_stmt 1 view", ".debug_line"),
    "address": (r"\.quad\t(\.LVL\d+)$", r".quad\t\1+1", ".debug_info"),
    "begin of a location": (r"(\.byte\t0x4\n\t\.uleb128 )\.LVL\d+-", r"\1.LVL1-", ".debug_loclists"),
    "location": (r"(\.uleb128 0x1\n\t\.byte\t0x5)([0-9])\n", r"\g<1>f\n", ".debug_loclists"),
    "length": (r"\.quad\t(\.Letext0-\.Ltext0)$", r".quad\t\1+1", ".debug_aranges"),
    "type": (r"\.string\t\"twice\"", '.string\t"other"', ".debug_str|.debug_info"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed(what: str) -> None:
    listing = compiled(SOURCE, "-dp", "-O2", "-g")
    pattern, replacement, sections = CHANGES[what]
    changed, count = re.subn(pattern, replacement, listing, count=1, flags=re.MULTILINE)
    assert count, what
    found = [line for line in objections(*objects(listing, changed)) if ": FAIL: " in line]
    assert any(line.startswith(tuple(sections.split("|"))) for line in found), found


def test_rows_are_those_of_pyelftools() -> None:
    """The reader of line programs, beside another one."""
    for flags in ("-g", "-g -gdwarf-4"):
        content, _ = objects(compiled(SOURCE, "-dp", "-O2", *flags.split()))
        image = Image("x.o", BytesIO(content))
        (section,) = image.named(".debug_line")
        relocations = image.relocations(section.number)
        (program,) = programs(
            image.contents(section),
            lambda place, found=relocations: (1, found[place].addend),  # type: ignore[misc]  # mypy infers no type of a default
        )
        unit = next(ELFFile(BytesIO(content)).get_dwarf_info().iter_CUs())
        lines = ELFFile(BytesIO(content)).get_dwarf_info().line_program_for_CU(unit)
        assert lines is not None
        states = [entry.state for entry in lines.get_entries() if entry.state is not None]
        theirs = [(s.address, s.file, s.line, s.column, bool(s.is_stmt), bool(s.end_sequence)) for s in states]
        ours = [
            (offset, row[0], row[1], row[2], row[3], number == len(sequence.rows) - 1)
            for sequence in program.sequences
            for number, (offset, row) in enumerate(zip(sequence.offsets, sequence.rows, strict=True))
        ]
        assert ours == theirs


def test_compressed_on_one_side() -> None:
    """Whether -gz makes a section smaller may depend on the offsets in it."""
    listing = compiled(SOURCE, "-dp", "-O2", "-g")
    original, _ = objects(listing)
    _, new = objects(listing, "", "--compress-debug-sections=zlib")
    assert objections(original, new) == []


def test_return_address_is_where_the_call_ends() -> None:
    """A place before a site's padding may be on either side of it; a return address may not."""
    offsets = OffsetMap()
    offsets.loosen(10, frozenset((12, 13, 14)))
    offsets.shift(10, 14)
    assert [new for new in range(10, 20) if offsets.leads(10, new)] == [12, 13, 14]
    assert offsets.after(10) == 12
    assert offsets.after(20) == offsets[20] == 24


@pytest.mark.parametrize("flag", ["", "-gdwarf-3", "-gdwarf-5"])
def test_debug_information_of_the_assembler(flag: str) -> None:
    """It has entries for stubs, so that nothing is known of its entries; lines are compared all the same."""
    listing = f'\t.file 1 "x.c"\n\t.type f, @function\nf:\t.loc 1 3\n\tcall *%rax\n\tret\n{IDENT}'
    words = flag.split()
    found = objections(*objects(listing, "", *words))
    assert found and all(re.match(r"\.debug_(info|str|abbrev|rnglists): UNKNOWN: ", line) for line in found), found
    found = objections(*objects(listing, listing.replace("1 3", "1 4"), *words))
    assert any(line.startswith(".debug_line: FAIL: ") for line in found), found


VIEWS = """
long use(long, long);
static inline long step(long a, long b) { long c = a + b; long d = c * 3; return d ^ b; }
long f(long (*p)(long), long n)
{
    long s = p(n);
    long t = s;
    long w = n + 1;
    t = step(s, w);
    return use(t, w) + s;
}
"""


def test_views_of_a_place_where_padding_appears() -> None:
    """An alignment that needs nothing in the original: lines at one address there are at two in the new object."""
    listing = compiled(VIEWS, "-O2", "-g").replace("\nf:\n", "\nf:\n\t.skip 8, 0x90\n")
    lines = [found.start() for found in re.finditer(r"\t\.loc ", listing) if found.start() > listing.index("call\t*")]
    for place in lines:
        padded = f"{listing[:place]}\t.p2align 4\n{listing[place:]}"
        found = objections(*objects(padded))
        assert not any("in front of the list" in objection for objection in found), listing[place : place + 40]
