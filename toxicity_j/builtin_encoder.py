"""The built-in encoder: toxicity, kept meaning and fluency from one small BERT-shaped transformer.

Six layers see the prediction (the first four of them alone are the trunk, which also sees the source); two more see
the token states of both together. Starts from all-MiniLM-L6-v2 (Wang et al. 2020, MiniLM; Apache-2.0). All texts of a
batch lie in one packed matrix without padding. How it was trained and how far it can be trusted: MODEL_CARD.md.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .batching import default_token_budget, packed_attention, resolve_device, resolve_dtype, run
from .builtin_weights import find_weights, load_tensors, save_tensors
from .text import tokenize, truncate

HEADS = ("style", "meaning", "fluency")


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of the encoder; the defaults are all-MiniLM-L6-v2's (its config.json), split into trunk and branches.

    Attributes:
        trunk_layers: layers that each text passes alone; their states serve every head.
        branch_layers: layers over one text alone, of which there are two sets: one for style and the embedding, one for
            fluency.
        pair_layers: layers over source and prediction together, for meaning.
        max_length: most tokens of a text, special tokens included; longer texts are cut.
        calibration: per head, the scale and the shift of its logit (Platt 1999), fitted after training.
        cosine_weight: what the cosine of the two embeddings adds to the calibrated logit of meaning, fitted likewise.
    """

    vocab_size: int = 30522
    hidden: int = 384
    heads: int = 12
    intermediate: int = 1536
    positions: int = 512
    trunk_layers: int = 4
    branch_layers: int = 2
    pair_layers: int = 2
    token_features: int = 64
    max_length: int = 128
    calibration: dict[str, tuple[float, float]] = field(default_factory=lambda: dict.fromkeys(HEADS, (1.0, 0.0)))
    cosine_weight: float = 0.0


class Layer(nn.Module):
    """One post-norm transformer layer (Vaswani et al. 2017, as in BERT) over packed tokens."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.out = nn.Linear(config.hidden, config.hidden)
        self.norm1 = nn.LayerNorm(config.hidden, eps=1e-12)
        self.up = nn.Linear(config.hidden, config.intermediate)
        self.down = nn.Linear(config.intermediate, config.hidden)
        self.norm2 = nn.LayerNorm(config.hidden, eps=1e-12)
        self.dropout = nn.Dropout(0.1)
        self.attention = packed_attention

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Mixes the tokens of each segment.

        Args:
            states: *Shape:* (tokens, hidden)
            lengths: tokens of each segment, in order.

        Returns:
            *Shape:* (tokens, hidden)
        """
        query, key, value = self.qkv(states).unflatten(-1, (3, self.heads, -1)).unbind(1)
        mixed = self.attention(query, key, value, lengths).flatten(1)
        states = self.norm1(states + self.out(mixed))
        return self.norm2(states + self.dropout(self.down(nn.functional.gelu(self.up(states)))))


