"""`asmrewrite filter`: a listing in, a listing out, and nothing but."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.building import ASMREWRITE, GOLDEN, IDENT, clean_environment, golden_names, must, run

SMALL = "\t.type\tf, @function\nf:\n\t.cfi_startproc\n\tcall\t*%rax\n\tret\n\t.cfi_endproc\n" + IDENT
DOUBT = (
    "\t.type\tf, @function\nf:\n\t.cfi_startproc\n"
    "\tpushq\t%rax\n\t.cfi_def_cfa_offset 16\n\tjmp\t*%rax\n\t.cfi_endproc\n" + IDENT
)


def test_standard_input_to_standard_output() -> None:
    ran = must([ASMREWRITE, "filter"], stdin=SMALL.encode())
    assert b"f.relpoline.0" in ran.out and ran.err == b""
    assert must([ASMREWRITE, "filter", "-", "-o", "-"], stdin=SMALL.encode()).out == ran.out


def test_files(tmp_path: Path) -> None:
    (tmp_path / "x.s").write_text(SMALL)
    expected = must([ASMREWRITE, "filter", "x.s"], tmp_path).out
    for words in (["x.s", "-o", "y.s"], ["-oy.s", "x.s"], ["-o", "x.s", "x.s"]):
        assert must([ASMREWRITE, "filter", *words], tmp_path).out == b""
        assert (tmp_path / words[0 if words[-1] == words[1] else -1].removeprefix("-o")).exists()
    assert (tmp_path / "y.s").read_bytes() == expected
    assert (tmp_path / "x.s").read_bytes() == expected, "in place"
    assert sorted(os.listdir(tmp_path)) == ["x.s", "y.s"]


@pytest.mark.parametrize("name", ["both", "intel", "kernel_table"])
def test_the_command_gives_what_the_library_gives(name: str) -> None:
    flags = next(line for line in (GOLDEN / f"{name}.in.s").read_text().splitlines() if "# options:" in line)
    words = [f"--{word}" for word in flags.partition("options: ")[2].split()]
    ran = must([ASMREWRITE, "filter", GOLDEN / f"{name}.in.s", *words])
    assert ran.out == (GOLDEN / f"{name}.out.s").read_bytes()


def test_key_and_value_as_two_words() -> None:
    one = must([ASMREWRITE, "filter", "--targets=2", "--slow=plain"], stdin=SMALL.encode())
    two = must([ASMREWRITE, "filter", "--targets", "2", "--slow", "plain"], stdin=SMALL.encode())
    assert one.out == two.out and one.out.count(b"__relpoline_plain_rax") > 3


def test_bytes_that_are_no_text_survive() -> None:
    text = b"# \xff\xfe \x80\n" + SMALL.replace("\n", "\r\n", 1).encode() + b'\t.ascii "\xe4\xf6\\377"\n'
    ran = must([ASMREWRITE, "filter"], stdin=text)
    assert b"\xff\xfe \x80\n" in ran.out and b"\xe4\xf6\\377" in ran.out
    for nothing in (b"", b"\n", b"\0\0", bytes(range(256)), b"no newline"):
        assert must([ASMREWRITE, "filter"], stdin=nothing).out == nothing


@pytest.mark.parametrize(
    "garbage", ["\tcall\t*%rax, %rbx, 7 (\n", "\tfrobnicate %eax\n", '\t.ascii "open\n', "}{)(\n\tcall\t*\n"]
)
def test_text_that_gas_refuses_passes_through(garbage: str) -> None:
    assert must([ASMREWRITE, "filter"], stdin=(garbage + IDENT).encode()).out == (garbage + IDENT).encode()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bundel=3"], "--bundel=3: no option is named 'bundel'; did you mean bundle?"),
        (["--bundle=9"], "--bundle=9: option bundle='9': bundle takes a number from 3 to 6"),
        (["--bundle"], "bundle takes a number"),
        (["-q"], "no option is named '-q'"),
        (["-o"], "-o needs a file"),
        (["a", "b"], "two inputs"),
        (["--passes=nope"], "no pass is named 'nope'; there are relpoline, static-call"),
        (["--slow=lfence", "--passes=relpoline", "--abi=kernel"], "abi=kernel"),
    ],
)
def test_wrong_options(words: list[str], message: str, tmp_path: Path) -> None:
    ran = run([ASMREWRITE, "filter", *words], tmp_path, stdin=SMALL.encode())
    assert ran.status == 2 and ran.out == b""
    assert ran.errors.startswith("asmrewrite: error: ") and message in ran.errors and ran.errors.count("\n") == 1


def test_doubt_can_be_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.s").write_text(DOUBT)
    assert must([ASMREWRITE, "filter", "x.s"], tmp_path).out == DOUBT.encode()
    ran = run([ASMREWRITE, "filter", "x.s", "--on-unsure=error", "-o", "y.s"], tmp_path)
    assert ran.status == 1 and not (tmp_path / "y.s").exists()
    assert ran.errors.startswith("asmrewrite: error: x.s:6:2: `jmp *%rax` was left alone: not-proven")
    assert run([ASMREWRITE, "filter", "--on-unsure=error"], stdin=DOUBT.encode()).errors.startswith(
        "asmrewrite: error: <stdin>:6:2: "
    )


def test_files_that_cannot_be(tmp_path: Path) -> None:
    ran = run([ASMREWRITE, "filter", "missing.s"], tmp_path)
    assert (ran.status, ran.errors) == (1, "asmrewrite: error: missing.s: cannot be read: No such file or directory\n")
    ran = run([ASMREWRITE, "filter", "-o", "no/such/folder.s"], tmp_path, stdin=SMALL.encode())
    assert ran.status == 1 and "no/such" in ran.errors and ran.errors.count("\n") == 1
    ran = run([ASMREWRITE, "filter", tmp_path], tmp_path)
    assert ran.status == 1 and "Is a directory" in ran.errors
    assert os.listdir(tmp_path) == []


def test_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "ro"
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write to read-only folders")
    ran = run([ASMREWRITE, "filter", "-o", "ro/x.s"], tmp_path, stdin=SMALL.encode())
    assert ran.status == 1 and "ro/x.s" in ran.errors and os.listdir(folder) == []


def test_an_output_that_is_no_file() -> None:
    assert must([ASMREWRITE, "filter", "-o", "/dev/null"], stdin=SMALL.encode()).out == b""
    assert b"relpoline" in must([ASMREWRITE, "filter", "-o", "/dev/stdout"], stdin=SMALL.encode()).out
    full = run([ASMREWRITE, "filter", "-o", "/dev/full"], stdin=SMALL.encode())
    assert full.status == 1 and "No space left" in full.errors


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.s").write_text("old")
    (tmp_path / "link.s").symlink_to("real.s")
    must([ASMREWRITE, "filter", "-o", "link.s"], tmp_path, stdin=SMALL.encode())
    assert (tmp_path / "link.s").is_symlink() and "relpoline" in (tmp_path / "real.s").read_text()


def test_permissions_are_those_of_a_new_file(tmp_path: Path) -> None:
    must(["sh", "-c", f"umask 027; {ASMREWRITE} filter -o x.s"], tmp_path, stdin=SMALL.encode())
    assert (tmp_path / "x.s").stat().st_mode & 0o777 == 0o640


def test_broken_pipe(tmp_path: Path) -> None:
    """Nobody reads: it ends by SIGPIPE, as `cat` does, and says nothing."""
    (tmp_path / "big.s").write_text(SMALL + "\tnop\n" * 300_000)
    process = subprocess.Popen(
        [ASMREWRITE, "filter", tmp_path / "big.s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read()
    assert (process.wait(60), errors) == (-signal.SIGPIPE, b"")


def test_stats(tmp_path: Path) -> None:
    ran = must(
        [ASMREWRITE, "filter", "--stats=1"], stdin=(SMALL + DOUBT.replace("\tf", "\tg").replace("f:", "g:")).encode()
    )
    assert "1 relpoline sites; left alone: 1 not-proven" in ran.errors
    must([ASMREWRITE, "filter", f"--stats={tmp_path}/s.json"], stdin=SMALL.encode())
    must([ASMREWRITE, "filter", f"--stats={tmp_path}/s.json"], stdin=SMALL.encode())
    lines = [json.loads(line) for line in (tmp_path / "s.json").read_text().splitlines()]
    assert [line["sites"] for line in lines] == [{"relpoline": 1}] * 2


@pytest.mark.parametrize("name", golden_names())
def test_idempotent(name: str) -> None:
    """Its own output goes through unchanged, whatever the options that made it."""
    text = (GOLDEN / f"{name}.out.s").read_bytes()
    for words in ([], ["--align=p2align"], ["--bundle=6"], ["--slow=plain", "--targets=1"]):
        if name in ("hand_written", "inline_asm_left", "functions", "prefix", "skip_passes", "static_call"):
            continue  # left alone for a reason that was in their options, or does not stand in the text
        again = must([ASMREWRITE, "filter", *words], stdin=text).out
        assert must([ASMREWRITE, "filter", *words], stdin=again).out == again
