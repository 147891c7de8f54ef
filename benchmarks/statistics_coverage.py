"""Measure on simulated scores how often intervals and tests are right.

How often intervals hold the true mean, how often equal systems are said to differ, and
how often the smallest detectable difference is found. Prints the tables of
docs/statistics.md; takes about two minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from toxicity_j.compare.intervals import intervals
from toxicity_j.compare.resampling import paired_p_values
from toxicity_j.compare.statistics import smallest_detectable_difference

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def simulated_j(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Draw scores with a heap at 0, as J has it: 4 in 10 texts stay toxic; mean 0.6 *
    0.8 = 0.48.
    """
    is_nontoxic = generator.random(shape) < 0.6
    return np.where(is_nontoxic, generator.beta(8, 2, shape), 0.0)


def _difference_of_j(
    generator: np.random.Generator, shape: tuple[int, int]
) -> np.ndarray:
    return simulated_j(generator, shape) - simulated_j(generator, shape)


def _difference_of_decisions(
    generator: np.random.Generator, shape: tuple[int, int]
) -> np.ndarray:
    return generator.integers(0, 2, shape) - generator.integers(0, 2, shape)


# Scores by kind, with their true mean.
SCORES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda generator, shape: generator.normal(0.5, 0.1, shape), 0.5),
    "beta(2, 3)": (lambda generator, shape: generator.beta(2, 3, shape), 0.4),
    "J with a heap at 0": (simulated_j, 0.48),
    "exponential": (lambda generator, shape: generator.exponential(1, shape), 1.0),
}

# Differences of two systems with equal means, by kind.
DIFFERENCES: dict[str, Draw] = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "two J with heaps at 0": _difference_of_j,
    "decisions (-1, 0, 1)": _difference_of_decisions,
    "heavy tails (t, 3)": lambda generator, shape: generator.standard_t(3, shape),
    "exponential - 1": lambda generator, shape: generator.exponential(1, shape) - 1,
    "chi-squared(1) - 1": lambda generator, shape: generator.chisquare(1, shape) - 1,
}


def coverage(draw: Draw, mean: float, n: int, method: str, repeats: int) -> float:
    """Return the share of 95 % intervals that hold the true mean."""
    generator = np.random.default_rng(n)
    columns = draw(generator, (n, repeats))
    low, high = intervals(columns, n_resamples=1000, seed=1, level=0.95, method=method)
    is_inside = (low <= mean) & (high >= mean)
    return float(np.mean(is_inside))


def false_positives(draw: Draw, n: int, repeats: int) -> float:
    """Return the share of tests at the 5 % level that say that equal systems differ."""
    # Other draws than the intervals'.
    generator = np.random.default_rng(n + 1000)
    drawn = draw(generator, (n, repeats)).astype(float)
    differences = drawn / np.abs(drawn).max()
    p_values = paired_p_values(differences, n_resamples=1000, seed=1)
    return float(np.mean(p_values <= 0.05))


def power(n: int, pairs: int, repeats: int) -> float | None:
    """Return how often the smallest detectable difference of normal scores is found.

    Returns:
        A share of tests at the level 0.05 / pairs; None where none can be found.
    """
    level = 0.05 / pairs
    # Scores with a standard deviation of 1.
    spread = np.linspace(-1, 1, n)
    spread /= spread.std(ddof=1)
    smallest = smallest_detectable_difference(spread, np.zeros(n), level=level)
    if smallest is None:
        return None
    drawn = np.random.default_rng(n).normal(smallest, 1, (n, repeats))
    differences = drawn / np.abs(drawn).max()
    p_values = paired_p_values(differences, n_resamples=1000, seed=1)
    return float(np.mean(p_values <= level))


def _print_coverage(repeats: int) -> None:
    print("| scores | interval | n = 10 | n = 100 | n = 1,000 |\n|---|---|---|---|---|")
    for kind, (draw, mean) in SCORES.items():
        for method in ("percentile", "bca"):
            cells = [kind, method]
            for n in (10, 100, 1000):
                share = coverage(draw, mean, n, method, repeats)
                cells.append(f"{share:.3f}")
            print(f"| {' | '.join(cells)} |", flush=True)


def _print_false_positives(repeats: int) -> None:
    columns = "differences | largest for n = 6 to 50 | mean | n = 100"
    print(f"| {columns} |\n|---|---|---|---|")
    for kind, draw in DIFFERENCES.items():
        # Below 6 segments no difference can be found at this level.
        rates = [false_positives(draw, n, repeats) for n in range(6, 51)]
        last = false_positives(draw, 100, repeats)
        cells = f"{max(rates):.3f} | {np.mean(rates):.3f} | {last:.3f}"
        print(f"| {kind} | {cells} |", flush=True)


def _print_power(repeats: int) -> None:
    sizes = (6, 7, 8, 9, 10, 12, 20, 50, 100)
    columns = " | ".join(f"n = {n}" for n in sizes)
    print(f"| pairs | {columns} |\n|---|{'---|' * len(sizes)}")
    for pairs in (1, 3, 10):
        cells = [str(pairs)]
        for n in sizes:
            share = power(n, pairs, repeats)
            cells.append("-" if share is None else f"{share:.3f}")
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.statistics_coverage",
        description=__doc__.splitlines()[0],
    )
    parser.add_argument(
        "--repeats", type=int, default=2000, help="simulated data sets per cell"
    )
    repeats = parser.parse_args().repeats
    _print_coverage(repeats)
    print()
    _print_false_positives(repeats)
    print()
    _print_power(repeats)


if __name__ == "__main__":
    main()
