"""What a trace says of functions and markers: how often, and how long with and without what they called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass
class Node:
    """A function as it was reached by one path of calls; microseconds. The root is no function."""

    name: str
    count: int = 0
    own: float = 0.0
    children: dict[str, Node] = field(default_factory=dict)

    def child(self, name: str) -> Node:
        found = self.children.get(name)
        if found is None:
            found = self.children[name] = Node(name)
        return found

    def paths(self) -> Iterator[tuple[tuple[Node, ...], Node]]:
        """All nodes below, each behind its callers, the outermost first."""
        waiting: list[tuple[tuple[Node, ...], Node]] = [((), child) for child in self.children.values()]
        while waiting:
            callers, node = waiting.pop()
            yield callers, node
            waiting += [((*callers, node), child) for child in node.children.values()]

    def totals(self) -> dict[int, float]:
        """id of a node -> its time with what it called."""
        found: dict[int, float] = {}
        nodes = [self, *(node for _, node in self.paths())]
        for node in reversed(nodes):
            found[id(node)] = node.own + sum(found[id(child)] for child in node.children.values())
        return found


class Row(NamedTuple):
    """A function or marker: `own` and `total` microseconds, None for what has no duration."""

    name: str
    calls: int
    own: float | None
    total: float | None


class Profile(NamedTuple):
    """The tree of calls of all threads, and how often each instant event came (not those for dropped ones)."""

    root: Node
    instants: dict[str, int]

    def rows(self) -> list[Row]:
        """Each name once; time within a recursion counts once."""
        times = self.root.totals()
        rows: dict[str, Row] = {}
        for callers, node in self.root.paths():
            row = rows.get(node.name, Row(node.name, 0, 0.0, 0.0))
            outermost = all(caller.name != node.name for caller in callers)
            total = (row.total or 0.0) + (times[id(node)] if outermost else 0.0)
            rows[node.name] = Row(node.name, row.calls + node.count, (row.own or 0.0) + node.own, total)
        return [*rows.values(), *(Row(name, count, None, None) for name, count in self.instants.items())]


def profile(events: Iterable[dict[str, Any]]) -> Profile:
    """Of the events of a trace."""
    root = Node("all")
    instants: dict[str, int] = {}
    #: thread -> (node, begin, time of its children) of what is open.
    threads: dict[tuple[int, int], list[list[Any]]] = {}
    for event in events:
        phase = event["ph"]
        if phase == "B":
            stack = threads.setdefault((event["pid"], event["tid"]), [])
            node = (stack[-1][0] if stack else root).child(event["name"])
            node.count += 1
            stack.append([node, event["ts"], 0.0])
        elif phase == "E":
            stack = threads[event["pid"], event["tid"]]
            node, begin, inner = stack.pop()
            spent = event["ts"] - begin
            node.own += spent - inner
            if stack:
                stack[-1][2] += spent
        elif phase == "i" and event.get("cat") != "dropped":
            instants[event["name"]] = instants.get(event["name"], 0) + 1
    return Profile(root, instants)


def folded(root: Node) -> Iterator[str]:
    """`outer;inner NANOSECONDS` a line: what scripts for flame graphs read."""
    for callers, node in root.paths():
        if nanoseconds := round(node.own * 1000):
            names = (step.name.replace(";", ":") for step in (*callers, node))
            yield f"{';'.join(names)} {nanoseconds}"
