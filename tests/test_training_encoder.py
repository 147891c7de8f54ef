"""Training's parts on toy data: made examples, held-out rule, attention, pruning, one short run."""

from __future__ import annotations

import argparse
import random
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch

from tests.test_encoder import PREDICTIONS, SOURCES, tiny_encoder
from toxicity_j.cpu_packing import packed_attention
from training import parallel
from training.attention import padded_attention, use_padded_attention
from training.data import (
    TRANSFER,
    Detoxified,
    is_held_out,
    rated_part,
    read_style,
    read_transfer,
    rude_words,
)
from training.examples import Cycle, Pair, Text
from training.flaws import flaw_loss, token_flaws
from training.synthetic import disfluency, spelling
from training.synthetic.lexicon import Lexicon
from training.synthetic.meaning_corruption import lose_meaning
from training.synthetic.profanity_edits import remove_rude, replace_rude
from training.synthetic.word_forms import wrong_forms

SENTENCE = "i do not think that the young men over there have ever read one good book"
LEXICON = Lexicon([" copper ".join(SENTENCE.split())] * 2)  # after each word comes "copper"


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
    frame = pd.DataFrame({"text1": sources, "text2": "output", "human": np.linspace(0, 1, 80)})
    for name in TRANSFER:
        frame.to_csv(tmp_path / "meaning" / f"{name}.csv", index=False)
    krishna = frame.rename(columns={"text1": "source", "text2": "output", "human": "same_meaning"})
    krishna.assign(grammatical=np.nan).to_csv(tmp_path / "meaning" / "krishna2020_ratings.csv", index=False)
    parts = {part: read_transfer(tmp_path, part) for part in ("training", "calibration", "evaluation")}
    for name in (*TRANSFER, "krishna2020"):
        seen = [set(found[name].text1) for found in parts.values()]
        assert sorted(text for texts in seen for text in texts) == sorted(sources)
        assert all({rated_part(text) for text in texts} == {part} for part, texts in zip(parts, seen, strict=True))


def test_rude_words_are_those_that_rewrites_leave_out():
    rows = [Detoxified(f"this darned thing {i}", (f"this thing {i}",)) for i in range(20)]
    assert rude_words(rows) == {"darned"}


@pytest.mark.parametrize("seed", range(20))
def test_made_texts_are_seeded_and_labelled(seed):
    for make in (
        lambda rng: disfluency.disfluent(SENTENCE, rng, LEXICON),
        lambda rng: lose_meaning(SENTENCE, rng, LEXICON, ["the rain stops soon"]),
        lambda rng: replace_rude(SENTENCE, {"book"}, rng, LEXICON)[::2],
    ):
        text, label = make(random.Random(seed))
        assert (text, label) == make(random.Random(seed))
        # Swapping a word with its like may leave a sentence whole; it is then labelled so.
        assert 0 <= label < 0.8 if text != SENTENCE else label > 0.9


@pytest.mark.parametrize("seed", range(20))
def test_respelling_keeps_the_letters(seed):
    text = "I don't know why, but it's late."
    letters = "".join(c for c in spelling.respell(text, random.Random(seed)).lower() if c.isalpha())
    assert letters == "idontknowwhybutitslate"


def test_tokenised_spelling():
    assert spelling.tokenized("I don't know.") == "I don 't know ."
    assert spelling.joined("i don 't know .") == "i don't know."


def test_rude_words_are_removed():
    # An expletive leaves the sentence whole; a noun between two function words leaves a hole.
    assert remove_rude("what a damn shame", {"damn"}) == ("what a shame", 0.9, 0.95)
    text, fluency, meaning = remove_rude("he is an idiot and knows it", {"idiot"})
    assert text == "he is an and knows it"
    assert fluency < 0.2
    assert meaning == pytest.approx(0.8)


def test_obfuscation_touches_rude_words_only():
    text = spelling.obfuscate("such an idiot here", {"idiot"}, random.Random(0))
    assert text.startswith("such an ")
    assert text.endswith(" here")
    assert "idiot" not in text


