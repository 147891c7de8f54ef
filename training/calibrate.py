"""Calibrates a trained encoder, prunes its vocabulary and writes the file that is shipped.

    python -m training.calibrate --data ../shared/data --weights runs/encoder/encoder.pt \\
        --out toxicity_j/encoder.safetensors

Each head's logit gets a scale and a shift (Platt 1999). Style: half of the kept Jigsaw sentences. Fluency: made
examples from the held-out tenth of ParaDetox. Meaning, with a weight for the cosine of the embeddings: made examples
likewise and, all together as heavy, the calibration part of the ratings of Krishna et al. 2020. Training has seen none
of them: on ratings that it learnt from, the pair layers look so good that the cosine gets little weight.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from toxicity_j.batching import run_batched
from toxicity_j.builtin_encoder import Encoder, EncoderConfig
from toxicity_j.text import tokenize
from training.backbone import from_backbone
from training.data import key, read_krishna, read_meaning, read_paradetox, read_style
from training.eval_metrics import platt
from training.examples import Examples
from training.modules.vocabulary import count_tokens, prune

SEED = 17
MADE = 3000


def load(path: Path) -> Encoder:
    """An encoder from a training run's encoder.pt, or from a safetensors file."""
    if path.suffix == ".safetensors":
        return Encoder.load(path)
    encoder = from_backbone()
    state = torch.load(path, weights_only=True)
    encoder.load_state_dict(state.get("encoder", state))
    return encoder.eval().requires_grad_(False)


def logits(probabilities: np.ndarray) -> np.ndarray:
    """The logits of probabilities."""
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)
    return np.log(clipped / (1 - clipped))


def cosines(encoder: Encoder, one: list[str], two: list[str]) -> np.ndarray:
    """Cosines of the encoder's own embeddings. *Shape:* (n,)."""

    def forward(batch: list[list[int]]) -> torch.Tensor:
        lengths = [len(ids) for ids in batch]
        return encoder.embeddings(encoder.body.alone(encoder.body.embed(batch), lengths), lengths)

    def encode(texts: list[str]) -> list[list[int]]:
        return tokenize(encoder.tokenizer, texts, encoder.config.max_length)

    states = run_batched(one + two, encode, forward, token_budget=1024)
    return (states[: len(one)] * states[len(one) :]).sum(1).double().numpy()


def style_texts(folder: Path, *, calibration: bool) -> pd.DataFrame:
    """The half of the kept Jigsaw sentences for calibration, or the other one: columns text, y, source."""
    kept = read_style(folder, "kept")
    half = len(kept) // 2
    return kept[:half] if calibration else kept[half:].reset_index(drop=True)


def calibrate(encoder: Encoder, folder: Path) -> Encoder:
    """The encoder with its three heads calibrated; see the module's docstring."""
    encoder.config = replace(encoder.config, calibration=EncoderConfig().calibration, cosine_weight=0.0)
    frame = style_texts(folder, calibration=True)
    style = platt(frame.y.to_numpy(), logits(encoder.style(frame.text.tolist(), progress=tqdm))[:, None])
    examples = Examples(folder, SEED, held_out=True)
    texts = examples.fluency(0, MADE)
    scores = encoder.score([row.text for row in texts], want=("fluency",), progress=tqdm)["fluency"]
    fluency = platt(np.array([row.label for row in texts]), logits(scores)[:, None])
    scale, cosine_weight, shift = _fit_meaning(encoder, examples, folder)
    calibration = {"style": tuple(style), "meaning": (scale, shift), "fluency": tuple(fluency)}
    encoder.config = replace(encoder.config, calibration=calibration, cosine_weight=cosine_weight)
    return encoder


def _fit_meaning(encoder: Encoder, examples: Examples, folder: Path) -> list[float]:
    """Weights of the logit and of the cosine, and the shift."""
    made = [row for row in examples.made(MADE) if key(row.source) != key(row.prediction) and row.prediction.strip()]
    rated = read_krishna(folder, "calibration")
    one = [row.source for row in made] + rated.text1.tolist()
    two = [row.prediction for row in made] + rated.text2.tolist()
    labels = np.concatenate([[row.label for row in made], rated.human])
    weights = np.repeat([1.0, len(made) / len(rated)], [len(made), len(rated)])
    scores = logits(encoder.score(two, one, want=("meaning",), progress=tqdm)["meaning"])
    return platt(labels, np.stack([scores, cosines(encoder, one, two)], axis=1), weights)


def main() -> None:
    """Calibrates, prunes and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="encoder.pt or checkpoint.pt of a training run")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    encoder = load(args.weights)
    style = read_style(args.data, "train").text
    sides = [text for row in read_paradetox(args.data)[0] for text in (row.toxic, *row.rewrites)]
    rated = [text for row in read_meaning(args.data) for text in row[:2]]
    encoder = prune(encoder, count_tokens(encoder.tokenizer, [*style, *sides, *rated]))
    encoder.save(args.out)
    calibrate(Encoder.load(args.out), args.data).save(args.out)  # fitted to the int8 weights that are shipped
    print(Encoder.load(args.out).config)


if __name__ == "__main__":
    main()
