"""-fcf-protection: no retpoline where shadow stacks are promised, `notrack` kept, and the object's notes with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asmrewrite import Options, UnsoundError, Verdict, check, rewrite
from asmrewrite.analysis.properties import shadow_stack
from asmrewrite.analysis.survey import survey
from asmrewrite.syntax.listing import parse
from tests.building import GCC, must, needs_clang, run

CALLS = "typedef void fn(void);\nfn *q;\nvoid f(fn *p) { p(); q(); p(); }\nvoid g(fn *p) { p(); }\n"
SLOW = "-fplugin-arg-asmrewrite-slow="


def properties(path: Path) -> list[str]:
    """The x86 features that readelf finds in a file's notes."""
    return re.findall(r"x86 feature: (.*)", must(["readelf", "-n", path]).text)


@pytest.mark.parametrize("protection", ["none", "branch", "return", "full"])
@pytest.mark.parametrize("style", ["thunk", "thunk-inline", "thunk-extern"])
def test_what_gcc_refuses(protection: str, style: str, tmp_path: Path) -> None:
    """The facts behind ours (docs/options.md): its own retpolines with shadow stacks, not those of someone else."""
    (tmp_path / "x.c").write_text(CALLS)
    words = ["gcc", "-O2", f"-fcf-protection={protection}", f"-mindirect-branch={style}", "-c", "x.c"]
    refused = protection in ("return", "full") and style != "thunk-extern"
    assert (run(words, tmp_path).status != 0) == refused


