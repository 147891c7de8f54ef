"""Trains a toxicity identifier on any table of texts and toxicity levels, with any pretrained tokenizer.

    python -m training.train_identifier --train FILE --label-column y --tokenizer gpt2 --output FOLDER

Writes the best epoch's weights, its history, and on request ONNX and TorchScript files. The shipped identifier comes
from `training.distil_identifier`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from toxicity_j.batching import resolve_device, token_batches
from toxicity_j.builtin_identifier import IdentifierConfig, ToxicityIdentifier
from training.data.tables import batches, load_tokenizer, read_table, stratified_split, targets
from training.eval_metrics import accuracy, auc, calibration_error
from training.modules.export_identifier import export_onnx, export_torchscript

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Examples:
    """Token ids and what they are to score, in [0, 1]. *Shape:* (n,) each."""

    ids: list[list[int]]
    targets: np.ndarray


@dataclass(frozen=True)
class TrainingOptions:
    """How `fit` trains.

    Attributes:
        epochs: at most so many passes.
        batch_size: texts a step.
        learning_rate: highest, reached after a twentieth of the steps, falling to zero along a cosine.
        weight_decay: of AdamW, on all but the embedding.
        patience: epochs without a better validation AUC before it stops.
        seed: of weights, order and dropout.
    """

    epochs: int = 6
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    patience: int = 2
    seed: int = 0


def fit(
    model: ToxicityIdentifier,
    train: Examples,
    validation: Examples,
    options: TrainingOptions,
    *,
    folder: str | Path,
    resume: bool = False,
    augment: Callable[[list[int], random.Random], list[int]] | None = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Trains `model` in place and leaves it with the weights of the epoch of highest validation AUC, in eval mode.

    Args:
        model: what is trained.
        train: the examples to learn.
        validation: the examples to judge each epoch by, of both classes.
        options: how.
        folder: gets `identifier.safetensors` (the best so far), `history.json`, and a checkpoint until training ends.
        resume: go on from the checkpoint in `folder` when there is one.
        augment: changes a text's ids each time it is seen.
        progress: show bars.

    Returns:
        For each epoch `epoch`, `loss`, and of the validation examples `auc`, `accuracy` and `ece`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    optimiser, scheduler = _optimiser(model, options, steps=-(-len(train.ids) // options.batch_size) * options.epochs)
    history = (
        _restore(model, optimiser, scheduler, folder / CHECKPOINT) if resume and (folder / CHECKPOINT).is_file() else []
    )
    for epoch in range(len(history), options.epochs):
        if _epochs_since_best(history) > options.patience:
            break
        torch.manual_seed(options.seed * 1000 + epoch)
        loss = _epoch(model, train, optimiser, scheduler, options, epoch, augment, progress)
        history.append({"epoch": epoch, "loss": loss, **validate(model, validation)})
        if progress:
            print(json.dumps({name: round(value, 4) for name, value in history[-1].items()}), flush=True)
        if _epochs_since_best(history) == 0:
            model.save_pretrained(folder)
        (folder / "history.json").write_text(json.dumps(history, indent=1))
        states = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "scheduler": scheduler.state_dict()}
        torch.save({**states, "history": history}, folder / CHECKPOINT)
    best = ToxicityIdentifier.from_pretrained(folder)
    model.load_state_dict(best.state_dict())
    (folder / CHECKPOINT).unlink(missing_ok=True)
    model.eval()
    return history


def validate(model: ToxicityIdentifier, examples: Examples) -> dict[str, float]:
    """`auc`, `accuracy` and `ece` of the model on examples; those at or above .5 are toxic.

    Raises:
        ValueError: the examples have one class only.
    """
    probabilities, labels = predict(model, examples.ids), examples.targets >= 0.5
    if labels.all() or not labels.any():
        raise ValueError(f"`examples` must have both classes; got {int(labels.sum())} toxic ones of {len(labels)}")
    return {
        "auc": auc(labels, probabilities),
        "accuracy": accuracy(labels, probabilities),
        "ece": calibration_error(labels, probabilities),
    }


def predict(model: ToxicityIdentifier, ids: Sequence[list[int]]) -> np.ndarray:
    """P(toxic) of tokenised texts. *Shape:* (n,)"""
    model.eval()
    result = np.zeros(len(ids))
    with torch.inference_mode():
        for places in token_batches([len(row) for row in ids], token_budget=16384):
            result[places] = torch.sigmoid(model(*model.collate([ids[i] for i in places]))).cpu().numpy()
    return result


def _optimiser(
    model: nn.Module, options: TrainingOptions, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW over the parameters of `model` itself, and its schedule."""
    embedding = [parameter for name, parameter in model.named_parameters() if name.startswith("embedding")]
    others = [parameter for name, parameter in model.named_parameters() if not name.startswith("embedding")]
    groups = [{"params": embedding, "weight_decay": 0.0}, {"params": others, "weight_decay": options.weight_decay}]
    optimiser = torch.optim.AdamW(groups, lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=options.learning_rate, total_steps=max(2, steps), pct_start=0.05, cycle_momentum=False
    )
    return optimiser, schedule


