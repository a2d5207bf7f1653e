"""What a wheel's file name promises: distribution, version, tags, platforms and interpreters."""

from __future__ import annotations

import re
import tomllib  # noqa: TID251  # for tables of xbuild's own
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import Version

from xbuild.catalog import Catalog, Interpreter, Target
from xbuild.wheels.zip import refusal

WHEEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*(-[A-Za-z0-9._+!]+){4,5}\.whl", re.ASCII)
"""What xbuild takes for a wheel's file name before any other code sees it."""

_PLATFORMS = (
    (re.compile(r"win(?:_(?P<arch>amd64|arm64)|32)"), "windows", ""),
    (re.compile(r"manylinux(?P<legacy>1|2010|2014)_(?P<arch>\w+)"), "linux", "gnu"),
    (re.compile(r"manylinux_(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>\w+)"), "linux", "gnu"),
    (re.compile(r"musllinux_(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>\w+)"), "linux", "musl"),
    (re.compile(r"linux_(?P<arch>\w+)"), "linux", ""),
    (re.compile(r"macosx_(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>\w+)"), "macos", ""),
)
_LEGACY = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}
_PYTHON = re.compile(r"(?P<kind>cp|pp)(?P<major>\d)(?P<minor>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One platform tag, understood.

    :ivar version: of glibc, musl or macOS; () where the tag has none.
    :ivar archs: names of architectures as wheel tags of that system spell them.
    """

    tag: str
    os: str
    libc: str
    version: tuple[int, ...]
    archs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelName:
    """A wheel's file name, understood.

    :ivar stem: the first two components, as they stand: what the names of the metadata folders begin with.
    :ivar abi3_floor: the oldest (major, minor) that a wheel with the stable ABI is for, or None.
    """

    file: str
    stem: str
    name: NormalizedName
    version: Version
    build: BuildTag
    tags: frozenset[Tag]
    platforms: tuple[Platform, ...]
    abi3_floor: tuple[int, int] | None

    @property
    def os(self) -> str:
        """The operating system, or ``""`` where the wheel is not for exactly one."""
        systems = {platform.os for platform in self.platforms}
        return systems.pop() if len(systems) == 1 else ""


def parse_name(name: str) -> WheelName:
    """Understand a wheel's file name.

    :raises ArtifactError: ``bad-wheel-name``.
    """
    if not WHEEL_NAME.fullmatch(name) or len(name) > 255:
        raise refusal("bad-wheel-name", "not the file name of a wheel", ascii(name))
    try:
        project, version, build, tags = parse_wheel_filename(name)
    except InvalidWheelFilename as error:
        raise refusal("bad-wheel-name", "not the file name of a wheel", str(error)) from None
    return WheelName(
        file=name,
        stem="-".join(name.split("-")[:2]),
        name=project,
        version=version,
        build=build,
        tags=tags,
        platforms=tuple(parse_platform(tag) for tag in sorted({tag.platform for tag in tags})),
        abi3_floor=_abi3_floor(tags),
    )


def parse_platform(tag: str) -> Platform:
    """Understand a platform tag; one that is not known has the system ``""``."""
    for pattern, system, libc in _PLATFORMS:
        match = pattern.fullmatch(tag)
        if match is None:
            continue
        groups = match.groupdict()
        version = _LEGACY.get(groups.get("legacy") or "", ())
        if groups.get("major"):
            version = (int(groups["major"]), int(groups["minor"]))
        arch = groups["arch"] or "win32"
        members = tuple(platform_data()["macos-sets"].get(arch, (arch,))) if system == "macos" else (arch,)
        return Platform(tag=tag, os=system, libc=libc, version=version, archs=members)
    return Platform(tag=tag, os="", libc="", version=(), archs=())


@lru_cache(maxsize=1)
def platform_data() -> dict[str, Any]:
    """The facts of ``platforms.toml``."""
    return tomllib.loads(files(__package__).joinpath("platforms.toml").read_text("utf-8"))


def arch_row(system: str, arch: str) -> dict[str, str]:
    """The row of ``platforms.toml`` for an architecture, or an empty one."""
    row: dict[str, str] = platform_data()[system].get(arch, {}) if system else {}
    return row


def find_target(name: WheelName, catalog: Catalog) -> str:
    """The triple of the catalog's target for all of the wheel's platforms, or ``""``."""
    for target in catalog.targets.values():
        if name.platforms and all(_same_kind(platform, target) for platform in name.platforms):
            return target.triple
    return ""


def _same_kind(platform: Platform, target: Target) -> bool:
    """Whether a platform tag is of the target's system, C library and architecture; versions may differ.

    A tag that names no C library is taken to mean glibc.
    """
    known = [parse_platform(tag) for tag in target.platform_tag.split(".")]
    libc = "gnu" if platform.os == "linux" else ""
    return any(
        (platform.os, platform.libc or libc, platform.archs) == (item.os, item.libc, item.archs)
        for item in known
    )


def find_interpreters(name: WheelName, catalog: Catalog) -> tuple[Interpreter, ...]:
    """The catalog's interpreters that may install the wheel."""
    pairs = {(tag.interpreter, tag.abi) for tag in name.tags}
    return tuple(
        item
        for item in catalog.interpreters.values()
        if (item.python_tag, item.abi_tag) in pairs or _takes_abi3(item, name.abi3_floor)
    )


def interpreter_tags(name: WheelName, catalog: Catalog) -> tuple[str, ...]:
    """Short names of the interpreters, with tags that the catalog does not know as they stand."""
    known = find_interpreters(name, catalog)
    python_tags = {item.python_tag for item in known}
    others = {tag.interpreter for tag in name.tags if not tag.interpreter.startswith("py")} - python_tags
    return (*(item.tag for item in known), *sorted(others))


def _takes_abi3(interpreter: Interpreter, floor: tuple[int, int] | None) -> bool:
    if floor is None or interpreter.implementation != "cpython" or interpreter.free_threaded:
        return False
    return interpreter.version_info >= floor


def _abi3_floor(tags: frozenset[Tag]) -> tuple[int, int] | None:
    matches = (_PYTHON.fullmatch(tag.interpreter) for tag in tags if tag.abi == "abi3")
    return min(((int(match["major"]), int(match["minor"])) for match in matches if match), default=None)
