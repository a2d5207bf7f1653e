"""The one phase with a network: dependencies are fetched, and cargo is asked about the crate.

Nothing foreign runs here: ``cargo vendor`` and ``cargo metadata`` run no build script and no proc-macro. The
registry's answers are checked against Cargo.lock before anything is kept
(docs/decisions/0010-one-phase-with-a-network.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xbuild.engine import Container, ContainerSpec, Engine, Limits, Mount, OnLine
from xbuild.engine.layout import OUT, SRC, VENDOR
from xbuild.engine.transport import Transport, give, tar_tree
from xbuild.errors import FetchError, RefusedError
from xbuild.events import Stream
from xbuild.images.layers import tar_files
from xbuild.inspect.crate.cargo_lock import LockedPackage, no_lockfile, read_lock
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.dependencies.cargo import Cargo
from xbuild.inspect.dependencies.metadata import LOCKED, MetadataCache, View, ask, cargo_toml_of
from xbuild.inspect.dependencies.network import TRUST, Network
from xbuild.inspect.dependencies.prune import Leftovers, recall, remember
from xbuild.inspect.dependencies.store import CrateStore
from xbuild.inspect.dependencies.unpack import unpack
from xbuild.inspect.sources.snapshot import Snapshot
from xbuild.util.files import remove_tree

_LIMITS = Limits(memory=4 << 30)
_ENVIRONMENT = {
    "HOME": "/tmp/home",  # noqa: S108  # a private tmpfs of the container
    "CARGO_TERM_COLOR": "never",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What the phase gives.

    :ivar generated_lock: Cargo.lock was missing and has been made in the snapshot.
    :ivar pruned: how many packages of Cargo.lock the sources do not need; in the snapshot they are gone.
    :ivar used_network: a container with a network ran; otherwise everything came from the cache.
    """

    packages: tuple[LockedPackage, ...]
    lock_digest: str
    details: Details
    generated_lock: bool
    used_network: bool
    pruned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Fetches what a crate is locked to.

    :ivar image: the base image's identifier.
    :ivar user: ``uid:gid`` of the containers.
    :ivar work: a private folder of the run.
    :ivar views: whatever else cargo will be asked about: it is asked all at once.
    """

    engine: Engine
    image: str
    transport: Transport
    store: CrateStore
    cache: Path
    work: Path
    network: Network
    user: str
    labels: Mapping[str, str]
    on_line: OnLine
    timeout: float = 1800.0
    views: tuple[View, ...] = ()

    def fetch(
        self,
        manifest: Manifest,
        snapshot: Snapshot,
        *,
        view: View,
        locked: bool,
        offline: bool,
    ) -> Fetched:
        """Make sure that the store has all that the crate is locked to.

        A Cargo.lock that has more than the sources need is pruned in the snapshot.

        :raises RefusedError: ``no-lockfile``, when ``locked``; ``lockfile-outdated``, Cargo.lock lacks what
            the sources need; ``missing-source``, a path dependency is not among the sources.
        :raises FetchError: something cannot be fetched.
        """
        lock_path = snapshot.folder / manifest.lock_path.relative_to(manifest.root)
        had_lock = lock_path.is_file()
        if locked and not had_lock:
            raise no_lockfile(manifest.name, manifest.lock_path)
        locked_to = Leftovers(read_lock(lock_path) if had_lock else ())
        said = MetadataCache(folder=self.cache, image=self.image, manifest=manifest, snapshot=snapshot)
        pruned_before = said.path("pruned")
        if had_lock:
            recall(pruned_before, lock_path)
        missing = self.store.missing(read_lock(lock_path) if had_lock else ())
        complete = had_lock and not missing and self.store.has_config(_digest(lock_path))
        if offline and not complete:
            raise FetchError(
                "not everything that Cargo.lock pins is in the cache",
                details=_missing_text(missing, had_lock=had_lock),
                hint="run once without --offline",
                code="offline",
            )
        known = said.known(view) if complete else None
        used_network = False
        if known is None:
            views = tuple(dict.fromkeys((view, *self.views)))
            answers = self._ask(manifest, snapshot, lock_path, views, offline=offline) if complete else None
            used_network = answers is None
            answers = answers or self._run(manifest, snapshot, lock_path, locked_to, views)
            for asked, answer in answers.items():
                said.remember(asked, answer)
            known = answers[view]
        pruned = locked_to.count(lock_path) if had_lock else 0
        if pruned and used_network:
            remember(pruned_before, lock_path)
        return Fetched(
            packages=read_lock(lock_path),
            lock_digest=_digest(lock_path),
            details=known,
            generated_lock=not had_lock,
            used_network=used_network,
            pruned=pruned,
        )

    def _ask(
        self,
        manifest: Manifest,
        snapshot: Snapshot,
        lock_path: Path,
        views: tuple[View, ...],
        *,
        offline: bool,
    ) -> dict[View, Details] | None:
        """Ask cargo about the crate, in a container that has the crates of the cache and no network.

        Unless ``offline``, ``None`` where cargo does not get on so: Cargo.toml may want what is not locked,
        or less than that.
        """
        vendor = self.work / "vendor"
        self.store.vendor(read_lock(lock_path), vendor / "vendor")
        self.store.write_config(_digest(lock_path), vendor)
        local = self.transport.local
        spec = ContainerSpec(
            image=self.image,
            user=self.user,
            labels={**self.labels, "xbuild.purpose": "metadata"},
            env={**_ENVIRONMENT, "CARGO_HOME": VENDOR, "CARGO_NET_OFFLINE": "true"},
            mounts=(
                Mount(target=SRC, source=self.transport.source(snapshot.folder), read_only=local),
                Mount(target=VENDOR, source=self.transport.source(vendor), read_only=local),
            ),
            network=False,
            limits=_LIMITS,
        )
        try:
            with self.engine.container(spec) as container:
                if not local:
                    container.put(SRC, tar_tree(snapshot.folder, owner="0:0"))
                    container.put(VENDOR, tar_tree(vendor, owner="0:0"))
                on_line = self.on_line if offline else _pass_over
                crate = Cargo(container, cargo_toml_of(manifest), on_line, self.timeout, ())
                return ask(crate, manifest, views, "--offline")
        except RefusedError as error:
            if offline or error.code != "lockfile-outdated":
                raise
            return None
        except FetchError as error:
            if not offline:
                return None
            raise FetchError(
                error.brief,
                details=error.details,
                hint="run once without --offline",
                code="offline",
            ) from error
        finally:
            remove_tree(vendor)

    def _run(
        self,
        manifest: Manifest,
        snapshot: Snapshot,
        lock_path: Path,
        locked_to: Leftovers,
        views: tuple[View, ...],
    ) -> dict[View, Details]:
        out = self.work / "fetch"
        # cargo writes a lockfile where there is none, and where it prunes one
        for path in (lock_path, lock_path.parent):
            if path.exists():
                give(path, self.user)
        local = self.transport.folder(out, owner=self.user)
        spec = ContainerSpec(
            image=self.image,
            user=self.user,
            labels={**self.labels, "xbuild.purpose": "fetch"},
            env={**_ENVIRONMENT, "CARGO_HOME": f"{OUT}/home", **self.network.variables},
            mounts=(
                Mount(target=SRC, source=self.transport.source(snapshot.folder)),
                Mount(target=OUT, source=local),
                Mount(target=TRUST),
            ),
            network=True,
            limits=_LIMITS,
        )
        with self.engine.container(spec) as container:
            self._fill(container, snapshot)
            crate = Cargo(
                container, cargo_toml_of(manifest), self.on_line, self.timeout, self.network.cargo_options
            )
            if not lock_path.is_file():
                crate.run("generate-lockfile")
            words = (*LOCKED, "--versioned-dirs", *self.network.vendor_options, f"{OUT}/vendor")
            try:
                config = crate.run("vendor", *words)
            except RefusedError as error:
                if error.code != "lockfile-outdated":
                    raise
                crate.run("update", "--workspace")
                self._bring_lock(container, manifest, lock_path)
                locked_to.check(lock_path, said=error.details)
                config = crate.run("vendor", *words)
            answers = ask(crate, manifest, views)
            if not self.transport.local:
                unpack(container.get(OUT), out)
            self._bring_lock(container, manifest, lock_path)
        self._take(out, lock_path, config)
        remove_tree(out)
        return answers

    def _bring_lock(self, container: Container, manifest: Manifest, lock_path: Path) -> None:
        """Take over what cargo made of the lockfile, where it did not do so in the snapshot itself."""
        if not self.transport.local:
            unpack(container.get(f"{SRC}/{_below(manifest)}Cargo.lock"), lock_path.parent, strip=0)

    def _fill(self, container: Container, snapshot: Snapshot) -> None:
        if self.network.ca_bundle:
            container.put(TRUST, tar_files([("ca.pem", self.network.ca_bundle.read_bytes(), False)]))
        if not self.transport.local:
            container.put(SRC, tar_tree(snapshot.folder, owner=self.user))
            container.put(OUT, tar_tree(None, owner=self.user))

    def _take(self, out: Path, lock_path: Path, config: str) -> None:
        packages = read_lock(lock_path)
        files = {path.name: path for path in (out / "home" / "registry" / "cache").rglob("*.crate")}
        for package in packages:
            if package.is_registry:
                source = files.get(f"{package.folder}.crate")
                if source is None:
                    raise FetchError(f"cargo did not fetch {package.folder}", code="fetch-failed")
                self.store.add_crate_file(package, source)
            elif package.is_git:
                self.store.add_git_package(package, out / "vendor" / package.folder)
        self.store.add_config(_digest(lock_path), config, mount=f"{VENDOR}/vendor")

    def write_config(self, fetched: Fetched, folder: Path) -> None:
        """Put cargo's configuration for an unpacked set of crates beside it.

        :raises FetchError: ``cache-unusable``.
        """
        self.store.write_config(fetched.lock_digest, folder)


def _below(manifest: Manifest) -> str:
    relative = manifest.workspace.relative_to(manifest.root).as_posix()
    return "" if relative == "." else f"{relative}/"


def _pass_over(_: Stream, line: str) -> None:
    """What cargo says where its failure is expected."""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _missing_text(missing: tuple[LockedPackage, ...], *, had_lock: bool) -> str:
    if not had_lock:
        return "there is no Cargo.lock, and making one takes the registry's index"
    return "missing: " + ", ".join(package.folder for package in missing[:12])
