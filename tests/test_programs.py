"""Real programs, built plainly and wrapped: they print the same, and every site of theirs passes.

The programs of testdata/programs fold what they do into checksums: calling conventions, exceptions through
several objects, static calls at many alignments.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from asmrewrite import Verdict, check
from tests.building import ASMREWRITE, GCC, GXX, PROGRAMS, must, needs_clang, needs_gxx

OURS = "-fplugin-arg-asmrewrite-"
#: Compiler flags of the C programs, with our own among them.
FLAGS = [
    "-O0", "-O2", "-O2 -g", "-O2 -fno-pie -no-pie", "-O2 -fno-plt", "-O2 -mindirect-branch=thunk",
    "-O2 -mindirect-branch=thunk -mindirect-branch-register", "-O2 -ffunction-sections -Wl,--gc-sections",
    "-Os -static", "-O2 -fcf-protection=branch", f"-O2 {OURS}slow=lfence", f"-O2 {OURS}slow=plain",
    "-O2 -fcf-protection=full " f"{OURS}slow=lfence", f"-O2 {OURS}align=p2align {OURS}bundle=6",
    f"-O2 {OURS}targets=1", f"-O3 {OURS}targets=8 {OURS}bundle=5", "-O2 -pipe -fno-asynchronous-unwind-tables",
    "-O2 -fno-dwarf2-cfi-asm", "-O2 -flto -flto-partition=none",
]  # fmt: skip
C_PROGRAMS = {"conventions": ["conventions.c"], "static_calls": ["static_calls.c", "static_calls_impl.c"]}


def theirs(words: list[str]) -> list[str]:
    """`words` without our options."""
    return [word for word in words if not word.startswith(OURS)]


@cache
def expected(program: str, folder: Path) -> bytes:
    """What a plainly built program prints."""
    plain = folder / f"{program}.plain"
    must(["gcc", "-O2", "-o", plain, *(PROGRAMS / source for source in C_PROGRAMS[program])])
    return must([plain]).out


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("program", C_PROGRAMS)
def test_c_programs(program: str, flags: str, tmp_path: Path) -> None:
    if program == "static_calls" and "-flto" in flags:
        pytest.skip("its trampolines are top-level assembly, whose symbols -flto does not see")
    sources = [str(PROGRAMS / source) for source in C_PROGRAMS[program]]
    built = tmp_path / program
    must([GCC, *flags.split(), "-o", built, *sources])
    assert must([built]).out == expected(program, tmp_path)
    verdicts = check(str(built))
    assert [str(v) for v in verdicts if v.verdict is not Verdict.PASS] == []
    passes = {v.pass_ for v in verdicts}
    assert passes == ({"relpoline", "static-call"} if program == "static_calls" else {"relpoline"})
    assert len(verdicts) > (20 if program == "conventions" else 8)


@needs_gxx
@pytest.mark.parametrize(
    "flags", ["-O0", "-O2", "-O2 -g -ffunction-sections -Wl,--gc-sections", f"-O2 -masm=intel {OURS}slow=plain"]
)
def test_exceptions(flags: str, tmp_path: Path) -> None:
    """Exceptions cross sites, COMDAT functions and a shared library."""
    printed = []
    for compiler, words in (("g++", theirs(flags.split())), (GXX, flags.split())):
        folder = tmp_path / Path(compiler).name
        folder.mkdir()
        common = [compiler, "-std=c++17", *words]
        must([*common, "-shared", "-fPIC", "-o", folder / "libexceptions.so", PROGRAMS / "exceptions_lib.cpp"])
        must([*common, "-o", folder / "exceptions", PROGRAMS / "exceptions.cpp", f"-L{folder}", "-lexceptions",
              f"-Wl,-rpath,{folder}"])  # fmt: skip
        printed.append(must([folder / "exceptions"]).out)
        for name in ("libexceptions.so", "exceptions"):
            verdicts = check(str(folder / name))
            assert [str(v) for v in verdicts if v.verdict is not Verdict.PASS] == []
            assert bool(verdicts) == (compiler == GXX)
    assert printed[0] == printed[1]


@needs_gxx
def test_mixed_objects(tmp_path: Path) -> None:
    """A wrapped half and a plain half make one program."""
    must([GXX, "-std=c++17", "-O2", "-shared", "-fPIC", "-o", tmp_path / "libexceptions.so",
          PROGRAMS / "exceptions_lib.cpp"])  # fmt: skip
    must(["g++", "-std=c++17", "-O2", "-o", tmp_path / "x", PROGRAMS / "exceptions.cpp", f"-L{tmp_path}",
          "-lexceptions", f"-Wl,-rpath,{tmp_path}"])  # fmt: skip
    assert b"FAILED" not in must([tmp_path / "x"]).out


@needs_clang
@pytest.mark.parametrize("flags", ["-O0", "-O2", "-O2 -g", f"-O2 -masm=intel {OURS}slow=plain"])
def test_clang_conventions(flags: str, tmp_path: Path) -> None:
    """preserve_all callees keep every register but %r11, and so must stubs and thunks."""
    source = PROGRAMS / "preserve_all.c"
    must(["clang-14", *theirs(flags.split()), "-o", tmp_path / "plain", source])
    must([ASMREWRITE, "cc", "clang-14", *flags.split(), "-o", tmp_path / "wrapped", source])
    assert must([tmp_path / "wrapped"]).out == must([tmp_path / "plain"]).out
    verdicts = check(str(tmp_path / "wrapped"))
    assert verdicts and all(v.verdict is Verdict.PASS for v in verdicts)


def test_the_command_says_the_same(tmp_path: Path) -> None:
    must([GCC, "-O2", "-o", tmp_path / "x", PROGRAMS / "conventions.c"])
    ran = must([ASMREWRITE, "check", tmp_path / "x"])
    assert ran.text.count(" PASS ") == len(check(str(tmp_path / "x")))
    assert re.fullmatch(r"1 files, \d+ sites, 0 not passed\n", ran.errors)


# ---- what linkers drop -------------------------------------------------------------------------------


def test_gc_sections_drops_records_with_their_functions(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(
        "typedef long fn(long);\nfn *volatile p;\nlong used(long n) { return p(n) + 1; }\n"
        "long unused(long n) { return p(n) + 2; }\nlong unused_too(long n) { return p(n) + 3; }\n"
        "static long id(long n) { return n; }\nint main(void) { p = id; return used(1) - 2; }\n"
    )
    words: list[str | Path] = [GCC, "-O2", "-fno-inline", "-o", tmp_path / "x", tmp_path / "x.c"]
    must(words)
    assert sorted(v.function for v in check(str(tmp_path / "x"))) == ["unused", "unused_too", "used"]
    must([*words, "-ffunction-sections", "-Wl,--gc-sections"])
    assert [v.function for v in check(str(tmp_path / "x"))] == ["used"]
    must([tmp_path / "x"])
    slots = must(["size", "-A", tmp_path / "x"]).text
    assert re.search(r"^asmrewrite_slots +32 ", slots, re.MULTILINE), "the slots of one site"


@needs_gxx
def test_duplicate_comdat_functions_keep_one_record(tmp_path: Path) -> None:
    (tmp_path / "t.h").write_text(
        "typedef long fn(long);\ntemplate <typename T> __attribute__((noinline)) long twice(fn *f, T n) "
        "{ return f(n) + f(n + 1); }\nlong other(fn *f);\n"
    )
    (tmp_path / "a.cc").write_text('#include "t.h"\nlong other(fn *f) { return twice<long>(f, 4); }\n')
    (tmp_path / "b.cc").write_text(
        '#include "t.h"\nstatic long id(long n) { return n; }\nfn *volatile p = id;\n'
        "int main() { return twice<long>(p, 2) + other(p) - 14; }\n"
    )
    for name in ("a", "b"):
        must([GXX, "-O2", "-c", tmp_path / f"{name}.cc", "-o", tmp_path / f"{name}.o"])
        assert len(check(str(tmp_path / f"{name}.o"))) == 2
    must([GXX, "-o", tmp_path / "x", tmp_path / "a.o", tmp_path / "b.o"])
    must([tmp_path / "x"])
    verdicts = check(str(tmp_path / "x"))
    assert [v.verdict for v in verdicts] == [Verdict.PASS] * 2
    assert len({v.offset for v in verdicts}) == 2


def test_partial_links(tmp_path: Path) -> None:
    """Ld -r keeps tables and sites together."""
    for source in C_PROGRAMS["static_calls"]:
        must([GCC, "-O2", "-c", PROGRAMS / source, "-o", tmp_path / f"{source}.o"])
    both = tmp_path / "both.o"
    must(["ld", "-r", "-o", both, *(tmp_path / f"{source}.o" for source in C_PROGRAMS["static_calls"])])
    assert [str(v) for v in check(str(both)) if v.verdict is not Verdict.PASS] == []
    must(["gcc", "-o", tmp_path / "x", both])
    assert must([tmp_path / "x"]).out == expected("static_calls", tmp_path)
