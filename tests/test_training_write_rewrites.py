"""More rewrites by a language model: what it is asked for, and what joins the tables."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from training import write_rewrites
from training.modules import rewriter
from training.modules.language_model import load_language_model
from training.modules.rewriter import Pair, kept_and_length, learn, request, write
from training.modules.tiny_models import write_tiny_models
from training.write_rewrites import KIND

SOURCE = "This is a rather silly plan."
REWRITE = "I would not choose this plan."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models")
    write_tiny_models(path)
    return path / "language_model"


@pytest.fixture
def loaded(folder):
    model, tokenizer = load_language_model(str(folder), None, torch.float32)
    tokenizer.eos_token = tokenizer.pad_token
    return model, tokenizer


def settings(**changes):
    defaults = {
        "steps": 120,
        "batch_size": 8,
        "learning_rate": 0.02,
        "device": "cpu",
        "seed": 0,
        "per_source": 2,
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


def test_no_pairs_are_refused(loaded):
    with pytest.raises(ValueError, match="`--examples` must hold pairs"):
        learn(*loaded, [], settings())


def test_requests_ask_each_source_equally_often_and_repeat_with_a_seed():
    drawn = write_rewrites._requests(["one", "two"], 5, seed=3)
    assert sorted(source for source, _ in drawn) == ["one"] * 5 + ["two"] * 5
    assert all(source in asked for source, asked in drawn)
    assert drawn == write_rewrites._requests(["one", "two"], 5, seed=3)
    assert drawn != write_rewrites._requests(["one", "two"], 5, seed=4)


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
            rewrites = pd.DataFrame({"source": [SOURCE], "text": [text]})
            write_rewrites._join(tmp_path, name, rewrites, "research")
        joined = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert joined.text.tolist() == [REWRITE, "A later rewrite."]
        added = joined.iloc[1]
        assert (added.kind, added.tier, added.trust) == (KIND, "research", 0.0)
        # A teacher alone says how good it is.
        assert np.isnan(added.label)
        assert added.weight == write_rewrites.WEIGHTS[name]


def test_open_tier_learns_from_open_pairs_alone(tmp_path, folder, monkeypatch):
    closed = table(kind="rated_capp", tier="research", text="Shall we plan anew?")
    frame = pd.concat([table(), closed], ignore_index=True)
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
        # Two of each temperature, and no pair twice.
        assert added.text.tolist() == ["Rewrite 0", "Rewrite 1"]
        assert set(added.tier) == {"open"}
