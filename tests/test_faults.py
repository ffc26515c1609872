"""Under faults the wrapper ends as gcc ends: the same status or signal, no partial object, no file of ours left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from asmrewrite import check
from tests.building import ASMREWRITE, GCC, clean_environment, must, run
from tests.faults import (
    CALLS,
    QUIET,
    Waiting,
    as_dir,
    assemblers,
    fresh_copy,
    full_disk,
    limited,
    listing,
    mounted,
    opened_by_a_reader,
    read_only,
    run_raw,
    shape,
    stand_in,
    until,
)

#: What gcc is compared with: by its words, status, messages and files.
COMPILERS = ("gcc", GCC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of sources, with a folder for temporary files beside it."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "tmp").mkdir()
    (work / "calls.c").write_text(CALLS)
    (work / "quiet.c").write_text(QUIET)
    return work


def steady(messages: bytes) -> bytes:
    """Messages without the names of temporary files."""
    return re.sub(rb"[^ ]*/cc[A-Za-z0-9]{6}", b"ccXXXXXX", messages)


def left_in(folder: Path) -> list[str]:
    """The temporary files that are left, by what gcc's random names have in common."""
    return sorted(re.sub("^cc[A-Za-z0-9]{6}", "ccXXXXXX", name) for name in os.listdir(folder))


# ---- signals --------------------------------------------------------------------------------------------

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)
#: Where it waits -> whom to end there: the driver, its child (cc1, our shim), the real as below it, or the group.
MOMENTS = {
    "compiling": ("driver", "child", "group"),
    "reading": ("driver", "child", "group"),
    "assembling": ("driver", "child", "as", "group"),
}


def ended(compiler: str, moment: str, whom: str, number: int, folder: Path) -> tuple[object, ...]:
    """Status, messages and files after the end of `whom` at `moment`."""
    temporary = folder.parent / "tmp"
    for name in os.listdir(temporary):
        (temporary / name).unlink()
    pipe = folder / ("x.h" if moment == "compiling" else "x.s")
    started = folder.parent / "started"
    started.unlink(missing_ok=True)
    flags = []
    if moment == "assembling":
        flags = [f"-B{stand_in(folder.parent, f'echo started >{started}; exec sleep 60')}"]
        (folder / "x.c").write_text(CALLS)
    else:
        os.mkfifo(pipe)
        (folder / "x.c").write_text('#include "x.h"\n')
    source = "x.s" if moment == "reading" else "x.c"
    waiting = Waiting([compiler, *flags, "-O2", "-c", source, "-o", "x.o"], folder, temporary)
    writer = None
    if moment == "assembling":
        until(lambda: True if started.exists() and started.read_text() else None)
    else:
        writer = until(lambda: opened_by_a_reader(pipe))
    if whom == "group":
        os.killpg(waiting.process.pid, number)
    else:
        shimmed = compiler == GCC and moment == "assembling"
        os.kill(waiting.below({"driver": 0, "child": 1, "as": 2 if shimmed else 1}[whom]), number)
    status, messages = waiting.end()
    if writer is not None:
        os.close(writer)
    pipe.unlink(missing_ok=True)
    made = [name for name in os.listdir(folder) if name == "x.o"]
    for name in made:
        (folder / name).unlink()
    assert compiler == "gcc" or not made, "a partial object, which gas leaves"
    return status, steady(messages), sorted(os.listdir(folder)), left_in(temporary)


@pytest.mark.parametrize(("moment", "whom"), [(moment, whom) for moment, all_ in MOMENTS.items() for whom in all_])
def test_signals(moment: str, whom: str, folder: Path) -> None:
    """The end of a process, at a moment, is for those around it what the end of gcc's own process is."""
    for number in SIGNALS if moment == "assembling" else (signal.SIGINT, signal.SIGKILL):
        theirs, ours = (ended(compiler, moment, whom, number, folder) for compiler in COMPILERS)
        assert ours == theirs, signal.Signals(number).name
        if whom in ("child", "as"):
            assert b"terminated program" in bytes(str(ours[1]), "ascii"), "gcc's own message"


