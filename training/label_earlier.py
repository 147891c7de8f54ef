"""Label the example tables with what an earlier encoder says of them.

    python -m training.label_earlier --examples runs/examples \\
        --encoder EARLIER/encoder.safetensors

It learnt what larger models say of the tables' own rows, so these need no larger model
again. Rows of content and fluency without a label are new to it: they stay NaN, for
`training.train_teacher` and `training.label_likelihood`. Writes TASK.teacher.parquet
for each task, and likelihood.parquet for the texts of the rows that it labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from toxicity_j.batching import default_token_budget, run_batched
from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_encoder_config import ROLES
from toxicity_j.text import tokenize, truncate
from training.calibrate_encoder import uncalibrate
from training.data.example_table import CENTER, SPREAD
from training.flags import command_parser

__all__ = ["labels_of", "likelihoods_of"]


def labels_of(encoder: Encoder, frame: pd.DataFrame, task: str) -> np.ndarray:
    """Compute what the encoder says of a table's rows; NaN for pairs without a label.
    *Shape:* (rows,), in [0, 1]
    """
    is_asked = np.ones(len(frame), dtype=bool)
    if task != "style":
        is_asked = frame.label.notna().to_numpy()
    asked = frame[is_asked]
    sources = None if task == "style" else asked.source.tolist()
    found = np.full(len(frame), np.nan, dtype=np.float32)
    scores = encoder.score(asked.text.tolist(), sources, (task,))
    found[is_asked] = scores[task]
    return found


def likelihoods_of(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    """Estimate the language model's log-probability per token of each text.
    *Shape:* (n,), nats
    """
    limit = encoder.config.max_length
    network = encoder.network

    def encode(some: list[str]) -> list[list[int]]:
        return [truncate(ids, limit) for ids in tokenize(encoder.tokenizer, some)]

    @torch.inference_mode()
    def forward(rows: list[list[int]]) -> torch.Tensor:
        lengths = [len(ids) for ids in rows]
        return network.likelihood_head(network.body.trunk_states(rows), lengths)

    found = run_batched(
        [*texts], encode, forward, token_budget=default_token_budget(encoder.device)
    )
    return CENTER + SPREAD * found.numpy()


def main() -> None:
    """Label as the command line says."""
    parser = command_parser("label_earlier", __doc__)
    add = parser.add_argument
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--encoder", type=Path, required=True, help="encoder.safetensors of a release")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    encoder = Encoder.from_pretrained(args.encoder, device=args.device)
    uncalibrate(encoder)
    texts: dict[str, None] = {}
    for task in ROLES:
        frame = pd.read_parquet(args.examples / f"{task}.parquet")
        labels = pd.DataFrame({"teacher": labels_of(encoder, frame, task)})
        labels.to_parquet(args.examples / f"{task}.teacher.parquet")
        print(
            f"{task}: {labels.teacher.notna().sum()} of {len(labels)} rows", flush=True
        )
        if task != "style":
            asked = frame[labels.teacher.notna()]
            texts |= dict.fromkeys([*asked.source, *asked.text])
    values = likelihoods_of(encoder, [*texts])
    table = pd.DataFrame({"text": [*texts], "likelihood": values})
    table.to_parquet(args.examples / "likelihood.parquet")
    print(f"likelihoods of {len(texts)} texts")


if __name__ == "__main__":
    main()
