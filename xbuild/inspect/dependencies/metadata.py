"""What cargo says about a crate, and what it said before about the same one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xbuild import __version__
from xbuild.engine.layout import SRC
from xbuild.errors import FetchError
from xbuild.inspect.crate.bindings import TREE_FORMAT, needs_tree
from xbuild.inspect.crate.details import Details, read_metadata
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.dependencies.cargo import Cargo
from xbuild.inspect.sources.snapshot import Snapshot
from xbuild.util.files import keep, mark_used, sealed, unsealed
from xbuild.util.toml import read_toml

LOCKED = ("--locked",)
_FORMAT = ("--format-version", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What cargo is asked about a crate.

    :ivar features: cargo's options that choose features.
    :ivar target: only what the crate depends on there; ``""`` is everywhere.
    """

    features: tuple[str, ...] = ()
    target: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """All of it, to tell one from the other."""
        return (*self.features, self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataCache:
    """cargo's answers about one state of a crate.

    :ivar folder: where all answers are kept.
    :ivar image: the identifier of the image whose cargo gives them.
    """

    folder: Path
    image: str
    manifest: Manifest
    snapshot: Snapshot

    def path(self, *about: str) -> Path:
        """Where an answer is kept: it goes by the manifests, the lockfile and cargo itself."""
        manifest, folder = self.manifest, self.snapshot.folder
        state = hashlib.sha256(repr((__version__, about, manifest.name, self.image)).encode())
        paths = sorted(folder.rglob("Cargo.toml"))
        for path in (*paths, folder / manifest.lock_path.relative_to(manifest.root)):
            if path.is_file():
                state.update(os.fsencode(path.relative_to(folder)) + b"\0")
                state.update(hashlib.sha256(path.read_bytes()).digest())
        return self.folder / f"{state.hexdigest()}.json"

    def known(self, view: View) -> Details | None:
        """The answer that an earlier run got, if one did."""
        path = self.path(*view.words)
        mark_used(path)
        try:
            return Details.from_dict(json.loads(unsealed(path.read_bytes())))
        except (OSError, ValueError, TypeError):
            return None

    def remember(self, view: View, details: Details) -> None:
        """Keep an answer for later runs."""
        keep(self.path(*view.words), sealed(json.dumps(details.as_dict()).encode()))


def cargo_toml_of(manifest: Manifest) -> str:
    """Where containers see the crate's Cargo.toml."""
    return f"{SRC}/{manifest.cargo_toml.relative_to(manifest.root).as_posix()}"


def ask(crate: Cargo, manifest: Manifest, views: Sequence[View], *words: str) -> dict[View, Details]:
    """What cargo says about a crate, all of it at once.

    :raises RefusedError: as :meth:`xbuild.inspect.dependencies.cargo.Cargo.run`.
    :raises FetchError: also where the answer cannot be read.
    """
    return {view: _details(crate, manifest, view, (*LOCKED, *words)) for view in views}


def _details(crate: Cargo, manifest: Manifest, view: View, words: tuple[str, ...]) -> Details:
    name = str(read_toml(manifest.cargo_toml)["package"]["name"])
    platform = ("--filter-platform", view.target) if view.target else ()
    answer = crate.run("metadata", *words, *_FORMAT, *platform, *view.features)
    try:
        metadata = json.loads(answer)
        tree = None
        if needs_tree(metadata):
            platform = ("--target", view.target or "all")
            tree = crate.run("tree", *words, *TREE_FORMAT, *platform, *view.features)
        return read_metadata(metadata, crate=name, tree=tree)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(
            "cargo metadata gave an answer that cannot be read",
            details=f"{type(error).__name__}: {error}",
            code="fetch-failed",
        ) from error
