"""More rewrites by a language model: what it is asked for, and what joins the tables;
and how likely texts are to one.
"""

from random import Random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from training import label_likelihood, write_rewrites
from training.data.example_table import replace_unlabeled
from training.modules import rewriter
from training.modules.language_model import load_language_model
from training.modules.rewriter import Pair, kept_and_length, learn, request, write
from training.modules.tiny_models import write_tiny_models
from training.write_rewrites import KIND, MANNER_SHARES, OTHER_KIND, OTHER_SHARES

SOURCE = "This is a rather silly plan."
KINDS = [KIND, OTHER_KIND]
REWRITE = "I would not choose this plan."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models")
    write_tiny_models(path)
    return path / "language_model"


def load(folder):
    model, tokenizer = load_language_model(str(folder), None, torch.float32)
    tokenizer.eos_token = tokenizer.pad_token
    return model, tokenizer


@pytest.fixture
def loaded(folder):
    return load(folder)


def settings(**changes):
    defaults = {
        "steps": 120,
        "batch_size": 8,
        "learning_rate": 0.02,
        "device": "cpu",
        "seed": 0,
        "write_size": 8,
        "minutes": 1e9,
        "write_minutes": 1e9,
    }
    return SimpleNamespace(**defaults | changes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SOURCE, ("most", "equal")),
        ("plan.", ("few", "shorter")),
        ("That is a good plan.", ("half", "equal")),
        (f"{SOURCE} We could look for a better one.", ("most", "longer")),
    ],
)
def test_kept_and_length_say_how_much_stays_and_how_long_it_is(text, expected):
    assert kept_and_length(SOURCE, text) == expected


def test_model_learns_the_pairs_and_writes_them(loaded):
    model, tokenizer = loaded
    pairs = [Pair(SOURCE, REWRITE, "civil")]
    torch.manual_seed(0)
    learn(model, tokenizer, pairs, settings())
    asked = request(SOURCE, "civil", *kept_and_length(SOURCE, REWRITE))
    (answer,) = write(model, tokenizer, [asked], 0.1)
    # The tiny tokenizer writes pieces of words.
    assert answer.replace(" ", "").replace("##", "") == REWRITE.replace(" ", "")


def test_answer_without_an_end_is_dropped(loaded, monkeypatch):
    model, tokenizer = loaded
    monkeypatch.setattr(rewriter, "MOST_NEW_TOKENS", 2)
    pairs = [Pair(SOURCE, REWRITE, "civil")]
    torch.manual_seed(0)
    learn(model, tokenizer, pairs, settings())
    asked = request(SOURCE, "civil", *kept_and_length(SOURCE, REWRITE))
    assert write(model, tokenizer, [asked], 0.1) == [""]


# Answers of different lengths.
ANSWERS = {
    SOURCE: REWRITE,
    "What a silly dog!": "The dog is bad.",
    "Go away.": "No.",
    "They are late again, the fools, and the train has left.": "They are late again, "
    "and the train has left us here with the dog and the old plan.",
}


@pytest.fixture(scope="module")
def taught(folder):
    """A model that has learnt `ANSWERS`, its tokenizer, and the requests."""
    model, tokenizer = load(folder)
    pairs = [Pair(*pair, "civil") for pair in ANSWERS.items()]
    torch.manual_seed(0)
    learn(model, tokenizer, pairs, settings(steps=250))
    asked = [
        request(source, "civil", *kept_and_length(source, text))
        for source, text in ANSWERS.items()
    ]
    return model, tokenizer, asked


