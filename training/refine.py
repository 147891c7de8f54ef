"""A short last stage for style alone: more of the hand-written sentences, everything but style left as it was.

    python -m training.refine --data ../shared/data --weights runs/encoder/encoder.pt --out runs/encoder/refined.pt

Only the style layers and the style head are trained; trunk, fluency and pair layers stay, and the embedding that shares
the style layers is held to what it was.
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from toxicity_j.encoder import Encoder
from toxicity_j.text import tokenise
from training.attention import use_padded_attention
from training.calibrate import load
from training.encoder import POOL, binary_loss, by_length
from training.examples import Examples, Text

# How sentences are led in; a threat or an insult is one in a clause too.
OPENINGS = (
    "And", "But", "So", "Well,", "Honestly,", "I guess", "I think", "And of course", "It just goes to show that",
    "And the worst part is that", "We all know that", "No wonder,", "It is clear that", "They told me that",
)  # fmt: skip
LED_IN = 0.25
MAX_TOKENS = 48


def draw(examples: Examples, pool: int, mix: Sequence[int]) -> list[list[Text]]:
    """The batches of a pool, each of like length."""
    rng = random.Random(f"refine-{examples.seed}-{pool}")
    cycles = (examples.style_core, examples.style_all, examples.style_written)
    rows = [row for cycle, size in zip(cycles, mix, strict=True) for row in cycle.take(pool * POOL * size, POOL * size)]
    return by_length([examples.noisy(_led_in(row, rng), rng) for row in rows], sum(mix), rng)


def _led_in(row: Text, rng: random.Random) -> Text:
    """A short text behind an opening, at times."""
    if rng.random() > LED_IN or len(row.text) > 100:
        return row
    return Text(f"{rng.choice(OPENINGS)} {row.text[:1].lower() + row.text[1:]}", row.label)


def loss(encoder: Encoder, before: Encoder, rows: list[Text]) -> torch.Tensor:
    """Binary cross-entropy of style, and the distance of the embedding from what it was."""
    ids = tokenise(encoder.tokenizer, [row.text for row in rows], MAX_TOKENS)
    lengths = [len(x) for x in ids]
    with torch.autocast(encoder.style_out.weight.device.type, dtype=torch.bfloat16):
        with torch.no_grad():
            trunk = encoder.body.embed(ids)
            wanted = before.embeddings(before.body.alone(trunk, lengths), lengths)
        states = encoder.body.alone(trunk, lengths)
    style = binary_loss(encoder.style_logits(states, lengths), rows)
    return style + 4 * (1 - (encoder.embeddings(states, lengths) * wanted).sum(1)).mean()


def main() -> None:
    """Trains as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="file of the refined weights")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--mix", type=int, nargs=3, default=(40, 8, 16), help="core, all and own texts of a step")
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=15)
    args = parser.parse_args()
    encoder = load(args.weights)
    before = copy.deepcopy(encoder)
    trained = [*encoder.body.branch.parameters(), *encoder.style_out.parameters(), *encoder.embedding.parameters()]
    for parameter in trained:
        parameter.requires_grad_(True)
    use_padded_attention(encoder)
    updates = torch.optim.AdamW(trained, lr=args.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(updates, lambda step: 1 - step / args.steps)
    examples, began, mean = Examples(args.data, args.seed), time.time(), 0.0
    torch.manual_seed(args.seed)
    for step in range(args.steps):
        pool, place = divmod(step, POOL)
        if place == 0:
            batches = draw(examples, pool, args.mix)
        found = loss(encoder, before, batches[place])
        found.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        updates.step()
        updates.zero_grad()
        schedule.step()
        mean = 0.98 * (mean or found.item()) + 0.02 * found.item()
        if step % 50 == 0:
            print(f"step {step:4d}/{args.steps}  loss {mean:.4f}  {(time.time() - began) / 60:.1f} min", flush=True)
    torch.save(encoder.state_dict(), args.out)


if __name__ == "__main__":
    main()
