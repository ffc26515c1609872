"""Markers as a user has them: the header alone and through asmrewrite, in C and C++, libraries, threads, children."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.building import ASMREWRITE, GCC, GXX, ROOT, must, needs_clang, needs_gxx, run

DATA = ROOT / "testdata" / "markers"
INCLUDE = f"-I{ROOT / 'asmrewrite' / 'include'}"
SOURCE = (DATA / "program.c").read_text()
LINE = 1 + SOURCE[: SOURCE.index("MARK(work")].count("\n")
OURS = "-fplugin-arg-asmrewrite-"


def program(folder: Path, compiler: str = GCC, flags: str = "-O2", library: bool = True) -> Path:
    """testdata/markers/program.c, and the library that it opens."""
    made, shared, words = folder / "program", folder / "library.so", [*compiler.split(), *flags.split(), INCLUDE, "-w"]
    if library:
        must([*words, "-fPIC", "-shared", DATA / "library.c", "-o", shared])
    named = [f'-DLIBRARY="{shared}"'] if library else []
    must([*words, *named, f'-DLINE="{LINE}"', DATA / "program.c", "-lpthread", "-ldl", "-o", made])
    return made


EXPECTED = {
    "name": "1\nfirst work: 1\n1\n",
    "glob": "2\nfirst other_one: 2 text 1.0\nfirst other_two: nothing\n3\n",
    "line": "1\n0\nfirst work: 1\n3\n1\n",
    "several": "second work: 1\nfirst work: 1\nfirst work: 2\n",
    "leave": "left after 1\n",
    "longjmp": "jumped\n",
    "signal": "off on off on 0\n",
    "count": "1 on off\n",
    "asleep": "slept 1\n",
    "fork": "child 2\nparent 1\n",
}
LOADED = "library 1\nprobe library_entry: 2\nprobe library_entry: 3\n"
LOADED += "library 1\nprobe library_entry: 2\n" + LOADED
BUILDS = [
    (GCC, "-O2"), (GCC, "-O0"), (GCC, "-O2 -masm=intel"), (GCC, f"-O2 {OURS}bundle=6"), (GCC, "-O2 -fno-pie -no-pie"),
    (GCC, "-O2 -static"), (GXX, "-O2 -fpermissive -x c++"), ("gcc", "-O2"), ("gcc", "-O0"),
]  # fmt: skip


@pytest.mark.parametrize(("compiler", "flags"), BUILDS, ids=[f"{Path(c).name} {f}" for c, f in BUILDS])
def test_orders(compiler: str, flags: str, tmp_path: Path) -> None:
    made = program(tmp_path, compiler, flags, library=False)
    for order, expected in EXPECTED.items():
        assert must([made, order]).text == expected, order
        if "asmrewrite" in compiler and order in ("name", "fork", "signal"):
            assert must([made, order], env={"ASMREWRITE_RUNTIME": "off"}).text == expected, order
    assert must([made, *EXPECTED]).text.count("\n") == "".join(EXPECTED.values()).count("\n")


@needs_clang
@pytest.mark.parametrize("flags", ["-O0", "-O2"])
def test_orders_of_clang_s(flags: str, tmp_path: Path) -> None:
    made = program(tmp_path, f"{ASMREWRITE} cc clang-14", flags)
    assert must([made, *EXPECTED, "load"]).text == "".join(EXPECTED.values()) + LOADED


@pytest.mark.parametrize("flags", ["-O2", "-O0 -fno-plt"])
def test_a_library_is_opened_and_closed_while_it_is_probed(flags: str, tmp_path: Path) -> None:
    assert must([program(tmp_path, GCC, flags), "load"]).text == LOADED


def test_each(tmp_path: Path) -> None:
    lines = must([program(tmp_path, library=False), "each"]).text.splitlines()
    assert sorted(lines) == [
        'marker in_work "" program.c 1',
        'marker other_one "%d %s %.1f" program.c 0',
        'marker other_two "nothing" program.c 0',
        'marker work "%d" program.c 0',
    ]


def test_mark_sym_is_a_symbol_at_its_place(tmp_path: Path) -> None:
    symbols = must(["nm", program(tmp_path, library=False)]).text
    place = int(re.search(r"^([0-9a-f]+) \w __mark_in_work$", symbols, re.MULTILINE)[1], 16)  # type: ignore[index]  # None fails
    work = int(re.search(r"^([0-9a-f]+) t work(?:\.(?:isra|constprop)\.0)?$", symbols, re.MULTILINE)[1], 16)  # type: ignore[index]  # None fails
    assert 0 < place - work < 64


@needs_gxx
@pytest.mark.parametrize("compiler", ["g++", GXX, pytest.param("clang++-14", marks=needs_clang)])
def test_probes_throw(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed: apt-get install clang-14")
    for level in ("-O0", "-O2"):
        made = tmp_path / "throws"
        must([compiler, level, "-std=c++17", INCLUDE, "-w", DATA / "throws.cpp", "-o", made])
        names = ("in_hidden", "in_template", "in_template", "in_lambda")
        thrown = "".join(f"{name}, {5 + n} cleaned\n" for n, name in enumerate(names))
        assert must([made]).text == "nothing\n" * 4 + "1\n" + thrown + "nothing\n" * 4


HEADER = """#include <asmrewrite/marker.h>
DECLARE_STATIC_KEY_TRUE(header_key);
DEFINE_STATIC_KEY_TRUE(header_key);
int f(int x) { MARK(entry, "%d", x); if (x) MARK(yes, "%d %s", x, "y"); else MARK(no, "no");
 MARK_SYM(here); if (static_branch_likely(&header_key) && !static_branch_unlikely(&header_key)) return 1; return x; }
