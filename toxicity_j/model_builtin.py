"""The built-in models as components: the encoder for every role, an identifier for
style.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .builtin_encoder import Encoder
from .builtin_identifier import ToxicityIdentifier
from .cpu_linear import use_onednn_linear
from .devices import Device, Precision
from .model_interface import Mark, Progress, Scored


class BuiltInEncoder:
    """The built-in encoder, which scores a pair for several roles in one pass.

    Attributes:
        dtype: the name of the transformer's number format; the heads are float32.
    """

    revision = ""

    def __init__(
        self,
        *,
        device: Device = None,
        batch_size: int | None = None,
        dtype: str = "float32",
    ) -> None:
        self.dtype, self.batch_size = dtype, batch_size
        self._networks: Precision[Encoder] = Precision(
            lambda kind: _load_encoder(device, kind), dtype
        )

    def score(
        self, first: Sequence[str], second: Sequence[str], *, progress: Progress = None
    ) -> Scored:
        """Compute SIM of each pair, prediction second. *Shape:* (n,), in [0, 1]."""
        found = self.score_roles(second, first, ("content",), progress=progress)
        return _first_column(found)

    def p_toxic(
        self,
        texts: Sequence[str],
        *,
        is_borderline: Mark | None = None,
        progress: Progress = None,
    ) -> Scored:
        """Compute P(toxic) of each text. *Shape:* (n,), in [0, 1]."""
        found = self.score_roles(
            texts,
            None,
            ("style",),
            is_borderline=is_borderline,
            progress=progress,
        )
        return _first_column(found)

    def score_roles(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None,
        roles: Sequence[str],
        *,
        is_borderline: Mark | None = None,
        progress: Progress = None,
    ) -> Scored:
        """Compute one column per role, in one pass. *Shape:* (n, roles), in [0, 1].

        Args:
            predictions: n texts.
            sources: what they rewrite, one for one; needed for "content".
            roles: some of "style", "content", "fluency".
            is_borderline: see `Precision.guarded`; of P(toxic), *Shape:* (n,) to (n,).
                Only where "style" is asked for.
            progress: a tqdm-like class.

        Raises:
            ValueError: a score is not finite.
        """
        wanted = tuple(roles)

        def run(encoder: Encoder, rows: np.ndarray) -> Scored:
            # Near a decision only some rows are scored again.
            others = None
            if sources is not None:
                others = [sources[row] for row in rows]
            scores = encoder.score(
                [predictions[row] for row in rows],
                others,
                wanted,
                batch_size=self.batch_size,
                progress=progress,
            )
            columns = [scores[role] for role in wanted]
            return Scored(np.stack(columns, axis=1))

        guard = None
        if is_borderline is not None:
            guard = _of_column(is_borderline, wanted.index("style"))
        found = self._networks.guarded(len(predictions), run, guard)
        return Scored.checked(
            found.values, found.truncated, predictions, "the built-in encoder"
        )


class Identifier:
    """A toxicity identifier, built in or of a saved folder; always float32."""

    revision = ""
    dtype = "float32"

    def __init__(
        self,
        path: Path | None = None,
        *,
        device: Device = None,
        batch_size: int | None = None,
    ) -> None:
        self.model = ToxicityIdentifier.from_pretrained(path, device=device)
        self.batch_size = batch_size
        self._name = "the built-in identifier"
        if path is not None:
            self._name = f"the style model {str(path)!r}"

    def p_toxic(
        self,
        texts: Sequence[str],
        *,
        is_borderline: Mark | None = None,
        progress: Progress = None,
    ) -> Scored:
        """Compute P(toxic) of each text. *Shape:* (n,), in [0, 1]."""
        # No number format is asked for: the model is too small for a lower one to pay.
        scores = self.model.p_toxic(
            texts, batch_size=self.batch_size, progress=progress
        )
        return Scored.checked(scores, 0, texts, self._name)


def _first_column(found: Scored) -> Scored:
    return Scored(found.values[:, 0], found.truncated)


def _of_column(mark: Mark, column: int) -> Mark:
    """Return what marks rows by one of their columns."""

    def marked(scores: np.ndarray) -> np.ndarray:
        return mark(scores[:, column])

    return marked


def _load_encoder(device: Device, dtype: torch.dtype) -> Encoder:
    encoder = Encoder.from_pretrained(
        device=device, dtype=str(dtype).removeprefix("torch.")
    )
    use_onednn_linear(encoder.network.body)
    return encoder
