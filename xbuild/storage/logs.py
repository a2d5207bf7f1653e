"""Structured logs: a sink that writes JSON lines per job, and their reader.

A record always holds ``event``, ``time`` (RFC 3339, UTC), ``run``, ``job``, ``target``, ``interpreter``,
``phase`` and ``stream``, and then what the event adds. Output of containers is only ever inside ``line``, and
everything outside printable ASCII is escaped, so that neither ``cat`` nor a log viewer can be fooled by it.
"""

from __future__ import annotations

import heapq
import json
import os
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.processors import JSONRenderer

from xbuild.engine.lines import MAX_LINE
from xbuild.events import Event, JobFinished, Output, PhaseStarted, Progress, RunFinished
from xbuild.util.text import printable, without_ansi

__all__ = ["RUN_LOG", "JobLogs", "format_record", "read_log", "read_logs"]

RUN_LOG = "run.jsonl"
LINE_LIMIT = MAX_LINE + 64
"""A line that the engine's side has clipped fits, with its marker."""
FILE_LIMIT = 20 << 20
TAIL_LINES = 4000
TAIL_CHARACTERS = 1 << 20
_WRITTEN_TAIL = 200
_COMMON = ("event", "time", "run", "job", "target", "interpreter", "phase", "stream")


class JobLogs:
    """A sink that writes ``<job>.jsonl`` per job and ``run.jsonl`` for the run into a private directory.

    It may be called from any thread and never raises; what went wrong with writing is in :attr:`problem`.

    :param directory: made with mode 0700.
    :param line_limit: characters of one value; the rest is cut off and counted in ``clipped``.
    :param file_limit: bytes of one file. Beyond it output is dropped, after one ``clipped`` record, and the
        last lines follow when the job ends, before its ``job-finished``.
    """

    def __init__(
        self, directory: Path, *, line_limit: int = LINE_LIMIT, file_limit: int = FILE_LIMIT
    ) -> None:
        self.directory = directory
        self.problem = ""
        self._line_limit = line_limit
        self._file_limit = file_limit
        self._lock = threading.Lock()
        self._files: dict[str, _LogFile] = {}
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)

    def __call__(self, event: Event) -> None:
        """Write one event."""
        with self._lock:
            try:
                with bound_contextvars(**_context(event)):
                    self._file(event.job).write(event)
                if isinstance(event, RunFinished):
                    self._flush()
            except (OSError, ValueError, OverflowError) as error:
                self.problem = self.problem or f"logs could not be written: {error}"

    def path(self, job: str) -> Path:
        """The log of a job, or of the run for ``""``. It exists once something was written."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", job).lstrip(".")
        return self.directory / (f"{name}.jsonl" if name else RUN_LOG)

    def tail(self, job: str) -> tuple[str, ...]:
        """The last lines of a job's output, also of what the file has no room for."""
        with self._lock:
            file = self._files.get(job)
            return tuple(file.tail) if file else ()

    def close(self) -> None:
        """Write everything out and close the files; later events open them again."""
        with self._lock:
            for file in self._files.values():
                try:
                    file.close()
                except OSError as error:
                    self.problem = self.problem or f"logs could not be written: {error}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _file(self, job: str) -> _LogFile:
        if job not in self._files:
            self._files[job] = _LogFile(self.path(job), self._line_limit, self._file_limit)
        return self._files[job]

    def _flush(self) -> None:
        for file in self._files.values():
            file.flush()


class _EventLogger(structlog.BoundLoggerBase):
    """A structlog logger with one method, since events have names and no levels."""

    def write(self, event: str, fields: Mapping[str, Any]) -> int:
        """Write one record and give its length in bytes."""
        written: int = self._proxy_to_logger("write", event, **fields)
        return written


def _context(event: Event) -> dict[str, str]:
    """What all records have that an event leads to, as structlog's context."""
    return {
        "time": _rfc3339(event.time),
        "run": event.run,
        "job": event.job,
        "target": event.job,
        "interpreter": event.interpreter,
    }


