"""Print the pass rates of the `embedded` protocol on the behavioural suite.

python -m benchmarks.behaviour --style-model identifier --failures
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.behaviour.suite import (
    Outcome,
    by_capability,
    by_role,
    measure_rates,
    read_cases,
    run_cases,
    scorer_score,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.behaviour", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--style-model", help="encoder (the default), identifier, or a folder"
    )
    parser.add_argument(
        "--failures",
        action="store_true",
        help="print the failed cases with their scores",
    )
    return parser


def _print_failures(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if not outcome.passed:
            values = ", ".join(f"{value:.2f}" for value in outcome.scores)
            print(f"failed {outcome.case} ({values})")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print pass rates per capability and per role, the two rates, and the failures
    where they are asked for.
    """
    options = _parser().parse_args(arguments)
    score = scorer_score(style_model=options.style_model)
    outcomes = run_cases(score, read_cases())
    for name, (passed, total) in by_capability(outcomes).items():
        print(f"{name:42} {passed:3} of {total:3}")
    for role, (passed, total) in by_role(outcomes).items():
        name, share = f"all {role}", passed / total
        print(f"{name:42} {passed:3} of {total:3}  {share:.3f}")
    for name, value in measure_rates(score).items():
        print(f"{name:42} {value:.3f}")
    if options.failures:
        _print_failures(outcomes)


if __name__ == "__main__":
    main()
