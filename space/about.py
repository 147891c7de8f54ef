"""The fixed texts of the page: header, protocols, limits, how to call it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from toxicity_j import Protocol, protocols

from .limits import SUMMARY
from .models import Need, needs
from .snippets import SPACE

HUB = f"https://huggingface.co/spaces/{SPACE}"
FILES = f"{HUB}/blob/main"
LINKS = {
    f"{FILES}/toxicity_j/MODEL_CARD.md": "Model card",
    f"{FILES}/README.md": "Documentation",
    f"{FILES}/docs/migration.md": "From a released script to a protocol",
    f"{HUB}/tree/main": "Repository",
}

# One screen of a phone: what it is, and what it is not for.
HEADER = """<header class="tj tj-header"><h1>toxicity_j</h1>
<p>Is a rewrite of a rude sentence <b>civil</b> (STA), <b>faithful</b> (SIM) and
<b>fluent</b> (FL)? J is the product of the three. Scores lie between 0 and 1 (SIM
from -1 where it is a cosine); higher is better.</p>
<ul class="tj-chips"><li class="tj-chip">Built-in models: English only</li>
<li class="tj-chip">For comparing systems, not for moderating people</li>
<li class="tj-chip">Nothing you enter is stored</li></ul></header>"""

NO_DOWNLOADS = (
    "<p>This page downloads no models. If one is missing, a message says so.</p>"
)


def protocol_card(name: str) -> str:
    """Return what a protocol is for and what it needs."""
    protocol = protocols()[name]
    models = "".join(f"<li>{model}</li>" for model in _models(needs()[name]))
    # Its models are in the package.
    missing = NO_DOWNLOADS
    if name == "embedded":
        missing = ""
    return (
        f'<div class="tj tj-panel"><p>Use it when {escape(protocol.use_when)}.</p>'
        f"<p>Columns: {', '.join(protocol.needs)}.</p><ul>{models}</ul>{missing}</div>"
    )


def about() -> str:
    """Return the page's third tab: limits, care, links."""
    needed = needs()
    rows = []
    for name, protocol in protocols().items():
        rows.append(_row(name, protocol, needed[name]))
    links = "".join(_link(address, text) for address, text in LINKS.items())
    return f"""<section class="tj tj-about">
<h2>How to read the scores</h2>
<dl><dt>STA</dt><dd>Civility: the probability that the rewrite is not toxic; in
<code>embedded</code> 0.95 and more count as 1, and some protocols say 0/1.</dd>
<dt>SIM</dt><dd>How much of the source's meaning the rewrite keeps.</dd>
<dt>FL</dt><dd>How well-formed the rewrite is.</dd>
<dt>J</dt><dd>STA · SIM · FL for each sentence; for a system, the mean over its
sentences.</dd></dl>
<h2>Take care</h2>
<ul><li>The built-in models know <b>English only</b>.</li>
<li>J compares systems. One sentence's J says little, and <b>no score here may be used
to moderate people</b>.</li>
<li>Sarcasm, implied threats and quoted speech are judged wrongly at times; the model
card gives the rates.</li>
<li>Words are judged by leave-one-out with the built-in models. It shows what moved
the model, not why.</li></ul>
<h2>Limits</h2>
<p>{SUMMARY}. Long jobs run one at a time and do not delay single sentences. Texts and
results live in memory while the page is open; uploads are deleted once they are
read.</p>
<h2>Protocols</h2>
<div class="tj-scroll" tabindex="0" role="region" aria-label="Protocols">
<table class="tj-table"><thead><tr><th scope="col">Name</th>
<th scope="col">Use it when</th><th scope="col">Columns</th>
<th scope="col">Models</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>
<h2>Links</h2>
<ul>{links}</ul>
</section>"""


def _row(name: str, protocol: Protocol, needed: Sequence[Need]) -> str:
    models = "<br>".join(_models(needed))
    return (
        f"<tr><th scope='row'><code>{name}</code></th>"
        f"<td>{escape(protocol.use_when)}</td>"
        f"<td>{', '.join(protocol.needs)}</td><td>{models}</td></tr>"
    )


def _link(address: str, text: str) -> str:
    # `noopener` keeps the opened page from steering this one.
    return f'<li><a href="{address}" target="_blank" rel="noopener">{text}</a></li>'


def _models(needed: Sequence[Need]) -> list[str]:
    """Return one line per model, with every factor that it plays."""
    factors: dict[str, list[str]] = {}
    facts: dict[str, str] = {}
    for need in needed:
        factors.setdefault(need.model, []).append(need.factor)
        known = [need.size, need.licence]
        # Whether a download is here changes while the page runs.
        if need.here not in ("yes", "no"):
            known.append(need.here)
        facts[need.model] = ", ".join(filter(None, known))
    lines = []
    for model, played in factors.items():
        note = f"<span class='tj-small'>({escape(facts[model])})</span>"
        lines.append(f"{', '.join(played)}: {escape(model)} {note}")
    return lines