class _LogFile:
    """One file, with its limits and the memory of its last lines. Not thread-safe by itself."""

    def __init__(self, path: Path, line_limit: int, file_limit: int) -> None:
        self.tail: deque[str] = deque()
        self._tail_characters = 0
        self._path = path
        self._limit = file_limit
        self._size = 0
        self._dropped = 0
        self._stream = _Appender(path)
        self._logger: _EventLogger = structlog.wrap_logger(
            self._stream,
            processors=[
                merge_contextvars,
                _Clip(line_limit),
                _common_first,
                JSONRenderer(ensure_ascii=True, separators=(",", ":")),
            ],
            wrapper_class=_EventLogger,
        ).bind(phase="", stream="")

    def write(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._logger = self._logger.bind(phase=event.phase)
        if isinstance(event, Output):
            self._remember(event.line)
        if isinstance(event, Output | Progress) and self._size >= self._limit:
            self._drop()
            return
        if isinstance(event, JobFinished | RunFinished) and self._dropped:
            self._write_tail()
        self._record(event.kind, {k: v for k, v in event.as_dict().items() if k not in _COMMON[:4]})
        if not isinstance(event, Output | Progress):
            self._stream.flush()

    def _record(self, name: str, fields: Mapping[str, Any]) -> None:
        self._size += self._logger.write(name, fields)

    def _drop(self) -> None:
        if not self._dropped:
            self._record("clipped", {"limit": self._limit})
        self._dropped += 1

    def _write_tail(self) -> None:
        """The last lines, at most 200 and as many characters as a sixteenth of the file's limit."""
        lines: list[str] = []
        room = self._limit // 16
        for line in reversed(self.tail):
            room -= len(line)
            if len(lines) >= min(_WRITTEN_TAIL, self._dropped) or room < 0:
                break
            lines.insert(0, line)
        self._record("tail", {"dropped": self._dropped - len(lines)})
        for line in lines:
            self._record("output", {"line": line})

    def _remember(self, line: str) -> None:
        kept = line[:LINE_LIMIT]
        self.tail.append(kept)
        self._tail_characters += len(kept)
        while len(self.tail) > TAIL_LINES or self._tail_characters > TAIL_CHARACTERS:
            self._tail_characters -= len(self.tail.popleft())

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()


class _Appender:
    """What structlog writes to: lines at the end of a private file, which is opened when it is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: Any = None

    def write(self, record: str) -> int:
        """Write a record of ASCII as a line; gives its length in bytes."""
        if self._stream is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._stream = os.fdopen(os.open(self._path, flags, 0o600), "ab")
        self._stream.write(f"{record}\n".encode("ascii"))
        return len(record) + 1

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


class _Clip:
    """A structlog processor: cuts long texts and counts the characters that were cut in ``clipped``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def __call__(
        self, _logger: Any, _method: str, fields: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        cut = 0
        for name, value in fields.items():
            if isinstance(value, str) and len(value) > self._limit:
                fields[name] = value[: self._limit]
                cut += len(value) - self._limit
        if cut:
            fields["clipped"] = cut
        return fields


def _common_first(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: fields.pop(name) for name in _COMMON if name in fields} | dict(fields)


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a log. Lines that are not whole records (the last one of a run that was killed) are left
    out.

    :raises OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def read_logs(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The records of several logs by their time. Of each log one record is held, however long the logs are.

    A record that is older than the one before it in its own file stays behind that one.

    :raises OSError: a file cannot be read.
    """
    for _, record in heapq.merge(*map(_timed, paths), key=lambda pair: pair[0]):
        yield record


def _timed(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records with the latest time up to each. RFC 3339 in UTC sorts as text."""
    latest = ""
    for record in read_log(path):
        latest = max(latest, str(record.get("time", "")))
        yield latest, record


def format_record(record: Mapping[str, Any]) -> str:
    """One record as one line for people: time, target, interpreter, phase, and the output or the event.

    Colours are taken out; whatever else a terminal would interpret is made visible.
    """
    value = {name: without_ansi(str(record.get(name, ""))) for name in (*_COMMON, "line")}
    where = [value["time"][11:19], value["target"], value["interpreter"], value["phase"]]
    head = printable(" ".join(part for part in where if part))
    clipped = f" [{record['clipped']} more characters]" if "clipped" in record else ""
    if value["event"] == "output":
        return f"{head} | {printable(value['line'])}{clipped}"
    hidden = {*_COMMON, "number", "clipped"}
    more = " ".join(f"{name}={record[name]}" for name in record if name not in hidden)
    return (
        f"{head} * {printable(value['event'])}{' ' if more else ''}{printable(without_ansi(more))}{clipped}"
    )
