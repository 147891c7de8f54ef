"""Make the shipped identifier, from labels or, better, from the encoder's scores.

    python -m training.distil_identifier --data ../shared/data \\
        --teacher toxicity_j --output_dir toxicity_j

It learns from the encoder's style table (`--examples`), more contrasts of its kinds,
respelled copies of the texts that were written one by one
(`training.synthetic.own_texts`), and what an earlier identifier is often wrong about
(`--earlier`; see `training.data.suspects`), or from a corpus of its own
(`training.data.identifier_corpus`). The teacher's scores are kept in a file, so that
training repeats without it. Embeddings start as principal components of a pretrained
encoder's; or all weights start as another identifier's (`--start`). Calibration is by
Platt's method on half of the development texts; the other half, and the validation
split, judge the result. All of them choose the best epoch.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from toxicity_j.builtin_identifier import IdentifierConfig, ToxicityIdentifier
from training.data.example_table import mixed_labels, read_rows
from training.data.identifier_corpus import build_corpus, mix_targets
from training.data.sources import read_paradetox, read_style, rude_words
from training.data.suspects import (
    about_groups,
    planted,
    rated_sentences,
    suspects,
)
from training.data.tables import load_tokenizer
from training.flags import add_data_flag, add_tier_flag
from training.modules.backbone import backbone_folder
from training.modules.identifier_options import (
    TrainingOptions,
    add_training_flags,
    training_options,
)
from training.modules.identifier_report import finish
from training.modules.identifier_trainer import fit
from training.modules.identifier_validation import Examples
from training.modules.teacher_scores import are_known, teacher_scores
from training.synthetic.own_texts import own_texts
from training.synthetic.spelling import respell
from training.synthetic.style_contrasts import style_contrasts
from training.synthetic.token_splits import TokenSplitter

# Contrasts drawn for the corpus; see `style_contrasts`.
_CONTRASTS = 30_000
# Standard deviation of the first embeddings, as of those that training from scratch
# ends with.
_EMBEDDING_SCALE = 0.1
# The shape of the shipped identifier.
_SIZES = {"dim": 64, "channels": 128, "dropout": 0.3}
# Contrasts drawn beside those of the style table, which hold too few per kind for
# embeddings that learn each word alone.
_MORE_CONTRASTS = 80_000
# Weights of the style table times this are the chances that a row is learned from.
_CHANCE = 1.5
# How often a text that was written and marked by itself is seen respelled.
_OWN_COPIES = 3
# How much of the style table's own trust in its labels counts beside its teacher.
_TRUST = 0.6


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


def _first_model(args: argparse.Namespace) -> ToxicityIdentifier:
    sizes = {}
    for name in _SIZES:
        if getattr(args, name) is not None:
            sizes[name] = getattr(args, name)
    if args.start:
        if sizes:
            given = ", ".join(f"`{name}`" for name in sizes)
            raise ValueError(f"an identifier of `start` has its own {given}")
        return ToxicityIdentifier.from_pretrained(args.start)
    sizes = {**_SIZES, **sizes}
    backbone = args.backbone or backbone_folder()
    tokenizer = load_tokenizer(backbone)
    vocab_size = tokenizer.get_vocab_size()
    config = IdentifierConfig(vocab_size=vocab_size, **sizes)
    torch.manual_seed(args.seed)
    model = ToxicityIdentifier(config, tokenizer)
    words = pretrained_embeddings(backbone / "model.safetensors", config.dim)
    with torch.no_grad():
        # The last row is for padding.
        model.embedding.weight[:-1] = words
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
    labeled = np.isfinite(labels).sum()
    print(f"{len(chosen)} texts, {labeled} of them labeled", flush=True)
    return Examples(model.encode(chosen), targets[known])


def _read_style_table(args: argparse.Namespace, model: ToxicityIdentifier) -> Examples:
    """Read the encoder's style table, whose labels are mixed with what the encoder says
    of each text, and the sentences that an earlier identifier is often wrong about.
    """
    if not are_known(args.teacher, args.scores):
        raise ValueError("`examples` needs `teacher` or the `scores` of one")
    frame, _ = read_rows(args.examples, "style", args.tier)
    # Rows of a higher weight are drawn more often there.
    chance = np.minimum(1.0, _CHANCE * frame.weight.to_numpy())
    drawn = np.random.default_rng(args.seed).random(len(frame)) < chance
    if args.max_train_samples:
        drawn &= np.arange(len(frame)) < args.max_train_samples
    suspected = _read_suspects(args, frame) if args.earlier else []
    frame = frame[drawn]
    texts = frame.text.tolist()
    scores = teacher_scores(args.teacher, [*texts, *suspected], args.scores)
    of_table, of_suspects = np.split(scores, [len(texts)])
    count = args.max_train_samples or args.contrasts
    rng = Random(f"identifier-{args.seed}")
    made = [(text, label) for text, label, _ in style_contrasts(rng, count)]
    made += [
        (respell(text, rng), label)
        for text, label in own_texts()[: args.max_train_samples]
        for _ in range(_OWN_COPIES)
    ]
    targets = [
        mixed_labels(frame, of_table, _TRUST),
        of_suspects,
        [label for _, label in made],
    ]
    texts += [*suspected, *(text for text, _ in made)]
    return Examples(model.encode(texts), np.concatenate(targets).astype(np.float32))


def _read_suspects(args: argparse.Namespace, style: pd.DataFrame) -> list[str]:
    """Read and make the sentences that an earlier identifier is often wrong about."""
    earlier = ToxicityIdentifier.from_pretrained(args.earlier)
    rated = rated_sentences(args.examples, args.tier)
    # Texts of all tiers, so that a tier's suspects are some of all.
    known = pd.read_parquet(args.examples / "style.parquet", columns=["text"]).text
    real = suspects(rated, known, earlier)[: args.max_train_samples]
    rng = Random(args.seed)
    made = planted(rated, earlier, args.planted, rng)
    of_groups = about_groups(rated, style, args.of_groups, rng)
    counts = f"{len(real)} suspects, {len(made)} made ones, {len(of_groups)} of groups"
    print(counts, flush=True)
    return [*dict.fromkeys([*real, *made, *of_groups])]


def _add_data_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("data").add_argument
    add_data_flag(add)
    add(
        "--examples",
        type=Path,
        help="folder of prepare_examples: learn from its style table",
    )
    add_tier_flag(add)
    add(
        "--teacher",
        type=Path,
        help="weights of a built-in encoder; labels alone when missing",
    )
    add(
        "--earlier",
        type=Path,
        help="an identifier's folder: learn from the teacher too what is to be made of"
        " sentences that it is often wrong about",
    )
    add(
        "--planted",
        type=int,
        default=200_000,
        help="sentences that get a suspected word; of these a third is suspected",
    )
    add(
        "--of_groups", type=int, default=60_000, help="sentences about groups of people"
    )
    add(
        "--scores",
        type=Path,
        help="parquet file that keeps, and gives again, the teacher's scores",
    )
    add(
        "--contrasts",
        type=int,
        default=_MORE_CONTRASTS,
        help="drawn beside those of the style table",
    )
    add(
        "--max_train_samples",
        type=int,
        help="learn from so many texts only, to see whether the recipe runs",
    )


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("model").add_argument
    add(
        "--backbone",
        type=Path,
        help="folder of a tokenizer and first embeddings; the installed MiniLM's when"
        " missing",
    )
    add(
        "--start",
        type=Path,
        help="an identifier's folder: go on with it, at its size",
    )
    for name, default in _SIZES.items():
        add(f"--{name}", type=type(default), help=f"{default} when missing")
    add(
        "--output_dir",
        type=Path,
        required=True,
        help="folder for identifier.safetensors",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.distil_identifier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data_flags(parser)
    _add_model_flags(parser)
    add_training_flags(parser, TrainingOptions(num_train_epochs=5, learning_rate=2e-3))
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    args = _parser().parse_args(arguments)
    model = _first_model(args)
    train = _read_examples(args, model)
    kept = read_style(args.data, "kept")
    ids = model.encode(kept.text.tolist())
    development = Examples(ids, kept.y.to_numpy(np.float32))
    # `fit` leaves the best epoch in `model`; what it writes is not calibrated.
    with tempfile.TemporaryDirectory() as folder:
        fit(
            model,
            train,
            development,
            training_options(args),
            output_dir=folder,
            augment=TokenSplitter(model.tokenizer.get_vocab()),
            progress=not args.disable_tqdm,
        )
    finish(model, args.data, args.output_dir)


if __name__ == "__main__":
    main()
