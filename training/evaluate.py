"""Evaluate an encoder for development: one command, one table with bootstrap intervals.

    python -m training.evaluate --data ../shared/data \\
        --output_file toxicity_j/evaluation.json

Looks at nothing that training or calibration saw: the evaluation part of rated
style-transfer outputs (Krishna et al. 2020, STRAP, PG_YELP), CoLA's development sets,
the validation split, half of the kept Jigsaw sentences, a held-out tenth of ParaDetox
and the behavioural suite. A frozen MiniLM cosine stands beside SIM.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_weights import file_digest, find_weights
from training.data.sources import read_paradetox
from training.eval_metrics import RESAMPLES, SEED, Row, single
from training.eval_pairs import behaviour_rows, cola_rows, made_system_rows, rated_rows
from training.eval_style import (
    jigsaw_rows,
    notebook_rows,
    paradetox_rows,
    validation_rows,
)
from training.flags import add_data_flag, command_parser

_PARTS = ("style", "content", "fluency", "J", "speed")


def speed_row(path: Path | None, folder: Path) -> Row:
    """Measure pairs per CPU-second, all three scores, in bfloat16."""
    encoder = Encoder.from_pretrained(path, device="cpu", dtype="bfloat16")
    _, rows = read_paradetox(folder)
    predictions = [row.rewrites[0] for row in rows]
    sources = [row.toxic for row in rows]
    # The first run loads what later ones reuse.
    encoder.score(predictions[:64], sources[:64])
    began = time.process_time()
    encoder.score(predictions, sources)
    rate = len(rows) / (time.process_time() - began)
    name = "bfloat16, all three scores"
    return single("speed", name, "pairs/s", rate, len(rows))


def evaluate(encoder: Encoder, path: Path | None, folder: Path) -> list[Row]:
    """Measure everything; `path` says where the encoder came from, to time it in
    bfloat16.
    """
    rows = [
        *jigsaw_rows(encoder, folder),
        *validation_rows(encoder, folder),
        *notebook_rows(encoder),
        *paradetox_rows(encoder, folder),
        *made_system_rows(encoder, folder),
        *rated_rows(encoder, folder),
        *cola_rows(encoder, folder),
        *behaviour_rows(encoder),
        speed_row(path, folder),
    ]
    return sorted(rows, key=lambda row: _PARTS.index(row.part))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it where `--output_file` says."""
    parser = command_parser("evaluate", __doc__)
    add_data_flag(parser.add_argument)
    parser.add_argument(
        "--encoder",
        type=Path,
        help="a file of Encoder.save_pretrained; the shipped one when missing",
    )
    parser.add_argument(
        "--dtype",
        default="float32",
        help="bfloat16 is quicker, and close enough for a look",
    )
    parser.add_argument(
        "--output_file", type=Path, help="also write the rows to this JSON file"
    )
    args = parser.parse_args(arguments)
    rows = evaluate(
        Encoder.from_pretrained(args.encoder, dtype=args.dtype), args.encoder, args.data
    )
    print(f"95 % intervals: {RESAMPLES} bootstrap resamples of the items, seed {SEED}")
    for row in rows:
        print(row)
    if args.output_file:
        _write(
            rows, args.encoder or find_weights("encoder.safetensors"), args.output_file
        )


def _write(rows: Sequence[Row], weights: Path, path: Path) -> None:
    """Write the rows and the digest of the weights as JSON."""
    digest = file_digest(weights)
    # A rate is one machine's.
    kept = [asdict(row) for row in rows if row.part != "speed"]
    table = json.dumps({"encoder": digest, "rows": kept}, indent=0)
    path.write_text(table.replace("NaN", "null") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
