"""The use cases behind ``xbuild images``: make, find, prune, save, load, push and pull toolchain images."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from xbuild.app.services import RunHandle, Services
from xbuild.catalog import Catalog, load_catalog
from xbuild.check.trial.recipes import tester_recipes
from xbuild.engine import Engine, Image
from xbuild.errors import ImageError, RefusedError
from xbuild.events import PhaseStarted
from xbuild.images.inventory import ImageState, outdated, recipes, states
from xbuild.images.recipe import REPOSITORY, Recipe, cli_recipe, root_recipe
from xbuild.util.text import file_size

Tell = Callable[[str], None]
"""Gets how far something is, in words."""


def other_recipes() -> tuple[Recipe, ...]:
    """Images that are no toolchains and are built on request: xbuild's own, and the testers."""
    return (cli_recipe(), *tester_recipes())


def choose_recipes(names: Sequence[str], catalog: Catalog) -> tuple[Recipe, ...]:
    """The recipes of these names; those of the base and of every target without any.

    :raises RefusedError: there is none of a name.
    """
    toolchains = recipes(catalog)
    known = {recipe.name: recipe for recipe in (*toolchains, *other_recipes())}
    for name in names:
        if name not in known:
            catalog.target(name)
    return tuple(known[name] for name in names) if names else toolchains


def image_states(services: Services, context: RunHandle) -> tuple[ImageState, ...]:
    """The base and every target, with the images that the engine has of them."""
    with services.cancellable(context.cancel):
        return tuple(states(services.engine, recipes(services.catalog)))


def present_images(names: Sequence[str], services: Services, context: RunHandle) -> tuple[Image, ...]:
    """The images that are there; all of these names where there are names.

    :raises ImageError: ``image-missing``: one that is named is not there.
    """
    with services.cancellable(context.cancel):
        found = tuple(states(services.engine, choose_recipes(names, services.catalog)))
    missing = [state.recipe.name for state in found if state.image is None]
    if missing and names:
        raise ImageError(
            f"not built yet: {', '.join(missing)}",
            hint=f"xbuild images build {' '.join(missing)}",
            code="image-missing",
        )
    return tuple(state.image for state in found if state.image)


def build_images(
    names: Sequence[str], services: Services, context: RunHandle, *, rebuild: bool = False
) -> tuple[Image, ...]:
    """Make the images that the engine does not have.

    :param rebuild: make them anew, from today's packages.
    :raises RefusedError: ``offline-image``: nothing can be made offline.
    :raises ImageError: a recipe failed.
    """
    if rebuild and services.settings.offline:
        raise RefusedError(
            "offline no image can be made anew",
            hint="run it without the setting offline",
            code="offline-image",
        )
    with services.cancellable(context.cancel):
        builder = services.images(context)
        chosen = choose_recipes(names, services.catalog)
        if rebuild:
            for recipe in chosen:
                services.engine.remove_image(recipe.tag)
        made = []
        for recipe in chosen:
            context.emit(PhaseStarted(run=context.run, time=time.time(), phase="image", what=recipe.name))
            made.append(builder.ensure(recipe))
        for recipe, image in zip(chosen, made, strict=True):
            if recipe == cli_recipe():
                services.engine.tag(image.id, f"{REPOSITORY}/{recipe.name}:latest")
        return tuple(made)


def prune_images(services: Services, context: RunHandle, *, derived: bool = False) -> tuple[Image, ...]:
    """Remove the images that other versions of the recipes made; gives them.

    :param derived: those with packages that projects asked for, too.
    """
    with services.cancellable(context.cancel):
        return remove_outdated(services.engine, derived=derived)


def remove_outdated(engine: Engine, *, derived: bool = False) -> tuple[Image, ...]:
    """What :func:`prune_images` does to an engine."""
    roots = frozenset({root_recipe().digest})
    wanted = (*recipes(load_catalog()), *other_recipes())
    gone = outdated(engine, wanted, roots=roots, derived=derived)
    for image in gone:
        engine.remove_image(image.id, force=True)
    return gone


def check_archive_place(out: Path) -> None:
    """Refuse a place that no file can be written to before anything is asked of an engine.

    :raises RefusedError: ``bad-out``.
    """
    folder = out.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise RefusedError(
            f"cannot write {out}", details=f"{folder} is no folder to write to", code="bad-out"
        )
    if out.is_dir():
        raise RefusedError(f"cannot write {out}", details="it is a folder", code="bad-out")


def save_images(
    out: Path, images: Sequence[Image], services: Services, context: RunHandle, *, tell: Tell
) -> None:
    """Write images to an archive, which is there whole or not at all.

    :raises ImageError: ``image-missing``: there are none.
    """
    if not images:
        raise ImageError("no image is built yet", hint="xbuild images build", code="image-missing")
    fresh = out.with_name(f".{out.name}.new")
    try:
        with services.cancellable(context.cancel), fresh.open("wb") as stream:
            for chunk in services.engine.save([image.tags[0] for image in images]):
                stream.write(chunk)
                tell(file_size(stream.tell()))
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)


def load_images(archive: Path, services: Services, context: RunHandle, *, tell: Tell) -> tuple[Image, ...]:
    """Take images from an archive."""
    with services.cancellable(context.cancel), archive.open("rb") as stream:

        def read() -> bytes:
            tell(file_size(stream.tell()))
            return stream.read(1 << 20)

        return services.engine.load(iter(read, b""))


def push_image(image: Image, prefix: str, services: Services, context: RunHandle, *, tell: Tell) -> str:
    """Push an image to a registry; gives its name there.

    :param prefix: of the registry.
    """
    reference = f"{prefix}/{image.tags[0]}"
    with services.cancellable(context.cancel):
        services.engine.tag(image.id, reference)
        try:
            services.engine.push(reference, on_progress=tell)
        finally:
            services.engine.remove_image(reference)
    return reference


def pull_image(recipe: Recipe, prefix: str, services: Services, context: RunHandle) -> Image:
    """Pull the image of a recipe from a registry.

    :param prefix: of the registry.
    :raises ImageError: it is not there, or another one.
    """
    with services.cancellable(context.cancel):
        return services.images(context, registry=prefix).pull(recipe)
