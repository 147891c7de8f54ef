"""Write a small data folder of made-up rows, laid out like the real one, to see whether
a recipe runs.

python -m training.data.made_up --output_dir runs/made_up
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from random import Random

import pandas as pd

from training.data.mixtures import CORE
from training.flags import command_parser
from training.synthetic.fluency_contrasts import fluency_contrasts
from training.synthetic.meaning_contrasts import meaning_contrasts
from training.synthetic.style_contrasts import style_contrasts

FILES = Path(__file__).with_name("made_up_files.txt")
_OTHER_SOURCES = (
    "wiki_unint",
    "surge",
    "davidson",
    "madlibs",
    "hatemoji",
    "dynahate",
    "sbic",
)


@dataclass(frozen=True)
class _Row:
    """What the columns of a row are made of."""

    number: int
    text: str
    one: str
    two: str
    good: str
    bad: str
    label: float


def _draw_rows(rng: Random, count: int) -> list[_Row]:
    styles = style_contrasts(rng, count)
    pairs = meaning_contrasts(rng, count)
    broken = fluency_contrasts(rng, count)
    rows = []
    for number in range(count):
        one, two, kept, _ = pairs[number]
        bad, good, _ = broken[number]
        text, toxicity, _ = styles[number]
        # Style files and pair files share the rows: the label is right for one of them
        # only, which is enough here.
        label = kept if number % 2 else toxicity
        row = _Row(number, _flat(text), one, two, good, bad, label)
        rows.append(row)
    return rows


def _flat(text: str) -> str:
    """Take out what would end a field of a .tsv file."""
    return " ".join(text.split())


def _column(kind: str) -> Callable[[_Row], object]:
    """Return what makes a column's value from a row; see `made_up_files.txt`."""
    if kind in ("one", "two", "text", "good", "bad", "number"):
        return attrgetter(kind)
    if ":" in kind:
        low, high = map(float, kind.split(":"))
        return lambda row: round(low + (high - low) * row.label, 2)
    # Spaces separate the columns of the list of files, so this name has none there.
    choices = kind.replace("two_adjacent_swaps", "two adjacent swaps").split("|")
    # The highest label is 1, which belongs to the last choice.
    last = len(choices) - 1
    return lambda row: choices[min(int(row.label * len(choices)), last)]


def _write_table(path: Path, columns: dict[str, str], rows: Sequence[_Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {}
    for name, kind in columns.items():
        value_of = _column(kind)
        table[name] = [value_of(row) for row in rows]
    if path.suffix == ".csv":
        pd.DataFrame(table).to_csv(path, index=False)
        return
    rows_of_values = zip(*table.values(), strict=True)
    lines = ["\t".join(map(str, values)) for values in (table, *rows_of_values)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_paradetox(folder: Path, rows: Sequence[_Row]) -> None:
    # A tenth of the sources is held out by hash, so numbers make sure that both parts
    # get some.
    lines = [(f"{row.one} {row.number}", row.two, "", "") for row in rows]
    columns = ["toxic", "neutral1", "neutral2", "neutral3"]
    table = pd.DataFrame(lines, columns=columns)
    table.to_csv(folder / "paradetox_train.tsv", sep="\t", index=False)


def _write_toxicity(folder: Path, rng: Random, count: int) -> None:
    sources = [*CORE, *_OTHER_SOURCES]
    rows = []
    for number, (text, label, _) in enumerate(style_contrasts(rng, 2 * count)):
        turn, place = divmod(number, len(sources))
        # A split that does not go with the source: every source has both.
        split = "train" if turn % 4 else "val"
        rows.append((_flat(text), label, sources[place], split))
    table = pd.DataFrame(rows, columns=["text", "y", "source", "split"])
    table.to_parquet(folder / "toxicity.parquet")


def _write_cola(folder: Path, rows: Sequence[_Row]) -> None:
    (folder / "cola").mkdir(exist_ok=True)
    lines = []
    for row in rows:
        is_good = row.number % 2
        sentence = row.good if is_good else row.bad
        lines.append(f"made\t{is_good}\t\t{sentence}\n")
    for name in ("in_domain_train", "in_domain_dev", "out_of_domain_dev"):
        path = folder / "cola" / f"{name}.tsv"
        path.write_text("".join(lines), encoding="utf-8")


def write_made_up_data(folder: Path, count: int = 40, seed: int = 0) -> None:
    """Write a data folder.

    Args:
        folder: made when missing.
        count: rows of most files.
        seed: equal ones give equal folders.
    """
    rng = Random(seed)
    rows = _draw_rows(rng, count)
    for line in FILES.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        path, _, entries = line.partition(": ")
        columns = dict(entry.split("=") for entry in entries.split())
        _write_table(folder / path, columns, rows)
    _write_paradetox(folder, _draw_rows(rng, 3 * count))
    _write_toxicity(folder, rng, 10 * count)
    _write_cola(folder, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the folder that the command line names."""
    parser = command_parser("data.made_up", __doc__)
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40, help="rows of most files")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    write_made_up_data(args.output_dir, args.count, args.seed)


if __name__ == "__main__":
    main()
