"""Single lines about events, as rich texts. No text from an event is ever taken for markup or escapes."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from xbuild.events import Event, JobFinished, Notice, Output, PhaseStarted, RunFinished, WheelReady
from xbuild.ui.state import JobRow
from xbuild.util.text import elapsed, file_size, printable, printable_lines, shortened, without_ansi

STATUS_STYLE = {
    "built": "green",
    "ok": "green",
    "partly": "yellow",
    "interrupted": "yellow",
    "refused": "yellow",
    "not-run": "dim",
}
_WHAT_WIDTH = 72
_LEVEL_STYLE = {"info": "cyan", "warning": "yellow", "error": "bold red"}
_VERBS = {
    "image": "preparing the image",
    "fetch": "fetching dependencies",
    "build": "building",
    "collect": "collecting wheels",
    "check": "auditing",
    "test": "testing",
}


HINT = "hint: "
"""What stands before the way out."""


def style_of(status: str) -> str:
    """The colour of a status; red for whatever is not known to be good."""
    return STATUS_STYLE.get(status, "red")


def safe(text: str, style: str = "") -> Text:
    """Text from anywhere as one line that a terminal can take; the style ends where it ends."""
    return Text().append(printable(without_ansi(text)), style)


class Indented:
    """Lines of text below something, wrapped inside their indent.

    Where the console does not wrap (``soft_wrap``: a pipe, whose reader wraps or searches), nor do they.

    :param label: what stands before the first line; the others begin below its end.
    """

    def __init__(self, text: str, indent: int, style: str = "", *, label: str = "") -> None:
        self._lines = printable_lines(without_ansi(text.strip("\n")))
        self._first = Text(" " * indent).append(label, "bold cyan")
        self._indent = Text(" " * (indent + len(label)))
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self._first
        for line in self._lines:
            text = Text(line, style=self._style)
            width = max(8, options.max_width - len(indent))
            for part in [text] if options.no_wrap else text.wrap(console, width, overflow="fold"):
                yield indent + part
                indent = self._indent


def show(console: Console, what: RenderableType) -> None:
    """Print something for people: wrapped on a terminal, line for line into a pipe."""
    console.print(what, soft_wrap=not console.is_terminal)


def subject(job: str, interpreter: str = "") -> Text:
    """Who a line is about: ``aarch64-apple-darwin cp311: ``; nothing for the whole run."""
    name = " ".join(part for part in (job, interpreter) if part)
    return safe(f"{name}: ", "bold") if name else Text()


def phase_line(event: PhaseStarted) -> Text:
    """``x86_64-pc-windows-msvc pypy3.9: building``."""
    what = f" ({event.what})" if event.what else ""
    return subject(event.job, event.interpreter) + safe(f"{_VERBS[event.phase]}{what}")


def heartbeat_line(row: JobRow, now: float) -> Text:
    """``x86_64-pc-windows-msvc pypy3.9: still building, 12 of 87, serde (1m30s)``."""
    parts = [f"still {_VERBS.get(row.phase, 'working')}"]
    if row.total:
        parts.append(f"{row.done} of {row.total}")
    if row.what:
        parts.append(shortened(printable(without_ansi(row.what)).strip(), _WHAT_WIDTH))
    return subject(row.job, row.interpreter) + safe(
        f"{', '.join(parts)} ({elapsed(now - row.phase_started)})"
    )


def output_line(event: Output) -> Text:
    """A line of a container's output, for ``--verbose``."""
    return safe(f"{event.job or event.phase} | ", "dim") + safe(event.line)


def notice_line(event: Notice) -> Text:
    """``warning[no-lock]: Cargo.lock was generated (hint: commit it)``."""
    level = safe(f"{event.level}[{event.code}]: ", _LEVEL_STYLE[event.level])
    hint = safe(f" ({event.hint})", "dim") if event.hint else Text()
    return level + subject(event.job, event.interpreter) + safe(event.message) + hint


def wheel_line(event: WheelReady) -> Text:
    """``x86_64-pc-windows-msvc pypy3.9: dist/x-1.0-pp39-pypy39_pp73-win_amd64.whl (1.2 MB, audit)``."""
    facts = ", ".join(part for part in (file_size(event.size), event.proof) if part)
    return subject(event.job, event.interpreter) + safe(event.path, "green") + safe(f" ({facts})", "dim")


def finished_line(event: JobFinished) -> Text:
    """How a job ended, with the first line of the reason; the whole of it is in the summary."""
    line = subject(event.job) + safe(event.status, style_of(event.status))
    line += safe(f" after {elapsed(event.seconds)}")
    reason = event.reason.strip().split("\n", 1)[0]
    return line + safe(f": {reason}") if reason else line


def lasting_line(event: Event) -> Text | None:
    """The line of an event that stays on the screen in every view, if it is such an event."""
    match event:
        case Notice():
            return notice_line(event)
        case WheelReady():
            return wheel_line(event)
        case JobFinished(status="refused" | "not-run"):
            # A notice, or the run's end, says why
            return None
        case JobFinished():
            return finished_line(event)
        case RunFinished(status="interrupted"):
            return safe("interrupted", "yellow")
    return None


def is_bad(event: Event) -> bool:
    """Whether an event is shown even with ``--quiet``."""
    return (isinstance(event, Notice) and event.level == "error") or (
        isinstance(event, JobFinished) and event.status != "built"
    )