class Body(nn.Module):
    """The transformer under the heads: embeddings, trunk, branch and pair layers."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocab_size, config.hidden)
        self.places = nn.Embedding(config.positions, config.hidden)
        self.norm = nn.LayerNorm(config.hidden, eps=1e-12)
        self.sides = nn.Embedding(2, config.hidden)
        self.dropout = nn.Dropout(0.1)
        self.trunk = nn.ModuleList(Layer(config) for _ in range(config.trunk_layers))
        self.branch = nn.ModuleList(Layer(config) for _ in range(config.branch_layers))
        self.fluent = nn.ModuleList(Layer(config) for _ in range(config.branch_layers))
        self.pair = nn.ModuleList(Layer(config) for _ in range(config.pair_layers))

    def embed(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Trunk states of token ids, one text after another. *Shape:* (tokens, hidden)."""
        device = self.words.weight.device
        lengths = [len(x) for x in ids]
        flat = torch.tensor([token for text in ids for token in text], device=device)
        places = torch.cat([torch.arange(length) for length in lengths]).to(device)
        states = self.dropout(self.norm(self.words(flat) + self.places(places)))
        return mix(self.trunk, states, lengths)

    def alone(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """States for style and embedding of texts, from their trunk states. *Shape:* (tokens, hidden)."""
        return mix(self.branch, states, lengths)

    def fluently(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """States for fluency of texts, from their trunk states. *Shape:* (tokens, hidden)."""
        return mix(self.fluent, states, lengths)

    def together(
        self, sources: torch.Tensor, predictions: torch.Tensor, lengths: Sequence[tuple[int, int]]
    ) -> torch.Tensor:
        """Pair states, source before prediction, from the trunk states of the two columns.

        Args:
            sources: *Shape:* (source tokens, hidden)
            predictions: *Shape:* (prediction tokens, hidden)
            lengths: tokens of the source and of the prediction of each pair.

        Returns:
            *Shape:* (tokens, hidden), the pairs one after another.
        """
        sides = self.sides.weight
        pieces = zip(
            (sources + sides[0]).split([one for one, _ in lengths]),
            (predictions + sides[1]).split([two for _, two in lengths]),
            strict=True,
        )
        states = torch.cat([piece for pair in pieces for piece in pair])
        return mix(self.pair, states, [one + two for one, two in lengths])


def mix(layers: nn.ModuleList, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Passes packed segments through layers, sorted by length on the way. *Shape:* (tokens, hidden), in and out."""
    order = np.argsort(lengths, kind="stable")
    ends = np.cumsum(lengths)
    places = np.concatenate([np.arange(ends[i] - lengths[i], ends[i]) for i in order])
    forth = torch.from_numpy(places).to(states.device)
    back = torch.empty_like(forth).scatter_(0, forth, torch.arange(len(places), device=states.device))
    states = states[forth]
    by_length = [int(lengths[i]) for i in order]
    for layer in layers:
        states = layer(states, by_length)
    return states[back]


def pool(states: torch.Tensor, lengths: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and maximum over the tokens of each segment, in float32.

    Args:
        states: *Shape:* (tokens, width)
        lengths: tokens of each segment, each at least 1.

    Returns:
        Two tensors. *Shape:* (segments, width)
    """
    states = states.float()
    sizes = torch.tensor(lengths, device=states.device)
    rows = torch.repeat_interleave(torch.arange(len(lengths), device=states.device), sizes)
    starts = torch.cumsum(sizes, 0) - sizes
    columns = torch.arange(len(states), device=states.device) - starts[rows]
    padded = states.new_zeros(len(lengths), int(max(lengths)), states.shape[1]).index_put((rows, columns), states)
    mask = (torch.arange(padded.shape[1], device=states.device) >= sizes[:, None])[:, :, None]
    return padded.sum(1) / sizes[:, None], padded.masked_fill(mask, -torch.inf).amax(1)


class TokenHead(nn.Module):
    """A small network over each token, then mean and maximum: one bad token is seen in a long text."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.token = nn.Linear(config.hidden, config.token_features)
        self.norm = nn.LayerNorm(2 * config.token_features)

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Features of each segment. *Shape:* (tokens, hidden) to (segments, 2 * token_features)."""
        features = nn.functional.gelu(self.token(states.float()))
        return self.norm(torch.cat(pool(features, lengths), dim=1))


class Encoder(nn.Module):
    """Toxicity, meaning and fluency of short English texts; see the module's docstring."""

    def __init__(self, config: EncoderConfig, tokenizer: Any) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.truncated = 0
        self._lock = threading.Lock()
        width, features = config.hidden, config.token_features
        self.body = Body(config)
        self.style_out = nn.Linear(width, 1)
        self.fluency_tokens = TokenHead(config)
        self.fluency_out = nn.Sequential(nn.Linear(width + 2 * features, features), nn.GELU(), nn.Linear(features, 1))
        self.embedding = nn.Linear(width, width)
        self.meaning_tokens = TokenHead(config)
        self.meaning_out = nn.Sequential(
            nn.Linear(3 * width + 4 * features + 1, 4 * features), nn.GELU(), nn.Linear(4 * features, 1)
        )

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: all but the lock."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores a pickled encoder."""
        self.__dict__.update(state)
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls, path: str | Path | None = None, *, device: str | torch.device | None = None, dtype: str = "float32"
    ) -> Encoder:
        """Loads an encoder for scoring.

        Args:
            path: a file that `save` wrote; the shipped weights when None.
            device: where it runs; see `resolve_device`.
            dtype: of the transformer's weights and states; the heads stay float32.

        Raises:
            FileNotFoundError: `path` does not exist.
            OSError: the shipped weights were not found.
            ValueError: `device` or `dtype` is not valid.
        """
        from tokenizers import Tokenizer

        place, kind = resolve_device(device), resolve_dtype(dtype)
        state, metadata = load_tensors(find_weights("encoder.safetensors") if path is None else path)
        tokenizer = Tokenizer.from_str(metadata["tokenizer"])
        # Not on the meta device, on which the first embedding imports torch._dynamo for two seconds.
        with torch.random.fork_rng(devices=[]):
            encoder = cls(EncoderConfig(**json.loads(metadata["config"])), tokenizer)
        encoder.load_state_dict(state, assign=True)
        encoder.body.to(kind)
        return encoder.to(place).eval().requires_grad_(False)

    def save(self, path: str | Path, *, int8: bool = True) -> None:
        """Writes weights, configuration and tokenizer to one safetensors file."""
        metadata = {"config": json.dumps(asdict(self.config)), "tokenizer": self.tokenizer.to_str()}
        save_tensors(path, self.state_dict(), metadata, int8=int8)

    def style_logits(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Uncalibrated logits of toxicity from style states. *Shape:* (segments,)."""
        return self.style_out(pool(states, lengths)[0])[:, 0]

    def fluency_logits(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Uncalibrated logits of fluency from fluency states. *Shape:* (segments,)."""
        features = [pool(states, lengths)[0], self.fluency_tokens(states, lengths)]
        return self.fluency_out(torch.cat(features, dim=1))[:, 0]

    def embeddings(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Unit vectors of texts from style states, near all-MiniLM-L6-v2's. *Shape:* (segments, hidden)."""
        return nn.functional.normalize(self.embedding(pool(states, lengths)[0]), dim=1)

    def meaning_logits(
        self, states: torch.Tensor, lengths: Sequence[tuple[int, int]], cosines: torch.Tensor
    ) -> torch.Tensor:
        """Uncalibrated logits of kept meaning from pair states and the cosines of the embeddings. *Shape:* (pairs,)."""
        halves = [length for pair in lengths for length in pair]
        source, prediction = pool(states, halves)[0].unflatten(0, (-1, 2)).unbind(1)
        tokens = self.meaning_tokens(states, halves).unflatten(0, (-1, 2)).flatten(1)
        features = [source, prediction, (source - prediction).abs(), tokens, cosines[:, None]]
        return self.meaning_out(torch.cat(features, dim=1))[:, 0]

    def style(
        self, texts: Sequence[str], *, batch_size: int | None = None, progress: Callable[..., Any] | None = None
    ) -> np.ndarray:
        """Calibrated P(toxic) of each text, in [0, 1]. *Shape:* (n,), float64."""
        return self.score(texts, want=("style",), batch_size=batch_size, progress=progress)["style"]

    def score(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None = None,
        want: Sequence[str] = HEADS,
        *,
        batch_size: int | None = None,
        progress: Callable[..., Any] | None = None,
    ) -> dict[str, np.ndarray]:
        """Scores of each prediction, all in [0, 1]; `truncated` then holds how many distinct texts were cut.

        Args:
            predictions: the texts judged.
            sources: what they rewrite, one for one; needed for "meaning".
            want: which of "style" (P(toxic), lower is better), "meaning" (meaning of the source kept) and "fluency".
            batch_size: most pairs of a batch.
            progress: a tqdm-like class.

        Returns:
            float64 arrays by the names in `want`, as the network says: what is known of blank texts and of copies is
            in `factors.KNOWN_CASES`. *Shape:* (n,)

        Raises:
            ValueError: `want` holds an unknown name, "meaning" is wanted without `sources`, or lengths differ.
        """
        _check(predictions, sources, want)
        pairs = list(zip(predictions, sources if "meaning" in want else [""] * len(predictions), strict=True))
        with self._lock:
            self.truncated = 0
            logits = run(
                pairs,
                lambda items: self._encode(items, want),
                lambda batch: self._forward(batch, want),
                token_budget=default_token_budget(self.style_out.weight.device),
                batch_size=batch_size,
                length=lambda item: len(item[0]) + len(item[1]),
                progress=progress,
            )
        scores = torch.sigmoid(logits.double().reshape(-1, len(want))).numpy()
        return {name: scores[:, i] for i, name in enumerate(want)}

    def _encode(self, pairs: list[tuple[str, str]], want: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """Token ids of predictions and, where meaning is wanted, of sources."""
        limit = self.config.max_length
        columns = [tokenize(self.tokenizer, [pair[0] for pair in pairs], limit + 1)]
        if "meaning" in want:
            columns.append(tokenize(self.tokenizer, [pair[1] for pair in pairs], limit + 1))
        else:
            columns.append([[]] * len(pairs))
        self.truncated += sum(len(ids) > limit for column in columns for ids in column)
        predictions, sources = ([truncate(ids, limit) for ids in column] for column in columns)
        return list(zip(predictions, sources, strict=True))

    def _forward(self, batch: list[tuple[list[int], list[int]]], want: Sequence[str]) -> torch.Tensor:
        """Calibrated logits. *Shape:* (batch, len(want))."""
        ids = [pair[0] for pair in batch]
        if "meaning" in want:
            ids += [pair[1] for pair in batch]
        lengths, n = [len(x) for x in ids], len(batch)
        states, found = self.body.embed(ids), {}
        first = states[: sum(lengths[:n])]
        if "fluency" in want:
            found["fluency"] = self.fluency_logits(self.body.fluently(first, lengths[:n]), lengths[:n])
        if "style" in want or "meaning" in want:
            alone = self.body.alone(states, lengths)
            found["style"] = self.style_logits(alone[: len(first)], lengths[:n])
        if "meaning" in want:
            sizes = list(zip(lengths[n:], lengths[:n], strict=True))
            two, one = self.embeddings(alone, lengths).unflatten(0, (2, -1)).unbind(0)
            cosines = (one * two).sum(1)
            together = self.body.together(states[len(first) :], first, sizes)
            found["meaning"] = self.meaning_logits(together, sizes, cosines)
        scales = {name: self.config.calibration[name] for name in want}
        calibrated = {name: scale * found[name] + shift for name, (scale, shift) in scales.items()}
        if "meaning" in want:
            calibrated["meaning"] = calibrated["meaning"] + self.config.cosine_weight * cosines
        return torch.stack([calibrated[name] for name in want], dim=1)


def _check(predictions: Sequence[str], sources: Sequence[str] | None, want: Sequence[str]) -> None:
    unknown = [name for name in want if name not in HEADS]
    if unknown or not want:
        raise ValueError(f"`want` must name some of {HEADS}; got {tuple(want)}")
    if "meaning" in want and sources is None:
        raise ValueError("`sources` must be given where `want` holds 'meaning'; got None")
    if sources is not None and len(sources) != len(predictions):
        raise ValueError(f"`sources` must be as many as `predictions`; got {len(sources)} and {len(predictions)}")