def generated(model, tokenizer, text):
    """Return the likeliest answer to one request by `generate`."""
    batch = tokenizer(text, return_tensors="pt")
    tokens = model.generate(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        do_sample=False,
        max_new_tokens=rewriter.MOST_NEW_TOKENS,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    answer = tokens[0, batch.input_ids.shape[1] :]
    if tokenizer.eos_token_id not in answer:
        return ""
    return " ".join(tokenizer.decode(answer, skip_special_tokens=True).split())


@pytest.mark.parametrize("most", [48, 14])
def test_answers_at_a_low_temperature_are_the_likeliest(taught, monkeypatch, most):
    monkeypatch.setattr(rewriter, "MOST_NEW_TOKENS", most)
    model, tokenizer, asked = taught
    likeliest = [generated(model, tokenizer, text) for text in asked]
    # Lengths differ, so that some leave the batch before others.
    lengths = {len(text.split()) for text in likeliest}
    assert len(lengths) == 4
    # The longest has no end within 14 tokens.
    assert ("" in likeliest) == (most == 14)
    many = 3 * asked
    assert write(model, tokenizer, many, 1e-4) == 3 * likeliest


def test_a_high_temperature_gives_different_answers_and_a_seed_equal_ones(taught):
    model, tokenizer, asked = taught
    answers = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        answers.append(write(model, tokenizer, 20 * asked, 1.5))
    assert answers[0] == answers[1]
    assert answers[0] != answers[2]
    assert len({*answers[0]}) > len(asked)


def test_tokens_are_drawn_as_often_as_they_are_likely():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    torch.manual_seed(0)
    drawn = rewriter._draw(logits.repeat(40_000, 1), 1.25)
    shares = drawn.bincount(minlength=4) / len(drawn)
    torch.testing.assert_close(shares, (logits / 1.25).softmax(0), atol=0.01, rtol=0)


def test_likelihood_is_the_mean_over_the_tokens_of_a_text(taught, monkeypatch):
    model, tokenizer, _ = taught
    monkeypatch.setattr(label_likelihood, "PIECE", 5)
    texts = [*ANSWERS, *ANSWERS.values()]
    found = label_likelihood.likelihoods(model, tokenizer, texts, 100, "cpu")
    prompt = tokenizer(label_likelihood.PROMPT).input_ids
    for text, value in zip(texts, found, strict=True):
        line = tokenizer(f" {label_likelihood.plain(text)}\n").input_ids
        ids = torch.tensor([[*prompt, *line]])
        with torch.inference_mode():
            logits = model(ids).logits[0, len(prompt) - 1 : -1]
        expected = -cross_entropy(logits, ids[0, len(prompt) :])
        assert value == pytest.approx(expected.item(), abs=1e-5)


def test_no_texts_have_no_likelihoods(loaded):
    assert label_likelihood.likelihoods(*loaded, [], 100, "cpu").shape == (0,)


def test_texts_that_rules_made_are_not_read(tmp_path):
    kinds = {"rewrite": "One.", "between": "Two.", "sampled": "Three."}
    made = {"varied": "Four.", "edited": "One.", "roles": "Five."}
    rows = [table(kind=kind, text=text) for kind, text in (kinds | made).items()]
    content = pd.concat(rows, ignore_index=True)
    content.to_parquet(tmp_path / "content.parquet")
    table(text="Six.").to_parquet(tmp_path / "fluency.parquet")
    texts = label_likelihood.texts_of(tmp_path)
    assert sorted(texts) == sorted([SOURCE, *kinds.values(), "Six."])


def test_likelihoods_join_those_of_an_earlier_encoder(folder, tmp_path, monkeypatch):
    known = [table(text="One.", label=0.5), table(text="Two.", label=np.nan)]
    pd.concat(known, ignore_index=True).to_parquet(tmp_path / "content.parquet")
    table(text="Three.", label=0.5).to_parquet(tmp_path / "fluency.parquet")
    begun = pd.DataFrame({"text": ["One.", "Three.", SOURCE], "likelihood": 7.0})
    begun.to_parquet(tmp_path / "likelihood.parquet")
    flags = ["--examples", str(tmp_path), "--model", str(folder), "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["label_likelihood", *flags])
    label_likelihood.main()
    found = pd.read_parquet(tmp_path / "likelihood.parquet").set_index("text")
    # The source of a row without a label gets the language model's too.
    assert sorted(found.index) == sorted(["One.", "Two.", "Three.", SOURCE])
    assert found.likelihood[["One.", "Three."]].tolist() == [7.0, 7.0]
    assert (found.likelihood[["Two.", SOURCE]] < 0).all()


def test_no_pairs_are_refused(loaded):
    with pytest.raises(ValueError, match="`--examples` must hold pairs"):
        learn(*loaded, [], settings())


def test_requests_ask_each_source_equally_often_and_repeat_with_a_seed():
    def drawn(seed):
        sources = ["one", "two"]
        return write_rewrites._requests(sources, MANNER_SHARES, 5, Random(seed))

    assert sorted(source for source, _ in drawn(3)) == ["one"] * 5 + ["two"] * 5
    assert all(source in asked for source, asked in drawn(3))
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_manners_are_asked_for_by_their_shares():
    for shares in (MANNER_SHARES, OTHER_SHARES):
        assert sum(shares.values()) == pytest.approx(1)
        drawn = write_rewrites._requests(["one"], shares, 4000, Random(0))
        manners = [asked.partition(",")[0] for _, asked in drawn]
        for manner, share in shares.items():
            assert manners.count(manner) / 4000 == pytest.approx(share, abs=0.03)


def test_other_sources_are_real_sentences_and_rated_ones():
    places = ("Rome", "Oslo", "Bern", "Lima", "Cairo")
    real = [f"The bus to {place} is late." for place in places]
    rated = [f"A man in {place} plays chess." for place in places]
    made = {
        "contrast_order": "Templates made this one here.",
        "noisy_surge": "noise mde this one here",
        "public": "Too short.",
        "surge": " ".join(["long"] * 26),
        # That one is rewritten anyway.
        "toxic_spans": SOURCE,
    }
    style = pd.DataFrame({"text": real, "kind": "public"})
    others = pd.DataFrame({"text": made.values(), "kind": made.keys()})
    style = pd.concat([style, others], ignore_index=True)
    content = [table(source=source, kind="rated_capp") for source in 2 * rated]
    content += [table(), table(source="This one is a copy.", kind="copy")]
    content = pd.concat(content, ignore_index=True)

    def drawn(count):
        return write_rewrites._other_sources(content, style, count, Random(2))

    assert sorted(drawn(100)) == sorted(real + rated)
    few = drawn(6)
    assert few == drawn(6)
    assert len({*few} & {*real}) == len({*few} & {*rated}) == 3


def table(**fields):
    row = {
        "source": SOURCE,
        "text": REWRITE,
        "label": 0.95,
        "weight": 1.5,
        "trust": 0.4,
        "kind": "rewrite",
        "tier": "open",
    }
    return pd.DataFrame([row | fields])


def test_rewrites_replace_those_of_an_earlier_run(tmp_path):
    columns = {"content": {}, "fluency": {"sound": ""}}
    for name, more in columns.items():
        table(**more).to_parquet(tmp_path / f"{name}.parquet")
        for text in ("An earlier rewrite.", "A later rewrite."):
            row = {"source": SOURCE, "text": text}
            rewrites = pd.DataFrame([row | {"kind": kind} for kind in KINDS])
            weight = write_rewrites.WEIGHTS[name]
            replace_unlabeled(tmp_path, name, rewrites, KINDS, weight, "all")
        joined = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert joined.text.tolist() == [REWRITE, "A later rewrite.", "A later rewrite."]
        added = joined.iloc[1:]
        assert added.kind.tolist() == KINDS
        assert {*zip(added.tier, added.trust, strict=True)} == {("research", 0.0)}
        # A teacher alone says how good they are.
        assert np.isnan(added.label).all()
        assert {*added.weight} == {write_rewrites.WEIGHTS[name]}


def test_open_tier_learns_from_open_pairs_alone(tmp_path, folder, monkeypatch):
    closed = table(kind="rated_capp", tier="research", text="Shall we plan anew?")
    frame = pd.concat([table(), closed], ignore_index=True)
    other = "The bus to Oslo is late."
    style = pd.DataFrame({"text": [other, "The bus to Rome is late."]})
    style = style.assign(kind="public", tier=["open", "research"])
    style.to_parquet(tmp_path / "style.parquet")
    frame.to_parquet(tmp_path / "content.parquet")
    frame.assign(sound="").to_parquet(tmp_path / "fluency.parquet")
    learned = []

    def keep(model, tokenizer, pairs, args):
        learned.extend(pairs)

    def number(model, tokenizer, asked, temperature):
        return [f"Rewrite {place}" for place, _ in enumerate(asked)]

    monkeypatch.setattr(write_rewrites, "learn", keep)
    monkeypatch.setattr(write_rewrites, "write", number)
    flags = ["--examples", str(tmp_path), "--model", str(folder), "--tier", "open"]
    monkeypatch.setattr("sys.argv", ["write_rewrites", *flags, "--per_source", "6"])
    write_rewrites.main()
    assert learned == [Pair(SOURCE, REWRITE, "civil")]
    for name in ("content", "fluency"):
        joined = pd.read_parquet(tmp_path / f"{name}.parquet")
        added = joined[joined.kind == KIND]
        assert set(added.source) == {SOURCE}
        others = joined[joined.kind == OTHER_KIND]
        assert set(others.source) == {other}
        assert set(joined.tier[joined.kind.isin(KINDS)]) == {"open"}
        # No pair stands twice.
        assert not joined.duplicated(["source", "text"]).any()
