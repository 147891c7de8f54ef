"""The Metric as users load it: `evaluate.load` on the folder, from elsewhere, with the
built-in models.
"""

from __future__ import annotations

import json
import multiprocessing
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import evaluate
import numpy as np
import pytest
from datasets.fingerprint import Hasher

ROOT = Path(__file__).resolve().parents[1]
FOLDER = str(ROOT / "toxicity_j")

SOURCES = [
    "Shut up, you d*mn fool, the train leaves at nine.",
    "This stupid soup tastes like garbage.",
    "Your idiotic plan will cost us the garden.",
    "Nobody wants your cr*p advice about my bike.",
]
PREDICTIONS = [
    "Please be quiet, the train leaves at nine.",
    "This soup does not taste good.",
    "Your plan will cost us the garden.",
    "Nobody asked for advice about bike my the.",
]
KEYS = {"sta", "nontoxic_share", "sim", "fl", "j", "n", "signature"}


@pytest.fixture(scope="module")
def metric():
    return evaluate.load(FOLDER)


@pytest.fixture(scope="module")
def expected(metric):
    return metric.compute(predictions=PREDICTIONS, sources=SOURCES, per_segment=True)


def run(code: str, cwd: Path, *, installed: bool = False) -> dict:
    """Runs code in a new process in which no `toxicity_j` package can be found; it
    prints one JSON object last.
    """
    hide = "" if installed else "import sys; sys.modules['toxicity_j'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", hide + code],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_main_script_names_every_sibling_that_a_load_needs():
    # evaluate.load copies what the main script itself imports, and follows no sibling's
    # imports.
    folder, pattern = Path(FOLDER), re.compile(r"^from \.(\w+) import", re.MULTILINE)
    named = set(pattern.findall((folder / "toxicity_j.py").read_text()))
    needed = {
        other
        for name in named
        for other in pattern.findall((folder / f"{name}.py").read_text())
    }
    assert needed <= named


def test_result_keys_and_types(expected):
    assert set(expected) == KEYS | {"segments"}
    assert expected["n"] == 4
    for key in ("sta", "nontoxic_share", "sim", "fl", "j"):
        assert type(expected[key]) is float
        assert 0 <= expected[key] <= 1
    assert type(expected["signature"]) is str
    assert json.loads(json.dumps(expected)) == expected


def test_j_is_the_mean_of_products_exactly(expected):
    segments = expected["segments"]
    products = [
        a * b * c
        for a, b, c in zip(
            segments["sta"], segments["sim"], segments["fl"], strict=True
        )
    ]
    assert segments["j"] == products
    assert expected["j"] == pytest.approx(sum(products) / 4, abs=1e-12)
    product_of_means = expected["sta"] * expected["sim"] * expected["fl"]
    assert expected["j"] != pytest.approx(product_of_means, abs=1e-9)
    for key in ("sta", "sim", "fl"):
        assert expected[key] == pytest.approx(sum(segments[key]) / 4, abs=1e-12)


def test_segments_make_a_dataset(expected):
    assert set(expected["segments"]) == {"sta", "sim", "fl", "j", "p_toxic"}
    assert datasets.Dataset.from_dict(expected["segments"]).num_rows == 4


def test_predictions_alone_give_style_alone(metric, expected):
    scores = metric.compute(predictions=PREDICTIONS)
    assert set(scores) == {"sta", "nontoxic_share", "n", "signature"}
    assert scores["sta"] == pytest.approx(expected["sta"], abs=1e-6)


@pytest.mark.parametrize("folder", ["toxicity_j", FOLDER])
def test_each_way_to_name_the_folder_loads_without_an_installed_package(
    folder, expected, tmp_path
):
    cwd = tmp_path if Path(folder).is_absolute() else ROOT
    code = f"""
import json
import evaluate
columns = {{"predictions": {PREDICTIONS!r}, "sources": {SOURCES!r}, "per_segment": True}}
paths = [{folder!r}, {folder!r} + "/toxicity_j.py"]
print(json.dumps([evaluate.load(path).compute(**columns) for path in paths]))
"""
    for scores in run(code, cwd):
        assert scores["signature"] == expected["signature"]
        expected_j = expected["segments"]["j"]
        assert scores["segments"]["j"] == pytest.approx(expected_j, abs=1e-5)


