"""What `evaluate` 0.4.6 forces on a metric: its folder, its Arrow files, its pickles.

Each part names the function of evaluate (src/evaluate/module.py unless said otherwise)
that makes it necessary.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import evaluate
import pyarrow

from .locks import Lock
from .stored_columns import (
    Stored,
    all_or_none,
    appended,
    await_reader,
    check_same_columns,
    leave,
    row_count,
    rows_of,
)

# What evaluate's own constructor takes (`EvaluationModule.__init__`).
BASE_OPTIONS = (
    "keep_in_memory", "cache_dir", "num_process", "process_id", "seed",
    "experiment_id", "hash",
    "max_concurrent_cache_files", "timeout",
)  # fmt: skip
# Rows per write. datasets' ArrowWriter writes the whole column again for each part that
# it cuts a batch into, so one write of n rows takes n * n / 1000 rows on disk.
_SLICE = 1000


def loaded_from() -> str | None:
    """Return the local folder given to the `evaluate.load` call under way, if any.

    `load` (src/evaluate/loading.py) copies this code elsewhere and keeps the folder in
    its own frame only.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not evaluate.load.__code__:
        frame = frame.f_back
    if frame is None or not os.path.exists(frame.f_locals["path"]):
        return None
    path = Path(frame.f_locals["path"]).resolve()
    if path.is_dir():
        return str(path)
    return str(path.parent)


