"""The report: one versioned document for machines about what a run did, and the exit status that it means."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xbuild.catalog.interpreters import ALL
from xbuild.errors import ExitStatus
from xbuild.events import JobStatus
from xbuild.execute.executor import StepReport
from xbuild.plan.planner import Refusal
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.util.files import write_whole
from xbuild.util.redact import HIDDEN, looks_secret, without_userinfo

SCHEMA = "xbuild.report/1"
REPORT = "report.json"
_STATUS_OF_ALL: Mapping[JobStatus, ExitStatus] = {
    "timeout": ExitStatus.TIMEOUT,
    "engine-error": ExitStatus.ENGINE,
    "internal-error": ExitStatus.INTERNAL,
    "check-failed": ExitStatus.CHECK_FAILED,
}
"""The exit status where every job ended like this; otherwise it is that of a failed build."""

IMAGE_SYSROOT, OWN_SYSROOT = "image", "own"
"""Which sysroot a target was linked with: its image's, or one of the caller's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelReport:
    """A wheel that reached its place.

    :ivar interpreters: the kinds that it serves.
    :ivar audit: what the static audit found, as JSON-ready values.
    :ivar proof: what proved it: ``audited`` or where it ran.
    :ivar proven: false where it was to be run, and failed or could not be run.
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
    proven: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """One target.

    :ivar layers_digest: sha256 over the digests of the image's layers, which no engine changes.
    :ivar pinned: whether the image was made of pinned packages alone; ``None`` for one that is not xbuild's.
    :ivar sysroot: ``the image's``, or the folder of the caller's.
    :ivar warm: an earlier run left a target directory, and the build went on in it.
    :ivar attempts: 2 where the engine went away in the middle and came back.
    """

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
    layers_digest: str = ""
    pinned: bool | None = None
    attempts: int = 1
    reason: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run.

    :ivar project: the crate's folder on the machine that ran it.
    :ivar options: what :func:`request_options` gives.
    :ivar phases: seconds of each phase of the whole run: ``image``, ``fetch``, ``build``.
    :ivar cache: how many crates are locked, and how many of them were downloaded.
    """

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
    phases: Mapping[str, float] = field(default_factory=dict)
    cache: Mapping[str, int] = field(default_factory=dict)
    schema: str = field(default=SCHEMA)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, the schema first."""
        body = asdict(self)
        return {"schema": body.pop("schema"), **body}


def request_options(request: BuildRequest) -> dict[str, Any]:
    """What was asked for, as JSON-ready values: with the sources and the images, all inputs of a build.

    It is published with the wheels, as a part of their provenance. So no folder of this machine is in it, and
    no value of a variable whose name looks like a secret's: such a value is ``(hidden)``.
    """
    return {
        "reproducible": request.reproducible,
        "fresh": request.fresh,
        "locked": request.locked,
        "strict": request.strict,
        "epoch": request.epoch,
        "runtime": request.runtime,
        "source_root": os.path.relpath(request.source_root, request.project) if request.source_root else "",
        "source_git": request.source_git,
        "source_include": list(request.source_include),
        "source_exclude": list(request.source_exclude),
        "targets": {wanted.target.triple: _target_options(wanted) for wanted in request.targets},
    }


def _target_options(wanted: TargetRequest) -> dict[str, Any]:
    return {
        "interpreters": [ALL] if wanted.every_interpreter else [item.kind for item in wanted.interpreters],
        "features": list(wanted.features),
        "all_features": wanted.all_features,
        "no_default_features": wanted.no_default_features,
        "profile": wanted.profile,
        "compatibility": wanted.compatibility,
        "strip": wanted.strip,
        "rustflags": list(wanted.rustflags),
        "environment": {
            name: HIDDEN if looks_secret(name) else without_userinfo(value)
            for name, value in sorted(wanted.environment.items())
        },
        "image": wanted.image,
        "build_packages": list(wanted.build_packages),
        "sysroot": OWN_SYSROOT if wanted.sysroot else IMAGE_SYSROOT,
        "timeout": wanted.timeout,
        "limits": asdict(wanted.limits),
    }


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
