"""Is everything there that builds need? Each finding that is not fine comes with its fix."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from xbuild.engine import ContainerSpec, Engine, EngineInfo, Limits
from xbuild.engine.confinement import QUESTION, Check, judge, own_kernel, second_walls
from xbuild.engine.docker import DockerEngine
from xbuild.engine.layout import build_user
from xbuild.engine.transport import find_transport
from xbuild.errors import XbuildError
from xbuild.images.bootstrap import INSTALL_COMMAND
from xbuild.images.recipe import base_recipe, root_recipe
from xbuild.settings import Settings

MINIMUM_API = (1, 41)
NEEDED_SPACE = 12 << 30
"""Bytes that the base, five toolchain images and the builds of a day want."""

BINFMT = Path("/proc/sys/fs/binfmt_misc")
PATCHED = (29, 5, 1)
"""First upstream release of the engine without CVE-2026-41567 and CVE-2026-41568."""


WALLS_FIX = (
    "something between xbuild and the kernel changes containers: see default-runtime, default-ulimits and "
    "authorization-plugins in the engine's daemon.json"
)
LIMITS_FIX = (
    "boot with cgroup version 2, or with the kernel's parameters `cgroup_enable=memory swapaccount=1`; "
    "a rootless engine needs the controllers memory and pids delegated to its user"
)
RUNTIME_FIX = "see in the runtime's documentation which of it its sandbox keeps"
_FILTERED = "filtered system calls"
FIXES = {
    _FILTERED: (
        "run an engine with seccomp (`docker info` lists it), and no `seccomp-profile` in its daemon.json"
    ),
    "limit of open files": WALLS_FIX,
    "limit of a file's size": WALLS_FIX,
    "no core files": WALLS_FIX,
}
"""What to do where a check fails, by its name."""


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


def examine(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    connect: Callable[[], Engine] = lambda: DockerEngine(timeout=10),
) -> list[Finding]:
    """Look at everything; never raises, also where the engine goes away meanwhile.

    :param connect: connects to the engine.
    """
    findings: list[Finding] = []
    try:
        engine = connect()
        info = engine.info()
    except XbuildError as error:
        findings.append(Finding("engine", "error", f"{error.brief} ({error.details})", error.hint))
    else:
        findings += _seen("engine", lambda: _engine(info))
        findings += _seen("isolation", lambda: _isolation(engine, info, settings))
        findings += _seen("base source", lambda: _base(engine, settings, environ))
        findings += _seen("transport", lambda: _transport(engine, settings))
        findings += _seen("space of the engine", lambda: _engine_space(engine, info))
    findings += _seen("space", lambda: _space(settings))
    findings += _seen("certificates", lambda: _certificates(settings))
    findings += _seen("emulation", _emulation)
    return findings


def _seen(name: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What one look found. The engine may go away meanwhile, and a file may not be readable."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except XbuildError as error:
        found.append(Finding(name, "error", f"{error.brief} ({error.details})", error.hint))
    except OSError as error:
        found.append(Finding(name, "error", str(error), "see who may read it"))
    return found


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


def _isolation(engine: Engine, info: EngineInfo, settings: Settings) -> Iterator[Finding]:
    if settings.runtime and settings.runtime not in info.runtimes:
        yield Finding(
            "runtime",
            "error",
            f"{settings.runtime} is not registered (there is: {', '.join(info.runtimes)})",
            "register it in the engine's daemon.json, or change the setting `runtime`",
        )
        return
    if engine.image(base_recipe().tag) is None:
        yield from _claims(info)
        return
    spec = _build_spec(settings)
    try:
        lines = _look_inside(engine, spec)
    except XbuildError as error:
        message = f"a container such as builds get cannot be tried: {error.brief} ({error.details})"
        yield Finding("isolation", "error", message, error.hint or "see what the engine's log says")
        return
    kernel = own_kernel(lines, str(info.raw.get("KernelVersion", "")))
    own = [f"a kernel of the containers' own ({kernel})"] if kernel else []
    yield _second_wall((*own, *second_walls(lines)), _claimed_walls(info))
    yield from _held(judge(lines, spec), kernel)


def _claimed_walls(info: EngineInfo) -> list[str]:
    """What the engine says that it has besides the walls that every container gets."""
    names = [option.removeprefix("name=").split(",")[0] for option in info.security_options]
    return [name for name in ("apparmor", "selinux", "userns", "rootless") if name in names]


def _second_wall(seen: tuple[str, ...], claimed: list[str]) -> Finding:
    """What there is in a container: an engine may take a profile that nothing enforces, and not say so."""
    if seen:
        return Finding("second wall", "ok", f"seen in a container such as builds get: {', '.join(seen)}")
    message = "neither AppArmor nor SELinux nor user namespaces here"
    if claimed:
        message = f"the engine says {', '.join(claimed)}; a container such as builds get has none of it"
    return Finding("second wall", "warning", message, "for hostile sources use a machine for each")


def _claims(info: EngineInfo) -> Iterator[Finding]:
    """What the engine says of itself, where nothing can be tried."""
    if not _claimed_walls(info):
        yield _second_wall((), [])
    seccomp = [option for option in info.security_options if option.startswith("name=seccomp")]
    if not seccomp or any("profile=unconfined" in option for option in seccomp):
        yield Finding(
            "seccomp",
            "error",
            "the engine says that it filters no system calls",
            FIXES[_FILTERED],
        )
    flags = {"MemoryLimit": "memory", "SwapLimit": "swap", "PidsLimit": "processes"}
    missing = [what for flag, what in flags.items() if info.raw.get(flag) is False]
    if missing:
        message = f"the engine says that it cannot limit: {', '.join(missing)}"
        yield Finding("limits", "warning", message, LIMITS_FIX)
    yield Finding(
        "isolation",
        "warning",
        "not tried, for want of the base image: only what the engine says of itself is known",
        "`xbuild images build base`, then `xbuild doctor` again",
    )


def _build_spec(settings: Settings) -> ContainerSpec:
    """A container that is made as a build's is."""
    return ContainerSpec(
        image=base_recipe().tag,
        user=build_user(),
        labels={"xbuild.purpose": "doctor"},
        limits=Limits(
            memory=settings.memory, cpus=settings.cpus or 0.0, cpuset=settings.cpuset, pids=settings.pids
        ),
        runtime=settings.runtime,
    )


