"""Made contrast sets: equal seeds give equal sets, labels lie where they should, and no
case is learnt by heart.
"""

import random
import re
from pathlib import Path

import pytest

from training.data.varied_pairs import role_pairs
from training.synthetic.amount_pairs import amount_pair
from training.synthetic.chat import chat_noise
from training.synthetic.clause_pairs import clause_pair
from training.synthetic.converse_pairs import converse_pair
from training.synthetic.disfluency import flaws
from training.synthetic.edits import CHANGES, KEEPS, edit
from training.synthetic.fluency_contrasts import fluency_contrasts
from training.synthetic.meaning_contrasts import meaning_contrasts
from training.synthetic.style_contrasts import style_contrasts
from training.synthetic.templates import (
    FOLDER,
    fill,
    fill_together,
    plural,
    read_sections,
    read_slots,
    unmask,
)

SENTENCES = [
    "i do not think that the new teacher is late",
    "They are selling 14 tickets in Bergen because nobody came.",
    "When it rains, the damn roof leaks and we stay at home.",
    "Is he always so loud?",
]
# Held back from training: where the cases of the project lie beside the repository,
# none may be made here.
CASES = Path(__file__).parents[2] / "shared" / "cases" / "families.tsv"


def bare(text: str) -> str:
    return text.lower().strip(" .!?")


def test_masked_words_are_spelled_out():
    # The digits 1 to 5 stand for a, e, i, o, u, in words after "~" only.
    assert unmask("a ~d1ng234 with 3 eggs") == "a dangeio with 3 eggs"


def test_no_strong_word_stands_in_the_files():
    strong = re.compile(
        r"(" + "|".join(map(unmask, ("~f5ck", "~n3gg2", "~f1gg4t", "~c5nt"))) + ")"
    )
    for path in FOLDER.glob("*.txt"):
        assert not strong.search(path.read_text(encoding="utf-8").lower()), path.name


def test_a_slot_gets_an_article_that_fits():
    assert fill("He saw a {x}.", {"x": ["eel"]}, random.Random(0)) == "He saw an eel."
    assert fill("{x} sleep.", {"x": ["dogs"]}, random.Random(0)) == "Dogs sleep."


def test_slots_are_filled_alike_on_both_sides():
    slots = {"x": ["my", "our"], "sg": ["ox", "mouse"], "pl": ["oxen", "mice"]}
    for seed in range(20):
        one, two = fill_together(
            ["{x} {x2} {sg}", "{x2} {x} {pl}"], slots, random.Random(seed)
        )
        first, second, noun = one.split()
        assert first != second
        assert two.split() == [second, first, {"ox": "oxen", "mouse": "mice"}[noun]]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("pig", "pigs"),
        ("waste of time", "wastes of time"),
        ("fly", "flies"),
        ("ox", "oxes"),
    ],
)
def test_plurals(word, expected):
    assert plural(word) == expected


@pytest.mark.parametrize(
    "name",
    [
        "style_harmless",
        "style_toxic",
        "meaning_kept",
        "meaning_changed",
        "fluency_pairs",
    ],
)
def test_every_slot_has_a_list(name):
    slots = read_slots(FOLDER / f"{name.split('_')[0]}_slots.txt")
    lines = [
        line
        for section in read_sections(FOLDER / f"{name}.txt")
        for line in section.lines
    ]
    used = {slot for line in lines for slot in re.findall(r"\{(\w+)\}", line)}
    assert {slot.rstrip("2") for slot in used} <= set(slots)
    if not name.startswith("style"):
        assert all(line.count(" || ") == 1 for line in lines)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: style_contrasts(rng, 400),
        lambda rng: meaning_contrasts(rng, 400, SENTENCES * 50),
        lambda rng: fluency_contrasts(rng, 200, SENTENCES * 50),
    ],
)
def test_equal_seeds_give_equal_sets(draw):
    rows = draw(random.Random(5))
    assert rows == draw(random.Random(5))
    assert rows != draw(random.Random(6))
    assert len({row[:2] for row in rows}) == len(rows)


