"""Match the rows of files to those of the leading one: by id, source text or place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .formats import ReaderError
from .tables import TEXT, Table


@dataclass(frozen=True)
class Keyed:
    """A file and what its rows can be matched by.

    Attributes:
        table: the file.
        role: what it is read for, in words.
        ids: its id column, or None.
        sources: its source texts, or None.
    """

    table: Table
    role: str
    ids: list[str] | None = None
    sources: list[str] | None = None

    def counted(self) -> str:
        """Return "s.txt (sources) has 36 lines"."""
        return f"{self.table.path} ({self.role}) has {self.table.counted()}"


def row_orders(files: Sequence[Keyed]) -> list[list[int]]:
    """Return the rows of each file in the order of the leading one, as indices.

    The first file with sources leads, else the first file.

    Raises:
        ReaderError: a row has no partner in another file, or nothing says which order
            the rows of a file have; the files are named.
    """
    first = _leading(files)
    named = _with_ids(first, files)
    orders = [_joined_order(first, named, file) for file in files]
    if named is not None and named.sources is None:
        _check_one_order(named, files)
    return orders


def _leading(files: Sequence[Keyed]) -> Keyed:
    # Sources are what the others can be matched by.
    for file in files:
        if file.sources is not None:
            return file
    return files[0]


def _with_ids(first: Keyed, files: Sequence[Keyed]) -> Keyed | None:
    """Return the file whose ids the others are matched to, or None without ids."""
    found = [file for file in (first, *files) if file.ids is not None]
    # Its sources tie it to the leading file; without them place must do.
    for file in found:
        if file.sources is not None:
            return file
    return next(iter(found), None)


def _joined_order(first: Keyed, named: Keyed | None, file: Keyed) -> list[int]:
    """Match a file to the leading one, through the file of ids if it has ids."""
    if named is None or file.ids is None:
        return _row_order(first, file)
    by_id = _row_order(named, file)
    return [by_id[row] for row in _row_order(first, named)]


def _check_one_order(named: Keyed, files: Sequence[Keyed]) -> None:
    """Check that a file matched by place can follow one order of ids only."""
    plain = [file for file in files if file.ids is None]
    for file in files:
        if plain and file.ids is not None and file.ids != named.ids:
            raise ReaderError(
                f"{file.table.path} has the ids of {named.table.path} in another order;"
                f" {plain[0].table.path} has no ids, so nothing says which order its"
                " rows have"
            )


def _row_order(first: Keyed, other: Keyed) -> list[int]:
    """Return the rows of `other` in the order of `first`, as indices.

    Raises:
        ReaderError: a row of one has no partner in the other; both files, both counts
            and the first line are named.
    """
    in_place = list(range(len(first.table.lines)))
    if first.table is other.table:
        return in_place
    if first.ids is not None and other.ids is not None:
        return _by_key(first, other, first.ids, other.ids, "id")
    if first.sources is not None and other.sources is not None:
        return _by_key(first, other, first.sources, other.sources, "source")
    if len(other.table.lines) != len(in_place):
        raise ReaderError(_count_error(first, other))
    return in_place


def _by_key(
    first: Keyed, other: Keyed, keys: list[str], other_keys: list[str], name: str
) -> list[int]:
    # Sentences may repeat, ids may not.
    if name == "id":
        _reject_repeated(first, keys)
        _reject_repeated(other, other_keys)
    wanted, found = _occurrences(keys), _occurrences(other_keys)
    rows = {key: row for row, key in enumerate(found)}
    partners = set(wanted)
    # Both ways: no row of either file may be left without a partner.
    counts = f"{other.counted()} and {first.counted()}"
    for lacking, having, candidates, known in (
        (other, first, wanted, rows),
        (first, other, found, partners),
    ):
        for row, key in enumerate(candidates):
            if key not in known:
                raise ReaderError(
                    f"{counts}; the first that parts is {having.table.path}, line"
                    f" {having.table.lines[row]}: its {name} {_shown(key[0])} has no"
                    f" partner in {lacking.table.path}"
                )
    return [rows[key] for key in wanted]


def _occurrences(keys: Sequence[str]) -> list[tuple[str, int]]:
    """Count the occurrences of each key, so that repeated sentences match in order."""
    seen: Counter[str] = Counter()
    numbered = []
    for key in keys:
        numbered.append((key, seen[key]))
        seen[key] += 1
    return numbered


def _reject_repeated(keyed: Keyed, ids: list[str]) -> None:
    first_rows: dict[str, int] = {}
    for row, key in enumerate(ids):
        if key in first_rows:
            lines = keyed.table.lines
            line, earlier = lines[row], lines[first_rows[key]]
            raise ReaderError(
                f"{keyed.table.path}, line {line}: the id {_shown(key)} stands on line"
                f" {earlier} too"
            )
        first_rows[key] = row


def _count_error(first: Keyed, other: Keyed) -> str:
    shorter, longer = sorted(
        (first.table, other.table), key=lambda table: len(table.lines)
    )
    line = longer.lines[len(shorter.lines)]
    counts = f"{other.counted()} and {first.counted()}"
    place = f"line {line} of {longer.path} is the first without a partner"
    return f"{counts}; {place}{_blank_end(longer)}"


def _blank_end(table: Table) -> str:
    """Say that a plain text file ends in blank lines, which are often an accident."""
    if not table.is_text:
        return ""
    # Blank lines count as empty segments, because a system may answer nothing.
    blank = 0
    for line in reversed(table.columns[TEXT]):
        if line.strip():
            break
        blank += 1
    if not blank:
        return ""
    return f" ({blank} blank at its end, which count)"


def _shown(key: str) -> str:
    if len(key) > 60:
        key = key[:57] + "..."
    return repr(key)
