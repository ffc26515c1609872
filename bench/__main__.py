"""`python -m bench [NAME...]`: print the figures; see docs/performance.md."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.speed import speed

BENCHES = {"speed": speed}


def main() -> int:
    """Run the benches named, or all."""
    folder = Path(__file__).resolve().parent.parent / "build" / "bench"
    for name in sys.argv[1:] or BENCHES:
        if name not in BENCHES:
            print(f"no bench is named {name}; there are {', '.join(BENCHES)}", file=sys.stderr)
            return 2
        print(f"== {name}", flush=True)
        for line in BENCHES[name](folder):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
