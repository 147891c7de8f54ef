"""Make the shipped identifier, from labels or, better, from the built-in encoder's
scores.

    python -m training.distil_identifier --data ../shared/data \\
        --teacher toxicity_j --output_dir toxicity_j

It learns from the encoder's style table (`--examples`) or from a corpus of its own
(`training.data.identifier_corpus`). A teacher's scores are kept in a file, so that
training repeats without it. Embeddings start as principal components of a pretrained
encoder's. Calibration is by Platt's method on half of the development texts; the other
half, and the validation split, judge the result. All of them choose the best epoch.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_identifier import IdentifierConfig, ToxicityIdentifier
from training.data.example_table import mixed_labels
from training.data.identifier_corpus import build_corpus, mix_targets
from training.data.sources import (
    JIGSAW,
    jigsaw_half,
    read_paradetox,
    read_style,
    rude_words,
)
from training.data.tables import load_tokenizer
from training.eval_metrics import (
    accuracy,
    auc,
    calibration_error,
    interval,
    platt,
    to_logits,
)
from training.modules.backbone import backbone_folder
from training.modules.identifier_options import (
    TrainingOptions,
    add_training_flags,
    training_options,
)
from training.modules.identifier_trainer import Examples, fit, predict
from training.synthetic.token_splits import TokenSplitter

# Contrasts drawn for the corpus; see `style_contrasts`.
_CONTRASTS = 30_000
# Standard deviation of the first embeddings, as of those that training from scratch
# ends with.
_EMBEDDING_SCALE = 0.1
# How much of the style table's own trust in its labels counts beside its teacher.
_TRUST = 0.6


def teacher_scores(
    teacher: Path | None, texts: Sequence[str], cache: Path | None
) -> np.ndarray | None:
    """Score each text with the encoder, or take P(toxic) from the cache; None without
    either. *Shape:* (n,)

    Raises:
        ValueError: Some texts are not in the cache, and there is no teacher.
    """
    is_cached = cache is not None and cache.is_file()
    if teacher is None and not is_cached:
        return None
    known: dict[str, float] = {}
    if is_cached:
        table = pd.read_parquet(cache)
        known = dict(zip(table.text, table.p_toxic, strict=True))
    missing = [text for text in texts if text not in known]
    if missing:
        if teacher is None:
            raise ValueError(
                "`scores` must hold all texts when there is no `teacher`;"
                f" {len(missing)} are missing"
            )
        found = load_teacher(teacher).p_toxic(missing)
        known |= zip(missing, found.tolist(), strict=True)
        if cache:
            pd.DataFrame(
                {"text": list(known), "p_toxic": list(known.values())}
            ).to_parquet(cache)
    return np.array([known[text] for text in texts], dtype=np.float32)


def load_teacher(path: Path) -> Encoder:
    """Load an encoder; in bfloat16, which is close enough to learn from."""
    return Encoder.from_pretrained(path, dtype="bfloat16")


def pretrained_embeddings(weights: Path, dim: int) -> torch.Tensor:
    """Return the principal components of an encoder's word embeddings. *Shape:*
    (vocabulary, dim)
    """
    tensors = load_file(weights)
    name = next(name for name in tensors if name.endswith("word_embeddings.weight"))
    words = tensors[name].float()
    # The decomposition is randomized.
    torch.manual_seed(0)
    words = words - words.mean(0)
    _, _, directions = torch.pca_lowrank(words, dim, niter=4)
    components = words @ directions
    return components * (_EMBEDDING_SCALE / components.std())


def fold_in_calibration(
    model: ToxicityIdentifier, labels: np.ndarray, probabilities: np.ndarray
) -> tuple[float, float]:
    """Fold Platt's slope and offset into the last layer, and return them."""
    slope, offset = platt(labels, to_logits(probabilities)[:, None])
    last = model.classifier[-1]
    with torch.no_grad():
        last.weight.mul_(slope)
        last.bias.mul_(slope).add_(offset)
    return slope, offset


def report(model: ToxicityIdentifier, rows: pd.DataFrame) -> dict[str, object]:
    """Measure accuracy, AUC (each with its 95 % interval) and ECE on labeled texts."""
    labels = (rows.y >= 0.5).to_numpy()
    scores = predict(model, model.encode(rows.text.tolist()))
    return {
        "n": len(labels),
        "accuracy": accuracy(labels, scores),
        "accuracy_95": interval(accuracy, labels, scores),
        "auc": auc(labels, scores),
        "auc_95": interval(auc, labels, scores),
        "ece": calibration_error(labels, scores),
    }


def pairs_in_order(model: ToxicityIdentifier, folder: Path) -> tuple[float, int]:
    """Return the share of held-out ParaDetox pairs whose toxic side scores above its
    rewrite, and how many pairs.
    """
    _, held_out = read_paradetox(folder)
    toxic: list[str] = []
    neutral: list[str] = []
    for row in held_out:
        neutral += row.rewrites
        toxic += [row.toxic] * len(row.rewrites)
    in_order = model.p_toxic(toxic) > model.p_toxic(neutral)
    return float(np.mean(in_order)), len(in_order)


