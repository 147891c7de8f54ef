"""Show the signature and what reproduces the screen, each with a button to copy it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from . import snippets
from .about import HUB
from .batch import ScoredTable
from .models import Choice

# Reads the text from the page, so that no text from outside stands in a script.
_COPY = (
    "navigator.clipboard.writeText(this.closest('figure').querySelector('pre').innerText);"
    "this.textContent='Copied';setTimeout(()=>this.textContent='Copy',1500)"
)


def pair_elsewhere(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str, signature: str
) -> str:
    """Return how to reproduce the scores of one source's rewrites."""
    texts = (source, rewrites, choice, reference)
    blocks = {
        "Signature, to report with the numbers": signature,
        "Python": snippets.pair_python(*texts),
        "Command": snippets.pair_command(*texts),
        "API of this page": snippets.pair_api(*texts),
    }
    return _blocks(blocks)


def table_elsewhere(scored: ScoredTable) -> str:
    """Return how to reproduce a comparison."""
    blocks = {
        "Signature, to report with the numbers": scored.comparison.signature,
        "Python": snippets.table_python(scored.columns, scored.choice),
        "Command": snippets.table_command(scored.choice, len(scored.columns.systems)),
        "API of this page": snippets.table_api(scored.columns, scored.choice),
    }
    return _blocks(blocks)


def _blocks(blocks: dict[str, str]) -> str:
    figures = "".join(_figure(title, code) for title, code in blocks.items())
    # Not `pip install toxicity_j`: the Space is where a release is sure to be.
    install = f"pip install git+{HUB}"
    return (
        f'<section class="tj">{figures}'
        f"<p>Install: <code>{escape(install)}</code>, or from a clone.</p></section>"
    )


def _figure(title: str, code: str) -> str:
    name = escape(title)
    return (
        f'<figure class="tj-code"><figcaption>{name}'
        f'<button type="button" onclick="{_COPY}" aria-label="Copy: {name}">'
        "Copy</button></figcaption>"
        f'<pre tabindex="0" aria-label="{name}"><code>{escape(code)}</code></pre>'
        "</figure>"
    )
