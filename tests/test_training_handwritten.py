"""The hand-written training sentences: expansion, spelling variants, labels, and what
must not be among them.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from training.synthetic import handwritten, templates

# The sentences on which the model card reports; training on them would make that report
# worthless.
HELD_OUT = (
    "I love you so much",
    "I'm famous, and you're dead",
    "And it just helped that you have no morals or integrity",
    "Nolan will destroy it",
)


def test_expand_fills_slots_differently_and_reproducibly():
    slots = {"name": ["Ann", "Bo"], "thing": ["axe", "bow", "cup"]}
    found = handwritten.expand("{name} has a {thing}.", slots, 4)
    assert len(set(found)) == 4
    assert found == handwritten.expand("{name} has a {thing}.", slots, 4)
    # 2 * 3 combinations are all there are; "a" turns into "an" before a vowel.
    assert len(handwritten.expand("{name} has a {thing}.", slots, 99)) == 6
    assert "Ann has an axe." in handwritten.expand("{name} has a {thing}.", slots, 99)


def test_template_without_slots_stands_as_it_is():
    assert handwritten.expand("No slots here.", {}, 9) == ["No slots here."]


def test_tokenised_spelling():
    # Clitics and final punctuation stand alone, as in the tokenised sources: "don't" is
    # "don 't" there.
    assert handwritten.tokenized("I don't know, do you?") == "i don 't know , do you ?"
    assert handwritten.tokenized("He's late.") == "he 's late ."


def test_lists_are_large_and_labels_are_probabilities():
    assert len(handwritten.STYLE) >= 2500
    assert len(handwritten.MEANING) >= 300
    assert len(handwritten.FLUENCY) >= 300
    labels = [
        row[-1]
        for row in (*handwritten.STYLE, *handwritten.MEANING, *handwritten.FLUENCY)
    ]
    assert all(0 <= label <= 1 for label in labels)


def test_no_sentence_stands_twice_or_keeps_a_slot():
    texts = [text for text, _ in handwritten.STYLE]
    assert len(texts) == len(set(texts))
    assert not [text for text in texts if "{" in text or "}" in text]


def test_held_out_sentences_are_not_among_them():
    def words(text):
        return set(re.findall(r"[a-z]+", text.lower()))

    for sentence in HELD_OUT:
        shares = [
            len(words(sentence) & words(text)) / len(words(sentence) | words(text))
            for text, _ in handwritten.STYLE
        ]
        assert max(shares) < 0.5


def test_expansion_is_the_same_in_another_process():
    code = """
from training.synthetic import handwritten
print(len(handwritten.STYLE), handwritten.STYLE[1000])
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == f"{len(handwritten.STYLE)} {handwritten.STYLE[1000]}"


def test_broken_files_are_named(tmp_path):
    (tmp_path / "handwritten_slots.txt").write_text("no colon here\n")
    with pytest.raises(ValueError, match="no colon here"):
        templates.read_slots(tmp_path / "handwritten_slots.txt")
    (tmp_path / "handwritten_meaning.txt").write_text("0.5 no source yet\n")
    with pytest.raises(ValueError, match="source line first"):
        handwritten.meaning(tmp_path)