def test_signals_that_were_ignored_stay_ignored(folder: Path) -> None:
    """As under nohup; and those that Python ignores are not for what it starts or becomes."""
    body = 'grep SigIgn /proc/self/status >&2; exec /usr/bin/as "$@"'
    for ignored in ((), (signal.SIGINT, signal.SIGHUP)):

        def ignore(numbers: tuple[signal.Signals, ...] = ignored) -> None:
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)

        for source in ("calls.c", "quiet.c"):
            words = [f"-B{stand_in(folder.parent, body)}", "-c", source]
            said = [run_raw([compiler, *words], folder, prepare=ignore).errors for compiler in COMPILERS]
            # Above are glibc's own two, which its posix_spawn leaves ignored.
            theirs, ours = (int(text.split()[1], 16) & 0x7FFFFFFF for text in said)
            assert ours == theirs == sum(1 << (number - 1) for number in ignored)


# ---- assemblers that fail -------------------------------------------------------------------------------

FAILING = {
    "an error": "echo 'as: no' >&2; cat >/dev/null; exit 1",
    "a crash": "kill -SEGV $$",
    "killed, as for want of memory": "kill -KILL $$",
    "aborts": "echo 'as: Internal error' >&2; kill -ABRT $$",
}


@pytest.mark.parametrize("flags", ["", "-pipe", "-save-temps"])
def test_an_assembler_that_fails(flags: str, folder: Path) -> None:
    """For -pipe its standard input is read to the end or not at all, as the compiler may be ended by that."""
    for body in FAILING.values():
        holder = stand_in(folder.parent, body)
        results = []
        for compiler in COMPILERS:
            copy = fresh_copy(folder, folder.parent / "copy")
            words = [compiler, f"-B{holder}", "-O2", *flags.split(), "-c", "calls.c"]
            ran = run_raw(words, copy, env={"TMPDIR": str(folder.parent / "tmp")}, prepare=limited())
            results.append((ran.status, ran.err, sorted(os.listdir(copy)), left_in(folder.parent / "tmp")))
        assert results[0] == results[1], body
        assert results[1][0] and "calls.o" not in results[1][2] and results[1][3] == []


@pytest.mark.parametrize("source", ["calls.c", "quiet.c"])
def test_an_assembler_s_warnings(source: str, folder: Path) -> None:
    body = "cat <<'E' >&2\nx.s: Warning: 100% 'été' \"w\" \\n\nE\nexec /usr/bin/as \"$@\""
    holder = stand_in(folder.parent, body)
    theirs, ours = (run([compiler, f"-B{holder}", "-O2", "-c", source], folder) for compiler in COMPILERS)
    assert (ours.status, ours.out, ours.err) == (theirs.status, theirs.out, theirs.err)
    assert "Warning: 100% 'été'" in ours.errors and ours.status == 0


@pytest.mark.parametrize("level", ["off", "sites", "full"])
def test_an_assembler_that_lies(level: str, folder: Path) -> None:
    """Status 0 and no object, or half of one: gcc believes it, and we do not."""
    (folder / "calls.o").write_text("old")
    half = 'for o; do case $p in -o) break;; esac; p=$o; done; /usr/bin/as "$@" && head -c {} "$o" >{} && cat {} >"$o"'
    cut = folder.parent / "cut"
    for body in ("exit 0", half.format(700, cut, cut), half.format(60, cut, cut)):
        if level == "off" and "head" in body:
            continue
        words = [f"-B{stand_in(folder.parent, body)}", "-O2", "-c", "calls.c"]
        ran = run([GCC, *words], folder, env={"ASMREWRITE_FLAGS": f"check={level}"})
        assert ran.status and ran.errors.startswith("asmrewrite: error: ") and ran.errors.count("\n") == 1
        assert not (folder / "calls.o").exists() or (folder / "calls.o").read_text() == "old"


def test_an_assembler_that_is_missing(folder: Path) -> None:
    gcc = must(["sh", "-c", "command -v gcc"]).text.strip()
    for command in ([gcc], [ASMREWRITE, "cc", gcc]):
        ran = run([*command, "-O2", "-c", "calls.c"], folder, env={"PATH": "/nonexistent"})
        assert ran.status == 1 and b"as" in ran.err and not (folder / "calls.o").exists()


