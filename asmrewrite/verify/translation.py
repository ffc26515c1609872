"""Level "full": translation validation. The rewritten object is the original but for the published sites.

Both objects are walked together. Outside the sites, instructions, relocations, symbols and their sizes, unwind and
exception tables, data, section headers and groups must be equal under one monotone map of offsets for each text
section; inside, the stub must do what the original branch did. What is not proven equal is a FAIL, and what this
checker does not understand an UNKNOWN; a PASS is a proof but for the decoder and the readers of this package.
"""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

from asmrewrite.errors import CheckError
from asmrewrite.verify.compare.added import added, records
from asmrewrite.verify.compare.comparison import Comparison, SectionVerdict
from asmrewrite.verify.compare.data import data, find_bases
from asmrewrite.verify.compare.headers import Headers
from asmrewrite.verify.compare.pairing import pair_sections
from asmrewrite.verify.compare.symbols import symbols
from asmrewrite.verify.compare.text import compare_text, text_sections, walk
from asmrewrite.verify.compare.unwinding import between_tables, compare_frames
from asmrewrite.verify.debug.proof import Finding, Proof
from asmrewrite.verify.image import Image, damage
from asmrewrite.verify.sites import SiteVerdict, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from asmrewrite.verify.image import Section


class Translation(NamedTuple):
    """The outcome of a comparison: a verdict for each site, and for each section."""

    file: str
    sites: tuple[SiteVerdict, ...]
    sections: tuple[SectionVerdict, ...]

    @property
    def verdict(self) -> Verdict:
        """FAIL when anything fails, UNKNOWN when anything is not known, else PASS."""
        found = {v.verdict for v in self.sites} | {v.verdict for v in self.sections}
        return next((v for v in (Verdict.FAIL, Verdict.UNKNOWN) if v in found), Verdict.PASS)


def validate(original: str, new: str) -> Translation:
    """Compare the object at `original` with the rewritten one at `new`.

    Raises `CheckError` when one is no x86-64 relocatable object, `OSError` when it cannot be read.
    """
    contents = []
    for path in (original, new):
        with open(path, "rb") as file:
            contents.append(file.read())
    return validate_bytes(contents[0], contents[1], new)


def validate_bytes(original: bytes, new: bytes, name: str) -> Translation:
    """The same for objects in memory."""
    with damage(name):
        images = [Image(f"{name} (original)", BytesIO(original)), Image(name, BytesIO(new))]
        for image in images:
            if not image.relocatable:
                raise CheckError("is linked; translation validation compares objects", file=image.path)
        return _run(Comparison(images[0], images[1], Headers(original, images[0]), Headers(new, images[1])))


def _run(both: Comparison) -> Translation:
    """All comparisons, in an order in which each needs only what came before."""
    if pair_sections(both):
        for number in text_sections(both):
            walk(both, number)
        if any(d.unknown for walked in both.walked.values() for d in walked.differences):
            # Where anything behind it went is not known.
            return Translation(both.new.path, tuple(both.sites), tuple(both.verdicts))
        find_bases(both)
        debug = Proof(both).run()
        for number, other in both.pairs.items():
            if both.old.sections[number].kind != "SHT_GROUP":
                _section(both, both.old.sections[number], both.new.sections[other], debug)
        symbols(both)
        both.say("tables", added(both) or records(both))
    return Translation(both.new.path, tuple(both.sites), tuple(both.verdicts))


def _section(both: Comparison, old: Section, new: Section, debug: dict[int, Finding]) -> None:
    if old.number in both.walked:
        if not both.walked[old.number].differences:
            compare_text(both, old, new)
    elif old.name in (".eh_frame", ".debug_frame"):
        _guarded(both, old.name, lambda: compare_frames(both, old, new))
    elif old.name.startswith(".gcc_except_table"):
        # The rows are compared from the frames that lead to them.
        _guarded(both, old.name, lambda: between_tables(both, old, new))
    elif old.number in debug:
        both.say(old.name, *debug[old.number])
    else:
        both.say(old.name, data(both, old, new))


def _guarded(both: Comparison, name: str, compare: Callable[[], str]) -> None:
    """What the readers do not understand is UNKNOWN."""
    try:
        both.say(name, compare())
    except CheckError as error:
        both.say(name, error.message, Verdict.UNKNOWN)


__all__ = ["SectionVerdict", "Translation", "validate", "validate_bytes"]
