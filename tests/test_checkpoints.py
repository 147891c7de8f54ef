"""Model references and checkpoints: what may be read, what is refused, and what the
errors name.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.hostile import Trace
from toxicity_j.checkpoints import ModelRef, folder_digest, resolve_commit
from toxicity_j.model_classifier import Classifier
from toxicity_j.model_embedding import SentenceEmbedding
from toxicity_j.model_pair import PairRegressor, PooledEmbedding
from toxicity_j.model_wieting import WietingEmbedding
from toxicity_j.model_xcomet import Xcomet
from toxicity_j.scorer import Scorer

STYLE = {"role": "style", "device": "cpu"}


@pytest.fixture
def copy(checkpoints, tmp_path):
    """A function from a builder's name to a copy of its checkpoint, to damage."""

    def build(kind: str, name: str | None = None, **arguments) -> Path:
        target = tmp_path / (name or kind)
        shutil.copytree(checkpoints(kind, name, **arguments), target)
        return target

    return build


# --- References


def test_references(tmp_path):
    folder = str(tmp_path)
    assert ModelRef.parse(folder, "x") == ModelRef(folder, "", tmp_path)
    assert ModelRef.parse("owner/name", "x") == ModelRef("owner/name", "main", None)
    assert ModelRef.parse("owner/name@v1.0", "x") == ModelRef(
        "owner/name", "v1.0", None
    )
    assert str(ModelRef.parse("owner/name@refs/pr/3", "x")) == "owner/name@refs/pr/3"


