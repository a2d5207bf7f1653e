"""What it means that an image cannot be made, and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xbuild.engine import Engine, Image
from xbuild.errors import NETWORK_HINT, ImageError
from xbuild.images.bootstrap import mirror_error
from xbuild.images.manifest import image_manifest
from xbuild.images.recipe import NAME_LABEL, REPOSITORY, ROOT_LABEL, Recipe, root_recipe

NOT_PINNED = 87
"""The status of a recipe that may only take pinned packages, and cannot have them."""
_UNKNOWN_PACKAGE = re.compile(
    r"(?:Unable to locate package|^E: Package '?)\s*([a-z0-9][a-z0-9+.-]+)", re.MULTILINE
)


def recipe_failure(recipe: Recipe, status: int, tail: Sequence[str]) -> ImageError:
    """What the end of a recipe's output means."""
    details = "\n".join(tail)
    unknown = sorted({*_UNKNOWN_PACKAGE.findall(details)} & {*recipe.packages})
    if unknown:
        return ImageError(
            f"Debian has no package {', '.join(unknown)}",
            details=f"build_packages for {recipe.name}, in Debian {root_recipe().suite}",
            hint="packages.debian.org tells what a file's package is called",
            code="unknown-build-package",
        )
    if status == NOT_PINNED:
        return ImageError(
            f"image {recipe.name} cannot be made of the pinned packages",
            details=details,
            hint="name an archive that keeps them (images.debian_snapshot),\n"
            "or take what Debian has today: images.pins = follow",
            code="image-not-pinned",
        )
    return mirror_error(f"building image {recipe.name} failed", details) or ImageError(
        f"building image {recipe.name} failed with status {status}",
        details=details,
        hint=NETWORK_HINT,
        code="image-build-failed",
        retryable=True,
    )


def with_way_out(engine: Engine, recipe: Recipe, error: ImageError, image: Image | None = None) -> ImageError:
    """The error, with the packages that the image was made of and the images that still work."""
    details = [error.details]
    if image:
        tools = {**image_manifest(image).get("tools", {}), **image_manifest(image).get("components", {})}
        details.append("made of: " + ", ".join(f"{name} {version}" for name, version in tools.items()))
    others = _earlier(engine, recipe)
    if others:
        listed = "\n".join(f"  target.{name}.image = {tag}" for name, tag in others)
        details.append(f"earlier images that are still here, with the setting to use them:\n{listed}")
    return ImageError(
        error.brief,
        details="\n".join(filter(None, details)),
        hint=error.hint,
        code=error.code,
        retryable=error.retryable,
    )


def _earlier(engine: Engine, recipe: Recipe) -> Sequence[tuple[str, str]]:
    """Names and tags of images that earlier recipes of the same target made, or of any for the base."""
    return sorted(
        (image.labels[NAME_LABEL], tag)
        for image in engine.images(NAME_LABEL)
        if ROOT_LABEL in image.labels
        and (image.labels[NAME_LABEL] == recipe.name or recipe.parent is None)
        and image.labels[NAME_LABEL] not in {"base", "cli", "root"}
        and not image.labels[NAME_LABEL].startswith("tester-")
        for tag in image.tags
        if tag.startswith(f"{REPOSITORY}/{image.labels[NAME_LABEL]}:") and ":untried-" not in tag
    )
