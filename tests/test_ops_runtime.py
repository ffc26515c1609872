"""Tracing while programs run: real threads, signals, exceptions, debuggers; outputs against the untouched program's."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from asmrewrite import check
from asmrewrite.syntax.operand import REGISTERS
from asmrewrite.toolchain.runtime import runtime_object
from tests.building import GCC, GXX, ROOT, Ran, must, needs_gxx, run

DATA = ROOT / "testdata" / "runtime"
STRESS = ROOT / "asmrewrite" / "stress" / "ops.c"
INCLUDE = f"-I{ROOT / 'asmrewrite' / 'include'}"
OURS = "-fplugin-arg-asmrewrite-"
LITERAL = f"{OURS}ops-layout=literal"
OUTPUT = """\
5
the parent is middle
entries: >leaf(1)
7
both: >middle(2) >leaf(2) <leaf(3) <middle(7)
9
direct: >leaf(3) <middle(9)
11
vectors: >leaf(4) <leaf(5) <middle(11)
13
off:
add 0 0 0
list: >leaf(6) >leaf(6) <leaf(7) <leaf(7)
remove 0
shorter: >leaf(7) <leaf(8)
12
tail call: >tail(1) >leaf(11) <leaf(12) <tail(12)
3
deep: <deep(0) <deep(1) <deep(2) <deep(3)
deeper 1000 1001
lost exits 1
1
longjmp: >jumping(1) >jumper(1) >jumping(1) >jumper(1) >jumping(1) >jumper(1) >jumping(0) >jumper(0) <jumper >leaf(0) \
<leaf(1) <jumping(1)
context 5
match 2
leaf on
middle on
filter 1
bad -6 -2 -2
15
child: >middle(6) >leaf(6) <leaf(7) <middle(15)
17
child, leaf off: >middle(7) <middle(17)
19
parent: >middle(8) >leaf(8) <leaf(9) <middle(19)
signals, sum right
"""
UNTRACED = """
#include <asmrewrite/ops.h>
#include <stdio.h>
static void func(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs) { }
static struct asmrewrite_ops ops = { func, 0, 0, 0 };
int main(void) { printf("%d\\n", asmrewrite_ops_set((const void *)main, &ops)); }
"""
needs_gdb = pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed: apt-get install gdb")


def built(source: Path, folder: Path, flags: str = "-O2", compiler: str = GCC) -> Path:
    """A program with sites at the entries of its functions, and the runtime."""
    program = folder / source.stem
    words = [f"{OURS}passes=relpoline,static-call,call-ops", *flags.split(), INCLUDE]
    must([compiler, *words, source, "-lpthread", "-o", program])
    return program


@pytest.mark.parametrize(
    "flags",
    [
        "-O2", "-O0", f"-O1 -static {LITERAL}", f"-O3 -fno-pie -no-pie {OURS}bundle=6 -pg -mfentry",
        f"-Os -fcf-protection=branch {LITERAL} -g", "-O2 -static-pie -fpatchable-function-entry=5",
    ],
)  # fmt: skip
def test_what_func_and_exit_are_told(flags: str, tmp_path: Path) -> None:
    assert re.sub(r"<jumper\(-?\d+\)", "<jumper", must([built(DATA / "ops.c", tmp_path, flags)]).text) == OUTPUT


@pytest.mark.parametrize("flags", ["", LITERAL, "-DAVX -mavx"])
def test_no_register_changes(flags: str, tmp_path: Path) -> None:
    if "AVX" in flags and " avx " not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX")
    program = built(DATA / "ops_registers.c", tmp_path, f"-O2 {OURS}inline-asm=on {flags}")
    assert must([program]).text == "0 wrong, 5 entered, 5 left\n"


def pushing() -> str:
    """A function for each register that begins with its push, as a compiler would print it; and a table of them."""
    registers = [register for register in REGISTERS if register != "rsp"]
    pieces = ["\t.text\n"]
    for register in registers:
        pieces.append(
            f"\t.type\tpush_{register}, @function\npush_{register}:\n\t.cfi_startproc\n\tpushq\t%{register}\n"
            f"\t.cfi_def_cfa_offset 16\n\tcall\tstore\n\tpopq\t%{register}\n\t.cfi_def_cfa_offset 8\n\tret\n"
            f"\t.cfi_endproc\n\t.size\tpush_{register}, .-push_{register}\n"
        )
    table = "".join(f"\t.quad\tpush_{register}\n" for register in registers)
    pieces.append(f'\t.globl\tpushing\n\t.section\t.data.rel.ro,"aw"\n\t.align 8\npushing:\n{table}\t.quad\t0\n')
    return "".join([*pieces, '\t.ident\t"GCC: (GNU) 12.2.0"\n\t.section\t.note.GNU-stack,"",@progbits\n'])


@pytest.mark.parametrize("flags", ["", LITERAL])
def test_a_register_that_is_pushed_first(flags: str, tmp_path: Path) -> None:
    """It is pushed when all else has been done, as it then is; and no other changes."""
    (tmp_path / "pushing.s").write_text(pushing())
    words = [f"{OURS}passes=call-ops", *flags.split(), "-O2", "-DPUSHES", INCLUDE]
    must([GCC, *words, DATA / "ops_registers.c", "pushing.s", "-o", "x"], tmp_path)
    assert must([tmp_path / "x"]).text == "0 wrong, 75 entered, 75 left\n"
    assert [v.form for v in check(str(tmp_path / "x")) if v.function.startswith("push_")] == ["push"] * 15


@pytest.mark.parametrize("flags", ["-O2", "-O0", f"-O2 {LITERAL}"])
def test_a_child_from_before_anything_was_set(flags: str, tmp_path: Path) -> None:
    wanted = "set 0 0\nparent 12, traced 2\nchild 4, traced 0\nset 0 0\nchild 12, traced 2\n"
    program = built(DATA / "ops_child.c", tmp_path, flags)
    # Which of the two comes first is chance.
    assert {must([program]).text for _ in range(40)} == {wanted}


def test_without_the_pass_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(UNTRACED)
    for compiler, flags, error in (("gcc", "", -1), (GCC, f"{OURS}runtime=off", -1), (GCC, "", -2)):
        must([compiler, "-O2", INCLUDE, *flags.split(), tmp_path / "x.c", "-o", tmp_path / "x"])
        assert must([tmp_path / "x"]).text == f"{error}\n"


# ---- unwinding --------------------------------------------------------------------------------------

THROWN = """\
4 4
destroyed 7
-1 7 3 xxxxx
2
destroyed 2
900
900
900
900
some left by exceptions 0
"""


def without_frames(ran: Ran) -> str:
    """The output without the lines of the backtrace."""
    return "".join(line for line in ran.text.splitlines(keepends=True) if not re.match(r"[a-z_]*$|main$", line.strip()))


@needs_gxx
@pytest.mark.parametrize("flags", ["-O0", f"-O2 {LITERAL}", "-O3 -static", "-Os -fcf-protection=branch"])
def test_exceptions_go_through_hooked_returns(flags: str, tmp_path: Path) -> None:
    program = built(DATA / "ops_throw.cpp", tmp_path, f"-rdynamic {flags}", GXX)
    ran = run([program])
    assert (ran.status, without_frames(ran)) == (0, THROWN)


@needs_gxx
def test_llvm_s_unwinder_goes_through_them_too(tmp_path: Path) -> None:
    library = next(iter(sorted(Path("/usr/lib").glob("llvm-*/lib/libunwind.so.1"))), None)
    if library is None:
        pytest.skip("LLVM's libunwind is not installed: apt-get install libunwind-14")
    program = built(DATA / "ops_throw.cpp", tmp_path, "-O2", GXX)
    out = must([program, "exceptions"], env={"LD_PRELOAD": str(library)}).text
    assert out == "".join(THROWN.splitlines(keepends=True)[:3])


@needs_gxx
def test_backtraces_name_the_true_callers(tmp_path: Path) -> None:
    out = must([built(DATA / "ops_throw.cpp", tmp_path, "-O0 -rdynamic", GXX)]).text.splitlines()
    names = [name for name in out[3 : out.index("destroyed 2")] if name and not name.startswith("_")]
    assert names[:4] == ["traced_back", "traced_back", "traced_back", "main"]


@needs_gxx
@needs_gdb
def test_a_debugger_names_the_true_callers(tmp_path: Path) -> None:
    program = built(DATA / "ops_throw.cpp", tmp_path, "-O2 -g", GXX)
    words = ["break main", "run", "break getppid", "continue", "bt", "finish", "finish", "bt 2", "kill"]
    ran = run(["gdb", "-q", "-batch", *(w for word in words for w in ("-ex", word)), program])
    if "Breakpoint 2, " not in ran.text:
        pytest.skip(f"gdb cannot run programs here: {ran.errors}")
    frames = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+)", ran.text, re.MULTILINE)
    assert [f for f in frames if f.startswith(("stop", "main"))] == [
        "stop_here",
        "stop_inner",
        "stop_outer",
        "main",
        "stop_inner",
    ]
    assert "Value returned is $1 = 1" in ran.text


# ---- change, while others run -----------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["-O2", f"-O2 {LITERAL}"])
def test_threads_run_while_ops_change(flags: str, tmp_path: Path) -> None:
    ran = run([built(STRESS, tmp_path, flags), "2", "4"])
    flips, calls, traced, wrong = map(int, re.findall(r"\d+", ran.text))
    assert (ran.status, wrong) == (0, 0)
    assert min(flips, calls, traced) > 1000


def test_unsafe_patching_is_seen(tmp_path: Path) -> None:
    program = built(STRESS, tmp_path)
    if (os.cpu_count() or 1) < 2:
        pytest.skip("two processors are needed to tear an instruction")
    assert any(run([program, "2", "4", "unsafe"]).status for _ in range(5))


# ---- modules ----------------------------------------------------------------------------------------

LIBRARY = """
#include <asmrewrite/ops.h>
static int seen;
__attribute__((target("general-regs-only")))
static void count(uintptr_t i, uintptr_t p, struct asmrewrite_ops *o, struct asmrewrite_regs *r) { seen++; }
static struct asmrewrite_ops ops = { count, count, 0, 0 };
__attribute__((noinline)) int inner(int x) { __asm__ volatile(""); return x + 1; }
int outer(int x) { return inner(x) * 2; }
int trace(void) { return asmrewrite_ops_set((const void *)outer, &ops); }
int count_of(void) { return seen; }
"""
MAIN = """
#include <asmrewrite/ops.h>
#include <dlfcn.h>
#include <stdio.h>
static int seen;
__attribute__((target("general-regs-only")))
static void count(uintptr_t i, uintptr_t p, struct asmrewrite_ops *o, struct asmrewrite_regs *r) { seen++; }
static struct asmrewrite_ops ops = { count, count, 0, 0 };
static int (*outer)(int);
__attribute__((noinline)) int through(int x) { return outer(x); }	/* a tail call of another module */
int main(int count, char **words)
{
	for (int i = 0; i < 40; i++) {
		void *module = dlopen(words[1], RTLD_NOW);
		int (*trace)(void) = dlsym(module, "trace"), (*count_of)(void) = dlsym(module, "count_of");

		outer = dlsym(module, "outer");
		asmrewrite_ops_set(through, &ops);
		int error = trace(), answer = 0;

		for (int n = 0; n < 10; n++)
			answer += through(n);
		if (i == 0)
			printf("%d %d %d %d\\n", error, answer, count_of(), seen);
		dlclose(module);
	}
	printf("%d\\n", seen);
	return 0;
}
"""


@pytest.mark.parametrize("flags", ["-O2", f"-O2 {LITERAL}"])
def test_modules_have_their_own(flags: str, tmp_path: Path) -> None:
    (tmp_path / "lib.c").write_text(LIBRARY)
    (tmp_path / "main.c").write_text(MAIN)
    words = [GCC, f"{OURS}passes=call-ops", *flags.split(), INCLUDE]
    must([*words, "-fPIC", "-shared", "lib.c", "-o", "lib.so"], tmp_path)
    must([*words, "main.c", "-ldl", "-o", "main"], tmp_path)
    assert must([tmp_path / "main", tmp_path / "lib.so"]).text == "0 110 20 20\n800\n"


def test_no_indirect_branch_without_a_guard() -> None:
    """And no vector register, but where an ops asked for it."""
    text = must(["objdump", "-d", "--no-show-raw-insn", runtime_object("gcc")]).text
    bodies = re.findall(r"^[0-9a-f]+ <(asmrewrite_\w*)>:\n((?:.+\n)+)", text, re.MULTILINE)
    found = {
        name: body for name, body in bodies if name.startswith(("asmrewrite_ops", "asmrewrite_exit", "asmrewrite_call"))
    }
    assert len(found) > 10
    for name, body in found.items():
        for before, line in zip(["", *body.splitlines()], body.splitlines(), strict=False):
            if re.search(r"\b(?:call|jmp) +\*(?!.*\(%rip\))", line):
                assert "lfence" in before, f"{name}: {line}"
            assert not re.search(r"%[xyz]mm|\bf(?:ld|st)", line), f"{name}: {line}"
