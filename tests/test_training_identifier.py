"""The training command: tables, splits, learning, resuming, any tokenizer, exports."""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from toxicity_j.builtin_identifier import IdentifierConfig, ToxicityIdentifier
from training import distil_identifier
from training import train_identifier as command
from training.data.identifier_corpus import build_corpus, mix_targets
from training.data.suspects import (
    about_groups,
    planted,
    rated_sentences,
    suspects,
)
from training.data.tables import (
    length_batches,
    load_tokenizer,
    read_table,
    stratified_split,
    toxicity_levels,
)
from training.modules import identifier_trainer
from training.modules.checkpoint import load_checkpoint, save_checkpoint
from training.modules.export_identifier import export_onnx, export_torchscript
from training.modules.identifier_options import TrainingOptions
from training.modules.identifier_report import fold_in_calibration
from training.modules.identifier_trainer import fit
from training.modules.identifier_validation import (
    Examples,
    best_epoch,
    predict,
    validate,
)
from training.synthetic.token_splits import TokenSplitter

GOOD = ["kind", "lovely", "calm", "honest", "gentle", "patient"]
BAD = ["awful", "dumb", "nasty", "rotten", "foul", "silly"]
FRAMES = [
    "you are a {} person",
    "what a {} thing to say",
    "that was {} of them",
    "{} people like him",
    "so {}",
]
HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))


def sentences(count: int, seed: int) -> tuple[list[str], list[float]]:
    """Separable: a text is toxic if and only if it holds a word of `BAD`."""
    chance = random.Random(seed)
    labels = [float(place % 2) for place in range(count)]
    return [
        chance.choice(FRAMES).format(chance.choice(BAD if label else GOOD))
        for label in labels
    ], labels


def wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=["[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator(sentences(200, 9)[0], trainer)
    return tokenizer


def other(kind: str) -> Tokenizer:
    """Tokenizers in the manner of gpt2 and bart (byte-level BPE) and of t5
    (SentencePiece unigram).
    """
    tokenizer = Tokenizer(models.BPE() if kind == "gpt2" else models.Unigram())
    tokenizer.pre_tokenizer = (
        pre_tokenizers.ByteLevel(add_prefix_space=False)
        if kind == "gpt2"
        else pre_tokenizers.Metaspace()
    )
    if kind == "gpt2":
        trainer = trainers.BpeTrainer(
            vocab_size=300, special_tokens=["<|endoftext|>"], show_progress=False
        )
    else:
        trainer = trainers.UnigramTrainer(
            vocab_size=120,
            unk_token="<unk>",
            special_tokens=["<pad>", "</s>", "<unk>"],
            show_progress=False,
        )
    tokenizer.train_from_iterator(sentences(200, 9)[0], trainer)
    return tokenizer


@pytest.fixture(scope="module")
def small() -> ToxicityIdentifier:
    tokenizer = wordpiece()
    torch.manual_seed(0)
    return ToxicityIdentifier(
        IdentifierConfig(tokenizer.get_vocab_size(), dim=8, channels=6, hidden=(8,)),
        tokenizer,
    ).eval()


def examples(model: ToxicityIdentifier, count: int, seed: int) -> Examples:
    texts, labels = sentences(count, seed)
    return Examples(model.encode(texts), np.array(labels, dtype=np.float32))


def copy_of(model: ToxicityIdentifier) -> ToxicityIdentifier:
    twin = ToxicityIdentifier(model.config, model.tokenizer)
    twin.load_state_dict(model.state_dict())
    return twin


OPTIONS = TrainingOptions(
    num_train_epochs=6, batch_size=16, learning_rate=0.01, early_stopping_patience=5
)


def test_learning_happens_in_the_model_that_is_trained_and_in_no_other(small, tmp_path):
    """An optimiser that holds another instance's parameters leaves the trained one as
    it was: this sees it.
    """
    model, untrained = copy_of(small), copy_of(small)
    train, held = examples(small, 200, 1), examples(small, 100, 2)
    history = fit(model, train, held, OPTIONS, output_dir=tmp_path, progress=False)
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert validate(model, held)["auc"] > 0.99
    assert validate(untrained, held)["auc"] < 0.99
    assert all(
        torch.equal(a, b)
        for a, b in zip(untrained.parameters(), small.parameters(), strict=True)
    )
    assert not any(
        torch.equal(a, b)
        for a, b in zip(model.parameters(), small.parameters(), strict=True)
    )
    assert (model.embedding.weight[model.pad_id] == 0).all()


def test_the_best_epoch_is_kept_and_training_stops_after_patience(
    small, tmp_path, monkeypatch
):
    scores = iter([0.7, 0.9, 0.8, 0.6, 0.95])
    states = []

    def scripted(model, _):
        states.append(
            {name: value.clone() for name, value in model.state_dict().items()}
        )
        return {
            "auc": next(scores),
            "accuracy": 0.0,
            "ece": 0.0,
            "validation_loss": 1.0,
        }

    monkeypatch.setattr(identifier_trainer, "validate", scripted)
    model = copy_of(small)
    options = TrainingOptions(
        num_train_epochs=5, batch_size=32, early_stopping_patience=1
    )
    history = fit(
        model,
        examples(small, 64, 1),
        examples(small, 20, 2),
        options,
        output_dir=tmp_path,
        progress=False,
    )
    # .9 is the best; .8 is one epoch without a better one, which patience bears; .6 is
    # the second.
    assert [epoch["auc"] for epoch in history] == [0.7, 0.9, 0.8, 0.6]
    saved = ToxicityIdentifier.from_pretrained(tmp_path).state_dict()
    for name, value in states[1].items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0, atol=0)
        torch.testing.assert_close(saved[name], value, rtol=0, atol=0)
    assert json.loads((tmp_path / "history.json").read_text()) == history


