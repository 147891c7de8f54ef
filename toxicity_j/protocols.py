"""What each published J computes: one frozen record per protocol, with its sources.

A protocol says which texts a factor reads, which model reads them and how its output
becomes a number. Nothing here loads a model. Sources are public repositories, named
`owner/name: file`, and papers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .checks import check_choice
from .protocol_records import (
    ENCODER,
    IDENTIFIER,
    WIETING,
    Content,
    Fluency,
    Protocol,
    Style,
)

__all__ = [
    "ENCODER",
    "IDENTIFIER",
    "PROTOCOLS",
    "WIETING",
    "Content",
    "Fluency",
    "Protocol",
    "Style",
    "as_protocol",
    "get_protocol",
    "protocols",
]

# Formerly SkolkovoInstitute/roberta_toxicity_classifier: {0: neutral, 1: toxic}.
# CC-BY-NC-SA-4.0.
_ROBERTA_TOXICITY = "s-nlp/roberta_toxicity_classifier"
# The CoLA classifier of Krishna et al. 2020 converted from fairseq: class 0 is
# ACCEPTABLE, against most CoLA models.
_ROBERTA_COLA = "cointegrated/roberta-large-cola-krishna2020"
_LABSE = "sentence-transformers/LaBSE"

# As fairseq reads it in the scripts: ids cut at 512, after detokenizing.
_COLA_BY_FAIRSEQ = Fluency(
    _ROBERTA_COLA,
    "classifier",
    label=0,
    rule="argmax",
    detokenize=True,
    truncate_raw=True,
)

EMBEDDED = Protocol(
    name="embedded",
    use_when=(
        "you want numbers now, offline, on a CPU, for systems that you score yourself"
    ),
    source="this package, toxicity_j/MODEL_CARD.md",
    # Above .95 the order is noise to people (figures are in MODEL_CARD.md).
    style=Style(ENCODER, saturation=0.95),
    content=Content(ENCODER, "encoder"),
    fluency=Fluency(ENCODER, "encoder"),
    blank_is_zero=True,
)

# martiansideofthemoon/style-transfer-paraphrase:
# style_paraphrase/evaluation/scripts/{roberta_classify,acceptability,micro_eval}.py and
# get_paraphrase_similarity.py. Its task classifiers are not about toxicity, so that of
# the detoxification protocols stands in.
KRISHNA2020 = Protocol(
    name="krishna2020",
    use_when="you have several references and want J as it was first defined",
    source="https://arxiv.org/abs/2010.05700",
    style=Style(
        _ROBERTA_TOXICITY, label=1, rule="argmax", detokenize=True, truncate_raw=True
    ),
    content=Content(WIETING, "wieting", source_weight=0.0, reference_weight=1.0),
    fluency=_COLA_BY_FAIRSEQ,
    references="required",
)

# s-nlp/detox: emnlp2021/metric/metric.py. `--threshold` defaults to .8 and is compared
# with the raw logit; readlines() keeps the newline. Its command line reads the CoLA
# model with fairseq (do_cola_eval), which is followed here; do_cola_eval_transformers
# is not called.
EMNLP2021 = Protocol(
    name="emnlp2021",
    use_when="you compare with tables of Dale et al. 2021",
    source="https://arxiv.org/abs/2109.08914",
    style=Style(_ROBERTA_TOXICITY, label=1, rule="logit", logit_threshold=0.8),
    content=Content(WIETING, "wieting"),
    fluency=_COLA_BY_FAIRSEQ,
    newline=True,
)

# s-nlp/paradetox: evaluation_detox/metric.py and
# metric_tools/style_transfer_accuracy.py: argmax in place of the threshold;
# metric_tools/fluency.py: fairseq.
PARADETOX2022 = Protocol(
    name="paradetox2022",
    use_when="you compare with ParaDetox and the English papers that follow it",
    source="https://aclanthology.org/2022.acl-long.469",
    style=Style(_ROBERTA_TOXICITY, label=1, rule="argmax"),
    content=Content(WIETING, "wieting"),
    fluency=_COLA_BY_FAIRSEQ,
    newline=True,
)

# pan-webis-de/pan-code: clef24/text-detoxification/evaluate.py, main():
# style_target_label=0; CHRF() / 100 for the third factor.
TEXTDETOX2024 = Protocol(
    name="textdetox2024",
    use_when="you compare with the CLEF 2024 shared task, in any of its nine languages",
    source="https://pan.webis.de/clef24/pan24-web/text-detoxification.html",
    style=Style(
        "textdetox/xlmr-large-toxicity-classifier", label=0, label_is="neutral"
    ),
    content=Content(_LABSE, "sentence"),
    fluency=Fluency(None, "chrf"),
    references="required",
    languages=True,
)

# pan-webis-de/pan-code:
# clef25/text-detoxification/evaluation/metrics/{toxicity,similarity}.py: target_label
# 0, the tokenizer's name, the weights .4 and .6; metrics/fluency/xcomet.py.
TEXTDETOX2025 = Protocol(
    name="textdetox2025",
    use_when="you compare with the CLEF 2025 shared task, in any of its 15 languages",
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

# s-nlp/pseudoparadetox: src/utils/evaluate.py: all target labels 0, lines stripped;
# BLEURT's single logit goes through a sigmoid.
PSEUDOPARADETOX2024 = Protocol(
    name="pseudoparadetox2024",
    use_when="you compare with tables of PseudoParaDetox",
    source="https://aclanthology.org/2024.findings-emnlp.839",
    style=Style(_ROBERTA_TOXICITY, label=0, label_is="neutral"),
    content=Content("Elron/bleurt-large-128", "regression"),
    fluency=Fluency(_ROBERTA_COLA, "classifier", label=0),
    strip="all",
)

# s-nlp/russe_detox_2022: evaluation/ru_detoxification_metrics.py (slopes .90, 1.50 and
# 1.15, FL target label 1) and ru_detoxification_evaluation.py (style target label 0,
# predictions stripped). SkolkovoInstitute's models are s-nlp's now.
RUSSE2022 = Protocol(
    name="russe2022",
    use_when="you compare with the RUSSE 2022 shared task, in Russian",
    source="https://www.dialog-21.ru/media/5755/dementievadplusetal105.pdf",
    style=Style(
        "s-nlp/russian_toxicity_classifier", label=0, label_is="neutral", slope=0.90
    ),
    content=Content("cointegrated/LaBSE-en-ru", "pooler", slope=1.50),
    fluency=Fluency(
        "s-nlp/rubert-base-corruption-detector",
        "classifier",
        label=1,
        relative=True,
        slope=1.15,
    ),
    strip="predictions",
)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EMBEDDED, KRISHNA2020, EMNLP2021, PARADETOX2022,
        TEXTDETOX2024, TEXTDETOX2025, PSEUDOPARADETOX2024, RUSSE2022,
    )
}  # fmt: skip


def protocols() -> dict[str, Protocol]:
    """Return the named protocols, the default first."""
    return dict(PROTOCOLS)


def get_protocol(name: str) -> Protocol:
    """Return the protocol of that name.

    Raises:
        TypeError: `name` is not a string.
        ValueError: there is none; the names are listed.
    """
    check_choice("`protocol`", name, tuple(PROTOCOLS))
    return PROTOCOLS[name]


def as_protocol(value: Any) -> Protocol:
    """Return the protocol that a user means.

    Args:
        value: a name, a `Protocol` (also one of another copy of this package, such as
            `evaluate.load` imports), or a dict of its fields.

    Raises:
        TypeError: `value` is something else, or has an unknown field.
        ValueError: there is no protocol of that name, or a field is not valid.
    """
    if isinstance(value, Protocol):
        return value
    if isinstance(value, str):
        return get_protocol(value)
    if _is_protocol_of_another_copy(value):
        value = dataclasses.asdict(value)
    if not isinstance(value, Mapping):
        raise TypeError(
            "`protocol` must be a name, a Protocol or a dict of its fields; got"
            f" {value!r:.100}"
        )
    fields = dict(value)
    for role, record in (("style", Style), ("content", Content), ("fluency", Fluency)):
        if isinstance(fields.get(role), Mapping):
            fields[role] = _made(record, role, fields[role])
    protocol: Protocol = _made(Protocol, "protocol", fields)
    return protocol


def _is_protocol_of_another_copy(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and type(value).__name__ == "Protocol"


def _made(record: Any, argument: str, fields: Mapping[str, Any]) -> Any:
    """Make a record, with an error that names unknown and missing fields."""
    try:
        return record(**fields)
    except TypeError as error:
        names = [field.name for field in dataclasses.fields(record)]
        if set(fields) <= set(names) and "missing" not in str(error):
            raise
        expected = f"the fields of {record.__name__}, {', '.join(names)}"
        raise TypeError(f"`{argument}` must have {expected}: {error}") from error
