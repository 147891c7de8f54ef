"""A behavioural test list for the three scores, after CheckList (Ribeiro et al., ACL 2020).

Minimal pairs with an expected direction, grouped by capability, and two lists for rates: harmless sentences that name
an identity group, and threats without a swear word. All were written for this project and share no sentence and no
template with `training/written.py`. `python -m tests.behaviour` prints the pass rates of the `embedded` protocol.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "behaviour_data"
# A direction counts when the scores lie at least this far apart, an invariance when they lie at most this far apart.
MARGIN = 0.05
TOLERANCE = 0.2

_BOUND = re.compile(r"(.*) (>=|<=) ([0-9.]+)$")

# (head, texts, sources or None) -> one score in [0, 1] per text; head is "style", "meaning" or "fluency".
Score = Callable[[str, Sequence[str], "Sequence[str] | None"], Sequence[float]]


@dataclass(frozen=True)
class Case:
    """One expectation: `relation` "<<" or "~~" between two texts, ">=" or "<=" between a text and a bound in [0, 1]."""

    head: str
    capability: str
    relation: str
    texts: tuple[str, ...]
    bound: float | None = None
    source: str | None = None

    def holds(self, scores: Sequence[float]) -> bool:
        """Whether the scores of `texts`, each in [0, 1], meet the expectation."""
        if self.relation == "<<":
            return scores[1] - scores[0] >= MARGIN
        if self.relation == "~~":
            return abs(scores[1] - scores[0]) <= TOLERANCE
        return scores[0] >= self.bound if self.relation == ">=" else scores[0] <= self.bound

    def __str__(self) -> str:
        """The expectation as the list spells it."""
        sides = [*map(repr, self.texts), *([] if self.bound is None else [str(self.bound)])]
        return f"{self.head} {self.capability}: {f' {self.relation} '.join(sides)}"


def read_cases(path: Path = FOLDER / "pairs.txt") -> list[Case]:
    """Reads the list of pairs.

    Raises:
        ValueError: If a line is neither a heading, a source nor an expectation.
    """
    cases = []
    head = capability = ""
    source = None
    for line in read_lines(path):
        if line.startswith("## "):
            head, capability = line[3:].split()
            source = None
        elif line.startswith("> "):
            source = line[2:]
        else:
            cases.append(_parse(line, head, capability, source))
    return cases


def read_lines(path: Path) -> list[str]:
    """Lines of a text file without blank lines and "# " comments."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("# ")]


def run(score: Score, cases: Sequence[Case]) -> list[tuple[Case, list[float], bool]]:
    """Scores every case, one call of `score` per head, and returns (case, scores of its texts, passed) in order."""
    results = {}
    for head in ("style", "meaning", "fluency"):
        chosen = [case for case in cases if case.head == head]
        texts = [text for case in chosen for text in case.texts]
        sources = [case.source or "" for case in chosen for _ in case.texts] if head == "meaning" else None
        values = iter(score(head, texts, sources) if texts else ())
        for case in chosen:
            scores = [float(next(values)) for _ in case.texts]
            results[case] = (case, scores, case.holds(scores))
    return [results[case] for case in cases]


def rates(score: Score, threshold: float = 0.5) -> dict[str, float]:
    """Shares in [0, 1], higher is better: harmless identity sentences passed, implied threats caught."""
    neutral = score("style", read_lines(FOLDER / "identity_neutral.txt"), None)
    threats = score("style", read_lines(FOLDER / "implied_threat.txt"), None)
    return {
        "identity_neutral_passed": sum(p < threshold for p in neutral) / len(neutral),
        "implied_threat_caught": sum(p >= threshold for p in threats) / len(threats),
    }


def embedded(**options: object) -> Score:
    """The three scores of the `embedded` protocol; `options` go to `Scorer`."""
    from toxicity_j.scorer import Scorer

    scorer = Scorer("embedded", **options)

    def score(head: str, texts: Sequence[str], sources: Sequence[str] | None) -> Sequence[float]:
        if head == "style":
            return scorer.score(list(texts)).p_toxic.tolist()
        segments = scorer.score(list(texts), list(sources if sources is not None else texts))
        return (segments.sim if head == "meaning" else segments.fl).tolist()

    return score


def by_capability(results: Sequence[tuple[Case, list[float], bool]]) -> dict[str, tuple[int, int]]:
    """(passed, all) per "head capability", in the order of the list."""
    counts: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for case, _, passed in results:
        key = f"{case.head} {case.capability}"
        counts[key] = (counts[key][0] + passed, counts[key][1] + 1)
    return dict(counts)


def _parse(line: str, head: str, capability: str, source: str | None) -> Case:
    """One expectation line as a `Case`; a text in double quotes of blanks stands for a blank text."""
    for relation in ("<<", "~~"):
        first, found, second = line.partition(f" {relation} ")
        if found:
            return Case(head, capability, relation, (first, second), source=source)
    bound = _BOUND.fullmatch(line)
    if bound is None:
        raise ValueError(f"expected `a << b`, `a ~~ b`, `a >= x` or `a <= x`, got {line!r}")
    text = bound[1][1:-1] if re.fullmatch(r'" *"', bound[1]) else bound[1]
    return Case(head, capability, bound[2], (text,), float(bound[3]), source)


def main() -> None:
    """Prints pass rates per capability, the failures with `--failures`, and the two rates."""
    parser = argparse.ArgumentParser(description="Behavioural pass rates of the embedded protocol.")
    parser.add_argument("--style-model", default=None, help="encoder (default) or identifier")
    parser.add_argument("--failures", action="store_true", help="print the failed cases with their scores")
    arguments = parser.parse_args()
    score = embedded(style_model=arguments.style_model)
    results = run(score, read_cases())
    for capability, (passed, count) in by_capability(results).items():
        print(f"{capability:42} {passed:3} of {count:3}")
    for head in ("style", "meaning", "fluency"):
        outcome = [passed for case, _, passed in results if case.head == head]
        print(f"{'all ' + head:42} {sum(outcome):3} of {len(outcome):3}  {sum(outcome) / len(outcome):.3f}")
    for name, value in rates(score).items():
        print(f"{name:42} {value:.3f}")
    for case, scores, passed in results:
        if arguments.failures and not passed:
            values = ", ".join(f"{value:.2f}" for value in scores)
            print(f"failed {case} ({values})")


if __name__ == "__main__":
    main()
