"""Training's parts on toy data: made examples, held-out rule, attention, statistics, pruning, one short run."""

from __future__ import annotations

import argparse
import random
from collections import Counter

import numpy as np
import pytest
import torch

from tests.test_encoder import PREDICTIONS, SOURCES, tiny_encoder
from toxicity_j.inference import packed_attention
from training import corrupt
from training.attention import padded_attention, use_padded_attention
from training.data import Detoxified, is_held_out, rude_words
from training.examples import Cycle, Pair, Text
from training.intervals import accuracy, auc, bootstrap, calibration_error, mean, spearman

SENTENCE = "i do not think that the young men over there have ever read one good book"
POOL = ["garden", "window", "copper"]


def test_held_out_rule_ignores_case_and_spacing():
    texts = [f"sentence number {i}" for i in range(2000)]
    assert 150 < sum(map(is_held_out, texts)) < 250
    assert all(is_held_out(text) == is_held_out(f"  {text.upper()} ") for text in texts)


def test_rude_words_are_those_that_rewrites_leave_out():
    rows = [Detoxified(f"this darned thing {i}", (f"this thing {i}",)) for i in range(20)]
    assert rude_words(rows) == {"darned"}


@pytest.mark.parametrize("seed", range(20))
def test_made_texts_are_seeded_and_labelled(seed):
    for make in (
        lambda rng: corrupt.disfluent(SENTENCE, rng, POOL),
        lambda rng: corrupt.lose_meaning(SENTENCE, rng, POOL, ["the rain stops soon"]),
        lambda rng: corrupt.replace_rude(SENTENCE, {"book"}, rng, POOL),
    ):
        text, label = make(random.Random(seed))
        assert (text, label) == make(random.Random(seed))
        # Swapping a word with its like may leave a sentence whole; it is then labelled so.
        assert 0 <= label < 0.8 if text != SENTENCE else label > 0.9


@pytest.mark.parametrize("seed", range(20))
def test_respelling_keeps_the_letters(seed):
    text = "I don't know why, but it's late."
    letters = "".join(c for c in corrupt.respell(text, random.Random(seed)).lower() if c.isalpha())
    assert letters == "idontknowwhybutitslate"


def test_tokenised_spelling():
    assert corrupt.tokenised("I don't know.") == "I don 't know ."
    assert corrupt.joined("i don 't know .") == "i don't know."


def test_rude_words_are_removed():
    # An expletive leaves the sentence whole; a noun between two function words leaves a hole.
    assert corrupt.remove_rude("what a damn shame", {"damn"}) == ("what a shame", 0.9, 0.95)
    text, fluency, meaning = corrupt.remove_rude("he is an idiot and knows it", {"idiot"})
    assert text == "he is an and knows it"
    assert fluency < 0.2
    assert meaning == pytest.approx(0.8)


def test_obfuscation_touches_rude_words_only():
    text = corrupt.obfuscate("such an idiot here", {"idiot"}, random.Random(0))
    assert text.startswith("such an ")
    assert text.endswith(" here")
    assert "idiot" not in text


def test_cycle_sees_every_row_before_any_again():
    cycle = Cycle(list("abcde"), seed=3)
    taken = cycle.take(0, 15)
    assert [Counter(taken[i : i + 5]) for i in (0, 5, 10)] == [Counter("abcde")] * 3
    assert Cycle(list("abcde"), seed=3).take(7, 4) == taken[7:11]


def test_padded_attention_is_packed_attention():
    torch.manual_seed(0)
    lengths = [1, 2, 2, 5, 6, 11]
    q, k, v = (torch.randn(sum(lengths), 4, 8) for _ in range(3))
    torch.testing.assert_close(padded_attention(q, k, v, lengths), packed_attention(q, k, v, lengths))


def test_training_attention_leaves_scores_alone():
    encoder = tiny_encoder()
    expected = encoder.score(PREDICTIONS, SOURCES)
    use_padded_attention(encoder.requires_grad_(True))
    assert encoder.body.trunk[0].attention is padded_attention
    encoder.eval()
    for name, values in encoder.score(PREDICTIONS, SOURCES).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_statistics():
    # Ranks 1 2 3 against 1 3 2: 1 - 6 * 2 / (3 * 8) = .5. Of the four (positive, negative) pairs three are in order.
    assert spearman(np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.5, 0.3])) == pytest.approx(0.5)
    assert auc(np.array([0.9, 0.3, 0.4, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.75)
    assert auc(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == pytest.approx(0.5)
    assert accuracy(np.array([0.5, 0.4]), np.array([1.0, 1.0])) == 0.5
    # Bins [.1, .2) and [.9, 1]: gaps |.1 - 0| and |.9 - 1| on half of the items each.
    assert calibration_error(np.array([0.1, 0.9]), np.array([0.0, 1.0])) == pytest.approx(0.1)


def test_bootstrap_interval_holds_the_value():
    row = bootstrap("part", "name", "mean", mean, np.arange(50))
    assert row.low < row.value == 24.5 < row.high
    assert row == bootstrap("part", "name", "mean", mean, np.arange(50))
    assert "n=50" in str(row)


def test_pruned_encoder_scores_the_same():
    from training.prune import count_tokens, prune

    encoder = tiny_encoder()
    counts = count_tokens(encoder.tokenizer, PREDICTIONS + SOURCES)
    smaller = prune(encoder, counts, keep=len(counts) + 2)  # [PAD] and [UNK] are kept without being counted
    assert smaller.config.vocab_size < encoder.config.vocab_size + 1
    assert smaller.config.positions == encoder.config.max_length
    expected = encoder.score(PREDICTIONS, SOURCES)
    for name, values in smaller.score(PREDICTIONS, SOURCES).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_platt_finds_the_scale_and_the_shift():
    from training.calibrate import platt

    x = np.linspace(-3, 3, 200)
    scale, shift = platt(x[:, None], 1 / (1 + np.exp(-(1.7 * x - 0.4))))
    assert (scale, shift) == (pytest.approx(1.7, abs=1e-3), pytest.approx(-0.4, abs=1e-3))


class _Toy:
    """Examples of the right shape; toxic texts say "fool"."""

    seed = 1

    def style(self, pool, size, core):
        return [Text("you are a fool", 1.0) if i % 2 else Text("the dog ran home", 0.0) for i in range(size)]

    def fluency(self, pool, size):
        return [Text("i think so", 1.0) if i % 2 else Text("so so dog i", 0.0) for i in range(size)]

    def meaning(self, pool, size):
        return [Pair("the dog ran", "the dog ran home", 1.0) if i % 2 else Pair("i", "you", 0.0) for i in range(size)]


def test_a_run_learns_and_resumes(tmp_path, monkeypatch):
    import training.encoder as command

    monkeypatch.setattr(command, "POOL", 4)
    arguments = {
        "out": tmp_path,
        "steps": 16,
        "core_share": 0.25,
        "batch": (4, 4, 4),
        "lr": 3e-3,
        "warmup": 2,
        "seed": 5,
    }
    teacher = tiny_encoder(seed=1)

    def run(encoder, minutes):
        return command.train(
            argparse.Namespace(minutes=minutes, stop=None, **arguments), encoder.requires_grad_(True), teacher, _Toy()
        )

    encoder = tiny_encoder()
    assert not run(encoder, minutes=0)  # stops after one step, with a checkpoint
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 1
    resumed = tiny_encoder(seed=2)
    assert run(resumed, minutes=10)
    found = resumed.eval().requires_grad_(False).style(["you are a fool", "the dog ran home"])
    assert found[0] > 0.5 > found[1]
