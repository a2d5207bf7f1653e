"""What a run means: its exit status; and its report's and logs' files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xbuild.errors import ExitStatus
from xbuild.events import JobStatus, RunStatus
from xbuild.plan.model import Refusal
from xbuild.report.model import JobReport, Report
from xbuild.util.files import write_whole

_STATUS_OF_ALL: Mapping[JobStatus, ExitStatus] = {
    "timeout": ExitStatus.TIMEOUT,
    "engine-error": ExitStatus.ENGINE,
    "internal-error": ExitStatus.INTERNAL,
    "check-failed": ExitStatus.CHECK_FAILED,
}
"""The exit status where every job ended like this; otherwise it is that of a failed build."""


def exit_status(jobs: Iterable[JobReport], refused: Iterable[Refusal]) -> ExitStatus:
    """What the run means for the caller: everything, a part, or nothing was built and proven."""
    done = list(jobs)
    if any(job.status == "interrupted" for job in done):
        return ExitStatus.INTERRUPTED
    wheels = [wheel for job in done for wheel in job.wheels]
    whole = all(job.status == "built" for job in done) and not list(refused)
    if whole and wheels:
        return ExitStatus.OK
    if any(wheel.proven for wheel in wheels):
        return ExitStatus.PARTLY
    statuses = {job.status for job in done}
    return (
        _STATUS_OF_ALL.get(statuses.pop(), ExitStatus.BUILD_FAILED)
        if len(statuses) == 1
        else (ExitStatus.BUILD_FAILED)
    )


def run_status(report: Report) -> RunStatus:
    """How the run ended, in one word."""
    words: Mapping[int, RunStatus] = {
        ExitStatus.OK: "ok",
        ExitStatus.PARTLY: "partly",
        ExitStatus.INTERRUPTED: "interrupted",
    }
    return words.get(report.exit_status, "failed")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document so that its readers see the old one or the new one, never a part."""
    write_whole(path, f"{json.dumps(document, indent=1)}\n".encode())


def copy_logs(folder: Path, beside: Path) -> None:
    """Copy a run's logs beside its wheels.

    Nothing there is written into: the sources may have brought a link of a log's name that leads elsewhere,
    and a log holds what the build printed.

    :raises OSError: they cannot be written.
    """
    for log in folder.glob("*.jsonl"):
        write_whole(beside / log.name, log.read_bytes())
