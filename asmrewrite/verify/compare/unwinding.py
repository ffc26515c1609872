"""Compare unwind and exception tables, entry by entry, under the map of offsets."""

from __future__ import annotations

from asmrewrite.errors import CheckError
from asmrewrite.verify.compare.comparison import THUNKS, Comparison
from asmrewrite.verify.compare.data import data
from asmrewrite.verify.frames import Frame, Table, frames, table_at
from asmrewrite.verify.image import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.verify.image import Section
    from asmrewrite.verify.sites import SiteVerdict

#: What gas writes for `.cfi_startproc`: "zR", the CFA in 8(%rsp), the return address below it.
_CIE = b"\x01zR\0\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01"

#: The rows of a stub that is called, or jumped to like a function.
_TRIVIAL: tuple[tuple[int, bytes], ...] = ((0, b""),)
#: The same in .debug_frame: without "zR", places by absolute relocations.
_DEBUG_CIE = b"\x01\0\x01\x78\x10\x0c\x07\x08\x90\x01"


def compare_frames(both: Comparison, old: Section, new: Section) -> str:
    """Every frame has its equal, in order; others belong to stubs and thunks and say nothing."""
    own = {(v.number, v.stub[0]): v for v in both.sites if v.stub}
    mine = list(frames(both.old, old))
    theirs = []
    seen: set[tuple[int, int]] = set()
    used = frozenset[int]()
    for frame in frames(both.new, new):
        used |= frame.relocations
        if frame.size and frame.start[:2] in seen:
            return "two frames cover one place"
        if frame.size:
            seen.add(frame.start[:2])
        name = both.new.sections[frame.start.section].name
        # An empty frame at the original's end stands where the first stub begins.
        if frame.size and (frame.start[:2] in own or name.startswith(THUNKS)):
            verdict = own.get(frame.start[:2])
            if problem := _own_frame(both, frame, _there(both, mine, verdict) if verdict else _TRIVIAL):
                return f"{problem}, at {frame.start.offset:#x} of {name}"
        else:
            theirs.append(frame)
    if used != both.new.relocations(new.number).keys():
        raise CheckError("a relocation that no frame has")
    problem = _tables(both, [f for f in mine if f.table], [f for f in theirs if f.table])
    if problem:
        return problem
    if len(mine) != len(theirs):
        return f"there were {len(mine)} frames and are {len(theirs)}"
    for a, b in zip(mine, theirs, strict=True):
        problem = _frame(both, a, b)
        if problem:
            return f"{both.place(both.old, both.old.sections[a.start.section], a.start.offset)}: {problem}"
    return ""


def _there(both: Comparison, mine: list[Frame], verdict: SiteVerdict) -> tuple[tuple[int, bytes], ...]:
    """The frame of a site's stub: a marker's is that of the function there, any other's that on entry."""
    if verdict.pass_ != "marker":
        return _TRIVIAL
    for number, walked in both.walked.items():
        for replaced in walked.replaced:
            if (both.pairs[number], replaced.site.offset) == (verdict.number, verdict.offset):
                place = replaced.moved[-1][0]
                for frame in mine:
                    if frame.start.section == number and 0 <= place - frame.start.offset < frame.size:
                        rows = [raw for row, raw in frame.rows if raw and row <= place - frame.start.offset]
                        return (*((0, raw) for raw in rows), (0, b""))
    return _TRIVIAL


def _own_frame(both: Comparison, frame: Frame, rows: tuple[tuple[int, bytes], ...]) -> str:
    """What is wrong with the frame of a stub or thunk: it covers just that, and only a retpoline moves the CFA."""
    section = both.new.sections[frame.start.section]
    if section.name.startswith(THUNKS):
        size, offset = both.thunk_size(section), 0
        if section.name.startswith(f"{THUNKS}retpoline"):
            rows = ((12, b"\x0e\x10"), (12, b""))
    else:
        size = next(v.stub[1] for v in both.sites if v.stub and (v.number, v.stub[0]) == frame.start[:2])
        offset = frame.start.offset
    form = (frame.cie[0].rstrip(b"\0"), frame.cie[1], frame.shape)
    if form not in ((_CIE, "", (b"", 2)), (_DEBUG_CIE, "", (b"", 10, 1))) or frame.table is not None:
        return "the frame of a stub has another CIE or form"
    same = (frame.start.offset, frame.size, frame.rows) == (offset, size, rows)
    return "" if same else "the frame of a stub is not that of its code"


