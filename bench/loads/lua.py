"""lua: the scripts of bench/lua, each half a second to one and a half."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.loads import Load, commands
from bench.programs import built
from conformance.programs import lua

SCRIPTS = Path(__file__).resolve().parent.parent / "lua"


def loads(folder: Path, variants: dict[str, str]) -> Iterator[Load]:
    """One for each script."""
    folders = {name: built(lua, cc, folder / name / "lua5.4") for name, cc in variants.items()}
    for script in sorted(SCRIPTS.glob("*.lua")):
        yield commands(f"lua {script.stem}", ("./lua", str(script)), folders, bytes.strip)
