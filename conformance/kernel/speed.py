"""What we cost a kernel build: the commands of objects of a built tree, run with gcc alone and with us, alternating.

    python -m conformance.kernel.speed [OBJECTS]      60 by default, spread over what `make kernel VARIANTS=plain` built

CPU seconds, of user and system, of the compiler's whole command; objtool is not run, so that a build has a smaller
share of us than this says. "wrapper" is CC=asmrewrite-gcc, "folder" is CC="gcc -B$(asmrewrite --kernel-as-dir)".
"""

import os
import shlex
import statistics
import sys
from pathlib import Path

from asmrewrite.toolchain.asdir import kernel_as_dir
from conformance.command import CommandError
from conformance.kernel import tables, tree

ROUNDS = 3
WAYS = {
    "gcc": ["gcc"],
    "wrapper": [str(Path(sys.executable).parent / "asmrewrite-gcc")],
    "folder": ["gcc", f"-B{kernel_as_dir()}"],
}


def main(arguments: list[str]) -> int:
    """Print the ratios; 1 when one of the sums is above 1.05."""
    folder = tree.Tree(tree.PLAIN).folder
    objects = tables.objects(folder)
    if not objects:
        print("kernel.speed: no tree is built; `make kernel VARIANTS=plain` builds one", file=sys.stderr)
        return 2
    count = int(arguments[0]) if arguments else 60
    chosen = objects[:: max(1, len(objects) // count)]
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for name in chosen:
        words = tables.command(folder, name)
        words[words.index("-o") + 1] = str(tree.work() / "speed.o")
        best = dict.fromkeys(WAYS, float("inf"))
        for _ in range(ROUNDS):
            for way, compiler in WAYS.items():
                best[way] = min(best[way], _cpu([*compiler, *words[1:]], folder))
        for way in WAYS:
            seconds[way].append(best[way])
    plain = seconds.pop("gcc")
    worst = 0.0
    for way, spent in seconds.items():
        ratio = sum(spent) / sum(plain)
        median = statistics.median(ours / theirs for ours, theirs in zip(spent, plain, strict=True))
        worst = max(worst, ratio)
        print(f"kernel.speed: {way}: {len(plain)} objects, {sum(plain):.1f} s and {sum(spent):.1f} s of CPU, "
              f"ratio of the sums {ratio:.3f}, median {median:.3f}")  # fmt: skip
    return int(worst > 1.05)


def _cpu(command: list[str], folder: Path) -> float:
    """CPU seconds of `command` and all it started."""
    process = os.posix_spawnp(
        "env", ["env", "-C", str(folder), *command], os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)],
    )  # fmt: skip
    _, status, usage = os.wait4(process, 0)
    if status:
        raise CommandError(f"{shlex.join(command[:1])}: exit status {status}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