def _new_model(args: argparse.Namespace) -> ToxicityIdentifier:
    backbone = args.backbone or backbone_folder()
    tokenizer = load_tokenizer(backbone)
    config = IdentifierConfig(
        tokenizer.get_vocab_size(), args.dim, args.channels, dropout=args.dropout
    )
    torch.manual_seed(args.seed)
    model = ToxicityIdentifier(config, tokenizer)
    with torch.no_grad():
        # The last row is for padding.
        model.embedding.weight[:-1] = pretrained_embeddings(
            backbone / "model.safetensors", args.dim
        )
    return model


def _read_examples(args: argparse.Namespace, model: ToxicityIdentifier) -> Examples:
    if args.examples:
        return _read_style_table(args, model)
    rows = read_style(args.data, "train")
    contrasts, most = _CONTRASTS, args.max_train_samples
    if most:
        rows = rows.sample(min(len(rows), most), random_state=args.seed)
        contrasts = most
    train, _ = read_paradetox(args.data)
    texts, labels = build_corpus(rows, rude_words(train), contrasts, args.seed)
    if most:
        texts, labels = texts[:most], labels[:most]
    scores = teacher_scores(args.teacher, texts, args.scores)
    targets, known = mix_targets(labels, scores)
    chosen = list(itertools.compress(texts, known))
    labeled = np.count_nonzero(~np.isnan(labels))
    print(f"{len(chosen)} texts, {labeled} of them labeled", flush=True)
    return Examples(model.encode(chosen), targets[known])


def _read_style_table(args: argparse.Namespace, model: ToxicityIdentifier) -> Examples:
    """Read the encoder's style table, whose labels are mixed with those of the
    encoder's own teacher.
    """
    frame = pd.read_parquet(args.examples / "style.parquet")
    teacher = pd.read_parquet(args.examples / "style.teacher.parquet").teacher.to_numpy(
        np.float64
    )
    # A row that is drawn more often there is more than one row here.
    chance = np.minimum(1.0, 1.5 * frame.weight.to_numpy())
    drawn = np.random.default_rng(args.seed).random(len(frame)) < chance
    if args.max_train_samples:
        drawn &= np.arange(len(frame)) < args.max_train_samples
    targets = mixed_labels(frame, teacher, _TRUST).astype(np.float32)
    return Examples(model.encode(frame.text[drawn].tolist()), targets[drawn])


def finish(model: ToxicityIdentifier, data: Path, output_dir: Path) -> None:
    """Calibrate on half of the development texts, save as int8, and print how the saved
    model does on all else.
    """
    first = jigsaw_half(data, calibration=True)
    labels = (first.y >= 0.5).to_numpy(float)
    fold_in_calibration(
        model, labels, predict(model, model.encode(first.text.tolist()))
    )
    saved = ToxicityIdentifier.from_pretrained(
        model.save_pretrained(output_dir, int8=True)
    )
    validation = read_style(data, "val")
    results: dict[str, object] = {
        "development": report(saved, jigsaw_half(data, calibration=False)),
        "validation": report(saved, validation),
        "validation_jigsaw": report(saved, validation[validation.source == JIGSAW]),
        "paradetox_pairs_in_order": pairs_in_order(saved, data),
    }
    print(json.dumps(results, indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.distil_identifier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--data",
        type=Path,
        required=True,
        help="folder laid out like the data README says",
    )
    add(
        "--backbone",
        type=Path,
        help=(
            "folder of a tokenizer and first embeddings; the installed MiniLM's when"
            " missing"
        ),
    )
    add(
        "--teacher",
        type=Path,
        help="weights of a built-in encoder; labels alone when missing",
    )
    add(
        "--examples",
        type=Path,
        help=(
            "folder of prepare_examples and train_teacher: learn from its style table"
            " instead"
        ),
    )
    add(
        "--scores",
        type=Path,
        help="parquet file that keeps, and gives again, the teacher's scores",
    )
    add(
        "--output_dir",
        type=Path,
        required=True,
        help="folder for identifier.safetensors",
    )
    add("--dim", type=int, default=64)
    add("--channels", type=int, default=128)
    add("--dropout", type=float, default=0.3)
    add(
        "--max_train_samples",
        type=int,
        help="learn from so many texts only, to see whether the recipe runs",
    )
    add_training_flags(parser, TrainingOptions(num_train_epochs=5, learning_rate=2e-3))
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    args = _parser().parse_args(arguments)
    model = _new_model(args)
    train = _read_examples(args, model)
    development = read_style(args.data, "kept")
    held_out = Examples(
        model.encode(development.text.tolist()), development.y.to_numpy(np.float32)
    )
    augment = TokenSplitter(model.tokenizer.get_vocab())
    with tempfile.TemporaryDirectory() as folder:
        progress = not args.disable_tqdm
        fit(
            model,
            train,
            held_out,
            training_options(args),
            output_dir=folder,
            augment=augment,
            progress=progress,
        )
    finish(model, args.data, args.output_dir)


if __name__ == "__main__":
    main()
