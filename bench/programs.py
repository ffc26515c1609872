"""The programs to measure, built once in each variant below ``build/bench/VARIANT``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import asmrewrite
from bench.variants import LEVEL
from conformance.programs.build import Build
from conformance.sources import cache_directory

#: Debian's gcc makes position-independent programs by default. To compile, and to link.
PIE = ("-fPIE", "-pie")
FIXED = ("-fno-pie", "-no-pie")


def built(
    program: ModuleType,
    cc: str,
    directory: Path,
    recipe: Callable[[Build], None] | None = None,
    modes: tuple[str, str] = PIE,
) -> Path:
    """`directory`, with `program` built in it by `cc`; `recipe` where one call of `program.build` will not do."""
    source = program.prepare(cache_directory())
    stamp = directory / ".bench-stamp"
    make = recipe or program.build
    identity = _identity(cc, source, make)
    if stamp.is_file() and stamp.read_text() == identity:
        return directory
    print(f"building {directory.name}: {cc}", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    make(Build(cc, LEVEL, *modes, directory, source))
    stamp.write_text(identity)
    return directory


def _identity(cc: str, source: Path, make: Callable[[Build], None]) -> str:
    """What decides about a build: compiler, command, sources, how it is built, and our own code where it takes part."""
    gcc = subprocess.run(["gcc", "--version"], check=True, capture_output=True, text=True).stdout.partition("\n")[0]
    own = _files(Path(asmrewrite.__file__).parent) if "asmrewrite" in cc else ()
    digest = hashlib.sha256()
    for path in sorted((Path(make.__code__.co_filename), *own)):
        digest.update(f"{path}\0".encode() + path.read_bytes())
    return f"{cc}\n{gcc}\n{source}\n{digest.hexdigest()}\n"


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and "_shim" not in path.parts:
            yield path
