"""The audit against objdump's counts, against what gcc says it meant, and against code that was made to mislead it."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from asmrewrite import CheckError, audit, branches, parse, rewrite, survey
from asmrewrite.verify.addresses import relr
from asmrewrite.verify.audit import AuditedBranch, audit_bytes, summary
from tests import c_sources
from tests.building import IDENT, assemble, must, options
from tests.support import assemble as assembled
from tests.support import compiled, indirect_branches

#: What gcc's notes call a jump -> what the audit does.
KINDS = {"call": "call", "tail": "tail-call", "table": "jump-table", "goto": "computed-goto", "unproven": "jump"}
FLAGS = (
    ("-O0",), ("-O0", "-fno-pic"), ("-O2",), ("-O3", "-fno-pic"), ("-O2", "-fPIC", "-fno-plt"),
    ("-O2", "-fcf-protection"),
)  # fmt: skip
#: Functions whose labels are handed out: nothing can be proven of their jumps.
HANDED_OUT = {"given", "handed"}
#: Functions that jump to a place in another one, which to a reader of the object is a tail call.
LEAVING = {"jump", "jump_if", "inner.0", "inner.1", "unwind"}
FIRST = """
	.globl	f
	.type	f, @function
f:
"""
LAST = "\n\t.size\tf, .-f\n"


def read(content: bytes, *, returns: bool = False) -> list[AuditedBranch]:
    """The branches of an object."""
    return list(audit_bytes(content, "x.o", returns=returns).branches)


def body(text: str) -> list[tuple[str, str]]:
    """(kind, protection) of each branch of a function of that text."""
    content = assembled(FIRST + text + LAST)
    assert content is not None
    return [(branch.kind, branch.protection) for branch in read(content)]


# ---- against objdump and gcc -------------------------------------------------------------------------


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_objects_have_what_gcc_meant(flags: tuple[str, ...]) -> None:
    for source in c_sources.ALL:
        text = compiled(source, "-dp", *flags)
        content = assembled(text)
        assert content is not None
        found = read(content)
        assert sum(branch.indirect for branch in found) == len(indirect_branches(content))
        got = Counter((function(branch.function), simple(branch)) for branch in found)
        wanted: Counter[tuple[str, str]] = Counter()
        for branch in branches(survey(parse(text))):
            if branch.indirect:
                name, kind = function(branch.place.function), KINDS[branch.role]
                kind = "jump" if name in HANDED_OUT and kind == "computed-goto" else kind
                wanted[name, "tail-call" if name in LEAVING and kind == "computed-goto" else kind] += 1
        assert got == wanted


def function(name: str) -> str:
    """The function that a cold part belongs to."""
    return name.partition(".cold")[0]


def simple(branch: AuditedBranch) -> str:
    """A call or jump through the GOT is a call or tail call to gcc."""
    if branch.kind == "import":
        return "call" if branch.text.startswith("call") else "tail-call"
    return branch.kind


@pytest.mark.parametrize("flags", [[], ["-no-pie", "-fno-pie"], ["-fPIC", "-shared"], ["-static"], ["-static-pie"]])
def test_programs_have_objdumps_count(flags: list[str], tmp_path: Path) -> None:
    sources = [tmp_path / "a.c", tmp_path / "b.c"]
    sources[0].write_text(c_sources.JUMPS.replace("extern int a(void), b(void)", "int a(void), b(void)"))
    names = [*(f"int {n}(void) {{ return 1; }}\n" for n in "abcdef"), "void use(void *p) {}\n"]
    names += [
        f"__attribute__((noreturn)) void {n}(int x) {{ for (;;); }}\n" for n in "die fail stop abandon leave".split()
    ]
    sources[1].write_text("".join(names) + "int main(void) { return 0; }\n")
    must(["gcc", "-O2", "-w", *flags, "-o", tmp_path / "x", *sources])
    whole = audit(str(tmp_path / "x"))[0].branches
    content = (tmp_path / "x").read_bytes()
    assert sum(branch.indirect for branch in whole) == len(indirect_branches(content))
    mine = [b for b in whole if function(b.function) in {"dense", "dense_tail", "cold", "cold_tail", "interpret"}]
    kinds = Counter((function(branch.function), branch.kind) for branch in mine)
    assert kinds["dense", "jump-table"] == kinds["cold", "jump-table"] == 1
    assert kinds["cold_tail", "tail-call"] == 1 and kinds["interpret", "computed-goto"] >= 3
    assert not any(kind == "jump" for _, kind in kinds)
    must(["strip", tmp_path / "x"])
    stripped = audit(str(tmp_path / "x"))[0]
    assert sum(b.indirect for b in stripped.branches) == sum(b.indirect for b in whole)
    assert any("stripped" in note for note in stripped.notes)


def test_plt_and_imports(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(
        'int puts(const char *), getpid(void);\nint main(void) { puts("x"); return getpid(); }\n'
    )
    must(["gcc", "-O2", "-o", tmp_path / "plt", tmp_path / "x.c"])
    must(["gcc", "-O2", "-fno-plt", "-o", tmp_path / "got", tmp_path / "x.c"])
    plt = {(b.function, b.kind) for b in audit(str(tmp_path / "plt"))[0].branches}
    assert {("puts@plt", "plt"), ("getpid@plt", "plt")} <= plt
    imports = {(b.function, b.kind, b.why) for b in audit(str(tmp_path / "got"))[0].branches}
    assert {("main", "import", "the import puts"), ("_start", "import", "the import __libc_start_main")} <= imports


# ---- protections ------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["thunk", "thunk-extern", "thunk-inline"])
def test_compilers_retpolines(style: str) -> None:
    plain = assembled(compiled(c_sources.CALLS, "-O2", "-fno-jump-tables"))
    content = assembled(compiled(c_sources.CALLS, "-O2", f"-mindirect-branch={style}"))
    assert content is not None and plain is not None
    found = [branch for branch in read(content) if branch.kind != "thunk"]
    assert {branch.protection for branch in found} == {"retpoline"}
    assert len(found) == len(indirect_branches(plain))


def test_a_thunk_that_is_no_retpoline() -> None:
    text = compiled(c_sources.CALLS, "-O2", "-mindirect-branch=thunk")
    content = assembled(re.sub(r"\tmov\t(%\w+), \(%rsp\)\n\tret\n", r"\tjmp\t*\1\n", text))
    assert content is not None
    found = read(content)
    assert {branch.protection for branch in found if branch.kind != "thunk"} == {"none"}
    assert sum(branch.kind == "thunk" for branch in found) == len(indirect_branches(content))
    fenced = assembled(
        re.sub(r"\tcall\t\.LIND\d+\n[\s\S]*?\tmov\t(%\w+), \(%rsp\)\n\tret\n", r"\tlfence\n\tjmp\t*\1\n", text)
    )
    assert fenced is not None
    assert {branch.protection for branch in read(fenced)} == {"lfence"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"\tret\n\t\.cfi_endproc", "\tjmp\t*%rcx\n\t.cfi_endproc"),
        (r"\tmov\t(%\w+), \(%rsp\)", r"\tmov\t\1, 8(%rsp)"),
        (r"\tmov\t(%\w+), \(%rsp\)", r"\tmov\t\1, (%rbx)"),
        (r"\tpause\n", "\tnop\n"),
        (r"\tjmp\t\.LIND\d+\n", "\tnop\n"),
    ],
)
def test_every_part_of_a_retpoline_counts(old: str, new: str) -> None:
    text = compiled("int f(int (*g)(int)) { return g(1) + 1; }", "-O2", "-mindirect-branch=thunk")
    changed, count = re.subn(old, new, text)
    content = assembled(changed)
    assert count and content is not None
    assert [branch.protection for branch in read(content) if branch.kind == "call"] == ["none"]


def test_relative_relocations_of_a_bitmap() -> None:
    """SHT_RELR: an address, then bitmaps of the 63 words behind it each."""
    words = (0x1000, 0b1011, 0b11, 0x8000)
    data = b"".join(word.to_bytes(8, "little") for word in words)
    assert list(relr(data)) == [0x1000, 0x1008, 0x1018, 0x1008 + 63 * 8, 0x8000]


@pytest.mark.parametrize("slow", ["retpoline", "lfence", "plain"])
def test_relpolines(slow: str) -> None:
    text = FIRST + "\tcall\t*%rax\n\tcall\t*8(%rbx)\n\tret\n" + LAST
    content = assembled(rewrite(text + IDENT, options(f"slow={slow}")).text)
    assert content is not None
    protection = {"retpoline": "relpoline", "lfence": "lfence", "plain": "none"}[slow]
    found = read(content)
    assert Counter((b.kind, b.protection) for b in found if b.kind != "thunk") == {("call", protection): 2}
    assert sum(branch.indirect for branch in found) == len(indirect_branches(content))
    assert {branch.why for branch in found if branch.kind == "call"} == {f"a relpoline; its slow path: {slow}"}


def test_a_site_that_does_not_pass() -> None:
    text = rewrite(FIRST + "\tcall\t*%rax\n\tret\n" + LAST + IDENT, options("")).text
    content = assembled(text.replace("%rax\n\t{disp32} je", "%rcx\n\t{disp32} je"))
    assert content is not None
    (branch,) = [branch for branch in read(content) if branch.kind == "call"]
    assert branch.protection == "none" and "does not pass the check" in branch.why


def test_lfence() -> None:
    assert body("lfence\njmp *%rax") == [("tail-call", "lfence")]
    assert body("lfence\ncall *%rax\nret") == [("call", "lfence")]
    assert body("test %rdi, %rdi\nje 1f\nlfence\n1: jmp *%rax") == [("tail-call", "none")]
    assert body("lfence\njmp *(%rax)") == [("tail-call", "none")]
    # The bytes of an lfence that are another instruction's.
    assert body("mov $0xe8ae0f00, %edx\ncall *%rax\nret") == [("call", "none")]


def test_returns() -> None:
    text = compiled("int f(int x) { return x + 1; }", "-O2", "-mfunction-return=thunk-extern")
    content, plain = assembled(text), assembled(compiled("int f(int x) { return x + 1; }", "-O2"))
    assert content is not None and plain is not None
    assert read(content) == []
    assert [(b.kind, b.protection) for b in read(content, returns=True)] == [("return", "retpoline")]
    assert [(b.kind, b.protection) for b in read(plain, returns=True)] == [("return", "none")]


# ---- code that misleads -----------------------------------------------------------------------------

TABLE = """
	.section .rodata
