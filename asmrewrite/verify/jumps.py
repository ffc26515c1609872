"""What the indirect jumps of a function are: through a table, a computed goto, out of the function, or unknown.

Each answer but the last is proven, for code that a compiler made: a jump is a jump table when every value that its
operand may have is an entry of a table whose entries lead into its own function; it leaves the function when its
target came whole from memory or a caller, and nobody is given the address of a place inside.
"""

from __future__ import annotations

from typing import NamedTuple

from asmrewrite.verify.region import NAMING, Region, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from asmrewrite.verify.addresses import Addresses
    from asmrewrite.verify.functions import Function, Functions

_MOST_ENTRIES = 70_000


class Jump(NamedTuple):
    """The kind of a jump and what shows it."""

    kind: str
    why: str


UNKNOWN_JUMP = Jump("jump", "unknown")


class Jumps:
    """The jumps of one image; `crossing` are the direct jumps from one function into another."""

    def __init__(self, addresses: Addresses, functions: Functions, crossing: list[tuple[int, int]]) -> None:
        self._addresses, self._functions = addresses, functions
        self._joined: dict[int, list[Function]] = {}
        self._join(crossing)

    def of(self, places: Iterable[int]) -> dict[int, Jump]:
        """The indirect jumps at `places`, each in a function."""
        by_function: dict[int, tuple[list[Function], list[int]]] = {}
        result: dict[int, Jump] = {}
        for place in places:
            function = self._functions.at(place)
            if function is None:
                result[place] = Jump("jump", "it is in no function that symbols or unwind tables tell of")
                continue
            parts = self._joined.get(function.start, [function])
            by_function.setdefault(parts[0].start, (parts, []))[1].append(place)
        for parts, jumps in by_function.values():
            result.update(_Function(self._addresses, self._functions, parts, jumps).kinds())
        return result

    def _join(self, crossing: list[tuple[int, int]]) -> None:
        """Put together what jumps into each other's insides: a function and the cold parts that were split off."""
        for source, target in crossing:
            one, other = self._functions.at(source), self._functions.at(target)
            if one is None or other is None or one is other:
                continue
            if target == other.start and ".cold" not in other.name:
                continue
            left, right = (self._joined.get(part.start, [part]) for part in (one, other))
            if left is right:
                continue
            parts = sorted({*left, *right}, key=lambda part: (".cold" in part.name, part.start))
            for part in parts:
                self._joined[part.start] = parts