"""


@pytest.mark.parametrize(
    ("compiler", "standards"),
    [
        ("gcc", ("c99", "c11", "gnu17")),
        pytest.param("g++", ("c++98", "c++11", "c++17", "c++20"), marks=needs_gxx),
        pytest.param("clang-14", ("c99", "gnu17"), marks=needs_clang),
        pytest.param("clang++-14", ("c++98", "c++20"), marks=needs_clang),
    ],
)
def test_the_header_alone(compiler: str, standards: tuple[str, ...], tmp_path: Path) -> None:
    source = tmp_path / ("x.cc" if "++" in compiler else "x.c")
    source.write_text(HEADER)
    for standard in standards:
        # A macro with any number of arguments came with C99 and C++11.
        more = ["-Wno-variadic-macros", "-Wno-c++11-long-long"] if standard == "c++98" else []
        warnings = ["-pedantic", "-Wall", "-Wextra", "-Werror", *more]
        for level in ("-O0", "-O2"):
            must([compiler, f"-std={standard}", level, *warnings, INCLUDE, "-c", source, "-o", tmp_path / "x.o"])


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang-14", marks=needs_clang)])
def test_formats_are_checked(compiler: str, tmp_path: Path) -> None:
    source = tmp_path / "x.c"
    source.write_text('#include <asmrewrite/marker.h>\nvoid f(long x) { MARK(m, "%s", x); }\n')
    ran = run([compiler, "-Wformat", "-Werror", INCLUDE, "-c", source, "-o", tmp_path / "x.o"])
    assert ran.status and "format" in ran.errors


UNDISTURBED = [
    *((compiler, level) for compiler in ("gcc", GCC) for level in ("-O0", "-O2", "-O3")),
    ("gcc", "-O2 -fstack-protector-all -fprofile-arcs -pg"), ("gcc", "-Os -fPIE -static-pie"), ("gcc", "-O2 -flto"),
    ("gcc", "-O2 -fno-plt -fcf-protection=full"), (GCC, "-O2 -fexceptions"),
]  # fmt: skip


@pytest.mark.parametrize(("compiler", "flags"), UNDISTURBED, ids=[f"{Path(c).name} {f}" for c, f in UNDISTURBED])
def test_probes_disturb_nothing(compiler: str, flags: str, tmp_path: Path) -> None:
    made = tmp_path / "registers"
    must([compiler, *flags.split(), INCLUDE, "-w", DATA / "registers.c", "-o", made], tmp_path)
    assert must([made], tmp_path).text == "as it was\n"
    entered = "asmrewrite_marker_enter" in must(["nm", made]).text
    assert entered == (not {"-fexceptions", "-fcf-protection=full"} & {*flags.split()})


@pytest.mark.parametrize("flags", ["-mgeneral-regs-only", "-mno-80387", "-mno-sse"])
def test_without_registers_that_a_call_clobbers(flags: str, tmp_path: Path) -> None:
    """gcc takes no clobber of a register that it may not use."""
    (tmp_path / "x.c").write_text('#include <asmrewrite/marker.h>\nint f(int x) { MARK(f, "%d", x); return x; }\n')
    for compiler in ("gcc", GCC):
        must([compiler, "-O2", *flags.split(), INCLUDE, "-c", "x.c", "-o", "x.o"], tmp_path)


@needs_clang
@pytest.mark.parametrize("flags", ["-O0", "-O2"])
def test_probes_disturb_nothing_of_clang_s(flags: str, tmp_path: Path) -> None:
    made = tmp_path / "registers"
    must(["clang-14", flags, INCLUDE, "-w", DATA / "registers.c", "-o", made])
    assert must([made]).text == "as it was\n"


def test_a_debugger_sees_the_callers_of_a_probe(tmp_path: Path) -> None:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed: apt-get install gdb")
    made = tmp_path / "registers"
    must([GCC, "-O2", "-g", INCLUDE, "-w", DATA / "registers.c", "-o", made])
    orders = ["-batch", "-nx", "-ex", "break who", "-ex", "run", "-ex", "bt"]
    stack = must(["gdb", *orders, made]).text
    frames = re.findall(r"^#\d+ .*?(\w+) \(.*?\)", stack, re.MULTILINE)
    assert frames == ["who", "asmrewrite_marker_entered", "asmrewrite_marker_enter", "inner", "outer", "main"], stack
