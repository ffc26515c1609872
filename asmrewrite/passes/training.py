"""What a profile makes of the stubs of a listing: for each site the targets that its chain compares with."""

from __future__ import annotations

import re

from asmrewrite.analysis.definitions import ALIAS, Definitions, reference
from asmrewrite.stubs.kernel import alias
from asmrewrite.stubs.shapes import LABEL_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.sections import Section
    from asmrewrite.analysis.survey import Survey
    from asmrewrite.passes import Unit
    from asmrewrite.profile import Calls, Profile, Target

_PLAIN = re.compile(r"[A-Za-z_][\w.$]*\Z", re.ASCII)
#: Sections of the kernel that are freed when it has booted (include/linux/init.h): no chain may lead there.
_FREED = (".init", ".exit", ".meminit", ".memexit", ".cpuinit", ".cpuexit")


class Training:
    """The profile of one listing.

    `notes` counts what was done and left, in words, for the statistics. A target is named only where the program
    links and means the same whatever it is linked with: functions of this listing. A local symbol stands for them,
    since a global one may be another function at run time (in a shared library its jump would go through the PLT
    while its address does not). `asmrewrite bake` can name the rest.
    """

    def __init__(self, unit: Unit) -> None:
        self.limit = unit.options.targets
        self.number = unit.first_label
        self.defined = Definitions(unit.survey)
        self.aliases: dict[str, str] = {}
        self.notes: dict[str, int] = {}
        self._ordinals: dict[str, int] = {}
        self._calls: dict[tuple[str, str], dict[int, Calls]] = {}
        self._met: set[tuple[str, str]] = set()
        from asmrewrite.profile import Calls, merge

        for place, calls in unit.profile.items():
            sites = self._calls.setdefault((place.file, place.function), {})
            sites[place.ordinal] = merge([{place: sites.get(place.ordinal, Calls({}))}, {place: calls}])[place]

    def targets(self, function: str, section: Section) -> tuple[str, ...]:
        """The symbols for the chain of the next site of `function`, most frequent first."""
        ordinal = self._ordinals.get(function, 0)
        self._ordinals[function] = ordinal + 1
        calls = self._of(function).get(ordinal)
        if calls is None:
            self._note("sites not called")
            return ()
        named: list[str] = []
        for target in calls.frequent():
            symbol = self._symbol(target, section)
            if symbol and len(named) < self.limit:
                named.append(symbol)
        if named:
            self._note("sites trained")
            self._note("targets named", len(named))
        return tuple(named)

    def appended(self) -> str:
        """The local symbols that stand for functions."""
        return "".join(f"\t.set\t{alias}, {label}\n" for label, alias in self.aliases.items())

    def finish(self) -> tuple[tuple[str, int], ...]:
        """`notes`, with the profile's sites that the listing should have and has not."""
        gone = 0
        for (file, function), sites in self._calls.items():
            if self._is_here(file, function):
                label = self.defined.functions.get(function)
                count = self._ordinals.get(label.label if label else function, 0)
                gone += sum(1 for ordinal in sites if ordinal >= count)
        if gone:
            self._note("sites gone", gone)
        return tuple(sorted(self.notes.items()))

    def _is_here(self, file: str, function: str) -> bool:
        """Whether the profile means a function that this listing should have."""
        return file == self.defined.file if file else (file, function) in self._met

    def _of(self, function: str) -> dict[int, Calls]:
        for name in self.defined.names(function):
            for key in ((self.defined.file, name), ("", name)):
                if key in self._calls:
                    self._met.add(key)
                    return self._calls[key]
        return {}

    def _symbol(self, target: Target, section: Section) -> str:
        definition = None
        if target.module:
            self._note("targets of another module")
        elif target.offset or not target.symbol:
            self._note("targets without a name")
        else:
            definition = self.defined.find(target.file, target.symbol)
            if definition is None:
                self._note("targets of another file")
        if definition is None:
            return ""
        symbol = reference(definition, target.symbol, section)
        if not symbol:
            self._note("targets that another object may define")
        if symbol != "label":
            return symbol
        alias = f"{LABEL_PREFIX}target_{self.number + len(self.aliases)}"
        return self.aliases.setdefault(definition.label, alias)

    def _note(self, what: str, count: int = 1) -> None:
        self.notes[what] = self.notes.get(what, 0) + count


class KernelTraining(Training):
    """The same in the kernel, where nothing is interposed: a function that is not local means one thing in a module.

    So it is named whichever file defines it. A local one of another file has an alias, a hidden symbol which that
    file's listing defines when it is rewritten with the same profile: `aliases_of`. One of another module is not
    named: a module is loaded where there may be another one, and may name only what is exported.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        #: Of this listing, macros or not: its object has one function of the name, and the name means that one.
        self._own = _kept_functions(unit.survey)

    def _symbol(self, target: Target, section: Section) -> str:
        if target.module:
            self._note("targets of another module")
        elif target.offset or not target.symbol or not _PLAIN.match(target.symbol):
            self._note("targets without a name")
        elif not target.file or (target.file == self.defined.file and target.symbol in self._own):
            return target.symbol
        else:
            return alias(target.file, target.symbol)
        return ""

    def _is_here(self, file: str, function: str) -> bool:
        # Many files of the kernel have one name: core.c, main.c.
        return (file, function) in self._met

    def aliases_of(self, profile: Profile) -> str:
        """The aliases of the functions of this listing that chains of other files may name."""
        wanted = {
            target.symbol
            for calls in profile.values()
            for target in calls.frequent()
            if target.file and target.file == self.defined.file and not (target.module or target.offset)
        }
        names = sorted(name for name in wanted & self._own if alias(self.defined.file, name) not in self._own)
        if names:
            self._note("aliases made", len(names))
        made = ((alias(self.defined.file, name), name) for name in names)
        return "".join(f"\t.globl\t{new}\n\t.hidden\t{new}\n\t.set\t{new}, {name}\n" for new, name in made)


def _kept_functions(found: Survey) -> frozenset[str]:
    """The functions of a listing of the kernel, by all their names, that are not freed when it has booted."""
    names = {
        function.name
        for function in found.functions
        if function.section and not function.section.name.strip('"').startswith(_FREED) and _PLAIN.match(function.name)
    }
    names.update(new for new, old in ALIAS.findall(found.listing.text) if old in names and _PLAIN.match(new))
    return frozenset(names)