def test_resumed_training_equals_uninterrupted_training(small, tmp_path, monkeypatch):
    train, held = examples(small, 96, 1), examples(small, 40, 2)
    whole = copy_of(small)
    options = TrainingOptions(
        num_train_epochs=4, batch_size=32, early_stopping_patience=4
    )
    history = fit(
        whole, train, held, options, output_dir=tmp_path / "whole", progress=False
    )

    class Stop(Exception):
        pass

    original, calls = identifier_trainer._Trainer.run_epoch, []

    def stopping(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise Stop
        return original(*arguments)

    monkeypatch.setattr(identifier_trainer._Trainer, "run_epoch", stopping)
    with pytest.raises(Stop):
        fit(
            copy_of(small),
            train,
            held,
            options,
            output_dir=tmp_path / "cut",
            progress=False,
        )
    monkeypatch.setattr(identifier_trainer._Trainer, "run_epoch", original)
    resumed = ToxicityIdentifier(small.config, small.tokenizer)
    assert (
        fit(
            resumed,
            train,
            held,
            options,
            output_dir=tmp_path / "cut",
            resume=True,
            progress=False,
        )
        == history
    )
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert not (tmp_path / "cut" / identifier_trainer.CHECKPOINT).exists()


def test_equal_auc_goes_to_the_lower_loss(small, tmp_path, monkeypatch):
    """A small validation set is soon told apart without fault; the weights go on
    getting better all the same.
    """
    found = iter([(1.0, 0.6), (1.0, 0.2), (1.0, 0.4), (0.9, 0.1)])

    def scripted(*_):
        value, loss = next(found)
        return {"auc": value, "accuracy": 0.0, "ece": 0.0, "validation_loss": loss}

    monkeypatch.setattr(identifier_trainer, "validate", scripted)
    options = TrainingOptions(
        num_train_epochs=4, batch_size=32, early_stopping_patience=4
    )
    rows = examples(small, 64, 1)
    history = fit(
        copy_of(small), rows, rows, options, output_dir=tmp_path, progress=False
    )
    # The highest AUC, 1.0, is reached three times; the second time at the lowest loss.
    assert best_epoch(history) == 1


@pytest.mark.parametrize("kind", ["stopped in the middle", "parts missing"])
def test_a_damaged_checkpoint_is_named(small, tmp_path, kind):
    path = tmp_path / identifier_trainer.CHECKPOINT
    if kind == "parts missing":
        save_checkpoint(path, model={})
    else:
        save_checkpoint(path, model=small.state_dict())
        path.write_bytes(path.read_bytes()[:-200])
    rows = examples(small, 32, 1)
    with pytest.raises(ValueError, match=r"checkpoint\.pt"):
        fit(
            copy_of(small),
            rows,
            rows,
            OPTIONS,
            output_dir=tmp_path,
            resume=True,
            progress=False,
        )


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    tmp_path, monkeypatch
):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, step=1)

    def torn(parts, file):
        file.write(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, step=2)
    assert load_checkpoint(path, "step") == {"step": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_train_epochs", 0),
        ("batch_size", 0),
        ("learning_rate", float("nan")),
        ("early_stopping_patience", -1),
    ],
)
def test_options_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}`"):
        TrainingOptions(**{name: value})


def test_nothing_to_learn_is_named(small, tmp_path):
    nothing = Examples([], np.zeros(0, dtype=np.float32))
    with pytest.raises(ValueError, match="`train` must have"):
        fit(
            copy_of(small),
            nothing,
            examples(small, 20, 2),
            OPTIONS,
            output_dir=tmp_path,
            progress=False,
        )


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_the_command_trains_with_other_tokenizers_and_needs_no_transformers(
    kind, tmp_path, capsys
):
    other(kind).save(str(tmp_path / "tokenizer.json"))
    texts, labels = sentences(300, 3)
    pd.DataFrame(
        {"comment": texts, "y": ["toxic" if label else "neutral" for label in labels]}
    ).to_csv(tmp_path / "d.csv")
    flags = (
        "--text_column comment --label_column y --positive toxic"
        " --num_train_epochs 6 --batch_size 16 --learning_rate 0.01"
        " --dim 8 --channels 6 --disable_tqdm --torchscript --device cpu"
    )
    flags += f" --tokenizer_name {tmp_path}"
    command.main(
        [
            *flags.split(),
            "--train_file",
            str(tmp_path / "d.csv"),
            "--output_dir",
            str(tmp_path / "out"),
        ]
    )
    assert "best epoch" in capsys.readouterr().out
    model = ToxicityIdentifier.from_pretrained(tmp_path / "out")
    p_toxic = model.p_toxic(["you are a nasty person", "you are a gentle person"])
    assert p_toxic[0] > 0.5 > p_toxic[1]
    assert (tmp_path / "out" / "identifier.pt").is_file()


def test_a_transformers_tokenizer_without_tokenizer_json_is_converted(tmp_path):
    transformers = pytest.importorskip("transformers")
    words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "you", "are", "kind"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer"})
    )
    assert transformers
    assert load_tokenizer(tmp_path).encode(
        "you are kind", add_special_tokens=False
    ).ids == [5, 6, 7]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "datasets", "datasets dict"])
def test_tables_of_all_kinds_read_alike(kind, tmp_path):
    from datasets import Dataset, DatasetDict

    table = pd.DataFrame({"text": ["None", "", 'a, "b" c'], "y": [0.0, 0.25, 1.0]})
    path = tmp_path / f"table.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "tsv":  # without quoting: a mark is a character like any other
        path.write_text('text\ty\nNone\t0.0\n\t0.25\na, "b" c\t1.0\n', encoding="utf-8")
    elif kind == "parquet":
        table.to_parquet(path)
    else:
        data = Dataset.from_pandas(table)
        (data if kind == "datasets" else DatasetDict(train=data)).save_to_disk(
            str(path)
        )
    texts, labels = read_table(path, "text", "y")
    assert texts == ["None", "", 'a, "b" c']
    assert toxicity_levels(labels, soft=True).tolist() == [0.0, 0.25, 1.0]


def test_bad_tables_are_named(tmp_path):
    table = pd.DataFrame({"text": ["a", None], "y": [0, 1]})
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="row 1 has one"):
        read_table(tmp_path / "t.parquet", "text", "y")
    with pytest.raises(ValueError, match="`label_column` must be one of"):
        read_table(tmp_path / "t.parquet", "y", "z")
    with pytest.raises(FileNotFoundError, match="`path`"):
        read_table(tmp_path / "u.parquet", "text", "y")
    (tmp_path / "t.txt").write_text("a")
    with pytest.raises(ValueError, match="`path` must end in"):
        read_table(tmp_path / "t.txt", "text", "y")


def test_levels_become_classes_or_soft_targets():
    assert toxicity_levels([0.2, 0.5, 0.9]).tolist() == [0, 1, 1]
    assert toxicity_levels([0.2, 0.5, 0.9], threshold=0.6).tolist() == [0, 0, 1]
    assert toxicity_levels([0.25, 0.5], soft=True).tolist() == [0.25, 0.5]
    assert toxicity_levels(["x", "y"], positive="y").tolist() == [0, 1]
    with pytest.raises(ValueError, match="row 1 has 1.5"):
        toxicity_levels([0.0, 1.5])
    with pytest.raises(ValueError, match="`positive` must be one of the labels"):
        toxicity_levels(["x", "y"], positive="z")
    with pytest.raises(ValueError, match="`labels` must be levels"):
        toxicity_levels(["x", "y"])


def test_the_split_keeps_the_share_of_classes_and_its_seed():
    levels = np.array([1.0] * 30 + [0.0] * 70)
    kept, held = stratified_split(levels, 0.2, seed=4)
    assert len(held) == 20
    assert levels[held].sum() == 6
    assert sorted([*kept, *held]) == list(range(100))
    assert (stratified_split(levels, 0.2, seed=4)[1] == held).all()
    assert (stratified_split(levels, 0.2, seed=5)[1] != held).any()
    with pytest.raises(ValueError, match="leaves a side without toxic texts"):
        stratified_split(np.array([1.0] + [0.0] * 9), 0.2, seed=0)


def test_batches_hold_each_text_once_and_like_lengths():
    lengths = np.random.default_rng(0).integers(1, 60, 1000)
    cut = list(length_batches(lengths, 32, np.random.default_rng(1)))
    assert sorted(np.concatenate(cut)) == list(range(1000))
    assert max(np.ptp(lengths[batch]) for batch in cut) < 10


def test_resplit_keeps_the_letters():
    vocabulary = {
        token: place
        for place, token in enumerate(
            ["idiot", "id", "##iot", "i", "##diot", "##d", "!"]
        )
    }
    words = list(vocabulary)
    seen = {
        tuple(
            words[i]
            for i in TokenSplitter(vocabulary, share=1.0)([0, 6], random.Random(seed))
        )
        for seed in range(20)
    }
    assert seen == {("id", "##iot", "!"), ("i", "##diot", "!")}
    assert TokenSplitter(vocabulary, share=0.0)([0, 6], random.Random(0)) == [0, 6]


@pytest.mark.parametrize(
    "export",
    [
        export_torchscript,
        pytest.param(
            export_onnx,
            marks=pytest.mark.skipif(not HAS_ONNX, reason="needs the extra onnx"),
        ),
    ],
)
def test_exports_score_as_the_model_does(small, export, tmp_path):
    path = export(small, tmp_path)
    assert (
        Tokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab()
        == small.tokenizer.get_vocab()
    )
    ids, mask = small.collate(small.encode(["a nasty , nasty day", "so kind"] * 3))
    if path.suffix == ".pt":
        found = torch.jit.load(str(path))(ids, mask).numpy()
    else:
        import onnxruntime

        session = onnxruntime.InferenceSession(
            str(path), providers=["CPUExecutionProvider"]
        )
        found = session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})[0]
    np.testing.assert_allclose(
        found, small.p_toxic(["a nasty , nasty day", "so kind"] * 3), atol=1e-6
    )


def test_an_export_that_differs_is_refused(small, tmp_path, monkeypatch):
    monkeypatch.setattr("training.modules.export_identifier.TOLERANCE", -1.0)
    with pytest.raises(ValueError, match="differs from the model"):
        export_torchscript(small, tmp_path)


def test_validation_on_one_class_is_refused(small):
    found = examples(small, 12, 5)
    with pytest.raises(ValueError, match="both classes"):
        validate(small, Examples(found.ids, np.ones_like(found.targets)))


def test_calibration_is_folded_into_the_last_layer(small):
    model = copy_of(small).eval()
    rows = examples(small, 60, 5)
    before = predict(model, rows.ids)
    slope, offset = fold_in_calibration(model, np.array([0.0, 1.0, 1.0] * 20), before)
    expected = 1 / (1 + np.exp(-(slope * np.log(before / (1 - before)) + offset)))
    np.testing.assert_allclose(predict(model, rows.ids), expected, atol=1e-5)


def test_corpus_has_variants_and_leaves_doubtful_sentences_to_the_teacher():
    rows = pd.DataFrame(
        {
            "text": [
                "The bus was late. You are a rotten liar!",
                "The sun is out. We went home.",
            ],
            "y": [1.0, 0.0],
        }
    )
    texts, labels = build_corpus(rows, {"rotten"}, contrasts=10)
    found = dict(zip(texts, labels, strict=True))
    assert np.isnan(found["The bus was late."])
    assert found["The sun is out."] == 0
    assert found[""] == 0
    wanted, known = mix_targets(labels, None)
    assert known.sum() == np.isfinite(labels).sum()
    wanted, known = mix_targets(np.array([1.0, np.nan]), np.array([0.5, 0.3]))
    # .7 of the teacher's .5 and .3 of the label 1; the teacher's .3 alone.
    np.testing.assert_allclose(wanted, [0.65, 0.3], atol=1e-6)
    assert known.all()


def test_a_teacher_scores_only_what_the_cache_does_not_hold(tmp_path, monkeypatch):
    from training.modules import teacher_scores as kept

    class Teacher:
        @staticmethod
        def from_pretrained(path, dtype):
            return Teacher()

        def p_toxic(self, texts):
            seen.append(list(texts))
            return np.full(len(texts), 0.25)

    seen: list[list[str]] = []
    monkeypatch.setattr(kept, "Encoder", Teacher)
    cache = tmp_path / "scores.parquet"
    assert kept.teacher_scores(None, ["a"], cache) is None
    assert kept.teacher_scores(tmp_path, ["a", "b"], cache).tolist() == [0.25, 0.25]
    assert kept.teacher_scores(tmp_path, ["b", "c"], cache).tolist() == [0.25, 0.25]
    assert seen == [["a", "b"], ["c"]]
    with pytest.raises(ValueError, match="1 are missing"):
        kept.teacher_scores(None, ["a", "d"], cache)


class Suspicious:
    """An identifier that suspects what holds "dog"."""

    class tokenizer:
        get_vocab = staticmethod(lambda: {"dog": 0, "cat": 1, "##dog": 2, "bulldog": 3})

    @staticmethod
    def from_pretrained(path):
        return Suspicious()

    def encode(self, texts):
        return [text.split() for text in texts]

    def p_toxic(self, texts):
        return np.array([0.8 if "dog" in text else 0.05 for text in texts])


@pytest.fixture
def example_tables(tmp_path):
    pd.DataFrame({"text": ["a dog is known"]}).to_parquet(tmp_path / "style.parquet")
    content = pd.DataFrame(
        {
            "source": ["the dog barks", "a long " + "dog " * 50, "my cat sleeps"],
            "text": ["a dog is known", "the dog barks", "your dog is made up"],
            "kind": ["rated_a", "rated_b", "contrast_c"],
            "tier": ["open", "research", "open"],
        }
    )
    content.to_parquet(tmp_path / "content.parquet")
    fluency = pd.DataFrame(
        {
            "source": ["the tent leaks"],
            "text": ["one dog runs"],
            "kind": ["rated_d"],
            "tier": ["research"],
        }
    )
    fluency.to_parquet(tmp_path / "fluency.parquet")
    return tmp_path


def test_suspects_are_short_rated_and_new(example_tables):
    known = pd.read_parquet(example_tables / "style.parquet").text

    def found(**tier):
        rated = rated_sentences(example_tables, **tier)
        return suspects(rated, known, Suspicious())

    assert sorted(found()) == ["one dog runs", "the dog barks"]
    # The first row of content is the only open one that is rated.
    assert found(tier="open") == ["the dog barks"]


def _style_table(folder, texts, labels, tier="open"):
    """Write a style table whose rows all count, half by their own label."""
    frame = pd.DataFrame(
        {"text": texts, "label": labels, "weight": 1.0, "trust": 1.0, "tier": tier}
    )
    frame.to_parquet(folder / "style.parquet")


def _examples_args(folder, scores, **changed):
    settings = {
        "examples": folder,
        "earlier": None,
        "teacher": None,
        "scores": scores,
        "max_train_samples": 1,
        "planted": 10,
        "of_groups": 10,
        "seed": 0,
        "tier": "all",
    }
    return argparse.Namespace(**settings | changed)


def test_a_suspected_word_takes_the_place_of_a_content_word(example_tables):
    rated = rated_sentences(example_tables)
    made = planted(rated, Suspicious(), 40, random.Random(0))
    assert made == planted(rated, Suspicious(), 40, random.Random(0))
    # Long sentences are left out, and of the words those that are not suspected alone.
    skeletons = (
        "the {} barks", "the dog {}", "a {} is known", "a dog is {}", "the {} leaks",
        "the tent {}", "{} dog runs", "one {} runs", "one dog {}",
    )  # fmt: skip
    wanted = {line.format(word) for line in skeletons for word in ("dog", "bulldog")}
    assert set(made) == wanted


def test_sentences_are_made_about_groups():
    rated = pd.Series(["they walk home", "rain fell"])
    texts = ["the man waits", "women read", "stop"]
    style = pd.DataFrame({"text": texts, "kind": "paradetox"})
    made = about_groups(rated, style, 300, random.Random(0))
    assert made == about_groups(rated, style, 300, random.Random(0))
    assert len(made) == len(set(made))
    # The group is put before a person, or takes the place of a pronoun.
    assert {"trans people walk home", "Muslims walk home"} <= set(made)
    assert {"the blind man waits", "Jewish women read"} <= set(made)
    assert not any("fell" in text or "stop" in text for text in made)


def test_suspects_get_what_the_encoder_says(example_tables, monkeypatch):
    monkeypatch.setattr(distil_identifier, "own_texts", list)
    monkeypatch.setattr(distil_identifier, "ToxicityIdentifier", Suspicious)
    made = ["one dog runs", "the dog leaks"]
    monkeypatch.setattr(distil_identifier, "planted", lambda *_: made)
    monkeypatch.setattr(distil_identifier, "about_groups", lambda *_: made)
    _style_table(example_tables, ["a dog is known"], [0.0])
    path = example_tables / "scores.parquet"
    texts = ["one dog runs", "the dog barks", "a dog is known", "the dog leaks"]
    pd.DataFrame({"text": texts, "p_toxic": [0.2, 0.8, 0.5, 0.6]}).to_parquet(path)
    args = _examples_args(
        example_tables, path, earlier=example_tables, max_train_samples=2
    )
    examples = distil_identifier._read_style_table(args, Suspicious())
    targets = {
        " ".join(ids): y for ids, y in zip(examples.ids, examples.targets, strict=True)
    }
    assert targets["one dog runs"] == pytest.approx(0.2)
    assert targets["the dog barks"] == pytest.approx(0.8)
    assert targets["the dog leaks"] == pytest.approx(0.6)
    # One that is real, and made too, counts once; two contrasts come with them.
    assert len(examples.ids) == 4 + 2
    # `_TRUST` of the label is the table's.
    assert targets["a dog is known"] == pytest.approx(0.4 * 0.5)
    # Before the tables are read.
    (example_tables / "style.parquet").unlink()
    for scores in (None, example_tables / "other.parquet"):
        args.scores = scores
        with pytest.raises(ValueError, match="`examples` needs `teacher`"):
            distil_identifier._read_style_table(args, Suspicious())


def test_texts_of_our_own_are_seen_in_several_spellings(example_tables, monkeypatch):
    own = [("what a charming little brain", 0.8), ("the soup is hot", 0.03)]
    monkeypatch.setattr(distil_identifier, "own_texts", lambda: own)
    _style_table(example_tables, ["a dog is known"], [0.0])
    path = example_tables / "scores.parquet"
    pd.DataFrame({"text": ["a dog is known"], "p_toxic": [0.5]}).to_parquet(path)
    args = _examples_args(example_tables, path, max_train_samples=2)
    examples = distil_identifier._read_style_table(args, Suspicious())
    copies = distil_identifier._OWN_COPIES
    # Two contrasts stand before them.
    assert len(examples.ids) == 1 + 2 + 2 * copies
    assert examples.targets[3:] == pytest.approx([0.8] * copies + [0.03] * copies)
    assert len({" ".join(ids) for ids in examples.ids[3:]}) > 2


def test_the_open_tier_alone_is_learned_from(tmp_path, monkeypatch):
    monkeypatch.setattr(distil_identifier, "own_texts", list)
    _style_table(
        tmp_path, ["the tent leaks", "my cat sleeps"], [0.0, 0.0], ["open", "research"]
    )
    path = tmp_path / "scores.parquet"
    pd.DataFrame({"text": ["the tent leaks"], "p_toxic": [0.25]}).to_parquet(path)
    args = _examples_args(tmp_path, path, tier="open")
    examples = distil_identifier._read_style_table(args, Suspicious())
    # The second text is a contrast of our own.
    assert examples.ids[0] == ["the", "tent", "leaks"]
    assert len(examples.ids) == 2
    assert examples.targets[0] == pytest.approx(0.4 * 0.25)


def test_training_goes_on_with_an_identifier():
    folder = Path(distil_identifier.__file__).parents[1] / "toxicity_j"
    sizes = {"dim": None, "channels": None, "dropout": None}
    args = argparse.Namespace(start=folder, **sizes)
    model = distil_identifier._first_model(args)
    shipped = ToxicityIdentifier.from_pretrained(folder)
    texts = ["a fool wrote this", "the train is late"]
    assert model.p_toxic(texts).tolist() == shipped.p_toxic(texts).tolist()
    assert all(weight.requires_grad for weight in model.parameters())
    args = argparse.Namespace(start=folder, **sizes | {"dim": 8, "dropout": 0.0})
    with pytest.raises(ValueError, match=r"has its own `dim`, `dropout`"):
        distil_identifier._first_model(args)
