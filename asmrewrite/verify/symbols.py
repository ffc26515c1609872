"""The functions of a linked file by name and by address, under the names that the runtime's profiles use.

asmrewrite/runtime/symbols.c chooses the same: of several names for one address a global one, then a weak one, then a
local one, then the first in order; and a local one belongs to the source file whose STT_FILE symbol stands before it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Image

_STT_FUNC, _STT_FILE = 2, 4
_STB_LOCAL, _STB_WEAK = 0, 2


class Function(NamedTuple):
    """A function symbol: its address, rank among names for one address, name, source file ("") and size (bytes)."""

    start: int
    rank: int
    name: str
    file: str
    size: int


class Functions:
    """All function symbols of `image`, which is linked."""

    def __init__(self, image: Image) -> None:
        found: list[Function] = []
        file = ""
        for symbol in image.symbols:
            if symbol.kind == _STT_FILE:
                file = symbol.name
            elif symbol.kind == _STT_FUNC and symbol.section:
                local = symbol.binding == _STB_LOCAL
                rank = 2 if local else int(symbol.binding == _STB_WEAK)
                found.append(Function(symbol.value, rank, symbol.name, file if local else "", symbol.size))
        self._sorted = sorted(found)
        self._starts = [function.start for function in self._sorted]
        self._named: dict[tuple[str, str], set[int]] = {}
        for function in found:
            self._named.setdefault((function.file, function.name), set()).add(function.start)

    def at(self, address: int) -> Function | None:
        """The function that `address` is in."""
        end = bisect_right(self._starts, address)
        if not end:
            return None
        first = bisect_right(self._starts, self._starts[end - 1] - 1)
        group = self._sorted[first:end]
        return next((f for f in group if not f.size or address - f.start < f.size), None)

    def named(self, file: str, name: str) -> set[int]:
        """The addresses of functions with that name."""
        return self._named.get((file, name), set())
