"""sqlite3: its own benchmark, speedtest1, on a database in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.loads import Load, commands
from bench.programs import built
from bench.usage import run
from bench.variants import RETPOLINE, THUNK
from conformance.programs import sqlite
from conformance.programs.build import Build

#: 2 to 4 s of CPU; --verify prints a checksum of all results.
SPEEDTEST = ("./speedtest1", "--memdb", "--verify", "--size", "100")
_TRAINED = f"pgo-{RETPOLINE}"


def loads(folder: Path, variants: dict[str, str]) -> Iterator[Load]:
    """speedtest1; beside the variants the compiler's own profile-guided optimization, trained on the same."""
    folders = {name: built(sqlite, cc, folder / name / "sqlite3") for name, cc in variants.items()}
    if RETPOLINE in variants:
        folders[_TRAINED] = built(sqlite, f"gcc {THUNK}", folder / _TRAINED / "sqlite3", _train)
    yield commands("sqlite3 speedtest1", SPEEDTEST, folders, without_times)


def _train(build: Build) -> None:
    """Build to count, run, and build again with what was counted."""
    sqlite.build(replace(build, cc=f"{build.cc} -fprofile-generate"))
    run(SPEEDTEST, build.directory)
    sqlite.build(replace(build, cc=f"{build.cc} -fprofile-use -Wno-missing-profile"))


def without_times(output: bytes) -> bytes:
    """Take out the seconds at a line's end."""
    return re.sub(rb" +\d+\.\d{3}s$", b"", output, flags=re.MULTILINE)
