"""XCOMET-lite (Larionov et al. 2024, arXiv 2406.14553), the third factor of textdetox2025, without the comet package.

A multilingual DeBERTa reads prediction and source, prediction and reference, and all three; a regression and the error
spans it marks in the prediction make one score. Follows Unbabel/COMET:
comet/models/multitask/{xcomet_metric,unified_metric}.py, comet/encoders/base.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .batching import default_token_budget, resolve_device, resolve_dtype, run
from .model_embedding import unavailable
from .model_pair import split_revision
from .rules import best_of

WEIGHTS_FILE = "model.safetensors"

# xcomet_metric.py: score_weights for [mt; src], [mt; ref], [mt; src; ref] and the score from spans.
SCORE_WEIGHTS = (0.12, 0.33, 0.33, 0.22)
# xcomet_metric.py: input_weights_spans, how much each input says about the tokens.
SPAN_WEIGHTS = (0.1667, 0.3333, 0.5)
# xcomet_metric.py: no error, minor, major, critical; an error span costs by the class of its first token, 25 at most.
PENALTIES = (0, 1, 5, 10)
WORST = 25
# XCOMETLite's defaults (pan-webis-de/pan-code:
# clef25/text-detoxification/evaluation/metrics/fluency/deberta_encoder.py).
DEFAULTS = {"pretrained_model": "microsoft/mdeberta-v3-base", "word_layer": 8, "hidden_sizes": (3072, 1024)}


class Xcomet:
    """Quality of a prediction given its source and references, about [0, 1], higher is better.

    Args:
        model: a Hub id, optionally `@revision`, or a folder with `config.json` and `model.safetensors`. The encoder's
            settings and tokenizer come from `pretrained_model` of its `config.json`: a Hub id, or a folder, also one
            inside the model's.
        device: see `resolve_device`.
        batch_size: most inputs of a batch.
        dtype: of the weights.

    Raises:
        OSError: the model, or its encoder's tokenizer, is missing, gated or out of reach.
        ValueError: the weights are not those of an XCOMET with softmax layer weights.
    """

    def __init__(self, model: str, *, device: str | None = None, batch_size: int | None = None, dtype: str = "float32"):
        from transformers import AutoConfig, AutoTokenizer

        try:
            folder, self.revision = _fetch(model)
            self.settings = {**DEFAULTS, **json.loads((folder / "config.json").read_text(encoding="utf-8"))}
            base = folder / self.settings["pretrained_model"]
            base = str(base if base.is_dir() else self.settings["pretrained_model"])
            self.tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
            config = AutoConfig.from_pretrained(base, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise OSError(unavailable(model, "the third factor (XCOMET)", "fluency_model", error)) from error
        self.device = resolve_device(device)
        self.network = _Network(config, self.settings["word_layer"], self.settings["hidden_sizes"])
        _load_weights(self.network, folder / WEIGHTS_FILE, self.settings)
        self.network.to(self.device, resolve_dtype(dtype)).eval()
        self.batch_size = batch_size
        # comet/encoders/bert.py: max_positions; base.py cuts each text two short of it, and the joined input at it.
        self.positions = config.max_position_embeddings - 2
        self.progress = None
        self.truncated = 0

    def scores(
        self, predictions: Sequence[str], sources: Sequence[str], references: Sequence[Sequence[str]] | None
    ) -> np.ndarray:
        """One score a segment, *Shape:* (n,); the best one where a segment has several references.

        Without references the source alone counts, as COMET's predict_step has it.
        """
        self.truncated = 0
        counts = [1] * len(predictions) if references is None else [len(item) for item in references]
        places = np.repeat(np.arange(len(predictions)), counts)
        others = [None] * len(predictions) if references is None else [text for item in references for text in item]
        items = [(predictions[i], sources[i], other) for i, other in zip(places, others, strict=True)]
        scores = run(
            items,
            self._encode,
            self._forward,
            token_budget=default_token_budget(self.device),
            batch_size=self.batch_size,
            length=lambda inputs: sum(len(ids) for ids in inputs[1:]),
            progress=self.progress,
        )
        return best_of(scores.double().numpy(), counts)

    def _encode(self, items: list[tuple[str, str, str | None]]) -> list[list[list[int]]]:
        """For each item the prediction's ids, then the joined inputs."""
        texts = [text for item in items for text in item if text is not None]
        encoded = self.tokenizer(texts, truncation=True, max_length=self.positions - 2)
        self.truncated += sum(bool(encoding.overflowing) for encoding in encoded.encodings or [])
        pad = self.tokenizer.pad_token_id
        ids = iter([[token for token in row if token != pad] for row in encoded["input_ids"]])
        return [self._joined([next(ids) for text in item if text is not None]) for item in items]

    def _joined(self, texts: list[list[int]]) -> list[list[int]]:
        prediction, source, *reference = texts
        if not reference:
            return [prediction, self._join([prediction, source])]
        pairs = ([prediction, source], [prediction, *reference], [prediction, source, *reference])
        return [prediction, *(self._join(pair) for pair in pairs)]

    def _join(self, texts: list[list[int]]) -> list[int]:
        """[CLS] a [SEP] b [SEP] ..., cut where the encoder ends."""
        closing = [self.tokenizer.sep_token_id]
        joined = [self.tokenizer.cls_token_id]
        for ids in texts:
            joined += ids[1:-1] + closing
        return joined[: self.positions]

    def _forward(self, batch: list[list[list[int]]]) -> torch.Tensor:
        """Scores of encoded items, *Shape:* (batch,)."""
        lengths = [len(inputs[0]) for inputs in batch]
        outputs = [self._read([inputs[place] for inputs in batch]) for place in range(1, len(batch[0]))]
        if len(outputs) == 1:
            score_weights, span_weights = [sum(SCORE_WEIGHTS[:3])], [1.0]
        else:
            score_weights, span_weights = SCORE_WEIGHTS[:3], SPAN_WEIGHTS
        regression = sum(
            weight * score.clamp_max(1.0) for weight, (score, _) in zip(score_weights, outputs, strict=True)
        )
        width = max(lengths)
        shares = sum(
            weight * logits[:, :width].softmax(dim=2) for weight, (_, logits) in zip(span_weights, outputs, strict=True)
        )
        classes = shares.argmax(dim=2).tolist()
        spans = [1 - min(WORST, _penalty(row[:length])) / WORST for row, length in zip(classes, lengths, strict=True)]
        return regression + SCORE_WEIGHTS[3] * torch.tensor(spans, device=regression.device)

    def _read(self, rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Regression and token logits of joined inputs, *Shape:* (batch,) and (batch, length, 4)."""
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        return self.network(ids.to(self.device), mask.to(self.device))


class _Network(nn.Module):
    """The encoder under its three outputs, named as in the published weights."""

    def __init__(self, config: Any, word_layer: int, hidden_sizes: Sequence[int]):
        from transformers import AutoModel

        super().__init__()
        self.word_layer = word_layer
        self.encoder = nn.ModuleDict({"model": AutoModel.from_config(config, trust_remote_code=False)})
        layers = config.num_hidden_layers + 1
        self.layerwise_attention = nn.Module()
        self.layerwise_attention.scalar_parameters = nn.ParameterList(
            nn.Parameter(torch.zeros(1)) for _ in range(layers)
        )
        self.layerwise_attention.gamma = nn.Parameter(torch.ones(1))
        # comet/modules/feedforward.py: linear, activation (Tanh by XCOMETMetric's defaults), dropout, and a last linear
        # to one number.
        steps: list[nn.Module] = []
        for before, after in pairwise([config.hidden_size, *hidden_sizes]):
            steps += [nn.Linear(before, after), nn.Tanh(), nn.Identity()]
        self.estimator = nn.ModuleDict({"ff": nn.Sequential(*steps, nn.Linear(hidden_sizes[-1], 1))})
        self.hidden2tag = nn.Linear(config.hidden_size, len(PENALTIES))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Regression and token logits, float32. *Shape:* (batch, length) to (batch,) and (batch, length, 4)."""
        states = self.encoder["model"](input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        shares = torch.softmax(torch.cat(list(self.layerwise_attention.scalar_parameters)), dim=0)
        first = self.layerwise_attention.gamma * sum(
            share * state[:, 0] for share, state in zip(shares, states, strict=True)
        )
        return self.estimator["ff"](first)[:, 0].float(), self.hidden2tag(states[self.word_layer]).float()


def is_xcomet(folder: str) -> bool:
    """Whether a folder's `config.json` is an XCOMET's."""
    path = Path(folder) / "config.json"
    return path.is_file() and "word_layer" in json.loads(path.read_text(encoding="utf-8"))


def _fetch(model: str) -> tuple[Path, str]:
    """The folder that holds the model, and its revision."""
    if Path(model).is_dir():
        return Path(model), "local"
    from huggingface_hub import hf_hub_download

    name, revision = split_revision(model)
    paths = [Path(hf_hub_download(name, file, revision=revision)) for file in ("config.json", WEIGHTS_FILE)]
    return paths[0].parent, paths[0].parent.name  # .../snapshots/<commit>/config.json


def _load_weights(network: nn.Module, path: Path, settings: dict[str, Any]) -> None:
    from safetensors.torch import load_file

    if (
        settings.get("layer_transformation", "softmax") != "softmax"
        or settings.get("encoder_model", "DeBERTa") != "DeBERTa"
    ):
        raise ValueError(
            f"`fluency_model` must be an XCOMET with softmax layer weights over DeBERTa; got settings {settings}"
        )
    missing = network.load_state_dict(load_file(path), strict=False).missing_keys
    if missing:
        raise ValueError(f"`fluency_model`: {path} lacks weights of XCOMET, such as {missing[0]}")


def _penalty(classes: Sequence[int]) -> int:
    """What a prediction's error spans cost: each by the class of its first token; one still open at the end costs
    nothing.
    """
    cost, opened = 0, 0
    for label in classes:
        if label == 0:
            cost, opened = cost + PENALTIES[opened], 0
        elif opened == 0:
            opened = label
    return cost