def test_where_the_assembler_is_looked_for(folder: Path) -> None:
    """In -B and COMPILER_PATH, as gcc does; never ourselves, wherever we are."""
    body = 'echo mine >&2; exec /usr/bin/as "$@"'
    holder = stand_in(folder.parent, body)
    odd = folder.parent / "it's a folder"
    holder.rename(odd)
    path = os.environ["PATH"]
    for flags, environment in (
        ([f"-B{odd}"], {}), ([f"-B{odd}/"], {}), ([], {"COMPILER_PATH": str(odd)}), ([], {"PATH": f"{odd}:{path}"}),
    ):  # fmt: skip
        for compiler in COMPILERS:
            ran = must([compiler, *flags, "-O2", "-c", "calls.c"], folder, env=environment)
            assert ran.err == b"mine\n", (compiler, flags, environment)
    assert must([GCC, f"-B{odd}", "-c", "quiet.c"], folder).err == b"mine\n"
    (folder / "calls.s").write_text(listing())
    (folder.parent / "link").mkdir()
    (folder.parent / "link" / "as").symlink_to(f"{as_dir()}/as")
    ours = f"{folder.parent / 'link'}:{as_dir()}:{path}"
    must(["sh", "-c", "as -o x.o calls.s"], folder, env={"PATH": ours})
    assert len(check(str(folder / "x.o"))) == 1


# ---- outputs --------------------------------------------------------------------------------------------

#: What is there before -> the shell commands that make it; the output is always called `out`.
OUTPUTS = {
    "nothing": "true",
    "a file with another name": "echo old >out; chmod 600 out; ln out other",
    "an empty file with another name": ": >out; chmod 600 out; ln out other",
    "a file nobody may write": "echo old >out; chmod 444 out",
    "a link": "echo old >other; ln -s other out",
    "a link to an empty file": ": >other; chmod 640 other; ln -s other out",
    "a link to nothing": "ln -s other out",
    "a link to a missing folder": "ln -s none/other out",
    "a link to /dev/null": "ln -s /dev/null out",
    "a folder": "mkdir out",
    "a missing folder": "true",
}


@pytest.mark.parametrize("mode", ["-c", "-S"])
def test_what_was_there_before(mode: str, folder: Path) -> None:
    """gas replaces an object, but writes into an empty one; compilers write into a text."""
    (folder / "calls.s").write_text(listing())
    text = [[compiler, "-O2", "-S", str(folder / "calls.c")] for compiler in COMPILERS]
    commands = text if mode == "-S" else [[assembler, str(folder / "calls.s")] for assembler in assemblers()]
    for name, script in OUTPUTS.items():
        results = []
        for command in commands:
            copy = folder.parent / "copy"
            must(["rm", "-rf", copy])
            copy.mkdir()
            must(["sh", "-c", script], copy)
            ran = run_raw([*command, "-o", "none/out" if name == "a missing folder" else "out"], copy)
            results.append((ran.status, shape(copy)))
        if name == "a link to a missing folder":
            assert results[0][0] and results[1][0]  # gas removes that link
            continue
        assert results[0] == results[1], name


@pytest.mark.parametrize("mode", ["-c", "-S"])
def test_devices_and_pipes(mode: str, folder: Path) -> None:
    for output in ("/dev/null", "/dev/full"):
        theirs, ours = (run_raw([c, "-O2", mode, "calls.c", "-o", output], folder) for c in COMPILERS)
        assert ours.status == theirs.status and (b"No space left on device" in ours.err) == (output == "/dev/full")
    if mode == "-S":
        os.mkfifo(folder / "pipe")
        with subprocess.Popen(["cat", "pipe"], cwd=folder, stdout=subprocess.PIPE) as reader:
            must([GCC, "-O2", "-S", "calls.c", "-o", "pipe"], folder)
            assert b"calls.relpoline.0" in reader.communicate()[0]


