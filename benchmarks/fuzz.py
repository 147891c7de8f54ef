"""Random calls: each ends in a result within its range, or in an error that names the
argument in backticks.

`python -m benchmarks.fuzz --calls 100000` runs all targets in turn;
`tests/test_fuzz.py` runs a few thousand. A failure is shrunk by Hypothesis and printed
with its input.
"""

from __future__ import annotations

import argparse
import functools
import math
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from toxicity_j import Scorer, ToxicityIdentifier, load
from toxicity_j.compare import statistics
from toxicity_j.objectives.loss import ToxicityLoss
from toxicity_j.objectives.reward import ToxicityReward

# --- Values

# Invisible and combining characters, emoji, scripts, controls, a lone surrogate.
ODD = (
    "\u00ad\u200b\u200d\ufeff\u202e\u0301\u3164\u2800"
    "\U0001f642\U0001f44d\U000e0041\x00\x1b\r\n\t讨厌он\ud800"
)
WORDS = st.sampled_from(
    [
        "you",
        "fool",
        "fine",
        "d*mn",
        "the",
        "plan",
        "#BadIdea",
        "[SEP]",
        "<unk>",
        "|",
        "\n",
    ]
)
TEXT = st.one_of(
    st.lists(WORDS, max_size=8).map(" ".join),
    st.text(max_size=12),
    st.text(alphabet=ODD, max_size=6),
    st.sampled_from(["", " ", "a" * 3000, "word " * 1200, ".", "-"]),
)
NUMBER = st.one_of(
    st.integers(-3, 9),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        [
            0.0,
            0.5,
            1.0,
            2**63,
            -(2**70),
            np.int64(3),
            np.float32(0.5),
            np.float64("nan"),
            True,
        ]
    ),
)
ATOM = st.one_of(
    st.none(),
    st.booleans(),
    NUMBER,
    TEXT,
    st.binary(max_size=3),
    st.just(object()),
    st.just(...),
)
ANYTHING = st.recursive(
    ATOM,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
        st.lists(inner, max_size=2).map(lambda items: np.array(items, dtype=object)),
    ),
    max_leaves=5,
)


def column(length: int, item: st.SearchStrategy[Any] = TEXT) -> st.SearchStrategy[Any]:
    """Draw a column of texts, mostly a right one, in one of the types that hold
    columns.
    """
    right = st.lists(item, min_size=length, max_size=length)
    kinds = [
        list,
        tuple,
        iter,
        set,
        *(partial(kind, dtype=object) for kind in (np.array, pd.Series, pd.DataFrame)),
    ]
    return st.one_of(
        right,
        right,
        right,
        st.tuples(st.sampled_from(kinds), right).map(lambda pair: pair[0](pair[1])),
        st.lists(st.one_of(item, ATOM), max_size=3),
        ANYTHING,
    )


LENGTH = st.integers(0, 3)
PAIRS = LENGTH.flatmap(lambda n: st.tuples(column(n), st.one_of(st.none(), column(n))))
FLAG = st.one_of(st.just(False), st.just(True), ATOM)
SCORES = st.one_of(
    st.lists(st.floats(0, 1), max_size=12),
    st.lists(NUMBER, max_size=8),
    st.lists(st.floats(-1.8e308, 1.8e308), max_size=8),
    st.lists(st.floats(0, 1), min_size=1, max_size=8).map(np.array),
    ANYTHING,
)
SETTING = {
    "n_resamples": st.one_of(st.integers(1, 30), NUMBER, ATOM),
    "seed": st.one_of(st.integers(0, 9), NUMBER, ATOM),
    "level": st.one_of(st.floats(0, 1), NUMBER, ATOM),
}

# --- What may be wrong


class Wrong(AssertionError):
    """A call that ended in neither a right result nor a named error."""


def check_error(error: BaseException) -> None:
    """Accept a TypeError or ValueError, or an OSError of a missing model, that names an
    argument in backticks.
    """
    if not isinstance(error, (TypeError, ValueError, OSError)) or "`" not in str(error):
        raise Wrong(f"{type(error).__name__}: {error}") from error


def check_range(values: Any, low: float, high: float, what: str) -> None:
    """Accept finite numbers in [low, high] only."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all() or (array < low).any() or (array > high).any():
        raise Wrong(f"{what} is {values!r}, not in [{low}, {high}]")


def attempt(call: Callable[[], Any], check: Callable[[Any], None]) -> None:
    """Run a call; a result must pass `check`, an error `check_error`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 (each kind is judged)
            check_error(error)
            return
    check(result)


# --- Targets


