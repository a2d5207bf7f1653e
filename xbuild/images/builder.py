"""Makes the images that the engine does not have: from a registry, or by running their recipes here."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from xbuild.engine import Engine, Image
from xbuild.errors import EngineError, ImageError, RefusedError
from xbuild.images.bootstrap import SOURCES, ensure_root
from xbuild.images.dockerfile import Dockerfile
from xbuild.images.failure import with_way_out
from xbuild.images.manifest import PINNED_LABEL
from xbuild.images.recipe import (
    MANIFEST_LABEL,
    NAME_LABEL,
    PARENT_LABEL,
    RECIPE_LABEL,
    REPOSITORY,
    ROOT_LABEL,
    Recipe,
)
from xbuild.images.recipe_run import Narrate, RecipeRunner
from xbuild.images.released import is_pinned, objection, released_layers
from xbuild.images.sources import Sources

Trial = Callable[[Recipe, Image], None]
"""Tries an image before it gets its tag; raises :class:`ImageError` where it does not work."""


def _untried(_recipe: Recipe, _image: Image) -> None:
    """No trial: for recipes of one's own."""


class ImageBuilder:
    """Makes images that the engine does not have.

    :param locks: folder for lock files, so that two runs do not build the same image at once.
    :param trial: what every new image has to pass before it gets its tag.
    """

    def __init__(
        self,
        engine: Engine,
        sources: Sources,
        *,
        locks: Path,
        narrate: Narrate,
        cancelled: threading.Event,
        trial: Trial = _untried,
    ) -> None:
        self._engine = engine
        self._sources = sources
        self._locks = locks
        self._narrate = narrate
        self._cancelled = cancelled
        self._trial = trial
        self._recipes = RecipeRunner(engine=engine, sources=sources, narrate=narrate, cancelled=cancelled)

    def ensure(self, recipe: Recipe) -> Image:
        """The image of a recipe, built when it is not there, with the images that it stands on.

        :raises ImageError: a recipe failed, or there is nothing to start from.
        :raises RefusedError: ``offline-image``: it is not there, and nothing may be fetched.
        """
        if present := self.present(recipe):
            return present
        if self._sources.offline:
            raise RefusedError(
                f"image {recipe.name} is not built yet, and offline nothing is fetched for it",
                details=f"the engine has no {recipe.tag}"
                + ("" if self._sources.base in SOURCES else f" that stands on {self._sources.base}"),
                hint=f"with a network: xbuild images build {recipe.name}\n"
                "without one: `xbuild images load` an archive that `xbuild images save` wrote elsewhere",
                code="offline-image",
            )
        if recipe.packages and self._sources.pins == "strict":
            raise RefusedError(
                "packages that a project asks for are not pinned, and images.pins is strict",
                details=f"build_packages: {', '.join(recipe.packages)}",
                hint="allow them with images.pins = follow; xbuild.lock then pins the image's layers",
                code="image-not-pinned",
            )
        self._locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self._locks / f"{recipe.digest[:16]}.lock"):
            return self.present(recipe) or self._from_registry(recipe) or self._build(recipe)

    def _from_registry(self, recipe: Recipe) -> Image | None:
        """The image as a registry has it, where the settings name one that has it."""
        if not self._sources.registry or recipe.packages:
            return None
        self._narrate(recipe.name, f"asking {self._sources.registry} for it")
        try:
            return self.pull(recipe)
        except (EngineError, ImageError) as error:
            self._narrate(recipe.name, f"made here: {error.brief}")
            self._recipes.check_cancelled()
            return None

    def pull(self, recipe: Recipe) -> Image:
        """The image of a recipe from the registry that the settings name.

        It keeps its name in the registry where nothing pins its layers: then it does not count as pinned.

        :raises ImageError: ``image-missing``; ``wrong-image``: it is not the one of this release.
        :raises EngineError: the registry does not answer.
        """
        reference = f"{self._sources.registry}/{recipe.tag}"
        image = self._engine.pull(reference)
        against = objection(recipe, image, strict=self._sources.pins == "strict")
        if against:
            self._engine.remove_image(reference)
            raise ImageError(f"{reference} is not taken: {against}", code="wrong-image")
        self._engine.tag(image.id, recipe.tag)
        if released_layers(recipe.digest, recipe.context):
            self._engine.remove_image(reference)
        else:
            self._narrate(
                recipe.name, f"{reference} is no image of this release: it does not count as pinned"
            )
        return self._engine.image(recipe.tag) or image

    def present(self, recipe: Recipe) -> Image | None:
        """The image of a recipe, if it is there, on the minimal Debian that is asked for."""
        image = self._engine.image(recipe.tag)
        return image if image and self._sources.made(image) else None

    def named(self, reference: str) -> Image:
        """An image that is no recipe's, pulled when the engine does not have it.

        :raises EngineError: it is neither here nor in a registry.
        :raises RefusedError: ``offline-image``: it is not there, and nothing may be fetched.
        """
        present = self._engine.image(reference)
        if present is None and self._sources.offline:
            raise RefusedError(
                f"image {reference} is not on the engine, and offline nothing is pulled",
                hint=f"with a network: docker pull {reference}",
                code="offline-image",
            )
        return present or self._engine.pull(reference)

    def _parent(self, recipe: Recipe) -> tuple[Image, str]:
        """What a recipe's files are made in, and the minimal Debian at the bottom of it."""
        if recipe.parent:
            parent = self.ensure(recipe.parent)
            return parent, parent.labels[ROOT_LABEL]
        return self._parent_of_all()

    def _parent_of_all(self) -> tuple[Image, str]:
        self._locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self._locks / "root.lock"):
            return ensure_root(
                self._engine,
                source=self._sources.base,
                mirrors=self._sources.mirrors,
                environment={**self._sources.environment, **self._sources.host_environment},
                ca_bundle=self._sources.ca_bundle,
                on_line=lambda line: self._narrate("root", line),
                cancelled=self._cancelled,
            )

    def _build(self, recipe: Recipe) -> Image:
        parent, root = self._parent(recipe)
        parsed = recipe.dockerfile(parent.id)
        below = None if parsed.final.parent == "scratch" else parent
        untried = f"{REPOSITORY}/{recipe.name}:untried-{recipe.digest[:16]}"
        with tempfile.TemporaryDirectory(prefix="xbuild-image-") as work:
            layer, manifest = self._recipes.layer(recipe, parsed, parent, Path(work) / "layer.tar")
            self._narrate(recipe.name, f"loading {layer.path.stat().st_size / 1e6:.0f} MB")
            # Whoever does not look at the pins gets nothing that is pinned
            manifest["pinned"] = bool(manifest.get("pinned")) and self._sources.pins != "ignore"
            image = self._engine.add_layer(
                below,
                layer,
                config=_config(recipe, parsed, below, manifest, root),
                architecture="amd64",
                tag=untried,
            )
        return self._tried(recipe, image, untried)

    def _tried(self, recipe: Recipe, image: Image, untried: str) -> Image:
        """The image with its tag, once it has passed its trial; without it, it is gone."""
        try:
            self._narrate(recipe.name, "trying it")
            self._trial(recipe, image)
            self._recipes.check_cancelled()
            if not is_pinned(image):
                self._narrate(recipe.name, "made of packages that are not the pinned ones: see above")
            self._engine.tag(image.id, recipe.tag)
        except ImageError as error:
            raise with_way_out(self._engine, recipe, error, image) from error
        finally:
            self._engine.remove_image(untried)
        return self._engine.image(recipe.tag) or image

    def resolve(self, recipe: Recipe) -> dict[str, bytes]:
        """The lists of packages that a recipe would take from the archive today, by file name.

        No image is made: a recipe that is told to make pins ends when it has asked for its packages.
        """
        parent, _ = self._parent_of_all()
        return self._recipes.package_lists(recipe, parent)


def _config(
    recipe: Recipe, parsed: Dockerfile, below: Image | None, manifest: Mapping[str, Any], root: str
) -> dict[str, Any]:
    inherited = dict(
        entry.partition("=")[::2] for entry in (below.config.get("Env") if below else None) or ()
    )
    env = {**inherited, **parsed.final.env}
    brief = {key: value for key, value in manifest.items() if key != "name"}
    labels = {
        NAME_LABEL: recipe.name,
        RECIPE_LABEL: recipe.digest,
        ROOT_LABEL: root,
        PINNED_LABEL: "true" if manifest["pinned"] else "false",
        **({PARENT_LABEL: recipe.parent.digest} if recipe.packages and recipe.parent else {}),
        MANIFEST_LABEL: json.dumps(brief, sort_keys=True, separators=(",", ":")),
        "org.opencontainers.image.title": f"xbuild {recipe.name}",
    }
    return {
        "Env": [f"{key}={value}" for key, value in env.items()],
        "Labels": labels,
        "Cmd": ["/bin/sh"],
    }
