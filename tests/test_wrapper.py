"""The compiler wrapper is the compiler, but for the sites: all that a build sees of gcc, it sees of asmrewrite-gcc.

What is compared with plain gcc: exit status, standard output, standard error, and the files that are left.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from asmrewrite import check
from tests.building import (
    ASMREWRITE,
    BIN,
    GCC,
    GXX,
    PROGRAMS,
    ROOT,
    Ran,
    clean_environment,
    must,
    needs_ccache,
    needs_clang,
    needs_gxx,
    run,
    send_to_group,
)

CALLS = '#include "x.h"\nlong calls(fn *p, long n) { return p(n) + 1; }\n'
HEADER = "typedef long fn(long);\n"
QUIET = '#include "x.h"\nlong quiet(long n) { return n * 3; }\n'
MAIN = """\
long calls(long (*)(long), long);
static long id(long n) { return n; }
long (*volatile hidden)(long) = id;
int main(void) { return calls(hidden, 41) - 42; }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of sources, with a folder for temporary files beside it."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "tmp").mkdir()
    for name, text in {
        "x.h": HEADER, "calls.c": CALLS, "quiet.c": QUIET, "main.c": MAIN,
        "wrong.c": "int main(void) { return nothing; }\n",
        "warns.c": "int f(int n) { int unused; }\n",
        "garbage.c": 'void (*p)(void);\nvoid f(void)\n{\n\tp();\n\t__asm__("frobnicate %eax");\n\tp();\n}\n',
        "plain.s": "\t.globl\tplain\nplain:\tcall\t*%rax\n\tret\n",
        "cpp.S": "#define NAME plain2\n\t.globl\tNAME\nNAME:\tret\n",
        "args.rsp": "-O2\n-c 'calls.c'\n",
    }.items():  # fmt: skip
        (work / name).write_text(text)
    return work


def files(folder: Path) -> dict[str, bytes]:
    """Name -> contents of all files in and below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def outcome(compiler: str, words: list[str], folder: Path, stdin: bytes = b"") -> tuple[Ran, dict[str, bytes]]:
    """What `compiler` does in a copy of `folder`, which it leaves nothing in but its outputs."""
    copy = folder.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    before = files(copy)
    temporary = folder.parent / "tmp"
    ran = run([compiler, *words], copy, stdin=stdin, env={"TMPDIR": str(temporary)})
    assert os.listdir(temporary) == [], "temporary files are left"
    made = {name: content for name, content in files(copy).items() if before.get(name) != content}
    shutil.rmtree(copy)
    return ran, made


def assert_like_gcc(words: str, folder: Path, *, stdin: bytes = b"", names_only: bool = False) -> dict[str, bytes]:
    """The same status, output, messages and files as gcc; with `names_only` the files' contents may differ."""
    plain, expected = outcome("gcc", words.split(), folder, stdin)
    ran, made = outcome(GCC, words.split(), folder, stdin)
    assert (ran.status, _steady(ran.err), sorted(made)) == (plain.status, _steady(plain.err), sorted(expected))
    if not names_only:
        assert (ran.out, made) == (plain.out, expected)
    return made


def _steady(messages: bytes) -> bytes:
    """Messages without the names of temporary files."""
    return re.sub(rb"/[^ ]*/cc[A-Za-z0-9]{6}", b"/ccXXXXXX", messages)


# ---- nothing to compile: exactly the compiler ----------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["--version", "-v", "-dumpversion", "-dumpmachine", "-print-file-name=libc.so", "-print-prog-name=as",
     "-print-search-dirs", "-print-libgcc-file-name", "-print-multi-directory", "--help", "--help=target",
     "-E calls.c", "-E -dM calls.c", "-M calls.c", "-MM calls.c", "-### -c calls.c", "-### calls.c main.c",
     "-fsyntax-only calls.c", "", "-c", "missing.c", "-c missing.c", "-Q --help=warnings"],
)  # fmt: skip
def test_queries(words: str, folder: Path) -> None:
    assert_like_gcc(words, folder)


# ---- errors and warnings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["-c wrong.c", "-S wrong.c", "wrong.c", "-c warns.c -Wall", "-c warns.c -Wall -Werror",
    "-c calls.c -Inone -o none/x.o", "-S calls.c -o none/x.s", "-S calls.c -o .", "-c --no-such-option calls.c",
    "-O2 -c calls.c -include none.h", "-c x.unknown", "-c calls.c main.c -o both.o"],
)  # fmt: skip
def test_messages(words: str, folder: Path) -> None:
    assert_like_gcc(words, folder, names_only="calls" in words or "warns" in words)


