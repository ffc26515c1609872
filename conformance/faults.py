"""The suite: a compilation that is disturbed anywhere gives the whole object or none, and leaves nothing of ours.

- kills: a signal to the driver, to one of the programs below it, or to all, at a random moment;
- memory: the shim under every limit of its address space (RLIMIT_AS), from too little to start to enough;
- sizes: the shim under every limit of the size of files (RLIMIT_FSIZE), from nothing to all that it writes.
"""

import argparse
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conformance.command import must
from conformance.sources import REPOSITORY
from conformance.table import Row

SUMMARY = "signals at random moments and limits of every size: the whole object or none"

KILLS = 400
_SEED = 20
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)
#: CPython's own end before it can run a line of ours: nothing of it can be caught.
_PYTHONS_START = re.compile(
    rb"Fatal Python error|error while loading shared libraries|lost sys\.stderr|<frozen |\A\Z|Error processing line"
)
#: A function of ours in a traceback; and what must not be seen of an error that was to be expected.
_FUNCTION = re.compile(rb"asmrewrite/\w+/\w+\.py\", line \d+, in \w")
_OURS = re.compile(rb"Traceback|internal error")
_SOURCE = "typedef long fn(long);\n" + "".join(
    f"long calls{n}(fn *p, long n) {{ return p(n) + {n}; }}\n" for n in range(150)
)


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Run all three parts."""
    work = REPOSITORY / "build" / "faults"
    shutil.rmtree(work, ignore_errors=True)
    (work / "tmp").mkdir(parents=True)
    (work / "x.c").write_text(_SOURCE)
    must(["gcc", "-O2", "-dp", "-S", "x.c"], cwd=work)
    tools = Path(sys.executable).parent
    shim = must([str(tools / "asmrewrite"), "--as-dir"]).decode().strip() + "/as"
    must([shim, "-o", "x.o", "x.s"], cwd=work)
    whole = (work / "x.o").read_bytes()
    rows = [_kills(str(tools / "asmrewrite-gcc"), work, whole)]
    command = [shim, "-o", "x.o", "x.s"]
    spaces = [quarter << 18 for quarter in range(24, 160)]
    rows.append(_limits("memory", resource.RLIMIT_AS, spaces, command, work, whole))
    text = len(must([str(tools / "asmrewrite"), "filter", "x.s"], cwd=work))  # the most that is written anywhere
    sizes = list(range(0, text + 4096, 1024))
    rows.append(_limits("sizes", resource.RLIMIT_FSIZE, sizes, command, work, whole))
    sys.stdout.flush()
    return rows


def _kills(wrapper: str, work: Path, whole: bytes) -> Row:
    """Every second time with an old object in place; the programs are slowed by nothing, so the moment is chance."""
    chance = random.Random(_SEED)
    environment = {**os.environ, "TMPDIR": str(work / "tmp"), "LC_ALL": "C"}
    problems: list[str] = []
    interrupted = cut_short = struck = 0
    for case in range(KILLS):
        old = b"old" if case % 2 else None
        _put(work / "x.o", old)
        pipe = ["-pipe"] if case % 3 == 0 else []
        process = subprocess.Popen(
            [wrapper, "-O2", *pipe, "-c", "x.c"], cwd=work, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=_no_dumps,  # noqa: PLW1509 (there is one thread)
        )  # fmt: skip
        time.sleep(chance.uniform(0, 0.45))
        number = chance.choice(_SIGNALS)
        whom, hit = _strike(process, number, chance)
        assert process.stderr is not None
        messages = process.stderr.read()
        status = process.wait()
        _wait_for_the_rest(process.pid)
        found = _get(work / "x.o")
        left = [n for n in os.listdir(work / "tmp") if not (re.fullmatch(r"cc\w{6}(\.\w+)?", n) and whom != "child")]
        others = sorted(set(os.listdir(work)) - {"tmp", "x.c", "x.s", "x.o"})
        for name in os.listdir(work / "tmp"):
            (work / "tmp" / name).unlink()
        struck += hit
        what = f"kill {case}: {number.name} to {whom}, status {status}"
        if pipe and whom == "child" and status:
            cut_short += found not in (None, whole, old)  # the assembler took what there was for all, as gcc's does
            found = old
        if _OURS.search(messages):
            if number != signal.SIGINT or b"KeyboardInterrupt" not in messages:
                problems.append(f"{what}: a traceback: {messages[-200:]!r}")
            elif _FUNCTION.search(messages):
                problems.append(f"{what}: a traceback out of our own code: {messages[-400:]!r}")
            else:
                interrupted += 1
        elif found not in (None, whole, old) or left or others:
            problems.append(f"{what}: {len(found or b'')} bytes of object; left: {left + others}")
        elif status == 0 and found != whole:
            problems.append(f"{what}: no object")
    more = f"{struck} struck, {interrupted} Ctrl-C in Python's own start, {cut_short} with -pipe cut short as by gcc"
    _say("kills", KILLS, problems, more)
    return Row("faults: kills", KILLS, KILLS - len(problems), interrupted + cut_short)


def _strike(process: subprocess.Popen[bytes], number: signal.Signals, chance: random.Random) -> tuple[str, bool]:
    """Send the signal to the driver, to somebody below it, or to the group; to whom, and whether it was there."""
    try:
        whom = chance.choice(("driver", "child", "group"))
        if whom == "group":
            os.killpg(process.pid, number)
        elif whom == "driver":
            os.kill(process.pid, number)
        else:
            os.kill(chance.choice(_below(process.pid)), number)
    except (ProcessLookupError, FileNotFoundError, IndexError):
        return "nobody", False
    return whom, process.returncode is None


def _below(pid: int) -> list[int]:
    """All descendants of a process."""
    found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [deeper for child in found for deeper in _below(child)]


def _wait_for_the_rest(group: int) -> None:
    """Until the orphans of the process group have come to their end."""
    try:
        while True:
            os.killpg(group, 0)
            time.sleep(0.005)
    except ProcessLookupError:
        return


def _limits(name: str, limit: int, values: list[int], argv: list[str], work: Path, whole: bytes) -> Row:
    problems: list[str] = []
    explained = succeeded = 0
    for case, value in enumerate(values):
        old = b"old" if case % 2 else None
        _put(work / "x.o", old)
        done = subprocess.run(
            argv, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60,
            preexec_fn=_limiting(limit, value),
        )  # fmt: skip
        found, messages = _get(work / "x.o"), done.stderr
        expected = whole if done.returncode == 0 else old
        succeeded += done.returncode == 0
        others = sorted(set(os.listdir(work)) - {"tmp", "x.c", "x.s", "x.o"})
        if found != expected or others:
            problems.append(f"{name} {value}: status {done.returncode}, {len(found or b'')} bytes; left: {others}")
        elif done.returncode in (0, -signal.SIGXFSZ) or (b"memory" in messages and not _OURS.search(messages)):
            continue
        elif _PYTHONS_START.search(messages):
            explained += 1
        else:
            problems.append(f"{name} {value}: status {done.returncode}: {messages[-300:]!r}")
    _say(name, len(values), problems, f"{succeeded} succeeded, {explained} ended in Python's own start")
    return Row(f"faults: {name}", len(values), len(values) - len(problems), explained)


def _no_dumps() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limiting(limit: int, value: int) -> Callable[[], None]:
    def prepare() -> None:
        _no_dumps()
        resource.setrlimit(limit, (value, value))

    return prepare


def _put(path: Path, content: bytes | None) -> None:
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)


def _get(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _say(name: str, cases: int, problems: list[str], more: str) -> None:
    for problem in problems:
        print(f"    {problem}")
    print(f"faults: {name}: {cases} cases, {more}, {len(problems)} failed")
