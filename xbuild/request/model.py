"""What is asked for: one validated, frozen value, made at the edge and never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xbuild.catalog import Interpreter, Target
from xbuild.engine import Limits
from xbuild.images.recipe import Recipe, toolchain_recipe, with_packages


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRequest:
    """What is asked for on one target.

    :ivar interpreters: kinds, or empty for ``all`` (what the crate and the target allow).
    :ivar profile: Cargo profile; ``""`` is the project's own, else ``release``.
    :ivar compatibility: the platform tag's policy in maturin's words; ``""`` is the project's own, else the
        target's.
    :ivar strip: leave the symbols out, whatever the profile and the project say.
    :ivar image: an image reference in place of the toolchain image that belongs to the target.
    :ivar build_packages: Debian packages that the image gets besides its own.
    :ivar sysroot: a folder on this machine that takes the place of the image's sysroot; see sysroots.toml.
    :ivar timeout: seconds for the whole job, all its interpreters together.
    """

    target: Target
    interpreters: tuple[Interpreter, ...]
    every_interpreter: bool = False
    features: tuple[str, ...] = ()
    all_features: bool = False
    no_default_features: bool = False
    profile: str = ""
    compatibility: str = ""
    strip: bool = False
    rustflags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    build_packages: tuple[str, ...] = ()
    sysroot: Path | None = None
    limits: Limits = field(default_factory=Limits)
    timeout: float = 3600.0

    @property
    def recipe(self) -> Recipe:
        """The recipe of the image that it is built in, unless ``image`` names another."""
        return with_packages(toolchain_recipe(self.target), self.build_packages)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What is asked for.

    :ivar project: the crate's folder (the one with pyproject.toml or Cargo.toml), absolute.
    :ivar out: where wheels go, absolute.
    :ivar jobs: how many targets are built at the same time; 0 for what the engine's machine carries.
    :ivar locked: refuse a missing or outdated Cargo.lock.
    :ivar strict: refuse everything when one pair of target and interpreter cannot work.
    :ivar offline: fetch nothing; what is not in the cache is an error.
    :ivar reproducible: one codegen unit, so that bytes do not vary with the machine's processors.
    :ivar fresh: an empty target directory, in place of the one that the last run of this crate left warm.
    :ivar source_root: the folder whose files are the sources, or ``None`` for the natural one.
    :ivar source_git: give the build a ``.git``.
    :ivar home: the caller's home folder; a project's files do not bring it into a build.
    :ivar trusted: the caller trusts the project's files, so that they may name what did not come with them.
    :ivar leave_out: absolute folders that are no sources, besides ``out``.
    :ivar pgo_profile: a file among the sources, by which all targets are optimised.
    :ivar source_digest: refuse sources of another digest, ``sha256:...``; ``""`` takes any.
    :ivar lock_digest: refuse a Cargo.lock of another sha256, also a generated one; ``""`` takes any.
    :ivar overlooked: variables of the caller's that cargo or maturin would go by, and that builds do not get.
    :ivar epoch: SOURCE_DATE_EPOCH in seconds, or ``None`` to take it from the sources.
    """

    project: Path
    out: Path
    targets: tuple[TargetRequest, ...]
    jobs: int = 1
    locked: bool = False
    strict: bool = False
    offline: bool = False
    reproducible: bool = True
    fresh: bool = False
    epoch: int | None = None
    test: bool = False
    runtime: str = ""
    source_root: Path | None = None
    source_git: bool = False
    home: Path | None = None
    trusted: bool = False
    pgo_profile: Path | None = None
    source_include: tuple[str, ...] = ()
    source_exclude: tuple[str, ...] = ()
    leave_out: tuple[Path, ...] = ()
    source_digest: str = ""
    lock_digest: str = ""
    overlooked: tuple[str, ...] = ()
