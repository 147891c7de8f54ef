"""Compare systems on the same segments: intervals, ranks, groups, tests, a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from ..results import MEANS, macro_means, with_languages
from .analysis import Draws, estimates, smallest_differences, tested_pairs
from .checks import check_draws, check_level, check_scorer, checked_files
from .comparison import Comparison
from .groups import indistinct_groups, letters, ranks
from .inputs import ScoredSystems, check_names, language_means, score_systems
from .provenance import now, protocol_name, versions
from .records import Estimate, System
from .verdict import is_different, limits, verdict

if TYPE_CHECKING:
    from ..protocols import Protocol
    from ..results import Segments
    from ..scorer import Scorer


def compare(
    systems: Mapping[str, Sequence[str] | Segments],
    sources: Sequence[str] | None = None,
    references: Sequence[Sequence[str]] | Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    *,
    scorer: Scorer | None = None,
    protocol: str | Protocol = "embedded",
    baseline: str | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
    progress: bool = False,
    files: Mapping[str, str] | None = None,
) -> Comparison:
    """Score systems on the same segments and compare them.

    Args:
        systems: by name, the system's outputs or its `Segments`; one system gives
            scores and intervals only. As for `Scorer.score`, a column may be any
            ordered iterable of strings.
        sources: the toxic texts, one per segment; without them only STA is scored.
        references: reference texts, where the protocol uses them.
        languages: language of each segment.
        scorer: scores the outputs; made from `protocol` when None.
        protocol: a name of `protocols()` or a `Protocol`; ignored with a `scorer`.
        baseline: the system that the others are held against; the best one when None.
        confidence: level of the intervals, in (0, 1); 1 minus it is the level of the
            tests.
        n_resamples: bootstrap samples and random sign flips, in [1, 1_000_000].
        seed: seed of both, at least 0.
        progress: show progress bars.
        files: SHA-256 of the input files by name, kept with the result.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument is out of its range, names repeat or are empty, lengths
            differ, or the systems were scored with different settings or languages.
    """
    check_names(systems, baseline)
    if scorer is not None:
        check_scorer(scorer)
    digests = checked_files(files)
    resamples, start = check_draws(n_resamples, seed)
    draws = Draws(resamples, start, check_level(confidence, "confidence"))
    columns = {"sources": sources, "references": references, "languages": languages}
    scored = score_systems(systems, columns, scorer, protocol, progress=progress)
    return _compared(scored, baseline, draws, digests)


def _compared(
    scored: ScoredSystems, baseline: str | None, draws: Draws, files: dict[str, str]
) -> Comparison:
    main = "sta"
    if "j" in scored.measures:
        main = "j"
    level = 1 - draws.confidence
    found = estimates(scored.columns, draws)
    values = {name: scores[main].value for name, scores in found.items()}
    ranked = ranks(values)
    # Sorted is stable: systems with equal scores keep the order they were given in.
    names = sorted(ranked, key=ranked.__getitem__)
    order = [_directed(pair, baseline) for pair in combinations(names, 2)]
    pairs = tested_pairs(scored.columns, order, main, draws)
    clear = [pair for pair in pairs if is_different(pair, main, level)]
    different = {frozenset((pair.first, pair.second)) for pair in clear}
    groups = indistinct_groups(names, different)
    marks = letters(names, groups)
    systems = tuple(
        _system(scored, name, ranked[name], marks[name], found[name]) for name in names
    )
    smallest = smallest_differences(scored.columns, order, draws)
    signature = scored.signature
    if scored.languages is not None:
        signature = with_languages(signature, scored.languages)
    return Comparison(
        systems=systems,
        pairs=tuple(pairs),
        groups=tuple(groups),
        main=main,
        n=scored.n,
        smallest_difference=smallest,
        verdict=verdict(systems, pairs, groups, main, level, smallest, baseline),
        warnings=limits(
            scored.n,
            len(pairs),
            draws.n_resamples,
            level,
            scored.truncated,
        ),
        signature=signature,
        protocol=protocol_name(scored.signature),
        baseline=baseline,
        confidence=draws.confidence,
        n_resamples=draws.n_resamples,
        seed=draws.seed,
        versions=versions(),
        files=files,
        date=now(),
        languages=scored.languages,
        texts=scored.texts,
    )


def _directed(pair: tuple[str, str], baseline: str | None) -> tuple[str, str]:
    """Return a pair with the baseline as its second member."""
    first, second = pair
    if first == baseline:
        return second, first
    return pair


def _system(
    scored: ScoredSystems, name: str, rank: int, mark: str, scores: dict[str, Estimate]
) -> System:
    columns = scored.columns[name]
    segments = {MEANS[measure]: values.tolist() for measure, values in columns.items()}
    segments["p_toxic"] = scored.p_toxic[name].tolist()
    by_language, macro = None, None
    if scored.languages is not None:
        by_language = language_means(columns, scored.languages)
        macro = macro_means(by_language)
    return System(
        name=name,
        rank=rank,
        letters=mark,
        scores=scores,
        by_language=by_language,
        macro=macro,
        segments=segments,
        truncated=scored.truncated.get(name, {}),
    )
