"""Text detoxification, measured: STA, SIM, FL and J by named protocols, with built-in models, and a toxicity loss.

`load` gives the `evaluate` metric; `Scorer` does the same work without importing `evaluate`.
"""

from __future__ import annotations

from typing import Any

from .builtin_identifier import ToxicityIdentifier
from .objectives.loss import ToxicityLoss
from .objectives.reward import ToxicityReward, toxicity_reward
from .protocols import protocols
from .scorer import Scorer
from .version import VERSION as __version__

__all__ = [
    "Scorer",
    "ToxicityIdentifier",
    "ToxicityLoss",
    "ToxicityReward",
    "__version__",
    "load",
    "protocols",
    "toxicity_reward",
]


def load(config_name: str = "embedded", **options: Any) -> Any:
    """The metric for a protocol, as `evaluate.load` would give it.

    Args:
        config_name: a key of `protocols()`.
        **options: as `Scorer`, and those of `evaluate.load`.

    Raises:
        TypeError: an option is unknown.
        ValueError: the protocol is unknown, or an option's value is not valid.
    """
    from .toxicity_j import ToxicityJ

    return ToxicityJ(config_name, **options)
