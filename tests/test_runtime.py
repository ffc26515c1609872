"""The runtime: real programs that learn, real threads, real signals; outputs against the untouched build's."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from asmrewrite.toolchain.runtime import runtime_object
from tests.building import ASMREWRITE, BIN, GCC, ROOT, must, needs_clang, needs_gxx, run

DATA = ROOT / "testdata" / "runtime"
INCLUDE = f"-I{ROOT / 'asmrewrite' / 'include'}"
OURS = "-fplugin-arg-asmrewrite-"
FLAGS = [
    "-O0", "-O2", "-O2 -fno-pie -no-pie", "-O2 -static", "-O2 -static-pie", "-O2 -mindirect-branch=thunk",
    f"-O2 -fcf-protection=full {OURS}slow=lfence", f"-O2 {OURS}bundle=6", f"-O2 {OURS}targets=1 {OURS}slow=plain",
]  # fmt: skip


def built(source: str, folder: Path, flags: str = "-O2", compiler: str = GCC) -> Path:
    """A program of testdata/runtime, rewritten and with the runtime."""
    program = folder / source.removesuffix(".c")
    must([compiler, *flags.split(), INCLUDE, DATA / source, "-lpthread", "-o", program])
    return program


@pytest.mark.parametrize("flags", FLAGS)
def test_a_site_learns_its_targets_and_learns_again(flags: str, tmp_path: Path) -> None:
    program = built("learn.c", tmp_path, flags)
    out = must([program, "400xa", "5000xa", "100000xb", "10xa"]).text.splitlines()
    total = sum(2 * (n + by) for times, by in ((400, 1), (5000, 1), (100000, 2), (10, 1)) for n in range(times))
    assert out == ["learning", "chain a", "chain b a", "chain b a", f"sum {total}"]


@needs_clang
def test_clang_s_programs_learn(tmp_path: Path) -> None:
    program = tmp_path / "learn"
    must([ASMREWRITE, "cc", "clang-14", "-O2", INCLUDE, DATA / "learn.c", "-o", program])
    assert "chain b a" in must([program, "5000xa", "100000xb"]).text


def test_orders(tmp_path: Path) -> None:
    words = ["5000xa", "pin", "10xa", "exclude", "5000xb", "release", "5000xb", "stop", "retrain", "5000xc"]
    out = must([built("learn.c", tmp_path), *words]).text.splitlines()
    states = [line for line in out if not re.fullmatch(r"\w+ -?\d+", line)]
    assert states == [
        "chain a", "pinned d", "pinned d", "excluded", "excluded", "learning", "chain b", "compiled", "learning",
        "chain c",
    ]  # fmt: skip
    assert [line for line in out if re.fullmatch(r"\w+ 0", line)] == [f"{w} 0" for w in words if w.isalpha()]


@pytest.mark.parametrize(("mode", "state"), [("off", "none"), ("learn", "learning"), ("on", "chain a")])
def test_modes(mode: str, state: str, tmp_path: Path) -> None:
    program = built("learn.c", tmp_path)
    assert must([program, "5000xa"], env={"ASMREWRITE_RUNTIME": mode}).text.splitlines()[0] == state


def test_runtime_off_leaves_it_out(tmp_path: Path) -> None:
    program = built("learn.c", tmp_path, f"-O2 {OURS}runtime=off")
    assert must([program, "5000xa"]).text.splitlines()[0] == "none"
    assert "asmrewrite_arena" not in must(["nm", program]).text


def test_the_log_names_what_was_learned(tmp_path: Path) -> None:
    log = tmp_path / "log"
    must([built("learn.c", tmp_path), "5000xa"], env={"ASMREWRITE_LOG": str(log)})
    assert re.search(r"^asmrewrite: pid \d+: \d+ relpoline sites: patchable$", log.read_text(), re.MULTILINE)
    assert re.search(r" chain entries 1 learned 1 calls 512\n    -> 0x", log.read_text())


def test_modules_come_and_go_while_calls_change(tmp_path: Path) -> None:
    """A thread updates static calls while another loads and unloads: what is not yet relocated must not be called."""
    source = ROOT / "asmrewrite" / "stress" / "calls.c"
    program, library, slow = tmp_path / "calls", tmp_path / "libcalls.so", tmp_path / "slow.c"
    # Much for the loader to relocate, in front of what the runtimes look at.
    hidden = '__attribute__((visibility("hidden")))'
    slow.write_text(f"{hidden} const void *const slow[300000] = {{ [0 ... 299999] = slow }};\n")
    must([GCC, "-O2", INCLUDE, "-DLIBRARY", "-fPIC", "-shared", source, slow, "-o", library])
    must([GCC, "-O2", INCLUDE, "-rdynamic", source, "-lpthread", "-ldl", "-o", program])
    numbers = must([program, "3", "2", library]).text.split()
    assert numbers[2] == "0"  # miscalls
    assert int(numbers[6]) > 10  # loads


@pytest.mark.parametrize(("words", "state"), [([], "chain"), (["filter"], "chain"), (["strict"], "compiled")])
def test_a_program_that_confines_itself(words: list[str], state: str, tmp_path: Path) -> None:
    program = built("confined.c", tmp_path)
    total = sum(n + (2 if n < 50000 else 3) for n in range(100000))
    assert must([program, *words]).text == f"{state} {total}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="changing the root needs the rights of root")
def test_a_program_that_gives_its_rights_away(tmp_path: Path) -> None:
    program = built("confined.c", tmp_path)
    (tmp_path / "empty").mkdir()
    assert must([program, "root", tmp_path / "empty", "filter"]).text.startswith("chain ")


@pytest.mark.skipif(os.geteuid() != 0, reason="a setuid program needs the rights of root")
def test_a_program_with_more_rights_than_its_user_is_not_told(tmp_path: Path) -> None:
    program, log = built("learn.c", tmp_path), tmp_path / "log"
    tmp_path.chmod(0o777)
    for above in tmp_path.parents[:3]:
        above.chmod(above.stat().st_mode | 0o011)
    program.chmod(0o4755)
    told = {"ASMREWRITE_LOG": str(log), "ASMREWRITE_RUNTIME": "off"}
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    assert must([*as_nobody, program, "5000xa"], env=told).text.splitlines()[0] == "chain a"
    assert not log.exists()


@pytest.mark.parametrize("flags", ["-O2", f"-O2 {OURS}slow=plain", f"-O2 {OURS}bundle=6"])
def test_no_register_changes(flags: str, tmp_path: Path) -> None:
    program = built("registers.c", tmp_path, f"{flags} {OURS}inline-asm=on")
    assert must([program]).text == "0 wrong\n"


@pytest.mark.parametrize("flags", ["-O2", "-O2 -static", "-O2 -no-pie -fno-pie"])
def test_surroundings(flags: str, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    must(["gcc", "-O2", DATA / "surroundings.c", "-lpthread", "-o", plain])
    expected = must([plain]).text
    assert "writable and executable: 0" in expected
    assert must([built("surroundings.c", tmp_path, flags)]).text == expected


STATIC = """\
at first: 7 7 7, seen 0, filter 0, not hooked
updated: 3 3 3, seen 5, filter 81, hooked
a child, after its parent's update: 3 3 3, seen 10, filter 81, hooked
its own: 10 10 10, seen 15, filter 81, hooked
the parent: 7 7 7, seen 10, filter 81, hooked
nothing: 7 7 7, seen 10, filter 0, not hooked
a batch: 10 10 10, seen 10, filter 0, not hooked
0 wrong, 0 late
"""


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [("gcc", "-O2"), (GCC, "-O0"), (GCC, "-O2"), (GCC, "-O2 -fno-plt"), (GCC, f"-O2 {OURS}bundle=6")],
    ids=["untouched", "-O0", "-O2", "-fno-plt", "bundle=6"],
)
def test_static_calls(compiler: str, flags: str, tmp_path: Path) -> None:
    library, program = tmp_path / "libstatic.so", tmp_path / "static"
    must([compiler, *flags.split(), INCLUDE, "-fPIC", "-shared", DATA / "static_library.c", "-o", library])
    rest: list[str | Path] = [library, f"-Wl,-rpath,{tmp_path}", "-lpthread", "-o", program]
    must([compiler, *flags.split(), INCLUDE, DATA / "static_main.c", *rest])
    assert must([program]).text == STATIC


@needs_gxx
def test_the_headers_are_cxx_too(tmp_path: Path) -> None:
    for compiler in ("g++", str(BIN / "asmrewrite-g++")):
        source = tmp_path / "x.cc"
        source.write_text(
            "#include <asmrewrite/static_call.h>\n#include <asmrewrite/relpoline.h>\n#include <asmrewrite/abi.h>\n"
            'extern "C" int f(int x) { return x; }\nextern "C" int g(int x) { return x + 1; }\n'
            "DEFINE_STATIC_CALL(c, f);\n"
            "int main() { int a = static_call(c)(1); static_call_update(c, g); return a + static_call(c)(1) - 3; }\n"
        )
        must([compiler, "-O2", "-Wall", "-Wextra", "-Werror", INCLUDE, source, "-o", tmp_path / "x"])
        must([tmp_path / "x"])


def test_the_runtime_uses_no_vector_register_and_no_function_that_does() -> None:
    made = runtime_object("gcc")
    code = must(["objdump", "-dr", "--no-show-raw-insn", made]).text
    assert not re.search(r"%[xyz]mm\d|%st\b|%mm\d", code)
    calls = {
        name: set(re.findall(r"(?:<|R_X86_64_\w+\t)([A-Za-z_][\w.]*)", body))
        for name, body in re.findall(r"^[0-9a-f]+ <(\S+)>:\n(.*?)(?:\n\n|\Z)", code, re.MULTILINE | re.DOTALL)
    }
    # What it calls of libc it calls when the program starts, ends or asks, never in the path of a call or a signal.
    reached = {"asmrewrite_count", "asmrewrite_missed", "asmrewrite_trap_entry", "asmrewrite_keyed_refresh"}
    assert reached <= calls.keys()
    while more := {name for function in reached for name in calls.get(function, ())} - reached:
        reached |= more
    assert {"asmrewrite_decide", "asmrewrite_sample", "asmrewrite_trap_handle"} <= reached
    undefined = set(re.findall(r"^ +[Uw] (\S+)$", must(["nm", made]).text, re.MULTILINE))
    assert undefined & reached <= {"__libc_single_threaded", "__ehdr_start", "_GLOBAL_OFFSET_TABLE_"}
    assert "__tls_get_addr" not in undefined
    indirect = re.findall(r"(\S+)[^\S\n]*\n.*\t(?:call|jmp) +\*%\w+", code)
    assert indirect == ["lfence"] * len(indirect) and indirect, "the entry.S files wait for the target"


@pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed: apt-get install gdb")
def test_gdb_unwinds_from_inside_a_stub(tmp_path: Path) -> None:
    program = built("learn.c", tmp_path, "-O2 -g")
    script = tmp_path / "script"
    script.write_text(
        "set pagination off\nset confirm off\nbreak call\nignore 1 3000\nrun 5000xa\ndelete\n"
        "python\n"
        "arena = int(gdb.parse_and_eval('(unsigned long)&asmrewrite_arena'))\n"
        "for _ in range(40):\n"
        "    gdb.execute('stepi', to_string=True)\n"
        "    if arena <= int(gdb.parse_and_eval('$pc')) < arena + 0x800000:\n"
        "        break\n"
        "frame, names = gdb.selected_frame(), []\n"
        "while frame: names.append(frame.name()); frame = frame.older()\n"
        "print('FRAMES', names)\n"
        "end\nkill\nquit\n"
    )
    out = run(["gdb", "-q", "-batch", "-x", script, program]).text
    assert re.search(r"FRAMES \[.*'call', 'main'", out), out


@pytest.mark.parametrize(
    "flags",
    [
        "-O0", "-O2", "-O2 -static", "-O2 -fno-omit-frame-pointer", f"-O2 {OURS}runtime=off", f"-O2 {OURS}slow=plain",
        f"-O2 -fcf-protection=full {OURS}slow=lfence", "-O2 -fno-pie -no-pie -mindirect-branch=thunk",
    ],
)  # fmt: skip
def test_a_profiler_unwinds_from_each_instruction(flags: str, tmp_path: Path) -> None:
    program = built("stepped.c", tmp_path, flags)
    assert must([program]).text == "sum 27031160, many stops, 0 lost\n"


@pytest.mark.skipif(shutil.which("perf") is None, reason="perf is not installed: apt-get install linux-perf")
def test_perf_names_the_callers_of_stubs(tmp_path: Path) -> None:
    program, data = built("sampled.c", tmp_path, "-O2"), tmp_path / "data"
    if run(
        ["perf", "record", "-e", "cpu-clock", "-F", "499", "--call-graph", "dwarf,1024", "-o", data, program]
    ).status:
        pytest.skip("perf may not record here: sysctl kernel.perf_event_paranoid=2")
    stacks = must(["perf", "script", "-i", data]).text.split("\n\n")
    stubs = [stack for stack in stacks if "(//anon)" in stack or "asmrewrite_arena" in stack]
    assert len(stubs) > 20
    assert sum("outer" in stack and "main" in stack for stack in stubs) >= len(stubs) - 2


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed: apt-get install valgrind")
def test_valgrind(tmp_path: Path) -> None:
    program = built("learn.c", tmp_path)
    ran = must(["valgrind", "--error-exitcode=9", "-q", program, "5000xa", "20000xb"])
    assert ran.text.splitlines()[-1] == must([program, "5000xa", "20000xb"]).text.splitlines()[-1]


@pytest.mark.parametrize("sanitizer", ["address", "thread", "undefined"])
def test_sanitizers(sanitizer: str, tmp_path: Path) -> None:
    flags = f"-O1 -g -fsanitize={sanitizer}"
    probe = run(["gcc", *flags.split(), "-xc", "-", "-o", tmp_path / "probe"], stdin=b"int main(void) { return 0; }")
    if probe.status or run([tmp_path / "probe"]).status:
        pytest.skip(f"-fsanitize={sanitizer} does not run here: apt-get install gcc")
    assert "chain b a" in must([built("learn.c", tmp_path, flags), "5000xa", "100000xb"]).text


def test_runtime_command(tmp_path: Path) -> None:
    words = must([ASMREWRITE, "runtime", "--cflags", "--libs"]).text.split()
    made = tmp_path / "learn.o"
    must([GCC, "-O2", "-c", words[0], DATA / "learn.c", "-o", made])
    must(["gcc", made, *words[1:], "-o", tmp_path / "learn"])
    assert "chain a" in must([tmp_path / "learn", "5000xa"]).text
    assert "Libs: " in must([ASMREWRITE, "runtime", "--pkg-config"]).text