def _tables(both: Comparison, mine: list[Frame], theirs: list[Frame]) -> str:
    """Note where exception tables are; frames that share one must share its equal."""
    if len(mine) != len(theirs):
        return f"there were {len(mine)} frames with exception tables and are {len(theirs)}"
    places: dict[tuple[int, int], tuple[int, int]] = {}
    for a, b in zip(mine, theirs, strict=True):
        if a.table is None or b.table is None:
            continue
        x, y = (a.table.section, a.table.offset), (b.table.section, b.table.offset)
        if both.pairs.get(x[0]) != y[0] or places.setdefault(x, y) != y:
            return "a frame leads to another exception table"
    both.tables.update(places)
    return ""


def between_tables(both: Comparison, old: Section, new: Section) -> str:
    """What no table says: relocations outside of their types, and bytes behind them."""
    pairs = sorted((x[1], y[1]) for x, y in _all_tables(both).items() if x[0] == old.number)
    if not pairs:
        same = not data(both, old, new)
        if same:
            return ""
        raise CheckError("no frame leads to it")
    rests = []
    for image, section, starts in (
        (both.old, old, [x for x, _ in pairs]),
        (both.new, new, [y for _, y in pairs]),
    ):
        if sorted(starts) != starts or starts[0] != 0:
            raise CheckError("exception tables in another order, or something before them")
        tables: list[Table] = [table_at(image, Location(section.number, start)) for start in starts]
        used = frozenset[int]().union(*(table.relocations for table in tables))
        if used != image.relocations(section.number).keys():
            raise CheckError("a relocation outside of the types")
        ends = [*starts[1:], len(section.data)]
        if any(table.end > end for table, end in zip(tables, ends, strict=True)):
            raise CheckError("exception tables overlap")
        # Exception specifications, the actions of a table without types, and padding.
        rests.append([section.data[t.end : end].rstrip(b"\0") for t, end in zip(tables, ends, strict=True)])
    return "" if rests[0] == rests[1] else "what follows an exception table changed"


def _all_tables(both: Comparison) -> dict[tuple[int, int], tuple[int, int]]:
    """Exception tables of the original -> those of the new object, by section and offset."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for section in both.old.named(".eh_frame"):
        mine = [f for f in frames(both.old, section) if f.table]
        theirs = [f for f in frames(both.new, both.new.sections[both.pairs[section.number]]) if f.table]
        if _tables(both, mine, theirs):
            raise CheckError("frames lead to other exception tables")
        found.update(both.tables)
    return found


def _frame(both: Comparison, a: Frame, b: Frame) -> str:
    section = a.start.section
    if a.cie != b.cie or a.shape != b.shape:
        return "its frame has another CIE or form"
    if both.pairs.get(section) != b.start.section or not both.leads(section, a.start.offset, b.start.offset):
        return "its frame starts elsewhere"
    if not both.leads(section, a.start.offset + a.size, b.start.offset + b.size):
        return "its frame ends elsewhere"
    if [raw for _, raw in a.rows] != [raw for _, raw in b.rows]:
        return "its frame has other instructions"
    for (place, _), (other, _) in zip(a.rows, b.rows, strict=True):
        if not both.leads(section, a.start.offset + place, b.start.offset + other):
            return f"its frame changes at {other:#x}"
    if (a.table is None) != (b.table is None):
        return "its exception table is gone or new"
    return _table(both, a, b) if a.table is not None and b.table is not None else ""


def _table(both: Comparison, a: Frame, b: Frame) -> str:
    if a.table is None or b.table is None:
        return ""
    mine, theirs = table_at(both.old, a.table), table_at(both.new, b.table)
    if (mine.header, mine.rest, mine.types) != (theirs.header, theirs.rest, theirs.types):
        return "its exception table has other actions or types"
    if len(mine.sites) != len(theirs.sites):
        return "its exception table has another number of call sites"
    section, start, new_start = a.start.section, a.start.offset, b.start.offset
    for x, y in zip(mine.sites, theirs.sites, strict=True):
        if x.action != y.action or bool(x.landing) != bool(y.landing):
            return "a call site has another action"
        places = [(x.start, y.start), (x.start + x.size, y.start + y.size)]
        places += [(x.landing, y.landing)] if x.landing else []
        if not all(both.leads(section, start + p, new_start + q) for p, q in places):
            return "a call site covers or lands elsewhere"
    return ""
