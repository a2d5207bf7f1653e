"""Where recipes fetch from, and what of it makes an image that will do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xbuild.engine import Image
from xbuild.images.bootstrap import SOURCES, Mirrors
from xbuild.images.recipe import ROOT_LABEL, root_recipe
from xbuild.images.released import is_pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where recipes fetch from, and trusting whom. Nothing of it becomes part of an image.

    :ivar offline: nothing may be fetched, so no image is made or pulled.
    :ivar base: ``auto``, ``registry``, ``bootstrap`` or an image reference.
    :ivar mirrors: of Debian's packages.
    :ivar registry: prefix of a registry that may have the images, without a slash at its end; or ``""``.
    :ivar cargo_index: index of a private mirror of crates.io, or ``""``.
    :ivar ca_bundle: PEM bundle of the host, or ``None``.
    :ivar pins: ``strict`` where only the pinned packages will do; ``follow`` takes what the suites have where
        a pinned one is not to be had; ``refresh`` asks only what those would be; ``ignore`` looks at no pins.
    :ivar snapshot: an archive that keeps every package, for those that Debian's own no longer has; or ``""``.
    :ivar environment: proxies and other private mirrors, for programs in recipes.
    :ivar host_environment: what the host's mmdebstrap may see besides.
    """

    offline: bool = False
    base: str = "auto"
    mirrors: Mirrors = field(default_factory=Mirrors)
    pins: str = "follow"
    snapshot: str = ""
    registry: str = ""
    cargo_index: str = ""
    ca_bundle: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    host_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def recipe_environment(self) -> dict[str, str]:
        """What recipes get of it as variables; docker/shared/fetching.sh explains them."""
        pairs = {
            "CARGO_INDEX": self.cargo_index,
            "DEBIAN_SNAPSHOT": self.snapshot,
            "PINS": "" if self.pins == "follow" else self.pins,
        }
        named = {name: value for name, value in pairs.items() if value}
        return {**self.environment, **self.mirrors.environment, **named}

    def made(self, image: Image) -> bool:
        """Whether an image stands on the minimal Debian, and on packages, that will do."""
        if self.pins == "strict" and not is_pinned(image):
            return False
        root = image.labels.get(ROOT_LABEL, "")
        if self.base in SOURCES:
            return root in {root_recipe().registry, root_recipe().tag}
        return root == self.base
