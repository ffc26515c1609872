"""Every C object of a built kernel, and not only a sample: tables, proof and objtool.

    python -m conformance.kernel.whole          of the tree of `make kernel VARIANTS=plain`, and the profile of `record`

Our four tables are compared with objtool's; the object with relpolines, chains, aliases and all tables is proven the
original; objtool, asked for all but those tables, has nothing to say of it. Listings that `record` has left are taken,
others are made. Two processes, about half an hour.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from asmrewrite import Options
from conformance.command import CommandError
from conformance.kernel import tables, tree
from conformance.kernel.cc import kept

JOBS = 2


def main() -> int:
    """Print what differs, and counts; 0 when nothing does."""
    built = tree.Tree(tree.PLAIN)
    names = tables.objects(built.folder) if built.is_built() else []
    if not names:
        print("kernel.whole: no tree is built; `make kernel VARIANTS=plain` builds one", file=sys.stderr)
        return 2
    profile = tree.work() / "calls.profile"
    options = tables.WHOLE._replace(profile=str(profile) if profile.exists() else "")
    counts = dict.fromkeys(tables.TABLES, 0)
    bad = 0
    with ProcessPoolExecutor(JOBS) as pool:
        for done, (problems, found) in enumerate(pool.map(partial(_one, built.folder, options), names), 1):
            bad += bool(problems)
            for problem in problems[:5]:
                print(f"    {problem}", flush=True)
            for word, count in found.items():
                counts[word] += count
            if not done % 100:
                print(f"kernel.whole: {done} of {len(names)}", flush=True)
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    print(f"kernel.whole: {len(names)} objects, {said} sites; {bad} objects with differences")
    return int(bool(bad))


def _one(folder: Path, options: Options, name: str) -> tuple[list[str], dict[str, int]]:
    try:
        text = kept(tree.work(), name) or tables.listing(folder, name)
        if "-DMODULE" in tables.command(folder, name):
            options = options._replace(profile="")
        found = tables.compare(text, (folder / name).read_bytes(), name, options)
        return found.problems + tables.objtool(folder, name, found.rewritten), found.counts
    except CommandError as error:
        return [str(error)], {}


if __name__ == "__main__":
    sys.exit(main())