class _Function:
    """The jumps of one function."""

    def __init__(self, addresses: Addresses, functions: Functions, parts: list[Function], jumps: list[int]) -> None:
        self.addresses, self.functions = addresses, functions
        self.jumps = jumps
        self.region = Region(addresses, parts)
        self.tables: dict[int, frozenset[Value]] = {}
        self.cold = {part.start for part in parts if ".cold" in part.name}
        self.labels: set[int] = set()
        self.data: set[int] = set()

    def kinds(self) -> dict[int, Jump]:
        """The kind of each jump."""
        region = self.region
        if not region.sound:
            return dict.fromkeys(self.jumps, Jump("jump", "its function holds bytes that are no instructions"))
        jumps = [place for place in self.jumps if region.inside(place)]
        self._named()
        self._resolve(jumps)
        self._confirm()
        closed = self._is_closed()
        unknown = UNKNOWN_JUMP if closed else Jump("jump", "unknown: labels of its function are handed out")
        result = dict.fromkeys(self.jumps, unknown)
        for place in jumps:
            if place in self.tables:
                result[place] = self._table_jump(place)
            elif closed and self._leaves(place):
                result[place] = Jump("tail-call", "it leaves its function")
        return result

    def _named(self) -> None:
        """Which places of its own, and which of data, its instructions name."""
        for instruction in self.region.instructions.values():
            if instruction.code in NAMING:
                place = self.region.named_by(instruction)
                if isinstance(place, int):
                    (self.labels if self._is_label(place) else self.data).add(place)
        for jump in self.jumps:
            if self.region.inside(jump):
                table = self.region.displacement(self.region.instructions[jump])
                if isinstance(table, int):
                    self.data.add(table)

    def _is_label(self, place: int) -> bool:
        """Whether `place` is inside, and not where a part begins: that is a function's address."""
        return any(part.start < place < part.end for part in self.region.parts)

    def _resolve(self, jumps: list[int]) -> None:
        """Take every way in that is not known for none, and resolve what can be, until nothing more can."""
        changed = True
        while changed:
            changed = False
            for place in jumps:
                if place not in self.tables and self._try(place):
                    changed = True
            if changed:
                self.region.link()

    def _confirm(self) -> None:
        """Now take every way in that is not known for what may hold anything, and drop what no longer holds.

        What stays is right: by induction over the jumps that are run, each leads where its tables say.
        """
        region = self.region
        region.strict = True
        while True:
            known = {target for targets in region.resolved.values() for target in targets}
            closed = self._is_closed()
            astray = any(place not in self.tables and not (closed and self._leaves(place)) for place in self.jumps)
            named = self.labels | self._given()
            loose = named | known if astray else named - known
            region.suspects = frozenset(place for place in loose if region.inside(place))
            region.link()
            wrong = [place for place in self.tables if not self._holds(place)]
            if not wrong:
                return
            for place in wrong:
                del self.tables[place], region.resolved[place]

    def _holds(self, place: int) -> bool:
        return self.region.operand_values(place) == self.tables[place]

    def _try(self, place: int) -> bool:
        values = self.region.operand_values(place)
        if not values or any(value.kind not in ("word", "label") for value in values):
            return False
        targets: set[int] = set()
        for value in values:
            entries = self._entries(value)
            if not entries:
                return False
            targets.update(entries)
        self.tables[place] = values
        self.region.resolved[place] = frozenset(targets)
        return True

    def _entries(self, value: Value) -> list[int]:
        """Where the entries of a table lead: those that lead into the function, up to the first that does not.

        Empty too when all lead to the function's start: then it is a table of functions, this one among them.
        """
        result: list[int] = []
        size = 8 if value.kind == "word" else 4
        name = self.functions.object_at(value.table)
        for index in range(_MOST_ENTRIES):
            place = value.table + size * index
            target = self._entry(value, index)
            if target is None or not self.region.inside(target):
                break
            if index and (place in self.data or self.functions.object_at(place) != name):
                break  # the next table
            result.append(target)
        return result if any(self._is_label(target) or target in self.cold for target in result) else []

    def _entry(self, value: Value, index: int) -> int | None:
        if value.kind == "word":
            return self.addresses.pointer(value.table + 8 * index)
        return self.addresses.entry(value.table, value.base, index)

    def _table_jump(self, place: int) -> Jump:
        tables = sorted({value.table for value in self.tables[place]})
        names = [name for table in tables if (name := self.functions.object_at(table))]
        if names:
            return Jump("computed-goto", f"through the labels in {', '.join(names)}")
        where = ", ".join(self._place(table) for table in tables[:3]) + (", ..." if len(tables) > 3 else "")
        return Jump("jump-table", f"through the table at {where}")

    def _place(self, address: int) -> str:
        located = self.addresses.locate(address)
        return f"{located[0].name}+{located[1]:#x}" if located else f"{address:#x}"

    def _is_closed(self) -> bool:
        """Whether nobody is given the address of a place inside, but by tables of jumps that are resolved."""
        region, addresses = self.region, self.addresses
        own: set[int] = set()
        distances: set[int] = set()
        for place, values in self.tables.items():
            distances.update(value.table for value in values if value.kind == "label")
            words = [value for value in values if value.kind == "word"]
            # Of the labels in an array that has a name, or that may have had one, others may hold copies.
            if words and addresses.image.symbols and not any(self.functions.object_at(v.table) for v in words):
                own |= region.resolved[place]
        if self.labels or self._given() - own:
            return False
        return not any(self._may_be_distances(table) for table in self.data - distances)

    def _given(self) -> set[int]:
        """The places inside whose addresses data hold."""
        return {place for part in self.region.parts for place in self.addresses.given_inside(part.start, part.end)}

    def _may_be_distances(self, table: int) -> bool:
        if self.addresses.is_code(table):
            return False
        target = self.addresses.entry(table, table, 0)
        return target is not None and self._is_label(target)

    def _leaves(self, place: int) -> bool:
        """Whether no value of its operand can be a place inside."""
        values = self.region.operand_values(place)
        return bool(values) and all(self._is_outside(value) for value in values)

    def _is_outside(self, value: Value) -> bool:
        if value.kind == "given":
            return True
        if value.kind == "word":
            return not self._entries(value)
        return value.kind == "at" and not self._is_label(value.table)
