"""Tokenizers of published checkpoints, as their authors wrote them.

transformers 5 rebuilds tokenizers by a class of its own and drops what that class does
not know: the character map of DeBERTa-v2's SentencePiece model, by which full-width
punctuation is known. Here the rules come from the file itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from .checkpoints import ModelRef, load_errors, must_be_cached

__all__ = [
    "COLUMN_NAMES",
    "TokenColumns",
    "TextEncoder",
    "count_tokens",
    "load_tokenizer",
]

# The token ids of a text and, where the model reads them, its token types.
TokenColumns = list[list[int]]
# What a model sees of them. No mask is among them, because nothing is padded.
COLUMN_NAMES = ("input_ids", "token_type_ids")

_SENTENCEPIECE_FILES = ("spm.model", "sentencepiece.bpe.model", "spiece.model")


def load_tokenizer(
    ref: ModelRef, role: str, argument: str, *, split_special_tokens: bool = False
) -> Any:
    """Load a transformers tokenizer whose rules are those of its files.

    Args:
        ref: the model or folder that holds it.
        role: what it is for, for messages.
        argument: the argument that replaces it, for messages.
        split_special_tokens: spell out a literal "<unk>" or "<pad>" of a text, as
            fairseq does.

    Raises:
        ImportError: a SentencePiece file is all there is, and protobuf or sentencepiece
            is not installed.
        OSError: the tokenizer is missing, gated, out of reach or damaged.
    """
    from transformers import AutoTokenizer

    revision = ref.revision or "main"
    with load_errors(ref, f"{role} (its tokenizer)", argument):
        is_cached = must_be_cached(ref)
        rules = _find_first(ref, ["tokenizer.json"], is_cached)
        pieces = _find_first(ref, _SENTENCEPIECE_FILES, is_cached)
        if pieces is not None and rules is None:
            _require_sentencepiece(ref)
        tokenizer = AutoTokenizer.from_pretrained(
            ref.location,
            revision=revision,
            trust_remote_code=False,
            local_files_only=is_cached,
        )
        _check_vocabulary(tokenizer)
        # The file is the author's word; the class of transformers is a guess at it.
        if tokenizer.is_fast and rules is not None:
            _follow_tokenizer_json(tokenizer, rules)
        elif tokenizer.is_fast and pieces is not None:
            _follow_sentencepiece(tokenizer, pieces)
        if split_special_tokens:
            tokenizer.split_special_tokens = True
    return tokenizer


class TextEncoder:
    """Turn texts, or pairs of texts, into token ids, and say which were truncated.

    Safe to use from several threads, because the tokenizer's state is set once.

    Args:
        tokenizer: of transformers.
        max_length: most tokens of a text or pair, special tokens included.
        truncate_raw: drop what is over `max_length` wherever it falls, the closing
            special token too, as fairseq's evaluators do (s-nlp/paradetox:
            evaluation_detox/metric_tools/fluency.py); otherwise a truncated text keeps
            its closing token.
    """

    def __init__(
        self, tokenizer: Any, max_length: int, *, truncate_raw: bool = False
    ) -> None:
        self.tokenizer, self.max_length = tokenizer, max_length
        self.truncate_raw = truncate_raw
        self.has_types = "token_type_ids" in tokenizer.model_input_names
        self._backend = tokenizer.backend_tokenizer if tokenizer.is_fast else None
        if self._backend is not None:
            # Set once and not by each call, because threads share the tokenizer.
            self._backend.no_padding()
            self._backend.no_truncation()
            if not truncate_raw:
                self._backend.enable_truncation(
                    max_length, direction=tokenizer.truncation_side
                )
            self._backend.encode_special_tokens = bool(tokenizer.split_special_tokens)

    def __call__(self, items: Sequence[Any]) -> tuple[list[TokenColumns], list[bool]]:
        """Encode items.

        Args:
            items: n texts, or n pairs of texts.

        Returns:
            For each item its columns, token ids and, where the model reads them, token
            types; and whether the item was truncated. *Shape:* (n, columns, tokens) and
            (n,)
        """
        if self._backend is None:
            columns, truncated = self._slow(items)
        else:
            columns, truncated = self._fast(self._backend, items)
        if self.truncate_raw:
            truncated = [len(item[0]) > self.max_length for item in columns]
            columns = [self._cut(item) for item in columns]
        return columns, truncated

    def _cut(self, item: TokenColumns) -> TokenColumns:
        return [values[: self.max_length] for values in item]

    def _fast(
        self, backend: Any, items: Sequence[Any]
    ) -> tuple[list[TokenColumns], list[bool]]:
        encodings = backend.encode_batch_fast(list(items))
        truncated = [bool(encoding.overflowing) for encoding in encodings]
        if not self.has_types:
            return [[encoding.ids] for encoding in encodings], truncated
        columns = [[encoding.ids, encoding.type_ids] for encoding in encodings]
        return columns, truncated

    def _slow(self, items: Sequence[Any]) -> tuple[list[TokenColumns], list[bool]]:
        """Encode with a tokenizer that is written in Python."""
        texts = [list(items)]
        if isinstance(items[0], tuple):
            texts = [list(column) for column in zip(*items, strict=True)]
        whole = self.tokenizer(*texts, verbose=False)
        # Twice, because a tokenizer written in Python does not say what it cut.
        cut = whole
        if not self.truncate_raw:
            cut = self.tokenizer(*texts, truncation=True, max_length=self.max_length)
        lengths = zip(whole["input_ids"], cut["input_ids"], strict=True)
        truncated = [len(full) > len(kept) for full, kept in lengths]
        if not self.has_types:
            return [[ids] for ids in cut["input_ids"]], truncated
        pairs = zip(cut["input_ids"], cut["token_type_ids"], strict=True)
        return [list(pair) for pair in pairs], truncated


def count_tokens(columns: TokenColumns) -> int:
    """Return the number of tokens of an encoded text."""
    return len(columns[0])


def _check_vocabulary(tokenizer: Any) -> None:
    """Check that there was a file of the vocabulary.

    Without one transformers 5 makes a tokenizer of special tokens alone, to which every
    word is unknown.
    """
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise OSError("there is no file of its vocabulary")


def _find(ref: ModelRef, file: str, is_cached: bool) -> Path | None:
    """Return a file of a model, fetched if need be; None if the model has none."""
    if ref.folder is not None:
        path = ref.folder / file
        if path.is_file():
            return path
        return None
    from transformers.utils.hub import cached_file

    found = cached_file(
        ref.name,
        file,
        revision=ref.revision,
        local_files_only=is_cached,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if found is None:
        return None
    return Path(found)


def _find_first(ref: ModelRef, files: Sequence[str], is_cached: bool) -> Path | None:
    for file in files:
        path = _find(ref, file, is_cached)
        if path is not None:
            return path
    return None


def _require_sentencepiece(ref: ModelRef) -> None:
    try:
        from sentencepiece import sentencepiece_model_pb2  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"the tokenizer of {str(ref)!r} is a SentencePiece file, which needs"
            " sentencepiece and protobuf: pip install '.[xcomet]' in a clone"
        ) from error


def _follow_tokenizer_json(tokenizer: Any, path: Path) -> None:
    """Take every rule from the file, for SentencePiece's unigram models.

    The other kinds are rebuilt faithfully, options of `tokenizer_config.json` included.
    """
    from tokenizers import Tokenizer, models

    written = Tokenizer.from_file(str(path))
    if not isinstance(written.model, models.Unigram):
        return
    backend = tokenizer.backend_tokenizer
    backend.model = written.model
    if written.normalizer is not None:
        backend.normalizer = written.normalizer
    elif backend.normalizer is not None:
        backend.normalizer = None
    backend.pre_tokenizer = written.pre_tokenizer
    if written.post_processor is not None:
        backend.post_processor = written.post_processor


def _follow_sentencepiece(tokenizer: Any, path: Path) -> None:
    """Normalize as the SentencePiece file says."""
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import Regex, normalizers, pre_tokenizers

    written: Any = getattr(sentencepiece_model_pb2, "ModelProto")()  # noqa: B009 (made at run time by protobuf)
    written.ParseFromString(path.read_bytes())
    spec = written.normalizer_spec
    steps: list[Any] = []
    if getattr(tokenizer, "do_lower_case", False):
        steps.append(normalizers.Lowercase())
    if spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    if spec.remove_extra_whitespaces:
        steps.append(normalizers.Strip())
        steps.append(normalizers.Replace(Regex(" {2,}"), " "))
    splits: list[Any] = []
    if getattr(tokenizer, "split_by_punct", False):
        splits.append(pre_tokenizers.Punctuation(behavior="isolated"))
    scheme: Literal["always", "never"] = "never"
    if spec.add_dummy_prefix:
        scheme = "always"
    splits.append(pre_tokenizers.Metaspace(prepend_scheme=scheme))
    backend = tokenizer.backend_tokenizer
    backend.normalizer = normalizers.Sequence(steps)
    backend.pre_tokenizer = pre_tokenizers.Sequence(splits)