def test_a_folder_in_the_way_does_not_hide_a_built_in_model(tmp_path, monkeypatch):
    (tmp_path / "encoder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert ModelRef.parse("encoder", "x").folder is None


@pytest.mark.parametrize(
    "model",
    [
        "owner/name@../../x",
        "owner/name@/etc",
        "owner/name@a/../b",
        "owner/..",
        "a--b/c",
        "owner/name@",
        "-x/y",
        "a b/c",
    ],
)
def test_names_that_could_leave_the_cache_are_refused(model):
    with pytest.raises(ValueError, match="`style_model` must be a Hub id"):
        Scorer(style_model=model)


@pytest.mark.parametrize("model", ["identifier@x", "encoder@main", "wieting@v1"])
def test_a_built_in_model_has_no_revision(model):
    with pytest.raises(ValueError, match="`content_model` must name .* without a rev"):
        Scorer(content_model=model)


def test_a_folder_may_be_named_like_a_built_in_model_of_a_revision(
    tmp_path, monkeypatch
):
    (tmp_path / "encoder@main").mkdir()
    monkeypatch.chdir(tmp_path)
    assert ModelRef.parse("encoder@main", "x").folder is not None


NEITHER = [
    "",
    " ",
    "a\0b",
    "./none",
    "/none",
    "~/none",
    "~nobody-has-this-name/none",
    "a/b/c",
    "a\\b",
    "a" * 300,
]


@pytest.mark.parametrize("model", NEITHER)
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(model):
    with pytest.raises(ValueError, match="`fluency_model` must be"):
        ModelRef.parse(model, "fluency_model")


def test_commit_of_a_hub_model_in_the_cache(tmp_path, monkeypatch):
    _cached_model(tmp_path, {"config.json": b"{}"})
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert resolve_commit(ModelRef("owner/name")) == COMMIT
    assert resolve_commit(ModelRef("owner/other", "v2")) == "v2"
    assert resolve_commit(ModelRef(str(tmp_path), "", tmp_path)) == ""


def test_digest_moves_with_the_weights_and_not_with_the_place(copy, tmp_path):
    folder = copy("roberta")
    before = folder_digest(folder)
    assert (
        folder_digest(Path(shutil.copytree(folder, tmp_path / "elsewhere"))) == before
    )
    state = load_file(folder / "model.safetensors")
    state["classifier.out_proj.bias"][0] += 1
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    assert folder_digest(folder) != before


# --- Missing tensors


@pytest.mark.parametrize(
    "tensor",
    [
        "classifier.out_proj.weight",
        "roberta.encoder.layer.1.output.dense.bias",
        "classifier.dense.weight",
    ],
)
def test_missing_tensors_of_a_classifier_are_named(copy, tensor):
    folder = copy("roberta")
    _drop(folder, tensor)
    with pytest.raises(
        ValueError, match=f"`style_model`: the weights of .* lack {tensor}"
    ):
        Classifier(str(folder), **STYLE)


def test_a_bare_model_is_not_a_classifier(copy):
    folder = copy("bert", "bare", head=False)
    with pytest.raises(
        ValueError, match="`style_model`: the weights of .* lack classifier"
    ):
        Classifier(str(folder), **STYLE)


def test_missing_tensors_of_content_models_are_named(copy):
    pooler = copy("bert", "pooler", head=False)
    _drop(pooler, "pooler.dense.weight")
    with pytest.raises(
        ValueError, match=r"`content_model`: .* lack pooler\.dense\.weight"
    ):
        PooledEmbedding(str(pooler), device="cpu")
    regression = copy("bert", "regression1", num_labels=1)
    _drop(regression, "classifier.weight")
    with pytest.raises(
        ValueError, match=r"`content_model`: .* lack classifier\.weight"
    ):
        PairRegressor(str(regression), device="cpu")
    sentence = copy("sentence_transformer")
    _drop(sentence, "pooler.dense.weight")  # which sentence embeddings do not read
    SentenceEmbedding(str(sentence), device="cpu")
    _drop(sentence, "encoder.layer.0.output.dense.weight")
    with pytest.raises(
        ValueError,
        match=r"`content_model`: .* lack encoder\.layer\.0\.output\.dense\.weight",
    ):
        SentenceEmbedding(str(sentence), device="cpu")


def test_missing_tensors_of_xcomet_are_named(copy):
    folder = copy("xcomet")
    _drop(folder, "hidden2tag.bias")
    with pytest.raises(ValueError, match=r"`fluency_model`: .* lack hidden2tag\.bias"):
        Xcomet(str(folder), device="cpu")


# --- Numbers that are not finite


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_give_no_number_name_the_model_and_the_text(copy, value):
    pooler = copy("bert", "pooler", head=False)
    _fill(pooler, "pooler.dense.bias", float("nan"))  # tanh would hide an infinite one
    with pytest.raises(
        ValueError,
        match="the content model '.*pooler' gave scores that are not finite: .*'one'",
    ):
        PooledEmbedding(str(pooler), device="cpu").score(["one"], ["two"])
    regression = copy("bert", "regression1", num_labels=1)
    _fill(regression, "classifier.bias", value)
    with pytest.raises(
        ValueError,
        match="the content model '.*regression1' gave scores that are not finite",
    ):
        PairRegressor(str(regression), device="cpu").score(["one"], ["two"])
    sentence = copy("sentence_transformer")
    _fill(sentence, "embeddings.LayerNorm.bias", float("nan"))
    with pytest.raises(
        ValueError, match="the content model '.*' gave scores that are not finite"
    ):
        SentenceEmbedding(str(sentence), device="cpu").score(["one"], ["two"])
    xcomet = copy("xcomet")
    _fill(xcomet, "estimator.ff.6.bias", float("nan"))
    with pytest.raises(
        ValueError, match="the fluency model '.*xcomet' gave scores that are not finite"
    ):
        Xcomet(str(xcomet), device="cpu").score(["one"], ["two"], None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_wieting_embeddings_that_are_no_numbers(copy, value):
    folder = copy("wieting")
    stored = torch.load(folder / "sim.pt", weights_only=False)
    stored["state_dict"]["embedding.weight"][:] = value
    torch.save(stored, folder / "sim.pt")
    with pytest.raises(
        ValueError,
        match="the content model '.*wieting' gave scores that are not finite: .*'one'",
    ):
        WietingEmbedding(str(folder)).score(["one"], ["two"])


# --- Damaged files, pipes, pickles, code


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 64),
        ("config.json", b"{"),
        ("config.json", b"\xff\xfe"),
        ("config.json", b"[]"),
        ("tokenizer.json", b"{"),
        ("tokenizer.json", b'{"version": "1.0"}'),
    ],
)
def test_damaged_files_are_named_by_folder_and_argument(copy, file, content):
    folder = copy("roberta")
    (folder / file).write_bytes(content)
    with pytest.raises((OSError, ValueError), match=f"`style_model`.*{folder}"):
        Classifier(str(folder), **STYLE)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_folder_without_a_vocabulary(copy, kind):
    # transformers 5 makes a tokenizer of special tokens alone, to which every word is
    # unknown.
    folder = copy(kind)
    for name in ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(OSError, match=f"`style_model`.*{folder}"):
        Classifier(str(folder), **STYLE)


