"""Programs without a runtime whose stubs were filled from a profile of the same load, beside those that learn."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from bench.loads import Load, commands
from bench.loads.lua import SCRIPTS
from bench.loads.sqlite import SPEEDTEST, without_times
from bench.programs import FIXED, PIE, built
from bench.variants import LEARNED, PLAIN, STATIC
from conformance.programs import lua, sqlite

BAKED = "baked"


def loads(folder: Path, variants: dict[str, str]) -> Iterator[Load]:
    """speedtest1, and two of lua's scripts, position-independent and not."""
    if LEARNED not in variants:
        return
    for modes in (PIE, FIXED):
        suffix = "" if modes is PIE else " no-pie"
        folders = _folders(folder, variants, sqlite, f"sqlite3{suffix}", SPEEDTEST, "speedtest1", modes)
        yield commands(f"baked sqlite3{suffix}", SPEEDTEST, folders, without_times)
        for script in ("iterators", "sort"):
            argv = ("./lua", str(SCRIPTS / f"{script}.lua"))
            folders = _folders(folder, variants, lua, f"lua5.4-{script}{suffix}", argv, "lua", modes)
            yield commands(f"baked lua {script}{suffix}", argv, folders, bytes.strip)


def _folders(
    folder: Path,
    variants: dict[str, str],
    program: ModuleType,
    name: str,
    argv: Sequence[str],
    file: str,
    modes: tuple[str, str],
) -> dict[str, Path]:
    """The builds that are compared; the baked one is made of the static one and a run of the learned one."""
    place = name.partition("-")[0].partition(" ")[0] + ("" if modes is PIE else "-no-pie")
    builds = {v: built(program, variants[v], folder / v / place, modes=modes) for v in (PLAIN, LEARNED, STATIC)}
    target = folder / BAKED / name.replace(" ", "-")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    profile = target / "profile"
    environment = {**os.environ, "ASMREWRITE_RUNTIME": "learn", "ASMREWRITE_PROFILE": str(profile)}
    subprocess.run(argv, cwd=builds[LEARNED], env=environment, stdout=subprocess.DEVNULL, check=True)
    tool = str(Path(sys.executable).parent / "asmrewrite")
    bake = [tool, "bake", str(builds[STATIC] / file), "--profile", str(profile), "-o", str(target / file)]
    subprocess.run(bake, stdout=subprocess.DEVNULL, check=True)
    return {PLAIN: builds[PLAIN], LEARNED: builds[LEARNED], BAKED: target}
