"""The report of a run, report.json: what is written and what is read is this one model.

Who writes a report has its values from xbuild itself; who reads one (:func:`parse_report`) may have it from
anybody, and then what a build is repeated from (names, digests, paths, amounts) has to have the form that it
has in a report of xbuild's own.

Within a number of the schema, fields are only ever added: a reader passes over fields that it does not know,
and fields that early reports lack have a default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from xbuild.events import JobStatus
from xbuild.execute.outcome import StepReport
from xbuild.plan.model import Refusal
from xbuild.util.globs import checked_globs

SCHEMA = "xbuild.report/1"
REPORT = "report.json"

IMAGE_SYSROOT: Final = "image"
OWN_SYSROOT: Final = "own"
"""Which sysroot a target was linked with: its image's, or one of the caller's."""

_FOREIGN = {"foreign": True}
"""The context of a validation in which values have to have their form: the document may be anybody's."""


@dataclass(frozen=True, slots=True)
class _Form:
    """The form that a text has to have where a report is read.

    :ivar pattern: a regular expression for all of it.
    :ivar published: whether every report that xbuild writes keeps to it, and its schema says so.
    """

    pattern: str
    published: bool = True

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        return {**found, "pattern": f"^{self.pattern}$"} if self.published else found

    def _checked(self, value: str, info: Any) -> str:
        if info.context and not re.fullmatch(self.pattern, value):
            raise ValueError(f"it is not of the form {self.pattern}")
        return value


@dataclass(frozen=True, slots=True)
class _Range:
    """The numbers that a value may be where a report is read; ``least`` only with ``inclusive``."""

    least: int
    inclusive: bool = True
    limit: int = 1 << 63

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: float, info: Any) -> float:
        # Nothing that is compared with NaN is true
        holds = (value >= self.least if self.inclusive else value > self.least) and value < self.limit
        if info.context and not holds:
            raise ValueError(f"it is not between {self.least} and {self.limit}")
        return value


