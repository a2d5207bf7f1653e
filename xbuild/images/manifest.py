"""What an image says about itself, from its labels."""

from __future__ import annotations

import json
from typing import Any

from xbuild.engine import Image
from xbuild.images.recipe import MANIFEST_LABEL

PINNED_LABEL = "xbuild.pinned"
"""Whether an image was made of exactly the packages that its recipe pins: ``true`` or ``false``."""


def is_pinned(image: Image) -> bool:
    """Whether an image was made of pinned packages alone. Nothing is known of an image that is not ours."""
    return image.labels.get(PINNED_LABEL) == "true"


def image_manifest(image: Image) -> dict[str, Any]:
    """Tools, interpreters, components and all packages of an image; empty for an image that is not ours."""
    try:
        manifest = json.loads(image.labels.get(MANIFEST_LABEL, "{}"))
    except ValueError:
        return {}
    return manifest if isinstance(manifest, dict) else {}


def tool_versions(image: Image) -> dict[str, str]:
    """Versions of the tools and components of an image."""
    manifest = image_manifest(image)
    return {**manifest.get("tools", {}), **manifest.get("components", {})}
