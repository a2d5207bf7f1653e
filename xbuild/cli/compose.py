"""Where settings end: they become a request and the tools that a run works with."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbuild.catalog import Catalog, Target, load_catalog, sysroot_layouts
from xbuild.catalog.interpreters import ALL, resolve_interpreter
from xbuild.engine import Engine, Limits
from xbuild.errors import RefusedError, UsageError
from xbuild.events import Stream
from xbuild.images.bootstrap import Mirrors
from xbuild.images.builder import ImageBuilder, Narrate, Sources
from xbuild.inspect.configuration.maturin import passed_over
from xbuild.inspect.dependencies.fetch import Network
from xbuild.request.compatibility import concerns
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.settings import DEFAULT, Loaded, Settings, Trust, load_settings, tree_of
from xbuild.storage.runs import Retention
from xbuild.util.toml import read_toml

if TYPE_CHECKING:
    from xbuild.check.trial.prove import Prover
    from xbuild.report.attest import SigningKey

_MACHINE = "host-tuple"
"""What cargo takes in ``build.target`` for the platform that it runs on."""


def load(flags: Mapping[str, Any], project: Path | None, config_file: Path | None = None) -> Loaded:
    """The settings for a call of the command.

    :raises UsageError: a value cannot be understood.
    """
    folder = project if project is None or project.is_dir() else project.parent
    return load_settings(flags=flags, environ=os.environ, project_dir=folder, config_file=config_file)


def make_request(settings: Settings, project: Path, catalog: Catalog) -> BuildRequest:
    """The request that the settings mean.

    :raises RefusedError: an unknown target or interpreter.
    :raises UsageError: SOURCE_DATE_EPOCH is no time.
    """
    triples = settings.targets or _default_targets(project, os.environ)
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


def _default_targets(project: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """``CARGO_BUILD_TARGET``, else ``build.target`` of .cargo/config.toml, else this machine's platform."""
    machine = f"{os.uname().machine}-unknown-linux-gnu"
    named = environ.get("CARGO_BUILD_TARGET")
    if named:
        return (named,)
    for folder in (project, *project.parents):
        # Where both are there, cargo takes the one without a suffix, and only that
        paths = (folder / ".cargo" / name for name in ("config", "config.toml"))
        path = next((path for path in paths if path.is_file()), None)
        targets = _build_targets(path) if path else ()
        if targets:
            return tuple(machine if target == _MACHINE else target for target in targets)
    return (machine,)


def _build_targets(path: Path) -> tuple[str, ...]:
    """What ``build.target`` of a configuration of cargo's names, one target or a list."""
    try:
        build = read_toml(path).get("build", {})
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {path}", details=str(error), code="bad-config") from error
    target = build.get("target", []) if isinstance(build, dict) else None
    targets = [target] if isinstance(target, str) else target
    if not isinstance(targets, list) or not all(isinstance(one, str) for one in targets):
        raise UsageError(f"build.target of {path} is no target", code="bad-config")
    return tuple(filter(None, targets))


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


def make_sources(settings: Settings) -> Sources:
    """Where image recipes fetch from."""
    network = settings.network
    mirrors = {"PIP_INDEX_URL": network.pip_index_url} if network.pip_index_url else {}
    return Sources(
        offline=settings.offline,
        base=settings.images.base,
        mirrors=Mirrors(
            debian=settings.images.debian_mirror, security=settings.images.debian_security_mirror
        ),
        pins=settings.images.pins,
        snapshot=settings.images.debian_snapshot,
        registry=settings.images.registry.rstrip("/"),
        cargo_index=network.cargo_index,
        ca_bundle=network.ca_bundle,
        environment={**proxies(settings), **mirrors},
        host_environment={"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")},
    )


def make_builder(
    settings: Settings, engine: Engine, *, narrate: Narrate, cancelled: threading.Event
) -> ImageBuilder:
    """What makes the images that the engine does not have.

    :param narrate: gets what the recipes print.
    """
    # Imported late: what audits its wheel takes a while to load
    from xbuild.app.smoke import SmokeTest

    return ImageBuilder(
        engine,
        make_sources(settings),
        locks=settings.cache_dir / "locks",
        narrate=narrate,
        cancelled=cancelled,
        trial=SmokeTest(
            engine=engine,
            catalog=load_catalog(),
            cache=settings.cache_dir,
            clock=time.time,
            narrate=narrate,
            cancelled=cancelled,
        ),
    )


def make_prover(
    settings: Settings,
    engine: Engine,
    images: ImageBuilder,
    catalog: Catalog,
    *,
    run: str,
    on_line: Callable[[Stream, str], None],
    cancelled: threading.Event,
) -> Prover:
    """What runs wheels that were built before.

    :param run: the run that its containers are labelled with.
    :param on_line: gets what the wheels print.
    :param cancelled: set when everything is being killed.
    """
    # Imported late: only `xbuild test` runs wheels without building them
    from xbuild.check.trial.prove import Prover

    return Prover(
        engine=engine,
        images=images,
        catalog=catalog,
        labels={"xbuild.run": run},
        on_line=on_line,
        limits=partial(limits_of, settings),
        stopping=cancelled.is_set,
        runtime=settings.runtime,
    )


def make_network(settings: Settings) -> Network:
    """How package sources are reached while dependencies are fetched."""
    return Network(
        ca_bundle=settings.network.ca_bundle,
        environment=proxies(settings),
        cargo_index=settings.network.cargo_index,
    )


def retention_of(settings: Settings) -> Retention:
    """How long the folders of runs are kept."""
    return Retention(max_age=settings.runs.max_age, max_size=settings.runs.max_size)


def proxies(settings: Settings) -> dict[str, str]:
    """Proxies as programs expect them in their environment."""
    network = settings.network
    pairs = {
        "http_proxy": network.http_proxy,
        "https_proxy": network.https_proxy,
        "no_proxy": network.no_proxy,
    }
    given = {name: value for name, value in pairs.items() if value}
    return {**given, **{name.upper(): value for name, value in given.items()}}


def make_signing_key(
    settings: Settings, sources: Sequence[Path], environ: Mapping[str, str]
) -> SigningKey | None:
    """The key that attestations are signed with, where the settings name one.

    :param sources: the folders that builds get a copy of.
    :raises UsageError: the key cannot be used.
    :raises RefusedError: ``key-in-sources``.
    """
    path = settings.attest.key
    if path is None:
        return None
    place = path.resolve()
    around = next((folder for folder in sources if place.is_relative_to(folder.resolve())), None)
    if around:
        raise RefusedError(
            "the signing key is among the sources, which every build script can read",
            details=f"attest.key is {path}, and the sources are in {around}",
            hint="keep the key in a folder of its own",
            code="key-in-sources",
        )
    # Imported late: cryptography takes a while to load, and most runs sign nothing
    from xbuild.report.attest import load_signing_key, password_from

    return load_signing_key(path, password_from(environ, settings.attest.password_variable))
