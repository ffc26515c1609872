"""bake: a linked program's chains, filled in the file; the program does the same and nothing else of it changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asmrewrite import CheckError, check
from asmrewrite.baking import bake
from asmrewrite.profile import parse, read
from asmrewrite.stubs import abi
from asmrewrite.verify.image import Image
from tests.building import ASMREWRITE, GCC, GXX, must, needs_gxx, run
from tests.test_profile import COUNTED, chains, learned, sources

#: How a program is linked.
KINDS = {
    "pie": "", "relr": "-Wl,-z,pack-relative-relocs", "no-pie": "-fno-pie -no-pie", "static": "-static",
    "static-pie": "-static-pie", "no-runtime": "-fplugin-arg-asmrewrite-runtime=off",
}  # fmt: skip


def baked(program: Path, profile: Path) -> Path:
    """`program` baked, beside it."""
    made = program.with_name(program.name + ".baked")
    must([ASMREWRITE, "bake", program, "--profile", profile, "-o", made])
    return made


def may_change(program: Path) -> set[int]:
    """The places in the file of slots, of the displacements of the entries' jumps, and of slots' addends."""
    with program.open("rb") as file:
        image = Image(str(program), file)
        places: set[int] = set()
        for table in image.named(abi.SITES_SECTION):
            for at in range(0, len(table.data), abi.RECORD_SIZE):
                record = abi.Record.unpack(table.data, at)
                stub, slots = image.follow(table, at + 4), image.follow(table, at + 8)
                assert stub and slots
                for entry in range(record.chain):
                    jump = image.sections[stub.section].offset + stub.offset + 13 * entry + 9
                    slot = image.sections[slots.section].offset + slots.offset + 8 * entry
                    places |= {*range(jump, jump + 4), *range(slot, slot + 8)}
                    address = image.sections[slots.section].address + slots.offset + 8 * entry
                    for rela in image.named(".rela.dyn"):
                        for row in range(0, rela.size, 24):
                            if int.from_bytes(rela.data[row : row + 8], "little") == address:
                                places |= set(range(rela.offset + row + 16, rela.offset + row + 24))
        return places


@pytest.mark.parametrize("kind", KINDS)
def test_programs(kind: str, tmp_path: Path) -> None:
    must([GCC, "-O2", *KINDS[kind].split(), "-o", tmp_path / "x", *sources(tmp_path)])
    (tmp_path / "p").write_text(COUNTED)
    profile = tmp_path / "p" if kind == "no-runtime" else learned(tmp_path / "x", tmp_path)
    made = baked(tmp_path / "x", profile)
    favourites = ["twice", "thrice", "labs", ""] if "static" in kind else ["twice", "thrice", "", ""]
    assert chains(made) == {"busy": [favourites, ["other", "", "", ""]], "quiet": [[""] * 4]}
    for mode in ("on", "off", "learn"):
        assert must([made], env={"ASMREWRITE_RUNTIME": mode}).out == must([tmp_path / "x"]).out
    assert (".relr.dyn" in must(["readelf", "-SW", made]).text) == (kind == "relr")
    before, after = (tmp_path / "x").read_bytes(), made.read_bytes()
    changed = {place for place, (a, b) in enumerate(zip(before, after, strict=True)) if a != b}
    assert changed and changed <= may_change(tmp_path / "x")
    if kind != "no-runtime":
        assert learned(made, tmp_path).read_text() == profile.read_text(), "a baked program learns as any"
    must(["strip", made])
    assert must([made]).out == must([tmp_path / "x"]).out


def test_after_a_rebuild(tmp_path: Path) -> None:
    """What profile= could not name is added, and baking twice is baking once."""
    (tmp_path / "p").write_text(COUNTED)
    must([GCC, "-O2", f"-fplugin-arg-asmrewrite-profile={tmp_path / 'p'}", "-o", tmp_path / "x", *sources(tmp_path)])
    assert chains(tmp_path / "x")["busy"] == [["twice", "thrice", "", ""], [""] * 4]
    made = baked(tmp_path / "x", tmp_path / "p")
    assert chains(made)["busy"] == [["twice", "thrice", "", ""], ["other", "", "", ""]]
    assert baked(made, tmp_path / "p").read_bytes() == made.read_bytes()
    (tmp_path / "q").write_text(COUNTED.replace("main.c twice", "main.c rare").replace("target 200", "target 1"))
    assert chains(baked(made, tmp_path / "q"))["busy"][0] == ["rare", "", "", ""], "an entry becomes untrained again"


@needs_gxx
def test_a_shared_library_and_virtual_calls(tmp_path: Path) -> None:
    """Each module has its own part of the profile and is baked by itself; COMDAT functions are left for bake."""
    (tmp_path / "shape.h").write_text(
        "struct Shape { virtual ~Shape() {} virtual long area(long n) const { return n; } };\n"
        "struct Square : Shape { long area(long n) const override { return n * n; } };\n"
        "long total(const Shape *const *shapes, long count);\n"
    )
    (tmp_path / "lib.cc").write_text(
        '#include "shape.h"\nlong total(const Shape *const *shapes, long count) {\n'
        "long sum = 0; for (long i = 0; i < count; i++) sum += shapes[i % 8]->area(i); return sum; }\n"
    )
    (tmp_path / "main.cc").write_text(
        '#include "shape.h"\n#include <cstdio>\nstruct Odd : Shape { long area(long n) const override; };\n'
        "long Odd::area(long n) const { return n ^ 1; }\n"
        "int main() { Shape s; Square q; Odd o; const Shape *all[] = { &q, &q, &q, &q, &q, &q, &o, &s };\n"
        "long sum = total(all, 800); for (long i = 0; i < 800; i++) sum += all[i % 8]->area(i);\n"
        'std::printf("%ld\\n", sum); }\n'
    )
    library, program = tmp_path / "libshape.so", tmp_path / "x"
    ours: list[str | Path] = [f"-I{tmp_path}", "-O2"]
    must([GXX, *ours, "-shared", "-fPIC", "-Wl,-soname,libshape.so.1", tmp_path / "lib.cc", "-o", library])
    must([GXX, *ours, tmp_path / "main.cc", library, f"-Wl,-rpath,{tmp_path}", "-o", program])
    (tmp_path / "libshape.so.1").symlink_to("libshape.so")
    profile = learned(program, tmp_path)
    found = read(str(profile))
    assert {place.module for place in found} == {"", "libshape.so.1"}
    said = must([program]).out
    made = baked(program, profile)
    entries = [entry for stub in chains(made)["main"] for entry in stub]
    assert entries[:3] == ["_ZNK6Square4areaEl", "_ZNK3Odd4areaEl", "_ZNK5Shape4areaEl"]
    ran = must([ASMREWRITE, "bake", library, "--profile", profile, "-o", tmp_path / "new.so"])
    assert ran.text.count("it is in another module") == 3
    assert must([made]).out == said and must([made], env={"ASMREWRITE_RUNTIME": "off"}).out == said
    os.replace(tmp_path / "new.so", library)
    assert must([made]).out == said
    rebuilt = [GXX, *ours, f"-fplugin-arg-asmrewrite-profile={profile}", tmp_path / "main.cc", library]
    must([*rebuilt, f"-Wl,-rpath,{tmp_path}", "-o", program])
    assert must([program]).out == said
    assert chains(program)["main"][0] == ["_ZNK3Odd4areaEl", "", "", ""], "only it is in no group"
    must([*rebuilt, "-fvisibility-inlines-hidden", f"-Wl,-rpath,{tmp_path}", "-o", program])
    assert must([program]).out == said and chains(program)["main"] == chains(made)["main"]


def test_the_library_fills_its_own_chains(tmp_path: Path) -> None:
    (tmp_path / "l.c").write_text(
        "typedef long fn(long);\nstatic __attribute__((noinline)) long hot(long n) { return n + 1; }\n"
        "__attribute__((noinline)) long shown(long n) { return n + 2; }\nstatic fn *volatile p[] = { hot, shown };\n"
        "long drive(long count) { long s = 0; while (count--) s += p[count % 4 == 0](count) + 1; return s; }\n"
    )
    (tmp_path / "m.c").write_text(
        '#include <stdio.h>\nlong drive(long);\nint main(void) { printf("%ld\\n", drive(400)); return 0; }\n'
    )
    library, program = tmp_path / "libl.so", tmp_path / "x"
    must([GCC, "-O2", "-shared", "-fPIC", tmp_path / "l.c", "-o", library])
    must(["gcc", tmp_path / "m.c", library, f"-Wl,-rpath,{tmp_path}", "-o", program])
    profile = learned(program, tmp_path)
    assert {place.module for place in read(str(profile))} == {"libl.so"}
    said = must([program]).out
    os.replace(baked(library, profile), library)
    assert chains(library)["drive"] == [["hot", "shown", "", ""]]
    assert must([program]).out == said and must([program], env={"ASMREWRITE_RUNTIME": "off"}).out == said
    must([GCC, "-O2", "-shared", "-fPIC", tmp_path / "l.c", "-o", library, "-fplugin-arg-asmrewrite-runtime=off",
          f"-fplugin-arg-asmrewrite-profile={profile}"])  # fmt: skip
    assert chains(library)["drive"] == [["hot", "shown", "", ""]]
    assert must([program]).out == said


# ---- refusals ----------------------------------------------------------------------------------------


def test_refusals(tmp_path: Path) -> None:
    """In words, and OUT stays what it was."""
    (tmp_path / "p").write_text(COUNTED)
    must([GCC, "-O2", "-o", tmp_path / "x", *sources(tmp_path)])
    must([GCC, "-O2", "-c", "-o", tmp_path / "x.o", tmp_path / "main.c"])
    must(["strip", "-o", tmp_path / "stripped", tmp_path / "x"])
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "lib.profile").write_text(COUNTED.replace("1 - learn", "1 lib.so learn"))
    (tmp_path / "out").write_text("old")
    damaged = bytearray((tmp_path / "x").read_bytes())
    damaged[min(may_change(tmp_path / "x"))] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    for name, profile, words in (
        ("x.o", "p", "is an object, not linked yet; compile with profile=FILE"),
        ("stripped", "p", "has no symbol table"), ("text", "p", "not an ELF file"),
        ("x", "lib.profile", "the profile has no site of the program; it has sites of lib.so"),
        ("damaged", "p", "cannot be baked: "), ("missing", "p", "cannot be read"), ("x", "none", "cannot be read"),
        ("x", "text", "text:1: no part begins here"),
    ):  # fmt: skip
        ran = run([ASMREWRITE, "bake", tmp_path / name, "--profile", tmp_path / profile, "-o", tmp_path / "out"])
        assert ran.status == 1 and words in ran.errors, (name, ran.errors)
        assert (tmp_path / "out").read_text() == "old"
    for arguments in (["x"], ["x", "--profile", "p"], ["x", "-o", "y"], ["x", "y", "--profile", "p", "-o", "z"]):
        assert run([ASMREWRITE, "bake", *arguments], tmp_path).status == 2
    assert run([ASMREWRITE, "bake", tmp_path / "x", "--profile", tmp_path / "p", "-o", tmp_path]).status == 2
    with pytest.raises(CheckError, match="not linked"):
        bake((tmp_path / "x.o").read_bytes(), parse(COUNTED), "x.o")


def test_the_output_is_replaced_whole(tmp_path: Path) -> None:
    """Even where it is the input, runs, or is a link; with the program's permissions."""
    (tmp_path / "p").write_text(COUNTED)
    must([GCC, "-O2", "-o", tmp_path / "x", *sources(tmp_path)])
    (tmp_path / "x").chmod(0o751)
    (tmp_path / "link").symlink_to("x")
    must([ASMREWRITE, "bake", tmp_path / "link", f"--profile={tmp_path / 'p'}", "-o", tmp_path / "link"])
    assert (tmp_path / "link").is_symlink() and (tmp_path / "x").stat().st_mode & 0o7777 == 0o751
    assert chains(tmp_path / "x")["busy"][0][0] == "twice"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "main.c", "other.c", "p", "x"]


def test_what_is_left_is_said(tmp_path: Path) -> None:
    must([GCC, "-O2", "-o", tmp_path / "x", *sources(tmp_path)])
    text = COUNTED.replace("- thrice 0", "- thrice 4").replace("busy 1", "busy 9").replace("target 95 ", "target 90 ")
    (tmp_path / "p").write_text(text.replace("main.c twice", "main.c nobody"))
    ran = must([ASMREWRITE, "bake", tmp_path / "x", "--profile", tmp_path / "p", "-o", tmp_path / "y"])
    assert ran.text.splitlines() == [
        "busy#0: main.c:nobody: left: the file has no such function",
        "busy#0: thrice+0x4: left: no symbol stands there",
        "busy#0: libc.so.6: labs: left: it is in another module",
        f"busy#9: left: {tmp_path / 'x'} has no such site",
    ]
    assert "0 of 3 sites trained, 0 entries" in ran.errors
    assert (tmp_path / "y").read_bytes() == (tmp_path / "x").read_bytes()
    assert len(check(str(tmp_path / "y"))) == 3