def _look_inside(engine: Engine, spec: ContainerSpec) -> list[str]:
    """What the kernel says in a container."""
    lines: list[str] = []
    with engine.container(spec) as container:
        container.run(
            QUESTION,
            on_line=lambda stream, line: lines.append(line) if stream == "stdout" else None,
            timeout=10,
        )
    return lines


def _held(checks: tuple[Check, ...], kernel: str) -> Iterator[Finding]:
    held = [check.name for check in checks if check.holds]
    if held:
        yield Finding("isolation", "ok", f"seen in a container such as builds get: {', '.join(held)}")
    # A kernel of its own tells less, and what it does not tell is no hole yet. Nothing reaches the engine's
    # kernel through it, so that there is nothing to filter
    untold = [
        check.name
        for check in checks
        if kernel and not check.holds and (not check.seen or check.name == _FILTERED)
    ]
    if untold:
        message = (
            f"asked for, and the containers' own kernel ({kernel}) tells nothing of it: {', '.join(untold)}"
        )
        yield Finding("isolation by the runtime", "warning", message, RUNTIME_FIX)
    for check in checks:
        if check.holds or check.name in untold:
            continue
        grave = check.kind == "wall"
        seen = f"the kernel says {check.seen}" if check.seen else "the kernel says nothing of it"
        fix = FIXES.get(check.name, LIMITS_FIX if check.kind == "limit" else WALLS_FIX)
        message = f"does not hold in a container such as builds get: {seen}"
        yield Finding(check.name, "error" if grave else "warning", message, fix)


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
            INSTALL_COMMAND
            if source in {"auto", "bootstrap"}
            else f"set images.base to auto, and {INSTALL_COMMAND}",
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
    fix = "`xbuild cache gc`, or name another cache_dir"
    yield _room("space", place, f"for {settings.cache_dir}", fix)


def _engine_space(engine: Engine, info: EngineInfo) -> Iterator[Finding]:
    """Where images are kept, if that is a folder of this machine that can be looked at."""
    place = Path(info.root_dir or "/nonexistent")
    if not engine.is_remote and place.is_dir():
        fix = "`xbuild images prune`, or remove other images of the engine's"
        yield _room("space of the engine", place, f"for images in {place}", fix)


def _room(name: str, place: Path, purpose: str, fix: str) -> Finding:
    free = shutil.disk_usage(place).free
    enough = free >= NEEDED_SPACE
    message = f"{free / 2**30:.0f} GiB free {purpose}"
    return Finding(name, "ok" if enough else "warning", message, "" if enough else fix)


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