def test_truncated_weights(copy):
    folder = copy("roberta")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(OSError, match=f"`style_model`.*{folder}"):
        Classifier(str(folder), **STYLE)


@pytest.mark.parametrize(
    ("kind", "file", "load"),
    [
        ("xcomet", "model.safetensors", Xcomet),
        ("xcomet", "config.json", Xcomet),
        ("xcomet", "encoder/config.json", Xcomet),
        ("xcomet", "encoder/tokenizer.json", Xcomet),
        ("wieting", "sim.pt", WietingEmbedding),
        ("wieting", "sim.sp.30k.model", WietingEmbedding),
        ("sentence_transformer", "modules.json", SentenceEmbedding),
        ("sentence_transformer", "model.safetensors", SentenceEmbedding),
        ("sentence_transformer", "2_Dense/model.safetensors", SentenceEmbedding),
        ("sentence_transformer", "1_Pooling/config.json", SentenceEmbedding),
    ],
)
def test_damaged_files_of_other_models(copy, kind, file, load):
    folder = copy(kind)
    (folder / file).write_bytes(b"{\xff")
    with pytest.raises(
        (OSError, ValueError), match=rf"`(content|fluency)_model`.*{folder}"
    ):
        load(str(folder))


def test_pipes_are_refused_and_not_waited_for(copy):
    for kind, load in (
        ("roberta", lambda path: Classifier(path, **STYLE)),
        ("sentence_transformer", SentenceEmbedding),
        ("xcomet", Xcomet),
    ):
        folder = copy(kind)
        (folder / "config.json").unlink(missing_ok=True)
        os.mkfifo(folder / "config.json")
        with pytest.raises(ValueError, match=r"config\.json must be a regular file"):
            load(str(folder))


def test_a_dense_layer_in_a_pickle_is_refused(copy, tmp_path):
    folder = copy("sentence_transformer")
    dense = next(folder.glob("*_Dense"))
    state = load_file(dense / "model.safetensors")
    (dense / "model.safetensors").unlink()
    torch.save(state, dense / "pytorch_model.bin")  # harmless, and refused all the same
    with pytest.raises(
        ValueError,
        match=r"`content_model`: .*pytorch_model\.bin is a pickle that could run code",
    ):
        SentenceEmbedding(str(folder))


def test_parts_of_other_packages_are_refused(copy):
    folder = copy("sentence_transformer")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "os.system"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(
        ValueError, match="parts of sentence_transformers only; got 'os.system'"
    ):
        SentenceEmbedding(str(folder))


def test_code_beside_a_model_is_not_run(copy, tmp_path):
    """`auto_map` names a class in the folder, whose module would leave a trace when it
    is imported.
    """
    trace = tmp_path / "trace"
    folder = copy("roberta")
    (folder / "own.py").write_text(
        f"import os\nos.mkdir({str(trace)!r})\nfrom transformers import *\n"
    )
    settings = json.loads((folder / "config.json").read_text())
    settings["auto_map"] = {
        "AutoConfig": "own.RobertaConfig",
        "AutoModelForSequenceClassification": "own.RobertaForSequenceClassification",
        "AutoTokenizer": ["own.RobertaTokenizer", "own.RobertaTokenizer"],
    }
    (folder / "config.json").write_text(json.dumps(settings))
    assert Classifier(str(folder), **STYLE).score(["one"]).values.shape == (1, 2)
    settings["model_type"] = (
        "own-kind"  # of a kind that transformers lacks, it is not run either
    )
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(OSError, match="`style_model`"):
        Classifier(str(folder), **STYLE)
    assert not trace.exists()


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _cached_model(cache: Path, files: dict[str, bytes]) -> None:
    """Lay files out as huggingface_hub caches `owner/name`."""
    repository = cache / "models--owner--name"
    for name, content in files.items():
        path = repository / "snapshots" / COMMIT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(COMMIT)


