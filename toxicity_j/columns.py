"""Columns in: the texts of one call, checked together; what one column may be is in
`column_checks`.

A different length or a missing column is an error that names the argument.
`Columns.check` runs once per call; what it returns is trusted afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from .column_checks import checked_references, checked_texts, described
from .protocol_records import Protocol

__all__ = [
    "BLOCK",
    "NAMES",
    "Columns",
    "check_present",
    "check_unterminated",
    "same_length",
]

Item = TypeVar("Item")

NAMES = ("predictions", "sources", "references", "languages")

# Rows that a Scorer scores together. More are scored block by block: batches then hold
# the same texts however a corpus is cut, and a score keeps its last bits.
BLOCK = 4096


@dataclass(frozen=True)
class Columns:
    """The texts of one call, checked.

    Attributes:
        predictions: n texts.
        sources: n texts, or None.
        references: n lists of texts, or None.
        languages: n names of languages, or None.
        unterminated: columns whose last text ended its file without a newline; see
            `Columns.prepare`.
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
            ValueError: a column is empty, columns differ in length, or `unterminated`
                names no column of texts.
        """
        checked = cls(
            predictions=checked_texts(predictions, "predictions"),
            sources=_optional_texts(sources, "sources"),
            references=_optional_references(references),
            languages=_optional_languages(languages),
            unterminated=check_unterminated(unterminated),
        )
        # After each column by itself, whose error is the more telling one.
        same_length(**checked.by_name())
        return checked

    def by_name(self) -> dict[str, list[Any] | None]:
        """Return the columns by their names; None for one that is absent."""
        return {
            "predictions": self.predictions,
            "sources": self.sources,
            "references": self.references,
            "languages": self.languages,
        }

    def blocks(self, size: int = BLOCK) -> Iterator[Columns]:
        """Cut the columns into blocks of at most `size` rows."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield replace(
                self,
                predictions=self.predictions[rows],
                sources=_rows(self.sources, rows),
                references=_rows(self.references, rows),
                languages=_rows(self.languages, rows),
            )

    def prepare(self, protocol: Protocol) -> Columns:
        """Return the texts as the protocol's script reads them.

        Surrounding white space is stripped where the script does so. Where it reads
        files with readlines(), each text ends in a newline, except the last one of a
        file that does not end in one (`unterminated`).

        Raises:
            ValueError: a column that the protocol needs is missing.
        """
        sources, references = self.sources, self.references
        # Users may pass a whole data set; what the protocol does not read is left
        # alone.
        if protocol.references == "unused":
            references = None
        check_present(protocol, sources, references)
        if sources is not None:
            sources = self._read(protocol, "sources", sources)
        if references is not None:
            references = [
                self._read(protocol, "references", item) for item in references
            ]
        predictions = self._read(protocol, "predictions", self.predictions)
        return replace(
            self, predictions=predictions, sources=sources, references=references
        )

    def _read(self, protocol: Protocol, name: str, column: list[str]) -> list[str]:
        """Return one column as the protocol's script reads it."""
        read = column
        if protocol.strip in ("all", name):
            read = [text.strip() for text in read]
        if protocol.newline:
            terminated = [_terminated(text) for text in read]
            # readlines() leaves the last line as the file has it.
            if name in self.unterminated:
                terminated[-1] = read[-1]
            read = terminated
        return read


def _optional_texts(column: Any, name: str) -> list[str] | None:
    if column is None:
        return None
    return checked_texts(column, name)


def _optional_references(column: Any) -> list[list[str]] | None:
    if column is None:
        return None
    return checked_references(column)


def _optional_languages(column: Any) -> list[str] | None:
    languages = _optional_texts(column, "languages")
    for index, language in enumerate(languages or []):
        if not language or language != language.strip():
            raise ValueError(
                "`languages` must hold names without space around them; item"
                f" {index} is {language!r}"
            )
    return languages


def same_length(**columns: Sequence[Any] | None) -> int:
    """Return the common length of the columns that are given.

    Raises:
        ValueError: two of them differ; both lengths are named.
    """
    given = {name: column for name, column in columns.items() if column is not None}
    first, *others = given
    expected = len(given[first])
    for name in others:
        length = len(given[name])
        if length != expected:
            raise ValueError(
                f"`{name}` must be as long as `{first}`; got {length} items for"
                f" {expected}"
            )
    return expected


def check_unterminated(unterminated: Collection[str]) -> tuple[str, ...]:
    """Check the argument `unterminated`.

    Raises:
        TypeError: it is not a list of names.
        ValueError: a name is not that of a column of texts.
    """
    if isinstance(unterminated, str) or not isinstance(unterminated, Collection):
        raise TypeError(
            "`unterminated` must be a list of names of columns; got"
            f" {described(unterminated)}"
        )
    for column in unterminated:
        if column not in ("predictions", "sources"):
            raise ValueError(
                "`unterminated` must name 'predictions', 'sources' or both; got"
                f" {column!r}"
            )
    return tuple(unterminated)


def _rows(column: list[Item] | None, rows: slice) -> list[Item] | None:
    if column is None:
        return None
    return column[rows]


def _terminated(text: str) -> str:
    if text.endswith("\n"):
        return text
    return text + "\n"


def check_present(
    protocol: Protocol, sources: list[str] | None, references: list[list[str]] | None
) -> None:
    """Check that the J asked for, by giving more than predictions, can be computed.

    Raises:
        ValueError: a column that the protocol needs is missing.
    """
    if protocol.references == "unused":
        return
    if references is None and sources is not None and protocol.references == "required":
        factor = "the third factor of J"
        if protocol.content is not None and protocol.content.reference_weight > 0:
            factor = "SIM"
        raise ValueError(
            f"`references` must be given for the protocol {protocol.name!r}: {factor}"
            " compares with them"
        )
    if references is not None and sources is None and "sources" in protocol.needs:
        raise ValueError(
            "`sources` must be given with `references` for the protocol"
            f" {protocol.name!r}; got None"
        )
