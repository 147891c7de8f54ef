"""The `evaluate` module: card text, options and columns around `Scorer`, which does the work.

`evaluate.load` copies this file and the siblings imported below, and nothing else: every sibling that any sibling
uses is named here.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Collection
from typing import Any

import datasets
import evaluate
import safetensors
import tokenizers
import torch

from .batching import Scored
from .builtin_encoder import Encoder
from .builtin_identifier import ToxicityIdentifier
from .builtin_network import EncoderNetwork
from .builtin_weights import remember_folder
from .checkpoints import ModelRef
from .checks import check_flag, check_number
from .columns import NAMES, Columns, check_unterminated
from .components import Component
from .cpu_linear import use_onednn_linear
from .cpu_packing import can_be_padding_free
from .devices import resolve_device
from .evaluate_compat import StoredColumns, loaded_from
from .factors import KNOWN_CASES
from .model_builtin import BuiltInEncoder
from .model_classifier import Classifier
from .model_embedding import SentenceEmbedding
from .model_overlap import character_bleu
from .model_pair import PooledEmbedding
from .model_wieting import WietingEmbedding
from .model_xcomet import Xcomet
from .options import Options
from .protocol_records import Protocol
from .protocols import PROTOCOLS
from .results import MEANS, Segments
from .rules import Decision
from .scorer import Scorer
from .signature import render
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
    languages: list of strings, for results by language.
    per_segment: also return `segments`, the scores of each segment.
    bleu_source: also return the character BLEU of the predictions against the sources that some scripts print beside J.
    confidence: also return `ci`, the interval of each score at this level, in (0, 1); needs the installed package.
    unterminated: "predictions", "sources" or both, if the last line of that file has no newline.
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

# What evaluate's own constructor takes (evaluate 0.4.6, src/evaluate/module.py, `__init__`).
_BASE_OPTIONS = (
    "keep_in_memory", "cache_dir", "num_process", "process_id", "seed", "experiment_id", "hash",
    "max_concurrent_cache_files", "timeout",
)  # fmt: skip
_OPTIONS = tuple(inspect.signature(Scorer).parameters)
# The plural names, under which columns are stored, of the names that `add` takes as well.
_PLURALS = {"prediction": "predictions", "source": "sources", "reference": "references", "language": "languages"}


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class ToxicityJ(StoredColumns, evaluate.Metric):  # type: ignore[misc]
    """Computes STA, SIM, FL and J by a named protocol; see `Scorer` for the options.

    Args:
        config_name: the protocol's name, unless `protocol` is given; it then names files only.
        protocol: a `Protocol`, or a dict of its fields.
        **options: those of `Scorer`, and of `evaluate.load`.

    Raises:
        TypeError: an option is unknown (the nearest valid one is named).
        ValueError: `config_name` or the value of an option is not valid.
    """

    def __init__(self, config_name: str | None = None, **options: Any):
        self.prepare_storage()
        folder = options.pop("_folder", None) or loaded_from()
        _reject_unknown("option", options, (*_OPTIONS, *_BASE_OPTIONS))
        if folder:
            remember_folder(folder)
        given = {name: value for name, value in options.items() if name in _OPTIONS and value is not None}
        has_name = config_name not in (None, "default")
        given.setdefault("protocol", config_name if has_name else "embedded")
        self.scorer = Scorer(**given)
        name = config_name if has_name else self.scorer.protocol.name
        self._arguments = {"config_name": name, "_folder": folder, **options}
        base = {name: value for name, value in options.items() if name in _BASE_OPTIONS}
        # evaluate draws a seed at random when there is none, which would change the fingerprint of each `datasets.map`.
        base["seed"] = 0 if base.get("seed") is None else base["seed"]
        super().__init__(config_name=name, **base)

    def _info(self) -> evaluate.MetricInfo:
        columns = {
            "predictions": datasets.Value("string"),
            "sources": datasets.Value("string"),
            "references": datasets.Sequence(datasets.Value("string")),
        }
        if self.scorer.protocol.languages:  # `evaluate.combine` asks for each column that is named here
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
        confidence: float | None = None,
        unterminated: Collection[str] = (),
        **unknown: Any,
    ) -> dict[str, Any] | None:
        """Score the given columns, behind those that the same thread stored; or all that is stored.

        `data` is another name of `predictions`.

        Returns:
            The results; None in every process but the first of several.

        Raises:
            ImportError: `confidence` without the installed package.
            TypeError: an argument is unknown, or a column does not consist of strings.
            ValueError: there is nothing to score, columns differ in length, or the protocol needs a column that is
                missing.
        """
        _reject_unknown("argument of compute()", unknown, _COMPUTE_ARGUMENTS)
        check_flag("`per_segment`", per_segment)
        check_flag("`bleu_source`", bleu_source)
        lacking_newline = check_unterminated(unterminated)
        bootstrap_interval = None if confidence is None else _interval_function(confidence)
        given = _checked(predictions, sources, references, languages, data)
        joined = self.join_stored(None if given is None else _as_stored(given))
        if joined is None:
            return None
        columns = Columns(**joined, unterminated=lacking_newline)  # type: ignore[arg-type]
        segments = self._score(columns)
        scores = segments.corpus()
        if bootstrap_interval is not None:
            scores["ci"] = _intervals(segments, bootstrap_interval, confidence)
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
            TypeError: as compute().
            ValueError: as compute(); nothing of the batch is stored then.
        """
        _reject_unknown("argument of add_batch()", unknown, (*NAMES, "data"))
        columns = _checked(predictions, sources, references, languages, data)
        if columns is None:
            raise ValueError("`predictions` must be given to add_batch()")
        if languages is not None and "languages" not in self.features:
            raise ValueError(f"`languages` is not stored for the protocol {self.config_name!r}: give it to compute()")
        self.store(_as_stored(columns))

    def add(self, **segment: Any) -> None:
        """Store one segment until compute(): `prediction`, and `source`, `reference`, `language` where they are used.

        `reference` is a string or a list of strings. The plural names do as well (`evaluate.combine` passes them).

        Raises:
            TypeError: as compute().
            ValueError: as compute(); nothing is stored then.
        """
        plural = {_PLURALS.get(name, name): value for name, value in segment.items()}
        _reject_unknown("argument of add()", plural, NAMES)
        self.add_batch(**{name: None if value is None else [value] for name, value in plural.items()})

    def __call__(
        self, predictions: Any, sources: Any = None, references: Any = None, languages: Any = None
    ) -> dict[str, list[float]]:
        """Return the scores of each segment, for `dataset.map(metric, batched=True, input_columns=[...])`.

        Raises:
            TypeError: as compute().
            ValueError: as compute().
        """
        return self._score(Columns.check(predictions, sources, references, languages)).as_lists()

    def _score(self, columns: Columns) -> Segments:
        shows = None if evaluate.utils.logging.is_progress_bar_enabled() else False
        return self.scorer.score_columns(columns, progress=shows)

    def _bleu_source(self, columns: Columns) -> float:
        """Return the character BLEU of the predictions against the sources.

        Raises:
            ValueError: there are no sources.
        """
        read = columns.prepare(self.scorer.protocol)
        if read.sources is None:
            raise ValueError("`bleu_source` needs `sources`")
        return character_bleu(read.sources, read.predictions)


