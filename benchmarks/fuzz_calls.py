"""Random calls of what the package offers, one function for each."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz_checks import (
    Wrong,
    attempt,
    check_corpus,
    check_error,
    check_range,
)
from benchmarks.fuzz_inputs import (
    ANYTHING,
    ATOM,
    COMPLETIONS,
    FLAG,
    LENGTH,
    OPTIONS,
    PAIRS,
    SCORES,
    SETTING,
    column,
)
from toxicity_j import Scorer, ToxicityIdentifier, load
from toxicity_j.compare import statistics
from toxicity_j.objectives.loss import ToxicityLoss
from toxicity_j.objectives.reward import ToxicityReward


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


@given(PAIRS, FLAG, FLAG)
def fuzz_compute(columns: Any, per_segment: Any, bleu_source: Any) -> None:
    """Call `compute` with columns; with sources the encoder gives SIM and FL."""
    predictions, sources = columns

    def call() -> Any:
        return metric().compute(
            predictions=predictions,
            sources=sources,
            per_segment=per_segment,
            bleu_source=bleu_source,
        )

    attempt(call, check_corpus)


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


@given(st.fixed_dictionaries({}, optional=OPTIONS))
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
            values = getattr(segments, name)
            if values is not None:
                check_range(values, 0, 1, name)

    attempt(lambda: scorer().score(*columns), check)


@given(LENGTH.flatmap(column), st.one_of(st.none(), st.integers(1, 4), ATOM))
def fuzz_p_toxic(texts: Any, batch_size: Any) -> None:
    """Call the identifier."""
    attempt(
        lambda: identifier().p_toxic(texts, batch_size=batch_size),
        lambda found: check_range(found, 0, 1, "p_toxic"),
    )


@st.composite
def loss_inputs(draw: Any) -> tuple[Any, Any, Any]:
    """Draw inputs, mask and form of a loss, mostly right ones."""
    form = draw(st.sampled_from(["logits", "probabilities", "ids"]))
    # No sequences and no positions are inputs too.
    shape = (draw(st.integers(0, 2)), draw(st.integers(0, 3)))
    inputs = _draw_inputs(draw, form, shape)
    mask = draw(st.one_of(st.none(), st.just(torch.ones(shape)), ANYTHING))
    return (
        draw(st.sampled_from([inputs, inputs, inputs, draw(ANYTHING)])),
        mask,
        draw(st.sampled_from([form, form, form, draw(ANYTHING)])),
    )


def _draw_inputs(draw: Any, form: str, shape: tuple[int, int]) -> torch.Tensor:
    """Draw ids, logits or probabilities; now and then one that is no number."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    # The last row of the embedding is for padding.
    size = len(identifier().embedding.weight) - 1
    if form == "ids":
        lowest = draw(st.sampled_from([0, -1]))
        return torch.randint(lowest, size, shape, generator=generator)
    scale = draw(st.sampled_from([1.0, 1e4, 1e30]))
    inputs = torch.randn(*shape, size, generator=generator) * scale
    if form == "probabilities":
        inputs = inputs.softmax(-1)
    if inputs.numel() and draw(st.integers(0, 3)) == 0:
        inputs[0, 0, 0] = draw(st.sampled_from([math.nan, math.inf, -math.inf]))
    return inputs


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
    COMPLETIONS,
    st.sampled_from([None, "nontoxic", "j"]),
    st.one_of(st.none(), LENGTH.flatmap(column)),
)
def fuzz_reward(completions: Any, score: Any, sources: Any) -> None:
    """Call the reward as TRL does."""

    def check(rewards: Any) -> None:
        # None stands for a completion without a source.
        known = [value for value in rewards if value is not None]
        check_range(known, 0, 1, "rewards")

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

    def check(found: Any) -> None:
        # Two are None where the scores are too few or do not differ.
        if found is not None:
            check_range(found, low, high, f"statistic {which}")

    attempt(call, check)
