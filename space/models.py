"""Which protocol and models score, loaded once per lane.

Also what the page says of a model that is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from toxicity_j import protocols
from toxicity_j.cli_protocols import protocol_rows

from .limits import InputError

if TYPE_CHECKING:
    from toxicity_j import Scorer

# The protocol's own model, in a choice and in the API.
OWN = "protocol"
# Label and value of each option. Only style has a second built-in model.
STYLE_MODELS = [
    ("the protocol's own", OWN),
    ("built-in encoder", "encoder"),
    ("built-in identifier", "identifier"),
]
OTHER_MODELS = [("the protocol's own", OWN), ("built-in encoder", "encoder")]
ROLES = ("style", "content", "fluency")

# A long job holds its scorer's lock, so each lane has scorers of its own and short jobs
# do not wait.
Lane = Literal["short", "long"]


@dataclass(frozen=True)
class Choice:
    """A protocol, and models in place of its own.

    Attributes:
        protocol: a name of `toxicity_j.protocols()`.
        style: `OWN`, "encoder" or "identifier".
        content: `OWN` or "encoder".
        fluency: `OWN` or "encoder".
    """

    protocol: str = "embedded"
    style: str = OWN
    content: str = OWN
    fluency: str = OWN

    def __post_init__(self) -> None:
        if not isinstance(self.protocol, str) or self.protocol not in protocols():
            raise InputError(
                f"`protocol` must be one of {', '.join(protocols())}; got"
                f" {self.protocol!r}."
            )
        # The API can be called with anything: a path here would be loaded as a model.
        for role in ROLES:
            options = OTHER_MODELS
            if role == "style":
                options = STYLE_MODELS
            known = [name for _, name in options]
            model = getattr(self, role)
            if model not in known:
                raise InputError(
                    f"`{role}_model` must be one of {', '.join(known)}; got {model!r}."
                )

    def options(self) -> dict[str, str]:
        """Return the keyword arguments of `Scorer` besides the protocol."""
        chosen: dict[str, str] = {}
        for role in ROLES:
            model = getattr(self, role)
            if model != OWN:
                chosen[f"{role}_model"] = model
        return chosen


# The one used longest ago is dropped, because the models of each fill memory.
@lru_cache(maxsize=6)
def scorer(choice: Choice, lane: Lane) -> Scorer:
    """Return the scorer of a choice for one lane."""
    # Its models are loaded by its first score, so nothing waits for them here.
    from toxicity_j import Scorer

    return Scorer(choice.protocol, **choice.options())


@lru_cache(maxsize=1)
def identifier() -> Any:
    """Return the quick built-in identifier."""
    from toxicity_j import ToxicityIdentifier

    return ToxicityIdentifier.from_pretrained()


def score(choice: Choice, lane: Lane, **columns: Any) -> Any:
    """Return the `Segments` of columns.

    Raises:
        InputError: the columns do not fit the protocol, or a model is not available
            here.
    """
    try:
        return scorer(choice, lane).score(**columns)
    except (OSError, ImportError) as error:
        raise InputError(unavailable(choice, error)) from error
    except ValueError as error:
        raise InputError(str(error)) from error


def unavailable(choice: Choice, error: Exception) -> str:
    """Return the message for a protocol whose models are not on this machine."""
    missing = [need.model for need in needs()[choice.protocol] if not need.built_in]
    needed = ", ".join(missing)
    # Errors of the Hub have paragraphs of advice that a visitor cannot follow.
    reason = str(error).splitlines()[0][:300]
    return (
        f"The protocol {choice.protocol} cannot be scored on this page:"
        f" a model is not here. It needs {needed}."
        " Run it on your own machine with the command under “Use it elsewhere”,"
        f" or choose “embedded”. ({reason})"
    )


@dataclass(frozen=True)
class Need:
    """A model that a protocol needs.

    Attributes:
        factor: "STA", "SIM" or "FL".
        model: Hub id or description.
        size: such as "500 MB", or "".
        licence: as its card says, or "".
        here: whether it is on this machine, in words.
    """

    factor: str
    model: str
    size: str
    licence: str
    here: str

    @property
    def built_in(self) -> bool:
        """Return True if it comes with the package."""
        return self.model in ("encoder", "identifier")


def needs() -> dict[str, list[Need]]:
    """Return the models of each protocol, by its name."""
    found: dict[str, list[Need]] = {}
    for name, _, *need in protocol_rows():
        found.setdefault(name, []).append(Need(*need))
    return found
