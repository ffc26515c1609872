"""The compilers that are compared: the same sources with the same flags, and what each makes of indirect branches."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from asmrewrite.options import KEYS, PLUGIN_ARGUMENT

#: What all others are beside.
PLAIN = "plain"
RETPOLINE = "retpoline"
#: As kernels are built; gcc then makes no jump tables, and computed gotos go through the thunks too.
THUNK = "-mindirect-branch=thunk"
LEVEL = "-O2"


def variants(*, control: bool) -> dict[str, str]:
    """Name -> compiler command, as a shell takes it; a control has the untouched compiler twice."""
    if control:
        return {PLAIN: "gcc", "again": "gcc"}
    ours = shlex.quote(str(Path(sys.executable).parent / "asmrewrite-gcc"))
    without = f" {PLUGIN_ARGUMENT}runtime=off" if "runtime" in KEYS else ""
    return {
        PLAIN: "gcc",
        RETPOLINE: f"gcc {THUNK}",
        # Stubs that are never trained.
        "static": f"{ours}{without}",
        "learned": ours,
        # With jump tables and computed gotos protected as in `retpoline`.
        "learned-thunk": f"{ours} {THUNK}",
    }