T:	.long 2b-T, 3b-T, 2b-T
	.text
"""
DISPATCH = "movslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\njmp *%rax\n"
CASES = "2: mov $1, %eax\nret\n3: mov $2, %eax\nret\n" + TABLE


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("lea T(%rip), %rdx\n" + DISPATCH + CASES, "jump-table"),
        # Hoisted out of a loop that comes back through its own table.
        ("lea T(%rip), %rdx\n1: " + DISPATCH + "2: inc %edi\njmp 1b\n3: ret\n" + TABLE, "jump-table"),
        # On one way the table is another, unknown one.
        ("lea T(%rip), %rdx\ntest %esi, %esi\nje 1f\nmov (%rsi), %rdx\n1: " + DISPATCH + CASES, "jump"),
        # A case changes what the loop believes in.
        ("lea T(%rip), %rdx\n1: " + DISPATCH + "2: inc %rdx\njmp 1b\n3: ret\n" + TABLE, "jump"),
        # A call in between may have changed it.
        ("lea T(%rip), %rdx\ncall g\n" + DISPATCH + CASES, "jump"),
        # A landing pad, which no branch leads to, comes back into the loop.
        ("lea T(%rip), %rdx\n1: " + DISPATCH + "2: ret\n3: ret\nmov %rcx, %rbx\njmp 1b\n" + TABLE, "jump"),
        # The place where it is used is handed out.
        ("lea T(%rip), %rdx\n1: " + DISPATCH + "2: ret\n3: ret\n" + TABLE + ".data\n.quad 1b\n.text\n", "jump"),
        # Nobody sets it.
        (DISPATCH + CASES, "jump"),
        # The entries lead out of the function.
        ("lea T(%rip), %rdx\n" + DISPATCH + "2: 3: ret\n" + TABLE.replace("2b", "g").replace("3b", "g"), "jump"),
        # Another function comes in where the register may hold anything.
        ("lea T(%rip), %rdx\nf2: " + DISPATCH + CASES + ".type h,@function\nh: jmp f2\n.size h,.-h\n", "jump"),
        # A label is handed out.
        ("lea 2f(%rip), %rax\nmov %rax, (%rdi)\njmp *8(%rdi)\n2: ret\n", "jump"),
        ("jmp *8(%rdi)\n2: ret\n.data\n.quad 2b\n.text\n", "jump"),
        ("jmp *8(%rdi)\n2: ret\n", "tail-call"),
        ("jmp *T(,%rdi,8)\n2: ret\n.section .rodata\nT: .quad 2b, 2b\n.text\n", "jump-table"),
        ("jmp *T(,%rdi,8)\n2: ret\n.data\n.type T,@object\n.size T,8\nT: .quad 2b\n.text\n", "computed-goto"),
        ("jmp *T(,%rdi,8)\n2: ret\n.section .rodata\nT: .quad g, g\n.text\n", "tail-call"),
        # A table of functions that begins with this one.
        ("jmp *T(,%rdi,8)\n2: ret\n.section .rodata\nT: .quad f, g\n.text\n", "tail-call"),
        # A table of labels that begins with the function's own start.
        ("jmp *T(,%rdi,8)\n2: ret\n.section .rodata\nT: .quad f, 2b\n.text\n", "jump-table"),
    ],
)  # fmt: skip
def test_what_is_proven_of_a_jump(text: str, kind: str) -> None:
    assert [found for found, _ in body(text)] == [kind]


def test_far_branches_and_data_in_code() -> None:
    assert body("ljmp *(%rax)\nlcall *(%rax)") == [("far", "none")] * 2
    content = assembled(".type T,@object\n.size T,2\nT: .byte 0xff, 0xe0\n" + FIRST + "ret" + LAST)
    assert content is not None and read(content) == []
    content = assembled(FIRST + ".byte 0x06\ncall *%rax\nret" + LAST)
    assert content is not None
    found = audit_bytes(content, "x.o")
    assert [branch.kind for branch in found.branches] == ["call"]
    assert found.notes == ("1 bytes of code sections are no instructions, the first at .text+0x0",)


def test_why_a_call_of_an_object_is_left() -> None:
    text = rewrite(FIRST + "call *%rax\ncall *__tls_get_addr@GOTPCREL(%rip)\ncall *mcount@GOTPCREL(%rip)\n" + LAST).text
    content = assembled(text)
    assert content is not None
    assert {branch.why for branch in read(content)} >= {"tls", "profiling"}


# ---- lines, archives, folders, hostile files --------------------------------------------------------


@pytest.mark.parametrize("flags", [["-gdwarf-5"], ["-gdwarf-4", "-ffunction-sections"], ["-g", "-gz"], ["-gdwarf-3"]])
def test_lines(flags: list[str], tmp_path: Path) -> None:
    first, second = (
        "int f(int (*g)(int))\n{\n\treturn g(1)\n\t\t+ 1;\n}\n",
        "int h(int (*g)(int))\n{\n\n\treturn g(2) + 1;\n}\n",
    )
    (tmp_path / "x.c").write_text(first + second + "int main(void) { return 0; }\n")
    must(["gcc", "-O2", *flags, "-c", "-o", "x.o", "x.c"], tmp_path)
    must(["gcc", "-o", "x", "x.o"], tmp_path)
    for name in ("x.o", "x"):
        found = audit(str(tmp_path / name))[0]
        lines = {b.function: (Path(b.source).name, b.line) for b in found.branches if b.function in ("f", "h")}
        assert lines == {"f": ("x.c", 3), "h": ("x.c", 9)}, found.notes


def test_archives_and_folders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("one", "a_name_that_is_too_long_for_a_header"):
        assemble(FIRST + "call *%rax\nret" + LAST, tmp_path / f"{name}.o")
    objects = sorted(str(path) for path in tmp_path.glob("*.o"))
    must(["ar", "rc", tmp_path / "sub" / "lib.a", *objects])
    must(["ar", "rcT", tmp_path / "thin.a", *objects])
    (tmp_path / "sub" / "text").write_text("no object\n")
    (tmp_path / "thin.a").rename(tmp_path / "sub" / "thin")
    with pytest.raises(CheckError, match="thin archive"):
        audit(str(tmp_path))
    (tmp_path / "sub" / "thin").unlink()
    assert [file.name for file in audit(str(tmp_path))] == [
        "a_name_that_is_too_long_for_a_header.o", "one.o",
        "sub/lib.a(a_name_that_is_too_long_for_a_header.o)", "sub/lib.a(one.o)",
    ]  # fmt: skip
    with pytest.raises(CheckError, match="not an ELF file"):
        audit(str(tmp_path / "sub" / "text"))
    broken = (tmp_path / "sub" / "lib.a").read_bytes()[:-3]
    (tmp_path / "broken.a").write_bytes(broken)
    with pytest.raises(CheckError, match="ends inside a member"):
        audit(str(tmp_path / "broken.a"))


def test_hostile_files(tmp_path: Path) -> None:
    """Whatever is cut off or flipped: an answer or a `CheckError`, and at once."""
    (tmp_path / "x.c").write_text(c_sources.CALLS)
    must(["gcc", "-O2", "-g", "-fPIC", "-c", "-o", tmp_path / "x.o", tmp_path / "x.c"])
    must(["gcc", "-O2", "-shared", "-o", tmp_path / "x", tmp_path / "x.o"])
    chance = random.Random(1)
    refused = 0
    for content in ((tmp_path / "x.o").read_bytes(), (tmp_path / "x").read_bytes()):
        headers = int.from_bytes(content[40:48], "little")
        for turn in range(150):
            data = bytearray(content)
            if turn % 3 == 0:
                data = data[: chance.randrange(len(data))]
            else:
                for _ in range(4):
                    data[chance.randrange(headers if turn % 3 == 1 else 0, len(data))] ^= chance.choice(
                        (1, 2, 128, 255)
                    )
            try:
                audit_bytes(bytes(data), "hostile", returns=True)
            except CheckError as error:
                refused += 1
                assert str(error).startswith("hostile: is ")
    assert refused > 100


def test_overlapping_code() -> None:
    content = bytearray(
        assembled(FIRST + "ret" + LAST + '.section .text.g, "ax"\nnop\n.section .text.h, "ax"\nnop\n') or b""
    )
    headers = int.from_bytes(content[40:48], "little")
    offsets = [headers + 64 * number + 24 for number in range(int.from_bytes(content[60:62], "little"))]
    code = [at for at in offsets if content[at - 16] & 4]
    content[code[2] : code[2] + 8] = content[code[1] : code[1] + 8]
    with pytest.raises(CheckError, match="of code overlap"):
        read(bytes(content))


def test_summary_has_all_kinds_in_order() -> None:
    content = assembled(compiled(c_sources.JUMPS, "-O2"))
    assert content is not None
    found = read(content)
    counts = summary(found)
    assert list(counts) == ["call", "tail-call", "jump-table", "computed-goto", "jump"] or "tail-call" in counts
    assert sum(sum(row.values()) for row in counts.values()) == len(found)