def test_the_package_gives_the_same_as_evaluate(expected):
    import toxicity_j

    scores = toxicity_j.load().compute(predictions=PREDICTIONS, sources=SOURCES)
    assert scores == {
        key: value for key, value in expected.items() if key != "segments"
    }
    assert toxicity_j.load("paradetox2022").config_name == "paradetox2022"


def test_the_scorer_never_imports_evaluate(tmp_path):
    code = f"""
import json, sys
sys.path.insert(0, {str(ROOT)!r})
from toxicity_j import Scorer
scores = Scorer().score({PREDICTIONS!r}, {SOURCES!r})
heavy = ("evaluate", "datasets", "transformers")
seen = [name for name in heavy if name in sys.modules]
print(json.dumps(dict(j=scores.as_lists()["j"], seen=seen)))
"""
    assert run(code, tmp_path, installed=True)["seen"] == []


def test_add_and_add_batch_store_until_compute(metric, expected):
    metric.add(prediction=PREDICTIONS[0], source=SOURCES[0])
    metric.add(predictions=PREDICTIONS[1], sources=SOURCES[1])
    metric.add_batch(predictions=PREDICTIONS[2:3], sources=SOURCES[2:3])
    scores = metric.compute(
        predictions=PREDICTIONS[3:], sources=SOURCES[3:], per_segment=True
    )
    assert scores["n"] == 4
    assert scores["segments"]["j"] == pytest.approx(expected["segments"]["j"], abs=1e-6)
    assert not list(Path(metric.data_dir).glob("*.arrow"))
    with pytest.raises(ValueError, match="`predictions` must be given to compute"):
        metric.compute()


@pytest.mark.parametrize(
    "names", [("prediction", "predictions"), ("sources", "source")]
)
def test_a_column_of_one_segment_is_given_by_one_name(metric, names):
    segment = {"prediction": "a", "source": "b", **dict.fromkeys(names, "c")}
    with pytest.raises(TypeError, match="is another name of .*; give one of them"):
        metric.add(**segment)
    assert len(metric) == 0


def test_keep_in_memory(expected, tmp_path):
    metric = evaluate.load(FOLDER, keep_in_memory=True, cache_dir=str(tmp_path))
    for _ in range(2):
        metric.add_batch(predictions=PREDICTIONS, sources=SOURCES)
        assert metric.compute()["j"] == pytest.approx(expected["j"], abs=1e-6)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_save_and_combine(metric, expected, tmp_path):
    saved = evaluate.save(
        tmp_path, **{key: value for key, value in expected.items() if key != "segments"}
    )
    assert json.loads(Path(saved).read_text())["j"] == expected["j"]
    both = evaluate.combine([metric, evaluate.load(FOLDER, style_model="identifier")])
    both.add(prediction=PREDICTIONS[0], reference=None, sources=SOURCES[0])
    both.add_batch(predictions=PREDICTIONS[1:], references=None, sources=SOURCES[1:])
    scores = both.compute()
    assert scores["toxicity_j_0_j"] == pytest.approx(expected["j"], abs=1e-6)
    assert 0 <= scores["toxicity_j_1_j"] <= 1


