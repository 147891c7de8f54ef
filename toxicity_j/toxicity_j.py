"""The `evaluate` module: card text, options and columns around `Scorer`.

`evaluate.load` copies this file and the siblings imported below, and nothing else:
every sibling that any sibling uses is named here.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

import datasets
import evaluate
import safetensors
import tokenizers
import torch

from .batching import run_batched
from .builtin_encoder import Encoder
from .builtin_encoder_config import EncoderConfig
from .builtin_files import load_model
from .builtin_heads import pool
from .builtin_identifier import ToxicityIdentifier
from .builtin_identifier_config import IdentifierConfig
from .builtin_network import EncoderNetwork
from .builtin_pieces import Piece
from .builtin_weights import remember_folder
from .card import CITATION, DESCRIPTION, INPUTS_DESCRIPTION, REFERENCE_URLS
from .checkpoints import ModelRef
from .checks import check_flag, check_known
from .class_labels import find_class
from .column_checks import checked_texts
from .columns import NAMES, Columns, check_present, check_unterminated
from .components import Component
from .confidence import corpus_intervals, interval_statistics
from .cpu_linear import use_onednn_linear
from .cpu_packing import can_be_padding_free
from .devices import resolve_device
from .evaluate_compat import BASE_OPTIONS, StoredColumns, loaded_from
from .factor_style import StyleScores
from .factors import encoder_scores
from .known_cases import KNOWN_CASES
from .loaded_components import LoadedComponents
from .locks import Lock
from .model_builtin import BuiltInEncoder
from .model_classifier import Classifier
from .model_embedding import SentenceEmbedding
from .model_interface import Scored
from .model_loading import LOADERS
from .model_overlap import character_bleu
from .model_pair import PooledEmbedding
from .model_wieting import WietingEmbedding
from .model_xcomet import Xcomet
from .model_xcomet_network import XcometNetwork
from .model_xcomet_settings import is_xcomet
from .options import Options
from .packed_attention import packed_attention
from .protocol_records import Protocol
from .protocols import PROTOCOLS
from .results import Segments
from .rules import Decision
from .scorer import Scorer
from .signature import render
from .stored_columns import PLURALS, checked_columns
from .text import normalize
from .text_pictures import PICTURE
from .text_tables import STRAIGHT
from .token_batches import token_batches
from .tokenization import TextEncoder
from .version import VERSION

_OPTIONS = tuple(inspect.signature(Scorer).parameters)


@evaluate.utils.file_utils.add_start_docstrings(DESCRIPTION, INPUTS_DESCRIPTION)
class ToxicityJ(StoredColumns, evaluate.Metric):  # type: ignore[misc]
    """Computes STA, SIM, FL and J by a named protocol; see `Scorer` for the options.

    Args:
        config_name: the protocol's name, unless `protocol` is given; it then names
            files only.
        protocol: a `Protocol`, or a dict of its fields.
        **options: those of `Scorer`, and of `evaluate.load`.

    Raises:
        TypeError: an option is unknown (the nearest valid one is named).
        ValueError: `config_name` or the value of an option is not valid.
    """

    def __init__(self, config_name: str | None = None, **options: Any):
        self.prepare_storage()
        folder = options.pop("_folder", None) or loaded_from()
        check_known("option", options, (*_OPTIONS, *BASE_OPTIONS))
        if folder:
            remember_folder(folder)
        if config_name == "default":
            config_name = None
        # None stands for the default, also where that is another value.
        there = {name: value for name, value in options.items() if value is not None}
        given = {name: value for name, value in there.items() if name in _OPTIONS}
        given.setdefault("protocol", "embedded" if config_name is None else config_name)
        self.scorer = Scorer(**given)
        if config_name is None:
            config_name = self.scorer.protocol.name
        self._arguments = {"config_name": config_name, "_folder": folder, **options}
        base = {name: value for name, value in options.items() if name in BASE_OPTIONS}
        # evaluate draws a seed at random when there is none, which would change the
        # fingerprint of each `datasets.map`.
        if base.get("seed") is None:
            base["seed"] = 0
        super().__init__(config_name=config_name, **base)

    def _info(self) -> evaluate.MetricInfo:
        columns = {
            "predictions": datasets.Value("string"),
            "sources": datasets.Value("string"),
            "references": datasets.Sequence(datasets.Value("string")),
        }
        # `evaluate.combine` asks for each column that is named here.
        if self.scorer.protocol.languages:
            columns["languages"] = datasets.Value("string")
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS_DESCRIPTION,
            features=datasets.Features(columns),
            reference_urls=REFERENCE_URLS,
        )

    def compute(
        self,
        *,
        predictions: Any = None,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
        data: Any = None,
        per_segment: bool = False,
        bleu_source: bool = False,
        confidence: float | None = None,
        unterminated: Collection[str] = (),
        **unknown: Any,
    ) -> dict[str, Any] | None:
        """Score the given columns after any stored ones.

        After an error what was stored is still stored; `discard()` lets go of it. Of
        several processes nothing stays.

        Args:
            predictions: n strings, the rewrites to judge.
            sources: n strings, the texts that were rewritten.
            references: n strings, or lists of strings, for protocols that use them.
            languages: n strings, for results by language.
            data: another name of `predictions`.
            per_segment: also return the scores of each segment.
            bleu_source: also return the character BLEU against the sources.
            confidence: also return the interval of each score at this level, in (0, 1).
            unterminated: names of columns whose file does not end in a newline.

        Returns:
            The scores by name; see `INPUTS_DESCRIPTION` in `card.py`. None in all but
            the first of several processes.

        Raises:
            ImportError: `confidence` without the installed package.
            TypeError: an argument is unknown, or a column does not consist of strings.
            ValueError: there is nothing to score, columns differ in length, or the
                protocol needs a column that is missing.
        """
        check_known("argument of compute()", unknown, _COMPUTE_ARGUMENTS)
        check_flag("`per_segment`", per_segment)
        check_flag("`bleu_source`", bleu_source)
        lacking_newline = check_unterminated(unterminated)
        statistics = None
        if confidence is not None:
            statistics = interval_statistics(confidence)
        given = checked_columns(predictions, sources, references, languages, data)
        with self.join_stored(given) as joined:
            if joined is None:
                return None
            columns = Columns(**joined, unterminated=lacking_newline)  # type: ignore[arg-type]
            segments = self._score(columns)
            scores = segments.corpus()
            if statistics is not None:
                scores["ci"] = corpus_intervals(segments, statistics, confidence)
            if per_segment:
                scores["segments"] = segments.as_lists()
            if bleu_source:
                scores["bleu_source"] = self._bleu_source(columns)
            return scores

    def add_batch(
        self,
        *,
        predictions: Any = None,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
        data: Any = None,
        **unknown: Any,
    ) -> None:
        """Store a batch of columns until compute().

        Raises:
            OSError: the batch could not be written; nothing is stored then.
            TypeError, ValueError: as compute(), or other columns are given than before;
                nothing of the batch is stored then.
        """
        check_known("argument of add_batch()", unknown, (*NAMES, "data"))
        columns = checked_columns(predictions, sources, references, languages, data)
        if columns is None:
            raise ValueError("`predictions` must be given to add_batch()")
        if languages is not None and "languages" not in self.features:
            name = self.config_name
            expected = f"`languages` is not stored for the protocol {name!r}"
            raise ValueError(f"{expected}: give all columns to one call of compute()")
        checked = Columns(**columns)  # type: ignore[arg-type]
        check_present(self.scorer.protocol, checked.sources, checked.references)
        self.add_stored(columns)

    def add(self, **segment: Any) -> None:
        """Store one segment until compute().

        `reference` is a string or a list of strings. The plural names do as well
        (`evaluate.combine` passes them).

        Raises:
            TypeError, ValueError: as compute(); nothing is stored then.
        """
        batch = {}
        for name, value in segment.items():
            plural = PLURALS.get(name, name)
            if plural in batch:
                singular = plural.removesuffix("s")
                raise TypeError(
                    f"`{singular}` is another name of `{plural}`; give one of them"
                )
            batch[plural] = None if value is None else [value]
        check_known("argument of add()", batch, NAMES)
        self.add_batch(**batch)

    def __call__(
        self,
        predictions: Any,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
    ) -> dict[str, list[float]]:
        """Return the scores of each segment, for `dataset.map(..., batched=True)`.

        Raises:
            TypeError, ValueError: as compute().
        """
        columns = Columns.check(predictions, sources, references, languages)
        return self._score(columns).as_lists()

    def _score(self, columns: Columns) -> Segments:
        if evaluate.utils.logging.is_progress_bar_enabled():
            return self.scorer.score_columns(columns)
        return self.scorer.score_columns(columns, progress=False)

    def _bleu_source(self, columns: Columns) -> float:
        """Return the character BLEU of the predictions against the sources.

        Raises:
            ValueError: there are no sources.
        """
        read = columns.prepare(self.scorer.protocol)
        if read.sources is None:
            raise ValueError("`bleu_source` needs `sources`")
        return character_bleu(read.sources, read.predictions)


# Without `self` and `unknown`, its first and its last parameter.
_COMPUTE_ARGUMENTS = tuple(inspect.signature(ToxicityJ.compute).parameters)[1:-1]
