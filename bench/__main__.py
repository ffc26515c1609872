"""`python -m bench [NAME...]`: print the figures; see docs/performance.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import loads, micro
from bench.loads import baked, lua, nginx, redis, sqlite
from bench.markers import markers
from bench.ops import ops
from bench.placement import placement
from bench.speed import speed
from bench.table import Row, measured, summary
from bench.tracing import tracing
from bench.updates import updates
from bench.variants import PLAIN, variants
from conformance.command import CommandError
from conformance.sources import TOOLS, require_tools

#: What prints its own figures, and the loads of which all variants are compared.
BENCHES: dict[str, Callable[[Path, int], Iterator[str]]] = {
    "speed": speed, "micro": micro.micro, "placement": placement, "updates": updates, "markers": markers, "ops": ops,
    "trace": tracing,
}  # fmt: skip
LOADS = {"sqlite": sqlite.loads, "lua": lua.loads, "redis": redis.loads, "nginx": nginx.loads, "baked": baked.loads}


def main() -> int:
    """Run the benches named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Print the figures, as ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*BENCHES, *LOADS)))
    parser.add_argument("--runs", type=int, default=9, help="rounds that are counted")
    parser.add_argument("--control", action="store_true", help="the loads with the plain variant twice: all is 1.00")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {*BENCHES, *LOADS}
    if unknown:
        parser.error(f"no bench is named {', '.join(sorted(unknown))}")
    try:
        _run(arguments.names or [*BENCHES, *LOADS], arguments.runs, control=arguments.control)
    except CommandError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def _run(names: list[str], runs: int, *, control: bool) -> None:
    require_tools({**TOOLS, **(loads.TOOLS if {"redis", "nginx"} & {*names} else {})})
    folder = Path(__file__).resolve().parent.parent / "build" / "bench"
    compilers = {name: variant.cc for name, variant in variants(control=control).items()}
    rows: list[Row] = []
    for name in names:
        print(f"== {name}", flush=True)
        if name in BENCHES:
            for line in BENCHES[name](folder, runs):
                print(line, flush=True)
            continue
        for row in measured(LOADS[name](folder, compilers), runs):
            print(*row.lines(PLAIN), sep="\n", flush=True)
            rows.append(row)
    if rows:
        for name, variant in variants(control=control).items():
            print(f"{name:<14} {variant.note}")
        print("== summary", *summary(rows), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