def test_the_text_generation_evaluator_scores_what_a_model_writes(metric, tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = {
        word: index
        for index, word in enumerate(
            ["<unk>", "the", "train", "soup", "is", "late", "cold"]
        )
    }
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        pad_token="<unk>",
        eos_token="<unk>",
    )
    fast.save_pretrained(tmp_path)
    GPT2LMHeadModel(
        GPT2Config(
            vocab_size=7,
            n_positions=64,
            n_embd=8,
            n_layer=1,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).save_pretrained(tmp_path)
    data = datasets.Dataset.from_dict({"text": ["the train", "the soup is"]})
    scores = evaluate.evaluator("text-generation").compute(
        model_or_pipeline=str(tmp_path), data=data, metric=metric
    )
    assert 0 <= scores["sta"] <= 1


def _share(args: tuple[int, str]) -> dict | None:
    process_id, cache = args
    part = evaluate.load(
        FOLDER,
        num_process=2,
        process_id=process_id,
        experiment_id="two",
        cache_dir=cache,
    )
    half = slice(process_id * 2, process_id * 2 + 2)
    return part.compute(predictions=PREDICTIONS[half], sources=SOURCES[half])


def test_two_processes_share_one_corpus(expected, tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(
            _share, [(0, str(tmp_path)), (1, str(tmp_path))], chunksize=1
        )
    assert second is None
    assert first["n"] == 4
    assert first["j"] == pytest.approx(expected["j"], abs=1e-6)


def test_four_threads_share_one_metric(metric, expected):
    with ThreadPoolExecutor(4) as pool:
        results = list(
            pool.map(
                lambda _: metric.compute(predictions=PREDICTIONS, sources=SOURCES)["j"],
                range(12),
            )
        )
    assert results == pytest.approx([expected["j"]] * 12, abs=1e-6)


def test_pickling_keeps_options_and_refuses_to_lose_segments(metric, expected):
    copy = pickle.loads(pickle.dumps(evaluate.load(FOLDER, threshold=0.25)))
    assert "threshold:.25|" in copy.compute(predictions=PREDICTIONS)["signature"]
    metric.add(prediction="kept", source="kept")
    with pytest.raises(ValueError, match="stores 1 segments cannot be pickled"):
        pickle.dumps(metric)
    assert metric.compute()["n"] == 1


def test_the_fingerprint_is_the_same_in_another_process(tmp_path):
    code = (
        "import evaluate, json\nfrom datasets.fingerprint import Hasher\n"
        f"print(json.dumps({{'hash': Hasher.hash(evaluate.load({FOLDER!r}))}}))"
    )
    here = Hasher.hash(evaluate.load(FOLDER))
    assert run(code, tmp_path)["hash"] == here


@pytest.mark.parametrize("num_proc", [None, 2])
def test_map_adds_the_scores_as_columns(metric, expected, num_proc):
    data = datasets.Dataset.from_dict({"p": PREDICTIONS, "s": SOURCES})
    scored = data.map(
        metric, batched=True, batch_size=2, input_columns=["p", "s"], num_proc=num_proc
    )
    assert set(scored.column_names) == {"p", "s", "sta", "sim", "fl", "j", "p_toxic"}
    assert list(scored["j"]) == pytest.approx(expected["segments"]["j"], abs=1e-5)


def test_map_on_an_iterable_dataset(metric, expected):
    stream = datasets.Dataset.from_dict(
        {"p": PREDICTIONS, "s": SOURCES}
    ).to_iterable_dataset()
    rows = list(
        stream.map(metric, batched=True, batch_size=3, input_columns=["p", "s"])
    )
    assert [row["j"] for row in rows] == pytest.approx(
        expected["segments"]["j"], abs=1e-5
    )


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_no_score_depends_on_batch_size_or_order(expected, batch_size):
    metric = evaluate.load(FOLDER, batch_size=batch_size)
    order = [2, 0, 3, 1]
    scores = metric.compute(
        predictions=[PREDICTIONS[i] for i in order],
        sources=[SOURCES[i] for i in order],
        per_segment=True,
    )
    for key, column in scores["segments"].items():
        assert column == pytest.approx(
            [expected["segments"][key][i] for i in order], abs=1e-5
        )
    assert scores["signature"] == expected["signature"]


def test_odd_texts_are_scored(metric):
    odd = [
        "",
        " \t",
        "x" * 1_000_000,
        "\x00\x01 control",
        "😀😀",
        "日本語の文",
        "שלום עולם",
        "same",
    ]
    segments = metric.compute(
        predictions=odd, sources=["a source"] * 7 + ["same"], per_segment=True
    )["segments"]
    assert segments["sim"][:2] == segments["fl"][:2] == segments["j"][:2] == [0.0, 0.0]
    assert segments["sim"][7] == 1.0
    assert np.isfinite([segments[key] for key in segments]).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"predictions": "ab"}, TypeError, "`predictions` must be a list"),
        ({"predictions": ["a", None]}, TypeError, "`predictions` .*item 1 is None"),
        ({"predictions": ["a", 3]}, TypeError, "`predictions` .*item 1 is int 3"),
        ({"predictions": []}, ValueError, "`predictions` must hold at least one text"),
        (
            {"predictions": ["a"], "sources": ["a", "b"]},
            ValueError,
            "`sources` .*got 2 items for 1",
        ),
        (
            {"predictions": ["a"], "sources": [None]},
            TypeError,
            "`sources` .*item 0 is None",
        ),
        ({"predictions": ["\udc00"]}, ValueError, "lone surrogate"),
        ({"sources": ["a"]}, ValueError, "`predictions` must be given with `sources`"),
        ({"predictions": ["a"], "data": ["a"]}, ValueError, "`data` is another name"),
        (
            {"predictions": ["a"], "source": ["a"]},
            TypeError,
            "unknown argument .*`source`; did you mean `sources`",
        ),
    ],
)
def test_bad_columns_are_named_and_the_metric_stays_usable(
    metric, arguments, error, message
):
    with pytest.raises(error, match=message):
        metric.compute(**arguments)
    with pytest.raises(error, match=message.replace("compute", "add_batch")):
        metric.add_batch(**arguments)
    assert len(metric) == 0
    assert metric.compute(predictions=["a"])["n"] == 1