@pytest.mark.parametrize(
    "words", ["-O2 -c garbage.c", "-O2 -g -c garbage.c", "-O2 -pipe -c garbage.c", "-O2 garbage.c"]
)
def test_assembler_errors_are_gas_s_own(words: str, folder: Path) -> None:
    """The user's line is named as gas names it without us, and nothing is written."""
    assert assert_like_gcc(words, folder) == {}


@pytest.mark.parametrize("flags", ["-O2 -masm=intel", "-O2 -masm=intel -g", "-O2 -masm=intel -pipe"])
def test_assembler_errors_without_a_source_line(flags: str, folder: Path) -> None:
    """Top-level assembly has no line marker: gas names the compiler's temporary file."""
    (folder / "top.c").write_text('void (*p)(void);\n__asm__("movl %eax, (%rcx)");\nvoid f(void) { p(); p(); }\n')
    assert_like_gcc(f"{flags} -c top.c", folder)


@pytest.mark.parametrize("flags", ["-O2", "-O2 -g", "-O2 -pipe"])
def test_assembler_warnings_without_a_source_line(flags: str, folder: Path) -> None:
    (folder / "top.c").write_text('void (*p)(void);\n__asm__(".warning \\"careful\\"");\nvoid f(void) { p(); p(); }\n')
    assert_like_gcc(f"{flags} -c top.c", folder, names_only=True)


def test_assembler_warnings(folder: Path) -> None:
    (folder / "warns.c").write_text('void (*p)(void);\nvoid f(void) { p(); __asm__(".warning \\"careful\\""); p(); }\n')
    assert_like_gcc("-O2 -c warns.c", folder, names_only=True)


# ---- nothing to do: the same bytes --------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["-O0", "-O2", "-O2 -g", "-Os -fpic", "-O2 -masm=intel", "-O2 -pipe", "-O2 -m32",
                                   "-O2 -frecord-gcc-switches", "-O2 -fverbose-asm", "-O2 -gdwarf-4 -g3",
                                   "-O2 -flto"])  # fmt: skip
@pytest.mark.parametrize("mode", ["-c", "-S"])
def test_a_file_without_sites(flags: str, mode: str, folder: Path) -> None:
    if "-flto" in flags:
        flags += " -frandom-seed=1"
    assert_like_gcc(f"{flags} {mode} quiet.c", folder)


@pytest.mark.parametrize("source", ["conventions.c", "static_calls_impl.c"])
def test_every_pass_off_gives_the_compiler_s_text(source: str, tmp_path: Path) -> None:
    """-S adds -dp; what -dp prints is taken away again, to the last tab."""
    for flags in ("-O0", "-O2", "-O2 -g", "-O3 -mindirect-branch=thunk", "-Os -masm=intel", "-O2 -mfpmath=387"):
        words = [*flags.split(), "-S", "-o", "-", str(PROGRAMS / source)]
        plain = must(["gcc", *words], tmp_path).out
        ours = must(
            [GCC, "-fplugin-arg-asmrewrite-functions=none", "-fplugin-arg-asmrewrite-static-call-prefix=none", *words],
            tmp_path,
        )
        assert ours.out == plain, flags


def test_notes_that_were_asked_for_stay(folder: Path) -> None:
    ran = must([GCC, "-O2", "-dp", "-S", "-o", "-", "quiet.c"], folder)
    assert ran.out == must(["gcc", "-O2", "-dp", "-S", "-o", "-", "quiet.c"], folder).out and b"[c=" in ran.out


