"""Where an offset of an original section went: a monotone map, built by walking both sections together."""

from __future__ import annotations

from bisect import bisect_right


class OffsetMap:
    """Offsets of one section to offsets of the section it became.

    Between two breakpoints the distance is constant. Where padding grew or shrank there is no one answer: an
    offset at such a place may lead to any instruction of the padding, since all of them do nothing.
    """

    def __init__(self) -> None:
        self._starts: list[int] = [0]
        self._shifts: list[int] = [0]
        #: Offset of the original -> the offsets that it may lead to.
        self._places: dict[int, frozenset[int]] = {}

    def shift(self, original: int, new: int) -> None:
        """From `original` on, offsets are `new` - `original` further."""
        if new - original == self._shifts[-1]:
            return
        if self._starts[-1] == original:
            self._shifts[-1] = new - original
        else:
            self._starts.append(original)
            self._shifts.append(new - original)

    def loosen(self, original: int, places: frozenset[int]) -> None:
        """`original` may lead to each of `places`."""
        self._places[original] = places

    def widen(self, original: int, places: frozenset[int]) -> None:
        """`original` may lead to each of `places` too."""
        self._places[original] = self._places.get(original, frozenset()) | places

    def __getitem__(self, original: int) -> int:
        """Where `original` went."""
        return original + self._shifts[bisect_right(self._starts, original) - 1]

    def leads(self, original: int, new: int) -> bool:
        """Whether `original` may have become `new`."""
        places = self._places.get(original)
        return self[original] == new if places is None else new in places

    def after(self, original: int) -> int:
        """Where what ends at `original` ends now: in front of padding, as a return address is."""
        places = self._places.get(original)
        return self[original] if places is None else min(places)
