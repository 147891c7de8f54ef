"""What the toxicity loss adds to a training step: `python -m benchmarks.loss` prints a
table and writes loss.json.

T5-small, GPT-2 and BART-base with random weights and vocabularies of their sizes,
AdamW, float32. Steps with and without the loss, the loss alone and the cross-entropy
alone run in turn; CPU-seconds of one thread, on a GPU seconds of the clock. Ratios
travel better than seconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402 (the threads are counted on import)
import torch  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from benchmarks.measure import alternate, machine  # noqa: E402
from toxicity_j.builtin_identifier import ToxicityIdentifier  # noqa: E402
from toxicity_j.objectives.loss import ToxicityLoss  # noqa: E402

# By model: tokens of its vocabulary, and how they show that a word begins.
VOCABULARIES = {
    "T5-small": (32_128, "▁"),
    "GPT-2": (50_257, "Ġ"),
    "BART-base": (50_265, "Ġ"),
}
_SMALL = 600
# Sequences, and positions of each.
DEFAULT_BATCH = {"cpu": (16, 24), "cuda": (64, 64)}


@dataclass(frozen=True)
class Cost:
    """What one model's step costs, medians over rounds.

    Attributes:
        model: one of `VOCABULARIES`.
        vocabulary: its tokens.
        batch: sequences and positions of each.
        step: seconds of a step with cross-entropy alone.
        with_loss: seconds of a step with the toxicity loss added.
        loss: seconds of the loss alone, forward and backward.
        cross_entropy: seconds of the cross-entropy alone, likewise.
        share: loss over step, the median over rounds.
        added: with_loss over step, minus 1, likewise; noisier, as it is a difference of
            two long times.
        of_cross_entropy: loss over cross_entropy, likewise.
        loss_copies: peak memory of the loss alone in copies of the logits, the gradient
            among them; None if unknown.
        cross_entropy_copies: the same of the cross-entropy.
    """

    model: str
    vocabulary: int
    batch: tuple[int, int]
    step: float
    with_loss: float
    loss: float
    cross_entropy: float
    share: float
    added: float
    of_cross_entropy: float
    loss_copies: float | None
    cross_entropy_copies: float | None


def _device(options: argparse.Namespace) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if options.gpu and not has_gpu and not options.small:
        raise SystemExit(
            "--gpu needs a CUDA device, and this machine has none (--small: a dry run"
            " on the CPU)"
        )
    return torch.device("cuda" if options.gpu and has_gpu else "cpu")


def main(arguments: Sequence[str] | None = None) -> list[Cost]:
    """Measure, print, write; return what the table shows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path("build/benchmarks"), help="folder of loss.json"
    )
    parser.add_argument(
        "--models", nargs="+", choices=list(VOCABULARIES), default=list(VOCABULARIES)
    )
    parser.add_argument(
        "--batch-size", type=int, help="sequences; default 16, on a GPU 64"
    )
    parser.add_argument(
        "--length", type=int, help="positions of each; default 24, on a GPU 64"
    )
    parser.add_argument("--rounds", type=int, default=5, help="alternations that count")
    parser.add_argument(
        "--small", action="store_true", help="tiny models: that it runs, not how fast"
    )
    parser.add_argument(
        "--gpu", action="store_true", help="the first CUDA device, to loss_gpu.json"
    )
    options = parser.parse_args(arguments)
    device = _device(options)
    sequences, positions = DEFAULT_BATCH[device.type]
    batch = (options.batch_size or sequences, options.length or positions)
    torch.set_num_threads(1)
    costs = []
    for name in options.models:
        costs.append(
            measure(name, batch, device, small=options.small, rounds=options.rounds)
        )
        print(table(costs[-1:]).splitlines()[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    written = {
        "machine": machine(device),
        "torch": torch.__version__,
        "costs": [asdict(cost) for cost in costs],
    }
    path = options.out / ("loss_gpu.json" if options.gpu else "loss.json")
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"\n{written['machine']}\n\n{table(costs)}")
    return costs


def measure(
    name: str, batch: tuple[int, int], device: torch.device, *, small: bool, rounds: int
) -> Cost:
    """Measure one model's step, with the loss and without."""
    torch.manual_seed(0)
    size, mark = VOCABULARIES[name]
    size = _SMALL if small else size
    identifier = ToxicityIdentifier.from_pretrained()
    loss = ToxicityLoss(identifier, vocabulary(identifier, size, mark)).to(device)
    model = build_model(name, size, small=small).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    labels = torch.randint(5, size, batch, device=device)
    mask = torch.ones(batch, device=device)
    logits = torch.randn(*batch, size, device=device) * 3

    def step(extra: ToxicityLoss | None) -> None:
        optimizer.zero_grad()
        output = model(input_ids=labels, labels=labels)
        total = (
            output.loss if extra is None else output.loss + extra(output.logits, mask)
        )
        total.backward()
        optimizer.step()

    def alone(objective: Callable[[torch.Tensor], torch.Tensor]) -> None:
        objective(logits.detach().requires_grad_()).backward()

    works = {
        "step": lambda: step(None),
        "with_loss": lambda: step(loss),
        "loss": lambda: alone(lambda given: loss(given, mask)),
        "cross_entropy": lambda: alone(
            lambda given: cross_entropy(given.flatten(0, 1), labels.flatten())
        ),
    }
    times = alternate(works, rounds, device)
    copies = {key: peak_bytes(works[key], device) for key in ("loss", "cross_entropy")}
    one = logits.numel() * logits.element_size()
    medians = {key: float(np.median(values)) for key, values in times.items()}
    return Cost(
        name,
        size,
        batch,
        **medians,
        share=float(np.median(times["loss"] / times["step"])),
        added=float(np.median(times["with_loss"] / times["step"])) - 1,
        of_cross_entropy=float(np.median(times["loss"] / times["cross_entropy"])),
        **{
            f"{key}_copies": None if peak is None else peak / one
            for key, peak in copies.items()
        },
    )


def vocabulary(identifier: ToxicityIdentifier, size: int, mark: str) -> dict[str, int]:
    """Return `size` tokens: the identifier's words and pieces, then words with numbers
    behind.
    """
    words = sorted(
        token
        for token in identifier.tokenizer.get_vocab()
        if token.isascii() and "[" not in token
    )
    tokens = [
        token.removeprefix("##") if token.startswith("##") else mark + token
        for token in words
    ]
    tokens += [
        f"{mark}{word}{number}"
        for number in range(100)
        for word in words
        if word.isalpha()
    ]
    return {
        token: index
        for index, token in enumerate(dict.fromkeys(tokens))
        if index < size
    }


def build_model(name: str, size: int, *, small: bool) -> torch.nn.Module:
    """Return a model of the published shape with random weights, in train mode."""
    import transformers

    config: Any
    if name == "T5-small":
        shape = (
            {"d_model": 32, "d_ff": 64, "num_layers": 1, "num_heads": 2}
            if small
            else {}
        )
        config = transformers.T5Config(
            vocab_size=size, decoder_start_token_id=0, **shape
        )
        return transformers.T5ForConditionalGeneration(config).train()
    if name == "GPT-2":
        shape = {"n_embd": 32, "n_layer": 1, "n_head": 2} if small else {}
        config = transformers.GPT2Config(
            vocab_size=size, bos_token_id=0, eos_token_id=0, **shape
        )
        return transformers.GPT2LMHeadModel(config).train()
    shape = {"d_model": 32 if small else 768}
    for side in ("encoder", "decoder"):
        shape |= {
            f"{side}_layers": 1 if small else 6,
            f"{side}_ffn_dim": 64 if small else 3072,
        }
        shape |= {f"{side}_attention_heads": 2 if small else 12}
    return transformers.BartForConditionalGeneration(
        transformers.BartConfig(vocab_size=size, **shape)
    ).train()


def peak_bytes(work: Callable[[], object], device: torch.device) -> int | None:
    """Return the most memory that `work` holds beyond what was there before; on a CPU
    None where Linux does not say.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text(
            "5"
        )  # sets the peak of the resident set to its present size
        before = _status("VmRSS")
        work()
        return _status("VmHWM") - before
    except OSError:
        return None


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def table(costs: Sequence[Cost]) -> str:
    """Return the costs as Markdown."""
    columns = [
        "model",
        "vocabulary",
        "batch",
        "step, s",
        "+ loss, s",
        "loss, ms",
        "cross-entropy, ms",
    ]
    columns += [
        "loss / step",
        "added to a step",
        "loss / cross-entropy",
        "copies of the logits: loss",
        "cross-entropy",
    ]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for cost in costs:
        copies = [
            "" if x is None else f"{x:.2f}"
            for x in (cost.loss_copies, cost.cross_entropy_copies)
        ]
        cells = [
            cost.model,
            f"{cost.vocabulary:,}",
            f"{cost.batch[0]} x {cost.batch[1]}",
        ]
        cells += [f"{cost.step:.3f}", f"{cost.with_loss:.3f}", f"{cost.loss * 1e3:.1f}"]
        cells += [
            f"{cost.cross_entropy * 1e3:.1f}",
            f"{cost.share:.1%}",
            f"{cost.added:.1%}",
        ]
        cells += [f"{cost.of_cross_entropy:.2f}", *copies]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
