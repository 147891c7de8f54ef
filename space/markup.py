"""Small pieces of HTML: gauges, bars, marked words.

Every text from outside passes `escape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .explain import Word

NAMES = {"sta": "STA", "sim": "SIM", "fl": "FL", "j": "J"}
MEANINGS = {"sta": "civility", "sim": "meaning kept", "fl": "fluency", "j": "all three"}
# Lower ends of "good" and "fair". J is a product of three, so its ends are lower.
GOOD = {"sta": 0.7, "sim": 0.7, "fl": 0.7, "j": 0.5}
FAIR = {"sta": 0.4, "sim": 0.4, "fl": 0.4, "j": 0.2}

SENTENCES = {
    "sta": {
        "good": "Civil: the style model finds little or nothing toxic.",
        "fair": "Borderline: part of the rudeness is still felt.",
        "poor": "Still toxic.",
    },
    "sim": {
        "good": "Says what the source says.",
        "fair": "Keeps part of the source's content.",
        "poor": "Says something else, or almost nothing.",
    },
    "fl": {
        "good": "Reads as well-formed text.",
        "fair": "Readable, with rough places.",
        "poor": "Broken: words are missing, doubled or out of place.",
    },
    "j": {
        "good": "A good rewrite: civil, faithful and fluent at once.",
        "fair": "A partial success: one factor holds it back.",
        "poor": "Not a usable rewrite: at least one factor fails.",
    },
}

# A half circle: an SVG path whose length the page counts as 100 (`pathLength`).
_ARC = "M12 62 A48 48 0 0 1 108 62"


def level(name: str, value: float) -> str:
    """Return "good", "fair" or "poor" for a score."""
    if value >= GOOD[name]:
        return "good"
    if value >= FAIR[name]:
        return "fair"
    return "poor"


def gauge(name: str, value: float) -> str:
    """Return a half-circle gauge with the number, the name and one sentence."""
    kind = level(name, value)
    classes = f"tj-gauge tj-{kind}"
    if name == "j":
        classes += " tj-main"
    length = percent(value)
    return (
        f'<figure class="{classes}">'
        '<svg viewBox="0 0 120 70" role="img"'
        f' aria-label="{NAMES[name]} is {value:.2f} of 1">'
        f'<path class="tj-track" d="{_ARC}" pathLength="100"/>'
        f'<path class="tj-value" d="{_ARC}" pathLength="100"'
        f' stroke-dasharray="{length:.1f} 200"/>'
        f'<text x="60" y="60" aria-hidden="true">{value:.2f}</text></svg>'
        f"<figcaption><strong>{NAMES[name]}</strong> <span>{MEANINGS[name]}</span>"
        f"<p>{SENTENCES[name][kind]}</p></figcaption></figure>"
    )


def bar(name: str, value: float, *, label: bool = True) -> str:
    """Return a number with a thin bar under it."""
    head = ""
    if label:
        head = f"<span>{NAMES[name]}</span> "
    # The bar is hidden from screen readers: the number says the same.
    return (
        f'<span class="tj-bar tj-{level(name, value)}">{head}<b>{value:.2f}</b>'
        f'<i aria-hidden="true"><i style="width:{percent(value):.1f}%"></i></i></span>'
    )


def percent(value: float) -> float:
    """Return a score as a length in [0, 100]; cosines below 0 have none."""
    return 100 * min(1.0, max(0.0, value))


def notice(text: str, kind: str = "info") -> str:
    """Return a message; "error" is announced at once by screen readers."""
    role = "status"
    if kind == "error":
        role = "alert"
    return f'<p class="tj tj-notice tj-{kind}" role="{role}">{escape(text)}</p>'


def changed_line(words: Sequence[Word], kind: str) -> str:
    """Return a text with its changed words marked.

    Args:
        words: the text.
        kind: "lost" (marked as deleted) or "added" (marked as inserted).
    """
    # Not a color alone: the elements are spoken, and differ in black and white.
    tag = "ins"
    if kind == "lost":
        tag = "del"
    pieces = []
    for word in words:
        text = escape(word.text)
        if word.changed:
            text = f"<{tag}>{text}</{tag}>"
        pieces.append(text)
    return " ".join(pieces)


def marked_line(words: Sequence[Word], field: str) -> str:
    """Return a text with the words that have an effect marked, by its strength.

    Args:
        words: the text.
        field: "toxicity" or "broken".
    """
    largest = max((getattr(word, field) for word in words), default=0.0)
    pieces = []
    for word in words:
        text, effect = escape(word.text), getattr(word, field)
        if effect <= 0:
            pieces.append(text)
            continue
        # Relative to the strongest word; the number itself is in the title.
        strength = round(100 * effect / largest)
        title = f"log-odds {effect:.2f}"
        pieces.append(
            f'<mark class="tj-{field}" style="--tj-n:{strength}"'
            f' title="{title}">{text}</mark>'
        )
    return " ".join(pieces)


def strongest(words: Sequence[Word], field: str, most: int = 3) -> str:
    """Return the words with the largest effects, quoted, strongest first."""
    ranked = sorted(words, key=lambda word: -getattr(word, field))
    named = []
    for word in ranked[:most]:
        if getattr(word, field) > 0:
            bare = word.text.strip(".,;:!?")
            named.append(f"“{escape(bare)}”")
    # A word that stands twice is named once.
    return ", ".join(dict.fromkeys(named))
