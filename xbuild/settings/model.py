"""The settings as frozen values: each with its type, who may say it, its default and its meaning.

docs/configuration.md is made from this file (``python -m xbuild.settings.reference docs/configuration.md``):
the string below a field is its meaning there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from xbuild.settings.dirs import UserDirs
from xbuild.settings.types import (
    Age,
    Bytes,
    Cpus,
    Cpuset,
    Environment,
    Folders,
    Globs,
    Index,
    Jobs,
    NameOrEmpty,
    OptionalPath,
    Packages,
    Seconds,
    Size,
    Uri,
    VariableOrEmpty,
    Word,
    Words,
)
from xbuild.settings.who import (
    BELOW,
    KINDS,
    LOWER,
    PROJECT,
    STRICTER,
    Default,
    Say,
    Who,
    check_declared,
    user,
)

T = TypeVar("T")

_IMAGE = user("chooses what images are made from, by recipes that run as root and with a network")
_REACH = user("chooses what is reached over the network, and trusting whom")
_PLACE = user("names a folder of yours that is written to")
_KEPT = user("says how long what your runs told is kept")
_SOURCE = Who(Say.BELOW, "would have files of yours read from outside of the project")
_SIGNING = user("is about the signature of whoever builds")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ImagesSettings(_Frozen):
    """Where toolchain images come from."""

    base: Annotated[Word, _IMAGE] = "auto"
    """`registry` (a Debian image pinned by digest), `bootstrap` (made on this machine with mmdebstrap),
    `auto` (the first that works), or the reference of an image"""
    registry: Annotated[Word, _IMAGE] = ""
    """prefix of a registry that has images: making one is first pulling it from there, and `images push` and
    `images pull` use it"""
    debian_mirror: Annotated[Index, _IMAGE] = ""
    """base URI of a mirror of Debian's suites and their updates; empty is Debian's own"""
    debian_security_mirror: Annotated[Index, _IMAGE] = ""
    """base URI of a mirror of the security updates; empty is Debian's own, also where `images.debian_mirror`
    is set"""
    debian_snapshot: Annotated[Index, _IMAGE] = "https://snapshot.debian.org/archive"
    """an archive that keeps every version of Debian's packages, or a mirror of one: `debian/TIME` and
    `debian-security/TIME` are below it"""
    pins: Annotated[Literal["follow", "strict"], _IMAGE] = "follow"
    """`follow`: images are made of the pinned packages, and where those are nowhere to be had, of what Debian
    has today; such an image is marked as not pinned. `strict`: only of the pinned ones"""


class NetworkSettings(_Frozen):
    """How the phases that have a network reach it. ``ca_bundle`` is resolved: a file, or ``None``."""

    ca_bundle: Annotated[
        OptionalPath, user("names a file of yours, which containers with a network get"), Default('`"auto"`')
    ] = None
    """PEM file of certificate authorities; `auto` is the file that `SSL_CERT_FILE` or `REQUESTS_CA_BUNDLE`
    names, else the system's; `""` is none"""
    http_proxy: Annotated[Word, _REACH, Default("`http_proxy`, `HTTP_PROXY`")] = ""
    """proxy for http"""
    https_proxy: Annotated[Word, _REACH, Default("`https_proxy`, `HTTPS_PROXY`")] = ""
    """proxy for https"""
    no_proxy: Annotated[Word, _REACH, Default("`no_proxy`, `NO_PROXY`")] = ""
    """hosts that need no proxy"""
    pip_index_url: Annotated[Index, _REACH, Default("`PIP_INDEX_URL`")] = ""
    """mirror of PyPI"""
    cargo_index: Annotated[Index, _REACH] = ""
    """mirror of crates.io (`sparse+https://...`)"""


class AttestSettings(_Frozen):
    """How attestations are signed, and who vouches. ``password_variable`` names an environment variable."""

    key: Annotated[OptionalPath, _SIGNING] = None
    """PEM file of the Ed25519 key that signs the wheels' provenance; without one it is written unsigned. It
    must not lie among the sources, which builds can read"""
    password_variable: Annotated[VariableOrEmpty, _SIGNING] = ""
    """name of the environment variable that holds the key's password"""
    builder: Annotated[Uri, _SIGNING] = ""
    """URI of who vouches for the builds; empty is one that says how they were isolated"""


class RunsSettings(_Frozen):
    """How long the folders of runs are kept. ``max_age`` is in seconds, ``max_size`` in bytes; ``None`` is
    without an end."""

    max_age: Annotated[Age, _KEPT] = 90 * 86_400.0
    """when logs and reports of a run are removed, counted from its beginning: `"90d"`, `"2w"`, `"12h"`, or a
    number of seconds; `""` is never"""
    max_size: Annotated[Size, _KEPT] = 2 << 30
    """how much all runs together may have, before the oldest are removed: `"512m"`, `"4g"`, or a number of
    bytes; `""` is any amount"""


