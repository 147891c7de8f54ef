"""XCOMET-lite (Larionov et al. 2024, arXiv 2406.14553), without the comet package.

A multilingual DeBERTa reads prediction and source, prediction and reference, and all
three; a regression and the error spans that it marks in the prediction make one score.
Follows Unbabel/COMET: comet/models/multitask/{xcomet_metric,unified_metric}.py,
comet/encoders/base.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from .batching import default_token_budget, run_batched
from .checkpoints import ModelRef, load_errors, require_safetensors, require_tensors
from .devices import Device, Precision, pad_right, resolve_device, to_device
from .model_interface import CountingEncoder, Progress, Scored
from .model_xcomet_network import WORST, XcometNetwork, span_costs
from .model_xcomet_settings import (
    ARGUMENT,
    ROLE,
    WEIGHTS_FILE,
    base_model,
    fetch,
    read_settings,
)
from .rules import best_of
from .tokenization import TextEncoder, load_tokenizer

# xcomet_metric.py: score_weights for [mt; src], [mt; ref], [mt; src; ref] and the score
# from spans.
SCORE_WEIGHTS = (0.12, 0.33, 0.33, 0.22)
# xcomet_metric.py: input_weights_spans, how much each input says about the tokens.
SPAN_WEIGHTS = (0.1667, 0.3333, 0.5)
# How near a token's two likeliest classes may be, in shares, before the spans are
# computed again in float32: a share moves by at most a quarter of what a logit does.
SPAN_MARGIN = 0.1

Item = tuple[str, str, str | None]
Inputs = list[list[int]]


class Xcomet:
    """Quality of a prediction by its source and references, about [0, 1].

    Attributes:
        revision: the commit of a Hub model; "" for a folder.
        dtype: the name of the network's number format.

    Args:
        model: a Hub id, optionally `@revision`, or a folder with `config.json` and
            `model.safetensors`. Its `pretrained_model` names the encoder: a Hub id, or
            a folder, also one inside the model's.
        device: see `resolve_device`.
        batch_size: most inputs of a batch.
        dtype: of the weights.

    Raises:
        OSError: the model or its tokenizer is missing, gated, out of reach or damaged.
        ValueError: the weights are not those of an XCOMET with softmax layer weights.
    """

    def __init__(
        self,
        model: str | ModelRef,
        *,
        device: Device = None,
        batch_size: int | None = None,
        dtype: str = "float32",
    ) -> None:
        from transformers import AutoConfig

        self._ref = ModelRef.parse(model, ARGUMENT)
        require_safetensors(self._ref, ARGUMENT)
        self.device, self.batch_size = resolve_device(device), batch_size
        self.dtype = dtype
        with load_errors(self._ref, ROLE, ARGUMENT):
            self._folder, self.revision = fetch(self._ref)
            self.settings = read_settings(self._folder)
        base = base_model(self._folder, self.settings["pretrained_model"])
        with load_errors(self._ref, ROLE, ARGUMENT):
            self._config = AutoConfig.from_pretrained(
                base.location, revision=base.revision or "main", trust_remote_code=False
            )
        self.tokenizer = load_tokenizer(base, ROLE, ARGUMENT)
        # comet/encoders/bert.py: max_positions; base.py cuts each text two short of it,
        # and the joined input at it.
        self.positions = self._config.max_position_embeddings - 2
        self._encoder = TextEncoder(self.tokenizer, self.positions - 2)
        self._networks: Precision[Any] = Precision(self._load, dtype)

    @property
    def network(self) -> Any:
        """The network, in `dtype`."""
        return self._networks.network

    def score(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None,
        references: Sequence[Sequence[str]] | None,
        *,
        progress: Progress = None,
    ) -> Scored:
        """Compute one score per segment, by its best reference. *Shape:* (n,).

        Without references the source alone counts, as COMET's predict_step has it.

        Raises:
            ValueError: there are no sources, or a score is not finite.
        """
        if sources is None:
            raise ValueError("`sources` must be given to XCOMET; got None")
        items: list[Item] = []
        counts = []
        pairs = zip(predictions, sources, strict=True)
        for row, (prediction, source) in enumerate(pairs):
            others: Sequence[str | None] = [None]
            if references is not None:
                others = references[row]
            counts.append(len(others))
            items += [(prediction, source, other) for other in others]

        def run(network: Any, rows: np.ndarray) -> Scored:
            chosen = [items[row] for row in rows]
            return self._run(network, chosen, progress)

        found = self._networks.guarded(len(items), run, _has_close_spans)
        name = f"the fluency model {str(self._ref)!r}"
        checked = Scored.checked(found.values, found.truncated, items, name)
        best = best_of(checked.values[:, 0], counts)
        return Scored(best, found.truncated)

    def _run(self, network: Any, items: list[Item], progress: Progress) -> Scored:
        """Compute score and `span_costs`' margin of each item. *Shape:* (n, 2)."""
        encode = CountingEncoder(self._encode)
        values = run_batched(
            items,
            encode,
            partial(self._forward, network),
            token_budget=default_token_budget(self.device),
            batch_size=self.batch_size,
            length=_count_tokens,
            progress=progress,
        )
        return Scored(values.double().numpy(), encode.truncated)

    def _encode(self, items: Sequence[Item]) -> tuple[list[Inputs], list[bool]]:
        """Return each item's inputs, and whether one of them was truncated."""
        texts = [text for item in items for text in item if text is not None]
        columns, cut = self._encoder(texts)
        encoded, truncated = [], []
        start = 0
        for item in items:
            end = start + len(item) - item.count(None)
            own = [self._without_padding(column[0]) for column in columns[start:end]]
            joined, is_over = self._join_all(own)
            encoded.append(joined)
            truncated.append(is_over or any(cut[start:end]))
            start = end
        return encoded, truncated

    def _without_padding(self, ids: list[int]) -> list[int]:
        """Drop a literal padding token of the text, which the model would not see."""
        pad = self.tokenizer.pad_token_id
        return [token for token in ids if token != pad]

    def _join_all(self, texts: list[list[int]]) -> tuple[Inputs, bool]:
        """Return the prediction's ids and the inputs; and whether one was too long."""
        prediction, source, *reference = texts
        joined = [self._join([prediction, source])]
        if reference:
            joined.append(self._join([prediction, *reference]))
            joined.append(self._join([prediction, source, *reference]))
        longest = max(map(len, joined))
        kept = [ids[: self.positions] for ids in joined]
        return [prediction, *kept], longest > self.positions

    def _join(self, texts: list[list[int]]) -> list[int]:
        """Join texts as [CLS] a [SEP] b [SEP] ..."""
        joined = [self.tokenizer.cls_token_id]
        for ids in texts:
            joined += [*ids[1:-1], self.tokenizer.sep_token_id]
        return joined

    def _forward(self, network: Any, batch: list[Inputs]) -> torch.Tensor:
        """Compute score and margin of encoded items. *Shape:* (batch, 2)."""
        lengths = torch.tensor([len(inputs[0]) for inputs in batch], device=self.device)
        width = int(lengths.max())
        _, *columns = zip(*batch, strict=True)
        score_weights: Sequence[float] = SCORE_WEIGHTS[:3]
        span_weights: Sequence[float] = SPAN_WEIGHTS
        if len(columns) == 1:  # the source alone has the weight of all three
            score_weights, span_weights = [sum(score_weights)], [1.0]
        regression = torch.zeros((), device=self.device)
        shares = torch.zeros((), device=self.device)
        for rows, score_weight, span_weight in zip(
            columns, score_weights, span_weights, strict=True
        ):
            score, logits = self._read(network, rows)
            regression = regression + score_weight * score.clamp_max(1.0)
            shares = shares + span_weight * logits[:, :width].softmax(dim=2)
        costs, margins = span_costs(shares, lengths)
        quality = (WORST - costs.clamp_max(WORST)) / WORST
        scores = regression + SCORE_WEIGHTS[3] * quality
        return torch.stack([scores, margins], dim=1)

    def _read(
        self, network: Any, rows: Sequence[list[int]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return regression and token logits. *Shape:* (batch,), (batch, length, 4)."""
        arrays = pad_right(rows, self.tokenizer.pad_token_id)
        tokens, seen = to_device(arrays, self.device)
        outputs: tuple[torch.Tensor, torch.Tensor] = network(tokens, seen)
        return outputs

    def _load(self, dtype: torch.dtype) -> torch.nn.Module:
        from safetensors.torch import load_file

        settings = self.settings
        kind = (settings["layer_transformation"], settings["encoder_model"])
        if kind != ("softmax", "DeBERTa"):
            expected = "must be an XCOMET with softmax layer weights over DeBERTa"
            raise ValueError(f"`{ARGUMENT}` {expected}; got settings {settings}")
        with load_errors(self._ref, ROLE, ARGUMENT):
            network = XcometNetwork(
                self._config, settings["word_layer"], settings["hidden_sizes"]
            )
            state = load_file(self._folder / WEIGHTS_FILE)
            missing = network.load_state_dict(state, strict=False).missing_keys
        require_tensors(missing, self._ref, ARGUMENT)
        return network.to(self.device, dtype).eval()


def _has_close_spans(values: np.ndarray) -> np.ndarray:
    """Return where rounding could move an error span. *Shape:* (n, 2) to (n,), bool."""
    close: np.ndarray = values[:, 1] < SPAN_MARGIN
    return close


def _count_tokens(inputs: Inputs) -> int:
    """Return the tokens that the network reads of an item."""
    return sum(map(len, inputs[1:]))
