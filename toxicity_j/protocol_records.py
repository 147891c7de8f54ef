"""The records that a protocol consists of, checked when they are made. Nothing here
loads a model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from .checks import check_choice, check_flag, check_number, check_text, check_whole

# Models that ship with this package, as values of `style_model`, `content_model` and
# `fluency_model`.
ENCODER = "encoder"
IDENTIFIER = "identifier"

# Where a protocol's SIM model is two files that a user has to fetch (its licence is not
# stated, so nobody mirrors it).
WIETING = "wieting"


STYLE_RULES = ("soft", "argmax", "logit")
CONTENT_KINDS = (ENCODER, "wieting", "sentence", "pooler", "regression")
FLUENCY_KINDS = (ENCODER, "classifier", "chrf", "xcomet")


@dataclass(frozen=True)
class Style:
    """STA, from the class probabilities of a toxicity classifier.

    Attributes:
        model: the classifier.
        label: index of the class the script reads; None where only a label's name
            decides.
        label_is: what that class means; "toxic" scores 1 - p[label] and "neutral"
            scores p[label] when soft.
        rule: "soft" is the probability of not being toxic, in [0, 1]; the others give 0
            or 1: toxic when "argmax" is the toxic class, or when the toxic class's raw
            "logit" is above `logit_threshold`.
        logit_threshold: a logit, any real number; for the rule "logit".
        tokenizer: a model whose tokenizer is used in place of the classifier's own.
        detokenize: join punctuation to the word before (see `detokenize`).
        truncate_raw: over-long inputs are cut anywhere, the closing special token lost,
            as fairseq scripts do.
        relative: STA compares with the source and the references: max(1[p(ref) <=
            p(out)], (p(out) + 1[p(src) <= p(out)]) / 2).
        slope: rescaling, clip((x - 1) * slope + 1, 0, 1).
        saturation: STA is min(p, s) / s with s in (0, 1]: a probability of not being
            toxic of s or more scores 1.

    Raises:
        TypeError: a field has the wrong type.
        ValueError: a field's value is not valid, or does not go with another's.
    """

    model: str
    label: int | None = None
    label_is: Literal["toxic", "neutral"] = "toxic"
    rule: Literal["soft", "argmax", "logit"] = "soft"
    logit_threshold: float | None = None
    tokenizer: str | None = None
    detokenize: bool = False
    truncate_raw: bool = False
    relative: bool = False
    slope: float | None = None
    saturation: float | None = None

    def __post_init__(self) -> None:
        check_text("`model` of Style", self.model)
        _check_label(self)
        check_choice("`label_is` of Style", self.label_is, ("toxic", "neutral"))
        check_choice("`rule` of Style", self.rule, STYLE_RULES)
        if self.tokenizer is not None:
            check_text("`tokenizer` of Style", self.tokenizer)
        _check_flags(self, "detokenize", "truncate_raw", "relative")
        _check_slope(self)
        _check_logit_threshold(self)
        _check_saturation(self)


@dataclass(frozen=True)
class Content:
    """SIM, the similarity of a prediction to its source, to its references, or to both.

    Attributes:
        model: the model.
        kind: "encoder" (built in), "wieting" (mean of subword embeddings), "sentence"
            (sentence-transformers), "pooler" (a transformer's pooled output), each but
            the first a cosine in [-1, 1]; "regression" is the sigmoid of a one-logit
            pair classifier, in [0, 1].
        source_weight: weight of the similarity to the source, in [0, 1].
        reference_weight: weight of the largest similarity to a reference, in [0, 1];
            the two add up to 1. Without references the source has all the weight.
        slope: rescaling, clip((x - 1) * slope + 1, 0, 1).

    Raises:
        TypeError: a field has the wrong type.
        ValueError: a field's value is not valid, or does not go with another's.
    """

    model: str
    kind: Literal["encoder", "wieting", "sentence", "pooler", "regression"]
    source_weight: float = 1.0
    reference_weight: float = 0.0
    slope: float | None = None

    def __post_init__(self) -> None:
        check_text("`model` of Content", self.model)
        check_choice("`kind` of Content", self.kind, CONTENT_KINDS)
        _check_built_in(self)
        check_number("`source_weight` of Content", self.source_weight, 0, 1)
        check_number("`reference_weight` of Content", self.reference_weight, 0, 1)
        total = self.source_weight + self.reference_weight
        if not math.isclose(total, 1):
            raise ValueError(
                "`source_weight` and `reference_weight` of Content must add up to 1;"
                f" got {total:g}"
            )
        _check_slope(self)


@dataclass(frozen=True)
class Fluency:
    """FL, or whatever a protocol multiplies third.

    Attributes:
        model: the model; None for chrF.
        kind: "encoder" (built in), "classifier" (an acceptability classifier), "chrf"
            (sacrebleu's, over the references), "xcomet".
        label: index of the acceptable class.
        rule: "soft" is that class's probability, "argmax" is 1 when it is the largest.
        detokenize: as in `Style`.
        truncate_raw: as in `Style`.
        relative: min(0, p(out) - p(src)) + 1 in place of p(out).
        slope: rescaling of a relative FL, as in `Style`.

    Raises:
        TypeError: a field has the wrong type.
        ValueError: a field's value is not valid, or does not go with another's.
    """

    model: str | None
    kind: Literal["encoder", "classifier", "chrf", "xcomet"]
    label: int | None = None
    rule: Literal["soft", "argmax"] = "soft"
    detokenize: bool = False
    truncate_raw: bool = False
    relative: bool = False
    slope: float | None = None

    def __post_init__(self) -> None:
        check_choice("`kind` of Fluency", self.kind, FLUENCY_KINDS)
        if self.kind == "chrf" and self.model is not None:
            raise ValueError(
                "`model` of Fluency must be None for chrF, which has none; got"
                f" {self.model!r}"
            )
        if self.kind != "chrf":
            check_text("`model` of Fluency", self.model)
        _check_built_in(self)
        _check_label(self)
        check_choice("`rule` of Fluency", self.rule, ("soft", "argmax"))
        _check_flags(self, "detokenize", "truncate_raw", "relative")
        if self.kind != "classifier":
            _check_bare(self)
        _check_slope(self)
        if self.slope is not None and not self.relative:
            raise ValueError(
                "`slope` of Fluency must be None unless `relative` is True; got"
                f" {self.slope}"
            )


@dataclass(frozen=True)
class Protocol:
    """One J: the mean over segments of STA * SIM * FL.

    Attributes:
        name: what `evaluate.load(..., name)` and `Scorer(name)` take.
        use_when: one sentence for whoever chooses.
        source: where it was published.
        style: STA.
        content: SIM; None leaves it out of the product.
        fluency: FL; None leaves it out of the product.
        newline: every text ends in a newline, as the script's readlines() leaves it.
        strip: which texts lose surrounding white space first.
        references: whether human rewrites are used.
        languages: whether the published results are by language.
        blank_is_zero: a blank prediction has SIM 0 and FL 0, whatever the models say.

    Raises:
        TypeError: a field has the wrong type.
        ValueError: a field's value is not valid, or does not go with another's.
    """

    name: str
    use_when: str
    source: str
    style: Style
    content: Content | None
    fluency: Fluency | None
    newline: bool = False
    strip: Literal["none", "predictions", "all"] = "none"
    references: Literal["unused", "optional", "required"] = "unused"
    languages: bool = False
    blank_is_zero: bool = False

    def __post_init__(self) -> None:
        check_text("`name` of Protocol", self.name)
        _check_record("style", self.style, Style)
        if self.content is not None:
            _check_record("content", self.content, Content)
        if self.fluency is not None:
            _check_record("fluency", self.fluency, Fluency)
        check_choice("`strip` of Protocol", self.strip, ("none", "predictions", "all"))
        check_choice(
            "`references` of Protocol",
            self.references,
            ("unused", "optional", "required"),
        )
        _check_flags(self, "newline", "languages", "blank_is_zero")
        _check_references(self)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns without which there is no J."""
        columns = ["predictions"]
        if self._compares_with_sources:
            columns.append("sources")
        if self.references == "required":
            columns.append("references")
        return tuple(columns)

    @property
    def _compares_with_sources(self) -> bool:
        content, fluency = self.content, self.fluency
        if content is not None and content.source_weight > 0:
            return True
        if fluency is not None and (fluency.relative or fluency.kind == "xcomet"):
            return True
        return self.style.relative


def _check_record(role: str, given: object, record: type) -> None:
    if not isinstance(given, record):
        raise TypeError(
            f"`{role}` of Protocol must be a {record.__name__}; got {given!r:.100}"
        )


def _check_label(record: Style | Fluency) -> None:
    if record.label is not None:
        check_whole(f"`label` of {type(record).__name__}", record.label, 0)


def _check_flags(record: Style | Fluency | Protocol, *names: str) -> None:
    for name in names:
        check_flag(f"`{name}` of {type(record).__name__}", getattr(record, name))


def _check_slope(record: Style | Content | Fluency) -> None:
    if record.slope is not None:
        check_number(f"`slope` of {type(record).__name__}", record.slope, 0)


def _check_bare(fluency: Fluency) -> None:
    """Check that nothing is set that only an acceptability classifier reads."""
    unread = ["label", "rule", "detokenize", "truncate_raw"]
    # The built-in encoder's FL may be relative.
    if fluency.kind != ENCODER:
        unread += ["relative", "slope"]
    for field in fields(Fluency):
        if field.name in unread and getattr(fluency, field.name) != field.default:
            raise ValueError(
                f"`{field.name}` of Fluency must not be set for the kind"
                f" {fluency.kind!r}"
            )


def _check_built_in(record: Content | Fluency) -> None:
    """Check that the built-in encoder is named as model and as kind, or as neither."""
    if (record.model == ENCODER) != (record.kind == ENCODER):
        message = (
            f"`model` of {type(record).__name__} must be {ENCODER!r} if and only if"
            " `kind` is"
        )
        raise ValueError(
            f"{message}; got model {record.model!r} and kind {record.kind!r}"
        )


def _check_logit_threshold(style: Style) -> None:
    if style.rule != "logit":
        if style.logit_threshold is not None:
            raise ValueError(
                f"`logit_threshold` of Style must be None for the rule {style.rule!r}"
            )
        return
    if style.logit_threshold is None:
        raise ValueError(
            "`logit_threshold` of Style must be a logit for the rule 'logit'; got None"
        )
    check_number("`logit_threshold` of Style", style.logit_threshold)
    if style.model in (ENCODER, IDENTIFIER):
        raise ValueError(
            "`rule` of Style must not be 'logit' for the built-in model"
            f" {style.model!r}"
        )


def _check_saturation(style: Style) -> None:
    if style.saturation is None:
        return
    name = "`saturation` of Style"
    check_number(name, style.saturation, 0, 1)
    if style.saturation == 0:
        raise ValueError(f"{name} must be above 0; got 0")
    if style.slope is not None:
        raise ValueError(f"{name} must be None where `slope` is given")
    if style.rule != "soft" or style.relative:
        raise ValueError(
            f"{name} must be None unless `rule` is 'soft', without `relative`"
        )


def _check_references(protocol: Protocol) -> None:
    """Check that references are used if and only if the protocol says so."""
    content, fluency = protocol.content, protocol.fluency
    in_content = content is not None and content.reference_weight > 0
    only_references = content is not None and content.source_weight == 0
    is_chrf = fluency is not None and fluency.kind == "chrf"
    is_xcomet = fluency is not None and fluency.kind == "xcomet"
    if protocol.references == "unused" and (in_content or is_chrf):
        factor = "`kind` 'chrf' of Fluency"
        if in_content:
            factor = "`reference_weight` of Content"
        raise ValueError(
            f"`references` of Protocol must not be 'unused', because of the {factor}"
        )
    if protocol.references == "optional" and (only_references or is_chrf):
        raise ValueError(
            "`references` of Protocol must be 'required': without them a factor"
            " compares with nothing"
        )
    uses_references = any((in_content, is_chrf, is_xcomet, protocol.style.relative))
    if protocol.references != "unused" and not uses_references:
        raise ValueError(
            "`references` of Protocol must be 'unused', since no factor uses them; got"
            f" {protocol.references!r}"
        )
