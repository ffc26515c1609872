"""The passes: pure functions from a listing and what analysis knows of it to edits, sites and skips.

A third party adds a pass with an entry point in the group ``asmrewrite.passes``: a name and an object that has
the two methods of `Pass` (docs/passes.md shows one).
"""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.errors import OptionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from asmrewrite.analysis.branches import Branch
    from asmrewrite.analysis.reasons import SkipReason
    from asmrewrite.analysis.survey import Survey
    from asmrewrite.options import Options
    from asmrewrite.profile import Profile

    class Pass(Protocol):
        """What a pass is."""

        def watch(self, options: Options) -> tuple[str, ...]:
            """Symbol prefixes: every statement that mentions one gets a token and a `Branch` of its own."""

        def run(self, unit: Unit) -> Outcome:
            """What to change in `unit`; it reads no file, starts no process, and keeps nothing."""


ENTRY_POINTS = "asmrewrite.passes"


class Edit(NamedTuple):
    """Replace the characters [start, end) of the listing by `text`; an insertion when they are equal."""

    start: int
    end: int
    text: str


class Site(NamedTuple):
    """A place that was made patchable: the pass, the form of its instruction, and where it came from."""

    pass_: str
    form: str
    function: str
    #: What it calls: the stub's symbol, or the static call's trampoline.
    target: str
    #: Line and column of the statement that it replaced, from 1.
    line: int
    column: int


class Skip(NamedTuple):
    """An indirect branch or a function's entry that was left alone, and why."""

    reason: SkipReason
    function: str
    line: int
    column: int
    text: str


class Moved(NamedTuple):
    """abi=kernel: what became of a branch that a pass edited, for the table that lists it.

    `start` is the character that it began at, -1 for a branch that the pass added; `site` is an expression for the
    address of its instruction, "" when it is none of the table's any more. `table` is a word of the option `tables`.
    """

    start: int
    site: str
    table: str = ""


class Outcome(NamedTuple):
    """What a pass wants: edits, what to append to the listing, and what they do."""

    edits: tuple[Edit, ...] = ()
    appended: str = ""
    sites: tuple[Site, ...] = ()
    skips: tuple[Skip, ...] = ()
    #: More for the statistics: words and how often.
    notes: tuple[tuple[str, int], ...] = ()
    moved: tuple[Moved, ...] = ()


class Unit(NamedTuple):
    """What a pass is given."""

    survey: Survey
    branches: tuple[Branch, ...]
    options: Options
    #: A number that no label of an earlier rewriting of this text has reached.
    first_label: int
    #: What the options' profile says.
    profile: Profile = {}  # noqa: RUF012 - nobody writes to it

    def place(self, branch: Branch) -> tuple[int, int]:
        """Line and column of `branch`, from 1."""
        return self.survey.listing.place(branch.start)

    def skipped(self, branch: Branch, reason: SkipReason) -> Skip:
        """The record of leaving `branch` alone."""
        text = " ".join(self.survey.listing.text[branch.start : branch.end].split())
        return Skip(reason, branch.place.function, *self.place(branch), text)

    def opted_out(self, branch: Branch, name: str) -> SkipReason | None:
        """Whether the source or the options keep the pass `name` away from `branch`."""
        return self.excluded(branch.place.function, name)

    def excluded(self, function: str, name: str) -> SkipReason | None:
        """Whether the source or the options keep the pass `name` away from `function`."""
        from asmrewrite.analysis.reasons import SkipReason
        from asmrewrite.analysis.survey import base_name

        if self.survey.file_opted_out & {"all", name}:
            return SkipReason.FILE_OPTED_OUT
        function = base_name(function)
        if self.survey.opted_out.get(function, frozenset()) & {"all", name}:
            return SkipReason.FUNCTION_OPTED_OUT
        include, exclude = self.options.functions, self.options.skip_functions
        if (include and not matches(include, function)) or (exclude and matches(exclude, function)):
            return SkipReason.FUNCTION_EXCLUDED
        return None


def matches(pattern: str, name: str) -> bool:
    """Whether the regular expression `pattern` is all of `name`."""
    import re

    return re.fullmatch(pattern, name) is not None


def passes(names: tuple[str, ...]) -> list[tuple[str, Pass]]:
    """The passes called `names`, in that order; the project's own first, then those of entry points."""
    return [(name, _load(name)) for name in names]


def _load(name: str) -> Pass:
    if name == "relpoline":
        from asmrewrite.passes.relpoline import Relpoline

        return Relpoline()
    if name == "static-call":
        from asmrewrite.passes.static_call import StaticCall

        return StaticCall()
    if name == "marker":
        from asmrewrite.passes.marker import Marker

        return Marker()
    if name == "call-ops":
        from asmrewrite.passes.call_ops import CallOps

        return CallOps()
    import sys
    from importlib.metadata import entry_points

    if sys.flags.no_site:  # as the assembler's shim; now what was installed matters, with its .pth files
        import site

        site.main()
    found = entry_points(group=ENTRY_POINTS)
    for point in found:
        if point.name == name:
            loaded: Pass = point.load()()
            return loaded
    known = ", ".join(["relpoline", "static-call", "marker", "call-ops", *sorted(p.name for p in found)])
    raise OptionError(f"no pass is named {name!r}", hint=f"there are {known}")
