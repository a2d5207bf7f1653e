"""What a toolchain image is made of, as a CycloneDX 1.6 document, from what the image says about itself.

The document depends on the image alone: its serial number is derived from the image's digest, and it has no
time unless one is given. Package URLs: https://github.com/package-url/purl-spec.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from xbuild.errors import ImageError

SERIAL_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:xbuild:image-sbom:v1")


def image_bom(
    manifest: Mapping[str, Any],
    *,
    name: str,
    digest: str,
    recipe: str = "",
    xbuild: str = "",
    timestamp: datetime | None = None,
) -> str:
    """The CycloneDX document of an image.

    :param manifest: what :func:`xbuild.images.manifest.image_manifest` gives.
    :param name: the image's name, for instance the target triple.
    :param digest: the image's identifier, ``sha256:...``.
    :param recipe: the digest of the recipe that made it.
    :param xbuild: the version of xbuild that writes the document.
    :raises ImageError: ``no-manifest``, the image does not say what it is made of.
    """
    parts = sorted(_parts(manifest), key=lambda part: part.bom_ref.value or "")
    if not parts:
        raise ImageError(
            f"{name} does not say what it is made of",
            details="only images that xbuild made carry a list of their packages",
            code="no-manifest",
        )
    image = _image(name, digest, recipe)
    tools = [Component(name="xbuild", version=xbuild, type=ComponentType.APPLICATION)] if xbuild else []
    bom = Bom(
        serial_number=uuid.uuid5(SERIAL_NAMESPACE, digest),
        metadata=BomMetaData(
            component=image, timestamp=timestamp, tools=ToolRepository(components=tools) if tools else None
        ),
        components=parts,
    )
    bom.register_dependency(image, parts)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    if timestamp is None:
        # The library always writes one: the present, where it is given none
        del document["metadata"]["timestamp"]
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _image(name: str, digest: str, recipe: str) -> Component:
    return Component(
        name=f"xbuild/{name}",
        version=digest,
        type=ComponentType.CONTAINER,
        bom_ref=f"image:{name}@{digest}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))],
        properties=[Property(name="xbuild:recipe", value=recipe)] if recipe else None,
    )


def _parts(manifest: Mapping[str, Any]) -> Iterator[Component]:
    for name, version in _pairs(manifest, "debian"):
        package, _, architecture = name.partition(":")
        qualifiers = {"arch": architecture} if architecture else {}
        url = PackageURL("deb", "debian", package, version, qualifiers)
        yield _part(package, version, ComponentType.LIBRARY, url)
    for name, version in _pairs(manifest, "python"):
        yield _part(name, version, ComponentType.LIBRARY, PackageURL("pypi", None, name, version))
    for name, version in _pairs(manifest, "tools"):
        yield _part(name, version, ComponentType.APPLICATION, PackageURL("generic", "tool", name, version))
    for name, version in _pairs(manifest, "components"):
        url = PackageURL("generic", "component", name, version)
        yield _part(name, version, ComponentType.LIBRARY, url)
    for name, version in _pairs(manifest, "interpreters"):
        # What stands for its version may be a package and a suite, which no version in a URL can be
        yield _part(name, version, ComponentType.PLATFORM, PackageURL("generic", "interpreter", name))


def _part(name: str, version: str, kind: ComponentType, url: PackageURL) -> Component:
    return Component(name=name, version=version, type=kind, purl=url, bom_ref=url.to_string())


def _pairs(manifest: Mapping[str, Any], field: str) -> list[tuple[str, str]]:
    """Names and versions. The manifest is a label, which anybody can put on an image."""
    found = manifest.get(field, {})
    if not isinstance(found, dict) or not all(
        isinstance(text, str) and text.isprintable() and text.partition(":")[0]
        for pair in found.items()
        for text in pair
    ):
        raise ImageError(f"the image's list of {field} cannot be read", code="no-manifest")
    return sorted(found.items())
