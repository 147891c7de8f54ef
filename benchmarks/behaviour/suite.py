"""A behavioural suite for the three scores, after CheckList (Ribeiro et al., ACL 2020).

Minimal pairs with an expected direction, grouped by capability, and two lists for
rates: harmless sentences that name an identity group, and threats without a swear word.
All were written for this project and share no sentence and no template with the
sentences that training uses.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROLES = ("style", "content", "fluency")
# A direction counts when the scores lie at least this far apart, an invariance when
# they lie at most this far apart.
MARGIN = 0.05
TOLERANCE = 0.2

_BOUND = re.compile(r"(.*) (>=|<=) ([0-9.]+)$")
_QUOTED_BLANK = re.compile(r'" *"')

# (role, texts, sources or None) -> one score in [0, 1] per text; the style score is
# P(toxic).
Score = Callable[[str, Sequence[str], "Sequence[str] | None"], Sequence[float]]
# Passed cases, and all.
Counts = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """One expectation.

    Attributes:
        role: which score it is about: "style", "content" or "fluency".
        capability: what a model must be able to do.
        relation: "<<" or "~~" between two texts, ">=" or "<=" between a text and a
            bound.
        texts: one or two.
        bound: in [0, 1], where the relation needs one.
        source: what the texts are rewrites of, for "content".
    """

    role: str
    capability: str
    relation: str
    texts: tuple[str, ...]
    bound: float | None = None
    source: str | None = None

    def holds(self, scores: Sequence[float]) -> bool:
        """Say whether the scores of `texts`, each in [0, 1], meet the expectation."""
        if self.relation == "<<":
            return scores[1] - scores[0] >= MARGIN
        if self.relation == "~~":
            return abs(scores[1] - scores[0]) <= TOLERANCE
        if self.bound is None:
            raise ValueError(f"`bound` must be a number for {self.relation}; got None")
        if self.relation == ">=":
            return scores[0] >= self.bound
        return scores[0] <= self.bound

    def __str__(self) -> str:
        """Spell the expectation as the file does."""
        sides = [repr(text) for text in self.texts]
        if self.bound is not None:
            sides.append(str(self.bound))
        expectation = f" {self.relation} ".join(sides)
        return f"{self.role} {self.capability}: {expectation}"


@dataclass(frozen=True)
class Outcome:
    """A case, the scores of its texts, and whether they meet the expectation."""

    case: Case
    scores: tuple[float, ...]
    passed: bool


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file without blank lines and "# " comments."""
    text = path.read_text(encoding="utf-8")
    lines = map(str.strip, text.splitlines())
    return [line for line in lines if line and not line.startswith("# ")]


def read_cases(path: Path = FOLDER / "pairs.txt") -> list[Case]:
    """Read the cases.

    Raises:
        ValueError: If a line is neither a heading, a source nor an expectation.
    """
    cases: list[Case] = []
    role, capability = "", ""
    source: str | None = None
    for line in read_lines(path):
        if line.startswith("## "):
            role, capability = line[3:].split()
            source = None
        elif line.startswith("> "):
            source = line[2:]
        else:
            cases.append(_parse(line, role, capability, source))
    return cases


def _parse(line: str, role: str, capability: str, source: str | None) -> Case:
    """Turn a line into a case; a text in double quotes of blanks stands for a blank
    text.
    """
    for relation in ("<<", "~~"):
        first, found, second = line.partition(f" {relation} ")
        if found:
            return Case(role, capability, relation, (first, second), source=source)
    match = _BOUND.fullmatch(line)
    if match is None:
        raise ValueError(
            f"expected `a << b`, `a ~~ b`, `a >= x` or `a <= x`, got {line!r}"
        )
    text, relation, bound = match.groups()
    if _QUOTED_BLANK.fullmatch(text):
        text = text[1:-1]
    return Case(role, capability, relation, (text,), float(bound), source)


def run_cases(score: Score, cases: Sequence[Case]) -> list[Outcome]:
    """Score every case, with one call of `score` per role, and judge it; in the order
    of `cases`.
    """
    outcomes: dict[Case, Outcome] = {}
    for role in ROLES:
        chosen = [case for case in cases if case.role == role]
        values = iter(_score_role(score, role, chosen))
        for case in chosen:
            scores = tuple(itertools.islice(values, len(case.texts)))
            outcomes[case] = Outcome(case, scores, case.holds(scores))
    return [outcomes[case] for case in cases]


def _score_role(score: Score, role: str, cases: Sequence[Case]) -> list[float]:
    """Score the texts of some cases of one role, one case after another."""
    texts: list[str] = []
    sources: list[str] = []
    for case in cases:
        texts += case.texts
        sources += [case.source or ""] * len(case.texts)
    if not texts:
        return []
    # Style and fluency are about the text alone.
    own_sources = sources if role == "content" else None
    return [float(value) for value in score(role, texts, own_sources)]


def measure_rates(score: Score, threshold: float = 0.5) -> dict[str, float]:
    """Measure shares in [0, 1], higher is better: harmless identity sentences passed,
    implied threats caught.
    """
    neutral_texts = read_lines(FOLDER / "identity_neutral.txt")
    threat_texts = read_lines(FOLDER / "implied_threat.txt")
    neutral = score("style", neutral_texts, None)
    threats = score("style", threat_texts, None)
    passed = sum(p_toxic < threshold for p_toxic in neutral)
    caught = sum(p_toxic >= threshold for p_toxic in threats)
    return {
        "identity_neutral_passed": passed / len(neutral),
        "implied_threat_caught": caught / len(threats),
    }


def count_by(
    outcomes: Sequence[Outcome], key: Callable[[Case], str]
) -> dict[str, Counts]:
    """Count (passed, all) by a key of the cases, in the order of the cases."""
    counts: dict[str, Counts] = {}
    for outcome in outcomes:
        name = key(outcome.case)
        passed, total = counts.get(name, (0, 0))
        counts[name] = (passed + outcome.passed, total + 1)
    return counts


def by_capability(outcomes: Sequence[Outcome]) -> dict[str, Counts]:
    """Count (passed, all) per "role capability"."""
    return count_by(outcomes, lambda case: f"{case.role} {case.capability}")


def by_role(outcomes: Sequence[Outcome]) -> dict[str, Counts]:
    """Count (passed, all) per role."""
    return count_by(outcomes, lambda case: case.role)


def scorer_score(**options: object) -> Score:
    """Score with the `embedded` protocol; `options` go to `Scorer`."""
    from toxicity_j.scorer import Scorer

    scorer = Scorer("embedded", **options)  # type: ignore[arg-type]

    def score(
        role: str, texts: Sequence[str], sources: Sequence[str] | None
    ) -> Sequence[float]:
        if role == "style":
            return scorer.score(list(texts)).p_toxic.tolist()
        # A text without a source is its own.
        if sources is None:
            sources = texts
        segments = scorer.score(list(texts), list(sources))
        values = segments.sim if role == "content" else segments.fl
        return values.tolist()

    return score
