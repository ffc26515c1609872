"""The table at the end: one row for each thing that was counted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What one suite counted."""

    suite: str
    cases: int
    passed: int
    #: Differences whose cause is known and written down; their cases count as passed.
    explained: int = 0


def show(rows: Sequence[Row]) -> bool:
    """Print the table with its total; whether every case passed."""
    total = Row("total", sum(r.cases for r in rows), sum(r.passed for r in rows), sum(r.explained for r in rows))
    width = max(22, *(len(row.suite) for row in rows))
    print(f"\n{'suite':<{width}} {'cases':>7} {'passed':>7} {'failed':>7} {'explained':>9}")
    for row in (*rows, total):
        print(f"{row.suite:<{width}} {row.cases:>7} {row.passed:>7} {row.cases - row.passed:>7} {row.explained:>9}")
    return total.cases == total.passed
