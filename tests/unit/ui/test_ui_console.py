"""The screens: what is on them, for any width, and that nothing from a container is interpreted."""

from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from xbuild.events import (
    Event,
    JobFinished,
    Notice,
    Output,
    PhaseStarted,
    Progress,
    RunFinished,
    RunStarted,
    WheelReady,
)
from xbuild.ui.console import (
    JsonLines,
    LiveConsole,
    PlainConsole,
    make_console,
    make_table_console,
    open_screen,
)
from xbuild.ui.lines import finished_line, lasting_line
from xbuild.ui.live import LiveView
from xbuild.ui.state import RunState

JOBS = ("x86_64-pc-windows-msvc", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")
HOSTILE = "[red]a[/red] :boom: \x1b[2J\x1b]0;t\x07 \u202e \x9b"


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def common(job: str = "", interpreter: str = "") -> dict[str, Any]:
    return {"run": "r", "time": 1.0, "job": job, "interpreter": interpreter}


def started(jobs: tuple[str, ...] = JOBS) -> RunStarted:
    return RunStarted(jobs=jobs, version="1", **common())


def building(job: str, interpreter: str = "pypy3.9") -> PhaseStarted:
    return PhaseStarted(phase="build", **common(job, interpreter))


def progress(job: str, what: str = "serde") -> Progress:
    return Progress(phase="build", done=12, total=87, what=what, **common(job))


def wheel(job: str) -> WheelReady:
    return WheelReady(path="dist/x.whl", sha256="0", size=1_200_000, proof="wine", **common(job, "pypy3.9"))


def ended(job: str, status: Any = "built", reason: str = "") -> JobFinished:
    return JobFinished(status=status, seconds=68, reason=reason, log="/l.jsonl", **common(job))


def view(
    events: list[Event], *, width: int, height: int = 40, elapsed: float = 0, ascii_only: bool = False
) -> list[str]:
    clock = Clock()
    state = RunState(clock)
    for event in events:
        state.apply(event)
    clock.now += elapsed
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii" if ascii_only else "utf-8")
    console = Console(file=stream, width=width, height=height, color_system=None, _environ={})
    with console.capture() as captured:
        console.print(LiveView(state, clock))
    return captured.get().rstrip("\n").split("\n")


def running() -> list[Event]:
    return [started(), building(JOBS[0]), progress(JOBS[0]), ended(JOBS[1]), wheel(JOBS[1])]


def test_the_live_view_in_a_wide_terminal() -> None:
    assert view(running(), width=80, elapsed=70)[1:] == [
        "✓ aarch64-unknown-linux-gnu         built             0s 1 wheel",
        "· aarch64-apple-darwin              waiting",
        "1 built, 1 running, 1 waiting, 1m10s",
    ]
    first = view(running(), width=80, elapsed=70)[0]
    assert first[1:] == " x86_64-pc-windows-msvc    pypy3.9 build   12/87  1m10s serde"


@pytest.mark.parametrize("status", ["refused", "not-run"])
def test_a_job_that_never_began_has_a_row_and_no_line(status: str) -> None:
    never = ended(JOBS[2], status, reason="no such platform")
    assert lasting_line(never) is None
    assert lasting_line(ended(JOBS[2], "failed", reason="no such platform")) is not None
    lines = view([*running(), never], width=80)
    assert lines[2].split() == ["✗", JOBS[2], status, "0s", "0", "wheels"]
    group = "refused" if status == "refused" else "failed"
    assert f"1 {group}" in lines[-1]


def test_the_live_view_in_forty_columns() -> None:
    lines = view(running(), width=40, elapsed=70)
    assert lines[0][1:] == " x86_64-p…ws-msvc build   12/87  1m10s"
    assert lines[2] == "· aarch64-…-darwin waiting"


def test_the_live_view_in_ascii() -> None:
    lines = view(running(), width=80, ascii_only=True)
    assert [line[0] for line in lines[1:3]] == ["+", "."]
    assert lines[0][0] in "|/-\\"


@pytest.mark.parametrize("width", [8, 20, 40, 53, 80, 200])
@pytest.mark.parametrize("height", [4, 12, 50])
def test_twenty_jobs_fit_every_terminal(width: int, height: int) -> None:
    jobs = tuple(f"{job}-{number}" for number in range(7) for job in JOBS)[:20]
    events: list[Event] = [started(jobs)]
    for job in jobs[10:]:
        events += [building(job), progress(job, "a-crate-with-a-very-long-name" * 3)]
    events += [ended(job) for job in jobs[10:13]]
    lines = view(events, width=width, height=height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    if height == 12 and width >= 40:
        assert sum("build " in line for line in lines) == 7
        assert lines[-1].endswith("(+11)")


def test_the_runs_own_phase_is_shown_until_a_job_begins() -> None:
    fetch = PhaseStarted(phase="fetch", what="rpds-py", **common())
    assert "xbuild" in view([started(), fetch], width=80)[0]
    assert "fetch" in view([started(), fetch], width=80)[0]
    assert "xbuild" not in view([started(), fetch, building(JOBS[0])], width=80)[0]


def test_the_live_view_interprets_nothing() -> None:
    (line,) = [
        line
        for line in view([started(), building(JOBS[0]), progress(JOBS[0], HOSTILE)], width=120)
        if "build" in line
    ]
    assert "[red]a[/red] :boom: \\x1b[2J\\x1b]0;t\\x07 \\u202e \\x9b" in line


def plain(*, quiet: bool = False, verbose: bool = False) -> tuple[PlainConsole, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    console = make_console(stream, environ={})
    return PlainConsole(console, quiet=quiet, verbose=verbose, clock=clock), stream, clock


def test_plain_lines() -> None:
    screen, stream, _ = plain()
    events = [started(), PhaseStarted(phase="fetch", what="rpds-py 0.27.1", **common()), building(JOBS[0])]
    events += [progress(JOBS[0]), Output(phase="build", stream="stdout", line="Compiling", **common(JOBS[0]))]
    events += [wheel(JOBS[0]), ended(JOBS[0]), ended(JOBS[1], "failed", "error[E0425]: no `x`\n --> src")]
    notice = Notice(level="warning", code="no-lock", message="made one", hint="commit it", **common())
    for event in [*events, notice]:
        screen(event)
    assert stream.getvalue().splitlines() == [
        "fetching dependencies (rpds-py 0.27.1)",
        "x86_64-pc-windows-msvc pypy3.9: building",
        "x86_64-pc-windows-msvc pypy3.9: dist/x.whl (1.2 MB, wine)",
        "x86_64-pc-windows-msvc: built after 1m08s",
        "aarch64-unknown-linux-gnu: failed after 1m08s: error[E0425]: no `x`",
        "warning[no-lock]: made one (commit it)",
    ]


def test_styles_end_where_their_text_ends() -> None:
    line = finished_line(ended(JOBS[0], "failed", "error: x"))
    assert line.style == ""
    assert [(line.plain[span.start : span.end], span.style) for span in line.spans] == [
        (f"{JOBS[0]}: ", "bold"),
        ("failed", "red"),
    ]


def test_quiet_says_errors_only() -> None:
    screen, stream, clock = plain(quiet=True)
    for event in (started(), building(JOBS[0]), wheel(JOBS[0]), ended(JOBS[0]), ended(JOBS[1], "timeout")):
        screen(event)
    screen(Notice(level="info", code="c", message="m", **common()))
    screen(Notice(level="error", code="c", message="m", **common(JOBS[0])))
    clock.now += 100
    assert stream.getvalue().splitlines() == [
        "aarch64-unknown-linux-gnu: timeout after 1m08s",
        "error[c]: x86_64-pc-windows-msvc: m",
    ]


def test_verbose_shows_output_without_interpreting_it() -> None:
    screen, stream, _ = plain(verbose=True)
    screen(Output(phase="build", stream="stdout", line=HOSTILE, **common(JOBS[0])))
    assert stream.getvalue() == f"{JOBS[0]} | [red]a[/red] :boom:  \\u202e \\x9b\n"


def test_long_lines_are_not_wrapped_in_pipes() -> None:
    screen, stream, _ = plain(verbose=True)
    screen(Output(phase="build", stream="stdout", line="word " * 100, **common(JOBS[0])))
    assert stream.getvalue().count("\n") == 1


def test_a_long_phase_gives_a_sign_of_life_every_thirty_seconds() -> None:
    screen, stream, clock = plain()
    fetching = PhaseStarted(phase="fetch", what="demo", **common())
    for event in (fetching, started(), building(JOBS[0]), progress(JOBS[0])):
        screen(event)
    stream.truncate(0)
    stream.seek(0)
    for _ in range(65):
        clock.now += 1
        screen.tick()
    assert stream.getvalue().splitlines() == [
        "x86_64-pc-windows-msvc pypy3.9: still building, 12 of 87, serde (30s)",
        "x86_64-pc-windows-msvc pypy3.9: still building, 12 of 87, serde (1m00s)",
    ]
    for end in (ended(JOBS[0]), RunFinished(status="ok", exit_status=0, seconds=1, **common())):
        screen(end)
        before = stream.getvalue()
        clock.now += 100
        screen.tick()
        assert stream.getvalue() == before


def test_the_sign_of_life_of_an_image_says_what_its_recipe_does() -> None:
    screen, stream, clock = plain()
    screen(PhaseStarted(phase="image", what="base", **common()))
    screen(Output(phase="image", stream="stdout", line="base: \x1b[1mUnpacking clang-22", **common()))
    clock.now += 31
    screen.tick()
    assert stream.getvalue().splitlines() == [
        "preparing the image (base)",
        "still preparing the image, base: Unpacking clang-22 (31s)",
    ]


def test_the_heartbeat_ends_with_the_screen() -> None:
    screen, _, _ = plain()
    with screen:
        assert any(thread.name == "xbuild-heartbeat" for thread in threading.enumerate())
    assert not any(thread.name == "xbuild-heartbeat" for thread in threading.enumerate())


def test_json_lines_are_events_and_nothing_else() -> None:
    stream = io.StringIO()
    with open_screen(console=make_console(stream, environ={}), json_stream=stream) as screen:
        screen(started())
        screen(Output(phase="build", stream="stdout", line=HOSTILE, **common(JOBS[0])))
    assert stream.getvalue().isascii()
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    common_fields = {"event": "run-started", "run": "r", "time": 1.0, "number": 0}
    assert first == {**common_fields, "jobs": list(JOBS), "version": "1"}
    assert second["line"] == HOSTILE


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_no_screen_minds_a_reader_that_left() -> None:
    JsonLines(Gone())(started())
    console = make_console(Gone(), environ={"TERM": "xterm", "FORCE_COLOR": "1"})
    for screen in (PlainConsole(console), LiveConsole(console)):
        with screen:
            screen(building(JOBS[0]))
            screen(wheel(JOBS[0]))


def test_which_screen_fits() -> None:
    terminal = make_console(io.StringIO(), environ={"TERM": "xterm", "FORCE_COLOR": "1"})
    dumb = make_console(io.StringIO(), environ={"TERM": "dumb", "FORCE_COLOR": "1"})
    pipe = make_console(io.StringIO(), environ={})
    assert isinstance(open_screen(console=terminal), LiveConsole)
    for screen in (
        open_screen(console=dumb),
        open_screen(console=pipe),
        open_screen(console=terminal, quiet=True),
        open_screen(console=terminal, plain=True),
    ):
        assert isinstance(screen, PlainConsole)


@pytest.mark.parametrize(("environ", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_the_live_console_ends_clean(environ: dict[str, str], is_coloured: bool) -> None:  # noqa: FBT001
    stream = io.StringIO()
    base = {"TERM": "xterm-256color", "FORCE_COLOR": "1"}
    console = make_console(stream, environ={**base, **environ}, width=60)
    with open_screen(console=console, clock=Clock()) as screen:
        for event in [*running(), ended(JOBS[0], "failed", HOSTILE)]:
            screen(event)
        time.sleep(0.3)
        screen(RunFinished(status="partly", exit_status=4, seconds=1, **common()))
    shown = stream.getvalue()
    assert "dist/x.whl" in shown
    assert ("\x1b[32m" in shown) is is_coloured
    assert "\x1b]0;" not in shown
    assert "\x1b[2J" not in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1


def test_many_threads_may_speak_at_once() -> None:
    stream = io.StringIO()
    console = make_console(stream, environ={"TERM": "xterm", "FORCE_COLOR": "1"}, width=60)
    jobs = tuple(f"job{number}" for number in range(20))
    with open_screen(console=console) as screen:
        screen(started(jobs))

        def work(job: str) -> None:
            screen(building(job))
            for _ in range(20):
                screen(progress(job))
            screen(wheel(job))
            screen(ended(job))

        threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        screen(RunFinished(status="ok", exit_status=0, seconds=1, **common()))
    assert stream.getvalue().count("dist/x.whl") == 20


def test_a_stream_that_is_not_utf8_gets_escapes(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("w", encoding="ascii") as stream:
        screen = PlainConsole(make_console(stream, environ={}), verbose=True)
        screen(Output(phase="build", stream="stdout", line="Grüße", **common(JOBS[0])))
    assert path.read_text("ascii").endswith("Gr\\xfc\\xdfe\n")


def test_a_closed_stream_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    make_console(None, environ={}).print("an error")
    make_table_console(None, environ={}).print("a table")
    assert capsys.readouterr() == ("", "")
