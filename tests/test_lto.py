"""gcc's link-time optimisation: the code is made when the program is linked, and rewritten there."""

from __future__ import annotations

from pathlib import Path

import pytest

from asmrewrite import CheckError, Verdict, check
from conformance.compilers.reached import left_indirect
from tests.building import ASMREWRITE, GCC, GXX, must, needs_clang, needs_gxx, run

START_UP = {"_init", "_start", "deregister_tm_clones", "register_tm_clones", "__do_global_dtors_aux"}
#: A file with calls, a tail call and a jump table; one with the other half of the program.
CALLS = """\
typedef long fn(long);
extern fn *table[];
long tail(int i, long n) { return table[i](n); }
long choose(int i, fn *p)
{
	switch (i) {
	case 0: return p(1);
	case 1: return p(2) + 3;
	case 2: return p(7) * 2;
	case 3: return p(9) - 2;
	case 4: return p(1) / 2;
	case 5: return p(-1) - 5;
	}
	return table[3](9);
}
"""
MAIN = """\
#include <stdio.h>
typedef long fn(long);
long tail(int, long), choose(int, fn *);
static long same(long n) { return n; }
static long twice(long n) { return 2 * n; }
fn *table[4] = { same, twice, same, twice };
int main(int count, char **words)
{
	printf("%ld %ld %ld\\n", tail(count, 4), choose(count, table[count]), choose(count + 2, table[count + 1]));
	return 0;
}
"""
OFF = "-fplugin-arg-asmrewrite-runtime=off"
FLAGS = [
    "-flto", "-flto -ffat-lto-objects", "-flto=auto", "-flto=2 -flto-partition=1to1", "-flto -flto-partition=none",
    "-flto -fno-use-linker-plugin -ffat-lto-objects", "-flto -fuse-ld=gold", "-flto -masm=intel",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "calls.c").write_text(CALLS)
    (tmp_path / "main.c").write_text(MAIN)
    return tmp_path


@pytest.mark.parametrize("flags", FLAGS)
def test_all_that_is_made_at_link_time(flags: str, folder: Path) -> None:
    words = ["-O2", "-fno-inline", "-fno-ipa-cp", *flags.split()]
    must([GCC, *words, "-c", "calls.c", "main.c"], folder)
    must([GCC, *words, "-o", "prog", "calls.o", "main.o", "-fplugin-arg-asmrewrite-slow=lfence", OFF], folder)
    assert must(["./prog"], folder).out == b"8 7 7\n"
    verdicts = check(str(folder / "prog"))
    assert {(v.verdict, v.slow) for v in verdicts} == {(Verdict.PASS, "lfence")}
    assert sorted({(v.function, v.form) for v in verdicts if v.function != "main"}) == [
        ("choose", "call"), ("choose", "jmp"), ("tail", "jmp"),
    ]  # fmt: skip
    (left,) = left_indirect([folder / "prog"], apart_from=START_UP)
    assert left.startswith("choose: ") and "jmp" in left, "the jump table"


def test_without_flto_at_the_link(folder: Path) -> None:
    """The linker's plugin finds the bytecode whatever the words; the flags are those of the compilation."""
    must([GCC, "-O2", "-fno-inline", "-flto", "-c", "calls.c", "main.c"], folder)
    must([GCC, "-o", "prog", "calls.o", "main.o", OFF], folder)
    assert all(v.verdict is Verdict.PASS for v in check(str(folder / "prog"))) and check(str(folder / "prog"))
    assert len(left_indirect([folder / "prog"], apart_from=START_UP)) == 1


def test_a_partial_link(folder: Path) -> None:
    must([GCC, "-O2", "-flto", "-c", "calls.c", "main.c"], folder)
    must([GCC, "-O2", "-flto", "-r", "-flinker-output=nolto-rel", "-o", "all.o", "calls.o", "main.o"], folder)
    assert len(check(str(folder / "all.o"))) >= 8 and left_indirect([folder / "all.o"])[1:] == []


@needs_gxx
def test_cxx(tmp_path: Path) -> None:
    (tmp_path / "x.cc").write_text(
        "struct A { virtual long f(long n) { return n; } };\n"
        "struct B : A { long f(long n) override { return n + 1; } };\n"
        "A *volatile a = new B;\nint main() { return a->f(41) - 42; }\n"
    )
    for compiler in ("g++", GXX):
        off = [OFF] if compiler == GXX else []
        must([compiler, "-O2", "-flto", "-fno-devirtualize", *off, "-o", "prog", "x.cc"], tmp_path)
        must(["./prog"], tmp_path)
    assert [v.verdict for v in check(str(tmp_path / "prog"))] == [Verdict.PASS]
    assert left_indirect([tmp_path / "prog"], apart_from=START_UP) == []


def test_a_plain_link_makes_plain_code(folder: Path) -> None:
    """Nothing of ours runs there; the documentation says so, and `asmrewrite sites` shows it."""
    must([GCC, "-O2", "-fno-inline", "-flto", "-c", "calls.c", "main.c"], folder)
    ran = must([ASMREWRITE, "check", "calls.o"], folder)
    assert "calls.o: holds bytecode (-flto)" in ran.errors
    must(["gcc", "-o", "prog", "calls.o", "main.o"], folder)
    assert check(str(folder / "prog")) == ()


def test_text_of_a_bytecode_file(folder: Path) -> None:
    """With -S the listing holds bytecode, and no note of ours among its options."""
    ours, plain = (
        must([compiler, "-O2", "-flto", "-frandom-seed=1", "-S", "-o", "-", "calls.c"], folder).text
        for compiler in (GCC, "gcc")
    )
    assert [a for a, b in zip(ours.splitlines(), plain.splitlines(), strict=True) if a != b and "-O2" not in a] == []


@needs_clang
def test_bitcode_is_called_by_its_name(folder: Path) -> None:
    must(["clang-14", "-flto", "-c", "calls.c"], folder)
    with pytest.raises(CheckError, match="LLVM bitcode"):
        check(str(folder / "calls.o"))
    assert run([ASMREWRITE, "check", "calls.o"], folder).status == 1
