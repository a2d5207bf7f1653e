"""The engine's images: found, made, moved and removed."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from docker.errors import ImageNotFound, NotFound

from xbuild.engine.api import Image, Layer
from xbuild.engine.docker.client import Client, asking, drain
from xbuild.errors import EngineError, ImageError
from xbuild.util.tar import END, tar_member


class ImageStore:
    """See :class:`xbuild.engine.api.Engine`, of which this is the part about images.

    :ivar client: the connection.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._api = client.api
        self._bulk = client.bulk

    def image(self, reference: str) -> Image | None:
        with asking(f"looking for image {reference}"):
            try:
                return _image(self._api.inspect_image(reference))
            except (ImageNotFound, NotFound):
                return None

    def images(self, label: str) -> tuple[Image, ...]:
        with asking("listing images"):
            found = self._api.images(filters={"label": [label]})
        identifiers = dict.fromkeys(item["Id"] for item in found)
        return tuple(image for image in map(self.image, identifiers) if image)

    def add_layer(
        self, parent: Image | None, layer: Layer, *, config: Mapping[str, Any], architecture: str, tag: str
    ) -> Image:
        below = parent.layers if parent else ()
        document = {
            "architecture": architecture,
            "os": "linux",
            "config": dict(config),
            "created": "1970-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [*below, layer.diff_id]},
            "history": [],
        }
        body = json.dumps(document, sort_keys=True).encode()
        try:
            return self._load_tagged(_docker_archive(body, len(below), layer, tag), tag)
        except EngineError:
            if parent is None:
                raise
            return self._commit_layer(parent, layer, config, tag)

    def _load_tagged(self, chunks: Iterable[bytes], tag: str) -> Image:
        for image in self.load(chunks):
            if tag in image.tags:
                return image
        raise EngineError(f"the engine took {tag} and does not have it", code="engine-failed")

    def _commit_layer(self, parent: Image, layer: Layer, config: Mapping[str, Any], tag: str) -> Image:
        """For engines that do not load an archive that leaves out the layers they have."""
        repository, _, name = tag.rpartition(":")
        with asking(f"making image {tag}"):
            made = self._api.create_container(parent.id, command=["/bin/true"])["Id"]
            try:
                with layer.path.open("rb") as stream:
                    self._bulk.put_archive(made, "/", iter(lambda: stream.read(1 << 20), b""))
                self._bulk.commit(made, repository=repository, tag=name, conf=dict(config))
            finally:
                self._api.remove_container(made, force=True, v=True)
        image = self.image(tag)
        if image is None:
            raise EngineError(f"the engine took {tag} and does not have it", code="engine-failed")
        return image

    def tag(self, image_id: str, tag: str) -> None:
        repository, _, name = tag.rpartition(":")
        with asking(f"tagging {tag}"):
            self._api.tag(image_id, repository, name, force=True)

    def remove_image(self, reference: str, *, force: bool = False) -> None:
        with asking(f"removing image {reference}"):
            try:
                self._api.remove_image(reference, force=force)
            except (ImageNotFound, NotFound):
                return

    def pull(self, reference: str, *, platform: str = "") -> Image:
        repository, tag = _split_reference(reference)
        with asking(f"pulling {reference}"):
            try:
                stream = self._bulk.pull(
                    repository, tag=tag or None, platform=platform or None, stream=True, decode=True
                )
                drain(stream, lambda _: None)
            except NotFound as error:
                text = str(error.explanation or error)
                raise ImageError(
                    f"no registry has {reference}", details=text, code="image-missing"
                ) from error
        image = self.image(reference)
        if image is None:
            raise EngineError(f"pulled {reference}, and the engine does not have it", code="engine-failed")
        return image

    def push(self, reference: str, *, on_progress: Callable[[str], None]) -> None:
        repository, tag = _split_reference(reference)
        with asking(f"pushing {reference}"):
            drain(self._bulk.push(repository, tag=tag or None, stream=True, decode=True), on_progress)

    def save(self, references: Sequence[str]) -> Iterator[bytes]:
        with asking("saving images"):
            response = self._bulk._get(  # the SDK has no call for more than one image
                self._bulk._url("/images/get"),
                params={"names": list(references)},
                stream=True,
            )
            response.raise_for_status()
            yield from response.iter_content(1 << 20)

    def load(self, chunks: Iterable[bytes]) -> tuple[Image, ...]:
        loaded: list[str] = []

        def note(text: str) -> None:
            head, _, name = text.strip().partition(": ")
            if head in {"Loaded image ID", "Loaded image"}:
                loaded.append(name)

        with asking("loading images"):
            drain(self._bulk.load_image(chunks), note)
        return tuple(image for image in map(self.image, loaded) if image)


def _image(raw: Mapping[str, Any]) -> Image:
    config = raw.get("Config") or {}
    return Image(
        id=raw["Id"],
        tags=tuple(raw.get("RepoTags") or ()),
        labels=dict(config.get("Labels") or {}),
        layers=tuple((raw.get("RootFS") or {}).get("Layers") or ()),
        config=config,
        size=int(raw.get("Size", 0)),
        created=str(raw.get("Created", "")),
        repo_digests=tuple(raw.get("RepoDigests") or ()),
    )


def _split_reference(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest, of an image reference."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    head, _, tail = reference.rpartition(":")
    return (head, tail) if head and "/" not in tail else (reference, "")


def _docker_archive(config: bytes, below: int, layer: Layer, tag: str) -> Iterator[bytes]:
    """An archive for ``docker load`` that holds the configuration and the newest layer only.

    The engine looks each layer up by its chain before it reads the archive, so layers that it has need not be
    in there (moby, image/tarexport/load.go).
    """
    manifest = [
        {
            "Config": "config.json",
            "RepoTags": [tag],
            "Layers": [*(f"present-{number}/layer.tar" for number in range(below)), "layer.tar"],
        }
    ]
    for name, body in (("config.json", config), ("manifest.json", json.dumps(manifest).encode())):
        yield from tar_member(_sized(name, len(body)), (body,))
    with layer.path.open("rb") as stream:
        size = layer.path.stat().st_size
        yield from tar_member(_sized("layer.tar", size), iter(lambda: stream.read(1 << 20), b""))
    yield END


def _sized(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info
