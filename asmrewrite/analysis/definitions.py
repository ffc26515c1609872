"""The functions that a listing defines, and by which symbol another section of it may soundly refer to each."""

from __future__ import annotations

import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asmrewrite.analysis.sections import Section
    from asmrewrite.analysis.survey import Survey


class Definition(NamedTuple):
    """A function: its label, its section, whether its symbol is local, and whether another module sees it."""

    label: str
    section: Section
    local: bool
    hidden: bool


_FILE = re.compile(r'^[ \t]*\.file[ \t]+"((?:[^"\\]|\\.)*)"', re.MULTILINE)
_BINDING = re.compile(r"^[ \t]*\.(globl|global|weak|hidden|internal)[ \t]+([^#;\n]+)", re.MULTILINE)
ALIAS = re.compile(r"^[ \t]*\.set[ \t]+([\w.$]+)[ \t]*,[ \t]*([\w.$]+)[ \t]*$", re.MULTILINE)
_RESOLVER = re.compile(r"^[ \t]*\.type[ \t]+([\w.$]+)[ \t]*,[ \t]*[@%#]?gnu_indirect_function", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z_.$][\w.$]*\Z", re.ASCII)


class Definitions:
    """What `found` defines; nothing where macros or conditions leave in doubt whether it does."""

    def __init__(self, found: Survey) -> None:
        text = found.listing.text
        source = _FILE.search(text)
        #: The name that the symbol table will give the file.
        self.file = source.group(1) if source else ""
        self.functions: dict[str, Definition] = {}
        self._names: dict[str, list[str]] = {}
        if any(kind in ("MACRO", "CONDITION") for kind, _, _ in found.listing.tokens):
            return
        bound: dict[str, set[str]] = {"global": set(), "hidden": set()}
        for directive, names in _BINDING.findall(text):
            kind = "hidden" if directive in ("hidden", "internal") else "global"
            bound[kind].update(name.strip(" \t\f\r") for name in names.split(","))
        unsafe = set(_RESOLVER.findall(text))
        for function in found.functions:
            # A linker's script may drop other sections, and then what refers to them does not link.
            inside = function.section is not None and function.section.name.strip('"').startswith(".text")
            if function.section and inside and _PLAIN.match(function.name) and function.name not in unsafe:
                self._add(function.name, function.name, function.section, bound)
        for alias, label in ALIAS.findall(text):
            if label in self.functions and alias not in unsafe and not alias.startswith(".L"):
                self._add(alias, label, self.functions[label].section, bound)

    def _add(self, name: str, label: str, section: Section, bound: dict[str, set[str]]) -> None:
        self.functions[name] = Definition(label, section, name not in bound["global"], name in bound["hidden"])
        self._names.setdefault(label, []).append(name)

    def names(self, label: str) -> list[str]:
        """All names of the function at `label`, that one first."""
        return self._names.get(label, [label])

    def find(self, file: str, name: str) -> Definition | None:
        """The function that a symbol table has as `name` of `file` ("" for one that is not local)."""
        found = self.functions.get(name)
        if found is None or (file != self.file if file else found.local):
            return None
        return found


def reference(definition: Definition, name: str, section: Section) -> str:
    """What text that belongs to `section` may refer to the function by, wherever the object is linked; "" for nothing.

    "label" when a local symbol may stand for it: it means this definition, whichever one the program's `name` is.
    A function of a group may be dropped for an equal one of another object; then only its own name is left, and
    means the same address everywhere only when no other module may define it: when it is hidden.
    """
    if not definition.section.group or definition.section.group == section.group:
        return "label"
    return name if definition.hidden and not definition.local else ""
