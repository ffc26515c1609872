"""gcc's own word on every indirect branch that it prints: a plugin for it, and our analysis held against that.

`branches.cc` says what the plugin lists and where it gets it from.
"""

import fcntl
import shutil
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from asmrewrite import Branch, Options, SkipReason, branches, parse, rewrite, survey
from asmrewrite.analysis.branches import THUNK_PREFIXES

SOURCE = Path(__file__).resolve().parent / "branches.cc"
#: The Debian package that has the compiler's headers.
PACKAGE = "gcc-12-plugin-dev"
BUILT = SOURCE.parent.parent.parent / "build" / "oracle"


class Printed(NamedTuple):
    """An indirect branch that gcc printed: the label of its function or cold part; "call", "tail", "table", "goto"."""

    function: str
    role: str


def missing() -> str:
    """The Debian packages that it takes to build the plugin and are not here; "" when it can be built."""
    headers = Path(_asked("-print-file-name=plugin")) / "include" / "gcc-plugin.h"
    absent = [*([] if shutil.which("g++") else ["g++"]), *([] if headers.is_file() else [PACKAGE])]
    return " ".join(absent)


@cache
def plugin() -> Path:
    """The plugin for the gcc in PATH, built when neither its source nor the compiler was seen before."""
    headers = Path(_asked("-print-file-name=plugin")) / "include"
    key = sha256(SOURCE.read_bytes() + f"{headers}{_asked('-dumpfullversion')}".encode()).hexdigest()[:16]
    built = BUILT / key / "branches.so"
    if not built.is_file():
        built.parent.mkdir(parents=True, exist_ok=True)
        partial = built.with_suffix(".partial")
        with (built.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes want it at the same time
            if not built.is_file():
                words = ["g++", "-shared", "-fPIC", "-fno-rtti", "-O1", "-Wall", "-Wextra", "-isystem", str(headers)]
                subprocess.run([*words, "-o", str(partial), str(SOURCE)], check=True)
                partial.rename(built)
    return built


def flags(target: Path) -> tuple[str, ...]:
    """What makes gcc write the list to `target` while it compiles."""
    return f"-fplugin={plugin()}", f"-fplugin-arg-branches-list={target}"


def read(target: Path) -> list[Printed]:
    """The list."""
    return [Printed(*line.split("\t")) for line in target.read_text("latin-1").splitlines()]


#: Why a call or tail call is no site although all is known about it.
_LEFT = {SkipReason.TLS, SkipReason.PROFILING, SkipReason.R11_LIVE, SkipReason.STACK_THUNK}


#: slow=plain, which no listing forbids.
_PASS = Options(passes=("relpoline",), slow="plain")


class Comparison(NamedTuple):
    """How our reading of a listing compares with gcc's word; `unproven` branches are left alone for that reason."""

    problems: list[str]
    unproven: int
    sites: int


def compare(text: str, printed: list[Printed]) -> Comparison:
    """Hold our reading of the listing `text` against what gcc says of it.

    With gcc's -dp notes every branch has the role that gcc gives it. Without them it may be "unproven" instead, and
    is then left alone. Calls and tail calls are sites, in this order, but for those left alone for a known cause.
    """
    found = survey(parse(text, symbols=THUNK_PREFIXES))
    seen = [branch for branch in branches(found) if branch.indirect and not _unprinted(branch)]
    ours = [Printed(branch.place.function, branch.role) for branch in seen]
    problems = []
    unproven = 0
    for number, (branch, mine, theirs) in enumerate(zip(seen, ours, printed, strict=False)):
        # gcc prints branches through its thunks without notes.
        doubtful = branch.skip is SkipReason.NOT_PROVEN and (not found.annotated or bool(branch.thunk))
        unproven += doubtful
        if mine != theirs and not (doubtful and mine.function == theirs.function):
            problems.append(f"branch {number} is {theirs} to gcc and {mine} to us: {text[branch.start : branch.end]}")
    if len(ours) != len(printed):
        problems.append(f"gcc printed {len(printed)} indirect branches and we see {len(ours)}")
    sites = [(site.function, site.form) for site in rewrite(text, _PASS).sites]
    calls = [branch for branch in seen if branch.role in ("call", "tail")]
    expected = [(branch.place.function, branch.form) for branch in calls if branch.skip not in _LEFT]
    if not problems and sites != expected:
        problems.append(f"the calls are {expected} and the sites {sites}")
    return Comparison(problems, unproven, len(sites))


def _unprinted(branch: Branch) -> bool:
    """Whether the compiler printed `branch` as plain text, so that it says nothing of it."""
    return branch.place.asm or branch.skip in (SkipReason.PROFILING, SkipReason.THUNK)


def _asked(question: str) -> str:
    return subprocess.run(["gcc", question], capture_output=True, text=True, check=True).stdout.strip()
