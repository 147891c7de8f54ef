"""Train the built-in encoder on the example tables and their teachers' labels: one
seeded multi-task run.

    python -m training.train_encoder --examples runs/examples --output_dir runs/encoder

Minutes on a GPU, a night on two cores. One step takes a batch of each task. A later run
goes on from a file with `--weights`, and with `--only_pairs` it trains what reads pairs
alone. Ends with an uncalibrated encoder.safetensors, which `python -m
training.calibrate_encoder` turns into the shipped file.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_network import EncoderConfig, EncoderNetwork
from training.data.example_table import ExampleTable
from training.modules.backbone import from_backbone
from training.modules.padded_attention import use_padded_attention
from training.modules.vocabulary import count_tokens, prune
from training.train_teacher import Clock, batches, with_initial_rates

TASKS = ("style", "content", "fluency")
# What `--only_pairs` trains.
PAIR_PARTS = (
    "body.pair",
    "body.segment_embeddings",
    "content_head",
    "pair_fluency_head",
)


def step_losses(
    network: EncoderNetwork,
    flaw_head: nn.Linear,
    tables: dict[str, ExampleTable],
    rows: dict[str, np.ndarray],
) -> dict[str, torch.Tensor]:
    """Compute the losses of one step, one batch per task."""
    device = network.body.word_embeddings.weight.device
    found: dict[str, torch.Tensor] = {}

    def labels(task: str, name: str = "labels") -> torch.Tensor:
        return torch.from_numpy(getattr(tables[task], name)[rows[task]]).to(device)

    texts = {task: [tables[task].texts[row] for row in rows[task]] for task in rows}
    sources = {
        task: [tables[task].sources[row] for row in rows[task]]
        for task in ("content", "fluency")
    }
    # Many CPUs compute bfloat16 more slowly than float32.
    with torch.autocast(
        device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"
    ):
        if "style" in rows:
            style = network(texts["style"], None, ("style",)).style
        parts = {
            task: _pair_parts(network, texts[task], sources[task]) for task in sources
        }
        together, own, lengths, pairs, states = parts["content"]
        content = network.content_head(together, pairs)
        found["likelihood"] = _likelihood_loss(network, parts, labels)
        together, own, lengths, pairs, states = parts["fluency"]
        fluent = network.body.fluency_states(own, lengths[: len(pairs)])
        alone = network.fluency_head(fluent, lengths[: len(pairs)])
        beside = network.pair_fluency_head(together, pairs)
        features = network.fluency_head.tokens.per_token(fluent)
    if "style" in rows:
        found["style"] = binary_cross_entropy_with_logits(
            style.float(), labels("style")
        )
    found["content"] = binary_cross_entropy_with_logits(
        content.float(), labels("content")
    )
    found["fluency"] = binary_cross_entropy_with_logits(
        (alone + beside).float(), labels("fluency")
    )
    # The branch alone must read fluency too, or the pair layers would learn what it
    # could.
    found["alone"] = 0.4 * binary_cross_entropy_with_logits(
        alone.float(), labels("fluency")
    )
    marks = [tables["fluency"].marks.get(int(row)) for row in rows["fluency"]]
    marks = [
        np.full(n, -1) if m is None else m for m, n in zip(marks, lengths, strict=False)
    ]
    marks = torch.from_numpy(np.concatenate(marks)).to(device)
    logits = flaw_head(features.float())[:, 0]
    known = (marks >= 0).float()
    each = binary_cross_entropy_with_logits(
        logits, marks.clamp_min(0).float(), reduction="none"
    )
    found["flaws"] = 0.5 * (each * known).sum() / known.sum().clamp_min(1)
    return found


def _pair_parts(network: EncoderNetwork, texts: list, sources: list) -> tuple:
    """Compute pair states, the texts' trunk states, all lengths, the lengths of pairs,
    and all trunk states.
    """
    lengths = [len(ids) for ids in [*texts, *sources]]
    states = network.body.trunk_states([*texts, *sources])
    pairs = list(zip(lengths[len(texts) :], lengths[: len(texts)], strict=True))
    own = states[: sum(lengths[: len(texts)])]
    return (
        network.body.pair_states(states[len(own) :], own, pairs),
        own,
        lengths,
        pairs,
        states,
    )


def _likelihood_loss(
    network: EncoderNetwork, parts: dict, labels: object
) -> torch.Tensor:
    total = 0.0
    for task, (_, _, lengths, pairs, states) in parts.items():
        values = network.likelihood_head(states, lengths)
        own, relative = (
            values[: len(pairs)],
            values[: len(pairs)] - values[len(pairs) :],
        )
        total = total + smooth_l1_loss(own, labels(task, "own"))
        total = total + smooth_l1_loss(relative, labels(task, "relative"))
    return 0.25 * total


def train_only_pairs(network: EncoderNetwork) -> None:
    """Keep all that reads one text as it is: trunk, style, the branch of fluency and
    the likelihoods.
    """
    network.requires_grad_(False)
    network.body.trunk.eval()
    network.body.fluency.eval()
    network.body.dropout.eval()
    for name in PAIR_PARTS:
        network.get_submodule(name).requires_grad_(True)


def train(
    encoder: Encoder, tables: dict[str, ExampleTable], args: argparse.Namespace
) -> None:
    """Run the steps."""
    network = encoder.network
    device = torch.device(args.device)
    flaw_head = nn.Linear(network.config.token_features, 1).to(device)
    network.train()
    if args.only_pairs:
        train_only_pairs(network)
    body = [p for p in network.body.parameters() if p.requires_grad]
    heads = [
        p
        for name, p in network.named_parameters()
        if not name.startswith("body.") and p.requires_grad
    ]
    heads += list(flaw_head.parameters())
    groups = [
        {
            "params": [p for p in body if p.dim() == 2],
            "lr": args.learning_rate,
            "weight_decay": 0.01,
        },
        {
            "params": [p for p in body if p.dim() == 1],
            "lr": args.learning_rate,
            "weight_decay": 0.0,
        },
        {"params": heads, "lr": 4 * args.learning_rate, "weight_decay": 0.0},
    ]
    updates = torch.optim.AdamW(with_initial_rates(groups), fused=device.type == "cuda")
    sizes = dict(zip(TASKS, args.batch_sizes, strict=True))
    streams = {
        task: batches(
            table.weights, table.lengths, sizes[task], args.steps, args.seed + place
        )
        for place, (task, table) in enumerate(tables.items())
    }
    use_padded_attention(network)
    clock = Clock(args.steps, args.minutes)
    while clock.share < 1:
        clock.set_rate(updates)
        rows = {task: next(stream) for task, stream in streams.items()}
        found = step_losses(network, flaw_head, tables, rows)
        sum(found.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        updates.step()
        updates.zero_grad()
        if clock.step % 100 == 0:
            shown = " ".join(
                f"{name} {loss.item():.3f}" for name, loss in found.items()
            )
            print(clock.step, shown, f"done {clock.share:.2f}", flush=True)
        clock.step += 1


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--examples",
        type=Path,
        required=True,
        help="folder of prepare_examples, with its labels",
    )
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument(
        "--weights",
        type=Path,
        help="go on from this file of an earlier stage, not from the backbone",
    )
    parser.add_argument(
        "--only_pairs",
        action="store_true",
        help="train what reads pairs; the rest stays",
    )
    parser.add_argument(
        "--backbone",
        type=Path,
        help="folder of all-MiniLM-L6-v2; the package's when not given",
    )
    parser.add_argument(
        "--teacher", default="teacher", help="labels are read from TASK.TEACHER.parquet"
    )
    parser.add_argument(
        "--wait_for",
        type=Path,
        help="read the labels when this file is there (made beside a teacher)",
    )
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument(
        "--batch_sizes",
        type=int,
        nargs=3,
        default=(384, 384, 256),
        help="per task; style may be 0",
    )
    parser.add_argument(
        "--learning_rate",
        type=float,
        default=3e-4,
        help="of the transformer; heads take four times",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=1e9,
        help="end sooner, with the rate brought to 0 in time",
    )
    parser.add_argument("--pair_layers", type=int, default=EncoderConfig().pair_layers)
    parser.add_argument(
        "--likelihood",
        type=float,
        default=0.8,
        help="weight of the language model in fluency labels",
    )
    parser.add_argument(
        "--trust",
        type=float,
        default=1.0,
        help="scales how far constructed labels count",
    )
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
    args.output_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    if args.weights:
        encoder = Encoder.from_pretrained(args.weights, device=args.device)
        encoder.network.requires_grad_(True)
    else:
        encoder = from_backbone(
            args.backbone, EncoderConfig(pair_layers=args.pair_layers)
        )
    encoder.network.to(args.device)
    tasks = [task for task, size in zip(TASKS, args.batch_sizes, strict=True) if size]
    tables = {task: ExampleTable(task, args, encoder.tokenizer) for task in tasks}
    while args.wait_for and not args.wait_for.exists():
        time.sleep(1)
    scores = pd.read_parquet(args.examples / "likelihood.parquet")
    likelihood = dict(zip(scores.text, scores.likelihood, strict=True))
    for table in tables.values():
        table.read_labels(args, likelihood)
    settings = {name: str(value) for name, value in vars(args).items()}
    (args.output_dir / "settings.json").write_text(
        json.dumps(settings, indent=1) + "\n"
    )
    train(encoder, tables, args)
    encoder.network.float().to("cpu").eval()
    path = args.output_dir / "encoder.safetensors"
    if not args.weights:
        encoder = prune(
            encoder,
            count_tokens([ids for table in tables.values() for ids in table.texts]),
        )
    encoder.save_pretrained(path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
