"""The summary and the errors as they are printed."""

from __future__ import annotations

import io

import pytest
from rich.console import RenderableType

from xbuild.errors import EngineError, UsageError
from xbuild.ui.console import make_console
from xbuild.ui.errors import render_error
from xbuild.ui.lines import show
from xbuild.ui.summary import Refusal, Row, Summary, render_summary
from xbuild.util.text import without_ansi

MSVC, GNU, MUSL = "x86_64-pc-windows-msvc", "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"
ERROR = "error[E0425]: no `[bold]x`\n --> src/lib.rs:1:2\n  |\n2 | \x1b[31mlet\x1b[0m \x1b[2Kx\u202e"
WHEEL = "dist/rpds_py-0.27.1-pp39-pypy39_pp73-win_amd64.whl"
SUMMARY = Summary(
    rows=(
        Row(target=MSVC, interpreter="pypy3.9", status="built", wheel=WHEEL, size=1_234_567, proof="wine"),
        Row(target=GNU, interpreter="cp311", status="failed", seconds=61, reason=ERROR, log="/logs/a.jsonl"),
        Row(target=GNU, interpreter="cp313", status="failed", seconds=61, reason=ERROR, log="/logs/a.jsonl"),
    ),
    refused=(
        Refusal(
            target=MUSL,
            interpreter="pypy3.9",
            code="no-wheels",
            reason="PyPy has no musl build",
            hint="leave it out",
        ),
    ),
    report_path="dist/report.json",
    status="partly",
)
ENDING = [
    "",
    f"{GNU} cp311, cp313: failed after 1m01s",
    "  error[E0425]: no `[bold]x`",
    "   --> src/lib.rs:1:2",
    "    |",
    "  2 | let x\\u202e",
    "  full log: /logs/a.jsonl",
    "",
    "refused:",
    f"  {MUSL} pypy3.9: PyPy has no musl build [no-wheels]",
    "    leave it out",
    "",
    "partly: 1 wheel, 2 failed, 1 refused; report: dist/report.json",
]


def shown(what: RenderableType, *, width: int | None = None) -> list[str]:
    """Lines on a terminal of that width, or in a pipe."""
    stream = io.StringIO()
    environ = {} if width is None else {"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}
    show(make_console(stream, environ=environ, width=width), what)
    return [without_ansi(line).rstrip() for line in stream.getvalue().splitlines()]


def test_a_table_where_there_is_room() -> None:
    assert shown(render_summary(SUMMARY), width=110) == [
        f"✓  {MSVC}    pypy3.9  {WHEEL}  1.2 MB  wine",
        f"✗  {GNU}  cp311    failed",
        f"✗  {GNU}  cp313    failed",
        *ENDING,
    ]


def test_two_lines_per_wheel_in_a_narrow_terminal() -> None:
    lines = shown(render_summary(SUMMARY), width=80)
    assert lines[:4] == [f"✓ {MSVC} pypy3.9", f"  {WHEEL} (1.2 MB, wine)", f"✗ {GNU} cp311", "  failed"]
    assert lines[6:] == ENDING


def test_the_way_out_stands_below_the_error_and_inside_its_indent() -> None:
    row = Row(
        target=GNU, interpreter="cp311", status="failed", reason="error: x", hint="no net\nfetch before " * 4
    )
    lines = shown(render_summary(Summary(rows=(row,), status="failed")), width=30)
    start = lines.index("  error: x")
    assert lines[start + 1 : start + 4] == [
        "  hint: no net",
        "        fetch before no net",
        "        fetch before no net",
    ]
    assert "hint" not in "".join(shown(render_summary(SUMMARY)))


@pytest.mark.parametrize("width", [20, 40, 60])
def test_nothing_is_cut_off(width: int) -> None:
    lines = shown(render_summary(SUMMARY), width=width)
    assert all(len(line) <= width for line in lines)
    assert WHEEL in "".join(line.strip() for line in lines)


def test_pipes_get_whole_lines() -> None:
    long = Summary(rows=(Row(target=GNU, interpreter="cp311", status="failed", reason="word " * 60),))
    assert f"  {'word ' * 60}".rstrip() in shown(render_summary(long))
    wheel = f"dist/{'x' * 90}.whl"
    built = Summary(
        rows=(Row(target=GNU, interpreter="cp311", status="built", wheel=wheel, proof="audited"),)
    )
    assert f"  {wheel} (0 B, audited)" in shown(render_summary(built))


def test_pipes_get_whole_errors() -> None:
    error = UsageError("word " * 40 + "end", hint="word " * 40 + "end")
    lines = shown(render_error(error))
    assert [line.endswith("end") for line in lines] == [True, True]


def test_a_wheel_that_was_to_run_and_failed() -> None:
    row = Row(
        target=GNU,
        interpreter="pp311",
        status="built",
        wheel="dist/a.whl",
        size=10,
        proof="audited; failed on tester",
        proven=False,
        seconds=9,
        reason="failed on tester",
        log="/logs/a.jsonl",
    )
    assert shown(render_summary(Summary(rows=(row,), status="failed")), width=110) == [
        f"✗  {GNU}  pp311  dist/a.whl  10 B  audited; failed on tester",
        "",
        f"{GNU} pp311: not proven",
        "  failed on tester",
        "  full log: /logs/a.jsonl",
        "",
        "failed: 1 wheel, 1 of them not proven",
    ]


def test_an_empty_summary() -> None:
    assert shown(render_summary(Summary(rows=()))) == ["", "ok: 0 wheels"]


def test_an_error_in_three_registers() -> None:
    error = UsageError("unknown setting 'jbos'", details="xbuild.toml:1: jbos\nknown: jobs", hint="rename it")
    assert shown(render_error(error)) == [
        "error[usage]: unknown setting 'jbos'",
        "  xbuild.toml:1: jbos",
        "  known: jobs",
        "hint: rename it",
    ]


def test_an_error_interprets_nothing() -> None:
    error = EngineError("no [red]engine\nat all", details="\x1b]0;t\x07\u202e", retryable=True)
    assert shown(render_error(error), width=40) == [
        "error[engine]: no [red]engine",
        "  at all",
        "  \\u202e",
        "the same command may succeed when it is",
        "run again",
    ]
