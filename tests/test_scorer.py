"""The Scorer: options, lazy loading, degenerate texts, signatures, threads and
pickling, on small checkpoints.

The built-in encoder and identifier are replaced by stand-ins whose scores can be worked
out.
"""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.tiny import TEXTS
from toxicity_j import model_builtin as models
from toxicity_j.protocols import EMBEDDED, Content, Fluency, Protocol, Style
from toxicity_j.scorer import Scorer

SOURCES = [*TEXTS[:6], "", "source"]
PREDICTIONS = [*TEXTS[1:6], TEXTS[0], "prediction", " \t\u200b"]


class Lengths:
    """A stand-in for the built-in encoder: each score is a function of lengths, and
    calls are recorded.
    """

    truncated = 0

    def __init__(self):
        self.calls = []
        self.network = SimpleNamespace(body=torch.nn.Identity())

    def style(self, texts, *, batch_size=None, progress=None):
        self.calls.append("style")
        return np.array([1 / (1 + len(text)) for text in texts])

    p_toxic = style

    def score(
        self,
        predictions,
        sources=None,
        want=("style", "content", "fluency"),
        *,
        batch_size=None,
        progress=None,
    ):
        self.calls.append(want)
        scores = {
            "style": [1 / (1 + len(text)) for text in predictions],
            "fluency": [0.5 for _ in predictions],
        }
        if sources is not None:
            pairs = zip(predictions, sources, strict=True)
            scores["content"] = [
                min(len(a), len(b)) / max(len(a), len(b), 1) for a, b in pairs
            ]
        return {name: np.array(scores[name]) for name in want}


@pytest.fixture
def encoder(monkeypatch):
    """One stand-in in the place of every built-in model; counts how often it was
    loaded.
    """
    stand_in = Lengths()
    stand_in.loads = 0

    def load(*args, **kwargs):
        stand_in.loads += 1
        return stand_in

    monkeypatch.setattr(models.ToxicityIdentifier, "from_pretrained", load)
    monkeypatch.setattr(models, "Encoder", Lengths)
    monkeypatch.setattr(Lengths, "from_pretrained", load, raising=False)
    return stand_in


# --- What is loaded, and when


def test_embedded_takes_one_pass(encoder):
    segments = Scorer().score(PREDICTIONS, SOURCES)
    assert encoder.calls == [("style", "content", "fluency")]
    assert encoder.loads == 1
    # `embedded` calls a text civil from 0.95 on.
    expected = [min(1 - 1 / (1 + len(text)), 0.95) / 0.95 for text in PREDICTIONS]
    np.testing.assert_allclose(segments.sta, expected)
    np.testing.assert_array_equal(segments.j, segments.sta * segments.sim * segments.fl)


def test_sta_alone_loads_no_other_model(english):
    options = {
        **english,
        "content_model": "nobody/no-such-model",
        "fluency_model": "nobody/no-such-model",
    }
    scorer = Scorer("emnlp2021", device="cpu", **options)
    segments = scorer.score(PREDICTIONS)
    assert segments.sim is segments.fl is segments.j is None
    assert set(segments.as_lists()) == {"sta", "p_toxic"}
    assert "content:" not in segments.signature
    with pytest.raises(OSError, match="nobody/no-such-model"):
        scorer.score(PREDICTIONS, SOURCES)
    # Usable afterwards.
    assert scorer.score(PREDICTIONS).sta.tolist() == segments.sta.tolist()


def test_models_are_loaded_once(encoder):
    scorer = Scorer()
    for _ in range(3):
        scorer.score(PREDICTIONS, SOURCES)
        scorer.score(PREDICTIONS)
    assert encoder.loads == 1


