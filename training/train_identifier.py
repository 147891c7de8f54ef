"""Train a toxicity identifier on any table of texts and toxicity levels, with any
pretrained tokenizer.

    python -m training.train_identifier --train_file FILE --label_column y \\
        --tokenizer_name gpt2 --output_dir FOLDER

Writes the best epoch's weights, its history, and on request ONNX and TorchScript files.
The shipped identifier comes from `training.distil_identifier`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from toxicity_j.builtin_identifier import IdentifierConfig, ToxicityIdentifier
from toxicity_j.devices import resolve_device
from training.data.tables import (
    load_tokenizer,
    read_table,
    stratified_split,
    toxicity_levels,
)
from training.modules.export_identifier import export_onnx, export_torchscript
from training.modules.identifier_options import (
    TrainingOptions,
    add_training_flags,
    training_options,
)
from training.modules.identifier_trainer import fit
from training.modules.identifier_validation import Epoch, Examples, best_epoch


def _add_data_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("data").add_argument
    add(
        "--train_file",
        type=Path,
        required=True,
        help="CSV, TSV or parquet, or a folder of datasets.save_to_disk",
    )
    add("--text_column", default="text")
    add(
        "--label_column",
        default="label",
        help="a level in [0, 1], or names of classes (then give --positive)",
    )
    add("--positive", help="the name of the toxic class")
    add("--threshold", type=float, default=0.5, help="a level at or above it is toxic")
    add(
        "--soft",
        action="store_true",
        help="learn the levels themselves instead of classes",
    )
    add("--validation_share", type=float, default=0.1)


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    shape = IdentifierConfig(vocab_size=1)
    add = parser.add_argument_group("model").add_argument
    add(
        "--tokenizer_name",
        required=True,
        help="a Hub id, a folder, or a tokenizer.json",
    )
    add("--dim", type=int, default=shape.dim)
    add("--channels", type=int, default=shape.channels)
    add(
        "--max_length", type=int, default=shape.max_length, help="tokens read of a text"
    )


def _add_output_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("output").add_argument
    add("--output_dir", type=Path, required=True, help="folder for the identifier")
    add("--device", help="as torch's; the best one of this machine when missing")
    add(
        "--resume_from_checkpoint",
        action="store_true",
        help="go on from the checkpoint in --output_dir",
    )
    add("--onnx", action="store_true", help="also write identifier.onnx")
    add("--torchscript", action="store_true", help="also write identifier.pt")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.train_identifier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data_flags(parser)
    _add_model_flags(parser)
    add_training_flags(parser, TrainingOptions())
    _add_output_flags(parser)
    return parser


def _new_model(args: argparse.Namespace) -> ToxicityIdentifier:
    tokenizer = load_tokenizer(args.tokenizer_name)
    # Some tokenizers skip ids, so the largest id counts.
    vocab_size = max(tokenizer.get_vocab().values()) + 1
    config = IdentifierConfig(
        vocab_size, args.dim, args.channels, max_length=args.max_length
    )
    torch.manual_seed(args.seed)
    return ToxicityIdentifier(config, tokenizer).to(resolve_device(args.device))


def _read_examples(
    args: argparse.Namespace, model: ToxicityIdentifier
) -> tuple[Examples, Examples]:
    texts, labels = read_table(args.train_file, args.text_column, args.label_column)
    levels = toxicity_levels(
        labels, positive=args.positive, threshold=args.threshold, soft=args.soft
    )
    ids = model.encode(texts)
    kept, held_out = stratified_split(levels, args.validation_share, args.seed)
    parts = []
    for rows in (kept, held_out):
        chosen = [ids[row] for row in rows]
        parts.append(Examples(chosen, levels[rows]))
    train, validation = parts
    return train, validation


def _export(model: ToxicityIdentifier, args: argparse.Namespace) -> None:
    # An export keeps the device that it was traced on.
    model.cpu()
    if args.torchscript:
        print(f"wrote {export_torchscript(model, args.output_dir)}")
    if args.onnx:
        print(f"wrote {export_onnx(model, args.output_dir)}")


def _describe(epoch: Epoch) -> str:
    names = {"AUC": "auc", "accuracy": "accuracy", "ECE": "ece"}
    shown = [f"{name} {epoch[key]:.4f}" for name, key in names.items()]
    return ", ".join(shown)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    args = _parser().parse_args(arguments)
    model = _new_model(args)
    train, validation = _read_examples(args, model)
    history = fit(
        model,
        train,
        validation,
        training_options(args),
        output_dir=args.output_dir,
        resume=args.resume_from_checkpoint,
        progress=not args.disable_tqdm,
    )
    settings = {**vars(args), "config": asdict(model.config)}
    text = json.dumps(settings, indent=1, default=str)
    (args.output_dir / "options.json").write_text(text + "\n", encoding="utf-8")
    best = history[best_epoch(history)]
    print(f"best epoch {best['epoch']}: {_describe(best)}; saved in {args.output_dir}")
    _export(model, args)


if __name__ == "__main__":
    main()
