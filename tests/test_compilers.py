"""One tool for every compiler: a slice of the conformance suite `compilers`, one set of flags for each.

Both programs print the same, every object is proven to be its original but for the sites, and what still branches
indirectly is listed. gcc and g++ have the tests of programs and of the wrapper.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from asmrewrite import Options, SkipReason, Verdict, rewrite
from asmrewrite.verify.image import Image
from asmrewrite.verify.translation import validate
from conformance.compilers.build import Compiler
from conformance.compilers.suite import compare
from conformance.compilers.table import COMPILERS
from tests.building import ASMREWRITE, IDENT, PROGRAMS, must, needs_clang, run

FLAGS = {
    "clang-14": "-O2 -masm=intel -mretpoline", "clang-19": "-O2", "gfortran-12": "-O2", "flang-new-19": "-O2",
    "rustc": "-Copt-level=2", "gnatmake-12": "-O2", "gccgo-12": "-O2",
}  # fmt: skip
CHOSEN = [c for c in COMPILERS if c.command in FLAGS]


@pytest.mark.parametrize("compiler", CHOSEN, ids=[f"{c.command}-{c.sources[0]}" for c in CHOSEN])
def test_compilers(compiler: Compiler, tmp_path: Path) -> None:
    if compiler.path is None:
        pytest.skip(f"{compiler.command} is not installed: apt-get install {compiler.package}")
    compare(compiler, tuple(FLAGS[compiler.command].split()), Path(ASMREWRITE), tmp_path / "work")


def test_all_are_chosen() -> None:
    assert set(FLAGS) == {c.command for c in CHOSEN}


# ---- what LLVM says of its tail calls -----------------------------------------------------------------

TABLE_AND_TAIL = f"""\
	.type	f, @function
f:
	.cfi_startproc
	leaq	.LJTI0_0(%rip), %rcx
	movslq	(%rcx,%rdi,4), %rax
	addq	%rcx, %rax
	jmpq	*%rax
.LBB0_1:
	jmpq	*%rsi                           # TAILCALL
	.cfi_endproc
	.size	f, .-f
	.section	.rodata,"a",@progbits
.LJTI0_0:
	.long	.LBB0_1-.LJTI0_0
{IDENT}"""


def test_a_tail_call_that_llvm_names() -> None:
    """The function has a jump table, so that nothing could be proven without the word."""
    result = rewrite(TABLE_AND_TAIL)
    assert [site.line for site in result.sites] == [9]
    assert [skip.reason for skip in result.skips] == [SkipReason.NOT_PROVEN]


@pytest.mark.parametrize(
    "text",
    [TABLE_AND_TAIL.replace("# TAILCALL", "# a TAILCALL"),
     TABLE_AND_TAIL.replace("\tjmpq\t*%rsi", "#APP\n\tjmpq\t*%rsi").replace("\t.cfi_end", "#NO_APP\n\t.cfi_end"),
     TABLE_AND_TAIL.replace(IDENT, "")],
)  # fmt: skip
def test_the_word_counts_where_llvm_says_it(text: str) -> None:
    """Not as part of another comment, in inline assembly, or in a file that bears no compiler's mark."""
    assert rewrite(text, Options(inline_asm=True)).sites == ()


def test_flang_s_mark() -> None:
    text = '\t.text\n\t.file\t"FIRModule"\n\t.type\tf, @function\nf:\tcallq\t*%rax\n'
    assert len(rewrite(text).sites) == 1
    assert [s.reason for s in rewrite(text.replace("FIRModule", "x.c")).skips] == [SkipReason.HAND_WRITTEN]


# ---- preserve_none ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "call", "kept"),
    [
        ("leaq\t9(%rsi), %r11", "callq\t*p(%rip)", True), ("movl\t$9, %r11d", "jmpq\t*8(%rbx) # TAILCALL", True),
        ("popq\t%r11", "callq\t*p(%rip)", True), ("xchgq\t%r11, %rax", "callq\t*p(%rip)", True),
        ("leaq\t9(%rsi), %r11\n\tmovq\t%r11, (%rsp)", "callq\t*p(%rip)", True),
        ("movq\t%r11, (%rsp)", "callq\t*p(%rip)", False), ("cmpq\t%rax, %r11", "callq\t*p(%rip)", False),
        ("leaq\t9(%rsi), %r11\n.LBB0_1:", "callq\t*p(%rip)", False), ("pushq\t%r11", "callq\t*p(%rip)", False),
        ("movq\t(%rdi), %r11", "callq\t*8(%r11)", False), ("leaq\t9(%rsi), %r11", "callq\t*%rax", False),
    ],
)  # fmt: skip
def test_an_argument_in_r11(before: str, call: str, kept: bool) -> None:
    """A block that writes %r11 before a call through memory has made it an argument, for compilers that know how."""
    for ident, known in (
        ("Debian clang version 19.1.7", True),
        ("GCC: (GNU) 15.1.0", True),
        ("GCC: (GNU) 14.2.0", False),
    ):
        text = f'\t.type\tf, @function\nf:\n\t.cfi_startproc\n\t{before}\n\t{call}\n\tnop\n\t.ident\t"{ident}"\n'
        result = rewrite(text)
        assert len(result.sites) == 1 - (kept and known), (ident, result.skips)


