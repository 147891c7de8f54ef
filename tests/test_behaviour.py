"""The behavioural list: its size, its distance from the training sentences, the pass
rates of the shipped models.
"""

from __future__ import annotations

import re

import pytest

from benchmarks.behaviour import suite
from benchmarks.behaviour.__main__ import main
from training.synthetic import handwritten, templates
from training.synthetic.own_texts import own_pairs, own_texts, own_twins

CASES = suite.read_cases()
IDENTITY = suite.read_lines(suite.FOLDER / "identity_neutral.txt")
THREATS = suite.read_lines(suite.FOLDER / "implied_threat.txt")
TEXTS = [text for case in CASES for text in case.texts] + IDENTITY + THREATS


def plain(text: str) -> str:
    """Letters and digits in lower case, so that spelling variants of one sentence
    compare equal.
    """
    return " ".join(re.findall(r"[a-z0-9*]+", text.lower()))


def test_list_is_large_and_varied():
    assert len(CASES) >= 120
    assert len({(case.role, case.capability) for case in CASES}) >= 25
    assert {case.role for case in CASES} == {"style", "content", "fluency"}
    assert len(set(IDENTITY)) >= 60
    assert len(set(THREATS)) >= 60


def test_meaning_cases_have_a_source_and_no_others_do():
    assert all((case.source is not None) == (case.role == "content") for case in CASES)


def test_no_sentence_is_in_the_training_sentences():
    trained = {plain(text) for text, _ in handwritten.STYLE + handwritten.FLUENCY}
    trained |= {
        plain(text) for one, two, _ in handwritten.MEANING for text in (one, two)
    }
    trained |= {plain(text) for text, _ in own_texts()}
    trained |= {
        plain(side) for pair in own_pairs() for side in (pair.source, pair.text)
    }
    trained |= {plain(side) for twins in own_twins() for side in twins}
    mine = {plain(text) for text in TEXTS + [case.source or "" for case in CASES]}
    assert (mine & trained) - {""} == set()


def skeletons() -> list[str]:
    """All training sentences with slots, one side of a pair each."""
    lines = [
        line
        for name in ("style", "fluency")
        for line in suite.read_lines(templates.FOLDER / f"handwritten_{name}.txt")
    ]
    for name in (
        "style_harmless",
        "style_toxic",
        "meaning_kept",
        "meaning_changed",
        "fluency_pairs",
    ):
        for section in templates.read_sections(templates.FOLDER / f"{name}.txt"):
            lines += [side for line in section.lines for side in line.split(" || ")]
    return lines


def test_no_sentence_fits_a_training_template():
    # A template whose slots are opened to any words must not produce a sentence of the
    # suite.
    pieces = [
        [re.escape(plain(piece)) for piece in re.split(r"\{\w+\}", line)]
        for line in skeletons()
    ]
    shape = re.compile(
        "|".join(
            " ?[a-z0-9* ]+ ?".join(piece)
            for piece in pieces
            if len("".join(piece)) >= 12
        )
    )
    assert [text for text in TEXTS if shape.fullmatch(plain(text))] == []


def test_no_long_filler_is_shared():
    slots = map(templates.read_slots, templates.FOLDER.glob("*_slots.txt"))
    fillers = {
        plain(filler) for found in slots for slot in found.values() for filler in slot
    }
    mine = " | ".join(map(plain, TEXTS))
    assert [
        filler for filler in fillers if filler.count(" ") >= 2 and f" {filler} " in mine
    ] == []


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
    assert (
        suite.Case("style", "x", relation, ("a", "b"), bound).holds(scores) is expected
    )


def test_run_hands_each_role_its_texts_and_sources():
    # A score that counts letters: "a" 0.1, "bbb" 0.3, so the pair rises by 0.2; "cc"
    # 0.2 misses its bound.
    cases = [
        suite.Case("fluency", "x", "<<", ("a", "bbb")),
        suite.Case("content", "y", ">=", ("cc",), 0.3, "source"),
    ]
    seen = {}

    def score(role, texts, sources):
        seen[role] = sources
        return [len(text) / 10 for text in texts]

    results = suite.run_cases(score, cases)
    assert [outcome.passed for outcome in results] == [True, False]
    assert seen == {"fluency": None, "content": ["source"]}
    assert suite.by_capability(results) == {"fluency x": (1, 1), "content y": (0, 1)}


def test_unreadable_line_is_named(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("## style x\nno relation here\n")
    with pytest.raises(ValueError, match="no relation here"):
        suite.read_cases(path)


# Reached by the shipped weights, less a case or two for differences between machines;
# raise them with better weights.
FLOORS = {"style": 0.84, "content": 0.82, "fluency": 0.87}
RATE_FLOORS = {"identity_neutral_passed": 0.92, "implied_threat_caught": 0.44}


@pytest.fixture(scope="module")
def embedded():
    return suite.scorer_score()


def test_shipped_models_hold_their_pass_rates(embedded):
    outcomes = suite.run_cases(embedded, CASES)
    reached = {
        role: passed / total
        for role, (passed, total) in suite.by_role(outcomes).items()
    }
    failed = "\n".join(str(outcome.case) for outcome in outcomes if not outcome.passed)
    assert all(reached[role] >= floor for role, floor in FLOORS.items()), (
        f"{reached}\n{failed}"
    )


def test_shipped_models_hold_their_rates(embedded):
    reached = suite.measure_rates(embedded)
    assert all(reached[name] >= floor for name, floor in RATE_FLOORS.items()), reached


def test_the_command_prints_every_role_with_the_identifier(capsys):
    main(["--style-model", "identifier"])
    printed = capsys.readouterr().out
    assert all(f"all {role}" in printed for role in suite.ROLES)
    assert "implied_threat_caught" in printed
