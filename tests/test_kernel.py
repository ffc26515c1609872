"""abi=kernel: when it is chosen, objtool's tables, relpolines through the kernel's thunks, and the checks of both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asmrewrite import Options, Rewritten, Verdict, check, rewrite, validate
from asmrewrite.options import gather
from asmrewrite.syntax.operand import REGISTERS
from asmrewrite.toolchain.kernel import KERNEL, inside
from tests.building import (
    ASMREWRITE,
    GCC,
    IDENT,
    assemble,
    instructions,
    must,
    options,
    relocations,
    run,
    section_bytes,
)

ALL = "static-call,retpoline,return,mcount"
SECTIONS = (".static_call_sites", ".retpoline_sites", ".return_sites", "__mcount_loc", ".relpoline_sites")
#: As kbuild calls the compiler for the kernel itself, in essence.
FLAGS = (
    "-D__KERNEL__ -O2 -fno-PIE -m64 -mno-red-zone -mcmodel=kernel -fno-asynchronous-unwind-tables -fcf-protection=none "
    "-mindirect-branch=thunk-extern -mindirect-branch-register -mindirect-branch-cs-prefix "
    "-mfunction-return=thunk-extern -fno-jump-tables"
)
SOURCE = """\
extern void __SCT__event(void);
extern long (*__SCK__event);
typedef long fn(long);
static long twice(long n) { return n * 2; }
fn *twice_address = twice;
long calls(fn *p, long n) { __SCT__event(); return p(n) + p(n + 1); }
long tail(long n, fn *p) { __SCT__event(); return p(n); }
"""
ORDINARY = "\t.text\n\t.globl\tf\n\t.type\tf, @function\nf:\n{}\t.size\tf, .-f\n" + IDENT


def function(body: str) -> str:
    """A listing with `body` in a function of .text."""
    return ORDINARY.format(body)


# ---- the command line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (FLAGS, True), (FLAGS + " -DMODULE", True), (FLAGS.replace("-D__KERNEL__ ", ""), False),
        (FLAGS + " -mcmodel=small -fPIC -DBUILD_VDSO", False), (FLAGS + " -m32", False), (FLAGS + " -m16", False),
        ("-D__KERNEL__ -m64 -O2 -fPIE -mcmodel=small -D__DISABLE_EXPORTS", False),
        ("-D__KERNEL__ -m16 -D_SETUP", False), ("-D__KERNEL__ -mcmodel=large -ffreestanding", False),
        ("-D__KERNEL__ -fPIE -fno-PIE -m32 -m64 -mcmodel=kernel", True),
        ("-D__KERNEL__ -D__ASSEMBLY__ -fno-PIE -m64", True), ("-D__KERNEL__ -D__ASSEMBLY__ -m64 -fPIE", False),
        ("-D__KERNEL__ -D__ASSEMBLY__ -fno-PIE -m64 -DBUILD_VDSO", False), ("-D__KERNEL__", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_the_kernel(words: str, expected: bool) -> None:
    assert inside(words.split()) is expected


def test_defaults_of_a_kernel_build(tmp_path: Path) -> None:
    """Seen in the command line is farther than a file; a module has no profile of the kernel."""
    flags = "profile=x"
    seen = {KERNEL: "kernel", "ASMREWRITE_FLAGS": flags}
    assert gather((), seen, str(tmp_path)) == Options(abi="kernel", profile="x")
    assert gather((), {**seen, KERNEL: "module"}, str(tmp_path)) == Options(abi="kernel")
    (tmp_path / "asmrewrite.toml").write_text('abi = "user"\n')
    assert gather((), seen, str(tmp_path)).abi == "user"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "x.c").write_text(SOURCE)
    (tmp_path / "x.S").write_text("f:\tcall __SCT__event\n\tjmp __x86_return_thunk\n")
    return tmp_path


def test_wrapper(folder: Path) -> None:
    """The kernel's objects have the kernel's table and none of ours, and are linked with nothing."""
    must([GCC, *FLAGS.split(), "-c", "-o", "x.o", "x.c"], folder)
    found = check(str(folder / "x.o"))
    assert [(v.pass_, v.form, v.verdict) for v in found] == [("static-call", "call", Verdict.PASS)] * 2
    listing = must(["readelf", "-SW", "x.o"], folder).text
    assert "asmrewrite_sites" not in listing and ".retpoline_sites" not in listing
    must(["gcc", *FLAGS.split(), "-c", "-o", "plain.o", "x.c"], folder)
    assert validate(str(folder / "plain.o"), str(folder / "x.o")).verdict is Verdict.PASS


@pytest.mark.parametrize("more", ["-mcmodel=small -fPIC -DBUILD_VDSO", "-m32 -mcmodel=32", "-m16 -mcmodel=32 -D_SETUP"])
def test_what_is_built_beside_the_kernel_is_gccs(more: str, folder: Path) -> None:
    words = [*FLAGS.replace("-mindirect-branch-register ", "").split(), *more.split(), "-c", "x.c", "-o"]
    for compiler, made in (("gcc", "plain.o"), (GCC, "ours.o")):
        must([compiler, *words, made], folder)
    assert (folder / "plain.o").read_bytes() == (folder / "ours.o").read_bytes()


@pytest.mark.parametrize("more", ["", "-mcmodel=small -fPIC -DBUILD_VDSO", "-DMODULE", "-DQUIET"])
def test_the_folder_for_gcc(more: str, folder: Path) -> None:
    """`gcc -B` with the kernel's folder makes what the wrapper makes, and what gcc makes of all else."""
    (folder / "x.c").write_text(f"#ifdef QUIET\nint x(int a) {{ return a; }}\n#else\n{SOURCE}#endif\n")
    place = must([ASMREWRITE, "--kernel-as-dir"]).text.strip()
    words = [*FLAGS.split(), *more.split(), "-c", "x.c", "-o"]
    for compiler, made in ((["gcc"], "plain.o"), ([GCC], "ours.o"), (["gcc", f"-B{place}"], "folder.o")):
        must([*compiler, *words, made], folder)
    plain, ours, theirs = ((folder / name).read_bytes() for name in ("plain.o", "ours.o", "folder.o"))
    assert theirs == ours and (theirs == plain) == (more not in ("", "-DMODULE"))
    must([*["gcc", f"-B{place}"], "-c", "x.S", "-D__KERNEL__", "-D__ASSEMBLY__", "-fno-PIE", "-o", "s.o"], folder)
    assert [v.pass_ for v in check(str(folder / "s.o"))] == ["static-call"]