@functools.cache
def metric() -> Any:
    """Return the metric with the identifier, loaded once."""
    return load(style_model="identifier")


@functools.cache
def scorer() -> Scorer:
    """Return the scorer of the built-in encoder, loaded once."""
    return Scorer()


@functools.cache
def identifier() -> ToxicityIdentifier:
    """Return the shipped identifier."""
    return ToxicityIdentifier.from_pretrained()


@functools.cache
def loss() -> ToxicityLoss:
    """Return a loss over the identifier's own tokens; making one takes seconds, so its
    settings are changed.
    """
    return ToxicityLoss(identifier())


def check_corpus(scores: dict[str, Any]) -> None:
    """Accept corpus scores in [0, 1]."""
    for key in ("sta", "nontoxic_share", "sim", "fl", "j"):
        if key in scores:
            check_range(scores[key], 0, 1, key)


@given(PAIRS, FLAG, FLAG)
def fuzz_compute(columns: Any, per_segment: Any, bleu_source: Any) -> None:
    """Call `compute` with columns; with sources the encoder gives SIM and FL."""
    given_columns = dict(zip(("predictions", "sources"), columns, strict=True))
    attempt(
        lambda: metric().compute(
            **given_columns, per_segment=per_segment, bleu_source=bleu_source
        ),
        lambda scores: check_corpus(scores),
    )


@given(st.lists(LENGTH.flatmap(column), min_size=1, max_size=3))
def fuzz_add_batch(batches: list[Any]) -> None:
    """Store batches, right ones and wrong ones, and compute; a wrong one must not spoil
    the others.
    """
    stored = 0
    for batch in batches:
        try:
            metric().add_batch(predictions=batch)
        except Exception as error:  # noqa: BLE001 (each kind is judged)
            check_error(error)
        else:
            stored = len(metric())
    if stored:
        scores = metric().compute()
        check_corpus(scores)
        if scores["n"] != stored:
            raise Wrong(f"`n` is {scores['n']} after {stored} segments were stored")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "protocol": st.one_of(
                st.sampled_from(["embedded", "emnlp2021", "textdetox2025"]), ANYTHING
            ),
            "style_model": st.one_of(
                st.sampled_from(["identifier", "encoder"]), ANYTHING
            ),
            "content_model": st.one_of(st.just("encoder"), ANYTHING),
            "fluency_model": st.one_of(st.just("encoder"), ANYTHING),
            "device": st.one_of(
                st.sampled_from(["cpu", "meta", "cuda:9", ""]), ANYTHING
            ),
            "batch_size": st.one_of(st.integers(1, 9), ANYTHING),
            "threshold": st.one_of(st.floats(0, 1), ANYTHING),
            "soft": FLAG,
            "dtype": st.one_of(st.sampled_from(["float32", "bfloat16"]), ANYTHING),
            "progress": FLAG,
            "style_label": ANYTHING,
            "fluency_label": ANYTHING,
            "style_tokenizer": ANYTHING,
        },
    )
)
def fuzz_scorer(options: dict[str, Any]) -> None:
    """Make a Scorer, which loads no model."""

    def check(made: Any) -> None:
        if not isinstance(made, Scorer):
            raise Wrong(f"Scorer(...) is {made!r}")

    attempt(lambda: Scorer(**options), check)


@given(PAIRS)
def fuzz_score(columns: Any) -> None:
    """Score with the built-in encoder."""

    def check(segments: Any) -> None:
        for name in ("sta", "p_toxic", "nontoxic", "sim", "fl", "j"):
            if getattr(segments, name) is not None:
                check_range(getattr(segments, name), 0, 1, name)

    attempt(lambda: scorer().score(*columns), check)


@given(LENGTH.flatmap(column), st.one_of(st.none(), st.integers(1, 4), ATOM))
def fuzz_p_toxic(texts: Any, batch_size: Any) -> None:
    """Call the identifier."""
    attempt(
        lambda: identifier().p_toxic(texts, batch_size=batch_size),
        lambda found: check_range(found, 0, 1, "p_toxic"),
    )


