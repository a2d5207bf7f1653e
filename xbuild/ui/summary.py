"""The end of a run for people: every wheel, every failure with the compiler's error, everything refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from xbuild.events import JobStatus, RunStatus
from xbuild.execute.outcome import StepStatus
from xbuild.ui.lines import HINT, Indented, safe, style_of, subject
from xbuild.util.text import elapsed, file_size, printable

RowStatus = JobStatus | StepStatus
_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One wheel, or one that should have been.

    :ivar interpreter: its kind, or ``abi3``.
    :ivar wheel: the wheel's path as it should be shown; ``""`` where there is none.
    :ivar size: bytes.
    :ivar proof: what proved it: ``audit``, ``wine``, ``qemu``, ``native``.
    :ivar proven: false where it was to be run, and failed or could not be run.
    :ivar reason: what failed and the first real error, or xbuild's own; may have several lines.
    :ivar hint: the way out, where one is known; may have several lines.
    :ivar log: path of the full log.
    """

    target: str
    interpreter: str
    status: RowStatus
    wheel: str = ""
    size: int = 0
    proof: str = ""
    proven: bool = True
    seconds: float = 0.0
    reason: str = ""
    hint: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A pair that was asked for and cannot work; ``interpreter`` may be empty for a whole target."""

    target: str
    interpreter: str
    code: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run came to.

    :ivar rows: in the order of the plan.
    :ivar report_path: of report.json; may be empty.
    """

    rows: tuple[Row, ...]
    refused: tuple[Refusal, ...] = ()
    report_path: str = ""
    status: RunStatus = "ok"


def render_summary(summary: Summary) -> RenderableType:
    """The summary as something that a rich console prints: a table where the terminal is wide enough, else
    two lines per wheel; then failures, refusals, and one line that says it all."""
    return _SummaryView(summary)


class _SummaryView:
    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        summary = self._summary
        marks = ("+", "x") if options.ascii_only else ("✓", "✗")
        cells = [_cells(row, marks) for row in summary.rows]
        if cells:
            is_wide = _needed(cells) <= options.max_width
            yield _table(cells) if is_wide else _stack(cells)
        yield from _failures(summary)
        yield from _refusals(summary)
        yield _verdict(summary)


def _cells(row: Row, marks: tuple[str, str]) -> tuple[Text, ...]:
    is_built = row.status == "built"
    style = style_of(row.status if row.proven else "failed")
    return (
        Text(marks[0] if is_built and row.proven else marks[1], style=style),
        safe(row.target),
        safe(row.interpreter),
        safe(row.wheel) if is_built and row.wheel else Text(row.status, style=style),
        Text(file_size(row.size) if is_built else ""),
        safe(row.proof if is_built else "", style="" if row.proven else style),
    )


def _needed(rows: list[tuple[Text, ...]]) -> int:
    columns = zip(*rows, strict=True)
    return sum(max(cell_len(cell.plain) for cell in column) + _GAP for column in columns) - _GAP


def _table(rows: list[tuple[Text, ...]]) -> Table:
    table = Table.grid(padding=(0, _GAP, 0, 0))
    for index in range(len(rows[0])):
        table.add_column(no_wrap=True, justify="right" if index == 4 else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _stack(rows: list[tuple[Text, ...]]) -> Text:
    """Two lines per row, for narrow terminals and long names."""
    lines: list[Text] = []
    for mark, target, interpreter, wheel, size, proof in rows:
        lines.append(Text(" ").join([mark, target, interpreter]))
        facts = ", ".join(part.plain for part in (size, proof) if part.plain)
        lines.append(Text("  ") + wheel + Text(f" ({facts})" if facts else "", style="dim"))
    return Text("\n").join(lines)


def _failures(summary: Summary) -> Iterator[RenderableType]:
    """One block per reason: the interpreters of a job that failed together share it."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in summary.rows:
        if row.status not in {"built", "not-run"} or not row.proven:
            what = row.status if row.proven else "not proven"
            groups.setdefault((row.target, what, row.reason, row.hint, row.log), []).append(row)
    for (target, status, reason, hint, log), rows in groups.items():
        names = ", ".join(row.interpreter for row in rows if row.interpreter)
        yield Text("")
        head = subject(target, names) + Text(status, style=style_of(status))
        took = rows[0].seconds if rows[0].proven else 0.0
        yield head + safe(f" after {elapsed(took)}" if took else "")
        if reason:
            yield Indented(reason, 2)
        if hint:
            yield Indented(hint, 2, label=HINT)
        if log:
            yield Indented(f"full log: {log}", 2)


def _refusals(summary: Summary) -> Iterator[RenderableType]:
    if summary.refused:
        yield Text("")
        yield Text("refused:", style="yellow")
    for refusal in summary.refused:
        who = " ".join(part for part in (refusal.target, refusal.interpreter) if part)
        yield Indented(f"{who}: {refusal.reason} [{refusal.code}]", 2)
        if refusal.hint:
            yield Indented(refusal.hint, 4, "dim")


def _verdict(summary: Summary) -> Text:
    built = len({row.wheel for row in summary.rows if row.status == "built"})
    failed = sum(row.status not in {"built", "not-run"} for row in summary.rows)
    counts = [f"{built} wheel{'' if built == 1 else 's'}"]
    unproven = len({row.wheel for row in summary.rows if row.status == "built" and not row.proven})
    counts += [f"{unproven} of them not proven"] if unproven else []
    counts += [f"{failed} failed"] if failed else []
    counts += [f"{len(summary.refused)} refused"] if summary.refused else []
    report = f"; report: {printable(summary.report_path)}" if summary.report_path else ""
    head = Text("\n").append(summary.status, f"bold {style_of(summary.status)}")
    return head + Text(f": {', '.join(counts)}{report}")
