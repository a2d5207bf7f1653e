"""Puts the report together from what the stages of a run gave."""

from __future__ import annotations

import os
from dataclasses import asdict

from xbuild.catalog.interpreters import ALL
from xbuild.check.model import AuditResult
from xbuild.engine import EngineInfo
from xbuild.inspect.dependencies.fetch import Fetched
from xbuild.inspect.sources.snapshot import Snapshot
from xbuild.report.model import (
    IMAGE_SYSROOT,
    OWN_SYSROOT,
    Audit,
    EngineReport,
    LimitsReport,
    LockedCrate,
    LockfileReport,
    Options,
    SourceReport,
    TargetOptions,
)
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.util.redact import HIDDEN, looks_secret, without_userinfo


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