def test_no_evaluate_and_no_transformers_for_built_in_models():
    code = """
import sys
from toxicity_j.scorer import Scorer
Scorer()
Scorer("emnlp2021")
heavy = ("evaluate", "datasets", "transformers", "sacrebleu", "nltk")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_wieting_files_are_asked_for_when_sim_is_needed(english):
    scorer = Scorer(
        "paradetox2022",
        device="cpu",
        style_model=english["style_model"],
        fluency_model=english["fluency_model"],
    )
    scorer.score(PREDICTIONS)
    with pytest.raises(FileNotFoundError, match="wieting_similarity_data.zip"):
        scorer.score(PREDICTIONS, SOURCES)


def test_a_folder_without_the_wieting_files_is_no_wieting_model(english, tmp_path):
    scorer = Scorer(
        "emnlp2021", device="cpu", **{**english, "content_model": str(tmp_path)}
    )
    with pytest.raises(OSError, match=r"sim\.pt"):
        scorer.score(PREDICTIONS, SOURCES)


# --- Degenerate segments


def test_blank_predictions_of_embedded_are_zero(encoder):
    blank = ["", " ", "\n", "\u200b", "\ufeff \t"]
    segments = Scorer().score([*blank, "text"], ["source"] * 6)
    assert (
        segments.sim[:5].tolist()
        == segments.fl[:5].tolist()
        == segments.j[:5].tolist()
        == [0] * 5
    )
    assert segments.fl[5] == 0.5  # as the stub says


def test_blank_predictions_of_published_protocols_follow_the_script(english):
    segments = Scorer("emnlp2021", device="cpu", **english).score(
        ["", ""], ["", "a fool"]
    )
    assert segments.sim[0] == pytest.approx(1)  # UUUNKKK against itself
    assert segments.sim[1] != 0


def test_repeated_texts_score_alike(english):
    scorer = Scorer("paradetox2022", device="cpu", soft=True, **english)
    segments = scorer.score(
        [TEXTS[0], "other", TEXTS[0]], [TEXTS[1], "other", TEXTS[1]]
    )
    assert segments.sta[0] == segments.sta[2]
    assert segments.j[0] == segments.j[2]


def test_cut_texts_are_counted_in_one_warning(english, caplog):
    scorer = Scorer("paradetox2022", device="cpu", **english)
    with caplog.at_level(logging.WARNING, logger="toxicity_j"):
        scorer.score(["word " * 700, "long " * 700, "short"], ["a", "b", "c"])
    assert [
        record.getMessage()
        for record in caplog.records
        if "longer" in record.getMessage()
    ] == [
        "texts longer than a model reads were cut: 2 by the style model, 2 by the"
        " fluency model"
    ]


def test_scores_do_not_depend_on_batch_or_order(english):
    reference = Scorer("emnlp2021", device="cpu", soft=True, **english).score(
        PREDICTIONS, SOURCES
    )
    for batch_size in (1, 2, 7, len(PREDICTIONS)):
        scorer = Scorer(
            "emnlp2021", device="cpu", soft=True, batch_size=batch_size, **english
        )
        backwards = scorer.score(PREDICTIONS[::-1], SOURCES[::-1])
        np.testing.assert_allclose(backwards.j[::-1], reference.j, atol=1e-6)
        assert backwards.signature == reference.signature


# --- Options


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        (
            "threshold",
            1.5,
            ValueError,
            (
                r"`threshold` must be a probability of the toxic class, in \[0, 1\];"
                r" got 1.5"
            ),
        ),
        ("threshold", "0.5", TypeError, "`threshold` must be a number"),
        ("threshold", True, TypeError, "`threshold` must be a number"),
        ("threshold", float("nan"), ValueError, "`threshold` must be a probability"),
        ("batch_size", 0, ValueError, "`batch_size` must be at least 1; got 0"),
        ("batch_size", 2.0, TypeError, "`batch_size` must be a whole number"),
        ("soft", "yes", TypeError, "`soft` must be True, False or None"),
        ("newline", 1, TypeError, "`newline` must be True, False or None"),
        ("dtype", "float8", ValueError, "`dtype` must be one of"),
        ("device", "gpu", ValueError, "`device` must be a device of this machine"),
        ("style_model", 3, TypeError, "`style_model` must be a string"),
        ("style_model", " ", ValueError, "`style_model` must be a Hub id"),
        (
            "content_model",
            "identifier",
            ValueError,
            "`content_model` cannot be 'identifier'",
        ),
        (
            "fluency_model",
            "./no/such/folder",
            ValueError,
            "`fluency_model` must be .* there is no folder",
        ),
    ],
)
def test_bad_options(option, value, error, message):
    with pytest.raises(error, match=message):
        Scorer(**{option: value})


def test_threshold_is_a_probability_and_moves_the_share(encoder):
    # lengths 1, 3 and 9 give P(toxic) 1/2, 1/4 and 1/10; at the threshold itself a text
    # is not toxic
    texts = ["a", "abc", "abcdefghi"]
    shares = {
        threshold: Scorer(threshold=threshold).score(texts).nontoxic.tolist()
        for threshold in (0.5, 0.2, 0.0)
    }
    assert shares == {0.5: [1, 1, 1], 0.2: [0, 0, 1], 0.0: [0, 0, 0]}
    hard = Scorer(threshold=0.2, soft=False).score(texts)
    assert hard.sta.tolist() == [0, 0, 1]
    # Soft scores count from 0.95 on as 1, and none is over it.
    assert Scorer(threshold=0.2).score(texts).sta.tolist() == pytest.approx(
        [0.5 / 0.95, 0.75 / 0.95, 0.9 / 0.95]
    )


def test_threshold_replaces_the_published_rule(english):
    scorer = Scorer("emnlp2021", device="cpu", threshold=0.3, **english)
    segments = scorer.score(TEXTS)
    np.testing.assert_array_equal(segments.sta, segments.p_toxic <= 0.3)
    assert "|threshold:.3|" in segments.signature


def test_identifier_as_the_style_model(encoder):
    segments = Scorer("emnlp2021", style_model="identifier", newline=False).score(
        ["abc"]
    )
    assert segments.p_toxic.tolist() == [0.25]
    # Hard, as the protocol says, but on the probability.
    assert segments.sta.tolist() == [1]
    assert "style:identifier@" in segments.signature


def test_built_in_stand_ins_show_in_the_signature(encoder):
    options = {
        "style_model": "encoder",
        "content_model": "encoder",
        "fluency_model": "encoder",
    }
    for protocol in ("emnlp2021", "krishna2020", "textdetox2025", "russe2022"):
        references = (
            {"references": SOURCES}
            if protocol in ("krishna2020", "textdetox2025")
            else {}
        )
        segments = Scorer(protocol, **options).score(PREDICTIONS, SOURCES, **references)
        assert "|content:encoder@" in segments.signature
        assert np.isfinite(segments.j).all()


def test_lower_precision_keeps_hard_decisions(english):
    # what reduced precision leaves near a decision is computed again in float32
    columns = (TEXTS * 2, TEXTS[::-1] * 2)
    exact = Scorer("emnlp2021", device="cpu", **english).score(*columns)
    half = Scorer("emnlp2021", device="cpu", dtype="bfloat16", **english).score(
        *columns
    )
    assert abs(half.p_toxic - exact.p_toxic).max() > 0
    np.testing.assert_array_equal(half.sta, exact.sta)
    np.testing.assert_array_equal(half.fl, exact.fl)
    assert "|dtype:style=bfloat16,content=float32,fluency=bfloat16|" in half.signature


def test_home_folder_is_expanded(english, monkeypatch, tmp_path):
    (tmp_path / "style").symlink_to(english["style_model"])
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Scorer("emnlp2021", device="cpu", style_model="~/style").score(
        TEXTS
    ).sta.shape == (len(TEXTS),)


# --- Labels


def test_the_toxic_class_is_found_by_its_name(checkpoints):
    order = {
        labels: Scorer(
            "emnlp2021",
            device="cpu",
            style_model=checkpoints("roberta", str(labels), labels=labels, seed=3),
        )
        for labels in (
            ("neutral", "toxic"),
            ("toxic", "neutral"),
            ("Non-Toxic", "other"),
        )
    }
    first, swapped, opposite = (
        scorer.score(TEXTS).p_toxic for scorer in order.values()
    )
    np.testing.assert_allclose(swapped, 1 - first, atol=1e-6)
    np.testing.assert_allclose(opposite, first, atol=1e-6)


def test_labels_that_say_nothing_are_listed(checkpoints, english):
    folder = checkpoints("roberta", "moods", labels=("happy", "sad"), seed=3)
    with pytest.raises(ValueError, match=r"`style_label` .*\{0: 'happy', 1: 'sad'\}"):
        Scorer("emnlp2021", device="cpu", style_model=folder).score(TEXTS)
    for label in ("sad", 1):
        chosen = Scorer(
            "emnlp2021", device="cpu", style_model=folder, style_label=label
        ).score(TEXTS)
        reference = Scorer(
            "emnlp2021", device="cpu", style_model=english["style_model"]
        ).score(TEXTS)
        np.testing.assert_array_equal(chosen.p_toxic, reference.p_toxic)
    with pytest.raises(ValueError, match="happy.*sad.*'cross'"):
        Scorer(
            "emnlp2021", device="cpu", style_model=folder, style_label="cross"
        ).score(TEXTS)


def test_without_a_published_index_anonymous_labels_are_refused(checkpoints, encoder):
    folder = checkpoints("roberta", "cola", seed=4)
    with pytest.raises(ValueError, match="`fluency_label` .*LABEL_0"):
        Scorer(fluency_model=folder, device="cpu").score(TEXTS, TEXTS)
    assert Scorer(fluency_model=folder, fluency_label=0, device="cpu").score(
        TEXTS, TEXTS
    ).fl.shape == (len(TEXTS),)


# --- Columns


def test_columns_are_checked(encoder):
    scorer = Scorer()
    with pytest.raises(ValueError, match="`sources` must be as long as `predictions`"):
        scorer.score(["a", "b"], ["a"])
    with pytest.raises(TypeError, match="`predictions` must be a list of strings"):
        scorer.score("a")
    with pytest.raises(
        ValueError,
        match=(
            "`sources` must be given with `references` for the protocol 'textdetox2025'"
        ),
    ):
        Scorer("textdetox2025").score(["a"], references=["b"])
    assert scorer.score(["a"]).sta.tolist() == pytest.approx([0.5 / 0.95])


def test_references_that_are_not_used_are_told_once(encoder, caplog):
    scorer = Scorer()
    with caplog.at_level(logging.WARNING, logger="toxicity_j"):
        with_references = scorer.score(["a"], ["b"], references=["c"])
        scorer.score(["a"], ["b"], references=["c"])
    assert len(caplog.records) == 1
    assert with_references.signature == scorer.score(["a"], ["b"]).signature


# --- Signature


def test_settings_that_move_numbers_move_the_signature(encoder):
    def of(protocol="embedded", sources=SOURCES, **options):
        return Scorer(protocol, **options).score(PREDICTIONS, sources).signature

    variants = [
        of(),
        of(sources=None),
        of(threshold=0.4),
        of(soft=False),
        of(dtype="bfloat16"),
        of(newline=True),
        of(style_model="identifier"),
        of(
            Protocol(
                "embedded",
                "",
                "",
                Style("encoder"),
                Content("encoder", "encoder"),
                Fluency("encoder", "encoder"),
            )
        ),
    ]
    assert len(set(variants)) == len(variants)
    assert of(batch_size=3, device="cpu", progress=False) == of() == of(EMBEDDED)
    parts = dict(part.split(":", 1) for part in of().split("|"))
    assert parts.keys() == {
        "j", "style", "content", "fluency", "sta", "threshold", "newline", "detok", "references", "dtype", "version",
    }  # fmt: skip


def test_a_folder_is_named_by_what_it_holds(english, tmp_path):
    import shutil

    reference = Scorer("emnlp2021", device="cpu", **english).score(TEXTS).signature
    assert "style:toxicity@" in reference
    assert "#1=toxic|" in reference
    moved = shutil.copytree(english["style_model"], tmp_path / "toxicity")
    options = {**english, "style_model": str(moved)}
    assert (
        Scorer("emnlp2021", device="cpu", **options).score(TEXTS).signature == reference
    )
    (moved / "config.json").write_text(
        (moved / "config.json").read_text().replace("0.6", "0.7")
    )
    assert (
        Scorer("emnlp2021", device="cpu", **options).score(TEXTS).signature != reference
    )


# --- Sharing


def test_four_threads_share_one_scorer(english):
    scorer = Scorer("paradetox2022", device="cpu", soft=True, **english)
    expected = scorer.score(PREDICTIONS, SOURCES).j.tolist()
    fresh = Scorer("paradetox2022", device="cpu", soft=True, **english)
    with ThreadPoolExecutor(4) as pool:
        results = list(
            pool.map(lambda _: fresh.score(PREDICTIONS, SOURCES).j.tolist(), range(12))
        )
    assert all(result == expected for result in results)


def test_pickling_leaves_the_models_behind(english):
    scorer = Scorer("paradetox2022", device="cpu", **english)
    before = pickle.dumps(scorer)
    expected = scorer.score(PREDICTIONS, SOURCES)
    assert len(pickle.dumps(scorer)) == len(before) < 10_000
    copy = pickle.loads(before)
    np.testing.assert_array_equal(copy.score(PREDICTIONS, SOURCES).j, expected.j)
    assert copy.score(PREDICTIONS, SOURCES).signature == expected.signature


def test_progress_bar(english, capfd):
    Scorer("emnlp2021", device="cpu", progress=True, **english).score(TEXTS)
    assert "style:" in capfd.readouterr().err
    Scorer("emnlp2021", device="cpu", **english).score(TEXTS)
    assert "style:" not in capfd.readouterr().err
