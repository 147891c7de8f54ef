"""Show the signature, and the Python, command and API call that reproduce the screen,
each with a button to copy it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from . import snippets
from .about import HUB
from .batch import Scored
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


def table_elsewhere(scored: Scored) -> str:
    """Return how to reproduce a comparison."""
    blocks = {
        "Signature, to report with the numbers": scored.comparison.signature,
        "Python": snippets.table_python(scored.columns, scored.choice),
        "Command": snippets.table_command(scored.choice, len(scored.columns.systems)),
        "API of this page": snippets.table_api(scored.columns, scored.choice),
    }
    return _blocks(blocks)


def _blocks(blocks: dict[str, str]) -> str:
    figures = "".join(
        f'<figure class="tj-code"><figcaption>{escape(title)}<button type="button"'
        f' onclick="{_COPY}" aria-label="Copy:'
        f' {escape(title)}">Copy</button></figcaption><pre tabindex="0"'
        f' aria-label="{escape(title)}"><code>{escape(code)}</code></pre></figure>'
        for title, code in blocks.items()
    )
    install = f"pip install git+{HUB}"
    return (
        f'<section class="tj">{figures}<p>Install: <code>{escape(install)}</code>, or'
        " from a clone.</p></section>"
    )
