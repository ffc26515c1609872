"""What an audit may find: rules written by hand, and the baseline of what was there before. docs/audit.md.

Both are TOML, and strict: a key that is not known is an error that names it.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections import Counter
from typing import NamedTuple

from asmrewrite.analysis.survey import base_name
from asmrewrite.errors import OptionError
from asmrewrite.verify.audit import KINDS, PROTECTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from asmrewrite.verify.audit import Audited, AuditedBranch

#: What a branch may be protected by without a rule, unless the policy says otherwise.
ACCEPTED = ("relpoline", "retpoline")
_RULE_KEYS = ("kind", "protection", "function", "file", "limit")
_BASELINE_KEYS = ("file", "function", "kind", "protection", "count")
#: The words that compilers put behind the name of a function that they made another of, with numbers that change.
_CLONE = re.compile(r"\.(?:constprop|isra|part|lto_priv|llvm|localalias)(?:\.\d+)?(?=\.|$)")


class Rule(NamedTuple):
    """What one [[allow]] allows; an empty tuple of kinds stands for all, `limit` is -1 for no limit."""

    number: int
    kinds: tuple[str, ...]
    protections: tuple[str, ...]
    function: re.Pattern[str] | None
    file: str
    limit: int

    def fits(self, branch: AuditedBranch) -> bool:
        """Whether the rule is about `branch`, its limit aside."""
        return (
            (not self.kinds or branch.kind in self.kinds)
            and branch.protection in self.protections
            and (self.function is None or self.function.fullmatch(branch.function) is not None)
            and (not self.file or fnmatch.fnmatchcase(branch.file, self.file))
        )


class Policy(NamedTuple):
    """Protections that need no rule, and the rules in their order."""

    accept: tuple[str, ...]
    rules: tuple[Rule, ...]


class Identity(NamedTuple):
    """What a branch is called in a baseline: nothing of it changes because other code does."""

    file: str
    function: str
    kind: str
    protection: str


class Violation(NamedTuple):
    """A branch that is not allowed, and why not."""

    branch: AuditedBranch
    reason: str

    def __str__(self) -> str:
        branch = self.branch
        what = f"{branch.kind} `{branch.text}`, protection {branch.protection}"
        return f"{branch.file}: {branch.place}: {what}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """It as plain data."""
        return {"reason": self.reason, **self.branch.as_dict()}


def identity(branch: AuditedBranch) -> Identity:
    """Its name in a baseline; in code without functions the section stands for one."""
    function = base_name(_CLONE.sub("", branch.function)) if branch.function else f"[{branch.section}]"
    return Identity(branch.file, function, branch.kind, branch.protection)


def judge(files: Iterable[Audited], policy: Policy, baseline: Counter[Identity] | None) -> list[Violation]:
    """The branches that neither an accepted protection, nor a rule, nor the baseline allows.

    A thunk's own branch is not judged: those that go through the thunk are.
    """
    used: Counter[int] = Counter()
    left: dict[Identity, list[tuple[AuditedBranch, str]]] = {}
    for file in files:
        for branch in file.branches:
            if branch.kind != "thunk" and branch.protection not in policy.accept:
                reason = _objection(branch, policy, used)
                if reason:
                    left.setdefault(identity(branch), []).append((branch, reason))
    violations = []
    for name, branches in left.items():
        known = baseline[name] if baseline is not None else 0
        if len(branches) <= known:
            continue
        for branch, reason in branches:
            new = "new" if baseline is not None else reason
            if known:
                new = f"of {len(branches)} such branches of {name.function} the baseline has {known}: one is new"
            violations.append(Violation(branch, new))
    return violations


def _objection(branch: AuditedBranch, policy: Policy, used: Counter[int]) -> str:
    """Why no rule allows `branch`; "" when one does, which is then used up by one."""
    full = ""
    for rule in policy.rules:
        if rule.fits(branch):
            if rule.limit < 0 or used[rule.number] < rule.limit:
                used[rule.number] += 1
                return ""
            full = f"rule {rule.number} allows {rule.limit} and no more"
    return full or "no rule allows it"


# ---- reading ------------------------------------------------------------------------------------------


def read_policy(path: str) -> Policy:
    """The policy in the file at `path`. Raises `OptionError` for what it does not understand."""
    data = _load(path, ("accept", "allow"))
    accept = _words(path, data.get("accept", list(ACCEPTED)), "accept", PROTECTIONS)
    rules = []
    for number, table in enumerate(_tables(path, data, "allow"), 1):
        where = f"allow, rule {number}"
        _require_known(path, table, _RULE_KEYS, where)
        limit = table.get("limit", -1)
        if "limit" in table and (type(limit) is not int or limit < 0):
            raise OptionError(f"{where}: limit is {limit!r}, not a number from 0 on", file=path)
        rules.append(
            Rule(
                number,
                _words(path, table.get("kind", []), f"{where}: kind", KINDS),
                _words(path, table.get("protection", ["none"]), f"{where}: protection", PROTECTIONS),
                _pattern(path, table.get("function"), where),
                _text(path, table.get("file", ""), f"{where}: file"),
                limit,
            )
        )
    return Policy(accept, tuple(rules))


def read_baseline(path: str) -> Counter[Identity]:
    """Identity -> how many of it there were."""
    data = _load(path, ("branch",))
    found: Counter[Identity] = Counter()
    for number, table in enumerate(_tables(path, data, "branch"), 1):
        where = f"branch {number}"
        _require_known(path, table, _BASELINE_KEYS, where)
        missing = [key for key in _BASELINE_KEYS if key not in table]
        if missing:
            raise OptionError(f"{where}: {missing[0]} is missing", file=path)
        name = Identity(*(_text(path, table[key], f"{where}: {key}") for key in _BASELINE_KEYS[:4]))
        _words(path, name.kind, f"{where}: kind", KINDS)
        _words(path, name.protection, f"{where}: protection", PROTECTIONS)
        if type(table["count"]) is not int or table["count"] < 1:
            raise OptionError(f"{where}: count is {table['count']!r}, not a number from 1 on", file=path)
        found[name] += table["count"]
    return found


def written_baseline(violations: Sequence[Violation]) -> str:
    """The baseline that allows what the policy now objects to."""
    counts = Counter(identity(violation.branch) for violation in violations)
    lines = ["# What was there; a build that has more of it fails. Made by asmrewrite audit --write-baseline.\n"]
    for name, count in sorted(counts.items()):
        lines.append("\n[[branch]]\n")
        lines += [f"{key} = {_quoted(value)}\n" for key, value in zip(_BASELINE_KEYS, name, strict=False)]
        lines.append(f"count = {count}\n")
    return "".join(lines)


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    escaped = "".join(
        f"\\u{ord(c):04X}" if ord(c) < 32 or ord(c) == 127 else f"\\{c}" if c in '"\\' else c for c in text
    )
    return f'"{escaped.encode("utf-8", "replace").decode()}"'


def _load(path: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise OptionError(f"cannot be read: {error.strerror}", file=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"is not TOML: {error}", file=path) from None
    _require_known(path, data, keys, "")
    return data


def _require_known(path: str, table: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            at = f"{where}: " if where else ""
            raise OptionError(f"{at}no key is named {key!r}", file=path, hint=f"there are {', '.join(keys)}")


def _tables(path: str, data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    tables = data.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise OptionError(f"{key} is no list of tables", file=path, hint=f"write [[{key}]]")
    return tables


def _words(path: str, value: object, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """A word or a list of them, each one of `allowed`."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list):
        raise OptionError(f"{key} is {value!r}, not a word or a list of words", file=path)
    for word in words:
        if word not in allowed:
            raise OptionError(f"{key} does not take {word!r}", file=path, hint=f"it takes {', '.join(allowed)}")
    return tuple(words)


def _text(path: str, value: object, key: str) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{key} is {value!r}, not a text", file=path)
    return value


def _pattern(path: str, value: object, where: str) -> re.Pattern[str] | None:
    if value is None:
        return None
    try:
        return re.compile(_text(path, value, f"{where}: function"))
    except re.error as error:
        raise OptionError(f"{where}: function is no regular expression: {error}", file=path) from None
