"""The behavioural list: its size, its distance from the training sentences, the pass rates of the shipped models."""

from __future__ import annotations

import re

import pytest

from tests import behaviour
from training.synthetic import handwritten

CASES = behaviour.read_cases()
IDENTITY = behaviour.read_lines(behaviour.FOLDER / "identity_neutral.txt")
THREATS = behaviour.read_lines(behaviour.FOLDER / "implied_threat.txt")
TEXTS = [text for case in CASES for text in case.texts] + IDENTITY + THREATS


def plain(text: str) -> str:
    """Letters and digits in lower case, so that spelling variants of one sentence compare equal."""
    return " ".join(re.findall(r"[a-z0-9*]+", text.lower()))


def test_list_is_large_and_varied():
    assert len(CASES) >= 120
    assert len({(case.head, case.capability) for case in CASES}) >= 25
    assert {case.head for case in CASES} == {"style", "meaning", "fluency"}
    assert len(set(IDENTITY)) >= 60
    assert len(set(THREATS)) >= 60


def test_meaning_cases_have_a_source_and_no_others_do():
    assert all((case.source is not None) == (case.head == "meaning") for case in CASES)


def test_no_sentence_is_in_the_training_sentences():
    trained = {plain(text) for text, _ in handwritten.STYLE + handwritten.FLUENCY}
    trained |= {plain(text) for one, two, _ in handwritten.MEANING for text in (one, two)}
    mine = {plain(text) for text in TEXTS + [case.source or "" for case in CASES]}
    assert (mine & trained) - {""} == set()


def test_no_sentence_fits_a_training_template():
    # A template whose slots are opened to any words must not produce a sentence of the list.
    files = [handwritten.FOLDER / f"handwritten_{name}.txt" for name in ("style", "fluency")]
    lines = [line for file in files for line in behaviour.read_lines(file)]
    pieces = [[re.escape(plain(piece)) for piece in re.split(r"\{\w+\}", line)] for line in lines]
    shape = re.compile("|".join(" ?[a-z0-9* ]+ ?".join(piece) for piece in pieces if len("".join(piece)) >= 12))
    assert [text for text in TEXTS if shape.fullmatch(plain(text))] == []


def test_no_long_filler_is_shared():
    fillers = {plain(filler) for slot in handwritten.read_slots().values() for filler in slot if filler.count(" ") >= 2}
    mine = " | ".join(map(plain, TEXTS))
    assert [filler for filler in fillers if filler in mine] == []


@pytest.mark.parametrize(
    ("relation", "bound", "scores", "expected"),
    [
        ("<<", None, [0.1, 0.2], True),
        ("<<", None, [0.1, 0.12], False),
        ("<<", None, [0.2, 0.1], False),
        ("~~", None, [0.5, 0.6], True),
        ("~~", None, [0.1, 0.9], False),
        (">=", 0.8, [0.8], True),
        ("<=", 0.0, [0.1], False),
    ],
)
def test_relations_hold_as_documented(relation, bound, scores, expected):
    assert behaviour.Case("style", "x", relation, ("a", "b"), bound).holds(scores) is expected


def test_run_hands_each_head_its_texts_and_sources():
    # A score that counts letters: "a" 0.1, "bbb" 0.3, so the pair rises by 0.2; "cc" 0.2 misses its bound.
    cases = [
        behaviour.Case("fluency", "x", "<<", ("a", "bbb")),
        behaviour.Case("meaning", "y", ">=", ("cc",), 0.3, "source"),
    ]
    seen = {}

    def score(head, texts, sources):
        seen[head] = sources
        return [len(text) / 10 for text in texts]

    results = behaviour.run(score, cases)
    assert [passed for *_, passed in results] == [True, False]
    assert seen == {"fluency": None, "meaning": ["source"]}
    assert behaviour.by_capability(results) == {"fluency x": (1, 1), "meaning y": (0, 1)}


def test_unreadable_line_is_named(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("## style x\nno relation here\n")
    with pytest.raises(ValueError, match="no relation here"):
        behaviour.read_cases(path)


# Reached by the shipped weights, less a case or two for differences between machines; raise them with better weights.
FLOORS = {"style": 0.84, "meaning": 0.82, "fluency": 0.87}
RATE_FLOORS = {"identity_neutral_passed": 0.92, "implied_threat_caught": 0.52}


@pytest.fixture(scope="module")
def embedded():
    return behaviour.embedded()


def test_shipped_models_hold_their_pass_rates(embedded):
    results = behaviour.run(embedded, CASES)
    reached = {
        head: sum(passed for case, _, passed in results if case.head == head) / sum(case.head == head for case in CASES)
        for head in FLOORS
    }
    failed = "\n".join(str(case) for case, _, passed in results if not passed)
    assert all(reached[head] >= floor for head, floor in FLOORS.items()), f"{reached}\n{failed}"


def test_shipped_models_hold_their_rates(embedded):
    reached = behaviour.rates(embedded)
    assert all(reached[name] >= floor for name, floor in RATE_FLOORS.items()), reached
