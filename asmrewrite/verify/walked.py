"""What a walk over two sections is told and finds: sites, what they replaced, differences."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.offsets import OffsetMap


class Site(NamedTuple):
    """A site of the new section: the offset of its instruction, its size, and what the tables say of it."""

    offset: int
    size: int
    pass_: str
    form: str
    register: int
    #: Of a function's entry: where the function begins in the new section and in the original, and the bytes of data
    #: before it.
    entry: tuple[int, int] = (-1, -1)
    literal: int = 0


class Replaced(NamedTuple):
    """A branch of the original and the site it became: both ranges of bytes, [start, end)."""

    site: Site
    original: tuple[int, int]
    new: tuple[int, int]
    #: The instruction that loads the target of a memory operand to %r11, its range; (0, 0) when there is none.
    load: tuple[int, int]
    #: Whether the original was a direct branch, and whether it had the prefix `notrack`.
    direct: bool
    notrack: bool
    #: Of a marker: the instructions that went to its stub, offsets in both and length, the branch the last of them;
    #: and the registers and values that are set before it.
    moved: tuple[tuple[int, int, int], ...] = ()
    sets: tuple[tuple[int, int], ...] = ()


class Difference(NamedTuple):
    """Something that should be equal and is not; offsets in both sections."""

    original: int
    new: int
    what: str
    #: Whether it is only not known what the bytes are.
    unknown: bool = False


class Walked(NamedTuple):
    """What a walk found."""

    offsets: OffsetMap
    replaced: tuple[Replaced, ...]
    differences: tuple[Difference, ...]
    #: Where the new section's own part begins: what follows has no original.
    end: int
    #: Offset of a relocated field that leads somewhere -> bytes from there to the end of its instruction.
    behind: dict[int, int]
    #: The last bytes of the original's branches that became sites or have another width.
    inner: frozenset[int]
    #: What of the original leads into its section without a relocation: the place, and that of a direct branch.
    led: tuple[tuple[int, int | None], ...] = ()
    #: Where in the new section the data before functions begin.
    literals: frozenset[int] = frozenset()
