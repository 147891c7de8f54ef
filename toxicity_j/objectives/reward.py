"""Rewards for reinforcement learning, in the form that TRL's trainers call.

`reward_funcs=toxicity_reward`; TRL passes the completions and each further dataset
column by name. TRL is not imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..builtin_identifier import ToxicityIdentifier
from ..column_checks import checked_texts
from ..columns import same_length
from ..locks import Lock
from ..scorer import Scorer
from ..text import is_blank

__all__ = ["SCORES", "ToxicityReward", "toxicity_reward"]

SCORES = ("nontoxic", "j")


class ToxicityReward:
    """Reward function with its models, loaded on first need.

    Args:
        score: "nontoxic" for P(non-toxic), or "j" for the segment's J, which needs a
            dataset column `sources`; both in [0, 1], higher is better. None is "j"
            where that column is, else "nontoxic".
        scorer: computes J; the `embedded` protocol's when None.
        identifier: gives P(non-toxic); the shipped one when None.
        name: what TRL logs it as.

    Raises:
        TypeError: `scorer` or `identifier` is none.
        ValueError: `score` is unknown.
    """

    def __init__(
        self,
        score: str | None = None,
        *,
        scorer: Scorer | None = None,
        identifier: ToxicityIdentifier | None = None,
        name: str = "toxicity_reward",
    ) -> None:
        if score is not None and (not isinstance(score, str) or score not in SCORES):
            raise ValueError(f"`score` must be one of {SCORES} or None; got {score!r}")
        if scorer is not None and not callable(getattr(scorer, "score", None)):
            raise TypeError(f"`scorer` must be a Scorer; got {scorer!r:.100}")
        if identifier is not None and not hasattr(identifier, "p_toxic"):
            raise TypeError(
                f"`identifier` must be a ToxicityIdentifier; got {identifier!r:.100}"
            )
        self.score, self.scorer, self.identifier = score, scorer, identifier
        self.__name__ = name
        self._lock = Lock()

    def __call__(
        self,
        completions: Sequence[str] | Sequence[Sequence[Mapping[str, Any]]],
        sources: (
            Sequence[str | None] | Sequence[Sequence[Mapping[str, Any]] | None] | None
        ) = None,
        **columns: Any,
    ) -> list[float | None]:
        """Return one reward per completion, in [0, 1], higher is better.

        Blank completions get 0, so the policy is not rewarded for saying nothing. A
        completion whose source is None, or a message without content, gets None where
        the reward is J; TRL leaves such a reward out.

        Args:
            completions: texts, or lists of chat messages, of which the last one's
                content counts.
            sources: what each completion rewrites, in the same forms, or None.
            **columns: what else TRL passes (prompts, completion_ids, trainer_state,
                dataset columns); not used.

        Raises:
            TypeError: a completion is neither text nor messages.
            ValueError: a text holds a lone surrogate, J without sources, or fewer or
                more sources than completions.
        """
        completions = _as_sequence("completions", completions)
        if sources is not None:
            sources = _as_sequence("sources", sources)
        if not completions:
            return []
        # A message that calls a tool has no content: it says nothing.
        said = [
            _text("completions", index, completion) or ""
            for index, completion in enumerate(completions)
        ]
        texts = checked_texts(said, "completions")
        if sources is None and "source" in columns and self.score is None:
            warnings.warn(
                "the dataset has a column `source`; `toxicity_reward` reads `sources`,"
                " so it returns P(non-toxic)",
                stacklevel=2,
            )
        if self.score == "nontoxic" or (self.score is None and sources is None):
            return _with_blank_zero(texts, self._nontoxic(texts))
        if sources is None:
            raise ValueError(
                "`sources` must be a column of the dataset when the reward is J; got"
                " none"
            )
        same_length(completions=texts, sources=sources)
        return self._j(texts, sources)

    def _nontoxic(self, texts: list[str]) -> Sequence[float]:
        """Return P(non-toxic) of each text."""
        # Loaded once, also where threads call it at the same time.
        with self._lock:
            self.identifier = self.identifier or ToxicityIdentifier.from_pretrained()
        nontoxic = 1 - self.identifier.p_toxic(texts)
        scores: list[float] = nontoxic.tolist()
        return scores

    def _j(self, texts: list[str], sources: Sequence[Any]) -> list[float | None]:
        """Return J of each text that has a source, None for the others."""
        with self._lock:
            self.scorer = self.scorer or Scorer()
        rewards: list[float | None] = [None] * len(texts)
        rewritten: dict[int, str] = {}
        for index, source in enumerate(sources):
            # TRL mixes data sets; rows of some have no source.
            if source is None:
                continue
            text = _text("sources", index, source)
            if text is not None:
                rewritten[index] = text
        if not rewritten:
            return rewards
        rewrites = [texts[index] for index in rewritten]
        present = checked_texts(list(rewritten.values()), "sources")
        scores = self.scorer.score(rewrites, present).j
        if scores is None:
            raise ValueError(
                "`scorer` must compute J; its protocol leaves a factor out"
            )
        given = _with_blank_zero(rewrites, scores.tolist())
        for index, reward in zip(rewritten, given, strict=True):
            rewards[index] = reward
        return rewards


_default = ToxicityReward()


def toxicity_reward(
    completions: Sequence[Any], sources: Sequence[Any] | None = None, **columns: Any
) -> list[float | None]:
    """Return J where the dataset has a column `sources`, else P(non-toxic).

    See `ToxicityReward`.
    """
    return _default(completions, sources, **columns)


def _with_blank_zero(
    texts: Sequence[str], rewards: Sequence[float]
) -> list[float | None]:
    """Return the rewards, with 0 for blank texts."""
    given: list[float | None] = list(map(float, rewards))
    for index, text in enumerate(texts):
        # Or the policy learns to say nothing.
        if is_blank(text):
            given[index] = 0.0
    return given


def _as_sequence(name: str, column: Any) -> list[Any]:
    if isinstance(column, str | bytes | Mapping) or not isinstance(column, Iterable):
        raise TypeError(
            f"`{name}` must be a list of texts or of lists of messages; got"
            f" {type(column).__name__}"
        )
    return list(column)


def _text(name: str, index: int, item: Any) -> str | None:
    """Return an item's text: itself, or the content of its last message, or None."""
    if isinstance(item, str):
        return item
    if isinstance(item, Sequence) and item and isinstance(item[-1], Mapping):
        content = item[-1].get("content")
        if content is None or isinstance(content, str):
            return content
    raise TypeError(
        f"`{name}` must be texts or lists of messages with text; item {index} is"
        f" {item!r:.100}"
    )
