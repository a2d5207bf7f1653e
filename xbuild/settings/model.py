"""The settings as frozen values. docs/configuration.md says what each of them means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from xbuild.project.globs import checked_globs
from xbuild.settings.dirs import UserDirs
from xbuild.settings.units import parse_duration, parse_size

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SMALLEST_MEMORY = 64 << 20
_SCHEMES = ("http://", "https://")

T = TypeVar("T")


def _word(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError("must be a name of letters, digits, '-', '_' and '.'")
    return value


def _cpuset(value: str) -> str:
    if value and not re.fullmatch(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", value):
        raise ValueError("numbers of processors are expected, such as '0-3,6'")
    return value


def _name_or_empty(value: str) -> str:
    return _name(value) if value else value


def _index(value: str) -> str:
    if value and not value.removeprefix("sparse+").startswith((*_SCHEMES, "file://")):
        raise ValueError("must be a URL that starts with https://, http:// or file://")
    return _word(value)


def _uri(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", value):
        raise ValueError("must be a URI, such as 'https://builds.example/wheels'")
    return value


def _jobs(value: object) -> object:
    text = value.strip() if isinstance(value, str) else value
    if text == "auto":
        return text
    number = int(text) if isinstance(text, str) and text.isdecimal() else text
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError("must be a number above zero, or 'auto'")
    return number


def _memory(value: object) -> int:
    size = parse_size(value)
    if size < _SMALLEST_MEMORY:
        raise ValueError("must be at least '64m'; no compiler fits in less")
    return size


def _path_or_none(value: object) -> object:
    return None if value == "" else value


def _variable_or_empty(value: str) -> str:
    if value and not _VARIABLE.fullmatch(value):
        raise ValueError("must be the name of an environment variable")
    return value


def _variables(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"has a name that no environment variable can have: {name!r}")
        if "\0" in text:
            raise ValueError(f"has a NUL byte in the value of {name}")
    return MappingProxyType(dict(value))


Word = Annotated[str, AfterValidator(_word)]
Words = tuple[Word, ...]
Globs = Annotated[Words, AfterValidator(checked_globs)]
Name = Annotated[str, AfterValidator(_name)]
NameOrEmpty = Annotated[str, AfterValidator(_name_or_empty)]
VariableOrEmpty = Annotated[str, AfterValidator(_variable_or_empty)]
Index = Annotated[str, AfterValidator(_index)]
Uri = Annotated[str, AfterValidator(_uri)]
Seconds = Annotated[float, BeforeValidator(parse_duration)]
Bytes = Annotated[int, BeforeValidator(_memory)]
Cpus = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Cpuset = Annotated[str, AfterValidator(_cpuset)]
Jobs = Annotated[int | Literal["auto"], BeforeValidator(_jobs)]
Environment = Annotated[Mapping[str, str], AfterValidator(_variables), PlainSerializer(dict)]
OptionalPath = Annotated[Path | None, BeforeValidator(_path_or_none)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ImagesSettings(_Frozen):
    """Where toolchain images come from."""

    base: Word = "auto"
    registry: Word = ""
    debian_mirror: Index = ""
    debian_security_mirror: Index = ""


class NetworkSettings(_Frozen):
    """How the phases that have a network reach it. ``ca_bundle`` is resolved: a file, or ``None``."""

    ca_bundle: OptionalPath = None
    http_proxy: Word = ""
    https_proxy: Word = ""
    no_proxy: Word = ""
    pip_index_url: Index = ""
    cargo_index: Index = ""


class AttestSettings(_Frozen):
    """How attestations are signed, and who vouches. ``password_variable`` names an environment variable."""

    key: OptionalPath = None
    password_variable: VariableOrEmpty = ""
    builder: Uri = ""


class TargetTable(_Frozen):
    """One ``[target.<triple>]`` table as it was written; ``None`` inherits the general value."""

    interpreters: Words | None = None
    features: Words | None = None
    environment: Environment = Field(default_factory=dict)
    rustflags: Words | None = None
    profile: Name | None = None
    image: Word | None = None
    sysroot: OptionalPath = None
    memory: Bytes | None = None
    cpus: Cpus | None = None
    timeout: Seconds | None = None


TargetTables = Annotated[
    Mapping[str, TargetTable],
    AfterValidator(lambda tables: MappingProxyType(dict(tables))),
    PlainSerializer(dict),
]


class TargetSettings(_Frozen):
    """What holds for one target: its table over the general values.

    :ivar image: image reference instead of xbuild's own, or ``""``.
    :ivar sysroot: directory on the host to use instead of the image's sysroot.
    :ivar memory: bytes.
    :ivar timeout: seconds.
    """

    triple: str
    interpreters: tuple[str, ...]
    features: tuple[str, ...]
    environment: Environment
    rustflags: tuple[str, ...]
    profile: str
    image: str
    sysroot: Path | None
    memory: int
    cpus: float | None
    timeout: float


class Settings(BaseSettings):
    """Every value that can be configured, frozen. Made by :func:`xbuild.settings.load_settings`.

    :ivar timeout: seconds that one job may take.
    :ivar memory: bytes that one container that builds or runs a wheel may use, swap included.
    :ivar environment: variables of the build containers, besides xbuild's own.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    targets: Words = ()
    interpreters: Words = ()
    out: Path = Path("dist")
    jobs: Jobs = "auto"
    locked: bool = False
    strict: bool = False
    offline: bool = False
    profile: Name = "release"
    features: Words = ()
    all_features: bool = False
    no_default_features: bool = False
    rustflags: Words = ()
    environment: Environment = Field(default_factory=dict)
    timeout: Seconds = 3600.0
    memory: Bytes = 4 << 30
    cpus: Cpus | None = None
    cpuset: Cpuset = ""
    pids: int = Field(default=2048, ge=64)
    reproducible: bool = True
    fresh: bool = False
    test: bool = False
    runtime: NameOrEmpty = ""
    source_include: Globs = ()
    source_exclude: Globs = ()
    cache_dir: Path = Field(default_factory=lambda: UserDirs.from_platform().cache)
    state_dir: Path = Field(default_factory=lambda: UserDirs.from_platform().state)
    images: ImagesSettings = ImagesSettings()
    network: NetworkSettings = NetworkSettings()
    attest: AttestSettings = AttestSettings()
    target: TargetTables = Field(default_factory=dict)

    @classmethod
    def from_layers(cls, layers: Iterable[Mapping[str, Any]]) -> Settings:
        """Merge nested values, the first layer being the strongest.

        :raises pydantic.ValidationError: a value is wrong.
        """
        arguments: dict[str, Any] = {"layers": tuple(layers)}
        return cls(**arguments)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the process environment is never read
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The layers that were passed in, or plain keyword arguments; nothing that is found by itself."""
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        if "layers" not in given:
            return (init_settings,)
        return tuple(InitSettingsSource(settings_cls, dict(layer)) for layer in given["layers"])

    def for_target(self, triple: str) -> TargetSettings:
        """What holds for the target ``triple``: its table, where it has one, over the general values."""
        own = self.target.get(triple, TargetTable())
        return TargetSettings(
            triple=triple,
            interpreters=_first(own.interpreters, self.interpreters),
            features=_first(own.features, self.features),
            environment={**self.environment, **own.environment},
            rustflags=_first(own.rustflags, self.rustflags),
            profile=_first(own.profile, self.profile),
            image=own.image or "",
            sysroot=own.sysroot,
            memory=_first(own.memory, self.memory),
            cpus=_first(own.cpus, self.cpus),
            timeout=_first(own.timeout, self.timeout),
        )


def _first(own: T | None, general: T) -> T:
    return general if own is None else own
