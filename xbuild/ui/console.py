"""The screens: sinks that show a run to people (live or plain) or to machines (JSON lines)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from xbuild.events import Event, JobFinished, Output, PhaseStarted, RunFinished
from xbuild.ui.lines import heartbeat_line, is_bad, lasting_line, output_line, phase_line
from xbuild.ui.live import LiveView
from xbuild.ui.state import Clock, RunState

HEARTBEAT_SECONDS = 30.0
_PIPE_WIDTH = 240


class Screen(Protocol):
    """A sink that has to be entered before the run and left after it. It never raises for a broken pipe."""

    def __call__(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class SafeConsole(Console):
    """A rich console that falls silent when its reader is gone, instead of ending the process from whichever
    thread was printing."""

    def on_broken_pipe(self) -> None:
        """The reader (``head``, a closed terminal) is gone."""
        self.quiet = True


def make_console(stream: TextIO | None, *, environ: Mapping[str, str], width: int | None = None) -> Console:
    """A console on ``stream`` that honours ``NO_COLOR``, ``FORCE_COLOR``, ``TERM`` and ``COLUMNS`` of
    ``environ``, and takes no text for markup, emoji codes or something to highlight.

    It is silent where the caller closed the stream, which Python then has as ``None``.
    """
    if isinstance(stream, TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
        stream.reconfigure(errors="backslashreplace")
    return SafeConsole(
        file=stream,
        quiet=stream is None,
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
        _environ=environ,
    )


def make_table_console(stream: TextIO | None, *, environ: Mapping[str, str]) -> Console:
    """A console for tables, wide enough for a reader that is no terminal to find nothing cut or wrapped."""
    named = (stream is not None and stream.isatty()) or "COLUMNS" in environ
    return make_console(stream, environ=environ, width=None if named else _PIPE_WIDTH)


def open_screen(
    *,
    console: Console,
    json_stream: TextIO | None = None,
    quiet: bool = False,
    verbose: bool = False,
    plain: bool = False,
    clock: Clock = time.monotonic,
) -> Screen:
    """The screen that fits.

    JSON lines where ``json_stream`` is given, the live view on a terminal, plain lines elsewhere, and with
    ``quiet`` or ``plain``.
    """
    if json_stream is not None:
        return JsonLines(json_stream)
    if plain or quiet or not console.is_terminal or console.is_dumb_terminal:
        return PlainConsole(console, quiet=quiet, verbose=verbose, clock=clock)
    return LiveConsole(console, verbose=verbose, clock=clock)


class LiveConsole:
    """One line per job that changes in place, with lasting lines for wheels, notices and ends above them."""

    def __init__(self, console: Console, *, verbose: bool = False, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._verbose = verbose
        self._lock = threading.Lock()
        self._state = RunState(clock)
        self._live = Live(
            LiveView(self._state, clock),
            console=console,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self._lock, suppress(OSError, ValueError):
            self._state.apply(event)
            line = output_line(event) if self._verbose and isinstance(event, Output) else lasting_line(event)
            if line is not None:
                self._console.print(line, overflow="fold")
            if isinstance(event, RunFinished):
                self._live.stop()

    def __enter__(self) -> Self:
        self._live.start(refresh=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError, ValueError):
            self._live.stop()


class PlainConsole:
    """Lines for logs of CI systems and for pipes: phases, wheels, notices, ends, and a sign of life every
    thirty seconds for a job that says nothing else. With ``quiet``, errors and failures only."""

    def __init__(
        self,
        console: Console,
        *,
        quiet: bool = False,
        verbose: bool = False,
        clock: Clock = time.monotonic,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._console = console
        self._quiet = quiet
        self._verbose = verbose
        self._clock = clock
        self._heartbeat = heartbeat
        self._lock = threading.Lock()
        self._state = RunState(clock)
        self._spoken: dict[str, float] = {}
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick_until_over, name="xbuild-heartbeat", daemon=True)

    def __call__(self, event: Event) -> None:
        """Print what an event has to say, if anything."""
        with self._lock:
            self._state.apply(event)
            line = self._line(event)
            if line is not None:
                self._say(event.job, line)
            if isinstance(event, JobFinished):
                self._spoken.pop(event.job, None)

    def tick(self) -> None:
        """Print a sign of life for every job that was silent for too long. Called every second."""
        now = self._clock()
        with self._lock:
            rows = self._state.rows()
            # What the run itself does is over by then, and what comes after the jobs takes no time
            jobs_began = any(row.started is not None for row in rows[1:])
            for row in rows:
                is_due = now - self._spoken.get(row.job, row.phase_started) >= self._heartbeat
                if row.is_running and row.phase and is_due and (row.job or not jobs_began):
                    self._say(row.job, heartbeat_line(row, now))

    def __enter__(self) -> Self:
        if not self._quiet:
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        if self._ticker.is_alive():
            self._ticker.join(timeout=5)

    def _line(self, event: Event) -> Text | None:
        if self._quiet:
            return lasting_line(event) if is_bad(event) else None
        if isinstance(event, PhaseStarted):
            return phase_line(event)
        if isinstance(event, Output):
            return output_line(event) if self._verbose else None
        return lasting_line(event)

    def _say(self, job: str, line: Text) -> None:
        self._spoken[job] = self._clock()
        with suppress(OSError, ValueError):
            self._console.print(line, soft_wrap=True)

    def _tick_until_over(self) -> None:
        while not self._over.wait(1.0):
            self.tick()


class JsonLines:
    """Events as JSON lines on a text stream, and nothing else. ASCII only, whatever containers print."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write one event and flush."""
        line = json.dumps(event.as_dict(), ensure_ascii=True, separators=(",", ":"))
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()
