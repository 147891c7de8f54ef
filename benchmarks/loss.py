"""What the toxicity loss adds to a training step: `python -m benchmarks.loss` prints a
table and writes loss.json.

T5-small, GPT-2 and BART-base with random weights and vocabularies of their sizes,
AdamW, float32. Steps with and without the loss, the loss alone and the cross-entropy
alone run in turn; CPU-seconds of one thread, on a GPU seconds of the clock. Ratios
travel better than seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402 (the threads are counted on import)
import torch  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from benchmarks.loss_models import (  # noqa: E402
    SMALL_VOCABULARY,
    VOCABULARIES,
    build_model,
    vocabulary,
)
from benchmarks.loss_table import Cost, row, table  # noqa: E402
from benchmarks.measure import alternate, gpu, machine  # noqa: E402
from benchmarks.memory import peak_bytes  # noqa: E402
from toxicity_j.builtin_identifier import ToxicityIdentifier  # noqa: E402
from toxicity_j.objectives.loss import ToxicityLoss  # noqa: E402

# Takes logits, and returns a loss.
Objective = Callable[[torch.Tensor], torch.Tensor]
# Sequences, and positions of each.
DEFAULT_BATCH = {"cpu": (16, 24), "cuda": (64, 64)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.loss", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    names = list(VOCABULARIES)
    add("--models", nargs="+", choices=names, default=names)
    add("--batch-size", type=int, help="sequences; default 16, on a GPU 64")
    add("--length", type=int, help="positions of each; default 24, on a GPU 64")
    add("--rounds", type=int, default=5, help="alternations that count")
    add("--small", action="store_true", help="tiny models: that it runs, not how fast")
    add("--gpu", action="store_true", help="the first CUDA device, to loss_gpu.json")
    add(
        "--out", type=Path, default=Path("build/benchmarks"), help="folder of loss.json"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> list[Cost]:
    """Measure, print, write; return what the table shows."""
    options = _parser().parse_args(arguments)
    device = torch.device("cpu")
    if options.gpu:
        device = gpu(small=options.small)
    sequences, positions = DEFAULT_BATCH[device.type]
    batch = (options.batch_size or sequences, options.length or positions)
    torch.set_num_threads(1)
    costs = []
    for name in options.models:
        cost = measure(name, batch, device, small=options.small, rounds=options.rounds)
        costs.append(cost)
        print(row(cost), flush=True)
    file_name = "loss_gpu.json" if options.gpu else "loss.json"
    options.out.mkdir(parents=True, exist_ok=True)
    written = {
        "machine": machine(device),
        "torch": torch.__version__,
        "costs": [asdict(cost) for cost in costs],
    }
    text = json.dumps(written, indent=1)
    (options.out / file_name).write_text(text + "\n", encoding="utf-8")
    print(f"\n{written['machine']}\n\n{table(costs)}")
    return costs


def measure(
    name: str, batch: tuple[int, int], device: torch.device, *, small: bool, rounds: int
) -> Cost:
    """Measure one model's step, with the loss and without."""
    torch.manual_seed(0)
    size, unused, mark = VOCABULARIES[name]
    if small:
        size = SMALL_VOCABULARY
    identifier = ToxicityIdentifier.from_pretrained()
    tokens = vocabulary(identifier, size - unused, mark)
    loss = ToxicityLoss(identifier, tokens).to(device)
    model = build_model(name, size, small=small).to(device)
    works = _works(model, loss, batch, size, device)
    times = alternate(works, rounds, device)
    # Copies of the logits, which are float32, four bytes each.
    one = 4 * size * math.prod(batch)
    copies = {}
    for key in ("loss", "cross_entropy"):
        peak = peak_bytes(works[key], device)
        copies[key] = None if peak is None else peak / one
    medians = {key: float(np.median(values)) for key, values in times.items()}
    return Cost(
        name,
        size,
        batch,
        **medians,
        share=_median_ratio(times["loss"], times["step"]),
        added=_median_ratio(times["with_loss"], times["step"]) - 1,
        of_cross_entropy=_median_ratio(times["loss"], times["cross_entropy"]),
        loss_copies=copies["loss"],
        cross_entropy_copies=copies["cross_entropy"],
    )


def _median_ratio(times: np.ndarray, of: np.ndarray) -> float:
    return float(np.median(times / of))


def _works(
    model: torch.nn.Module,
    loss: ToxicityLoss,
    batch: tuple[int, int],
    size: int,
    device: torch.device,
) -> dict[str, Callable[[], None]]:
    """Return what is measured, by the name of its time in `Cost`."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    # The first ids are often special tokens.
    labels = torch.randint(5, loss.aligner.vocab_size, batch, device=device)
    mask = torch.ones(batch, device=device)
    # As spread as a trained model's logits.
    logits = torch.randn(*batch, size, device=device) * 3

    def toxicity(given: torch.Tensor) -> torch.Tensor:
        return loss(given, mask)

    def entropy(given: torch.Tensor) -> torch.Tensor:
        return cross_entropy(given.flatten(0, 1), labels.flatten())

    def step(extra: Objective | None) -> None:
        optimizer.zero_grad()
        output = model(input_ids=labels, labels=labels)
        total = output.loss
        if extra is not None:
            total = total + extra(output.logits)
        total.backward()
        optimizer.step()

    def alone(objective: Objective) -> None:
        objective(logits.detach().requires_grad_()).backward()

    return {
        "step": lambda: step(None),
        "with_loss": lambda: step(toxicity),
        "loss": lambda: alone(toxicity),
        "cross_entropy": lambda: alone(entropy),
    }


if __name__ == "__main__":
    main()
