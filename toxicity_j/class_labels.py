"""Which class of a classifier is meant: its labels by what they say, or the index that
a protocol states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FoundClass", "find_class"]

# What the class names of toxicity and acceptability classifiers on the Hub say,
# lower-cased, "-" and " " written as "_"; and their opposites.
_TOXIC = frozenset({"toxic", "toxicity", "hate", "offensive", "abusive"})
_NEUTRAL = frozenset(
    {"neutral", "non_toxic", "nontoxic", "not_toxic", "clean", "polite", "civil"}
)
_ACCEPTABLE = frozenset({"acceptable", "grammatical", "fluent", "natural"})
_UNACCEPTABLE = frozenset({"unacceptable", "ungrammatical", "unnatural", "corrupted"})
_NAMES = {
    "toxic": (_TOXIC, _NEUTRAL),
    "neutral": (_NEUTRAL, _TOXIC),
    "acceptable": (_ACCEPTABLE, _UNACCEPTABLE),
}


@dataclass(frozen=True)
class FoundClass:
    """The class of a classifier that is read.

    Attributes:
        index: its index.
        by_name: the model's labels say so, or it has no other class; else the
            protocol's index was taken on trust.
    """

    index: int
    by_name: bool


def find_class(
    labels: Mapping[int, str], wanted: str, fallback: int | None, option: str
) -> FoundClass:
    """Find the wanted class of a classifier by its name.

    Args:
        labels: the model's id2label.
        wanted: "toxic", "neutral" or "acceptable".
        fallback: the index that a protocol states, for models whose labels say nothing
            (LABEL_0, LABEL_1); None where it states none. For acceptability any labels
            that do not say it will do.
        option: the argument by which a user can name the class, for the message.

    Raises:
        ValueError: no label says which; the labels are listed.
    """
    if len(labels) == 1:
        return FoundClass(0, by_name=True)
    names = {int(index): _plain(label) for index, label in labels.items()}
    own, opposite = _NAMES[wanted]
    meant = [index for index, name in names.items() if name in own]
    # Of two, such as "hate" and "offensive", neither is all that is meant.
    if len(meant) > 1:
        raise _unknown(labels, wanted, option, "say it of more than one class")
    if meant:
        return FoundClass(meant[0], by_name=True)
    # With more classes, that one is not meant does not say which one is.
    if len(names) == 2:
        for index, name in names.items():
            if name in opposite:
                return FoundClass(1 - index, by_name=True)
    # Labels of acceptability models rarely say anything; those of toxicity models that
    # do must not be passed over.
    is_trusted = wanted == "acceptable" or all(map(_is_anonymous, names.values()))
    if is_trusted and fallback is not None and fallback < len(names):
        return FoundClass(fallback, by_name=False)
    raise _unknown(labels, wanted, option, f"do not say which is {wanted}")


def _unknown(
    labels: Mapping[int, str], wanted: str, option: str, reason: str
) -> ValueError:
    """Return the error of a class that only the user can name."""
    return ValueError(
        f"`{option}` must name the {wanted} class to read, because the model's labels"
        f" {reason}; got labels {dict(labels)}"
    )


def _plain(label: str) -> str:
    lowered = label.strip().lower()
    return lowered.replace("-", "_").replace(" ", "_")


def _is_anonymous(name: str) -> bool:
    return name.startswith("label_") or name.isdecimal()
