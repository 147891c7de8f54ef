"""README.md says what is true: its examples run and print what it shows, its tables
name what exists.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import yaml

import toxicity_j

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_print_what_the_card_shows(monkeypatch):
    monkeypatch.chdir(ROOT)
    outcome = doctest.testfile(
        str(ROOT / "README.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert outcome.attempted >= 8
    assert outcome.failed == 0


def test_the_protocol_table_has_a_row_for_each_protocol():
    rows = re.findall(
        r"^\| `(\w+)` \|", README.split("## How to Use")[0], flags=re.MULTILINE
    )
    assert rows == list(toxicity_j.protocols())


def test_the_front_matter_is_a_space_card():
    card = yaml.safe_load(README.split("---")[1])
    assert card["sdk"] == "gradio"
    assert {"evaluate", "metric"} <= set(card["tags"])
    assert (ROOT / card["app_file"]).is_file()


def test_links_lead_to_files():
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target.split("#")[0]).exists(), target


def test_nothing_is_left_to_fill_in():
    assert not re.findall(r"@[A-Z_]+@", README)
    assert toxicity_j.__version__ in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {toxicity_j.__version__} " in (ROOT / "CHANGELOG.md").read_text(
        encoding="utf-8"
    )
