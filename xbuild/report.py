"""The report: one versioned document for machines about what a run did, and the exit status that it means."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xbuild.errors import ExitStatus
from xbuild.events import JobStatus
from xbuild.plan import Refusal

SCHEMA = "xbuild.report/1"
_STATUS_OF_ALL: Mapping[JobStatus, ExitStatus] = {
    "timeout": ExitStatus.TIMEOUT,
    "engine-error": ExitStatus.ENGINE,
    "check-failed": ExitStatus.CHECK_FAILED,
}
"""The exit status where every job ended like this; otherwise it is that of a failed build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelReport:
    """A wheel that reached its place.

    :ivar interpreters: the kinds that it serves.
    :ivar audit: what the static audit found, as JSON-ready values.
    :ivar proof: what proved it: ``audited`` or where it ran.
    """

    file: str
    path: str
    sha256: str
    size: int
    target: str
    interpreters: tuple[str, ...]
    tags: tuple[str, ...]
    audit: Mapping[str, Any]
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One interpreter's build. ``status`` is ``built`` or why it is not."""

    interpreters: tuple[str, ...]
    argv: tuple[str, ...]
    wheel: str
    status: str
    exit_code: int
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """One target."""

    target: str
    status: JobStatus
    seconds: float
    steps: tuple[StepReport, ...]
    wheels: tuple[WheelReport, ...]
    image: str
    image_digest: str
    recipe_digest: str
    tools: Mapping[str, str]
    sysroot: str
    warm: bool
    reason: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run."""

    run: str
    started: float
    seconds: float
    version: str
    project: str
    name: str
    project_version: str
    source: Mapping[str, Any]
    lockfile: Mapping[str, Any]
    options: Mapping[str, Any]
    engine: Mapping[str, Any]
    transport: str
    jobs: tuple[JobReport, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]
    exit_status: int
    schema: str = field(default=SCHEMA)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, the schema first."""
        body = asdict(self)
        return {"schema": body.pop("schema"), **body}


def exit_status(jobs: Iterable[JobReport], refused: Iterable[Refusal]) -> ExitStatus:
    """What the run means for the caller: everything, a part, or nothing was built."""
    done = list(jobs)
    if any(job.status == "interrupted" for job in done):
        return ExitStatus.INTERRUPTED
    wheels = sum(len(job.wheels) for job in done)
    whole = all(job.status == "built" for job in done) and not list(refused)
    if whole and wheels:
        return ExitStatus.OK
    if wheels:
        return ExitStatus.PARTLY
    statuses = {job.status for job in done}
    return (
        _STATUS_OF_ALL.get(statuses.pop(), ExitStatus.BUILD_FAILED)
        if len(statuses) == 1
        else (ExitStatus.BUILD_FAILED)
    )


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document so that its readers see the old one or the new one, never a part."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as stream:
        json.dump(document, stream, indent=1, default=str)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
