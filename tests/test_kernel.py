"""abi=kernel: when it is chosen, objtool's tables, and their checks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asmrewrite import Options, Verdict, check, rewrite, validate
from asmrewrite.options import gather
from asmrewrite.toolchain.kernel import KERNEL, inside
from tests.building import (
    ASMREWRITE,
    GCC,
    assemble,
    must,
    options,
    relocations,
    run,
    section_bytes,
)
from tests.kernel_listings import ALL, FLAGS, SOURCE, function

SECTIONS = (".static_call_sites", ".retpoline_sites", ".return_sites", "__mcount_loc", ".relpoline_sites")


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