_COMPUTE_ARGUMENTS = tuple(name for name in inspect.signature(ToxicityJ.compute).parameters if name != "unknown")[1:]


def _checked(predictions: Any, sources: Any, references: Any, languages: Any, data: Any) -> Columns | None:
    """Return the checked columns; None when none is given."""
    if data is not None and predictions is not None:
        raise ValueError("`data` is another name of `predictions`; give one of them")
    predictions = data if predictions is None else predictions
    others = {"sources": sources, "references": references, "languages": languages}
    given = [name for name, column in others.items() if column is not None]
    if predictions is not None:
        return Columns.check(predictions, **others)
    if given:
        raise ValueError(f"`predictions` must be given with `{given[0]}`")
    return None


def _as_stored(columns: Columns) -> dict[str, list[Any] | None]:
    """Return the columns by name."""
    return {name: getattr(columns, name) for name in NAMES}


def _reject_unknown(kind: str, given: dict[str, Any], valid: tuple[str, ...]) -> None:
    for name in given:
        if name not in valid:
            nearest = difflib.get_close_matches(name, valid, n=1, cutoff=0.0)[0]
            raise TypeError(f"unknown {kind} `{name}`; did you mean `{nearest}`? Valid: {', '.join(valid)}")


def _interval_function(confidence: float) -> Any:
    """Return the function for intervals, which `evaluate.load` does not copy: it comes from the installed package.

    Raises:
        ImportError: the package is not installed.
        TypeError: `confidence` is not a number.
        ValueError: `confidence` is not above 0 and below 1.
    """
    check_number("`confidence`", confidence, 0, 1)
    if confidence in (0, 1):
        raise ValueError(f"`confidence` must be above 0 and below 1; got {confidence}")
    try:
        return importlib.import_module("toxicity_j.compare.statistics").bootstrap_interval
    except ImportError as error:
        raise ImportError(f"`confidence` needs the installed package (pip install .): {error}") from error


def _intervals(segments: Segments, bootstrap_interval: Any, confidence: float | None) -> dict[str, list[float]]:
    """Return the interval of each corpus score, as [low, high]."""
    if len(segments) < 2:
        raise ValueError(f"`confidence` needs at least 2 segments; got {len(segments)}")
    columns = {key: getattr(segments, name) for key, name in MEANS.items()}
    return {
        key: list(bootstrap_interval(column, level=confidence)) for key, column in columns.items() if column is not None
    }