# ---- outputs, and what stands beside them -------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["-c calls.c", "-c calls.c -o out.o", "-S calls.c", "-S calls.c -o out.asm", "-S -o - calls.c",
    "-c -o /dev/null calls.c", "-S -o /dev/null calls.c", "calls.c main.c", "-c calls.c quiet.c main.c",
    "-S calls.c quiet.c", "-o prog calls.c main.c", "-c -MD calls.c", "-c -MMD calls.c", "-c -MD -MF deps calls.c",
    "-c -MD -MT target calls.c -o d/../x.o", "-c -MD -MQ $x calls.c", "-c -MMD -MP -MF deps -MT a -MT b calls.c",
    "-S -MMD -MF deps calls.c -o y.s", "-c -MD calls.c -o out.o", "-c -save-temps=obj calls.c -o out.o",
    "-pipe -c calls.c", "-c plain.s", "-c cpp.S", "-c plain.s -o z.o", "-x assembler -c plain.s",
    "-x assembler-with-cpp -c plain.s", "-S cpp.S", "-m32 -c calls.c", "-m32 -S calls.c", "-c -g calls.c",
    "-c -gsplit-dwarf calls.c", "-shared -fpic -o libx.so calls.c", "-c -fdump-tree-optimized calls.c",
    "-c -fstack-usage calls.c", "@args.rsp", "-c calls.c -Wa,-al=list", "-c calls.c -Wa,--noexecstack",
    pytest.param("-c -x c++ calls.c", marks=needs_gxx)],
)  # fmt: skip
def test_outputs(words: str, folder: Path) -> None:
    """The same files; depfiles and other companions byte for byte."""
    (folder / "d").mkdir()
    made = assert_like_gcc("-O2 " + words, folder, names_only=True)
    _, expected = outcome("gcc", ["-O2", *words.split()], folder)
    for name, content in made.items():
        if name.endswith((".d", "deps", ".su", ".optimized", ".i")):
            assert content == expected[name], name


@pytest.mark.parametrize(
    "words", ["-S -MD calls.c", "-S -MMD calls.c", "-S -MMD -MT t calls.c", "-S -MMD calls.c -o out.s"]
)
def test_depfiles_of_text_outputs(words: str, folder: Path) -> None:
    """The target in the depfile is the one that gcc names."""
    made = assert_like_gcc(words, folder, names_only=True)
    _, expected = outcome("gcc", words.split(), folder)
    for name in made:
        if name.endswith(".d"):
            assert made[name] == expected[name]


def test_standard_input(folder: Path) -> None:
    source = CALLS.replace('#include "x.h"', HEADER).encode()
    ran = must([GCC, "-O2", "-x", "c", "-c", "-", "-o", "x.o"], folder, stdin=source)
    assert ran.err == b"" and len(check(str(folder / "x.o"))) == 1
    ran = must([GCC, "-O2", "-S", "-o", "-", "-x", "c", "-"], folder, stdin=source)
    assert b"calls.relpoline.0" in ran.out and b"[c=" not in ran.out
    assert must([GCC, "-E", "-x", "c", "-"], stdin=source).out == must(["gcc", "-E", "-x", "c", "-"], stdin=source).out


def test_text_output_is_what_the_object_is_made_of(folder: Path) -> None:
    must([GCC, "-O2", "-S", "calls.c"], folder)
    must([GCC, "-O2", "-c", "calls.c", "-o", "direct.o"], folder)
    must(["gcc", "-c", "calls.s", "-o", "by_text.o"], folder)
    assert (folder / "direct.o").read_bytes() == (folder / "by_text.o").read_bytes()
    must([GCC, "-c", "calls.s", "-o", "again.o"], folder)
    assert (folder / "again.o").read_bytes() == (folder / "by_text.o").read_bytes()


def test_save_temps_keeps_the_compiler_s_text(folder: Path) -> None:
    must([GCC, "-O2", "-save-temps", "-c", "calls.c"], folder)
    assert {"calls.i", "calls.s", "calls.o"} <= set(os.listdir(folder))
    assert len(check(str(folder / "calls.o"))) == 1


@pytest.mark.parametrize("flags", ["", "-pipe", "-g", "-fpic", "-ffunction-sections", "-save-temps", "@args.rsp"])
def test_sites_are_made(flags: str, folder: Path) -> None:
    must([GCC, *(flags.split() if "@" in flags else f"-O2 {flags} -c calls.c".split())], folder)
    (verdict,) = check(str(folder / "calls.o"))
    assert (verdict.function, verdict.verdict.value) == ("calls", "PASS")


def test_link_time_optimisation(folder: Path) -> None:
    """The code is made when the program is linked, and rewritten there."""
    for source in ("calls.c", "main.c"):
        must([GCC, "-O2", "-flto", "-fno-inline", "-c", source], folder)
    must([GCC, "-O2", "-flto", "-fno-inline", "-fno-ipa-cp", "-o", "prog", "calls.o", "main.o"], folder)
    must([folder / "prog"])
    assert {v.verdict.value for v in check(str(folder / "prog"))} == {"PASS"}


def test_link_only(folder: Path) -> None:
    must(["gcc", "-O2", "-c", "calls.c", "main.c"], folder)
    must([GCC, "-o", "prog", "calls.o", "main.o"], folder)
    must([folder / "prog"])
    assert check(str(folder / "prog")) == ()


