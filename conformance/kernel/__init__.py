"""The suite: our four tables against those of the kernel's objtool, object by object, where a kernel has been built.

`make kernel` builds one (conformance/kernel/__main__.py). Each C object of the tree that objtool wrote the tables of is
compiled to a listing once more, with the command that made it; what we emit for that listing must have the same
entries, by section, offset, key and flags, and the rewritten object must be proven the original.
"""

import argparse
import sys

from conformance.kernel import tables, tree
from conformance.table import Row

SUMMARY = "the kernel's tables are objtool's: each object of a tree that `make kernel VARIANTS=plain` built"
#: Of about 1,600 objects; a second each.
SAMPLE = 60


def main(arguments: argparse.Namespace) -> list[Row]:
    """Compare every n-th object, so that SAMPLE of them are."""
    built = tree.Tree(tree.PLAIN)
    objects = tables.objects(built.folder) if built.is_built() else []
    if not objects:
        print("kernel: no tree is built; `make kernel VARIANTS=plain` builds one")
        return [Row("kernel", 0, 0)]
    chosen = objects[:: max(1, len(objects) // SAMPLE)]
    counts = dict.fromkeys(tables.TABLES, 0)
    problems: list[str] = []
    for name in chosen:
        found = tables.compare_object(built.folder, name)
        problems += found.problems
        for word, count in found.counts.items():
            counts[word] += count
    for problem in problems:
        print(f"    {problem}")
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    print(f"kernel: {len(chosen)} of {len(objects)} objects, {said} sites; {len(problems)} differences")
    sys.stdout.flush()
    return [Row("kernel", len(chosen), len(chosen) - len({p.partition(":")[0] for p in problems}))]
