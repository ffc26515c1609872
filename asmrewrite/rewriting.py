"""The one function behind every front end: text in, text out, with what was done and what was left."""

from __future__ import annotations

import re
from typing import NamedTuple

from asmrewrite.analysis.branches import branches
from asmrewrite.analysis.survey import survey
from asmrewrite.errors import AsmRewriteError, UnsureError
from asmrewrite.options import Options
from asmrewrite.passes import Edit, Site, Skip, Unit, passes
from asmrewrite.stubs import abi
from asmrewrite.stubs.shapes import LABEL_PREFIX
from asmrewrite.syntax.listing import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.survey import Survey
    from asmrewrite.passes import Outcome

    Piece = tuple[int, int] | str


class Rewritten(NamedTuple):
    """A rewritten listing.

    `original` is the text that came in; `pieces` are what goes out, in order: characters [start, end) of the
    original, or new text; () when nothing was to be done.
    """

    original: str
    pieces: tuple[Piece, ...]
    file: str
    sites: tuple[Site, ...]
    skips: tuple[Skip, ...]
    #: More for the statistics: what a profile did.
    notes: tuple[tuple[str, int], ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the text is another than it was."""
        return bool(self.pieces)

    @property
    def text(self) -> str:
        """The rewritten text; `original` itself when nothing was to be done."""
        if not self.pieces:
            return self.original
        original = self.original
        return "".join([p if isinstance(p, str) else original[p[0] : p[1]] for p in self.pieces])

    def buffers(self, source: bytes) -> list[bytes | memoryview]:
        """The rewritten text in bytes to be written one behind the other; `source` holds the original's.

        Latin-1 keeps offsets, so what did not change is not copied: a listing has ten megabytes soon.
        """
        if not self.pieces:
            return [source]
        view = memoryview(source)
        return [p.encode("latin-1") if isinstance(p, str) else view[p[0] : p[1]] for p in self.pieces]

    def left_static_calls(self, options: Options) -> bool:
        """Whether static calls were left alone: the kernel's table lists these too, wherever they stand."""
        left = (prefix in skip.text for skip in self.skips for prefix in options.static_call_prefix)
        return options.abi == "kernel" and ("static-call" not in options.chosen or any(left))

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Sites by pass and skips by reason."""
        sites: dict[str, int] = {}
        skipped: dict[str, int] = {}
        for site in self.sites:
            sites[site.pass_] = sites.get(site.pass_, 0) + 1
        for skip in self.skips:
            skipped[skip.reason.value] = skipped.get(skip.reason.value, 0) + 1
        return sites, skipped


def rewrite(text: str | bytes, options: Options | None = None, *, file: str = "<text>") -> Rewritten:
    """Run the passes that `options` ask for over `text` (bytes are read as latin-1).

    Raises `OptionError` for a pass that does not exist, `ProfileError` when the options' profile is none,
    `UnsoundError` for a slow path that the object's own marks forbid, and with ``on-unsure=error`` `UnsureError` for
    the first branch in doubt.
    """
    options = options or Options()
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    chosen = passes(options.chosen)
    symbols = tuple(dict.fromkeys(symbol for _, p in chosen for symbol in p.watch(options)))
    if options.abi == "kernel" and options.tables:
        from asmrewrite.passes import tables

        symbols = tuple(dict.fromkeys((*symbols, *tables.watch(options))))
    found = survey(parse(text, file=file, symbols=symbols))
    unit = Unit(found, tuple(branches(found)), options, _first_label(found))
    if options.profile:
        from asmrewrite.profile import read

        unit = unit._replace(profile=read(options.profile))
    outcomes = [p.run(unit) for _, p in chosen]
    if options.abi == "kernel" and options.tables:
        outcomes.append(tables.emit(unit, tuple(moved for outcome in outcomes for moved in outcome.moved)))
    skips = tuple(skip for outcome in outcomes for skip in outcome.skips)
    if options.on_unsure == "error":
        _require_sure(skips, file)
    sites = tuple(sorted((s for o in outcomes for s in o.sites), key=lambda site: (site.line, site.column)))
    pieces = splice(text, outcomes, _NEUTRAL if found.moded else "")
    return Rewritten(text, pieces, file, sites, skips, tuple(note for outcome in outcomes for note in outcome.notes))


def splice(text: str, outcomes: list[Outcome], neutral: str = "") -> tuple[Piece, ...]:
    """The pieces of `text` with the edits of all `outcomes`, then `neutral` and what the outcomes append."""
    edits = sorted((edit for outcome in outcomes for edit in outcome.edits), key=lambda edit: (edit.start, edit.end))
    appended = [outcome.appended for outcome in outcomes if outcome.appended]
    if not edits and not appended:
        return ()
    pieces: list[Piece] = []
    position = 0
    for start, end, new in edits:
        if start < position:
            raise AsmRewriteError(f"two passes edit the same text: {new!r}", hint="run them one after the other")
        pieces += ((position, start), new)
        position = end
    pieces.append((position, len(text)))
    if not text.endswith("\n"):
        pieces.append("\n")
    return (*pieces, neutral, *appended)


#: What brings gas to AT&T syntax and 64-bit code, for a listing that may have left them.
_NEUTRAL = "\t.att_syntax prefix\n\t.code64\n"


def _first_label(found: Survey) -> int:
    """A number above those of all labels and stubs that an earlier rewriting left in the listing."""
    if not any(section and section.name in abi.SECTIONS for _, section in found.sections):
        return 0
    if LABEL_PREFIX not in found.listing.text:
        return 0  # gcc's own __mcount_loc
    numbers = re.findall(rf"{re.escape(LABEL_PREFIX)}[a-z]+_(\d+)|\.(?:relpoline|marker)\.(\d+)", found.listing.text)
    return 1 + max((int(a or b) for a, b in numbers), default=-1)


def _require_sure(skips: tuple[Skip, ...], file: str) -> None:
    for skip in skips:
        if skip.reason.unsure:
            raise UnsureError(
                f"`{skip.text}` was left alone: {skip.reason.value}",
                file=file,
                line=skip.line,
                column=skip.column,
                hint="use on-unsure=skip to go on",
            )


__all__ = ["Edit", "Rewritten", "rewrite", "splice"]
