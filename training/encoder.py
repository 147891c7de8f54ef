"""Trains the built-in encoder: one seeded, resumable multi-task run over style, meaning and fluency.

    torchrun --nproc-per-node 2 -m training.encoder --data ../shared/data --out runs/encoder

One process a core (see `parallel`); `python -m training.encoder` runs a single one. AdamW with linear warm-up and
decay, soft labels with binary cross-entropy, bf16 autocast. One optimiser step takes a batch of each task; the last
part of the run sees only the core style sources. A frozen copy of the backbone keeps the embedding of the pairs near
its own. Ends with an uncalibrated `encoder.pt` in the output folder, which `python -m training.calibrate` turns into
the shipped file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.text import tokenize
from training import parallel
from training.attention import use_padded_attention
from training.backbone import from_backbone
from training.examples import Examples, Pair, Text
from training.flaws import flaw_loss

MAX_TOKENS = {"style": 48, "fluency": 48, "meaning": 64}
POOL = 24  # steps whose examples are drawn together and sorted by length
CHECKPOINT_SECONDS = 180


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder laid out like the data README says")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for checkpoints and results; resumed when it holds one"
    )
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument(
        "--batch", type=int, nargs=3, default=(64, 32, 28), help="texts of style and fluency, pairs of meaning a step"
    )
    parser.add_argument(
        "--core-share", type=float, default=0.25, help="last share of the steps that sees core style sources only"
    )
    parser.add_argument(
        "--weights", type=Path, help="an encoder.pt or checkpoint.pt to start from, for a further stage"
    )
    parser.add_argument(
        "--rated", type=float, default=0.42, help="share of the meaning pairs that comes from rated files"
    )
    parser.add_argument("--own", type=float, default=0.1, help="share of the style texts that is hand-written")
    parser.add_argument("--lr", type=float, default=1e-4, help="of the transformer; the heads take five times as much")
    parser.add_argument("--warmup", type=int, default=150)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument(
        "--minutes", type=float, default=1e9, help="stop at a checkpoint after this long; run again to go on"
    )
    parser.add_argument(
        "--licence-clean", action="store_true", help="leave out sources released for research only or unlicensed"
    )
    parser.add_argument("--stop", type=int, help="stop after this step with a checkpoint, to go on otherwise")
    return parser.parse_args()


def batches(examples: Examples, pool: int, sizes: Sequence[int], core: bool) -> list[dict[str, list]]:
    """The steps of a pool: per task a batch of like length, in seeded order."""
    drawn = {
        "style": examples.style(pool, POOL * sizes[0], core),
        "fluency": examples.fluency(pool, POOL * sizes[1]),
        "meaning": examples.meaning(pool, POOL * sizes[2]),
    }
    rng = random.Random(f"order-{examples.seed}-{pool}")
    columns = {task: by_length(rows, size, rng) for (task, rows), size in zip(drawn.items(), sizes, strict=True)}
    return [{task: column[i] for task, column in columns.items()} for i in range(POOL)]


def by_length(rows: list, size: int, rng: random.Random) -> list[list]:
    """Cuts rows into batches of like length, in seeded order."""
    rows = sorted(rows, key=lambda row: row.length + rng.random())
    cut = [rows[start : start + size] for start in range(0, len(rows), size)]
    rng.shuffle(cut)
    return cut


def losses(encoder: Encoder, flaws: nn.Linear, step: dict[str, list], teacher: Encoder) -> dict[str, torch.Tensor]:
    """Binary cross-entropy of each task of one step, and the distance of the pairs' embeddings from the backbone's.

    `flaws` is the head of `flaw_loss`.
    """
    meaning = step["meaning"]
    columns = [
        tokenize(encoder.tokenizer, [row.text for row in step[task]], MAX_TOKENS[task]) for task in ("style", "fluency")
    ]
    columns += [tokenize(encoder.tokenizer, [row[side] for row in meaning], MAX_TOKENS["meaning"]) for side in (0, 1)]
    lengths = [[len(ids) for ids in column] for column in columns]
    sizes = [sum(column) for column in lengths]
    pairs = list(zip(lengths[2], lengths[3], strict=True))
    with torch.autocast(encoder.style_out.weight.device.type, dtype=torch.bfloat16):
        states = encoder.body.embed([ids for column in columns for ids in column])
        style, fluency, source, prediction = states.split(sizes)
        alone = encoder.body.alone(torch.cat([style, source, prediction]), lengths[0] + lengths[2] + lengths[3])
        fluency = encoder.body.fluently(fluency, lengths[1])
        together = encoder.body.together(source, prediction, pairs)
    embeddings = encoder.embeddings(alone[sizes[0] :], lengths[2] + lengths[3])
    one, two = embeddings.chunk(2)
    cosines = (one * two).sum(1)
    logits = {
        "style": encoder.style_logits(alone[: sizes[0]], lengths[0]),
        "fluency": encoder.fluency_logits(fluency, lengths[1]),
        "meaning": encoder.meaning_logits(together, pairs, cosines.detach()),
    }
    found = {task: binary_loss(logits[task], step[task]) for task in logits}
    found["flaws"] = flaw_loss(encoder, flaws, fluency, step["fluency"], lengths[1])
    found["embedding"] = _distance(embeddings, cosines, columns[2] + columns[3], teacher)
    return found


def _distance(embeddings: torch.Tensor, cosines: torch.Tensor, ids: list[list[int]], teacher: Encoder) -> torch.Tensor:
    """How far embeddings, and the cosines of the pairs, lie from what the untouched backbone says."""
    with torch.no_grad():
        lengths = [len(x) for x in ids]
        target = teacher.embeddings(teacher.body.alone(teacher.body.embed(ids), lengths), lengths)
        one, two = target.chunk(2)
        wanted = (one * two).sum(1)
    return (1 - (embeddings * target).sum(1)).mean() + 4 * (cosines - wanted).square().mean()


def binary_loss(logits: torch.Tensor, rows: Sequence[Text | Pair]) -> torch.Tensor:
    """Weighted mean of the binary cross-entropy with the rows' soft labels."""
    labels, weights = (
        torch.tensor([getattr(row, name) for row in rows], device=logits.device) for name in ("label", "weight")
    )
    return (binary_cross_entropy_with_logits(logits, labels, reduction="none") * weights).sum() / weights.sum()


