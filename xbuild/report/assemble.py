"""Puts the report together from what the stages of a run gave."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xbuild import __version__
from xbuild.catalog.interpreters import ALL
from xbuild.check.model import AuditResult
from xbuild.engine import EngineInfo, Image
from xbuild.errors import ExitStatus
from xbuild.execute.jobs import JobResult, ProvenWheel
from xbuild.images.manifest import PINNED_LABEL, layers_digest, tool_versions
from xbuild.images.recipe import RECIPE_LABEL
from xbuild.images.released import is_pinned
from xbuild.inspect.dependencies.fetch import Fetched
from xbuild.inspect.inspection import Dependencies, Sources
from xbuild.inspect.sources.snapshot import Snapshot
from xbuild.plan.model import Plan
from xbuild.report.model import (
    IMAGE_SYSROOT,
    OWN_SYSROOT,
    Audit,
    EngineReport,
    JobReport,
    LimitsReport,
    LockedCrate,
    LockfileReport,
    Options,
    Report,
    SourceReport,
    TargetOptions,
    WheelReport,
)
from xbuild.report.report import exit_status
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.util.redact import HIDDEN, looks_secret, without_userinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the stages of a run gave.

    :ivar started: seconds since the Unix epoch.
    :ivar seconds: what the run took.
    :ivar engine: as it was before the jobs began: one that is lost in mid-build is told of too.
    :ivar local: the engine sees the files of this machine.
    :ivar phases: seconds of each.
    :ivar log_path: where the full log of a job is.
    """

    run: str
    request: BuildRequest
    started: float
    seconds: float
    sources: Sources
    dependencies: Dependencies
    images: Mapping[str, Image]
    plan: Plan
    engine: EngineInfo
    local: bool
    results: Sequence[JobResult]
    phases: Mapping[str, float]
    log_path: Callable[[str], Path]


def assemble_report(ended: Ended) -> Report:
    """The report of a run."""
    manifest, fetched = ended.sources.manifest, ended.dependencies.fetched
    jobs = tuple(_job_report(ended, item) for item in ended.results)
    return Report(
        run=ended.run,
        started=ended.started,
        seconds=ended.seconds,
        version=__version__,
        project=manifest.project,
        name=manifest.name,
        project_version=manifest.version,
        source=source_report(ended.sources.snapshot, ended.request),
        lockfile=lockfile_report(fetched),
        options=request_options(ended.request),
        engine=engine_report(ended.engine, ended.request, fetched),
        transport="bind" if ended.local else "archive",
        phases=ended.phases,
        cache={
            "crates": sum(item.is_registry or item.is_git for item in fetched.packages),
            "downloaded": ended.dependencies.downloaded,
        },
        jobs=jobs,
        refused=ended.plan.refused,
        notes=tuple(map(str, ended.plan.notes)),
        exit_status=int(_exit_status(ended, jobs)),
    )


def _exit_status(ended: Ended, jobs: Sequence[JobReport]) -> ExitStatus:
    status = exit_status(jobs, ended.plan.refused)
    failed = any(item.failed_proofs for item in ended.results)
    return ExitStatus.CHECK_FAILED if failed and status is not ExitStatus.INTERRUPTED else status


def _job_report(ended: Ended, item: JobResult) -> JobReport:
    outcome = item.outcome
    image = ended.images[outcome.job.id]
    return JobReport(
        target=outcome.job.id,
        status=outcome.status,
        seconds=outcome.seconds,
        steps=outcome.steps,
        wheels=tuple(_wheel_report(outcome.job.id, wheel) for wheel in item.wheels),
        image=image.tags[0] if image.tags else image.id,
        image_digest=image.id,
        recipe_digest=image.labels.get(RECIPE_LABEL, ""),
        tools=tool_versions(image),
        sysroot=outcome.job.sysroot or "the image's",
        warm=outcome.warm,
        layers_digest=layers_digest(image),
        pinned=is_pinned(image) if PINNED_LABEL in image.labels else None,
        attempts=outcome.attempts,
        reason=outcome.reason,
        log=str(ended.log_path(outcome.job.id)),
    )


def _wheel_report(target: str, wheel: ProvenWheel) -> WheelReport:
    item = wheel.collected
    return WheelReport(
        file=item.path.name,
        path=item.path,
        sha256=item.sha256,
        size=item.size,
        target=target,
        interpreters=wheel.step.interpreters,
        tags=tuple(sorted(map(str, item.audit.tags))),
        audit=audit_report(item.audit),
        proof=wheel.proof,
        proven=wheel.proven,
    )


def source_report(snapshot: Snapshot, request: BuildRequest) -> SourceReport:
    """The sources, and the SOURCE_DATE_EPOCH that was taken for them."""
    return SourceReport(
        digest=snapshot.digest,
        files=snapshot.files,
        size=snapshot.size,
        commit=snapshot.commit,
        modified=snapshot.modified,
        epoch=snapshot.epoch if request.epoch is None else request.epoch,
        epoch_source=snapshot.epoch_source if request.epoch is None else "environment",
    )


def lockfile_report(fetched: Fetched) -> LockfileReport:
    """Cargo.lock, as it was built with."""
    return LockfileReport(
        sha256=fetched.lock_digest,
        generated=fetched.generated_lock,
        pruned=fetched.pruned,
        packages=tuple(
            LockedCrate(
                name=item.name,
                version=item.version,
                source=without_userinfo(item.source),
                sha256=item.checksum,
            )
            for item in fetched.packages
        ),
    )


def engine_report(info: EngineInfo, request: BuildRequest, fetched: Fetched) -> EngineReport:
    """The engine, and how builds were kept apart from the machine and the network."""
    return EngineReport(
        version=info.version,
        storage_driver=info.storage_driver,
        security_options=info.security_options,
        network="fetch only; builds have none",
        runtime=request.runtime or "default",
        fetched=fetched.used_network,
    )


def audit_report(result: AuditResult) -> Audit:
    """What the static audit found."""
    return Audit.model_validate(result.as_dict())


def request_options(request: BuildRequest) -> Options:
    """What was asked for, without folders of this machine, and without what looks like a secret."""
    return Options(
        reproducible=request.reproducible,
        fresh=request.fresh,
        locked=request.locked,
        strict=request.strict,
        epoch=request.epoch,
        runtime=request.runtime,
        source_root=os.path.relpath(request.source_root, request.project) if request.source_root else "",
        source_git=request.source_git,
        source_include=request.source_include,
        source_exclude=request.source_exclude,
        targets={wanted.target.triple: _target_options(wanted) for wanted in request.targets},
    )


def _target_options(wanted: TargetRequest) -> TargetOptions:
    return TargetOptions(
        interpreters=(ALL,) if wanted.every_interpreter else tuple(item.kind for item in wanted.interpreters),
        features=wanted.features,
        all_features=wanted.all_features,
        no_default_features=wanted.no_default_features,
        profile=wanted.profile,
        compatibility=wanted.compatibility,
        strip=wanted.strip,
        rustflags=wanted.rustflags,
        environment={
            name: HIDDEN if looks_secret(name) else without_userinfo(value)
            for name, value in sorted(wanted.environment.items())
        },
        image=wanted.image,
        build_packages=wanted.build_packages,
        sysroot=OWN_SYSROOT if wanted.sysroot else IMAGE_SYSROOT,
        timeout=wanted.timeout,
        limits=LimitsReport.model_validate(asdict(wanted.limits)),
    )