@st.composite
def loss_inputs(draw: Any) -> tuple[Any, Any, str]:
    """Draw inputs, mask and form of a loss."""
    import torch

    size = len(identifier().embedding.weight) - 1
    form = draw(st.sampled_from(["logits", "probabilities", "ids"]))
    batch, length = draw(st.integers(0, 2)), draw(st.integers(0, 3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    if form == "ids":
        inputs = torch.randint(
            -1 if draw(st.booleans()) else 0, size, (batch, length), generator=generator
        )
    else:
        inputs = torch.randn(batch, length, size, generator=generator) * draw(
            st.sampled_from([1.0, 1e4, 1e30])
        )
        inputs = inputs.softmax(-1) if form == "probabilities" else inputs
        if inputs.numel() and draw(st.integers(0, 3)) == 0:
            inputs[0, 0, 0] = draw(st.sampled_from([math.nan, math.inf, -math.inf]))
    mask = draw(st.one_of(st.none(), st.just(torch.ones(batch, length)), ANYTHING))
    return (
        draw(st.sampled_from([inputs, inputs, inputs, draw(ANYTHING)])),
        mask,
        draw(st.sampled_from([form, form, form, draw(ANYTHING)])),
    )


@given(
    loss_inputs(),
    st.sampled_from(["log", "expected"]),
    st.sampled_from(["mean", "sum", "none"]),
    st.booleans(),
)
def fuzz_loss(inputs: Any, kind: str, reduction: str, gumbel: bool) -> None:
    """Call ToxicityLoss."""
    values, mask, form = inputs
    judge = loss()
    judge.kind, judge.reduction, judge.gumbel = kind, reduction, gumbel
    attempt(
        lambda: judge(values, mask, form=form).detach().numpy(),
        lambda found: check_range(found, 0, math.inf, "loss"),
    )


@given(
    st.one_of(
        LENGTH.flatmap(column),
        st.lists(
            st.lists(
                st.fixed_dictionaries({"role": ATOM, "content": st.one_of(TEXT, ATOM)}),
                max_size=2,
            ),
            max_size=2,
        ),
    ),
    st.sampled_from([None, "nontoxic", "j"]),
    st.one_of(st.none(), LENGTH.flatmap(column)),
)
def fuzz_reward(completions: Any, score: Any, sources: Any) -> None:
    """Call the reward as TRL does."""

    def check(rewards: Any) -> None:
        check_range(
            [reward for reward in rewards if reward is not None], 0, 1, "rewards"
        )

    attempt(lambda: reward(score)(completions, sources=sources), check)


@functools.cache
def reward(score: str | None) -> ToxicityReward:
    """Return a reward with its models."""
    return ToxicityReward(score, identifier=identifier(), scorer=scorer())


@given(SCORES, SCORES, st.fixed_dictionaries({}, optional=SETTING), st.integers(0, 5))
def fuzz_statistics(a: Any, b: Any, options: dict[str, Any], which: int) -> None:
    """Call one of the statistics."""
    draws = {name: value for name, value in options.items() if name != "level"}
    calls: list[tuple[Callable[[], Any], float, float]] = [
        (lambda: statistics.bootstrap_interval(a, **options), -math.inf, math.inf),
        (lambda: statistics.paired_bootstrap(a, b, **draws), 0, 1),
        (lambda: statistics.approximate_randomization(a, b, **draws), 0, 1),
        (lambda: statistics.holm(a), 0, 1),
        (lambda: statistics.effect_size(a, b), -math.inf, math.inf),
        (lambda: statistics.smallest_detectable_difference(a, b), 0, math.inf),
    ]
    call, low, high = calls[which]
    attempt(
        call,
        lambda found: (
            None
            if found is None
            else check_range(found, low, high, f"statistic {which}")
        ),
    )


# Each target with its share of the calls: what runs the encoder is slow.
TARGETS: dict[str, tuple[Callable[[], None], float]] = {
    "compute": (fuzz_compute, 0.06),
    "add_batch": (fuzz_add_batch, 0.06),
    "scorer": (fuzz_scorer, 0.24),
    "score": (fuzz_score, 0.03),
    "p_toxic": (fuzz_p_toxic, 0.20),
    "loss": (fuzz_loss, 0.02),
    "reward": (fuzz_reward, 0.15),
    "statistics": (fuzz_statistics, 0.24),
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
    phases = (Phase.generate, Phase.shrink)
    quiet = list(HealthCheck)
    options = settings(
        max_examples=calls,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=quiet,
    )
    seed(number)(options(target))()


def main(arguments: list[str] | None = None) -> int:
    """Run all targets, print one line for each, and return 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--calls", type=int, default=100_000, help="random calls in all"
    )
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    failed = 0
    whole = sum(TARGETS[name][1] for name in options.targets)
    for name in options.targets:
        calls = max(1, round(options.calls * TARGETS[name][1] / whole))
        begin = time.monotonic()
        try:
            run(name, calls, options.seed)
        except Exception:  # noqa: BLE001 (Hypothesis may raise a group)
            failed += 1
            traceback.print_exc()
        print(
            f"{name}: {calls} calls, {time.monotonic() - begin:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    print(f"{failed} of {len(options.targets)} targets failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
