"""The checker says PASS of what is good, and notices when any byte that matters is another.

A site, its stub, its slots, its thunk and its record are mutated byte by byte in a linked program, relocation by
relocation in an object. What may change unnoticed is listed in `UNNOTICED`, each with its reason.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from asmrewrite import CheckError, SiteVerdict, Verdict, check, check_bytes, validate
from asmrewrite import rewrite as rewritten
from asmrewrite.stubs import abi
from tests.building import GCC, IDENT, assemble, must, options

PROGRAM = """
	.globl	_start
	.type	_start, @function
_start:
	.cfi_startproc
	call	*%rax
	call	*8(%rbx)
	call	*%r13
	call	__SCT__event
	jne	__SCT__event
	call	__x86_indirect_thunk_rcx
	jmp	*%r9	# 8	[c=8 l=2]  *sibcall
	.cfi_endproc
	.size	_start, .-_start
	.type	__SCT__event, @function
__SCT__event:
	jmp	event
	.size	__SCT__event, .-__SCT__event
	.type	event, @function
event:	ret
	.size	event, .-event
	.type	__x86_indirect_thunk_rcx, @function
__x86_indirect_thunk_rcx:
	jmp	*%rcx
	.size	__x86_indirect_thunk_rcx, .-__x86_indirect_thunk_rcx
	.data
	.globl	__SCK__event
__SCK__event:
	.quad	event, 0
