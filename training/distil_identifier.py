"""Makes the shipped identifier, from labels or, better, from the built-in encoder's scores.

    python -m training.distil_identifier --data FOLDER --teacher toxicity_j/encoder.safetensors --output toxicity_j

The corpus is the training texts, their sentences, respelt and obfuscated variants, strings of several texts, and the
written sentences. A teacher's scores are kept in a file, so that training repeats without it. Embeddings start as
principal components of a pretrained encoder's. Calibration is by Platt's method on half of the development texts; the
other half, and the validation split, judge the result. All of them choose the best epoch.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from tqdm import tqdm

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_identifier import IdentifierConfig, ToxicityIdentifier
from training.backbone import backbone_folder
from training.calibrate import logits, style_texts
from training.data import JIGSAW, read_paradetox, read_style, rude_words
from training.data.tables import Resplit, load_tokenizer
from training.eval_metrics import accuracy, auc, calibration_error, interval, platt
from training.synthetic.handwritten import STYLE
from training.synthetic.spelling import obfuscate, respell
from training.train_identifier import Examples, TrainingOptions, fit, predict

# Shares of the texts that are also seen obfuscated, respelt, and strung together.
OBFUSCATED, RESPELT, STRUNG = 0.25, 0.1, 0.05
# How often a written sentence is seen respelt.
WRITTEN_RESPELT = 4
# Standard deviation of the first embeddings, as of those that training from scratch ends with.
EMBEDDING_SCALE = 0.1
# How much of a labelled text's target is the teacher's score, the rest being its label.
TEACHER_SHARE = 0.7
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'])")


def corpus(rows: pd.DataFrame, rude: set[str], seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts and labels in [0, 1], NaN where only a teacher can tell: a sentence of a longer toxic text may be harmless.

    Args:
        rows: columns text and y.
        rude: words to obfuscate.
        seed: of the variants.
    """
    chance, examples = random.Random(seed), []
    texts, labels = rows.text.tolist(), rows.y.tolist()
    for text, label in zip(texts, labels, strict=True):
        examples.append((text, label))
        sentences = _SENTENCE.split(text)
        if len(sentences) > 1:
            examples += [(sentence, np.nan if label > 0.1 else label) for sentence in sentences if len(sentence) > 8]
        if chance.random() < OBFUSCATED:
            examples.append((obfuscate(text, rude, chance), label))
        if chance.random() < RESPELT:
            examples.append((respell(text, chance), label))
        if chance.random() < STRUNG:
            others = chance.sample(range(len(texts)), chance.randint(1, 4))
            places = others if label > 0.5 else [i for i in others if labels[i] < 0.2]
            examples.append((" ".join([text, *(texts[i] for i in places)]), max([label, *(labels[i] for i in places)])))
    for text, label in STYLE:
        examples += [(text, label), *((respell(text, chance), label) for _ in range(WRITTEN_RESPELT)), ("", 0.0)]
    distinct = dict(reversed(examples))  # the first label of a text counts
    return list(distinct), np.array(list(distinct.values()), dtype=np.float32)


def teacher_scores(teacher: Path | None, texts: Sequence[str], cache: Path | None) -> np.ndarray | None:
    """The encoder's P(toxic) of each text, those in the cache from there; None without either. *Shape:* (n,)

    Raises:
        ValueError: some texts are not in the cache, and there is no teacher.
    """
    known: dict[str, float] = {}
    if cache and cache.is_file():
        table = pd.read_parquet(cache)
        known = dict(zip(table.text, table.p_toxic, strict=True))
    elif teacher is None:
        return None
    missing = [text for text in texts if text not in known]
    if missing:
        if teacher is None:
            raise ValueError(f"`scores` must hold all texts when there is no `teacher`; {len(missing)} are missing")
        found = Encoder.load(teacher, dtype="bfloat16").style(missing, progress=tqdm)
        known |= dict(zip(missing, found.tolist(), strict=True))
        if cache:
            pd.DataFrame({"text": list(known), "p_toxic": list(known.values())}).to_parquet(cache)
    return np.array([known[text] for text in texts], dtype=np.float32)


