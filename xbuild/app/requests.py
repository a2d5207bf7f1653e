"""From settings to a request: what is asked for, checked before an engine is needed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xbuild.catalog import Catalog, Target, sysroot_layouts
from xbuild.catalog.interpreters import ALL, resolve_interpreter
from xbuild.engine import Limits
from xbuild.errors import RefusedError, UsageError
from xbuild.inspect.configuration.maturin import passed_over
from xbuild.request.compatibility import concerns
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.settings import DEFAULT, Loaded, Settings, Trust, tree_of
from xbuild.settings.native import default_targets
from xbuild.storage.runs import Retention


def make_request(settings: Settings, project: Path, catalog: Catalog) -> BuildRequest:
    """The request that the settings mean.

    :raises RefusedError: an unknown target or interpreter.
    :raises UsageError: SOURCE_DATE_EPOCH is no time.
    """
    triples = settings.targets or default_targets(project, os.environ)
    targets = tuple(
        _target_request(catalog.target(triple), settings, catalog) for triple in dict.fromkeys(triples)
    )
    check_compatibility(settings, [wanted.target for wanted in targets])
    return BuildRequest(
        project=project,
        out=(Path.cwd() / settings.out).resolve(),
        targets=targets,
        jobs=jobs_of(settings),
        locked=settings.locked,
        strict=settings.strict,
        offline=settings.offline,
        reproducible=settings.reproducible,
        fresh=settings.fresh,
        epoch=_epoch(os.environ.get("SOURCE_DATE_EPOCH", "")),
        overlooked=tuple(passed_over(os.environ)),
        test=settings.test,
        runtime=settings.runtime,
        source_root=settings.source_root.resolve() if settings.source_root else None,
        home=Path(home) if (home := os.environ.get("HOME", "")) else None,
        trusted=Trust.in_settings(settings).covers(project),
        source_git=settings.source_git,
        pgo_profile=settings.pgo_profile.absolute() if settings.pgo_profile else None,
        source_include=settings.source_include,
        source_exclude=settings.source_exclude,
    )


def check_compatibility(settings: Settings, targets: Sequence[Target]) -> None:
    """Refuse a policy that no target takes, and one of a target's own table that it does not take.

    :raises UsageError: ``bad-compatibility``.
    """
    word = settings.compatibility
    takers = [target for target in targets if word and concerns(target, word)]
    wrong = [] if takers or not word else [(word, ", ".join(target.triple for target in targets))]
    for target in targets:
        own = settings.target[target.triple].compatibility if target.triple in settings.target else None
        if own and not concerns(target, own):
            wrong.append((own, target.triple))
    for asked, triples in wrong:
        raise UsageError(
            f"compatibility {asked} says nothing about {triples}",
            details="manylinux is for Linux with glibc, musllinux for Linux with musl; others have no policy",
            hint="leave it out, or name the target that it is for",
            code="bad-compatibility",
        )


def refuse_led_away(loaded: Loaded, project: Path) -> None:
    """Refuse a ``dist`` that nobody named and that a link in the project leads out of it: its author chose
    where.

    :raises RefusedError: ``out-led-away``.
    """
    here, name = Path.cwd(), loaded.settings.out
    place = (here / name).resolve()
    came_along = project.is_dir() and here.resolve().is_relative_to(tree_of(project).resolve())
    if loaded.origins["out"] != DEFAULT or not came_along or place.is_relative_to(here.resolve()):
        return
    if not loaded.trust.covers(here):
        raise RefusedError(
            f"{name} is a link that leads out of the project",
            details=f"{here / name} leads to {place}, and wheels would be written there",
            hint=f"where that is yours, say so: --out {name}, or XBUILD_OUT",
            code="out-led-away",
        )


def retention_of(settings: Settings) -> Retention:
    """How long the folders of runs are kept."""
    return Retention(max_age=settings.runs.max_age, max_size=settings.runs.max_size)


def jobs_of(settings: Settings) -> int:
    """How many targets are built at once; 0 for as many as the engine's processors and memory allow."""
    return settings.jobs if isinstance(settings.jobs, int) else 0


def limits_of(settings: Settings, triple: str) -> Limits:
    """The bounds of a container that builds for a target, or runs a wheel for it."""
    own = settings.for_target(triple)
    return Limits(memory=own.memory, cpus=own.cpus or 0.0, cpuset=settings.cpuset, pids=settings.pids)


def _target_request(target: Target, settings: Settings, catalog: Catalog) -> TargetRequest:
    own = settings.for_target(target.triple)
    names = own.interpreters or (ALL,)
    every = ALL in names
    resolved = (
        ()
        if every
        else tuple(
            resolve_interpreter(name, catalog, folder=Path.cwd(), environment=os.environ).interpreter
            for name in names
        )
    )
    return TargetRequest(
        target=target,
        interpreters=tuple(dict.fromkeys(resolved)),
        every_interpreter=every,
        features=own.features,
        all_features=settings.all_features,
        no_default_features=settings.no_default_features,
        profile=own.profile,
        compatibility=own.compatibility,
        strip=own.strip,
        rustflags=own.rustflags,
        environment=own.environment,
        image=own.image,
        build_packages=own.build_packages,
        sysroot=_sysroot(target, own.sysroot) if own.sysroot else None,
        limits=limits_of(settings, target.triple),
        timeout=own.timeout,
    )


def sysroot_settings(sysroot: Path, triples: Sequence[str], catalog: Catalog) -> dict[str, Any]:
    """Settings in which a sysroot is that of the targets of its system.

    Where it has the layout of none of them, it is that of all that take one, for which it is refused later.

    :raises UsageError: ``sysroot-unsupported``: no target takes one.
    """
    layouts = sysroot_layouts()
    takes = {
        triple: layouts[system] for triple in triples if (system := catalog.target(triple).os) in layouts
    }
    if not takes:
        raise UsageError(
            "--sysroot is for targets of Windows and macOS, and none is asked for",
            details=f"targets: {', '.join(triples)}",
            code="sysroot-unsupported",
        )
    folder = sysroot.absolute()
    fits = [triple for triple, layout in takes.items() if layout.is_in(folder)]
    return {triple: {"sysroot": folder} for triple in fits or takes}


def _sysroot(target: Target, folder: Path) -> Path:
    layout = sysroot_layouts().get(target.os)
    if layout is None:
        raise UsageError(
            f"a sysroot of your own is for Windows and macOS, not for {target.triple}",
            code="sysroot-unsupported",
        )
    return layout.find(folder)


def _epoch(text: str) -> int | None:
    """SOURCE_DATE_EPOCH. maturin takes a bad one silently for 1980, so it is checked here."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{9,10}", text) or not 315_532_800 <= int(text) <= 4_354_819_198:
        raise UsageError(
            f"SOURCE_DATE_EPOCH={text!r} is no time that a wheel can hold",
            details="it is seconds since 1970 (UTC), from 1980 to 2107",
            code="bad-epoch",
        )
    return int(text)
