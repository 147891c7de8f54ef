"""What each published J computes: one frozen record per protocol, every quirk a field, a source beside every constant.

A protocol says which texts a factor reads, which model reads them and how its output becomes a number. Nothing here
loads a model. Sources are public repositories, named `owner/name: file`, and papers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Models that ship with this package, as values of `style_model`, `content_model` and `fluency_model`.
ENCODER = "encoder"
IDENTIFIER = "identifier"

# Where a protocol's SIM model is two files that a user has to fetch (its licence is not stated, so nobody mirrors it).
WIETING = "wieting"


@dataclass(frozen=True)
class Style:
    """STA, from the class probabilities of a toxicity classifier.

    Attributes:
        model: the classifier.
        label: index of the class the script reads; None where only a label's name decides.
        label_is: what that class means; "toxic" scores 1 - p[label] and "neutral" scores p[label] when soft.
        rule: "soft" is the probability of not being toxic, in [0, 1]; the others give 0 or 1: toxic when "argmax" is
            the toxic class, or when the toxic class's raw "logit" is above `logit_threshold`.
        logit_threshold: a logit, any real number; for the rule "logit".
        tokenizer: a model whose tokenizer is used in place of the classifier's own.
        detokenise: join punctuation to the word before (see `detokenise`).
        cut: over-long inputs are cut anywhere, the closing special token lost, as fairseq scripts do.
        relative: STA compares with the source and the references: max(1[p(ref) <= p(out)], (p(out) + 1[p(src) <=
            p(out)]) / 2).
        slope: calibration, clip((x - 1) * slope + 1, 0, 1).
    """

    model: str
    label: int | None = None
    label_is: Literal["toxic", "neutral"] = "toxic"
    rule: Literal["soft", "argmax", "logit"] = "soft"
    logit_threshold: float | None = None
    tokenizer: str | None = None
    detokenise: bool = False
    cut: bool = False
    relative: bool = False
    slope: float | None = None


@dataclass(frozen=True)
class Content:
    """SIM, the similarity of a prediction to its source, to its references, or to both.

    Attributes:
        model: the model.
        kind: "encoder" (built in), "wieting" (mean of subword embeddings), "sentence" (sentence-transformers), "pooler"
            (a transformer's pooled output), each but the first a cosine in [-1, 1]; "regression" is the sigmoid of a
            one-logit pair classifier, in [0, 1].
        source_weight: weight of the similarity to the source, in [0, 1].
        reference_weight: weight of the largest similarity to a reference, in [0, 1]; without references the source has
            all the weight.
        slope: calibration, clip((x - 1) * slope + 1, 0, 1).
    """

    model: str
    kind: Literal["encoder", "wieting", "sentence", "pooler", "regression"]
    source_weight: float = 1.0
    reference_weight: float = 0.0
    slope: float | None = None


@dataclass(frozen=True)
class Fluency:
    """FL, or whatever a protocol multiplies third.

    Attributes:
        model: the model; None for chrF.
        kind: "encoder" (built in), "classifier" (an acceptability classifier), "chrf" (sacrebleu's, over the
            references), "xcomet".
        label: index of the acceptable class.
        rule: "soft" is that class's probability, "argmax" is 1 when it is the largest.
        detokenise: as in `Style`.
        cut: as in `Style`.
        relative: min(0, p(out) - p(src)) + 1 in place of p(out).
        slope: as in `Style`.
    """

    model: str | None
    kind: Literal["encoder", "classifier", "chrf", "xcomet"]
    label: int | None = None
    rule: Literal["soft", "argmax"] = "soft"
    detokenise: bool = False
    cut: bool = False
    relative: bool = False
    slope: float | None = None


@dataclass(frozen=True)
class Protocol:
    """One J: the mean over segments of STA * SIM * FL.

    Attributes:
        name: what `evaluate.load(..., name)` and `Scorer(name)` take.
        use_when: one sentence for whoever chooses.
        source: where it was published.
        style: STA.
        content: SIM.
        fluency: FL.
        newline: every text ends in a newline, as the script's readlines() leaves it.
        strip: which texts lose surrounding white space first.
        references: whether human rewrites are used.
        languages: whether results are also given by language.
        blank_is_zero: a blank prediction has SIM 0 and FL 0, whatever the models say.
    """

    name: str
    use_when: str
    source: str
    style: Style
    content: Content
    fluency: Fluency
    newline: bool = False
    strip: Literal["none", "predictions", "all"] = "none"
    references: Literal["unused", "optional", "required"] = "unused"
    languages: bool = False
    blank_is_zero: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns without which there is no J."""
        sources = ("sources",) if self.content.source_weight > 0 else ()
        references = ("references",) if self.references == "required" else ()
        return ("predictions", *sources, *references)


# Formerly SkolkovoInstitute/roberta_toxicity_classifier: {0: neutral, 1: toxic}. CC-BY-NC-SA-4.0.
_ROBERTA_TOXICITY = "s-nlp/roberta_toxicity_classifier"
# The CoLA classifier of Krishna et al. 2020 converted from fairseq: class 0 is ACCEPTABLE, against most CoLA models.
_ROBERTA_COLA = "cointegrated/roberta-large-cola-krishna2020"
_LABSE = "sentence-transformers/LaBSE"

EMBEDDED = Protocol(
    name="embedded",
    use_when="you want numbers now, offline, on a CPU, and compare systems that you score yourself",
    source="this package, toxicity_j/MODEL_CARD.md",
    style=Style(ENCODER),
    content=Content(ENCODER, "encoder"),
    fluency=Fluency(ENCODER, "encoder"),
    blank_is_zero=True,
)

# martiansideofthemoon/style-transfer-paraphrase:
# style_paraphrase/evaluation/scripts/{roberta_classify,acceptability,micro_eval}.py and get_paraphrase_similarity.py.
# The classifiers cut ids at 512, both after detokenising; its task classifiers are not about toxicity, so the one of
# the detoxification protocols stands in.
KRISHNA2020 = Protocol(
    name="krishna2020",
    use_when="you have several references and want J as it was first defined",
    source="https://arxiv.org/abs/2010.05700",
    style=Style(_ROBERTA_TOXICITY, label=1, rule="argmax", detokenise=True, cut=True),
    content=Content(WIETING, "wieting", source_weight=0.0, reference_weight=1.0),
    fluency=Fluency(_ROBERTA_COLA, "classifier", label=0, rule="argmax", detokenise=True, cut=True),
    references="required",
)

# s-nlp/detox: emnlp2021/metric/metric.py. `--threshold` defaults to .8 and is compared with the raw logit; readlines()
# keeps the newline; --cola_classifier_path may be the fairseq folder or, by do_cola_eval_transformers, a transformers
# one, which is what is followed here.
EMNLP2021 = Protocol(
    name="emnlp2021",
    use_when="you compare with tables of Dale et al. 2021",
    source="https://arxiv.org/abs/2109.08914",
    style=Style(_ROBERTA_TOXICITY, label=1, rule="logit", logit_threshold=0.8),
    content=Content(WIETING, "wieting"),
    fluency=Fluency(_ROBERTA_COLA, "classifier", label=0, rule="argmax", detokenise=True),
    newline=True,
)

# s-nlp/paradetox: evaluation_detox/metric.py and metric_tools/style_transfer_accuracy.py: argmax in place of the
# threshold.
PARADETOX2022 = Protocol(
    name="paradetox2022",
    use_when="you compare with tables of ParaDetox and the English papers that follow it",
    source="https://aclanthology.org/2022.acl-long.469",
    style=Style(_ROBERTA_TOXICITY, label=1, rule="argmax"),
    content=Content(WIETING, "wieting"),
    fluency=Fluency(_ROBERTA_COLA, "classifier", label=0, rule="argmax", detokenise=True),
    newline=True,
)

# pan-webis-de/pan-code: clef24/text-detoxification/evaluate.py, main(): style_target_label=0; CHRF() / 100 for the
# third factor.
TEXTDETOX2024 = Protocol(
    name="textdetox2024",
    use_when="you compare with the CLEF 2024 shared task, in any of its nine languages",
    source="https://pan.webis.de/clef24/pan24-web/text-detoxification.html",
    style=Style("textdetox/xlmr-large-toxicity-classifier", label=0, label_is="neutral"),
    content=Content(_LABSE, "sentence"),
    fluency=Fluency(None, "chrf"),
    references="required",
    languages=True,
)

# pan-webis-de/pan-code: clef25/text-detoxification/evaluation/metrics/{toxicity,similarity}.py: target_label 0, the
# tokenizer's name, the weights .4 and .6; metrics/fluency/xcomet.py.
TEXTDETOX2025 = Protocol(
    name="textdetox2025",
    use_when="you compare with the CLEF 2025 shared task, in any of its fifteen languages",
    source="https://pan.webis.de/clef25/pan25-web/text-detoxification.html",
    style=Style(
        "textdetox/xlmr-large-toxicity-classifier-v2",
        label=0,
        label_is="neutral",
        tokenizer="cardiffnlp/twitter-xlm-roberta-large-2022",
        relative=True,
    ),
    content=Content(_LABSE, "sentence", source_weight=0.4, reference_weight=0.6),
    fluency=Fluency("myyycroft/XCOMET-lite", "xcomet"),
    references="optional",
    languages=True,
)

# s-nlp/pseudoparadetox: src/utils/evaluate.py: all target labels 0, lines stripped; BLEURT's single logit goes through
# a sigmoid.
PSEUDOPARADETOX2024 = Protocol(
    name="pseudoparadetox2024",
    use_when="you compare with tables of PseudoParaDetox",
    source="https://aclanthology.org/2024.findings-emnlp.839",
    style=Style(_ROBERTA_TOXICITY, label=0, label_is="neutral"),
    content=Content("Elron/bleurt-large-128", "regression"),
    fluency=Fluency(_ROBERTA_COLA, "classifier", label=0),
    strip="all",
)

# s-nlp/russe_detox_2022: evaluation/ru_detoxification_metrics.py (slopes .90, 1.50 and 1.15, FL target label 1) and
# ru_detoxification_evaluation.py (style target label 0, predictions stripped). SkolkovoInstitute's models are s-nlp's
# now.
RUSSE2022 = Protocol(
    name="russe2022",
    use_when="you compare with the RUSSE 2022 shared task, in Russian",
    source="https://www.dialog-21.ru/media/5755/dementievadplusetal105.pdf",
    style=Style("s-nlp/russian_toxicity_classifier", label=0, label_is="neutral", slope=0.90),
    content=Content("cointegrated/LaBSE-en-ru", "pooler", slope=1.50),
    fluency=Fluency("s-nlp/rubert-base-corruption-detector", "classifier", label=1, relative=True, slope=1.15),
    strip="predictions",
)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EMBEDDED,
        KRISHNA2020,
        EMNLP2021,
        PARADETOX2022,
        TEXTDETOX2024,
        TEXTDETOX2025,
        PSEUDOPARADETOX2024,
        RUSSE2022,
    )
}


def protocols() -> dict[str, Protocol]:
    """The named protocols, the default first."""
    return dict(PROTOCOLS)


def get_protocol(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        ValueError: there is none; the names are listed.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"`protocol` must be one of {', '.join(PROTOCOLS)}; got {name!r}")
    return PROTOCOLS[name]


def detokenise(text: str) -> str:
    """Joins punctuation to the word before it and "(" to the word after, in the order of the Krishna 2020 scripts."""
    for spaced, joined in ((" .", "."), (" ,", ","), (" !", "!"), (" ?", "?"), (" )", ")"), ("( ", "(")):
        text = text.replace(spaced, joined)
    return text
