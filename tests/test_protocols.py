"""Each published J on small checkpoints, recomputed here from logits and embeddings as
its script does it.

The expected values come from padded batches of plain transformers,
sentence-transformers and the slow Wieting look-up.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from tests.computed_plainly import pooled_cosine, sentence_cosine, slow_wieting
from tests.tiny import TEXTS
from toxicity_j.protocols import EMNLP2021, PROTOCOLS, get_protocol, protocols
from toxicity_j.scorer import Scorer
from toxicity_j.text import detokenize

SOURCES = [
    *TEXTS,
    "abc",
    "repeated text",
    "repeated text",
    "word " * 250,
    "some source",
    "toxic ( really ) .",
    "<pad> is <pad> a word",
]
PREDICTIONS = [
    *TEXTS[1:],
    TEXTS[0],
    "ab",
    "repeated text",
    "another",
    "long , " * 250,
    "",
    "( so ) what ?",
    "a <pad> <mask> [PAD] </s> b",
]
REFERENCES = [
    *TEXTS[2:],
    *TEXTS[:2],
    "abcd",
    "repeated text",
    "a third",
    "word " * 240,
    "some reference",
    "really",
    "</s>",
]
N = len(SOURCES)
BATCHES = (1, 7, None)


def classifier_logits(
    path: str, texts: list[str], *, cut: bool = False, tokenizer: str | None = None
) -> np.ndarray:
    """Logits from batches of eight in the order given, padded; over-long texts cut at
    512 as the scripts do.
    """
    return _logits(path, tuple(texts), cut, tokenizer)


@cache
def _logits(
    path: str, texts: tuple[str, ...], cut: bool, tokenizer: str | None
) -> np.ndarray:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer or path)
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    rows = []
    for start in range(0, len(texts), 8):
        batch = list(texts[start : start + 8])
        if cut:
            ids = [ids[:512] for ids in tokenizer(batch)["input_ids"]]
            inputs = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        else:
            inputs = tokenizer(
                batch,
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=512,
            )
        with torch.no_grad():
            rows.append(model(**inputs).logits)
    return torch.cat(rows).numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.softmax(torch.from_numpy(logits), -1).numpy()


def wieting_similarity(folder: str, first: list[str], second: list[str]) -> np.ndarray:
    vectors = [
        torch.stack([slow_wieting(folder, text) for text in texts])
        for texts in (first, second)
    ]
    return torch.nn.functional.cosine_similarity(*vectors).numpy()


def lines(texts: list[str]) -> list[str]:
    return [text + "\n" for text in texts]


def check(protocol, options: dict, columns: dict, *, sta, sim, fl):
    """Segment scores equal at every batch size, and J is their product."""
    for batch_size in BATCHES:
        segments = Scorer(
            protocol, device="cpu", batch_size=batch_size, **options
        ).score(**columns)
        for name, expected in (
            ("sta", sta),
            ("sim", sim),
            ("fl", fl),
            ("j", np.array(sta) * sim * fl),
        ):
            np.testing.assert_allclose(
                getattr(segments, name),
                expected,
                atol=1e-5,
                err_msg=f"{name}, batch {batch_size}",
            )
    return segments


COLUMNS = {"predictions": PREDICTIONS, "sources": SOURCES}


# --- The table


def test_the_default_comes_first_and_seven_are_published():
    assert list(protocols()) == list(PROTOCOLS)
    assert list(PROTOCOLS) == [
        "embedded",
        "krishna2020",
        "emnlp2021",
        "paradetox2022",
        "textdetox2024",
        "textdetox2025",
        "pseudoparadetox2024",
        "russe2022",
    ]
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        assert protocol.use_when
        assert protocol.source


def test_each_protocol_says_which_columns_it_needs():
    assert (
        PROTOCOLS["emnlp2021"].needs
        == PROTOCOLS["textdetox2025"].needs
        == ("predictions", "sources")
    )
    assert PROTOCOLS["krishna2020"].needs == ("predictions", "references")
    assert PROTOCOLS["textdetox2024"].needs == ("predictions", "sources", "references")


def test_unknown_protocol_lists_the_valid_ones():
    with pytest.raises(
        ValueError, match="embedded, krishna2020, .*russe2022; got 'emnlp'"
    ):
        get_protocol("emnlp")
    with pytest.raises(ValueError, match="got 'emnlp'"):
        Scorer("emnlp")


def test_a_protocol_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        EMNLP2021.newline = False


def test_detokenize_in_the_published_order():
    assert detokenize("well , ( yes ) ! ok ? no .") == "well, (yes)! ok? no."
    # " ." goes before " ,", and each replacement sees what the ones before it left
    assert detokenize("a  .,") == "a .,"
    assert detokenize("a ( ) b") == "a () b"
    assert detokenize("a ( . b") == "a (. b"


# --- The s-nlp family


def emnlp_expected(english, *, newline: bool = True):
    texts = lines(PREDICTIONS) if newline else PREDICTIONS
    logits = classifier_logits(english["style_model"], texts)
    sta = [1 - float(torch.tensor(value) > 0.8) for value in logits[:, 1]]
    sim = wieting_similarity(english["content_model"], SOURCES, PREDICTIONS)
    cola = classifier_logits(
        english["fluency_model"], [detokenize(text) for text in texts]
    )
    return logits, {"sta": sta, "sim": sim, "fl": 1 - cola.argmax(1)}


def test_emnlp2021(english):
    logits, expected = emnlp_expected(english)
    segments = check("emnlp2021", english, COLUMNS, **expected)
    assert 0 < sum(expected["sta"]) < N  # both outcomes occur
    assert 0 < sum(expected["fl"]) < N
    np.testing.assert_allclose(segments.p_toxic, softmax(logits)[:, 1], atol=1e-5)
    # a raw logit of .8 is neither a probability of .8 nor of .5: the three rules differ
    # on these texts
    assert (logits[:, 1] > 0.8).tolist() != (segments.p_toxic > 0.8).tolist()
    assert (logits[:, 1] > 0.8).tolist() != (segments.p_toxic > 0.5).tolist()
    np.testing.assert_array_equal(segments.nontoxic, expected["sta"])


def test_emnlp2021_soft_is_one_minus_the_softmax(english):
    logits, expected = emnlp_expected(english)
    check(
        "emnlp2021",
        {**english, "soft": True},
        COLUMNS,
        **{**expected, "sta": 1 - softmax(logits)[:, 1]},
    )


def test_the_newline_is_a_token_and_a_switch(english):
    with_newline, expected = emnlp_expected(english)
    without, expected_without = emnlp_expected(english, newline=False)
    assert abs(with_newline - without).max() > 0.1
    assert get_protocol("emnlp2021").newline
    assert get_protocol("paradetox2022").newline
    segments = check(
        "emnlp2021", {**english, "newline": False}, COLUMNS, **expected_without
    )
    assert "|newline:no|" in segments.signature
    # texts that come with their newline, as from readlines(), get no second one
    given = {name: lines(texts) for name, texts in COLUMNS.items()}
    segments = check("emnlp2021", english, given, **expected)
    assert "|newline:yes|" in segments.signature


def test_paradetox2022_takes_the_argmax(english):
    logits, expected = emnlp_expected(english)
    expected["sta"] = 1 - logits.argmax(1)
    assert expected["sta"].tolist() != [
        1 - float(value > 0.8) for value in logits[:, 1]
    ]
    segments = check("paradetox2022", english, COLUMNS, **expected)
    np.testing.assert_array_equal(segments.nontoxic, expected["sta"])


def test_krishna2020_takes_the_nearest_reference_and_cuts_ids(english):
    detokenized = [detokenize(text) for text in PREDICTIONS]
    sta = 1 - classifier_logits(english["style_model"], detokenized, cut=True).argmax(1)
    fl = 1 - classifier_logits(english["fluency_model"], detokenized, cut=True).argmax(
        1
    )
    references = [
        [a, b, "a third one"] for a, b in zip(REFERENCES, SOURCES, strict=True)
    ]
    columns = [[item[place] for item in references] for place in range(3)]
    each = np.array(
        [
            wieting_similarity(english["content_model"], PREDICTIONS, column)
            for column in columns
        ]
    )
    assert set(each.argmax(0).tolist()) == {0, 1, 2}
    check(
        "krishna2020",
        english,
        {**COLUMNS, "references": references},
        sta=sta,
        sim=each.max(0),
        fl=fl,
    )
    # one string or a list of one are the same, and sources are not read
    for given in (REFERENCES, [[text] for text in REFERENCES]):
        check(
            "krishna2020",
            english,
            {"predictions": PREDICTIONS, "references": given},
            sta=sta,
            sim=each[0],
            fl=fl,
        )


def test_krishna2020_j_is_sim_where_both_hold(english):
    segments = Scorer("krishna2020", device="cpu", **english).score(
        PREDICTIONS, references=REFERENCES
    )
    both = (segments.sta == 1) & (segments.fl == 1)
    assert 0 < both.sum() < N
    np.testing.assert_array_equal(segments.j, np.where(both, segments.sim, 0))


def test_cutting_ids_loses_the_closing_token(english):
    long = ["word " * 250]
    assert (
        abs(
            classifier_logits(english["fluency_model"], long)
            - classifier_logits(english["fluency_model"], long, cut=True)
        ).max()
        > 1e-4
    )


def test_pseudoparadetox2024_strips_and_is_soft(english, checkpoints):
    bleurt = checkpoints("bert", "bleurt", num_labels=1, seed=5)
    spaced = {
        name: [f" \t{text} \n" for text in texts] for name, texts in COLUMNS.items()
    }
    stripped = [text.strip() for text in PREDICTIONS]
    sta = softmax(classifier_logits(english["style_model"], stripped))[:, 0]
    fl = softmax(classifier_logits(english["fluency_model"], stripped))[:, 0]
    sim = pair_logits(bleurt, [text.strip() for text in SOURCES], stripped)
    options = {**english, "content_model": bleurt}
    for columns in (COLUMNS, spaced):
        check(
            "pseudoparadetox2024",
            options,
            columns,
            sta=sta,
            sim=1 / (1 + np.exp(-sim)),
            fl=fl,
        )


def pair_logits(path: str, first: list[str], second: list[str]) -> np.ndarray:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    inputs = AutoTokenizer.from_pretrained(path)(
        first,
        second,
        return_tensors="pt",
        padding=True,
        truncation=True,
        max_length=512,
    )
    with torch.no_grad():
        return (
            AutoModelForSequenceClassification.from_pretrained(path)
            .eval()(**inputs)
            .logits[:, 0]
            .numpy()
        )


# --- The shared tasks


@pytest.fixture(scope="module")
def multilingual(checkpoints):
    return {
        "style_model": checkpoints("xlm_roberta", "textdetox", seed=6),
        "content_model": checkpoints("sentence_transformer"),
    }


def sentence_chrf(references: list[list[str]]) -> np.ndarray:
    from sacrebleu import CHRF

    return np.array(
        [
            CHRF().sentence_score(a, b).score / 100
            for a, b in zip(PREDICTIONS, references, strict=True)
        ]
    )


@pytest.mark.parametrize("labels", [None, ("neutral", "toxic")])
def test_textdetox2024(multilingual, checkpoints, labels):
    style = checkpoints("xlm_roberta", f"textdetox{labels}", labels=labels, seed=6)
    sta = softmax(classifier_logits(style, PREDICTIONS))[:, 0]
    sim = sentence_cosine(multilingual["content_model"], SOURCES, PREDICTIONS)
    fl = sentence_chrf([[text] for text in REFERENCES])
    options = {**multilingual, "style_model": style}
    check(
        "textdetox2024",
        options,
        {**COLUMNS, "references": REFERENCES},
        sta=sta,
        sim=sim,
        fl=fl,
    )


def test_textdetox2024_counts_the_best_of_three_references(multilingual):
    three = [[a, b, "three"] for a, b in zip(REFERENCES, SOURCES, strict=True)]
    segments = Scorer("textdetox2024", device="cpu", **multilingual).score(
        PREDICTIONS, SOURCES, three
    )
    each = [sentence_chrf([[item[place]] for item in three]) for place in range(3)]
    np.testing.assert_allclose(segments.fl, np.max(each, axis=0), atol=1e-9)
    assert "|references:3|" in segments.signature


def test_textdetox2024_takes_a_single_logit_for_the_neutral_class(
    multilingual, checkpoints
):
    style = checkpoints("xlm_roberta", "one_neutral", labels=["neutral"], seed=7)
    logit = classifier_logits(style, PREDICTIONS)[:, 0]
    segments = Scorer(
        "textdetox2024", device="cpu", **{**multilingual, "style_model": style}
    ).score(PREDICTIONS)
    np.testing.assert_allclose(segments.sta, 1 / (1 + np.exp(-logit)), atol=1e-5)


def test_textdetox2024_without_references_is_an_error(multilingual):
    scorer = Scorer("textdetox2024", device="cpu", **multilingual)
    with pytest.raises(
        ValueError, match="`references` must be given for the protocol 'textdetox2024'"
    ):
        scorer.score(PREDICTIONS, SOURCES)
    assert scorer.score(PREDICTIONS).sim is None  # STA alone needs none


def textdetox2025_expected(
    multilingual, xcomet: str, references: list[list[str]] | None, tokenizer=None
):
    from toxicity_j.model_xcomet import Xcomet

    def neutral(texts):
        return softmax(
            classifier_logits(multilingual["style_model"], texts, tokenizer=tokenizer)
        )[:, 0]

    path = multilingual["content_model"]
    out, src, sim = (
        neutral(PREDICTIONS),
        neutral(SOURCES),
        sentence_cosine(path, SOURCES, PREDICTIONS),
    )
    # one text always has one probability; a batch's padding would move its last digits
    same = np.array([a == b for a, b in zip(SOURCES, PREDICTIONS, strict=True)])
    sta = (out + ((src <= out) | same)) / 2
    for place in range(len(references[0]) if references else 0):
        column = [item[place] for item in references]
        same = np.array([a == b for a, b in zip(column, PREDICTIONS, strict=True)])
        sta = np.maximum(sta, (neutral(column) <= out) | same)
    if references:
        each = [
            sentence_cosine(path, [item[place] for item in references], PREDICTIONS)
            for place in range(len(references[0]))
        ]
        sim = 0.4 * sim + 0.6 * np.max(each, axis=0)
    return {
        "sta": sta,
        "sim": sim,
        "fl": (
            Xcomet(xcomet, device="cpu").score(PREDICTIONS, SOURCES, references).values
        ),
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_textdetox2025_is_relative_and_falls_back_without_references(
    multilingual, checkpoints, count
):
    xcomet = checkpoints("xcomet")
    references = (
        [[a, b, "three"][:count] for a, b in zip(REFERENCES, SOURCES, strict=True)]
        if count
        else None
    )
    expected = textdetox2025_expected(multilingual, xcomet, references)
    columns = {**COLUMNS, "references": references}
    segments = check(
        "textdetox2025", {**multilingual, "fluency_model": xcomet}, columns, **expected
    )
    assert f"|references:{count or 'no'}|" in segments.signature
    if count == 0:  # the script's second term alone: in [0, 1], 1 only for certainty
        assert (segments.sta < 1).all()
    np.testing.assert_array_equal(segments.nontoxic, segments.p_toxic <= 0.5)


def test_textdetox2025_uses_the_tokenizer_of_another_model(multilingual, checkpoints):
    assert (
        get_protocol("textdetox2025").style.tokenizer
        == "cardiffnlp/twitter-xlm-roberta-large-2022"
    )
    # Its ids lie below the other vocabulary's size.
    other = checkpoints("bert", "other-tokenizer")
    options = {**multilingual, "fluency_model": checkpoints("xcomet")}
    plain = Scorer("textdetox2025", device="cpu", **options).score(PREDICTIONS)
    swapped = Scorer(
        "textdetox2025", device="cpu", **options, style_tokenizer=other
    ).score(PREDICTIONS)
    expected = softmax(
        classifier_logits(multilingual["style_model"], PREDICTIONS, tokenizer=other)
    )[:, 0]
    np.testing.assert_allclose(1 - swapped.p_toxic, expected, atol=1e-5)
    assert abs(swapped.p_toxic - plain.p_toxic).max() > 0.01
    assert swapped.signature != plain.signature


def test_textdetox2025_of_a_duplicate_is_one(multilingual, checkpoints):
    # The organisers' check: a submission scored against itself and its source has STA 1
    # and SIM 1.
    scorer = Scorer(
        "textdetox2025",
        device="cpu",
        fluency_model=checkpoints("xcomet"),
        **multilingual,
    )
    segments = scorer.score(SOURCES, SOURCES, SOURCES)
    np.testing.assert_array_equal(segments.sta, 1)
    np.testing.assert_allclose(segments.sim, 1, atol=1e-5)


@pytest.mark.parametrize("protocol", ["textdetox2024", "textdetox2025"])
def test_languages_are_reported_apart(multilingual, checkpoints, protocol):
    options = (
        {"fluency_model": checkpoints("xcomet")} if protocol == "textdetox2025" else {}
    )
    scorer = Scorer(protocol, device="cpu", **multilingual, **options)
    languages = ["de" if place % 3 else "am" for place in range(N)]
    columns = {**COLUMNS, "references": REFERENCES, "languages": languages}
    segments = scorer.score(**columns)
    scores = segments.corpus()
    german = [place for place in range(N) if languages[place] == "de"]
    assert scores["languages"]["de"]["j"] == pytest.approx(segments.j[german].mean())
    assert scores["languages"]["de"]["n"] == len(german)
    assert scores["macro"]["sta"] == pytest.approx(
        np.mean([scores["languages"][key]["sta"] for key in ("am", "de")])
    )
    assert scores["signature"].endswith("|languages:am,de")
    assert scores["j"] == pytest.approx(segments.j.mean())


def test_russe2022_calibrates_and_clips(checkpoints):
    style = checkpoints("bert", "russian", labels=["neutral", "toxic"], seed=8)
    pooler = checkpoints("bert", "russian-pooler", head=False, seed=9)
    # Stripped by the script; sources are not.
    predictions = [f"  {text}\n" for text in PREDICTIONS]
    stripped = [text.strip() for text in predictions]
    style_raw = softmax(classifier_logits(style, stripped))[:, 0]
    sim_raw = pooled_cosine(pooler, SOURCES, stripped)
    # A tokenizer trained anew is not the same each time; some seed gives a loss that is
    # clipped at 0.
    for seed in range(10, 40):
        fluency = checkpoints("bert", f"corruption-{seed}", seed=seed)
        before, after = (
            softmax(classifier_logits(fluency, column))[:, 1]
            for column in (SOURCES, stripped)
        )
        lost = np.minimum(0, after - before)
        if (lost < -1 / 1.15).any():
            break
    assert (lost < -1 / 1.15).any()
    assert (lost == 0).any()
    segments = check(
        "russe2022",
        {"style_model": style, "content_model": pooler, "fluency_model": fluency},
        {"predictions": predictions, "sources": SOURCES},
        sta=np.clip((style_raw - 1) * 0.9 + 1, 0, 1),
        sim=np.clip((sim_raw - 1) * 1.5 + 1, 0, 1),
        fl=np.clip(1.15 * lost + 1, 0, 1),
    )
    assert segments.sta.min() >= 0.1 - 1e-6  # .9 is the slope: nothing falls below .1
    np.testing.assert_allclose(segments.p_toxic, 1 - style_raw, atol=1e-5)


# --- What a user may change


def test_a_custom_protocol_is_named_by_its_digest(english):
    custom = replace(EMNLP2021, style=replace(EMNLP2021.style, logit_threshold=0.2))
    segments = Scorer(custom, device="cpu", **english).score(PREDICTIONS)
    expected = 1 - (
        classifier_logits(english["style_model"], lines(PREDICTIONS))[:, 1] > 0.2
    )
    np.testing.assert_array_equal(segments.sta, expected)
    assert segments.signature.startswith("j:custom@")
