"""A scorer without a model, for tests of what happens around one: scores are plain
functions of the texts.

A text that begins with a fault's name provokes it: see `Stub`.
"""

from __future__ import annotations

import os
import signal
import time
import zlib
from pathlib import Path

import numpy as np

from toxicity_j.results import Segments


def share(text: str) -> float:
    """A number in [0, 1) that any text has."""
    return zlib.crc32(text.encode()) / 2**32


def truncated_in(predictions) -> dict[str, int]:
    """As if a model read 100 characters."""
    count = len({text for text in predictions if len(text) > 100})
    return {"style": count} if count else {}


def segments(predictions, sources=None, signature="stub", languages=None) -> Segments:
    sta = np.array([share(text) for text in predictions])
    sim = fl = j = None
    if sources is not None:
        sim = np.array(
            [
                share(text + "|" + source)
                for text, source in zip(predictions, sources, strict=True)
            ]
        )
        fl = np.sqrt(sta)
        j = sta * sim * fl
    return Segments(
        sta=sta,
        p_toxic=1 - sta,
        nontoxic=(sta > 0.5) * 1.0,
        sim=sim,
        fl=fl,
        j=j,
        signature=signature,
        languages=languages,
        truncated=truncated_in(predictions),
    )


class Stub:
    """Scores by checksums; a text that begins with `KILL`, `HANG` or `STOP` does that
    to the process.

    Args:
        marks: a folder; a fault strikes `times` times in all, counted by files there.
        times: how often.
        pause: seconds that each call takes besides.
    """

    def __init__(
        self,
        marks: str = "",
        times: int = 1,
        pause: float = 0.0,
        signature: str = "stub",
    ):
        self.marks, self.times = marks, times
        self.pause, self.signature = pause, signature

    def score(
        self, predictions, sources=None, references=None, languages=None
    ) -> Segments:
        if self.pause:
            time.sleep(self.pause)
        for text in predictions:
            if not isinstance(text, str):
                raise TypeError(f"`predictions` must hold strings only; got {text!r}")
            if text.startswith(("KILL", "HANG", "STOP")) and self._strikes():
                self._strike(text)
        return segments(predictions, sources, self.signature, languages)

    def _strikes(self) -> bool:
        struck = len(list(Path(self.marks).iterdir()))
        if struck >= self.times:
            return False
        (Path(self.marks) / f"{struck}-{os.getpid()}").touch()
        return True

    @staticmethod
    def _strike(text: str) -> None:
        if text.startswith("KILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        if text.startswith("STOP"):
            os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(3600)
