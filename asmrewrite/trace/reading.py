"""Reading a trace that chrome.py wrote, line by line: whole it may be larger than memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

from asmrewrite.errors import AsmRewriteError
from asmrewrite.trace.chrome import WRITER

_HEAD = '{"otherData":'


class Trace:
    """The file `path`: what it says of itself, and its events; `AsmRewriteError` when it is not one of ours, whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        opened = gzip.open if path.endswith(".gz") else open
        self._file: Any = opened(path, "rt", encoding="utf-8")
        head = self._line()
        self.about: dict[str, Any] = {}
        try:
            if head.startswith(_HEAD):
                self.about = json.loads(head.removeprefix(_HEAD).removesuffix(",\n"))
        except ValueError:
            pass
        if self.about.get("writer") != WRITER:
            raise AsmRewriteError("is not a trace", file=path, hint="it must be as `asmrewrite trace -o` wrote it")
        self._line()

    def events(self) -> Iterator[dict[str, Any]]:
        """Every one, as the file has it; once."""
        while (line := self._line()) != "]}\n":
            try:
                yield json.loads(line.removesuffix("\n").removesuffix(","))
            except ValueError:
                raise AsmRewriteError("is not whole", file=self._path) from None

    def _line(self) -> str:
        try:
            return str(self._file.readline())
        except (EOFError, UnicodeDecodeError, gzip.BadGzipFile):
            raise AsmRewriteError("is damaged", file=self._path) from None