def test_languages_are_given_to_one_call_where_the_protocol_does_not_store_them(metric):
    scores = metric.compute(predictions=PREDICTIONS, languages=["en", "de", "en", "de"])
    assert list(scores["languages"]) == ["de", "en"]
    with pytest.raises(
        ValueError,
        match="`languages` is not stored .* give all columns to one call of compute",
    ):
        metric.add_batch(predictions=["a"], languages=["en"])
    assert len(metric) == 0


def test_sources_for_some_items_only_are_rejected_and_the_others_stay(tmp_path):
    metric = evaluate.load(FOLDER, cache_dir=str(tmp_path))
    message = "`sources` must be given for every item or for none; "
    metric.add_batch(predictions=["a"], sources=["b"])
    with pytest.raises(ValueError, match=f"{message}the items stored before have it"):
        metric.add_batch(predictions=["c"])
    with pytest.raises(ValueError, match=f"{message}it is missing for item 1"):
        metric.compute(predictions=["c"])
    assert metric.compute()["n"] == 1
    assert not list(tmp_path.rglob("*.arrow"))
    # After a success the columns may be others.
    metric.add(prediction="a")
    with pytest.raises(ValueError, match=f"{message}the items stored before lack it"):
        metric.add(prediction="a", source="b")
    assert metric.compute()["n"] == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"style_modle": "identifier"},
            TypeError,
            "unknown option `style_modle`; did you mean `style_model`",
        ),
        ({"config_name": "paradetox"}, ValueError, "paradetox2022"),
        ({"threshold": 2.0}, ValueError, "`threshold`"),
        ({"batch_size": 0}, ValueError, "`batch_size`"),
        ({"device": "warp"}, ValueError, "`device`"),
        ({"dtype": "float7"}, ValueError, "`dtype`"),
    ],
)
def test_bad_options_are_named_at_load_time(options, error, message):
    with pytest.raises(error, match=message):
        evaluate.load(FOLDER, **options)


def test_references_are_ignored_with_one_warning_where_unused(metric, expected, caplog):
    with caplog.at_level("WARNING"):
        scores = metric.compute(
            predictions=PREDICTIONS,
            sources=SOURCES,
            references=[[p] for p in PREDICTIONS],
        )
    assert scores["j"] == pytest.approx(expected["j"], abs=1e-6)
    assert sum("`references`" in record.getMessage() for record in caplog.records) == 1
