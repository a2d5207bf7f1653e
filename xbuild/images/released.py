"""What the images of this release consist of: docker/pins/images.toml; pulled images are held against it."""

from __future__ import annotations

import tomllib  # noqa: TID251  # for tables of xbuild's own
from pathlib import Path

from xbuild.engine import Image
from xbuild.images.manifest import PINNED_LABEL, layers_digest
from xbuild.images.recipe import RECIPE_LABEL, Recipe, recipes_dir

LAYERS = "pins/images.toml"


def released_layers(recipe_digest: str, context: Path) -> str:
    """The digest of the layers that a recipe's image has in this release, or ``""`` where it has none.

    :param context: the folder docker/.
    """
    path = context / LAYERS
    rows = tomllib.loads(path.read_text("utf-8")).get("images", {}) if path.is_file() else {}
    return next((str(row["layers"]) for row in rows.values() if row["recipe"] == recipe_digest), "")


def is_pinned(image: Image, context: Path | None = None) -> bool:
    """Whether an image was made of pinned packages alone.

    An image that was made here says so itself. What came through a registry is believed only where its layers
    are those of this release.

    :param context: the folder docker/, by default the one that comes with xbuild.
    """
    if image.labels.get(PINNED_LABEL) != "true":
        return False
    recipe = image.labels.get(RECIPE_LABEL, "")
    return not image.repo_digests or layers_digest(image) == released_layers(recipe, context or recipes_dir())


def objection(recipe: Recipe, image: Image, *, strict: bool) -> str:
    """Why a pulled image is not taken, or ``""`` where it may be.

    :param strict: take none whose layers nothing pins.
    """
    if image.labels.get(RECIPE_LABEL) != recipe.digest:
        return "it is not what its tag says: another recipe made it"
    wanted = released_layers(recipe.digest, recipe.context)
    if wanted and layers_digest(image) != wanted:
        return "its layers are not those of this release"
    if strict and not wanted:
        return "nothing pins its layers, and images.pins is strict"
    return ""
