"""One version everywhere, digests of the weights that lie there, and a model card that
quotes its own figures.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from toxicity_j.builtin_weights import HUB_REVISION, SHA256
from toxicity_j.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
CARD = (ROOT / "toxicity_j" / "MODEL_CARD.md").read_text(encoding="utf-8")
FIGURES = json.loads(
    (ROOT / "toxicity_j" / "evaluation.json").read_text(encoding="utf-8")
)


def test_every_place_names_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, flags=re.MULTILINE)[1] == VERSION
    # The newest entry stands first.
    assert (
        re.findall(
            r"^## (\S+) \(\d{4}-\d\d-\d\d\)$",
            (ROOT / "CHANGELOG.md").read_text("utf-8"),
            flags=re.M,
        )[0]
        == VERSION
    )
    assert f"version:{VERSION}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"v{VERSION}" == HUB_REVISION


def test_the_digests_are_those_of_the_files():
    for name, digest in SHA256.items():
        assert (
            hashlib.sha256((ROOT / "toxicity_j" / name).read_bytes()).hexdigest()
            == digest
        )
    assert f"encoder@{SHA256['encoder.safetensors'][:8]}" in (
        ROOT / "README.md"
    ).read_text(encoding="utf-8")


def test_the_card_quotes_its_figures():
    """Each headline `| part: name, statistic | value |` is the row of evaluation.json,
    to three decimals.
    """
    rows = {
        f"{row['part']}: {row['name']}, {row['statistic']}": row["value"]
        for row in FIGURES["rows"]
    }
    quoted = re.findall(
        r"^\| ((?:style|content|fluency|J|speed): .+?) \| (-?[\d.]+)",
        CARD,
        flags=re.MULTILINE,
    )
    assert len(quoted) >= 10
    for name, value in quoted:
        assert abs(float(value) - rows[name]) < 0.0006, name


def test_the_figures_are_those_of_the_shipped_encoder():
    assert FIGURES["encoder"] == SHA256["encoder.safetensors"]
