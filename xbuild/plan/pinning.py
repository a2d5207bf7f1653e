"""Holds the images and tools of a run against what xbuild.lock pins, and makes the pins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xbuild import __version__
from xbuild.engine import Image
from xbuild.errors import RefusedError, StorageError
from xbuild.images.builder import ImageBuilder
from xbuild.images.manifest import PINNED_LABEL
from xbuild.images.pins import (
    LOCK_FILE,
    Drift,
    Lock,
    changes,
    drift,
    lock_images,
    merge,
    read_lock,
    recipe_drift,
    write_lock,
)
from xbuild.images.recipe import base_recipe
from xbuild.request.model import BuildRequest

BASE = "base"


def early_drift(project: Path, request: BuildRequest) -> tuple[Drift, ...]:
    """What of this xbuild and its recipes is not what the crate's xbuild.lock pins; nothing without one.

    It takes no engine, so that a run that cannot become what is pinned ends before images are made for it.

    :param project: the crate's folder.
    :raises RefusedError: ``bad-xbuild-lock``.
    """
    lock = read_lock(project / LOCK_FILE)
    if lock is None:
        return ()
    recipes = {wanted.target.triple: wanted.recipe.digest for wanted in request.targets if not wanted.image}
    return recipe_drift(lock, {BASE: base_recipe().digest, **recipes}, xbuild=__version__)


def image_drift(project: Path, images: Mapping[str, Image]) -> tuple[Drift, ...]:
    """What of the images is not what the crate's xbuild.lock pins; nothing without one.

    :param images: by target triple, and ``base``.
    :raises RefusedError: ``bad-xbuild-lock``.
    """
    lock = read_lock(project / LOCK_FILE)
    return drift(lock, lock_images(images, xbuild=__version__)) if lock else ()


def check_pinned(project: Path, images: Mapping[str, Image]) -> None:
    """Refuse images that nothing pins: neither the lists that come with xbuild nor the crate's xbuild.lock.

    :param images: by target triple, and ``base``.
    :raises RefusedError: ``image-not-pinned``, ``bad-xbuild-lock``.
    """
    loose = [name for name, image in images.items() if image.labels.get(PINNED_LABEL) == "false"]
    if loose and read_lock(project / LOCK_FILE) is None:
        raise RefusedError(
            f"not made of pinned packages: the images {', '.join(sorted(loose))}",
            details=f"and there is no {LOCK_FILE} that pins their layers",
            hint="`xbuild lock` pins what is here; images.pins = strict makes images of pinned packages only",
            code="image-not-pinned",
        )


def make_lock(request: BuildRequest, builder: ImageBuilder) -> Lock:
    """The pins of the images that a request builds with. Images that are not there are made or pulled.

    :raises ImageError: an image cannot be made.
    :raises EngineError: an image that the request names is neither here nor in a registry.
    :raises RefusedError: ``offline-image``: an image is not here, and nothing may be fetched.
    """
    images = {BASE: builder.ensure(base_recipe())}
    for wanted in request.targets:
        target = wanted.target
        images[target.triple] = builder.named(wanted.image) if wanted.image else builder.ensure(wanted.recipe)
    return lock_images(images, xbuild=__version__)


def refresh_lock(project: Path, fresh: Lock) -> tuple[str, ...]:
    """Put ``fresh`` into the crate's xbuild.lock; other targets' pins stay. Gives what changed, a line each.

    :param project: the crate's folder.
    :raises StorageError: the file cannot be written.
    """
    path = project / LOCK_FILE
    old: Lock | None = None
    lost: tuple[str, ...] = ()
    try:
        old = read_lock(path)
    except RefusedError as error:
        # One of another schema, or a damaged one: a new one is the way out
        lost = (f"{error.brief}: what it pinned for other targets is gone ({error.details})",)
    made = merge(old, fresh) if old else fresh
    try:
        write_lock(path, made)
    except OSError as error:
        raise StorageError(f"{path} cannot be written", details=str(error)) from error
    return (*lost, *changes(old, made))