# ---- options ------------------------------------------------------------------------------------------


def slow_path(folder: Path, *words: str, env: dict[str, str] | None = None) -> str:
    """The slow path that calls.c gets."""
    must([GCC, "-O2", "-c", "calls.c", *words], folder, env=env)
    (verdict,) = check(str(folder / "calls.o"))
    return verdict.slow


def test_precedence(folder: Path) -> None:
    argument = "-fplugin-arg-asmrewrite-slow="
    assert slow_path(folder) == "retpoline"
    (folder / "asmrewrite.toml").write_text('slow = "plain"\n')
    assert slow_path(folder) == "plain"
    assert slow_path(folder, env={"ASMREWRITE_FLAGS": "slow=lfence"}) == "lfence"
    assert slow_path(folder, argument + "retpoline", env={"ASMREWRITE_FLAGS": "slow=lfence"}) == "retpoline"
    assert slow_path(folder, argument + "plain", argument + "lfence") == "lfence", "the last one wins"


def test_options_in_a_response_file(folder: Path) -> None:
    (folder / "ours.rsp").write_text(
        "-fplugin-arg-asmrewrite-slow=lfence\n-fplugin-arg-asmrewrite-functions='a b|calls'\n"
    )
    assert slow_path(folder, "@ours.rsp") == "lfence"


def test_a_wrong_option(folder: Path) -> None:
    ran = run([GCC, "-c", "calls.c", "-fplugin-arg-asmrewrite-bundel=3"], folder)
    assert ran.status == 2 and not (folder / "calls.o").exists()
    assert ran.errors == (
        "asmrewrite: error: -fplugin-arg-asmrewrite-bundel=3: no option is named 'bundel'; did you mean bundle?\n"
    )
    ran = run([GCC, "-O2", "-c", "calls.c"], folder, env={"ASMREWRITE_FLAGS": "bundle=7"})
    assert ran.status != 0 and "ASMREWRITE_FLAGS: option bundle='7'" in ran.errors and not (folder / "calls.o").exists()


def test_stats(folder: Path) -> None:
    ran = must([GCC, "-O2", "-c", "calls.c", "quiet.c", "-fplugin-arg-asmrewrite-stats=1"], folder)
    lines = ran.errors.splitlines()
    assert re.fullmatch(r"asmrewrite: calls\.c: 1 relpoline sites; \+\d+ bytes", lines[0])
    assert lines[1] == "asmrewrite: quiet.c: no sites; +0 bytes"
    must([GCC, "-O2", "-c", "calls.c", "quiet.c"], folder, env={"ASMREWRITE_FLAGS": f"stats={folder}/s.json"})
    entries = [json.loads(line) for line in (folder / "s.json").read_text().splitlines()]
    assert [(e["file"], e["sites"]) for e in entries] == [("calls.c", {"relpoline": 1}), ("quiet.c", {})]
    size = {path: int(must(["size", path], folder).text.split()[9]) for path in ("calls.o",)}
    must(["gcc", "-O2", "-c", "calls.c", "-o", "plain.o"], folder)
    assert entries[0]["bytes_added"] >= size["calls.o"] - int(must(["size", "plain.o"], folder).text.split()[9])


# ---- builds -------------------------------------------------------------------------------------------


def test_parallel_make(folder: Path) -> None:
    """Many files in one folder at once; the second run has nothing to do."""
    for number in range(12):
        (folder / f"m{number}.c").write_text(CALLS.replace("calls", f"calls{number}"))
    (folder / "Makefile").write_text(
        "OBJECTS := $(patsubst %.c,%.o,$(wildcard m[0-9]*.c))\nall: $(OBJECTS)\nCFLAGS = -O2 -MMD\n"
        "-include $(OBJECTS:.o=.d)\n"
    )
    before = set(os.listdir(folder))
    ran = must(["make", "-j2", f"CC={GCC}"], folder, env={"TMPDIR": str(folder.parent / "tmp")})
    assert ran.err == b"" and os.listdir(folder.parent / "tmp") == []
    assert set(os.listdir(folder)) - before == {f"m{n}.{kind}" for n in range(12) for kind in ("o", "d")}
    assert all(len(check(str(folder / f"m{n}.o"))) == 1 for n in range(12))
    assert "Nothing to be done" in must(["make", f"CC={GCC}"], folder).text


