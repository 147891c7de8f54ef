"""Weigh and label the pairs of the content table anew.

    python -m training.weigh_pairs --examples runs/examples

Rewrites by people and by systems are drawn more often, and pairs so that the words that
both sides share say less about the label. With `--release`, the folder of a checkout of
release 0.3.0, its SIM is mixed into the teacher's labels of detoxified pairs: segments
of EMNLP 2021 agree better with the mixture than with either. Writes
content.weighed.parquet, a weight and a label per row of the table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from toxicity_j.rules import logit
from toxicity_j.text import tokenize
from training.data.example_table import LEAST_LABEL, mixed_labels, shifted
from training.data.varied_pairs import MOST_CHARACTERS, SAMPLED_KINDS
from training.flags import command_parser
from training.modules.backbone import backbone_tokenizer
from training.modules.release_scores import release_scores

__all__ = ["balanced", "mixed_with_earlier", "shares"]

FILE = "content.weighed.parquet"
# How much more or less often a kind is drawn than the table says.
KIND_WEIGHTS = {
    "rewrite": 2.5,
    "rewrite_to_rewrite": 3.0,
    "rated_appdia": 2.5,
    "rated_capp": 2.0,
    "rated_mir_yelp": 1.5,
    "rated_krishna2020": 1.3,
    "to_judge": 1.3,
    "lossy": 0.8,
    "near": 0.8,
    "rated_demetr": 0.5,
    "rated_cannot_wikifact": 0.5,
    "foreign": 0.5,
    "copy": 0.4,
}
# How much of what is drawn are rewrites by a language model, and pairs that are made
# from pairs. People's and systems' pairs share the rest.
KIND_SHARES = {
    "sampled": 0.17,
    "sampled_other": 0.12,
    "between": 0.09,
    "varied": 0.14,
    "edited": 0.03,
    "roles": 0.02,
    "restyled": 0.04,
    "swapped": 0.07,
}
OTHER = "other"
# Kinds whose labels are mixed with SIM of an earlier release where the teacher gave
# them: detoxified texts.
DETOXIFIED = ("to_judge", *SAMPLED_KINDS, "between", "varied")
# How much the logit of that SIM counts. From 0 to 0.5, the teacher's agreement with
# people rises for segments (EMNLP 2021) and falls for systems (CLEF 2024).
EARLIER_SHARE = 0.4
# Bounds of the cells in which labels are balanced, in shares of tokens.
BOUNDS = (0.3, 0.45, 0.6, 0.75, 0.9, 0.999)
# The mean label that the cells are brought towards, and how far a weight may change.
MEAN_LABEL = 0.55
LEAST, MOST = 0.4, 3.0
# How far constructed labels count here; see `mixed_labels`.
TRUST = 0.5


def shares(
    sources: list[list[int]], texts: list[list[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return which share of a source's distinct tokens its text has, and which share of
    a text's its source has. *Shape:* (n,) each.
    """
    kept, taken = [], []
    for source, text in zip(sources, texts, strict=True):
        one, two = set(source), set(text)
        both = len(one & two)
        kept.append(both / max(1, len(one)))
        taken.append(both / max(1, len(two)))
    return np.array(kept), np.array(taken)


def balanced(
    weights: np.ndarray, labels: np.ndarray, kept: np.ndarray, taken: np.ndarray
) -> np.ndarray:
    """Weigh rows so that the mean label differs less between cells of equal shares.

    Args:
        weights: of the rows. *Shape:* (n,)
        labels: in [0, 1]. *Shape:* (n,)
        kept: see `shares`. *Shape:* (n,)
        taken: see `shares`. *Shape:* (n,)
    """
    cells = (len(BOUNDS) + 1) * np.digitize(kept, BOUNDS) + np.digitize(taken, BOUNDS)
    mass = np.bincount(cells, weights)
    sums = np.bincount(cells, weights * labels)
    # Of cells without rows nothing is asked.
    means = (sums / np.maximum(mass, 1e-9))[cells].clip(0.05, 0.95)
    of_high = labels * MEAN_LABEL / means
    of_low = (1 - labels) * (1 - MEAN_LABEL) / (1 - means)
    return weights * np.clip(of_high + of_low, LEAST, MOST)


def mixed_with_earlier(teacher: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Add a share of the logit of an earlier SIM to the teacher's; where it is NaN, the
    teacher's stays. *Shape:* (n,).
    """
    change = EARLIER_SHARE * logit(earlier.clip(LEAST_LABEL, 1 - LEAST_LABEL))
    mixed = shifted(teacher, change, LEAST_LABEL)
    return np.where(np.isnan(earlier), teacher, mixed)


def _earlier(frame: pd.DataFrame, release: Path) -> np.ndarray:
    """Return SIM of a release for detoxified pairs without a label, NaN for others."""
    is_asked = frame.kind.isin(DETOXIFIED) & frame.label.isna()
    pairs = frame[is_asked].rename(columns={"text": "rewrite"})
    found = np.full(len(frame), np.nan)
    found[is_asked] = release_scores(release)(pairs).sim
    return found


def _weights(
    frame: pd.DataFrame, teacher: np.ndarray, tokenizer: Tokenizer
) -> np.ndarray:
    kind_weights = frame.kind.map(KIND_WEIGHTS).fillna(1.0)
    weights = (frame.weight * kind_weights).to_numpy(copy=True)
    labels = mixed_labels(frame, teacher, TRUST)
    sources, texts = (
        tokenize(tokenizer, column.tolist()) for column in (frame.source, frame.text)
    )
    kept, taken = shares(sources, texts)
    # Copies have all words in common by definition.
    differs = (frame.source != frame.text).to_numpy()
    weights[differs] = balanced(
        weights[differs], labels[differs], kept[differs], taken[differs]
    )
    characters = frame.source.str.len() + frame.text.str.len()
    weights[characters > MOST_CHARACTERS] = 0
    return _with_shares(weights, frame.kind)


def _with_shares(weights: np.ndarray, kinds: pd.Series) -> np.ndarray:
    """Scale the weights of the kinds that have a share of their own, and those of the
    others together.
    """
    names = kinds.where(kinds.isin(KIND_SHARES), OTHER)
    masses = pd.Series(weights).groupby(names.to_numpy()).sum()
    # What is not drawn at all leaves its share to the others.
    masses = masses[masses > 0]
    shares = pd.Series({**KIND_SHARES, OTHER: 1 - sum(KIND_SHARES.values())})
    shares = shares[masses.index] / shares[masses.index].sum()
    return weights * names.map(shares / masses).fillna(0).to_numpy()


def main() -> None:
    """Write the file."""
    parser = command_parser("weigh_pairs", __doc__)
    add = parser.add_argument
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--teacher", default="teacher", help="reads content.TEACHER.parquet")
    add("--release", type=Path, help="folder of a checkout of release 0.3.0")
    add("--backbone", type=Path, help="folder of all-MiniLM-L6-v2")
    args = parser.parse_args()
    frame = pd.read_parquet(args.examples / "content.parquet")
    labels = pd.read_parquet(args.examples / f"content.{args.teacher}.parquet")
    teacher = labels.teacher.to_numpy(np.float64)
    weights = _weights(frame, teacher, backbone_tokenizer(args.backbone))
    if args.release:
        teacher = mixed_with_earlier(teacher, _earlier(frame, args.release.resolve()))
    written = pd.DataFrame({"weight": weights, "teacher": teacher.astype(np.float32)})
    written.to_parquet(args.examples / FILE, compression="zstd")
    print(f"{FILE}: {np.count_nonzero(weights)} of {len(frame)} pairs")


if __name__ == "__main__":
    main()
