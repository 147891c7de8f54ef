"""Rewards for reinforcement learning in the form that TRL's GRPO and RLOO trainers call.

`reward_funcs=toxicity_reward`; TRL passes the completions and each further dataset column by name. TRL is not imported.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..builtin_identifier import ToxicityIdentifier
from ..scorer import Scorer
from ..text import is_blank

SCORES = ("nontoxic", "j")


class ToxicityReward:
    """A reward function with its models, loaded on first need.

    Args:
        score: "nontoxic" for P(non-toxic), or "j" for the segment's J, which needs a dataset column `sources`; both in
            [0, 1], higher is better. None is "j" where that column is, else "nontoxic".
        scorer: computes J; the `embedded` protocol's when None.
        identifier: gives P(non-toxic); the shipped one when None.
        name: what TRL logs it as.

    Raises:
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
        if score is not None and score not in SCORES:
            raise ValueError(f"`score` must be one of {SCORES} or None; got {score!r}")
        self.score, self.scorer, self.identifier = score, scorer, identifier
        self.__name__ = name
        self._lock = threading.Lock()

    def __call__(
        self,
        completions: Sequence[str] | Sequence[Sequence[Mapping[str, Any]]],
        sources: Sequence[str] | Sequence[Sequence[Mapping[str, Any]]] | None = None,
        **columns: Any,
    ) -> list[float]:
        """One reward a completion, in [0, 1], higher is better; 0 for a blank one, or silence would pay.

        Args:
            completions: texts, or lists of chat messages, of which the last one's content counts.
            sources: what each completion rewrites, in the same forms.
            **columns: what else TRL passes (prompts, completion_ids, trainer_state, dataset columns); not used.

        Raises:
            TypeError: a completion is neither text nor messages.
            ValueError: J without sources, or as many sources as completions are not there.
        """
        texts = [_text("completions", place, item) for place, item in enumerate(completions)]
        score = self.score or ("nontoxic" if sources is None else "j")
        if not texts:
            return []
        if score == "nontoxic":
            rewards = self._nontoxic(texts)
        elif sources is None:
            raise ValueError("`sources` must be a column of the dataset when the reward is J; got none")
        else:
            rewards = self._j(texts, [_text("sources", place, item) for place, item in enumerate(sources)])
        return [0.0 if is_blank(text) else float(reward) for text, reward in zip(texts, rewards, strict=True)]

    def _nontoxic(self, texts: list[str]) -> np.ndarray:
        with self._lock:
            self.identifier = self.identifier or ToxicityIdentifier.from_pretrained()
        return 1 - self.identifier.p_toxic(texts)

    def _j(self, texts: list[str], sources: list[str]) -> np.ndarray:
        with self._lock:
            self.scorer = self.scorer or Scorer()
        return self.scorer.score(texts, sources).j


_default = ToxicityReward()


def toxicity_reward(completions: Sequence[Any], sources: Sequence[Any] | None = None, **columns: Any) -> list[float]:
    """J of each completion where the dataset has a column `sources`, else P(non-toxic); see `ToxicityReward`."""
    return _default(completions, sources, **columns)


def _text(name: str, place: int, item: Any) -> str:
    """The text of a completion: itself, or the last message's content ("" when it has none, as a call of a tool)."""
    if isinstance(item, str):
        return item
    if isinstance(item, Sequence) and item and isinstance(item[-1], Mapping):
        content = item[-1].get("content")
        if content is None or isinstance(content, str):
            return content or ""
    raise TypeError(f"`{name}` must be texts or lists of messages with text; item {place} is {item!r:.100}")
