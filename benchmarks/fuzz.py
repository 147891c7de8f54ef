"""Random calls: each ends in a result within its range, or in an error that names the
argument in backticks.

`python -m benchmarks.fuzz --calls 100000` runs all targets in turn;
`tests/test_fuzz.py` runs a few thousand. A failure is shrunk by Hypothesis and printed
with its input.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, seed, settings

from benchmarks import fuzz_calls

# Each target with its share of the calls: what runs the encoder is slow.
TARGETS: dict[str, tuple[Callable[[], None], float]] = {
    "compute": (fuzz_calls.fuzz_compute, 0.06),
    "add_batch": (fuzz_calls.fuzz_add_batch, 0.06),
    "scorer": (fuzz_calls.fuzz_scorer, 0.24),
    "score": (fuzz_calls.fuzz_score, 0.03),
    "p_toxic": (fuzz_calls.fuzz_p_toxic, 0.20),
    "loss": (fuzz_calls.fuzz_loss, 0.02),
    "reward": (fuzz_calls.fuzz_reward, 0.15),
    "statistics": (fuzz_calls.fuzz_statistics, 0.24),
}


def run(name: str, calls: int, number: int = 0) -> None:
    """Run one target.

    Args:
        name: a key of `TARGETS`.
        calls: random inputs.
        number: seed.

    Raises:
        Wrong: a call ended in neither a right result nor a named error.
    """
    target, _ = TARGETS[name]
    options = settings(
        max_examples=calls,
        # Loading a model takes longer than any deadline, and data that is filtered or
        # slow is no fault of the package.
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # Nothing is replayed from an earlier run: equal seeds make equal calls.
        database=None,
        phases=(Phase.generate, Phase.shrink),
    )
    seed(number)(options(target))()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description=__doc__
    )
    add = parser.add_argument
    add("--calls", type=int, default=100_000, help="random calls in all")
    add("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    add("--seed", type=int, default=0)
    return parser


def _fails(name: str, calls: int, number: int) -> bool:
    """Run one target, and print a line; True where it failed."""
    begin = time.monotonic()
    failed = False
    try:
        run(name, calls, number)
    except Exception:  # noqa: BLE001 (Hypothesis may raise a group)
        failed = True
        traceback.print_exc()
    seconds = time.monotonic() - begin
    print(f"{name}: {calls} calls, {seconds:.0f} s", file=sys.stderr, flush=True)
    return failed


def main(arguments: list[str] | None = None) -> int:
    """Run all targets, print one line for each, and return 1 where one failed."""
    options = _parser().parse_args(arguments)
    whole = sum(TARGETS[name][1] for name in options.targets)
    failed = 0
    for name in options.targets:
        _, share = TARGETS[name]
        calls = round(options.calls * share / whole)
        failed += _fails(name, max(1, calls), options.seed)
    print(f"{failed} of {len(options.targets)} targets failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
