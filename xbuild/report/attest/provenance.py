"""Provenance of a wheel: an in-toto Statement v1 with SLSA's predicate v1, made from the run's report.

Statement: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, predicate:
https://slsa.dev/spec/v1.1/provenance. Nothing of the machine is in it, neither paths nor names: it is
published with the wheel.

The build type ``urn:xbuild:wheel:v1`` means: the source tree is copied (``source``), the crates of Cargo.lock
are fetched and compared with their checksums, and the command in ``internalParameters`` runs in a container
of the toolchain image, without a network, with SOURCE_DATE_EPOCH as given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from packageurl import PackageURL

from xbuild.errors import CheckError
from xbuild.report.model import EngineReport, JobReport, LockedCrate, Report, WheelReport

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:xbuild:wheel:v1"
BUILDER = "urn:xbuild:builder:v1"
TREE_METHOD = "sha256 over each file's name, kind, executable bit and sha256, sorted by name"
_CRATES_IO = ("registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/")
_ISOLATIONS = ("rootless", "userns")


def provenance(report: Report, wheel: WheelReport, *, builder: str = "") -> dict[str, Any]:
    """The statement about one wheel.

    :param wheel: one of the report.
    :param builder: a URI for who vouches for the build, in place of one that says how builds are isolated.
    :raises CheckError: ``wrong-subject``, the report does not know the wheel.
    """
    job = _job_of(report, wheel)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": wheel.file, "digest": {"sha256": wheel.sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _external(report, wheel),
                "internalParameters": _internal(report, job, wheel),
                "resolvedDependencies": list(_materials(report, job)),
            },
            "runDetails": {
                "builder": {
                    "id": builder or builder_id(report.engine),
                    "version": _versions(report),
                },
                "metadata": {
                    "invocationId": report.run,
                    "startedOn": _rfc3339(report.started, 0),
                    "finishedOn": _rfc3339(report.started, report.seconds),
                },
            },
        },
    }


def builder_id(engine: EngineReport) -> str:
    """A URI that says how builds were kept apart from the machine.

    ``...:container`` is the default runtime, ``...:container+rootless`` and ``+userns`` are features of
    the engine; another runtime gives its name (``...:runsc``).
    """
    runtime = engine.runtime or "default"
    options = {part.removeprefix("name=") for option in engine.security_options for part in option.split(",")}
    names = ["container" if runtime == "default" else re.sub(r"[^A-Za-z0-9._-]", "-", runtime)]
    return f"{BUILDER}:{'+'.join([*names, *(name for name in _ISOLATIONS if name in options)])}"


def _job_of(report: Report, wheel: WheelReport) -> JobReport:
    for job in report.jobs:
        known = {(item.file, item.sha256) for item in job.wheels}
        if job.target == wheel.target and (wheel.file, wheel.sha256) in known:
            return job
    raise CheckError(
        f"the report does not know {wheel.file}",
        details="no job of this run made a wheel of that name and digest",
        code="wrong-subject",
    )


def _external(report: Report, wheel: WheelReport) -> dict[str, Any]:
    """What the caller chose."""
    return {
        "project": {"name": report.name, "version": report.project_version},
        "source": _source(report)["digest"],
        "target": wheel.target,
        "interpreters": list(wheel.interpreters),
        "options": _options(report, wheel.target),
    }


def _options(report: Report, target: str) -> dict[str, Any]:
    """What was asked for in general and for one target; the other targets of the run are not its matter."""
    own = report.options.targets.get(target)
    general = report.options.model_dump(mode="json", exclude={"targets"})
    return {**general, **(own.model_dump(mode="json") if own else {})}


def _internal(report: Report, job: JobReport, wheel: WheelReport) -> dict[str, Any]:
    """What xbuild chose."""
    command = next((step.argv for step in job.steps if step.wheel == wheel.file), ())
    return {
        "SOURCE_DATE_EPOCH": report.source.epoch,
        "epochSource": report.source.epoch_source,
        "command": list(command),
        "network": report.engine.network,
        "runtime": report.engine.runtime,
        # A sysroot of the caller's is named by a path, which nobody else can use
        "sysroot": "the image's" if job.sysroot == "the image's" else "the caller's",
        "warm": job.warm,
        "proof": wheel.proof,
    }


def _materials(report: Report, job: JobReport) -> Iterator[dict[str, Any]]:
    lockfile = report.lockfile
    yield _source(report)
    yield {
        "name": "Cargo.lock",
        "digest": {"sha256": _hex(lockfile.sha256)},
        "annotations": {"generated": lockfile.generated},
    }
    yield {
        "name": f"toolchain image {job.target}",
        "digest": {"sha256": _hex(job.image_digest)},
        "annotations": {"recipe": job.recipe_digest, "tools": dict(job.tools)},
    }
    for package in lockfile.packages:
        if package.source:
            yield crate_material(package)


def _source(report: Report) -> dict[str, Any]:
    source = report.source
    commit = {"commit": source.commit, "modified": source.modified} if source.commit else {}
    return {
        "name": "source",
        "digest": {"sha256": _hex(source.digest)},
        "annotations": {"method": TREE_METHOD, **commit},
    }


def crate_material(package: LockedCrate) -> dict[str, Any]:
    """A locked crate of a registry or a git repository: its package URL and digest."""
    source = package.source
    qualifiers: dict[str, str] = {}
    digest: dict[str, str] = {}
    if source.startswith("git+"):
        address, _, commit = source.removeprefix("git+").partition("#")
        plain = _without_user(address.partition("?")[0])
        qualifiers["vcs_url"] = f"git+{plain}@{commit}"
        digest = {"gitCommit": commit}
    elif source not in _CRATES_IO:
        qualifiers["repository_url"] = _without_user(source.partition("+")[2] or source)
    if package.sha256:
        digest = {"sha256": _hex(package.sha256)}
    url = PackageURL("cargo", None, package.name, package.version, qualifiers)
    material: dict[str, Any] = {"name": package.name, "uri": url.to_string()}
    return {**material, "digest": digest} if digest else material


def _without_user(address: str) -> str:
    """An address without the name and password that a private registry's may hold."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _versions(report: Report) -> dict[str, str]:
    engine = report.engine.version
    return {"xbuild": report.version, **({"engine": engine} if engine else {})}


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _rfc3339(started: float, seconds: float) -> str:
    moment = datetime.fromtimestamp(started, UTC) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
