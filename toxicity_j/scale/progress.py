"""How far a run has come, how fast it goes and how long it still takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


class Progress:
    """Writes a line to stderr every few seconds.

    Args:
        total: rows in all, or None where it is not known.
        show: write at all.
        every: seconds between two lines.
        clock: seconds from any moment; one that is never set back.
    """

    def __init__(
        self,
        total: int | None,
        *,
        show: bool = True,
        every: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total, self._show, self._every, self._clock = total, show, every, clock
        self._begin = self._last = clock()
        self._skipped = self._scored = 0

    def skip(self, rows: int) -> None:
        """Count rows that an earlier run has scored."""
        self._skipped += rows

    def update(self, rows: int, position: float | None = None) -> None:
        """Count rows that this run has scored.

        Args:
            rows: how many more.
            position: share of the input read so far, in [0, 1], for a guess at the
                total.
        """
        self._scored += rows
        now = self._clock()
        if self._show and now - self._last >= self._every:
            self._last = now
            print(self.line(position), file=sys.stderr, flush=True)

    def line(self, position: float | None = None) -> str:
        """Return one line: rows done, rows per second, time left if it is known."""
        done = self._skipped + self._scored
        # A clock may not have moved since the first row.
        seconds = max(self._clock() - self._begin, 1e-9)
        # Rows of an earlier run took no time of this one.
        rate = self._scored / seconds
        speed = f"{rate:,.0f} rows/s"
        if self._total:
            total, of = self._total, f" of {self._total:,}"
        elif position:
            total = int(done / position)
            of = f" of about {total:,}"
        else:
            return f"{done:,} rows, {speed}"
        text = f"{done:,}{of} rows, {speed}"
        if rate > 0:
            left = max(0, total - done) / rate
            text += f", {duration(left)} left"
        return text


def duration(seconds: float) -> str:
    """Return a time in its two largest units, such as "3 h 12 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    shown = []
    for value, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")):
        if value:
            shown.append(f"{value} {unit}")
    return " ".join(shown[:2]) or "0 s"