@pytest.mark.parametrize("style", ["thunk", "thunk-inline", "thunk-extern"])
def test_gcc_s_thunks_with_ibt(style: str, tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(CALLS)
    must([GCC, "-O2", "-fcf-protection=branch", f"-mindirect-branch={style}", "-c", "x.c"], tmp_path)
    verdicts = check(str(tmp_path / "x.o"))
    assert all(v.verdict is Verdict.PASS for v in verdicts) and (style == "thunk-inline" or len(verdicts) == 4)


@pytest.mark.parametrize("protection", ["branch", "return", "full"])
@pytest.mark.parametrize("slow", ["retpoline", "lfence", "plain"])
def test_the_notes_stay(protection: str, slow: str, tmp_path: Path) -> None:
    """Through rewriting and through linking: stubs and thunks are no code without a promise."""
    if slow == "retpoline" and protection != "branch":
        return
    (tmp_path / "x.c").write_text(CALLS)
    (tmp_path / "y.c").write_text("void f(void (*)(void));\nvoid _start(void) { f(_start); }\n")
    words = ["-O2", f"-fcf-protection={protection}", "-c", "x.c", "y.c"]
    must(["gcc", *words], tmp_path)
    expected = properties(tmp_path / "x.o")
    must([GCC, *words, f"{SLOW}{slow}"], tmp_path)
    assert properties(tmp_path / "x.o") == expected != []
    report = "-Wl,-z,cet-report=error"
    must(["gcc", "-nostdlib", *([report] if protection == "full" else []), "-o", "x", "x.o", "y.o"], tmp_path)
    assert properties(tmp_path / "x") == expected
    assert {v.slow for v in check(str(tmp_path / "x"))} == {slow}
    assert all(v.verdict is Verdict.PASS for v in check(str(tmp_path / "x")))


@pytest.mark.parametrize("slow", ["retpoline", "lfence", "plain"])
def test_notrack_is_kept(slow: str, tmp_path: Path) -> None:
    """gcc's nocf_check: the target has no endbr64, and a tracked jump to it would fault."""
    (tmp_path / "x.c").write_text(
        "typedef void fn(void) __attribute__((nocf_check));\ntypedef void tracked(void);\nfn *q;\n"
        "void f(fn *p, tracked *t) { p(); t(); q(); t(); p(); }\nvoid g(fn *p) { p(); }\n"
    )
    must([GCC, "-O2", "-fcf-protection=branch", "-c", "x.c", f"{SLOW}{slow}"], tmp_path)
    verdicts = check(str(tmp_path / "x.o"))
    assert len(verdicts) == 6 and all(v.verdict is Verdict.PASS for v in verdicts)
    code = must(["objdump", "-d", "-w", "--no-show-raw-insn", "x.o"], tmp_path).text
    thunks = {name: "notrack jmp" in body for name, body in re.findall(r"<(__relpoline_\w+)>:\n((?:.+\n)+)", code)}
    assert len(thunks) == 4
    assert slow == "retpoline" or len(set(thunks.values())) == 2
    assert all(notrack == ("_notrack_" in name) for name, notrack in thunks.items()), thunks


NOTE = """\
	.text
	.type	f, @function
f:	call	*%rax
	ret
	.size	f, .-f
	.pushsection {section}
	.p2align 3
	.long {name}
	.long 5
0:	.asciz "GNU"
1:	.p2align 3
	{words}
	.p2align 3
4:	.popsection
"""


@pytest.mark.parametrize("section", ['".note.gnu.property", "a"', '.note.gnu.property,"a",@note'])
@pytest.mark.parametrize(
    ("words", "marked"),
    [
        (".long 0xc0000002\n\t.long 3f - 2f\n2:\t.long (0x1 | 0x2)\n3:", True),
        (".long 0xc0000002\n\t.long 3f - 2f\n2:\t.long (0x1 | 0x0)\n3:", False),
        (".long 0xC0000002, 4, 2", True), (".long 3221225474\n\t.long\t4\n\t.long 1", False),
        (".4byte 0xc0000002\n\t.int 4\n\t.long FEATURES", True), (".long 0xc0000001\n\t.long 4\n\t.long 2", False),
    ],
)  # fmt: skip
def test_notes_in_text(section: str, words: str, marked: bool) -> None:
    """As <cet.h> lays them down (a quoted name, a sum), and others; what cannot be read counts as a mark."""
    text = NOTE.format(section=section, name="1f - 0f, 4f - 1f", words=words)
    assert shadow_stack(survey(parse(text))) == marked
    asked = Options(inline_asm=True)
    if marked:
        with pytest.raises(UnsoundError):
            rewrite(text, asked)
    else:
        assert len(rewrite(text, asked).sites) == 1
    assert len(rewrite(text, asked._replace(slow="plain")).sites) == 1


@pytest.mark.parametrize(("protection", "taken"), [("full", False), ("return", False), ("branch", True)])
def test_preprocessed_assembly(protection: str, taken: bool, tmp_path: Path) -> None:
    (tmp_path / "x.S").write_text("#include <cet.h>\n\t.text\nf:\t_CET_ENDBR\n\tcall\t*%rax\n\tret\n")
    words = [GCC, f"-fcf-protection={protection}", "-fplugin-arg-asmrewrite-inline-asm=on", "-c", "x.S"]
    ran = run(words, tmp_path)
    assert (ran.status == 0) == taken == (tmp_path / "x.o").exists()
    must([*words, f"{SLOW}lfence"], tmp_path)


def test_a_mark_that_only_the_object_shows(tmp_path: Path) -> None:
    """The text gives the note's bytes in a way that nobody reads; the object is checked and not written."""
    words = ".byte 2, 0, 0, 0xc0, 4, 0, 0, 0, 2, 0, 0, 0"
    (tmp_path / "x.s").write_text(
        NOTE.format(section='".note.gnu.property", "a"', name="1f - 0f, 4f - 1f", words=words)
    )
    asked = [GCC, "-fplugin-arg-asmrewrite-inline-asm=on", "-c", "x.s"]
    ran = run(asked, tmp_path)
    assert ran.status == 1 and "marked for shadow stacks" in ran.errors and not (tmp_path / "x.o").exists()
    must([*asked, f"{SLOW}plain"], tmp_path)
    assert properties(tmp_path / "x.o") == ["SHSTK"]


def test_a_mark_of_the_linker(tmp_path: Path) -> None:
    """Ld -z shstk marks what no object promised: the checker says what would fault."""
    (tmp_path / "x.c").write_text(CALLS + "int main(void) { return 0; }\n")
    for slow, verdict in (("retpoline", Verdict.FAIL), ("lfence", Verdict.PASS)):
        must([GCC, "-O2", f"{SLOW}{slow}", "-o", "x", "x.c", "-Wl,-z,shstk"], tmp_path)
        assert {v.verdict for v in check(str(tmp_path / "x"))} == {verdict}


@needs_clang
def test_clang_s_notes(tmp_path: Path) -> None:
    for protection in ("full", "return", "branch"):
        (tmp_path / "x.c").write_text(CALLS)
        must(["clang-14", "-O2", f"-fcf-protection={protection}", "-S", "x.c"], tmp_path)
        assert shadow_stack(survey(parse((tmp_path / "x.s").read_text()))) == (protection != "branch")
