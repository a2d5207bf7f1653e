"""What the screens know about a run: one frozen row per job, made from events. Nothing here prints."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from xbuild.events import (
    Event,
    JobFinished,
    JobStatus,
    Output,
    PhaseStarted,
    Progress,
    RunFinished,
    RunStarted,
    WheelReady,
)

Clock = Callable[[], float]
"""Seconds that only ever grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job, or the run itself where ``job`` is empty.

    :ivar done: of ``total`` in this phase; both 0 where that is not known.
    :ivar started: the clock when it began, ``None`` while it waits.
    :ivar phase_started: the clock when its phase began.
    :ivar ended: the clock when it ended, ``None`` before.
    """

    job: str
    interpreter: str = ""
    phase: str = ""
    what: str = ""
    done: int = 0
    total: int = 0
    wheels: int = 0
    started: float | None = None
    phase_started: float = 0.0
    ended: float | None = None
    status: JobStatus | None = None

    @property
    def is_running(self) -> bool:
        """Begun and not ended."""
        return self.started is not None and self.ended is None

    def seconds(self, now: float) -> float:
        """How long it has run, or ran."""
        return 0.0 if self.started is None else (now if self.ended is None else self.ended) - self.started


class RunState:
    """The rows of a run. Events may be applied, and rows taken, from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[str, JobRow] = {"": JobRow(job="")}

    def rows(self) -> tuple[JobRow, ...]:
        """The run's own row, then the jobs in their order."""
        with self._lock:
            return tuple(self._rows.values())

    def row(self, job: str) -> JobRow:
        """The row of one job."""
        with self._lock:
            return self._rows.get(job) or JobRow(job=job)

    def apply(self, event: Event) -> JobRow:
        """Take in one event, and give the row that it belongs to, as it is now."""
        now = self._clock()
        with self._lock:
            if isinstance(event, RunStarted):
                self._rows.update({job: JobRow(job=job) for job in event.jobs if job not in self._rows})
            row = _after(self._rows.get(event.job) or JobRow(job=event.job), event, now)
            self._rows[event.job] = row
            return row


def _after(row: JobRow, event: Event, now: float) -> JobRow:
    if isinstance(event, RunFinished):
        return replace(row, ended=now)
    change = _change(row, event, now)
    if change and row.started is None:
        change["started"] = now
    return replace(row, **change)


def _change(row: JobRow, event: Event, now: float) -> dict[str, Any]:
    change: dict[str, Any] = {}
    match event:
        case RunStarted():
            change = {"ended": None}
        case PhaseStarted(phase=phase, what=what, interpreter=interpreter):
            counts = {"done": 0, "total": 0, "phase_started": now}
            change = {"phase": phase, "what": what, "interpreter": interpreter, **counts}
        case Progress(phase=phase, done=done, total=total, what=what):
            interpreter = event.interpreter or row.interpreter
            change = {"phase": phase, "done": done, "total": total, "what": what, "interpreter": interpreter}
        case Output(phase="image", line=line):
            change = {"what": line}
        case WheelReady():
            change = {"wheels": row.wheels + 1}
        case JobFinished(status=status):
            change = {"status": status, "ended": now, "what": "", "done": 0, "total": 0}
    return change
