"""All images that this version of xbuild can make, and what the engine has of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xbuild.catalog import Catalog
from xbuild.engine import Engine, Image
from xbuild.images.recipe import NAME_LABEL, PARENT_LABEL, RECIPE_LABEL, Recipe, base_recipe, toolchain_recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageState:
    """An image's recipe and the image, if the engine has it."""

    recipe: Recipe
    image: Image | None


def recipes(catalog: Catalog) -> tuple[Recipe, ...]:
    """The recipes of the base and of every target, in the catalog's order."""
    targets = (toolchain_recipe(target) for target in catalog.targets.values())
    return (base_recipe(), *targets)


def states(engine: Engine, wanted: Iterable[Recipe]) -> Iterator[ImageState]:
    """Which of the recipes the engine has an image of."""
    for recipe in wanted:
        yield ImageState(recipe=recipe, image=engine.image(recipe.tag))


def outdated(
    engine: Engine, wanted: Iterable[Recipe], *, roots: frozenset[str], derived: bool = False
) -> tuple[Image, ...]:
    """Images that an earlier version of the recipes made, or that later ones took the name from.

    :param roots: recipe digests of the minimal Debian images to keep.
    :param derived: whether images with packages that projects asked for count even on current ones.
    """
    current = {recipe.digest for recipe in wanted} | roots
    labels = (RECIPE_LABEL,) if derived else (RECIPE_LABEL, PARENT_LABEL)
    return tuple(
        image
        for image in engine.images(NAME_LABEL)
        if current.isdisjoint(image.labels.get(label) for label in labels) or not image.tags
    )


def total_size(images: Iterable[Image], parents: Iterable[Image]) -> int:
    """Bytes of some images with shared layers counted once.

    An image's size counts its parent's layers too, so what it adds is the difference.
    """
    by_layers = {parent.layers: parent.size for parent in parents}
    total = sum(by_layers.values())
    for image in images:
        below = by_layers.get(image.layers[:-1], 0)
        total += image.size - below if image.layers not in by_layers else 0
    return total
