"""XCOMET-lite (Larionov et al. 2024, arXiv 2406.14553), the third factor of textdetox2025, without the comet package.

A multilingual DeBERTa reads prediction and source, prediction and reference, and all three; a regression and the error
spans that it marks in the prediction make one score. Follows Unbabel/COMET:
comet/models/multitask/{xcomet_metric,unified_metric}.py, comet/encoders/base.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .batching import Scored, default_token_budget, run_batched
from .checkpoints import ModelRef, load_errors, require_safetensors, require_tensors
from .devices import Precision, resolve_device
from .rules import best_of
from .tokenization import TextEncoder, load_tokenizer

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
DEFAULTS: dict[str, Any] = {
    "pretrained_model": "microsoft/mdeberta-v3-base",
    "word_layer": 8,
    "hidden_sizes": (3072, 1024),
    "layer_transformation": "softmax",
    "encoder_model": "DeBERTa",
}

# How near the two likeliest classes of a token may be, in shares, before the spans are computed again in float32.
# bfloat16 keeps 8 bits, so a logit of 8 moves by up to 0.03 at each rounding, and a share by a quarter of that.
SPAN_MARGIN = 0.1

_ROLE, _ARGUMENT = "the third factor (XCOMET)", "fluency_model"

Item = tuple[str, str, str | None]
Inputs = list[list[int]]


class Xcomet:
    """Quality of a prediction given its source and references, about [0, 1], higher is better.

    Attributes:
        revision: the commit of a Hub model; "" for a folder.
        dtype: the name of the network's number format.

    Args:
        model: a Hub id, optionally `@revision`, or a folder with `config.json` and `model.safetensors`. The encoder's
            settings and tokenizer come from `pretrained_model` of its `config.json`: a Hub id, or a folder, also one
            inside the model's.
        device: see `resolve_device`.
        batch_size: most inputs of a batch.
        dtype: of the weights.

    Raises:
        OSError: the model, or its encoder's tokenizer, is missing, gated, out of reach or damaged.
        ValueError: the weights are not those of an XCOMET with softmax layer weights.
    """

    def __init__(
        self,
        model: str | ModelRef,
        *,
        device: str | torch.device | None = None,
        batch_size: int | None = None,
        dtype: str = "float32",
    ) -> None:
        from transformers import AutoConfig

        self._ref = ModelRef.parse(model, _ARGUMENT)
        require_safetensors(self._ref, _ARGUMENT)
        self.device, self.batch_size, self.dtype = resolve_device(device), batch_size, dtype
        with load_errors(self._ref, _ROLE, _ARGUMENT):
            self._folder, self.revision = _fetch(self._ref)
            self.settings = _read_settings(self._folder)
        base = _base_model(self._folder, self.settings["pretrained_model"])
        with load_errors(self._ref, _ROLE, _ARGUMENT):
            revision = base.revision or "main"
            self._config = AutoConfig.from_pretrained(base.location, revision=revision, trust_remote_code=False)
        self.tokenizer = load_tokenizer(base, _ROLE, _ARGUMENT)
        # comet/encoders/bert.py: max_positions; base.py cuts each text two short of it, and the joined input at it.
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
        progress: Callable[..., Any] | None = None,
    ) -> Scored:
        """Compute one score per segment; the best one where a segment has several references. *Shape:* (n,).

        Without references the source alone counts, as COMET's predict_step has it.

        Raises:
            ValueError: there are no sources, or a score is not finite.
        """
        if sources is None:
            raise ValueError("`sources` must be given: XCOMET compares with them; got None")
        items: list[Item] = []
        others = [[None]] * len(predictions) if references is None else references
        for prediction, source, own in zip(predictions, sources, others, strict=True):
            items += [(prediction, source, other) for other in own]
        truncated = 0

        def run(network: Any, rows: np.ndarray) -> np.ndarray:
            nonlocal truncated
            values, count = self._run(network, [items[row] for row in rows], progress)
            truncated = max(truncated, count)
            return values

        found = self._networks.guarded(len(items), run, lambda values: values[:, 1] < SPAN_MARGIN)
        checked = Scored.checked(found, truncated, items, f"the fluency model {str(self._ref)!r}")
        return Scored(best_of(checked.values[:, 0], [len(own) for own in others]), truncated)

    def _run(self, network: Any, items: list[Item], progress: Callable[..., Any] | None) -> tuple[np.ndarray, int]:
        """Return score and `span_costs`' margin of each item, and how many were truncated. *Shape:* (n, 2)."""
        truncated = 0

        def encode(batch: list[Item]) -> list[Inputs]:
            nonlocal truncated
            inputs, count = self._encode(batch)
            truncated += count
            return inputs

        values = run_batched(
            items,
            encode,
            lambda batch: self._forward(network, batch),
            token_budget=default_token_budget(self.device),
            batch_size=self.batch_size,
            length=lambda inputs: sum(len(ids) for ids in inputs[1:]),
            progress=progress,
        )
        return values.double().numpy(), truncated

    def _encode(self, items: list[Item]) -> tuple[list[Inputs], int]:
        """Return for each item the prediction's ids, then the joined inputs; and how many items were truncated."""
        texts = [text for item in items for text in item if text is not None]
        columns, cut = self._encoder(texts)
        pad = self.tokenizer.pad_token_id
        ids = iter([[token for token in column[0] if token != pad] for column in columns])
        flags = iter(cut)
        encoded, truncated = [], 0
        for item in items:
            count = 2 if item[2] is None else 3
            own = [next(ids) for _ in range(count)]
            was_cut = [next(flags) for _ in range(count)]
            joined, is_over = self._join_all(own)
            encoded.append(joined)
            truncated += is_over or any(was_cut)
        return encoded, truncated

    def _join_all(self, texts: list[list[int]]) -> tuple[Inputs, bool]:
        """Return the prediction's ids and the inputs that hold it, and whether one of them was too long."""
        prediction, source, *reference = texts
        groups = [[prediction, source]]
        if reference:
            groups += [[prediction, *reference], [prediction, source, *reference]]
        joined = [self._join(group) for group in groups]
        kept = [ids[: self.positions] for ids in joined]
        return [prediction, *kept], any(len(ids) > self.positions for ids in joined)

    def _join(self, texts: list[list[int]]) -> list[int]:
        """Join texts as [CLS] a [SEP] b [SEP] ..."""
        joined = [self.tokenizer.cls_token_id]
        for ids in texts:
            joined += [*ids[1:-1], self.tokenizer.sep_token_id]
        return joined

    def _forward(self, network: Any, batch: list[Inputs]) -> torch.Tensor:
        """Compute score and margin of encoded items. *Shape:* (batch, 2)."""
        lengths = torch.tensor([len(inputs[0]) for inputs in batch], device=self.device)
        width = max(len(inputs[0]) for inputs in batch)
        count = len(batch[0]) - 1
        scores = SCORE_WEIGHTS[:3] if count == 3 else (sum(SCORE_WEIGHTS[:3]),)
        spans = SPAN_WEIGHTS if count == 3 else (1.0,)
        regression, shares = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        for place, (weight, span_weight) in enumerate(zip(scores, spans, strict=True), start=1):
            score, logits = self._read(network, [inputs[place] for inputs in batch])
            regression = regression + weight * score.clamp_max(1.0)
            shares = shares + span_weight * logits[:, :width].softmax(dim=2)
        costs, margins = span_costs(shares, lengths)
        quality = (WORST - costs.clamp_max(WORST)) / WORST
        return torch.stack([regression + SCORE_WEIGHTS[3] * quality, margins], dim=1)

    def _read(self, network: Any, rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return regression and token logits of joined inputs. *Shape:* (batch,) and (batch, length, 4)."""
        lengths = np.array([len(row) for row in rows])
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, self.tokenizer.pad_token_id, dtype=np.int64)
        ids[mask] = np.concatenate(rows)
        outputs: tuple[torch.Tensor, torch.Tensor] = network(
            torch.from_numpy(ids).to(self.device), torch.from_numpy(mask.astype(np.int64)).to(self.device)
        )
        return outputs

    def _load(self, dtype: torch.dtype) -> nn.Module:
        from safetensors.torch import load_file

        if self.settings["layer_transformation"] != "softmax" or self.settings["encoder_model"] != "DeBERTa":
            expected = "must be an XCOMET with softmax layer weights over DeBERTa"
            raise ValueError(f"`{_ARGUMENT}` {expected}; got settings {self.settings}")
        with load_errors(self._ref, _ROLE, _ARGUMENT):
            network = _Network(self._config, self.settings["word_layer"], self.settings["hidden_sizes"])
            state = load_file(self._folder / WEIGHTS_FILE)
            missing = network.load_state_dict(state, strict=False).missing_keys
        require_tensors(missing, self._ref, _ARGUMENT)
        return network.to(self.device, dtype).eval()


class _Network(nn.Module):
    """The encoder under its three outputs, named as in the published weights."""

    def __init__(self, config: Any, word_layer: int, hidden_sizes: Sequence[int]) -> None:
        from transformers import AutoModel

        super().__init__()
        self.word_layer = word_layer
        auto: Any = AutoModel
        self.encoder = nn.ModuleDict({"model": auto.from_config(config, trust_remote_code=False)})
        layers = config.num_hidden_layers + 1
        self.layerwise_attention: Any = nn.Module()
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
        """Compute regression and token logits, float32.

        *Shape:* (batch, length) to (batch,) and (batch, length, 4).
        """
        states = self.encoder["model"](input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        shares = torch.softmax(torch.cat(list(self.layerwise_attention.scalar_parameters)), dim=0)
        mixed = sum(share * state[:, 0] for share, state in zip(shares, states, strict=True))
        first = self.layerwise_attention.gamma * mixed
        return self.estimator["ff"](first)[:, 0].float(), self.hidden2tag(states[self.word_layer]).float()


def span_costs(shares: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute what a prediction's error spans cost, and how sure their classes are.

    A span costs by the class of its first token; one that is still open at the end costs nothing.

    Args:
        shares: of each class at each token. *Shape:* (batch, tokens, 4)
        lengths: tokens of each prediction. *Shape:* (batch,)

    Returns:
        The costs, and the least difference between the two likeliest classes of a token. *Shape:* (batch,) each
    """
    inside = torch.arange(shares.shape[1], device=shares.device) < lengths[:, None]
    top = shares.topk(2, dim=2)
    classes = top.indices[:, :, 0].masked_fill(~inside, -1)
    before = torch.cat([torch.zeros_like(classes[:, :1]), classes[:, :-1]], dim=1)
    starts = (classes > 0) & (before == 0)
    closes = (classes == 0).flip(1).cummax(1).values.flip(1)
    penalties = torch.tensor(PENALTIES, device=shares.device)[classes.clamp_min(0)]
    margins = (top.values[:, :, 0] - top.values[:, :, 1]).masked_fill(~inside, torch.inf).amin(1)
    return (penalties * (starts & closes)).sum(1), margins


def is_xcomet(ref: ModelRef) -> bool:
    """Return whether a folder's `config.json` is an XCOMET's."""
    if ref.folder is None or not (ref.folder / "config.json").is_file():
        return False
    with load_errors(ref, _ROLE, _ARGUMENT):
        return "word_layer" in json.loads((ref.folder / "config.json").read_text(encoding="utf-8"))


def _fetch(ref: ModelRef) -> tuple[Path, str]:
    """Return the folder that holds the model, and its revision."""
    if ref.folder is not None:
        return ref.folder, ""
    from huggingface_hub import hf_hub_download

    files = ("config.json", WEIGHTS_FILE)
    paths = [Path(hf_hub_download(ref.name, file, revision=ref.revision)) for file in files]
    return paths[0].parent, paths[0].parent.name  # .../snapshots/<commit>/config.json


def _read_settings(folder: Path) -> dict[str, Any]:
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {**DEFAULTS, **settings}


def _base_model(folder: Path, name: str) -> ModelRef:
    """Return where the encoder's settings and tokenizer are: inside the model's folder, or as any other model."""
    inside = folder / name
    if inside.is_dir() and inside.resolve().is_relative_to(folder.resolve()):
        return ModelRef(str(inside), "", inside)
    return ModelRef.parse(name, f"{_ARGUMENT} (pretrained_model of its config.json)")
