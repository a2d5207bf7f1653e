"""What the crate is, and all that it needs, brought here: its sources, its crates, what cargo knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from xbuild.engine import Engine, Image
from xbuild.engine.transport import Transport
from xbuild.errors import RefusedError
from xbuild.events import Emitter, Stream
from xbuild.inspect.configuration.cargo_config import drop_remote_sources
from xbuild.inspect.crate.cargoconfig import CargoConfig, read_config
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.dependencies.fetch import Fetched, Fetcher
from xbuild.inspect.dependencies.metadata import View
from xbuild.inspect.dependencies.network import Network
from xbuild.inspect.dependencies.store import CrateStore
from xbuild.inspect.sources.snapshot import Snapshot, take_snapshot
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.util.files import mark_used

_DOWNLOADED = re.compile(r"^\s*Downloaded (?P<crate>\S+ v\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The crate and the copy of its sources that builds get."""

    manifest: Manifest
    snapshot: Snapshot


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What the crate is locked to, and what cargo says of it for each target.

    :ivar by_target: by the target's triple; never empty.
    :ivar downloaded: how many crates came over the network.
    """

    by_target: Mapping[str, Fetched]
    downloaded: int = 0

    @cached_property
    def fetched(self) -> Fetched:
        """What is the same for every target, and whether any of them needed the network."""
        every = tuple(self.by_target.values())
        return replace(every[0], used_network=any(item.used_network for item in every))

    @property
    def details(self) -> dict[str, Details]:
        """What cargo says, by the target's triple."""
        return {triple: item.details for triple, item in self.by_target.items()}

    @property
    def packages(self) -> int:
        """How many crates a build may compile."""
        return max(item.details.packages for item in self.by_target.values())


def take_sources(
    request: BuildRequest, manifest: Manifest, folder: Path, *, leave_out: Sequence[Path]
) -> Sources:
    """Copy the sources to a new folder.

    :param leave_out: folders of xbuild's own, which are no sources unless the crate lies in them.
    :raises RefusedError: as :func:`xbuild.inspect.sources.snapshot.take_snapshot`.
    """
    snapshot = take_snapshot(
        manifest.root,
        folder,
        include=request.source_include,
        exclude=request.source_exclude,
        leave_out=[
            place
            for place in (request.out, *leave_out, *request.leave_out)
            if not manifest.project.is_relative_to(place)
        ],
        parts=manifest.folders,
        always=manifest.files,
        project=manifest.project,
        history=request.source_git,
    )
    return Sources(manifest=manifest, snapshot=snapshot)


def read_configuration(request: BuildRequest, sources: Sources) -> Sources:
    """The sources with cargo's configuration as the copy has it, free of what cargo has to be kept from.

    :raises RefusedError: ``source-changed``: they have to have another digest.
    """
    manifest, snapshot = sources.manifest, sources.snapshot
    found = replace(sources, manifest=replace(manifest, config=_configuration(manifest, snapshot)))
    _expect(request.source_digest, snapshot.digest, "the sources", manifest.root, "source-changed")
    return found


