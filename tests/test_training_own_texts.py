"""Texts and pairs marked one by one, and marks of the tables' pairs."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from training.data.marked_pairs import (
    MARK_TRUST,
    OWN_SHARE,
    OWN_TRUST,
    key_of,
    marked_pairs,
)
from training.synthetic.own_texts import own_pairs, own_texts, own_twins
from training.synthetic.templates import FOLDER

# Words that a public file holds masked at most.
STRONG = re.compile(r"\b(f+u+c+k\w*|cunts?|n[i1]gg\w*|fagg?ots?|retards?)\b", re.I)


def test_texts_are_many_marked_and_distinct():
    texts = own_texts()
    assert len(texts) >= 2400
    assert len({text for text, _ in texts}) == len(texts)
    toxic = sum(share > 0.5 for _, share in texts)
    assert 0.4 < toxic / len(texts) < 0.6


def test_pairs_are_many_and_of_all_kinds():
    pairs = own_pairs()
    assert len(pairs) >= 2400
    assert {pair.kind for pair in pairs} == set("KDHCLAQEB")
    means = pd.DataFrame(pairs).groupby("kind").content.mean()
    assert means["K"] > 0.8 > 0.5 > means["D"]
    fluency = pd.DataFrame(pairs).groupby("kind").fluency.mean()
    assert fluency["B"] < 0.6 < 0.9 < fluency["K"]


def test_twins_are_many_and_differ():
    twins = own_twins()
    assert len(twins) >= 900
    assert len({broken for _, broken in twins}) == len(twins)
    assert not {sound for sound, _ in twins} & {broken for _, broken in twins}


def test_strong_words_are_masked():
    sides = [side for pair in own_pairs() for side in (pair.source, pair.text)]
    sides += [side for twins in own_twins() for side in twins]
    texts = [text for text, _ in own_texts()]
    assert [text for text in texts + sides if STRONG.search(text)] == []


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("own_texts.tsv", "7\tfine\nno mark", "line 2: not a mark and a text"),
        ("own_texts.tsv", "101\ttoo much", "line 1: '101' is no mark"),
        ("own_texts.tsv", "½\todd", "line 1: '½' is no mark"),
        ("own_pairs.tsv", "R\tK\t1\t2\t3\tfirst", "line 1: neither a source"),
        ("own_pairs.tsv", "S\ta\nR\tK\t1\t2\tb", "line 2: neither a source"),
        ("own_pairs.tsv", "S\ta\nR\tK\t1\tx\t2\tb", "line 2: 'x' is no mark"),
        ("own_twins.tsv", "a\tb\nalone", "line 2: not a sentence and its twin"),
        ("own_twins.tsv", "same\tsame", "line 1: not a sentence and its twin"),
    ],
)
def test_broken_lines_are_named(tmp_path, name, lines, message):
    (tmp_path / name).write_text(lines + "\n", encoding="utf-8")
    read = {"texts": own_texts, "pairs": own_pairs, "twins": own_twins}
    with pytest.raises(ValueError, match=message):
        read[name[4:-4]](tmp_path)


def test_marks_find_their_pairs(tmp_path):
    table = pd.DataFrame(
        {
            "source": ["a dumb dog", "a dumb dog", "a cat"],
            "text": ["a dog", "a cat", "a dog"],
            "label": [0.1, 0.2, 0.3],
        }
    )
    keys = [key_of("a cat", "a dog"), key_of("a dumb dog", "a dog"), 7]
    marks = {"content": [10, 90, 50], "fluency": [80, 81, 82], "toxicity": [1, 2, 3]}
    file = tmp_path / "marks.parquet"
    pd.DataFrame({"key": keys, **marks}).to_parquet(file)
    found = marked_pairs([table, table], file)
    own = own_pairs()
    assert len(found) == 2 + len(own)
    assert found.source.tolist() == ["a dumb dog", "a cat", *(p.source for p in own)]
    assert found.label.tolist()[:2] == pytest.approx([0.9 * 0.9, 0.1 * 0.8**0.5])
    assert found.share.tolist() == [MARK_TRUST] * 2 + [OWN_TRUST] * len(own)
    # Of what others wrote, it is not known.
    assert not found.is_sound[:2].any()
    assert found.is_sound[2:].tolist() == [pair.fluency > 0.95 for pair in own]
    assert found.weight.sum() == pytest.approx(1)
    assert found.weight[2:].sum() == pytest.approx(OWN_SHARE)


def test_keys_tell_the_sides_apart():
    assert key_of("a", "b\nc") != key_of("b\nc", "a")
    assert key_of("one", "two") == key_of("one", "two")
    assert len({key_of(str(number), "x") for number in range(1000)}) == 1000


def test_files_end_with_a_line():
    for name in ("own_texts.tsv", "own_pairs.tsv", "own_twins.tsv"):
        assert (FOLDER / name).read_text(encoding="utf-8").endswith("\n")
