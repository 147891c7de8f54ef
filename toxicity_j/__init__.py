"""Measure text detoxification: STA, SIM, FL and J by named protocols, with built-in
models, and a toxicity loss.

`load` gives the `evaluate` metric; `Scorer` does the same work without importing
`evaluate`. Names that need torch are imported on first use, so that the command line
starts without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .compare import Comparison, compare
from .protocols import Content, Fluency, Protocol, Style, get_protocol, protocols
from .version import VERSION as __version__

if TYPE_CHECKING:
    from .builtin_encoder import Encoder
    from .builtin_identifier import ToxicityIdentifier
    from .objectives.loss import ToxicityLoss
    from .objectives.reward import ToxicityReward, toxicity_reward
    from .results import Segments
    from .scorer import Scorer

__all__ = [
    "Comparison",
    "Content",
    "Encoder",
    "Fluency",
    "Protocol",
    "Scorer",
    "Segments",
    "Style",
    "ToxicityIdentifier",
    "ToxicityLoss",
    "ToxicityReward",
    "__version__",
    "compare",
    "get_protocol",
    "load",
    "protocols",
    "toxicity_reward",
]

# The module of each name that is imported on first use.
_LAZY = {
    "Encoder": ".builtin_encoder",
    "Scorer": ".scorer",
    "Segments": ".results",
    "ToxicityIdentifier": ".builtin_identifier",
    "ToxicityLoss": ".objectives.loss",
    "ToxicityReward": ".objectives.reward",
    "toxicity_reward": ".objectives.reward",
}


def load(config_name: str = "embedded", **options: Any) -> Any:
    """Return the metric for a protocol, as `evaluate.load` would give it.

    Args:
        config_name: a key of `protocols()`; with an option `protocol` it names files
            only.
        **options: as `Scorer`, and those of `evaluate.load`.

    Raises:
        TypeError: an option is unknown.
        ValueError: the protocol is unknown, or an option's value is not valid.
    """
    from .toxicity_j import ToxicityJ

    return ToxicityJ(config_name, **options)


def __getattr__(name: str) -> Any:
    """Import a name that needs torch when it is first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