def test_a_full_disk(folder: Path) -> None:
    old = "x" * 4000
    with full_disk(folder.parent / "full", {"old.s": old}) as full:
        for words in (["-c", "calls.c", "-o", "{}/x.o"], ["-S", "calls.c", "-o", "{}/x.s"], ["calls.c", "-o", "{}/x"]):
            command = [word.format(full) for word in words]
            theirs, ours = (run_raw([compiler, "-O2", "-shared", "-fPIC", *command], folder) for compiler in COMPILERS)
            assert (ours.status, sorted(os.listdir(full))) == (theirs.status, ["filler", "old.s"])
            assert b"No space left on device" in ours.err
        long = must(["gcc", "-O2", "-S", "-o", "-", "calls.c"], folder).out * 20
        ran = run([ASMREWRITE, "filter", "-o", f"{full}/old.s"], stdin=long)
        assert ran.status == 1 and ran.errors == f"asmrewrite: error: {full}/old.s: No space left on device\n"
        assert (full / "old.s").read_text() == old
        theirs, ours = (
            run_raw([compiler, "-O2", "-c", "calls.c"], folder, env={"TMPDIR": str(full)}) for compiler in COMPILERS
        )
        assert (ours.status, steady(ours.err), sorted(os.listdir(full))) == (
            theirs.status, steady(theirs.err), ["filler", "old.s"],
        )  # fmt: skip


def test_a_folder_that_may_not_be_written(folder: Path) -> None:
    with read_only(folder.parent / "ro", {"x.o": "old", "x.s": "old"}) as locked:
        for words in (f"-c calls.c -o {locked}/x.o", f"-c calls.c -o {locked}/new.o", f"-S calls.c -o {locked}/new.s"):
            theirs, ours = (run_raw([compiler, "-O2", *words.split()], folder) for compiler in COMPILERS)
            assert bool(ours.status) == bool(theirs.status), words
            if "-c" in words:
                assert ours.err == theirs.err
            assert set(os.listdir(locked)) <= {"x.o", "x.s"}


def test_a_file_that_may_be_written_where_none_may_be_made(folder: Path) -> None:
    """As in containers that are lent single files: it is written into."""
    with read_only(folder.parent / "ro", {"x.o": "old", "x.s": "old"}) as locked:
        mine = folder / "mine"
        mine.write_text("old, and longer than what it becomes" * 1000)
        with mounted(locked / "x.o", "--bind", str(mine)) if os.geteuid() == 0 else nullcontext():
            before = (locked / "x.o").stat().st_ino
            for compiler in COMPILERS:
                must([compiler, "-O2", "-c", "calls.c", "-o", locked / "x.o"], folder)
            assert len(check(str(locked / "x.o"))) == 1 and (locked / "x.o").stat().st_ino == before


@pytest.mark.parametrize("size", [0, 1024])
def test_a_limit_on_the_size_of_files(size: int, folder: Path) -> None:
    """The same signal ends the same program; no partial object is left, which gas leaves."""
    for flags in ("-c", "-pipe -c"):
        results = []
        for compiler in COMPILERS:
            (folder / "calls.o").unlink(missing_ok=True)
            words = [compiler, "-O2", *flags.split(), "calls.c"]
            ran = run_raw(words, folder, prepare=limited(FSIZE=size), env={"TMPDIR": str(folder.parent / "tmp")})
            results.append((ran.status, ran.err))
        assert results[0] == results[1] and b"File size limit exceeded" in results[1][1]
        assert not (folder / "calls.o").exists()


def test_two_at_once(folder: Path) -> None:
    """The output is whole, one's or the other's."""
    (folder / "calls.s").write_text(listing())
    command, possible = [assemblers()[1], "calls.s", "-o", "calls.o"], set()
    environments = [clean_environment(ASMREWRITE_FLAGS=f"slow={slow}") for slow in ("lfence", "plain")]
    for environment in environments:
        must(command, folder, env=environment)
        possible.add((folder / "calls.o").read_bytes())
    for _ in range(6):
        both = [subprocess.Popen(command, cwd=folder, env=environment) for environment in environments]
        assert [process.wait(60) for process in both] == [0, 0]
        assert (folder / "calls.o").read_bytes() in possible and len(possible) == 2
    assert sorted(os.listdir(folder)) == ["calls.c", "calls.o", "calls.s", "quiet.c"]