def test_lexicon_counts_words_and_what_follows_them():
    lexicon = Lexicon(["the dog barks", "the dog sleeps", "a bird"])
    assert lexicon.words == ["barks", "bird", "sleeps"]  # dog, the, a: three letters or less
    assert lexicon.known == {"the", "dog"}
    assert lexicon.after == {"the": ["dog", "dog"], "dog": ["barks", "sleeps"]}
    assert {lexicon.follow("Dog", random.Random(i)) for i in range(20)} == {"barks", "sleeps"}
    assert lexicon.follow("zebra", random.Random(0)) in lexicon.words


@pytest.mark.parametrize(
    ("before", "word", "wrong"),
    [
        ("he", "goes", ["go"]),
        ("they", "want", ["wants", "wanted"]),
        ("must", "walk", ["walks", "walking"]),
        ("these", "houses", ["house"]),
        ("a", "house", ["houses"]),
        ("is", "walking", ["walk"]),
        ("has", "wanted", ["want"]),
        ("red", "walks", []),
        ("he", "walked", []),
    ],
)
def test_wrong_forms_are_wrong_after_their_word(before, word, wrong):
    known = {"go", "goes", "want", "wants", "wanted", "walk", "walks", "walking", "house", "houses"}
    assert wrong_forms(before, word, known) == wrong


def test_flaws_are_the_words_put_in_and_those_after_a_gap():
    sound = "she told the man to move his car"
    assert disfluency.flaws(sound, sound) == [False] * 8
    assert disfluency.flaws(sound, "she told the to move his car") == [
        i == 3 for i in range(7)
    ]  # "to", for "man" is gone
    assert disfluency.flaws(sound, "she tells the man to move his car") == [i == 1 for i in range(8)]
    assert disfluency.flaws(sound, "she told the man to move his") == [i == 6 for i in range(7)]
    assert disfluency.flaws(sound, "") == []


def test_token_flaws_mark_the_tokens_of_wrong_words():
    encoder = tiny_encoder()
    rows = [
        Text("the dog ran", 0.9, sound="the dog ran"),
        Text("the ran dog", 0.3),
        Text("dog dog ran", 0.3, 1.0, "dog ran"),
    ]
    lengths = [len(encoder.tokenizer.encode(row.text).ids) for row in rows]
    marks, known = token_flaws(encoder.tokenizer, rows, lengths)
    first, second, third = (x.tolist() for x in known.split(lengths))
    assert not any(second)
    assert first[0] is first[-1] is False
    assert sum(first) == lengths[0] - 2
    assert sum(marks.split(lengths)[0]) == 0
    assert 0 < sum(marks.split(lengths)[2]) < lengths[2] - 2
    assert sum(third) == lengths[2] - 2


def test_flaw_head_learns_which_word_is_wrong():
    torch.manual_seed(0)
    encoder = tiny_encoder().requires_grad_(True)
    head = torch.nn.Linear(encoder.config.token_features, 1)
    rows = [Text("the dog dog ran", 0.3, sound="the dog ran"), Text("the dog ran", 0.9, sound="the dog ran")]
    updates, found = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=3e-3), []
    ids = [encoder.tokenizer.encode(row.text).ids for row in rows]
    lengths = [len(x) for x in ids]
    for _ in range(80):
        states = encoder.body.fluently(encoder.body.embed(ids), lengths)
        found.append(flaw_loss(encoder, head, states, rows, lengths))
        updates.zero_grad()
        found[-1].backward()
        updates.step()
    assert found[-1] < 0.5 * found[0]


def test_two_processes_average_their_weights(tmp_path):
    torch.multiprocessing.spawn(_average_in_a_process, (str(tmp_path / "meet"), tmp_path), nprocs=2)
    assert [torch.load(tmp_path / f"{rank}.pt").tolist() for rank in (0, 1)] == [[1.5, 3.5]] * 2


