"""What refinements of parts of an encoder share."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from torch import nn

from toxicity_j.builtin_network import EncoderNetwork
from training.modules.network_parts import keep_all_but
from training.modules.training_rows import LabeledRows

__all__ = ["Refinement"]


class Refinement:
    """Holds what is refined, and a copy of it as it was.

    What the encoder said before is computed in each step, from that copy: the trunk
    stays the same. Nothing learns beside the network.

    Args:
        network: prepared by `padded_network.pad_attention`.
        table: what is read. Labels are learned as far as their shares say, and what the
            encoder said before for the rest.
        parts: what learns; see `network_parts`.
        before: what says what was said before, where that is another network than this
            one as it is; prepared likewise, and of the same trunk.
    """

    helpers: Sequence[nn.Parameter] = ()

    def __init__(
        self,
        network: EncoderNetwork,
        table: LabeledRows,
        parts: Sequence[str],
        before: EncoderNetwork | None = None,
    ) -> None:
        self.network = network
        self.table = table
        self.device = network.body.word_embeddings.weight.device
        self.before = deepcopy(network) if before is None else before
        self.before.eval().requires_grad_(False)
        keep_all_but(network, parts)