def test_style_labels_are_balanced_and_in_range():
    rows = style_contrasts(random.Random(1), 2000)
    toxic = [label for _, label, kind in rows if label > 0.55]
    harmless = [label for _, label, kind in rows if label <= 0.55]
    # Sides are drawn in turn; only doublets shift the balance.
    assert 0.4 < len(toxic) / len(rows) < 0.6
    assert max(toxic) <= 0.98
    assert min(harmless) >= 0.02
    assert len({kind.partition("+")[0] for _, _, kind in rows}) > 30


def test_meaning_labels_are_in_range():
    rows = meaning_contrasts(
        random.Random(1),
        2000,
        SENTENCES * 50 + [f"number {i} is fine today" for i in range(900)],
    )
    assert all(0.0 <= label <= 1.0 for _, _, label, _ in rows)
    kept = [kind for _, _, label, kind in rows if label > 0.7]
    assert 0.35 < len(kept) / len(rows) < 0.65
    assert any(kind.startswith("edit_") for kind in kept)


def test_every_rule_of_meaning_finds_something():
    texts = [
        *SENTENCES,
        "He must have three dogs, but two of them can't bark",
        "honestly it is in the colour of Rome, maybe",
        "Pay only if the boat floats",
    ]
    for rules in (CHANGES, KEEPS):
        for name, (rule, _) in rules.items():
            assert any(
                rule(text, random.Random(seed)) for text in texts for seed in range(5)
            ), name


@pytest.mark.parametrize("rules", [CHANGES, KEEPS])
def test_an_edit_changes_the_text(rules):
    found = 0
    for seed in range(50):
        for text in SENTENCES:
            edited = edit(text, rules, random.Random(seed))
            if edited is not None:
                assert edited[0].split() != text.split()
                found += 1
    # Most sentences have a place for one rule or another.
    assert found > 25 * len(SENTENCES)


@pytest.mark.parametrize(
    ("broken", "sound", "expected"),
    [
        ("he go home", "he goes home", [1]),
        ("he home", "he went home", [1]),  # the word after the gap
        ("he went", "he went home", [1]),  # nothing follows the gap: the last word
        ("the the dog", "the dog", [0]),
        ("fine", "fine", []),
    ],
)
def test_wrong_words_are_found(broken, sound, expected):
    wrong = flaws(sound, broken)
    assert [place for place, is_wrong in enumerate(wrong) if is_wrong] == expected


def test_every_broken_sentence_says_where():
    for broken, sound, _ in fluency_contrasts(random.Random(2), 500, SENTENCES * 50):
        wrong = flaws(sound, broken)
        assert len(wrong) == len(broken.split())
        assert any(wrong)


def test_chat_noise_keeps_harmless_text_readable():
    # One word, no short form, no stop: only case and a tail can change.
    heard = {
        chat_noise(random.Random(seed), "Walnut").lower()[:6] for seed in range(30)
    }
    assert heard == {"walnut"}


@pytest.mark.skipif(
    not CASES.exists(), reason="needs the project's cases beside the repository"
)
def test_no_case_is_made():
    rows = [
        line.split("\t")[1]
        for line in CASES.read_text(encoding="utf-8").splitlines()
        if line.count("\t") > 1
    ]
    single = {bare(row) for row in rows if "|||" not in row}
    pairs = {frozenset(map(bare, row.split(" ||| "))) for row in rows if "|||" in row}
    assert not [
        text
        for text, _, _ in style_contrasts(random.Random(3), 8000)
        if bare(text) in single
    ]
    made = [row[:2] for row in meaning_contrasts(random.Random(3), 5000)]
    made += [row[:2] for row in fluency_contrasts(random.Random(3), 3000)]
    made += [row[:2] for row in role_pairs(5000, random.Random(3))]
    rng = random.Random(3)
    for pair_of in (amount_pair, clause_pair, converse_pair):
        made += [pair_of(turn % 2 == 0, rng)[:2] for turn in range(5000)]
    assert not [pair for pair in made if frozenset(map(bare, pair)) in pairs]
