"""Measure how far `embedded` agrees with people, on human-rated development sets.

    python -m training.agreement --data ../shared/data/human_dev
    git worktree add ../release-0.3.0 35c28a1
    python -m training.agreement --data ../shared/data/human_dev \\
        --release ../release-0.3.0

For measuring and for choosing between variants, never for fitting. Intervals are over
sources, whose outputs are drawn together.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.tables import read_tsv
from training.eval_metrics import Row, auc, spearman
from training.flags import add_data_flag, command_parser
from training.modules.release_scores import release_scores

__all__ = ["agreement_rows", "grouped_interval", "by_system"]

ROOT = Path(__file__).resolve().parents[1]
RESAMPLES, SEED = 300, 0
Statistic = Callable[[pd.DataFrame, str, str], float]
Score = Callable[[pd.DataFrame], pd.DataFrame]


def by_segment(frame: pd.DataFrame, score: str, rating: str) -> float:
    """Return Spearman's correlation over segments."""
    scores, ratings = frame[score], frame[rating]
    return spearman(scores.to_numpy(), ratings.to_numpy())


def by_system(frame: pd.DataFrame, score: str, rating: str) -> float:
    """Return Spearman's correlation over the means of systems."""
    means = frame.groupby("system")[[score, rating]].mean()
    return by_segment(means, score, rating)


def area(frame: pd.DataFrame, score: str, rating: str) -> float:
    """Return the area under the ROC curve for ratings over one half."""
    is_high = frame[rating] > 0.5
    return auc(is_high.to_numpy(), frame[score].to_numpy())


def agreement_rows(folder: Path, score: Score) -> list[Row]:
    """Score each set once, and return all rows of the table."""
    detox = _scored(folder, "detox_open", score)
    emnlp = detox[detox.set == "emnlp2021"].reset_index(drop=True)
    clef = detox[detox.set == "clef2024"].reset_index(drop=True)
    return [
        *_emnlp_rows(emnlp),
        *_clef_rows(clef),
        *_other_rows(folder, score),
    ]


def _emnlp_rows(frame: pd.DataFrame) -> list[Row]:
    # Half of the correlation of fluency is that its outputs are clearly broken.
    unmasked = frame[frame.system != "mask_infill"].reset_index(drop=True)
    part = "emnlp2021"
    return [
        _row(part, "style", by_segment, frame, "sta", "style"),
        _row(part, "style, AUC", area, frame, "sta", "style"),
        _row(part, "meaning", by_segment, frame, "sim", "meaning"),
        _row(part, "fluency", by_segment, frame, "fl", "fluency"),
        _row(
            part, "fluency, without mask_infill", by_segment, unmasked, "fl", "fluency"
        ),
        _row(part, "J", by_segment, frame, "j", "product"),
    ]


def _clef_rows(frame: pd.DataFrame) -> list[Row]:
    rows = []
    for name, score, rating in (
        ("style", "sta", "style"),
        ("content", "sim", "meaning"),
        ("fluency", "fl", "fluency"),
        ("J", "j", "product"),
    ):
        of_systems = f"{name}, systems"
        rows.append(_row("clef2024", name, by_segment, frame, score, rating))
        rows.append(_row("clef2024", of_systems, by_system, frame, score, rating))
    return rows


def _other_rows(folder: Path, score: Score) -> list[Row]:
    gap = _scored(folder, "style_gap", score)
    edits = _scored(folder, "inapp_edit_abs", score)
    preferred = _preferences(folder, score)
    translated = _translations(folder, score)
    meaning, fluency = "meaning_mean_1_5", "fluency_mean_1_5"
    preference = ("difference", "prefer_b_mean_0_8")
    return [
        _row("style_gap", "meaning", by_segment, gap, "sim", meaning),
        _row("inapp_edit", "meaning", by_segment, edits, "sim", meaning),
        _row("inapp_edit", "fluency", by_segment, edits, "fl", fluency),
        _row("inapp_edit", "preference (J)", by_segment, preferred, *preference),
        _row("acceptability_mt", "fluency", by_segment, translated, "fl", "mean_1_4"),
    ]


def _scored(folder: Path, name: str, score: Score) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv", empty_is_missing=False)
    return frame.join(score(frame))


def _preferences(folder: Path, score: Score) -> pd.DataFrame:
    """Read pairs of rewrites of one source, and by how much J is higher for the
    second.
    """
    frame = read_tsv(folder / "inapp_edit_pairs.tsv", empty_is_missing=False)
    first = score(frame.assign(rewrite=frame.rewrite_a)).j
    second = score(frame.assign(rewrite=frame.rewrite_b)).j
    return frame.assign(difference=second - first)


def _translations(folder: Path, score: Score) -> pd.DataFrame:
    """Read sentences that were rated without their context; each is its own source."""
    frame = read_tsv(folder / "acceptability_mt.tsv", empty_is_missing=False)
    frame = frame[frame.context == "none"].reset_index(drop=True)
    frame = frame.assign(source=frame.text, rewrite=frame.text)
    return frame.join(score(frame))


def _row(
    part: str,
    name: str,
    statistic: Statistic,
    frame: pd.DataFrame,
    score: str,
    rating: str,
) -> Row:
    def value(rows: pd.DataFrame) -> float:
        return statistic(rows, score, rating)

    low, high = grouped_interval(value, frame)
    kind = "AUC" if statistic is area else "Spearman"
    return Row(part, name, kind, value(frame), low, high, len(frame))


def grouped_interval(
    value: Callable[[pd.DataFrame], float], frame: pd.DataFrame
) -> tuple[float, float]:
    """Return the 95 % interval of a statistic by the bootstrap over sources, without
    draws of NaN.
    """
    groups = list(frame.groupby("source", sort=False).indices.values())
    generator = np.random.default_rng(SEED)
    values = []
    for _ in range(RESAMPLES):
        drawn = generator.integers(0, len(groups), len(groups))
        rows = np.concatenate([groups[index] for index in drawn])
        values.append(value(frame.iloc[rows]))
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print the table."""
    parser = command_parser("agreement", __doc__)
    add_data_flag(parser.add_argument, "folder of the human-rated development sets")
    parser.add_argument(
        "--release",
        type=Path,
        default=ROOT,
        help="a checkout whose scores are measured; this one",
    )
    parser.add_argument(
        "--style_model", default="", help="in place of the encoder, such as identifier"
    )
    args = parser.parse_args()
    score = release_scores(args.release.resolve(), args.style_model)
    for row in agreement_rows(args.data, score):
        print(row)


if __name__ == "__main__":
    main()
