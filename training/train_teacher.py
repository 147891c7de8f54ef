"""Fine-tune a larger model on one of the example tables, and label the table with it.

    python -m training.train_teacher --task content --examples runs/examples \\
        --backbone FOLDER

Content and fluency are read as pairs, source first; style reads the text alone. Labels
go to TASK.teacher.parquet beside the table: those that the file lacks, where `python -m
training.label_earlier` has begun it, and all of them otherwise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from toxicity_j.rules import logit, sigmoid
from toxicity_j.token_batches import token_batches
from training.flags import command_parser
from training.modules.schedule import (
    Clock,
    adamw,
    add_run_flags,
    batches,
    mixed_precision,
    take_step,
)
from training.modules.teacher import MAX_LENGTH, Teacher, collate, encode

TASKS = ("content", "style", "fluency")
# How much the teacher's logit counts beside that of the encoder in a file of scores.
SCORES_SHARE = 0.6
# Such scores are cut to [this, 1 - this]: beyond, a logit would outweigh the other.
_LEAST_SCORE = 1e-3


def train(
    teacher: Teacher,
    frame: pd.DataFrame,
    ids: list[list[int]],
    args: argparse.Namespace,
) -> None:
    """Fit the teacher to the rows that have a label."""
    device = torch.device(args.device)
    known = np.flatnonzero(frame.label.notna().to_numpy())
    labeled = frame.iloc[known]
    ids = [ids[row] for row in known]
    lengths = np.array([len(tokens) for tokens in ids])
    labels = torch.tensor(labeled.label.to_numpy(), dtype=torch.float32, device=device)
    places = [teacher.kinds.get(name, -1) for name in labeled.kind]
    kinds = torch.tensor(places, device=device)
    updates = _optimizer(teacher, args.learning_rate, device)
    teacher.train()
    clock = Clock(args.steps, args.minutes)
    weights = labeled.weight.to_numpy()
    for rows in batches(weights, lengths, args.batch_size, args.steps, args.seed):
        drawn = torch.from_numpy(rows).to(device)
        logits = _logits(teacher, [ids[row] for row in rows], device)
        rescaled = teacher.rescaled(logits, kinds[drawn])
        loss = binary_cross_entropy_with_logits(rescaled, labels[drawn])
        if clock.step % 100 == 0:
            shown = f"loss {loss.item():.3f} done {clock.share:.2f}"
            print(args.task, clock.step, shown, flush=True)
        take_step(loss, updates, clock)
        if clock.share >= 1:
            break


def _optimizer(
    teacher: Teacher, learning_rate: float, device: torch.device
) -> torch.optim.AdamW:
    body = {"params": [*teacher.body.parameters()], "weight_decay": 0.01}
    # The head starts from nothing, the transformer does not.
    head = {"params": [*teacher.out.parameters()], "weight_decay": 0.0}
    scales = {"params": [teacher.scale, teacher.shift], "weight_decay": 0.0}
    groups = [
        {**body, "lr": learning_rate},
        {**head, "lr": 10 * learning_rate},
        {**scales, "lr": 1e-2},
    ]
    return adamw(groups, device)


def _logits(
    teacher: Teacher, ids: list[list[int]], device: torch.device
) -> torch.Tensor:
    batch = collate(teacher, ids, device)
    with mixed_precision(device):
        return teacher(batch)


@torch.inference_mode()
def label(
    teacher: Teacher, ids: list[list[int]], device: torch.device, size: int = 512
) -> np.ndarray:
    """Compute the teacher's probability of each row, in [0, 1]. *Shape:* (rows,),
    float32.
    """
    teacher.eval()
    if device.type == "cuda":
        # Near enough to learn from, and no weight is converted for each batch.
        teacher.body.to(torch.bfloat16)
    lengths = np.array([len(row) for row in ids])
    logits = torch.empty(len(ids), device=device)
    # No row is longer, so `size` alone limits a batch.
    for rows in token_batches(lengths, size * MAX_LENGTH, size):
        places = torch.from_numpy(rows).to(device)
        logits[places] = _logits(teacher, [ids[row] for row in rows], device)
    return torch.sigmoid(logits).cpu().numpy()


def mixed_scores(encoder: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Mix the logits of two P(toxic), in [0, 1]. *Shape:* (n,) each."""
    own, other = (
        logit(scores.clip(_LEAST_SCORE, 1 - _LEAST_SCORE))
        for scores in (encoder, teacher)
    )
    return sigmoid((1 - SCORES_SHARE) * own + SCORES_SHARE * other)


def _write_mixed(
    path: Path, output: Path, teacher: Teacher, device: torch.device
) -> None:
    """Write the mean of what an encoder and the teacher say of a file's texts."""
    table = pd.read_parquet(path)
    said = label(teacher, encode(teacher, table, "style"), device)
    mixed = mixed_scores(table.p_toxic.to_numpy(np.float64), said.astype(np.float64))
    table.assign(p_toxic=mixed.astype(np.float32)).to_parquet(output)
    print(f"wrote {output}")


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("train_teacher", __doc__)
    add = parser.add_argument
    add("--task", choices=TASKS, required=True)
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--backbone", required=True, help="folder of the larger model")
    add("--tag", default="teacher", help="labels go to TASK.TAG.parquet")
    add(
        "--scores",
        type=Path,
        help="parquet file of `text` and `p_toxic`, for style",
    )
    add("--batch_size", type=int, default=128)
    of_what = "the transformer; heads take ten times"
    add_run_flags(parser, learning_rate=4e-5, of_what=of_what)
    return parser


def main() -> None:
    """Train and label as the command line says."""
    args = _parser().parse_args()
    if args.scores and args.task != "style":
        raise ValueError(f"`scores` is for the task style, not {args.task}")
    device = torch.device(args.device)
    torch.manual_seed(args.seed)
    frame = pd.read_parquet(args.examples / f"{args.task}.parquet")
    if args.tier == "open":
        frame.loc[frame.tier != "open", "label"] = np.nan
    kinds = sorted({kind for kind in frame.kind if kind.startswith("rated_")})
    teacher = Teacher(args.backbone, kinds).to(device)
    ids = encode(teacher, frame, args.task)
    train(teacher, frame, ids, args)
    output = args.examples / f"{args.task}.{args.tag}.parquet"
    labels = np.full(len(frame), np.nan, dtype=np.float32)
    if output.is_file():
        labels = pd.read_parquet(output).teacher.to_numpy(copy=True)
    missing = np.flatnonzero(np.isnan(labels))
    labels[missing] = label(teacher, [ids[row] for row in missing], device)
    pd.DataFrame({"teacher": labels}).to_parquet(output)
    print(f"wrote {output}")
    if args.scores:
        mixed = args.scores.with_suffix(f".{args.tag}.parquet")
        _write_mixed(args.scores, mixed, teacher, device)


if __name__ == "__main__":
    main()
