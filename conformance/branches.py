"""Counting indirect branches three ways: objdump, the tool's reading of objects, its statistics.

objdump knows nothing of asmrewrite, which makes it the referee. The law of one build:

    indirect calls and jumps in all untouched objects == relpoline sites + all skipped
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.command import CommandError, must, run

#: An indirect near branch in objdump's AT&T syntax, with any prefix: ``notrack jmp *%rax``.
_INDIRECT = re.compile(rb"\t(?:[a-z]+ )*(call|jmp)[qlw]? +\*")

_ANY_INDIRECT = re.compile(rb"\t(?:[a-z0-9_.,]+ +)*l?(?:call|jmp)[a-z]? +\*")

#: A relocation of a branch to a retpoline thunk, gcc's or clang's.
_THUNK = re.compile(rb"R_X86_64_(?:PLT32|PC32) .* (?:__x86_indirect_thunk|__llvm_retpoline)_\w+ - 4$", re.MULTILINE)

#: The verdicts of ``asmrewrite check``; a line must hold exactly one.
_VERDICT = re.compile(r"\b(?:PASS|FAIL|UNKNOWN)\b")


@dataclass(frozen=True)
class Indirect:
    """What objdump sees in a list of objects."""

    calls: int
    jumps: int

    @property
    def total(self) -> int:
        """Calls and jumps."""
        return self.calls + self.jumps


@dataclass(frozen=True)
class Statistics:
    """The sums over the tool's statistics, one JSON line for each assembled file."""

    files: int
    #: Pass -> rewritten sites.
    sites: Counter[str]
    #: Reason -> sites left as they were.
    skipped: Counter[str]
    bytes_added: int

    @property
    def relpolines(self) -> int:
        """The indirect branches that were rewritten."""
        return self.sites["relpoline"]

    @property
    def reasons(self) -> str:
        """The skipped sites by reason, the most frequent first."""
        return ", ".join(f"{reason} {count}" for reason, count in self.skipped.most_common() if count)


def disassembled(objects: Sequence[Path]) -> Indirect:
    """Count the indirect branches of all executable sections with objdump."""
    kinds = Counter(_INDIRECT.findall(must(["objdump", "-d", "--no-show-raw-insn", *map(str, objects)])))
    return Indirect(kinds[b"call"], kinds[b"jmp"])


def thunk_calls(objects: Sequence[Path]) -> int:
    """How many branches of untouched objects lead to a compiler's thunk, which makes them indirect."""
    relocations = must(["readelf", "-r", "-W", *map(str, objects)])
    return len(_THUNK.findall(relocations))


def indirect_in(object_: Path) -> list[str]:
    """The lines of objdump's disassembly that branch indirectly, far or near."""
    lines = run(["objdump", "-d", "--no-show-raw-insn", str(object_)]).stdout.splitlines()  # not for IAMCU objects
    return [line.decode(errors="replace").strip() for line in lines if _ANY_INDIRECT.search(line)]


def read_statistics(path: Path) -> Statistics:
    """Sum up a statistics file."""
    if not path.exists():
        raise CommandError("no statistics were written: the compiler did not run asmrewrite")
    sites, skipped, added, lines = Counter[str](), Counter[str](), 0, path.read_text().splitlines()
    for line in lines:
        try:
            record = json.loads(line)
            sites.update(record["sites"])
            skipped.update(record["skipped"])
            added += record["bytes_added"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CommandError(f"statistics: {error!r} in {line[:200]}") from error
    return Statistics(len(lines), sites, skipped, added)


def recorded_sites(tool: str, objects: Sequence[Path]) -> int:
    """The relpoline sites that ``asmrewrite sites`` finds in rewritten objects."""
    listing = must([tool, "sites", "--json", *map(str, objects)])
    try:
        found = json.loads(listing)["objects"]
        return sum(site["pass"] == "relpoline" for entry in found for site in entry["sites"])
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{tool} sites --json: {error!r}") from error


def checked(tool: str, objects: Sequence[Path]) -> int:
    """The number of verdicts of ``asmrewrite check``; `CommandError` unless each is PASS."""
    ran = run([tool, "check", *map(str, objects)])
    lines = [line for line in ran.stdout.decode(errors="replace").splitlines() if line.strip()]
    bad = [line for line in lines if _VERDICT.findall(line) != ["PASS"]]
    if ran.status != 0 or bad:
        shown = "\n".join((bad or lines)[:20])
        raise CommandError(f"{tool} check: exit status {ran.status}, {len(bad)} lines other than PASS\n{shown}")
    return len(lines)


def proven(tool: str, pairs: Sequence[tuple[Path, Path]]) -> int:
    """How many rewritten objects are proven to be their originals but for the sites; `CommandError` unless all are."""
    for original, rewritten in pairs:
        ran = run([tool, "check", "--original", str(original), str(rewritten)])
        if ran.status != 0:
            lines = (ran.stdout + ran.stderr).decode(errors="replace").splitlines()
            bad = [line for line in lines if ": PASS" not in line]
            shown = "\n".join(bad[:20])
            raise CommandError(f"{tool} check --original {original} {rewritten}: exit status {ran.status}\n{shown}")
    return len(pairs)
