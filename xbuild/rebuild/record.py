"""Reads the report of an earlier run, as far as it can be repeated from that. Anybody may have written it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from xbuild.engine.layout import BESIDE
from xbuild.errors import RefusedError, UsageError
from xbuild.report.report import REPORT, SCHEMA
from xbuild.util.files import sha256_of
from xbuild.util.globs import checked_globs

_LIMIT = 64 << 20


def _path(value: Path) -> Path:
    if "\0" in str(value):
        raise ValueError("no path has a NUL byte")
    return value


_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
_Value = Annotated[str, Field(pattern=r"^[^\x00]*$")]
_Globs = Annotated[tuple[_Word, ...], AfterValidator(checked_globs)]
_Path = Annotated[Path, AfterValidator(_path)]
_Above = Annotated[str, Field(pattern=r"^(\.|\.\.(/\.\.)*)?$")]
"""A folder from the project's on: itself, or one above it."""
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Amount = Annotated[int, Field(gt=0, lt=1 << 63)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class RecordedWheel(_Part):
    """A wheel of the run: its name, where it was put, its digest, and the kinds that it serves."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl$")]
    path: _Path
    sha256: _Sha256
    target: _Name
    interpreters: tuple[_Word, ...]


class RecordedJob(_Part):
    """One target of the run; see :class:`xbuild.report.JobReport`."""

    target: _Name
    wheels: tuple[RecordedWheel, ...]
    image: _Word
    image_digest: _Digest
    recipe_digest: _Word
    sysroot: _Word
    warm: bool
    layers_digest: _Word = ""


class RecordedLimits(_Part):
    """See :class:`xbuild.engine.Limits`. Told, and never obeyed: who builds sets the limits."""

    memory: Annotated[int, Field(ge=0, lt=1 << 63)]
    cpus: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    pids: _Amount
    file_size: _Amount
    open_files: _Amount
    tmp_size: _Amount


class RecordedTarget(_Part):
    """What was asked for on a target; see :func:`xbuild.report.request_options`."""

    features: tuple[_Word, ...]
    all_features: bool
    no_default_features: bool
    profile: _Name | Literal[""]
    compatibility: _Name | Literal[""] = ""
    strip: bool = False
    rustflags: tuple[_Word, ...]
    environment: Mapping[_Variable, _Value]
    image: _Word
    build_packages: tuple[_Word, ...] = ()
    sysroot: Literal["image", "own"]
    timeout: _Seconds
    limits: RecordedLimits


class RecordedOptions(_Part):
    """What was asked for; see :func:`xbuild.report.request_options`."""

    reproducible: bool
    source_root: _Above = ""
    source_git: bool = False
    source_include: _Globs
    source_exclude: _Globs
    targets: Mapping[_Name, RecordedTarget]


class RecordedSource(_Part):
    """The sources' digest, their commit or ``""``, and SOURCE_DATE_EPOCH in seconds."""

    digest: _Digest
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]*$")]
    epoch: Annotated[int, Field(ge=0, lt=1 << 40)]


class RecordedLockfile(_Part):
    """Cargo.lock's digest, and whether it was made for the run only."""

    sha256: _Sha256
    generated: bool


class Record(_Part):
    """A run; see :class:`xbuild.report.Report`."""

    kind: Literal["xbuild.report/1"] = Field(alias="schema")
    run: _Word
    version: _Word
    project: _Path
    name: _Word
    project_version: _Word
    source: RecordedSource
    lockfile: RecordedLockfile
    options: RecordedOptions
    jobs: tuple[RecordedJob, ...]

    @property
    def wheels(self) -> tuple[RecordedWheel, ...]:
        """The wheels of all targets."""
        return tuple(wheel for job in self.jobs for wheel in job.wheels)

    def job_of(self, target: str) -> RecordedJob:
        """The job of a target that has wheels."""
        return next(job for job in self.jobs if job.target == target and job.wheels)


def read_record(path: Path) -> Record:
    """The run that a report tells of.

    :raises RefusedError: ``no-record`` where there is no report; ``bad-record`` where it does not say enough.
    """
    return _parse(_read(path), path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise RefusedError(f"there is no report at {path}", details=str(error), code="no-record") from error
    if len(data) > _LIMIT:
        raise RefusedError(f"{path} has more than {_LIMIT} bytes", code="bad-record")
    return data


def _parse(data: bytes, path: Path) -> Record:
    try:
        record = Record.model_validate_json(data)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)
        ]
        raise RefusedError(
            f"{path} is no report that a build can be repeated from",
            details="\n".join(problems[:5]),
            hint=f"this xbuild repeats what reports of the kind {SCHEMA} tell of",
            code="bad-record",
        ) from error
    missing = {wheel.target for wheel in record.wheels} - set(record.options.targets)
    if missing or any(wheel.target != job.target for job in record.jobs for wheel in job.wheels):
        raise RefusedError(
            f"{path} contradicts itself", details="its wheels are of other targets", code="bad-record"
        )
    return record


def record_of_wheel(wheel: Path, runs: Path) -> tuple[Record, RecordedWheel]:
    """The run that made a wheel, by the wheel's name and digest: in the report beside it, else of any run.

    :param runs: where the reports of all runs are kept, a folder for each.
    :raises RefusedError: ``no-record``, or ``bad-record`` where only such a report knows the wheel.
    :raises UsageError: ``no-wheel``.
    """
    try:
        digest = sha256_of(wheel)
    except OSError as error:
        raise UsageError(f"cannot read {wheel}", details=str(error), code="no-wheel") from error
    unusable: RefusedError | None = None
    for path in _reports(wheel, runs):
        data = _read(path)
        if digest.encode() not in data:
            continue
        try:
            record = _parse(data, path)
        except RefusedError as error:
            unusable = unusable or error
            continue
        for item in record.wheels:
            if (item.file, item.sha256) == (wheel.name, digest):
                return record, item
    raise unusable or RefusedError(
        f"no report tells of {wheel.name} with these bytes",
        details=f"its sha256 is {digest}\nlooked at {wheel.parent / BESIDE / REPORT} and all runs in {runs}",
        hint="put the report.json of the run that made it there, or name the run",
        code="no-record",
    )


def _reports(wheel: Path, runs: Path) -> Iterator[Path]:
    """Reports that may tell of a wheel, the likeliest first."""
    beside = wheel.parent / BESIDE / REPORT
    if beside.is_file():
        yield beside
    yield from sorted(runs.glob(f"*/{REPORT}"), reverse=True)


def record_of_run(run: str, runs: Path) -> Record:
    """A run, by the start of its name; the latest of several.

    :raises UsageError: ``no-run``.
    :raises RefusedError: ``bad-record``, or ``no-wheels`` where the run built none.
    """
    found = sorted(path for path in runs.glob(f"*/{REPORT}") if path.parent.name.startswith(run))
    if not found or not run:
        latest = ", ".join(path.parent.name for path in sorted(runs.glob(f"*/{REPORT}"))[-5:])
        raise UsageError(
            f"{run!r} is neither a wheel nor a run with a report",
            details=f"latest: {latest}" if latest else "",
            code="no-run",
        )
    record = read_record(found[-1])
    if not record.wheels:
        raise RefusedError(f"run {record.run} built no wheels", code="no-wheels")
    return record
