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
    "toxic": _TOXIC,
    "neutral": _NEUTRAL,
    "acceptable": _ACCEPTABLE,
    "unacceptable": _UNACCEPTABLE,
}
_OPPOSITES = {"toxic": "neutral", "neutral": "toxic", "acceptable": "unacceptable"}


@dataclass(frozen=True)
class FoundClass:
    """The class of a classifier that is read.

    Attributes:
        index: its index.
        meaning: what it means: the wanted class or its opposite, whose probability is 1
            less that of the wanted one.
        by_name: the model's labels say so; else the protocol's index was taken on
            trust.
    """

    index: int
    meaning: str
    by_name: bool


def find_class(
    labels: Mapping[int, str],
    wanted: str,
    fallback: int | None,
    option: str,
    *,
    independent: bool = False,
) -> FoundClass:
    """Find the wanted class of a classifier by its name, or else its opposite.

    Args:
        labels: the model's id2label.
        wanted: "toxic", "neutral" or "acceptable".
        fallback: the index that a protocol states, for models whose labels say nothing
            (LABEL_0, LABEL_1); None where it states none. For acceptability any labels
            that do not say it will do.
        option: the argument by which a user can name the class, for the message.
        independent: classes do not exclude each other.

    Raises:
        ValueError: no label says which; the labels are listed.
    """
    names = {int(index): _plain(label) for index, label in labels.items()}
    opposite = _OPPOSITES[wanted]
    own, opposed = _called(names, wanted), _called(names, opposite)
    # Of two, such as "hate" and "offensive", neither is all that is meant.
    if len(own or opposed) > 1:
        reason = "leave more than one class to choose from"
        raise _unknown(labels, wanted, option, reason)
    if own:
        return FoundClass(own[0], wanted, by_name=True)
    if opposed and (independent or len(names) == 1):
        return FoundClass(opposed[0], opposite, by_name=True)
    # With more classes, that one is not meant does not say which one is.
    if opposed and len(names) == 2:
        return FoundClass(1 - opposed[0], wanted, by_name=True)
    # Labels of acceptability models rarely say anything; those of toxicity models that
    # do must not be passed over.
    says_nothing = wanted == "acceptable" and not opposed
    is_trusted = says_nothing or all(map(_is_anonymous, names.values()))
    # An index tells classes apart, so it says nothing of a single one.
    if is_trusted and len(names) > 1 and fallback is not None and fallback in names:
        return FoundClass(fallback, wanted, by_name=False)
    raise _unknown(labels, wanted, option, f"do not say which is {wanted}")


def _called(names: Mapping[int, str], meaning: str) -> list[int]:
    """Return the classes whose name has a meaning."""
    return [index for index, name in names.items() if name in _NAMES[meaning]]


def _unknown(
    labels: Mapping[int, str], wanted: str, option: str, reason: str
) -> ValueError:
    """Return the error of a class that only the user can name."""
    # A user never names the neutral one.
    named = "toxic" if wanted == "neutral" else wanted
    return ValueError(
        f"`{option}` must name the {named} class to read, because the model's labels"
        f" {reason}; got labels {dict(labels)}"
    )


def _plain(label: str) -> str:
    lowered = label.strip().lower()
    return lowered.replace("-", "_").replace(" ", "_")


def _is_anonymous(name: str) -> bool:
    return name.startswith("label_") or name.isdecimal()
