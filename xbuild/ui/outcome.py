"""A report as the summary that people see at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from xbuild.execute.outcome import StepReport
from xbuild.report.model import JobReport, Report, WheelReport
from xbuild.report.report import run_status
from xbuild.ui.summary import Refusal, Row, RowStatus, Summary


def summarise(report: Report, folder: Path, report_path: str) -> Summary:
    """The summary of a report, with paths relative to ``folder`` where that is shorter."""
    return Summary(
        rows=tuple(row for job in report.jobs for row in _rows(job, folder)),
        refused=tuple(
            Refusal(
                target=item.target,
                interpreter=item.interpreter,
                code=item.code,
                reason=item.reason,
                hint=item.hint,
            )
            for item in report.refused
        ),
        report_path=_short(report_path, folder),
        status=run_status(report),
    )


def _rows(job: JobReport, folder: Path) -> Iterator[Row]:
    wheels = {wheel.file: wheel for wheel in job.wheels}
    if not job.steps:
        yield Row(
            target=job.target,
            interpreter="",
            status=job.status,
            seconds=job.seconds,
            reason=job.reason,
            log=job.log,
        )
    for step in job.steps:
        wheel = wheels.get(step.wheel)
        name = "abi3" if len(step.interpreters) > 1 or "-abi3-" in step.wheel else "".join(step.interpreters)
        if wheel:
            yield Row(
                target=job.target,
                interpreter=name,
                status="built",
                wheel=_short(str(wheel.path), folder),
                size=wheel.size,
                proof=wheel.proof,
                proven=wheel.proven,
                seconds=step.seconds,
                reason="" if wheel.proven else _unproven(job, wheel),
                log="" if wheel.proven else _short(job.log, folder),
            )
        else:
            yield Row(
                target=job.target,
                interpreter=name,
                status=_status(step),
                seconds=step.seconds,
                reason=step.reason or job.reason,
                hint=step.hint,
                log=_short(job.log, folder),
            )


def _unproven(job: JobReport, wheel: WheelReport) -> str:
    """Why a wheel is not proven. An engine that went away is the whole job's matter, and has a hint."""
    return job.reason if job.status in {"engine-error", "internal-error"} else wheel.proof.partition("; ")[2]


def _status(step: StepReport) -> RowStatus:
    return "check-failed" if step.status == "built" else step.status


def _short(path: str, folder: Path) -> str:
    if not path:
        return ""
    relative = os.path.relpath(path, folder)
    return relative if len(relative) < len(path) else path