class TargetTable(_Frozen):
    """One ``[target.<triple>]`` table as it was written; ``None`` inherits the general value."""

    interpreters: Annotated[Words | None, KINDS] = None
    """as the general value"""
    features: Annotated[Words | None, PROJECT] = None
    """as the general value"""
    environment: Annotated[Environment, PROJECT] = Field(default_factory=dict)
    """merged over the general one"""
    rustflags: Annotated[Words | None, PROJECT] = None
    """as the general value"""
    profile: Annotated[NameOrEmpty | None, PROJECT] = None
    """as the general value"""
    compatibility: Annotated[NameOrEmpty | None, PROJECT] = None
    """as the general value, and for this platform"""
    strip: Annotated[bool | None, PROJECT] = None
    """as the general value"""
    image: Annotated[Word | None, user("names the image that builds run in, which is pulled")] = None
    """an image in place of xbuild's own"""
    build_packages: Annotated[Packages | None, PROJECT] = None
    """as the general value"""
    sysroot: Annotated[OptionalPath, user("names a folder of yours, which builds get to read")] = None
    """a Microsoft SDK in cargo-xwin's layout, or a macOS SDK, in place of the image's sysroot"""
    memory: Annotated[Bytes | None, LOWER] = None
    """as the general value"""
    cpus: Annotated[Cpus | None, LOWER] = None
    """as the general value"""
    timeout: Annotated[Seconds | None, LOWER] = None
    """as the general value"""


TargetTables = Annotated[
    Mapping[str, TargetTable],
    AfterValidator(lambda tables: MappingProxyType(dict(tables))),
    PlainSerializer(dict),
]