def _configuration(manifest: Manifest, snapshot: Snapshot) -> CargoConfig:
    """cargo's configuration as the sources have it; what cargo has to be kept from is taken out of them."""

    def copy(folder: Path) -> Path:
        return snapshot.folder / folder.relative_to(manifest.root)

    crate = copy(manifest.cargo_toml.parent)
    config = read_config(copy(manifest.project), crate, snapshot.folder, shown=manifest.root)
    drop_remote_sources(config)
    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyReader:
    """Fetches what a crate needs, and asks cargo about it as each target sees it.

    :ivar cache: folder for everything that can be fetched again.
    :ivar work: private folder of the run.
    :ivar user: ``uid:gid`` of the containers.
    """

    engine: Engine
    base: Image
    transport: Transport
    cache: Path
    work: Path
    network: Network
    user: str
    labels: Mapping[str, str]
    emitter: Emitter

    def read(self, request: BuildRequest, sources: Sources, *, offline: bool) -> Dependencies:
        """Make sure that the cache has everything, and ask.

        :raises RefusedError: ``lock-changed``: another Cargo.lock was wanted; or as :meth:`Fetcher.fetch`.
        :raises FetchError: something cannot be fetched.
        """
        manifest, log = sources.manifest, _FetchLog(self.emitter)
        views = {wanted.target.triple: view_of(manifest, wanted) for wanted in request.targets}
        fetcher = self._fetcher(log, tuple(dict.fromkeys(views.values())))
        by_view = {
            view: fetcher.fetch(manifest, sources.snapshot, view=view, locked=request.locked, offline=offline)
            for view in fetcher.views
        }
        found = Dependencies(
            by_target={triple: by_view[view] for triple, view in views.items()}, downloaded=log.downloaded
        )
        digest = found.fetched.lock_digest
        _expect(request.lock_digest, digest, "Cargo.lock", manifest.lock_path, "lock-changed")
        self._tell(manifest.name, found.fetched)
        return found

    def unpack(self, dependencies: Dependencies) -> Path:
        """The unpacked crates of this lockfile, each compared with the store; gives their folder."""
        fetched = dependencies.fetched
        fetcher = self._fetcher(_FetchLog(self.emitter), ())
        folder = self.cache / "vendor" / fetched.lock_digest
        report = fetcher.store.vendor(fetched.packages, folder / "vendor")
        fetcher.write_config(fetched, folder)
        mark_used(folder)
        fetcher.store.mark_used(fetched.packages, fetched.lock_digest)
        if report.damaged:
            damaged = ", ".join(report.damaged)
            message = f"the cache had damaged crates, which were unpacked again: {damaged}"
            self.emitter.notice("warning", "cache-repaired", message)
        return folder

    def _fetcher(self, log: _FetchLog, views: tuple[View, ...]) -> Fetcher:
        return Fetcher(
            engine=self.engine,
            image=self.base.id,
            transport=self.transport,
            store=CrateStore(self.cache / "store"),
            cache=self.cache / "details",
            work=self.work,
            network=self.network,
            user=self.user,
            labels=self.labels,
            on_line=log,
            views=views,
        )

    def _tell(self, name: str, fetched: Fetched) -> None:
        if fetched.generated_lock:
            self.emitter.notice(
                "warning",
                "lock-generated",
                f"{name} has no Cargo.lock: one was made for this run only",
                hint="commit a Cargo.lock, so that the next build uses the same crates",
            )
        if fetched.pruned:
            self.emitter.notice(
                "info",
                "lock-pruned",
                f"Cargo.lock has {fetched.pruned + len(fetched.packages)} packages, of which the sources "
                f"need {len(fetched.packages)}; the rest is left out for this run",
            )


class _FetchLog:
    """Tells what cargo prints, and counts what it downloads."""

    def __init__(self, emitter: Emitter) -> None:
        self.downloaded = 0
        self._emitter = emitter

    def __call__(self, stream: Stream, line: str) -> None:
        self._emitter.output("fetch", stream, line)
        if found := _DOWNLOADED.match(line):
            self.downloaded += 1
            self._emitter.progress("fetch", self.downloaded, 0, found["crate"])


def view_of(manifest: Manifest, wanted: TargetRequest) -> View:
    """The crate with the dependencies of a target, and the features that maturin builds it with."""
    features = {*manifest.maturin_features, *wanted.features}
    every = wanted.all_features or manifest.maturin.get("all-features")
    bare = wanted.no_default_features or manifest.maturin.get("no-default-features")
    words = (
        *(("--features", ",".join(sorted(features))) if features else ()),
        *(("--all-features",) if every else ()),
        *(("--no-default-features",) if bare else ()),
    )
    return View(features=words, target=wanted.target.triple)


def _expect(wanted: str, found: str, what: str, where: Path, code: str) -> None:
    if wanted and wanted != found:
        raise RefusedError(
            f"{what} changed since the run that is repeated",
            details=f"{where} has the digest {found}, and then it had {wanted}",
            hint="check out what was built, and name its folder with --source",
            code=code,
        )
