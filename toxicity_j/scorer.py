"""Texts in, STA, SIM, FL and J of each segment out, without an import of `evaluate`.

Each model is loaded once, on first need: STA alone loads no SIM or FL model. A `Scorer`
may be shared by threads, and pickled.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .columns import Columns
from .components import Role, choose_components
from .devices import Device
from .factor_style import hard_decision, style_scores
from .factors import content_scores, encoder_scores, fluency_scores
from .loaded_components import LoadedComponents
from .locks import Lock
from .model_interface import Call
from .options import Options
from .protocol_records import Protocol
from .protocols import as_protocol
from .results import Segments, product
from .signature import signature_of

__all__ = ["Scorer"]

logger = logging.getLogger("toxicity_j")


class Scorer:
    """Scores detoxified texts by a protocol.

    Args:
        protocol: a key of `protocols()`, a `Protocol`, or a dict of a Protocol's
            fields.
        style_model: replaces the protocol's STA model: a Hub id, optionally
            `@revision`, a local folder, "encoder" or (the fastest) "identifier".
        content_model: replaces the SIM model: as above except "identifier"; a folder
            with the Wieting files is read as such.
        fluency_model: replaces the FL model: as above except "identifier".
        device: as torch's; when None CUDA, else MPS, else the CPU.
        batch_size: most texts per batch; chosen by their length when None.
        threshold: probability of the toxic class, in [0, 1], above which a text counts
            as toxic; the protocol's own rule when None.
        soft: STA is the probability of not being toxic (True) or the hard decision
            (False); the protocol's when None.
        dtype: "float32", or a lower precision for large models on a GPU.
        progress: show a progress bar.
        newline: end each text in a newline, as the scripts that use readlines() do; the
            protocol's when None.
        style_label: name or index of a style model's toxic class, if its labels do not
            say.
        fluency_label: the same of a fluency model's acceptable class.
        style_tokenizer: a model whose tokenizer the style model uses.

    Raises:
        TypeError: an option has the wrong type.
        ValueError: the protocol is unknown, or an option's value is not valid.
    """

    def __init__(
        self,
        protocol: str | Protocol = "embedded",
        *,
        style_model: str | None = None,
        content_model: str | None = None,
        fluency_model: str | None = None,
        device: Device = None,
        batch_size: int | None = None,
        threshold: float | None = None,
        soft: bool | None = None,
        dtype: str = "float32",
        progress: bool | None = None,
        newline: bool | None = None,
        style_label: str | int | None = None,
        fluency_label: str | int | None = None,
        style_tokenizer: str | None = None,
    ):
        self._options = Options(
            style_model=style_model,
            content_model=content_model,
            fluency_model=fluency_model,
            device=device,
            batch_size=batch_size,
            threshold=threshold,
            soft=soft,
            dtype=dtype,
            progress=progress,
            newline=newline,
            style_label=style_label,
            fluency_label=fluency_label,
            style_tokenizer=style_tokenizer,
        )
        self.protocol = as_protocol(protocol)
        if newline is not None:
            self.protocol = replace(self.protocol, newline=newline)
        self._components = choose_components(self.protocol, self._options)
        self._soft = self.protocol.style.rule == "soft"
        if soft is not None:
            self._soft = soft
        style = self._components["style"]
        self._decision = hard_decision(self.protocol, style, threshold)
        self._models = LoadedComponents(
            self.protocol, self._components, self._decision, self._options.run
        )
        self._lock = Lock()
        self._has_warned = False

    def score(
        self,
        predictions: Any,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
        *,
        unterminated: Collection[str] = (),
    ) -> Segments:
        """Score each segment.

        Args:
            predictions: list of strings, the rewrites.
            sources: list of strings, what was rewritten; without them STA alone counts.
            references: a string or a list of strings for each item, human rewrites.
            languages: list of strings, for results by language.
            unterminated: "predictions" and "sources", or one of them, if the last line
                of that file has no newline. Protocols that keep newlines (emnlp2021,
                paradetox2022) then read the last text without one.

        Raises:
            ImportError: a library that a model needs is not installed.
            OSError: a model is missing, gated, out of reach or damaged.
            TypeError: a column does not consist of strings.
            ValueError: columns differ in length, one that the protocol needs is
                missing, or a model gives no number.
        """
        given = (predictions, sources, references, languages, unterminated)
        return self.score_columns(Columns.check(*given))

    def score_columns(
        self, columns: Columns, *, progress: bool | None = None
    ) -> Segments:
        """Score columns that `Columns.check` has checked; otherwise as `score`.

        `progress` replaces the Scorer's own option.
        """
        read = columns.prepare(self.protocol)
        roles = self._roles(read)
        call = self._call(progress)
        # Models are loaded once and run by one thread at a time.
        with self._lock:
            if columns.references is not None and read.references is None:
                self._warn_of_unused_references()
            # Before scoring, so that the signature names the files that were loaded.
            signature = signature_of(
                self.protocol,
                self._models,
                self._decision,
                roles,
                read.references,
                soft=self._soft,
                has_sources=read.sources is not None,
            )
            blocks = [self._scores(roles, block, call) for block in read.blocks()]
        call.warn_of_truncation()
        joined: dict[str, Any] = dict.fromkeys(("sim", "fl", "j"))
        for name in blocks[0]:
            joined[name] = np.concatenate([block[name] for block in blocks])
        return Segments(
            **joined,
            signature=signature,
            languages=columns.languages,
            truncated=call.truncated,
        )

    def _call(self, progress: bool | None) -> Call:
        shows = self._options.progress
        if progress is not None:
            shows = progress
        if shows:
            return Call(progress=_progress_bar)
        return Call()

    def _warn_of_unused_references(self) -> None:
        """Warn once per Scorer, however many calls give references."""
        if not self._has_warned:
            name = self.protocol.name
            logger.warning("`references` are not used by the protocol %r", name)
        self._has_warned = True

    def _scores(
        self, roles: list[Role], columns: Columns, call: Call
    ) -> dict[str, np.ndarray]:
        """Compute one block: the columns of `Segments` that there are."""
        known = encoder_scores(
            self.protocol, self._models, self._decision, roles, columns, call
        )
        style = style_scores(
            self.protocol.style,
            self._models.get("style"),
            self._decision,
            columns,
            soft=self._soft,
            known=known.get("style"),
            call=call,
        )
        # Its fields bear the names of those of `Segments`.
        scores = dict(vars(style))
        if "content" in roles:
            scores["sim"] = content_scores(
                self.protocol,
                self._models.get("content"),
                columns,
                known=known.get("content"),
                call=call,
            )
        if "fluency" in roles:
            scores["fl"] = fluency_scores(
                self.protocol,
                self._models.get("fluency"),
                columns,
                known=known.get("fluency"),
                call=call,
            )
        if self._is_complete(columns):
            # A factor that the protocol leaves out is no factor of J.
            factors = [scores.get(name) for name in ("sta", "sim", "fl")]
            scores["j"] = product(factors)
        return scores

    def _is_complete(self, columns: Columns) -> bool:
        """Return whether every column is there that J needs."""
        return all(getattr(columns, name) is not None for name in self.protocol.needs)

    def _roles(self, columns: Columns) -> list[Role]:
        """Return the factors to compute: all, or STA alone without J's columns."""
        if self._is_complete(columns):
            return list(self._components)
        return ["style"]


def _progress_bar(role: str) -> Any:
    from tqdm.auto import tqdm

    return partial(tqdm, desc=role, unit="text")