_LOAD_FROM_CACHE = """
from toxicity_j.model_classifier import Classifier
print(Classifier("owner/name", role="style", device="cpu").score(["one"]).values.shape)
"""


@pytest.mark.parametrize(
    ("weights", "is_read"), [("model.safetensors", True), ("pytorch_model.bin", False)]
)
def test_a_hub_model_with_pickled_weights_alone_is_refused(
    checkpoints, tmp_path, weights, is_read
):
    source = Path(checkpoints("roberta"))
    files = {
        path.name: path.read_bytes()
        for path in source.iterdir()
        if path.suffix == ".json"
    }
    files |= {path.name: path.read_bytes() for path in source.glob("*.txt")}
    torch.save(load_file(source / "model.safetensors"), tmp_path / "pytorch_model.bin")
    shutil.copy(source / "model.safetensors", tmp_path)
    files[weights] = (tmp_path / weights).read_bytes()
    _cached_model(tmp_path / "cache", files)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _LOAD_FROM_CACHE],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip() == "(1, 2)") == is_read, done.stderr
    if not is_read:
        assert (
            "`style_model`: the model 'owner/name', for style, could not be loaded"
            in done.stderr
        )


def _load_without_network(cache: Path) -> tuple[str, str]:
    """Load `owner/name` beside a closed port, and return what it writes."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD_FROM_CACHE],
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_CACHE": str(cache),
            "HF_ENDPOINT": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout.strip(), done.stderr


def test_without_a_network_a_model_that_is_absent_is_an_error_at_once(tmp_path):
    _, error = _load_without_network(tmp_path)
    assert "the Hub does not answer, and the model is not in the cache" in error
    assert "hf download owner/name" in error
    # Retries of one file take half a minute, and four are asked for.
    assert "Retrying" not in error


def test_without_a_network_a_cached_model_is_loaded(checkpoints, tmp_path):
    source = Path(checkpoints("roberta"))
    # It has no SentencePiece file, for which the Hub would be asked again and again.
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    _cached_model(tmp_path, files)
    found, error = _load_without_network(tmp_path)
    assert found == "(1, 2)", error
    assert "Retrying" not in error


def test_a_hostile_pickle_in_the_place_of_weights_does_not_run(copy, tmp_path):
    folder = copy("roberta")
    (folder / "model.safetensors").write_bytes(pickle.dumps(Trace(tmp_path / "trace")))
    with pytest.raises(OSError, match="`style_model`"):
        Classifier(str(folder), **STYLE)
    assert not (tmp_path / "trace").exists()


def test_xcomet_may_not_look_outside_its_folder(copy):
    folder = copy("xcomet")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "encoder").rename(folder.parent / "encoder")
    (folder / "config.json").write_text(
        json.dumps({**settings, "pretrained_model": "../encoder"})
    )
    with pytest.raises(ValueError, match="pretrained_model"):
        Xcomet(str(folder))


# --- Truncation


def test_texts_that_sentence_embeddings_truncate_are_counted(checkpoints):
    # the checkpoint reads 64 tokens: "ab " is one each and two more are special
    model = SentenceEmbedding(checkpoints("sentence_transformer"), device="cpu")
    whole, over = "ab " * 62, "ab " * 63
    assert model.score([whole, over, over], ["ab", "ab", over]).truncated == 1
    assert model.score([whole], ["ab"]).truncated == 0
    # What was cut cannot be told apart.
    assert np.isclose(model.score([over], [over + "really"]).values, 1)


def _drop(folder: Path, tensor: str) -> None:
    state = load_file(folder / "model.safetensors")
    del state[tensor]
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def _fill(folder: Path, tensor: str, value: float) -> None:
    state = load_file(folder / "model.safetensors")
    state[tensor].fill_(value)
    save_file(state, folder / "model.safetensors", {"format": "pt"})
