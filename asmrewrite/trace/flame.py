"""A flame graph as SVG that stands alone: a box for each path of calls, as wide as its time, callers below."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterator
from html import escape

from asmrewrite.trace.profile import Node

#: Pixels. A box narrower than the least is left out, with what is on it.
_WIDTH, _ROW, _EDGE, _LEAST, _LETTER = 1200.0, 18, 10, 0.2, 7.2
_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>text {{ font: 12px monospace; fill: #222 }} rect {{ stroke: #fff; stroke-width: 0.5 }}
g:hover rect {{ stroke: #222; stroke-width: 1 }}</style>
<rect width="{width}" height="{height}" fill="#fafafa"/>
<text x="{edge}" y="20">{title}</text>
"""


def flame(root: Node, title: str) -> Iterator[str]:
    """The file, piece by piece."""
    times = root.totals()
    whole = times[id(root)]
    boxes = []
    depth = 0
    waiting = [(root, 0.0, 0)]
    while waiting:
        node, left, level = waiting.pop()
        width = _WIDTH * times[id(node)] / whole if whole else 0.0
        if width < _LEAST:
            continue
        depth = max(depth, level)
        boxes.append((node, left, width, level))
        for child in sorted(node.children.values(), key=lambda child: child.name):
            waiting.append((child, left, level + 1))
            left += _WIDTH * times[id(child)] / whole
    height = (depth + 1) * _ROW + 40
    yield _HEAD.format(width=int(_WIDTH) + 2 * _EDGE, height=height, edge=_EDGE, title=escape(title))
    for node, left, width, level in boxes:
        top = height - _EDGE - (level + 1) * _ROW
        count = f", {node.count:,} calls" if level else ""
        said = f"{node.name}: {_time(times[id(node)])} ({times[id(node)] / whole:.1%}), own {_time(node.own)}{count}"
        letters = int((width - 4) / _LETTER)
        name = node.name if len(node.name) <= letters else node.name[: letters - 1] + "…" if letters > 2 else ""
        x = left + _EDGE
        yield (
            f'<g><title>{escape(said)}</title><rect x="{x:.2f}" y="{top}" width="{width:.2f}" height="{_ROW - 1}" '
            f'fill="{_colour(node.name) if level else "#ddd"}"/>'
            + (f'<text x="{x + 3:.2f}" y="{top + 13}">{escape(name)}</text>' if name else "")
            + "</g>\n"
        )
    yield "</svg>\n"


def _colour(name: str) -> str:
    """The same for the same name, always; warm."""
    number = crc32(name.encode("utf-8", "surrogateescape"))
    return f"hsl({number % 50 + 5},{70 + (number >> 8) % 25}%,{62 + (number >> 16) % 12}%)"


def _time(microseconds: float) -> str:
    for limit, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= limit:
            return f"{microseconds / limit:.3f} {unit}"
    return f"{microseconds:.3f} µs"
