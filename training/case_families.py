"""Measure how many sentences of our own wording score as a careful person expects, by
what is expected of them.

    python -m training.case_families --data ../shared/cases

The folder holds `families.tsv`: kind, text, expected. A pair is `first ||| second`, and
invisible characters are written `\\xNN`, `\\uNNNN` or `\\UNNNNNNNN`. The sentences were
written to find faults, so the shares are not estimates for real text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from toxicity_j import Scorer
from training.data.tables import read_tsv
from training.flags import add_data_flag, command_parser

__all__ = ["Family", "measure_families", "read_cases", "render", "score_cases"]

SEPARATOR = " ||| "
_ESCAPE = re.compile(r"\\(?:n|x[0-9a-f]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")

# Scores of the encoder, and P(toxic) of the identifier; one row per case.
Score = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Expectation:
    """What is expected of a case, and how the table calls it.

    Attributes:
        name: of the row in the table.
        holds: says of each case, from its scores, whether it is as expected.
        of_style: it is about P(toxic), so the identifier is measured by it too.
    """

    name: str
    holds: Callable[[pd.DataFrame], pd.Series]
    of_style: bool = False


# By the third column of the file. The bounds are the file's own.
EXPECTATIONS = {
    "P(toxic) <= .5": Expectation(
        "harmless texts passed", lambda found: found.p_toxic <= 0.5, of_style=True
    ),
    "P(toxic) > .5": Expectation(
        "toxic texts caught", lambda found: found.p_toxic > 0.5, of_style=True
    ),
    "SIM <= .5": Expectation("SIM at most 0.5", lambda found: found.sim <= 0.5),
    "SIM > .5": Expectation("SIM above 0.5", lambda found: found.sim > 0.5),
    "SIM = 1": Expectation("SIM of 1", lambda found: found.sim == 1),
    "FL second < first - .05": Expectation(
        "broken sentence at least 0.05 below its sound twin",
        lambda found: found.fl < found.fl_source - 0.05,
    ),
    "FL > .5": Expectation("FL above 0.5", lambda found: found.fl > 0.5),
}


@dataclass(frozen=True)
class Family:
    """How many cases of one expectation are met.

    Attributes:
        name: what is expected.
        encoder: the share that the encoder meets, in [0, 1], higher is better.
        identifier: the same of the identifier; None where it gives no such score.
        n: cases.
    """

    name: str
    encoder: float
    identifier: float | None
    n: int


def read_cases(path: Path) -> pd.DataFrame:
    """Read the cases: columns kind, expected, source and text. A case that is not a
    pair is its own source.

    Raises:
        ValueError: A case expects something that is not in `EXPECTATIONS`.
    """
    frame = read_tsv(path, empty_is_missing=False)
    unknown = set(frame.expected) - set(EXPECTATIONS)
    if unknown:
        raise ValueError(
            f"`{path}`: `expected` must be one of {list(EXPECTATIONS)}; got"
            f" {sorted(unknown)}"
        )
    sides = [_unescaped(text).split(SEPARATOR) for text in frame.text]
    sources = [side[0] for side in sides]
    texts = [side[-1] for side in sides]
    return frame.assign(source=sources, text=texts)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    # Escapes of the file are those of Python.
    return codecs.decode(found[0], "unicode_escape")


def score_cases(cases: pd.DataFrame) -> pd.DataFrame:
    """Score the cases: P(toxic), SIM and FL of the encoder, FL of each source alone,
    and `p_identifier`, P(toxic) of the identifier.
    """
    texts = cases.text.tolist()
    sources = cases.source.tolist()
    encoder = Scorer()
    found = encoder.score(texts, sources)
    # A sentence that is no rewrite stands beside itself.
    alone = encoder.score(sources, sources)
    identified = Scorer(style_model="identifier").score(texts)
    return pd.DataFrame(
        {
            "p_toxic": found.p_toxic,
            "sim": found.sim,
            "fl": found.fl,
            "fl_source": alone.fl,
            "p_identifier": identified.p_toxic,
        }
    )


def measure_families(cases: pd.DataFrame, scores: pd.DataFrame) -> list[Family]:
    """Count the cases that score as expected, in the order of `EXPECTATIONS`."""
    families = []
    for expected, expectation in EXPECTATIONS.items():
        own = scores[(cases.expected == expected).to_numpy()]
        if own.empty:
            continue
        identifier = None
        if expectation.of_style:
            identified = own.assign(p_toxic=own.p_identifier)
            identifier = float(expectation.holds(identified).mean())
        encoder = float(expectation.holds(own).mean())
        family = Family(expectation.name, encoder, identifier, len(own))
        families.append(family)
    return families


def render(families: Sequence[Family]) -> str:
    """Return the shares as Markdown."""
    lines = ["| kind | encoder | identifier | n |", "|---|---|---|---|"]
    for family in families:
        identifier = ""
        if family.identifier is not None:
            identifier = f"{family.identifier:.3f}"
        lines.append(
            f"| {family.name} | {family.encoder:.3f} | {identifier} | {family.n} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None, score: Score = score_cases) -> None:
    """Print the table."""
    parser = command_parser("case_families", __doc__)
    add_data_flag(parser.add_argument, "folder of families.tsv")
    args = parser.parse_args(arguments)
    cases = read_cases(args.data / "families.tsv")
    print(f"{len(cases)} cases")
    print(render(measure_families(cases, score(cases))))


if __name__ == "__main__":
    main()