"""
SLOWS = ("retpoline", "lfence", "plain")
#: Fields of a record that a linked program's verdict does not depend on, and why.
UNNOTICED = {
    "site of a static call": "nothing but its form tells one direct call from another, and symbols may be stripped",
    "key of a static call": "the GOT entry may be relaxed away, and its contents are the program's",
    "reserved": "nobody reads it in this version",
    "slots of a static call": "it has none",
    "chain of a static call": "it has none",
    "register of a static call": "it has none",
    "slow path of a static call": "it has none",
    "spare flags": "no bit above 3 has a meaning in this version",
}


def build(folder: Path, slow: str, name: str = "x") -> Path:
    """An object with sites of every kind."""
    text = rewritten(PROGRAM + IDENT, options(f"slow={slow} targets=2")).text
    return assemble(text, folder / f"{name}.o")


def link(made: Path, *flags: str) -> Path:
    """The object as a program or shared library."""
    linked = made.with_suffix(".out")
    must(["ld", *flags, "-o", linked, made])
    return linked


def bad(verdicts: tuple[SiteVerdict, ...]) -> list[str]:
    """What did not pass."""
    return [str(verdict) for verdict in verdicts if verdict.verdict is not Verdict.PASS]


# ---- good ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slow", SLOWS)
def test_passes(slow: str, tmp_path: Path) -> None:
    made = build(tmp_path, slow)
    for file in (made, link(made), link(made, "-pie"), link(made, "-shared", "-Bsymbolic")):
        verdicts = check(str(file))
        assert len(verdicts) == 7 and bad(verdicts) == [], file


def test_what_a_verdict_says(tmp_path: Path) -> None:
    by_form = {(v.pass_, v.form, v.register): v for v in check(str(build(tmp_path, "lfence")))}
    call = by_form["relpoline", "call", "rax"]
    assert (call.function, call.distance, call.target, call.chain, call.block, call.slow) == (
        "_start", 0, "_start.relpoline.0", 2, 3, "lfence",
    )  # fmt: skip
    assert by_form["relpoline", "call", "rcx"].slow == "external"
    assert by_form["relpoline", "jmp", "r9"].target == "_start.relpoline.4"
    jcc = by_form["static-call", "jcc", ""]
    assert jcc.target == "__SCT__event" and jcc.chain == 0 and jcc.slow == ""
    assert str(jcc).endswith(f"_start+{jcc.distance:#x}: PASS static-call jcc -> __SCT__event")


@pytest.mark.parametrize("flags", [[], ["-fno-pie", "-no-pie"], ["-fpic", "-shared"], ["-static", "-O0"]])
def test_linked_c_programs(flags: list[str], tmp_path: Path) -> None:
    source = tmp_path / "x.c"
    source.write_text("long (*p)(long); long f(long n) { return p(n) + 1; } int main(void) { return 0; }\n")
    must([GCC, "-O2", *flags, "-o", tmp_path / "x", source])
    verdicts = check(str(tmp_path / "x"))
    assert len(verdicts) == 1 and bad(verdicts) == []
    must(["strip", tmp_path / "x"])
    assert bad(check(str(tmp_path / "x"))) == []


@pytest.mark.parametrize("wanted", ["user", "kernel"])
def test_an_object_without_sites(wanted: str, tmp_path: Path) -> None:
    made = assemble(rewritten("f:\tret\n", options(f"abi={wanted}")).text, tmp_path / "x.o")
    assert check(str(made)) == ()


# ---- linked programs, byte by byte -----------------------------------------------------------------


@cache
def layout(file: Path) -> dict[str, tuple[int, int]]:
    """Section -> (address, offset in the file) of a linked program; its own reading of the ELF headers."""
    data = file.read_bytes()
    (headers,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    found = [struct.unpack_from("<IIQQQQ", data, headers + size * index) for index in range(count)]
    strings = found[names][4]
    return {data[strings + h[0] : data.index(b"\0", strings + h[0])].decode(): (h[3], h[4]) for h in found if h[3]}


def file_offset(file: Path, address: int) -> int:
    """Where in the file the byte at `address` is."""
    base, start = max((a, o) for a, o in layout(file).values() if a <= address)
    return address - base + start


def mutations(data: bytes, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """(place in the range, the whole file with one bit pattern of it inverted)."""
    for place in range(size):
        for pattern in (0x01, 0x02, 0x10, 0x80, 0xFF):
            mutated = bytearray(data)
            mutated[start + place] ^= pattern
            yield place, bytes(mutated)


def notices(content: bytes) -> bool:
    """Whether the checker objects."""
    try:
        return bool(bad(check_bytes(content, "mutated")))
    except CheckError:
        return True


def unnoticed(file: Path, address: int, size: int) -> set[int]:
    """The places of [address, address + size) that may change without an objection."""
    data = file.read_bytes()
    return {place for place, mutated in mutations(data, file_offset(file, address), size) if not notices(mutated)}


def records(file: Path) -> list[tuple[int, abi.Record]]:
    """(address, record) of each entry of a linked program's table."""
    data = file.read_bytes()
    address, offset = layout(file)[abi.SITES_SECTION]
    return [
        (address + at, abi.Record.unpack(data, offset + at)) for at in range(0, 7 * abi.RECORD_SIZE, abi.RECORD_SIZE)
    ]


def addend(file: Path, address: int) -> int:
    """The address of the addend of the dynamic relocation of the pointer at `address`."""
    data = file.read_bytes()
    table, offset = layout(file)[".rela.dyn"]
    at = next(at for at in range(offset, len(data), 24) if struct.unpack_from("<Q", data, at)[0] == address)
    return table + at - offset + 16


@pytest.mark.parametrize("slow", SLOWS)
@pytest.mark.parametrize("words", ["-pie", "-pie -z pack-relative-relocs", ""], ids=["rela", "relr", "no-pie"])
def test_every_byte_of_a_slot(slow: str, words: str, tmp_path: Path) -> None:
    """A slot is its own address or the target of its entry, wherever the linker says so."""
    file = link(build(tmp_path, slow), *words.split())
    assert bad(check(str(file))) == []
    for address, record in records(file):
        if record.pass_ == abi.PASSES["relpoline"]:
            for slot in (address + 8 + record.slots, address + 8 + record.slots + abi.SLOT_SIZE):
                place = addend(file, slot) if words == "-pie" else slot
                assert unnoticed(file, place, abi.SLOT_SIZE) == set()
            break