def test_the_folder_leaves_the_assembler_to_the_next(folder: Path) -> None:
    """Of several -B, and with options that need Python, the first assembler that is none of ours."""
    place = must([ASMREWRITE, "--kernel-as-dir"]).text.strip()
    other = folder / "it's other"
    other.mkdir()
    (other / "as").write_text('#!/bin/sh\necho seen >> seen\nexec /usr/bin/as "$@"\n')
    (other / "as").chmod(0o755)
    for flags, more in (("", ""), ("", "-DQUIET"), ("tables=return", ""), ("", "-mcmodel=small -fPIC -DBUILD_VDSO")):
        words = ["gcc", f"-B{place}", f"-B{other}", *FLAGS.split(), *more.split(), "-c", "x.c"]
        must(words, folder, env={"ASMREWRITE_FLAGS": flags})
        assert (folder / "seen").read_text() == "seen\n", more
        (folder / "seen").unlink()


def test_the_folder_respects_options(folder: Path) -> None:
    place = must([ASMREWRITE, "--kernel-as-dir"]).text.strip()
    words = ["gcc", f"-B{place}", *FLAGS.split(), "-c", "x.c"]
    must(words, folder, env={"ASMREWRITE_FLAGS": "tables=return"})
    assert {v.pass_ for v in check(str(folder / "x.o"))} == {"return"}
    (folder / "asmrewrite.toml").write_text('tables = "retpoline"\n')
    must(words, folder)
    assert {v.pass_ for v in check(str(folder / "x.o"))} == {"retpoline"}


