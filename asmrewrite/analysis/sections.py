"""The section that text goes to: names, flags, groups, subsections, and the stack of .pushsection."""

from __future__ import annotations

import re
from typing import NamedTuple


class Section(NamedTuple):
    """A section as the listing names it.

    `arguments` is what follows the name in the directive, flags and group included, so that the section can be
    named again; "" when the directive gave none. `flags` is the flag string without quotes, `group` the group's
    signature or "", `subsection` the number in effect, "" for 0.
    """

    name: str
    arguments: str = ""
    flags: str = ""
    group: str = ""
    subsection: str = ""

    @property
    def comdat(self) -> bool:
        """Whether its group is one of which linkers keep one."""
        rest = _split(self.arguments)
        return bool(self.group) and rest[_group_place(self.flags) + 1 :][:1] == ["comdat"]

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What two directives have in common that lead to one place: name, group, unique number, subsection."""
        rest = _split(self.arguments) if "unique" in self.arguments else []
        unique = "".join(rest[rest.index("unique") + 1 :]) if "unique" in rest else ""
        return self.name.strip('"'), self.group.strip('"'), unique, self.subsection

    def reference(self, subsection: int) -> str:
        """The arguments of a ``.pushsection`` to `subsection` of this section."""
        return f"{self.name}, {subsection}{', ' + self.arguments if self.arguments else ''}"


#: Not all that Python takes for blanks: bytes 0x85 and 0xa0 end many a letter in UTF-8.
_BLANKS = " \t\f\r\n"
_SHORT = {".text": "ax", ".data": "aw", ".bss": "aw"}
_DIRECTIVE = re.compile(r"\s*\.([A-Za-z]+)[ \t]*")
_ARGUMENT = re.compile(r'((?:[^",]|"(?:[^"\\]|\\.)*")*)(,|\Z)', re.DOTALL)


class SectionTracker:
    """Follows section directives; `current` is None when it cannot be told which section text goes to."""

    def __init__(self) -> None:
        self.current: Section | None = Section(".text", "", "ax")
        self.previous: Section | None = self.current
        self.stack: list[tuple[Section | None, Section | None]] = []
        self._seen: dict[str, Section] = {}

    def directive(self, text: str) -> None:
        """Take in one directive, without its terminator and comment (gas manual, "Sub-Sections" to "Section")."""
        found = _DIRECTIVE.match(text)
        word = found.group(1).lower() if found else ""
        arguments = _split(text[found.end() :]) if found else []
        if word in ("text", "data", "bss"):
            name = "." + word
            self._go(_numbered(Section(name, "", _SHORT[name]), arguments[0] if arguments else ""))
        elif word in ("section", "sect") and arguments:
            self._go(self._named(arguments[0], arguments[1:]))
        elif word == "pushsection" and arguments:
            self.stack.append((self.current, self.previous))
            rest = arguments[1:]
            number = rest.pop(0) if rest and not rest[0].startswith('"') and not rest[0].startswith("@") else ""
            section = self._named(arguments[0], rest)
            self._go(section and _numbered(section, number))
        elif word in ("popsection", "previous") and arguments:
            self._go(None)  # with nowhere to go back to, gas warns and reads on behind the directive
        elif word == "popsection":
            if self.stack:
                self.current, self.previous = self.stack.pop()
        elif word == "previous":
            self.current, self.previous = self.previous, self.current
        elif word == "subsection" and self.current is not None:
            self._go(_numbered(self.current, arguments[0] if arguments else ""))
        else:
            self._go(None)

    def lose(self) -> None:
        """From here on it is not known where text goes."""
        self._go(None)

    def _go(self, section: Section | None) -> None:
        self.previous, self.current = self.current, section

    def _named(self, name: str, rest: list[str]) -> Section | None:
        if not rest:
            return self._seen.get(name) or Section(name, "", _SHORT.get(name, _default_flags(name)))
        flags = rest[0].strip('"') if rest[0].startswith('"') else ""
        if "?" in flags:
            return None  # in the group of whatever section was current
        if not flags.isalpha():
            flags = ""  # as a number
        section = Section(name, ", ".join(rest), flags, _group(flags, rest))
        if "G" in flags and not section.group:
            return None  # gas warns, and takes the flag for none
        if not section.group and "unique" not in rest:
            self._seen[name] = section._replace(arguments="")
        return section


def _numbered(section: Section, subsection: str) -> Section | None:
    """Subsection `subsection` of `section`, "" for 0; None when that is no number."""
    if not subsection:
        return section._replace(subsection="")
    try:
        number = int(subsection, 0)
    except ValueError:
        return None
    return section._replace(subsection=str(number) if number else "")


def _group(flags: str, rest: list[str]) -> str:
    """The group's signature: behind the type, and behind the entry size or linked-to section if there are such."""
    if "G" not in flags:
        return ""
    place = _group_place(flags)
    return rest[place] if len(rest) > place else ""


def _group_place(flags: str) -> int:
    return 2 + ("M" in flags) + ("o" in flags)


def _default_flags(name: str) -> str:
    """What gas gives a section it knows by its name (ELF special sections)."""
    if name in (".init", ".fini"):
        return "ax"
    for prefix, flags in ((".text", "ax"), (".data", "aw"), (".bss", "aw")):
        if name == prefix or name.startswith(prefix + "."):
            return flags
    return "a" if name.startswith(".rodata") else ""


def _split(text: str) -> list[str]:
    """Arguments between commas, quotes respected."""
    arguments: list[str] = []
    position = 0
    while position < len(text):
        found = _ARGUMENT.match(text, position)
        if found is None:
            return [*arguments, text[position:].strip(_BLANKS)]
        arguments.append(found.group(1).strip(_BLANKS))
        if found.end() == position or not found.group(2):
            break
        position = found.end()
    return arguments