@pytest.mark.parametrize("slow", SLOWS)
def test_every_byte_of_a_program(slow: str, tmp_path: Path) -> None:
    file = link(build(tmp_path, slow), "-pie")
    data = file.read_bytes()
    thunks = {"retpoline": 17 + 1, "lfence": 6, "plain": 3}
    forms = set()
    for address, record in records(file):
        site, form = address + record.site, abi.name_of(abi.FORMS, record.form)
        static = record.pass_ == abi.PASSES["static-call"]
        if (static, form, record.flags & abi.FLAG_SLOW_MASK) in forms:
            continue
        forms.add((static, form, record.flags & abi.FLAG_SLOW_MASK))
        size = abi.FORM_SIZE[form]
        missed = unnoticed(file, site, size)
        if static:
            missed -= set(range(size - 4, size))  # where it leads only an object's relocation can tell
        if form == "jcc":
            missed.discard(1)  # the condition is in no record
        assert missed == set(), f"site {site:#x} {form}: bytes {missed}"
        if static:
            continue
        stub = address + 4 + record.dest
        missed = unnoticed(file, stub, 2 * 13 + 5)
        assert missed == set(), f"stub {stub:#x}: bytes {missed}"
        if record.flags & abi.FLAG_SLOW_MASK != abi.SLOW_PATHS["external"]:
            end = file_offset(file, stub + 2 * 13)
            thunk = stub + 2 * 13 + 5 + int.from_bytes(data[end + 1 : end + 5], "little", signed=True)
            missed = unnoticed(file, thunk, thunks[slow] + (record.reg >= 8 and slow != "retpoline"))
            assert missed == set(), f"thunk {thunk:#x}: bytes {missed}"


def explained(place: int, static: bool) -> str:
    """Why the byte at `place` of a record may change unnoticed; "" when it may not."""
    if place >= 20:
        return "reserved"
    if place == 17:
        return "slow path of a static call" if static else "spare flags"
    if not static:
        return ""
    where = {
        0: "site",
        1: "site",
        2: "site",
        3: "site",
        4: "key",
        5: "key",
        6: "key",
        7: "key",
        8: "slots",
        9: "slots",
        10: "slots",
        11: "slots",
        14: "register",
        15: "chain",
    }.get(place, "")
    return f"{where} of a static call" if where else ""


def test_every_byte_of_a_record(tmp_path: Path) -> None:
    file = link(build(tmp_path, "retpoline"), "-pie")
    reasons = set()
    for address, record in records(file):
        static = record.pass_ == abi.PASSES["static-call"]
        for place in sorted(unnoticed(file, address, abi.RECORD_SIZE)):
            reason = explained(place, static)
            assert reason in UNNOTICED, f"byte {place} of the {abi.name_of(abi.FORMS, record.form)} record"
            reasons.add(reason)
    assert reasons == set(UNNOTICED), "an explanation that is no longer needed"


