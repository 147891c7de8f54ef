"""Columns in: what a column of texts may be, and what is rejected, in one place.

Nothing is repaired: an item that is not a string, a missing item or a different length is an error that names the
argument. `Columns.check` runs once per call; what it returns is trusted afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from .protocol_records import Protocol

NAMES = ("predictions", "sources", "references", "languages")

# Rows that a Scorer scores together. More are scored block by block: batches then hold the same texts however a corpus
# is cut, and a score keeps its last bits.
BLOCK = 4096


@dataclass(frozen=True)
class Columns:
    """The texts of one call, checked.

    Attributes:
        predictions: n texts.
        sources: n texts, or None.
        references: n lists of texts, or None.
        languages: n names of languages, or None.
        unterminated: columns whose last text ended its file without a newline; see `Columns.prepare`.
    """

    predictions: list[str]
    sources: list[str] | None = None
    references: list[list[str]] | None = None
    languages: list[str] | None = None
    unterminated: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.predictions)

    @classmethod
    def check(
        cls,
        predictions: Any,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
        unterminated: Collection[str] = (),
    ) -> Columns:
        """Check what a user gives as columns.

        Raises:
            TypeError: a column does not consist of strings.
            ValueError: a column is empty, columns differ in length, or `unterminated` names no column of texts.
        """
        columns = cls(
            predictions=texts(predictions, "predictions"),
            sources=None if sources is None else texts(sources, "sources"),
            references=None if references is None else reference_lists(references),
            languages=None if languages is None else texts(languages, "languages"),
            unterminated=check_unterminated(unterminated),
        )
        same_length(**{name: getattr(columns, name) for name in NAMES})
        return columns

    def blocks(self, size: int = BLOCK) -> Iterator[Columns]:
        """Cut the columns into blocks of at most `size` rows."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield replace(
                self,
                predictions=self.predictions[rows],
                sources=None if self.sources is None else self.sources[rows],
                references=None if self.references is None else self.references[rows],
                languages=None if self.languages is None else self.languages[rows],
            )

    def prepare(self, protocol: Protocol) -> Columns:
        """Return the texts as the protocol's script reads them.

        Surrounding white space is stripped where the script does so. Where it reads files with readlines(), each text
        ends in a newline, except the last one of a file that does not end in one (`unterminated`).

        Raises:
            ValueError: a column that the protocol needs is missing.
        """
        references = None if protocol.references == "unused" else self.references
        _check_present(protocol, self.sources, references)
        return replace(
            self,
            predictions=self._read(protocol, "predictions", self.predictions),
            sources=None if self.sources is None else self._read(protocol, "sources", self.sources),
            references=None
            if references is None
            else [self._read(protocol, "references", item) for item in references],
        )

    def _read(self, protocol: Protocol, name: str, column: list[str]) -> list[str]:
        """Return one column as the protocol's script reads it."""
        read = column
        if protocol.strip in ("all", name):
            read = [text.strip() for text in read]
        if protocol.newline:
            terminated = [_terminated(text) for text in read]
            if name in self.unterminated:
                terminated[-1] = read[-1]
            read = terminated
        return read


def texts(column: Any, name: str) -> list[str]:
    """Check one column of texts.

    Args:
        column: a list or another ordered iterable of strings: a tuple, a generator, a NumPy array, a pandas Series,
            an Arrow array, a `datasets.Column`.
        name: the argument's name, for messages.

    Returns:
        The texts, unchanged, in order.

    Raises:
        TypeError: the column is a bare string, bytes, a dict, a set, a table or not iterable, or an item is not a
            string (the index is named).
        ValueError: the column is empty, or a text holds a lone surrogate (which no encoding can write).
    """
    items = _as_list(column, name)
    if not items:
        raise ValueError(f"`{name}` must hold at least one text; got an empty list")
    for index, item in enumerate(items):
        if type(item) is not str:
            items[index] = _plain_string(item, name, f"item {index}")
    _reject_surrogates(items, name)
    return items


