"""Measuring the loads and printing a line for each: every variant beside the plain one, and beside retpolines."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.loads import Figure, Load
from bench.paired import Ratio, ratio, rotated
from bench.usage import Usage
from bench.variants import BASES, PLAIN


class Row(NamedTuple):
    """A load as it was measured: a usage of each variant in each round."""

    name: str
    figures: Sequence[Figure]
    rounds: Sequence[dict[str, Usage]]

    def beside(self, base: str, figure: Figure) -> dict[str, Ratio]:
        """Variant -> ratio to `base`, round by round."""
        names = [name for name in self.rounds[0] if name != base]
        return {n: ratio((figure.of(done[n]), figure.of(done[base])) for done in self.rounds) for n in names}

    def lines(self, base: str) -> Iterator[str]:
        """A line for each figure; the first has the name."""
        for figure in self.figures:
            median = statistics.median(figure.of(done[base]) for done in self.rounds)
            ratios = "  ".join(f"{name} {value}" for name, value in self.beside(base, figure).items())
            name = self.name if figure is self.figures[0] else ""
            yield f"{name:<30} {figure.name:<20} {base} {median:7.3f} {figure.unit:<2}  {ratios}"


def measured(loads: Iterator[Load], runs: int) -> Iterator[Row]:
    """Each load in `runs` rounds."""
    for load in loads:
        yield Row(load.name, load.figures, rotated(load.measures, runs))


def geometric_means(rows: Sequence[Row], base: str) -> dict[str, float]:
    """Of the medians of the figure that counts, for every variant that all rows have."""
    ratios = [row.beside(base, row.figures[0]) for row in rows]
    names = [name for name in ratios[0] if all(name in row for row in ratios)]
    return {name: statistics.geometric_mean(row[name].median for row in ratios) for name in names}


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """What is printed behind the lines beside plain: those beside the other bases, and the means."""
    bases = [base for base in BASES if all(base in row.rounds[0] for row in rows)]
    for base in bases:
        if base != PLAIN:
            for row in rows:
                yield next(row.lines(base))
    for base in bases:
        means = "  ".join(f"{name} {value:.2f}" for name, value in geometric_means(rows, base).items())
        yield f"geometric mean of {len(rows)} loads beside {base}: {means}"
