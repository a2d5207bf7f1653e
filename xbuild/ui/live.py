"""The rows of a run as they look in the live view, for any width and height of the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from xbuild.ui.lines import style_of
from xbuild.ui.state import Clock, JobRow, RunState
from xbuild.util.text import elapsed, printable, shortened

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER = "|/-\\"
_FRAMES_PER_SECOND = 8
_STATUS = {
    "out-of-memory": "memory",
    "engine-error": "engine",
    "internal-error": "fault",
    "interrupted": "stopped",
}
_PHASE_WIDTH = 7
_TIME_WIDTH = 6
_LEAST_TARGET = 12
_LEAST_WHAT = 10


@dataclass(frozen=True, slots=True)
class Widths:
    """Columns of the live view; 0 leaves a column out."""

    target: int
    interpreter: int
    count: int
    what: int


def widths(rows: Sequence[JobRow], width: int) -> Widths:
    """How ``width`` columns are shared out: what is being compiled goes first, then the interpreter, then the
    middle of the triples, then the count."""
    target = max((len(_name(row)) for row in rows), default=0)
    interpreter = max((len(row.interpreter) for row in rows), default=0)
    count = max((len(_count(row)) for row in rows), default=0)
    room = width - 2 - (_PHASE_WIDTH + 1) - (_TIME_WIDTH + 1)

    def taken(*columns: int) -> int:
        return sum(column + 1 for column in columns if column)

    if taken(target, interpreter, count) > room:
        interpreter = 0
    if taken(target, count) > room:
        target = max(_LEAST_TARGET, room - taken(count) - 1)
    if taken(target, count) > room:
        target, count = max(1, room - 1), 0
    what = room - taken(target, interpreter, count)
    return Widths(target, interpreter, count, what if what >= _LEAST_WHAT else 0)


def _name(row: JobRow) -> str:
    return printable(row.job) or "xbuild"


def _count(row: JobRow) -> str:
    return f"{row.done}/{row.total}" if row.total else ""


def job_line(row: JobRow, columns: Widths, now: float, *, ascii_only: bool) -> Text:
    """One job: mark, target, interpreter, phase, count, elapsed, what."""
    mark, style = _mark(row, now, ascii_only=ascii_only)
    line = Text().append(f"{mark} ", style)
    line.append(_cell(_name(row), columns.target), "bold" if row.is_running else "")
    line.append(_cell(printable(row.interpreter), columns.interpreter))
    line.append(_cell(_phase(row), _PHASE_WIDTH), style)
    line.append(_cell(_count(row), columns.count, right=True))
    line.append(_cell(elapsed(row.seconds(now)) if row.started is not None else "", _TIME_WIDTH, right=True))
    if columns.what:
        line.append(Text(shortened(_what(row), columns.what), style="dim"))
    line.rstrip()
    return line


def _mark(row: JobRow, now: float, *, ascii_only: bool) -> tuple[str, str]:
    if row.status is not None:
        good, bad = ("+", "x") if ascii_only else ("✓", "✗")
        return (good if row.status == "built" else bad), style_of(row.status)
    if not row.is_running:
        return ("." if ascii_only else "·"), "dim"
    frames = _ASCII_SPINNER if ascii_only else _SPINNER
    return frames[int(now * _FRAMES_PER_SECOND) % len(frames)], "cyan"


def _phase(row: JobRow) -> str:
    if row.status is not None:
        return _STATUS.get(row.status, row.status)
    return row.phase if row.is_running else "waiting"


def _what(row: JobRow) -> str:
    if row.status is None:
        return printable(row.what)
    return f"{row.wheels} wheel{'' if row.wheels == 1 else 's'}"


def _cell(text: str, width: int, *, right: bool = False) -> str:
    if not width:
        return ""
    cut = shortened(text, width)
    return (cut.rjust(width) if right else cut.ljust(width)) + " "


class LiveView:
    """A renderable of a whole run that always fits on the terminal."""

    def __init__(self, state: RunState, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One line per job and one below. Where there is no room for all, running jobs are shown first."""
        now = self._clock()
        run, *jobs = self._state.rows()
        own = [run] if run.is_running and run.phase and not any(row.is_running for row in jobs) else []
        rows = [*own, *jobs]
        shown = _most_telling(rows, max(1, options.size.height - 3))
        columns = widths(rows, options.max_width)
        lines = [job_line(row, columns, now, ascii_only=options.ascii_only) for row in shown]
        lines.append(_footer(run, jobs, len(rows) - len(shown), now, width=options.max_width))
        yield Text("\n", no_wrap=True, overflow="crop").join(lines)


def _most_telling(rows: Sequence[JobRow], room: int) -> list[JobRow]:
    if len(rows) <= room:
        return list(rows)

    def weight(row: JobRow) -> int:
        if row.is_running:
            return 0
        return 2 if row.status == "built" else 1

    chosen = sorted(range(len(rows)), key=lambda index: (weight(rows[index]), index))[:room]
    return [rows[index] for index in sorted(chosen)]


def _footer(run: JobRow, jobs: Sequence[JobRow], hidden: int, now: float, *, width: int) -> Text:
    counts = Counter(_group(row) for row in jobs)
    parts = [
        f"{counts[name]} {name}"
        for name in ("built", "failed", "refused", "running", "waiting")
        if counts[name]
    ]
    more = f" (+{hidden})" if hidden else ""
    text = ", ".join([*parts, elapsed(run.seconds(now))]) + more
    return Text(text[:width], style="dim")


def _group(row: JobRow) -> str:
    if row.status is not None:
        return row.status if row.status in {"built", "refused"} else "failed"
    return "running" if row.is_running else "waiting"