def reference_lists(column: Any, name: str = "references") -> list[list[str]]:
    """Check a column of references: one string, or a non-empty list of strings, for each item.

    Returns:
        A list of texts for each item.

    Raises:
        TypeError: as `texts`, for the column and for each item.
        ValueError: as `texts`, for the column and for each item.
    """
    items = _as_list(column, name, nested=True)
    if not items:
        raise ValueError(f"`{name}` must hold at least one item; got an empty list")
    singles = [[item] if isinstance(item, str) else item for item in items]
    return [texts(item, f"{name}[{index}]") for index, item in enumerate(singles)]


def same_length(**columns: list[Any] | None) -> int:
    """Return the common length of the columns that are given.

    Raises:
        ValueError: two of them differ; both lengths are named.
    """
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    (first, expected), *others = lengths.items()
    for name, length in others:
        if length != expected:
            raise ValueError(f"`{name}` must be as long as `{first}`; got {length} items for {expected}")
    return expected


def check_unterminated(unterminated: Collection[str]) -> tuple[str, ...]:
    """Check the argument `unterminated`.

    Raises:
        TypeError: it is not a list of names.
        ValueError: a name is not that of a column of texts.
    """
    if isinstance(unterminated, str) or not isinstance(unterminated, Collection):
        raise TypeError(f"`unterminated` must be a list of names of columns; got {_kind(unterminated)}")
    for column in unterminated:
        if column not in ("predictions", "sources"):
            raise ValueError(f"`unterminated` must name 'predictions', 'sources' or both; got {column!r}")
    return tuple(unterminated)


def _as_list(column: Any, name: str, *, nested: bool = False) -> list[Any]:
    """Return the items of a column; `nested` allows an array of two dimensions, whose items are lists."""
    if column is None or isinstance(column, (str, bytes, Mapping, Set)):
        raise TypeError(f"`{name}` must be a list of strings; got {_kind(column)}")
    is_array = hasattr(column, "tolist")  # NumPy, pandas, torch
    shape = getattr(column, "shape", None)
    if isinstance(shape, tuple) and len(shape) != 1 and not (nested and is_array and len(shape) == 2):
        # Iterating over a DataFrame would give the names of its columns.
        raise TypeError(f"`{name}` must be a list of strings; got a {type(column).__name__} of shape {shape}")
    if hasattr(column, "to_pylist"):  # Arrow
        return list(column.to_pylist())
    if is_array:
        return list(column.tolist())
    if not isinstance(column, Iterable) and not hasattr(column, "__getitem__"):
        raise TypeError(f"`{name}` must be a list of strings; got {_kind(column)}")
    return list(column)


def _plain_string(item: Any, name: str, place: str) -> str:
    if not isinstance(item, str):
        raise TypeError(f"`{name}` must hold strings only; {place} is {_kind(item)}")
    return str(item)


def _reject_surrogates(items: list[str], name: str) -> None:
    for index, item in enumerate(items):
        if not item.isascii():
            try:
                item.encode("utf-8")
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"`{name}` must hold valid Unicode; item {index} has a lone surrogate at character {error.start}"
                ) from None


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 40 else shown[:37] + '...'}"


def _terminated(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _check_present(protocol: Protocol, sources: list[str] | None, references: list[list[str]] | None) -> None:
    """Check that a J that was asked for, by giving more than predictions, can be computed."""
    if references is None and sources is not None and protocol.references == "required":
        in_content = protocol.content is not None and protocol.content.reference_weight > 0
        factor = "SIM" if in_content else "the third factor of J"
        raise ValueError(f"`references` must be given for the protocol {protocol.name!r}: {factor} compares with them")
    if references is not None and sources is None and "sources" in protocol.needs:
        raise ValueError(f"`sources` must be given with `references` for the protocol {protocol.name!r}; got None")