class StoredColumns:
    """The columns that `add` and `add_batch` store until compute(), for a Metric.

    It is not a Metric itself, because `import_main_class` (src/evaluate/loading.py)
    takes the first Metric that it finds among the names of the main script.

    One lock guards storing, reading and discarding. Segments stored by one thread are
    not mixed with columns that another thread gives to compute().
    """

    # Set by `EvaluationModule.__init__`.
    writer: Any
    filelock: Any
    filelocks: Any
    file_paths: Any
    cache_file_name: str | None
    num_process: int
    process_id: int
    experiment_id: str
    timeout: float
    features: Any
    name: str
    config_name: str
    data_dir: str
    _data_dir_root: str
    _arguments: dict[str, Any]

    def prepare_storage(self) -> None:
        """Make the lock; to be called before evaluate's `__init__`."""
        self._storage_lock = Lock()
        self._storing_threads: set[int] = set()
        self._stored_names: frozenset[str] = frozenset()

    @contextlib.contextmanager
    def join_stored(self, given: Stored | None) -> Iterator[Stored | None]:
        """Take the columns that compute() is to score; put them back if it fails.

        They are the given ones behind those that the same thread stored; without given
        ones, all that is stored. None in every process but the first of several.

        Raises:
            OSError: files of stored columns cannot be written or read.
            ValueError: there is nothing to score, a column is there for some segments
                only, or another process did not come within `timeout`.
        """
        with self._storage_lock:
            threads, names = set(self._storing_threads), self._stored_names
            stored = self._take_for(given)
        try:
            yield self._joined(stored, given)
        except BaseException:
            # Of several processes the others have gone on to their next round.
            if stored is not None and self.num_process == 1:
                with self._storage_lock:
                    self.store(stored)
                    self._storing_threads |= threads
                    self._stored_names = names
            raise

    def add_stored(self, columns: Stored) -> None:
        """Store further segments.

        Raises:
            OSError: the file cannot be written.
            ValueError: other columns are given than for those that are stored.
        """
        with self._storage_lock:
            if self._stored_names:
                check_same_columns(self._stored_names, columns)
            self.store(columns)
            given = (name for name, column in columns.items() if column is not None)
            self._stored_names = frozenset(given)

    def _take_for(self, given: Stored | None) -> dict[str, list[Any]] | None:
        """Take what is stored, unless the given columns stand alone."""
        is_shared = self.num_process > 1
        has_stored = threading.get_ident() in self._storing_threads
        if given is not None and not is_shared and not has_stored:
            return None
        if is_shared and (given is not None or self.writer is None):
            # Process 0 reads it there.
            self.store(given or dict.fromkeys(self.features, []))
        if self.writer is None and not is_shared:
            raise ValueError(
                "`predictions` must be given to compute(), or stored before by"
                " add() or add_batch()"
            )
        return self._take()

    def _joined(
        self, stored: dict[str, list[Any]] | None, given: Stored | None
    ) -> Stored | None:
        """Return the given columns behind the taken ones."""
        is_shared = self.num_process > 1
        if stored is None:
            return None if is_shared else given
        if given is not None and not is_shared:
            stored = appended(stored, given)
        return {name: all_or_none(name, column) for name, column in stored.items()}

    def store(self, columns: Mapping[str, list[Any] | None]) -> None:
        """Write columns to evaluate's Arrow file; if that fails, discard all.

        Args:
            columns: by name, lists of equal length; None for a column that is absent.

        Raises:
            OSError: the file cannot be written.
        """
        # A share without rows is one empty write, for which process 0 waits.
        count = row_count(columns)
        end = max(count, int(self.num_process > 1))
        with self._storage_lock:
            self._storing_threads.add(threading.get_ident())
            try:
                for start in range(0, end, _SLICE):
                    rows = slice(start, min(start + _SLICE, count))
                    batch = {
                        name: rows_of(columns.get(name), rows) for name in self.features
                    }
                    self._write(batch)
            except BaseException as error:
                self.discard()
                errno = error.errno if isinstance(error, OSError) else None
                if errno is None and not isinstance(error, pyarrow.ArrowException):
                    raise
                message = f"`cache_dir`: what was stored could not be written ({error})"
                # A number makes it a FileNotFoundError, a PermissionError etc.
                words = [message] if errno is None else [errno, message]
                raise OSError(*words) from error

    def _take(self) -> dict[str, list[Any]] | None:
        """Read and discard what all processes store; None in all but the first."""
        if self.process_id > 0:
            leave(self._share_path())
        try:
            # It ends in `_compute` below.
            stored: dict[str, list[Any]] | None = super().compute()  # type: ignore[misc]
        except BaseException:
            self.discard()
            raise
        self.filelocks = self.file_paths = None
        self._forget()
        return stored

    def discard(self) -> None:
        """Let go of what is stored: files and locks."""
        # evaluate does so after a success only (`compute`).
        with self._storage_lock:
            self._forget()
            self._close_writer()
            locks, paths = list(self.filelocks or []), list(self.file_paths or [])
            if self.filelock is not None and self.num_process == 1:
                locks.append(self.filelock)
                paths.append(self.cache_file_name)
            for lock, path in zip(locks, paths, strict=True):
                Path(path).unlink(missing_ok=True)
                lock.release()
            self.cache_file_name = None
            self.filelock = self.filelocks = self.file_paths = None

    def _forget(self) -> None:
        """Note that nothing is stored."""
        self._storing_threads.clear()
        self._stored_names = frozenset()

    def _write(self, columns: dict[str, list[Any]]) -> None:
        if self.writer is None:
            await_reader(self._share_path(), self.timeout)
        if not getattr(self, "keep_in_memory", False):
            os.makedirs(self.data_dir, exist_ok=True)
        super().add_batch(**columns)  # type: ignore[misc]

    def _share_path(self) -> str:
        """Return this process's file, as `_create_cache_file` names it."""
        share = f"{self.num_process}-{self.process_id}"
        return os.path.join(self.data_dir, f"{self.experiment_id}-{share}.arrow")

    def _close_writer(self) -> None:
        """Close evaluate's writer, also one whose disk is full."""
        # Closing that one raises again, and so would each later use of it.
        if self.writer is not None:
            try:
                self.writer.finalize()
            except (OSError, ValueError, pyarrow.ArrowException):
                self._close_stream()
        self.data = self.writer = self.buf_writer = self.selected_feature_format = None

    def _close_stream(self) -> None:
        stream = getattr(self.writer, "stream", None)
        if stream is not None:
            # Nothing more can be done, and the file is deleted next.
            with contextlib.suppress(OSError, ValueError, pyarrow.ArrowException):
                stream.close()

    def _compute(self, **stored: Any) -> dict[str, list[Any]]:
        """Return the stored columns to `_take`, called by evaluate's `compute`.

        evaluate removes files from the last to the first. Process 0 must be free before
        another sees its file vanish, or that one takes the lock of this round for that
        of the next.
        """
        if self.num_process > 1:
            self.filelocks.reverse()
            self.file_paths.reverse()
        return {name: list(column) for name, column in stored.items()}

    def _build_data_dir(self) -> str:
        """Return the folder of Arrow files."""
        # One that cannot be made is no error before something is stored.
        try:
            folder: str = super()._build_data_dir()  # type: ignore[misc]
        except OSError:
            folder = os.path.join(self._data_dir_root, self.name, self.config_name)
        return folder

    def _enforce_nested_string_type(self, schema: Any, obj: Any) -> None:
        """Check nothing: columns are checked already."""
        # evaluate's own check (`add_batch`) fails on absent columns.

    def __len__(self) -> int:
        with self._storage_lock:
            return super().__len__()  # type: ignore[misc,no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        """Return the arguments, from which an equal metric is made."""
        # Locks and writers cannot be pickled, and evaluate has no rule for it.
        if len(self):
            raise ValueError(
                f"a metric that stores {len(self)} segments cannot be pickled: call"
                " compute() first"
            )
        return self._arguments

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        self.__init__(**arguments)  # type: ignore[misc]
