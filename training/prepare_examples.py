"""Write the tables of content, style and fluency that teachers and encoder learn from.

python -m training.prepare_examples --data ../shared/data --output_dir runs/examples
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from training.data.content_table import content_table
from training.data.fluency_table import fluency_table
from training.data.style_table import style_table
from training.flags import add_data_flag, command_parser

# Contrasts drawn for content and for fluency; style takes fewer, because each of its
# kinds has fewer.
CONTRASTS = 90_000
# SIM of release 0.3.0 of each row of teacher/judge_meaning.tsv, in its order; numbers
# only.
JUDGED_SIM = Path(__file__).parent / "data" / "judged_sim_0.3.0.json"


def main() -> None:
    """Write the three tables."""
    parser = command_parser("prepare_examples", __doc__)
    add_data_flag(parser.add_argument)
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument(
        "--only", choices=("content", "style", "fluency"), help="build this table alone"
    )
    parser.add_argument(
        "--max_rows",
        type=int,
        help="keep so many rows per table, to see whether the recipe runs",
    )
    args = parser.parse_args()
    args.contrasts = args.max_rows or CONTRASTS
    args.output_dir.mkdir(parents=True, exist_ok=True)
    judged = None
    # A recipe on made-up data has other rows to judge.
    if JUDGED_SIM.exists():
        judged = json.loads(JUDGED_SIM.read_text(encoding="utf-8"))
    tables = {
        "style": lambda: style_table(args.data, args.seed, args.contrasts),
        "fluency": lambda: fluency_table(args.data, args.seed, args.contrasts),
        "content": lambda: content_table(args.data, args.seed, judged, args.contrasts),
    }
    for name, build in tables.items():
        if args.only not in (None, name):
            continue
        frame = build()
        if args.max_rows:
            count = min(args.max_rows, len(frame))
            frame = frame.sample(count, random_state=args.seed)
            frame = frame.reset_index(drop=True)
        frame.to_parquet(args.output_dir / f"{name}.parquet", compression="zstd")
        print(name, len(frame), _by_kind(frame))


def _by_kind(frame: pd.DataFrame) -> str:
    """Show rows, weight and mean label of each kind."""
    kinds = frame.groupby("kind")
    columns = {
        "n": kinds.size(),
        "mass": kinds.weight.sum(),
        "label": kinds.label.mean(),
    }
    return pd.DataFrame(columns).to_string()


if __name__ == "__main__":
    main()
