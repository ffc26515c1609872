"""The recorder's lines as a profile: addresses of sites and targets become names that the next build knows.

A site is (file, function, ordinal): `.relpoline_sites` of vmlinux says where all are. A target is named when it is a
function's first byte; one in init text, which is gone when the kernel runs, or one whose name does not say which
function it is, is counted as others. Modules are left out: they may name only what is exported.
"""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from asmrewrite.profile import Calls, Place, Profile, Target
from asmrewrite.stubs import kernel
from asmrewrite.verify.image import Image, Symbol

#: A target with fewer calls in the whole run gets no entry: what is called once may never return (kthread_create()),
#: and objtool takes the site for the end of its function then.
LEAST = 8
_LINE = re.compile(r"^([0-9a-f]{16}) ([0-9a-f]{16}) (\d+)$", re.MULTILINE)
_FILE, _FUNCTION, _LOCAL = 4, 2, 0


class Made(NamedTuple):
    """A profile, and how many calls were recorded, of those how many have a name in it, and of how many sites."""

    profile: Profile
    calls: int
    named: int
    sites: int


class _Function(NamedTuple):
    file: str
    name: str
    start: int
    end: int


def profile(vmlinux: Path, lines: str) -> Made:
    """What `lines` of the recorder say of the kernel `vmlinux`."""
    with vmlinux.open("rb") as file:
        image = Image(str(vmlinux), file)
        functions = _functions(image)
        places = _places(image, functions)
        names = _names(functions, image)
    sites: dict[Place, Calls] = {}
    calls = named = 0
    for site, target, count in _LINE.findall(lines):
        place, called = places.get(int(site, 16)), names.get(int(target, 16))
        calls += int(count)
        if place is None:
            continue
        found = sites.setdefault(place, Calls({}))
        if called is None or int(count) < LEAST:
            sites[place] = found._replace(others=found.others + int(count))
        else:
            found.targets[called] = found.targets.get(called, 0) + int(count)
            named += int(count)
    return Made({place: found for place, found in sites.items() if found.targets}, calls, named, len(sites))


def _functions(image: Image) -> list[_Function]:
    """All functions by address; of several names for one, a global one first, and none of our aliases."""
    file = ""
    found: list[tuple[int, bool, _Function]] = []
    for symbol in image.symbols:
        if symbol.kind == _FILE:
            file = symbol.name
        elif symbol.kind == _FUNCTION and symbol.section and not symbol.name.startswith(kernel.ALIAS_PREFIX):
            local = symbol.binding == _LOCAL
            function = _Function(file if local else "", symbol.name, symbol.value, symbol.value + _size(symbol))
            found.append((symbol.value, local, function))
    return [function for _, _, function in sorted(found)]


def _size(symbol: Symbol) -> int:
    return max(symbol.size, 1)


def _places(image: Image, functions: list[_Function]) -> dict[int, Place]:
    """The address of every site's record -> the site's place."""
    from bisect import bisect_right

    records: dict[int, int] = {}
    for table in image.named(kernel.RELPOLINE.section):
        for offset in range(0, len(table.data), kernel.RELPOLINE.size):
            distance = kernel.RECORD.unpack_from(table.data, offset)[0]
            records[table.address + offset + distance] = table.address + offset
    starts = [function.start for function in functions]
    ordinals: Counter[int] = Counter()
    places: dict[int, Place] = {}
    for address in sorted(records):
        index = bisect_right(starts, address) - 1
        while index > 0 and functions[index - 1].start == functions[index].start:
            index -= 1
        function = functions[index]
        if function.start <= address < function.end:
            places[records[address]] = Place("", function.file, function.name, ordinals[function.start])
            ordinals[function.start] += 1
    return places


def _names(functions: list[_Function], image: Image) -> dict[int, Target]:
    """The address of every function that a chain may lead to -> its name."""
    homes: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for function in functions:
        homes[function.file, function.name].add(function.start)
    init = [(s.address, s.address + s.size) for s in image.sections if s.name.startswith((".init", ".exit"))]
    names: dict[int, Target] = {}
    for function in functions:
        once = len(homes[function.file, function.name]) == 1
        gone = any(start <= function.start < end for start, end in init)
        if once and not gone and not function.name.startswith("__SCT__"):
            names.setdefault(function.start, Target("", function.file, function.name, 0))
    return names