@pytest.mark.parametrize(
    "words",
    [
        "-Werror -c -x c /dev/null -o f", "-c -x assembler-with-cpp -o f /dev/null", "-x c - -c -o f", "-S -x c - -o -",
        "-dM -E -x c /dev/null", "--version", "-print-file-name=plugin", "-Wa,--version -c -x assembler /dev/null -o f",
        "-E -P -Ulinux -D__ASSEMBLY__ -o x.lds x.S", "-Wp,-MMD,x.d -c -o x.o x.c", "-Wp,-MMD,x.d -c x.c -o x.o",
        "-S -o x.s x.c", "-c -o y.o x.S", "-Wno-such-thing -c -x c /dev/null -o f", "-mno-such-thing -c x.c -o f",
    ],
)  # fmt: skip
def test_what_kbuild_asks(words: str, folder: Path) -> None:
    """The same status, output, messages and names of files as gcc, with the kernel's flags and without."""
    for flags in (FLAGS.split(), []):
        results = []
        for compiler in ("gcc", GCC):
            for left in set(folder.iterdir()) - {folder / "x.c", folder / "x.S"}:
                left.unlink()
            ran = run([compiler, *flags, *words.split()], folder, stdin=b"int x;\n")
            files = sorted(path.name for path in folder.iterdir())
            depfile = (folder / "x.d").read_bytes() if (folder / "x.d").exists() else b""
            out = b"" if words.startswith("-S -x") else ran.out
            results.append((ran.status, out, ran.err, files, depfile))
        assert results[0] == results[1]


@pytest.mark.parametrize(
    "words",
    [
        f"{FLAGS} -Wp,-MMD,x.d --param=a=0 -c -o x.o x.c", f"{FLAGS} -DMODULE -c x.c", f"{FLAGS} -c @response",
        f"{FLAGS} -mcmodel=small -fPIC -DBUILD_VDSO -c x.c", f"{FLAGS} -E x.c", f"{FLAGS} -c -x c - -o x.o",
        "-D__KERNEL__ -D__ASSEMBLY__ -fno-PIE -c -o x.o x.S", f"{FLAGS} --version", f"{FLAGS} -c -dM -E x.c",
        f"{FLAGS} -fplugin-arg-asmrewrite-tables=return -c x.c", f"{FLAGS} -S x.c", "-D__KERNEL__ -m16 -c x.c",
    ],
)  # fmt: skip
def test_the_short_way_of_the_wrapper(words: str, folder: Path) -> None:
    """It makes of a call what the long way makes of it, compiler and environment."""
    (folder / "response").write_text("-o x.o x.c")
    (folder / "bin").mkdir()
    (folder / "bin" / "gcc").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"; env | grep ^ASMREWRITE | sort; true\n")
    (folder / "bin" / "gcc").chmod(0o755)
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    short = must([GCC, *words.split()], folder, env=environment).text
    assert short == must([ASMREWRITE, "cc", "gcc", *words.split()], folder, env=environment).text
    assert ("ASMREWRITE_KERNEL=" in short) == inside(words.split())


def test_a_filter_makes_what_the_wrapper_makes(folder: Path) -> None:
    must(["gcc", *FLAGS.split(), "-S", "x.c"], folder)
    words = ["--abi", "kernel", "--passes", "static-call", "--tables", ALL]
    text = must([ASMREWRITE, "filter", *words, "x.s"], folder).out.decode()
    assemble(text, folder / "filtered.o")
    flags = f"-fplugin-arg-asmrewrite-tables={ALL}"
    must([GCC, *FLAGS.split(), flags, "-c", "x.c"], folder)
    for name in SECTIONS[:-1]:
        assert relocations(folder / "x.o", name) == relocations(folder / "filtered.o", name)
    assert (folder / "x.o").read_bytes() == (folder / "filtered.o").read_bytes()


# ---- tables ------------------------------------------------------------------------------------------


def places(path: Path, name: str) -> list[int]:
    """The offsets in .text that the entries of a table of single words lead to."""
    return [r.addend for r in relocations(path, name)]


def test_entries_are_those_of_objtool(tmp_path: Path) -> None:
    """`site - .` of 32 bits; the site of a thunk call is its `cs`; conditional jumps count (tools/objtool/check.c)."""
    body = (
        "\tcall\t__fentry__\n\tcs\n\tcall\t__x86_indirect_thunk_r9\n"
        "\tjne\t__x86_return_thunk\n\tjmp\t__x86_return_thunk\n"
    )
    made = assemble(rewrite(function(body), options(f"abi=kernel tables={ALL}")).text, tmp_path / "x.o")
    assert places(made, "__mcount_loc") == [0]
    assert places(made, ".retpoline_sites") == [5]
    assert places(made, ".return_sites") == [11, 17]
    kinds = [r.kind for name in SECTIONS for r in relocations(made, name)]
    assert kinds == ["R_X86_64_PC32"] * 3 + ["R_X86_64_64"]
    assert [v.pass_ for v in check(str(made)) if v.verdict is Verdict.PASS] == [
        "retpoline",
        "return",
        "return",
        "mcount",
    ]