def targets(labels: np.ndarray, scores: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """What each text is to score, and which texts have a target at all.

    Args:
        labels: NaN for none.
        scores: a teacher's, or None.
    """
    if scores is None:
        return labels, ~np.isnan(labels)
    mixed = np.where(np.isnan(labels), scores, TEACHER_SHARE * scores + (1 - TEACHER_SHARE) * labels)
    return mixed.astype(np.float32), np.ones(len(labels), dtype=bool)


def pretrained_embeddings(weights: Path, dim: int) -> torch.Tensor:
    """The principal components of an encoder's word embeddings. *Shape:* (vocabulary, dim)"""
    tensors = load_file(weights)
    words = next(tensor for name, tensor in tensors.items() if name.endswith("word_embeddings.weight")).float()
    torch.manual_seed(0)
    words = words - words.mean(0)
    components = words @ torch.pca_lowrank(words, dim, niter=4)[2]
    return components * (EMBEDDING_SCALE / components.std())


def calibrate(model: ToxicityIdentifier, labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """Folds Platt's slope and offset into the last layer, and returns them."""
    slope, offset = platt(labels, logits(probabilities)[:, None])
    last = model.classifier[-1]
    with torch.no_grad():
        last.weight.mul_(slope)
        last.bias.mul_(slope).add_(offset)
    return slope, offset


def report(model: ToxicityIdentifier, rows: pd.DataFrame) -> dict[str, object]:
    """Accuracy, AUC (each with its 95 % interval) and ECE on labelled texts."""
    labels, scores = (rows.y >= 0.5).to_numpy(), predict(model, model.encode(rows.text.tolist()))
    return {
        "n": len(labels),
        "accuracy": accuracy(labels, scores),
        "accuracy_95": interval(accuracy, labels, scores),
        "auc": auc(labels, scores),
        "auc_95": interval(auc, labels, scores),
        "ece": calibration_error(labels, scores),
    }


def pairs_in_order(model: ToxicityIdentifier, folder: Path) -> tuple[float, int]:
    """Share of held-out ParaDetox pairs whose toxic side scores above its rewrite, and how many pairs."""
    pairs = [(row.toxic, rewrite) for row in read_paradetox(folder)[1] for rewrite in row.rewrites]
    toxic, neutral = (model.p_toxic([pair[side] for pair in pairs]) for side in (0, 1))
    return float(np.mean(toxic > neutral)), len(pairs)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = _parser().parse_args(arguments)
    torch.manual_seed(options.seed)
    rows, development = (read_style(options.data, split) for split in ("train", "kept"))
    texts, labels = corpus(rows, rude_words(read_paradetox(options.data)[0]), options.seed)
    scores = teacher_scores(options.teacher, texts, options.scores)
    wanted, known = targets(labels, scores)
    backbone = options.backbone or backbone_folder()
    tokenizer = load_tokenizer(backbone)
    config = IdentifierConfig(tokenizer.get_vocab_size(), options.dim, options.channels, dropout=options.dropout)
    model = ToxicityIdentifier(config, tokenizer)
    with torch.no_grad():
        model.embedding.weight[:-1] = pretrained_embeddings(backbone / "model.safetensors", options.dim)
    ids = model.encode(texts)
    train = Examples([row for row, keep in zip(ids, known, strict=True) if keep], wanted[known])
    print(f"{len(train.ids)} texts, {int((~np.isnan(labels)).sum())} of them labelled", flush=True)
    held = Examples(model.encode(development.text.tolist()), development.y.to_numpy(np.float32))
    how = TrainingOptions(options.epochs, options.batch_size, options.learning_rate, patience=2, seed=options.seed)
    with tempfile.TemporaryDirectory() as folder:
        fit(model, train, held, how, folder=folder, augment=Resplit(tokenizer.get_vocab()), progress=not options.quiet)
    finish(model, options.data, options.output)


def finish(model: ToxicityIdentifier, data: Path, output: Path) -> None:
    """Calibrates on half of the development texts, saves as int8, and prints how the saved model does on all else."""
    first, second = (style_texts(data, calibration=flag) for flag in (True, False))
    calibrate(model, (first.y >= 0.5).to_numpy(float), predict(model, model.encode(first.text.tolist())))
    saved = ToxicityIdentifier.from_pretrained(model.save_pretrained(output, int8=True))
    validation = read_style(data, "val")
    results = {"development": report(saved, second), "validation": report(saved, validation)}
    results["validation_jigsaw"] = report(saved, validation[validation.source == JIGSAW])
    results["paradetox_pairs_in_order"] = pairs_in_order(saved, data)
    print(json.dumps(results, indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with toxicity.parquet and paradetox_train.tsv")
    parser.add_argument(
        "--backbone", type=Path, help="folder of a tokenizer and first embeddings; the installed MiniLM's when missing"
    )
    parser.add_argument("--teacher", type=Path, help="weights of a built-in encoder; labels alone when missing")
    parser.add_argument("--scores", type=Path, help="parquet file that keeps, and gives again, the teacher's scores")
    parser.add_argument("--output", type=Path, required=True, help="folder for identifier.safetensors")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser


if __name__ == "__main__":
    main()
