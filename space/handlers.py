"""What happens on an event.

A mistake of the visitor becomes a message; results on the screen stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr

from toxicity_j import protocols

from . import batch, batch_view, elsewhere_view, pair
from .examples import example_table
from .limits import InputError
from .markup import notice
from .models import Choice
from .tables import EMPTY_HEADERS, EMPTY_ROWS, Table, checked_columns
from .uploads import read_files, read_pasted


def on_pair(
    source: str | None, lines: str | None, reference: str | None, *models: str
) -> tuple[Any, ...]:
    """Return status, results and how to reproduce them, of one source."""
    # gradio sends None for a box that was never touched.
    source, lines, reference = source or "", lines or "", reference or ""
    try:
        choice = Choice(*models)
        rewrites = pair.rewrites_of(lines)
        shown, signature = pair.show(source, rewrites, choice, reference)
    except InputError as error:
        return (notice(str(error), "error"), gr.skip(), gr.skip())
    elsewhere = elsewhere_view.pair_elsewhere(
        source, rewrites, choice, reference, signature
    )
    return ("", shown, elsewhere)


def on_protocol(name: str) -> Any:
    """Return whether the field for a reference is shown."""
    return gr.update(visible=protocols()[name].references != "unused")


def on_upload(paths: list[str] | None) -> tuple[Any, str, None]:
    """Return the table of the uploaded files, and delete them."""
    try:
        table = read_files(paths or [])
    except InputError as error:
        return gr.skip(), notice(str(error), "error"), None
    finally:
        # At once: the page says that uploads are deleted when they are read.
        for path in paths or []:
            with suppress(OSError):
                Path(path).unlink()
    return _shown(table), _rows_read(table), None


def on_paste(text: str) -> tuple[Any, str]:
    """Return the table of pasted text."""
    try:
        table = read_pasted(text or "")
    except InputError as error:
        return gr.skip(), notice(str(error), "error")
    return _shown(table), _rows_read(table)


def on_example() -> tuple[Any, str]:
    """Return the example table."""
    message = notice("The example is in the table. Press Compare.")
    return _shown(example_table()), message


def on_empty() -> tuple[Any, str]:
    """Return an empty table."""
    rows = [[""] * len(EMPTY_HEADERS) for _ in range(EMPTY_ROWS)]
    message = notice(
        "Write or paste into the table. Columns and rows that stay blank do not count."
    )
    return _shown(Table(EMPTY_HEADERS, rows)), message


def on_compare(table: Any, order: str, *models: str) -> Iterator[tuple[Any, ...]]:
    """Yield the progress, then the comparison."""
    keep = [gr.skip()] * 4
    # The buttons Compare and Cancel: one of them at a time can be pressed.
    running = [gr.update(interactive=False), gr.update(interactive=True)]
    idle = [gr.update(interactive=True), gr.update(interactive=False)]
    try:
        choice = Choice(*models)
        columns = checked_columns(list(table.columns), table.to_numpy().tolist())
        for step in batch.score_table(columns, choice):
            if isinstance(step, batch.Progress):
                yield (_progress(step), *keep, *running, gr.skip())
                continue
            shown = batch_view.render_scored(step)
            every = batch_view.render_segments(step, order)
            results = (shown, step, every, gr.update(visible=True))
            yield ("", *results, *idle, elsewhere_view.table_elsewhere(step))
    except InputError as error:
        yield (notice(str(error), "error"), *keep, *idle, gr.skip())


def on_cancel() -> tuple[Any, ...]:
    """Return what the page says after a job was canceled."""
    return (
        notice("Canceled. Earlier results are kept."),
        gr.update(interactive=True),
        gr.update(interactive=False),
    )


def on_order(scored: batch.ScoredTable | None, order: str) -> Any:
    """Return every row in another order."""
    # Nothing was compared yet, or it was forgotten meanwhile.
    if scored is None:
        return gr.skip()
    return batch_view.render_segments(scored, order)


def _rows_read(table: Table) -> str:
    return notice(f"{len(table.rows)} rows were read. Edit them, or press Compare.")


def _shown(table: Table) -> Any:
    return gr.Dataframe(
        value=table.rows,
        headers=table.headers,
        column_count=(len(table.headers), "fixed"),  # type: ignore[arg-type]
        column_widths=widths(len(table.headers)),
    )


def widths(count: int) -> list[str]:
    """Return the widths of a table's columns: equal, and wide enough for a phone."""
    width = max(220, 1000 // count)
    return [f"{width}px"] * count


def _progress(step: batch.Progress) -> str:
    share = step.done / step.total
    return (
        '<p class="tj tj-notice tj-info" role="status">'
        f"Scored {step.done} of {step.total} rewrites "
        f'<progress value="{share:.3f}" max="1">{share:.0%}</progress></p>'
    )