def test_labels_put_no_byte_into_code(tmp_path: Path) -> None:
    body = "\tcall\t__fentry__\n\tcall\t__x86_indirect_thunk_rax\n\tjmp\t__x86_return_thunk\n"
    plain = assemble(function(body), tmp_path / "plain.o")
    made = assemble(rewrite(function(body), options(f"abi=kernel tables={ALL}")).text, tmp_path / "x.o")
    assert section_bytes(plain, ".text") == section_bytes(made, ".text")


def test_a_macro_has_as_many_entries_as_it_is_used(tmp_path: Path) -> None:
    text = (
        ".macro leave\n\tjmp __x86_return_thunk\n.endm\n.rept 3\n\tcall __x86_indirect_thunk_rbx\n.endr\nleave\nleave\n"
        ".if 0\n\tjmp __x86_return_thunk\n.else\n\tjmp __x86_return_thunk; nop\n.endif\n"
    )
    made = assemble(rewrite(text, options("abi=kernel tables=retpoline,return")).text, tmp_path / "x.o")
    assert places(made, ".retpoline_sites") == [0, 5, 10]
    assert places(made, ".return_sites") == [15, 20, 25]
    assert all(v.verdict is Verdict.PASS for v in check(str(made)))


@pytest.mark.parametrize(
    "hidden",
    ['\t.macro x a\n\t\\a\n\t.endm\n\tx "jmp __x86_return_thunk"\n',
     '\t.macro x a\n\t\\a __x86_return_thunk\n\t.endm\n\tx jmp\n\tx "ALT jmp __x86_return_thunk"\n'],
)  # fmt: skip
def test_all_entries_or_none(hidden: str) -> None:
    """Where the arguments of a macro may hold a branch there is no table of its kind, and the reason is on record."""
    body = f"\tcall\t__x86_indirect_thunk_rax\n{hidden}\tjmp\t__x86_return_thunk\n"
    result = rewrite(function(body), options("abi=kernel tables=retpoline,return"))
    assert ".return_sites" not in result.text and ".retpoline_sites" in result.text
    assert any("__x86_return_thunk" in skip.text and skip.line > 6 for skip in result.skips)


def test_what_names_a_thunk_and_is_no_branch(tmp_path: Path) -> None:
    body = (
        "\tcmpq\t$__x86_return_thunk, %rax\n\t.quad\t__x86_return_thunk\n\tleaq\t__SCT__x(%rip), %rax\n"
        '\t.asciz\t"jmp __x86_return_thunk"\n\tjmp\t__x86_return_thunk\n'
    )
    made = assemble(rewrite(function(body), options(f"abi=kernel tables={ALL}")).text, tmp_path / "x.o")
    assert len(places(made, ".return_sites")) == 1 and not relocations(made, ".static_call_sites")
    assert all(v.verdict is Verdict.PASS for v in check(str(made)))


def test_the_compilers_own_record_of_hooks_stays() -> None:
    body = '1:\tcall\t__fentry__\n\t.section __mcount_loc, "a",@progbits\n\t.quad 1b\n\t.previous\n\tret\n'
    assert not rewrite(function(body), options("abi=kernel tables=mcount")).changed