def _average_in_a_process(rank, meeting, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    weights = [torch.tensor([1.0 + rank]), torch.tensor([3.0 + rank])]  # means of 1, 2 and of 3, 4
    parallel.average(weights)
    assert parallel.first_says(rank == 0)
    torch.save(torch.cat(weights), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_alone_a_process_keeps_its_weights():
    weight = torch.ones(2)
    parallel.average([weight])
    assert weight.tolist() == [1.0, 1.0]
    assert parallel.start() == 0
    assert parallel.first_says(True)
    assert not parallel.first_says(False)


def test_kept_and_validation_texts_are_not_trained_on(tmp_path):
    texts = [f"sentence number {i}" for i in range(3000)]
    (tmp_path / "paradetox_train.tsv").write_text(
        "toxic\tneutral1\tneutral2\tneutral3\n"
        + "".join(f"{text}\tcivil {i}\t\t\n" for i, text in enumerate(texts[:50]))
    )
    frame = pd.DataFrame({"text": texts, "y": 0.5, "source": "emnlp_dev", "split": "train"})
    frame.loc[2900:, "split"] = "val"
    frame.loc[2500:2600, "source"] = "wiki_unint"
    frame.to_parquet(tmp_path / "toxicity.parquet")
    parts = {split: set(read_style(tmp_path, split).text) for split in ("train", "kept", "val")}
    assert len(parts["kept"]) == 2000
    assert len(parts["val"]) == 100
    assert not parts["train"] & (parts["kept"] | parts["val"])
    assert set().union(*parts.values()) == {text for i, text in enumerate(texts) if i >= 50 or not is_held_out(text)}
    assert set(read_style(tmp_path, "train", clean=True).source) == {"wiki_unint"}


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


def test_pruned_encoder_scores_the_same():
    from training.modules.vocabulary import count_tokens, prune

    encoder = tiny_encoder()
    counts = count_tokens(encoder.tokenizer, PREDICTIONS + SOURCES)
    smaller = prune(encoder, counts, keep=len(counts) + 2)  # [PAD] and [UNK] are kept without being counted
    assert smaller.config.vocab_size < encoder.config.vocab_size + 1
    assert smaller.config.positions == encoder.config.max_length
    expected = encoder.score(PREDICTIONS, SOURCES)
    for name, values in smaller.score(PREDICTIONS, SOURCES).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-6)


class _Toy:
    """Examples of the right shape; toxic texts say "fool"."""

    seed = 1

    def style(self, pool, size, core):
        return [Text("you are a fool", 1.0) if i % 2 else Text("the dog ran home", 0.0) for i in range(size)]

    def fluency(self, pool, size):
        sound = Text("i think so", 1.0, sound="i think so")
        return [sound if i % 2 else Text("so so dog i", 0.0, sound="so dog i") for i in range(size)]

    def meaning(self, pool, size):
        return [Pair("the dog ran", "the dog ran home", 1.0) if i % 2 else Pair("i", "you", 0.0) for i in range(size)]


def test_a_run_learns_and_resumes(tmp_path, monkeypatch):
    import training.encoder as command

    monkeypatch.setattr(command, "POOL", 4)
    arguments = {
        "out": tmp_path,
        "steps": 64,
        "core_share": 0.25,
        "batch": (4, 4, 4),
        "lr": 3e-3,
        "warmup": 2,
        "seed": 5,
    }
    teacher = tiny_encoder(seed=1)

    def run(encoder, minutes):
        return command.train(
            argparse.Namespace(minutes=minutes, stop=None, **arguments),
            encoder.requires_grad_(True),
            teacher,
            _Toy(),
            0,
        )

    encoder = tiny_encoder()
    assert not run(encoder, minutes=0)  # stops at the first step after which weights are averaged, with a checkpoint
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == parallel.AVERAGE_EVERY
    resumed = tiny_encoder(seed=2)
    assert run(resumed, minutes=10)
    found = resumed.eval().requires_grad_(False).style(["you are a fool", "the dog ran home"])
    assert found[0] > 0.5 > found[1]