@pytest.mark.parametrize("words", ["-pie", "-pie -z pack-relative-relocs", ""], ids=["rela", "relr", "no-pie"])
def test_every_byte_of_a_trained_stub(words: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(
        "asmrewrite-profile 1 - learn symtab\nsite - _start 0\ntarget 9 - a.c event 0\ntarget 8 - - _start 0\nend\n"
    )
    before = '\t.file\t"a.c"\n' + PROGRAM + IDENT
    text = rewritten(before, options(f"slow=plain targets=3 profile={tmp_path / 'p'}")).text
    made = assemble(text, tmp_path / "x.o")
    assert validate(str(assemble(before, tmp_path / "before.o")), str(made)).verdict is Verdict.PASS
    file = link(made, *words.split())
    assert bad(check(str(file))) == []
    address, record = records(file)[0]
    assert unnoticed(file, address + 4 + record.dest, 3 * 13 + 5) == set()
    for slot in range(address + 8 + record.slots, address + 8 + record.slots + 24, 8):
        assert unnoticed(file, addend(file, slot) if words == "-pie" else slot, abi.SLOT_SIZE) == set()


# ---- objects, relocation by relocation -------------------------------------------------------------


def relocation_sections(data: bytes) -> Iterator[tuple[str, int, int]]:
    """(name, offset, size) of each relocation section of an object."""
    (headers,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    found = [struct.unpack_from("<IIQQQQ", data, headers + size * index) for index in range(count)]
    strings = found[names][4]
    for header in found:
        if header[1] == 4:
            start = strings + header[0]
            yield data[start : data.index(b"\0", start)].decode(), header[4], header[5]


def test_every_relocation_of_an_object(tmp_path: Path) -> None:
    """Its addend, its symbol and its type: in records, sites and stubs."""
    file = build(tmp_path, "retpoline")
    data = file.read_bytes()
    missed = []
    count = 0
    for name, start, size in relocation_sections(data):
        for at in range(start, start + size, 24):
            place, info, addend = struct.unpack_from("<QQq", data, at)
            number, kind = info >> 32, info & 0xFFFFFFFF
            if name not in (".rela.text", ".rela.asmrewrite_sites", ".rela.asmrewrite_slots"):
                continue
            count += 1
            for entry in (
                (place, info, addend + 1), (place, info, addend - 8), (place, info, addend + 64),
                (place, info, -1 << 40), (place + 1, info, addend), (place, number << 32 | 1, addend),
                (place, (number ^ 1) << 32 | kind, addend),
            ):  # fmt: skip
                mutated = bytearray(data)
                struct.pack_into("<QQq", mutated, at, *entry)
                if not notices(bytes(mutated)):
                    missed.append((name, hex(place), entry))
    assert count > 20 and missed == []


@pytest.mark.parametrize("size", [23, 25, 12])
def test_a_table_cut_short(size: int, tmp_path: Path) -> None:
    made = assemble(f'\t.section\tasmrewrite_sites,"a"\n\t.skip\t{size}\n', tmp_path / "x.o")
    with pytest.raises(CheckError, match=f"is {size} bytes"):
        check(str(made))


def test_what_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(CheckError, match="not an ELF file"):
        check(str(tmp_path / "text"))
    must(["as", "--32", "-o", tmp_path / "x32.o", "-"])
    with pytest.raises(CheckError, match="not an x86-64 object"):
        check(str(tmp_path / "x32.o"))
    with pytest.raises(FileNotFoundError):
        check(str(tmp_path / "missing"))


def test_kernel_table(tmp_path: Path) -> None:
    text = rewritten("f:\tcall __SCT__a\n\tjmp __SCT__a\n\t.quad __SCK__a\n", options("abi=kernel")).text
    made = assemble(text, tmp_path / "x.o")
    assert [(v.form, v.target, v.verdict.value) for v in check(str(made))] == [
        ("call", "__SCT__a", "PASS"), ("jmp", "__SCT__a", "PASS"),
    ]  # fmt: skip
    for old, new in (("__SCK__a+1", "__SCK__a+0"), ("__SCK__a+0", "__SCK__b+0"), ("-5-.", "-4-.")):
        assert old in text
        assert bad(check(str(assemble(text.replace(old, new), tmp_path / "bad.o")))), new
    straddling = text.replace(".bundle_align_mode 4", ".p2align 6; .skip 60")
    assert bad(check(str(assemble(straddling, tmp_path / "bad.o"))))
    # Where a section may begin at 16, 32 and 48, a block of 16 is what stays inside a line; with 64, a line is.
    for alignment, offset, inside in ((4, 11, True), (4, 12, False), (4, 16, True), (6, 12, True), (6, 60, False)):
        moved = f"\t.p2align {alignment}\n\t.skip {offset}\n" + text.replace(".bundle_align_mode 4; ", "")
        assert bool(bad(check(str(assemble(moved, tmp_path / "moved.o"))))) is not inside, (alignment, offset)
