"""Show the scores of one source's rewrites, what lowers J, and which words do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .explain import Explanation, factor_shares
from .markup import NAMES, bar, changed_line, gauge, marked_line, strongest

FACTORS = ("sta", "sim", "fl")

# Shares of the loss below this are too thin to be seen, and above that wide enough for
# a label.
_LEAST_SHARE, _LABELED_SHARE = 0.005, 0.25
# J from which nothing is said to lower it.
_NEAR_1 = 0.95


@dataclass(frozen=True)
class Result:
    """One rewrite's scores.

    Attributes:
        text: the rewrite.
        sta: in [0, 1].
        sim: in [0, 1], or [-1, 1] for a cosine.
        fl: in [0, 1].
        j: their product.
        p_toxic: in [0, 1], lower is better.
        explanation: what was computed word by word.
    """

    text: str
    sta: float
    sim: float
    fl: float
    j: float
    p_toxic: float
    explanation: Explanation


def render_results(results: Sequence[Result], p_source: float) -> str:
    """Return the HTML of one or several rewrites.

    Args:
        results: best first.
        p_source: P(toxic) of the source, in [0, 1].
    """
    if len(results) == 1:
        shown = _full(results[0], p_source)
        return f'<section class="tj" aria-label="Scores">{shown}</section>'
    ranked = enumerate(results, start=1)
    cards = "".join(_card(rank, result, p_source) for rank, result in ranked)
    best = results[0]
    return (
        '<section class="tj" aria-label="Scores">'
        f"<h3>{len(results)} rewrites, best first</h3>"
        f"<p>“{escape(best.text)}” has the highest J, {best.j:.2f}.</p>"
        f'<ol class="tj-cards">{cards}</ol></section>'
    )


def _full(result: Result, p_source: float) -> str:
    gauges = "".join(gauge(name, getattr(result, name)) for name in ("j", *FACTORS))
    return f'<div class="tj-gauges">{gauges}</div>{_why(result, p_source, "h3")}'


def _card(rank: int, result: Result, p_source: float) -> str:
    bars = "".join(bar(name, getattr(result, name)) for name in ("j", *FACTORS))
    text = changed_line(result.explanation.rewrite, "added") or "<em>(empty)</em>"
    # One level below the heading of the list.
    words = _words(result, p_source, "h4")
    return (
        f'<li class="tj-card"><p class="tj-rank" aria-label="Rank {rank}">{rank}</p>'
        f'<p class="tj-text">{text}</p><div class="tj-bars">{bars}</div>'
        f"<p>{lowering_sentence(result)}</p>"
        f"<details><summary>Word by word</summary>{words}</details></li>"
    )


def _why(result: Result, p_source: float, heading: str) -> str:
    shares = factor_shares(result.sta, result.sim, result.fl)
    pieces, listed = [], []
    for name, share in shares.items():
        if share < _LEAST_SHARE:
            continue
        said = f"{NAMES[name]} {share:.0%}"
        listed.append(said)
        label = ""
        if share >= _LABELED_SHARE:
            label = said
        pieces.append(
            f'<span class="tj-share tj-share-{name}" style="flex-grow:{share:.3f}">'
            f"{label}</span>"
        )
    stack = ""
    if pieces:
        stack = (
            f'<div class="tj-stack" aria-hidden="true">{"".join(pieces)}</div>'
            f'<p class="tj-small">Shares of the loss: {" · ".join(listed)}.</p>'
        )
    return (
        f'<div class="tj-panel"><{heading}>What lowers J</{heading}>'
        f"<p>{lowering_sentence(result)}</p>{stack}</div>"
        f"{_words(result, p_source, heading)}"
    )


def lowering_sentence(result: Result) -> str:
    """Return which factor lowers J most, and what J would be with that factor at 1."""
    shares = factor_shares(result.sta, result.sim, result.fl)
    if not shares or result.j >= _NEAR_1:
        return "Nothing: all three factors are near 1."
    worst = max(FACTORS, key=shares.__getitem__)
    without = 1.0
    for name in FACTORS:
        if name != worst:
            without *= getattr(result, name)
    loss = f"{shares[worst]:.0%}"
    # "100 %" would be said of 99.6 %, too.
    if shares[worst] > 1 - _LEAST_SHARE:
        loss = "all"
    name = NAMES[worst]
    return (
        f"<strong>{name}</strong> accounts for {loss} of the loss. With {name} at 1, J"
        f" would be {without:.2f}."
    )


def _words(result: Result, p_source: float, heading: str) -> str:
    return "".join(
        f'<div class="tj-panel">{part}</div>'
        for part in (
            _changes(result.explanation, heading),
            _toxicity(result, p_source, heading),
            _broken(result.explanation, heading),
        )
    )


def _changes(words: Explanation, heading: str) -> str:
    lost = sum(word.changed for word in words.source)
    added = sum(word.changed for word in words.rewrite)
    head = f"<{heading}>What changed</{heading}>"
    if not lost and not added:
        return f"{head}<p>Nothing: the rewrite has the source's words.</p>"
    counts = f"<p>{_count(lost)} of the source lost, {_count(added)} added.</p>"
    source = changed_line(words.source, "lost")
    rewrite = changed_line(words.rewrite, "added")
    return (
        f'{head}{counts}<dl class="tj-lines"><dt>Source</dt><dd>{source}</dd>'
        f"<dt>Rewrite</dt><dd>{rewrite}</dd></dl>"
    )


def _toxicity(result: Result, p_source: float, heading: str) -> str:
    words = result.explanation
    rows = []
    for name, text, probability in (
        ("Source", words.source, p_source),
        ("Rewrite", words.rewrite, result.p_toxic),
    ):
        named = strongest(text, "toxicity")
        said = "no single word drives it"
        if named:
            said = f"strongest: {named}"
        line = marked_line(text, "toxicity")
        rows.append(
            f"<dt>{name} <span>P(toxic) {probability:.2f}</span></dt>"
            f"<dd>{line}<p class='tj-small'>{said}</p></dd>"
        )
    # Its numbers differ from the scores above, so it is named.
    note = ""
    if words.model != "encoder":
        note = " by the quick identifier, because these texts are long"
    tip = f"Each word is removed in turn, and the text scored again{note}."
    return (
        f"<{heading}>Words that drive toxicity</{heading}>"
        f'<dl class="tj-lines">{"".join(rows)}</dl>'
        f"<p class='tj-small'>{tip}</p>"
    )


def _broken(words: Explanation, heading: str) -> str:
    head = f"<{heading}>Words that look broken</{heading}>"
    if not words.fluency_known:
        return f"{head}<p>Not computed: the texts are too long for a quick answer.</p>"
    named = strongest(words.rewrite, "broken")
    if not named:
        return (
            f"{head}<p>No single word: removing any one does not make the rewrite much"
            " more fluent.</p>"
        )
    line = marked_line(words.rewrite, "broken")
    return f"{head}<p>{line}</p><p class='tj-small'>More fluent without {named}.</p>"


def _count(number: int) -> str:
    if number == 1:
        return "1 word"
    return f"{number} words"