def optimiser(encoder: Encoder, flaws: nn.Linear, lr: float) -> torch.optim.AdamW:
    """AdamW; weight decay on matrices only, a higher rate for the heads."""
    body = [parameter for parameter in encoder.body.parameters() if parameter.requires_grad]
    known = {id(parameter) for parameter in body}
    heads = [p for p in encoder.parameters() if p.requires_grad and id(p) not in known] + list(flaws.parameters())
    groups = [
        {"params": [p for p in body if p.dim() == 2], "lr": lr, "weight_decay": 0.01},
        {"params": [p for p in body if p.dim() == 1], "lr": lr, "weight_decay": 0.0},
        {"params": heads, "lr": 5 * lr, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, fused=True)


def save_checkpoint(path: Path, **parts: object) -> None:
    """Writes a checkpoint so that a kill in the middle leaves the one before."""
    torch.save(parts, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def train(args: argparse.Namespace, encoder: Encoder, teacher: Encoder, examples: Examples, rank: int) -> bool:
    """Runs the steps; True when the run is complete, False when `args.minutes` ran out.

    Of several processes (see `parallel`) the first one prints and writes.
    """
    flaws = nn.Linear(encoder.config.token_features, 1)
    updates = optimiser(encoder, flaws, args.lr)
    factor = lambda step: min((step + 1) / args.warmup, max(0.0, (args.steps - step) / (args.steps - args.warmup)))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(updates, factor)
    parts = {"encoder": encoder, "flaws": flaws, "updates": updates, "schedule": schedule}
    checkpoint, first = args.out / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        first = saved["step"]
    began = saved_at = time.time()
    means: dict[str, float] = {}
    encoder.train()
    use_padded_attention(encoder)
    steps: list[dict[str, list]] = []
    bar = tqdm(range(first, args.steps), initial=first, total=args.steps, unit="step", disable=rank > 0)
    for step in bar:
        pool, place = divmod(step, POOL)
        if not steps or place == 0:
            steps = batches(examples, pool, args.batch, core=pool * POOL >= (1 - args.core_share) * args.steps)
        torch.manual_seed(args.seed * 1_000_003 + step)
        found = losses(encoder, flaws, steps[place], teacher)
        sum(found.values()).backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        updates.step()
        updates.zero_grad(set_to_none=False)
        schedule.step()
        averaging = (step + 1) % parallel.AVERAGE_EVERY == 0 or step + 1 in (args.stop, args.steps)
        if averaging:
            parallel.average(p for group in updates.param_groups for p in group["params"])
        means = {task: 0.98 * means.get(task, loss.item()) + 0.02 * loss.item() for task, loss in found.items()}
        bar.set_postfix({task: f"{mean:.3f}" for task, mean in means.items()}, refresh=False)
        if not averaging:
            continue
        stop = parallel.first_says(time.time() - began > 60 * args.minutes or step + 1 == args.stop)
        if rank == 0 and (stop or time.time() - saved_at > CHECKPOINT_SECONDS):
            save_checkpoint(checkpoint, step=step + 1, **{name: part.state_dict() for name, part in parts.items()})
            saved_at = time.time()
        if stop:
            return False
    return True


def main() -> None:
    """Trains as the command line says."""
    args = options()
    rank = parallel.start()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    encoder = from_backbone()
    if args.weights:
        state = torch.load(args.weights, weights_only=True)
        encoder.load_state_dict(state.get("encoder", state))
    teacher = from_backbone().eval().requires_grad_(False)
    teacher.body.to(torch.bfloat16)
    settings = {name: str(value) for name, value in vars(args).items()}
    (args.out / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")
    examples = Examples(args.data, args.seed + 1000 * rank, args.licence_clean, rated=args.rated, own=args.own)
    if train(args, encoder, teacher, examples, rank) and rank == 0:
        torch.save(encoder.state_dict(), args.out / "encoder.pt")
        print(f"wrote {args.out / 'encoder.pt'}")


if __name__ == "__main__":
    main()
