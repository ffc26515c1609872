"""The compilers that are compared: the same sources with the same flags, and what each makes of indirect branches."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from asmrewrite.options import KEYS, PLUGIN_ARGUMENT

PLAIN, RETPOLINE, STATIC, LEARNED = "plain", "retpoline", "static", "learned"
#: What the others are beside, nearest to nothing first.
BASES = (PLAIN, RETPOLINE, STATIC)
#: As kernels are built; gcc then makes no jump tables, and computed gotos go through the thunks too.
THUNK = "-mindirect-branch=thunk"
LEVEL = "-O2"


class Variant(NamedTuple):
    """A compiler command, as a shell takes it, and what the reader of a ratio has to know of it."""

    cc: str
    note: str


def variants(*, control: bool) -> dict[str, Variant]:
    """Name -> variant; a control has the untouched compiler twice."""
    plain = Variant("gcc", "indirect branches as they are")
    if control:
        return {PLAIN: plain, "again": plain}
    ours = shlex.quote(str(Path(sys.executable).parent / "asmrewrite-gcc"))
    untrained = f"{ours} {PLUGIN_ARGUMENT}runtime=off" if "runtime" in KEYS else ours
    return {
        PLAIN: plain,
        RETPOLINE: Variant(f"gcc {THUNK}", "retpolines for all: calls, computed gotos; no jump tables"),
        STATIC: Variant(untrained, "calls through stubs never trained; jump tables and computed gotos as they are"),
        LEARNED: Variant(ours, "calls through stubs that learn; jump tables and computed gotos as they are"),
        f"{LEARNED}-thunk": Variant(f"{ours} {THUNK}", "calls through stubs that learn, all else as in retpoline"),
    }