@pytest.mark.parametrize("flags", ["skip-functions=f", "passes=relpoline"])
def test_what_is_left_alone_has_its_entry(flags: str, tmp_path: Path) -> None:
    """Opting out keeps the passes away, not the kernel; the wrapper takes such a call where it is."""
    text = function("\t.p2align 6\n\t.skip 60, 0x90\n\tmovl\t%eax, %ebx\n\tcall\t__SCT__x\n\tret\n")
    made = assemble(rewrite(text, options(f"abi=kernel {flags}")).text, tmp_path / "x.o")
    (verdict,) = check(str(made))
    assert verdict.unaligned and verdict.offset == 62
    (tmp_path / "x.s").write_text(text)
    must([ASMREWRITE, "as", "-o", "y.o", "x.s"], tmp_path, env={"ASMREWRITE_FLAGS": f"abi=kernel {flags}"})
    assert (tmp_path / "y.o").read_bytes() == made.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("\t.long\t.Lasmrewrite_at_1-.\n", "", "the table lacks it"),
        ("\t.long\t.Lasmrewrite_at_1-.\n", "\t.long\t.Lasmrewrite_at_1+1-.\n", "there is no direct branch"),
        ("\t.long\t.Lasmrewrite_at_1-.\n", "\t.long\t.Lasmrewrite_at_0-.\n", "the branch leads to"),
        ("\t.long\t.Lasmrewrite_at_1-.\n", "\t.long\t.Lasmrewrite_at_1-.\n\t.long\t.Lasmrewrite_at_1-.\n", "twice"),
    ],
)  # fmt: skip
def test_a_wrong_table_fails(old: str, new: str, reason: str, tmp_path: Path) -> None:
    body = "\tcall\t__x86_indirect_thunk_rax\n\tjmp\t__x86_return_thunk\n"
    text = rewrite(function(body), options("abi=kernel tables=retpoline,return")).text
    assert all(v.verdict is Verdict.PASS for v in check(str(assemble(text, tmp_path / "x.o"))))
    assert old in text
    assert any(reason in v.reason for v in check(str(assemble(text.replace(old, new), tmp_path / "bad.o"))))


# ---- relpolines --------------------------------------------------------------------------------------

PROFILE = """\
asmrewrite-profile 1 - merged symtab
site - calls 0
target 90 - - elsewhere 0
target 50 - x.c twice 0
target 40 - other.c hidden 0
target 30 module - exported 0
site - tail 0
target 100 - - elsewhere 0
end
"""


def site_function(result: Rewritten) -> str:
    """The function of the only site."""
    (site,) = result.sites
    return site.function


def rewritten(folder: Path, flags: str, source: str = SOURCE) -> str:
    """The listing of `source` as the kernel's, rewritten; x.o is its object and plain.o that of the original."""
    (folder / "x.c").write_text(source)
    must(["gcc", *FLAGS.split(), "-dp", "-S", "x.c"], folder)
    text = (folder / "x.s").read_text()
    assemble(text, folder / "plain.o")
    made = rewrite(text, options(f"abi=kernel passes=relpoline,static-call {flags}")).text
    assemble(made, folder / "x.o")
    return made


