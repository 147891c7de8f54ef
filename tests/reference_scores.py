"""Write the reference scores that `test_reference_scores.py` holds the code to.

`tests/data/reference_scores.json` holds two parts: every protocol on small random
checkpoints, written by version 0.3.0, and the built-in models on 200 pairs, keyed by
the SHA-256 of the weights. When a release changes them:

    python -m tests.reference_scores --built-in
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tests import tiny

FOLDER = Path(__file__).resolve().parent / "data"
SCORES = FOLDER / "reference_scores.json"
SENTENCES = FOLDER / "reference_sentences.tsv"
WEIGHTS = ("encoder.safetensors", "identifier.safetensors")

# Written for this file: spaced punctuation, several scripts, copies, repeats, a blank,
# an over-long text, a special token spelled out, and emoji.
PAIRS = [
    (
        "You are a silly fool , and everybody knows it .",
        "I think you are mistaken .",
        "You may be wrong .",
    ),
    (
        "Shut up! Nobody wants to hear it ( really ) ?",
        "Please be quiet ( really ) .",
        "Please stop talking.",
    ),
    (
        "What a load of garbage this article is!!!",
        "This article is not good.",
        "The article is weak.",
    ),
    ("the d*mn dog ran outside", "the dog ran outside", "the dog ran out"),
    ("He is a cl*wn and a liar", "He does not tell the truth", "He is not honest"),
    (
        "This article is not good.",
        "This article is not good.",
        "This article is not good.",
    ),
    ("same words", "Same Words", "other words"),
    ("same words", "Same Words", "other words"),
    (
        "Он очень глупый человек, честно говоря.",
        "Он неправ, честно говоря.",
        "Он ошибается.",
    ),
    (
        "Das ist doch Quatsch, du Trottel.",
        "Das ist nicht richtig.",
        "Das stimmt nicht.",
    ),
    ("这篇文章真的很糟糕。", "这篇文章不好。", "文章不太好。"),
    (
        "\"Quotes\" and 'apostrophes' can't be skipped",
        "Quotes can't be skipped",
        "Quotes matter",
    ),
    (
        "U.S.A. costs $5.00 ... you fool",
        "U.S.A. costs $5.00 ...",
        "It costs five dollars",
    ),
    ("ab", "a", "abc"),
    ("a", "ab", "a"),
    ("!!!", "!", "?"),
    ("🙂🙂 fine 🙂", "fine 🙂", "fine"),
    ("line one line two", "line one", "line two"),
    ("word " * 200, "long , " * 200, "word " * 190),
    ("some source", "", "some reference"),
    ("  spaces around  ", " spaces around", "spaces"),
    ("<pad> is a word", "a <pad> <mask> b", "</s>"),
    ("the trees are s*upid", "the puppy ran into the trees", "the trees are tall"),
    ("Nobody asked you, id*ot.", "Nobody asked.", "Nobody asked you."),
]


def checkpoints(root: Path) -> dict[str, dict[str, str]]:
    """Build the small models of each published protocol, as a Scorer's options."""
    style = tiny.roberta(root / "toxicity", labels=["neutral", "toxic"], seed=3)
    wieting = tiny.wieting(root / "wieting")
    cola = tiny.roberta(root / "cola", labels=["acceptable", "unacceptable"], seed=4)
    english = {"style_model": style, "content_model": wieting, "fluency_model": cola}
    sentence = tiny.sentence_transformer(root / "sentence")
    many = tiny.xlm_roberta(root / "many", labels=["neutral", "toxic"], seed=6)
    models = {
        "krishna2020": english,
        "emnlp2021": english,
        "paradetox2022": english,
        "textdetox2024": {"style_model": many, "content_model": sentence},
        "textdetox2025": {
            "style_model": many,
            "content_model": sentence,
            "fluency_model": tiny.xcomet(root / "xcomet"),
        },
        "pseudoparadetox2024": {
            **english,
            "content_model": tiny.bert(root / "bleurt", num_labels=1, seed=5),
        },
        "russe2022": {
            "style_model": tiny.bert(
                root / "russian", labels=["neutral", "toxic"], seed=8
            ),
            "content_model": tiny.bert(root / "pooler", head=False, seed=9),
            "fluency_model": tiny.bert(
                root / "corruption", labels=["unnatural", "natural"], seed=10
            ),
        },
    }
    return {
        name: {option: str(path) for option, path in given.items()}
        for name, given in models.items()
    }


def tiny_scores(root: Path) -> dict[str, dict[str, list[float]]]:
    """Score `PAIRS` by every published protocol on small checkpoints; per-segment
    columns by protocol.
    """
    from toxicity_j import Scorer

    sources, predictions, references = (
        list(column) for column in zip(*PAIRS, strict=True)
    )
    scores = {}
    for name, options in checkpoints(root).items():
        uses_references = name in ("krishna2020", "textdetox2024", "textdetox2025")
        given = references if uses_references else None
        scores[name] = (
            Scorer(name, device="cpu", **options)
            .score(predictions, sources, given)
            .as_lists()
        )
    return scores


def built_in_scores() -> dict[str, dict[str, list[float]]]:
    """Score the 200 pairs of `SENTENCES` by the built-in models; per-segment columns by
    style model.
    """
    from toxicity_j import Scorer

    rows = [
        line.split("\t") for line in SENTENCES.read_text(encoding="utf-8").splitlines()
    ]
    sources, predictions = (list(column) for column in zip(*rows, strict=True))
    encoder = Scorer("embedded", device="cpu").score(predictions, sources)
    identifier = Scorer("embedded", device="cpu", style_model="identifier").score(
        predictions
    )
    return {"embedded": encoder.as_lists(), "identifier": identifier.as_lists()}


def weights_digests() -> dict[str, str]:
    """Return the SHA-256 of each shipped weight file."""
    import toxicity_j
    from toxicity_j.builtin_weights import file_digest

    folder = Path(toxicity_j.__file__).parent
    return {name: file_digest(folder / name) for name in WEIGHTS}


def main() -> None:
    """Write the file; with `--built-in`, only the part that the shipped weights
    move.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--built-in",
        action="store_true",
        help="keep the scores of the small checkpoints",
    )
    arguments = parser.parse_args()
    written = json.loads(SCORES.read_text()) if SCORES.exists() else {}
    if not arguments.built_in:
        with tempfile.TemporaryDirectory() as folder:
            written["tiny"] = tiny_scores(Path(folder))
    written["weights"] = weights_digests()
    written["built_in"] = built_in_scores()
    SCORES.write_text(json.dumps(written, indent=0) + "\n")


if __name__ == "__main__":
    main()
