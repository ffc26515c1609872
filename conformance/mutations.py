"""The suite: bits of rewritten objects inverted, one at a time; translation validation must object to each.

What passes must be proven harmless, for a reason of tests/mutations.py (`UNNOTICED`): the same instructions, the same
debug information by readelf, bytes that the linker replaces.
"""

import argparse
import sys
from collections import Counter

from asmrewrite.options import PLUGIN_ARGUMENT
from asmrewrite.verify.translation import validate_bytes
from conformance.command import CommandError, must
from conformance.realprograms import find_tool
from conformance.sources import REPOSITORY
from conformance.table import Row
from tests.mutations import DEBUGGED, PROGRAM, THROWING, TRACED, UNNOTICED, flips, harmless, noticed, read

SUMMARY = "one bit of a rewritten object inverted: objected to, or proven harmless"

#: Source, its name, flags, and the bits of each byte to invert.
CASES = (
    (PROGRAM, "x.c", "-O2 -fno-ident", (0, 5)),
    (DEBUGGED, "x.c", "-O2 -g -fno-ident", (2,)),
    (DEBUGGED, "x.c", "-O2 -g -fno-ident -gdwarf-4", (6,)),
    (THROWING, "x.cpp", "-O2 -fno-ident", (1,)),
    (TRACED, "x.c", f"-O2 -fno-ident {PLUGIN_ARGUMENT}passes=call-ops", (0, 4)),
    (TRACED, "x.c", f"-Os -g -fno-ident {PLUGIN_ARGUMENT}passes=call-ops {PLUGIN_ARGUMENT}ops-layout=literal", (3,)),
)
_KINDS = {
    ".eh_frame": "CFI", ".debug_frame": "CFI", "asmrewrite_sites": "records", "asmrewrite_slots": "slots",
    ".symtab": "symbols",
}  # fmt: skip


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Run over all cases; the table of rates, and a row for each kind of content."""
    total: dict[str, Counter[str]] = {}
    for text, source, flags, bits in CASES:
        original, new = _objects(text, source, flags)
        _survey(f"{source} {flags}", original, new, bits, total)
    print(f"\n{'content':<14} {'mutations':>9} {'objected':>9} {'harmless':>9} {'missed':>7}")
    for kind, counts in sorted(total.items()):
        rest = sum(count for reason, count in counts.items() if reason in UNNOTICED)
        print(f"{kind:<14} {counts.total():>9} {counts['noticed']:>9} {rest:>9} {counts['missed']:>7}")
        for reason, count in counts.most_common():
            if reason in UNNOTICED:
                print(f"    {count:>7} {reason}: {UNNOTICED[reason]}")
    sys.stdout.flush()
    return [
        Row(
            f"mutations: {kind}",
            counts.total(),
            counts.total() - counts["missed"],
            sum(count for reason, count in counts.items() if reason in UNNOTICED),
        )
        for kind, counts in sorted(total.items())
    ]


def _objects(text: str, source: str, flags: str) -> tuple[bytes, bytes]:
    """The object of the compiler and that of the wrapper."""
    tool = find_tool()
    work = REPOSITORY / "build" / "mutations"
    work.mkdir(parents=True, exist_ok=True)
    (work / source).write_text(text)
    made = []
    compiler = "g++" if source.endswith(".cpp") else "gcc"
    for cc in ([compiler], [tool.command or "asmrewrite", "cc", compiler]):
        words = [word for word in flags.split() if len(cc) > 1 or not word.startswith(PLUGIN_ARGUMENT)]
        must([*cc, *words, "-c", "-o", "x.o", source], cwd=work)
        made.append((work / "x.o").read_bytes())
    if noticed(made[0], made[1]):
        raise CommandError(f"{source} {flags}: not proven as it is")
    return made[0], made[1]


def _survey(name: str, original: bytes, new: bytes, bits: tuple[int, ...], total: dict[str, Counter[str]]) -> None:
    """Add to `total`, by content, what became of each mutation; print those that were missed."""
    elf = read(new)
    stubs = [v.stub for v in validate_bytes(original, new, name).sites if v.stub]
    sites = {place for v in validate_bytes(original, new, name).sites for place in range(v.offset, v.offset + 5)}
    end = min((start for start, _ in stubs), default=0 if sites.isdisjoint(range(16)) else 1 << 30)
    for number, part in enumerate(elf.parts):
        if part.kind in (0, 3, 8, 17) or not part.size or part.name in (".comment", ".note.GNU-stack"):
            continue
        for place, bit, mutated in flips(elf, part.start, part.size, bits):
            counts = total.setdefault(_kind(part.name, place, sites, end), Counter())
            if noticed(original, mutated):
                counts["noticed"] += 1
                continue
            reason = harmless(elf, number, place, mutated, end)
            counts[reason if reason in UNNOTICED else "missed"] += 1
            if reason not in UNNOTICED:
                print(f"    {name}: {part.name}+{place:#x}, bit {bit}: not objected to")


def _kind(name: str, place: int, sites: set[int], end: int) -> str:
    """What a byte of a section belongs to."""
    if name.startswith(".rela"):
        return "relocations"
    if name.startswith(".debug") and name != ".debug_frame":
        return "debug"
    if name.startswith(".gcc_except_table"):
        return "LSDA"
    if name.startswith(".text.__relpoline"):
        return "thunks"
    if name == ".text":
        return "sites" if place in sites else "stubs" if place >= end else "text"
    return _KINDS.get(name, "text" if name.startswith(".text") else "data")
