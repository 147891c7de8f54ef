"""The `evaluate` module: card text, options and columns around `Scorer`, which does the work.

`evaluate.load` copies this file and the siblings imported below, and nothing else: every sibling that any sibling
uses is named here.
"""

from __future__ import annotations

import difflib
import inspect
import os
from pathlib import Path
from typing import Any

import datasets
import evaluate
import safetensors
import tokenizers
import torch

from .batching import resolve_device
from .builtin_encoder import Encoder
from .builtin_identifier import ToxicityIdentifier
from .builtin_weights import remember_folder
from .checkpoints import ModelRef
from .columns import reference_lists, same_length, texts
from .components import Component
from .cpu_linear import use_onednn_linear
from .cpu_packing import can_be_padding_free
from .devices import resolve_dtype
from .factors import Columns
from .model_builtin import Identifier
from .model_classifier import Classifier
from .model_embedding import SentenceEmbedding
from .model_overlap import Chrf
from .model_pair import PooledEmbedding
from .model_wieting import WietingEmbedding
from .model_xcomet import Xcomet
from .options import check_options
from .protocols import get_protocol
from .results import corpus_scores
from .rules import Decision
from .scorer import Scorer, Segments
from .text import normalize
from .text_tables import STRAIGHT
from .tokenization import TextEncoder
from .version import VERSION

_DESCRIPTION = """\
J, the metric of text detoxification: is the rewrite civil, does it still mean the same, and is it fluent? STA (style
accuracy) is the non-toxic share of the predictions, SIM their content similarity to the sources, FL their fluency, and
J the mean over segments of STA * SIM * FL. Every published variant is a named configuration; the default, `embedded`,
runs on one small built-in model.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions: list of strings, the rewrites to judge. An empty one is scored, not rejected.
    sources: list of strings, the texts that were rewritten; without them only STA is computed.
    references: list of strings, or of lists of strings, for the configurations that use human rewrites.
    languages: list of strings, for the configurations that report by language.
    per_segment: also return `segments`, the scores of each segment.
    bleu_source: also return the character BLEU of the predictions against the sources that some scripts print beside J.
Returns:
    sta: mean style score, in [0, 1], higher is better (soft or hard as the configuration says).
    nontoxic_share: share of predictions at or under the toxicity threshold, in [0, 1], higher is better.
    sim: mean content similarity, in [0, 1] ([-1, 1] where it is a cosine), higher is better.
    fl: mean fluency (the configuration's third factor), in [0, 1], higher is better.
    j: mean over segments of sta * sim * fl, higher is better.
    n: number of segments.
    signature: what was computed, with which models; numbers with different signatures cannot be compared.
Examples:
    >>> import evaluate
    >>> metric = evaluate.load("toxicity_j")
    >>> scores = metric.compute(predictions=["That plan won't work."], sources=["That d*mn plan won't work, you fool."])
    >>> sorted(scores)
    ['fl', 'j', 'n', 'nontoxic_share', 'signature', 'sim', 'sta']
"""

_CITATION = """\
@inproceedings{dale-etal-2021-text,
  title = {Text Detoxification using Large Pre-trained Neural Models},
  author = {Dale, David and Voronov, Anton and Dementieva, Daryna and Logacheva, Varvara and Kozlova, Olga and Semenov,
    Nikita and Panchenko, Alexander},
  booktitle = {EMNLP},
  year = {2021}
}
@inproceedings{logacheva-etal-2022-paradetox,
  title = {ParaDetox: Detoxification with Parallel Data},
  author = {Logacheva, Varvara and Dementieva, Daryna and Ustyantsev, Sergey and Moskovskiy, Daniil and Dale, David and
    Krotova, Irina and Semenov, Nikita and Panchenko, Alexander},
  booktitle = {ACL},
  year = {2022}
}
"""

