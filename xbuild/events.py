"""What happens in a run, as frozen values. The core emits them; sinks (console, log files, JSON) show them.

Text that comes from a container is data in a field. No sink may interpret it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Literal

from xbuild.errors import ExitStatus, XbuildError

Phase = Literal["image", "fetch", "build", "collect", "check", "test"]
Stream = Literal["stdout", "stderr"]
Level = Literal["info", "warning", "error"]
RunStatus = Literal["ok", "partly", "failed", "interrupted", "error"]
"""How a run ended; ``error`` where an error stands in for its report."""
JobStatus = Literal[
    "built",
    "partly",
    "failed",
    "check-failed",
    "timeout",
    "out-of-memory",
    "engine-error",
    "internal-error",
    "interrupted",
    "refused",
    "not-run",
]
"""How a job ended. One that is ``refused`` or ``not-run`` never began: nothing of it can work, or the run
ended before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events.

    :ivar run: identifier of the run.
    :ivar time: seconds since the Unix epoch, UTC.
    :ivar job: identifier of the job (its target triple), or ``""`` for events of the whole run.
    :ivar interpreter: interpreter kind where the event belongs to one, else ``""``.
    :ivar number: its place among the run's events, from 1 on; 0 where there is no run.
    """

    kind: ClassVar[str] = "event"
    run: str
    time: float
    job: str = ""
    interpreter: str = ""
    number: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The event as JSON-ready values, with its ``event`` name first; empty fields are left out."""
        body = {name: value for name, value in asdict(self).items() if value not in ("", None, ())}
        return {"event": self.kind, **body}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run begins, and this is its first event; ``jobs`` are the identifiers of all that was asked for."""

    kind = "run-started"
    jobs: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted(Event):
    """A job (or, with an empty ``job``, the run) enters a phase."""

    kind = "phase-started"
    phase: Phase
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """How far a phase is: ``done`` of ``total`` (0 when not known), and what is being worked on."""

    kind = "progress"
    phase: Phase
    done: int
    total: int
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Event):
    """One line of output of a container, decoded and without its line end; never to be interpreted."""

    kind = "output"
    phase: Phase
    stream: Stream
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something the user should know: ``level`` is ``info``, ``warning`` or ``error``."""

    kind = "notice"
    level: Level
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelReady(Event):
    """A wheel was collected, audited and put in its place."""

    kind = "wheel"
    path: str
    sha256: str
    size: int
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished(Event):
    """A job ended; there is one for each of the run's jobs, also for one that never began.

    :ivar reason: what failed and the first real error, or xbuild's own.
    :ivar hint: the way out, where one is known.
    :ivar log: the full log's path.
    """

    kind = "job-finished"
    status: JobStatus
    seconds: float
    reason: str = ""
    hint: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The one terminal event of a run.

    Where an error stands in for the report, ``code``, ``brief``, ``details`` and ``hint`` are the error's.
    """

    kind = "run-finished"
    status: RunStatus
    exit_status: int
    seconds: float
    report: str = ""
    code: str = ""
    brief: str = ""
    details: str = ""
    hint: str = ""


def ended_by(error: XbuildError, *, run: str, now: float, seconds: float) -> RunFinished:
    """The terminal event of a run that ends with an error; ``run`` is ``""`` where none was started."""
    interrupted = error.exit_status == ExitStatus.INTERRUPTED
    return RunFinished(
        run=run,
        time=now,
        status="interrupted" if interrupted else "error",
        exit_status=int(error.exit_status),
        seconds=seconds,
        code=error.code,
        brief=error.brief,
        details=error.details,
        hint=error.hint,
    )


Sink = Callable[[Event], None]
"""Takes events, from any thread, one call at a time per sink owner; must not raise."""


class RunEvents:
    """The events of one run on their way to sinks: numbered, in this order, up to the terminal one.

    Each job that the run began with has ended by then: a job whose end no event told never began, or was
    ended with the run. It may be called from any thread.
    """

    def __init__(self, *sinks: Sink) -> None:
        self.ended: RunFinished | None = None
        self._sinks = sinks
        self._lock = threading.Lock()
        self._number = 0
        self._open: list[str] = []

    def __call__(self, event: Event) -> None:
        """Pass an event on, unless the run has ended."""
        with self._lock:
            if self.ended:
                return
            if isinstance(event, RunStarted):
                self._open += event.jobs
            elif isinstance(event, JobFinished) and event.job in self._open:
                self._open.remove(event.job)
            elif isinstance(event, RunFinished):
                for job in self._open:
                    self._pass_on(_ended_with(event, job))
            self._pass_on(event)

    def _pass_on(self, event: Event) -> None:
        self._number += 1
        numbered = replace(event, number=self._number)
        if isinstance(numbered, RunFinished):
            self.ended = numbered
        for sink in self._sinks:
            sink(numbered)


def _ended_with(end: RunFinished, job: str) -> JobFinished:
    """The end of a job that had none when its run ended."""
    status: JobStatus = "not-run"
    if end.status == "interrupted":
        status = "interrupted"
    elif end.exit_status == ExitStatus.REFUSED:
        status = "refused"
    reason = end.brief or ("interrupted" if status == "interrupted" else "")
    return JobFinished(run=end.run, time=end.time, job=job, status=status, seconds=0.0, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """Makes the events of a run, or of one of its jobs, and gives them to whoever watches.

    :ivar clock: seconds since the Unix epoch.
    """

    run: str
    sink: Sink
    clock: Callable[[], float]
    job: str = ""
    interpreter: str = ""

    def of(self, job: str, interpreter: str = "") -> Emitter:
        """The emitter of a job, or of an interpreter's part in it."""
        return replace(self, job=job, interpreter=interpreter)

    def emit(self, kind: type[Event], **fields: Any) -> None:
        """Make an event of a kind, with what belongs to the run filled in."""
        known = {"run": self.run, "time": self.clock(), "job": self.job, "interpreter": self.interpreter}
        self.sink(kind(**{**known, **fields}))

    def phase(self, phase: Phase, what: str = "") -> None:
        """A phase begins."""
        self.emit(PhaseStarted, phase=phase, what=what)

    def output(self, phase: Phase, stream: Stream, line: str) -> None:
        """A container printed a line."""
        self.emit(Output, phase=phase, stream=stream, line=line)

    def progress(self, phase: Phase, done: int, total: int, what: str = "") -> None:
        """So much of a phase is done."""
        self.emit(Progress, phase=phase, done=done, total=total, what=what)

    def notice(self, level: Level, code: str, message: str, *, hint: str = "") -> None:
        """Something the user should know."""
        self.emit(Notice, level=level, code=code, message=message, hint=hint)


def event_types() -> tuple[type[Event], ...]:
    """All concrete event classes, for schemas and tests."""
    # dataclass(slots=True) makes a second class, and the first one lives on until it is collected
    made = (cls for cls in Event.__subclasses__() if "__slots__" in vars(cls))
    return tuple(sorted(made, key=lambda cls: cls.kind))


def field_names(cls: type[Event]) -> tuple[str, ...]:
    """The field names of an event class in their order."""
    return tuple(field.name for field in fields(cls))
