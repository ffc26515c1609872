"""The options: one set of keys, however they arrive. The nearest word wins: command line, environment, file."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from asmrewrite.errors import OptionError
from asmrewrite.toolchain.kernel import KERNEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

#: What a compiler's command line carries, as for any GCC plugin.
PLUGIN_ARGUMENT = "-fplugin-arg-asmrewrite-"
ENVIRONMENT = "ASMREWRITE_FLAGS"
CONFIG_FILE = "asmrewrite.toml"

SLOW_PATHS = ("retpoline", "lfence", "plain", "record")


class Options(NamedTuple):
    """All options; every field is a key, with `-` for `_`."""

    #: Passes to run, in order; () for relpoline, static-call and marker, or with abi=kernel static-call alone.
    passes: tuple[str, ...] = ()
    #: "user" or "kernel": table formats and defaults.
    abi: str = "user"
    #: log2 of the block that no site straddles, 3 to 6; 0: 3 for user code, 4 for the kernel.
    bundle: int = 0
    #: How a site is kept inside its block: "bundle" (.bundle_align_mode) or "p2align".
    align: str = "bundle"
    #: The slow path of a relpoline: "retpoline", "lfence" or "plain"; with abi=kernel the kernel's thunk, or "record".
    slow: str = "retpoline"
    #: Entries of a stub's chain, 1 to 8.
    targets: int = 4
    #: Whether the relpoline pass touches inline assembly and hand-written files.
    inline_asm: bool = False
    #: Only functions whose whole name matches (a regular expression; "" for all).
    functions: str = ""
    #: No functions whose whole name matches.
    skip_functions: str = ""
    #: What is checked behind the assembler: "off", "sites" or "full".
    check: str = "sites"
    #: Whether a program that the wrapper links gets the runtime.
    runtime: bool = True
    #: The file of a profile to fill chains from.
    profile: str = ""
    #: Tables to emit with abi=kernel.
    tables: tuple[str, ...] = ("static-call",)
    #: "" for none, "1" for a line on standard error, else a file that gets a line of JSON for each listing.
    stats: str = ""
    #: What becomes of a branch of which nothing certain can be said: "skip" or "error".
    on_unsure: str = "skip"
    #: Symbol prefixes of static-call trampolines.
    static_call_prefix: tuple[str, ...] = ("__SCT__", "____static_call_tramp_")
    #: Where the eight bytes of each traced function are: "array" (made when it runs) or "literal" (before its label).
    ops_layout: str = "array"
    #: Functions of fewer instructions get no entry site.
    ops_min_size: int = 0
    #: Only functions in sections whose whole name matches get an entry site (a regular expression; "" for all).
    ops_sections: str = ""

    @property
    def chosen(self) -> tuple[str, ...]:
        """The passes in effect."""
        return self.passes or (("static-call",) if self.abi == "kernel" else ("relpoline", "static-call", "marker"))

    @property
    def block(self) -> int:
        """log2 of the block in effect."""
        return self.bundle or (4 if self.abi == "kernel" else 3)


def _choice(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"takes one of {', '.join(words)}")
        return value

    return read


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isdecimal() or not low <= int(value) <= high:
            raise ValueError(f"takes a number from {low} to {high}")
        return int(value)

    return read


def _switch(value: str) -> bool:
    if value.lower() in ("on", "yes", "1", "true"):
        return True
    if value.lower() in ("off", "no", "0", "false"):
        return False
    raise ValueError("takes on or off")


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _words_of(*known: str) -> Callable[[str], tuple[str, ...]]:
    def read(value: str) -> tuple[str, ...]:
        words = _words(value)
        for word in words:
            if word not in known:
                raise ValueError(f"knows no {word!r}; it takes {', '.join(known)}")
        return words

    return read


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"takes a regular expression: {error}") from None
    return value


#: Key -> what reads its value.
KEYS: dict[str, Callable[[str], Any]] = {
    "passes": _words,
    "abi": _choice("user", "kernel"),
    "bundle": _number(3, 6),
    "align": _choice("bundle", "p2align"),
    "slow": _choice(*SLOW_PATHS),
    "targets": _number(1, 8),
    "inline-asm": _switch,
    "functions": _pattern,
    "skip-functions": _pattern,
    "check": _choice("off", "sites", "full"),
    "runtime": _switch,
    "profile": str,
    "tables": _words_of("static-call", "retpoline", "return", "mcount"),
    "stats": str,
    "on-unsure": _choice("skip", "error"),
    "static-call-prefix": _words,
    "ops-layout": _choice("array", "literal"),
    "ops-min-size": _number(0, 1000000),
    "ops-sections": _pattern,
}


def merged(*sources: Iterable[tuple[str, str, str]]) -> Options:
    """Options from `sources`, farthest first; each gives (key, value, where it was said)."""
    values: dict[str, Any] = {}
    for source in sources:
        for key, value, where in source:
            read = KEYS.get(key)
            if read is None:
                raise OptionError(f"no option is named {key!r}", file=where, hint=_nearest(key))
            try:
                values[key.replace("-", "_")] = read(value)
            except ValueError as error:
                raise OptionError(f"option {key}={value!r}: {key} {error}", file=where) from None
    return Options(**values)


def from_flags(flags: str, where: str = ENVIRONMENT) -> list[tuple[str, str, str]]:
    """`KEY=VALUE KEY=VALUE`, quoted as a shell quotes; a bare KEY means KEY=on."""
    if not any(c in flags for c in "'\"\\"):
        words = flags.split()
    else:
        import shlex

        try:
            words = shlex.split(flags)
        except ValueError as error:
            raise OptionError(f"{flags!r} cannot be split into words: {error}", file=where) from None
    pairs = (word.partition("=") for word in words)
    return [(key, value if equals else "on", where) for key, equals, value in pairs]


def from_file(path: str) -> list[tuple[str, str, str]]:
    """The keys of an ``asmrewrite.toml``: strings, numbers, booleans, and lists of strings."""
    import tomllib

    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"is not TOML: {error}", file=path) from None
    return [(key, _toml_text(value), path) for key, value in table.items()]


def find_file(start: str) -> str:
    """The nearest ``asmrewrite.toml`` in `start` or a folder above it; "" when there is none."""
    try:
        folder = os.path.abspath(start)
    except FileNotFoundError:
        return ""  # the current folder has been removed
    while True:
        candidate = os.path.join(folder, CONFIG_FILE)
        if os.path.isfile(candidate):
            return candidate
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above


def gather(
    near: Iterable[tuple[str, str, str]] = (), environ: Mapping[str, str] = os.environ, start: str = "."
) -> Options:
    """The options in effect: `near` (a command line) over ASMREWRITE_FLAGS over asmrewrite.toml.

    Farthest is what the compiler wrapper saw in the compiler's command line: that it compiles the kernel.
    """
    path = find_file(start)
    seen = [("abi", "kernel", KERNEL)] if environ.get(KERNEL) else ()
    found = merged(seen, from_file(path) if path else (), from_flags(environ.get(ENVIRONMENT, "")), near)
    # What a profile of the kernel names, a module may not: only a part of it is exported.
    return found._replace(profile="") if environ.get(KERNEL) == "module" else found


def _toml_text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _nearest(key: str) -> str:
    import difflib

    close = difflib.get_close_matches(key, KEYS, 1, 0.5)
    return f"did you mean {close[0]}?" if close else f"the options are {', '.join(KEYS)}"
