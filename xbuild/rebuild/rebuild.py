"""Builds wheels of an earlier run again, from what its report says, and holds the results against them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from xbuild import __version__
from xbuild.catalog import Catalog, Interpreter, Target, sysroot_layouts
from xbuild.engine import Engine, Image, Limits
from xbuild.errors import ExitStatus, MismatchError, RefusedError
from xbuild.images.manifest import layers_digest
from xbuild.rebuild.compare import Comparison, compare_wheels
from xbuild.report.model import OWN_SYSROOT, JobReport, LimitsReport, Report, TargetOptions, WheelReport
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.util.files import sha256_of
from xbuild.util.redact import HIDDEN

Status = Literal["identical", "differs", "not-built"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A wheel and what its rebuild gave.

    :ivar rebuilt: sha256 of the new wheel, or ``""`` where there is none.
    :ivar comparison: what differs, where both wheels are there.
    :ivar reason: why there is no new wheel, or no comparison; or that another file is in the wheel's place.
    """

    file: str
    target: str
    status: Status
    sha256: str
    rebuilt: str = ""
    comparison: Comparison | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "file": self.file,
            "target": self.target,
            "status": self.status,
            "sha256": self.sha256,
            "rebuilt": self.rebuilt,
            "comparison": self.comparison.as_dict() if self.comparison else None,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a rebuild came to.

    :ivar notes: what was not the same about the two builds although it should be, or could have mattered.
    """

    run: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    exit_status: ExitStatus

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "schema": "xbuild.verify/1",
            "run": self.run,
            "identical": all(item.status == "identical" for item in self.verdicts),
            "notes": list(self.notes),
            "wheels": [item.as_dict() for item in self.verdicts],
        }

    def mismatch(self) -> MismatchError | None:
        """The error that a wheel with other bytes means; ``None`` where there is no such wheel."""
        different = [item.file for item in self.verdicts if item.status == "differs"]
        if not different:
            return None
        return MismatchError(
            f"{len(different)} of {len(self.verdicts)} wheels got other bytes when built again",
            details="\n".join(different),
            hint="the causes above are guesses; --out keeps the new wheels, to look further",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What who verifies gives to the rebuild for one target. A report says nothing in this: anybody may have
    written it.

    :ivar timeout: seconds for the job: all its interpreters.
    :ivar sysroot: the folder to use where the run had one of its caller's; ``None`` refuses such a run.
    :ivar environment: the variables that are configured now: the report does not hold values that look like
        secrets.
    """

    limits: Limits
    timeout: float
    sysroot: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a rebuild finds and leaves things on this machine, and with what it runs.

    :ivar source: the crate's folder.
    :ivar out: a folder for the new wheels, which has none of these yet.
    :ivar jobs: how many targets are built at once; 0 for what the engine's machine carries.
    :ivar runtime: the container runtime, ``""`` for the engine's default.
    :ivar means: for each target of the wheels.
    """

    source: Path
    out: Path
    jobs: int = 1
    runtime: str = ""
    means: Mapping[str, Means]


def rebuild_request(
    record: Report, wheels: Sequence[WheelReport], catalog: Catalog, places: Places
) -> BuildRequest:
    """The request that builds some wheels of a run again, as the run did.

    It refuses other sources and another Cargo.lock, uses no target directory of an earlier run, and asks only
    for the targets and interpreters of these wheels.

    :param wheels: of this record.
    :raises RefusedError: something that the run had is not to be had: its sources, sysroot, hidden values.
    """
    if not places.source.is_dir():
        raise RefusedError(
            f"the sources of run {record.run} are not at {places.source}",
            hint="give their folder with --source",
            code="no-source",
        )
    taken = [wheel.file for wheel in wheels if (places.out / wheel.file).exists()]
    if taken:
        raise RefusedError(
            f"there is a {taken[0]} in {places.out} already",
            hint="name another folder for the new wheels",
            code="out-taken",
        )
    options = record.options
    return BuildRequest(
        project=places.source,
        out=places.out,
        targets=tuple(
            _target(record, triple, [wheel for wheel in wheels if wheel.target == triple], catalog, places)
            for triple in dict.fromkeys(wheel.target for wheel in wheels)
        ),
        jobs=places.jobs,
        strict=True,
        reproducible=options.reproducible,
        fresh=True,
        epoch=record.source.epoch,
        runtime=places.runtime,
        source_root=places.source / options.source_root if options.source_root else None,
        # Whatever the sources are, they have to have the digest that the run's had
        trusted=True,
        source_git=options.source_git,
        source_include=options.source_include,
        source_exclude=options.source_exclude,
        leave_out=tuple(dict.fromkeys(_outputs(record, wheels, places.source))),
        source_digest=record.source.digest,
        lock_digest=record.lockfile.sha256,
    )


def _outputs(record: Report, wheels: Sequence[WheelReport], source: Path) -> Iterator[Path]:
    """What wheels went to, which was no source of the run: where it was then, and where it is when it has
    moved along with the sources."""
    for wheel in wheels:
        folder = wheel.path.parent
        yield folder
        yield source / os.path.relpath(folder, record.project)


def _target(
    record: Report, triple: str, wheels: Sequence[WheelReport], catalog: Catalog, places: Places
) -> TargetRequest:
    asked, job, means = record.options.targets[triple], record.job_of(triple), places.means[triple]
    target = catalog.target(triple)
    kinds = dict.fromkeys(kind for wheel in wheels for kind in wheel.interpreters)
    return TargetRequest(
        target=target,
        interpreters=tuple(_interpreter(kind, catalog) for kind in kinds),
        every_interpreter=not kinds,
        features=asked.features,
        all_features=asked.all_features,
        no_default_features=asked.no_default_features,
        profile=asked.profile,
        compatibility=asked.compatibility,
        strip=asked.strip,
        rustflags=asked.rustflags,
        environment=_environment(asked, means.environment),
        image=job.image_digest,
        build_packages=asked.build_packages,
        sysroot=_sysroot(target, job, means) if asked.sysroot == OWN_SYSROOT else None,
        limits=means.limits,
        timeout=means.timeout,
    )


def _interpreter(kind: str, catalog: Catalog) -> Interpreter:
    if kind not in catalog.interpreters:
        raise RefusedError(
            f"the run built for {kind}, which this xbuild does not know", code="unknown-interpreter"
        )
    return catalog.interpreters[kind]


def _environment(asked: TargetOptions, configured: Mapping[str, str]) -> dict[str, str]:
    hidden = {name for name, value in asked.environment.items() if HIDDEN in value}
    missing = sorted(hidden - set(configured))
    if missing:
        raise RefusedError(
            f"the report does not hold the value of {', '.join(missing)}, which looks like a secret",
            hint=f"set it as it was for the run, for instance in XBUILD_ENVIRONMENT__{missing[0]}",
            code="hidden-value",
        )
    return {**asked.environment, **{name: configured[name] for name in hidden}}


def _sysroot(target: Target, job: JobReport, means: Means) -> Path:
    """The folder is mounted, so it is one that the caller names, whatever the report does.

    :raises UsageError: ``bad-sysroot``: it is no sysroot of the target's system.
    """
    layout = sysroot_layouts().get(target.os)
    if layout is None:
        raise RefusedError(
            f"the report says that {job.target} had a sysroot of its caller's, and that target takes none",
            code="bad-record",
        )
    if means.sysroot is None or not means.sysroot.is_dir():
        place = f", which is not at {means.sysroot}" if means.sysroot else ""
        raise RefusedError(
            f"{job.target} was linked with a sysroot of its caller's{place}",
            details=f"the report says {job.sysroot}; a folder is mounted only when you name it",
            hint="give its folder with --sysroot, or in your own settings",
            code="no-sysroot",
        )
    return layout.find(means.sysroot)


def with_images(request: BuildRequest, record: Report, engine: Engine) -> BuildRequest:
    """The request with the images that the run used, by the names that this engine has for them.

    :raises RefusedError: ``image-missing``, ``image-recipe`` or ``image-changed``: one of them is not here.
    """
    found: list[TargetRequest] = []
    problems: list[RefusedError] = []
    for wanted in request.targets:
        job = record.job_of(wanted.target.triple)
        own = record.options.targets[wanted.target.triple].image
        try:
            image = engine.image(job.image_digest) or _same_image(wanted, job, own, record, engine)
            found.append(replace(wanted, image=image.id))
        except RefusedError as error:
            problems.append(error)
    if problems:
        raise RefusedError(
            "; ".join(error.brief for error in problems),
            details="\n".join(error.details for error in problems),
            hint="\n".join(dict.fromkeys(error.hint for error in problems)),
            code=problems[0].code,
        )
    return replace(request, targets=tuple(found))


def _same_image(wanted: TargetRequest, job: JobReport, own: str, record: Report, engine: Engine) -> Image:
    """The image that a job used under another name: engines differ in what they call the same image."""
    triple = wanted.target.triple
    used = f"{triple}: {job.image_digest} was used"
    if own:
        raise RefusedError(
            f"the image that built {triple} is not here",
            details=f"{used}, which {own} was then",
            hint=f"docker pull {own}",
            code="image-missing",
        )
    recipe = wanted.recipe
    moved = "`xbuild images save` and `load`, or `push` and `pull`, bring the image from where it is"
    if recipe.digest != job.recipe_digest:
        raise RefusedError(
            f"the image that built {triple} was made by another recipe, and is not here",
            details=f"{used}, made by the recipe {job.recipe_digest[:16]} of xbuild {record.version}; "
            f"this is xbuild {__version__} with the recipe {recipe.digest[:16]}",
            hint=f"{moved}; or `xbuild images build {triple}` with that xbuild",
            code="image-recipe",
        )
    here = engine.image(recipe.tag)
    if here is None:
        raise RefusedError(
            f"the image that built {triple} is not here",
            details=used,
            hint=f"xbuild images build {triple}",
            code="image-missing",
        )
    if job.layers_digest and layers_digest(here) == job.layers_digest:
        return here
    raise RefusedError(
        f"the image of {triple} was made anew since, and is another one",
        details=f"{used}; {here.id} is here: the same recipe, from packages of another day",
        hint=moved,
        code="image-changed",
    )


def judge(
    report: Report,
    record: Report,
    wheels: Mapping[Path, WheelReport],
    *,
    diffoscope: Path | None = None,
) -> Outcome:
    """Hold what a rebuild gave against what the record says.

    :param report: of the rebuild, whose wheels are still where they were put.
    :param wheels: where the first wheels should be, and what the record says of them.
    :param diffoscope: the program, where it is installed.
    """
    verdicts = tuple(_judge(path, wheel, report, diffoscope) for path, wheel in wheels.items())
    statuses = {item.status for item in verdicts}
    status = ExitStatus.OK
    if "differs" in statuses:
        status = ExitStatus.MISMATCH
    elif "not-built" in statuses:
        status = ExitStatus(report.exit_status) or ExitStatus.MISMATCH
    return Outcome(
        run=record.run, verdicts=verdicts, notes=tuple(_notes(report, record, wheels)), exit_status=status
    )


def _judge(path: Path, wheel: WheelReport, report: Report, diffoscope: Path | None) -> Verdict:
    verdict = Verdict(file=wheel.file, target=wheel.target, status="identical", sha256=wheel.sha256)
    job = next((job for job in report.jobs if job.target == wheel.target), None)
    again = next((item for item in job.wheels if item.file == wheel.file), None) if job else None
    if again is None:
        reason = job.reason if job and job.reason else "the build left no wheel of this name"
        return replace(verdict, status="not-built", reason=reason)
    verdict = replace(verdict, rebuilt=again.sha256)
    if again.sha256 == wheel.sha256:
        other = path.is_file() and sha256_of(path) != wheel.sha256
        reason = f"{path} is no longer this wheel: it has other bytes than the run's" if other else ""
        return replace(verdict, reason=reason)
    comparison: Comparison | None = None
    reason = f"what differs cannot be said: the recorded wheel is not at {path}"
    if path.is_file():
        comparison = compare_wheels(path, again.path, diffoscope=diffoscope)
        if comparison.sha256_a == wheel.sha256:
            reason = ""
        else:
            comparison = None
    return replace(verdict, status="differs", comparison=comparison, reason=reason)


def _notes(report: Report, record: Report, wheels: Mapping[Path, WheelReport]) -> Iterator[str]:
    if record.version != __version__:
        yield f"the run was of xbuild {record.version}, and this is xbuild {__version__}"
    if not record.options.reproducible:
        yield "the run was not asked to be reproducible"
    for triple in dict.fromkeys(wheel.target for wheel in wheels.values()):
        if record.job_of(triple).warm:
            yield f"the run went on in the target directory of an earlier one for {triple}"
        if changes := _other_limits(report, record.options.targets[triple], triple):
            yield f"{triple} had other limits: {changes}"


def _other_limits(report: Report, asked: TargetOptions, triple: str) -> str:
    """The limits of the run that are not those of the rebuild, in bytes and seconds."""
    now = report.options.targets[triple]
    then = {**_numbers(asked.limits), "timeout": asked.timeout}
    here = {**_numbers(now.limits), "timeout": now.timeout}
    return ", ".join(
        f"{name} {then[name]}, and {here[name]} now" for name in then if then[name] != here[name]
    )


def _numbers(limits: LimitsReport) -> dict[str, float]:
    """The limits by name; without the list of processors, whose numbers say nothing on another machine."""
    return limits.model_dump(exclude={"cpuset"})
