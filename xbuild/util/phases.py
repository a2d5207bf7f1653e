"""The phases of a run as it enters them: each is an event, a place to stop, and a time."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

from xbuild.events import Emitter, Phase
from xbuild.util.cancel import stop_if


class Phases:
    """Tells which phase a run enters, and knows how long each took.

    :param cancel: set when the run is to end.
    """

    def __init__(self, emitter: Emitter, cancel: threading.Event) -> None:
        self._emitter = emitter
        self._cancel = cancel
        self._begun: dict[Phase, float] = {}

    def enter(self, phase: Phase, what: str = "", *, job: str = "") -> None:
        """Begin a phase of the run, or of one job.

        :raises InterruptedRunError: the run is to end.
        """
        stop_if(self._cancel)
        self.begin(phase)
        self._emitter.of(job).phase(phase, what)

    def begin(self, phase: Phase) -> None:
        """Count the time from now on for a phase, unless it has begun."""
        self._begun.setdefault(phase, time.monotonic())

    def durations(self) -> dict[str, float]:
        """Seconds of making images, of fetching, and of the jobs with all that follows until now."""
        order: tuple[Phase, ...] = ("image", "fetch", "build")
        names = [name for name in order if name in self._begun]
        times = [*(self._begun[name] for name in names), time.monotonic()]
        return {name: b - a for name, (a, b) in zip(names, pairwise(times), strict=True)}
