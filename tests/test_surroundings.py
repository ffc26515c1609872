"""Whatever descriptors, environment, folders, names and limits a compiler has, the wrapper behaves as gcc does."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from asmrewrite import assemble, check
from asmrewrite.errors import ToolError
from asmrewrite.toolchain.encoder import KeystoneEncoder
from tests.building import ASMREWRITE, GCC, Ran, clean_environment, must, run
from tests.faults import CALLS, QUIET, assemblers, limited, listing, run_raw, stand_in

COMPILERS = ("gcc", GCC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of sources."""
    (tmp_path / "calls.c").write_text(CALLS)
    (tmp_path / "quiet.c").write_text(QUIET)
    return tmp_path


@cache
def rewritten() -> bytes:
    """The object that the listing of calls.c becomes."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "calls.s").write_text(listing())
        must([assemblers()[1], "calls.s", "-o", "calls.o"], Path(name))
        return (Path(name) / "calls.o").read_bytes()


@pytest.fixture
def made(folder: Path) -> bytes:
    """The object that calls.c becomes; its listing is in calls.s."""
    (folder / "calls.s").write_text(listing())
    return rewritten()


# ---- descriptors ----------------------------------------------------------------------------------------


def closing(*descriptors: int) -> Callable[[], None]:
    """For `preexec_fn`: start without these descriptors."""

    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


def without(argv: list[str], folder: Path, descriptors: tuple[int, ...]) -> Ran:
    """Run `argv` without some of the standard descriptors."""
    return run_raw(argv, folder, prepare=closing(*descriptors))


def test_closed_descriptors(folder: Path, made: bytes) -> None:
    """Not even with none of them does a file of ours become standard error."""
    for closed in itertools.chain.from_iterable(itertools.combinations(range(3), n) for n in (1, 2, 3)):
        (folder / "calls.o").unlink(missing_ok=True)
        ran = without([assemblers()[1], "calls.s", "-o", "calls.o"], folder, closed)
        assert (ran.status, ran.err, (folder / "calls.o").read_bytes()) == (0, b"", made), closed
    ran = without([GCC, "-O2", "-c", "calls.c"], folder, (0, 1, 2))
    assert (ran.status, (folder / "calls.o").read_bytes()) == (0, made)
    for words in (["-S", "-o", "-", "calls.c"], ["-c", "garbage.s", "-o", "x.o"], ["-c", "none.c"]):
        (folder / "garbage.s").write_text("\tcall\t*%rax\n\tfrobnicate\n")
        for closed in ((1,), (1, 2)):
            theirs, ours = (without([compiler, *words], folder, closed) for compiler in COMPILERS)
            assert ours.status == theirs.status and not (folder / "x.o").exists()


@pytest.mark.parametrize("words", ["check calls.o", "check --json calls.o", "sites calls.o", "sites --json calls.o",
                                   "filter calls.s", "--version"])  # fmt: skip
def test_standard_output_that_takes_nothing(words: str, folder: Path, made: bytes) -> None:
    """Closed, full, or a pipe that nobody reads; without standard error nothing else changes."""
    (folder / "calls.o").write_bytes(made)
    command = [ASMREWRITE, *words.split()]
    closed = without(command, folder, (1,))
    assert closed.status == 1 and closed.err.count(b"\n") == 1 and b"standard output" in closed.err
    with (
        open("/dev/full", "wb") as full,
        subprocess.Popen(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, env=clean_environment()) as process,
    ):
        assert b"asmrewrite: error: " in process.communicate()[1] and process.returncode == 1
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        command, cwd=folder, stdout=writer, stderr=subprocess.PIPE, env=clean_environment()
    ) as process:
        os.close(writer)
        said = process.communicate()[1].replace(b"1 files, 1 sites, 0 not passed\n", b"")
        assert (process.returncode, said) == (-signal.SIGPIPE, b"")
    assert without(command, folder, (2,)).out == must(command, folder).out


@pytest.mark.parametrize("words", ["-E big.c", "-S -o - big.c", "-S -o - -pipe big.c"])
def test_a_pipe_that_nobody_reads(words: str, folder: Path) -> None:
    (folder / "big.c").write_text(CALLS + "".join(f"int variable{n} = {n};\n" for n in range(9000)))
    results = []
    for compiler in COMPILERS:
        with subprocess.Popen(
            [compiler, *words.split()], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_environment(),
        ) as process:  # fmt: skip
            assert process.stdout is not None and process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            said = process.stderr.read()
            results.append((process.wait(60), said.replace(b"program as", b"program cc1")))
    assert results[0] == results[1]


# ---- folders and names ----------------------------------------------------------------------------------


def test_a_current_folder_that_is_gone(folder: Path, made: bytes) -> None:
    for words in ("-c {0}/calls.c -o {0}/x.o", "-S {0}/calls.c -o {0}/x.s", "-c {0}/calls.c -o x.o", "-c x.c"):
        results = []
        for compiler in COMPILERS:
            command = " ".join([compiler, "-O2", words.format(folder)])
            results.append(run(["sh", "-c", f"mkdir gone; cd gone; rmdir ../gone; exec {command}"], folder))
        assert [ran.status for ran in results] == [0 if "/x." in words else 1] * 2
        assert results[0].err == results[1].err
    assert (folder / "x.o").read_bytes() == made


NAMES = ("two words", "new\nline", 'q"uote', "back\\slash", "it's", "日本", "caf\udce9", "-dash", "a" * 240)


def test_names(folder: Path, made: bytes) -> None:
    """As gas names it, in messages and in the line information that gas makes, whatever the locale."""
    text = listing().replace('\t.file\t"calls.c"\n', "") + '\t.warning "careful"\n'
    for name, locale in zip(NAMES, itertools.cycle(["C", "C.UTF-8", "garbage"]), strict=False):
        (folder / f"{name}.s").write_text(text)
        results = []
        for assembler in assemblers():
            ran = run([assembler, "-g", f"./{name}.s", "-o", f"./{name}.o"], folder, env={"LC_ALL": locale})
            lines = must(["readelf", "--debug-dump=rawline", f"./{name}.o"], folder).out
            results.append((ran.status, ran.err, lines[lines.index(b"The File Name Table") :].split(b"\n\n")[0]))
        assert results[0] == results[1] and b"careful" in results[1][1], name
        assert len(check(str(folder / f"{name}.o"))) == 1
    for name in ("-dash", "caf\udce9 \n"):
        (folder / f"{name}.c").write_text(CALLS)
        must([GCC, "-O2", "-save-temps=obj", "-c", f"./{name}.c", "-o", f"./{name}.o"], folder)
        assert (folder / f"{name}.o").exists()
    ran = run([ASMREWRITE, "filter", "caf\udce9-none.s"], folder)
    assert ran.err == b"asmrewrite: error: caf\xe9-none.s: cannot be read: No such file or directory\n"


def test_inputs(folder: Path) -> None:
    """What is empty, a folder, missing, or gone before the assembler comes."""
    (folder / "empty.s").touch()
    (folder / "empty.c").touch()
    (folder / "folder.s").mkdir()
    (folder / "folder.c").mkdir()
    gone = folder / "gone"
    gone.write_text('#!/bin/sh\nfor last; do :; done\ncase $1 in as|*/as) rm -f "$last";; esac\nexec "$@"\n')
    gone.chmod(0o755)
    for words in ("-c empty.s", "-c empty.c", "-S empty.c", "-c folder.s", "-c folder.c", "-S folder.c", "-c none.s",
                  "-wrapper ./gone -save-temps -c calls.c", "-wrapper ./gone -save-temps -S calls.c"):  # fmt: skip
        results = []
        for compiler in COMPILERS:
            for kind in ("o", "s"):
                for stem in ("empty", "calls", "folder"):
                    if kind == "o" or stem == "calls":
                        (folder / f"{stem}.{kind}").unlink(missing_ok=True)
            ran = run([compiler, "-O2", *words.split()], folder)
            results.append((ran.status, ran.err, sorted(os.listdir(folder))))
        if "gone" in words and "-S" in words:
            assert results[1][0] and b"calls.s: No such file" in results[1][1]  # gcc needs no assembler for -S
            continue
        assert results[0] == results[1], words


# ---- the environment ------------------------------------------------------------------------------------

SHADOWS = ("re", "enum", "typing", "struct", "lark", "elftools", "iced_x86", "sitecustomize", "usercustomize", "os")


def test_what_the_environment_says_to_python(folder: Path, made: bytes) -> None:
    """Nothing of it reaches the shim: a build's PYTHONPATH is not for its compiler."""
    junk = folder / "junk"
    junk.mkdir()
    for name in SHADOWS:
        (junk / f"{name}.py").write_text("raise RuntimeError('not for the compiler')\n")
        shutil.copy(junk / f"{name}.py", folder)
    for more in (
        {"PYTHONPATH": str(junk)}, {"PYTHONHOME": str(junk)}, {"PYTHONOPTIMIZE": "2"}, {"PYTHONWARNINGS": "error"},
        {"PYTHONSTARTUP": str(junk / "re.py")}, {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONINSPECT": "1"},
        {"PYTHONIOENCODING": "nonsense", "PYTHONUTF8": "0"}, {"PYTHONVERBOSE": "1", "PYTHONDEVMODE": "1"},
    ):  # fmt: skip
        ran = must([assemblers()[1], "calls.s", "-o", "calls.o"], folder, env=more)
        assert (ran.err, (folder / "calls.o").read_bytes()) == (b"", made), more


def test_what_the_environment_says_to_python_and_the_wrapper(folder: Path, made: bytes) -> None:
    """The wrapper is installed as any Python program is: it imports little that could be in its way."""
    (folder / "lark.py").write_text("raise RuntimeError\n")
    for more in (
        {"PYTHONPATH": str(folder)}, {"PYTHONOPTIMIZE": "2"}, {"PYTHONWARNINGS": "error"}, {"PYTHONUTF8": "0"},
        {"PYTHONSTARTUP": "none", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONINSPECT": "1"},
    ):  # fmt: skip
        ran = must([GCC, "-O2", "-c", "calls.c"], folder, env=more)
        assert (ran.err, (folder / "calls.o").read_bytes()) == (b"", made), more


def test_hardly_any_environment(folder: Path, made: bytes) -> None:
    gcc = must(["sh", "-c", "command -v gcc"]).text.strip()
    must(["env", "-i", ASMREWRITE, "cc", gcc, "-O2", "-c", "calls.c"], folder)
    assert (folder / "calls.o").read_bytes() == made
    for more in ({"TMPDIR": "/nonexistent", "HOME": "/nonexistent"}, {"LC_ALL": "garbage", "LANG": "\udcff"}):
        theirs, ours = (run([compiler, "-O2", "calls.c", "-c"], folder, env=more) for compiler in COMPILERS)
        assert (ours.status, ours.err) == (theirs.status, theirs.err)
        assert (folder / "calls.o").read_bytes() == made


def test_make_s_jobserver_reaches_what_the_compiler_starts(folder: Path) -> None:
    holder = stand_in(folder, 'echo "$MAKEFLAGS" >&2; ls /proc/self/fd | tr "\\n" " " >&2; exec /usr/bin/as "$@"')
    for source in ("calls", "quiet"):
        (folder / "Makefile").write_text(f"all:\n\t+@$(CC) -B{holder} -O2 -c {source}.c\n")
        theirs, ours = (must(["make", "-j2", f"CC={compiler}"], folder).errors for compiler in COMPILERS)
        flags, descriptors = ours.split("\n")
        assert "--jobserver" in flags and flags.split(" CC=")[0] == theirs.split(" CC=")[0]
        assert {"3", "4"} <= set(descriptors.split()) or "fifo:" in flags


def test_the_library_in_a_thread() -> None:
    """Only command lines touch signals, which Python allows in the main thread alone."""
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(assemble, "\tret\n").result().content.startswith(b"\x7fELF")


# ---- limits ---------------------------------------------------------------------------------------------


def test_a_limit_on_memory(folder: Path, made: bytes) -> None:
    """An object or a message, and nothing in between; what Python says before it can run us is not ours."""
    shim = assemblers()[1]
    succeeded = []
    for megabytes in (4, 9, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 200):
        (folder / "x.o").unlink(missing_ok=True)
        ran = run_raw([shim, "calls.s", "-o", "x.o"], folder, prepare=limited(AS=megabytes << 20))
        succeeded.append(ran.status == 0)
        if ran.status == 0:
            assert (folder / "x.o").read_bytes() == made
            continue
        assert not (folder / "x.o").exists()
        # Python itself may be ended by a signal, where its own start does not look at what it got.
        known = ("memory", "MemoryError", "failed to map")
        assert ran.status < 0 or any(words in ran.errors for words in known)
        assert megabytes < 14 or (b"Traceback" not in ran.err and b"internal error" not in ran.err)
    assert succeeded[-1] and not succeeded[0]


def test_a_limit_on_gas_s_memory(folder: Path) -> None:
    """Where we fit and gas does not, its own message is given, and not taken for a refusal of our text."""
    body = 'ulimit -v 11000; exec /usr/bin/as "$@"'
    (folder / "big.c").write_text(CALLS + "".join(f"long c{n}(fn *p) {{ return p({n}) + 1; }}\n" for n in range(700)))
    ran = run([GCC, f"-B{stand_in(folder, body)}", "-O2", "-c", "big.c"], folder)
    assert ran.status == 1 and "memory" in ran.errors and "defect" not in ran.errors
    assert not (folder / "big.o").exists()


def test_a_limit_on_open_files(folder: Path, made: bytes) -> None:
    shim = assemblers()[1]
    for number in range(4, 10):
        (folder / "x.o").unlink(missing_ok=True)
        ran = run_raw([shim, "calls.s", "-o", "x.o"], folder, prepare=limited(NOFILE=number))
        assert (ran.status == 0) == (folder / "x.o").exists()
        assert ran.status == 0 or "Too many open files" in ran.errors or "Error 24" in ran.errors
    assert (folder / "x.o").read_bytes() == made


# ---- keystone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import os; os.abort()", "keystone ended: signal 6"),
        ("raise ModuleNotFoundError(\"No module named 'keystone'\")", "pip install keystone-engine"),
        ("import sys; sys.exit(3)", "keystone ended: status 3"),
    ],
)
def test_keystone_that_ends_or_is_missing(
    body: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "keystone.py").write_text(body)
    monkeypatch.chdir(folder)
    assert KeystoneEncoder().encode([(0, ["ret"])]) == [b"\xc3"], "the current folder is not imported from"
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with pytest.raises(ToolError, match=message):
        KeystoneEncoder().encode([(0, ["ret"])])