# What evaluate's own constructor takes (evaluate 0.4.6, module.py); anything else is a mistake of the caller's.
_BASE_OPTIONS = (
    "keep_in_memory", "cache_dir", "num_process", "process_id", "seed", "experiment_id", "hash",
    "max_concurrent_cache_files", "timeout",
)  # fmt: skip
_OPTIONS = (
    "style_model", "content_model", "fluency_model", "device", "batch_size", "threshold", "soft", "dtype", "progress",
    "newline", "style_label", "fluency_label", "style_tokenizer",
)  # fmt: skip
_COLUMNS = ("predictions", "sources", "references", "languages")


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class ToxicityJ(evaluate.Metric):
    """Computes STA, SIM, FL and J by a named protocol; see `Scorer` for the options.

    Raises:
        TypeError: an option is unknown (the nearest valid one is named).
        ValueError: `config_name` or the value of an option is not valid.
    """

    def __init__(self, config_name: str | None = None, **options: Any):
        self._folder = options.pop("_folder", None) or _loaded_from()
        _reject_unknown("option", options, (*_OPTIONS, *_BASE_OPTIONS))
        if self._folder:
            remember_folder(self._folder)
        protocol = "embedded" if config_name in (None, "default") else config_name
        self._arguments = {"config_name": protocol, "_folder": self._folder, **options}
        self._progress = bool(options.get("progress"))
        self.scorer = Scorer(protocol, **{name: options[name] for name in _OPTIONS if options.get(name) is not None})
        base = {name: value for name, value in options.items() if name in _BASE_OPTIONS}
        # evaluate draws a seed at random when there is none, which would change the fingerprint of each `datasets.map`.
        base["seed"] = 0 if base.get("seed") is None else base["seed"]
        super().__init__(config_name=protocol, **base)

    def _info(self) -> evaluate.MetricInfo:
        columns = {
            "predictions": datasets.Value("string"),
            "sources": datasets.Value("string"),
            "references": datasets.Sequence(datasets.Value("string")),
        }
        if get_protocol(self.config_name).languages:
            columns["languages"] = datasets.Value("string")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(columns),
            reference_urls=["https://arxiv.org/abs/2109.08914", "https://aclanthology.org/2022.acl-long.469"],
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
        **unknown: Any,
    ) -> dict[str, Any] | None:
        """Scores the given columns, or those stored by `add` and `add_batch`, or both together.

        `data` is another name of `predictions`.

        Returns:
            The results; None in every process but the first of several.

        Raises:
            TypeError: an argument is unknown, or a column is not one of strings.
            ValueError: there is nothing to score, columns differ in length, or the protocol needs a column that is
                missing.
        """
        _reject_unknown("argument of compute()", unknown, (*_COLUMNS, "data", "per_segment", "bleu_source"))
        columns = self._columns(predictions, sources, references, languages, data)
        options = {"per_segment": per_segment, "bleu_source": bleu_source}
        if self.writer is None and self.num_process == 1:
            if columns is None:
                raise ValueError("`predictions` must be given to compute(), or stored before by add() or add_batch()")
            return self._scores(columns, **options)  # no Arrow file: quicker, and safe in threads
        try:
            if columns is not None:
                self._store(columns)
            results = super().compute(**options)
        except BaseException:
            self._discard()
            raise
        self.filelocks = self.file_paths = None
        return results

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
        """Stores a batch of columns until compute().

        Raises:
            TypeError: as compute().
            ValueError: as compute(); nothing of the batch is stored then.
        """
        _reject_unknown("argument of add_batch()", unknown, (*_COLUMNS, "data"))
        columns = self._columns(predictions, sources, references, languages, data)
        if columns is None:
            raise ValueError("`predictions` must be given to add_batch()")
        self._store(columns)

    def add(self, **segment: Any) -> None:
        """Stores one segment until compute(): `prediction`, and `source`, `reference`, `language` where they are used.

        `reference` is a string or a list of strings. The plural names do as well (`evaluate.combine` passes them).

        Raises:
            TypeError: as compute().
            ValueError: as compute(); nothing is stored then.
        """
        plural = {name.removesuffix("s") + "s": value for name, value in segment.items()}
        _reject_unknown("argument of add()", plural, _COLUMNS)
        self.add_batch(**{name: None if value is None else [value] for name, value in plural.items()})

    def __call__(
        self, predictions: Any, sources: Any = None, references: Any = None, languages: Any = None
    ) -> dict[str, list]:
        """The scores of each segment as columns, for `dataset.map(metric, batched=True, input_columns=[...])`.

        Raises:
            TypeError: as compute().
            ValueError: as compute().
        """
        columns = self._columns(predictions, sources, references, languages, None)
        if columns is None:
            raise TypeError("`predictions` must be a list of strings; got None")
        return self._segments(columns).as_lists()

    def _compute(self, *, per_segment: bool, bleu_source: bool, **stored: Any) -> dict[str, Any]:
        columns = {name: _all_or_none(name, column) for name, column in stored.items()}
        return self._scores(columns, per_segment=per_segment, bleu_source=bleu_source)

    def _columns(
        self, predictions: Any, sources: Any, references: Any, languages: Any, data: Any
    ) -> dict[str, list | None] | None:
        """The checked columns by name; None when none is given."""
        if data is not None and predictions is not None:
            raise ValueError("`data` is another name of `predictions`; give one of them")
        predictions = data if predictions is None else predictions
        columns = {"predictions": predictions, "sources": sources, "references": references, "languages": languages}
        given = [name for name, column in columns.items() if column is not None]
        if predictions is None and given:
            raise ValueError(f"`predictions` must be given with `{given[0]}`")
        if languages is not None and "languages" not in self.features:
            raise ValueError(f"`languages` is not used by the protocol {self.config_name!r}")
        for name in given:
            columns[name] = (reference_lists if name == "references" else texts)(columns[name], name)
        if not given:
            return None
        same_length(**columns)
        return columns

    def _store(self, columns: dict[str, list | None]) -> None:
        absent = [None] * len(columns["predictions"])
        super().add_batch(**{name: absent if columns[name] is None else columns[name] for name in self.features})

    def _segments(self, columns: dict[str, list | None]) -> Segments:
        self.scorer.progress = self._progress and evaluate.utils.logging.is_progress_bar_enabled()
        return self.scorer.score(**columns)

    def _scores(self, columns: dict[str, list | None], *, per_segment: bool, bleu_source: bool) -> dict[str, Any]:
        segments = self._segments(columns)
        return self.scorer.corpus(segments, columns, per_segment=per_segment, bleu_source=bleu_source)

    def _discard(self) -> None:
        """Lets go of what is stored, which the base class does after a success only: its files, its locks."""
        if self.writer is not None:
            self.writer.finalize()
        self.data = self.writer = self.buf_writer = self.selected_feature_format = None
        locks, paths = self.filelocks or [], self.file_paths or []
        if self.filelock is not None and self.num_process == 1:
            locks, paths = [*locks, self.filelock], [*paths, self.cache_file_name]
        for lock, path in zip(locks, paths, strict=True):
            Path(path).unlink(missing_ok=True)
            lock.release()
        self.cache_file_name = self.filelock = self.filelocks = self.file_paths = None

    def _enforce_nested_string_type(self, schema: Any, obj: Any) -> None:
        """Nothing: `inputs` has checked every text, and the base class would stumble over a column that is absent."""

    def __getstate__(self) -> dict[str, Any]:
        if len(self):
            raise ValueError(f"a metric that stores {len(self)} segments cannot be pickled: call compute() first")
        return self._arguments

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        self.__init__(**arguments)


def _reject_unknown(kind: str, given: dict[str, Any], valid: tuple[str, ...]) -> None:
    for name in given:
        if name not in valid:
            nearest = difflib.get_close_matches(name, valid, n=1, cutoff=0.0)[0]
            raise TypeError(f"unknown {kind} `{name}`; did you mean `{nearest}`? Valid: {', '.join(valid)}")


def _all_or_none(name: str, column: list) -> list | None:
    """A stored column that was absent throughout becomes None again; one absent in part is an error."""
    missing = [index for index, item in enumerate(column) if item is None]
    if not missing:
        return list(column)
    if len(missing) < len(column):
        raise ValueError(
            f"`{name}` must be given for every item or for none; "
            f"it is missing for item {missing[0]} and {len(missing) - 1} more"
        )
    return None


def _loaded_from() -> str | None:
    """The folder given to the `evaluate.load` call that is under way; evaluate keeps it in that call's frame alone."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not evaluate.load.__code__:
        frame = frame.f_back
    if frame is None or not os.path.exists(frame.f_locals["path"]):
        return None
    path = Path(frame.f_locals["path"]).resolve()
    return str(path if path.is_dir() else path.parent)
