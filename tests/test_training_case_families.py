"""Shares of cases that score as expected, on cases made up here."""

from __future__ import annotations

import pandas as pd
import pytest

from training import case_families

CASES = [
    ("greeting", "good morning", "P(toxic) <= .5"),
    ("greeting", "good evening", "P(toxic) <= .5"),
    ("hidden", r"you\nf\u200bool", "P(toxic) > .5"),
    ("number", "two cats ||| three cats", "SIM <= .5"),
    ("order", "the cat sat ||| cat the sat", "FL second < first - .05"),
    ("order", "the dog ran ||| the ran dog", "FL second < first - .05"),
]
# Of each case, in order.
SCORES = pd.DataFrame(
    {
        "p_toxic": [0.5, 0.6, 0.9, 0, 0, 0],
        "sim": [1, 1, 1, 0.7, 1, 1],
        "fl": [1, 1, 1, 1, 0.80, 0.90],
        "fl_source": [1, 1, 1, 1, 0.90, 0.94],
        "p_identifier": [0.1, 0.2, 0.5, 0, 0, 0],
    }
)


@pytest.fixture
def folder(tmp_path):
    columns = ["kind", "text", "expected"]
    # The file has no quoting: each line is a row.
    lines = ["\t".join(fields) for fields in (columns, *CASES)]
    (tmp_path / "families.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_pairs_and_invisible_characters_are_read(folder):
    cases = case_families.read_cases(folder / "families.tsv")
    assert cases.text[2] == cases.source[2] == "you\nf\u200bool"
    assert (cases.source[3], cases.text[3]) == ("two cats", "three cats")


def test_shares_by_hand(folder):
    cases = case_families.read_cases(folder / "families.tsv")
    found = {
        family.name: (family.encoder, family.identifier, family.n)
        for family in case_families.measure_families(cases, SCORES)
    }
    assert found == {
        # 0.5 passes and 0.6 does not; the identifier passes both.
        "harmless texts passed": (0.5, 1.0, 2),
        # 0.9 is caught, 0.5 is not.
        "toxic texts caught": (1.0, 0.0, 1),
        "SIM at most 0.5": (0.0, None, 1),
        # 0.10 below is enough, 0.04 is not.
        "broken sentence at least 0.05 below its sound twin": (0.5, None, 2),
    }


def test_the_command_prints_a_row_per_expectation(folder, capsys):
    case_families.main(["--data", str(folder)], score=lambda cases: SCORES)
    printed = capsys.readouterr().out
    assert printed.startswith("6 cases\n")
    assert "| harmless texts passed | 0.500 | 1.000 | 2 |" in printed
    assert "| SIM at most 0.5 | 0.000 |  | 1 |" in printed


def test_shipped_models_are_asked_for_every_score(folder):
    cases = case_families.read_cases(folder / "families.tsv")
    found = case_families.score_cases(cases)
    assert list(found.columns) == list(SCORES.columns)
    assert ((found >= 0) & (found <= 1)).all(axis=None)


def test_an_unknown_expectation_is_named(folder):
    path = folder / "families.tsv"
    path.write_text("kind\ttext\texpected\na\tb\tJ > .5\n", encoding="utf-8")
    with pytest.raises(ValueError, match="`expected` must be one of"):
        case_families.read_cases(path)
