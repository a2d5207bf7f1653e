"""Is everything there that builds need? Each finding that is not fine comes with its fix."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from xbuild.engine import Engine, EngineInfo
from xbuild.engine.docker import DockerEngine
from xbuild.errors import XbuildError
from xbuild.images.bootstrap import INSTALL_COMMAND, root_recipe
from xbuild.images.recipe import base_recipe
from xbuild.settings import Settings
from xbuild.transport import find_transport

MINIMUM_API = (1, 41)
NEEDED_SPACE = 12 << 30
"""Bytes that the base, five toolchain images and the builds of a day want."""

BINFMT = Path("/proc/sys/fs/binfmt_misc")
PATCHED = (29, 5, 1)
"""First upstream release of the engine without CVE-2026-41567 and CVE-2026-41568."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: Literal["ok", "warning", "error"]
    message: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return asdict(self)


def examine(settings: Settings, *, environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything; never raises."""
    findings: list[Finding] = []
    try:
        engine: Engine = DockerEngine(timeout=10)
        info = engine.info()
    except XbuildError as error:
        findings.append(Finding("engine", "error", f"{error.brief} ({error.details})", error.hint))
    else:
        findings += _engine(info)
        findings += _isolation(info, settings)
        findings += _base(engine, settings, environ)
        findings += _transport(engine, settings)
    findings += _space(settings)
    findings += _certificates(settings)
    findings += _emulation()
    return findings


def _version(text: str) -> tuple[int, ...]:
    parts = text.split("+", maxsplit=1)[0].split("-", maxsplit=1)[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def _engine(info: EngineInfo) -> Iterator[Finding]:
    yield Finding("engine", "ok", f"Docker {info.version} at {info.address}")
    if _version(info.api_version) < MINIMUM_API:
        yield Finding(
            "engine API",
            "error",
            f"{info.api_version} is older than 1.41",
            "upgrade to Docker Engine 20.10 or newer",
        )
    if _version(info.version) < PATCHED and "dfsg" not in info.version:
        yield Finding(
            "engine release",
            "warning",
            f"{info.version} is older than 29.5.1, the first with the fixes of CVE-2026-41567 and -41568",
            "upgrade Docker Engine, or use a distribution's package with backported fixes",
        )
    slow = "; images are built without commits, which are slow on it" if "fuse" in info.storage_driver else ""
    yield Finding("storage", "ok", f"{info.storage_driver} below {info.root_dir}{slow}")


def _isolation(info: EngineInfo, settings: Settings) -> Iterator[Finding]:
    options = " ".join(info.security_options)
    names = [option.removeprefix("name=").split(",")[0] for option in info.security_options]
    if "seccomp" not in options:
        yield Finding(
            "seccomp",
            "error",
            "the engine filters no system calls",
            "run an engine with seccomp (`docker info` lists it)",
        )
    extra = [name for name in ("apparmor", "selinux", "userns", "rootless") if name in names]
    yield Finding(
        "isolation",
        "ok" if extra else "warning",
        f"builds get: no network, no capabilities, no new privileges, read-only root, {', '.join(names)}",
        ""
        if extra
        else "neither AppArmor nor user namespaces here: for hostile sources use a machine for each",
    )
    if settings.runtime and settings.runtime not in info.runtimes:
        yield Finding(
            "runtime",
            "error",
            f"{settings.runtime} is not registered (there is: {', '.join(info.runtimes)})",
            "register it in the engine's daemon.json, or change the setting `runtime`",
        )
    if info.cgroup_version == "1":
        yield Finding("cgroups", "ok", "version 1: memory and process limits hold")


def _base(engine: Engine, settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    if engine.image(base_recipe().tag):
        yield Finding("base image", "ok", base_recipe().tag)
        return
    source = settings.images.base
    if engine.image(root_recipe().tag):
        yield Finding("base source", "ok", f"{root_recipe().tag} is there")
    elif source in {"auto", "bootstrap"} and shutil.which("mmdebstrap", path=environ.get("PATH")):
        yield Finding("base source", "ok", "mmdebstrap makes it from Debian packages")
    else:
        yield Finding(
            "base source",
            "warning",
            "only an image registry can give it; whether one answers is not tried here",
            INSTALL_COMMAND,
        )


def _transport(engine: Engine, settings: Settings) -> Iterator[Finding]:
    image = engine.image(base_recipe().tag)
    if image is None:
        return
    try:
        local = find_transport(engine, settings.cache_dir / "work", image=image.id).local
    except (XbuildError, OSError) as error:
        yield Finding(
            "transport", "error", str(error), "make the setting cache_dir a folder that you can write to"
        )
        return
    yield Finding("transport", "ok", "bind mounts" if local else "volumes and the archive interface")


def _space(settings: Settings) -> Iterator[Finding]:
    place = next(path for path in (settings.cache_dir, *settings.cache_dir.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    enough = free >= NEEDED_SPACE
    yield Finding(
        "space",
        "ok" if enough else "warning",
        f"{free / 2**30:.0f} GiB free for {settings.cache_dir}",
        "" if enough else "`xbuild cache gc`, `xbuild images prune`, or name another cache_dir",
    )


def _certificates(settings: Settings) -> Iterator[Finding]:
    bundle = settings.network.ca_bundle
    if bundle is None:
        yield Finding("certificates", "ok", "the images' own")
    elif not bundle.is_file():
        yield Finding(
            "certificates", "error", f"{bundle} does not exist", "correct the setting network.ca_bundle"
        )
    else:
        count = bundle.read_bytes().count(b"-----BEGIN CERTIFICATE-----")
        yield Finding("certificates", "ok" if count else "error", f"{count} in {bundle}")


def _emulation() -> Iterator[Finding]:
    entry = BINFMT / "qemu-aarch64"
    fix = "apt-get install qemu-user-static binfmt-support && update-binfmts --enable qemu-aarch64"
    if not BINFMT.is_dir() or not any(BINFMT.iterdir()):
        fix = f"mount -t binfmt_misc binfmt_misc {BINFMT} && {fix}"
    try:
        text = entry.read_text("utf-8")
    except OSError:
        yield Finding("emulation", "warning", "aarch64 wheels cannot be run here, only audited", fix)
        return
    fixed = any(line.startswith("flags:") and "F" in line for line in text.splitlines())
    yield Finding(
        "emulation",
        "ok" if fixed else "warning",
        "qemu runs aarch64 wheels" if fixed else "qemu-aarch64 is registered without the F flag",
        "" if fixed else fix,
    )
