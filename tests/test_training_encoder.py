"""Training's parts on toy data: made examples, held-out rule, attention, pruning, one
short run.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tests.tiny_encoder import PREDICTIONS, SOURCES, tiny_encoder
from training import train_encoder
from training.data.content_table import deletes_only
from training.data.example_table import mixed_labels
from training.data.mixtures import TRANSFER
from training.data.sources import Detoxified, read_style, read_transfer, rude_words
from training.data.splits import is_held_out, rated_part
from training.label_likelihood import plain
from training.modules.vocabulary import count_tokens, prune
from training.synthetic.lexicon import Lexicon

SENTENCE = "i do not think that the young men over there have ever read one good book"
# After each word comes "copper".
LEXICON = Lexicon([" copper ".join(SENTENCE.split())] * 2)


def test_held_out_rule_ignores_case_and_spacing():
    texts = [f"sentence number {i}" for i in range(2000)]
    assert 150 < sum(map(is_held_out, texts)) < 250
    assert all(is_held_out(text) == is_held_out(f"  {text.upper()} ") for text in texts)


def test_rated_sources_have_one_part_each():
    # What a model learnt from must not calibrate it, and neither may judge it.
    texts = [f"source number {i}" for i in range(2000)]
    counts = Counter(map(rated_part, texts))
    assert set(counts) == {"training", "calibration", "evaluation"}
    assert 900 < counts["training"] < 1100
    assert 400 < counts["calibration"] < 600
    assert all(rated_part(text) == rated_part(f"  {text.upper()} ") for text in texts)


def test_rated_outputs_are_read_by_part(tmp_path):
    (tmp_path / "meaning").mkdir()
    sources = [f"source number {i}" for i in range(80)]
    frame = pd.DataFrame(
        {"text1": sources, "text2": "output", "human": np.linspace(0, 1, 80)}
    )
    for name in TRANSFER:
        frame.to_csv(tmp_path / "meaning" / f"{name}.csv", index=False)
    krishna = frame.rename(
        columns={"text1": "source", "text2": "output", "human": "same_meaning"}
    )
    krishna.assign(grammatical=np.nan).to_csv(
        tmp_path / "meaning" / "krishna2020_ratings.csv", index=False
    )
    parts = {
        part: read_transfer(tmp_path, part)
        for part in ("training", "calibration", "evaluation")
    }
    for name in (*TRANSFER, "krishna2020"):
        seen = [set(found[name].text1) for found in parts.values()]
        assert sorted(text for texts in seen for text in texts) == sorted(sources)
        assert all(
            {rated_part(text) for text in texts} == {part}
            for part, texts in zip(parts, seen, strict=True)
        )


def test_rude_words_are_those_that_rewrites_leave_out():
    rows = [
        Detoxified(f"this darned thing {i}", (f"this thing {i}",)) for i in range(20)
    ]
    assert rude_words(rows) == {"darned"}


def test_kept_and_validation_texts_are_not_trained_on(tmp_path):
    texts = [f"sentence number {i}" for i in range(3000)]
    (tmp_path / "paradetox_train.tsv").write_text(
        "toxic\tneutral1\tneutral2\tneutral3\n"
        + "".join(f"{text}\tcivil {i}\t\t\n" for i, text in enumerate(texts[:50]))
    )
    frame = pd.DataFrame(
        {"text": texts, "y": 0.5, "source": "emnlp_dev", "split": "train"}
    )
    frame.loc[2900:, "split"] = "val"
    frame.loc[2500:2600, "source"] = "wiki_unint"
    frame.to_parquet(tmp_path / "toxicity.parquet")
    parts = {
        split: set(read_style(tmp_path, split).text)
        for split in ("train", "kept", "val")
    }
    assert len(parts["kept"]) == 2000
    assert len(parts["val"]) == 100
    assert not parts["train"] & (parts["kept"] | parts["val"])
    assert set().union(*parts.values()) == {
        text for i, text in enumerate(texts) if i >= 50 or not is_held_out(text)
    }


def test_pruned_encoder_scores_the_same():
    # Every token of the texts is kept, so nothing but ids changes; of the 23 tokens at
    # least "dog" is not among them.
    encoder = tiny_encoder()
    rows = [
        encoder.tokenizer.encode(text).ids for text in [*PREDICTIONS[:2], *SOURCES[:2]]
    ]
    counts = count_tokens(rows)
    expected = encoder.score(PREDICTIONS[:2], SOURCES[:2])
    smaller = prune(encoder, counts, keep=20)
    assert smaller.config.vocab_size < encoder.config.vocab_size
    for role, values in smaller.score(PREDICTIONS[:2], SOURCES[:2]).items():
        np.testing.assert_allclose(values, expected[role], atol=1e-6)


def test_labels_are_mixed_by_trust():
    frame = pd.DataFrame({"label": [1.0, 0.0, np.nan], "trust": [0.5, 1.0, 1.0]})
    # .5 * 1 + .5 * .2 = .6; the label alone; the teacher alone, where there is no
    # label.
    assert mixed_labels(
        frame, np.array([0.2, 0.9, 0.7]), 1.0
    ).tolist() == pytest.approx([0.6, 0.0, 0.7])
    # Half of the trust: .25 * 1 + .75 * .2 = .4 and .5 * 0 + .5 * .9 = .45.
    assert mixed_labels(
        frame, np.array([0.2, 0.9, 0.7]), 0.5
    ).tolist() == pytest.approx([0.4, 0.45, 0.7])


def test_likely_rewrites_are_plain_text():
    assert plain("I do n't KNOW , really ( sure ) !!") == "i don't know, really (sure)."


@pytest.mark.parametrize(
    ("source", "rewrite", "only"), [("a b c d", "a c", True), ("a b c d", "c a", False)]
)
def test_deletions_keep_the_order(source, rewrite, only):
    assert deletes_only(source, rewrite) is only


@pytest.mark.parametrize("flag", ["backbone", "pair_layers"])
def test_what_an_encoder_has_cannot_be_asked_for_beside_it(flag):
    args = argparse.Namespace(encoder="a", backbone=None, pair_layers=None)
    setattr(args, flag, 2)
    with pytest.raises(ValueError, match=f"`{flag}` is for a new encoder"):
        train_encoder._first_encoder(args)