def _epoch(
    model: ToxicityIdentifier,
    train: Examples,
    optimiser: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    options: TrainingOptions,
    epoch: int,
    augment: Callable[[list[int], random.Random], list[int]] | None,
    progress: bool,
) -> float:
    """One pass; returns the mean loss of a text."""
    model.train()
    chance, order = random.Random(options.seed * 1000 + epoch), np.random.default_rng([options.seed, epoch])
    lengths, total = np.array([len(row) for row in train.ids]), 0.0
    steps = tqdm(
        batches(lengths, options.batch_size, order),
        total=-(-len(lengths) // options.batch_size),
        desc=f"epoch {epoch}",
        disable=not progress,
    )
    for places in steps:
        rows = [train.ids[i] for i in places]
        rows = [augment(row, chance) for row in rows] if augment else rows
        ids, mask = model.collate(rows)
        wanted = torch.from_numpy(train.targets[places]).to(ids.device)
        loss = binary_cross_entropy_with_logits(model(ids, mask), wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        scheduler.step()
        total += loss.item() * len(places)
    return total / len(lengths)


def _epochs_since_best(history: list[dict[str, float]]) -> int:
    """0 when the last epoch is the best."""
    scores = [epoch["auc"] for epoch in history]
    return len(scores) - 1 - int(np.argmax(scores)) if scores else 0


def _restore(
    model: nn.Module, optimiser: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler, path: Path
) -> list[dict[str, float]]:
    """Takes up where a checkpoint stopped; returns its history."""
    states = torch.load(path, weights_only=True)
    model.load_state_dict(states["model"])
    optimiser.load_state_dict(states["optimiser"])
    scheduler.load_state_dict(states["scheduler"])
    return states["history"]


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = _parser().parse_args(arguments)
    tokenizer = load_tokenizer(options.tokenizer)
    texts, labels = read_table(options.train, options.text_column, options.label_column)
    levels = targets(labels, positive=options.positive, threshold=options.threshold, soft=options.soft)
    kept, held = stratified_split(levels, options.validation_share, options.seed)
    torch.manual_seed(options.seed)
    vocab_size = max(tokenizer.get_vocab().values()) + 1
    config = IdentifierConfig(vocab_size, options.dim, options.channels, max_length=options.max_length)
    model = ToxicityIdentifier(config, tokenizer).to(resolve_device(options.device))
    ids = model.encode(texts)
    train, validation = (Examples([ids[i] for i in places], levels[places]) for places in (kept, held))
    how = TrainingOptions(
        options.epochs, options.batch_size, options.learning_rate, patience=options.patience, seed=options.seed
    )
    folder, shown = options.output, not options.quiet
    history = fit(model, train, validation, how, folder=folder, resume=options.resume, progress=shown)
    (folder / "options.json").write_text(json.dumps({**vars(options), "config": asdict(config)}, indent=1, default=str))
    written = [export(model.cpu(), folder) for wanted, export in _exports(options) if wanted]
    best = max(history, key=lambda epoch: epoch["auc"])
    scores = f"AUC {best['auc']:.4f}, accuracy {best['accuracy']:.4f}, ECE {best['ece']:.4f}"
    print(f"best epoch {best['epoch']}: {scores}; saved in {folder}", *(f"and {path}" for path in written))


def _exports(options: argparse.Namespace) -> list[tuple[bool, Callable[[ToxicityIdentifier, Path], Path]]]:
    return [(options.torchscript, export_torchscript), (options.onnx, export_onnx)]


def _parser() -> argparse.ArgumentParser:
    defaults, shape = TrainingOptions(), IdentifierConfig(1)
    parser = argparse.ArgumentParser(
        prog="python -m training.train_identifier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--train", type=Path, required=True, help="CSV, TSV or parquet file, or a folder of datasets.save_to_disk")
    add("--text-column", default="text")
    add("--label-column", default="label", help="a level in [0, 1], or names of classes (then give --positive)")
    add("--positive", help="the name of the toxic class")
    add("--threshold", type=float, default=0.5, help="a level at or above it is toxic")
    add("--soft", action="store_true", help="learn the levels themselves instead of classes")
    add("--tokenizer", required=True, help="a Hub id, a folder, or a tokenizer.json")
    add("--output", type=Path, required=True, help="folder for the identifier")
    add("--validation-share", type=float, default=0.1)
    add("--dim", type=int, default=shape.dim)
    add("--channels", type=int, default=shape.channels)
    add("--max-length", type=int, default=shape.max_length, help="tokens read of a text")
    add("--epochs", type=int, default=defaults.epochs)
    add("--batch-size", type=int, default=defaults.batch_size)
    add("--learning-rate", type=float, default=defaults.learning_rate)
    add("--patience", type=int, default=defaults.patience, help="epochs without a better AUC before it stops")
    add("--seed", type=int, default=defaults.seed)
    add("--device", help="as torch's; the best one of this machine when missing")
    add("--resume", action="store_true", help="go on from the checkpoint in --output")
    add("--onnx", action="store_true", help="also write identifier.onnx")
    add("--torchscript", action="store_true", help="also write identifier.pt")
    add("--quiet", action="store_true", help="no progress bars")
    return parser


if __name__ == "__main__":
    main()