@needs_ccache
def test_ccache(folder: Path) -> None:
    environment = {"CCACHE_DIR": str(folder.parent / "cache")}
    for command in (["ccache", GCC], [ASMREWRITE, "cc", "ccache", "gcc"]):
        for _ in range(2):
            must([*command, "-O2", "-c", "calls.c"], folder, env=environment)
            (verdict,) = check(str(folder / "calls.o"))
            assert verdict.verdict.value == "PASS"
            (folder / "calls.o").unlink()
    for _ in range(2):
        must(["ccache", "gcc", "-O2", "-c", "calls.c"], folder, env=environment)
        assert check(str(folder / "calls.o")) == (), "the wrapper's objects must not be taken for gcc's"


def test_the_assembler_folder(folder: Path) -> None:
    """As in gcc -B$(asmrewrite --as-dir): without the wrapper, and so without -dp."""
    as_dir = must([ASMREWRITE, "--as-dir"]).text.strip()
    must(["gcc", f"-B{as_dir}", "-O2", "-c", "calls.c"], folder)
    assert len(check(str(folder / "calls.o"))) == 1
    assert must([f"{as_dir}/as", "--version"]).out == must(["as", "--version"]).out
    made = run([f"{as_dir}/as", "-o", "x.o", "missing.s"], folder)
    plain = run(["as", "-o", "x.o", "missing.s"], folder)
    assert (made.status, made.err) == (plain.status, plain.err)


def test_a_termination_of_the_group(folder: Path) -> None:
    """SIGTERM to all, as a terminal or make sends it: it ends as gcc does, and leaves nothing behind."""
    lines = "".join(f"long v{n}(fn *p, long n) {{ return p(n) + p({n}); }}\n" for n in range(3000))
    (folder / "big.c").write_text('#include "x.h"\n' + lines)
    before = sorted(os.listdir(folder))
    temporary = folder.parent / "tmp"
    for delay in (0.1, 0.6, 1.2):
        endings = []
        for compiler in ("gcc", GCC):
            process = subprocess.Popen(
                [compiler, "-O2", "-c", "big.c"], cwd=folder, env=clean_environment(TMPDIR=str(temporary)),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            time.sleep(delay)
            finished = process.poll() is not None
            if not finished:
                send_to_group(process, signal.SIGTERM)
            endings.append(None if finished else process.wait(30))
            time.sleep(0.05)
            if finished:
                (folder / "big.o").unlink(missing_ok=True)
            assert sorted(os.listdir(folder)) == before, (compiler, delay)
            assert os.listdir(temporary) == [], (compiler, delay)
        if None not in endings:
            assert endings[0] == endings[1]


def test_no_assembler(folder: Path) -> None:
    ran = run([GCC, "-O2", "-c", "calls.c"], folder, env={"ASMREWRITE_AS": "/nonexistent/as"})
    assert ran.status != 0 and "cannot run /nonexistent/as" in ran.errors and not (folder / "calls.o").exists()


def test_no_compiler() -> None:
    ran = run([ASMREWRITE, "cc", "/nonexistent/cc", "-c", "x.c"])
    assert (ran.status, ran.errors) == (
        127,
        "asmrewrite: error: cannot run /nonexistent/cc: No such file or directory\n",
    )
    assert run([ASMREWRITE, "cc"]).status == 2


# ---- other compilers ----------------------------------------------------------------------------------


@needs_gxx
def test_cxx(folder: Path) -> None:
    (folder / "x.cc").write_text("struct A { virtual long f(long); }; long g(A *a) { return a->f(1) + 1; }\n")
    must([GXX, "-O2", "-c", "x.cc"], folder)
    assert len(check(str(folder / "x.o"))) == 1


@needs_clang
def test_clang(folder: Path) -> None:
    command = [ASMREWRITE, "cc", "clang-14", "-O2"]
    ran = must([*command, "-c", "calls.c"], folder)
    assert ran.err == b"" and len(check(str(folder / "calls.o"))) == 1
    must([*command, "-o", "prog", "calls.c", "main.c"], folder)
    must([folder / "prog"])
    must([*command, "-S", "calls.c"], folder)
    assert "relpoline" in (folder / "calls.s").read_text()
    plain, ours = (run([*words, "-c", "wrong.c"], folder) for words in (["clang-14", "-O2"], command))
    assert (ours.status, ours.err) == (plain.status, plain.err)


def test_the_commands_are_installed() -> None:
    for name in ("asmrewrite-gcc", "asmrewrite-g++", "asmrewrite-clang", "asmrewrite-clang++", "asmrewrite-gfortran"):
        assert (BIN / name).exists()
    assert (ROOT / "pyproject.toml").exists()