def _globs(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return checked_globs(value) if info.context else value


def _path(value: Path, info: ValidationInfo) -> Path:
    if info.context and "\0" in str(value):
        raise ValueError("no path has a NUL byte")
    return value


_Sha256 = Annotated[str, _Form("[0-9a-f]{64}")]
_Digest = Annotated[str, _Form("sha256:[0-9a-f]{64}")]
_Word = Annotated[str, _Form(r"[^\x00-\x1f\x7f]*", published=False)]
_Name = Annotated[str, _Form("[A-Za-z0-9_][A-Za-z0-9_.-]*")]
_NameOrNone = Annotated[str, _Form("([A-Za-z0-9_][A-Za-z0-9_.-]*)?")]
_Variable = Annotated[str, _Form("[A-Za-z_][A-Za-z0-9_.-]*")]
_Value = Annotated[str, _Form(r"[^\x00]*", published=False)]
_Globs = Annotated[tuple[_Word, ...], AfterValidator(_globs)]
_Path = Annotated[Path, AfterValidator(_path), PlainSerializer(str, return_type=str)]
_Above = Annotated[str, _Form(r"(\.|\.\.(/\.\.)*)?")]
"""A folder from the project's on: itself, or one above it."""
_Amount = Annotated[int, _Range(0, inclusive=False)]


class Part(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)


class AuditFinding(Part):
    """See :class:`xbuild.check.model.Finding`."""

    code: str
    severity: Literal["error", "warning"]
    where: str
    message: str
    hint: str


class AuditedModule(Part):
    """A native file in a wheel; see :class:`xbuild.check.model.ModuleFacts`."""

    path: str
    size: int
    format: Literal["pe", "elf", "macho"]
    role: str
    machines: tuple[str, ...]
    needed: tuple[str, ...]
    init_symbols: tuple[str, ...]
    python_symbols: tuple[str, ...]
    reference: str
    minimum_os: tuple[str, ...]


class Audit(Part):
    """What the static audit of a wheel found; see :class:`xbuild.check.model.AuditResult`.

    :ivar ok: there is no finding of the severity ``error``.
    """

    wheel: str
    sha256: str
    size: int
    ok: bool
    tags: tuple[str, ...]
    target: str
    interpreters: tuple[str, ...]
    findings: tuple[AuditFinding, ...]
    modules: tuple[AuditedModule, ...]


class WheelReport(Part):
    """A wheel that reached its place.

    :ivar size: bytes.
    :ivar interpreters: the kinds that it serves.
    :ivar proof: what proved it: ``audited`` or where it ran.
    :ivar proven: false where it was to be run, and failed or could not be run.
    """

    file: Annotated[str, _Form(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl")]
    path: _Path
    sha256: _Sha256
    size: int
    target: _Name
    interpreters: tuple[_Word, ...]
    tags: tuple[str, ...]
    audit: Audit
    proof: str
    proven: bool = True


class JobReport(Part):
    """One target.

    :ivar image_digest: the engine's identifier of the image.
    :ivar recipe_digest: of the recipe that made it; ``""`` for one that is not xbuild's.
    :ivar layers_digest: sha256 over the digests of the image's layers, which no engine changes.
    :ivar pinned: whether the image was made of pinned packages alone; ``None`` for one that is not xbuild's.
    :ivar sysroot: ``the image's``, or the folder of the caller's.
    :ivar warm: an earlier run left a target directory, and the build went on in it.
    :ivar attempts: 2 where the engine went away in the middle and came back.
    """

    target: _Name
    status: JobStatus
    seconds: float
    steps: tuple[StepReport, ...]
    wheels: tuple[WheelReport, ...]
    image: _Word
    image_digest: _Digest
    recipe_digest: _Word
    tools: Mapping[str, str]
    sysroot: _Word
    warm: bool
    layers_digest: _Word = ""
    pinned: bool | None = None
    attempts: int = 1
    reason: str = ""
    log: str = ""


class LimitsReport(Part):
    """See :class:`xbuild.engine.Limits`. A rebuild does not obey them: who builds sets the limits."""

    memory: Annotated[int, _Range(0)]
    cpus: Annotated[float, _Range(0)]
    cpuset: str = ""
    pids: _Amount
    file_size: _Amount
    open_files: _Amount
    tmp_size: _Amount


class TargetOptions(Part):
    """What was asked for on a target.

    :ivar interpreters: kinds, or ``all`` alone.
    :ivar environment: without the values of variables whose names look like a secret's.
    :ivar sysroot: the image's, or the caller's ``own``.
    :ivar timeout: seconds for all interpreters.
    """

    interpreters: tuple[_Word, ...]
    features: tuple[_Word, ...]
    all_features: bool
    no_default_features: bool
    profile: _NameOrNone
    compatibility: _NameOrNone = ""
    strip: bool = False
    rustflags: tuple[_Word, ...]
    environment: Mapping[_Variable, _Value]
    image: _Word
    build_packages: tuple[_Word, ...] = ()
    sysroot: Literal["image", "own"]
    timeout: Annotated[float, _Range(0, inclusive=False)]
    limits: LimitsReport


class Options(Part):
    """What was asked for: with the sources and the images, all inputs of a build.

    It is published with the wheels, as a part of their provenance. So no folder of this machine is in it, and
    no value of a variable whose name looks like a secret's.

    :ivar epoch: SOURCE_DATE_EPOCH where it was given, in seconds.
    :ivar source_root: from the project on; ``""`` where none was named.
    """

    reproducible: bool
    fresh: bool = False
    locked: bool = False
    strict: bool = False
    epoch: int | None = None
    runtime: str = ""
    source_root: _Above = ""
    source_git: bool = False
    source_include: _Globs
    source_exclude: _Globs
    targets: Mapping[_Name, TargetOptions]


class SourceReport(Part):
    """The sources.

    :ivar size: bytes.
    :ivar commit: ``""`` where they are in no repository; ``modified`` where they are not as committed.
    :ivar epoch: SOURCE_DATE_EPOCH, in seconds, and ``epoch_source`` where it is from.
    """

    digest: _Digest
    files: int
    size: int
    commit: Annotated[str, _Form("[0-9a-f]*")]
    modified: bool
    epoch: Annotated[int, _Range(0, limit=1 << 40)]
    epoch_source: str


class LockedCrate(Part):
    """A package of Cargo.lock; ``source`` and ``sha256`` are ``""`` for one of the sources."""

    name: str
    version: str
    source: str
    sha256: str


class LockfileReport(Part):
    """Cargo.lock.

    :ivar generated: there was none, and it was made for the run only.
    :ivar pruned: how many packages were left out, because the sources do not need them.
    """

    sha256: _Sha256
    generated: bool
    pruned: int = 0
    packages: tuple[LockedCrate, ...] = ()


class EngineReport(Part):
    """The engine.

    :ivar fetched: whether anything was fetched over the network.
    """

    version: str
    storage_driver: str
    security_options: tuple[str, ...]
    network: str
    runtime: str
    fetched: bool


class Report(Part):
    """A run.

    :ivar kind: the document's ``schema``.
    :ivar started: seconds since the Unix epoch.
    :ivar version: xbuild's.
    :ivar project: the crate's folder on the machine that ran it; ``name`` and ``project_version`` are the
        crate's.
    :ivar transport: how files reached the containers.
    :ivar phases: seconds of each phase of the whole run: ``image``, ``fetch``, ``build``.
    :ivar cache: how many crates are locked, and how many of them were downloaded.
    """

    kind: Annotated[str, _Form(r"xbuild\.report/1(\.[0-9]+)?")] = Field(default=SCHEMA, alias="schema")
    run: _Word
    started: float
    seconds: float
    version: _Word
    project: _Path
    name: _Word
    project_version: _Word
    source: SourceReport
    lockfile: LockfileReport
    options: Options
    engine: EngineReport
    transport: Literal["bind", "archive"]
    jobs: tuple[JobReport, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]
    exit_status: int
    phases: Mapping[str, float] = Field(default_factory=dict)
    cache: Mapping[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if info.context:
            if "kind" not in self.model_fields_set:
                raise ValueError("it has no schema")
            strangers = {wheel.target for wheel in self.wheels} - set(self.options.targets)
            if strangers or any(wheel.target != job.target for job in self.jobs for wheel in job.wheels):
                raise ValueError("it contradicts itself: its wheels are of other targets")
        return self

    @property
    def wheels(self) -> tuple[WheelReport, ...]:
        """The wheels of all targets."""
        return tuple(wheel for job in self.jobs for wheel in job.wheels)

    def job_of(self, target: str) -> JobReport:
        """The job of a target that has wheels."""
        return next(job for job in self.jobs if job.target == target and job.wheels)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, the schema first."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> bytes:
        """The file's contents, ASCII only."""
        return f"{json.dumps(self.as_dict(), indent=1)}\n".encode()


def parse_report(data: bytes) -> Report:
    """The report that a file holds. Anybody may have written it.

    :raises pydantic.ValidationError: it is none, or a value in it has not the form that it should have.
    """
    return Report.model_validate_json(data, strict=True, context=_FOREIGN)
