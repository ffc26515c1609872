"""The tracer: a shared object that traced programs preload, and that `asmrewrite trace` reads their events with."""

from __future__ import annotations

import os

from asmrewrite.toolchain.kept import kept, texts
from asmrewrite.toolchain.runtime import FLAGS, FOLDER, INCLUDE

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = os.path.join(_PACKAGE, "tracer")


def tracer_object(compiler: str = "gcc") -> str:
    """The path of the tracer as `compiler` makes it; `ToolError` when it cannot."""
    sources = sorted(name for name in os.listdir(SOURCES) if name.endswith((".c", ".h")))
    headers = os.path.join(INCLUDE, "asmrewrite")
    flags = [*FLAGS, f"-I{FOLDER}", "-shared"]
    key = [compiler, *flags, *texts(SOURCES, sources), *texts(headers, sorted(os.listdir(headers)))]
    c = [os.path.join(SOURCES, source) for source in sources if source.endswith(".c")]
    return kept("tracer", ".so", key, lambda path: [compiler, *flags, "-o", path, *c], "install gcc")