class TargetSettings(_Frozen):
    """What holds for one target: its table over the general values.

    :ivar image: image reference instead of xbuild's own, or ``""``.
    :ivar build_packages: Debian packages that xbuild's own image gets besides.
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
    compatibility: str
    strip: bool
    image: str
    build_packages: tuple[str, ...]
    sysroot: Path | None
    memory: int
    cpus: float | None
    timeout: float


class Settings(BaseSettings):
    """Every value that can be configured, frozen. Made by :func:`xbuild.settings.load_settings`.

    :ivar timeout: seconds.
    :ivar memory: bytes.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    targets: Annotated[Words, PROJECT] = ()
    """target triples (`--target`); `xbuild targets` lists them"""
    interpreters: Annotated[Words, KINDS] = ()
    """kinds of interpreters, or paths of programs, which are run to ask what they are (`--interp`)"""
    out: Annotated[Path, BELOW] = Path("dist")
    """directory that gets the wheels"""
    jobs: Annotated[Jobs, LOWER] = "auto"
    """how many targets are built at once; `auto` goes by the processors and the memory of the engine's
    machine"""
    locked: Annotated[bool, STRICTER] = False
    """refuse a missing Cargo.lock, or one that lacks what the sources need (what it has too much, as in many
    sdists, is left out with or without this), and images and tools that xbuild.lock, where there is one,
    does not pin"""
    strict: Annotated[bool, STRICTER] = False
    """refuse the whole run where one pair of target and interpreter cannot work"""
    offline: Annotated[bool, _REACH] = False
    """use no network at all; everything must be in the caches, and the images on the engine"""
    profile: Annotated[NameOrEmpty, PROJECT] = ""
    """Cargo profile; empty is `profile` of `[tool.maturin]`, else `release`"""
    compatibility: Annotated[NameOrEmpty, PROJECT] = ""
    """policy of the platform tag in maturin's words: `manylinux_2_28`, `manylinux2014`, `musllinux_1_2`,
    `linux`, `pypi`; empty is `compatibility` of `[tool.maturin]`, else the target's own. A policy of another
    platform counts for nothing"""
    strip: Annotated[bool, PROJECT] = False
    """without symbols, as `maturin build --strip`; else as `strip` of `[tool.maturin]` and the profile say"""
    features: Annotated[Words, PROJECT] = ()
    """Cargo features"""
    all_features: Annotated[bool, PROJECT] = False
    """all of them"""
    no_default_features: Annotated[bool, PROJECT] = False
    """without the default ones"""
    rustflags: Annotated[Words, PROJECT] = ()
    """flags for rustc, besides xbuild's own"""
    pgo_profile: Annotated[OptionalPath, _SOURCE] = None
    """a profile that `xbuild profile` made, from the project's folder on: all targets are optimised by it
    ([how](pgo.md))"""
    environment: Annotated[Environment, PROJECT] = Field(default_factory=dict)
    """variables of the build containers; values of names with TOKEN, PASSWORD, KEY, SECRET and the like are
    never printed or recorded; other values are in the report and the provenance, because `xbuild verify`
    needs them, and in `xbuild config`; `xbuild plan --json` shows the names alone"""
    timeout: Annotated[Seconds, LOWER] = 3600.0
    """longest time of one job, a target with all its interpreters: `"90s"`, `"10m"`, `"1h30m"`, or a number
    of seconds"""
    memory: Annotated[Bytes, LOWER] = 4 << 30
    """memory of one container that builds, or that runs a wheel (`--test`, `xbuild test`), swap included:
    `"512m"`, `"4g"`, or a number of bytes; at least `"64m"`"""
    cpus: Annotated[Cpus | None, LOWER] = None
    """processor time of one such container, in processors; fractions are allowed"""
    cpuset: Annotated[Cpuset, user("chooses the processors that are used")] = ""
    """the processors that such containers see and run on: `"0"`, `"0-3,6"`; by default all"""
    pids: Annotated[int, LOWER] = Field(default=2048, ge=64)
    """processes of one such container; at least 64"""
    reproducible: Annotated[bool, STRICTER] = True
    """one codegen unit for each crate, so that the bytes do not go by the processors
    ([why](reproducibility.md#codegen-units))"""
    fresh: Annotated[bool, STRICTER] = False
    """compile everything anew in an empty target directory (`--fresh`), in place of going on in the one that
    the last run left; for releases"""
    test: Annotated[bool, STRICTER] = False
    """run the wheels on their platforms after the build, where that is possible"""
    runtime: Annotated[NameOrEmpty, user("chooses how builds are kept apart from this machine")] = ""
    """container runtime of builds and of wheels that are run, such as `runsc`; empty is the engine's
    default"""
    source_root: Annotated[OptionalPath, user("brings files from around the project into a build")] = None
    """the folder that all [sources](#sources) are in (`--source-root`); none is the git repository that
    tracks the project, else the least folder that has all that the manifests name"""
    source_git: Annotated[bool, PROJECT] = False
    """give the build a [`.git`](#the-repository-itself), for build scripts that ask it which commit they
    build"""
    build_packages: Annotated[Packages, PROJECT] = ()
    """Debian packages whose programs the build calls, such as `["flex", "bison"]`: an image with them is made
    once, on top of the target's"""
    source_include: Annotated[Globs, PROJECT] = ()
    """globs of ignored files that the build needs all the same, from the root of the sources or from the
    project's folder on"""
    source_exclude: Annotated[Globs, PROJECT] = ()
    """globs of files that the build does not get"""
    trusted_projects: Annotated[Folders, user("says whom you trust")] = ()
    """absolute paths (`~/` is the home directory) of folders and files whose configuration counts as your
    own: what is said in or below them may say everything; links are followed first"""
    cache_dir: Annotated[
        Path, user("names a folder that is written to"), Default("the user's cache directory")
    ] = Field(default_factory=lambda: UserDirs.from_platform().cache)
    """downloads and build caches; `xbuild cache du` shows what is in it, `gc` and `clear` clean it"""
    state_dir: Annotated[
        Path, user("names a folder that is written to"), Default("the user's state directory")
    ] = Field(default_factory=lambda: UserDirs.from_platform().state)
    """[runs](#runs), logs and reports"""
    images: ImagesSettings = ImagesSettings()
    network: NetworkSettings = NetworkSettings()
    attest: AttestSettings = AttestSettings()
    runs: RunsSettings = RunsSettings()
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
            compatibility=_first(own.compatibility, self.compatibility),
            strip=_first(own.strip, self.strip),
            image=own.image or "",
            build_packages=_first(own.build_packages, self.build_packages),
            sysroot=own.sysroot,
            memory=_first(own.memory, self.memory),
            cpus=_first(own.cpus, self.cpus),
            timeout=_first(own.timeout, self.timeout),
        )


def _first(own: T | None, general: T) -> T:
    return general if own is None else own


TABLES: Mapping[str, type[BaseModel]] = {
    "images": ImagesSettings,
    "network": NetworkSettings,
    "attest": AttestSettings,
    "runs": RunsSettings,
}
"""The tables that the general values have beside them; ``[target.<triple>]`` is a :class:`TargetTable`."""

check_declared(Settings, without={*TABLES, "target"})
check_declared(TargetTable)
for _table in TABLES.values():
    check_declared(_table)
