"""What an image says about itself, from its labels."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from xbuild.engine import Image
from xbuild.images.recipe import MANIFEST_LABEL

PINNED_LABEL = "xbuild.pinned"
"""Whether an image was made of exactly the packages that its recipe pins: ``true`` or ``false``."""


def layers_digest(image: Image) -> str:
    """sha256 over the digests of an image's layers, or ``""`` where the engine does not say them."""
    return hashlib.sha256("\n".join(image.layers).encode()).hexdigest() if image.layers else ""


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