@pytest.mark.parametrize(("before", "kept"), [("lea\tr11, [rsi + 9]", True), ("mov\tqword ptr [rsp], r11", False)])
def test_an_argument_in_r11_in_intel_syntax(before: str, kept: bool) -> None:
    text = f"\t.intel_syntax noprefix\n\t.type\tf,@function\nf:\n\t{before}\n\tcall\tqword ptr [rip + p]\n"
    assert len(rewrite(f'{text}\t.ident\t"clang version 19"\n').sites) == 1 - kept


# ---- clang by another name, and what it would do without an assembler ---------------------------------


@needs_clang
@pytest.mark.parametrize(
    "words",
    ["-flto", "-flto=thin", "-fno-lto -flto", "-flto -S", "-fintegrated-as", "-fno-integrated-as -fintegrated-as"],
)
def test_what_clang_would_do_alone_is_refused(words: str, tmp_path: Path) -> None:
    ran = run([ASMREWRITE, "cc", "clang-14", *words.split(), "-c", PROGRAMS / "preserve_all.c"], tmp_path)
    assert ran.status == 1 and list(tmp_path.iterdir()) == []
    assert ("-fno-lto" if "lto" in words else "-fno-integrated-as") in ran.errors


@needs_clang
@pytest.mark.parametrize("words", ["-flto -fno-lto", "-fintegrated-as -fno-integrated-as", "-fembed-bitcode"])
def test_what_is_taken_back_is_not_refused(words: str, tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("void f(void (*p)(void)) { p(); p(); }\n")
    (tmp_path / "cc").symlink_to(must(["sh", "-c", "command -v clang-14"]).text.strip())
    must([ASMREWRITE, "cc", tmp_path / "cc", *words.split(), "-O2", "-c", "x.c"], tmp_path)
    assert must([ASMREWRITE, "check", "x.o"], tmp_path).text.count(" PASS ") == 2


@needs_clang
@pytest.mark.parametrize("words", ["-flto -E", "-flto --version", "-flto -fsyntax-only"])
def test_what_makes_no_code_is_not_refused(words: str, tmp_path: Path) -> None:
    must([ASMREWRITE, "cc", "clang-14", *words.split(), PROGRAMS / "preserve_all.c"], tmp_path)


# ---- what clang's objects have and gcc's have not -----------------------------------------------------

#: Functions of every length about that at which the offsets in their tables take a byte more.
TABLES = "struct Guard { ~Guard(); };\ntypedef long fn(long);\n" + "".join(
    f"long f{count}(fn *p) {{ Guard g; return {' + '.join(f'p({n})' for n in range(count))}; }}\n"
    for count in range(3, 24)
)


@needs_clang
def test_exception_tables_with_names(tmp_path: Path) -> None:
    """Each is a symbol, which moves when a table before it grows: to where its frame leads, and nowhere else."""
    (tmp_path / "x.cc").write_text(TABLES)
    must(["clang++-14", "-O2", "-fno-integrated-as", "-c", "x.cc", "-o", "plain.o"], tmp_path)
    must([ASMREWRITE, "cc", "clang++-14", "-O2", "-c", "x.cc", "-o", "new.o"], tmp_path)
    plain, new = (tmp_path / name for name in ("plain.o", "new.o"))
    before, after = ({s.name: s for s in image_of(path).symbols if "except" in s.name} for path in (plain, new))
    moved = [name for name, symbol in before.items() if after[name].value != symbol.value]
    assert moved, "nothing grew"
    assert validate(str(plain), str(new)).verdict is Verdict.PASS
    must(
        ["objcopy", "--add-symbol", f"{moved[0]}=.gcc_except_table:4,local", "--strip-symbol", moved[0], new], tmp_path
    )
    assert validate(str(plain), str(new)).verdict is Verdict.FAIL


def image_of(path: Path) -> Image:
    """The object at `path`."""
    return Image(str(path), BytesIO(path.read_bytes()))