@pytest.mark.parametrize("flags", ["", f"tables={ALL}", "slow=record tables=retpoline", "profile", "targets=1 profile"])
def test_every_shape_is_proven(flags: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    made = rewritten(tmp_path, flags.replace("profile", f"profile={tmp_path / 'p'}"))
    proof = validate(str(tmp_path / "plain.o"), str(tmp_path / "x.o"))
    assert [str(v) for v in proof.sites if v.reason] + [str(v) for v in proof.sections if v.reason] == []
    assert [v.form for v in proof.sites if v.pass_ == "relpoline"] == ["call", "call", "jmp"]
    assert "asmrewrite_sites" not in made and "asmrewrite_slots" not in made
    again = rewrite(made, options("abi=kernel passes=relpoline,static-call"))
    assert not again.changed


def test_a_chain_of_a_profile(tmp_path: Path) -> None:
    """Immediate compares, most frequent first; a local function of another file by its alias; no other module's."""
    (tmp_path / "p").write_text(PROFILE)
    rewritten(tmp_path, f"profile={tmp_path / 'p'} tables=retpoline")
    listing = must(["objdump", "-dr", "-w", tmp_path / "x.o"]).text
    body = listing[listing.index("<calls.relpoline.0>:") :].split("int3")[0]
    words = [w for line in body.splitlines() for w in ("cmp", "je", "jmp", "R_X86_64_32S") if w in line]
    assert words == ["cmp", "R_X86_64_32S", "je"] * 3 + ["jmp"]
    assert body.count("elsewhere") == 2 and "exported" not in body
    assert body.count("__relpoline_target_other_c__hidden") == 2
    (untrained,) = [v for v in check(str(tmp_path / "x.o")) if v.pass_ == "relpoline" and not v.chain]
    assert untrained.target.startswith("__x86_indirect_thunk_")
    # Each way to a thunk is the kernel's to patch: two jumps of stubs and a call.
    assert len(relocations(tmp_path / "x.o", ".retpoline_sites")) == 3


OTHER = """\
typedef long fn(long);
static long hidden(long n) { return n * 3; }
static long unwanted(long n) { return n * 5; }
static long __attribute__((section(".init.text"))) early(long n) { return n * 7; }
long exists(long n) { asm(".macro m\\n.endm\\nm\\n.purgem m"); return n; }
fn *other_addresses[] = {hidden, unwanted, early};
"""
EARLY = "site x.c f 0\ntarget 90 - other.c early 0\ntarget 90 - third.c unwanted 0\nend\n"


@pytest.mark.parametrize("tool", ["wrapper", "folder"])
def test_a_local_function_of_another_file(tool: str, tmp_path: Path) -> None:
    """The profile is read on both sides: the target's file, without a site and with macros, defines its alias."""
    profile = tmp_path / "p"
    profile.write_text(PROFILE.replace("end\n", EARLY))
    rewritten(tmp_path, f"profile={profile} tables=retpoline")
    (tmp_path / "other.c").write_text(OTHER)
    (tmp_path / "more.c").write_text(OTHER)
    place = must([ASMREWRITE, "--kernel-as-dir"]).text.strip()
    compiler = [GCC] if tool == "wrapper" else ["gcc", f"-B{place}", "-dp"]
    environment = {"ASMREWRITE_FLAGS": f"passes=relpoline,static-call profile={profile}"}
    must([*compiler, *FLAGS.split(), "-c", "other.c"], tmp_path, env=environment)
    table = must(["readelf", "-sW", "other.o"], tmp_path).text
    (made,) = [line.split() for line in table.splitlines() if "__relpoline_target" in line]
    (own,) = [line.split() for line in table.splitlines() if line.endswith(" hidden")]
    # Value, size, type and section are those of the function; objtool and kallsyms know such aliases.
    assert made[1:4] == own[1:4] and made[4:6] == ["GLOBAL", "HIDDEN"] and made[6] == own[6]
    assert made[7] == "__relpoline_target_other_c__hidden"
    must(["gcc", *FLAGS.split(), "-c", "-o", "other.plain.o", "other.c"], tmp_path)
    assert validate(str(tmp_path / "other.plain.o"), str(tmp_path / "other.o")).verdict is Verdict.PASS
    names = ["elsewhere", "__SCT__event", "__x86_return_thunk", *(f"__x86_indirect_thunk_{r}" for r in REGISTERS)]
    assemble("".join(f"\t.globl\t{name}\n{name}:\tret\n" for name in names), tmp_path / "rest.o")
    must(["ld", "-e", "calls", "-Ttext=0xffffffff81000000", "x.o", "other.o", "rest.o", "-o", "vmlinux"], tmp_path)
    assert all(v.verdict is Verdict.PASS for v in check(str(tmp_path / "vmlinux")))
    # Not for what no profile names, in no file of another name, and not for what is freed when the kernel runs.
    environment = {"ASMREWRITE_FLAGS": f"passes=relpoline,static-call profile={profile}"}
    must([*compiler, *FLAGS.split(), "-c", "more.c"], tmp_path, env=environment)
    must([*compiler, *FLAGS.split(), "-DMODULE", "-c", "-o", "module.o", "other.c"], tmp_path, env=environment)
    for name in ("more.o", "module.o"):
        assert "__relpoline_target" not in must(["readelf", "-sW", name], tmp_path).text


def test_another_file_of_the_same_name_misses_nothing(tmp_path: Path) -> None:
    """gcc names no folder: what the profile says of fs/x.c is not gone when net/x.c lacks it."""
    (tmp_path / "p").write_text(PROFILE.replace("end\n", "site x.c else 0\ntarget 90 - - elsewhere 0\nend\n"))
    (tmp_path / "x.c").write_text(SOURCE)
    must(["gcc", *FLAGS.split(), "-dp", "-S", "x.c"], tmp_path)
    flags = options(f"abi=kernel passes=relpoline profile={tmp_path / 'p'}")
    assert "sites gone" not in dict(rewrite((tmp_path / "x.s").read_text(), flags).notes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (", hidden", ", unwanted"),
        (", hidden", ", hidden+1"),
        ("\t.hidden", "\t.protected"),
        ("_c__hidden", "_d__hidden"),
    ],
)
def test_a_wrong_alias_fails(old: str, new: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    (tmp_path / "other.c").write_text(OTHER)
    must(["gcc", *FLAGS.split(), "-S", "other.c"], tmp_path)
    text = (tmp_path / "other.s").read_text()
    made = rewrite(text, options(f"abi=kernel passes=relpoline profile={tmp_path / 'p'}")).text
    plain = assemble(text, tmp_path / "plain.o")
    assert validate(str(plain), str(assemble(made, tmp_path / "x.o"))).verdict is Verdict.PASS
    changed = text + made[len(text) :].replace(old, new)
    assert changed != made
    assert validate(str(plain), str(assemble(changed, tmp_path / "bad.o"))).verdict is Verdict.FAIL


def test_an_alias_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    (tmp_path / "other.c").write_text(OTHER)
    must(["gcc", *FLAGS.split(), "-dp", "-S", "other.c"], tmp_path)
    flags = options(f"abi=kernel passes=relpoline,static-call profile={tmp_path / 'p'}")
    once = rewrite((tmp_path / "other.s").read_text(), flags)
    assert once.changed and dict(once.notes) == {"aliases made": 1}
    assert not rewrite(once.text, flags).changed


def test_a_wrong_stub_fails(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    made = rewritten(tmp_path, f"profile={tmp_path / 'p'}")
    for old, new in (
        ("je\telsewhere", "je\telsewhere+1"), ("cmpq\t$elsewhere", "cmpq\t$other"), ("{disp32} je", "{disp32} jne"),
        ("jmp\t__x86_indirect_thunk_r", "jmp\t__x86_indirect_thunk_x"), ("\tint3\n", "\tnop\n"),
        ("\t.byte\t0, 0, 2, 1", "\t.byte\t0, 0, 1, 1"),
    ):  # fmt: skip
        changed = made.replace("\t.byte\t3, 0, 2, 1", "\t.byte\t0, 0, 2, 1") if "byte" in old else made
        if old not in changed:
            assert "byte" in old  # gcc chose another register
            continue
        verdicts = check(str(assemble(changed.replace(old, new, 1), tmp_path / "bad.o")))
        assert any(v.verdict is Verdict.FAIL for v in verdicts), old


def test_a_high_register_keeps_its_prefix(tmp_path: Path) -> None:
    """`cs call thunk` is 6 bytes, so that a REX indirect branch, or lfence and one, has its room."""
    (tmp_path / "p").write_text("asmrewrite-profile 1 - merged symtab\nsite - f 1\ntarget 90 - - g 0\nend\n")
    note = "\t# 8\t[c=9 l=6]  *call_value\n"
    body = f"\tcs\n\tcall\t__x86_indirect_thunk_r13{note}\tcs\n\tcall\t__x86_indirect_thunk_r8{note}"
    text = rewrite(
        function(body), options(f"abi=kernel passes=relpoline tables=retpoline profile={tmp_path / 'p'}")
    ).text
    made = assemble(text, tmp_path / "x.o")
    found = [
        (raw[:2].hex(), raw[0] == 0x2E) for _, raw, words in instructions(made) if "call" in words or "jmp" in words
    ]
    assert found == [("2ee8", True), ("e805", False), ("2ee9", True)]
    assert all(v.verdict is Verdict.PASS for v in check(str(made)))
    proof = validate(str(assemble(function(body), tmp_path / "plain.o")), str(made))
    assert proof.verdict is Verdict.PASS


def test_raw_branches_and_functions_opted_out_stay() -> None:
    note = "\t# 8\t[c=9 l=5]  *call_value\n"
    body = f"\tcall\t*%rax{note}\tcall\t__x86_indirect_thunk_rax{note}"
    result = rewrite(function(body), options("abi=kernel passes=relpoline"))
    assert len(result.sites) == 1 and [s.reason.value for s in result.skips] == ["not-a-thunk"]
    assert not rewrite(function(body), options("abi=kernel passes=relpoline skip-functions=f")).sites


def test_the_stub_of_a_cold_part_is_not_called_cold() -> None:
    """objtool takes every symbol with `.cold` in its name for the cold part of the function before it."""
    note = "\t# 8\t[c=9 l=5]  *call_value\n"
    text = function("\tret\n") + f"\t.section .text.unlikely\nf.cold:\n\tcall\t__x86_indirect_thunk_rax{note}\tud2\n"
    result = rewrite(text, options("abi=kernel passes=relpoline slow=record"))
    assert [site.target for site in result.sites] == ["f_cold.relpoline.0"] and site_function(result) == "f.cold"
